"""The study: every statement has a row, verdicts follow the rules in the evidence, hold-outs are never fitted."""

import json
import math
from collections import defaultdict
from dataclasses import replace

import numba
import numpy as np
import pytest
from matplotlib.text import Text

import studies
from exude.cascade import CELL
from exude.catalog import read
from exude.cli.reproduce import write_all
from exude.derive.evaluate import evaluate
from exude.engine import build
from exude.errors import DataError, Interrupted, UnknownName
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import cell_symbols, round_step
from exude.experiment.study import bodies, ensemble, reproduce, say_size
from exude.experiment.study import run as study_run
from exude.experiment.study.anchor import anchored, calcium_at_rest_and_peak, load
from exude.experiment.study.basis import behind_body, behind_cell, of_drug, of_parameters, standing
from exude.experiment.study.bodies import BodyDish, body_dishes, treated, volume
from exude.experiment.study.cultures import DAY, Read, cultures
from exude.experiment.study.doses import DISH, DOSES, DoseDish, bexin
from exude.experiment.study.effort import Effort, Size
from exude.experiment.study.figures import panels
from exude.experiment.study.figures_therapy import therapy
from exude.experiment.study.kept import made_of, panels_in, panels_of, plain_panels
from exude.experiment.study.needed import needed
from exude.experiment.study.neighbours import AMONG, neighbour_dishes
from exude.experiment.study.questions import LONG_AFTER, Outcome, Question, questions, statement_of
from exude.experiment.study.score import judge, passes, row
from exude.fit import draws, population
from exude.show.figures import draw, summary

STATEMENTS = {
    "release-calcium", "knockdown-abolishes", "mutants-no-rescue", "wild-type-rescues", "knockdown-lowers-release",
    "imaging", "mvb-size", "rab11", "mt1-mmp", "aggressiveness", "burst", "basal", "signal-duration", "chelation",
    "recruitment",
}  # fmt: skip
MAY_BE_FITTED = {"release-calcium", "burst", "basal", "signal-duration", "recruitment"}
TINY = Size(point=Effort(24), draw=Effort(8), draws=2)


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


SEVERAL = ("burst", "recruitment", "chelation", "mvb-size", "signal-duration")


def test_statements_alone_have_to_the_bit_the_rows_and_figures_of_the_whole_study(monkeypatch, tiny):
    monkeypatch.setattr(study_run, "QUICK", TINY)
    seen = []
    some = reproduce(quick=True, seed=3, threads=2, only=SEVERAL, progress=lambda d, n, label="": seen.append((d, n)))
    assert some.rows == [r for r in tiny[0].rows if r["id"] in SEVERAL]
    whole = {name: panel for name, panel in tiny[0].panels.items() if name in SEVERAL}
    assert plain_panels(some.panels) == plain_panels(whole)
    assert set(some.methods["conditions"]) == set(needed(SEVERAL)) < {d.name for d in study_run._dishes(0, TINY)}
    assert seen[-1] == (3 * len(needed(SEVERAL)),) * 2 and len(needed(SEVERAL)) < len(cultures()) / 2


@pytest.fixture
def followed(monkeypatch):
    """Dishes that a study follows, each of which reads numbers of its own without being run."""
    seen = []

    def follow(task):
        seen.append((task.seed, task.dish.name))
        rng = np.random.default_rng([task.seed, *task.dish.name.encode()])
        numbers = defaultdict(lambda: float(rng.uniform(1, 2)))
        points = 1 + len(DOSES) if task.dish.name == DISH else 50
        return Read(numbers, defaultdict(lambda: np.linspace(1, numbers["end"], points)))

    monkeypatch.setattr(study_run, "follow", follow)
    monkeypatch.setattr(study_run, "QUICK", Size(point=Effort(8), draw=Effort(8), draws=2, tissue_draws=1))
    return seen


ALL_STATEMENTS = list(dict.fromkeys(map(statement_of, questions())))


@pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning")
@pytest.mark.parametrize("name", ALL_STATEMENTS)
def test_just_the_dishes_that_a_statement_reads_are_run(followed, name):
    """A dish too few would lose a row or a figure, one too many is time: by what is really looked at."""
    reproduce(quick=True, only=(name,), threads=1)
    point, *draws = ({dish for seed, dish in followed if seed == i} for i in (1, 2, 3))
    watched = Watched(d.name for d in study_run._dishes(0, study_run.FULL))
    outcome = Outcome(Numbers.default(), watched)
    for q in questions():
        if statement_of(q) == name:
            outcome.answer(q)
    panels(outcome, [], [name])
    assert point == watched.looked_at == set(needed((name,)))
    assert all(drawn <= point for drawn in draws) and len(followed) == len(set(followed))


def test_statements_in_space_and_of_mice_alone_have_the_rows_of_the_whole_study(followed):
    names = ("gene-transfer", "metastasis", "therapy", "invasion")
    some, whole = (reproduce(quick=True, only=only, threads=1).rows for only in (names, ALL_STATEMENTS))
    assert some == [r for r in whole if r["id"] in names]


def test_a_journal_goes_on_with_the_same_statements_only(followed, tmp_path):
    journal = tmp_path / "unfinished"

    def stop(done: int, total: int, label: str = "") -> None:
        if done > total // 2:
            raise KeyboardInterrupt

    def left(only) -> int:
        before = len(followed)
        reproduce(quick=True, only=only, threads=1, journal=journal)
        return len(followed) - before

    for only, todo in (("rab11",), 11), (("imaging",), 6):  # of 8 dishes for 3 sets 13 were done
        with pytest.raises(Interrupted, match="stopped after 13 of 24 dishes"):
            reproduce(quick=True, only=("rab11",), threads=1, journal=journal, progress=stop)
        assert left(only) == todo


@pytest.mark.parametrize("name", studies.panels())
def test_figures_are_kept_to_the_bit_and_nan_as_nothing(name):
    panel = studies.panels()[name]
    text = json.dumps(plain_panels({name: panel}), allow_nan=False)
    again = panels_in(json.loads(text), "panels.json")[name]
    assert type(again) is type(panel) and plain_panels({name: again}) == json.loads(text)


def test_kept_numbers_are_rounded_where_asked():
    bars = studies.panels()["release-calcium"]
    (point, *_), *_ = plain_panels({"a": replace(bars, points=((1 / 3, 20 / 3),))}, digits=2)["a"]["points"]
    assert point == 0.33


def test_a_study_keeps_how_it_was_made_and_what_its_figures_show(tmp_path, followed):
    study = reproduce(quick=True, only=("therapy", "mvb-size", "rab11"), threads=1)
    write_all(study, tmp_path, lambda done, total, label="": None, again="exude reproduce --seed 1")
    found = made_of(tmp_path)
    assert found == {"made": json.loads(json.dumps(study.methods)), "again": "exude reproduce --seed 1"}
    assert len(found["made"]["model"]) == 16
    assert plain_panels(panels_of(tmp_path)) == plain_panels(study.panels)
    assert made_of(tmp_path / "figures") == {} == panels_of(tmp_path / "figures")


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "1", '{"burst": 1}', '{"burst": {}}', '{"burst": {"kind": "Pie"}}', '{"burst": {"kind": "Bars"}}', "[" * 5000,
        '{"burst": {"kind": "Distributions", "title": 1, "xlabel": "", "samples": []}}',
        '{"burst": {"kind": "Distributions", "title": "", "xlabel": "", "samples": [["a", ["1"]]]}}',
        '{"burst": {"kind": "Distributions", "title": "", "xlabel": "", "samples": [["a"]]}}',
        '{"burst": {"kind": "Distributions", "title": "", "xlabel": "", "samples": [], "more": 1}}',
    ],
)  # fmt: skip
def test_broken_figures_are_a_sentence(tmp_path, text):
    (tmp_path / "panels.json").write_text(text)
    if text == "[]":
        assert panels_of(tmp_path) == {}
        return
    with pytest.raises(DataError, match=r"panels\.json: .*Make the study again: exude reproduce"):
        panels_of(tmp_path)


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


