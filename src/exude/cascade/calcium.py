"""Calcium: stores, entry, pumps, ionophore, chelators; what the cell's sensors read.

Concentrations are free ones, the cell's own buffers folded into the fluxes: `store_share` is the rise of free
cytosolic calcium per unit of free store calcium lost.
"""

from exude.model import Chapter, Definition, Level, Trace

CALCIUM = Chapter(
    name="calcium",
    levels=(
        Level("ORAI1", varies=True, meaning="store-operated calcium channel"),
        Level("STIM1", varies=True, meaning="store calcium sensor that opens ORAI1"),
        Level("TRPC1", varies=True, meaning="stand-in for basal entry through TRP channels"),
        Level("ITPR3", varies=True, meaning="IP3 receptor"),
        Level("ATP2A2", varies=True, meaning="SERCA2, fills the store"),
        Level("ATP2B1", varies=True, meaning="PMCA1, pumps calcium out"),
        Level("HRH1", meaning="histamine H1 receptor"),
        Level("external_calcium", unit="uM", normal=0.0, meaning="calcium in the medium, added to the medium's own"),
        Level("medium", meaning="share of the medium's own calcium that is there"),
        Level("ionophore", normal=0.0, meaning="occupancy of calcium transport by an ionophore, both membranes"),
        Level("ip3", unit="uM", normal=0.0, meaning="IP3 made under an agonist other than histamine"),
        Level("histamine_ip3", unit="uM", normal=0.0, meaning="IP3 made under histamine at reference HRH1"),
        Level("bapta", unit="uM", normal=0.0, meaning="BAPTA in the cytosol"),
        Level("pore", unit="1/s", normal=0.0, meaning="exchange with the outside through pores"),
    ),
    definitions=(
        Definition("outside", "medium_calcium * medium + external_calcium", "uM"),
        Definition("entry_share", "hill(outside, half_entry, 1)", why="entry saturates with outside calcium"),
        Definition("store_signal", "fall(er_calcium, half_store, steep_store)", why="STIM1 senses an empty store"),
        Definition("soce_channels", "min(ORAI1, 2 * STIM1)", why="channels need sensors; sensors are in excess"),
        Definition("j_soce", "v_soce * soce_channels * store_signal * entry_share", "uM/s"),
        Definition("j_basal", "v_basal * TRPC1 * entry_share", "uM/s"),
        Definition("j_ionophore", "k_ionophore_membrane * ionophore * (outside - calcium)", "uM/s"),
        Definition("j_pore", "pore * (outside - calcium)", "uM/s"),
        Definition("agonist_ip3", "ip3 + histamine_ip3 * HRH1", "uM"),
        Definition("ip3_now", "ip3_rest + agonist_ip3 * (1 - agonist_fade)", "uM"),
        Definition("ip3r_bound", "hill(ip3_now, d1_ip3, 1) * hill(calcium, d5_calcium, 1)"),
        Definition("ip3r_open", "(ip3r_bound * ip3r_ready) ** cube", why="three of four subunits, Li and Rinzel 1994"),
        Definition(
            "j_release",
            "store_share * (k_leak + v_ip3r * ITPR3 * ip3r_open + k_ionophore_store * ionophore)"
            " * (er_calcium - calcium)",
            "uM/s",
        ),
        Definition("j_serca", "v_serca * ATP2A2 * hill(calcium, half_serca, 2)", "uM/s"),
        Definition(
            "j_pmca", "v_pmca * ATP2B1 * (1 + pump_gain * pump_activation) * hill(calcium, half_pmca, 2)", "uM/s"
        ),
        Definition("j_exchange", "v_exchange * hill(calcium, half_exchange, 2)", "uM/s", why="bounds calcium"),
        Definition("bapta_capacity", "bapta * kd_bapta / (kd_bapta + calcium) ** 2"),
        Definition("free_share", "1 / (1 + bapta_capacity / own_capacity)", why="BAPTA beside the cell's own buffers"),
        Definition("ip3r_q", "d2_calcium * (ip3_now + d1_ip3) / (ip3_now + d3_ip3)", "uM"),
    ),
    traces=(
        Trace(
            "calcium",
            "uM",
            "free_share * (j_release - j_serca + j_basal + j_soce + j_ionophore - j_pmca - j_exchange) + j_pore",
            start="calcium_rest",
            meaning="free calcium in the cytosol",
        ),
        Trace(
            "er_calcium", "uM", "(j_serca - j_release) / store_share", start="er_rest", meaning="free calcium in the ER"
        ),
        Trace(
            "pump_activation",
            "",
            "k_pump_on * hill(calcium, half_pump, 2) * (1 - pump_activation) - k_pump_off * pump_activation",
            start="pump_rest",
            meaning="slow activation of PMCA by calcium",
        ),
        Trace(
            "ip3r_ready",
            "",
            "a2_calcium * (ip3r_q * (1 - ip3r_ready) - calcium * ip3r_ready)",
            start="ip3r_start",
            meaning="share of IP3 receptors not inactivated by calcium",
        ),
        Trace(
            "agonist_fade",
            "",
            "k_fade * hill(agonist_ip3, half_fade, 1) * (1 - agonist_fade) - k_unfade * agonist_fade",
            start="fade_rest",
            meaning="desensitised share of the agonist's receptor",
        ),
    ),
)
