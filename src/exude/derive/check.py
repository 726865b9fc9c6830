"""Whether a declared model makes sense: its parts fit together, its numbers are possible, its rates are none below 0."""

from __future__ import annotations

import keyword
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields

import numpy as np

from exude.derive import grammar
from exude.derive.evaluate import reader
from exude.derive.symbols import GATE_MARK, PER_CALCIUM, PER_SEGMENT, STAGE_COUNT, Symbols
from exude.errors import DeclarationError, UnitError, refuse
from exude.model import BORN, DEGRADED, RELEASED, Cascade, LifeCycle, Membrane, Transition
from exude.units import dimension, factor_to_internal

CALCIUM_GRID = (0, *np.logspace(-3, 3, 25).tolist())
"""Calcium (uM) at which rates are looked at: from none to far beyond any cell."""
COUNTS = (0, 1, 10, 1000)
"""Stage counts at which rates are looked at, all stages alike."""
GROWTHS = (0, 1, 10, 1000)
DEEPEST = 200
"""Operations within operations once every definition is put in its place."""
WRITTEN = ("square", "power")
"""Functions that the written slopes call; a symbol of that name would be put in their place."""
LONGEST = 100
"""Letters of a name."""
SIGNED = ("[current]", "[temperature]")
"""What a quantity that may be negative is made of, such as a voltage; a number without a unit may be negative too."""


def shape(model: Cascade) -> None:
    """Refuse a model whose parts do not fit together, before anything is read off it."""
    cycles = [chapter.life_cycle for chapter in model.chapters if chapter.life_cycle is not None]
    if len(cycles) != 1:
        fix = "Give life_cycle to one chapter."
        raise refuse(DeclarationError, f"{len(cycles)} life cycles", "one life cycle in all chapters", fix)
    cycle = cycles[0]
    levels, traces = [s.symbol for s in model.levels], [s.symbol for s in model.traces]
    symbols = [*levels, *traces, *(d.symbol for d in model.definitions)]
    names([*symbols, *cycle.stages])
    _refuse_counts(symbols, cycle)
    _once(cycle.stages, "stage")
    _once([*(t.name for t in cycle.transitions), *(e.name for e in model.emissions)], "transition")
    for name in model.readouts:
        if name not in {d.symbol for d in model.definitions}:
            raise refuse(DeclarationError, name, "a readout that is a definition", "Declare it.", [d.symbol for d in model.definitions])  # fmt: skip
    if cycle.resolved and cycle.resolved not in cycle.stages:
        raise refuse(DeclarationError, cycle.resolved, "a resolved stage of the life cycle", "Name one.", cycle.stages)
    for transition in cycle.transitions:
        _fits(transition, cycle)
    for level in model.levels:
        if not (math.isfinite(level.normal) and level.normal >= 0):
            raise refuse(DeclarationError, f"{level.symbol} of {level.normal}", "a level >= 0", "Mend `normal`.")
    units = {level.symbol: level.unit for level in model.levels} | {trace.symbol: trace.unit for trace in model.traces}
    units |= {d.symbol: d.unit for d in model.definitions if d.symbol in model.readouts}
    for symbol, unit in units.items():
        if factor_to_internal(unit) != 1:
            expected = "a unit of s, uM, um and items, in which all values are kept"
            raise refuse(DeclarationError, f"{symbol} in {unit}", expected, f"Declare {symbol} in such a unit.")


def names(given: Iterable[object]) -> None:
    """Refuse what cannot be a symbol: it goes into Python, SBML and file headers, so letters, digits and _."""
    for name in given:
        plain = isinstance(name, str) and name.isascii() and name.isidentifier() and not keyword.iskeyword(name)
        taken = {*grammar.FUNCTIONS, *WRITTEN, GATE_MARK, BORN, RELEASED, DEGRADED}
        if not plain or name in taken or len(str(name)) > LONGEST:
            expected = "a name of A-Z, a-z, 0-9 and _ that means nothing else"
            got = name[:LONGEST] if isinstance(name, str) else name
            raise refuse(DeclarationError, got, expected, "Rename it, for example 'k_dock'.")


def _refuse_counts(names: Iterable[str], cycle: LifeCycle) -> None:
    for name in names:
        if name in {STAGE_COUNT + stage for stage in cycle.stages}:
            got, fix = f"{name}, declared or given a value", "Rename it, or leave it out."
            raise refuse(DeclarationError, got, f"{name} to be the number of vesicles in its stage", fix)


