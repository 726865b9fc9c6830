"""Run an experiment: a line, what is done to it, how long; get a `Run`."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from numbers import Integral
from pathlib import Path

import numpy as np

from exude.cascade import CELL, DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.derive import symbols
from exude.engine import build, layout, provenance, result, vesicles
from exude.engine.job import Block, Job
from exude.engine.layout import Output, Rows
from exude.engine.result import Run
from exude.errors import Interrupted, ProtocolError, UnknownName, refuse
from exude.experiment.checkpoint import Checkpoint
from exude.experiment.dosing import Schedule
from exude.experiment.own_cell import cell_symbols as cell_symbols
from exude.experiment.own_cell import own_cell, own_values
from exude.experiment.perturbations import Drug, Perturbation, say
from exude.experiment.protocol import Cells, Genotype, Numbers, Protocol
from exude.experiment.unfitted import cautions
from exude.model import Cascade
from exude.units import seconds

Progress = Callable[[int, int], None]
"""Called with cells done and cells in all."""

MOST_CELLS = 10_000_000
MOST_SEED = 2**63 - 1
MOST_POINTS = 150
ROUND_STEPS = (1, 2, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 7200, 21600, 43200, 86400)
"""Steps a person would choose, s."""


@dataclass(frozen=True)
class Settings:
    """How a run is made and recorded; the defaults suit a bench question."""

    every: str = ""
    """Time between recorded points; empty chooses a round step that gives about a hundred points."""
    snapshots: tuple[str, ...] = ("end",)
    """Times at which every MVB is read; 'end' is the end of the run.

    Reading an MVB draws its ILVs, so what a cell draws after an earlier snapshot is of the same law but other numbers."""
    events: bool = True
    """Keep the event table (fusions with plasma membrane and lysosome)."""
    stage_changes: bool = False
    """Add every change of stage to the event table."""
    burn_in: str = "24 h"
    """Undisturbed time before the run, under the lasting perturbations."""
    alike: bool = False
    """Give all cells the same levels: no spread between cells."""
    hypothesis: str = DEFAULT_HYPOTHESIS
    """Which rival mechanism; `exude list hypotheses` names them. A run warns where the numbers are not fitted to it."""
    numbers: Numbers = field(default_factory=Numbers.default)
    """Parameter values, internal units."""
    threads: int = 0
    """Threads; 0 takes all cores. The result does not depend on it."""
    checkpoint: str = ""
    """Folder in which finished blocks are kept while the run goes on."""
    resume: bool = False
    """Go on from the checkpoint."""


def hypothesis_values(name: str, *, texts: bool = False) -> dict[str, float]:
    """Parameters a rival mechanism changes; UnknownName with the nearest one otherwise.

    texts: whether the caller's model follows `own_cell`; ProtocolError without it for a mechanism that changes texts.
    """
    mine = read.mechanisms().get(name)
    if mine is not None:
        if mine.texts and not texts:
            where = "simulate, summarise and expect know it; tissues, bodies, fits and exported files do not yet"
            raise refuse(ProtocolError, name, f"a mechanism of changed numbers; it changes texts, and {where}", "Choose another.")  # fmt: skip
        return own_values(mine)
    known = {h.name: h for h in CELL.hypotheses}
    if name not in known:
        every = (*known, *read.mechanisms())
        raise refuse(
            UnknownName, name, f"a hypothesis: {', '.join(every)}", "`exude list hypotheses` explains them.", every
        )
    return dict(known[name].values)


def simulate(
    line: str,
    *what: Perturbation,
    duration: str = "2 h",
    cells: int = 200,
    seed: int = 1,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Run:
    """Simulate `cells` cells of a line under any number of perturbations.

    line: name of a cell line ('MDA-MB-231'). what: knock-downs, rescues, drugs, stimuli, in any order.
    duration: time after the burn-in ('2 h'). seed: the same seed gives the same bits on any number of threads.
    Returns a `Run`. Raises UnknownName, UnitError, ProtocolError for what cannot be done, Interrupted on Ctrl-C.

    Example: simulate("MDA-MB-231", Stimulus("ionomycin", "5 uM", at="5 min"), KnockDown("UNC13D", to=0.2))

    Valid when: calcium is common to the whole cell; ILV patches flip independently; calcium is constant within a
    step in which it moves by at most 8 %. Exact otherwise (no time-stepping of vesicles).
    """
    asked = plan(line, what, duration, cells, seed, settings or Settings())
    return _assemble(asked, _collect(asked, progress))


@dataclass(frozen=True)
class Plan:
    """A run that was asked for and checked, before any of it is made."""

    what: tuple[Perturbation, ...]
    settings: Settings
    cells: int
    protocol: Protocol
    job: Job
    population: Cells
    identity: dict[str, object]
    caution: Mapping[str, str]
    """What a result must tell beside its numbers."""

    @property
    def fingerprint(self) -> str:
        """A short hash of everything the result depends on."""
        return provenance.fingerprint(self.identity)

    def attrs(self, format_name: str = provenance.FORMAT) -> dict[str, str]:
        """What a result says of its own making."""
        used = {k: v for k, v in self.identity.items() if k != "model"}
        made = {
            **used,
            "conditions": [say(w) for w in self.what] or ["untreated"],
            "fingerprint": self.fingerprint,
            "versions": provenance.versions(),
            **self.caution,
            "sources": sources_used(
                str(self.identity["line"]), self.what, self.population.numbers, self.settings.hypothesis
            ),
        }
        return {"format": format_name, "provenance": json.dumps(made)}


def plan(line: str, what: tuple[Perturbation, ...], duration: str, cells: int, seed: int, settings: Settings) -> Plan:
    """Check what is asked for; raises what `simulate` raises."""
    name = read.line(line).name
    cells, seed = _whole(cells, "cells", 1, MOST_CELLS), _whole(seed, "seed", 0, MOST_SEED)
    numbers = settings.numbers.but(**hypothesis_values(settings.hypothesis, texts=True))
    known = own_cell(settings.hypothesis)
    protocol = protocol_of(what, duration, settings, numbers, cascade=known.cascade)
    job, population = _job(name, protocol, settings, seed, known)
    identity = {
        "format": provenance.FORMAT, "line": name, "what": [repr(w) for w in what], "duration": duration,
        "cells": cells, "seed": seed, "hypothesis": settings.hypothesis, "numbers": numbers.values,
        "every": settings.every, "snapshots": settings.snapshots, "events": settings.events,
        "stage_changes": settings.stage_changes, "burn_in": settings.burn_in, "alike": settings.alike,
        "model": build.leaf_text(known),
    }  # fmt: skip
    if job.timeline.given.size:  # the name of a file says little: what it held belongs to the run's identity
        identity["curve"] = provenance.digest(job.timeline.given_at, job.timeline.given)
    caution = cautions(settings.hypothesis, settings.numbers, depth=3)
    return Plan(what, settings, cells, protocol, job, population, identity, caution)


def _whole(value: object, what: str, low: int, high: int) -> int:
    """A whole number within bounds, Python's own or NumPy's, as a Python one."""
    if isinstance(value, bool) or not isinstance(value, Integral) or not low <= int(value) <= high:
        expected = f"a whole number of {what} from {low} to {high}" if what == "cells" else f"a whole {what} >= {low}"
        raise refuse(ProtocolError, value, expected, f"Write for example {what}={500 if what == 'cells' else 1}.")
    return int(value)


def protocol_of(
    what: tuple[Perturbation, ...],
    duration: str,
    settings: Settings,
    numbers: Numbers,
    *,
    every: str = "",
    cascade: Cascade = CELL,
) -> Protocol:
    """The protocol of a run; `every` stands in for the settings' own where it is given."""
    asked = every or settings.every
    length = seconds(duration, what="duration")
    every_s = seconds(asked, what="time between recorded points (every)") if asked else round_step(length)
    if length <= 0 or every_s <= 0:
        raise ProtocolError(f"duration {duration!r} and every {asked!r} must be longer than 0.")
    every_s = min(every_s, length)
    if length / every_s > 1e6:
        raise ProtocolError(f"{length / every_s:.0f} recorded points per cell. Choose a longer `every` (now {asked}).")
    snapshots = tuple(sorted({length if s == "end" else seconds(s, what="snapshot") for s in settings.snapshots}))
    burn_in = seconds(settings.burn_in, what="burn_in")
    return Protocol(tuple(what), length, every_s, burn_in, snapshots, settings.stage_changes, numbers, cascade)


