"""Drugs given to a body: dose, route, schedule, whom they reach; what is free in plasma, and what that does."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import xarray as xr

from exude.catalog import read
from exude.engine import kinetics
from exude.engine.layout import Floats
from exude.engine.levels import saturation
from exude.errors import ProtocolError, UnitError, refuse
from exude.experiment.protocol import Numbers
from exude.units import dimension, factor_to_internal, quantity, say_seconds, seconds, split_quantity

HOSTS = ("mouse", "patient")
ROUTES = ("vein", "mouth", "belly", "skin")
"""Into a vein all of a dose is in the centre at once; by the others the catalogue's share of it is absorbed."""
REACHES = ("body", "tumour", "targeted")
"""Whom a drug acts on: all cells; tumour cells alone; tumour cells more and all others less (`targeted_gain`, ...)."""
NEEDED = ("molar_mass", "volume", "elimination", "absorption", "available", "unbound")
MOST_DOSES = 100_000
FORM = "'DRUG DOSE [into a vein | by mouth | into the belly | under the skin] [every TIME] [at TIME] [until TIME] [reach WHOM]'"
_PER_MASS = re.compile(r"^(?P<unit>.*?)\s*/\s*kg$")
_WAYS = {
    "into a vein": "vein", "by vein": "vein", "by mouth": "mouth", "into the belly": "belly", "by belly": "belly",
    "under the skin": "skin", "by skin": "skin",
}  # fmt: skip
_TIMES = re.compile(r"\s(every|at|until|reach)\s+(.*?)(?=\s+(?:every|at|until|reach)\s|$)")
_DOSE = re.compile(r"^(?P<drug>.+?)\s+(?P<dose>[-+]?(?:\d|\.\d|nan|inf).*)$")


@dataclass(frozen=True)
class Schedule:
    """Give a drug of the catalogue: `dose` at `at`, and again `every` so long `until` a time (default: the end).

    dose: a mass or an amount, or one per body mass ('5 mg/kg', '200 mg', '3 umol/kg'). route: 'vein', 'mouth',
    'belly', 'skin'. reach: 'body', 'tumour' (only tumour cells see it: an ideal), 'targeted'. Raises UnknownName with
    the nearest drug; ProtocolError for a drug whose kinetics the catalogue does not have, and for a route, a reach or
    times that cannot be; UnitError for a dose that is no amount or below 0.
    """

    drug: str
    dose: str
    route: str = "vein"
    at: str = "0 h"
    every: str = ""
    until: str = ""
    reach: str = "body"

    def __post_init__(self) -> None:
        name = read.drug(self.drug).name
        if any(f"{key_of(name)}_{what}" not in read.parameters() for what in NEEDED):
            fix = f"Choose one of {', '.join(with_kinetics())}, or add {key_of(name)}_volume and the rest to it."
            raise refuse(ProtocolError, name, "a drug whose kinetics in a body are in the catalogue", fix)
        for what, given, ways in (("route", self.route, ROUTES), ("reach", self.reach, REACHES)):
            if given not in ways:
                raise refuse(ProtocolError, given, f"{what} {', '.join(map(repr, ways))}", "Choose one.", ways)
        _ = self.amount
        start, stop, pause = self.window
        if stop < start or not pause > 0:
            raise refuse(ProtocolError, self, "an `until` after `at`, and `every` above 0", "Mend the times.")

    @property
    def name(self) -> str:
        """The drug's name in the catalogue."""
        return read.drug(self.drug).name

    @property
    def amount(self) -> tuple[float, str, bool]:
        """(number, unit 'g' or 'zeptomole', whether per gram of body)."""
        what, per_mass = f"dose of {self.name}", _PER_MASS.match(str(self.dose))
        text = per_mass["unit"] if per_mass else self.dose
        _, unit = split_quantity(text, what=what)
        base = next((b for b in ("g", "zeptomole") if dimension(unit) == dimension(b)), "")
        if not base:
            fix = f"Write for example Schedule({self.drug!r}, '5 mg/kg') or '200 mg'."
            raise refuse(UnitError, self.dose, f"a mass or an amount for the {what}, or one per kg", fix)
        value = quantity(text, base, what=what)
        return (value / factor_to_internal("kg") if per_mass else value), base, bool(per_mass)

    @property
    def window(self) -> tuple[float, float, float]:
        """Start, end (infinite where none was given) and pause between doses (infinite for a single one), s."""
        start = seconds(self.at, what=f"start of {self.name}")
        stop = seconds(self.until, what=f"end of {self.name}") if self.until else math.inf
        return start, stop, seconds(self.every, what=f"pause of {self.name}") if self.every else math.inf

    def times(self, duration: float) -> Floats:
        """When doses are given in a run of `duration` (s); ProtocolError for a schedule that goes past its end."""
        start, stop, pause = self.window
        end = say_seconds(duration)
        if start >= duration:
            raise ProtocolError(f"{say_schedule(self)}: it starts after the end of the run ({end}). Lengthen the run.")
        if stop != math.inf and stop > duration:
            fix = "Lengthen the run or drop `until`."
            raise ProtocolError(f"{say_schedule(self)}: it ends after the end of the run ({end}). {fix}")
        last = min(stop, duration)
        count = 1 if pause == math.inf else math.floor((last - start) / pause) + 1
        if count > MOST_DOSES:
            raise refuse(ProtocolError, f"{count} doses", f"at most {MOST_DOSES}", "Lengthen `every`.")
        given = start + (np.arange(count) * pause if count > 1 else np.zeros(1))
        return np.asarray(given[given < last] if stop == math.inf or count > 1 else given)


