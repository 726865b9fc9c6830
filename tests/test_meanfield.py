"""The mean field: its solver against exact and independent solutions, its closures against the vesicle kernel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import ndtri

import exude
from exude.cascade import CELL
from exude.catalog import read
from exude.derive.symbols import Symbols
from exude.engine import layout, meanfield
from exude.engine.layout import TOTALS, Timeline
from exude.engine.meanfield import FIELDS, GROWTH_COUNT, ITEMS, MeanField
from exude.errors import DeclarationError, ExudeError
from exude.experiment.protocol import Genotype, Numbers, Protocol
from exude.experiment.simulate import cell_symbols
from exude.model import (
    BORN,
    DEGRADED,
    RELEASED,
    Cascade,
    Chapter,
    Definition,
    Emission,
    LifeCycle,
    Membrane,
    Trace,
    Transition,
)
from oracle import Oracle
from small import Sample, Small, of_kernel

MINUTE = 60.0
CLOSURE = 0.02
"""Largest relative error of the closures (mergers, sites, copies) that the small cell may show."""
Floats = NDArray[np.float64]


# --- a chain of stages under a given curve: exact answers -----------------------------------------------------------

RATES = {
    "kb": 1 / MINUTE, "kmat": 0.04 / MINUTE, "kli": 0.002 / MINUTE, "klys": 0.025 / MINUTE, "kdock": 0.1 / MINUTE,
    "kund": 0.2 / MINUTE, "kprime": 0.1 / MINUTE, "kunp": 0.1 / MINUTE, "kf": 0.3 / MINUTE, "K": 0.6, "n": 4.0,
}  # fmt: skip
"""Assumed: they define a problem, not a cell. Per second, items, uM."""
CHAIN_UNITS = {name: "item/s" if name == "kb" else "1/s" for name in RATES} | {"K": "uM", "n": ""}
STEP = ((0.0, 0.1), (600.0, 0.1), (600.0, 1.0), (720.0, 1.0), (720.0, 0.1), (1440.0, 0.1))
"""Calcium: time in min, uM; two points at one time are a jump."""
LEVEL = ((0.0, 0.1), (1440.0, 0.1))
RAMP = ((0.0, 0.1), (300.0, 0.1), (400.0, 1.2), (405.0, 0.3), (1000.0, 0.1))
OUTPUTS = np.arange(0.0, 1441.0, 10.0) * MINUTE


@cache
def chain() -> Symbols:
    transitions = (
        Transition("birth", BORN, "immature", "kb"),
        Transition("maturation", "immature", "mature", "kmat"),
        Transition("loss of immature", "immature", DEGRADED, "kli"),
        Transition("loss of mature", "mature", DEGRADED, "klys"),
        Transition("docking", "mature", "docked", "kdock"),
        Transition("undocking", "docked", "mature", "kund"),
        Transition("priming", "docked", "primed", "kprime"),
        Transition("depriming", "primed", "docked", "kunp"),
        Transition("fusion", "primed", RELEASED, "kf * active"),
    )
    chapter = Chapter(
        name="chain",
        traces=(Trace("calcium", "uM"),),
        definitions=(Definition("active", "hill(calcium, K, n)"),),
        life_cycle=LifeCycle("MVB", ("immature", "mature", "docked", "primed"), transitions),
    )
    return Symbols(Cascade((chapter,)), CHAIN_UNITS)


def timeline(outputs: Floats, curve: Sequence[tuple[float, float]] = (), levels: int = 0) -> Timeline:
    """One segment from 0 to the last output."""
    number = len(outputs) - 1
    return Timeline(
        begin=np.zeros(1),
        first=np.array([0, number]),
        end=outputs[1:],
        segment=np.zeros(number, np.int64),
        starts=(np.arange(number) == 0).astype(np.int64),
        output=np.arange(1, number + 1),
        snapshot=np.zeros(number, np.int64),
        multiply=np.ones((1, levels)),
        add=np.zeros((1, levels)),
        given_at=np.array([t for t, _ in curve]) * MINUTE,
        given=np.array([c for _, c in curve]),
        log_moves=0,
    )


def numerics(symbols: Symbols) -> layout.Numerics:
    """Numerics with the cell's sizes below which a trace counts as zero, 1e-3 for others."""
    table = dict(read.numerics())
    table["absolute"] = dict.fromkeys(symbols.traces, 0.001) | dict(table["absolute"])
    return layout.numerics_of(table, symbols)


