"""Pieces of the pathway diagram, in millimetres: boxes, arrows whose widths are rates, tags of proteins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyBboxPatch, PathPatch, Polygon
from matplotlib.path import Path

from exude.engine.layout import Floats
from exude.show.pathway import Actor, Gauge, Step
from exude.show.style import CONTROL, FAINT, INK, MM, PALETTE, width_of
from exude.show.words import micro, said

Point = tuple[float, float]

POINT = 1 / 72 / MM
"""Millimetres per point."""
FLOW, LESS, SIGNAL = PALETTE[0], PALETTE[1], PALETTE[4]
"""Colours of arrows (as often as the control or more often), of those that are less frequent, and of traces."""
GHOST = "#D5D5D5"
"""A control's rate behind an arrow."""
SIGNAL_PALE, BOX = "#FDF3DC", "#E8F1F8"
NAME, SMALL, TINY = 6.8, 6.2, 5.6
"""Sizes of letters, points."""
LINE = 2.5
"""Between two lines of small words, mm."""
TAG = 3.1
"""Height of a tag with its gap, mm."""
THICKEST = 10.0
"""Width of the line of the fastest transition, points."""
THINNEST = 0.4
TIP = 1.7
"""Length of the head of a thin arrow, mm."""
SAME = 0.1
"""A rate within this share of the control's counts as the same."""
ROUND = 24
"""Points along a curve."""


@dataclass(frozen=True)
class Widths:
    """Widths of lines: width = THICKEST sqrt(rate / most), so that rates a thousandfold apart can be seen."""

    most: float

    def __call__(self, flux: float) -> float:
        """Width in points of a rate per hour."""
        return max(THICKEST * math.sqrt(flux / self.most), THINNEST) if self.most > 0 else THINNEST


@dataclass(frozen=True)
class Flow:
    """A transition with its rate in the control, per hour (NaN without a control)."""

    step: Step
    before: float = math.nan

    @property
    def compared(self) -> bool:
        """Whether there is a control."""
        return math.isfinite(self.before)

    @property
    def most(self) -> float:
        """The larger of both rates."""
        return max(self.step.flux, self.before) if self.compared else self.step.flux

    @property
    def lines(self) -> int:
        """Lines of words beside the arrow: name, rate, the control's rate."""
        return 3 if self.compared else 2

    @property
    def colour(self) -> str:
        """Whether it happens as often as in the control (grey), less often, or more often."""
        if not self.compared:
            return FLOW
        if abs(self.step.flux - self.before) <= SAME * self.before:
            return CONTROL
        return FLOW if self.step.flux > self.before else LESS


def words(axes: Axes, at: Point, text: str, size: float = SMALL, **how: object) -> None:
    """Text with its middle at a point, unless told otherwise."""
    kept: dict[str, object] = {"ha": "center", "va": "center", "color": INK, "linespacing": 1.15, "zorder": 6, **how}
    axes.text(*at, text, fontsize=size, **kept)  # type: ignore[arg-type]


def box(axes: Axes, corner: Point, size: Point, colours: tuple[str, str], **how: float) -> None:
    """A box with round corners, from its lower left corner; colours of its area and its edge."""
    kept = {"lw": 0.8, "zorder": 4.0, "round": 1.6, **how}
    shape = f"round,pad=0,rounding_size={kept.pop('round')}"
    axes.add_patch(FancyBboxPatch(corner, *size, boxstyle=shape, facecolor=colours[0], edgecolor=colours[1], **kept))


def arrow(axes: Axes, path: Sequence[Point], flow: Flow, widths: Widths) -> None:
    """A line along points, with a head, as wide as its rate; where the control's was wider, its shade is behind."""
    if flow.compared and flow.before > flow.step.flux:
        _shaft(axes, np.array(path), widths(flow.before), GHOST, 2.0)
    _shaft(axes, np.array(path), widths(flow.step.flux), flow.colour, 2.5)


def head_of(width: float) -> float:
    """Length of the head of an arrow of a width in points, mm."""
    return max(TIP, 0.9 * width * POINT)


def _shaft(axes: Axes, path: Floats, width: float, colour: str, zorder: float) -> None:
    along = path[-1] - path[-2]
    way = along / np.hypot(*along)
    side = np.array([-way[1], way[0]])
    neck = path[-1] - head_of(width) * way
    shaft = Path(np.vstack([path[:-1], neck + 0.05 * way]))
    axes.add_patch(
        PathPatch(shaft, fill=False, edgecolor=colour, lw=width, capstyle="butt", joinstyle="round", zorder=zorder)
    )
    half = max(0.5 * TIP, 0.85 * width * POINT)
    head = [path[-1], neck + half * side, neck - half * side]
    axes.add_patch(Polygon(head, closed=True, facecolor=colour, edgecolor="none", zorder=zorder))


def loop_path(middle: float, base: float, flow: Flow, widths: Widths) -> list[Point]:
    """From a box up and back into it, with room for the head of the arrow."""
    half = _bow(flow, widths)
    turn = base + loop_height(flow, widths) - half
    angles = np.linspace(np.pi, 0, ROUND)
    bow = [(middle + half * math.cos(a), turn + half * math.sin(a)) for a in angles]
    return [(middle - half, base), *bow, (middle + half, base)]


