"""How far exosomes get from a lone donor cell among packed recipients: what the tumour measurement is held against."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq

from exude.cascade import TISSUE
from exude.derive.evaluate import evaluate
from exude.engine.fields import Grid, new_field, steady
from exude.engine.layout import Floats
from exude.experiment.protocol import Numbers

MOST_LENGTHS = 100
"""No half lies farther out than so many lengths."""


@dataclass(frozen=True)
class Reach:
    """Spread of exosomes about a donor: `within(d)` is the share found within d um of its boundary."""

    mobility: float
    """um2/s, in the matrix given."""
    loss: float
    """1/s: uptake by packed cells, and falling apart."""
    radius: float
    """Of the donor, um."""

    @property
    def length(self) -> float:
        """sqrt(mobility / loss), um: concentration falls by e and by distance over so much."""
        return math.sqrt(self.mobility / self.loss)

    def within(self, distance: float) -> float:
        """Share of exosomes within `distance` um of the donor's boundary, at rest in three dimensions.

        Concentration outside a sphere of radius R is exp(-(r - R)/L)/r, so the share within d is
        1 - (1 + d/(R + L)) exp(-d/L). Valid when uptake is far from saturation and recipients are everywhere alike.
        """
        d, length = distance, self.length
        return 1 - (1 + d / (self.radius + length)) * math.exp(-d / length)

    def half(self) -> float:
        """Distance (um) within which half of the exosomes are."""
        return float(brentq(lambda d: self.within(d) - 1 / 2, 0, MOST_LENGTHS * self.length))


def reach(numbers: Numbers) -> Reach:
    """The reach that the declared surroundings give among cells as dense as they get, in collagen of the reference."""
    given = numbers.values | {
        "takers": numbers["most_cells"], "exosomes": 0, "bound_exosomes": 0, "collagen": numbers["collagen_reference"],
        "open_medium": 0, "confinement": 1,
    }  # fmt: skip
    uptake, loss, bind = (float(evaluate(TISSUE, name, given)) for name in ("uptake", "loss", "binding"))
    gathered = float(evaluate(TISSUE, "uptake_bound", given))
    stuck = bind * gathered / (gathered + numbers["k_unbind"])  # bound ones that are taken before they come free
    return Reach(float(evaluate(TISSUE, "exosome_mobility", given)), uptake + loss + stuck, numbers["cell_radius"])


def on_a_grid(found: Reach, h: float, across: int) -> tuple[Floats, Floats]:
    """The same by the diffusion engine: distances (um) from the donor's boundary, and the share of exosomes within each."""
    grid = Grid((across, across, across), h)
    x, y, z = grid.centres()
    middle = across * h / 2
    far = np.sqrt(
        (x[None, None, :] - middle) ** 2 + (y[None, :, None] - middle) ** 2 + (z[:, None, None] - middle) ** 2
    )
    source = (np.abs(far - found.radius) < h / 2).astype(float)
    field = new_field(grid)
    loss = np.where(far < found.radius - h / 2, 0, found.loss)
    steady(grid, found.mobility, 0, field, source=source, loss=loss)
    outside = far >= found.radius
    order = np.argsort(far[outside], kind="stable")
    total = np.cumsum(np.asarray(field)[outside][order])
    return far[outside][order] - found.radius, np.asarray(total / total[-1])
