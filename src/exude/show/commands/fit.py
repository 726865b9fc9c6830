"""`exude fit`: which numbers may be fitted to which findings, and how to do it again."""

from __future__ import annotations

import argparse

from exude.show.commands.common import Parser

EXAMPLES = """examples:
  exude fit
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "fit", help="which numbers are fitted to which findings", epilog=EXAMPLES,
        description="Print the findings that may be fitted and the numbers that are.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
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
