"""Exported files run in libRoadRunner, COPASI: expectations as exude's own to 1e-6, whole numbers by the exact law.

Deterministic: CVODE (libRoadRunner) and LSODA (COPASI), relative tolerance 1e-12, absolute 1e-14. Stochastic: COPASI's
direct method on the common problem; `common.judge` makes a false alarm with probability 1e-3 per table, and seeds are
fixed, so that what passes once passes always.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import common
import coupled
import exude
from common import Problem, Truth
from exude.cascade import CELL
from exude.catalog import read
from exude.derive.sbml import antimony as antimony_text
from exude.derive.sbml import document
from exude.experiment import protocol
from exude.experiment.export import Export, Told, export_antimony, tell, tell_model
from exude.experiment.perturbations import (
    MUTANTS,
    CalciumModel,
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
MODEL = Path(__file__).parent.parent / "examples" / "calcium" / "goldbeter1990.xml"

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


def compared(told: Told) -> list[str]:
    """Everything that a run records, but for traces that a given curve leaves without a reader."""
    left_out = set(told.story.network.symbols.traces) - set(told.story.network.traces)
    return [symbol for symbol in told.curves if symbol not in left_out]


def assert_follows(text: str, told: Told, simulator: Simulator) -> Curves:
    """The file's trajectories are those of exude's mean field at tight tolerances; what the simulator gave."""
    wanted = compared(told)
    assert len(wanted) > 15
    found = simulator(text, told, wanted)
    assert np.allclose(found["time"], told.times, rtol=1e-12)
    worst = {}
    # At the time of a change exude records a read-out as it was before, a simulator as it is after.
    before = np.isin(told.times, [change.time for change in told.story.changes])
    for symbol in wanted:
        expected, kept = told.curves[symbol], ~before if symbol in CELL.readouts else slice(None)
        off = np.abs(found[symbol] - expected) / (np.abs(expected) + FLOOR / RELATIVE * np.abs(expected).max() + 1e-300)
        worst[symbol] = float(off[kept].max())
    wrong = {symbol: f"{off:.1e}" for symbol, off in worst.items() if not off <= RELATIVE}
    assert not wrong, f"off by more than {RELATIVE:g}: {wrong}"
    return found


def assert_expected(line: str, what: tuple[Perturbation, ...], how: Export, told: Told, found: Curves) -> None:
    """The same against `exude.expect` as a user calls it, relative to the largest value of each variable."""
    run = exude.expect(
        line, *what, duration=DURATION, settings=exude.Settings(hypothesis=how.hypothesis, numbers=how.numbers),
        growth_states=told.story.network.growth_states,
    )  # fmt: skip
    before = np.isin(told.times, [change.time for change in told.story.changes])
    for symbol in compared(told):
        own = run[symbol] if symbol in run else run.stage_count.sel(stage=symbol.removeprefix("n_"))
        kept = ~before if symbol in CELL.readouts else slice(None)
        off = np.abs(found[symbol] - own.values)[kept].max()
        assert off <= RELATIVE * np.abs(own.values).max(), f"{symbol} is off by {off:.1e}"


def check(line: str, *what: Perturbation, how: Export, simulators: tuple[Simulator, ...]) -> None:
    told = tell(line, *what, duration=DURATION, how=how)
    text = document.write(told.story)
    for simulator in simulators:
        assert_expected(line, what, how, told, assert_follows(text, told, simulator))


def random_set(number: int, folder: Path) -> tuple[str, list[Perturbation], Export]:
    """A line, perturbations and growth states, drawn from the registries; mechanisms in turn."""
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


# ----------------------------------------------------------------------------- expectations


def test_copasi_follows() -> None:
    check("MDA-MB-231", IONOMYCIN, KnockDown("UNC13D", to=0.5), how=Export(3), simulators=(in_copasi,))


def test_roadrunner_follows() -> None:
    check("MCF-7", IONOMYCIN, how=Export(1), simulators=(in_roadrunner,))


def test_default_growth_states_follow() -> None:
    """The default file, in the quicker of the two simulators."""
    check("MDA-MB-231", Drug("BAPTA-AM", "10 uM", at="5 min"), how=Export(), simulators=(in_copasi,))


def test_given_curve_follows(tmp_path: Path) -> None:
    path = curve(tmp_path, random.Random(SEED))
    check("MDA-MB-231", CalciumTrace(str(path)), how=Export(2), simulators=(in_copasi,))


@pytest.mark.parametrize("last", [0.3, 1.0], ids=["jumps and slopes", "jumps alone"])
def test_curve_with_a_jump_follows(last: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two points at one time are a jump; where a curve only jumps there is no slope."""
    times, values = np.array([0.0, 600.0, 600.0, 1500.0]), np.array([0.2, 0.2, 1.0, last])
    monkeypatch.setattr(protocol, "given_curve", lambda *_: (times, values))
    check("MDA-MB-231", CalciumTrace("made.csv"), how=Export(1), simulators=(in_copasi,))
    story = tell("MDA-MB-231", CalciumTrace("made.csv"), duration=DURATION, how=Export(1)).story
    assert (story.slope is None) == (last == 1.0)
    assert len(story.changes) == (1 if last == 1.0 else 2)


