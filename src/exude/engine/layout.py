"""The arrays kernels see: timeline, state, outputs, event rows. Plain named tuples of arrays, nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from exude.derive.symbols import Symbols

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

TOTALS = (
    "births", "growths", "mergers",
    "fusions", "exosomes", "exosomal_cargo",
    "lysosome_fusions", "ilvs_degraded", "cargo_degraded",
)  # fmt: skip
"""Cumulative counts of each cell, in kernel order; emissions follow."""

FIRST_SLOTS = 128
MEMBRANE_TERMS = 7
UNDRAWN = -1.0
"""Stands for a waiting time that is still to be drawn."""


class Timeline(NamedTuple):
    """When what changes: intervals in order, each in one segment of constant levels."""

    begin: Floats  # (1,) s
    first: Ints  # (2,) first and one past the last interval to run
    end: Floats  # (interval,) s
    segment: Ints  # (interval,)
    starts: Ints  # (interval,) 1 where a segment begins
    output: Ints  # (interval,) row to write at its end, or -1
    snapshot: Ints  # (interval,) 1 where every vesicle is read at its end
    multiply: Floats  # (segment, level)
    add: Floats  # (segment, level)
    given_at: Floats  # (point,) s; empty where calcium follows its equations
    given: Floats  # (point,) uM
    log_moves: int


class Numerics(NamedTuple):
    """Steps and tolerances."""

    relative: float
    change: float
    first: float
    smallest: float
    grow: float
    horizon: float
    still: float
    absolute: Floats  # (trace,)


class State(NamedTuple):
    """Everything a cell is between two calls, for a block of cells."""

    count: Ints  # type: ignore[assignment]  # (cell, stage); hides tuple.count, which nobody needs
    members: NDArray[np.int32]  # (cell, stage, slot)
    growth: NDArray[np.int32]  # (cell, slot)
    weight: Floats  # (cell, slot, kind)
    lag: Floats  # (cell, slot, kind)
    known: NDArray[np.int32]  # (cell, slot, 8)
    born: Floats  # (cell, slot)
    name: Ints  # (cell, slot)
    free: NDArray[np.int32]  # (cell, slot)
    n_free: Ints  # (cell,)
    next_name: Ints  # (cell,)
    stream: NDArray[np.uint64]  # (cell,) where the cell's random stream begins
    rng: NDArray[np.uint64]  # (cell,) where it is now
    time: Floats  # (cell,)
    carry: Floats  # (cell,) what is left of the unit exponential
    step: Floats  # (cell,)
    t_base: Floats  # (cell,)
    stay: Floats  # (cell, 2)
    was_read: NDArray[np.bool_]  # (cell,)
    membrane: Floats  # (cell, 7)
    x: Floats  # (cell, trace)
    hazard: Floats  # (cell, emission)
    total: Ints  # (cell, total)


class Output(NamedTuple):
    """What is recorded at the output times."""

    count: Any  # (cell, row, stage)
    total: Any  # (cell, row, total)
    trace: Floats  # (cell, row, trace)
    readout: Floats  # (cell, row, readout)


class Rows(NamedTuple):
    """A table of vesicles: one row for each event, or for each vesicle read."""

    capacity: int
    used: Ints  # (1,)
    time: Floats
    cell: NDArray[np.int32]
    vesicle: Ints
    what: NDArray[np.int32]
    ilv: NDArray[np.int32]
    cargo: NDArray[np.int32]
    growth: NDArray[np.int32]
    age: Floats
    diameter: Floats


class Scratch(NamedTuple):
    """Working memory of one thread: one cell's vesicles while it runs, its cell-wide quantities, and room to solve."""

    members: NDArray[np.int32]
    growth: NDArray[np.int32]
    weight: Floats
    lag: Floats
    known: NDArray[np.int32]
    born: Floats
    name: Ints
    free: NDArray[np.int32]
    x: Floats
    hazard: Floats
    total: Ints
    new: Floats  # (trace,)
    mid: Floats  # (trace,)
    work: Floats  # (3, trace, trace)
    book: Ints  # (2,)
    levels: Floats  # (level,)
    stream: NDArray[np.uint64]  # (1,)


def numerics_of(table: Mapping[str, Any], symbols: Symbols) -> Numerics:
    """Steps and tolerances as the kernels read them."""
    absolute = np.array([float(table["absolute"][name]) for name in symbols.traces])
    return Numerics(
        table["relative"],
        table["change"],
        table["first_s"],
        table["smallest_s"],
        table["grow"],
        table["horizon_s"],
        table["still"],
        absolute,
    )


