"""Colonies at a second site, each growing from its own time of birth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from exude.engine import build, streams
from exude.engine.layout import Floats, Ints
from exude.errors import DataError, refuse

GROUPS = 64
"""Colonies born in one interval that have a time of birth each; more are so many groups with one time each."""


class Growth(NamedTuple):
    """How colonies of each body grow, (body,)."""

    rate: Floats  # 1/s
    most: Floats  # cells at which growth ends; infinite for exponential growth
    seen: Floats  # cells from which a colony is seen


class Colonies(NamedTuple):
    """Colonies of each body at each time, (body, time)."""

    number: Floats
    seen: Floats
    cells: Floats  # of all together
    largest: Floats  # cells


def follow(births: Floats, times: Floats, growth: Growth, *, numbers: Ints | None = None, seed: int = 1) -> Colonies:
    """Colonies that were born in each interval of `times` (s), births (body, interval) in whole numbers.

    A colony begins with one cell, at a time drawn evenly in its interval, and grows as exp(k t), or where `most` is
    finite by the quarter-power logistic dN/dt = k N (1 - (N/most)^(1/4)). numbers: (body,) the number of each body,
    which with the seed names its random numbers. Raises DataError for births that are negative or no whole numbers,
    and for growth that is negative or not a number.

    Valid when: intervals are short beside 1/k; colonies are alike, feel nothing of each other and send out nothing.
    """
    born = np.ascontiguousarray(births, dtype=np.float64)
    if born.ndim != 2 or born.shape[1] != len(times) - 1 or not np.all((born >= 0) & (born == np.floor(born))):
        expected = f"whole numbers >= 0, {len(times) - 1} for each body"
        raise refuse(DataError, f"births of the shape {born.shape}", expected, "Give what arrived in each interval.")
    rows = [np.broadcast_to(np.asarray(row, dtype=np.float64), len(born)).copy() for row in growth]
    if any(np.any(~(row >= 0)) for row in rows) or np.any(rows[1] < 1):
        raise refuse(DataError, growth, "growth >= 0 that ends at one cell or more", "Mend the numbers of growth.")
    ids = np.arange(len(born)) if numbers is None else np.asarray(numbers, dtype=np.int64)
    out = np.zeros((4, len(born), len(times)))
    rngs = streams.stretches(seed, streams.Purpose.COLONY, ids)
    build.plain("colonies").follow(0, len(born), born, np.asarray(times), tuple(rows), rngs, GROUPS, out)
    return Colonies(*out)
