"""The assays that read tissues, by the names the evidence uses."""

from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.exosome_uptake import ExosomeUptake
from exude.experiment.assays.gelatin_degradation import GelatinDegradation
from exude.experiment.assays.gene_transfer import GeneTransfer
from exude.experiment.assays.measures import AbstractTissueAssay
from exude.experiment.assays.spheroid_invasion import SpheroidInvasion
from exude.experiment.assays.transwell import Transwell
from exude.experiment.assays.tumour_in_host import TumourInHost
from exude.experiment.assays.wound_closure import WoundClosure

TISSUE_ASSAYS: dict[str, type[AbstractTissueAssay]] = {
    "matrix_degradation": GelatinDegradation,
    "collagen_invasion": SpheroidInvasion,
    "transwell": Transwell,
    "wound_closure": WoundClosure,
    "exosome_uptake": ExosomeUptake,
    "gene_transfer": GeneTransfer,
    "co_culture": CoCulture,
    "tumour_in_host": TumourInHost,
}
"""Assays of tissues; those of single cells are in `exude.experiment.assays`."""
