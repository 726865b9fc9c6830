"""Exported files: SBML without a warning, and the same trajectories in libRoadRunner and COPASI as in exude itself."""

from __future__ import annotations

import csv
import io
import random
import re
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exude.cascade import CELL, ENDOSOMES
from exude.catalog import read
from exude.derive.field import network
from exude.derive.network import TOTALS
from exude.derive.sbml import antimony as antimony_text
from exude.derive.sbml import document, extras
from exude.derive.symbols import Symbols
from exude.engine import layout
from exude.errors import DeclarationError, ExudeError, ProtocolError
from exude.experiment import protocol
from exude.experiment.export import Export, Told, export_antimony, export_sbml, tell
from exude.experiment.perturbations import (
    MUTANTS,
    CalciumTrace,
    DominantNegative,
    Drug,
    External,
    KnockDown,
    KnockOut,
    Overexpress,
    Permeabilised,
    Perturbation,
    Rescue,
    Stimulus,
    genes,
)  # fmt: skip
from exude.show.cli import main
from exude.show.omex import export_omex

libsbml = pytest.importorskip("libsbml")

RELATIVE = 1e-6
"""Largest relative difference between a simulator and exude's mean field, at every output."""
FLOOR = 1e-9
"""The same where a curve passes through 0, as a share of its largest value."""
DURATION = "40 min"
IONOMYCIN = Stimulus("ionomycin", "5 uM", at="10 min", until="20 min")
LINES = sorted(read.lines())
RANDOM_SETS = 20
SEED = 20180716

Curves = Mapping[str, Any]
Simulator = Callable[[str, Told, list[str]], Curves]


def in_copasi(text: str, told: Told, wanted: list[str]) -> Curves:
    """Trajectories in COPASI (LSODA)."""
    basico = pytest.importorskip("basico")
    model = basico.load_model_from_string(text)
    try:
        species = set(basico.get_species(model=model).index)
        names = ["Time", *(f"[{s}]" if s in species else f"Values[{s}]" for s in wanted)]
        table = basico.run_time_course_with_output(
            names, duration=told.times[-1], intervals=len(told.times) - 1, method="deterministic",
            r_tol=1e-12, a_tol=1e-14, max_steps=10**6, model=model,
        )  # fmt: skip
        assert table is not None and table.shape == (len(told.times), len(names)), "COPASI gave no full table"
        return dict(zip(["time", *wanted], table.to_numpy().T, strict=True))
    finally:
        basico.remove_datamodel(model)


def in_roadrunner(text: str, told: Told, wanted: list[str]) -> Curves:
    """Trajectories in libRoadRunner (CVODE)."""
    roadrunner = pytest.importorskip("roadrunner")
    config = roadrunner.Config
    config.setValue(config.LLVM_BACKEND, config.LLJIT)  # compiles nested rules eight times faster than the default
    runner = roadrunner.RoadRunner(text)
    integrator = runner.getIntegrator()
    integrator.setValue("relative_tolerance", 1e-12)
    integrator.setValue("absolute_tolerance", 1e-14)
    integrator.setValue("maximum_num_steps", 10**6)
    table = np.array(runner.simulate(0, told.times[-1], len(told.times), ["time", *wanted]))
    return dict(zip(["time", *wanted], table.T, strict=True))


def assert_follows(text: str, told: Told, simulator: Simulator) -> float:
    """The file's trajectories are those of exude's mean field; the largest relative difference."""
    left_out = set(told.story.network.symbols.traces) - set(told.story.network.traces)
    wanted = [symbol for symbol in told.curves if symbol not in left_out]
    assert len(wanted) > 15
    found = simulator(text, told, wanted)
    assert np.allclose(found["time"], told.times, rtol=1e-12)
    worst = {}
    before = np.isin(
        told.times, [change.time for change in told.story.changes]
    )  # exude's read-outs are those before it
    for symbol in wanted:
        expected, kept = told.curves[symbol], ~before if symbol in CELL.readouts else slice(None)
        off = np.abs(found[symbol] - expected) / (np.abs(expected) + FLOOR / RELATIVE * np.abs(expected).max() + 1e-300)
        worst[symbol] = float(off[kept].max())
    wrong = {symbol: f"{off:.1e}" for symbol, off in worst.items() if not off <= RELATIVE}
    assert not wrong, f"off by more than {RELATIVE:g}: {wrong}"
    return max(worst.values())


