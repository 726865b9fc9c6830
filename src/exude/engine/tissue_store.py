"""Write a run of a tissue while it runs (layout: `engine/tissue_layout.py`)."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import zarr
from numpy.typing import NDArray

from exude.engine.tissue_layout import (
    AXES,
    CELLS_PER_CHUNK,
    METADATA,
    TIMES_PER_CHUNK,
    AbstractGrid,
    Made,
    Quantities,
    Quantity,
    Storage,
    about_run,
    free_place,
    make_array,
    mark,
    refusals,
    same_names,
    skeleton,
)
from exude.engine.tissue_run import TissueRun, open_tissue
from exude.errors import DataError, refuse

try:
    import fcntl
except ImportError:  # Windows, where nothing keeps a second writer away
    fcntl = None  # type: ignore[assignment]

__all__ = ["Quantities", "Quantity", "Storage", "TissueRun", "TissueWriter", "open_tissue"]


class _Column:
    """One array that grows along its first axis; rows count only once the writer has said so."""

    def __init__(self, array: zarr.Array[Any], rows: int) -> None:
        self.array, self.rows = array, rows
        self.length = array.chunks[0]
        full = rows - rows % self.length
        self.tail = np.asarray(array[full:rows])  # kept, so that a chunk begun is rewritten without being read

    def stage(self, values: NDArray[Any]) -> tuple[int, NDArray[Any]]:
        """Put values behind the rows that count; returns what `accept` needs."""
        if not len(values):
            return self.rows, self.tail
        start, end = self.rows - len(self.tail), self.rows + len(values)
        block = np.concatenate((self.tail, values)) if len(self.tail) else values
        chunks = -(-len(block) // self.length) * self.length
        if start + chunks > self.array.shape[0]:
            grown = max(start + chunks, end + end // 2)
            step = max(self.length, TIMES_PER_CHUNK)
            self.array.resize((-(-grown // step) * step, *self.array.shape[1:]))
        if chunks > len(block):  # whole chunks only: Zarr reads a chunk back before it changes a part
            rest = np.full((chunks - len(block), *block.shape[1:]), self.array.fill_value, block.dtype)
            block = np.concatenate((block, rest))
        if chunks:
            self.array[start : start + chunks] = block
        full = end - end % self.length
        return end, block[full - start : end - start].copy()

    def accept(self, staged: tuple[int, NDArray[Any]]) -> None:
        self.rows, self.tail = staged

    def cut(self) -> None:
        """Drop what lies behind the rows that count."""
        if self.array.shape[0] != self.rows:
            self.array.resize((self.rows, *self.array.shape[1:]))


class TissueWriter:
    """Writes one run, an output time per call; each call is on disk as a whole or not at all.

    A new folder is made at `path`; DataError where something else is there. `overwrite` replaces an earlier run, never
    anything else. One process writes (another one is refused); any number may read meanwhile.
    """

    path: Path
    _about: dict[str, Any]
    _group: zarr.Group
    _columns: dict[str, _Column]
    _unsynced: set[Path]
    _cell_rows: int
    _last: float
    _finished: bool
    _lock: BinaryIO

    def __init__(
        self,
        path: str | Path,
        grid: AbstractGrid,
        quantities: Quantities,
        attrs: Mapping[str, Any],
        *,
        storage: Storage = Storage(),
        overwrite: bool = False,
    ) -> None:
        self.path = Path(path).absolute()
        free_place(self.path, overwrite)
        about = about_run(grid, quantities, storage, attrs)
        if (self.path / "written").exists():
            _lock(self.path)  # refuses to replace what another process is writing
        draft = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        with refusals(self.path):
            shutil.rmtree(draft, ignore_errors=True)
            draft.parent.mkdir(parents=True, exist_ok=True)
            try:
                skeleton(draft, grid, quantities, about)
                mark(draft, 0, 0, finished=False)
                if self.path.exists():  # empty, or a run that may go
                    shutil.rmtree(self.path)
                draft.rename(self.path)
            finally:
                shutil.rmtree(draft, ignore_errors=True)
        self._lock = _lock(self.path)
        self._begin(about, rows=0, cell_rows=0)

    @classmethod
    def reopen(cls, path: str | Path, *, rows: int) -> TissueWriter:
        """Go on with a run, its first `rows` output times kept and later ones dropped (those after the checkpoint)."""
        run = open_tissue(path)
        if not 0 <= rows <= run.rows:
            fix = "Resume from the checkpoint that belongs to this folder."
            raise refuse(DataError, rows, f"at most the {run.rows} output times that {path} holds", fix)
        writer = cls.__new__(cls)
        writer.path = run.path
        cell_rows = int(run.cell_ends[rows - 1]) if rows else 0
        writer._lock = _lock(run.path)
        with refusals(run.path):
            mark(run.path, rows, cell_rows, finished=False)  # first: what is cut next no longer counts
            for left in (*run.path.rglob("*.partial"), *run.path.rglob(".*.part")):  # a killed writer's unfinished file
                left.unlink()
            writer._begin(run.about, rows, cell_rows)
            for column in writer._columns.values():
                column.cut()
        return writer

    @property
    def rows(self) -> int:
        """Output times written so far."""
        return self._columns["time"].rows

    def write(
        self,
        time: float,
        fields: Mapping[str, NDArray[Any]],
        cells: Mapping[str, NDArray[Any]],
        series: Mapping[str, float],
    ) -> None:
        """Add one output time.

        `time` in s, later than the last; fields (nz, ny, nx); cell variables (cells, ...); series are numbers. DataError
        for a name, shape, type or value that does not fit, and where the disk refuses: then nothing is added, earlier
        times stay, and the call may be made again.
        """
        if self._finished:
            raise refuse(DataError, "write after close", "an open run", "Use `TissueWriter.reopen(path, rows=n)`.")
        values = self._checked_fields(fields) | self._checked_cells(cells) | self._checked_series(time, series)
        with refusals(self.path):
            self._add_cell_arrays(values)
            staged = {name: self._columns[name].stage(array) for name, array in values.items()}
            count = int(values["cell_count"][0])
            mark(self.path, self.rows + 1, self._cell_rows + count, finished=False)
        for name, state in staged.items():
            column = self._columns[name]
            chunks = range(column.rows // column.length, -(-state[0] // column.length))
            self._unsynced |= {self.path / name / "c" / str(chunk) for chunk in chunks}
            column.accept(state)
        self._cell_rows += count
        self._last = time

    def sync(self) -> None:
        """Wait until the disk holds everything written (for a power cut; a killed process loses nothing without it)."""
        with refusals(self.path):
            for place in sorted(self._unsynced):
                for file in place.rglob("*") if place.is_dir() else (place,):
                    _fsync(file)
            for name in [*self._columns, "written", "cells", "."]:
                _fsync(self.path / name / METADATA)
                _fsync(self.path / name)
        self._unsynced.clear()

    def close(self) -> None:
        """Cut arrays to what was written and mark the run as finished."""
        with refusals(self.path):
            for column in self._columns.values():
                column.cut()
            mark(self.path, self.rows, self._cell_rows, finished=True)
        self._finished = True
        self._lock.close()

    def _begin(self, about: dict[str, Any], rows: int, cell_rows: int) -> None:
        group = zarr.open_group(self.path, mode="r+", use_consolidated=False)
        self._group, self._about, self._cell_rows, self._finished = group, about, cell_rows, False
        self._unsynced = set()
        names = about["quantities"]
        self._columns = {name: _Column(_array(group, name), rows) for name in ("time", "cell_count")}
        self._columns |= {name: _Column(_array(group, name), rows) for name in (*names["fields"], *names["series"])}
        inside = [f"cells/{name}" for name in names["cells"] if f"cells/{name}" in group]
        self._columns |= {name: _Column(_array(group, name), cell_rows) for name in inside}
        self._last = float(np.asarray(self._columns["time"].array[rows - 1])) if rows else -np.inf

    def _checked_fields(self, fields: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        same_names("fields", fields, self._about["quantities"]["fields"])
        shape, kept = tuple(self._about["grid"]["shape"]), np.dtype(self._about["storage"]["fields"])
        found = {}
        for name, given in fields.items():
            array = np.asarray(given)
            if array.shape != shape:
                raise refuse(DataError, array.shape, f"shape {shape} of field {name!r}", "Give one value per voxel.")
            with np.errstate(over="ignore"):
                found[name] = array.astype(kept)[None]
            if not np.isfinite(found[name]).all():
                at = tuple(int(i) for i in np.argwhere(~np.isfinite(found[name][0]))[0])
                fix = "Mend the step that made it, or keep fields as float64."
                raise refuse(DataError, float(array[at]), f"a number that {kept} holds in {name!r} at voxel {at}", fix)
        return found

    def _checked_cells(self, cells: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        same_names("cells", cells, self._about["quantities"]["cells"])
        found = {f"cells/{name}": np.asarray(array) for name, array in cells.items()}
        lengths = {name: array.shape[:1] for name, array in found.items()}
        if len(set(lengths.values())) > 1 or () in lengths.values():
            raise refuse(DataError, lengths, "the same number of cells in every variable", "Give one row per cell.")
        for name, array in found.items():
            if array.dtype.kind not in "biuf":
                raise refuse(
                    DataError, str(array.dtype), f"numbers in {name!r}", "Write a kind or state as a whole number."
                )
            if (column := self._columns.get(name)) is not None:
                got, kept = (array.dtype, array.shape[1:]), (column.array.dtype, column.array.shape[1:])
                if got != kept:
                    raise refuse(DataError, got, f"{kept} in {name!r} as at the first time", "Keep one type and width.")
        count = next(iter(lengths.values()), (0,))
        return found | {"cell_count": np.array(count, np.int64)}

    def _checked_series(self, time: float, series: Mapping[str, float]) -> dict[str, NDArray[Any]]:
        if not self._last < time < np.inf:
            raise refuse(DataError, time, f"a time in s after the last, {self._last}", "Write times in their order.")
        same_names("series", series, self._about["quantities"]["series"])
        return {name: np.array([float(value)]) for name, value in {**series, "time": time}.items()}

    def _add_cell_arrays(self, values: Mapping[str, NDArray[Any]]) -> None:
        """Make the arrays of cells at the first time, when their types are known."""
        for name, array in values.items():
            if name not in self._columns:
                few, most = CELLS_PER_CHUNK
                chunk = min(max(few, 1 << max(len(array) - 1, 0).bit_length()), most)
                unit = self._about["quantities"]["cells"][name.removeprefix("cells/")]
                places = AXES if array.shape[1:] == (len(AXES),) else ()
                further = ["axis"] if places else [f"{Path(name).name}_{i}" for i in range(1, array.ndim)]
                made = Made(array.shape[1:], array.dtype, (chunk, *array.shape[1:]), ("row", *further))
                level = self._about["storage"]["level"]
                self._columns[name] = _Column(make_array(self._group, name, made, Quantity(*unit), level), 0)


def _array(group: zarr.Group, name: str) -> zarr.Array[Any]:
    found = group[name]
    if not isinstance(found, zarr.Array):
        raise refuse(DataError, name, "an array", "The folder is damaged; run it again.")
    return found


def _lock(path: Path) -> BinaryIO:
    """Hold a run for this process until the file is closed, at the latest when the process ends in whatever way."""
    with refusals(path):
        file = (path / "written" / ".lock").open("wb")
    if fcntl is not None:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            if problem.errno in (errno.EACCES, errno.EAGAIN):
                file.close()
                fix = "Wait for it or stop it first; reading is possible meanwhile."
                raise refuse(DataError, str(path), "a run that no other process is writing", fix) from problem
    return file


def _fsync(place: Path) -> None:
    if place.exists():
        handle = os.open(place, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
