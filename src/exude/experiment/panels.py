"""What a figure shows, as plain data: made by the study, drawn by `exude.show.figures`."""

from __future__ import annotations

from dataclasses import dataclass

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


@dataclass(frozen=True)
class Distributions:
    """Distributions of single vesicles or events, one per condition."""

    title: str
    xlabel: str
    samples: tuple[tuple[str, Array], ...]
    marks: tuple[tuple[float, str], ...] = ()
    """Reported values, drawn as lines."""
    note: str = ""


Panel = Bars | Curves | Distributions
