"""The vocabulary in which biology is declared: names and rate texts, no numbers, no arrays."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BORN = "BORN"
RELEASED = "RELEASED"
DEGRADED = "DEGRADED"
DEAD = "DEAD"
LEFT = "LEFT"
"""A cell that is no longer in the tissue: it died, or went into the blood."""
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


@dataclass(frozen=True)
class Field:
    """A quantity of the surroundings, per volume: d symbol/dt = div(diffusion grad symbol) + what reactions change.

    `diffusion` (um2/s) may read other fields at the same place; empty: it stays where it is. `start` is its text at
    the beginning, `edge` that of the value kept at the box's faces (empty: nothing passes them). A `fast` field is
    at rest with its sources at every moment: its reactions must all be in proportion to, or saturate in, itself.
    A `supplied` field moves as fast as it reacts: in a tissue one layer thick its reactions and its diffusion are one
    implicit step, so what is used up comes anew from around within the step. What changes it may change no other kind.
    """

    symbol: str
    unit: str
    diffusion: str = ""
    start: str = ""
    edge: str = ""
    fast: bool = False
    supplied: bool = False
    meaning: str = ""


@dataclass(frozen=True)
class Reaction:
    """Something that happens at a place: every field in `changes` gains its number times `rate`, per volume."""

    name: str
    rate: str
    changes: Mapping[str, int]
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pool:
    """Something a cell in space holds: d symbol/dt = gain - loss symbol, and `per_fusion` more at each MVB's fusion."""

    symbol: str
    unit: str
    gain: str
    loss: str
    per_fusion: str = "0"
    meaning: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of cell: its radius (text, um), the line whose levels it has, and the levels that are its own.

    `line`: empty is the line of the experiment, `HEALTHY` one whose levels are normal. Levels that a model does not
    have are left out. A kind that does not secrete has the traces of a resting cell and no MVBs.
    """

    name: str
    radius: str
    line: str = ""
    secretes: bool = True
    levels: Mapping[str, str] = field(default_factory=dict)
    """Level -> text of parameters."""
    meaning: str = ""


@dataclass(frozen=True)
class Event:
    """Something that happens to one cell of a kind at `rate` (1/s), read from its levels, pools and where it is.

    `becomes`: another kind, DEAD or LEFT; a cell can become one thing between two windows of the secretion, the first.
    `sets`: pools to new values, at once.
    """

    name: str
    kind: str
    rate: str
    becomes: str = ""
    sets: Mapping[str, str] = field(default_factory=dict)
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bond:
    """A cell of `seeker` that touches one of `targets` binds it at `on` and lets go at `off` (1/s); one target at a time.

    Cells touch whose surfaces are at most `touch` (um) apart; a bond breaks where they come `tether` (um) further apart.
    `sets` writes pools of the seeker: a text's value times the share of the step for which it was bound. Each of `hits`
    adds 1 to a pool of the target at its rate (1/s) while they are bound. Texts read the seeker's levels and pools by
    their names and the target's with the prefix `target_`; so do `definitions`, each after those that it reads.
    `touch` and `tether` read parameters alone.
    """

    name: str
    seeker: str
    targets: tuple[str, ...]
    on: str
    off: str
    touch: str
    tether: str
    sets: Mapping[str, str] = field(default_factory=dict)
    hits: Mapping[str, str] = field(default_factory=dict)
    definitions: tuple[Definition, ...] = ()
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Deposit:
    """What cells are to the place they stand in: `amount` summed over cells, per volume; reactions read it.

    `invadopodia`: it acts at the few spots of a cell where MVBs dock, not all over the cell.
    """

    symbol: str
    unit: str
    amount: str
    invadopodia: bool = False


@dataclass(frozen=True)
class Release:
    """What the fusion of one MVB adds to a field, at the spot where it fused; `amount` may read exosomes and cargo."""

    field: str
    amount: str


@dataclass(frozen=True)
class Behaviour:
    """What one kind of cell does in space; every text may read levels, pools and the fields where the cell is.

    The cell walks with `speed` and `persistence`, times `passage` (0 to 1: what the pores let through), drifts up the
    gradient of each field in `drift` (strength in um2/s per unit), follows fibres with `guidance` (0 to 1), divides
    and dies at rates, and pushes and holds on to others with `repulsion` and `adhesion` (um/s).
    """

    kind: str
    speed: str
    persistence: str
    passage: str
    guidance: str
    division: str
    death: str
    repulsion: str
    adhesion: str
    drift: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Hypothesis:
    """A rival mechanism, as data: parameters that differ from the default mechanism."""

    name: str
    says: str
    values: Mapping[str, float] = field(default_factory=dict)
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """What one chapter of the story adds."""

    name: str
    levels: tuple[Level, ...] = ()
    definitions: tuple[Definition, ...] = ()
    traces: tuple[Trace, ...] = ()
    life_cycle: LifeCycle | None = None
    emissions: tuple[Emission, ...] = ()
    readouts: tuple[str, ...] = ()
    """Definitions that a run records at its output times."""
    hypotheses: tuple[Hypothesis, ...] = ()
    fields: tuple[Field, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    pools: tuple[Pool, ...] = ()
    deposits: tuple[Deposit, ...] = ()
    releases: tuple[Release, ...] = ()
    kinds: tuple[Kind, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    events: tuple[Event, ...] = ()
    bonds: tuple[Bond, ...] = ()


@dataclass(frozen=True)
class Cascade:
    """Chapters put together: the whole declared model."""

    chapters: tuple[Chapter, ...]

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels of all chapters, in order."""
        return tuple(level for chapter in self.chapters for level in chapter.levels)

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """Definitions of all chapters, in order."""
        return tuple(d for chapter in self.chapters for d in chapter.definitions)

    @property
    def traces(self) -> tuple[Trace, ...]:
        """Traces of all chapters, in order."""
        return tuple(trace for chapter in self.chapters for trace in chapter.traces)

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """Rival mechanisms of all chapters, the default first."""
        return tuple(h for chapter in self.chapters for h in chapter.hypotheses)

    @property
    def emissions(self) -> tuple[Emission, ...]:
        """Particle streams of all chapters."""
        return tuple(e for chapter in self.chapters for e in chapter.emissions)

    @property
    def readouts(self) -> tuple[str, ...]:
        """Recorded definitions of all chapters."""
        return tuple(r for chapter in self.chapters for r in chapter.readouts)

    @property
    def life_cycle(self) -> LifeCycle:
        """The one life cycle of the cascade."""
        (cycle,) = (chapter.life_cycle for chapter in self.chapters if chapter.life_cycle is not None)
        return cycle

    @property
    def fields(self) -> tuple[Field, ...]:
        """Fields of all chapters, in order."""
        return tuple(f for chapter in self.chapters for f in chapter.fields)

    @property
    def reactions(self) -> tuple[Reaction, ...]:
        """Reactions of all chapters, in order."""
        return tuple(r for chapter in self.chapters for r in chapter.reactions)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Pools of cells in space."""
        return tuple(p for chapter in self.chapters for p in chapter.pools)

    @property
    def deposits(self) -> tuple[Deposit, ...]:
        """What cells are to their places."""
        return tuple(d for chapter in self.chapters for d in chapter.deposits)

    @property
    def releases(self) -> tuple[Release, ...]:
        """What a fusion adds to fields."""
        return tuple(r for chapter in self.chapters for r in chapter.releases)

    @property
    def behaviours(self) -> tuple[Behaviour, ...]:
        """What each kind of cell does in space."""
        return tuple(b for chapter in self.chapters for b in chapter.behaviours)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of cells, in order; the first is the one that an experiment is about."""
        return tuple(k for chapter in self.chapters for k in chapter.kinds)

    @property
    def events(self) -> tuple[Event, ...]:
        """What can happen to single cells."""
        return tuple(e for chapter in self.chapters for e in chapter.events)

    @property
    def bonds(self) -> tuple[Bond, ...]:
        """Who binds whom."""
        return tuple(b for chapter in self.chapters for b in chapter.bonds)
