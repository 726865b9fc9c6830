"""Rate texts as LaTeX: the terms stay in the order in which they were written, symbols keep the names of the code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from exude.derive import grammar

SUM, PRODUCT, POWER, ATOM = range(4)
"""How tightly a text binds: what is looser than its place asks for gets brackets."""
WIDEST = 88
"""Letters of one line of an equation, about what a page of text holds."""
DOT = r" \cdot "


@dataclass(frozen=True)
class Tex:
    """A piece of LaTeX with its width in letters and, for sums and products, the parts at which a line may end."""

    text: str
    level: int = ATOM
    width: int = 1
    parts: tuple[tuple[str, str, int], ...] = ()
    """(sign before it, LaTeX, width) of each part; empty where nothing can be broken."""
    over: tuple[Tex, Tex] | None = None
    """What stands above and below the line of a fraction."""

    @property
    def tall(self) -> bool:
        """Whether it is higher than one line, so that brackets around it have to grow."""
        return r"\frac" in self.text

    def __add__(self, other: Tex) -> Tex:
        return _joined(self, "+", other, other.within(SUM))

    def __sub__(self, other: Tex) -> Tex:
        return _joined(self, "-", other, other.within(PRODUCT))

    def __mul__(self, other: Tex) -> Tex:
        left, right = self.within(PRODUCT), other.within(PRODUCT)
        first = left.parts if left.level == PRODUCT and left.parts else (("", left.text, left.width),)
        parts = (*first, (DOT, right.text, right.width))
        return Tex(left.text + DOT + right.text, PRODUCT, left.width + right.width + 3, parts)

    def __truediv__(self, other: Tex) -> Tex:
        if self.over:  # a / b / c is one fraction
            return self.over[0] / (self.over[1] * other)
        text = rf"\frac{{{self.text}}}{{{other.text}}}"
        return Tex(text, PRODUCT, max(self.width, other.width) + 1, over=(self, other))

    def __pow__(self, other: Tex) -> Tex:
        base = self.within(ATOM)
        return Tex(f"{{{base.text}}}^{{{other.text}}}", POWER, base.width + other.width)

    def __neg__(self) -> Tex:
        inner = self.within(PRODUCT)
        return Tex(f"-{inner.text}", SUM, inner.width + 1)

    def within(self, level: int) -> Tex:
        """The same, in brackets where it binds less tightly than its place asks for."""
        return self if self.level >= level else Tex(_bracketed(self.text, self.tall), ATOM, self.width + 2)


def _bracketed(text: str, tall: bool) -> str:
    return rf"\left({text}\right)" if tall else f"({text})"


def _joined(left: Tex, sign: str, right: Tex, shown: Tex) -> Tex:
    """A sum or difference; parts of sums on the left, and on the right after a plus, stay parts."""
    first = left.parts if left.level == SUM and left.parts else (("", left.text, left.width),)
    last = ((f" {sign} ", shown.text, shown.width),)
    if sign == "+" and right.level == SUM and right.parts:
        last = ((f" {sign} ", *right.parts[0][1:]), *right.parts[1:])
    return Tex(f"{left.text} {sign} {shown.text}", SUM, left.width + shown.width + 3, (*first, *last))


def symbol(name: str) -> Tex:
    """A symbol under the name that it has in the code."""
    return Tex(rf"\text{{{name}}}", ATOM, len(name))


def number(value: int) -> Tex:
    """0, 1 or 2."""
    return Tex(str(value))


def _call(name: str, *parts: Tex) -> Tex:
    inner = ", ".join(part.text for part in parts)
    width = len(name) + sum(part.width + 2 for part in parts)
    return Tex(rf"\text{{{name}}}" + _bracketed(inner, any(part.tall for part in parts)), ATOM, width)


def _to_the(x: Tex, n: Tex) -> Tex:
    return x if n == number(1) else x**n


FUNCTIONS = {
    "hill": lambda x, k, n: _to_the(x, n) / (_to_the(k, n) + _to_the(x, n)),
    "fall": lambda x, k, n: _to_the(k, n) / (_to_the(k, n) + _to_the(x, n)),
    "ratio": lambda a, b: a / b,
    "sqrt": lambda x: Tex(rf"\sqrt{{{x.text}}}", ATOM, x.width + 2),
    **{name: lambda *parts, name=name: _call(name, *parts) for name in ("mix", "saturate", "max", "min", "exp", "log")},
}
"""How each function of the grammar is typeset; `mix` and `saturate` keep their names, which say what they do."""


def typeset(text: str) -> Tex:
    """A rate text as LaTeX; DeclarationError for what is outside the grammar."""
    return grammar.fold(grammar.parse(text), symbol, FUNCTIONS, number)


def inline(text: str) -> str:
    """A rate text as inline mathematics of MyST; nothing for an empty text."""
    return f"{{math}}`{typeset(text).text}`" if text else ""


def equation(left: Tex, right: Tex, unit: str = "") -> str:
    """`left = right` as the body of a block of mathematics, broken between terms where it is long; unit at the end."""
    long = left.width + right.width > WIDEST and right.parts
    lines = _lines(right.parts if long else (("", right.text, right.width),), max(WIDEST - left.width, WIDEST // 2))
    if unit:
        lines[-1] += rf" \quad [\text{{{unit}}}]"
    rows = [f"{left.text} &= {lines[0]}", *(f"&{line}" for line in lines[1:])]
    return " \\\\\n".join(rows)


def _lines(parts: Sequence[tuple[str, str, int]], widest: int) -> list[str]:
    """Parts packed into lines; every line but the first begins with its sign."""
    lines, width = [""], 0
    for sign, text, wide in parts:
        if width and width + wide > widest:
            lines.append("")
            width = 0
        lines[-1] += sign + text
        width += wide + len(sign)
    return lines


def change(name: str) -> Tex:
    """d name / dt."""
    return Tex(rf"\frac{{\text{{d}}\,\text{{{name}}}}}{{\text{{d}}t}}", ATOM, len(name) + 3)