def _once(names: Iterable[str], what: str) -> None:
    seen = set()
    for name in names:
        if name in seen or not (name.strip() and name.isprintable() and len(name) <= LONGEST):
            expected = f"a name of its own, in at most {LONGEST} printed letters, for every {what}"
            raise refuse(DeclarationError, name[:LONGEST], expected, "Rename it.")
        seen.add(name)
    if not seen:
        raise refuse(DeclarationError, f"no {what}", f"at least one {what}", "Declare one.")


def _fits(t: Transition, cycle: LifeCycle) -> None:
    """A transition leads from a known place to a known place, and what it carries has an effect there."""
    sources = (BORN, *cycle.stages)
    targets = cycle.stages if t.source == BORN else (*cycle.stages, RELEASED, DEGRADED)
    for end, known in ((t.source, sources), (t.target, targets)):
        if end not in known:
            fix = f"Mend transition {t.name!r} or declare the stage."
            raise refuse(DeclarationError, end, f"one of {', '.join(known)} in {t.name!r}", fix, known)
    stays = t.source == t.target
    wrong = {
        "a growth that is no whole number >= 0": type(t.growth) is not int or t.growth < 0,
        "a growth on the way to another stage": t.growth and (not stays or t.merges),
        "a merger that leads to another stage": t.merges and not stays,
        "a gate on a birth": t.gate and t.source == BORN,
    }
    for got, found in wrong.items():
        if found:
            expected = "growth from a stage to itself, mergers within a stage, gates on vesicles that exist"
            raise refuse(DeclarationError, f"{got} ({t.name})", expected, f"Mend transition {t.name!r}.")


def texts(symbols: Symbols) -> None:
    """Refuse a text that cannot be read, naming its owner, and one that reads what is not at hand where it is used."""
    known = {*symbols.levels, *symbols.traces, *symbols.counts, *symbols.definitions, *symbols.parameter_units}
    for owner, text, _ in symbols._texts():
        try:
            names = grammar.names(grammar.parse(text))
        except DeclarationError as problem:
            raise DeclarationError(f"{owner}: {problem}") from problem
        may = known | ({GATE_MARK} if owner.startswith("gate of ") else set())
        for name in sorted(names - may):
            raise grammar.unknown(text, name, owner, may)
    units = symbols._units()
    for owner, text, _ in symbols._texts():
        try:
            grammar.to_dimension(grammar.parse(text), units, text)
        except (DeclarationError, UnitError) as problem:
            raise type(problem)(f"{owner}: {problem}") from problem
    _depth(symbols)
    for owner, text, most, why in _places(symbols):
        if symbols.tier(text) > most:
            reads = sorted(grammar.names(grammar.parse(text)))
            raise refuse(DeclarationError, f"{owner} = {text}", f"a text that {why}", f"It reads {', '.join(reads)}.")


def _depth(symbols: Symbols) -> None:
    """Definitions within definitions are walked by recursion: refuse a ring, and a chain that would exhaust it."""
    if len(symbols.definitions) < DEEPEST:
        assert symbols.trees is not None  # putting them in order names a ring
    trees = {name: grammar.parse(d.text) for name, d in symbols.definitions.items()}
    depth = dict.fromkeys(trees, 0)
    for _ in range(DEEPEST + 1):
        before = dict(depth)
        for name, tree in trees.items():
            depth[name] = grammar.depth(tree) + max([depth[n] for n in grammar.names(tree) & trees.keys()], default=0)
        worst = max(depth, key=lambda name: depth[name], default="")
        if depth == before:
            return
        if depth[worst] > DEEPEST:
            break
    ring = f"{worst} = {symbols.definitions[worst].text}"[:200]
    expected = f"definitions that read each other in no ring, and at most {DEEPEST} operations deep"
    raise refuse(DeclarationError, ring, expected, "Follow the names that it reads.")


def _places(symbols: Symbols) -> list[tuple[str, str, int, str]]:
    """Texts that may not read everything: owner, text, highest tier, in words."""
    cycle, cascade = symbols.cascade.life_cycle, symbols.cascade
    uncounted, fixed = "reads no stage counts", "reads parameters and levels alone"
    out = [(f"d {t.symbol}/dt", t.rate, PER_CALCIUM, uncounted) for t in cascade.traces if t.rate]
    out += [(f"emission {e.name}", e.rate, PER_CALCIUM, uncounted) for e in cascade.emissions]
    out += [(f"readout {name}", name, PER_CALCIUM, uncounted) for name in cascade.readouts]
    out += [(f"gate of {t.name}", t.gate, PER_SEGMENT, f"{fixed}, and growth") for t in cycle.transitions if t.gate]
    return out + [(f"membrane {key}", text, PER_SEGMENT, fixed) for key, text in _membrane(cycle.membrane).items()]


