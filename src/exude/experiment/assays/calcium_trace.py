"""Calcium in the cytosol as a sensor reads it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.result import Run
from exude.errors import UnknownName, refuse
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import named

SENSORS = ("fura2", "gcamp")


@dataclass(frozen=True)
class CalciumTrace(AbstractCultureAssay):
    """Signal of Fura-2 or GCaMP over time, scaled so that no calcium reads 0 and saturating calcium reads 1.

    fura2: c / (kd + c); gcamp: c^h / (kd^h + c^h), c the free calcium of the cytosol.
    sensor: 'fura2' or 'gcamp'.
    Valid when: the sensor is fast beside calcium and buffers none of it; the culture's mean signal is calibrated, so
    that `calcium` lies below the mean concentration where cells differ.
    """

    _: KW_ONLY
    sensor: str = "fura2"
    purpose: ClassVar[int] = 18
    reads: ClassVar[str] = "signal"

    def __post_init__(self) -> None:
        if self.sensor not in SENSORS:
            fix = "Write CalciumTrace(sensor='fura2')."
            raise refuse(UnknownName, self.sensor, f"a sensor: {' or '.join(SENSORS)}", fix, SENSORS)

    @property
    def noise(self) -> Lognormal:
        """Of each reading on its own."""
        return Lognormal(self.numbers[f"{self.sensor}_noise"], self.numbers["sensor_floor"])

    @property
    def _hill(self) -> float:
        return self.numbers["gcamp_hill"] if self.sensor == "gcamp" else 1.0

    def signal(self, run: Run) -> xr.DataArray:
        """Scaled signal, (cell, time)."""
        bound = (run.data["calcium"] / self.numbers[f"{self.sensor}_kd"]) ** self._hill
        return named(bound / (1 + bound), "1", f"scaled {self.sensor} signal")

    def to_calcium(self, signal: xr.DataArray) -> xr.DataArray:
        """Calcium (uM) that a scaled signal stands for: kd (s / (1 - s))^(1/h); infinity where it is saturated."""
        below = signal < 1
        bound = (signal / (1 - signal.where(below, 0))).where(below, np.inf)
        calcium = self.numbers[f"{self.sensor}_kd"] * bound ** (1 / self._hill)
        return named(calcium, "uM", "calcium read back from the signal")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Adds `calcium`, read back from the signal, (..., time)."""
        return readings.assign(calcium=self.to_calcium(readings["signal"]))
