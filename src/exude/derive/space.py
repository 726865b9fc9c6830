"""Cells in space: which symbol is what in their surroundings, the check of units, and the leaves the tissue loops call.

Two places read texts. A *place* (reactions, mobilities) knows its fields, what the cells standing there deposit, and
the levels of the dish. A *cell* (deposits, pools, releases, behaviour) knows its own levels, traces, stage counts and
pools, and the fields and deposits where it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from exude.derive import grammar
from exude.derive.changes import check_changes
from exude.derive.leaves import NJIT
from exude.derive.place import Kinds, Place, Writer
from exude.derive.symbols import Symbols
from exude.derive.texts import behind, check_at_hand, check_text
from exude.errors import DeclarationError, refuse
from exude.model import DEAD, LEFT, Behaviour, Cascade, Event

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
    apart: bool = False
    """Whether supplied fields stay as they are while the others react, and have leaves of their own."""

    @cached_property
    def known(self) -> Symbols:
        """Levels, traces, counts and definitions of the cell and its surroundings together."""
        return Symbols(self.cascade, self.parameter_units)

    @cached_property
    def fields(self) -> tuple[str, ...]:
        """Fields in kernel order: those that react, of these the supplied ones last, then those at rest."""
        return tuple(f.symbol for f in sorted(self.cascade.fields, key=lambda f: (f.fast, f.supplied)))

    @cached_property
    def reacting(self) -> int:
        """How many fields, the first ones, change by reactions of their place alone."""
        return sum(not f.fast and not (self.apart and f.supplied) for f in self.cascade.fields)

    @cached_property
    def supplied(self) -> tuple[str, ...]:
        """Fields whose reactions and diffusion can be one step, in kernel order."""
        return tuple(f.symbol for f in self.cascade.fields if f.supplied)

    @cached_property
    def fast(self) -> tuple[str, ...]:
        """Fields at rest with their sources, in kernel order: the last ones."""
        return tuple(f.symbol for f in self.cascade.fields if f.fast)

    @cached_property
    def divided(self) -> Space:
        """The same surroundings with supplied fields apart."""
        return replace(self, apart=True)

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
    def kinds(self) -> tuple[str, ...]:
        """Kinds of cells in kernel order."""
        return tuple(k.name for k in self.cascade.kinds)

    @cached_property
    def behaviours(self) -> tuple[Behaviour, ...]:
        """What cells do, in the order of their kinds; DeclarationError unless each kind has one behaviour."""
        mine = {b.kind: b for b in self.cascade.behaviours}
        if len(mine) != len(self.cascade.behaviours) or set(mine) != set(self.kinds):
            raise refuse(
                DeclarationError, f"behaviours of {', '.join(b.kind for b in self.cascade.behaviours) or 'no kind'}",
                f"one for each of {', '.join(self.kinds) or 'no kind'}", "Declare kinds and behaviours in pairs.",
            )  # fmt: skip
        return tuple(mine[name] for name in self.kinds)

    @cached_property
    def read_by_cells(self) -> frozenset[str]:
        """Fields and deposits that a cell's behaviour or pools read."""
        found: set[str] = set()
        for p in self.cascade.pools:
            found |= self._leaves_of(grammar.names(grammar.parse(p.gain)) | grammar.names(grammar.parse(p.loss)))
        doing = [t for b in self.behaviours for t in (*(getattr(b, what) for what in OF_BEHAVIOUR), *b.drift.values())]
        happening = [t for e in self.cascade.events for t in (e.rate, *e.sets.values())]
        for text in (*doing, *happening):
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
        check_changes(self.cascade)
        self._check_kinds()
        units = self._units()
        for owner, text, unit, at_hand in self._texts():
            check_text(owner, text, unit, units)
            check_at_hand(owner, text, at_hand | set(self.parameter_units), self.known.trees)

    def _check_kinds(self) -> None:
        """Every kind behaves in one way, and events name kinds and pools that there are."""
        ends = {b.kind for b in self.behaviours} | {DEAD, LEFT, ""}
        for e in self.cascade.events:
            unknown = [k for k in (e.kind, e.becomes) if k not in ends] + [q for q in e.sets if q not in self.pools]
            if e.kind not in self.kinds or unknown:
                raise refuse(
                    DeclarationError, f"event {e.name} of {e.kind} -> {e.becomes or 'itself'}, sets {', '.join(e.sets)}",
                    f"kinds {', '.join(self.kinds)} (or {DEAD}, {LEFT}) and pools {', '.join(self.pools)}",
                    "Correct the name.", (*self.kinds, *self.pools),
                )  # fmt: skip

        silent = {k.name for k in self.cascade.kinds if not k.secretes}
        for a in self.cascade.arrivals:
            if a.kind not in silent:
                raise refuse(
                    DeclarationError, f"arrival of {a.kind}", f"a kind that does not secrete: {', '.join(silent) or 'none'}",
                    "Cells that secrete begin with the tissue, or are born there.", silent,
                )  # fmt: skip

    def source(self) -> str:
        """All leaves of the surroundings as one text."""
        self.check()
        return "\n\n".join([self._tables(), *self._place().leaves(), *_Cell(self).leaves()]) + "\n"

    def read_as(self, home: Mapping[str, str]) -> dict[str, str]:
        """How names are spelled in a leaf: parameters as they are everywhere, the rest as given."""
        return {name: f"p[{i}]" for i, name in enumerate(self.parameters)} | dict(home)

    def _place(self) -> Place:
        home = {name: f"g[{i}]" for i, name in enumerate(self.known.levels)}
        home |= {name: f"y[{i}]" for i, name in enumerate(self.fields)}
        home |= {name: f"d[{i}]" for i, name in enumerate(self.deposits)}
        supplied = self.supplied if self.apart else ()
        kinds = Kinds(self.fields[: self.reacting], supplied, self.fast, self.moving)
        return Place(self.cascade, kinds, self.known.trees, self.read_as(home))

    def _tables(self) -> str:
        kinds = {"FIELDS": self.fields, "DEPOSITS": self.deposits, "POOLS": self.pools}
        kinds["RELEASES"] = tuple(r.field for r in self.cascade.releases)
        kinds |= {"SUPPLIED": self.supplied, "FAST": self.fast, "EVENTS": tuple(e.name for e in self.cascade.events)}
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
        return behind(names, self.known.trees)

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
            rows.append((f"rate of {r.name}", r.rate, f"{_whole(units.get(next(iter(r.changes)), ''))}/s", place))
        rows += [(f"arrival of {a.kind}", a.rate, "item/um**3/s", place) for a in cascade.arrivals]
        for d in cascade.deposits:
            rows.append((f"deposit {d.symbol}", d.amount, f"{_whole(d.unit)}*um**3", inside))
        for p in cascade.pools:
            rows.append((f"gain of {p.symbol}", p.gain, f"{_whole(p.unit)}/s", inside | around))
            rows.append((f"loss of {p.symbol}", p.loss, "1/s", inside | around))
            rows.append((f"{p.symbol} per fusion", p.per_fusion, p.unit, inside | set(MARKS)))
        for release in cascade.releases:
            unit = f"{_whole(units.get(release.field, ''))}*um**3"
            rows.append((f"release into {release.field}", release.amount, unit, inside | set(MARKS)))
        for b in cascade.behaviours:
            rows += [
                (f"{what} of {b.kind}", getattr(b, what), u, inside | around | {PRESSURE})
                for what, u in OF_BEHAVIOUR.items()
            ]
            rows += [
                (f"drift of {b.kind} along {name}", text, f"um**2/s/{_whole(units.get(name, ''))}", inside | around)
                for name, text in b.drift.items()
            ]
        pools = {p.symbol: p.unit for p in cascade.pools}
        for e in cascade.events:
            rows.append((f"rate of {e.name}", e.rate, "1/s", inside | around | {PRESSURE}))
            rows += [(f"{e.name} sets {q}", text, pools[q], inside | around) for q, text in e.sets.items()]
        return [row for row in rows if row[1] != "0"]  # nothing has every unit


