"""Bad input: one clear error with what was got, what was expected and the fix; what is done is kept."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import h5netcdf
import numpy as np
import pytest

import exude
from exude import (
    CalciumTrace,
    DominantNegative,
    Drug,
    External,
    KnockDown,
    KnockOut,
    Overexpress,
    Permeabilised,
    Rescue,
    Settings,
    Stimulus,
)
from exude.catalog import read
from exude.engine import vesicles
from exude.errors import DataError, ExudeError, Interrupted, ProtocolError, UnitError, UnknownName
from exude.experiment import parse
from exude.experiment.checkpoint import Checkpoint

QUICK = Settings(burn_in="30 min", every="10 min", threads=1)


def simulate(
    *what: object, line: str = "MDA-MB-231", duration: str = "1 h", cells: int = 4, config: Settings = QUICK
) -> exude.Run:
    return exude.simulate(line, *what, duration=duration, cells=cells, settings=config)


WRONG: dict[str, tuple[Callable[[], object], type[ExudeError], tuple[str, ...]]] = {
    "unknown gene": (lambda: KnockDown("UNC13E"), UnknownName, ("'UNC13E'", "expected", "did you mean 'UNC13D'")),
    "protein name": (lambda: KnockOut("Munc13-4"), UnknownName, ("expected a gene symbol", "Write 'UNC13D'")),
    "unknown line": (lambda: simulate(line="MDA-MB-213"), UnknownName, ("did you mean 'MDA-MB-231'", "exude list lines")),
    "unknown drug": (lambda: Drug("ionomycine", "1 uM"), UnknownName, ("did you mean 'ionomycin'", "exude list drugs")),
    "unknown hypothesis": (lambda: simulate(config=Settings(hypothesis="c2b")), UnknownName, ("'c2b-only'", "expected")),
    "missing unit": (lambda: Stimulus("ionomycin", "5"), UnitError, ("got '5'", "'uM'", "Write for example")),
    "number for a dose": (lambda: Stimulus("ionomycin", 5), UnitError, ("got 5", "'uM'", "Write for example")),
    "wrong unit": (lambda: Stimulus("ionomycin", "5 min"), UnitError, ("'5 min'", "unit 'uM'", "Write")),
    "unknown unit": (lambda: Stimulus("ionomycin", "5 uMM"), UnitError, ("got 'uMM'", "a unit such as")),
    "negative dose": (lambda: Stimulus("ionomycin", "-5 uM"), UnitError, ("'-5 uM'", ">= 0", "Write")),
    "NaN dose": (lambda: Stimulus("ionomycin", "nan uM"), UnitError, ("'nan uM'", "finite", "Write")),
    "time without unit": (lambda: Stimulus("ionomycin", "5 uM", at="5"), UnitError, ("got '5'", "unit 's'", "Write")),
    "negative time": (lambda: Drug("EGTA", "1 mM", at="-5 min"), UnitError, (">= 0", "Write")),
    "end before start": (lambda: Drug("EGTA", "1 mM", at="5 min", until="2 min"), ProtocolError, ("before it starts", "Let `until`")),
    "share above one": (lambda: KnockDown("UNC13D", to=1.5), UnitError, ("got 1.5", "from 0 to 1")),
    "negative share": (lambda: KnockDown("UNC13D", to=-0.1), UnitError, ("got -0.1", "from 0 to 1")),
    "NaN share": (lambda: KnockDown("UNC13D", to=float("nan")), UnitError, ("got nan", "finite")),
    "share as text": (lambda: KnockDown("UNC13D", to="0.1"), UnitError, ("got '0.1'", "a finite number")),
    "fold below one": (lambda: Overexpress("UNC13D", fold=0.5), UnitError, ("got 0.5", "from 1")),
    "mutant of the wrong protein": (lambda: Rescue("RAB11A", mutant="C2A*"), ProtocolError, ("'C2A*'", "expected no mutant", "mutant of UNC13D")),
    "unknown mutant": (lambda: Rescue("UNC13D", mutant="C2C*"), ProtocolError, ("'C2C*'", "expected one of", "did you mean")),
    "no dominant negative": (lambda: DominantNegative("UNC13D"), ProtocolError, ("'UNC13D'", "a Rab GTPase")),
    "two mutants": (lambda: simulate(Rescue("UNC13D", "C2A*"), Rescue("UNC13D", "C2B*")), ProtocolError, ("two mutants", "one culture")),
    "external calcium without unit": (lambda: External("2"), UnitError, ("got '2'", "'uM'")),
    "permeabilised with NaN": (lambda: Permeabilised("nan uM"), UnitError, ("finite",)),
    "stimulus after the end": (lambda: simulate(Stimulus("ionomycin", "5 uM", at="2 h")), ProtocolError, ("after the end", "1 h", "Lengthen")),
    "stimulus ends after the end": (lambda: simulate(Stimulus("ionomycin", "5 uM", until="2 h")), ProtocolError, ("ends after the end", "drop `until`")),
    "overlapping stimuli": (
        lambda: simulate(Stimulus("ionomycin", "5 uM", until="30 min"), Drug("ionomycin", "1 uM", at="20 min")),
        ProtocolError,
        ("overlapping", "at 20 min", "until"),
    ),
    "overlapping media": (lambda: simulate(External("0 mM"), External("1 mM", at="5 min")), ProtocolError, ("overlapping",)),
    "no cells": (lambda: simulate(cells=0), ProtocolError, ("got 0", "whole number of cells", "cells=500")),
    "half a cell": (lambda: simulate(cells=1.5), ProtocolError, ("got 1.5", "whole number")),
    "no time": (lambda: simulate(duration="0 h"), ProtocolError, ("longer than 0",)),
    "duration without unit": (lambda: simulate(duration="2"), UnitError, ("got '2'", "duration", "Write")),
    "too many points": (lambda: simulate(duration="1000 h", config=Settings(every="1 ms")), ProtocolError, ("Choose a longer `every`",)),
    "snapshot after the end": (lambda: simulate(config=Settings(snapshots=("2 h",))), ProtocolError, ("2 h", "outside the run of 1 h")),
    "no trace file": (lambda: simulate(CalciumTrace("nowhere.csv")), DataError, ("nowhere.csv", "cannot be read", "Give a CSV file")),
    "unknown parameter": (lambda: exude.Numbers.default().but(k_birht=1.0), UnknownName, ("did you mean 'k_birth'",)),
    "unknown sentence": (lambda: parse.perturbation("knockdwn UNC13D=0.1"), ProtocolError, ("'knockdwn'", "did you mean 'knock-down'")),
    "half a sentence": (lambda: parse.perturbation("knock-down UNC13D"), ProtocolError, ("'UNC13D'", "GENE=SHARE")),
    "misspelt word": (lambda: parse.perturbation("external calcum=1 mM"), ProtocolError, ("did you mean 'calcium'", "Write")),
    "share in words": (lambda: parse.perturbation("permeabilised calcium=1 uM cytosol=half"), ExudeError, ("half",)),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_refused_with_what_was_got_expected_and_the_fix(fault: str) -> None:
    action, kind, says = WRONG[fault]
    with pytest.raises(kind) as caught:
        action()
    for part in says:
        assert part in str(caught.value), str(caught.value)


def test_drugs_whose_name_has_a_space_can_be_typed() -> None:
    """'bafilomycin A1 100 nM': the dose begins at the number with a unit, not at the first space."""
    for name in sorted(exude_drugs()):
        drug = parse.perturbation(f"drug {name} {exude_drugs()[name]} at 5 min")
        assert isinstance(drug, Drug)
        assert drug.name == name and drug.dose == exude_drugs()[name]


def exude_drugs() -> dict[str, str]:
    return {drug.name: drug.usual_dose for drug in read.drugs().values()}


CURVES = {
    "empty": ("", "expected at least 2"),
    "header only": ("time_s,calcium_uM\n", "expected at least 2"),
    "one time": ("time_s,calcium_uM\n0,0.1\n", "expected at least 2"),
    "unsorted": ("time_s,calcium_uM\n0,0.1\n20,0.2\n10,0.3\n", "line 4: time does not increase"),
    "double time": ("time_s,calcium_uM\n0,0.1\n10,0.2\n10,0.3\n", "line 4: time does not increase"),
    "negative": ("time_s,calcium_uM\n0,0.1\n10,-0.2\n", "line 3: calcium is negative"),
    "NaN": ("time_s,calcium_uM\n0,0.1\n10,nan\n", "line 3: got 'nan'; expected a finite number"),
    "infinite": ("time_s,calcium_uM\n0,0.1\ninf,0.2\n", "line 3: got 'inf'"),
    "text": ("time_s,calcium_uM\n0,0.1\n10,much\n", "line 3"),
    "short row": ("time_s,calcium_uM\n0,0.1\n10\n", "line 3"),
    "no units": ("time,calcium\n0,0.1\n10,0.2\n", "expected one named time_UNIT"),
    "unknown unit": ("time_s,calcium_bananas\n0,0.1\n10,0.2\n", "bananas"),
    "wrong dimension": ("time_uM,calcium_s\n0,0.1\n10,0.2\n", "expected a unit that converts to 's'"),
    "other columns": ("when,what\n0,0.1\n10,0.2\n", "expected one named time_UNIT"),
    "comment before a bad row": ("# a comment\ntime_s,calcium_uM\n0,0.1\n10,-1\n", "line 4"),
}


@pytest.mark.parametrize("fault", CURVES)
def test_a_bad_calcium_curve_names_file_and_line(fault: str, tmp_path: Path) -> None:
    text, says = CURVES[fault]
    file = tmp_path / "curve.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        simulate(CalciumTrace(str(file)))
    assert says in str(caught.value), str(caught.value)
    assert "curve.csv" in str(caught.value)


def test_a_good_curve_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text("# measured\ntime_min,calcium_nM\n0,100\n10,100\n20,500\n60,500\n", encoding="utf-8")
    run = simulate(CalciumTrace(str(file)))
    np.testing.assert_allclose(
        run.data["calcium"].isel(cell=0), np.interp(run.data["time"] / 60, [10, 20], [0.1, 0.5]), rtol=1e-12
    )


def test_a_picture_is_no_curve(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(DataError, match="curve"):
        simulate(CalciumTrace(str(file)))


def test_two_curves_are_refused() -> None:
    with pytest.raises(ProtocolError, match="two calcium curves"):
        simulate(CalciumTrace("one.csv"), CalciumTrace("two.csv"))


# Results on disk.


def test_a_saved_run_comes_back(tmp_path: Path) -> None:
    run = simulate(Stimulus("ionomycin", "5 uM"))
    again = exude.load(run.save(tmp_path / "run.nc"))
    assert again.data.equals(run.data) and again.events.equals(run.events) and again.vesicles.equals(run.vesicles)
    assert again.provenance == run.provenance
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_a_results_file_of_another_version_is_refused(tmp_path: Path) -> None:
    file = simulate().save(tmp_path / "run.nc")
    with h5netcdf.File(file, "a") as handle:
        handle.attrs["format"] = "exude-run-0"
    with pytest.raises(DataError, match=r"got format 'exude-run-0'; expected 'exude-run-1'.*Run it again"):
        exude.load(file)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_a_truncated_results_file_is_refused(share: float, tmp_path: Path) -> None:
    file = simulate().save(tmp_path / "run.nc")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"run\.nc: cannot be read"):
        exude.load(file)


def test_a_missing_results_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        exude.load(tmp_path / "run.nc")


FULL_DISK = """
import resource, signal, sys
import exude
run = exude.simulate("MDA-MB-231", duration="1 h", cells=20, settings=exude.Settings(burn_in="30 min", threads=1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    run.save(sys.argv[1])
except exude.ExudeError as problem:
    print(f"REFUSED {problem}")
print("IN MEMORY", float(run.exosomes.sum()) >= 0)
"""


@pytest.mark.parametrize("bytes_left", [0, 3000, 40_000])
def test_a_full_disk_leaves_no_half_file_and_the_run_in_memory(bytes_left: int, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(FULL_DISK, encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, str(script), str(out / "run.nc"), str(bytes_left)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert "REFUSED" in done.stdout and "cannot be written" in done.stdout and "Free space" in done.stdout, done
    assert "IN MEMORY True" in done.stdout
    assert list(out.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_full_disk_keeps_the_finished_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vesicles, "CHUNK", 2)
    write_bytes, calls = Path.write_bytes, []

    def full(path: Path, data: bytes) -> int:
        calls.append(1)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(path, data)

    expected = simulate(cells=8)
    config = Settings(burn_in="30 min", every="10 min", threads=1, checkpoint=str(tmp_path / "run.part"))
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"No space left.*Free space and resume; finished blocks are kept"):
        simulate(cells=8, config=config)
    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    assert sorted(p.name for p in (tmp_path / "run.part").iterdir()) == ["0.npz", "2.npz", "run.json"]
    again = simulate(cells=8, config=resuming(config))
    assert again.data.equals(expected.data)


def resuming(config: Settings) -> Settings:
    return Settings(**{**vars(config), "resume": True})


# Ctrl-C.


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_keeps_what_is_done_and_a_run_resumes_to_the_same_bits(
    threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vesicles, "CHUNK", 3)
    stimulus = Stimulus("ionomycin", "5 uM", at="5 min", until="20 min")
    config = Settings(burn_in="30 min", every="10 min", threads=threads, checkpoint=str(tmp_path / "run.part"))
    expected = simulate(stimulus, cells=20)

    def press(done: int, cells: int) -> None:
        if done >= 9:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"stopped after 9 of 20 cells, kept in .*run\.part.*--resume"):
        exude.simulate("MDA-MB-231", stimulus, duration="1 h", cells=20, settings=config, progress=press)
    seen: list[int] = []
    monkeypatch.setattr(vesicles, "CHUNK", 4)
    again = exude.simulate(
        "MDA-MB-231",
        stimulus,
        duration="1 h",
        cells=20,
        settings=resuming(config),
        progress=lambda done, _: seen.append(done),
    )
    assert seen == [13, 17, 20], "finished cells are not run again"
    for table in ("data", "events", "vesicles"):
        assert getattr(again, table).equals(getattr(expected, table)), table
    assert not (tmp_path / "run.part").exists()


def test_ctrl_c_without_a_checkpoint_says_so() -> None:
    def press(done: int, cells: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="not kept"):
        exude.simulate("MDA-MB-231", duration="1 h", cells=4, settings=QUICK, progress=press)


def test_another_run_does_not_resume_here(tmp_path: Path) -> None:
    config = Settings(burn_in="30 min", every="10 min", threads=1, checkpoint=str(tmp_path / "run.part"))

    def press(done: int, cells: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        exude.simulate("MDA-MB-231", duration="1 h", cells=4, settings=config, progress=press)
    with pytest.raises(DataError, match=r"holds another run.*remove the folder"):
        exude.simulate("MDA-MB-231", KnockDown("UNC13D"), duration="1 h", cells=4, settings=resuming(config))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_damaged_block_is_run_again(share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vesicles, "CHUNK", 2)
    expected = simulate(cells=6)
    config = Settings(burn_in="30 min", every="10 min", threads=1, checkpoint=str(tmp_path / "run.part"))

    def press(done: int, cells: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        exude.simulate("MDA-MB-231", duration="1 h", cells=6, settings=config, progress=press)
    block = tmp_path / "run.part" / "2.npz"
    whole = block.read_bytes()
    block.write_bytes(whole[: int(share * len(whole))])
    assert simulate(cells=6, config=resuming(config)).data.equals(expected.data)


def test_a_checkpoint_leaves_other_people_s_files_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    store = Checkpoint(tmp_path, "identity", resume=False)
    store.remove()
    assert (tmp_path / "notes.txt").read_text() == "mine"
