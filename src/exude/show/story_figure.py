"""The story in one picture: six panels from a calcium rise in one cell to a second site, along a ladder of time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, FancyArrowPatch, FancyBboxPatch

from exude.experiment import story_facts as facts
from exude.experiment.assays.measures import reading
from exude.experiment.cohort import DAY
from exude.experiment.story import GIVEN, INTACT, PIECES, TAKEN, WITHOUT, Told
from exude.show.story_axes import (
    COLOURS,
    HOUR,
    MVB_ROOM,
    draw_body,
    draw_exosomes,
    draw_gelatin,
    draw_mvbs,
    draw_tissue,
    tissue_key,
)
from exude.show.style import CONTROL, FAINT, INK, MM, PALETTE, new_figure, style
from exude.units import seconds

WIDTH, HEIGHT = 180.0, 122.0
"""mm"""
CARD, TALL = (57.0, 47.0)
LEFT, GAP = 3.0, 1.5
ROWS = (54.8, 4.2)
"""Lower edges of the two rows of panels, mm."""
STATUS = dict(zip(facts.STATUSES, ("#00724F", "#56B4E9", "#0072B2", "#E69F00", "#C9C9C9"), strict=True))
"""Colours of how numbers came to be."""
HEADS = (
    ("calcium", "Calcium finds Munc13-4", "seconds · 20 µm"),
    ("vesicles", "MVBs fuse", "hours · MVBs of 0.1 to 0.6 µm"),
    ("matrix", "Exosomes cut matrix", "hours · a film, 0.1 mm"),
    ("tissue", "Tumour and neighbours", "days · 0.4 mm"),
    ("T cells", "T cells are held back", "days · 0.4 mm"),
    ("body", "A second site", "years · a body, 1 m"),
)
SPANS = (
    (1, 120),
    (60, 3 * HOUR),
    (300, 3 * HOUR),
    (3 * HOUR, 3 * DAY),
    (3 * HOUR, 3 * DAY),
    (20 * DAY, 20 * 365 * DAY),
)
"""Time that each panel shows, s."""
TICKS = (
    (1, "1 s"), (60, "1 min"), (HOUR, "1 h"), (DAY, "1 day"), (30 * DAY, "1 month"), (365 * DAY, "1 year"),
    (3650 * DAY, "10 years"),
)  # fmt: skip
SMALL, TINY = 5.8, 5.2
HALF = 1 / 2
LETTERS = 68
"""That a card is wide in the smallest words."""
"""Sizes of words, points."""


@dataclass(frozen=True)
class Card:
    """A panel's place in the figure; its axes are placed in mm from its lower left corner."""

    figure: Figure
    x: float
    y: float

    def axes(self, x: float, y: float, width: float, height: float) -> Axes:
        """Axes within the card."""
        return self.figure.add_axes(
            ((self.x + x) / WIDTH, (self.y + y) / HEIGHT, width / WIDTH, height / HEIGHT)
        )  # fmt: skip

    def say(self, x: float, y: float, text: str, **how: Any) -> None:
        """Words at a place within the card."""
        told: dict[str, Any] = {"fontsize": SMALL, "va": "baseline", "ha": "left", **how}
        self.figure.text((self.x + x) / WIDTH, (self.y + y) / HEIGHT, text, **told)

    def add(self, artist: Any) -> None:
        """A patch in mm of the card."""
        self.figure.add_artist(artist)


