"""`exude fit`: find the point parameters and the accepted sets, measure how hard each row is, write the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.errors import DataError
from exude.experiment.protocol import Numbers
from exude.experiment.study import ensemble
from exude.experiment.study.questions import questions
from exude.experiment.study.run import answers
from exude.experiment.study.score import passes
from exude.fit import draws, population
from exude.fit.population import Bench, Tried
from exude.units import factor_to_internal

SEED = 2018
BLOCK = 100
ACCEPTED_FROM, RANDOM_FROM = 100_000, 200_000
"""Numbers of the random sets drawn for the accepted ones, and for the pass shares."""
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class Effort:
    """How hard to look: random sets for a point, accepted sets to keep, processes."""

    tries: int = 240
    sets: int = 40
    workers: int = 2


def fit(effort: Effort, *, progress: Progress, folder: Path) -> None:
    """Fit with the fixed seed and write fitted values, accepted sets and pass shares under `folder` (catalogue data).

    First only the fitted parameters vary (others at their catalogue values), to choose the one point set; then all
    uncertain parameters vary, to get sets that carry the spread of everything. Each rival calcium mechanism is then
    fitted to the same findings in the same way.
    """
    point = choose_point(DEFAULT_HYPOTHESIS, effort, progress)
    kept = accept_sets(DEFAULT_HYPOTHESIS, effort, progress)
    if point is None or len(kept) < effort.sets:
        raise DataError(f"only {len(kept)} of {effort.sets} sets were accepted. Raise `--tries`.")
    write_point(point, kept, folder)
    (folder / "fit").mkdir(exist_ok=True)
    (folder / ensemble.draws_file(DEFAULT_HYPOTHESIS)).write_text(draws.save(kept), encoding="utf-8")
    for rival in ensemble.RIVALS:
        best = choose_point(rival, effort, progress)
        sets = [] if best is None else [best, *accept_sets(rival, effort, progress)]
        (folder / ensemble.draws_file(rival)).write_text(draws.save(sets), encoding="utf-8")
    shares = prior_pass(max(effort.sets, 40), effort.workers, progress)
    (folder / ensemble.PRIOR_PASS).write_text(_toml(shares), encoding="utf-8")


def choose_point(hypothesis: str, effort: Effort, progress: Progress) -> Numbers | None:
    """The accepted set nearest the middle of findings and priors, with read-outs solved and births rescaled."""
    bench = Bench(256, SEED, hypothesis)
    tried = _search(range(effort.tries), False, bench, effort.workers, progress, f"{hypothesis}: choosing the point")
    best = sorted((t for t in tried if t.accepted), key=lambda t: t.misfit)[:12]
    again = [_again(t, hypothesis) for t in best]
    good = [t for t in again if t.accepted] or again
    return population.solve_readouts(min(good, key=lambda t: t.misfit).numbers) if good else None


def accept_sets(hypothesis: str, effort: Effort, progress: Progress) -> list[Numbers]:
    """Accepted sets in the order drawn, all uncertain parameters varying."""
    kept: list[Numbers] = []
    for first in range(0, 4 * effort.tries, BLOCK):
        block = range(ACCEPTED_FROM + first, ACCEPTED_FROM + first + BLOCK)
        label = f"{hypothesis}: accepted {len(kept)} of {effort.sets} sets"
        tried = _search(block, True, Bench(128, SEED, hypothesis), effort.workers, progress, label)
        kept += [population.solve_readouts(t.numbers) for t in tried if t.accepted][: effort.sets - len(kept)]
        if len(kept) >= effort.sets:
            break
    return kept


def prior_pass(sets: int, workers: int, progress: Progress) -> dict[str, float]:
    """Share of random parameter sets, fitted to nothing, that pass each row."""
    random = [draws.prior(SEED, RANDOM_FROM + i, vary_all=True) for i in range(sets)]
    asked = questions()
    found = answers(random, cells=64, seed=SEED, threads=workers, progress=progress)
    return {
        f"{q.finding}|{q.hypothesis}": float(np.mean([passes(q, outcome.answer(q)) for outcome in found]))
        for q in asked
        if q.scored
    }


def write_point(point: Numbers, kept: Sequence[Numbers], folder: Path) -> None:
    """Put fitted values and their spread over accepted sets into the parameter files."""
    chapters = read.chapter_of()
    for name in draws.fitted():
        path = folder / "parameters" / f"{chapters[name]}.toml"
        unit = factor_to_internal(read.parameter(name).unit)
        spread = float(np.std([np.log(s[name]) for s in kept]))
        text = path.read_text(encoding="utf-8")
        block = re.compile(rf"(^\[{name}\]\nvalue = )[^\n]*(\nunit = [^\n]*\nspread = )[^\n]*", re.MULTILINE)
        new, count = block.subn(
            rf"\g<1>{point[name] / unit:.5g}\g<2>{{ kind = \"lognormal\", sd = {spread:.3f} }}", text
        )
        if count != 1:
            raise DataError(
                f"{path.name}: [{name}] must begin with value, unit, spread in this order. Restore that order."
            )
        path.write_text(new.replace('\\"', '"'), encoding="utf-8")


def _search(
    indices: Sequence[int], vary_all: bool, bench: Bench, workers: int, progress: Progress, label: str
) -> list[Tried]:
    done = 0

    def tick(_: Tried) -> None:
        nonlocal done
        done += 1
        progress(done, len(indices), label)

    sets = [(i, draws.prior(SEED, i, vary_all=vary_all)) for i in indices]
    return population.search(sets, bench, workers=workers, tick=tick)


def _again(tried: Tried, hypothesis: str) -> Tried:
    """The same set with many cells: births rescaled, fitted quantities without much noise."""
    bench = Bench(2048, SEED + 1, hypothesis)
    numbers = population.scale_births(tried.numbers, bench)
    return Tried(tried.index, numbers, population.observe(numbers, bench))


def _toml(shares: dict[str, float]) -> str:
    head = "# Share of random parameter sets (priors and spreads, fitted to nothing) that pass each row: 'FINDING|HYPOTHESIS'.\n"
    return head + "\n[share]\n" + "".join(f'"{name}" = {share:.3f}\n' for name, share in shares.items())
