"""What takes collagen apart: MT1-MMP on exosomes and at invadopodia, and the MMP-2 that it activates.

MT1-MMP works on exosomes, free or bound to the matrix, and at invadopodia. TIMP-2 binds it, and that complex holds
pro-MMP-2 for a second, free MT1-MMP to activate: so TIMP-2 both activates and inhibits. These bindings settle within
minutes, so they are taken at rest (shares `mt1_free`, `mt1_holding`); TIMP-2 held by MT1-MMP is not subtracted from
TIMP-2, which holds while MT1-MMP is scarcer. What is made, moved and lost is counted: every field's balance closes.
"""

from exude.cascade.extracellular import riding
from exude.model import Chapter, Definition, Deposit, Field, Level, Pool, Reaction

MT1_MMP = riding("mt1", "cargo", "MT1-MMP")
PROTEOLYSIS = Chapter(
    name="proteolysis",
    levels=(
        Level("TIMP2", varies=False, meaning="TIMP-2 secreted"),
        Level("MMP2", varies=False, meaning="pro-MMP-2 secreted by the cell itself"),
        Level("mt1_activity", meaning="activity of MT1-MMP that inhibitors leave"),
        Level("mmp2_activity", meaning="activity of MMP-2 that inhibitors leave"),
        Level("gelatin", normal=0.0, meaning="1 where the matrix is gelatin (denatured collagen)"),
    ),
    definitions=(
        Definition("mt1_timp2", "timp2 / kd_mt1_timp2", why="MT1-MMP with TIMP-2 over free MT1-MMP"),
        Definition("pro_held", "pro_mmp2 / kd_pro_mmp2", why="of these, with pro-MMP-2 over without"),
        Definition("mt1_free", "1 / (1 + mt1_timp2 * (1 + pro_held))"),
        Definition("mt1_holding", "mt1_free * mt1_timp2 * pro_held", why="share that holds pro-MMP-2"),
        Definition("mt1", "exosomal_mt1 + confinement * (bound_mt1 + invadopodial_mt1)", "uM"),
        Definition(
            "mt1_here",
            "exosomal_mt1 + bound_mt1 + invadopodial_mt1",
            "uM",
            why="over the whole layer, as fields are: what a film holds is denser by `confinement` but fills that much less",
        ),
        Definition("mt1_working", "mt1 * mt1_free * mt1_activity", "uM"),
        Definition("substrate_ease", "mix(gelatin_over_collagen, gelatin)", why="gelatin is cut faster than collagen"),
        Definition("mt1_cuts", "substrate_ease * kcat_mt1 * mt1_working / (km_mt1 + substrate)", "1/s"),
        Definition("mmp2_cuts", "substrate_ease * kcat_mmp2 * mmp2 * mmp2_activity / (km_mmp2 + substrate)", "1/s"),
        Definition(
            "activation",
            "k_activate * mt1_here * mt1_holding * mt1_working / (kd_second_mt1 + mt1_working)",
            "uM/s",
            why="a second, free MT1-MMP cuts the pro-MMP-2 that the complex holds",
        ),
    ),
    fields=(
        *MT1_MMP.fields,
        Field("timp2", "uM", diffusion="protein_diffusion", edge="0", supplied=True, meaning="TIMP-2"),
        Field(
            "pro_mmp2",
            "uM",
            diffusion="protein_diffusion",
            start="serum_pro_mmp2",
            edge="serum_pro_mmp2",
            supplied=True,
            meaning="pro-MMP-2",
        ),
        Field("mmp2", "uM", diffusion="protein_diffusion", edge="0", supplied=True, meaning="active MMP-2"),
        Field(
            "mmp2_timp2",
            "uM",
            diffusion="protein_diffusion",
            edge="0",
            supplied=True,
            meaning="MMP-2 blocked by TIMP-2",
        ),
    ),
    reactions=(
        *MT1_MMP.reactions,
        Reaction("cutting", "mt1_cuts * collagen", {"collagen": -1, "fragments": 1}, because=("KaragiannisPopel2004",)),
        Reaction("cutting by MMP-2", "mmp2_cuts * collagen", {"collagen": -1, "fragments": 1}),
        Reaction("TIMP-2 secretion", "timp2_made", {"timp2": 1}),
        Reaction("pro-MMP-2 secretion", "pro_mmp2_made", {"pro_mmp2": 1}),
        Reaction("activation", "activation", {"pro_mmp2": -1, "mmp2": 1}, because=("KaragiannisPopel2004",)),
        Reaction("TIMP-2 to medium", "escape * timp2", {"timp2": -1}),
        Reaction("pro-MMP-2 from medium", "escape * (serum_pro_mmp2 - pro_mmp2)", {"pro_mmp2": 1}),
        Reaction("MMP-2 to medium", "escape * mmp2", {"mmp2": -1}),
        Reaction("blocked MMP-2 to medium", "escape * mmp2_timp2", {"mmp2_timp2": -1}),
        Reaction("inhibition", "k_mmp2_timp2 * mmp2 * timp2", {"mmp2": -1, "timp2": -1, "mmp2_timp2": 1}),
    ),
    pools=(
        Pool(
            "surface_mt1",
            "item",
            gain="surface_share_direct * surface_mt1_rest * k_surface_turnover * MMP14",
            loss="k_surface_turnover",
            per_fusion="surface_per_exosomal * cargo",
            meaning="MT1-MMP at invadopodia: part comes on its own route (Rab8), part with each fusing MVB's membrane",
        ),
    ),
    deposits=(
        Deposit("invadopodial_mt1", "uM", amount="substance_of_one * surface_mt1", invadopodia=True),
        Deposit("timp2_made", "uM/s", amount="substance_of_one * timp2_secretion * TIMP2"),
        Deposit("pro_mmp2_made", "uM/s", amount="substance_of_one * pro_mmp2_secretion * MMP2"),
    ),
    releases=MT1_MMP.releases,
)