def solve_chain(curve: Sequence[tuple[float, float]], sets: Floats | None = None, **how: float) -> MeanField:
    table = np.array([RATES[name] for name in chain().parameters])[np.newaxis] if sets is None else sets
    line = timeline(OUTPUTS, curve)
    return meanfield.run_many(chain(), table, line, numerics(chain()), np.zeros(0), np.array([0.1]), **how)


def generator(calcium: float) -> Floats:
    """d(I, M, D, P, X, 1)/dt = A (I, M, D, P, X, 1)."""
    r = RATES
    fuse = r["kf"] * calcium ** r["n"] / (r["K"] ** r["n"] + calcium ** r["n"])
    a = np.zeros((6, 6))
    a[0, 5], a[0, 0], a[1, 0] = r["kb"], -r["kmat"] - r["kli"], r["kmat"]
    a[1, 1], a[2, 1], a[1, 2] = -r["klys"] - r["kdock"], r["kdock"], r["kund"]
    a[2, 2], a[3, 2], a[2, 3] = -r["kund"] - r["kprime"], r["kprime"], r["kunp"]
    a[3, 3], a[4, 3] = -r["kunp"] - fuse, fuse
    return a


def chain_rows(found: MeanField) -> Floats:
    """I, M, D, P and X at every output."""
    return np.concatenate([found.output.count[0], found.output.total[0, :, 3:4]], axis=1)


@pytest.mark.parametrize("curve", [STEP, LEVEL])
def test_a_linear_chain_is_its_matrix_exponential(curve: Sequence[tuple[float, float]]) -> None:
    exact = [np.array([0.0, 0, 0, 0, 0, 1])]
    for time in OUTPUTS[:-1] / MINUTE:
        calcium = 1.0 if curve is STEP and 600 <= time < 720 else 0.1
        exact.append(expm(generator(calcium) * 10 * MINUTE) @ exact[-1])
    assert chain_rows(solve_chain(curve))[1:] == pytest.approx(np.array(exact)[1:, :5], rel=2e-7)


def test_a_ramp_is_followed_without_a_step_of_constant_calcium() -> None:
    state, at = np.array([0.0, 0, 0, 0, 0, 1]), 0.0
    times, values = (np.array(column) for column in zip(*RAMP, strict=True))
    rows = []
    for end in sorted({*times[1:], *OUTPUTS[1:] / MINUTE}):

        def slopes(t: float, y: Floats) -> Floats:
            return generator(float(np.interp(t / MINUTE, times, values))) @ y

        state = solve_ivp(slopes, (at, end * MINUTE), state, method="DOP853", rtol=1e-12, atol=1e-13).y[:, -1]
        at = end * MINUTE
        if at in OUTPUTS:
            rows.append(state)
    found = solve_chain(RAMP)
    assert chain_rows(found)[1:] == pytest.approx(np.array(rows)[:, :5], rel=2e-7)
    assert found.output.trace[0, 1:, 0] == pytest.approx(np.interp(OUTPUTS[1:] / MINUTE, times, values), rel=1e-12)


def test_the_curve_is_read_after_a_jump() -> None:
    calcium = solve_chain(STEP).output.trace[0, :, 0]
    assert calcium[[59, 60, 71, 72]].tolist() == [0.1, 1.0, 1.0, 0.1]


def test_a_batch_gives_the_bits_of_each_set_alone_on_any_number_of_threads() -> None:
    spread = np.exp(0.3 * np.random.default_rng(3).normal(size=(7, len(chain().parameters))))
    sets = spread * np.array([RATES[name] for name in chain().parameters])
    batch = solve_chain(STEP, sets)
    for threads in (2, 3):
        other = solve_chain(STEP, sets, threads=threads)
        assert all(np.array_equal(a, b) for a, b in zip(batch.output, other.output, strict=True))
    for i in range(len(sets)):
        alone = solve_chain(STEP, sets[i : i + 1])
        assert np.array_equal(alone.output.count[0], batch.output.count[i])
        assert np.array_equal(alone.output.total[0], batch.output.total[i])
    assert len({row.tobytes() for row in batch.output.count}) == len(sets)


