"""The site: nothing declared or measured is missing from it, equations mean what is run, it builds, and needs nobody else."""

import math
import re
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from importlib import import_module
from pathlib import Path
from urllib.parse import unquote

import numpy as np
import pytest

import exude
from exude.cascade import ALL, DEFAULT_HYPOTHESIS, MODELS
from exude.cascade.body import PATIENT
from exude.cascade.host import HOST, PORTS
from exude.catalog import read
from exude.cli.main import parser
from exude.derive import grammar

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
sys.path.insert(0, str(DOCS))
commands, declared, docstrings, evidence, latex, markup, mathml, pages = (
    import_module(f"generate.{name}")
    for name in ("commands", "declared", "docstrings", "evidence", "latex", "markup", "mathml", "pages")
)
CHROMIUM = Path("/usr/bin/chromium")
WATCHED = (
    "index",
    "validity",
    "generated/biology/endosomes",
    "generated/evidence/mechanisms",
    "generated/reference/calcium",
)
"""Pages of every sort, none of the longest: axe looks at each of their elements."""


@pytest.fixture(scope="module")
def made() -> dict[str, str]:
    return pages.made()


def targets(texts: dict[str, str]) -> Counter[str]:
    """How often each place that links lead to is on the pages."""
    inline = (name for text in texts.values() for name in re.findall(r"\{#([^}]+)\}", text))
    blocks = (name for text in texts.values() for name in re.findall(r"^\((.+)\)=$", text, re.MULTILINE))
    return Counter([*inline, *blocks])


def without(texts: dict[str, str], gone: str) -> dict[str, str]:
    """A planted fault: the pages without one text."""
    assert any(gone in text for text in texts.values()), gone
    return {path: text.replace(gone, "") for path, text in texts.items()}


# -- numbers ----------------------------------------------------------------------------------------------------------


def wrong_numbers(texts: dict[str, str]) -> list[str]:
    """Parameters that do not stand on exactly one page."""
    there = targets(texts)
    return [name for name in read.parameters() if there[f"number-{name}"] != 1]


def test_every_parameter_stands_on_exactly_one_page(made):
    assert len(read.parameters()) > 300
    assert wrong_numbers(made) == []
    assert wrong_numbers(without(made, "{#number-half_c2a}")) == ["half_c2a"]
    doubled = made | {"twice.md": made["biology/effectors.md"]}
    assert "half_c2a" in wrong_numbers(doubled)


def test_a_parameter_is_told_in_full(made):
    (line,) = (x for x in made["biology/calcium.md"].splitlines() if "{#number-k_leak}" in x)
    number = read.parameter("k_leak")
    assert f"{number.value:g} 1/s" in line
    assert "{.mark .derived}" in line
    assert "https://doi.org/" in line and "{.mark .agrees}" in line
    (line,) = (x for x in made["biology/calcium.md"].splitlines() if "{#number-store_share}" in x)
    assert "{.mark .assumed}" in line and "https://" not in line


def test_every_second_reading_that_differs_is_shown(made):
    told = {
        f"number-{k.partition('/')[2]}"
        for k, r in read.readings().items()
        if k.startswith("parameters/") and not r.agrees
    }
    rows = {
        re.search(r"\{#([^}]+)\}", x)[1] for text in made.values() for x in text.splitlines() if "{.mark .differs}" in x
    }
    assert len(told) > 3
    assert {name for name in told if name.removeprefix("number-") in read.parameters()} <= rows


def test_literature_lines_drugs_references_are_all_there(made):
    there = targets(made)
    wanted = [f"quantity-{name}" for name in read.literature()] + [f"reference-{key}" for key in read.references()]
    wanted += [f"line-{name}" for name in read.lines()]
    wanted += [f"level-{line.name}-{gene}" for line in read.lines().values() for gene in line.levels]
    assert [name for name in wanted if there[name] != 1] == []
    assert all(f"## {drug}\n" in made["catalogue/drugs.md"] for drug in read.drugs())
    effects = sum(len(drug.effects) for drug in read.drugs().values())
    assert sum(name.startswith("effect-") and name.endswith("-potency") for name in there) == effects


# -- declarations -----------------------------------------------------------------------------------------------------


