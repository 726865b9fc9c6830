"""Speed and memory of the full cell, each figure a median, with the result checked beside it.

    make bench                          # or: python benchmarks/run.py [--quick]

Prints what it measures, writes benchmarks/results.json and draws docs/images/scaling.svg. `table.py` holds the figures
against what was asked for. Load of the machine is written down: figures on a busy machine are not worth quoting.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import exude
from exude.show.style import CONTROL, PALETTE, new_figure, settled, style, write

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "images" / "scaling.svg"
IONOMYCIN = exude.Stimulus("ionomycin", "5 uM", at="60 min", until="90 min")
LINE = "MDA-MB-231"
DAY = 86400.0


@dataclass(frozen=True)
class Effort:
    """How long to measure."""

    repeats: int = 5
    cells: int = 10_000
    most: int = 1_000_000
    across: int = 1000
    """Cells where time or vesicles vary."""


QUICK = Effort(2, 500, 10_000, 200)


def summarise(cells: int, threads: int, **more: object) -> exude.Summary:
    """A day of stimulated cells, ten-minute points, no burn-in unless asked for."""
    asked = {"every": "10 min", "threads": threads, "burn_in": "0 h"} | more
    duration = str(asked.pop("duration", "24 h"))
    settings = exude.Settings(**asked)  # type: ignore[arg-type]
    return exude.summarise(LINE, IONOMYCIN, duration=duration, cells=cells, seed=1, settings=settings)


def timed(action: Callable[[], object]) -> tuple[float, float]:
    """(wall, CPU) seconds."""
    wall, cpu = time.perf_counter(), time.process_time()
    action()
    return time.perf_counter() - wall, time.process_time() - cpu


def median_cpu(action: Callable[[], object], repeats: int) -> float:
    return statistics.median(timed(action)[1] for _ in range(repeats))


def one_core(effort: Effort) -> dict[str, float]:
    """Cost of a cell-day on one thread, CPU time: work of others on the machine counts less."""
    cells = effort.cells
    day = median_cpu(lambda: summarise(cells, 1), effort.repeats)
    settled_day = median_cpu(lambda: summarise(cells, 1, burn_in="24 h"), effort.repeats)
    hourly = median_cpu(lambda: summarise(cells, 1, every="1 h"), effort.repeats)
    return {
        "us per cell-day, stimulus, 25 points, from an empty cell": hourly / cells * 1e6,
        "us per cell-day, stimulus, 145 points, from an empty cell": day / cells * 1e6,
        "us per cell-day, the same after 24 h of burn-in, burn-in counted": settled_day / cells / 2 * 1e6,
        "us per cell-day at rest, nothing recorded": (settled_day - day) / cells * 1e6,
    }


def two_cores(effort: Effort) -> float:
    """Median of in-run ratios of wall time, one thread against two, in turn."""
    ratios = []
    for _ in range(effort.repeats):
        one, two = (timed(lambda n=n: summarise(effort.cells // 2, n))[0] for n in (1, 2))
        ratios.append(one / two)
    return statistics.median(ratios)


def events_per_cell_day() -> float:
    """Births, Rab11 fusions, mergers and changes of stage of a resting cell in 24 h, counted."""
    settings = exude.Settings(every="1 h", threads=2, stage_changes=True, snapshots=())
    made = exude.simulate(LINE, duration="24 h", cells=200, seed=1, settings=settings)
    gained = sum(float(made.data[name].values[:, -1].mean()) for name in ("births", "growths", "mergers"))
    return gained + int((made.events["time"].values > 0).sum()) / 200


CHILD = """
import json, sys, time
import exude

def most():  # of this process alone; ru_maxrss begins with its parent's
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM")) / 1024

