"""Measure the error of the closures over the range of the numbers; write docs/closures.md and its figure.

python docs/make_closures.py [--quick]

One core, about four minutes; --quick takes few sets and cells and writes nothing but the page to the screen.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from closure_error import (
    CONDITIONS,
    HELD,
    NOISE,
    OWN,
    RELEASED,
    SEEN,
    SETS,
    SITES,
    STAGES,
    STATES,
    TAKEN,
    WITHOUT,
    Case,
    Error,
    Floats,
    calcium,
    cases,
    catalogue,
    drawn,
    drivers,
    measure,
    measure_all,
    of_field,
    only,
    reference,
)
from closure_figure import figure
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import spearmanr

from exude.engine.meanfield import GROWTH_STATES
from exude.show.style import write

HERE = Path(__file__).parent
SURE = 0.01
"""Chance that any rank correlation is called one although none is."""
SCAN = {
    "docking_sites": (1, 2, 4, 8, 16),
    "munc13_4_copies": (3, 6, 12, 25, 50, 100, 200),
    "k_merge": (4, 16, 64, 256),
}
"""Numbers of the reference cell changed one at a time: sites and copies as they are, mergers in multiples."""
EVERY = "all three"
COPIES_GONE = "half of the copies held, or more"
COPIES_FEW = "one MVB holds a twentieth of the copies, or more"
SITES_FEW = "fewer than eight sites, half of them taken or more"
OTHERS = "all others"


@dataclass(frozen=True)
class Effort:
    """How much is run."""

    sets: int = SETS
    fewer: int = 24
    """Sets (the first of them) with one closure at a time."""
    cells: int = 1024
    of_reference: int = 16384


@dataclass(frozen=True)
class Found:
    """Everything the page is written from."""

    effort: Effort
    sets: list[Case]
    fields: list[Floats]
    one: Error
    many: Error
    apart: dict[str, Error]
    last_class: Floats
    scan: list[list[str]]
    seconds: float


def run(effort: Effort) -> Found:
    """Measure all of it."""
    began = time.process_time()
    sets = cases(effort.sets)
    fields = [of_field(case) for case in sets]
    many = measure_all(sets, fields, effort.cells, seed=1)
    one = measure(reference(), effort.of_reference, seed=2)
    apart = {}
    for name, kept in {"none": (), **{name: (name,) for name in WITHOUT}}.items():
        few = [only(case, *kept) for case in sets[: effort.fewer]]
        apart[name] = measure_all(few, [of_field(case) for case in few], effort.cells, seed=1000 * (len(apart) + 1))
    apart[EVERY] = Error(many.value[: effort.fewer], many.noise[: effort.fewer])
    coarse = np.array([of_field(case, GROWTH_STATES) for case in sets])
    with np.errstate(invalid="ignore"):
        last = np.nanmax(np.abs(coarse / np.array(fields) - 1), axis=(1, 2))
    scan = list(scan_rows(effort.cells, seed=9000))
    return Found(effort, sets, fields, one, many, apart, last, scan, time.process_time() - began)


# --- tables ---------------------------------------------------------------------------------------------------------


def percent(share: float) -> str:
    """A share in per cent."""
    return f"{100 * share:.1f}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows]) + "\n"


def quantiles(sizes: Floats) -> list[str]:
    """Median, 95 % quantile and largest in per cent; dashes where nothing was judged."""
    kept = sizes[np.isfinite(sizes)]
    if not len(kept):
        return ["-"] * 3
    return [percent(q) for q in (np.median(kept), np.quantile(kept, 0.95), kept.max())]


def observable_rows(one: Error, many: Error) -> Iterable[list[str]]:
    """Every observable in both conditions: the reference cell, then the range."""
    chance = many.chance()
    for j, name in enumerate(SEEN):
        for i, condition in enumerate(CONDITIONS):
            judged = many.judged[:, i, j]
            own = f"{100 * one.value[i, j]:+.1f} ± {percent(one.noise[i, j])}"
            median, most, largest = quantiles(many.size[:, i, j])
            by_chance = quantiles(chance.size[:, i, j])[1]
            noise = percent(float(np.median(many.noise[judged, i, j]))) if judged.any() else "-"
            yield [name, condition, own, str(judged.sum()), noise, by_chance, median, most, largest]


def closure_rows(found: Mapping[str, Error]) -> Iterable[list[str]]:
    """One closure at a time: largest z, then 95 % quantile and largest of groups of observables."""
    groups = [STAGES, *range(5, len(SEEN))]
    for name, e in found.items():
        z = np.abs(np.where(e.judged, e.value / e.noise, 0)).max()
        sizes = [e.size[..., group].ravel() for group in groups]
        yield [name, f"{z:.1f}", *(" / ".join(quantiles(size)[1:]) for size in sizes)]


def driver_rows(named: Mapping[str, Floats], many: Error) -> Iterable[list[str]]:
    """Rank correlation with the mean squared error of all observables, of stages and of what is released."""
    groups = (slice(0, len(SEEN)), STAGES, RELEASED)
    sizes = [np.array([np.mean(part[np.isfinite(part)]) if np.isfinite(part).any() else np.nan
                       for part in many.excess[..., group]]) for group in groups]  # fmt: skip
    found = {n: [_rank(v, size) for size in sizes] for n, v in named.items()}
    limit = -ndtri(SURE / (2 * len(sizes) * len(found))) / np.sqrt(len(many.value) - 1)
    for name, values in sorted(found.items(), key=lambda item: -max(map(abs, item[1]))):
        if max(map(abs, values)) > limit:
            yield [name, *(f"{v:+.2f}" if abs(v) > limit else f"({v:+.2f})" for v in values)]


def _rank(driver: Floats, size: Floats) -> float:
    seen = np.isfinite(size)
    return float(spearmanr(driver[seen], size[seen]).statistic)


def where(named: Mapping[str, Floats]) -> dict[str, NDArray[np.bool_]]:
    """Which sets the mean field is not made for, each under the first reason that holds, and all others."""
    reasons = {
        COPIES_GONE: named[HELD] >= 0.5,
        COPIES_FEW: named[OWN] >= 0.05,
        SITES_FEW: (named[SITES] < 8) & (named[TAKEN] >= 0.5),
    }
    left, found = np.ones(len(named[HELD]), bool), {}
    for reason, here in reasons.items():
        found[reason] = here & left
        left = left & ~here
    return found | {OTHERS: left}


def where_rows(groups: Mapping[str, NDArray[np.bool_]], many: Error) -> Iterable[list[str]]:
    """The error in each group of sets."""
    for name, here in groups.items():
        parts = [many.size[here][:, i, group].ravel() for group in (RELEASED, STAGES) for i in range(2)]
        yield [name, str(here.sum()), *(" / ".join(quantiles(p)[1:]) for p in parts)]


def scan_rows(cells: int, seed: int) -> Iterable[list[str]]:
    """The reference cell with one number changed."""
    one = reference()
    for name, values in SCAN.items():
        for value in values:
            number = value * one.numbers[name] if name == "k_merge" else float(value)
            e = measure(one.but(**{name: number}), cells, seed)
            shown = [
                f"{100 * e.value[i, j]:+.1f} ± {percent(e.noise[i, j])}" if e.judged[i, j] else "-"
                for i, j in ((0, 3), (0, 4), (0, 5), (0, 7), (1, 5), (1, 7))
            ]
            yield [name, f"x {value}" if name == "k_merge" else str(value), *shown]
            seed += 1


# --- the page -------------------------------------------------------------------------------------------------------

PAGE = """# How large the closures are

