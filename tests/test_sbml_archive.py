"""COMBINE archives, read by the programs they are for, and the command line of every export."""

from __future__ import annotations

import io
import zipfile
from functools import cache
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from exude.cli.main import main
from exude.derive.sbml import extras
from exude.errors import ExudeError
from exude.experiment.export import Export, export_antimony, export_sbml, tell
from exude.experiment.perturbations import Stimulus
from exude.show.omex import PANELS, export_omex, figure
from test_sbml import complaints

pytest.importorskip("libsbml")

DURATION = "40 min"
IONOMYCIN = Stimulus("ionomycin", "5 uM", at="10 min", until="20 min")


@cache
def archive() -> bytes:
    return export_omex("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(1))


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    """The archive's files in a folder."""
    with zipfile.ZipFile(io.BytesIO(archive())) as packed:
        assert packed.testzip() is None
        packed.extractall(tmp_path)
    return tmp_path


def test_the_same_experiment_gives_the_same_bytes() -> None:
    assert export_omex("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(1)) == archive()


def test_archive_reads_back(tmp_path: Path) -> None:
    libcombine = pytest.importorskip("libcombine")
    path = tmp_path / "run.omex"
    path.write_bytes(archive())
    found = libcombine.CombineArchive()
    assert found.initializeFromArchive(str(path))
    assert found.getMasterFile().getLocation() == "./simulation.sedml"


def test_files_of_an_archive_are_what_they_claim(parts: Path) -> None:
    assert complaints((parts / "model.xml").read_text(encoding="utf-8")) == []
    assert (parts / "figure.png").read_bytes().startswith(b"\x89PNG")
    listed = {c.get("location") for c in ET.parse(parts / "manifest.xml").getroot()}
    assert listed == {".", *(f"./{p.name}" for p in parts.iterdir())}


def test_copasi_runs_the_plan(parts: Path) -> None:
    """COPASI reads time course, tolerances and plots from the SED-ML alone, and gets exude's numbers."""
    basico, copasi = pytest.importorskip("basico"), pytest.importorskip("COPASI")
    told = tell("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(1))
    model = copasi.CRootContainer.addDatamodel()
    assert model.importSEDML(str(parts / "simulation.sedml"))
    try:
        plots = basico.get_plots(model=model)
        assert [len(c) for c in plots["curves"]] == [len(symbols) for _, _, symbols in PANELS]
        table = basico.run_time_course(model=model, use_sbml_id=True)
        assert table.index[-1] == told.times[-1] == 2400 and len(table) > 400
        for symbol in ("fusions", "exosomes", "n_primed"):
            assert table[symbol].iloc[-1] == pytest.approx(told.curves[symbol][-1], rel=1e-5)
    finally:
        basico.remove_datamodel(model)


def test_phrasedml_reads_the_plan(parts: Path) -> None:
    phrasedml = pytest.importorskip("phrasedml")
    phrasedml.setWorkingDirectory(str(parts))
    said = phrasedml.convertString((parts / "simulation.sedml").read_text(encoding="utf-8"))
    assert said is not None, phrasedml.getLastError()
    assert "simulate uniform(0, 2400" in said and 'plot "Exosomes" time vs exosomes, exosomal_cargo' in said


def test_every_target_of_the_plan_is_in_the_model(parts: Path) -> None:
    """Each XPath of the SED-ML file finds its element."""
    model, plan = (ET.parse(parts / name).getroot() for name in ("model.xml", "simulation.sedml"))
    targets = [v.get("target", "") for v in plan.iter() if v.get("target")]
    assert len(targets) == sum(len(symbols) for _, _, symbols in PANELS)
    for target in targets:
        inside = target.removeprefix("/sbml:sbml/")
        assert model.find(inside, {"sbml": "http://www.sbml.org/sbml/level3/version2/core"}) is not None, target


def test_the_figure_shows_every_curve_and_when_something_is_done() -> None:
    told = tell("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(1))
    axes = figure(told).axes
    assert len(axes) == len(PANELS)
    for panel, (title, _, symbols) in zip(axes, PANELS, strict=True):
        assert panel.get_title() == title
        assert len(panel.get_lines()) == len(symbols) + len(told.story.changes)


# ----------------------------------------------------------------------------- command line


@pytest.mark.parametrize("kind", ["sbml", "antimony", "omex"])
def test_command_writes_a_file(kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "out"
    given = ["export", kind, "MDA-MB-231", "--stimulus", "ionomycin 5 uM at 5 min", "--growth-states", "1"]
    assert main([*given, "--duration", "20 min", "-o", str(path)]) == 0
    assert path.stat().st_size > 10_000 and "written" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["MDA-MB-231", "-o", "nowhere/out.xml"], "mkdir"),
        (["MDA-MB-231", "-o", "."], "is a folder"),
        (["MDA-MB-232", "-o", "out.xml"], "did you mean 'MDA-MB-231'"),
        (["MDA-MB-231", "--stimulus", "ionomicin 5 uM at 5 min", "-o", "out.xml"], "did you mean 'ionomycin'"),
        (["MDA-MB-231", "--knock-down", "UNC13=0.2", "-o", "out.xml"], "did you mean 'UNC13"),
        (["MDA-MB-231", "--stimulus", "ionomycin 5 uM at 3 h", "-o", "out.xml"], "starts after the end"),
        (["MDA-MB-231", "--hypothesis", "c2c-only", "-o", "out.xml"], "did you mean 'c2"),
        (["MDA-MB-231", "--growth-states", "-1", "-o", "out.xml"], "growth states from 1 to 64"),
        (["MDA-MB-231", "--duration", "0 min", "-o", "out.xml"], "longer than 0"),
    ],
)
def test_command_refuses_in_one_line(
    given: list[str], words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", "sbml", *given]) == 2
    said = capsys.readouterr().err
    assert words in said and said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["export", "--help"])
    assert "examples:\n  exude export sbml" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("export", "package"),
    [(export_sbml, "python-libsbml"), (export_antimony, "antimony"), (export_omex, "python-libsbml")],
)
def test_a_missing_package_says_what_to_install(export: Any, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(ExudeError, match=rf"no package {package}.*pip install 'exude\[sbml\]'"):
        export("MDA-MB-231", duration=DURATION)
