"""Several kinds of cells where a test wants them, and what tests read of such tissues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar, cast

import numpy as np
from numpy.typing import NDArray

from exude.engine.agents import Box
from exude.engine.layout import Floats, Ints
from exude.engine.tissue import Tissue as Running
from exude.experiment.arrange import Arrangement
from exude.experiment.matrix import Plastic
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue

STILL = {
    "walk_speed": 0.0, "walk_speed_normal": 0.0, "walk_speed_fibroblast": 0.0, "t_walk_speed": 0.0, "t_chemotaxis": 0.0,
    "cell_repulsion": 0.0, "cell_adhesion": 0.0, "k_divide": 0.0, "k_divide_normal": 0.0, "k_divide_fibroblast": 0.0,
    "k_t_divide": 0.0, "k_t_death": 0.0, "most_pressure": 1e9,
}  # fmt: skip
"""Cells that stay where they are, do not feel each other, and neither divide nor die of themselves."""


@dataclass(frozen=True)
class Placed:
    """Cells of given kinds at given places (kind, x, y, z; um from the box's lower corner), in the order of their ids."""

    name: ClassVar[str] = "placed"
    cells: tuple[tuple[str, float, float, float], ...]

    @property
    def kinds(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(kind for kind, *_ in self.cells))

    def kinds_at(self, number: int, seed: int) -> list[str]:
        return [kind for kind, *_ in self.cells]

    def places(self, box: Box, radius: float, seed: int) -> Floats:
        return np.array([place for _, *place in self.cells], float) + box.lower

    def inside(self, points: Floats, box: Box, radius: float) -> Floats:
        return np.zeros(len(points))


def placed(*cells: tuple[str, float, float, float]) -> Arrangement:
    return cast(Arrangement, Placed(cells))


def rows_of(kind: str, number: int, apart: float, shift: float = 0.0) -> list[tuple[str, float, float, float]]:
    """Cells of a kind in rows, in the middles of squares of side `apart`, moved along x by `shift`."""
    per = int(np.ceil(np.sqrt(number)))
    return [(kind, apart * (i % per + 0.5) + shift, apart * (i // per + 0.5), 0.0) for i in range(number)]


def dish(cells: Arrangement, side: float, changed: dict[str, float] | None = None, **asked: Any) -> Tissue:
    """Cells on plastic that all have the levels of their kind; after a short burn-in they release next to nothing."""
    base = Tissue(
        matrix=Plastic(), cells=cells, size=(f"{side:g} um",) * 2, voxel="20 um", duration="2 h", every="20 min",
        alike=True, burn_in="10 min", threads=1, numbers=Numbers.default().but(**STILL | (changed or {})),
    )  # fmt: skip
    return replace(base, **asked)


def field(tissue: Running, name: str) -> NDArray[np.float64]:
    """A field of a running tissue, to read or to write."""
    return np.asarray(tissue.places.fields[tissue.setup.space.fields.index(name)])


def pool(tissue: Running, name: str) -> NDArray[np.float64]:
    """A pool of its cells, to read or to write."""
    return tissue.body.pools[:, tissue.setup.space.pools.index(name)]


def of_kind(tissue: Running, *kinds: str) -> NDArray[np.bool_]:
    """Which cells are of these kinds."""
    return np.isin(tissue.body.kind, [tissue.setup.space.kinds.index(kind) for kind in kinds])


def count(tissue: Running, event: str) -> int:
    """How often an event has happened."""
    assert tissue.happened is not None
    return int(tissue.happened[[e.name for e in tissue.setup.space.cascade.events].index(event)])


def window(tissue: Running, before: Callable[[Running], None] = lambda tissue: None, windows: int = 1) -> Running:
    """Take a tissue through whole windows of its secretion; `before` is done before each step."""
    for _ in range(windows * tissue.setup.steps_per_window):
        before(tissue)
        tissue.advance()
    return tissue


def by_id(tissue: Running, which: NDArray[np.bool_] | None = None) -> dict[str, Any]:
    """Arrays of a tissue's cells in the order of their ids, to be compared bit by bit."""
    rows = np.flatnonzero(np.ones(len(tissue.body.ids), bool) if which is None else which)
    order: Ints = rows[np.argsort(tissue.body.ids[rows], kind="stable")]
    return {name: array[order] for name, array in tissue.body._asdict().items()}


def same_bits(one: dict[str, Any], other: dict[str, Any], leave: tuple[str, ...] = ()) -> list[str]:
    """Names of arrays that differ in any bit."""
    assert one.keys() == other.keys()
    return [name for name in one if name not in leave and one[name].tobytes() != other[name].tobytes()]
