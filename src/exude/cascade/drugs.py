"""Drugs that enter a tissue from its vessels: through their walls, by diffusion between the cells, lost on the way.

dC/dt = div(D grad C) + wall x vessels x (P - C) - loss x C, with P free in plasma. The chapter is the same for every
drug: what differs stands in levels of the dish, which an experiment sets. What a drug does to a cell is no text here:
it lowers the levels of each cell by what it meets.
"""

from exude.model import Chapter, Field, Level, Reaction

SLOTS = ("drug_a", "drug_b")
"""Fields of drugs that a tissue has room for."""


def drugs(number: int) -> Chapter:
    """The chapter for so many drugs, of `SLOTS`; for a model with vessels."""
    mine = SLOTS[:number]
    return Chapter(
        name="drugs",
        levels=tuple(
            level
            for slot in mine
            for level in (
                Level(f"{slot}_plasma", "uM", normal=0, meaning=f"{slot}, free in plasma"),
                Level(f"{slot}_wall", "um/s", normal=0, meaning=f"permeability of vessels to {slot}"),
                Level(f"{slot}_diffusion", "um**2/s", normal=0, meaning=f"diffusion of {slot} in tissue"),
                Level(f"{slot}_loss", "1/s", normal=0, meaning=f"loss of {slot} in tissue"),
            )
        ),
        fields=tuple(
            Field(slot, "uM", diffusion=f"{slot}_diffusion", supplied=True, meaning=f"{slot}, free in tissue")
            for slot in mine
        ),
        reactions=tuple(
            reaction
            for slot in mine
            for reaction in (
                Reaction(f"{slot} from vessels", f"{slot}_wall * vessels * {slot}_plasma", {slot: 1}),
                Reaction(f"{slot} into vessels", f"{slot}_wall * vessels * {slot}", {slot: -1}),
                Reaction(f"loss of {slot}", f"{slot}_loss * {slot}", {slot: -1}),
            )
        ),
    )
