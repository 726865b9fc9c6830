"""What a tumour lies in: vessels around and in it, and the body that they lead to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from exude.cascade.host import HOST, PORTS
from exude.catalog import read
from exude.derive.compartments import Compartments
from exude.derive.evaluate import evaluate
from exude.engine import grid, streams
from exude.engine import numbers as exact
from exude.engine.host import HostSetup
from exude.engine.layout import Floats
from exude.engine.streams import Purpose
from exude.errors import ProtocolError, refuse
from exude.experiment.cohort import IMMUNITY
from exude.experiment.dosing import HOSTS
from exude.experiment.perturbations import KnockOut, Perturbation
from exude.experiment.protocol import Numbers
from exude.model import Cascade
from exude.units import quantity

FINE = 4
"""Points per voxel along a vessel."""
MOST_PIECES = 10**9
Inside = Callable[[Floats], Floats]
"""Share (0 or 1) of points (n, 3) that cells fill at the start."""


@dataclass(frozen=True)
class Capillaries:
    """Straight vessels at random places and in random directions, in a planar tissue straight through it.

    surface: of vessels per volume, on average where there are any; empty takes the catalogue's (tumours). apart: about
    how far neighbours are. inside: whether they also run where cells are at the start; else the tumour has to reach
    them. Raises ProtocolError and UnitError. Valid when: vessels stay as they are; blood is the same in all of them.
    """

    surface: str = ""
    apart: str = "60 um"
    inside: bool = False

    def __post_init__(self) -> None:
        if self.surface and not quantity(self.surface, "1/um", what="surface of vessels") > 0:
            raise refuse(ProtocolError, self.surface, "a surface above 0", "Write '0.04 1/um', or leave vessels out.")
        if not quantity(self.apart, "um", what="distance between vessels") > 0:
            raise refuse(ProtocolError, self.apart, "a distance above 0", "Write apart='60 um'.")

    def density(self, box: grid.Grid, numbers: Numbers, seed: int, inside: Inside) -> Floats:
        """Surface of vessels per volume (z, y, x), 1/um."""
        made = grid.new_field(box)
        ends = _lines(box, quantity(self.apart, "um", what="distance between vessels"), seed)
        points = np.concatenate([_along(a, b, box.h / FINE) for a, b in ends])
        grid.deposit(made, points, np.ones(len(points)), box)
        free = np.ones(made.shape) if self.inside else 1.0 - inside(box.places()).reshape(made.shape)
        made[...] *= free
        wanted = quantity(self.surface, "1/um", what="surface") if self.surface else numbers["vessel_surface"]
        there = grid.total(made)
        if not there > 0:
            raise refuse(
                ProtocolError, f"vessels {self.apart} apart, none outside of the cells", "at least one",
                "Give vessels closer together, a larger box, or inside=True.",
            )  # fmt: skip
        made[...] *= wanted * float(free.sum()) / there
        return made


@dataclass(frozen=True)
class Host:
    """The body around a tissue: 'mouse' or 'patient', its immunity as in `Cohort`, and how many such pieces it has.

    pieces: the tumour is so many times the tissue; what leaves the tissue reaches the blood and the node so often.
    Host cells of a Munc13-4-deficient host lack it, the tumour does not. Raises ProtocolError.
    """

    species: str = "mouse"
    immunity: str = "competent"
    pieces: int = 1

    def __post_init__(self) -> None:
        for what, word, ways in (("species", self.species, HOSTS), ("immunity", self.immunity, tuple(IMMUNITY))):
            if word not in ways:
                raise refuse(ProtocolError, word, f"{what} {', '.join(map(repr, ways))}", "Choose one.", ways)
        whole = isinstance(self.pieces, int) and not isinstance(self.pieces, bool)
        if not whole or not 1 <= self.pieces <= MOST_PIECES:
            expected = f"a whole number of pieces from 1 to {MOST_PIECES:,}"
            raise refuse(ProtocolError, self.pieces, expected, "Write Host(pieces=1).")

    @property
    def has_t_cells(self) -> bool:
        """Whether it has any."""
        return bool(IMMUNITY[self.immunity][0])

    @property
    def lacks(self) -> tuple[Perturbation, ...]:
        """What is done to all cells that are the host's own."""
        return () if IMMUNITY[self.immunity][1] else (KnockOut("UNC13D"),)

    def setup(self, numbers: Numbers, window: float, model: Cascade, pd_l1_free: Floats) -> HostSetup:
        """What the engine needs; window: s between two exchanges; pd_l1_free: share left in each window, (window,)."""
        known = _known()
        here = {"patient": float(self.species == "patient"), "t_cells": float(self.has_t_cells)}

        def levels_at(time: float) -> Floats:
            now = here | {"pd_l1_free": float(pd_l1_free[min(round(time / window), len(pd_l1_free) - 1)])}
            return np.array([now[name] for name in known.levels])

        ports = tuple((p, float(evaluate(model, p.share, numbers.values))) for p in PORTS)
        parameters = np.array([numbers[name] for name in known.parameters])
        return HostSetup(known, parameters, levels_at, ports, self.pieces, window)


@cache
def _known() -> Compartments:
    """The declared body, checked."""
    found = Compartments(HOST, {name: p.unit for name, p in read.parameters().items()})
    found.check()
    return found


class _Line(NamedTuple):
    first: Floats
    last: Floats


def _lines(box: grid.Grid, apart: float, seed: int) -> list[_Line]:
    """Lines through the box, as many as give a length of 1 / apart^2 per volume."""
    size = np.array(box.size)
    wanted, found, length = float(np.prod(size)) / apart**2, list[_Line](), 0.0
    while length < wanted:
        draws = streams.uniforms(seed, Purpose.VESSEL, np.array([len(found)]), 6)[0]
        middle = np.array(box.origin) + draws[:3] * size
        line = _through(middle, _upright() if box.dimensions == 2 else _direction(draws[3:]), box)
        found.append(line)
        length += float(np.sqrt(np.sum((line.last - line.first) ** 2)))
    return found


def _upright() -> Floats:
    return np.array([0.0, 0.0, 1.0])


def _direction(draws: Floats) -> Floats:
    """A direction, all alike: three normal numbers, whose length is no matter."""
    found = exact.normal(draws)
    return np.asarray(found / np.sqrt(np.sum(found**2)))


def _through(point: Floats, direction: Floats, box: grid.Grid) -> _Line:
    """Where a line through a point of the box enters and leaves it."""
    lower = np.array(box.origin)
    with np.errstate(divide="ignore"):
        ends = np.stack([(lower - point) / direction, (lower + np.array(box.size) - point) / direction])
    first, last = np.nanmax(ends.min(axis=0)), np.nanmin(ends.max(axis=0))
    upper = lower + np.array(box.size)
    return _Line(np.clip(point + first * direction, lower, upper), np.clip(point + last * direction, lower, upper))


def _along(first: Floats, last: Floats, step: float) -> Floats:
    """Points along a line, about a step apart, each for the same length."""
    length = float(np.sqrt(np.sum((last - first) ** 2)))
    number = max(1, round(length / step))
    share = (2 * np.arange(number) + 1) / (2 * number)
    return np.asarray(first + share[:, None] * (last - first))
