"""Results as a report reads them: opened by what the file holds, put in order, named by what was done."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from exude.cascade import DEFAULT_HYPOTHESIS, MODELS
from exude.catalog import read
from exude.engine import netcdf, provenance, summary
from exude.engine.result import Run
from exude.engine.summary import Summary
from exude.engine.tissue_run import TissueRun, open_tissue
from exude.errors import DataError, ExudeError, refuse
from exude.experiment.cohort import CohortRun
from exude.experiment.cohort_file import FORMAT as COHORT
from exude.experiment.cohort_file import load_cohort
from exude.experiment.dosing import Schedule, say_schedule
from exude.experiment.perturbations import (
    DominantNegative,
    KnockDown,
    KnockOut,
    Overexpress,
    Perturbation,
    Rescue,
    say,
)
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import hypothesis_values
from exude.experiment.tissue import Tissue
from exude.show.rebuilt import rebuilt
from exude.show.words import micro

Outcome = Run | Summary | TissueRun | CohortRun
KINDS = {Run: "a run of cells", Summary: "a summary of cells", TissueRun: "a tissue", CohortRun: "a cohort"}
SCORES = "scores.json"
UNTREATED = "untreated"
TOLD = ("matrix", "cells", "size", "voxel", "duration", "every", "seed", "secretion", "step", "window", "oxygen", "alike",
        "hypothesis", "burn_in", "also", "vessels", "host", "schedules")  # fmt: skip
"""What a tissue says of its making as a repr."""
FIX = "Give what `exude simulate -o`, `exude tissue -o`, `exude cohort -o` or `exude reproduce --out` wrote."


@dataclass(frozen=True)
class Result:
    """One outcome with what was done.

    made: what it says of its making. what: perturbations; of a tissue those of tumour cells. also: those of other
    kinds of cells, in words. schedules: drugs given to a body. label: what it is called beside others.
    """

    path: Path
    outcome: Outcome
    line: str
    what: tuple[Perturbation, ...]
    made: dict[str, Any]
    schedules: tuple[Schedule, ...] = ()
    also: tuple[str, ...] = ()
    label: str = UNTREATED

    @property
    def kind(self) -> str:
        """What it is, in words."""
        return KINDS[type(self.outcome)]

    @property
    def numbers(self) -> dict[str, float]:
        """Values of all parameters, internal units."""
        return dict(self.made["numbers"])

    @property
    def words(self) -> tuple[str, ...]:
        """Everything that was done, each in bench words."""
        return (*(micro(say(w)) for w in self.what), *(micro(say_schedule(s)) for s in self.schedules), *self.also)

    @property
    def genes(self) -> dict[str, str]:
        """Genes whose level was changed for good, and what was done, in words."""
        changed = [
            w for w in self.what if isinstance(w, KnockDown | KnockOut | Overexpress | DominantNegative | Rescue)
        ]
        return {
            gene: "; ".join(say(w) for w in changed if w.gene == gene)
            for gene in dict.fromkeys(w.gene for w in changed)
        }


def is_study(path: Path) -> bool:
    """Whether a folder holds the results of `exude reproduce`."""
    return (path / SCORES).is_file()


def open_result(path: str | Path) -> Result:
    """The result in a file or folder, of whatever kind; DataError for anything that is none, is cut off or damaged."""
    place = Path(path)
    if not place.exists():
        raise DataError(f"{place}: no such file or folder. {FIX}")
    if place.is_dir():
        if not (place / "zarr.json").is_file():
            raise refuse(DataError, str(place), "a folder that holds a tissue or a study", FIX)
        return _tissue(place)
    held = _format(place)
    if held == COHORT:
        return _cohort(place)
    if held not in (provenance.FORMAT, summary.FORMAT):
        raise DataError(f"{place}: got format {held!r}; expected a run, a summary or a cohort. {FIX}")
    return _cells(place, Summary.load(place) if held == summary.FORMAT else Run.load(place))


def open_all(paths: Sequence[str | Path]) -> tuple[Result, ...]:
    """Several results, the control first, each with a label of its own; DataError where they are of different kinds."""
    found = [open_result(path) for path in paths]
    for other in found[1:]:
        if type(other.outcome) is not type(found[0].outcome):
            got = f"{found[0].kind} ({found[0].path}) and {other.kind} ({other.path})"
            raise refuse(DataError, got, "results of one kind to compare", "Make a report of each kind.")
    places = [result.path.resolve() for result in found]
    if twice := [str(place) for place, times in Counter(places).items() if times > 1]:
        raise refuse(DataError, twice[0], "each result once", "Leave out the second one.")
    return _labelled(_control_first(found))


def shared(results: Sequence[Result]) -> tuple[str, ...]:
    """What was done in every one of them."""
    return tuple(w for w in results[0].words if all(w in other.words for other in results))


def _format(place: Path) -> str:
    try:
        return netcdf.format_of(place)
    except DataError as problem:
        said = str(problem).partition(": ")[2].removesuffix("Give a file written by `exude simulate -o` or `Run.save`.")
        raise DataError(f"{place}: {said.strip()} {FIX}") from problem


def _cells(place: Path, outcome: Run | Summary) -> Result:
    made = outcome.provenance
    what = tuple(rebuilt(text) for text in made["what"])
    return Result(place, outcome, made["line"], what, made)


def _tissue(place: Path) -> Result:
    run = open_tissue(place)
    if run.rows == 0:
        raise DataError(f"{place}: holds no recorded point yet. Wait, or go on with it (--resume).")
    made = {name: rebuilt(value) if name in TOLD else value for name, value in run.attrs.items()}
    words = tuple(f"{kind}: {say(w)}" for kind, each in made["also"].items() for w in each)
    what = tuple(rebuilt(text) for text in made["what"])
    result = Result(place, run, made["line"], what, made, tuple(made["schedules"]), words)
    return replace(result, made=made | {"model": _model_of(result)})


def tissue_of(result: Result) -> Tissue:
    """The experiment in space that a tissue's run was."""
    known = {name: result.made[name] for name in TOLD}
    numbers = Numbers.default().but(**changed_numbers(result))
    return Tissue(result.line, result.what, **known, model=result.made.get("model", ""), numbers=numbers)


