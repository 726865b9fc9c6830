"""Statistical comparison of two simulators with one false-alarm rate for the whole suite.

Every comparison of two samples is one z of scores of the pooled ranks, whose law under "the same law" needs no shape:
location (Wilcoxon), spread (Mood), dependence of two observables (products of ranks), and a chi-square over classes of
pooled quantiles. Scores are bounded, so that z is near normal far into the tail; z of means and variances is not, where
a few cells meet skewed sums. The whole suite, the table of `proof` included, declares COMPARISONS tests in advance;
each is held to FALSE_ALARM / COMPARISONS, so that a suite of right programs fails with a probability of at most
FALSE_ALARM (Bonferroni). `assert_same` counts those made outside the table.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import ndtri

FALSE_ALARM = 1e-3
COMPARISONS = 20_000
ELSEWHERE = 4000
"""Of these, those that `assert_same` may make outside the table of `proof`."""
LEAST = FALSE_ALARM / COMPARISONS
"""Smallest p that passes: 5e-8."""
LIMIT = float(-ndtri(LEAST / 2))
"""Largest |z| that passes: about 5.5."""
FEWEST = 50.0
"""Items expected in the smaller sample, below which a count's z is not near normal and is left out."""

EXPECTED = 12.0
"""Values of the smaller sample expected in each class of a chi-square test."""
MOST_CLASSES = 12

Sample = Mapping[str, NDArray[np.float64]]
"""Observable -> one value per cell."""

made = 0
"""Comparisons made so far in this process; those that look for a planted fault do not count."""


@dataclass(frozen=True)
class Difference:
    """One comparison."""

    what: str
    first: float
    second: float
    z: float

    def __str__(self) -> str:
        return f"{self.what}: {self.first:.6g} against {self.second:.6g}, z = {self.z:+.2f}"


def differences(first: Sample, second: Sample, pairs: tuple[tuple[str, str], ...] = ()) -> list[Difference]:
    """Location, spread and distribution of every observable, dependence of named pairs; constant, rare ones left out."""
    if set(first) != set(second) or not first:
        raise AssertionError(f"observables differ or are none: {set(first) ^ set(second)}")
    found: list[Difference] = []
    ranks: dict[str, NDArray[np.float64]] = {}
    for name in first:
        a, b = (np.asarray(sample[name], float) for sample in (first, second))
        both = np.concatenate([a, b])
        if both.std() == 0:
            continue
        assert a.std() > 0 or b.std() > 0, f"{name}: always {a[0]} against always {b[0]}"
        ranks[name] = stats.rankdata(both) / (len(both) + 1) - 0.5
        if _rare(a, b):
            continue
        means = (float(a.mean()), float(b.mean()))
        found.append(Difference(f"location of {name}", *means, _score(ranks[name], len(a))))
        found.append(Difference(f"spread of {name}", float(a.std()), float(b.std()), _score(ranks[name] ** 2, len(a))))
        found.append(Difference(f"distribution of {name}", *means, _classes(both, len(a))))
    for one, other in pairs:
        if one not in ranks or other not in ranks:
            continue
        products = ranks[one] * ranks[other]
        n = len(first[one])
        means = (float(products[:n].mean()), float(products[n:].mean()))
        found.append(Difference(f"dependence of {one} and {other}", *means, _score(products, n)))
    return found


def _rare(a: NDArray[np.float64], b: NDArray[np.float64]) -> bool:
    """Whether an observable counts so little that the smaller sample would hold next to nothing of it."""
    return bool((np.abs(a).sum() + np.abs(b).sum()) / (len(a) + len(b)) * min(len(a), len(b)) < FEWEST)


def _score(scores: NDArray[np.float64], n: int) -> float:
    """z of the mean score of the first n, over all ways to choose n of them."""
    every, spread = len(scores), scores.var(ddof=1)
    if spread == 0:
        return 0.0
    return float((scores[:n].mean() - scores.mean()) / np.sqrt(spread * (1 / n - 1 / every)))


def _classes(both: NDArray[np.float64], n: int) -> float:
    """Chi-square of two samples over classes between pooled quantiles, as the z of the same p; 0 for a single class."""
    fewer = min(n, len(both) - n)
    classes = int(min(MOST_CLASSES, fewer // EXPECTED))
    edges = np.unique(np.quantile(both, np.arange(1, classes) / classes)) if classes > 1 else np.zeros(0)
    place = np.searchsorted(edges, both, side="right")
    seen = np.array([np.bincount(part, minlength=len(edges) + 1) for part in (place[:n], place[n:])], float)
    seen = seen[:, seen.sum(axis=0) * fewer / len(both) >= EXPECTED]
    if seen.shape[1] < 2 or (seen.sum(axis=1) == 0).any():
        return 0.0
    p = float(stats.chi2_contingency(seen, correction=False).pvalue)
    return float(-ndtri(p / 2)) if p > 0 else float("inf")


def assert_same(first: Sample, second: Sample, pairs: tuple[tuple[str, str], ...] = ()) -> list[Difference]:
    """Fail where two simulators differ in law, and say in what."""
    global made
    found = differences(first, second, pairs)
    made += len(found)
    assert made <= ELSEWHERE, f"{made} comparisons; {ELSEWHERE} were declared for outside the table: raise that number"
    wrong = sorted((d for d in found if not abs(d.z) <= LIMIT), key=lambda d: -abs(d.z))
    assert not wrong, f"{len(wrong)} of {len(found)} differ by |z| > {LIMIT:.2f}:\n" + "\n".join(map(str, wrong[:12]))
    return found


def assert_told_apart(first: Sample, second: Sample, pairs: tuple[tuple[str, str], ...] = ()) -> float:
    """Fail where the comparison does NOT see a difference: for planted faults. Returns the largest |z|."""
    found = differences(first, second, pairs)
    worst = max(found, key=lambda d: abs(d.z))
    assert abs(worst.z) > LIMIT, f"a planted fault stayed unseen; largest: {worst}"
    return abs(worst.z)
