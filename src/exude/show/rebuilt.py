"""What a result says of its making, read back: "KnockDown(gene='UNC13D', to=0.2)" as the value it stands for.

Only the nouns of the laboratory with plain values inside are built; no text is run.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from exude.errors import DataError, ExudeError
from exude.experiment import arrange, bed, dosing, fluorescence, matrix
from exude.experiment import perturbations as done

NOUNS: dict[str, Callable[..., Any]] = {
    kind.__name__: kind
    for kind in (
        done.KnockDown, done.KnockOut, done.Overexpress, done.DominantNegative, done.Rescue, done.Drug, done.Stimulus,
        done.External, done.Permeabilised, done.CalciumTrace, done.CalciumModel,
        fluorescence.Fura2, fluorescence.SingleWavelength, matrix.Gel, matrix.Film, matrix.Plastic,
        arrange.Scattered, arrange.Spheroid, arrange.Wound, arrange.Layer, arrange.At, arrange.Mixture, arrange.Among,
        bed.Capillaries, bed.Host, dosing.Schedule,
    )
}  # fmt: skip
"""What may stand in a result's provenance, by name."""
DEEPEST = 50
"""Levels of brackets in such a text."""


def rebuilt(text: str) -> Any:
    """The value that a repr stands for; DataError for anything that is not one of these nouns or a plain value."""
    try:
        return _value(ast.parse(str(text), mode="eval").body, DEEPEST)
    except ExudeError as problem:
        raise DataError(f"{problem} (in what a result says of its making)") from problem
    except (SyntaxError, ValueError, TypeError, RecursionError, MemoryError) as problem:
        said = " ".join(str(problem).split())
        fix = "Make the run again with this version."
        raise DataError(f"got {str(text)[:80]!r} ({said}); expected what a run says of its making. {fix}") from problem


def _value(node: ast.expr, left: int) -> Any:
    if left == 0:
        raise ValueError("nested too deep")
    match node:
        case ast.Call(ast.Name(name), args, keywords) if name in NOUNS:
            named = {k.arg: _value(k.value, left - 1) for k in keywords if k.arg}
            return NOUNS[name](*(_value(a, left - 1) for a in args), **named)
        case ast.Tuple(items):
            return tuple(_value(item, left - 1) for item in items)
        case ast.List(items):
            return [_value(item, left - 1) for item in items]
        case ast.Dict(keys, values):
            pairs = zip(keys, values, strict=True)
            return {_value(key, left - 1): _value(value, left - 1) for key, value in pairs if key is not None}
        case _:
            return ast.literal_eval(node)