def _model_of(result: Result) -> str:
    """The name of a tissue's model, which is no part of what it says of its making: the one that gives its fingerprint."""
    usual = tissue_of(result)
    for name in ("", *MODELS):
        try:
            if replace(usual, model=name).plan().fingerprint == result.made.get("fingerprint"):
                return name
        except ExudeError:  # a model without these kinds of cells
            continue
    return ""


def changed_numbers(result: Result) -> dict[str, float]:
    """Numbers that are not the catalogue's nor the mechanism's, internal units."""
    name = str(result.made.get("hypothesis") or DEFAULT_HYPOTHESIS)
    try:
        of_mechanism = hypothesis_values(name)
    except ExudeError:  # a mechanism of the surroundings, or of another version
        of_mechanism = {}
    known = read.parameters()
    return {
        name: value
        for name, value in result.numbers.items()
        if name in known and name not in of_mechanism and value != read.value(name)
    }


def _cohort(place: Path) -> Result:
    import json

    run = load_cohort(place)
    cohort = run.cohort
    made = {
        "line": cohort.line, "numbers": cohort.numbers.values, "seed": cohort.seed,
        "versions": json.loads(run.data.attrs.get("versions", "{}")),
    }  # fmt: skip
    return Result(place, run, cohort.line, cohort.what, made, cohort.schedules)


def _control_first(found: list[Result]) -> list[Result]:
    """The first one of which every other does all, and more, stands first; the rest as given."""

    def inside(one: Result) -> bool:
        return all(set(one.words) <= set(other.words) for other in found)

    control = next((one for one in found if inside(one)), found[0])
    alike = [one for one in found if one.words == control.words and one.line == control.line]
    return [*alike, *(one for one in found if not any(one is other for other in alike))]


def _labelled(found: list[Result]) -> tuple[Result, ...]:
    """Labels of what differs; where two are alike in that, with what tells them apart."""
    lines = len({result.line for result in found}) > 1
    common = set(shared(found)) if len(found) > 1 else set()
    labels = []
    for result in found:
        own = [w for w in result.words if w not in common]
        control = "control" if common else UNTREATED
        labels.append(" ".join(filter(None, (result.line if lines else "", "; ".join(own) or control))))
    times = Counter(labels)
    return tuple(
        replace(result, label=label if times[label] == 1 or is_dish(result) else f"{label} ({result.path.name})")
        for result, label in zip(found, labels, strict=True)
    )


def is_dish(result: Result) -> bool:
    """Whether it is one dish of several alike: tissues of one condition are replicates."""
    return isinstance(result.outcome, TissueRun)