def round_step(length: float) -> float:
    """The smallest round step (s) that divides a run into no more than MOST_POINTS points."""
    return next((step for step in ROUND_STEPS if length / step <= MOST_POINTS), length / MOST_POINTS)


def _job(line: str, protocol: Protocol, settings: Settings, seed: int, known: symbols.Symbols) -> tuple[Job, Cells]:
    numbers = protocol.numbers
    medians = Genotype(read.line(line), protocol.perturbations, known.cascade).medians(numbers)
    population = Cells(medians, numbers, seed, settings.alike, known.cascade)
    log = settings.events or settings.stage_changes
    job = job_of(protocol, numbers, population, rows=len(protocol.output_times), log_events=log, known=known)
    return job, population


def job_of(
    protocol: Protocol,
    numbers: Numbers,
    population: Cells,
    *,
    rows: int,
    log_events: bool,
    known: symbols.Symbols | None = None,
) -> Job:
    """What the engine of the cell is asked to run: a protocol on a population, under the catalogue's numerics.

    known: the cell's symbols, where they are not those of `CELL`.
    """
    known = known or cell_symbols()
    return Job(
        symbols=known,
        parameters=numbers.vector(known),
        timeline=protocol.timeline(),
        numerics=layout.numerics_of(read.numerics(), known),
        rows=rows,
        log_events=log_events,
        seed=population.seed,
        levels=population.levels,
        starts=np.array([numbers[trace.start] for trace in known.cascade.traces]),
    )


