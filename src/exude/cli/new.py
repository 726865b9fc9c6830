"""`exude new`: the first version of a file of one's own."""

from __future__ import annotations

import argparse
import re
from pathlib import Path

from exude.catalog.templates import TEMPLATES, template
from exude.cli.common import Parser
from exude.errors import DataError, refuse

EXAMPLES = """examples:
  exude new drug "CK-13" -o mylab/ck-13.toml
  exude new line OVCAR-8 -o mylab/ovcar-8.toml
  exude new paper Smith2031 -o mylab/smith2031.toml
  exude new gene SNAP47 -o mylab/snap47.toml
  exude new mechanism no-trigger -o mylab/no-trigger.toml
  exude new assay Cd9Elisa -o cd9_elisa.py
"""

FORMS = {
    "drug": (r'[^"\\\x00-\x1f]{1,60}', "a name of at most 60 letters without quotation marks"),
    "line": (r'[^"\\\x00-\x1f]{1,60}', "a name of at most 60 letters without quotation marks"),
    "paper": (r"[A-Za-z][A-Za-z0-9]{1,39}", "a key of letters and digits, such as Smith2031"),
    "gene": (r"[A-Z][A-Z0-9]{1,19}", "a gene symbol of capitals and digits (HGNC), such as SNAP47"),
    "mechanism": (r"[a-z0-9][a-z0-9-]{0,59}", "a name of small letters, digits and dashes, such as no-trigger"),
    "assay": (r"[A-Z][A-Za-z0-9]{0,39}", "a name that a Python class can have, such as Cd9Elisa"),
}
"""What a name may be, by kind."""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "new", help="write the first version of a drug, line, paper, gene, mechanism or assay of your own",
        description="Write a commented file with blanks to fill in; tables then count with --catalogue FOLDER.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("kind", choices=tuple(TEMPLATES), metavar="KIND", help=", ".join(TEMPLATES))
    p.add_argument("name", metavar="NAME", help="what it is called")
    p.add_argument("-o", "--out", type=Path, metavar="FILE", help="file to write (default: NAME.toml or NAME.py here)")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Write the file; never over another one."""
    form, expected = FORMS[asked.kind]
    if not re.fullmatch(form, asked.name):
        raise refuse(DataError, asked.name, f"{expected}, for a new {asked.kind}", "Choose such a name.")
    ending = ".py" if asked.kind == "assay" else ".toml"
    path = asked.out or Path(re.sub(r"\W+", "-", asked.name).strip("-").lower() + ending)
    if path.suffix != ending:
        raise refuse(DataError, str(path), f"a file name that ends in {ending}", f"Write -o {path.stem}{ending}.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("x", encoding="utf-8") as file:
            file.write(template(asked.kind, asked.name, path.name))
    except FileExistsError:
        raise DataError(f"{path}: is there already. Choose another name with -o.") from None
    except OSError as problem:
        raise DataError(f"{path}: cannot be written ({problem.strerror}). Choose another place with -o.") from problem
    print(f"written: {path}")
    if asked.kind == "assay":
        print(f"Fill in what says FILL IN, then: exude assay {path} RUN.nc")
    else:
        print(f"Fill in what says FILL IN, then: exude --catalogue {path} show {asked.name!r}")
