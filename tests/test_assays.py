"""Assays: units, seeds, likelihoods that know the truth, balances, and errors that help.

Statistical checks use |z| < 4 (false-alarm rate 6e-5 each; fewer than 20 of them, so below 0.2 % for the file). Seeds
are fixed, so that a pass stays a pass.
"""

import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import exude
from exude.engine.result import Run
from exude.errors import DataError, ProtocolError, UnknownName
from exude.experiment.assays import (
    ASSAYS,
    AbstractAssay,
    BulkCount,
    CalciumTrace,
    Colocalisation,
    ExosomeBlot,
    Luciferase,
    Mt1Mmp,
    Munc13Recruitment,
    MvbDiameter,
    NanoparticleTracking,
    PhluorinTirf,
    SingleCellCapture,
)  # fmt: skip
from exude.experiment.assays.medium import in_medium, lost, on_surface, released
from exude.experiment.assays.noise import Lognormal, count_log_probability, normal_log_density
from exude.experiment.assays.phluorin_tirf import expected_duration, fluorescence, mean_duration
from exude.experiment.protocol import Numbers

N = Numbers.default()
Z = 4.0

SCALES = {
    "exosome_blot": ("cd63_per_exosome", "cd9_per_exosome", "alix_per_exosome"),
    "single_cell_capture": (),
    "bulk_count": ("bulk_recovery",),
    "nta": ("bulk_recovery",),
    "luciferase": ("luminescence_debris",),
    "phluorin_tirf": ("cd63_signal_time",),
    "mvb_diameter": ("microscope_resolution",),
    "colocalisation": ("rab11_dwell", "colocalisation_chance"),
    "exosome_cargo": ("cd63_per_exosome", "cd9_per_exosome", "alix_per_exosome", "pd_l1_per_exosome"),
    "electron_microscopy": ("exosome_diameter",),
    "mt1_mmp": (),
    "munc13_4_recruitment": (),
    "calcium_trace": ("fura2_kd",),
}
"""Parameters whose 1.5-fold change moves the prediction of each assay; none where the reading is the run's own."""


@pytest.fixture(scope="module")
def run() -> Run:
    return exude.simulate(
        "MDA-MB-231", exude.Stimulus("ionomycin", "1 uM", at="10 min"), duration="1 h", cells=60, seed=3
    )


@pytest.fixture(scope="module")
def knocked_out() -> Run:
    return exude.simulate("MDA-MB-231", exude.KnockOut("UNC13D"), duration="1 h", cells=60, seed=3)


@pytest.fixture(params=sorted(ASSAYS))
def assay(request: pytest.FixtureRequest) -> AbstractAssay:
    return ASSAYS[request.param]()


def name_of(assay: AbstractAssay) -> str:
    return next(name for name, kind in ASSAYS.items() if kind is type(assay))


def times(run: Run, factor: float) -> Run:
    """The same run with everything that is counted in it multiplied."""
    counted = ["exosomes", "exosomal_cargo", "shed", "recruited"]
    data = run.data.assign({name: run.data[name] * factor for name in counted})
    vesicles = run.vesicles.assign(mt1_mmp=run.vesicles["mt1_mmp"] * factor)
    return Run(data.assign_attrs(run.data.attrs), run.events, vesicles)


def test_registry_is_complete_and_streams_differ() -> None:
    assert len(ASSAYS) == 13
    assert set(SCALES) == set(ASSAYS)
    assert len({kind.purpose for kind in ASSAYS.values()}) == len(ASSAYS)
    assert min(kind.purpose for kind in ASSAYS.values()) > 1, "0 and 1 belong to vesicles and levels"


def test_every_variable_has_a_unit(assay: AbstractAssay, run: Run) -> None:
    for data in (assay.observable(run), assay.measure(run)):
        assert data.data_vars
        for name, values in data.data_vars.items():
            assert values.attrs.get("units"), name
            assert values.attrs.get("long_name"), name
        for name in set(data.coords) & {"time", "diameter", "replicate"}:
            assert data[name].attrs.get("units"), name


def test_measurement_is_reproducible_by_seed(assay: AbstractAssay, run: Run) -> None:
    first = assay.measure(run, replicates=4, seed=5)
    assert first.identical(assay.measure(run, replicates=4, seed=5))
    assert not first.equals(assay.measure(run, replicates=4, seed=6))
    assert int(first["cells"].sum()) == 60
    assert first.sizes["replicate"] == 4


