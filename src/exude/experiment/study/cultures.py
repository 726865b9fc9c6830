"""The cultures of the 2018 study: what each dish is, and the numbers read from it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.engine.result import Run
from exude.experiment.assays.bulk_count import BulkCount
from exude.experiment.assays.colocalisation import Colocalisation
from exude.experiment.assays.medium import in_medium
from exude.experiment.assays.mt1_mmp import Mt1Mmp
from exude.experiment.assays.mvb_diameter import MvbDiameter
from exude.experiment.assays.single_cell_capture import SingleCellCapture
from exude.experiment.perturbations import (
    DominantNegative,
    Drug,
    KnockDown,
    KnockOut,
    Perturbation,
    Rescue,
    Stimulus,
)  # fmt: skip
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import Settings, simulate
from exude.experiment.study.effort import Effort
from exude.experiment.study.ensemble import RIVALS

DAY = 24 * 3600.0
REST = 2 * 3600.0
"""Rest before the stimulus, s: long, so that basal release is well known."""
WINDOW = 30 * 60.0
"""The window of release under ionomycin, s. The source gives none: see the evidence file of Messenger2018."""
EARLY = 10 * 60.0
BURN_IN = "12 h"
"""Slowest relaxation of the stages is about 3 h: after 12 h release is within 1 % of steady."""
LINE = "MDA-MB-231"
IONOMYCIN = Stimulus("ionomycin", "5 uM", at="120 min")
DEPTHS = (0.5, 0.3, 0.2, 0.1, 0.05)
MUTANTS = ("C2A*", "C2B*", "C2A*B*")
SERIES = ("MCF-10A", "T-47D", "MCF-7", "MDA-MB-231", "A549", "PANC-1")


@dataclass(frozen=True)
class Culture:
    """One dish: line, lasting and timed perturbations, mechanism, and how it is followed."""

    name: str
    what: tuple[Perturbation, ...] = ()
    line: str = LINE
    hypothesis: str = DEFAULT_HYPOTHESIS
    duration: str = "150 min"
    every: str = "10 min"
    looked_at: tuple[str, ...] = ()
    """What is looked at when it is fixed at the end: 'diameter', 'Rab11', 'MT1-MMP'; empty where it is not fixed."""

    def run(self, numbers: Numbers, *, cells: int, seed: int, threads: int = 1) -> Run:
        """Simulate the dish."""
        settings = Settings(
            every=self.every, hypothesis=self.hypothesis, numbers=numbers, threads=threads, events=False,
            burn_in=BURN_IN, snapshots=("end",) if self.looked_at else (),
        )  # fmt: skip
        return simulate(self.line, *self.what, duration=self.duration, cells=cells, seed=seed, settings=settings)

    def read(self, numbers: Numbers, effort: Effort, *, seed: int) -> Read:
        """Run the dish and read it."""
        return read_dish(self, self.run(numbers, cells=effort.cells, seed=seed), numbers)


def knock_down(depth: float | None = None) -> KnockDown:
    """Munc13-4 knock-down; to the depth at which the study is scored unless told otherwise."""
    return KnockDown("UNC13D", to=read.value("knockdown_depth") if depth is None else depth)


def _mechanism(hypothesis: str) -> list[Culture]:
    """Dishes that tell the calcium hypotheses apart."""
    kd = knock_down()
    dishes = [
        Culture(f"{tag(hypothesis)}wild type", (IONOMYCIN,), hypothesis=hypothesis),
        Culture(f"{tag(hypothesis)}knock-down 0.1", (kd, IONOMYCIN), hypothesis=hypothesis),
        Culture(f"{tag(hypothesis)}rescue wild type", (kd, Rescue("UNC13D"), IONOMYCIN), hypothesis=hypothesis),
    ]
    dishes += [
        Culture(f"{tag(hypothesis)}rescue {m}", (kd, Rescue("UNC13D", mutant=m), IONOMYCIN), hypothesis=hypothesis)
        for m in MUTANTS
    ]
    histamine = Stimulus("histamine", "100 uM", at="15 s")
    for label, mutant in (("wild type", ""), ("C2A*", "C2A*")):
        dishes.append(
            Culture(
                f"{tag(hypothesis)}recruitment {label}",
                (KnockOut("UNC13D"), Rescue("UNC13D", mutant=mutant), histamine),
                hypothesis=hypothesis,
                duration="75 s",
                every="1 s",
            )
        )
    return dishes


def _fixed() -> list[Culture]:
    """Resting dishes that are fixed and looked at, under the mechanisms that the picture tells apart."""
    kd, dominant = knock_down(), DominantNegative("RAB11A")

    def dish(
        name: str, what: tuple[Perturbation, ...], looked_at: tuple[str, ...], mechanism: str = DEFAULT_HYPOTHESIS
    ) -> Culture:
        return Culture(
            f"{tag(mechanism)}fixed {name}", what, hypothesis=mechanism, duration="60 min", looked_at=looked_at
        )

    size, cargo, rab11 = ("diameter",), ("MT1-MMP",), ("Rab11",)
    return [
        dish("wild type", (), size + cargo + rab11),
        dish("knock-down", (kd,), size + cargo + rab11),
        dish("dominant-negative Rab11", (dominant,), size + cargo),
        dish("dominant-negative Rab11, knock-down", (dominant, kd), size),
        dish("wild type", (), cargo, "rab8-route"),
        dish("knock-down", (kd,), cargo, "rab8-route"),
        dish("dominant-negative Rab11", (dominant,), cargo, "rab8-route"),
        dish("wild type", (), size, "to-lysosome"),
        dish("knock-down", (kd,), size, "to-lysosome"),
    ]


def tag(hypothesis: str) -> str:
    """How a rival mechanism marks the names of its dishes."""
    return "" if hypothesis in ("", DEFAULT_HYPOTHESIS) else f"{hypothesis}: "


def cultures() -> dict[str, Culture]:
    """Every dish of the study by name."""
    kd, dominant = knock_down(), DominantNegative("RAB11A")
    dishes = [dish for mechanism in (DEFAULT_HYPOTHESIS, *RIVALS) for dish in _mechanism(mechanism)]
    dishes += [Culture(f"knock-down {d:g}", (knock_down(d), IONOMYCIN)) for d in DEPTHS if d != kd.to]
    dishes += [
        Culture("dominant-negative Rab11", (dominant, IONOMYCIN)),
        Culture("dominant-negative Rab11, knock-down", (dominant, kd, IONOMYCIN)),
        Culture("BAPTA-AM", (Drug("BAPTA-AM", "10 uM"), IONOMYCIN)),
        Culture("burst", (IONOMYCIN,), line="HCT116", every="1 min"),
        Culture("wild type for a day", duration="24 h", every="1 h"),
        *(
            Culture(f"{line} for a day", line=line, duration="24 h", every="1 h")
            for line in ("HCT116", "MCF-7", "MCF-10A")
        ),
        *_fixed(),
        Culture(
            "local-calcium: BAPTA-AM", (Drug("BAPTA-AM", "10 uM"),), hypothesis="local-calcium", duration="120 min"
        ),
    ]
    dishes += [Culture(f"series {line}", (IONOMYCIN,), line=line) for line in SERIES if line != LINE]
    return {dish.name: dish for dish in dishes}


@dataclass(frozen=True)
class Read:
    """What is read from one dish, averaged over its cells; rates per cell and hour."""

    values: Mapping[str, float]
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)

    def __getitem__(self, name: str) -> float:
        return self.values[name]


def in_mutants(letters: str) -> list[tuple[str, str]]:
    """Pairs of a letter and a mutant, in order."""
    return list(zip(letters, MUTANTS, strict=True))


def gained(run: Run, start: float, stop: float, what: str = "exosomes") -> float:
    """Mean gain per cell of a cumulative quantity between two times in s."""
    mean = run.data[what].values.mean(axis=0)
    time = run.data["time"].values
    return float(np.interp(stop, time, mean) - np.interp(start, time, mean))


def read_dish(dish: Culture, run: Run, numbers: Numbers) -> Read:
    """All numbers of one dish that some row needs."""
    end = float(run.data["time"].values[-1])
    rest = min(REST, end)
    values = {
        "basal": gained(run, 0.0, rest) / rest * 3600.0,
        "basal_events": gained(run, 0.0, rest, "fusions") / rest * 3600.0,
        "unc13d": float(np.median(run.data["level"].sel(symbol="UNC13D").values)),
    }
    curves = {"time": run.data["time"].values}
    curves |= {name: run.data[name].values.mean(axis=0) for name in ("exosomes", "calcium", "recruited")}
    if IONOMYCIN in dish.what:
        values |= _stimulated(run, values["basal"])
    if end >= DAY:
        values["captured"] = float(SingleCellCapture(numbers).observable(run)["rate"])
        values["in_bulk"] = float(BulkCount(numbers).observable(run)["rate"])
        values["second_half"] = _second_half(run, numbers)
    if "diameter" in dish.looked_at:
        seen = MvbDiameter(numbers, cd63_only=True).observable(run)
        curves["diameters"] = seen["diameter"].values
        values["seen_diameter"] = float(seen["mean_diameter"])
        values["diameter"] = float(run.vesicles["diameter"].mean())
    if "Rab11" in dish.looked_at:
        values["with_rab11"] = float(Colocalisation(numbers).observable(run)["share"])
    if "MT1-MMP" in dish.looked_at:
        mt1_mmp = Mt1Mmp(numbers).observable(run)["mt1_mmp"]
        values["mt1_per_mvb"] = float(mt1_mmp.sel(place="mvb"))
        values["mt1_per_exosome"] = float(mt1_mmp.sel(place="exosome"))
    return Read(values, curves)


def _stimulated(run: Run, basal: float) -> dict[str, float]:
    at_rest = basal * WINDOW / 3600.0
    released = gained(run, REST, REST + WINDOW)
    early = gained(run, REST, REST + EARLY)
    rest_events = gained(run, 0.0, REST, "fusions") * WINDOW / REST
    return {
        "released": released,
        "fold": _over(released, at_rest),
        "increment": released - at_rest,
        "early_share": _over(early - basal * EARLY / 3600.0, released - at_rest),
        "late_over_basal": _over(released - early, basal * (WINDOW - EARLY) / 3600.0),
        "events": gained(run, REST, REST + WINDOW, "fusions"),
        "events_rest": rest_events,
        "onset": _onset(run, basal),
    }


def _over(a: float, b: float) -> float:
    return a / b if b else math.nan


def _onset(run: Run, basal: float) -> float:
    """Minutes from the stimulus to the first recorded step in which release exceeds twice the basal rate."""
    time, mean = run.data["time"].values, run.data["exosomes"].values.mean(axis=0)
    rate = np.diff(mean) / np.diff(time) * 3600.0
    after = (time[1:] > REST) & (rate > 2 * basal)
    return float((time[1:][after][0] - REST) / 60.0) if after.any() else np.inf


def _second_half(run: Run, numbers: Numbers) -> float:
    """Exosomes that appear in the medium in the second half of the run over those in the first."""
    medium = in_medium(run, numbers).mean("cell").values
    time = run.data["time"].values
    half = float(np.interp(time[-1] / 2, time, medium))
    return _over(float(medium[-1]) - half, half)
