"""`exude fit`: find the point parameters and the accepted sets, measure how hard each row is, write the catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from exude.catalog import read
from exude.errors import DataError
from exude.experiment.protocol import Numbers
from exude.experiment.study import ensemble
from exude.experiment.study.questions import questions
from exude.experiment.study.run import answers
from exude.experiment.study.score import passes
from exude.fit import draws, population
from exude.fit.population import Tried
from exude.units import factor_to_internal

SEED = 2018
Progress = Callable[[int, int, str], None]


def fit(*, tries: int = 400, sets: int = 40, workers: int = 2, progress: Progress, folder: Path) -> None:
    """Fit with the fixed seed and write fitted values, accepted sets and pass shares under `folder` (catalogue data).

    First only the fitted parameters vary (others at their catalogue values), to choose the one point set; then all
    uncertain parameters vary, to get sets that carry the spread of everything.
    """
    chosen = choose_point(tries, workers, progress)
    kept = accept_sets(sets, tries, workers, progress)
    if len(kept) < sets:
        raise DataError(f"only {len(kept)} of {sets} sets were accepted in {4 * tries} tries. Raise `--tries`.")
    write_point(chosen, kept, folder)
    (folder / "fit").mkdir(exist_ok=True)
    (folder / ensemble.DRAWS).write_text(draws.save(kept), encoding="utf-8")
    shares = prior_pass(max(sets, 40), workers, progress)
    (folder / ensemble.PRIOR_PASS).write_text(_toml(shares), encoding="utf-8")


def choose_point(tries: int, workers: int, progress: Progress) -> Numbers:
    """The accepted set nearest the middle of findings and priors, with read-outs solved and births rescaled."""
    tried = _search(range(tries), False, 256, workers, progress, "choosing the point set")
    best = sorted((t for t in tried if t.accepted), key=lambda t: t.misfit)[:12]
    again = [_again(t) for t in best]
    good = [t for t in again if t.accepted] or again
    return population.solve_readouts(min(good, key=lambda t: t.misfit).numbers)


def accept_sets(sets: int, tries: int, workers: int, progress: Progress) -> list[Numbers]:
    """Accepted sets in the order drawn, all uncertain parameters varying."""
    kept: list[Numbers] = []
    for first in range(0, 4 * tries, 100):
        block = range(100_000 + first, 100_000 + first + 100)
        tried = _search(block, True, 128, workers, progress, f"accepted {len(kept)} of {sets} sets")
        kept += [population.solve_readouts(t.numbers) for t in tried if t.accepted][: sets - len(kept)]
        if len(kept) >= sets:
            break
    return kept


def prior_pass(sets: int, workers: int, progress: Progress) -> dict[str, float]:
    """Share of random parameter sets, fitted to nothing, that pass each row."""
    random = [draws.prior(SEED, 200_000 + i, vary_all=True) for i in range(sets)]
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
    indices: Sequence[int], vary_all: bool, cells: int, workers: int, progress: Progress, label: str
) -> list[Tried]:
    done = 0

    def tick(_: Tried) -> None:
        nonlocal done
        done += 1
        progress(done, len(indices), label)

    sets = [(i, draws.prior(SEED, i, vary_all=vary_all)) for i in indices]
    return population.search(sets, cells=cells, seed=SEED, workers=workers, tick=tick)


def _again(tried: Tried) -> Tried:
    """The same set with many cells: births rescaled, fitted quantities without much noise."""
    numbers = population.scale_births(tried.numbers, cells=2048, seed=SEED + 1)
    return Tried(tried.index, numbers, population.observe(numbers, cells=2048, seed=SEED + 1))


def _toml(shares: dict[str, float]) -> str:
    head = "# Share of random parameter sets (priors and spreads, fitted to nothing) that pass each row: 'FINDING|HYPOTHESIS'.\n"
    return head + "\n[share]\n" + "".join(f'"{name}" = {share:.3f}\n' for name, share in shares.items())
