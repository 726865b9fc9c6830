"""The question that results answer, in one sentence, from what was done in them."""

from __future__ import annotations

from collections.abc import Sequence

from exude.engine.result import Run
from exude.engine.summary import Summary
from exude.engine.tissue_run import TissueRun
from exude.experiment.cohort import CohortRun
from exude.experiment.dosing import Schedule, say_schedule
from exude.experiment.perturbations import (
    CalciumModel,
    CalciumTrace,
    DominantNegative,
    Drug,
    External,
    KnockDown,
    KnockOut,
    Overexpress,
    Permeabilised,
    Perturbation,
    Rescue,
    Stimulus,
    say,
)  # fmt: skip
from exude.show import tissue_numbers
from exude.show.results import Result
from exude.show.words import micro

CIRCUMSTANCES = Stimulus | External | Permeabilised | CalciumTrace | CalciumModel
"""What an experiment is done under; asked about only where nothing else was done."""


def question(results: Sequence[Result]) -> str:
    """One sentence with a question mark: what was changed, what it may change, in which cells, under what."""
    common = set.intersection(*(set(_done(r)) for r in results)) if len(results) > 1 else set()
    changes = [[w for w in _done(r) if w not in common] for r in results]
    if len(results) == 1:  # nothing to compare with: the stimulus is a circumstance where something else was done
        acts: list[Perturbation | Schedule] = [w for w in changes[0] if not isinstance(w, CIRCUMSTANCES)]
        changes = [acts or changes[0]]
        common = set(_done(results[0])) - set(changes[0])
    subjects = list(dict.fromkeys(" with ".join(map(phrase, each)) for each in changes if each))
    under = [phrase(w) for w in _done(results[0]) if w in common]
    tail = f" under {_listed(under, 'and')}" if under else ""
    asked = _asked(results[0])
    lines = list(dict.fromkeys(result.line for result in results))
    if subjects:
        return f"{'Do' if len(subjects) > 1 else 'Does'} {_listed(subjects, 'or')} change {asked}{tail}?"
    if len(lines) > 1:
        return f"Does the line ({_listed(lines, 'or')}) change {asked.replace(lines[0], 'cells')}{tail}?"
    if len(results) > 1:
        return f"How much does {asked} differ between runs of one experiment{tail}?"
    return _at_rest(results[0])


def phrase(what: Perturbation | Schedule) -> str:
    """A perturbation as a sentence has it: 'a knock-down of UNC13D to 20 %'."""
    match what:
        case KnockDown(gene, to):
            return f"a knock-down of {gene} to {100 * to:g} %"
        case KnockOut(gene):
            return f"a knock-out of {gene}"
        case Overexpress(gene, fold):
            return f"a {fold:g}-fold over-expression of {gene}"
        case DominantNegative(gene):
            return f"dominant-negative {gene}"
        case Rescue(gene, mutant):
            return f"a rescue by {mutant or 'wild-type'} {gene}"
        case Drug(name, dose):
            return micro(f"{dose} {name}")
        case External(calcium):
            return micro(f"external calcium of {calcium}")
        case Permeabilised(calcium):
            return micro(f"permeabilisation with calcium of {calcium}")
        case CalciumTrace():
            return "a measured calcium curve"
        case CalciumModel():
            return "the calcium of another model"
        case Schedule():
            return micro(say_schedule(what))
    return micro(say(what))


def _done(result: Result) -> tuple[Perturbation | Schedule, ...]:
    return (*result.what, *result.schedules)


def _asked(result: Result) -> str:
    """What may change, as a noun."""
    line = result.line
    if isinstance(result.outcome, CohortRun):
        many = {"mouse": "mice"}.get(result.outcome.cohort.host, f"{result.outcome.cohort.host}s")
        return f"survival and metastasis of {many} with a tumour of {line} cells"
    if not isinstance(result.outcome, TissueRun):
        return f"release of exosomes by {line}"
    eye = tissue_numbers.eye_of(result)
    return {
        tissue_numbers.FILM: f"degradation of gelatin by {line} cells",
        tissue_numbers.IN_BODY: f"the growth of a tumour of {line} cells in its host",
        tissue_numbers.WITH_T: f"the killing of {line} cells by T cells",
        tissue_numbers.RECEIVING: f"the transformation of neighbours by exosomes of {line} cells",
        tissue_numbers.BY_CELLS["spheroid"]: f"the invasion of {line} cells from a spheroid",
        tissue_numbers.BY_CELLS["wound"]: f"the closure of a wound by {line} cells",
        tissue_numbers.BY_CELLS["layer"]: f"the passage of {line} cells through a layer of matrix",
    }.get(eye, f"the walk of {line} cells")


def _at_rest(result: Result) -> str:
    if isinstance(result.outcome, Run | Summary):
        return f"How many exosomes do {result.line} cells release when nothing is done to them?"
    return f"What is {_asked(result)} like when nothing is done?".replace("What is survival", "What are survival")


def _listed(words: Sequence[str], last: str) -> str:
    """'a, b or c'."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} {last} {words[-1]}"
