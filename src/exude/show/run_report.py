"""The report of a run, a summary, tissues or cohorts; several of one kind are compared, the control first."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from exude.catalog import read
from exude.engine.result import Run
from exude.engine.summary import Summary
from exude.engine.tissue_run import TissueRun
from exude.errors import ExudeError
from exude.experiment.cohort import CohortRun
from exude.experiment.panels import Bars
from exude.show import bearing, cell_numbers, cohort_numbers, origins, tissue_numbers, used
from exude.show.again import again_blocks
from exude.show.blocks import Block, Bullets, Document, Figure, Heading, Paragraph, Section, Span
from exude.show.cohort_axes import cohort_figure
from exude.show.estimates import NONE, Measure, comparison_table, fold, numbers_table
from exude.show.figures import draw
from exude.show.limits import limits
from exude.show.methods import methods
from exude.show.question import question
from exude.show.results import Result
from exude.show.run_figures import figure_of
from exude.show.words import said

MOST_FIGURES = 6
"""Conditions that are drawn one by one."""
ALONE = (
    "No control stands beside this result, so what the change does cannot be read from it. Run the same command without the change "
    "and give both files: exude report CONTROL RUN."
)
INNER = (
    "The stretch before is the only control here. For what time alone does, run the same without the stimulus and give both files: "
    "exude report CONTROL RUN."
)
SURE = "A difference is set in bold where its interval leaves out zero. Several comparisons stand here, and none is corrected for that."
RUN_CAPTION = (
    "Calcium (median), exosomes released (mean), MVBs by stage (mean), diameters of all MVBs that were read, and every fusion with the "
    "plasma membrane. Bands hold 95 % of cells; grey lines: single cells; shaded: what was added, and when."
)
SUMMARY_CAPTION = "Calcium, exosomes and MVBs by stage: mean and one standard deviation between cells; and how many exosomes cells released."
COHORT_CAPTION = (
    "Share alive with its 95 % band (Kaplan and Meier), cells of the tumour (median, 5 to 95 % of living members), lasting colonies at "
    "the end (share of members with at most so many)."
)
Arms = dict[str, list[Result]]


def document(results: Sequence[Result], *, asked: str = "", study: Path | None = None) -> Document:
    """The report as blocks.

    results: of one kind, the control first (`open_all`). asked: the question, in the place of the one derived.
    study: a folder of `exude reproduce`, whose verdicts stand beside the evidence. DataError for damaged files.
    """
    arms: Arms = {}
    for result in results:
        arms.setdefault(result.label, []).append(result)
    measured = {label: _measures(each, results) for label, each in arms.items()}
    found = bearing.bearing(results, bearing.scores_of(study))
    sections = (
        Section("Numbers", "numbers", _numbers(arms, measured)),
        Section("Figures", "figures", _figures(arms, measured)),
        Section("Methods", "methods", methods(results)),
        Section("Evidence that bears on this experiment", "evidence", _evidence(found, study), "Evidence"),
        Section("Parameters used", "parameters", _parameters(results), "Parameters"),
        Section("Limits of validity", "limits", _limits(results), "Limits"),
        Section("Run it again", "again", _again(results)),
        Section("What to cite", "cite", _cite(results, found), "Cite"),
    )
    return Document(asked or question(results), _opening(arms, measured), sections)


def _measures(each: Sequence[Result], results: Sequence[Result]) -> list[Measure]:
    match each[0].outcome:
        case TissueRun():
            return tissue_numbers.measures(each)
        case CohortRun():
            return cohort_numbers.measures(each[0])
    return cell_numbers.measures(each[0], cell_numbers.windows(results))


def _opening(arms: Arms, measured: dict[str, list[Measure]]) -> tuple[Block, ...]:
    """The answer in a sentence or two: the first number of each condition, and how it differs from the first one's."""
    first = next(iter(arms.values()))[0]
    (control, base), *others = measured.items()
    if not base:
        return ()
    key = _main(base)
    text = f"{key.what[0].upper()}{key.what[1:]}, {key.unit}{f' ({key.when})' if key.when else ''}"
    text += f". {control[0].upper()}{control[1:]}: {_value(key)}" if others else f": {_value(key)}"
    for label, other in others:
        if match := next((m for m in other if m.name == key.name), None):
            times = fold(key, match)
            sure = f" (95 %: {times.ends})" if times.ends != NONE else ""
            text += f". {label[0].upper()}{label[1:]}: {_value(match)}, that is {said(times.value)}-fold{sure}"
    inner = next((m for m in base if cell_numbers.FOLD in m.what and m.when == key.when), None)
    if inner and not others:
        rest = inner.what.partition(cell_numbers.FOLD)[2]
        text += f", {said(inner.mean)} times ({inner.interval.ends}) the rate of the same cells from {rest}"
    lead = f"{text}."
    what = "; ".join(first.words) or "nothing done"
    about = f"{first.kind[0].upper()}{first.kind[1:]}: {first.line}, {what if len(arms) == 1 else f'{len(arms)} conditions'}."
    return (Paragraph(lead, lead=True), Paragraph(Span(f"{about} Brackets: 95 % interval of the mean.", "quiet")))


