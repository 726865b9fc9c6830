"""An experiment as a file in the field's languages: the mean field of one cell, ready to run elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.catalog.schema import Parameter
from exude.derive.field import network
from exude.derive.sbml import antimony, document
from exude.derive.sbml.story import SLOPE, About, Change, Story
from exude.derive.symbols import Symbols
from exude.engine import provenance
from exude.engine.layout import Floats, Timeline
from exude.engine.meanfield import MeanField
from exude.errors import ProtocolError
from exude.experiment.declared import Curve, declare, job_of
from exude.experiment.perturbations import Drug, External, Permeabilised, Perturbation, say
from exude.experiment.protocol import Genotype, Numbers, Protocol
from exude.experiment.settle import MANY, Field
from exude.experiment.simulate import MOST_POINTS, ROUND_STEPS, cell_symbols, hypothesis_values
from exude.model import Cascade
from exude.units import say_seconds, seconds

SBML_STATES = 8
"""Growth states of an SBML file that names none: about 1 % from exact, and quick in every simulator."""
TEXT_STATES = 1
"""Growth states of an Antimony text that names none: the compact model that people read."""
Acute = Drug | External | Permeabilised


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


def export_model(
    model: Cascade, parameters: Mapping[str, str | float], *, calcium: Curve = (), duration: str = "2 h"
) -> str:
    """SBML Level 3 Version 2 of the mean field of a declared model, from no vesicles at time 0.

    model, parameters, calcium, duration: as in `exude.simulate_model`. Returns the document as text. Raises
    DeclarationError, UnitError, ProtocolError as `simulate_model` does.

    Valid when: of rates that read no count the mean is exact; a calcium curve that only jumps becomes a parameter that
    events set, so that a stochastic simulator may run the file as a jump process (every count is a whole number).
    """
    return document.write(tell_model(model, parameters, calcium, duration).story)


def tell(
    line: str,
    *what: Perturbation,
    duration: str,
    how: Export | None,
    states: int = SBML_STATES,
    points: int = MOST_POINTS,
) -> Told:
    """What a file of this experiment tells; `states` growth states unless `how` names a number.

    points: most recorded points of the mean field that the file must reproduce.
    """
    how = how or Export()
    cell, name = read.line(line), read.line(line).name
    numbers = how.numbers.but(**hypothesis_values(how.hypothesis))
    length, burn_in = seconds(duration, what="duration"), seconds(how.burn_in, what="burn_in")
    if length <= 0 or burn_in <= 0:
        raise ProtocolError(f"duration {duration!r} and burn_in {how.burn_in!r} must be longer than 0.")
    protocol = Protocol(what, length, min(_step(length, points), length), burn_in, numbers=numbers)
    timeline = protocol.timeline()
    net = network(cell_symbols(), growth_states=how.growth_states or states, given_calcium=timeline.given_at.size > 0)
    mean = Field(net, numbers, timeline, Genotype(cell, tuple(what)).medians(numbers))
    found = mean.run(net.growth_states)
    about = _about(name, protocol, how, _off_in_words(mean.off(found), net.growth_states))
    origins = {s: read.parameters()[s] for s in net.parameters}
    story = _story(mean, found, about, tuple(protocol.acute), origins)
    return Told(story, protocol.output_times, mean.curves(found))


def tell_model(
    model: Cascade, parameters: Mapping[str, str | float], calcium: Curve, duration: str, every: str = ""
) -> Told:
    """What a file of a declared model tells: from no vesicles, under a given curve or its own calcium."""
    made = declare(_spelled(model), parameters)
    line = job_of(made, calcium, duration, every, seed=0).timeline
    net = network(made.symbols, given_calcium=line.given_at.size > 0)
    mean = Field(net, Numbers(made.values), line, made.levels)
    found = mean.run(net.growth_states)
    about = About(
        title="A declared model" + (" under a given calcium curve" if calcium else ""),
        whence=f"Written by exude {_version()} from a declared model, from no vesicles at time 0 to {duration}.",
        duration=float(line.end[-1]),
    )
    return Told(_story(mean, found, about), line.end, mean.curves(found))


def _spelled(model: Cascade) -> Cascade:
    """The model with transition names that files take: 'loss of mature' is loss_of_mature there."""
    chapters = []
    for chapter in model.chapters:
        cycle = chapter.life_cycle
        if cycle is not None:
            named = tuple(replace(t, name=re.sub(r"\W+", "_", t.name)) for t in cycle.transitions)
            chapter = replace(chapter, life_cycle=replace(cycle, transitions=named))
        chapters.append(chapter)
    return replace(model, chapters=tuple(chapters))


def _story(
    mean: Field,
    found: MeanField,
    about: About,
    acute: tuple[Acute, ...] = (),
    origins: Mapping[str, Parameter] = MappingProxyType({}),
) -> Story:
    """Values, starts and changes of a mean field; a curve that only jumps has no slope."""
    net = mean.net
    course = _Course(net.symbols, mean.timeline, mean.levels, acute)
    changes = list(course.changes(net.levels))
    given = course.calcium(0.0) if course.given else {}
    if not any(change.values.get(SLOPE) for change in changes) and not given.get(SLOPE):
        given.pop(SLOPE, None)
        changes = [replace(c, values={s: v for s, v in c.values.items() if s != SLOPE}) for c in changes]
        changes = list(_real(changes, given))
    levels = course.levels(0.0)
    return Story(
        network=net,
        values={s: mean.numbers[s] for s in net.parameters} | {s: levels[s] for s in net.levels},
        starts={
            s: v
            for s, v in (mean.starts(found) | given).items()
            if s != SLOPE and (s not in net.symbols.traces or s in net.traces)
        },
        about=about,
        changes=tuple(changes),
        slope=given.get(SLOPE),
        origins=origins,
    )


def _real(changes: Iterable[Change], now: Mapping[str, float]) -> Iterator[Change]:
    """Changes that change something: points of a curve that goes on as it was are left out."""
    last = dict(now)
    for change in changes:
        moved = {s: v for s, v in change.values.items() if last.get(s) != v}
        last |= moved
        if moved:
            yield replace(change, values=moved)


def _step(length: float, points: int) -> float:
    """The smallest round step (s) that divides a run into no more than `points`."""
    return next((step for step in ROUND_STEPS if length / step <= points), length / points)


def _about(name: str, protocol: Protocol, how: Export, error: str) -> About:
    what = protocol.perturbations
    conditions = "; ".join(say(w) for w in what) or "untreated"
    drugs = dict.fromkeys(read.drug(w.name).name for w in protocol.acute if isinstance(w, Drug))
    return About(
        title=f"Exosome release by {name}: {conditions}",
        whence=(
            f"Written by exude {_version()}. Line: {name}, with its median levels. Perturbations: {conditions}."
            f" Mechanism: {how.hypothesis}. Time 0 is the start of the run, after an undisturbed burn-in of"
            f" {how.burn_in} under the lasting perturbations; the protocol ends at {say_seconds(protocol.duration)}."
        ),
        duration=protocol.duration,
        things=(name, *drugs),
        notes=(error,),
    )


def _version() -> str:
    return provenance.versions()["exude"]


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

    symbols: Symbols
    timeline: Timeline
    base: Floats
    acute: tuple[Acute, ...]

    @property
    def given(self) -> bool:
        """Whether calcium follows a given curve."""
        return self.timeline.given_at.size > 0

    def levels(self, t: float) -> dict[str, float]:
        """Levels at time t."""
        line = self.timeline
        interval = int(np.searchsorted(line.end, t, side="right"))
        segment = line.segment[min(interval, len(line.segment) - 1)]
        found = self.base * line.multiply[segment] + line.add[segment]
        return dict(zip(self.symbols.levels, found.tolist(), strict=True))

    def calcium(self, t: float) -> dict[str, float]:
        """Value and slope from time t on of a given curve: straight between its points, held at its ends."""
        symbol, times, values = self.symbols.traces[0], self.timeline.given_at, self.timeline.given
        i = int(np.searchsorted(times, t, side="right"))
        if i == 0 or i == len(times):
            return {symbol: float(values[min(i, len(times) - 1)]), SLOPE: 0.0}
        slope = (values[i] - values[i - 1]) / (times[i] - times[i - 1])
        return {symbol: float(values[i - 1] + slope * (t - times[i - 1])), SLOPE: float(slope)}

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
