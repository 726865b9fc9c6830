"""The study's dishes of several kinds of cells: recipients beside tumour cells, T cells beside tumour cells."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.experiment.arrange import Mixture
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.gene_transfer import GeneTransfer
from exude.experiment.assays.measures import FIELDS, TissueReading, kind_number, reading
from exude.experiment.matrix import Plastic
from exude.experiment.perturbations import Drug, KnockDown, KnockOut, Perturbation, Rescue
from exude.experiment.protocol import Numbers
from exude.experiment.study.cultures import LINE, Read, knock_down
from exude.experiment.study.tissues import RAISED, REPLICATES, few
from exude.experiment.tissue import Tissue

AMONG = {"tumour": 40, "fibroblast": 40, "normal": 40}
BESIDE = {"tumour": 60, "t_cell": 60}
SPARSE = {"tumour": 60, "t_cell": 15}
"""A quarter of the T cells, for the same tumour cells."""
SIDE = "320 um"
"""Of the dish: wide enough for the largest cells that a draw has."""
NORMAL = "normal"


@dataclass(frozen=True)
class NeighbourDish:
    """One dish of several kinds of cells on plastic for a day; `scored` ones are run for parameter draws too."""

    name: str
    what: tuple[Perturbation, ...] = ()
    also: Mapping[str, tuple[Perturbation, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    """Numbers that differ from those of the parameter set (internal units)."""
    cells: Mapping[str, int] = field(default_factory=lambda: BESIDE)
    scored: bool = False
    hypothesis: str = DEFAULT_HYPOTHESIS

    def read(self, numbers: Numbers, *, cells: int, seed: int) -> Read:
        """Run the dish and read it: the mean of replicates, of fewer for a draw (`cells` tells which)."""
        found = [
            self._read(numbers.but(**self.numbers), 100 * seed + k) for k in range(1 if few(cells) else REPLICATES)
        ]
        return Read({name: float(np.mean([f[name] for f in found])) for name in found[0]})

    def _read(self, numbers: Numbers, seed: int) -> dict[str, float]:
        dish = reading(
            Tissue(
                LINE, self.what, matrix=Plastic(), cells=Mixture(self.cells), size=(SIDE, SIDE), voxel="20 um",
                duration="24 h", every="8 h", also=self.also, seed=seed, numbers=numbers, hypothesis=self.hypothesis,
                burn_in="12 h", threads=1,
            ),
            FIELDS + (("interferon",) if "t_cell" in self.cells else ()),
        )  # fmt: skip
        return self._killed(numbers, dish) if "t_cell" in self.cells else self._transferred(numbers, dish)

    def _killed(self, numbers: Numbers, dish: TissueReading) -> dict[str, float]:
        seen, now = CoCulture(numbers).observable(dish), dish.at().cells
        number = kind_number(dish, "tumour")
        tumour, first, early = now["kind"] == number, dish.load(0).cells, dish.load(1).cells  # some may be alive then
        before = first["kind"] == number
        return {
            "killed": float(seen["share"]),
            "per_t_cell": float(seen["killed"]) / self.cells["t_cell"],
            "tumour": float(tumour.sum()),
            "pd_l1": _over(_mean(early["pd_l1"][early["kind"] == number]), _mean(first["pd_l1"][before])),
            "interferon": float(dish.load(1).fields["interferon"].mean()),
        }

    def _transferred(self, numbers: Numbers, dish: TissueReading) -> dict[str, float]:
        seen, now = GeneTransfer(numbers).observable(dish), dish.at().cells
        taken = {
            kind: _mean(now["exosomes_in"][now["kind"] == kind_number(dish, kind)]) for kind in ("fibroblast", NORMAL)
        }
        return {"expected": float(seen["expected"][-1]), "fibroblast": taken["fibroblast"], NORMAL: taken[NORMAL]}


def _over(value: float, start: float) -> float:
    """How many times the start; NaN where there was none."""
    return value / start if start else np.nan


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else np.nan


def transfer_conditions() -> dict[str, tuple[Perturbation, ...]]:
    """What is done to a dish of recipients, in bench words."""
    kd = knock_down()
    return {
        "wild type": (),
        "knock-down": (kd,),
        "rescue wild type": (kd, Rescue("UNC13D")),
        "Rab27a knock-down": (KnockDown("RAB27A", to=kd.to),),
        "raised calcium": (RAISED,),
    }


def culture_dishes() -> dict[str, NeighbourDish]:
    """Dishes of tumour cells and T cells, by what is done to them."""
    off = {"need_exosomal_pd_l1": 0.0}
    dishes = [
        NeighbourDish("wild type", scored=True),
        NeighbourDish("knock-down", (knock_down(),)),
        NeighbourDish("Rab27a knock-out", (KnockOut("RAB27A"),), scored=True),
        NeighbourDish("PD-L1 knock-out", (KnockOut("CD274"),)),
        NeighbourDish("exosomes without PD-L1", numbers=off, scored=True),
        NeighbourDish("anti-PD-L1", (Drug("anti-PD-L1", "0.07 uM"),), scored=True),
        NeighbourDish("a quarter of the T cells", cells=SPARSE, scored=True),
        NeighbourDish("bexin on all", (Drug("bexin", "10 uM"),)),
        NeighbourDish(
            "anti-PD-L1, T cells without Munc13-4", (Drug("anti-PD-L1", "0.07 uM"),),
            {"t_cell": (KnockOut("UNC13D"),)}, scored=True,
        ),
        NeighbourDish(
            "anti-PD-L1, T cells without STIM1", (Drug("anti-PD-L1", "0.07 uM"),), {"t_cell": (KnockOut("STIM1"),)},
            scored=True,
        ),
        NeighbourDish("anti-PD-L1, bexin on all", (Drug("anti-PD-L1", "0.07 uM"), Drug("bexin", "10 uM"))),
        NeighbourDish("anti-PD-L1, knock-down", (Drug("anti-PD-L1", "0.07 uM"), knock_down())),
    ]  # fmt: skip
    return {dish.name: dish for dish in dishes}


def neighbour_dishes() -> dict[str, NeighbourDish]:
    """Every dish of several kinds of cells by name."""
    transfer = [
        NeighbourDish(f"transfer: {name}", what, cells=AMONG, scored=name == "wild type")
        for name, what in transfer_conditions().items()
    ]
    culture = [
        NeighbourDish(f"T cells: {d.name}", d.what, d.also, d.numbers, d.cells, d.scored)
        for d in culture_dishes().values()
    ]
    return {dish.name: dish for dish in (*transfer, *culture)}