def _main(measures: Sequence[Measure]) -> Measure:
    """The number that the report opens with: of the first quantity, its value in the last window in which something was added."""
    same = [m for m in measures if m.what == measures[0].what]
    return next((m for m in reversed(same) if not m.when.startswith(("after,", "before,"))), same[0])


def _value(m: Measure) -> str:
    ends = f" ({m.interval.ends})" if m.interval.ends != NONE else ""
    return f"{said(m.mean)}{ends}"


def _one(m: Measure) -> str:
    return f"{m.what} {_value(m)} {m.unit}{f' ({m.when})' if m.when else ''}"


def _numbers(arms: Arms, measured: dict[str, list[Measure]]) -> tuple[Block, ...]:
    first = next(iter(arms.values()))[0]
    of = {TissueRun: "dishes", CohortRun: "members"}.get(type(first.outcome), "cells")
    blocks: list[Block] = []
    if len(arms) > 1:
        how = _how_compared(measured, of)
        blocks += [Heading("Conditions against the first"), Paragraph(f"{how} {SURE}")]
        blocks.append(comparison_table(list(measured.items()), "95 % intervals of the difference and of the fold."))
    elif first.words and not isinstance(first.outcome, TissueRun):
        inner = not first.genes and any(cell_numbers.FOLD in m.what for m in next(iter(measured.values())))
        blocks.append(Paragraph(INNER if inner else ALONE))
    if isinstance(first.outcome, CohortRun):
        blocks.append(cohort_numbers.shares_table({label: each[0] for label, each in arms.items()}))
    for label, each in arms.items():
        n = len(each) if isinstance(first.outcome, TissueRun) else max((m.n for m in measured[label]), default=0)
        blocks += [Heading(label)] if len(arms) > 1 else []
        table = numbers_table(measured[label], of, _interval_words(n, of))
        blocks.append(replace(table, label=f"Numbers of {label}"))
    return tuple(blocks)


def _how_compared(measured: dict[str, list[Measure]], of: str) -> str:
    alike = {m.alike for measures in measured.values() for m in measures if m.alike}
    if len(alike) == 1:
        return f"The same {of}, drawn with the same numbers, stand in all conditions; differences are taken one by one."
    return f"Conditions have {of} of their own; intervals of differences are Welch's."


def _interval_words(n: int, of: str) -> str:
    if n < 2:
        return "One only: no interval. Run it again with another seed and give both to see how they differ."
    ratio = " The interval of a ratio takes cells, not MVBs, as what was drawn." if of == "cells" else ""
    return f"n = {n:,} {of}. 95 % of the mean: mean ± t × standard error over {of} (Student's t), cut at 0 for what cannot be below it.{ratio}"


def _figures(arms: Arms, measured: dict[str, list[Measure]]) -> tuple[Block, ...]:
    first = next(iter(arms.values()))[0]
    if isinstance(first.outcome, TissueRun):
        return _tissue_figures(arms, measured)
    if isinstance(first.outcome, CohortRun):
        runs = {label: each[0].outcome for label, each in arms.items()}
        cohorts = {label: run for label, run in runs.items() if isinstance(run, CohortRun)}
        return (Figure(cohort_figure(cohorts), _alt(measured), COHORT_CAPTION, wide=True),)
    bars = [_bars(measured)] if len(arms) > 1 else []
    caption = SUMMARY_CAPTION if isinstance(first.outcome, Summary) else RUN_CAPTION
    shown = [
        Figure(
            figure_of(each[0].outcome),
            _alt({label: measured[label]}),
            caption,
            title=label if len(arms) > 1 else "",
            wide=True,
        )
        for label, each in list(arms.items())[:MOST_FIGURES]
        if isinstance(each[0].outcome, Run | Summary)
    ]
    return (*bars, *shown)


