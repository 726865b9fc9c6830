"""Calcium from the light of an indicator: calibration, its errors, and what cannot be calibrated.

With u the place of a signal between that of no calcium (0) and of saturating calcium (1),

    calcium = kd (beta u / (1 - u))^(1 / hill)

Fura-2 (Grynkiewicz): u = (R - r_min) / (r_max - r_min) of the ratio R = (F340 - b340) / (F380 - b380), hill = 1, and
beta = Sf2 / Sb2, the light at 380 nm without calcium over that with saturating calcium; so kd beta (R - r_min) /
(r_max - R). Indicators of one wavelength: u = (F - f_min) / (f_max - f_min), beta = 1.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, fields
from typing import ClassVar

import numpy as np
from scipy.special import ndtri

from exude.catalog import read
from exude.engine.layout import Floats
from exude.errors import DataError, ProtocolError, UnitError, UnknownName, refuse
from exude.units import factor_to_internal, quantity, seconds

Entry = str | float | int
"""A number as it is typed: '224 nM', '224 +/- 30 nM' (standard error), 0.31, '0.31 ± 0.02'."""
Signal = Mapping[str, Floats]
"""The indicator's channels by name."""

LONGEST = 200
"""Letters of a number with its error and unit."""
SATURATED = 49 / 50
"""Share of the indicator that may be bound: above it one part in a hundred of light is a factor in calcium."""
DETECTORS = tuple(2**bits - 1 for bits in (8, 10, 12, 14, 16))
"""Highest readings of digital detectors."""
MOST_ERROR = 10
"""A standard error this many times its number says nothing of it: a draw would be any number at all."""
HELD = 5
"""Readings at a detector's highest value that tell a clipped signal from chance."""


@dataclass(frozen=True)
class Measured:
    """A number in its internal unit with its standard error."""

    value: float
    error: float = 0

    def drawn(self, rng: np.random.Generator) -> float:
        """A draw: lognormal about a positive number, normal about zero or less."""
        z = float(rng.standard_normal())
        if self.value > 0:
            return self.value * math.exp(z * self.error / self.value)
        return self.value + z * self.error


def measured(entry: Entry, unit: str, what: str) -> Measured:
    """Read '224 +/- 30 nM' as a value and its standard error; UnitError, with the fix, for anything else."""
    parts = re.split(r"(?:\+/-|±)", str(entry)[:LONGEST])
    if len(parts) == 1:
        return Measured(quantity(entry, unit, what=what))
    if len(parts) > 2:
        raise refuse(UnitError, entry, f"one standard error for {what}", "Write for example '224 +/- 30 nM'.")
    value, error = (part.strip() for part in parts)
    number = re.match(r"[-+.\deE]+\s*(.*)", error)
    own = number[1] if number else ""
    first = value if re.search(r"[A-Za-zµ]$", value) else f"{value} {own}"
    made = Measured(quantity(first.strip(), unit, what=what), quantity(error, unit, what=f"standard error of {what}"))
    if made.value > 0 and made.error > MOST_ERROR * made.value:
        expected = f"a standard error of at most {MOST_ERROR} times {what}"
        raise refuse(UnitError, entry, expected, "Write the standard error of the mean, in the same unit.")
    return made


def constant(name: str, unit: str, given: Entry) -> Measured:
    """A constant of an indicator: as given, or the catalogue's with the spread that it states."""
    if given != "":
        return measured(given, unit, name.rpartition("_")[2])
    number = read.dyes()[name]
    value = number.value * factor_to_internal(number.unit)
    return Measured(value, value * number.log_sd)


@dataclass(frozen=True)
class AbstractDye(ABC):
    """An indicator with its calibration."""

    _: KW_ONLY
    kd: Entry = ""
    """Dissociation constant; empty takes the catalogue's (`catalog/data/dyes.toml`)."""
    kinds: ClassVar[tuple[str, ...]]
    """Names under which the command line knows it."""
    forms: ClassVar[tuple[tuple[str, ...], ...]]
    """Sets of columns any one of which a file may have."""

    @property
    @abstractmethod
    def numbers(self) -> Mapping[str, Measured]:
        """All numbers of the calibration with their standard errors."""

    @abstractmethod
    def place(self, times: Floats, signal: Signal, numbers: Mapping[str, float]) -> Floats:
        """u: where each reading lies between no calcium (0) and saturating calcium (1)."""

    def calcium(self, place: Floats, numbers: Mapping[str, float]) -> Floats:
        """Calcium (uM) of readings with 0 <= u < 1."""
        bound = numbers.get("beta", 1) * place / (1 - place)
        return np.asarray(numbers["kd"] * bound ** (1 / numbers.get("hill", 1)))

    def highest(self, numbers: Mapping[str, float]) -> float:
        """The place u at which all but a fiftieth of the indicator is bound."""
        bound = SATURATED / (1 - SATURATED) / numbers.get("beta", 1)
        return bound / (1 + bound)

    def _positive(self, *names: str) -> None:
        for name in names:
            if self.numbers[name].value <= 0:
                fix = f"Leave {name} out for the catalogue's." if name in ("kd", "hill") else f"Measure {name}."
                raise refuse(ProtocolError, getattr(self, name), f"{name} above 0", fix)

    def _ordered(self, low: str, high: str) -> None:
        numbers = self.numbers
        if not 0 <= numbers[low].value < numbers[high].value:
            got = f"{low} {numbers[low].value:g} and {high} {numbers[high].value:g}"
            raise refuse(ProtocolError, got, f"{low} below {high}", f"{low}: no calcium, {high}: saturating calcium.")