def test_antimony_reads_back_to_the_same_trajectories() -> None:
    antimony = pytest.importorskip("antimony")
    what = (IONOMYCIN, KnockDown("UNC13D", to=0.5))
    told = tell("MDA-MB-231", *what, duration=DURATION, how=None, states=1)
    text = export_antimony("MDA-MB-231", *what, duration=DURATION)
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(text) >= 0, antimony.getLastError()
    assert_follows(antimony.getSBMLString(antimony.getMainModuleName()), told, in_copasi)


@pytest.mark.proof
@pytest.mark.parametrize("line", LINES)
def test_every_line_follows(line: str) -> None:
    check(line, IONOMYCIN, how=Export(2), simulators=(in_copasi, in_roadrunner))


@pytest.mark.proof
@pytest.mark.parametrize("number", range(RANDOM_SETS))
def test_random_perturbations_follow(number: int, tmp_path: Path) -> None:
    line, what, how = random_set(number, tmp_path)
    check(line, *what, how=how, simulators=(in_copasi, in_roadrunner))


@pytest.mark.proof
@pytest.mark.parametrize("number", range(3))
def test_antimony_of_random_perturbations_reads_back(number: int, tmp_path: Path) -> None:
    """Text of several growth states, events, mutants: long formulas go on in the next line."""
    antimony = pytest.importorskip("antimony")
    line, what, _ = random_set(number, tmp_path)
    told = tell(line, *what, duration=DURATION, how=Export(4))
    antimony.clearPreviousLoads()
    assert antimony.loadAntimonyString(antimony_text.write(told.story)) >= 0, antimony.getLastError()
    assert_follows(antimony.getSBMLString("exude"), told, in_copasi)


@pytest.mark.proof
def test_many_growth_states_follow() -> None:
    check("MDA-MB-231", IONOMYCIN, KnockDown("UNC13D", to=0.5), how=Export(32), simulators=(in_copasi,))


@pytest.mark.proof
def test_calcium_of_another_model_follows() -> None:
    """A curve of many points: an event for each."""
    pytest.importorskip("roadrunner")
    told = tell("MDA-MB-231", CalciumModel(str(MODEL)), duration="20 s", how=Export(1))
    assert len(told.story.changes) > 100
    assert_follows(document.write(told.story), told, in_copasi)


def test_random_sets_cover_everything(tmp_path: Path) -> None:
    assert len(LINES) >= 15 and len(genes()) > 20 and len(read.drugs()) > 10 and MUTANTS["UNC13D"]
    drawn = [random_set(i, tmp_path) for i in range(RANDOM_SETS)]
    kinds = set(Perturbation.__args__) - {CalciumModel}  # a model's curve has a proof of its own
    assert {type(w) for _, what, _ in drawn for w in what} == kinds
    assert {how.hypothesis for _, _, how in drawn} == {h.name for h in CELL.hypotheses}


# ----------------------------------------------------------------------------- planted faults


@cache
def reference() -> tuple[Told, str]:
    told = tell("MDA-MB-231", IONOMYCIN, duration=DURATION, how=Export(1))
    return told, document.write(told.story)


def per_minute(model: Any) -> None:
    """A rate constant typed per minute where the file counts seconds."""
    model.getParameter("k_undock").setValue(60 * model.getParameter("k_undock").getValue())


def no_end(model: Any) -> None:
    """The event that takes the stimulus away is missing."""
    model.removeEvent("change_2")


def wrong_sign(model: Any) -> None:
    """Back-fusion makes ILVs in docked MVBs."""
    rule = model.getRateRule("birth_ilvs_docked")
    formula = libsbml.formulaToL3String(rule.getMath())
    assert "- k_back" in formula
    rule.setMath(libsbml.parseL3Formula(formula.replace("- k_back", "+ k_back")))


def late_event(model: Any) -> None:
    """The stimulus begins 10 ms late."""
    model.getEvent(0).getTrigger().setMath(libsbml.parseL3Formula("time >= 600.01 second"))


def slightly_off(model: Any) -> None:
    """A number is off by 1e-5."""
    model.getParameter("k_bud").setValue((1 + 1e-5) * model.getParameter("k_bud").getValue())


