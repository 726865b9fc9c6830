"""Recordings of light: calibration against its own inverse, errors carried through, bad recordings refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exude
from exude import CalciumTrace, Fura2, SingleWavelength
from exude.catalog import read
from exude.cli.main import main
from exude.errors import DataError, ExudeError, ProtocolError, UnitError, UnknownName
from exude.experiment.fluorescence import SATURATED, Dye, dye_of, measured, noise
from exude.experiment.parse import perturbation
from exude.experiment.traces import given_curve

QUICK = exude.Settings(burn_in="30 min", every="1 min", threads=1, snapshots=())
FURA = Fura2(kd="224 nM", r_min=0.3, r_max=6.0, beta=5.0, background=(10, 20))
GCAMP = SingleWavelength(indicator="gcamp6s", f_min=100, f_max=3000, background=40)
FLUO = SingleWavelength(indicator="fluo4", f_min=100, f_max=3000)
REST = SingleWavelength(indicator="gcamp6f", dynamic_range=28, baseline=("0 s", "30 s"), resting="0.1 uM")
TIMES = np.arange(0, 200, 2.0)
CALCIUM = 0.1 + 0.7 * np.exp(-(((TIMES - 80) / 20) ** 2))
CALCIUM[TIMES <= 30] = 0.1


def light(dye: Dye, calcium: np.ndarray) -> dict[str, np.ndarray]:
    """What the dye would show: the laws of binding and of mixed light, written from the dye's side."""
    n = {name: number.value for name, number in dye.numbers.items()}
    bound = calcium ** n.get("hill", 1) / (n["kd"] ** n.get("hill", 1) + calcium ** n.get("hill", 1))
    if isinstance(dye, Fura2):
        # light at 380 nm falls beta-fold on binding; that at 340 nm follows from the ratios at the ends
        free380, bound380 = 1000.0, 1000.0 / n["beta"]
        free340, bound340 = n["r_min"] * free380, n["r_max"] * bound380
        return {
            "f340": free340 * (1 - bound) + bound340 * bound + n["b340"],
            "f380": free380 * (1 - bound) + bound380 * bound + n["b380"],
        }
    low, high = (n["f_min"], n["f_max"]) if "f_min" in n else (50.0, 50.0 * n["dynamic_range"])
    return {"fluorescence": low * (1 - bound) + high * bound + n["background"]}


def csv(columns: dict[str, np.ndarray], times: np.ndarray = TIMES, unit: str = "s") -> str:
    rows = zip(times, *columns.values(), strict=True)
    return f"time_{unit}," + ",".join(columns) + "\n" + "\n".join(",".join(f"{v:.12g}" for v in row) for row in rows)


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., str]:
    def write(text: str, name: str = "trace.csv") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def values(file: str, dye: Dye | None = None, **ways: str) -> np.ndarray:
    return given_curve(CalciumTrace(file, dye, **ways), 100.0)[1]


@pytest.mark.parametrize("dye", [FURA, GCAMP, FLUO, REST], ids=["fura2", "gcamp6s", "fluo4", "resting"])
def test_calibration_gives_back_the_calcium_that_made_the_light(dye: Dye, put: Callable[..., str]) -> None:
    calcium = CALCIUM / 2 if dye is GCAMP else CALCIUM  # 0.8 uM saturates GCaMP6s
    np.testing.assert_allclose(values(put(csv(light(dye, calcium))), dye), calcium, rtol=1e-6)


@given(
    kd=st.floats(0.05, 2),
    low=st.floats(0.05, 1),
    reach=st.floats(1.5, 30),
    beta=st.floats(1, 20),
    at=st.floats(0.02, 5),
)
def test_grynkiewicz_equation_holds_for_any_calibration(
    kd: float, low: float, reach: float, beta: float, at: float
) -> None:
    dye = Fura2(kd=f"{kd!r} uM", r_min=low, r_max=low * reach, beta=beta)
    seen = light(dye, np.array([at]))
    ratio = float((seen["f340"] / seen["f380"])[0])
    numbers = {name: number.value for name, number in dye.numbers.items()}
    found = dye.calcium(dye.place(np.zeros(1), seen, numbers), numbers)
    assert found[0] == pytest.approx(kd * beta * (ratio - low) / (low * reach - ratio), rel=1e-6)
    assert found[0] == pytest.approx(at, rel=1e-6)


def test_a_ratio_serves_as_well_and_columns_may_carry_units(put: Callable[..., str]) -> None:
    dye = Fura2(r_min=0.3, r_max=6.0, beta=5.0)
    seen = light(dye, CALCIUM)
    table = {"Ratio (a.u.)": seen["f340"] / seen["f380"]}
    np.testing.assert_allclose(values(put(csv(table, TIMES / 60, "min")), dye), CALCIUM, rtol=1e-6)


