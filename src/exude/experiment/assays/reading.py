"""Reading a run: windows, snapshots, cultures, and data that a user gives."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from exude.engine.layout import Floats
from exude.engine.result import Run
from exude.errors import DataError, ProtocolError, refuse
from exude.units import factor_to_internal

Window = tuple[float, float]
"""Start and stop in s since the start of the run; a stop of infinity is the end of the run."""

WHOLE: Window = (0.0, math.inf)
MINUTE = factor_to_internal("min")
HOUR = factor_to_internal("h")
REPLICATE = {"units": "1", "long_name": "number of the culture"}


def named(values: xr.DataArray, units: str, long_name: str) -> xr.DataArray:
    """The same values with their unit and a name a figure can print, and the time axis in s."""
    out = values.assign_attrs(units=units, long_name=long_name)
    if "time" in out.coords:
        out["time"].attrs.update(units="s", long_name="time since the start of the run")
    return out


def number(value: float, units: str, long_name: str) -> xr.DataArray:
    """One value with its unit."""
    return named(xr.DataArray(value), units, long_name)


def span(run: Run, window: Window) -> Window:
    """Start and stop of a window in s; ProtocolError where it does not lie inside the run."""
    first, last = float(run.data["time"][0]), float(run.data["time"][-1])
    start, stop = window[0], last if window[1] == math.inf else window[1]
    if not first <= start < stop <= last:
        fix = "Give (start, stop) in s, or simulate with a longer `duration`."
        raise refuse(ProtocolError, window, f"a window inside the run, from {first:g} to {last:g} s", fix)
    return start, stop


def moment(run: Run, at: float) -> float:
    """A time of reading in s, infinity being the end; ProtocolError outside the run."""
    first, last = float(run.data["time"][0]), float(run.data["time"][-1])
    if at == math.inf:
        return last
    if not first <= at <= last:
        fix = "Give a time in s, or simulate with a longer `duration`."
        raise refuse(ProtocolError, at, f"a time inside the run, from {first:g} to {last:g} s", fix)
    return at


def sampled(course: xr.DataArray, times: Floats) -> xr.DataArray:
    """A recorded course at other times within it, linear between recorded times; its other axes as they are."""
    known = course["time"].values
    after = np.clip(np.searchsorted(known, times), 1, len(known) - 1)
    values = course.transpose(..., "time").values
    low, high = values[..., after - 1], values[..., after]
    weight = (times - known[after - 1]) / (known[after] - known[after - 1])
    dims = [dim for dim in course.dims if dim != "time"]
    kept = {name: axis for name, axis in course.coords.items() if "time" not in axis.dims}
    between = xr.DataArray(low + weight * (high - low), dims=[*dims, "time"], coords={**kept, "time": times})
    return between.transpose(*course.dims)


def gained(run: Run, what: str, window: Window) -> xr.DataArray:
    """What a cumulative count gained in a window, (cell,)."""
    start, stop = span(run, window)
    course = sampled(run.data[what], np.array([start, stop]))
    return course.isel(time=1, drop=True) - course.isel(time=0, drop=True)


def fusions(run: Run, window: Window) -> xr.Dataset:
    """Fusions with the plasma membrane in a window, one row each; ProtocolError where the run kept no events."""
    made = run.provenance
    if not (made["events"] or made["stage_changes"]):
        fix = "Simulate with Settings(events=True)."
        raise refuse(ProtocolError, "a run without its event table", "one row per fusion", fix)
    start, stop = span(run, window)
    time, fate = run.events["time"].values, run.events["fate"].values
    return run.events.isel(event=(fate == "released") & (time > start) & (time <= stop))


def has_snapshot(run: Run, at: float) -> bool:
    """Whether every MVB was read at `at`, in s."""
    # A cell may hold no MVB at all: then no row is no lack.
    none_there = not bool(run.data["stage_count"].sel(time=at, method="nearest").any())
    return none_there or bool(np.isclose(run.vesicles["time"].values, at).any())


def snapshot(run: Run, at: float) -> xr.Dataset:
    """All MVBs at `at` (s), one row each; ProtocolError where they were not read then."""
    if not has_snapshot(run, at):
        taken = ", ".join(f"{t:g} s" for t in np.unique(run.vesicles["time"].values)) or "none"
        fix = f"Simulate with Settings(snapshots=('{at:g} s',)), or ('end',) for the end."
        raise refuse(ProtocolError, f"snapshots: {taken}", f"MVBs read at {at:g} s", fix)
    return run.vesicles.isel(vesicle=np.isclose(run.vesicles["time"].values, at))


def per_cell(run: Run, cells: NDArray[np.int64], values: Floats) -> xr.DataArray:
    """Sum of the values of each cell's rows, (cell,)."""
    numbers = run.data["cell"].values
    sums = np.bincount(np.searchsorted(numbers, cells), weights=values, minlength=len(numbers))
    return xr.DataArray(sums, dims="cell", coords={"cell": numbers})


