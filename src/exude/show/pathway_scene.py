"""Where everything stands in the pathway diagram, worked out from what is to be drawn; lengths in millimetres."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from exude.model import BORN, DEGRADED, RELEASED
from exude.show.pathway import Pathway, Step
from exude.show.pathway_axes import LINE, POINT, TAG, Flow, Widths, gauge_height, loop_height, tags_of
from exude.show.style import wrap
from exude.show.words import micro

WIDTH = 183.0
"""Of the figure, mm, as all lengths below."""
OUTSIDE = 17.0
"""Room for what has left the cell."""
EDGE = 3.0
"""From the side of the figure to the cell."""
HEIGHT, WIDE, LOOP = 10.0, 15.2, 12.5
"""Height and width of a stage's box, and the width that each transition from a stage to itself needs."""
NARROWEST = 9.0
"""Least gap between two boxes."""
FORWARD, BACK = 0.66 * HEIGHT, 0.2 * HEIGHT
"""Heights of arrows to the next stage and to the one before, above the foot of a box."""
LANE = 13.0
"""Height of a lane for a transition that skips stages."""
LYSOSOME, STREAM = 8.0, 10.0
"""Height of the lysosome, and of each stream of other vesicles."""
ROW = 3.3
"""Height of a row of the key."""
LETTERS = (86, 130)
"""In a line of the title, and of the line below it."""
AT_MEMBRANE = 3.0
"""More room before the plasma membrane than between boxes."""


@dataclass(frozen=True)
class Scene:
    """What is drawn, and where things are, mm."""

    now: Pathway
    control: Pathway | None
    flows: dict[str, Flow]
    widths: Widths
    left: dict[str, float]
    """Left end of each stage's box."""
    width: dict[str, float]
    lanes: tuple[Step, ...]

    @staticmethod
    def of(now: Pathway, control: Pathway | None) -> Scene:
        """The scene of a pathway, beside a control where one is given."""
        before = {step.name: step.flux for step in (*control.steps, *control.streams)} if control else {}
        flows = {step.name: Flow(step, before.get(step.name, math.nan)) for step in (*now.steps, *now.streams)}
        widths = Widths(max((flow.most for flow in flows.values()), default=0.0))
        return Scene(now, control, flows, widths, *columns(now), lanes_of(now.steps, list(now.stages)))

    def hop(self, step: Step) -> int | None:
        """How many columns a transition goes to the right; None for the lysosome."""
        return hop_of(step, list(self.left))

    def beside(self, *hops: int | None) -> list[Flow]:
        """Transitions outside lanes that go so many columns."""
        return [self.flows[s.name] for s in self.now.steps if s not in self.lanes and self.hop(s) in hops]

    @property
    def losses(self) -> list[Step]:
        """Transitions to the lysosome."""
        return [step for step in self.now.steps if step.target == DEGRADED]

    @property
    def floor(self) -> float:
        """Foot of the cell, above the key."""
        return 7.0 + ROW * (3 if self.control else 2)

    @property
    def lysosome(self) -> tuple[float, float]:
        """Left and right end of the lysosome."""
        places = [self.middle(step.source) for step in self.losses]
        return min(places) - 12.0, max(max(places) + 12.0, min(places) + 70.0)

    @property
    def bottom(self) -> float:
        """Foot of the lysosome: above the streams where they would meet."""
        meet = bool(self.losses) and self.lysosome[1] > self.membrane - 42.0
        return self.floor + (STREAM * len(self.now.streams) if meet else 0.0)

    @property
    def back(self) -> float:
        """Depth of words and tags of arrows to the stage before, below the foot of the boxes."""
        deep = [LINE * flow.lines + TAG * len(tags_of(flow.step)) for flow in self.beside(-1)]
        return max(deep, default=-1.0) + 0.5

    @property
    def low(self) -> float:
        """Foot of the boxes."""
        tall = [max(LINE * flow.lines, TAG * len(tags_of(flow.step))) for flow in self.beside(None)]
        return self.bottom + LYSOSOME + self.back + max([4.0, *(5.0 + t for t in tall)]) + LANE * len(self.lanes)

    @property
    def gauges(self) -> float:
        """Foot of the row of gauges."""
        tall = [foot_above(f, self.widths) + TAG * len(tags_of(f.step)) for f in self.beside(0, 1)]
        return self.low + max(tall, default=HEIGHT) + 4.0

    @property
    def room(self) -> float:
        """Height of the row of gauges."""
        return max((gauge_height(gauge, gauge_width(self.now)) for gauge in self.now.gauges), default=0.0)

    @property
    def membrane(self) -> float:
        """Where the plasma membrane is."""
        return WIDTH - OUTSIDE

    @property
    def top(self) -> float:
        """Upper edge of the cell."""
        return self.gauges + self.room + 3.0

    @property
    def height(self) -> float:
        """Of the figure."""
        return self.top + 3.5 + self.head

    @property
    def head(self) -> float:
        """Height of the title and of the line that names the control."""
        title, beside = self.titles
        return 4.4 * (title.count("\n") + 1) + (LINE * 1.15 * (beside.count("\n") + 1) if beside else 0.0)

    @property
    def titles(self) -> tuple[str, str]:
        """Who is shown under what and when, and the same of the control, in lines that fit."""
        beside = wrap(f"control, in grey: {title_of(self.control)}", LETTERS[1]) if self.control else ""
        return wrap(title_of(self.now), LETTERS[0]), beside

    def middle(self, place: str) -> float:
        """Middle of a stage's box; where arrows begin that stand for birth, and end that leave the cell."""
        if place in self.left:
            return self.left[place] + self.width[place] / 2
        return EDGE + 3.0 if place == BORN else self.membrane + 4.0


