"""Which equations of the mean field are exact and which are closures, read off the declaration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

from exude.derive import grammar
from exude.derive.symbols import Symbols
from exude.model import BORN, Emission, Transition

EXACT = "rate reads no count"


@dataclass(frozen=True)
class Closure:
    """What the mean field does with one transition or emission."""

    name: str
    kind: Literal["exact", "closure"]
    why: str


@cache
def closures(symbols: Symbols) -> tuple[Closure, ...]:
    """For each transition, then each emission: is the equation of its mean exact, or a closure, and why?

    Exact: d<flow>/dt = rate * <vesicles>, and the rate is the same for every history of the cell. A closure puts
    expected values where the true equation has the mean of a product or of a bent function:

        rate reads n_docked    <rate(n) n>   -> rate(<n>) <n>
        merger                 <n (n - 1)>   -> <n>^2
        gate on growth         exact in classes of one growth count; the last class is gated at its mean count
        back into `resolved`   the growth count of a vesicle that left is not kept; it counts as a new one

    The label is about the transition's own equation given the counts: a stage that a closed rate feeds inherits that
    rate's error although its own transitions are exact.
    """
    cycle = symbols.cascade.life_cycle
    found = [_closure(t.name, _reasons(symbols, t, cycle.resolved), _note(t)) for t in cycle.transitions]
    return (*found, *(_closure(e.name, _counts(symbols, e), "") for e in symbols.cascade.emissions))


def _closure(name: str, reasons: list[str], note: str) -> Closure:
    return Closure(name, "closure", "; ".join(reasons)) if reasons else Closure(name, "exact", EXACT + note)


def _note(t: Transition) -> str:
    """What an exact gate still rests on."""
    return "; gate on each growth count, and on mean growth of the last class" if t.gate else ""


def _reasons(symbols: Symbols, t: Transition, resolved: str) -> list[str]:
    """Why a transition's equation is a closure; none where it is exact."""
    reasons = _counts(symbols, t)
    if t.merges:
        reasons.append("pairs taken as independent")
    if t.gate and t.source != resolved:
        reasons.append(f"gate on {t.source}, whose growth count is not resolved: the mean field refuses it")
    if resolved and t.target == resolved and t.source not in (BORN, resolved):
        reasons.append(f"growth count forgotten on the way back to {resolved}")
    return reasons


def _counts(symbols: Symbols, what: Transition | Emission) -> list[str]:
    """The stage counts that a rate reads, directly or through definitions."""
    seen, todo = set(), grammar.names(grammar.parse(what.rate))
    while todo:
        name = todo.pop()
        seen.add(name)
        if name in symbols.trees:
            todo |= grammar.names(symbols.trees[name]) - seen
    read = [count for count in symbols.counts if count in seen]
    return [f"reads {' and '.join(read)}"] if read else []
