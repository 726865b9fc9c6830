"""Effectors: Munc13-4 as calcium sensor, its mutants, Rab11, Rab27, SNAREs, and the rival hypotheses.

Calcium binds C2A (SNARE binding) and C2B (membrane binding) of each Munc13-4 copy; a copy with what the hypothesis
asks for is called loaded. Copies are limiting: a primed MVB holds `copies_per_mvb`. Three steps read the same loaded free
copies: growth by Rab11 vesicles, priming and triggered fusion. The number of loaded copies is an expectation (far
below one at rest), not an integer.
"""

from exude.model import Chapter, Definition, Hypothesis, Level

DEFAULT_HYPOTHESIS = "both-c2"
"""The mechanism used unless a rival is asked for; it stands first in the list."""

EFFECTORS = Chapter(
    name="effectors",
    levels=(
        Level("UNC13D", varies=True, meaning="Munc13-4, wild type"),
        Level("UNC13D_mutant", normal=0.0, meaning="Munc13-4 re-expressed as a mutant"),
        Level("mutant_c2a", meaning="1 where the mutant's C2A binds calcium"),
        Level("mutant_c2b", meaning="1 where the mutant's C2B binds calcium"),
        Level("mutant_rab27", meaning="1 where the mutant binds Rab27a"),
        Level("mutant_rab11", meaning="1 where the mutant binds Rab11a"),
        Level("UNC13B", varies=True, meaning="Munc13-2, a small second route for priming"),
        Level("SYT7", varies=True, meaning="synaptotagmin-7, a small second route for triggering"),
        Level("ANXA6", varies=True, meaning="annexin A6"),
        Level("RAB11A", varies=True, meaning="recycling endosomes"),
        Level("RAB27A", varies=True, meaning="docking"),
        Level("RAB27B", varies=True, meaning="docking"),
        Level("STX4", varies=True, meaning="plasma-membrane SNARE"),
        Level("SNAP23", varies=True, meaning="plasma-membrane SNARE"),
        Level("VAMP7", varies=True, meaning="vesicle SNARE"),
    ),
    definitions=(
        Definition("c2a", "hill(calcium, half_c2a, hill_c2a)", why="calcium occupancy of C2A"),
        Definition("c2b", "hill(calcium, half_c2b, hill_c2b)", why="calcium occupancy of C2B"),
        Definition("annexin", "saturate(ANXA6, half_anxa6) * hill(calcium, kd_anxa6, hill_anxa6)"),
        Definition("with_annexin", "mix(min(annexin, 1), need_anxa6)"),
        Definition("loaded_wild", "mix(c2a, need_c2a) * mix(c2b, need_c2b) * with_annexin"),
        Definition("loaded_mutant", "mix(c2a * mutant_c2a, need_c2a) * mix(c2b * mutant_c2b, need_c2b) * with_annexin"),
        Definition("copies_wild", "munc13_4_copies * UNC13D", "item"),
        Definition("copies_mutant", "munc13_4_copies * UNC13D_mutant", "item"),
        Definition("growing_full", "copies_wild * loaded_wild + copies_mutant * mutant_rab11 * loaded_mutant", "item"),
        Definition("fusing_full", "copies_wild * loaded_wild + copies_mutant * mutant_rab27 * loaded_mutant", "item"),
        Definition(
            "loading_held",
            "ratio(copies_wild * loaded_wild ** 2 + copies_mutant * mutant_rab27 * loaded_mutant ** 2, fusing_full)",
            why="primed MVBs hold copies in proportion to what primed them: dead mutants are not held",
        ),
        Definition("share_held", "ratio(copies_per_mvb * n_primed * loading_held, fusing_full)"),
        Definition("share_free", "max(0, 1 - share_held)"),
        Definition("loaded_growing", "share_free * growing_full", "item"),
        Definition("loaded_fusing", "share_free * fusing_full", "item"),
        Definition("rab11", "saturate(RAB11A, half_rab11)"),
        Definition("rab27", "rab27a_share * RAB27A + (1 - rab27a_share) * RAB27B"),
        Definition("snare", "saturate(STX4, half_snare) * saturate(SNAP23, half_snare) * saturate(VAMP7, half_snare)"),
        Definition("syt7", "saturate(SYT7, half_syt7) * hill(calcium, kd_syt7, hill_syt7)"),
        Definition("microdomain", "fall(bapta, half_microdomain, 1)", why="BAPTA shrinks calcium near open channels"),
        # Read-out only: Munc13-4 on membranes (TIRF): resting, held by C2B alone, held by both domains.
        Definition("seen_wild", "recruit_c2b * c2b + (1 - recruit_c2b) * c2b * mix(c2a, need_c2a)"),
        Definition(
            "seen_mutant",
            "c2b * mutant_c2b * (recruit_c2b + (1 - recruit_c2b) * mix(c2a * mutant_c2a, need_c2a))",
        ),
        Definition(
            "recruited",
            "copies_wild * (recruit_rest + seen_wild) + copies_mutant * (recruit_rest + seen_mutant)",
            "item",
        ),
    ),
    readouts=("recruited",),
    hypotheses=(
        Hypothesis(
            DEFAULT_HYPOTHESIS,
            "Calcium must bind C2A and C2B of Munc13-4 (the default).",
            because=("Boswell2012", "Messenger2018"),
        ),
        Hypothesis(
            "c2b-only",
            "Only C2B's calcium site matters; C2A must be there but need not bind calcium.",
            values={"need_c2a": 0.0},
            because=("Chicka2016",),
        ),
        Hypothesis(
            "with-annexin-a6",
            "Munc13-4 with both C2 sites and annexin A6, each with calcium, are needed together.",
            values={"need_anxa6": 1.0},
            because=("Williams2023",),
        ),
        Hypothesis(
            "local-calcium",
            "Spontaneous fusion reads calcium near open channels, which BAPTA shrinks.",
            values={"need_microdomain": 1.0},
            because=("PMC6468108",),
        ),
        Hypothesis(
            "to-lysosome",
            "Munc13-4 also drives fusion with lysosomes, so that its loss leaves more and larger MVBs.",
            values={"need_munc13_4_lysosome": 1.0},
            because=("He2016",),
        ),
        Hypothesis(
            "rab8-route",
            "MT1-MMP reaches MVBs by Rab8 vesicles and needs neither Rab11 nor Munc13-4.",
            values={"mt1_mmp_rab8_share": 1.0},
            because=("PMC1829373",),
        ),
    ),
)
