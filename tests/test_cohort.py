"""A virtual cohort: switches off exactly, bits, pairs, cells kept, failures listed, survival, refusals.

Statistical statements are checked on pairs of members that share their numbers, or at a z below 4.5 (7e-6 each).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from exude.cascade import ALL
from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.engine import compartments
from exude.engine.layout import Floats
from exude.errors import Interrupted, ProtocolError, UnknownName
from exude.experiment import cohort
from exude.experiment.cohort import Cohort, CohortRun, run_cohort, survival
from exude.experiment.dosing import Schedule, with_kinetics
from exude.experiment.expect import expect
from exude.experiment.perturbations import Drug, KnockDown, Perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.release import SHARES, ReleaseTable, release_table

TABLE = ReleaseTable((0.0, 1.0), (0.003, 0.02), {"SMPD3": (0.4, 1.0), "ORAI1": (0.8, 1.0)})
"""Exosomes per cell and second; the line's own needs its mean field compiled."""
SMALL: dict[str, Any] = {"members": 12, "days": 14}


def run(**asked: Any) -> CohortRun:
    return run_cohort(Cohort(**{**SMALL, **asked}), release=TABLE)


@cache
def plain() -> CohortRun:
    return run()


def same(a: CohortRun, b: CohortRun) -> bool:
    return a.data.drop_attrs().identical(b.data.drop_attrs())


def test_no_drug_and_a_dose_of_nothing_are_the_same_bits() -> None:
    assert same(plain(), run(schedules=(Schedule("bexin", "0 mg/kg", every="1 day"),)))
    assert not same(plain(), run(schedules=(Schedule("bexin", "50 mg/kg", every="12 h"),)))


def test_workers_and_company_change_no_bit() -> None:
    assert same(plain(), run_cohort(Cohort(**SMALL), release=TABLE, workers=3))
    assert plain().data.isel(member=slice(0, 5)).identical(run(members=5).data.assign_attrs(plain().data.attrs))
    assert not same(plain(), run(seed=2))


def test_without_vessels_nothing_comes_or_goes() -> None:
    data = run(vessels=False, schedules=(Schedule("anti-PD-L1", "10 mg/kg"),)).data
    for name in ("ctc", "lasting", "sleeping", "metastases", "metastatic_cells", "tumour_t", "blood_exosomes", "niche"):
        assert not np.nan_to_num(data[name].values).any(), name
    assert (data.primary.values[:, 5] > 0).all()


def test_without_t_cells_there_are_none() -> None:
    data = run(immunity="T-cell-deficient").data
    assert not np.nan_to_num(data.tumour_t.values).any() and not np.nan_to_num(data.blood_t.values).any()


def test_without_release_no_exosome_arrives() -> None:
    data = run_cohort(Cohort(**SMALL), release=lambda share: 0 * share).data
    assert not np.nan_to_num(data.blood_exosomes.values).any() and not np.nan_to_num(data.niche.values).any()


def test_nothing_comes_from_nothing() -> None:
    data = run(start_cells=0).data
    assert not data.primary.values.any() and not data.metastases.values.any() and not data.died.values.any()


def test_cells_are_kept_to_the_unit() -> None:
    """Start, growth and arrivals are what is in the body and what died."""
    asked = Cohort(members=4, days=14)
    sets, potency = cohort.draws(asked, np.arange(4))
    levels, _ = cohort._levels(asked, TABLE, sets, potency)
    known = cohort._known()
    rows = np.array([[numbers[name] for name in known.parameters] for numbers in sets])
    found = compartments.run(known, rows, asked.times, levels=levels, longest=cohort.STEP)
    whole = found.amounts[:, :, list(known.whole)].sum(axis=2)
    assert np.array_equal(whole[:, :1] + found.gained, whole + found.lost)
    assert found.lost[:, -1].min() > 0


def test_growth_alone_is_its_closed_form() -> None:
    """No vessels, no T cells: the mean of cells is the quarter-power logistic, without spread of the numbers."""
    data = run(vessels=False, immunity="T-cell-deficient", vary=False, start_cells=10_000, members=40, days=12).data
    numbers = Numbers.default()
    k, most, start = numbers["k_grow_site"], numbers["most_tumour_cells"], 1e4
    law = most / (1 + ((most / start) ** 0.25 - 1) * np.exp(-k * data.time.values / 4)) ** 4
    spread = np.sqrt((1 - np.exp(-k * data.time.values)) / start / 40) + 3e-3  # births, and steps of 6 h: 2e-3 measured
    assert np.all(np.abs(data.primary.values.mean(axis=0) / law - 1) < 4.5 * spread)