# --- the same equations written a second time, solved by scipy ------------------------------------------------------


def bench(*what: object, line: str = "MDA-MB-231", duration: float = 1200.0, burn_in: float = 600.0) -> dict:
    """Arguments of the mean field of one cell."""
    symbols, values = cell_symbols(), Numbers.default()
    protocol = Protocol(tuple(what), duration, duration / 3, burn_in, (), False, values)
    return {
        "symbols": symbols,
        "parameters": values.vector(symbols),
        "timeline": protocol.timeline(),
        "numerics": numerics(symbols),
        "levels": Genotype(read.line(line), tuple(what)).medians(values),
        "starts": np.array([values[trace.start] for trace in CELL.traces]),
    }


def by_oracle(case: dict, classes: int) -> list[Floats]:
    """Traces, states, G and totals at every output."""
    symbols, line = case["symbols"], case["timeline"]
    parameters = dict(zip(symbols.parameters, case["parameters"].tolist(), strict=True))
    oracles: dict[int, Oracle] = {}
    state, t, rows = None, float(line.begin[0]), []
    for end, segment, output in zip(line.end, line.segment, line.output, strict=True):
        if segment not in oracles:
            levels = case["levels"] * line.multiply[segment] + line.add[segment]
            values = parameters | dict(zip(symbols.levels, levels.tolist(), strict=True))
            oracles[segment] = Oracle(symbols, values, classes)
        oracle = oracles[segment]
        state = oracle.solve(oracle.start(case["starts"]) if state is None else state, end - t)
        t = end
        if output >= 0:
            rows.append(oracle.split(state))
    return rows


def assert_follows(case: dict, classes: int, within: float) -> None:
    """The mean field is within `within` (relative; items, uM) of the oracle in every number of its state."""
    found = meanfield.run(**case, growth_states=classes, states=True)
    expected = by_oracle(case, classes)
    resolved = case["symbols"].cascade.life_cycle.stages.index(case["symbols"].cascade.life_cycle.resolved)
    rows = [row for row in range(found.output.count.shape[1]) if row in set(case["timeline"].output)]
    for row, (x, y, grown, totals) in zip(rows, expected, strict=True):
        mine = found.states[row]
        assert found.output.trace[0, row] == pytest.approx(x, rel=within, abs=1e-3 * within)
        assert mine[..., :GROWTH_COUNT] == pytest.approx(y, rel=within, abs=10 * within)
        assert mine[resolved, -1, GROWTH_COUNT] == pytest.approx(grown, rel=within, abs=10 * within)
        assert found.output.total[0, row] == pytest.approx(totals, rel=within, abs=10 * within)
        assert found.output.count[0, row] == pytest.approx(mine[..., ITEMS].sum(1), rel=1e-12)


STIMULI = {
    "ionomycin": (exude.Stimulus("ionomycin", "5 uM", at="5 min", until="15 min"),),
    "BAPTA and ionomycin": (
        exude.Drug("BAPTA-AM", "10 uM"),
        exude.Stimulus("ionomycin", "5 uM", at="5 min", until="15 min"),
    ),
    "permeabilised": (exude.Permeabilised("1 uM", at="5 min"),),
    "histamine": (exude.Stimulus("histamine", "100 uM", at="5 min", until="10 min"),),
}


@pytest.mark.parametrize("name", STIMULI)
def test_the_whole_cell_follows_an_independent_solution(name: str) -> None:
    assert_follows(bench(*STIMULI[name]), 5, 2e-8)


@pytest.mark.parametrize("classes", [1, 2])
def test_few_classes_follow_an_independent_solution(classes: int) -> None:
    assert_follows(bench(*STIMULI["ionomycin"]), classes, 2e-8)