@dataclass(frozen=True)
class Fura2(AbstractDye):
    """Fura-2, excited at 340 and 380 nm: [Ca] = kd beta (R - r_min) / (r_max - R), Grynkiewicz' equation.

    r_min, r_max: ratio without and with saturating calcium. beta: light at 380 nm without calcium over that with
    saturating calcium (Sf2/Sb2). background: light of a cell without dye at 340 and 380 nm, subtracted before the
    ratio. kd: empty takes 224 nM (37 C, 1 mM Mg2+). Numbers may carry standard errors: '0.31 +/- 0.02'.
    Columns of the file: f340 and f380, or ratio (background already subtracted).
    Valid when: r_min, r_max and beta were measured on the same set-up; the dye is fast and buffers no calcium.
    """

    r_min: Entry
    r_max: Entry
    beta: Entry
    background: tuple[Entry, Entry] = (0, 0)
    kinds: ClassVar[tuple[str, ...]] = ("fura2",)
    forms: ClassVar[tuple[tuple[str, ...], ...]] = (("f340", "f380"), ("ratio",))

    def __post_init__(self) -> None:
        if not isinstance(self.background, tuple) or len(self.background) != 2:
            got = f"background {str(self.background)[:LONGEST]}"
            raise refuse(ProtocolError, got, "two backgrounds (f340, f380)", "Write background=(10, 12).")
        self._ordered("r_min", "r_max")
        self._positive("kd")
        if self.numbers["beta"].value <= 0:
            raise refuse(ProtocolError, self.beta, "beta above 0", "It is Sf2/Sb2, usually 2 to 15.")

    @property
    def numbers(self) -> Mapping[str, Measured]:
        """All numbers of the calibration with their standard errors."""
        plain = {name: measured(getattr(self, name), "", name) for name in ("r_min", "r_max", "beta")}
        grounds = {f"b{n}": measured(b, "", f"background at {n} nm") for n, b in zip((340, 380), self.background, strict=True)}  # fmt: skip
        return {"kd": constant("fura2_kd", "uM", self.kd), **plain, **grounds}

    def place(self, times: Floats, signal: Signal, numbers: Mapping[str, float]) -> Floats:
        """u of the ratio."""
        if "ratio" in signal:
            ratio = signal["ratio"]
        else:
            ratio = (signal["f340"] - numbers["b340"]) / (signal["f380"] - numbers["b380"])
        return (ratio - numbers["r_min"]) / (numbers["r_max"] - numbers["r_min"])


