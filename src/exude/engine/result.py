"""The result of a run: named dimensions, units on every variable, one event table, provenance inside."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from exude.derive.symbols import Symbols
from exude.engine import netcdf
from exude.engine.layout import TOTALS, Floats, Output, Rows
from exude.engine.provenance import FORMAT
from exude.model import DEGRADED, RELEASED

UNITS = {
    "births": "MVBs", "growths": "Rab11 vesicles", "mergers": "mergers", "fusions": "fusions", "exosomes": "exosomes",
    "exosomal_cargo": "MT1-MMP molecules", "lysosome_fusions": "MVBs", "ilvs_degraded": "ILVs",
    "cargo_degraded": "MT1-MMP molecules", "shed": "shed vesicles", "recruited": "Munc13-4 copies",
}  # fmt: skip

GROUPS = (netcdf.ROOT, "events", "vesicles")
"""Groups of a saved run."""

OF_MEMBRANES = ("growths", "mergers", "exosomes", "exosomal_cargo", "ilvs_degraded", "cargo_degraded")
"""Totals of vesicles that carry ILVs: left out where a model declares no membrane."""

MEANINGS = {
    "births": "MVBs born since time 0",
    "growths": "Rab11 vesicles taken up by MVBs since time 0",
    "mergers": "homotypic fusions of MVBs since time 0",
    "fusions": "fusions of MVBs with the plasma membrane since time 0",
    "exosomes": "exosomes released since time 0 (set free or held on the surface)",
    "exosomal_cargo": "MT1-MMP on released exosomes since time 0",
    "lysosome_fusions": "fusions of MVBs with lysosomes since time 0",
    "ilvs_degraded": "ILVs degraded in lysosomes since time 0",
    "cargo_degraded": "MT1-MMP degraded inside ILVs since time 0",
    "shed": "vesicles shed from the plasma membrane since time 0",
    "recruited": "Munc13-4 copies on membranes (read-out)",
}


@dataclass(frozen=True)
class Run:
    """One experiment's outcome.

    `data`: per cell and time. `events`: one row per fusion with plasma membrane or lysosome (and per stage change
    where asked for). `vesicles`: one row per MVB read at a snapshot.
    """

    data: xr.Dataset
    events: xr.Dataset
    vesicles: xr.Dataset

    @property
    def exosomes(self) -> xr.DataArray:
        """Exosomes released since time 0, (cell, time)."""
        return self.data["exosomes"]

    @property
    def provenance(self) -> dict[str, Any]:
        """What made this run: versions, line, perturbations, parameters, seed."""
        return dict(json.loads(self.data.attrs["provenance"]))

    def rate(self, start: float | None = None, stop: float | None = None, what: str = "exosomes") -> xr.DataArray:
        """Mean rate per hour of a cumulative quantity between two times in s, (cell,)."""
        time = self.data["time"]
        a = float(time[0]) if start is None else start
        b = float(time[-1]) if stop is None else stop
        gained = self.data[what].interp(time=b) - self.data[what].interp(time=a)
        return (gained / ((b - a) / 3600.0)).assign_attrs(units=f"{self.data[what].attrs['units']} per hour")

    def cite(self) -> list[str]:
        """The sources of the numbers this run really used, one line each."""
        return list(self.provenance["sources"])

    def save(self, path: str | Path) -> Path:
        """Write to one NetCDF file; a full disk leaves no half-written file behind."""
        return netcdf.write_groups(path, dict(zip(GROUPS, (self.data, self.events, self.vesicles), strict=True)))

    @staticmethod
    def load(path: str | Path) -> Run:
        """Read a saved run; DataError for anything that is not one, or is of another version."""
        return Run(*netcdf.read_groups(path, GROUPS, FORMAT))


def counts_dataset(
    symbols: Symbols, output: Output, times: Floats, levels: Floats, attrs: dict[str, str], first_cell: int = 0
) -> xr.Dataset:
    """Named arrays of what the kernel recorded."""
    cascade = symbols.cascade
    names = [*TOTALS, *(e.name for e in cascade.emissions)]
    since = output.total - output.total[:, :1, :]
    variables: dict[str, Any] = {
        "stage_count": (("cell", "time", "stage"), output.count, {"units": "MVBs", "long_name": "MVBs in each stage"}),
        "level": (("cell", "symbol"), levels, {"units": "1", "long_name": "level of each protein or condition"}),
    }
    for i, name in enumerate(names):
        if cascade.life_cycle.membrane is not None or name not in OF_MEMBRANES:
            note = {"units": UNITS.get(name, "items"), "long_name": MEANINGS.get(name, f"{name} since time 0")}
            variables[name] = (("cell", "time"), since[..., i], note)
    for i, trace in enumerate(cascade.traces):
        note = {"units": trace.unit or "1", "long_name": trace.meaning}
        variables[trace.symbol] = (("cell", "time"), output.trace[..., i], note)
    for i, name in enumerate(cascade.readouts):
        note = {
            "units": UNITS.get(name) or symbols.definitions[name].unit or "1",
            "long_name": MEANINGS.get(name, name),
        }
        variables[name] = (("cell", "time"), output.readout[..., i], note)
    coords = {
        "cell": np.arange(first_cell, first_cell + output.count.shape[0]),
        "time": ("time", times, {"units": "s", "long_name": "time since the start of the run"}),
        "stage": list(cascade.life_cycle.stages),
        "symbol": list(symbols.levels),
    }
    return xr.Dataset(variables, coords=coords, attrs=attrs)


def rows_dataset(symbols: Symbols, tables: Sequence[Rows], offsets: Sequence[int], *, kind: str) -> xr.Dataset:
    """Event rows or snapshot rows of several blocks as one table, ordered by cell, then time."""
    cycle = symbols.cascade.life_cycle
    labels = [t.name for t in cycle.transitions] if kind == "event" else list(cycle.stages)
    ends = {t.name: {RELEASED: "released", DEGRADED: "degraded"}.get(t.target, t.target) for t in cycle.transitions}

    def column(name: str) -> Any:
        parts = [getattr(t, name)[: int(t.used[0])] for t in tables]
        if name == "cell":
            parts = [part.astype(np.int64) + offset for part, offset in zip(parts, offsets, strict=True)]
        return np.concatenate(parts) if parts else np.zeros(0)

    what = column("what").astype(np.int64)
    notes = {
        "time": ("time", "s", "time since the start of the run"),
        "cell": ("cell", "1", "number of the cell"),
        "vesicle": ("vesicle", "1", "number of the MVB within its cell"),
        "ilv": ("ilv", "ILVs", "ILVs inside (-1 where not read)"),
        "cargo": ("mt1_mmp", "MT1-MMP molecules", "MT1-MMP on ILVs inside (-1 where not read)"),
        "growth": ("growth", "Rab11 vesicles", "Rab11 vesicles taken up"),
        "age": ("age", "s", "time since birth"),
        "diameter": ("diameter", "um", "diameter of the limiting membrane"),
    }
    data = {new: (kind, column(old), {"units": unit, "long_name": text}) for old, (new, unit, text) in notes.items()}
    data["transition" if kind == "event" else "stage"] = (kind, np.array(labels)[what], {"units": "1"})
    if kind == "event":
        goes = np.array([ends[name] for name in labels])[what]
        data["fate"] = (kind, goes, {"units": "1", "long_name": "where the event leads"})
    return xr.Dataset(data)
