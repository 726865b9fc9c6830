"""The study: every statement has a row, verdicts follow the rules in the evidence, hold-outs are never fitted."""

import math

import numba
import numpy as np
import pytest

from exude.cascade import CELL
from exude.catalog import read
from exude.derive.evaluate import evaluate
from exude.engine import build
from exude.errors import Interrupted, UnknownName
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import cell_symbols, round_step
from exude.experiment.study import ensemble, reproduce
from exude.experiment.study import run as study_run
from exude.experiment.study.anchor import anchored, calcium_at_rest_and_peak, load
from exude.experiment.study.cultures import cultures
from exude.experiment.study.questions import Question, questions
from exude.experiment.study.score import judge, passes, row
from exude.fit import draws, population

STATEMENTS = {
    "release-calcium", "knockdown-abolishes", "mutants-no-rescue", "wild-type-rescues", "knockdown-lowers-release",
    "imaging", "mvb-size", "rab11", "mt1-mmp", "aggressiveness", "burst", "basal", "signal-duration", "chelation",
    "recruitment",
}  # fmt: skip
MAY_BE_FITTED = {"release-calcium", "burst", "basal", "signal-duration", "recruitment"}
TINY = study_run.Size(point_cells=24, draw_cells=8, draws=2)


@pytest.fixture(scope="module")
def tiny():
    patch = pytest.MonkeyPatch()
    patch.setattr(study_run, "QUICK", TINY)
    yield reproduce(quick=True, seed=3, threads=2), reproduce(quick=True, seed=3, threads=1)
    patch.undo()


def test_every_statement_has_a_row_and_a_panel(tiny):
    study, _ = tiny
    assert {r["id"] for r in study.rows} == STATEMENTS
    assert set(study.panels) == STATEMENTS
    for r in study.rows:
        assert {"id", "assay", "conditions", "reported", "predicted", "role", "verdict", "why"} <= r.keys()
        assert {"value", "low", "high"} <= r["predicted"].keys()
        assert r["role"] in ("fit", "predicted") and r["verdict"] in ("agrees", "disagrees", "not scored")


def test_scores_do_not_depend_on_threads(tiny):
    assert tiny[0].rows == tiny[1].rows


def test_every_scored_finding_is_asked():
    asked = {q.finding for q in questions() if not q.hypothesis}
    scored = {key for key, (_, finding) in read.findings().items() if finding.scored}
    assert scored <= asked
    assert len(scored) > 30


def test_only_five_statements_may_be_fitted():
    fitted = {f.statement for _, f in read.findings().values() if f.role == "fit" and f.statement}
    assert fitted == MAY_BE_FITTED


def test_the_fit_refuses_a_hold_out():
    assert population.relation("M1").value == 5
    with pytest.raises(AssertionError, match="hold-out"):
        population.relation("M2")


def question(finding: str, **changed) -> Question:
    return Question(finding, lambda r, n: math.nan, **changed)


@pytest.mark.parametrize(
    ("finding", "point", "drawn", "verdict"),
    [
        ("M1", 4.0, [5.0], "agrees"),
        ("M1", 3.99, [5.0], "disagrees"),
        ("M1", math.nan, [5.0], "disagrees"),
        ("M2", 0.149, [0.5], "agrees"),
        ("M2", 0.151, [0.0], "disagrees"),
        ("M4", 0.5, [0.9] * 39 + [1.1], "agrees"),
        ("M4", 0.5, [0.9] * 38 + [1.1] * 2, "disagrees"),
        ("E2b", 1.3, [1.0], "agrees"),
        ("E2b", 0.79, [1.0], "disagrees"),
    ],
)
def test_verdicts_follow_the_rules(finding, point, drawn, verdict):
    q = question(finding)
    assert judge(q, read.findings()[finding][1], point, drawn)[0] == verdict


def test_a_row_that_random_sets_pass_is_called_weak():
    assert "weak" in row(question("M4"), 0.5, [0.5] * 40, 0.99)["why"]
    assert "weak" not in row(question("M4"), 0.5, [0.5] * 40, 0.5)["why"]
    assert "weak" not in row(question("M4"), 1.5, [1.5] * 40, 0.99)["why"]  # a disagreement is not weak


def test_passing_alone_is_the_rule_of_one_set():
    assert passes(question("M4"), 0.9) and not passes(question("M4"), 1.1)
    assert passes(question("M12a", null=0.0), 0.1) and not passes(question("M12a", null=0.0), -0.1)
    assert not passes(question("M2"), math.nan)


