"""Runs of a tissue for other programs: VTK (ParaView) and OME-Zarr (napari, Fiji)."""

from __future__ import annotations

import base64
import os
import shutil
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple
from xml.sax.saxutils import quoteattr

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import BloscCodec

from exude.engine.files import write_whole
from exude.engine.tissue_layout import AXES, field_chunk, refusals
from exude.engine.tissue_run import TissueRun
from exude.errors import DataError, refuse

FIX = "Free space or choose another folder; the run itself is untouched."
VTK_TYPES = {"f4": "Float32", "f8": "Float64", "i1": "Int8", "i2": "Int16", "i4": "Int32", "i8": "Int64"} | {
    "u1": "UInt8", "u2": "UInt16", "u4": "UInt32", "u8": "UInt64",
}  # fmt: skip
"""Names of VTK for types of NumPy."""
BLOCK = 2**20
"""Bytes compressed at once in a VTK file."""
EFFORT = 1
"""Effort of compression in VTK files; more costs far more time than it saves room."""
OME_VERSION = "0.5"
SMALLEST = 256
"""Levels of a pyramid end where no edge is longer, voxels."""
COLOURS = ("00FF00", "FF00FF", "00FFFF", "FFFF00", "FF0000", "0000FF", "FFFFFF")
"""Colours of channels, in turn."""
EVEN = 1e-9
"""Share of a time step that output times may be off and still count as evenly spaced."""


def to_vtk(
    run: TissueRun, folder: str | Path, *, fields: Sequence[str] = (), times: Iterable[int] | None = None
) -> tuple[Path, Path]:
    """Write image data of fields and points of cells for ParaView; returns `fields.pvd` and `cells.pvd`.

    One `fields_NNNNN.vti` (values of voxels, spacing and origin in um) and one `cells_NNNNN.vtp` (`position` in um, every other
    variable on the points) per output time, zlib-compressed; the two collections give times in s and come last. `fields`:
    which (all where empty); `times`: indices (all where None). DataError for an unknown field or time, or a full disk.
    """
    place = Path(folder)
    chosen, rows = _chosen(run, fields), _rows(run, times)
    with refusals(place):
        place.mkdir(parents=True, exist_ok=True)
    images, points = [], []
    for row in rows:
        time = float(run.data["time"][row])
        image = place / f"fields_{row:05d}.vti"
        write_whole(image, _image(run, chosen, row), FIX)
        images.append((time, image.name))
        if "position" in run.about["quantities"]["cells"]:
            cells = place / f"cells_{row:05d}.vtp"
            write_whole(cells, _points(run, row), FIX)
            points.append((time, cells.name))
    return (
        write_whole(place / "fields.pvd", _collection(images), FIX),
        write_whole(place / "cells.pvd", _collection(points), FIX),
    )


