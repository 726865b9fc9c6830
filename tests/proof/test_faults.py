"""Every planted fault is caught by the table, and the right kernel on the same path is not accused."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest

from compare import LEAST
from proof import faults, models
from proof.faults import FAULTS, Fault
from proof.models import CELL, LIVES, Setting
from proof.report import FAULT
from proof.scenarios import QUICK, SCENARIOS, SLOW, Scenario

NOTHING = {loop: faults.source("nothing", loop, "while", "while") for loop in models.LOOPS}


def rows_of(loop: str, size: str) -> Iterator[tuple[Scenario, str, float]]:
    """Every row of a loop that faults are held against, with its smallest p."""
    for scenario in SCENARIOS:
        if scenario.loop == loop and SLOW in scenario.cells:
            with np.errstate(all="ignore"):  # whole numbers run over, as those of a random stream do on purpose
                found = scenario.run(scenario.cells[size])
            for row in scenario.judged(size):
                yield scenario, row.against, min((c.p for c in row.judge(found, size)), default=1.0)


def judged(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, float]]:
    fault.plant(monkeypatch)
    for scenario, against, p in rows_of(fault.loop, QUICK if fault.compiled else SLOW):
        yield f"{against}, {scenario.name}", p if p == p else 0.0


@pytest.mark.parametrize("fault", [f for f in FAULTS if f.compiled or f.label in faults.QUICK], ids=lambda f: f.label)
def test_planted_fault_is_caught(fault: Fault, monkeypatch: pytest.MonkeyPatch) -> None:
    assert any(p < LEAST for _, p in judged(fault, monkeypatch)), f"{fault.label} stayed unseen"


@pytest.mark.proof
@pytest.mark.parametrize("fault", FAULTS, ids=lambda f: f.label)
def test_which_rows_catch_a_planted_fault(
    fault: Fault, monkeypatch: pytest.MonkeyPatch, record_property: Callable[[str, object], None]
) -> None:
    rows = list(judged(fault, monkeypatch))
    record_property(FAULT, {"fault": fault.label, "rows": rows})
    assert any(p < LEAST for _, p in rows), f"{fault.label} stayed unseen; smallest p {min(p for _, p in rows):.1e}"


@pytest.mark.proof
@pytest.mark.parametrize("loop", models.LOOPS)
def test_the_right_kernel_on_the_same_path_is_not_accused(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = list(judged(NOTHING[loop], monkeypatch))
    assert len(rows) > 5 and all(p >= LEAST for _, p in rows), rows


@pytest.mark.parametrize("loop", models.LOOPS)
def test_the_same_path_gives_the_bits_of_the_compiled_kernel(loop: str, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Setting(LIVES if loop == "lives" else CELL, "recorded", read_at=30.0)
    compiled = models.run(setting, loop, 20, 17)
    NOTHING[loop].plant(monkeypatch)
    with np.errstate(all="ignore"):  # whole numbers run over, as those of a random stream do on purpose
        slow = models.run(setting, loop, 20, 17)
    for name in compiled.events:
        np.testing.assert_array_equal(slow.events[name], compiled.events[name])
    np.testing.assert_array_equal(slow.total, compiled.total)
    np.testing.assert_array_equal(slow.count, compiled.count)


@pytest.mark.parametrize("fault", [f for f in FAULTS if not f.compiled], ids=lambda f: f.label)
def test_the_text_of_a_fault_is_still_in_the_source(fault: Fault) -> None:
    symbols = Setting(LIVES if fault.loop == "lives" else CELL, "constant").job(1).symbols
    right = faults.TEXTS[fault.label][0]
    assert faults.is_there(fault, symbols), f"the kernel no longer has {right!r}: mend the planted fault {fault.label}"
