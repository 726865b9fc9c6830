"""The panels of the study on recipients, T cells, mice and therapy."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from exude.experiment.panels import Curves, Panel, Series
from exude.experiment.study.bodies import DOSES, treated
from exude.experiment.study.drawn import bar_panel, read_of
from exude.experiment.study.neighbours import transfer_conditions
from exude.experiment.study.questions import Outcome

COARSE = (
    "Coarse body; most numbers assumed (docs/body.md). Points and intervals: parameter draws where a finding is scored."
)
CULTURES = {
    "wild type": "wild type", "Munc13-4\nknock-down": "knock-down", "Rab27a\nknock-out": "Rab27a knock-out",
    "PD-L1\nknock-out": "PD-L1 knock-out", "no PD-L1 on\nexosomes": "exosomes without PD-L1",
    "bexin on\nall cells": "bexin on all", "anti-PD-L1": "anti-PD-L1",
    "anti-PD-L1, T cells\nwithout Munc13-4": "anti-PD-L1, T cells without Munc13-4",
}  # fmt: skip
MICE = {
    "wild type": "wild type", "Munc13-4\nknock-down": "Munc13-4 knock-down", "Rab27a\nknock-down": "Rab27a knock-down",
    "no T cells": "wild type, T-cell-deficient", "anti-PD-L1": "anti-PD-L1, competent",
    "anti-PD-L1,\nno T cells": "anti-PD-L1, T-cell-deficient",
    "anti-PD-L1, host\nwithout Munc13-4": "anti-PD-L1, Munc13-4-deficient",
}  # fmt: skip


def _transfer(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    return bar_panel(
        point, draws, {name: read_of(f"transfer: {name}", "expected") for name in transfer_conditions()},
        title="Exosomes transform neighbours", ylabel="recipients transformed within a day (share)",
        note="expected share of fibroblasts and epithelium; the rate of transfer is assumed, its spread is in the interval",
    )  # fmt: skip


def _immune(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    return bar_panel(
        point, draws, {label: read_of(f"T cells: {name}", "killed") for label, name in CULTURES.items()},
        title="PD-L1 on exosomes holds T cells off", ylabel="tumour cells killed within a day (share)",
        note="as many T cells as tumour cells, on plastic",
    )  # fmt: skip


def _metastasis(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    made = {label: read_of(f"mice: {name}", "lasting") for label, name in MICE.items()}
    return bar_panel(
        point, draws, made, title="Metastases of mice", ylabel="lasting metastases per mouse, day 21", note=COARSE
    )


def _therapy(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    """What a Munc13-4 inhibitor does, by daily dose: to exosomes, to T cells, to tumours and metastases of mice."""

    def line(label: str, what: str, reach: str, *, freed: bool = False, control: bool = False) -> Series:
        base = point.reads["mice: wild type"][what]
        y = [point.reads[f"mice: {treated(dose, reach, with_antibody=freed)}"][what] / base for dose in DOSES]
        return Series(label, np.array(DOSES, float), np.array(y), control=control)

    return Curves(
        title="A Munc13-4 inhibitor in mice", xlabel="bexin (mg per kg and day, in six doses)", ylabel="share of untreated mice",
        series=(
            line("exosomes released", "release", "body"), line("killing by T cells", "granules", "body"),
            line("tumour", "primary", "body", control=True), line("metastases", "lasting", "body"),
            line("tumour, with anti-PD-L1", "primary", "body", freed=True),
        ),
        log_x=True, note=COARSE,
    )  # fmt: skip


NEIGHBOURS: dict[str, Callable[[Outcome, Sequence[Outcome]], Panel]] = {
    "gene-transfer": _transfer,
    "immune-suppression": _immune,
    "metastasis": _metastasis,
    "therapy": _therapy,
}
