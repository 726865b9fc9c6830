"""What a report is made of: sections of paragraphs, lists, tables, figures and code, told once for page and paper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from matplotlib.figure import Figure as Drawing

Kind = Literal["strong", "quiet", "code", "tag", "good", "bad", "assumed", "link"]


@dataclass(frozen=True)
class Span:
    """Words set apart; a link leads `to` a place of the report ('#numbers') or an address."""

    text: str
    kind: Kind
    to: str = ""


Inline = str | Span | tuple[str | Span, ...]
"""A text, or pieces of one; a line ends at each newline."""


@dataclass(frozen=True)
class Paragraph:
    """A paragraph; `lead` is set larger."""

    text: Inline
    lead: bool = False


@dataclass(frozen=True)
class Heading:
    """A heading within a section."""

    text: str


@dataclass(frozen=True)
class Bullets:
    """A list."""

    items: tuple[Inline, ...]


@dataclass(frozen=True)
class Code:
    """Lines to be copied as they are."""

    text: str


@dataclass(frozen=True)
class Row:
    """A row of a table, its first cell a heading; `shaded` rows stand back."""

    cells: tuple[Inline, ...]
    shaded: bool = False


@dataclass(frozen=True)
class Grid:
    """A table. widths: shares of the page that the columns take on paper; on a screen they find their own."""

    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    widths: tuple[float, ...]
    caption: str = ""
    label: str = ""
    """What it shows, for those who hear the page; empty takes the caption."""


@dataclass(frozen=True)
class Figure:
    """A figure, drawn or an SVG file with a PNG beside it; `alt` says its numbers to those who do not see it."""

    picture: Drawing | Path
    alt: str
    caption: Inline
    title: str = ""
    anchor: str = ""
    wide: bool = False
    """Whether it takes the whole width of the page."""


Block = Paragraph | Heading | Bullets | Code | Grid | Figure


@dataclass(frozen=True)
class Section:
    """A part of a report with its place in the table of contents; short: its name there."""

    title: str
    anchor: str
    blocks: tuple[Block, ...]
    short: str = ""


@dataclass(frozen=True)
class Document:
    """A report. opening: what stands above the first section; data: facts kept in the page for programs, by name."""

    title: str
    opening: tuple[Block, ...]
    sections: tuple[Section, ...]
    data: tuple[tuple[str, str], ...] = ()


def pieces(text: Inline) -> tuple[str | Span, ...]:
    """A text as its pieces."""
    return text if isinstance(text, tuple) else (text,)


def plain(text: Inline) -> str:
    """A text without what sets its words apart."""
    return "".join(piece if isinstance(piece, str) else piece.text for piece in pieces(text))


def joined(parts: Iterable[Inline], between: str = "\n") -> tuple[str | Span, ...]:
    """Texts one after the other, empty ones left out."""
    found: list[str | Span] = []
    for part in parts:
        if plain(part):
            found += [*([between] if found else []), *pieces(part)]
    return tuple(found)


def glued(text: str) -> str:
    """A heading whose numbers stay with their per cent sign."""
    return text.replace(" %", "\u00a0%")
