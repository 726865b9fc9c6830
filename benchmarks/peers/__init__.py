"""Other programs that simulate the common problem, each behind the same two questions.

A `Peer` builds its model once, outside the timed part, and then runs cells; a `FieldPeer` solves the mean field for a
list of parameter sets. A peer is written in the fastest form that its own documentation offers and that is right.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata

from common import Floats, Problem

Runner = Callable[[int, int], Floats]
"""(cells, seed) -> counts (cell, 145, 5) of I, M, D, P, X."""
Solver = Callable[[Sequence[Mapping[str, float]]], Floats]
"""Parameter sets (name -> value, min and items) -> expected counts (set, 145, 5)."""


@dataclass(frozen=True)
class Peer:
    """One program in one form."""

    program: str
    distribution: str
    protocol: str
    """How calcium gets in."""
    build: Callable[[Problem], Runner]
    problems: tuple[Problem, ...]
    """What it can express."""
    slow: bool = False
    """So slow that a full check of its result does not fit into a benchmark."""
    threads: int = 1

    @property
    def version(self) -> str:
        """The installed version, or '' where it is not installed."""
        return version(self.distribution)


@dataclass(frozen=True)
class FieldPeer:
    """One program that solves the mean field of the independent form."""

    program: str
    distribution: str
    how: str
    build: Callable[[Problem], Solver]
    threads: int = 1

    @property
    def version(self) -> str:
        """The installed version, or '' where it is not installed."""
        return version(self.distribution)


def version(distribution: str) -> str:
    """Version of an installed distribution, '' without one."""
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return ""