def check(line: str, *what: Perturbation, how: Export, simulators: tuple[Simulator, ...]) -> None:
    told = tell(line, *what, duration=DURATION, how=how)
    text = document.write(told.story)
    for simulator in simulators:
        assert_follows(text, told, simulator)


def random_set(number: int, folder: Path) -> tuple[str, list[Perturbation], Export]:
    """A line, perturbations and growth states, drawn; mechanisms in turn."""
    draw = random.Random(SEED + number)
    what: list[Perturbation] = []
    for gene in draw.sample([g for g in genes() if g != "UNC13D"], draw.randint(0, 3)):
        what.append(draw.choice([KnockDown(gene, draw.uniform(0, 1)), KnockOut(gene), Overexpress(gene, draw.uniform(1, 5))]))  # fmt: skip
    if draw.random() < 0.4:
        mutant = draw.choice(["", *MUTANTS["UNC13D"]])
        what += [KnockDown("UNC13D", draw.uniform(0, 0.3)), Rescue("UNC13D", mutant, draw.uniform(0.5, 3))]
    if draw.random() < 0.2:
        what.append(DominantNegative("RAB11A"))
    for name in draw.sample(sorted(read.drugs()), draw.randint(0, 3)):
        start = draw.randint(0, 25)
        until = f"{start + draw.randint(1, 14)} min" if draw.random() < 0.6 else ""
        kind = Stimulus if read.drug(name).kind == "stimulus" else Drug
        what.append(kind(name, read.drug(name).usual_dose, at=f"{start} min", until=until))
    last = draw.choice(["none", "external", "permeabilised", "curve"])
    if last == "external":
        what.append(External(f"{draw.uniform(0, 3):.3f} mM", at="7 min", until="31 min"))
    elif last == "permeabilised":
        what.append(Permeabilised("0.8 uM", cytosol=draw.uniform(0.2, 1), at="12 min"))
    elif last == "curve":
        what.append(CalciumTrace(str(curve(folder, draw))))
    hypothesis = CELL.hypotheses[number % len(CELL.hypotheses)].name
    return draw.choice(LINES), what, Export(growth_states=draw.choice([1, 1, 2, 3]), hypothesis=hypothesis)


def curve(folder: Path, draw: random.Random) -> Path:
    """A calcium curve with points before, between and at outputs."""
    path = folder / "curve.csv"
    times = sorted({-300, 0, 600, *(draw.uniform(-600, 3000) for _ in range(6))})
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["time_s", "calcium_uM"])
        rows.writerows([t, draw.uniform(0.05, 1.5)] for t in times)
    return path


# ----------------------------------------------------------------------------- trajectories


@pytest.mark.parametrize("states", [1, 3, 32])
def test_copasi_follows(states: int) -> None:
    check("MDA-MB-231", IONOMYCIN, KnockDown("UNC13D", to=0.5), how=Export(states), simulators=(in_copasi,))


def test_roadrunner_follows() -> None:
    check("MCF-7", IONOMYCIN, how=Export(1), simulators=(in_roadrunner,))


def test_default_growth_states_follow() -> None:
    """The default file, in the quicker of the two simulators."""
    check("MDA-MB-231", Drug("BAPTA-AM", "10 uM", at="5 min"), how=Export(), simulators=(in_copasi,))


def test_given_curve_follows(tmp_path: Path) -> None:
    path = curve(tmp_path, random.Random(SEED))
    check("MDA-MB-231", CalciumTrace(str(path)), how=Export(2), simulators=(in_copasi,))


