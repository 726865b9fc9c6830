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
    """Everything cells are between two calls: a row per cell, and a row per vesicle by cell, stage and place in it."""

    count: Ints  # type: ignore[assignment]  # (cell, stage); hides tuple.count, which nobody needs
    growth: NDArray[np.int32]  # (vesicle,)
    weight: Floats  # (vesicle, kind)
    lag: Floats  # (vesicle, kind)
    born: Floats  # (vesicle,)
    name: Ints  # (vesicle,)
    known: NDArray[np.int32]  # (vesicle, 8), or no row where no vesicle was ever read
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


OF_VESICLES = ("growth", "weight", "lag", "born", "name", "known")
"""Parts of a state that have a row per vesicle."""


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
    """Working memory of one thread: one cell's vesicles in slots, its cell-wide quantities, and room to solve."""

    members: NDArray[np.int32]  # (stage, slot)
    free: NDArray[np.int32]  # (slot,)
    growth: NDArray[np.int32]  # (slot,), and so on
    weight: Floats
    lag: Floats
    born: Floats
    name: Ints
    known: NDArray[np.int32]
    x: Floats
    hazard: Floats
    total: Ints
    new: Floats  # (trace,)
    mid: Floats  # (trace,)
    work: Floats  # (3, trace, trace)
    book: Ints  # (3,) free slots, next name, whether only fusions get a row
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


def new_state(symbols: Symbols, starts: Floats, streams: NDArray[np.uint64], begin: float) -> State:
    """Empty cells at time `begin`, calcium at its starting point, each with its own random stream."""
    cells, emissions, kinds = len(streams), len(symbols.cascade.emissions), 2
    return State(
        count=np.zeros((cells, len(symbols.counts)), np.int64),
        growth=np.zeros(0, np.int32),
        weight=np.zeros((0, kinds)),
        lag=np.zeros((0, kinds)),
        born=np.zeros(0),
        name=np.zeros(0, np.int64),
        known=np.zeros((0, 8), np.int32),
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


def room_for(state: State, cells: int, vesicles: int, *, read: bool) -> State:
    """A state like another for so many cells and vesicles, still to be written; `read`: with room for what is known."""
    made = {name: _room(array, vesicles if name in OF_VESICLES else cells) for name, array in state._asdict().items()}
    # Vesicles of cells that were not read have rows that nobody writes: they must not hold chance numbers.
    made["known"] = np.zeros_like(made["known"][: vesicles if read else 0])
    return State(**made)


def with_rows(state: State, rows: int, used: int) -> State:
    """The same cells with so many rows for vesicles, of which the first `used` are kept."""
    bigger = room_for(state, 0, rows, read=len(state.known) > 0)
    for name in OF_VESICLES:
        getattr(bigger, name)[:used] = getattr(state, name)[:used]
    return state._replace(**{name: getattr(bigger, name) for name in OF_VESICLES})


def _room(like: NDArray[Any], rows: int) -> NDArray[Any]:
    return np.empty((rows, *like.shape[1:]), like.dtype)


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


def new_scratch(state: State, slots: int, levels: int, *, only_fusions: bool) -> Scratch:
    """Working memory of one thread for cells with so many vesicles at most, and so many levels."""
    stages, traces = state.count.shape[1], state.x.shape[1]
    of_vesicles = {name: _room(getattr(state, name), slots) for name in OF_VESICLES}
    return Scratch(
        members=np.empty((stages, slots), np.int32),
        free=np.empty(slots, np.int32),
        **of_vesicles,
        x=np.empty(traces),
        hazard=np.empty(state.hazard.shape[1]),
        total=np.empty(state.total.shape[1], np.int64),
        new=np.empty(traces),
        mid=np.empty(traces),
        work=np.empty((3, max(traces, 2), traces)),
        book=np.array([0, 0, int(only_fusions)]),
        levels=np.empty(levels),
        stream=np.empty(1, np.uint64),
    )
