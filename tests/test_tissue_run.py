"""A tissue that is run and kept: stopped, killed, resumed with the same bits; what goes in comes out; clear refusals."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exude.engine import provenance, tissue_store
from exude.engine.body import Body
from exude.engine.layout import State
from exude.engine.tissue_checkpoint import load_checkpoint, previous, save_checkpoint
from exude.engine.tissue_run import TissueRun, open_tissue
from exude.errors import DataError, ExudeError, Interrupted, ProtocolError, UnitError
from exude.experiment import tissue_run
from exude.experiment.arrange import Among, At, Mixture, Scattered, Spheroid, Wound
from exude.experiment.matrix import Film, Gel
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue, frame
from exude.experiment.tissue_file import read_tissue
from exude.experiment.tissue_run import checkpoint_of, quantities_of, restored, run_tissue, state_of

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.toml"))
SHORT = {
    "gelatin-dish": {"size": ("80 um", "80 um"), "cells": Scattered(4), "voxel": "4 um"},
    "spheroid": {"size": ("100 um", "100 um", "100 um"), "cells": Spheroid(12)},
    "wound": {"size": ("200 um", "60 um"), "cells": Wound("60 um")},
    "co_culture": {"size": ("100 um", "100 um"), "cells": Mixture({"tumour": 6, "t_cell": 6})},
    "tumour": {"size": ("100 um", "100 um", "100 um"), "cells": Among(Spheroid(8), {"t_cell": 4})},
    "transfer": {"size": ("100 um", "100 um"), "cells": Mixture({"tumour": 4, "fibroblast": 4, "normal": 4})},
}
"""Examples made small: the same matrix, secretion and numbers."""
BALANCE = 1e-10
"""Relative error of every balance."""
QUICK = replace(Numbers.default(), values=Numbers.default().values | {"k_divide": 1e-3})
"""Cells divide within half an hour."""
SMALL = Tissue(
    matrix=Film(), cells=Scattered(4), size=("60 um", "60 um"), voxel="6 um", duration="100 min", every="10 min",
    burn_in="8 h", numbers=QUICK, step="60 s", threads=1,
)  # fmt: skip
BALL = Tissue(
    matrix=Gel(fibres="radial"), cells=Spheroid(6), size=("80 um", "80 um", "80 um"), duration="40 min",
    every="10 min", burn_in="8 h", numbers=QUICK, step="60 s", threads=1,
)  # fmt: skip
KINDS = {
    "film": SMALL, "mean field": replace(SMALL, secretion="mean-field", duration="40 min"), "ball": BALL,
}  # fmt: skip


def bits(held: Any) -> Any:
    """Something that is equal where every bit is."""
    if isinstance(held, np.ndarray):
        return held.dtype.str, held.shape, held.tobytes()
    if isinstance(held, dict):
        return {name: bits(part) for name, part in held.items()}
    if isinstance(held, tuple | list):
        return [bits(part) for part in held]
    return held


def content(run: TissueRun) -> dict[str, bytes]:
    """All files of a run that is done."""
    assert run.finished
    files = [file for file in run.path.rglob("*") if file.is_file() and file.name != ".lock"]
    assert len(files) > 100
    return {file.relative_to(run.path).as_posix(): file.read_bytes() for file in files}


@pytest.fixture(scope="module", autouse=True)
def no_power_cuts() -> Iterator[None]:
    """Waiting for the disk is most of what these small runs would do."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tissue_store, "_fsync", lambda place: None)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], TissueRun]:
    """Runs that were never stopped."""

    @cache
    def run(kind: str) -> TissueRun:
        return run_tissue(KINDS[kind], tmp_path_factory.mktemp("whole") / "run.zarr")

    return run


def press(step: int) -> Callable[[int, int], None]:
    """Ctrl-C while a step is under way."""
    return lambda done, total: signal.raise_signal(signal.SIGINT) if done == step else None


# --- the same bits ---