def test_likelihood_prefers_the_truth(assay: AbstractAssay, run: Run) -> None:
    # Five measurements together: one alone, of some 90 exponential durations, errs by two standard errors now and then.
    data = [assay.measure(run, replicates=3, seed=seed) for seed in range(5)]
    truth = sum(assay.log_likelihood(run, each) for each in data)
    assert math.isfinite(truth)
    for factor in (1.5, 1 / 1.5):
        changed = {name: N[name] * factor for name in SCALES[name_of(assay)]}
        if changed:
            other = type(assay)(N.but(**changed))
            assert truth > sum(other.log_likelihood(run, each) for each in data) + 5


@pytest.mark.parametrize(
    "kind", [ExosomeBlot, SingleCellCapture, BulkCount, NanoparticleTracking, Luciferase, Mt1Mmp, Munc13Recruitment]
)
def test_likelihood_prefers_the_true_amount(kind: type[AbstractAssay], run: Run) -> None:
    data = kind().measure(run, seed=4)
    assert kind().log_likelihood(run, data) > kind().log_likelihood(times(run, 1.5), data) + 1


def test_likelihood_is_the_same_for_one_replicate_without_axis(run: Run) -> None:
    blot = ExosomeBlot()
    data = blot.measure(run, replicates=1)
    assert blot.log_likelihood(run, data.isel(replicate=0)) == pytest.approx(blot.log_likelihood(run, data))


def test_culture_measurements_scatter_about_the_observable(run: Run) -> None:
    blot = ExosomeBlot()
    seen = np.concatenate([blot.measure(run, replicates=3, seed=s)["band"].values for s in range(60)])
    ratio = seen / blot.observable(run)["band"].values
    z = (ratio.mean(axis=0) - 1) / (ratio.std(axis=0, ddof=1) / math.sqrt(len(ratio)))
    assert np.abs(z).max() < Z
    # Lysate hardly differs between cultures: its scatter is the instrument's, plus that of cells' levels.
    assert ratio[:, 1, 0].std() == pytest.approx(N["blot_cv"], rel=0.35)


def test_medium_surface_and_loss_add_up_to_release(run: Run) -> None:
    window = (125.0, 3333.0)
    numbers = N.but(k_uptake=N["k_uptake"] * 300)
    for where in ((0.0, math.inf), window):
        parts = [part(run, numbers, where) for part in (in_medium, on_surface, lost)]
        np.testing.assert_allclose(sum(p.values for p in parts), released(run, where).values, rtol=1e-12, atol=1e-9)
        assert all((part.values >= 0).all() for part in parts)
        assert float(parts[2].isel(time=-1).mean()) > 0
    assert released(run, window)["time"].values[[0, -1]].tolist() == list(window)


def test_medium_solves_its_equation(run: Run) -> None:
    numbers = N.but(k_uptake=0.001, held_per_tetherin=0.0)
    exact = in_medium(run, numbers).isel(cell=0).values[-1]
    fine = run.data["exosomes"].isel(cell=0).interp(time=np.linspace(0, 3600, 36_001)).values
    slow = 0.0
    for gain in np.diff(fine):
        slow += gain - 0.001 * 0.1 * (slow + gain / 2)
    # Euler's own error: k^2 T step / 2 = 1.8e-4.
    assert exact == pytest.approx(slow, rel=3e-4)


def test_no_loss_and_no_tetherin_leave_all_in_the_medium(run: Run) -> None:
    numbers = N.but(k_uptake=0.0, held_per_tetherin=0.0)
    np.testing.assert_allclose(in_medium(run, numbers).values, run.exosomes.values)
    assert not on_surface(run, numbers).values.any()


def test_released_share_is_a_share_and_grows_with_release(run: Run, knocked_out: Run) -> None:
    share = ExosomeBlot().observable(run)["released_share"]
    assert ((share > 0) & (share < 1)).all()
    assert (share > ExosomeBlot().observable(knocked_out)["released_share"]).all()


def test_blot_counts_ilvs_only_with_a_snapshot(run: Run) -> None:
    whole, early = ExosomeBlot().observable(run), ExosomeBlot(window=(0.0, 1800.0)).observable(run)
    assert whole["band"].attrs["ilvs_inside"] == "counted"
    assert early["band"].attrs["ilvs_inside"].startswith("left out")


