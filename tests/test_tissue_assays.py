"""Assays of tissues: known shapes are read as what they are, noise is what likelihoods say, pictures hold the data.

Calibrations are Kolmogorov-Smirnov tests at 1e-3 and sums of squares at |z| < 4 (6e-5); seven of them, so below 0.7 % of
false alarms for the file. Seeds are fixed, so that a pass stays a pass. Each shows that a planted fault fails it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest
import xarray as xr
from PIL import Image
from scipy import ndimage, stats

from exude.catalog import read as catalogue
from exude.engine.agents import Box
from exude.engine.grid import Grid
from exude.engine.tissue_store import Quantities, Quantity, TissueWriter, open_tissue
from exude.errors import DataError, ProtocolError, UnknownName
from exude.experiment.arrange import Layer, Scattered
from exude.experiment.assays import ASSAYS
from exude.experiment.assays.gelatin_degradation import GelatinDegradation
from exude.experiment.assays.measures import (
    AbstractTissueAssay,
    Snapshot,
    TissueReading,
    closed_gaps,
    contacts,
    log_predictive,
    mean_square_displacement,
    outline,
    reading,
    student_log_density,
)
from exude.experiment.assays.spheroid_invasion import SpheroidInvasion, log_predictive_count
from exude.experiment.assays.transwell import Transwell
from exude.experiment.assays.wound_closure import WoundClosure
from exude.experiment.matrix import Film
from exude.experiment.perturbations import Drug
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue
from exude.show import movies, tissue_axes
from exude.show import tissue_figures as figures

N = Numbers.default()
ALARM = 1e-3
Z = 4.0
HOUR = 3600.0
KINDS: tuple[type[AbstractTissueAssay], ...] = (GelatinDegradation, SpheroidInvasion, Transwell, WoundClosure)


def cells(places: Any, radius: float = 10.0, ids: Any = None) -> dict[str, Any]:
    position = np.asarray(places, float).reshape(-1, 3)
    n = len(position)
    return {"id": np.arange(n) if ids is None else np.asarray(ids), "position": position, "radius": np.full(n, radius)}


def dish(grid: Grid, rows: list[tuple[float, Any, dict[str, Any]]], **made: str) -> TissueReading:
    """A dish whose every snapshot is given: time (h), collagen, cells."""
    snapshots = [
        Snapshot(t * HOUR, {"collagen": np.broadcast_to(np.asarray(c, float), grid.shape)}, MappingProxyType(found))
        for t, c, found in rows
    ]
    return TissueReading(grid, np.array([s.time for s in snapshots]), made, snapshots.__getitem__)


# ---- gelatin

FILM = Grid((1, 100, 100), 2.0)
DISCS = {(60.0, 60.0): 20.0, (140.0, 130.0): 12.0}


def holes(grid: Grid, discs: Mapping[tuple[float, float], float], left: float = 0.0) -> Any:
    """Gelatin left in each voxel (share) once discs (centre, radius; um) were cut down to `left`."""
    fine = 8
    x = (np.arange(grid.shape[1] * fine) + 0.5) * grid.h / fine
    lost = np.zeros((len(x), len(x)), bool)
    for (a, b), radius in discs.items():
        lost |= (x[None, :] - a) ** 2 + (x[:, None] - b) ** 2 < radius**2
    share = lost.reshape(grid.shape[1], fine, grid.shape[2], fine).mean(axis=(1, 3))
    return (1 - (1 - left) * share)[None]


def film(discs: Mapping[tuple[float, float], float] = DISCS, *, left: float = 0.0, grid: Grid = FILM) -> TissueReading:
    found = cells([(60, 62, 1), (140, 128, 1), (30, 170, 1)])
    return dish(grid, [(0, 2.0, found), (6, 2.0 * holes(FILM, discs, left), found)], matrix="Film()")


def test_a_disc_of_known_area_is_read_as_such() -> None:
    half = GelatinDegradation(numbers=N.but(gelatin_threshold=(1 + N["gelatin_background"]) / 2))
    seen = half.observable(film())
    areas = np.array([math.pi * r**2 for r in DISCS.values()] + [0.0])
    np.testing.assert_allclose(seen["area"].values, areas, rtol=0.02)
    assert float(seen["area_per_cell"]) == pytest.approx(areas.mean(), rel=0.01)
    assert float(seen["degraded_share"]) == pytest.approx(areas.sum() / 200**2, rel=0.01)
    assert float(seen["degrading"]) == pytest.approx(2 / 3)
    assert int(seen["holes"]) == 2
    # Planted fault: voxels taken 2.5 % too wide are told by an area 5 % too large.
    wide = half.observable(film(grid=Grid((1, 100, 100), 2.05)))["area_per_cell"]
    assert float(wide) != pytest.approx(areas.mean(), rel=0.03)
    # A threshold nearer to intact film takes in part of the edge, which is as wide as a voxel.
    usual = GelatinDegradation().observable(film())["area"].values[:2]
    assert (usual > areas[:2]).all()
    assert (usual < [math.pi * (r + FILM.h / 2) ** 2 for r in DISCS.values()]).all()


def test_only_what_is_below_the_threshold_is_degraded() -> None:
    edge = (N["gelatin_threshold"] - N["gelatin_background"]) / (1 - N["gelatin_background"])
    for left, expected in ((edge + 0.03, 0), (edge - 0.03, 2)):
        assert int(GelatinDegradation().observable(film(left=left))["holes"]) == expected


def test_the_picture_is_blurred_by_the_microscope() -> None:
    point = {(100.0, 100.0): 4.0}
    sharp = GelatinDegradation(numbers=N.but(microscope_resolution=0.01)).picture(film(point))
    blurred = GelatinDegradation(numbers=N.but(microscope_resolution=8.0)).picture(film(point))
    assert sharp.shape == (400, 400) and sharp.attrs["units"] and float(sharp["x"][0]) == 0.25
    assert float((1 - sharp).sum()) == pytest.approx(float((1 - blurred).sum()), rel=1e-3)
    sides = [float(np.sqrt(((1 - p).sum("y") * (p["x"] - 100) ** 2).sum() / (1 - p).sum())) for p in (sharp, blurred)]
    assert sides[1] ** 2 - sides[0] ** 2 == pytest.approx((8.0 / 2.3548) ** 2, rel=0.02)


def test_intact_film_shows_no_holes_in_a_photograph() -> None:
    intact = film({})
    seen = GelatinDegradation().measure([intact] * 5, seed=2)
    assert int(seen["holes"].sum()) == 0 and float(seen["degraded_share"].sum()) == 0
    photo = GelatinDegradation().photograph(intact)
    assert float(photo.mean()) == pytest.approx(1.0, abs=Z / math.sqrt(N["gelatin_photons"] * photo.size))
    assert float(photo.std()) == pytest.approx(1 / math.sqrt(N["gelatin_photons"]), rel=0.02)
    assert math.isfinite(GelatinDegradation().log_likelihood(intact, seen))


def test_photographs_scatter_about_the_picture() -> None:
    seen = GelatinDegradation().measure([film()] * 25, seed=4)["area_per_cell"].values
    expected = float(GelatinDegradation().observable(film())["area_per_cell"])
    z = (seen.mean() / expected - 1) / (N["gelatin_cv"] / math.sqrt(len(seen)))
    assert abs(z) < Z
    assert seen.std(ddof=1) / expected == pytest.approx(N["gelatin_cv"], rel=0.35)


def test_gelatin_refuses_what_is_no_film() -> None:
    deep = dish(Grid((4, 5, 5), 10.0), [(0, 1.0, cells([(20, 20, 20)]))])
    bare = dish(FILM, [(0, 0.0, cells([(20, 20, 1)]))])
    for wrong in (deep, bare):
        with pytest.raises(ProtocolError, match="film"):
            GelatinDegradation().observable(wrong)


# ---- spheroid

SPACE = Grid((40, 40, 40), 10.0)
MIDDLE = np.array([200.0, 200.0, 200.0])


def ball(n: int, apart: float = 19.0) -> Any:
    """A cubic packing about the middle, the nearest `n`."""
    line = np.arange(-8, 9) * apart
    points = np.stack(np.meshgrid(line, line, line, indexing="ij"), axis=-1).reshape(-1, 3)
    return MIDDLE + points[np.argsort(np.sum(points**2, axis=1), kind="stable")[:n]]


def test_front_is_the_radius_that_holds_most_cells() -> None:
    start = ball(123)
    far = np.sqrt(np.sum((start - MIDDLE) ** 2, axis=1))
    grown = MIDDLE + 1.5 * (start - MIDDLE)
    seen = SpheroidInvasion().observable(dish(SPACE, [(0, 8.0, cells(start)), (6, 8.0, cells(grown))]))
    assert float(seen["front"][0]) == 0
    assert float(seen["front"][1]) == pytest.approx(0.5 * np.quantile(far, 0.95), rel=1e-9)
    assert int(seen["cells"][1]) == 123


def test_area_is_that_of_the_outline() -> None:
    one = dish(SPACE, [(0, 8.0, cells([MIDDLE], 5.0)), (1, 8.0, cells([MIDDLE], 50.0))])
    gained = float(SpheroidInvasion().observable(one)["area"][1])
    assert gained == pytest.approx(math.pi * (50**2 - 5**2), rel=0.01)


def test_strands_single_cells_and_groups_are_told_apart() -> None:
    body = ball(200)
    reach = float(np.max(body[:, 0]))
    arm = [(reach + 19 * k, 200, 200) for k in range(1, 6)]
    other = [(200, 400 - reach - 19 * k, 200) for k in range(1, 5)]
    alone, pair = [(60, 60, 60)], [(340, 340, 60), (340, 340, 79)]
    start = (0, 8.0, cells(body))
    for places, expected in (
        (body, (0, 0, 0)),
        ([*body, *arm], (1, 0, 0)),
        ([*body, *arm, *other, *alone, *pair], (2, 1, 1)),
    ):
        seen = SpheroidInvasion().observable(dish(SPACE, [start, (6, 8.0, cells(places))])).isel(time=1)
        assert tuple(int(seen[name]) for name in ("strands", "single_cells", "groups")) == expected


def test_contacts_link_chains() -> None:
    row = np.array([[0, 0, 0], [20, 0, 0], [40, 0, 0], [100, 0, 0.0]])
    assert contacts(row, np.full(4, 10.0), 1.25).tolist() == [0, 0, 0, 1]
    assert contacts(row[:1], np.full(1, 10.0), 1.25).tolist() == [0]
    assert len(set(contacts(row, np.full(4, 10.0), 0.9).tolist())) == 4


# ---- transwell

SLAB = Grid((8, 20, 20), 10.0)


def test_cells_that_came_through_are_counted_once_and_for_good() -> None:
    high, low = 70.0, 12.0
    rows = [
        (0, 8.0, cells([(50, 50, high), (90, 50, high), (130, 50, high), (150, 50, high)])),
        (2, 8.0, cells([(50, 50, low), (90, 50, low), (130, 50, high), (150, 50, high)])),
        (4, 8.0, cells([(50, 50, 40), (130, 50, high), (150, 50, high)], ids=[0, 2, 3])),  # one turned back, one died
    ]
    seen = Transwell().observable(dish(SLAB, rows))
    assert seen["course"].values.tolist() == [0, 0.5, 1 / 3]
    assert (int(seen["through"]), int(seen["cells"])) == (1, 3)
    assert float(Transwell(at=2 * HOUR).observable(dish(SLAB, rows))["share"]) == 0.5
    with pytest.raises(ProtocolError, match="recorded time"):
        Transwell(at=HOUR).observable(dish(SLAB, rows))
    with pytest.raises(ProtocolError, match="slab"):
        Transwell().observable(film())


def test_a_layer_lies_on_the_slab_without_overlap() -> None:
    box = Box(np.zeros(3), np.array([200.0, 150.0, 80.0]), False)
    found = Layer(30).places(box, 10.0, 3)
    assert found.shape == (30, 3) and (found[:, 2] == 70.0).all()
    assert (found[:, :2] >= 0).all() and (found[:, :2] <= [200, 150]).all()
    apart = np.sqrt(np.sum((found[:, None] - found[None]) ** 2, axis=-1)) + 1e3 * np.eye(30)
    assert apart.min() > 1.5 * 10
    assert not np.array_equal(found, Layer(30).places(box, 10.0, 4))
    heights = np.array([[0, 0, 59.0], [0, 0, 61.0]])
    assert Layer(30).inside(heights, box, 10.0).tolist() == [0, 1]
    with pytest.raises(ProtocolError, match="at most"):
        Layer(1000).places(box, 10.0, 3)
    with pytest.raises(ProtocolError, match="planar"):
        Layer(3).places(Box(np.zeros(3), np.array([200.0, 150.0, 10.0]), True), 10.0, 3)


# ---- wound

PLANE = Grid((1, 20, 40), 10.0)


def edges(left: float, right: float, hole: bool = False) -> dict[str, Any]:
    """Layers that end at x = left and begin at x = right, cells of radius 10 um side by side."""
    y = np.arange(5.0, 200.0, 10.0)
    xs = [*np.arange(left - 10.0, -10.0, -10.0), *np.arange(right + 10.0, 410.0, 10.0)]
    places = [(x, v, 5.0) for x in xs for v in y if not (hole and abs(x - 40) < 25 and abs(v - 100) < 25)]
    return cells(places, 10.0)


def test_a_strip_of_known_width_closes_by_a_known_share() -> None:
    wound = dish(PLANE, [(0, 0.0, edges(130, 270)), (2, 0.0, edges(165, 235)), (4, 0.0, edges(205, 195))])
    seen = WoundClosure().observable(wound)
    assert seen["closed"].values == pytest.approx([0, 0.5, 1], abs=0.02)
    assert float(seen["width"][0]) == pytest.approx(140, abs=3)
    assert float(seen["speed"]) == pytest.approx((140 - 70) / 2 / 2, rel=0.05)


def test_small_gaps_in_the_layer_are_no_wound() -> None:
    wound = dish(PLANE, [(0, 0.0, edges(130, 270)), (2, 0.0, edges(130, 270, hole=True))])
    assert float(WoundClosure().observable(wound)["closed"][1]) == pytest.approx(0, abs=1e-3)
    mask = outline(Snapshot(0.0, {}, edges(130, 270)), PLANE, 1.0)
    assert not mask[:, 140:260].any() and mask[:, 10:125].mean() > 0.95
    gap = np.ones((50, 50), bool)
    gap[:, 20:30] = False
    assert closed_gaps(gap, 6.0).all() and not closed_gaps(gap, 4.0).all()
    assert not closed_gaps(np.zeros((9, 9), bool), 3.0).any()


def test_wound_refuses_a_layer_without_one() -> None:
    with pytest.raises(ProtocolError, match="wound"):
        WoundClosure().observable(dish(PLANE, [(0, 0.0, edges(205, 195))]))


# ---- noise and likelihood


def uniform_ranks(density: Callable[[float], float], seen: float, places: Any) -> float:
    """Share of a density (given as its logarithm) that lies below what was seen."""
    weight = np.exp([density(float(x)) for x in places])
    below = np.concatenate([[0.0], np.cumsum((weight[1:] + weight[:-1]) / 2 * np.diff(places))])
    assert below[-1] == pytest.approx(1, abs=0.02), "a density is 1 in all"
    return float(np.interp(seen, places, below))


def ks(ranks: list[float]) -> float:
    return float(stats.kstest(ranks, "uniform").pvalue)


def test_students_t_is_that_of_another_program() -> None:
    scale = np.array([[2.0, 0.5], [0.5, 1.0]])
    for freedom in (1.5, 40.0):
        expected = stats.multivariate_t.logpdf([1.0, -2.0], [0.5, 0.0], scale, df=freedom)
        ours = student_log_density(np.array([1.0, -2.0]), np.array([0.5, 0.0]), scale, freedom)
        assert ours == pytest.approx(float(expected), rel=1e-12)


def test_prediction_from_few_dishes_is_as_unsure_as_it_says() -> None:
    rng = np.random.default_rng(5)
    honest, rash = [], []
    places = np.concatenate([-np.geomspace(300, 0.03, 50), np.geomspace(0.03, 300, 50)])
    for _ in range(200):
        known, noise = 10 + 3 * rng.standard_normal((4, 1)), np.array([[1.0]])
        seen = 10 + 3 * rng.standard_normal() + rng.standard_normal()

        def density(x: float, known: Any = known, noise: Any = noise) -> float:
            return log_predictive(np.array([x]), known, noise)

        honest.append(uniform_ranks(density, seen, places + known.mean()))
        rash.append(float(stats.norm.cdf(seen, known.mean(), math.sqrt(float(known.var(ddof=1)) + 1))))
    assert ks(honest) > ALARM
    # Planted fault: a normal density with the dishes' spread taken as known is found out.
    tails = [np.mean([not 0.025 < p < 0.975 for p in ranks]) for ranks in (honest, rash)]
    assert tails[0] < 0.05 + Z * math.sqrt(0.05 * 0.95 / 200) < tails[1]


@pytest.mark.parametrize(("kind", "name", "size"), [(SpheroidInvasion, "front", 20.0), (WoundClosure, "closed", 0.5)])
def test_noise_of_courses_is_what_the_likelihood_says(
    kind: type[AbstractTissueAssay], name: str, size: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With dishes alike, -2 (log density - its highest) is chi-square: mean k, variance 2 k per reading."""
    times = np.arange(5) * HOUR
    course = xr.DataArray(
        np.linspace(0, size, 5), dims="time", coords={"time": times}, attrs={"units": "1", "long_name": "x"}
    )
    canned = xr.Dataset(
        dict.fromkeys(("front", "radius", "area", "strands", "single_cells", "groups", "cells", "closed"), course)
    )
    monkeypatch.setattr(kind, "observable", lambda self, dish: canned)
    empty = dish(PLANE, [(t, 0.0, cells([])) for t in range(5)])

    def score(assay: AbstractTissueAssay, data: xr.Dataset) -> float:
        best = assay.log_likelihood([empty, empty], canned[[name]].expand_dims("replicate"))
        return 2 * (data.sizes["replicate"] * best - assay.log_likelihood([empty, empty], data))

    data = kind().measure([empty] * 200, seed=7)
    k = 200 * (len(times) - 1)
    assert abs(score(kind(), data) - k) < Z * math.sqrt(2 * k)
    # Planted fault: an instrument said to be 1.3 times noisier.
    wrong = kind(N.but(outline_noise=1.3 * N["outline_noise"], wound_noise=1.3 * N["wound_noise"]))
    assert abs(score(wrong, data) - k) > Z * math.sqrt(2 * k)
    one = data.isel(replicate=[0])
    assert kind().log_likelihood([empty, empty], one.isel(replicate=0)) == pytest.approx(
        kind().log_likelihood([empty, empty], one)
    )


