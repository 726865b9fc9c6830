"""What is exact and what is a closure, on the declared cell and on small made-up models."""

from __future__ import annotations

import pytest

from exude.cascade import CELL
from exude.derive.closures import Closure, closures
from exude.derive.symbols import Symbols
from exude.experiment.simulate import cell_symbols
from exude.model import BORN, RELEASED, Cascade, Chapter, Definition, Emission, LifeCycle, Transition

UNITS = {"make": "item/s", "go": "1/s", "meet": "1/item/s", "room": "item", "half": ""}


def labels(
    *transitions: Transition, resolved: str = "", definitions: tuple[Definition, ...] = ()
) -> dict[str, Closure]:
    """Closures of a model with the stages `a` and `b`, by name."""
    chapter = Chapter(
        name="made up",
        definitions=definitions,
        emissions=(Emission("lost", "make"), Emission("crowding", "make * fall(n_a, room, 1)")),
        life_cycle=LifeCycle(
            "made up", ("a", "b"), (Transition("birth", BORN, "a", "make"), *transitions), None, resolved
        ),
    )
    return {c.name: c for c in closures(Symbols(Cascade((chapter,)), UNITS))}


def test_the_cell_has_every_transition_and_emission_once_in_order() -> None:
    names = [t.name for t in CELL.life_cycle.transitions] + [e.name for e in CELL.emissions]
    assert len(names) > 10
    assert [c.name for c in closures(cell_symbols())] == names


def test_the_cell_s_closures() -> None:
    found = {c.name: c.why for c in closures(cell_symbols()) if c.kind == "closure"}
    lysosome = dict.fromkeys(("loss_immature", "loss_travelling", "loss_peripheral"), "reads n_primed")
    munc13_4 = dict.fromkeys(("growth", "priming", "fusion"), "reads n_primed")
    assert found == {
        **lysosome,
        **munc13_4,
        "docking": "reads n_docked and n_primed",
        "merger": "pairs taken as independent",
    }
    assert "mean growth of the last class" in {c.name: c.why for c in closures(cell_symbols())}["maturation"]


def test_a_rate_without_counts_is_exact() -> None:
    assert labels(Transition("move", "a", "b", "go"))["move"] == Closure("move", "exact", "rate reads no count")


@pytest.mark.parametrize(
    ("transition", "why"),
    [
        (Transition("x", "a", "b", "go * fall(n_b, room, 1)"), "reads n_b"),
        (Transition("x", "a", "b", "go * free"), "reads n_a and n_b"),
        (Transition("x", "a", "a", "meet", merges=True), "pairs taken as independent"),
        (Transition("x", "a", "a", "meet * free", merges=True), "reads n_a and n_b; pairs taken as independent"),
        (Transition("x", "b", RELEASED, "go", gate="hill(growth, half, 1)"), "gate on b"),
        (Transition("x", "b", "a", "go"), "growth count forgotten on the way back to a"),
    ],
)
def test_a_closure_says_why(transition: Transition, why: str) -> None:
    """Counts are found through definitions of definitions."""
    free = (Definition("free", "1 - used"), Definition("used", "(n_a + n_b) / room"))
    found = labels(transition, resolved="a", definitions=free)["x"]
    assert found.kind == "closure"
    assert found.why.startswith(why)


def test_a_gate_on_the_resolved_stage_and_growth_are_exact() -> None:
    found = labels(
        Transition("gated", "a", "b", "go", gate="hill(growth, half, 1)"),
        Transition("growth", "a", "a", "go", growth=1),
        resolved="a",
    )
    assert {found[name].kind for name in ("gated", "growth", "birth")} == {"exact"}


def test_emissions_are_labelled_too() -> None:
    found = labels()
    assert found["lost"].kind == "exact"
    assert found["crowding"] == Closure("crowding", "closure", "reads n_a")