def ratio(top: xr.DataArray, bottom: xr.DataArray) -> xr.DataArray:
    """A ratio of totals, shared out over cells: R + (top - R bottom) / mean bottom, (cell,).

    Its mean over cells is R = total top / total bottom, and its variance over cells, divided by their number, is the
    variance of R to first order. NaN where there is nothing in the denominator.
    """
    below = float(bottom.mean())
    if below <= 0:
        return xr.full_like(top, math.nan, dtype=np.float64)
    whole = float(top.mean()) / below
    return whole + (top - whole * bottom) / below


def split(run: Run, replicates: int, rng: np.random.Generator) -> list[Run]:
    """The cells of a run dealt at random into `replicates` cultures of nearly equal size."""
    cells = run.data.sizes["cell"]
    if isinstance(replicates, bool) or not isinstance(replicates, int) or not 1 <= replicates <= cells:
        fix = "Simulate more cells or ask for fewer replicates."
        raise refuse(ProtocolError, replicates, f"a whole number of replicates from 1 to {cells}, the run's cells", fix)
    return [_culture(run, np.sort(part)) for part in np.array_split(rng.permutation(cells), replicates)]


def _culture(run: Run, places: NDArray[np.int64]) -> Run:
    numbers = run.data["cell"].values[places]
    return Run(
        data=run.data.isel(cell=places),
        events=run.events.isel(event=np.isin(run.events["cell"].values, numbers)),
        vesicles=run.vesicles.isel(vesicle=np.isin(run.vesicles["cell"].values, numbers)),
    )


def cell_numbers(cultures: Sequence[Run]) -> xr.DataArray:
    """Number of cells in each culture, (replicate,)."""
    counts = [culture.data.sizes["cell"] for culture in cultures]
    table = xr.DataArray(counts, dims="replicate", coords={"replicate": np.arange(len(cultures))})
    table["replicate"].attrs.update(REPLICATE)
    return named(table, "cells", "cells in each culture")


def rows(readings: Sequence[xr.DataArray], cultures: Sequence[Run]) -> xr.DataArray:
    """Readings of several cultures as one table, (replicate, ...)."""
    first = readings[0]
    table = xr.concat(list(readings), dim="replicate", combine_attrs="override", coords="minimal", compat="override")
    table = table.assign_coords(replicate=np.arange(len(cultures)))
    table["replicate"].attrs.update(REPLICATE)
    return named(table, first.attrs["units"], first.attrs["long_name"])


def pick(data: xr.Dataset, name: str) -> xr.DataArray:
    """A variable of measured data; DataError where it is missing."""
    if not isinstance(data, xr.Dataset):
        raise refuse(DataError, type(data).__name__, "an xarray Dataset as `measure` returns", f"Put {name!r} in one.")
    if name not in data:
        fix = f"Name the variable {name!r}; `measure` shows the layout."
        raise refuse(DataError, sorted(map(str, data.data_vars)), f"measured data with {name!r}", fix, near=[name])
    return data[name]


def matched(signal: xr.DataArray, seen: xr.DataArray) -> xr.DataArray:
    """The signal at the labels and times of measured data; DataError where it has no such label or time."""
    unknown = [str(dim) for dim in seen.dims if dim != "replicate" and dim not in signal.dims]
    missing = [str(dim) for dim in signal.dims if dim not in ("cell", *seen.dims)]
    if unknown or missing:
        expected = f"dimensions replicate and {[str(d) for d in signal.dims if d != 'cell']}"
        raise refuse(DataError, [str(d) for d in seen.dims], expected, "Name the axes of the data so.")
    for dim in [d for d in seen.dims if d != "replicate" and d in seen.coords]:
        known, wanted = signal[dim].values, seen[dim].values
        fits = (wanted >= known.min()) & (wanted <= known.max()) if dim == "time" else np.isin(wanted, known)
        if not fits.all():
            raise refuse(DataError, wanted[~fits].tolist(), f"{dim} within {known.tolist()}", "Drop or correct these.")
        signal = sampled(signal, wanted.astype(float)) if dim == "time" else signal.sel({dim: wanted})
    return signal
