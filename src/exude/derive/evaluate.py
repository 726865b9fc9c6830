"""Read one declared definition off for given values, in plain Python: for analysis, never in a run."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from exude.derive import grammar
from exude.model import Cascade

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    **grammar.ARITHMETIC,
    "ratio": lambda a, b: a / b if b else 0 * a,
    "max": max,
    "min": min,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
}


def evaluate(cascade: Cascade, symbol: str, given: Callable[[str], Any] | Mapping[str, Any]) -> Any:
    """Value of a definition; `given` holds what is not defined (parameters, levels, traces, counts).

    Valid for numbers; for arrays where the texts use arithmetic, hill, fall, mix and saturate only.
    """
    return reader(cascade, given)(symbol)


def reader(cascade: Cascade, given: Callable[[str], Any] | Mapping[str, Any]) -> Callable[[str], Any]:
    """A function from a rate text to its value for the given symbols; each definition is worked out once."""
    trees = {d.symbol: grammar.parse(d.text) for d in cascade.definitions}
    look_up = given.__getitem__ if isinstance(given, Mapping) else given
    known: dict[str, Any] = {}

    def value(name: str) -> Any:
        if name not in trees:
            return look_up(name)
        if name not in known:
            known[name] = grammar.fold(trees[name], value, _FUNCTIONS, int)
        return known[name]

    return lambda text: grammar.fold(grammar.parse(text), value, _FUNCTIONS, int)