def test_gelatin_likelihood_is_calibrated(monkeypatch: pytest.MonkeyPatch) -> None:
    """The density of ln area is normal: three of its values give middle and width, and so the rank of a reading."""
    rng = np.random.default_rng(11)
    held: dict[str, Any] = {}
    monkeypatch.setattr(
        GelatinDegradation, "observable", lambda self, dish: xr.Dataset({"area": ("cell", held["area"])})
    )
    empty, assay, steps = film(), GelatinDegradation(), np.array([-1.0, 0.0, 1.0])
    ranks, rash = [], []
    for _ in range(250):
        held["area"] = rng.gamma(2.0, 50.0, 60)  # known from 60 simulated cells
        seen = assay.noise.draw(rng, xr.DataArray(rng.gamma(2.0, 50.0, 10).mean())).item()
        for found, said in ((ranks, {"cells": ("replicate", [10])}), (rash, {})):
            logs = math.log(100) + steps
            area = [xr.Dataset({"area_per_cell": ("replicate", [math.exp(x)]), **said}) for x in logs]
            a, b, _ = np.polyfit(logs, [assay.log_likelihood(empty, d) + x for d, x in zip(area, logs, strict=True)], 2)
            found.append(float(stats.norm.cdf(math.log(seen), -b / (2 * a), math.sqrt(-1 / (2 * a)))))
    assert ks(ranks) > ALARM
    # Planted fault: leaving out that a culture has only 10 cells puts too many readings into the tails.
    tails = [np.mean([not 0.025 < p < 0.975 for p in found]) for found in (ranks, rash)]
    assert tails[0] < 0.05 + Z * math.sqrt(0.05 * 0.95 / 250) < tails[1]


