"""Immunity: T cells search, bind, hit, kill and tire; PD-L1 on tumour cells and on exosomes restrains them.

A hit is one burst of lytic granules, which fuse by the T cell's own Munc13-4: the same protein that lets the tumour
release exosomes. What lowers it in all cells of a body lowers both. A bound T cell hits at
k_hit x granules x alarm x vigour x (1 - restraint); a target forgets its hits at `k_repair` and dies of
`lethal_hits`. Interferon from bound T cells raises PD-L1 of all cells, and so of the exosomes they release.
"""

from exude.cascade.extracellular import riding
from exude.model import (
    DEAD,
    HEALTHY,
    Behaviour,
    Bond,
    Chapter,
    Definition,
    Deposit,
    Event,
    Field,
    Hypothesis,
    Kind,
    Level,
    Pool,
    Reaction,
)

PD_L1 = riding("pd_l1", "pd_l1_per_exosome * pd_l1 * ilv / one_cell", "PD-L1")
TARGETS = ("tumour", "transformed")
"""Kinds that T cells know."""
IMMUNITY = Chapter(
    name="immunity",
    levels=(
        Level("recognised", normal=0.0, meaning="share of the tumour's antigens that a cell shows"),
        Level("pd1", normal=0.0, meaning="PD-1: 1 on T cells"),
        Level("pd_l1_free", meaning="share of PD-L1 that no antibody covers"),
    ),
    definitions=(
        Definition("from_exosomes", "need_exosomal_pd_l1 * hill(exo_pd_l1 * pd_l1_free, half_exosomal_pd_l1, 1)"),
        Definition(
            "granules",
            "hit_without_munc13_4 + (1 - hit_without_munc13_4) * saturate(UNC13D, half_granule_munc13_4)",
            why="lytic granules fuse by the T cell's own Munc13-4; 1 is that of a healthy T cell",
        ),
        Definition("bell", "(soce_channels / best_orai1) / (1 + (soce_channels / best_orai1) ** 2)"),
        Definition("bell_healthy", "(1 / best_orai1) / (1 + (1 / best_orai1) ** 2)"),
        Definition(
            "alarm",
            "(1 - need_calcium_optimum) * saturate(soce_channels, half_granule_orai1)"
            " + need_calcium_optimum * bell / bell_healthy",
            why="calcium entry starts granules on their way; the rival has an optimum below what T cells have",
        ),
        Definition("vigour", "tired_left + (1 - tired_left) * (1 - tired)"),
        Definition("tiring", "k_tire * (bound + tire_by_pd_l1 * felt)", "1/s"),
        Definition("rise", "1 + interferon_gain * hill(interferon, half_interferon, 1)"),
        Definition("sinks", "need_interferon_uptake * interferon_uptake * cells / one_cell", "1/s"),
    ),
    fields=(
        *PD_L1.fields,
        Field("interferon", "uM", diffusion="protein_diffusion", fast=True, meaning="interferon-gamma"),
        Field("chemokine", "uM", diffusion="protein_diffusion", fast=True, meaning="what calls T cells to a kill"),
    ),
    reactions=(
        *PD_L1.reactions,
        Reaction("interferon secretion", "interferon_made", {"interferon": 1}),
        Reaction("interferon loss", "(k_interferon_loss + sinks + escape) * interferon", {"interferon": -1}),
        Reaction("chemokine secretion", "chemokine_made", {"chemokine": 1}),
        Reaction("chemokine loss", "(k_chemokine_loss + escape) * chemokine", {"chemokine": -1}),
    ),
    pools=(
        Pool("pd_l1", "", gain="k_pd_l1_turnover * CD274 * rise", loss="k_pd_l1_turnover", meaning="PD-L1 of the cell"),
        Pool(
            "exo_pd_l1",
            "item",
            gain="pd1 * k_exosome_to_t_cell * exosomal_pd_l1 / substance_of_one",
            loss="k_exosomal_pd_l1_off",
            meaning="exosomal PD-L1 held by a T cell",
        ),
        Pool("tired", "", gain="tiring", loss="tiring", meaning="tired share of a T cell's power"),
        Pool("bound", "", gain="0", loss="0", meaning="share of the last step in which a T cell was bound"),
        Pool("felt", "", gain="0", loss="0", meaning="restraint that a T cell feels, nothing while it is free"),
        Pool("hits", "", gain="0", loss="0", meaning="hits that a target has not repaired, a whole number"),
    ),
    deposits=(
        Deposit("interferon_made", "uM/s", amount="substance_of_one * interferon_secretion * bound"),
        Deposit("chemokine_made", "uM/s", amount="substance_of_one * chemokine_secretion * bound"),
    ),
    releases=PD_L1.releases,
    kinds=(
        Kind(
            "t_cell",
            "t_radius",
            line=HEALTHY,
            secretes=False,
            levels={
                "nucleus": "t_nucleus_section",
                "uptake_ease": "uptake_ease_t_cell",
                "pd1": "1",
                "MMP14": "0",
                "MMP2": "0",
                "TIMP2": "0",
                "CD274": "0",
            },
            meaning="CD8 T cells that know the tumour",
        ),
    ),
    behaviours=(
        Behaviour(
            kind="t_cell",
            speed="t_walk_speed",
            persistence="t_walk_persistence",
            passage="pores",
            guidance="0",
            division="k_t_divide * bound * (1 - tired)",
            death="k_t_death",
            repulsion="cell_repulsion * embedded",  # on a layer of cells they crawl over it
            adhesion="0",
            drift={"chemokine": "t_chemotaxis"},
        ),
    ),
    events=tuple(
        event
        for kind in TARGETS
        for event in (
            Event(
                f"repair of {kind}",
                kind,
                "k_repair * min(1, hits) * max(0, min(1, lethal_hits - hits))",
                sets={"hits": "0"},
                because=("Weigelin2021",),
            ),
            Event(
                f"killing of {kind}",
                kind,
                "k_dying * min(1, max(0, hits - lethal_hits + 1))",
                DEAD,
                because=("Weigelin2021",),
            ),
        )
    ),
    bonds=(
        Bond(
            "killing",
            "t_cell",
            TARGETS,
            on="k_t_bind * target_recognised",
            off="k_t_unbind",
            touch="t_touch",
            tether="t_tether",
            definitions=(
                Definition("in_contact", "hill(target_pd_l1 * pd_l1_free, half_pd_l1, 1)"),
                Definition("restraint", "most_restraint * (1 - (1 - in_contact) * (1 - from_exosomes))"),
            ),
            sets={"bound": "1", "felt": "restraint"},
            hits={"hits": "k_hit * granules * alarm * vigour * (1 - restraint)"},
            because=("JCI34388", "Weigelin2021"),
        ),
    ),
    hypotheses=(
        Hypothesis(
            "calcium-optimum",
            "T cells kill best at less ORAI1 than they have.",
            values={"need_calcium_optimum": 1.0},
            because=("Zhou2018",),
        ),
        Hypothesis(
            "far-interferon",
            "Tumour cells do not use interferon up: it reaches far.",
            values={"need_interferon_uptake": 0.0},
            because=("Hoekstra2020",),
        ),
        Hypothesis("contact-only", "PD-L1 on exosomes restrains no T cell.", values={"need_exosomal_pd_l1": 0.0}),
    ),
)
