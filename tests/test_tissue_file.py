"""Experiments in space from TOML files and from the command line: every key checked, every refusal one clear line."""

from __future__ import annotations

import re
import signal
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import exude
from exude.cli.main import DONE, REFUSED, STOPPED, main
from exude.cli.tissue import gap
from exude.engine.tissue_run import open_tissue
from exude.errors import DataError, ExudeError, ProtocolError, UnitError, UnknownName
from exude.experiment import tissue_run
from exude.experiment.arrange import ARRANGEMENTS, At
from exude.experiment.matrix import MATRICES, Film
from exude.experiment.perturbations import Drug, KnockDown
from exude.experiment.protocol import places
from exude.experiment.tissue_file import TissueTable, read_tissue
from exude.units import factor_to_internal

EXAMPLES = sorted((Path(__file__).parent.parent / "examples").glob("*.toml"))
GOOD = """
line = "MDA-MB-231"
what = ["knock-down UNC13D=0.1", "drug GM6001 40 uM"]
duration = "40 min"
every = "20 min"
step = "60 s"
burn_in = "30 min"
[box]
size = ["60 um", "60 um"]
voxel = "6 um"
[matrix]
kind = "film"
thickness = "50 nm"
[cells]
arrangement = "scattered"
number = 3
[numbers]
walk_speed = "30 um/h"
"""
MIXED = """
duration = "40 min"
every = "20 min"
burn_in = "30 min"
model = "immune"
[box]
size = ["90 um", "90 um"]
voxel = "10 um"
[matrix]
kind = "plastic"
[cells]
arrangement = "mixture"
numbers = { tumour = 4, t_cell = 3 }
spread = 2.0
[also]
t_cell = ["knock-out UNC13D"]
"""
BALL = """
[cells]
arrangement = "among"
tumour = { arrangement = "spheroid", number = 20 }
others = { t_cell = 5 }
"""
AT = GOOD.replace('arrangement = "scattered"\nnumber = 3', 'arrangement = "at"\npoints = [["10 um", "20 um"]]')


def read(folder: Path, text: str) -> exude.Tissue:
    place = folder / "mine.toml"
    place.write_text(text, encoding="utf-8")
    return read_tissue(place)


def test_a_file_says_what_the_library_says(tmp_path: Path) -> None:
    numbers = exude.Numbers.default()
    assert read(tmp_path, GOOD) == exude.Tissue(
        "MDA-MB-231", (KnockDown("UNC13D", to=0.1), Drug("GM6001", "40 uM")), matrix=Film("50 nm"),
        cells=exude.Scattered(3), size=("60 um", "60 um"), voxel="6 um", duration="40 min", every="20 min",
        step="60 s", burn_in="30 min", numbers=numbers.but(walk_speed=30 * factor_to_internal("um/h")),
    )  # fmt: skip
    assert read(tmp_path, "") == exude.Tissue()
    assert read(tmp_path, AT).cells == At(((10.0, 20.0, 0.0),))
    assert read(tmp_path, GOOD.replace('"30 um/h"', '"0.5 mm/min"')).numbers["walk_speed"] == pytest.approx(500 / 60)


def test_a_file_names_kinds_of_cells(tmp_path: Path) -> None:
    mixed, ball = read(tmp_path, MIXED), read(tmp_path, BALL)
    assert mixed.cells == exude.Mixture({"tumour": 4, "t_cell": 3}, spread=2.0)
    assert mixed.also == {"t_cell": (exude.KnockOut("UNC13D"),)} and mixed.about == "immune"
    assert ball.cells == exude.Among(exude.Spheroid(20), {"t_cell": 5}) and ball.about == "immune"
    assert read(tmp_path, MIXED.replace('"immune"', '"all"')).about == "all"


def test_what_is_done_to_one_kind_is_done_to_it_alone(tmp_path: Path) -> None:
    for lost, kept in (("t_cell", "tumour"), ("tumour", "t_cell")):
        plan = read(tmp_path, MIXED.replace("t_cell = [", f"{lost} = [")).plan()
        gene = places(plan.setup.space.cascade)["UNC13D"]
        level = {
            kind: cells.medians[gene] for kind, cells in zip(plan.setup.space.kinds, plan.populations, strict=True)
        }
        assert level[lost] == 0.0 < level[kept]


