"""A tissue on disk: whole rows at any moment, bits kept, damage and hostile files refused, other programs served."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import os
import resource
import signal
import struct
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
import xarray as xr
import zarr.storage._local

from exude.engine import tissue_checkpoint as ck
from exude.engine import tissue_store as store
from exude.engine.tissue_checkpoint import load_checkpoint, previous, save_checkpoint
from exude.engine.tissue_export import halved, to_ome_zarr, to_vtk
from exude.engine.tissue_layout import field_chunk
from exude.engine.tissue_store import Quantities, Quantity, Storage, TissueRun, TissueWriter, open_tissue
from exude.errors import DataError


class Box(NamedTuple):
    shape: tuple[int, int, int] = (3, 10, 14)
    h: float = 10.0
    origin: tuple[float, float, float] = (-20.0, 5.0, 100.0)


GRID = Box()
KNOWN = Quantities(
    fields={"exosomes": Quantity("1/um3", "exosomes in the fluid"), "collagen": Quantity("mg/ml")},
    cells={"id": Quantity("1"), "position": Quantity("um", "centre"), "kind": Quantity("1"), "radius": Quantity("um")},
    series={"released": Quantity("items", "exosomes released"), "decayed": Quantity("items")},
)
ATTRS = {"fingerprint": "abc", "seed": 7}
OUTSIDE = ("exosomes", "collagen", "released", "decayed", "cell_count", "time")
FILES_PER_ROW = 10 + 1
"""Two fields, two series, time, count, four cell variables; and the mark."""


def row(i: int) -> tuple[float, dict[str, Any], dict[str, Any], dict[str, float]]:
    """What is written at output time `i`: known again from its number alone."""
    rng = np.random.default_rng(i)
    n = int(rng.integers(0, 9))
    fields = {name: rng.random(GRID.shape) for name in KNOWN.fields}
    cells = {"id": np.arange(n) + 2**60, "position": rng.random((n, 3)), "kind": rng.integers(0, 3, n).astype(np.int8)}
    series = {"released": rng.random(), "decayed": np.nan if i == 1 else rng.random()}
    return 60.0 * i, fields, cells | {"radius": rng.random(n)}, series


def write(path: Path, rows: int, **options: Any) -> TissueWriter:
    writer = TissueWriter(path, GRID, KNOWN, ATTRS, **options)
    for i in range(rows):
        writer.write(*row(i))
    return writer


def check(run: TissueRun, kept: type = np.float32) -> None:
    """Every row that the run shows is, bit for bit, what was written."""
    assert run.data.sizes["time"] == run.rows
    for i in range(run.rows):
        moment, fields, cells, series = row(i)
        at = run.data.isel(time=i)
        assert float(at["time"]) == moment
        for name, values in fields.items():
            assert at[name].to_numpy().tobytes() == values.astype(kept).tobytes()
        for name, value in series.items():
            assert at[name].to_numpy().tobytes() == np.float64(value).tobytes()
        found = run.cells(i)
        assert set(found.data_vars) == set(cells)
        for name, values in cells.items():
            assert found[name].dtype == values.dtype
            assert found[name].to_numpy().tobytes() == values.tobytes()


# --- writing and reading ---


@pytest.mark.parametrize("kept", ["float32", "float64"])
def test_what_is_written_is_read(tmp_path: Path, kept: str) -> None:
    writer = write(tmp_path / "run", 6, storage=Storage(fields=kept, chunk=100))
    check(open_tissue(tmp_path / "run"), np.dtype(kept).type)
    writer.sync()
    writer.close()
    run = open_tissue(tmp_path / "run")
    check(run, np.dtype(kept).type)
    assert (run.rows, run.finished, run.attrs) == (6, True, ATTRS)
    assert run.about["storage"]["fields"] == kept
    units = {name: run.data[name].attrs["units"] for name in [*run.data.variables]}
    assert units | {"exosomes": "1/um3", "time": "s", "x": "um"} == units
    assert run.cells(2)["position"].attrs["units"] == "um"
    assert run.data["x"].to_numpy()[0] == -15
    assert run.data["z"].to_numpy()[-1] == 125


def test_a_plain_reader_of_zarr_reads_it_too(tmp_path: Path) -> None:
    write(tmp_path / "run", 3).close()
    plain = xr.open_zarr(tmp_path / "run", consolidated=False, chunks=None)
    assert plain["exosomes"].dims == ("time", "z", "y", "x")
    assert plain["exosomes"].shape == (3, *GRID.shape)
    assert plain["exosomes"].attrs["units"] == "1/um3"


def test_one_layer_and_nothing_else(tmp_path: Path) -> None:
    """A box one layer thick with one field, no cells and no series; a box with cells only at some times."""
    plane = Box(shape=(1, 5, 7))
    writer = TissueWriter(tmp_path / "run", plane, Quantities({"oxygen": Quantity("uM")}, {}, {}), {})
    writer.write(0.0, {"oxygen": np.full(plane.shape, 3.0)}, {}, {})
    run = open_tissue(tmp_path / "run")
    assert (run.data["oxygen"] == 3).all()
    assert run.cells(0).sizes == {}
    to_vtk(run, tmp_path / "vtk")
    to_ome_zarr(run, tmp_path / "image")
    assert vtk_file(tmp_path / "vtk" / "fields_00000.vti")[1]["oxygen"].shape == (35,)


def test_many_rows_cross_every_kind_of_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Series and tables of cells longer than a chunk, written in pieces of changing length."""
    monkeypatch.setattr(store, "CELLS_PER_CHUNK", (4, 4))
    monkeypatch.setattr(store, "TIMES_PER_CHUNK", 2)
    monkeypatch.setattr("exude.engine.tissue_layout.TIMES_PER_CHUNK", 2)
    write(tmp_path / "run", 15)
    run = open_tissue(tmp_path / "run")
    assert run.cell_ends[-1] > 4 * 8
    check(run)
    TissueWriter.reopen(tmp_path / "run", rows=9).write(*row(9))
    check(open_tissue(tmp_path / "run"))


