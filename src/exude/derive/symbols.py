"""Which symbol is what, in which order it is stored, and the check of units before anything runs."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from exude.derive import grammar
from exude.errors import DeclarationError, nearest, refuse
from exude.model import BORN, Cascade, Definition, Membrane
from exude.units import dimension

PER_SEGMENT, PER_CALCIUM, PER_COUNT = range(3)
"""How often a definition must be evaluated: when levels change, when calcium moves, when stage counts change."""

STAGE_COUNT = "n_"
GATE_MARK = "growth"


@dataclass(frozen=True, eq=False)
class Symbols:
    """All symbols of a cascade, ordered, with their tiers."""

    cascade: Cascade
    parameter_units: Mapping[str, str]

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """Levels in kernel order."""
        return tuple(level.symbol for level in self.cascade.levels)

    @cached_property
    def traces(self) -> tuple[str, ...]:
        """Traces in kernel order."""
        return tuple(trace.symbol for trace in self.cascade.traces)

    @cached_property
    def counts(self) -> tuple[str, ...]:
        """Stage counts in kernel order."""
        return tuple(STAGE_COUNT + stage for stage in self.cascade.life_cycle.stages)

    @cached_property
    def definitions(self) -> dict[str, Definition]:
        """Definitions by symbol, as declared."""
        return {d.symbol: d for d in self.cascade.definitions}

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Parameters some text reads, in alphabetical order."""
        known = {*self.levels, *self.traces, *self.counts, *self.definitions, GATE_MARK}
        read = set().union(*(grammar.names(tree) for tree in self._all_texts().values()))
        starts = {trace.start for trace in self.cascade.traces if trace.start}
        return tuple(sorted((read - known) | starts))

    @cached_property
    def trees(self) -> dict[str, ast.expr]:
        """Parsed definitions, each after those it reads."""
        trees = {name: grammar.parse(d.text) for name, d in self.definitions.items()}
        ordered: dict[str, ast.expr] = {}

        def place(name: str, chain: tuple[str, ...]) -> None:
            if name in chain:
                raise DeclarationError(f"definitions read each other in a ring: {' -> '.join((*chain, name))}")
            if name in ordered:
                return
            for part in sorted(grammar.names(trees[name]) & trees.keys()):
                place(part, (*chain, name))
            ordered[name] = trees[name]

        for name in trees:
            place(name, ())
        return ordered

    @cached_property
    def tiers(self) -> dict[str, int]:
        """Tier of every definition."""
        tiers: dict[str, int] = {}
        for name, tree in self.trees.items():
            tiers[name] = self._tier(tree, tiers)
        return tiers

    @cached_property
    def independent(self) -> bool:
        """Whether no vesicle feels another and none carries more than its stage: lives can be run one by one."""
        cycle = self.cascade.life_cycle
        plain = all(not (t.merges or t.gate or t.growth) and self.tier(t.rate) < PER_COUNT for t in cycle.transitions)
        return plain and cycle.membrane is None

    def tier(self, text: str) -> int:
        """Tier of one rate text."""
        return self._tier(grammar.parse(text), self.tiers)

    def _tier(self, tree: ast.expr, known: Mapping[str, int]) -> int:
        read = grammar.names(tree)
        here = PER_COUNT if read & set(self.counts) else PER_CALCIUM if read & set(self.traces) else PER_SEGMENT
        return max([here, *(known[name] for name in read if name in known)])

    def check(self) -> None:
        """Every symbol is known once and every text has the dimension it must have; DeclarationError otherwise."""
        self._refuse_doubles()
        units = self._units()
        for owner, tree in self._all_texts().items():
            for name in sorted(grammar.names(tree)):
                if name not in units:
                    close = nearest(name, units)
                    hint = f"; did you mean {close[0]!r}?" if close else ""
                    raise DeclarationError(f"{owner} reads {name!r}, which is nowhere declared{hint}")
        for owner, text, unit in self._texts():
            got = grammar.to_dimension(grammar.parse(text), units, text)
            if got != dimension(unit):
                fix = "Mend the text or the unit of a symbol in it."
                raise refuse(DeclarationError, f"{owner} = {text}", f"dimension of {unit or '1'}, not {got}", fix)
        assert len(self.trees) == len(self.definitions)  # ordering them refuses a ring

    def _refuse_doubles(self) -> None:
        """A symbol stands for one thing in the whole cascade."""
        declared = [*self.levels, *self.traces, *(d.symbol for d in self.cascade.definitions)]
        for name in declared:
            if declared.count(name) > 1 or name in self.parameter_units:
                raise refuse(
                    DeclarationError, name, "one declaration of each symbol", "Rename or remove one of the two."
                )

    def _units(self) -> dict[str, str]:
        cascade = self.cascade
        return {
            **{level.symbol: level.unit for level in cascade.levels},
            **{trace.symbol: trace.unit for trace in cascade.traces},
            **dict.fromkeys(self.counts, "item"),
            **{d.symbol: d.unit for d in cascade.definitions},
            GATE_MARK: "",
            **self.parameter_units,
        }

    def _all_texts(self) -> dict[str, ast.expr]:
        return {owner: grammar.parse(text) for owner, text, _ in self._texts()}

    def _texts(self) -> list[tuple[str, str, str]]:
        texts = [(d.symbol, d.text, d.unit) for d in self.cascade.definitions]
        texts += [(f"d {t.symbol}/dt", t.rate, f"({t.unit or '1'})/s") for t in self.cascade.traces if t.rate]
        for t in self.cascade.life_cycle.transitions:
            unit = "item/s" if t.source == BORN else "1/item/s" if t.merges else "1/s"
            texts.append((f"rate of {t.name}", t.rate, unit))
            if t.gate:
                texts.append((f"gate of {t.name}", t.gate, ""))
        texts += [(f"emission {e.name}", e.rate, "item/s") for e in self.cascade.emissions]
        membrane = self.cascade.life_cycle.membrane
        return texts if membrane is None else texts + _membrane_texts(membrane)


def _membrane_texts(membrane: Membrane) -> list[tuple[str, str, str]]:
    """Texts of a membrane with their owners and units."""
    return [
        ("membrane budding", membrane.bud, "1/s"),
        ("membrane back-fusion", membrane.back, "1/s"),
        ("patches at birth", membrane.at_birth, "item"),
        ("patches per growth", membrane.per_growth, "item"),
        ("cargo per birth patch", membrane.cargo_per_birth_patch, ""),
        ("cargo per growth patch", membrane.cargo_per_growth_patch, ""),
        ("patch diameter", membrane.patch_diameter, "um"),
    ]
