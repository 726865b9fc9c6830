"""What a story says in numbers, and how well the numbers behind it are known."""

from __future__ import annotations

from collections import Counter
from functools import cache

import numpy as np
import xarray as xr

from exude.cascade import CELL
from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.derive import grammar
from exude.derive.compartments import Compartments
from exude.derive.evaluate import evaluate
from exude.derive.texts import behind
from exude.engine.layout import Floats
from exude.engine.result import Run
from exude.engine.tissue_run import TissueRun
from exude.experiment.cohort import DAY, GROWTH, LETHAL
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import cell_symbols
from exude.experiment.story import AGONIST, DAYS_PER_YEAR, GIVEN, INTACT, PIECES, WITHOUT, Told
from exude.experiment.tissue_setup import pairs, space
from exude.units import seconds

STATUSES = ("measured", "derived", "transferred", "fitted", "assumed")
"""How a number came to be, best first."""
AT_WORK = "loaded_wild"
"""Share of Munc13-4 with calcium on both C2 domains, as the mechanism asks for."""
NEIGHBOURS = ("cells_normal", "cells_fibroblast")
PARTS = ("calcium", "vesicles", "matrix", "tissue", "T cells", "body")
"""Panels of the figure; the tissue has two."""
HALF = 1 / 2
Facts = dict[str, float]


@cache
def parameters_of(part: str) -> tuple[str, ...]:
    """Numbers that enter the story with a part, those of earlier parts left out."""
    earlier: set[str] = set()
    for name in PARTS[: PARTS.index(part)]:
        earlier |= set(parameters_of(name))
    return tuple(sorted(_all_of(part) - earlier))


def _all_of(part: str) -> set[str]:
    """All parameters that the texts behind a part read."""
    cell = cell_symbols()
    if part == "calcium":
        texts = {AT_WORK}.union(*(grammar.names(grammar.parse(trace.rate)) for trace in CELL.traces))
        return {*(behind(texts, cell.trees) & set(cell.parameters)), *(trace.start for trace in CELL.traces)}
    if part == "vesicles":
        return set(cell.parameters)
    if part == "body":
        known = Compartments(PATIENT, {name: number.unit for name, number in read.parameters().items()})
        return {*known.parameters, *GROWTH, *LETHAL} - {n for n in (*GROWTH, *LETHAL) if n.endswith(("mouse", "site"))}
    model = {"matrix": "matrix", "tissue": "neighbours", "T cells": "tumour"}[part]  # through whose vessels they come
    return {*space(model).parameters, *(name for pair in pairs(model) for name in pair.parameters)}


def statuses(part: str) -> Counter[str]:
    """How many numbers of a part have which status."""
    return Counter(read.parameter(name).status for name in parameters_of(part))


def share_at_work(run: Run) -> Floats:
    """Share of Munc13-4 with calcium on both C2 domains at each recorded time of one cell, (time,)."""
    levels = dict(zip(run.data["symbol"].values, run.data["level"].values[0], strict=True))
    given = Numbers.default().values | {str(k): float(v) for k, v in levels.items()}
    calcium = run.data["calcium"].values[0]
    return np.array([float(evaluate(CELL, AT_WORK, given | {"calcium": float(c)})) for c in calcium])


def calcium_facts(run: Run) -> Facts:
    """Calcium (uM) and Munc13-4 at work (share) at rest and at their peak, and when that is (s after the stimulus)."""
    calcium, share = run.data["calcium"].values[0], share_at_work(run)
    given = seconds(GIVEN, what="time")
    peak = int(calcium.argmax())
    rest = int(np.searchsorted(run.data["time"].values, given)) - 1
    return {
        "rest": float(calcium[rest]), "peak": float(calcium[peak]), "after": float(run.data["time"][peak]) - given,
        "share_rest": float(share[rest]), "share_peak": float(share[peak]),
    }  # fmt: skip


def cell_facts(run: Run) -> Facts:
    """Fusions and exosomes of the cell over the run, MVBs in it as the stimulus comes, exosomes per hour."""
    mine = run.data.isel(cell=0)
    hours = float(run.data["time"][-1]) / seconds("1 h", what="time")
    return {
        "mvbs": float(mine["stage_count"].sel(time=seconds(GIVEN, what="time")).sum()), "hours": hours,
        "fusions": float(mine["fusions"][-1]), "exosomes": float(mine["exosomes"][-1]),
        "per_hour": float(mine["exosomes"][-1]) / hours,
    }  # fmt: skip


def area_cut(run: TissueRun) -> Floats:
    """Gelatin cut at each time as an area of the film, (time,) um2: a hole of half depth counts by half."""
    about = run.about["grid"]
    whole = float(run.data["amount_collagen"][0])
    return np.asarray(
        run.data["amount_fragments"].values / whole * about["h"] ** 2 * about["shape"][1] * about["shape"][2]
    )


def film_facts(run: TissueRun) -> Facts:
    """Share of the gelatin that was cut, the same as an area of film (um2), exosomes set free."""
    first, last = run.data.isel(time=0), run.data.isel(time=-1)
    return {
        "cut": float(last["amount_fragments"] / first["amount_collagen"]), "area": float(area_cut(run)[-1]),
        "exosomes": float(last["freed_exosomes"] + last["freed_bound_exosomes"]),
    }  # fmt: skip


