"""Figures of runs and readings show the numbers of what they are made from, and say what a reader must know."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from scipy import stats

import exude
from exude.errors import DataError, ProtocolError, UnitError, UnknownName
from exude.experiment.assays import BulkCount, ExosomeBlot, Luciferase
from exude.show.courses import course_of, half_interval, in_window, rates
from exude.show.dose_figures import DoseResponse
from exude.show.figures import (
    assay_figure,
    calcium_release_figure,
    course_figure,
    dose_figure,
    dose_response,
    raster_figure,
    size_figure,
    write,
)  # fmt: skip
from exude.show.style import CONTROL, MM, PALETTE

LINE, CELLS = "MDA-MB-231", 12
SETTINGS = exude.Settings(burn_in="6 h", snapshots=("end",))
IONOMYCIN = exude.Stimulus("ionomycin", "5 uM", at="10.5 min", until="25 min")
HOUR = 3600.0


def simulated(*done: Any, seed: int = 1) -> exude.Run:
    return exude.simulate(LINE, *done, duration="30 min", cells=CELLS, seed=seed, settings=SETTINGS)


@pytest.fixture(scope="module")
def runs() -> dict[str, exude.Run]:
    return {
        "wild type": simulated(IONOMYCIN),
        "Rab27a knock-down": simulated(IONOMYCIN, exude.KnockDown("RAB27A"), seed=2),
    }


@pytest.fixture(scope="module")
def expected() -> dict[str, dict[str, xr.Dataset]]:
    doses = [f"{dose} uM" for dose in (0, 0.5, 1, 2, 5, 10)]
    return {"wild type": {d: exude.expect(LINE, exude.Stimulus("ionomycin", d), duration="30 min") for d in doses}}


def words(figure: Figure) -> str:
    found = " ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))
    return found.replace("\n", " ")


def lines(axes: Any) -> list[tuple[np.ndarray, np.ndarray, str]]:
    return [(np.asarray(a.get_xdata()), np.asarray(a.get_ydata()), to_hex(a.get_color()).upper()) for a in axes.lines]


def has_line(axes: Any, y: Any, colour: str) -> bool:
    return any(len(b) == len(y) and np.allclose(b, y) and c == colour.upper() for _, b, c in lines(axes))


def all_figures(runs: Any, expected: Any) -> dict[str, Figure]:
    readings = {label: ExosomeBlot().measure(run, replicates=3) for label, run in runs.items()}
    return {
        "course": course_figure(runs), "calcium": calcium_release_figure(runs), "raster": raster_figure(runs),
        "sizes": size_figure(runs), "dose": dose_figure(expected, "ionomycin"),
        "assay": assay_figure(readings, "band", at={"mark": "CD9"}), "page": assay_figure(readings, "band"),
    }  # fmt: skip


@pytest.fixture(scope="module")
def made(runs: Any, expected: Any) -> dict[str, Figure]:
    return all_figures(runs, expected)


def test_words_stay_inside_and_sizes_are_those_of_a_journal(made: dict[str, Figure]) -> None:
    for name, figure in made.items():
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        assert any(abs(figure.get_size_inches()[0] / MM - width) < 0.1 for width in (130, 183)), name
        ticks = {t for axes in figure.axes for t in (*axes.get_xticklabels(), *axes.get_yticklabels())}
        for text in figure.findobj(lambda a: hasattr(a, "get_text") and a.get_text()):
            if text in ticks:  # those beyond the axes are not drawn
                continue
            bounds = text.get_window_extent(renderer)
            assert bounds.x0 >= -2 and bounds.x1 <= figure.bbox.x1 + 2, (name, text.get_text())
            assert bounds.y0 >= -2 and bounds.y1 <= figure.bbox.y1 + 2, (name, text.get_text())


def test_tick_labels_do_not_touch(made: dict[str, Figure]) -> None:
    for name, figure in made.items():
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        for axes in figure.axes:
            labels = [t.get_window_extent(renderer) for t in axes.get_xticklabels() if t.get_text()]
            drawn = [b for b in labels if axes.bbox.x0 - 1 <= (b.x0 + b.x1) / 2 <= axes.bbox.x1 + 1]
            for one, two in combinations(drawn, 2):
                assert min(one.x1, two.x1) - max(one.x0, two.x0) < 0, name


@pytest.mark.parametrize("name", ["calcium", "dose", "assay"])
def test_files_hold_text_and_fonts(made: dict[str, Figure], name: str, tmp_path: Path) -> None:
    text = write(made[name], tmp_path / "a.svg").read_text(encoding="utf-8")
    assert "<text" in text and "DejaVu Sans" in text and "Arial" in text
    pdf = write(made[name], tmp_path / "a.pdf").read_bytes()
    assert b"/FontFile2" in pdf and b"/CIDFontType2" in pdf and b"/Type3" not in pdf


def test_the_same_results_give_the_same_figure_and_stay_as_they_are(
    made: dict[str, Figure], runs: Any, expected: Any, tmp_path: Path
) -> None:
    before = {label: run.data.copy(deep=True) for label, run in runs.items()}
    for name, again in all_figures(runs, expected).items():
        one, two = (write(figure, tmp_path / f"{i}.svg").read_bytes() for i, figure in enumerate((made[name], again)))
        assert one == two, name
    assert all(before[label].identical(run.data) for label, run in runs.items())


# --- courses ---


def test_a_course_is_the_mean_over_cells_with_the_interval_of_the_mean(runs: Any) -> None:
    figure = course_figure(runs)
    (axes,) = figure.axes
    for run, colour in zip(runs.values(), (CONTROL, PALETTE[0]), strict=True):
        assert has_line(axes, run.exosomes.mean("cell").values, colour)
    last = runs["wild type"].exosomes.isel(time=-1).values
    expected = stats.t.interval(0.95, CELLS - 1, last.mean(), stats.sem(last))
    band = np.asarray(axes.collections[0].get_paths()[0].vertices)
    at_end = band[np.isclose(band[:, 0], 30.0), 1]
    assert at_end.max() == pytest.approx(expected[1]) and at_end.min() == pytest.approx(max(expected[0], 0))
    said = words(figure)
    for word in (
        "exosomes released (per cell)",
        "time (min)",
        "wild type",
        "n = 12 cells each",
        "ionomycin 5 µM",
        LINE,
    ):
        assert word in said, word


@pytest.mark.parametrize(("what", "label"), [
    ("docked", "docked MVBs (per cell)"), ("calcium", "free calcium in the cytosol (µM)"),
    ("recruited", "Munc13-4 copies on membranes (per cell)"), ("fusions", "fusions of MVBs with the plasma membrane (per cell)"),
])  # fmt: skip
def test_any_recorded_quantity_has_a_course(runs: Any, what: str, label: str) -> None:
    assert label in words(course_figure(runs, what))


def test_runs_summaries_and_expected_courses_stand_together(runs: Any) -> None:
    summary = exude.summarise(LINE, IONOMYCIN, duration="30 min", cells=CELLS, settings=SETTINGS)
    told = course_of(summary, "exosomes"), course_of(runs["wild type"], "exosomes")
    np.testing.assert_allclose(told[0].mean, told[1].mean)
    np.testing.assert_allclose(told[0].half, told[1].half, atol=1e-9)
    mixed = {"wild type": summary, "expected": exude.expect(LINE, IONOMYCIN, duration="30 min")}
    assert "without a band: expected course" in words(course_figure(mixed))


def test_what_is_not_recorded_is_refused_by_name(runs: Any) -> None:
    with pytest.raises(UnknownName, match="did you mean 'exosomes'"):
        course_figure(runs, "exosome")
    with pytest.raises(DataError, match="one result or more"):
        course_figure({})
    with pytest.raises(ProtocolError, match="counted since time 0"):
        calcium_release_figure(runs, "docked")


def test_release_is_drawn_in_steps_that_add_up_and_begin_with_the_stimulus(runs: Any) -> None:
    figure = calcium_release_figure(runs)
    above, below = figure.axes
    assert has_line(above, runs["wild type"].data["calcium"].mean("cell").values, CONTROL)
    assert "exosomes released (per cell and h)" in words(figure)
    for run, colour in zip(runs.values(), (CONTROL, PALETTE[0]), strict=True):
        x, y = next((a, b) for a, b, c in lines(below) if c == colour.upper() and len(a) > 2)
        gained = float(np.sum(np.diff(x)[::2] * y[::2]) / 60)
        assert gained == pytest.approx(float(run.exosomes.isel(time=-1).mean()))
        assert {10.5, 25.0} <= set(x.tolist())  # a step that began earlier would show release before its cause
    assert above.get_xlim() == below.get_xlim() == (0, 30)


def test_rates_and_windows_are_read_per_cell(runs: Any) -> None:
    run = runs["wild type"]
    value, half = in_window(run, "exosomes", (600.0, 1500.0))
    each = run.rate(600.0, 1500.0).values
    assert value == pytest.approx(each.mean()) and half == pytest.approx(half_interval(each))
    found, _ = rates(run, "exosomes", np.array([0.0, 600.0, 1500.0]))
    assert found[1] == pytest.approx(each.mean())
    mean, _ = in_window(run, "calcium", (0.0, 600.0))
    assert mean == pytest.approx(float(run.data["calcium"].sel(time=slice(0, 600)).mean()))
    with pytest.raises(ProtocolError, match="a window inside the run"):
        in_window(run, "exosomes", (0.0, 7200.0))


# --- single MVBs ---


def test_raster_has_a_dot_for_each_fusion(runs: Any) -> None:
    figure = raster_figure(runs, cells=10)
    for axes, (label, run) in zip(figure.axes, runs.items(), strict=True):
        events = run.events
        own = (events["fate"] == "released") & (events["time"] >= 0) & (events["cell"] < 10)
        dots = axes.collections[0].get_offsets()
        assert len(dots) == int(own.sum()) > 0
        np.testing.assert_allclose(np.sort(dots[:, 0]), np.sort(events["time"].values[own.values] / 60))
        assert f"{label}: {len(dots)} fusions in 10 cells" in axes.get_title(loc="left")
    assert "shaded: ionomycin 5 µM" in words(figure)


def test_sizes_name_median_and_number(runs: Any) -> None:
    said = words(size_figure(runs))
    for label, run in runs.items():
        diameter = run.vesicles["diameter"].values
        assert f"{label}: median {np.median(diameter):.3g} (n = {len(diameter):,})" in said
    with pytest.raises(ProtocolError):
        size_figure(runs, at=7200.0)


# --- assays ---


def test_bars_are_means_and_dots_are_replicates(runs: Any) -> None:
    readings = {label: BulkCount().measure(run, replicates=4, seed=3) for label, run in runs.items()}
    figure = assay_figure(readings)
    (axes,) = figure.axes
    widths = [bar.get_width() for bar in axes.patches if bar.get_height() > 0.5]
    assert widths == pytest.approx([float(r["rate"].mean()) for r in readings.values()])
    assert to_hex(axes.patches[0].get_facecolor()).upper() == CONTROL
    for table in readings.values():
        assert any(np.allclose(x, table["rate"].values) for x, _, _ in lines(axes) if len(x) == 4)
    said = words(figure)
    for word in ("n = 4 cultures of 3 cells per condition", "95 % interval", "(exosomes per cell per hour)"):
        assert word in said, word
    assert "no interval" in words(assay_figure({"untreated": BulkCount().measure(runs["wild type"], replicates=1)}))


def test_axes_of_a_reading_are_panels_or_are_chosen(runs: Any) -> None:
    blots = {label: ExosomeBlot().measure(run, replicates=2) for label, run in runs.items()}
    assert len(assay_figure(blots, "band").axes) == 6
    chosen = assay_figure(blots, "band", at={"mark": "CD63"})
    assert [axes.get_title(loc="left") for axes in chosen.axes] == ["medium", "lysate"] and "CD63" in words(chosen)
    light = {label: Luciferase().measure(run) for label, run in runs.items()}
    with pytest.raises(ProtocolError, match=r"at most 6.*time"):
        assay_figure(light)
    figure = assay_figure(light, at={"time": 1200})
    widths = [bar.get_width() for bar in figure.axes[0].patches if bar.get_height() > 0.5]
    assert widths == pytest.approx([float(r["luminescence"].sel(time=1200).mean()) for r in light.values()])
    for what, at, got in (
        ("bands", {}, "band"),
        ("band", {"mark": "CD6"}, "CD63"),
        ("band", {"marks": "CD63"}, "mark"),
    ):
        with pytest.raises(UnknownName, match=f"did you mean '{got}'"):
            assay_figure(blots, what, at=at)
    with pytest.raises(DataError, match="the same reading in all conditions"):
        assay_figure({"a": blots["wild type"], "b": light["wild type"]}, "band")


# --- doses ---


def hill(doses: Any, top: float = 10.0, bottom: float = 2.0, half: float = 1.0, steep: float = 2.0) -> DoseResponse:
    doses = np.asarray(doses, float)
    values = bottom + (top - bottom) * doses**steep / (doses**steep + half**steep)
    return DoseResponse(doses, values, np.full(len(doses), np.nan))


@pytest.mark.parametrize(("top", "bottom"), [(10.0, 2.0), (1.0, 8.0)])
def test_half_effect_is_found_where_it_is_measured(top: float, bottom: float) -> None:
    doses = [0, *np.geomspace(0.01, 100, 21)]
    found, why = hill(doses, top, bottom, half=0.7).half_effect
    assert found == pytest.approx(0.7, rel=0.02) and not why


@pytest.mark.parametrize(("response", "why"), [
    (hill([0, 0.1, 0.3, 1, 2]), "no plateau"),
    (hill([0, 10, 30, 100, 300]), "not between two doses"),
    (hill([0.1, 1, 10, 100]), "needs dose 0"),
    (hill([0, 1, 10, 100], top=2.0), "no effect"),
    (DoseResponse(np.array([0.0, 1, 2, 4, 8, 16]), np.array([0.0, 2, 8, 3, 10, 10]), np.zeros(6)), "crossed more than once"),
    (DoseResponse(np.array([0.0, 1, 2, 4, 8]), np.array([0.0, 1, 2, 3, 3]), np.full(5, 2.0)), "above its noise"),
])  # fmt: skip
def test_half_effect_is_not_claimed_where_it_was_not_measured(response: DoseResponse, why: str) -> None:
    found, said = response.half_effect
    assert np.isnan(found) and why in said


def test_doses_are_read_in_the_drugs_unit_and_drawn_with_zero(expected: Any) -> None:
    mixed = {"2000 nM": expected["wild type"]["2 uM"], "0 uM": expected["wild type"]["0 uM"]}
    response = dose_response(mixed, "ionomycin")
    np.testing.assert_allclose(response.doses, [0.0, 2.0])
    assert response.values[1] == pytest.approx(float(mixed["2000 nM"].exosomes[-1]) * 2)
    figure = dose_figure(expected, "ionomycin")
    (axes,) = figure.axes
    assert axes.get_xscale() == "log" and [t.get_text() for t in axes.get_xticklabels()][:2] == ["0", "0.5"]
    said = words(figure)
    for word in ("ionomycin (µM)", "exosomes released (per cell and h)", "expected course", "over 30 min"):
        assert word in said, word
    (half, why) = dose_response(expected["wild type"], "ionomycin").half_effect
    assert why or re.search(rf"half effect {half:.3g} µM", said)


def test_doses_that_make_no_sense_are_refused(expected: Any) -> None:
    one = expected["wild type"]["2 uM"]
    with pytest.raises(DataError, match="each dose once"):
        dose_response({"2 uM": one, "2000 nM": one}, "ionomycin")
    with pytest.raises(DataError, match="one of them above 0"):
        dose_figure({"wild type": {"0 uM": one}}, "ionomycin")
    with pytest.raises(UnitError):
        dose_response({"2 h": one}, "ionomycin")
    with pytest.raises(UnknownName, match="ionomycin"):
        dose_response({"2 uM": one}, "ionomicin")
