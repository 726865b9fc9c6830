"""Speed of the mean field, with its error beside each figure.

    python benchmarks/meanfield.py

Two problems: the common problem (benchmarks/common.py) for 1,000 parameter sets in one call, judged by the matrix
exponential; the whole cell (24 h of burn-in, 24 h with 30 min of ionomycin, 145 outputs), judged by 160 growth states
and by tolerances ten thousand times tighter. Seconds are those of the process, on one thread, medians of seven.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable

import numpy as np

import common
import exude
from exude.catalog import read
from exude.engine import layout, meanfield
from exude.engine.meanfield import MeanField
from exude.experiment.protocol import Genotype, Numbers, Protocol
from exude.experiment.simulate import cell_symbols
from peers import ours

REPEATS = 7
SETS = 1000
IONOMYCIN = exude.Stimulus("ionomycin", "5 uM", at="60 min", until="90 min")
GROWTH_STATES = (1, 8, 16, 24, 32, 48, 96)
MANY = 160
DAY = 86400.0


def median_seconds(action: Callable[[], object]) -> float:
    """Median processor time of an action, compiled code warm."""
    action()
    took = []
    for _ in range(REPEATS):
        began = time.process_time()
        action()
        took.append(time.process_time() - began)
    return statistics.median(took)


def problem() -> None:
    """Solves per second of the common problem, and the largest relative error of I, M, D, P, X."""
    rng = np.random.default_rng(1)
    sets = [
        {name: rate * float(np.exp(0.2 * rng.normal())) for name, rate in common.RATES.items() if name != "n"}
        for _ in range(SETS)
    ]
    sets[0] = {name: rate for name, rate in common.RATES.items() if name != "n"}
    solve = ours.mean_field(common.INDEPENDENT)
    exact = common.exact_mean(common.INDEPENDENT)[1:]
    off = float(np.abs(solve(sets)[0, 1:] / exact - 1).max())
    seconds = median_seconds(lambda: solve(sets))
    print(f"common problem, {SETS} sets in one call: {SETS / seconds:8.0f} solves/s, largest relative error {off:.1e}")


def outcome(found: MeanField) -> np.ndarray:
    """Counts and gains since time 0 at every output but the first."""
    gained = found.output.total - found.output.total[:, :1]
    return np.concatenate([found.output.count, gained], axis=2)[0, 1:]


def cell() -> None:
    """Milliseconds for the whole cell by number of growth states, and the largest relative error of any number."""
    symbols, numbers = cell_symbols(), Numbers.default()
    given = (
        symbols,
        numbers.vector(symbols),
        Protocol((IONOMYCIN,), DAY, 600.0, DAY, (), False, numbers).timeline(),
        layout.numerics_of(read.numerics(), symbols),
        Genotype(read.line("MDA-MB-231"), ()).medians(numbers),
        np.array([numbers[trace.start] for trace in symbols.cascade.traces]),
    )
    many = outcome(meanfield.run(*given, growth_states=MANY))
    for states in GROWTH_STATES:
        off = float(np.abs(outcome(meanfield.run(*given, growth_states=states)) / many - 1).max())
        took = median_seconds(lambda states=states: meanfield.run(*given, growth_states=states))
        mark = "  (default)" if states == meanfield.GROWTH_STATES else ""
        print(f"whole cell, {states:3d} growth states: {took * 1e3:7.2f} ms, error of the last class {off:.1e}{mark}")
    finer = {"relative": meanfield.RELATIVE / 1e4, "absolute": meanfield.ABSOLUTE / 1e4}
    off = float(np.abs(outcome(meanfield.run(*given)) / outcome(meanfield.run(*given, **finer)) - 1).max())
    print(f"whole cell, default tolerances: error of the solver {off:.1e}")


def main() -> None:
    print(f"load (1 min): {os.getloadavg()[0]:.1f}")
    problem()
    cell()


if __name__ == "__main__":
    main()
