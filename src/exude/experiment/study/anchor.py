"""A fair start for a rival calcium mechanism: the wild type's load stays where the fit put it, at rest and at peak.

Under another mechanism the same calcium loads more or fewer copies, so that thresholds fitted under the default would
be met always or never, and the rival would fail for a reason of scale. So `half_growth` and `half_prime` are scaled
by the ratio of loads at rest, `half_trigger` by the ratio at the peak under ionomycin. Nothing else moves.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from exude.cascade import CELL
from exude.derive.evaluate import evaluate
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import Settings, hypothesis_values, simulate
from exude.experiment.study.cultures import IONOMYCIN, LINE


def calcium_at_rest_and_peak(numbers: Numbers) -> tuple[float, float]:
    """Calcium (uM) of the reference cell at rest and at its peak under 5 uM ionomycin."""
    settings = Settings(every="1 s", snapshots=(), events=False, burn_in="2 h", alike=True, numbers=numbers, threads=1)
    run = simulate(LINE, replace(IONOMYCIN, at="0 min"), duration="1 min", cells=1, settings=settings)
    curve = run.data["calcium"].values[0]
    return float(curve[0]), float(curve.max())


def load(calcium: float, numbers: Numbers) -> float:
    """Share of wild-type Munc13-4 loaded at a calcium level in the reference cell, as declared in `effectors`."""
    normal = {level.symbol: level.normal for level in CELL.levels}
    return float(evaluate(CELL, "loaded_wild", {**numbers.values, **normal, "calcium": calcium}))


def anchored(numbers: Numbers, hypothesis: str) -> Numbers:
    """The numbers for a rival mechanism; unchanged where the mechanism does not touch the load."""
    values = hypothesis_values(hypothesis)
    if not values.keys() & {"need_c2a", "need_c2b", "need_anxa6"}:
        return numbers
    rest, peak = calcium_at_rest_and_peak(numbers)
    rival = numbers.but(**values)
    at_rest, at_peak = (load(c, rival) / load(c, numbers) for c in (rest, peak))
    if not np.isfinite([at_rest, at_peak]).all():
        return numbers
    return numbers.but(
        half_growth=numbers["half_growth"] * at_rest,
        half_prime=numbers["half_prime"] * at_rest,
        half_trigger=numbers["half_trigger"] * at_peak,
    )