def test_only_keeps_the_named_statements(monkeypatch):
    monkeypatch.setattr(study_run, "QUICK", TINY)
    assert {r["id"] for r in reproduce(quick=True, only=("signal-duration",)).rows} == {"signal-duration"}
    with pytest.raises(UnknownName, match="burst"):
        reproduce(quick=True, only=("bursts",))


def test_accepted_sets_are_there_and_differ():
    sets = ensemble.accepted()
    assert len(sets) >= 40
    assert len({s["half_trigger"] for s in sets}) == len(sets)
    for name in draws.fitted():
        p = read.parameters()[name]
        assert p.start is not None and p.prior is not None


def test_random_sets_are_the_same_for_the_same_number():
    assert draws.prior(1, 5, vary_all=True) == draws.prior(1, 5, vary_all=True)
    assert draws.prior(1, 5, vary_all=True) != draws.prior(1, 6, vary_all=True)
    only_fitted = draws.prior(1, 5, vary_all=False)
    assert all(only_fitted[n] == Numbers.default()[n] for n in draws.uncertain())


def test_declared_texts_read_off_in_python_equal_the_leaves():
    """`evaluate` and the compiled `prepare`/`refresh` read the same declaration."""
    symbols, numbers = cell_symbols(), Numbers.default()
    built = build.module(symbols, "vesicles")
    levels = np.array([level.normal for level in CELL.levels]) * 1.3
    x = np.array([0.4, 200.0, 0.2, 0.5, 0.1])
    p = numbers.vector(symbols)
    prepare, slopes_leaf, read_outs = built.prepare, built.slopes, built.read_outs

    @numba.njit
    def read_off(p, levels, x):  # leaves have no wrapper for Python
        found = prepare(p, levels)
        return slopes_leaf(p, levels, found, x), read_outs(p, levels, found, x)

    slopes, outs = read_off(p, levels, x)
    given = {
        **numbers.values,
        **dict(zip(symbols.levels, levels, strict=True)),
        **dict(zip(symbols.traces, x, strict=True)),
    }
    expected = evaluate(CELL, "j_serca", given) - evaluate(CELL, "j_release", given)
    assert slopes[1] == pytest.approx(expected / numbers["store_share"], rel=1e-12)
    assert outs[0] == pytest.approx(evaluate(CELL, "recruited", given), rel=1e-12)


def test_an_anchored_rival_carries_the_wild_types_load():
    numbers = Numbers.default()
    rest, peak = calcium_at_rest_and_peak(numbers)
    rival = anchored(numbers, "c2b-only")
    only_c2b = rival.but(need_c2a=0.0)
    assert load(rest, only_c2b) / rival["half_growth"] == pytest.approx(load(rest, numbers) / numbers["half_growth"])
    assert load(peak, only_c2b) / rival["half_trigger"] == pytest.approx(load(peak, numbers) / numbers["half_trigger"])
    assert anchored(numbers, "rab8-route") is numbers


@pytest.mark.parametrize(("length", "step"), [(60.0, 1), (3600.0, 30), (7200.0, 60), (86400.0, 600), (1e9, 1e9 / 150)])
def test_recorded_step_is_round(length, step):
    assert round_step(length) == step


def test_a_stopped_study_goes_on_where_it_was(monkeypatch, tmp_path, tiny):
    monkeypatch.setattr(study_run, "QUICK", TINY)
    journal = tmp_path / "unfinished"

    def stop(done: int, total: int, label: str = "") -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="kept in"):
        reproduce(quick=True, seed=3, threads=1, progress=stop, journal=journal)
    journal.write_text(journal.read_text()[:-20])  # the last line is half written, as after a crash
    followed = []
    again = reproduce(quick=True, seed=3, threads=1, progress=lambda d, n, label: followed.append(d), journal=journal)
    assert again.rows == tiny[0].rows
    assert 0 < len(followed) < 3 * len(cultures())
    assert not journal.exists()


def test_a_journal_of_another_study_is_not_used(monkeypatch, tmp_path):
    monkeypatch.setattr(study_run, "QUICK", TINY)
    journal = tmp_path / "unfinished"
    journal.write_text("another study\n[0, {}, {}]\n")
    assert reproduce(quick=True, seed=3, threads=2, journal=journal).rows