def test_constants_come_from_the_catalogue_unless_given() -> None:
    assert Fura2(r_min=1, r_max=2, beta=3).numbers["kd"].value == read.dyes()["fura2_kd"].value * 1e-3 == 0.224
    assert Fura2(r_min=1, r_max=2, beta=3).numbers["kd"].error == pytest.approx(0.2 * 0.224)
    assert Fura2(kd="0.14 uM", r_min=1, r_max=2, beta=3).numbers["kd"] == measured("140 nM", "uM", "kd")
    assert read.value("fura2_kd") == pytest.approx(0.224), "the assay and the calibration use one constant"
    kinds = {name.rpartition("_")[0] for name in read.dyes()}
    assert kinds == {*Fura2.kinds, *SingleWavelength.kinds}
    for number in read.dyes().values():
        assert set(number.source) <= set(read.references())


@pytest.mark.parametrize("text", ["224 +/- 30 nM", "224 nM +/- 30 nM", "0.224 ± 0.03 uM", "224+/-30 nM"])
def test_numbers_carry_standard_errors(text: str) -> None:
    number = measured(text, "uM", "kd")
    assert (number.value, number.error) == (pytest.approx(0.224), pytest.approx(0.03))


# Errors.


def test_the_noise_of_a_recording_is_estimated() -> None:
    rng = np.random.default_rng(3)
    slow = 100 * CALCIUM.repeat(20)
    assert noise(slow + rng.normal(0, 5, slow.size)) == pytest.approx(5, rel=0.06)
    assert noise(np.linspace(0, 9, 50)) == pytest.approx(0, abs=1e-9)


def test_an_ensemble_has_the_spread_that_the_errors_imply(put: Callable[..., str]) -> None:
    """kd scales calcium; so does beta: their relative errors add in squares."""
    dye = Fura2(kd="224 +/- 22.4 nM", r_min=0.3, r_max=6.0, beta="5 +/- 0.5")
    trace = CalciumTrace(put(csv(light(dye, CALCIUM))), dye)
    drawn = np.array([given_curve(one, 1.0)[1] for one in exude.calcium_ensemble(trace, 800, seed=2)])
    spread = np.log(drawn).std(0, ddof=1)
    assert spread == pytest.approx(np.hypot(0.1, 0.1), rel=4 / np.sqrt(2 * 800))
    assert np.median(drawn, 0) == pytest.approx(CALCIUM, rel=0.03)


def test_errors_of_the_ends_matter_where_the_signal_is_near_them(put: Callable[..., str]) -> None:
    """d ln c / d r_min = -1 / (R - r_min) by the equation itself."""
    error = 0.005
    dye = Fura2(kd="224 nM", r_min=f"0.3 +/- {error}", r_max=6.0, beta=5.0)
    seen = light(dye, CALCIUM)
    trace = CalciumTrace(put(csv(seen)), dye)
    drawn = np.array([given_curve(one, 1.0)[1] for one in exude.calcium_ensemble(trace, 800, seed=4)])
    expected = error / (seen["f340"] / seen["f380"] - 0.3)
    flat = TIMES <= 30  # where the signal bends, the estimate of noise takes a little of it for noise
    assert np.log(drawn).std(0, ddof=1)[flat] == pytest.approx(expected[flat], rel=0.15)


def test_noise_alone_spreads_the_readings(put: Callable[..., str]) -> None:
    dye = SingleWavelength(indicator="fluo4", kd="345 nM", hill=1, f_min=100, f_max=3000)
    seen = light(dye, np.full(400, 0.345))["fluorescence"] + np.random.default_rng(1).normal(0, 20, 400)
    trace = CalciumTrace(put(csv({"fluorescence": seen}, np.arange(400.0))), dye)
    drawn = np.array([given_curve(one, 1.0)[1] for one in exude.calcium_ensemble(trace, 200)])
    slope = 4 * 0.345 / 2900  # dc/dF at half signal
    assert drawn.std(0, ddof=1).mean() == pytest.approx(20 * slope, rel=0.15)


def test_the_same_seed_gives_the_same_curves(put: Callable[..., str]) -> None:
    trace = CalciumTrace(
        put(csv(light(FURA, CALCIUM))), Fura2(r_min="0.3 +/- 0.02", r_max=6.0, beta=5.0, background=(10, 20))
    )
    first, again, other = (exude.calcium_band(trace, 50, seed=s) for s in (1, 1, 2))
    assert first.equals(again) and not first["low"].equals(other["low"])
    assert (first["low"] < first["calcium"]).all() and (first["calcium"] < first["high"]).all()
    assert eval(repr(trace), {"CalciumTrace": CalciumTrace, "Fura2": Fura2}) == trace


