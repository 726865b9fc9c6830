"""Numbers with their origin, what they cannot claim, and what to cite: shared by all reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from exude.catalog import read
from exude.catalog.schema import CellLine, Drug, Number
from exude.show.blocks import Block, Bullets, Grid, Heading, Inline, Paragraph, Row, Span, joined
from exude.show.words import amount, identifier, second_reading, spread, unit
from exude.units import factor_to_internal

COLUMNS = ("symbol", "value", "spread", "status", "source", "how obtained", "second reading")
WIDTHS = (2, 0.95, 1.1, 1.05, 1.45, 2.2, 2.3)
SAME = 1e-12
"""Relative difference below which a number is the catalogue's."""
CITATION = "The exude developers. exude: from calcium to exosomes, each vesicle an individual."
ADDRESS = "https://doi.org/"


def parameter_blocks(symbols: Iterable[str], values: Mapping[str, float] | None = None) -> tuple[Block, ...]:
    """Tables of numbers by chapter, sorted by symbol, assumed ones shaded.

    values: those of a run, internal units; where one is not the catalogue's, both are shown.
    """
    wanted = set(symbols)
    found: list[Block] = []
    for chapter in read.CHAPTERS:
        names = sorted((s for s in wanted if read.chapter_of().get(s) == chapter), key=str.casefold)
        if names:
            rows = tuple(
                _row(name, read.parameters()[name], f"parameters/{name}", _changed(name, values)) for name in names
            )
            found += [
                Heading(chapter.capitalize()),
                Grid(COLUMNS, rows, WIDTHS, label=f"Numbers of the chapter {chapter}"),
            ]
    return tuple(found)


def level_blocks(line: CellLine, genes: Iterable[str], changed: Mapping[str, str]) -> tuple[Block, ...]:
    """Levels of a line's proteins relative to the reference line; changed: gene -> what this run did to it."""
    rows = tuple(
        _row(gene, line.levels[gene], f"cells/{line.name}/{gene}", changed.get(gene, ""))
        for gene in sorted(genes, key=str.casefold)
        if gene in line.levels and (line.name != line.reference or gene in changed)
    )
    if line.name == line.reference:
        note = Paragraph(
            f"{line.name} is the reference line: all its levels are 1 by definition, but for what was changed here."
        )
        title = "Levels that were changed"
        return (note, Heading(title), Grid(COLUMNS, rows, WIDTHS, label=title)) if rows else (note,)
    title = f"Levels of {line.name}, relative to {line.reference}"
    return (Heading(title), Grid(COLUMNS, rows, WIDTHS, label=title))


def drug_blocks(drugs: Sequence[Drug]) -> tuple[Block, ...]:
    """Potency, steepness and greatest effect of drugs on each target."""
    found: list[Block] = []
    for drug in drugs:
        rows = [
            _row(f"{effect.target}: {name}", number, f"drugs/{drug.name}/{effect.target}", "")
            for effect in drug.effects
            for name, number in (("potency", effect.potency), ("hill", effect.hill), ("maximum", effect.maximum))
        ]
        found += [Heading(drug.name), Grid(COLUMNS, tuple(rows), WIDTHS, label=f"Effects of {drug.name}")]
    return tuple(found)


def _row(symbol: str, number: Number, key: str, changed: str) -> Row:
    status = Span(number.status, "assumed") if number.status == "assumed" else number.status
    reading = second_reading(key) if number.source or key in read.readings() else "–"
    word = next((word for word in ("differs", "none yet: provisional") if reading.startswith(word)), "")
    seen: Inline = (Span(word, "bad"), reading.removeprefix(word)) if word else reading
    return Row(
        (
            joined([Span(symbol, "code"), Span(number.meaning, "quiet")]),
            joined([amount(number), Span(changed, "strong")]),
            spread(number.spread), status,
            joined([", ".join(number.source) or "none", Span(number.place, "quiet")]),
            number.obtained, seen,
        ),
        shaded=number.status == "assumed",
    )  # fmt: skip


def _changed(name: str, values: Mapping[str, float] | None) -> str:
    """'here 0.5 1/s' where a run's number is not the catalogue's."""
    if values is None or name not in values:
        return ""
    own, here = read.value(name), values[name]
    if abs(here - own) <= SAME * max(abs(own), abs(here)):
        return ""
    number = read.parameters()[name]
    return f"here {here / factor_to_internal(number.unit):.6g} {unit(number.unit)}".rstrip()


def about_numbers(symbols: Iterable[str]) -> list[str]:
    """How many numbers are assumed or fitted, where a second reading differs, and which had none yet."""
    numbers = {s: read.parameters()[s] for s in symbols if s in read.parameters()}
    status = {word: sum(p.status == word for p in numbers.values()) for word in ("assumed", "fitted")}
    readings = {s: read.readings().get(f"parameters/{s}") for s in numbers}
    differ = [s for s, found in readings.items() if found is not None and not found.agrees]
    provisional = [s for s, p in numbers.items() if p.source and readings[s] is None]
    texts = [
        f"Of {len(numbers)} numbers, {status['assumed']} are assumed and {status['fitted']} fitted.",
        f"A second reading differs from the first for: {', '.join(differ)}." if differ else "",
        f"Provisional, no second reading yet: {', '.join(provisional)}." if provisional else "",
    ]
    return [text for text in texts if text]


def references(keys: Iterable[str]) -> Bullets:
    """Papers by key, with links of their dois."""
    return Bullets(tuple(_reference(key) for key in sorted(set(keys))))


def _reference(key: str) -> Inline:
    entry = read.references().get(key, {})
    words = [entry.get("author", "").replace(" and ", ", "), entry.get("journal", ""), entry.get("volume", ""),
             entry.get("pages", "").replace("--", "–"), entry.get("year", "")]  # fmt: skip
    text, doi = ", ".join(w for w in words if w), entry.get("doi", "")
    named = identifier(entry)
    link: tuple[str | Span, ...] = (". ", Span(named, "link", f"{ADDRESS}{doi}") if doi else named) if named else ()
    return (Span(key, "strong"), f": {text}" if text else "", *link)


def cite_blocks(version: str, keys: Iterable[str]) -> tuple[Block, ...]:
    """What to cite: the program, then the sources of the numbers and findings."""
    return (
        Paragraph(f"{CITATION} Version {version}."),
        Paragraph("And the sources of the numbers and findings used here:"),
        references(keys),
    )
