"""Figures of the assays of bodies: what arms predict, and the animals that were read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exude.errors import ProtocolError, refuse
from exude.experiment.assays.metastasis import Metastasis
from exude.experiment.assays.survival import Survival
from exude.experiment.assays.tumour_growth import TumourGrowth
from exude.experiment.cohort import DAY, CohortRun
from exude.show.cohort_axes import QUANTILES, colours_of, draw_survival
from exude.show.style import INK, new_figure, settled, style, wrap

WIDTH, HEIGHT = 88, 72
"""Of a figure, mm."""
SMALL, LETTERS = 6.0, 72
"""Size of the words below a figure, in points, and letters in a line of them."""
JITTER = 0.25
"""Half the width over which animals of an arm stand beside each other."""
MARK = 3.0
BELOW = 0.1
"""How far an axis goes on below a count of 0, so that its marks are whole."""
Arms = Mapping[str, CohortRun]
Seen = Mapping[str, xr.Dataset]
"""Measured data by arm, named as the assay's `measure` names them."""


def growth_figure(arms: Arms, assay: TumourGrowth | None = None, seen: Seen | None = None) -> Figure:
    """Volume against time: median and 5 to 95 % of living members; thin lines: animals that were read."""
    assay = assay or TumourGrowth()

    def draw(axes: Axes) -> None:
        for label, run in arms.items():
            colour, volume = colours_of(arms)[label], assay.volume(run).values
            kept = np.isfinite(volume).sum(axis=0) > 1
            days = run.data.time.values[kept] / DAY
            low, middle, high = np.nanquantile(np.maximum(volume[:, kept], assay.noise.floor), QUANTILES, axis=0)
            axes.fill_between(days, low, high, color=colour, alpha=0.18, lw=0)
            axes.plot(days, middle, color=colour, label=label)
            if seen and label in seen:
                data = seen[label]
                axes.plot(data.time.values / DAY, data.volume.transpose("time", ...).values, color=colour, lw=0.5)
        axes.set_yscale("log")
        axes.set_xlabel("days")
        axes.set_ylabel("volume of the tumour (mm³)")

    return _figure(
        arms, draw, "line and band: median and 5 to 95 % of living members, what can be felt at least; thin: read"
    )


def metastasis_figure(arms: Arms, assay: Metastasis | None = None, seen: Seen | None = None) -> Figure:
    """Metastases of each member, arm by arm, with the mean; open marks: animals that were read."""
    assay = assay or Metastasis()

    def draw(axes: Axes) -> None:
        for i, (label, run) in enumerate(arms.items()):
            colour, counts = colours_of(arms)[label], assay.observable(run)["metastases"].values
            axes.plot(i + _spread(len(counts)), counts, ".", color=colour, ms=MARK, alpha=0.5, mew=0)
            axes.plot([i - JITTER, i + JITTER], [counts.mean()] * 2, color=INK)
            if seen and label in seen:
                found = np.atleast_1d(seen[label].metastases.values)
                axes.plot(i + _spread(len(found)), found, "o", mfc="none", mec=INK, ms=MARK, mew=0.7)
        axes.set_xticks(range(len(arms)), [wrap(label, 16) for label in arms])
        axes.set_xlim(-1 / 2, len(arms) - 1 / 2)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(-BELOW, max(axes.get_ylim()[1], 1))
        axes.set_ylabel("metastases that are seen")

    return _figure(arms, draw, "dots: members; bar: their mean" + ("; circles: read" if seen else ""), legend=False)


def survival_figure(arms: Arms, assay: Survival | None = None, seen: Seen | None = None) -> Figure:
    """Share alive with its band; steps of animals that were read are dashed."""

    def draw(axes: Axes) -> None:
        draw_survival(axes, arms)
        for label, data in (seen or {}).items():
            end, died = np.atleast_1d(data.end.values), np.atleast_1d(data.died.values)
            times = np.unique(end)
            left = [np.sum((end == t) & (died == 1)) / np.sum(end >= t) for t in times]
            axes.step(
                [0, *times / DAY], [1, *np.cumprod(1 - np.array(left))], where="post", color=colours_of(arms)[label],
                ls=(0, (3, 2)), lw=0.8,
            )  # fmt: skip

    return _figure(arms, draw, "Kaplan and Meier with 95 % bands" + ("; dashed: read" if seen else ""))


FIGURES: dict[str, Callable[..., Figure]] = {
    "tumour_growth": growth_figure,
    "metastasis": metastasis_figure,
    "survival": survival_figure,
}
"""By the name of the assay."""


def _spread(number: int) -> np.ndarray:
    """Places beside each other, the same at every run; neighbours in number far apart."""
    golden = (5**0.5 - 1) / 2
    return (np.arange(number) * golden % 1 - 1 / 2) * 2 * JITTER


def _figure(arms: Arms, draw: Callable[[Axes], None], note: str, *, legend: bool = True) -> Figure:
    if not arms:
        raise refuse(ProtocolError, dict(arms), "one or more cohorts by name", "Give {'untreated': run_cohort(...)}.")
    with style():
        figure = new_figure(WIDTH, HEIGHT)
        axes = figure.subplots()
        draw(axes)
        if legend:
            figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        figure.supxlabel(wrap(f"coarse, well-mixed compartments; {note}", LETTERS), fontsize=SMALL, color=INK)
        return settled(figure)
