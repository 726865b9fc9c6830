"""`exude score`: a paper's findings against the model."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.cli.common import Parser, progress, threads_of, write_text
from exude.errors import ProtocolError, refuse

EXAMPLES = """examples:
  exude --catalogue mylab score Smith2031
  exude --catalogue mylab score Smith2031_1 --hypothesis c2b-only
  exude --catalogue mylab score Smith2031 --cells 1024 --draws 40 --threads 2 -o smith2031.json
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "score", help="score a paper's findings against the model", epilog=EXAMPLES,
        description="Run the condition and the reference of a finding that says how it is read, under the point "
        "estimate and accepted parameter sets, and judge its claim.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("name", metavar="NAME", help="a finding or a paper (`exude list evidence`)")
    p.add_argument(
        "--hypothesis", default=DEFAULT_HYPOTHESIS, metavar="NAME", help="mechanism (`exude list hypotheses`)"
    )
    p.add_argument("--cells", type=int, default=256, metavar="N", help="cells of each culture (default: 256)")
    p.add_argument("--draws", type=int, default=8, metavar="N", help="accepted parameter sets, at most 40 (default: 8)")
    p.add_argument(
        "--random", type=int, default=8, metavar="N",
        help="sets fitted to nothing: a row that most of them pass is weak (default: 8; 0 leaves it out)",
    )  # fmt: skip
    p.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same result (default: 1)")
    p.add_argument("--threads", type=int, default=0, metavar="N", help="0 takes all cores (default)")
    p.add_argument("-o", "--out", type=Path, metavar="FILE.json", help="write the rows to a file")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Score, print rows and reasons, write them."""
    from exude.cli.reproduce import plain
    from exude.experiment.study.measured import score
    from exude.fit.draws import prior
    from exude.show.tables import Table, scores, show_table

    if asked.random < 0:
        raise refuse(ProtocolError, asked.random, "a number of random sets, 0 or more", "Write --random 8.")
    sets = [prior(asked.seed, i, vary_all=True) for i in range(asked.random)]
    with progress("parameter sets") as bar:
        rows = score(
            asked.name, hypothesis=asked.hypothesis, cells=asked.cells, draws=asked.draws, random_sets=sets,
            seed=asked.seed, threads=threads_of(asked.threads), progress=bar,
        )  # fmt: skip
    table = scores(rows)
    show_table(Table(f"Findings against the model, mechanism {asked.hypothesis}", table.columns, table.rows))
    print()
    for row in rows:
        print(f"{row['finding']}: {row['verdict']}: {row['why']}")
    if asked.out:
        print(f"written: {write_text(asked.out, json.dumps(plain(rows), indent=1, ensure_ascii=False) + chr(10))}")