def test_knock_out_lowers_what_depends_on_release(run: Run, knocked_out: Run) -> None:
    for kind, name in [
        (SingleCellCapture, "rate"), (BulkCount, "rate"), (PhluorinTirf, "rate"), (MvbDiameter, "mean_diameter"),
        (Colocalisation, "arriving"),
    ]:  # fmt: skip
        assert float(kind().observable(knocked_out)[name]) < float(kind().observable(run)[name]), name
    assert float(Munc13Recruitment().observable(knocked_out)["recruited"].max()) == 0
    assert np.isnan(Munc13Recruitment().observable(knocked_out)["fold"].values).all()
    for kind in ASSAYS.values():
        assert math.isfinite(kind().log_likelihood(knocked_out, kind().measure(knocked_out)))


def test_dose_zero_reads_as_untreated(knocked_out: Run) -> None:
    what = exude.KnockOut("UNC13D"), exude.Stimulus("ionomycin", "0 uM", at="10 min")
    none = exude.simulate("MDA-MB-231", *what, duration="1 h", cells=60, seed=3)
    for kind in ASSAYS.values():
        xr.testing.assert_equal(kind().observable(none), kind().observable(knocked_out))


def test_bulk_is_one_factor_below_capture(run: Run) -> None:
    numbers = N.but(k_uptake=0.0, capture_background=0.0)
    bulk = float(BulkCount(numbers).observable(run)["rate"])
    assert bulk / float(SingleCellCapture(numbers).observable(run)["rate"]) == pytest.approx(N["bulk_recovery"])


def test_capture_scatters_about_its_observable(run: Run) -> None:
    capture = SingleCellCapture()
    rates = [float(capture.measure(run, replicates=1, seed=s)["rate"][0]) for s in range(80)]
    z = (np.mean(rates) - float(capture.observable(run)["rate"])) / (np.std(rates, ddof=1) / math.sqrt(80))
    assert abs(z) < Z


def test_nta_counts_what_a_blot_of_cd63_does_not_see(run: Run) -> None:
    data = NanoparticleTracking().observable(run)
    blind = N["bulk_recovery"] * float(in_medium(run, N).isel(time=-1).mean())
    assert float(data["count"]) * float(data["exosome_share"]) == pytest.approx(blind)
    assert float(data["histogram"].sum()) == pytest.approx(float(data["count"]))
    low, high = sorted((N["nta_exosome_diameter"], N["nta_shed_diameter"]))
    assert low - N["nta_bin"] < float(data["mean_diameter"]) < high + N["nta_bin"]


@pytest.mark.parametrize("reporter", ["CD63", "VAMP2"])
def test_durations_follow_their_expectation(reporter: str, run: Run) -> None:
    tirf = PhluorinTirf(N.but(tirf_footprint=1.0), reporter=reporter)
    seen = np.concatenate([tirf.events(run, seed=s)["duration"].values for s in range(8)])
    # The film holds a burst, so its end cuts off less than with even fusions: compare at the onsets there are.
    events = tirf.events(run)
    frame = N["tirf_frame"]
    r = math.exp(-frame / N[f"{reporter.lower()}_signal_time"])
    left = np.floor((3600 - events["onset"].values) / frame) + 1
    expected = (frame * (1 - r**left) / (1 - r)).mean()
    assert abs(seen.mean() - expected) / (seen.std(ddof=1) / math.sqrt(len(seen))) < Z


def test_expected_duration_for_even_fusions(run: Run) -> None:
    film = N["tirf_film"]
    rng = np.random.default_rng(7)
    rows = 20_000
    onset = np.sort(rng.uniform(0, film, rows))
    first = run.events.isel(event=run.events["fate"].values == "released").isel(event=np.zeros(rows, int))
    even = first.assign(
        time=("event", onset),
        ilv=("event", np.full(rows, 9)),
        age=("event", np.full(rows, 1e4)),
        cell=("event", np.zeros(rows, int)),
    )
    tirf = PhluorinTirf(N.but(tirf_footprint=1.0))
    events = tirf.events(Run(run.data, even, run.vesicles), (0.0, film))
    seen = events["duration"].values
    z = (seen.mean() - expected_duration(N, "CD63")) / (seen.std(ddof=1) / math.sqrt(rows))
    assert abs(z) < Z
    assert events.sizes["event"] == rows
    # An event that fills all K - j frames left is cut: on average r^(K - j - 1).
    r, frames = math.exp(-N["tirf_frame"] / N["cd63_signal_time"]), round(film / N["tirf_frame"])
    cut = (1 - r**frames) / (frames * (1 - r))
    assert abs(events["cut"].values.mean() - cut) / math.sqrt(cut * (1 - cut) / rows) < Z
    ends = onset + seen
    assert (ends[events["cut"].values] > film - 1e-6).all()
    assert (ends[~events["cut"].values] < film).all()
    np.testing.assert_allclose(events["waiting"].values[1:], np.diff(onset))


