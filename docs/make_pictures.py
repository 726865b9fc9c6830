"""The picture of README and docs/tissue.md: gelatin under cells of three kinds.

python docs/make_pictures.py        # rewrites docs/images/gelatin.png; half a minute
"""

from __future__ import annotations

from pathlib import Path

from exude.experiment.arrange import Scattered
from exude.experiment.matrix import Film
from exude.experiment.assays.measures import reading
from exude.experiment.study.tissues import conditions
from exude.experiment.tissue import Tissue
from exude.show.tissue_figures import gelatin_figure

OUT = Path(__file__).parent / "images" / "gelatin.png"
SHOWN = ("wild type", "knock-down", "rescue wild type", "GM6001")
SEEDS = (1, 2, 3)


def main() -> None:
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
    gelatin_figure(dishes).savefig(OUT, dpi=130)


if __name__ == "__main__":
    main()
