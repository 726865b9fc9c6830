"""What an uncertain calibration means for a result: curves that its errors allow, and a run for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from numbers import Integral

import numpy as np
import xarray as xr

from exude.errors import ProtocolError, refuse
from exude.experiment.perturbations import CalciumTrace, Perturbation
from exude.experiment.simulate import Settings, simulate
from exude.experiment.traces import calibrated, recording

MOST_SAMPLES = 10_000
QUANTILES = (1 / 40, 1 / 2, 39 / 40)
"""The median and the ends of the 95 % interval."""
PER_CELL = {"calcium": "uM", "exosomes": "1", "fusions": "1"}
"""What is kept of each run, as its mean over cells, with its unit."""


def calcium_ensemble(trace: CalciumTrace, samples: int = 100, *, seed: int = 1) -> tuple[CalciumTrace, ...]:
    """Curves that the errors of a calibration and the noise of its recording allow, as perturbations.

    Each takes all numbers of the calibration anew within their standard errors, and every reading within the noise
    estimated from the recording's second differences. The same seed gives the same curves. ProtocolError for a trace
    without a dye, which states no errors.
    Valid when: errors are independent; noise is independent from reading to reading.
    """
    if trace.dye is None:
        fix = "Write CalciumTrace(file, dye=Fura2(...)) with '0.31 +/- 0.02' for its numbers."
        raise refuse(ProtocolError, trace, "a trace with a dye, whose calibration has errors", fix)
    if isinstance(samples, bool) or not isinstance(samples, Integral) or not 2 <= samples <= MOST_SAMPLES:
        raise refuse(
            ProtocolError, samples, f"a whole number of samples from 2 to {MOST_SAMPLES}", "Write samples=100."
        )
    return tuple(replace(trace, draw=(int(seed), i)) for i in range(int(samples)))


def calcium_band(trace: CalciumTrace, samples: int = 200, *, seed: int = 1) -> xr.Dataset:
    """A calibrated recording with its 95 % band: `calcium`, and `low`, `middle`, `high` of the ensemble, uM over s."""
    draws = calcium_ensemble(trace, samples, seed=seed)
    times, signal = recording(trace)
    calcium = calibrated(trace, times, signal)
    drawn = np.array([calibrated(one, times, signal) for one in draws])
    low, middle, high = np.quantile(drawn, QUANTILES, axis=0)
    kept = {"calcium": calcium, "low": low, "middle": middle, "high": high}
    band = xr.Dataset({name: ("time", values, {"units": "uM"}) for name, values in kept.items()}, {"time": times})
    band["time"].attrs["units"] = "s"
    return band


def simulate_uncertain(
    line: str,
    trace: CalciumTrace,
    *what: Perturbation,
    samples: int = 20,
    duration: str = "2 h",
    cells: int = 100,
    seed: int = 1,
    settings: Settings | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> xr.Dataset:
    """Run each curve that a calibration's errors allow; the spread of the result is what the calibration leaves open.

    A run has one curve for all its cells, so every sample is a run of its own, and all runs share cells and seed: what
    differs between samples is the calibration alone. Returns means over cells, (sample, time): `calcium` (uM),
    `exosomes` and `fusions` (per cell since the start). Take `.quantile((0.025, 0.5, 0.975), "sample")` for the 95 %
    interval. Raises what `simulate` and `calcium_ensemble` raise.
    """
    made = []
    for done, curve in enumerate(calcium_ensemble(trace, samples, seed=seed), 1):
        run = simulate(line, curve, *what, duration=duration, cells=cells, seed=seed, settings=settings)
        made.append(xr.Dataset({name: run.data[name].mean("cell") for name in PER_CELL}))
        if progress:
            progress(done, samples)
    table = xr.concat(made, dim="sample").assign_coords(sample=np.arange(len(made)))
    for name, unit in PER_CELL.items():
        table[name].attrs.update(units=unit, long_name=f"{name}, mean over cells")
    return table.assign_attrs(line=line, trace=repr(trace), cells=cells, seed=seed, duration=duration)
