"""The study's bodies: mice with a tumour, untreated, perturbed and treated, coarse and drawn with their own events."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.derive.compartments import Compartments
from exude.derive.evaluate import evaluate
from exude.engine.layout import Floats
from exude.experiment.cohort import Cohort, run_cohort
from exude.experiment.dosing import Schedule
from exude.experiment.perturbations import KnockDown, KnockOut, Perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.release import ReleaseTable, release_table
from exude.experiment.study.cultures import LINE, Read, knock_down
from exude.experiment.study.doses import DOSES, bexin
from exude.experiment.study.effort import Effort
from exude.units import factor_to_internal

START_CELLS, DAYS = 10_000, 24
LOOK = 21
"""Day on which groups are compared: before tumours end most mice."""
ANTIBODY = Schedule("anti-PD-L1", "10 mg/kg", every="3 days")
GM6001 = Schedule("GM6001", "100 mg/kg", route="belly", every="24 h")
HOSTS = ("competent", "T-cell-deficient", "Munc13-4-deficient")
PARTNERS = {"": (), "anti-PD-L1": (ANTIBODY,), "GM6001": (GM6001,)}
"""What the inhibitor of Munc13-4 is given with."""
TREATED = (
    *(("competent", partner, "body") for partner in PARTNERS),
    *(("T-cell-deficient", partner, "body") for partner in PARTNERS if partner != "anti-PD-L1"),
    *(("competent", "anti-PD-L1", reach) for reach in ("tumour", "targeted")),
    ("Munc13-4-deficient", "anti-PD-L1", "body"),
)
"""(host, partner, reach) of the courses of doses that the figure shows: without T cells the antibody changes nothing."""

UNDOSED = tuple(
    dict.fromkeys(
        [(host, with_) for host, partner, _ in TREATED for with_ in ("", partner)] + [(HOSTS[1], "anti-PD-L1")]
    )
)
"""(host, partner) of the groups without the inhibitor: what courses are shares of and begin with, and one more."""


@dataclass(frozen=True)
class BodyDish:
    """One group of mice."""

    name: str
    what: tuple[Perturbation, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    immunity: str = "competent"
    found: bool = False
    """Whether a finding reads it: it has more mice then."""
    scored: bool = True
    """Whether it is run for parameter draws too: mice cost little."""
    hypothesis: str = DEFAULT_HYPOTHESIS

    def read(self, numbers: Numbers, effort: Effort, *, seed: int) -> Read:
        """Run the group and read it on day LOOK: a mouse lost before counts as it was last seen."""
        run = run_cohort(
            Cohort(
                effort.mice if self.found else effort.shown_mice, immunity=self.immunity, line=LINE, what=self.what,
                schedules=self.schedules, days=DAYS, start_cells=START_CELLS, vary=False, seed=seed, numbers=numbers,
            ),
            release=_kept_table(self.what, tuple(numbers.values.items())),
        )  # fmt: skip
        cells, lasting = (_last(run.data[name].values[:, : LOOK + 1]) for name in ("primary", "lasting"))
        entering = run.data["ctc"].values[:, 1:] * numbers["k_blood_clear"] * 3600
        return Read(
            {
                "volume": volume(max(float(np.median(cells)), 1.0), numbers),
                "lasting": float(lasting.mean()),
                "entries": float(np.nanmean(np.nanmax(entering, axis=1))),
                "mice": float(run.data.sizes["member"]),
            }
        )


def volume(cells: float, numbers: Numbers) -> float:
    """Volume (mm3) of a tumour of so many cells, as the body declares it."""
    known = Compartments(PATIENT, {name: p.unit for name, p in read.parameters().items()}).known
    return float(evaluate(known.cascade, "volume", numbers.values | {"primary": cells})) / factor_to_internal("mm**3")


@lru_cache(maxsize=32)
def _kept_table(what: tuple[Perturbation, ...], values: tuple[tuple[str, float], ...]) -> ReleaseTable:
    """Release of the line; groups of one parameter set share it."""
    return release_table(LINE, *what, numbers=Numbers(dict(values)))


def _last(course: Floats) -> Floats:
    """The last number of each row that is one."""
    there = ~np.isnan(course)
    return np.asarray(course[np.arange(len(course)), course.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)])


def body_dishes() -> dict[str, BodyDish]:
    """Every group of mice by name."""
    kd = knock_down()
    groups = [
        BodyDish("Munc13-4 knock-down", (kd,)),
        BodyDish("Munc13-4 knock-out", (KnockOut("UNC13D"),)),
        BodyDish("Rab27a knock-down", (KnockDown("RAB27A", to=kd.to),), found=True),
        *(BodyDish(treated(0, host, partner), schedules=PARTNERS[partner], immunity=host) for host, partner in UNDOSED),
        *(
            BodyDish(treated(dose, *how), schedules=(bexin(dose, how[2]), *PARTNERS[how[1]]), immunity=how[0])
            for how in TREATED
            for dose in DOSES
        ),
    ]
    named = [replace(g, name=f"mice: {g.name}", found=g.found or g.name == treated(0)) for g in groups]
    return {group.name: group for group in named}


def treated(dose: float, host: str = "competent", partner: str = "", reach: str = "body") -> str:
    """Name of a group: what it is given, and its host where that is not a competent one."""
    given = [f"bexin {dose:g} mg/kg ({reach})"] if dose else []
    given += [partner] if partner else []
    return ", ".join([*(given or ["wild type"]), *([host] if host != "competent" else [])])