def test_an_uncertain_trace_spreads_the_result(put: Callable[..., str]) -> None:
    """One curve for a run, one run per curve, the same cells in all of them; a flat recording shows no noise."""
    sure = Fura2(kd="224 nM", r_min=0.3, r_max=6.0, beta=5.0)
    unsure = Fura2(kd="224 +/- 110 nM", r_min=0.3, r_max=6.0, beta=5.0)
    made = []
    for dye in (sure, unsure):
        trace = CalciumTrace(put(csv(light(dye, np.full_like(TIMES, 0.8)), TIMES * 18)), dye)
        made.append(
            exude.simulate_uncertain(
                "MDA-MB-231", trace, samples=6, duration="1 h", cells=30, seed=3, settings=QUICK
            )
        )  # fmt: skip
    assert dict(made[0].sizes) == {"sample": 6, "time": 61}
    end = [float(m["exosomes"].isel(time=-1).std("sample")) for m in made]
    assert end[0] == 0 and end[1] > 0.5 and made[1]["exosomes"].attrs["units"] == "1"


# What is refused.

SEEN = light(FURA, CALCIUM)


def changed(row: int, **columns: float) -> str:
    """The good recording with one row changed."""
    table = {name: v.copy() for name, v in SEEN.items()}
    for name, value in columns.items():
        table[name][row] = value
    return csv(table)


def clipped() -> str:
    table = {name: v.copy() for name, v in SEEN.items()}
    table["f380"] = np.minimum(table["f380"] * 10, 4095)
    return csv(table)


GAP = csv({n: np.delete(v, range(40, 60)) for n, v in SEEN.items()}, np.delete(TIMES, range(40, 60)))
BAD: dict[str, tuple[str, Dye | None, tuple[str, ...]]] = {
    "gap in time": (GAP, FURA, ("1 gaps", "from 78 to 120 s", "steps of 2 s", "gaps='line'")),
    "empty cell": (csv(SEEN).replace(f"\n6,{SEEN['f340'][3]:.12g},", "\n6,,"), FURA, ("line 5", "expected numbers", "gaps='line'")),
    "NaN": (changed(3, f340=np.nan), FURA, ("line 5", "got 'nan'", "gaps='line'")),
    "below r_min": (changed(4, f340=50.0), FURA, ("1 readings below r_min and 0 above r_max of 100", "number 5", "outside='clip'")),
    "above r_max": (changed(4, f340=90_000.0), FURA, ("0 readings below r_min and 1 above r_max",)),
    "saturated dye": (csv(light(FURA, CALCIUM * 300)), FURA, ("98 % of the dye is bound", "lower affinity")),
    "saturated detector": (clipped(), FURA, ("at 4095, the top of a detector", "Lower the gain")),
    "below the background": (changed(7, f380=19.0), FURA, ("1 of 100 readings of f380", "background 20", "number 8: 19")),
    "background with ratios": (csv({"ratio": SEEN["f340"] / SEEN["f380"]}), FURA, ("a background with a column of ratios",)),
    "time goes back": (csv(SEEN, TIMES[::-1]), FURA, ("line 3: time does not increase",)),
    "double time": (csv(SEEN, np.r_[TIMES[:-1], TIMES[-2]]), FURA, ("time does not increase", "remove doubles")),
    "wrong unit of time": (csv(SEEN, unit="uM"), FURA, ("expected a unit that converts to 's'",)),
    "no unit of time": (csv(SEEN).replace("time_s", "time"), FURA, ("expected one named time_UNIT",)),
    "few readings": ("\n".join(csv(SEEN).splitlines()[:5]), FURA, ("got 4 readings", "at least 5")),
    "no header": ("\n".join(csv(SEEN).splitlines()[1:]), FURA, ("the first row holds numbers", "expected a header")),
    "other columns": (csv({"red": SEEN["f340"], "green": SEEN["f380"]}), FURA, ("f340 and f380 or ratio for Fura2", "Rename the columns")),
    "the wrong dye": (csv(SEEN), GCAMP, ("expected fluorescence for SingleWavelength",)),
    "no dye": (csv(SEEN), None, ("expected one named calcium_UNIT", "dye=Fura2(...)", "--dye fura2")),
    "no baseline": (csv(light(REST, CALCIUM), TIMES + 500), REST, ("0 readings in the baseline", "runs from 500")),
    "no file": ("", FURA, ("expected at least 2",)),
}  # fmt: skip


