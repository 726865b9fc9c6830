"""Events at exactly a border of two steps: once, and on the right side of it.

Births come at 1/64 per second and the first unit exponential is 1, so the first birth is due at 64 s to the bit. Once
an output lies there, once calcium jumps there (and halves the rate of birth from then on).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from exude.engine import layout, lives, streams
from exude.engine.job import Block, Job
from exude.experiment import declared
from exude.model import BORN, RELEASED, Cascade, Chapter, LifeCycle, Trace, Transition
from proof.judge import Check, exactly
from proof.models import LOOPS, Floats

BORDER = 64.0
"""Seconds."""
SOON = BORDER + 2.0**-10
"""So soon after the border that no second birth has come."""
PARTS = (
    Transition("birth", BORN, "young", "kb * calcium / K"),
    Transition("docking", "young", "docked", "kf"),
    Transition("fusion", "docked", RELEASED, "kf"),
)
MODEL = Cascade(
    (Chapter("border", traces=(Trace("calcium", "uM"),), life_cycle=LifeCycle("MVB", ("young", "docked"), PARTS)),)
)
NUMBERS = {"kb": 1 / BORDER, "K": 1.0, "kf": 1e-9}
UNITS = {"kb": "item/s", "K": "uM", "kf": "1/s"}


@dataclass(frozen=True)
class Cases:
    """Births of every cell at the outputs; column by column what `OUTPUTS` says."""

    at_output: Floats
    at_jump: Floats


@cache
def _made(jump: bool) -> Job:
    made = declared.declare(MODEL, {name: f"{value!r} {UNITS[name]}" for name, value in NUMBERS.items()})
    after = 0.5 if jump else 1.0
    curve = [("0 s", "1 uM"), (f"{BORDER} s", "1 uM"), (f"{BORDER} s", f"{after} uM"), ("200 s", f"{after} uM")]
    job = declared.job_of(made, curve, "200 s", "200 s", 9)
    ends = np.array([32.0, SOON, 200.0] if jump else [BORDER, SOON, 200.0])
    line = job.timeline._replace(
        begin=np.zeros(1), first=np.array([0, 3]), end=ends, segment=np.zeros(3, np.int64),
        starts=np.array([1, 0, 0]), output=np.arange(3), snapshot=np.zeros(3, np.int64),
    )  # fmt: skip
    return replace(job, timeline=line, rows=3)


def _due(job: Job, loop: str, cells: np.ndarray) -> object:
    """Cells in which the first birth is due at the border."""
    if loop == "lives":
        state = lives._new_state(job, cells)
        state.birth[:] = 0.0, 1.0, 1 / BORDER
        return state
    first = streams.cell_streams(job.seed, cells)
    fresh = layout.new_state(job.symbols, job.starts, first, 0.0)
    fresh.carry[:] = 1.0
    return fresh


def run(loop: str, number: int) -> Cases:
    cells = np.arange(number, dtype=np.int64)

    def births(jump: bool) -> Floats:
        job = _made(jump)
        block: Block = LOOPS[loop](job, cells, _due(job, loop, cells))
        return np.asarray(block.output.total[:, :, 0], float)

    return Cases(births(False), births(True))


def checks(found: Cases) -> Iterator[Check]:
    """No birth up to the border, one birth soon after it, in every cell."""
    for what, births in (("an output", found.at_output), ("a jump of calcium", found.at_jump)):
        yield exactly(f"birth at {what}: not before it", bool((births[:, 0] == 0).all()))
        yield exactly(f"birth at {what}: once", bool((births[:, 1] == 1).all()))
        yield exactly(f"births after {what} go on", bool((births[:, 2] > 1).any()))