def _whole(unit: str) -> str:
    """A unit that more can be written about."""
    return f"({unit or 'dimensionless'})"


class _Cell(Writer):
    """What a cell does: deposits, pools, what a fusion sets free, and its behaviour by kind."""

    def __init__(self, space: Space) -> None:
        home = {name: f"g[{i}]" for i, name in enumerate(space.known.levels)}
        home |= {name: f"x[{i}]" for i, name in enumerate(space.known.traces)}
        home |= {name: f"n[{i}]" for i, name in enumerate(space.known.counts)}
        home |= {name: f"s[{i}]" for i, name in enumerate(space.pools)}
        home |= {name: f"y[{i}]" for i, name in enumerate(space.fields)}
        home |= {name: f"d[{i}]" for i, name in enumerate(space.deposits)}
        home[PRESSURE] = f"d[{len(space.deposits)}]"  # beside what is deposited where the cell is
        super().__init__(space.known.trees, space.read_as(home) | {name: name for name in MARKS})
        self.space = space

    def leaves(self) -> list[str]:
        """`deposits_of`, `pool_terms`, `freed`, `behave`, and where there are events `hazards` and `pools_after`."""
        cascade = self.space.cascade
        pools = [text for p in cascade.pools for text in (p.gain, p.loss)]
        freed = [r.amount for r in cascade.releases] + [p.per_fusion for p in cascade.pools]
        return [
            self.function("deposits_of(p, g, x, n, s)", [d.amount for d in cascade.deposits] or ["0"]),
            self.function("pool_terms(p, g, x, n, s, y, d)", pools or ["0"]),
            self.function("freed(p, g, x, n, s, ilv, cargo)", freed or ["0"]),
            *(self._kind(k, b) for k, b in enumerate(self.space.behaviours)),
            self._chosen(
                "kind",
                "behave",
                "(p, g, x, n, s, y, d)",
                len(self.space.kinds),
                len(OF_BEHAVIOUR) + len(self.space.fields),
            ),
            *self._events(),
        ]

    def _kind(self, k: int, b: Behaviour) -> str:
        texts = [getattr(b, what) for what in OF_BEHAVIOUR]
        texts += [b.drift.get(name, "0") for name in self.space.fields]
        return self.function(f"behave_{k}(p, g, x, n, s, y, d)", texts)

    def _events(self) -> list[str]:
        """`hazards` of a kind: the rate of each event (1/s), none for other kinds'; `pools_after` an event."""
        space, events = self.space, self.space.cascade.events
        head = "(p, g, x, n, s, y, d)"
        found = [
            self.function(f"hazards_{k}{head}", [e.rate if e.kind == kind else "0" for e in events] or ["0"])
            for k, kind in enumerate(space.kinds)
        ]
        found += [self._after(k, e, head) for k, e in enumerate(events)]
        return [
            *found,
            self._chosen("kind", "hazards", head, len(space.kinds), max(1, len(events))),
            self._chosen("event", "pools_after", head, len(events), max(1, len(space.pools))),
        ]

    def _after(self, k: int, event: Event, head: str) -> str:
        """Pools after an event: those it sets, the others as they are."""
        texts = [event.sets.get(pool, pool) for pool in self.space.pools] or ["0"]
        return self.function(f"pools_after_{k}{head}", texts)

    def _chosen(self, by: str, name: str, head: str, number: int, width: int) -> str:
        """One leaf that calls name_0, name_1, ... by number; zeros where there are none."""
        whole = f"{name}({by}, {head[1:]}"
        if not number:
            return self.function(whole, ["0"] * width)
        lines = [f"    if {by} == {k}:\n        return {name}_{k}{head}" for k in range(number - 1)]
        return NJIT + "\n".join([f"def {whole}:", *lines, f"    return {name}_{number - 1}{head}"])
