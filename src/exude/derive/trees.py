"""Rate texts as trees, built and joined without writing text."""

from __future__ import annotations

import ast
from collections.abc import Iterable

Tree = ast.expr
MOST_IN_A_ROW = 16
"""Parts that are added from left to right; more of them are halved first."""


def name(symbol: str) -> Tree:
    """A symbol as a tree."""
    return ast.Name(id=symbol)


def number(value: int) -> Tree:
    """A whole number as a tree."""
    return ast.Constant(value=value)


def times(*factors: Tree) -> Tree:
    """Product; whole ones are left out."""
    kept = [f for f in factors if not (isinstance(f, ast.Constant) and f.value == 1)] or [number(1)]
    out = kept[0]
    for factor in kept[1:]:
        out = ast.BinOp(left=out, op=ast.Mult(), right=factor)
    return out


def total(gains: Iterable[Tree], losses: Iterable[Tree] = ()) -> Tree:
    """Sum of gains less losses; 0 where there are none. Long sums are halved, so that no tree is deep."""
    up, down = list(gains), list(losses)
    if not up:
        return ast.UnaryOp(op=ast.USub(), operand=_sum(down)) if down else number(0)
    out = _sum(up)
    for part in down:
        out = ast.BinOp(left=out, op=ast.Sub(), right=part)
    return out


def _sum(parts: list[Tree]) -> Tree:
    """Sum of parts, at least one."""
    if len(parts) > MOST_IN_A_ROW:
        half = len(parts) // 2
        return ast.BinOp(left=_sum(parts[:half]), op=ast.Add(), right=_sum(parts[half:]))
    out = parts[0]
    for part in parts[1:]:
        out = ast.BinOp(left=out, op=ast.Add(), right=part)
    return out


def over(a: Tree, b: Tree) -> Tree:
    """Quotient."""
    return ast.BinOp(left=a, op=ast.Div(), right=b)


def call(function: str, *args: Tree) -> Tree:
    """A function of the grammar applied to parts."""
    return ast.Call(func=ast.Name(id=function), args=list(args), keywords=[])


def put(tree: Tree, symbol: str, part: Tree) -> Tree:
    """The tree with `part` in the place of a symbol; the tree given is used up."""

    class Put(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.AST:
            return part if node.id == symbol else node

    found: Tree = Put().visit(tree)
    return found