def test_a_run_split_in_ten_is_the_whole_run(tmp_path: Path, whole: Callable[[str], TissueRun]) -> None:
    parts, done, seen = 1, None, 0
    while done is None:
        try:
            stop = press(10 * parts - 3)
            done = run_tissue(SMALL, tmp_path / "run.zarr", progress=stop, resume=parts > 1)
        except Interrupted as said:
            assert "--resume" in str(said) and checkpoint_of(tmp_path / "run.zarr").exists()
            parts += 1
            seen = max(seen, open_tissue(tmp_path / "run.zarr").rows)  # readable while it is not done
    assert parts == 10
    assert seen > 1 and int(done.data["born"][-1]) > 0 and int(done.data["fusions"][-1]) > 0
    assert content(done) == content(whole("film"))
    assert not checkpoint_of(done.path).exists()


@pytest.mark.parametrize("kind", ["mean field", "ball"])
def test_a_stopped_run_goes_on_with_the_same_bits(kind: str, tmp_path: Path, whole: Callable[[str], TissueRun]) -> None:
    with pytest.raises(Interrupted):
        run_tissue(KINDS[kind], tmp_path / "run.zarr", progress=press(23))
    assert content(run_tissue(KINDS[kind], tmp_path / "run.zarr", resume=True)) == content(whole(kind))


def test_a_killed_run_goes_on_with_the_same_bits(tmp_path: Path, whole: Callable[[str], TissueRun]) -> None:
    code = (
        "import os, signal, sys; sys.path.insert(0, sys.argv[2]); import test_tissue_run as t\n"
        "die = lambda done, total: os.kill(os.getpid(), signal.SIGKILL) if done == 57 else None\n"
        "t.run_tissue(t.SMALL, sys.argv[1], progress=die, checkpoint_every='0 s')"
    )
    place = tmp_path / "run.zarr"
    done = subprocess.run([sys.executable, "-c", code, str(place), str(Path(__file__).parent)], capture_output=True)
    assert done.returncode == -signal.SIGKILL, done.stderr.decode()
    left = open_tissue(place)
    assert (left.rows, left.finished) == (6, False)
    steps: list[int] = []
    made = run_tissue(SMALL, place, resume=True, progress=lambda done, total: steps.append(done))
    assert steps[0] == 51  # the work since the last checkpoint, no more, is done again
    assert content(made) == content(whole("film"))


WIDE = {
    "film": replace(SMALL, size=("500 um", "500 um"), voxel="6 um", cells=Scattered(130), duration="20 min"),
    "ball": replace(BALL, size=("200 um",) * 3, cells=Spheroid(70), duration="20 min"),
}
"""Large enough for work of every kind to be shared: slabs of 4096 places, chunks of 64 cells."""


@pytest.mark.parametrize("kind", list(WIDE))
def test_threads_change_no_bit(kind: str) -> None:
    states = []
    for threads in (1, 2, 3):
        tissue = replace(WIDE[kind], threads=threads).plan().begin()
        for _ in range(20):
            tissue.advance()
        states.append(bits(state_of(tissue)))
    assert tissue.fusions > 10 and states[0] == states[1] == states[2]


@pytest.mark.parametrize("kind", list(KINDS))
def test_a_state_read_back_is_the_state_and_so_is_its_future(kind: str, tmp_path: Path) -> None:
    """Births and a death included."""
    plan = KINDS[kind].plan()
    tissue = plan.begin()
    tissue.body.life[0] = 0.0
    for _ in range(20):
        tissue.advance()
    assert tissue.died == 1 and (tissue.born > 0 or kind == "ball")
    save_checkpoint(tmp_path / "state", state_of(tissue), {})
    other = restored(plan, load_checkpoint(tmp_path / "state", kinds=(Body, State)).state)
    assert bits(state_of(other)) == bits(state_of(tissue))
    for _ in range(10):
        tissue.advance()
        other.advance()
    assert bits(state_of(other)) == bits(state_of(tissue))


def faults() -> Iterator[tuple[str, Callable[[dict[str, Any]], None]]]:
    yield "heading", lambda s: s["body"].heading.fill(0.0)
    yield "life", lambda s: s["body"].life.__imul__(0.5)
    yield "pools", lambda s: s["body"].pools.fill(0.0)
    yield "field", lambda s: s["fields"][0].__iadd__(1e-12)
    yield "step", lambda s: s["numbers"].update(step=0)
    yield "random numbers of MVBs", lambda s: s["secretion"]["chunks"][0].rng.__iadd__(np.uint64(1))