MADE_UP = {
    "make": (0.5, "item/s"), "grow": (0.6, "1/s"), "leap": (0.2, "1/s"), "join": (0.02, "1/item/s"),
    "ripen": (0.5, "1/s"), "half": (3.0, ""), "drift": (0.3, "1/s"), "go_back": (0.1, "1/s"), "meet": (0.03, "1/item/s"),
    "feed": (0.2, "1/s"), "open": (0.4, "1/s"), "room": (2.0, "item"), "half_c": (0.3, "uM"), "steep": (2.0, ""),
    "pump": (2.0, "1/s"), "leak": (1.0, "uM/s"), "calcium_0": (0.05, "uM"), "in_": (0.3, "1/s"), "out": (0.2, "1/s"),
    "few": (3.0, "item"), "some": (1.0, "item"), "cargo_a": (0.5, ""), "cargo_b": (2.0, ""), "wide": (0.1, "um"),
    "spill": (0.7, "item/s"), "dies": (0.2, "1/s"),
}  # fmt: skip
"""Assumed: a cell with every kind of transition, also those the declared cell has not."""
MADE_UP_CYCLE = LifeCycle(
    "odd",
    ("outer", "young", "side"),  # the resolved stage does not come first
    (
        Transition("birth", BORN, "young", "make"),
        Transition("growth", "young", "young", "grow", growth=1),
        Transition("leap", "young", "young", "leap * calcium / half_c", growth=3),
        Transition("merger", "young", "young", "join", merges=True),
        Transition("ripening", "young", "outer", "ripen", gate="hill(growth, half, 1)"),
        Transition("death", "young", DEGRADED, "dies"),
        Transition("feeding", "outer", "outer", "feed", growth=1),
        Transition("meeting", "outer", "outer", "meet", merges=True),
        Transition("drifting", "outer", "side", "drift * fall(n_side, room, 1)"),
        Transition("return", "side", "young", "go_back"),
        Transition("opening", "side", RELEASED, "open * hill(calcium, half_c, steep)"),
        Transition("gated death", "young", DEGRADED, "dies", gate="fall(growth, half, 2)"),
    ),
    Membrane("in_", "out", "few", "some", "c", "cargo_a", "cargo_b", "wide"),
    resolved="young",
)


def made_up(cycle: LifeCycle) -> dict:
    chapter = Chapter(
        name="odd",
        traces=(Trace("calcium", "uM", "leak - pump * calcium", start="calcium_0"),),
        emissions=(Emission("spilled", "spill * hill(calcium, half_c, steep)"),),
        life_cycle=cycle,
    )
    symbols = Symbols(Cascade((chapter,)), {name: unit for name, (_, unit) in MADE_UP.items()})
    return {
        "symbols": symbols,
        "parameters": np.array([MADE_UP[name][0] for name in symbols.parameters]),
        "timeline": timeline(np.array([0.0, 1.0, 5.0, 40.0])),
        "numerics": numerics(symbols),
        "levels": np.zeros(0),
        "starts": np.array([MADE_UP["calcium_0"][0]]),
    }


@pytest.mark.parametrize("classes", [1, 3, 9])
@pytest.mark.parametrize("membrane", [True, False])
def test_every_kind_of_transition_follows_an_independent_solution(classes: int, membrane: bool) -> None:
    cycle = MADE_UP_CYCLE if membrane else replace(MADE_UP_CYCLE, membrane=None)
    assert_follows(made_up(cycle), classes, 1e-7)


# --- how fine is fine enough ----------------------------------------------------------------------------------------

LONG = (exude.Stimulus("ionomycin", "5 uM", at="60 min", until="90 min"),)


def outcome(found: MeanField) -> Floats:
    """Counts and gains since time 0 at every output but the first."""
    gained = found.output.total - found.output.total[:, :1]
    return np.concatenate([found.output.count, gained, found.output.trace], axis=2)[0, 1:]


@cache
def day(line: str = "MDA-MB-231", growth_states: int = meanfield.GROWTH_STATES, finer: float = 1.0) -> Floats:
    case = bench(*LONG, line=line, duration=86400.0, burn_in=86400.0)
    relative, absolute = finer * meanfield.RELATIVE, finer * meanfield.ABSOLUTE
    return outcome(meanfield.run(**case, growth_states=growth_states, relative=relative, absolute=absolute))