def declarations() -> set[tuple[str, str]]:
    """(name of its place, what it is) of everything declared, found without the module that writes the pages."""
    found = set()
    chapters = {c.name: c for c in (*ALL.chapters, *(c for m in MODELS.values() for c in m.chapters))}
    for name, chapter in chapters.items():
        for kind in ("definitions", "traces", "fields", "pools", "deposits"):
            found |= {(f"{name}-{x.symbol}", kind) for x in getattr(chapter, kind)}
        for kind in ("reactions", "events", "kinds"):
            found |= {(f"{name}-step-{x.name}", kind) for x in getattr(chapter, kind)}
        found |= {(f"{name}-level-{x.symbol}", "levels") for x in chapter.levels}
        found |= {(f"{name}-{d.symbol}", "definitions") for bond in chapter.bonds for d in bond.definitions}
        if chapter.life_cycle:
            found |= {(f"{name}-step-{t.name}", "transitions") for t in chapter.life_cycle.transitions}
    for body in (PATIENT, HOST):
        found |= {(f"body-{x.symbol}", kind) for kind in ("stocks", "definitions") for x in getattr(body, kind)}
        found |= {(f"body-level-{x.symbol}", "levels") for x in body.levels}
        found |= {(f"body-step-{f.name}", "flows") for f in body.flows}
    return found | {(f"host-{p.stock}", "ports") for p in PORTS}


def missing(texts: dict[str, str]) -> list[str]:
    there = targets(texts)
    return sorted(f"{kind}: {place}" for place, kind in declarations() if not there[place.replace(" ", "-")])


def test_everything_declared_stands_on_a_page(made):
    assert len(declarations()) > 300
    assert missing(made) == []
    assert missing(without(made, "(effectors-c2a)=")) == ["definitions: effectors-c2a"]
    assert missing(without(made, "{#endosomes-step-docking}")) == ["transitions: endosomes-step-docking"]


def test_every_paper_behind_a_declaration_is_named(made):
    cycle = ALL.life_cycle
    for page, things in (
        ("endosomes", cycle.transitions),
        ("immunity", ALL.chapters[-2].events),
        ("body", PATIENT.flows),
    ):
        for key in {key for thing in things for key in thing.because}:
            assert f"[{key}](" in made[f"biology/{page}.md"], f"{page} does not name {key}"


def test_every_chapter_module_has_a_page():
    modules = {p.stem for p in (ROOT / "src" / "exude" / "cascade").glob("*.py")} - {"__init__"}
    assert set(declared.CHAPTERS) == modules


def test_every_table_has_rows_and_every_column_a_name(made):
    heads = [head for text in made.values() for head in re.findall(r"^(\|.*\|)\n\| ?---", text, re.MULTILINE)]
    assert len(heads) > 150
    assert [head for head in heads if "|  |" in head or head.count("|") < 3] == []


# -- equations --------------------------------------------------------------------------------------------------------


def texts() -> list[str]:
    return sorted({text for name in declared.CHAPTERS for text in declared.texts_of(name)})


def plain_python(tex: str) -> str:
    """LaTeX of the site as Python, by other means than those that wrote it: braces and brackets alone decide."""
    tex = re.sub(r"\\text\{(\w+)\}", r"\1", tex).replace(r"\cdot", "*").replace(r"\left", "").replace(r"\right", "")
    while (at := tex.find(r"\frac{")) >= 0:
        middle = closing(tex, at + 5) + 1
        end = closing(tex, middle)
        tex = f"{tex[:at]}(({tex[at + 6 : middle - 1]})/({tex[middle + 1 : end]})){tex[end + 1 :]}"
    return tex.replace(r"\sqrt", "sqrt").replace("^", "**").replace("{", "(").replace("}", ")")


def closing(tex: str, at: int) -> int:
    """Place of the brace that closes the one at a place."""
    depth = 0
    for i in range(at, len(tex)):
        depth += (tex[i] == "{") - (tex[i] == "}")
        if depth == 0:
            return i
    raise AssertionError(f"no closing brace in {tex}")


def worth(text: str, tex: str, values: dict[str, float]) -> tuple[float, float]:
    """Value of a rate text by the grammar, and of what is typeset of it."""
    exact = grammar.fold(grammar.parse(text), values.__getitem__, grammar.PLAIN, float)
    try:
        return exact, eval(plain_python(tex), {**grammar.PLAIN, **values, "__builtins__": {}})
    except ZeroDivisionError:
        assert "ratio(" in text  # which is 0 there, as the page on notation says
        return exact, exact


@pytest.mark.parametrize("seed", [1, 2])
def test_an_equation_means_what_is_run(seed):
    rng = np.random.default_rng(seed)
    assert len(texts()) > 300
    for text in texts():
        values = {name: float(rng.uniform(0.3, 2)) for name in grammar.names(grammar.parse(text))}
        exact, shown = worth(text, latex.typeset(text).text, values)
        assert math.isclose(exact, shown, rel_tol=1e-12), text


