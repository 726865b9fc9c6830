"""The study's dishes in space: gelatin films and spheroids in collagen, and the numbers read from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.experiment.arrange import Film, Gel, Scattered, Spheroid
from exude.experiment.assays.gelatin_degradation import GelatinDegradation
from exude.experiment.assays.measures import reading
from exude.experiment.assays.spheroid_invasion import SpheroidInvasion
from exude.experiment.perturbations import DominantNegative, Drug, KnockDown, Perturbation, Rescue, Stimulus
from exude.experiment.protocol import Numbers
from exude.experiment.study.cultures import LINE, Read, knock_down
from exude.experiment.tissue import Tissue

DRAWS = 8
"""Parameter draws for which the scored dishes are run: a dish in space costs seconds."""
SMALL = 300
"""Single-cell dishes of a parameter draw, and all of a quick study, have fewer cells than this."""
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

    def read(self, numbers: Numbers, *, cells: int, seed: int) -> Read:
        """Run the dish, small for a draw (`cells` of the single-cell dishes tells which), and read it."""
        return self._degraded(numbers, seed, few(cells)) if self.on_film else self._invaded(numbers, seed, few(cells))

    def _degraded(self, numbers: Numbers, seed: int, small: bool) -> Read:
        dish = self._tissue(
            numbers, seed, matrix=Film(), cells=Scattered(6 if small else 12),
            size=("150 um", "150 um") if small else ("225 um", "225 um"), voxel="2.5 um", duration="4 h", every="4 h",
        )  # fmt: skip
        seen = GelatinDegradation(numbers).observable(reading(dish))
        return Read(
            {"area": float(seen["area_per_cell"]), "share": float(seen["degraded_share"])},
            {"picture": seen["picture"].values} if not small else {},
        )

    def _invaded(self, numbers: Numbers, seed: int, small: bool) -> Read:
        dish = self._tissue(
            numbers, seed, matrix=Gel(DENSE), cells=Spheroid(40 if small else 100),
            size=("240 um",) * 3 if small else ("300 um",) * 3, voxel="15 um" if small else "12.5 um",
            duration="12 h" if small else "18 h", every="6 h", step="120 s",
        )  # fmt: skip
        seen = SpheroidInvasion(numbers).observable(reading(dish))
        hours = float(seen["time"][-1]) / 3600
        return Read(
            {"front": float(seen["front"][-1]), "speed": float(seen["front"][-1]) / hours},
            {"time": seen["time"].values, "front": seen["front"].values},
        )

    def _tissue(self, numbers: Numbers, seed: int, **setting: object) -> Tissue:
        return Tissue(
            LINE, self.what, seed=seed, numbers=numbers, hypothesis=self.hypothesis, burn_in="12 h", threads=1,
            **setting,  # type: ignore[arg-type]
        )  # fmt: skip


def few(cells: int) -> bool:
    """Whether the single-cell dishes are those of a parameter draw."""
    return cells < SMALL


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
