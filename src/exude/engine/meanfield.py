"""The mean field of the declared cell: expected counts, patches and cargo from the same leaves as the vesicles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from exude.derive.symbols import Symbols
from exude.engine import build, layout
from exude.engine.layout import Floats, Numerics, Output, Timeline
from exude.errors import DeclarationError

GROWTH_STATES = 96
"""Growth counts 0..95 of the resolved stage are told apart; `left_over` says what would need more."""
MOST_LEFT_OVER = 1e-3


@dataclass(frozen=True)
class MeanField:
    """Expected values of one cell along a timeline; `left_over` is the share of the resolved stage at the last count."""

    output: Output
    left_over: float


def run(
    symbols: Symbols, parameters: Floats, timeline: Timeline, numerics: Numerics, levels: Floats, starts: Floats
) -> MeanField:
    """Mean field of one cell with the given `levels`, recorded at the timeline's output rows.

    Valid when: exact for the mean of a linear network under given rates; mergers and rates that read stage counts see
    expected counts (closures).
    """
    rows = int(timeline.output.max()) + 1
    output = layout.new_output(symbols, 1, rows, kind=np.float64)
    y = np.zeros((len(symbols.counts), GROWTH_STATES, 5))
    totals = np.zeros(len(layout.TOTALS))
    hazard = np.zeros(len(symbols.cascade.emissions))
    kernel = build.module(symbols, "meanfield").run_field
    kernel(parameters, timeline, numerics, levels, starts.copy(), y, totals, hazard, output)
    resolved = y[symbols.cascade.life_cycle.stages.index(symbols.cascade.life_cycle.resolved), :, 0]
    left_over = float(resolved[-1] / max(resolved.sum(), 1e-300))
    if left_over > MOST_LEFT_OVER:
        raise DeclarationError(
            f"{left_over:.1%} of MVBs grow beyond {GROWTH_STATES - 1} Rab11 vesicles; raise GROWTH_STATES or check rates."
        )
    return MeanField(output, left_over)