def test_transwell_likelihood_is_calibrated_and_a_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(3)
    state: dict[str, int] = {}
    monkeypatch.setattr(
        Transwell, "observable", lambda self, dish: xr.Dataset({k: xr.DataArray(v, attrs={"units": "1", "long_name": k}) for k, v in state.items()})
    )  # fmt: skip
    n, ranks, wrong = 12, [], []
    counts = xr.Dataset({"through": ("replicate", np.arange(n + 1)), "cells": ("replicate", np.full(n + 1, n))})
    empty = film()
    honest, faulty = Transwell(), Transwell(N.but(transwell_seen=0.6))
    for _ in range(150):
        share = rng.uniform(0.1, 0.7)
        state.update(through=int(rng.binomial(n, share)), cells=n, share=0, course=0)
        seen = honest.measure(empty, seed=int(rng.integers(2**31)))["through"].item()
        state.update(through=int(rng.binomial(120, share)), cells=120)
        for assay, found in ((honest, ranks), (faulty, wrong)):
            chance = [math.exp(assay.log_likelihood(empty, counts.isel(replicate=[k]))) for k in range(n + 1)]
            assert sum(chance) == pytest.approx(1, rel=1e-6)
            found.append(sum(chance[:seen]) + rng.random() * chance[seen])
    assert ks(ranks) > ALARM > ks(wrong), "planted fault: fewer of the cells said to be found"
    with pytest.raises(DataError, match="whole counts"):
        Transwell().log_likelihood(empty, xr.Dataset({"through": ("replicate", [0.3]), "cells": ("replicate", [40])}))


