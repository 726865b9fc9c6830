"""What the biology is: one short chapter each, in the order of the story."""

from exude.cascade.calcium import CALCIUM
from exude.cascade.effectors import DEFAULT_HYPOTHESIS, EFFECTORS
from exude.cascade.endosomes import ENDOSOMES
from exude.cascade.exosomes import EXOSOMES
from exude.model import Cascade

CELL = Cascade(chapters=(CALCIUM, EFFECTORS, ENDOSOMES, EXOSOMES))

__all__ = ["CALCIUM", "CELL", "DEFAULT_HYPOTHESIS", "EFFECTORS", "ENDOSOMES", "EXOSOMES"]
