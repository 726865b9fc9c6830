"""A pure function from results at several doses to a dose-response figure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from exude.catalog import read
from exude.engine.layout import Floats
from exude.errors import DataError, refuse
from exude.experiment.panels import Series
from exude.show.axes import Room, name_ends, series_colours
from exude.show.courses import Result, controls, course_of, in_window, made_by, rate_label, some, span_of, title_of
from exude.show.style import FAINT, INK, new_figure, settled, style, wrap
from exude.show.words import said, unit
from exude.units import quantity, say_seconds

Doses = Mapping[str, Result]
"""Results by the dose as text: {'0 uM': ..., '1 uM': ...}."""
Window = tuple[float, float]

WHOLE: Window = (0.0, math.inf)
PLATEAU = 0.05
"""Two highest doses whose values differ by no more than this share of the whole effect have reached the plateau."""
ZERO = 4.0
"""The place of dose 0: so many times below the lowest dose."""
ROOM = Room(width=225.0, height=150.0, size=7.0)


@dataclass(frozen=True)
class DoseResponse:
    """What was read at each dose, in the drug's unit, lowest first; half: half the 95 % interval (NaN: none)."""

    doses: Floats
    values: Floats
    half: Floats

    @property
    def half_effect(self) -> tuple[float, str]:
        """The dose of half the effect, or NaN and why there is none.

        Between the values at dose 0 and at the highest dose, on a straight line over log dose between the two doses
        around it. Valid when: dose 0 was read, the two highest doses agree, and the effect is above its noise.
        """
        if self.doses[0] != 0 or len(self.doses) < 4:
            return math.nan, "it needs dose 0 and three more"
        effect = float(self.values[-1] - self.values[0])
        noise = np.nan_to_num(self.half[[0, -1]]).sum()
        if abs(effect) <= max(noise, 1e-9 * abs(self.values).max()):
            return math.nan, "no effect above its noise"
        share = (self.values - self.values[0]) / effect
        if abs(1 - share[-2]) > PLATEAU:
            return math.nan, "no plateau within these doses"
        above = share >= 1 / 2
        first = int(np.argmax(above))
        if first < 2 or not above[first:].all():
            return math.nan, "not between two doses" if first < 2 else "it is crossed more than once"
        low, high = np.log(self.doses[first - 1 : first + 1])
        part = (1 / 2 - share[first - 1]) / (share[first] - share[first - 1])
        return float(np.exp(low + part * (high - low))), ""


def dose_response(results: Doses, drug: str, what: str = "exosomes", window: Window = WHOLE) -> DoseResponse:
    """Read a quantity at each dose: gain per hour in a window (s), or its mean there where it does not add up.

    results: runs, summaries or expected courses by dose ('3 uM'); drug: whose doses they are. Raises UnknownName for the
    drug, UnitError for a dose, DataError for a dose given twice or none above 0, ProtocolError for a window outside a run.
    """
    table = read.drug(drug)
    by_dose = [(quantity(text, table.dose_unit, what=f"dose of {table.name}"), text) for text in some(results)]
    order = sorted(by_dose)
    doses = np.array([dose for dose, _ in order])
    if len(np.unique(doses)) < len(doses) or not doses[-1] > 0:
        raise refuse(
            DataError, list(results), "each dose once, one of them above 0", "Give {'0 uM': ..., '1 uM': ...}."
        )
    found = np.array([in_window(results[text], what, window) for _, text in order])
    return DoseResponse(doses, found[:, 0], found[:, 1])


