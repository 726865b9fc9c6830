"""Docstrings of the house as reStructuredText for autodoc: they are plain text with a few habits.

`name: what it is` begins the account of an argument, `Raises`, `Returns`, `Example:` and `Valid when:` a part of its own,
`code` stands in single backticks.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable
from typing import Any

from sphinx.application import Sphinx

import exude
from exude import errors

PARTS = re.compile(r"(?<=[.:)\]\0] )(?=(?:Raises|Returns|Valid when:|Example:)\s)")
ERROR_NAMES = tuple(name for name, x in vars(errors).items() if inspect.isclass(x) and issubclass(x, errors.ExudeError))
ERRORS = re.compile(rf"(?<!`)\b({'|'.join(ERROR_NAMES)})\b(?!`)")
NEW = "\0"
"""Marks a sentence that begins on a line of its own: it is not about the argument before it."""
SPECIAL = re.compile(r"([\\*_|])")


def rewritten(doc: str, names: Iterable[str]) -> list[str]:
    """Lines of reStructuredText for a docstring whose arguments or fields have these names."""
    made: list[str] = []
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(doc)):
        if paragraph.startswith((" ", "\t")) or "\n    " in paragraph:
            made += ["::", "", *(f"    {line}" for line in paragraph.splitlines()), ""]
            continue
        text = re.sub(r"\.\n(?=[A-Z])", f".{NEW} ", paragraph)
        for part in PARTS.split(" ".join(text.split())):
            made += _part(part, tuple(names))
    return made


def _part(text: str, names: tuple[str, ...]) -> list[str]:
    word = next((w for w in ("Example:", "Valid when:", "Raises", "Returns") if text.startswith(w)), "")
    rest = text.removeprefix(word).strip()
    if word == "Example:":
        return [".. code-block:: python", "", f"   {rest}", ""]
    if word:
        said = ERRORS.sub(r"`\1`", rest) if word == "Raises" else rest
        return [f"**{word.rstrip(':')}** {marked(said)}", ""]
    return _arguments(text, names)


def _arguments(text: str, names: tuple[str, ...]) -> list[str]:
    """A paragraph whose sentences about arguments become a list."""
    one = rf"`?(?:{'|'.join(map(re.escape, names))})`?" if names else r"(?!)"
    begin = re.compile(rf"(?:^|(?<=[.;)] ))({one}(?:, {one})*): ")
    pieces = begin.split(text)
    made = [marked(pieces[0]), ""] if pieces[0].strip() else []
    for name, said in zip(pieces[1::2], pieces[2::2], strict=True):
        shown = ", ".join(f"``{n.strip('` ')}``" for n in name.split(","))
        own, _, after = said.strip().partition(NEW)
        made += [shown, f"    {marked(own)}", ""] + ([marked(after.strip()), ""] if after.strip() else [])
    return made


def marked(text: str) -> str:
    """Text with `code` as literals, public names as links, and nothing else read as markup."""
    pieces = re.split(r"`([^`]+)`", text.replace(NEW, ""))
    return "".join(_code(p) if i % 2 else SPECIAL.sub(r"\\\1", p) for i, p in enumerate(pieces))


def _code(text: str) -> str:
    name = text.removeprefix("exude.")
    if name in exude.__all__:
        return f":py:obj:`~exude.{name}`"
    return f":py:obj:`~exude.errors.{name}`" if name in ERROR_NAMES else f"``{text}``"


def process(app: Sphinx, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Rewrite a docstring in place (event `autodoc-process-docstring`)."""
    try:
        names = tuple(inspect.signature(thing).parameters) if callable(thing) else ()
    except (TypeError, ValueError):
        names = ()
    names += tuple(n for n in getattr(thing, "__annotations__", {}) if n not in names) if what == "class" else ()
    lines[:] = rewritten("\n".join(lines), names)


def readable(
    app: Sphinx, what: str, name: str, thing: Any, options: Any, signature: str, gives: str
) -> tuple[str, str] | None:
    """A signature that Sphinx can read where a default is made anew each time (event `autodoc-process-signature`)."""
    return (signature.replace("<factory>", "..."), gives) if signature and "<factory>" in signature else None


def setup(app: Sphinx) -> dict[str, bool]:
    """Listen to autodoc."""
    app.connect("autodoc-process-docstring", process)
    app.connect("autodoc-process-signature", readable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
