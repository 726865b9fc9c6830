"""A slow, readable twin of the vesicle kernel, to hold the kernel against.

Nothing is shared with the kernel but the declaration: another generator (PCG64), another algorithm (one flat list of
vesicles, every patch of membrane budding in and fusing back one at a time), rate texts evaluated node by node in
plain Python, calcium cut into short constant pieces.
"""

from __future__ import annotations

import ast
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np

from exude.model import BORN, DEGRADED, RELEASED, Cascade, Emission, Transition


def evaluate(text: str, scope: Mapping[str, float]) -> float:
    """Value of one rate text, node by node."""
    return _value(_tree(text), scope)


@cache
def _tree(text: str) -> ast.expr:
    return ast.parse(text, mode="eval").body


def _value(node: ast.expr, scope: Mapping[str, float]) -> float:
    match node:
        case ast.Constant(value=value):
            return float(value)
        case ast.Name(id=name):
            return scope[name]
        case ast.UnaryOp(operand=operand):
            return -_value(operand, scope)
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_value(left, scope), _value(right, scope))
        case ast.Call(func=ast.Name(id=name), args=args):
            return _FUNCTIONS[name](*(_value(arg, scope) for arg in args))
    raise AssertionError(ast.dump(node))


def _hill(x: float, k: float, n: float) -> float:
    return x**n / (k**n + x**n) if x > 0 else 0.0


_BINARY = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
    ast.Pow: lambda a, b: a**b,
}

_FUNCTIONS = {
    "hill": _hill,
    "fall": lambda x, k, n: 1 - _hill(x, k, n),
    "mix": lambda x, w: 1 - w + w * x,
    "saturate": lambda x, k: x * (1 + k) / (x + k),
    "ratio": lambda a, b: a / b if b else 0.0,
    "max": max,
    "min": min,
    "exp": math.exp,
    "log": math.log,
    "sqrt": math.sqrt,
}


class Scope(dict[str, float]):
    """Known values; a definition is evaluated when it is first asked for."""

    def __init__(self, known: Mapping[str, float], texts: Mapping[str, str]) -> None:
        super().__init__(known)
        self.texts = texts

    def __missing__(self, name: str) -> float:
        self[name] = value = evaluate(self.texts[name], self)
        return value


@dataclass
class Patch:
    """A piece of limiting membrane and the cargo molecules that sit on it."""

    cargo: int


@dataclass(eq=False)
class Vesicle:
    """One MVB."""

    name: int
    stage: str
    born: float
    growth: int = 0
    outside: list[Patch] = field(default_factory=list)
    inside: list[Patch] = field(default_factory=list)

    @property
    def ilv(self) -> int:
        return len(self.inside)

    @property
    def cargo(self) -> int:
        return sum(patch.cargo for patch in self.inside)


@dataclass(frozen=True)
class Piece:
    """A stretch of time in which calcium and levels are constant."""

    end: float
    calcium: float
    segment: int
    output: bool = False
    snapshot: bool = False


@dataclass(frozen=True)
class Row:
    """One vesicle as it was read: on leaving the cell, or at a snapshot."""

    time: float
    cell: int
    vesicle: int
    what: str
    ilv: int
    cargo: int
    growth: int
    age: float
    diameter: float


@dataclass
class Record:
    """What happened to one cell."""

    counts: list[list[int]] = field(default_factory=list)
    totals: list[list[int]] = field(default_factory=list)
    events: list[Row] = field(default_factory=list)
    reads: list[Row] = field(default_factory=list)
    made: int = 0
    """ILVs budded less ILVs fused back."""
    left: int = 0
    """ILVs still inside at the end."""


