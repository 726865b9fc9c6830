"""Statistical comparison of two simulators with one false-alarm rate for the whole suite.

Every comparison is one number: z of two means, or of two log variances, or of two covariances, with standard errors
from the samples. A suite that makes at most COMPARISONS of them raises a false alarm with probability FALSE_ALARM
(Bonferroni); `assert_same` counts them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

FALSE_ALARM = 1e-3
COMPARISONS = 4000
LIMIT = float(-ndtri(FALSE_ALARM / (2 * COMPARISONS)))
"""Largest |z| that passes: about 5.2."""

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
    """Means and variances of every observable, covariances of the named pairs; constant observables are left out."""
    if set(first) != set(second) or not first:
        raise AssertionError(f"observables differ or are none: {set(first) ^ set(second)}")
    found = []
    for name in first:
        a, b = np.asarray(first[name], float), np.asarray(second[name], float)
        if a.std() == 0 and b.std() == 0:
            assert a[0] == b[0], f"{name}: always {a[0]} against always {b[0]}"
            continue
        found += [_mean(f"mean of {name}", a, b), _variance(f"variance of {name}", a, b)]
    for one, other in pairs:
        a, b = (_products(s[one], s[other]) for s in (first, second))
        found.append(_mean(f"covariance of {one} and {other}", a, b))
    return found


def assert_same(first: Sample, second: Sample, pairs: tuple[tuple[str, str], ...] = ()) -> list[Difference]:
    """Fail where two simulators differ in law, and say in what."""
    global made
    found = differences(first, second, pairs)
    made += len(found)
    assert made <= COMPARISONS, f"{made} comparisons; the limit on |z| was set for {COMPARISONS}: raise it"
    wrong = sorted((d for d in found if not abs(d.z) <= LIMIT), key=lambda d: -abs(d.z))
    assert not wrong, f"{len(wrong)} of {len(found)} differ by |z| > {LIMIT:.2f}:\n" + "\n".join(map(str, wrong[:12]))
    return found


def assert_told_apart(first: Sample, second: Sample, pairs: tuple[tuple[str, str], ...] = ()) -> float:
    """Fail where the comparison does NOT see a difference: for planted faults. Returns the largest |z|."""
    found = differences(first, second, pairs)
    worst = max(found, key=lambda d: abs(d.z))
    assert abs(worst.z) > LIMIT, f"a planted fault stayed unseen; largest: {worst}"
    return abs(worst.z)


def _mean(what: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Difference:
    error = np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b))
    return Difference(what, float(a.mean()), float(b.mean()), float((a.mean() - b.mean()) / error))


def _variance(what: str, a: NDArray[np.float64], b: NDArray[np.float64]) -> Difference:
    """Log variances: their sampling distribution is closer to normal than that of variances."""
    va, vb = a.var(ddof=1), b.var(ddof=1)
    if min(va, vb) == 0:
        return Difference(what, float(va), float(vb), float("inf"))
    error = np.sqrt(_log_variance_error(a) + _log_variance_error(b))
    return Difference(what, float(va), float(vb), float((np.log(va) - np.log(vb)) / error))


def _log_variance_error(x: NDArray[np.float64]) -> float:
    centred = x - x.mean()
    return float((np.mean(centred**4) / np.mean(centred**2) ** 2 - 1) / len(x))


def _products(x: NDArray[np.float64], y: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((x - np.mean(x)) * (y - np.mean(y)), float)
