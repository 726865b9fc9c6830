"""The diagram of the declared life of an MVB: stages as boxes, transitions as arrows as wide as they are frequent."""

from __future__ import annotations

import math

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exude.engine.result import UNITS
from exude.model import BORN, RELEASED
from exude.show.pathway import Pathway, Step
from exude.show.pathway_axes import (
    BOX,
    FLOW,
    LESS,
    LINE,
    NAME,
    POINT,
    SMALL,
    TAG,
    TINY,
    Flow,
    arrow,
    box,
    column,
    gauge_box,
    loop_path,
    rate_words,
    tag,
    tag_width,
    tags_of,
    words,
)  # fmt: skip
from exude.show.pathway_scene import (
    BACK,
    EDGE,
    FORWARD,
    HEIGHT,
    LANE,
    LYSOSOME,
    OUTSIDE,
    ROW,
    STREAM,
    WIDTH,
    Scene,
    foot_above,
    gauge_width,
)  # fmt: skip
from exude.show.style import CONTROL, FAINT, new_figure, style, width_of
from exude.show.words import said

KEY = (1.0, 10.0, 100.0)
"""Rates per hour shown as samples of line widths."""
TAGS = (
    ("GENE", "", "protein acting on the rate"),
    ("calcium", "signal", "calcium acting on the rate"),
    ("GENE ×0.2", "changed", "set by the experiment"),
)
"""Samples of tags: words, kind, meaning."""
PAPER, LYSED = "#FBFAF6", ("#EFE6EC", "#9C7A8E")


def pathway_figure(now: Pathway, control: Pathway | None = None) -> Figure:
    """The pathway of one cell, lines as wide as the root of their rate; beside a control, with its rates in grey.

    Everything drawn is read from `now`: what is added to the declaration is drawn too.
    Beside a control arrows are coloured by whether they are more or less frequent; its wider lines are shades behind.
    """
    scene = Scene.of(now, control)
    with style():
        figure = new_figure(WIDTH, scene.height)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set(xlim=(0, WIDTH), ylim=(0, scene.height))
        axes.set_axis_off()
        _cell(axes, scene)
        for step in now.steps:
            _draw(axes, scene, scene.flows[step.name])
        for stage in now.stages:
            _stage(axes, scene, stage)
        _lysosome(axes, scene)
        _outside(axes, scene)
        _gauges(axes, scene)
        _head(axes, scene)
        _key(axes, scene)
    return figure


def _cell(axes: Axes, scene: Scene) -> None:
    """The cell and its plasma membrane as two leaflets."""
    foot = scene.floor - 3.5
    corner, size = (EDGE - 1, foot), (scene.membrane - EDGE + 1, scene.top - foot)
    box(axes, corner, size, (PAPER, "#B9B2A3"), lw=2.4, round=5, zorder=0)
    box(axes, corner, size, ("none", "white"), lw=0.9, round=5, zorder=0.5)
    at = (scene.membrane + 2.6, scene.top - 4)
    words(axes, at, "plasma membrane", color=FAINT, rotation=90, va="top")


def _stage(axes: Axes, scene: Scene, stage: str) -> None:
    """A stage's box with the MVBs in it."""
    box(axes, (scene.left[stage], scene.low), (scene.width[stage], HEIGHT), (BOX, FLOW))
    x, y = scene.middle(stage), scene.low + HEIGHT / 2
    words(axes, (x, y + 1.8), stage.replace("_", " "), NAME, fontweight="bold")
    was = f" ({said(scene.control.stages.get(stage, math.nan))})" if scene.control else " MVBs"
    words(axes, (x, y - 1.8), said(scene.now.stages[stage]) + was, TINY if scene.control else SMALL)


def _draw(axes: Axes, scene: Scene, flow: Flow) -> None:
    """One transition: beside, above, down or through a lane."""
    hop = scene.hop(flow.step)
    if flow.step in scene.lanes:
        _through_lane(axes, scene, flow)
    elif hop is None:
        _down(axes, scene, flow)
    elif hop == 0:
        _loop(axes, scene, flow)
    else:
        _beside(axes, scene, flow, forward=hop > 0)


