"""A process of its own that integrates one SBML model with libRoadRunner: `python -m exude.experiment.sbml_worker`.

A foreign model may never end or may break the C++ library; in its own process it can be stopped, and takes nothing
with it. In: one JSON object on standard input. Out: the curve as pairs of doubles (time, value) on standard output,
or one line of words on standard error and exit code 3.
"""

from __future__ import annotations

import json
import math
import os
import sys
import warnings
from collections.abc import Iterator
from typing import Any

FAILED = 3
ROWS = 10_000
"""Steps of the integrator fetched at a time."""
MOST_KNOTS = 2_000_000


class Failure(Exception):
    """The model cannot be integrated; the text says why."""


class Knots:
    """The fewest steps of an integrator whose straight connections pass within a tolerance of all its steps.

    From each kept step a cone of slopes is held open that meets every later step to within its tolerance; the step
    before the first that leaves the cone is kept. Two rows at one time are a jump and are both kept.
    """

    def __init__(self, relative: float, floor: float) -> None:
        self.relative, self.floor = relative, floor
        self.kept: list[tuple[float, float]] = []
        self.last: tuple[float, float] | None = None
        self.low, self.high = -math.inf, math.inf

    def add(self, t: float, y: float) -> None:
        """Take the next step."""
        if self.last is None:
            self._keep((t, y))
        elif t == self.last[0]:
            if y != self.last[1]:
                if self.kept[-1] != self.last:
                    self._keep(self.last)
                self._keep((t, y))
        else:
            t0, y0 = self.kept[-1]
            step = t - t0
            if not self.low <= (y - y0) / step <= self.high:
                self._keep(self.last)
                t0, y0 = self.last
                step = t - t0
            room = self.relative * abs(y)
            room = room if room > self.floor else self.floor
            low, high = (y - room - y0) / step, (y + room - y0) / step
            self.low = low if low > self.low else self.low
            self.high = high if high < self.high else self.high
        self.last = (t, y)

    def end(self) -> list[tuple[float, float]]:
        """All kept steps, the last one among them."""
        if self.last is not None and self.kept[-1] != self.last:
            self._keep(self.last)
        return self.kept

    def _keep(self, point: tuple[float, float]) -> None:
        self.kept.append(point)
        self.low, self.high = -math.inf, math.inf
        if len(self.kept) > MOST_KNOTS:
            raise Failure(f"its curve needs more than {MOST_KNOTS} points; shorten the run")


def steps(given: dict[str, Any]) -> Iterator[tuple[float, float]]:
    """The integrator's own steps, from time 0 to the end."""
    import numpy as np
    import roadrunner

    roadrunner.Logger.disableLogging()
    model = roadrunner.RoadRunner(given["sbml"])
    model.timeCourseSelections = ["time", given["selection"]]
    model.integrator.variable_step_size = True
    model.integrator.relative_tolerance = given["relative"]
    model.integrator.absolute_tolerance = given["absolute"]
    model.integrator.max_output_rows = ROWS
    now, end = 0.0, given["end"]
    while now < end:
        rows = np.array(model.simulate(now, end)).tolist()
        if rows[-1][0] <= now:
            raise Failure(f"the integrator does not advance beyond model time {now:g}")
        yield from rows
        now = rows[-1][0]


def curve(given: dict[str, Any]) -> list[tuple[float, float]]:
    """The thinned course of the selected quantity."""
    knots = Knots(given["thin"], given["floor"])
    for t, y in steps(given):
        if not math.isfinite(y):
            raise Failure(f"its value becomes {y} at model time {t:g}")
        knots.add(t, y)
    return knots.end()


def main() -> int:
    """Read, integrate, write."""
    import numpy as np

    out = os.dup(1)
    os.dup2(2, 1)  # what the library prints must not mix with the numbers
    given = json.load(sys.stdin)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            made = np.array(curve(given))
    except Exception as problem:  # whatever a foreign model makes the library raise becomes one line
        print(" ".join(str(problem).split()), file=sys.stderr)
        return FAILED
    with os.fdopen(out, "wb") as handle:
        handle.write(made.tobytes())
    return 0


if __name__ == "__main__":
    sys.exit(main())
