"""How a text for people is laid out: numbers of few digits, no line too long, no empty line twice."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

WIDTH = 116
DIGITS = 12
MARK = "  // "


def plain(value: float) -> str:
    """A number with 12 digits at most: 1800, 0.00447516666667."""
    return f"{value:.{DIGITS}g}"


def narrow(lines: Iterable[str]) -> Iterator[str]:
    """Lines that fit: a comment that makes its line too long goes above it, long code goes on in the next line."""
    last = MARK
    for line in lines:
        code, _, comment = line.partition(MARK)
        if line.startswith("//"):
            yield from _comment(line.removeprefix("// "))
        elif len(line) > WIDTH and comment:
            yield from (*_comment(comment), *wrapped(code))
        elif line or last:
            yield from wrapped(line)
        last = line


def _comment(text: str) -> list[str]:
    return [f"// {part}" for part in textwrap.wrap(text, WIDTH)]


def wrapped(code: str) -> list[str]:
    """A line cut into lines that fit: its unit goes below, a formula goes on after a backslash, from a + or - if it can."""
    first, more, unit = code.rpartition("; ")
    if len(code) > WIDTH and more and " has " in unit:
        return [*wrapped(f"{first};"), f"    {unit}"]
    found = []
    while len(code) > WIDTH:
        at = _break(code, WIDTH - len(" \\"))
        if at <= 0:
            break
        found.append(f"{code[:at]} \\")
        code = f"    {code[at + 1 :]}"
    return [*found, code]


def _break(code: str, room: int) -> int:
    """Place of the blank at which a line ends: before a rate, before a sum's sign (outside brackets), or the last."""
    start = len(code) - len(code.lstrip())
    blanks = [i for i in range(start, min(room + 1, len(code))) if code[i] == " "]
    rate = [i for i in blanks if code[i - 1] == ";"]
    late = [i for i in blanks if i > room // 3 and code[i + 1 : i + 3] in ("+ ", "- ")]
    outside = [i for i in late if code.count("(", 0, i) == code.count(")", 0, i)]
    return (rate or outside or late or blanks or [0])[-1]
