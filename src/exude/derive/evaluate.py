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
    texts = {d.symbol: d.text for d in cascade.definitions}
    look_up = given.__getitem__ if isinstance(given, Mapping) else given

    def value(name: str) -> Any:
        return grammar.fold(grammar.parse(texts[name]), value, _FUNCTIONS, int) if name in texts else look_up(name)

    return value(symbol)