@dataclass(frozen=True)
class Twin:
    """The declared cell under given parameters (internal units), levels of each segment, and pieces of time."""

    cascade: Cascade
    parameters: Mapping[str, float]
    levels: Sequence[Mapping[str, float]]
    pieces: Sequence[Piece]

    def run(self, cells: int, seed: int) -> list[Record]:
        """Simulate cells one after the other."""
        memory: dict[tuple[object, ...], Scope] = {}
        streams = (np.random.Generator(np.random.PCG64([seed, number])) for number in range(cells))
        return [_Cell(self, number, rng, memory).run() for number, rng in enumerate(streams)]


class _Cell:
    """One cell while it lives."""

    def __init__(
        self, twin: Twin, number: int, rng: np.random.Generator, memory: dict[tuple[object, ...], Scope]
    ) -> None:
        self.twin, self.number, self.rng, self.memory = twin, number, rng, memory
        self.cycle = twin.cascade.life_cycle
        self.texts = {d.symbol: d.text for d in twin.cascade.definitions}
        self.vesicles: list[Vesicle] = []
        self.time = 0.0
        self.names = 0
        self.total: Counter[str] = Counter()
        self.record = Record()
        self.uniforms: Iterator[float] = iter(())

    def run(self) -> Record:
        for piece in self.twin.pieces:
            self.live_until(piece)
            if piece.output:
                here = Counter(v.stage for v in self.vesicles)
                self.record.counts.append([here[stage] for stage in self.cycle.stages])
                self.record.totals.append([self.total[name] for name in _TOTALS])
            if piece.snapshot:
                rows = [self.row(v, v.stage) for stage in self.cycle.stages for v in self.vesicles if v.stage == stage]
                self.record.reads.extend(rows)
        self.record.left = sum(v.ilv for v in self.vesicles)
        return self.record

    def live_until(self, piece: Piece) -> None:
        """One thing after the other until the piece ends: a transition, a particle shed, or a patch that flips."""
        while True:
            scope, options = self.options(piece)
            stages = sum(rate for rate, _ in options)
            bud, back = scope[self.cycle.membrane.bud], scope[self.cycle.membrane.back]
            outside, inside = sum(len(v.outside) for v in self.vesicles), sum(len(v.inside) for v in self.vesicles)
            while True:
                total = stages + bud * outside + back * inside
                self.time += -math.log(self.uniform()) / total if total > 0 else math.inf
                if self.time >= piece.end:
                    self.time = piece.end
                    return
                chosen = self.uniform() * total - stages
                if chosen < 0:
                    break
                way = 1 if chosen < bud * outside else -1
                self.flip(way, outside if way > 0 else inside)
                outside, inside = outside - way, inside + way
            chosen += stages  # back to a number below the total rate of what is not a flip
            self.happen(next(what for rate, what in options if (chosen := chosen - rate) < 0), scope)

    def uniform(self) -> float:
        """A number in (0, 1)."""
        for number in self.uniforms:
            return number
        self.uniforms = iter((1.0 - self.rng.random(1024)).tolist())
        return self.uniform()

    def pick(self, number: int) -> int:
        return int(self.uniform() * number) % number

    def options(self, piece: Piece) -> tuple[Scope, list[tuple[float, Transition | Emission]]]:
        """Values of all symbols now, and the total rate of everything that changes more than a patch."""
        here = Counter(v.stage for v in self.vesicles)
        scope = self.scope(piece, here)
        found: list[tuple[float, Transition | Emission]] = [(scope[e.rate], e) for e in self.twin.cascade.emissions]
        for t in self.cycle.transitions:
            number = 1 if t.source == BORN else here[t.source]
            found.append((scope[t.rate] * number * (number - 1 if t.merges else 1), t))
        return scope, found

    def scope(self, piece: Piece, here: Counter[str]) -> Scope:
        """Values of all symbols; remembered by all that they can depend on but `growth`."""
        counts = {f"n_{stage}": here[stage] for stage in self.cycle.stages}
        key = (piece.calcium, piece.segment, here["docked"], here["primed"])
        if key not in self.memory:
            known = {**self.twin.parameters, **self.twin.levels[piece.segment], **counts, "calcium": piece.calcium}
            membrane = self.cycle.membrane
            scope = Scope(known, self.texts)
            texts = [t.rate for t in self.cycle.transitions] + [e.rate for e in self.twin.cascade.emissions]
            texts += [membrane.bud, membrane.back, membrane.at_birth, membrane.per_growth, membrane.patch_diameter]
            for text in [*texts, membrane.cargo_per_birth_patch, membrane.cargo_per_growth_patch]:
                scope[text] = evaluate(text, scope)
            self.memory[key] = scope
        return self.memory[key]

    def happen(self, t: Transition | Emission, scope: Scope) -> None:
        """A particle is shed, or one vesicle makes one transition, if its gate allows it."""
        membrane = self.cycle.membrane
        if isinstance(t, Emission):
            self.total[t.name] += 1
            return
        if t.source == BORN:
            born = Vesicle(self.names, t.target, self.time)
            born.outside += self.patches(scope[membrane.at_birth], scope[membrane.cargo_per_birth_patch])
            self.vesicles.append(born)
            self.names += 1
            self.total["births"] += 1
            return
        candidates = [v for v in self.vesicles if v.stage == t.source]
        vesicle = candidates[self.pick(len(candidates))]
        if t.gate and self.uniform() >= evaluate(t.gate, Scope({**scope, "growth": vesicle.growth}, self.texts)):
            return
        if t.merges:
            others = [v for v in candidates if v is not vesicle]
            self.merge(vesicle, others[self.pick(len(others))])
        elif t.growth:
            vesicle.growth += t.growth
            vesicle.outside += self.patches(scope[membrane.per_growth], scope[membrane.cargo_per_growth_patch])
            self.total["growths"] += 1
        elif t.target in (RELEASED, DEGRADED):
            self.leave(vesicle, t, scope[membrane.patch_diameter])
        else:
            vesicle.stage = t.target

    def patches(self, number: float, cargo: float) -> list[Patch]:
        return [Patch(int(c)) for c in self.rng.poisson(cargo, self.rng.poisson(number))]

    def merge(self, gone: Vesicle, kept: Vesicle) -> None:
        self.vesicles.remove(gone)
        kept.growth += gone.growth
        kept.born = min(kept.born, gone.born)
        kept.outside += gone.outside
        kept.inside += gone.inside
        self.total["mergers"] += 1

    def leave(self, vesicle: Vesicle, t: Transition, patch_diameter: float) -> None:
        self.vesicles.remove(vesicle)
        self.record.events.append(self.row(vesicle, t.name, patch_diameter))
        names = ("fusions", "exosomes", "exosomal_cargo") if t.target == RELEASED else _LOST
        for name, amount in zip(names, (1, vesicle.ilv, vesicle.cargo), strict=True):
            self.total[name] += amount

    def flip(self, way: int, number: int) -> None:
        """One patch, any of `number`, buds in (+1) or fuses back (-1)."""
        place = self.pick(number)
        for vesicle in self.vesicles:
            source, target = (vesicle.outside, vesicle.inside) if way > 0 else (vesicle.inside, vesicle.outside)
            if place < len(source):
                target.append(source.pop(place))
                self.record.made += way
                return
            place -= len(source)

    def row(self, v: Vesicle, what: str, patch_diameter: float = math.nan) -> Row:
        if math.isnan(patch_diameter):
            patch_diameter = self.twin.parameters[self.cycle.membrane.patch_diameter]
        wide = patch_diameter * math.sqrt(max(len(v.outside), 1))
        return Row(self.time, self.number, v.name, what, v.ilv, v.cargo, v.growth, self.time - v.born, wide)


_LOST = ("lysosome_fusions", "ilvs_degraded", "cargo_degraded")
_TOTALS = ("births", "growths", "mergers", "fusions", "exosomes", "exosomal_cargo", *_LOST, "shed")
