"""The methods of an experiment in words, generated from what its result says of its making."""

from __future__ import annotations

from collections.abc import Sequence

from exude.cascade import ALL
from exude.catalog import read
from exude.engine.result import Run
from exude.engine.summary import Summary
from exude.engine.tissue_run import TissueRun
from exude.experiment.cohort import CohortRun
from exude.experiment.dosing import Schedule
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
    say,
)  # fmt: skip
from exude.show.blocks import Block, Bullets, Paragraph, Span
from exude.show.results import Result, is_dish, shared
from exude.show.words import micro

BY_ROUTE = {"vein": "into a vein", "mouth": "by mouth", "belly": "into the belly", "skin": "under the skin"}
REACH = {
    "body": "", "tumour": "; by assumption only tumour cells see it", "targeted": "; by assumption it reaches the tumour more and the rest less"
}  # fmt: skip
ON = {"gel": "in a collagen gel", "film": "on a film of gelatin", "plastic": "on plastic"}
PLACED = {
    "scattered": ", scattered,", "spheroid": ", as a spheroid,", "wound": ", around a wound,", "layer": ", as a layer,",
    "at": ", at given places,", "mixture": ", mixed,", "among": ", tumour cells in the midst of the others,",
}  # fmt: skip
IMMUNE = {
    "competent": "with T cells", "T-cell-deficient": "without T cells", "Munc13-4-deficient": "whose T cells lack Munc13-4"
}  # fmt: skip


def methods(results: Sequence[Result]) -> tuple[Block, ...]:
    """Line, course, mechanism, treatment and versions; one bullet per condition where there are several."""
    first = results[0]
    blocks: list[Block] = [Paragraph(" ".join((_who(results), _course(results), _engine(first))))]
    blocks.append(Paragraph(_mechanism(first)))
    if len({r.label for r in results}) == 1:
        blocks.append(Paragraph(" ".join(_treatment(first)) or "Nothing was done to the cells."))
    else:
        if common := [_sentence(w) for w in _done(first) if micro_say(w) in shared(results)]:
            blocks.append(Paragraph(" ".join(("In all conditions:", *common))))
        each = dict.fromkeys(r.label for r in results)
        blocks.append(
            Bullets(tuple(_condition(label, [r for r in results if r.label == label], results) for label in each))
        )
    return (*blocks, Paragraph(_made(results)))


def _condition(label: str, alike: Sequence[Result], results: Sequence[Result]) -> tuple[str | Span, ...]:
    own = [_sentence(w) for w in _done(alike[0]) if micro_say(w) not in shared(results)]
    own += [f"{words}." for words in alike[0].also]
    count = f" ({len(alike)} dishes)" if is_dish(alike[0]) else ""
    line = f" {alike[0].line} cells." if len({r.line for r in results}) > 1 else ""
    return (Span(label, "strong"), f"{count}.{line} ", " ".join(own) or "Nothing else was done.")


def micro_say(what: Perturbation | Schedule) -> str:
    """A perturbation as `Result.words` has it."""
    from exude.experiment.dosing import say_schedule

    return micro(say_schedule(what) if isinstance(what, Schedule) else say(what))


def _done(result: Result) -> tuple[Perturbation | Schedule, ...]:
    return (*result.what, *result.schedules)


def _treatment(result: Result) -> list[str]:
    return [*(_sentence(w) for w in _done(result)), *(f"{words[0].upper()}{words[1:]}." for words in result.also)]


def _sentence(what: Perturbation | Schedule) -> str:
    """What was done, as a methods section has it."""
    match what:
        case KnockDown(gene, to):
            return f"{gene} was knocked down to {100 * to:g} % of the line's level before the run."
        case KnockOut(gene):
            return f"{gene} was knocked out before the run."
        case Overexpress(gene, fold):
            return f"{gene} was over-expressed {fold:g}-fold before the run."
        case DominantNegative(gene):
            return f"Dominant-negative {gene} was expressed before the run; {100 * what.factor:g} % of its activity is left."
        case Rescue(gene, mutant, level):
            amount = f" at {level:g} of the line's own level" if level != 1 else " at the line's own level"
            return f"{(mutant + ' mutant' if mutant else 'Wild-type')} {gene}, resistant to the knock-down, was re-expressed{amount}."
        case Drug(name, dose, at, until):
            return micro(f"{name[0].upper()}{name[1:]} ({dose}) was added at {at} and {_until(until)}.")
        case External(calcium, at, until):
            return micro(
                f"Calcium of the medium was set to {calcium} at {at} and {'stayed so' if not until else 'put back at ' + until}."
            )
        case Permeabilised(calcium, cytosol, at, until):
            text = f"Cells were permeabilised at {at} in {calcium} calcium with {cytosol:g} of a cell's cytosol"
            return micro(text + (f" until {until}." if until else "."))
        case CalciumTrace(file, dye):
            light = f", calibrated from the light of {type(dye).__name__}" if dye else ""
            return f"Cytosolic calcium was that of the recording {file}{light}, in every cell, in place of the calcium equations."
        case CalciumModel(file):
            return f"Cytosolic calcium was that of the SBML model {file}, in every cell, in place of the calcium equations."
        case Schedule():
            return _given(what)
    return f"{say(what)}."


def _until(until: str) -> str:
    return f"washed out at {until}" if until else "stayed to the end"