@pytest.mark.parametrize("fault", BAD)
def test_a_bad_recording_is_one_clear_error(fault: str, put: Callable[..., str]) -> None:
    text, dye, says = BAD[fault]
    with pytest.raises(DataError) as caught:
        values(put(text), dye)
    said = str(caught.value)
    for part in ("trace.csv", *says):
        assert part in said, said


def test_gaps_are_bridged_by_a_line_where_asked(put: Callable[..., str]) -> None:
    times, bridged = given_curve(CalciumTrace(put(GAP), FURA, gaps="line"), 1.0)
    assert times.size == 80
    np.testing.assert_allclose(bridged, np.delete(CALCIUM, range(40, 60)), rtol=1e-6)
    assert values(put(changed(3, f340=np.nan)), FURA, gaps="line").size == 99
    plain = put("time_s,calcium_uM\n0,0.1\n10,\n20,0.3\n")
    assert values(plain, gaps="line").tolist() == [0.1, 0.3]


def test_readings_outside_are_held_at_the_ends_where_asked(put: Callable[..., str]) -> None:
    text = changed(4, f340=50.0).splitlines()
    table = changed(60, f340=90_000.0).splitlines()
    found = values(put("\n".join([*text[:30], *table[30:]])), FURA, outside="clip")
    assert found[4] == 0
    assert found[60] == pytest.approx(0.224 * SATURATED / (1 - SATURATED))


def test_a_sparse_curve_of_calcium_has_no_gaps(put: Callable[..., str]) -> None:
    """Points that a person typed may be far apart; only a recording has a step of its own."""
    assert values(put("time_s,calcium_uM\n0,0.1\n1,0.2\n2,0.3\n3600,0.1\n")).tolist() == [0.1, 0.2, 0.3, 0.1]


WRONG: dict[str, tuple[Callable[[], object], type[ExudeError], tuple[str, ...]]] = {
    "r_min above r_max": (lambda: Fura2(r_min=6, r_max=0.3, beta=5), ProtocolError, ("r_min below r_max",)),
    "negative r_min": (lambda: Fura2(r_min=-1, r_max=2, beta=5), UnitError, ("-1", ">= 0")),
    "no beta": (lambda: Fura2(r_min=0.3, r_max=6, beta=0), ProtocolError, ("beta above 0", "Sf2/Sb2")),
    "kd without unit": (lambda: Fura2(kd="224", r_min=0.3, r_max=6, beta=5), UnitError, ("'224'", "'uM'")),
    "kd of zero": (lambda: Fura2(kd="0 nM", r_min=0.3, r_max=6, beta=5), ProtocolError, ("kd above 0",)),
    "one background": (lambda: Fura2(r_min=0.3, r_max=6, beta=5, background=(1,)), ProtocolError, ("two backgrounds",)),
    "unknown indicator": (lambda: SingleWavelength(indicator="gcamp6"), UnknownName, ("did you mean", "gcamp6")),
    "no calibration": (lambda: SingleWavelength(indicator="fluo4"), ProtocolError, ("one whole calibration",)),
    "half a calibration": (lambda: SingleWavelength(indicator="fluo4", f_min=1), ProtocolError, ("one whole calibration",)),
    "two calibrations": (
        lambda: SingleWavelength(indicator="fluo4", f_min=1, f_max=2, dynamic_range=2), ProtocolError, ("one whole",)
    ),
    "baseline backwards": (
        lambda: SingleWavelength(indicator="fluo4", dynamic_range=9, baseline=("9 s", "2 s"), resting="0.1 uM"),
        ProtocolError, ("ends after its start",),
    ),
    "range of one": (
        lambda: SingleWavelength(indicator="fluo4", dynamic_range=1, baseline=("0 s", "2 s"), resting="0.1 uM"),
        ProtocolError, ("above 1",),
    ),
    "gaps filled": (lambda: CalciumTrace("x.csv", gaps="fill"), ProtocolError, ("'fill'", "'line'")),
    "no such dye": (lambda: dye_of("fura", {}), UnknownName, ("did you mean 'fura2'",)),
    "misspelt number": (lambda: dye_of("fura2", {"rmin": "1"}), ProtocolError, ("'rmin'", "did you mean 'r_min'")),
    "missing number": (lambda: dye_of("fura2", {"r_min": "1", "beta": "2"}), ProtocolError, ("'no r_max'",)),
    "calibration without a dye": (lambda: perturbation("calcium-trace x.csv r_min=0.3"), ProtocolError, ("dye=fura2",)),
    "ensemble without errors": (lambda: exude.calcium_ensemble(CalciumTrace("x.csv")), ProtocolError, ("a trace with a dye",)),
    "one sample": (lambda: exude.calcium_ensemble(CalciumTrace("x.csv", FURA), 1), ProtocolError, ("from 2 to",)),
    "model in seconds": (lambda: exude.CalciumModel("x.xml", unit="s"), UnitError, ("converts to 'uM'",)),
}  # fmt: skip


