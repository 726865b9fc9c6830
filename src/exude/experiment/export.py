"""An experiment as a file in the field's languages: the mean field of one cell, ready to run elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from exude.cascade import CELL, DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.derive.field import network
from exude.derive.sbml import antimony, document
from exude.derive.sbml.story import SLOPE, About, Change, Story
from exude.engine import provenance
from exude.engine.layout import Floats, Timeline
from exude.errors import ProtocolError
from exude.experiment.perturbations import Drug, External, Permeabilised, Perturbation, say
from exude.experiment.protocol import LEVELS, Genotype, Numbers, Protocol
from exude.experiment.settle import MANY, Field
from exude.experiment.simulate import cell_symbols, hypothesis_values, round_step
from exude.units import say_seconds, seconds

SBML_STATES = 8
"""Growth states of an SBML file that names none: about 1 % from exact, and quick in every simulator."""
TEXT_STATES = 1
"""Growth states of an Antimony text that names none: the compact model that people read."""


@dataclass(frozen=True)
class Export:
    """How a file is written; the defaults suit each language."""

    growth_states: int = 0
    """Growth counts of immature MVBs told apart; 0 takes 8 in SBML and 1 in Antimony (docs/sbml.md says how exact)."""
    burn_in: str = "24 h"
    """Undisturbed time before the run, under the lasting perturbations."""
    hypothesis: str = DEFAULT_HYPOTHESIS
    """Which rival mechanism; `exude list hypotheses` names them."""
    numbers: Numbers = field(default_factory=Numbers.default)
    """Parameter values, internal units."""


@dataclass(frozen=True)
class Told:
    """A story, and the mean field that it must reproduce."""

    story: Story
    times: Floats
    """Output times, s."""
    curves: Mapping[str, Floats]
    """Counts, totals since time 0, traces and read-outs by symbol."""


def export_sbml(line: str, *what: Perturbation, duration: str = "2 h", how: Export | None = None) -> str:
    """SBML Level 3 Version 2 of the mean field of one cell of a line under any perturbations.

    line: name of a cell line ('MDA-MB-231'). what: knock-downs, rescues, drugs, stimuli, in any order.
    duration: length of the protocol ('2 h'); nothing changes after it. how: growth states, mechanism, numbers.
    Returns the document as text. Raises UnknownName, UnitError, ProtocolError for what cannot be done, ExudeError
    where the packages of the extra `sbml` are not installed.

    Example: export_sbml("MDA-MB-231", Stimulus("ionomycin", "5 uM", at="5 min"), KnockDown("UNC13D", to=0.2))

    Valid when: expectations of one cell with the line's median levels are asked for; the closures stand in the
    file's own notes.
    """
    return document.write(tell(line, *what, duration=duration, how=how, states=SBML_STATES).story)


def export_antimony(line: str, *what: Perturbation, duration: str = "2 h", how: Export | None = None) -> str:
    """The same as `export_sbml` as Antimony text, with a comment on every number: meaning, standing, source.

    Arguments, errors and validity are those of `export_sbml`; one growth state unless `how` says otherwise.
    """
    return antimony.write(tell(line, *what, duration=duration, how=how, states=TEXT_STATES).story)


def tell(line: str, *what: Perturbation, duration: str, how: Export | None, states: int = SBML_STATES) -> Told:
    """What a file of this experiment tells; `states` growth states unless `how` names a number."""
    how = how or Export()
    name = read.line(line).name
    numbers = how.numbers.but(**hypothesis_values(how.hypothesis))
    length = seconds(duration, what="duration")
    burn_in = seconds(how.burn_in, what="burn_in")
    if length <= 0 or burn_in <= 0:
        raise ProtocolError(f"duration {duration!r} and burn_in {how.burn_in!r} must be longer than 0.")
    protocol = Protocol(what, length, min(round_step(length), length), burn_in, numbers=numbers)
    timeline = protocol.timeline()
    curve = timeline.given_at.size > 0
    net = network(cell_symbols(), growth_states=how.growth_states or states, given_calcium=curve)
    levels = Genotype(read.line(name), tuple(what)).medians(numbers)
    mean = Field(net, numbers, timeline, levels)
    found = mean.run(net.growth_states)
    course = _Course(timeline, levels, tuple(protocol.acute))
    values = {s: numbers[s] for s in net.parameters} | {s: course.levels(0.0)[s] for s in net.levels}
    given = course.calcium(0.0) if curve else {}
    slope = given.pop(SLOPE, None)
    starts = {s: v for s, v in (mean.starts(found) | given).items() if s not in net.symbols.traces or s in net.traces}
    about = _about(name, protocol, how.hypothesis, _off_in_words(mean.off(found), net.growth_states))
    story = Story(net, values, starts, about, tuple(course.changes(net.levels)), slope)
    return Told(story, protocol.output_times, mean.curves(found))


def _about(name: str, protocol: Protocol, hypothesis: str, error: str) -> About:
    what = protocol.perturbations
    return About(
        line=name,
        conditions=tuple(say(w) for w in what) or ("untreated",),
        hypothesis=hypothesis,
        duration=protocol.duration,
        version=provenance.versions()["exude"],
        drugs=tuple(dict.fromkeys(read.drug(w.name).name for w in protocol.acute if isinstance(w, Drug))),
        notes=(error,),
    )


def _off_in_words(off: Mapping[str, float], states: int) -> str:
    """The measured error of the growth states, for this very protocol."""
    said = ", ".join(f"{name.replace('_', ' ')} {share:+.2g}" for name, share in off.items())
    return (
        f"Measured for this protocol with {states} growth state{'s' if states > 1 else ''}, as a share of the totals at"
        f" its end with {MANY}: {said or 'nothing is released'}."
    )


@dataclass(frozen=True)
class _Course:
    """A timeline as values that hold from time 0 on, and changes after it."""

    timeline: Timeline
    base: Floats
    acute: tuple[Drug | External | Permeabilised, ...]

    def levels(self, t: float) -> dict[str, float]:
        """Levels at time t."""
        line = self.timeline
        interval = int(np.searchsorted(line.end, t, side="right"))
        segment = line.segment[min(interval, len(line.segment) - 1)]
        found = self.base * line.multiply[segment] + line.add[segment]
        return dict(zip(LEVELS, found.tolist(), strict=True))

    def calcium(self, t: float) -> dict[str, float]:
        """Value and slope from time t on of a given curve: straight between its points, held at its ends."""
        times, values = self.timeline.given_at, self.timeline.given
        i = int(np.searchsorted(times, t, side="right"))
        if i == 0 or i == len(times):
            return {CELL.traces[0].symbol: float(values[min(i, len(times) - 1)]), SLOPE: 0.0}
        slope = (values[i] - values[i - 1]) / (times[i] - times[i - 1])
        return {CELL.traces[0].symbol: float(values[i - 1] + slope * (t - times[i - 1])), SLOPE: float(slope)}

    def changes(self, used: tuple[str, ...]) -> Iterator[Change]:
        """One change for every time at which a level that is read moves, or a given curve has a point."""
        line = self.timeline
        begins = np.concatenate([line.begin, line.end[:-1]])
        starts = set(begins[line.starts == 1].tolist())
        knots = set(line.given_at.tolist())
        last = self.levels(0.0)
        for t in sorted(t for t in starts | knots if 0 < t < line.end[-1]):
            now = self.levels(t)
            moved = {s: now[s] for s in used if now[s] != last[s]} | (self.calcium(t) if t in knots else {})
            last = now
            if moved:
                yield Change(t, moved, self._says(t))

    def _says(self, t: float) -> str:
        """What begins or ends at a time, in bench words."""
        said = []
        for what in self.acute:
            start, stop = what.window
            if t in (start, stop):
                said.append(f"{say(what)} {'begins' if t == start else 'ends'}")
        return "; ".join(said) or f"point of the given calcium curve at {say_seconds(t)}"
