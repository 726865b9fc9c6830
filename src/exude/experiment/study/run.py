"""Run the dishes that are read for the point parameters and for every accepted draw, answer the questions, score."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.engine import build, provenance
from exude.errors import Interrupted, UnknownName, refuse
from exude.experiment.panels import Panel, noted
from exude.experiment.parallel import in_processes
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import cell_symbols
from exude.experiment.study import ensemble
from exude.experiment.study.anchor import anchored
from exude.experiment.study.beyond import beyond
from exude.experiment.study.bodies import BodyDish
from exude.experiment.study.cultures import Culture, Read, cultures
from exude.experiment.study.doses import DoseDish
from exude.experiment.study.effort import FULL, QUICK, Effort, Size
from exude.experiment.study.figures import panels
from exude.experiment.study.fingerprint import fingerprint
from exude.experiment.study.journal import Journal
from exude.experiment.study.needed import needed
from exude.experiment.study.neighbours import NeighbourDish
from exude.experiment.study.questions import Outcome, questions, statement_of
from exude.experiment.study.score import row
from exude.experiment.study.tissues import TissueDish

Progress = Callable[[int, int, str], None]


SPATIAL = {"matrix-degradation", "invasion", "gene-transfer", "immune-suppression", "metastasis", "therapy"}
"""Statements that dishes in space, of several kinds of cells, and groups of mice answer."""
Dish = Culture | TissueDish | NeighbourDish | BodyDish | DoseDish


@dataclass(frozen=True)
class Study:
    """Scores, panels for the figures, and how it was done."""

    rows: list[dict[str, Any]]
    panels: dict[str, Panel]
    methods: dict[str, Any]


def reproduce(
    *,
    quick: bool = False,
    seed: int = 1,
    threads: int = 0,
    progress: Progress | None = None,
    only: Sequence[str] = (),
    journal: Path | None = None,
) -> Study:
    """Reproduce the study. The same seed gives the same scores on any machine size.

    only: the named statements, for which just the dishes that they read are run; their rows are to the bit those of
    the whole study. progress: called with the dishes that are done, all of them, and what is under way.
    journal: file in which finished dishes are kept while the study runs; the same call goes on from it after a stop.
    """
    began = time.perf_counter()
    asked = [q for q in questions() if not only or statement_of(q) in only]
    _check_only(only)
    size, said = _size(quick, only), say_size(quick, only) if quick else ""
    sets = by_mechanism(size.draws)
    tasks = _tasks(sets, size, seed, needed(only) if only else None)
    if progress and not build.is_compiled(cell_symbols(), "vesicles"):
        progress(0, 1, "compiling the cell (once per machine)")
    build.module(cell_symbols(), "vesicles")
    kept = Journal(journal, _identity(sets, tasks, size, seed))
    point, *draws = _run(sets, tasks, threads or os.cpu_count() or 1, progress, kept)
    weak = ensemble.prior_pass()
    rows = [
        row(q, point.answer(q), [d.answer(q) for d in draws if d.has(q)], weak.get(f"{q.finding}|{q.hypothesis}"))
        for q in asked
        if point.has(q)
    ]
    statements = list(dict.fromkeys(r["id"] for r in rows))
    drawn = {name: noted(panel, said) for name, panel in panels(point, draws, statements).items()}
    rows = [made | {"quick": said} for made in rows] if said else rows
    methods = {
        "draws": len(draws), "draws_in_space_and_mice": size.tissue_draws, "cells": size.point.cells,
        "cells_per_draw": size.draw.cells, "seed": seed, "versions": provenance.versions(), "model": fingerprint(),
        "seconds": round(time.perf_counter() - began, 1), "conditions": sorted(task.dish.name for task in tasks[0]),
        "quick": said,
    }  # fmt: skip
    kept.close()
    return Study(rows, drawn, methods)


def say_size(quick: bool, only: Sequence[str] = ()) -> str:
    """How large a study is, in words: 'quick: 8 parameter draws (2 in space and mice), ...'."""
    return f"{'quick' if quick else 'full'}: {_size(quick, only).say()}"


def _size(quick: bool, only: Sequence[str]) -> Size:
    size = QUICK if quick else FULL
    return replace(size, tissue_draws=0) if only and not set(only) & SPATIAL else size


def _identity(sets: Sequence[Mapping[str, Numbers]], tasks: Sequence[Sequence[Task]], size: Size, seed: int) -> str:
    """What a journal must match to be gone on with: it knows dishes by their place among those that are run."""
    values = [{name: numbers.values for name, numbers in own.items()} for own in sets]
    dishes = [[repr(task.dish) for task in own] for own in tasks]
    model = build.leaf_text(cell_symbols())
    return provenance.fingerprint({"sets": values, "size": repr(size), "seed": seed, "dishes": dishes, "model": model})


def answers(
    sets: Sequence[Numbers], *, cells: int, seed: int, threads: int, progress: Progress | None
) -> list[Outcome]:
    """Outcomes of all dishes under each parameter set, rivals anchored to it, with the same number of cells for each."""
    mechanisms = {dish.hypothesis for dish in cultures().values()}
    fair = [{name: anchored(numbers, name) for name in mechanisms} for numbers in sets]
    alike = Effort(cells)
    tasks = _tasks(fair, Size(alike, alike, len(sets)), seed)
    return _run(fair, tasks, threads, progress, Journal(None, ""))


def by_mechanism(draws: int) -> list[dict[str, Numbers]]:
    """For the point and each draw: the parameter set of every mechanism; rivals of calcium have fits of their own."""
    own = [Numbers.default(), *(ensemble.outside(i, n) for i, n in enumerate(ensemble.accepted()[:draws]))]
    found = []
    for i, numbers in enumerate(own):
        sets = {dish.hypothesis: numbers for dish in cultures().values()}
        for rival in ensemble.RIVALS:
            fitted = ensemble.accepted(rival)
            sets[rival] = fitted[i and 1 + (i - 1) % (len(fitted) - 1)] if len(fitted) > 1 else anchored(numbers, rival)
        found.append(sets)
    return found


@dataclass(frozen=True)
class Task:
    """One dish under one parameter set."""

    dish: Dish
    numbers: Numbers
    effort: Effort
    seed: int


def follow(task: Task) -> Read:
    """Run a dish and read it."""
    return task.dish.read(task.numbers, task.effort, seed=task.seed)


def _tasks(
    sets: Sequence[Mapping[str, Numbers]], size: Size, seed: int, names: Sequence[str] | None = None
) -> list[list[Task]]:
    """Every dish, or those of these names, under every parameter set; the first set with more effort."""
    return [
        [
            Task(dish, numbers[dish.hypothesis], size.of(i), seed + i)
            for dish in _dishes(i, size)
            if names is None or dish.name in names
        ]
        for i, numbers in enumerate(sets)
    ]


def _dishes(draw: int, size: Size) -> list[Dish]:
    """Single cells under every draw; the others at the point, and for some draws those that a finding scores."""
    spatial = [d for d in beyond().values() if d.scored or draw == 0] if draw <= size.tissue_draws else []
    return [*cultures().values(), *(spatial if size.tissue_draws else [])]


def _run(
    sets: Sequence[Mapping[str, Numbers]],
    tasks: list[list[Task]],
    workers: int,
    progress: Progress | None,
    kept: Journal,
) -> list[Outcome]:
    """Follow what the journal does not have yet; outcomes of all parameter sets in order."""
    flat = [(i, task) for i, own in enumerate(tasks) for task in own]
    todo = [place for place in range(len(flat)) if place not in kept.found]
    done = len(flat) - len(todo)
    if progress and todo:
        progress(done, len(flat), flat[todo[0]][1].dish.name)
    try:
        for place, result in zip(todo, in_processes(follow, [flat[p][1] for p in todo], workers), strict=True):
            kept.add(place, result)
            done += 1
            if progress:
                i, task = flat[place]
                progress(done, len(flat), task.dish.name if i == 0 else f"parameter draw {i} of {len(tasks) - 1}")
    except KeyboardInterrupt:
        how = f"kept in {kept.path}; the same command goes on" if kept.path else "not kept (no journal)"
        raise Interrupted(f"stopped after {done} of {len(flat)} dishes, {how}.") from None
    reads: list[dict[str, Read]] = [{} for _ in tasks]
    for place, (i, task) in enumerate(flat):
        reads[i][task.dish.name] = kept.found[place]
    return [Outcome(numbers[DEFAULT_HYPOTHESIS], found) for numbers, found in zip(sets, reads, strict=True)]


def _check_only(only: Sequence[str]) -> None:
    known = list(dict.fromkeys(statement_of(q) for q in questions()))
    for name in only:
        if name not in known:
            raise refuse(UnknownName, name, f"a statement: {', '.join(known)}", "Name one of these.", known)
