"""The reach of exosomes about a lone donor, fitted to the tumour measurement, and the walk of cells held against tracks."""

from __future__ import annotations

import math

import numpy as np
import pytest

from exude.catalog import read
from exude.experiment.protocol import Numbers
from exude.experiment.reach import on_a_grid, reach


def test_half_is_found_within_17_um() -> None:
    found = reach(Numbers.default())
    reported = read.findings()["Colombo2025a"][1].relation.value
    assert found.half() == pytest.approx(reported, rel=1e-3)
    assert 0.75 < found.within(40.0) < 0.9  # 80 % reported; not fitted
    assert 1.0 - found.within(100.0) < 0.05


def test_the_diffusion_engine_gives_the_same_profile() -> None:
    found = reach(Numbers.default())
    distance, share = on_a_grid(found, 4.0, 50)
    at = np.array([10.0, 17.0, 25.0, 40.0, 60.0])
    exact = np.array([found.within(d) for d in at])
    assert np.interp(at, distance, share) == pytest.approx(exact, abs=0.02)  # lattice of 4 um about a cell of 10.6


def test_less_uptake_reaches_farther() -> None:
    numbers = Numbers.default()
    assert reach(numbers.but(most_uptake=1.0)).half() > 2 * reach(numbers).half()


def test_the_walk_goes_through_what_it_was_fitted_to_and_near_what_was_held_out() -> None:
    speed, persistence = read.value("walk_speed") * 3600.0, read.value("walk_persistence") / 3600.0

    def msd(hours: float) -> float:
        return 2 * speed**2 * persistence * (hours - persistence * (1 - math.exp(-hours / persistence)))

    assert [msd(0.5), msd(1.0)] == pytest.approx([241.0, 726.0], rel=0.01)
    held_out = {2.0: 2036.0, 4.0: 4838.0, 8.0: 9852.0}
    assert all(0.8 < msd(t) / seen < 1.2 for t, seen in held_out.items())