def _given(what: Schedule) -> str:
    often = f", then every {what.every}" if what.every else ", once"
    until = f" until {what.until}" if what.until else ""
    name = what.name[0].upper() + what.name[1:]
    return micro(
        f"{name} ({what.dose}) was given {BY_ROUTE[what.route]} at {what.at}{often}{until}{REACH[what.reach]}."
    )


def _who(results: Sequence[Result]) -> str:
    """Whose cells, and where those come from."""
    found = []
    for name in dict.fromkeys(result.line for result in results):
        line = read.line(name)
        found.append(f"{line.name}, {line.origin or line.tissue}")
    version = results[0].made.get("versions", {}).get("exude", "")
    where = {TissueRun: "Cells in their surroundings", CohortRun: "Tumours in virtual bodies"}.get(
        type(results[0].outcome), "Cells"
    )
    return f"{where} were simulated with exude {version}: {'; '.join(found)}."


def _course(results: Sequence[Result]) -> str:
    """How many, for how long, recorded how often."""
    first = results[0]
    if isinstance(first.outcome, CohortRun):
        cohort = first.outcome.cohort
        vary = (
            "each with numbers of its own, drawn from the spreads of the catalogue"
            if cohort.vary
            else "all with the same numbers"
        )
        return (
            f"{cohort.members} bodies per condition ({cohort.host}, {IMMUNE[cohort.immunity]}), {vary}, were followed for {cohort.days} days "
            f"from {cohort.start_cells:.3g} tumour cells{'' if cohort.vessels else ', without vessels'}."
        )
    if isinstance(first.outcome, TissueRun):
        return _dish(first)
    made = first.made
    counts = " and ".join(f"{n:,}" for n in dict.fromkeys(int(r.made["cells"]) for r in results))
    each = "all with the median protein levels of the line" if made.get("alike") else (
        "each with protein levels of its own (lognormal about the line's, see the numbers below)"
    )  # fmt: skip
    every = (
        float(first.outcome.data["time"][1] - first.outcome.data["time"][0])
        if first.outcome.data.sizes["time"] > 1
        else 0
    )
    shots = [s for s in made.get("snapshots", []) if isinstance(first.outcome, Run)]
    seen = f"; every MVB was read at {' and '.join('the ' + s if s == 'end' else s for s in shots)}" if shots else ""
    return (
        f"{counts} cells per condition, {each}, were followed for {made['duration']} after {made['burn_in']} undisturbed "
        f"under what was done for good, and recorded every {every:g} s{seen}."
    )


def _dish(result: Result) -> str:
    made, cells, matrix = result.made, result.made["cells"], result.made["matrix"]
    about = result.outcome.about["grid"] if isinstance(result.outcome, TissueRun) else {}
    size = " x ".join(made["size"])
    first = result.outcome.cells(0).sizes.get("cell", 0) if isinstance(result.outcome, TissueRun) else 0
    kinds = f" of the kinds {', '.join(cells.kinds)}" if len(cells.kinds) > 1 else ""
    bed = "; with vessels" if made.get("vessels") else ""
    host = made.get("host")
    body = f"; joined to the body of a {host.species} {IMMUNE[host.immunity]}" if host else ""
    return micro(
        f"{first} cells{kinds}{PLACED.get(cells.name, '')} {ON[matrix.name]} in a box of {size}, voxels of {about.get('h', 0):g} um{bed}{body}. "
        f"They were followed for {made['duration']} and recorded every {made['every']}, after {made['burn_in']} of burn-in."
    )


def _engine(result: Result) -> str:
    if isinstance(result.outcome, CohortRun):
        return (
            "Each body is a set of well-mixed compartments whose whole stocks move by exact competing exits; each metastasis grows "
            "from its own beginning; release of exosomes per tumour cell is that of the cell's mean field at rest."
        )
    text = (
        "Each multivesicular body (MVB) is an individual with its own growth, cargo, place and fate, driven by its cell's calcium "
        "through Munc13-4 and Rab11; its events are drawn exactly, without time steps."
    )
    if isinstance(result.outcome, Summary):
        text += " Means, spreads and distributions were added up over cells; single cells were not kept."
    if isinstance(result.outcome, TissueRun):
        if result.made.get("secretion") == "mean-field":
            text = "Fusions of MVBs were drawn about the mean field of the cell."
        text += (
            " Exosomes, proteases and matrix are fields that diffuse, bind and react; cells walk, push, divide and die."
        )
    return text


def _mechanism(result: Result) -> str:
    known = {h.name: h.says for h in ALL.hypotheses}
    name = str(result.made.get("hypothesis", ""))
    if not name:
        return "Perturbations that last act on the tumour's cells; drugs act through what is free in plasma and tissue."
    return f"Mechanism: {name}. {known.get(name, 'It is not known to this version.')}"


def _made(results: Sequence[Result]) -> str:
    """Seeds, versions and fingerprints."""
    seeds = " and ".join(dict.fromkeys(str(r.made.get("seed", "")) for r in results))
    versions = ", ".join(f"{k} {v}" for k, v in results[0].made.get("versions", {}).items())
    prints = ", ".join(str(r.made["fingerprint"]) for r in results if "fingerprint" in r.made)
    tail = f" Fingerprint{'s' if prints.count(',') else ''} of what the result depends on: {prints}." if prints else ""
    return f"Random numbers come from seed {seeds}. Versions: {versions}.{tail}"
