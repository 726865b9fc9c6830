"""The laws of the proof against each other and against textbook forms: an oracle is wrong as easily as a kernel."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.linalg import expm

from proof import against, law, release
from proof.models import CELL, FORMS, LENGTH, LIVES, OUTPUTS, Setting
from proof.scenarios import CHAIN, ONE_SITE


@pytest.mark.parametrize("model", [LIVES, CELL], ids=["lives", "cell"])
def test_exponential_and_integrator_agree(model: object) -> None:
    setting = Setting(model, "stepped")  # type: ignore[arg-type]
    np.testing.assert_allclose(law.course(setting).y, law.integrated(setting), atol=1e-9)


def test_a_single_stage_is_what_the_textbook_says() -> None:
    setting = Setting(LIVES, "constant")
    r, t = setting.values, np.array(OUTPUTS)
    loss = r["kr"] + r["kl"]
    np.testing.assert_allclose(law.course(setting).mean("young", t), r["kb"] / loss * -np.expm1(-loss * t), rtol=1e-9)


def test_waits_are_hypoexponential() -> None:
    setting = Setting(LIVES, "constant", CHAIN)
    r = setting.values
    rates = np.array([r["kr"], r["kd"], r["kf"] * law.opening(setting, 0.4)])
    age = np.linspace(0.5, 50, 40)
    for stages in (1, 2, 3):
        found = law.passed(setting, stages, np.zeros(40), age)
        np.testing.assert_allclose(found, law.hypoexponential(rates[:stages], age), atol=1e-10)


def test_waits_across_a_jump_are_a_product_of_exponentials() -> None:
    setting = Setting(LIVES, "stepped", CHAIN)
    r, here = setting.values, np.array([1.0, 0.0, 0.0])
    for calcium, span in ((0.1, 5.0), (1.0, 20.0), (0.3, 7.0)):
        rates = np.array([r["kr"], r["kd"], r["kf"] * law.opening(setting, calcium)])
        here = here @ expm((np.diag(-rates) + np.diag(rates[:-1], 1)) * span)
    found = law.passed(setting, 3, np.array([15.0]), np.array([47.0]))
    assert found[0] == pytest.approx(1 - here.sum(), abs=1e-12)


@pytest.mark.parametrize("form", FORMS)
def test_release_and_network_count_the_same_vesicles(form: str) -> None:
    """Both laws know how many vesicles were released and lost; the step of the integrators is between them."""
    setting = Setting(CELL, form)
    released, lost = against.releases(setting, "ilv", np.array([1.0 + 0j]))
    assert released[0].real == pytest.approx(float(law.course(setting).mean("fusions", LENGTH)), rel=1e-4)
    assert lost[0].real == pytest.approx(float(law.course(setting).mean("lysosome_fusions", LENGTH)), rel=1e-5)


def test_ilvs_of_a_vesicle_that_cannot_grow_are_poisson_at_its_age() -> None:
    """Without growth and with losses alone: an exponential age, and a Poisson number of the mean for that age."""
    setting = Setting(CELL, "constant", {"kg": 0.0, "kl": 0.2})
    size = 64
    _, lost = against.releases(setting, "ilv", release.circle(size))
    found = release.distribution(lost, size)
    r, h = setting.values, 0.01
    ages = np.arange(0.0, LENGTH, h) + h / 2
    expected = np.zeros(size)
    for gone in np.arange(0.1, LENGTH, 0.2):
        old = ages[ages < gone]
        q = release.inside(setting, gone - old, np.full_like(old, gone))
        weight = r["kb"] * r["kl"] * np.exp(-r["kl"] * old) * h * 0.2
        expected += stats.poisson.pmf(np.arange(size)[:, None], r["patches_at_birth"] * q) @ weight
    np.testing.assert_allclose(found, expected, atol=2e-3)


def test_a_patch_is_inside_as_its_equation_says() -> None:
    setting, h = Setting(CELL, "constant"), 1e-3
    r, q = setting.values, 0.0
    for i in range(round(25 / h)):
        bud = r["bud"] * (0.3 if 25.0 + i * h >= 40.0 else 1.0)
        q += h * (bud * (1 - q) - r["back"] * q)
    assert release.inside(setting, np.array([25.0]), np.array([50.0]))[0] == pytest.approx(q, abs=1e-4)


def test_one_docking_site_holds_one() -> None:
    states, none = law.sites(Setting(CELL, "constant", ONE_SITE))
    np.testing.assert_allclose(states.sum(axis=(1, 2, 3)), 1.0, atol=1e-8)
    assert states.shape[2] == 2 and (np.diff(none) <= 1e-15).all()
    assert states[-1][-1].sum() < 1e-9 and states[-1][..., -1].sum() < 1e-9  # what the cuts leave out
