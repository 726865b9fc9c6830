"""The assays that read cohorts of bodies, by name."""

from exude.experiment.assays.cohort_readings import AbstractCohortAssay
from exude.experiment.assays.metastasis import Metastasis
from exude.experiment.assays.survival import Survival
from exude.experiment.assays.tumour_growth import TumourGrowth

COHORT_ASSAYS: dict[str, type[AbstractCohortAssay]] = {
    "tumour_growth": TumourGrowth,
    "metastasis": Metastasis,
    "survival": Survival,
}
"""Assays of cohorts; those of tissues are in `in_space`, those of single cells in `exude.experiment.assays`."""
