"""The flows of the mean field, unrolled: one call per transition, with the places of its stages written out.

State of the mean field, flat: for each stage its fields, each over the stage's growth classes; the resolved stage
first, the others in declared order; then the total growth count of the last class; then cumulative totals and
emissions. Every stage but the resolved one has one class.
"""

from __future__ import annotations

from exude.derive.leaves import NJIT
from exude.derive.symbols import Symbols
from exude.model import BORN, DEGRADED, RELEASED, LifeCycle, Transition

MEMBRANE_FIELDS = 5
"""Items, birth patches, growth patches, birth patches inside, growth patches inside."""
RELEASE_AT, DEGRADE_AT = 3, 6
"""Places of what left among the totals (`exude.engine.layout.TOTALS`)."""


def n_fields(cycle: LifeCycle) -> int:
    """Fields per growth class: without a membrane only the items."""
    return 1 if cycle.membrane is None else MEMBRANE_FIELDS


def places(cycle: LifeCycle, growth_states: int) -> tuple[list[int], int]:
    """Where each stage begins in the state, and where the total growth count stands."""
    fields = n_fields(cycle)
    own = fields * growth_states if cycle.resolved else 0
    rest = [stage for stage in cycle.stages if stage != cycle.resolved]
    at = {stage: own + i * fields for i, stage in enumerate(rest)} | {cycle.resolved: 0}
    return [at[stage] for stage in cycle.stages], own + len(rest) * fields


def source(symbols: Symbols) -> str:
    """The function `flows`, which calls the helpers of the mean field's loop."""
    cycle = symbols.cascade.life_cycle
    fields = n_fields(cycle)
    at = dict(zip(cycle.stages, places(cycle, 0)[0], strict=True))
    lines = [f"N_FIELDS = {fields}", ""]
    lines += [NJIT + "def flows(y, ks, row, p, g, w, m, allowed, k, n, sums, flow, out, tail, width, growth_at):"]
    lines += [f"    rest, totals_at = {'N_FIELDS * width' if cycle.resolved else '0'}, growth_at + 1"]
    for e, t in enumerate(cycle.transitions):
        lines += [f"    {line}" for line in _calls(cycle, at, e, t)]
    return "\n".join([*lines, ""])


def _calls(cycle: LifeCycle, at: dict[str, int], e: int, t: Transition) -> list[str]:
    """What one transition does to the fields."""

    def begins(stage: str) -> str:
        return "0, width" if stage == cycle.resolved else f"rest + {at[stage]}, 1"

    here, rate = "y, ks, row", f"k[{e}]"
    if t.source == BORN:
        return [f"born(ks, row, {rate}, m, {begins(t.target)}, totals_at)"]
    own = t.source == cycle.resolved
    count = f"n[{cycle.stages.index(t.source)}]"
    single = f"rest + {at[t.source]}"
    if t.merges:
        change = f"merge({here}, {rate}, width, growth_at, {count}, out, tail)"
        lone = f"merge_one(ks, row, {rate}, {single}, {count})"
        return [f"ks[row, totals_at + 2] += {rate} * {count} * {count}", change if own else lone]
    if t.source == t.target:
        change = f"take_up({here}, {rate}, {t.growth}, m, width, growth_at, out)"
        lone = f"take_up_one(ks, row, {rate}, m, {single}, {count})"
        return [f"ks[row, totals_at + 1] += {rate} * {count}", change if own else lone]
    if t.gate:
        lines = [f"gated_leave({here}, {e}, {rate}, p, g, w, allowed, flow, out, width, growth_at)"]
    elif own:
        lines = [f"leave({rate}, sums, flow, out, width)"]
    else:
        lines = [f"leave_one({here}, {rate}, {single}, flow)"]
    if t.target in (RELEASED, DEGRADED):
        column = RELEASE_AT if t.target == RELEASED else DEGRADE_AT
        return [*lines, f"leave_cell(ks, row, flow, m, totals_at + {column})"]
    return [*lines, f"arrive(ks, row, flow, {begins(t.target)})"]
