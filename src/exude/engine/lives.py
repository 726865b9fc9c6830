"""Run models whose vesicles do not feel each other: life by life (see `engine/loops/lives.py`)."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.derive.leaves import leading
from exude.derive.symbols import Symbols
from exude.engine import build, layout, streams
from exude.engine.job import LOG_FULL, POOL_FULL, TABLE_FULL, Block, Job
from exude.engine.layout import TOTALS, UNDRAWN, Floats, Ints, Timeline

FIRST_STEPS = 256
LANES = 64
"""Lives under way at once: enough to fill vectors and hide waiting, few enough for the first cache."""
BINS_PER_ROW = 2
"""Bins in which the next output row is looked up: the finer, the fewer rows are stepped over."""
BIRTHS, EMISSIONS = np.uint64(1 << 35), np.uint64(3 << 34)
"""Where in the second half of a cell's stretch its births and its emissions draw; lives have the first."""


class State(NamedTuple):
    """Everything a cell is between two calls, for a block of cells."""

    count: Ints  # type: ignore[assignment]  # (cell, stage); hides tuple.count, which nobody needs
    total: Ints  # (cell, total)
    n: Ints  # (cell,) vesicles that live
    number: Ints  # (cell, slot, 2) stage, name
    clock: Floats  # (cell, slot, 4) time, exponential left, rate, birth
    vesicle_stream: NDArray[np.uint64]  # (cell, slot)
    next_name: Ints  # (cell,)
    birth: Floats  # (cell, 3) time, exponential left, rate
    birth_stream: NDArray[np.uint64]  # (cell,)
    emission_stream: NDArray[np.uint64]  # (cell,)
    cell_stream: NDArray[np.uint64]  # (cell,)
    time: Floats  # (cell,)
    step: Floats  # (cell,)
    x: Floats  # (cell, trace)
    hazard: Floats  # (cell, emission)


class Table(NamedTuple):
    """Steps of constant rates of one cell."""

    n: Ints  # (1,)
    begin: Floats  # (step,)
    end: Floats  # (step,)
    look: NDArray[np.bool_]  # (step,) whether a snapshot is taken at its end
    ways: Floats  # (step * stage * (2 + way),) sum of the rates that lead out, its inverse, running share of each way
    birth: Floats  # (step,)
    birth_until: Floats  # (step, way)


class Grid(NamedTuple):
    """Output times of one call, and a table of bins in which the next one is looked up."""

    at: Floats  # (row + 1,) the last never comes
    first_row: Ints  # (1,) its number in the whole run
    begin: Floats  # (1,)
    per_second: Floats  # (1,) bins
    row: Ints  # (bin,) the first row that ends after the bin's begin


class Lanes(NamedTuple):
    """Lives under way, one per lane."""

    at: Floats  # (lane,) since when the exponential is spent
    wait: Floats  # (lane,) what is left of it
    pick: Floats  # (lane,) uniform number that chooses the event
    born: Floats  # (lane,)
    stream: NDArray[np.uint64]  # (lane,) where the pair of numbers of the next event stands
    stage: Ints  # (lane,)
    step: Ints  # (lane,)
    name: Ints  # (lane,)


class Scratch(NamedTuple):
    """Working memory of one thread."""

    flow: Ints  # (row + 1, way) vesicles that took each way before the row's time
    shed: Ints  # (row + 1, emission)
    lanes: Lanes
    queue: Lanes
    """Births that wait for a lane."""
    way: Ints  # (lane,) which event comes next
    row: Ints  # (lane,) before which output time
    idle: Ints  # (lane + 1,) lanes without a life
    n: Ints  # (1,)
    number: Ints
    clock: Floats
    stream: NDArray[np.uint64]
    next_name: Ints  # (1,)
    birth: Floats  # (3,)
    birth_step: Ints  # (1,)
    birth_stream: NDArray[np.uint64]  # (1,)
    nobody: Ints  # (1, stage) no vesicle anywhere
    x: Floats
    hazard: Floats
    new: Floats
    mid: Floats
    work: Floats
    levels: Floats


def run_chunk(job: Job, cells: Ints, state: State | None = None) -> Block:
    """Run the numbered cells through the timeline, from `state` where given."""
    kernel = build.module(job.symbols, "lives").run_cells
    base = job.levels(cells)
    state = _new_state(job, cells) if state is None else state
    output = layout.new_output(job.symbols, len(cells), job.rows)
    events = layout.new_rows(64 * len(cells) if job.log_events else 0)
    reads = layout.new_rows(layout.FIRST_SLOTS * len(cells) if job.timeline.snapshot.any() else 0)
    grid, table = _grid(job.timeline), _new_table(job.symbols, FIRST_STEPS)
    scratch = _new_scratch(job.symbols, state, len(grid.at) - 1, base.shape[1])
    at = 0
    while at < len(cells):
        at, reason = kernel(
            at, len(cells), job.parameters, job.timeline, job.numerics, base, state, output, events, reads, table,
            grid, scratch,
        )  # fmt: skip
        if reason == POOL_FULL:
            state = _more_slots(state)
            scratch = _new_scratch(job.symbols, state, len(grid.at) - 1, base.shape[1])
        elif reason == TABLE_FULL:
            table = _new_table(job.symbols, 2 * len(table.begin))
        elif reason == LOG_FULL:
            events = layout.more_rows(events) if job.log_events else events
            reads = layout.more_rows(reads) if reads.capacity else reads
    return Block(cells, base, output, events, reads, state)


