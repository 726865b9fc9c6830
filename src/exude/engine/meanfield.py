"""The mean field of the declared cell: expected counts, patches and cargo from the same leaves as the vesicles."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from exude.derive import flows
from exude.derive.symbols import Symbols
from exude.engine import build, layout
from exude.engine.layout import Floats, Ints, Numerics, Output, Timeline
from exude.errors import DeclarationError, refuse

GROWTH_STATES = 32
"""Growth classes of the resolved stage: counts 0..30 are told apart, the last class holds all above.

Chosen by measured error of any expected count or total against 160 classes (15 lines, 24 h with half an hour of
ionomycin): 2e-5 in the median line and 2e-4 at most; 24 classes: 1e-4 and 9e-4; one class: a third and more than all.
Over the whole range of the parameters: docs/closures.md."""
RELATIVE = 1e-7
ABSOLUTE = 1e-8
"""Error allowed per step; the fifth-order result is one to two decades better than the estimate that is held to it."""
TRACES_FINER = 0.1
"""Traces are held to less: fusion rises with about the fourth power of calcium."""
MOST_GROWTH_STATES = 4096

FIELDS = ("items", "birth_patches", "growth_patches", "birth_patches_inside", "growth_patches_inside", "growth_count")
"""What is expected of each stage and growth class, in the order of `MeanField.states`, all per cell.