def test_default_tolerances_are_within_1e_8_of_much_tighter_ones() -> None:
    assert day() == pytest.approx(day(finer=1e-4), rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("line", ["MDA-MB-231", "A549", "RWPE-1", "A375"])
def test_default_growth_states_are_within_2e_4_of_many(line: str) -> None:
    assert day(line) == pytest.approx(day(line, 128), rel=2e-4, abs=1e-12)


def test_the_error_of_the_last_class_falls_with_the_number_of_classes() -> None:
    many = day(growth_states=128)
    seen = many > 0
    errors = [float(np.abs(day(growth_states=r)[seen] / many[seen] - 1).max()) for r in (1, 8, 16, 24, 32, 48)]
    assert all(late < early / 2 for early, late in pairwise(errors)), errors
    assert errors[-1] < 2e-6


def test_vesicles_are_conserved_and_the_state_says_what_the_counts_say() -> None:
    case = bench(*STIMULI["ionomycin"])
    found = meanfield.run(**case, growth_states=6, states=True)
    totals = dict(zip(TOTALS, found.output.total[0].T, strict=False))
    gone = totals["mergers"] + totals["fusions"] + totals["lysosome_fusions"]
    assert found.output.count[0].sum(1) + gone == pytest.approx(totals["births"], rel=1e-10)
    assert found.states.shape == (4, len(CELL.life_cycle.stages), 6, len(FIELDS))
    assert not found.states[:, 1:, 1:].any()  # other stages have one class
    last = found.states[:, 0, 5]
    assert (last[:, GROWTH_COUNT] >= 5 * last[:, ITEMS] * (1 - 1e-12)).all()
    assert not meanfield.run(**case, growth_states=6).states.size


def test_without_a_burn_in_the_first_row_is_an_empty_cell_at_its_starting_point() -> None:
    case = bench(burn_in=0.0)
    out = meanfield.run(**case, growth_states=6).output
    assert out.trace[0, 0] == pytest.approx(case["starts"], rel=1e-15)
    assert not out.count[0, 0].any() and not out.total[0, 0].any()
    assert np.isfinite(np.concatenate([part.ravel() for part in out])).all()
    assert out.count[0, -1].sum() > 1


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [0, -3, 2.5, True, 10**6, float("nan")])
def test_a_wrong_number_of_growth_states_is_refused(wrong: float) -> None:
    with pytest.raises(DeclarationError, match="growth states"):
        solve_chain(LEVEL, growth_states=wrong)


@pytest.mark.parametrize("name", ["relative", "absolute"])
@pytest.mark.parametrize("wrong", [0.0, -1e-3, 2.0, float("nan")])
def test_a_wrong_tolerance_is_refused(name: str, wrong: float) -> None:
    with pytest.raises(DeclarationError, match=name):
        solve_chain(LEVEL, **{name: wrong})


def test_a_gate_on_a_stage_that_is_not_resolved_is_refused() -> None:
    late = replace(MADE_UP_CYCLE.transitions[8], gate="hill(growth, half, 1)")
    cycle = replace(MADE_UP_CYCLE, transitions=(*MADE_UP_CYCLE.transitions[:8], late, *MADE_UP_CYCLE.transitions[9:]))
    with pytest.raises(DeclarationError, match=r"drifting.*'outer'.*young"):
        meanfield.run(**made_up(cycle))


def three_sets(value: float) -> Floats:
    """Three sets, the second with a given `kmat`."""
    sets = np.tile([RATES[name] for name in chain().parameters], (3, 1))
    sets[1, chain().parameters.index("kmat")] = value
    return sets


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -1e-9])
def test_a_parameter_that_is_negative_or_no_number_is_refused_by_set_and_name(value: float) -> None:
    with pytest.raises(DeclarationError, match=rf"parameter kmat = {value:g} in parameter set 1.*at least 0"):
        solve_chain(LEVEL, three_sets(value))


