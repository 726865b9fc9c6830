"""The study view: statements as cards, each with its experiment, evidence, verdict and rivals. Plain data out."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

from exude.cascade import CELL, DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.errors import DataError, UnknownName, refuse
from exude.experiment.panels import Bars, Panel
from exude.experiment.study import say_size
from exude.experiment.study.questions import questions
from exude.page.study_dishes import as_command, as_python, dishes
from exude.page.study_evidence import evidence, notes
from exude.page.study_stored import Row, Stored, facts, kept_panel, reason
from exude.show.report import PAPER
from exude.show.study_words import alternative, caption, counts
from exude.show.words import is_weak, predicted, reported, unit

Plain = dict[str, Any]

PAPERS = ("Messenger et al. 2018", "Other papers, the same model")
"""Groups of cards: the study's own paper first."""
KINDS = ("svg", "png", "pdf")
MOST_SAID = 3
"""Rows whose words have room below a figure."""
LATER = "A run draws the whole figure, with every dish, time course and parameter set."


def overview(study: Stored) -> Plain:
    """All statements as cards, in two groups, with the counts above them."""
    rows = [row.model_dump(exclude_none=True) for row in study.rows]
    ids = list(dict.fromkeys(row.id for row in study.rows))
    groups = [[name for name in ids if (paper_of(name, study) == PAPER) == own] for own in (True, False)]
    return {
        "made": study.made,
        "problem": study.problem,
        "counts": counts(rows),
        "groups": [
            {"title": title, "cards": [card(name, study) for name in names]}
            for title, names in zip(PAPERS, groups, strict=True)
            if names
        ],
    }


def card(statement: str, study: Stored) -> Plain:
    """One statement closed: its title and the rows of the default mechanism."""
    rows = [shown(row) for row in study.rows if row.id == statement and not row.hypothesis]
    return {"id": statement, "title": facts(statement)["title"], "rows": rows}


def detail(name: str, study: Stored) -> Plain:
    """One statement open: experiment, evidence, rivals, code; UnknownName where the study has no such statement."""
    statement, known = known_statement(name, study), facts(name)
    own = [row for row in study.rows if row.id == statement]
    findings = list(dict.fromkeys(row.finding for row in own))
    rivals = list(dict.fromkeys(row.hypothesis for row in own if row.hypothesis))
    return {
        **card(statement, study),
        "rivals": [shown(row) for row in own if row.hypothesis],
        "mechanisms": [
            {"name": h.name, "says": h.says} for h in CELL.hypotheses if h.name in (DEFAULT_HYPOTHESIS, *rivals)
        ],
        "evidence": [evidence(finding) for finding in findings],
        "notes": notes(findings),
        "dishes": dishes(known["dishes"]),
        "size": (own[0].quick or say_size(False, (statement,))).partition(": ")[2],
        "quick": say_size(True, (statement,)),
        "seconds": known["seconds"],
        "command": as_command(statement),
        "python": as_python(statement),
        "figure": figure(statement, study),
    }


def known_statement(name: str, study: Stored) -> str:
    """The statement of that name; UnknownName with the nearest one otherwise."""
    ids = list(dict.fromkeys(row.id for row in study.rows))
    if name not in ids:
        raise refuse(UnknownName, name, "a statement of the study", "Open /?view=study for all of them.", ids)
    return name


def paper_of(statement: str, study: Stored) -> str:
    """The source of a statement's first finding."""
    finding = next(row.finding for row in study.rows if row.id == statement)
    return read.findings()[finding][0]


def shown(row: Row) -> Plain:
    """One row in words, and as numbers for the small graph beside them."""
    plain = row.model_dump(exclude_none=True)
    return {
        "finding": row.finding, "says": row.says, "hypothesis": row.hypothesis, "role": row.role,
        "reported": reported_words(row), "predicted": predicted(plain), "verdict": row.verdict,
        "state": "weak" if is_weak(plain) else row.verdict,
        "why": row.why, "reason": reason(row.finding) if row.verdict == "disagrees" and not row.hypothesis else "",
        "graph": graph(row),
    }  # fmt: skip