Written by `docs/make_closures.py` on {date}: {sets} parameter sets, {cells} cells each; {seconds:.0f} s of one core. To
make it again:

    python docs/make_closures.py

The mean field (`exude.expect`, every exported file) puts expected numbers where the vesicle kernel has each cell's own.
Here is what that costs: mean field over kernel, less 1. Both run the same alike cells under the same calcium, which is
given and constant in pieces, so that the kernel is exact: {burn:.0f} h to settle, 24 h at rest, then half an hour of
stimulus every four hours, four times. *At rest*: counts every 2 h and totals of the 24 h; *stimulated*: counts at the
end of the stimuli and totals within them. The mean field has {states} growth classes here; the default {default}
differ from them by {last_median} in the median set and by {last_most} at most.

![errors of the mean field](figures/closures.png)

Dots: single sets, noise subtracted; lines: 95 % of the dots lie below; grey: half of the copies held or more.

## The range

A Latin hypercube of {dimensions} numbers that vesicles read: {parameters} parameters by the spread that the catalogue
gives them (docking sites, copies of Munc13-4 and copies per MVB, the merger rate among them), {genes} protein levels
from a tenth to ten times the reference line's, evenly in the logarithm, all at once and independent; calcium at rest
{rest_low:g} to {rest_high:g} uM and stimulated up to {peak:.2f} uM, the peak of ionomycin. So most sets are no cell that
anybody has seen; many are crowded or starved far beyond a line under a perturbation.

