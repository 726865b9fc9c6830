"""Run a tissue and keep it: written while it runs, stopped at will and gone on with, the same bits either way.

Beside the folder OUT of a run that is not done lies OUT.checkpoint, all of the run's state. It is taken at steps where
nothing but that state matters: a window of the secretion ends there, and mobilities are about to be looked up anew.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from exude import engine
from exude.cascade.host import HOST
from exude.catalog import read
from exude.derive.space import Space
from exude.engine import provenance, tissue_checkpoint
from exude.engine.body import Body
from exude.engine.compartments import State as BodyState
from exude.engine.exchange import Exchange
from exude.engine.grid import new_fields
from exude.engine.layout import State
from exude.engine.places import NOTHING, Places
from exude.engine.setup import Setup
from exude.engine.tissue import Tissue as Running
from exude.engine.tissue_layout import FORMAT, Quantities, Quantity, attributes, free_place
from exude.engine.tissue_run import TissueRun, open_tissue
from exude.engine.tissue_store import TissueWriter
from exude.errors import DataError, Interrupted, refuse
from exude.experiment.tissue import Frame, Plan, Tissue, frame
from exude.units import say_seconds, seconds

STATE = "exude-tissue-state-3"
"""Name of what a checkpoint holds; it changes when older ones no longer say enough."""
NUMBERS = ("step", "next_id", "born", "died", "fusions", "left", "came")
"""What a running tissue counts."""
JOB = "job"
"""The part of a secretion that follows from the plan."""
REMADE = ("setup", "places", "secretion", "body", "table", "freed", "happened", "exchange")
"""Its other parts: kept one by one, or made again from the plan."""
CELLS = {
    "id": Quantity("1", "number of the cell, for life"), "kind": Quantity("1", "kind of cell"),
    "founder": Quantity("1", "cell at the start whose levels it has"), "position": Quantity("um", "middle of the cell"),
    "radius": Quantity("um", "radius of the cell"), "progress": Quantity("1", "way through the cell cycle"),
}  # fmt: skip
COUNTED = "cells"
"""A series that the folder has under another name, `cell_count`."""
SERIES = {
    "came": Quantity("item", "cells that came out of the blood so far"),
    "left": Quantity("item", "cells that went into the blood so far"),
    "born": Quantity("item", "divisions so far"),
    "died": Quantity("item", "deaths so far"), "fusions": Quantity("item", "MVBs fused with the membrane so far"),
}  # fmt: skip

Progress = Callable[[int, int], None]
"""Called with steps done and steps in all."""


def run_tissue(
    asked: Tissue,
    out: str | Path = "tissue.zarr",
    *,
    progress: Progress | None = None,
    resume: bool = False,
    overwrite: bool = False,
    checkpoint_every: str = "5 min",
) -> TissueRun:
    """Run an experiment in space and write it to the folder `out`; returns the run, read from there.

    `resume` goes on from the last checkpoint of the very same experiment (it starts anew where there is none, and gives
    back a run that is done): the bits are those of a run that was never stopped. `overwrite` replaces an earlier run.
    `checkpoint_every`: wall time between checkpoints. Ctrl-C stops at the next checkpoint, a second one at once.

    Raises what `Tissue.plan` does; DataError where the folder is taken, belongs to another run, or the disk refuses, and
    for a checkpoint that is damaged, of another version or of another run; Interrupted after Ctrl-C. What was written
    before stays readable whatever happens.
    """
    pause, place = seconds(checkpoint_every, what="checkpoint_every"), Path(out).absolute()
    plan = asked.plan()
    if not resume:
        _refuse_taken(place, overwrite)
    earlier = _earlier(plan, place) if resume else None
    if earlier is not None and earlier.finished:
        return earlier
    under_way = _resumed(plan, earlier) if earlier is not None else None
    if under_way is None:
        under_way = _started(plan, place, overwrite=overwrite or earlier is not None)
    _finish(under_way, pause, progress or (lambda done, total: None))
    return open_tissue(place)


def checkpoint_of(out: str | Path) -> Path:
    """Where the state of a run that is not done is kept."""
    place = Path(out).absolute()
    return place.with_name(f"{place.name}.checkpoint")


def quantities_of(space: Space, shown: Frame) -> Quantities:
    """Units and meanings of all that is recorded."""
    about = {f.symbol: Quantity(f.unit, f.meaning) for f in space.cascade.fields}
    pools = {p.symbol: Quantity(p.unit, p.meaning) for p in space.cascade.pools}
    stocks = {stock.symbol: stock for stock in HOST.stocks}

    def series(name: str) -> Quantity:
        what, _, field = name.partition("_")
        if what == "body":
            return Quantity(stocks[field].unit or "1", f"{stocks[field].compartment}: {stocks[field].meaning}")
        if what in ("cells", "events"):
            return Quantity("item", f"{field.replace('_', ' ')}: {'cells now' if what == 'cells' else 'times so far'}")
        if what not in ("amount", "freed"):
            return SERIES[name]
        unit, meaning = about[field]
        kept = unit.removesuffix("/um**3") if unit.endswith("/um**3") else f"{unit}*um**3"
        return Quantity(kept, meaning if what == "amount" else f"{meaning}: set free by fusions so far")

    return Quantities(
        {name: about[name] for name in shown.fields},
        {name: (CELLS | pools)[name] for name in shown.cells},
        {name: series(name) for name in _series(shown)},
    )


def _series(shown: Frame) -> dict[str, float]:
    return {name: value for name, value in shown.series.items() if name != COUNTED}


def state_of(tissue: Running) -> dict[str, Any]:
    """All that a tissue's future depends on, at a step where a window has ended and mobilities are looked up anew."""
    return {
        "numbers": {name: getattr(tissue, name) for name in NUMBERS},
        "body": tissue.body,
        "table": tissue.table,
        "freed": tissue.freed,
        "happened": tissue.happened,
        "host": _of_host(tissue.exchange),
        "fields": tissue.places.fields,
        "secretion": _parts(tissue.secretion),
    }


