"""Several kinds of cells, and bodies: a day of 2,000 tumour and 2,000 T cells, and a cohort of 200.

    python benchmarks/neighbours.py [--quick]

Wall time after compiling; every MVB an individual. Writes neighbours.json.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from datetime import date
from pathlib import Path
from typing import Any

from exude.experiment.arrange import Mixture
from exude.experiment.cohort import Cohort, run_cohort
from exude.experiment.matrix import Plastic
from exude.experiment.tissue import Tissue

FILE = Path(__file__).parent / "neighbours.json"


def co_culture(each: int, side: str, duration: str = "24 h") -> dict[str, Any]:
    """As many tumour cells as T cells on plastic."""
    asked = Tissue(
        matrix=Plastic(), cells=Mixture({"tumour": each, "t_cell": each}), size=(side, side), voxel="20 um",
        duration=duration, every="2 h", burn_in="12 h",
    )  # fmt: skip
    wall, cpu = time.perf_counter(), time.process_time()
    tissue = asked.plan().begin()
    begun = time.perf_counter()
    for frame in asked.plan().frames(tissue):
        last = frame.series
    return {
        "each": each, "begin_s": begun - wall, "wall_s": time.perf_counter() - begun,
        "cpu_s": time.process_time() - cpu, "killed": last["events_killing_of_tumour"], "tumour": last["cells_tumour"],
    }  # fmt: skip


def cohort(members: int, host: str, days: int) -> dict[str, Any]:
    """Coarse bodies, on as many threads as there are processors."""
    wall = time.perf_counter()
    found = run_cohort(Cohort(members, host=host, days=days), workers=os.cpu_count() or 1)
    return {
        "members": members,
        "host": host,
        "days": days,
        "wall_s": time.perf_counter() - wall,
        "failed": len(found.failed),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    co_culture(10, "200 um", "2 h")  # compiles
    cohort(1, "mouse", 2)
    made = {
        "co-culture": co_culture(200, "420 um") if quick else co_culture(2_000, "1250 um"),
        "mice": cohort(20 if quick else 200, "mouse", 60),
        "patients": cohort(20 if quick else 200, "patient", 3650),
        "date": date.today().isoformat(), "cores": os.cpu_count(), "load": os.getloadavg()[0],
    }  # fmt: skip
    print(json.dumps(made, indent=1))
    FILE.write_text(json.dumps(made, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