def test_less_munc13_4_releases_less_and_prepares_less() -> None:
    """A drug that only tumour cells see: exosomes in blood fall in every pair, as the table says of what is left."""
    treated = run(schedules=(Schedule("bexin", "100 mg/kg", every="6 h", reach="tumour"),), vessels=True).data
    day = 8
    left = treated.munc13_4.values[:, day]
    expected = TABLE(left) / TABLE(np.ones(1))
    ratio = treated.blood_exosomes.values[:, day] / plain().data.blood_exosomes.values[:, day]
    ratio /= treated.primary.values[:, day] / plain().data.primary.values[:, day]
    assert (left < 1).all() and (treated.niche.values[:, day] < plain().data.niche.values[:, day]).all()
    np.testing.assert_allclose(ratio, expected, rtol=0.1)  # the release of hours before counts too


def test_members_are_paired_across_arms() -> None:
    """The same numbers whatever is given; the catalogue's own without spread."""
    a, _ = cohort.draws(Cohort(members=3), np.arange(3))
    b, _ = cohort.draws(
        Cohort(members=3, schedules=(Schedule("bexin", "1 mg"),), immunity="Munc13-4-deficient"), np.arange(3)
    )
    assert a == b and a[0] != a[1]
    (plain_one,), _ = cohort.draws(Cohort(vary=False), np.arange(1))
    assert plain_one == Numbers.default()


def test_draws_have_the_spread_of_the_catalogue() -> None:
    sets, _ = cohort.draws(Cohort(), np.arange(2000))
    sd = read.parameter("k_enter").log_sd
    logs = np.log([numbers["k_enter"] / read.value("k_enter") for numbers in sets])
    assert abs(logs.mean()) < 4.5 * sd / math.sqrt(2000) and abs(logs.std() / sd - 1) < 4.5 / math.sqrt(4000)
    assert max(numbers["shed_viable"] for numbers in sets) <= 1 and max(numbers["last_share"] for numbers in sets) < 1


def test_a_member_that_fails_is_listed_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    real = cohort.draws

    def poisoned(asked: Cohort, members: Any) -> Any:
        sets, potency = real(asked, members)
        for i in np.flatnonzero(members == 5):
            sets[i] = Numbers(sets[i].values | {"k_enter": math.nan})
        return sets, potency

    monkeypatch.setattr(cohort, "draws", poisoned)
    found = run()
    assert list(found.failed) == [5] and "parameters" in found.failed[5]
    assert found.data.member.values.tolist() == [i for i in range(12) if i != 5]
    assert np.array_equal(found.data.end, plain().data.end.drop_sel(member=5))


def test_all_that_fail_are_an_error() -> None:
    with pytest.raises(ProtocolError, match="no member could be run"):
        run_cohort(Cohort(**SMALL), release=lambda share: share * math.nan)


def test_ctrl_c_says_how_far_it_came() -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="stopped after 8 of 12"):
        run_cohort(Cohort(**SMALL), release=TABLE, progress=stop)


def test_progress_ends_with_all() -> None:
    seen: list[tuple[int, int]] = []
    run_cohort(Cohort(**SMALL), release=TABLE, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(8, 12), (12, 12)]


def test_a_patient_lives_in_years() -> None:
    data = run(host="patient", days=800, members=4, start_cells=1e8).data
    assert data.sizes["time"] == 268 and not data.died.values.any()
    assert (data.primary.values[:, -1] > 0).any()


def test_survival_is_kaplan_and_meiers() -> None:
    """By hand: product over times of 1 - deaths / at risk; members that outlived the run are censored."""
    pytest.importorskip("lifelines")
    found = survival(plain())
    end, died = plain().data.end.values, plain().data.died.values
    share = 1.0
    for t in np.unique(end):
        share *= 1 - np.sum((end == t) & (died == 1)) / np.sum(end >= t)
        at = float(found.alive.sel(time=t))
        assert at == pytest.approx(share) and float(found.low.sel(time=t)) <= at <= float(found.high.sel(time=t))


