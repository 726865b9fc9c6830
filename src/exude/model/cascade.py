"""Chapters, and the cascade that they make together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from exude.model.cell import Definition, Emission, Level, LifeCycle, Trace
from exude.model.space import Arrival, Behaviour, Bond, Deposit, Event, Field, Kind, Pool, Reaction, Release


@dataclass(frozen=True)
class Hypothesis:
    """A rival mechanism, as data: parameters that differ from the default mechanism."""

    name: str
    says: str
    values: Mapping[str, float] = field(default_factory=dict)
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Chapter:
    """What one chapter of the story adds."""

    name: str
    levels: tuple[Level, ...] = ()
    definitions: tuple[Definition, ...] = ()
    traces: tuple[Trace, ...] = ()
    life_cycle: LifeCycle | None = None
    emissions: tuple[Emission, ...] = ()
    readouts: tuple[str, ...] = ()
    """Definitions that a run records at its output times."""
    hypotheses: tuple[Hypothesis, ...] = ()
    fields: tuple[Field, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    pools: tuple[Pool, ...] = ()
    deposits: tuple[Deposit, ...] = ()
    releases: tuple[Release, ...] = ()
    kinds: tuple[Kind, ...] = ()
    behaviours: tuple[Behaviour, ...] = ()
    events: tuple[Event, ...] = ()
    bonds: tuple[Bond, ...] = ()
    arrivals: tuple[Arrival, ...] = ()


@dataclass(frozen=True)
class Cascade:
    """Chapters put together: the whole declared model."""

    chapters: tuple[Chapter, ...]

    @property
    def levels(self) -> tuple[Level, ...]:
        """Levels of all chapters, in order."""
        return tuple(level for chapter in self.chapters for level in chapter.levels)

    @property
    def definitions(self) -> tuple[Definition, ...]:
        """Definitions of all chapters, in order."""
        return tuple(d for chapter in self.chapters for d in chapter.definitions)

    @property
    def traces(self) -> tuple[Trace, ...]:
        """Traces of all chapters, in order."""
        return tuple(trace for chapter in self.chapters for trace in chapter.traces)

    @property
    def hypotheses(self) -> tuple[Hypothesis, ...]:
        """Rival mechanisms of all chapters, the default first."""
        return tuple(h for chapter in self.chapters for h in chapter.hypotheses)

    @property
    def emissions(self) -> tuple[Emission, ...]:
        """Particle streams of all chapters."""
        return tuple(e for chapter in self.chapters for e in chapter.emissions)

    @property
    def readouts(self) -> tuple[str, ...]:
        """Recorded definitions of all chapters."""
        return tuple(r for chapter in self.chapters for r in chapter.readouts)

    @property
    def life_cycle(self) -> LifeCycle:
        """The one life cycle of the cascade."""
        (cycle,) = (chapter.life_cycle for chapter in self.chapters if chapter.life_cycle is not None)
        return cycle

    @property
    def fields(self) -> tuple[Field, ...]:
        """Fields of all chapters, in order."""
        return tuple(f for chapter in self.chapters for f in chapter.fields)

    @property
    def reactions(self) -> tuple[Reaction, ...]:
        """Reactions of all chapters, in order."""
        return tuple(r for chapter in self.chapters for r in chapter.reactions)

    @property
    def pools(self) -> tuple[Pool, ...]:
        """Pools of cells in space."""
        return tuple(p for chapter in self.chapters for p in chapter.pools)

    @property
    def deposits(self) -> tuple[Deposit, ...]:
        """What cells are to their places."""
        return tuple(d for chapter in self.chapters for d in chapter.deposits)

    @property
    def releases(self) -> tuple[Release, ...]:
        """What a fusion adds to fields."""
        return tuple(r for chapter in self.chapters for r in chapter.releases)

    @property
    def behaviours(self) -> tuple[Behaviour, ...]:
        """What each kind of cell does in space."""
        return tuple(b for chapter in self.chapters for b in chapter.behaviours)

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """Kinds of cells, in order; the first is the one that an experiment is about."""
        return tuple(k for chapter in self.chapters for k in chapter.kinds)

    @property
    def events(self) -> tuple[Event, ...]:
        """What can happen to single cells."""
        return tuple(e for chapter in self.chapters for e in chapter.events)

    @property
    def bonds(self) -> tuple[Bond, ...]:
        """Who binds whom."""
        return tuple(b for chapter in self.chapters for b in chapter.bonds)

    @property
    def arrivals(self) -> tuple[Arrival, ...]:
        """Who comes into the tissue from outside."""
        return tuple(a for chapter in self.chapters for a in chapter.arrivals)
