"""Figures of a study: one statement, all of them; and the place to import figures of runs and readings from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from matplotlib.figure import Figure

from exude.experiment.panels import Bars, Grid, Panel
from exude.show.assay_figures import assay_figure
from exude.show.axes import Room, draw_on
from exude.show.course_figures import calcium_release_figure, course_figure, raster_figure, size_figure
from exude.show.dose_figures import dose_figure, dose_response
from exude.show.pathway import pathway
from exude.show.pathway_figure import pathway_figure
from exude.show.run_figures import figure_of, run_figure, summary_figure
from exude.show.style import FAINT, new_figure, save, settled, style, wrap, write
from exude.show.words import is_weak

__all__ = [
    "assay_figure", "calcium_release_figure", "course_figure", "dose_figure", "dose_response", "draw", "figure_of",
    "pathway", "pathway_figure", "raster_figure", "run_figure", "save", "size_figure", "summary", "summary_figure",
    "write",
]  # fmt: skip

VERDICTS = {"agrees": ("✓", "#00724F"), "disagrees": ("✗", "#B34700"), "not scored": ("–", FAINT)}
"""Mark and colour of a verdict; the word is always written beside it."""

LEGEND = "Bars and lines: prediction, with its 95 % interval; dots: single parameter sets; grey: unperturbed cells; orange: reported."

LEGEND_LETTERS = 165
"""In a line below the summary."""
COLUMNS = 3
GRID_COLUMNS = 2


def draw(panel: Panel) -> Figure:
    """One statement as a figure of 130 mm width, several axes as one of 183 mm."""
    with style():
        if isinstance(panel, Grid):
            return _grid(panel)
        bars = isinstance(panel, Bars)
        lines = sum(wrap(label, 30).count("\n") + 1 for label in panel.labels) if isinstance(panel, Bars) else 0
        height = max(52.0, 30.0 + 5.0 * lines + 3.0 * len(getattr(panel, "labels", ()))) if bars else 78.0
        figure = new_figure(130, height)
        axes = figure.add_subplot()
        draw_on(axes, panel, Room(width=225, height=max(70.0, (height - 32) * 2.83), size=7, letters=30))
        figure.suptitle(wrap(panel.title, 72), x=0.01, ha="left", fontsize=9, fontweight="bold")
        if panel.note:
            figure.supxlabel(wrap(panel.note, 104), x=0.01, ha="left", fontsize=6.5, color=FAINT)
        return settled(figure)


def _grid(panel: Grid) -> Figure:
    """Small axes two by two, lettered; the x axis is named below the last row."""
    deep = -(-len(panel.parts) // GRID_COLUMNS)
    figure = new_figure(183, 14 + 56.0 * deep)
    figure.suptitle(panel.title, x=0.01, ha="left", fontsize=9, fontweight="bold")
    figure.supxlabel(wrap(panel.note, 150), x=0.01, ha="left", fontsize=6.5, color=FAINT)
    places: Any = figure.subfigures(deep, GRID_COLUMNS, wspace=0.02, hspace=0.02, squeeze=False)
    for i, (place, part) in enumerate(zip(places.flat, panel.parts, strict=False)):
        last = i >= len(panel.parts) - GRID_COLUMNS
        axes = place.add_subplot()
        draw_on(axes, part if last else replace(part, xlabel=""), Room(width=150, height=92, size=6.5))
        axes.tick_params(labelsize=6.5)
        axes.xaxis.label.set_size(7)
        axes.yaxis.label.set_size(7)
        letter = chr(ord("a") + i)
        place.suptitle(wrap(f"{letter}  {part.title}", 60), x=0.02, ha="left", fontsize=7.5, fontweight="bold")
        place.supxlabel(part.note, x=0.02, ha="left", fontsize=6.5, color=FAINT)
    return settled(figure)


def summary(panels: Mapping[str, Panel], rows: Sequence[Mapping[str, Any]]) -> Figure:
    """The whole study: one small panel per statement, with its verdict and role; rows of a quick one say so."""
    with style():
        count = max(len(panels), 1)
        deep = -(-count // COLUMNS)
        figure = new_figure(203.2, 12 + 54.0 * deep)
        quick = "".join(dict.fromkeys(f" {row['quick']}." for row in rows if row.get("quick")))
        figure.supxlabel(wrap(LEGEND + quick, LEGEND_LETTERS), x=0.01, ha="left", fontsize=6.3, color=FAINT)
        grid: Any = figure.subfigures(deep, COLUMNS, wspace=0.03, hspace=0.02, squeeze=False)
        for place, (name, panel) in zip(grid.flat, panels.items(), strict=False):
            axes = place.add_subplot()
            draw_on(axes, panel, _small_room(panel))
            axes.tick_params(labelsize=6)
            axes.xaxis.label.set_size(6.3)
            axes.yaxis.label.set_size(6.3)
            place.suptitle(wrap(panel.title, 44), x=0.02, ha="left", fontsize=7, fontweight="bold", linespacing=1.1)
            text, colour = verdict_line([row for row in rows if row["id"] == name])
            place.supxlabel(text, x=0.02, ha="left", fontsize=6.6, color=colour, fontweight="bold")
        return settled(figure)


def _small_room(panel: Panel) -> Room:
    """Space in a panel of the summary; bars share theirs with their names."""
    if not isinstance(panel, Bars):
        return Room(width=142, height=78, size=6)
    return Room(width=110, height=78, size=6, letters=20 if len(panel.labels) <= 4 else 28)


def verdict_line(rows: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """Verdict and role of one statement in words, and the colour: '✓ agrees, predicted'.

    Rows under a rival hypothesis are left out; where a statement has several rows, they are counted.
    """
    own = [row for row in rows if not row.get("hypothesis")]
    verdicts = [str(row["verdict"]) for row in own]
    scored = [verdict for verdict in verdicts if verdict != "not scored"]
    roles = " and ".join(dict.fromkeys(str(row["role"]) for row in own))
    if not scored:
        mark, colour = VERDICTS["not scored"]
        return f"{mark} not scored" + (f" · {roles}" if roles else ""), colour
    worst = "disagrees" if "disagrees" in scored else "agrees"
    mark, colour = VERDICTS[worst]
    agree = scored.count("agrees")
    text = worst if len(scored) == 1 else "agrees" if agree == len(scored) else f"{agree} of {len(scored)} rows agree"
    count = f" ({len(scored)} rows)" if len(scored) > 1 and agree == len(scored) else ""
    weak = " · weak" if any(is_weak(row) for row in own) else ""
    return f"{mark} {text}{count} · {roles}{weak}", colour
