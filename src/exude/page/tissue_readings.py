"""What a tissue shows in numbers: its assay's reading at each recorded time, and the series that every run keeps."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from exude.engine.layout import Floats
from exude.errors import ProtocolError
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.exosome_uptake import ExosomeUptake
from exude.experiment.assays.gelatin_degradation import GelatinDegradation
from exude.experiment.assays.gene_transfer import RECIPIENTS, GeneTransfer
from exude.experiment.assays.measures import TissueReading, reading
from exude.experiment.assays.spheroid_invasion import SpheroidInvasion
from exude.experiment.assays.tumour_in_host import TumourInHost
from exude.experiment.assays.wound_closure import WoundClosure
from exude.page.cell import short
from exude.page.tissue import Plain
from exude.page.tissue_frames import Side, labels_of
from exude.show import tissue_figures as figures

PERCENT = 100.0
"""Shares are said in percent, in readings whose words end so."""


@dataclass(frozen=True)
class Instrument:
    """How a dish of one sort is read and drawn: its assay, and which of its readings are shown."""

    read: Callable[[TissueReading], dict[str, xr.DataArray]]
    shown: tuple[tuple[str, str], ...]
    """Readings and the words for them; the first is what the dish is about."""
    draw: Callable[..., Figure]
    assay: str
    """Its name for `exude assay`."""


def _film(dish: TissueReading) -> dict[str, xr.DataArray]:
    """The film read at each time, as the assay reads it at one."""
    tables = [GelatinDegradation(at=float(t)).observable(dish) for t in dish.times]
    return {name: xr.DataArray([float(t[name]) for t in tables]) for name in ("area_per_cell", "degraded_share")}


def _whole(assay: Any) -> Callable[[TissueReading], dict[str, xr.DataArray]]:
    return lambda dish: {str(k): v for k, v in assay.observable(dish).data_vars.items()}


def _uptake(dish: TissueReading) -> dict[str, xr.DataArray]:
    found = _whole(GeneTransfer())(dish)
    for kind in RECIPIENTS:
        try:
            found[kind] = ExosomeUptake(kind=kind).observable(dish)["course"]
        except ProtocolError:  # no such cells in this dish
            continue
    return found


FILM = Instrument(
    _film, (("area_per_cell", "Film degraded (µm² per cell)"), ("degraded_share", "Film degraded (%)")),
    figures.gelatin_figure, "matrix_degradation",
)  # fmt: skip
BALL = Instrument(
    _whole(SpheroidInvasion()),
    (("front", "Front beyond the start (µm)"), ("single_cells", "Single cells outside"), ("strands", "Strands")),
    figures.spheroid_figure,
    "collagen_invasion",
)
WOUND = Instrument(
    _whole(WoundClosure()), (("closed", "Wound closed (%)"), ("width", "Width of the wound (µm)")),
    figures.wound_figure, "wound_closure",
)  # fmt: skip
KILLING = Instrument(
    _whole(CoCulture()), (("course", "Tumour cells killed (%)"),), figures.co_culture_figure, "co_culture"
)
TRANSFER = Instrument(
    _uptake,
    (
        ("expected", "Recipients transformed, expected (%)"), ("course", "Recipients transformed, counted (%)"),
        ("fibroblast", "Exosomes taken up per fibroblast"), ("normal", "Exosomes taken up per normal cell"),
    ),
    figures.gene_transfer_figure, "gene_transfer",
)  # fmt: skip
TUMOUR = Instrument(
    _whole(TumourInHost()), (("volume", "Volume of the whole tumour (mm³)"), ("t_cells", "T cells in the whole tumour")),
    figures.tumour_figure, "tumour_in_host",
)  # fmt: skip


def instrument_of(dish: TissueReading) -> Instrument | None:
    """What reads a dish that was set up like this; None where no assay of the library does."""
    matrix, cells = (str(dish.made.get(key, "")) for key in ("matrix", "cells"))
    if "pieces" in dish.made:
        return TUMOUR
    if matrix.startswith("Film"):
        return FILM
    by_start = {"Spheroid": BALL, "Wound": WOUND}
    found = next((tool for start, tool in by_start.items() if cells.startswith(start)), None)
    there = Counter(dish.made["kinds"][kind] for kind in dish.load(0).cells["kind"])
    if found is None and there["t_cell"] and there["tumour"]:
        found = KILLING
    if found is None and any(there[kind] for kind in RECIPIENTS):
        found = TRANSFER
    return found


def dish_of(side: Side) -> TissueReading:
    """A run as an assay reads it, at the times that are shown."""
    whole, rows = reading(side.run), side.rows()
    return replace(whole, times=whole.times[rows], load=lambda index: whole.load(rows[index % len(rows)]))


def courses_of(side: Side, *, brief: bool = False) -> list[Plain]:
    """Courses over the shown times: key, title, y; the assay's first, then series. brief: without the assay's."""
    rows = side.rows()
    if not rows:
        return []
    made = [] if brief else list(_read(side))
    return [*made, *_series(side, rows)]


def _read(side: Side) -> Iterator[Plain]:
    dish = dish_of(side)
    tool = instrument_of(dish)
    if tool is None or len(dish) < 2:
        return
    found = tool.read(dish)
    for name, title in tool.shown:
        if name in found:
            factor = PERCENT if title.endswith("(%)") else 1.0
            y = short(factor * np.nan_to_num(found[name].values))
            yield {"key": f"assay-{name}", "title": title, "y": y, "assay": True}


def _series(side: Side, rows: list[int]) -> Iterator[Plain]:
    data = side.run.data
    kinds = [str(n) for n in data if str(n).startswith("cells_")] or ["cell_count"]
    for name in kinds:
        y = _of(side, name, rows)
        if y.any():
            yield {"key": name, "title": "Cells", "kind": name.removeprefix("cells_"), "y": short(y)}
    if "freed_exosomes" in data:
        freed = _of(side, "freed_exosomes", rows) + _of(side, "freed_bound_exosomes", rows)
        yield {"key": "freed", "title": "Exosomes set free so far", "y": short(freed)}
        there = _of(side, "amount_exosomes", rows) + _of(side, "amount_bound_exosomes", rows)
        yield {"key": "there", "title": "Exosomes in the dish now", "y": short(there)}
    if "exosomal_mt1" in data and "amount_collagen" in data:  # a model with proteolysis
        left, cut = _of(side, "amount_collagen", rows), _of(side, "amount_fragments", rows)
        if left[0] > 0 and not str(side.run.attrs.get("matrix")).startswith("Film"):  # of a film the assay reads it
            yield {"key": "cut", "title": "Matrix cut (%)", "y": short(PERCENT * (cut - cut[0]) / (left[0] + cut[0]))}


def _of(side: Side, name: str, rows: list[int]) -> Floats:
    return np.asarray(side.run.data[name].values[rows], np.float64)


def assay_of(side: Side) -> str:
    """Name of the assay that reads such a run; empty where none does."""
    tool = instrument_of(dish_of(side)) if side.run.rows else None
    return tool.assay if tool else ""


def figure_of(sides: list[Side]) -> Figure:
    """The figure that the library draws of such dishes, both sides in it; ProtocolError where it has none."""
    whole = [dish_of(side) for side in sides]
    dishes = [replace(dish, times=dish.times[: min(map(len, whole))]) for dish in whole]  # one may still be running
    tool = instrument_of(dishes[0])
    if tool is None or any(len(dish) < 2 for dish in dishes):
        fix = "Let it run on, or take the data."
        raise ProtocolError(
            f"got a dish that no assay of the library reads yet; expected two recorded times or more. {fix}"
        )
    labels = labels_of(sides)
    return tool.draw(dict(zip(labels, dishes, strict=True)))