def _collect(asked: Plan, progress: Progress | None) -> list[tuple[int, Output, Rows, Rows]]:
    """Run all cells, from the checkpoint on where there is one."""
    kept: list[tuple[int, Output, Rows, Rows]] = []
    store = checkpoint_of(asked)
    if store:
        kept += store.blocks()

    def take(block: Block) -> None:
        row = (int(block.cells[0]), block.output, block.events, block.reads)
        if store:
            store.add(*row)
        kept.append(row)

    run_blocks(asked, take, sum(block[1].count.shape[0] for block in kept), progress)
    if store:
        store.remove()
    return kept


def checkpoint_of(asked: Plan) -> Checkpoint | None:
    """Where the run keeps what is done, if anywhere."""
    settings = asked.settings
    if not settings.checkpoint:
        return None
    return Checkpoint(Path(settings.checkpoint), asked.fingerprint, resume=settings.resume)


def run_blocks(asked: Plan, take: Callable[[Block], None], done: int, progress: Progress | None) -> None:
    """Run the cells from number `done` on; `take` gets each block in the order of the cells. Interrupted on Ctrl-C."""
    settings = asked.settings

    def count(block: Block) -> None:
        nonlocal done
        take(block)
        done += len(block.cells)
        if progress:
            progress(done, asked.cells)

    try:
        vesicles.run(asked.job, asked.cells, threads=settings.threads or os.cpu_count() or 1, done=count, first=done)
    except KeyboardInterrupt:
        how = (
            f"kept in {settings.checkpoint}; the same command with --resume goes on"
            if settings.checkpoint
            else "not kept (no checkpoint)"
        )
        raise Interrupted(f"stopped after {done} of {asked.cells} cells, {how}.") from None


def _assemble(asked: Plan, blocks: list[tuple[int, Output, Rows, Rows]]) -> Run:
    known = asked.job.symbols
    output = Output(*(np.concatenate([getattr(b[1], name) for b in blocks]) for name in Output._fields))
    levels = asked.population.levels(np.arange(output.count.shape[0], dtype=np.int64))
    firsts = [b[0] for b in blocks]
    return Run(
        data=result.counts_dataset(known, output, asked.protocol.output_times, levels, asked.attrs()),
        events=result.rows_dataset(known, [b[2] for b in blocks], firsts, kind="event"),
        vesicles=result.rows_dataset(known, [b[3] for b in blocks], firsts, kind="vesicle"),
    )


def sources_used(
    line: str, what: tuple[Perturbation | Schedule, ...], numbers: Numbers, hypothesis: str = DEFAULT_HYPOTHESIS
) -> list[str]:
    """Sources of the parameters, levels and drugs a run read: 'Key (doi): symbols'."""
    used: dict[str, set[str]] = {}
    catalogue, known = read.parameters(), own_cell(hypothesis)
    for name in known.parameters:
        if numbers[name] == read.value(name):
            for source in catalogue[name].source:
                used.setdefault(source, set()).add(name)
    for gene, level in read.line(line).levels.items():
        if gene in known.levels:
            for source in level.source:
                used.setdefault(source, set()).add(f"{line}: {gene}")
    for w in what:
        if isinstance(w, Drug | Schedule):
            for effect in read.drug(w.name).effects:
                for source in {*effect.potency.source, *effect.hill.source, *effect.maximum.source}:
                    used.setdefault(source, set()).add(f"{w.name} on {effect.target}")
    return [f"{describe(key)}: {', '.join(sorted(names))}" for key, names in sorted(used.items())]


def describe(key: str) -> str:
    """A reference in one phrase: key, journal, year, doi as far as seen."""
    entry = read.references().get(key, {})
    parts = [entry.get(name, "") for name in ("journal", "year")]
    doi = f"doi {entry['doi']}" if "doi" in entry else f"PMID {entry['pmid']}" if "pmid" in entry else ""
    detail = ", ".join(p for p in (*parts, doi) if p)
    return f"{key} ({detail})" if detail else key
