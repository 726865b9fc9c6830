"""Whole tissues: time and memory of a step, linear in cells and voxels; spheroids with every MVB an individual.

python benchmarks/tissue.py              # table; writes tissue.json
python benchmarks/tissue.py --long       # also a spheroid of 10^4 cells for 72 h
python benchmarks/tissue.py --day        # only a million cells for a day, every MVB an individual (half an hour)
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import time
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

import agents
import fields
from exude.experiment.arrange import Spheroid
from exude.experiment.matrix import Gel
from exude.experiment.tissue import Tissue
from exude.show.style import CONTROL, PALETTE, new_figure, settled, style, write

FILE = Path(__file__).parent / "tissue.json"
PICTURE = Path(__file__).parent.parent / "docs" / "images" / "space.svg"
SIZES = {1_000: "360 um", 3_000: "500 um", 10_000: "720 um", 30_000: "1020 um", 100_000: "1520 um"}
"""Cells -> side of the box: the cells fill about a sixth of it at each size."""
MILLION = (1_000_000, "3300 um")
STEPS = 20


def spheroid(cells: int, side: str, secretion: str, duration: str = "72 h", threads: int = 0) -> Tissue:
    return Tissue(
        matrix=Gel(), cells=Spheroid(cells), size=(side,) * 3, voxel="20 um" if cells >= MILLION[0] else "10 um",
        duration=duration, every="12 h", secretion=secretion, threads=threads,
    )  # fmt: skip


def per_step(cells: int, side: str, secretion: str) -> dict[str, float]:
    """CPU and wall time of a step, s, averaged over two windows, with the cells' share of it."""
    plan = spheroid(cells, side, secretion).plan()
    tissue = plan.begin()
    tissue.advance()
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(STEPS):
        tissue.advance()
    return {
        "cells": len(tissue.body.ids),
        "voxels": tissue.places.fields[0].size,
        "cpu_s": (time.process_time() - cpu) / STEPS,
        "wall_s": (time.perf_counter() - wall) / STEPS,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def million(secretion: str, steps: int) -> dict[str, float]:
    """A million cells in three dimensions: wall time of the start and of a step, memory, arrays held for a cell, bytes."""
    begin = time.perf_counter()
    tissue = spheroid(*MILLION, secretion).plan().begin()
    tissue.advance()
    begun, cpu = time.perf_counter(), time.process_time()
    for _ in range(steps):
        tissue.advance()
    held = tissue._mechanics.bytes + sum(a.nbytes for a in (*tissue.body, *tissue._within()))
    return {
        "cells": len(tissue.body.ids), "voxels": tissue.places.fields[0].size, "fields": len(tissue.places.fields),
        "begin_s": begun - begin, "wall_s": (time.perf_counter() - begun) / steps,
        "cpu_s": (time.process_time() - cpu) / steps, "held_bytes": held / len(tissue.body.ids),
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }  # fmt: skip


def day_of_a_million() -> Tissue:
    """The longest steps that are let, an hour between divisions, and the fields of exosomes in matrix as it is."""
    return replace(
        spheroid(*MILLION, "vesicles", "24 h"), model="spread", step="300 s", window="1 h", every="4 h", burn_in="12 h"
    )


def whole(asked: Tissue) -> dict[str, Any]:
    """A run from start to end: wall and CPU time, and the part of the vesicles."""
    plan = asked.plan()
    cpu, wall = time.process_time(), time.perf_counter()
    tissue = plan.begin()
    own, spent, started = tissue.secretion.advance, 0.0, len(tissue.body.ids)

    def advance(window: int, threads: int) -> Any:
        nonlocal spent
        before = time.perf_counter()
        found = own(window, threads)
        spent += time.perf_counter() - before
        return found

    tissue.secretion.advance = advance  # type: ignore[method-assign]
    for frame in plan.frames(tissue):
        print(
            f"  {frame.time / 3600:.0f} h: {frame.series['cells']:.0f} cells, {time.perf_counter() - wall:.0f} s",
            flush=True,
        )
    return {
        "cells": started, "cells at the end": len(tissue.body.ids),
        "duration": asked.duration, "secretion": asked.secretion, "fields": len(tissue.places.fields),
        "fusions": tissue.fusions,
        "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "secretion_s": spent,
        "memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }  # fmt: skip


def picture(found: dict[str, Any]) -> Figure:
    """What a step costs against cells, with the straight line through the origin and 10^5 cells."""
    rows = found["steps"] + [found[name] for name in ("million",) if name in found]
    with style():
        figure = new_figure(89, 70)
        axes = figure.subplots()
        for name, colour in (("every MVB", PALETTE[0]), ("mean field", PALETTE[1])):
            mine = [row for row in rows if (row is found["million"]) == (name == "mean field")]
            at, cost = np.array([[row["cells"], row["cpu_s"]] for row in mine]).T
            axes.loglog(at, cost, "o", ms=4, color=colour, label=name, zorder=2)
            if name == "every MVB":
                ends = np.array([at[0], 1e6])
                most = found["steps"][-1]
                axes.plot(ends, most["cpu_s"] / most["cells"] * ends, color=CONTROL, lw=1.0, zorder=1)
        axes.set_xlabel("cells, with 35 to 47 voxels each; 5 of the million")
        axes.set_ylabel("CPU seconds for a step of 120 s")
        axes.legend(frameon=False)
        figure.suptitle("A step against cells (grey: in proportion to 10⁵)", x=0.01, ha="left", fontsize=8)
        return settled(figure)


def beside_pyphysicell() -> dict[str, Any]:
    """Diffusion and mechanics in turn with pyphysicell, results checked; empty where it is not installed."""
    try:
        import pyphysicell  # noqa: F401
    except ImportError:
        print("pyphysicell is not installed: pip install --no-deps -r requirements-peers.lock")
        return {}
    found = fields.figures()
    made = {row.what: asdict(row) for row in found["peer"] + found["constant"]}
    return {"diffusion": made, "mechanics": agents.measure()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--day", action="store_true")
    asked = parser.parse_args()
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    found = known | {"cores": os.cpu_count(), "python": sys.version.split()[0], "date": date.today().isoformat()}
    load = [os.getloadavg()[0]]
    if asked.day:
        found = known | {"day": whole(day_of_a_million())}
        print(found["day"])
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        return
    found |= beside_pyphysicell()
    found["steps"] = []
    print("cells      voxels      CPU per step   ns per cell and voxel   memory")
    for cells, side in SIZES.items():
        row = per_step(cells, side, "vesicles")
        found["steps"].append(row)
        each = row["cpu_s"] / (row["cells"] + row["voxels"]) * 1e9
        print(
            f"{row['cells']:>9,.0f}  {row['voxels']:>10,.0f}  {row['cpu_s']:>10.3f} s  {each:>15.0f}  "
            f"{row['memory_mb']:>12,.0f} MB"
        )
    found["million"] = million("mean-field", STEPS)
    print("a million cells, release about the mean field:", found["million"])
    if asked.long:
        print("a spheroid of 10,000 cells for 72 h, every MVB an individual")
        found["spheroid"] = whole(spheroid(10_000, "720 um", "vesicles"))
        print(found["spheroid"])
    found["load"] = [*load, os.getloadavg()[0]]
    write(picture(found), PICTURE)
    FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