def test_the_figure_is_drawn(tmp_path: Path) -> None:
    pytest.importorskip("lifelines")
    from exude.show import cohort_axes, style

    treated = run(schedules=(Schedule("anti-PD-L1", "10 mg/kg", every="3 days"),))
    figure = cohort_axes.cohort_figure({"untreated": plain(), "anti-PD-L1": treated})
    svg, png = style.save(figure, tmp_path / "trial")
    assert svg.stat().st_size > 5000 and png.stat().st_size > 5000
    with pytest.raises(ProtocolError, match="one or more cohorts"):
        cohort_axes.cohort_figure({})


def test_the_table_of_release_rises_with_munc13_4() -> None:
    table = release_table("MDA-MB-231")
    assert table.shares == SHARES and list(table.rates) == sorted(table.rates)
    halves: Floats = np.array([[0.5, 2.0]])
    assert table(halves).tolist() == [[table.rates[6], table.rates[-1]]]
    assert table(halves, SMPD3=np.ones(2), ORAI1=np.ones(2)).tolist() == table(halves).tolist()
    assert release_table("MDA-MB-231", KnockDown("UNC13D", to=0.2)).whole == table.whole == table.rates[-1]


def test_release_under_two_drugs_is_nearly_the_product() -> None:
    """Against the mean field with both lowered; planted fault: the sum of what is lost, 9 % off for Munc13-4 and SMPD3."""
    table = release_table("MDA-MB-231")
    for other, low, high in (("SMPD3", -0.003, 0.0), ("ORAI1", 0.0, 0.041)):
        for munc13_4, left in ((0.125, 0.0), (0.25, 0.25), (0.5, 0.5)):
            both: tuple[Perturbation, ...] = (KnockDown("UNC13D", to=munc13_4), KnockDown(other, to=left))
            exact = float(expect("MDA-MB-231", *both, duration="12 h").exosomes[-1]) / (12 * 3600)
            product = float(table(np.array(munc13_4), **{other: np.array(left)}))
            assert low <= product / exact - 1 <= high, (other, munc13_4, left)


def test_every_drug_with_kinetics_acts() -> None:
    """Each alone, far above its potency: what it lowers is lower in every pair, and nothing else."""
    lowered = {}
    for drug in with_kinetics():
        asked = Cohort(**SMALL, schedules=(Schedule(drug, "300 mg/kg", every="4 h"),))
        sets, potency = cohort.draws(asked, np.arange(4))
        names, (levels, _) = cohort._known().levels, cohort._levels(asked, TABLE, sets, potency)
        plain_levels, _ = cohort._levels(Cohort(**SMALL), TABLE, sets, potency)
        change = levels[:, 5] - plain_levels[:, 5]
        assert (change <= 0).all()
        lowered[drug] = {name for i, name in enumerate(names) if (change[:, i] < 0).all()}
        assert lowered[drug] == {name for i, name in enumerate(names) if (change[:, i] != 0).any()}
    assert lowered == {
        "bexin": {"release", "t_munc13_4"}, "anti-PD-L1": {"pd_l1_free"}, "GW4869": {"release"}, "PDDC": {"release"},
        "GSK-7975A": {"release", "t_orai1"}, "GM6001": {"mt1_activity", "mmp2_activity"},
    }  # fmt: skip


def entries(data: Any, day: int = 8) -> Any:
    """Entries in blood per cell of the tumour: they stay for minutes."""
    return data.ctc.values[:, day].sum() / data.primary.values[:, day].sum()


def test_matrix_that_nothing_cuts_lets_fewer_cells_in() -> None:
    """GM6001 and no MT1-MMP or MMP-2 at all: entry by what does not need them, 1 - entry_by_mmp, in members alike.

    Entries are Poisson: about 700 of 40 members, ratio within 4.5 standard errors.
    """
    alike: dict[str, Any] = {"vary": False, "members": 40, "start_cells": 3e7, "days": 8}
    free, drug = run(**alike), run(**alike, schedules=(Schedule("GM6001", "3000 mg/kg", every="2 h"),))
    none = run(**alike, what=(KnockDown("MMP14", to=0), KnockDown("MMP2", to=0)))
    assert np.array_equal(cohort._genes(none.cohort)["mt1_activity"], 0.0)
    share = 1 - read.value("entry_by_mmp")
    error = 4.5 * math.sqrt(2 / free.data.ctc.values[:, 8].sum())
    for other in (drug, none):
        assert abs(entries(other.data) / entries(free.data) / share - 1) < 2 * error + 0.02
    without = {**alike, "numbers": Numbers.default().but(entry_by_mmp=0.0)}
    assert abs(entries(run(**without).data) / entries(free.data) - 1) < error  # the planted fault: no link
    assert same(run(**without), run(**without)) and not same(run(**without), drug)


