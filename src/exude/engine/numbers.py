"""Functions of arrays with the same bits on any machine: system libraries differ in the last bit, + - * / do not."""

from __future__ import annotations

import numpy as np

from exude.engine import build
from exude.engine.layout import Floats, Ints

MOST = 64
"""Largest Poisson number drawn; beyond it lies less than 1e-30 of one of mean 10."""


def normal(uniform: Floats) -> Floats:
    """Normal numbers below which a share `uniform` of all lie; any shape."""
    out = np.empty(uniform.size)
    build.plain("numbers").normals(np.ascontiguousarray(uniform).ravel(), out)
    return out.reshape(uniform.shape)


def exp(x: Floats) -> Floats:
    """e^x; any shape."""
    out = np.empty(x.size)
    build.plain("numbers").exponentials(np.ascontiguousarray(x).ravel(), out)
    return out.reshape(x.shape)


def log(x: Floats) -> Floats:
    """ln x; any shape."""
    out = np.empty(x.size)
    build.plain("numbers").logarithms(np.ascontiguousarray(x).ravel(), out)
    return out.reshape(x.shape)


def power(x: float, y: float) -> float:
    """x^y for x >= 0."""
    out = np.empty(1)
    build.plain("numbers").powers(np.array([x]), np.array([y]), out)
    return float(out[0])


def poisson(uniform: Floats, mean: Floats) -> Ints:
    """Poisson numbers by inversion, one uniform number each."""
    share = exp(-mean)
    left, count = uniform - share, np.zeros(len(mean), np.int64)
    for k in range(1, MOST):
        more = left > 0.0
        if not more.any():
            break
        count += more
        share = share * mean / k
        left = np.where(more, left - share, left)
    return count
