"""exude on the common problem, from its own declaration format: what the peers are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

import common
from common import Floats, Problem
from exude.engine import meanfield, vesicles
from exude.engine.job import Job
from exude.engine.layout import TOTALS
from exude.experiment import declared
from exude.units import factor_to_internal
from peers import FieldPeer, Peer, Runner, Solver


def job(problem: Problem, seed: int) -> Job:
    """The problem as the engine takes it: two points of calcium at one time are a jump."""
    points = [(0.0, problem.calcium[0][1])]
    for (_, before), (at, after) in zip(problem.calcium, problem.calcium[1:], strict=False):
        points += [(at, before), (at, after)]
    curve = [(f"{at} min", f"{value} uM") for at, value in points]
    made = declared.declare(common.declaration(problem), common.numbers(problem))
    return declared.job_of(made, curve, f"{common.TIMES[-1]} min", f"{common.TIMES[1]} min", seed)


def simulate(problem: Problem, cells: int, seed: int) -> Floats:
    """Counts (cell, 145, 5) of I, M, D, P, X, every vesicle an individual, on one thread."""
    return run_job(job(problem, seed), cells)


def run_job(made: Job, cells: int) -> Floats:
    """Counts (cell, row, 5) of a job."""
    blocks: list[Floats] = []

    def take(block: vesicles.Block) -> None:
        released = block.output.total[:, :, TOTALS.index("fusions")]
        blocks.append(np.concatenate([block.output.count, released[..., None]], axis=2).astype(float))

    vesicles.run(made, cells, threads=1, done=take)
    return np.concatenate(blocks)


def vesicle_kernel(problem: Problem) -> Runner:
    """Every vesicle an individual; compiled once per machine."""
    made = job(problem, 1)
    return lambda cells, seed: run_job(replace(made, seed=seed), cells)


def mean_field(problem: Problem) -> Solver:
    """The mean field of the same declaration, many parameter sets in one call."""
    made = job(problem, 1)
    names = made.symbols.parameters
    factor = {name: factor_to_internal((text + " ").split(" ", 1)[1].strip()) for name, text in common.NUMBERS.items()}

    def solve(sets: Sequence[Mapping[str, float]]) -> Floats:
        table = np.tile(made.parameters, (len(sets), 1))
        for row, values in zip(table, sets, strict=True):
            for name, value in values.items():
                row[names.index(name)] = value * factor[name]
        found = meanfield.run_many(made.symbols, table, made.timeline, made.numerics, np.zeros(0), made.starts)
        released = found.output.total[:, :, TOTALS.index("fusions")]
        return np.concatenate([found.output.count, released[..., None]], axis=2)

    return solve


PEERS = (Peer("exude", "exude", "given curve", vesicle_kernel, common.PROBLEMS),)
FIELDS = (FieldPeer("exude", "exude", "given curve, sets in one call", mean_field),)
