"""What `exude list` prints: one table per kind of thing in the catalogue."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from exude.cascade import CELL, TISSUE
from exude.catalog import read
from exude.catalog.schema import Mechanism, Number
from exude.show.tables import Table
from exude.show.words import amount, identifier, relation, spread


def lines() -> Table:
    """Cell lines."""
    rows = [(x.name, x.tissue, _level(x.levels.get("UNC13D")), x.aggressiveness, ", ".join(x.aliases))
            for x in read.lines().values()]  # fmt: skip
    return marked(
        "cell lines",
        read.lines(),
        ("line", "tissue", "Munc13-4 (UNC13D)", "aggressiveness", "also called"),
        tuple(rows),
    )


def marked(
    title: str, things: Mapping[str, object], columns: tuple[str, ...], rows: Sequence[tuple[str, ...]]
) -> Table:
    """A table of rows that begin with a name; where some are of one's own, a column says of which file."""
    files = {name: file for name, thing in things.items() if (file := read.origin(thing))}
    if not files:
        return Table(title, columns, tuple(rows))
    return Table(title, (*columns, "own file"), tuple((*row, files.get(row[0], "–")) for row in rows))


def _level(number: Number | None) -> str:
    return f"{number.value:g} ({number.status})" if number else "–"


def genes() -> Table:
    """Genes a perturbation may name."""
    from exude.experiment.perturbations import genes as known

    meaning = {level.symbol: level.meaning for level in TISSUE.levels}
    chapter = {level.symbol: c.name for c in TISSUE.chapters for level in c.levels}
    mine = read.genes()
    rows = [(g, "own", mine[g].meaning) if g in mine else (g, chapter[g], meaning[g]) for g in known()]
    return marked("genes", mine, ("gene", "chapter", "meaning"), rows)


def drugs(kind: str = "drug") -> Table:
    """Drugs, or stimuli."""
    rows = []
    for x in read.drugs().values():
        if x.kind == kind:
            targets = ", ".join(f"{e.target}{' (off target)' if e.off_target else ''}" for e in x.effects)
            rows.append((x.name, x.usual_dose, targets, x.summary, ", ".join(x.aliases)))
    return marked(f"{kind}s", read.drugs(), (kind, "usual dose", "acts on", "summary", "also called"), rows)


def stimuli() -> Table:
    """Stimuli."""
    table = drugs("stimulus")
    return Table("stimuli", table.columns, table.rows)


def assays() -> Table:
    """Assays."""
    from exude.experiment.assays import ASSAYS
    from exude.experiment.assays.in_bodies import COHORT_ASSAYS
    from exude.experiment.assays.in_space import TISSUE_ASSAYS

    rows = [(name, "cells", first_line(x.__doc__)) for name, x in ASSAYS.items()]
    rows += [(name, "tissue", first_line(x.__doc__)) for name, x in TISSUE_ASSAYS.items()]
    rows += [(name, "cohort", first_line(x.__doc__)) for name, x in COHORT_ASSAYS.items()]
    return Table("assays", ("assay", "of", "what it reads"), tuple(rows))


def first_line(text: str | None) -> str:
    """First sentence of a docstring."""
    return (text or "").strip().split("\n\n")[0].replace("\n", " ")


def parameters() -> Table:
    """Numbers the model reads."""
    return _numbers("parameters", read.parameters(), read.chapter_of())


def literature() -> Table:
    """Usable numbers of the literature."""
    return _numbers("literature", read.literature(), {})


def _numbers(title: str, table: Mapping[str, Number], chapter: Mapping[str, str]) -> Table:
    rows = [
        (
            name,
            amount(n),
            spread(n.spread),
            n.status,
            ", ".join(n.source) or "none",
            *([chapter[name]] if chapter else []),
        )
        for name, n in table.items()
    ]
    return marked(
        title, table, ("name", "value", "spread", "status", "source", *(["chapter"] if chapter else [])), rows
    )


def evidence() -> Table:
    """Findings, those that a row of `exude reproduce` scores first."""
    found = sorted(read.findings().values(), key=lambda pair: (not pair[1].statement, pair[1].statement, pair[0]))
    rows = [(f.id, source, f.role, f.statement or "–", f.assay, relation(f.relation), f.says) for source, f in found]
    papers = {f.id: read.evidence()[source] for source, f in found}
    return marked("evidence", papers, ("finding", "source", "role", "scored in", "assay", "claim", "says"), rows)


def hypotheses() -> Table:
    """Rival mechanisms."""
    rows = [(h.name, h.says, ", ".join(f"{k} = {v:g}" for k, v in h.values.items()) or "the default", ", ".join(h.because))
            for h in CELL.hypotheses]  # fmt: skip
    mine = read.mechanisms()
    rows += [(m.name, m.says, ", ".join(changes(m)), ", ".join(m.because)) for m in mine.values()]
    return marked("rival mechanisms", mine, ("hypothesis", "says", "changes", "because"), rows)


def changes(mechanism: Mechanism) -> list[str]:
    """What a mechanism of one's own changes."""
    return [f"{name} = {value}" for name, value in (*mechanism.values.items(), *mechanism.texts.items())]


def references() -> Table:
    """References of the catalogue."""
    rows = [(key, x.get("author", "–"), x.get("year", "–"), x.get("journal", "–"), identifier(x) or "–")
            for key, x in read.references().items()]  # fmt: skip
    return Table("references", ("key", "author", "year", "journal", "identifier"), tuple(rows))


LISTS: dict[str, Callable[[], Table]] = {
    "lines": lines, "genes": genes, "drugs": drugs, "stimuli": stimuli, "assays": assays, "parameters": parameters,
    "evidence": evidence, "hypotheses": hypotheses, "literature": literature, "references": references,
}  # fmt: skip
"""A table for each word that `exude list` knows."""
