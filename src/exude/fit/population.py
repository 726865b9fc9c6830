"""Fit the population to release-calcium, burst, basal, recruitment and signal-duration, and to nothing else.

Approximate Bayesian computation by rejection (Pritchard et al. 1999): random parameter sets from the priors, each
simulated as a culture of cells that differ, kept when every fitted finding is met. Births are scaled to the basal
rate and the read-out constants solved, because each only scales one row. No likelihood is assumed, no hold-out read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

import numpy as np

from exude.cascade import CELL, DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.catalog.schema import Relation
from exude.derive.evaluate import evaluate
from exude.experiment.assays.phluorin_tirf import SIGNAL_TIME, expected_duration
from exude.experiment.assays.single_cell_capture import SingleCellCapture
from exude.experiment.parallel import in_processes
from exude.experiment.protocol import Numbers
from exude.experiment.study.anchor import anchored
from exude.experiment.study.cultures import Culture, cultures, read_dish
from exude.fit import draws

BASAL = "K7a"
FINDINGS = {"fold": "M1", "onset": "E2a", "early_share": "E2b", "late_over_basal": "E2c"}
"""What the fit compares: our quantity and the finding that holds its rule."""


@dataclass(frozen=True)
class Bench:
    """How a parameter set is tried: cells per culture, seed, mechanism."""

    cells: int
    seed: int
    hypothesis: str = DEFAULT_HYPOTHESIS


@dataclass(frozen=True)
class Tried:
    """One parameter set after scaling, and what it gives for the fitted findings."""

    index: int
    numbers: Numbers
    got: dict[str, float]

    @property
    def accepted(self) -> bool:
        """Whether every fitted finding is met (basal is met by scaling)."""
        return all(relation(f).contains(self.got[name]) for name, f in FINDINGS.items())

    @property
    def misfit(self) -> float:
        """Distance from the middle of the fitted ranges and of the priors, to choose one set among accepted ones."""
        fold = relation("M1")
        middle = np.log(self.got["fold"] / float(fold.value or 1)) / np.log(
            float(fold.high or 1) / float(fold.value or 1)
        )
        z = [np.log(self.numbers[n] / draws.centre(n)) / draws.width(n) for n in draws.fitted()]
        return float(middle**2 + np.mean(np.square(z)))


def relation(finding: str) -> Relation:
    """The rule of a finding; refuses a hold-out."""
    _, found = read.findings()[finding]
    if found.role != "fit":
        raise AssertionError(f"{finding} is a hold-out and may not be fitted")
    return found.relation


def scale_births(numbers: Numbers, bench: Bench) -> Numbers:
    """Scale births until basal release is in the middle of its finding; release is nearly proportional to births."""
    target = float(relation(BASAL).value or 0)
    for _ in range(2):
        rest = Culture("rest", duration="4 h", every="30 min", hypothesis=bench.hypothesis)
        basal = float(
            SingleCellCapture(numbers).observable(rest.run(numbers, cells=bench.cells, seed=bench.seed))["rate"]
        )
        if not basal > 0:
            return numbers
        numbers = numbers.but(k_birth=numbers["k_birth"] * target / basal)
    return numbers


def solve_readouts(numbers: Numbers) -> Numbers:
    """Constants that scale one read-out each: C2A*'s share of recruitment, its resting share, the signal times."""
    dishes = cultures()
    run = dishes["recruitment wild type"].run(numbers, cells=64, seed=1)
    peak = float(run.data["calcium"].values.mean(axis=0).max())
    rest = float(run.data["calcium"].values.mean(axis=0)[0])

    def bound(calcium: float, domain: str) -> float:
        return float(evaluate(CELL, domain, {**numbers.values, "calcium": calcium}))

    share = float(relation("B10a").value or 0)
    both, alone = bound(peak, "c2a") * bound(peak, "c2b"), bound(peak, "c2b")
    c2b = share * both / (alone * (1 - share) + share * both)
    seen = c2b * alone + (1 - c2b) * both
    before = c2b * bound(rest, "c2b") + (1 - c2b) * bound(rest, "c2a") * bound(rest, "c2b")
    fold = float(relation("B9a").value or 0)
    resting = max((seen - fold * before) / (fold - 1), 1e-9)
    times = {
        "cd63_signal_time": _signal_time(numbers, "CD63", "K1a"), "vamp2_signal_time": _signal_time(numbers, "VAMP2", "K1b")
    }  # fmt: skip
    return numbers.but(recruit_c2b=c2b, recruit_rest=resting, **times)


def _signal_time(numbers: Numbers, reporter: str, finding: str) -> float:
    """Signal time at which the film's mean duration is the reported one."""
    name, target = SIGNAL_TIME[reporter], float(relation(finding).value or 0)
    for _ in range(4):
        numbers = numbers.but(**{name: numbers[name] * target / expected_duration(numbers, reporter)})
    return numbers[name]


def observe(numbers: Numbers, bench: Bench) -> dict[str, float]:
    """The fitted quantities of one parameter set."""
    dishes = [replace(cultures()[name], hypothesis=bench.hypothesis) for name in ("wild type", "burst")]
    wild, burst = (read_dish(d, d.run(numbers, cells=bench.cells, seed=bench.seed), numbers) for d in dishes)
    return {"fold": wild["fold"]} | {name: burst[name] for name in ("onset", "early_share", "late_over_basal")}


def attempt(task: tuple[int, Numbers, Bench]) -> Tried:
    """Anchor, scale, observe."""
    index, numbers, bench = task
    scaled = scale_births(anchored(numbers, bench.hypothesis), bench)
    return Tried(index, scaled, observe(scaled, bench))


def search(
    sets: Iterable[tuple[int, Numbers]], bench: Bench, *, workers: int, tick: Callable[[Tried], None]
) -> list[Tried]:
    """Try all sets, in processes; `tick` is called as each is done, in order."""
    tasks = [(index, numbers, bench) for index, numbers in sets]
    tried: list[Tried] = []
    for result in in_processes(attempt, tasks, workers):
        tick(result)
        tried.append(result)
    return tried
