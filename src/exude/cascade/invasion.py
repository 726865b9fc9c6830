"""Tumour cells in space: they walk, squeeze through pores, follow collagen, push, hold on, divide and die.

A cell passes a pore at a speed that falls in a straight line with the pore's cross-section and is nil at a tenth of
its nucleus's (Wolf 2013); proteolysis widens pores because the cross-section is the inverse of the collagen left.
Munc13-4 also drives motility without exosomes, through Rab11, FAK and focal adhesions (Duong 2024): the switch
`need_fak_route` turns that off.
"""

from exude.model import Behaviour, Chapter, Definition, Field, Kind, Level, Reaction

INVASION = Chapter(
    name="invasion",
    levels=(
        Level("embedded", meaning="1 where cells are inside matrix, 0 where they walk on it"),
        Level("nucleus", unit="um**2", normal=0.0, meaning="cross-section of the cell's nucleus"),
    ),
    definitions=(
        Definition(
            "intact",
            "collagen * ratio(collagen, collagen + fragments) ** fibril_weakness",
            "uM",
            why="a fibre gives way long before all its collagen is cut",
        ),
        Definition("pore_section", "pore_reference * collagen_reference / (intact + pore_floor)", "um**2"),
        Definition("pore_limit", "pore_limit_share * nucleus", "um**2"),
        Definition("pores", "mix(min(1, max(0, pore_section - pore_limit) / (nucleus - pore_limit)), embedded)"),
        Definition(
            "fak_drive",
            "saturate((UNC13D + mutant_rab11 * UNC13D_mutant * mutant_c2b) * rab11, half_fak)",
            why="Munc13-4, Rab11 and FAK on recycling endosomes turn focal adhesions over; it needs calcium",
        ),
        Definition("fak", "mix(fak_drive, need_fak_route * fak_share)"),
        Definition("breathing", "oxygen / (half_oxygen + oxygen)"),
        Definition("breathing_normal", "oxygen_normal / (half_oxygen + oxygen_normal)"),
        Definition("energy", "breathing / breathing_normal"),
        Definition(
            "room",
            "max(0, 1 - pressure / most_pressure)",
            why="cells that are pressed neither divide nor walk (contact inhibition)",
        ),
        Definition("starving", "max(0, 1 - oxygen / oxygen_fatal)"),
    ),
    fields=(
        Field(
            "oxygen",
            "uM",
            diffusion="oxygen_diffusion",
            start="oxygen_normal",
            edge="oxygen_normal",
            fast=True,
            meaning="oxygen",
        ),
    ),
    reactions=(Reaction("respiration", "respiration * cells * breathing", {"oxygen": -1}),),
    kinds=(
        Kind(
            "tumour",
            "cell_radius",
            levels={"nucleus": "nucleus_section", "oncogenic": "1", "recognised": "1"},
            meaning="tumour cells of the chosen line",
        ),
    ),
    behaviours=(
        Behaviour(
            kind="tumour",
            speed="walk_speed * fak * energy * room",
            persistence="walk_persistence",
            passage="pores",
            guidance="fibre_guidance",
            division="k_divide * energy * room",
            death="k_starve * starving",
            repulsion="cell_repulsion",
            adhesion="cell_adhesion * mix(adhesion_flat, 1 - embedded)",
            drift={"collagen": "haptotaxis"},
        ),
    ),
)
