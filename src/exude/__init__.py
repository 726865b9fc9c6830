"""exude: how a cancer cell releases exosomes, from calcium through Munc13-4 and multivesicular bodies."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exude.catalog.use import use_catalogue
    from exude.engine.result import Run
    from exude.engine.saved import load
    from exude.engine.summary import Summary
    from exude.engine.tissue_run import TissueRun, open_tissue
    from exude.errors import ExudeError
    from exude.experiment.arrange import Among, At, Layer, Mixture, Scattered, Spheroid, Wound
    from exude.experiment.bed import Capillaries, Host
    from exude.experiment.cohort import Cohort, CohortRun, run_cohort, survival
    from exude.experiment.cohort_file import load_cohort, save_cohort
    from exude.experiment.declared import simulate_model
    from exude.experiment.dosing import Schedule, plasma
    from exude.experiment.expect import expect
    from exude.experiment.export import Export, export_antimony, export_model, export_sbml
    from exude.experiment.fluorescence import Fura2, SingleWavelength
    from exude.experiment.matrix import Film, Gel, Plastic
    from exude.experiment.perturbations import (
        CalciumModel,
        CalciumTrace,
        DominantNegative,
        Drug,
        External,
        KnockDown,
        KnockOut,
        Overexpress,
        Permeabilised,
        Rescue,
        Stimulus,
    )  # fmt: skip
    from exude.experiment.protocol import Numbers
    from exude.experiment.simulate import Settings, simulate
    from exude.experiment.summarise import summarise
    from exude.experiment.tissue import Tissue
    from exude.experiment.tissue_file import read_tissue
    from exude.experiment.tissue_run import run_tissue
    from exude.experiment.uncertain import calcium_band, calcium_ensemble, simulate_uncertain
    from exude.show.omex import export_omex

__all__ = [
    "Among", "At", "CalciumModel", "CalciumTrace", "Capillaries", "Cohort", "CohortRun", "DominantNegative", "Drug", "Export", "External", "ExudeError", "Film", "Fura2",
    "Gel", "Host", "KnockDown", "KnockOut", "Layer", "Mixture", "Numbers", "Overexpress", "Permeabilised", "Plastic", "Rescue", "Run", "Scattered",
    "Schedule", "Settings", "SingleWavelength", "Spheroid", "Stimulus", "Summary", "Tissue", "TissueRun", "Wound", "calcium_band",
    "calcium_ensemble", "expect", "export_antimony", "export_model", "export_omex", "export_sbml", "load", "load_cohort", "open_tissue",
    "plasma", "read_tissue", "run_cohort", "run_tissue", "save_cohort", "simulate", "simulate_model", "simulate_uncertain", "summarise", "survival", "use_catalogue",
]  # fmt: skip

_HOMES = {
    "exude.catalog.use": ("use_catalogue",),
    "exude.engine.result": ("Run",),
    "exude.engine.saved": ("load",),
    "exude.engine.summary": ("Summary",),
    "exude.engine.tissue_run": ("TissueRun", "open_tissue"),
    "exude.errors": ("ExudeError",),
    "exude.experiment.arrange": ("Among", "At", "Layer", "Mixture", "Scattered", "Spheroid", "Wound"),
    "exude.experiment.bed": ("Capillaries", "Host"),
    "exude.experiment.cohort": ("Cohort", "CohortRun", "run_cohort", "survival"),
    "exude.experiment.cohort_file": ("load_cohort", "save_cohort"),
    "exude.experiment.declared": ("simulate_model",),
    "exude.experiment.dosing": ("Schedule", "plasma"),
    "exude.experiment.expect": ("expect",),
    "exude.experiment.export": ("Export", "export_antimony", "export_model", "export_sbml"),
    "exude.experiment.fluorescence": ("Fura2", "SingleWavelength"),
    "exude.experiment.matrix": ("Film", "Gel", "Plastic"),
    "exude.experiment.perturbations": (
        "CalciumModel", "CalciumTrace", "DominantNegative", "Drug", "External", "KnockDown", "KnockOut", "Overexpress",
        "Permeabilised", "Rescue", "Stimulus",
    ),
    "exude.experiment.protocol": ("Numbers",),
    "exude.experiment.simulate": ("Settings", "simulate"),
    "exude.experiment.summarise": ("summarise",),
    "exude.experiment.tissue": ("Tissue",),
    "exude.experiment.tissue_file": ("read_tissue",),
    "exude.experiment.tissue_run": ("run_tissue",),
    "exude.experiment.uncertain": ("calcium_band", "calcium_ensemble", "simulate_uncertain"),
    "exude.show.omex": ("export_omex",),
}  # fmt: skip
"""Where each name lives: imported when it is first used, so that `exude --help` does not load the engine."""


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first asked for (PEP 562)."""
    home = next((module for module, names in _HOMES.items() if name in names), None)
    if home is None:
        raise AttributeError(f"module 'exude' has no attribute {name!r}")
    found = getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
