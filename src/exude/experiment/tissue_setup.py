"""From an experiment in space as one writes it down to what the engine needs: kinds of cells, clock, grid, numbers."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import NamedTuple

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS, MODELS
from exude.cascade import model as declared
from exude.catalog import read
from exude.derive.bonds import Pair, check_bonds
from exude.derive.evaluate import evaluate
from exude.derive.space import Space
from exude.engine import grid
from exude.engine.body import Shape
from exude.engine.host import HostSetup
from exude.engine.job import Job
from exude.engine.layout import Floats
from exude.engine.setup import Crowd, Setup
from exude.errors import ProtocolError, UnknownName, refuse
from exude.experiment.arrange import Arrangement, Scattered
from exude.experiment.bed import Capillaries, Host
from exude.experiment.dosing import Schedule
from exude.experiment.matrix import Gel, Matrix, fibres_of
from exude.experiment.perturbations import LASTING, Perturbation, say
from exude.experiment.protocol import Genotype, Numbers, places
from exude.experiment.tissue_drugs import (
    Given,
    LevelsAt,
    actions_of,
    check_model,
    check_schedules,
    levels_of,
    slots_of,
    unbound_pd_l1,
    with_plasma,
)
from exude.model import HEALTHY, Cascade
from exude.units import quantity, seconds

FEWEST_VOXELS, MOST_VOXELS = 4, 2**30
CARGO = "_per_exosome"
"""How numbers of copies on an exosome end."""


@cache
def space(model: str = "matrix", drugs: int = 0) -> Space:
    """The surroundings' symbols of a model, with room for so many drugs, with the catalogue's units, checked."""
    found = Space(declared(model, drugs), {name: number.unit for name, number in read.parameters().items()})
    found.check()
    return found


@cache
def pairs(model: str, drugs: int = 0) -> tuple[Pair, ...]:
    """The bonds of a model, checked."""
    known = space(model, drugs)
    found = tuple(Pair(known, bond) for bond in known.cascade.bonds)
    check_bonds(found)
    return found


@dataclass(frozen=True)
class Asked:
    """What an experiment in space says; what each part means stands at `exude.experiment.tissue.Tissue`."""

    line: str = "MDA-MB-231"
    what: tuple[Perturbation, ...] = ()
    matrix: Matrix = field(default_factory=Gel)
    cells: Arrangement = field(default_factory=Scattered)
    size: tuple[str, ...] = ("400 um", "400 um")
    voxel: str = "10 um"
    duration: str = "24 h"
    every: str = "1 h"
    seed: int = 1
    secretion: str = "vesicles"
    step: str = ""
    """Time step; empty takes the catalogue's."""
    window: str = ""
    """How far secretion runs ahead: cells divide, die and change only at its end; empty takes the catalogue's."""
    model: str = ""
    also: Mapping[str, tuple[Perturbation, ...]] = field(default_factory=dict)
    vessels: Capillaries | None = None
    host: Host | None = None
    oxygen: bool = True
    """Whether oxygen is solved; without, cells have what the medium has."""
    alike: bool = False
    """Give all cells the same levels."""
    hypothesis: str = DEFAULT_HYPOTHESIS
    numbers: Numbers = field(default_factory=Numbers.default)
    burn_in: str = "24 h"
    threads: int = 0
    schedules: tuple[Schedule, ...] = ()

    @property
    def about(self) -> str:
        """The model: the one that was asked for, or the smallest that has the kinds of cells."""
        wanted = {*self.cells.kinds, *self.also}
        bed = self.vessels is not None or self.host is not None or self.drugs > 0
        able = [
            name
            for name, model in MODELS.items()
            if wanted <= {kind.name for kind in model.kinds} and (not bed or model.arrivals)
        ]
        return self.model or (able[0] if able else [*MODELS][-1])

    @property
    def drugs(self) -> int:
        """How many fields of drugs the tissue has."""
        return len(slots_of(self.schedules))