def tissue_facts(run: TissueRun) -> Facts:
    """What became of a tissue: tumour cells, those killed, neighbours transformed (counted and expected), restraint.

    `expected`: mean of the hazard of neighbours, the share of them that is transformed in a large tissue. `restraint`:
    mean over bound T cells and times of what PD-L1 takes from their hits. `exosomal`: PD-L1 molecules, reference cells
    worth, that exosomes put on a T cell.
    """
    data, kinds = run.data, list(run.attrs["kinds"])
    felt, held = [], []
    for i in range(run.rows):
        cells = run.cells(i)
        mine = cells["kind"].values == kinds.index("t_cell")
        felt += list(cells["felt"].values[mine & (cells["bound"].values > 0)])
        held.append(cells["exo_pd_l1"].values[mine].mean() if mine.any() else np.nan)
    last = run.cells(-1)
    near = np.isin(last["kind"].values, [kinds.index(name.removeprefix("cells_")) for name in NEIGHBOURS])
    return {
        "start": float(data["cells_tumour"][0]), "end": float(data["cells_tumour"][-1]),
        "neighbours": float(sum(data[name][0] for name in NEIGHBOURS)), "days": float(data["time"][-1]) / DAY,
        "transformed": float(data["events_transformation"][-1] + data["events_transformation_of_stroma"][-1]),
        "expected": float(last["risk"].values[near].mean()) if near.any() else 0,
        "killed": float(data["events_killing_of_tumour"][-1] + data["events_killing_of_transformed"][-1]),
        "restraint": float(np.mean(felt)) if felt else 0, "exosomal": float(np.nanmean(held)),
        "exosomes": float(data["freed_exosomes"][-1] + data["freed_bound_exosomes"][-1]),
    }  # fmt: skip


def body_facts(data: xr.Dataset) -> Facts:
    """Times in years at which things first are so in a body (NaN: never), and the largest of what is counted."""
    years = data["time"].values / (DAYS_PER_YEAR * DAY)

    def first(name: str, least: float) -> float:
        there = np.nan_to_num(data[name].values) >= least
        return float(years[there.argmax()]) if there.any() else np.nan

    gone = np.nan_to_num(data["primary"].values, nan=1) <= 0
    return {
        "start": float(data["primary"][0]), "prepared": first("niche", HALF), "begun": first("lasting", 1),
        "seen": first("metastases", 1), "cleared": float(years[gone.argmax()]) if gone.any() else np.nan,
        "end": float(data["end"]) / (DAYS_PER_YEAR * DAY), "died": float(data["died"]),
        "exosomes": float(np.nanmax(data["blood_exosomes"])), "ctc": float(np.nanmax(data["ctc"])),
        "primary": float(np.nanmax(data["primary"])), "metastases": float(np.nanmax(data["metastases"])),
    }  # fmt: skip


def sentences(told: Told) -> dict[str, str]:
    """The story in one sentence per part, with what differs without the gene."""
    gene, lost = told.story.without, f"without {told.story.without}"
    at = calcium_facts(told.close)
    cell = {arm: cell_facts(run) for arm, run in told.cell.items()}
    film = {arm: film_facts(run) for arm, run in told.film.items()}
    tissue = {arm: tissue_facts(run) for arm, run in told.tissue.items()}
    a, b = tissue[INTACT], tissue[WITHOUT]
    return {
        "calcium": f"{AGONIST.capitalize()} takes calcium of one {told.story.line} cell from {at['rest']:.2g} to {at['peak']:.2g} uM within "
        f"{at['after']:.0f} s, and the share of Munc13-4 at work from {100 * at['share_rest']:.1g} to {100 * at['share_peak']:.2g} %.",
        "vesicles": f"{cell[INTACT]['fusions']:.0f} of its MVBs fuse in {cell[INTACT]['hours']:g} h and set "
        f"{cell[INTACT]['exosomes']:.0f} exosomes free; {lost} {cell[WITHOUT]['exosomes']:.0f}.",
        "matrix": f"On a film the same cell cuts {film[INTACT]['area']:.0f} um2 of gelatin; {lost} "
        f"{film[WITHOUT]['area']:.0f} um2.",
        "tissue": f"A tumour of {a['start']:.0f} cells has {a['end']:.0f} after {a['days']:g} days among T cells, {lost} "
        f"{b['end']:.0f}; {a['expected']:.2%} of neighbours are to be transformed, {lost} {b['expected']:.2%}.",
        "T cells": f"T cells kill {a['killed']:.0f} tumour cells, {lost} {b['killed']:.0f}; PD-L1 takes {a['restraint']:.0%} "
        f"of the hits of a bound T cell, {lost} {b['restraint']:.0%}.{_blood(told)}",
        "body": f"{PIECES:,} such tissues begin a tumour of {float(told.body[INTACT]['primary'][0]):,.0f} cells in a patient: "
        f"{_ends(body_facts(told.body[INTACT]))}; without {gene} {_ends(body_facts(told.body[WITHOUT]))}.",
    }  # fmt: skip


def _blood(told: Told) -> str:
    """What a tissue with vessels has in the blood of its body at its end; nothing where it has none."""
    now = told.tissue[INTACT].data.isel(time=-1)
    if "body_ctc" not in now:
        return ""
    entered = sum(float(now[name]) for name in now.data_vars if str(name).startswith("events_entry"))
    return f" {entered:.0f} tumour cells of the tissue have gone into vessels; {float(now['body_blood_exosomes']):,.0f} exosomes are in blood."


def _ends(facts: Facts) -> str:
    """What became of a patient in words."""
    said = []
    if not facts["start"]:
        return "no tumour cell is left to begin with"
    if not np.isnan(facts["cleared"]):
        said.append(f"T cells have cleared it after {facts['cleared'] * DAYS_PER_YEAR:.0f} days")
    if np.isnan(facts["begun"]):
        said.append("no second site begins")
    else:
        said.append(f"a second site begins after {facts['begun']:.1f} years")
        seen = facts["seen"]
        said.append("is not seen" if np.isnan(seen) else f"is seen after {seen:.1f} years")
    if facts["died"]:
        said.append(f"the burden is lethal after {facts['end']:.1f} years")
    return ", ".join(said)
