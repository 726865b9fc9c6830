"""Two parts of a place alone: a fast field used up at full rate, and the implicit step of its reactions.

Nothing here is drawn: no false alarms. Every check is shown to fail on a planted fault.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numba import njit
from scipy.integrate import solve_ivp

from exude.cascade import CELL
from exude.catalog import read
from exude.derive.space import Space
from exude.engine import build, grid, places, steady
from exude.engine.layout import Floats
from exude.engine.tissue import FIRST_ROUNDS
from exude.experiment.matrix import Gel
from exude.experiment.tissue import Tissue
from exude.model import Cascade, Chapter, Field, Reaction

pytestmark = pytest.mark.filterwarnings("ignore:'int' object is not callable:SyntaxWarning")
"""The small problems below have places and no cells, so that what cells do is a text without meaning."""

# ---- a field used up at full rate: a slab of cells between two faces where it is held

EDGE, SPEED = 200.0, 2000.0
"""uM at both faces; um2/s."""
DEPTH = 120.0
"""How far it gets into the slab, um: sqrt(2 D c / q)."""
TAKEN = 2.0 * SPEED * EDGE / DEPTH**2
"""q, uM/s, wherever any is left."""
HALF = 1e-4
"""uM at which uptake is half of q: so little that nearly all of the profile has the full rate."""
PACKED = 2e-4
"""Cells per um3."""
SOLVED = 1e-9
"""Residual, so that what is measured is the lattice's error and the rounds', not the solver's."""
SIDE = 4
"""Voxels across, where nothing changes."""


def slab(
    monkeypatch: pytest.MonkeyPatch, thick: float, h: float, *, rounds: int = FIRST_ROUNDS, half: float = HALF
) -> tuple[Floats, Floats]:
    """Middles of voxels (um from a face) and the field at rest in a slab of cells, held at its two faces."""
    monkeypatch.setattr(places, "faces", lambda setup, name: {"x-": EDGE, "x+": EDGE} if name == "oxygen" else None)
    monkeypatch.setattr(places, "FAST_ERROR", SOLVED)
    base = Tissue(matrix=Gel(), size=("80 um", "80 um"), step="60 s").plan().setup
    names, numbers = list(base.space.parameters), base.parameters.copy()
    numbers[names.index("half_oxygen")], numbers[names.index("respiration")] = half, TAKEN / PACKED
    box = grid.Grid((SIDE, SIDE, round(thick / h)), h)
    setup = replace(
        base, grid=box, parameters=numbers, edge={"oxygen": EDGE}, fast_speed={"oxygen": SPEED},
    )  # fmt: skip
    made = places.Places(setup, grid.new_fields(box, len(setup.space.fields)))
    made.deposits[setup.space.deposits.index("cells")][...] = PACKED
    oxygen = made.fields[setup.space.reacting]
    oxygen[...] = EDGE
    made.settle(setup.dish, rounds=rounds)
    assert np.ptp(oxygen, axis=(0, 1)).max() < 1e-6 * EDGE
    return box.centres()[0], oxygen[0, 0].copy()


def thin(x: Floats, thick: float) -> Floats:
    """The exact parabola in a slab that it crosses."""
    return EDGE - TAKEN / (2.0 * SPEED) * x * (thick - x)


def used_up(x: Floats, thick: float) -> Floats:
    """The exact parabola where it ends at DEPTH, and nothing beyond."""
    return EDGE * np.maximum(0.0, 1.0 - np.minimum(x, thick - x) / DEPTH) ** 2


THIN, THICK = 160.0, 480.0
"""Slabs that are crossed and that are not, um."""
FINE = (20.0, 10.0, 5.0, 2.5)
"""Voxels, um."""
MANY_ROUNDS = 60
"""Rounds after which nothing changes any more where a part of the slab has none left."""


def errors(patch: pytest.MonkeyPatch, thick: float, exact: Callable[[Floats, float], Floats], rounds: int) -> Floats:
    found = []
    for h in FINE:
        x, u = slab(patch, thick, h, rounds=rounds)
        found.append(float(np.abs(u - exact(x, thick)).max()))
    return np.array(found)


def orders(found: Floats) -> Floats:
    return np.log2(found[:-1] / found[1:])