def _membrane(membrane: Membrane | None) -> dict[str, str]:
    if membrane is None:
        return {}
    return {f.name: getattr(membrane, f.name) for f in fields(membrane) if f.name != "cargo"}


def parameters(symbols: Symbols, typed: Mapping[str, tuple[float, str]]) -> None:
    """Refuse a number that cannot be: below 0 where nothing is, or of another dimension than the trace it starts."""
    _refuse_counts(typed, symbols.cascade.life_cycle)
    for name in symbols.parameters:
        value, unit = typed[name]
        if not math.isfinite(value * factor_to_internal(unit)):
            raise refuse(UnitError, f"{name} = {value:g} {unit}", f"a finite {name}", "Mend its value or its unit.")
        about = {str(d) for d in dimension(unit)}
        if value < 0 and about and not about & set(SIGNED):
            fix = f"Give {name!r} without its sign; a minus belongs in the rate text: -{name}."
            raise refuse(UnitError, f"{name} = {value:g} {unit}", f"a number >= 0 for {name}", fix)
    for trace in symbols.cascade.traces:
        if trace.rate and not trace.start:
            expected = "a parameter that holds the value to start from"
            raise refuse(DeclarationError, f"no start of {trace.symbol}", expected, "Give Trace(..., start='NAME').")
        if trace.start and dimension(typed[trace.start][1]) != dimension(trace.unit):
            got = f"{trace.start} = {typed[trace.start][0]:g} {typed[trace.start][1]}"
            raise refuse(UnitError, got, f"the start of {trace.symbol} in {trace.unit or 'no unit'}", "Mend its unit.")
    first = symbols.cascade.traces[:1]
    if first and dimension(first[0].unit) != dimension("uM"):
        got = f"{first[0].symbol} in {first[0].unit or 'no unit'}"
        raise refuse(DeclarationError, got, "a first trace that is calcium, in uM", "Declare calcium first.")


def rates(symbols: Symbols, values: Mapping[str, float], levels: Mapping[str, float]) -> None:
    """Refuse a rate that is negative or no number, and a gate outside [0, 1], naming it, its value and where.

    Looked at on a grid of calcium and counts with all other traces at 1: a check, not a proof.
    """
    cascade = symbols.cascade
    paced = [(f"rate of {t.name}", t.rate) for t in cascade.life_cycle.transitions]
    paced += [(f"rate of {e.name}", e.rate) for e in cascade.emissions]
    moving = [(f"d {t.symbol}/dt", t.rate) for t in cascade.traces if t.rate]
    known = {**values, **levels}
    for calcium in CALCIUM_GRID if symbols.traces else (0,):
        at = dict.fromkeys(symbols.traces, 1.0) | ({symbols.traces[0]: float(calcium)} if symbols.traces else {})
        for count in COUNTS:
            where = f"at calcium {calcium:.3g} uM" + (f" with {count:g} vesicles in each stage" if count else "")
            value = reader(cascade, {**known, **at, **dict.fromkeys(symbols.counts, float(count))})
            for name, rate in paced:
                _refuse_outside(name, rate, value, (0, math.inf), where)
            for name, rate in moving if calcium else ():
                _refuse_outside(name, rate, value, (-math.inf, math.inf), where)
    for key, text in _membrane(cascade.life_cycle.membrane).items():
        _refuse_outside(f"membrane {key}", text, reader(cascade, known), (0, math.inf), "at normal levels")
    for t in cascade.life_cycle.transitions:
        for growth in GROWTHS if t.gate else ():
            value = reader(cascade, {**known, GATE_MARK: float(growth)})
            _refuse_outside(f"gate of {t.name}", t.gate, value, (0, 1), f"at growth {growth:g}")


def _refuse_outside(what: str, text: str, read: Callable[[str], float], span: tuple[float, float], where: str) -> None:
    try:
        value = float(read(text))
    except (ArithmeticError, ValueError, TypeError):  # TypeError: a complex number, the root of a negative one
        value = math.nan
    low, high = span
    if not (low <= value <= high and math.isfinite(value)):
        expected = "a finite number" if high > 1 else "a number from 0 to 1"
        raise refuse(
            DeclarationError,
            f"{what} = {text[:200]} -> {value:.4g} {where}",
            f"{expected}{' >= 0' if low == 0 and high > 1 else ''}",
            "Bound the text, for example by max(0, ...), or change a parameter.",
        )
