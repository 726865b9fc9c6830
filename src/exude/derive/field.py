"""The mean field of a declared cell as a network: pools, flows between them, and the rate of every one as a tree.

One stage, the resolved one, is split into R growth classes by the vesicle's growth count; the last class holds every
vesicle that has grown R - 1 times or more, with their total growth count beside it. Each class of each stage has an
expected number of vesicles and, where vesicles have a membrane, patches and patches inside. Nothing is evaluated
here: exports spell the trees in their own language.

Valid when: exact for the mean under given rates, but for three closures: rates that read stage counts see expected
counts; the two vesicles of a merger are independent; a gate on the last class is read at its mean growth count.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from exude.derive import grammar
from exude.derive.leaves import KIND_BIRTH, KIND_GROW, KIND_MERGE, kind
from exude.derive.network import (
    CONTENT_TOTALS,
    CONTENTS,
    EVENT_TOTALS,
    GROWN,
    INSIDE,
    PER_VESICLE,
    TOTALS,
    Flow,
    Named,
    Network,
    Pool,
)  # fmt: skip
from exude.derive.symbols import GATE_MARK, STAGE_COUNT, Symbols
from exude.derive.trees import Tree, call, name, number, over, put, times, total
from exude.errors import DeclarationError, refuse
from exude.model import Transition

MOST_STATES = 64
"""Growth states at most: mergers need a reaction for every pair of them."""


def network(symbols: Symbols, *, growth_states: int = 1, given_calcium: bool = False) -> Network:
    """The network of a declared cell.

    growth_states: number R of growth classes of the resolved stage, 1 to 64. given_calcium: calcium is a given
    curve, so that its equation, and every trace that only it reads, is left out.
    Raises DeclarationError for gates or mergers outside the resolved stage.
    """
    if isinstance(growth_states, bool) or not isinstance(growth_states, int) or not 1 <= growth_states <= MOST_STATES:
        expected = f"a whole number of growth states from 1 to {MOST_STATES}"
        fix = "1 is the compact model, 32 is within 2e-4 of many more."
        raise refuse(DeclarationError, growth_states, expected, fix)
    return _Writer(symbols, growth_states).write(given_calcium)


@dataclass
class _Moved:
    """What comes and goes at one rate."""

    rate: Tree
    gains: list[Tree] = field(default_factory=list)
    losses: list[Tree] = field(default_factory=list)


@dataclass
class _Writer:
    """Collects pools, named quantities, flows and slopes while it walks through the transitions."""

    symbols: Symbols
    states: int
    named: list[Named] = field(default_factory=list)
    flows: list[Flow] = field(default_factory=list)
    moved: dict[str, dict[str, _Moved]] = field(default_factory=dict)
    """Of each pool that vesicles carry: what comes and goes at each cell-wide rate."""

    def __post_init__(self) -> None:
        self.cycle = self.symbols.cascade.life_cycle
        self.contents = tuple(CONTENTS) if self.cycle.membrane else ()
        self.gated = any(t.gate for t in self.cycle.transitions)
        for t in self.cycle.transitions:
            if (t.gate or t.merges) and t.source != self.cycle.resolved:
                what = "merger" if t.merges else "gate"
                raise refuse(
                    DeclarationError,
                    f"{what} of {t.name!r} on stage {t.source!r}",
                    f"{what}s on the resolved stage {self.cycle.resolved!r} only",
                    "Declare that stage as `resolved`; growth counts of the others are not told apart.",
                )

    def write(self, given_calcium: bool) -> Network:
        pools = (*self._vesicles(), *self._carried(), *self._totals())
        self._count_resolved()
        self._law = self._membrane_terms()
        for t in self.cycle.transitions:
            self._transition(t)
        for emission in self.symbols.cascade.emissions:
            rate = grammar.parse(emission.rate)
            self.flows.append(Flow(f"emission_{emission.name}", rate, {}, {emission.name: 1}, emission.name))
        self._bud()
        slopes = {p.symbol: self._slope(p.symbol) for p in self._carried()}
        traces = self._traces(slopes, given_calcium)
        return self._only_needed(pools, slopes, traces)

    # pools

    def _classes(self, stage: str) -> range:
        return range(self.states if stage == self.cycle.resolved else 1)

    def _pool(self, holds: str, stage: str, j: int) -> str:
        stem = f"{STAGE_COUNT}{stage}" if holds == "vesicles" else f"{holds}_{stage}"
        return f"{stem}_{j}" if stage == self.cycle.resolved and self.states > 1 else stem

    def _n(self, stage: str, j: int) -> Tree:
        return name(self._pool("vesicles", stage, j))

    def _of_stages(self, holds: str, meaning: str) -> list[Pool]:
        found = []
        for stage in self.cycle.stages:
            for j in self._classes(stage):
                split = stage == self.cycle.resolved and self.states > 1
                words = f"{meaning}{stage} MVBs" + (grown_in_words(j, self.states) if split else "")
                found.append(Pool(self._pool(holds, stage, j), words, holds, stage, j if split else None))
        return found

    def _vesicles(self) -> list[Pool]:
        return self._of_stages("vesicles", "")

    def _carried(self) -> list[Pool]:
        found = [pool for c in self.contents for pool in self._of_stages(c, f"{CONTENTS[c]}, in ")]
        if self.gated:
            stage, last = self.cycle.resolved, self.states - 1
            words = f"growth counts summed over {stage} MVBs{grown_in_words(last, self.states)}"
            found.append(Pool(f"{GROWN}_{stage}", words, GROWN, stage, last or None))
        return found

    def _totals(self) -> list[Pool]:
        emitted = {e.name: f"particles emitted: {e.name}" for e in self.symbols.cascade.emissions}
        bare = () if self.contents else tuple(t for pair in CONTENT_TOTALS.values() for t in pair)
        kept = {k: v for k, v in TOTALS.items() if k not in bare}
        return [Pool(symbol, words, "total") for symbol, words in {**kept, **emitted}.items()]

    def _count_resolved(self) -> None:
        if self.cycle.resolved and self.states > 1:
            stage = self.cycle.resolved
            parts = total(self._n(stage, j) for j in self._classes(stage))
            self.named.append(Named(f"{STAGE_COUNT}{stage}", parts, "item", f"{stage} MVBs of all growth classes"))

    # rates

    def _name(self, symbol: str, text: str, unit: str, meaning: str) -> Tree:
        """A text under a name of its own, unless it is a name already."""
        tree = grammar.parse(text)
        if isinstance(tree, ast.Name):
            return tree
        self.named.append(Named(symbol, tree, unit, meaning))
        return name(symbol)

    def _membrane_terms(self) -> dict[str, Tree]:
        m = self.cycle.membrane
        if m is None:
            return {}
        rows = {
            "bud": ("rate_budding", m.bud, "1/s", "budding of a patch into the lumen"),
            "back": ("rate_back_fusion", m.back, "1/s", "back-fusion of an ILV"),
            "birth_patches": ("at_birth", m.at_birth, "item", "patches on a new MVB"),
            "growth_patches": ("per_growth", m.per_growth, "item", "patches brought by a Rab11 vesicle"),
            "birth_ilvs": ("cargo_birth", m.cargo_per_birth_patch, "", "cargo on a birth patch"),
            "growth_ilvs": ("cargo_growth", m.cargo_per_growth_patch, "", "cargo on a growth patch"),
        }
        return {key: self._name(*row) for key, row in rows.items()}

    def _gates(self, t: Transition) -> dict[int, Tree]:
        """The gate of each class; in the last one at its mean growth count, never below the class's own."""
        if not t.gate:
            return {j: number(1) for j in self._classes(t.source)}
        found: dict[int, Tree] = {}
        for j in self._classes(t.source):
            count = name(self._mean_growth()) if j == self.states - 1 else number(j)
            symbol = f"gate_{t.name}" + (f"_{j}" if self.states > 1 else "")
            gate = put(grammar.parse(t.gate), GATE_MARK, count)
            self.named.append(Named(symbol, gate, "", f"gate of {t.name}" + grown_in_words(j, self.states)))
            found[j] = name(symbol)
        return found

    def _mean_growth(self) -> str:
        stage, last = self.cycle.resolved, self.states - 1
        symbol = f"mean_growth_{stage}"
        if all(n.symbol != symbol for n in self.named):
            mean = call("ratio", name(f"{GROWN}_{stage}"), self._n(stage, last))
            tree = call("max", number(last), mean) if last else mean
            words = f"mean growth count of {stage} MVBs{grown_in_words(last, self.states)}"
            self.named.append(Named(symbol, tree, "", words))
        return symbol

    # transitions

    def _transition(self, t: Transition) -> None:
        what = kind(t)
        unit = "item/s" if what == KIND_BIRTH else "1/item/s" if t.merges else "1/s"
        per = "cell" if what == KIND_BIRTH else "ordered pair" if t.merges else f"{t.source} MVB"
        k = self._name(f"rate_{t.name}", t.rate, unit, f"rate of {t.name} per {per}")
        if what == KIND_BIRTH:
            self._birth(t, k)
        elif what == KIND_GROW:
            self._growth(t, k)
        elif what == KIND_MERGE:
            self._merger(t, k)
        else:
            self._move(t, k, what)

    def _flow(self, symbol: str, rate: Tree, takes: dict[str, int], gives: dict[str, int], t: Transition) -> None:
        counted = EVENT_TOTALS.get(kind(t))
        gives = gives | ({counted: 1} if counted else {})
        self.flows.append(Flow(symbol, rate, takes, gives, t.name, kind(t)))

    def _suffix(self, *classes: int) -> str:
        return "".join(f"_{j}" for j in classes) if self.states > 1 else ""

    def _birth(self, t: Transition, k: Tree) -> None:
        self._flow(t.name, k, {}, {self._pool("vesicles", t.target, 0): 1}, t)
        if self.contents:
            patches = over(self._law["birth_patches"], name(PER_VESICLE))
            self._gain(self._pool("birth_patches", t.target, 0), k, patches)

    def _growth(self, t: Transition, k: Tree) -> None:
        classes = self._classes(t.source)
        for j in classes:
            up = min(j + t.growth, len(classes) - 1)
            here, there = self._pool("vesicles", t.source, j), self._pool("vesicles", t.source, up)
            suffix = self._suffix(j) if len(classes) > 1 else ""
            rate = times(k, name(here))
            self._flow(t.name + suffix, rate, {here: 1}, {there: 1}, t)
            if up != j:
                self._carry(t.source, j, t.source, up, k, number(1))
            if self.contents:
                brought = over(times(self._law["growth_patches"], name(here)), name(PER_VESICLE))
                self._gain(self._pool("growth_patches", t.source, up), k, brought)
            if self.gated and t.source == self.cycle.resolved and up == len(classes) - 1:
                count = number(t.growth if j == up else j + t.growth)
                self._gain(f"{GROWN}_{t.source}", k, times(count, name(here)))

    def _merger(self, t: Transition, k: Tree) -> None:
        stage, last = t.source, self.states - 1
        for a in self._classes(stage):
            for b in range(a, self.states):
                one, other, both = (self._pool("vesicles", stage, j) for j in (a, b, min(a + b, last)))
                takes = {one: 2} if a == b else {one: 1, other: 1}
                pairs = times(k, name(one), name(other))
                rate = pairs if a == b else times(number(2), pairs)
                self._flow(t.name + self._suffix(a, b), rate, takes, {both: 1}, t)
        if last == 0:
            return  # one class: what two vesicles carry stays in it
        everybody = name(f"{STAGE_COUNT}{stage}")
        twice = times(number(2), k)
        for holds in (*self.contents, *((GROWN,) if self.gated else ())):
            self._merge_carried(stage, holds, twice, everybody)

    def _merge_carried(self, stage: str, holds: str, twice: Tree, everybody: Tree) -> None:
        """What a merged vesicle carries is the sum of both: 2 k sum over pairs of f_a N_b arrives in class a + b."""
        last = self.states - 1
        into: dict[int, list[Tree]] = {}
        for a in self._classes(stage):
            for b in self._classes(stage):
                part = self._carried_by(holds, stage, a)
                if part is not None:
                    into.setdefault(min(a + b, last), []).append(times(part, self._n(stage, b)))
        if holds == GROWN:
            self._gain(f"{GROWN}_{stage}", twice, total(into[last]))
            self._lose(f"{GROWN}_{stage}", twice, times(everybody, name(f"{GROWN}_{stage}")))
            return
        for j in self._classes(stage):
            self._gain(self._pool(holds, stage, j), twice, total(into[j]))
            self._lose(self._pool(holds, stage, j), twice, times(everybody, name(self._pool(holds, stage, j))))

    def _carried_by(self, holds: str, stage: str, j: int) -> Tree | None:
        """What class j carries of a kind; growth counts of the classes below the last are j each."""
        if holds != GROWN:
            return name(self._pool(holds, stage, j))
        if j == self.states - 1:
            return name(f"{GROWN}_{stage}")
        return times(number(j), self._n(stage, j)) if j else None

    def _move(self, t: Transition, k: Tree, what: int) -> None:
        gates = self._gates(t)
        leaves = what in CONTENT_TOTALS
        for j in self._classes(t.source):
            suffix = self._suffix(j) if t.source == self.cycle.resolved else ""
            here = self._pool("vesicles", t.source, j)
            gives = {} if leaves else {self._pool("vesicles", t.target, 0): 1}
            self._flow(t.name + suffix, times(k, gates[j], name(here)), {here: 1}, gives, t)
            self._carry(t.source, j, "" if leaves else t.target, 0, k, gates[j])
        if leaves and self.contents:
            self._hand_over(t, k, gates)

    def _hand_over(self, t: Transition, k: Tree, gates: Mapping[int, Tree]) -> None:
        """ILVs and cargo of vesicles that leave, all growth classes together, as totals."""
        ilvs, cargo = CONTENT_TOTALS[kind(t)]
        inside = {c: [times(gates[j], name(self._pool(c, t.source, j))) for j in gates] for c in INSIDE}
        loaded = (times(self._law[c], total(trees)) for c, trees in inside.items())
        out = times(k, total(tree for trees in inside.values() for tree in trees))
        self.flows.append(Flow(f"{t.name}_{ilvs}", out, {}, {ilvs: 1}, t.name, kind(t)))
        self.flows.append(Flow(f"{t.name}_{cargo}", times(k, total(loaded)), {}, {cargo: 1}, t.name, kind(t)))

    def _carry(self, source: str, j: int, target: str, to: int, rate: Tree, gate: Tree) -> None:
        """What a vesicle carries goes with it."""
        for holds in self.contents:
            part = times(gate, name(self._pool(holds, source, j)))
            self._lose(self._pool(holds, source, j), rate, part)
            if target:
                self._gain(self._pool(holds, target, to), rate, part)
        if self.gated and source == self.cycle.resolved and j == self.states - 1 and source != target:
            self._lose(f"{GROWN}_{source}", rate, times(gate, name(f"{GROWN}_{source}")))

    def _bud(self) -> None:
        """Patches bud in and fuse back, each on its own."""
        for inside, patches in INSIDE.items() if self.contents else ():
            for stage in self.cycle.stages:
                for j in self._classes(stage):
                    pool, m = self._pool(inside, stage, j), name(self._pool(inside, stage, j))
                    self._gain(pool, self._law["bud"], name(self._pool(patches, stage, j)))
                    self._lose(pool, self._law["bud"], m)
                    self._lose(pool, self._law["back"], m)

    def _gain(self, pool: str, rate: Tree, part: Tree) -> None:
        self._at(pool, rate).gains.append(part)

    def _lose(self, pool: str, rate: Tree, part: Tree) -> None:
        self._at(pool, rate).losses.append(part)

    def _at(self, pool: str, rate: Tree) -> _Moved:
        return self.moved.setdefault(pool, {}).setdefault(ast.dump(rate), _Moved(rate))

    def _slope(self, pool: str) -> Tree:
        """Each rate once, times what it brings less what it takes: simulators that write rates out stay quick."""
        moved = self.moved.get(pool, {}).values()
        up = [times(m.rate, total(m.gains, m.losses)) for m in moved if m.gains]
        return total(up, [times(m.rate, total(m.losses)) for m in moved if not m.gains])

    # what is read

    def _traces(self, slopes: dict[str, Tree], given_calcium: bool) -> tuple[str, ...]:
        """Add the slopes of the traces that are solved; names of all traces the network has."""
        cascade = self.symbols.cascade
        calcium = cascade.traces[0].symbol
        solved = {t.symbol: grammar.parse(t.rate) for t in cascade.traces if t.rate}
        if not given_calcium and calcium in solved:
            slopes |= solved
            return self.symbols.traces
        while more := {s: solved[s] for s in self._reached(self._roots(slopes)) & solved.keys() - {calcium, *slopes}}:
            slopes |= more
        return tuple(s for s in self.symbols.traces if s in slopes or s == calcium)

    def _roots(self, slopes: Mapping[str, Tree]) -> list[Tree]:
        readouts = [name(r) for r in self.symbols.cascade.readouts]
        return [*(f.rate for f in self.flows), *slopes.values(), *(n.tree for n in self.named), *readouts]

    def _reached(self, roots: Iterable[Tree]) -> set[str]:
        """Every symbol that the roots read, directly or through definitions."""
        found: set[str] = set()
        todo = list(set().union(*(grammar.names(tree) for tree in roots)))
        while todo:
            symbol = todo.pop()
            if symbol not in found:
                found.add(symbol)
                if symbol in self.symbols.trees:
                    todo += grammar.names(self.symbols.trees[symbol])
        return found

    def _only_needed(self, pools: tuple[Pool, ...], slopes: dict[str, Tree], traces: tuple[str, ...]) -> Network:
        read = self._reached(self._roots(slopes))
        declared = self.symbols.definitions
        definitions = [
            Named(s, tree, declared[s].unit, declared[s].why) for s, tree in self.symbols.trees.items() if s in read
        ]
        return Network(
            symbols=self.symbols,
            growth_states=self.states,
            pools=pools,
            named=(*definitions, *self.named),
            flows=tuple(self.flows),
            slopes=slopes,
            parameters=tuple(s for s in self.symbols.parameters if s in read),
            levels=tuple(s for s in self.symbols.levels if s in read),
            traces=traces,
        )


def grown_in_words(j: int, states: int) -> str:
    """Growth class j of R in words; nothing where there is one class."""
    if states == 1:
        return ""
    return f" grown {j} times" + (" or more" if j == states - 1 else "")
