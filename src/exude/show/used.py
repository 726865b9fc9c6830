"""Which numbers of the catalogue a result rests on."""

from __future__ import annotations

from collections.abc import Sequence

from exude.cascade.body import PATIENT
from exude.cascade.host import HOST
from exude.catalog import read
from exude.catalog.schema import Drug
from exude.derive.compartments import Compartments
from exude.engine.tissue_run import TissueRun
from exude.experiment import cohort
from exude.experiment.cohort import CohortRun
from exude.experiment.dosing import key_of
from exude.experiment.perturbations import DominantNegative, Permeabilised
from exude.experiment.perturbations import Drug as GivenDrug
from exude.experiment.protocol import LEVELS
from exude.experiment.simulate import cell_symbols
from exude.experiment.tissue_setup import pairs, space
from exude.model import Body
from exude.show.results import Result, tissue_of

OF_POPULATIONS = ("spread_levels", "spread_shared", "spread_calcium", "rna_to_activity")
IN_SPACE = ("collagen_molar_mass", "layer_depth", "cell_radius", "adhesion_reach", "invadopodia_per_cell",
            "invadopodium_lifetime", "protein_footprint", "walk_speed")  # fmt: skip
ON_FILM = ("film_gelatin", "film_depth")
TARGETED = ("targeted_gain", "targeted_elsewhere")


def symbols(result: Result) -> set[str]:
    """Parameters that the engine or the set-up of an experiment reads."""
    found = {*cell_symbols().parameters, *OF_POPULATIONS}
    found |= {"dominant_negative_left"} if any(isinstance(w, DominantNegative) for w in result.what) else set()
    found |= {"pore_open"} if any(isinstance(w, Permeabilised) for w in result.what) else set()
    if isinstance(result.outcome, TissueRun):
        found |= _in_space(result)
    if isinstance(result.outcome, CohortRun):
        found |= {*_of_body(PATIENT), *cohort.GROWTH, *cohort.LETHAL, f"mass_{result.outcome.cohort.host}"}
    drugs = tuple(f"{key_of(s.name)}_" for s in result.schedules)
    found |= {name for name in read.parameters() if drugs and name.startswith(drugs)}
    found |= set(TARGETED) if any(s.reach == "targeted" for s in result.schedules) else set()
    return {name for name in found if name in read.parameters()}


def drugs(results: Sequence[Result]) -> list[Drug]:
    """Drugs and stimuli that were given."""
    names = [read.drug(w.name).name for r in results for w in r.what if isinstance(w, GivenDrug)]
    names += [s.name for r in results for s in r.schedules]
    return [read.drug(name) for name in dict.fromkeys(names)]


def genes(result: Result) -> list[str]:
    """Genes of the cell whose level the line's table gives."""
    return [gene for gene in read.line(result.line).levels if gene in LEVELS or gene in result.genes]


def _in_space(result: Result) -> set[str]:
    asked = tissue_of(result)
    about = asked.about
    found = {*space(about, asked.drugs).parameters, *IN_SPACE}
    found |= {name for pair in pairs(about, asked.drugs) for name in pair.parameters}
    found |= set(ON_FILM) if asked.matrix.name == "film" else set()
    found |= {"vessel_surface"} if asked.vessels else set()
    return found | (_of_body(HOST) if asked.host else set())


def _of_body(body: Body) -> set[str]:
    return set(Compartments(body, {name: p.unit for name, p in read.parameters().items()}).parameters)
