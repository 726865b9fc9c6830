"""Several kinds of cells, and bodies: a day of tumour and T cells beside pyphysicell, cohorts, a tumour that grows.

    python benchmarks/neighbours.py [--quick]     # a co-culture of 2,000 and 2,000 cells for a day; 200 mice, 200 patients
    python benchmarks/neighbours.py --tumour      # only a tumour from 100 to 50,000 cells in 21 days (about ten minutes)

Wall time after compiling. Writes neighbours.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

import coculture
from exude import Drug
from exude.experiment.arrange import Among, Spheroid
from exude.experiment.bed import Capillaries, Host
from exude.experiment.cohort import Cohort, run_cohort
from exude.experiment.dosing import Schedule
from exude.experiment.matrix import Gel
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue

FILE = Path(__file__).parent / "neighbours.json"
CHANGED = {"most_pressure": 0.19, "k_t_death": 1e-9}
"""The catalogue's pressure at which cells stop (0.08, assumed) lets 100 cells become about 5,000 in 21 days; cells that
bear more come to 50,000. T cells live on: by the catalogue's death rate the last is gone after 12 days, since a tumour
this small calls few from the node, and cells among which no T cell runs are cheaper to follow."""


def co_culture(each: int, side: str, duration: str = "24 h") -> dict[str, Any]:
    """As many tumour cells as T cells on plastic, every MVB an individual, on as many threads as there are processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    plan = coculture.asked(each, side, duration, threads=0).plan()
    tissue = plan.begin()
    begun = time.perf_counter()
    for frame in plan.frames(tissue):
        last = frame.series
    return {
        "each": each, "begin_s": begun - wall, "wall_s": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu, "killed": last["events_killing_of_tumour"], "tumour": last["cells_tumour"],
    }  # fmt: skip


def cohort(members: int, host: str, days: int) -> dict[str, Any]:
    """Coarse bodies, on as many threads as there are processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    found = run_cohort(Cohort(members, host=host, days=days), workers=os.cpu_count() or 1)
    return {
        "members": members, "host": host, "days": days, "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu, "failed": len(found.failed),
    }  # fmt: skip


def growing(duration: str = "504 h") -> Tissue:
    """100 tumour cells and as many T cells in a gel with vessels, in a mouse: T cells come and go, oxygen, exosomes, PD-L1 on
    them, interferon and chemokine as fields; an inhibitor of Munc13-4 all along and an antibody that enters on day 20.

    Release about the mean field, which a drug that enters may not touch: so the inhibitor reaches all cells alike.
    """
    return Tissue(
        what=(Drug("bexin", "5 uM"),), matrix=Gel(between=True), cells=Among(Spheroid(100), {"t_cell": 100}),
        vessels=Capillaries("0.02 1/um", apart="40 um", inside=True), host=Host(pieces=10),
        schedules=(Schedule("anti-PD-L1", "1 mg/kg", at="20 days"),),
        size=("1000 um",) * 3, voxel="25 um", duration=duration, every="12 h", burn_in="12 h", secretion="mean-field",
        step="300 s", window="1 h", numbers=Numbers.default().but(**CHANGED),
    )  # fmt: skip


def tumour(asked: Tissue) -> dict[str, Any]:
    """A tumour from start to end."""
    plan = asked.plan()
    cpu, wall = time.process_time(), time.perf_counter()
    tissue = plan.begin()
    course = []
    for frame in plan.frames(tissue):
        s = frame.series
        course.append([frame.time / 3600, s["cells_tumour"], s["cells_t_cell"], time.process_time() - cpu])
        print("  {:.0f} h: {:.0f} tumour cells, {:.0f} T cells, {:.0f} s CPU".format(*course[-1]), flush=True)
    return {
        "hours": course[-1][0], "from": course[0][1], "to": course[-1][1], "T cells": course[-1][2],
        "killed": s["events_killing_of_tumour"], "died": s["died"], "entered vessels": tissue.left, "came": tissue.came,
        "fields": len(tissue.places.fields), "moving": len(tissue.setup.space.moving) + len(tissue.setup.fast_speed),
        "voxels": tissue.places.fields[0].size, "secretion": asked.secretion, "changed": CHANGED,
        "wall_s": time.perf_counter() - wall, "cpu_s": time.process_time() - cpu, "threads": tissue.setup.threads,
        "course": course,
    }  # fmt: skip


def conditions() -> dict[str, Any]:
    return {"date": date.today().isoformat(), "cores": os.cpu_count(), "load": os.getloadavg()[0]}


def beside_pyphysicell() -> dict[str, Any]:
    """The co-culture beside its peer; empty where that is not installed."""
    try:
        import pyphysicell  # noqa: F401
    except ImportError:
        print("pyphysicell is not installed: pip install --no-deps -r requirements-peers.lock")
        return {}
    return {"beside": coculture.measure()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--tumour", action="store_true")
    given = parser.parse_args()
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    if given.tumour:
        made = known | {"tumour": tumour(growing()) | conditions()}
    else:
        co_culture(10, "200 um", "2 h")  # compiles
        cohort(1, "mouse", 2)
        members = 20 if given.quick else 200
        made = known | {
            "co-culture": co_culture(200, "420 um") if given.quick else co_culture(2_000, "1250 um"),
            "mice": cohort(members, "mouse", 60),
            "patients": cohort(members, "patient", 3650),
            **({} if given.quick else beside_pyphysicell()),
            **conditions(),
        }
    print(json.dumps({name: part for name, part in made.items() if name != "tumour"}, indent=1))
    FILE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
