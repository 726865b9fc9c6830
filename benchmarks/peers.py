"""exude and its peers on the common problem, in turn in the same run, each result checked.

    make bench                          # or: python benchmarks/peers.py [--quick]

A figure counts beside its peer's only: ours and a peer's run alternate, and the ratio is the median of the ratios of
such pairs. Every count of every timed run is held against the exact law (common.py, coupled.py): a program with a wrong
result is reported as wrong. Prints one table for single cells and one for the mean field, writes peers.json.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import numpy as np

import common
import coupled
from common import Floats, Problem, Truth
from peers import FieldPeer, Peer

OURS = "ours"
MODULES = (OURS, "bioscrape", "copasi", "rebop", "roadrunner", "gillespy2", "scipy")
FILE = Path(__file__).parent / "peers.json"


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    pairs: int = 7
    seconds: float = 0.7
    problems: tuple[Problem, ...] = common.PROBLEMS
    counted: int = 100
    """Cells over which events are counted."""
    checked: int = 400
    """Fewest cells whose counts are checked; a tenth of it for a slow peer."""


QUICK = Effort(2, 0.2, (common.INDEPENDENT, common.COUPLED_60), 10, 200)


@dataclass(frozen=True)
class Timed:
    """One timed run."""

    wall: float
    cpu: float
    """CPU seconds of this process and its children."""


@dataclass(frozen=True)
class Row:
    """One peer on one form of the problem, beside ours in the same pairs."""

    problem: str
    program: str
    version: str
    protocol: str
    threads: int
    says: str
    """'right', 'WRONG', 'not installed' or why it did not run."""
    ns_per_event: tuple[float, float, float] = (np.nan,) * 3
    """Median, least, most, in CPU time: neighbours on a shared machine disturb it least."""
    ours_ns_per_event: tuple[float, float, float] = (np.nan,) * 3
    ratio: float = np.nan
    cpu_per_wall: float = np.nan
    """Above 1, more than one thread was at work; far below 1, the machine was busy with others."""
    cells: int = 0
    """Cells whose counts were checked."""
    worst_mean: float = np.nan
    worst_variance: float = np.nan
    limit: float = np.nan
    where: str = ""
    load: tuple[float, float] = (np.nan, np.nan)


@dataclass(frozen=True)
class FieldRow:
    """One solver of the mean field, beside ours."""

    program: str
    version: str
    how: str
    says: str
    per_second: tuple[float, float, float] = (np.nan,) * 3
    ratio: float = np.nan
    """Solves per second of ours over its own."""
    error: float = np.nan
    """Largest error, as a share of the species' largest value in that set."""
    load: tuple[float, float] = (np.nan, np.nan)


def timed(action: Callable[[], Floats]) -> tuple[Timed, Floats]:
    """Run once on the clock."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    found = action()
    wall = time.perf_counter() - wall
    return Timed(wall, cpu_seconds() - cpu), found


def cpu_seconds() -> float:
    """CPU time so far of this process and the children it waited for."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def spread(values: list[float]) -> tuple[float, float, float]:
    """Median, least, most."""
    return statistics.median(values), min(values), max(values)


def fit_number(action: Callable[[int], object], seconds: float, first: int) -> int:
    """How many cells (or sets) take about so many seconds; the first call also warms up."""
    action(first)
    number = first
    while True:
        took = timed(lambda n=number: np.asarray(action(n)))[0].cpu
        if took > seconds / 8 or number > 100_000:
            return max(first, round(number * seconds / max(took, 1e-9)))
        number *= 4


def truth(problem: Problem) -> Truth:
    """The exact law of a form."""
    return coupled.truth(problem) if problem.sites else common.poisson_truth(problem)


def all_peers() -> Iterator[Peer]:
    """Stochastic peers, ours left out."""
    for name in MODULES[1:]:
        yield from getattr(import_module(f"peers.{name}"), "PEERS", ())


def all_fields() -> Iterator[FieldPeer]:
    """Mean-field solvers, ours first."""
    for name in MODULES:
        yield from getattr(import_module(f"peers.{name}"), "FIELDS", ())


