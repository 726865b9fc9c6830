"""The golden event table: the exact bits of three small runs, so that no change of a bit goes unseen.

    cd tests && python -m proof.golden           # rewrite data/golden_events.csv, where bits change on purpose
    cd tests && python -m proof.golden --print   # the table of this machine

A rewrite belongs into CHANGELOG.md under "Results change". Floats are written in hexadecimal: every bit counts.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np

import exude
from exude.engine.job import Block
from proof.models import CELL, LIVES, LOOPS, Setting

FILE = Path(__file__).parent.parent / "data" / "golden_events.csv"
HEAD = "run,table,time,cell,vesicle,what,ilv,cargo,growth,age,diameter"
CROWD = {"sites": 3.0, "km": 0.02, "kb": 0.6}


def lines() -> list[str]:
    """The whole table."""
    found = [HEAD]
    for loop, setting in (
        ("lives", Setting(LIVES, "recorded", moves=True)),
        ("vesicles", Setting(CELL, "recorded", CROWD, read_at=30.0)),
    ):
        block = LOOPS[loop](setting.job(20180618), np.arange(3, dtype=np.int64))
        found += _of_block(loop, block)
    return found + list(_of_line())


def _bits(value: object) -> str:
    return float(value).hex() if isinstance(value, float | np.floating) else str(value)


def _of_block(run: str, block: Block) -> Iterator[str]:
    """Events and reads, then counts and totals of every output."""
    for table, rows in (("event", block.events), ("read", block.reads)):
        names = HEAD.split(",")[2:]
        for i in range(int(rows.used[0])):
            yield ",".join([run, table, *(_bits(getattr(rows, name)[i]) for name in names)])
    for table in ("count", "total", "trace"):
        part = getattr(block.output, table)
        for cell, row in np.ndindex(part.shape[:2]):
            yield ",".join([run, table, str(row), str(cell), *map(_bits, part[cell, row])])


def _of_line() -> Iterator[str]:
    """A whole cell line, different cells, under a stimulus: calcium by its own equations."""
    settings = exude.Settings(burn_in="3 h", every="10 min", snapshots=("30 min",), threads=1)
    what = (exude.Stimulus("ionomycin", "5 uM", at="5 min"), exude.KnockDown("UNC13D", to=0.5))
    run = exude.simulate("MDA-MB-231", *what, duration="30 min", cells=4, seed=20180618, settings=settings)
    for table, data in (("event", run.events), ("read", run.vesicles), ("course", run.data)):
        for name in sorted({**data.data_vars}):
            flat = np.asarray(data[name].values).ravel()
            yield ",".join(["MDA-MB-231", table, name, *map(_bits, flat.tolist())])


def main() -> None:
    text = "\n".join(lines()) + "\n"
    if "--print" in sys.argv:
        sys.stdout.write(text)
        return
    FILE.write_text(text, encoding="utf-8")
    print(f"{FILE.name}: {len(text):,} bytes. Say so in CHANGELOG.md under 'Results change'.")


if __name__ == "__main__":
    main()
