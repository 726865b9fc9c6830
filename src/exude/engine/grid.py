"""A grid of cubes, fields on it, and what points put into a field or read from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from exude.engine import build
from exude.engine.layout import Floats
from exude.errors import ExudeError, ProtocolError, refuse

WIDTH = 8
"""Doubles in a vector: rows are padded to whole vectors, planes to whole groups of eight rows (loops/fields.py)."""
LINE = 64
"""Bytes of a cache line."""


class Layout(NamedTuple):
    """Voxels along z, y, x, and numbers from row to row and from plane to plane."""

    nz: int
    ny: int
    nx: int
    row: int
    plane: int


@dataclass(frozen=True)
class Grid:
    """Cubes of side `h` (um) that fill a box: `shape` (nz, ny, nx), `origin` the box's lower corner (x, y, z; um).

    nz == 1 is two-dimensional: one layer of thickness h, no exchange along z.
    """

    shape: tuple[int, int, int]
    h: float
    origin: tuple[float, float, float] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        if len(self.shape) != 3 or not all(isinstance(n, (int, np.integer)) and n >= 1 for n in self.shape):
            raise no(self.shape, "three whole numbers (nz, ny, nx) of at least 1", "Use nz = 1 for two dimensions.")
        if not (math.isfinite(self.h) and self.h > 0):
            raise no(self.h, "a spacing above 0 um", "Give h in um.")
        if len(self.origin) != 3 or not all(math.isfinite(x) for x in self.origin):
            raise no(self.origin, "three finite numbers (x, y, z)", "Give the box's lower corner in um.")

    @property
    def dimensions(self) -> int:
        """2 where the grid is one layer thick, else 3."""
        return 2 if self.shape[0] == 1 else 3

    @property
    def volume(self) -> float:
        """Volume of a voxel, um3."""
        return self.h**3

    @property
    def size(self) -> tuple[float, float, float]:
        """Lengths of the box along x, y, z, um."""
        nz, ny, nx = self.shape
        return nx * self.h, ny * self.h, nz * self.h

    @property
    def layout(self) -> Layout:
        """Strides of a field: odd numbers of cache lines, so that neighbours along y and z share no cache set."""
        nz, ny, nx = self.shape
        lines = -(-nx // WIDTH) | 1
        return Layout(nz, ny, nx, lines * WIDTH, ((-(-ny // WIDTH) * WIDTH * lines) | 1) * WIDTH)

    def centres(self) -> tuple[Floats, Floats, Floats]:
        """Coordinates of the voxels' centres along x, y, z, um."""
        nz, ny, nx = self.shape
        made = (
            o + self.h * (np.arange(n, dtype=np.float64) + 0.5) for o, n in zip(self.origin, (nx, ny, nz), strict=True)
        )
        x, y, z = (np.asarray(centres, np.float64) for centres in made)
        return x, y, z

    def places(self) -> Floats:
        """(voxel, 3) um, centres of all voxels (x, y, z), in the order of a field."""
        x, y, z = self.centres()
        return np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1).reshape(-1, 3)


def new_field(grid: Grid, value: float = 0.0) -> Floats:
    """A field (nz, ny, nx) of one value, padded and aligned so that a step works in its place.

    The padding is the step's own: hand a step the whole field, never a part of a larger grid's field.
    """
    field: Floats = padded(grid, np.float64)
    field[...] = value
    return field


def new_fields(grid: Grid, n: int) -> Floats:
    """`n` fields of 0, (n, nz, ny, nx), each as `new_field` makes it."""
    nz, ny, nx, row, plane = grid.layout
    first = padded(Grid((n * nz, ny, nx), grid.h), np.float64)
    return as_strided(first, (n, nz, ny, nx), (8 * nz * plane, 8 * plane, 8 * row, 8))


