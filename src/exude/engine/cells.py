"""Cells as spheres in a box, and the refusals of what cannot be one.

Lengths in um, strengths in um/s. Rows of all arrays are cells.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.engine.layout import Floats, Ints
from exude.engine.slabs import each, rows_of, slabs
from exude.errors import ProtocolError, refuse

MOST_IDS = 2**28
"""Ids below this have random numbers of their own (engine/streams.py)."""


class Box(NamedTuple):
    """Where cells may be: `lower` and `upper` corner (3,), um; `planar`: two dimensions, z is left alone."""

    lower: Floats
    upper: Floats
    planar: bool = False


class Cells(NamedTuple):
    """What forces read of cells; arrays of one row per cell.

    position (n, 3) um; radius (n,) um; stretch (n,) relative maximum adhesion distance; repulsion, adhesion (n,) um/s;
    kind (n,) row of the affinities; ids (n,) unique, 0 <= id < 2^28.
    """

    position: Floats
    radius: Floats
    stretch: Floats
    repulsion: Floats
    adhesion: Floats
    kind: Ints
    ids: Ints


def check_box(box: Box) -> None:
    """Refuse a box without two finite corners, the lower below the upper; ProtocolError."""
    lower, upper = np.asarray(box.lower), np.asarray(box.upper)
    if lower.shape != (3,) or upper.shape != (3,) or not np.all(np.isfinite([lower, upper])) or np.any(lower > upper):
        raise refuse(ProtocolError, box, "a box with lower <= upper corner, (3,) each, um", "Swap or correct them.")


def check_shapes(cells: Cells) -> None:
    """Refuse cells whose arrays a kernel cannot read (`check_array`)."""
    n = len(cells.position)
    for name, array in zip(Cells._fields, cells, strict=True):
        whole = name in ("kind", "ids")
        check_array(name, array, (n, 3) if name == "position" else (n,), np.int64 if whole else np.float64)


def check_array(name: str, array: NDArray[Any], shape: tuple[int, ...], dtype: type = np.float64) -> None:
    """Refuse an array of another shape, type or layout: a kernel would read a short one beyond its end."""
    if array.shape != shape or array.dtype != dtype or not array.flags.c_contiguous:
        got = f"{name}: {array.dtype} of shape {array.shape}"
        expected = f"{np.dtype(dtype)} of shape {shape}, contiguous"
        raise refuse(ProtocolError, got, expected, "Give one row per cell; np.ascontiguousarray helps after a slice.")


def check_ids(ids: Ints) -> None:
    """Refuse ids that have no random numbers of their own; ProtocolError names the worst."""
    if len(ids) and not (int(ids.min()) >= 0 and int(ids.max()) < MOST_IDS):
        worst = int(ids.min()) if int(ids.min()) < 0 else int(ids.max())
        raise refuse(ProtocolError, f"id {worst}", f"ids from 0 to {MOST_IDS - 1}", "Number cells from 0 as they come.")


def check_cells(cells: Cells, box: Box, kinds: int, kernels: Any, threads: int) -> None:
    """Refuse the first cell that cannot be, by its id, row and value; `kernels`: the built loops/agents.py."""
    n = len(cells.position)
    check_ids(cells.ids)
    lower, upper = np.asarray(box.lower, float), np.asarray(box.upper, float)
    found = each(lambda s: kernels.first_wrong(*rows_of(s, n), cells, lower, upper, kinds), slabs(n), threads)
    for row, code in found:
        if code:
            raise _wrong(cells, row, code, box, kinds)


def _wrong(cells: Cells, row: int, code: int, box: Box, kinds: int) -> ProtocolError:
    """The refusal of one cell; codes as in the kernel."""
    place = ", ".join(f"{x:g}" for x in cells.position[row])
    strengths = f"{cells.stretch[row]:g}, {cells.repulsion[row]:g}, {cells.adhesion[row]:g}"
    corners = f"{np.asarray(box.lower).tolist()} to {np.asarray(box.upper).tolist()}"
    got, expected, fix = (
        (f"position ({place})", "finite numbers, um", "Take a shorter step, or correct the start."),
        (f"position ({place})", f"a place in the box {corners}, um", "Move the cell or widen the box."),
        (f"radius {cells.radius[row]:g}", "a radius > 0 um", "Correct its volume."),
        (f"stretch, repulsion, adhesion {strengths}", "finite numbers >= 0", "Correct its kind's mechanics."),
        (f"kind {cells.kind[row]}", f"a kind from 0 to {kinds - 1}", "Give the affinities one row per kind."),
    )[code - 1]
    error = refuse(ProtocolError, f"{got} of cell {cells.ids[row]} (row {row})", expected, fix)
    assert isinstance(error, ProtocolError)
    return error
