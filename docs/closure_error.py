"""How far the mean field is from the vesicle kernel, for one cell or for many drawn over the range of the numbers.

Alike cells under a given calcium curve, which the kernel follows exactly: what is left between the two engines is the
error of the closures and the kernel's sampling error, which is known. `make_closures.py` writes the page from it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

import exude
from exude.cascade import CELL
from exude.catalog import read
from exude.derive import grammar
from exude.derive.evaluate import reader
from exude.engine import layout, meanfield, vesicles
from exude.engine.layout import TOTALS, Timeline
from exude.experiment.protocol import LEVELS, Numbers
from exude.experiment.simulate import cell_symbols
from exude.fit import draws
from exude.units import factor_to_internal

Floats = NDArray[np.float64]

HOUR = 3600.0
SEED, SETS = 20, 160
"""Of the hypercube behind docs/closures.md; another number of sets is another hypercube."""
FOLD = 10.0
"""Protein levels are drawn from a tenth of the reference line's to ten times it."""
REST = np.arange(12.0, 37.0, 2.0)
"""Hours at which counts at rest are read; totals at rest are gained between the first and the last."""
STIMULI = 36.0 + 4.0 * np.arange(4)
"""Hours at which calcium goes up for LONG hours."""
LONG = 0.5
STARTED, ENDED = len(REST) - 1 + 2 * np.arange(4), len(REST) + 2 * np.arange(4)
"""Output rows at which a stimulus starts and ends."""
STATES = 96
"""Growth classes: the error of the last class is then far below what is measured here."""
NOISE = 0.02
"""A relative error is judged where its standard error is below this."""

CONDITIONS = ("at rest", "stimulated")
TOTAL_NAMES = {
    "fusions": "fusions",
    "exosomes": "exosomes",
    "exosomal_cargo": "cargo",
    "lysosome_fusions": "degraded MVBs",
}
SEEN = (*CELL.life_cycle.stages, *TOTAL_NAMES.values(), "ILVs per MVB")
STAGES, RELEASED = slice(0, 5), slice(5, 8)
"""Places in SEEN of stage counts, and of fusions, exosomes and cargo."""
HELD, OWN = "share of copies that primed MVBs hold", "share of copies that one MVB holds"
TAKEN, SITES = "share of sites taken", "sites"
WITHOUT = {
    "merger": {"k_merge": 0.0},
    "held copies": {"copies_per_mvb": 0.0},
    "free sites": {"docking_sites": 1e9},
}
"""Each closure, and the numbers that take it out of the model: without all three the mean field is exact."""


@dataclass(frozen=True)
class Case:
    """One cell: its parameters, levels as shares of the reference line's, calcium at rest and stimulated (uM)."""

    numbers: Numbers
    levels: Mapping[str, float] = field(default_factory=dict)
    rest: float = 0.1
    peak: float = 0.5

    def but(self, **changed: float) -> Case:
        """The same cell with some parameters changed."""
        return replace(self, numbers=self.numbers.but(**changed))

    def job(self, seed: int) -> vesicles.Job:
        """What either engine is asked to run."""
        symbols = cell_symbols()
        levels = np.array([self.levels.get(level.symbol, level.normal) for level in CELL.levels])
        return vesicles.Job(
            symbols=symbols,
            parameters=self.numbers.vector(symbols),
            timeline=timeline(self.rest, self.peak),
            numerics=layout.numerics_of(read.numerics(), symbols),
            rows=ENDED[-1] + 1,
            log_events=False,
            seed=seed,
            levels=lambda cells: np.tile(levels, (len(cells), 1)),
            starts=np.array([self.numbers[trace.start] for trace in CELL.traces]),
        )


@dataclass(frozen=True)
class Error:
    """(condition, observable): relative error of the mean field and its standard error; NaN where nothing happened."""

    value: Floats
    noise: Floats

    @property
    def judged(self) -> NDArray[np.bool_]:
        """Where the kernel's sample is large enough."""
        return np.isfinite(self.value) & (self.noise < NOISE)

    @property
    def excess(self) -> Floats:
        """Squared error with the sampling error's share taken off: 0 on average where the mean field is exact."""
        return np.where(self.judged, self.value**2 - self.noise**2, np.nan)

    @property
    def size(self) -> Floats:
        """Size of the error, noise subtracted."""
        return np.sqrt(np.maximum(self.excess, 0))

    def chance(self) -> Error:
        """What a mean field without any error would show."""
        return replace(self, value=self.noise * np.random.default_rng(1).standard_normal(self.noise.shape))


