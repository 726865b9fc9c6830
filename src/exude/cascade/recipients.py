"""Recipients: normal cells that take exosomes up, and what the cancer genes on them do there.

Each cell takes most_uptake m E / (half_uptake + E) exosomes per second, m its own ease of uptake. A share
`cargo_escape` of the oncogene copies they carry becomes active: the message M, lost at `k_message_loss` and halved at
division. A copy that becomes active transforms with chance transform_chance x susceptible, so that of cells which
received n active copies each 1 - exp(-transform_chance susceptible n) are transformed, if none returns. A transformed
cell returns at k_revert (1 - h), h = M^2 / (M^2 + half_message^2), and becomes a tumour cell for good at k_fix h.
"""

from exude.cascade.extracellular import riding
from exude.model import Behaviour, Chapter, Definition, Event, Kind, Level, Pool

ONCOGENE = riding("oncogene", "oncogene_per_exosome * max(oncogenic, heard) * ilv / one_cell", "oncogene product")
TRANSFORMING = "need_transfer * transform_chance * susceptible * copies_active"
RECIPIENTS = Chapter(
    name="recipients",
    levels=(
        Level("transfer_free", meaning="working of transferred oncogenes that inhibitors leave"),
        Level("oncogenic", normal=0.0, meaning="1 where the cell carries the oncogene itself"),
        Level("susceptible", normal=0.0, meaning="susceptibility to transformation, fibroblast 1"),
    ),
    definitions=(
        Definition(
            "own_uptake", "most_uptake * one_cell * uptake_ease * uptake_free / (half_uptake + exosomes)", "um**3/s"
        ),
        Definition(
            "own_gathering",
            "surfing_share * most_uptake * one_cell * uptake_ease * uptake_free / (half_uptake + bound_exosomes)",
            "um**3/s",
        ),
        Definition("taken_in", "own_uptake * exosomes + own_gathering * bound_exosomes", "item/s"),
        Definition(
            "copies_in",
            "(own_uptake * exosomal_oncogene + own_gathering * bound_oncogene) / substance_of_one",
            "item/s",
        ),
        Definition("copies_active", "cargo_escape * transfer_free * copies_in", "item/s"),
        Definition("heard", "hill(message, half_message, 2)", why="a transformed cell keeps to its message"),
    ),
    fields=ONCOGENE.fields,
    reactions=ONCOGENE.reactions,
    pools=(
        Pool(
            "message",
            "item",
            gain="copies_active",
            loss="k_message_loss",
            meaning="copies of transferred oncogene product that are active in the cell",
        ),
        Pool("exosomes_in", "item", gain="taken_in", loss="0", meaning="exosomes taken up so far"),
        Pool(
            "risk",
            "",
            gain=TRANSFORMING,
            loss="0",
            meaning="hazard of being transformed, summed while it can be: its mean is the share that is",
        ),
    ),
    releases=ONCOGENE.releases,
    kinds=(
        Kind(
            "normal",
            "radius_normal",
            line="MCF-10A",
            levels={
                "nucleus": "nucleus_section",
                "uptake_ease": "uptake_ease_normal",
                "susceptible": "susceptible_normal",
            },
            meaning="normal epithelium",
        ),
        Kind(
            "transformed",
            "cell_radius",
            line="MCF-10A",
            levels={"nucleus": "nucleus_section", "recognised": "t_recognises_transformed"},
            meaning="recipients under a transferred oncogene",
        ),
        Kind(
            "fibroblast",
            "radius_fibroblast",
            line="MCF-10A",  # no line of fibroblasts is in the catalogue: they release as normal epithelium does
            levels={
                "nucleus": "nucleus_section",
                "uptake_ease": "uptake_ease_fibroblast",
                "susceptible": "susceptible_fibroblast",
                "MMP2": "fibroblast_pro_mmp2",
                "TIMP2": "fibroblast_timp2",
            },
            meaning="stroma: source of pro-MMP-2 and TIMP-2",
        ),
    ),
    behaviours=(
        Behaviour(
            kind="normal",
            speed="walk_speed_normal * energy * room",
            persistence="walk_persistence",
            passage="pores",
            guidance="0",
            division="k_divide_normal * energy * room",
            death="k_starve * starving",
            repulsion="cell_repulsion",
            adhesion="cell_adhesion * adhesion_normal",
        ),
        Behaviour(
            kind="transformed",
            speed="walk_speed * energy * room",
            persistence="walk_persistence",
            passage="pores",
            guidance="fibre_guidance",
            division="transformed_drive * k_divide * energy * room",
            death="k_starve * starving",
            repulsion="cell_repulsion",
            adhesion="cell_adhesion * mix(adhesion_flat, 1 - embedded)",
            drift={"collagen": "haptotaxis"},
        ),
        Behaviour(
            kind="fibroblast",
            speed="walk_speed_fibroblast * energy * room",
            persistence="walk_persistence",
            passage="pores",
            guidance="fibre_guidance",
            division="k_divide_fibroblast * energy * room",
            death="k_starve * starving",
            repulsion="cell_repulsion",
            adhesion="0",
        ),
    ),
    events=(
        Event("transformation", "normal", TRANSFORMING, "transformed", because=("AlNedawi2008",)),
        Event("transformation of stroma", "fibroblast", TRANSFORMING, "transformed", because=("Lee2016HRas",)),
        Event("reversion", "transformed", "k_revert * (1 - heard)", "normal", because=("Lee2016HRas",)),
        Event("fixation", "transformed", "k_fix * heard", "tumour"),
    ),
)
