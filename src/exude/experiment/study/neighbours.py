"""The study's dishes of several kinds of cells: recipients beside tumour cells, T cells beside tumour cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.experiment.arrange import Mixture
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.gene_transfer import GeneTransfer
from exude.experiment.assays.measures import TissueReading, kind_number, reading
from exude.experiment.matrix import Plastic
from exude.experiment.perturbations import Drug, KnockDown, KnockOut, Perturbation, Rescue
from exude.experiment.protocol import Numbers
from exude.experiment.study.cultures import LINE, Read, knock_down
from exude.experiment.study.effort import Effort
from exude.experiment.study.tissues import RAISED
from exude.experiment.tissue import Tissue

AMONG = {"tumour": 40, "fibroblast": 40, "normal": 40}
BESIDE = {"tumour": 60, "t_cell": 60}
SPARSE = {"tumour": 60, "t_cell": 15}
"""A quarter of the T cells, for the same tumour cells."""
SIDE, VOXEL = 320, 20
"""Of the smallest dish and of its voxels, um: wide enough for the largest cells that a draw has."""

TRANSFER_DRAWN = ("wild type", "knock-down", "Rab27a knock-down")
"""Dishes of recipients that are run for parameter draws too: what a finding reads, and what lowers release."""


@dataclass(frozen=True)
class NeighbourDish:
    """One dish of several kinds of cells on plastic for a day; `scored` ones are run for parameter draws too."""

    name: str
    what: tuple[Perturbation, ...] = ()
    also: Mapping[str, tuple[Perturbation, ...]] = field(default_factory=dict)
    numbers: Mapping[str, float] = field(default_factory=dict)
    """Numbers that differ from those of the parameter set (internal units)."""
    cells: Mapping[str, int] = field(default_factory=lambda: BESIDE)
    crowd: int = 1
    """Times the effort's crowd: for dishes of which few cells are read."""
    scored: bool = False
    hypothesis: str = DEFAULT_HYPOTHESIS

    def read(self, numbers: Numbers, effort: Effort, *, seed: int) -> Read:
        """Run the dish, with a crowd times the cells in as many times the area, and read it."""
        numbers, crowd = numbers.but(**self.numbers), self.crowd * effort.crowd
        side = VOXEL * math.ceil(SIDE * math.sqrt(crowd) / VOXEL)
        cells = Mixture({kind: number * crowd for kind, number in self.cells.items()})
        dish = reading(
            Tissue(
                LINE, self.what, matrix=Plastic(), cells=cells, size=(f"{side} um",) * 2, voxel=f"{VOXEL} um",
                duration="24 h", every="8 h", also=self.also, seed=seed, numbers=numbers, hypothesis=self.hypothesis,
                burn_in="12 h", threads=1,
            )
        )  # fmt: skip
        return Read(_killed(numbers, dish) if "t_cell" in self.cells else _transferred(numbers, dish))


def _killed(numbers: Numbers, dish: TissueReading) -> dict[str, float]:
    """What T cells did to the tumour cells of the start, and what is left."""
    seen, number = CoCulture(numbers).observable(dish), kind_number(dish, "tumour")
    first, early, now = (dish.load(at).cells for at in (0, 1, len(dish.times) - 1))  # early: some are alive then
    before, t_cells = first["kind"] == number, first["kind"] == kind_number(dish, "t_cell")
    return {
        "killed": float(seen["share"]),
        "per_t_cell": float(seen["killed"]) / float(t_cells.sum()),
        "tumour": float((now["kind"] == number).sum()),
        "pd_l1": _over(_mean(early["pd_l1"][early["kind"] == number]), _mean(first["pd_l1"][before])),
        "cells": float(before.sum()),
    }


def _transferred(numbers: Numbers, dish: TissueReading) -> dict[str, float]:
    """What recipients took up, and the active copies that a fibroblast holds at the end."""
    seen, now = GeneTransfer(numbers).observable(dish), dish.at().cells
    message = now["message"][now["kind"] == kind_number(dish, "fibroblast")]
    return {"expected": float(seen["expected"][-1]), "message": _mean(message), "cells": float(seen["cells"])}


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
        NeighbourDish("a quarter of the T cells", cells=SPARSE, crowd=2, scored=True),
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
        NeighbourDish(f"transfer: {name}", what, cells=AMONG, scored=name in TRANSFER_DRAWN)
        for name, what in transfer_conditions().items()
    ]
    culture = [replace(d, name=f"T cells: {d.name}") for d in culture_dishes().values()]
    return {dish.name: dish for dish in (*transfer, *culture)}
