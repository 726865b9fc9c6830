"""A tissue drawn on axes as the microscope shows it: film with holes, spheroid, layer with a wound, slab from the side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import EllipseCollection
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.patches import Circle
from mpl_toolkits.axes_grid1.anchored_artists import AnchoredSizeBar

from exude.errors import UnknownName, refuse
from exude.experiment.assays.gelatin_degradation import GelatinDegradation
from exude.experiment.assays.measures import Snapshot, TissueReading, contacts
from exude.experiment.assays.spheroid_invasion import HELD, SpheroidInvasion
from exude.experiment.assays.transwell import Transwell
from exude.experiment.assays.wound_closure import WoundClosure
from exude.show.axes import BACKING
from exude.show.style import INK, PALETTE

BAR_SHARE = 0.25
"""A scale bar is the longest round length of at most this share of the width."""
ROUND = (5.0, 2.0, 1.0)
BAR_HEIGHT = 0.01
"""Of a scale bar, share of the picture's width."""
HOUR, MINUTE = 3600.0, 60.0
BRIGHTEST = 1.3
"""Brightness, intact film being 1, that is shown white: shot noise stays visible on intact film."""
COLLAGEN = LinearSegmentedColormap.from_list("collagen", ["#FFFFFF", "#E9D8C0", "#C9A87C"])
"""Collagen from none to that of intact matrix."""
FREE_ALPHA = 0.35
CELL, CELL_EDGE, FILM_OUTLINE = "#9DB9D1", "#2F4B66", "#FF9F1C"
VESSEL, VESSEL_ALPHA = "#B8003A", 0.55
STATES = {"body": "#7FA8C9", "beyond the start": PALETTE[4], "single": PALETTE[1]}
"""Colours of a spheroid's cells."""
KINDS = {
    "tumour": PALETTE[1], "transformed": PALETTE[3], "normal": PALETTE[5], "fibroblast": PALETTE[2], "t_cell": INK,
}  # fmt: skip
"""Colours of kinds of cells."""
KIND_NAMES = {"tumour": "tumour cell", "transformed": "transformed cell", "normal": "normal cell", "t_cell": "T cell"}
KILLER, FREE, BOUND = "t_cell", "T cell, free", "T cell, bound"
KEY_SIZE = 6.0

View = Callable[[Axes, TissueReading, int], None]
"""Draws the snapshot of a number."""


def draw_film(axes: Axes, dish: TissueReading, index: int) -> None:
    """Gelatin bright, holes dark, with the camera's shot noise; cells outlined."""
    now = dish.load(index)
    photo = GelatinDegradation(at=now.time).photograph(dish, seed=index + 1)
    axes.imshow(
        photo.values, cmap="gray", vmin=0.0, vmax=BRIGHTEST, origin="lower", extent=_extent(dish), interpolation="nearest"
    )  # fmt: skip
    _discs(axes, now, facecolors="none", edgecolors=FILM_OUTLINE, linewidths=0.7)
    _finish(axes, dish, now)


