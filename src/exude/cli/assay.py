"""`exude assay`: what an assay would read from a saved run."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from exude.cli.common import Parser
from exude.errors import UnknownName, refuse

if TYPE_CHECKING:
    from exude.experiment.assays import AbstractAssay

EXAMPLES = """examples:
  exude list assays
  exude assay exosome_blot run.nc
  exude assay nta run.nc --replicates 6 --seed 2
  exude assay matrix_degradation dish.zarr
  exude assay metastasis cohort.nc
  exude assay cd9_elisa.py run.nc           (an assay of your own; this runs your file)
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "assay", help="what an assay would read from a saved run", epilog=EXAMPLES,
        description="Read a saved run with an assay: what it sees, and what it would measure with its noise.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument(
        "name",
        metavar="NAME",
        help="assay (`exude list assays`), or a Python file of your own that defines one and is run",
    )
    p.add_argument(
        "file",
        metavar="RUN.nc",
        type=Path,
        help="a file by `exude simulate -o` or `exude cohort -o`, or a folder by `exude tissue`",
    )
    p.add_argument("--replicates", type=int, default=3, metavar="N", help="replicates to measure (default: 3)")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the measurement noise (default: 1)")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Print what the assay sees and measures."""
    from exude.experiment.assays import ASSAYS, assay_from
    from exude.experiment.assays.in_bodies import COHORT_ASSAYS
    from exude.experiment.assays.in_space import TISSUE_ASSAYS

    if asked.name.endswith(".py"):
        return _cells(asked, assay_from(asked.name))
    if asked.name in COHORT_ASSAYS:
        return _cohort(asked)
    if asked.name in TISSUE_ASSAYS:
        return _tissue(asked)
    if asked.name not in ASSAYS:
        known = [*ASSAYS, *TISSUE_ASSAYS, *COHORT_ASSAYS]
        raise refuse(UnknownName, asked.name, "an assay", "`exude list assays` names all of them.", known)
    _cells(asked, ASSAYS[asked.name])


def _cells(asked: argparse.Namespace, kind: type[AbstractAssay]) -> None:
    """Print what an assay of cells sees and measures in a saved run."""
    from exude.engine.result import Run
    from exude.show.datasets import dataset_table
    from exude.show.tables import show_table

    made = Run.load(asked.file)
    assay = kind()
    print(f"{asked.name} of {asked.file} ({made.provenance['line']}: {'; '.join(made.provenance['conditions'])})\n")
    show_table(dataset_table("what there is to see", assay.observable(made)))
    measured = assay.measure(made, replicates=asked.replicates, seed=asked.seed)
    print()
    show_table(dataset_table(f"what {asked.replicates} replicates would measure", measured))


def _tissue(asked: argparse.Namespace) -> None:
    """Print what an assay of a tissue sees and measures in a stored run."""
    from exude.engine.tissue_run import open_tissue
    from exude.experiment.assays.in_space import TISSUE_ASSAYS
    from exude.experiment.assays.measures import reading
    from exude.show.datasets import dataset_table
    from exude.show.tables import show_table

    dish = reading(open_tissue(asked.file))
    assay = TISSUE_ASSAYS[asked.name]()
    print(f"{asked.name} of {asked.file} ({dish.made['line']}: {'; '.join(dish.made['conditions'])})\n")
    show_table(dataset_table("what there is to see", assay.observable(dish)))
    print()
    show_table(dataset_table("what one dish would measure", assay.measure(dish, seed=asked.seed)))


def _cohort(asked: argparse.Namespace) -> None:
    """Print what an assay of bodies sees and measures in a stored cohort."""
    from exude.experiment.assays.in_bodies import COHORT_ASSAYS
    from exude.experiment.cohort_file import load_cohort
    from exude.show.datasets import dataset_table
    from exude.show.tables import show_table

    run = load_cohort(asked.file)
    assay = COHORT_ASSAYS[asked.name]()
    print(
        f"{asked.name} of {asked.file} ({run.cohort.line}: {run.data.attrs['conditions']}; given {run.data.attrs['given']})\n"
    )
    show_table(dataset_table("what there is to see", assay.observable(run)))
    measured = assay.measure(run, replicates=asked.replicates, seed=asked.seed)
    print()
    show_table(dataset_table(f"what {asked.replicates} animals would measure", measured))
