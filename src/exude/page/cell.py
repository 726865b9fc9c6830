"""The cell view: the expected course, a population, the film of one cell, and the controls. Plain data out."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import cache, lru_cache
from typing import Any

import numpy as np
import xarray as xr

from exude.cascade import CELL
from exude.catalog import read
from exude.engine.result import Run
from exude.experiment.expect import expect
from exude.experiment.fluorescence import Fura2, SingleWavelength
from exude.experiment.perturbations import MUTANTS, Perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import ROUND_STEPS, Settings, simulate
from exude.experiment.unfitted import caution
from exude.page.asked import Asked
from exude.show.words import micro
from exude.units import seconds

FILM_READS = 150
"""Reads of every MVB in a film, at most: what lies between two reads is drawn as a straight line."""
POINTS = 500
"""Points of a curve, at most: a calcium spike of a minute must be seen in a run of hours."""
CONTROLS_KEPT = 64
"""Courses of controls that are kept: a control stays the same while a slider moves."""
DIGITS = 5
"""Of a number sent to the page."""
CURVES = ("calcium", "er_calcium", "exosomes", "fusions", "recruited")
"""What a course shows beside the stages."""
MIDDLE_95 = (0.025, 0.975)
SECONDS_PER_HOUR = 3600.0

KEYS = ("time", "diameter", "growth", "ilv")
"""What a film keeps of a read."""
ENDS = ("released", "degraded")

Plain = dict[str, Any]


def bench() -> Plain:
    """What the controls offer: lines, proteins, mutants, drugs and stimuli with their doses, mechanisms."""
    proteins = [level for level in CELL.levels if level.symbol.isupper()]
    drugs = [d for d in read.drugs().values() if any(e.target in _targets() for e in d.effects)]
    return {
        "lines": [{"name": x.name, "tissue": x.tissue} for x in read.lines().values()],
        "genes": [{"symbol": x.symbol, "meaning": x.meaning} for x in proteins],
        "mutants": {gene: list(found) for gene, found in MUTANTS.items()},
        "agents": [
            {"name": d.name, "kind": d.kind, "unit": d.dose_unit, "usual": d.usual_dose, "summary": micro(d.summary)}
            for d in drugs
        ],
        "dyes": [*Fura2.kinds, *SingleWavelength.kinds],
        "hypotheses": [{"name": h.name, "says": h.says} for h in CELL.hypotheses],
        "stages": list(CELL.life_cycle.stages),
    }  # fmt: skip


@cache
def _targets() -> frozenset[str]:
    """What a drug can act on in a single cell; a drug that acts only elsewhere has no place in this view."""
    return frozenset(level.symbol for level in CELL.levels)


def expected(asked: Asked) -> Plain:
    """The expected course of a cell with the line's median levels, beside its control."""
    name, what = asked.control
    every, spans = _step(asked, POINTS), _spans(asked)
    own = _course_of(asked.line, asked.what, asked.duration, every, asked.hypothesis)
    shown = {**own, "spans": _rates(own, spans), "python": asked.as_python(), "command": asked.as_command()}
    shown["caution"] = caution(asked.hypothesis, Numbers.default())
    if what != asked.what:
        control = _control(asked.line, what, asked.duration, every, asked.hypothesis)
        shown["control"] = {"name": name, **control, "spans": _rates(control, spans)}
    return shown


def _course_of(line: str, what: tuple[Perturbation, ...], duration: str, every: str, hypothesis: str) -> Plain:
    return _course(expect(line, *what, duration=duration, every=every, settings=Settings(hypothesis=hypothesis)))


_control = lru_cache(maxsize=CONTROLS_KEPT)(_course_of)


def _step(asked: Asked, most: int) -> str:
    """The shortest round step (s) that cuts the run into at most so many."""
    length = seconds(asked.duration, what="duration")
    return f"{next((s for s in ROUND_STEPS if length / s <= most), length / most):g} s"


def _spans(asked: Asked) -> list[tuple[float, float]]:
    """The times of a run (s) between which nothing is added or ended."""
    length = seconds(asked.duration, what="duration")
    changes = {t for w in asked.what for t in getattr(w, "window", ()) if 0 < t < length}
    return list(itertools.pairwise(sorted({0.0, length, *changes})))


def _rates(course: Plain, spans: list[tuple[float, float]]) -> list[Plain]:
    """Mean release in each span, exosomes per hour."""
    totals = [np.interp(span, course["time"], course["exosomes"]) for span in spans]
    rates = [(b - a) / (to - start) * SECONDS_PER_HOUR for (start, to), (a, b) in zip(spans, totals, strict=True)]
    return [{"from": start, "to": to, "rate": short(rate)} for (start, to), rate in zip(spans, rates, strict=True)]


def _course(data: xr.Dataset) -> Plain:
    """What the page draws of a course: numbers of the cell, and MVBs stage by stage."""
    stages = zip(data["stage"].values, data["stage_count"].values.T, strict=True)
    shown = {name: short(data[name].values) for name in ("time", *CURVES)}
    return {**shown, "stages": {str(stage): short(counts) for stage, counts in stages}}


