"""`exude fit`: fit the population again with the fixed seed, or list what may be fitted to what."""

from __future__ import annotations

import argparse
import shutil
from pathlib import Path

from exude.cli.common import Parser, progress, writable_folder
from exude.errors import DataError

EXAMPLES = """examples:
  exude fit --list                 which findings and numbers take part; runs nothing
  exude fit                        fit again and rewrite the catalogue's fitted tables (minutes)
  exude fit --out refit            the same into a copy of the tables
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "fit", help="fit the population again, or list what is fitted", epilog=EXAMPLES,
        description="Fit to release-calcium, burst, basal, signal-duration and recruitment, and to nothing else.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("--list", action="store_true", help="print the findings and numbers that take part, and stop")
    p.add_argument("--out", type=Path, metavar="DIR", help="write into a copy of the tables (default: the catalogue)")
    p.add_argument("--tries", type=int, default=240, metavar="N", help="random sets for the point (default: 240)")
    p.add_argument("--sets", type=int, default=40, metavar="N", help="accepted sets to keep (default: 40)")
    p.add_argument("--workers", type=int, default=2, metavar="N", help="processes (default: 2)")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Fit, or list."""
    if asked.list:
        listing()
        return
    if min(asked.tries, asked.sets, asked.workers) < 1:
        raise DataError("got a number below 1; expected --tries, --sets and --workers of 1 or more.")
    from exude.fit.run import Effort, fit

    folder = tables(asked.out)
    with progress("fit") as bar:
        fit(Effort(asked.tries, asked.sets, asked.workers), progress=bar, folder=folder)
    print(f"written: fitted values in {folder / 'parameters'}, accepted sets and pass shares in {folder / 'fit'}")


def tables(out: Path | None) -> Path:
    """Where to write: the catalogue's own data, or a copy of it in `out`."""
    from exude.catalog import read

    own = Path(str(read.data()))
    if out is None:
        return writable_folder(own)
    shutil.copytree(own, writable_folder(out), dirs_exist_ok=True)
    return out


def listing() -> None:
    """Print findings with the role `fit` and parameters with the status `fitted`."""
    from exude.catalog import read
    from exude.show.tables import Table, show_table
    from exude.show.words import amount, relation, spread

    fit = [(f.statement or "–", f.id, source, relation(f.relation), f.says)
           for source, f in read.findings().values() if f.role == "fit" and f.scored]  # fmt: skip
    show_table(
        Table("findings that are fitted", ("statement", "finding", "source", "claim", "says"), tuple(sorted(fit)))
    )
    print()
    free = [(name, amount(p), spread(p.prior) if p.prior else "–", p.meaning)
            for name, p in read.parameters().items() if p.status == "fitted"]  # fmt: skip
    show_table(Table("numbers that are fitted", ("symbol", "value", "prior", "meaning"), tuple(sorted(free))))