@pytest.mark.parametrize("fault", WRONG)
def test_a_wrong_calibration_is_refused(fault: str) -> None:
    action, kind, says = WRONG[fault]
    with pytest.raises(kind) as caught:
        action()
    for part in says:
        assert part in str(caught.value), str(caught.value)


# In a run, and on the command line.

WORDS = "kd=224 nM, r_min=0.3 +/- 0.01, r_max=6, beta=5 +/- 0.2, b340=10, b380=20"
FROM_WORDS = Fura2(kd="224 nM", r_min="0.3 +/- 0.01", r_max="6", beta="5 +/- 0.2", background=("10", "20"))


def test_words_make_a_dye() -> None:
    found = perturbation(f"calcium-trace my trace.csv dye=fura2 {WORDS.replace(',', '')} gaps=line")
    assert found == CalciumTrace("my trace.csv", FROM_WORDS, gaps="line")
    rest = perturbation("calcium-trace x.csv dye=gcamp6f dynamic_range=28 baseline=0 s to 30 s resting=0.1 uM")
    assert rest == CalciumTrace("x.csv", SingleWavelength(indicator="gcamp6f", dynamic_range="28", baseline=("0 s", "30 s"), resting="0.1 uM"))  # fmt: skip
    assert perturbation("calcium-trace plain.csv") == CalciumTrace("plain.csv")


def test_simulate_takes_a_recording(put: Callable[..., str], tmp_path: Path) -> None:
    file, out = put(csv(SEEN)), tmp_path / "run.nc"
    command = ["simulate", "MDA-MB-231", "--duration", "3 min", "--cells", "2", "-o", str(out)]
    assert main([*command, "--calcium", file, "--dye", "fura2", "--calibration", WORDS]) == 0
    run = exude.simulate("MDA-MB-231", CalciumTrace(file, FROM_WORDS), duration="3 min", cells=2)
    found = exude.load(out)
    assert found.provenance["fingerprint"] == run.provenance["fingerprint"]
    at = found.data["time"].values
    np.testing.assert_allclose(found.data["calcium"].values[0], np.interp(at, TIMES, CALCIUM), rtol=1e-6)
    assert "(fura2)" in found.provenance["conditions"][0]


def test_what_a_file_held_belongs_to_the_identity_of_a_run(put: Callable[..., str]) -> None:
    def fingerprint(calcium: float) -> str:
        trace = CalciumTrace(put(f"time_s,calcium_uM\n0,0.1\n60,{calcium}\n"))
        return exude.simulate("MDA-MB-231", trace, duration="1 min", cells=1, settings=QUICK).provenance["fingerprint"]

    first, other, again = (fingerprint(c) for c in (0.2, 0.3, 0.2))
    assert first == again != other


def test_the_command_converts_prints_and_draws(
    put: Callable[..., str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, out, plot = put(csv(SEEN)), tmp_path / "out.csv", tmp_path / "calcium.png"
    asked = ["calcium", file, "--dye", "fura2", "--calibration", WORDS, "--samples", "20"]
    assert main([*asked, "-o", str(out), "--plot", str(plot)]) == 0
    said = capsys.readouterr().out
    assert "100 points over 3.3 min" in said and "0.100 µM at the start" in said and "95 % band" in said
    assert plot.stat().st_size > 5000
    np.testing.assert_allclose(values(str(out)), CALCIUM, rtol=1e-5)
    assert main(["calcium", str(out)]) == 0


@pytest.mark.parametrize(
    ("argv", "says"),
    [
        (("calcium", "no.csv"), "cannot be read"),
        (("calcium", "no.xml"), "cannot be read"),
        (("calcium", "no.csv", "--dye", "fura"), "did you mean 'fura2'"),
        (("calcium", "no.csv", "--calibration", "kd=1 nM"), "without a dye"),
        (("calcium", "no.csv", "--plot", "x.bmp"), "a name ending in"),
        (("simulate", "A549", "--dye", "fura2"), "belong to a recording"),
    ],
)
def test_the_commands_refuse_in_one_line(argv: tuple[str, ...], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(argv) == 2
    err = capsys.readouterr().err
    assert says in err and err.count("\n") == 1
