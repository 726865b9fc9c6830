"""Single fusions as flashes of pHluorin under TIRF."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr

from exude.engine.layout import Floats
from exude.engine.result import Run
from exude.engine.streams import generator
from exude.errors import DataError, UnknownName, refuse
from exude.experiment.assays.base import AbstractAssay
from exude.experiment.assays.noise import count_log_probability
from exude.experiment.assays.reading import (
    MINUTE,
    WHOLE,
    Window,
    cell_numbers,
    fusions,
    named,
    number,
    per_cell,
    pick,
    span,
    split,
)  # fmt: skip
from exude.experiment.protocol import Numbers
from exude.units import seconds

SIGNAL_TIME = {"CD63": "cd63_signal_time", "VAMP2": "vamp2_signal_time"}
"""Reporter -> parameter with the mean time its flash stays."""

PER_MINUTE = "events per cell per minute"


def expected_duration(numbers: Numbers, reporter: str) -> float:
    """Mean duration (s) of the flashes read in a film of the usual length, `tirf_film`.

    With r = exp(-frame / signal time) and a film of K frames:
    frame / (1 - r) * (1 - r (1 - r^K) / (K (1 - r))), where the second factor is what the film's end cuts off.
    Valid when: fusions are evenly spread over the film (exact then).
    """
    return mean_duration(numbers, reporter, numbers["tirf_film"])


def mean_duration(numbers: Numbers, reporter: str, film: float) -> float:
    """`expected_duration` for a film of `film` seconds."""
    r, frames = _stays(numbers, reporter), _frames(numbers, film)
    cut = r * (1 - r**frames) / (frames * (1 - r))
    return numbers["tirf_frame"] * (1 - cut) / (1 - r)


def fluorescence(ph: Floats | float, numbers: Numbers) -> Floats:
    """Share of full brightness of pHluorin at a pH: 1 / (1 + 10^(pKa - pH))."""
    return np.asarray(1 / (1 + 10 ** (numbers["phluorin_pka"] - np.asarray(ph, dtype=float))))


def mvb_ph(age: Floats, numbers: Numbers) -> Floats:
    """pH inside an MVB of an age (s): end + (surface - end) exp(-age / mvb_acid_time).

    Valid when: the proton pump works; under bafilomycin the flash is dimmer than this says.
    """
    end = numbers["mvb_ph_end"]
    return np.asarray(end + (numbers["surface_ph"] - end) * np.exp(-age / numbers["mvb_acid_time"]))


@dataclass(frozen=True)
class PhluorinTirf(AbstractAssay):
    """Fusions with the part of the plasma membrane that the field sees, each a flash.

    height = ILVs (CD63), or limiting membrane in patches (VAMP2), * (fluorescence outside - inside the MVB).
    A flash stays an exponential time of mean `cd63_signal_time` (`vamp2_signal_time`), counted in whole frames up to
    the first that no longer shows it; the film's end cuts it off. It has gone when what decays of it falls to
    tirf_threshold of its start; flash_plateau stays and is not counted.
    reporter: 'CD63' or 'VAMP2'. window: the film, (start, stop) in s.
    Valid when: every fusion in the footprint with a height above 0 is seen. Likelihood: number of events negative
    binomial (thinned fusions, cells differ), durations geometric and censored by the film's end.
    """

    _: KW_ONLY
    reporter: str = "CD63"
    window: Window = WHOLE
    purpose: ClassVar[int] = 21

    def __post_init__(self) -> None:
        _signal_time(self.numbers, self.reporter)

    def observable(self, run: Run) -> xr.Dataset:
        """`rate` and `cell_rate` (cell,) in events per cell and minute, `waiting_time` and `duration` in s."""
        film = self._film(run, self.window)
        rate = self.numbers["tirf_footprint"] * self._per_cell(run) / (film / MINUTE)
        mean = float(rate.mean())
        duration = mean_duration(self.numbers, self.reporter, film)
        return xr.Dataset(
            {
                "cell_rate": named(rate, PER_MINUTE, "events of each cell"),
                "rate": number(mean, PER_MINUTE, "events, mean of the cells"),
                "waiting_time": number(MINUTE / mean if mean > 0 else math.inf, "s", "time between a cell's events"),
                "duration": number(duration, "s", "mean duration of an event"),
            }
        )

    def events(self, run: Run, window: Window = WHOLE, *, seed: int = 1) -> xr.Dataset:
        """The events that a film over `window` (start s, stop s) shows, one row each, ordered by cell and time."""
        return self._film_events(run, window, generator(seed, self.purpose))

    def traces(self, events: xr.Dataset, length: str = "3 min") -> xr.DataArray:
        """Brightness of each event over the time since its onset, (event, lag), frame by frame.

        height * (plateau + (1 - plateau) exp(-lag / decay_time)).
        """
        frame, plateau = self.numbers["tirf_frame"], self.numbers["flash_plateau"]
        frames = np.arange(_frames(self.numbers, seconds(length, what="length of a trace")))
        lag = xr.DataArray(frames * frame, dims="lag", coords={"lag": frames * frame}, attrs={"units": "s"})
        lag["lag"].attrs.update(units="s", long_name="time since onset")
        bright = events["height"] * (plateau + (1 - plateau) * np.exp(-lag / events["decay_time"]))
        return named(bright.transpose("event", "lag"), events["height"].attrs["units"], "brightness of the event")

    def measure(self, run: Run, *, replicates: int = 3, seed: int = 1) -> xr.Dataset:
        """The event table (event,) with `culture`; `seen` events, their `rate` and `cells` (replicate,)."""
        rng = generator(seed, self.purpose)
        cultures = split(run, replicates, rng)
        tables = [self._film_events(culture, self.window, rng) for culture in cultures]
        seen = xr.DataArray([table.sizes["event"] for table in tables], dims="replicate")
        where = xr.DataArray(np.repeat(np.arange(len(tables)), seen.values), dims="event")
        cells = cell_numbers(cultures)
        minutes = self._film(run, self.window) / MINUTE
        return xr.concat(tables, dim="event", combine_attrs="override").assign(
            culture=named(where, "1", "culture of each event"),
            seen=named(seen, "events", "events seen"),
            rate=named(seen / cells / minutes, PER_MINUTE, "events per cell and minute"),
            cells=cells,
        )

    def log_likelihood(self, run: Run, data: xr.Dataset) -> float:
        """Log probability of `seen` events in `cells` cells (replicate,), and of `duration` (event,) in frames.

        `cut` (event,) marks events that the film's end cut off; without it all are taken as seen to their end. Data
        without `duration` are scored on their counts alone.
        """
        seen, cells = np.broadcast_arrays(np.atleast_1d(pick(data, "seen")), np.atleast_1d(pick(data, "cells")))
        each = self._per_cell(run).values
        share = self.numbers["tirf_footprint"]
        # No fusion in n cells does not mean a rate of 0: half an event stands for what could not be seen.
        mean = max(float(each.mean()), 1 / (2 * len(each)))
        variance = float(each.var(ddof=1)) if len(each) > 1 else mean
        total = 0.0
        for k, n in zip(seen, cells, strict=True):
            thinned = share**2 * variance + share * (1 - share) * mean
            uncertain = (n * share) ** 2 * variance / len(each)
            total += count_log_probability(int(k), n * share * mean, n * thinned + uncertain)
        return total + (self._log_durations(data) if "duration" in data else 0.0)

    def _log_durations(self, data: xr.Dataset) -> float:
        """Geometric number of frames k: (1 - r) r^(k-1), or r^(k-1) where the film's end cut the event."""
        duration = data["duration"].values
        if (duration <= 0).any() or not np.isfinite(duration).all():
            raise refuse(DataError, float(np.min(duration)), "durations above 0 s", "Drop events without a duration.")
        r = _stays(self.numbers, self.reporter)
        frames = np.maximum(1, np.rint(duration / self.numbers["tirf_frame"]))
        cut = data["cut"].values.astype(bool) if "cut" in data else np.zeros(len(frames), bool)
        return float(((frames - 1) * math.log(r)).sum() + (~cut).sum() * math.log1p(-r))

    def _flashes(self, run: Run, window: Window) -> xr.Dataset:
        """Fusions that would be seen if they lay in the footprint, with their height."""
        table = fusions(run, window)
        n = self.numbers
        patches = (table["diameter"].values / n["ilv_diameter"]) ** 2
        carriers = table["ilv"].values if self.reporter == "CD63" else patches
        gain = fluorescence(n["surface_ph"], n) - fluorescence(mvb_ph(table["age"].values, n), n)
        height = xr.DataArray(carriers * gain, dims="event")
        return table.assign(height=height).isel(event=height.values > 0)

    def _per_cell(self, run: Run) -> xr.DataArray:
        """Fusions of each cell that would be seen if they lay in the footprint, (cell,)."""
        table = self._flashes(run, self.window)
        return per_cell(run, table["cell"].values, np.ones(table.sizes["event"]))

    def _film(self, run: Run, window: Window) -> float:
        start, stop = span(run, window)
        return stop - start

    def _film_events(self, run: Run, window: Window, rng: np.random.Generator) -> xr.Dataset:
        """Thin fusions by the footprint and give each its duration."""
        there = self._flashes(run, window)
        there = there.isel(event=rng.random(there.sizes["event"]) < self.numbers["tirf_footprint"])
        start = span(run, window)[0]
        frame, frames = self.numbers["tirf_frame"], _frames(self.numbers, self._film(run, window))
        stays = rng.exponential(_signal_time(self.numbers, self.reporter), there.sizes["event"])
        left = frames - np.minimum((there["time"].values - start) // frame, frames - 1)
        shown = np.ceil(stays / frame)
        brightness = "fully bright ILVs" if self.reporter == "CD63" else "fully bright membrane patches"
        columns = {
            "cell": (there["cell"].values, "1", "number of the cell"),
            "onset": (there["time"].values, "s", "time of fusion since the start of the run"),
            "waiting": (_waiting(there), "s", "time since the cell's event before (NaN for its first)"),
            "age": (there["age"].values, "s", "age of the MVB"),
            "height": (there["height"].values, brightness, "rise of brightness at fusion"),
            "decay_time": (stays / -math.log(self.numbers["tirf_threshold"]), "s", "time constant of decay"),
            "duration": (np.minimum(shown, left) * frame, "s", "time until the event was last seen"),
            "cut": (shown >= left, "1", "whether the film's end cut it off"),
        }
        return xr.Dataset({k: ("event", v, {"units": u, "long_name": text}) for k, (v, u, text) in columns.items()})


def _waiting(events: xr.Dataset) -> Floats:
    """Time since the event before in the same cell, NaN for a cell's first, (event,)."""
    if events.sizes["event"] == 0:
        return np.zeros(0)
    gap = np.diff(events["time"].values, prepend=math.nan)
    same = np.diff(events["cell"].values, prepend=-1) == 0
    return np.where(same, gap, math.nan)


def _signal_time(numbers: Numbers, reporter: str) -> float:
    if reporter not in SIGNAL_TIME:
        fix = "Write PhluorinTirf(reporter='CD63')."
        raise refuse(UnknownName, reporter, f"a reporter: {' or '.join(SIGNAL_TIME)}", fix, SIGNAL_TIME)
    return numbers[SIGNAL_TIME[reporter]]


def _stays(numbers: Numbers, reporter: str) -> float:
    """Probability that a flash lasts one frame more."""
    return math.exp(-numbers["tirf_frame"] / _signal_time(numbers, reporter))


def _frames(numbers: Numbers, length: float) -> int:
    return max(1, round(length / numbers["tirf_frame"]))
