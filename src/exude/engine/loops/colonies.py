"""Colonies that grow each from its own time of birth."""

import math

import numpy as np


@leaf
def cells_of(age, rate, most):
    """Cells of a colony that began with one: e^(k t), or with an end M the quarter-power logistic.

    dN/dt = k N (1 - (N/M)^(1/4)) gives N = M / (1 + (M^(1/4) - 1) e^(-k t / 4))^4.
    """
    if most == math.inf:
        return exp(rate * age)
    slow = 1.0 + (math.sqrt(math.sqrt(most)) - 1.0) * exp(-0.25 * rate * age)
    return most / ((slow * slow) * (slow * slow))


@kernel
def follow(first, last, births, times, growth, rngs, groups, out):
    """Number, those seen, cells and the largest of the colonies of bodies first..last-1; out (4, body, time)."""
    rates, mosts, seens = growth
    number, seen, cells, largest = out
    for b in range(first, last):
        rng = rngs[b]
        for n in range(times.shape[0] - 1):
            born = births[b, n]
            parts = np.int64(min(born, groups))
            for part in range(parts):
                rng, u = uniform(rng)
                share = (part + u) / parts if born > groups else u
                at, weight = times[n] + share * (times[n + 1] - times[n]), born / parts
                for later in range(n + 1, times.shape[0]):
                    size = cells_of(times[later] - at, rates[b], mosts[b])
                    number[b, later] += weight
                    seen[b, later] += weight if size >= seens[b] else 0.0
                    cells[b, later] += weight * size
                    largest[b, later] = max(largest[b, later], size)
