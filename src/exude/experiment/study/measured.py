"""Score findings that say how they are read (`measure`), those of one's own catalogue among them."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import xarray as xr

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.catalog.schema import Finding, Measure
from exude.engine import build
from exude.engine.result import Run
from exude.errors import ProtocolError, UnknownName, refuse
from exude.experiment.assays import ASSAYS, AbstractAssay
from exude.experiment.own_cell import own_cell
from exude.experiment.parallel import in_processes
from exude.experiment.parse import perturbation
from exude.experiment.perturbations import Perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import Settings, simulate
from exude.experiment.study import ensemble
from exude.experiment.study.cultures import BURN_IN
from exude.experiment.study.questions import Question
from exude.experiment.study.score import passes, row
from exude.units import seconds

Progress = Callable[[int, int, str], None]
ABSOLUTE = ("value", "window")
"""Claims on the condition itself; all others are on the condition over its reference."""


@dataclass(frozen=True)
class Task:
    """One finding under one parameter set."""

    finding: Finding
    numbers: Numbers
    hypothesis: str
    cells: int
    seed: int


def score(
    name: str,
    *,
    hypothesis: str = DEFAULT_HYPOTHESIS,
    cells: int = 256,
    draws: int = 8,
    random_sets: Sequence[Numbers] = (),
    seed: int = 1,
    threads: int = 0,
    progress: Progress | None = None,
) -> list[dict[str, Any]]:
    """Rows as `exude reproduce` writes them, for one finding or for all scored ones of a paper.

    For each parameter set (the point estimate, `draws` accepted ones, `random_sets`) the assay reads `cells` cells
    under the finding's condition and, but for a claim on a value, under its reference with the same seed; the number is
    their ratio. The verdict follows the relation by the rules of docs/fit.md. random_sets: sets that were fitted to
    nothing; the share that passes says how easily the finding is met (`weak`).
    Accepted sets are the rival's own where it was fitted, otherwise those of the default mechanism.
    Raises UnknownName, and ProtocolError for a finding that cannot be read so.

    Valid when: the finding is on single cells in a dish; sets and seed are those of the study, so rows compare.
    """
    found = findings_of(name)
    point, *accepted = _sets(hypothesis, draws)
    every = [point, *accepted, *random_sets]
    tasks = [
        Task(finding, numbers, hypothesis, cells, seed + i) for finding in found for i, numbers in enumerate(every)
    ]
    build.module(own_cell(hypothesis), "vesicles")  # once, before several processes would
    numbers: list[float] = []
    for value in in_processes(answer, tasks, threads or os.cpu_count() or 1):
        numbers.append(value)
        if progress:
            progress(len(numbers), len(tasks), tasks[len(numbers) - 1].finding.id)
    size, rival = len(every), "" if hypothesis == DEFAULT_HYPOTHESIS else hypothesis
    rows = []
    for i, finding in enumerate(found):
        first, *rest = numbers[i * size : (i + 1) * size]
        question = Question(finding.id, lambda r, n: math.nan, unit=_unit(finding, point), hypothesis=rival)
        free = [passes(question, value) for value in rest[len(accepted) :]]
        made = row(question, first, rest[: len(accepted)], sum(free) / len(free) if free else None)
        source = read.findings()[finding.id][0]
        rows.append(made | {"id": source, "own": read.origin(read.evidence()[source]), "draws": len(accepted)})
    return rows


def findings_of(name: str) -> tuple[Finding, ...]:
    """The finding of this id, or the scored ones of this paper; refused where none says how it is read."""
    papers, found = read.evidence(), read.findings()
    if name not in papers and name not in found:
        fix = "`exude list evidence` names all; --catalogue FOLDER adds your own."
        raise refuse(UnknownName, name, "a finding or a paper with findings", fix, (*papers, *found))
    asked = papers[name].findings if name in papers else (found[name][1],)
    ready = tuple(finding for finding in asked if finding.scored and finding.measure is not None)
    if not ready:
        rows = sorted({finding.statement for finding in asked if finding.statement})
        there = (
            f"`exude reproduce --only {' '.join(rows)}` scores it."
            if rows
            else "docs/tutorials/add_paper.md shows one."
        )
        raise refuse(ProtocolError, name, "a scored finding with [findings.measure], which says how it is read", there)
    return ready


def answer(task: Task) -> float:
    """The number that a finding is on, under one parameter set; NaN where its reference is 0."""
    finding = task.finding
    treated = _reading(task, finding.condition)
    if finding.relation.kind in ABSOLUTE:
        return treated
    reference = _reading(task, finding.reference_condition)
    return treated / reference if reference else math.nan


def _reading(task: Task, condition: Sequence[str]) -> float:
    """What the assay reads from a culture without the instrument's noise."""
    measure = _measure(task.finding)
    what: tuple[Perturbation, ...] = tuple(perturbation(text) for text in condition)
    settings = Settings(numbers=task.numbers, hypothesis=task.hypothesis, threads=1, burn_in=BURN_IN)
    (line,) = task.finding.lines
    run = simulate(line, *what, duration=measure.stop, cells=task.cells, seed=task.seed, settings=settings)
    return float(_variable(task.finding, measure, run, task.numbers))


