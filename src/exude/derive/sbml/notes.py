"""Notes of a file, as XHTML: what it holds, what is exact, what it cannot say, where each number comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from exude.catalog import read
from exude.derive import grammar
from exude.derive.network import Network
from exude.derive.sbml.story import Story
from exude.errors import DeclarationError
from exude.units import say_seconds

XHTML = "http://www.w3.org/1999/xhtml"
CANNOT = (
    "SBML cannot carry single vesicles: each MVB's own growth count, age, diameter, ILVs and cargo, the distribution"
    " of cargo over exosomes, bursts of fusions, and the spread of protein levels between cells are in exude's vesicle"
    " simulation only. This file is one cell with the line's median levels, in expectation.",
)


def model_notes(story: Story) -> str:
    """Notes of the whole model."""
    parts = [
        ("Whence", [about_story(story)]),
        ("Exact, or a closure?", [*closures(story.network), *story.about.notes]),
        ("What this file cannot say", CANNOT),
    ]
    return _body(parts)


def about_story(story: Story) -> str:
    """Whence a file comes: program, line, perturbations, mechanism, times."""
    about = story.about
    return (
        f"Written by exude {about.version}. Line: {about.line}. Perturbations: {'; '.join(about.conditions)}."
        f" Mechanism: {about.hypothesis}. Time 0 is the start of the run, after an undisturbed burn-in under the"
        f" lasting perturbations; the protocol ends at {say_seconds(about.duration)}."
    )


def closures(net: Network) -> list[str]:
    """What is exact and what is not, read from the network."""
    cycle = net.symbols.cascade.life_cycle
    exact = "Birth, growth, transport, losses, budding and cargo are exact for the mean under given rates."
    reading = sorted(t.name for t in cycle.transitions if _reads_counts(net, t.rate))
    said = [exact]
    if reading:
        said.append(f"Closure: the rates of {', '.join(reading)} read stage counts; here they see expected counts.")
    if any(t.merges for t in cycle.transitions):
        said.append("Closure: the two MVBs of a merger are taken as independent.")
    gated = [t.name for t in cycle.transitions if t.gate]
    if gated and net.growth_states == 1:
        said.append(
            f"Closure: the gate of {', '.join(gated)} is read at the mean growth count of all {cycle.resolved} MVBs"
            " (growth states: 1)."
        )
    elif gated:
        last = net.growth_states - 1
        said.append(
            f"The gate of {', '.join(gated)} is exact for MVBs that have grown fewer than {last} times; those that have"
            f" grown {last} times or more are read at their mean growth count (growth states: {net.growth_states})."
        )
    return said


def _reads_counts(net: Network, text: str) -> bool:
    todo, seen = set(grammar.names(grammar.parse(text))), set[str]()
    while todo:
        name = todo.pop()
        seen.add(name)
        if name in net.symbols.trees:
            todo |= grammar.names(net.symbols.trees[name]) - seen
    return bool(seen & set(net.symbols.counts))


def explain(part: Any, said: Iterable[str]) -> None:
    """Notes of one part; none where there is nothing to say."""
    said = [text for text in said if text]
    if said and part.setNotes(_body([("", said)])) != 0:
        raise DeclarationError(f"libSBML refuses the notes of {part.getId()}.")


def origin(symbol: str, value: float) -> list[str]:
    """Meaning, standing and origin of one number; a number that was set for this file says so."""
    number = read.parameters().get(symbol)
    if number is None:
        return []
    if value != read.value(symbol):
        found = f"Set for this file; the catalogue has {number.value:g} {number.unit} ({number.status})."
        return [number.meaning, found]
    said = [number.meaning, f"Status: {number.status}. Obtained: {number.obtained}."]
    if number.source:
        said.append(f"Source: {', '.join(cited(key) for key in number.source)}; {number.place}.")
    return said


def cited(key: str) -> str:
    """A reference in one phrase: key and doi or PMID as far as seen."""
    entry = read.references().get(key, {})
    code = f"doi:{entry['doi']}" if "doi" in entry else f"PMID {entry['pmid']}" if "pmid" in entry else ""
    return f"{key} ({code})" if code else key


def _body(parts: Iterable[tuple[str, Sequence[str]]]) -> str:
    inside = "".join(
        (f"<h3>{escape(head)}</h3>" if head else "") + "".join(f"<p>{escape(text)}</p>" for text in texts)
        for head, texts in parts
    )
    return f'<body xmlns="{XHTML}">{inside}</body>'
