"""Read one declared definition off for given values, in plain Python: for analysis, never in a run."""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Mapping
from typing import Any

from exude.derive import grammar
from exude.model import Cascade

_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "hill": lambda x, k, n: x**n / (k**n + x**n),
    "fall": lambda x, k, n: k**n / (k**n + x**n),
    "mix": lambda x, w: 1 - w + w * x,
    "saturate": lambda x, k: x * (1 + k) / (x + k),
    "ratio": lambda a, b: a / b if b else 0 * a,
    "max": max,
    "min": min,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
}

_OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}


def evaluate(cascade: Cascade, symbol: str, given: Callable[[str], Any] | Mapping[str, Any]) -> Any:
    """Value of a definition; `given` holds what is not defined (parameters, levels, traces, counts).

    Valid for numbers; for arrays where the texts use arithmetic, hill, fall, mix and saturate only.
    """
    texts = {d.symbol: d.text for d in cascade.definitions}
    look_up = given.__getitem__ if isinstance(given, Mapping) else given

    def value(name: str) -> Any:
        return walk(grammar.parse(texts[name])) if name in texts else look_up(name)

    def walk(node: ast.expr) -> Any:
        match node:
            case ast.Constant(value=number):
                return number
            case ast.Name(id=name):
                return value(name)
            case ast.UnaryOp(operand=operand):
                return -walk(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _OPERATORS[type(op)](walk(left), walk(right))
            case ast.Call(func=ast.Name(id=name), args=args):
                return _FUNCTIONS[name](*map(walk, args))
        raise AssertionError(ast.dump(node))

    return value(symbol)
