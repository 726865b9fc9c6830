"""Cells in their surroundings, as one would set them up at the bench: line, matrix, arrangement, what is done to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from exude.cascade.drugs import SLOTS
from exude.catalog import read
from exude.engine import agents, build, grid, mean_secretion, provenance, secretion, streams
from exude.engine import numbers as exact
from exude.engine.body import LN2, STAYS, Body, clocks_of, life_of, pace_of, radius_of
from exude.engine.bonds import FREE
from exude.engine.job import Job
from exude.engine.layout import Floats, Ints
from exude.engine.places import Places
from exude.engine.setup import Setup
from exude.engine.streams import Purpose
from exude.engine.tissue import Tissue as Running
from exude.errors import ProtocolError, refuse
from exude.experiment.dosing import say_schedule
from exude.experiment.perturbations import say
from exude.experiment.protocol import Cells, Protocol
from exude.experiment.simulate import MOST_SEED, cell_symbols, job_of, sources_used
from exude.experiment.tissue_drugs import slots_of
from exude.experiment.tissue_setup import (
    Asked,
    clock_of,
    hypothesis_of,
    medians_of,
    model_of,
    pairs,
    refuse_full_exosomes,
    refuse_long_step,
    setup_of,
    space,
)
from exude.units import seconds


@dataclass(frozen=True)
class Tissue(Asked):
    """An experiment in space.

    line: a cell line. what: perturbations, as for a single cell; lasting ones are of the tumour cells, drugs reach all.
    also: lasting perturbations of other kinds of cells, {"t_cell": (KnockOut("UNC13D"),)}. matrix: `Gel`, `Film` or
    `Plastic`. cells: `Scattered`, `Spheroid`, `Wound`, `Layer`, `At`, or several kinds with `Mixture` and `Among`.
    model: what it is about: 'matrix' (proteolysis), 'spread' (matrix as it is), 'neighbours' (recipients), 'immune'
    (T cells too) or 'all'; empty takes what the kinds of cells need. vessels: `Capillaries`, none without. host: the body around, `Host`; without, who leaves is gone and
    nobody comes. size: of the box along x, y (and z; without it
    the tissue is one layer thick). voxel: side of a voxel. every: time between recorded points. secretion: 'vesicles'
    (every MVB an individual) or 'mean-field' (fusions drawn about the mean field; for large tissues). schedules: drugs
    that come from the vessels and act on each cell by what there is where it stands (`Schedule`, docs/body.md).

    Example: Tissue("MDA-MB-231", (KnockDown("UNC13D", to=0.1),), matrix=Film(), size=("300 um", "300 um"))
    """

    def plan(self) -> Plan:
        """Check everything and lay it out; raises UnknownName, UnitError, ProtocolError for what cannot be done."""
        return _plan(self)


class Frame(NamedTuple):
    """What is recorded at one time."""

    time: float
    fields: dict[str, Floats]
    cells: dict[str, Any]
    series: dict[str, float]


@dataclass(frozen=True)
class Plan:
    """An experiment in space that was checked, before any of it is run."""

    asked: Tissue
    setup: Setup
    populations: list[Cells]
    """By kind of cell."""
    job: Job
    points: int
    """Recorded points, 0 included."""
    steps_per_point: int
    identity: dict[str, object]

    @property
    def fingerprint(self) -> str:
        """A short hash of everything the result depends on."""
        return provenance.fingerprint(self.identity)

    def attrs(self) -> dict[str, Any]:
        """What a result says of its own making."""
        asked = self.asked
        return {
            **{k: v for k, v in self.identity.items() if k != "model"},
            "conditions": [
                *(say(w) for w in asked.what),
                *(say_schedule(s) for s in asked.schedules),
                *(f"{kind}: {say(w)}" for kind, what in asked.also.items() for w in what),
            ]
            or ["untreated"],
            "kinds": list(self.setup.space.kinds),
            **({"pieces": asked.host.pieces} if asked.host else {}),
            "drugs": {
                name: f"{drug}, {reach}" for name, (drug, reach) in zip(SLOTS, slots_of(asked.schedules), strict=False)
            },
            "fingerprint": self.fingerprint,
            "versions": provenance.versions(),
            "sources": sources_used(asked.line, (*asked.what, *asked.schedules), self.populations[0].numbers),
        }

    def positions(self) -> Floats:
        """(cell, 3) um where cells stand at the start; ProtocolError for too many on top of each other."""
        box, radius = self.setup.box, self.setup.shape.radius
        found = self.asked.cells.places(box, radius, self.asked.seed)
        if self.setup.planar:
            found[:, 2] = (box.lower[2] + box.upper[2]) / 2
        _refuse_piled(found, box, radius)
        return found

    def secretion(self, ids: Ints, table: Floats, founder: Ints) -> secretion.AbstractSecretion:
        """How the cells release, before their burn-in: every MVB, or about the mean field."""
        if self.asked.secretion == "mean-field":
            return mean_secretion.MeanSecretion.begin(
                self.job, ids, table, founder, len(table) // len(self.setup.space.kinds)
            )
        return secretion.Vesicles.begin(self.job, ids, table[founder])

    def begin(self) -> Running:
        """The tissue at its start, cells after their burn-in."""
        return _begin(self)

    def frames(self, tissue: Running | None = None) -> Iterator[Frame]:
        """Run, and give what is recorded at each point that is still to come."""
        now = tissue or self.begin()
        if now.step == 0:
            yield frame(now)
        while now.step < self.steps_per_point * (self.points - 1):
            for _ in range(self.steps_per_point):
                now.advance()
            yield frame(now)


def frame(tissue: Running) -> Frame:
    """What is recorded of a tissue now."""
    s, body = tissue.setup, tissue.body
    cells = {
        "id": body.ids, "kind": body.kind, "founder": body.founder % tissue.founders, "position": body.position, "radius": body.radius,
        "progress": body.progress,
        **{name: body.pools[:, q] for q, name in enumerate(s.space.pools)},
    }  # fmt: skip
    return Frame(tissue.time, dict(zip(s.space.fields, tissue.places.fields, strict=True)), cells, tissue.series())


def _plan(asked: Tissue) -> Plan:
    line = read.line(asked.line)
    model = model_of(asked)
    numbers = asked.numbers.but(**hypothesis_of(asked, model))
    if not isinstance(asked.seed, int) or not 0 <= asked.seed <= MOST_SEED:
        raise refuse(ProtocolError, asked.seed, "a whole seed >= 0", "Write for example seed=1.")
    if asked.secretion not in ("vesicles", "mean-field"):
        raise refuse(
            ProtocolError, asked.secretion, "'vesicles' or 'mean-field'", "Use 'vesicles'.", ("vesicles", "mean-field")
        )
    clock = clock_of(asked)
    burn_in = seconds(asked.burn_in, what="burn_in")
    protocol = Protocol(tuple(asked.what), clock.duration, clock.window, burn_in, numbers=numbers, cascade=model)
    populations = [Cells(m, numbers, asked.seed, asked.alike) for m in medians_of(asked, numbers, model)]
    job = job_of(protocol, numbers, populations[0], rows=1, log_events=True)
    setup = setup_of(asked, numbers, clock, job, populations[0].medians)
    refuse_long_step(clock.dt, numbers)
    refuse_full_exosomes(numbers)
    identity: dict[str, object] = {
        "format": provenance.FORMAT, "line": line.name, "what": [repr(w) for w in asked.what],
        "numbers": numbers.values, "model": build.leaf_text(cell_symbols()) + "".join((space(asked.about, asked.drugs).source(), *(pair.source() for pair in pairs(asked.about, asked.drugs)))),
        **{k: repr(getattr(asked, k)) for k in (
            "matrix", "cells", "size", "voxel", "duration", "every", "seed", "secretion", "step", "window", "oxygen", "alike",
            "hypothesis", "burn_in", "also", "vessels", "host", "schedules",
        )},
    }  # fmt: skip
    return Plan(asked, setup, populations, job, clock.points, clock.steps_per_point, identity)


def _begin(plan: Plan) -> Running:
    asked, setup = plan.asked, plan.setup
    position = plan.positions()
    ids = np.arange(len(position), dtype=np.int64)
    mean = asked.secretion == "mean-field"
    groups = 1 if asked.alike else min(len(ids), mean_secretion.GROUPS if mean else len(ids))
    kind = np.array([setup.space.kinds.index(name) for name in asked.cells.kinds_at(len(ids), asked.seed)], np.int64)
    table = np.concatenate([cells.levels(ids[:groups]) for cells in plan.populations])
    founder = kind * groups + ids % groups
    mine = setup.kinds.secretes[kind]
    release = plan.secretion(ids[mine], table, founder[mine])
    release.advance(0, setup.threads)
    body = _founders(setup, ids, kind, founder, position)
    found = Running(setup, body, table, Places(setup, _fields(asked, setup)), release, next_id=len(ids))
    found.settle_in()
    return found


def _refuse_piled(position: Floats, box: agents.Box, radius: float) -> None:
    """A start in which many cells lie on top of each other is a mistake, and would burst apart."""
    table, n = read.numerics()["tissue"], len(position)
    same, none = np.full(n, radius), np.zeros(n)
    cells = agents.Cells(position, same, none, none, none, np.zeros(n, np.int64), np.arange(n, dtype=np.int64))
    pairs = agents.overlaps(cells, box, share=float(table["overlap"]))
    if pairs > table["most_overlaps"] * n:
        raise refuse(
            ProtocolError, f"{pairs} pairs among {n} cells nearer than {table['overlap']:.0%} of a cell's width",
            f"at most {table['most_overlaps'] * n:g} such pairs at the start",
            "Move the cells apart, enlarge the box, or take fewer.",
        )  # fmt: skip


def _founders(setup: Setup, ids: Ints, kind: Ints, founder: Ints, position: Floats) -> Body:
    """Cells anywhere in their cycle, as in a culture that has grown for long: young ones are more."""
    n = len(ids)
    u = streams.uniforms(setup.seed, Purpose.FOUNDERS, ids, 1)[:, 0]
    progress = -exact.log(1.0 - u / 2) / LN2  # density 2 ln 2 2^-a on 0..1
    return Body(
        ids=ids, kind=kind, founder=founder, position=position,
        heading=np.zeros((n, 3)), radius=radius_of(setup.kinds.radius[kind], progress),
        progress=progress, pace=pace_of(ids, setup.seed, setup.shape.cycle_spread), life=life_of(ids, setup.seed),
        pressure=np.zeros(n), pools=np.zeros((n, len(setup.space.pools))),
        clocks=clocks_of(ids, setup.seed, len(setup.space.cascade.events)), fate=np.full(n, STAYS),
        partner=np.full(n, FREE),
    )  # fmt: skip


def _fields(asked: Tissue, setup: Setup) -> Floats:
    """Fields at the start: matrix where no cells are, what the medium brings everywhere."""

    def filled(points: Floats) -> Floats:
        return asked.cells.inside(points, setup.box, setup.shape.radius)

    made = grid.new_fields(setup.grid, len(setup.space.fields))
    for q, name in enumerate(setup.space.fields):
        made[q][...] = setup.start.get(name, 0.0)
        if name == "collagen" and setup.start[name] > 0 and not asked.matrix.between:
            made[q][...] *= 1.0 - filled(setup.grid.places()).reshape(made[q].shape)
        if name == "vessels" and asked.vessels:
            made[q][...] = asked.vessels.density(setup.grid, asked.numbers, setup.seed, filled)
    return made