@dataclass(frozen=True)
class SingleWavelength(AbstractDye):
    """An indicator of one wavelength (Fluo-4, GCaMP6): [Ca] = kd ((F - f_min) / (f_max - F))^(1/hill).

    indicator: 'fluo4', 'gcamp6s', 'gcamp6m' or 'gcamp6f'. Either f_min and f_max (light without and with saturating
    calcium, same cell and settings), or `dynamic_range` (f_max / f_min) with a `baseline` window of time in which
    calcium is `resting`: then f_min = F0 / (1 + (dynamic_range - 1) x) with F0 the mean light of the window and
    x = resting^hill / (kd^hill + resting^hill). background is subtracted from the trace; f_min and f_max are light
    above it. kd, hill: empty takes the catalogue's.
    Columns of the file: fluorescence.
    Valid when: nothing moves, bleaches or leaks during the trace; F/F0 gives no calcium without a known range and rest.
    """

    indicator: str
    f_min: Entry = ""
    f_max: Entry = ""
    dynamic_range: Entry = ""
    baseline: tuple[str, str] | tuple[()] = ()
    resting: Entry = ""
    background: Entry = 0
    hill: Entry = ""
    kinds: ClassVar[tuple[str, ...]] = ("fluo4", "gcamp6s", "gcamp6m", "gcamp6f")
    forms: ClassVar[tuple[tuple[str, ...], ...]] = (("fluorescence",),)

    def __post_init__(self) -> None:
        if self.indicator not in self.kinds:
            raise refuse(
                UnknownName, self.indicator, f"one of {', '.join(self.kinds)}", "Write indicator='gcamp6s'.", self.kinds
            )
        light, rest = (self.f_min, self.f_max), (self.dynamic_range, self.baseline, self.resting)
        if [all(v not in ("", ()) for v in way) for way in (light, rest)].count(True) != 1 or (
            any(v not in ("", ()) for v in light) and any(v not in ("", ()) for v in rest)
        ):
            fix = "Write f_min=120, f_max=2400, or dynamic_range=20, baseline=('0 s', '60 s'), resting='0.1 uM'."
            raise refuse(ProtocolError, self, "one whole calibration: f_min and f_max, or dynamic_range, baseline and resting", fix)  # fmt: skip
        self._positive("kd", "hill")
        if self.baseline:
            self.window  # noqa: B018  # refuses a window that ends before it begins
            if self.numbers["dynamic_range"].value <= 1 or self.numbers["resting"].value <= 0:
                raise refuse(ProtocolError, self, "dynamic_range above 1 and resting above 0", "It is f_max / f_min.")
        else:
            self._ordered("f_min", "f_max")

    @property
    def window(self) -> tuple[float, float]:
        """Start and end of the baseline in s."""
        if not isinstance(self.baseline, (tuple, list)) or len(self.baseline) != 2:
            raise refuse(ProtocolError, self.baseline, "a baseline of two times", "Write ('0 s', '60 s').")
        start, stop = (seconds(t, what="baseline") for t in self.baseline)
        if stop <= start:
            raise refuse(ProtocolError, self.baseline, "a baseline that ends after its start", "Write ('0 s', '60 s').")
        return start, stop

    @property
    def numbers(self) -> Mapping[str, Measured]:
        """All numbers of the calibration with their standard errors."""
        names = ("f_min", "f_max") if not self.baseline else ("dynamic_range",)
        plain = {name: measured(getattr(self, name), "", name) for name in (*names, "background")}
        rest = {"resting": measured(self.resting, "uM", "resting calcium")} if self.baseline else {}
        kd = constant(f"{self.indicator}_kd", "uM", self.kd)
        return {"kd": kd, "hill": constant(f"{self.indicator}_hill", "", self.hill), **plain, **rest}

    def place(self, times: Floats, signal: Signal, numbers: Mapping[str, float]) -> Floats:
        """u of the light."""
        light = signal["fluorescence"] - numbers["background"]
        if not self.baseline:
            return (light - numbers["f_min"]) / (numbers["f_max"] - numbers["f_min"])
        start, stop = self.window
        inside = (times >= start) & (times <= stop)
        if inside.sum() < 3:
            got = f"{int(inside.sum())} readings in the baseline {self.baseline[0]} to {self.baseline[1]}"
            raise refuse(DataError, got, "at least 3", f"The trace runs from {times[0]:g} to {times[-1]:g} s.")
        bound = np.float64(numbers["resting"] / numbers["kd"]) ** numbers["hill"]
        reach = numbers["dynamic_range"] - 1
        low = light[inside].mean() / (1 + reach * bound / (1 + bound))
        return np.asarray((light - low) / (low * reach))


Dye = Fura2 | SingleWavelength


def dye_of(name: str, given: Mapping[str, str]) -> Dye:
    """An indicator from words: dye_of('fura2', {'r_min': '0.3', 'r_max': '6', 'beta': '5', 'b340': '10'})."""
    kinds = (*Fura2.kinds, *SingleWavelength.kinds)
    plain = "".join(ch for ch in name.casefold() if ch.isalnum())
    if plain not in kinds:
        raise refuse(UnknownName, name, f"a dye: {', '.join(kinds)}", "Write --dye fura2.", kinds)
    kind = Fura2 if plain in Fura2.kinds else SingleWavelength
    made: dict[str, object] = dict(given)
    if kind is Fura2:
        grounds = made.pop("b340", 0), made.pop("b380", 0)
        made |= {"background": grounds}
    else:
        made |= {"indicator": plain}
        if "baseline" in made:
            first, _, last = given["baseline"].partition(" to ")
            made["baseline"] = (first.strip(), last.strip())
    known = {f.name for f in fields(kind)} - {"indicator"} | ({"b340", "b380"} if kind is Fura2 else set())
    needed = [f for f in ("r_min", "r_max", "beta") if kind is Fura2 and f not in made]
    unknown = [key for key in given if key not in known]
    if unknown or needed:
        got = unknown[0] if unknown else f"no {needed[0]}"
        fix = (
            "Write for example kd=224 nM, r_min=0.3, r_max=6, beta=5."
            if kind is Fura2
            else "Write f_min=120, f_max=2400."
        )
        raise refuse(ProtocolError, got, f"a calibration of {plain} from {', '.join(sorted(known))}", fix, known)
    return kind(**made)  # type: ignore[arg-type]


