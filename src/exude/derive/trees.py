"""Rate texts as trees, built and joined without writing text."""

from __future__ import annotations

import ast
from collections.abc import Iterable

Tree = ast.expr


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
    """Sum of gains less losses; 0 where there are none."""
    out: Tree | None = None
    for part in gains:
        out = part if out is None else ast.BinOp(left=out, op=ast.Add(), right=part)
    for part in losses:
        out = ast.UnaryOp(op=ast.USub(), operand=part) if out is None else ast.BinOp(out, ast.Sub(), part)
    return number(0) if out is None else out


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
