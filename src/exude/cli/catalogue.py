"""`exude list` and `exude show`: what the catalogue holds, with the origin of every number."""

from __future__ import annotations

import argparse

from exude.cli.common import Parser

KINDS = (
    "lines", "genes", "drugs", "stimuli", "assays", "parameters", "evidence", "hypotheses", "literature", "references",
)  # fmt: skip

LIST_EXAMPLES = """examples:
  exude list lines
  exude list parameters | grep assumed
  exude list evidence
"""

SHOW_EXAMPLES = """examples:
  exude show MDA-MB-231        a line: the level of every protein, and where it comes from
  exude show UNC13D            a gene: its level in every line, drugs on it, findings about it
  exude show ionomycin         a drug or stimulus
  exude show half_c2a          a parameter
  exude show M1                a finding
  exude show Messenger2018     a paper and its findings
  exude show c2b-only          a rival mechanism
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare both commands."""
    raw = argparse.RawDescriptionHelpFormatter
    p = commands.add_parser(
        "list", help="list what the catalogue holds", epilog=LIST_EXAMPLES, formatter_class=raw,
        description="List lines, genes, drugs, numbers, findings: one row each, with unit, status and source.",
    )  # fmt: skip
    p.add_argument("kind", choices=KINDS, metavar="KIND", help=", ".join(KINDS))
    p.set_defaults(run=run_list)
    p = commands.add_parser(
        "show", help="show one thing of the catalogue with its sources", epilog=SHOW_EXAMPLES, formatter_class=raw,
        description="Show one thing of the catalogue: value, unit, spread, status, source, place, how seen, how obtained.",
    )  # fmt: skip
    p.add_argument("name", metavar="NAME", help="line, gene, drug, parameter, finding, paper, mechanism, assay")
    p.set_defaults(run=run_show)


def run_list(asked: argparse.Namespace) -> None:
    """Print one kind."""
    from exude.show.lists import LISTS
    from exude.show.tables import show_table

    show_table(LISTS[asked.kind]())


def run_show(asked: argparse.Namespace) -> None:
    """Print everything that bears the name."""
    from exude.show.sheets import sheets
    from exude.show.tables import show_sheet

    for sheet in sheets(asked.name):
        show_sheet(sheet)
