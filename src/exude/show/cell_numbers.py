"""What a run or a summary of cells shows, as numbers with intervals, before and after each thing that was added."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from exude.engine.result import Run
from exude.engine.summary import Summary
from exude.experiment.assays.reading import gained, per_cell, ratio
from exude.experiment.perturbations import Drug, External, Permeabilised
from exude.show.estimates import TAILS, Measure, measure
from exude.show.results import Result
from exude.show.words import micro
from exude.units import factor_to_internal, say_seconds

HOUR = factor_to_internal("h")
MAIN = "exosomes released"
"""The number a report of cells opens with."""
FOLD = ", fold of "
MOST_WINDOWS = 6
"""More changes than this are not told apart."""


class Window(NamedTuple):
    """A stretch of a run between two changes, s, and what is there then."""

    start: float
    stop: float
    label: str


def windows(results: Sequence[Result]) -> tuple[Window, ...]:
    """Stretches of all runs between the times at which something is added or taken away; one where nothing is."""
    end = min(float(r.outcome.data["time"][-1]) for r in results if isinstance(r.outcome, Run | Summary))
    timed = [w for r in results for w in r.what if isinstance(w, Drug | External | Permeabilised)]
    edges = sorted({0.0, end, *(t for w in timed for t in w.window if 0 < t < end)})
    if not 2 < len(edges) <= MOST_WINDOWS + 1:
        return (Window(0.0, end, ""),)
    found = []
    for start, stop in pairwise(edges):
        there = dict.fromkeys(_name(w) for w in timed if w.window[0] <= start < w.window[1])
        before = all(w.window[0] >= stop for w in timed)
        words = ", ".join(there) or ("before" if before else "after")
        found.append(Window(start, stop, f"{words}, {_span(start, stop)}"))
    return tuple(found)


def _span(start: float, stop: float) -> str:
    return f"{say_seconds(start) if start else '0'} to {say_seconds(stop)}"


def _name(what: Drug | External | Permeabilised) -> str:
    if isinstance(what, Drug):
        return micro(f"{what.name} {what.dose}")
    return micro(f"{'external' if isinstance(what, External) else 'permeabilised,'} calcium {what.calcium}")


def measures(result: Result, spans: Sequence[Window]) -> list[Measure]:
    """All numbers of one result."""
    if isinstance(result.outcome, Summary):
        return _of_summary(result.outcome)
    assert isinstance(result.outcome, Run)
    run, alike = result.outcome, f"{result.line}, {result.made['seed']}"
    found = []
    for span in spans:
        found += _released(run, span, alike)
        found += _rise(run, spans[0], span, alike) if span is not spans[0] else []
    return [*found, *_end(run, alike)]


def _released(run: Run, span: Window, alike: str) -> list[Measure]:
    """Rates within a window: mean over cells of what each released, over the window's length."""
    hours = (span.stop - span.start) / HOUR
    got = {what: gained(run, what, (span.start, span.stop)) for what in ("exosomes", "fusions", "exosomal_cargo")}
    time = run.data["time"].values
    there = run.data["calcium"].values[:, (time >= span.start) & (time <= span.stop)]
    named = {"when": span.label, "alike": alike}
    return [
        measure(MAIN, "per cell and hour", got["exosomes"] / hours, **named),
        measure("MVB fusions", "per cell and hour", got["fusions"] / hours, **named),
        measure("exosomes per fusion", "exosomes", ratio(got["exosomes"], got["fusions"]), spread=False, **named),
        measure("MT1-MMP on exosomes", "molecules per cell and hour", got["exosomal_cargo"] / hours, **named),
        measure("free calcium, mean", "µM", there.mean(axis=1), **named),
    ]


def _rise(run: Run, before: Window, span: Window, alike: str) -> list[Measure]:
    """Release within a window against that of the same cells in the first one: difference of rates and fold, cell by cell."""
    rate, rest = (gained(run, "exosomes", (w.start, w.stop)) / ((w.stop - w.start) / HOUR) for w in (span, before))
    first = _span(before.start, before.stop)
    named = {"when": span.label, "alike": alike}
    above = measure(f"{MAIN}, above {first}", "per cell and hour", rate - rest, **named)
    return [
        replace(above, least=-math.inf),
        measure(f"{MAIN}{FOLD}{first}", "fold", ratio(rate, rest), spread=False, **named),
    ]


def _end(run: Run, alike: str) -> list[Measure]:
    """What the cells hold at the end, and the MVBs that were read last."""
    end = f"at {say_seconds(float(run.data['time'][-1]))}"
    found = [
        measure("MVBs in a cell", "MVBs", run.data["stage_count"].isel(time=-1).sum("stage"), when=end, alike=alike)
    ]
    times = run.vesicles["time"].values
    if not len(times):
        return found
    last = run.vesicles.isel(vesicle=times == times.max())
    cells, width = last["cell"].values, last["diameter"].values
    one, whole = (per_cell(run, cells, weights) for weights in (np.ones(len(cells)), width))
    when = f"at {say_seconds(float(times.max()))}"
    # of all MVBs together; its interval takes cells, not MVBs, as what was drawn
    found.append(measure("MVB diameter", "µm (95 % of MVBs)", ratio(whole, one), when=when, alike=alike, spread=width))
    return found


def _of_summary(made: Summary) -> list[Measure]:
    """Whole-run numbers of a population whose cells were not kept; windows have no spread there."""
    n = int(made.provenance["cells"])
    hours = float(made.data["time"][-1]) / HOUR
    last = made.data.isel(time=-1)
    shown = (
        ("exosomes", MAIN, "per cell and hour", hours), ("fusions", "MVB fusions", "per cell and hour", hours),
        ("exosomal_cargo", "MT1-MMP on exosomes", "molecules per cell and hour", hours), ("calcium", "free calcium at the end", "µM", 1),
    )  # fmt: skip
    found = []
    for name, what, unit, over in shown:
        mean, sd = (float(last[name].sel(statistic=s)) / over for s in ("mean", "sd"))
        known = name in made.distribution
        ends = (made.quantile(TAILS[0], name) / over, made.quantile(TAILS[1], name) / over) if known else None
        found.append(Measure(what, unit, mean, sd / math.sqrt(n) if n > 1 else math.nan, n, spread=ends))
    return found
