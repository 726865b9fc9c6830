"""The body around a tumour, coarse: blood and a second site, the draining node, and the tumour itself as one number.

Three declarations. `SPREAD` is what becomes of tumour cells and exosomes once they are in the blood; `NODE` is where
T cells learn; `PATIENT` joins both to a tumour of so many cells, for virtual cohorts. All compartments are well mixed.
"""

from __future__ import annotations

from exude.model import DEAD, Body, Definition, Flow, Level, Stock

SPREAD = Body(
    name="spread",
    levels=(Level("patient", normal=0.0, meaning="1 in the body of a patient, 0 in that of a mouse"),),
    definitions=(
        Definition(
            "soil", "1 + (niche_gain - 1) * need_niche * niche", why="exosomes that came before prepare the site"
        ),
        Definition("per_entry", "1 - cluster_share + cluster_share * cluster_gain", why="clusters count for more"),
        Definition("settling", "k_blood_clear * shed_viable * lodged_alive * (1 - patient)", "1/s"),
        Definition("begin", "min(1, start_share * soil * per_entry)"),
        Definition("left_alive", "begin + (1 - begin) * sleep_share"),
        Definition("efficiency", "min(1, patient_efficiency * soil)"),
    ),
    stocks=(
        Stock("ctc", "blood", "item", whole=True, meaning="entries (single cells or clusters) in blood"),
        Stock("young", "site", "item", whole=True, meaning="small colonies"),
        Stock("lasting", "site", "item", whole=True, meaning="colonies that last; each grows from its own beginning"),
        Stock("sleeping", "site", "item", whole=True, meaning="solitary sleeping cells"),
        Stock("blood_exosomes", "blood", "item", meaning="tumour exosomes in blood"),
        Stock("site_exosomes", "site", "item", meaning="tumour exosomes at the site"),
        Stock("niche", "site", "", meaning="preparation of the site, 0 to 1"),
    ),
    flows=(
        Flow("beginning", "ctc", "young", "settling * begin", because=("Luzzi1998",)),
        Flow("falling asleep", "ctc", "sleeping", "settling * (1 - begin) * sleep_share", because=("Luzzi1998",)),
        Flow(
            "death on the way",
            "ctc",
            DEAD,
            "k_blood_clear * (1 - patient) * (1 - shed_viable * lodged_alive * left_alive)",
        ),
        Flow(
            "seeding in a patient",
            "ctc",
            "lasting",
            "patient * k_blood_clear * efficiency",
            because=("Coumans2013",),
        ),
        Flow("death in a patient", "ctc", DEAD, "patient * k_blood_clear * (1 - efficiency)"),
        Flow("lasting", "young", "lasting", "k_colony_end * last_share / (1 - last_share)", because=("Luzzi1998",)),
        Flow("end of colonies", "young", DEAD, "k_colony_end"),
        Flow("waking", "sleeping", "young", "k_wake"),
        Flow("death asleep", "sleeping", DEAD, "k_sleep_loss"),
        Flow("exosomes to the site", "blood_exosomes", "site_exosomes", "k_exosome_clear * site_exosome_share"),
        Flow("exosomes elsewhere", "blood_exosomes", DEAD, "k_exosome_clear * (1 - site_exosome_share)"),
        Flow("exosome loss at the site", "site_exosomes", DEAD, "k_site_exosome_loss"),
        Flow("preparation", "", "niche", "k_niche_on * hill(site_exosomes, half_niche, 1) * (1 - niche)"),
        Flow("fading", "niche", DEAD, "k_niche_off"),
    ),
)