def padded(grid: Grid, kind: Any, padding: float = 0.0) -> NDArray[Any]:
    """A new array (nz, ny, nx) in the grid's layout, `padding` in it and between its rows."""
    nz, ny, nx, row, plane = grid.layout
    size = np.dtype(kind).itemsize
    whole = np.full(nz * plane + LINE // size, padding, kind)
    skip = -whole.ctypes.data % LINE // size
    return as_strided(whole[skip : skip + nz * plane], (nz, ny, nx), (plane * size, row * size, size))


def is_padded(array: NDArray[Any], grid: Grid) -> bool:
    """Whether an array has the grid's layout, its padding included."""
    size, layout = array.itemsize, grid.layout
    if array.shape != grid.shape or array.strides != (layout.plane * size, layout.row * size, size):
        return False
    root, owner = array, array.base
    while owner is not None:  # views made by strides have an owner between that is no array
        root, owner = owner if isinstance(owner, np.ndarray) else root, getattr(owner, "base", None)
    left = root.ctypes.data + root.nbytes - array.ctypes.data
    return array.dtype.kind == "f" and array.flags.writeable and left >= layout.nz * layout.plane * size


def flat(array: NDArray[Any], grid: Grid) -> NDArray[Any]:
    """A padded array as one line of numbers, padding included."""
    return as_strided(array, (grid.layout.nz * grid.layout.plane,), (array.itemsize,))


def total(field: Floats) -> float:
    """Sum over all voxels in one fixed order; times `grid.volume` it is an amount.

    Relative to the sum of magnitudes its error is below (nx / 8 + 8) 1.1e-16: 1e-13 holds up to nx = 7,000.
    """
    sums = np.empty(field.shape[0])
    build.plain("points").plane_sums(field, sums)
    return math.fsum(sums)


def deposit(field: Floats, positions: Floats, amounts: Floats, grid: Grid) -> None:
    """Add amounts at points to a field, as amount per um3, shared by the eight voxel centres around (cloud in cell).

    `positions` (n, 3): x, y, z, um. At a face the share of a voxel beyond goes to the outermost one: nothing is lost.
    Points are taken in their order. Raises ProtocolError for a point outside the box.
    """
    amounts = np.ascontiguousarray(amounts, np.float64)
    places = _places(field, positions, grid)
    if amounts.shape != (len(places),) or not np.isfinite(amounts).all():
        raise no(amounts.shape, f"{len(places)} finite amounts, one per point", "Give one number per point.")
    build.plain("points").deposit(field, places, amounts / grid.volume)


def sample(field: Floats, positions: Floats, grid: Grid) -> Floats:
    """Values of a field at points (n, 3), um: linear between voxel centres, the weights of `deposit`; (n)."""
    check_shape(field, grid.shape)
    return np.asarray(samples(field[None], [0], positions, grid)[0])


def samples(fields: Floats, which: Sequence[int], positions: Floats, grid: Grid) -> Floats:
    """`sample` of some of fields (field, nz, ny, nx) at the same points; (len(which), n)."""
    places = _places(fields[0], positions, grid)
    out = np.empty((len(which), len(places)))
    build.plain("points").sample(fields, np.array(which, np.int64), places, out)
    return out


def gradient(field: Floats, positions: Floats, grid: Grid) -> Floats:
    """Gradient of a field at points (n, 3): central differences, linear between voxel centres; per um, (n, 3).

    A voxel beyond a face is the mirror image of the one within. Second order in h away from faces.
    """
    places = _places(field, positions, grid)
    out = np.empty((len(places), 3))
    build.plain("points").gradient(field, places, out)
    return out / grid.h


def _places(field: Floats, positions: Floats, grid: Grid) -> Floats:
    """Positions in voxels from the box's corner; refuses the first point outside by its number."""
    check_shape(field, grid.shape)
    positions = np.asarray(positions, np.float64)
    if positions.ndim != 2 or positions.shape[1] != 3:
        raise no(positions.shape, "positions of shape (n, 3): x, y, z in um", "Stack them as rows.")
    places = np.empty(positions.shape)
    corner, size = np.array(grid.origin, np.float64), np.array(grid.shape[::-1], np.float64)
    n = build.plain("points").into_voxels(positions, corner, size, grid.h, places)
    if n < len(places):
        box = ", ".join(f"{o:g} to {o + s:g}" for o, s in zip(grid.origin, grid.size, strict=True))
        raise no(tuple(positions[n].tolist()), f"point {n} inside the box ({box} um)", "Move it or enlarge the box.")
    return places


def check_shape(field: Any, shape: tuple[int, int, int]) -> None:
    """Refuse what is not a field of this shape."""
    if not isinstance(field, np.ndarray) or field.shape != shape or field.dtype != np.float64:
        got = (getattr(field, "shape", type(field).__name__), str(getattr(field, "dtype", "")))
        raise no(got, f"a field of float64, shape (nz, ny, nx) = {shape}", "Make it with `new_field(grid)`.")


def no(got: object, expected: str, fix: str) -> ExudeError:
    """The refusal of this engine."""
    return refuse(ProtocolError, got, expected, fix)