def draw_spheroid(axes: Axes, dish: TissueReading, index: int) -> None:
    """Cells seen through the gel, the lowest drawn first, over the collagen of the middle plane.

    Dashed: the circle that held 95 % of the cells at the start; full: the one that does now.
    """
    first, now = dish.load(0), dish.load(index)
    _collagen(axes, dish, now, now.fields["collagen"][dish.grid.shape[0] // 2], _extent(dish))
    d = dish.grid.dimensions
    centre = first.cells["position"].mean(axis=0)
    start, front = (_held(snapshot, centre, d) for snapshot in (first, now))
    far = np.sqrt(np.sum((now.cells["position"][:, :d] - centre[:d]) ** 2, axis=1))
    order = np.argsort(now.cells["position"][:, 2], kind="stable")
    colours = np.where(_alone(now, d), STATES["single"], np.where(far > start, *list(STATES.values())[1::-1]))
    _discs(axes, now, order, facecolors=colours[order], edgecolors="white", linewidths=0.25)
    for radius, style in ((start, (0, (3, 2))), (front, "-")):
        axes.add_patch(Circle((centre[0], centre[1]), radius, fill=False, ec=INK, lw=0.7, ls=style, zorder=4))
    _finish(axes, dish, now)


def draw_layer(axes: Axes, dish: TissueReading, index: int) -> None:
    """Cells of one layer; shaded: what is free of the wound; dashed: the wound at the start."""
    assay, now = WoundClosure(), dish.load(index)
    axes.set_facecolor("#F2F1EC")
    strip = assay.strip(dish)
    free = strip & ~assay.covered(now, dish)
    shade = np.zeros((*free.shape, 4))
    shade[free] = to_rgba(PALETTE[4], FREE_ALPHA)
    axes.imshow(shade, origin="lower", extent=_extent(dish), interpolation="nearest", zorder=1)
    axes.contour(
        strip.astype(float), levels=[1 / 2], colors=[INK], linewidths=0.7, linestyles="dashed", origin="lower",
        extent=_extent(dish), zorder=4,
    )  # fmt: skip
    _discs(axes, now, facecolors=CELL, edgecolors=CELL_EDGE, linewidths=0.35)
    _finish(axes, dish, now)


def draw_cells(axes: Axes, dish: TissueReading, index: int) -> None:
    """Cells from above over the collagen, without any reading."""
    now = dish.load(index)
    _collagen(axes, dish, now, now.fields["collagen"][dish.grid.shape[0] // 2], _extent(dish))
    _discs(axes, now, facecolors=CELL, edgecolors=CELL_EDGE, linewidths=0.35)
    _finish(axes, dish, now)


def draw_kinds(axes: Axes, dish: TissueReading, index: int) -> None:
    """Cells by kind, as `draw_neighbours` has them, with a key of colours in the picture."""
    draw_neighbours(axes, dish, index)
    frame = {"facecolor": "white", "framealpha": BACKING["alpha"], "edgecolor": "none", "frameon": True}
    axes.legend(
        handles=kind_key([dish]), loc="lower left", fontsize=KEY_SIZE, borderpad=0.3, borderaxespad=0.4,
        handletextpad=0.1, labelspacing=0.3, **frame,
    ).set_zorder(6)  # fmt: skip


def draw_neighbours(axes: Axes, dish: TissueReading, index: int) -> None:
    """Cells by kind from above, over the collagen of the middle plane; dead ones are gone.

    T cells lie on top of what they crawl over: open while they search, filled while they hold a target.
    """
    now = dish.load(index)
    _collagen(axes, dish, now, now.fields["collagen"][dish.grid.shape[0] // 2], _extent(dish))
    faces, edges, order = _by_kind(dish, now)
    _discs(axes, now, order, facecolors=faces[order], edgecolors=edges[order], linewidths=0.5)
    _finish(axes, dish, now)


def draw_section(axes: Axes, dish: TissueReading, index: int) -> None:
    """The middle plane of a tissue: cells that it cuts, by kind, each as wide as its cut; vessels red behind them."""
    now, grid = dish.load(index), dish.grid
    middle = grid.origin[2] + grid.size[2] / 2
    _collagen(axes, dish, now, now.fields["collagen"][grid.shape[0] // 2], _extent(dish))
    draw_vessels(axes, dish, now)
    above = now.cells["position"][:, 2] - middle
    cut = np.sqrt(np.maximum(now.cells["radius"] ** 2 - above**2, 0.0))
    rows = np.flatnonzero(cut > 0)
    shown = Snapshot(now.time, now.fields, {k: v[rows] for k, v in ({**now.cells, "radius": cut}).items()})
    faces, edges, order = _by_kind(dish, shown)
    _discs(axes, shown, order, facecolors=faces[order], edgecolors=edges[order], linewidths=0.4)
    _finish(axes, dish, now)


def draw_vessels(axes: Axes, dish: TissueReading, now: Snapshot) -> None:
    """Vessels of the slab around the middle plane that is as deep as three voxels, denser where there is more surface."""
    if "vessels" not in now.fields or not now.fields["vessels"].any():
        return
    z = dish.grid.shape[0] // 2
    density = now.fields["vessels"][max(0, z - 1) : z + 2].max(axis=0)
    shade = np.zeros((*density.shape, 4))
    shade[...] = to_rgba(VESSEL)
    shade[..., 3] = VESSEL_ALPHA * np.minimum(density / (2 * density[density > 0].mean()), 1.0)
    axes.imshow(shade, origin="lower", extent=_extent(dish), interpolation="bilinear", zorder=2)


def _by_kind(dish: TissueReading, now: Snapshot) -> tuple[Any, Any, Any]:
    """Faces and edges of cells by kind, and the order in which they are drawn: T cells last."""
    kinds = np.array(dish.made["kinds"])[now.cells["kind"]]
    searching = (kinds == KILLER) & (now.cells.get("bound", np.ones(len(kinds))) == 0)
    faces = np.where(searching, "white", [KINDS.get(kind, CELL) for kind in kinds])
    edges = np.where(searching, INK, "white")
    return faces, edges, np.lexsort((kinds == KILLER, now.cells["position"][:, 2]))


def kind_key(dishes: Sequence[TissueReading]) -> list[Line2D]:
    """Marks that name the kinds of cells which dishes begin or end with."""
    ends = [(dish.made["kinds"], dish.load(i).cells["kind"]) for dish in dishes for i in (0, len(dish) - 1)]
    there = {str(names[kind]) for names, kinds in ends for kind in np.unique(kinds)}
    marks = [(KIND_NAMES.get(kind, kind), 5.4, KINDS[kind], "white") for kind in KINDS if kind in there - {KILLER}]
    if KILLER in there:
        marks += [(FREE, 3.4, "white", INK), (BOUND, 3.4, INK, "white")]
    return [
        Line2D([], [], ls="", marker="o", ms=size, mfc=face, mec=edge, mew=0.5, label=name)
        for name, size, face, edge in marks
    ]


def draw_slab(axes: Axes, dish: TissueReading, index: int) -> None:
    """A slab from the side, cells of all depths, over the collagen of the middle plane; below: the filter.

    Red: cells that have come to the lower face, as the assay counts them.
    """
    now, grid = dish.load(index), dish.grid
    x, _, z = grid.origin
    extent = (x, x + grid.size[0], z, z + grid.size[2])
    _collagen(axes, dish, now, now.fields["collagen"][:, grid.shape[1] // 2, :], extent)
    place = now.cells["position"]
    through = np.isin(now.cells["id"], list(Transwell().passed(dish, index)[-1]))
    order = np.argsort(-place[:, 1], kind="stable")
    colours = np.where(through, PALETTE[1], CELL)
    _discs(axes, now, order, (0, 2), facecolors=colours[order], edgecolors=CELL_EDGE, linewidths=0.35)
    axes.axhline(z, color=INK, lw=2.0, ls=(0, (2, 1)))
    _finish(axes, dish, now, extent)


VIEWS: dict[str, View] = {
    "film": draw_film, "spheroid": draw_spheroid, "wound": draw_layer, "slab": draw_slab, "cells": draw_cells,
    "kinds": draw_kinds, "section": draw_section,
}  # fmt: skip
"""Ways to look at a tissue."""


def view_of(dish: TissueReading, name: str = "") -> View:
    """The view of a name; without one, that of the assay which the dish was set up for."""
    if name:
        if name not in VIEWS:
            raise refuse(UnknownName, name, f"a view: {', '.join(VIEWS)}", "Leave it out to have it chosen.", VIEWS)
        return VIEWS[name]
    matrix, cells = (str(dish.made.get(key, "")) for key in ("matrix", "cells"))
    if matrix.startswith("Film"):
        return draw_film
    if "pieces" in dish.made and dish.grid.dimensions > 2:
        return draw_section
    starts: dict[str, View] = {
        "Spheroid": draw_spheroid, "Wound": draw_layer, "Layer": draw_slab, "Mixture": draw_kinds, "Among": draw_kinds,
    }  # fmt: skip
    return next((view for start, view in starts.items() if cells.startswith(start)), draw_cells)


def scale_bar(axes: Axes, width: float) -> float:
    """Draw a bar of a round length (um) at the lower right of a picture `width` um wide, named; returns the length."""
    most = BAR_SHARE * width
    power = 10.0 ** math.floor(math.log10(most))
    length = next((step * power for step in ROUND if step * power <= most), power)
    bar = AnchoredSizeBar(
        axes.transData, length, f"{length:g} µm", "lower right", pad=0.2, borderpad=0.35, sep=1.5, color=INK,
        size_vertical=BAR_HEIGHT * width, fontproperties=FontProperties(size=6.0),
    )  # fmt: skip
    bar.patch.set(facecolor="white", alpha=BACKING["alpha"], linewidth=0)
    bar.set_zorder(6)
    axes.add_artist(bar)
    return length


def clock(time: float, last: float) -> str:
    """A time in the unit a person would choose for a run that ends at `last` (s)."""
    return f"{time / HOUR:.3g} h" if last >= 2 * HOUR else f"{time / MINUTE:.3g} min"


def _extent(dish: TissueReading) -> tuple[float, float, float, float]:
    x, y, _ = dish.grid.origin
    return x, x + dish.grid.size[0], y, y + dish.grid.size[1]


def _collagen(axes: Axes, dish: TissueReading, now: Snapshot, plane: Any, extent: Any) -> None:
    full = float(dish.load(0).fields["collagen"].max())
    axes.imshow(
        np.clip(plane, 0.0, None), cmap=COLLAGEN, vmin=0.0, vmax=full or 1.0, origin="lower", extent=extent,
        interpolation="bilinear",
    )  # fmt: skip


def _held(snapshot: Snapshot, centre: Any, axes: int) -> float:
    if not len(snapshot.cells["id"]):
        return 0.0
    far = np.sqrt(np.sum((snapshot.cells["position"][:, :axes] - centre[:axes]) ** 2, axis=1))
    return float(np.quantile(far, HELD))


def _alone(snapshot: Snapshot, axes: int) -> Any:
    group = contacts(
        snapshot.cells["position"][:, :axes], snapshot.cells["radius"], SpheroidInvasion().numbers["adhesion_reach"]
    )
    return np.bincount(group)[group] == 1


def _discs(axes: Axes, now: Snapshot, order: Any = None, plane: tuple[int, int] = (0, 1), **colours: Any) -> None:
    """Cells as discs of their radius."""
    rows = np.arange(len(now.cells["id"])) if order is None else order
    wide, flat = 2 * now.cells["radius"][rows], np.zeros(len(rows))
    places = {"offsets": now.cells["position"][rows][:, list(plane)], "offset_transform": axes.transData}
    axes.add_collection(EllipseCollection(wide, wide, flat, units="xy", zorder=3, **places, **colours))


def framed(axes: Axes, sides: tuple[float, float, float, float]) -> None:
    """A picture with these sides (left, right, bottom, top): equal scales, no ticks, a line around."""
    axes.set_xlim(*sides[:2])
    axes.set_ylim(*sides[2:])
    axes.set_aspect("equal")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(True)


def _finish(axes: Axes, dish: TissueReading, now: Snapshot, extent: Any = None) -> None:
    """Equal scales, no ticks, a scale bar and the time."""
    sides = extent or _extent(dish)
    framed(axes, sides)
    scale_bar(axes, sides[1] - sides[0])
    axes.text(
        0.03, 0.965, clock(now.time, float(dish.times[-1])), transform=axes.transAxes, ha="left", va="top",
        fontsize=6.5, zorder=6, bbox=BACKING,
    )  # fmt: skip
