"""Pure functions from readings of tissues to figures: film, spheroid, wound, transwell, neighbours, walks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator
from scipy import optimize, stats

from exude.engine.layout import Floats
from exude.errors import DataError, refuse
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.exosome_uptake import ExosomeUptake
from exude.experiment.assays.gelatin_degradation import GelatinDegradation
from exude.experiment.assays.gene_transfer import GeneTransfer
from exude.experiment.assays.measures import (
    Dishes,
    TissueReading,
    all_of,
    mean_square_displacement,
    same_times,
)  # fmt: skip
from exude.experiment.assays.spheroid_invasion import SpheroidInvasion
from exude.experiment.assays.transwell import Transwell
from exude.experiment.assays.tumour_in_host import TumourInHost
from exude.experiment.assays.wound_closure import WoundClosure
from exude.experiment.panels import Bars, Curves, Distributions, Series
from exude.show.axes import Room, draw_bars, draw_curves, draw_distributions
from exude.show.style import CONTROL, FAINT, PALETTE, is_control, new_figure, settled, style, wrap
from exude.show.tissue_axes import (
    KIND_NAMES,
    STATES,
    View,
    clock,
    draw_film,
    draw_layer,
    draw_neighbours,
    draw_section,
    draw_slab,
    draw_spheroid,
    kind_key,
)  # fmt: skip
from exude.show.words import said
from exude.units import factor_to_internal

HOUR, MINUTE = factor_to_internal("h"), factor_to_internal("min")
SHORTEST = 0.1
"""Persistence shorter than this share of the first lag looks like none."""
WIDTH = 183.0
"""Width of a page, mm."""
PICTURES = 4
"""Most pictures beside each other."""
TALLEST = 62.0
"""Most height of a picture, mm."""
CONFIDENCE = 0.95
PERCENT = 100.0
ANYTHING = (-math.inf, math.inf)
ROOM_FOR_KEY = 3.0
"""Factor by which a logarithmic axis is longer than its data need."""
Conditions = Mapping[str, Dishes]
"""Dishes by the name of what was done to them."""


def gelatin_figure(conditions: Conditions, assay: GelatinDegradation | None = None) -> Figure:
    """A picture of the film of each condition's first dish, and the area degraded per cell, a point for each dish."""
    assay = assay or GelatinDegradation()
    chosen = {label: (all_of(dishes)[0],) for label, dishes in _some(conditions).items()}
    with style():
        figure, below = _pictures(chosen, lambda dish: [dish.index(assay.at)], draw_film, _bar_height(conditions))
        values = {
            label: [float(assay.observable(d)["area_per_cell"]) for d in all_of(ds)] for label, ds in conditions.items()
        }
        _bars(below, values, "film degraded (µm² per cell)")
        _foot(figure, conditions, "orange: outlines of cells")
        return settled(figure)


def spheroid_figure(conditions: Conditions, assay: SpheroidInvasion | None = None) -> Figure:
    """A row of snapshots for each condition's first dish, and the front against time: mean and 95 % of the mean."""
    assay = assay or SpheroidInvasion()
    with style():
        figure, below = _pictures(_first(conditions), _spread, draw_spheroid, 58.0)
        courses = {label: [assay.observable(dish)["front"] for dish in all_of(ds)] for label, ds in conditions.items()}
        _curves(below, courses, "front beyond the start (µm)")
        key = ", ".join(f"{name}: {word}" for name, word in zip(("blue", "amber", "red"), STATES, strict=True))
        _foot(
            figure,
            conditions,
            f"cells {key} (in space); circles: front at the start (dashed) and now; brown: collagen of the middle plane",
        )
        return settled(figure)


def wound_figure(conditions: Conditions, assay: WoundClosure | None = None) -> Figure:
    """A row of snapshots for each condition's first dish, and the share closed against time."""
    assay = assay or WoundClosure()
    with style():
        figure, below = _pictures(_first(conditions), _spread, draw_layer, 58.0)
        courses = {label: [assay.observable(dish)["closed"] for dish in all_of(ds)] for label, ds in conditions.items()}
        _curves(below, courses, "wound closed (share)")
        _foot(figure, conditions, "shaded: free area; dashed: the wound at the start")
        return settled(figure)


def transwell_figure(conditions: Conditions, assay: Transwell | None = None) -> Figure:
    """The slab of each condition's first dish from the side, and the share of cells that came through."""
    assay = assay or Transwell()
    chosen = {label: (all_of(dishes)[0],) for label, dishes in _some(conditions).items()}
    with style():
        figure, below = _pictures(chosen, lambda dish: [dish.index(assay.at)], draw_slab, _bar_height(conditions))
        values = {label: [float(assay.observable(d)["share"]) for d in all_of(ds)] for label, ds in conditions.items()}
        _bars(below, values, "cells that came through (share)")
        _foot(figure, conditions, "red: cells that have come to the lower face, counted for good")
        return settled(figure)