def half_as_far(patch: pytest.MonkeyPatch) -> None:
    """A planted fault: held values stand a whole voxel beyond the outermost middle, not half a voxel."""
    right = steady._edges

    def wrong(*given: Any) -> tuple[Floats, Floats]:
        leak, pushed = right(*given)
        return 0.5 * leak, 0.5 * pushed

    patch.setattr(steady, "_edges", wrong)


@pytest.mark.parametrize(
    ("thick", "exact", "rounds"),
    [(THIN, thin, FIRST_ROUNDS), (THICK, used_up, MANY_ROUNDS)],
    ids=["crossed", "used-up"],
)
def test_uptake_at_its_full_rate_gives_the_parabola_to_second_order(
    thick: float, exact: Callable[[Floats, float], Floats], rounds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lattice's only error is that of the outermost half voxel, q h^2 / 8 D."""
    found = errors(monkeypatch, thick, exact, rounds)
    lattice = TAKEN * np.array(FINE) ** 2 / (8.0 * SPEED)
    assert (np.abs(orders(found) - 2.0) < 0.1).all(), found
    assert found == pytest.approx(lattice, rel=0.05)
    half_as_far(monkeypatch)
    assert (orders(errors(monkeypatch, thick, exact, rounds)) < 1.3).all()
    monkeypatch.undo()
    assert (orders(errors(monkeypatch, thick, exact, 2)) < 0.5).all()  # planted: rounds that stop too early


def reach(x: Floats, u: Floats) -> float:
    """Where the field ends, um: its root falls in a straight line to 0 there."""
    along = (x < THICK / 2.0) & (u > 0.02 * EDGE)
    slope, start = np.polyfit(x[along], np.sqrt(u[along]), 1)
    return float(-start / slope)


def test_depth_of_penetration(monkeypatch: pytest.MonkeyPatch) -> None:
    """sqrt(2 D c / q) to 0.1 % once at rest; the rounds before a first step leave the deepest tail 1 % of the edge high."""
    x, u = slab(monkeypatch, THICK, FINE[-1], rounds=MANY_ROUNDS)
    assert reach(x, u) == pytest.approx(DEPTH, rel=1e-3)
    assert u[np.abs(x - THICK / 2) < THICK / 2 - 1.05 * DEPTH].max() < 1e-3 * EDGE
    early = slab(monkeypatch, THICK, FINE[-1])[1]
    assert np.abs(early - used_up(x, THICK)).max() < 0.01 * EDGE
    monkeypatch.setattr("test_rest.TAKEN", 1.02 * TAKEN)  # planted: 2 % more taken, 1 % less deep
    x, u = slab(monkeypatch, THICK, FINE[-1], rounds=MANY_ROUNDS)
    assert reach(x, u) != pytest.approx(DEPTH, rel=3e-3)


# ---- one implicit step of a place, over and over at one length

UNITS = {name: number.unit for name, number in read.parameters().items()} | {
    "k_slow": "1/s", "k_fast": "1/s", "half": "uM",
}  # fmt: skip
HUNT = Chapter(
    name="hunt",
    fields=(Field("prey", "uM"), Field("hunters", "uM")),
    reactions=(
        Reaction("birth", "k_slow * prey", {"prey": 1}),
        Reaction("kill", "k_fast * prey * hunters / half", {"prey": -1, "hunters": 1}),
        Reaction("death", "k_slow * hunters", {"hunters": -1}),
    ),
)
"""Lotka and Volterra's: nothing stiff, nothing linear."""
PAIRS = Chapter(
    name="pairs",
    fields=(Field("single", "uM"), Field("pair", "uM"), Field("gone", "uM")),
    reactions=(
        Reaction("pairing", "k_fast * single ** 2 / half", {"single": -2, "pair": 1}),
        Reaction("parting", "k_fast * pair", {"pair": -1, "single": 2}),
        Reaction("use", "k_slow * single * pair / (half + single)", {"pair": -1, "gone": 1}),
    ),
)
"""Singles and pairs at balance a million times faster than pairs are used up."""


class Problem:
    """Reactions of one place, their numbers, where they start and how long they go on."""

    def __init__(self, chapter: Chapter, numbers: dict[str, float], start: list[float], span: float) -> None:
        self.space = Space(Cascade((*CELL.chapters, chapter)), UNITS)
        self.p = np.array([numbers[name] for name in self.space.parameters])
        self.start, self.span = np.array(start), span


MILD = Problem(HUNT, {"k_slow": 1.0, "k_fast": 0.7, "half": 1.5}, [1.0, 2.0], 3.0)
STIFF = Problem(PAIRS, {"k_slow": 1.0, "k_fast": 1e6, "half": 1.0}, [1.0, 1.0, 0.0], 3.0)
PROBLEMS = {"mild": MILD, "stiff": STIFF}
SLOWLY = "def njit(*args, **options):\n    return lambda function: function\n"
STEPS = (8, 16, 32, 64)
"""Of one length; in the stiff problem the longest is 10^5 times too long for an explicit step, the shortest 10^4 times."""
WAYS = ("lanes", "place")


@cache
def loops(name: str, right: str = "", wrong: str = "") -> ModuleType:
    """The tissue's loops for a problem, run by plain Python so that a text can be replaced by a wrong one."""
    text = build._text(PROBLEMS[name].space.source(), "tissue")
    assert right in text
    made = ModuleType(f"{name}_by_plain_python")
    exec(text.replace(right, wrong).replace("from numba import njit\n", SLOWLY), made.__dict__)
    return made


def marched(m: ModuleType, problem: Problem, way: str, steps: int) -> Floats:
    """The state after `steps` equal steps of `lane_step` (in its last lane) or `place_step`."""
    n, dt, c = len(problem.start), problem.span / steps, m.place_constants(problem.p, np.zeros(1))
    if way == "place":
        work, j = np.zeros((m.WORK_ROWS, 64)), np.zeros((n, n))
        y = work[0]
        y[:n] = problem.start
        for _ in range(steps):
            assert m.place_step(c, np.zeros(1), y, dt, work, j)
            y[:n] = work[1][:n]
        return y[:n].copy()
    w = np.zeros(m.LANE_ROOM)
    now, new = (w[at : at + m.ALL].reshape(n, m.LANES) for at in (m.NOW, m.NEW))
    start, right = (w[at : at + m.ALL] for at in (m.START, m.RIGHT))
    now[:] = new[:] = problem.start[:, None]
    for _ in range(steps):
        m.react_lanes(c, w)
        start[:] = right
        m.lane_step(c, w, dt)
        now[:] = new
    assert np.ptp(now, axis=1).max() == 0.0
    return now[:, -1].copy()


@cache
def known(name: str) -> Floats:
    """The same by scipy's Radau, far finer; the least error it can tell is below 1e-10."""
    problem = PROBLEMS[name]
    m, out = loops(name), np.zeros(len(problem.start))
    c = m.place_constants(problem.p, np.zeros(1))

    def slopes(_: float, y: Floats) -> Floats:
        m.react(c, np.zeros(1), y, out)
        return out.copy()

    found = solve_ivp(slopes, (0.0, problem.span), problem.start, method="Radau", rtol=1e-12, atol=1e-14)
    return np.asarray(found.y[:, -1])


def measured(name: str, way: str, right: str = "", wrong: str = "") -> tuple[Floats, Floats]:
    """Errors for ever finer steps, and the order from each to the next."""
    m = loops(name, right, wrong)
    off = np.array([np.abs(marched(m, PROBLEMS[name], way, k) - known(name)).max() for k in STEPS])
    return off, orders(off)


FAULTS = {
    "lanes": (
        ("GAMMA = 0.5 ", "GAMMA = 0.51 "),
        ("GAMMA * 4.0 * first", "GAMMA * 3.9 * first"),
        ("+ 2.0 * first", "+ 1.95 * first"),
        ("w[UP(FIRST + i)] - w[UP(RIGHT + i)]", "w[UP(FIRST + i)] - 0.95 * w[UP(RIGHT + i)]"),
        ("LAST = 8.0 / 3.0", "LAST = 2.5"),
        ("w[UP(NEW + i)] += third", "w[UP(NEW + i)] += 0.98 * third"),
        ("w[UP(NEW + i)] += w[UP(RIGHT + i)]", "pass"),
    ),
    "place": (
        ("GAMMA = 0.5 ", "GAMMA = 0.51 "),
        ("GAMMA * 4.0 * k1[a]", "GAMMA * 3.9 * k1[a]"),
        ("+ 2.0 * k1[a]", "+ 1.95 * k1[a]"),
        ("(k1[a] - k2[a])", "(k1[a] - 0.95 * k2[a])"),
        ("LAST = 8.0 / 3.0", "LAST = 2.5"),
        ("k1[a] -= GAMMA * LAST * k2[a]", "pass"),
        ("j[a, b] *= -share", "j[a, b] *= -0.98 * share"),
    ),
}
"""Coefficients a little off, and parts left out."""
BELOW, ABOVE = 2.85, 3.25
"""The order as measured: the error of the finest steps is where it is third to 2 %."""


def third(found: Floats) -> bool:
    return bool(((found > BELOW) & (found < ABOVE)).all())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_implicit_step_is_of_third_order(name: str, way: str) -> None:
    off, found = measured(name, way)
    assert third(found), (off, found)
    assert found[-1] == pytest.approx(3.0, abs=0.07)


@pytest.mark.parametrize(("way", "right", "wrong"), [(way, *fault) for way in WAYS for fault in FAULTS[way]])
@pytest.mark.parametrize("name", PROBLEMS)
def test_a_wrong_coefficient_costs_the_order(name: str, way: str, right: str, wrong: str) -> None:
    assert not third(measured(name, way, right, wrong)[1])


def test_both_ways_are_one_method() -> None:
    for name in PROBLEMS:
        one, other = (marched(loops(name), PROBLEMS[name], way, STEPS[0]) for way in WAYS)
        assert one == pytest.approx(other, rel=1e-8)


@pytest.mark.parametrize("name", PROBLEMS)
def test_the_compiled_step_has_the_same_bits(name: str) -> None:
    """What was measured above is what runs."""
    problem, m = PROBLEMS[name], build.tissue(PROBLEMS[name].space)
    constants, react, step, room = m.place_constants, m.react_lanes, m.lane_step, m.LANE_ROOM
    start, right, new, size = m.START, m.RIGHT, m.NEW, m.ALL

    @njit(error_model="numpy")
    def march(p: Floats, y: Floats, dt: float, steps: int) -> Floats:
        w, c = np.zeros(room), constants(p, np.zeros(1))
        for i in range(size):
            w[i] = w[new + i] = y[i // (size // len(y))]
        for _ in range(steps):
            react(c, w)
            w[start : start + size] = w[right : right + size]
            step(c, w, dt)
            w[:size] = w[new : new + size]
        return w[:size]

    found = march(problem.p, problem.start, problem.span / STEPS[0], STEPS[0]).reshape(len(problem.start), -1)
    assert np.array_equal(found[:, -1], marched(loops(name), problem, "lanes", STEPS[0]))


def estimates(m: ModuleType) -> Floats:
    """The error the method itself sees in one step from the start, for steps ever halved."""
    problem, found = MILD, []
    for dt in (0.02, 0.01, 0.005):
        work, j = np.zeros((m.WORK_ROWS, 64)), np.zeros((2, 2))
        assert m.place_step(m.place_constants(problem.p, np.zeros(1)), np.zeros(1), problem.start.copy(), dt, work, j)
        found.append(float(np.abs(work[4][:2]).max()))
    return np.array(found)


def test_its_own_error_is_that_of_a_method_of_second_order() -> None:
    """The embedded method's local error is of third order; a wrong coefficient leaves one of the first or second."""
    assert orders(estimates(loops("mild"))) == pytest.approx(3.0, abs=0.1)
    assert (orders(estimates(loops("mild", "GAMMA * 4.0 * k1[a]", "GAMMA * 3.9 * k1[a]"))) < 2.5).all()


def test_without_sources_there_is_nothing_at_rest():
    """A field left over from sources that are gone; it used to end in a division of nothing by nothing."""
    box = grid.Grid((1, 8, 8), 20.0)
    field = grid.new_field(box, 1e-150)
    assert steady.steady(box, 100.0, 1e-3, field) == 0
    assert not field.any()
