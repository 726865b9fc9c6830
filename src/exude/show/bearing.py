"""The evidence that bears on an experiment: findings of the catalogue that share what was done, and how they fare."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from exude.catalog import read
from exude.catalog.schema import Finding
from exude.errors import DataError, refuse
from exude.experiment.parse import perturbation
from exude.experiment.perturbations import Drug, External, Perturbation, say
from exude.show.blocks import Grid, Inline, Kind, Row, Span, joined
from exude.show.results import SCORES, Result
from exude.show.words import micro, predicted, relation

USUAL = ("results", "exude-study")
"""Where a study is looked for when none is named."""
CALCIUM = "external calcium"
WORDS: Mapping[str, Kind] = {"agrees": "good", "disagrees": "bad"}


@dataclass(frozen=True)
class Bearing:
    """A finding, what it shares with the experiment, and rows of a study that scored it."""

    source: str
    finding: Finding
    shares: tuple[str, ...]
    same_line: bool
    scored: tuple[Mapping[str, Any], ...]


def find_study(given: Path | None) -> Path | None:
    """The folder of a study: the one given, else results or exude-study here; DataError for a folder that is none."""
    if given is not None and not (given / SCORES).is_file():
        fix = "Make one: exude reproduce --quick --out results"
        raise refuse(DataError, str(given), f"a folder with {SCORES}, written by `exude reproduce`", fix)
    places = [given] if given is not None else [Path(name) for name in USUAL]
    return next((place for place in places if place and (place / SCORES).is_file()), None)


def scores_of(folder: Path | None) -> list[dict[str, Any]]:
    """Rows of a study's scores; none without a folder. DataError for a file that holds no rows."""
    if folder is None:
        return []
    path, fix = folder / SCORES, "Make the study again: exude reproduce"
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise DataError(f"{path}: cannot be read as scores of a study ({problem}). {fix}") from problem
    needed = {"id", "role", "verdict"}
    if not isinstance(rows, list) or not all(isinstance(row, dict) and needed <= row.keys() for row in rows):
        raise DataError(f"{path}: got something else; expected a list of rows with {', '.join(sorted(needed))}. {fix}")
    return rows


def bearing(results: Sequence[Result], scores: Sequence[Mapping[str, Any]]) -> tuple[Bearing, ...]:
    """Findings that share a gene, a drug, a stimulus or a changed medium with the experiment; those of its lines first.

    Where nothing was done: findings of the same lines. Rows of a study are those of the experiment's own mechanism.
    """
    mine = {key for r in results for key in (*keys_of(r.what), *(read.drug(s.name).name for s in r.schedules))}
    lines = {result.line for result in results}
    own = {r.made.get("hypothesis") for r in results}
    found = []
    for source, finding in read.findings().values():
        shares = tuple(sorted(mine & _keys(finding.id)))
        same = bool(lines & set(finding.lines))
        if shares or (same and not mine):
            rows = [row for row in scores if row.get("finding") == finding.id]
            mechanism = tuple(row for row in rows if row.get("hypothesis") in own) or tuple(
                row for row in rows if not row.get("hypothesis")
            )
            found.append(Bearing(source, finding, shares, same, mechanism))
    return tuple(sorted(found, key=lambda b: (-len(b.shares), not b.same_line, not b.scored, b.source, b.finding.id)))


def keys_of(what: Sequence[Perturbation]) -> set[str]:
    """What perturbations act on or with, as words that a finding may share."""
    found = {w.gene for w in what if hasattr(w, "gene")}
    found |= {read.drug(w.name).name for w in what if isinstance(w, Drug)}
    return found | {CALCIUM for w in what if isinstance(w, External)}


@cache
def _keys(finding: str) -> frozenset[str]:
    _, told = read.findings()[finding]
    return frozenset(keys_of([perturbation(text) for text in (*told.condition, *told.reference_condition)]))


def summary(found: Sequence[Bearing], study: Path | None) -> str:
    """How many findings bear on the experiment, and how they fare."""
    papers = len({b.source for b in found})
    text = f"{len(found)} findings of {papers} papers in the catalogue share what was done here."
    if study is None:
        return f"{text} Verdicts need a study: give --study FOLDER, a folder that `exude reproduce` wrote."
    verdicts = [str(row["verdict"]) for b in found for row in b.scored[:1]]
    quick = any(row.get("quick") for b in found for row in b.scored)
    counts = f"{verdicts.count('agrees')} agree with the model, {verdicts.count('disagrees')} disagree"
    rest = len(found) - verdicts.count("agrees") - verdicts.count("disagrees")
    kind = "a quick study" if quick else "the study"
    return f"{text} In {kind} in {study.name}, {counts}; {rest} are not scored. Verdicts are of that study's own experiments, not of this one."


def evidence_table(found: Sequence[Bearing], *, judged: bool) -> Grid:
    """What was reported under which conditions, what it shares and, where a study judged it, the verdict."""
    rows = tuple(
        Row((
            joined([Span(b.finding.id, "strong"), Span(b.source, "quiet")]),
            joined([b.finding.says, Span(f"in contradiction to {', '.join(b.finding.contradicts)}", "quiet") if b.finding.contradicts else ""]),
            _conditions(b.finding), micro(relation(b.finding.relation)),
            ", ".join((*b.shares, *(["line"] if b.same_line else []))), *([_verdict(b)] if judged else []),
        ))
        for b in found
    )  # fmt: skip
    columns = ("finding", "what was seen", "conditions", "reported", "shares", *(["study's verdict"] if judged else []))
    widths = (1.3, 3, 2.4, 1.4, 1.2, *([1.7] if judged else []))
    return Grid(columns, rows, widths, label="Evidence that bears on this experiment")


def _conditions(finding: Finding) -> str:
    words = " + ".join(micro(say(perturbation(text))) for text in finding.condition) or "untreated"
    return f"{', '.join(finding.lines)}: {words}"


def _verdict(b: Bearing) -> Inline:
    if not b.scored:
        return Span("not scored", "quiet")
    lines: list[Inline] = []
    for row in b.scored:
        word = str(row["verdict"])
        lines.append((Span(word, WORDS[word]) if word in WORDS else Span(word, "quiet"), f" ({row['role']})"))
        if row.get("predicted"):
            lines.append(predicted(row))
    return joined(lines)