cells, threads = int(sys.argv[1]), int(sys.argv[2])
settings = exude.Settings(every="1 h", threads=threads, burn_in="0 h")
exude.summarise("MDA-MB-231", duration="2 h", cells=1, settings=settings)
loaded = most()
wall, cpu = time.perf_counter(), time.process_time()
made = exude.summarise("MDA-MB-231", duration="24 h", cells=cells, seed=1, settings=settings)
print(json.dumps({
    "cells": cells, "s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu,
    "MB": most(), "MB before": loaded,
    "exosomes": float(made.data["exosomes"].sel(statistic="mean")[-1]),
    "sd": float(made.data["exosomes"].sel(statistic="sd")[-1]),
}))
"""


def of_size(cells: int) -> dict[str, float]:
    """A day of so many cells on two threads, summaries only, in a process of its own."""
    done = subprocess.run([sys.executable, "-c", CHILD, str(cells), "2"], capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def scaling(effort: Effort) -> dict[str, list[dict[str, float]]]:
    """Cost against cells, simulated time, and vesicles per cell."""
    decades = [10**k for k in range(2, round(math.log10(effort.most)) + 1)]
    numbers, few = exude.Numbers.default(), effort.across
    by_time, by_vesicles = [], []
    for days in (0.25, 0.5, 1, 2, 4):
        cost = median_cpu(lambda d=days: summarise(few, 1, duration=f"{24 * d:g} h"), 3)
        by_time.append({"days": days, "cpu_s": cost})
    for fold in (0.25, 0.5, 1, 2, 4):
        changed = numbers.but(k_birth=fold * numbers["k_birth"], k_merge=numbers["k_merge"] / fold)
        made = summarise(few, 1, numbers=changed)
        cost = median_cpu(lambda c=changed: summarise(few, 1, numbers=c), 3)
        living = float(made.data["stage_count"].sel(statistic="mean").sum("stage").mean())
        by_vesicles.append({"MVBs": living, "cpu_s": cost})
    return {"cells": [of_size(cells) for cells in decades], "time": by_time, "vesicles": by_vesicles}


def first_figure(cache: str | None) -> float:
    """Seconds from the command to its first figure; `cache` is an empty folder for a cold start."""
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "run.png"
        command = [sys.executable, "-m", "exude", "simulate", LINE, "--duration", "2h", "--plot", str(picture)]
        environment = os.environ | ({"EXUDE_CACHE": cache} if cache else {})
        wall = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        took = time.perf_counter() - wall
        if not picture.stat().st_size:
            raise RuntimeError("no figure was drawn")
    return took


def starts(effort: Effort) -> dict[str, float]:
    cold = []
    for _ in range(min(effort.repeats, 2)):
        cache = tempfile.mkdtemp()
        cold.append(first_figure(cache))
        shutil.rmtree(cache)
    warm = [first_figure(None) for _ in range(effort.repeats)]
    return {"start to first figure, warm, s": statistics.median(warm), "the same, cold, s": statistics.median(cold)}


def against_mean_field(effort: Effort) -> float:
    """Result check: exosomes of the kernel over those of the mean field, cells alike (closures cost 0.3 to 0.6 %)."""
    settings = exude.Settings(every="1 h", alike=True)
    kernel = exude.summarise(LINE, IONOMYCIN, duration="24 h", cells=effort.across, seed=1, settings=settings)
    field = exude.expect(LINE, IONOMYCIN, duration="24 h", settings=settings)
    return float(kernel.data["exosomes"].sel(statistic="mean")[-1]) / float(np.ravel(field["exosomes"])[-1])


def picture(found: dict[str, list[dict[str, float]]]) -> Figure:
    """Cost against cells, time and vesicles, each with the straight line that fits it."""
    panels = (
        ("cells", "cells", "cells, 24 h each", "s", "seconds, two threads"),
        ("time", "days", "days simulated", "cpu_s", "CPU seconds, 1,000 cells"),
        ("vesicles", "MVBs", "MVBs living in a cell (mean)", "cpu_s", "CPU seconds, 1,000 cells"),
    )
    with style():
        figure = new_figure(183, 62)
        for axes, (name, x, label, y, unit) in zip(figure.subplots(1, 3), panels, strict=True):
            at = np.array([row[x] for row in found[name]])
            cost = np.array([row[y] for row in found[name]])
            if name == "cells":  # through the origin, over four decades
                axes.loglog(at, cost[-1] / at[-1] * at, color=CONTROL, lw=1.0, zorder=1)
            else:  # a stimulus costs the same however long or full a cell lives
                slope, fixed = np.polyfit(at, cost, 1)
                axes.plot([0, at[-1]], [fixed, fixed + slope * at[-1]], color=CONTROL, lw=1.0, zorder=1)
                axes.set_xlim(0, 1.05 * at[-1])
                axes.set_ylim(0, 1.1 * cost[-1])
            axes.plot(at, cost, "o", ms=4, color=PALETTE[0], zorder=2)
            axes.set_xlabel(label)
            axes.set_ylabel(unit)
        figure.suptitle(
            "Cost is linear (grey: straight lines; the first through the origin)", x=0.01, ha="left", fontsize=8
        )
        return settled(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="small and short: does it run at all?")
    parser.add_argument("--out", type=Path, default=HERE / "results.json", help="where to write the figures")
    asked = parser.parse_args()
    effort = QUICK if asked.quick else Effort()
    before = os.getloadavg()[0]
    summarise(64, 1, duration="2 h")
    single = one_core(effort)
    found = scaling(effort)
    last = found["cells"][-1]
    figures = {
        **single,
        "ns per event at rest": single["us per cell-day at rest, nothing recorded"] / events_per_cell_day() * 1e3,
        "2 threads against 1": two_cores(effort),
        f"{last['cells']:,} cells x 24 h, summaries, 2 threads, s": last["s"],
        "resident memory of it, MB": last["MB"],
        "bytes more per cell than for 100 cells": (last["MB"] - found["cells"][0]["MB"]) * 2**20 / last["cells"],
        **starts(effort),
        "exosomes per cell, kernel / mean field": against_mean_field(effort),
    }
    machine = {
        "python": platform.python_version(), "cores": os.cpu_count(), "load": [before, os.getloadavg()[0]],
        "date": time.strftime("%Y-%m-%d"), "quick": asked.quick,
    }  # fmt: skip
    for name, value in figures.items():
        print(f"{name:70s} {value:10.3f}")
    print(f"load {before:.1f} before, {machine['load'][1]:.1f} after")
    asked.out.write_text(
        json.dumps({"machine": machine, "figures": figures, "scaling": found}, indent=1) + "\n", encoding="utf-8"
    )
    if not asked.quick:
        write(picture(found), PICTURE)


if __name__ == "__main__":
    main()
