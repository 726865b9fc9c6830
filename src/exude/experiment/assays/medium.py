"""Exosomes after release: set free into the medium, lost from it, or held on the cell's surface."""

from __future__ import annotations

import numpy as np
import xarray as xr

from exude.cascade import CELL
from exude.derive.evaluate import evaluate
from exude.engine.result import Run
from exude.experiment.assays.reading import WHOLE, Window, named, sampled, span
from exude.experiment.protocol import Numbers


def released(run: Run, window: Window = WHOLE, *, what: str = "exosomes") -> xr.DataArray:
    """Particles released since the window's start, (cell, time), at its ends and the recorded times between."""
    start, stop = span(run, window)
    recorded = run.data["time"].values
    times = np.concatenate([[start], recorded[(recorded > start) & (recorded < stop)], [stop]])
    course = sampled(run.data[what], times)
    return named(course - course.isel(time=0, drop=True), what, f"{what} released since the window's start")


def held_share(run: Run, numbers: Numbers) -> xr.DataArray:
    """Share of released exosomes that tetherin holds on the cell, (cell,), as the chapter `exosomes` declares it.

    1 - 1 / (1 + held_per_tetherin BST2).
    """
    level = run.data["level"]

    def given(name: str) -> float | xr.DataArray:
        return numbers[name] if name in numbers.values else level.sel(symbol=name, drop=True)

    return named(evaluate(CELL, "held_share", given), "1", "share of exosomes held on the surface")


def in_medium(run: Run, numbers: Numbers, window: Window = WHOLE) -> xr.DataArray:
    """Exosomes in fresh medium given at the window's start, (cell, time).

    dM/dt = (1 - held) release - k_uptake M, solved exactly between recorded times.
    Valid when: release is even between two recorded times; loss is first order and the same for every exosome.
    """
    free = released(run, window) * (1 - held_share(run, numbers))
    return named(remaining(free, numbers["k_uptake"])[0], "exosomes", "exosomes in the medium, per cell")


def shed_in_medium(run: Run, numbers: Numbers, window: Window = WHOLE) -> xr.DataArray:
    """Vesicles shed from the plasma membrane that are in the medium, (cell, time); not held, lost as exosomes are."""
    shed = remaining(released(run, window, what="shed"), numbers["k_uptake"])[0]
    return named(shed, "shed vesicles", "shed vesicles in the medium, per cell")


def on_surface(run: Run, numbers: Numbers, window: Window = WHOLE) -> xr.DataArray:
    """Exosomes released since the window's start and held on the cell, (cell, time): held * released.

    Valid when: tetherin is not used up and what is held is neither set free nor taken back in.
    """
    held = released(run, window) * held_share(run, numbers)
    return named(held, "exosomes", "exosomes held on the surface, per cell")


def lost(run: Run, numbers: Numbers, window: Window = WHOLE) -> xr.DataArray:
    """Exosomes lost from the medium by uptake and decay since the window's start, (cell, time)."""
    free = released(run, window) * (1 - held_share(run, numbers))
    return named(remaining(free, numbers["k_uptake"])[1], "exosomes", "exosomes lost from the medium, per cell")


def remaining(source: xr.DataArray, loss: float) -> tuple[xr.DataArray, xr.DataArray]:
    """What is left of a cumulative source (cell, time) under first-order loss (1/s), and what was lost.

    Over a step h with gain g: left' = left e^-x + g (1 - e^-x) / x, x = loss h.
    """
    source = source.transpose("cell", "time")
    gain = np.diff(source.values, axis=1)
    x = loss * np.diff(source["time"].values)
    stay = np.exp(-x)
    fresh = np.ones_like(x)
    np.divide(-np.expm1(-x), x, out=fresh, where=x > 0)
    left, gone = np.zeros_like(source.values), np.zeros_like(source.values)
    for i in range(len(x)):
        left[:, i + 1] = left[:, i] * stay[i] + gain[:, i] * fresh[i]
        gone[:, i + 1] = gone[:, i] + left[:, i] * (1 - stay[i]) + gain[:, i] * (1 - fresh[i])
    return source.copy(data=left), source.copy(data=gone)


def final(course: xr.DataArray) -> xr.DataArray:
    """The last value of a course, (cell,)."""
    return course.isel(time=-1, drop=True)
