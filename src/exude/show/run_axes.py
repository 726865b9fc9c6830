"""Pieces of figures of runs: the clock and what was added when, and the raster of fusions."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes

from exude.engine.layout import Floats
from exude.engine.result import Run
from exude.show.axes import shade_windows
from exude.show.courses import Result, Results, data_of, provenance_of
from exude.show.style import FAINT, PALETTE
from exude.show.words import micro
from exude.units import factor_to_internal, seconds

MOST_RASTER_CELLS = 60
LONG = 4.0
"""Hours after which time is written in hours."""
Window = tuple[float, float, str]


@dataclass(frozen=True)
class Clock:
    """Time in the unit a person would choose, and what was added when, in that unit."""

    unit: str
    time: Floats
    windows: tuple[Window, ...] = ()

    @staticmethod
    def over(time: Floats, windows: tuple[Window, ...] = ()) -> Clock:
        """The clock of times in s."""
        unit = "h" if float(time[-1]) > LONG * factor_to_internal("h") else "min"
        size = factor_to_internal(unit)
        end = float(time[-1])
        spans = tuple((a / size, min(b, end) / size, text) for a, b, text in windows)
        return Clock(unit, np.asarray(time, float) / size, spans)

    @staticmethod
    def of(result: Result) -> Clock:
        """The clock of one result."""
        return Clock.over(data_of(result)["time"].values, windows_of(result))

    @staticmethod
    def common(results: Results) -> Clock:
        """The clock of several results: that of the longest, with what any of them was given."""
        times = [data_of(result)["time"].values for result in results.values()]
        windows = dict.fromkeys(window for result in results.values() for window in windows_of(result))
        return Clock.over(max(times, key=lambda time: float(time[-1])), tuple(windows))

    @property
    def size(self) -> float:
        """Seconds in the unit."""
        return factor_to_internal(self.unit)

    @property
    def label(self) -> str:
        """Words for the axis."""
        return f"time ({self.unit})"


def windows_of(result: Result) -> tuple[Window, ...]:
    """What was added when, in s: (start, end, words)."""
    texts = [text for text in provenance_of(result).get("conditions", []) if re.search(r"\bat \S+ \w+", text)]
    return tuple(_window(text) for text in texts)


def _window(text: str) -> Window:
    """'ionomycin 5 uM at 20 min until 30 min' as a span of seconds with its name."""
    found = re.fullmatch(r"(.*?),? at (\S+ \w+)(?: until (\S+ \w+))?", text)
    if found is None:
        return 0.0, math.inf, text
    stop = seconds(found[3], what="time") if found[3] else math.inf
    return seconds(found[2], what="time"), stop, micro(found[1])


def draw_raster(axes: Axes, run: Run, clock: Clock, *, colour: str = PALETTE[0], most: int = MOST_RASTER_CELLS) -> int:
    """Fusions with the plasma membrane, one row per cell, dot area by exosomes set free; returns how many are drawn."""
    events = run.events
    cells = run.data["cell"].values[:most]
    own = (events["fate"].values == "released") & (events["time"].values >= 0) & np.isin(events["cell"].values, cells)
    shade_windows(axes, clock.windows)
    if own.any():
        area = 0.6 + 0.25 * np.clip(events["ilv"].values[own], 0, 60)
        time = events["time"].values[own] / clock.size
        axes.scatter(time, events["cell"].values[own], s=area, color=colour, alpha=0.7, lw=0, zorder=2)
    else:
        axes.text(0.5, 0.5, "no fusion was recorded", transform=axes.transAxes, ha="center", color=FAINT)
    axes.set_xlim(clock.time[0], clock.time[-1])
    axes.set_ylim(cells[0] - 1, cells[-1] + 1)
    axes.set_xlabel(clock.label)
    axes.set_ylabel("cell (number)")
    return int(own.sum())
