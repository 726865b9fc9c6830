"""Cells that make their way through a slab of matrix to its lower side."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np

from exude.engine.layout import Floats
from exude.errors import ProtocolError, refuse
from exude.experiment.arrange import Layer
from exude.experiment.assays.measures import TissueReading
from exude.experiment.assays.shares import AbstractShareAssay
from exude.experiment.matrix import Gel
from exude.experiment.tissue import Tissue


@dataclass(frozen=True)
class Transwell(AbstractShareAssay):
    """Share of cells that have come through: their lower edge within `reach` cell radii of the lower face.

    A cell that was there once is counted for good (it holds on to the filter). Stained cells below are found with
    probability `transwell_seen`. at: time of the count in s; infinity is the end of the run.
    Valid when: recorded times are closer than a cell takes to turn back; cells pass independently. Likelihood: count
    below of `cells`, beta-binomial: the share that passes is known from a finite number of simulated cells.
    """

    _: KW_ONLY
    reach: float = 1.0
    purpose: ClassVar[int] = 43
    counted: ClassVar[str] = "through"
    says: ClassVar[str] = "have come through"
    among: ClassVar[str] = "cells in the insert"

    def standard(self) -> Tissue:
        """30 cells on a slab of collagen 60 um thick for 24 h."""
        return Tissue(
            matrix=Gel(), cells=Layer(30), size=("200 um", "200 um", "80 um"), voxel="10 um", duration="24 h",
            every="2 h",
        )  # fmt: skip

    @property
    def found(self) -> float:
        """Probability that a stained cell below is found."""
        return self.numbers["transwell_seen"]

    def passed(self, dish: TissueReading, last: int) -> list[set[int]]:
        """Ids of the cells that have come through by each time up to number `last`, dead ones among them."""
        if dish.grid.shape[0] == 1:
            raise refuse(ProtocolError, "a tissue one layer thick", "a slab", "Give the box three lengths.")
        floor = dish.grid.origin[2]
        found: list[set[int]] = []
        for i in range(last + 1):
            now = dish.load(i).cells
            low = now["position"][:, 2] - now["radius"] - floor
            there = set(now["id"][low <= self.reach * now["radius"]].tolist())
            found.append(there | (found[-1] if found else set()))
        return found

    def counts(self, dish: TissueReading, last: int) -> tuple[Floats, Floats]:
        """Cells through, and cells, at each time up to `last`."""
        through, cells = [], []
        for i, known in enumerate(self.passed(dish, last)):
            ids = dish.load(i).cells["id"]
            through.append(sum(int(one) in known for one in ids))
            cells.append(len(ids))
        return np.array(through, float), np.array(cells, float)
