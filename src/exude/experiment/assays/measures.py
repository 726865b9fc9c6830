"""A tissue as an assay reads it: what was recorded at each time, from memory or from disk, and measures of it."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, NamedTuple

import numpy as np
import xarray as xr
from numpy.typing import NDArray
from scipy import linalg, ndimage, special
from scipy.sparse import coo_array, csgraph
from scipy.spatial import KDTree

from exude.engine.grid import Grid
from exude.engine.layout import Floats
from exude.engine.tissue_run import TissueRun
from exude.errors import DataError, ProtocolError, refuse
from exude.experiment.assays.noise import normal_log_density
from exude.experiment.assays.reading import REPLICATE, named
from exude.experiment.perturbations import Perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Plan, Tissue

FIELDS = ("collagen",)
"""Fields that the assays of a tissue read."""
SHOWN = ("vessels",)
"""Fields that are kept beside, where there are any, because pictures show them."""
SAME_TIME = 1e-6
"""Times (s) closer than this are one."""
ROUND_OFF = 1e-9
"""A variance below this share of the larger is none."""
Mask = NDArray[np.bool_]


class Snapshot(NamedTuple):
    """A tissue at one time."""

    time: float  # s
    fields: Mapping[str, Floats]  # (nz, ny, nx)
    cells: Mapping[str, NDArray[Any]]  # (cell) or (cell, axis)


@dataclass(frozen=True)
class TissueReading:
    """One dish: times (s), the grid, what the run says of its making, and the snapshot of each recorded time.

    `load` gives a snapshot by its number; runs on disk are read snapshot by snapshot.
    """

    grid: Grid
    times: Floats
    made: Mapping[str, Any]
    load: Callable[[int], Snapshot]

    def at(self, time: float = math.inf) -> Snapshot:
        """The snapshot at a recorded time (s), infinity being the last; ProtocolError for any other time."""
        return self.load(self.index(time))

    def index(self, time: float) -> int:
        """Number of the snapshot at a recorded time (s)."""
        near = len(self.times) - 1 if time == math.inf else int(np.argmin(np.abs(self.times - time)))
        if time != math.inf and not abs(self.times[near] - time) <= SAME_TIME:
            known = ", ".join(f"{t:g}" for t in self.times)
            raise refuse(ProtocolError, time, f"a recorded time: {known} s", "Give one, or run with a shorter `every`.")
        return near

    def __iter__(self) -> Iterator[Snapshot]:
        return (self.load(i) for i in range(len(self.times)))

    def __len__(self) -> int:
        return len(self.times)


Dishes = TissueReading | Sequence[TissueReading]
"""One dish, or several alike that differ in their seed."""


def reading(source: Tissue | Plan | TissueRun | TissueReading, fields: Sequence[str] = FIELDS) -> TissueReading:
    """A dish to be read: an experiment (which is run now and kept in memory), a stored run, or a reading as it is.

    fields: what is kept of an experiment's fields; cells are kept whole.
    """
    if isinstance(source, TissueReading):
        return source
    if isinstance(source, TissueRun):
        return _stored(source, tuple(fields))
    if not isinstance(source, Tissue | Plan):
        raise refuse(DataError, type(source).__name__, "a Tissue, a stored run or a reading", "Give open_tissue(path).")
    plan = source.plan() if isinstance(source, Tissue) else source
    fields = [*fields, *(name for name in SHOWN if name in plan.setup.space.fields and name not in fields)]
    kept = []
    for now in plan.frames():  # what a frame holds changes as the run goes on
        chosen = {name: np.array(now.fields[name]) for name in fields}
        kept.append(Snapshot(now.time, chosen, {name: np.array(values) for name, values in now.cells.items()}))
    times = np.array([snapshot.time for snapshot in kept])
    return TissueReading(plan.setup.grid, times, plan.attrs(), kept.__getitem__)


def _stored(run: TissueRun, fields: tuple[str, ...]) -> TissueReading:
    about = run.about["grid"]
    nz, ny, nx = about["shape"]
    x, y, z = about["origin"]

    fields = (*fields, *(name for name in SHOWN if name in run.data and name not in fields))

    def load(index: int) -> Snapshot:
        table = run.cells(index)
        now = run.data.isel(time=index)
        chosen = {name: np.asarray(now[name].values, np.float64) for name in fields}
        return Snapshot(float(now["time"]), chosen, {str(name): table[name].values for name in table.data_vars})

    times = np.asarray(run.data["time"].values, np.float64)
    return TissueReading(Grid((nz, ny, nx), about["h"], (x, y, z)), times, run.attrs, load)


@dataclass(frozen=True)
class AbstractTissueAssay(ABC):
    """One instrument that reads tissues: what it would read, how it errs, and how likely a reading is.

    Perturbations act through the experiment: `dish(line, what)` is the assay's usual set-up under them.
    numbers: values of the assay's parameters, internal units.
    """

    numbers: Numbers = field(default_factory=Numbers.default)
    purpose: ClassVar[int]
    """Number of this assay's own random stream."""

    @abstractmethod
    def standard(self) -> Tissue:
        """The usual set-up, untreated; small enough to run in a minute or so."""

    @abstractmethod
    def observable(self, dish: TissueReading) -> xr.Dataset:
        """What the instrument would read of one dish without its noise; units on every variable."""

    @abstractmethod
    def measure(self, dishes: Dishes, *, seed: int = 1) -> xr.Dataset:
        """One noisy reading of each dish, (replicate, ...)."""

    @abstractmethod
    def log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log probability (density) of `data`, named as `measure` names them, given dishes that predict it."""

    def dish(self, line: str = "MDA-MB-231", what: Sequence[Perturbation] = (), **changes: Any) -> Tissue:
        """The usual set-up with a line, perturbations and whatever else of `Tissue` is changed (seed, duration, ...)."""
        return replace(self.standard(), line=line, what=tuple(what), numbers=self.numbers, **changes)


def kind_number(dish: TissueReading, kind: str) -> int:
    """The number by which a dish's cells of a kind are marked; ProtocolError where its model has none."""
    kinds = dish.made["kinds"]
    if kind not in kinds:
        raise refuse(
            ProtocolError, f"cells of kind {kind!r}", f"kinds of this dish: {', '.join(kinds)}",
            "Add such cells, with Mixture or Among.", kinds,
        )  # fmt: skip
    return list(kinds).index(kind)


