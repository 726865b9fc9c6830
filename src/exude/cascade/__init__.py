"""What the biology is: one short chapter each, in the order of the story."""

from functools import cache

from exude.cascade.calcium import CALCIUM
from exude.cascade.drugs import drugs
from exude.cascade.effectors import DEFAULT_HYPOTHESIS, EFFECTORS
from exude.cascade.endosomes import ENDOSOMES
from exude.cascade.exosomes import EXOSOMES
from exude.cascade.extracellular import EXTRACELLULAR
from exude.cascade.immunity import IMMUNITY
from exude.cascade.invasion import INVASION
from exude.cascade.proteolysis import PROTEOLYSIS
from exude.cascade.recipients import RECIPIENTS
from exude.cascade.vessels import vessels
from exude.model import Cascade

CELL = Cascade(chapters=(CALCIUM, EFFECTORS, ENDOSOMES, EXOSOMES))
"""One cell and what leaves it."""
TISSUE = Cascade(chapters=(*CELL.chapters, EXTRACELLULAR, PROTEOLYSIS, INVASION))
"""Tumour cells in their matrix; like all that follow it begins with the cell's own chapters, so that its levels do too."""
ALL = Cascade(chapters=(*TISSUE.chapters, RECIPIENTS, IMMUNITY, vessels("mt1", "oncogene", "pd_l1")))
"""Everything that is declared."""
MODELS = {
    "matrix": TISSUE,
    "spread": Cascade(chapters=(*CELL.chapters, EXTRACELLULAR, INVASION)),
    "neighbours": Cascade(chapters=(*CELL.chapters, EXTRACELLULAR, INVASION, RECIPIENTS)),
    "immune": Cascade(chapters=(*CELL.chapters, EXTRACELLULAR, INVASION, RECIPIENTS, IMMUNITY)),
    "tumour": Cascade(
        chapters=(*CELL.chapters, EXTRACELLULAR, INVASION, RECIPIENTS, IMMUNITY, vessels("oncogene", "pd_l1"))
    ),
    "all": ALL,
}
"""What an experiment in space may be about, each with only the chapters that it needs."""


@cache
def model(name: str, slots: int = 0) -> Cascade:
    """A model of `MODELS`, with room for so many drugs that enter it: no model carries fields of drugs that are not given."""
    return Cascade(chapters=(*MODELS[name].chapters, drugs(slots))) if slots else MODELS[name]


__all__ = [
    "ALL", "CALCIUM", "CELL", "DEFAULT_HYPOTHESIS", "EFFECTORS", "ENDOSOMES", "EXOSOMES", "EXTRACELLULAR", "IMMUNITY",
    "INVASION", "MODELS", "PROTEOLYSIS", "RECIPIENTS", "TISSUE", "model",
]  # fmt: skip
