"""`exude cohort`: virtual bodies with a tumour, given drugs by schedule."""

from __future__ import annotations

import argparse
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from exude.cli.common import Parser, progress, threads_of, write_text
from exude.cli.simulate import FORMS, PLOTS, Condition, conditions
from exude.errors import DataError, ProtocolError, refuse

if TYPE_CHECKING:
    import xarray as xr

    from exude.experiment.cohort import Cohort, CohortRun

HOSTS = ("mouse", "patient")
IMMUNITY = ("competent", "T-cell-deficient", "Munc13-4-deficient")
LASTING = ("knock-down", "knock-out", "overexpress", "dominant-negative", "rescue")
GIVE = "'DRUG DOSE [by mouth] [every TIME] [at TIME] [until TIME] [reach WHOM]'"
UNTREATED = "untreated"
MOST_REASONS = 5
"""Members that failed whose reason is printed; the others are in the file."""
COLUMNS = "arm,member,end_days,died,lasting_colonies,metastases_seen,metastatic_cells,tumour_cells"

EPILOG = """examples:
  exude cohort                                                  (200 mice for 60 days)
  exude cohort --give "anti-PD-L1 10 mg/kg every 3 days" --against-untreated --plot trial.png -o trial.nc
  exude cohort --give "bexin 100 mg/kg by mouth every 4 h until 10 days reach tumour" --start-cells 1e4 --days 30
  exude cohort --knock-down UNC13D=0.1 --immunity T-cell-deficient --table members.csv
  exude cohort --host patient --days 3650 --start-cells 1e8 --members 50

a drug, with one of `exude list drugs` whose kinetics are known:
  DRUG DOSE                 "bexin 100 mg/kg", "anti-PD-L1 1200 mg", "PDDC 3 umol/kg"
  way                       into a vein (default), by mouth, into the belly, under the skin
  every, at, until TIME     once at the start unless told; several drugs and doses: several --give
  reach WHOM                body (default), tumour (tumour cells only: an ideal), targeted (the tumour more, others less)

coarse: a body is a few well-mixed compartments and most of its numbers are assumed (docs/body.md)
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "cohort", help="run virtual mice or patients with a tumour, treated or not", epilog=EPILOG,
        description="Run a virtual cohort: growth, spread, killing by T cells, survival, under drugs given by schedule.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    who = p.add_argument_group("who")
    who.add_argument("--members", type=int, default=200, metavar="N", help="bodies (default: 200)")
    who.add_argument("--host", choices=HOSTS, default=HOSTS[0], help="whose body (default: mouse)")
    who.add_argument("--immunity", choices=IMMUNITY, default=IMMUNITY[0], help="its T cells (default: competent)")
    who.add_argument("--line", default="MDA-MB-231", metavar="LINE", help="the tumour's line (default: MDA-MB-231)")
    who.add_argument("--start-cells", type=float, default=1e6, metavar="N", help="cells at the start (default: 1e6)")
    who.add_argument("--days", type=int, default=60, metavar="N", help="length (default: 60)")
    who.add_argument("--no-spread", action="store_true", help="give all members the same numbers")
    what = p.add_argument_group("what is done")
    for kind in LASTING:
        form, text = FORMS[kind]
        what.add_argument(f"--{kind}", dest="what", action=Condition, metavar=form, help=f"in the tumour: {text}")
    what.add_argument("--give", action="append", default=[], metavar=GIVE, help="give a drug; as often as you like")
    how = p.add_argument_group("how")
    how.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same result (default: 1)")
    how.add_argument("--workers", type=int, default=0, metavar="N", help="0 takes all cores (default); same result")
    out = p.add_argument_group("what is kept")
    out.add_argument("--against-untreated", action="store_true", help="run the same members untreated, too")
    out.add_argument(
        "-o", "--out", type=Path, metavar="FILE.nc", help="write the cohort (the untreated one beside it, as FILE-untreated.nc)"
    )  # fmt: skip
    out.add_argument("--plot", type=Path, metavar="FILE.png", help="survival, burden, metastases (png, svg, pdf)")
    out.add_argument("--table", type=Path, metavar="FILE.csv", help="one row per member")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Check, run, write, and say what came out."""
    _check_places(asked)
    from exude.experiment.cohort import run_cohort
    from exude.experiment.cohort_file import save_cohort

    workers = threads_of(asked.workers) or os.cpu_count() or 1
    arms: dict[str, CohortRun] = {}
    written: list[Path] = []
    for label, cohort in _arms(asked).items():
        with progress(f"members, {label}") as bar:
            arms[label] = run_cohort(cohort, workers=workers, progress=bar)
        print(in_words(label, arms[label]))
        if asked.out:
            written.append(save_cohort(arms[label], place_of(asked.out, label, first=len(arms) == 1)))
    if asked.table:
        written.append(write_text(asked.table, table(arms)))
    if asked.plot:
        from exude.show.cohort_axes import cohort_figure
        from exude.show.style import write

        written.append(write(cohort_figure(arms), asked.plot))
    for path in written:
        print(f"written: {path}")


