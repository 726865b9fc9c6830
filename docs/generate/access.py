"""What the theme leaves undone for keyboards and screen readers: what scrolls can be reached, headings have a level."""

from __future__ import annotations

import re
from typing import Any

from sphinx.application import Sphinx

REACHED = {
    "<pre>": '<pre tabindex="0">',
    '<div class="table-wrapper': '<div tabindex="0" class="table-wrapper',
}
LEVELLED = {'role="heading">': 'role="heading" aria-level="2">'}
SIGNATURE = re.compile(r'(<span class="sig-paren">\(</span>\s*)<dl>(.*?)</dl>', re.DOTALL)
"""Arguments of a long signature, which Sphinx writes as a list of descriptions of nothing."""
AFTER_THEME = 900


def _replaced(text: str, pairs: dict[str, str]) -> str:
    for old, new in pairs.items():
        text = text.replace(old, new)
    return text


def _lines(found: re.Match[str]) -> str:
    lines = found[2].replace("<dd>", '<span class="sig-line">').replace("</dd>", "</span>")
    return f"{found[1]}{lines}"


def mend(app: Sphinx, page: str, template: str, context: dict[str, Any], tree: Any) -> None:
    """Mend a page that is about to be written (event `html-page-context`)."""
    if "body" in context:
        context["body"] = SIGNATURE.sub(_lines, _replaced(context["body"], REACHED))
    if "furo_navigation_tree" in context:
        context["furo_navigation_tree"] = _replaced(context["furo_navigation_tree"], LEVELLED)


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen after the theme has made its navigation."""
    app.connect("html-page-context", mend, priority=AFTER_THEME)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