def all_of(dishes: Dishes) -> tuple[TissueReading, ...]:
    """One dish or several as several; DataError for none."""
    found = (dishes,) if isinstance(dishes, TissueReading) else tuple(dishes)
    if not found or not all(isinstance(dish, TissueReading) for dish in found):
        raise refuse(DataError, [type(d).__name__ for d in found], "one reading or more", "Give reading(Tissue(...)).")
    return found


def several(dishes: Dishes) -> tuple[TissueReading, ...]:
    """At least two dishes: how dishes differ cannot be known from one."""
    found = all_of(dishes)
    if len(found) < 2:
        raise refuse(
            DataError, "one dish", "two or more, alike but for their seed", "Run it again with seed=2 and give both."
        )
    return found


def replicates(values: Sequence[Any], like: xr.DataArray) -> xr.DataArray:
    """Readings of several dishes as one table, (replicate, ...), with unit, name and axes of one reading."""
    coords = {**{str(k): v for k, v in like.coords.items()}, "replicate": np.arange(len(values))}
    table = xr.DataArray(np.asarray(values), dims=("replicate", *like.dims), coords=coords)
    table["replicate"].attrs.update(REPLICATE)
    return named(table, like.attrs["units"], like.attrs["long_name"])


def log_predictive(seen: Floats, dishes: Floats, noise: Floats) -> float:
    """Log density of one reading (k,), given noiseless readings of dishes alike (dish, k) and the noise (k, k).

    Student's t about the dishes' mean with scale noise + S (1 + 1/n), S their covariance, and Welch's degrees of
    freedom, (n - 1) (tr scale / tr sampling)^2: a spread known from few dishes is itself unsure. NaN is skipped.
    Valid when: dishes differ nearly normally.
    """
    there = ~np.isnan(seen)
    if not there.any():
        return 0.0
    known, seen = dishes[:, there], seen[there]
    if np.isnan(known).any():
        raise refuse(DataError, "data where a dish predicts nothing", "a prediction for each reading", "Drop those.")
    n = len(known)
    sampling = np.atleast_2d(np.cov(known, rowvar=False)) * (1 + 1 / n)
    scale = noise[np.ix_(there, there)] + sampling
    if np.trace(sampling) <= ROUND_OFF * np.trace(scale):
        return normal_log_density(seen, known.mean(axis=0), scale)
    freedom = (n - 1) * float(np.trace(scale) / np.trace(sampling)) ** 2
    return student_log_density(seen, known.mean(axis=0), scale, freedom)


def student_log_density(seen: Floats, centre: Floats, scale: Floats, freedom: float) -> float:
    """Log density of Student's t of several variables (k,) with a scale matrix (k, k)."""
    root = linalg.cholesky(scale, lower=True)
    z = linalg.solve_triangular(root, seen - centre, lower=True)
    k = len(seen)
    height = special.gammaln((freedom + k) / 2) - special.gammaln(freedom / 2) - k / 2 * math.log(freedom * math.pi)
    return float(height - np.log(np.diag(root)).sum() - (freedom + k) / 2 * math.log1p(float(z @ z) / freedom))


def same_times(dishes: Sequence[TissueReading]) -> Floats:
    """Times (s) that all dishes were recorded at; DataError where they differ."""
    times = dishes[0].times
    for dish in dishes[1:]:
        if len(dish.times) != len(times) or not np.allclose(dish.times, times, rtol=0, atol=SAME_TIME):
            raise refuse(DataError, dish.times.tolist(), f"times {times.tolist()} s", "Record all dishes alike.")
    return times