def _beside(axes: Axes, scene: Scene, flow: Flow, *, forward: bool) -> None:
    """An arrow to the next stage, with words and tags above it; back to the one before, with both below."""
    step = flow.step
    y = scene.low + (FORWARD if forward else BACK)
    ends = [scene.middle(place) for place in (step.source, step.target)]
    for i, place in enumerate((step.source, step.target)):
        ends[i] += (1 if forward == (i == 0) else -1) * scene.width.get(place, 0.0) / 2
    arrow(axes, [(ends[0], y), (ends[1], y)], flow, scene.widths)
    middle = (ends[0] + min(ends[1], scene.membrane)) / 2
    if forward:
        foot = scene.low + foot_above(flow, scene.widths)
        rate_words(axes, (middle, foot), flow, _name(step))
        column(axes, (middle, foot), step)
    else:
        top = y - scene.widths(flow.most) * POINT / 2 - 0.8
        rate_words(axes, (middle, top), flow, _name(step))
        column(axes, (middle, top - LINE * flow.lines - TAG * len(tags_of(step))), step)


def _loop(axes: Axes, scene: Scene, flow: Flow) -> None:
    """An arrow from a stage to itself, above its box."""
    stage = flow.step.source
    alike = [step for step in scene.now.steps if step.source == step.target == stage]
    middle = scene.left[stage] + scene.width[stage] * (alike.index(flow.step) + 0.5) / len(alike)
    arrow(axes, loop_path(middle, scene.low + HEIGHT, flow, scene.widths), flow, scene.widths)
    foot = scene.low + foot_above(flow, scene.widths)
    rate_words(axes, (middle, foot), flow, _name(flow.step))
    column(axes, (middle, foot), flow.step)


def _down(axes: Axes, scene: Scene, flow: Flow) -> None:
    """An arrow to the lysosome, with words to its left and tags to its right, below those of the arrows back."""
    stage, tags = flow.step.source, tags_of(flow.step)
    alike = [step for step in scene.losses if step.source == stage]
    x = scene.left[stage] + scene.width[stage] * (alike.index(flow.step) + 1) / (len(alike) + 1)
    arrow(axes, [(x, scene.low), (x, scene.bottom + LYSOSOME)], flow, scene.widths)
    half, top = scene.widths(flow.most) * POINT / 2, scene.low - scene.back - 0.7
    rate_words(axes, (x - half - 1.0, top), flow, _name(flow.step), ha="right")
    widest = max((tag_width(text) for text, _ in tags), default=0.0)
    column(axes, (x + half + 1.0 + widest / 2, top - TAG * len(tags)), flow.step)


def _through_lane(axes: Axes, scene: Scene, flow: Flow) -> None:
    """An arrow below the boxes, for a transition that skips stages or is the second between two."""
    step, number = flow.step, scene.lanes.index(flow.step)
    y = scene.bottom + LYSOSOME + 5.0 + LANE * (len(scene.lanes) - number - 1)
    shift = 3.0 + 1.5 * number
    ends = [scene.middle(place) + (shift if place in scene.left else 0.0) for place in (step.source, step.target)]
    up = [(ends[1], scene.low)] if step.target in scene.left else []
    arrow(axes, [(ends[0], scene.low), (ends[0], y), (ends[1], y), *up], flow, scene.widths)
    middle, top = sum(ends) / 2, y + scene.widths(flow.most) * POINT / 2 + 0.4
    rate_words(axes, (middle, top + LINE * flow.lines), flow, _name(step))
    for i, (text, kind) in enumerate(tags_of(step)):
        tag(axes, (middle - 13.0 * (i + 1), top + TAG / 2), text, kind)


def _name(step: Step) -> str:
    """A transition in words; a stage that it names again is left out: 'loss_docked' is a loss."""
    return step.name.removesuffix(f"_{step.source}").removeprefix(f"{step.source}_").replace("_", " ")


