"""A run of a tissue on disk: written while running, readable at any moment, read lazily.

One Zarr (version 3) folder:

    zarr.json           attributes: format, grid, quantities (unit and meaning), storage, provenance
    written/zarr.json   attributes: rows, cell_rows, finished; replaced last and whole, after each output time
    time, z, y, x       s; um, middles of voxels
    FIELD               (time, z, y, x), float32 unless asked otherwise, one output time per chunk
    SERIES              (time), float64
    cell_count          (time), cells then
    cells/VARIABLE      (row) or (row, ...): all cells of the first time, then all of the second, and so on

Cells are a contiguous ragged array: those of time `i` are the rows from `cell_count[:i].sum()` on. Arrays on disk are longer
than what counts while a run is under way: only the first `rows` times hold data, and `open_tissue` shows no others. What is
not written reads as NaN (-1 or 0 in whole numbers), and each chunk carries a checksum.

A killed process or a full disk never harms a row that counts: files come into place whole, the mark last. A power cut can
harm rows written after the last `TissueWriter.sync`, which comes before a checkpoint is saved.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import numpy as np
import xarray as xr
import zarr
from zarr.codecs import BloscCodec, Crc32cCodec

from exude.errors import DataError, refuse

FORMAT = "exude-tissue-1"
"""Name of the layout; it changes when old readers would misread new folders."""
AXES = ("x", "y", "z")
"""Order of the three numbers of a position."""
PLACES = ("time", "z", "y", "x", "cell_count", "cells", "written")
"""Names in the folder that no field and no series may bear."""
CELL_PLACES = ("row", "cell", "axis", "time")
"""Names that no cell variable may bear."""
METADATA = "zarr.json"
"""File with the attributes of a Zarr group or array."""
TIMES_PER_CHUNK = 256
"""Output times in one chunk of a series; also how far arrays grow at once."""
CELLS_PER_CHUNK = (2**13, 2**18)
"""Fewest and most rows in one chunk of a cell variable."""
MEBIBYTE = 2**20


class Quantity(NamedTuple):
    """Unit and meaning of one variable; the unit of a bare number is `1`."""

    unit: str
    meaning: str = ""


class Quantities(NamedTuple):
    """What is written at each output time, by name; a cell variable may have further axes (position has three)."""

    fields: Mapping[str, Quantity]
    cells: Mapping[str, Quantity]
    series: Mapping[str, Quantity]


class Storage(NamedTuple):
    """How fields are kept: number type (`float64` keeps every bit), effort of compression 1-9, voxels in one chunk."""

    fields: str = "float32"
    level: int = 3
    chunk: int = 2**20


class AbstractGrid(Protocol):
    """Voxels of a box: shape (nz, ny, nx), edge h (um), origin (x, y, z of the box's lower corner, um)."""

    @property
    def shape(self) -> tuple[int, int, int]: ...  # noqa: D102

    @property
    def h(self) -> float: ...  # noqa: D102

    @property
    def origin(self) -> tuple[float, float, float]: ...  # noqa: D102


class Made(NamedTuple):
    """Shape of one row, number type, chunk and names of the axes of an array to be made."""

    row: tuple[int, ...]
    dtype: Any
    chunk: tuple[int, ...]
    dims: tuple[str, ...]


def make_array(group: zarr.Group, name: str, made: Made, quantity: Quantity, level: int) -> zarr.Array[Any]:
    """An empty array whose first axis grows; what is never written reads as NaN (-1, 0 or False in whole numbers)."""
    dtype = np.dtype(made.dtype)
    fills: dict[str, Any] = {"f": np.nan, "b": False, "i": -1, "u": 0}
    shuffled = BloscCodec(typesize=dtype.itemsize, cname="zstd", clevel=level, shuffle="shuffle")
    attributes: dict[str, Any] = {"units": quantity.unit} | (
        {"long_name": quantity.meaning} if quantity.meaning else {}
    )
    return group.create_array(
        name,
        shape=(0, *made.row),
        dtype=dtype,
        chunks=made.chunk,
        compressors=(shuffled, Crc32cCodec()),
        fill_value=fills[dtype.kind],
        dimension_names=made.dims,
        attributes=attributes,
    )


def skeleton(place: Path, grid: AbstractGrid, quantities: Quantities, about: dict[str, Any]) -> None:
    """A folder with every array but those of cells, all of them empty."""
    group = zarr.open_group(place, mode="w", attributes=about)
    group.create_group("cells")
    storage = Storage(**about["storage"])
    single = Made((), np.float64, (TIMES_PER_CHUNK,), ("time",))
    make_array(group, "time", single, Quantity("s", "time since the start"), storage.level)
    counted = Quantity("cells", "rows of this time in the table of cells")
    make_array(group, "cell_count", single._replace(dtype=np.int64), counted, storage.level)
    for name, quantity in quantities.series.items():
        make_array(group, name, single, quantity, storage.level)
    chunk = field_chunk(grid.shape, storage.chunk)
    layers = Made(tuple(grid.shape), storage.fields, (1, *chunk), ("time", "z", "y", "x"))
    for name, quantity in quantities.fields.items():
        make_array(group, name, layers, quantity, storage.level)
    for axis, cells, corner in zip("zyx", grid.shape, grid.origin[::-1], strict=True):
        middles = corner + grid.h * (np.arange(cells) + 1 / 2)
        attributes: dict[str, Any] = {"units": "um", "long_name": f"{axis} of the middles of voxels"}
        group.create_array(axis, data=middles, chunks=(cells,), dimension_names=(axis,), attributes=attributes)


def field_chunk(shape: tuple[int, int, int], voxels: int) -> tuple[int, int, int]:
    """Chunk of a field of at most so many voxels: slabs first, then rows, then parts of rows."""
    chunk = [*shape]
    for axis in range(len(chunk)):
        while np.prod(chunk) > voxels and chunk[axis] > 1:
            chunk[axis] = -(-chunk[axis] // 2)
    return chunk[0], chunk[1], chunk[2]


def about_run(grid: AbstractGrid, quantities: Quantities, storage: Storage, attrs: Mapping[str, Any]) -> dict[str, Any]:
    """What a run says of itself in its folder; DataError for names and values that cannot be kept."""
    _check_names(quantities)
    if storage.fields not in ("float32", "float64") or not 0 <= storage.level <= 9 or storage.chunk < 1:
        raise refuse(DataError, storage, "fields 'float32' or 'float64', level 0-9, chunk > 0", "Change `storage`.")
    kinds = quantities._asdict().items()
    about = {
        "format": FORMAT,
        "grid": {"shape": [int(n) for n in grid.shape], "h": float(grid.h), "origin": [float(x) for x in grid.origin]},
        "quantities": {kind: {name: list(quantity) for name, quantity in known.items()} for kind, known in kinds},
        "storage": storage._asdict(),
        "provenance": dict(attrs),
    }
    try:
        back: dict[str, Any] = json.loads(json.dumps(about, allow_nan=False))
    except (TypeError, ValueError) as problem:
        raise refuse(
            DataError, str(problem), "attrs that JSON holds", "Give text, finite numbers, lists, dicts."
        ) from problem
    return back


def mark(place: Path, rows: int, cell_rows: int, *, finished: bool) -> None:
    """Say how much counts, in one step: the old statement or the new one, never part of one."""
    said = {"rows": rows, "cell_rows": cell_rows, "finished": finished}
    whole = {"zarr_format": 3, "node_type": "group", "attributes": said}
    target = place / "written" / METADATA
    draft = target.with_name(f".{METADATA}.{os.getpid()}.part")
    target.parent.mkdir(exist_ok=True)
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(json.dumps(whole))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(target)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def attributes(place: Path) -> dict[str, Any]:
    """Attributes of a Zarr group in a folder; empty where there is none."""
    try:
        found = json.loads((place / METADATA).read_text(encoding="utf-8"))
        return dict(found["attributes"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


class Part(NamedTuple):
    """The variables of a group that matter, and how many rows of their first axis count."""

    names: tuple[str, ...]
    axis: str
    rows: int


def opened(place: Path, group: str, part: Part) -> xr.Dataset:
    """Variables of a group, read when used; rows that do not count are left out."""
    rows = {part.axis: slice(0, part.rows)}
    try:
        whole = _open(place, group, ())
    except ValueError:  # arrays grow one after the other, and the writer is, or was killed, in between
        single = [_open(place, group, [other for other in part.names if other != name]) for name in part.names]
        whole = xr.merge([found.isel(rows) for found in single], join="exact", compat="no_conflicts")
    return whole[[*part.names]].isel(rows, missing_dims="ignore")


def _open(place: Path, group: str, without: Iterable[str]) -> xr.Dataset:
    found: xr.Dataset = xr.open_zarr(
        place, group=group or None, consolidated=False, chunks=None, decode_cf=False, drop_variables=without
    )
    return found


def free_place(path: Path, overwrite: bool) -> None:
    """Refuse a place where something is that must not go."""
    if not path.exists() or (path.is_dir() and not any(path.iterdir())):
        return
    if path.is_dir() and attributes(path).get("format") == FORMAT:
        if not overwrite:
            fix = "Give `overwrite=True` to lose it, `TissueWriter.reopen` to go on with it, or another path."
            raise refuse(DataError, str(path), "a free place, and this is an earlier run", fix)
        return
    fix = "Give another path; `overwrite=True` replaces runs of a tissue only."
    raise refuse(DataError, str(path), "a free place, and this is no run of a tissue", fix)


@contextmanager
def refusals(path: Path) -> Iterator[None]:
    """One clear error where the disk refuses: what, how much is free, what to do."""
    try:
        yield
    except OSError as problem:
        near = next(place for place in (path, *path.parents) if place.exists())
        free = shutil.disk_usage(near).free / MEBIBYTE
        fix = "Free space or mend the folder and resume; output times written before are whole."
        raise refuse(
            DataError, str(problem), f"room and leave to write {path} ({free:.1f} MiB are free)", fix
        ) from problem


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """One clear error where a folder is damaged."""
    try:
        yield
    except Exception as problem:
        fix = "Files are missing or damaged; run it again, or reopen it at the last checkpoint."
        raise refuse(DataError, f"{type(problem).__name__}: {problem}", f"a whole run in {path}", fix) from problem


def same_names(kind: str, given: Iterable[str], known: Iterable[str]) -> None:
    """DataError where names given are not just those announced."""
    for name in set(given) - set(known):
        fix = f"Announce it in `quantities.{kind}`, or leave it out."
        raise refuse(DataError, name, f"{kind} {sorted(known)}", fix, near=known)
    if missing := sorted(set(known) - set(given)):
        raise refuse(DataError, f"no {', '.join(missing)}", f"{kind} {sorted(known)}", "Give every one at each time.")


def _check_names(quantities: Quantities) -> None:
    outside = (*quantities.fields, *quantities.series)
    for name in (*outside, *quantities.cells):
        if not name.isidentifier():  # names become folders
            raise refuse(DataError, name, "a name of letters, digits and _", "Rename it.")
    for name in outside:
        if name in PLACES or outside.count(name) > 1:
            raise refuse(DataError, name, f"a name used once, and none of {PLACES}", "Rename it.")
    for name in set(quantities.cells) & set(CELL_PLACES):
        raise refuse(DataError, name, f"a cell variable with a name other than {CELL_PLACES}", "Rename it.")
