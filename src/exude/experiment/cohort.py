"""A virtual cohort: many bodies with a tumour each, coarse, drawn from what is uncertain about the numbers.

What a member is: a tumour as one number of cells, T cells, blood, a second site and a draining node, all well mixed
(`exude.cascade.body.PATIENT`); metastases that grow each from its own birth; drugs at rest between plasma and tissue.
What ties it to the cell: exosomes released per tumour cell as a function of what drugs leave of its proteins.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from numbers import Integral, Real

import numpy as np
import xarray as xr

from exude.cascade import ALL
from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.derive.compartments import Compartments
from exude.engine import colonies, compartments, streams
from exude.engine import numbers as exact
from exude.engine.layout import Floats, Ints
from exude.errors import ExudeError, Interrupted, ProtocolError, refuse
from exude.experiment.dosing import HOSTS, Schedule, free_plasma, key_of, left_of, say_schedule, seen_by, with_kinetics
from exude.experiment.perturbations import LASTING, Perturbation, say
from exude.experiment.protocol import Genotype, Numbers, places
from exude.experiment.release import RELEASE_TARGETS, Release, whole_release
from exude.experiment.release import release_table as release_table  # part of this module's face

DAY = 24 * 60 * 60
STEP = DAY / 4
"""In a step this long, stocks that are drawn and stocks that are not do not see each other change."""
MOST_ROWS = 365
"""Recorded intervals; each is a whole number of days."""
FINE = 12
"""Looks at a drug's concentration in a day."""
BLOCK = 8
"""Members that are worked out together."""
MOST_MEMBERS = 100_000
LONGEST_DAYS = 36_525
IMMUNITY = {"competent": (1, 1), "T-cell-deficient": (0, 1), "Munc13-4-deficient": (1, 0)}
"""Host -> (T cells, Munc13-4 of T cells)."""
TARGETS = (*RELEASE_TARGETS, "pd_l1_free", "mt1_activity", "mmp2_activity")
"""What a drug can act on in these bodies."""
GROWTH = ("seen_cells_mouse", "seen_cells_patient", "k_grow_site", "k_grow_patient", "most_tumour_cells")
LETHAL = ("lethal_cells_mouse", "lethal_metastases_mouse", "lethal_cells_patient")
WHOLE_SHARES = (
    "lodged_alive", "shed_viable", "start_share", "sleep_share", "site_exosome_share", "cluster_share", "drained_share",
    "most_restraint", "hit_without_munc13_4", "tired_left", "entry_by_mmp",
)  # fmt: skip
"""Parameters that are shares of a whole: a draw stays at or below 1."""
KEPT = {
    "primary": "cells of the tumour", "ctc": "entries in blood", "lasting": "lasting colonies so far",
    "sleeping": "sleeping cells at the site", "niche": "preparation of the site", "tumour_t": "T cells in the tumour",
    "blood_t": "effector T cells in blood", "blood_exosomes": "tumour exosomes in blood",
}  # fmt: skip

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Cohort:
    """Virtual bodies with a tumour: how many, whose, for how long, and what they are given.

    host: 'mouse' or 'patient'. immunity: 'competent', 'T-cell-deficient', 'Munc13-4-deficient'. line: whose PD-L1, MMPs
    and release. what: lasting perturbations of the tumour. start_cells: of every tumour at day 0. vessels: whether the
    tumour has them; without, nothing comes or goes. vary: whether members differ in their numbers; all draw their own
    events. numbers: those that they differ about. Raises ProtocolError or UnknownName.
    """

    members: int = 200
    host: str = "mouse"
    immunity: str = "competent"
    line: str = "MDA-MB-231"
    what: tuple[Perturbation, ...] = ()
    schedules: tuple[Schedule, ...] = ()
    days: int = 60
    start_cells: float = 1_000_000
    vessels: bool = True
    vary: bool = True
    seed: int = 1
    numbers: Numbers = field(default_factory=Numbers.default)

    def __post_init__(self) -> None:
        read.line(self.line)
        for what, number, most in (("members", self.members, MOST_MEMBERS), ("days", self.days, LONGEST_DAYS)):
            if isinstance(number, bool) or not isinstance(number, Integral) or not 1 <= number <= most:
                expected = f"a whole number of {what} from 1 to {most}"
                raise refuse(ProtocolError, number, expected, f"Write Cohort({what}=200).")
        for what, word, ways in (("host", self.host, HOSTS), ("immunity", self.immunity, tuple(IMMUNITY))):
            if word not in ways:
                raise refuse(ProtocolError, word, f"{what} {', '.join(map(repr, ways))}", "Choose one.", ways)
        start = self.start_cells
        if isinstance(start, bool) or not isinstance(start, Real) or not 0 <= start <= read.value("most_tumour_cells"):
            fix = "Write start_cells=1_000_000."
            raise refuse(ProtocolError, start, "cells at the start, from 0 to most_tumour_cells", fix)
        for done in self.what:
            if not isinstance(done, LASTING):
                expected = "lasting perturbations of the tumour (knock-down, knock-out, over-expression, rescue)"
                raise refuse(ProtocolError, say(done), expected, "Give drugs by schedules=(Schedule(...),).")
        for schedule in self.schedules:
            schedule.times(self.days * DAY)
            effects = read.drug(schedule.name).effects
            if not any(e.target in TARGETS and e.mode == "inhibit" for e in effects):
                got = f"{schedule.name}, which acts on {', '.join(e.target for e in effects)}"
                fix = "Look at its other effects in a tissue."
                raise refuse(ProtocolError, got, f"a drug that inhibits {' or '.join(TARGETS)} in a cohort", fix)

    @property
    def times(self) -> Floats:
        """Recorded times, s."""
        pause = math.ceil(self.days / MOST_ROWS)
        days = [*range(0, self.days, pause), self.days]
        return np.array(days, dtype=np.float64) * DAY


