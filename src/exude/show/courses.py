"""What a figure reads from results of any kind: a run, the summary of a population, an expected course."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from scipy import stats

from exude.engine.layout import Floats
from exude.engine.result import Run
from exude.engine.summary import Summary
from exude.errors import DataError, ProtocolError, UnknownName, refuse
from exude.experiment.assays.reading import sampled
from exude.show.style import is_control
from exude.show.words import micro
from exude.units import factor_to_internal

Result = Run | Summary | xr.Dataset
"""A run, a summary of many cells, or the expected course that `expect` gives."""
Results = Mapping[str, Result]
"""Results by the name of what was done."""

HOUR = factor_to_internal("h")
CONFIDENCE = 0.95
SINCE = " since time 0"
"""Marks a quantity that adds up, in its long name."""


@dataclass(frozen=True)
class Course:
    """Mean over cells against time (s), and half the 95 % interval of that mean (NaN for an expected course)."""

    time: Floats
    mean: Floats
    half: Floats
    label: str
    """Words for the axis, with the unit."""
    adds_up: bool
    """Whether it is counted since time 0, so that it has a rate."""


def data_of(result: Result) -> xr.Dataset:
    """The table of a result."""
    return result if isinstance(result, xr.Dataset) else result.data


def provenance_of(result: Result) -> dict[str, Any]:
    """What made a result; empty where it does not say."""
    return dict(json.loads(data_of(result).attrs.get("provenance", "{}")))


def some(results: Mapping[str, Any], what: str = "result") -> Mapping[str, Any]:
    """The same results; DataError where there is none."""
    if not results:
        raise refuse(DataError, dict(results), f"one {what} or more", f"Give {{'untreated': {what}}}.")
    return results


def course_of(result: Result, what: str) -> Course:
    """The course of a recorded quantity, or of the MVBs in a stage; UnknownName for anything else."""
    table = variable(result, what)
    mean = table.sel(statistic="mean") if "statistic" in table.dims else _over_cells(table)
    adds_up = SINCE in str(table.attrs.get("long_name", what))
    return Course(table["time"].values, mean.values.astype(float), _half(result, table), _label(table, what), adds_up)


def variable(result: Result, what: str) -> xr.DataArray:
    """A recorded quantity by name: (cell, time), (statistic, time) or (time,)."""
    data = data_of(result)
    stages = [str(stage) for stage in data["stage"].values] if "stage" in data.coords else []
    if what in stages:
        units = {"units": "MVBs", "long_name": f"{what} MVBs"}
        return data["stage_count"].sel(stage=what, drop=True).assign_attrs(units)
    if what not in data or "time" not in data[what].dims or "stage" in data[what].dims:
        known = [str(name) for name in data if data[name].dims in (("time",), ("cell", "time"), ("statistic", "time"))]
        raise refuse(UnknownName, what, f"one of {', '.join([*known, *stages])}", "Choose one.", [*known, *stages])
    return data[what]


def span_of(course: Course, window: tuple[float, float]) -> tuple[float, float]:
    """Start and stop of a window (s), infinity being the end of the run; ProtocolError outside it."""
    first, last = float(course.time[0]), float(course.time[-1])
    start, stop = window[0], min(window[1], last) if window[1] == math.inf else window[1]
    if not first <= start < stop <= last:
        raise refuse(
            ProtocolError, window, f"a window inside the run, {first:g} to {last:g} s", "Give (start, stop) in s."
        )
    return start, stop


def in_window(result: Result, what: str, window: tuple[float, float]) -> tuple[float, float]:
    """A quantity in a window and half its 95 % interval over cells: gain per hour, or mean where it does not add up.

    The interval is NaN where cells are not kept.
    """
    course = course_of(result, what)
    start, stop = span_of(course, window)
    if course.adds_up:
        rate, spread = rates(result, what, np.array([start, stop]))
        return float(rate[0]), float(spread[0])
    inside = (course.time >= start) & (course.time <= stop)
    table = variable(result, what)
    half = half_interval(table.values[:, inside].mean(axis=1)) if "cell" in table.dims else math.nan
    return float(course.mean[inside].mean()), half


def rates(result: Result, what: str, edges: Floats) -> tuple[Floats, Floats]:
    """Gain per cell and hour between neighbouring times (s) within the run, and half its 95 % interval over cells."""
    table = variable(result, what)
    hours = np.diff(edges) / HOUR
    if "cell" in table.dims:
        each = np.diff(sampled(table.transpose("cell", "time"), edges).values, axis=1) / hours
        return each.mean(axis=0), np.array([half_interval(column) for column in each.T])
    course = course_of(result, what)
    gained: Floats = np.diff(np.interp(edges, course.time, course.mean)) / hours
    return gained, np.full(len(hours), math.nan)


def half_interval(values: Floats) -> float:
    """Half the 95 % interval of the mean of independent values (Student's t); NaN for a single one."""
    there = np.asarray(values, float)[np.isfinite(values)]
    if len(there) < 2:
        return math.nan
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, len(there) - 1) * there.std(ddof=1) / math.sqrt(len(there)))


def rate_label(course: Course) -> str:
    """Words for the axis of a rate, or of the quantity itself where it has none."""
    return course.label.replace("(per cell)", "(per cell and h)") if course.adds_up else course.label


def made_by(results: Results) -> str:
    """A line for below a figure: cells, seed, what the band is."""
    found = [provenance_of(result) for result in results.values()]
    counts = {f"{p['cells']:,}" for p in found if "cells" in p}
    seeds = sorted({str(p["seed"]) for p in found if "seed" in p})
    if not counts:
        return "expected course of a cell with the line's median levels"
    text = (
        f"n = {' or '.join(sorted(counts))} cells each, seed {', '.join(seeds)}; mean and its 95 % interval over cells"
    )
    return text if all("cells" in p for p in found) else f"{text}; without a band: expected course"


def title_of(results: Results) -> str:
    """The line or lines of cells."""
    return ", ".join(dict.fromkeys(str(provenance_of(result).get("line", "")) for result in results.values()))


def controls(results: Mapping[str, Any]) -> list[bool]:
    """Which of the results are drawn in grey."""
    return [is_control(label) for label in results]


def _over_cells(table: xr.DataArray) -> xr.DataArray:
    return table.mean("cell") if "cell" in table.dims else table


def _half(result: Result, table: xr.DataArray) -> Floats:
    """Half the 95 % interval of the mean over cells at each time."""
    if "cell" in table.dims:
        cells, sd = table.sizes["cell"], table.std("cell", ddof=1).values if table.sizes["cell"] > 1 else math.nan
    elif "statistic" in table.dims:
        cells, sd = int(provenance_of(result)["cells"]), table.sel(statistic="sd").values
    else:
        cells, sd = 0, math.nan
    width = stats.t.ppf((1 + CONFIDENCE) / 2, cells - 1) / math.sqrt(cells) if cells > 1 else math.nan
    return np.broadcast_to(np.asarray(width * sd, float), table.sizes["time"]).copy()


def _label(table: xr.DataArray, what: str) -> str:
    """'exosomes released (per cell)': the long name without its asides, and the unit."""
    name = re.sub(rf"{SINCE}|\s*\([^)]*\)", "", str(table.attrs.get("long_name", what)))
    units = str(table.attrs.get("units", "1"))
    per = {"uM": " (µM)", "1": ""}.get(units, " (per cell)")
    return micro(name + per)
