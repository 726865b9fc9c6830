"""Assays of bodies: chances add up to 1, a planted number is found again, a planted fault is seen, figures are drawn.

Recovery compares log-likelihoods of fixed seeds: a pass stays a pass. Calibrations are at |z| < 4.5 (7e-6 each).
"""

from __future__ import annotations

import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy import integrate

from exude.cascade.body import PATIENT
from exude.engine.layout import Floats
from exude.errors import DataError, ProtocolError
from exude.experiment.assays.cohort_readings import AbstractCohortAssay
from exude.experiment.assays.in_bodies import COHORT_ASSAYS
from exude.experiment.assays.metastasis import Metastasis
from exude.experiment.assays.survival import Survival, at_risk
from exude.experiment.assays.tumour_growth import TumourGrowth
from exude.experiment.cohort import DAY, Cohort, CohortRun, run_cohort
from exude.experiment.protocol import Numbers
from exude.experiment.release import ReleaseTable

TABLE = ReleaseTable((0.0, 1.0), (0.003, 0.02))
N = Numbers.default()


def made(cells: Any, counts: Any = 0.0, end: Any = math.inf, days: int = 20, **asked: Any) -> CohortRun:
    """A cohort whose members are given: cells (member, day), metastases and end (member,) in days."""
    cells = np.atleast_2d(np.asarray(cells, float))
    times = np.arange(days + 1) * float(DAY)
    ends = np.minimum(np.broadcast_to(np.asarray(end, float), len(cells)), days) * DAY
    died = (np.broadcast_to(np.asarray(end, float), len(cells)) <= days).astype(int)
    alive = times <= ends[:, None]
    shape = (len(cells), days + 1)
    grown = {
        "primary": np.broadcast_to(cells, shape),
        "metastases": np.broadcast_to(np.reshape(counts, (-1, 1)), shape),
    }
    data = xr.Dataset(
        {name: (("member", "time"), np.where(alive, values, np.nan)) for name, values in grown.items()},
        {"member": np.arange(len(cells)), "time": times},
    )
    data = data.assign(end=("member", ends), died=("member", died))
    return CohortRun(Cohort(len(cells), days=days, **asked), data, {})


def growing(rate: float, members: int = 60, days: int = 20, seed: int = 1) -> CohortRun:
    """Tumours that grow from 1e6 cells at a rate (1/day), members differing by a tenth of it."""
    rng = np.random.default_rng(seed)
    rates = rate * (1 + 0.1 * rng.standard_normal((members, 1)))
    return made(1e6 * np.exp(rates * np.arange(days + 1)), days=days)


# ---- calipers


def test_the_volume_is_the_bodys() -> None:
    text = next(d.text for d in PATIENT.definitions if d.symbol == "volume")
    assert text == "2 * 2 * cell_radius ** 2 * cell_radius * primary / one_cell"
    seen = TumourGrowth().observable(made([[1e6] * 21]))
    assert float(seen["volume"][0, 0]) == pytest.approx(4 * N["cell_radius"] ** 3 * 1e6 / 1e9)


def test_density_of_a_volume_integrates_to_one() -> None:
    """Over all volumes above what can be felt, far below which nothing lies here."""
    run, assay = growing(0.4), TumourGrowth()

    def density(volume: float) -> float:
        data = xr.Dataset({"volume": (("replicate", "time"), [[volume]])}, {"time": [12.0 * DAY]})
        return math.exp(assay.log_likelihood(run, data))

    middle = float(assay.observable(run)["median"][12])
    total, _ = integrate.quad(density, middle / 100, middle * 100, points=[middle], limit=400)
    assert total == pytest.approx(1, abs=1e-3)


def test_growth_is_found_again() -> None:
    data = TumourGrowth().measure(growing(0.4, seed=2), replicates=12, seed=3)
    scores = {rate: TumourGrowth().log_likelihood(growing(rate), data) for rate in (0.3, 0.36, 0.4, 0.44, 0.5)}
    assert max(scores, key=lambda rate: scores[rate]) == 0.4
    assert scores[0.4] - max(scores[0.3], scores[0.5]) > 10
    half = data.assign(volume=data["volume"] / 2)  # the planted fault: volumes read as if of half the size
    assert TumourGrowth().log_likelihood(growing(0.4), half) < scores[0.4] - 10