def model_of(asked: Asked) -> Cascade:
    """The declared model of an experiment; ProtocolError for one that lacks the kinds of cells it asks for."""
    if asked.model and asked.model not in MODELS:
        raise refuse(ProtocolError, asked.model, f"a model of {', '.join(MODELS)}", "Leave it out.", MODELS)
    check_schedules(asked.schedules, asked.what, asked.secretion)
    model = declared(asked.about, asked.drugs)
    check_model(asked.schedules, asked.about, model)
    kinds = [k.name for k in model.kinds]
    for name in (*asked.cells.kinds, *asked.also):
        if name not in kinds:
            fix = "Take another model, or leave `model` out." if asked.model else "Correct the name."
            expected = f"a kind of cells of the model {asked.about!r}: {', '.join(kinds)}"
            raise refuse(ProtocolError, name, expected, fix, kinds)
    for name in asked.also:
        if name not in _ever_there(asked, model):
            fix = f"Add such cells, for example Mixture({{'tumour': 100, '{name}': 100}}), or leave it out of `also`."
            raise refuse(ProtocolError, f"also={name!r} without such cells", "a kind of cells that is there", fix)
    _refuse_bed(asked, model)
    for what in (what for each in asked.also.values() for what in each if not isinstance(what, LASTING)):
        raise refuse(
            ProtocolError, f"{say(what)} for one kind of cells", "a knock-down, knock-out, over-expression or rescue",
            "What is in the medium reaches all cells: give it as `what`.",
        )  # fmt: skip
    return model


def _refuse_bed(asked: Asked, model: Cascade) -> None:
    """Vessels and a body around need a model that has them; a host without T cells has none in the tissue; drugs come by vessels."""
    if asked.drugs and not asked.vessels:
        fix = "Give the tissue vessels: vessels=Capillaries()."
        raise refuse(ProtocolError, "schedules in a tissue without vessels", "vessels for drugs to come from", fix)
    if (asked.vessels or asked.host) and not model.arrivals:
        able = [name for name, other in MODELS.items() if other.arrivals]
        raise refuse(
            ProtocolError, f"vessels or a host in the model {asked.about!r}", f"a model with vessels: {', '.join(able)}",
            "Leave `model` out.", able,
        )  # fmt: skip
    if asked.host and not asked.host.has_t_cells and "t_cell" in asked.cells.kinds:
        raise refuse(
            ProtocolError, f"T cells in a host that is {asked.host.immunity}", "a host with T cells, or a tissue without",
            "Leave them out of `cells`, or write Host(immunity='competent').",
        )  # fmt: skip


def _ever_there(asked: Asked, model: Cascade) -> set[str]:
    """Kinds of the cells at the start, and those that they may become."""
    there = set(asked.cells.kinds)
    for _ in model.kinds:
        there |= {e.becomes for e in model.events if e.kind in there}
    return there


def hypothesis_of(asked: Asked, model: Cascade) -> dict[str, float]:
    """Parameters that the rival mechanism changes; UnknownName for one that the model does not have."""
    known = {h.name: h for h in model.hypotheses}
    if asked.hypothesis not in known:
        raise refuse(
            UnknownName, asked.hypothesis, f"a hypothesis of the model {asked.about!r}: {', '.join(known)}",
            "`exude list hypotheses` explains them.", known,
        )  # fmt: skip
    return dict(known[asked.hypothesis].values)


def medians_of(asked: Asked, numbers: Numbers, model: Cascade) -> list[Floats]:
    """Median levels of each kind of cell: its line under what is done to it, its own levels, the dish it stands in."""
    place, found = places(model), []
    for k in model.kinds:
        of_host = asked.host.lacks if asked.host and k.line else ()
        what = (*(() if k.line else asked.what), *of_host, *asked.also.get(k.name, ()))
        line = None if k.line == HEALTHY else read.line(k.line or asked.line)
        own = {name: float(evaluate(model, text, numbers.values)) for name, text in k.levels.items() if name in place}
        medians = Genotype(line, what, model, own).medians(numbers)
        for name, value in {**asked.matrix.levels(numbers), **levels_of(asked.schedules, numbers)}.items():
            medians[place[name]] = value
        found.append(medians)
    return found


