"""The study's dishes in space: gelatin films and spheroids in collagen, and the numbers read from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.experiment.arrange import Scattered, Spheroid
from exude.experiment.assays.gelatin_degradation import GelatinDegradation
from exude.experiment.assays.measures import reading
from exude.experiment.assays.spheroid_invasion import SpheroidInvasion
from exude.experiment.matrix import Film, Gel
from exude.experiment.perturbations import DominantNegative, Drug, KnockDown, Perturbation, Rescue, Stimulus
from exude.experiment.protocol import Numbers
from exude.experiment.study.cultures import LINE, Read, knock_down
from exude.experiment.study.effort import Effort
from exude.experiment.tissue import Tissue

RAISED = Stimulus("ionomycin", "5 uM", at="30 min")
DENSE = "4 mg/ml"
"""Collagen of the invasion assay: dense enough that pores slow cells down."""


@dataclass(frozen=True)
class TissueDish:
    """One dish in space; `scored` ones are run for parameter draws too, with fewer cells."""

    name: str
    what: tuple[Perturbation, ...] = ()
    hypothesis: str = DEFAULT_HYPOTHESIS
    scored: bool = False

    @property
    def on_film(self) -> bool:
        """Whether it is the gelatin assay; else the invasion of a spheroid."""
        return self.name.startswith("film")

    def read(self, numbers: Numbers, effort: Effort, *, seed: int) -> Read:
        """Run the dish and read it: the mean of replicates."""
        one = self._degraded if self.on_film else self._invaded
        found = [one(numbers, 100 * seed + k) for k in range(effort.dishes)]
        return Read({name: float(np.mean([f[name] for f in found])) for name in found[0]})

    def _degraded(self, numbers: Numbers, seed: int) -> dict[str, float]:
        dish = self._tissue(
            numbers, seed, matrix=Film(), cells=Scattered(6), size=("150 um", "150 um"), voxel="2.5 um", duration="4 h",
            every="4 h",
        )  # fmt: skip
        seen = GelatinDegradation(numbers).observable(reading(dish))
        return {"area": float(seen["area_per_cell"]), "share": float(seen["degraded_share"])}

    def _invaded(self, numbers: Numbers, seed: int) -> dict[str, float]:
        dish = self._tissue(
            numbers, seed, matrix=Gel(DENSE), cells=Spheroid(60), size=("240 um",) * 3, voxel="15 um", duration="12 h",
            every="12 h",
        )  # fmt: skip
        seen = SpheroidInvasion(numbers).observable(reading(dish))
        front = float(seen["front"][-1])
        return {"front": front, "speed": front / (float(seen["time"][-1]) / 3600)}

    def _tissue(self, numbers: Numbers, seed: int, **setting: object) -> Tissue:
        return Tissue(
            LINE, self.what, seed=seed, numbers=numbers, hypothesis=self.hypothesis, burn_in="12 h", threads=1,
            **setting,  # type: ignore[arg-type]
        )  # fmt: skip


def conditions() -> Mapping[str, tuple[Perturbation, ...]]:
    """What is done to cells in space, in bench words."""
    kd = knock_down()
    return {
        "wild type": (),
        "knock-down": (kd,),
        "rescue wild type": (kd, Rescue("UNC13D")),
        "rescue C2A*B*": (kd, Rescue("UNC13D", mutant="C2A*B*")),
        "dominant-negative Rab11": (DominantNegative("RAB11A"),),
        "raised calcium": (RAISED,),
        "GM6001": (Drug("GM6001", "40 uM"),),
        "Rab27a knock-down": (KnockDown("RAB27A", to=kd.to),),
    }


SCORED = {"film": ("wild type", "knock-down"), "gel": ("wild type", "Rab27a knock-down")}
"""Conditions that a scored finding reads, by matrix."""


def tissue_dishes() -> dict[str, TissueDish]:
    """Every dish in space by name."""
    dishes = [
        TissueDish(f"{place}: {name}", what, scored=name in SCORED[place])
        for place in SCORED
        for name, what in conditions().items()
    ]
    return {dish.name: dish for dish in dishes}