def _bars(measured: dict[str, list[Measure]]) -> Figure:
    """Conditions side by side in the stretch that the report opens with."""
    key = _main(next(iter(measured.values())))
    found = {label: next(m for m in each if m.name == key.name) for label, each in measured.items()}
    title = f"{key.what[0].upper()}{key.what[1:]}" + (f", {key.when}" if key.when else "")
    ends = [m.interval for m in found.values()]
    low = tuple(e.low if np.isfinite(e.low) else e.value for e in ends)
    high = tuple(e.high if np.isfinite(e.high) else e.value for e in ends)
    panel = Bars(title, f"{key.what} ({key.unit})", tuple(found), tuple(m.mean for m in found.values()), low, high)
    return Figure(draw(panel), _alt(measured), "Bars: mean; lines: 95 % interval of the mean.")


def _tissue_figures(arms: Arms, measured: dict[str, list[Measure]]) -> tuple[Block, ...]:
    """All conditions in the one figure that suits how they were set up."""
    first = next(iter(arms.values()))[0]
    if first.outcome.data.sizes["time"] < 2:
        return (Paragraph("Only one time was recorded: there is no course to draw."),)
    eye = tissue_numbers.eye_of(first)
    dishes = tissue_numbers.dishes_of(arms)
    try:
        figure = eye.draw(dishes)
    except ExudeError as problem:  # a figure that asks for more than was recorded; the numbers still stand
        return (Paragraph(f"No figure: {problem}"),)
    return (
        Figure(
            figure,
            _alt(measured),
            "What the assay that suits this set-up sees; the key stands below the figure.",
            wide=True,
        ),
    )


def _alt(measured: dict[str, list[Measure]]) -> str:
    """The main numbers in words, for those who do not see the figure."""
    return (
        " ".join(f"{label}: {_one(_main(each))}." for label, each in measured.items() if each)
        or "Figure without numbers."
    )


def _evidence(found: Sequence[bearing.Bearing], study: Path | None) -> tuple[Block, ...]:
    if not found:
        return (
            Paragraph(
                "No finding of the catalogue shares a gene, a drug, a stimulus or, where nothing was done, a line with this experiment."
            ),
        )
    return (Paragraph(bearing.summary(found, study)), bearing.evidence_table(found, judged=study is not None))


def _parameters(results: Sequence[Result]) -> tuple[Block, ...]:
    names = set().union(*(used.symbols(result) for result in results))
    intro = Paragraph((
        "Every number these results rest on, as the catalogue has it. Shaded rows are ", Span("assumed", "assumed"),
        ": no source, a wide spread. A number with a source was read a second time, independently; until then it is provisional.",
    ))  # fmt: skip
    blocks: list[Block] = [intro, *origins.parameter_blocks(names, results[0].numbers)]
    for name in dict.fromkeys(result.line for result in results):
        mine = [result for result in results if result.line == name]
        done = {gene: f"here: {words}" for result in mine for gene, words in result.genes.items()}
        blocks += origins.level_blocks(read.line(name), used.genes(mine[0]), done)
    return (*blocks, *origins.drug_blocks(used.drugs(results)))


def _limits(results: Sequence[Result]) -> tuple[Block, ...]:
    names = set().union(*(used.symbols(result) for result in results))
    return (Bullets((*limits(results), *origins.about_numbers(names))),)


def _again(results: Sequence[Result]) -> tuple[Block, ...]:
    blocks: list[Block] = []
    for result in results:
        blocks += [Heading(f"{result.label} ({result.path.name})")] if len(results) > 1 else []
        blocks += again_blocks(result)
    return tuple(blocks)


def _cite(results: Sequence[Result], found: Sequence[bearing.Bearing]) -> tuple[Block, ...]:
    """The program, sources of the numbers used (as `run.cite()` has them) and of the findings shown."""
    keys = {re.split(r"[ :]", line, maxsplit=1)[0] for result in results for line in result.made.get("sources", [])}
    keys |= {source for result in results for name in used.symbols(result) for source in read.parameters()[name].source}
    keys |= {bear.source for bear in found}
    version = str(results[0].made.get("versions", {}).get("exude", ""))
    return origins.cite_blocks(version, keys)
