"""The mean field against the vesicle kernel: exact where it must be, a closure of stated size where it may be."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from compare import assert_same
from exude.cascade import CELL
from exude.catalog import read
from exude.engine import layout, meanfield
from exude.engine.layout import TOTALS
from exude.errors import DeclarationError
from exude.experiment.simulate import cell_symbols
from small import Sample, Small, of_kernel

MINUTE = 60.0
CLOSURE = 0.02
"""Largest relative error of the closures (mergers, sites, copies) that the small cell may show."""

# No rate reads a count to any effect and nothing merges: the network is linear and its mean field exact.
LINEAR = Small(
    {
        "k_merge": 0.0,
        "docking_sites": 1e9,
        "munc13_4_copies": 1e9,
        "half_trigger": 2e8,
        "half_growth": 5e7,
        "half_prime": 1e7,
    }
)
CROWDED = Small({"k_birth": 2.0 / MINUTE, "k_merge": 0.002 / MINUTE, "docking_sites": 40.0, "munc13_4_copies": 240.0})


def field(small: Small, **finer: float) -> Sample:
    """Expected values under the names that the kernel's sample has."""
    job = small.job(seed=0)
    numerics = job.numerics._replace(**finer)
    levels = job.levels(np.zeros(1, np.int64))[0]
    found = meanfield.run(job.symbols, job.parameters, job.timeline, numerics, levels, job.starts).output
    out: Sample = {}
    for row, time in enumerate(small.outputs):
        for i, stage in enumerate(CELL.life_cycle.stages):
            out[f"{stage} at {time:g} min"] = found.count[0, row, i : i + 1]
        for i, name in enumerate((*TOTALS, *(e.name for e in CELL.emissions))):
            out[f"{name} until {time:g} min"] = found.total[0, row, i : i + 1]
    return out


@cache
def linear_cells() -> Sample:
    return of_kernel(LINEAR, 8000, seed=21)


def centred(sample: Sample, expected: Sample) -> tuple[Sample, Sample]:
    """The sample, and a sample of the same spread about the expected value, for a z-test of the mean alone."""
    kept = {name: sample[name] for name in expected if sample[name].std() > 0}
    return kept, {name: value - value.mean() + expected[name][0] for name, value in kept.items()}


def test_exact_for_a_linear_cell() -> None:
    expected = field(LINEAR)
    assert_same(*centred(linear_cells(), expected))


@pytest.mark.proof
def test_exact_for_a_linear_cell_with_many_cells() -> None:
    assert_same(*centred(of_kernel(LINEAR, 200_000, seed=22), field(LINEAR)))


@pytest.mark.parametrize("change", [{"k_bud": 1.2}, {"k_mature": 1.2}, {"half_mature": 1.3}, {"k_back": 0.7}])
def test_a_wrong_mean_field_is_seen(change: dict[str, float]) -> None:
    """The comparison has the power to see a number that is off by a fifth."""
    ((name, factor),) = change.items()
    off = replace(LINEAR, numbers={**LINEAR.numbers, name: factor * LINEAR.values[name]})
    with pytest.raises(AssertionError, match="differ by"):
        assert_same(*centred(linear_cells(), field(off)))


def test_closure_error_is_small_in_a_crowded_cell() -> None:
    expected = field(CROWDED)
    found = of_kernel(CROWDED, 8000, seed=23)
    held = expected["docked at 180 min"] + expected["primed at 180 min"]
    assert held[0] / CROWDED.values["docking_sites"] > 0.5
    for name, value in expected.items():
        error = abs(found[name].mean() - value[0])
        noise = found[name].std(ddof=1) / np.sqrt(len(found[name]))
        assert error <= CLOSURE * abs(value[0]) + 4 * noise, f"{name}: {found[name].mean():.4g} against {value[0]:.4g}"


def test_patches_and_vesicles_are_conserved() -> None:
    expected = field(CROWDED)
    for time in ("60", "66", "100", "180"):
        here = sum(v[0] for name, v in expected.items() if name.endswith(f" at {time} min"))
        gone = sum(expected[f"{name} until {time} min"][0] for name in ("mergers", "fusions", "lysosome_fusions"))
        assert here + gone == pytest.approx(expected[f"births until {time} min"][0], rel=1e-5)


def test_finer_steps_change_little() -> None:
    """Halving every tolerance moves no expected value by more than a thousandth."""
    small = Small()
    coarse = field(small)
    numerics = layout.numerics_of(read.numerics(), cell_symbols())
    finer = field(small, relative=numerics.relative / 2, field=numerics.field / 2, change=numerics.change / 2)
    for name, value in coarse.items():
        assert value[0] == pytest.approx(finer[name][0], rel=1e-3, abs=1e-3), name


def test_growth_that_does_not_fit_is_refused() -> None:
    with pytest.raises(DeclarationError, match="GROWTH_STATES"):
        field(Small({"k_grow": 1.0, "k_mature": 1e-6, "k_loss_immature": 1e-6, "grow_without": 1.0}))