def timeline(rest: float, peak: float) -> Timeline:
    """Calcium at rest, then the stimuli; vesicles are read at the end of the rest and of the last stimulus."""
    times = np.concatenate([REST, [STIMULI[0] + LONG], *([at, at + LONG] for at in STIMULI[1:])])
    steps = [(at, value) for at in STIMULI for value in (rest, peak)]
    falls = [(at + LONG, value) for at in STIMULI for value in (peak, rest)]
    curve = np.array([(0.0, rest), *sorted(steps + falls, key=lambda point: point[0])])
    n = len(times)
    return Timeline(
        begin=np.zeros(1), first=np.array([0, n]), end=times * HOUR, segment=np.zeros(n, np.int64),
        starts=np.eye(1, n, dtype=np.int64)[0], output=np.arange(n), snapshot=np.isin(np.arange(n), [STARTED[0], n - 1]).astype(np.int64),
        multiply=np.ones((1, len(LEVELS))), add=np.zeros((1, len(LEVELS))),
        given_at=curve[:, 0] * HOUR, given=curve[:, 1], log_moves=0,
    )  # fmt: skip


# --- what is compared -----------------------------------------------------------------------------------------------


def observed(count: Floats, total: Floats, ilvs: Floats) -> Floats:
    """(condition, cell, observable): mean counts, gains of totals, ILVs inside, and last the MVBs they are in.

    count: (cell, row, stage). total: (cell, row, total). ilvs: (condition, cell), when vesicles are read.
    """
    columns = [TOTALS.index(name) for name in TOTAL_NAMES]
    gained = total[:, STARTED[0]] - total[:, 0], (total[:, ENDED] - total[:, STARTED]).sum(1)
    counts = count[:, : len(REST)].mean(1), count[:, ENDED].mean(1)
    read_at = count[:, STARTED[0]].sum(1), count[:, -1].sum(1)
    parts = zip(counts, gained, ilvs, read_at, strict=True)
    return np.array([np.column_stack([c, g[:, columns], i, n]) for c, g, i, n in parts])


def of_field(case: Case, growth_states: int = STATES) -> Floats:
    """(condition, observable and MVBs) of the mean field."""
    job = case.job(0)
    levels = job.levels(np.zeros(1, np.int64))[0]
    found = meanfield.run(
        job.symbols, job.parameters, job.timeline, job.numerics, levels, job.starts,
        growth_states=growth_states, states=True,
    )  # fmt: skip
    inside = found.states[..., [meanfield.BIRTH_INSIDE, meanfield.GROWTH_INSIDE]].sum((1, 2, 3))
    ilvs = inside[[STARTED[0], ENDED[-1]]][:, np.newaxis]
    return observed(found.output.count, found.output.total, ilvs)[:, 0]


def of_kernel(case: Case, cells: int, seed: int) -> Floats:
    """(condition, cell, observable and MVBs) of the vesicle kernel."""
    job = case.job(seed)
    block = vesicles.run_chunk(job, np.arange(cells, dtype=np.int64))
    used = int(block.reads.used[0])
    when, cell, ilv = (getattr(block.reads, name)[:used] for name in ("time", "cell", "ilv"))
    early = when < STIMULI[1] * HOUR
    ilvs = np.array([np.bincount(cell[part], weights=ilv[part], minlength=cells) for part in (early, ~early)])
    return observed(block.output.count.astype(float), block.output.total.astype(float), ilvs)


def error(expected: Floats, cells: Floats) -> Error:
    """Mean field over kernel less 1; its standard error from the spread between cells (of a ratio: linearised)."""
    mean, n = cells.mean(1), cells.shape[1]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = expected / mean - 1
        noise = cells.std(1, ddof=1) / np.sqrt(n) / mean
        ratio = mean[:, -2] / mean[:, -1]
        off = (cells[..., -2] - ratio[:, np.newaxis] * cells[..., -1]).std(1, ddof=1) / np.sqrt(n)
        value[:, -2] = expected[:, -2] / expected[:, -1] / ratio - 1
        noise[:, -2] = off / mean[:, -2]
    return Error(value[:, :-1], noise[:, :-1])


def measure(case: Case, cells: int, seed: int) -> Error:
    """The error of the mean field of one cell."""
    return error(of_field(case), of_kernel(case, cells, seed))


def measure_all(sets: Sequence[Case], fields: Sequence[Floats], cells: int, seed: int) -> Error:
    """(set, condition, observable) for many cells and their mean fields, each set with random numbers of its own."""
    pairs = enumerate(zip(sets, fields, strict=True))
    found = [error(expected, of_kernel(case, cells, seed + i)) for i, (case, expected) in pairs]
    return Error(np.array([e.value for e in found]), np.array([e.noise for e in found]))


