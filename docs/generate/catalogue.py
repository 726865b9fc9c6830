"""Pages of the catalogue: lines, drugs, what can be done to cells, assays, quantities of the literature, references."""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from functools import cache

from exude.catalog import read
from exude.catalog.schema import CellLine, Drug, Effect, Number
from exude.cli.simulate import FORMS
from exude.experiment.perturbations import MUTANTS
from exude.show import lists, words
from generate import markup, numbers
from generate.markup import code, plain, table, typed

FOLDER = "catalogue"
INDEX = """# Lines, drugs, numbers, references

Every number that the program reads, with value, unit, spread, status, source, place in the source, how it was obtained
and what a second, independent reading found. The numbers that equations read stand with
[the chapters of the biology](../biology/index.md); here stands the rest. What the tables are and how to add to them:
{{doc}}`/catalogue`.

| what | how many | of these |
|---|---|---|
{counts}

"""
SYMBOL = re.compile(r"[^a-z0-9]+")


def pages() -> dict[str, str]:
    """Every page of the catalogue by path."""
    made = {"lines": lines_page(), "drugs": drugs_page(), "perturbations": perturbations_page(), "assays": assays_page(),
            "literature": literature_page(), "references": references_page()}  # fmt: skip
    return {f"{FOLDER}/{name}.md": text for name, text in made.items()} | {f"{FOLDER}/index.md": index_page(list(made))}


def index_page(names: list[str]) -> str:
    """What the catalogue holds, counted."""

    def statuses(of: Mapping[str, Number]) -> str:
        return ", ".join(f"{n} {status}" for status, n in Counter(x.status for x in of.values()).most_common())

    rows = (
        ("parameters", len(read.parameters()), statuses(read.parameters())),
        ("quantities of the literature", len(read.literature()), statuses(read.literature())),
        ("cell lines", len(read.lines()), f"{sum(len(x.levels) for x in read.lines().values())} protein levels"),
        ("drugs and stimuli", len(read.drugs()), ", ".join(sorted(read.drugs()))),
        ("findings", len(read.findings()), f"of {len(read.evidence())} papers"),
        ("second readings", len(read.readings()), f"{sum(not r.agrees for r in read.readings().values())} differ, and say why"),
        ("references", len(read.references()), ""),
    )  # fmt: skip
    counts = "\n".join(f"| {what} | {count} | {plain(of)} |" for what, count, of in rows)
    return INDEX.format(counts=counts) + markup.toctree(names)


def lines_page() -> str:
    """Cell lines: all levels side by side, then each line with the origin of its levels."""
    lines = read.lines()
    genes = list(dict.fromkeys(gene for line in lines.values() for gene in line.levels))
    rows = ((code(gene), *(_level(line, gene) for line in lines.values())) for gene in genes)
    text = (
        "# Cell lines\n\nAmounts of proteins relative to the reference line. A level is "
        "what a line's RNA or protein tables say beside the reference's; where there is none it is assumed. "
        f"Those in {markup.mark('a frame', 'assumed')} are assumed.\n\n"
        + table(("gene", *(f"[{name}](#{_place(name)})" for name in lines)), rows, "levels")
    )
    return markup.wide(text + "".join(line_section(line) for line in lines.values()))


def _place(line: str) -> str:
    return f"line-{line}"


def _level(line: CellLine, gene: str) -> str:
    level = line.levels.get(gene)
    return (
        ""
        if level is None
        else markup.mark(f"{level.value:.3g}", level.status)
        if level.status == "assumed"
        else f"{level.value:.3g}"
    )


def line_section(line: CellLine) -> str:
    """One line with the level of each protein and its origin."""
    also = f" Also called {plain(', '.join(line.aliases))}." if line.aliases else ""
    facts = f"{plain(line.tissue)}; {plain(line.origin)}; {plain(line.aggressiveness)}; relative to {plain(line.reference)}.{also}"
    rows = (
        (
            *numbers.row(f"level-{line.name}-{gene}", gene, n, f"cells/{line.name}/{gene}"),
            f"{n.rna_tpm:g} TPM" if n.rna_tpm is not None else "", f"{n.protein_log10:g}" if n.protein_log10 is not None else "",
            plain(n.conflict),
        )
        for gene, n in line.levels.items()
    )  # fmt: skip
    head = (*numbers.HEAD, "RNA", "protein, log10", "where they disagree")
    notes = f"\n{plain(line.notes)}\n" if line.notes else ""
    return f"\n({_place(line.name)})=\n## {line.name}\n\n{facts}\n{notes}\n{table(head, rows, numbers.NUMBERS)}"


def drugs_page() -> str:
    """Drugs and stimuli: what each acts on, how, at which doses."""
    text = (
        "# Drugs and stimuli\n\nA dose d acts on its target as maximum × dʰ / (potencyʰ + dʰ), h the slope. "
        "*inhibit* lowers the target, *activate* raises it, *add* adds the effect to it, *chelate* takes calcium away. "
        "Numbers of drugs in a body, their elimination and volumes, stand in [Drugs in a tissue](../biology/drugs.md).\n"
    )
    ordered = sorted(read.drugs().values(), key=lambda drug: (drug.kind != "drug", drug.name.lower()))
    return markup.wide(text + "".join(drug_section(drug) for drug in ordered))