@dataclass(frozen=True)
class CohortRun:
    """What became of a cohort."""

    cohort: Cohort
    data: xr.Dataset
    """(member, time): the stocks of `KEPT`, `metastases` (seen colonies), `metastatic_cells`, `largest`, what drugs leave
    of `munc13_4` in the tumour and its `release` per cell and s, all NaN after a member's end; (member): `end` in s,
    `died` 1 or, where it lived to the end of the run, 0."""
    failed: dict[int, str]
    """Member -> why it could not be run; it is not in `data`."""


def run_cohort(
    cohort: Cohort, *, release: Release | None = None, workers: int = 1, progress: Progress | None = None
) -> CohortRun:
    """Run all members; one that fails is listed with its reason and the rest goes on.

    release: exosomes per cell and second, of the share of Munc13-4 left and, by name, of what is left of other targets
    that the drugs lower (`ReleaseTable`); default: `release_table` of the line.
    workers: threads; the bits are the same for any number. progress: called with members done and members in all.
    A member has the same numbers and, as far as it can, the same events whatever the schedules, so that cohorts with
    and without a drug can be compared member by member. Raises Interrupted after Ctrl-C; nothing is kept then.

    Valid when: the spread of a number (what is not known about it) may stand for what differs between bodies; release
    is that of a resting cell and `release_table` holds; means over a recorded interval may be multiplied; the first
    time at which a burden is lethal is known to a recorded interval. What is coarse beside that stands at `PATIENT`.
    """
    table = release or release_table(read.line(cohort.line).name, *cohort.what, numbers=cohort.numbers)
    _check_release(cohort, table)
    blocks = [np.arange(i, min(i + BLOCK, cohort.members)) for i in range(0, cohort.members, BLOCK)]
    parts: list[xr.Dataset] = []
    failed: dict[int, str] = {}
    done = 0
    try:
        for block, (part, reasons) in zip(blocks, _in_threads(cohort, table, blocks, workers), strict=True):
            parts += part
            failed |= reasons
            done += len(block)
            if progress:
                progress(done, cohort.members)
    except KeyboardInterrupt:
        said = f"stopped after {done} of {cohort.members} members, not kept"
        raise Interrupted(f"{said}. Run the cohort again.") from None
    if not parts:
        first = next(iter(failed.values()))
        raise ProtocolError(f"no member could be run; the first one said: {first}")
    data = xr.concat(parts, dim="member", data_vars="all").assign_coords(time=("time", cohort.times, {"units": "s"}))
    return CohortRun(cohort, data.assign_attrs(_about(cohort)), failed)


