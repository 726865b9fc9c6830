"""Words for one cell: levels, traces, the life of a vesicle."""

from __future__ import annotations

from dataclasses import dataclass

BORN = "BORN"
RELEASED = "RELEASED"
DEGRADED = "DEGRADED"
DEAD = "DEAD"
LEFT = "LEFT"
"""What is no longer there: it died or fell apart, or went from the tissue into the blood."""
HEALTHY = "healthy"
"""Stands for a line whose every level is normal."""


@dataclass(frozen=True)
class Definition:
    """A named part of a rate: `symbol = text`, in `unit`."""

    symbol: str
    text: str
    unit: str = ""
    why: str = ""


@dataclass(frozen=True)
class Level:
    """Something a cell has an amount of: a protein (relative to the reference line) or a condition it is in."""

    symbol: str
    unit: str = ""
    normal: float = 1.0
    meaning: str = ""
    varies: bool = False
    """Whether it differs from cell to cell (lognormal)."""


@dataclass(frozen=True)
class Trace:
    """A quantity of the whole cell that moves by an ordinary differential equation: d symbol / dt = rate.

    The first trace of a cascade is calcium: a given curve may stand in for its equation. A model that leaves the
    equation out (`rate=""`) runs on given curves only.
    """

    symbol: str
    unit: str
    rate: str = ""
    start: str = ""
    """Symbol of the parameter that holds a value to start settling from; needed where there is a rate."""
    meaning: str = ""


@dataclass(frozen=True)
class Transition:
    """One thing that can happen to a vesicle.

    `rate` is what the cell does, per vesicle of `source` (per pair for a merger, per cell for a birth); `gate`, in
    [0, 1], is what the single vesicle allows. `growth` is the number of Rab11 vesicles the event adds.
    """

    name: str
    source: str
    target: str
    rate: str
    gate: str = ""
    growth: int = 0
    merges: bool = False
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Membrane:
    """ILVs and cargo of an MVB: patches of limiting membrane that bud in and fuse back, each on its own.

    Because every patch flips independently (rates `bud`, `back`), the number inside is known in law from the
    vesicle's history: dm/dt = bud (w - m) - back m for the mean m of w patches. Patches arrive in Poisson numbers:
    `at_birth` on a new MVB and `per_growth` with each Rab11 vesicle; cargo sits on patches and moves with them.
    """

    bud: str
    back: str
    at_birth: str
    per_growth: str
    cargo: str
    cargo_per_birth_patch: str
    cargo_per_growth_patch: str
    patch_diameter: str


@dataclass(frozen=True)
class Emission:
    """Particles that leave the cell as a Poisson stream of its own `rate` and carry no history."""

    name: str
    rate: str
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class LifeCycle:
    """Stages of a vesicle, transitions between them, and its membrane where it has one."""

    name: str
    stages: tuple[str, ...]
    transitions: tuple[Transition, ...]
    membrane: Membrane | None = None
    resolved: str = ""
    """The one stage whose mean field is resolved by the growth count, so that a gate on it is exact."""