NODE = Body(
    name="node",
    levels=(
        Level("t_cells", meaning="1 in a host with T cells, 0 in one without"),
        Level("pd_l1_free", meaning="share of PD-L1 that no antibody covers"),
    ),
    definitions=(
        Definition(
            "node_restraint",
            "most_restraint * need_exosomal_pd_l1 * hill(node_exosomes * pd_l1_free, node_half_exosomes, 1)",
        ),
        Definition("alarmed", "hill(antigen, node_half_antigen, 1)"),
    ),
    stocks=(
        Stock("antigen", "node", "item", meaning="dead tumour cells drained"),
        Stock("node_exosomes", "node", "item", meaning="tumour exosomes in the node"),
        Stock("node_t", "node", "item", whole=True, start="node_precursors * t_cells", meaning="T cells of the node"),
        Stock("blood_t", "blood", "item", whole=True, meaning="effector T cells in blood"),
    ),
    flows=(
        Flow(
            "priming", "node_t", "node_t", "node_growth * alarmed * (1 - node_restraint) * max(0, 1 - node_t / most_node_t)", grows=True,
            because=("DeBoer2001",),
        ),
        Flow("leaving the node", "node_t", "blood_t", "k_node_leave * alarmed"),
        Flow("death of effectors", "blood_t", DEAD, "k_t_death"),
        Flow("antigen loss", "antigen", DEAD, "k_antigen_loss"),
        Flow("exosome loss in the node", "node_exosomes", DEAD, "k_node_exosome_loss"),
    ),
)  # fmt: skip

