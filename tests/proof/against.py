"""What a run of the proof's models is held against: each function gives the tests of one row of the table."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np

from compare import differences
from exude.engine import meanfield
from exude.engine.layout import TOTALS
from proof import crowd, judge, law, release
from proof.judge import Check
from proof.models import CELL, LENGTH, Floats, Found, Setting

STAGES = ("young", "ripe", "docked")
POISSON = ("births", "fusions", "lysosome_fusions", "shed")
"""Totals that are Poisson numbers where no vesicle feels another."""
LAGS = (1, 2, 64)
"""Cells this far apart must not be correlated; 64 is a chunk."""
POINTS = np.array([0.99, 0.95, 0.8])
"""Where generating functions of a cell's total are tested."""
MARK_POINTS = np.array([0.0, 0.5, 0.8])
"""Where those of a single vesicle's mark are; at 0 it is the share of vesicles without any."""


def quantities(found: Found, row: int) -> dict[str, Floats]:
    """Stage counts and Poisson totals at one output."""
    at = f"{found.setting.outputs[row]:g} min"
    counts = {f"{stage} at {at}": found.count[:, row, i] for i, stage in enumerate(STAGES)}
    return counts | {f"{name} until {at}": found.totals(name)[:, row] for name in POISSON}


def occupancy(found: Found) -> Iterator[Check]:
    """Poisson numbers in every stage, and of all that was born, left or was shed: full distributions, no covariance."""
    course = law.course(found.setting)
    for row, time in enumerate(found.setting.outputs):
        here = quantities(found, row)
        for what, sample in here.items():
            expected = float(course.mean(what.split()[0], time))
            yield from judge.distribution(what, sample, judge.poisson(expected))
        yield from judge.uncorrelated({k: v for k, v in here.items() if k.split()[0] not in ("births", "shed")})


def moments(found: Found) -> Iterator[Check]:
    """Means and variances of the same."""
    course = law.course(found.setting)
    for row, time in enumerate(found.setting.outputs):
        for what, sample in quantities(found, row).items():
            yield from judge.poisson_moments(what, sample, float(course.mean(what.split()[0], time)))
    if found.setting.model is CELL:
        yield from judge.sample_mean("growths", found.totals("growths")[:, -1], float(course.mean("growths", LENGTH)))


def event_times(found: Found) -> Iterator[Check]:
    """Times of fusions and losses: departures of a first-order network are a Poisson process of known rate."""
    course = law.course(found.setting)
    for what, name in (("fusion", "fusions"), ("loss", "lysosome_fusions")):
        whole = float(course.mean(name, LENGTH))
        yield from judge.uniform(what, course.mean(name, found.rows(what)["time"]) / whole)


def waits(found: Found) -> Iterator[Check]:
    """How old a vesicle is when it ripens, docks and fuses in a one-way chain, given that it did so in time."""
    for stages, what in enumerate(("ripening", "docking", "fusion"), 1):
        rows = found.rows(what)
        born = rows["time"] - rows["age"]
        done, at_all = (law.passed(found.setting, stages, born, t) for t in (rows["time"], np.full(len(born), LENGTH)))
        yield from judge.uniform(f"birth to {what}", done / at_all)


def growth_counts(found: Found) -> Iterator[Check]:
    """Growth counts of released vesicles: what a gate that reads the vesicle's own mark lets pass."""
    expected = found.cells * law.course(found.setting).by_growth("fusions")
    seen = np.bincount(found.rows("fusion")["growth"].astype(int), minlength=len(expected)).astype(float)
    yield from judge.classes("growth of released vesicles", seen, expected, total_is_given=False)


def _transforms(setting: Setting, s: Floats) -> dict[str, tuple[Floats, Floats]]:
    """What a birth patch and a growth patch count for: ILVs, and Poisson cargo on them."""
    cargo = tuple(np.exp(setting.values[name] * (s - 1)) for name in ("cargo_b", "cargo_g"))
    return {"ilv": (s, s), "cargo": cargo}  # type: ignore[dict-item]


@cache
def _released(key: str, form: str, numbers: tuple[tuple[str, float], ...], points: tuple[complex, ...]):  # type: ignore[no-untyped-def]
    setting = Setting(CELL, form, dict(numbers))
    return release.releases(setting, *_transforms(setting, np.array(points))[key])


def releases(setting: Setting, mark: str, points: Floats) -> tuple[Floats, Floats]:
    """Expected sums of s^mark over released and over lost vesicles of a cell."""
    return _released(mark, setting.form, tuple(sorted(setting.numbers.items())), tuple(points.tolist()))


TOTAL_OF = {("fusion", "ilv"): "exosomes", ("fusion", "cargo"): "exosomal_cargo", ("loss", "ilv"): "ilvs_degraded", ("loss", "cargo"): "cargo_degraded"}  # fmt: skip


