"""The two declared models of the proof, small enough that their law is known in closed form, and how they are run.

`LIVES` has no vesicle that feels another: it is run life by life, and by the coupled loop as well. `CELL` has all that
a vesicle can carry or feel: growth, a gate that reads it, mergers, finite docking sites, budding patches with cargo, a
level that changes. Its settings switch off what a closed form cannot hold. All numbers are assumed: they define
problems, not cells.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exude.engine import lives, vesicles
from exude.engine.job import Block, Job
from exude.engine.layout import TOTALS, Rows
from exude.experiment import declared
from exude.experiment.perturbations import CalciumTrace
from exude.experiment.traces import given_curve
from exude.model import (
    BORN,
    DEGRADED,
    RELEASED,
    Cascade,
    Chapter,
    Definition,
    Emission,
    Level,
    LifeCycle,
    Membrane,
    Trace,
    Transition,
)

Floats = NDArray[np.float64]
MINUTE = 60.0
LENGTH = 60.0
"""Minutes that a run lasts."""
OUTPUTS = (5.0, 20.0, 30.0, 40.0, 60.0)
"""Minutes; calcium and levels change at 20 and 40."""
LATER = 40.0
"""From this minute on budding is slowed (`CELL`)."""
SLOWED = 0.3
RECORDING = Path(__file__).parent.parent / "data" / "recording.csv"
OPEN = Definition("open", "hill(calcium, K, 2)")
SHED = Emission("shed", "ks * open")

LIVES = Cascade(
    (
        Chapter(
            "lives",
            traces=(Trace("calcium", "uM"),),
            definitions=(OPEN,),
            emissions=(SHED,),
            life_cycle=LifeCycle(
                "MVB",
                ("young", "ripe", "docked"),
                (
                    Transition("birth", BORN, "young", "kb"),
                    Transition("late birth", BORN, "ripe", "kb_late * open"),
                    Transition("ripening", "young", "ripe", "kr"),
                    Transition("loss", "young", DEGRADED, "kl"),
                    Transition("docking", "ripe", "docked", "kd"),
                    Transition("undocking", "docked", "ripe", "ku"),
                    Transition("fusion", "docked", RELEASED, "kf * open"),
                ),
            ),
        ),
    )
)
CELL = Cascade(
    (
        Chapter(
            "cell",
            levels=(Level("budding"),),
            traces=(Trace("calcium", "uM"),),
            definitions=(OPEN,),
            emissions=(SHED,),
            life_cycle=LifeCycle(
                "MVB",
                ("young", "ripe", "docked"),
                (
                    Transition("birth", BORN, "young", "kb"),
                    Transition("growth", "young", "young", "kg", growth=1),
                    Transition("merger", "young", "young", "km", merges=True),
                    Transition("ripening", "young", "ripe", "kr", gate="hill(growth, half, 1)"),
                    Transition("loss", "young", DEGRADED, "kl"),
                    Transition("docking", "ripe", "docked", "kd * max(0, sites - n_docked) / sites"),
                    Transition("undocking", "docked", "ripe", "ku"),
                    Transition("fusion", "docked", RELEASED, "kf * open"),
                ),
                Membrane(
                    "bud * budding", "back", "patches_at_birth", "patches_per_growth", "c", "cargo_b", "cargo_g", "wide"
                ),
                resolved="young",
            ),
        ),
    )
)
RATES = {
    "kb": 0.8, "kb_late": 0.4, "kg": 0.4, "km": 0.0, "kr": 0.25, "kl": 0.05, "kd": 0.3, "ku": 0.1, "kf": 0.5, "ks": 0.5,
    "bud": 0.15, "back": 0.1,
}  # fmt: skip
"""Per minute."""
PLAIN = {
    "K": 0.5, "half": 1.5, "sites": 1e12, "patches_at_birth": 2.0, "patches_per_growth": 1.5, "cargo_b": 0.5,
    "cargo_g": 1.0, "wide": 0.06,
}  # fmt: skip
UNITS = {"K": "uM", "sites": "item", "wide": "um", "patches_at_birth": "item", "patches_per_growth": "item"}
BIRTHS = ("kb", "kb_late", "ks")


@dataclass(frozen=True)
class Calcium:
    """A given curve: minutes and uM, straight between points, two points at one time are a jump."""

    name: str
    at: tuple[float, ...]
    value: tuple[float, ...]

    def __call__(self, time: float, *, before: bool = False) -> float:
        """Calcium just after `time`, or just before it."""
        at, value = self.at, self.value
        i = int(np.searchsorted(at, time, side="left" if before else "right"))
        if i in (0, len(at)):
            return value[min(i, len(at) - 1)]
        return value[i - 1] + (value[i] - value[i - 1]) * (time - at[i - 1]) / (at[i] - at[i - 1])

    @cached_property
    def pieces(self) -> tuple[tuple[float, float, float], ...]:
        """Spans (begin, end, uM) where the curve consists of constant pieces; none where it does not."""
        spans = [
            (a, b, c, d) for a, b, c, d in zip(self.at, self.at[1:], self.value, self.value[1:], strict=False) if b > a
        ]
        return tuple((a, b, c) for a, b, c, _ in spans) if all(c == d for *_, c, d in spans) else ()


@cache
def calcium(name: str) -> Calcium:
    """One of the four forms in which calcium comes."""
    if name == "constant":
        return Calcium(name, (0.0, LENGTH), (0.4, 0.4))
    if name == "stepped":
        return Calcium(name, (0.0, 20.0, 20.0, 40.0, 40.0, LENGTH), (0.1, 0.1, 1.0, 1.0, 0.3, 0.3))
    if name == "oscillating":
        at = np.linspace(0.0, LENGTH, 601)
        return Calcium(name, tuple(at.tolist()), tuple((0.4 + 0.3 * np.sin(2 * np.pi * at / 12)).tolist()))
    times, values = given_curve(CalciumTrace(str(RECORDING)), LENGTH * MINUTE)
    return Calcium("recorded", tuple((times / MINUTE).tolist()), tuple(values.tolist()))


FORMS = ("constant", "stepped", "oscillating", "recorded")


@dataclass(frozen=True)
class Setting:
    """A declared model with numbers, under one form of calcium."""

    model: Cascade = LIVES
    form: str = "constant"
    numbers: Mapping[str, float] = field(default_factory=dict)
    """What differs from `RATES` (per minute) and `PLAIN`."""
    read_at: float | tuple[float, ...] = ()
    """When every vesicle is read, in minutes: output times."""
    outputs: tuple[float, ...] = OUTPUTS
    """Minutes."""
    moves: bool = False
    """Whether changes of stage have rows in the table of events."""

    @property
    def calcium(self) -> Calcium:
        return calcium(self.form)

    @property
    def values(self) -> dict[str, float]:
        """Every number: per minute, items, uM."""
        return {**RATES, **PLAIN, **self.numbers}

    def job(self, seed: int) -> Job:
        """The setting as the engine takes it."""
        made = declared.declare(self.model, self._typed())
        points = [(f"{t!r} min", f"{c!r} uM") for t, c in zip(self.calcium.at, self.calcium.value, strict=True)]
        job = declared.job_of(made, points, f"{LENGTH} min", f"{LENGTH} min", seed, events=True)
        ends = np.array(self.outputs) * MINUTE
        late = np.array([end > LATER * MINUTE for end in ends]) & bool(self.model.levels)
        line = job.timeline._replace(
            begin=np.zeros(1), first=np.array([0, len(ends)]), end=ends, segment=late.astype(np.int64),
            starts=(np.diff(late.astype(int), prepend=-1) != 0).astype(np.int64), output=np.arange(len(ends)),
            snapshot=np.isin(self.outputs, self.read_at).astype(np.int64),
            multiply=np.array([[1.0], [SLOWED]])[:, : len(self.model.levels)], add=np.zeros((2, len(self.model.levels))),
            log_moves=int(self.moves),
        )  # fmt: skip
        return replace(job, timeline=line, rows=len(ends))

    def _typed(self) -> dict[str, str]:
        """Numbers with their units, as a user types them."""
        texts = " ".join(
            [t.rate + " " + t.gate for t in self.model.life_cycle.transitions]
            + [d.text for d in self.model.definitions] + [e.rate for e in self.model.emissions]
            + list(map(str, vars(self.model.life_cycle.membrane).values() if self.model.life_cycle.membrane else ()))
        )  # fmt: skip
        words = set("".join(ch if ch.isalnum() or ch == "_" else " " for ch in texts).split())
        used = {name: value for name, value in self.values.items() if name in words}
        return {name: f"{value!r} {_unit(name)}".strip() for name, value in used.items()}


def _unit(name: str) -> str:
    if name in BIRTHS:
        return "item/min"
    return "1/item/min" if name == "km" else "1/min" if name in RATES else UNITS.get(name, "")


@dataclass(frozen=True)
class Found:
    """What a run gave."""

    setting: Setting
    count: Floats
    """(cell, output, stage)"""
    total: Floats
    """(cell, output, total)"""
    events: Mapping[str, Floats]
    """Columns of the table of events; times in minutes."""
    reads: Mapping[str, Floats]
    """Columns of the table of vesicles read in mid-life."""

    @property
    def cells(self) -> int:
        return len(self.count)

    def totals(self, name: str) -> Floats:
        """(cell, output) of one cumulative count."""
        names = (*TOTALS, *(e.name for e in self.setting.model.emissions))
        return self.total[:, :, names.index(name)]

    def rows(self, what: str) -> dict[str, Floats]:
        """Events of one kind."""
        kinds = [t.name for t in self.setting.model.life_cycle.transitions]
        chosen = self.events["what"] == kinds.index(what)
        return {name: column[chosen] for name, column in self.events.items()}


def coupled(job: Job, cells: NDArray[np.int64], state: Any = None) -> Block:
    """By the loop for vesicles that feel each other, even where they do not."""
    return vesicles._run_coupled(job, cells, state)


LOOPS: dict[str, Callable[..., Block]] = {"lives": lives.run_chunk, "vesicles": coupled}


def run(setting: Setting, loop: str, cells: int, seed: int) -> Found:
    """Run cells of a setting by one of the two loops."""
    return found(setting, LOOPS[loop](setting.job(seed), np.arange(cells, dtype=np.int64)))


def found(setting: Setting, block: Block) -> Found:
    """A block's numbers under their names."""
    count, total = (np.asarray(part, float) for part in (block.output.count, block.output.total))
    return Found(setting, count, total, _columns(block.events), _columns(block.reads))


def _columns(rows: Rows) -> dict[str, Floats]:
    names = ("time", "cell", "vesicle", "what", "ilv", "cargo", "growth", "age", "diameter")
    table = {name: np.asarray(getattr(rows, name)[: int(rows.used[0])], float) for name in names}
    return table | {name: table[name] / MINUTE for name in ("time", "age")}
