"""Each kind of panel drawn on axes: bars, curves, distributions."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from exude.experiment.panels import Array, Bars, Curves, Distributions, Grid, Panel, Series
from exude.show.style import BAND, CONTROL, FAINT, INK, PALETTE, REPORTED_INK, WINDOWS, is_control, width_of, wrap
from exude.show.words import micro, said

FEWEST_FOR_DENSITY = 30
"""Samples below this are shown as steps (cumulative share): a smoothed curve would claim more than is known."""


FEW_POINTS = 8
"""So many points of a bar, replicates of an assay, are drawn large and before all else."""
LOG_PAD = 2.0
"""Room above and below lines on a logarithmic axis, a factor."""
BACKING = {"facecolor": "white", "alpha": 0.75, "edgecolor": "none", "pad": 0.8}
"""Lets words be read where a line runs behind them."""


@dataclass(frozen=True)
class Room:
    """Space a panel has: width of the axes in points (about), font size of labels, letters per bar label."""

    width: float = 230.0
    height: float = 150.0
    size: float = 7.0
    letters: int = 26


def draw_on(axes: Axes, panel: Panel, room: Room) -> None:
    """Draw a panel of any kind."""
    match panel:
        case Bars():
            draw_bars(axes, panel, room)
        case Curves():
            draw_curves(axes, panel, room)
        case Distributions():
            draw_distributions(axes, panel, room)
        case Grid():
            draw_on(axes, panel.parts[panel.lead], room)


def draw_bars(axes: Axes, panel: Bars, room: Room) -> None:
    """Horizontal bars from zero, first condition on top; whiskers are the 95 % interval, dots single draws."""
    place = np.arange(len(panel.labels))
    values = np.asarray(panel.values, float)
    colours = [CONTROL if is_control(label) else PALETTE[0] for label in panel.labels]
    axes.barh(place, values, height=0.62, color=colours, alpha=0.55, linewidth=0, zorder=2)
    low, high = np.asarray(panel.low, float), np.asarray(panel.high, float)
    for i, single in enumerate(panel.points):
        few = len(single) <= FEW_POINTS
        lift = 0.22 * (np.linspace(-1, 1, len(single)) if few else np.sin(2.4 * np.arange(len(single))))
        size, order = (3.8, 6) if few else (2.0, 3)
        axes.plot(single, place[i] + lift, "o", color=colours[i], ms=size, mec="white", mew=0.12 * size, zorder=order)
    axes.hlines(place, low, high, color=INK, lw=1.0, zorder=4)
    axes.plot(values, place, "|", color=INK, ms=6, mew=1.4, zorder=5)
    axes.axvline(0, color=INK, lw=0.6, zorder=1)
    axes.set_yticks(place, [wrap(label, room.letters) for label in panel.labels])
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(place) - 0.5, -0.5)
    axes.set_xlabel(wrap(micro(panel.ylabel), int(1.2 * _letters(room))))
    axes.margins(x=0.06)
    if panel.band is not None:
        axes.axvspan(*panel.band, color=BAND, alpha=0.25, lw=0, zorder=0)
        axes.set_ylim(len(place) - 0.5, -0.5 - _top_share(room) * len(place))
        label = wrap(panel.band_label or "reported", _letters(room))
        _tag_in_band(axes, label, panel.band, room)


def _tag_in_band(axes: Axes, label: str, band: tuple[float, float], room: Room) -> None:
    """Name a vertical band at the top of the axes, kept inside them."""
    axes.autoscale_view()
    left, right = axes.get_xlim()
    start, stop = ((edge - left) / (right - left) for edge in band)
    wide = width_of(label, room.size) / room.width
    if wide < stop - start:
        share = (start + stop) / 2
    else:  # wider than the band: begin or end with it, whichever leaves more room
        share = start + 0.01 + wide / 2 if start + stop < 1 else stop - 0.01 - wide / 2
    share = min(max(share, wide / 2), max(1 - wide / 2, wide / 2))
    axes.text(
        share, 0.99, label, transform=axes.transAxes, ha="center", va="top", fontsize=room.size, color=REPORTED_INK, zorder=6
    )  # fmt: skip


def draw_curves(axes: Axes, panel: Curves, room: Room) -> None:
    """Lines with 95 % bands, each named at its right end; shaded windows named on top."""
    if panel.log_x:
        axes.set_xscale("log")
    if panel.log_y:
        axes.set_yscale("log")
    shade_windows(axes, panel.windows)
    if panel.band is not None:
        axes.axhspan(*panel.band, color=BAND, alpha=0.25, lw=0, zorder=0.5)
    colours = series_colours([s.control for s in panel.series])
    for series, colour in zip(panel.series, colours, strict=True):
        if series.low is not None and series.high is not None:
            shade = 0.07 if series.single else 0.18
            axes.fill_between(series.x, series.low, series.high, color=colour, alpha=shade, lw=0, zorder=1.5)
        for line in series.single:
            axes.plot(series.x, line, color=colour, lw=0.5, alpha=0.55, zorder=1.8)
        few = len(series.x) <= 12
        axes.plot(
            series.x, series.y, color=colour, marker="o" if few else "", ms=2.8, clip_on=not few, zorder=3 - series.control / 2
        )  # fmt: skip
    _limits(axes, panel)
    top_tags(axes, [(a, b, text, FAINT) for a, b, text in sorted(panel.windows)], room, log=panel.log_x)
    if panel.band is not None:
        _tag_beside_band(axes, panel, room)
    axes.set_xlabel(wrap(micro(panel.xlabel), _letters(room)))
    axes.set_ylabel(wrap(micro(panel.ylabel), int(1.1 * room.height / room.size / 0.56)))
    if panel.log_x:
        _plain_log_ticks(axes, panel)
    if len(panel.series) > 1:
        name_ends(axes, panel.series, colours, room)


def shade_windows(axes: Axes, windows: Sequence[tuple[float, float, str]]) -> None:
    """Shade spans of x, neighbours in two tones."""
    for i, (start, stop, _) in enumerate(sorted(windows)):
        axes.axvspan(start, stop, color=WINDOWS[i % 2], lw=0, zorder=0)


def _plain_log_ticks(axes: Axes, panel: Curves) -> None:
    """Ticks as plain numbers, at the points themselves where they are few; as the panel writes them where it does."""
    xs = np.unique(np.concatenate([s.x for s in panel.series]))
    axes.xaxis.set_minor_locator(NullLocator())
    if panel.ticks:
        axes.set_xticks([at for at, _ in panel.ticks], [text for _, text in panel.ticks])
        return
    if 2 <= len(xs) <= 7:
        axes.set_xticks(xs)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value)))


def _limits(axes: Axes, panel: Curves) -> None:
    """Axes that hold all lines and bands, zero where it is near, and no room wasted at the sides."""
    xs = np.concatenate([s.x for s in panel.series])
    edges = [e for s in panel.series for e in (s.y, s.low, s.high) if e is not None]
    drawn = [np.asarray(line.get_ydata(), float) for line in axes.lines]
    ys = np.concatenate([*edges, *drawn, np.asarray(panel.band or (), float)])
    ys, xs = ys[np.isfinite(ys)], xs[np.isfinite(xs)]
    low, high = (float(ys.min()), float(ys.max())) if ys.size else (0.0, 1.0)
    if panel.log_y:
        axes.set_ylim(low / LOG_PAD, high * LOG_PAD)
        axes.set_xlim(float(xs.min()), float(xs.max()))
        return
    if low > 0 and (panel.from_zero or low < 0.6 * high):
        low = 0.0
    pad = 0.05 * ((high - low) or abs(high) or 1.0)
    axes.set_ylim(low - (pad if low < 0 else 0), high + pad)
    axes.set_xlim(float(xs.min()), float(xs.max()) if xs.max() > xs.min() else float(xs.min()) + 1)


def name_ends(axes: Axes, series: Sequence[Series], colours: Sequence[str], room: Room) -> None:
    """Write each line's name at its right end, moved apart where two would touch."""
    low, high = axes.get_ylim()
    texts = [wrap(s.label, 16) for s in series]
    heights = [(text.count("\n") + 1) * room.size * 1.25 / room.height for text in texts]
    scale = math.log if axes.get_yscale() == "log" else float
    ends = [(scale(_last(s.y)) - scale(low)) / (scale(high) - scale(low)) for s in series]
    for i, at in spread_apart(ends, heights).items():
        axes.annotate(
            texts[i], (1.025, at), xycoords="axes fraction", va="center", ha="left", color=colours[i],
            fontsize=room.size, annotation_clip=False, linespacing=1.05,
        )  # fmt: skip


