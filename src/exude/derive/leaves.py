"""From the declaration to Numba source: small functions ('leaves') that the hand-written loops call.

Three tiers keep work out of the hot path: `prepare` runs when levels change, `refresh` when calcium moves, `couple`
when stage counts change. Leaves pass tuples, so counts and rates stay in registers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

import sympy

from exude.derive import grammar
from exude.derive.symbols import PER_CALCIUM, PER_COUNT, PER_SEGMENT, Symbols
from exude.model import BORN, DEGRADED, RELEASED, Transition

NJIT = "@njit(nogil=True, error_model='numpy')\n"
MEMBRANE_TERMS = 7
KIND_BIRTH, KIND_MOVE, KIND_GROW, KIND_MERGE, KIND_RELEASE, KIND_DEGRADE = range(6)


def source(symbols: Symbols) -> str:
    """All leaves of one cascade as one text."""
    symbols.check()
    writer = _Leaves(symbols)
    return "\n\n".join([writer.tables(), *writer.tiers(), writer.trace(), *writer.choice(), writer.membrane()]) + "\n"


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
        rows = {
            "KIND": [kind(t) for t in transitions],
            "SOURCE": [self.stage.get(t.source, -1) for t in transitions],
            "TARGET": [self.stage.get(t.target, -1) for t in transitions],
            "GROWTH": [t.growth for t in transitions],
            "TOUCHES": [int(t) for t in touched],
        }
        lines = [f"{name} = np.array({values})" for name, values in rows.items()]
        lines += [f"N_STAGES = {len(self.stage)}", f"N_TRACES = {len(self.symbols.traces)}"]
        lines += [f"N_EVENTS = {len(transitions)}", f"RESOLVED = {self.stage.get(self.cycle.resolved, -1)}"]
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
        emit = self._function("emit(p, g, w, x)", self._closure(self._read(emissions), calcium), emissions)
        readouts = list(self.symbols.cascade.readouts)
        read = self._function("read_outs(p, g, w, x)", self._closure(readouts, calcium), readouts)
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
        """Total rate, choice of an event, and the move it makes, unrolled."""
        transitions = self.cycle.transitions
        weights = [self._weight(i, t) for i, t in enumerate(transitions)]
        total = f"{NJIT}def total_rate(k, n):\n    return {' + '.join(weights)}"
        lines = ["def choose(r, k, n):"]
        for i, weight in enumerate(weights):
            lines += [f"    a = {weight}", "    if r < a:", f"        return {i}, r / k[{i}]", "    r -= a"]
        choose = NJIT + "\n".join([*lines, "    return -1, r"])
        lines = ["def moved(event, n):"]
        for i, t in enumerate(transitions):
            lines += [f"    if event == {i}:", f"        return ({self._after(t)})"]
        moved = NJIT + "\n".join([*lines, "    return n"])
        lines = ["def gate(event, p, g, w, growth):"]
        for i, t in enumerate(transitions):
            if t.gate:
                text = grammar.to_python(grammar.parse(t.gate), lambda name: self._spell(name, PER_SEGMENT))
                lines += [f"    if event == {i}:", f"        return {text}"]
        return [total, choose, moved, NJIT + "\n".join([*lines, "    return 1.0"])]

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
                f"{NJIT}def stage_tuple(counts, i):\n    return ({stages})",
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

    def _spell(self, name: str, tier: int) -> str:
        if name == "growth":
            return "growth"
        if name in self.home:
            return self.home[name]
        if self.symbols.tiers[name] == tier:
            return f"w[{self.by_tier[PER_SEGMENT].index(name)}]"
        raise AssertionError(f"{name} is not at hand here")

    def _symbolic(self, name: str, expressions: list[sympy.Expr]) -> str:
        shared, reduced = sympy.cse(expressions, symbols=sympy.numbered_symbols("t_"))
        rename = self._renamer()

        def code(e: sympy.Expr) -> str:
            return repr(float(e)) if e.is_Number else rename(sympy.pycode(e, fully_qualified_modules=False))

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