def drug_section(drug: Drug) -> str:
    """One drug with its effects and their origin."""
    also = f", also called {plain(', '.join(drug.aliases))}" if drug.aliases else ""
    notes = f"\n{plain(drug.notes)}\n" if drug.notes else ""
    head = f"\n(drug-{SYMBOL.sub('-', drug.name.lower())})=\n## {drug.name}\n\n{plain(drug.summary)}\n\n"
    kind = f"A {drug.kind}{also}. Usual dose: {plain(drug.usual_dose)}.\n{notes}\n"
    rows = (row for effect in drug.effects for row in _effect(drug, effect))
    return head + kind + table(("acts on", *numbers.HEAD), rows, "effects")


def _effect(drug: Drug, effect: Effect) -> list[tuple[str, ...]]:
    off = " " + markup.mark("off target", "differs") if effect.off_target else ""
    what = f"{code(effect.target)}: {effect.mode}{off}" + markup.small(plain(effect.note))
    slug = SYMBOL.sub("-", f"{drug.name}-{effect.target}".lower())
    made = []
    for name in ("potency", "hill", "maximum"):
        row = numbers.row(f"effect-{slug}-{effect.mode}-{name}", name, getattr(effect, name), "")
        made.append(("" if made else what, *row))
    return made


def perturbations_page() -> str:
    """What can be done to cells, in Python and at the command line, with genes and mutants."""
    forms = ((code(f"--{kind} {form}"), typed(text)) for kind, (form, text) in FORMS.items())
    genes = lists.genes()
    found = read.identifiers()
    rows = ((markup.target(f"gene-{gene}", code(gene)), plain(meaning), chapter, _databases(gene) if gene in found else "")
            for gene, chapter, meaning in genes.rows)  # fmt: skip
    mutants = ((code(gene), code(name), ", ".join(f"{code(k)} = {v:g}" for k, v in sets.items()) or "wild type")
               for gene, known in MUTANTS.items() for name, sets in known.items())  # fmt: skip
    return (
        "# What can be done to cells\n\nPerturbations combine in any number and order. As options of `exude simulate`, `exude "
        "export` and others; the same as objects in Python stand in [the reference](../reference/perturbations.md).\n\n"
        f"{table(('option', 'what it does'), forms)}\n## Mutants for a rescue\n\n{table(('gene', 'mutant', 'sets'), mutants)}\n"
        f"## Genes\n\nWhat knock-down, knock-out, overexpression and rescue may name.\n\n"
        f"{table(('gene', 'what it is', 'chapter', 'in databases'), rows)}"
    )


def _databases(name: str) -> str:
    return ", ".join(f"[{plain(term)}](https://identifiers.org/{term})" for term in read.identifiers()[name].terms)


def assays_page() -> str:
    """Assays, and the numbers that only assays and the ways of running read."""
    rows = ((code(name), of, plain(what)) for name, of, what in lists.assays().rows)
    text = (
        "# Assays\n\nWhat one reads of a run: each assay has an observable, a noisy measurement and a likelihood "
        "({doc}`/assays`).\n\n"
        + table(("assay", "of", "what it reads"), rows)
        + "\n## Numbers of assays and of set-ups\n\n"
    )
    return markup.wide(text + numbers.numbers_table("assays"))


@cache
def quantities() -> Mapping[str, Mapping[str, Number]]:
    """Table of the literature -> its quantities by name."""
    folder = read.data() / "parameters" / "literature"
    files = sorted(f.name.removesuffix(".toml") for f in folder.iterdir() if f.name.endswith(".toml"))
    found = {
        file: {
            name: read.literature()[name]
            for name in tomllib.loads((folder / f"{file}.toml").read_text(encoding="utf-8"))
        }
        for file in files
    }
    return found


def literature_page() -> str:
    """Quantities of the literature, by the table they stand in."""
    parts = [
        "# Quantities of the literature\n\nUsable numbers that were seen in papers. Parameters are chosen from them; most are "
        "not read by the model yet. A parameter that rests on some says so (*backed by*).\n"
    ]
    for file, found in quantities().items():
        rows = (numbers.row(markup.quantity_place(name), name, n, f"{file}/{name}") for name, n in found.items())
        parts.append(f"\n## {file.capitalize()}\n\n{table(numbers.HEAD, rows, numbers.NUMBERS)}")
    return markup.wide("".join(parts))


def references_page() -> str:
    """References as far as they were seen."""
    rows = (
        (
            markup.target(markup.reference_place(key), plain(key)), plain(cited(entry)), addresses(entry),
            plain(entry.get("note", "")), f"[findings](#paper-{key})" if key in read.evidence() else "",
        )
        for key, entry in read.references().items()
    )  # fmt: skip
    text = (
        "# References\n\nOnly what was seen is filled in: titles and other details are left out and nothing was completed from "
        "memory. *Seen* says how much of a source was read.\n\n"
    )
    return markup.wide(text + table(("key", "author, year, place", "address", "note", "findings"), rows, "references"))


def cited(entry: Mapping[str, str]) -> str:
    """Author, year and place of a reference."""
    place = " ".join(p for p in (entry.get("journal", ""), entry.get("volume", "")) if p)
    pages_ = entry.get("pages", "").replace("--", "–")
    place = ":".join(p for p in (place, pages_) if p)
    return ". ".join(p for p in (entry.get("author", "").replace(" and ", ", "), entry.get("year", ""), place) if p)


def addresses(entry: Mapping[str, str]) -> str:
    """Addresses of a reference as links."""
    made = [
        f"[{name} {plain(entry[name])}]({base}{entry[name]})"
        for name, base in markup.RESOLVERS.items()
        if entry.get(name)
    ]
    made += [f"[address]({entry['url']})"] if entry.get("url") else []
    return ", ".join(made) or plain(words.identifier(entry))