def compound(found: Found) -> Iterator[Check]:
    """Generating functions of a cell's total and of single vesicles' marks, mean and variance of the total."""
    nudge = 1e-4
    near = np.array([1 - nudge, 1.0, 1 + nudge])
    used = np.concatenate([near, POINTS, POINTS**2, MARK_POINTS, MARK_POINTS**2]).astype(complex)
    n, m = len(POINTS), len(MARK_POINTS)
    for (fate, mark), name in TOTAL_OF.items():
        r = releases(found.setting, mark, used)[fate == "loss"].real
        (low, whole, high), total = r[:3], found.totals(name)[:, -1]
        g = np.exp(r[3:] - whole)
        for s, first, second in zip(POINTS, g[:n], g[n : 2 * n], strict=True):
            if effective(found.cells, first, second):
                yield judge.mean(f"{s:g}^{name}", s**total, first, second - first**2)
        expected = (high - low) / (2 * nudge)
        square = (high - 2 * whole + low) / nudge**2 + expected
        yield judge.mean(name, total, expected, square)
        yield judge.from_z(f"variance of {name}", _variance_z(total, square))
        marks = found.rows(fate)[mark]
        for s, first, second in zip(MARK_POINTS, r[3 + 2 * n : 3 + 2 * n + m], r[3 + 2 * n + m :], strict=True):
            if not effective(found.cells, first, second):
                continue
            z = ((s**marks).sum() - found.cells * first) / np.sqrt(found.cells * second)
            yield judge.from_z(f"sum of {s:g}^{mark} over {fate}s", float(z))


def effective(cells: int, first: float, second: float) -> bool:
    """Whether so many cells carry the mean of s^total that its z is near normal: few have a total near 0."""
    return bool(cells * first**2 / second >= judge.FEWEST)


def _variance_z(total: Floats, expected: float) -> float:
    centred = total - total.mean()
    error = np.sqrt((np.mean(centred**4) - total.var() ** 2) / len(total))
    return float((total.var(ddof=1) - expected) / error)


def compound_whole(found: Found) -> Iterator[Check]:
    """The full distributions: of a cell's exosomes and cargo, and of the ILVs of a released vesicle."""
    for mark, name in (("ilv", "exosomes"), ("cargo", "exosomal_cargo")):
        size = 256
        r = releases(found.setting, mark, release.circle(size))[0]
        yield from judge.distribution(name, found.totals(name)[:, -1], _tidy(np.exp(r - r[0]), size))
        single = found.cells * _tidy(r, size)[:64]
        seen = np.bincount(found.rows("fusion")[mark].astype(int), minlength=64).astype(float)
        yield from judge.classes(f"{mark} of a released vesicle", seen[:64], single, total_is_given=False)


def _tidy(values: Floats, size: int) -> Floats:
    return np.maximum(release.distribution(values, size), 0.0)


def mean_field(found: Found) -> Iterator[Check]:
    """Means of every count and total against the mean field, exact where no vesicle feels another."""
    job = found.setting.job(0)
    levels = job.levels(np.zeros(1, np.int64))[0]
    output = meanfield.run(
        job.symbols, job.parameters, job.timeline, job.numerics, levels, job.starts, growth_states=48
    ).output
    names = (*TOTALS, *(e.name for e in found.setting.model.emissions))
    for row, time in enumerate(found.setting.outputs):
        for i, stage in enumerate(STAGES):
            yield from judge.sample_mean(
                f"{stage} at {time:g} min", found.count[:, row, i], float(output.count[0, row, i])
            )
        for i, name in enumerate(names):
            sample, expected = found.total[:, row, i], float(output.total[0, row, i])
            yield from judge.sample_mean(f"{name} until {time:g} min", sample, expected)


def independence(found: Found) -> Iterator[Check]:
    """Cells next to each other, and a chunk apart, have nothing in common."""
    for name in ("births", "fusions", "shed"):
        sample = found.totals(name)[:, -1]
        for lag in LAGS:
            if len(sample) > 2 * lag:
                yield judge.uncorrelated_pair(f"{name} of cells {lag} apart", sample[:-lag], sample[lag:])


def docking(found: Found) -> Iterator[Check]:
    """Finite docking sites, state by state: distributions of ripe, docked and fused, jointly where they are two."""
    states, none = law.sites(found.setting)
    fused = found.totals("fusions")
    for row, time in enumerate(found.setting.outputs):
        p = states[row]
        ripe, docked = found.count[:, row, 1], found.count[:, row, 2]
        yield from judge.distribution(f"ripe at {time:g} min", ripe, p.sum(axis=(1, 2)))
        yield from judge.distribution(f"docked at {time:g} min", docked, p.sum(axis=(0, 2)))
        yield from judge.distribution(f"fused until {time:g} min", fused[:, row], p.sum(axis=(0, 1)))
        joint = p.sum(axis=2)
        yield from judge.distribution(f"ripe and docked at {time:g} min", ripe * joint.shape[1] + docked, joint.ravel())
    rows = found.rows("fusion")
    first = np.full(found.cells, np.inf)
    np.minimum.at(first, rows["cell"].astype(int), rows["time"])
    u = 1.0 - np.interp(first[first < np.inf], law.GRID, none)
    yield from judge.uniform("the first fusion of a cell", u / (1.0 - none[-1]))


PAIRS = (
    ("exosomes until 60 min", "exosomal_cargo until 60 min"),
    ("exosomes until 60 min", "fusions until 60 min"),
    ("exosomes until 60 min", "ilvs_degraded until 60 min"),
    ("exosomes until 30 min", "exosomes until 60 min"),
    ("ripe at 60 min", "docked at 60 min"),
)


def twin(found: Found, cells: int) -> Iterator[Check]:
    """Location, spread, distribution and dependence of counts, totals and sums of marks against the slow twin's."""
    mine, theirs = crowd.seen(found), crowd.twin_sample(found.setting, cells)
    yield from map(judge.from_difference, differences(mine, theirs, PAIRS))