def restored(plan: Plan, state: dict[str, Any]) -> Running:
    """A tissue as it was when its state was taken."""
    setup = plan.setup
    held = new_fields(setup.grid, len(setup.space.fields))
    held[...] = state["fields"]
    nobody = np.zeros(0, np.int64)
    secretion = _put_back(plan.secretion(nobody, state["table"], nobody), state["secretion"])
    return Running(
        setup,
        state["body"],
        state["table"],
        Places(setup, held),
        secretion,
        freed=state["freed"],
        happened=state["happened"],
        exchange=_exchange(setup, state["host"]),
        **state["numbers"],
    )


def _of_host(exchange: Exchange) -> dict[str, Any]:
    """The state of the body around, nothing without one."""
    if exchange.host is None:
        return {}
    return {"handed": exchange.handed, **exchange.host.state._asdict()}


def _exchange(setup: Setup, kept: dict[str, Any]) -> Exchange:
    if not kept:
        return Exchange(setup)
    return Exchange(setup, BodyState(kept["amounts"], kept["rng"], kept["step"]), kept["handed"])


def _parts(held: Any) -> dict[str, Any]:
    """What a secretion is made of, part by part, but for its job, which follows from the plan."""
    parts = {f.name: getattr(held, f.name) for f in fields(held) if f.name != JOB}
    return {name: _parts(part) if is_dataclass(part) else part for name, part in parts.items()}


def _put_back(empty: Any, parts: dict[str, Any]) -> Any:
    """A secretion with its parts in place."""
    own = {name: getattr(empty, name) for name in parts}
    return replace(empty, **{n: _put_back(own[n], p) if is_dataclass(own[n]) else p for n, p in parts.items()})


@dataclass
class _UnderWay:
    """A run between two steps."""

    plan: Plan
    tissue: Running
    writer: TissueWriter
    saved_at: float = -math.inf
    """When the last checkpoint was taken, s of the clock."""

    @property
    def steps(self) -> int:
        """Steps in all."""
        return self.plan.steps_per_point * (self.plan.points - 1)

    def record(self) -> None:
        """Write a recorded point if this is one that was not yet written."""
        if self.writer.rows * self.plan.steps_per_point == self.tissue.step:
            shown = frame(self.tissue)
            _refuse_negative(shown)
            self.writer.write(shown.time, shown.fields, shown.cells, _series(shown))

    def save(self) -> None:
        """Keep the state; what was written before is on the disk then."""
        attrs = _belongs_to(self.plan) | {"rows": self.writer.rows}
        self.writer.sync()
        tissue_checkpoint.save_checkpoint(checkpoint_of(self.writer.path), state_of(self.tissue), attrs)
        self.saved_at = time.monotonic()

    def stopped(self, said: str) -> Interrupted:
        """What is kept, and how to go on."""
        end = say_seconds(self.steps * self.plan.setup.dt)
        return Interrupted(
            f"{said}; {self.writer.rows} of {self.plan.points} recorded points of {end} are kept in {self.writer.path}. "
            "The same command with --resume (resume=True) goes on from the last checkpoint."
        )


def _finish(under_way: _UnderWay, pause: float, progress: Progress) -> None:
    """Take a run to its end."""
    tissue, setup = under_way.tissue, under_way.plan.setup
    stretch = math.lcm(setup.steps_per_window, setup.steps_per_refresh)
    with _interrupts() as asked_to_stop:
        try:
            while True:
                under_way.record()
                if tissue.step >= under_way.steps:
                    break
                if asked_to_stop() or time.monotonic() - under_way.saved_at >= pause:
                    under_way.save()
                if asked_to_stop():
                    raise under_way.stopped(f"stopped at {say_seconds(tissue.time)}")
                for _ in range(stretch):
                    tissue.advance()
                    progress(tissue.step, under_way.steps)
        except KeyboardInterrupt:
            raise under_way.stopped("stopped at once") from None
    under_way.writer.close()
    _forget(under_way.writer.path)


