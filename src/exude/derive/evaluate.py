"""Read one declared definition off for given values, in plain Python: for analysis, never in a run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from exude.derive import grammar
from exude.model import Cascade


def evaluate(cascade: Cascade, symbol: str, given: Callable[[str], Any] | Mapping[str, Any]) -> Any:
    """Value of a definition; `given` holds what is not defined (parameters, levels, traces, counts).

    Valid for numbers; for arrays where the texts use arithmetic, hill, fall, mix and saturate only.
    """
    return reader(cascade, given)(symbol)


def reader(cascade: Cascade, given: Callable[[str], Any] | Mapping[str, Any]) -> Callable[[str], Any]:
    """A function from a rate text to its value for the given symbols; each definition is worked out once."""
    texts = {d.symbol: d.text for d in cascade.definitions}
    look_up = given.__getitem__ if isinstance(given, Mapping) else given
    known: dict[str, Any] = {}

    def value(name: str) -> Any:
        if name not in texts:
            return look_up(name)
        if name not in known:
            known[name] = read(texts[name])
        return known[name]

    def read(text: str) -> Any:
        # Whole numbers as floats: 2 ** 2 ** 2 ** n must overflow, not fill the memory with digits.
        return grammar.fold(_tree(text), value, grammar.PLAIN, float)

    return read


@lru_cache(maxsize=4096)
def _tree(text: str) -> ast.expr:
    """A parsed text, kept because many values are read off the same few texts; never handed out, so never changed."""
    return grammar.parse(text)
