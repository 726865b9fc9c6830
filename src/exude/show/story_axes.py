"""Pieces of the story drawn on axes, for its figure and its movie: MVBs to scale, film, tissue, body."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator

from exude.catalog import read
from exude.engine.layout import Floats
from exude.experiment.assays.measures import Snapshot, TissueReading
from exude.experiment.cohort import DAY
from exude.experiment.story import DAYS_PER_YEAR, INTACT, WITHOUT
from exude.experiment.story_facts import body_facts
from exude.show.style import CONTROL, FAINT, INK, PALETTE
from exude.show.tissue_axes import FILM_OUTLINE, KILLER, KIND_NAMES, KINDS, draw_vessels, framed, scale_bar

HOUR = 3600.0
COLOURS = ("#0072B2", "#0B6E99", "#B7791F", "#9A4F96", "#C2410C", "#8B1E3F")
"""One colour for each panel, from blue to red."""
STAGES = {
    "immature": "#A9C9E2", "travelling": "#7FB8A4", "peripheral": "#E9C46A", "docked": "#EE9B5B", "primed": "#D1495B",
}  # fmt: skip
"""Colours of MVBs, from birth to readiness."""
MVB_ROOM, MM_PER_UM = (54.0, 19.2), 11.5
"""Room for the picture of MVBs (mm), and its scale."""
ILV = "#FFFFFF"
GOLDEN = math.pi * (3 - math.sqrt(5))
EXOSOMES = LinearSegmentedColormap.from_list("exosomes", ["#FFFFFF", "#F1E8F4", "#DCC6E4", "#BC97CB", "#8E5AA3"])
"""Exosomes from none to many."""
DECADES, FILM_DECADES = 3.0, 4.5
"""Decades of concentration between white and darkest: among cells, and where one releases now and then."""
SMALL, TINY = 5.8, 5.2
BODY = (
    ("primary", "tumour cells", COLOURS[4], 1.8), ("metastatic_cells", "at second sites", COLOURS[5], 0.3),
    ("blood_exosomes", "exosomes in blood", "#7A3E91", 1.0), ("ctc", "tumour cells in blood", PALETTE[2], 1.0),
)  # fmt: skip
"""Stocks of a body, their names, colours, and how far off the end of its line a name stands."""
NAMES = 10.0
"""Years of room for names."""
SOON = 2.0
"""Years within which a clearance is told in days."""
FLOOR, TOP = 0.3, 3e12


def packed(diameters: Floats, width: float, gap: float) -> tuple[Floats, Floats]:
    """Middles (n, 2) um of discs laid out in rows of a width, and each row's height (um)."""
    x, y, tall = gap, gap, 0.0
    places, heights = [], []
    for d in diameters:
        if x + d + gap > width:
            y += tall + gap
            heights.append(tall)
            x, tall = gap, 0.0
        places.append((x + d / 2, y + d / 2))
        x, tall = x + d + gap, max(tall, float(d))
    return np.array(places).reshape(-1, 2), np.array([*heights, tall])


def ilv_places(number: int, diameter: float, size: float) -> Floats:
    """(n, 2) um: ILVs spread evenly over a disc, as a sunflower's seeds; their places are not simulated."""
    k = np.arange(number)
    r = max(diameter / 2 - 0.65 * size, 0.0) * np.sqrt((k + 0.5) / max(number, 1))
    return np.stack([r * np.cos(GOLDEN * k), r * np.sin(GOLDEN * k)], axis=1)


def in_order(vesicles: xr.Dataset) -> xr.Dataset:
    """MVBs in the order of their stages, then from large to small."""
    stage = np.array([list(STAGES).index(s) for s in vesicles["stage"].values], np.int64)
    return vesicles.isel(vesicle=np.lexsort((-vesicles["diameter"].values, stage)))


