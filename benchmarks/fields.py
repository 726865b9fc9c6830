"""Speed of the fields beside pyphysicell, results compared in the same run.

    python benchmarks/fields.py [--quick]

Implicit diffusion and decay: D = 1e5 um2/min, decay 0.1 /min, dt 0.01 min, h = 20 um, no flux, a smooth start. Both
programs on one thread, in turn, processor seconds of this process, medians; a pair's ratio is taken within the pair.
pyphysicell's kernel is driven through its own `Microenvironment.step` (which adds no Python work per voxel).
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from exude.engine.fields import FACES, Diffuser, Grid, new_field, new_fields, steady

os.environ.setdefault("PHYSICELL_THREADS", "1")  # read by its thread pool when first used
MINUTE = 60.0
DIFFUSION, DECAY, STEP, SPACING = 1e5, 0.1, 0.01, 20.0
"""um2/min, 1/min, min, um."""
PROBLEMS = (((128, 128, 128), 1), ((100, 100, 100), 4), ((1, 200, 200), 1))
"""Voxels along z, y, x, and fields."""
PAIRS, VOXELS = 7, 4_000_000
"""Pairs of timings; voxel updates per timing, at least."""


@dataclass(frozen=True)
class Row:
    """One problem: million voxel updates per processor second and, where there is a peer, how much faster."""

    what: str
    ours: float
    peer: float | None = None
    ratio: float | None = None
    ratios: tuple[float, ...] = ()
    off: float | None = None
    """Largest relative difference of the results."""


def start(shape: tuple[int, int, int], field: int) -> np.ndarray:
    """A smooth field between 0.5 and 1.5, different for each number."""
    parts = [np.cos(math.pi * (field + 1) * (np.arange(n) + 0.5) / n) for n in shape]
    return 1.0 + 0.5 * parts[0][:, None, None] * parts[1][:, None] * parts[2]


def seconds(action: Callable[[], object], times: int) -> float:
    began = time.process_time()
    for _ in range(times):
        action()
    return (time.process_time() - began) / times


def diffuser(shape: tuple[int, int, int], **more: Any) -> Diffuser:
    diffusion = more.pop("diffusion", DIFFUSION / MINUTE)
    return Diffuser(Grid(shape, SPACING), diffusion, DECAY / MINUTE, STEP * MINUTE, **more)


def peer(shape: tuple[int, int, int], fields: int) -> Any:
    """pyphysicell's microenvironment of the problem, or None where it is not installed."""
    try:
        from pyphysicell import model, state
    except ImportError:
        return None
    nz, ny, nx = shape
    box = model.Domain(0, nx * SPACING, 0, ny * SPACING, 0, nz * SPACING, SPACING, SPACING, SPACING, nz == 1)
    given = model.Model(domain=box, substrates=[model.Substrate(str(i), DIFFUSION, DECAY) for i in range(fields)])
    made = state.Microenvironment(given)
    for i in range(fields):
        made.density[..., i] = start(shape, i)
    return made


