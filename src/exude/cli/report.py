"""`exude report`: what was asked, done and found, as one page and one PDF to send to a colleague."""

from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import TYPE_CHECKING

from exude.cli.common import Parser, write_text
from exude.engine.files import write_whole
from exude.errors import DataError

if TYPE_CHECKING:
    from exude.show.blocks import Document

PAGE, PAPER = ".html", ".pdf"
FIX = "Free space or choose another place with -o."

EXAMPLES = """examples:
  exude report run.nc                          run.html beside it
  exude report run.nc --pdf                    run.html and run.pdf
  exude report control.nc knock-down.nc -o compared.html
  exude report dish-1.zarr dish-2.zarr --pdf   dishes alike but for their seed are replicates
  exude report cohort.nc cohort-untreated.nc --study results
  exude report results --pdf                   a study by `exude reproduce`
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "report", help="a report of saved results: one HTML file, and a PDF", epilog=EXAMPLES,
        description="Write a report of saved results: question, numbers with intervals, figures, methods, evidence that "
        "bears on it, parameters with their origin, limits, how to run it again, what to cite. Several results are compared.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument(
        "results", metavar="RUN", nargs="+", type=Path, help="a run, a summary, a tissue, a cohort or a study's folder"
    )
    p.add_argument("-o", "--out", type=Path, metavar="FILE.html", help="the report (default: beside the first result)")
    p.add_argument("--pdf", action="store_true", help="write a PDF beside it")
    p.add_argument("--question", default="", metavar="TEXT", help="the question (default: derived from what was done)")
    p.add_argument(
        "--study",
        type=Path,
        metavar="DIR",
        help="a study whose verdicts stand beside the evidence (default: ./results, if there)",
    )
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Read, lay out, write, and say how large it became."""
    begun = time.monotonic()
    out = place_of(asked.out, asked.results[0])
    keep_methods(out)
    from exude.show.webpage import webpage

    document = document_of(asked)
    written = [write_text(out, webpage(document))]
    if asked.pdf:
        from exude.show.pdf import pdf

        written.append(write_whole(out.with_suffix(PAPER), pdf(document), FIX))
    print(document.title)
    for path in written:
        print(f"written: {path} ({path.stat().st_size / 1e6:.1f} MB)")
    print(f"in {time.monotonic() - begun:.0f} s")


def document_of(asked: argparse.Namespace) -> Document:
    """The report of what was named: a study, or results of one kind."""
    from exude.show.bearing import find_study
    from exude.show.report import study_document
    from exude.show.results import is_study, open_all
    from exude.show.run_report import document

    studies = [place for place in asked.results if is_study(place)]
    if studies and len(asked.results) > 1:
        raise DataError(
            f"{studies[0]}: is a study, and a study stands alone. Make a report of each: exude report {studies[0]}"
        )
    if studies:
        return study_document(studies[0], asked=asked.question)
    return document(open_all(asked.results), asked=asked.question, study=find_study(asked.study))


def place_of(out: Path | None, first: Path) -> Path:
    """Where the page goes; refused before any work where it cannot be."""
    if out is None:
        plain = first.resolve()
        out = (
            first / "report.html" if plain.is_dir() and plain.suffix != ".zarr" else first.with_name(plain.stem + PAGE)
        )
    if out.suffix.lower() == PAPER:
        raise DataError(
            f"{out}: is the name of a PDF. Write -o {out.with_suffix(PAGE)} --pdf: the PDF is put beside the page."
        )
    if out.suffix.lower() not in (PAGE, ".htm"):
        raise DataError(
            f"{out}: got a name ending in {out.suffix or 'nothing'!r}; expected .html. Write -o {out.with_suffix(PAGE).name}"
        )
    if not out.absolute().parent.is_dir():
        raise DataError(f"{out}: the folder {out.parent} does not exist. Make it first: mkdir -p {out.parent}")
    if out.is_dir():
        raise DataError(f"{out}: is a folder. Give the name of a file in it.")
    return out


def keep_methods(out: Path) -> None:
    """DataError where the report would take the place of the page that alone tells how an older study was made."""
    from exude.show.report import is_only_copy

    if is_only_copy(out):
        raise DataError(
            f"{out}: is the only place that tells how this study of an older version was made, and would be lost. "
            f"Choose another name: -o {out.with_name('report-again' + PAGE)}"
        )
