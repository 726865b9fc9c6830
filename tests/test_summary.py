"""A summary is what the same cells, kept, would have given; it is saved, resumed and read like a run."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import exude
from exude.engine import netcdf
from exude.engine.summary import FORMAT, STATISTICS
from exude.errors import DataError, Interrupted

CELLS = 200
WHAT = (exude.Stimulus("ionomycin", "5 uM", at="10 min"),)
SETTINGS = exude.Settings(burn_in="2 h", every="5 min", threads=1)
HOW = {"duration": "1 h", "cells": CELLS, "seed": 3}


@pytest.fixture(scope="module")
def kept() -> exude.Run:
    return exude.simulate("MDA-MB-231", *WHAT, **HOW, settings=SETTINGS)


@pytest.fixture(scope="module")
def made() -> exude.Summary:
    return exude.summarise("MDA-MB-231", *WHAT, **HOW, settings=SETTINGS)


def test_moments_are_those_of_the_kept_cells(kept: exude.Run, made: exude.Summary) -> None:
    assert set(made.data.data_vars) == set(kept.data.data_vars)
    assert list(made.data["statistic"].values) == list(STATISTICS)
    for name, seen in kept.data.data_vars.items():
        np.testing.assert_allclose(made.data[name].sel(statistic="mean"), seen.mean("cell"), rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(made.data[name].sel(statistic="sd"), seen.std("cell", ddof=1), rtol=1e-9, atol=1e-9)
        assert made.data[name].attrs["units"] == seen.attrs["units"]


@pytest.mark.parametrize("what", ["exosomes", "fusions"])
def test_the_distribution_is_that_of_the_kept_cells(kept: exude.Run, made: exude.Summary, what: str) -> None:
    values = np.sort(kept.data[what].isel(time=-1).values)
    assert int(made.distribution[what].sum()) == CELLS
    np.testing.assert_array_equal(np.repeat(made.distribution["number"].values, made.distribution[what].values), values)
    for share in (0.025, 0.5, 0.975, 1.0):
        assert made.quantile(share, what) == values[int(np.ceil(share * CELLS)) - 1]


def test_same_bits_on_two_threads(made: exude.Summary) -> None:
    other = exude.summarise("MDA-MB-231", *WHAT, **HOW, settings=replace(SETTINGS, threads=2))
    assert made.data.equals(other.data)
    assert made.distribution.equals(other.distribution)


def test_saved_and_read(made: exude.Summary, tmp_path: Path) -> None:
    path = made.save(tmp_path / "sum.nc")
    assert netcdf.format_of(path) == FORMAT
    read = exude.load(path)
    assert isinstance(read, exude.Summary)
    assert read.data.equals(made.data)
    assert read.distribution.equals(made.distribution)
    assert read.provenance == made.provenance
    assert read.cite()
    with pytest.raises(DataError, match="exude-run-1"):
        exude.Run.load(path)


def test_a_stopped_summary_goes_on(made: exude.Summary, tmp_path: Path) -> None:
    """Stopped after two of four blocks, resumed: the same bits as in one go, and nothing left behind."""
    folder = tmp_path / "sum.nc.part"
    asked = replace(SETTINGS, checkpoint=str(folder))

    def stop(done: int, of: int) -> None:
        if done >= of / 2:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="stopped after 128 of 200 cells, kept in"):
        exude.summarise("MDA-MB-231", *WHAT, **HOW, settings=asked, progress=stop)
    seen: list[int] = []
    resumed = exude.summarise(
        "MDA-MB-231", *WHAT, **HOW, settings=replace(asked, resume=True), progress=lambda done, _: seen.append(done)
    )
    assert seen == [192, 200]
    assert resumed.data.equals(made.data)
    assert resumed.distribution.equals(made.distribution)
    assert not folder.exists()
