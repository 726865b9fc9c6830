"""From the declaration to Numba source: small functions ('leaves') that the hand-written loops call.

Three tiers keep work out of the hot path: `prepare` runs when levels change, `refresh` when calcium moves, `couple`
when stage counts change. Leaves pass tuples, so counts and rates stay in registers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

import sympy
from sympy.printing.pycode import PythonCodePrinter

from exude.derive import grammar
from exude.derive.symbols import GATE_MARK, PER_CALCIUM, PER_COUNT, PER_SEGMENT, Symbols
from exude.model import BORN, DEGRADED, RELEASED, LifeCycle, Transition

NJIT = "@leaf\n"
MEMBRANE_TERMS = 7
BLOCK = 4
"""Events whose weights are summed as a tree before they enter the running sum: a short chain of additions."""
KIND_BIRTH, KIND_MOVE, KIND_GROW, KIND_MERGE, KIND_RELEASE, KIND_DEGRADE = range(6)
COLUMN = {KIND_RELEASE: 3, KIND_DEGRADE: 6}
"""Where the totals of vesicles that leave begin, as `exude.engine.layout` lists them."""


def source(symbols: Symbols) -> str:
    """All leaves of one cascade as one text."""
    symbols.check()
    writer = _Leaves(symbols)
    return (
        "\n\n".join(
            [writer.tables(), *writer.tiers(), writer.trace(), *writer.choice(), writer.gates(), writer.membrane()]
        )
        + "\n"
    )


def kind(transition: Transition) -> int:
    """What the event loop must do for a transition."""
    if transition.source == BORN:
        return KIND_BIRTH
    if transition.merges:
        return KIND_MERGE
    if transition.target == RELEASED:
        return KIND_RELEASE
    if transition.target == DEGRADED:
        return KIND_DEGRADE
    return KIND_GROW if transition.source == transition.target else KIND_MOVE


def leading(cycle: LifeCycle) -> tuple[int, int]:
    """The most transitions that lead out of one stage (at least 1), and the number of those that are births."""
    widest = max(sum(t.source == stage for t in cycle.transitions) for stage in cycle.stages)
    return max(widest, 1), sum(t.source == BORN for t in cycle.transitions)


class _Printer(PythonCodePrinter):  # type: ignore[misc]
    """Numba source of a SymPy expression, powers by our own function (see `engine/loops/common.py`)."""

    def _print_Pow(self, expr: sympy.Pow, rational: bool = False) -> str:
        base, exponent = self._print(expr.base), expr.exp
        if exponent == -1:
            return f"(1.0 / ({base}))"
        if exponent == 2:
            return f"square({base})"
        if exponent == sympy.Rational(1, 2):
            return f"sqrt({base})"
        return f"power({base}, {float(exponent) if exponent.is_Number else self._print(exponent)})"


PRINTER = _Printer({"fully_qualified_modules": False})


class _Leaves:
    """Writes the leaves; holds only the symbols and where each is found."""

    def __init__(self, symbols: Symbols) -> None:
        self.symbols = symbols
        self.cycle = symbols.cascade.life_cycle
        self.stage = {name: i for i, name in enumerate(self.cycle.stages)}
        self.home = {name: f"p[{i}]" for i, name in enumerate(symbols.parameters)}
        self.home |= {name: f"g[{i}]" for i, name in enumerate(symbols.levels)}
        self.home |= {name: f"x[{i}]" for i, name in enumerate(symbols.traces)}
        self.home |= {name: f"n[{i}]" for i, name in enumerate(symbols.counts)}
        tiers = symbols.tiers
        self.by_tier = [[name for name in symbols.trees if tiers[name] == tier] for tier in range(3)]
        self.rate_tiers = [max(PER_CALCIUM, symbols.tier(t.rate)) for t in self.cycle.transitions]

    def tables(self) -> str:
        transitions = self.cycle.transitions
        touched = [self._touches(t) for t in transitions]
        rows: dict[str, Any] = {
            "KIND": [kind(t) for t in transitions],
            "SOURCE": [self.stage.get(t.source, -1) for t in transitions],
            "TARGET": [self.stage.get(t.target, -1) for t in transitions],
            "GROWTH": [t.growth for t in transitions],
            "TOUCHES": [int(t) for t in touched],
        }
        ways = [[i for i, t in enumerate(transitions) if t.source == stage] for stage in self.stage]
        widest, births = leading(self.cycle)
        padded = [way + [-1] * (widest - len(way)) for way in ways]
        rows |= {
            "OUT": padded,
            "GOES": [
                self.stage.get(transitions[i].target, -1) if i >= 0 else -1 for way in [*padded, [-1]] for i in way
            ],
            "ENDS": [COLUMN.get(kind(transitions[i]), -1) if i >= 0 else -1 for way in padded for i in way],
            "N_LEADING": [len(way) for way in ways],
            "BIRTH_EVENT": [i for i, t in enumerate(transitions) if t.source == BORN] or [-1],
        }
        lines = [f"{name} = np.array({values})" for name, values in rows.items()]
        lines += [f"N_OUT = {widest}", f"N_WAYS = {widest + 2}", f"N_BIRTHS = {births}"]
        lines += [f"N_STAGES = {len(self.stage)}", f"N_TRACES = {len(self.symbols.traces)}"]
        lines += [f"N_EVENTS = {len(transitions)}", f"RESOLVED = {self.stage.get(self.cycle.resolved, -1)}"]
        lines += [f"HAS_MEMBRANE = {self.cycle.membrane is not None}"]
        lines += [f"N_EMISSIONS = {len(self.symbols.cascade.emissions)}"]
        return "\n".join(lines)

    def tiers(self) -> list[str]:
        segment, calcium, count = self.by_tier
        hot = self._needed(PER_CALCIUM)
        early = [t.rate for t, tier in zip(self.cycle.transitions, self.rate_tiers, strict=True) if tier < PER_COUNT]
        emissions = [e.rate for e in self.symbols.cascade.emissions]
        kept = [name for name in calcium if name in hot]
        prepare = self._function("prepare(p, g)", segment, segment)
        refresh = self._function("refresh(p, g, w, x)", self._closure(kept + self._read(early), calcium), kept + early)
        rates, early_place = [], len(kept)
        for transition, tier in zip(self.cycle.transitions, self.rate_tiers, strict=True):
            if tier < PER_COUNT:
                rates.append(f"s[{early_place}]")
                early_place += 1
            else:
                rates.append(transition.rate)
        late = [t.rate for t, tier in zip(self.cycle.transitions, self.rate_tiers, strict=True) if tier == PER_COUNT]
        couple = self._function("couple(p, g, w, s, n)", self._closure(self._read(late), count), rates, unpack_s=kept)
        emit = self._function("emit(p, g, w, x)", self._closure(self._read(emissions), calcium), emissions or ["0"])
        readouts = list(self.symbols.cascade.readouts)
        read = self._function("read_outs(p, g, w, x)", self._closure(readouts, calcium), readouts or ["0"])
        return [prepare, refresh, couple, emit, read]

    def trace(self) -> str:
        """Slopes and Jacobian of the cell-wide equations."""
        s, symbols = sympy.Symbol, self.symbols
        trees = {name: tree for name, tree in symbols.trees.items() if symbols.tiers[name] == PER_CALCIUM}

        def expand(name: str) -> sympy.Expr:
            return grammar.to_sympy(trees[name], expand) if name in trees else s(name, positive=True)

        slopes = [grammar.to_sympy(grammar.parse(t.rate or "0"), expand) for t in symbols.cascade.traces]
        unknowns = [s(name, positive=True) for name in symbols.traces]
        jacobian = [sympy.diff(slope, unknown) for slope in slopes for unknown in unknowns]
        return "\n\n".join([self._symbolic("slopes", slopes), self._symbolic("jacobian", jacobian)])

    def choice(self) -> list[str]:
        """The weights of all events in blocks, their running sums, and what each event does, unrolled."""
        transitions = self.cycle.transitions
        blocks = [range(a, min(a + BLOCK, len(transitions))) for a in range(0, len(transitions), BLOCK)]
        lines, edges = ["@inlined\ndef edges(k, n):"], []
        for b, block in enumerate(blocks):
            before = f"e{b - 1} + " if b else ""
            lines.append(f"    e{b} = {before}({_balanced([self._weight(i, transitions[i]) for i in block])})")
            edges.append(f"e{b}, ")
        lines.append(f"    return ({''.join(edges)})")
        head = "r, q, edge, rng, t, n, k, p, g, w, skin, gap, v, total, book, events, i, log_moves"
        act = [f"@inlined\ndef happen({head}):"]
        for b, block in enumerate(blocks):
            if b < len(blocks) - 1:
                act.append(f"    if r < edge[{b}]:")
            body = [f"r = r - edge[{b - 1}]"] if b else []
            for place in block:
                body += self._event(place, last=place == block[-1])
            indent = "        " if b < len(blocks) - 1 else "    "
            act += [indent + line for line in body]
        return [f"N_EDGES = {len(blocks)}", "\n".join(lines), "\n".join(act)]

    def gates(self) -> str:
        """The gate of an event for a vesicle of known growth: for the mean field."""
        lines = [f"{NJIT}def gate(event, p, g, w, growth):"]
        for i, t in enumerate(self.cycle.transitions):
            if t.gate:
                lines += [f"    if event == {i}:", f"        return {self._gate(t.gate, 'growth')}"]
        return "\n".join([*lines, "    return 1.0"])

    def _gate(self, text: str, mark: str) -> str:
        return grammar.to_python(grammar.parse(text), lambda name: self._spell(name, PER_SEGMENT, mark))

    def _event(self, i: int, *, last: bool) -> list[str]:
        """Lines that do one event if `r` falls on it; the last of a block is what remains, unless rounding chose it."""
        t = self.cycle.transitions[i]
        weight, done = self._weight(i, t), f"return DONE, rng, n, {self._touches(t)}"
        act = [*self._act(i, t), f"n = ({self._after(t)},)", done] if t.source != t.target or t.merges else []
        act = act or [*self._act(i, t), "return DONE, rng, n, False"]
        if last:
            return [f"if {weight} <= 0.0:", "    return DONE, rng, n, False", *act]
        return [f"a = {weight}", "if r < a:", *(f"    {line}" for line in act), "r = r - a"]

    def _act(self, i: int, t: Transition) -> list[str]:
        what, full = kind(t), "    return LOG_FULL, rng, n, False"
        to = self.stage.get(t.target, -1)
        if what == KIND_BIRTH:
            return [
                f"if not bear(v, {to}, n[{to}], t, skin, gap, total, book):",
                "    return POOL_FULL, rng, n, False",
            ]
        here = self.stage[t.source]
        lines = [f"place = min(int(q * n[{here}]), n[{here}] - 1)", f"slot = v.members[{here}, place]"]
        if t.gate:
            gate = self._gate(t.gate, "v.growth[slot]")
            lines += ["rng, u = uniform(rng)", f"if u >= {gate}:", "    return DONE, rng, n, False"]
        if what == KIND_GROW:
            return [*lines, f"grow(v, slot, {t.growth}, skin, gap, total)"]
        if what == KIND_MERGE:
            lines.append(f"rng = unite(rng, v, {here}, place, n[{here}], total, book)")
        elif what == KIND_MOVE:
            lines.append(f"v.members[{to}, n[{to}]] = slot")
            lines += [f"if log_moves and not note(events, t, i, v, slot, {i}, UNREAD, skin[0][6]):", full]
        else:
            column = COLUMN[what]
            lines.append(f"room, rng = leave(rng, v, slot, i, t, {i}, {column}, skin, gap, total, book, events)")
            lines += ["if not room:", full]
        return [*lines, f"v.members[{here}, place] = v.members[{here}, n[{here}] - 1]"]

    def membrane(self) -> str:
        parts = ["0"] * MEMBRANE_TERMS
        if m := self.cycle.membrane:
            parts = [m.bud, m.back, m.at_birth, m.per_growth, m.cargo_per_birth_patch, m.cargo_per_growth_patch]
            parts.append(m.patch_diameter)
        law = self._function("membrane(p, g, w)", [], parts)
        stages = ", ".join(f"counts[i, {s}]" for s in range(len(self.stage)))
        places = ", ".join(f"kept[i, {q}]" for q in range(MEMBRANE_TERMS))
        return "\n\n".join(
            [
                law,
                f"{NJIT}def stage_tuple(counts, i):\n    return ({stages},)",
                f"{NJIT}def membrane_tuple(kept, i):\n    return ({places})",
            ]
        )

    def _function(self, head: str, compute: Iterable[str], give: list[str], unpack_s: Iterable[str] = ()) -> str:
        """One leaf: unpack, compute definitions in order, return a tuple of texts or names."""
        local = {name: f"v_{name}" for name in compute}
        local |= {name: f"s[{i}]" for i, name in enumerate(unpack_s)}

        def spell(name: str) -> str:
            return local.get(name) or self._spell(name, PER_SEGMENT)

        body = [f"    v_{name} = {grammar.to_python(self.symbols.trees[name], spell)}" for name in compute]
        out = [t if t.startswith("s[") else grammar.to_python(grammar.parse(t), spell) for t in give]
        return NJIT + "\n".join([f"def {head}:", *body, f"    return ({''.join(o + ', ' for o in out)})"])

    def _spell(self, name: str, tier: int, mark: str = "growth") -> str:
        if name == GATE_MARK:
            return mark
        if name in self.home:
            return self.home[name]
        if self.symbols.tiers[name] == tier:
            return f"w[{self.by_tier[PER_SEGMENT].index(name)}]"
        raise AssertionError(f"{name} is not at hand here")

    def _symbolic(self, name: str, expressions: list[sympy.Expr]) -> str:
        shared, reduced = sympy.cse(expressions, symbols=sympy.numbered_symbols("t_"))
        rename = self._renamer()

        def code(e: sympy.Expr) -> str:
            return repr(float(e)) if e.is_Number else rename(PRINTER.doprint(e))

        lines = [f"    {a} = {code(b)}" for a, b in shared]
        out = "".join(f"{code(e)}, " for e in reduced)
        return NJIT + "\n".join([f"def {name}(p, g, w, x):", *lines, f"    return ({out})"])

    def _renamer(self) -> Callable[[str], str]:
        word = re.compile(r"[A-Za-z_][A-Za-z_0-9]*")
        known = {*self.home, *self.by_tier[PER_SEGMENT]}
        return lambda text: word.sub(lambda m: self._spell(m[0], PER_SEGMENT) if m[0] in known else m[0], text)

    def _read(self, texts: Iterable[str]) -> list[str]:
        return sorted(set().union(*(grammar.names(grammar.parse(t)) for t in texts), set()))

    def _closure(self, wanted: Iterable[str], allowed: list[str]) -> list[str]:
        """Those of `allowed` that `wanted` needs, directly or through others, in order."""
        need, todo = set(), list(wanted)
        while todo:
            name = todo.pop()
            if name in allowed and name not in need:
                need.add(name)
                todo += grammar.names(self.symbols.trees[name])
        return [name for name in allowed if name in need]

    def _needed(self, tier: int) -> set[str]:
        """Definitions of `tier` that texts of the next tier read."""
        late = [self.symbols.trees[name] for name in self.by_tier[tier + 1]]
        late += [
            grammar.parse(t.rate)
            for t, rate_tier in zip(self.cycle.transitions, self.rate_tiers, strict=True)
            if rate_tier > tier
        ]
        return set().union(*(grammar.names(tree) for tree in late), set())

    def _weight(self, i: int, t: Transition) -> str:
        if t.source == BORN:
            return f"k[{i}]"
        here = f"n[{self.stage[t.source]}]"
        return f"k[{i}] * {here} * ({here} - 1)" if t.merges else f"k[{i}] * {here}"

    def _after(self, t: Transition) -> str:
        change = [0] * len(self.stage)
        if t.source in self.stage:
            change[self.stage[t.source]] -= 1
        if t.target in self.stage and not t.merges:
            change[self.stage[t.target]] += 1
        return ", ".join(f"n[{i}] {'+' if c > 0 else '-'} {abs(c)}" if c else f"n[{i}]" for i, c in enumerate(change))

    def _touches(self, t: Transition) -> bool:
        """Whether an event changes a count that some rate reads."""
        texts = [tree for name, tree in self.symbols.trees.items() if self.symbols.tiers[name] == PER_COUNT]
        texts += [grammar.parse(tr.rate) for tr in self.cycle.transitions]
        read = set().union(*(grammar.names(tree) for tree in texts)) & set(self.symbols.counts)
        moved = {f"n_{s}" for s in (t.source, t.target) if s in self.stage} if t.source != t.target else set()
        if t.merges:
            moved = {f"n_{t.source}"}
        return bool(read & moved)


def _balanced(terms: list[str]) -> str:
    """A sum as a balanced tree, so that the processor can add side by side."""
    if len(terms) == 1:
        return terms[0]
    half = len(terms) // 2
    return f"({_balanced(terms[:half])}) + ({_balanced(terms[half:])})"
