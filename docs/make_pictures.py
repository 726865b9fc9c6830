"""Pictures of README and pages: gelatin under cells of three kinds, a co-culture with T cells, a dish of gene transfer.

python docs/make_pictures.py               # rewrites all of them in docs/images; a minute and a half
python docs/make_pictures.py co_culture    # one: gelatin, co_culture or transfer
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from matplotlib.figure import Figure

from exude.experiment.arrange import Mixture, Scattered
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.gene_transfer import GeneTransfer
from exude.experiment.assays.measures import reading
from exude.experiment.matrix import Film
from exude.experiment.perturbations import Drug, KnockDown, KnockOut
from exude.experiment.study.tissues import conditions
from exude.experiment.tissue import Tissue
from exude.show.style import style
from exude.show.tissue_figures import co_culture_figure, gelatin_figure, gene_transfer_figure

FOLDER = Path(__file__).parent / "images"
DPI = 130
SHOWN = ("wild type", "knock-down", "rescue wild type", "GM6001")
SEEDS = (1, 2, 3)
BOX = ("300 um", "300 um")


def gelatin() -> Figure:
    """Film under untreated cells, without Munc13-4, rescued, and without proteolysis."""
    dishes = {
        name: [
            reading(
                Tissue(
                    what=conditions()[name], matrix=Film(), cells=Scattered(10), size=("225 um", "225 um"), voxel="2.5 um",
                    duration="4 h", every="4 h", seed=seed,
                )
            )
            for seed in SEEDS
        ]
        for name in SHOWN
    }  # fmt: skip
    return gelatin_figure(dishes)


def co_culture() -> Figure:
    """Killing by T cells, by ones without Munc13-4, and with PD-L1 covered."""
    assay = CoCulture()
    cells = Mixture({"tumour": 50, "t_cell": 50})
    done: dict[str, dict[str, object]] = {
        "untreated": {},
        "T cells without Munc13-4": {"also": {"t_cell": (KnockOut("UNC13D"),)}},
        "anti-PD-L1": {"what": (Drug("anti-PD-L1", "0.07 uM"),)},
    }
    return co_culture_figure(
        {
            name: [
                reading(assay.dish(**what, cells=cells, size=BOX, duration="12 h", every="1 h", seed=seed))
                for seed in SEEDS
            ]
            for name, what in done.items()
        },
        assay,
    )


def transfer() -> Figure:
    """Recipients of exosomes beside tumour cells with and without Munc13-4."""
    assay = GeneTransfer()
    cells = Mixture({"tumour": 30, "fibroblast": 30, "normal": 30})
    done = {"untreated": (), "UNC13D knock-down": (KnockDown("UNC13D", to=0.1),)}
    return gene_transfer_figure(
        {
            name: [
                reading(assay.dish(what=what, cells=cells, size=BOX, duration="48 h", every="4 h", seed=seed))
                for seed in SEEDS
            ]
            for name, what in done.items()
        },
        assay,
    )


PICTURES: dict[str, Callable[[], Figure]] = {"gelatin": gelatin, "co_culture": co_culture, "transfer": transfer}


def main() -> None:
    """Make those that are named, or all."""
    for name in sys.argv[1:] or PICTURES:
        figure = PICTURES[name]()
        with style():
            figure.savefig(FOLDER / f"{name}.png", dpi=DPI)


if __name__ == "__main__":
    main()