def _new_state(job: Job, cells: Ints) -> State:
    number, slots, stages = len(cells), layout.FIRST_SLOTS, len(job.symbols.counts)
    emissions = len(job.symbols.cascade.emissions)
    first = streams.cell_streams(job.seed, cells)
    begin = float(job.timeline.begin[0])
    with np.errstate(over="ignore"):
        births, shed = first + streams.GOLDEN * BIRTHS, first + streams.GOLDEN * EMISSIONS
    return State(
        count=np.zeros((number, stages), np.int64),
        total=np.zeros((number, len(TOTALS) + emissions), np.int64),
        n=np.zeros(number, np.int64),
        number=np.zeros((number, slots, 2), np.int64),
        clock=np.zeros((number, slots, 4)),
        vesicle_stream=np.zeros((number, slots), np.uint64),
        next_name=np.zeros(number, np.int64),
        birth=np.tile([begin, UNDRAWN, 0.0], (number, 1)),
        birth_stream=births,
        emission_stream=shed,
        cell_stream=first,
        time=np.full(number, begin),
        step=np.zeros(number),
        x=np.tile(job.starts, (number, 1)),
        hazard=np.zeros((number, emissions)),
    )


def _more_slots(state: State) -> State:
    def wider(array: Any) -> Any:
        return np.concatenate([array, np.zeros_like(array)], axis=1)

    return state._replace(
        number=wider(state.number), clock=wider(state.clock), vesicle_stream=wider(state.vesicle_stream)
    )


def _new_table(symbols: Symbols, steps: int) -> Table:
    stages, widest, births = len(symbols.counts), *leading(symbols.cascade.life_cycle)
    return Table(
        n=np.zeros(1, np.int64),
        begin=np.zeros(steps),
        end=np.zeros(steps),
        look=np.zeros(steps, np.bool_),
        ways=np.zeros(steps * stages * (2 + widest)),
        birth=np.zeros(steps),
        birth_until=np.zeros((steps, max(births, 1))),
    )


def _grid(time: Timeline) -> Grid:
    inside = np.arange(time.first[0], time.first[1])
    chosen = inside[time.output[inside] >= 0]
    at = time.end[chosen]
    begin = float(time.begin[0] if time.first[0] == 0 else time.end[time.first[0] - 1])
    end = float(time.end[time.first[1] - 1])
    bins = BINS_PER_ROW * max(len(at), 1)
    width = (end - begin) / bins or 1.0
    rows = np.searchsorted(at, begin + width * np.arange(bins), side="right")
    first = int(time.output[chosen[0]]) if len(chosen) else 0
    # Rounding may put a time into the bin before or after its own: a bin starts from the row of the one before it,
    # and there is one bin, and one row that never comes, more than there are.
    return Grid(
        at=np.append(at, np.inf),
        first_row=np.array([first]),
        begin=np.array([begin]),
        per_second=np.array([1.0 / width]),
        row=np.concatenate([rows[:1], rows, rows[-1:]])[: bins + 1].astype(np.int64),
    )


def _new_lanes(number: int) -> Lanes:
    at, wait, pick, born = np.zeros((4, number))
    stage, step, name = np.zeros((3, number), np.int64)
    return Lanes(at, wait, pick, born, np.zeros(number, np.uint64), stage, step, name)


def _new_scratch(symbols: Symbols, state: State, rows: int, levels: int) -> Scratch:
    stages, traces = state.count.shape[1], state.x.shape[1]
    widest, births = leading(symbols.cascade.life_cycle)
    ways, lanes = stages * widest + 1 + births, max(LANES, state.number.shape[1])
    return Scratch(
        flow=np.zeros((rows + 1, ways), np.int64),
        shed=np.zeros((rows + 1, state.hazard.shape[1]), np.int64),
        lanes=_new_lanes(lanes),
        queue=_new_lanes(LANES),
        row=np.zeros(lanes, np.int64),
        way=np.zeros(lanes, np.int64),
        idle=np.zeros(lanes + 1, np.int64),
        n=np.zeros(1, np.int64),
        number=np.empty_like(state.number[0]),
        clock=np.empty_like(state.clock[0]),
        stream=np.empty_like(state.vesicle_stream[0]),
        next_name=np.zeros(1, np.int64),
        birth=np.zeros(3),
        birth_step=np.zeros(1, np.int64),
        birth_stream=np.zeros(1, np.uint64),
        nobody=np.zeros((1, stages), np.int64),
        x=np.zeros(traces),
        hazard=np.zeros(state.hazard.shape[1]),
        new=np.zeros(traces),
        mid=np.zeros(traces),
        work=np.zeros((3, max(traces, 2), traces)),
        levels=np.zeros(levels),
    )
