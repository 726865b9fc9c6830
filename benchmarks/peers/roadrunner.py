"""libRoadRunner: its direct method in three segments with calcium set by hand, and CVODE for the mean field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import common
from common import Floats, Problem
from peers import FieldPeer, Peer, Runner, Solver, sbml


def model(problem: Problem, integrator: str) -> Any:
    """A loaded model that returns the five species. Versions up to 2.9.2 gave a wrong mean."""
    import roadrunner

    runner = roadrunner.RoadRunner(sbml.text(problem, events=False))
    runner.setIntegrator(integrator)
    runner.timeCourseSelections = list(common.SPECIES)
    return runner


def trajectory(runner: Any, problem: Problem) -> Floats:
    """One run from empty, segment by segment."""
    runner.reset()
    rows: list[Floats] = []
    for piece in common.pieces(problem):
        runner["Ca"] = piece.calcium
        found = np.array(runner.simulate(piece.begin, piece.end, len(piece.times)))
        rows.append(found if not rows else found[1:])
    return np.concatenate(rows)


def in_segments(problem: Problem) -> Runner:
    """Gillespie's direct method."""
    runner = model(problem, "gillespie")
    runner.integrator.variable_step_size = False

    def run(cells: int, seed: int) -> Floats:
        runner.integrator.seed = seed
        return np.array([trajectory(runner, problem) for _ in range(cells)])

    return run


def cvode(problem: Problem) -> Solver:
    """CVODE as it comes, but for tolerances that the comparison needs."""
    runner = model(problem, "cvode")
    runner.integrator.relative_tolerance = 1e-6
    runner.integrator.absolute_tolerance = 1e-9

    def solve(sets: Sequence[Mapping[str, float]]) -> Floats:
        found = []
        for values in sets:
            for name, value in values.items():
                runner[name] = value
            found.append(trajectory(runner, problem))
        return np.array(found)

    return solve


PEERS = (
    Peer(
        "libRoadRunner", "libroadrunner", "three segments, calcium set by hand", in_segments,
        (common.INDEPENDENT, common.COUPLED_60),
    ),
)  # fmt: skip
FIELDS = (FieldPeer("libRoadRunner", "libroadrunner", "CVODE, three segments", cvode),)