@pytest.mark.parametrize("text", ["-a ** 2", "(-a) ** 2", "a - (b - c)", "a / (b / c)", "a / b / c", "(a + b) * -c", "a * (b / c) * a",
                                  "hill(a + b, c, 2)", "fall(a, b * c, b)", "(a ** b) ** c", "sqrt(a + b) ** 2", "-(a + b) - -c"])  # fmt: skip
def test_brackets_stand_where_they_must(text):
    values = {"a": 1.3, "b": 0.7, "c": 2.1}
    exact, shown = worth(text, latex.typeset(text).text, values)
    assert math.isclose(exact, shown, rel_tol=1e-12)


def test_a_long_equation_is_broken_and_loses_nothing():
    parts = " + ".join(f"a_rather_long_name_{i} * another_one_{i}" for i in range(6))
    whole = latex.equation(latex.symbol("y"), latex.typeset(parts), "1/s")
    lines = whole.split("\\\\\n")
    assert len(lines) > 2 and all(line.count("&") == 1 for line in lines)
    joined = " ".join(line.split("&")[1].strip() for line in lines).removeprefix("=").partition(r" \quad")[0]
    assert joined.replace(" ", "") == latex.typeset(parts).text.replace(" ", "")
    assert mathml.block(whole).count("<mtr>") == len(lines)


# -- evidence ---------------------------------------------------------------------------------------------------------


def unsaid(text: str) -> list[str]:
    """Findings that do not stand on the page of papers with what became of them."""
    return [
        f.id
        for _, f in read.findings().values()
        if not re.search(rf"\{{#finding-{re.escape(f.id)}\}}[^\n]*\[{re.escape(evidence.verdict(f))}\]\{{\.mark", text)
    ]


def test_every_finding_appears_with_its_verdict(made):
    page = made["evidence/papers.md"]
    assert len(read.findings()) > 200
    assert unsaid(page) == []
    assert unsaid(page.replace("[disagrees]{.mark .disagrees}", "[agrees]{.mark .agrees}")) != []
    assert unsaid(page.replace("{#finding-M1}", "")) == ["M1"]


def test_what_no_dish_reads_says_so(made):
    waiting = [f.id for _, f in read.findings().values() if not f.statement and f.rule.startswith("Not scored yet")]
    assert waiting
    for name in waiting:
        assert evidence.verdict(read.findings()[name][1]) == evidence.NO_DISH
        assert f"(#finding-{name})" in made["evidence/index.md"]


