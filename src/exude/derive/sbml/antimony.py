"""The same story as Antimony text, for people to read: the story's order, a meaning and an origin for every number."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from exude.catalog import read
from exude.derive.network import PER_VESICLE, Flow, Named, Pool
from exude.derive.sbml.document import CELL, OUTSIDE, place_of
from exude.derive.sbml.extras import load
from exude.derive.sbml.formula import BASES, FUNCTIONS, NONE, Speller, powers, unit_texts
from exude.derive.sbml.notes import CANNOT, about_story, cited, what_is_exact
from exude.derive.sbml.story import SLOPE, Story
from exude.errors import DeclarationError

WIDTH = 116
UNITS = {"micromolar": "1e-6 mole / litre", "micrometre": "1e-6 metre"}


def write(story: Story) -> str:
    """The story as Antimony text; the antimony package has read it, so it is valid.

    Raises DeclarationError where the package refuses it, ExudeError where it is not installed.
    """
    text = _Text(story).text()
    package = load("antimony")
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
        lines = [*head, *(f"  {line}" for line in [*self._units(), *_narrow(body)]), "end", ""]
        return "\n".join(line.rstrip() for line in lines)

    # parts of a text

    def _head(self) -> Iterator[str]:
        for part in (about_story(self.story), *what_is_exact(self.net), *self.story.about.notes, *CANNOT):
            yield from (f"// {line}" for line in textwrap.wrap(part, WIDTH))
            yield "//"
        yield "// Units: seconds, micromolar, micrometres, items. Standing of a number: measured, derived, transferred"
        yield "// (from another cell), fitted or assumed. Every arrow is one-way."
        yield ""

    def _functions(self) -> Iterator[str]:
        for symbol, formula in FUNCTIONS.items():
            if symbol in self.speller.functions:
                inside = formula.removeprefix("lambda(").removesuffix(")").replace(f" {NONE}", "")
                *names, value = _arguments(inside)
                yield from (f"function {symbol}({', '.join(names)})", f"  {value};", "end", "")

    def _units(self) -> Iterator[str]:
        yield from _section("Units")
        for symbol, dims in sorted(self.speller.units.items()):
            if symbol not in (NONE, *BASES.values()) or symbol in UNITS:
                yield f"unit {symbol} = {_unit(powers(dims))};"
        yield from ("unit substance = item;", "unit extent = item;", "unit time_unit = second;", "unit volume = litre;")

    def _places(self) -> Iterator[str]:
        yield from _section("Places (they have no volume here: everything is counted)")
        yield f"compartment {CELL} = 1, {OUTSIDE} = 1;"
        yield f"{CELL} has {NONE}; {OUTSIDE} has {NONE};"

    def _chapters(self) -> Iterator[str]:
        for chapter in self.cascade.chapters:
            yield from _section(chapter.name.capitalize())
            for level in chapter.levels:
                if level.symbol in self.net.levels:
                    kind = "var" if level.symbol in self.story.changing else "const"
                    yield self._value(kind, level.symbol, level.unit, level.meaning)
            yield ""
            for symbol in self.net.parameters:
                if read.chapter_of().get(symbol) == chapter.name:
                    yield from self._number(symbol)
            yield ""
            wanted = {d.symbol for d in chapter.definitions}
            yield from self._rules(n for n in self.net.named if n.symbol in wanted)
            for trace in chapter.traces:
                if trace.symbol in self.net.traces:
                    yield self._value("var", trace.symbol, trace.unit, trace.meaning)
                    if trace.symbol in self.net.slopes:
                        yield f"{trace.symbol}' = {self.speller.spell(self.net.slopes[trace.symbol])};"
            if self.story.slope is not None and self.cascade.traces[0] in chapter.traces:
                yield from self._given(chapter.traces[0].symbol, chapter.traces[0].unit)

    def _given(self, calcium: str, unit: str) -> Iterator[str]:
        """Calcium that follows a given curve."""
        kind = "var" if SLOPE in self.story.changing else "const"
        yield f"{kind} {SLOPE} = {self.story.slope!r}; {SLOPE} has {self.speller.unit(f'{unit}/s')};"
        yield f"{calcium}' = {SLOPE};  // the given curve, from point to point"

    def _value(self, kind: str, symbol: str, unit: str, meaning: str) -> str:
        value = self.story.starts[symbol] if symbol in self.story.starts else self.story.values[symbol]
        return f"{kind} {symbol} = {value!r}; {symbol} has {self.speller.unit(unit)};{_comment(meaning)}"

    def _number(self, symbol: str) -> Iterator[str]:
        number, value = read.parameters()[symbol], self.story.values[symbol]
        own = value == read.value(symbol)
        standing = number.status if own else "set for this file"
        sources = f", {'; '.join(cited(key) for key in number.source)}" if own and number.source else ""
        unit = self.speller.unit(self.net.symbols.parameter_units[symbol])
        meaning = f"{number.meaning.rstrip('.')} ({standing}{sources})"
        yield f"const {symbol} = {value!r}; {symbol} has {unit};{_comment(meaning)}"

    def _rules(self, named: Iterable[Named]) -> Iterator[str]:
        for n in named:
            formula = self.speller.spell(n.tree)
            yield f"{n.symbol} := {formula}; {n.symbol} has {self.speller.unit(n.unit)};{_comment(n.meaning)}"

    def _vesicles(self) -> Iterator[str]:
        yield from _section("The life of an MVB: stages and transitions")
        yield f"const {PER_VESICLE} = 1; {PER_VESICLE} has item;  // turns patches per MVB into patches"
        yield from self._species(p for p in self.net.pools if p.holds == "vesicles")
        yield from self._species(p for p in self.net.pools if p.holds == "total")
        yield ""
        yield from self._rules(n for n in self.net.named if n.symbol in self.own)
        yield ""
        yield from (self._reaction(flow) for flow in self.net.flows if flow.takes or len(flow.gives) > 1)

    def _carried(self) -> Iterator[str]:
        carried = [p for p in self.net.pools if p.symbol in self.net.slopes]
        if carried:
            yield from _section("What MVBs carry: patches of membrane, those inside (ILVs), growth counts")
            yield from self._species(carried)
            yield ""
            yield from (f"{p.symbol}' = {self.speller.spell(self.net.slopes[p.symbol])};" for p in carried)

    def _totals(self) -> Iterator[str]:
        yield from _section("What leaves the cell or is degraded")
        yield from (self._reaction(f) for f in self.net.flows if not f.takes and len(f.gives) == 1)

    def _species(self, pools: Iterable[Pool]) -> Iterator[str]:
        for p in pools:
            place = place_of(self.net, p)
            yield f"substanceOnly species {p.symbol} in {place}; {p.symbol} = {self.story.starts[p.symbol]!r};" + (
                f" {p.symbol} has item;{_comment(p.meaning)}"
            )

    def _reaction(self, flow: Flow) -> str:
        sides = [" + ".join(f"{c} {s}" if c > 1 else s for s, c in side.items()) for side in (flow.takes, flow.gives)]
        name = f"r_{flow.symbol}" if flow.symbol in unit_texts(self.net) else flow.symbol
        return f"{name}: {sides[0]} => {sides[1]}; {self.speller.spell(flow.rate)};"

    def _events(self) -> Iterator[str]:
        if self.story.changes:
            yield from _section("What is done, and when")
        for i, change in enumerate(self.story.changes, 1):
            values = ", ".join(f"{symbol} = {value!r}" for symbol, value in change.values.items())
            yield f"change_{i}: at (time >= {change.time!r}): {values};{_comment(change.says)}"


def _section(title: str) -> tuple[str, ...]:
    return ("", f"// {title}", "")


def _narrow(lines: Iterable[str]) -> Iterator[str]:
    """A comment that makes its line too long goes above it."""
    for line in lines:
        code, mark, comment = line.partition("  // ")
        if len(line) > WIDTH and mark and code:
            yield from (f"// {part}" for part in textwrap.wrap(comment, WIDTH))
            yield code
        else:
            yield line


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
