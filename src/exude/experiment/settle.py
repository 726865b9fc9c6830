"""The mean field behind an exported file: its state at time 0, and how far its growth states are from exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exude.catalog import read
from exude.derive.network import CONTENTS, GROWN, Network
from exude.engine import layout, meanfield
from exude.engine.layout import Floats, Timeline
from exude.engine.meanfield import MeanField
from exude.experiment.protocol import Numbers

MANY = 64
"""Growth states that stand for exact: off by a millionth at most (15 lines against 160 states, 24 h)."""
FIELDS = {
    "vesicles": meanfield.ITEMS,
    **{c: i for i, c in enumerate(CONTENTS, meanfield.BIRTH)},
    GROWN: meanfield.GROWTH_COUNT,
}
"""What a pool holds -> field of the mean field's state."""
JUDGED = ("fusions", "exosomes", "exosomal_cargo")
"""Totals by which growth states are judged."""


@dataclass(frozen=True)
class Field:
    """The mean field of one cell along a protocol."""

    net: Network
    numbers: Numbers
    timeline: Timeline
    levels: Floats

    def run(self, growth_states: int) -> MeanField:
        """The mean field with R growth states, its whole state kept at every output."""
        cascade, steps = self.net.symbols.cascade, read.numerics()["export"]
        return meanfield.run(
            self.net.symbols, self.numbers.vector(self.net.symbols), self.timeline,
            layout.numerics_of(read.numerics(), self.net.symbols), self.levels,
            np.array([self.numbers[trace.start] if trace.start else 0.0 for trace in cascade.traces]),
            growth_states=growth_states, relative=steps["relative"], absolute=steps["absolute"], states=True,
        )  # fmt: skip

    def starts(self, found: MeanField) -> dict[str, float]:
        """Every pool and trace at time 0 (items, units inside); totals count from there and are 0."""
        cascade, state = self.net.symbols.cascade, found.states[0]
        out = dict(zip(self.net.symbols.traces, found.output.trace[0, 0].tolist(), strict=True))
        for pool in self.net.pools:
            if pool.holds == "total":
                out[pool.symbol] = 0.0
                continue
            stage = cascade.life_cycle.stages.index(pool.stage)
            out[pool.symbol] = float(state[stage, pool.growth or 0, FIELDS[pool.holds]])
        return out

    def curves(self, found: MeanField) -> Mapping[str, Floats]:
        """Counts, totals since time 0, traces and read-outs at every output, by symbol."""
        symbols, out = self.net.symbols, found.output
        totals = (*layout.TOTALS, *(e.name for e in symbols.cascade.emissions))
        since = out.total[0] - out.total[0, 0]
        rows = ((symbols.counts, out.count[0]), (totals, since), (symbols.traces, out.trace[0]),
                (symbols.cascade.readouts, out.readout[0]))  # fmt: skip
        return {name: values[:, i] for names, values in rows for i, name in enumerate(names)}

    def off(self, found: MeanField) -> dict[str, float]:
        """Relative error of the totals at the end, against many growth states."""
        few, many = self.curves(found), self.curves(self.run(MANY))
        return {name: float(few[name][-1] / many[name][-1] - 1) for name in JUDGED if many[name][-1] > 0}