def to_ome_zarr(
    run: TissueRun, path: str | Path, *, fields: Sequence[str] = (), times: Iterable[int] | None = None
) -> Path:
    """Write fields as an OME-Zarr 0.5 image (t, c, z, y, x), one channel per field, with a pyramid of levels.

    Scale in um and s; each level halves every axis longer than one voxel (mean of two; a last odd one stands for itself). Unevenly spaced times have no place in the standard: then the scale of t is 1 and `exude.times_s` holds them.
    Arguments as in `to_vtk`. A new folder, whole or absent; DataError where something is in its place.
    """
    place = Path(path).absolute()
    if place.exists():
        raise refuse(DataError, str(place), "a free place", "Give another path, or remove what is there.")
    chosen, rows = _chosen(run, fields), _rows(run, times)
    draft = place.with_name(f".{place.name}.{os.getpid()}.part")
    with refusals(place):
        shutil.rmtree(draft, ignore_errors=True)
        draft.parent.mkdir(parents=True, exist_ok=True)
        try:
            group = zarr.open_group(draft, mode="w")
            shapes = list(_shapes(tuple(run.about["grid"]["shape"])))
            levels = [_level(group, str(i), (len(rows), len(chosen), *shape)) for i, shape in enumerate(shapes)]
            spans = _fill_levels(run, levels, chosen, rows)
            group.attrs.put(_ome(run, place.stem, chosen, rows, shapes, spans))
            draft.rename(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    return place


def _chosen(run: TissueRun, fields: Sequence[str]) -> list[str]:
    known = list(run.about["quantities"]["fields"])
    for name in fields:
        if name not in known:
            raise refuse(DataError, name, f"a field of the run: {known}", "See `run.data`.", near=known)
    return list(fields) or known


def _rows(run: TissueRun, times: Iterable[int] | None) -> list[int]:
    rows = list(range(run.rows) if times is None else times)
    for row in rows:
        if not 0 <= row < run.rows:
            raise refuse(DataError, row, f"an output time from 0 to {run.rows - 1}", "See `run.data.time`.")
    if not rows or any(b <= a for a, b in pairwise(rows)):
        raise refuse(DataError, rows, "one output time or more, in their order", "See `run.data.time`.")
    return rows


# --- VTK ---


class _Column(NamedTuple):
    """One array of a VTK file."""

    name: str
    values: NDArray[Any]
    unit: str = ""


class _Appendix:
    """Arrays of one VTK file: the tags that stand in its tree, and their contents at its end."""

    def __init__(self) -> None:
        self.contents: list[bytes] = []
        self.length = 0

    def tag(self, column: _Column) -> str:
        """The element of an array, its contents put aside."""
        values = np.ascontiguousarray(column.values)
        values = values.astype(np.uint8) if values.dtype.kind == "b" else values
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        kind = VTK_TYPES.get(values.dtype.str[1:])
        if kind is None:
            raise refuse(DataError, str(values.dtype), f"a type that VTK has in {column.name!r}", "Leave it out.")
        width = values.shape[1] if values.ndim == 2 else 1
        content = _packed(values)
        unit = (
            f'<InformationKey name="UNITS_LABEL" location="vtkDataArray">{_text(column.unit)}</InformationKey>'
            if column.unit
            else ""
        )
        tag = (
            f'<DataArray type="{kind}" Name={quoteattr(column.name)} NumberOfComponents="{width}" '
            f'format="appended" offset="{self.length}">{unit}</DataArray>'
        )
        self.contents.append(content)
        self.length += len(content)
        return tag

    def file(self, kind: str, tree: str) -> bytes:
        """The whole file."""
        start = (
            f'<?xml version="1.0"?>\n<VTKFile type="{kind}" version="1.0" byte_order="LittleEndian" header_type="UInt64" '
            f'compressor="vtkZLibDataCompressor">\n{tree}\n<AppendedData encoding="base64">_'
        )
        return b"".join([start.encode(), *self.contents, b"</AppendedData>\n</VTKFile>\n"])


def _packed(values: NDArray[Any]) -> bytes:
    """Blocks behind their table: number, length, length of the last if shorter, compressed lengths."""
    raw = values.tobytes()
    blocks = [zlib.compress(raw[at : at + BLOCK], EFFORT) for at in range(0, len(raw), BLOCK)]
    table = (len(blocks), BLOCK, len(raw) % BLOCK, *(len(block) for block in blocks))
    return base64.b64encode(struct.pack(f"<{len(table)}Q", *table)) + base64.b64encode(b"".join(blocks))


def _text(text: str) -> str:
    return quoteattr(text)[1:-1]


def _time_tag(appendix: _Appendix, time: float) -> str:
    tag = appendix.tag(_Column("TimeValue", np.array([time])))
    return f"<FieldData>{tag.replace('NumberOfComponents', 'NumberOfTuples', 1)}</FieldData>"


def _image(run: TissueRun, fields: Sequence[str], row: int) -> bytes:
    """Fields of one output time as VTK image data, values in the voxels; x runs fastest in both."""
    grid, appendix = run.about["grid"], _Appendix()
    extent = " ".join(f"0 {n}" for n in grid["shape"][::-1])
    origin = " ".join(repr(float(x)) for x in grid["origin"])
    spacing = " ".join([repr(float(grid["h"]))] * len(AXES))
    time = _time_tag(appendix, float(run.data["time"][row]))
    tags = []
    for name in fields:
        layer = run.data[name][row]
        tags.append(appendix.tag(_Column(name, layer.to_numpy().reshape(-1), layer.attrs["units"])))
    tree = (
        f'<ImageData WholeExtent="{extent}" Origin="{origin}" Spacing="{spacing}">{time}<Piece Extent="{extent}">'
        f"<CellData>{''.join(tags)}</CellData></Piece></ImageData>"
    )
    return appendix.file("ImageData", tree)


def _points(run: TissueRun, row: int) -> bytes:
    """Cells of one output time as VTK points."""
    cells, appendix = run.cells(row), _Appendix()
    place, number = cells["position"], cells.sizes["cell"]
    time = _time_tag(appendix, float(run.data["time"][row]))
    tags = []
    for name, variable in cells.data_vars.items():
        if name != "position":
            values = variable.to_numpy().reshape(number, int(np.prod(variable.shape[1:])))
            tags.append(appendix.tag(_Column(str(name), values, variable.attrs["units"])))
    points = appendix.tag(_Column("position", place.to_numpy(), place.attrs["units"]))
    single = np.arange(number, dtype=np.int64)
    vertices = appendix.tag(_Column("connectivity", single)) + appendix.tag(_Column("offsets", single + 1))
    tree = (
        f'<PolyData>{time}<Piece NumberOfPoints="{number}" NumberOfVerts="{number}" NumberOfLines="0" '
        f'NumberOfStrips="0" NumberOfPolys="0"><PointData>{"".join(tags)}</PointData><Points>{points}</Points>'
        f"<Verts>{vertices}</Verts></Piece></PolyData>"
    )
    return appendix.file("PolyData", tree)


def _collection(parts: Sequence[tuple[float, str]]) -> bytes:
    lines = "".join(f'<DataSet timestep="{time!r}" part="0" file={quoteattr(name)}/>\n' for time, name in parts)
    return f'<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n<Collection>\n{lines}</Collection>\n</VTKFile>\n'.encode()


# --- OME-Zarr ---


def _shapes(shape: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
    """Shapes of the levels, each half of the one before, until no edge is long."""
    yield shape
    while max(shape) > SMALLEST:
        shape = tuple(-(-n // 2) for n in shape)
        yield shape


def _level(group: zarr.Group, name: str, shape: tuple[int, ...]) -> zarr.Array[Any]:
    chunk = field_chunk((shape[2], shape[3], shape[4]), BLOCK)
    packing = BloscCodec(typesize=4, cname="zstd", clevel=3, shuffle="shuffle")
    return group.create_array(
        name,
        shape=shape,
        dtype=np.float32,
        chunks=(1, 1, *chunk),
        compressors=(packing,),
        dimension_names=("t", "c", "z", "y", "x"),
    )


def _fill_levels(
    run: TissueRun, levels: Sequence[zarr.Array[Any]], fields: Sequence[str], rows: Sequence[int]
) -> list[tuple[float, float]]:
    """Write every level, one field of one time in memory; returns smallest and largest value of each field."""
    spans = [(np.inf, -np.inf) for _ in fields]
    for t, row in enumerate(rows):
        for c, name in enumerate(fields):
            layer = run.data[name][row].to_numpy().astype(np.float64)
            spans[c] = min(spans[c][0], float(layer.min())), max(spans[c][1], float(layer.max()))
            for level in levels:
                level[t, c] = layer.astype(np.float32)
                layer = halved(layer)
    return spans


def halved(layer: NDArray[np.float64]) -> NDArray[np.float64]:
    """Means over pairs along every axis; a last odd one stands for itself."""
    for axis in range(layer.ndim):
        starts = np.arange(0, layer.shape[axis], 2)
        counts = np.minimum(2, layer.shape[axis] - starts)
        sums = np.add.reduceat(layer, starts, axis=axis)
        layer = sums / np.expand_dims(counts, tuple(i for i in range(layer.ndim) if i != axis))
    return layer


def _ome(
    run: TissueRun,
    name: str,
    fields: Sequence[str],
    rows: Sequence[int],
    shapes: Sequence[tuple[int, ...]],
    spans: Sequence[tuple[float, float]],
) -> dict[str, Any]:
    """Metadata of the image (https://ngff.openmicroscopy.org/0.5)."""
    times = run.data["time"].to_numpy()[list(rows)]
    steps = np.diff(times)
    even = len(times) > 1 and bool(np.ptp(steps) <= EVEN * steps[0])
    step, start = (float(steps.mean()), float(times[0])) if even else (1.0, 0.0)
    space = [{"name": axis, "type": "space", "unit": "micrometer"} for axis in AXES[::-1]]
    axes = [{"name": "t", "type": "time", "unit": "second"}, {"name": "c", "type": "channel"}, *space]
    grid, datasets, edges = run.about["grid"], [], [run.about["grid"]["h"]] * len(AXES)
    for level, shape in enumerate(shapes):
        middles = [corner + edge / 2 for corner, edge in zip(grid["origin"][::-1], edges, strict=True)]
        scale = {"type": "scale", "scale": [step, 1.0, *edges]}
        shift = {"type": "translation", "translation": [start, 0.0, *middles]}
        datasets.append({"path": str(level), "coordinateTransformations": [scale, shift]})
        edges = [edge * (2 if n > 1 else 1) for edge, n in zip(edges, shape, strict=True)]
    image = {"name": name, "axes": axes, "datasets": datasets, "type": "mean"}
    channels = [
        {
            "label": f"{field} ({run.about['quantities']['fields'][field][0]})",
            "color": COLOURS[c % len(COLOURS)],
            "active": True,
            "window": {"min": low, "max": high, "start": low, "end": high},
        }
        for c, (field, (low, high)) in enumerate(zip(fields, spans, strict=True))
    ]
    ome = {"version": OME_VERSION, "multiscales": [image], "omero": {"channels": channels}}
    return {"ome": ome, "exude": {"times_s": times.tolist(), "provenance": run.attrs}}