def test_curve_with_a_jump_follows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two points at one time are a jump."""
    times, values = np.array([0.0, 600.0, 600.0, 1500.0]), np.array([0.1, 0.2, 1.0, 0.3])
    monkeypatch.setattr(protocol, "given_curve", lambda *_: (times, values))
    check("MDA-MB-231", CalciumTrace("made.csv"), how=Export(1), simulators=(in_copasi,))


@pytest.mark.proof
@pytest.mark.parametrize("line", LINES)
def test_every_line_follows(line: str) -> None:
    check(line, IONOMYCIN, how=Export(2), simulators=(in_copasi, in_roadrunner))


@pytest.mark.proof
@pytest.mark.parametrize("number", range(RANDOM_SETS))
def test_random_perturbations_follow(number: int, tmp_path: Path) -> None:
    line, what, how = random_set(number, tmp_path)
    check(line, *what, how=how, simulators=(in_copasi, in_roadrunner))


def test_random_sets_cover_everything(tmp_path: Path) -> None:
    drawn = [random_set(i, tmp_path) for i in range(RANDOM_SETS)]
    assert {type(w) for _, what, _ in drawn for w in what} == {
        KnockDown, KnockOut, Overexpress, DominantNegative, Rescue, Drug, Stimulus, External, Permeabilised, CalciumTrace,
    }  # fmt: skip
    assert {how.hypothesis for _, _, how in drawn} == {h.name for h in CELL.hypotheses}


@pytest.mark.parametrize(
    "fault",
    [
        lambda text: text.replace("> 1200 </cn>", "> 1200.01 </cn>"),
        lambda text: re.sub(r'(id="k_bud" value=")', r"\g<1>1.00001*", text),
        lambda text: text.replace("<ci> k_undock </ci>", "<ci> k_deprime </ci>", 1),
    ],
    ids=["event 10 ms late", "a number off by 1e-5", "a wrong rate"],
)
def test_a_planted_fault_is_seen(fault: Callable[[str], str]) -> None:
    told = tell("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(1))
    text = document.write(told.story)
    broken = re.sub(r'"1\.00001\*([^"]+)"', lambda m: f'"{1.00001 * float(m[1])!r}"', fault(text))
    assert broken != text
    with pytest.raises(AssertionError, match="off by more than"):
        assert_follows(broken, told, in_copasi)


# ----------------------------------------------------------------------------- the document


def complaints(text: str) -> list[str]:
    """Everything libSBML's checks say, all categories on."""
    found = libsbml.readSBMLFromString(text)
    for category in (
        libsbml.LIBSBML_CAT_GENERAL_CONSISTENCY, libsbml.LIBSBML_CAT_IDENTIFIER_CONSISTENCY,
        libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, libsbml.LIBSBML_CAT_MATHML_CONSISTENCY,
        libsbml.LIBSBML_CAT_SBO_CONSISTENCY, libsbml.LIBSBML_CAT_OVERDETERMINED_MODEL,
        libsbml.LIBSBML_CAT_MODELING_PRACTICE,
    ):  # fmt: skip
        found.setConsistencyChecks(category, True)
    found.checkConsistency()
    found.validateSBML()
    return [found.getError(i).getMessage() for i in range(found.getNumErrors())]


@pytest.mark.parametrize("states", [1, 3])
def test_libsbml_finds_nothing_to_say(states: int) -> None:
    assert complaints(export_sbml("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(states))) == []


def test_a_given_curve_is_clean_too(tmp_path: Path) -> None:
    path = curve(tmp_path, random.Random(1))
    assert complaints(export_sbml("T98G", CalciumTrace(str(path)), duration=DURATION, how=Export(1))) == []


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ('id="k_bud" value="([^"]+)" units="per_second"', r'id="k_bud" value="\1" units="second"'),
        ("<ci> k_undock </ci>", "<ci> k_nobody </ci>"),
        ('sboTerm="SBO:0000290"', 'sboTerm="SBO:0000009"'),
    ],
)
def test_a_faulty_document_is_seen(right: str, wrong: str) -> None:
    text = export_sbml("MDA-MB-231", duration=DURATION, how=Export(1))
    broken = re.sub(right, wrong, text, count=1)
    assert broken != text and complaints(broken)


