"""Numbers with their origin: which page each parameter stands on, its row, and the quantities of the literature."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

from exude.catalog import read
from exude.catalog.schema import Number
from exude.derive import grammar
from exude.experiment.dosing import key_of
from exude.show import words
from generate import markup
from generate.declared import CHAPTERS, texts_of

FILE_PAGES = {"metastasis": "body"}
"""Pages of those tables of the catalogue that no chapter is named after; the rest go by their own name."""
HEAD = ("number", "value", "status", "from", "second reading")
NUMBERS = "numbers"


@cache
def readers() -> Mapping[str, tuple[str, ...]]:
    """Parameter -> chapters whose texts read it, in the order of the story."""
    found: dict[str, list[str]] = {name: [] for name in read.parameters()}
    for chapter in CHAPTERS:
        for name in sorted(names_in(texts_of(chapter)) & set(found)):
            found[name].append(chapter)
    return {name: tuple(chapters) for name, chapters in found.items()}


def names_in(texts: Iterable[str]) -> set[str]:
    """Symbols that texts read."""
    return set[str]().union(*(grammar.names(grammar.parse(text)) for text in texts if text))


def home(name: str) -> str:
    """The one page that a parameter stands on: its table's, or the first chapter's that reads it where that does not.

    Numbers of one drug in a body stand on the page of drugs.
    """
    if any(name.startswith(f"{key_of(drug)}_") for drug in read.drugs()):
        return "drugs"
    own = FILE_PAGES.get(read.chapter_of()[name], read.chapter_of()[name])
    by = readers()[name]
    return own if own in by or not by else by[0]


def on_page(page: str) -> list[str]:
    """Parameters that stand on a page."""
    return [name for name in read.parameters() if home(name) == page]


def numbers_table(page: str) -> str:
    """Table of the parameters of a page."""
    numbers = read.parameters()
    return markup.table(
        HEAD,
        (row(markup.number_place(name), name, numbers[name], f"parameters/{name}") for name in on_page(page)),
        NUMBERS,
    )


def elsewhere(page: str) -> str:
    """Links to the parameters that a chapter reads and another page holds."""
    names = [name for name, by in readers().items() if page in by and home(name) != page]
    return ", ".join(markup.link(markup.number_place(name), markup.code(name)) for name in names)


def row(place: str, name: str, number: Number, reading: str) -> tuple[str, ...]:
    """One number: symbol and meaning, value and spread, status, source and how it was obtained, second reading."""
    return (
        markup.target(place, markup.code(name)) + markup.small(markup.plain(number.meaning)),
        value(number),
        markup.mark(number.status, number.status),
        origin(number),
        second(number, reading),
    )


def value(number: Number) -> str:
    """Value, unit and spread."""
    said = f"{number.value:g} {markup.unit(number.unit)}".strip()
    return markup.plain(said) + markup.small(markup.plain(words.spread(number.spread)))


def origin(number: Number) -> str:
    """Sources as links, the place there, and how the number was obtained."""
    cited = markup.cited(number.source)
    where = f"{cited}: {markup.plain(number.place)} ({words.SEEN[number.seen]})" if cited else ""
    backed = ", ".join(markup.link(markup.quantity_place(n), markup.code(n)) for n in getattr(number, "backed_by", ()))
    how = markup.plain(number.obtained) + (f"; backed by {backed}" if backed else "")
    return where + (markup.small(how) if where else f"[{how}]{{.small}}")


def second(number: Number, key: str) -> str:
    """What a second, independent reading found."""
    found = read.readings().get(key)
    if found is None:
        return markup.mark("provisional", "provisional") if number.source else ""
    word = "agrees" if found.agrees else "differs"
    said = f"{found.value:g} {markup.unit(found.unit)}".strip() + f"; {found.where}"
    note = found.note.removeprefix("DISAGREES: ")
    return markup.mark(word, word) + markup.small(markup.plain(said + (f": {note}" if note else "")))
