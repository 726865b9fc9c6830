"""What panels of the study are made of: bars and lines with intervals over parameter draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import numpy as np

from exude.catalog import read
from exude.experiment.panels import Array, Bars, Series
from exude.experiment.study.questions import Outcome


def bar_panel(
    point: Outcome, draws: Sequence[Outcome], dishes: Mapping[str, Callable[[Outcome], float]], **text: str
) -> Bars:
    """One bar per label; interval and points from the draws."""
    values = [get(point) for get in dishes.values()]
    points = [known_of(get, draws) for get in dishes.values()]
    low, high = zip(
        *(np.quantile(p, [0.025, 0.975]) if p else (v, v) for p, v in zip(points, values, strict=True)), strict=True
    )
    return Bars(
        labels=tuple(dishes), values=tuple(values), low=tuple(map(float, low)), high=tuple(map(float, high)),
        points=tuple(tuple(p) for p in points), title=text["title"], ylabel=text["ylabel"], note=text.get("note", ""),
    )  # fmt: skip


def known_of(get: Callable[[Outcome], float], draws: Sequence[Outcome]) -> list[float]:
    """What draws say, those for which the dish was not run left out."""
    found = []
    for draw in draws:
        with suppress(KeyError):
            found.append(get(draw))
    return found


def read_of(dish: str, name: str) -> Callable[[Outcome], float]:
    """What a dish reads, as a function of an outcome."""
    return lambda o: o.reads[dish][name]


def range_of(finding: str) -> tuple[float, float]:
    """The range that a finding reports."""
    r = read.findings()[finding][1].relation
    return float(r.low or 0), float(r.high or 0)


def with_band(bars: Bars, band: tuple[float, float], label: str) -> Bars:
    """Bars with a reported or tolerated range behind them."""
    return Bars(**{**bars.__dict__, "band": band, "band_label": label})


def share_of(dish: str, name: str, reference: str) -> Callable[[Outcome], float]:
    """A dish over its reference, within one parameter set."""
    return lambda o: o.reads[dish][name] / o.reads[reference][name] if o.reads[reference][name] else float("nan")


def banded_series(
    label: str,
    x: Array,
    get: Callable[[Outcome], Array],
    point: Outcome,
    draws: Sequence[Outcome],
    control: bool = False,
) -> Series:
    """A line at the point, with its 95 % band over draws."""
    drawn = np.array([get(d) for d in draws]) if draws else np.array([get(point)])
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Series(label, x, get(point), low, high, control)


def say_n(point: Outcome, draws: Sequence[Outcome], dish: str, name: str, of_what: str) -> str:
    """Sample sizes in words: 'n = 480 recipients a dish, 240 in each of 8 parameter draws'."""
    drawn = known_of(read_of(dish, name), draws)
    told = f", {drawn[0]:g} in each of {len(drawn)} parameter draws" if drawn else ""
    return f"n = {point.reads[dish][name]:g} {of_what}{told}"


def with_interval(get: Callable[[Outcome], float], point: Outcome, draws: Sequence[Outcome]) -> tuple[str, str, str]:
    """A number at the point, and the ends of its 95 % interval over draws, with two figures each."""
    value = get(point)
    low, high = np.quantile(known_of(get, draws) or [value], [0.025, 0.975])
    return _two(value), _two(low), _two(high)


def _two(number: float) -> str:
    return f"{float(f'{number:.2g}'):,g}"
