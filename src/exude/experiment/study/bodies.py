"""The study's bodies: mice with a tumour, untreated, perturbed and treated, coarse and drawn with their own events."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from exude.cascade import ALL, DEFAULT_HYPOTHESIS
from exude.derive.evaluate import evaluate
from exude.engine.layout import Floats
from exude.experiment.cohort import Cohort, release_table, run_cohort
from exude.experiment.dosing import Schedule
from exude.experiment.perturbations import KnockDown, KnockOut, Perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.study.cultures import LINE, Read, knock_down
from exude.experiment.study.tissues import few

MEMBERS, FEW_MEMBERS = 48, 16
"""Mice of a group at the point estimate, and of a parameter draw."""
START_CELLS, DAYS = 10_000, 24
LOOK = 21
"""Day on which groups are compared: before tumours end most mice."""
KEPT = ("primary", "lasting", "munc13_4")
DOSES = (100, 300, 1000, 3000, 10000)
"""mg of bexin per kg and day, far beyond what anyone would give: its kinetics are assumed, and most of it is bound."""
A_DAY = 6
"""Doses a day: it is gone within hours."""
ANTIBODY = Schedule("anti-PD-L1", "10 mg/kg", every="3 days")
HOSTS = ("competent", "T-cell-deficient", "Munc13-4-deficient")


@dataclass(frozen=True)
class BodyDish:
    """One group of mice; `scored` ones are run for parameter draws too."""

    name: str
    what: tuple[Perturbation, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    immunity: str = "competent"
    scored: bool = False
    hypothesis: str = DEFAULT_HYPOTHESIS

    def read(self, numbers: Numbers, *, cells: int, seed: int) -> Read:
        """Run the group and read it on day LOOK: a mouse lost before counts as it was last seen."""
        members = FEW_MEMBERS if few(cells) else MEMBERS
        table = release_table(LINE, *self.what, numbers=numbers)
        run = run_cohort(
            Cohort(
                members, immunity=self.immunity, line=LINE, what=self.what, schedules=self.schedules, days=DAYS,
                start_cells=START_CELLS, vary=False, seed=seed, numbers=numbers,
            ),
            release=table,
        )  # fmt: skip
        seen = {name: float(_last(run.data[name].values[:, : LOOK + 1]).mean()) for name in KEPT}
        entering = run.data["ctc"].values[:, 1:] * numbers["k_blood_clear"] * 3600
        left = np.array([seen["munc13_4"], 1.0])
        exosomes = table(left)
        granules = [evaluate(ALL, "granules", numbers.values | {"UNC13D": share}) for share in left]
        return Read(
            seen
            | {
                "entries": float(np.nanmean(np.nanmax(entering, axis=1))),
                "release": float(exosomes[0] / exosomes[1]),
                "granules": float(granules[0]) / float(granules[1]),  # of T cells, where the drug reaches them
            }
        )


def _last(course: Floats) -> Floats:
    """The last number of each row that is one."""
    there = ~np.isnan(course)
    return np.asarray(course[np.arange(len(course)), course.shape[1] - 1 - np.argmax(there[:, ::-1], axis=1)])


def bexin(dose: float, reach: str = "body") -> Schedule:
    """A dose (mg/kg and day) by mouth, in A_DAY parts."""
    return Schedule("bexin", f"{dose / A_DAY:g} mg/kg", route="mouth", every=f"{24 // A_DAY} h", reach=reach)


def body_dishes() -> dict[str, BodyDish]:
    """Every group of mice by name."""
    kd = knock_down()
    groups = [
        BodyDish("wild type", scored=True),
        BodyDish("Munc13-4 knock-down", (kd,)),
        BodyDish("Munc13-4 knock-out", (KnockOut("UNC13D"),)),
        BodyDish("Rab27a knock-down", (KnockDown("RAB27A", to=kd.to),), scored=True),
        *(BodyDish(f"wild type, {host}", immunity=host) for host in HOSTS[1:]),
        *(BodyDish(f"anti-PD-L1, {host}", schedules=(ANTIBODY,), immunity=host) for host in HOSTS),
    ]
    for reach in ("body", "tumour", "targeted"):
        for dose in DOSES:
            groups.append(BodyDish(treated(dose, reach), schedules=(bexin(dose, reach),)))
            groups.append(BodyDish(treated(dose, reach, with_antibody=True), schedules=(bexin(dose, reach), ANTIBODY)))
    return {f"mice: {g.name}": replace(g, name=f"mice: {g.name}") for g in groups}


def treated(dose: float, reach: str, *, with_antibody: bool = False) -> str:
    """Name of a group under bexin."""
    return f"bexin {dose:g} mg/kg, {reach}" + (", with anti-PD-L1" if with_antibody else "")
