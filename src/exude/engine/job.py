"""What an engine is asked to run, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from exude.derive.symbols import Symbols
from exude.engine.layout import Floats, Ints, Numerics, Output, Rows, Timeline

DONE, POOL_FULL, LOG_FULL, TABLE_FULL = range(4)
"""Why a kernel returned."""


@dataclass(frozen=True)
class Job:
    """What to run, for all cells."""

    symbols: Symbols
    parameters: Floats
    timeline: Timeline
    numerics: Numerics
    rows: int
    log_events: bool
    seed: int
    levels: Callable[[Ints], Floats]
    """Levels of the numbered cells, (cell, level)."""
    starts: Floats


@dataclass(frozen=True)
class Block:
    """Finished cells."""

    cells: Ints
    levels: Floats
    """Levels they began with, (cell, level)."""
    output: Output
    events: Rows
    reads: Rows
    state: Any
    """What the same engine goes on from."""
