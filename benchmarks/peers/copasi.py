"""COPASI: direct method with SBML events, driven through its own task; LSODA for the mean field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

import common
from common import Floats, Problem
from peers import FieldPeer, Peer, Runner, Solver, sbml


class Task:
    """COPASI's time course of one loaded model."""

    def __init__(self, problem: Problem, method: str) -> None:
        import basico
        import COPASI

        self.model = basico.load_model_from_string(sbml.text(problem, events=True))
        end, steps = float(common.TIMES[-1]), len(common.TIMES) - 1
        frame = basico.run_time_course(
            end, steps, method=method, model=self.model, use_numbers=True, update_model=False
        )
        if len(frame) != steps + 1:  # basico prints an error and returns an empty frame where COPASI refuses
            raise ValueError(
                f"COPASI gave {len(frame)} of {steps + 1} points: {COPASI.CCopasiMessage.getAllMessageText()}"
            )
        self.task = self.model.getTask("Time-Course")
        self.output = COPASI.CCopasiTask.OUTPUT_UI
        series = self.task.getTimeSeries()
        titles = [series.getTitle(i) for i in range(series.getNumVariables())]
        self.columns = [titles.index(s) for s in common.SPECIES]

    def run(self) -> Floats:
        """One time course, (145, 5) in items."""
        if not (self.task.initializeRaw(self.output) and self.task.processRaw(True)):
            raise ValueError("COPASI refused to run")
        series = self.task.getTimeSeries()
        rows = range(series.getRecordedSteps())
        return np.array([[series.getData(i, j) for j in self.columns] for i in rows])


def with_events(problem: Problem) -> Runner:
    """Gillespie's direct method; the Gibson-Bruck method refuses events."""
    task = Task(problem, "directMethod")
    method = task.task.getMethod()

    def run(cells: int, seed: int) -> Floats:
        method.getParameter("Use Random Seed").setBoolValue(True)
        found = []
        for cell in range(cells):
            method.getParameter("Random Seed").setUIntValue((seed * 1_000_003 + cell) % 2**32)
            found.append(task.run())
        return np.array(found)

    return run


def lsoda(problem: Problem) -> Solver:
    """LSODA with its default tolerances (1e-6, 1e-12), events for calcium."""
    import basico

    task = Task(problem, "deterministic")

    def solve(sets: Sequence[Mapping[str, float]]) -> Floats:
        found = []
        for values in sets:
            for name, value in values.items():
                basico.set_parameters(name, initial_value=value, model=task.model, exact=True)
            found.append(task.run())
        return np.array(found)

    return solve


PROBLEMS = (common.INDEPENDENT, common.COUPLED_60)
PEERS = (Peer("COPASI", "copasi-basico", "SBML events", with_events, PROBLEMS),)
FIELDS = (FieldPeer("COPASI", "copasi-basico", "LSODA, SBML events", lsoda),)
