"""Pure functions from a result to a figure: one statement, the whole study, one run."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exude.engine.result import Run
from exude.experiment.panels import Bars, Curves, Distributions, Panel, Series
from exude.show.axes import Room, draw_curves, draw_distributions, draw_on, shade_windows
from exude.show.style import CONTROL, FAINT, PALETTE, new_figure, save, settled, style, wrap, write
from exude.show.words import is_weak, micro
from exude.units import seconds

__all__ = ["draw", "run_figure", "save", "summary", "write"]

VERDICTS = {"agrees": ("✓", "#00724F"), "disagrees": ("✗", "#B34700"), "not scored": ("–", FAINT)}
"""Mark and colour of a verdict; the word is always written beside it."""

LEGEND = "Bars and lines: prediction, with its 95 % interval; dots: single parameter sets; grey: unperturbed cells; orange: reported."

COLUMNS = 3
MOST_RASTER_CELLS = 60


def draw(panel: Panel) -> Figure:
    """One statement as a figure of 130 mm width."""
    with style():
        bars = isinstance(panel, Bars)
        lines = sum(wrap(label, 30).count("\n") + 1 for label in panel.labels) if isinstance(panel, Bars) else 0
        height = max(52.0, 30.0 + 5.0 * lines + 3.0 * len(getattr(panel, "labels", ()))) if bars else 78.0
        figure = new_figure(130, height)
        axes = figure.add_subplot()
        draw_on(axes, panel, Room(width=225, height=max(70.0, (height - 32) * 2.83), size=7, letters=30))
        figure.suptitle(wrap(panel.title, 72), x=0.01, ha="left", fontsize=9, fontweight="bold")
        if panel.note:
            figure.supxlabel(wrap(panel.note, 104), x=0.01, ha="left", fontsize=6.5, color=FAINT)
        return settled(figure)


def summary(panels: Mapping[str, Panel], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """The whole study: one small panel per statement, with its verdict and role."""
    with style():
        count = max(len(panels), 1)
        deep = -(-count // COLUMNS)
        figure = new_figure(203.2, 12 + 54.0 * deep)
        figure.supxlabel(LEGEND, x=0.01, ha="left", fontsize=6.3, color=FAINT)
        grid: Any = figure.subfigures(deep, COLUMNS, wspace=0.03, hspace=0.02, squeeze=False)
        for place, (name, panel) in zip(grid.flat, panels.items(), strict=False):
            axes = place.add_subplot()
            draw_on(axes, panel, _small_room(panel))
            axes.tick_params(labelsize=6)
            axes.xaxis.label.set_size(6.3)
            axes.yaxis.label.set_size(6.3)
            place.suptitle(wrap(panel.title, 44), x=0.02, ha="left", fontsize=7, fontweight="bold", linespacing=1.1)
            text, colour = verdict_line([row for row in rows if row["id"] == name])
            place.supxlabel(text, x=0.02, ha="left", fontsize=6.6, color=colour, fontweight="bold")
        return settled(figure)


def _small_room(panel: Panel) -> Room:
    """Space in a panel of the summary; bars share theirs with their names."""
    if not isinstance(panel, Bars):
        return Room(width=142, height=78, size=6)
    return Room(width=110, height=78, size=6, letters=20 if len(panel.labels) <= 4 else 28)


def verdict_line(rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Verdict and role of one statement in words, and the colour: '✓ agrees, predicted'.

    Rows under a rival hypothesis are left out; where a statement has several rows, they are counted.
    """
    own = [row for row in rows if not row.get("hypothesis")]
    verdicts = [str(row["verdict"]) for row in own]
    scored = [verdict for verdict in verdicts if verdict != "not scored"]
    roles = " and ".join(dict.fromkeys(str(row["role"]) for row in own))
    if not scored:
        mark, colour = VERDICTS["not scored"]
        return f"{mark} not scored" + (f" · {roles}" if roles else ""), colour
    worst = "disagrees" if "disagrees" in scored else "agrees"
    mark, colour = VERDICTS[worst]
    agree = scored.count("agrees")
    text = worst if len(scored) == 1 else "agrees" if agree == len(scored) else f"{agree} of {len(scored)} rows agree"
    count = f" ({len(scored)} rows)" if len(scored) > 1 and agree == len(scored) else ""
    weak = " · weak" if any(is_weak(row) for row in own) else ""
    return f"{mark} {text}{count} · {roles}{weak}", colour


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
        _stages(grid["stages"], run, clock)
        _diameters(grid["diameters"], run)
        _raster(grid["raster"], run, clock)
        made = run.provenance
        conditions = "; ".join(made.get("conditions", ["untreated"]))
        title = micro(f"{made['line']}: {conditions}")
        figure.suptitle(wrap(title, 100), x=0.01, ha="left", fontsize=9, fontweight="bold")
        foot = f"{made['cells']} cells, seed {made['seed']}, mechanism {made['hypothesis']}, exude {made['versions']['exude']}"
        figure.supxlabel(foot, x=0.01, ha="left", fontsize=6.5, color=FAINT)
        return settled(figure)


class _Clock:
    """Time of a run in the unit a person would choose, and what was added when."""

    def __init__(self, time: Any, windows: tuple[tuple[float, float, str], ...]) -> None:
        self.unit, self.size = ("h", 3600.0) if float(time[-1]) > 4 * 3600 else ("min", 60.0)
        self.time = np.asarray(time, float) / self.size
        self.windows = tuple((a / self.size, min(b / self.size, self.time[-1]), text) for a, b, text in windows)
        self.label = f"time ({self.unit})"

    @staticmethod
    def of(run: Run) -> _Clock:
        time = run.data["time"].values
        return _Clock(time, tuple(_window(text, float(time[-1])) for text in _timed(run)))


def _timed(run: Run) -> list[str]:
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


def _stages(axes: Axes, run: Run, clock: _Clock) -> None:
    mean = run.data["stage_count"].mean("cell")
    series = [Series(str(stage), clock.time, mean.sel(stage=stage).values) for stage in mean["stage"].values]
    draw_curves(axes, Curves("", clock.label, "MVBs (mean per cell)", tuple(series), clock.windows), ROOM)


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
