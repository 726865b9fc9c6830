"""Every dish of the study that is more than a culture of single cells."""

from __future__ import annotations

from exude.experiment.study.bodies import BodyDish, body_dishes
from exude.experiment.study.doses import DISH, DoseDish
from exude.experiment.study.neighbours import NeighbourDish, neighbour_dishes
from exude.experiment.study.tissues import TissueDish, tissue_dishes


def beyond() -> dict[str, TissueDish | NeighbourDish | BodyDish | DoseDish]:
    """Dishes in space, of several kinds of cells, of treated cells, and groups of mice, by name."""
    return {**tissue_dishes(), **neighbour_dishes(), DISH: DoseDish(), **body_dishes()}