def test_every_matrix_and_arrangement_can_be_written() -> None:
    several = {"mixture": exude.Mixture, "among": exude.Among}
    for key, tables in (("matrix", MATRICES), ("cells", ARRANGEMENTS | several)):
        union: Any = TissueTable.model_fields[key].annotation
        made = {table.__name__.removesuffix("Table").lower() for table in union.__args__}
        assert made == set(tables) and len(made) > 2


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda p: p.stem)
def test_examples_can_be_run(path: Path) -> None:
    plan = read_tissue(path).plan()
    assert len(plan.positions()) > 10 and plan.points > 10
    assert path.read_text(encoding="utf-8").startswith("# ")


def test_there_are_six_examples() -> None:
    assert len(EXAMPLES) == 6


WRONG: dict[str, tuple[str, str, type[ExudeError], str]] = {
    "no unit": ('"40 min"', "40", DataError, r"\[duration\] got 40; expected .* unit that converts to 's', e.g. '30 min'"),
    "no unit in text": ('"40 min"', '"40"', DataError, r"\[duration\] got '40'"),
    "another unit": ('"40 min"', '"40 um"', DataError, r"\[duration\] got '40 um'"),
    "negative": ('"40 min"', '"-40 min"', DataError, r"\[duration\] .*>= 0"),
    "no number": ('"6 um"', '"nan um"', DataError, r"\[box.voxel\]"),
    "length without": ('"50 nm"', '"50"', DataError, r"\[matrix.thickness\]"),
    "list without": ('["60 um", "60 um"]', "[60, 60]", DataError, r"\[box.size.0\] got 60"),
    "one side": ('["60 um", "60 um"]', '["60 um"]', DataError, r"\[box.size\]"),
    "no list": ('["60 um", "60 um"]', '"60 um"', DataError, r"\[box.size\]"),
    "unknown key": ("duration", "durations", DataError, r"\[durations\].*did you mean 'duration'"),
    "unknown table": ("[numbers]", "[numbrs]", DataError, "did you mean 'numbers'"),
    "unknown in box": ("voxel", "voxels", DataError, r"\[box.voxels\].*did you mean 'voxel'"),
    "unknown in matrix": ("thickness", "thicknes", DataError, r"\[matrix.thicknes\].*did you mean 'thickness'"),
    "of another matrix": ("thickness", "collagen", DataError, r"\[matrix.collagen\].*a key of kind, thickness"),
    "unknown in cells": ("number =", "numbr =", DataError, r"\[cells.numbr\].*did you mean 'number'"),
    "unknown kind": ('"film"', '"flim"', DataError, r"\[matrix\].*did you mean 'film'"),
    "no kind": ('kind = "film"', "", DataError, r"\[matrix\] .*expected kind = "),
    "unknown arrangement": ('"scattered"', '"spheroids"', DataError, "did you mean 'spheroid'"),
    "number as text": ("number = 3", 'number = "3"', DataError, r"\[cells.number\] got '3'"),
    "not a switch": ("line =", "oxygen = 1\nline =", DataError, r"\[oxygen\] got 1"),
    "half a seed": ("line =", "seed = 1.5\nline =", DataError, r"\[seed\] got 1.5"),
    "secretion": ("line =", 'secretion = "vesicle"\nline =', DataError, r"\[secretion\] got 'vesicle'"),
    "parameter without unit": ('"30 um/h"', "30", UnitError, "walk_speed"),
    "parameter of another unit": ('"30 um/h"', '"30 uM"', UnitError, "walk_speed"),
    "negative parameter": ('"30 um/h"', '"-30 um/h"', UnitError, ">= 0 for walk_speed"),
    "unknown parameter": ("walk_speed", "walk_sped", UnknownName, "did you mean 'walk_speed'"),
    "unknown gene": ("UNC13D", "UNC13", UnknownName, "did you mean 'UNC13D'"),
    "unknown drug": ("GM6001", "GM601", UnknownName, "did you mean 'GM6001'"),
    "unknown sentence": ("knock-down", "knockdown", ProtocolError, "did you mean 'knock-down'"),
    "no TOML": ("line =", "line = =", DataError, "line 2"),
    "tables in the wrong place": ("[matrix]", "[[matrix]]", DataError, r"\[matrix\]"),
    "a table for a number": ("[numbers]", "[numbers.more]", DataError, r"\[numbers.more\]"),
    "depth": ("what = [", f"what = {'[' * 3000}", DataError, "nested|line|Invalid|list"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_a_wrong_file_is_refused_with_its_key(name: str, tmp_path: Path) -> None:
    old, new, kind, said = WRONG[name]
    assert old in GOOD
    with pytest.raises(kind, match=said) as caught:
        read(tmp_path, GOOD.replace(old, new, 1))
    text = str(caught.value)
    assert text.startswith(str(tmp_path)) and len(text) < 700 and "\n" not in text


WRONG_KINDS: dict[str, tuple[str, str, str, type[ExudeError], str]] = {
    "kind": (MIXED, "t_cell = 3", "tcell = 3", DataError, r"\[cells.numbers.tcell\] got 'tcell' .*did you mean 't_cell'"),
    "kind of also": (MIXED, "t_cell = [", "t_cel = [", DataError, r"\[also.t_cel\] got 't_cel' .*did you mean 't_cell'"),
    "none of a kind": (MIXED, "t_cell = 3", "t_cell = 0", ProtocolError, "got 0; expected a whole number of cells"),
    "half a cell": (MIXED, "t_cell = 3", "t_cell = 1.5", DataError, r"\[cells.numbers.t_cell\] got 1.5"),
    "no numbers": (MIXED, "numbers", "number", DataError, r"\[cells.numbers?\]"),
    "spread": (MIXED, "2.0", "0.5", ProtocolError, "got 0.5; expected a spread of at least 1"),
    "one sentence": (MIXED, '["knock-out UNC13D"]', '"knock-out UNC13D"', DataError, r"\[also.t_cell\]"),
    "unknown sentence": (MIXED, "knock-out", "knockout", ProtocolError, "did you mean 'knock-out'"),
    "tumour in a wound": (BALL, "spheroid", "wound", DataError, r"\[cells.tumour\] got 'wound'; expected arrangement = "),
    "unknown key within": (BALL, "number", "numbr", DataError, r"\[cells.tumour.numbr\] .*did you mean 'number'"),
    "text within": (BALL, "20", '"20"', DataError, r"\[cells.tumour.number\] got '20'"),
    "nothing among": (BALL, "{ t_cell = 5 }", "{}", DataError, r"\[cells.others\] got {}"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG_KINDS))
def test_wrong_kinds_are_refused_with_their_key(name: str, tmp_path: Path) -> None:
    text, old, new, kind, said = WRONG_KINDS[name]
    assert text.count(old) == 1
    with pytest.raises(kind, match=said) as caught:
        read(tmp_path, text.replace(old, new))
    error = str(caught.value)
    assert error.startswith(str(tmp_path)) and len(error) < 700 and "\n" not in error


WRONG_MIXED = {
    "model": ('"immune"', '"imune"', "got 'imune'; .*did you mean 'immune'"),
    "model without the kind": ('"immune"', '"neighbours"', "'t_cell'; expected a kind of cells of the model 'neighbours'"),
    "drug for a kind": ("knock-out UNC13D", "drug GM6001 40 uM", "for one kind of cells; .* give it as `what`|for one kind"),
    "too many": ("t_cell = 3", "t_cell = 300", "at most .* in this box"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG_MIXED))
def test_kinds_that_cannot_be_run_are_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, said = WRONG_MIXED[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(MIXED.replace(old, new, 1))
    assert main(["tissue", "mine.toml", "--dry-run"]) == REFUSED
    error = capsys.readouterr().err
    assert error.startswith("exude: ") and error.count("\n") == 1 and re.search(said, error), error


WRONG_PLANS = {
    "line": ("MDA-MB-231", "MDA-MB-321", "did you mean 'MDA-MB-231'"),
    "cell outside": ('"20 um"]', '"70 um"]', "cell 0 at .* 60"),
    "points without unit": ('"20 um"]', '"20"]', r"\[cells.points.0.1\] got '20'"),
    "step too long": ('step = "60 s"', 'step = "10 min"', "at most 300 s"),
    "no mechanism": ("line =", 'hypothesis = "x"\nline =', "got 'x'"),
    "seed": ("line =", "seed = -1\nline =", "seed"),
}


@pytest.mark.parametrize("name", list(WRONG_PLANS))
def test_what_cannot_be_run_is_refused_in_one_line(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new, said = WRONG_PLANS[name]
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(AT.replace(old, new, 1))
    for more in ((), ("--dry-run",)):
        assert main(["tissue", "mine.toml", *more]) == REFUSED
        error = capsys.readouterr().err
        assert error.startswith("exude: ") and error.count("\n") == 1
        assert re.search(said, error), error
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


# --- command line ---


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(GOOD)
    return tmp_path


def test_help_has_a_whole_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["tissue", "--help"])
    text = capsys.readouterr().out
    assert "examples:\n  exude tissue" in text
    shown = text.split("itself optional:\n")[1].replace(
        '                   secretion = "vesicles"', "\nsecretion = 'vesicles'"
    )
    tomllib.loads(shown)
    assert read(tmp_path, shown).size == ("300 um", "300 um")


def test_a_dry_run_says_what_would_be_run(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tissue", "mine.toml", "--dry-run"]) == DONE
    out = capsys.readouterr().out
    assert "10 x 10 x 1 voxels of 6 um" in out and "3 recorded points" in out and "UNC13D knock-down to 0.1" in out
    assert list(mine.iterdir()) == [mine / "mine.toml"]


def test_a_file_is_run_kept_and_exported(mine: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["tissue", "mine.toml", "--threads", "1"]
    assert main([*argv, "--vtk", "paraview", "--ome-zarr", "fields.ome.zarr"]) == DONE
    out = capsys.readouterr().out
    run = open_tissue("mine.zarr")
    assert run.finished and run.rows == 3
    last = {name: float(run.data[name][-1]) for name in run.data.data_vars if run.data[name].ndim == 1}
    assert f"MVB fusions     {last['fusions']:.0f}" in out and "3 at the start, 3 at the end" in out
    assert (
        f"matrix cut      {last['amount_fragments'] / (last['amount_fragments'] + last['amount_collagen']):.2%}" in out
    )
    assert "written: mine.zarr" in out and "cells moved" in out
    assert (mine / "paraview" / "fields.pvd").exists() and (mine / "fields.ome.zarr" / "zarr.json").exists()
    assert main([*argv, "--ome-zarr", "fields.ome.zarr"]) == REFUSED
    assert main(argv) == REFUSED
    assert "--resume" in capsys.readouterr().err
    assert main([*argv, "--resume", "--overwrite"]) == REFUSED
    assert main([*argv, "-o", "no/such/folder.zarr"]) == REFUSED
    assert "mkdir -p no/such" in capsys.readouterr().err
    assert main([*argv, "--resume"]) == DONE  # done already: says so again


def test_kinds_of_cells_are_counted_and_drawn(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mixed.toml").write_text(MIXED)
    assert main(["tissue", "mixed.toml", "--plot", "mixed.txt"]) == REFUSED
    assert "mixed.txt" in capsys.readouterr().err and not Path("mixed.zarr").exists()
    assert main(["tissue", "mixed.toml", "--dry-run"]) == DONE
    assert "7 (4 tumour, 3 t_cell), mixture" in capsys.readouterr().out
    assert main(["tissue", "mixed.toml", "--threads", "1", "--plot", "mixed.svg", "--movie", "mixed.gif"]) == DONE
    out = capsys.readouterr().out
    assert "t_cell: UNC13D knock-out" in out and "t_cell        3 at the start" in out and "tumour        4 at" in out
    drawn = Path("mixed.svg").read_text(encoding="utf-8")
    assert "tumour cells killed (share)" in drawn and "T cell, bound" in drawn and Path("mixed.gif").exists()
    assert main(["assay", "co_culture", "mixed.zarr"]) == DONE
    assert "killed" in capsys.readouterr().out


def test_ctrl_c_stops_and_resume_goes_on(
    mine: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = tissue_run.Running.advance

    def pressed(tissue: Any) -> None:
        real(tissue)
        if tissue.step == 13:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(tissue_run.Running, "advance", pressed)
    assert main(["tissue", "mine.toml"]) == STOPPED
    error = capsys.readouterr().err
    assert "stopped at 20 min; 2 of 3 recorded points" in error and "--resume" in error
    assert main(["tissue", "mine.toml", "--resume"]) == DONE
    assert open_tissue("mine.zarr").finished


def test_ctrl_c_twice_stops_at_once(mine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real: Callable[[Any], None] = tissue_run.Running.advance
    before = signal.getsignal(signal.SIGINT)  # a job in the background ignores it

    def pressed(tissue: Any) -> None:
        real(tissue)
        if tissue.step == 13:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
        assert tissue.step < 14

    monkeypatch.setattr(tissue_run.Running, "advance", pressed)
    assert main(["tissue", "mine.toml"]) == STOPPED
    assert open_tissue("mine.zarr").rows == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_a_wound_is_as_wide_as_its_gap() -> None:
    rng = np.random.default_rng(1)
    left, right = (
        np.column_stack((x, rng.uniform(0, 400, 4000))) for x in (rng.uniform(0, 90, 4000), rng.uniform(210, 300, 4000))
    )
    sheet = np.column_stack((np.concatenate((left, right)), np.zeros(8000)))
    assert gap(sheet, 10.0, 150.0) == pytest.approx(100.0, abs=2.0)
    assert gap(np.array([[140.0, 0.0, 0.0], [160.0, 0.0, 0.0]]), 10.0, 150.0) == 0.0