def columns(now: Pathway) -> tuple[dict[str, float], dict[str, float]]:
    """Left ends and widths of boxes in the order of the stages; equal gaps for the arrows between them."""
    loops = Counter(step.source for step in now.steps if step.source == step.target)
    width = {stage: max(WIDE, LOOP * loops[stage]) for stage in now.stages}
    room = WIDTH - OUTSIDE - EDGE - 4.0 - AT_MEMBRANE
    gaps = len(now.stages) + 1
    share = min(1.0, (room - NARROWEST * gaps) / sum(width.values()))
    width = {stage: wide * share for stage, wide in width.items()}
    gap = (room - sum(width.values())) / gaps
    left, at = {}, EDGE + 4.0
    for stage, wide in width.items():
        left[stage] = at + gap
        at += gap + wide
    return left, width


def hop_of(step: Step, stages: Sequence[str]) -> int | None:
    """How many columns a transition goes to the right; None for the lysosome."""
    place = {BORN: -1, RELEASED: len(stages)} | {stage: i for i, stage in enumerate(stages)}
    return None if step.target not in place else place[step.target] - place[step.source]


def lanes_of(steps: Sequence[Step], stages: Sequence[str]) -> tuple[Step, ...]:
    """Transitions that skip stages, and second ones between the same two: they run below the boxes."""
    lanes, seen = [], set[tuple[str, str]]()
    for step in steps:
        hop = hop_of(step, stages)
        if hop:
            if abs(hop) > 1 or (step.source, step.target) in seen:
                lanes.append(step)
            seen.add((step.source, step.target))
    return tuple(lanes)


def foot_above(flow: Flow, widths: Widths) -> float:
    """Where the tags of an arrow beside or above boxes begin, over the foot of the boxes."""
    half = widths(flow.most) * POINT / 2
    loop = flow.step.source == flow.step.target
    base = HEIGHT + loop_height(flow, widths) if loop else FORWARD
    return base + half + 0.6 + LINE * flow.lines


def title_of(of: Pathway) -> str:
    """Line, conditions and time in words."""
    return micro(f"{of.line}: {'; '.join(of.conditions)}, {of.when}")


def gauge_width(now: Pathway) -> float:
    """Width of the box of a gauge."""
    return (WIDTH - OUTSIDE - EDGE - 5.0) / max(len(now.gauges), 1) - 3.0
