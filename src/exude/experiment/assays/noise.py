"""Noise of instruments: draws and log densities."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import xarray as xr
from scipy import linalg, stats

from exude.engine.layout import Floats
from exude.errors import DataError, refuse

LOG_TURN = math.log(2 * math.pi)
"""Logarithm of 2 pi, from the normal density."""


@dataclass(frozen=True)
class Lognormal:
    """Multiplicative noise of mean 1.

    reading = max(expected, floor) * exp(s z - s^2 / 2), s^2 = ln(1 + cv^2), z standard normal.
    cv: coefficient of variation, one for all readings or labelled by their axes. floor: the reading below which the
    instrument shows its own background, in the unit of the reading.
    """

    cv: float | xr.DataArray
    floor: float

    def spread(self, like: xr.DataArray) -> xr.DataArray:
        """The coefficient of variation of each reading, on the axes of `like`."""
        wide = xr.ones_like(like, dtype=np.float64)
        cv = self.cv
        if isinstance(cv, xr.DataArray):
            cv = cv.sel({dim: like[dim] for dim in cv.dims})
        return (wide * cv).transpose(*like.dims)

    def draw(self, rng: np.random.Generator, expected: xr.DataArray) -> xr.DataArray:
        """One noisy reading of each expected value."""
        variance = np.log1p(self.spread(expected) ** 2)
        z = rng.standard_normal(expected.shape)
        lifted = expected.where(~(expected < self.floor), self.floor)
        return (lifted * np.exp(np.sqrt(variance) * z - variance / 2)).assign_attrs(expected.attrs)

    def log_density(self, seen: Floats, expected: Floats, cv: Floats, sampling: Floats) -> float:
        """Log density of readings (k,), given expected values (k,), their cv (k,) and sampling covariance (k, k).

        ln seen is normal with covariance diag(ln(1 + cv^2)) + sampling / (expected expected^T). NaN readings are
        skipped. Valid when: relative sampling errors are small beside 1.
        """
        there = ~np.isnan(seen)
        if np.isnan(expected[there]).any():
            raise refuse(
                DataError, "data where the run predicts nothing", "a prediction for each reading", "Drop those."
            )
        if (seen[there] < 0).any() or np.isinf(seen[there]).any():
            raise refuse(DataError, float(np.nanmin(seen)), "finite readings of 0 or more", "Subtract less background.")
        if (cv <= 0).any():
            raise refuse(DataError, float(cv.min()), "a coefficient of variation above 0", "Give the instrument noise.")
        log_seen = np.log(np.maximum(seen[there], self.floor))
        lifted = np.maximum(expected[there], self.floor)
        spread = np.diag(np.log1p(cv[there] ** 2)) + sampling[np.ix_(there, there)] / np.outer(lifted, lifted)
        centre = np.log(lifted) - np.diag(spread) / 2
        return normal_log_density(log_seen, centre, spread) - float(log_seen.sum())


def normal_log_density(seen: Floats, mean: Floats, spread: Floats) -> float:
    """Log density of a normal vector (k,) with covariance (k, k)."""
    root = linalg.cholesky(spread, lower=True)
    z = linalg.solve_triangular(root, seen - mean, lower=True)
    return float(-np.log(np.diag(root)).sum() - (z @ z + len(z) * LOG_TURN) / 2)


def covariance(each: Floats, cells: float) -> Floats:
    """Covariance of a culture's mean about the run's mean, (k, k), from the run's cells (cell, k).

    cov * (1 / cells + 1 / run cells): the culture has `cells` cells, and the run itself only a finite number.
    """
    if not cells > 0:
        raise refuse(DataError, cells, "a number of cells above 0 in each culture", "Correct `cells`, or leave it out.")
    if len(each) < 2:
        return np.zeros((each.shape[1], each.shape[1]))
    return np.atleast_2d(np.cov(each, rowvar=False)) * (1 / cells + 1 / len(each))


def count_log_probability(seen: int, mean: float, variance: float) -> float:
    """Log probability of a count that is negative binomial, or Poisson where the variance is not above the mean."""
    if variance <= mean:
        return float(stats.poisson.logpmf(seen, mean))
    return float(stats.nbinom.logpmf(seen, mean**2 / (variance - mean), mean / variance))
