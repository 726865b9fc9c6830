"""The vocabulary in which biology is declared: names and rate texts, no numbers, no arrays."""

from exude.model.body import Body, Flow, Port, Stock
from exude.model.cascade import Cascade, Chapter, Hypothesis
from exude.model.cell import (
    BORN,
    DEAD,
    DEGRADED,
    HEALTHY,
    LEFT,
    RELEASED,
    Definition,
    Emission,
    Level,
    LifeCycle,
    Membrane,
    Trace,
    Transition,
)
from exude.model.space import Arrival, Behaviour, Bond, Deposit, Event, Field, Kind, Pool, Reaction, Release

__all__ = ["BORN", "DEAD", "DEGRADED", "HEALTHY", "LEFT", "RELEASED", "Arrival", "Behaviour", "Body", "Bond", "Cascade", "Chapter", "Definition", "Deposit", "Emission", "Event", "Field", "Flow", "Hypothesis", "Kind", "Level", "LifeCycle", "Membrane", "Pool", "Port", "Reaction", "Release", "Stock", "Trace", "Transition"]  # fmt: skip
