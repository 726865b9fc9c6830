"""Many bodies as compartments, followed over time: cells in whole numbers, exosomes and the like as amounts."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.derive.compartments import Compartments
from exude.engine import build, streams
from exude.engine.layout import Floats, Ints
from exude.errors import DataError, refuse

RELATIVE, ABSOLUTE = 1e-8, 1e-9
"""Error allowed per step of the equations."""
MOST_WHOLE = 2.0**53
"""Whole numbers are exact up to here."""
MIXED, COUNTED = 1, 2
"""How a stock moves by its equation: as an amount, or as the mean of a whole number whose gains and losses are kept."""
CHUNK = 8
"""Bodies that a thread takes at a time."""


class State(NamedTuple):
    """Where bodies stand, to go on from."""

    amounts: Floats  # (body, stock and items lost and gained)
    rng: NDArray[np.uint64]  # (body,)
    step: Floats  # (body,) s, what the equations would try next


@dataclass(frozen=True)
class Course:
    """What bodies hold at each time."""

    stocks: tuple[str, ...]
    times: Floats
    """(time,) s."""
    amounts: Floats
    """(body, time, stock); NaN after a body failed."""
    lost: Floats
    """(body, time): items of whole stocks that died or left so far."""
    gained: Floats
    """(body, time): items of whole stocks that came from outside or grew so far."""
    failed: Ints
    """(body,): the interval in which the equations of a body could not be followed, -1 for none."""
    state: State

    def of(self, stock: str) -> Floats:
        """(body, time) of one stock."""
        return np.asarray(self.amounts[:, :, self.stocks.index(stock)])


def run(
    known: Compartments,
    parameters: Floats,
    times: Floats,
    *,
    levels: Floats,
    inflow: Floats | None = None,
    numbers: Ints | None = None,
    seed: int = 1,
    longest: float = math.inf,
    expected: bool = False,
    threads: int = 1,
    begin: State | None = None,
) -> Course:
    """Follow bodies along `times` (s).

    parameters: (body, parameter), in the order of `known.parameters`. levels: (body, level), or (body, interval,
    level) where they change. inflow: what comes from outside in each interval, (body, interval, stock), whole numbers
    into whole stocks; it comes evenly over the interval. numbers: (body,) the number of each body, which with the seed
    names its random numbers. longest: steps in which whole and other stocks see each other, s. expected: whole stocks
    too by their equations, as means. begin: a `State` to go on from; the same bits as without the cut, where the cut is
    at one of the times.

    Exits of whole stocks compete exactly, however many an item makes in a step: the law of where it is in the end is
    exp(Q h), and for one that came in the step the mean of it over the step. Growth is Yule's law, before and after
    the exits by halves. Other stocks: Dormand and Prince 5(4), error held per step. Any number of threads and any
    grouping of bodies give the same bits.

    Raises DataError for arrays of a wrong shape, negative or not finite, for times that do not rise, and for parts of
    cells. A body that cannot be followed is marked in `failed`; the others are not touched.

    Valid when: rates change little in `longest` (rates that read whole stocks are taken at the step's start, those that
    read others at its middle); compartments are well mixed; items of a stock are alike.
    """
    at, count = _times(times, longest), len(parameters)
    values = _rows("parameters", parameters, (-1, len(known.parameters)))
    base = np.asarray(levels, dtype=np.float64)
    base = _rows("levels", base if base.ndim == 3 else base[:, np.newaxis], (count, -1, len(known.levels)))
    if base.shape[1] not in (1, len(at) - 1):
        raise refuse(DataError, f"levels of {base.shape[1]} intervals", f"1 or {len(at) - 1}", "Give one row for each.")
    whole = np.array(known.whole) & (not expected)
    coming = _inflow(inflow, (count, len(at) - 1, len(known.stocks)), whole)
    place = np.where(whole, np.cumsum(whole) - 1, -1)
    kernels = build.body(known)
    if begin is not None:
        state = _again(begin, (count, len(known.stocks) + 2))
    else:
        ids = np.arange(count) if numbers is None else np.asarray(numbers, dtype=np.int64)
        state = _fresh(known, values, base, place, streams.stretches(seed, streams.Purpose.BODY, ids), at[1] - at[0])
    amounts = np.full((count, len(at), len(known.stocks) + 2), np.nan)
    failed = np.full(count, -1)
    plan = (at, coming, place, _moving(known, whole), int(whole.sum()), float(longest), (RELATIVE, ABSOLUTE))

    def part(span: tuple[int, int]) -> None:
        kernels.run_bodies(*span, values, base, plan, tuple(state), amounts, failed)

    _in_chunks(part, count, threads)
    return Course(known.stocks, at, amounts[:, :, :-2], amounts[:, :, -2], amounts[:, :, -1], failed, state)


def beginning(known: Compartments, parameters: Floats, levels: Floats, *, seed: int, step: float) -> State:
    """Where one body stands at its beginning, for `run` to go on from; step: s, what the equations try first.

    parameters: (parameter,), levels: (level,), in the orders of `known`.
    """
    whole = np.array(known.whole)
    place = np.where(whole, np.cumsum(whole) - 1, -1)
    rng = streams.stretches(seed, streams.Purpose.BODY, np.zeros(1, np.int64))
    return _fresh(known, parameters[np.newaxis], levels[np.newaxis, np.newaxis], place, rng, step)


def _fresh(
    known: Compartments, values: Floats, base: Floats, place: Ints, rng: NDArray[np.uint64], step: float
) -> State:
    """Bodies with what they begin with."""
    count = len(values)
    state = State(np.zeros((count, len(known.stocks) + 2)), rng, np.full(count, step))
    build.body(known).begin_bodies(values, base, place, state.amounts)
    return state


def _in_chunks(part: Callable[[tuple[int, int]], None], count: int, threads: int) -> None:
    """Let threads take bodies a few at a time."""
    spans = list(pairwise([*range(0, count, CHUNK), count]))
    if threads == 1 or len(spans) < 2:
        for span in spans:
            part(span)
        return
    with ThreadPoolExecutor(min(threads, len(spans))) as pool:
        list(pool.map(part, spans))


def _moving(known: Compartments, whole: NDArray[np.bool_]) -> Ints:
    """How each stock moves by its equation, 0 where it does not; at the end whether any does."""
    kind = np.where(whole, 0, np.where(known.whole, COUNTED, MIXED))
    return np.append(kind, int(np.any(kind > 0))).astype(np.int64)


def _times(given: Floats, longest: float) -> Floats:
    times = np.ascontiguousarray(given, dtype=np.float64)
    if times.ndim != 1 or len(times) < 2 or not np.all(np.isfinite(times)) or not np.all(np.diff(times) > 0):
        raise refuse(DataError, times.ravel().tolist()[:5], "two or more rising times in s", "Sort them, drop doubles.")
    if not longest > 0:
        raise refuse(DataError, longest, "a longest step above 0 s", "Leave `longest` out for one step per interval.")
    return times


def _inflow(given: Floats | None, shape: tuple[int, ...], whole: NDArray[np.bool_]) -> Floats:
    """What comes from outside, nothing where none is given; whole numbers into whole stocks."""
    if given is None:
        return np.zeros(shape)
    coming = _rows("inflow", given, shape)
    cells = coming[:, :, whole]
    if np.any(cells != np.floor(cells)) or np.any(cells > MOST_WHOLE):
        raise refuse(DataError, "parts of cells in `inflow`", "whole numbers into whole stocks", "Draw them first.")
    return coming


def _again(begin: State, shape: tuple[int, int]) -> State:
    """A copy of a state, so that one can go on from it twice."""
    if begin.amounts.shape != shape:
        raise refuse(DataError, begin.amounts.shape, f"a state of the shape {shape}", "Go on with the bodies it is of.")
    return State(begin.amounts.copy(), begin.rng.copy(), begin.step.copy())


def _rows(what: str, given: Floats, shape: tuple[int, ...]) -> Floats:
    """An array of numbers >= 0 of a shape in which -1 is any length."""
    values = np.ascontiguousarray(given, dtype=np.float64)
    fits = values.ndim == len(shape) and all(n in (-1, m) for n, m in zip(shape, values.shape, strict=True))
    if not fits:
        raise refuse(DataError, f"{what} of the shape {values.shape}", f"the shape {shape}", "-1 is any length.")
    if not np.all((values >= 0) & np.isfinite(values)):
        raise refuse(DataError, f"{what} with a number below 0 or none", "finite numbers >= 0", f"Mend {what}.")
    return values
