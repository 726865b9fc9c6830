"""Cells in space: which symbol is what in their surroundings, the check of units, and the leaves the tissue loops call.

Two places read texts. A *place* (reactions, mobilities) knows its fields, what the cells standing there deposit, and
the levels of the dish. A *cell* (deposits, pools, releases, behaviour) knows its own levels, traces, stage counts and
pools, and the fields and deposits where it is.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

from exude.derive import grammar, slopes
from exude.derive.leaves import NJIT
from exude.derive.symbols import Symbols
from exude.errors import DeclarationError, refuse
from exude.model import Behaviour, Cascade
from exude.units import dimension

MARKS = ("ilv", "cargo")
"""What a fusion sets free: exosomes, and molecules of cargo on them."""
PRESSURE = "pressure"
"""How hard neighbours press on a cell: sum of (1 - distance / sum of radii)^2 over those that overlap it."""
OF_BEHAVIOUR = {
    "speed": "um/s", "persistence": "s", "passage": "", "guidance": "", "division": "1/s", "death": "1/s",
    "repulsion": "um/s", "adhesion": "um/s",
}  # fmt: skip
"""What the engine asks of a behaviour, in its order, with units; the drifts follow, in the order of fields."""


@dataclass(frozen=True, eq=False)
class Space:
    """All symbols of a tissue, ordered."""

    cascade: Cascade
    parameter_units: Mapping[str, str]

    @cached_property
    def known(self) -> Symbols:
        """Levels, traces, counts and definitions of the cell and its surroundings together."""
        return Symbols(self.cascade, self.parameter_units)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Fields in kernel order: those that react, then those at rest with their sources."""
        return tuple(f.symbol for fast in (False, True) for f in self.cascade.fields if f.fast is fast)

    @cached_property
    def reacting(self) -> int:
        """How many fields, the first ones, change by reactions step by step."""
        return sum(not f.fast for f in self.cascade.fields)

    @cached_property
    def moving(self) -> tuple[str, ...]:
        """Fields that diffuse, those at rest with their sources aside."""
        return tuple(f.symbol for f in self.cascade.fields if f.diffusion and not f.fast)

    @cached_property
    def deposits(self) -> tuple[str, ...]:
        """Deposits in kernel order."""
        return tuple(d.symbol for d in self.cascade.deposits)

    @cached_property
    def pools(self) -> tuple[str, ...]:
        """Pools in kernel order."""
        return tuple(p.symbol for p in self.cascade.pools)

    @cached_property
    def read_by_cells(self) -> frozenset[str]:
        """Fields and deposits that a cell's behaviour or pools read."""
        found: set[str] = set()
        for p in self.cascade.pools:
            found |= self._leaves_of(grammar.names(grammar.parse(p.gain)) | grammar.names(grammar.parse(p.loss)))
        for b in self.cascade.behaviours:
            for text in (*(getattr(b, what) for what in OF_BEHAVIOUR), *b.drift.values()):
                found |= self._leaves_of(grammar.names(grammar.parse(text)))
        return frozenset(found & {*self.fields, *self.deposits})

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Parameters the texts of the surroundings read, in alphabetical order."""
        units = self._units()
        read: set[str] = set()
        for _, text, _, _ in self._texts():
            read |= self._leaves_of(grammar.names(grammar.parse(text)))
        return tuple(sorted(name for name in read if name in self.parameter_units and name in units))

    def check(self) -> None:
        """Every symbol is known where it is read, and every text has the dimension it must have."""
        self._check_changes()
        units = self._units()
        for owner, text, unit, at_hand in self._texts():
            tree = grammar.parse(text)
            for name in sorted(grammar.names(tree)):
                if name not in units:
                    raise grammar.unknown(text, name, owner, units)
            far = self._leaves_of(grammar.names(tree)) - at_hand - set(self.parameter_units)
            if far:
                raise refuse(
                    DeclarationError, f"{owner} = {text}", "a text that reads what is at hand there",
                    f"It reads {', '.join(sorted(far))}.",
                )  # fmt: skip
            got = grammar.to_dimension(tree, units, text)
            if got != dimension(unit):
                raise refuse(
                    DeclarationError, f"{owner} = {text}", f"dimension of {unit or '1'}, not {got}", "Mend the text."
                )

    def source(self) -> str:
        """All leaves of the surroundings as one text."""
        self.check()
        return "\n\n".join([self._tables(), *_Place(self).leaves(), *_Cell(self).leaves()]) + "\n"

    def _check_changes(self) -> None:
        own = {f.symbol: f.unit for f in self.cascade.fields}
        for r in self.cascade.reactions:
            for name in r.changes:
                if name not in own:
                    raise refuse(DeclarationError, name, f"a field in {r.name!r}", "Declare it.", own)
            if len({dimension(own[name]) for name in r.changes}) > 1:
                raise refuse(
                    DeclarationError, f"{r.name} changes {', '.join(f'{n} ({own[n]})' for n in r.changes)}",
                    "fields of one unit", "Write one reaction for each unit.",
                )  # fmt: skip
        for release in self.cascade.releases:
            if release.field not in own:
                raise refuse(DeclarationError, release.field, "a field that a fusion adds to", "Declare it.", own)

    def _tables(self) -> str:
        kinds = {"FIELDS": self.fields, "DEPOSITS": self.deposits, "POOLS": self.pools}
        kinds["RELEASES"] = tuple(r.field for r in self.cascade.releases)
        return "\n".join([f"N_REACTING = {self.reacting}", *(f"N_{k} = {len(names)}" for k, names in kinds.items())])

    def _units(self) -> dict[str, str]:
        cascade = self.cascade
        return {
            **self.known._units(),
            **{f.symbol: f.unit for f in cascade.fields},
            **{d.symbol: d.unit for d in cascade.deposits},
            **{p.symbol: p.unit for p in cascade.pools},
            **dict.fromkeys(MARKS, "item"),
            PRESSURE: "",
        }

    def _leaves_of(self, names: Iterable[str]) -> set[str]:
        """What names stand for once definitions are read through."""
        found: set[str] = set()
        todo = list(names)
        while todo:
            name = todo.pop()
            if name in self.known.trees:
                todo += grammar.names(self.known.trees[name])
            else:
                found.add(name)
        return found

    def _texts(self) -> list[tuple[str, str, str, set[str]]]:
        """(owner, text, unit, symbols at hand beside parameters) of everything the surroundings declare."""
        cascade, levels = self.cascade, set(self.known.levels)
        around = {*self.fields, *self.deposits}
        place = levels | around
        inside = levels | {*self.known.traces, *self.known.counts, *self.pools}
        units = {f.symbol: f.unit for f in cascade.fields}
        rows: list[tuple[str, str, str, set[str]]] = []
        for f in cascade.fields:
            rows += [(f"diffusion of {f.symbol}", f.diffusion, "um**2/s", place)] if f.diffusion else []
            ends = (("start", f.start), ("edge", f.edge))
            rows += [(f"{what} of {f.symbol}", text, f.unit, set()) for what, text in ends if text not in ("", "0")]
        for r in cascade.reactions:
            unit = f"({units.get(next(iter(r.changes)), '')})/s"
            rows.append((f"rate of {r.name}", r.rate, unit, place))
        for d in cascade.deposits:
            rows.append((f"deposit {d.symbol}", d.amount, f"({d.unit})*um**3", inside))
        for p in cascade.pools:
            rows.append((f"gain of {p.symbol}", p.gain, f"({p.unit})/s", inside | around))
            rows.append((f"loss of {p.symbol}", p.loss, "1/s", inside | around))
            rows.append((f"{p.symbol} per fusion", p.per_fusion, p.unit, inside | set(MARKS)))
        for release in cascade.releases:
            unit = f"({units.get(release.field, '')})*um**3"
            rows.append((f"release into {release.field}", release.amount, unit, inside | set(MARKS)))
        for b in cascade.behaviours:
            rows += [
                (f"{what} of {b.kind}", getattr(b, what), u, inside | around | {PRESSURE})
                for what, u in OF_BEHAVIOUR.items()
            ]
            rows += [
                (f"drift of {b.kind} along {name}", text, f"um**2/s/({units.get(name, '')})", inside | around)
                for name, text in b.drift.items()
            ]
        return rows


class _Writer:
    """Leaves of one place that reads texts: how its names are spelled, and what it computes on the way."""

    def __init__(self, space: Space, home: Mapping[str, str]) -> None:
        self.space = space
        self.trees = space.known.trees
        self.home = {name: f"p[{i}]" for i, name in enumerate(space.parameters)} | dict(home)

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


class _Place(_Writer):
    """What happens at a place: reactions and the factors of an implicit step of them, and how fast fields move."""

    def __init__(self, space: Space) -> None:
        home = {name: f"g[{i}]" for i, name in enumerate(space.known.levels)}
        home |= {name: f"y[{i}]" for i, name in enumerate(space.fields)}
        home |= {name: f"d[{i}]" for i, name in enumerate(space.deposits)}
        super().__init__(space, home)
        self.slow = space.fields[: space.reacting]
        self.reactions = [r for r in space.cascade.reactions if set(r.changes) & set(self.slow)]
        self.tape = slopes.Tape()

    def leaves(self) -> list[str]:
        """`react_at`, `factor_at`, `solve_at` of one lane; `react`, `fill_jacobian`; `place_constants`; the rest."""
        fields = {f.symbol: f for f in self.space.cascade.fields}
        moving = [fields[name].diffusion for name in self.space.moving]
        lanes = self._lanes()
        return [
            *lanes,
            self._constants(lanes),
            self.function("mobilities(p, g, d, y)", moving or ["0"]),
            self._fast(),
        ]

    def _lanes(self) -> list[str]:
        """Leaves of the reactions; all read the same numbers that do not change from place to place."""
        self.tape.begin()
        rates = self._rates(with_slopes=False)
        ends = [(f"RIGHT + {i} * LANES", self._gain(i, rates)) for i in range(len(self.slow))]
        lane = self._function("react_at(c, w, lane)", "NEW", [f"w[UP(lane + {a})] = {e.code}" for a, e in ends], True)
        one = self._function("react(c, d, y, out)", "", [f"out[{i}] = {e.code}" for i, (_, e) in enumerate(ends)])
        self.tape.begin()
        jacobian = self._entries()
        filled = [f"j[{a}, {b}] = {e.code}" for (a, b), e in jacobian.items()]
        dense = self._function("fill_jacobian(c, d, y, j)", "", ["j[:, :] = 0.0", *filled])
        self.tape.begin()
        return [lane, one, dense, *self._factors()]

    def _factors(self) -> list[str]:
        """`factor_at` writes the factors of I - share x Jacobian of a lane, `solve_at` solves with them in its place."""
        size, tape = len(self.slow), self.tape
        share, one = slopes.Part(tape, "share", False), slopes.Part(tape, "1.0", True)
        matrix = {at: -(share * entry) for at, entry in self._entries().items()}
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

    def _rates(self, *, with_slopes: bool) -> list[slopes.Part]:
        """The rate of every reaction as parts on the tape."""
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
            own = {name: one} if with_slopes and name in self.slow else {}
            return slopes.Part(tape, spelled.replace("[", "_").rstrip("]"), still=False, slopes=own)

        def read(tree: ast.expr) -> slopes.Part:
            return slopes.read(tree, part, tape)

        return [read(grammar.parse(r.rate)) for r in self.reactions]

    def _gain(self, i: int, rates: list[slopes.Part]) -> slopes.Part:
        """What all reactions add to a field per second."""
        total = slopes.Part(self.tape, slopes.ZERO, True)
        for r, rate in zip(self.reactions, rates, strict=True):
            if self.slow[i] in r.changes:
                total = total + r.changes[self.slow[i]] * rate
        return total

    def _entries(self) -> dict[tuple[int, int], slopes.Part]:
        """The Jacobian, entry by entry where there is one: a rate's slope times what the reaction changes.

        A linear balance of the reactions holds for every column of it, so an implicit step keeps it to rounding.
        """
        rates, found = self._rates(with_slopes=True), dict[tuple[int, int], slopes.Part]()
        for b, by in enumerate(self.slow):
            own = [rate.slopes.get(by, slopes.Part(self.tape, slopes.ZERO, True)) for rate in rates]
            for a in range(len(self.slow)):
                entry = self._gain(a, own)
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

    def _fast(self) -> str:
        """Loss rate (1/s) of each fast field: what its reactions take over what there is."""
        texts = []
        for name in self.space.fields[self.space.reacting :]:
            mine = [f"{-r.changes[name]} * ({r.rate})" for r in self.space.cascade.reactions if name in r.changes]
            texts.append(f"({' + '.join(mine) or '0'}) / {name}")
        return self.function("fast_loss(p, g, d, y)", texts or ["0"])


class _Cell(_Writer):
    """What a cell does: deposits, pools, what a fusion sets free, and its behaviour by kind."""

    def __init__(self, space: Space) -> None:
        home = {name: f"g[{i}]" for i, name in enumerate(space.known.levels)}
        home |= {name: f"x[{i}]" for i, name in enumerate(space.known.traces)}
        home |= {name: f"n[{i}]" for i, name in enumerate(space.known.counts)}
        home |= {name: f"s[{i}]" for i, name in enumerate(space.pools)}
        home |= {name: f"y[{i}]" for i, name in enumerate(space.fields)}
        home |= {name: f"d[{i}]" for i, name in enumerate(space.deposits)}
        home[PRESSURE] = f"d[{len(space.deposits)}]"  # beside what is deposited where the cell is
        super().__init__(space, home | {name: name for name in MARKS})

    def leaves(self) -> list[str]:
        """`deposits_of`, `pool_terms`, `freed`, `behave`."""
        cascade = self.space.cascade
        pools = [text for p in cascade.pools for text in (p.gain, p.loss)]
        freed = [r.amount for r in cascade.releases] + [p.per_fusion for p in cascade.pools]
        return [
            self.function("deposits_of(p, g, x, n, s)", [d.amount for d in cascade.deposits] or ["0"]),
            self.function("pool_terms(p, g, x, n, s, y, d)", pools or ["0"]),
            self.function("freed(p, g, x, n, s, ilv, cargo)", freed or ["0"]),
            *(self._kind(k, b) for k, b in enumerate(cascade.behaviours)),
            self._behave(),
        ]

    def _kind(self, k: int, b: Behaviour) -> str:
        texts = [getattr(b, what) for what in OF_BEHAVIOUR]
        texts += [b.drift.get(name, "0") for name in self.space.fields]
        return self.function(f"behave_{k}(p, g, x, n, s, y, d)", texts)

    def _behave(self) -> str:
        kinds = len(self.space.cascade.behaviours)
        lines = [f"    if kind == {k}:\n        return behave_{k}(p, g, x, n, s, y, d)" for k in range(kinds - 1)]
        return NJIT + "\n".join(
            ["def behave(kind, p, g, x, n, s, y, d):", *lines, f"    return behave_{kinds - 1}(p, g, x, n, s, y, d)"]
        )