def _arms(asked: argparse.Namespace) -> dict[str, Cohort]:
    """The cohort asked for and, if asked for, the same members untreated; by name."""
    from exude.experiment.cohort import Cohort
    from exude.experiment.dosing import schedule_of

    cohort = Cohort(
        asked.members, host=asked.host, immunity=asked.immunity, line=asked.line, what=tuple(conditions(asked.what or ())),
        schedules=tuple(map(schedule_of, asked.give)), days=asked.days, start_cells=asked.start_cells,
        vary=not asked.no_spread, seed=asked.seed,
    )  # fmt: skip
    arms = {name_of(cohort): cohort}
    if asked.against_untreated:
        if name_of(cohort) == UNTREATED:
            fix = "Give a drug or perturb the tumour, or leave out --against-untreated."
            raise refuse(ProtocolError, "an untreated cohort against itself", "something that is done to it", fix)
        arms[UNTREATED] = replace(cohort, what=(), schedules=())
    return arms


def name_of(cohort: Cohort) -> str:
    """What is done to a cohort, in words."""
    from exude.experiment.dosing import say_schedule
    from exude.experiment.perturbations import say

    return "; ".join([*map(say, cohort.what), *map(say_schedule, cohort.schedules)]) or UNTREATED


def place_of(out: Path, label: str, *, first: bool) -> Path:
    """Where an arm is written: the first where it was asked for."""
    return out if first else out.with_name(f"{out.stem}-{label}{out.suffix}")


def in_words(label: str, run: CohortRun) -> str:
    """What became of a cohort, in a few lines."""
    from exude.experiment.assays.metastasis import Metastasis
    from exude.experiment.assays.survival import Survival
    from exude.show.words import said

    cohort, data = run.cohort, run.data
    counts = Metastasis().observable(run)["metastases"].values
    lines = [
        f"{cohort.line}: {label}",
        f"  {data.sizes['member']} {cohort.host if data.sizes['member'] == 1 else _many(cohort.host)}, {cohort.immunity}, "
        f"{cohort.days} days from {cohort.start_cells:.3g} cells, seed {cohort.seed}",
        f"  lost        {int(data.died.sum())} of {data.sizes['member']}",
    ]
    try:
        lines.append(f"  survival    {_median(Survival().observable(run))}")
    except ProtocolError as problem:  # without lifelines everything else still holds
        lines.append(f"  survival    {problem}")
    seen = f"{said(float(counts.mean()))} per member on average, from {counts.min():.0f} to {counts.max():.0f}"
    lines.append(f"  metastases  {seen}; {(counts > 0).mean():.0%} of members have one that is seen")
    for member, why in list(run.failed.items())[:MOST_REASONS]:
        lines.append(f"  failed      member {member}: {why}")
    if len(run.failed) > MOST_REASONS:
        lines.append(f"  failed      {len(run.failed)} members in all")
    return "\n".join(lines)


def _many(host: str) -> str:
    return {"mouse": "mice"}.get(host, f"{host}s")


def _median(seen: xr.Dataset) -> str:
    """Median survival with its interval, in days."""
    import math

    from exude.experiment.cohort import DAY

    def days(name: str) -> float:
        return float(seen[name]) / DAY

    if math.isinf(days("median")):
        return "more than half live to the end"
    late = f"{days('latest'):g}" if math.isfinite(days("latest")) else "the end and beyond"
    return f"median {days('median'):g} days (95 %: {days('earliest'):g} to {late})"


def table(arms: dict[str, CohortRun]) -> str:
    """One row per member of each arm, with what was there at its end; members that failed are left out."""
    import numpy as np

    from exude.experiment.cohort import DAY

    rows = [COLUMNS]
    for label, run in arms.items():
        data, quoted = run.data, '"' + label.replace('"', '""') + '"'
        last = np.isfinite(data["primary"].values).sum(axis=1) - 1
        for i, member in enumerate(data.member.values):
            at = (i, last[i])
            names = ("lasting", "metastases", "metastatic_cells", "primary")
            ends = [f"{data[name].transpose('member', 'time').values[at]:.6g}" for name in names]
            end, died = float(data["end"].values[i]) / DAY, int(data["died"].values[i])
            rows.append(",".join([quoted, str(member), f"{end:g}", str(died), *ends]))
    return "\n".join(rows) + "\n"


def _check_places(asked: argparse.Namespace) -> None:
    """Refuse before any computing what could not be written after it."""
    if asked.plot and asked.plot.suffix.lower() not in PLOTS:
        raise refuse(DataError, str(asked.plot), f"a name ending in {', '.join(PLOTS)}", "Write --plot cohort.png.")
    if asked.plot:
        try:
            import lifelines  # noqa: F401
        except ImportError as problem:
            raise ProtocolError(
                "--plot draws survival with lifelines. Install it: pip install 'exude[fit]'."
            ) from problem
    for path in (asked.out, asked.plot, asked.table):
        if path and not path.absolute().parent.is_dir():
            raise DataError(f"{path}: the folder {path.parent} does not exist. Make it first: mkdir -p {path.parent}")
        if path and path.is_dir():
            raise DataError(f"{path}: is a folder. Give the name of a file in it.")
