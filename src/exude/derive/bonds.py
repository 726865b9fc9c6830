"""Bonds of two cells: which symbol is whose, the check of units, and the leaves the loop of bonds calls.

A bond's texts know two cells. Levels, pools and definitions of the seeker go by their names, those of its target by the
same names with a prefix; parameters are the same for both.
"""

from __future__ import annotations

import ast
import copy
from dataclasses import dataclass
from functools import cached_property

from exude.derive import grammar
from exude.derive.place import Writer
from exude.derive.space import Space
from exude.derive.texts import behind, check_at_hand, check_text
from exude.errors import DeclarationError, refuse
from exude.model import Bond

TARGET = "target_"
"""Before names of the target's levels, pools and definitions."""


@dataclass(frozen=True, eq=False)
class Pair:
    """All symbols of the two cells of a bond."""

    space: Space
    bond: Bond

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Parameters the bond's texts read, definitions read through, in alphabetical order."""
        texts = (text for _, text, _, _ in self._texts())
        return tuple(sorted(set().union(*map(self._read, texts)) & set(self.space.parameter_units)))

    def check(self) -> None:
        """Kinds, pools and symbols are known, and texts have the dimensions they must have; DeclarationError if not."""
        self._check_names()
        units = self._units()
        for d in self.bond.definitions:  # each may read those before it
            if d.symbol in units:
                fix = "Rename the bond's definition."
                raise refuse(DeclarationError, d.symbol, "one declaration of each symbol", fix)
            check_text(d.symbol, d.text, d.unit, units)
            units[d.symbol] = d.unit
        for owner, text, unit, at_hand in self._texts():
            check_text(owner, text, unit, units)
            check_at_hand(owner, text, at_hand | set(self.space.parameter_units), self._trees)

    def source(self) -> str:
        """The leaves `distances`, `binding` and `held` with the pools they write, as one text."""
        self.check()
        bond, pools = self.bond, self.space.pools
        writer = Writer(self._trees, self._home())
        columns = {"SETS": bond.sets, "HITS": bond.hits}
        tables = [f"N_{name} = {len(texts)}" for name, texts in columns.items()]
        tables += [
            f"{name} = np.array([{', '.join(str(pools.index(pool)) for pool in texts)}], np.int64)"
            for name, texts in columns.items()
        ]
        held = [bond.off, *bond.sets.values(), *bond.hits.values()]
        leaves = [
            writer.function("distances(p)", [bond.touch, bond.tether]),
            writer.function("binding(p, g, s, h, r)", [bond.on]),
            writer.function("held(p, g, s, h, r)", held),
        ]
        return "\n\n".join(["\n".join(tables), *leaves]) + "\n"

    @cached_property
    def _trees(self) -> dict[str, ast.expr]:
        """Parsed definitions of the seeker, the target and the bond, each after those it reads."""
        ours = self.space.known.trees
        theirs = {TARGET + name: self._of_target(tree) for name, tree in ours.items()}
        return {**ours, **theirs, **{d.symbol: grammar.parse(d.text) for d in self.bond.definitions}}

    def _of_target(self, tree: ast.expr) -> ast.expr:
        """The same text about the other cell."""
        other = copy.deepcopy(tree)
        whose = grammar.names(tree) - set(self.space.parameter_units)
        for node in ast.walk(other):
            if isinstance(node, ast.Name) and node.id in whose:
                node.id = TARGET + node.id
        return other

    def _home(self) -> dict[str, str]:
        """How symbols are spelled in a leaf: g and s are levels and pools of the seeker, h and r of the target."""
        levels, pools = self.space.known.levels, self.space.pools
        home = {name: f"p[{i}]" for i, name in enumerate(self.parameters)}
        home |= {name: f"g[{i}]" for i, name in enumerate(levels)} | {name: f"s[{i}]" for i, name in enumerate(pools)}
        home |= {TARGET + name: f"h[{i}]" for i, name in enumerate(levels)}
        return home | {TARGET + name: f"r[{i}]" for i, name in enumerate(pools)}

    def _units(self) -> dict[str, str]:
        own = self.space._units()
        theirs = {TARGET + name: unit for name, unit in own.items() if name not in self.space.parameter_units}
        return {**own, **theirs}

    def _read(self, text: str) -> set[str]:
        """Symbols a text reads once definitions are read through."""
        return behind(grammar.names(grammar.parse(text)), self._trees)

    def _texts(self) -> list[tuple[str, str, str, set[str]]]:
        """(owner, text, unit, symbols at hand beside parameters) of everything the bond declares but definitions."""
        bond = self.bond
        units = {p.symbol: p.unit for p in self.space.cascade.pools}
        own = {*self.space.known.levels, *self.space.pools}
        both = own | {TARGET + name for name in own}
        rows = [(f"{what} of {bond.name}", getattr(bond, what), "1/s", both) for what in ("on", "off")]
        rows += [(f"{what} of {bond.name}", getattr(bond, what), "um", set[str]()) for what in ("touch", "tether")]
        rows += [(f"{pool} set by {bond.name}", text, units[pool], both) for pool, text in bond.sets.items()]
        rows += [(f"hits on {pool} by {bond.name}", text, "1/s", both) for pool, text in bond.hits.items()]
        return [row for row in rows if row[1] != "0"]  # nothing has every unit

    def _check_names(self) -> None:
        """Kinds and pools are declared, a seeker is no target of its own, and no symbol looks like a target's."""
        bond, pools = self.bond, self.space.pools
        kinds = [b.kind for b in self.space.cascade.behaviours]
        for kind in (bond.seeker, *bond.targets):
            if kind not in kinds:
                raise refuse(DeclarationError, kind, f"a kind of cell in bond {bond.name}", "Declare it.", kinds)
        if not bond.targets or bond.seeker in bond.targets:
            fix = "Cells that bind cells of their own kind would need two roles; declare two kinds."
            raise refuse(DeclarationError, bond.targets, f"targets of bond {bond.name} other than its seeker", fix)
        for pool in (*bond.sets, *bond.hits):
            if pool not in pools:
                raise refuse(DeclarationError, pool, f"a pool that bond {bond.name} can write", "Declare it.", pools)
        for name in self.space._units():
            if name.startswith(TARGET):
                raise refuse(DeclarationError, name, f"no symbol that begins with {TARGET!r}", "Rename it.")


def check_bonds(pairs: tuple[Pair, ...]) -> None:
    """Each bond is right (`Pair.check`), and no kind seeks in two of them: a cell holds one target at a time."""
    for k, pair in enumerate(pairs):
        pair.check()
        for other in pairs[:k]:
            if other.bond.seeker == pair.bond.seeker:
                got = f"{other.bond.name} and {pair.bond.name} of {pair.bond.seeker}"
                raise refuse(DeclarationError, got, "one bond of each kind that seeks", "Name all targets in one.")
