"""The command line: each command is one sentence of the laboratory."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from exude.cli import app, assay, calcium, catalogue, cohort, export, fit, reproduce, simulate, story, tissue
from exude.cli.common import Parser
from exude.errors import ExudeError, Interrupted

DONE, REFUSED, STOPPED = 0, 2, 130
"""Exit codes."""

EXAMPLES = """examples:
  exude list lines
  exude show UNC13D
  exude simulate MDA-MB-231 --stimulus "ionomycin 5 uM at 5 min" --knock-down UNC13D=0.2 --duration 2h -o run.nc
  exude assay exosome_blot run.nc
  exude tissue examples/gelatin-dish.toml -o dish.zarr
  exude cohort --give "anti-PD-L1 10 mg/kg every 3 days" --against-untreated --plot trial.png
  exude reproduce --out study
  exude story --quick
  exude app
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
    commands = top.add_subparsers(dest="command", metavar="COMMAND", parser_class=Parser)
    for part in (catalogue, simulate, calcium, tissue, cohort, assay, export, reproduce, fit, story, app):
        part.add(commands)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; 0 done, 2 refused with one line that says why, 130 stopped by the user."""
    given = parser()
    try:
        asked = given.parse_args(argv)
        if asked.version:
            from importlib.metadata import version

            print(f"exude {version('exude')}")
            return DONE
        if asked.command is None:
            given.print_help()
            return REFUSED
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
