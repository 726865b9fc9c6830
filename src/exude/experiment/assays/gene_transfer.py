"""Normal cells beside tumour cells: how many are transformed by what exosomes bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.layout import Floats
from exude.errors import ProtocolError, refuse
from exude.experiment.arrange import Mixture
from exude.experiment.assays.measures import Snapshot, TissueReading, kind_number
from exude.experiment.assays.reading import named
from exude.experiment.assays.shares import AbstractShareAssay
from exude.experiment.matrix import Plastic
from exude.experiment.tissue import Tissue

RECIPIENTS = ("normal", "fibroblast")
CHANGED = ("transformed", "tumour")


@dataclass(frozen=True)
class GeneTransfer(AbstractShareAssay):
    """Share of the recipients of the start that are transformed, as a focus assay counts them.

    `expected` (time,) is the same share without chance and without return: the mean over the recipients still there of
    their summed hazard, which stops where one is transformed, so that its mean is that of being transformed, however
    many are. It shows effects that counts of few transformed cells would not.
    Valid when: each transformed cell can be told from its neighbours; `expected`: few return and are transformed again.
    """

    purpose: ClassVar[int] = 46
    counted: ClassVar[str] = "transformed"
    says: ClassVar[str] = "are transformed"
    among: ClassVar[str] = "recipients"

    def standard(self) -> Tissue:
        """60 tumour cells among 60 fibroblasts and 60 normal epithelial cells on plastic for three days."""
        return Tissue(
            matrix=Plastic(), cells=Mixture({"tumour": 60, "fibroblast": 60, "normal": 60}), size=("420 um", "420 um"),
            voxel="20 um", duration="72 h", every="6 h",
        )  # fmt: skip

    def counts(self, dish: TissueReading, last: int) -> tuple[Floats, Floats]:
        """Recipients that are transformed now, and recipients, at each recorded time up to number `last`."""
        mine = self._recipients(dish)
        changed = [kind_number(dish, kind) for kind in CHANGED]
        found = []
        for i in range(last + 1):
            now = _rows(dish.load(i), mine)
            found.append((np.isin(now["kind"], changed).sum(), len(now["id"])))
        some, cells = np.array(found, float).T
        return some, cells

    def observable(self, dish: TissueReading) -> xr.Dataset:
        """As counted, with the `expected` share (time,)."""
        seen, mine = super().observable(dish), self._recipients(dish)
        shares = [float(np.mean(_rows(dish.load(i), mine)["risk"])) for i in range(dish.index(self.at) + 1)]
        course = xr.DataArray(shares, dims="time", coords={"time": seen["time"]})
        return seen.assign(expected=named(course, "1", "expected share of recipients that were transformed"))

    def _recipients(self, dish: TissueReading) -> Floats:
        """Ids of the recipients at the start."""
        first = dish.load(0).cells
        mine = first["id"][np.isin(first["kind"], [kind_number(dish, kind) for kind in RECIPIENTS])]
        if not len(mine):
            raise refuse(
                ProtocolError, "a dish without recipients", f"some of {', '.join(RECIPIENTS)}",
                "Use cells=Mixture({'tumour': 60, 'fibroblast': 60}).",
            )  # fmt: skip
        return np.asarray(mine)


def _rows(now: Snapshot, ids: Floats) -> dict[str, Floats]:
    """What is recorded of some cells."""
    which = np.isin(now.cells["id"], ids)
    return {name: values[which] for name, values in now.cells.items()}
