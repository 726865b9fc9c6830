"""`exude simulate`: the same sentence as `exude.simulate(...)`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.cli.calcium import dye_options, sentence
from exude.cli.common import Parser, progress, threads_of
from exude.errors import DataError, Interrupted, ProtocolError, refuse

if TYPE_CHECKING:
    from exude.engine.result import Run
    from exude.engine.summary import Summary
    from exude.experiment.perturbations import Perturbation

FORMS = {
    "knock-down": ("GENE=SHARE", "lower a protein to a share of its level, e.g. UNC13D=0.2"),
    "knock-out": ("GENE", "take a protein away"),
    "overexpress": ("GENE=FOLD", "raise a protein, e.g. UNC13D=2"),
    "dominant-negative": ("GENE", "express the dominant-negative form, e.g. RAB11A"),
    "rescue": ("'GENE [MUTANT]'", "re-express a protein, e.g. 'UNC13D C2A*'"),
    "drug": ("'NAME DOSE [at TIME] [until TIME]'", "add a drug, e.g. 'BAPTA-AM 10 uM'"),
    "stimulus": ("'NAME DOSE [at TIME] [until TIME]'", "add a stimulus, e.g. 'ionomycin 5 uM at 5 min'"),
    "external": ("'calcium=CONC [at TIME]'", "change the medium's calcium, e.g. 'calcium=0 mM'"),
    "permeabilised": ("'calcium=CONC [cytosol=SHARE]'", "open the cells, e.g. 'calcium=1 uM cytosol=1'"),
    "calcium-trace": ("FILE.csv", "use a measured calcium curve (columns time_s, calcium_uM), or light with --dye"),
    "calcium-sbml": ("FILE[:SPECIES]", "use the calcium of an SBML model, e.g. 'model.xml:Ca_cyt settle=1 h'"),
}
"""Each perturbation as an option: its form and what it does. Any number, in any order."""

MIDDLE_95 = (0.025, 0.975)
SECONDS_PER_HOUR = 3600.0
PLOTS = (".png", ".svg", ".pdf")

EXAMPLES = """examples:
  exude simulate MDA-MB-231 --duration 2h --cells 200
  exude simulate MDA-MB-231 --stimulus "ionomycin 5 uM at 5 min" --knock-down UNC13D=0.2 --seed 1 -o run.nc
  exude simulate MDA-MB-231 --knock-out UNC13D --rescue "UNC13D C2A*" --plot rescue.png
  exude simulate MDA-MB-231 --calcium fura.csv --dye fura2 --calibration "r_min=0.3, r_max=6, beta=5"
  exude simulate A549 --external "calcium=0 mM" --drug "thapsigargin 1 uM at 10 min" --every "10 s"
  exude simulate MDA-MB-231 --cells 100000 -o big.nc            (stop with Ctrl-C, then the same with --resume)
  exude simulate MDA-MB-231 --cells 1000000 --duration 24h --summary -o million.nc