## Every observable

In per cent. An error is judged where the kernel's standard error (*noise*) is below {noise}: *sets* says in how many.
Its noise is subtracted, e = sqrt(max(0, error^2 - noise^2)); *chance* is the 95 % quantile that an exact mean field
would show all the same. Reference: the catalogue's cell with its own resting calcium and the mean of half an hour of
5 uM ionomycin, {of_reference} cells, signed, with standard error.

{observables}
## One closure at a time

The other two taken out of the model: mergers by `k_merge = 0`, held copies by `copies_per_mvb = 0`, sites by very many
of them. 95 % quantile / largest in per cent, both conditions together, {fewer} sets. Without all three the mean field is
exact: the first row is the noise of this table, and its largest |z| ({z:.1f} of {comparisons} comparisons; an exact
mean field stays below {z_limit:.1f} in 99 of 100 such tables) checks both engines.

{closures}
The rows do not add up. Without a limit of sites so many MVBs dock that as many are primed as the copies allow, always,
and the bend of the held copies costs nothing; where MVBs wait for sites, the number primed goes up and down about that
border (seen in the set with the largest error: without mergers the same error, without either of the other two none).

## What drives it

Rank correlation (Spearman) with a set's mean squared error, noise subtracted. Listed are all of the {dimensions} drawn
numbers and of four that the mean field itself gives for which one is sure (chance of any false one: {sure}); in
brackets what is not.

{drivers}
Three things say beforehand where it fails, all from the mean field itself, the larger of rest and stimulus: the share of
copies that primed MVBs hold, copies_per_mvb n_primed / (munc13_4_copies UNC13D); the share that one of them holds; and
how many sites there are and how many of them are taken. The borders below were chosen on two other hypercubes, of 96 and
128 sets. A set is counted under the first row that fits it. Release: fusions, exosomes and cargo; 95 % quantile /
largest in per cent.

{where}
## The reference cell, one number changed

Per cent, signed, with standard error; `-` where the kernel saw too little.

{scan}
{words}"""

WORDS = """## Where the mean field must not be used

- **Copies run out**: primed MVBs hold half of the copies or more ({gone_sets} of {sets} sets). Release is up to {gone} %
  off. `max(0, 1 - held)` is bent there, and cells with a few primed MVBs more or less than the mean have no free copy
  or plenty. A deep knock-down of Munc13-4 in a cell that primes many MVBs is such a cell.
- **Few copies for each MVB**: one MVB holds a twentieth of the copies or more ({few_sets} of the other sets; release up
  to {few} % off). A primed MVB holds its own copies, so that the trigger it feels is weaker than the mean field's by up to
  hill_trigger copies_per_mvb / copies, however few are primed: 3 % for the {copies:.0f} copies of the reference cell,
  a fifth for a hundred.
- **Few sites, most of them taken**: fewer than eight, half of them taken or more ({sites_sets} of the other sets; release
  up to {few_sites} % off). One site is taken or free, and never taken by nine tenths.
- **MVBs that wait at the periphery**, where most sites are taken: up to {peripheral} % off in all other sets, although
  release, which the sites then set, is not.
