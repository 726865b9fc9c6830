"""The figure of docs/closures.md: the errors that `closure_error` measures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from closure_error import CONDITIONS, RELEASED, SEEN, STAGES, Error, Floats
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from exude.show.style import CONTROL, FAINT, PALETTE, new_figure, settled, style

FLOOR = 1e-3
"""Errors below a tenth of a per cent are drawn there."""


def figure(many: Error, held: Floats, apart: Mapping[str, Error]) -> Figure:
    """The error of every observable; of releases by the share of copies held (set,); by closure."""
    with style():
        drawn_on = new_figure(180, 130)
        top, low = drawn_on.subfigures(2, 1, hspace=0.02)
        left, right = low.subplots(1, 2)
        _every_observable(top.add_subplot(), many)
        _by_share_held(left, held, many)
        _by_closure(right, apart)
        return settled(drawn_on)


def _axis(axes: Axes, title: str) -> None:
    axes.set_yscale("log")
    axes.set_ylim(0.8 * FLOOR, 3)
    axes.set_yticks([0.001, 0.01, 0.1, 1], ["< 0.1", "1", "10", "100"])
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_ylabel("error of the mean field (%)")


def _strip(axes: Axes, place: float, sizes: Floats, colour: str, width: float) -> None:
    """One dot per value, spread sideways, and a line at the 95 % quantile."""
    kept = np.sort(sizes[np.isfinite(sizes)])
    aside = width * (np.random.default_rng(0).random(len(kept)) - 0.5)
    axes.plot(place + aside, np.maximum(kept, FLOOR), ".", ms=2.2, color=colour, alpha=0.6, mew=0)
    most = max(float(np.quantile(kept, 0.95)), FLOOR)
    axes.plot([place - 0.7 * width, place + 0.7 * width], [most, most], color=colour, lw=1.4)


def _every_observable(axes: Axes, many: Error) -> None:
    _axis(axes, f"A  Every observable, {len(many.value)} sets")
    for i, condition in enumerate(CONDITIONS):
        for j in range(len(SEEN)):
            _strip(axes, j + 0.36 * (i - 0.5), many.size[:, i, j], PALETTE[i], 0.26)
        axes.plot([], [], "o", ms=3, color=PALETTE[i], label=condition)
    axes.set_xticks(range(len(SEEN)), [name.replace(" ", "\n", 1) for name in SEEN])
    axes.legend(loc="upper right", ncols=2)


def _by_share_held(axes: Axes, held: Floats, many: Error) -> None:
    _axis(axes, "B  Fusions, exosomes and cargo")
    for i in range(len(CONDITIONS)):
        sizes = many.size[:, i, RELEASED]
        axes.plot(np.repeat(100 * held, 3), np.maximum(sizes.ravel(), FLOOR), ".", ms=3, color=PALETTE[i], mew=0)
    axes.axvspan(50, 101, color=CONTROL, alpha=0.2, lw=0)
    axes.set_xlabel("copies of Munc13-4 that primed MVBs hold (%)")


def _by_closure(axes: Axes, apart: Mapping[str, Error]) -> None:
    sets = len(next(iter(apart.values())).value)
    _axis(axes, f"C  One closure at a time, {sets} sets")
    for place, e in enumerate(apart.values()):
        _strip(axes, place - 0.18, e.size[..., STAGES].ravel(), CONTROL, 0.26)
        _strip(axes, place + 0.18, e.size[..., RELEASED].ravel(), PALETTE[2], 0.26)
    axes.plot([], [], "o", ms=3, color=CONTROL, label="stages")
    axes.plot([], [], "o", ms=3, color=PALETTE[2], label="fusions, exosomes, cargo")
    axes.set_xticks(range(len(apart)), [name.replace(" ", "\n", 1) for name in apart])
    axes.set_xlabel("closures in the model")
    axes.legend(loc="upper left", fontsize=6.5)
    axes.tick_params(axis="x", colors=FAINT)
