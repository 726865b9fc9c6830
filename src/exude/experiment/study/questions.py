"""Each scored finding as a question to the cultures: which number answers it, and what no effect would be."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from exude.cascade import ALL
from exude.catalog import read
from exude.derive.evaluate import reader
from exude.experiment.assays.phluorin_tirf import expected_duration
from exude.experiment.protocol import Numbers
from exude.experiment.study.cultures import DAY, LINE, SERIES, Read, in_mutants, tag
from exude.experiment.study.ensemble import RIVALS

LONG_AFTER = 60 * DAY
"""s: 'even after months', the source says."""
LOOKS = 481
"""Times at which the return of transformed cells is looked at: three hours apart."""

Answer = Callable[[Mapping[str, Read], Numbers], float]


@dataclass(frozen=True)
class Question:
    """How one finding is answered under one mechanism."""

    finding: str
    answer: Answer
    unit: str = "1"
    null: float = 1.0
    """What the answer would be without the effect: 1 for ratios, 0 for differences and correlations."""
    hypothesis: str = ""
    """Name of the rival mechanism; empty for the default."""
    scored: bool = True


@dataclass(frozen=True)
class Outcome:
    """Reads of all dishes under one parameter set."""

    numbers: Numbers
    reads: Mapping[str, Read]

    def has(self, question: Question) -> bool:
        """Whether the dishes that a question reads were run under this set."""
        try:
            self.answer(question)
        except KeyError:
            return False
        return True

    def answer(self, question: Question) -> float:
        """The number that answers a question; NaN where it is undefined."""
        try:
            return float(question.answer(self.reads, self.numbers))
        except ZeroDivisionError:
            return float("nan")


def statement_of(question: Question) -> str:
    """The statement that a question belongs to."""
    return read.findings()[question.finding][1].statement


def questions() -> tuple[Question, ...]:
    """All questions of the study, in the order of the report."""
    wt, kd, dn = "wild type", "knock-down 0.1", "dominant-negative Rab11"
    asked = [
        Question("M1", _value(wt, "fold")),
        Question("M2", _ratio("increment", kd, wt)),
        *_mutants(""),
        Question("M3g", _difference("increment", "rescue wild type", kd, per=wt), null=0.0),
        Question("M3h", _ratio("basal", "rescue wild type", kd)),
        Question("M4", _ratio("basal", kd, wt)),
        Question("M5a", lambda r, n: r[wt]["events"] / r[wt]["events_rest"]),
        Question("M5b", _ratio("events", kd, wt)),
        Question("M5c", _ratio("basal_events", kd, wt)),
        Question("M6", _ratio("seen_diameter", "fixed knock-down", "fixed wild type")),
        Question("M7a", _ratio("basal", dn, wt)),
        Question("C3", _ratio("events", dn, wt)),
        Question("M7b", _through_rab11, unit="um", null=0.0),
        Question("M7c", _ratio("with_rab11", "fixed knock-down", "fixed wild type")),
        *_mt1_mmp(""),
        Question("M12a", _along("released"), null=0.0),
        Question("M12b", _along("basal"), null=0.0),
        Question("E2a", _value("burst", "onset"), unit="min"),
        Question("E2b", _value("burst", "early_share")),
        Question("E2c", _value("burst", "late_over_basal")),
        Question("K7a", _value("wild type for a day", "captured"), unit="exosomes per cell and hour"),
        Question("Wang2017a", _value("MCF-7 for a day", "in_bulk"), unit="exosomes per cell and hour"),
        Question("K7b", _ratio("captured", "MCF-7 for a day", "wild type for a day")),
        Question("K7c", _ratio("captured", "MCF-10A for a day", "wild type for a day")),
        Question("E7", _value("HCT116 for a day", "second_half")),
        Question("K1a", lambda r, n: expected_duration(n, "CD63"), unit="s"),
        Question("K1b", lambda r, n: expected_duration(n, "VAMP2"), unit="s"),
        Question("C8b", _ratio("increment", "BAPTA-AM", wt)),
        Question("C7", _ratio("basal", "BAPTA-AM", wt), scored=False),
        _recruitment(""),
        Question("M9", _ratio("area", "film: knock-down", "film: wild type")),
        Question("I2", _ratio("front", "gel: Rab27a knock-down", "gel: wild type")),
        *_neighbours(),
    ]
    return (*asked, *_rivals())


def _neighbours() -> list[Question]:
    """Recipients, T cells, mice."""
    wild, freed = "T cells: wild type", "T cells: anti-PD-L1"
    return [
        Question("AlNedawi2008a", _value("transfer: wild type", "expected"), null=0.0),
        Question("Lee2016HRas_a", _still_changed, scored=False),
        Question("Poggio2019a", _ratio("tumour", "T cells: Rab27a knock-out", wild)),
        Question("Yang2018a", _ratio("killed", wild, "T cells: exosomes without PD-L1")),
        Question("Weigelin2021b", _ratio("per_t_cell", wild, "T cells: a quarter of the T cells")),
        Question("Jitc0770a", _value(wild, "pd_l1")),
        Question("Peinado2012a", _ratio("lasting", "mice: Rab27a knock-down", "mice: wild type")),
        Question("Hamza2021b", _value("mice: wild type", "entries"), unit="1/h"),
        Question("Crozat2007a", _ratio("killed", "T cells: anti-PD-L1, T cells without Munc13-4", freed)),
        Question(
            "Weidinger2013a",
            _difference("tumour", "T cells: anti-PD-L1, T cells without STIM1", freed, per=wild),
            null=0.0,
        ),
    ]


def _still_changed(reads: Mapping[str, Read], numbers: Numbers) -> float:
    """Of recipients that are transformed when exosomes are taken away, the share that is still changed LONG_AFTER.

    They hold the mean message M of fibroblasts then. By the declared rates, with division left out: dM/dt = -loss M,
    dT/dt = -(back + fixed) T, dF/dt = fixed T, from T = 1; T + F is read.
    """
    times = np.linspace(0.0, LONG_AFTER, LOOKS)
    message = reads["transfer: wild type"]["message"] * np.exp(
        -numbers["k_message_loss"] * (times[1:] + times[:-1]) / 2
    )
    back, fixed = np.array([rates_of_return(numbers, float(m)) for m in message]).T
    left = np.exp(-np.cumsum([0.0, *((back + fixed) * np.diff(times))]))
    return float(left[-1] - np.sum(fixed / (back + fixed) * np.diff(left)))


def rates_of_return(numbers: Numbers, message: float) -> tuple[float, float]:
    """Rates (1/s) at which a transformed cell with so many active copies returns, and becomes a tumour cell for good."""
    known = reader(ALL, numbers.values | {"message": message})
    texts = {event.name: event.rate for event in ALL.events}
    return float(known(texts["reversion"])), float(known(texts["fixation"]))


def _rivals() -> list[Question]:
    """The questions that tell rival mechanisms apart."""
    asked: list[Question] = []
    for rival in RIVALS:
        wild, knocked = f"{tag(rival)}wild type", f"{tag(rival)}knock-down 0.1"
        asked.append(Question("M1", _value(wild, "fold"), hypothesis=rival))
        asked.append(Question("M2", _ratio("increment", knocked, wild), hypothesis=rival))
        asked += [*_mutants(rival), _recruitment(rival)]
    asked += _mt1_mmp("rab8-route")
    smaller = _ratio("seen_diameter", "to-lysosome: fixed knock-down", "to-lysosome: fixed wild type")
    asked.append(Question("M6", smaller, hypothesis="to-lysosome"))
    # Without BAPTA the local-calcium mechanism is the default one, so its wild type is the default's.
    bapta = _ratio("basal", "local-calcium: BAPTA-AM", "wild type")
    asked.append(Question("C7", bapta, hypothesis="local-calcium", scored=False))
    return asked


def _value(dish: str, name: str) -> Answer:
    return lambda r, n: r[dish][name]


def _ratio(name: str, dish: str, reference: str) -> Answer:
    return lambda r, n: r[dish][name] / r[reference][name] if r[reference][name] else np.nan


def _difference(name: str, dish: str, reference: str, *, per: str) -> Answer:
    return lambda r, n: (r[dish][name] - r[reference][name]) / r[per][name]


def _mutants(hypothesis: str) -> list[Question]:
    wt, kd, rescued = (
        f"{tag(hypothesis)}wild type",
        f"{tag(hypothesis)}knock-down 0.1",
        f"{tag(hypothesis)}rescue wild type",
    )

    def brought_back(mutant: str) -> Answer:
        def answer(r: Mapping[str, Read], n: Numbers) -> float:
            gain = r[rescued]["basal"] - r[kd]["basal"]
            return (r[f"{tag(hypothesis)}rescue {mutant}"]["basal"] - r[kd]["basal"]) / gain

        return answer

    risen = [
        Question(f"M3{letter}", _ratio("increment", f"{tag(hypothesis)}rescue {mutant}", wt), hypothesis=hypothesis)
        for letter, mutant in in_mutants("abc")
    ]
    rested = [
        Question(f"M3{letter}", brought_back(mutant), hypothesis=hypothesis) for letter, mutant in in_mutants("def")
    ]
    return risen + rested


def _recruitment(hypothesis: str) -> Question:
    return Question("B10a", lambda r, n: recruitment_kept(r, hypothesis), hypothesis=hypothesis)


def recruitment_kept(reads: Mapping[str, Read], hypothesis: str) -> float:
    """Share of the wild type's rise on membranes that C2A* keeps."""
    rise = {}
    for label in ("wild type", "C2A*"):
        curve = reads[f"{tag(hypothesis)}recruitment {label}"].curves["recruited"]
        rise[label] = curve.max() / curve[0] - 1
    return float(rise["C2A*"] / rise["wild type"])


