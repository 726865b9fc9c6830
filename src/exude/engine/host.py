"""A body around a tissue: it takes what leaves the tissue, window by window, and says who is in its blood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from exude.derive.compartments import Compartments
from exude.engine import compartments
from exude.engine.compartments import State
from exude.engine.layout import Floats
from exude.errors import DataError, refuse
from exude.model import Port


@dataclass(frozen=True)
class HostSetup:
    """What the body around is made of."""

    known: Compartments
    parameters: Floats
    levels_at: Callable[[float], Floats]
    """(level,) of the body at a time (s)."""
    ports: tuple[tuple[Port, float], ...]
    """What the tissue hands over, with its share as a number."""
    pieces: int
    """How many such pieces of tissue the tumour has: what leaves one counts so often."""
    longest: float
    """Longest step in which whole and other stocks see each other, s."""


class Host:
    """One body on its way."""

    def __init__(self, setup: HostSetup, seed: int, state: State | None = None) -> None:
        self.setup, self.seed = setup, seed
        self.state = state or compartments.beginning(
            setup.known, setup.parameters, setup.levels_at(0.0), seed=seed, step=setup.longest
        )

    @property
    def stocks(self) -> dict[str, float]:
        """What is in each stock now."""
        return dict(zip(self.setup.known.stocks, map(float, self.state.amounts[0]), strict=False))

    def advance(self, begin: float, end: float, coming: Mapping[str, float]) -> None:
        """Go on from `begin` to `end` (s), with what comes from one piece of tissue; whole stocks take whole numbers.

        Raises DataError where the body cannot be followed.
        """
        s = self.setup
        inflow = np.array([[[coming.get(stock, 0.0) * s.pieces for stock in s.known.stocks]]])
        course = compartments.run(
            s.known, s.parameters[np.newaxis], np.array([begin, end]), levels=s.levels_at(begin)[np.newaxis],
            inflow=inflow, seed=self.seed, longest=s.longest, begin=self.state,
        )  # fmt: skip
        if course.failed[0] >= 0:
            raise refuse(
                DataError, f"a body that cannot be followed beyond {begin:g} s", "finite stocks",
                "Look for a number that is far off, or for too many `pieces`.",
            )  # fmt: skip
        self.state = course.state

    def take(self, stock: str, number: int) -> None:
        """Take so many out of a stock for one piece, at most all there are."""
        at = self.setup.known.stocks.index(stock)
        self.state.amounts[0, at] = max(0.0, self.state.amounts[0, at] - float(number * self.setup.pieces))
