"""Drive MDA-MB-231 with both example models and with constant calcium of the same mean; draw docs/images/calcium-drivers.

python examples/calcium/figure.py [FOLDER]
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import exude
from exude.experiment.traces import given_curve
from exude.show.style import CONTROL, FAINT, PALETTE, new_figure, save, settled, style

HERE = Path(__file__).parent
MODELS = {"Goldbeter 1990, two pools": "goldbeter1990.xml", "Li and Rinzel 1994, InsP3 receptor": "li_rinzel1994.xml"}
CELLS, MINUTES = 3000, 20
WINDOWS = {"goldbeter1990.xml": (300.0, 320.0, 0.2), "li_rinzel1994.xml": (300.0, 380.0, 0.8)}
"""What is shown of calcium and fusions: from, to, width of a bin, s."""


def runs(model: exude.CalciumModel) -> dict[str, Any]:
    """The model's curve, its run, and the run under constant calcium of the same mean after the same burn-in."""
    times, values = given_curve(model, MINUTES * 60.0)
    mean = float(np.trapezoid(values, times) / times[-1])
    settings = exude.Settings(every="10 s", snapshots=())
    with tempfile.TemporaryDirectory() as folder:
        flat = Path(folder) / "flat.csv"
        flat.write_text(f"time_s,calcium_uM\n-0.001,{values[0]}\n0,{mean}\n1e6,{mean}\n", encoding="utf-8")
        made = [
            exude.simulate("MDA-MB-231", what, duration=f"{MINUTES} min", cells=CELLS, seed=1, settings=settings)
            for what in (model, exude.CalciumTrace(str(flat)))
        ]
    return {"times": times, "values": values, "mean": mean, "driven": made[0], "flat": made[1]}


def draw(column: list[Any], title: str, file: str, made: dict[str, Any]) -> None:
    """One model: calcium, fusions in the same window, exosomes over the whole run."""
    begin, end, width = WINDOWS[file]
    calcium, fusions, exosomes = column
    calcium.plot(made["times"], made["values"], color=PALETTE[0])
    calcium.axhline(made["mean"], color=CONTROL, lw=0.8)
    calcium.set(xlim=(begin, end), ylim=(0, None), ylabel="free calcium (µM)")
    calcium.set_title(f"{title}\ngrey: mean {made['mean']:.2f} µM", loc="left", fontsize=6.8, color=FAINT)
    table = made["driven"].events
    at = table["time"].values[table["fate"].values == "released"]
    counts, edges = np.histogram(at, np.arange(begin, end + width / 2, width))
    fusions.stairs(counts / CELLS / width * 3600, edges, color=PALETTE[1], fill=True, alpha=0.7)
    fusions.set(xlim=(begin, end), xlabel="time (s)", ylabel="MVB fusions\n(per cell and hour)")
    for name, colour, label in (("driven", PALETTE[0], "oscillating"), ("flat", CONTROL, "constant, same mean")):
        run = made[name]
        line = run.exosomes.mean("cell")
        exosomes.plot(line["time"] / 60, line, color=colour, label=label)
    exosomes.set(xlim=(0, MINUTES), ylim=(0, None), xlabel="time (min)", ylabel="exosomes released\n(per cell)")
    if file == next(iter(MODELS.values())):
        exosomes.legend(loc="lower right", fontsize=6.8)


def main(folder: Path) -> None:
    """Run, draw, print the figures behind it."""
    with style():
        figure = new_figure(150, 120)
        grid: Any = figure.subplots(3, 2)
        for place, (title, file) in enumerate(MODELS.items()):
            made = runs(exude.CalciumModel(str(HERE / file), settle="5 min"))
            draw(list(grid[:, place]), title, file, made)
            ends = [float(made[k].exosomes.isel(time=-1).mean()) for k in ("driven", "flat")]
            print(f"{title}: {ends[0]:.1f} exosomes per cell, {ends[1]:.1f} at constant calcium of the same mean")
        save(settled(figure), folder / "calcium-drivers")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE.parent.parent / "docs" / "images")