def draw_mvbs(axes: Axes, vesicles: xr.Dataset) -> None:
    """Every MVB at its true diameter with its ILVs, in rows by stage, with a bar of 500 nm."""
    found = in_order(vesicles)
    d = found["diameter"].values
    wide, tall = MVB_ROOM[0] / MM_PER_UM, MVB_ROOM[1] / MM_PER_UM
    places, _ = packed(d, wide, 0.05)
    places[:, 1] = tall - 0.21 - places[:, 1]
    _rings(axes, places, d, found)
    axes.plot([wide - 0.58, wide - 0.08], [tall - 0.08] * 2, color=INK, lw=1.4, solid_capstyle="butt")
    axes.text(wide - 0.64, tall - 0.08, "500 nm", fontsize=TINY, ha="right", va="center")
    x = 0.04
    for stage, colour in STAGES.items():
        number = int((found["stage"].values == stage).sum())
        if number:
            text = f"{number} {stage}"
            axes.plot([x + 0.03], [0.06], "o", color=colour, ms=3.2)
            axes.text(x + 0.14, 0.06, text, fontsize=TINY, va="center")
            x += 0.34 + 0.086 * len(text)
    axes.text(
        0.04, tall - 0.08, f"its {len(d)} MVBs at the stimulus, true size", fontsize=TINY, color=FAINT, va="center"
    )
    axes.set_xlim(0, wide)
    axes.set_ylim(0, tall)
    axes.set_axis_off()


def _rings(axes: Axes, places: Floats, d: Floats, found: xr.Dataset) -> None:
    """MVBs with their ILVs inside, in um."""
    colours = [STAGES[s] for s in found["stage"].values]
    size = read.value("ilv_diameter")
    discs(axes, places, d, facecolors=colours, edgecolors="#4A4A4A", linewidths=0.35, zorder=3)
    inner = [p + ilv_places(int(n), w, size) for p, n, w in zip(places, found["ilv"].values, d, strict=True) if n > 0]
    if inner:
        dots = np.concatenate(inner)
        discs(axes, dots, np.full(len(dots), size), facecolors=ILV, edgecolors="#7A7A7A", linewidths=0.2, zorder=4)


def discs(axes: Axes, places: Floats, widths: Floats, **how: Any) -> None:
    """Discs in the units of the axes."""
    axes.add_collection(
        EllipseCollection(
            widths, widths, np.zeros(len(widths)), units="xy", offsets=places, offset_transform=axes.transData, **how
        )
    )