def fake_read() -> Read:
    """A dish that reads 1 under every name, and a rising curve."""
    return Read(defaultdict(lambda: 1.0), defaultdict(lambda: np.linspace(1.0, 2.0, 200)))


class Watched(dict):
    """Reads of dishes, which remembers whose were looked at."""

    def __init__(self, names) -> None:
        super().__init__({name: fake_read() for name in names})
        self[DISH] = Read({}, defaultdict(lambda: np.linspace(1.0, 0.5, 1 + len(DOSES))))
        self.looked_at: set[str] = set()

    def __getitem__(self, name: str) -> Read:
        self.looked_at.add(name)
        return super().__getitem__(name)


def unread(names, drawn_names) -> set[str]:
    """Dishes, at the point and under draws, that neither a question nor a panel looks at."""
    outcomes = [Outcome(Numbers.default(), Watched(given)) for given in (names, drawn_names)]
    for outcome in outcomes:
        for q in questions():
            if outcome.has(q):
                outcome.answer(q)
    panels(outcomes[0], outcomes[1:], list(dict.fromkeys(map(statement_of, questions()))))
    return {name for o in outcomes for name in set(o.reads) - o.reads.looked_at}


@pytest.mark.filterwarnings("ignore::scipy.stats.ConstantInputWarning")
def test_everything_that_is_run_is_read_by_a_finding_or_a_figure():
    at_point, drawn = ({d.name for d in study_run._dishes(i, study_run.FULL)} for i in (0, 1))
    assert len(at_point) > 100
    assert unread(at_point, drawn) == set()
    extra = BodyDish("mice: that nobody looks at").name
    assert unread({*at_point, extra}, drawn) == {extra}
    assert unread(at_point, {*drawn, extra}) == {extra}


def test_a_quick_study_says_so_everywhere(tiny):
    study, _ = tiny
    said = study.methods["quick"]
    assert said == "quick: 2 parameter draws, 24 cells at the point estimate"
    assert all(panel.note.startswith(said) for panel in study.panels.values())
    assert {r["quick"] for r in study.rows} == {said}
    assert any(said in text.get_text().replace("\n", " ") for text in summary(study.panels, study.rows).texts)
    assert say_size(False).startswith("full: 40 parameter draws (8 in space and mice), 1024 cells")
    assert "in space" not in say_size(True, only=("burst",))


def test_a_larger_crowd_is_one_larger_dish():
    dish = neighbour_dishes()["transfer: wild type"]
    found = dish.read(Numbers.default(), Effort(8, crowd=2), seed=1)
    assert found["cells"] == 2 * (AMONG["fibroblast"] + AMONG["normal"])
    assert 0 < found["expected"] < 1 and found["message"] > 0


def test_numbers_behind_a_quantity_are_those_its_texts_read():
    assert behind_body("granules") == {"hit_without_munc13_4", "half_granule_munc13_4"}
    assert "k_hit" in behind_body("primary") and "k_hit" not in behind_body("exosomes") | behind_body("wall")
    assert behind_cell() < behind_body("blood_exosomes")  # through what a cell releases
    assert not behind_cell() & behind_body("granules")
    names = behind_body("lasting")
    counted = [int(part.split()[1]) for part in standing(of_parameters(names)).split(", ")]
    assert sum(counted) == len(names) > 100
    assert counted[2] == sum(read.parameter(name).status == "assumed" for name in names)
    assert len(of_drug(bexin(1, "targeted"), ("UNC13D",))) == len(of_drug(bexin(1), ("UNC13D",))) + 2
    assert len(of_drug(bexin(1), ())) + 3 == len(of_drug(bexin(1), ("UNC13D",)))  # potency, slope, depth


