"""What a figure shows, as plain data: made by the study, drawn by `exude.show.figures`."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Bars:
    """One bar per condition, its 95 % interval and the values of single parameter draws as points."""

    title: str
    ylabel: str
    labels: tuple[str, ...]
    values: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    points: tuple[tuple[float, ...], ...] = ()
    band: tuple[float, float] | None = None
    """Reported or tolerated range, drawn as a band."""
    band_label: str = ""
    note: str = ""


@dataclass(frozen=True)
class Series:
    """One line with its 95 % band."""

    label: str
    x: Array
    y: Array
    low: Array | None = None
    high: Array | None = None
    control: bool = False
    """The unperturbed cell: drawn in grey."""
    single: tuple[Array, ...] = ()
    """Lines of single parameter draws, drawn thin."""


@dataclass(frozen=True)
class Curves:
    """Lines over a common axis; windows are shaded spans of x with a label."""

    title: str
    xlabel: str
    ylabel: str
    series: tuple[Series, ...]
    windows: tuple[tuple[float, float, str], ...] = ()
    band: tuple[float, float] | None = None
    band_label: str = ""
    log_x: bool = False
    note: str = ""
    log_y: bool = False
    from_zero: bool = False
    """Whether the y axis begins at 0 however little the lines differ."""
    ticks: tuple[tuple[float, str], ...] = ()
    """Places on the x axis and what is written there; empty: as the numbers are."""


@dataclass(frozen=True)
class Distributions:
    """Distributions of single vesicles or events, one per condition."""

    title: str
    xlabel: str
    samples: tuple[tuple[str, Array], ...]
    marks: tuple[tuple[float, str], ...] = ()
    """Reported values, drawn as lines."""
    note: str = ""


@dataclass(frozen=True)
class Grid:
    """Several small axes over one shared x axis; the note of each part stands below it."""

    title: str
    parts: tuple[Curves, ...]
    lead: int = 0
    """The part that stands for all where there is room for one."""
    note: str = ""


Panel = Bars | Curves | Distributions | Grid


def noted(panel: Panel, words: str) -> Panel:
    """The panel with words added to its note; as it is without any."""
    return replace(panel, note="; ".join(filter(None, (words, panel.note)))) if words else panel
