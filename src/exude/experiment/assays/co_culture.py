"""Tumour cells and T cells together: killing against time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from exude.engine.layout import Floats
from exude.errors import ProtocolError, refuse
from exude.experiment.arrange import Mixture
from exude.experiment.assays.measures import TissueReading, kind_number
from exude.experiment.assays.shares import AbstractShareAssay
from exude.experiment.matrix import Plastic
from exude.experiment.tissue import Tissue


@dataclass(frozen=True)
class CoCulture(AbstractShareAssay):
    """Share of the labelled tumour cells, those there at the start, that are gone: killed by T cells.

    Valid when: nothing else kills tumour cells within the time of the assay.
    """

    purpose: ClassVar[int] = 45
    counted: ClassVar[str] = "killed"
    says: ClassVar[str] = "were killed"
    among: ClassVar[str] = "labelled tumour cells"

    def standard(self) -> Tissue:
        """200 tumour cells and 200 T cells that know them, on plastic for 24 h."""
        return Tissue(
            matrix=Plastic(), cells=Mixture({"tumour": 200, "t_cell": 200}), size=("420 um", "420 um"), voxel="20 um",
            duration="24 h", every="2 h",
        )  # fmt: skip

    def counts(self, dish: TissueReading, last: int) -> tuple[Floats, Floats]:
        """Labelled cells that are gone, and labelled cells, at each recorded time up to number `last`."""
        tumour = kind_number(dish, "tumour")
        if not np.isin(kind_number(dish, "t_cell"), dish.load(0).cells["kind"]):
            raise refuse(
                ProtocolError, "a dish without T cells", "tumour cells and T cells together",
                "Use cells=Mixture({'tumour': 200, 't_cell': 200}).",
            )  # fmt: skip
        first = dish.load(0).cells
        labelled = first["id"][first["kind"] == tumour]
        gone = [len(labelled) - np.isin(labelled, dish.load(i).cells["id"]).sum() for i in range(last + 1)]
        return np.array(gone, float), np.full(last + 1, float(len(labelled)))
