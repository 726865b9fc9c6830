"""Counter-based random numbers: every cell its own stretch of one sequence, whatever the thread or chunk."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
WORD = 2**64 - 1
CELL_SHIFT = np.uint64(36)
"""A cell has 2^36 draws before it would reach the next cell's stretch; 2^28 cells fit."""


class Purpose(IntEnum):
    """What numbered cells draw for. Assays have numbers of their own (`purpose` of each), fits and studies from 1000."""

    VESICLES = 0
    LEVELS = 1
    COINS = 11
    """Which daughter takes an MVB."""
    NUMBER = 12
    """How many fusions of a cell in a window, about the mean field; turn: the window."""
    SIZE = 13
    """When and how large one of them is; turn: window and fusion."""
    BURST = 21
    """The spot of a fusion; turn: the step."""
    LIFE = 22
    CYCLE = 23
    FOUNDERS = 24
    EVENT = 26
    """When events happen to a cell; turn: 0 at first, then one more than the step of the last time."""
    BOND = 27
    """Whom a cell binds, when it lets go and how often it hits; turn: the step (and the bond)."""
    ARRIVE = 28
    """How many cells come in at a place; numbered are voxels; turn: the window and the arrival."""
    ENTER = 29
    """Where in its voxel a cell comes in, and how far through its cycle it is."""
    SPOT = 25
    """Where invadopodia are; turn: how often they have moved."""
    PLACE = 30
    VESSEL = 31
    """Where vessels run; numbered are vessels."""
    WALK = 101
    STAND = 102
    DIVIDE = 103
    BODY = 201
    """What happens in compartments; numbered are bodies, not cells."""
    COLONY = 202
    """When in an interval a colony began."""
    MEMBER = 203
    """Parameters of a member of a cohort."""


def _mix(z: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return z ^ (z >> np.uint64(31))


def _mix_one(z: int) -> int:
    """`_mix` of one number: whole numbers of Python take a tenth of the time of an array of one."""
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & WORD
    return z ^ (z >> 31)


def key(seed: int, purpose: int, turn: int = 0) -> np.uint64:
    """A 64-bit key of a seed for one purpose (a `Purpose`, an assay), and for the times it draws anew."""
    step = int(GOLDEN)
    first = _mix_one((seed + step * (purpose + 1)) & WORD)
    return np.uint64(first if turn == 0 else _mix_one((first + step * turn) & WORD))


def cell_streams(seed: int, cells: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Starting states of the vesicle streams of the numbered cells."""
    return stretches(seed, Purpose.VESICLES, cells)


def stretches(seed: int, purpose: int, numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Starting states of the streams of numbered things, each with a stretch of 2^36 draws of its own."""
    with np.errstate(over="ignore"):
        return key(seed, purpose) + (numbers.astype(np.uint64) << CELL_SHIFT) * GOLDEN


def uniforms(seed: int, purpose: int, cells: NDArray[np.int64], columns: int, turn: int = 0) -> NDArray[np.float64]:
    """Uniform numbers in (0, 1), one row per numbered cell: the same row for the same cell in any chunk."""
    with np.errstate(over="ignore"):
        place = cells.astype(np.uint64)[:, None] * np.uint64(columns) + np.arange(columns, dtype=np.uint64)[None, :]
        bits = _mix(key(seed, purpose, turn) + place * GOLDEN)
    return ((bits >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52


def generator(seed: int, purpose: int) -> np.random.Generator:
    """A NumPy generator for noise that is drawn once per run (assays)."""
    return np.random.Generator(np.random.Philox(key=[int(key(seed, purpose)), purpose]))