def test_expected_duration_is_smooth_and_near_the_signal_time() -> None:
    at = [expected_duration(N.but(cd63_signal_time=t), "CD63") for t in (100.0, 106.0, 112.0)]
    assert at[0] < at[1] < at[2]
    assert at[1] - at[0] == pytest.approx(at[2] - at[1], rel=0.05)
    assert mean_duration(N, "CD63", 1e6) == pytest.approx(N["cd63_signal_time"], rel=0.01)
    assert expected_duration(N, "VAMP2") < 3


def test_footprint_thins_fusions(run: Run) -> None:
    all_of_them = PhluorinTirf(N.but(tirf_footprint=1.0)).events(run)
    assert all_of_them.sizes["event"] <= int(run.data["fusions"].isel(time=-1).sum())
    thinned = [PhluorinTirf().events(run, seed=s).sizes["event"] for s in range(40)]
    n, p = all_of_them.sizes["event"], N["tirf_footprint"]
    assert abs(np.mean(thinned) - n * p) / math.sqrt(n * p * (1 - p) / 40) < Z


def test_film_window_holds_its_events(run: Run) -> None:
    events = PhluorinTirf().events(run, (600.0, 1200.0))
    assert ((events["onset"] > 600) & (events["onset"] <= 1200)).all()
    assert (events["onset"] + events["duration"] <= 1200 + N["tirf_frame"]).all()


def test_traces_decay_from_height_to_plateau(run: Run) -> None:
    tirf = PhluorinTirf()
    events = tirf.events(run)
    traces = tirf.traces(events, "2 h")
    np.testing.assert_allclose(traces.isel(lag=0), events["height"])
    assert (traces.diff("lag") <= 0).all()
    assert (traces.isel(lag=-1) >= N["flash_plateau"] * events["height"] * 0.999).all()
    whole = ~events["cut"].values
    frames = np.rint(events["duration"].values / N["tirf_frame"]).astype(int)
    at_end = traces.values[np.arange(len(frames)), frames][whole]
    height, plateau = events["height"].values[whole], N["flash_plateau"]
    moving = (at_end / height - plateau) / (1 - plateau)
    assert (moving <= N["tirf_threshold"] + 1e-12).all()


def test_acid_mvbs_flash_brighter_than_young_ones(run: Run) -> None:
    events = PhluorinTirf(N.but(tirf_footprint=1.0)).events(run)
    neutral = PhluorinTirf(N.but(tirf_footprint=1.0, mvb_acid_time=1e9)).events(run)
    assert (events["height"].values > 0).all()
    assert neutral["height"].values.max() < 0.01 * events["height"].values.mean()
    assert fluorescence(N["phluorin_pka"], N) == 0.5


def test_waiting_times_stay_within_a_cell(run: Run) -> None:
    events = PhluorinTirf(N.but(tirf_footprint=1.0)).events(run)
    waits = events["waiting"].values
    assert np.isnan(waits).sum() == len(np.unique(events["cell"].values))
    assert np.nanmin(waits) >= 0


def test_microscope_makes_mvbs_look_larger(run: Run) -> None:
    data = MvbDiameter().observable(run)
    assert float(data["mean_diameter"]) > float(run.vesicles["diameter"].mean())
    assert (data["diameter"] >= N["microscope_resolution"]).all()
    positive = MvbDiameter(cd63_only=True).observable(run)
    assert int(positive["mvbs"]) == int((run.vesicles["ilv"] > 0).sum()) <= int(data["mvbs"])
    sharp = MvbDiameter(N.but(microscope_resolution=0.0)).observable(run)
    assert float(sharp["mean_diameter"]) == pytest.approx(float(run.vesicles["diameter"].mean()))


