"""The evidence: each paper with its findings, and how each finding fares in the committed results of the study."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from exude.cascade import ALL, DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.catalog.schema import Finding
from exude.show import words
from generate import markup
from generate.catalogue import addresses, cited
from generate.markup import code, plain, table

FOLDER = "evidence"
RESULTS = Path(__file__).parent.parent / "results.md"
"""Written by docs/make_results.py from a full study: the one place where verdicts are committed."""
DEFAULT = "default"
"""How the results name the mechanism that is used unless a rival is asked for."""
WAITING = "Not scored yet"
"""How the rule of a finding begins that could be scored and that no dish reads."""
NO_DISH = "no dish reads it so far"
INDEX = """# The evidence

{papers} papers with {findings} findings. The role of each was decided before any fitting: *fit* (the fit may look at it)
or *hold-out* (it may not, and the code refuses). {scored} findings are scored by rows of `exude reproduce`; a finding that is not says why.

| rows under the default mechanism | how many |
|---|---|
{counts}

*Weak*: most parameter sets fitted to nothing pass the row too, so agreement says little. Verdicts are those of the last
full study ({{doc}}`/results`); how they come about: {{doc}}`/fit`.

"""


@cache
def rows(page: Path = RESULTS) -> tuple[Mapping[str, str], ...]:
    """Rows of the table of results, by the names of its columns; ValueError where the page holds no such table."""
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    if not cells or "verdict" not in cells[0]:
        raise ValueError(f"{page.name}: no table with a column 'verdict'. Run docs/make_results.py.")
    head = [name.strip("| ") for name in cells[0]]
    return tuple(dict(zip(head, row, strict=True)) for row in cells[2:] if len(row) == len(head))


def fares(finding: str) -> list[Mapping[str, str]]:
    """Rows about one finding, the default mechanism first."""
    return [row for row in rows() if row["finding"] == finding]


def verdict(finding: Finding) -> str:
    """How a finding fares under the default mechanism, in a word or two."""
    mine = [row for row in fares(finding.id) if row["mechanism"] == DEFAULT]
    if mine:
        return mine[0]["verdict"]
    if finding.statement:
        return "not in the last study"
    return NO_DISH if finding.rule.startswith(WAITING) else "not scored"


def pages() -> dict[str, str]:
    """Every page of the evidence by path."""
    return {
        f"{FOLDER}/index.md": index_page(),
        f"{FOLDER}/papers.md": papers_page(),
        f"{FOLDER}/mechanisms.md": mechanisms_page(),
    }


def index_page() -> str:
    """Counts, and the findings that are scored."""
    own = [row for row in rows() if row["mechanism"] == DEFAULT]
    verdicts = Counter(_word(row) for row in own)
    counts = "\n".join(f"| {markup.mark(word, word.partition(',')[0])} | {n} |" for word, n in verdicts.most_common())
    found = read.findings()
    scored = [(s, f) for s, f in found.values() if f.statement]
    text = INDEX.format(papers=len(read.evidence()), findings=len(found), scored=len(scored), counts=counts)
    text += "## Scored findings\n\n" + table(("statement", "finding", "says", "reported", "predicted (95 %)", "role", "verdict"), (
        (plain(row["statement"]), markup.link(f"finding-{row['finding']}", row["finding"]), plain(row["says"]),
         plain(words.relation(found[row["finding"]][1].relation)), plain(row["predicted (95 %)"]), row["role"], _mark(row))
        for row in own
    ), "scored")  # fmt: skip
    waiting = [(s, f) for s, f in found.values() if verdict(f) in (NO_DISH, "not in the last study")]
    text += (
        "\n## Findings that wait\n\nThey could be scored; no experiment of the study reads them so far.\n\n"
        + table(
            ("finding", "paper", "says", "role"),
            ((markup.link(f"finding-{f.id}", f.id), markup.source(s), plain(f.says), f.role) for s, f in waiting),
        )
    )
    return markup.wide(text + markup.toctree(("papers", "mechanisms")))


def _word(row: Mapping[str, str]) -> str:
    return f"{row['verdict']}, weak" if "weak:" in row["why"] else row["verdict"]


def _mark(row: Mapping[str, str]) -> str:
    return markup.mark(_word(row), row["verdict"]) + markup.small(plain(row["why"]))


def papers_page() -> str:
    """Every paper with all of its findings."""
    head = (
        "# Papers and their findings\n\nEach finding as it was read: what it says, in which cells, under which condition, what it "
        "claims, its role, the rule behind its verdict, and how it fares.\n"
    )
    return head + "".join(paper_section(key) for key in sorted(read.evidence(), key=str.casefold))


def paper_section(key: str) -> str:
    """One paper."""
    paper = read.evidence()[key]
    entry = read.references().get(key, {})
    where = ". ".join(filter(None, (plain(cited(entry)), addresses(entry))))
    notes = f"\n{plain(paper.notes)}\n" if paper.notes else ""
    return f"\n(paper-{key})=\n## {plain(key)}\n\n{where}\n{notes}\n" + "".join(finding_part(f) for f in paper.findings)


def finding_part(finding: Finding) -> str:
    """One finding with its role, claim and verdict."""
    word = verdict(finding)
    head = f"{markup.target(f'finding-{finding.id}', f'**{plain(finding.id)}**')} {markup.mark(finding.role, finding.role)} "
    facts = {
        "claims": words.relation(finding.relation), "assay": finding.assay, "in": ", ".join(finding.lines),
        "condition": " and ".join(finding.condition), "as stated": finding.condition_seen,
        "against": " and ".join(finding.reference_condition), "rule": finding.rule,
        "read": f"{words.SEEN[finding.seen]}; {finding.place}",
    }  # fmt: skip
    lines = [f"{name}: {plain(text)}" for name, text in facts.items() if text not in ("", "relation")]
    against = ", ".join(_finding_link(other) for other in finding.contradicts)
    lines += [f"contradicts: {against}"] if against else []
    lines += [_said(row) for row in fares(finding.id)]
    body = "\n".join(f"- {line}" for line in lines)
    return f"{head}{markup.mark(word, word.split()[0] if word != NO_DISH else 'waits')} {plain(finding.says)}\n\n{body}\n\n"


def _finding_link(name: str) -> str:
    return markup.link(f"finding-{name}", name) if name in read.findings() else plain(name)


def _said(row: Mapping[str, str]) -> str:
    mechanism = DEFAULT_HYPOTHESIS if row["mechanism"] == DEFAULT else row["mechanism"]
    return (
        f"row {code(row['statement'])} under {code(mechanism)}: {markup.mark(_word(row), row['verdict'])} "
        f"predicted {plain(row['predicted (95 %)'])}; {plain(row['why'])}"
    )


def mechanisms_page() -> str:
    """Rival mechanisms with what each sets, and how it fares on the rows that tell it from the default."""
    parts = [
        "# Rival mechanisms\n\nWhere the literature disagrees, both mechanisms stay in, as data: parameters that differ. Choose one "
        f"with `--hypothesis` or `Settings(hypothesis=...)`; {code(DEFAULT_HYPOTHESIS)} is used otherwise.\n"
    ]
    for h in ALL.hypotheses:
        sets = (
            ", ".join(f"{markup.link(markup.number_place(k), code(k))} = {v:g}" for k, v in h.values.items())
            or "the default"
        )
        because = f"\n\nBecause: {markup.cited(h.because)}." if h.because else ""
        name = DEFAULT if h.name == DEFAULT_HYPOTHESIS else h.name
        mine = [row for row in rows() if row["mechanism"] == name] if name != DEFAULT else _beside()
        told = table(("statement", "finding", "says", "predicted (95 %)", "verdict"), (
            (row["statement"], _finding_link(row["finding"]), plain(row["says"]), plain(row["predicted (95 %)"]), _mark(row))
            for row in mine
        ))  # fmt: skip
        parts.append(f"\n(mechanism-{h.name})=\n## {h.name}\n\n{plain(h.says)} Sets {sets}.{because}\n\n")
        parts.append(told or "No row of the last study was run under it.\n")
    return markup.wide("".join(parts))


def _beside() -> list[Mapping[str, str]]:
    """Rows of the default mechanism on the findings that rivals were run for, too."""
    rivals = {row["finding"] for row in rows() if row["mechanism"] != DEFAULT}
    return [row for row in rows() if row["mechanism"] == DEFAULT and row["finding"] in rivals]
