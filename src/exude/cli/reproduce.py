"""`exude reproduce`: the 2018 study in silico, scored against what was published."""

from __future__ import annotations

import argparse
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exude.cli.common import Parser, Report, progress, threads_of, writable_folder, write_text

if TYPE_CHECKING:
    from exude.experiment.panels import Panel
    from exude.show.report import Outcome

JOURNAL = ".unfinished-study"
"""Finished dishes of a study that was stopped; the same command goes on from it."""

EXAMPLES = """examples:
  exude reproduce                          the full study, results in ./exude-study
  exude reproduce --out study --threads 2
  exude reproduce --quick                  fewer parameter sets and cells: a first look, as in make demo
  exude reproduce --only burst basal       the rows of two statements
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "reproduce", help="run the study of 2018 in silico and score it", epilog=EXAMPLES,
        description="Run the experiments of Messenger et al. 2018 on the model, score each published statement, and "
        "write scores.json, how it was made (study.json), what its figures show (panels.json), a figure per statement, a "
        "summary figure and report.html. With --only just the dishes that these statements read are run.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("--out", type=Path, default=Path("exude-study"), metavar="DIR", help="folder (default: exude-study)")
    p.add_argument("--quick", action="store_true", help="fewer parameter sets and cells; figures say so")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="same seed, same result (default: 1)")
    p.add_argument("--threads", type=int, default=0, metavar="N", help="0 takes all cores (default)")
    p.add_argument("--only", nargs="+", default=(), metavar="ID", help="run and write only these statements")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Run the study, write everything, print the table."""
    folder = writable_folder(asked.out)
    from exude.experiment.study import reproduce, say_size
    from exude.show.tables import scores, show_table

    size = say_size(asked.quick, asked.only)
    print(f"{size} (without --quick {say_size(False, asked.only)})" if asked.quick else size)
    with progress("the study") as bar:
        study = reproduce(
            quick=asked.quick, seed=asked.seed, threads=threads_of(asked.threads), progress=bar,
            only=tuple(asked.only), journal=folder / JOURNAL,
        )  # fmt: skip
        written = write_all(study, folder, bar, again=command(asked), threads=asked.threads or os.cpu_count() or 1)
    show_table(scores(study.rows))
    print(f"\n{in_words(study.rows)}" + (f" ({size})" if asked.quick else ""))
    print(f"written: {', '.join(str(path) for path in written)}")


def command(asked: argparse.Namespace) -> str:
    """The command that makes the same study again."""
    parts = ["exude reproduce", f"--seed {asked.seed}", "--quick" if asked.quick else "", f"--out {asked.out}"]
    return " ".join([p for p in parts if p] + (["--only", *asked.only] if asked.only else []))


def write_all(study: Outcome, folder: Path, bar: Report, *, again: str, threads: int = 1) -> list[Path]:
    """scores.json, beside it how they were made and what the figures show, figures/, summary and report.html."""
    from exude.experiment.parallel import in_processes
    from exude.experiment.study import kept
    from exude.show.figures import save, summary
    from exude.show.report import SUMMARY, write_report

    write_text(folder / kept.STUDY, as_json({"made": study.methods, "again": again}))
    write_text(folder / kept.PANELS, as_json(kept.plain_panels(study.panels), indent=None))
    scores = write_text(folder / "scores.json", as_json(study.rows))
    figures = writable_folder(folder / "figures")
    steps = len(study.panels) + 2
    drawn: dict[str, Path] = {}
    tasks = [(panel, figures / name) for name, panel in study.panels.items()]
    for i, (name, written) in enumerate(zip(study.panels, in_processes(_draw_one, tasks, threads), strict=True)):
        bar(i + 1, steps, "figures")
        drawn[name] = written
    bar(steps - 2, steps, "summary")
    drawn[SUMMARY], picture = save(summary(study.panels, study.rows), folder / SUMMARY)
    bar(steps - 1, steps, "report")
    report = write_report(study, folder, again=again, drawn=drawn)
    bar(steps, steps, "report")
    return [scores, picture, figures, report]


def _draw_one(task: tuple[Panel, Path]) -> Path:
    """Draw one figure and write it."""
    from exude.show.figures import draw, save

    return save(draw(task[0]), task[1])[0]


def as_json(thing: Any, *, indent: int | None = 1) -> str:
    """A file's text."""
    return json.dumps(plain(thing), indent=indent, ensure_ascii=False) + "\n"


def plain(thing: Any) -> Any:
    """Rows as JSON can hold them: plain numbers, and null for what is not a number."""
    if isinstance(thing, dict):
        return {str(key): plain(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [plain(value) for value in thing]
    if isinstance(thing, bool) or thing is None or isinstance(thing, (str, int)):
        return thing
    number = float(thing)  # numbers of Python and NumPy
    return number if math.isfinite(number) else None


def in_words(rows: Sequence[dict[str, Any]]) -> str:
    """How many rows agree, in one sentence."""
    from exude.show.words import is_weak

    own = [row for row in rows if not row.get("hypothesis")]
    parts = []
    for role in ("fit", "predicted"):
        here = [row["verdict"] for row in own if row["role"] == role and row["verdict"] != "not scored"]
        parts.append(f"{here.count('agrees')} of {len(here)} {'fitted' if role == 'fit' else 'predicted'} rows agree")
    left = sum(row["verdict"] == "not scored" for row in own)
    weak = sum(is_weak(row) for row in own)
    tail = f"; {left} not scored" if left else ""
    return "; ".join(parts) + tail + (f"; {weak} weak (could hardly have failed)" if weak else "") + "."