def test_reading_is_lazy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "run", 8, storage=Storage(chunk=10 * 14))
    read: list[str] = []
    plain = zarr.storage._local._get

    def counted(path: Path, *further: Any) -> Any:
        read.append(path.relative_to(tmp_path / "run").as_posix())
        return plain(path, *further)

    monkeypatch.setattr(zarr.storage._local, "_get", counted)
    run = open_tissue(tmp_path / "run")
    assert not [key for key in read if key.startswith("exosomes/c/")]
    run.data["exosomes"][5, 1].load()
    assert [key for key in read if "/c/" in key and key.startswith(("exosomes", "collagen"))] == ["exosomes/c/5/1/0/0"]


def test_chunks_are_bounded_and_cover_the_box() -> None:
    for shape in ((128, 128, 128), (1, 5000, 5000), (3, 10, 14), (1, 1, 2**24)):
        chunk = field_chunk(shape, 2**20)
        assert np.prod(chunk) <= 2**20
        assert np.prod(chunk) * 4 > min(2**20, np.prod(shape))
    assert field_chunk((128, 128, 128), 2**20) == (64, 128, 128)


# --- what goes wrong while writing ---

CHILD = """
import sys
sys.path.insert(0, {tests!r})
import test_tissue_store as t
from pathlib import Path
from exude.engine.tissue_checkpoint import save_checkpoint
folder = Path({folder!r})
writer = t.write(folder / "run", 1)
print("ready", flush=True)
for i in range(1, 100_000):
    writer.write(*t.row(i))
    save_checkpoint(folder / "state", t.state(i), {{"rows": writer.rows}})
"""


def state(i: int) -> dict[str, Any]:
    return {"rng": np.random.default_rng(i).random(100), "step": i}


