"""Cells in space beside pyphysicell: forces, and the whole step with a walk, in turn in the same run, results checked.

    python benchmarks/agents.py [--quick]        # needs pyphysicell 0.1.4 (pip install --no-deps pyphysicell==0.1.4)

A ball of equal cells at confluence (14 to 16 neighbours), PhysiCell's potentials and default strengths, dt 0.1 min,
cells in spatial order for both, one thread, CPU time. Ours and the peer's runs alternate; a ratio is the median of the
ratios of such pairs.

- forces: the peer's force kernel alone, its cell list given for free; ours with the check that its list still holds.
- forces, unlike: the same with strengths that differ from cell to cell; above, all are equal, as in the problem.
- step: the peer's cell list, forces and move, and the addition of the walk's displacement, whose random numbers it gets
  for free; ours with walk, forces, move and the lists it has to build on the way. The trajectories of both are compared.
"""

from __future__ import annotations

import argparse
import importlib
import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exude.engine import agents
from exude.engine.walk import Walk, wander

Floats = NDArray[np.float64]

RADIUS = 8.412710547954228
"""um: PhysiCell's default cell of 2,494 um3."""
STRETCH, REPULSION, ADHESION = 1.25, 10.0, 0.4
"""PhysiCell's defaults: relative maximum adhesion distance; um/min."""
SPACING, JITTER = 14.7, 0.06
"""um between nearest neighbours of the lattice the ball is cut from, and normal noise as a share of it."""
DT = 0.1
"""min. The peer counts in minutes; both are given the same numbers, so ours runs in minutes here, too."""
SPEED, PERSISTENCE = 0.5, 15.0
"""um/min, min."""
NARROWEST_BIN = 30.0
"""um, pyphysicell's own choice (simulation.py)."""
AGREE = 1e-10
"""um by which trajectories may differ after the checked steps."""


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    sizes: tuple[int, ...] = (10_000, 100_000)
    pairs: int = 5
    steps: int = 20
    """Timed steps of a run."""
    checked: int = 100
    """Steps after which the trajectories are compared."""


QUICK = Effort((10_000,), 3, 10, 20)


def ball(count: int, seed: int = 1) -> tuple[agents.Box, agents.Cells]:
    """A ball of equal cells, jittered from a face-centred cubic lattice, in spatial order."""
    half = math.ceil(count ** (1 / 3)) + 2
    axis = np.arange(-half, half + 1)
    lattice = np.stack(np.meshgrid(axis, axis, axis, indexing="ij"), axis=-1).reshape(-1, 3)
    lattice = lattice[lattice.sum(axis=1) % 2 == 0]
    lattice = lattice[np.argsort((lattice**2).sum(axis=1), kind="stable")[:count]]
    place = lattice * (SPACING / math.sqrt(2)) + np.random.default_rng(seed).normal(0, JITTER * SPACING, (count, 3))
    edge = np.abs(place).max() + 100.0
    box = agents.Box(np.full(3, -edge), np.full(3, edge))
    ids, one = np.arange(count), np.ones(count)
    place = place[agents.spatial_order(place, ids, box, RADIUS)]
    kind = np.zeros(count, np.int64)
    return box, agents.Cells(place, RADIUS * one, STRETCH * one, REPULSION * one, ADHESION * one, kind, ids)


def unlike(cells: agents.Cells) -> agents.Cells:
    """The same ball with strengths and reaches of their own for each cell."""
    rng, n = np.random.default_rng(2), len(cells.ids)
    stretch, share = rng.uniform(1.1, STRETCH, n), rng.uniform(0.5, 1.0, (2, n))
    return cells._replace(stretch=stretch, repulsion=share[0] * REPULSION, adhesion=share[1] * ADHESION)


def walk_of(cells: agents.Cells) -> Walk:
    """A walk of every cell."""
    n, one = len(cells.ids), np.ones(len(cells.ids))
    return Walk(np.zeros((n, 3)), SPEED * one, PERSISTENCE * one, np.zeros((n, 3)), one, cells.ids)


class Ours:
    """Our side of the problem."""

    def __init__(self, box: agents.Box, cells: agents.Cells) -> None:
        self.cells = cells._replace(position=cells.position.copy())
        self.mechanics = agents.Mechanics(box, np.ones((1, 1)))
        self.previous, self.walk, self.at = np.zeros((len(cells.ids), 3)), walk_of(cells), 0

    def forces(self) -> Floats:
        """Velocities, um/min."""
        return self.mechanics.forces(self.cells).velocity

    def step(self, walking: bool = True) -> None:
        """One step of everything."""
        way = wander(self.walk, DT, seed=1, step=self.at) if walking else None
        self.mechanics.step(self.cells, self.previous, DT, displacement=way, heading=self.walk.heading)
        self.at += 1

    @property
    def position(self) -> Floats:
        """Where the cells are, um."""
        return self.cells.position


