"""Speed and memory of exude, each figure a median of five, with the result checked beside it.

    make bench

Prints one table and writes benchmarks/results.json. Load of the machine is printed: figures on a busy machine are
not worth quoting.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

import exude
from exude.catalog import read
from exude.experiment.protocol import Cells, Genotype, Numbers

IONOMYCIN = exude.Stimulus("ionomycin", "5 uM", at="60 min", until="90 min")
REPEATS = 5


def run(cells: int, threads: int, duration: str = "24 h", burn_in: str = "24 h") -> exude.Run:
    settings = exude.Settings(every="10 min", threads=threads, events=False, snapshots=(), burn_in=burn_in)
    return exude.simulate("MDA-MB-231", IONOMYCIN, duration=duration, cells=cells, seed=1, settings=settings)


def median_seconds(action: Callable[[], object]) -> float:
    took = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        action()
        took.append(time.perf_counter() - began)
    return statistics.median(took)


def events_per_cell_day() -> float:
    """Births, Rab11 fusions, mergers and changes of stage of a resting cell in 24 h, counted."""
    settings = exude.Settings(every="1 h", threads=2, stage_changes=True, snapshots=())
    made = exude.simulate("MDA-MB-231", duration="24 h", cells=200, seed=1, settings=settings)
    gained = sum(float(made.data[name].values[:, -1].mean()) for name in ("births", "growths", "mergers"))
    after_start = int((made.events["time"].values > 0).sum())
    return gained + after_start / 200


def closure() -> dict[str, float]:
    """Result check: kernel mean against the mean field, cells alike."""
    from exude.engine import meanfield
    from exude.experiment import simulate as module
    from exude.experiment.protocol import Protocol

    settings = exude.Settings(every="10 min", threads=2, events=False, snapshots=(), alike=True)
    kernel = exude.simulate("MDA-MB-231", IONOMYCIN, duration="24 h", cells=1000, seed=1, settings=settings)
    numbers, symbols = Numbers.default(), module.cell_symbols()
    protocol = Protocol((IONOMYCIN,), 86400.0, 600.0, 86400.0, (), False, numbers)
    levels = Cells(Genotype(read.line("MDA-MB-231"), ()).medians(numbers), numbers, 1, True).levels(np.arange(1))[0]
    from exude.engine import layout

    numerics = layout.numerics_of(read.numerics(), symbols)
    starts = np.array([numbers[t.start] for t in symbols.cascade.traces])

    def solve() -> meanfield.MeanField:
        return meanfield.run(symbols, numbers.vector(symbols), protocol.timeline(), numerics, levels, starts)

    field = solve()
    exosomes = field.output.total[0, -1, 4] - field.output.total[0, 0, 4]
    return {
        "mean field, 24 h + burn-in, s": median_seconds(solve),
        "exosomes per cell, kernel / mean field": float(kernel.data["exosomes"].values[:, -1].mean() / exosomes),
    }


def main() -> None:
    run(64, 1, duration="2 h")
    one = median_seconds(lambda: run(1000, 1))
    two = median_seconds(lambda: run(1000, 2))
    longer = median_seconds(lambda: run(1000, 1, burn_in="72 h"))
    day = (longer - one) / 2
    figures = {
        "load (1 min)": os.getloadavg()[0],
        "1,000 cells, 24 h + 24 h burn-in, stimulus, 1 thread, s": one,
        "the same, 2 threads, s": two,
        "2 threads against 1": one / two,
        "us per cell-day, outputs and burn-in counted": one / 1000 / 2 * 1e6,
        "us per cell-day at rest, nothing recorded": day / 1000 * 1e6,
        "ns per event at rest": day / 1000 / events_per_cell_day() * 1e9,
        **closure(),
        "resident memory, MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    for name, value in figures.items():
        print(f"{name:58s} {value:10.3f}")
    (Path(__file__).parent / "results.json").write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