"""


class Condition(argparse.Action):
    """Collects perturbations in the order in which they are written."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option: str | None = None
    ) -> None:
        """Keep (kind, words) of one perturbation."""
        kind = self.option_strings[0].removeprefix("--")
        kept = [*(getattr(namespace, self.dest) or ()), (kind, str(values))]
        setattr(namespace, self.dest, kept)


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "simulate", help="simulate cells of a line under any perturbations", epilog=EXAMPLES,
        description="Simulate cells of a line; print a summary, write a file, draw a figure.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("line", metavar="LINE", help="cell line, e.g. MDA-MB-231 (`exude list lines`)")
    what = p.add_argument_group("what is done to the cells")
    for kind, (form, text) in FORMS.items():
        names = (f"--{kind}", "--calcium") if kind == "calcium-trace" else (f"--{kind}",)
        what.add_argument(*names, dest="what", action=Condition, metavar=form, help=text)
    dye_options(what)
    how = p.add_argument_group("how")
    how.add_argument("--duration", default="2 h", metavar="TIME", help="length of the run (default: 2 h)")
    how.add_argument("--cells", type=int, default=200, metavar="N", help="number of cells (default: 200)")
    how.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same result (default: 1)")
    how.add_argument(
        "--every", default="", metavar="TIME", help="time between recorded points (default: about a hundred points)"
    )
    how.add_argument("--snapshot", action="append", metavar="TIME", help="read every MVB then (default: at the end)")
    how.add_argument(
        "--hypothesis", default=DEFAULT_HYPOTHESIS, metavar="NAME", help="mechanism (`exude list hypotheses`)"
    )
    how.add_argument("--no-spread", action="store_true", help="give all cells the same protein levels")
    how.add_argument("--events", action=argparse.BooleanOptionalAction, default=True, help="keep the table of fusions")
    how.add_argument("--threads", type=int, default=0, metavar="N", help="0 takes all cores (default)")
    out = p.add_argument_group("what is kept")
    out.add_argument("-o", "--out", type=Path, metavar="RUN.nc", help="write the run to a file")
    out.add_argument("--plot", type=Path, metavar="FILE", help="draw the run (.png, .svg or .pdf)")
    out.add_argument(
        "--summary", action="store_true", help="keep means, spreads and distributions instead of every cell"
    )
    out.add_argument("--resume", action="store_true", help="go on with a stopped run of the same command")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Simulate, save, draw, and say what came out."""
    _check_files(asked)
    from exude.experiment.simulate import Settings, simulate
    from exude.experiment.summarise import summarise

    settings = Settings(
        every=asked.every,
        snapshots=tuple(s for s in asked.snapshot or ("end",)),
        events=asked.events,
        alike=asked.no_spread,
        hypothesis=asked.hypothesis,
        threads=threads_of(asked.threads),
        checkpoint=str(asked.out) + ".part" if asked.out else "",
        resume=asked.resume,
    )
    what = conditions(with_dye(asked))
    with progress("cells") as bar:
        try:
            made = (summarise if asked.summary else simulate)(
                asked.line, *what, duration=asked.duration, cells=asked.cells, seed=asked.seed,
                settings=settings, progress=bar,
            )  # fmt: skip
        except KeyboardInterrupt:
            raise Interrupted("stopped before the first cells were done. The same command starts again.") from None
    if asked.out:
        made.save(asked.out)
    if asked.plot:
        from exude.show.run_figures import figure_of
        from exude.show.style import write

        write(figure_of(made), asked.plot)
    print(in_words(made))
    for path in (asked.out, asked.plot):
        if path:
            print(f"written: {path}")


def with_dye(asked: argparse.Namespace) -> list[tuple[str, str]]:
    """The sentences, those of calcium traces with the dye's options added."""
    given = list(asked.what or ())
    if (asked.dye or asked.calibration) and not any(kind == "calcium-trace" for kind, _ in given):
        raise DataError("--dye and --calibration belong to a recording. Name it: --calcium trace.csv --dye fura2 ...")
    return [(kind, sentence(asked, text) if kind == "calcium-trace" else text) for kind, text in given]


def conditions(given: Sequence[tuple[str, str]]) -> list[Perturbation]:
    """Perturbations of (kind, words) pairs."""
    from exude.experiment.parse import KINDS, of_kind

    found = []
    for kind, words in given:
        try:
            found.append(of_kind(kind, words.strip()))
        except ValueError as problem:
            raise refuse(ProtocolError, words, f"--{kind} {KINDS[kind]}", "Mend the number in it.") from problem
    return found


def in_words(made: Run | Summary) -> str:
    """What a run or a summary shows, in a few lines."""
    from exude.units import say_seconds

    said, end = made.provenance, float(made.data["time"][-1])
    mean, low, high = _exosomes(made)
    average = made.data.sel(statistic="mean") if "statistic" in made.data.dims else made.data.mean("cell")
    calcium = average["calcium"].values
    lines = [
        f"{said['line']}: {'; '.join(said['conditions'])}",
        f"  {said['cells']} cells for {say_seconds(end)}, seed {said['seed']}, mechanism {said['hypothesis']}",
        f"  exosomes released  {mean:.1f} per cell (95 % of cells: {low:.0f} to {high:.0f})",
        f"                     {mean / end * SECONDS_PER_HOUR:.1f} per cell and hour",
        f"  MVB fusions        {float(average['fusions'][-1]):.2f} per cell",
        f"  calcium            {calcium[0]:.3f} µM at the start, {calcium.max():.3f} µM at most, {calcium[-1]:.3f} µM at the end",
    ]
    return "\n".join(lines)


def _exosomes(made: Run | Summary) -> tuple[float, float, float]:
    """Exosomes per cell at the end: mean, and the ends of what 95 % of cells released."""
    import numpy as np

    from exude.engine.summary import Summary

    if isinstance(made, Summary):
        low, high = (float(made.quantile(share)) for share in MIDDLE_95)
        return float(made.data["exosomes"].sel(statistic="mean")[-1]), low, high
    per_cell = made.exosomes.isel(time=-1).values
    low, high = np.quantile(per_cell, MIDDLE_95)
    return float(per_cell.mean()), float(low), float(high)


def _check_files(asked: argparse.Namespace) -> None:
    """Refuse before any computing what could not be written after it."""
    if asked.resume and not asked.out:
        raise DataError("--resume needs -o: the finished blocks lie beside the file. Repeat the stopped command's -o.")
    if asked.plot and asked.plot.suffix.lower() not in PLOTS:
        raise refuse(
            DataError, str(asked.plot), f"a name ending in {', '.join(PLOTS)}", "Write for example --plot run.png."
        )
    for path in (asked.out, asked.plot):
        if path and not path.parent.is_dir():
            raise DataError(f"{path}: the folder {path.parent} does not exist. Make it first: mkdir -p {path.parent}")
        if path and path.is_dir():
            raise DataError(f"{path}: is a folder. Give the name of a file in it.")