def test_noise_of_calipers_is_what_the_likelihood_says() -> None:
    """Residuals of the logarithm: variance ln(1 + cv^2), mean minus half of it. 2,000 readings."""
    run = made([[1e9] * 21] * 100)
    seen = TumourGrowth().measure(run, replicates=100).volume.values.ravel()
    variance = math.log1p(N["caliper_cv"] ** 2)
    z = (np.log(seen / float(TumourGrowth().observable(run)["median"][0])) + variance / 2) / math.sqrt(variance)
    n = len(z)
    assert abs(z.mean()) * math.sqrt(n) < 4.5 and abs(z.var() - 1) * math.sqrt(n / 2) < 4.5


def test_animals_are_compared_with_members_that_live_as_long() -> None:
    cells = 1e6 * np.exp(np.linspace(0.3, 0.5, 20)[:, None] * np.arange(21))
    run = made(cells, end=np.where(np.arange(20) < 10, math.inf, 12))
    early = TumourGrowth().measure(run, replicates=20).isel(replicate=slice(0, 2))
    assert np.isfinite(TumourGrowth().log_likelihood(run, early))
    short = made(cells, end=np.where(np.arange(20) < 2, math.inf, 12))
    with pytest.raises(DataError, match="live as long"):
        TumourGrowth().log_likelihood(short, early)


# ---- metastases


@cache
def spread_counts(mean: float = 20.0, seed: int = 1, members: int = 80) -> CohortRun:
    """Counts that are Poisson about rates of a gamma with shape 2."""
    rng = np.random.default_rng(seed)
    return made(np.full((members, 21), 1e6), counts=rng.poisson(rng.gamma(2, mean / 2, members)))


def one_count(k: float) -> xr.Dataset:
    return xr.Dataset({"metastases": ("replicate", [float(k)])})


def test_chances_of_counts_add_up() -> None:
    """The tail beyond 600 is below 1e-6 of a gamma of shape 2 and mean 20."""
    for run in (spread_counts(), made(np.ones((5, 21)))):
        total = sum(math.exp(Metastasis().log_likelihood(run, one_count(k))) for k in range(600))
        assert total == pytest.approx(1, abs=2e-3)


def test_metastases_are_found_again() -> None:
    data = Metastasis().measure(spread_counts(20.0, 5), replicates=40, seed=2)
    scores = {mean: Metastasis().log_likelihood(spread_counts(mean), data) for mean in (5.0, 10.0, 20.0, 40.0, 80.0)}
    assert max(scores, key=lambda mean: scores[mean]) == 20.0 and scores[20.0] - max(scores[5.0], scores[80.0]) > 5
    doubled = data.assign(metastases=data["metastases"] * 4)  # the planted fault
    assert Metastasis().log_likelihood(spread_counts(20.0), doubled) < scores[20.0] - 5


def test_some_are_overlooked() -> None:
    """Binomial thinning: 80 members, z < 4.5."""
    run = spread_counts()
    there = int(Metastasis().observable(run)["metastases"].sum())
    found = int(Metastasis().measure(run, replicates=80).metastases.sum())
    p = N["metastasis_found"]
    assert abs(found - there * p) < 4.5 * math.sqrt(there * p * (1 - p)) and found < there


def test_a_lost_animal_is_counted_when_it_is_lost() -> None:
    run = made(np.ones((3, 21)), counts=[1, 2, 3], end=[5, 30, 10])
    assert Metastasis(at=8 * DAY).observable(run)["metastases"].values.tolist() == [1, 2, 3]
    with pytest.raises(ProtocolError, match="a recorded time"):
        Metastasis(at=8.5 * DAY).observable(run)


# ---- survival


def dying(rate: float, members: int = 150, seed: int = 1) -> CohortRun:
    end = np.ceil(np.random.default_rng(seed).exponential(1 / rate, members))
    return made(np.ones((members, 21)), end=end)


def ends(*rows: tuple[float, int]) -> xr.Dataset:
    end, died = np.array(rows, float).T
    return xr.Dataset({"end": ("replicate", end * DAY), "died": ("replicate", died)})


def test_chances_of_ends_add_up() -> None:
    """One animal: lost in any of 20 intervals, or alive at the end; two animals: all pairs."""
    run, assay = dying(0.1), Survival()
    every = [(float(day), 1) for day in range(1, 21)] + [(20.0, 0)]
    assert sum(math.exp(assay.log_likelihood(run, ends(one))) for one in every) == pytest.approx(1, abs=1e-12)
    pairs = sum(math.exp(assay.log_likelihood(run, ends(a, b))) for a in every for b in every)
    assert pairs == pytest.approx(1, abs=1e-12)


