"""How much of everything is run to read one dish, and how large a whole reproduction is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effort:
    """What is run to read one dish under one parameter set."""

    cells: int
    """Of a culture of single cells."""
    dishes: int = 1
    """Films and gels, of which the mean is read."""
    crowd: int = 1
    """Cells of several kinds together, over those of the smallest dish: one large dish costs less than several small."""
    mice: int = 8
    """Of a group that a finding reads."""
    shown_mice: int = 8
    """Of a group that only a figure shows."""


@dataclass(frozen=True)
class Size:
    """How large a reproduction is."""

    point: Effort
    """At the point estimate."""
    draw: Effort
    """Under each parameter draw."""
    draws: int
    tissue_draws: int = 0
    """Draws for which dishes in space and mice are run; 0: none is, not even at the point estimate."""

    def of(self, number: int) -> Effort:
        """Effort of a parameter set; the point estimate is number 0."""
        return self.draw if number else self.point

    def say(self) -> str:
        """The size in words: '8 parameter draws (3 in space and mice), 256 cells'."""
        here = f" ({self.tissue_draws} in space and mice)" if self.tissue_draws else ""
        return f"{self.draws} parameter draws{here}, {self.point.cells} cells at the point estimate"


FULL = Size(
    point=Effort(cells=1024, dishes=4, crowd=8, mice=96, shown_mice=24),
    draw=Effort(cells=48, crowd=4, mice=48, shown_mice=8), draws=40, tissue_draws=8,
)  # fmt: skip
QUICK = Size(
    point=Effort(cells=256, crowd=2, mice=24), draw=Effort(cells=48, crowd=2, mice=16), draws=8, tissue_draws=4
)  # fmt: skip
