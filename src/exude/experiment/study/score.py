"""From answers to verdicts, by the rules that stand in the evidence files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from exude.catalog import read
from exude.catalog.schema import Finding, Relation
from exude.experiment.parse import perturbation
from exude.experiment.perturbations import say
from exude.experiment.study.ensemble import RIVALS
from exude.experiment.study.questions import Question

DIRECTION_SHARE = 0.975
"""Share of parameter draws that must show a direction; the rule stands in the evidence files."""

FITTED_BY_RIVALS = ("M1",)
"""Fitted findings that are shown again under a rival; its recruitment follows from the mechanism."""

ROLES = {"fit": "fit", "hold-out": "predicted"}


def row(question: Question, point: float, draws: Sequence[float], weak: float | None) -> dict[str, Any]:
    """One row of `scores.json`."""
    _, finding = read.findings()[question.finding]
    spread = np.array([d for d in draws if math.isfinite(d)])
    low, high = np.quantile(spread, [0.025, 0.975]) if spread.size else (math.nan, math.nan)
    verdict, why = judge(question, finding, point, draws)
    made: dict[str, Any] = {
        "id": finding.statement,
        "finding": finding.id,
        "says": finding.says,
        "assay": finding.assay,
        "conditions": conditions(finding),
        "reported": reported(finding.relation),
        "predicted": {"value": _plain(point), "low": _plain(low), "high": _plain(high), "unit": question.unit},
        "role": role(question, finding),
        "verdict": verdict,
        "why": why + _weak(weak, verdict),
    }
    if question.hypothesis:
        made["hypothesis"] = question.hypothesis
    if weak is not None:
        made["weak"] = round(weak, 3)
    return made


def role(question: Question, finding: Finding) -> str:
    """Whether the row was fitted: rivals of the calcium mechanism were fitted to all but recruitment."""
    if not question.hypothesis:
        return ROLES[finding.role]
    return "fit" if question.hypothesis in RIVALS and finding.id in FITTED_BY_RIVALS else "predicted"


def judge(question: Question, finding: Finding, point: float, draws: Sequence[float]) -> tuple[str, str]:
    """Verdict and its reason."""
    if not question.scored:
        return "not scored", finding.rule
    if not math.isfinite(point):
        return "disagrees", "the quantity is undefined: nothing was released in its reference"
    relation = finding.relation
    if relation.kind in ("direction", "relation"):
        return _direction(relation, question.null, draws)
    if relation.kind == "absence":
        below = float(relation.below or 0)
        share = float(np.mean([d < below for d in draws])) if draws else math.nan
        text = f"{point:.0%} of the wild type's effect is left (limit {below:.0%}); so in {share:.0%} of draws"
        return _word(point < below), text
    share = float(np.mean([relation.contains(d) for d in draws])) if draws else math.nan
    return _word(relation.contains(point)), f"{point:.3g} against {_range(relation)}; so in {share:.0%} of draws"


def passes(question: Question, value: float) -> bool:
    """Whether one parameter set alone shows the finding."""
    relation = read.findings()[question.finding][1].relation
    if not math.isfinite(value):
        return False
    if relation.kind in ("direction", "relation"):
        return value > question.null if relation.direction == "up" else value < question.null
    if relation.kind == "absence":
        return value < float(relation.below or 0)
    return relation.contains(value)


def conditions(finding: Finding) -> str:
    """Lines and conditions against reference, in bench words."""

    def words(texts: Sequence[str]) -> str:
        return " + ".join(say(perturbation(text)) for text in texts) or "untreated"

    lines = ", ".join(finding.lines)
    against = (
        f" against {words(finding.reference_condition)}" if finding.condition or finding.reference_condition else ""
    )
    return f"{lines}: {words(finding.condition)}{against}"


def reported(relation: Relation) -> dict[str, Any]:
    """What the source claims, as numbers or a word."""
    claim: dict[str, Any] = {"kind": relation.kind}
    for name in ("value", "low", "high", "unit", "direction", "below", "error_from"):
        value = getattr(relation, name)
        if value not in (None, ""):
            claim[name] = value
    return claim


def _direction(relation: Relation, null: float, draws: Sequence[float]) -> tuple[str, str]:
    up = relation.direction == "up"
    right = float(np.mean([(d > null) if up else (d < null) for d in draws])) if draws else 0.0
    return _word(
        right >= DIRECTION_SHARE
    ), f"{right:.1%} of draws go {relation.direction} (limit {DIRECTION_SHARE:.1%})"


def _range(relation: Relation) -> str:
    if relation.low is None or relation.high is None:
        return f"at least {relation.low:g}" if relation.low is not None else f"at most {relation.high:g}"
    return f"{relation.low:g} to {relation.high:g}"


def _weak(weak: float | None, verdict: str) -> str:
    if weak is None or verdict != "agrees" or weak < WEAK_SHARE:
        return ""
    return f"; weak: {weak:.0%} of random parameter sets pass as well"


WEAK_SHARE = 0.8
"""From this share of random parameter sets on, a row that agrees is called weak."""


def _word(agrees: bool) -> str:
    return "agrees" if agrees else "disagrees"


def _plain(value: float) -> float | None:
    return float(f"{value:.6g}") if math.isfinite(value) else None
