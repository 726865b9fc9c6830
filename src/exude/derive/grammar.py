"""The grammar of rate texts: names, numbers 0, 1 and 2, + - * / **, and a short list of functions.

A text is parsed by Python's own parser and read through a list of allowed nodes, so nothing a user writes is run.
From the parsed text come Numba source, SymPy (for the Jacobian) and dimensions.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import sympy

from exude.errors import DeclarationError, refuse
from exude.units import dimension

FUNCTIONS: dict[str, int] = {
    "hill": 3, "fall": 3, "mix": 2, "saturate": 2, "ratio": 2, "max": 2, "min": 2, "exp": 1, "log": 1, "sqrt": 1,
}  # fmt: skip
"""Name -> number of arguments.

hill(x, K, n) = x^n / (K^n + x^n); fall = 1 - hill; mix(x, w) = 1 - w + w x; saturate(x, K) = x (1 + K) / (x + K),
which is 1 at x = 1; ratio(a, b) = a / b, and 0 where b is 0.
"""

_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}


def parse(text: str) -> ast.expr:
    """Parse one rate text; raise DeclarationError for anything outside the grammar."""
    try:
        tree = ast.parse(text, mode="eval").body
    except SyntaxError as problem:
        raise refuse(DeclarationError, text, "one arithmetic expression", f"Python says: {problem.msg}.") from problem
    for node in ast.walk(tree):
        _allow(node, text)
    return tree


def names(tree: ast.expr) -> set[str]:
    """Symbols a parsed text reads."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}


def to_python(tree: ast.expr, symbol: Callable[[str], str]) -> str:
    """Numba source of a parsed text; `symbol` says how each name is spelled there."""
    match tree:
        case ast.Constant(value=int() | float() as value):
            return repr(float(value))
        case ast.Name(id=name):
            return symbol(name)
        case ast.UnaryOp(operand=operand):
            return f"(-{to_python(operand, symbol)})"
        case ast.BinOp(left=left, op=ast.Pow(), right=ast.Constant(value=2)):
            return f"square({to_python(left, symbol)})"
        case ast.BinOp(left=left, op=ast.Pow(), right=right):
            return f"power({to_python(left, symbol)}, {to_python(right, symbol)})"
        case ast.BinOp(left=left, op=op, right=right):
            return f"({to_python(left, symbol)} {_OPERATORS[type(op)]} {to_python(right, symbol)})"
        case ast.Call(func=ast.Name(id=name), args=args):
            return f"{name}({', '.join(to_python(arg, symbol) for arg in args)})"
    raise AssertionError(ast.dump(tree))


def to_sympy(tree: ast.expr, symbol: Callable[[str], sympy.Expr]) -> sympy.Expr:
    """SymPy expression of a parsed text, built node by node (never by evaluating text)."""
    return fold(tree, symbol, _SYMPY, sympy.Integer)


def fold(
    tree: ast.expr,
    symbol: Callable[[str], Any],
    functions: Mapping[str, Callable[..., Any]],
    number: Callable[[int], Any],
) -> Any:
    """Value of a parsed text in any algebra: what its symbols, functions and whole numbers stand for is given."""
    match tree:
        case ast.Constant(value=int() | float() as value):
            return number(int(value))
        case ast.Name(id=name):
            return symbol(name)
        case ast.UnaryOp(operand=operand):
            return -fold(operand, symbol, functions, number)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](fold(left, symbol, functions, number), fold(right, symbol, functions, number))
        case ast.Call(func=ast.Name(id=name), args=args):
            return functions[name](*(fold(arg, symbol, functions, number) for arg in args))
    raise AssertionError(ast.dump(tree))


def to_dimension(tree: ast.expr, unit_of: Mapping[str, str], text: str) -> Any:
    """Dimensionality of a parsed text; DeclarationError where its parts cannot be added, raised or compared."""
    none = dimension("")

    def walk(node: ast.expr) -> Any:
        match node:
            case ast.Constant():
                return none
            case ast.Name(id=name):
                return dimension(unit_of[name])
            case ast.UnaryOp(operand=operand):
                return walk(operand)
            case ast.BinOp(left=left, op=op, right=right):
                return _combine(type(op), walk(left), walk(right), right, text)
            case ast.Call(func=ast.Name(id=name), args=args):
                kept = [arg for arg in args if name not in ("max", "min") or not _is_zero(arg)]
                return _applied(name, [walk(arg) for arg in kept], text)
        raise AssertionError(ast.dump(node))

    return walk(tree)


def _same(a: Any, b: Any, text: str) -> Any:
    if a != b:
        raise refuse(DeclarationError, text, f"parts of one dimension, not {a} and {b}", "Check the units.")
    return a


def _combine(op: type, a: Any, b: Any, exponent: ast.expr, text: str) -> Any:
    """Dimension of two parts joined by an operator."""
    if op in (ast.Add, ast.Sub):
        return _same(a, b, text)
    if op is ast.Mult:
        return a * b
    if op is ast.Div:
        return a / b
    none = dimension("")
    _same(b, none, text)
    if isinstance(exponent, ast.Constant):
        return a**exponent.value
    return _same(a, none, text)


def _applied(name: str, dims: list[Any], text: str) -> Any:
    """Dimension of a function of parts."""
    none = dimension("")
    if name in ("max", "min"):
        return _same(dims[0], dims[-1], text)
    if name == "ratio":
        return dims[0] / dims[1]
    if name == "sqrt":
        return dims[0] ** 0.5
    if name in ("hill", "fall"):
        _same(dims[0], dims[1], text)
        return _same(dims[2], none, text)
    for d in dims:
        _same(d, none, text)
    return none


def _allow(node: ast.AST, text: str) -> None:
    if isinstance(node, ast.Constant) and node.value in (0, 1, 2) and not isinstance(node.value, bool):
        return
    if isinstance(node, ast.Call):
        arity = FUNCTIONS.get(node.func.id) if isinstance(node.func, ast.Name) else None
        if arity == len(node.args) and not node.keywords:
            return
    elif isinstance(node, ast.UnaryOp):
        if isinstance(node.op, ast.USub):
            return
    elif isinstance(node, (ast.Name, ast.Load, ast.BinOp, ast.USub, *_OPERATORS)):
        return
    raise refuse(
        DeclarationError,
        text,
        f"names, 0, 1, 2, + - * / ** and {', '.join(FUNCTIONS)}",
        f"Remove {ast.unparse(node) if isinstance(node, ast.expr) else type(node).__name__}; "
        "put a number into the catalogue under a name.",
    )


def _is_zero(node: ast.expr) -> bool:
    """Zero has every dimension: max(0, x) needs no unit on its 0."""
    return isinstance(node, ast.Constant) and node.value == 0


_BINARY: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}

ARITHMETIC: dict[str, Callable[..., Any]] = {
    "hill": lambda x, k, n: x**n / (k**n + x**n),
    "fall": lambda x, k, n: k**n / (k**n + x**n),
    "mix": lambda x, w: 1 - w + w * x,
    "saturate": lambda x, k: x * (1 + k) / (x + k),
}
"""Functions of the grammar that are arithmetic alone, in any algebra."""

_SYMPY: dict[str, Callable[..., sympy.Expr]] = {
    **ARITHMETIC,
    "ratio": lambda a, b: a / b,
    "max": sympy.Max,
    "min": sympy.Min,
    "exp": sympy.exp,
    "log": sympy.log,
    "sqrt": sympy.sqrt,
}
