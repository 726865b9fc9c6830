"""A small, fast cell on which kernel, twin and mean field are compared; its numbers are chosen here, not measured.

It lives 3 h instead of days, crowds its docking sites, merges MVBs, holds back those that have not grown, and its
calcium, budding and transport change while it lives. No result depends on the catalogue's values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from exude.cascade import CELL
from exude.catalog import read
from exude.engine import layout, vesicles
from exude.engine.layout import TOTALS, Timeline
from exude.experiment.protocol import LEVELS, PLACE, Numbers
from exude.experiment.simulate import cell_symbols
from exude.model import RELEASED, Cascade
from twin import Piece, Record, Row, Twin

MINUTE = 60.0
PER_MINUTE = {
    "k_birth": 0.35, "k_grow": 0.5, "k_merge": 0.012, "k_mature": 0.15, "k_loss_immature": 0.012,
    "k_loss_travelling": 0.01, "k_loss_peripheral": 0.02, "k_transport": 0.08, "k_dock": 0.25, "k_undock": 0.02,
    "k_prime": 0.1, "k_deprime": 0.02, "k_spontaneous": 0.015, "k_trigger": 0.6, "k_syt7": 0.004, "k_bud": 0.06,
    "k_back": 0.04, "k_shed_rest": 0.05, "k_shed_calcium": 0.5,
}  # fmt: skip
PLAIN = {
    "grow_without": 0.3, "half_growth": 3.0, "half_mature": 3.0, "docking_sites": 7.0, "half_cttn": 1.0,
    "half_prime": 0.5, "prime_without": 0.2, "half_trigger": 12.0, "hill_trigger": 4.0, "munc13_4_copies": 60.0,
    "copies_per_mvb": 8.0, "half_c2a": 0.5, "half_c2b": 0.6, "hill_c2a": 2.0, "hill_c2b": 2.6, "half_rab11": 1.0,
    "half_snare": 0.3, "half_syt7": 2.0, "kd_syt7": 0.8, "hill_syt7": 2.0, "rab27a_share": 0.7, "acid_share": 0.5,
    "patches_at_birth": 5.0, "patches_per_growth": 2.0, "ilv_diameter": 0.06, "ceramide_share": 0.3, "half_escrt": 0.5,
    "half_smpd3": 2.0, "mt1_mmp_per_growth": 4.0, "mt1_mmp_rab8_share": 0.25, "half_shed": 0.8, "hill_shed": 3.0,
    "need_c2a": 1.0, "need_c2b": 1.0, "need_anxa6": 0.0, "need_microdomain": 0.0, "need_munc13_4_lysosome": 0.0,
}  # fmt: skip
CURVE = ((0.0, 0.1), (60.0, 0.1), (61.0, 1.2), (75.0, 1.2), (80.0, 0.15), (180.0, 0.15))
"""Calcium: time in min, uM."""
FINE = 5.0
"""Seconds over which the twin holds calcium constant on a slope."""


@dataclass(frozen=True)
class Small:
    """One experiment on the small cell. Times in min."""

    numbers: Mapping[str, float] = field(default_factory=dict)
    """Parameters that differ, internal units."""
    outputs: tuple[float, ...] = (60.0, 66.0, 100.0, 180.0)
    snapshots: tuple[float, ...] = ()
    curve: tuple[tuple[float, float], ...] = CURVE
    changes: tuple[tuple[float, Mapping[str, float]], ...] = ((95.0, {"HGS": 0.2, "SMPD3": 0.1, "microtubules": 0.5}),)
    """From when on which levels are multiplied."""

    @property
    def values(self) -> Numbers:
        fast = {name: rate / MINUTE for name, rate in PER_MINUTE.items()}
        return Numbers.default().but(**fast, **PLAIN).but(**self.numbers)

    @property
    def segments(self) -> list[dict[str, float]]:
        """Levels in each segment."""
        levels = {level.symbol: level.normal for level in CELL.levels}
        return [
            levels,
            *({name: v * change.get(name, 1.0) for name, v in levels.items()} for _, change in self.changes),
        ]

    def timeline(self) -> Timeline:
        starts = [0.0, *(at for at, _ in self.changes)]
        borders = sorted({*self.outputs, *self.snapshots, *starts[1:]})
        begins = np.array([0.0, *borders[:-1]])
        multiply = np.ones((len(starts), len(LEVELS)))
        for row, (_, change) in enumerate(self.changes, 1):
            for name, factor in change.items():
                multiply[row, PLACE[name]] = factor
        return Timeline(
            begin=np.zeros(1),
            first=np.array([0, len(borders)]),
            end=np.array(borders) * MINUTE,
            segment=(np.searchsorted(starts, begins, side="right") - 1).astype(np.int64),
            starts=np.isin(begins, starts).astype(np.int64),
            output=np.array([self.outputs.index(t) if t in self.outputs else -1 for t in borders], np.int64),
            snapshot=np.isin(borders, self.snapshots).astype(np.int64),
            multiply=multiply,
            add=np.zeros_like(multiply),
            given_at=np.array([t for t, _ in self.curve]) * MINUTE,
            given=np.array([c for _, c in self.curve]),
            log_moves=0,
        )

    def job(self, seed: int) -> vesicles.Job:
        symbols = cell_symbols()
        normal = np.array([level.normal for level in CELL.levels])
        return vesicles.Job(
            symbols=symbols,
            parameters=self.values.vector(symbols),
            timeline=self.timeline(),
            numerics=layout.numerics_of(read.numerics(), symbols),
            rows=len(self.outputs),
            log_events=True,
            seed=seed,
            levels=lambda cells: np.tile(normal, (len(cells), 1)),
            starts=np.array([self.values[trace.start] for trace in CELL.traces]),
        )

    def twin(self) -> Twin:
        starts = [at for at, _ in self.changes]
        stops = sorted({*self.outputs, *self.snapshots, *starts})
        pieces, t = [], 0.0
        times, values = (np.array(column) for column in zip(*self.curve, strict=True))
        for stop in stops:
            segment = sum(at <= t for at in starts)
            knots = [k for k in times if t < k < stop]
            for end in [*knots, stop]:
                first, last = np.interp([t, end], times, values)
                number = 1 if first == last else max(1, round((end - t) * MINUTE / FINE))
                for i in range(number):
                    calcium = float(first + (last - first) * (i + 0.5) / number)
                    pieces.append(Piece((t + (end - t) * (i + 1) / number) * MINUTE, calcium, segment))
                t = end
            pieces[-1] = replace(
                pieces[-1], end=stop * MINUTE, output=stop in self.outputs, snapshot=stop in self.snapshots
            )
        return Twin(CELL, self.values.values, self.segments, pieces)


Sample = dict[str, NDArray[np.float64]]
MARKS = ("ilv", "cargo", "growth", "age", "diameter")


@dataclass(frozen=True)
class Seen:
    """What a simulator recorded: counts (cell, output, stage), totals (cell, output, total), and tables of vesicles."""

    cascade: Cascade
    outputs: Sequence[float]
    counts: NDArray
    totals: NDArray
    events: Mapping[str, NDArray]
    """Columns; `what` is 1 where a vesicle was released and 0 where it was degraded."""
    reads: Mapping[str, NDArray]


def of_kernel(small: Small, cells: int, seed: int) -> Sample:
    """Observables of kernel cells, one value per cell."""
    block = vesicles.run_chunk(small.job(seed), np.arange(cells, dtype=np.int64))
    return of_block(small, block)


def of_block(small: Small, block: vesicles.Block) -> Sample:
    events, reads = (columns_of(rows) for rows in (block.events, block.reads))
    events["what"] = released(CELL, events["what"])
    seen = Seen(CELL, small.outputs, np.asarray(block.output.count), np.asarray(block.output.total), events, reads)
    return observables(seen)


def columns_of(rows: layout.Rows) -> dict[str, NDArray]:
    """The used part of a table of the kernel."""
    return {name: getattr(rows, name)[: int(rows.used[0])] for name in ("cell", "vesicle", "what", *MARKS)}


def released(cascade: Cascade, what: NDArray) -> NDArray:
    """Whether events, numbered as declared, released their vesicle."""
    return np.array([t.target == RELEASED for t in cascade.life_cycle.transitions])[what.astype(int)]


def of_twin(small: Small, records: Sequence[Record]) -> Sample:
    """Observables of twin cells, one value per cell."""
    return observables(of_records(CELL, small.outputs, records))


def of_records(cascade: Cascade, outputs: Sequence[float], records: Sequence[Record]) -> Seen:
    """What the twin recorded of a declared model."""
    ways = [t.name for t in cascade.life_cycle.transitions if t.target == RELEASED]
    events = _columns([row for record in records for row in record.events])
    events["what"] = np.isin(events["what"], ways)
    return Seen(
        cascade,
        outputs,
        np.array([record.counts for record in records]),
        np.array([record.totals for record in records]),
        events,
        _columns([row for record in records for row in record.reads]),
    )


def _columns(rows: Sequence[Row]) -> dict[str, NDArray]:
    return {name: np.array([getattr(row, name) for row in rows]) for name in ("cell", "vesicle", "what", *MARKS)}


def observables(seen: Seen) -> Sample:
    """One value per cell of everything that is compared."""
    cells = seen.counts.shape[0]
    found: Sample = {}
    for row, time in enumerate(seen.outputs):
        for i, stage in enumerate(seen.cascade.life_cycle.stages):
            found[f"{stage} at {time:g} min"] = seen.counts[:, row, i].astype(float)
        for i, name in enumerate((*TOTALS, *(e.name for e in seen.cascade.emissions))):
            found[f"{name} until {time:g} min"] = seen.totals[:, row, i].astype(float)
    gone = seen.events["what"].astype(bool)
    for fate, chosen in (("released", gone), ("degraded", ~gone)):
        found |= _sums(fate, seen.events, chosen, cells)
    if len(seen.reads["cell"]):
        found |= _sums("read", seen.reads, np.ones(len(seen.reads["cell"]), bool), cells)
        found |= _across(seen.events, seen.reads, cells)
    return found


def _sums(label: str, table: Mapping, chosen: NDArray, cells: int) -> Sample:
    """Per cell: sums of marks, of their squares and of ILVs times cargo over its vesicles."""
    cell = table["cell"][chosen].astype(np.int64)
    marks = {name: table[name][chosen].astype(float) for name in MARKS}
    marks |= {f"{name} squared": marks[name] ** 2 for name in MARKS}
    marks["ilv times cargo"] = marks["ilv"] * marks["cargo"]
    return {f"{label} {name}": np.bincount(cell, weights=value, minlength=cells) for name, value in marks.items()}


def _across(events: Mapping, reads: Mapping, cells: int) -> Sample:
    """Per cell: ILVs (cargo) of a vesicle when read, times those when it left, summed over vesicles that did both."""
    earlier = {(c, v): k for k, (c, v) in enumerate(zip(reads["cell"], reads["vesicle"], strict=True))}
    both = [
        (earlier[key], k) for k, key in enumerate(zip(events["cell"], events["vesicle"], strict=True)) if key in earlier
    ]
    before, after = np.array(both, np.int64).T
    cell = events["cell"][after].astype(np.int64)
    return {
        f"{name} read times {name} on leaving": np.bincount(
            cell, weights=reads[name][before].astype(float) * events[name][after], minlength=cells
        )
        for name in ("ilv", "cargo")
    }


OFF = {"HGS": 0.0, "PDCD6IP": 0.0, "SMPD3": 0.0}
CASES = {
    # Crowded docking sites, mergers, gate, calcium up and down, all vesicles read at 70 min, budding lowered at 95 min.
    "crowded": Small(snapshots=(70.0,)),
    # No ILV fuses back; read while calcium is high.
    "one-way": Small({"k_back": 0.0, "k_merge": 0.0}, snapshots=(70.0,), changes=()),
    # Budding stops for good at 95 min, so that ILVs only fuse back; read twice.
    "budding-stops": Small(snapshots=(70.0, 120.0), changes=((100.0, OFF),)),
    # Few copies of Munc13-4 for many primed vesicles; levels change twice; nothing is read.
    "few-copies": Small(
        {"munc13_4_copies": 20.0, "docking_sites": 20.0, "k_undock": 0.0},
        changes=((50.0, {"UNC13D": 2.0, "RAB7A": 0.3}), (120.0, {"CTTN": 0.3, "HGS": 3.0, "RAB11A": 0.4})),
    ),
    # One site and no gate to speak of, many births.
    "one-site": Small({"docking_sites": 1.0, "half_mature": 1e-6, "k_birth": 1.0 / MINUTE}, snapshots=(60.0,)),
}
PAIRS = (
    ("exosomes until 180 min", "exosomal_cargo until 180 min"),
    ("exosomes until 180 min", "fusions until 180 min"),
    ("exosomes until 180 min", "ilvs_degraded until 180 min"),
    ("exosomes until 66 min", "exosomes until 180 min"),
    ("docked at 180 min", "primed at 180 min"),
    ("peripheral at 180 min", "docked at 180 min"),
)


@cache
def twin_cells(case: str, cells: int) -> tuple[Record, ...]:
    """Cells of the slow twin in one of the cases."""
    return tuple(CASES[case].twin().run(cells, seed=20180618))


@cache
def twin_sample(case: str, cells: int) -> Sample:
    return of_twin(CASES[case], twin_cells(case, cells))
