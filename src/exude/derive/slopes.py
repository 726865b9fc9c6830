"""Rates with their slopes, and the sparse factors of an implicit step, as straight lines of source for vector lanes.

A text is read in an algebra of parts: every operation becomes one named line, written once, and carries its slopes by
the chain rule. What reads parameters and levels alone goes into lines that are worked out once for all places, 1/x
among them, so that divisions by such numbers become multiplications. No line has a branch.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from exude.derive import grammar

ZERO, ONE = "0.0", "1.0"
SMALLEST = "1e-200"
"""Stands for 0 where the slope of a power or a Hill curve is asked for there."""


class Tape:
    """Lines of source in the order they are worked out; the same operation on the same parts is one line."""

    def __init__(self) -> None:
        self.still: list[str] = []
        self.lines: list[str] = []
        self._names: dict[str, str] = {}
        self._count = 0

    def begin(self) -> None:
        """Start the lines of another function; what is the same at all places is kept."""
        self.lines = []
        self._names = {code: name for code, name in self._names.items() if name.startswith("c_")}

    def put(self, code: str, still: bool) -> str:
        """The name of an operation's result."""
        if code not in self._names:
            self._count += 1
            name = f"{'c' if still else 't'}_{self._count}"
            self._names[code] = name
            (self.still if still else self.lines).append(f"{name} = {code}")
        return self._names[code]


class Part:
    """A part of a rate: how it is spelled, whether it is the same at all places, and its slope by field."""

    __slots__ = ("code", "slopes", "still", "tape")

    def __init__(self, tape: Tape, code: str, still: bool, slopes: Mapping[str, Part] | None = None) -> None:
        self.tape, self.code, self.still, self.slopes = tape, code, still, dict(slopes or {})

    def but(self, **slopes: Part) -> Part:
        """The same number with these slopes."""
        return Part(self.tape, self.code, self.still, slopes)

    def plain(self) -> Part:
        """The same number without slopes."""
        return Part(self.tape, self.code, self.still)

    def made(self, code: str, *others: Part) -> Part:
        """The result of an operation on this and others, slopes aside."""
        still = self.still and all(other.still for other in others)
        return Part(self.tape, self.tape.put(code, still), still)

    def number(self, value: Any) -> Part:
        """A plain number."""
        return value if isinstance(value, Part) else Part(self.tape, repr(float(value)), True)

    def chained(self, value: Part, *slopes: tuple[Part, Part]) -> Part:
        """`value` with slopes: the sum over (part, slope of the value by that part)."""
        found: dict[str, Part] = {}
        for part, slope in slopes:
            for name, own in part.slopes.items():
                term = slope.plain() * own
                found[name] = found[name] + term if name in found else term
        return value.but(**found)

    def __add__(self, other: Any) -> Part:
        a, b = self, self.number(other)
        if ZERO in (a.code, b.code):
            return b if a.code == ZERO else a
        value = a.made(f"{a.code} + {b.code}", b)
        return a.chained(value, (a, a.number(1)), (b, a.number(1)))

    def __neg__(self) -> Part:
        if self.code == ZERO:
            return self
        if self.code[0] in "-0123456789":
            return Part(self.tape, self.code[1:] if self.code[0] == "-" else f"-{self.code}", True)
        return self.chained(self.made(f"-{self.code}"), (self, self.number(-1)))

    def __sub__(self, other: Any) -> Part:
        a, b = self, self.number(other)
        if ZERO in (a.code, b.code):
            return a if b.code == ZERO else -b
        value = a.made(f"{a.code} - {b.code}", b)
        return a.chained(value, (a, a.number(1)), (b, a.number(-1)))

    def __mul__(self, other: Any) -> Part:
        a, b = self, self.number(other)
        for one, rest in ((a, b), (b, a)):
            if one.code == ZERO or one.code == ONE:
                return one if one.code == ZERO else rest
            if one.code == "-1.0":
                return -rest
        value = a.made(f"{a.code} * {b.code}", b)
        return a.chained(value, (a, b), (b, a))

    def __truediv__(self, other: Any) -> Part:
        a, b = self, self.number(other)
        if b.code == ONE or a.code == ZERO:
            return a
        inverse = b.made(f"1.0 / {b.code}")
        value = a.plain() * inverse
        return a.chained(value, (a, inverse), (b, -(value * inverse))) if a.slopes or b.slopes else value

    def __pow__(self, other: Any) -> Part:
        x, n = self, self.number(other)
        if n.code in (ZERO, ONE, "2.0"):
            return {ZERO: x.number(1), ONE: x}.get(n.code) or x * x
        value = x.made(f"power({x.code}, {n.code})", n)
        if not x.slopes and not n.slopes:
            return value
        above = x.made(f"max({x.code}, {SMALLEST})")
        by_x = n.plain() * (value / above)
        return x.chained(value, (x, by_x), (n, value * above.made(f"log({above.code})")))

    def __radd__(self, other: Any) -> Part:
        return self.number(other) + self

    def __rsub__(self, other: Any) -> Part:
        return self.number(other) - self

    def __rmul__(self, other: Any) -> Part:
        return self.number(other) * self

    def __rtruediv__(self, other: Any) -> Part:
        return self.number(other) / self