def loop_height(flow: Flow, widths: Widths) -> float:
    """Height of the middle of the line of a loop, mm."""
    return head_of(widths(flow.most)) + 1.0 + _bow(flow, widths)


def _bow(flow: Flow, widths: Widths) -> float:
    """Radius of a loop: a thick line needs a wider one."""
    return 2.4 + widths(flow.most) * POINT / 4


def tag(axes: Axes, at: Point, text: str, kind: str = "") -> None:
    """A small label: a protein, one that the experiment set ('changed'), or a trace ('signal')."""
    fill = {"changed": INK, "signal": SIGNAL}.get(kind, "white")
    edge = {"changed": INK, "signal": SIGNAL}.get(kind, "#9A9A9A")
    wide = tag_width(text)
    box(axes, (at[0] - wide / 2, at[1] - 0.42 * TAG), (wide, 0.84 * TAG), (fill, edge), lw=0.5, round=1.2, zorder=5)
    words(axes, (at[0], at[1] - 0.05), text, TINY, color="white" if kind == "changed" else INK)


def tag_width(text: str) -> float:
    """Width of a tag, mm."""
    return width_of(text, TINY) * 1.08 * POINT + 1.2


def tags_of(thing: Step) -> list[tuple[str, str]]:
    """Words and kind of each tag of a transition: traces first, then proteins and conditions."""
    return [(name.replace("_", " "), "signal") for name in thing.senses] + actor_tags(thing.actors)


def actor_tags(actors: Sequence[Actor]) -> list[tuple[str, str]]:
    """Words and kind of the tag of each protein or condition."""
    return [(actor_words(actor), "changed" if actor.changed else "") for actor in actors]


def actor_words(actor: Actor) -> str:
    """A protein's name, with the fold that the experiment made of it; a condition's with its value."""
    name = actor.symbol.replace("_", " ")
    if not actor.changed:
        return name
    return f"{name} ×{said(actor.level / actor.own)}" if actor.own else f"{name} {said(actor.level)}"


def column(axes: Axes, top: Point, step: Step) -> None:
    """Tags above each other, the first one lowest; `top` is the middle of their lower edge."""
    for i, (text, kind) in enumerate(tags_of(step)):
        tag(axes, (top[0], top[1] + TAG * (i + 0.5)), text, kind)


def rate_words(axes: Axes, at: Point, flow: Flow, name: str, ha: str = "center") -> None:
    """Name of a transition, its rate per hour, the control's rate in grey; `at` is the middle of their upper edge."""
    said_of = [(name, INK, "normal"), (f"{said(flow.step.flux)} /h", _dark(flow.colour), "bold")]
    if flow.compared:
        said_of.append((f"{said(flow.before)} /h", FAINT, "normal"))
    for i, (text, colour, weight) in enumerate(said_of):
        words(axes, (at[0], at[1] - LINE * (i + 0.5)), text, color=colour, fontweight=weight, ha=ha)


def _dark(colour: str) -> str:
    """A colour for words: grey ones are darker, to be read."""
    return INK if colour == CONTROL else colour


def gauge_box(axes: Axes, corner: Point, size: Point, gauge: Gauge, before: float) -> None:
    """A box with name, value and tags of a quantity of the whole cell."""
    left, top = corner[0] + 2, corner[1] + size[1] - 2.6
    box(axes, corner, size, (SIGNAL_PALE, SIGNAL) if gauge.unit else (BOX, FLOW), lw=0.6)
    words(axes, (left, top), gauge.name, ha="left", fontweight="bold")
    value = f"{said(gauge.value)} {micro(gauge.unit)}".strip()
    words(axes, (left, top - 3.2), value, ha="left", color=FLOW, fontweight="bold")
    if math.isfinite(before):
        after = left + (width_of(value, SMALL) * 1.15 + 4) * POINT
        words(axes, (after, top - 3.2), f"{said(before)} {micro(gauge.unit)}".strip(), ha="left", color=FAINT)
    for row, across, (text, kind) in tag_rows(gauge, size[0]):
        tag(axes, (corner[0] + across, top - 6.8 - (TAG + 0.3) * row), text, kind)


def gauge_height(gauge: Gauge, width: float) -> float:
    """Height of the box of a gauge, mm."""
    rows = max((row + 1 for row, _, _ in tag_rows(gauge, width)), default=0)
    return 8.0 + (TAG + 0.3) * rows


def tag_rows(gauge: Gauge, width: float) -> list[tuple[int, float, tuple[str, str]]]:
    """Row, middle and words of each tag of a gauge, in a box of a width."""
    placed, row, across = [], 0, 2.0
    for label in actor_tags(gauge.actors):
        wide = tag_width(label[0])
        if across + wide > width - 1 and across > 2.0:
            row, across = row + 1, 2.0
        placed.append((row, across + wide / 2, label))
        across += wide + 0.8
    return placed