def _variable(finding: Finding, measure: Measure, run: Run, numbers: Numbers) -> xr.DataArray:
    """The one number of the observable that a finding names."""
    seen = _assay(finding, measure, numbers).observable(run)
    names = [str(name) for name in seen.data_vars]
    if measure.variable not in names:
        fix = f"Name one in [findings.measure] of {finding.id}."
        raise refuse(ProtocolError, measure.variable, f"a variable that {finding.assay} reads: {', '.join(names)}", fix, names)  # fmt: skip
    table = seen[measure.variable]
    for dim, label in measure.select.items():
        labels = [str(x) for x in table[dim].values] if dim in table.dims else []
        if label not in labels:
            expected = (
                f"{dim} of {', '.join(labels)}" if labels else f"an axis of {', '.join(map(str, table.dims)) or 'none'}"
            )
            raise refuse(ProtocolError, label, expected, f"Mend select of {finding.id}.", labels or map(str, table.dims))  # fmt: skip
        table = table.isel({dim: labels.index(label)})
    if table.size != 1:
        left = "; ".join(f"{dim}: {', '.join(map(str, table[dim].values[:6]))}" for dim in table.dims)
        expected = "select to name one label of every axis"
        raise refuse(ProtocolError, f"{table.size} numbers ({left})", expected, f"Complete select of {finding.id}.")
    return table.squeeze()


def _assay(finding: Finding, measure: Measure, numbers: Numbers) -> AbstractAssay:
    """The assay, set to the finding's window."""
    if finding.assay not in ASSAYS:
        fix = f"Assays of tissues and bodies cannot be scored so; write scored = false in {finding.id}."
        raise refuse(ProtocolError, finding.assay, f"an assay of cells: {', '.join(ASSAYS)}", fix, ASSAYS)
    kind = ASSAYS[finding.assay]
    start, stop = (seconds(text, what="time") for text in (measure.start, measure.stop))
    if "window" in {f.name for f in fields(kind)}:
        return kind(numbers, window=(start, stop))  # type: ignore[call-arg]
    if start > 0:
        fix = 'Write start = "0 min"; the assay reads the whole run or its end.'
        raise refuse(ProtocolError, measure.start, f"no start: {finding.assay} has no window", fix)
    return kind(numbers)


def _measure(finding: Finding) -> Measure:
    assert finding.measure is not None  # `findings_of` left the others out
    return finding.measure


def _unit(finding: Finding, numbers: Numbers) -> str:
    """Unit of the number: that of the reading for a claim on a value, none for a ratio."""
    if finding.relation.kind not in ABSOLUTE:
        return "1"
    measure, (line,) = _measure(finding), finding.lines
    run = simulate(line, duration=measure.stop, cells=1, settings=Settings(numbers=numbers, threads=1))
    return str(_variable(finding, measure, run, numbers).attrs.get("units", "1"))


def _sets(hypothesis: str, draws: int) -> list[Numbers]:
    """The point estimate and accepted sets of a mechanism."""
    if isinstance(draws, bool) or not isinstance(draws, int) or draws < 1:
        raise refuse(ProtocolError, draws, "a whole number of draws, at least 1", "Write draws=8.")
    if hypothesis in ensemble.RIVALS:
        return list(ensemble.accepted(hypothesis)[: draws + 1])
    return [Numbers.default(), *ensemble.accepted()[:draws]]