def test_less_calcium_entry_kills_less() -> None:
    """In T cells of the whole body; a drug for the tumour alone leaves their alarm as it is."""
    body = run(schedules=(Schedule("GSK-7975A", "3000 mg/kg", every="2 h"),), vary=False)
    tumour = run(schedules=(Schedule("GSK-7975A", "3000 mg/kg", every="2 h", reach="tumour"),), vary=False)
    levels = cohort._known().levels
    for made, low in ((body, True), (tumour, False)):
        sets, potency = cohort.draws(made.cohort, np.arange(1))
        found, _ = cohort._levels(made.cohort, TABLE, sets, potency)
        assert (found[0, 3, levels.index("t_orai1")] < 0.9) == low
        assert found[0, 3, levels.index("release")] < 0.02


def test_t_cells_without_calcium_entry_do_not_kill() -> None:
    """The antibody saves all of them; with the blocker in the tumour alone still; in T cells too hardly any."""
    text = {d.symbol: d.text for d in PATIENT.definitions}
    assert text["alarm"] == next(d.text for d in ALL.definitions if d.symbol == "alarm").replace(
        "soce_channels", "t_orai1"
    )
    antibody = Schedule("anti-PD-L1", "10 mg/kg", every="3 days")
    blocker = Schedule("GSK-7975A", "1000 mg/kg", every="2 h")
    asked: dict[str, Any] = {"members": 40, "days": 26, "start_cells": 1e4, "vary": False}
    lost = [
        int(run(**asked, schedules=(antibody, *more)).data.died.sum())
        for more in ((), (replace(blocker, reach="tumour"),), (blocker,))
    ]
    assert lost[0] == lost[1] == 0 and lost[2] > 30


def test_a_drug_without_a_target_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cohort, "TARGETS", ("UNC13D",))
    with pytest.raises(ProtocolError, match="GM6001, which acts on mt1_activity, mmp2_activity"):
        Cohort(schedules=(Schedule("GM6001", "10 mg/kg"),))


def test_an_own_release_must_know_what_drugs_lower() -> None:
    asked = Cohort(**SMALL, schedules=(Schedule("PDDC", "10 mg/kg"),))
    with pytest.raises(ProtocolError, match="a function of \\(share, SMPD3\\)"):
        run_cohort(asked, release=lambda share: 0 * share)
    with pytest.raises(ProtocolError, match="a target of this table: UNC13D"):
        run_cohort(asked, release=ReleaseTable((0.0, 1.0), (0.003, 0.02)))


@pytest.mark.parametrize(
    ("wrong", "error", "said"),
    [
        ({"members": 0}, ProtocolError, "members from 1"), ({"members": 2.5}, ProtocolError, "whole number"),
        ({"days": 0}, ProtocolError, "days from 1"), ({"host": "mous"}, ProtocolError, "did you mean 'mouse'"),
        ({"immunity": "none"}, ProtocolError, "immunity"), ({"line": "MDA"}, UnknownName, "cell line"),
        ({"start_cells": -1}, ProtocolError, "cells at the start"), ({"start_cells": math.nan}, ProtocolError, "cells at"),
        ({"what": (Drug("bexin", "1 uM"),)}, ProtocolError, "drugs by schedules"),
        ({"schedules": (Schedule("bexin", "1 mg", at="90 days"),)}, ProtocolError, "after the end of the run"),
    ],
)  # fmt: skip
def test_a_wrong_cohort_is_refused(wrong: dict[str, Any], error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Cohort(**wrong)


def test_release_below_zero_is_listed() -> None:
    with pytest.raises(ProtocolError, match="levels with a number below 0"):
        run_cohort(Cohort(**SMALL), release=lambda share: -share)
