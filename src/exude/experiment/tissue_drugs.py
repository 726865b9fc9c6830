"""Drugs that enter a tissue: which field is whose, what their numbers are, what they do to the levels of cells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from exude.cascade import CELL
from exude.cascade.drugs import SLOTS
from exude.catalog import read
from exude.derive.space import Space
from exude.engine.layout import Floats
from exude.engine.setup import Action, Penetrating
from exude.errors import ProtocolError, refuse
from exude.experiment.dosing import Schedule, free_plasma, key_of, left_of, seen_by
from exude.experiment.perturbations import Drug, Perturbation, say
from exude.experiment.protocol import Numbers, hit, places
from exude.model import Cascade
from exude.units import factor_to_internal

REACHED = ("tumour", "transformed")
"""Kinds of cells that a drug for the tumour reaches."""
WAY_IN = ("wall", "diffusion", "tissue_loss")
PIECES = 8
"""Looks at plasma in each stretch between two of its means, and as many more as doses fall into it."""

LevelsAt = Callable[[float], tuple[Floats, Floats]]


class Given(NamedTuple):
    """Drugs by schedule, and the body whose plasma they are in."""

    schedules: tuple[Schedule, ...]
    numbers: Numbers
    host: str


class Slot(NamedTuple):
    """A drug and whom it reaches: one field of the tissue."""

    drug: str
    reach: str


def slots_of(schedules: Sequence[Schedule]) -> tuple[Slot, ...]:
    """The fields that schedules need, each with its slot's place; doses of 0 need none."""
    return tuple(dict.fromkeys(Slot(s.name, s.reach) for s in schedules if s.amount[0] > 0))


def check_schedules(schedules: Sequence[Schedule], what: Sequence[Perturbation], secretion: str) -> None:
    """Refuse schedules that no tissue can follow; ProtocolError."""
    slots = slots_of(schedules)
    if len(slots) > len(SLOTS):
        said = ", ".join(f"{slot.drug} ({slot.reach})" for slot in slots)
        raise refuse(ProtocolError, said, f"at most {len(SLOTS)} drugs (by reach) in a tissue", "Leave some out.")
    for drug in dict.fromkeys(slot.drug for slot in slots):
        for other in what:
            if isinstance(other, Drug) and read.drug(other.name).name == drug:
                fix = "Give it one way: `what` reaches all cells alike, `schedules` lets it come from the vessels."
                raise refuse(ProtocolError, f"{say(other)} and a schedule of it", "a drug given once", fix)
        lacking = [f"{key_of(drug)}_{what}" for what in WAY_IN if f"{key_of(drug)}_{what}" not in read.parameters()]
        if lacking:
            fix = f"Add {', '.join(lacking)} to the catalogue, or give it as a Drug."
            raise refuse(ProtocolError, drug, "a drug whose way into a tissue is in the catalogue", fix)
        _check_effects(drug, secretion)


def _check_effects(drug: str, secretion: str) -> None:
    for effect in read.drug(drug).effects:
        if effect.mode != "inhibit":
            fix = "Give it as a Drug, which reaches all cells alike."
            raise refuse(ProtocolError, f"{drug}, which does {effect.mode} {effect.target}", "drugs that inhibit", fix)
        if secretion == "mean-field" and effect.target in places(CELL):
            raise refuse(
                ProtocolError, f"{drug} on {effect.target} with secretion='mean-field'",
                "a drug that release does not feel, because the mean field is worked out once for all cells of a group",
                "Take secretion='vesicles', or give it as a Drug.",
            )  # fmt: skip


def check_model(schedules: Sequence[Schedule], about: str, model: Cascade) -> None:
    """Refuse schedules in a model without vessels, and drugs on what it does not have; ProtocolError."""
    known = places(model)
    slots = slots_of(schedules)
    if slots and "vessels" not in [f.symbol for f in model.fields]:
        fix = "Give the tissue vessels: a model with them, or none at all."
        raise refuse(ProtocolError, f"schedules in the model {about!r}", "a tissue with vessels", fix)
    for slot in slots:
        targets = [effect.target for effect in read.drug(slot.drug).effects]
        if not any(target in known for target in targets):
            raise refuse(
                ProtocolError, f"{slot.drug}, which acts on {', '.join(targets)}",
                f"a drug on what the model {about!r} has", "Take model='all', or another drug.",
            )  # fmt: skip


