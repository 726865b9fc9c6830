"""A report as one HTML file that needs nothing else: no script, no address, figures inside."""

from __future__ import annotations

from functools import cache
from typing import Any

from exude.show.blocks import Block, Document, glued, pieces
from exude.show.pictures import inside

TEMPLATES = "templates"
PAGE = "document.html.j2"
ADDRESSES = ("#", "https://")
"""How a link may begin; anything else is shown as words."""


def webpage(document: Document) -> str:
    """The report as HTML text; all words are escaped."""
    return str(_house().get_template(PAGE).render(document=document))


@cache
def _house() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    house = Environment(
        loader=PackageLoader("exude.show", TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    house.filters |= {"kind": _kind, "pieces": pieces, "inside": inside, "glued": glued}
    house.tests["address"] = lambda to: str(to).startswith(ADDRESSES)
    return house


def _kind(block: Block) -> str:
    return type(block).__name__