def test_bexin_acts_on_the_cells_that_it_reaches():
    curves = DoseDish().read(Numbers.default(), Effort(1), seed=1).curves
    for name in ("fusions, body", "exosomes, body", "normal, body", "granules, body"):
        assert curves[name][0] == 1 and (np.diff(curves[name]) < 0).all() and curves[name][-1] > 0
    for name in ("normal, tumour", "granules, tumour"):
        assert (curves[name] == 1).all()
    assert (curves["exosomes, tumour"] == curves["exosomes, body"]).all()
    assert (curves["exosomes, targeted"][1:] < curves["exosomes, body"][1:]).all()
    assert (curves["granules, targeted"][1:] > curves["granules, body"][1:]).all()


def test_mice_of_one_size_have_one_volume():
    numbers = Numbers.default()
    assert volume(1e6, numbers) == pytest.approx(4 * numbers["cell_radius"] ** 3 * 1e6 * 1e-9)
    few = Effort(8, mice=8, shown_mice=4)
    found = {
        name: body_dishes()[f"mice: {name}"].read(numbers, few, seed=1)
        for name in (treated(0), treated(0, bodies.HOSTS[1]))
    }
    assert [read["mice"] for read in found.values()] == [8, 4]
    assert all(500 < read["volume"] < 10_000 and read["lasting"] > 0 for read in found.values())


def test_draws_of_the_body_leave_older_draws_and_hold_potencies():
    default = Numbers.default()
    chapters, known = read.chapter_of(), read.parameters()
    names = [n for n, p in known.items() if chapters[n] in ensemble.OUTSIDE and p.value > 0 and p.log_sd > 0]
    z = ensemble.streams.generator(3, ensemble.SURROUNDINGS).standard_normal(len(names))
    drawn = ensemble.outside(3, default)
    for name, x in zip(names, z, strict=True):
        expected = default[name] * math.exp(known[name].log_sd * x)
        assert drawn[name] == pytest.approx(min(expected, 1) if name in ensemble.SHARES else expected)
    spread = np.std([math.log(ensemble.outside(i, default)["bexin_volume"]) for i in range(400)])
    wide = math.hypot(known["bexin_volume"].log_sd, read.drug("bexin").effects[0].potency.log_sd)
    assert spread == pytest.approx(wide, rel=0.16)  # false alarm 1e-5: sd of an sd of 400 is 3.5 %


def test_transformed_cells_return_by_the_declared_rates():
    asked = next(q for q in questions() if q.finding == "Lee2016HRas_a")
    assert not asked.scored and not read.findings()["Lee2016HRas_a"][1].scored

    def left(message: float, **changed: float) -> float:
        reads = {"transfer: wild type": Read({"message": message})}
        return Outcome(Numbers.default().but(**changed), reads).answer(asked)

    back = Numbers.default()["k_revert"]
    assert left(0.0) == pytest.approx(math.exp(-back * LONG_AFTER))
    assert left(1e6, k_message_loss=0.0, k_fix=1 / DAY) == pytest.approx(1, abs=1e-6)
    assert left(0.1) < left(10.0) < left(1000.0) < 1


def test_the_figure_of_therapy_has_axes_for_cells_hosts_partners_and_reach():
    names = {d.name for d in study_run._dishes(1, study_run.FULL)}
    grid = therapy(Outcome(Numbers.default(), Watched(names)), [Outcome(Numbers.default(), Watched(names))] * 3)
    assert 4 <= len(grid.parts) <= 6
    assert all(
        part.ticks == grid.parts[0].ticks and part.note.startswith("numbers behind it: known") for part in grid.parts
    )
    assert all(len(series.single) == 3 for part in grid.parts for series in part.series)
    figure = draw(grid)
    said = " ".join(text.get_text() for text in figure.findobj(lambda a: isinstance(a, Text))).replace("\n", " ")
    for word in (
        "with anti-PD-L1",
        "targeted",
        "tumour only",
        "without Munc13-4",
        "MCF-10A",
        "fusions",
        "10000",
        "assumed",
    ):
        assert word in said, word