def levels_of(schedules: Sequence[Schedule], numbers: Numbers) -> dict[str, float]:
    """Levels of the dish that say how each drug passes walls, diffuses and is lost."""
    found = {}
    for slot, (drug, _) in zip(SLOTS, slots_of(schedules), strict=False):
        key = key_of(drug)
        found[f"{slot}_wall"] = numbers[f"{key}_wall"]
        found[f"{slot}_diffusion"] = numbers[f"{key}_diffusion"]
        found[f"{slot}_loss"] = numbers[f"{key}_tissue_loss"]
    return found


def with_plasma(levels_at: LevelsAt, given: Given, model: Cascade, dt: float, steps: int, duration: float) -> LevelsAt:
    """`levels_at` with what is free in plasma added: its mean over so many steps of `dt` (s), in which drugs move."""
    slots, known = slots_of(given.schedules), places(model)
    if not slots:
        return levels_at
    free = mean_plasma(given, steps * dt, duration)
    where = [known[f"{slot}_plasma"] for slot in SLOTS[: len(slots)]]

    def found(t: float) -> tuple[Floats, Floats]:
        multiply, add = levels_at(t)
        add = add.copy()
        add[where] = free[:, min(round(t / dt) // steps, free.shape[1] - 1)]
        return multiply, add

    return found


def mean_plasma(given: Given, stretch: float, duration: float) -> Floats:
    """(slot, stretch) means of free drug in plasma (uM) over stretches (s) of the run, from 0 on.

    By the middle of pieces, none of which has a dose within: what is missed is of second order in a piece.
    """
    schedules = [s for s in given.schedules if s.amount[0] > 0]
    count = max(1, round(duration / stretch))
    starts = np.arange(count) * stretch
    looks = starts[:, np.newaxis] + np.arange(PIECES) * (stretch / PIECES)
    doses = np.concatenate([s.times(duration) for s in schedules])
    edges = np.unique(np.concatenate([looks.ravel(), doses, [count * stretch]]))
    middle, wide = (edges[1:] + edges[:-1]) / 2, np.diff(edges)
    found = free_plasma(schedules, middle, duration=duration, host=given.host, sets=[given.numbers])
    first = np.searchsorted(edges, starts)
    rows = [np.add.reduceat(found[slot][0] * wide, first) / stretch for slot in slots_of(schedules)]
    return np.array(rows)


def unbound_pd_l1(given: Given, stretch: float, duration: float) -> Floats:
    """(stretch,) share of PD-L1 that drugs leave outside of the tissue, at the middle of stretches (s) of the run."""
    middle = np.asarray((np.arange(max(1, round(duration / stretch))) + 1 / 2) * stretch, np.float64)
    schedules = [s for s in given.schedules if s.amount[0] > 0]
    found = free_plasma(schedules, middle, duration=duration, host=given.host, sets=[given.numbers])
    share = left_of("pd_l1_free", seen_by(found, "elsewhere", [given.numbers]), (1, len(middle)))
    return np.asarray(share[0], np.float64)


def actions_of(schedules: Sequence[Schedule], numbers: Numbers, space: Space) -> tuple[Penetrating, ...]:
    """What each drug does to levels, and who sees it."""
    slots, known = slots_of(schedules), places(space.cascade)
    gain, elsewhere = numbers["targeted_gain"], numbers["targeted_elsewhere"]
    seen = {"body": (1, 1), "tumour": (1, 0), "targeted": (gain, elsewhere)}
    reached = np.isin(space.kinds, REACHED)
    found = []
    for drug in dict.fromkeys(slot.drug for slot in slots):
        mine = [(SLOTS[q], slot.reach) for q, slot in enumerate(slots) if slot.drug == drug]
        actions = tuple(
            Action(
                known[level],
                effect.potency.value * factor_to_internal(effect.potency.unit),
                effect.hill.value,
                effect.maximum.value * factor_to_internal(effect.maximum.unit),
            )
            for effect in read.drug(drug).effects
            for level in hit(effect.target)
            if level in known
        )
        share = np.array([np.where(reached, *seen[reach]) for _, reach in mine], float)
        found.append(Penetrating(tuple(space.fields.index(name) for name, _ in mine), share, actions))
    return tuple(found)