def test_the_same_experiment_gives_the_same_bytes() -> None:
    for export in (export_sbml, export_antimony, export_omex):
        one, two = (export("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(1)) for _ in range(2))
        assert one == two


def test_every_symbol_has_a_unit_and_every_number_its_origin() -> None:
    model = libsbml.readSBMLFromString(export_sbml("MDA-MB-231", duration=DURATION, how=Export(1))).getModel()
    parameters = [model.getParameter(i) for i in range(model.getNumParameters())]
    assert len(parameters) > 150
    assert [p.getId() for p in parameters if not p.isSetUnits() or not p.isSetSBOTerm()] == []
    numbers = [p for p in parameters if p.getId() in read.parameters()]
    assert len(numbers) > 80
    for p in numbers:
        assert f"Status: {read.parameter(p.getId()).status}" in p.getNotesString(), p.getId()
        assert p.getValue() == pytest.approx(read.value(p.getId()), rel=1e-14)


def test_a_changed_number_does_not_borrow_its_source() -> None:
    how = Export(1)
    how = replace(how, numbers=how.numbers.but(k_leak=0.02))
    model = libsbml.readSBMLFromString(export_sbml("MDA-MB-231", duration=DURATION, how=how)).getModel()
    notes = model.getParameter("k_leak").getNotesString()
    assert "Set for this file" in notes and "Source" not in notes


def test_every_gene_line_and_the_paper_are_annotated() -> None:
    text = export_sbml("SW620", IONOMYCIN, duration=DURATION, how=Export(1))
    model = libsbml.readSBMLFromString(text).getModel()
    levels = [level.symbol for level in CELL.levels if level.symbol.isupper()]
    used = [s for s in levels if model.getParameter(s) is not None]
    assert len(used) > 20
    assert [s for s in used if model.getParameter(s).getNumCVTerms() == 0] == []
    doi = read.references()["Messenger2018"]["doi"]
    for term in ("cellosaurus:CVCL_0547", "taxonomy:9606", f"doi:{doi}", "CHEBI:63954", "CHEBI:29108", "GO:0070062"):
        assert f"https://identifiers.org/{term}" in text, term


def test_identifiers_name_things_that_exist() -> None:
    known = read.identifiers()
    assert set(genes()) <= known.keys() and set(read.lines()) <= known.keys()
    compounds = {key for key, identity in known.items() if identity.kind == "compound"}
    symbols = {s.symbol for s in (*CELL.levels, *CELL.traces)}
    assert compounds <= {*read.drugs(), *symbols}
    terms = [term for key, identity in known.items() if identity.kind == "line" for term in identity.terms]
    assert len(set(terms)) == len(terms) == len(read.lines())
    assert f"doi:{read.references()['Messenger2018']['doi']}" in known["study"].terms


def test_notes_say_closures_error_and_provenance() -> None:
    how = Export(2, hypothesis="c2b-only")
    notes = (
        libsbml.readSBMLFromString(export_sbml("A549", IONOMYCIN, duration=DURATION, how=how))
        .getModel()
        .getNotesString()
    )
    for words in ("growth states: 2", "c2b-only", "A549", "ionomycin", "Measured for this protocol", "pairs", "bursts"):
        assert words.replace("pairs", "independent") in notes, words


def test_names_are_those_of_the_engine() -> None:
    assert tuple(TOTALS) == layout.TOTALS


def test_more_growth_states_come_nearer() -> None:
    """8 growth states are within 3 % of 64, 32 within 1e-4; one is far off: the default is no luck."""
    errors = {}
    for states in (1, 8, 32):
        (said,) = tell("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(states)).story.about.notes
        errors[states] = max(abs(float(x)) for x in re.findall(r"[+-]\d\S*\d", said.split(":", 1)[1]))
    assert errors[32] < 1e-4 < errors[8] < 0.03 < errors[1]


# ----------------------------------------------------------------------------- Antimony, OMEX, command line


def test_antimony_reads_back_as_the_same_model() -> None:
    antimony = pytest.importorskip("antimony")
    what = (IONOMYCIN, KnockDown("UNC13D", to=0.5))
    told = tell("MDA-MB-231", *what, duration=DURATION, how=None, states=1)
    text = export_antimony("MDA-MB-231", *what, duration=DURATION)
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    assert_follows(antimony.getSBMLString(antimony.getMainModuleName()), told, in_copasi)


def test_antimony_is_for_people() -> None:
    text = export_antimony("MDA-MB-231", duration=DURATION)
    assert "->" not in text
    assert "// Calcium" in text and "(fitted)" in text and "assumed" in text and "doi:" in text
    told = tell("MDA-MB-231", duration=DURATION, how=None, states=1)
    for symbol in told.story.network.parameters:
        assert re.search(rf"const {symbol} = .*{symbol} has \w+;", text), symbol


def test_antimony_text_that_antimony_refuses_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("antimony")
    monkeypatch.setattr(antimony_text._Text, "text", lambda self: "model exude() A => ")
    with pytest.raises(DeclarationError, match="Antimony refuses"):
        export_antimony("MDA-MB-231", duration=DURATION)


def test_archive_reads_back(tmp_path: Path) -> None:
    libcombine = pytest.importorskip("libcombine")
    path = tmp_path / "run.omex"
    data = export_omex("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(1))
    path.write_bytes(data)
    archive = libcombine.CombineArchive()
    assert archive.initializeFromArchive(str(path))
    assert archive.getMasterFile().getLocation() == "./simulation.sedml"
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        assert parts.testzip() is None
        model, plan, figure = (parts.read(name) for name in ("model.xml", "simulation.sedml", "figure.png"))
    assert complaints(model.decode()) == []
    assert figure.startswith(b"\x89PNG")
    phrasedml = pytest.importorskip("phrasedml")
    (tmp_path / "model.xml").write_bytes(model)
    phrasedml.setWorkingDirectory(str(tmp_path))
    said = phrasedml.convertString(plan.decode())
    assert said is not None, phrasedml.getLastError()
    assert "simulate uniform(0, 2400" in said and 'plot "Exosomes" time vs exosomes, exosomal_cargo' in said


def test_every_target_of_the_plan_is_in_the_model() -> None:
    """Each XPath of the SED-ML file finds its element."""
    from xml.etree import ElementTree as ET

    data = export_omex("MDA-MB-231", duration=DURATION, how=Export(1))
    with zipfile.ZipFile(io.BytesIO(data)) as parts:
        model, plan = (ET.fromstring(parts.read(name)) for name in ("model.xml", "simulation.sedml"))
    targets = [v.get("target") for v in plan.iter() if v.get("target")]
    assert len(targets) > 6
    for target in targets:
        inside = target.removeprefix("/sbml:sbml/")
        assert model.find(inside, {"sbml": "http://www.sbml.org/sbml/level3/version2/core"}) is not None, target


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


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", missing)
    with pytest.raises(ExudeError, match=re.escape("pip install 'exude[sbml]'")):
        export_sbml("MDA-MB-231", duration=DURATION)


# ----------------------------------------------------------------------------- other cells


def test_a_gate_outside_the_resolved_stage_is_refused() -> None:
    cycle = ENDOSOMES.life_cycle
    moved = tuple(replace(t, gate="hill(growth, half_mature, 1)") if t.name == "transport" else t for t in cycle.transitions)  # fmt: skip
    chapter = replace(ENDOSOMES, life_cycle=replace(cycle, transitions=moved))
    cell = replace(CELL, chapters=tuple(chapter if c is ENDOSOMES else c for c in CELL.chapters))
    units = {name: number.unit for name, number in read.parameters().items()}
    with pytest.raises(DeclarationError, match="gates on the resolved stage 'immature'"):
        network(Symbols(cell, units))


def test_a_cell_without_membrane_counts_vesicles_only() -> None:
    chapter = replace(ENDOSOMES, life_cycle=replace(ENDOSOMES.life_cycle, membrane=None))
    cell = replace(CELL, chapters=tuple(chapter if c is ENDOSOMES else c for c in CELL.chapters))
    net = network(Symbols(cell, {name: number.unit for name, number in read.parameters().items()}), growth_states=2)
    assert {p.holds for p in net.pools} == {"vesicles", "growth_total", "total"}
    assert "exosomes" not in {p.symbol for p in net.pools}


def test_nothing_after_the_end() -> None:
    with pytest.raises(ProtocolError, match="starts after the end"):
        export_sbml("MDA-MB-231", Stimulus("ionomycin", "5 uM", at="3 h"), duration="2 h")
