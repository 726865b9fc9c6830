"""Leaves of a place: what reactions do there, how an implicit step of them is solved, how fast fields move."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import NamedTuple

from exude.derive import grammar, slopes
from exude.derive.leaves import NJIT
from exude.model import Cascade, Reaction


class Writer:
    """Leaves of one place that reads texts: how its names are spelled, and what it computes on the way."""

    def __init__(self, trees: Mapping[str, ast.expr], home: Mapping[str, str]) -> None:
        self.trees, self.home = trees, home

    def function(self, head: str, texts: list[str], *, last: str = "return ({})") -> str:
        """One leaf that computes texts, after the definitions they read, and gives them back as a tuple."""
        trees = [grammar.parse(text) for text in texts]
        order = self._needed(set().union(*(grammar.names(tree) for tree in trees), set()))
        lines = [f"    v_{name} = {self._code(self.trees[name])}" for name in order]
        given = "".join(f"{self._code(tree)}, " for tree in trees)
        return NJIT + "\n".join([f"def {head}:", *lines, f"    {last.format(given)}"])

    def _code(self, tree: ast.expr) -> str:
        return grammar.to_python(tree, lambda name: f"v_{name}" if name in self.trees else self.home[name])

    def _needed(self, names: set[str]) -> list[str]:
        """Definitions that names need, directly or through others, in the order of the declaration."""
        need: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in self.trees and name not in need:
                need.add(name)
                todo += grammar.names(self.trees[name])
        return [name for name in self.trees if name in need]


class Kinds(NamedTuple):
    """Fields by how a place follows them, in kernel order."""

    slow: tuple[str, ...]
    """They react here, in steps chosen from their error."""
    supplied: tuple[str, ...]
    """They react and move in one step; none where they are among the slow ones."""
    fast: tuple[str, ...]
    moving: tuple[str, ...]


class _Changed(NamedTuple):
    """Fields that leaves follow together, and the reactions that change them."""

    fields: tuple[str, ...]
    reactions: list[Reaction]


class Place(Writer):
    """What happens at a place: reactions and the factors of an implicit step of them, and how fast fields move."""

    def __init__(self, cascade: Cascade, kinds: Kinds, trees: Mapping[str, ast.expr], home: Mapping[str, str]) -> None:
        super().__init__(trees, home)
        self.cascade, self.kinds = cascade, kinds
        self.slow = self._changed(kinds.slow)
        self.tape = slopes.Tape()

    def _changed(self, fields: tuple[str, ...]) -> _Changed:
        return _Changed(fields, [r for r in self.cascade.reactions if set(r.changes) & set(fields)])

    def leaves(self) -> list[str]:
        """`react_at`, `factor_at`, `solve_at` of one lane; `react`, `fill_jacobian`; `place_constants`; the rest."""
        fields = {f.symbol: f for f in self.cascade.fields}
        moving = [fields[name].diffusion for name in self.kinds.moving]
        lanes = [*self._lanes(), *self._supply()]
        return [
            *lanes,
            self._constants(lanes),
            self.function("mobilities(p, g, d, y)", [*moving, *(a.rate for a in self.cascade.arrivals)] or ["0"]),
            *self._fast(),
        ]

    def _lanes(self) -> list[str]:
        """Leaves of the reactions; all read the same numbers that do not change from place to place."""
        self.tape.begin()
        gains = self._gains(self.slow)
        ends = [(f"RIGHT + {i} * LANES", gain) for i, gain in enumerate(gains)]
        lane = self._function("react_at(c, w, lane)", "NEW", [f"w[UP(lane + {a})] = {e.code}" for a, e in ends], True)
        one = self._function("react(c, d, y, out)", "", [f"out[{i}] = {e.code}" for i, (_, e) in enumerate(ends)])
        self.tape.begin()
        filled = [f"j[{a}, {b}] = {e.code}" for (a, b), e in self._entries(self.slow).items()]
        dense = self._function("fill_jacobian(c, d, y, j)", "", ["j[:, :] = 0.0", *filled])
        self.tape.begin()
        return [lane, one, dense, *self._factors()]

    def _supply(self) -> list[str]:
        """Where supplied fields are apart: `supply` writes what reactions add to all of them, and its Jacobian.

        `supply_line` gives what they add to one, and its slope by that one.
        """
        if not self.kinds.supplied:
            return []
        mine = self._changed(self.kinds.supplied)
        self.tape.begin()
        entries = self._entries(mine)
        ends = [f"out[{i}] = {gain.code}" for i, gain in enumerate(self._gains(mine))]
        ends += ["j[:, :] = 0.0", *(f"j[{a}, {b}] = {e.code}" for (a, b), e in entries.items())]
        found = [self._function("supply(c, d, y, out, j)", "", ends)]
        for i, name in enumerate(mine.fields):
            self.tape.begin()
            one = self._changed((name,))
            slope = self._entries(one).get((0, 0), slopes.Part(self.tape, slopes.ZERO, True))
            ends = [f"return {self._gains(one)[0].code}, {slope.code}"]
            found.append(self._function(f"supply_line_{i}(c, d, y)", "", ends))
        turns = [f"    if q == {i}:\n        return supply_line_{i}(c, d, y)" for i in range(len(mine.fields) - 1)]
        last = f"    return supply_line_{len(mine.fields) - 1}(c, d, y)"
        return [*found, "\n".join(["@leaf", "def supply_line(q, c, d, y):", *turns, last])]

    def _factors(self) -> list[str]:
        """`factor_at` writes the factors of I - share x Jacobian of a lane, `solve_at` solves with them in its place."""
        size, tape = len(self.slow.fields), self.tape
        share, one = slopes.Part(tape, "share", False), slopes.Part(tape, "1.0", True)
        matrix = {at: -(share * entry) for at, entry in self._entries(self.slow).items()}
        matrix |= {(i, i): one + matrix[i, i] if (i, i) in matrix else one for i in range(size)}
        found = slopes.Factors(matrix, size)
        kept = found.kept()
        stored = [f"w[UP(lane + FACTORS + {i} * LANES)] = {name}" for i, name in enumerate(kept)]
        factor = self._function("factor_at(c, w, lane, share)", "NOW", stored, True)

        def read(part: slopes.Part) -> str:
            return f"w[UP(lane + FACTORS + {kept.index(part.code)} * LANES)]" if part.code in kept else part.code

        begin = [f"b_{i} = w[UP(lane + RIGHT + {i} * LANES)]" for i in range(size)]
        end = [f"w[UP(lane + RIGHT + {i} * LANES)] = b_{i}" for i in range(size)]
        lines = "\n".join(f"    {line}" for line in [*begin, *found.solution(read), *end])
        return [factor, f"@inlined\ndef solve_at(w, lane):\n{lines}", f"N_FACTORS = {len(kept)}"]

    def _rates(self, changed: _Changed, *, with_slopes: bool) -> list[slopes.Part]:
        """The rate of every reaction as parts on the tape; slopes by the fields changed."""
        tape, known = self.tape, dict[str, slopes.Part]()
        one = slopes.Part(tape, "1.0", True)

        def part(name: str) -> slopes.Part:
            if name not in known:
                known[name] = read(self.trees[name]) if name in self.trees else symbol(name)
            return known[name]

        def symbol(name: str) -> slopes.Part:
            spelled = self.home[name]
            if spelled[0] in "pg":
                return slopes.Part(tape, tape.put(spelled, still=True), still=True)
            own = {name: one} if with_slopes and name in changed.fields else {}
            return slopes.Part(tape, spelled.replace("[", "_").rstrip("]"), still=False, slopes=own)

        def read(tree: ast.expr) -> slopes.Part:
            return slopes.read(tree, part, tape)

        return [read(grammar.parse(r.rate)) for r in changed.reactions]

    def _gains(self, changed: _Changed) -> list[slopes.Part]:
        """What all reactions add to each field per second."""
        rates = self._rates(changed, with_slopes=False)
        return [self._gain(name, changed, rates) for name in changed.fields]

    def _gain(self, name: str, changed: _Changed, rates: list[slopes.Part]) -> slopes.Part:
        """Sum of what reactions add to a field, from a number of each."""
        total = slopes.Part(self.tape, slopes.ZERO, True)
        for r, rate in zip(changed.reactions, rates, strict=True):
            if name in r.changes:
                total = total + r.changes[name] * rate
        return total

    def _entries(self, changed: _Changed) -> dict[tuple[int, int], slopes.Part]:
        """The Jacobian, entry by entry where there is one: a rate's slope times what the reaction changes.

        A linear balance of the reactions holds for every column of it, so an implicit step keeps it to rounding.
        """
        rates, found = self._rates(changed, with_slopes=True), dict[tuple[int, int], slopes.Part]()
        for b, by in enumerate(changed.fields):
            own = [rate.slopes.get(by, slopes.Part(self.tape, slopes.ZERO, True)) for rate in rates]
            for a, name in enumerate(changed.fields):
                entry = self._gain(name, changed, own)
                if entry.code != slopes.ZERO:
                    found[a, b] = entry
        return found

    def _function(self, head: str, rows: str, ends: list[str], inlined: bool = False) -> str:
        """A leaf made of the tape's lines; `rows`: where in the lanes' scratch the fields are, none for plain arrays."""
        lines = [*self.tape.lines, *ends]
        read = set(re.findall(r"\b[cyd]_\d+\b", "\n".join(lines)))
        place = {"y": rows, "d": "AROUND"}
        begin = []
        for name in sorted(read, key=lambda name: (name[0], int(name[2:]))):
            kind, number = name[0], name[2:]
            if kind == "c":
                begin.append(f"{name} = c[C_{number}]")
            else:
                begin.append(
                    f"{name} = w[UP(lane + {place[kind]} + {number} * LANES)]" if rows else f"{name} = {kind}[{number}]"
                )
        text = "\n".join(f"    {line}" for line in [*begin, *lines])
        return f"{'@inlined' if inlined else '@leaf'}\ndef {head}:\n{text}"

    def _constants(self, leaves: list[str]) -> str:
        """`place_constants`: what rates read that is the same at all places, and where each is among them."""
        read = sorted({int(n) for leaf in leaves for n in re.findall(r"\bC_(\d+)\b", leaf)})
        where = [f"C_{n} = {i}" for i, n in enumerate(read)]
        lines = [f"    {line}" for line in self.tape.still]
        given = "".join(f"c_{n}, " for n in read) or "0.0, "
        return "\n".join([*where, "", "@leaf", "def place_constants(p, g):", *lines, f"    return ({given})"])

    def _fast(self) -> list[str]:
        """`fast_loss`, what reactions take of each fast field over what there is (1/s), and `fast_source`, what they add."""
        loss, source = [], []
        for name in self.kinds.fast:
            mine = [(r.changes[name], r.rate) for r in self.cascade.reactions if name in r.changes]
            taken = " + ".join(f"{-n} * ({rate})" for n, rate in mine if n < 0)
            loss.append(f"({taken or '0'}) / {name}")
            source.append(" + ".join(f"{n} * ({rate})" for n, rate in mine if n > 0) or "0")
        return [
            self.function("fast_loss(p, g, d, y)", loss or ["0"]),
            self.function("fast_source(p, g, d, y)", source or ["0"]),
        ]