def reported_words(row: Row) -> str:
    """What the paper reported; it says so where the limits are ours."""
    claim = row.reported
    if claim.kind == "relation" and not claim.direction:
        return "in words only"
    ours = " (limits ours)" if claim.error_from == "tolerance" else ""
    return reported(row.model_dump(exclude_none=True)) + ours


def graph(row: Row) -> Plain:
    """Numbers of the small graph: prediction and interval; the reported range, or the value without any effect."""
    claim = row.reported
    band = [None, claim.below] if claim.kind == "absence" else [claim.low, claim.high]
    effect = claim.kind in ("direction", "relation")
    null = _nulls().get((row.finding, row.hypothesis)) if claim.direction else None
    return {
        "value": row.predicted.value, "low": row.predicted.low, "high": row.predicted.high,
        "band": None if effect else band, "null": null, "way": claim.direction,
    }  # fmt: skip


@cache
def _nulls() -> dict[tuple[str, str], float]:
    return {(q.finding, q.hypothesis): q.null for q in questions()}


def table(rows: Sequence[Row]) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    sheet = csv.writer(text, lineterminator="\n")
    sheet.writerow(["statement", "finding", "mechanism", "says", "conditions", "reported", "predicted", "low", "high", "unit",
                    "role", "verdict", "why", "share_of_random_sets_that_pass", "size"])  # fmt: skip
    for row in rows:
        p, claim = row.predicted, reported(row.model_dump(exclude_none=True))
        sheet.writerow([row.id, row.finding, row.hypothesis or DEFAULT_HYPOTHESIS, row.says, row.conditions, claim, p.value,
                        p.low, p.high, p.unit, row.role, row.verdict, row.why, row.weak, row.quick])  # fmt: skip
    return text.getvalue()


def panel(statement: str, study: Stored) -> Panel:
    """What the study's own figure of a statement shows; its rows as bars where that was not kept. DataError as `bars`."""
    return kept_panel(statement, study) or bars(statement, study)


def bars(statement: str, study: Stored) -> Bars:
    """The stored rows of a statement as bars: what can be drawn of them without running it again.

    Rows in other units than the first are left out. DataError where no row has a number.
    """
    own = [row for row in study.rows if row.id == statement and row.predicted.value is not None]
    if not own:
        raise DataError(f"no row of {statement!r} has a number, so there is nothing to draw. Run it again.")
    like = [row for row in own if row.predicted.unit == own[0].predicted.unit]
    values = [float(row.predicted.value or 0) for row in like]
    ends = [(row.predicted.low, row.predicted.high) for row in like]
    first = like[0].reported
    band = (float(first.low or 0), first.high) if len(like) == 1 and first.high is not None else None
    name = unit(like[0].predicted.unit)
    return Bars(
        title=str(facts(statement)["title"]), ylabel=f"predicted ({name})" if name else "predicted (ratio)",
        labels=tuple(row.finding + (f", {row.hypothesis}" if row.hypothesis else "") for row in like),
        values=tuple(values),
        low=tuple(v if low is None else low for v, (low, _) in zip(values, ends, strict=True)),
        high=tuple(v if high is None else high for v, (_, high) in zip(values, ends, strict=True)),
        band=band, band_label=f"reported: {reported(like[0].model_dump(exclude_none=True))}" if band else "",
        note="; ".join(f"{row.finding}: {row.says.rstrip('.')}" for row in like if not row.hypothesis) if len(like) <= MOST_SAID else "",
    )  # fmt: skip


def figure(statement: str, study: Stored) -> Plain:
    """What stands around the figure of the stored rows: the kinds there are, a caption, and its numbers in words."""
    there = [kind for kind in KINDS if (path := own_figure(statement, study, kind)) and path.is_file()]
    try:
        drawn = panel(statement, study)
    except DataError as nothing:
        return {"kinds": there, "alt": "", "caption": str(nothing)}
    whole = kept_panel(statement, study) is not None
    words = caption(drawn) if whole else "The figure that the study drew." if there else f"{caption(drawn)} {LATER}"
    return {"kinds": there or KINDS, "alt": alternative(drawn), "caption": words}


def own_figure(statement: str, study: Stored, kind: str) -> Path | None:
    """Where a study in a folder has the figure of a statement, if it drew it."""
    return study.folder / "figures" / f"{statement}.{kind}" if study.folder else None
