"""Rate trees in the infix of SBML Level 3, every number with its unit."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from exude.derive import grammar
from exude.derive.network import PER_VESICLE, Network
from exude.errors import DeclarationError, refuse
from exude.units import dimension

NONE = "dimensionless"
BASES = {"[item]": "item", "[substance]": "micromolar", "[length]": "micrometre", "[time]": "second"}
"""Base dimension -> unit inside; substance stands for a concentration, its volume being taken from the length."""
CUBE = 3
"""A concentration is a substance per length cubed."""
FUNCTIONS = {
    "hill": "lambda(x, K, n, piecewise(1 dimensionless / (1 dimensionless + (K / x)^n), x / K > 0 dimensionless,"
    " 0 dimensionless))",
    "fall": "lambda(x, K, n, 1 dimensionless - hill(x, K, n))",
    "mix": "lambda(x, w, 1 dimensionless - w + w * x)",
    "saturate": "lambda(x, K, x * (1 dimensionless + K) / (x + K))",
}
"""Functions of the grammar that a file defines for itself, each after those it reads."""
_OPERATORS = {ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.Pow: "^"}
_ORDER = {ast.Add: 1, ast.Sub: 1, ast.Mult: 2, ast.Div: 2, ast.Pow: 4}


def powers(dims: Any) -> dict[str, float]:
    """Powers of the units inside that make a dimensionality: uM/s is micromolar 1, second -1."""
    left = {str(base): float(power) for base, power in dims.items() if power}
    left["[length]"] = left.get("[length]", 0) + CUBE * left.get("[substance]", 0)
    unknown = sorted(set(left) - set(BASES))
    if unknown:
        fix = "Declare the quantity in units of time, concentration, length and items."
        raise refuse(DeclarationError, ", ".join(unknown), f"dimensions {', '.join(BASES)}", fix)
    return {BASES[base]: left[base] for base in BASES if left.get(base)}


def unit_name(dims: Any) -> str:
    """Name of the unit inside of a dimensionality: 'micromolar_per_second'."""
    found = powers(dims)
    above = [_powered(unit, power) for unit, power in found.items() if power > 0]
    below = [_powered(unit, -power) for unit, power in found.items() if power < 0]
    return "_".join(["_".join(above), *(f"per_{unit}" for unit in below)]).strip("_") or NONE


def _powered(unit: str, power: float) -> str:
    return unit if power == 1 else f"{unit}_{power:g}".replace(".", "p")


def unit_texts(net: Network) -> dict[str, str]:
    """Unit of every symbol of a network, as declared."""
    cascade = net.symbols.cascade
    known = {level.symbol: level.unit for level in cascade.levels} | {t.symbol: t.unit for t in cascade.traces}
    known |= {d.symbol: d.unit for d in cascade.definitions} | {n.symbol: n.unit for n in net.named}
    known |= dict.fromkeys((pool.symbol for pool in net.pools), "item")
    return {**known, **net.symbols.parameter_units, PER_VESICLE: "item"}


class Speller:
    """Spells trees; knows the unit of every symbol, so that a bare 0 gets the unit of what it stands beside."""

    def __init__(self, unit_of: Mapping[str, str], *, bare: bool = False) -> None:
        self.unit_of, self.bare = unit_of, bare
        """`bare`: numbers without units, for texts that people read."""
        self.units: dict[str, Any] = {}
        """Units used, by name."""
        self.functions: set[str] = set()

    def unit(self, text: str) -> str:
        """Name of the unit inside of a unit text, kept as used."""
        return self._unit(dimension(text))

    def spell(self, tree: ast.expr) -> str:
        """The tree in infix."""
        return self._spell(tree, NONE, 0)

    def _unit(self, dims: Any) -> str:
        named = unit_name(dims)
        self.units[named] = dims
        return named

    def _spell(self, tree: ast.expr, zero: str, outer: int) -> str:
        """`zero` is the unit a bare 0 takes here; `outer` the order of the operator around."""
        match tree:
            case ast.Constant(value=value):
                return self._number(value, zero if value == 0 else NONE)
            case ast.Name(id=symbol):
                return symbol
            case ast.UnaryOp(operand=operand):
                return f"(-{self._spell(operand, zero, 3)})"
            case ast.BinOp(left=left, op=op, right=right):
                return self._joined(left, op, right, outer)
            case ast.Call(func=ast.Name(id=function), args=args):
                return self._called(function, args)
        raise AssertionError(ast.dump(tree))

    def _number(self, value: object, unit: str) -> str:
        return f"{value}" if self.bare else f"{value} {unit}"

    def _joined(self, left: ast.expr, op: ast.operator, right: ast.expr, outer: int) -> str:
        order, power = _ORDER[type(op)], isinstance(op, ast.Pow)
        a, b = (self._zero(left, right), self._zero(right, left)) if order == _ORDER[ast.Add] else (NONE, NONE)
        here = self._spell(left, a, order + power)
        there = self._spell(right, b, order + (not isinstance(op, ast.Add | ast.Mult)))
        text = f"{here}^{_closed(there)}" if power else f"{here} {_OPERATORS[type(op)]} {there}"
        return f"({text})" if order < outer else text

    def _zero(self, own: ast.expr, other: ast.expr) -> str:
        """Unit of a bare 0 beside another part; asked for only where there is one."""
        bare = isinstance(own, ast.Constant) and own.value == 0
        return self._beside(other) if bare else NONE

    def _beside(self, other: ast.expr) -> str:
        return self._unit(grammar.to_dimension(other, self.unit_of, ast.unparse(other)))

    def _called(self, function: str, args: list[ast.expr]) -> str:
        if function == "ratio":
            return self._ratio(*args)
        if function in ("max", "min"):
            a, b = args
            return f"{function}({self._spell(a, self._zero(a, b), 0)}, {self._spell(b, self._zero(b, a), 0)})"
        if function in FUNCTIONS:
            self.functions |= {function} | ({"hill"} if function == "fall" else set())
        spelled = "ln" if function == "log" else function
        return f"{spelled}({', '.join(self._spell(arg, NONE, 0) for arg in args)})"

    def _ratio(self, a: ast.expr, b: ast.expr) -> str:
        """a / b, and 0 where b is 0; written out, for the 0 needs the unit that it has here."""
        quotient = ast.BinOp(left=a, op=ast.Div(), right=b)
        zero, none = self._number(0, self._beside(quotient)), self._number(0, self._beside(b))
        return f"piecewise({self.spell(quotient)}, {self._spell(b, NONE, 0)} != {none}, {zero})"


def _closed(exponent: str) -> str:
    return f"({exponent})" if " " in exponent and not exponent.startswith("(") else exponent
