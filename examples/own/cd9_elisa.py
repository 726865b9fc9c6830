"""A sandwich ELISA of CD9 on exosomes in the medium."""

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import xarray as xr

from exude.engine.result import Run
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.medium import final, in_medium
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import WHOLE, Window, named


@dataclass(frozen=True)
class Cd9Elisa(AbstractCultureAssay):
    """CD9 on exosomes in the medium, molecules per cell: exosomes * copies * level.

    window: fresh medium at its start, harvest at its stop, in s.
    Valid when: the plate is in its linear range and one antibody pair finds every copy.
    """

    _: KW_ONLY
    window: Window = WHOLE
    cv: float = 0.1
    """Between wells; assumed: take that of your own plates."""
    floor: float = 10.0
    """Blank of the plate, molecules per cell; assumed."""
    purpose: ClassVar[int] = 9001
    reads: ClassVar[str] = "cd9"

    @property
    def noise(self) -> Lognormal:
        """Wells of one plate: lognormal, with the blank as floor."""
        return Lognormal(self.cv, self.floor)

    def signal(self, run: Run) -> xr.DataArray:
        """Molecules that each cell adds, (cell,)."""
        exosomes = final(in_medium(run, self.numbers, self.window))
        level = run.data["level"].sel(symbol="CD9", drop=True)
        return named(exosomes * self.numbers["cd9_per_exosome"] * level, "molecules per cell", "CD9 in the medium")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Nothing is computed from the reading."""
        return readings