Part = tuple[list[xr.Dataset], dict[int, str]]


def _in_threads(cohort: Cohort, table: Release, blocks: list[Ints], workers: int) -> Iterator[Part]:
    """What became of each block, in order."""
    pool = ThreadPoolExecutor(max(1, workers))
    try:
        yield from pool.map(lambda block: _block(cohort, table, block), blocks)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _block(cohort: Cohort, table: Release, members: Ints) -> Part:
    """A block's members; where they cannot be run together each is tried by itself."""
    try:
        return _run(cohort, table, members)
    except (ExudeError, ArithmeticError, ValueError) as problem:
        if len(members) == 1:
            return [], {int(members[0]): f"{type(problem).__name__}: {problem}"}
        parts = [_block(cohort, table, members[i : i + 1]) for i in range(len(members))]
        return [data for part, _ in parts for data in part], {k: v for _, reasons in parts for k, v in reasons.items()}


def _run(cohort: Cohort, table: Release, members: Ints) -> Part:
    """Members together: drugs, levels, compartments, colonies, ends."""
    sets, potency = draws(cohort, members)
    levels, seen = _levels(cohort, table, sets, potency)
    known = _known()
    rows = np.array([[numbers[name] for name in known.parameters] for numbers in sets])
    course = compartments.run(
        known, rows, cohort.times, levels=levels, numbers=members, seed=cohort.seed, longest=STEP
    )  # fmt: skip
    failed = {
        int(m): f"its body could not be followed beyond day {cohort.times[n] / DAY:g}"
        for m, n in zip(members, course.failed, strict=True)
        if n >= 0
    }
    well = np.flatnonzero(course.failed < 0)
    if not len(well):
        return [], failed
    births = np.diff(course.of("lasting")[well], axis=1)
    grown = colonies.follow(
        births, cohort.times, _growth(cohort, [sets[i] for i in well]), numbers=members[well], seed=cohort.seed
    )  # fmt: skip
    kept = {name: course.of(name)[well] for name in KEPT}
    kept |= {
        "metastases": grown.seen,
        "metastatic_cells": grown.cells,
        "largest": grown.largest,
    }
    kept |= {name: values[well] for name, values in seen.items()}
    end, died = _ends(cohort, kept, [sets[i] for i in well])
    alive = cohort.times <= end[:, np.newaxis]
    shown = {name: (("member", "time"), np.where(alive, values, np.nan)) for name, values in kept.items()}
    data = xr.Dataset(shown, {"member": members[well]})
    return [data.assign(end=("member", end, {"units": "s"}), died=("member", died))], failed


def _lowered(cohort: Cohort) -> list[str]:
    """Targets of release, beside Munc13-4, that a drug of the cohort lowers."""
    effects = [e for schedule in cohort.schedules for e in read.drug(schedule.name).effects if e.mode == "inhibit"]
    return [name for name in RELEASE_TARGETS if name != "UNC13D" and any(e.target == name for e in effects)]


def _check_release(cohort: Cohort, table: Release) -> None:
    """Refuse an own function of release that does not know what drugs lower."""
    names = _lowered(cohort)
    try:
        table(np.ones(1), **{name: np.ones(1) for name in names})
    except TypeError as problem:
        expected = f"a function of (share, {', '.join(names)})"
        raise refuse(ProtocolError, f"release: {problem}", expected, "Use release_table(line).") from problem


