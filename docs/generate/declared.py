"""The chapters of the cascade as the site tells them: which module, which declarations, which texts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from inspect import getdoc

from sphinx.pycode import ModuleAnalyzer

from exude.cascade import ALL
from exude.cascade.body import NODE, PATIENT, SPREAD
from exude.cascade.drugs import SLOTS, drugs
from exude.cascade.host import HOST, PORTS
from exude.derive import grammar
from exude.errors import DeclarationError
from exude.model import Body, Chapter, Port


@dataclass(frozen=True)
class Told:
    """What one page of the biology tells: a chapter of a cascade, or bodies and what a tissue hands over to them."""

    name: str
    title: str
    chapter: Chapter | None = None
    bodies: tuple[Body, ...] = ()
    ports: tuple[Port, ...] = ()
    more: str = ""
    """A page of the handbook that says more."""

    @property
    def about(self) -> str:
        """The docstring of the module that declares it."""
        return getdoc(import_module(f"exude.cascade.{self.name}")) or ""

    @property
    def remarks(self) -> Mapping[str, str]:
        """What the module says of single declarations, by their names."""
        found = ModuleAnalyzer.for_module(f"exude.cascade.{self.name}").find_attr_docs()
        return {name: "\n".join(lines).strip() for (scope, name), lines in found.items() if not scope}


TITLES = {
    "calcium": ("Calcium", "model"),
    "effectors": ("Effectors: Munc13-4, Rab11, Rab27, SNAREs", "model"),
    "endosomes": ("Endosomes: the life of an MVB", "model"),
    "exosomes": ("Exosomes", "model"),
    "extracellular": ("Outside the cell", "tissue"),
    "proteolysis": ("Proteolysis", "tissue"),
    "invasion": ("Invasion", "tissue"),
    "recipients": ("Recipients", "neighbours"),
    "immunity": ("Immunity", "neighbours"),
    "vessels": ("Vessels", "tumour"),
    "drugs": ("Drugs in a tissue", "body"),
    "body": ("The body", "body"),
    "host": ("The body around a tissue", "tumour"),
}
"""Title of each page, and the page of the handbook that says more."""


@cache
def told() -> Mapping[str, Told]:
    """Every page of the biology by name, in the order of the story; KeyError where a chapter has no title yet."""
    pages = {}
    for chapter in (*ALL.chapters, drugs(len(SLOTS))):
        title, more = TITLES[chapter.name]
        pages[chapter.name] = Told(chapter.name, title, chapter=chapter, more=more)
    rest = _without(PATIENT, (SPREAD, NODE))
    pages["body"] = Told("body", TITLES["body"][0], bodies=(SPREAD, NODE, rest), more=TITLES["body"][1])
    pages["host"] = Told(
        "host", TITLES["host"][0], bodies=(_without(HOST, (SPREAD, NODE)),), ports=PORTS, more=TITLES["host"][1]
    )
    return pages


CHAPTERS = tuple(TITLES)


def _without(body: Body, parts: tuple[Body, ...]) -> Body:
    """What a body declares beyond its parts."""
    known = {id(x) for part in parts for x in (*part.levels, *part.definitions, *part.stocks, *part.flows)}

    def own(things: tuple) -> tuple:
        return tuple(x for x in things if id(x) not in known)

    return dataclasses.replace(
        body, levels=own(body.levels), definitions=own(body.definitions), stocks=own(body.stocks), flows=own(body.flows)
    )


@cache
def texts_of(name: str) -> tuple[str, ...]:
    """Every text of a chapter that names symbols."""
    page = told()[name]
    return tuple(dict.fromkeys(text for part in (page.chapter, *page.bodies, *page.ports) for text in _texts(part)))


def _texts(thing: object) -> Iterator[str]:
    """All texts inside a declaration that the grammar can read: of prose and names only what happens to be a symbol."""
    if dataclasses.is_dataclass(thing):
        for field in dataclasses.fields(thing):
            if field.name not in ("name", "symbol", "meaning", "why", "because", "unit", "says", "kind"):
                yield from _texts(getattr(thing, field.name))
    elif isinstance(thing, Mapping):
        for key, inner in thing.items():
            yield from (str(key), *_texts(inner))
    elif isinstance(thing, tuple):
        for inner in thing:
            yield from _texts(inner)
    elif isinstance(thing, str) and _readable(thing):
        yield thing


def _readable(text: str) -> bool:
    try:
        grammar.parse(text)
    except DeclarationError:
        return False
    return True