class Clock(NamedTuple):
    """Steps of an experiment: their length (s), and how many go into a window, a refresh and a recorded point."""

    dt: float
    window: float
    duration: float
    points: int
    steps_per_point: int
    steps_per_window: int
    steps_per_refresh: int


def clock_of(asked: Asked) -> Clock:
    """Steps that fit into windows, and windows into recorded points."""
    table = read.numerics()["tissue"]
    dt = seconds(asked.step, what="step") if asked.step else float(table["step_s"])
    duration, every = seconds(asked.duration, what="duration"), seconds(asked.every, what="every")
    if not 0 < dt <= every <= duration:
        raise ProtocolError(
            f"step {dt:g} s, every {asked.every} and duration {asked.duration}: each must be longer than the last, and above 0."
        )
    per_point = max(1, round(every / dt))
    if abs(per_point * dt - every) > 1e-9 * every:
        raise refuse(
            ProtocolError,
            f"every {asked.every} with a step of {dt:g} s",
            "a whole number of steps",
            "Change one of the two.",
        )
    points = round(duration / every)
    if abs(points * every - duration) > 1e-9 * duration:
        raise refuse(
            ProtocolError,
            f"duration {asked.duration}, every {asked.every}",
            "a whole number of points",
            "Change one of the two.",
        )
    ahead = seconds(asked.window, what="window") if asked.window else float(table["window_s"])
    window = max(1, round(min(ahead, every) / dt))
    while per_point % window:
        window -= 1
    refresh = max(1, round(float(table["refresh_s"]) / dt))
    while per_point % refresh:
        refresh -= 1
    return Clock(dt, window * dt, points * every, points + 1, per_point, window, refresh)


def setup_of(asked: Asked, numbers: Numbers, clock: Clock, job: Job, medians: Floats) -> Setup:
    """What the engine needs to run an experiment; `medians`: levels of the dish."""
    table, known = read.numerics()["tissue"], space(asked.about, asked.drugs)
    model = known.cascade
    boxes = _grid(asked)
    planar = boxes.shape[0] == 1
    start, edge = _ends(asked, model, numbers)
    middle = (np.array(boxes.origin) + np.array(boxes.size) / 2).astype(float)
    return Setup(
        space=known,
        parameters=np.array([numbers[name] for name in known.parameters]),
        grid=boxes,
        depth=numbers["layer_depth"] if planar else boxes.h,
        shape=Shape(
            numbers["cell_radius"], numbers["adhesion_reach"], max(1, round(numbers["invadopodia_per_cell"])),
            numbers["invadopodium_lifetime"], float(table["cycle_spread"]),
        ),
        fibres=fibres_of(asked.matrix.fibres, boxes.centres(), middle, planar),
        levels_at=with_plasma(_levels_of(job), _given(asked, numbers), model, clock.dt, clock.steps_per_refresh, clock.duration),
        dish=medians,
        kinds=_crowd(model, numbers, job.starts),
        bonds=tuple((p, np.array([numbers[name] for name in p.parameters])) for p in pairs(asked.about, asked.drugs)),
        dt=clock.dt,
        steps_per_window=clock.steps_per_window,
        steps_per_refresh=clock.steps_per_refresh,
        relative=float(table["relative"]),
        seed=asked.seed,
        threads=asked.threads or os.cpu_count() or 1,
        start=start,
        edge=edge,
        fast_speed=_fast_speeds(model, numbers, edges=asked.oxygen and (not planar or asked.vessels is not None)),
        host=_host(asked, numbers, clock, model),
        drugs=actions_of(asked.schedules, numbers, known),
    )  # fmt: skip


def _given(asked: Asked, numbers: Numbers) -> Given:
    """Drugs by schedule, into the body around."""
    return Given(asked.schedules, numbers, asked.host.species if asked.host else Host.species)


def _host(asked: Asked, numbers: Numbers, clock: Clock, model: Cascade) -> HostSetup | None:
    """The body around, whose node sees the PD-L1 that drugs in its plasma leave."""
    if asked.host is None:
        return None
    free = unbound_pd_l1(_given(asked, numbers), clock.window, clock.duration)
    return asked.host.setup(numbers, clock.window, model, free)


