"""What one reads: assays, each with its observable, its noise and its log-likelihood."""

from exude.experiment.assays.base import AbstractAssay
from exude.experiment.assays.bulk_count import BulkCount
from exude.experiment.assays.calcium_trace import CalciumTrace
from exude.experiment.assays.colocalisation import Colocalisation
from exude.experiment.assays.electron_microscopy import ElectronMicroscopy
from exude.experiment.assays.exosome_blot import ExosomeBlot
from exude.experiment.assays.exosome_cargo import ExosomeCargo
from exude.experiment.assays.from_file import assay_from
from exude.experiment.assays.luciferase import Luciferase
from exude.experiment.assays.mt1_mmp import Mt1Mmp
from exude.experiment.assays.munc13_4_recruitment import Munc13Recruitment
from exude.experiment.assays.mvb_diameter import MvbDiameter
from exude.experiment.assays.nta import NanoparticleTracking
from exude.experiment.assays.phluorin_tirf import PhluorinTirf
from exude.experiment.assays.single_cell_capture import SingleCellCapture

ASSAYS: dict[str, type[AbstractAssay]] = {
    "exosome_blot": ExosomeBlot,
    "electron_microscopy": ElectronMicroscopy,
    "exosome_cargo": ExosomeCargo,
    "single_cell_capture": SingleCellCapture,
    "bulk_count": BulkCount,
    "nta": NanoparticleTracking,
    "luciferase": Luciferase,
    "phluorin_tirf": PhluorinTirf,
    "mvb_diameter": MvbDiameter,
    "colocalisation": Colocalisation,
    "mt1_mmp": Mt1Mmp,
    "munc13_4_recruitment": Munc13Recruitment,
    "calcium_trace": CalciumTrace,
}
"""Assays by the names the evidence uses."""

__all__ = [
    "ASSAYS", "AbstractAssay", "BulkCount", "CalciumTrace", "Colocalisation", "ElectronMicroscopy", "ExosomeBlot", "ExosomeCargo", "Luciferase", "Mt1Mmp",
    "Munc13Recruitment", "MvbDiameter", "NanoparticleTracking", "PhluorinTirf", "SingleCellCapture", "assay_from",
]  # fmt: skip