def population(asked: Asked) -> Plain:
    """Many single cells: mean and the middle 95 % of cells at each time, and exosomes per cell at the end."""
    run = cells_of(asked)
    bands = {}
    for name in ("calcium", "exosomes"):
        low, high = (run.data[name].quantile(q, "cell").values for q in MIDDLE_95)
        bands[name] = {"mean": short(run.data[name].mean("cell").values), "low": short(low), "high": short(high)}
    means = run.data["stage_count"].mean("cell")
    return {
        "time": short(run.data["time"].values),
        **bands,
        "stages": {str(s): short(means.sel(stage=s).values) for s in means["stage"].values},
        "at_end": [int(n) for n in run.exosomes.isel(time=-1).values],
        "fusions_per_cell": float(run.data["fusions"].isel(time=-1).mean()),
        "cells": asked.cells,
    }


def cells_of(asked: Asked) -> Run:
    """The run itself, as the shown code makes it: figure and data of the page are of this one."""
    settings = Settings(hypothesis=asked.hypothesis)
    return simulate(
        asked.line, *asked.what, duration=asked.duration, cells=asked.cells, seed=asked.seed, settings=settings
    )


def film(asked: Asked) -> Plain:
    """One cell, vesicle by vesicle: each MVB read at about 150 times, every change of stage at its own time.

    Positions are no result: the page draws them. What is a result: number, stage, diameter, Rab11 vesicles taken up and
    ILVs of each MVB at each read, and the times of changes, fusions and degradations.
    """
    length = seconds(asked.duration, what="duration")
    reads = np.unique(np.append(np.arange(0.0, length, seconds(_step(asked, FILM_READS), what="step")), length))
    settings = Settings(
        hypothesis=asked.hypothesis, every=_step(asked, POINTS), snapshots=tuple(f"{t:g} s" for t in reads), stage_changes=True,
    )  # fmt: skip
    run = simulate(asked.line, *asked.what, duration=asked.duration, cells=1, seed=asked.seed, settings=settings)
    cell = run.data.isel(cell=0)
    return {
        **_course(cell),
        "duration": length,
        "radius": read.value("cell_radius"),
        "exosome": read.value("exosome_diameter"),
        "vesicles": vesicles_of(run),
    }


def vesicles_of(run: Run) -> list[Plain]:
    """The life of every MVB that is there at or after time 0: when born, as what read, when changed, how ended.

    keys: rows (time s, diameter um, Rab11 vesicles taken up, ILVs), one per read, the last at its end;
    stages: rows (time s, stage from then on); end: (time s, 'released' or 'degraded', ILVs) or None where it goes on.
    """
    lives: dict[int, Plain] = {}
    for row in _rows(run.events):
        life = _life(lives, row)
        if row["fate"] in ENDS:
            life["end"] = [row["time"], row["fate"], row["ilv"]]
            life["keys"].append([row[name] for name in KEYS])
        else:
            life["stages"].append([row["time"], row["fate"]])
    for row in _rows(run.vesicles):
        _life(lives, row)["keys"].append([row[name] for name in KEYS])
    seen = [life for life in lives.values() if life["keys"] and max(life["keys"])[0] >= 0]
    for life in seen:
        life["keys"].sort()
        life["stages"].sort()
    return sorted(seen, key=lambda life: int(life["id"]))


def _life(lives: dict[int, Plain], row: Plain) -> Plain:
    """The life that a row belongs to, begun at its birth."""
    born, first = short(row["time"] - row["age"]), CELL.life_cycle.stages[0]
    begun = {"id": row["vesicle"], "born": born, "keys": [], "stages": [[born, first]], "end": None}
    return lives.setdefault(row["vesicle"], begun)


def _rows(table: xr.Dataset) -> Iterator[Plain]:
    """The rows of a table of events or reads as plain values."""
    names = [
        name for name in ("time", "vesicle", "diameter", "growth", "ilv", "age", "fate") if name in table.variables
    ]
    columns = [table[name].values.tolist() for name in names]
    for values in zip(*columns, strict=True):
        yield dict(zip(names, values, strict=True))


def short(values: Any) -> Any:
    """Numbers rounded to five digits: half the bytes, and nothing that a screen could show is lost."""
    flat = np.asarray(values, float)
    if flat.ndim == 0:
        return float(f"{float(flat):.{DIGITS}g}")
    return [float(f"{v:.{DIGITS}g}") for v in flat]


def table(run: Run) -> str:
    """Mean and standard deviation over cells of what a run recorded, as CSV with units in the head."""
    means = run.data.mean("cell")
    sds = run.data.std("cell", ddof=1) if run.data.sizes["cell"] > 1 else run.data.std("cell")
    names = [str(n) for n, v in run.data.data_vars.items() if v.dims == ("cell", "time")]
    heads = ["time_s"] + [f"{n}_{kind} ({run.data[n].attrs['units']})" for n in names for kind in ("mean", "sd")]
    rows = [",".join(heads)]
    for i, time in enumerate(run.data["time"].values):
        cells = [f"{float(d[n][i]):.9g}" for n in names for d in (means, sds)]
        rows.append(",".join([f"{float(time):.9g}", *cells]))
    return "\n".join(rows) + "\n"