def test_every_row_of_the_results_is_read(tmp_path):
    text = evidence.RESULTS.read_text(encoding="utf-8")
    (said,) = re.findall(r"\((\d+) rows\)", text)
    assert len(evidence.rows()) == int(said)
    assert {row["finding"] for row in evidence.rows()} <= set(read.findings())
    assert {row["verdict"] for row in evidence.rows()} == {"agrees", "disagrees", "not scored"}
    names = {h.name for h in ALL.hypotheses} - {DEFAULT_HYPOTHESIS}
    assert {row["mechanism"] for row in evidence.rows()} <= {evidence.DEFAULT, *names}
    empty = tmp_path / "results.md"
    empty.write_text("# nothing\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"make_results\.py"):
        evidence.rows(empty)


def test_validity_names_every_disagreement():
    page = (DOCS / "validity.md").read_text(encoding="utf-8")
    own = [row for row in evidence.rows() if row["mechanism"] == evidence.DEFAULT]
    assert [row["finding"] for row in own if row["verdict"] == "disagrees" and f"({row['finding']})" not in page] == []
    agreeing = [row for row in own if row["verdict"] == "agrees"]
    assert sum("weak:" in row["why"] for row in agreeing) > len(agreeing) / 2  # as the page says


# -- reference --------------------------------------------------------------------------------------------------------


def test_every_public_name_and_command_has_its_place(made):
    there = Counter(re.findall(r"^\.\. auto\w+:: exude\.(\w+)$", "\n".join(made.values()), re.MULTILINE))
    assert there == Counter(exude.__all__)
    names = [name for name, _, _ in commands.commands(parser())]
    assert len(names) > 8
    assert all(f"(command-{name})=" in made[commands.PATH] for name in names)
    options = [
        o for _, p, _ in commands.commands(parser()) for a in p._actions for o in a.option_strings if o.startswith("--")
    ]
    assert [o for o in options if o not in made[commands.PATH] and o != "--help"] == []


def test_docstrings_become_lists_and_parts():
    doc = "Do it. Raises UnitError.\n\nline: of cells. seed: `1` for short.\nWhat follows is of the whole.\n\nValid when: a*b holds."
    lines = docstrings.rewritten(doc, ("line", "seed"))
    assert "**Raises** :py:obj:`~exude.errors.UnitError`." in lines
    assert lines[lines.index("``line``") + 1] == "    of cells."
    assert lines[lines.index("``seed``") + 1] == "    ``1`` for short."
    assert "What follows is of the whole." in lines
    assert r"**Valid when** a\*b holds." in lines


def test_a_signature_with_a_factory_can_be_read():
    assert docstrings.readable(None, "class", "x", None, None, "(a: tuple[str, ...] = <factory>)", None) == (
        "(a: tuple[str, ...] = ...)",
        None,
    )


def test_texts_of_the_catalogue_are_not_read_as_markup():

    assert markup.plain("2006. A *b* [c] | d_e `k_1 5 uM` 5 uM") == r"2006\. A \*b\* \[c\] \| d\_e `k_1 5 uM` 5 µM"
    assert markup.typed("add 5 uM") == "add 5 uM"


# -- the site itself --------------------------------------------------------------------------------------------------


class Links(HTMLParser):
    """Links, ids and what a page loads."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.loaded: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.ids.add(given.get("id") or "")
        if tag == "a" and given.get("href"):
            self.links.append(given["href"])
        if tag in ("script", "img", "iframe", "source", "video", "embed") and given.get("src"):
            self.loaded.append(given["src"])
        if tag == "link" and given.get("rel") != "canonical" and given.get("href"):
            self.loaded.append(given["href"])


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    """The site, built once without a warning."""
    out = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-E",
        "-W",
        "--keep-going",
        "-n",
        "-q",
        "-b",
        "html",
        "-d",
        f"{out}/trees",
    ]
    done = subprocess.run([*command, str(DOCS), f"{out}/html"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]
    return out / "html"


@pytest.fixture(scope="module")
def read_pages(site) -> dict[Path, Links]:
    return {path: Links(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def dead(links: dict[Path, Links]) -> list[str]:
    """Links inside the site that lead nowhere."""
    found = []
    for path, page in links.items():
        for link in page.links:
            where, _, part = link.partition("#")
            if re.match(r"[a-z]+:", where):
                continue
            goal = (path.parent / unquote(where)).resolve() if where else path
            fine = goal.is_file() and (not part or goal not in links or unquote(part) in links[goal].ids)
            found += [] if fine else [f"{path.name}: {link}"]
    return found


def test_links_inside_the_site_lead_somewhere(read_pages):
    assert len(read_pages) > 40
    assert dead(read_pages) == []
    some = next(page for page in read_pages.values() if any("#number-" in link for link in page.links))
    some.links.append("index.html#nowhere")
    assert len(dead(read_pages)) == 1
    some.links.pop()


def test_a_page_loads_nothing_from_outside(read_pages):
    assert all(page.loaded for page in read_pages.values())
    outside = [src for page in read_pages.values() for src in page.loaded if re.match(r"(https?:)?//", src)]
    assert outside == []


def test_every_source_page_is_built(site):
    sources = [p.relative_to(DOCS).with_suffix(".html") for p in DOCS.rglob("*.md") if "generate" not in p.parts]
    assert [str(p) for p in sources if not (site / p).is_file()] == []


@pytest.fixture(scope="module")
def browser():
    if not CHROMIUM.exists():
        pytest.skip(f"no browser: {CHROMIUM} is not installed (apt-get install chromium)")
    api = pytest.importorskip("playwright.sync_api", reason="no browser: pip install playwright")
    with api.sync_playwright() as running:
        opened = running.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


def test_search_works_and_no_request_leaves(site, browser):
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{site.as_uri()}/search.html?q=munc13")
    page.wait_for_selector("#search-results li", timeout=20_000)
    assert "effectors" in page.content()
    page.goto(f"{site.as_uri()}/generated/biology/endosomes.html")
    assert page.locator("div.formula math").count() > 5
    page.close()
    assert [url for url in asked if not url.startswith("file:")] == []


def test_no_page_can_be_pushed_sideways(site, browser):
    """At widths on both sides of where the theme puts its columns away."""
    page = browser.new_page()
    for width in (390, 800, 1000, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        for name in WATCHED:
            page.goto(f"{site.as_uri()}/{name}.html")
            assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name} is wider than {width}"
    page.close()


@pytest.mark.parametrize(("width", "scheme"), [(1380, "light"), (390, "dark")])
def test_axe_finds_nothing_serious(site, browser, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    for name in WATCHED:
        page.goto(f"{site.as_uri()}/{name}.html")
        found = axe.run(page).response["violations"]
        serious = [(v["id"], v["nodes"][0]["html"][:200]) for v in found if v["impact"] in ("serious", "critical")]
        assert serious == [], f"{name}, {scheme}"
    page.close()
