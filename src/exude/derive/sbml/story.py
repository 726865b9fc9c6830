"""What a file tells beside the network: values, where everything starts, what changes when, and whence it comes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exude.catalog.schema import Parameter
from exude.derive.network import Network

SLOPE = "calcium_slope"
"""Symbol of the slope of a given calcium curve."""


@dataclass(frozen=True)
class Change:
    """New values at one time (s): levels, and of a given calcium curve its value and slope."""

    time: float
    values: Mapping[str, float]
    says: str = ""


@dataclass(frozen=True)
class About:
    """Where a file comes from, in words."""

    title: str
    """The experiment in a line: 'MDA-MB-231: ionomycin 5 uM at 5 min'."""
    whence: str
    """Program, experiment, mechanism, times, in sentences."""
    duration: float
    things: tuple[str, ...] = ()
    """Line and drugs by their names in the catalogue; none in a model that is not the catalogue's cell."""
    notes: tuple[str, ...] = ()
    """Further paragraphs: what is exact, what is a closure and how large its error is."""


@dataclass(frozen=True)
class Story:
    """All that is in a file, in internal units; time 0 is the start of the run."""

    network: Network
    values: Mapping[str, float]
    """Parameters, and levels at time 0."""
    starts: Mapping[str, float]
    """Pools and traces at time 0."""
    about: About
    changes: tuple[Change, ...] = ()
    slope: float | None = None
    """Slope of a given calcium curve at time 0 (uM/s); None where calcium follows its equations or only jumps."""
    origins: Mapping[str, Parameter] = field(default_factory=dict)
    """Parameters that are the catalogue's own; those of a declared model have no origin there."""

    @property
    def changing(self) -> frozenset[str]:
        """Symbols that some change sets."""
        return frozenset(symbol for change in self.changes for symbol in change.values)
