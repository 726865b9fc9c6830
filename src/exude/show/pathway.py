"""The way of an MVB as numbers: how often each declared transition happens in a cell, and which proteins act on it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exude.catalog import read
from exude.derive import grammar
from exude.derive.evaluate import reader
from exude.derive.symbols import GATE_MARK, STAGE_COUNT, Symbols
from exude.derive.texts import behind
from exude.engine import layout, meanfield
from exude.engine.layout import Floats
from exude.engine.meanfield import BIRTH_INSIDE, GROWTH_COUNT, GROWTH_INSIDE, ITEMS
from exude.errors import ProtocolError, refuse
from exude.experiment.perturbations import Perturbation, say
from exude.experiment.protocol import Genotype, Protocol
from exude.experiment.simulate import Settings, cell_symbols, hypothesis_values, protocol_of
from exude.model import BORN, Transition
from exude.units import factor_to_internal, say_seconds, seconds

HOUR = factor_to_internal("h")
TOLERANCE = 1e-12
"""A relative change of a rate below this is rounding."""


@dataclass(frozen=True)
class Actor:
    """A protein or condition that acts on a rate, with its level now and the one that the line has untreated."""

    symbol: str
    level: float
    own: float

    @property
    def changed(self) -> bool:
        """Whether the experiment changed its level."""
        return not math.isclose(self.level, self.own, rel_tol=TOLERANCE)


@dataclass(frozen=True)
class Step:
    """One transition: how often it happens (per cell and hour), what acts on it, and which traces move it."""

    name: str
    source: str
    target: str
    flux: float
    actors: tuple[Actor, ...] = ()
    senses: tuple[str, ...] = ()
    ilvs: float = 0.0
    """ILVs that go along, per cell and hour."""


@dataclass(frozen=True)
class Gauge:
    """A quantity of the whole cell, its value and unit, and what acts on it."""

    name: str
    value: float
    unit: str
    actors: tuple[Actor, ...] = ()
    senses: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pathway:
    """One expected cell at one time: MVBs in each stage, transitions, streams of other vesicles, and gauges."""

    line: str
    conditions: tuple[str, ...]
    when: str
    stages: Mapping[str, float]
    steps: tuple[Step, ...]
    streams: tuple[Step, ...]
    gauges: tuple[Gauge, ...]


def pathway(
    line: str, *what: Perturbation, at: str = "0 min", duration: str = "2 h", settings: Settings | None = None
) -> Pathway:
    """The pathway of an expected cell of a line at a time of an experiment.

    flux = rate(levels, traces, counts) x MVBs of the source, from the mean field; per hour.
    line, what, duration, settings: as in `expect`. at: time of the reading; 0 is the steady state after the burn-in,
    before anything that has a time. Raises ProtocolError for a time outside the run, else as `expect`.
    Valid when: as `expect`: a cell of median levels, mean counts in rates that read counts.
    """
    settings = settings or Settings()
    symbols, moment = cell_symbols(), seconds(at, what="time of the reading (at)")
    if not 0 <= moment <= seconds(duration, what="duration"):
        raise refuse(ProtocolError, at, f"a time within the run of {duration}", "Lengthen `duration`, or read earlier.")
    numbers = settings.numbers.but(**hypothesis_values(settings.hypothesis))
    protocol = protocol_of(what, duration, settings, numbers, every=at if moment else duration)
    own, medians = (Genotype(read.line(line), done).medians(numbers) for done in ((), what))
    starts = np.array([numbers[trace.start] for trace in symbols.cascade.traces])
    found = meanfield.run(
        symbols, numbers.vector(symbols), protocol.timeline(), layout.numerics_of(read.numerics(), symbols), medians,
        starts, states=True,
    )  # fmt: skip
    row = int(np.searchsorted(protocol.output_times, moment))
    now = _levels_at(protocol, medians, moment)
    reading = CellState(symbols, numbers.values, now, own, found.output.trace[0, row], found.states[row])
    return Pathway(
        line=read.line(line).name,
        conditions=tuple(say(w) for w in what) or ("untreated",),
        when=f"at {say_seconds(moment)}" if moment else "at rest",
        stages=reading.stages(),
        steps=tuple(reading.step(t) for t in symbols.cascade.life_cycle.transitions),
        streams=reading.streams(),
        gauges=reading.gauges(),
    )


def _levels_at(protocol: Protocol, medians: Floats, moment: float) -> Floats:
    """Levels in the interval that ends at a time."""
    timeline = protocol.timeline()
    segment = timeline.segment[int(np.searchsorted(timeline.end, moment))]
    levels: Floats = medians * timeline.multiply[segment] + timeline.add[segment]
    return levels


@dataclass(frozen=True, eq=False)
class CellState:
    """A cell at one time, whose rates are read off the declaration: any cascade, in plain Python.

    parameters: by name. levels, own: (level,), now and untreated. traces: (trace,). states: (stage, class, field) of the
    mean field.
    """

    symbols: Symbols
    parameters: Mapping[str, float]
    levels: Floats
    own: Floats
    traces: Floats
    states: Floats

    def stages(self) -> dict[str, float]:
        """MVBs in each stage."""
        found = self.states[:, :, ITEMS].sum(axis=1)
        return dict(zip(self.symbols.cascade.life_cycle.stages, found.tolist(), strict=True))

    def step(self, t: Transition) -> Step:
        """One transition, with flux and actors."""
        rate, flux = self._value(t.rate), 1.0
        ilvs = 0.0
        if t.source != BORN:
            at = self.symbols.cascade.life_cycle.stages.index(t.source)
            allowed = self._gate(t, at)
            items, inside = self.states[at, :, ITEMS], self.states[at][:, [BIRTH_INSIDE, GROWTH_INSIDE]].sum(axis=1)
            flux = float(items.sum()) ** 2 if t.merges else float(items @ allowed)
            ilvs = 0.0 if t.source == t.target else float(inside @ allowed)
        actors, senses = self._behind(t.rate)
        return Step(t.name, t.source, t.target, rate * flux * HOUR, actors, senses, rate * ilvs * HOUR)

    def streams(self) -> tuple[Step, ...]:
        """Vesicles that leave the cell by other ways."""
        return tuple(
            Step(e.name, "", "", self._value(e.rate) * HOUR, *self._behind(e.rate))
            for e in self.symbols.cascade.emissions
        )

    def gauges(self) -> tuple[Gauge, ...]:
        """Concentrations that have an equation, then ILVs per MVB with what makes them."""
        cascade = self.symbols.cascade
        found = [
            Gauge(t.meaning, float(value), t.unit, *self._behind(t.rate, besides=t.symbol))
            for t, value in zip(cascade.traces, self.traces, strict=True)
            if t.unit
        ]
        membrane = cascade.life_cycle.membrane
        if membrane is not None:
            mvbs = float(self.states[:, :, ITEMS].sum())
            inside = float(self.states[:, :, [BIRTH_INSIDE, GROWTH_INSIDE]].sum())
            found.append(Gauge("ILVs in an MVB", inside / mvbs if mvbs else 0.0, "", *self._behind(membrane.bud)))
        return tuple(found)

    def _gate(self, t: Transition, stage: int) -> Floats:
        """What the growth count allows in each class; the last class has its mean count."""
        classes = self.states.shape[1]
        if not t.gate:
            return np.ones(classes)
        counts = np.arange(classes, dtype=float)
        last = self.states[stage, -1]
        if last[ITEMS] > 0:
            counts[-1] = max(counts[-1], last[GROWTH_COUNT] / last[ITEMS])
        return np.array([self._value(t.gate, {GATE_MARK: count}) for count in counts])

    def _value(self, text: str, other: Mapping[str, float] | None = None) -> float:
        """Value of a rate text, some symbols changed."""
        return float(reader(self.symbols.cascade, {**self._given(), **(other or {})})(text))

    def _given(self) -> dict[str, float]:
        """Everything that no definition gives."""
        known = self.symbols
        counts = {STAGE_COUNT + stage: value for stage, value in self.stages().items()}
        levels = dict(zip(known.levels, self.levels.tolist(), strict=True))
        return {**self.parameters, **counts, **levels, **dict(zip(known.traces, self.traces.tolist(), strict=True))}

    def _behind(self, text: str, besides: str = "") -> tuple[tuple[Actor, ...], tuple[str, ...]]:
        """Levels and traces that the text reads and that change its value here, as the mechanism stands.

        Of conditions (which are no genes) only those that are not normal.
        """
        known = self.symbols
        names = behind(grammar.names(grammar.parse(text)), known.trees)
        own = dict(zip(known.levels, self.own.tolist(), strict=True))
        given = self._given()
        actors = tuple(
            Actor(level.symbol, given[level.symbol], own[level.symbol])
            for level in known.cascade.levels
            if level.symbol in names
            and (level.symbol.isupper() or given[level.symbol] != level.normal)
            and self._moves(text, level.symbol)
        )
        traces = (name for name in known.traces if name in names and name != besides)
        return actors, tuple(name for name in traces if self._moves(text, name))

    def _moves(self, text: str, symbol: str) -> bool:
        """Whether taking a symbol away or adding one to it changes a rate."""
        value = self._given()[symbol]
        here = self._value(text)
        others = (self._value(text, {symbol: other}) for other in (0.0, value + 1.0))
        return any(not math.isclose(here, other, rel_tol=TOLERANCE) for other in others)
