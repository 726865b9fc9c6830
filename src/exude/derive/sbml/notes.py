"""Notes of a file, as XHTML: what it holds, what is exact, what it cannot say, where each number comes from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from exude.catalog import read
from exude.derive.closures import closures
from exude.derive.network import Network
from exude.derive.sbml.story import Story
from exude.errors import DeclarationError

XHTML = "http://www.w3.org/1999/xhtml"
CANNOT = (
    "SBML cannot carry single vesicles: each MVB's own growth count, age, diameter, ILVs and cargo, the distribution"
    " of cargo over exosomes, bursts of fusions, and the spread of protein levels between cells are in exude's vesicle"
    " simulation only. This file is one cell, in expectation."
)


def model_notes(story: Story) -> str:
    """Notes of the whole model."""
    parts: list[tuple[str, Sequence[str]]] = [
        ("Whence", [story.about.whence]),
        ("Exact, or a closure?", [*what_is_exact(story.network), *story.about.notes]),
        ("What this file cannot say", [CANNOT]),
    ]
    found = sources(story)
    return _body([*parts, *([("Sources of its numbers", found)] if found else [])])


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


def origin(story: Story, symbol: str) -> list[str]:
    """Meaning, standing and origin of one number; a number that was set for this file says so."""
    number = story.origins.get(symbol)
    if number is None:
        return []
    if not own(story, symbol):
        found = f"Set for this file; the catalogue has {number.value:g} {number.unit} ({number.status})."
        return [number.meaning, found]
    said = [number.meaning, f"Status: {number.status}. Obtained: {number.obtained}."]
    if number.source:
        said.append(f"Source: {', '.join(cited(key) for key in number.source)}; {number.place}.")
    return said


def own(story: Story, symbol: str) -> bool:
    """Whether a number of the catalogue has the catalogue's value in this file."""
    return symbol in story.origins and story.values[symbol] == read.value(symbol)


def keys(story: Story) -> list[str]:
    """Keys of the references behind the numbers of a file, in alphabetical order."""
    return sorted({key for s in story.origins if own(story, s) for key in story.origins[s].source})


def sources(story: Story) -> list[str]:
    """Every reference behind the numbers of a file, one line each."""
    return [f"{key}: {reference(key)}" for key in keys(story)]


def cited(key: str) -> str:
    """A reference in one phrase: key and doi or PMID as far as seen."""
    code = _code(read.references().get(key, {}))
    return f"{key} ({code})" if code else key


def reference(key: str) -> str:
    """A reference written out as far as its record goes; where it leads nowhere, what was read."""
    entry = read.references()[key]
    who = entry.get("author", "").replace(" and ", ", ")
    where = " ".join(entry[part] for part in ("journal", "volume") if part in entry)
    where += f", {entry['pages']}" if "pages" in entry else ""
    parts = [f"{who} ({entry['year']})".strip() if "year" in entry else who, where, _code(entry)]
    if not who or not any(parts[1:]):
        parts.append(entry["note"].removeprefix("seen: "))
    return ". ".join(part.rstrip(".") for part in parts if part) + "."


def terms(key: str) -> list[str]:
    """A reference's compact identifiers."""
    entry = read.references().get(key, {})
    return [f"doi:{entry['doi']}"] if "doi" in entry else [f"pubmed:{entry['pmid']}"] if "pmid" in entry else []


def _code(entry: Mapping[str, str]) -> str:
    return f"doi:{entry['doi']}" if "doi" in entry else f"PMID {entry['pmid']}" if "pmid" in entry else ""


def _body(parts: Iterable[tuple[str, Sequence[str]]]) -> str:
    inside = "".join(
        (f"<h3>{escape(head)}</h3>" if head else "") + "".join(f"<p>{escape(text)}</p>" for text in texts)
        for head, texts in parts
    )
    return f'<body xmlns="{XHTML}">{inside}</body>'
