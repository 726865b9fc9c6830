"""Random streams: no overlap, the same numbers in any chunk, uniform, and different for every purpose."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from compare import FALSE_ALARM
from exude.engine import streams

CELLS = np.arange(2000, dtype=np.int64)


def test_a_cell_has_its_stretch_for_itself() -> None:
    """Starts lie a multiple of 2^36 draws apart, so no two cells can meet."""
    starts = streams.cell_streams(1, CELLS)
    inverse = pow(int(streams.GOLDEN), -1, 2**64)
    steps = [(int(s) - int(starts[0])) * inverse % 2**64 for s in starts]
    assert steps == [int(c) << 36 for c in CELLS]


def test_rows_do_not_depend_on_the_chunk() -> None:
    whole = streams.uniforms(7, 1, CELLS, 5)
    parts = [streams.uniforms(7, 1, CELLS[a : a + 7], 5) for a in range(0, len(CELLS), 7)]
    np.testing.assert_array_equal(np.concatenate(parts), whole)


@pytest.mark.parametrize("other", [(8, 1), (7, 2)])
def test_seed_and_purpose_matter(other: tuple[int, int]) -> None:
    assert not np.isin(streams.uniforms(*other, CELLS, 3), streams.uniforms(7, 1, CELLS, 3)).any()


def test_uniforms_are_uniform_and_uncorrelated() -> None:
    """Kolmogorov-Smirnov and correlations of neighbours, each at the suite's false-alarm rate over their number."""
    u = streams.uniforms(3, 1, np.arange(50_000, dtype=np.int64), 4)
    assert ((u > 0) & (u < 1)).all()
    level = FALSE_ALARM / 100
    for column in u.T:
        assert stats.kstest(column, "uniform").pvalue > level
        assert stats.pearsonr(column[:-1], column[1:]).pvalue > level
    for a in range(3):
        assert stats.pearsonr(u[:, a], u[:, a + 1]).pvalue > level


def test_generator_is_the_same_for_the_same_key() -> None:
    one, two = streams.generator(5, 3).random(8), streams.generator(5, 3).random(8)
    np.testing.assert_array_equal(one, two)
    assert not np.isin(streams.generator(5, 4).random(8), one).any()
    assert not np.isin(streams.generator(6, 3).random(8), one).any()
