"""Pure functions from several results to a figure: time courses, calcium with release, rasters of fusions, MVB sizes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from exude.engine.layout import Floats
from exude.engine.result import Run
from exude.errors import ProtocolError, refuse
from exude.experiment.assays.reading import moment, snapshot
from exude.experiment.panels import Curves, Distributions, Series
from exude.show.axes import Room, draw_curves, draw_distributions, series_colours
from exude.show.courses import (
    Course,
    Result,
    Results,
    controls,
    course_of,
    data_of,
    made_by,
    rate_label,
    rates,
    some,
    title_of,
)  # fmt: skip
from exude.show.run_axes import Clock, Window, draw_raster, windows_of
from exude.show.style import FAINT, new_figure, settled, style, wrap

WIDTH = 130.0
"""Of a figure, mm."""
BINS = 30
"""Most steps in which a rate is drawn."""
ROOM = Room(width=235.0, height=150.0, size=7.0)
LOW = Room(width=235.0, height=88.0, size=7.0)
"""Space in a panel that shares its figure with another."""
RASTER_CELLS = 40
LETTERS = 104
"""In a line below a figure."""


def course_figure(results: Results, what: str = "exosomes") -> Figure:
    """A recorded quantity, or the MVBs in a stage, against time: mean over cells with its 95 % interval.

    results: runs, summaries or expected courses by name; 'wild type', 'untreated' and the like are grey. what: name
    of a variable of `Run.data` ('exosomes', 'fusions', 'calcium', 'recruited') or of a stage ('docked').
    Raises DataError without results, UnknownName for a quantity that is not recorded.
    """
    courses = _courses(results, what)
    clock = Clock.common(results)
    with style():
        figure = new_figure(WIDTH, 76)
        series = tuple(_series(label, course, clock) for label, course in courses.items())
        words = next(iter(courses.values())).label
        draw_curves(figure.add_subplot(), Curves("", clock.label, words, series, clock.windows), ROOM)
        return _finished(figure, results)


def calcium_release_figure(results: Results, what: str = "exosomes") -> Figure:
    """Calcium above the rate of release, over one time axis: mean over cells, bands its 95 % interval.

    results: as `course_figure`. what: a quantity counted since time 0; its gain is drawn in steps of whole recorded
    intervals, per cell and hour. Raises ProtocolError for a quantity that does not add up, else as `course_figure`.
    """
    released, calcium = _courses(results, what), _courses(results, "calcium")
    if not all(course.adds_up for course in released.values()):
        raise refuse(ProtocolError, what, "a quantity counted since time 0", "Write for example what='fusions'.")
    clock = Clock.common(results)
    unnamed = tuple((start, stop, "") for start, stop, _ in clock.windows)
    with style():
        figure = new_figure(WIDTH, 100)
        above, below = figure.subplots(2, 1, sharex=True)
        curves = tuple(_series(label, course, clock) for label, course in calcium.items())
        draw_curves(above, Curves("", "", "free calcium (µM)", curves, clock.windows), LOW)
        steps = tuple(_steps(label, result, what, clock) for label, result in results.items())
        words = rate_label(next(iter(released.values())))
        draw_curves(below, Curves("", clock.label, words, steps, unnamed, from_zero=True), LOW)
        above.set_xlim(clock.time[0], clock.time[-1])
        return _finished(figure, results)


def raster_figure(runs: Mapping[str, Run], *, cells: int = RASTER_CELLS) -> Figure:
    """When each cell's MVBs fused with the plasma membrane: a row per cell, runs below each other over one time axis.

    cells: most cells drawn of each run. Dot area: exosomes set free. Raises DataError without runs.
    """
    some(runs, "run")
    clock = Clock.common(runs)
    shown = {label: min(cells, run.data.sizes["cell"]) for label, run in runs.items()}
    with style():
        figure = new_figure(WIDTH, 20 + sum(14 + 0.55 * count for count in shown.values()))
        rows: Any = figure.subplots(len(runs), 1, sharex=True, squeeze=False, height_ratios=list(shown.values()))
        for axes, (label, run), colour in zip(rows[:, 0], runs.items(), series_colours(controls(runs)), strict=True):
            fusions = draw_raster(axes, run, clock, colour=colour, most=cells)
            text = f"{label}: {fusions:,} fusions in {shown[label]} cells"
            axes.set_title(wrap(text, 80), loc="left", fontsize=7.5, color=colour)
            axes.set_ylabel("cell")
            axes.label_outer()
        given = ", ".join(dict.fromkeys(text for _, _, text in clock.windows))
        shade = f"; shaded: {given}" if given else ""
        dot = "each dot: one MVB fusing with the plasma membrane, its area: exosomes set free"
        return _finished(figure, runs, dot + shade)


def size_figure(runs: Mapping[str, Run], *, at: float = math.inf) -> Figure:
    """Diameters of every MVB of several runs at a snapshot: smoothed density, median and number of MVBs.

    at: time of the snapshot, s; infinity is the end. Raises DataError without runs, ProtocolError where no run was
    read then (`Settings(snapshots=...)`).
    """
    some(runs, "run")
    samples = tuple(
        (label, snapshot(run, moment(run, at))["diameter"].values.astype(float)) for label, run in runs.items()
    )
    with style():
        figure = new_figure(WIDTH, 72)
        draw_distributions(figure.add_subplot(), Distributions("", "MVB diameter (µm)", samples), ROOM)
        return _finished(figure, runs, "every MVB of every cell")


def _courses(results: Results, what: str) -> dict[str, Course]:
    return {label: course_of(result, what) for label, result in some(results).items()}


def _series(label: str, course: Course, clock: Clock) -> Series:
    """A course as a line with its band, if it has one."""
    return _banded(label, course.time / clock.size, course.mean, course.half)


def _banded(label: str, x: Floats, y: Floats, half: Floats) -> Series:
    control = controls({label: None})[0]
    if not np.isfinite(half).any():
        return Series(label, x, y, control=control)
    wide = np.nan_to_num(half)
    return Series(label, x, y, np.maximum(y - wide, 0.0), y + wide, control=control)


def _steps(label: str, result: Result, what: str, clock: Clock) -> Series:
    """A rate in steps of whole recorded intervals: two points for each, so that a line draws them."""
    edges = _edges(data_of(result)["time"].values, windows_of(result))
    found, half = rates(result, what, edges)
    return _banded(label, np.repeat(edges / clock.size, 2)[1:-1], np.repeat(found, 2), np.repeat(half, 2))


def _edges(time: Floats, windows: Sequence[Window]) -> Floats:
    """Borders of steps among recorded times: a new one begins where something is added, lest a rise be seen before it."""
    last = len(time) - 1
    borders = [at for start, stop, _ in windows for at in (start, stop) if time[0] < at < time[-1]]
    cuts = np.unique([0, last, *(np.searchsorted(time, borders, side="right") - 1)])
    steps = math.ceil(last / BINS)
    at = np.unique([*(i for a, b in pairwise(cuts) for i in range(a, b, steps)), last])
    return np.asarray(time[at], float)


def _finished(figure: Figure, results: Results, note: str = "") -> Figure:
    """The figure with its title and a line that says what was made of what."""
    figure.suptitle(title_of(results), x=0.01, ha="left", fontsize=9, fontweight="bold")
    made = made_by(results)
    text = f"{note}; {made.split('; ')[0]}" if note else made
    figure.supxlabel(wrap(text, LETTERS), x=0.01, ha="left", fontsize=6.5, color=FAINT)
    return settled(figure)