- **Mergers by the hundred**: within this range they cost nothing that can be told from chance, but at 256 times the
  catalogue's rate the reference cell's stages and fusions are 5 to 10 % off (table above).
- **Any question about single cells**: spread, correlation, bursts, the chance of none. It has means only.
- **Cells that differ**: one mean cell is not the mean of a population. That is a wrong average and no closure: draw
  levels and average the results.

In all other sets fusions, exosomes and cargo are within {safe} % in 95 of 100 cases and {safe_most} % at most, noise
subtracted; chance alone gives {chance} % and {chance_most} %.
"""


def page(found: Found) -> str:
    """The text of docs/closures.md."""
    many, names = found.many, drawn()
    none = found.apart["none"]
    comparisons = int(none.judged.sum())
    named = drivers(found.sets, found.fields)
    groups = where(named)
    low, high = catalogue("calcium_rest", "low"), catalogue("calcium_rest", "high")
    head = ("", "", "reference", "sets", "noise", "chance", "median", "95 %", "largest")
    head_apart = ("closures", "largest z", "stages", *SEEN[5:])
    shown = (
        "docked at rest",
        "primed at rest",
        "fusions at rest",
        "cargo at rest",
        "fusions stimulated",
        "cargo stimulated",
    )
    return PAGE.format(
        date=date.today().isoformat(), sets=len(found.sets), cells=found.effort.cells, fewer=found.effort.fewer,
        of_reference=found.effort.of_reference, seconds=found.seconds, burn=12, states=STATES, default=GROWTH_STATES,
        last_median=f"{np.median(found.last_class):.0e}", last_most=f"{found.last_class.max():.0e}",
        dimensions=len(names[0]) + len(names[1]) + 2, parameters=len(names[0]), genes=len(names[1]),
        rest_low=low, rest_high=high, peak=calcium()[2], noise=f"{100 * NOISE:g} %", sure=SURE,
        observables=table(head, observable_rows(found.one, many)),
        closures=table(head_apart, closure_rows(found.apart)),
        z=np.abs((none.value / none.noise)[none.judged]).max(), comparisons=comparisons,
        z_limit=-ndtri(SURE / (2 * comparisons)),
        drivers=table(("", "all", "stages", "release"), driver_rows(named, many)),
        where=table(("", "sets", "release at rest", "stimulated", "stages at rest", "stimulated"), where_rows(groups, many)),
        scan=table(("number", "value", *shown), found.scan), words=words(many, groups),
    )  # fmt: skip


def words(many: Error, groups: Mapping[str, NDArray[np.bool_]]) -> str:
    """Where the mean field fails, with the numbers of this run."""
    release = {name: quantiles(many.size[here][..., RELEASED].ravel())[1:] for name, here in groups.items()}
    chance = quantiles(many.chance().size[groups[OTHERS]][..., RELEASED].ravel())[1:]
    peripheral = many.size[groups[OTHERS]][..., SEEN.index("peripheral")]
    return WORDS.format(
        sets=len(many.value), copies=reference().numbers["munc13_4_copies"],
        gone_sets=groups[COPIES_GONE].sum(), gone=release[COPIES_GONE][1],
        few_sets=groups[COPIES_FEW].sum(), few=release[COPIES_FEW][1],
        sites_sets=groups[SITES_FEW].sum(), few_sites=release[SITES_FEW][1],
        peripheral=quantiles(peripheral.ravel())[2],
        safe=release[OTHERS][0], safe_most=release[OTHERS][1], chance=chance[0], chance_most=chance[1],
    )  # fmt: skip


def main() -> None:
    quick = "--quick" in sys.argv[1:]
    found = run(Effort(8, 4, 256, 512) if quick else Effort())
    if quick:
        print(page(found))
        return
    (HERE / "figures").mkdir(exist_ok=True)
    write(figure(found.many, drivers(found.sets, found.fields)[HELD], found.apart), HERE / "figures" / "closures.png")
    (HERE / "closures.md").write_text(page(found), encoding="utf-8")


if __name__ == "__main__":
    main()