def say_schedule(what: Schedule) -> str:
    """A schedule in bench words."""
    often = f" every {what.every}" if what.every else ""
    until = f" until {what.until}" if what.until else ""
    whom = (
        "" if what.reach == "body" else {"tumour": ", tumour cells only", "targeted": ", tumour-targeted"}[what.reach]
    )
    return f"{what.name} {what.dose} ({what.route}) from {what.at}{often}{until}{whom}"


def schedule_of(text: str) -> Schedule:
    """Read 'bexin 100 mg/kg by mouth every 4 h until 10 days reach tumour'; ProtocolError for words that are none.

    Raises also what `Schedule` does.
    """
    whole = " ".join(str(text).split())
    found = _TIMES.findall(whole)
    given = dict(found)
    body = _TIMES.sub("", whole).strip()
    route = next((way for way in _WAYS if body.endswith(f" {way}")), "")
    parts = _DOSE.match(body.removesuffix(route).strip())
    if parts is None or len(given) < len(found):
        raise refuse(ProtocolError, text, FORM, "Write for example 'bexin 100 mg/kg by mouth every 4 h'.")
    return Schedule(parts["drug"], parts["dose"], route=_WAYS.get(route, "vein"), **given)


def key_of(drug: str) -> str:
    """How a drug is spelled in names of parameters: 'anti-PD-L1' is anti_pd_l1."""
    return re.sub(r"[^a-z0-9]+", "_", drug.lower())


def with_kinetics() -> tuple[str, ...]:
    """Drugs that can be given to a body."""
    known = read.parameters()
    return tuple(name for name in read.drugs() if all(f"{key_of(name)}_{what}" in known for what in NEEDED))