def _lysosome(axes: Axes, scene: Scene) -> None:
    """What MVBs are lost to, below the stages that lose them; and where MVBs are born."""
    if scene.losses:
        (left, right), middle = scene.lysosome, scene.bottom + LYSOSOME / 2
        box(axes, (left, scene.bottom), (right - left, LYSOSOME), LYSED, round=3.5)
        mvbs, ilvs = sum(step.flux for step in scene.losses), sum(step.ilvs for step in scene.losses)
        text = f"lysosome: {said(mvbs)} MVBs with {said(ilvs)} ILVs degraded per hour"
        words(axes, ((left + right) / 2, middle), text)
    if any(step.source == BORN for step in scene.now.steps):
        axes.plot([scene.middle(BORN)], [scene.low + FORWARD], "o", color=FLOW, ms=4, zorder=5)


def _outside(axes: Axes, scene: Scene) -> None:
    """Exosomes set free, and other vesicles that leave."""
    x, y = scene.membrane + OUTSIDE / 2 + 0.8, scene.low + FORWARD
    free = _free(scene.now)
    before = _free(scene.control) if scene.control else math.nan
    flow = Flow(Step("exosomes", "", "", free), before)
    rate_words(axes, (x, y - 2.0), flow, "exosomes")
    for i, stream in enumerate(scene.now.streams):
        low, start = scene.floor + 3.0 + STREAM * i, scene.membrane - 9.0
        arrow(axes, [(start, low), (scene.middle(RELEASED), low)], scene.flows[stream.name], scene.widths)
        name = UNITS.get(stream.name, _name(stream))
        rate_words(axes, (start - 9.0, low + LINE * scene.flows[stream.name].lines / 2), scene.flows[stream.name], name)
        for place, (text, kind) in enumerate(tags_of(stream)):
            tag(axes, (start - 23.0 - 12.0 * place, low), text, kind)


def _free(of: Pathway) -> float:
    """Exosomes set free per hour."""
    return sum(step.ilvs for step in of.steps if step.target == RELEASED)


def _gauges(axes: Axes, scene: Scene) -> None:
    """Concentrations and ILVs along the top of the cell."""
    wide = gauge_width(scene.now)
    before = {gauge.name: gauge.value for gauge in scene.control.gauges} if scene.control else {}
    for i, gauge in enumerate(scene.now.gauges):
        corner = (EDGE + 2.0 + i * (wide + 3.0), scene.gauges)
        gauge_box(axes, corner, (wide, scene.room), gauge, before.get(gauge.name, math.nan))


def _head(axes: Axes, scene: Scene) -> None:
    """Who, under what, when; and the control."""
    title, beside = scene.titles
    words(axes, (2, scene.height - 1.6), title, 9, ha="left", va="top", fontweight="bold")
    if beside:
        words(axes, (2, scene.top + 1.6), beside, ha="left", va="bottom", color=FAINT)


def _key(axes: Axes, scene: Scene) -> None:
    """What widths, colours and tags mean."""
    high = scene.floor - 6.4
    at = 2.0
    for rate in KEY:
        axes.plot([at, at + 6], [high, high], color=FLOW, lw=scene.widths(rate), solid_capstyle="butt")
        words(axes, (at + 7, high), f"{said(rate)} /h", ha="left")
        at += 18
    words(
        axes, (at, high), "width as the root of the rate; expected rates and numbers, per cell", ha="left", color=FAINT
    )
    at, high = 2.0, high - ROW
    for text, kind, meaning in TAGS:
        wide = tag_width(text)
        tag(axes, (at + wide / 2, high), text, kind)
        words(axes, (at + wide + 1, high), meaning, ha="left", color=FAINT)
        at += wide + 4 + width_of(meaning, SMALL) * POINT
    if scene.control:
        at, high = 2.0, high - ROW
        for colour, meaning in ((FLOW, "more often"), (CONTROL, "as often, within a tenth"), (LESS, "less often")):
            axes.plot([at, at + 4], [high, high], color=colour, lw=3, solid_capstyle="butt")
            words(axes, (at + 5, high), meaning, ha="left", color=FAINT)
            at += 8 + width_of(meaning, SMALL) * POINT
        words(axes, (at, high), "than in the control, whose numbers are grey", ha="left", color=FAINT)