def _hill(x: Part, k: Part, n: Part) -> Part:
    value = x.made(f"hill({x.code}, {k.code}, {n.code})", k, n)
    if not (x.slopes or k.slopes or n.slopes):
        return value
    above = x.made(f"max({x.code}, {SMALLEST})")
    near = above.made(f"hill({above.code}, {k.code}, {n.code})", k, n)
    steep = near * (1.0 - near)
    share = steep * above.made(f"log({above.code} / {k.code})", k) if n.slopes else steep
    return x.chained(value, (x, n.plain() * (steep / above)), (k, -(n.plain() * (steep / k.plain()))), (n, share))


def _ratio(a: Part, b: Part) -> Part:
    value = a.made(f"ratio({a.code}, {b.code})", b)
    if not (a.slopes or b.slopes):
        return value
    inverse = b.made(f"ratio(1.0, {b.code})")
    return a.chained(value, (a, inverse), (b, -(value * inverse)))


def _one_of(sign: str) -> Callable[[Part, Part], Part]:
    """The larger or smaller of two parts, with the slopes of the one that is taken."""

    def chosen(a: Part, b: Part) -> Part:
        def take(one: Part, other: Part) -> Part:
            return a.made(f"({one.code} if {a.code} {sign} {b.code} else {other.code})", b, one, other)

        nothing = a.number(0)
        names = {**a.slopes, **b.slopes}
        slopes = {name: take(a.slopes.get(name, nothing), b.slopes.get(name, nothing)) for name in names}
        return take(a, b).but(**slopes)

    return chosen


def _of_one(name: str, slope: Callable[[Part, Part], Part]) -> Callable[[Part], Part]:
    """A function of one part, its slope from the part and the value."""

    def applied(x: Part) -> Part:
        value = x.made(f"{name}({x.code})")
        return x.chained(value, (x, slope(x.plain(), value))) if x.slopes else value

    return applied


FUNCTIONS: dict[str, Callable[..., Part]] = {
    **grammar.ARITHMETIC,
    "hill": _hill,
    "fall": lambda x, k, n: 1.0 - _hill(x, k, n),
    "ratio": _ratio,
    "max": _one_of(">="),
    "min": _one_of("<="),
    "exp": _of_one("exp", lambda x, value: value),
    "log": _of_one("log", lambda x, value: 1 / x),
    "sqrt": _of_one("sqrt", lambda x, value: 1 / (value + value)),
}
"""Functions of the grammar on parts."""


def read(tree: ast.expr, symbol: Callable[[str], Part], tape: Tape) -> Part:
    """A parsed text as a part on the tape; `symbol` gives the part each name stands for."""
    found: Part = grammar.fold(tree, symbol, FUNCTIONS, lambda n: Part(tape, repr(float(n)), True))
    return found


class Factors:
    """L and U of I - step x Jacobian without exchange of rows, entry by entry where there is one.

    `matrix`: (row, column) -> part, the diagonal always there. Pivots are taken where the fewest new entries arise
    (Markowitz); a field that no rate reads costs no factor at all.
    """

    def __init__(self, matrix: Mapping[tuple[int, int], Part], size: int) -> None:
        left, self.order = set(range(size)), list[int]()
        work = dict(matrix)
        self.lower: list[tuple[int, int, Part]] = []
        self.upper: dict[int, list[tuple[int, Part]]] = {}
        self.inverse: dict[int, Part] = {}
        while left:
            pivot = min(sorted(left), key=lambda i: self._cost(work, left, i))
            left.remove(pivot)
            self.order.append(pivot)
            self.inverse[pivot] = 1.0 / work[pivot, pivot]
            row = [(j, work[pivot, j]) for j in sorted(left) if (pivot, j) in work]
            self.upper[pivot] = row
            for i in sorted(left):
                if (i, pivot) not in work:
                    continue
                share = work[i, pivot] * self.inverse[pivot]
                self.lower.append((i, pivot, share))
                for j, value in row:
                    took = share * value
                    work[i, j] = work[i, j] - took if (i, j) in work else -took

    @staticmethod
    def _cost(work: Mapping[tuple[int, int], Part], left: Iterable[int], i: int) -> int:
        across = sum((i, j) in work for j in left) - 1
        down = sum((j, i) in work for j in left) - 1
        return across * down

    def kept(self) -> list[str]:
        """Names of what a solution needs, each once."""
        parts = [part for *_, part in self.lower] + [part for row in self.upper.values() for _, part in row]
        codes = [part.code for part in [*parts, *self.inverse.values()]]
        return list(dict.fromkeys(code for code in codes if code[0] in "tc"))

    def solution(self, read: Callable[[Part], str]) -> list[str]:
        """Lines that solve for the right-hand side b_0, b_1, ... in its place; `read` spells a kept part."""
        lines = [f"b_{i} -= {read(share)} * b_{j}" for i, j, share in self.lower]
        for i in reversed(self.order):
            lines += [f"b_{i} -= {read(part)} * b_{j}" for j, part in self.upper[i]]
            if self.inverse[i].code != ONE:
                lines.append(f"b_{i} *= {read(self.inverse[i])}")
        return lines