def _levels(
    cohort: Cohort, table: Release, sets: list[Numbers], potency: dict[str, Floats]
) -> tuple[Floats, dict[str, Floats]]:
    """Levels of the bodies in each interval, (member, interval, level), means over it; and what is kept of them.

    The mean of release over an interval is taken, not release at the mean concentration.
    """
    times = cohort.times
    looks = (np.arange(cohort.days * FINE, dtype=np.float64) + 1 / 2) * (DAY / FINE)
    found = free_plasma(cohort.schedules, looks, duration=cohort.days * DAY, host=cohort.host, sets=sets)
    shape = (len(sets), len(looks))
    inside, outside = (seen_by(found, where, sets) for where in ("tumour", "elsewhere"))
    first = np.searchsorted(looks, times[:-1])
    count = np.diff(np.append(first, len(looks)))

    def mean(values: Floats) -> Floats:
        return np.asarray(np.add.reduceat(values, first, axis=1) / count)

    tumour = {name: left_of(name, inside, shape, potency) for name in TARGETS}
    t_cell = {name: left_of(name, outside, shape, potency) for name in ("UNC13D", "ORAI1")}
    release = mean(table(tumour["UNC13D"], **{name: tumour[name] for name in _lowered(cohort)}))
    munc = mean(tumour["UNC13D"])
    t_cells, healthy = IMMUNITY[cohort.immunity]
    here = _genes(cohort) | {
        "patient": cohort.host == "patient", "t_cells": t_cells, "start_cells": math.floor(cohort.start_cells),
        "vessels": cohort.vessels, "release": release, "line_release": whole_release(table),
        "t_munc13_4": healthy * mean(t_cell["UNC13D"]), "t_orai1": mean(t_cell["ORAI1"]),
        "pd_l1_free": mean(tumour["pd_l1_free"]),
    }  # fmt: skip
    for name in ("mt1_activity", "mmp2_activity"):
        here[name] = here[name] * mean(tumour[name])
    wide = [
        np.broadcast_to(np.asarray(here[name], dtype=np.float64), (len(sets), len(first))) for name in _known().levels
    ]
    kept = {"munc13_4": munc, "release": release}
    return np.stack(wide, axis=-1), {n: np.concatenate([v[:, :1], v], axis=1) for n, v in kept.items()}


def _genes(cohort: Cohort) -> dict[str, Floats | float]:
    """Levels that the tumour's perturbations set: PD-L1, and the share of its line's MMPs that is left (1 of none)."""
    line, place = read.line(cohort.line), places(ALL)
    own, now = (Genotype(line, what, ALL).medians(cohort.numbers) for what in ((), cohort.what))

    def share(gene: str) -> float:
        return float(now[place[gene]] / own[place[gene]]) if own[place[gene]] > 0 else 1.0

    return {
        "cell_pd_l1": float(now[place["CD274"]]), "mt1_activity": share("MMP14"), "mmp2_activity": share("MMP2")
    }  # fmt: skip


def _growth(cohort: Cohort, sets: list[Numbers]) -> colonies.Growth:
    """Exponential in a mouse, which ends before growth does; the quarter-power logistic in a patient."""

    def row(name: str) -> Floats:
        return np.array([numbers[name] for numbers in sets])

    if cohort.host == "patient":
        return colonies.Growth(row("k_grow_patient"), row("most_tumour_cells"), row("seen_cells_patient"))
    return colonies.Growth(row("k_grow_site"), np.full(len(sets), math.inf), row("seen_cells_mouse"))


def _ends(cohort: Cohort, kept: dict[str, Floats], sets: list[Numbers]) -> tuple[Floats, Ints]:
    """When each member's burden is first lethal, or the end of the run; and whether it was."""

    def limit(name: str) -> Floats:
        return np.array([[numbers[name]] for numbers in sets])

    if cohort.host == "patient":
        lost = kept["primary"] + kept["metastatic_cells"] >= limit("lethal_cells_patient")
    else:
        lost = (kept["primary"] >= limit("lethal_cells_mouse")) | (
            kept["metastatic_cells"] >= limit("lethal_metastases_mouse")
        )
    died = np.asarray(lost.any(axis=1))
    return np.where(died, cohort.times[lost.argmax(axis=1)], cohort.times[-1]), np.asarray(died, np.int64)