`growth_count` is kept for the last class of the resolved stage only: in class j below it each vesicle has j.
"""
ITEMS, BIRTH, GROWTH, BIRTH_INSIDE, GROWTH_INSIDE, GROWTH_COUNT = range(len(FIELDS))


class Plan(NamedTuple):
    """How finely the mean field is resolved, as the kernel reads it."""

    growth_states: int
    relative: float
    absolute: float
    relative_traces: float
    floor: Floats  # (trace,) size below which a trace counts as zero
    place: Ints  # (stage,) where the fields of each stage begin in the state
    growth_at: int
    gated: Ints  # (transition,) 1 where a gate reads the growth count


@dataclass(frozen=True)
class MeanField:
    """Expected values of one cell, or of one cell per parameter set, along a timeline."""

    output: Output
    """Counts, totals, traces, read-outs: (set, row, ...), with one set for one cell."""
    states: Floats
    """(row, stage, class, field), with `set` first for many sets; empty unless asked for. Fields: `FIELDS`."""


def run(
    symbols: Symbols,
    parameters: Floats,
    timeline: Timeline,
    numerics: Numerics,
    levels: Floats,
    starts: Floats,
    *,
    growth_states: int = GROWTH_STATES,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
    states: bool = False,
) -> MeanField:
    """Mean field of one cell with the given `levels`, recorded at the timeline's output rows.

    Per growth class: expected items N, birth and growth patches, those inside, and in the last class the total
    growth count G; moves carry all of them, a merger takes pairs as independent, rates that read counts see expected
    counts. parameters: internal units, (parameter,). levels: (level,). starts: traces at the beginning, (trace,).
    growth_states: classes R of the resolved stage; a gate is evaluated at the growth count j in classes j < R - 1 and
    at G / N in the last one. relative, absolute: error allowed per step, absolute in items. states: also keep the
    whole state at every output row.

    Raises DeclarationError for a gate on a stage that is not resolved, R < 1, a tolerance that is not a small positive
    number, a parameter, level or start that is negative or no number, or rates that cannot be followed.

    Valid when: exact for the mean of a linear network under given rates, up to the last class; mergers and rates that
    read stage counts are closures (`exude.derive.closures` says which).
    """
    found = run_many(
        symbols, parameters[np.newaxis], timeline, numerics, levels, starts,
        growth_states=growth_states, relative=relative, absolute=absolute, states=states,
    )  # fmt: skip
    return MeanField(found.output, found.states[0] if states else found.states)


def run_many(
    symbols: Symbols,
    parameters: Floats,
    timeline: Timeline,
    numerics: Numerics,
    levels: Floats,
    starts: Floats,
    *,
    growth_states: int = GROWTH_STATES,
    relative: float = RELATIVE,
    absolute: float = ABSOLUTE,
    states: bool = False,
    threads: int = 1,
) -> MeanField:
    """Mean fields of many parameter sets, (set, parameter), in compiled code; otherwise like `run`.

    levels: (level,) or (set, level). starts: (trace,) or (set, trace). The result of a set is the same bits alone, in
    any batch and on any number of threads.
    """
    _check(symbols, growth_states, relative, absolute)
    values = _per_set("parameter", np.atleast_2d(parameters), symbols.parameters)
    base = _per_set("level", levels, symbols.levels, len(values))
    begin = _per_set("start", starts, symbols.traces, len(values))
    plan = _plan(symbols, int(growth_states), relative, absolute, numerics)
    sets, rows = len(values), int(timeline.output.max()) + 1
    output = layout.new_output(symbols, sets, rows, kind=np.float64)
    shape = (sets if states else 0, rows, len(symbols.counts), plan.growth_states, len(FIELDS))
    kept = np.zeros(shape)
    kernel = build.module(symbols, "meanfield").run_sets

    def part(borders: tuple[int, int]) -> tuple[int, float]:
        failed: tuple[int, float] = kernel(*borders, values, timeline, base, begin, plan, output, kept)
        return failed

    for failed, time in _in_parts(part, sets, threads):
        if failed >= 0:
            raise DeclarationError(
                f"the mean field of parameter set {failed} cannot be followed beyond {time:g} s: a rate is infinite, "
                "not a number or runs away. Check its parameters and levels."
            )
    return MeanField(output, kept)


def _in_parts(part: Callable[[tuple[int, int]], tuple[int, float]], sets: int, threads: int) -> list[tuple[int, float]]:
    """What each thread says of its part of the sets; one part runs in the calling thread."""
    cuts = np.linspace(0, sets, max(1, min(threads, sets)) + 1).astype(int).tolist()
    spans = list(pairwise(cuts))
    if len(spans) == 1:
        return [part(spans[0])]
    with ThreadPoolExecutor(len(spans)) as pool:
        return list(pool.map(part, spans))


def _plan(symbols: Symbols, growth_states: int, relative: float, absolute: float, numerics: Numerics) -> Plan:
    """How finely, and where everything stands in the state."""
    cycle = symbols.cascade.life_cycle
    width = growth_states if cycle.resolved else 1
    place, growth_at = flows.places(cycle, width)
    return Plan(
        growth_states=width,
        relative=relative,
        absolute=absolute,
        relative_traces=TRACES_FINER * relative,
        floor=numerics.absolute,
        place=np.array(place, np.int64),
        growth_at=growth_at,
        gated=np.array([bool(t.gate) for t in cycle.transitions], np.int64),
    )


def _per_set(what: str, given: Floats, names: tuple[str, ...], sets: int = 0) -> Floats:
    """One row per set, each value a number of at least 0; without `sets` as many rows as are given.

    Widths are checked too: compiled code would read past the end of a short row.
    """
    values, width = np.asarray(given, float), len(names)
    shape = (sets or len(values), width)
    if values.shape != shape and not (sets and values.shape == shape[1:]):
        got, expected = f"{what}s of the shape {values.shape}", f"{width} in a row, {shape[0]} rows or one for all"
        raise refuse(DeclarationError, got, expected, f"Give a {what} for each of: {', '.join(names) or 'none'}.")
    rows = np.ascontiguousarray(np.broadcast_to(values, shape))
    wrong = np.argwhere(~(np.isfinite(rows) & (rows >= 0)))
    if len(wrong):
        i, column = map(int, wrong[0])
        got = f"{what} {names[column]} = {rows[i, column]:g} in parameter set {i}"
        also = f" ({len(wrong) - 1} more like it)" if len(wrong) > 1 else ""
        raise refuse(DeclarationError, got, f"a finite number of at least 0{also}", "Correct it or drop the set.")
    return rows


def _check(symbols: Symbols, growth_states: int, relative: float, absolute: float) -> None:
    """Refuse what the mean field cannot do."""
    if isinstance(growth_states, bool) or not 1 <= growth_states <= MOST_GROWTH_STATES or growth_states % 1:
        expected = f"a whole number of growth states from 1 to {MOST_GROWTH_STATES}"
        raise refuse(DeclarationError, growth_states, expected, f"Write growth_states={GROWTH_STATES}.")
    for name, value in (("relative", relative), ("absolute", absolute)):
        if not 0 < value < 1:
            raise refuse(DeclarationError, value, f"a {name} tolerance between 0 and 1", f"Write {name}={RELATIVE:g}.")
    cycle = symbols.cascade.life_cycle
    for t in cycle.transitions:
        if t.gate and t.source != cycle.resolved:
            raise refuse(
                DeclarationError,
                f"a gate on {t.name} from {t.source!r}",
                f"gates on the resolved stage only ({cycle.resolved or 'none is declared'})",
                f"Declare LifeCycle(resolved={t.source!r}) or drop the gate.",
                (cycle.resolved,) if cycle.resolved else (),
            )