def only(case: Case, *kept: str) -> Case:
    """The cell with these closures alone."""
    out = case
    for name, numbers in WITHOUT.items():
        out = out if name in kept else out.but(**numbers)
    return out


# --- the range ------------------------------------------------------------------------------------------------------


@cache
def read_by_vesicles() -> frozenset[str]:
    """Symbols that rates, gates and membranes of vesicles read, directly or through definitions."""
    known, cycle = cell_symbols(), CELL.life_cycle
    texts = [text for t in cycle.transitions for text in (t.rate, t.gate or "1")]
    texts += [v for name, v in vars(cycle.membrane).items() if name not in ("cargo", "patch_diameter")]
    found, todo = set(), set().union(*(grammar.names(grammar.parse(text)) for text in texts))
    while todo:
        symbol = todo.pop()
        found.add(symbol)
        if symbol in known.trees:
            todo |= grammar.names(known.trees[symbol]) - found
    return frozenset(found)


@cache
def drawn() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Parameters with a spread and protein levels that vesicles read."""
    spread = [n for n in (*draws.fitted(), *draws.uncertain()) if n in read_by_vesicles()]
    levels = [level.symbol for level in CELL.levels if level.varies and level.symbol in read_by_vesicles()]
    return tuple(sorted(spread)), tuple(levels)


def catalogue(name: str, attribute: str) -> float:
    """A number of a parameter's table, internal units."""
    p = read.parameters()[name]
    return float(getattr(p.spread, attribute)) * factor_to_internal(p.unit)


@cache
def calcium() -> tuple[float, float, float]:
    """Calcium (uM) of the reference line: at rest, its mean over half an hour of 5 uM ionomycin, and its peak."""
    what = exude.Stimulus("ionomycin", "5 uM", at="0 min")
    curve = exude.expect("MDA-MB-231", what, duration="30 min", every="1 s").calcium.values
    return float(curve[0]), float(curve.mean()), float(curve.max())


def cases(number: int, seed: int = SEED) -> list[Case]:
    """A Latin hypercube: parameters by their spread, levels and calcium evenly in their logarithm."""
    names, genes = drawn()
    shares = qmc.LatinHypercube(len(names) + len(genes) + 2, seed=seed).random(number)
    low, high, top = catalogue("calcium_rest", "low"), catalogue("calcium_rest", "high"), calcium()[2]
    default, found = Numbers.default(), []
    for row in shares:
        z = ndtri(row[: len(names)])
        changed = {
            n: default[n] * float(np.exp(read.parameters()[n].log_sd * q)) for n, q in zip(names, z, strict=True)
        }
        levels = {g: FOLD ** (2 * float(u) - 1) for g, u in zip(genes, row[len(names) : -2], strict=True)}
        rest, peak = low * (high / low) ** row[-2], high * (top / high) ** row[-1]
        found.append(Case(default.but(**draws.clip(changed)), levels, float(rest), float(peak)))
    return found


def reference() -> Case:
    """The catalogue's cell."""
    return Case(Numbers.default(), {}, *calcium()[:2])


def drivers(sets: Sequence[Case], fields: Sequence[Floats]) -> dict[str, Floats]:
    """(set,) of everything that was drawn, and of what the mean field itself says about crowding."""
    names, genes = drawn()
    out = {n: np.array([case.numbers[n] for case in sets]) for n in names}
    out |= {g: np.array([case.levels[g] for case in sets]) for g in genes}
    out |= {f"calcium {k}": np.array([getattr(case, k) for case in sets]) for k in ("rest", "peak")}
    rows = [crowding(case, expected) for case, expected in zip(sets, fields, strict=True)]
    return out | {name: np.array([row[name] for row in rows]) for name in rows[0]}


def crowding(case: Case, expected: Floats) -> dict[str, float]:
    """How full copies and sites are, more of rest and stimulus, by the cell's own definitions."""
    levels = {level.symbol: case.levels.get(level.symbol, level.normal) for level in CELL.levels}
    docked, primed = (expected[:, SEEN.index(stage)] for stage in ("docked", "primed"))

    def value(text: str, n_docked: float, n_primed: float) -> float:
        known = {**case.numbers.values, **levels, "calcium": case.rest, "n_docked": n_docked, "n_primed": n_primed}
        return float(reader(CELL, known)(text))

    return {
        HELD: min(1.0, value("share_held", 0.0, float(primed.max()))),
        OWN: value("share_held", 0.0, 1.0),
        TAKEN: max(
            value("(n_docked + n_primed) / sites", *map(float, pair)) for pair in zip(docked, primed, strict=True)
        ),
        SITES: value("sites", 0.0, 0.0),
    }