@cache
def _known() -> Compartments:
    """The declared body."""
    return Compartments(PATIENT, {name: p.unit for name, p in read.parameters().items()})


@cache
def drawn_names() -> tuple[str, ...]:
    """Parameters in which members differ, whatever they are given: those with a spread, in alphabetical order."""
    drugs = {f"{key_of(drug)}_" for drug in with_kinetics()}
    names = {
        *_known().parameters,
        *GROWTH,
        *LETHAL,
        "mass_mouse",
        "mass_patient",
        "targeted_gain",
        "targeted_elsewhere",
    }
    names |= {name for name in read.parameters() if any(name.startswith(drug) for drug in drugs)}
    return tuple(sorted(name for name in names if read.parameter(name).log_sd > 0))


def draws(cohort: Cohort, members: Ints) -> tuple[list[Numbers], dict[str, Floats]]:
    """Numbers of members, and drug -> factor on its potency for each; lognormal about the catalogue's values."""
    names, drugs = drawn_names(), with_kinetics()
    sd = np.array([read.parameter(name).log_sd for name in names] + [_unsure(drug) for drug in drugs])
    z = exact.normal(streams.uniforms(cohort.seed, streams.Purpose.MEMBER, members, len(sd)))
    factor = exact.exp(sd * z) if cohort.vary else np.ones(z.shape)
    base = dict(cohort.numbers.values)
    sets = []
    for row in factor:
        changed = {name: base[name] * float(f) for name, f in zip(names, row, strict=False)}
        changed |= {name: min(changed.get(name, base[name]), 1) for name in WHOLE_SHARES}
        changed["last_share"] = min(changed["last_share"], 1 / 2)  # at 1 no colony would end
        sets.append(Numbers(base | changed))
    return sets, {drug: factor[:, len(names) + i] for i, drug in enumerate(drugs)}


def _unsure(drug: str) -> float:
    """Spread of the logarithm of a drug's potency on what cohorts know of."""
    spreads = [effect.potency.log_sd for effect in read.drug(drug).effects if effect.target in TARGETS]
    return max(spreads, default=0)


def _about(cohort: Cohort) -> dict[str, str]:
    given = "; ".join(map(say_schedule, cohort.schedules)) or "nothing"
    return {"cohort": repr(cohort), "given": given, "coarse": "well-mixed compartments; see exude.cascade.body.PATIENT"}


def survival(run: CohortRun, *, confidence: float = 19 / 20) -> xr.Dataset:
    """Share of a cohort alive over time by Kaplan and Meier, with a band: `alive`, `low`, `high` over time in s.

    Members that outlived the run are censored at its end; the band is lifelines' (log-log of Greenwood's). Raises
    ProtocolError where lifelines is not installed, and for a confidence that is no share.
    Valid when: members that failed failed for no reason that has to do with their survival.
    """
    if not 0 < confidence < 1:
        raise refuse(ProtocolError, confidence, "a confidence between 0 and 1", "Write confidence=0.95.")
    try:
        from lifelines import KaplanMeierFitter
    except ImportError as problem:
        raise ProtocolError("survival needs lifelines. Install it: pip install 'exude[fit]'.") from problem
    fitted = KaplanMeierFitter().fit(run.data.end.values, run.data.died.values, alpha=1 - confidence)
    band = fitted.confidence_interval_survival_function_
    columns = {"alive": fitted.survival_function_.iloc[:, 0], "low": band.iloc[:, 0], "high": band.iloc[:, 1]}
    table = xr.Dataset({name: ("time", np.asarray(values)) for name, values in columns.items()})
    return table.assign_coords(time=("time", np.asarray(fitted.survival_function_.index), {"units": "s"}))