PATIENT = Body(
    name="patient",
    levels=(
        *SPREAD.levels,
        *NODE.levels,
        Level("start_cells", "item", normal=0.0, meaning="cells of the tumour at the beginning"),
        Level("release", "item/s", normal=0.0, meaning="exosomes that one tumour cell releases"),
        Level("vessels", meaning="1 where the tumour has vessels, 0 where it has none"),
        Level("line_release", "item/s", normal=0.0, meaning="the same of the line without drugs and perturbations"),
        Level("mt1_activity", meaning="MT1-MMP of the tumour that works, of what the line has"),
        Level("mmp2_activity", meaning="MMP-2 of the tumour that works, of what the line has"),
        Level("t_munc13_4", meaning="working Munc13-4 of T cells, healthy 1"),
        Level("t_orai1", meaning="working ORAI1 of T cells, healthy 1"),
        Level("cell_pd_l1", meaning="PD-L1 of tumour cells and on their exosomes, reference line 1"),
    ),
    definitions=(
        *SPREAD.definitions,
        *NODE.definitions,
        Definition("grow", "k_grow_site * (1 - patient) + k_grow_patient * patient", "1/s"),
        Definition("crowding", "sqrt(sqrt(primary / most_tumour_cells))", why="quarter-power logistic"),
        Definition(
            "volume", "2 * 2 * cell_radius ** 2 * cell_radius * primary / one_cell", "um**3", why="pi / 3 taken as 1"
        ),
        Definition(
            "exosomes", "half_uptake * ratio(release, max(0, most_uptake * one_cell - release))", "item/um**3",
            why="packed tumour cells take up all that they release: v E / (K + E) = release",
        ),
        Definition("leak", "1 + entry_gain_leak * hill(exosomes, half_leak, 1)"),
        Definition("wall", "vessels * vessel_surface", "1/um"),
        Definition(
            "degradation", "min(1, ratio(release, line_release) * (mt1_activity + mmp2_activity) / 2)",
            why="exosomes carry MT1-MMP, which cuts matrix and makes MMP-2 work",
        ),
        Definition(
            "entering", "k_enter * wall * leak * mix(degradation, entry_by_mmp)", "1/s",
            why="growth as measured is net of it, so it is added there",
        ),
        Definition(
            "exo_pd_l1", "k_exosome_to_t_cell * exosomes * pd_l1_per_exosome * cell_pd_l1 / k_exosomal_pd_l1_off / one_cell",
            "item", why="a T cell among them is at rest with its surroundings",
        ),
        Definition("in_contact", "hill(cell_pd_l1 * pd_l1_free, half_pd_l1, 1)"),
        Definition("from_exosomes", "need_exosomal_pd_l1 * hill(exo_pd_l1 * pd_l1_free, half_exosomal_pd_l1, 1)"),
        Definition("restraint", "most_restraint * (1 - (1 - in_contact) * (1 - from_exosomes))"),
        Definition("granules", "hit_without_munc13_4 + (1 - hit_without_munc13_4) * saturate(t_munc13_4, half_granule_munc13_4)"),
        Definition("bell", "(t_orai1 / best_orai1) / (1 + (t_orai1 / best_orai1) ** 2)"),
        Definition("bell_healthy", "(1 / best_orai1) / (1 + (1 / best_orai1) ** 2)"),
        Definition(
            "alarm",
            "(1 - need_calcium_optimum) * saturate(t_orai1, half_granule_orai1)"
            " + need_calcium_optimum * bell / bell_healthy",
            why="as T cells in a tissue",
        ),
        Definition("hitting", "k_hit * granules * alarm * (1 - restraint)", "1/s"),
        Definition("unhealed", "(hitting / (hitting + k_repair)) ** max(0, lethal_hits - 1)", why="no repair before the last hit"),
        Definition(
            "kill", "unhealed * hitting / (1 + hitting * (1 - unhealed) / k_repair + unhealed * hitting / k_dying)", "1/s",
            why="one over the mean time to so many hits, all of which repair takes back, and to die of them",
        ),
        Definition("strength", "tumour_t + tired_left * tired_t", "item"),
        Definition("killing", "kill * ratio(strength, primary + strength)", "1/s", why="one target at a time"),
        Definition("at_work", "ratio(primary, primary + tumour_t)"),
        Definition("arriving", "t_arrival * wall * volume", "1/s"),
        Definition("dying", "grow * crowding + k_tumour_turnover + killing", "1/s"),
        Definition("made", "release * primary / one_cell", "item/s"),
    ),
    stocks=(
        Stock("primary", "tumour", "item", whole=True, start="start_cells", meaning="cells of the tumour"),
        Stock("tumour_t", "tumour", "item", whole=True, meaning="T cells in the tumour"),
        Stock("tired_t", "tumour", "item", whole=True, meaning="tired T cells in the tumour"),
        *SPREAD.stocks,
        *NODE.stocks,
    ),
    flows=(
        Flow("growth", "primary", "primary", "grow + k_tumour_turnover + entering", grows=True, because=("Coumans2013", "Zhang2017")),
        Flow("death of crowding", "primary", DEAD, "grow * crowding", because=("Coumans2013",)),
        Flow("turnover", "primary", DEAD, "k_tumour_turnover"),
        Flow("killing", "primary", DEAD, "killing", because=("JCI34388", "Weigelin2021")),
        Flow("entry", "primary", "ctc", "entering", because=("ButlerGullino1975",)),
        Flow("arrival of T cells", "blood_t", "tumour_t", "arriving"),
        Flow("division of T cells", "tumour_t", "tumour_t", "k_t_divide * at_work", grows=True),
        Flow("tiring", "tumour_t", "tired_t", "k_tire * at_work * (1 + tire_by_pd_l1 * restraint)"),
        Flow("death of T cells", "tumour_t", DEAD, "k_t_death"),
        Flow("death of tired T cells", "tired_t", DEAD, "k_t_death"),
        Flow("exosomes into blood", "", "blood_exosomes", "exosome_wall * wall * volume * exosomes"),
        Flow("exosomes to the node", "", "node_exosomes", "drained_share * made"),
        Flow("antigen to the node", "", "antigen", "antigen_share * dying * primary"),
        *SPREAD.flows,
        *NODE.flows,
    ),
)  # fmt: skip
"""A tumour as one number of cells in a body, for cohorts. Coarse: no space in the tumour, no memory in T cells.

Assumed beside the numbers: every tumour cell sees the same exosomes, vessels and T cells; metastases neither release
exosomes nor shed cells nor meet T cells; T cells that are tired stay so; a patient has a mouse's number of T cells.
Growth as measured is net of cells that enter vessels: by the rat's shedding alone a patient's tumour would shrink.
Entry needs the matrix between cell and vessel cut, by a share that is assumed: exosomal MT1-MMP cuts it (Messenger 2018).
MT1-MMP and MMP-2 count alike there, and no more than the line's own.
"""
