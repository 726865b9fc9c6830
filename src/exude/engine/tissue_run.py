"""Read a run of a tissue, finished or still being written (layout: `engine/tissue_layout.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from exude.engine.tissue_layout import AXES, FORMAT, Part, attributes, opened, reading
from exude.errors import DataError, refuse


@dataclass(frozen=True)
class TissueRun:
    """A run as far as it has been written.

    `data`: fields (time, z, y, x), series (time) and `cell_count` (time), read from disk when used; `attrs`: what the run
    says of its own making; `rows`: output times; `finished`: whether the writer was closed; `cell_ends`: last row of the
    cells' table at each time, plus one; `about`: grid, quantities and storage; `path`: the folder.
    """

    path: Path
    data: xr.Dataset
    attrs: dict[str, Any]
    rows: int
    finished: bool
    cell_ends: NDArray[np.int64]
    about: dict[str, Any]

    def cells(self, index: int) -> xr.Dataset:
        """The cells at one output time (negative counts from the end), in memory: variables (cell) or (cell, axis)."""
        if not -self.rows <= index < self.rows:
            raise refuse(DataError, index, f"an output time below {self.rows}", "See `run.data.time`.")
        at = index % self.rows
        rows = slice(int(self.cell_ends[at - 1]) if at else 0, int(self.cell_ends[at]))
        with reading(self.path):
            part = Part(tuple(self.about["quantities"]["cells"]), "row", rows.stop)
            table = opened(self.path, "cells", part).isel(row=rows, missing_dims="ignore").load()
            table = table.rename({"row": "cell"} if part.names else {})
        axes = {"axis": list(AXES)} if "axis" in table.dims else {}
        return table.assign_coords(axes | {"time": self.data["time"][at]})


def open_tissue(path: str | Path) -> TissueRun:
    """A run in a folder, finished or still being written; DataError for anything else."""
    place = Path(path).absolute()
    about = attributes(place)
    if about.get("format") != FORMAT:
        fix = "Give the folder of a tissue run, or run it again with this version."
        raise refuse(DataError, about.get("format", f"{path}: no run of a tissue"), f"format {FORMAT!r}", fix)
    with reading(place):
        done = attributes(place / "written")
        rows, cell_rows = int(done["rows"]), int(done["cell_rows"])
        known = about["quantities"]
        part = Part((*known["fields"], *known["series"], "cell_count", "time"), "time", rows)
        data = opened(place, "", part)
        ends = np.cumsum(data["cell_count"].to_numpy(), dtype=np.int64)
        if len(ends) != rows or (rows and ends[-1] != cell_rows):
            raise ValueError(f"{cell_rows} cells in {rows} times announced, {ends[-1:]} in {len(ends)} found")
    return TissueRun(place, data, dict(about["provenance"]), rows, bool(done["finished"]), ends, about)