def invaded(counts: Mapping[str, int]) -> xr.Dataset:
    """What is read of a dish at two times, nothing at the first."""
    times = {"time": [0.0, HOUR]}
    made = dict.fromkeys(("front", "radius", "area", "groups", "cells"), 0) | dict(counts)
    about = {"units": "1", "long_name": "x"}
    return xr.Dataset({k: xr.DataArray([0.0, v], dims="time", coords=times, attrs=about) for k, v in made.items()})


def test_counts_of_invasion_are_calibrated_and_a_probability(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dishes whose rates differ, five of them known: ranks of a sixth are uniform, and of one that is alike not."""
    rng = np.random.default_rng(17)
    queue: list[dict[str, int]] = []
    monkeypatch.setattr(SpheroidInvasion, "observable", lambda self, dish: invaded(queue[dish.made["number"]]))
    dishes = [TissueReading(SPACE, np.array([0.0, HOUR]), {"number": i}, lambda i: None) for i in range(6)]  # type: ignore[arg-type, return-value]
    assay, most = SpheroidInvasion(), 400
    every = xr.Dataset({"strands": ("replicate", np.arange(most))})
    ranks, rash = [], []
    for _ in range(400):
        shape, mean = 10 ** rng.uniform(0.0, 1.3), 10 ** rng.uniform(0.2, 1.2)
        queue[:] = [{name: int(rng.poisson(rng.gamma(shape, mean / shape))) for name in ("strands", "single_cells")} for _ in dishes]  # fmt: skip
        known = np.array([one["strands"] for one in queue[:5]], float)
        chance = np.exp(log_predictive_count(np.arange(most), known))
        assert chance.sum() == pytest.approx(1.0, abs=1e-2)  # the rest is beyond
        seen = int(assay.measure(dishes[5])["strands"].isel(time=1).item())
        alike = stats.poisson(known.mean() + 0.1)
        for found, below, here in (
            (ranks, chance[:seen].sum(), chance[seen]),
            (rash, alike.cdf(seen - 1), alike.pmf(seen)),
        ):
            found.append(float(below + rng.random() * here))
    assert ks(ranks) > ALARM > ks(rash), "planted fault: dishes taken to be alike"
    tails = [np.mean([not 0.025 < p < 0.975 for p in found]) for found in (ranks, rash)]
    assert tails[0] < 0.05 + Z * math.sqrt(0.05 * 0.95 / 400) < tails[1]
    both = [assay.count_log_likelihood(dishes[:5], assay.measure(dishes[5])[[name]]) for name in ("strands", "single_cells")]  # fmt: skip
    assert assay.count_log_likelihood(dishes[:5], assay.measure(dishes[5])) == pytest.approx(sum(both), rel=1e-12)
    one = every.isel(replicate=[seen])
    assert assay.count_log_likelihood(dishes[:5], one) == pytest.approx(math.log(chance[seen]), rel=1e-9)
    assert both[0] == pytest.approx(math.log(chance[seen]), rel=1e-9)


def test_even_counts_are_poisson_about_what_is_known() -> None:
    """Many even dishes: the shape no longer matters, and what is left is Poisson about their mean."""
    known = np.random.default_rng(2).poisson(6.0, 4000).astype(float)
    some = np.array([0, 3, 6, 10])
    assert log_predictive_count(some, known) == pytest.approx(stats.poisson.logpmf(some, known.mean()), abs=0.1)
    none = np.exp(log_predictive_count(np.arange(400), np.zeros(4)))
    assert 0.5 < none[0] < 0.95 and (np.diff(none) < 0).all()


def test_counts_of_invasion_refuse_what_is_no_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SpheroidInvasion, "observable", lambda self, dish: invaded({"strands": 3, "single_cells": 1}))
    dishes = [TissueReading(SPACE, np.array([0.0, HOUR]), {}, lambda i: None)] * 2  # type: ignore[arg-type, return-value]
    assay = SpheroidInvasion()
    good = assay.measure(dishes)
    assert math.isfinite(assay.count_log_likelihood(dishes, good))
    nothing = good.copy()
    nothing["strands"] = good["strands"].where(good["replicate"] < 0)
    assert assay.count_log_likelihood(dishes, nothing[["strands"]]) == 0.0
    for data, says in (
        (good[["front"]], "strands or single_cells"), (good[["strands"]] + 0.5, "whole counts"),
        (good[["strands"]].isel(time=[0]), "a count at"), (good[["strands"]] - 9, "whole counts"),
    ):  # fmt: skip
        with pytest.raises(DataError, match=says):
            assay.count_log_likelihood(dishes, data)
    with pytest.raises(DataError, match="two or more"):
        assay.count_log_likelihood(dishes[0], good)
    for name in ("outline_noise", "invasion_area_cv"):
        assert catalogue.parameters()[name].status == "assumed" and catalogue.parameters()[name].obtained


def test_one_dish_says_nothing_of_how_dishes_differ() -> None:
    wound = dish(PLANE, [(0, 0.0, edges(130, 270)), (2, 0.0, edges(165, 235))])
    data = WoundClosure().measure([wound, wound])
    assert math.isfinite(WoundClosure().log_likelihood([wound, wound], data))
    with pytest.raises(DataError, match="two or more"):
        WoundClosure().log_likelihood(wound, data)
    with pytest.raises(DataError, match="times among"):
        WoundClosure().log_likelihood([wound, wound], data.assign_coords(time=[0.0, HOUR]))


@pytest.mark.parametrize("kind", KINDS)
def test_streams_differ_and_seeds_repeat(kind: type[AbstractTissueAssay]) -> None:
    assert kind.purpose not in {other.purpose for other in [*ASSAYS.values(), *KINDS] if other is not kind}
    given = {
        GelatinDegradation: film(),
        SpheroidInvasion: dish(SPACE, [(0, 8.0, cells(ball(30))), (6, 8.0, cells(ball(30, 25.0)))]),
        Transwell: dish(SLAB, [(0, 8.0, cells([(x, 50, 12) for x in range(20, 180, 4)]))]),
        WoundClosure: dish(PLANE, [(0, 0.0, edges(130, 270)), (2, 0.0, edges(165, 235))]),
    }[kind]
    first = kind().measure([given, given], seed=5)
    assert first.identical(kind().measure([given, given], seed=5))
    assert not first.equals(kind().measure([given, given], seed=6))
    assert first.sizes["replicate"] == 2
    for data in (first, kind().observable(given)):
        for name, values in data.data_vars.items():
            assert values.attrs.get("units") and values.attrs.get("long_name"), name


# ---- walks


def test_displacement_of_known_walks() -> None:
    rows = [(t, 0.0, cells([(10 + 4 * t, 20, 5), (30, 20 + 2 * t, 5)])) for t in range(6)]
    table = mean_square_displacement(dish(PLANE, rows))
    np.testing.assert_allclose(table["msd"].values, [(16 + 4) / 2 * k**2 for k in range(1, 6)], rtol=1e-12)
    assert table["lag"].values.tolist() == [HOUR * k for k in range(1, 6)]
    lag = table["lag"].values
    for speed, persistence in ((0.01, 1800.0), (0.005, 9000.0)):
        exact = table.assign(msd=("lag", figures.persistent_walk(lag, speed, persistence)))
        assert figures.fitted_walk(exact) == pytest.approx((speed, persistence), rel=1e-4)
    assert figures.persistent_walk(np.array([1.0]), 2.0, 1e6)[0] == pytest.approx(4.0, rel=1e-5)


# ---- a dish that is really run


@pytest.fixture(scope="module")
def small() -> Tissue:
    return GelatinDegradation().dish(
        cells=Scattered(3),
        size=("80 um", "80 um"),
        voxel="4 um",
        duration="1 h",
        every="20 min",
        burn_in="6 h",
        threads=1,
    )


@pytest.fixture(scope="module")
def ran(small: Tissue) -> TissueReading:
    return reading(small)


def test_a_run_is_kept_as_it_was_at_each_time(small: Tissue, ran: TissueReading) -> None:
    assert ran.times.tolist() == [0, 1200, 2400, 3600] and len(ran) == 4
    first, last = ran.load(0), ran.at()
    assert np.ptp(first.fields["collagen"]) == 0 and np.ptp(last.fields["collagen"]) > 0
    assert not np.array_equal(first.cells["position"], last.cells["position"])
    assert reading(ran) is ran
    assert float(GelatinDegradation(at=0.0).observable(ran)["area_per_cell"]) == 0
    with pytest.raises(DataError, match="Tissue"):
        reading("run.zarr")  # type: ignore[arg-type]


def test_perturbations_act_through_the_experiment(small: Tissue, ran: TissueReading) -> None:
    treated = GelatinDegradation().dish(
        what=(Drug("GM6001", "40 uM"),), cells=small.cells, size=small.size, voxel=small.voxel, duration=small.duration,
        every=small.every, burn_in=small.burn_in, threads=1,
    )  # fmt: skip
    inhibited = reading(treated)
    lost = [float(1 - d.at().fields["collagen"].mean() / d.load(0).fields["collagen"].mean()) for d in (ran, inhibited)]
    assert lost[1] < lost[0]
    assert "GM6001" in inhibited.made["conditions"][0]


def test_a_stored_run_reads_as_one_in_memory(ran: TissueReading, tmp_path: Path) -> None:
    known = Quantities(
        {"collagen": Quantity("uM")},
        {name: Quantity("1") for name in ("id", "position", "radius")},
        {"n": Quantity("1")},
    )
    writer = TissueWriter(tmp_path / "run.zarr", ran.grid, known, {"line": "MDA-MB-231", "matrix": "Film()"})
    for now in ran:
        writer.write(now.time, dict(now.fields), {name: now.cells[name] for name in known.cells}, {"n": 1.0})
    writer.close()
    stored = reading(open_tissue(tmp_path / "run.zarr"))
    assert stored.times.tolist() == ran.times.tolist() and stored.grid == ran.grid
    one, other = (GelatinDegradation().observable(d)["area"].values for d in (stored, ran))
    np.testing.assert_allclose(one, other, atol=1.0)
    assert movies.movie(open_tissue(tmp_path / "run.zarr"), tmp_path / "run.gif", width=30).exists()


# ---- figures and movies


def words(figure: Any) -> str:
    return " ".join(t.get_text().replace("\n", " ") for t in figure.findobj(lambda a: hasattr(a, "get_text")))


def spheroid(growth: float) -> TissueReading:
    start = ball(60)
    rows = [(6 * k, 8.0, cells(MIDDLE + (1 + growth * k) * (start - MIDDLE))) for k in range(5)]
    return dish(SPACE, rows, matrix="Gel()", cells="Spheroid(60)", line="MDA-MB-231")


def wound(speed: float) -> TissueReading:
    rows = [(2 * k, 0.0, edges(130 + speed * k, 270 - speed * k)) for k in range(4)]
    return dish(PLANE, rows, matrix="Plastic()", cells="Wound('140 um')")


def test_gelatin_figure_shows_film_and_areas() -> None:
    other = film({(60.0, 60.0): 10.0})
    figure = figures.gelatin_figure({"untreated": [film(), film()], "UNC13D knock-down": [other, film({})]})
    *pictures, bars = figure.axes
    assert len(pictures) == 2 and [axes.get_title() for axes in pictures] == ["untreated", "UNC13D knock-down"]
    for axes, shown in zip(pictures, (film(), other), strict=True):
        picture = GelatinDegradation().picture(shown).values
        drawn = np.asarray(axes.images[0].get_array())
        assert drawn.shape == picture.shape
        assert np.corrcoef(ndimage.uniform_filter(drawn, 3).ravel(), picture.ravel())[0, 1] > 0.9
        assert axes.collections[0].get_offsets().shape == (3, 2)
    means = [patch.get_width() for patch in bars.patches[:2]]
    areas = [float(GelatinDegradation().observable(d)["area_per_cell"]) for d in (film(), film(), other, film({}))]
    assert means == pytest.approx([np.mean(areas[:2]), np.mean(areas[2:])])
    points = sorted(float(x) for line in bars.lines[:2] for x in line.get_xdata())
    assert points == pytest.approx(sorted(areas))
    said = words(figure)
    assert "µm²" in said and "2 dishes per condition" in said and "50 µm" in said and "6 h" in said


def test_spheroid_wound_and_transwell_figures_hold_their_courses() -> None:
    balls = {"untreated": [spheroid(0.2), spheroid(0.25)], "UNC13D knock-down": [spheroid(0.1)]}
    figure = figures.spheroid_figure(balls)
    assert len(figure.axes) == 2 * figures.PICTURES + 1
    expected = np.mean([SpheroidInvasion().observable(d)["front"].values for d in balls["untreated"]], axis=0)
    assert any(np.allclose(line.get_ydata(), expected) for line in figure.axes[-1].lines if len(line.get_ydata()) == 5)
    closing = {"untreated": [wound(20.0)], "UNC13D knock-down": [wound(10.0)]}
    figure = figures.wound_figure(closing)
    expected = WoundClosure().observable(wound(10.0))["closed"].values
    assert any(np.allclose(line.get_ydata(), expected) for line in figure.axes[-1].lines if len(line.get_ydata()) == 4)
    slab = dish(SLAB, [(0, 8.0, cells([(50, 50, 12), (90, 50, 70)]))], cells="Layer(2)")
    figure = figures.transwell_figure({"untreated": slab})
    assert figure.axes[-1].patches[0].get_width() == 0.5
    assert "share" in words(figure)
    assert "slope 2" in words(figures.walk_figure({"untreated": wound(10.0)}))
    with pytest.raises(DataError, match="condition"):
        figures.wound_figure({})


def test_a_scale_bar_is_as_long_as_it_says() -> None:
    figure = figures.new_figure(60, 60)
    axes = figure.add_subplot()
    for width, length in ((200.0, 50.0), (199.0, 20.0), (1000.0, 200.0), (90.0, 20.0)):
        assert tissue_axes.scale_bar(axes, width) == length
    assert tissue_axes.clock(5400.0, 86400.0) == "1.5 h" and tissue_axes.clock(1200.0, 3600.0) == "20 min"


@pytest.mark.parametrize("name", sorted(tissue_axes.VIEWS))
def test_a_gif_has_a_picture_for_each_time(name: str, tmp_path: Path) -> None:
    made = {"film": film(), "spheroid": spheroid(0.1), "wound": wound(10.0), "cells": wound(10.0)}
    made["kinds"] = dish(PLANE, [(t, 0.0, cells([(50 + 40 * t, 50, 5)]) | {"kind": np.array([0])}) for t in range(3)])
    made["kinds"].made["kinds"] = ["tumour"]  # type: ignore[index]
    middle = SLAB.origin[2] + SLAB.size[2] / 2
    moving = [cells([(30 + 20 * t, 50, middle)]) | {"kind": np.array([0])} for t in range(3)]
    made["section"] = dish(SLAB, [(t, 0.0, now) for t, now in enumerate(moving)])
    made["section"].made["kinds"] = ["tumour"]  # type: ignore[index]
    made["slab"] = dish(SLAB, [(t, 8.0, cells([(50, 50, 70 - 9 * t)])) for t in range(3)])
    done: list[tuple[int, int]] = []
    path = movies.movie(
        made[name], tmp_path / "m.gif", view=name, rate=5.0, width=40, progress=lambda a, b: done.append((a, b))
    )
    with Image.open(path) as gif:
        assert gif.n_frames == len(made[name])  # type: ignore[attr-defined]
        assert gif.info["duration"] == 200 and gif.width == pytest.approx(40 / 25.4 * 200, abs=2)
        first = np.asarray(gif.convert("RGB"), float)
        gif.seek(gif.n_frames - 1)  # type: ignore[attr-defined]
        assert np.abs(np.asarray(gif.convert("RGB"), float) - first).max() > 50
    assert done[-1] == (len(made[name]), len(made[name])) and [p.name for p in tmp_path.iterdir()] == ["m.gif"]


def test_views_fit_the_dish() -> None:
    for made, view in ((film(), "film"), (spheroid(0.1), "spheroid"), (wound(1.0), "wound")):
        assert tissue_axes.view_of(made) is tissue_axes.VIEWS[view]
    with pytest.raises(UnknownName, match="spheroid"):
        tissue_axes.view_of(film(), "speroid")


def test_mp4_goes_through_ffmpeg_or_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match=r"ffmpeg.*'m.gif'"):
        movies.movie(film(), tmp_path / "m.mp4")
    packer = tmp_path / "ffmpeg"
    packer.write_text('#!/bin/sh\nfor last; do :; done\necho "$@" > "${0%ffmpeg}said"\nexec /bin/cat > "$last"\n')
    packer.chmod(0o755)
    path = movies.movie(film(), tmp_path / "m.mp4", width=20)
    wide, high = (int(n) for n in (tmp_path / "said").read_text().split("-s ")[1].split()[0].split("x"))
    assert path.stat().st_size == 2 * 3 * wide * high and wide % 2 == high % 2 == 0
    packer.write_text("#!/bin/sh\necho no such codec >&2\nexit 1\n")
    with pytest.raises(DataError, match="no such codec"):
        movies.movie(film(), tmp_path / "n.mp4", width=20)
    assert not [p for p in tmp_path.iterdir() if "part" in p.name or p.name == "n.mp4"]


def test_movies_refuse_what_they_cannot_write(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match=r"\.gif"):
        movies.movie(film(), tmp_path / "m.avi")
    with pytest.raises(DataError, match="rate"):
        movies.movie(film(), tmp_path / "m.gif", rate=0.0)
    with pytest.raises(DataError, match="Free space or choose"):
        movies.movie(film(), tmp_path / "none" / "m.gif", width=20)


def test_film_matrix_is_the_assay_s_own() -> None:
    assert isinstance(GelatinDegradation().standard().matrix, Film)
    for kind in KINDS:
        kind().standard().plan()
