"""Words for what is around cells and for cells among others: fields, reactions, kinds, events, bonds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exude.model.cell import Definition


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
class Arrival:
    """Cells of a kind that come into the tissue at `rate` (item/um3/s), read from the fields and levels of a place.

    They come from outside, so a kind that secretes cannot: its MVBs would have no past. `out_of`: a level of the dish
    that is what this stock of the body around holds (0 without a body), and that loses those who came.
    """

    kind: str
    rate: str
    out_of: str = ""
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