def co_culture_figure(conditions: Conditions, assay: CoCulture | None = None) -> Figure:
    """A row of snapshots for each condition's first dish, and the share of tumour cells killed against time."""
    assay = assay or CoCulture()
    with style():
        figure, below = _pictures(_first(conditions), _spread, draw_neighbours, 62.0)
        courses = {label: [assay.observable(dish)["course"] for dish in all_of(ds)] for label, ds in conditions.items()}
        _curves(below, courses, "tumour cells killed (share)", (0.0, 1.0))
        _kind_key(below, conditions)
        _foot(figure, conditions, "killed: share of the tumour cells of the start that are gone")
        return settled(figure)


def tumour_figure(conditions: Conditions, assay: TumourInHost | None = None) -> Figure:
    """Sections of each condition's first tumour, and the volume of tumours against time."""
    assay = assay or TumourInHost()
    with style():
        figure, below = _pictures(_first(conditions), _spread, draw_section, 62.0)
        courses = {label: [assay.observable(dish)["volume"] for dish in all_of(ds)] for label, ds in conditions.items()}
        _curves(below, courses, "volume of the tumour (mm³)", (0.0, math.inf))
        _kind_key(below, conditions)
        _foot(figure, conditions, "sections through the middle; red: vessels; brown: collagen")
        return settled(figure)


def gene_transfer_figure(conditions: Conditions, assay: GeneTransfer | None = None) -> Figure:
    """A row of snapshots for each condition's first dish, and the recipients transformed, expected and counted."""
    assay = assay or GeneTransfer()
    with style():
        figure, below = _pictures(_first(conditions), _spread, draw_neighbours, 62.0)
        tables = {label: [assay.observable(dish) for dish in all_of(ds)] for label, ds in conditions.items()}
        for colour, found in zip(_colours(conditions), tables.values(), strict=True):
            counted = PERCENT * np.mean([table["course"].values for table in found], axis=0)
            hours = found[0]["time"].values / HOUR
            below.plot(hours, counted, "o--", color=colour, lw=0.7, ms=3.0, mfc="white", clip_on=False)
        expected = {label: [PERCENT * table["expected"] for table in found] for label, found in tables.items()}
        _curves(below, expected, "recipients transformed (%)", (0.0, PERCENT))
        _kind_key(below, conditions)
        _foot(figure, conditions, "line: expected from what was taken up; open circles: counted, mean of the dishes")
        return settled(figure)


def uptake_figure(conditions: Conditions, assay: ExosomeUptake | None = None) -> Figure:
    """Exosomes taken up per recipient against time, and how the recipients of all dishes differ at the reading."""
    assay = assay or ExosomeUptake()
    with style():
        figure = new_figure(WIDTH, 66)
        left, right = figure.subplots(1, 2)
        tables = {label: [assay.observable(d) for d in all_of(ds)] for label, ds in _some(conditions).items()}
        cell = KIND_NAMES.get(assay.kind, assay.kind)
        courses = {label: [t["course"] for t in found] for label, found in tables.items()}
        _curves(left, courses, f"exosomes taken up (per {cell})", (0.0, math.inf))
        each = tuple((label, np.concatenate([t["taken"].values for t in found])) for label, found in tables.items())
        words = f"taken up by a single {cell} (exosomes)"
        draw_distributions(right, Distributions("", words, each), Room(width=200, height=120))
        _foot(figure, conditions, f"right: single cells at {clock(*_read_at(conditions, assay.at))}")
        return settled(figure)


def persistent_walk(lag: Floats, speed: float, persistence: float) -> Floats:
    """Mean square displacement of a persistent random walk: 2 S^2 P (t - P (1 - exp(-t / P))), S root mean square speed."""
    return np.asarray(2 * speed**2 * persistence * (lag + persistence * np.expm1(-lag / persistence)))


