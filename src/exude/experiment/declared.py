"""Run a model that a user declared: the same engine as the cell, another declaration."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np

from exude.catalog import read
from exude.derive import check
from exude.derive.symbols import Symbols
from exude.engine import build, layout, provenance, result, vesicles
from exude.engine.job import Block, Job
from exude.engine.layout import Floats, Ints, Timeline
from exude.engine.result import Run
from exude.errors import ProtocolError, UnitError, refuse
from exude.model import Cascade
from exude.units import factor_to_internal, quantity, seconds, split_quantity

Curve = Sequence[tuple[str | float, str | float]]
"""Points (time, value) of a given calcium curve: texts with units, or s and uM. Two points at one time are a jump."""

MOST_POINTS = 1_000_000
"""Most output times of one run."""


@dataclass(frozen=True)
class Declared:
    """A declared model with numbers: symbols, parameter values in internal units, levels at their normal."""

    symbols: Symbols
    values: dict[str, float]

    @property
    def vector(self) -> Floats:
        """Values in kernel order."""
        return np.array([self.values[name] for name in self.symbols.parameters])

    @property
    def levels(self) -> Floats:
        """Normal levels in kernel order."""
        return np.array([level.normal for level in self.symbols.cascade.levels])

    @property
    def starts(self) -> Floats:
        """Where traces start; a trace that is only given starts at 0."""
        return np.array([self.values[t.start] if t.start else 0.0 for t in self.symbols.cascade.traces])


def declare(model: Cascade, parameters: Mapping[str, str | float]) -> Declared:
    """A model with its numbers, checked: every symbol known, every unit right, no rate negative at any calcium.

    parameters: name -> value with unit ("0.04 1/min"); a bare number has no unit.
    Raises DeclarationError for parts that do not fit together, a text outside the grammar or of the wrong dimension,
    and a rate that is negative somewhere; UnitError for a bad value.
    """
    check.shape(model)
    check.names(parameters)
    parts = {name: split_quantity(text, what=name) for name, text in parameters.items()}
    symbols = Symbols(model, {name: unit for name, (_, unit) in parts.items()})
    check.texts(symbols)
    symbols.check()
    missing = sorted(set(symbols.parameters) - parts.keys())
    if missing:
        raise refuse(
            UnitError, f"no value for {missing[0]}", "a value for every parameter", f"Give {missing[0]!r}.", list(parts)
        )
    check.parameters(symbols, parts)
    values = {name: value * factor_to_internal(unit) for name, (value, unit) in parts.items()}
    made = Declared(symbols, values)
    check.rates(symbols, made.values, dict(zip(symbols.levels, made.levels, strict=True)))
    return made


def simulate_model(
    model: Cascade,
    parameters: Mapping[str, str | float],
    *,
    calcium: Curve = (),
    duration: str = "2 h",
    every: str = "",
    cells: int = 200,
    seed: int = 1,
    events: bool = False,
    threads: int = 0,
) -> Run:
    """Simulate cells of a declared model, vesicle by vesicle, from no vesicles at time 0.

    model: chapters of `exude.model`. parameters: name -> value with unit. calcium: points (time, value) of a given
    curve, straight between points, two points at one time for a jump; without it calcium follows its declared equation.
    Returns a `Run`. Where no vesicle feels another the lives are run one by one (`Symbols.independent`), which is
    faster and as exact.

    Valid when: rates are constant within calcium steps of 8 % (exact for a given curve of constant pieces).
    """
    if isinstance(cells, bool) or not isinstance(cells, Integral) or cells < 1:
        raise refuse(ProtocolError, cells, "a whole number of cells, at least 1", "Write cells=200.")
    made = declare(model, parameters)
    job = job_of(made, calcium, duration, every, seed, events=events)
    blocks: list[Block] = []
    vesicles.run(job, cells, threads=threads or os.cpu_count() or 1, done=blocks.append)
    outputs = [block.output for block in blocks]
    output = layout.Output(*(np.concatenate([getattr(o, n) for o in outputs]) for n in layout.Output._fields))
    identity = {
        "format": provenance.FORMAT, "line": "declared model", "parameters": made.values, "duration": duration,
        "calcium": [list(map(str, point)) for point in calcium], "cells": cells, "seed": seed,
    }  # fmt: skip
    printed = provenance.fingerprint({**identity, "model": build.leaf_text(made.symbols)})
    about = {**identity, "fingerprint": printed, "versions": provenance.versions(), "sources": []}
    attrs = {"format": provenance.FORMAT, "provenance": json.dumps(about)}
    firsts = [int(block.cells[0]) for block in blocks]
    levels = np.tile(made.levels, (cells, 1))
    return Run(
        data=result.counts_dataset(made.symbols, output, _times(duration, every), levels, attrs),
        events=result.rows_dataset(made.symbols, [b.events for b in blocks], firsts, kind="event"),
        vesicles=result.rows_dataset(made.symbols, [b.reads for b in blocks], firsts, kind="vesicle"),
    )


def job_of(made: Declared, calcium: Curve, duration: str, every: str, seed: int, *, events: bool = False) -> Job:
    """What the engine is asked to run."""
    times = _times(duration, every)
    normal = made.levels

    def alike(cells: Ints) -> Floats:
        return np.tile(normal, (len(cells), 1))

    return Job(
        symbols=made.symbols,
        parameters=made.vector,
        timeline=timeline(made, calcium, times),
        numerics=layout.numerics_of(_numerics(made), made.symbols),
        rows=len(times),
        log_events=events,
        seed=seed,
        levels=alike,
        starts=made.starts,
    )


def _numerics(made: Declared) -> dict[str, Any]:
    """Tolerances of the integrator; for a trace that the catalogue does not know, a share of where it starts."""
    table = dict(read.numerics())
    known = table["absolute"]
    starts = zip(made.symbols.traces, made.starts, strict=True)
    own = {name: known.get(name, abs(start) * table["relative"] or known["calcium"]) for name, start in starts}
    return table | {"absolute": own}


def _times(duration: str, every: str) -> Floats:
    length = seconds(duration, what="duration")
    step = seconds(every, what="every") if every else length / 100
    if not 0 < step <= length:
        raise refuse(
            ProtocolError, f"every {every!r} of {duration!r}", "0 < every <= duration", "Choose a shorter step."
        )
    if length / step > MOST_POINTS:
        fix = "Choose a longer `every`."
        raise refuse(ProtocolError, f"{length / step:.3g} output times", f"at most {MOST_POINTS}", fix)
    times = [step * i for i in range(math.floor(length / step) + 1)]
    return np.array([t for t in times if not math.isclose(t, length)] + [length])


def timeline(made: Declared, calcium: Curve, times: Floats) -> Timeline:
    """One segment of constant levels, recorded at `times`, the first of which is the start."""
    given = np.array([_point(point) for point in calcium])
    first = made.symbols.cascade.traces[0] if made.symbols.cascade.traces else None
    if first is not None and not first.rate and not len(given):
        raise refuse(
            ProtocolError, f"no curve for {first.symbol}", "a given curve, since the model has no equation for it",
            "Give calcium=[('0 min', '0.1 uM'), ...].",
        )  # fmt: skip
    if first is None and len(given):
        fix = "Leave calcium out, or declare Trace('calcium', 'uM')."
        raise refuse(ProtocolError, "a curve of calcium", "none, since the model has no trace", fix)
    if len(given) and (np.diff(given[:, 0]) < 0).any():
        raise refuse(ProtocolError, "a curve that goes back in time", "times that do not decrease", "Sort the points.")
    n, levels = len(times), len(made.levels)
    return Timeline(
        begin=times[:1],
        first=np.array([0, n]),
        end=times,
        segment=np.zeros(n, np.int64),
        starts=np.eye(1, n, dtype=np.int64)[0],
        output=np.arange(n),
        snapshot=np.zeros(n, np.int64),
        multiply=np.ones((1, levels)),
        add=np.zeros((1, levels)),
        given_at=given[:, 0] if len(given) else np.zeros(0),
        given=given[:, 1] if len(given) else np.zeros(0),
        log_moves=0,
    )


def _point(point: tuple[str | float, str | float]) -> tuple[float, float]:
    """One point of a curve in s and uM; bare numbers are s and uM."""
    if isinstance(point, str) or not isinstance(point, Sequence) or len(point) != 2:
        raise refuse(ProtocolError, point, "a point (time, calcium)", "Write ('10 min', '0.1 uM').")
    time, value = (p if isinstance(p, str) else f"{p} {unit}" for p, unit in zip(point, ("s", "uM"), strict=True))
    return seconds(time, what="calcium time"), quantity(value, "uM", what="calcium")