def beside(shape: tuple[int, int, int], fields: int, pairs: int) -> Row:
    """Ours and the peer's in turn; results compared after equal numbers of steps."""
    ours, mine = diffuser(shape), new_fields(Grid(shape, SPACING), fields)
    for i in range(fields):
        mine[i] = start(shape, i)
    theirs = peer(shape, fields)
    cells = math.prod(shape) * fields
    times = max(1, VOXELS // cells)
    ours.steps(mine)
    spent: list[tuple[float, float]] = []
    if theirs is not None:
        theirs.step(STEP)
    for _ in range(pairs):
        own = seconds(lambda: ours.steps(mine), times)
        other = seconds(lambda: theirs.step(STEP), times) if theirs is not None else math.nan
        spent.append((own, other))
    what = f"{' x '.join(str(n) for n in shape[::-1])}, {fields} field{'s' * (fields > 1)}"
    own = cells / statistics.median(s[0] for s in spent) / 1e6
    if theirs is None:
        return Row(what, own)
    ratios = tuple(other / mine for mine, other in spent)
    off = max(float(np.abs(mine[i] / theirs.density[..., i] - 1.0).max()) for i in range(fields))
    rate = cells / statistics.median(s[1] for s in spent) / 1e6
    return Row(what, own, rate, statistics.median(ratios), ratios, off)


def against_constant(what: str, shape: tuple[int, int, int], pairs: int, **more: Any) -> Row:
    """A harder step against the plain one, in turn: rate, and how many times slower (as `ratio`)."""
    grid = Grid(shape, SPACING)
    plain, other, field = diffuser(shape), diffuser(shape, **more), new_field(grid)
    field[...] = start(shape, 0)
    times = max(1, VOXELS // math.prod(shape))
    plain.step(field)
    other.step(field)
    spent = [
        (seconds(lambda: plain.step(field), times), seconds(lambda: other.step(field), times)) for _ in range(pairs)
    ]
    ratios = tuple(b / a for a, b in spent)
    rate = math.prod(shape) / statistics.median(s[1] for s in spent) / 1e6
    return Row(what, rate, None, statistics.median(ratios), ratios)


def rest(shape: tuple[int, int, int]) -> tuple[int, float, int, float]:
    """Oxygen around a ball that consumes it: rounds and seconds from a full box, and again after 1 % more loss."""
    grid = Grid(shape, SPACING)
    x, y, z = (c - c.mean() for c in grid.centres())
    ball = (z**2)[:, None, None] + (y**2)[:, None] + x**2 < (0.3 * grid.size[0]) ** 2
    field, faces, found = new_field(grid, 1.0), dict.fromkeys(FACES, 1.0), []
    for loss in (0.05, 0.0505):
        began = time.process_time()
        rounds = steady(grid, DIFFUSION / MINUTE, 0.0, field, loss=loss * ball, fixed=faces, error=1e-6)
        found += [rounds, time.process_time() - began]
    return found[0], found[1], found[2], found[3]


def figures(pairs: int = PAIRS) -> dict[str, Any]:
    """All figures of this file, by name."""
    shape = (128, 128, 128)
    rng = np.random.default_rng(1)
    varied = DIFFUSION / MINUTE * rng.uniform(0.2, 1.0, shape)
    load = [os.getloadavg()[0]]
    rows = [beside(shape, fields, pairs) for shape, fields in PROBLEMS]
    more = [
        against_constant("128^3, place-dependent D, against constant", shape, pairs, diffusion=varied),
        against_constant("128^3, with loss per voxel too", shape, pairs, diffusion=varied, loss=rng.random(shape)),
        against_constant("128^3, second order in time", shape, pairs, order=2),
    ]
    load.append(os.getloadavg()[0])
    return {"peer": rows, "constant": more, "rest of oxygen, 100^3": rest((100, 100, 100)), "load": load}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    found = figures(3 if parser.parse_args().quick else PAIRS)
    print(f"{'problem':44s} {'M/s':>6s} {'pyphysicell':>12s} {'times':>6s} {'from .. to':>14s} {'difference':>11s}")
    for row in found["peer"] + found["constant"]:
        theirs = f"{row.peer:12.1f}" if row.peer else " " * 12
        times = f"{row.ratio:6.2f} {min(row.ratios):6.2f} ..{max(row.ratios):5.2f}" if row.ratio else " " * 21
        off = f"{row.off:11.1e}" if row.off is not None else ""
        print(f"{row.what:44s} {row.ours:6.0f} {theirs} {times} {off}")
    first, took, second, again = found["rest of oxygen, 100^3"]
    print(f"oxygen at rest, 100^3: {first} rounds, {took:.2f} s; after 1 % more loss {second} rounds, {again:.2f} s")
    print(f"load {found['load'][0]:.1f} to {found['load'][1]:.1f}; one thread, processor seconds, medians")


if __name__ == "__main__":
    main()