def test_colocalisation_lies_between_chance_and_one(run: Run) -> None:
    share = Colocalisation().observable(run)["share"]
    assert N["colocalisation_chance"] < float(share) < 1
    never = Colocalisation(N.but(rab11_dwell=0.0)).observable(run)
    assert float(never["share"]) == pytest.approx(N["colocalisation_chance"])


def test_mt1_mmp_is_the_ratio_of_totals(run: Run) -> None:
    data = Mt1Mmp().observable(run)["mt1_mmp"]
    assert float(data.sel(place="mvb")) == pytest.approx(float(run.vesicles["mt1_mmp"].mean()))
    gone = run.events.isel(event=(run.events["fate"].values == "released") & (run.events["time"].values > 0))
    assert float(data.sel(place="exosome")) == pytest.approx(float(gone["mt1_mmp"].sum() / gone["ilv"].sum()))


@pytest.mark.parametrize("sensor", ["fura2", "gcamp"])
def test_sensor_reads_back_to_calcium(sensor: str, run: Run) -> None:
    trace = CalciumTrace(sensor=sensor)
    signal = trace.signal(run)
    assert ((signal > 0) & (signal < 1)).all()
    np.testing.assert_allclose(trace.to_calcium(signal).values, run.data["calcium"].values, rtol=1e-9)
    assert np.isinf(trace.to_calcium(xr.DataArray([1.0, 1.2])).values).all()
    rise = trace.observable(run)["calcium"]
    assert float(rise.max()) > 1.5 * float(rise[0])


def test_recruitment_fold_starts_at_one(run: Run) -> None:
    data = Munc13Recruitment().observable(run)
    assert float(data["fold"][0]) == 1
    assert float(data["rise"][0]) == 0
    assert float(data["fold"].max()) > 1


def test_lognormal_noise_density_is_that_of_its_draws() -> None:
    noise, rng = Lognormal(0.3, 0.01), np.random.default_rng(1)
    drawn = noise.draw(rng, xr.DataArray(np.full(50_000, 7.0), dims="k", attrs={"units": "1"})).values
    assert abs(drawn.mean() - 7) / (drawn.std() / math.sqrt(len(drawn))) < Z
    assert drawn.std() / drawn.mean() == pytest.approx(0.3, rel=0.03)
    x = np.linspace(0.05, 40, 20_001)
    one = np.array([0.3])
    density = [math.exp(noise.log_density(np.array([v]), np.array([7.0]), one, np.zeros((1, 1)))) for v in x]
    assert np.trapezoid(density, x) == pytest.approx(1, abs=1e-4)
    assert normal_log_density(np.zeros(2), np.zeros(2), np.eye(2)) == pytest.approx(-math.log(2 * math.pi))


def test_count_probabilities_sum_to_one() -> None:
    for variance in (3.0, 9.0):
        assert sum(math.exp(count_log_probability(k, 4.0, variance)) for k in range(200)) == pytest.approx(1)


@pytest.mark.proof
@pytest.mark.parametrize(
    "name", ["single_cell_capture", "bulk_count", "mvb_diameter", "phluorin_tirf", "colocalisation"]
)
def test_likelihood_knows_its_own_width(name: str) -> None:
    """Twice the drop of log-likelihood from the best data to measured data is chi-squared with mean 1."""
    what = exude.Stimulus("ionomycin", "1 uM", at="10 min")
    predicts = exude.simulate("MDA-MB-231", what, duration="1 h", cells=400, seed=3)
    cultures = exude.simulate("MDA-MB-231", what, duration="1 h", cells=2000, seed=11)
    numbers = N.but(nta_count_cv=0.01)  # so that the spread between cells is what is tested
    assay = ASSAYS[name](numbers)
    data, best = assay.measure(cultures, replicates=100), assay.observable(predicts)
    drops = []
    for i in range(100):
        seen = data.drop_dims("event", errors="ignore").isel(replicate=slice(i, i + 1))
        if name == "phluorin_tirf":
            ideal = seen.assign(seen=(seen["cells"] * best["rate"] * 60).round())
        elif name == "colocalisation":
            ideal = seen.assign(overlapping=(seen["mvbs"] * best["share"]).round())
        else:
            read = "mean_diameter" if name == "mvb_diameter" else "rate"
            ideal = seen.assign({read: seen[read] * 0 + best[read]})
        drops.append(2 * (assay.log_likelihood(predicts, ideal) - assay.log_likelihood(predicts, seen)))
    # Chi-squared with one degree has variance 2; counts are discrete, hence the width.
    assert abs(np.mean(drops) - 1) < Z * math.sqrt(2 / 100)