@pytest.mark.parametrize(("what", "fault"), list(faults()), ids=lambda x: x if isinstance(x, str) else "")
def test_a_state_that_lost_something_is_seen(what: str, fault: Callable[[dict[str, Any]], None]) -> None:
    """The comparison above is not blind: each planted loss changes the future."""
    plan, tissue = ball_on_the_way()
    sound, state = (copied(state_of(tissue)) for _ in range(2))
    fault(state)
    futures = []
    for s in (sound, state):
        one = restored(plan, s)
        for _ in range(10):
            one.advance()
        futures.append(bits(state_of(one)))
    assert futures[0] != futures[1]


@cache
def ball_on_the_way() -> tuple[Any, Any]:
    plan = BALL.plan()
    tissue = plan.begin()
    for _ in range(10):
        tissue.advance()
    return plan, tissue


def copied(held: Any) -> Any:
    if isinstance(held, np.ndarray):
        return held.copy()
    if isinstance(held, dict):
        return {name: copied(part) for name, part in held.items()}
    if hasattr(held, "_fields"):
        return held._make(copied(part) for part in held)
    return [copied(part) for part in held] if isinstance(held, list) else held


def test_nothing_a_tissue_is_made_of_is_forgotten() -> None:
    known = {*tissue_run.NUMBERS, *tissue_run.REMADE}
    assert set(tissue_run.Running.__dataclass_fields__) == known


# --- what is written ---


def test_every_quantity_has_a_unit_and_a_meaning(whole: Callable[[str], TissueRun]) -> None:
    run = whole("ball")
    known = run.about["quantities"]
    assert min(len(part) for part in known.values()) > 4
    assert all(unit and meaning for part in known.values() for unit, meaning in part.values())
    assert run.data["amount_exosomes"].attrs["units"] == "item" and run.data["collagen"].attrs["units"] == "uM"
    assert run.attrs["fingerprint"] == BALL.plan().fingerprint and run.attrs["sources"]


def test_what_is_written_is_what_the_tissue_says(whole: Callable[[str], TissueRun]) -> None:
    run, plan = whole("film"), SMALL.plan()
    tissue = plan.begin()
    assert quantities_of(plan.setup.space, frame(tissue)).series.keys() < set(run.data.data_vars)
    for i, shown in enumerate(plan.frames(tissue)):
        assert float(run.data["time"][i]) == shown.time
        assert int(run.data["cell_count"][i]) == shown.series["cells"]
        assert float(run.data["amount_collagen"][i]) == shown.series["amount_collagen"]
        assert bits(run.cells(i)["position"].to_numpy()) == bits(shown.cells["position"])
        assert bits(run.data["collagen"][i].to_numpy()) == bits(shown.fields["collagen"].astype(np.float32))


# --- balances ---


def imbalances(now: dict[str, float], start: dict[str, float]) -> dict[str, float]:
    """Relative error of what was set free or there at the start against what there is."""
    exosomes = ("exosomes", "bound_exosomes", "exosomes_taken", "exosomes_lost", "exosomes_in_vessels")
    cargo = {name: (f"exosomal_{name}", f"bound_{name}", f"{name}_gone") for name in ("mt1", "oncogene", "pd_l1")}
    found = {}
    for name, parts in {"exosomes": exosomes, **{k: v for k, v in cargo.items() if f"amount_{v[0]}" in now}}.items():
        freed = sum(value for key, value in now.items() if key.removeprefix("freed_") in parts and "freed" in key)
        there = sum(now.get(f"amount_{part}", 0.0) for part in parts)
        found[name] = abs(there - freed) / max(freed, there, 1e-300)
    before, after = (s["amount_collagen"] + s["amount_fragments"] for s in (start, now))
    found["matrix"] = abs(after - before) / max(before, 1e-300)
    return found


def shortened(path: Path) -> Tissue:
    return replace(read_tissue(path, threads=1), duration="1 h", every="30 min", burn_in="6 h", **SHORT[path.stem])


