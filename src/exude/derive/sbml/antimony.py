"""The same story as Antimony text, for people to read: the story's order, a meaning and an origin for every number."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

from exude.catalog import read
from exude.derive.network import CONTENTS, GROWN, PER_VESICLE, Flow, Named, Pool
from exude.derive.sbml.document import CELL, OUTSIDE, place_of
from exude.derive.sbml.extras import load
from exude.derive.sbml.formula import BASES, FUNCTIONS, NONE, Speller, powers, unit_texts
from exude.derive.sbml.layout import WIDTH, narrow, plain
from exude.derive.sbml.notes import CANNOT, own, sources, what_is_exact
from exude.derive.sbml.story import SLOPE, Story
from exude.errors import DeclarationError

UNITS = {"micromolar": "1e-6 mole / litre", "micrometre": "1e-6 metre"}
STANDING = (
    "Units: seconds, micromolar, micrometres, items. Numbers are written with 12 digits. In brackets stand the value as"
    " it was found, where its unit is another, and its standing: measured, derived, transferred (from another cell),"
    " fitted or assumed, with the key of its source. Every arrow is one-way."
)


def write(story: Story) -> str:
    """The story as Antimony text; the antimony package has read it, so it is valid.

    Raises DeclarationError where the package refuses it, ExudeError where it is not installed.
    """
    package = load("antimony")
    text = _Text(story).text()
    package.clearPreviousLoads()
    if package.loadAntimonyString(text) < 0:
        raise DeclarationError(f"Antimony refuses the text: {' '.join(package.getLastError().split())}")
    return text


class _Text:
    """Writes one text, section after section."""

    def __init__(self, story: Story) -> None:
        self.story, self.net = story, story.network
        self.cascade = self.net.symbols.cascade
        self.speller = Speller(unit_texts(self.net), bare=True)
        self.own = {n.symbol for n in self.net.named} - self.net.symbols.definitions.keys()

    def text(self) -> str:
        body = [*self._places(), *self._chapters(), *self._vesicles(), *self._carried(), *self._totals()]
        body += self._events()
        head = [*self._head(), *self._functions(), "model exude()"]
        lines = [*head, *(f"  {line}" if line else "" for line in narrow([*self._units(), *body])), "end"]
        return "\n".join([*lines, *self._sources(), ""])

    # before and after the model

    def _head(self) -> Iterator[str]:
        about = self.story.about
        for part in (about.title, about.whence, *what_is_exact(self.net), *about.notes, CANNOT, STANDING):
            yield from (f"// {line}" for line in textwrap.wrap(part, WIDTH))
            yield "//" if part is not STANDING else ""

    def _functions(self) -> Iterator[str]:
        for symbol, formula in FUNCTIONS.items():
            if symbol in self.speller.functions:
                inside = formula.removeprefix("lambda(").removesuffix(")").replace(f" {NONE}", "")
                *names, value = _arguments(inside)
                yield from (f"function {symbol}({', '.join(names)})", f"  {value};", "end", "")

    def _sources(self) -> Iterator[str]:
        found = sources(self.story)
        if found:
            yield from ("", "// Sources")
            yield "//"
        for source in found:
            yield from (f"// {line}" for line in textwrap.wrap(source, WIDTH, subsequent_indent="  "))

    # parts of the model

    def _units(self) -> Iterator[str]:
        yield from _section("Units")
        for symbol, dims in sorted(self.speller.units.items()):
            if symbol not in (NONE, *BASES.values()) or symbol in UNITS:
                yield f"unit {symbol} = {_unit(powers(dims))};"
        yield "unit substance = item; unit extent = item; unit time_unit = second; unit volume = litre;"

    def _places(self) -> Iterator[str]:
        yield from _section("Places (they have no volume here: everything is counted)")
        yield f"compartment {CELL} = 1 {NONE}, {OUTSIDE} = 1 {NONE};"

    def _chapters(self) -> Iterator[str]:
        unclaimed = [s for s in self.net.parameters if s not in self.story.origins]
        if unclaimed:
            yield from _section("Numbers")
            yield from (self._number(symbol) for symbol in unclaimed)
        for chapter in self.cascade.chapters:
            yield from _section(f"{chapter.name.capitalize()}: levels, numbers, definitions")
            for level in chapter.levels:
                if level.symbol in self.net.levels:
                    yield self._value(level.symbol, self.story.values[level.symbol], level.unit, level.meaning)
            yield ""
            claimed = [s for s in self.story.origins if read.chapter_of().get(s) == chapter.name]
            yield from (self._number(symbol) for symbol in claimed)
            yield ""
            wanted = {d.symbol for d in chapter.definitions}
            yield from self._rules(n for n in self.net.named if n.symbol in wanted)
            yield ""
            for trace in chapter.traces:
                if trace.symbol in self.net.traces:
                    yield from self._trace(trace.symbol, trace.unit, trace.meaning)

    def _trace(self, symbol: str, unit: str, meaning: str) -> Iterator[str]:
        """Where a trace starts and what moves it: its equation, or the slope of a given curve."""
        yield f"var {symbol} = {plain(self.story.starts[symbol])} {self.speller.unit(unit)};{_comment(meaning)}"
        if symbol in self.net.slopes:
            yield f"{symbol}' = {self.speller.spell(self.net.slopes[symbol])};"
        elif self.story.slope is not None:
            yield self._value(SLOPE, self.story.slope, f"{unit}/s", "of the given curve, from point to point")
            yield f"{symbol}' = {SLOPE};"

    def _value(self, symbol: str, value: float, unit: str, meaning: str) -> str:
        kind = "var" if symbol in self.story.changing else "const"
        return f"{kind} {symbol} = {plain(value)} {self.speller.unit(unit)};{_comment(meaning)}"

    def _number(self, symbol: str) -> str:
        value, unit = self.story.values[symbol], self.net.symbols.parameter_units[symbol]
        number = self.story.origins.get(symbol)
        if number is None:
            return self._value(symbol, value, unit, "")
        if not own(self.story, symbol):
            return self._value(symbol, value, unit, f"{number.meaning.rstrip('.')} (set for this file)")
        found = f"{number.value:g} {number.unit}" if plain(number.value) != plain(value) else ""
        said = ", ".join(part for part in (found, number.status, *number.source) if part)
        return self._value(symbol, value, unit, f"{number.meaning.rstrip('.')} ({said})")

    def _rules(self, named: Iterable[Named]) -> Iterator[str]:
        for n in named:
            formula = self.speller.spell(n.tree)
            yield f"{n.symbol} := {formula}; {n.symbol} has {self.speller.unit(n.unit)};{_comment(n.meaning)}"

    def _vesicles(self) -> Iterator[str]:
        yield from _section("The life of an MVB: stages, counters, transitions")
        yield from self._species(p for p in self.net.pools if p.holds == "vesicles")
        yield ""
        yield from self._species(p for p in self.net.pools if p.holds == "total")
        yield ""
        yield f"const {PER_VESICLE} = 1 item;  // turns patches per MVB into patches"
        yield from self._rules(n for n in self.net.named if n.symbol in self.own)
        yield ""
        yield from (self._reaction(flow) for flow in self.net.flows if flow.takes or len(flow.gives) > 1)

    def _carried(self) -> Iterator[str]:
        carried = [p for p in self.net.pools if p.symbol in self.net.slopes]
        for holds, pools in groupby(carried, key=lambda p: p.holds):
            yield from _section(f"What MVBs carry: {CONTENTS.get(holds, 'growth counts, summed over MVBs')}")
            kept = list(pools)
            yield from (self._one_species(p, p.meaning if holds == GROWN else "") for p in kept)
            yield ""
            yield from (f"{p.symbol}' = {self.speller.spell(self.net.slopes[p.symbol])};" for p in kept)

    def _totals(self) -> Iterator[str]:
        flows = [f for f in self.net.flows if not f.takes and len(f.gives) == 1]
        if flows:
            yield from _section("What leaves the cell or is degraded")
            yield from (self._reaction(flow) for flow in flows)

    def _species(self, pools: Iterable[Pool]) -> Iterator[str]:
        yield from (self._one_species(p, p.meaning) for p in pools)

    def _one_species(self, pool: Pool, meaning: str) -> str:
        start = plain(self.story.starts[pool.symbol])
        return f"substanceOnly species {pool.symbol} in {place_of(self.net, pool)} = {start};{_comment(meaning)}"

    def _reaction(self, flow: Flow) -> str:
        sides = [" + ".join(f"{c} {s}" if c > 1 else s for s, c in side.items()) for side in (flow.takes, flow.gives)]
        name = f"r_{flow.symbol}" if flow.symbol in unit_texts(self.net) else flow.symbol
        return f"{name}: {f'{sides[0]} => {sides[1]}'.strip()}; {self.speller.spell(flow.rate)};"

    def _events(self) -> Iterator[str]:
        if self.story.changes:
            yield from _section("What is done, and when")
        for i, change in enumerate(self.story.changes, 1):
            values = ", ".join(f"{symbol} = {plain(value)}" for symbol, value in change.values.items())
            yield f"change_{i}: at (time >= {plain(change.time)}): {values};{_comment(change.says)}"


def _section(title: str) -> tuple[str, ...]:
    return ("", f"// {title}", "")


def _comment(text: str) -> str:
    return f"  // {' '.join(text.split())}" if text else ""


def _unit(found: dict[str, float]) -> str:
    """A unit written out: '1e-6 mole / (litre * second)'."""
    above: list[str] = []
    below: list[str] = []
    for unit, power in found.items():
        whole, _, part = UNITS.get(unit, unit).partition(" / ")
        parts = [(whole, 1), *([(part, -1)] if part else ())]
        for name, sign in parts:
            size = abs(power)
            (above if sign * power > 0 else below).append(name if size == 1 else f"({name})^{size:g}")
    top = " * ".join(above) or "1"
    bottom = f"({' * '.join(below)})" if len(below) > 1 else "".join(below)
    return f"{top} / {bottom}" if below else top


def _arguments(text: str) -> list[str]:
    """Arguments of a call, commas inside brackets left alone."""
    found, depth, start = [], 0, 0
    for i, letter in enumerate(text):
        depth += (letter == "(") - (letter == ")")
        if letter == "," and depth == 0:
            found.append(text[start:i].strip())
            start = i + 1
    return [*found, text[start:].strip()]
