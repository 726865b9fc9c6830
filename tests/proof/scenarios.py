"""The table of the proof, declared in advance: what is run, what it is held against, and how many tests that makes."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import common
import coupled
from compare import COMPARISONS, ELSEWHERE, differences
from peers import ours
from proof import against, borders, judge, models
from proof.judge import Check
from proof.models import CELL, FORMS, LIVES, LOOPS, Found, Setting
from small import CASES, PAIRS, of_kernel, twin_sample

QUICK, LONG, SLOW = "quick", "long", "slow"
"""Sizes: of every test run, of `make proof`, and of a planted fault run by plain Python."""
TWINS = {QUICK: 250, LONG: 2000, SLOW: 1000}


@dataclass(frozen=True)
class Comparison:
    """One row of the table."""

    against: str
    observables: str
    tests: int
    """How many tests it may make, declared in advance."""
    judge: Callable[[Any, str], Iterable[Check]]
    """From what was found and the size to the tests."""
    only_long: bool = False


@dataclass(frozen=True)
class Scenario:
    """One simulation and the rows that judge it."""

    name: str
    calcium: str
    loop: str
    """'lives', 'vesicles', or both where it does not matter."""
    cells: dict[str, int]
    """By size; a size that is missing leaves the scenario out."""
    run: Callable[[int], Any]
    rows: tuple[Comparison, ...]

    def judged(self, size: str) -> tuple[Comparison, ...]:
        """The rows that are filled at this size."""
        return tuple(row for row in self.rows if size == LONG or not row.only_long)


def plain(function: Callable[[Found], Iterable[Check]]) -> Callable[[Any, str], Iterable[Check]]:
    """A judge that does not ask for the size."""
    return lambda found, size: function(found)


OCCUPANCY = Comparison(
    "Poisson occupancy",
    "stages, births, fusions, losses, shed: distributions, covariances",
    90,
    plain(against.occupancy),
)
MOMENTS = Comparison("matrix exponential per segment", "the same: means, variances", 72, plain(against.moments))
TIMES = Comparison("Poisson process of departures", "times of fusions and losses", 2, plain(against.event_times))
FIELD = Comparison("mean field (exact here)", "stages, all totals: means", 65, plain(against.mean_field))
STREAMS = Comparison(
    "independence of cells", "births, fusions, shed of cells 1, 2, 64 apart", 9, plain(against.independence)
)
WAITS = Comparison("hypoexponential waits", "ages at ripening, docking, fusion", 3, plain(against.waits))
GATE = Comparison(
    "chain of (stage, growth)", "growth counts of released vesicles: distribution", 1, plain(against.growth_counts)
)
COMPOUND = Comparison(
    "compound-Poisson release",
    "exosomes, cargo, ILVs lost: generating functions, means, variances",
    32,
    plain(against.compound),
)
WHOLE = Comparison(
    "compound-Poisson release",
    "exosomes, cargo of cells and of vesicles: full distributions",
    4,
    plain(against.compound_whole),
    only_long=True,
)
SITES = Comparison(
    "master equation", "ripe, docked, fused: distributions, joint; first fusion's time", 21, plain(against.docking)
)
TWIN = Comparison("twin, ILV by ILV", "counts, totals, marks, reads: location, spread, distribution, dependence", 390, lambda found, size: against.twin(found, TWINS[size]))  # fmt: skip

BY_NETWORK = (OCCUPANCY, MOMENTS, TIMES, FIELD, STREAMS)
INTEGRATED = {"oscillating", "recorded"}
CHAIN = {"kl": 0.0, "ku": 0.0, "kb_late": 0.0}
FEW_SITES = {"sites": 2.0, "kb": 0.5}
ONE_SITE = {"sites": 1.0, "kb": 0.25}
CROWD = {"sites": 3.0, "km": 0.06, "kb": 0.8}
READ = 30.0
OFTEN = (5.0, 20.0, 30.0, 40.0)


def rows_of(form: str, rows: tuple[Comparison, ...]) -> tuple[Comparison, ...]:
    """The same rows; under a curve that is no staircase the exponential gives way to an integrator."""
    name = "linear system, integrated" if form in INTEGRATED else MOMENTS.against
    return tuple(replace(row, against=name) if row is MOMENTS else row for row in rows)


def simulated(setting: Setting, loop: str, seed: int) -> Callable[[int], Found]:
    return lambda cells: models.run(setting, loop, cells, seed)


def _first_order() -> list[Scenario]:
    made = []
    for k, form in enumerate(FORMS):
        slow = {SLOW: 400} if form == "stepped" else {}
        made.append(
            Scenario(
                "first order",
                form,
                "lives",
                {QUICK: 4000, LONG: 100_000, **slow},
                simulated(Setting(LIVES, form), "lives", 100 + k),
                rows_of(form, BY_NETWORK),
            )
        )
        rows = (*rows_of(form, BY_NETWORK), GATE, COMPOUND, *((WHOLE,) if form in ("stepped", "recorded") else ()))
        setting = Setting(CELL, form, read_at=OFTEN if form in ("stepped", "recorded") else ())
        made.append(
            Scenario(
                "gate, growth, membrane",
                form,
                "vesicles",
                {QUICK: 2000, LONG: 40_000, **slow},
                simulated(setting, "vesicles", 110 + k),
                rows,
            )
        )
    made.append(
        Scenario(
            "first order",
            "stepped",
            "vesicles",
            {QUICK: 2000, LONG: 40_000},
            simulated(Setting(LIVES, "stepped"), "vesicles", 121),
            BY_NETWORK,
        )
    )
    return made


def _chains() -> list[Scenario]:
    return [
        Scenario(
            "one-way chain",
            form,
            loop,
            {QUICK: 2000, LONG: 40_000, SLOW: 200},
            simulated(Setting(LIVES, form, CHAIN, moves=True), loop, 130 + k),
            (WAITS, TIMES),
        )
        for k, (form, loop) in enumerate((f, loop) for f in ("constant", "stepped") for loop in LOOPS)
        if form == "stepped" or loop == "lives"
    ]


def _sites() -> list[Scenario]:
    cases = (
        ("two docking sites", FEW_SITES, "stepped"),
        ("one docking site", ONE_SITE, "constant"),
        ("two docking sites", FEW_SITES, "oscillating"),
        ("two docking sites", FEW_SITES, "recorded"),
    )
    return [
        Scenario(
            name,
            form,
            "vesicles",
            {LONG: 40_000, **({QUICK: 3000, SLOW: 250} if k == 0 else {QUICK: 3000} if k == 1 else {})},
            simulated(Setting(CELL, form, numbers), "vesicles", 140 + k),
            (SITES, STREAMS),
        )
        for k, (name, numbers, form) in enumerate(cases)
    ]


def _crowds() -> list[Scenario]:
    return [
        Scenario(
            "mergers, gate, sites",
            form,
            "vesicles",
            {LONG: 20_000, **({QUICK: 5000, SLOW: 1000} if form == "stepped" else {})},
            simulated(Setting(CELL, form, CROWD, read_at=READ), "vesicles", 150 + k),
            (TWIN, STREAMS),
        )
        for k, form in enumerate(FORMS)
    ]


def _declared_cell() -> list[Scenario]:
    """The declared cell itself, small and fast (`small.py`)."""

    def judged(case: str) -> Callable[[Any, str], Iterable[Check]]:
        return lambda found, size: map(judge.from_difference, differences(found, twin_sample(case, TWINS[size]), PAIRS))

    text = "counts, totals, marks, reads: location, spread, distribution, dependence"
    return [
        Scenario(
            f"declared cell, {case}",
            "stepped, slopes",
            "vesicles",
            {LONG: 30_000, **({QUICK: 5000} if case == "crowded" else {})},
            partial(of_kernel, small, seed=5),
            (Comparison("twin, ILV by ILV", text, 690, judged(case)),),
        )
        for case, small in CASES.items()
    ]


def _common_problem() -> list[Scenario]:
    made = []
    for problem in common.PROBLEMS:
        name = "master equation" if problem.sites else "matrix exponential per segment"
        truth = coupled.truth if problem.sites else common.poisson_truth
        row = Comparison(
            name,
            "five species at 48 times: means, variances",
            480,
            plain(partial(_moments_of, truth=truth, problem=problem)),
        )
        calcium = "constant" if len(problem.calcium) == 1 else "stepped"
        cells = {QUICK: 500, LONG: 4000} if problem is not common.COUPLED_RESTING else {LONG: 4000}
        made.append(
            Scenario(
                f"common problem, {problem.name.split(',')[0]}{f', {problem.sites} sites' if problem.sites else ''}",
                calcium,
                "vesicles" if problem.sites else "lives",
                cells,
                partial(_counts, problem),
                (row,),
            )
        )
    return made


def _counts(problem: common.Problem, cells: int) -> Any:
    return ours.simulate(problem, cells, 3)


def _moments_of(
    counts: Any, *, truth: Callable[[common.Problem], common.Truth], problem: common.Problem
) -> Iterable[Check]:
    known, cells = truth(problem), len(counts)
    for row in range(3, len(common.TIMES), 3):
        for i, species in enumerate(common.SPECIES):
            sample, what = counts[:, row, i], f"{species} at {common.TIMES[row]:g} min"
            expected, spread = known.mean[row, i], known.variance[row, i]
            if expected * cells >= common.FEWEST:
                yield judge.mean(what, sample, expected, spread)
                yield judge.variance(what, sample, spread, known.fourth[row, i])


def _borders() -> list[Scenario]:
    row = Comparison("constructed case", "an event at exactly a border: once, and after it", 0, plain(borders.checks))
    cells = {QUICK: 50, LONG: 50, SLOW: 50}
    return [
        Scenario("event at a border", "constant, stepped", loop, cells, partial(borders.run, loop), (row,))
        for loop in LOOPS
    ]


SCENARIOS = (*_first_order(), *_chains(), *_sites(), *_crowds(), *_declared_cell(), *_common_problem(), *_borders())
DECLARED = sum(row.tests for scenario in SCENARIOS for row in scenario.rows)
assert DECLARED + ELSEWHERE <= COMPARISONS, f"{DECLARED} tests declared here; raise COMPARISONS in compare.py"
