"""Runs of tissues as a browser can show them: which there are, and their fields and cells, thinned out, as bytes."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from exude.engine.tissue_layout import FORMAT, attributes
from exude.engine.tissue_run import TissueRun, open_tissue
from exude.errors import DataError, ProtocolError, refuse
from exude.page.tissue import LETTERS, Plain, conditions_of, told_apart
from exude.show.tissue_axes import KIND_NAMES, KINDS

MOST_PIXELS = 256
"""Of a side of a picture that is sent."""
MOST_FRAMES = 120
MOST_VALUES = 4 * 2**20
"""Of one field, over all frames."""
MOST_ROWS = 300_000
"""Cells that are sent, all frames together."""
MOST_RUNS = 200
"""Runs in the working folder that are listed."""
STEPS = 65535
"""A value is sent as this many steps between the least and the most."""
BRIGHT = 0.998
"""Share of the values that a colour bar spans: a few voxels hold far more than all others."""
BYTES_OF_CELL = 100
"""Of one cell at one time in a table, about."""
WAYS = ("slice", "mean", "max")
BINARY = "application/octet-stream"
ENDING = ".zarr"


@dataclass(frozen=True)
class Side:
    """One run that is shown, left or right."""

    letter: str
    run: TissueRun

    @property
    def label(self) -> str:
        """What was done in it."""
        return conditions_of(self.run.attrs)

    def rows(self) -> list[int]:
        """Numbers of the recorded times that are shown: all, or as many as are sent, evenly spread."""
        if self.run.rows <= MOST_FRAMES:
            return list(range(self.run.rows))
        return sorted({round(i) for i in np.linspace(0, self.run.rows - 1, MOST_FRAMES)})


def of_job(folder: Path) -> list[Side]:
    """What a job has written so far: nothing at first, then the left side, then both."""
    return [Side(x, open_tissue(folder / f"{x}{ENDING}")) for x in LETTERS if (folder / f"{x}{ENDING}").is_dir()]


def of_folder(folder: Path, names: list[str]) -> list[Side]:
    """One run of the working folder, or two to compare, by name; DataError for any name that is not listed."""
    known = listed(folder)
    for name in names[: len(LETTERS)]:
        if name not in known:
            raise refuse(
                DataError,
                name[:80],
                f"a run in the working folder: {', '.join(known[:10]) or 'there is none'}",
                "Choose one of the list.",
                known,
            )
    return [Side(letter, open_tissue(folder / name)) for letter, name in zip(LETTERS, names, strict=False)]


def listed(folder: Path) -> list[str]:
    """Names of the runs right in a folder; links, and runs that hold links, are left out: they may lead elsewhere."""
    places = sorted((p for p in folder.iterdir() if p.suffix == ENDING), key=lambda p: p.name)[:MOST_RUNS]
    return [p.name for p in places if p.is_dir() and not _linked(p) and attributes(p).get("format") == FORMAT]


def _linked(place: Path) -> bool:
    """Whether a folder is a link or holds any."""
    if place.is_symlink():
        return True
    return any(Path(top, name).is_symlink() for top, inside, files in os.walk(place) for name in (*inside, *files))


def described(folder: Path) -> list[Plain]:
    """Each run of the working folder in words."""
    found = []
    for name in listed(folder):
        try:
            run = open_tissue(folder / name)
        except DataError as problem:
            found.append({"name": name, "says": f"cannot be read: {' '.join(str(problem).split())[:200]}", "rows": 0})
            continue
        nz, ny, nx = run.about["grid"]["shape"]
        h = run.about["grid"]["h"]
        size = " x ".join(f"{n * h:g}" for n in ((nx, ny) if nz == 1 else (nx, ny, nz)))
        end = float(run.data["time"][-1]) if run.rows else 0.0
        found.append(
            {"name": name, "says": f"{conditions_of(run.attrs)}, {size} µm, {end / 3600:g} h", "rows": run.rows}
        )
    return found


def labels_of(sides: list[Side], *, by_name: bool = False) -> list[str]:
    """What was done on each side, in words that differ; by_name: with the name that the working folder has for it."""
    if by_name:
        return [f"{side.run.path.name}: {side.label}" for side in sides]
    return told_apart([side.run.attrs for side in sides])


def head_of(side: Side) -> Plain:
    """What is known of a run without its frames: times, box, fields, kinds of cells, how it was made."""
    run, grid = side.run, side.run.about["grid"]
    rows = side.rows()
    fields = run.about["quantities"]["fields"]
    return {
        "letter": side.letter, "label": side.label, "rows": run.rows, "finished": run.finished,
        "time": [float(t) for t in run.data["time"].values[rows]],
        "box": {"shape": grid["shape"], "h": grid["h"], "origin": grid["origin"]},
        "fields": [{"name": n, "unit": unit, "meaning": meaning} for n, (unit, meaning) in fields.items()],
        "kinds": [
            {"kind": kind, "name": KIND_NAMES.get(kind, kind.replace("_", " ")), "colour": KINDS.get(kind, "#777777")}
            for kind in run.attrs.get("kinds", ["tumour"])
        ],
        "matrix": str(run.attrs.get("matrix", "")),
    }  # fmt: skip


def frames_of(side: Side, field: str, *, way: str = "slice", depth: int = -1, first: bool = False) -> bytes:
    """A field at all shown times, or only the first: one slice, or the mean or the most over the depth.

    Bytes: length of the head (uint32, little-endian), the head as JSON, then uint16 (frame, y, x), value = low + n *
    (high - low) / 65535. Head: shape, low, high, `bright` (what a colour bar should end at), h of a pixel in um, z.
    """
    known = side.run.about["quantities"]["fields"]
    if field not in known:
        raise refuse(
            ProtocolError, field[:40], f"a field of this run: {', '.join(known)}", "Choose one of the list.", known
        )
    if way not in WAYS:
        raise refuse(ProtocolError, way[:40], f"a way to look: {', '.join(WAYS)}", "Take 'slice'.", WAYS)
    nz, ny, nx = side.run.about["grid"]["shape"]
    layer = depth if 0 <= depth < nz else nz // 2
    rows = side.rows()[: 1 if first else None]
    thin = _thinning(len(rows), ny, nx)
    values = np.array([_thin(_plane(side.run, field, row, way, layer), thin) for row in rows], np.float32)
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
    bright = float(np.quantile(values, BRIGHT)) if values.size else 1.0
    steps = np.round((values - low) / (high - low or 1.0) * STEPS).astype("<u2")
    head = {
        "field": field, "shape": list(values.shape), "low": low, "high": high, "bright": bright,
        "h": side.run.about["grid"]["h"] * thin, "layer": layer, "way": way,
    }  # fmt: skip
    return _packed(head, [steps])


def _plane(run: TissueRun, field: str, row: int, way: str, layer: int) -> NDArray[np.float32]:
    """One time of a field as seen from above, (y, x)."""
    now = run.data[field].isel(time=row)
    if way == "slice":
        return np.asarray(now.isel(z=layer).values, np.float32)
    whole = np.asarray(now.values, np.float32)
    return np.asarray(whole.mean(axis=0) if way == "mean" else whole.max(axis=0), np.float32)


def _thinning(frames: int, ny: int, nx: int) -> int:
    """How many voxels of a side become one pixel."""
    thin = -(-max(ny, nx) // MOST_PIXELS)
    while frames * -(-ny // thin) * -(-nx // thin) > MOST_VALUES:
        thin += 1
    return thin


def _thin(plane: NDArray[np.float32], by: int) -> NDArray[np.float32]:
    """Means over squares of voxels; a last, narrower square is made up with its own edge."""
    if by == 1:
        return plane
    ny, nx = plane.shape
    whole = np.pad(plane, ((0, -ny % by), (0, -nx % by)), mode="edge")
    return np.asarray(whole.reshape(whole.shape[0] // by, by, -1, by).mean(axis=(1, 3)), np.float32)


def cells_of(side: Side) -> bytes:
    """The cells at all shown times.

    Bytes: head as in `frames_of`, then ids (uint32, cell), position and radius in um (float32, (cell, 4)), kind and
    whether bound to another cell (uint8, (cell, 2)). Head: `ends`, last row of each frame plus one, and `every`: one
    cell of so many is shown.
    """
    rows = side.rows()
    total = sum(int(side.run.data["cell_count"][row]) for row in rows)
    every = max(1, math.ceil(total / MOST_ROWS))
    ids, places, marks = [], [], []
    ends: list[int] = []
    for row in rows:
        table = side.run.cells(row)
        kept = np.flatnonzero(table["id"].values % every == 0)
        held = table["bound"].values > 0 if "bound" in table else np.zeros(len(table["id"]), bool)
        ids.append(table["id"].values[kept].astype("<u4"))
        places.append(np.column_stack([table["position"].values, table["radius"].values])[kept].astype("<f4"))
        marks.append(np.column_stack([table["kind"].values, held])[kept].astype("u1"))
        ends.append(len(kept) + (ends[-1] if ends else 0))
    if not rows:
        return _packed({"ends": [], "every": 1}, [])
    return _packed({"ends": ends, "every": every}, [np.concatenate(x) for x in (ids, places, marks)])


def _packed(head: Plain, arrays: list[NDArray[Any]]) -> bytes:
    """A head as JSON, filled up so that numbers begin at a multiple of four, and what follows it."""
    text = json.dumps(head).encode()
    text += b" " * (-len(text) % 4)
    return b"".join([len(text).to_bytes(4, "little"), text, *(np.ascontiguousarray(a).tobytes() for a in arrays)])


def table_of(sides: list[Side]) -> str:
    """All series of numbers over time as CSV, a row for each recorded time of each side, units in the head."""
    names = list(dict.fromkeys(str(n) for s in sides for n, v in s.run.data.data_vars.items() if v.dims == ("time",)))
    units = {n: next(s.run.data[n].attrs.get("units", "1") for s in sides if n in s.run.data) for n in names}
    return (
        "\n".join(["side,condition,time_s," + ",".join(f"{n} ({units[n]})" for n in names), *_lines(sides, names)])
        + "\n"
    )


def _lines(sides: list[Side], names: list[str]) -> Iterator[str]:
    for side in sides:
        columns = [side.run.data[n].values if n in side.run.data else np.full(side.run.rows, math.nan) for n in names]
        where = "left" if side.letter == LETTERS[0] else "right"
        said = side.label.replace('"', "'")
        for i, time in enumerate(side.run.data["time"].values):
            yield ",".join([where, f'"{said}"', f"{float(time):.9g}", *(f"{float(c[i]):.9g}" for c in columns)])


def groups_of(sides: list[Side], most: int) -> dict[str, xr.Dataset]:
    """Groups of one NetCDF file: LETTER holds series and fields, LETTER_cells a row for each cell and time.

    Where both sides have more than about `most` bytes, only series are given, and `left_out` says so.
    """
    size = sum(v.nbytes for s in sides for v in s.run.data.data_vars.values() if v.ndim > 1)
    size += BYTES_OF_CELL * sum(int(s.run.cell_ends[-1]) for s in sides if s.run.rows)
    groups = {}
    for side in sides:
        whole, about = side.run.data, {"condition": side.label, "made": json.dumps(side.run.attrs)}
        data = whole if size <= most else whole[[name for name, v in whole.items() if v.ndim == 1]]
        left_out = {"left_out": "fields and cells: see the run itself"} if size > most else {}
        groups[side.letter] = data.load().drop_attrs(deep=False).assign_attrs(about | left_out)
        if side.run.rows and not left_out:
            groups[f"{side.letter}_cells"] = xr.concat(_tables(side.run), "cell").drop_attrs(deep=False)
    return groups


def _tables(run: TissueRun) -> Iterator[xr.Dataset]:
    """The cells of each time, with that time in each row."""
    for index in range(run.rows):
        table = run.cells(index)
        yield table.drop_vars("time").assign(time=("cell", np.full(table.sizes["cell"], float(table["time"]))))
