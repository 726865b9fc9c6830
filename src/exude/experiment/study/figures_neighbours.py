"""The panels of the study on recipients, T cells and metastases; the one on therapy is `figures_therapy`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from exude.experiment.panels import Panel
from exude.experiment.study.basis import behind_body, of_parameters, standing
from exude.experiment.study.bodies import HOSTS, treated
from exude.experiment.study.drawn import bar_panel, read_of, say_n, share_of, with_interval
from exude.experiment.study.figures_therapy import WILD, therapy, untreated
from exude.experiment.study.neighbours import transfer_conditions
from exude.experiment.study.questions import Outcome

CULTURES = {
    "wild type": "wild type", "Munc13-4\nknock-down": "knock-down", "Rab27a\nknock-out": "Rab27a knock-out",
    "PD-L1\nknock-out": "PD-L1 knock-out", "no PD-L1 on\nexosomes": "exosomes without PD-L1",
    "bexin on\nall cells": "bexin on all", "anti-PD-L1": "anti-PD-L1",
    "anti-PD-L1 + knock-down": "anti-PD-L1, knock-down",
    "anti-PD-L1 + bexin on all": "anti-PD-L1, bexin on all",
    "anti-PD-L1, T: no Munc13-4": "anti-PD-L1, T cells without Munc13-4",
}  # fmt: skip
MICE = {
    "wild type": treated(0), "Munc13-4\nknock-down": "Munc13-4 knock-down", "Munc13-4\nknock-out": "Munc13-4 knock-out",
    "Rab27a\nknock-down": "Rab27a knock-down", "no T cells": treated(0, HOSTS[1]),
    "anti-PD-L1": treated(0, HOSTS[0], "anti-PD-L1"), "anti-PD-L1,\nno T cells": treated(0, HOSTS[1], "anti-PD-L1"),
    "anti-PD-L1, no host Munc13-4": treated(0, HOSTS[2], "anti-PD-L1"),
}  # fmt: skip


def _transfer(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    wild = "transfer: wild type"
    value, low, high = with_interval(read_of(wild, "expected"), point, draws)
    return bar_panel(
        point, draws, {name: share_of(f"transfer: {name}", "expected", wild) for name in transfer_conditions()},
        title="Exosomes transform neighbours", ylabel="recipients transformed within a day, share of wild type",
        note=f"{say_n(point, draws, wild, 'cells', 'recipients a dish')}; wild type: {value} ({low} to {high}) of "
        "fibroblasts and epithelium, by their summed hazard; shares under the same parameters, so what is assumed of "
        "transfer itself drops out of them",
    )  # fmt: skip


def _immune(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    return bar_panel(
        point, draws, {label: read_of(f"T cells: {name}", "killed") for label, name in CULTURES.items()},
        title="PD-L1 on exosomes holds T cells off", ylabel="tumour cells killed within a day (share)",
        note=f"{say_n(point, draws, 'T cells: wild type', 'cells', 'tumour cells a dish')}; as many T cells, on plastic; "
        "T: no Munc13-4: T cells without it; intervals where a finding is scored",
    )  # fmt: skip


def _metastasis(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    return bar_panel(
        point, draws, {label: share_of(f"mice: {name}", "lasting", WILD) for label, name in MICE.items()},
        title="Metastases of mice", ylabel="lasting metastases on day 21, share of untreated mice",
        note=f"{say_n(point, draws, WILD, 'mice', 'untreated mice')}; "
        f"{say_n(point, draws, 'mice: Munc13-4 knock-down', 'mice', 'mice where no finding is scored')}; {untreated(point, draws)}; shares under the same "
        f"parameters; coarse body; numbers behind it: {standing(of_parameters(behind_body('lasting')))}",
    )  # fmt: skip


NEIGHBOURS: dict[str, Callable[[Outcome, Sequence[Outcome]], Panel]] = {
    "gene-transfer": _transfer,
    "immune-suppression": _immune,
    "metastasis": _metastasis,
    "therapy": therapy,
}