def spread_apart(wanted: Sequence[float], heights: Sequence[float]) -> dict[int, float]:
    """Places nearest to the wanted ones at which labels of these heights do not touch, 0 to 1."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed: dict[int, float] = {}
    floor = -0.05
    for i in order:
        placed[i] = max(wanted[i], floor + heights[i] / 2)
        floor = placed[i] + heights[i] / 2
    ceiling = 1.05
    for i in reversed(order):
        placed[i] = min(placed[i], ceiling - heights[i] / 2)
        ceiling = placed[i] - heights[i] / 2
    return placed


def _tag_beside_band(axes: Axes, panel: Curves, room: Room) -> None:
    """Name a horizontal band at the side where no line runs through the name."""
    assert panel.band is not None
    middle = sum(panel.band) / 2
    near = {
        side: min((abs(_first(s.y) if side == "left" else _last(s.y)) - middle) ** 2 for s in panel.series)
        for side in ("left", "right")
    }
    side = max(near, key=lambda name: near[name])
    axes.annotate(
        panel.band_label or "reported", (0.02 if side == "left" else 0.98, panel.band[1]),
        xycoords=("axes fraction", "data"), xytext=(0, 1.5), textcoords="offset points", ha=side, va="bottom",
        fontsize=room.size, color=REPORTED_INK, zorder=6, bbox=BACKING,
    )  # fmt: skip


Tag = tuple[float, float, str, str]
"""Start and end on the x axis, words, colour."""


def top_tags(axes: Axes, tags: Sequence[Tag], room: Room, *, log: bool = False, above: int = 0) -> None:
    """Name spans of x above the data, in as many rows as keep the names apart; the axes grow to hold them.

    `above`: rows of text that stand there already.
    """
    if not tags and not above:
        return
    scale = math.log10 if log else float
    left, right = (scale(edge) for edge in axes.get_xlim())
    spans = [((scale(a) - left) / (right - left), (scale(b) - left) / (right - left), text) for a, b, text, _ in tags]
    placed = rows_of(spans, room)
    rows = above + max((row + 1 for _, row in placed), default=0)
    low, high = axes.get_ylim()
    step = room.size * 1.35 / room.height
    axes.set_ylim(low, low + (high - low) / max(1 - step * (rows + 0.2), 0.4))
    for (middle, row), (_, _, text, colour) in zip(placed, tags, strict=True):
        axes.text(
            middle, 1 - step * (above + row), text, transform=axes.transAxes, ha="center", va="top",
            fontsize=room.size, color=colour, zorder=6,
        )  # fmt: skip


def rows_of(spans: Sequence[tuple[float, float, str]], room: Room) -> list[tuple[float, int]]:
    """Middle and row of each name, such that names in one row do not touch; spans are shares of the width."""
    edges: list[float] = []
    placed: list[tuple[float, int]] = []
    for start, stop, text in spans:
        half = width_of(text, room.size) / room.width / 2
        middle = min(max((start + stop) / 2, half), max(1 - half, half))
        row = next((i for i, edge in enumerate(edges) if edge <= middle - half), len(edges))
        edges[row:row + 1] = [middle + half + 0.02]  # fmt: skip
        placed.append((middle, row))
    return placed


def draw_distributions(axes: Axes, panel: Distributions, room: Room) -> None:
    """Smoothed densities, or cumulative shares where a sample is small; names with median and number on top."""
    samples = [(label, values[np.isfinite(values)]) for label, values in panel.samples]
    colours = series_colours([is_control(label) for label, _ in samples])
    smooth = all(len(v) >= FEWEST_FOR_DENSITY and np.ptp(v) > 0 for _, v in samples)
    log = _far_apart([v for _, v in samples])
    if log:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: said(value)))
    for (_, values), colour in zip(samples, colours, strict=True):
        if smooth:
            x, y = density(np.log10(values), bounded=False) if log else density(values)
            x = 10**x if log else x
            axes.plot(x, y, color=colour)
            axes.fill_between(x, 0, y, color=colour, alpha=0.15, lw=0)
        elif len(values):
            axes.ecdf(values, color=colour)
    unit = re.search(r"\(([^()]+)\)\s*$", micro(panel.xlabel))
    per = " (per decade)" if log else f" (1/{unit.group(1)})" if unit and unit.group(1) != "1" else ""
    axes.set_ylabel(f"density{per}" if smooth else "cumulative share")
    axes.set_xlabel(wrap(micro(panel.xlabel), _letters(room)))
    axes.set_ylim(bottom=0)
    if smooth and not log:
        _trim(axes, [v for _, v in samples])
    top = axes.get_ylim()[1]
    axes.vlines([at for at, _ in panel.marks], 0, top, color=REPORTED_INK, lw=0.9, ls=(0, (3, 2)), zorder=1)
    names = [f"{label}: median {said(float(np.median(v))) if len(v) else '–'} (n = {len(v):,})" for label, v in samples]
    rows = _key(axes, names, colours, room)
    top_tags(axes, [(at, at, text, REPORTED_INK) for at, text in sorted(panel.marks)], room, log=log, above=rows)


def _far_apart(samples: Sequence[Array]) -> bool:
    """Whether positive samples differ so much that only a logarithmic axis shows all of them."""
    if not all(len(v) and v.min() > 0 for v in samples):
        return False
    medians = [float(np.median(v)) for v in samples]
    return bool(medians) and max(medians) > 8 * min(medians)


def _trim(axes: Axes, samples: Sequence[Array]) -> None:
    """End the axis where the last 0.5 % of the widest sample begins, so that the body can be read."""
    low = min(float(np.min(v)) for v in samples)
    high = max(float(np.quantile(v, 0.995)) for v in samples)
    pad = 0.08 * (high - low or 1.0)
    axes.set_xlim(max(low - pad, 0.0) if low >= 0 else low - pad, high + pad)


def _key(axes: Axes, names: Sequence[str], colours: Sequence[str], room: Room) -> int:
    """Coloured lines of text at the top: label, median, number. Returns the rows they take."""
    lines = [wrap(name, _letters(room)) for name in names]
    rows = 0
    for line, colour in zip(lines, colours, strict=True):
        at = 1.0 - room.size * 1.35 / room.height * rows
        axes.text(
            0.99, at, line, transform=axes.transAxes, ha="right", va="top", color=colour, fontsize=room.size, zorder=6
        )  # fmt: skip
        rows += line.count("\n") + 1
    return rows


def density(values: Array, *, bounded: bool = True) -> tuple[Array, Array]:
    """Gaussian kernel density; `bounded` reflects it at zero for quantities that cannot be negative."""
    from scipy.stats import gaussian_kde

    kernel = gaussian_kde(values)
    spread = 3 * float(np.sqrt(kernel.covariance[0, 0]))
    low, high = float(values.min()) - spread, float(values.max()) + spread
    positive = bounded and float(values.min()) >= 0
    x = np.linspace(max(low, 0.0) if positive else low, high, 256)
    y = kernel(x) + (kernel(-x) if positive else 0.0)
    return x, np.asarray(y, float)


def series_colours(controls: Sequence[bool]) -> list[str]:
    """Grey for controls, then the palette in order."""
    rest = iter(PALETTE * (len(controls) // len(PALETTE) + 1))
    return [CONTROL if control else next(rest) for control in controls]


def _letters(room: Room) -> int:
    return max(10, int(room.width / room.size / 0.56))


def _top_share(room: Room) -> float:
    return room.size * 1.6 / room.height


def _last(y: Any) -> float:
    finite = np.asarray(y, float)[np.isfinite(y)]
    return float(finite[-1]) if finite.size else 0.0


def _first(y: Any) -> float:
    finite = np.asarray(y, float)[np.isfinite(y)]
    return float(finite[0]) if finite.size else 0.0
