"""Endosomes: the life of a multivesicular body (MVB) from birth to fusion with plasma membrane or lysosome."""

from exude.model import BORN, DEGRADED, RELEASED, Chapter, Definition, Level, LifeCycle, Membrane, Transition

MVB = LifeCycle(
    name="mvb",
    stages=("immature", "travelling", "peripheral", "docked", "primed"),
    resolved="immature",
    transitions=(
        Transition("birth", BORN, "immature", rate="k_birth"),
        Transition("growth", "immature", "immature", rate="growth_rate", growth=1, because=("Messenger2018",)),
        Transition("merger", "immature", "immature", rate="k_merge", merges=True, because=("Woo2017",)),
        Transition("maturation", "immature", "travelling", rate="k_mature", gate="hill(growth, half_mature, 1)"),
        Transition("loss_immature", "immature", DEGRADED, rate="k_loss_immature * to_lysosome"),
        Transition("loss_travelling", "travelling", DEGRADED, rate="k_loss_travelling * to_lysosome"),
        Transition("loss_peripheral", "peripheral", DEGRADED, rate="k_loss_peripheral * to_lysosome"),
        Transition("transport", "travelling", "peripheral", rate="k_transport * microtubules"),
        Transition("docking", "peripheral", "docked", rate="k_dock * rab27 * sites_free", because=("TemocheDiaz2019",)),
        Transition("undocking", "docked", "peripheral", rate="k_undock"),
        Transition("priming", "docked", "primed", rate="k_prime * snare * priming_share", because=("Tawfik2021",)),
        Transition("depriming", "primed", "docked", rate="k_deprime"),
        Transition("fusion", "primed", RELEASED, rate="spontaneous + triggered", because=("Messenger2018",)),
    ),
    membrane=Membrane(
        bud="k_bud * budding",
        back="k_back",
        at_birth="patches_at_birth",
        per_growth="patches_per_growth",
        cargo="mt1_mmp",
        cargo_per_birth_patch="mt1_mmp_rab8_share * mt1_mmp_per_patch",
        cargo_per_growth_patch="(1 - mt1_mmp_rab8_share) * mt1_mmp_per_patch",
        patch_diameter="ilv_diameter",
    ),
)

ENDOSOMES = Chapter(
    name="endosomes",
    levels=(
        Level("HGS", varies=True, meaning="HRS, ESCRT-0: starts ILV budding"),
        Level("PDCD6IP", varies=True, meaning="ALIX: ESCRT accessory"),
        Level("SMPD3", varies=True, meaning="neutral sphingomyelinase 2: ceramide-driven budding"),
        Level("RAB7A", varies=True, meaning="fusion with lysosomes"),
        Level("CTTN", varies=True, meaning="cortactin: cortical actin docking sites"),
        Level("microtubules", meaning="microtubules left for transport"),
        Level("cortical_actin", meaning="cortical actin left at docking sites"),
        Level("v_atpase", meaning="proton pump that acidifies MVBs"),
    ),
    definitions=(
        Definition(
            "budding",
            "(1 - ceramide_share) * saturate(HGS, half_escrt) * saturate(PDCD6IP, half_escrt)"
            " + ceramide_share * saturate(SMPD3, half_smpd3)",
        ),
        Definition("growing_share", "loaded_growing / (loaded_growing + half_growth)"),
        Definition("growth_rate", "k_grow * rab11 * (grow_without + (1 - grow_without) * growing_share)", "1/s"),
        Definition("munc13_4_lysosome", "mix(growing_share / lysosome_half_share, need_munc13_4_lysosome)"),
        Definition(
            "to_lysosome",
            "RAB7A * (1 - acid_share + acid_share * v_atpase) * munc13_4_lysosome",
            why="fusion with lysosomes; faster where MVBs are acid",
        ),
        Definition("sites", "docking_sites * saturate(CTTN, half_cttn) * cortical_actin", "item"),
        Definition("sites_free", "max(0, sites - n_docked - n_primed) / docking_sites"),
        Definition("prime_munc13_4", "loaded_fusing / (loaded_fusing + half_prime)"),
        Definition("priming_share", "prime_munc13_4 + (1 - prime_munc13_4) * prime_without * UNC13B"),
        Definition("spontaneous", "k_spontaneous * mix(microdomain, need_microdomain)", "1/s"),
        Definition("triggered", "k_trigger * hill(loaded_fusing, half_trigger, hill_trigger) + k_syt7 * syt7", "1/s"),
    ),
    life_cycle=MVB,
)
