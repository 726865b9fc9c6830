"""A virtual cohort drawn on axes: survival with its band, burden of single members, metastases at the end."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exude.errors import ProtocolError, refuse
from exude.experiment.cohort import DAY, CohortRun, survival
from exude.show.style import CONTROL, FAINT, INK, PALETTE, is_control, new_figure, settled, style, wrap

QUANTILES = (1 / 20, 1 / 2, 19 / 20)
MOST_LINES = 60
"""Members drawn one by one; more would be a blot."""
WIDTH, HEIGHT = 176, 72
"""Of a figure of three panels, mm."""
SMALL, LETTERS = 6.0, 150
"""Size of the words below a figure, in points, and letters in a line of them."""
LONG = 40
"""Letters after which the name of an arm is cut short below the figure."""
MOST_LETTERS, KEY_LETTERS = 90, 12
"""Letters of a line of the legend, and how many a key takes."""
NOTE = "coarse: well-mixed compartments; bands of survival are 95 % (Kaplan and Meier), of burden 5 to 95 % of living members"


def colours_of(labels: Mapping[str, object] | list[str]) -> dict[str, str]:
    """A colour for each arm, grey for the untreated one."""
    others = iter(PALETTE * len(list(labels)))
    return {label: CONTROL if is_control(label) else next(others) for label in labels}


def draw_survival(axes: Axes, arms: Mapping[str, CohortRun]) -> None:
    """Share alive over days, one step line with its band per arm; ticks where members outlived the run."""
    colours = colours_of(arms)
    for label, run in arms.items():
        table = survival(run)
        days = table.time.values / DAY
        axes.fill_between(days, table.low, table.high, step="post", color=colours[label], alpha=0.18, lw=0)
        axes.step(days, table.alive, where="post", color=colours[label], label=label)
        censored = run.data.end.values[run.data.died.values == 0] / DAY
        axes.plot(
            censored[:1], [float(table.alive[-1])] * len(censored[:1]), "|", color=colours[label], ms=6, clip_on=False
        )
    axes.set_ylim(0, 1.02)
    axes.set_xlim(0, max(run.cohort.days for run in arms.values()))
    axes.set_xlabel("days")
    axes.set_ylabel("share alive")


def draw_burden(
    axes: Axes, arms: Mapping[str, CohortRun], what: str = "primary", ylabel: str = "cells of the tumour"
) -> None:
    """A quantity of living members over days on a logarithmic axis: the middle one and the band that holds 90 %."""
    colours = colours_of(arms)
    for label, run in arms.items():
        values = np.maximum(run.data[what].values, 1)
        alive = np.isfinite(run.data[what].values)
        several = alive.sum(axis=0) > 1
        days = run.data.time.values[several] / DAY
        low, middle, high = np.nanquantile(np.where(alive, values, np.nan)[:, several], QUANTILES, axis=0)
        axes.fill_between(days, low, high, color=colours[label], alpha=0.18, lw=0)
        axes.plot(days, middle, color=colours[label])
        if len(arms) == 1:
            axes.plot(run.data.time.values / DAY, values[:MOST_LINES].T, color=FAINT, lw=0.3, alpha=0.5, zorder=1)
    axes.set_yscale("log")
    axes.set_xlabel("days")
    axes.set_ylabel(ylabel)


def draw_metastases(axes: Axes, arms: Mapping[str, CohortRun]) -> None:
    """Lasting colonies of each member at its end: the share of members with at most so many."""
    colours = colours_of(arms)
    for label, run in arms.items():
        last = np.nanmax(run.data.lasting.values, axis=1)
        axes.step([0, *np.sort(last)], np.arange(len(last) + 1) / len(last), where="post", color=colours[label])
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(0, None)
    axes.set_ylim(0, 1.02)
    axes.set_xlabel("lasting colonies at the end")
    axes.set_ylabel("share of members")


def cohort_figure(arms: Mapping[str, CohortRun]) -> Figure:
    """Survival, burden and metastases of the arms of a trial side by side; ProtocolError where there is none."""
    if not arms:
        raise refuse(ProtocolError, dict(arms), "one or more cohorts by name", "Give {'untreated': run_cohort(...)}.")
    with style():
        figure = new_figure(WIDTH, HEIGHT)
        panels = figure.subplots(1, 3)
        draw_survival(panels[0], arms)
        draw_burden(panels[1], arms)
        draw_metastases(panels[2], arms)
        lines, labels = panels[0].get_legend_handles_labels()
        columns = len(arms) if sum(map(len, labels)) + len(arms) * KEY_LETTERS <= MOST_LETTERS else 1
        said = [wrap(label, MOST_LETTERS) for label in labels]
        figure.legend(lines, said, loc="outside upper center", ncols=columns)
        figure.supxlabel(wrap(f"{_sizes(arms)}; {NOTE}", LETTERS), fontsize=SMALL, color=INK)
        return settled(figure)


def _sizes(arms: Mapping[str, CohortRun]) -> str:
    """How many members each arm has, and how many could not be run."""
    words = [
        f"{label if len(label) <= LONG else f'{label[:LONG]} ...'}: {run.data.sizes['member']}"
        + (f" ({len(run.failed)} failed)" if run.failed else "")
        for label, run in arms.items()
    ]
    return "members " + ", ".join(words)