def test_there_are_examples() -> None:
    assert {path.stem for path in EXAMPLES} == set(SHORT)


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_what_goes_in_is_what_there_is(path: Path) -> None:
    plan = shortened(path).plan()
    tissue = plan.begin()
    first = tissue.series()
    frames = list(plan.frames(tissue))
    last = frames[-1].series
    assert last["freed_exosomes"] > 0 and last["amount_exosomes_lost"] > 0
    assert (last["amount_fragments"] > 0) == (plan.asked.matrix.name != "plastic" and "mmp2" in plan.setup.space.fields)
    for shown in frames:
        assert max(imbalances(shown.series, first).values()) < BALANCE, shown.time
    fields = plan.setup.space.fields
    for field in {"exosomes_lost", "bound_mt1", "bound_oncogene", "bound_pd_l1", "collagen"} & set(fields):
        held = tissue.places.fields[fields.index(field)]  # a planted loss is seen
        sound = held.copy()
        held *= 1.0 - 1e-7
        assert not sound.any() or max(imbalances(tissue.series(), first).values()) > BALANCE, field
        held[...] = sound


# --- refusals ---


def test_a_place_that_is_taken_is_refused_before_any_work(tmp_path: Path, whole: Callable[[str], TissueRun]) -> None:
    run = whole("film")
    with pytest.raises(DataError, match=r"resume=True.*overwrite=True"):
        run_tissue(SMALL, run.path)
    (tmp_path / "notes.txt").write_text("mine")
    for overwrite in (False, True):
        with pytest.raises(DataError, match="no run of a tissue"):
            run_tissue(SMALL, tmp_path, overwrite=overwrite)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_resuming_another_experiment_is_refused(whole: Callable[[str], TissueRun]) -> None:
    run = whole("film")
    with pytest.raises(DataError, match="very same experiment"):
        run_tissue(replace(SMALL, seed=2), run.path, resume=True)
    assert run_tissue(SMALL, run.path, resume=True).rows == run.rows  # done: given back