def matched_times(known: Floats, seen: xr.DataArray) -> NDArray[np.int64]:
    """Numbers of the recorded times at which data were taken; DataError for times that were not recorded."""
    wanted = np.atleast_1d(np.asarray(seen["time"].values, float))
    near = np.array([int(np.argmin(np.abs(known - t))) for t in wanted])
    off = np.abs(known[near] - wanted) > SAME_TIME
    if off.any():
        raise refuse(DataError, wanted[off].tolist(), f"times among {known.tolist()} s", "Record the dishes at these.")
    return near


# ---- geometry


def outline(snapshot: Snapshot, grid: Grid, pixel: float) -> Mask:
    """Where cells are as seen from above, (y, x), in pixels of side `pixel` (um): each cell a disc."""
    nx, ny = (max(1, round(side / pixel)) for side in grid.size[:2])
    mask = np.zeros((ny, nx), bool)
    places = (snapshot.cells["position"][:, :2] - np.array(grid.origin[:2])) / pixel - 1 / 2
    for (x, y), radius in zip(places, snapshot.cells["radius"] / pixel, strict=True):
        a, b = max(0, math.floor(x - radius)), min(nx, math.ceil(x + radius) + 1)
        c, d = max(0, math.floor(y - radius)), min(ny, math.ceil(y + radius) + 1)
        rows, columns = np.arange(c, d)[:, None], np.arange(a, b)[None, :]
        mask[c:d, a:b] |= (columns - x) ** 2 + (rows - y) ** 2 <= radius**2
    return mask


def closed_gaps(mask: Mask, reach: float) -> Mask:
    """A mask with gaps narrower than 2 `reach` (pixels) filled, as an eye that follows outlines does."""
    edge = math.ceil(reach) + 1
    wide = np.pad(mask, edge, mode="symmetric")
    if not wide.any():
        return mask.copy()
    grown = ndimage.distance_transform_edt(~wide) <= reach
    if grown.all():
        return np.ones_like(mask)
    shrunk = ndimage.distance_transform_edt(grown) > reach
    return np.asarray((shrunk | wide)[edge:-edge, edge:-edge])


def contacts(position: Floats, radius: Floats, reach: float) -> NDArray[np.int64]:
    """Group of each cell, (cell,): cells belong together that touch, distance < reach (r_i + r_j), or are linked so."""
    n = len(radius)
    pairs = KDTree(position).query_pairs(2 * reach * float(radius.max()), output_type="ndarray") if n > 1 else None
    if pairs is None or not len(pairs):
        return np.arange(n)
    apart = np.sqrt(np.sum((position[pairs[:, 0]] - position[pairs[:, 1]]) ** 2, axis=1))
    touch = pairs[apart < reach * (radius[pairs[:, 0]] + radius[pairs[:, 1]])]
    links = coo_array((np.ones(len(touch)), (touch[:, 0], touch[:, 1])), shape=(n, n))
    return np.asarray(csgraph.connected_components(links, directed=False)[1], np.int64)


def paths(dish: TissueReading) -> dict[int, tuple[Floats, Floats]]:
    """Cell's id -> its times (s) and places (time, 3), um, for as long as it lives."""
    found: dict[int, list[tuple[float, Floats]]] = {}
    for snapshot in dish:
        for one, place in zip(snapshot.cells["id"], snapshot.cells["position"], strict=True):
            found.setdefault(int(one), []).append((snapshot.time, place))
    return {one: (np.array([t for t, _ in rows]), np.array([p for _, p in rows])) for one, rows in found.items()}


def mean_square_displacement(dishes: Dishes) -> xr.Dataset:
    """`msd` (lag,) in um2 over lags in s, its standard error over cells `error`, and `cells` that have the lag.

    Mean over all pairs of times of a cell that are a lag apart, then over cells; in two dimensions x and y only.
    Valid when: times are evenly spaced.
    """
    found = all_of(dishes)
    step = float(same_times(found)[1] - found[0].times[0]) if len(found[0]) > 1 else math.nan
    per_cell: list[list[float]] = [[] for _ in range(max(len(found[0]) - 1, 0))]
    for dish in found:
        axes = dish.grid.dimensions
        for _, places in paths(dish).values():
            for k in range(1, len(places)):
                moved = places[k:, :axes] - places[:-k, :axes]
                per_cell[k - 1].append(float(np.sum(moved**2, axis=1).mean()))
    lags = step * np.arange(1, len(per_cell) + 1)
    means = [np.mean(values) if values else math.nan for values in per_cell]
    errors = [np.std(v, ddof=1) / math.sqrt(len(v)) if len(v) > 1 else math.nan for v in per_cell]
    made = {
        "msd": (means, "um2", "mean square displacement"),
        "error": (errors, "um2", "standard error over cells"),
        "cells": ([len(v) for v in per_cell], "cells", "cells followed for so long"),
    }
    return xr.Dataset(
        {name: ("lag", values, {"units": unit, "long_name": text}) for name, (values, unit, text) in made.items()},
        coords={"lag": ("lag", lags, {"units": "s", "long_name": "time between two places"})},
        attrs={"dimensions": found[0].grid.dimensions},
    )