def _mt1_mmp(hypothesis: str) -> list[Question]:
    wt, kd, dn = (f"{tag(hypothesis)}fixed {name}" for name in ("wild type", "knock-down", "dominant-negative Rab11"))
    asked = [
        ("M8a", "mt1_per_mvb", kd),
        ("M8b", "mt1_per_mvb", dn),
        ("M8c", "mt1_per_exosome", kd),
        ("M8d", "mt1_per_exosome", dn),
    ]
    return [Question(finding, _ratio(name, dish, wt), hypothesis=hypothesis) for finding, name, dish in asked]


def _through_rab11(r: Mapping[str, Read], n: Numbers) -> float:
    def lost(background: str, both: str) -> float:
        return r[f"fixed {background}"]["diameter"] - r[f"fixed {both}"]["diameter"]

    with_rab11 = lost("wild type", "knock-down")
    return lost("dominant-negative Rab11", "dominant-negative Rab11, knock-down") - with_rab11


def _along(name: str) -> Answer:
    def answer(r: Mapping[str, Read], n: Numbers) -> float:
        dishes = [r["wild type" if line == LINE else f"series {line}"] for line in SERIES]
        return float(spearmanr([d["unc13d"] for d in dishes], [d[name] for d in dishes]).statistic)

    return answer
