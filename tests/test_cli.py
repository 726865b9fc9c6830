"""The command line: every command helps, refuses in one line, and says the same sentence as the library."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import exude
import studies
from exude.catalog import read
from exude.cli import catalogue, simulate
from exude.cli.main import main
from exude.engine import vesicles
from exude.errors import Interrupted
from exude.experiment.assays import ASSAYS
from exude.experiment.parse import KINDS
from exude.show.lists import LISTS

COMMANDS = ("list", "show", "simulate", "tissue", "assay", "export", "reproduce", "fit")


def said(capsys: pytest.CaptureFixture[str], *argv: str, code: int = 0) -> str:
    """Run a command; its output, or its one line of refusal."""
    try:
        got = main(argv)
    except SystemExit as stop:
        got = int(stop.code or 0)
    out, err = capsys.readouterr()
    assert got == code, err
    if code == 2 and argv:
        assert err.startswith("exude: ") and err.count("\n") == 1 and "Traceback" not in err, err
    return out if code == 0 else err


def simulated(*argv: str) -> list[str]:
    return ["simulate", "MDA-MB-231", "--duration", "20 min", "--cells", "6", *argv]


@pytest.mark.parametrize("command", [(), *((c,) for c in COMMANDS)])
def test_help_has_examples(capsys: pytest.CaptureFixture[str], command: tuple[str, ...]) -> None:
    assert "examples:\n  exude " in said(capsys, *command, "--help")


def test_help_starts_fast_and_light() -> None:
    code = "import sys; from exude.cli.main import main\ntry: main(['--help'])\nexcept SystemExit: pass\n"
    code += "assert not {'numba', 'numpy', 'matplotlib', 'pint', 'pydantic'} & set(sys.modules)"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
    assert time.perf_counter() - began < 5  # far above its 0.1 s, for loaded machines


@pytest.mark.parametrize("kind", [k for k in catalogue.KINDS if k != "assays"])
def test_list_does_not_load_the_engine(kind: str) -> None:
    code = f"import sys; from exude.cli.main import main; main(['list', '{kind}']); assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_module_runs() -> None:
    done = subprocess.run([sys.executable, "-m", "exude", "list", "lines"], check=True, capture_output=True, text=True)
    assert "MDA-MB-231" in done.stdout


@pytest.mark.parametrize("kind", catalogue.KINDS)
def test_list_prints_every_kind(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    table = LISTS[kind]()
    out = said(capsys, "list", kind)
    assert len(table.rows) > 1 and out.count("\n") == len(table.rows) + 1
    assert all(row[0] in out for row in table.rows)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("MDA-MB-231", ("cell line", "RNA", "UNC13D", "status")),
        ("mdamb231", ("cell line MDA-MB-231",)),
        ("UNC13D", ("gene", "A549", "bexin", "C2A*B*", "CellMinerSWATH")),
        ("Munc13-4", ("gene UNC13D",)),
        ("ionomycin", ("stimulus", "half effect", "assumed")),
        ("v_soce", ("29 nM/s", "28 to 30", "transferred", "10.3389/fphys.2023.1127545", "abstract", "second reading")),
        ("half_c2a", ("fitted", "prior")),
        ("er_leak_rate_hek293", ("literature quantity", "derived", "second reading")),
        ("M1", ("finding", "10.1083/jcb.201710132", "5 (4 to 6)", "rule")),
        ("Messenger2018", ("paper", "M1", "M12b")),
        ("c2b-only", ("mechanism", "need_c2a = 0")),
        ("exosome_blot", ("assay", "CD63")),
    ],
)
def test_show_prints_origin(capsys: pytest.CaptureFixture[str], name: str, words: tuple[str, ...]) -> None:
    out = said(capsys, "show", name)
    assert all(word in out for word in words), out


def every_name() -> list[str]:
    names = [*read.lines(), *read.drugs(), *read.parameters(), *read.findings(), *read.evidence(), *ASSAYS]
    return [*names, *list(read.literature())[::20]]


def test_show_knows_every_name(capsys: pytest.CaptureFixture[str]) -> None:
    from exude.show.sheets import sheets

    assert len(every_name()) > 100
    assert all(sheets(name) for name in every_name())


@pytest.mark.parametrize(
    ("argv", "near"),
    [
        (("show", "UNC13E"), "UNC13D"),
        (("show", "ionomycine"), "ionomycin"),
        (("list", "linez"), "lines"),
        (("lst", "lines"), "list"),
        (("simulate", "MDA-MB-23"), "MDA-MB-231"),
        (("simulate", "A549", "--knockdown", "UNC13D=0.2"), "--knock-down"),
        (("simulate", "A549", "--knock-out", "UNC13"), "UNC13D"),
        (("simulate", "A549", "--hypothesis", "both-c"), "both-c2"),
        (("simulate", "A549", "--rescue", "UNC13D C2A"), "C2A*"),
        (("assay", "ntaa", "x.nc"), "nta"),
        (("reproduce", "--only", "burts", "--out", "{}"), "burst"),
    ],
)
def test_unknown_names_get_the_nearest(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, argv: tuple[str, ...], near: str
) -> None:
    err = said(capsys, *(a.format(tmp_path / "study") for a in argv), code=2)
    assert "did you mean" in err and near in err


@pytest.mark.parametrize(
    "argv",
    [
        ("--stimulus", "ionomycin 5"),
        ("--stimulus", "ionomycin 5 min"),
        ("--stimulus", "ionomycin -5 uM"),
        ("--stimulus", "ionomycin nan uM"),
        ("--stimulus", "ionomycin 5 uM at 3 h"),
        ("--stimulus", "ionomycin 5 uM", "--stimulus", "ionomycin 1 uM at 5 min"),
        ("--knock-down", "UNC13D"),
        ("--knock-down", "UNC13D=2"),
        ("--external", "calcium=2"),
        ("--permeabilised", "calcium=1 uM cytosol=much"),
        ("--calcium-trace", "no-such-file.csv"),
        ("--duration", "2"),
        ("--cells", "0"),
        ("--cells", "many"),
        ("--threads", "-1"),
        ("--plot", "run.bmp"),
        ("-o", "no/such/folder/run.nc"),
        ("--resume",),
        ("--snapshot", "9 h"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, argv: tuple[str, ...]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert len(said(capsys, *simulated(*argv), code=2)) > 40
    assert not list(tmp_path.iterdir())


def test_options_are_the_sentences_of_the_parser() -> None:
    assert set(simulate.FORMS) == set(KINDS)


def test_simulate_is_the_same_sentence_as_the_library(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = said(capsys, *simulated(
        "--stimulus", "ionomycin 5 uM at 5 min", "--knock-down", "UNC13D=0.2", "--rescue", "UNC13D C2A*",
        "--every", "2 min", "--seed", "4", "-o", str(tmp_path / "run.nc"),
    ))  # fmt: skip
    what = (
        exude.Stimulus("ionomycin", "5 uM", at="5 min"),
        exude.KnockDown("UNC13D", to=0.2),
        exude.Rescue("UNC13D", "C2A*"),
    )
    settings = exude.Settings(every="2 min")
    wanted = exude.simulate("MDA-MB-231", *what, duration="20 min", cells=6, seed=4, settings=settings)
    found = exude.load(tmp_path / "run.nc")
    assert found.data.drop_attrs(deep=False).equals(wanted.data.drop_attrs(deep=False))
    assert found.provenance["fingerprint"] == wanted.provenance["fingerprint"]
    assert "per cell and hour" in out and "6 cells for 20 min, seed 4" in out
    assert not (tmp_path / "run.nc.part").exists()


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_plot(capsys: pytest.CaptureFixture[str], tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"run.{ending}"
    said(capsys, *simulated("--no-events", "--no-spread", "--plot", str(path)))
    assert path.stat().st_size > 5000


def test_stopped_run_resumes_to_the_same_result(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.nc"
    command = ["simulate", "MDA-MB-231", "--duration", "10 min", "--cells", "130", "--threads", "1", "-o", str(path)]
    whole = vesicles.run_chunk

    def stops(job: Any, cells: Any, state: Any = None) -> Any:
        if cells[0] > 0:
            raise KeyboardInterrupt
        return whole(job, cells, state)

    monkeypatch.setattr(vesicles, "run_chunk", stops)
    err = said(capsys, *command, code=130)
    assert "64 of 130" in err and "--resume" in err and not path.exists()
    monkeypatch.setattr(vesicles, "run_chunk", whole)
    assert "another run" in said(capsys, *command, "--resume", "--seed", "9", code=2)
    said(capsys, *command, "--resume")
    straight = exude.simulate("MDA-MB-231", duration="10 min", cells=130, seed=1)
    assert np.array_equal(exude.load(path).exosomes.values, straight.exosomes.values)
    assert not Path(f"{path}.part").exists()


@pytest.mark.parametrize("stop", [Interrupted("stopped."), KeyboardInterrupt()])
def test_a_stop_is_exit_code_130(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, stop: BaseException
) -> None:
    def stops(asked: Any) -> None:
        raise stop

    monkeypatch.setattr(catalogue, "run_list", stops)
    assert "stopped" in said(capsys, "list", "lines", code=130)


@pytest.mark.parametrize("name", ASSAYS)
def test_assay_reads_a_saved_run(capsys: pytest.CaptureFixture[str], run_file: Path, name: str) -> None:
    out = said(capsys, "assay", name, str(run_file))
    assert "reads" in out and len(out.splitlines()) > 4


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = exude.simulate("MDA-MB-231", exude.Stimulus("ionomycin", "5 uM"), duration="30 min", cells=12, seed=1)
    return run.save(tmp_path_factory.mktemp("run") / "run.nc")


def test_assay_refuses_what_is_no_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    (tmp_path / "x.nc").write_text("no run")
    assert "cannot be read" in said(capsys, "assay", "nta", str(tmp_path / "x.nc"), code=2)
    assert "no such file" in said(capsys, "assay", "nta", str(tmp_path / "y.nc"), code=2)


@pytest.fixture
def small_study(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    import exude.experiment.study as home

    asked: dict[str, Any] = {}

    def reproduce(**given: Any) -> studies.SmallStudy:
        asked.update(given)
        given["progress"](1, 2, "wild type")
        return studies.study()

    monkeypatch.setattr(home, "reproduce", reproduce)
    return asked


def test_reproduce_writes_everything(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, small_study: dict[str, Any]
) -> None:
    out = said(
        capsys, "reproduce", "--quick", "--seed", "7", "--threads", "2", "--only", "burst", "--out", str(tmp_path / "a")
    )
    asked = SimpleNamespace(**small_study)
    assert (asked.quick, asked.seed, asked.threads, asked.only) == (True, 7, 2, ("burst",))
    made = {p.name for p in (tmp_path / "a").iterdir()}
    assert made == {"scores.json", "study.json", "panels.json", "figures", "summary.svg", "summary.png", "report.html"}
    assert "exude reproduce --seed 7 --quick" in (tmp_path / "a" / "report.html").read_text(encoding="utf-8")
    for word in ("Calcium raises release", "5 (4 to 6), fold", "4.9 (4.1 to 5.8)", "weak: 93 %", "under c2b-only",
                 "predicted rows agree", "not scored"):  # fmt: skip
        assert word in out, word


def test_reproduce_refuses_a_folder_it_cannot_write(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, small_study: dict[str, Any]
) -> None:
    (tmp_path / "file").write_text("")
    assert "cannot be written" in said(capsys, "reproduce", "--out", str(tmp_path / "file" / "study"), code=2)
    assert not small_study  # refused before anything was computed


def test_fit_says_what_is_fitted(capsys: pytest.CaptureFixture[str]) -> None:
    out = said(capsys, "fit", "--list")
    assert "release-calcium" in out and "half_c2a" in out and "knockdown-abolishes" not in out