def dose_figure(
    results: Mapping[str, Doses], drug: str, what: str = "exosomes", *, window: Window = WHOLE, title: str = ""
) -> Figure:
    """A quantity against the dose of a drug, on a logarithmic axis with dose 0 at its left end.

    results: for each condition (a line, a knock-down) its results by dose. window: in s since the start of the runs.
    The half effect is marked only where it lies between two doses and the highest ones have reached a plateau; where
    it does not, the figure says why. Raises as `dose_response`.
    """
    read_off = {label: dose_response(doses, drug, what, window) for label, doses in some(results).items()}
    first = next(iter(next(iter(results.values())).values()))
    course = course_of(first, what)
    start, stop = span_of(course, window)
    dose_unit = unit(read.drug(drug).dose_unit)
    with style():
        figure = new_figure(130, 80)
        axes = figure.add_subplot()
        lowest = min(float(r.doses[r.doses > 0].min()) for r in read_off.values())
        notes = _draw(axes, read_off, lowest / ZERO, dose_unit)
        axes.set_xlabel(f"{read.drug(drug).name} ({dose_unit})")
        axes.set_ylabel(wrap(rate_label(course), 40))
        everything = {f"{label} {dose}": r for label, doses in results.items() for dose, r in doses.items()}
        figure.suptitle(wrap(title or title_of(everything), 72), x=0.01, ha="left", fontsize=9, fontweight="bold")
        foot = f"{_span(start, stop)}; {'; '.join([made_by(everything), *notes])}"
        figure.supxlabel(wrap(foot, 104), x=0.01, ha="left", fontsize=6.5, color=FAINT)
        return settled(figure)


def _span(start: float, stop: float) -> str:
    return f"from {say_seconds(start)} to {say_seconds(stop)}" if start else f"over {say_seconds(stop)}"


def _draw(axes: Axes, read_off: Mapping[str, DoseResponse], zero: float, dose_unit: str) -> list[str]:
    """Points, lines and half effects; returns what is to be said below."""
    axes.set_xscale("log")
    colours = series_colours(controls(read_off))
    notes, series = [], []
    for (label, response), colour in zip(read_off.items(), colours, strict=True):
        doses, there = np.where(response.doses > 0, response.doses, zero), response.doses > 0
        axes.errorbar(
            doses, response.values, np.nan_to_num(response.half), fmt="o", color=colour, ms=3.2, lw=0.8, clip_on=False
        )  # fmt: skip
        axes.plot(doses[there], response.values[there], color=colour)
        if not there[0]:
            axes.axhline(response.values[0], color=colour, lw=0.6, ls=(0, (2, 2)), zorder=1)
        series.append(Series(label, doses, response.values))
        notes.append(_mark(axes, response, colour, dose_unit, label if len(read_off) > 1 else ""))
    axes.set_ylim(bottom=0)
    axes.set_ylim(0, axes.get_ylim()[1])
    _ticks(axes, read_off, zero)
    if len(series) > 1:
        name_ends(axes, series, colours, ROOM)
    return [note for note in dict.fromkeys(notes) if note]


def _mark(axes: Axes, response: DoseResponse, colour: str, dose_unit: str, label: str) -> str:
    """Mark the half effect, or say why it is not."""
    dose, why = response.half_effect
    if why:
        return f"half effect not marked{f' for {label}' if label else ''}: {why}"
    middle = float(response.values[[0, -1]].mean())
    rising = response.values[-1] > response.values[0]
    axes.vlines(dose, 0, middle, color=colour, lw=0.8, ls=(0, (4, 2)), zorder=1)
    axes.plot([dose], [middle], "D", color=colour, ms=4, mfc="white", zorder=5)
    axes.annotate(
        f"half effect\n{said(dose)} {dose_unit}", (dose, middle), xytext=(6, -5 if rising else 5),
        textcoords="offset points", fontsize=7, color=colour, va="top" if rising else "bottom",
    )  # fmt: skip
    return "diamond: half of the effect between dose 0 and the highest dose"


def _ticks(axes: Axes, read_off: Mapping[str, DoseResponse], zero: float) -> None:
    """Doses as ticks, 0 at the left behind a break of the axis."""
    doses = np.unique(np.concatenate([r.doses[r.doses > 0] for r in read_off.values()]))
    shown = doses if len(doses) <= 8 else doses[:: -(-len(doses) // 8)]
    has_zero = any(r.doses[0] == 0 for r in read_off.values())
    places = [zero, *shown] if has_zero else list(shown)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(places, ["0" if has_zero and i == 0 else said(d) for i, d in enumerate(places)])
    axes.set_xlim(places[0] / 1.25, doses[-1] * 1.25)
    if has_zero:
        left, right = np.log(axes.get_xlim())
        gap = (np.log(zero * math.sqrt(ZERO)) - left) / (right - left)
        for shift in (-0.006, 0.006):
            axes.plot(
                [gap + shift - 0.005, gap + shift + 0.005], [-0.02, 0.02], transform=axes.transAxes, color=INK, lw=0.7,
                clip_on=False,
            )  # fmt: skip