def fitted_walk(table: xr.Dataset) -> tuple[float, float]:
    """Speed (um/s) and persistence (s) whose persistent walk fits a table of `mean_square_displacement` best (ln).

    A persistence of `SHORTEST` of the first lag is the shortest that is told from none.
    """
    lag, seen = table["lag"].values, table["msd"].values
    good = np.isfinite(seen) & (seen > 0)
    if good.sum() < 2:
        raise refuse(DataError, int(good.sum()), "two lags or more at which cells moved", "Record more often.")
    lag, seen = lag[good], seen[good]
    weight = np.sqrt(table["cells"].values[good] / table["cells"].values.max())
    begin = np.log([math.sqrt(seen[0]) / lag[0], lag[0]])
    low, high = np.log(SHORTEST * lag[0]), np.log(lag[-1] / SHORTEST)
    found = optimize.least_squares(
        lambda p: weight * (np.log(persistent_walk(lag, *np.exp(p))) - np.log(seen)),
        begin, bounds=([-np.inf, low], [np.inf, high]),
    )  # fmt: skip
    speed, persistence = np.exp(found.x)
    return float(speed), float(persistence)


def walk_figure(conditions: Conditions) -> Figure:
    """Mean square displacement against lag, both logarithmic, with the persistent walk fitted to each condition."""
    with style():
        figure = new_figure(130, 90)
        axes = figure.add_subplot()
        for (label, dishes), colour in zip(_some(conditions).items(), _colours(conditions), strict=True):
            _walk(axes, label, mean_square_displacement(dishes), colour)
        axes.set_xscale("log")
        axes.set_yscale("log")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
            axis.set_minor_locator(NullLocator())
            axis.set_major_formatter(FuncFormatter(lambda value, _: said(value)))
        _slopes(axes)
        axes.set_xlabel("time between two places (h)")
        axes.set_ylabel("mean square displacement (µm²)")
        axes.legend(fontsize=6.5, loc="upper left")
        key = "points: mean over cells and two standard errors; lines: persistent walk fitted"
        _foot(figure, conditions, key, 100)
        return settled(figure)


def _walk(axes: Axes, label: str, table: xr.Dataset, colour: str) -> None:
    """Points of one condition and its fitted walk, named with speed and persistence, or with the diffusion alone."""
    speed, persistence = fitted_walk(table)
    lag = table["lag"].values
    axes.errorbar(
        lag / HOUR, table["msd"].values, 2 * table["error"].values, fmt="o", ms=3, color=colour, lw=0.8, capsize=0
    )  # fmt: skip
    text = f"{label}: speed {said(speed * HOUR)} µm/h, persistence {said(persistence / MINUTE)} min"
    if persistence <= lag[0] * 2 * SHORTEST:
        spread = speed**2 * persistence / table.attrs["dimensions"] * HOUR
        text = f"{label}: diffusion {said(spread)} µm²/h, persistence too short to see"
    fine = np.geomspace(lag[0], lag[-1], 200)
    axes.plot(fine / HOUR, persistent_walk(fine, speed, persistence), color=colour, label=text)


def _slopes(axes: Axes) -> None:
    """Guides from the lower left, named at their ends: slope 2 (straight) and slope 1 (random); room above for the key."""
    (left, right), (low, high) = axes.get_xlim(), axes.get_ylim()
    high *= ROOM_FOR_KEY
    for power, word in ((2, "straight:\nslope 2"), (1, "random:\nslope 1")):
        end = min(right, left * (high / low) ** (1 / power))
        at = low * (end / left) ** power
        axes.plot([left, end], [low, at], color=CONTROL, lw=0.7, ls=(0, (4, 2)), zorder=0.5)
        beside = end == right
        axes.annotate(
            word, (end, at), xytext=(3, 0) if beside else (0, 2), textcoords="offset points", fontsize=6.0, color=FAINT,
            ha="left" if beside else "center", va="center" if beside else "bottom", annotation_clip=False,
        )  # fmt: skip
    axes.set_xlim(left, right)
    axes.set_ylim(low, high)


def _some(conditions: Conditions) -> Conditions:
    if not conditions:
        raise refuse(DataError, dict(conditions), "one condition or more", "Give {'untreated': [reading(...)]}.")
    return conditions


def _first(conditions: Conditions) -> dict[str, tuple[TissueReading, ...]]:
    return {label: all_of(dishes)[:1] for label, dishes in _some(conditions).items()}


def _spread(dish: TissueReading) -> list[int]:
    """Numbers of a few snapshots, evenly spread, first and last among them."""
    return sorted({round(i) for i in np.linspace(0, len(dish) - 1, min(PICTURES, len(dish)))})