def test_all_wrong_values_are_counted_and_zero_is_right() -> None:
    sets = three_sets(0.0)
    solve_chain(LEVEL, sets)
    sets[1:, 0] = np.nan
    with pytest.raises(DeclarationError, match=r"in parameter set 1.*1 more like it"):
        solve_chain(LEVEL, sets)


def test_a_rate_that_runs_away_is_refused_with_its_set() -> None:
    with pytest.raises(DeclarationError, match="parameter set 1 cannot be followed beyond 0 s"):
        solve_chain(LEVEL, three_sets(1e308))


@pytest.mark.parametrize(("what", "place"), [("level UNC13D", "levels"), ("start calcium", "starts")])
def test_a_wrong_level_or_start_is_refused_by_name(what: str, place: str) -> None:
    case = bench()
    names = case["symbols"].levels if place == "levels" else case["symbols"].traces
    case[place] = np.where(np.array(names) == what.split()[1], -0.5, case[place])
    with pytest.raises(DeclarationError, match=f"{what} = -0.5 in parameter set 0"):
        meanfield.run(**case)


@pytest.mark.parametrize("place", ["parameters", "levels", "starts"])
def test_a_row_that_is_too_short_is_refused(place: str) -> None:
    """Compiled code would read past its end."""
    case = bench()
    case[place] = case[place][:-1]
    with pytest.raises(DeclarationError, match=f"{place} of the shape.*expected {len(case[place]) + 1} in a row"):
        meanfield.run(**case)


# --- the expected course of a line ----------------------------------------------------------------------------------


def test_expect_has_the_variables_units_and_times_of_a_run() -> None:
    what = (exude.Stimulus("ionomycin", "5 uM", at="10 min"), exude.KnockDown("UNC13D", to=0.5))
    settings = exude.Settings(snapshots=(), burn_in="1 h", threads=1)
    run = exude.simulate("MDA-MB-231", *what, duration="30 min", cells=2, settings=settings).data
    found = exude.expect("MDA-MB-231", *what, duration="30 min", settings=settings)
    assert set(found.variables) == set(run.variables) - {"cell"}
    for name in found.data_vars:
        assert found[name].dims == tuple(d for d in run[name].dims if d != "cell")
        assert found[name].attrs == run[name].attrs
    assert np.array_equal(found.time, run.time)
    assert "merger: pairs taken as independent" in found.attrs["closures"]
    few = exude.expect("MDA-MB-231", *what, duration="30 min", every="10 min", settings=settings, growth_states=1)
    assert few.sizes["time"] == 4


def test_expect_is_the_mean_of_alike_cells() -> None:
    """Within 1 % and four standard errors; so a closure without error raises an alarm in less than 4 of 10,000."""
    settings = exude.Settings(every="1 h", snapshots=(), events=False, alike=True, threads=1)
    cells = exude.simulate("MDA-MB-231", *LONG, duration="6 h", cells=400, seed=5, settings=settings).data
    found = exude.expect("MDA-MB-231", *LONG, duration="6 h", settings=settings)
    for name in ("births", "growths", "fusions", "exosomes", "lysosome_fusions", "shed"):
        mine, theirs = float(found[name][-1]), cells[name][:, -1].values
        noise = theirs.std(ddof=1) / np.sqrt(theirs.size)
        assert abs(theirs.mean() - mine) <= 0.01 * mine + 4 * noise, name


@pytest.mark.parametrize(
    ("line", "how"),
    [
        ("MDA-MB-232", {}),
        ("MDA-MB-231", {"growth_states": 0}),
        ("MDA-MB-231", {"every": "0 s"}),
        ("MDA-MB-231", {"every": "soon"}),
        ("MDA-MB-231", {"duration": "-1 h"}),
        ("MDA-MB-231", {"settings": exude.Settings(hypothesis="c3")}),
    ],
)
def test_expect_refuses_what_cannot_be_expected(line: str, how: dict) -> None:
    with pytest.raises(ExudeError):
        exude.expect(line, **how)


# --- against the vesicle kernel -------------------------------------------------------------------------------------

