"""The panel on therapy: an inhibitor of Munc13-4 by dose, from the fusions of a cell to the metastases of mice."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from exude.experiment.panels import Array, Curves, Grid, Panel, Series
from exude.experiment.study.basis import behind_body, behind_cell, of_drug, of_parameters, standing
from exude.experiment.study.bodies import HOSTS, PARTNERS, TREATED, treated
from exude.experiment.study.doses import DISH, DOSES, NORMAL_LINE, bexin
from exude.experiment.study.drawn import banded_series, read_of, say_n, with_interval
from exude.experiment.study.questions import Outcome

WILD = f"mice: {treated(0)}"
TICKS = ((DOSES[0] / 3, "0"), *((float(dose), f"{dose:g}") for dose in DOSES))
"""No dose stands a step left of the first one on the logarithmic axis."""
WITH = {"": "bexin alone", "anti-PD-L1": "with anti-PD-L1", "GM6001": "with GM6001"}
Course = tuple[str, str, str]
"""Host, partner, reach."""
REACHED = {"body": "whole body", "targeted": "targeted", "tumour": "tumour only"}
CELLS = {"fusions": "fusions, body", "exosomes": "exosomes, body", "exosomes,\ntargeted": "exosomes, targeted"}
HEALTHY = {
    "T-cell granules": "granules, body", f"{NORMAL_LINE}\nexosomes": "normal, body",
    "T-cell granules,\ntargeted": "granules, targeted", "T-cell granules,\ntumour only": "granules, tumour",
}  # fmt: skip
HOW = (
    "thick lines: the catalogue's numbers; thin: single parameter draws; bands: 95 % of them; mean field of cells, coarse "
    "body (docs/body.md); known: a source stands behind the number, often of another system"
)
"""How the figure is made, below it."""


@dataclass(frozen=True)
class _Part:
    """One axes to be: what its lines are, and the statuses of the numbers behind them."""

    title: str
    lines: Mapping[str, Callable[[Outcome], Array]]
    basis: Sequence[str]
    ylabel: str = "share of untreated mice"
    log_y: bool = False

    def drawn(self, point: Outcome, draws: Sequence[Outcome]) -> Curves:
        """The axes as data: a line at the point, its band over draws, and each draw."""
        return Curves(
            title=self.title, xlabel="bexin (mg per kg and day, in six doses)", ylabel=self.ylabel, log_x=True,
            series=tuple(_line(label, get, point, draws) for label, get in self.lines.items()), log_y=self.log_y,
            from_zero=True,
            ticks=TICKS, note=f"numbers behind it: {standing(self.basis)}",
        )  # fmt: skip


def therapy(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    """What bexin does by dose, alone and with other drugs, in several hosts; draws without mice are left out."""
    there = [draw for draw in draws if DISH in draw.reads]
    mice = say_n(point, there, f"mice: {treated(DOSES[0])}", "mice", "mice a group")
    return Grid(
        title="A Munc13-4 inhibitor in mice: from fusions to metastases",
        parts=tuple(part.drawn(point, there) for part in (*_of_cells(), *_of_mice())),
        lead=2, note=f"{mice}; day 21; {untreated(point, there)}; {HOW}.",
    )  # fmt: skip


def _of_cells() -> list[_Part]:
    """Tumour cells and healthy cells of a treated mouse."""
    numbers = [*of_parameters(behind_cell()), *of_drug(bexin(1, "targeted"), ("UNC13D",))]
    killing = of_parameters(behind_body("granules"))
    return [
        _Part("Tumour cell: fusions and exosomes", _curves(CELLS), numbers, "share of untreated"),
        _Part(f"Healthy cells: {NORMAL_LINE} and T cells", _curves(HEALTHY), numbers + killing, "share of untreated"),
    ]


def _of_mice() -> list[_Part]:
    """Tumours and metastases: by partner, by reach, and in other hosts."""
    tumour, lasting = (of_parameters(behind_body(stock)) for stock in ("primary", "lasting"))
    given = [*of_drug(bexin(1), ("UNC13D",)), *(status for name in PARTNERS for status in _partner(name))]
    reached = [*of_drug(bexin(1, "targeted"), ("UNC13D",)), *_partner("anti-PD-L1")]
    competent = {WITH[how[1]]: how for how in TREATED if how[0] == HOSTS[0] and how[2] == "body"}
    reach = {REACHED[how[2]]: how for how in TREATED if how[:2] == (HOSTS[0], "anti-PD-L1")}
    reach |= {f"{REACHED[how[2]]}, host\nwithout Munc13-4": how for how in TREATED if how[0] == HOSTS[2]}
    nude = {
        ", ".join(filter(None, (what, how[1] and WITH[how[1]]))): _shares(name, how)
        for how in TREATED
        for what, name in (("tumour", "volume"), ("metastases", "lasting"))
        if how[0] == HOSTS[1]
    }
    return [
        _Part("Tumour volume, mice with T cells", _each("volume", competent), tumour + given, log_y=True),
        _Part("Metastases, mice with T cells", _each("lasting", competent), lasting + given),
        _Part("Tumour under anti-PD-L1: whom bexin reaches", _each("volume", reach), tumour + reached, log_y=True),
        _Part("Mice without T cells", nude, lasting + given),
    ]


def _partner(name: str) -> list[str]:
    """Statuses of the numbers between a partner drug's dose and what it does in a body."""
    targets = {"anti-PD-L1": ("pd_l1_free",), "GM6001": ("mt1_activity", "mmp2_activity")}
    return [status for given in PARTNERS[name] for status in of_drug(given, targets[name])]


def _curves(lines: Mapping[str, str]) -> dict[str, Callable[[Outcome], Array]]:
    """Label -> a curve of the dish of single cells."""

    def of(curve: str) -> Callable[[Outcome], Array]:
        return lambda o: o.reads[DISH].curves[curve]

    return {label: of(curve) for label, curve in lines.items()}


def _each(name: str, courses: Mapping[str, Course]) -> dict[str, Callable[[Outcome], Array]]:
    """Label -> what mice of a course read."""
    return {label: _shares(name, how) for label, how in courses.items()}


def _shares(name: str, how: Course) -> Callable[[Outcome], Array]:
    """What mice read over untreated ones of the same host and parameters, at no dose and each dose of one course."""
    host, partner, _ = how
    groups = [treated(0, host), treated(0, host, partner), *(treated(dose, *how) for dose in DOSES)]

    def get(o: Outcome) -> Array:
        base, *found = (o.reads[f"mice: {group}"][name] for group in groups)
        return np.array(found) / (base or np.nan)

    return get


def untreated(point: Outcome, draws: Sequence[Outcome]) -> str:
    """What untreated mice have, with the interval over draws, in words."""
    said = []
    for name, unit in (("volume", "mm³"), ("lasting", "metastases")):
        value, low, high = with_interval(read_of(WILD, name), point, draws)
        said.append(f"{value} ({low} to {high}) {unit}")
    return f"untreated: {', '.join(said)} per mouse"


def _line(label: str, get: Callable[[Outcome], Array], point: Outcome, draws: Sequence[Outcome]) -> Series:
    line = banded_series(label, np.array([at for at, _ in TICKS]), get, point, draws)
    return replace(line, single=tuple(get(draw) for draw in draws))
