"""Exosomes: cargo and size of each, what stays on the surface or is lost in the dish, and shed membrane vesicles."""

from exude.model import Chapter, Definition, Emission, Level

EXOSOMES = Chapter(
    name="exosomes",
    levels=(
        Level("MMP14", varies=True, meaning="MT1-MMP"),
        Level("CD63", varies=True, meaning="tetraspanin, exosome mark"),
        Level("CD9", varies=True, meaning="tetraspanin, exosome mark"),
        Level("CD274", varies=True, meaning="PD-L1"),
        Level("BST2", meaning="tetherin: holds exosomes on the cell that released them"),
    ),
    definitions=(
        Definition("mt1_mmp_per_patch", "mt1_mmp_per_growth / patches_per_growth * MMP14"),
        Definition(
            "shedding",
            "k_shed_rest + k_shed_calcium * hill(calcium, half_shed, hill_shed)",
            "item/s",
            why="vesicles shed from the plasma membrane: particle counts see them, CD63 does not",
        ),
        Definition("held_share", "1 - 1 / (1 + held_per_tetherin * BST2)", why="share of released exosomes held back"),
    ),
    emissions=(Emission("shed", rate="shedding", because=("Williams2023", "TemocheDiaz2019")),),
)
