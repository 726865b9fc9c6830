"""Exact laws of the proof's models, written from the equations alone: nothing here is shared with the simulators.

Vesicles that do not feel each other are points of a Poisson process: the numbers in every stage, and of all that ever
left by each way, are independent Poisson numbers (of vesicles of each growth count, too), with means that follow
dy/dt = A(calcium) y. So one linear system gives occupancies, event times, growth counts. With docking sites the inflow
is still Poisson, and (ripe, docked, fused) is a Markov chain small enough to be followed state by state.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.sparse import csr_array

from proof.models import CELL, LENGTH, LIVES, Floats, Setting

STEP = 0.02
"""Minutes of one step of the classical Runge-Kutta method."""
GRID = np.linspace(0.0, LENGTH, round(LENGTH / STEP) + 1)
MOST_GROWTH = 40
"""Growth counts followed; fewer than one vesicle in 1e9 has more."""
MOST_RIPE, MOST_FUSED = 44, 40
"""Ripe and fused vesicles followed with finite docking sites; what is cut off is below 1e-9."""


def opening(setting: Setting, calcium: float) -> float:
    """The share of the fusion machine that is open."""
    k = setting.values["K"]
    return calcium**2 / (k**2 + calcium**2)


def gate(setting: Setting, growth: Floats) -> Floats:
    return growth / (growth + setting.values["half"])


@dataclass(frozen=True, eq=False)
class Network:
    """A first-order network: names of its quantities, and dy/dt = (still + open * opened) y, the last one being 1."""

    names: tuple[str, ...]
    still: Floats
    opened: Floats

    def place(self, name: str) -> NDArray[np.int64]:
        """Places of all quantities of one name; those told apart by growth count carry it after a dot."""
        return np.array([i for i, n in enumerate(self.names) if n.split(".")[0] == name])


@lru_cache(maxsize=64)
def _network(cell: bool, items: tuple[tuple[str, float], ...]) -> Network:
    r = dict(items)
    grown = range(MOST_GROWTH if cell else 1)
    names = [f"{s}.{g}" for s in ("young", "ripe", "docked", "fusions") for g in grown]
    names += ["lysosome_fusions", "births", "growths", "shed", "one"]
    at = {name: i for i, name in enumerate(names)}
    still, opened = (np.zeros((len(names), len(names))) for _ in range(2))

    def flow(matrix: Floats, source: str, target: str, rate: float, *, counted: str = "") -> None:
        matrix[at[target], at[source]] += rate
        if source != "one":
            matrix[at[source], at[source]] -= rate
        if counted:
            matrix[at[counted], at[source]] += rate

    flow(still, "one", "young.0", r["kb"], counted="births")
    flow(opened, "one", "shed", r["ks"])
    if not cell:
        flow(opened, "one", "ripe.0", r["kb_late"], counted="births")
    for g in grown:
        if cell and g + 1 < MOST_GROWTH:
            flow(still, f"young.{g}", f"young.{g + 1}", r["kg"], counted="growths")
        flow(still, f"young.{g}", f"ripe.{g}", r["kr"] * (g / (g + r["half"]) if cell else 1.0))
        flow(still, f"young.{g}", "lysosome_fusions", r["kl"])
        flow(still, f"ripe.{g}", f"docked.{g}", r["kd"])
        flow(still, f"docked.{g}", f"ripe.{g}", r["ku"])
        flow(opened, f"docked.{g}", f"fusions.{g}", r["kf"])
    return Network(tuple(names), still, opened)


def network(setting: Setting) -> Network:
    """The linear system of a setting without mergers and with room for all at the docking sites."""
    return _network(setting.model is CELL, tuple(sorted(setting.values.items())))


@dataclass(frozen=True, eq=False)
class Course:
    """Expected quantities of a first-order network on the fine grid of time, (time, quantity)."""

    network: Network
    y: Floats

    def mean(self, name: str, time: Floats | float) -> Floats:
        """Expected number of one name at given times (min)."""
        return np.interp(time, GRID, self.y[:, self.network.place(name)].sum(axis=1))

    def by_growth(self, name: str) -> Floats:
        """Expected numbers of one name at the end, by growth count."""
        return self.y[-1, self.network.place(name)]


def course(setting: Setting) -> Course:
    """By a matrix exponential per piece of constant calcium, by Runge-Kutta on the fine grid under any other curve."""
    return _course(setting.model is CELL, setting.form, tuple(sorted(setting.numbers.items())))


@cache
def _course(cell: bool, form: str, numbers: tuple[tuple[str, float], ...]) -> Course:
    setting = Setting(CELL if cell else LIVES, form, dict(numbers))
    return Course(network(setting), _exponential(setting) if setting.calcium.pieces else integrated(setting))


def _exponential(setting: Setting) -> Floats:
    net, spans = network(setting), setting.calcium.pieces
    y, rows = np.eye(len(net.names))[-1], []
    for begin, end, calcium in spans:
        step = expm((net.still + opening(setting, calcium) * net.opened) * STEP)
        for _ in range(round((end - begin) / STEP)):
            rows.append(y)
            y = step @ y
    return np.array([*rows, y])


def integrated(setting: Setting) -> Floats:
    """Classical Runge-Kutta on the fine grid; jumps of the curve lie on it."""
    net = network(setting)
    still, opened = csr_array(net.still), csr_array(net.opened)

    def slopes(open_: float, y: Floats) -> Floats:
        return np.asarray(still @ y + open_ * (opened @ y))

    return _follow(slopes, np.eye(len(net.names))[-1], opened_on_grid(setting))


def opened_on_grid(setting: Setting) -> Floats:
    """(step, 3): the open share at the beginning, the middle and the end of every step of the grid."""
    c = setting.calcium
    rows = [(c(a), c((a + b) / 2), c(b, before=True)) for a, b in pairwise(GRID)]
    return np.array([[opening(setting, value) for value in row] for row in rows])


def _follow(slopes, y: Floats, opened: Floats) -> Floats:  # type: ignore[no-untyped-def]
    rows = [y]
    for first, middle, last in opened:
        k1 = slopes(first, y)
        k2 = slopes(middle, y + STEP / 2 * k1)
        k3 = slopes(middle, y + STEP / 2 * k2)
        k4 = slopes(last, y + STEP * k3)
        y = y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        rows.append(y)
    return np.array(rows)


# --- waits ----------------------------------------------------------------------------------------------------------


def passed(setting: Setting, stages: int, born: Floats, time: Floats) -> Floats:
    """P(a vesicle born young at `born` has left the first `stages` stages of a one-way chain by `time`).

    Hypoexponential: one exponential after the other, the last at a rate that calcium sets, piece by piece.
    """
    r = setting.values
    here = np.zeros((len(born), stages))
    here[:, 0] = 1.0
    for begin, end, calcium in setting.calcium.pieces:
        rates = np.array([r["kr"], r["kd"], r["kf"] * opening(setting, calcium)])[:stages]
        a = np.diag(-rates) + np.diag(rates[:-1], 1)
        values, vectors = np.linalg.eig(a)  # distinct rates: a full set of eigenvectors
        spent = np.clip(np.minimum(time, end) - np.maximum(born, begin), 0.0, None)
        here = ((here @ vectors) * np.exp(np.outer(spent, values))) @ np.linalg.inv(vectors)
    return 1.0 - here.sum(axis=1)


def hypoexponential(rates: Floats, age: Floats) -> Floats:
    """The textbook form, for distinct rates: 1 - sum_i exp(-k_i t) prod_{j != i} k_j / (k_j - k_i)."""
    left = np.zeros_like(age)
    for i, k in enumerate(rates):
        others = np.delete(rates, i)
        left += np.prod(others / (others - k)) * np.exp(-k * age)
    return 1.0 - left


# --- finite docking sites -------------------------------------------------------------------------------------------


@cache
def _sites(form: str, items: tuple[tuple[str, float], ...], outputs: tuple[float, ...]) -> tuple[Floats, Floats]:
    setting = Setting(CELL, form, dict(items), outputs=outputs)
    young = course(setting)
    growth = np.arange(MOST_GROWTH)
    places = young.network.place("young")
    inflow = young.y[:, places] @ (setting.values["kr"] * gate(setting, growth))
    still, opened, arrive, shape = _chain(setting)
    y, kept, none = np.zeros(still.shape[0]), [], [1.0]
    y[0] = 1.0
    halves = np.interp(GRID[:-1] + STEP / 2, GRID, inflow)
    rows = set(np.round(np.array(outputs) / STEP).astype(int).tolist())
    for i, (first, middle, last) in enumerate(opened_on_grid(setting)):

        def slope(open_: float, into: float, p: Floats) -> Floats:
            return np.asarray(still @ p + open_ * (opened @ p) + into * (arrive @ p))

        k1 = slope(first, inflow[i], y)
        k2 = slope(middle, halves[i], y + STEP / 2 * k1)
        k3 = slope(middle, halves[i], y + STEP / 2 * k2)
        k4 = slope(last, inflow[i + 1], y + STEP * k3)
        y = y + STEP / 6 * (k1 + 2 * k2 + 2 * k3 + k4)
        none.append(float(y.reshape(shape)[..., 0].sum()))
        if i + 1 in rows:
            kept.append(y.reshape(shape))
    return np.array(kept), np.array(none)


def sites(setting: Setting) -> tuple[Floats, Floats]:
    """P(ripe, docked, fused) at every output, and P(no fusion yet) on the grid, with finite docking sites."""
    return _sites(setting.form, tuple(sorted(setting.numbers.items())), setting.outputs)


def _chain(setting: Setting) -> tuple[csr_array, csr_array, csr_array, tuple[int, int, int]]:
    """Generators of (ripe, docked, fused): what calcium leaves alone, what it scales, and arrivals at unit rate."""
    r = setting.values
    room = round(r["sites"])
    shape = (MOST_RIPE + 1, room + 1, MOST_FUSED + 1)
    ripe, docked, fused = (axis.ravel() for axis in np.indices(shape))
    here = np.arange(ripe.size)

    def generator(*ways: tuple[tuple[int, int, int], Floats]) -> csr_array:
        rows, columns, values = [], [], []
        for (a, b, c), rate in ways:
            to = (ripe + a, docked + b, fused + c)
            inside = np.all([(n >= 0) & (n < top) for n, top in zip(to, shape, strict=True)], axis=0) & (rate > 0)
            target = np.ravel_multi_index([n[inside] for n in to], shape)
            rows += [target, here[inside]]
            columns += [here[inside], here[inside]]
            values += [rate[inside], -rate[inside]]
        parts = np.concatenate(values), (np.concatenate(rows), np.concatenate(columns))
        return csr_array(parts, shape=(ripe.size, ripe.size))

    dock = r["kd"] * ripe * (room - docked) / room
    still = generator(((-1, 1, 0), dock), ((1, -1, 0), r["ku"] * docked))
    opened = generator(((0, -1, 1), r["kf"] * docked.astype(float)))
    return still, opened, generator(((1, 0, 0), np.ones(ripe.size))), shape
