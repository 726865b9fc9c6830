"""Pure functions from a run or a summary of one to a figure."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exude.engine.result import Run
from exude.engine.summary import Summary
from exude.experiment.panels import Curves, Distributions, Series
from exude.show.axes import Room, draw_curves, draw_distributions, shade_windows
from exude.show.style import CONTROL, FAINT, PALETTE, new_figure, settled, style, wrap
from exude.show.words import micro
from exude.units import seconds

MOST_RASTER_CELLS = 60
MOST_BARS = 60


def figure_of(made: Run | Summary) -> Figure:
    """The figure of either kind of result."""
    return summary_figure(made) if isinstance(made, Summary) else run_figure(made)


def run_figure(run: Run) -> Figure:
    """One run: calcium, exosomes, stages, MVB diameters at the snapshot, and when each cell released."""
    with style():
        figure = new_figure(183, 165)
        grid: Any = figure.subplot_mosaic(
            [["calcium", "exosomes"], ["stages", "diameters"], ["raster", "raster"]], height_ratios=(1, 1, 0.9)
        )
        clock = _Clock.of(run)
        _calcium(grid["calcium"], run, clock)
        _exosomes(grid["exosomes"], run, clock)
        _stages(grid["stages"], run.data["stage_count"].mean("cell"), clock)
        _diameters(grid["diameters"], run)
        _raster(grid["raster"], run, clock)
        _say_what(figure, run)
        return settled(figure)


def summary_figure(made: Summary) -> Figure:
    """A population: calcium, exosomes and stages as mean and spread, and the distribution of exosomes per cell."""
    with style():
        figure = new_figure(183, 115)
        grid: Any = figure.subplot_mosaic([["calcium", "exosomes"], ["stages", "cells"]])
        clock = _Clock.of(made)
        for name, label in (("calcium", "free calcium (µM)"), ("exosomes", "exosomes released (per cell)")):
            mean, sd = made.data[name].sel(statistic="mean").values, made.data[name].sel(statistic="sd").values
            series = (Series("mean", clock.time, mean, np.maximum(mean - sd, 0.0), mean + sd),)
            draw_curves(grid[name], Curves("", clock.label, label, series, clock.windows), ROOM)
            _say_above(grid[name], "mean, one standard deviation between cells")
        _stages(grid["stages"], made.data["stage_count"].sel(statistic="mean"), clock)
        _cells(grid["cells"], made)
        _say_what(figure, made)
        return settled(figure)


def _say_what(figure: Figure, of: Run | Summary) -> None:
    made = of.provenance
    conditions = "; ".join(made.get("conditions", ["untreated"]))
    title = micro(f"{made['line']}: {conditions}")
    figure.suptitle(wrap(title, 100), x=0.01, ha="left", fontsize=9, fontweight="bold")
    foot = f"{made['cells']:,} cells, seed {made['seed']}, mechanism {made['hypothesis']}, exude {made['versions']['exude']}"
    figure.supxlabel(foot, x=0.01, ha="left", fontsize=6.5, color=FAINT)


class _Clock:
    """Time of a run in the unit a person would choose, and what was added when."""

    def __init__(self, time: Any, windows: tuple[tuple[float, float, str], ...]) -> None:
        self.unit, self.size = ("h", 3600.0) if float(time[-1]) > 4 * 3600 else ("min", 60.0)
        self.time = np.asarray(time, float) / self.size
        self.windows = tuple((a / self.size, min(b / self.size, self.time[-1]), text) for a, b, text in windows)
        self.label = f"time ({self.unit})"

    @staticmethod
    def of(run: Run | Summary) -> _Clock:
        time = run.data["time"].values
        return _Clock(time, tuple(_window(text, float(time[-1])) for text in _timed(run)))


def _timed(run: Run | Summary) -> list[str]:
    return [text for text in run.provenance.get("conditions", []) if re.search(r"\bat \S+ \w+", text)]


def _window(text: str, end: float) -> tuple[float, float, str]:
    """'ionomycin 5 uM at 20 min until 30 min' as a span of seconds with its name."""
    found = re.fullmatch(r"(.*?),? at (\S+ \w+)(?: until (\S+ \w+))?", text)
    if found is None:
        return 0.0, end, text
    stop = seconds(found[3], what="time") if found[3] else end
    return seconds(found[2], what="time"), stop, micro(found[1])


ROOM = Room(width=150, height=105, size=6.8)


def _calcium(axes: Axes, run: Run, clock: _Clock) -> None:
    calcium = run.data["calcium"]
    _singles(axes, calcium, clock)
    middle, low, high = (calcium.quantile(q, "cell").values for q in (0.5, 0.025, 0.975))
    series = (Series("median", clock.time, middle, low, high),)
    draw_curves(axes, Curves("", clock.label, "free calcium (µM)", series, clock.windows), ROOM)
    _say_above(axes, "median, 95 % of cells; grey: single cells")


def _exosomes(axes: Axes, run: Run, clock: _Clock) -> None:
    exosomes = run.exosomes
    _singles(axes, exosomes, clock)
    low, high = (exosomes.quantile(q, "cell").values for q in (0.025, 0.975))
    series = (Series("mean", clock.time, exosomes.mean("cell").values, low, high),)
    draw_curves(axes, Curves("", clock.label, "exosomes released (per cell)", series, clock.windows), ROOM)
    _say_above(axes, "mean, 95 % of cells; grey: single cells")


def _say_above(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=6.8, color=FAINT)


def _singles(axes: Axes, data: xr.DataArray, clock: _Clock) -> None:
    """A few cells, spread over the ranks of their last value, as thin grey lines."""
    order = np.argsort(data.isel(time=-1).values, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(5, len(order))).astype(int)] if len(order) > 1 else order
    for cell in chosen:
        axes.plot(clock.time, data.isel(cell=int(cell)).values, color=CONTROL, lw=0.6, alpha=0.9, zorder=2)


def _stages(axes: Axes, mean: xr.DataArray, clock: _Clock) -> None:
    series = [Series(str(stage), clock.time, mean.sel(stage=stage).values) for stage in mean["stage"].values]
    draw_curves(axes, Curves("", clock.label, "MVBs (mean per cell)", tuple(series), clock.windows), ROOM)


def _cells(axes: Axes, made: Summary) -> None:
    """How many cells released how many exosomes, up to the richest 0.1 %."""
    cells = made.distribution["exosomes"].values
    most = max(made.quantile(0.999), 1)
    edges = np.unique(np.linspace(0, most + 1, min(MOST_BARS, most + 1) + 1).astype(int))
    share = np.add.reduceat(cells[: most + 1], edges[:-1]) / cells.sum() / np.diff(edges)
    axes.stairs(share, edges, fill=True, color=PALETTE[0], alpha=0.7)
    axes.set_xlim(0, most + 1)
    axes.set_xlabel("exosomes released (per cell)")
    axes.set_ylabel("share of cells (per exosome)")
    _say_above(axes, "all cells but the richest 0.1 %, at the end of the run")


def _diameters(axes: Axes, run: Run) -> None:
    vesicles = run.vesicles
    times = np.unique(vesicles["time"].values)
    _say_above(axes, "every MVB of every cell")
    if not len(times):
        axes.text(0.5, 0.5, "no MVB was read (no snapshot)", ha="center", va="center", color=FAINT)
        axes.set_axis_off()
        return
    samples = tuple(
        (f"at {_Clock(times[-1:], ()).time[0] if t == times[-1] else t / _unit(times):g} {_name(times)}",
         vesicles["diameter"].values[vesicles["time"].values == t])
        for t in times[-4:]
    )  # fmt: skip
    draw_distributions(axes, Distributions("", "MVB diameter (µm)", samples), ROOM)


def _unit(times: Any) -> float:
    return 3600.0 if float(times[-1]) > 4 * 3600 else 60.0


def _name(times: Any) -> str:
    return "h" if _unit(times) == 3600.0 else "min"


def _raster(axes: Axes, run: Run, clock: _Clock) -> None:
    """Fusions with the plasma membrane, one row per cell, dot area by exosomes set free."""
    events = run.events
    cells = run.data["cell"].values[:MOST_RASTER_CELLS]
    own = (events["fate"].values == "released") & (events["time"].values >= 0) & np.isin(events["cell"].values, cells)
    shade_windows(axes, clock.windows)
    if own.any():
        area = 0.6 + 0.25 * np.clip(events["ilv"].values[own], 0, 60)
        time = events["time"].values[own] / clock.size
        axes.scatter(time, events["cell"].values[own], s=area, color=PALETTE[0], alpha=0.7, lw=0, zorder=2)
    else:
        axes.text(0.5, 0.5, "no fusion was recorded", transform=axes.transAxes, ha="center", color=FAINT)
    axes.set_xlim(clock.time[0], clock.time[-1])
    axes.set_ylim(cells[0] - 1, cells[-1] + 1)
    axes.set_xlabel(clock.label)
    axes.set_ylabel("cell (number)")
    _say_above(axes, "each dot: one MVB fusing with the plasma membrane; its area: the exosomes set free")