def story_figure(told: Told) -> Figure:
    """All panels; a pure function of what was run."""
    with style():
        figure = new_figure(WIDTH, HEIGHT)
        figure.set_layout_engine("none")
        _title(figure, told)
        _ladder(figure)
        cards = [
            Card(figure, LEFT + (i % 3) * (CARD + GAP), ROWS[i // 3]) for i in range(len(HEADS))
        ]  # fmt: skip
        handed = _handed(told)
        for i, (card, (part, head, scale)) in enumerate(zip(cards, HEADS, strict=True)):
            _frame(card, i + 1, head, scale)
            _known(card, part)
            if part in handed:
                _hand_on(card, handed[part])
        draws = (_calcium, _vesicles, _matrix, _tissue, _t_cells, _body)
        for card, draw in zip(cards, draws, strict=True):
            draw(card, told)
        _key(figure)
        return figure


def _key(figure: Figure) -> None:
    """What the bars below the panels mean."""
    said = "Bars: where the numbers come from that first enter with a panel:"
    figure.text(LEFT / WIDTH, 0.9 / HEIGHT, said, fontsize=TINY, color=FAINT)
    x = 63.0
    for name in facts.STATUSES:
        figure.text(x / WIDTH, 0.9 / HEIGHT, "■", fontsize=TINY, color=STATUS[name])
        figure.text((x + 2) / WIDTH, 0.9 / HEIGHT, name, fontsize=TINY, color=FAINT)
        x += 16


def _title(figure: Figure, told: Told) -> None:
    gene = told.story.without
    figure.text(
        LEFT / WIDTH,
        1 - 4.6 / HEIGHT,
        "From a calcium rise in one cell to a second site",
        fontsize=9.5,
        fontweight="bold",
    )
    said = f"one run of {told.story.line}, seed {told.story.seed}; grey: its cells without {gene}"
    figure.text(1 - LEFT / WIDTH, 1 - 4.6 / HEIGHT, said, fontsize=SMALL, color=FAINT, ha="right")


def _ladder(figure: Figure) -> None:
    """The ladder of time: when each panel plays."""
    axes = figure.add_axes(((LEFT + 3) / WIDTH, 107.5 / HEIGHT, (WIDTH - 2 * LEFT - 6) / WIDTH, 9.5 / HEIGHT))
    axes.set_xscale("log")
    axes.set_xlim(TICKS[0][0] * 0.8, SPANS[-1][1] * 1.3)
    axes.set_ylim(-0.2, 2)
    for i, (first, last) in enumerate(SPANS):
        level = 0.45 + (i % 2) * 0.9
        axes.plot([first, last], [level] * 2, color=COLOURS[i], lw=3.2, solid_capstyle="round", alpha=0.85)
        axes.plot([np.sqrt(first * last)], [level], "o", ms=7, mfc="white", mec=COLOURS[i], mew=1)
        axes.text(
            np.sqrt(first * last), level - 0.04, str(i + 1), fontsize=TINY, ha="center", va="center", fontweight="bold"
        )
    axes.set_xticks([t for t, _ in TICKS], [name for _, name in TICKS], fontsize=TINY)
    axes.set_xticks([], minor=True)
    axes.tick_params(axis="x", pad=1, length=2)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)


def _frame(card: Card, number: int, head: str, scale: str) -> None:
    """The card's ground, number, title and scale."""
    colour = COLOURS[number - 1]
    box = FancyBboxPatch(
        (card.x * MM, card.y * MM), CARD * MM, TALL * MM, boxstyle="round,pad=0,rounding_size=0.05", fc="#FBFBFA", ec="#DADADA",
        lw=0.5, transform=card.figure.dpi_scale_trans, zorder=-5,
    )  # fmt: skip
    card.add(box)
    card.add(
        Circle(
            ((card.x + 3) * MM, (card.y + TALL - 3.1) * MM),
            1.7 * MM,
            fc=colour,
            ec="none",
            transform=card.figure.dpi_scale_trans,
        )
    )
    card.say(3, TALL - 3.2, str(number), color="white", fontweight="bold", fontsize=6.5, ha="center", va="center")
    card.say(6, TALL - 4.0, head, fontweight="bold", fontsize=7)
    card.say(CARD - 1.5, TALL - 3.9, scale, fontsize=TINY, color=FAINT, ha="right")


def _known(card: Card, part: str) -> None:
    """How well the numbers are known that enter with this panel: a bar, and the counts."""
    counts = facts.statuses(part)
    total, left, wide = sum(counts.values()), 1.8, CARD - 3.6
    axes = card.axes(left, 3.5, wide, 0.9)
    start = 0.0
    for name in facts.STATUSES:
        axes.barh(0, counts[name] / total, left=start, height=1, color=STATUS[name], lw=0)
        start += counts[name] / total
    axes.set_xlim(0, 1)
    axes.set_ylim(-HALF, HALF)
    axes.set_axis_off()
    words = ", ".join(f"{counts[name]} {name}" for name in facts.STATUSES if counts[name])
    said = f"{total} numbers: {words}"
    card.say(left, 1.3, said, fontsize=4.2 * min(1.0, LETTERS / len(said)), color=FAINT)


def _hand_on(card: Card, text: str) -> None:
    """What goes on from this panel to the next."""
    card.say(CARD - 5.8, 6.0, text, fontsize=TINY, ha="right", color=INK, fontstyle="italic")
    arrow = FancyArrowPatch(
        ((card.x + CARD - 5.2) * MM, (card.y + 6.6) * MM), ((card.x + CARD - 0.9) * MM, (card.y + 6.6) * MM),
        arrowstyle="-|>", mutation_scale=6, lw=0.9, color=INK, transform=card.figure.dpi_scale_trans,
    )  # fmt: skip
    card.add(arrow)


def _handed(told: Told) -> dict[str, str]:
    """What each panel hands on, in words."""
    cell, film = facts.cell_facts(told.cell[INTACT]), facts.film_facts(told.film[INTACT])
    close, tissue = facts.calcium_facts(told.close), facts.tissue_facts(told.tissue[INTACT])
    body = facts.body_facts(told.body[INTACT])
    return {
        "calcium": f"{close['share_peak']:.0%} of Munc13-4 at work for seconds",
        "vesicles": f"these very {cell['fusions']:.0f} fusions, {cell['exosomes']:.0f} exosomes",
        "matrix": f"{film['area']:,.0f} µm² opened around one cell",
        "tissue": f"{tissue['exosomes']:,.0f} exosomes of all cells, with PD-L1 on them",
        "T cells": f"{tissue['end']:.0f} tumour cells × {PIECES:,} such pieces = {body['start']:,.0f}",
    }


def _plain(axes: Axes, xlabel: str, ylabel: str) -> None:
    axes.tick_params(labelsize=TINY, pad=1.5, length=1.8)
    axes.set_xlabel(xlabel, fontsize=SMALL, labelpad=1)
    axes.set_ylabel(ylabel, fontsize=SMALL, labelpad=1.5)
    axes.patch.set_alpha(0)


def _calcium(card: Card, told: Told) -> None:
    """Calcium and the share of Munc13-4 at work, second by second."""
    run, given = told.close, seconds(GIVEN, what="time")
    time = run.data["time"].values - given
    seen = (time >= -20) & (time <= 100)
    share = 100 * facts.share_at_work(run)
    upper, lower = card.axes(9, 27.0, 45.5, 14.0), card.axes(9, 14, 45.5, 11.3)
    for axes, values, colour in ((upper, run.data["calcium"].values[0], COLOURS[0]), (lower, share, PALETTE[3])):
        axes.axvspan(0, 100, color="#F1EFE8", lw=0, zorder=0)
        axes.fill_between(time[seen], 0, values[seen], color=colour, alpha=0.15, lw=0)
        axes.plot(time[seen], values[seen], color=colour, lw=1.2)
        axes.set_xlim(-20, 100)
        axes.set_ylim(0, values[seen].max() * 1.12)
    _plain(upper, "", "calcium (µM)")
    upper.set_xticklabels([])
    _plain(lower, "seconds after histamine", "Munc13-4\nat work (%)")
    upper.text(97, upper.get_ylim()[1] * 0.93, "histamine, 100 µM", fontsize=TINY, color=FAINT, va="top", ha="right")


def _vesicles(card: Card, told: Told) -> None:
    """MVBs as the stimulus comes, at their true diameters; fusions as ticks; exosomes summed up."""
    draw_mvbs(card.axes(1.5, 22.9, *MVB_ROOM), told.mvbs(round(seconds(GIVEN, what="time") / 60)))
    axes = card.axes(9, 14, 42.5, 7.8)
    axes.axvspan(
        seconds(GIVEN, what="time") / HOUR, seconds(TAKEN, what="time") / HOUR, color="#F1EFE8", lw=0, zorder=0
    )
    for arm, colour in ((WITHOUT, CONTROL), (INTACT, COLOURS[1])):
        run = told.cell[arm]
        events = run.events
        own = (events["fate"].values == "released") & (events["time"].values >= 0)
        time, size = events["time"].values[own] / HOUR, events["ilv"].values[own]
        end = float(run.data["time"][-1]) / HOUR
        axes.step(
            np.concatenate([[0], time, [end]]),
            np.concatenate([[0], np.cumsum(size), [size.sum()]]),
            where="post",
            color=colour,
            lw=1.2,
        )
        axes.plot(time, np.full(len(time), 0), "|", color=colour, ms=6, mew=0.9, clip_on=False, zorder=4)
        _ends_at(axes, (end, size.sum()), f" {size.sum()}", colour)
    axes.set_xlim(0, end)
    axes.set_ylim(0, None)
    _plain(axes, "hours (ticks: fusions; shaded: histamine)", "exosomes")


def _matrix(card: Card, told: Told) -> None:
    """Exosomes on the film soon after the stimulus; gelatin at the end, with and without."""
    dishes = {arm: reading(told.film[arm], ("collagen", "exosomes", "bound_exosomes")) for arm in told.film}
    side = 17.6
    early = dishes[INTACT].index(seconds(GIVEN, what="time") + 300)
    first = card.axes(1.4, 22.6, side, side)
    draw_exosomes(first, dishes[INTACT], early, bar=False)
    names = [f"exosomes, {dishes[INTACT].times[early] / 60:.0f} min"]
    for i, arm in enumerate((INTACT, WITHOUT)):
        axes = card.axes(1.4 + (i + 1) * (side + 0.75), 22.6, side, side)
        draw_gelatin(axes, dishes[arm], len(dishes[arm]) - 1, bar=i == 1)
        names.append(f"{'gelatin' if i == 0 else 'without ' + told.story.without}, {dishes[arm].times[-1] / HOUR:g} h")
    for i, name in enumerate(names):
        card.say(1.4 + side / 2 + i * (side + 0.75), 40.7, name, ha="center", fontsize=TINY, color=FAINT)
    axes = card.axes(10.5, 14.0, 38.0, 7.4)
    for arm, colour in ((WITHOUT, CONTROL), (INTACT, COLOURS[2])):
        hours, area = told.film[arm].data["time"].values / HOUR, facts.area_cut(told.film[arm])
        axes.plot(hours, area, color=colour, lw=1.2)
        _ends_at(axes, (hours[-1], area[-1]), f" {area[-1]:,.0f}", colour)
    axes.set_xlim(0, hours[-1])
    axes.set_ylim(0, None)
    _plain(axes, "hours", "gelatin\ncut (µm²)")


def _ends_at(axes: Axes, point: tuple[float, float], said: str, colour: str) -> None:
    """What a line ends at, beside its end."""
    axes.text(*point, said, fontsize=SMALL, color=colour, va="center", fontweight="bold", clip_on=False)


def _tissue(card: Card, told: Told) -> None:
    """The tissue at its end, with and without."""
    side = 26.6
    for i, arm in enumerate((INTACT, WITHOUT)):
        dish = reading(told.tissue[arm], ("exosomes", "bound_exosomes"))
        axes = card.axes(1.4 + i * (side + 1.0), 13.6, side, side)
        draw_tissue(axes, dish, len(dish) - 1, bar=i == 1)
        gene = "" if arm == INTACT else f"without {told.story.without}, "
        card.say(1.8 + i * (side + 1.0), 40.6, f"{gene}day {dish.times[-1] / DAY:g}", fontsize=TINY, color=FAINT)
    axes = card.axes(1.4, 9.2, 2 * side + 1, 4)
    axes.set_axis_off()
    axes.legend(
        handles=tissue_key(),
        loc="center",
        ncols=5,
        fontsize=4.8,
        handletextpad=-0.3,
        columnspacing=0.45,
        borderpad=0,
        frameon=False,
    )


def _t_cells(card: Card, told: Told) -> None:
    """Tumour cells and those killed over days; restraint and transformation in words."""
    left, right = card.axes(7.5, 23.6, 16, 17.0), card.axes(35, 23.6, 16, 17.0)
    for arm, colour in ((WITHOUT, CONTROL), (INTACT, COLOURS[4])):
        data = told.tissue[arm].data
        days = data["time"].values / DAY
        killed = (data["events_killing_of_tumour"] + data["events_killing_of_transformed"]).values
        for axes, values in ((left, data["cells_tumour"].values), (right, killed)):
            axes.step(days, values, where="post", color=colour, lw=1.3)
            _ends_at(axes, (days[-1], values[-1]), f" {values[-1]:.0f}", colour)
            axes.set_xlim(0, days[-1])
            axes.set_ylim(0, 1.08 * max(values.max(), axes.get_ylim()[1] / 1.08))
    _plain(left, "days", "tumour cells")
    _plain(right, "days", "killed by T cells")
    a, b = (facts.tissue_facts(told.tissue[arm]) for arm in (INTACT, WITHOUT))
    card.say(1.8, 16.0, "hits that PD-L1 takes from a bound T cell", fontsize=TINY)
    card.say(1.8, 12.8, "PD-L1 molecules from exosomes on a T cell", fontsize=TINY)
    card.say(1.8, 9.6, "neighbours transformed, as expected", fontsize=TINY)
    for y, own, other in (
        (16.0, f"{a['restraint']:.0%}", f"{b['restraint']:.0%}"),
        (12.8, f"{a['exosomal']:.0f}", f"{b['exosomal']:.0f}"),
        (9.6, f"{a['expected']:.2%}", f"{b['expected']:.2%}"),
    ):
        card.say(47, y, own, fontsize=SMALL, ha="right", fontweight="bold", color=COLOURS[4])
        card.say(55, y, other, fontsize=SMALL, ha="right", color=CONTROL, fontweight="bold")


def _body(card: Card, told: Told) -> None:
    """Tumour, blood and second site over years."""
    axes = card.axes(9.5, 11.2, 45.5, 26.0)
    draw_body(axes, told.body, told.story.without)
    _plain(axes, "years", "number in the body")
