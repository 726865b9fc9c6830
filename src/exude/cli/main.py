"""The command line: each command is one sentence of the laboratory."""

from __future__ import annotations

import argparse
import os
import sys
import warnings
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from exude.cli import (
    app,
    assay,
    calcium,
    catalogue,
    cohort,
    export,
    fit,
    new,
    report,
    reproduce,
    score,
    simulate,
    story,
    tissue,
)
from exude.cli.common import Parser
from exude.errors import Caution, ExudeError, Interrupted

DONE, REFUSED, STOPPED = 0, 2, 130
"""Exit codes."""

EXAMPLES = """examples:
  exude list lines
  exude show UNC13D
  exude simulate MDA-MB-231 --stimulus "ionomycin 5 uM at 5 min" --knock-down UNC13D=0.2 --duration 2h -o run.nc
  exude assay exosome_blot run.nc
  exude report run.nc --pdf
  exude tissue examples/gelatin-dish.toml -o dish.zarr
  exude cohort --give "anti-PD-L1 10 mg/kg every 3 days" --against-untreated --plot trial.png
  exude reproduce --out study
  exude story --quick
  exude app
  exude new drug "my drug" -o mylab/my-drug.toml
  exude simulate MDA-MB-231 --drug "my drug 1 uM" --catalogue mylab
"""


def parser() -> argparse.ArgumentParser:
    """The whole command line."""
    top = Parser(
        prog="exude",
        description="How a cancer cell releases exosomes: from calcium through Munc13-4 and multivesicular bodies.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="store_true", help="print the version and stop")
    top.add_argument("--catalogue", action="append", metavar="DIR", help="add tables of your own (docs/catalogue.md)")
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for part in (
        catalogue, simulate, calcium, tissue, cohort, assay, report, export, reproduce, fit, score, story, new, app,
    ):  # fmt: skip
        part.add(commands)
    return top


def own_folders(argv: Sequence[str]) -> tuple[list[str], list[str]]:
    """Folders of `--catalogue`, which may stand before or after the command, and the other words."""
    first = Parser(prog="exude", add_help=False, allow_abbrev=False)
    first.add_argument("--catalogue", action="append", default=[])
    found, rest = first.parse_known_args(list(argv))
    return found.catalogue, rest


def own_tables(folders: Sequence[str]) -> AbstractContextManager[None]:
    """Tables of one's own for one command; the catalogue is loaded only where there are any."""
    if not (folders or os.environ.get("EXUDE_CATALOGUE")):
        return nullcontext()
    from exude.catalog.use import catalogue

    return catalogue(*folders)


def in_one_line(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """Show a warning: a caution as it reads, any other with its kind."""
    said = "" if issubclass(category, Caution) else f"{category.__name__}: "
    print(f"exude: {said}{message}", file=sys.stderr)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 2 refused with one line that says why, 130 stopped by the user."""
    given = parser()
    try:
        folders, rest = own_folders(sys.argv[1:] if argv is None else argv)
        asked = given.parse_args(rest)
        if asked.version:
            from importlib.metadata import version

            print(f"exude {version('exude')}")
            return DONE
        if asked.command is None:
            given.print_help()
            return REFUSED
        with own_tables([*folders, *(asked.catalogue or ())]), warnings.catch_warnings():
            warnings.showwarning = in_one_line
            asked.run(asked)
        sys.stdout.flush()
    except Interrupted as stop:
        print(f"exude: {stop}", file=sys.stderr)
        return STOPPED
    except KeyboardInterrupt:
        print("exude: stopped.", file=sys.stderr)
        return STOPPED
    except BrokenPipeError:  # the reader (`head`) has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except ExudeError as problem:
        print(f"exude: {' '.join(str(problem).split())}", file=sys.stderr)
        return REFUSED
    return DONE