def free_plasma(
    schedules: Sequence[Schedule], times: Floats, *, duration: float, host: str, sets: Sequence[Numbers]
) -> dict[tuple[str, str], Floats]:
    """Free drug in plasma (uM) at rising `times` (s) for each set of numbers: (drug, reach) -> (set, time).

    Schedules of one drug and reach add up. Exact between doses (`exude.engine.kinetics`).
    Raises what `Schedule.times` does; ProtocolError for a host that is not one of `HOSTS`.
    Valid when: kinetics are linear; a drug is at once everywhere in plasma; an animal's numbers per mass hold in all hosts.
    """
    if host not in HOSTS:
        raise refuse(ProtocolError, host, f"a host: {' or '.join(map(repr, HOSTS))}", "Choose one.", HOSTS)
    mass = np.array([numbers[f"mass_{host}"] for numbers in sets])
    found: dict[tuple[str, str], Floats] = {}
    for schedule in schedules:
        key = key_of(schedule.name)

        def number(name: str) -> Floats:
            return np.array([numbers.values.get(name, 0) for numbers in sets])

        value, unit, per_mass = schedule.amount
        dose = value * mass if per_mass else np.full(len(sets), value)
        dose = dose / number(f"{key}_molar_mass") if unit == "g" else dose
        into = kinetics.CENTRE if schedule.route == "vein" else kinetics.DEPOT
        dose = dose if into == kinetics.CENTRE else dose * np.minimum(number(f"{key}_available"), 1)
        given = schedule.times(duration)
        doses = kinetics.Doses(given, np.tile(dose[:, np.newaxis], (1, len(given))), into)
        rates = kinetics.Kinetics(
            absorption=number(f"{key}_absorption"), elimination=number(f"{key}_elimination"),
            outward=number(f"{key}_outward"), inward=number(f"{key}_inward"),
        )  # fmt: skip
        centre = kinetics.follow(rates, doses, times)[:, :, kinetics.CENTRE]
        free = centre * (np.minimum(number(f"{key}_unbound"), 1) / (number(f"{key}_volume") * mass))[:, np.newaxis]
        at = (schedule.name, schedule.reach)
        found[at] = found[at] + free if at in found else free
    return found


def plasma(
    *schedules: Schedule,
    duration: str = "14 days",
    every: str = "1 h",
    host: str = "mouse",
    numbers: Numbers | None = None,
) -> xr.Dataset:
    """Free drug in the plasma of one body over time: `free`, (drug, time), uM over s.

    host: 'mouse' or 'patient'. Raises and valid when: as `free_plasma`.

    Example: plasma(Schedule("anti-PD-L1", "10 mg/kg", every="3 days")).free
    """
    end, step = seconds(duration, what="duration"), seconds(every, what="every")
    if not 0 < step <= end:
        raise refuse(ProtocolError, every, "an `every` above 0 and not beyond the duration", "Write every='1 h'.")
    times = np.arange(math.floor(end / step) + 1, dtype=np.float64) * step
    found = free_plasma(schedules, times, duration=end, host=host, sets=[numbers or Numbers.default()])
    names = list(dict.fromkeys(name for name, _ in found))
    rows = [sum((free[0] for (name, _), free in found.items() if name == drug), np.zeros(len(times))) for drug in names]
    table = xr.Dataset({"free": (("drug", "time"), np.array(rows).reshape(len(names), len(times)), {"units": "uM"})})
    table = table.assign_coords(drug=names, time=("time", times, {"units": "s"}))
    return table.assign_attrs(host=host, schedules="; ".join(map(say_schedule, schedules)))


def seen_by(found: dict[tuple[str, str], Floats], where: str, sets: Sequence[Numbers]) -> dict[str, Floats]:
    """Drug -> what cells see of it (uM), `where` 'tumour' or 'elsewhere'; a drug for the tumour alone is not elsewhere.

    Valid when: tissue is at rest with plasma (small molecules pass vessel walls within minutes; antibodies in days).
    """
    seen: dict[str, Floats] = {}
    for (drug, reach), free in found.items():
        if reach == "tumour" and where != "tumour":
            continue
        share = np.ones(len(sets))
        if reach == "targeted":
            share = np.array([n["targeted_gain" if where == "tumour" else "targeted_elsewhere"] for n in sets])
        seen[drug] = seen.get(drug, 0) + free * share[:, np.newaxis]
    return seen


def left_of(
    target: str, seen: dict[str, Floats], shape: tuple[int, ...], potency: dict[str, Floats] | None = None
) -> Floats:
    """Share of a level that drugs leave: product over drugs of 1 - maximum C^n / (C^n + K^n); 1 where none acts on it.

    potency: drug -> factor on its K, one per row. Drugs that add to a level, raise or bind it are left out.
    """
    left = np.ones(shape)
    for drug, free in seen.items():
        for effect in read.drug(drug).effects:
            if effect.target == target and effect.mode == "inhibit":
                half = effect.potency.value * factor_to_internal(effect.potency.unit)
                scale = half * (potency or {}).get(drug, np.ones(shape[0]))[:, np.newaxis]
                steep = effect.hill.value
                acts = saturation(free, scale, steep)
                left = left * (1 - effect.maximum.value * factor_to_internal(effect.maximum.unit) * acts)
    return left
