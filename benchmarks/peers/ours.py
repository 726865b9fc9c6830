"""exude on the common problem, from its own declaration format: what the peers are compared with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

import common
from common import Floats, Problem
from exude.catalog import read
from exude.derive.symbols import Symbols
from exude.engine import layout, meanfield, streams, vesicles
from exude.engine.layout import TOTALS, Timeline
from exude.model import Cascade, Emission
from exude.units import factor_to_internal
from peers import FieldPeer, Peer, Runner, Solver

MINUTE = 60.0
JUMP = 1e-6
"""Seconds a jump of calcium takes: the given curve is straight between its points."""
FIRST_WAIT = 99
"""Purpose of the random numbers for first waiting times."""


def job(problem: Problem, seed: int) -> vesicles.Job:
    """The problem as the engine takes it."""
    given = {name: (text + " ").split(" ", 1) for name, text in common.numbers(problem).items()}
    symbols = Symbols(_cascade(problem), {name: unit.strip() for name, (_, unit) in given.items()})
    values = {name: float(value) * factor_to_internal(unit.strip()) for name, (value, unit) in given.items()}
    return vesicles.Job(
        symbols=symbols,
        parameters=np.array([values[name] for name in symbols.parameters]),
        timeline=_timeline(problem),
        numerics=layout.numerics_of(read.numerics(), symbols),
        rows=len(common.TIMES),
        log_events=False,
        seed=seed,
        levels=lambda cells: np.zeros((len(cells), 0)),
        starts=np.array([problem.calcium[0][1]]),
    )


def _cascade(problem: Problem) -> Cascade:
    """The declaration with an empty stream and a read-out: the loops index both, and Numba refuses empty tuples."""
    (chapter,) = common.declaration(problem).chapters
    return Cascade((replace(chapter, emissions=(Emission("none", "0 * kb"),), readouts=("fCa",)),))


def _timeline(problem: Problem) -> Timeline:
    rows = len(common.TIMES)
    points = [(0.0, problem.calcium[0][1])]
    for (_, before), (at, after) in zip(problem.calcium, problem.calcium[1:], strict=False):
        points += [(at * MINUTE - JUMP, before), (at * MINUTE, after)]
    times, values = np.array(points).T
    return Timeline(
        begin=np.zeros(1), first=np.array([0, rows]), end=common.TIMES * MINUTE,
        segment=np.zeros(rows, np.int64), starts=np.zeros(rows, np.int64), output=np.arange(rows),
        snapshot=np.zeros(rows, np.int64), multiply=np.ones((1, 0)), add=np.zeros((1, 0)),
        given_at=times.copy(), given=values.copy(), log_moves=0,
    )  # fmt: skip


def simulate(problem: Problem, cells: int, seed: int) -> Floats:
    """Counts (cell, 145, 5) of I, M, D, P, X by the vesicle kernel, on one thread."""
    return run_job(job(problem, seed), cells)


def run_job(made: vesicles.Job, cells: int) -> Floats:
    """Counts (cell, row, 5) of a job.

    A cell's first waiting time is drawn here, because the engine starts it at exactly 1 (which a burn-in forgets, and
    this problem has none).
    """
    numbered = np.arange(cells, dtype=np.int64)
    waits = -np.log(streams.uniforms(made.seed, FIRST_WAIT, numbered, 1)[:, 0])
    found = []
    for first in range(0, cells, vesicles.CHUNK):
        chunk = numbered[first : first + vesicles.CHUNK]
        own = streams.cell_streams(made.seed, chunk)
        state = layout.new_state(made.symbols, made.starts, own, 0.0, layout.FIRST_SLOTS)
        block = vesicles.run_chunk(made, chunk, state._replace(carry=waits[chunk]))
        released = block.output.total[:, :, TOTALS.index("fusions")]
        found.append(np.concatenate([block.output.count, released[..., None]], axis=2))
    return np.concatenate(found).astype(float)


def vesicle_kernel(problem: Problem) -> Runner:
    """Every vesicle an individual; compiled once per machine."""
    return lambda cells, seed: simulate(problem, cells, seed)


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
