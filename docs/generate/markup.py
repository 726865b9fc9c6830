"""Small words of MyST Markdown: tables, targets, links, marks, and texts of the catalogue made safe for it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from exude.catalog import read
from exude.show import words

SPECIAL = re.compile(r"([\\`*_{}\[\]<>$|~#])")
LIST = re.compile(r"^(\d*)([.)+=-])(?=\s|$)")
"""What at the beginning of a line would begin a list or a heading."""
POWERS = {"**2": "²", "**3": "³"}
RESOLVERS = {"doi": "https://doi.org/", "pmid": "https://pubmed.ncbi.nlm.nih.gov/"}


def plain(text: str) -> str:
    """A text of the catalogue on one line, with nothing in it read as markup but `code` in backticks."""
    return _safe(text, words.micro)


def typed(text: str) -> str:
    """The same for a text about what is typed: uM stays uM."""
    return _safe(text, str)


def _safe(text: str, spelled: Callable[[str], str]) -> str:
    pieces = re.split(r"`([^`]*)`", " ".join(text.split()))
    safe = "".join(code(p) if i % 2 else SPECIAL.sub(r"\\\1", spelled(p)) for i, p in enumerate(pieces))
    return LIST.sub(r"\1\\\2", safe)


def code(text: str) -> str:
    """Code on the line; nothing for an empty text."""
    return f"`{text.replace('|', chr(92) + '|')}`" if text else ""


def paragraphs(text: str) -> str:
    """A docstring as paragraphs."""
    return "\n\n".join(plain(part) for part in text.strip().split("\n\n"))


def unit(text: str) -> str:
    """A unit as printed."""
    said = words.unit(text)
    for power, sign in POWERS.items():
        said = said.replace(power, sign)
    return said.replace("**", "^")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> str:
    """A table; nothing where it has no rows. Columns without any entry are left out; `kind` sets widths of the rest."""
    body = [list(row) for row in rows]
    used = [i for i in range(len(head)) if any(row[i] for row in body)]
    lines = [[head[i] for i in used], ["---"] * len(used), *([row[i] for i in used] for row in body)]
    text = "\n".join("| " + " | ".join(cells) + " |" for cells in lines) + "\n"
    return (f"{{.{kind}}}\n{text}" if kind else text) if body else ""


def target(name: str, shown: str) -> str:
    """A place in a line that links can lead to."""
    return f"[{shown}]{{#{name}}}"


def link(name: str, shown: str) -> str:
    """A link to a place of that name on any page."""
    return f"[{shown}](#{name})"


def mark(text: str, kind: str) -> str:
    """A small label; `kind` gives its colour."""
    return f"[{text}]{{.mark .{kind.replace(' ', '-')}}}"


def small(text: str) -> str:
    """A second line of a cell; nothing for nothing."""
    return f"<br>[{text}]{{.small}}" if text else ""


def number_place(name: str) -> str:
    """Name of the place where a parameter stands."""
    return f"number-{name}"


def quantity_place(name: str) -> str:
    """Name of the place where a quantity of the literature stands."""
    return f"quantity-{name}"


def reference_place(key: str) -> str:
    """Name of the place where a reference stands."""
    return f"reference-{key}"


def cited(keys: Iterable[str]) -> str:
    """Keys of references, each a link to its source; to the page of references where no address is known."""
    return ", ".join(source(key) for key in keys)


def source(key: str) -> str:
    """One reference as a link, to its DOI where it has one."""
    address = outside(key)
    return f"[{plain(key)}]({address})" if address else link(reference_place(key), plain(key))


def outside(key: str) -> str:
    """Address of a reference outside; nothing where the catalogue has none."""
    entry = read.references().get(key, {})
    for name, resolver in RESOLVERS.items():
        if entry.get(name):
            return resolver + entry[name]
    return entry.get("url", "")


def toctree(pages: Iterable[str], *, depth: int = 1) -> str:
    """A list of pages, hidden: the navigation shows it."""
    return "\n".join(["```{toctree}", ":hidden:", f":maxdepth: {depth}", "", *pages, "```", ""])


def wide(text: str) -> str:
    """The page without a table of contents beside it, which leaves room for wide tables; its parts are named on top."""
    head, begin, rest = text.partition("\n## ")
    titles = re.findall(r"^## (.*)$", begin + rest, re.MULTILINE)
    links = " · ".join(f"[{title}](#{slug(title)})" for title in titles)
    named = f"\n{{.parts}}\nOn this page: {links}\n" if len(titles) > 1 else ""
    target = re.search(r"\n\([\w.-]+\)=$", head)  # a target belongs to the heading that follows it
    cut = target.start() if target else len(head)
    return f"---\nhide-toc: true\n---\n\n{head[:cut]}\n{named}{head[cut:]}{begin}{rest}"


def slug(title: str) -> str:
    """The anchor that a heading gets."""
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
