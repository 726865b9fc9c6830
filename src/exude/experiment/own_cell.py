"""The cell with genes and mechanisms of one's own: other declarations, the same engine.

A gene adds a level and multiplies texts; a mechanism puts texts in the place of others. Both are rate texts in the
grammar of every chapter, never Python, and pass the checks of every declared model.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import cache

from exude.cascade import CELL, DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.catalog.schema import Gene, Mechanism
from exude.derive import check, grammar
from exude.derive.evaluate import reader
from exude.derive.symbols import Symbols
from exude.errors import CatalogError, ExudeError, nearest
from exude.experiment.protocol import Numbers
from exude.model import Cascade, Chapter, Level
from exude.units import factor_to_internal, quantity

OWN = "own"
"""Chapter of genes of one's own; it comes last, so that the cell's other levels stand where they stood."""
LOOKED_AT = (0, 1, 2)
"""Calcium (uM) and stage counts at which a factor must be 1."""


@cache
def cell_symbols() -> Symbols:
    """The symbols of the package's own cell with the catalogue's units, checked."""
    found = Symbols(CELL, _units())
    found.check()
    return found


@cache
def own_cell(hypothesis: str = DEFAULT_HYPOTHESIS) -> Symbols:
    """The cell's symbols with every gene of one's own and, under a mechanism of one's own, its texts.

    That of the package where there is neither. Raises CatalogError, which names the file, for a text that no text of
    the cell can be, for a target that the cell does not have, for a factor that is not 1 at a level of 1, and for a
    rate that falls below 0.
    """
    mechanism = read.mechanisms().get(hypothesis)
    texts = mechanism.texts if mechanism else {}
    if not read.genes() and not texts:
        return cell_symbols()
    cascade = CELL
    if mechanism and texts:
        with _named(mechanism):
            cascade = _with_texts(cascade, texts, lambda old, new: new)
            _check(Symbols(cascade, _units()))
    for gene in read.genes().values():
        with _named(gene):
            cascade = _with_gene(cascade, gene)
            _check(Symbols(cascade, _units()))
    return Symbols(cascade, _units())


def own_values(mechanism: Mechanism) -> dict[str, float]:
    """The numbers that a mechanism of one's own changes, in internal units; CatalogError, with the file, where they cannot be."""
    found = {}
    with _named(mechanism):
        for name, text in mechanism.values.items():
            unit = read.parameter(name).unit
            found[name] = quantity(text, unit, what=name, signed=True) * factor_to_internal(unit)
    return found


def _units() -> dict[str, str]:
    return {name: number.unit for name, number in read.parameters().items()}


@contextmanager
def _named(table: Gene | Mechanism) -> Iterator[None]:
    """Refusals name the file of the table."""
    try:
        yield
    except ExudeError as problem:
        raise CatalogError(f"{read.origin(table)}: {problem}") from problem


def _with_gene(cascade: Cascade, gene: Gene) -> Cascade:
    """The cascade with one more level, and what it multiplies."""
    level = Level(gene.symbol, varies=gene.varies, meaning=gene.meaning)
    with_level = Cascade((*cascade.chapters, Chapter(f"{OWN} {gene.symbol}", levels=(level,))))
    for target, factor in gene.multiplies.items():
        if gene.symbol not in grammar.names(grammar.parse(factor)):
            expected = f"a factor that reads {gene.symbol}"
            raise CatalogError(f"[multiplies.{target}] got {factor!r}; expected {expected}. Write saturate({gene.symbol}, half).")  # fmt: skip
    made = _with_texts(with_level, gene.multiplies, lambda old, factor: f"({old}) * ({factor})")
    _refuse_shifted(made, gene)
    return made


def _with_texts(cascade: Cascade, texts: Mapping[str, str], join: Callable[[str, str], str]) -> Cascade:
    """The cascade with the texts of some transitions and definitions joined to others."""
    cycle = cascade.life_cycle
    valid = [t.name for t in cycle.transitions] + [d.symbol for d in cascade.definitions]
    for target in texts:
        if target not in valid:
            close = nearest(target, valid)
            hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else "."
            expected = (
                f"a transition of an MVB ({', '.join(t.name for t in cycle.transitions)}) or a definition of the cell"
            )
            raise CatalogError(f"got {target!r}; expected {expected}{hint} docs/model.md has them.")

    def changed(chapter: Chapter) -> Chapter:
        own = chapter.life_cycle
        moved = own and replace(own, transitions=tuple(
            replace(t, rate=join(t.rate, texts[t.name])) if t.name in texts else t for t in own.transitions
        ))  # fmt: skip
        definitions = tuple(
            replace(d, text=join(d.text, texts[d.symbol])) if d.symbol in texts else d for d in chapter.definitions
        )
        return replace(chapter, life_cycle=moved, definitions=definitions)

    return Cascade(tuple(changed(chapter) for chapter in cascade.chapters))


def _refuse_shifted(cascade: Cascade, gene: Gene) -> None:
    """A factor is 1 at a level of 1: otherwise the cell that was fitted would be another one under every experiment."""
    levels = {level.symbol: level.normal for level in cascade.levels}
    counts = [f"n_{stage}" for stage in cascade.life_cycle.stages]
    traces = {trace.symbol for trace in cascade.traces}
    for target, factor in gene.multiplies.items():
        for x in LOOKED_AT:
            given = Numbers.default().values | levels | dict.fromkeys((*counts, *traces), float(x))
            unknown = _unknown(factor, cascade, given)
            if unknown:
                close = nearest(unknown, (*given, *(d.symbol for d in cascade.definitions)))
                hint = f"; did you mean {close[0]!r}?" if close else "."
                raise CatalogError(f"[multiplies.{target}] reads {unknown!r}, which is nowhere declared{hint} Add [parameters.{unknown}] to the file.")  # fmt: skip
            value = float(reader(cascade, given)(factor))
            if not math.isclose(value, 1):
                fix = f"Write for example saturate({gene.symbol}, half), which is 1 there."
                raise CatalogError(f"[multiplies.{target}] got {factor!r}, which is {value:g} where {gene.symbol} is 1; expected 1. {fix}")  # fmt: skip


def _unknown(text: str, cascade: Cascade, given: Iterable[str]) -> str:
    """The first name in a text that nothing declares; '' where there is none."""
    known = {*given, *(d.symbol for d in cascade.definitions)}
    return next(iter(sorted(grammar.names(grammar.parse(text)) - known)), "")


def _check(found: Symbols) -> None:
    """What every declared model has to pass."""
    check.shape(found.cascade)
    check.texts(found)
    found.check()
    numbers = Numbers.default().values
    check.rates(found, numbers, {level.symbol: level.normal for level in found.cascade.levels})
