"""Where cells stand at the start, and of which kinds they are."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from exude.catalog import read
from exude.engine import streams
from exude.engine.agents import Box
from exude.engine.layout import Floats
from exude.engine.streams import Purpose
from exude.errors import ProtocolError, refuse
from exude.units import quantity

TRIES = 400
"""Places tried for a scattered cell before the box is called full."""


class OneKind:
    """Arrangements of tumour cells alone."""

    kinds: ClassVar[tuple[str, ...]] = ("tumour",)

    def kinds_at(self, number: int, seed: int) -> list[str]:
        """Kind of each cell."""
        return ["tumour"] * number


@dataclass(frozen=True)
class Scattered(OneKind):
    """Single cells at random places, none on top of another."""

    name: ClassVar[str] = "scattered"
    number: int = 20

    def places(self, box: Box, radius: float, seed: int) -> Floats:
        """(cell, 3) um."""
        side = box.upper - box.lower
        margin = np.where([True, True, not box.planar], radius, 0.0)
        found: list[Floats] = []
        for cell in range(_whole(self.number)):
            draws = streams.uniforms(seed, Purpose.PLACE, np.arange(cell * TRIES, (cell + 1) * TRIES), 3)
            tries = box.lower + margin + draws * (side - 2 * margin)
            if box.planar:
                tries[:, 2] = (box.lower + box.upper)[2] / 2
            free = next((t for t in tries if _clear(t, found, 2 * layout()["nearest"] * radius)), None)
            if free is None:
                raise refuse(
                    ProtocolError, f"{self.number} scattered cells", f"at most about {len(found)} in this box",
                    "Enlarge the box, or take fewer cells.",
                )  # fmt: skip
            found.append(free)
        return np.array(found)

    def inside(self, points: Floats, box: Box, radius: float) -> Floats:
        """Share (0 or 1) of each point that cells, not matrix, fill at the start."""
        return np.zeros(len(points))


@dataclass(frozen=True)
class Spheroid(OneKind):
    """A ball of close-packed cells in the middle of the box."""

    name: ClassVar[str] = "spheroid"
    number: int = 1000

    def places(self, box: Box, radius: float, seed: int) -> Floats:
        """(cell, 3) um, those of a close packing nearest to the middle, by a hair out of order."""
        middle = (box.lower + box.upper) / 2
        points = packing(box, radius, middle)
        far = np.sum((points - middle) ** 2, axis=1)
        order = np.lexsort((points[:, 0], points[:, 1], points[:, 2], far))[: _whole(self.number)]
        if len(order) < self.number:
            raise refuse(
                ProtocolError, f"a spheroid of {self.number} cells", f"at most {len(points)} in this box",
                "Enlarge the box, or take fewer cells.",
            )  # fmt: skip
        jitter = streams.uniforms(seed, Purpose.PLACE, np.arange(len(order)), 3) - 1 / 2
        if box.planar:
            jitter[:, 2] = 0.0
        return np.asarray(np.clip(points[order] + layout()["hair"] * radius * jitter, box.lower, box.upper))

    def reach(self, box: Box, radius: float) -> float:
        """Radius of the ball as far as cells fill it, um."""
        middle = (box.lower + box.upper) / 2
        far = np.sqrt(np.sum((self.places(box, radius, 0) - middle) ** 2, axis=1))
        return float(far.max()) + radius / 2

    def inside(self, points: Floats, box: Box, radius: float) -> Floats:
        """Share (0 or 1) of each point that cells, not matrix, fill at the start."""
        middle = (box.lower + box.upper) / 2
        return np.asarray(np.sum((points - middle) ** 2, axis=1) < self.reach(box, radius) ** 2, float)


@dataclass(frozen=True)
class Wound(OneKind):
    """A confluent layer with a cell-free strip of `width` across its middle."""

    name: ClassVar[str] = "wound"
    width: str = "300 um"

    def places(self, box: Box, radius: float, seed: int) -> Floats:
        """(cell, 3) um."""
        middle = (box.lower + box.upper) / 2
        points = packing(box, radius, middle)
        gap = quantity(self.width, "um", what="width of a wound") / 2
        kept = points[np.abs(points[:, 0] - middle[0]) > gap]
        if not len(kept):
            raise refuse(ProtocolError, self.width, "a wound narrower than the box", "Enlarge the box.")
        jitter = streams.uniforms(seed, Purpose.PLACE, np.arange(len(kept)), 3) - 1 / 2
        jitter[:, 2] = 0.0
        return np.asarray(np.clip(kept + layout()["hair"] * radius * jitter, box.lower, box.upper))

    def inside(self, points: Floats, box: Box, radius: float) -> Floats:
        """Share (0 or 1) of each point that cells, not matrix, fill at the start."""
        return np.zeros(len(points))


@dataclass(frozen=True)
class At(OneKind):
    """Cells at given places (um from the box's lower corner)."""

    name: ClassVar[str] = "at"
    points: tuple[tuple[float, float, float], ...] = ()

    def places(self, box: Box, radius: float, seed: int) -> Floats:
        """(cell, 3) um."""
        found = np.array(self.points, float).reshape(-1, 3) + box.lower
        out = np.flatnonzero(~np.all(np.isfinite(found) & (found >= box.lower) & (found <= box.upper), axis=1))
        if len(out):
            raise refuse(
                ProtocolError, f"cell {out[0]} at {self.points[out[0]]} um", f"places within {box.upper - box.lower} um",
                "Enlarge the box, or move the cell.",
            )  # fmt: skip
        return found

    def inside(self, points: Floats, box: Box, radius: float) -> Floats:
        """Share (0 or 1) of each point that cells, not matrix, fill at the start."""
        return np.zeros(len(points))


@dataclass(frozen=True)
class Layer(OneKind):
    """Cells on top of a slab of matrix: at random places of one layer under the upper face of the box.

    The layer that cells stand in, as deep as a cell is wide, holds no matrix.
    """

    name: ClassVar[str] = "layer"
    number: int = 30

    def places(self, box: Box, radius: float, seed: int) -> Floats:
        """(cell, 3) um, sites of a close packing drawn at random, by a hair out of order."""
        if box.planar:
            raise refuse(
                ProtocolError, "a layer of cells on a planar tissue", "a box with a height",
                "Give the box three lengths, or use Scattered(30).",
            )  # fmt: skip
        middle = (box.lower + box.upper) / 2
        middle[2] = box.upper[2] - radius
        flat = Box(box.lower * [1, 1, 0] + middle * [0, 0, 1], box.upper * [1, 1, 0] + middle * [0, 0, 1], True)
        sites = packing(flat, radius, middle)
        return drawn_sites(sites, _whole(self.number), flat, radius, seed, "a layer")

    def inside(self, points: Floats, box: Box, radius: float) -> Floats:
        """Share (0 or 1) of each point that cells and medium, not matrix, fill at the start."""
        return np.asarray(points[:, 2] > box.upper[2] - 2 * radius, float)


@dataclass(frozen=True)
class Mixture:
    """Several kinds of cells at random among each other: {"tumour": 200, "t_cell": 200}, on sites of a close packing.

    The sites are those nearest to the middle of the box that hold `spread` times as many cells (0: the whole box).
    """

    name: ClassVar[str] = "mixture"
    numbers: Mapping[str, int]
    spread: float = 0.0

    def __post_init__(self) -> None:
        if not self.numbers:
            raise refuse(ProtocolError, "a mixture of nothing", "numbers of cells by kind", "Write {'tumour': 100}.")
        for number in self.numbers.values():
            _whole(number)
        if not (self.spread == 0.0 or self.spread >= 1.0):
            raise refuse(ProtocolError, self.spread, "a spread of at least 1, or 0", "Leave it out for the whole box.")

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of cells in it."""
        return tuple(self.numbers)

    def kinds_at(self, number: int, seed: int) -> list[str]:
        """Kind of each cell."""
        return shuffled(self.numbers, seed)

    def places(self, box: Box, radius: float, seed: int) -> Floats:
        """(cell, 3) um."""
        middle, total = (box.lower + box.upper) / 2, sum(self.numbers.values())
        sites = packing(box, radius, middle)
        if self.spread:
            far = np.sum((sites - middle) ** 2, axis=1)
            near = np.lexsort((sites[:, 0], sites[:, 1], sites[:, 2], far))
            sites = sites[near[: math.ceil(self.spread * total)]]
        return drawn_sites(sites, total, box, radius, seed, "a mixture")

    def inside(self, points: Floats, box: Box, radius: float) -> Floats:
        """Share (0 or 1) of each point that cells, not matrix, fill at the start."""
        return np.zeros(len(points))


@dataclass(frozen=True)
class Among:
    """Cells of other kinds at random places around an arrangement of tumour cells: Among(Spheroid(100), {"t_cell": 50})."""

    name: ClassVar[str] = "among"
    tumour: Scattered | Spheroid | At
    others: Mapping[str, int]

    def __post_init__(self) -> None:
        for number in self.others.values():
            _whole(number)

    @property
    def kinds(self) -> tuple[str, ...]:
        """Kinds of cells in it."""
        return (*self.tumour.kinds, *self.others)

    def kinds_at(self, number: int, seed: int) -> list[str]:
        """Kind of each cell: tumour cells first."""
        others = shuffled(self.others, seed)
        return ["tumour"] * (number - len(others)) + others

    def places(self, box: Box, radius: float, seed: int) -> Floats:
        """(cell, 3) um."""
        own = self.tumour.places(box, radius, seed)
        sites = packing(box, radius, (box.lower + box.upper) / 2)
        sites = sites[self.tumour.inside(sites, box, radius) == 0.0]
        near = (2 * layout()["nearest"] * radius) ** 2
        clear = [bool(np.all(np.sum((own - site) ** 2, axis=1) >= near)) for site in sites]
        others = drawn_sites(sites[clear], sum(self.others.values()), box, radius, seed, "cells around the tumour")
        return np.concatenate([own, others])

    def inside(self, points: Floats, box: Box, radius: float) -> Floats:
        """Share (0 or 1) of each point that cells, not matrix, fill at the start."""
        return self.tumour.inside(points, box, radius)


Arrangement = Scattered | Spheroid | Wound | Layer | At | Mixture | Among
ARRANGEMENTS: dict[str, type[Scattered] | type[Spheroid] | type[Wound] | type[Layer] | type[At]] = {
    "scattered": Scattered, "spheroid": Spheroid, "wound": Wound, "layer": Layer, "at": At,
}  # fmt: skip


def layout() -> Mapping[str, float]:
    """How loosely cells are placed, from the catalogue's numerics."""
    return dict(read.numerics()["arrange"])


def packing(box: Box, radius: float, middle: Floats) -> Floats:
    """Middles of close-packed cells that fill the box, one of them in the middle: hexagonal layers, (cell, 3) um."""
    d = layout()["packed"] * radius
    up = 0.0 if box.planar else d * math.sqrt(2 / 3)
    half = (box.upper - box.lower) / 2
    rows, columns = (int(half[1] // (d * math.sqrt(3) / 2)) + 1, int(half[0] // d) + 1)
    layers = 0 if box.planar else int(half[2] // up) + 1
    k, j, i = np.meshgrid(*(np.arange(-n, n + 1) for n in (layers, rows, columns)), indexing="ij")
    odd_row, odd_layer = j % 2, k % 2
    x = d * (i + (odd_row + odd_layer) / 2)
    y = d * (math.sqrt(3) / 2 * j + odd_layer / (2 * math.sqrt(3)))
    points = np.stack([x, y, up * k], axis=-1).reshape(-1, 3) + middle
    edge = np.where([True, True, not box.planar], radius, 0.0)
    within = np.all((points >= box.lower + edge) & (points <= box.upper - edge), axis=1)
    return np.asarray(points[within])


def drawn_sites(sites: Floats, number: int, box: Box, radius: float, seed: int, what: str) -> Floats:
    """Some of the sites at random, by a hair out of place, (cell, 3) um; ProtocolError where there are too few."""
    if number > len(sites):
        raise refuse(
            ProtocolError, f"{what} of {number} cells", f"at most {len(sites)} in this box",
            "Enlarge the box, or take fewer cells.",
        )  # fmt: skip
    draws = streams.uniforms(seed, Purpose.PLACE, np.arange(len(sites)), 4)
    chosen = np.sort(np.argsort(draws[:, 3], kind="stable")[:number])
    jitter = layout()["hair"] * radius * (draws[chosen, :3] - 1 / 2)
    if box.planar:
        jitter[:, 2] = 0.0
    return np.asarray(np.clip(sites[chosen] + jitter, box.lower, box.upper))


def shuffled(numbers: Mapping[str, int], seed: int) -> list[str]:
    """Kinds as often as their numbers say, in random order."""
    kinds = [kind for kind, n in numbers.items() for _ in range(n)]
    draws = streams.uniforms(seed, Purpose.PLACE, np.arange(len(kinds)), 1, turn=1)[:, 0]
    return [kinds[i] for i in np.argsort(draws, kind="stable")]


def _clear(place: Floats, others: list[Floats], apart: float) -> bool:
    return all(np.sum((place - o) ** 2) >= apart * apart for o in others)


def _whole(number: object) -> int:
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise refuse(ProtocolError, number, "a whole number of cells, at least 1", "Write for example 100.")
    return number
