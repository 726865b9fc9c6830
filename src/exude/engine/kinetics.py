"""Drugs in bodies: where it is given, centre, periphery; linear, so exact between doses."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from exude.engine.layout import Floats
from exude.errors import DataError, refuse

DEPOT, CENTRE, PERIPHERY = range(3)
SHORT = 0.5
"""Passages per molecule in the step whose series is summed; longer ones are squared from it."""
TERMS = 18
"""0.5^18 / 18! is below rounding."""


class Kinetics(NamedTuple):
    """Rates of one drug in bodies, each (body,), 1/s; outward and inward of 0 make one compartment of it."""

    absorption: Floats
    elimination: Floats
    outward: Floats
    inward: Floats


class Doses(NamedTuple):
    """What is given, in rising order of time."""

    times: Floats  # (dose,) s
    amounts: Floats  # (body, dose)
    into: int  # DEPOT or CENTRE


def follow(kinetics: Kinetics, doses: Doses, times: Floats) -> Floats:
    """Amounts in depot, centre and periphery at rising `times` (s), (body, time, 3); a dose counts from its own time on.

    d depot = -absorption depot; d centre = absorption depot - (elimination + outward) centre + inward periphery;
    d periphery = outward centre - inward periphery. x(t + h) = exp(A h) x(t), exact to rounding. Raises DataError for a
    rate or dose that is negative or no number, and times that fall.
    """
    for name, values in {**kinetics._asdict(), "dose": doses.amounts}.items():
        if not np.all((np.asarray(values) >= 0) & np.isfinite(values)):
            raise refuse(DataError, f"{name} {np.min(values):g}", f"finite numbers >= 0 for {name}", "Mend it.")
    if np.any(np.diff(times) < 0) or np.any(np.diff(doses.times) < 0):
        raise refuse(DataError, "times that fall", "rising times", "Sort them.")
    bodies = len(doses.amounts)
    out, now = np.zeros((bodies, len(times), 3)), np.zeros((bodies, 3))
    known: dict[float, Floats] = {}
    at, given = min((*times[:1], *doses.times[:1]), default=0.0), 0
    for n, t in enumerate(times):
        while given < len(doses.times) and doses.times[given] <= t:
            now = _later(now, kinetics, float(doses.times[given] - at), known)
            now[:, doses.into] += doses.amounts[:, given]
            at, given = doses.times[given], given + 1
        now = _later(now, kinetics, float(t - at), known)
        out[:, n], at = now, t
    return out


def _later(now: Floats, kinetics: Kinetics, span: float, known: dict[float, Floats]) -> Floats:
    """Amounts a span later."""
    if span <= 0:
        return now.copy()
    if span not in known:
        known[span] = propagator(kinetics, span)
    return _times(known[span], now[:, :, np.newaxis])[:, :, 0]


def propagator(kinetics: Kinetics, span: float) -> Floats:
    """exp(A span), (body, 3, 3), from sums of numbers >= 0 only (uniformisation), then squared."""
    absorption, elimination, outward, inward = (np.asarray(rate, dtype=np.float64) for rate in kinetics)
    leaving = np.stack(np.broadcast_arrays(absorption, elimination + outward, inward), axis=-1)
    fastest = max(float(leaving.max()), np.finfo(float).tiny)
    doublings = max(0, int(np.ceil(np.log2(fastest * span / SHORT))))
    a = fastest * (span / 2.0**doublings)
    jump = np.zeros((*leaving.shape, 3))
    for i in range(3):
        jump[:, i, i] = (fastest - leaving[:, i]) / fastest
    jump[:, CENTRE, DEPOT] = absorption / fastest
    jump[:, PERIPHERY, CENTRE] = outward / fastest
    jump[:, CENTRE, PERIPHERY] = inward / fastest
    found = np.zeros_like(jump)
    for k in range(TERMS, 0, -1):  # Horner: 1 + a S (1 + a S / 2 (1 + ...))
        found = _times(jump, found + np.eye(3)) * (a / k)
    found = (found + np.eye(3)) * _exp(-a)
    for _ in range(doublings):
        found = _times(found, found)
    return found


def _exp(x: float) -> float:
    """e^x of a small x, the same bits on any machine."""
    total = 1.0
    for k in range(TERMS, 0, -1):
        total = 1.0 + total * x / k
    return total


def _times(a: Floats, b: Floats) -> Floats:
    """Products of small matrices, in one fixed order of sums."""
    return np.asarray(sum(a[:, :, k, np.newaxis] * b[:, np.newaxis, k, :] for k in range(a.shape[2])))