@pytest.mark.parametrize("seed", range(3))
def test_kill_at_any_moment_loses_nothing_whole(tmp_path: Path, seed: int) -> None:
    code = CHILD.format(tests=str(Path(__file__).parent), folder=str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        with pytest.raises(DataError, match="no other process is writing"):
            TissueWriter.reopen(tmp_path / "run", rows=1)
        with pytest.raises(DataError, match="no other process is writing"):
            write(tmp_path / "run", 1, overwrite=True)
        time.sleep(np.random.default_rng(seed).uniform(0.05, 0.5))
        os.kill(child.pid, signal.SIGKILL)
    run = open_tissue(tmp_path / "run")
    assert run.rows >= 1
    check(run)
    kept = [p for p in (tmp_path / "state", previous(tmp_path / "state")) if p.exists()]
    for path in kept:
        saved = load_checkpoint(path)
        assert saved.state["rng"].tobytes() == state(saved.state["step"])["rng"].tobytes()
    rows = load_checkpoint(tmp_path / "state").attrs["rows"] if kept else 1
    assert run.rows - rows in (0, 1)
    TissueWriter.reopen(tmp_path / "run", rows=rows).write(*row(rows))
    check(open_tissue(tmp_path / "run"))
    assert not [p for p in (tmp_path / "run").rglob("*") if "part" in p.suffix]


class Crash(BaseException):
    """The process ends here."""


def stop_at(monkeypatch: pytest.MonkeyPatch, step: int, problem: BaseException) -> list[int]:
    """From the file number `step` on none comes into place."""
    seen = [0]
    plain = Path.replace

    def replace(path: Path, target: Path) -> Path:
        seen[0] += 1
        if seen[0] > step:
            raise problem
        return plain(path, target)

    monkeypatch.setattr(Path, "replace", replace)
    return seen


@pytest.mark.parametrize("step", range(FILES_PER_ROW + 1))
def test_every_place_where_a_row_can_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    writer = write(tmp_path / "run", 3)
    with monkeypatch.context() as broken:
        seen = stop_at(broken, step, Crash())
        if step < FILES_PER_ROW:
            with pytest.raises(Crash):
                writer.write(*row(3))
        else:
            writer.write(*row(3))
            assert seen[0] == FILES_PER_ROW
    run = open_tissue(tmp_path / "run")
    assert run.rows == 3 + (step >= FILES_PER_ROW)
    check(run)
    again = TissueWriter.reopen(tmp_path / "run", rows=2)
    again.write(*row(2))
    again.write(*row(3))
    check(open_tissue(tmp_path / "run"))


def test_a_mark_set_too_early_would_be_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A planted fault: rows that count before they are whole."""
    writer = write(tmp_path / "run", 3)
    cells = writer._cell_rows + len(row(3)[2]["id"])
    store.mark(tmp_path / "run", 4, cells, finished=False)
    stop_at(monkeypatch, 3, Crash())
    with pytest.raises(Crash):
        writer.write(*row(3))
    with pytest.raises((AssertionError, DataError)):
        check(open_tissue(tmp_path / "run"))


@pytest.mark.parametrize("step", [0, 5, FILES_PER_ROW - 1])
@pytest.mark.parametrize("first", [0, 3])
def test_a_full_disk_is_one_clear_error_and_the_call_can_be_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, first: int
) -> None:
    writer = write(tmp_path / "run", first)
    with monkeypatch.context() as broken:
        stop_at(broken, step, OSError(errno.ENOSPC, "No space left on device"))
        with pytest.raises(DataError, match=r"No space left.*MiB are free.*Free space.*resume"):
            writer.write(*row(first))
    check(open_tissue(tmp_path / "run"))
    assert writer.rows == open_tissue(tmp_path / "run").rows == first
    for i in (first, first + 1):
        writer.write(*row(i))
    writer.close()
    assert open_tissue(tmp_path / "run").rows == first + 2
    check(open_tissue(tmp_path / "run"))


@pytest.fixture
def small_files() -> Iterator[None]:
    """The system refuses files above 1500 bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_the_system_refuses_a_row(tmp_path: Path, small_files: None) -> None:
    quiet = Storage(fields="float64")
    writer = TissueWriter(tmp_path / "run", GRID, KNOWN._replace(cells={}), ATTRS, storage=quiet)
    time_, fields, _, series = row(0)
    writer.write(time_, {name: np.zeros(GRID.shape) for name in fields}, {}, series)
    with pytest.raises(DataError, match=r"File too large.*MiB are free"):
        writer.write(time_ + 1, fields, {}, series)
    run = open_tissue(tmp_path / "run")
    assert run.rows == 1
    assert (run.data["exosomes"] == 0).all()
    with pytest.raises(DataError, match=r"File too large"):
        TissueWriter(tmp_path / "other", GRID, KNOWN, {"note": "x" * 2000})
    with pytest.raises(DataError, match=r"File too large.*checkpoint before is whole"):
        save_checkpoint(tmp_path / "state", {"a": np.zeros(10_000)}, {})
    assert [p.name for p in tmp_path.iterdir()] == ["run"]


def test_resume_cuts_back_and_ends_the_same(tmp_path: Path) -> None:
    write(tmp_path / "whole", 7).close()
    write(tmp_path / "parts", 6)
    writer = TissueWriter.reopen(tmp_path / "parts", rows=4)
    assert open_tissue(tmp_path / "parts").rows == 4
    for i in range(4, 7):
        writer.write(*row(i))
    writer.close()
    whole, parts = (open_tissue(tmp_path / name) for name in ("whole", "parts"))
    check(parts)
    assert whole.data.identical(parts.data)
    files = {p.relative_to(whole.path) for p in whole.path.rglob("*") if p.is_file()}
    assert files == {p.relative_to(parts.path) for p in parts.path.rglob("*") if p.is_file()}


@pytest.mark.parametrize("step", (0, 1, 4, 9))
def test_a_crash_while_cutting_back_or_closing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    monkeypatch.setattr(store, "CELLS_PER_CHUNK", (4, 4))
    monkeypatch.setattr(store, "TIMES_PER_CHUNK", 2)
    monkeypatch.setattr("exude.engine.tissue_layout.TIMES_PER_CHUNK", 2)
    writer = write(tmp_path / "run", 5)
    for end in (writer.close, lambda: TissueWriter.reopen(tmp_path / "run", rows=2)):
        with monkeypatch.context() as broken:
            stop_at(broken, step, Crash())
            with pytest.raises(Crash):
                end()
        run = open_tissue(tmp_path / "run")
        assert (run.rows, run.finished) in ((5, False), (2, False))
        check(run)
    assert run.rows == (2 if step else 5)
    TissueWriter.reopen(tmp_path / "run", rows=2).write(*row(2))
    check(open_tissue(tmp_path / "run"))


def test_damaged_chunks_and_missing_ones_are_not_data(tmp_path: Path) -> None:
    write(tmp_path / "run", 3)
    chunk = next((tmp_path / "run" / "exosomes" / "c" / "1").rglob("0"))
    while chunk.is_dir():
        chunk = next(chunk.iterdir())
    whole = bytearray(chunk.read_bytes())
    whole[len(whole) // 2] ^= 1
    chunk.write_bytes(whole)
    run = open_tissue(tmp_path / "run")
    with pytest.raises(ValueError, match="checksum"):
        run.data["exosomes"][1].load()
    chunk.unlink()
    assert np.isnan(run.data["exosomes"][1].to_numpy()).all()
    check_row_2 = run.data["exosomes"][2].to_numpy()
    assert check_row_2.tobytes() == row(2)[1]["exosomes"].astype(np.float32).tobytes()


def changed(i: int, part: int, name: str, value: Any) -> Any:
    parts = list(row(i))
    parts[part] = parts[part] | {name: value}
    return parts


NOT_FINITE = np.where(np.arange(420).reshape(GRID.shape) == 15, np.nan, 0)
BAD_ROWS: dict[str, tuple[Any, str]] = {
    "earlier time": (row(1), "after the last, 120.0"),
    "endless time": ((np.inf, *row(3)[1:]), "after the last"),
    "unknown field": (changed(3, 1, "exosome", np.zeros(GRID.shape)), "did you mean 'exosomes'"),
    "field left out": ((180.0, {}, *row(3)[2:]), "got 'no collagen, exosomes'"),
    "shape": (changed(3, 1, "exosomes", np.zeros((3, 14, 10))), r"got \(3, 14, 10\).*shape \(3, 10, 14\)"),
    "NaN": (changed(3, 1, "exosomes", NOT_FINITE), r"got nan.*voxel \(0, 1, 1\)"),
    "too large for float32": (changed(3, 1, "exosomes", np.full(GRID.shape, 1e39)), r"got 1e\+39.*float64"),
    "lengths": (changed(3, 2, "id", np.arange(99)), "same number of cells"),
    "type": (changed(3, 2, "id", np.zeros(len(row(3)[2]["id"]))), "Keep one type"),
    "objects": (changed(3, 2, "id", np.array([None] * len(row(3)[2]["id"]))), "numbers in 'cells/id'"),
    "unknown number": (changed(3, 3, "relased", 1.0), "did you mean 'released'"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD_ROWS)
def test_a_row_that_does_not_fit_is_refused_whole(tmp_path: Path, case: str) -> None:
    writer = write(tmp_path / "run", 3)
    bad, words = BAD_ROWS[case]
    with pytest.raises(DataError, match=words):
        writer.write(*bad)
    writer.write(*row(3))
    check(open_tissue(tmp_path / "run"))


def test_other_things_are_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for name in ("thesis", "file"):
        with pytest.raises(DataError, match=r"no run of a tissue.*another path.*overwrite=True"):
            TissueWriter(tmp_path / name, GRID, KNOWN, ATTRS, overwrite=True)
    assert (tmp_path / "thesis" / "chapter.txt").read_text() == "dear"
    (tmp_path / "empty").mkdir()
    write(tmp_path / "empty", 1)
    with pytest.raises(DataError, match=r"earlier run.*overwrite=True.*reopen"):
        write(tmp_path / "empty", 1)
    assert write(tmp_path / "empty", 2, overwrite=True).rows == 2
    assert sorted(p.name for p in tmp_path.iterdir()) == ["empty", "file", "thesis"]


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run of a tissue"):
        open_tissue(tmp_path / "absent")
    writer = write(tmp_path / "run", 2)
    writer.close()
    with pytest.raises(DataError, match="reopen"):
        writer.write(*row(2))
    for rows in (-1, 3):
        with pytest.raises(DataError, match=f"got {rows}; expected at most the 2"):
            TissueWriter.reopen(tmp_path / "run", rows=rows)
    with pytest.raises(DataError, match="output time"):
        open_tissue(tmp_path / "run").cells(2)
    for text in ("exude-tissue-1", "rows"):
        place = tmp_path / "run" / ("zarr.json" if text != "rows" else "written/zarr.json")
        whole = place.read_text()
        place.write_text(whole.replace(text, "other"))
        with pytest.raises(DataError, match=r"format|whole run"):
            open_tissue(tmp_path / "run")
        place.write_text(whole)


@pytest.mark.parametrize("name", ["../away", "time", "cells", "", "a b"])
def test_names_that_cannot_be_folders(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="Rename"):
        TissueWriter(tmp_path / "run", GRID, KNOWN._replace(fields={name: Quantity("1")}), ATTRS)
    assert not list(tmp_path.iterdir())


# --- checkpoints ---


class Vesicle(NamedTuple):
    stage: Any
    clock: Any


class Stranger(NamedTuple):
    stage: Any
    clock: Any


class Newer(NamedTuple):
    stage: Any
    clock: Any
    cargo: Any


Newer.__name__ = "Vesicle"
PADDED = np.dtype([("x", "f8"), ("n", "i1", (2,))], align=True)
STATE: dict[str, Any] = {
    "field": np.random.default_rng(1).random((4, 5, 6))[:, :, 1:5],
    "columns": np.asfortranarray(np.random.default_rng(2).random((3, 4))),
    "big-endian": np.arange(3, dtype=">i2"),
    "vesicles": Vesicle(np.array([1, 2], np.uint8), (0.1, float("nan"), float("-inf"), -0.0, 5e-324)),
    "rng": [np.uint64(2**64 - 1), np.float32(0.1), np.complex64(1 + 2j), np.bool_(True), 2**70, -1],
    "records": np.array([(1.5, (3, 4))], PADDED),
    "words": np.array(["Rab27a", "ü"]),
    "days": np.array(["2018-06-01"], "M8[D]"),
    "empty": (np.zeros((0, 3)), (), {}, [], b"", "", None, True),
    "lone": np.array(5.0),
    7: {"text": "ü\ud800", "raw": b"\x00\xff"},
}


def same(a: Any, b: Any) -> bool:
    """The same bits, types and order."""
    if isinstance(a, np.ndarray | np.generic):
        return type(a) is type(b) and (a.dtype, a.shape, a.tobytes()) == (b.dtype, b.shape, b.tobytes())
    if isinstance(a, dict):
        return isinstance(b, dict) and list(a) == list(b) and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return type(a) is type(b) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, float):
        return struct.pack("d", a) == struct.pack("d", b)
    return type(a) is type(b) and a == b


def test_a_state_comes_back_bit_for_bit(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "state", STATE, ATTRS)
    saved = load_checkpoint(path, fingerprint="abc", kinds=[Vesicle])
    assert same(saved.state, STATE)
    assert saved.attrs == ATTRS
    assert saved.state["columns"].flags.f_contiguous
    assert saved.state["field"].flags.writeable
    other = STATE | {"lone": np.nextafter(STATE["lone"], 6)}
    assert not same(saved.state, other)


def test_two_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "state"
    for step in range(4):
        save_checkpoint(path, {"step": step}, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["state", "state.previous"]
    assert load_checkpoint(path).state == {"step": 3}
    assert load_checkpoint(previous(path)).state == {"step": 2}


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("step", [0, 1])
def test_a_crash_while_saving_leaves_a_whole_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: int, links: bool
) -> None:
    path = tmp_path / "state"
    for number in range(2):
        save_checkpoint(path, {"step": number}, {})
    with monkeypatch.context() as broken:
        if not links:
            broken.setattr(Path, "hardlink_to", lambda *_: (_ for _ in ()).throw(OSError("no links here")))
        stop_at(broken, step, Crash())
        with pytest.raises(Crash):
            save_checkpoint(path, {"step": 2}, {})
    whole = path if path.exists() else previous(path)
    assert load_checkpoint(whole).state == {"step": 1}
    save_checkpoint(path, {"step": 3}, {})
    assert load_checkpoint(path).state == {"step": 3}


def refused(path: Path, words: str, **options: Any) -> str:
    with pytest.raises(DataError, match=words) as caught:
        load_checkpoint(path, **options)
    return str(caught.value)


def test_every_cut_and_every_flipped_bit_is_refused(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "state", {"a": np.arange(4.0), "b": Vesicle(1, 2.5)}, {})
    whole = path.read_bytes()
    load_checkpoint(path, kinds=[Vesicle])
    for length in [*range(ck.HEAD.size + 2), *range(ck.HEAD.size + 2, len(whole), 3), len(whole) - 1]:
        path.write_bytes(whole[:length])
        refused(path, "expected a whole checkpoint")
    for at in range(len(whole)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :])
        refused(path, "expected a whole checkpoint")
    path.write_bytes(whole + b"\0")
    refused(path, "bytes where")


def test_the_error_names_the_one_before_only_if_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    for step in range(2):
        save_checkpoint(path, {"step": step}, ATTRS)
    path.write_bytes(path.read_bytes()[:-1])
    assert f"Resume from the checkpoint before it, {previous(path)}" in refused(path, "cut short")
    previous(path).write_bytes(b"")
    assert "Start the run anew" in refused(path, "cut short")
    refused(tmp_path / "absent", "No such file")


def test_another_run_another_version_another_state(tmp_path: Path) -> None:
    path = save_checkpoint(tmp_path / "state", STATE, ATTRS)
    refused(path, "fingerprint 'abc', this run has 'abd'", fingerprint="abd", kinds=[Vesicle])
    refused(path, "kind 'Vesicle', this run knows", kinds=[Stranger])
    refused(path, "this program has", kinds=[Newer])
    whole = bytearray(path.read_bytes())
    whole[8] = 2
    path.write_bytes(whole)
    refused(path, "format version 2, this program reads 1")


@pytest.mark.parametrize("bad", [object(), {1.5: 0}, np.array([None]), np.ma.masked_array([1]), {1, 2}, lambda: 0])
def test_what_cannot_be_kept_is_refused_before_anything_is_written(tmp_path: Path, bad: Any) -> None:
    with pytest.raises(DataError, match=r"state\['deep'\]\[0\]"):
        save_checkpoint(tmp_path / "state", {"deep": [bad]}, {})
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(DataError, match="levels"):
        save_checkpoint(tmp_path / "state", endless, {})
    with pytest.raises(DataError, match="JSON"):
        save_checkpoint(tmp_path / "state", {}, {"a": object()})
    assert not list(tmp_path.iterdir())


def forged(path: Path, state: Any, arrays: bytes = b"", plan: bytes = b"") -> Path:
    """A file with the right lengths and checksum, whatever it holds."""
    plan = plan or json.dumps({"state": state, "attrs": {}}).encode()
    body = ck.HEAD.pack(ck.MAGIC, ck.VERSION, len(plan), len(arrays)) + plan + arrays
    path.write_bytes(body + hashlib.sha256(body).digest())
    return path


def npy(header: str, content: bytes = b"", version: bytes = b"\x02\x00") -> bytes:
    return b"\x93NUMPY" + version + struct.pack("<I", len(header)) + header.encode() + content


ONE = {"array": 0, "scalar": False}
HEADER = "{{'descr': {}, 'fortran_order': False, 'shape': {}}}"
HOSTILE: dict[str, tuple[Any, bytes, bytes]] = {
    "objects": (ONE, npy(HEADER.format("'|O'", "(1,)"), b"cos\nsystem\n"), b""),
    "hidden objects": (ONE, npy(HEADER.format("[('a', '|O')]", "(1,)"), b"cos\nsystem\n"), b""),
    "array larger than any memory": (ONE, npy(HEADER.format("'<f8'", "(4611686018427387904, 8)"), b"8" * 8), b""),
    "product that overflows": (ONE, npy(HEADER.format("'<f8'", "(4294967296, 4294967296)"), b"8" * 8), b""),
    "negative shape": (ONE, npy(HEADER.format("'<f8'", "(-1, -1)"), b"8" * 8), b""),
    "enormous header": (ONE, npy(HEADER.format("'<f8'", "(" + "1," * 10_000 + ")"), b"8" * 8), b""),
    "header that is code": (ONE, npy("__import__('os').getcwd()"), b""),
    "header with a stray brace": (ONE, npy("z'descr': '<f8', 'shape': (4,)}"), b""),
    "header of many brackets": (ONE, npy("(" * 9_000), b""),
    "header longer than the file": (ONE, b"\x93NUMPY\x02\x00\xff\xff\xff\x7f{}", b""),
    "other version of an array": (ONE, npy(HEADER.format("'<f8'", "(1,)"), b"8" * 8, b"\x09\x00"), b""),
    "no array": (ONE, b"", b""),
    "one array twice": ({"list": [ONE, ONE]}, npy(HEADER.format("'<f8'", "(1,)"), b"8" * 8), b""),
    "array not named": (1, npy(HEADER.format("'<f8'", "(1,)"), b"8" * 8), b""),
    "unknown kind": ({"call": "os.system"}, b"", b""),
    "class": ({"named": "Path", "parts": {}}, b"", b""),
    "no state": (0, b"", b"{}"),
    "no JSON": (0, b"", b"\x80\x04"),
    "deep": (0, b"", b'{"state":' + b"[" * 200_000 + b"]" * 200_000 + b',"attrs":{}}'),
    "deep lists": (0, b"", b'{"attrs":{},"state":' + b'{"list":[' * 5_000 + b"]}" * 5_000 + b"}"),
    "unhashable key": ({"dict": [[[], 1]]}, b"", b""),
    "wrong float": ({"float": "zz"}, b"", b""),
    "endless digits": (0, b"", b'{"attrs":{},"state":' + b"9" * 10_000 + b"}"),
}  # fmt: skip


@pytest.mark.parametrize("case", HOSTILE)
def test_hostile_files_are_refused(tmp_path: Path, case: str) -> None:
    refused(forged(tmp_path / "state", *HOSTILE[case]), "expected a whole checkpoint", kinds=[Vesicle])


def test_a_forged_file_that_makes_sense_is_read(tmp_path: Path) -> None:
    """The forgery above is right but for what each case has wrong."""
    good = forged(tmp_path / "state", ONE, npy(HEADER.format("'<f8'", "(1,)"), np.array([2.5]).tobytes()))
    assert load_checkpoint(good).state.tolist() == [2.5]


def test_archives_and_empty_files_are_no_checkpoints(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "bomb", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../away.npy", b"\0" * 10**6)
    refused(tmp_path / "bomb", "starts with b'PK")
    (tmp_path / "none").write_bytes(b"")
    refused(tmp_path / "none", "starts with b''")
    refused(tmp_path, "directory")
    monster = ck.HEAD.pack(ck.MAGIC, ck.VERSION, 2**63, 2**63)
    (tmp_path / "monster").write_bytes(monster)
    refused(tmp_path / "monster", "announced")


# --- other programs ---


def unpacked(appendix: str, tag: ET.Element) -> np.ndarray[Any, Any]:
    """One array of a VTK file, by the rules of its format: a table of lengths, then zlib blocks, each in base64."""
    kinds: dict[str, Callable[[bytes], np.ndarray[Any, Any]]] = {
        name: lambda raw, code=code: np.frombuffer(raw, code)
        for name, code in {"Float32": "<f4", "Float64": "<f8", "Int8": "i1", "Int64": "<i8", "UInt8": "u1"}.items()
    }
    text = appendix[int(tag.attrib["offset"]) :]
    blocks = struct.unpack("<Q", base64.b64decode(text[:12])[:8])[0]
    of_table = -(-8 * (3 + blocks) // 3) * 4
    table = struct.unpack(f"<{3 + blocks}Q", base64.b64decode(text[:of_table]))
    packed = base64.b64decode(text[of_table : of_table + -(-sum(table[3:]) // 3) * 4])
    ends = np.cumsum(table[3:], dtype=int)
    parts = [zlib.decompress(packed[end - n : end]) for end, n in zip(ends, table[3:], strict=True)]
    if blocks:
        assert [len(part) for part in parts] == [table[1]] * (blocks - 1) + [table[2] or table[1]]
    return kinds[tag.attrib["type"]](b"".join(parts))


def vtk_file(path: Path) -> tuple[ET.Element, dict[str, np.ndarray[Any, Any]]]:
    tree = ET.parse(path).getroot()
    appended = tree.find("AppendedData")
    assert appended is not None
    assert appended.text is not None
    text = appended.text.strip()
    assert text.startswith("_")
    return tree, {tag.attrib["Name"]: unpacked(text[1:], tag) for tag in tree.iter("DataArray")}


def test_vtk_files_hold_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exude.engine.tissue_export.BLOCK", 500)
    write(tmp_path / "run", 4)
    run = open_tissue(tmp_path / "run")
    images, points = to_vtk(run, tmp_path / "vtk", times=[1, 3])
    parts = [(p.attrib["timestep"], p.attrib["file"]) for p in ET.parse(images).getroot().iter("DataSet")]
    assert parts == [("60.0", "fields_00001.vti"), ("180.0", "fields_00003.vti")]
    assert len(list(ET.parse(points).getroot().iter("DataSet"))) == 2
    tree, arrays = vtk_file(tmp_path / "vtk" / "fields_00003.vti")
    image = tree.find("ImageData")
    assert image is not None
    assert image.attrib == {"WholeExtent": "0 14 0 10 0 3", "Origin": "-20.0 5.0 100.0", "Spacing": "10.0 10.0 10.0"}
    assert arrays["TimeValue"] == 180
    for name in KNOWN.fields:
        assert (arrays[name] == run.data[name][3].to_numpy().reshape(-1)).all()
    for i in (1, 3):
        tree, arrays = vtk_file(tmp_path / "vtk" / f"cells_{i:05d}.vtp")
        cells = run.cells(i)
        assert (arrays["position"].reshape(-1, 3) == cells["position"].to_numpy()).all()
        assert (arrays["id"] == cells["id"].to_numpy()).all()
        assert (arrays["offsets"] == np.arange(cells.sizes["cell"]) + 1).all()
        assert [key.text for key in tree.iter("InformationKey")][:2] == ["1", "1"]


def test_ome_zarr_is_an_image_with_levels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exude.engine.tissue_export.SMALLEST", 4)
    write(tmp_path / "run", 3)
    run = open_tissue(tmp_path / "run")
    group = zarr.open_group(to_ome_zarr(run, tmp_path / "image.ome.zarr"), mode="r")
    assert group.metadata.zarr_format == 3
    ome: Any = group.attrs["ome"]
    assert ome["version"] == "0.5"
    image = ome["multiscales"][0]
    assert [(a["name"], a["type"]) for a in image["axes"]] == [
        ("t", "time"), ("c", "channel"), ("z", "space"), ("y", "space"), ("x", "space"),
    ]  # fmt: skip
    assert [channel["label"] for channel in ome["omero"]["channels"]] == ["exosomes (1/um3)", "collagen (mg/ml)"]
    shapes = [group[level["path"]].shape for level in image["datasets"]]
    assert shapes == [(3, 2, 3, 10, 14), (3, 2, 2, 5, 7), (3, 2, 1, 3, 4)]
    scales = [level["coordinateTransformations"][0]["scale"] for level in image["datasets"]]
    assert scales == [[60, 1, 10, 10, 10], [60, 1, 20, 20, 20], [60, 1, 40, 40, 40]]
    assert image["datasets"][1]["coordinateTransformations"][1]["translation"] == [0, 0, 110, 15, -10]
    whole = run.data["collagen"].to_numpy()
    assert np.asarray(group["0"][:, 1]).tobytes() == whole.tobytes()
    first = whole[0, :2, :2, :2].mean(dtype=float)
    assert float(np.asarray(group["1"])[0, 1, 0, 0, 0]) == pytest.approx(first, rel=1e-6)


def test_a_thin_axis_stops_shrinking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("exude.engine.tissue_export.SMALLEST", 2)
    write(tmp_path / "run", 1)
    group = zarr.open_group(to_ome_zarr(open_tissue(tmp_path / "run"), tmp_path / "image"), mode="r")
    ome: Any = group.attrs["ome"]
    levels = ome["multiscales"][0]["datasets"]
    scales = [level["coordinateTransformations"][0]["scale"][2:] for level in levels]
    assert scales == [[10, 10, 10], [20, 20, 20], [40, 40, 40], [40, 80, 80]]
    assert group["3"].shape == (1, 2, 1, 2, 2)


def test_halving_keeps_means() -> None:
    layer = np.random.default_rng(0).random((4, 6, 8))
    assert halved(layer).mean() == pytest.approx(layer.mean(), rel=1e-14)
    assert halved(np.array([[[1.0, 3.0, 7.0]]])).tolist() == [[[2.0, 7.0]]]


def test_exports_refuse_what_is_not_there(tmp_path: Path) -> None:
    write(tmp_path / "run", 2)
    run = open_tissue(tmp_path / "run")
    for export in (to_vtk, to_ome_zarr):
        with pytest.raises(DataError, match="did you mean 'exosomes'"):
            export(run, tmp_path / "out", fields=["exosome"])
        for times in ([2], [], [1, 0]):
            with pytest.raises(DataError, match="output time"):
                export(run, tmp_path / "out", times=times)
    with pytest.raises(DataError, match="free place"):
        to_ome_zarr(run, tmp_path / "run")
    assert [p.name for p in tmp_path.iterdir()] == ["run"]
