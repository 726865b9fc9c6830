"""`exude cohort`: the same words as the library, files that can be read again, refusals in one line."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exude.cli import cohort
from exude.errors import DataError, ProtocolError
from exude.experiment import cohort as cohorts
from exude.experiment.cohort import IMMUNITY as KNOWN_IMMUNITY
from exude.experiment.cohort import Cohort, CohortRun, run_cohort
from exude.experiment.cohort_file import is_cohort, load_cohort, save_cohort
from exude.experiment.dosing import HOSTS as KNOWN_HOSTS
from exude.experiment.dosing import Schedule, schedule_of
from exude.experiment.perturbations import KnockDown, Rescue
from exude.experiment.release import ReleaseTable
from test_cli import said

TABLE = ReleaseTable((0.0, 1.0), (0.003, 0.02), {"SMPD3": (0.4, 1.0), "ORAI1": (0.8, 1.0)})
SMALL = ("cohort", "--members", "6", "--days", "8")


@pytest.fixture(autouse=True)
def small_table(monkeypatch: pytest.MonkeyPatch) -> None:
    """Release without the mean field, which other tests run."""
    monkeypatch.setattr(cohorts, "release_table", lambda *_, **__: TABLE)


def test_the_words_of_the_command_are_the_librarys() -> None:
    assert cohort.HOSTS == KNOWN_HOSTS and tuple(KNOWN_IMMUNITY) == cohort.IMMUNITY


def test_it_says_what_became_of_them(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, *SMALL)
    assert "MDA-MB-231: untreated" in out and "6 mice, competent, 8 days" in out and "of 6" in out
    assert "survival" in out and "metastases" in out


def test_files_hold_the_same_as_the_library(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    pytest.importorskip("lifelines")
    out, plot, table = (tmp_path / name for name in ("c.nc", "c.png", "c.csv"))
    drug = "bexin 100 mg/kg by mouth every 6 h until 5 days"
    printed = said(
        capsys, *SMALL, "--give", drug, "--knock-down", "SMPD3=0.5", "--against-untreated", "-o", str(out),
        "--plot", str(plot), "--table", str(table), "--workers", "2",
    )  # fmt: skip
    assert printed.count("written: ") == 4 and printed.count("6 mice") == 2
    schedule = Schedule("bexin", "100 mg/kg", "mouth", every="6 h", until="5 days")
    asked = Cohort(6, days=8, schedules=(schedule,), what=(KnockDown("SMPD3", to=0.5),))
    treated, untreated = load_cohort(out), load_cohort(tmp_path / "c-untreated.nc")
    assert treated.cohort == asked and untreated.cohort == Cohort(6, days=8)
    assert treated.data.drop_attrs().identical(run_cohort(asked).data.drop_attrs())
    assert plot.stat().st_size > 5000
    rows = list(csv.DictReader(table.open(encoding="utf-8")))
    assert len(rows) == 12 and {row["arm"] for row in rows} == {cohort.name_of(asked), "untreated"}
    assert float(rows[0]["tumour_cells"]) == pytest.approx(float(treated.data.primary[0, -1]), rel=1e-5)
    assert "replicate 2" in said(capsys, "assay", "metastasis", str(out))
    assert "mm" in said(capsys, "assay", "tumour_growth", str(out), "--replicates", "6")
    assert "from 1 to 6 animals" in said(capsys, "assay", "survival", str(out), "--replicates", "7", code=2)
    assert "'exude cohort 1'" in said(capsys, "assay", "nta", str(out), code=2)


def test_a_cohort_survives_its_file(tmp_path: Path) -> None:
    asked = Cohort(3, host="patient", days=30, what=(Rescue("UNC13D", mutant="C2A*"),), vary=False, start_cells=1e7)
    made = run_cohort(asked, release=TABLE)
    made = CohortRun(asked, made.data, {7: "could not be followed"})
    again = load_cohort(save_cohort(made, tmp_path / "c.nc"))
    assert again.cohort == asked and again.failed == made.failed and is_cohort(tmp_path / "c.nc")
    assert again.data.drop_attrs().identical(made.data.drop_attrs())
    (tmp_path / "x.nc").write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read"):
        load_cohort(tmp_path / "x.nc")


def test_failed_members_are_named(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    real = run_cohort(Cohort(6, days=8), release=TABLE)
    failed = dict.fromkeys(range(7), "its body could not be followed beyond day 3")
    assert "failed      member 4: its body" in (
        words := cohort.in_words("x", CohortRun(real.cohort, real.data, failed))
    )
    assert "7 members in all" in words and "member 5" not in words


def test_ctrl_c_says_how_far_it_came(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(cohorts, "_run", stop)
    assert "stopped after 0 of 6 members, not kept" in said(capsys, *SMALL, code=130)


@pytest.mark.parametrize(
    ("text", "schedule"),
    [
        ("bexin 100 mg/kg", Schedule("bexin", "100 mg/kg")),
        ("anti-PD-L1 10 mg/kg every 3 days", Schedule("anti-PD-L1", "10 mg/kg", every="3 days")),
        (
            "bexin 100 mg/kg by mouth every 4 h until 10 days reach tumour",
            Schedule("bexin", "100 mg/kg", "mouth", every="4 h", until="10 days", reach="tumour"),
        ),
        ("PDDC  3 umol/kg into the belly at 2 days", Schedule("PDDC", "3 umol/kg", "belly", at="2 days")),
        ("PD-L1 antibody 1200 mg into a vein", Schedule("PD-L1 antibody", "1200 mg")),
        ("GW4869 .5 mg under the skin reach targeted at 1 h", Schedule("GW4869", ".5 mg", "skin", "1 h", reach="targeted")),
    ],
)  # fmt: skip
def test_schedules_in_words(text: str, schedule: Schedule) -> None:
    assert schedule_of(text) == schedule


@pytest.mark.parametrize("text", ["", "bexin", "100 mg/kg", "bexin 1 mg every 2 h every 3 h"])
def test_words_that_are_no_schedule(text: str) -> None:
    with pytest.raises(ProtocolError, match="DRUG DOSE"):
        schedule_of(text)


@pytest.mark.parametrize(
    ("argv", "words"),
    [
        (("--members", "0"), "members from 1"), (("--members", "-3"), "members from 1"), (("--days", "0"), "days from 1"),
        (("--start-cells", "-1"), "cells at the start"), (("--start-cells", "nan"), "cells at the start"),
        (("--host", "mous"), "did you mean mouse?"), (("--immunity", "none"), "invalid choice"),
        (("--line", "MDA"), "cell line"), (("--give", "bexinn 1 mg"), "did you mean 'bexin'"),
        (("--give", "ionomycin 1 mg"), "whose kinetics"), (("--give", "bexin -1 mg"), "bexin"),
        (("--give", "bexin 1 uM"), "a mass or an amount"), (("--give", "bexin nan mg"), "bexin"),
        (("--give", "bexin 1 mg by nose"), "bexin"), (("--give", "bexin 1 mg every 0 h"), "above 0"),
        (("--give", "bexin 1 mg at 90 days"), "after the end of the run"),
        (("--give", "bexin 1 mg every 1 day until 90 days"), "after the end of the run"),
        (("--give", "bexin 1 mg reach toumour"), "did you mean 'tumour'"), (("--give", "bexin"), "DRUG DOSE"),
        (("--knock-down", "UNC13=0.1"), "UNC13"), (("--knock-down", "UNC13D=x"), "UNC13D=x"),
        (("--against-untreated",), "against itself"), (("--plot", "a.txt"), "a name ending in"),
        (("-o", "no/such/c.nc"), "does not exist"), (("--workers", "-1"), "threads"), (("--give", "bexin 1e999 mg"), "bexin"),
        (("--member",), "expected one argument"), (("--giv", "x", "y"), "y"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(capsys: pytest.CaptureFixture[str], argv: tuple[str, ...], words: str) -> None:
    assert words in said(capsys, *SMALL, *argv, code=2)


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    assert "examples:\n  exude cohort" in said(capsys, "cohort", "--help")


def test_a_table_has_a_row_for_each_member() -> None:
    made = run_cohort(Cohort(3, days=4, schedules=(Schedule("bexin", "1 mg"),)), release=TABLE)
    lines = cohort.table({'a "name"': made}).splitlines()
    assert len(lines) == 4 and lines[1].startswith('"a ""name""",0,4,0,')
    assert len(lines[0].split(",")) == 8 and np.isfinite(float(lines[1].split(",")[-1]))