def _levels_of(job: Job) -> LevelsAt:
    """Factors on levels and additions to them as drugs in the medium come and go."""
    line = job.timeline
    begins = np.array([float(line.begin[0]), *line.end[:-1]])

    def at(t: float) -> tuple[Floats, Floats]:
        now = line.segment[int(np.searchsorted(begins, t, side="right")) - 1]
        return line.multiply[now], line.add[now]

    return at


def _ends(asked: Asked, model: Cascade, numbers: Numbers) -> tuple[dict[str, float], dict[str, float]]:
    """What fields begin with, and what they are kept at at the faces of the box."""
    start, edge = (
        {f.symbol: float(evaluate(model, getattr(f, end), numbers.values)) for f in model.fields if getattr(f, end)}
        for end in ("start", "edge")
    )
    if asked.vessels:  # oxygen comes from them, not from medium around the box
        del edge["oxygen"]
    return start | {"collagen": asked.matrix.amount(numbers)}, edge


def _crowd(model: Cascade, numbers: Numbers, rest: Floats) -> Crowd:
    radius = np.array([float(evaluate(model, k.radius, numbers.values)) for k in model.kinds])
    return Crowd(radius, np.array([k.secretes for k in model.kinds]), rest)


def _fast_speeds(model: Cascade, numbers: Numbers, *, edges: bool) -> dict[str, float]:
    """Diffusion coefficients of the fast fields that are solved; `edges`: those with held faces too."""
    mine = [f for f in model.fields if f.fast and (edges or not f.edge)]
    return {f.symbol: float(evaluate(model, f.diffusion, numbers.values)) for f in mine}


def _grid(asked: Asked) -> grid.Grid:
    h = quantity(asked.voxel, "um", what="voxel")
    if len(asked.size) not in (2, 3):
        raise refuse(ProtocolError, asked.size, "two or three lengths (x, y and z)", "Write ('400 um', '400 um').")
    sides = [quantity(text, "um", what="size of the box") for text in asked.size]
    if not h > 0 or not all(np.isfinite(sides)):
        raise refuse(ProtocolError, asked.voxel, "a voxel larger than 0 um", "Write '10 um'.")
    counts = [round(side / h) for side in sides]
    if min(counts) < FEWEST_VOXELS or float(np.prod(counts, dtype=float)) > MOST_VOXELS:
        raise refuse(
            ProtocolError, f"a box of {' x '.join(asked.size)} with voxels of {asked.voxel}",
            f"at least {FEWEST_VOXELS} voxels along each side and at most {MOST_VOXELS:,} in all",
            "Change the box or the voxel.",
        )  # fmt: skip
    nx, ny, nz = counts if len(counts) == 3 else (*counts, 1)
    return grid.Grid((nz, ny, nx), h)


def refuse_full_exosomes(numbers: Numbers) -> None:
    """More copies of a protein on an exosome than its membrane has room for: pi d^2 over one protein's footprint."""
    most = math.pi * numbers["ilv_diameter"] ** 2 / numbers["protein_footprint"]
    for name in [name for name in numbers.values if name.endswith(CARGO)]:
        if numbers[name] > most:
            raise refuse(
                ProtocolError, f"{name} = {numbers[name]:g}", f"at most {most:.0f}: more do not fit on an exosome",
                "Lower it, or enlarge ilv_diameter.",
            )  # fmt: skip


def refuse_long_step(dt: float, numbers: Numbers) -> None:
    """A step in which fields and cells would no longer see each other move."""
    longest = float(read.numerics()["tissue"]["longest_step_s"])
    walks = numbers["cell_radius"] / numbers["walk_speed"] if numbers["walk_speed"] > 0 else longest
    if dt > min(longest, walks):
        why = "cells would walk farther than their radius" if walks < longest else "fields would not follow the cells"
        raise refuse(
            ProtocolError, f"a step of {dt:g} s", f"at most {min(longest, walks):g} s: in a longer one {why}",
            "Take a shorter step, or leave it out.",
        )  # fmt: skip
