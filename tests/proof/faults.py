"""Planted faults: the kernel's source with one text replaced, run by plain Python, or one number or stream exchanged.

A check that has never failed has shown nothing. Every fault is held against every scenario of its loop, and at least
one row of the table must accuse it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from exude.engine import build, streams
from exude.experiment import declared
from proof.models import Floats

SLOWLY = "def njit(*args, **options):\n    return lambda function: function\n"


@dataclass(frozen=True)
class Fault:
    """One planted fault."""

    name: str
    loop: str
    plant: Callable[[pytest.MonkeyPatch], None]
    compiled: bool = False
    """Whether the kernel itself is right, and so runs at full speed."""
    asked: bool = False
    """One of the faults that the proof must show to be caught, whatever else it catches."""

    @property
    def label(self) -> str:
        return f"{self.name} [{self.loop}]"


def source(name: str, loop: str, right: str, wrong: str, *, asked: bool = False) -> Fault:
    """One text of the loop or its leaves replaced."""

    def plant(monkeypatch: pytest.MonkeyPatch) -> None:
        module, text, load = build.module, build._text, build._load

        def slow(symbols: Any, asked_for: str) -> Any:
            if asked_for != loop:
                return module(symbols, asked_for)
            whole = text(build.leaf_text(symbols), loop)
            # A text that only some models have must still be found where the fault is looked for; see `is_there`.
            return load(whole.replace(right, wrong).replace("from numba import njit\n", SLOWLY), loop)

        monkeypatch.setattr(build, "module", slow)

    fault = Fault(name, loop, plant, asked=asked)
    TEXTS[fault.label] = (right, wrong)
    return fault


TEXTS: dict[str, tuple[str, str]] = {}
"""Right and wrong text of each fault planted in the source."""


def is_there(fault: Fault, symbols: Any) -> bool:
    """Whether the source of a model still has the text that a fault replaces."""
    return TEXTS[fault.label][0] in build._text(build.leaf_text(symbols), fault.loop)


def wrong_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rate per minute taken as one per second."""
    vector = declared.Declared.vector.fget  # type: ignore[attr-defined]

    def wrong(self: declared.Declared) -> Floats:
        values = np.array(vector(self))
        if "kd" in self.symbols.parameters:
            values[self.symbols.parameters.index("kd")] *= 60.0
        return values

    monkeypatch.setattr(declared.Declared, "vector", property(wrong))


def shared_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every second cell draws its neighbour's numbers."""
    right = streams.cell_streams
    monkeypatch.setattr(streams, "cell_streams", lambda seed, cells: right(seed, cells - cells % 2))


V, L = "vesicles", "lives"
FAULTS = (
    source("always the first vesicle", V, "int(q * n[", "int(0.0 * n[", asked=True),
    source("hole not refilled", V, "v.members[0, place] = v.members[0, n[0] - 1]", "pass", asked=True),
    source("rates stale after a calcium step", V, "s, shed = refresh(p, g, w, mid),", "s, shed = refresh(p, g, w, mid) if t == 0.0 else s,", asked=True),
    source("gate above 1", V, "if u >= hill(v.growth[slot]", "if u >= 2.0 * hill(v.growth[slot]", asked=True),
    Fault("rate in the wrong unit", V, wrong_unit, compiled=True, asked=True),
    Fault("stream shared by two cells", V, shared_stream, compiled=True, asked=True),
    source("event at a border happens before it", V, "if carry >= a * (stop - t):", "if carry > a * (stop - t):", asked=True),
    source("event at a border is lost", V, "return DONE, rng, carry - a * (stop - t), n", "return DONE, rng, (carry - a * (stop - t)) or 1.0, n", asked=True),
    source("gate ignored", V, "if u >= hill(v.growth[slot]", "if u >= 1.0 + hill(v.growth[slot]"),
    source("lag not rebased at a segment change", V, "rebase(v, n, m, fresh, exp(-(m[0] + m[1]) * gap))", "pass"),
    source("rates stale after a stage change", V, "if touched:", "if t < 0.0:"),
    source("exponential not spent up to a border", V, "return DONE, rng, carry - a * (stop - t), n", "return DONE, rng, carry, n"),
    source("merger loses patches", V, "v.weight[keep, q] += v.weight[slot, q]", "pass"),
    source("merger forgets its history", V, "v.lag[keep, q] += v.lag[slot, q]", "pass"),
    source("merger with any two, itself among them", V, "if other >= place:", "if other > n:"),
    source("reading leaves the lag", V, "v.lag[slot, :] = 0.0", "pass"),
    source("reading forgets the integers", V, "for place, p in ((0, flip(stay, m, gap)), (1, flip(join, m, gap))):", "for place, p in ():"),
    source("cargo not moved with its patch", V, "rng, cargo_now = binomial(rng, known_cargo, now / known if known > 0 else 0.0)", "cargo_now = known_cargo"),
    source("growth patches counted as birth patches", V, "rng, cargo = poisson(rng, patches * m[4 + kind])", "rng, cargo = poisson(rng, patches * m[4])"),
    source("clock not moved to the event", V, "t += carry / a", "t += 0.9 * carry / a"),
    source("first way out instead of the drawn one", L, "which += u >= ways[UP(here + SHARE + q)]", "which += 0", asked=True),
    source("hole not refilled", L, "source, place = lanes, lives", "source, place = queue, 0", asked=True),
    source("rates stale after a calcium step", L, "k = couple(p, g, w, refresh(p, g, w, mid), stage_tuple(v.nobody, 0))", "k = couple(p, g, w, refresh(p, g, w, mid), stage_tuple(v.nobody, 0)) if t == 0.0 else k", asked=True),
    Fault("rate in the wrong unit", L, wrong_unit, compiled=True, asked=True),
    Fault("stream shared by two cells", L, shared_stream, compiled=True, asked=True),
    source("event at a border happens before it", L, "at[UP(row)] <= t", "at[UP(row)] < t", asked=True),
    source("event at a border is lost", L, "max(left - (begin - t) * rate, TINY)", "(left - (begin - t) * rate) or 1.0", asked=True),
    source("exponential not spent up to a border", L, "max(left - (begin - t) * rate, TINY)", "left"),
    source("stream shared by the lives of a cell", L, "(np.uint64(name) << LIFE_SHIFT)", "np.uint64(0)"),
    source("numbers of a life used twice", L, "stream[UP(lane)] += PAIR", "pass"),
    source("departure not taken off its stage", L, "here[which // N_OUT] -= flowed", "pass"),
    source("always the first kind of birth", L, "which += queue.pick[UP(waiting)] >= table.birth_until[step, q]", "which += 0"),
)  # fmt: skip
QUICK = ("always the first vesicle [vesicles]", "gate ignored [vesicles]", "event at a border is lost [vesicles]", "rates stale after a calcium step [lives]")  # fmt: skip
"""Those also planted in every test run, beside all that leave the kernel compiled."""