def new_state(symbols: Symbols, starts: Floats, streams: NDArray[np.uint64], begin: float, slots: int) -> State:
    """Empty cells at time `begin`, calcium at its starting point, each with its own random stream."""
    cells, stages = len(streams), len(symbols.counts)
    kinds, emissions = 2, len(symbols.cascade.emissions)
    free = np.tile(np.arange(slots - 1, -1, -1, dtype=np.int32), (cells, 1))
    return State(
        count=np.zeros((cells, stages), np.int64),
        members=np.zeros((cells, stages, slots), np.int32),
        growth=np.zeros((cells, slots), np.int32),
        weight=np.zeros((cells, slots, kinds)),
        lag=np.zeros((cells, slots, kinds)),
        known=np.zeros((cells, slots, 8), np.int32),
        born=np.zeros((cells, slots)),
        name=np.zeros((cells, slots), np.int64),
        free=free,
        n_free=np.full(cells, slots, np.int64),
        next_name=np.zeros(cells, np.int64),
        stream=streams,
        rng=streams.copy(),
        time=np.full(cells, begin),
        carry=np.full(cells, UNDRAWN),
        step=np.zeros(cells),
        t_base=np.full(cells, begin),
        stay=np.zeros((cells, 2)),
        was_read=np.zeros(cells, np.bool_),
        membrane=np.zeros((cells, MEMBRANE_TERMS)),
        x=np.tile(starts, (cells, 1)),
        hazard=np.zeros((cells, emissions)),
        total=np.zeros((cells, len(TOTALS) + emissions), np.int64),
    )


def more_slots(state: State) -> State:
    """The same cells with room for twice as many vesicles."""
    slots = state.growth.shape[1]
    cells = state.growth.shape[0]

    def wider(array: Any, axis: int) -> Any:
        pad = [(0, 0)] * array.ndim
        pad[axis] = (0, slots)
        return np.pad(array, pad)

    fresh = np.arange(2 * slots - 1, slots - 1, -1, dtype=np.int32)
    # New slots go under the free stack, so that slots already free are taken in the same order as before.
    free = np.concatenate([np.tile(fresh, (cells, 1)), state.free], axis=1)
    return state._replace(
        members=wider(state.members, 2),
        growth=wider(state.growth, 1),
        weight=wider(state.weight, 1),
        lag=wider(state.lag, 1),
        known=wider(state.known, 1),
        born=wider(state.born, 1),
        name=wider(state.name, 1),
        free=free,
        n_free=state.n_free + slots,
    )


def new_output(symbols: Symbols, cells: int, rows: int, *, kind: type = np.int64) -> Output:
    """Room for the recorded quantities; `kind` is float for the mean field."""
    cascade = symbols.cascade
    return Output(
        count=np.zeros((cells, rows, len(symbols.counts)), kind),
        total=np.zeros((cells, rows, len(TOTALS) + len(cascade.emissions)), kind),
        trace=np.zeros((cells, rows, len(symbols.traces))),
        readout=np.zeros((cells, rows, len(cascade.readouts))),
    )


def new_rows(capacity: int) -> Rows:
    """An empty table for `capacity` rows."""
    f, i = np.float64, np.int32
    size = max(capacity, 1)
    return Rows(
        capacity, np.zeros(1, np.int64), np.zeros(size, f), np.zeros(size, i), np.zeros(size, np.int64),
        np.zeros(size, i), np.zeros(size, i), np.zeros(size, i), np.zeros(size, i), np.zeros(size, f), np.zeros(size, f),
    )  # fmt: skip


def more_rows(rows: Rows) -> Rows:
    """The same table with twice the room."""
    bigger = new_rows(2 * max(rows.capacity, 1))
    used = int(rows.used[0])
    for name in Rows._fields[2:]:
        getattr(bigger, name)[:used] = getattr(rows, name)[:used]
    bigger.used[0] = used
    return bigger


def new_scratch(state: State, levels: int) -> Scratch:
    """Working memory of one thread for cells with so many levels."""
    traces = state.x.shape[1]
    own = {name: np.empty_like(getattr(state, name)[0]) for name in Scratch._fields[: Scratch._fields.index("new")]}
    return Scratch(
        **own,
        new=np.empty(traces),
        mid=np.empty(traces),
        work=np.empty((3, max(traces, 2), traces)),
        book=np.empty(2, np.int64),
        levels=np.empty(levels),
        stream=np.empty(1, np.uint64),
    )
