"""What tissues show, as numbers with intervals over dishes, and the figure that suits how they were set up."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from exude.engine.tissue_layout import reading as whole
from exude.engine.tissue_run import TissueRun
from exude.errors import ExudeError
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.gelatin_degradation import GelatinDegradation
from exude.experiment.assays.gene_transfer import RECIPIENTS, GeneTransfer
from exude.experiment.assays.measures import TissueReading, reading
from exude.experiment.assays.spheroid_invasion import SpheroidInvasion
from exude.experiment.assays.transwell import Transwell
from exude.experiment.assays.tumour_in_host import TumourInHost
from exude.experiment.assays.wound_closure import WoundClosure
from exude.show import tissue_figures as figures
from exude.show.estimates import Measure, measure
from exude.show.results import Result
from exude.units import factor_to_internal

HOUR = factor_to_internal("h")
PER_CENT = 100
Dishes = Mapping[str, Sequence[TissueReading]]


class Eye(NamedTuple):
    """How a tissue of some set-up is looked at: a figure, and what is read of it at the end (name of a variable, words, unit)."""

    draw: Callable[[Any], Figure]
    assay: Any = None
    reads: str = ""
    what: str = ""
    unit: str = ""


FILM = Eye(figures.gelatin_figure, GelatinDegradation, "area_per_cell", "film degraded", "µm² per cell")
IN_BODY = Eye(figures.tumour_figure, TumourInHost, "volume", "volume of the tumour at the end", "mm³")
WITH_T = Eye(figures.co_culture_figure, CoCulture, "course", "tumour cells of the start killed", "share")
RECEIVING = Eye(figures.gene_transfer_figure, GeneTransfer, "expected", "recipients transformed, expected", "share")
BY_CELLS = {
    "spheroid": Eye(figures.spheroid_figure, SpheroidInvasion, "front", "front beyond the start", "µm"),
    "wound": Eye(figures.wound_figure, WoundClosure, "closed", "wound closed", "share"),
    "layer": Eye(figures.transwell_figure, Transwell, "share", "cells that came through", "share"),
}
WALK = Eye(figures.walk_figure)


def eye_of(result: Result) -> Eye:
    """The figure and the reading that suit a tissue: what it stands in, how its cells were placed, of which kinds they are."""
    cells = result.made["cells"]
    if result.made["host"]:
        return IN_BODY
    if result.made["matrix"].name == "film":
        return FILM
    if "t_cell" in cells.kinds:
        return WITH_T
    if set(RECIPIENTS) & set(cells.kinds):
        return RECEIVING
    return BY_CELLS.get(cells.name, WALK)


def dishes_of(arms: Mapping[str, Sequence[Result]]) -> dict[str, list[TissueReading]]:
    """Readings of all dishes by condition."""
    return {label: [reading(_run(result)) for result in results] for label, results in arms.items()}


def measures(results: Sequence[Result]) -> list[Measure]:
    """Numbers of the dishes of one condition, at the end of the run; intervals are over dishes."""
    tables = [_counts(_run(result)) for result in results]
    found = [
        measure(what, unit, [table[what][0] for table in tables])
        for what, (_, unit) in tables[0].items()
        if all(what in table for table in tables)
    ]
    return [*_read(results), *found]


def _read(results: Sequence[Result]) -> list[Measure]:
    """What the suiting assay reads of each dish without its noise; nothing where it cannot."""
    eye = eye_of(results[0])
    if eye.assay is None:
        return []
    try:
        seen = [np.asarray(eye.assay().observable(reading(_run(result)))[eye.reads], float) for result in results]
    except ExudeError:  # an assay that asks for more cells or times than this run has; the counts still stand
        return []
    return [measure(eye.what, eye.unit, [float(np.atleast_1d(values)[-1]) for values in seen])]


def _counts(run: TissueRun) -> dict[str, tuple[float, str]]:
    """What a dish counted by its end: words -> (number, unit)."""
    with whole(run.path):
        series = {str(n): np.asarray(v.values, float) for n, v in run.data.data_vars.items() if v.ndim == 1}
        hours = float(run.data["time"][-1]) / HOUR
    first, last = ({name: values[i] for name, values in series.items()} for i in (0, -1))
    freed = last.get("freed_exosomes", 0) + last.get("freed_bound_exosomes", 0)
    cells = float(series["cell_count"].mean())
    found = {
        "cells at the start": (first["cell_count"], "cells"), "cells at the end": (last["cell_count"], "cells"),
        "divisions": (last["born"], "cells"), "deaths": (last["died"], "cells"), "MVB fusions": (last["fusions"], "fusions"),
        "exosomes set free": (freed, "exosomes"),
    }  # fmt: skip
    if hours > 0 and cells > 0:
        found["exosomes set free, rate"] = (freed / hours / cells, "per cell and hour")
    matrix = first.get("amount_collagen", 0) + first.get("amount_fragments", 0)
    if matrix > 0:
        found["matrix cut"] = (PER_CENT * (last["amount_fragments"] - first["amount_fragments"]) / matrix, "% of all")
    found |= {f"{name.removeprefix('cells_')} cells at the end": (value, "cells")
              for name, value in last.items() if name.startswith("cells_") and first[name] + value}  # fmt: skip
    found |= {
        name.removeprefix("events_").replace("_", " "): (value, "times")
        for name, value in last.items()
        if name.startswith("events_") and value
    }
    return {what: pair for what, pair in found.items() if math.isfinite(pair[0])}


def _run(result: Result) -> TissueRun:
    assert isinstance(result.outcome, TissueRun)
    return result.outcome