@contextmanager
def _interrupts() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, which then does no more than that; pressed again it interrupts as ever."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def note(number: int, where: Any) -> None:
        if pressed.is_set():
            raise KeyboardInterrupt
        pressed.set()

    before = signal.signal(signal.SIGINT, note)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


# --- where a run begins ---


def _started(plan: Plan, place: Path, *, overwrite: bool) -> _UnderWay:
    tissue = plan.begin()
    about = quantities_of(plan.setup.space, frame(tissue))
    writer = TissueWriter(place, plan.setup.grid, about, plan.attrs(), overwrite=overwrite)
    _forget(place)  # a checkpoint of the run that was there
    return _UnderWay(plan, tissue, writer)


class _Checkpoint(NamedTuple):
    rows: int
    state: dict[str, Any]


def _resumed(plan: Plan, earlier: TissueRun) -> _UnderWay | None:
    """A run as its last checkpoint says; None where it had none, or has one of an older run in this place."""
    found = _checkpoint(plan, earlier.path)
    if found is None or found.rows > earlier.rows:
        return None
    tissue = restored(plan, found.state)
    writer = TissueWriter.reopen(earlier.path, rows=found.rows)
    return _UnderWay(plan, tissue, writer, time.monotonic())


def _checkpoint(plan: Plan, place: Path) -> _Checkpoint | None:
    file = checkpoint_of(place)
    if not file.exists() and not tissue_checkpoint.previous(file).exists():
        return None
    mine = _belongs_to(plan)
    try:
        saved = tissue_checkpoint.load_checkpoint(file, fingerprint=plan.fingerprint, kinds=(Body, State))
    except DataError as problem:
        older = tissue_checkpoint.previous(file)
        how = f" Put it in the other's place: mv {older} {file}" if str(older) in str(problem) else ""
        raise DataError(f"{problem}{how}") from problem
    for what, expected in mine.items():
        if saved.attrs.get(what) != expected:
            fix = f"Resume with the program that began it, or start anew with overwrite=True (--overwrite): {file}."
            raise refuse(DataError, f"{what} {saved.attrs.get(what)!r}", f"a checkpoint of {what} {expected!r}", fix)
    return _Checkpoint(int(saved.attrs["rows"]), saved.state)


def _belongs_to(plan: Plan) -> dict[str, Any]:
    """What must be the same for a checkpoint to be of use."""
    return {
        "state": STATE,
        "fingerprint": plan.fingerprint,
        "exude": f"{provenance.versions()['exude']} ({_program()})",
    }


@cache
def _program() -> str:
    """A short hash of what steps a tissue: another program would go on with other bits."""
    files = sorted(Path(engine.__path__[0]).rglob("*.py"))
    return provenance.fingerprint({file.name: file.read_text(encoding="utf-8") for file in files})


def _earlier(plan: Plan, place: Path) -> TissueRun | None:
    """The run that is to be resumed, if any was begun in this place; DataError for another one."""
    if not place.exists() or (place.is_dir() and not any(place.iterdir())):
        return None
    found = open_tissue(place)
    if found.attrs.get("fingerprint") != plan.fingerprint:
        raise refuse(
            DataError, f"{place}: a run with fingerprint {found.attrs.get('fingerprint')!r}",
            f"the run that is to be resumed, fingerprint {plan.fingerprint!r}",
            "Give the very same experiment to resume it, or another folder.",
        )  # fmt: skip
    return found


def _refuse_taken(place: Path, overwrite: bool) -> None:
    """Before any computing: whether the run could be written."""
    if place.is_dir() and attributes(place).get("format") == FORMAT and not overwrite:
        raise refuse(
            DataError, str(place), "a free place, and an earlier run is there",
            "Give resume=True (--resume) to go on with it, overwrite=True (--overwrite) to lose it, or another folder.",
        )  # fmt: skip
    free_place(place, overwrite)


def _refuse_negative(shown: Frame) -> None:
    """A field below 0, beyond rounding, means a number that is far off."""
    share = float(read.numerics()["tissue"]["below_zero"])
    for name, field in shown.fields.items():
        least = float(field.min())
        if not least >= -share * float(np.abs(field).max()) - NOTHING:  # the last of a field may be rounding alone
            at = tuple(int(i) for i in np.unravel_index(int(field.argmin()), field.shape))
            raise refuse(
                DataError, f"{name} = {least:g} at voxel {at} (z, y, x), {say_seconds(shown.time)}", "a field of at least 0",
                "Take a shorter step (`step`), or look for a number that is far off.",
            )  # fmt: skip


def _forget(place: Path) -> None:
    """Remove a run's checkpoints."""
    for file in (checkpoint_of(place), tissue_checkpoint.previous(checkpoint_of(place))):
        file.unlink(missing_ok=True)