def test_survival_is_found_again() -> None:
    data = Survival().measure(dying(0.1, seed=7), replicates=40, seed=2)
    scores = {rate: Survival().log_likelihood(dying(rate, 1000), data) for rate in (0.03, 0.06, 0.1, 0.17, 0.3)}
    assert max(scores, key=lambda rate: scores[rate]) == 0.1 and scores[0.1] - max(scores[0.03], scores[0.3]) > 5
    blind = data.assign(died=0 * data["died"])  # the planted fault: deaths taken for animals taken out
    assert abs(Survival().log_likelihood(dying(0.1, 1000), blind) - scores[0.1]) > 20


def test_who_is_at_risk() -> None:
    times: Floats = np.arange(4, dtype=np.float64)
    risk, lost = at_risk(times, np.array([1.0, 2.0, 2.0, 3.0, 1.5]), np.array([1, 1, 0, 0, 0]))
    assert risk.tolist() == [5, 3, 1] and lost.tolist() == [1, 1, 0]
    at_start, _ = at_risk(times, np.array([0.0]), np.array([1]))
    assert at_start.tolist() == [1, 0, 0]


def test_few_members_do_not_decide() -> None:
    """With three members, none lost, half a death is spread over all intervals: 20 days are survived at 6 in 7 or so."""
    run = made(np.ones((3, 21)))
    alive = math.exp(Survival().log_likelihood(run, ends((20.0, 0))))
    assert 0.8 < alive < 0.95 and alive == pytest.approx((3.5 / (3.5 + 1 / 40)) ** 20)


def test_median_and_its_interval() -> None:
    pytest.importorskip("lifelines")
    seen = Survival().observable(dying(0.1))
    assert float(seen["earliest"]) <= float(seen["median"]) <= float(seen["latest"])
    assert abs(float(seen["median"]) / DAY - 7) <= 2  # ln 2 / 0.1
    assert math.isinf(float(Survival().observable(made(np.ones((3, 21))))["median"]))


# ---- all


@cache
def real() -> CohortRun:
    return run_cohort(Cohort(24, days=24, start_cells=1e5), release=TABLE)


@pytest.mark.parametrize("name", COHORT_ASSAYS)
def test_each_reads_a_real_cohort(name: str) -> None:
    if name == "survival":
        pytest.importorskip("lifelines")
    assay: AbstractCohortAssay = COHORT_ASSAYS[name]()
    seen = assay.observable(real())
    assert all("units" in variable.attrs for variable in seen.data_vars.values())
    data = assay.measure(real(), replicates=6, seed=4)
    assert data.identical(assay.measure(real(), replicates=6, seed=4))
    if name != "metastasis":  # which are all 0 here
        assert not data.identical(assay.measure(real(), replicates=6, seed=5))
    assert np.isfinite(assay.log_likelihood(real(), data))
    for number in (0, 25):
        with pytest.raises(ProtocolError, match="from 1 to 24 animals"):
            assay.measure(real(), replicates=number)


@pytest.mark.parametrize(
    ("assay", "data", "said"),
    [
        (TumourGrowth(), xr.Dataset({"volume": ("time", [-1.0])}, {"time": [DAY]}), "volumes of 0 or more"),
        (TumourGrowth(), xr.Dataset({"volume": ("time", [1.0])}, {"time": [DAY / 2]}), "times among"),
        (TumourGrowth(), xr.Dataset({"size": ("time", [1.0])}), "measured data with 'volume'"),
        (Metastasis(), one_count(-1), "whole counts"), (Metastasis(), one_count(1.5), "whole counts"),
        (Survival(), ends((5.0, 2)), "0 or 1"), (Survival(), ends((99.0, 1)), "ends from 0"),
        (Survival(), ends((-1.0, 1)), "ends from 0"), (Survival(), ends((math.nan, 1)), "ends from 0"),
    ],
)  # fmt: skip
def test_wrong_data_are_refused(assay: AbstractCohortAssay, data: xr.Dataset, said: str) -> None:
    with pytest.raises(DataError, match=said):
        assay.log_likelihood(growing(0.4), data)


@pytest.mark.parametrize("name", COHORT_ASSAYS)
def test_each_has_a_figure(name: str, tmp_path: Path) -> None:
    pytest.importorskip("lifelines")
    from exude.show import cohort_figures, style

    arms = {"untreated": real(), "again": real()}
    assay = COHORT_ASSAYS[name]()
    seen = {"again": assay.measure(real(), replicates=5)}
    figure = cohort_figures.FIGURES[name](arms, assay, seen)
    bare = cohort_figures.FIGURES[name](arms)
    assert style.write(figure, tmp_path / "a.png").read_bytes() != style.write(bare, tmp_path / "b.png").read_bytes()
    with pytest.raises(ProtocolError, match="one or more cohorts"):
        cohort_figures.FIGURES[name]({})
