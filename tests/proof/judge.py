"""From samples and laws to p-values: every test of the proof is one of these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from compare import Difference

Floats = NDArray[np.float64]
EXPECTED = 12.0
"""Expected cases in each class of a chi-square test, from which on its law holds in the far tail."""
FEWEST = 300.0
"""Expected items in all cells together, below which a count is not judged: its z would not be normal."""


@dataclass(frozen=True)
class Check:
    """One test of one observable."""

    what: str
    p: float


def from_z(what: str, z: float) -> Check:
    """Two-sided."""
    return Check(what, float(2 * stats.norm.sf(abs(z))) if np.isfinite(z) else 0.0)


def from_difference(found: Difference) -> Check:
    return from_z(str(found), found.z)


def exactly(what: str, right: bool) -> Check:
    """Something that is so or not: no chance in it."""
    return Check(what, 1.0 if right else 0.0)


def mean(what: str, sample: Floats, expected: float, variance: float) -> Check:
    """The mean of a sample against the law's, with the law's own variance."""
    return from_z(f"mean of {what}", (sample.mean() - expected) / np.sqrt(variance / len(sample)))


def sample_mean(what: str, sample: Floats, expected: float) -> Iterator[Check]:
    """The mean of a sample against the law's, with the sample's variance; rare counts are left out."""
    if max(expected, float(sample.mean())) * len(sample) < FEWEST:
        return
    spread = sample.std(ddof=1)
    z = (sample.mean() - expected) / (spread / np.sqrt(len(sample))) if spread > 0 else np.inf
    yield from_z(f"mean of {what}", float(z))


def variance(what: str, sample: Floats, expected: float, fourth: float) -> Check:
    """The variance of a sample against the law's, with the law's own fourth central moment."""
    error = np.sqrt((fourth - expected**2) / len(sample))
    return from_z(f"variance of {what}", (sample.var(ddof=1) - expected) / error)


def poisson_moments(what: str, sample: Floats, expected: float) -> Iterator[Check]:
    """Mean and variance of a Poisson number."""
    if expected * len(sample) >= FEWEST:
        yield mean(what, sample, expected, expected)
        yield variance(what, sample, expected, expected + 3 * expected**2)


def uncorrelated(samples: dict[str, Floats]) -> Iterator[Check]:
    """That every two of several quantities of one cell have no covariance."""
    for a, b in combinations(samples, 2):
        yield uncorrelated_pair(f"{a} with {b}", samples[a], samples[b])


def uncorrelated_pair(what: str, a: Floats, b: Floats) -> Check:
    """That two columns are not correlated."""
    if a.std() == 0 or b.std() == 0:
        return Check(what, 1.0)
    return from_z(f"correlation of {what}", float(np.corrcoef(a, b)[0, 1] * np.sqrt(len(a))))


def distribution(what: str, sample: Floats, probabilities: Floats) -> Iterator[Check]:
    """Chi-square of whole numbers against their probabilities at 0, 1, ...; what is left is the last class."""
    if sample.min() < 0:
        yield exactly(f"{what} is negative", False)
        return
    top = len(probabilities)
    seen = np.bincount(np.minimum(sample, top).astype(int), minlength=top + 1).astype(float)
    expected = len(sample) * np.append(probabilities, max(0.0, 1.0 - probabilities.sum()))
    yield from classes(what, seen, expected, total_is_given=True)


def classes(what: str, seen: Floats, expected: Floats, *, total_is_given: bool) -> Iterator[Check]:
    """Chi-square over classes, neighbours joined until each is expected `EXPECTED` times.

    Where the total is free, the classes are independent Poisson numbers.
    """
    s, e = _joined(seen, expected)
    freedom = len(e) - int(total_is_given)
    if freedom > 0:
        yield Check(f"distribution of {what}", float(stats.chi2.sf(((s - e) ** 2 / e).sum(), freedom)))


def _joined(seen: Floats, expected: Floats) -> tuple[Floats, Floats]:
    sums: list[list[float]] = []
    s = e = 0.0
    for a, b in zip(seen, expected, strict=True):
        s, e = s + a, e + b
        if e >= EXPECTED:
            sums.append([s, e])
            s = e = 0.0
    if sums:
        sums[-1][0] += s
        sums[-1][1] += e
    joined = np.array(sums).reshape(-1, 2)
    return joined[:, 0], joined[:, 1]


def uniform(what: str, u: Floats) -> Iterator[Check]:
    """Kolmogorov-Smirnov of what must be uniform in (0, 1): event times put through their own distribution."""
    if len(u) >= FEWEST / 3:
        yield Check(f"times of {what}", float(stats.kstest(np.clip(u, 0.0, 1.0), "uniform").pvalue))


def poisson(mean_: float) -> Floats:
    """Probabilities of a Poisson number, up to where nothing is left."""
    return np.asarray(stats.poisson.pmf(np.arange(int(mean_ + 12 * np.sqrt(mean_) + 20)), mean_))
