"""`exude export`: an experiment as a file in the field's languages: SBML, Antimony, a COMBINE archive."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.cli.calcium import dye_options
from exude.cli.common import Parser
from exude.cli.simulate import FORMS, Condition, conditions, with_dye
from exude.errors import DataError

KINDS = {
    "sbml": ("MODEL.xml", "SBML Level 3 Version 2: for COPASI, libRoadRunner, tellurium, AMICI and many more"),
    "antimony": ("MODEL.ant", "Antimony text: for people to read, every number with its meaning and source"),
    "omex": ("MODEL.omex", "COMBINE archive: SBML, SED-ML (what to simulate and plot), a figure"),
}
"""Each language with its usual file and what it is for."""

EXAMPLES = """examples:
  exude export sbml MDA-MB-231 -o cell.xml
  exude export sbml MDA-MB-231 --stimulus "ionomycin 5 uM at 30 min" --knock-down UNC13D=0.2 -o model.xml
  exude export sbml MCF-7 --hypothesis c2b-only --growth-states 1 -o compact.xml
  exude export antimony MDA-MB-231 -o cell.ant
  exude export omex MDA-MB-231 --stimulus "histamine 100 uM at 10 min until 40 min" -o run.omex
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "export", help="write an experiment as SBML, Antimony or COMBINE archive", epilog=EXAMPLES,
        description="Write the mean field of one cell of a line under any perturbations, ready to run elsewhere.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument(
        "kind", choices=tuple(KINDS), metavar="KIND", help="; ".join(f"{k}: {v[1]}" for k, v in KINDS.items())
    )
    p.add_argument("line", metavar="LINE", help="cell line, e.g. MDA-MB-231 (`exude list lines`)")
    p.add_argument("-o", "--out", type=Path, required=True, metavar="FILE", help="the file to write")
    what = p.add_argument_group("what is done to the cell")
    for kind, (form, text) in FORMS.items():
        names = (f"--{kind}", "--calcium") if kind == "calcium-trace" else (f"--{kind}",)
        what.add_argument(*names, dest="what", action=Condition, metavar=form, help=text)
    dye_options(what)
    how = p.add_argument_group("how")
    how.add_argument("--duration", default="2 h", metavar="TIME", help="length of the protocol (default: 2 h)")
    how.add_argument(
        "--hypothesis", default=DEFAULT_HYPOTHESIS, metavar="NAME", help="mechanism (`exude list hypotheses`)"
    )
    how.add_argument(
        "--growth-states", type=int, default=0, metavar="N",
        help="growth counts of immature MVBs told apart: 1 is compact, 32 nearly exact (default: 8; antimony: 1)",
    )  # fmt: skip
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Write the file and say what is in it."""
    path: Path = asked.out
    if not path.parent.is_dir():
        raise DataError(f"{path}: the folder {path.parent} does not exist. Make it first: mkdir -p {path.parent}")
    if path.is_dir():
        raise DataError(f"{path}: is a folder. Give the name of a file in it, e.g. {path / KINDS[asked.kind][0]}.")
    from exude.engine.files import write_whole
    from exude.experiment.export import Export

    what = conditions(with_dye(asked))
    how = Export(growth_states=asked.growth_states, hypothesis=asked.hypothesis)
    made = _writers()[asked.kind](asked.line, *what, duration=asked.duration, how=how)
    data = made if isinstance(made, bytes) else made.encode()
    write_whole(path, data, "Free space or choose another folder.")
    print(f"{asked.kind} of {asked.line} for {asked.duration}: {len(data) / 1e3:.0f} kB")
    print(f"written: {path}")


def _writers() -> Mapping[str, Callable[..., Any]]:
    """The writer of each language, loaded when one is asked for."""
    from exude.experiment.export import export_antimony, export_sbml
    from exude.show.omex import export_omex

    return {"sbml": export_sbml, "antimony": export_antimony, "omex": export_omex}