def test_a_saved_run_reads_the_same(assay: AbstractAssay, run: Run, tmp_path: Path) -> None:
    again = Run.load(run.save(tmp_path / "run.nc"))
    xr.testing.assert_equal(assay.observable(again), assay.observable(run))
    assert assay.measure(again, seed=2).equals(assay.measure(run, seed=2))


def test_users_own_data_need_only_the_same_names(run: Run) -> None:
    blot = ExosomeBlot()
    band = blot.observable(run)["band"].sel(mark=["CD63"], fraction=["medium"])
    assert math.isfinite(blot.log_likelihood(run, band.to_dataset(name="band")))
    light = Luciferase().observable(run)["luminescence"].interp(time=[90.0, 1234.0])
    assert math.isfinite(Luciferase().log_likelihood(run, light.to_dataset(name="luminescence")))
    capture = xr.Dataset({"rate": ("replicate", [70.0]), "cells": ("replicate", [100])})
    assert math.isfinite(SingleCellCapture().log_likelihood(run, capture))
    films = xr.Dataset({"seen": ("replicate", [55]), "cells": ("replicate", [60])})
    assert math.isfinite(PhluorinTirf().log_likelihood(run, films))


@pytest.mark.parametrize("window", [(0.0, 7200.0), (-5.0, 60.0), (600.0, 600.0), (math.nan, 60.0)])
def test_window_outside_the_run_is_refused(window: tuple[float, float], run: Run) -> None:
    for kind in (ExosomeBlot, SingleCellCapture, BulkCount, NanoparticleTracking, Luciferase, Mt1Mmp, PhluorinTirf):
        with pytest.raises(ProtocolError, match="window inside the run"):
            kind(window=window).observable(run)
    with pytest.raises(ProtocolError, match="time inside the run"):
        MvbDiameter(at=1e9).observable(run)


def test_events_and_snapshots_that_were_not_kept_are_refused() -> None:
    bare = exude.Settings(events=False, snapshots=("30 min",))
    run = exude.simulate("MDA-MB-231", duration="1 h", cells=4, settings=bare)
    with pytest.raises(ProtocolError, match="Settings\\(events=True\\)"):
        PhluorinTirf().observable(run)
    for assay in (MvbDiameter(), Mt1Mmp()):
        with pytest.raises(ProtocolError, match="snapshots"):
            assay.observable(run)
    assert float(MvbDiameter(at=1800.0).observable(run)["mean_diameter"]) > 0


def test_unknown_names_get_the_nearest(run: Run) -> None:
    with pytest.raises(UnknownName, match="'CD63'"):
        PhluorinTirf(reporter="CD36")
    with pytest.raises(UnknownName, match="'fura2'"):
        CalciumTrace(sensor="fura-2")


def test_bad_data_and_replicates_are_refused(assay: AbstractAssay, run: Run) -> None:
    for replicates in (0, 61, 1.5, True):
        with pytest.raises(ProtocolError, match="replicates"):
            assay.measure(run, replicates=replicates)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="measured data with"):
        assay.log_likelihood(run, xr.Dataset({"bands": ("replicate", [1.0])}))
    with pytest.raises(DataError, match="Dataset"):
        assay.log_likelihood(run, [1.0])  # type: ignore[arg-type]


def test_data_of_another_shape_are_refused(run: Run) -> None:
    blot = ExosomeBlot()
    data = blot.measure(run)
    with pytest.raises(DataError, match="mark"):
        blot.log_likelihood(run, data.assign_coords(mark=["CD63", "CD9", "TSG101"]))
    with pytest.raises(DataError, match="dimensions"):
        blot.log_likelihood(run, data.rename(mark="gene"))
    with pytest.raises(DataError, match="finite readings"):
        blot.log_likelihood(run, data.assign(band=-data["band"]))
    with pytest.raises(DataError, match="cells"):
        blot.log_likelihood(run, data.assign(cells=data["cells"] * 0))
    light = Luciferase().measure(run)
    with pytest.raises(DataError, match="time"):
        Luciferase().log_likelihood(run, light.assign_coords(time=light["time"] + 60))