def compare(ours: Peer, peer: Peer, problem: Problem, effort: Effort) -> list[Row]:
    """Pairs of ours and a peer: its row, and ours as judged in the same pairs."""
    known = (problem.name, peer.program, peer.version, peer.protocol, peer.threads)
    if not peer.version:
        return [Row(*known, "not installed")]
    try:
        programs = (ours.build(problem), peer.build(problem))
        first = 1 if peer.slow else 4
        cells = [fit_number(lambda n, run=run: run(n, 1), effort.seconds, first) for run in programs]
        load, times, counts = os.getloadavg()[0], [], ([], [])
        for pair in range(effort.pairs):
            both = [timed(lambda r=r, n=n, s=pair: r(n, 100 + s)) for r, n in zip(programs, cells, strict=True)]
            times.append([t for t, _ in both])
            for kept, (_, found) in zip(counts, both, strict=True):
                kept.append(found)
        fewest = effort.checked // 10 if peer.slow else effort.checked
        for kept, run in zip(counts, programs, strict=True):
            kept.append(run(max(4, fewest - sum(map(len, kept))), 1000))
    except Exception as problem_met:  # a peer that cannot run is a row, not the end of the benchmark
        return [Row(*known, f"did not run: {problem_met!s:.200}")]
    return rows_of(ours, peer, problem, times, counts, load)


def rows_of(
    ours: Peer, peer: Peer, problem: Problem, times: list[list[Timed]], counts: tuple[list[Floats], ...], load: float
) -> list[Row]:
    """Ours and the peer's row of finished pairs."""
    law = truth(problem)
    events = common.events(problem, law.mean)
    every = [[1e9 * pair[i].cpu / (len(counts[i][0]) * events) for pair in times] for i in range(2)]
    ratio = statistics.median(b / a for a, b in zip(*every, strict=True))
    rows = []
    for i, program in enumerate((ours, peer)):
        judged = np.concatenate(counts[i])
        verdict = common.judge(judged, law)
        busy = statistics.median(pair[i].cpu / pair[i].wall for pair in times)
        rows.append(
            Row(
                problem.name, program.program, program.version, program.protocol, program.threads,
                "right" if verdict.right else "WRONG", spread(every[i]), spread(every[0]), ratio if i else 1.0, busy,
                len(judged), verdict.mean, verdict.variance, verdict.limit, verdict.where, (load, os.getloadavg()[0]),
            )
        )  # fmt: skip
    return rows


def parameter_sets(number: int) -> list[dict[str, float]]:
    """Rates drawn between half and twice the problem's, the same ones every time."""
    random = np.random.default_rng(1)
    names = [name for name in common.RATES if name not in ("K", "n", "kf")]
    drawn = 2.0 ** random.uniform(-1, 1, (number, len(names)))
    return [{n: common.RATES[n] * float(f) for n, f in zip(names, row, strict=True)} for row in drawn]


def compare_fields(ours: FieldPeer, peer: FieldPeer, effort: Effort) -> FieldRow:
    """Pairs of ours and a peer's mean field of the independent form, each against the matrix exponential."""
    known = (peer.program, peer.version, peer.how)
    if not peer.version:
        return FieldRow(*known, "not installed")
    load, few = os.getloadavg()[0], parameter_sets(40)
    exact = np.array([common.exact_mean(common.INDEPENDENT, common.RATES | values) for values in few])
    try:
        solvers = [one.build(common.INDEPENDENT) for one in (ours, peer)]
        error = float((np.abs(solvers[1](few) - exact) / exact.max(axis=1, keepdims=True)).max())
        numbers = [fit_number(lambda n, s=s: s(parameter_sets(n)), effort.seconds, 4) for s in solvers]
        sets = [parameter_sets(n) for n in numbers]
        pairs = [
            [len(x) / timed(lambda s=s, x=x: s(x))[0].cpu for s, x in zip(solvers, sets, strict=True)]
            for _ in range(effort.pairs)
        ]
    except Exception as problem_met:
        return FieldRow(*known, f"did not run: {problem_met!s:.200}")
    ratio = statistics.median(a / b for a, b in pairs)
    says = "right" if error < 1e-4 else "WRONG"
    return FieldRow(*known, says, spread([b for _, b in pairs]), ratio, error, (load, os.getloadavg()[0]))