def test_resuming_nothing_starts_anew(tmp_path: Path, whole: Callable[[str], TissueRun]) -> None:
    with pytest.raises(Interrupted):
        run_tissue(SMALL, tmp_path / "run.zarr", progress=press(3))
    for file in (checkpoint_of(tmp_path / "run.zarr"), previous(checkpoint_of(tmp_path / "run.zarr"))):
        file.unlink()
    assert content(run_tissue(SMALL, tmp_path / "run.zarr", resume=True)) == content(whole("film"))


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run that was stopped."""
    place = tmp_path_factory.mktemp("stopped") / "run.zarr"
    with pytest.raises(Interrupted):
        run_tissue(SMALL, place, progress=press(23))
    previous(checkpoint_of(place)).unlink()
    return place


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda b: b[: len(b) // 2], "cut short"),
        (lambda b: b[:8] + b"\x63" + b[9:], "format version 99"),
        (lambda b: b[:-40] + bytes([b[-40] ^ 1]) + b[-39:], "checksum"),
        (lambda b: b"notes", "starts with"),
    ],
)
def test_a_bad_checkpoint_is_refused_and_the_run_stays_readable(
    how: Callable[[bytes], bytes], said: str, stopped: Path
) -> None:
    file = checkpoint_of(stopped)
    sound = file.read_bytes()
    file.write_bytes(how(sound))
    try:
        with pytest.raises(DataError, match=said):
            run_tissue(SMALL, stopped, resume=True)
        previous(file).write_bytes(sound)
        with pytest.raises(DataError, match=rf"which is whole.* mv {previous(file)} {file}"):
            run_tissue(SMALL, stopped, resume=True)
    finally:
        file.write_bytes(sound)
        previous(file).unlink()
    assert open_tissue(stopped).rows == 4


def test_a_checkpoint_of_another_program_or_run_is_refused(stopped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = provenance.versions()
    monkeypatch.setattr(provenance, "versions", lambda: mine | {"exude": "9.9"})
    with pytest.raises(DataError, match=r"exude '.*'.*exude '9.9 \(\w+\)'"):
        run_tissue(SMALL, stopped, resume=True)
    monkeypatch.undo()
    saved = load_checkpoint(checkpoint_of(stopped), kinds=(Body, State))
    sound = checkpoint_of(stopped).read_bytes()
    save_checkpoint(checkpoint_of(stopped), saved.state, saved.attrs | {"fingerprint": "other"})
    previous(checkpoint_of(stopped)).unlink()
    with pytest.raises(DataError, match="fingerprint 'other'"):
        run_tissue(SMALL, stopped, resume=True)
    checkpoint_of(stopped).write_bytes(sound)


def test_a_full_disk_is_one_error_and_the_run_goes_on_later(
    tmp_path: Path, whole: Callable[[str], TissueRun], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tissue_store.mark

    def full(place: Path, rows: int, cell_rows: int, *, finished: bool) -> None:
        if rows == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(place, rows, cell_rows, finished=finished)

    monkeypatch.setattr(tissue_store, "mark", full)
    with pytest.raises(DataError, match=r"No space left.*Free space"):
        run_tissue(SMALL, tmp_path / "run.zarr")
    assert open_tissue(tmp_path / "run.zarr").rows == 2
    monkeypatch.undo()
    assert content(run_tissue(SMALL, tmp_path / "run.zarr", resume=True)) == content(whole("film"))


@pytest.mark.parametrize("value", [-1.0, np.nan])
def test_a_field_below_zero_stops_the_run_with_what_was_written(
    value: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def spoilt(tissue: Any) -> Any:
        if tissue.step:
            tissue.places.fields[tissue.setup.space.fields.index("collagen")][0, 1, 2] = value
        return frame(tissue)

    monkeypatch.setattr(tissue_run, "frame", spoilt)
    with pytest.raises(DataError, match=r"collagen = .* at voxel \(0, 1, 2\)|collagen.*nan"):
        run_tissue(SMALL, tmp_path / "run.zarr")
    assert open_tissue(tmp_path / "run.zarr").rows == 1


def test_a_field_that_is_used_up_is_no_negative_field() -> None:
    shown = frame(BALL.plan().begin())
    shown.fields["collagen"][...] = 0.0
    shown.fields["collagen"][1, 2, 3] = -5e-324
    tissue_run._refuse_negative(shown)
    shown.fields["collagen"][1, 2, 3] = -1e-9
    with pytest.raises(DataError, match="collagen = -1e-09"):
        tissue_run._refuse_negative(shown)


WRONG: dict[str, tuple[dict[str, Any], type[ExudeError], str]] = {
    "cell outside": ({"cells": At(((10.0, 10.0, 1.0), (10.0, 70.0, 1.0)))}, ProtocolError, "cell 1 at .* 60"),
    "cell nowhere": ({"cells": At(((10.0, np.nan, 1.0),))}, ProtocolError, "cell 0"),
    "thousands in one place": ({"cells": At(((30.0, 30.0, 1.0),) * 2000)}, ProtocolError, "1999000 pairs among 2000"),
    "too many": ({"cells": Scattered(1000)}, ProtocolError, "at most about"),
    "step of minutes": ({"step": "10 min"}, ProtocolError, "step of 600 s.*at most 300 s"),
    "step of a fast walk": ({"numbers": replace(QUICK, values=QUICK.values | {"walk_speed": 1.0})}, ProtocolError, "radius"),
    "step that fits not": ({"step": "7 s"}, ProtocolError, "whole number of steps"),
    "no unit": ({"duration": "100"}, UnitError, "duration"),
    "no voxel": ({"voxel": "0 um"}, ProtocolError, "voxel"),
    "secretion": ({"secretion": "vesicle"}, ProtocolError, "did you mean 'vesicles'"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_what_cannot_be_is_refused_before_anything_is_written(name: str, tmp_path: Path) -> None:
    change, kind, said = WRONG[name]
    with pytest.raises(kind, match=said):
        run_tissue(replace(SMALL, **change), tmp_path / "run.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_few_cells_that_touch_are_no_mistake() -> None:
    near = At(((10.0, 10.0, 1.0), (25.0, 10.0, 1.0), (40.0, 10.0, 1.0)))
    assert len(replace(SMALL, cells=near).plan().positions()) == 3
