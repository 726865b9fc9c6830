"""The table of the proof: a quick share in every test run, the whole by `make proof`."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from compare import LEAST, differences
from proof import against, crowd, judge, models
from proof.models import CELL, LIVES, Setting
from proof.report import ROW
from proof.scenarios import CROWD, LONG, QUICK, SCENARIOS, Scenario

Record = Callable[[str, object], None]


def name_of(scenario: Scenario) -> str:
    return f"{scenario.name}-{scenario.calcium}-{scenario.loop}"


def fill(scenario: Scenario, size: str, record: Record) -> None:
    """Run one scenario and hold every row of it to the suite's limit."""
    cells, wrong = scenario.cells[size], []
    found = scenario.run(cells)
    for row in scenario.judged(size):
        checks = list(row.judge(found, size))
        worst = min(checks, key=lambda check: check.p)
        assert checks and (len(checks) <= row.tests or not row.tests), f"{len(checks)} tests, {row.tests} declared"
        record(ROW, {
            "scenario": scenario.name, "loop": scenario.loop, "calcium": scenario.calcium, "against": row.against,
            "observables": row.observables, "size": size, "cells": cells, "tests": len(checks),
            "declared": row.tests, "p": worst.p, "worst": worst.what,
        })  # fmt: skip
        wrong += [f"{row.against}: {c.what}: p = {c.p:.1e}" for c in checks if not c.p >= LEAST]
    assert not wrong, f"{len(wrong)} tests below p = {LEAST:.0e}:\n" + "\n".join(wrong[:12])


@pytest.mark.parametrize("scenario", [s for s in SCENARIOS if QUICK in s.cells], ids=name_of)
def test_quick_share(scenario: Scenario, record_property: Record) -> None:
    fill(scenario, QUICK, record_property)


@pytest.mark.proof
@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
def test_row(scenario: Scenario, record_property: Record) -> None:
    fill(scenario, LONG, record_property)


def test_no_two_rows_are_the_same() -> None:
    keys = [(s.name, s.loop, s.calcium, r.against, r.observables) for s in SCENARIOS for r in s.rows]
    assert len(keys) > 60 and len(set(keys)) == len(keys)


# --- p-values are what they say --------------------------------------------------------------------------------------

REPEATS = 200


@pytest.mark.proof
@pytest.mark.parametrize(
    "judged", [against.occupancy, against.moments, against.event_times, against.compound], ids=lambda f: f.__name__
)
def test_p_values_against_a_law_keep_their_word(judged: Callable[[models.Found], object]) -> None:
    """Over many seeds of the right kernel, the smallest p of a row is as small as Bonferroni allows, not more often."""
    model, loop = (CELL, "vesicles") if judged is against.compound else (LIVES, "lives")
    setting = Setting(model, "stepped")
    found = [[c.p for c in judged(models.run(setting, loop, 1000, 1000 + k))] for k in range(REPEATS)]
    assert_honest(found)


@pytest.mark.proof
def test_p_values_against_a_sample_keep_their_word() -> None:
    """The same for comparisons with as few cells as the twin has, the kernel standing in for it."""
    setting, found = Setting(CELL, "stepped", CROWD, read_at=30.0), []
    for k in range(REPEATS):
        many = crowd.seen(models.run(setting, "vesicles", 2500, 5000 + k))
        few = crowd.seen(models.run(setting, "vesicles", 250, 1000 + k))
        found.append([judge.from_difference(d).p for d in differences(many, few, against.PAIRS)])
    assert_honest(found)


def assert_honest(found: list[list[float]]) -> None:
    """Rows with a p below 5 % of their number of tests are at most 5 %; ps below 1e-3 about one in a thousand."""
    alarms = sum(min(row) < 0.05 / len(row) for row in found)
    assert stats.binom.sf(alarms - 1, len(found), 0.05) > 1e-4, f"{alarms} of {len(found)} rows alarmed at 5 %"
    small = np.array([p < 1e-3 for row in found for p in row])
    assert small.mean() < 3e-3, f"{small.sum()} of {small.size} ps below 1e-3"
