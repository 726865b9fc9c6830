"""Pure functions from readings of an assay to bars: one condition beside the other, a point for each replicate."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from exude.errors import DataError, ProtocolError, UnknownName, refuse
from exude.experiment.panels import Bars
from exude.show.axes import Room, draw_bars
from exude.show.courses import half_interval, some
from exude.show.style import FAINT, new_figure, settled, style, wrap
from exude.show.words import said, unit

Readings = Mapping[str, xr.Dataset]
"""What `measure` of an assay gives, by the name of what was done."""

COLUMNS = 3
MOST_AXES = 6
SINGLE, PAGE = 130.0, 183.0
"""Widths of a figure with one axes and with several, mm."""
BAR = 8.0
"""Height of a bar with its gap, mm."""
ROUND = (1, 2, 5, 10)
"""Steps between ticks, up to a power of ten."""
TICKS = (8, 4)
"""Most ticks of an axis that stands alone, and of one of several."""
LETTERS = {SINGLE: 114, PAGE: 150}
"""In a line below a figure."""


def assay_figure(readings: Readings, what: str = "", *, at: Mapping[str, Any] | None = None, title: str = "") -> Figure:
    """Bars of an assay's readings: mean over replicates, 95 % interval of the mean, a point for each replicate.

    readings: by condition; controls are grey. what: name of a reading; '' takes the first that is no count. at: values of
    its other axes, such as {'mark': 'CD63'} or {'time': 600} (nearest time in s); axes that are left have a panel each.
    Raises UnknownName for a reading that is not there or has no replicates, ProtocolError where more than six panels
    are left, DataError where conditions do not have the same readings.
    """
    tables = _tables(some(readings, "reading"), what, dict(at or {}))
    first = next(iter(tables.values()))
    rest = [dim for dim in first.dims if dim != "replicate"]
    places = [dict(zip(rest, values, strict=True)) for values in product(*(first[dim].values for dim in rest))]
    columns = min(COLUMNS, len(places))
    rows, width = -(-len(places) // columns), SINGLE if len(places) == 1 else PAGE
    with style():
        figure = new_figure(width, 22 + rows * (16 + BAR * len(tables)))
        grid: Any = figure.subplots(rows, columns, squeeze=False, sharey=True)
        for axes in grid.flat[len(places) :]:
            axes.set_axis_off()
        room = Room(width=230.0 if columns == 1 else 330.0 / columns, height=BAR * len(tables) * 2.83, letters=26)
        for axes, place in zip(grid.flat, places, strict=False):
            draw_bars(axes, _bars(tables, place), room)
            axes.xaxis.set_major_locator(MaxNLocator(TICKS[columns > 1], steps=ROUND))
            axes.set_title(", ".join(_said(dim, value) for dim, value in place.items()), loc="left", fontsize=7.5)
        figure.suptitle(wrap(title or _title(first), 72), x=0.01, ha="left", fontsize=9, fontweight="bold")
        figure.supxlabel(wrap(_foot(readings, tables), LETTERS[width]), x=0.01, ha="left", fontsize=6.5, color=FAINT)
        return settled(figure)


def _tables(readings: Readings, what: str, at: dict[str, Any]) -> dict[str, xr.DataArray]:
    """The reading of each condition, (replicate, ...), at the chosen places."""
    first = next(iter(readings.values()))
    known = [str(name) for name in first if "replicate" in first[name].dims]
    name = what or next((n for n in known if first[n].dtype.kind == "f"), "")
    if name not in known:
        raise refuse(
            UnknownName, name, f"a reading with replicates: {', '.join(known) or 'none'}", "Choose one.", known
        )
    if any(name not in table for table in readings.values()):
        raise refuse(DataError, name, "the same reading in all conditions", "Measure all of them with one assay.")
    tables = {label: _chosen(table[name], at) for label, table in readings.items()}
    panels = int(np.prod([size for dim, size in tables[next(iter(tables))].sizes.items() if dim != "replicate"]))
    if panels > MOST_AXES:
        dims = ", ".join(str(dim) for dim in first[name].dims if dim != "replicate" and dim not in at)
        raise refuse(
            ProtocolError, f"{panels} panels", f"at most {MOST_AXES}", f"Choose with at={{...}} among: {dims}."
        )
    return tables


def _chosen(table: xr.DataArray, at: dict[str, Any]) -> xr.DataArray:
    """A reading at the chosen places; numbers are taken to the nearest one."""
    for dim, value in at.items():
        if dim not in table.dims or dim == "replicate":
            axes = [str(d) for d in table.dims if d != "replicate"]
            raise refuse(UnknownName, dim, f"an axis of the reading: {', '.join(axes) or 'none'}", "Choose one.", axes)
        known = table[dim].values
        if known.dtype.kind in "US" and value not in known:
            raise refuse(UnknownName, value, f"one of {', '.join(known)}", "Choose one.", [str(name) for name in known])
        table = table.sel({dim: value}, method=None if known.dtype.kind in "US" else "nearest")
    return table


def _bars(tables: Mapping[str, xr.DataArray], place: Mapping[Any, Any]) -> Bars:
    values = {label: table.sel(place).values.astype(float) for label, table in tables.items()}
    means = [float(np.nanmean(v)) if np.isfinite(v).any() else np.nan for v in values.values()]
    halves = np.nan_to_num([half_interval(v) for v in values.values()])
    first = next(iter(tables.values()))
    name, units = str(first.attrs.get("long_name", first.name)), unit(str(first.attrs.get("units", "")))
    return Bars(
        title="",
        ylabel=f"{name} ({units})" if units else f"{name} (share)" if "share" in name else name,
        labels=tuple(tables),
        values=tuple(means),
        low=tuple(max(0.0, m - h) for m, h in zip(means, halves, strict=True)),
        high=tuple(m + h for m, h in zip(means, halves, strict=True)),
        points=tuple(tuple(v[np.isfinite(v)]) for v in values.values()),
    )


def _said(dim: Any, value: Any) -> str:
    return str(value) if isinstance(value, str) else f"{dim} {said(float(value))}"


def _title(table: xr.DataArray) -> str:
    name = str(table.attrs.get("long_name", table.name))
    fixed = [str(c.values) for n, c in table.coords.items() if c.ndim == 0 and c.dtype.kind in "US"]
    text = ", ".join([name, *fixed])
    return text[0].upper() + text[1:]


def _foot(readings: Readings, tables: Mapping[str, xr.DataArray]) -> str:
    """How many replicates of how many cells, and what is drawn."""
    counts = {table.sizes["replicate"] for table in tables.values()}
    n = f"n = {min(counts)}" if len(counts) == 1 else f"n = {min(counts)} to {max(counts)}"
    cells = {int(c) for table in readings.values() if "cells" in table for c in np.atleast_1d(table["cells"].values)}
    each = f" of {min(cells)}" + (f" to {max(cells)}" if len(cells) > 1 else "") + " cells" if cells else ""
    text = f"{n} cultures{each} per condition; bars: mean; lines: its 95 % interval (Student's t); dots: cultures"
    return text if max(counts) > 1 else f"{n} culture{each} per condition; one reading has no interval"
