"""What the biology is: one short chapter each, in the order of the story."""

from exude.cascade.calcium import CALCIUM
from exude.cascade.effectors import DEFAULT_HYPOTHESIS, EFFECTORS
from exude.cascade.endosomes import ENDOSOMES
from exude.cascade.exosomes import EXOSOMES
from exude.cascade.extracellular import EXTRACELLULAR
from exude.cascade.invasion import INVASION
from exude.model import Cascade

CELL = Cascade(chapters=(CALCIUM, EFFECTORS, ENDOSOMES, EXOSOMES))
"""One cell and what leaves it."""
TISSUE = Cascade(chapters=(*CELL.chapters, EXTRACELLULAR, INVASION))
"""Cells in their surroundings; it begins with the cell's own chapters, so that its levels do too."""

__all__ = [
    "CALCIUM", "CELL", "DEFAULT_HYPOTHESIS", "EFFECTORS", "ENDOSOMES", "EXOSOMES", "EXTRACELLULAR", "INVASION", "TISSUE",
]  # fmt: skip
