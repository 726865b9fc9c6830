"""A population's means, spreads and distributions, added up block by block: no cell is kept."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from exude.derive.symbols import Symbols
from exude.engine import netcdf
from exude.engine.layout import TOTALS, Floats, Output
from exude.engine.result import MEANINGS, UNITS, counts_dataset

FORMAT = "exude-summary-1"
"""Name of the layout of saved summaries."""
STATISTICS = ("mean", "sd")
COUNTED = ("exosomes", "fusions")
"""Totals whose whole distribution over cells is kept, at the end of the run."""
GROUPS = (netcdf.ROOT, "distribution")


@dataclass(frozen=True)
class Summary:
    """A population's outcome without its cells.

    `data`: every quantity of a run's `data` with a `statistic` (mean, sd over cells) in the place of the cell.
    `distribution`: how many cells ended with each number of exosomes and of fusions.
    """

    data: xr.Dataset
    distribution: xr.Dataset

    @property
    def provenance(self) -> dict[str, Any]:
        """What made this summary: versions, line, perturbations, parameters, seed."""
        return dict(json.loads(self.data.attrs["provenance"]))

    def quantile(self, share: float, what: str = "exosomes") -> int:
        """The number that `share` of the cells do not exceed at the end of the run, exact."""
        cells = self.distribution[what].values
        return int(np.searchsorted(np.cumsum(cells), share * cells.sum()))

    def cite(self) -> list[str]:
        """The sources of the numbers this run really used, one line each."""
        return list(self.provenance["sources"])

    def save(self, path: str | Path) -> Path:
        """Write to one NetCDF file, whole or not at all."""
        return netcdf.write_groups(path, dict(zip(GROUPS, (self.data, self.distribution), strict=True)))

    @staticmethod
    def load(path: str | Path) -> Summary:
        """Read a saved summary; DataError for anything that is not one, or is of another version."""
        return Summary(*netcdf.read_groups(path, GROUPS, FORMAT))


class Sums:
    """Sums over cells, and of squares, about a shift near the mean so that no digits are lost.

    Whole numbers are summed as whole numbers: the same bits in any order of the blocks. Traces and levels are summed
    in the order of the cells.
    """

    def __init__(self, held: Mapping[str, NDArray[Any]] | None = None) -> None:
        self.held = dict(held or {})

    @property
    def cells(self) -> int:
        """Cells added so far."""
        return int(self.held.get("cells", 0))

    def add(self, output: Output, levels: Floats) -> None:
        """Add a block of cells."""
        since = output.total - output.total[:, :1]
        for name, values in (*output._replace(total=since)._asdict().items(), ("levels", levels)):
            self._add(name, values)
        for name in COUNTED:
            self._count(name, since[:, -1, TOTALS.index(name)])
        self.held["cells"] = np.array(self.cells + len(levels))

    def _add(self, name: str, values: NDArray[Any]) -> None:
        if name not in self.held:
            middle = values.mean(axis=0)
            self.held[name] = np.rint(middle).astype(values.dtype) if values.dtype.kind == "i" else middle
        moved = values - self.held[name]
        for power, term in (("first", moved.sum(axis=0)), ("second", np.einsum("i...,i...->...", moved, moved))):
            self.held[f"{name} {power}"] = self.held.get(f"{name} {power}", 0) + term

    def _count(self, name: str, values: NDArray[np.int64]) -> None:
        seen, before = np.bincount(values), self.held.get(f"{name} cells", np.zeros(0, np.int64))
        size = max(len(seen), len(before))
        self.held[f"{name} cells"] = np.pad(before, (0, size - len(before))) + np.pad(seen, (0, size - len(seen)))

    def moments(self, name: str) -> Floats:
        """(statistic, ...): mean and standard deviation (of a sample; 0 for one cell)."""
        n = self.cells
        first, second = (self.held[f"{name} {power}"] for power in ("first", "second"))
        variance = (second - first * (first / n)) / max(n - 1, 1)
        return np.stack([self.held[name] + first / n, np.sqrt(np.maximum(variance, 0.0))])


def summary_of(sums: Sums, symbols: Symbols, times: Floats, attrs: dict[str, str]) -> Summary:
    """Named arrays of what was added up."""
    output = Output(*(sums.moments(name) for name in Output._fields))
    data = counts_dataset(symbols, output, times, sums.moments("levels"), attrs).rename(cell="statistic")
    size = max(len(sums.held[f"{name} cells"]) for name in COUNTED)
    counts = {
        name: ("number", np.pad(sums.held[f"{name} cells"], (0, size - len(sums.held[f"{name} cells"]))), {
            "units": "cells", "long_name": f"cells that ended with this number of {UNITS[name]} ({MEANINGS[name]})"
        })
        for name in COUNTED
    }  # fmt: skip
    return Summary(
        data.assign_coords(statistic=list(STATISTICS)), xr.Dataset(counts, coords={"number": np.arange(size)})
    )
