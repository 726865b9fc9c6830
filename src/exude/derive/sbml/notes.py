"""Notes of a file, as XHTML: what it holds, what is exact, what it cannot say, where each number comes from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from exude.catalog import read
from exude.derive.closures import closures
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
        ("Exact, or a closure?", [*what_is_exact(story.network), *story.about.notes]),
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


def what_is_exact(net: Network) -> list[str]:
    """What is exact and what is a closure, in sentences."""
    found = closures(net.symbols)
    cycle = net.symbols.cascade.life_cycle
    gates, last = [t.name for t in cycle.transitions if t.gate], net.growth_states - 1
    exact = ", ".join(c.name for c in found if c.kind == "exact" and (last or c.name not in gates))
    closed = "; ".join(f"{c.name} ({c.why})" for c in found if c.kind == "closure")
    said = [f"Exact for the mean, given the counts: {exact}; and what MVBs carry, for given flows."]
    if closed:
        said.append(f"Closures, in which expected values stand for the mean of a product: {closed}.")
    gated = ", ".join(gates)
    if gated and last:
        said.append(
            f"The gate of {gated} is exact for MVBs that have grown fewer than {last} times; those that have grown"
            f" {last} times or more are read at their mean growth count (growth states: {net.growth_states})."
        )
    elif gated:
        said.append(
            f"A closure of its own: the gate of {gated} is read at the mean growth count of all {cycle.resolved} MVBs"
            " (growth states: 1)."
        )
    return said


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