HEAD = (
    f"{'problem':36}{'program':22}{'calcium protocol':36}{'ns/event (min-max)':>22}{'ours':>7}{'ratio':>7}"
    f"{'max|z| mean, var':>18} {'result':22}{'cells':>7}{'cpu':>6}  load"
)


def line(row: Row) -> str:
    """A row of the printed table."""
    start = f"{row.problem:36}{row.program + ' ' + row.version:22}{row.protocol:36}"
    if not row.cells:
        return f"{start}  {row.says}"
    median, least, most = row.ns_per_event
    cost = f"{median:.0f} ({least:.0f}-{most:.0f})"
    checked = f"{row.says} (limit {row.limit:.1f})"
    return (
        f"{start}{cost:>22}{row.ours_ns_per_event[0]:7.0f}{row.ratio:7.2f}"
        f"{row.worst_mean:10.1f}{row.worst_variance:8.1f} {checked:22}{row.cells:7d}{row.cpu_per_wall:6.2f}"
        f"  {row.load[0]:.1f}-{row.load[1]:.1f}"
    )


def field_line(row: FieldRow) -> str:
    """A row of the mean-field table."""
    start = f"{row.program + ' ' + row.version:26}{row.how:36}"
    if np.isnan(row.error):
        return f"{start}  {row.says}"
    median, least, most = row.per_second
    cost = f"{median:,.0f} ({least:,.0f}-{most:,.0f})"
    return f"{start}{cost:>26}{row.ratio:9.2f}{row.error:12.1e}  {row.says:8}{row.load[0]:.1f}-{row.load[1]:.1f}"


def single_cells(effort: Effort) -> list[Row]:
    """The table of single cells, printed as it grows."""
    (ours,) = import_module(f"peers.{OURS}").PEERS
    print(HEAD, flush=True)
    rows: list[Row] = []
    for problem in effort.problems:
        for peer in all_peers():
            if problem in peer.problems:
                found = compare(ours, peer, problem, effort)
                print("\n".join(line(row) for row in found), flush=True)
                rows += found
    return rows


def mean_fields(effort: Effort) -> list[FieldRow]:
    """The table of mean fields."""
    print(f"\n{'mean field':26}{'how':36}{'solves/s (min-max)':>26}{'ours/it':>9}{'max error':>12}  result  load")
    ours, *others = all_fields()
    rows = []
    for peer in (ours, *others):
        rows.append(compare_fields(ours, peer, effort))
        print(field_line(rows[-1]), flush=True)
    return rows


def counted_events(cells: int) -> dict[str, float]:
    """Events per cell of the independent form: exact, by the formula used for both forms, and counted by a peer."""
    law = truth(common.INDEPENDENT)
    found = {
        "exact": common.exact_events(common.INDEPENDENT),
        "from expected counts": common.events(common.INDEPENDENT, law.mean),
    }
    rebop = import_module("peers.rebop")
    if rebop.PEERS[0].version:
        found["counted by rebop"] = rebop.events(common.INDEPENDENT, cells, 1)
    return found


ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def start_on_one_thread() -> None:
    """Start again where libraries may use more threads: it has to be said before NumPy is loaded."""
    if any(os.environ.get(name) != value for name, value in ONE_THREAD.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | ONE_THREAD)


def main() -> None:
    start_on_one_thread()
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="two short pairs on two forms: does it run at all?")
    parser.add_argument("--out", type=Path, default=FILE, help="where to write the figures")
    given = parser.parse_args()
    effort = QUICK if given.quick else Effort()
    events = counted_events(effort.counted)
    print("events per cell: " + ", ".join(f"{name} {number:,.0f}" for name, number in events.items()) + "\n")
    rows, fields = single_cells(effort), mean_fields(effort)
    machine = {"python": platform.python_version(), "machine": platform.machine(), "cores": os.cpu_count()}
    made = {
        "machine": machine, "pairs": effort.pairs, "seconds per run": effort.seconds, "events per cell": events,
        "false alarm": common.FALSE_ALARM, "cells": [asdict(r) for r in rows], "mean field": [asdict(r) for r in fields],
    }  # fmt: skip
    given.out.write_text(json.dumps(_plain(made), indent=1, allow_nan=False) + "\n", encoding="utf-8")


def _plain(value: object) -> object:
    """What JSON can hold: None for what was not measured."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.6g}")
    return value


if __name__ == "__main__":
    main()