def exosomes_of(now: Snapshot) -> Floats:
    """Exosomes free and bound in the middle plane, per um3."""
    field = np.asarray(now.fields["exosomes"] + now.fields["bound_exosomes"])
    return np.asarray(np.clip(field[field.shape[0] // 2], 0.0, None))


def draw_exosomes(axes: Axes, dish: TissueReading, index: int, *, bar: bool = True, most: float = 0.0) -> None:
    """Exosomes on a film as a map of their logarithm, and the cell's outline; `most`: the darkest, per um3."""
    now = dish.load(index)
    _map(axes, dish, exosomes_of(now), most, FILM_DECADES)
    _outlines(axes, now, PALETTE[0])
    _square(axes, dish, bar=bar)


def draw_gelatin(axes: Axes, dish: TissueReading, index: int, *, bar: bool = True) -> None:
    """Gelatin bright, holes dark, and the cell's outline."""
    now, full = dish.load(index), float(dish.load(0).fields["collagen"].max())
    axes.imshow(
        now.fields["collagen"][0] / full,
        cmap="gray",
        vmin=0,
        vmax=1.05,
        origin="lower",
        extent=_extent(dish),
        interpolation="bilinear",
    )
    _outlines(axes, now, FILM_OUTLINE)
    _square(axes, dish, bar=bar)


def draw_tissue(axes: Axes, dish: TissueReading, index: int, *, bar: bool = True, most: float = 0.0) -> None:
    """Cells by kind over the exosomes among them; T cells on top, open while they search, full while they hold."""
    now = dish.load(index)
    _map(axes, dish, exosomes_of(now), most)
    draw_vessels(axes, dish, now)
    kinds = np.array(dish.made["kinds"])[now.cells["kind"]]
    searching = (kinds == KILLER) & (now.cells["bound"] == 0)
    faces = np.where(searching, "white", [KINDS.get(kind, "#999999") for kind in kinds])
    edges = np.where(searching, INK, "white")
    order = np.lexsort((now.cells["position"][:, 2], kinds == KILLER))
    discs(
        axes, now.cells["position"][order][:, :2], 2 * now.cells["radius"][order], facecolors=faces[order],
        edgecolors=edges[order], linewidths=0.35, zorder=3,
    )  # fmt: skip
    _square(axes, dish, bar=bar)


def tissue_key(size: float = 3.6) -> list[Line2D]:
    """Marks that name the kinds of cells."""
    named = [(KIND_NAMES.get(kind, kind), colour, "white") for kind, colour in KINDS.items() if kind != KILLER]
    marks = [*named[:1], *named[2:], ("T cell", "white", INK), ("bound", INK, "white")]
    return [Line2D([], [], ls="", marker="o", ms=size, mfc=f, mec=e, mew=0.5, label=n) for n, f, e in marks]


def draw_body(axes: Axes, body: Mapping[str, xr.Dataset], gene: str, until: float = math.inf) -> None:
    """Tumour, blood and second sites over years on a logarithmic axis; when the second site begins and is seen."""
    data, other = body[INTACT], body[WITHOUT]
    years = data["time"].values / (DAYS_PER_YEAR * DAY)
    shown = years <= until
    for name, label, colour, lift in BODY:
        values = np.where(data[name].values >= 1, data[name].values, np.nan).astype(float)
        axes.plot(years[shown], values[shown], color=colour, lw=1.3)
        there = np.flatnonzero(shown & np.isfinite(values))
        if len(there):
            x, y = years[there[-1]] + 0.3, values[there[-1]] * lift
            axes.text(x, y, label, color=colour, fontsize=TINY, va="center", ha="left", clip_on=False)
    axes.plot(years[shown], np.maximum(other["primary"].values.astype(float), FLOOR)[shown], color=CONTROL, lw=1.3)
    facts, gone = body_facts(data), body_facts(other)["cleared"]
    for when, said in ((facts["begun"], "a second site\nbegins"), (facts["seen"], "it is seen")):
        if when <= until:
            axes.axvline(when, color=INK, lw=0.5, ls=(0, (3, 2)), zorder=1)
            axes.text(when, TOP, f"{said}, year {when:.1f}", fontsize=TINY, va="bottom", ha="center", linespacing=1.0)
    if gone <= until:
        how = f"in {gone * DAYS_PER_YEAR:.0f} days" if gone < SOON else f"year {gone:.1f}"
        said = f"without {gene}:\ncleared by T cells,\n{how}"
        x, y = (0.6, 4 * FLOOR) if gone < SOON else (gone + 0.4, 100 * FLOOR)
        axes.text(x, y, said, fontsize=TINY, color=CONTROL, va="center", linespacing=1.0)
    axes.set_yscale("log")
    axes.set_ylim(FLOOR, TOP)
    axes.set_xlim(0, years[-1] + NAMES)
    axes.set_xticks(np.arange(0, years[-1] + 1, 5))
    axes.yaxis.set_major_locator(FixedLocator([1, 1e3, 1e6, 1e9, 1e12]))
    axes.yaxis.set_minor_locator(NullLocator())


def _map(axes: Axes, dish: TissueReading, plane: Floats, most: float, decades: float = DECADES) -> None:
    top = most or float(plane.max()) or 1.0
    low = top / 10**decades
    axes.imshow(
        np.log10(np.maximum(plane, low) / low), cmap=EXOSOMES, vmin=0, vmax=decades, origin="lower", extent=_extent(dish),
        interpolation="bilinear",
    )  # fmt: skip


def _extent(dish: TissueReading) -> tuple[float, float, float, float]:
    x, y, _ = dish.grid.origin
    return x, x + dish.grid.size[0], y, y + dish.grid.size[1]


def _outlines(axes: Axes, now: Snapshot, colour: str) -> None:
    discs(
        axes,
        now.cells["position"][:, :2],
        2 * now.cells["radius"],
        facecolors="none",
        edgecolors=colour,
        linewidths=0.8,
        zorder=3,
    )


def _square(axes: Axes, dish: TissueReading, *, bar: bool = True) -> None:
    sides = _extent(dish)
    framed(axes, sides)
    for spine in axes.spines.values():
        spine.set_linewidth(0.4)
    if bar:
        scale_bar(axes, sides[1] - sides[0])