def other_rate(model: Any) -> None:
    """One transition runs at another's rate."""
    model.getReaction("undocking").getKineticLaw().setMath(libsbml.parseL3Formula("k_deprime * n_docked"))


def lost_product(model: Any) -> None:
    """Primed MVBs vanish when they are primed."""
    model.getReaction("priming").removeProduct("n_primed")


FAULTS = (per_minute, no_end, wrong_sign, late_event, slightly_off, other_rate, lost_product)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__doc__.rstrip("."))
def test_a_planted_fault_is_seen(fault: Callable[[Any], None]) -> None:
    told, text = reference()
    broken = libsbml.readSBMLFromString(text)
    fault(broken.getModel())
    written = libsbml.writeSBMLToString(broken)
    assert written != libsbml.writeSBMLToString(libsbml.readSBMLFromString(text))
    with pytest.raises(AssertionError, match="off by more than"):
        assert_follows(written, told, in_copasi)


# ----------------------------------------------------------------------------- whole numbers


COUNTED = ("n_immature", "n_mature", "n_docked", "n_primed", "fusions")
"""I, M, D, P, X of the common problem in an exported file."""
LATE = Problem("calcium falls 10 min late", calcium=((0.0, 0.1), (600.0, 1.0), (730.0, 0.1)))


def exported(problem: Problem) -> Told:
    """The common problem through the exporter, from its declaration; two points of calcium at one time are a jump."""
    points = [(0.0, problem.calcium[0][1])]
    for (_, before), (at, after) in zip(problem.calcium, problem.calcium[1:], strict=False):
        points += [(at, before), (at, after)]
    curve = [(f"{at} min", f"{value} uM") for at, value in points]
    return tell_model(common.declaration(problem), common.numbers(problem), curve, "1440 min", "10 min")


def counts(problem: Problem, cells: int) -> common.Floats:
    """(cell, 145, 5) by COPASI's direct method."""
    basico, copasi = pytest.importorskip("basico"), pytest.importorskip("COPASI")
    model = basico.load_model_from_string(document.write(exported(problem).story))
    basico.run_time_course(86_400, 144, method="directMethod", model=model, use_numbers=True, update_model=False)
    task = model.getTask("Time-Course")
    titles = [task.getTimeSeries().getTitle(i) for i in range(task.getTimeSeries().getNumVariables())]
    columns, method, found = [titles.index(s) for s in COUNTED], task.getMethod(), []
    method.getParameter("Use Random Seed").setBoolValue(True)
    for cell in range(cells):
        method.getParameter("Random Seed").setUIntValue(SEED + cell)
        assert task.initializeRaw(copasi.CCopasiTask.OUTPUT_UI) and task.processRaw(True), "COPASI refused to run"
        rows = task.getTimeSeries()
        found.append([[rows.getData(i, j) for j in columns] for i in range(rows.getRecordedSteps())])
    basico.remove_datamodel(model)
    return np.array(found)


def test_an_exported_declaration_is_the_exact_mean() -> None:
    """Every reaction of the independent form is first order: its mean field is exact, here and in another program."""
    told = exported(common.INDEPENDENT)
    exact = common.exact_mean(common.INDEPENDENT)
    there = in_copasi(document.write(told.story), told, list(COUNTED))
    for i, symbol in enumerate(COUNTED):
        limit = RELATIVE * exact[:, i].max()
        assert np.abs(told.curves[symbol] - exact[:, i]).max() < limit
        assert np.abs(there[symbol] - exact[:, i]).max() < limit


def test_whole_numbers_are_right_in_law() -> None:
    """Mean and variance of the coupled form in COPASI against its master equation; two planted faults are seen."""
    found = counts(common.COUPLED_60, 200)
    assert np.array_equal(found, np.round(found))
    verdict = common.judge(found, coupled.truth(common.COUPLED_60))
    assert verdict.right, verdict
    assert not common.judge(found, coupled.truth(common.COUPLED_30)).right, "half of the docking sites"
    assert not common.judge(found, common.poisson_truth(common.INDEPENDENT)).right, "no limit of docking sites"


LAWS = ((common.INDEPENDENT, common.poisson_truth), (common.COUPLED_60, coupled.truth), (common.COUPLED_30, coupled.truth))  # fmt: skip


@pytest.mark.proof
@pytest.mark.parametrize(("problem", "law"), LAWS, ids=[problem.name for problem, _ in LAWS])
def test_many_cells_are_right_in_law(problem: Problem, law: Callable[[Problem], Truth]) -> None:
    verdict = common.judge(counts(problem, 2000), law(problem))
    assert verdict.right, verdict


@pytest.mark.proof
def test_an_event_10_min_late_is_seen_in_whole_numbers() -> None:
    assert not common.judge(counts(LATE, 300), common.poisson_truth(common.INDEPENDENT)).right