def _pictures(
    chosen: Mapping[str, Sequence[TissueReading]], pick: Any, view: View, below: float
) -> tuple[Figure, Axes]:
    """A figure with pictures, and empty axes below them of a height in mm.

    Where each dish is shown once, conditions stand beside each other; else each has a row of its times.
    """
    dishes = [(label, ds[0], index) for label, ds in chosen.items() for index in pick(ds[0])]
    single = len(dishes) == len(chosen)
    columns = min(PICTURES, len(dishes)) if single else max(len(pick(ds[0])) for ds in chosen.values())
    rows = math.ceil(len(dishes) / columns) if single else len(chosen)
    axis = 2 if view is draw_slab else 1
    shape = max(ds[0].grid.size[axis] / ds[0].grid.size[0] for ds in chosen.values())
    height = min(TALLEST, (WIDTH / columns - 4) * shape) + (7 if single else 3)
    figure = new_figure(WIDTH, rows * height + below + 6)
    grid = figure.add_gridspec(rows + 1, columns, height_ratios=[*[height] * rows, below])
    taken = dict.fromkeys(range(rows), 0)
    order = list(chosen)
    for number, (label, dish, index) in enumerate(dishes):
        row = number // columns if single else order.index(label)
        axes = figure.add_subplot(grid[row, taken[row]])
        view(axes, dish, index)
        if single:
            axes.set_title(wrap(label, int(WIDTH / columns / 1.5)), fontsize=7.5)
        elif taken[row] == 0:
            axes.set_ylabel(wrap(label, int(height / 1.5)), fontsize=7.5)
        taken[row] += 1
    return figure, figure.add_subplot(grid[rows, :])


def _kind_key(axes: Axes, conditions: Conditions) -> None:
    """Names the colours of kinds of cells in a line above axes."""
    marks = kind_key([dish for dishes in conditions.values() for dish in all_of(dishes)])
    axes.legend(
        handles=marks, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=len(marks), fontsize=6.5, borderpad=0.2,
        borderaxespad=0.3, handletextpad=0.1, columnspacing=1.2,
    )  # fmt: skip


def _read_at(conditions: Conditions, at: float) -> tuple[float, float]:
    """Time of a reading and of the last record of the first dish, s."""
    times = all_of(next(iter(conditions.values())))[0].times
    return min(at, float(times[-1])), float(times[-1])


def _bar_height(conditions: Conditions) -> float:
    return 16.0 + 7.0 * len(conditions)


def _bars(axes: Axes, values: Mapping[str, Sequence[float]], words: str) -> None:
    """Mean of each condition's dishes, 95 % interval of the mean (t), a point for each dish."""
    means = tuple(float(np.mean(v)) for v in values.values())
    halves = [_half(np.asarray(v, float)) for v in values.values()]
    low = tuple(max(0.0, m - h) for m, h in zip(means, halves, strict=True))
    high = tuple(m + h for m, h in zip(means, halves, strict=True))
    points = tuple(tuple(v) for v in values.values())
    draw_bars(axes, Bars("", words, tuple(values), means, low, high, points), Room(width=330, height=90, letters=34))


def _half(values: Floats) -> float:
    """Half the 95 % interval of a mean; nothing for a single value."""
    if len(values) < 2:
        return 0.0
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))


def _curves(
    axes: Axes, courses: Mapping[str, Sequence[xr.DataArray]], words: str, within: tuple[float, float] = ANYTHING
) -> None:
    """Mean of each condition's dishes against time, with the 95 % interval of the mean, and single dishes thin.

    within: least and most that can be.
    """
    series = []
    for (label, found), colour in zip(courses.items(), _colours(courses), strict=True):
        table = np.array([course.values for course in found])
        hours = found[0]["time"].values / HOUR
        mean, half = table.mean(axis=0), np.array([_half(column) for column in table.T])
        low, high = np.clip([mean - half, mean + half], *within)
        series.append(Series(label, hours, mean, low, high, control=is_control(label)))
        if len(table) > 1:
            axes.plot(hours, table.T, color=colour, lw=0.5, alpha=0.6)
    draw_curves(axes, Curves("", "time (h)", words, tuple(series)), Room(width=330, height=120))


def _colours(conditions: Mapping[str, Any]) -> list[str]:
    """Grey for what is untreated, then the palette in order, as `draw_curves` has it."""
    rest = iter(PALETTE * (len(conditions) // len(PALETTE) + 1))
    return [CONTROL if is_control(label) else next(rest) for label in conditions]


def _foot(figure: Figure, conditions: Conditions, key: str, letters: int = 140) -> None:
    dishes = [all_of(found) for found in conditions.values()]
    same_times([dish for found in dishes for dish in found])
    numbers = sorted({len(found) for found in dishes})
    count = f"{numbers[0]}" if len(numbers) == 1 else f"{numbers[0]} to {numbers[-1]}"
    made = dishes[0][0].made
    line = f"{made['line']}; " if "line" in made else ""
    text = f"{line}{count} dish{'es' if numbers[-1] > 1 else ''} per condition; {key}"
    figure.supxlabel(wrap(text, letters), x=0.01, ha="left", fontsize=6.5, color=FAINT)
