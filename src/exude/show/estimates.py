"""Numbers with their intervals, and differences of two with theirs; each table says which interval it shows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from exude.show.blocks import Grid, Row, Span
from exude.show.words import said

Array = NDArray[np.float64]
SHARE = 0.95
TAILS = ((1 - SHARE) / 2, (1 + SHARE) / 2)
FEWEST = 20
"""Values below which the ends of their middle 95 % say nothing."""
NONE = "–"


class Interval(NamedTuple):
    """A value and the ends of its interval; NaN where there is none."""

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def ends(self) -> str:
        """'low to high'."""
        return f"{said(self.low)} to {said(self.high)}" if math.isfinite(self.low + self.high) else NONE


@dataclass(frozen=True)
class Measure:
    """One quantity read of `n` cells, dishes or members.

    error: standard error of the mean. spread: where 95 % of them lie. values: one per cell (dish, member), in their
    order; a ratio's are linearised. alike: two measures with the same word are of the same cells, drawn with the same
    levels, so that their differences are taken cell by cell.
    """

    what: str
    unit: str
    mean: float
    error: float
    n: int
    when: str = ""
    spread: tuple[float, float] | None = None
    values: Array | None = None
    alike: str = ""
    least: float = 0.0
    """What it cannot be below: ends of its interval are cut there."""
    relative: bool = True
    """Whether a fold of it means something; of a logarithm it does not."""

    @property
    def name(self) -> tuple[str, str, str]:
        """What makes it comparable."""
        return (self.what, self.when, self.unit)

    @property
    def interval(self) -> Interval:
        """95 % interval of the mean: mean +- t s / sqrt(n), Student's t of n - 1. Valid when: n is not small or values nearly normal."""
        if self.n < 2 or not math.isfinite(self.error):
            return Interval(self.mean)
        half = float(stats.t.ppf(TAILS[1], self.n - 1)) * self.error
        return Interval(self.mean, max(self.least, self.mean - half), self.mean + half)


def measure(what: str, unit: str, values: Any, *, when: str = "", alike: str = "", spread: Any = True) -> Measure:
    """A measure of values, one per cell; spread: False for a ratio, whose single values mean nothing, or values of its own."""
    each = np.asarray(values, float)
    each = each[np.isfinite(each)]
    if not len(each):
        return Measure(what, unit, math.nan, math.nan, 0, when)
    error = float(each.std(ddof=1) / math.sqrt(len(each))) if len(each) > 1 else math.nan
    shown = each if spread is True else None if spread is False else np.asarray(spread, float)
    ends = (
        None
        if shown is None or len(shown) < FEWEST
        else (float(np.quantile(shown, TAILS[0])), float(np.quantile(shown, TAILS[1])))
    )
    return Measure(what, unit, float(each.mean()), error, len(each), when, ends, np.asarray(values, float), alike)


def share_of(what: str, hits: int, n: int) -> tuple[str, Interval]:
    """A share with Wilson's 95 % interval: (p + z^2/2n +- z sqrt(p (1 - p)/n + z^2/4n^2)) / (1 + z^2/n)."""
    z = float(stats.norm.ppf(TAILS[1]))
    p, grown = hits / n, 1 + z * z / n
    middle = (p + z * z / (2 * n)) / grown
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n)) / grown
    return what, Interval(p, max(0.0, middle - half), min(1.0, middle + half))


def difference(control: Measure, other: Measure) -> Interval:
    """Other less control with its 95 % interval: cell by cell where both are of the same cells, else Welch's."""
    gap = other.mean - control.mean
    if min(control.n, other.n) < 2:
        return Interval(gap)
    if (apart := _paired(control, other)) is not None:
        error, freedom = float(apart.std(ddof=1) / math.sqrt(len(apart))), float(len(apart) - 1)
    else:
        a, b = control.error**2, other.error**2
        error = math.sqrt(a + b)
        freedom = (a + b) ** 2 / (a**2 / (control.n - 1) + b**2 / (other.n - 1)) if a + b > 0 else 1.0
    half = float(stats.t.ppf(TAILS[1], freedom)) * error
    return Interval(gap, gap - half, gap + half)


def fold(control: Measure, other: Measure) -> Interval:
    """Other over control with a 95 % interval from the spread of its logarithm (delta method).

    var ln(b/a) = var(a)/a^2 + var(b)/b^2 - 2 cov(a, b)/(a b). Valid when: both means are some standard errors above 0.
    """
    a, b = control.mean, other.mean
    if not (control.relative and a > 0 and b > 0):
        return Interval(b / a if control.relative and a > 0 else math.nan)
    ratio = b / a
    if min(control.n, other.n) < 2:
        return Interval(ratio)
    if _paired(control, other) is not None and control.values is not None and other.values is not None:
        each = other.values / b - control.values / a
        error = float(each.std(ddof=1) / math.sqrt(len(each)))
    else:
        error = math.hypot(control.error / a, other.error / b)
    wide = math.exp(float(stats.t.ppf(TAILS[1], min(control.n, other.n) - 1)) * error)
    return Interval(ratio, ratio / wide, ratio * wide)


def _paired(control: Measure, other: Measure) -> Array | None:
    """Differences cell by cell; None where the cells are not the same."""
    if control.values is None or other.values is None or not control.alike or control.alike != other.alike:
        return None
    if len(control.values) != len(other.values) or not np.isfinite(control.values + other.values).all():
        return None
    return np.asarray(other.values - control.values)


def numbers_table(measures: Sequence[Measure], of: str, caption: str) -> Grid:
    """Measures of one condition; of: what was read ('cells')."""
    timed = any(m.when for m in measures)
    spread = any(m.spread for m in measures)
    rows = []
    for m in measures:
        ends = f"{said(m.spread[0])} to {said(m.spread[1])}" if m.spread else NONE
        rows.append(Row((
            m.what, *([m.when or "whole run"] if timed else []), Span(said(m.mean), "strong"), m.interval.ends,
            *([ends] if spread else []), m.unit,
        )))  # fmt: skip
    columns = ("quantity", *(["when"] if timed else []), "mean", "95 % of the mean",
               *([f"95 % of {of}"] if spread else []), "unit")  # fmt: skip
    widths = (2.6, *([2.4] if timed else []), 1, 1.6, *([1.6] if spread else []), 2)
    return Grid(columns, tuple(rows), widths, caption)


def comparison_table(arms: Sequence[tuple[str, Sequence[Measure]]], caption: str) -> Grid:
    """The first condition against each other one: means, difference and fold with their 95 % intervals."""
    (control_name, control), *others = arms
    timed = any(m.when for m in control)
    rows = []
    for first in control:
        for label, measures in others:
            for m in measures:
                if m.name == first.name:
                    gap, times = difference(first, m), fold(first, m)
                    sure = math.isfinite(gap.low) and not gap.low <= 0 <= gap.high
                    rows.append(Row((
                        f"{m.what} ({m.unit})", *([m.when or "whole run"] if timed else []), label, said(first.mean), said(m.mean),
                        (Span(said(gap.value), "strong" if sure else "quiet"), f"\n{gap.ends}"), f"{said(times.value)}\n{times.ends}",
                    )))  # fmt: skip
    columns = ("quantity", *(["when"] if timed else []), "condition", control_name, "condition's mean", "difference (95 %)",
               "fold (95 %)")  # fmt: skip
    return Grid(columns, tuple(rows), (2.2, *([1.7] if timed else []), 2, 0.9, 1.1, 1.5, 1.4), caption)
