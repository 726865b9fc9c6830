"""What a tissue run is made of, and how its places are laid out in memory."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.derive.bonds import Pair
from exude.derive.space import Space
from exude.engine import agents, fields, grid
from exude.engine.body import Shape
from exude.engine.host import HostSetup
from exude.engine.layout import Floats


@dataclass(frozen=True)
class Crowd:
    """What the engine knows of kinds of cells, by kind."""

    radius: Floats
    """Of a cell of mean volume, um."""
    secretes: NDArray[np.bool_]
    rest: Floats
    """(trace,) of a cell that does not secrete."""


class Action(NamedTuple):
    """What a drug does to a level: 1 - most C^steep / (half^steep + C^steep) of it is left."""

    level: int
    half: float  # uM
    steep: float
    most: float


class Penetrating(NamedTuple):
    """A drug that is in the tissue as one field or several, which reach different cells."""

    fields: tuple[int, ...]
    share: Floats  # (field, kind) of its concentration that a kind of cell sees
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Setup:
    """What to run."""

    space: Space
    parameters: Floats
    grid: grid.Grid
    depth: float
    """Thickness of a planar tissue, um; the side of a voxel in three dimensions."""
    shape: Shape
    fibres: Floats | None
    """(nz, ny, nx, 3) directions of fibres, unit vectors; none: no direction."""
    levels_at: Callable[[float], tuple[Floats, Floats]]
    """Factors on levels and additions to them at a time (s)."""
    dish: Floats
    """(level,) of the surroundings."""
    kinds: Crowd
    bonds: tuple[tuple[Pair, Floats], ...]
    """Declared bonds, each with its parameters."""
    dt: float
    steps_per_window: int
    steps_per_refresh: int
    """Steps between two looks at mobilities and fast fields."""
    relative: float
    """Error of the reactions of a place per step, relative."""
    seed: int
    threads: int
    start: Mapping[str, float]
    edge: Mapping[str, float]
    fast_speed: Mapping[str, float]
    """Diffusion coefficient (um2/s) of each fast field that is solved; others keep their values at the start."""
    host: HostSetup | None = None
    """The body around; none: what leaves is gone, and nobody comes."""
    drugs: tuple[Penetrating, ...] = ()
    """Drugs that are fields of the tissue."""

    @property
    def planar(self) -> bool:
        """Whether the tissue is one layer thick."""
        return bool(self.grid.shape[0] == 1)

    @property
    def steps_per_supply(self) -> int:
        """Steps between two of the supplied fields: a film is used up within seconds, what is deep within many minutes."""
        return 1 if self.planar else self.steps_per_refresh

    @property
    def thin(self) -> float:
        """Concentration over what a voxel as deep as it is wide would have."""
        return float(self.grid.h / self.depth)

    @property
    def box(self) -> agents.Box:
        """Where cells may be."""
        nz, ny, nx = self.grid.shape
        lower = np.array(self.grid.origin, float)
        return agents.Box(lower, lower + self.grid.h * np.array([nx, ny, nz]), self.planar)


def even(field: Floats) -> float | Floats:
    """A field that is the same everywhere as one number."""
    first = float(field.flat[0])
    return first if bool((field == first).all()) else field.copy()


def faces(setup: Setup, name: str) -> dict[str, float] | None:
    """Values kept at the box's faces; a planar tissue has medium above it, not beside it."""
    value = setup.edge.get(name)
    return None if value is None or setup.planar else dict.fromkeys(fields.FACES, value)