def noise(values: Floats) -> float:
    """Standard deviation of independent noise on a slow signal, from its second differences (median, so robust)."""
    bends = np.abs(np.diff(values, 2))
    return float(np.median(bends) / (ndtri(3 / 4) * math.sqrt(6))) if bends.size else 0


def calibrate(
    dye: Dye, times: Floats, signal: Signal, *, outside: str = "refuse", draw: tuple[int, int] | None = None
) -> Floats:
    """Calcium (uM) of a signal; `draw` (seed, number) gives one of the traces that the errors allow.

    A draw takes every number of the calibration and every reading anew within its standard error, the readings' own
    from `noise`; what it puts beyond no calcium or saturation is held there. Without a draw such readings are refused
    unless `outside` is 'clip'. Raises DataError that counts them.
    """
    numbers = {name: number.value for name, number in dye.numbers.items()}
    _refuse_dark(dye, signal, numbers)
    with np.errstate(all="ignore"):
        if outside != "clip":
            _refuse_outside(dye, dye.place(times, signal, numbers), numbers)
        if draw is not None:
            rng = np.random.default_rng(draw)
            numbers = {name: number.drawn(rng) for name, number in dye.numbers.items()}
            signal = {name: v + noise(v) * rng.standard_normal(v.size) for name, v in signal.items()}
        place = dye.place(times, signal, numbers)
        if draw is not None:
            place = np.nan_to_num(place, nan=0, posinf=1, neginf=0)
        _refuse_lost(place)
        calcium = dye.calcium(np.clip(place, 0, dye.highest(numbers)), numbers)
    _refuse_lost(calcium)
    return calcium


def _refuse_lost(values: Floats) -> None:
    """A number that is none would pass every comparison made with it."""
    lost = np.flatnonzero(~np.isfinite(values))
    if lost.size:
        raise DataError(
            f"got {lost.size} of {values.size} readings that the calibration turns into no number (the first is number "
            f"{lost[0] + 1}); expected light and calibration of one scale. Check the numbers of both and their units."
        )


def _refuse_dark(dye: Dye, signal: Signal, numbers: Mapping[str, float]) -> None:
    """Readings that are no light, and readings at the top of a detector."""
    for name, values in signal.items():
        ground = numbers.get(f"b{name[1:]}", numbers.get("background", 0))
        dark = np.flatnonzero(values <= ground)
        if dark.size:
            raise DataError(
                f"got {dark.size} of {values.size} readings of {name} at or below the background {ground:g} "
                f"(the first is number {dark[0] + 1}: {values[dark[0]]:g}); expected light above it. "
                "Measure the background beside the cells, in the same units."
            )
        top = float(values.max())
        if top in DETECTORS and int((values == top).sum()) >= HELD:
            raise DataError(
                f"got {int((values == top).sum())} readings of {name} at {top:g}, the top of a detector; "
                "expected a signal that is not clipped. Lower the gain or the exposure."
            )
    if "ratio" in signal and (numbers.get("b340") or numbers.get("b380")):
        raise DataError(
            "got a background with a column of ratios; expected f340 and f380. Subtract it before the ratio."
        )


def _refuse_outside(dye: Dye, place: Floats, numbers: Mapping[str, float]) -> None:
    low, high = ("r_min", "r_max") if isinstance(dye, Fura2) else ("f_min", "f_max")
    _refuse_lost(place)
    below, above = np.flatnonzero(place < 0), np.flatnonzero(place >= 1)
    if below.size or above.size:
        first = int(min(np.r_[below, above]))
        raise DataError(
            f"got {below.size} readings below {low} and {above.size} above {high} of {place.size} (the first is number "
            f"{first + 1}); expected all between. Check background, {low}, {high} and their units, or clip with "
            "outside='clip'."
        )
    full = np.flatnonzero(place > dye.highest(numbers))
    if full.size:
        raise DataError(
            f"got {full.size} of {place.size} readings at which more than 98 % of the dye is bound (the first is number "
            f"{full[0] + 1}); expected a dye that is not saturated. Use a dye of lower affinity, or outside='clip'."
        )
