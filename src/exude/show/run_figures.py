"""Pure functions from a run or a summary of one to a figure."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exude.engine.result import Run
from exude.engine.summary import Summary
from exude.experiment.panels import Curves, Distributions, Series
from exude.show.axes import Room, draw_curves, draw_distributions
from exude.show.run_axes import Clock, draw_raster
from exude.show.style import CONTROL, FAINT, PALETTE, new_figure, settled, style, wrap
from exude.show.words import micro

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
        clock = Clock.of(run)
        _calcium(grid["calcium"], run, clock)
        _exosomes(grid["exosomes"], run, clock)
        _stages(grid["stages"], run.data["stage_count"].mean("cell"), clock)
        _diameters(grid["diameters"], run)
        draw_raster(grid["raster"], run, clock)
        _say_above(grid["raster"], "each dot: one MVB fusing with the plasma membrane; its area: the exosomes set free")
        _say_what(figure, run)
        return settled(figure)


def summary_figure(made: Summary) -> Figure:
    """A population: calcium, exosomes and stages as mean and spread, and the distribution of exosomes per cell."""
    with style():
        figure = new_figure(183, 115)
        grid: Any = figure.subplot_mosaic([["calcium", "exosomes"], ["stages", "cells"]])
        clock = Clock.of(made)
        for name, label in (("calcium", "free calcium (µM)"), ("exosomes", "exosomes released (per cell)")):
            mean, sd = made.data[name].sel(statistic="mean").values, made.data[name].sel(statistic="sd").values
            series = (Series("mean", clock.time, mean, np.maximum(mean - sd, 0.0), mean + sd),)
            draw_curves(grid[name], Curves("", clock.label, label, series, clock.windows, from_zero=True), ROOM)
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


ROOM = Room(width=150, height=105, size=6.8)


def _calcium(axes: Axes, run: Run, clock: Clock) -> None:
    calcium = run.data["calcium"]
    _singles(axes, calcium, clock)
    middle, low, high = (calcium.quantile(q, "cell").values for q in (0.5, 0.025, 0.975))
    series = (Series("median", clock.time, middle, low, high),)
    draw_curves(axes, Curves("", clock.label, "free calcium (µM)", series, clock.windows), ROOM)
    _say_above(axes, "median, 95 % of cells; grey: single cells")


def _exosomes(axes: Axes, run: Run, clock: Clock) -> None:
    exosomes = run.exosomes
    _singles(axes, exosomes, clock)
    low, high = (exosomes.quantile(q, "cell").values for q in (0.025, 0.975))
    series = (Series("mean", clock.time, exosomes.mean("cell").values, low, high),)
    draw_curves(axes, Curves("", clock.label, "exosomes released (per cell)", series, clock.windows), ROOM)
    _say_above(axes, "mean, 95 % of cells; grey: single cells")


def _say_above(axes: Axes, text: str) -> None:
    axes.set_title(text, loc="left", fontsize=6.8, color=FAINT)


def _singles(axes: Axes, data: xr.DataArray, clock: Clock) -> None:
    """A few cells, spread over the ranks of their last value, as thin grey lines."""
    order = np.argsort(data.isel(time=-1).values, kind="stable")
    chosen = order[np.linspace(0, len(order) - 1, min(5, len(order))).astype(int)] if len(order) > 1 else order
    for cell in chosen:
        axes.plot(clock.time, data.isel(cell=int(cell)).values, color=CONTROL, lw=0.6, alpha=0.9, zorder=2)


def _stages(axes: Axes, mean: xr.DataArray, clock: Clock) -> None:
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
    clock = Clock.over(times)
    samples = tuple(
        (f"at {at:g} {clock.unit}", vesicles["diameter"].values[vesicles["time"].values == t])
        for t, at in zip(times[-4:], clock.time[-4:], strict=True)
    )
    draw_distributions(axes, Distributions("", "MVB diameter (µm)", samples), ROOM)
