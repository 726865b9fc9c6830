"""Write recording.csv: what a Fura-2 microscope would see of the calcium that this model gives MDA-MB-231 under histamine.

    python examples/calcium/make_recording.py [FOLDER]

It is made, not measured, so that a reader knows what must come out: 100 uM histamine after 1 min, a picture every 2 s.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np

import exude

HERE = Path(__file__).parent
KD = 0.224  # uM
BACKGROUND = (10.0, 20.0)
FREE, FULL = (300.0, 1000.0), (1200.0, 200.0)
"""Light at 340 and 380 nm of a dye without and with calcium: r_min = 0.3, r_max = 6, beta = 5."""
NOISE = 2.0


def main(folder: Path) -> None:
    """Write the recording."""
    histamine = exude.Stimulus("histamine", "100 uM", at="1 min")
    course = exude.expect("MDA-MB-231", histamine, duration="10 min", every="2 s").calcium
    bound = course.values / (KD + course.values)
    noise = np.random.default_rng(1).normal(0, NOISE, (2, bound.size))
    light = [
        b + free * (1 - bound) + full * bound for b, free, full in zip(BACKGROUND, FREE, FULL, strict=True)
    ] + noise
    rows = [f"{time:g},{f340:.1f},{f380:.1f}" for time, f340, f380 in zip(course["time"].values, *light, strict=True)]
    (folder / "recording.csv").write_text("\n".join(["time_s,f340,f380", *rows, ""]), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
