"""The grammar of rate texts: names, numbers 0, 1 and 2, + - * / **, and a short list of functions.

A text is parsed by Python's own parser and read through a list of allowed nodes, so nothing a user writes is run.
From the parsed text come Numba source, SymPy (for the Jacobian) and dimensions.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import Any

import sympy

from exude.errors import DeclarationError, nearest, refuse
from exude.units import dimension

FUNCTIONS: dict[str, int] = {
    "hill": 3, "fall": 3, "mix": 2, "saturate": 2, "ratio": 2, "max": 2, "min": 2, "exp": 1, "log": 1, "sqrt": 1,
}  # fmt: skip
"""Name -> number of arguments.

hill(x, K, n) = x^n / (K^n + x^n); fall = 1 - hill; mix(x, w) = 1 - w + w x; saturate(x, K) = x (1 + K) / (x + K),
which is 1 at x = 1; ratio(a, b) = a / b, and 0 where b is 0.
"""

_SIGNATURES = {"hill": "hill(x, K, n)", "fall": "fall(x, K, n)", "mix": "mix(x, w)", "saturate": "saturate(x, K)"}
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "**"}
_EXPECTED = f"names, 0, 1, 2, + - * / ** and {', '.join(FUNCTIONS)}"
_FOREIGN = re.compile(r"[^A-Za-z0-9_ \t\n+\-*/(),.]")

LONGEST = 10_000
"""Letters of one rate text."""
DEEPEST = 50
"""Operations within operations in one rate text: everything that reads a text walks it by recursion."""
MOST_BITS = 1024
MOST_EXPONENT = 16
"""Limits of what numbers alone may make: 2 ** 2 ** 2 ** 2 ** 2 would fill the memory of exact algebra."""


def parse(text: str) -> ast.expr:
    """Parse one rate text; raise DeclarationError, with a caret under the place, for anything outside the grammar."""
    if not isinstance(text, str) or not text.strip():
        raise refuse(DeclarationError, text, "a rate text", "Write for example 'k_prime * hill(calcium, half, 2)'.")
    plain = text.strip()
    if len(plain) > LONGEST:
        fix = "Give parts of it names of their own, each in a Definition."
        raise _wrong(plain, 0, f"{len(plain)} letters", fix, f"at most {LONGEST} in one rate text")
    foreign = _FOREIGN.search(plain)
    if foreign:
        raise _wrong(plain, foreign.start(), foreign[0], "Remove it; names are made of A-Z, a-z, 0-9 and _.")
    tree = _parsed(plain)
    if depth(tree) > DEEPEST:
        raise _deep(plain, _of(tree, plain))
    for node in ast.walk(tree):
        _allow(node, plain)
    _alone(tree, plain)
    return tree


def _parsed(text: str) -> ast.expr:
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as problem:
        # Python points to the beginning where the end is missing.
        place = len(text) if text[-1] in "+-*/," else _place(text, problem.lineno or 1, (problem.offset or 1) - 1)
        rest = text[place : place + 20].split("\n")[0].strip()
        fix = f"Python says: {problem.msg.rstrip('.')}."
        raise _wrong(text, place, rest or "the end of the text", fix, "one arithmetic expression") from problem
    except (RecursionError, MemoryError) as problem:
        raise _deep(text, 0) from problem


def pointed(text: str, place: int) -> str:
    """A text, or what of it stands around a place, with a caret under that place."""
    begin = text.rfind("\n", 0, place) + 1
    line = re.sub(r"\s", " ", text[begin:].split("\n")[0])
    line = "".join(letter if letter.isprintable() else "?" for letter in line)
    column = min(place - begin, len(line))
    first = max(0, column - 60) if len(line) > 100 else 0
    dots = "..." if first else ""
    shown = dots + line[first : first + 100] + ("..." if len(line) > first + 100 else "")
    return f"    {shown}\n    {' ' * (len(dots) + column - first)}^"


def unknown(text: str, name: str, owner: str, known: Iterable[str]) -> DeclarationError:
    """The error for a name that nothing declares."""
    found = re.search(rf"\b{re.escape(name)}\b", text.strip())
    close = nearest(name, known)
    hint = f"; did you mean {' or '.join(repr(c) for c in close)}?" if close else "."
    fix = "Declare it, give it a value, or correct its spelling."
    said = f"{owner} reads {name!r}, which is nowhere declared{hint} {fix}"
    return DeclarationError(f"{said}\n{pointed(text.strip(), found.start() if found else 0)}")


def _wrong(
    text: str, place: int, got: str, fix: str, expected: str = _EXPECTED, near: Iterable[str] = ()
) -> DeclarationError:
    said = refuse(DeclarationError, got, f"{expected} in a rate text" if expected == _EXPECTED else expected, fix, near)
    return DeclarationError(f"{said}\n{pointed(text, place)}")


def _place(text: str, line: int, column: int) -> int:
    """Place in a text of a line (from 1) and a column (from 0)."""
    begin = sum(len(part) + 1 for part in text.split("\n")[: line - 1])
    return max(0, min(begin + column, len(text)))


def _of(node: ast.AST, text: str) -> int:
    return _place(text, getattr(node, "lineno", 1), getattr(node, "col_offset", 0))


def _sign(node: ast.BinOp, text: str) -> int:
    """Place of the sign between two parts."""
    place = _place(text, node.left.end_lineno or 1, node.left.end_col_offset or 0)
    while place < len(text) - 1 and text[place] in " \t\n)":
        place += 1
    return place


def _deep(text: str, place: int) -> DeclarationError:
    fix = "Give parts of it names of their own, each in a Definition."
    return _wrong(text, place, "a text nested too deep", fix, f"at most {DEEPEST} operations within each other")


def depth(tree: ast.expr) -> int:
    """Operations within operations, 1 for a name."""
    level: list[ast.AST] = [tree]
    count = 0
    while level and count <= DEEPEST:
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        count += 1
    return count


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
            case ast.BinOp(left=left, right=right):
                return _combine(node, walk(left), walk(right), text)
            case ast.Call(args=args):
                zero_fits = _called(node) in ("max", "min")
                kept = [arg for arg in args if not (zero_fits and _is_zero(arg))]
                return _applied(node, [walk(arg) for arg in kept or args], text)
        raise AssertionError(ast.dump(node))

    return walk(tree)


def _same(a: Any, b: Any, node: ast.expr, text: str) -> Any:
    if a != b:
        said = refuse(DeclarationError, text[:200], f"parts of one dimension, not {a} and {b}", "Check the units.")
        raise DeclarationError(f"{said}{_where(node, text)}")
    return a


def _where(node: ast.expr, text: str) -> str:
    """The caret under a node of a text; nothing where the tree was not read from this text."""
    if getattr(node, "end_lineno", None) is None:
        return ""
    plain = text.strip()
    begin, end = _of(node, plain), _place(plain, node.end_lineno or 1, node.end_col_offset or 0)
    try:
        same = ast.dump(ast.parse(plain[begin:end].strip(), mode="eval").body) == ast.dump(node)
    except SyntaxError:
        same = False
    return f"\n{pointed(plain, _sign(node, plain) if isinstance(node, ast.BinOp) else begin)}" if same else ""


def _combine(node: ast.BinOp, a: Any, b: Any, text: str) -> Any:
    """Dimension of two parts joined by an operator."""
    op, exponent = type(node.op), node.right
    if op in (ast.Add, ast.Sub):
        return _same(a, b, node, text)
    if op is ast.Mult:
        return a * b
    if op is ast.Div:
        return a / b
    none = dimension("")
    _same(b, none, node, text)
    if isinstance(exponent, ast.Constant):
        return a**exponent.value
    return _same(a, none, node, text)


def _applied(node: ast.Call, dims: list[Any], text: str) -> Any:
    """Dimension of a function of parts."""
    none, name = dimension(""), _called(node)
    if name in ("max", "min"):
        return _same(dims[0], dims[-1], node, text)
    if name == "ratio":
        return dims[0] / dims[1]
    if name == "sqrt":
        return dims[0] ** 0.5
    if name in ("hill", "fall"):
        _same(dims[0], dims[1], node, text)
        return _same(dims[2], none, node, text)
    for d in dims:
        _same(d, none, node, text)
    return none


def _allow(node: ast.AST, text: str) -> None:
    """Refuse a node that is outside the grammar."""
    match node:
        case ast.Constant(value=value):
            if type(value) in (int, float) and value in (0, 1, 2):
                return
            raise _wrong(text, _of(node, text), ast.unparse(node), "Put a number into the catalogue under a name.")
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]):
            if FUNCTIONS.get(name) == len(args):
                return
            raise _wrong_call(node, name, len(args), text)
        case ast.BinOp(op=op):
            if type(op) in _OPERATORS:
                return
            raise _wrong(text, _sign(node, text), text[_sign(node, text) :][:2].strip(), "Use + - * / or **.")
        case ast.Name() | ast.UnaryOp(op=ast.USub()):
            return
        case ast.expr():
            raise _wrong(text, _of(node, text), ast.unparse(node)[:60], f"Remove {ast.unparse(node)[:60]}.")


def _wrong_call(node: ast.Call, name: str, count: int, text: str) -> DeclarationError:
    if name not in FUNCTIONS:
        fix = "Use one of them; what is missing can be written with + - * / **."
        return _wrong(text, _of(node, text), name, fix, f"a function: {', '.join(FUNCTIONS)}", FUNCTIONS)
    form = _SIGNATURES.get(name, f"{name}({', '.join('abc'[: FUNCTIONS[name]])})")
    return _wrong(text, _of(node, text), f"{name} of {count}", f"Write {form}.", f"{name} of {FUNCTIONS[name]} parts")


def _alone(node: ast.expr, text: str) -> Fraction | None:
    """What a part made of numbers alone comes to (roots, exp and log roughly), or None; refused where it is too large.

    Exact algebra would work such numbers out digit by digit, however many there are.
    """
    if isinstance(node, ast.Constant):
        return Fraction(str(node.value))
    if isinstance(node, ast.UnaryOp):
        inner = _alone(node.operand, text)
        return None if inner is None else -inner
    parts = [_alone(part, text) for part in _parts(node)]
    known = [part for part in parts if part is not None]
    powers = (isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow)) or _called(node) in ("hill", "fall")
    exponent = parts[-1] if powers else None
    if exponent is not None and (abs(exponent) > MOST_EXPONENT or exponent.denominator > MOST_EXPONENT):
        raise _wrong(text, _of(node, text), f"the exponent {float(exponent):g}", "Give it a name and a value.")
    if not parts or len(known) < len(parts):
        return None
    try:
        value = Fraction(_worked_out(node, known))
    except (ArithmeticError, ValueError, TypeError) as problem:
        got = f"{ast.unparse(node)[:60]}, which is no number"
        raise _wrong(text, _of(node, text), got, "Remove it.") from problem
    if max(value.numerator.bit_length(), value.denominator.bit_length()) > MOST_BITS:
        raise _wrong(text, _of(node, text), "numbers that make a far too large or too fine one", "Give it a name.")
    return value


def _parts(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp):
        return [node.left, node.right]
    return node.args if isinstance(node, ast.Call) else []


def _called(node: ast.expr) -> str:
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _worked_out(node: ast.expr, values: list[Fraction]) -> Any:
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](*values)
    return PLAIN[_called(node)](*values)


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

PLAIN: dict[str, Callable[..., Any]] = {
    **ARITHMETIC,
    "ratio": lambda a, b: a / b if b else 0 * a,
    "max": max,
    "min": min,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
}
"""Functions of the grammar in plain numbers."""