# No rate reads a count to any effect and nothing merges: the network is linear and its mean field exact.
LINEAR = Small(
    {
        "k_merge": 0.0,
        "docking_sites": 1e9,
        "munc13_4_copies": 1e9,
        "half_trigger": 2e8,
        "half_growth": 5e7,
        "half_prime": 1e7,
    }
)
CROWDED = Small({"k_birth": 2.0 / MINUTE, "k_merge": 0.002 / MINUTE, "docking_sites": 40.0, "munc13_4_copies": 240.0})


def field(small: Small) -> Sample:
    """Expected values under the names that the kernel's sample has."""
    job = small.job(seed=0)
    levels = job.levels(np.zeros(1, np.int64))[0]
    found = meanfield.run(
        job.symbols, job.parameters, job.timeline, job.numerics, levels, job.starts, growth_states=96
    ).output
    out: Sample = {}
    for row, time in enumerate(small.outputs):
        for i, stage in enumerate(CELL.life_cycle.stages):
            out[f"{stage} at {time:g} min"] = found.count[0, row, i : i + 1]
        for i, name in enumerate((*TOTALS, *(e.name for e in CELL.emissions))):
            out[f"{name} until {time:g} min"] = found.total[0, row, i : i + 1]
    return out


@cache
def linear_cells() -> Sample:
    return of_kernel(LINEAR, 8000, seed=21)


FALSE_ALARM = 1e-4
"""Chance that one comparison of all means of a right mean field fails."""
FEWEST = 500.0
"""Items expected in all cells together from which on a z is near normal."""


def assert_means(sample: Sample, expected: Sample) -> None:
    """Every mean is the expected one but for chance."""
    cells = len(next(iter(sample.values())))
    seen = [name for name, value in expected.items() if value[0] * cells >= FEWEST]
    assert len(seen) > 40
    limit = -ndtri(FALSE_ALARM / (2 * len(seen)))
    z = {n: (sample[n].mean() - expected[n][0]) / (sample[n].std(ddof=1) / np.sqrt(cells)) for n in seen}
    wrong = {name: f"{value:+.1f}" for name, value in z.items() if not abs(value) <= limit}
    assert not wrong, f"means differ by |z| > {limit:.1f}: {wrong}"


def test_exact_for_a_linear_cell() -> None:
    assert_means(linear_cells(), field(LINEAR))


@pytest.mark.proof
def test_exact_for_a_linear_cell_with_many_cells() -> None:
    assert_means(of_kernel(LINEAR, 200_000, seed=22), field(LINEAR))


@pytest.mark.parametrize("change", [{"k_bud": 1.2}, {"k_mature": 1.2}, {"half_mature": 1.3}, {"k_back": 0.7}])
def test_a_wrong_mean_field_is_seen(change: dict[str, float]) -> None:
    """The comparison has the power to see a number that is off by a fifth."""
    ((name, factor),) = change.items()
    off = replace(LINEAR, numbers={**LINEAR.numbers, name: factor * LINEAR.values[name]})
    with pytest.raises(AssertionError, match="differ by"):
        assert_means(linear_cells(), field(off))


def test_closure_error_is_small_in_a_crowded_cell() -> None:
    expected = field(CROWDED)
    found = of_kernel(CROWDED, 8000, seed=23)
    held = expected["docked at 180 min"] + expected["primed at 180 min"]
    assert held[0] / CROWDED.values["docking_sites"] > 0.5
    for name, value in expected.items():
        error = abs(found[name].mean() - value[0])
        noise = found[name].std(ddof=1) / np.sqrt(len(found[name]))
        assert error <= CLOSURE * abs(value[0]) + 4 * noise, f"{name}: {found[name].mean():.4g} against {value[0]:.4g}"


def test_a_segment_of_other_levels_is_seen() -> None:
    """Levels that change in a segment change its rates, and no segment before it."""
    plain, changed = field(replace(CROWDED, changes=())), field(CROWDED)
    early = [name for name in plain if name.endswith(" 60 min")]
    assert len(early) > 10 and all(plain[name] == changed[name] for name in early)
    assert changed["travelling at 180 min"][0] > 1.1 * plain["travelling at 180 min"][0]