class Theirs:
    """pyphysicell's kernels, driven as its `Simulation._mechanics` drives them."""

    def __init__(self, box: agents.Box, cells: agents.Cells) -> None:
        os.environ["OMP_NUM_THREADS"] = "1"  # before it is loaded
        self.kernels: Any = importlib.import_module("pyphysicell._kernels")
        n = len(cells.ids)
        self.cells, self.position = cells, cells.position.copy()
        self.width = max(NARROWEST_BIN, 2 * float((cells.stretch * cells.radius).max()))
        self.origin = tuple(box.lower.tolist())
        self.shape = tuple(int(np.ceil(size / self.width)) for size in (box.upper - box.lower))
        self.head, self.next = np.full(math.prod(self.shape), -1, np.int64), np.full(n, -1, np.int64)
        self.movable, self.affinity = np.ones(n, np.uint8), np.ones((n, 1))
        self.velocity, self.previous = np.zeros((n, 3)), np.zeros((n, 3))
        self.pressure, self.count = np.zeros(n), np.zeros(n, np.int64)
        self.list()

    def list(self) -> None:
        """Its cell list, which it builds every step."""
        self.kernels.build_cell_list(self.position, self.origin, self.width, self.shape, self.head, self.next)

    def forces(self) -> Floats:
        """Velocities, um/min."""
        c = self.cells
        self.kernels.forces(
            self.position, c.radius, c.stretch, c.adhesion, c.repulsion, c.kind, self.affinity, self.movable,
            self.origin, self.width, self.shape, self.head, self.next, False, self.velocity, self.pressure, self.count,
        )  # fmt: skip
        return self.velocity

    def step(self, way: Floats | None = None) -> None:
        """Cell list, forces, move; then the walk's displacement."""
        self.list()
        self.forces()
        self.kernels.update_positions(self.position, self.velocity, self.previous, self.movable, DT, False)
        if way is not None:
            self.position += way


def seconds(work: Callable[[], object], times: int) -> float:
    """CPU seconds of one piece of work."""
    begin = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - begin) / times


def agreement(box: agents.Box, cells: agents.Cells, steps: int, walking: bool) -> float:
    """Largest distance between our cells and pyphysicell's after `steps` steps, um."""
    ours, theirs, walk = Ours(box, cells), Theirs(box, cells), walk_of(cells)
    for at in range(steps):
        ours.step(walking)
        theirs.step(wander(walk, DT, seed=1, step=at) if walking else None)
    return float(np.abs(ours.position - theirs.position).max())


def compare(count: int, effort: Effort) -> dict[str, float]:
    """Figures of one size: million cell-steps per CPU second of each, ratios, agreement."""
    box, cells = ball(count)
    ours, theirs, walk = Ours(box, cells), Theirs(box, cells), walk_of(cells)
    mixed, theirs_mixed = Ours(box, unlike(cells)), Theirs(box, unlike(cells))
    mixed.forces()
    way = wander(walk, DT, seed=1, step=0)
    ours.step()
    few = max(2, effort.steps // 5)
    tasks: dict[str, tuple[Callable[[], object], Callable[[], object]]] = {
        "forces": (ours.forces, theirs.forces),
        "forces, unlike": (mixed.forces, theirs_mixed.forces),
        "step": (ours.step, lambda: theirs.step(way)),
    }
    times: dict[str, list[float]] = {f"{whose}{name}": [] for name in tasks for whose in ("", "their ")}
    for _ in range(effort.pairs):
        for name, (own, other) in tasks.items():
            times[name].append(seconds(own, effort.steps))
            times[f"their {name}"].append(seconds(other, few))
    neighbours = theirs.count.mean()
    figures = {f"{name}, M/s": count / statistics.median(values) / 1e6 for name, values in times.items()}
    for name in tasks:
        pairs = zip(times[f"their {name}"], times[name], strict=True)
        figures[f"{name}, ratio"] = statistics.median(theirs_s / ours_s for theirs_s, ours_s in pairs)
    figures["neighbours"] = float(neighbours)
    figures["lists per 100 steps"] = 100 * ours.mechanics.builds / ours.at
    figures["bytes per cell"] = ours.mechanics.bytes / count
    figures["apart, unlike, um"] = agreement(box, unlike(cells), effort.checked, walking=False)
    figures["apart, um"] = agreement(box, cells, effort.checked, walking=False)
    figures["apart with walk, um"] = agreement(box, cells, effort.checked, walking=True)
    return figures


def measure(effort: Effort = Effort()) -> dict[str, dict[str, float]]:
    """Figures by number of cells. Raises where the trajectories differ: a ratio counts only for the same result."""
    out = {}
    for count in effort.sizes:
        figures = compare(count, effort)
        worst = max(value for name, value in figures.items() if name.startswith("apart"))
        if not worst <= AGREE:
            raise ValueError(f"{count} cells: {worst:.3g} um from pyphysicell after {effort.checked} steps")
        out[str(count)] = figures
    return out


def main() -> None:
    """Print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="10,000 cells, a few seconds")
    found = measure(QUICK if parser.parse_args().quick else Effort())
    names = list(next(iter(found.values())))
    print(f"{'cells':>24}" + "".join(f"{count:>14}" for count in found))
    for name in names:
        print(f"{name:>24}" + "".join(f"{figures[name]:>14.4g}" for figures in found.values()))
    print(f"load {os.getloadavg()[0]:.1f}, one thread")


if __name__ == "__main__":
    main()
