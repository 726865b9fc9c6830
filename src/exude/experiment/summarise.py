"""Run a large population and keep its means, spreads and distributions instead of its cells."""

from __future__ import annotations

import time
from dataclasses import replace

from exude.engine import summary
from exude.engine.job import Block
from exude.engine.summary import Summary, Sums
from exude.errors import Interrupted
from exude.experiment.perturbations import Perturbation
from exude.experiment.simulate import Progress, Settings, checkpoint_of, plan, run_blocks

SECONDS_BETWEEN_SAVES = 20


def summarise(
    line: str,
    *what: Perturbation,
    duration: str = "2 h",
    cells: int = 100_000,
    seed: int = 1,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> Summary:
    """Simulate `cells` cells as `simulate` does, the very same cells, and keep what they have in common.

    Returns a `Summary`: mean and standard deviation over cells of every recorded quantity at every recorded time, and
    the whole distribution of exosomes and fusions per cell at the end. Memory does not grow with the number of cells;
    events and snapshots are not kept. Raises what `simulate` raises; with `Settings(checkpoint=...)` a stopped run
    goes on from its last saved sums.

    Example: summarise("MDA-MB-231", Stimulus("ionomycin", "5 uM"), duration="24 h", cells=1_000_000)

    Valid when: as `simulate`.
    """
    lean = replace(settings or Settings(), events=False, stage_changes=False, snapshots=())
    asked = plan(line, what, duration, cells, seed, lean)
    store = checkpoint_of(asked)
    sums = Sums(store.kept() if store else None)
    saved = time.monotonic()

    def take(block: Block) -> None:
        nonlocal saved
        sums.add(block.output, block.levels)
        if store and time.monotonic() - saved >= SECONDS_BETWEEN_SAVES:
            store.keep(sums.held)
            saved = time.monotonic()

    try:
        run_blocks(asked, take, sums.cells, progress)
    except Interrupted:
        if store and sums.cells:
            store.keep(sums.held)
        raise
    made = summary.summary_of(sums, asked.job.symbols, asked.protocol.output_times, asked.attrs(summary.FORMAT))
    if store:
        store.remove()
    return made
