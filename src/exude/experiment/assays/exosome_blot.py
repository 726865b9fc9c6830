"""Western blot of exosome marks in medium and lysate."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import xarray as xr

from exude.engine.result import Run
from exude.experiment.assays.base import AbstractCultureAssay
from exude.experiment.assays.medium import final, in_medium, on_surface
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import WHOLE, Window, has_snapshot, named, per_cell, snapshot, span

GENES = {"CD63": "CD63", "CD9": "CD9", "ALIX": "PDCD6IP"}
"""Mark on the blot -> gene whose level scales it."""


@dataclass(frozen=True)
class ExosomeBlot(AbstractCultureAssay):
    """CD63, CD9 and ALIX in the medium of a window and in the cells at its end, molecules per cell.

    medium = exosomes in medium * copies * level;
    lysate = level * (elsewhere + copies * (ILVs inside + exosomes held on the surface)).
    window: fresh medium at its start, harvest at its stop, in s.
    Valid when: film and antibody are in their linear range; copies per exosome are those of the catalogue.
    """

    _: KW_ONLY
    window: Window = WHOLE
    purpose: ClassVar[int] = 11
    reads: ClassVar[str] = "band"

    @property
    def noise(self) -> Lognormal:
        """Densitometry: lognormal, with the film's background as floor."""
        return Lognormal(self.numbers["blot_cv"], self.numbers["blot_floor"])

    def signal(self, run: Run) -> xr.DataArray:
        """Molecules, (cell, fraction, mark)."""
        start, stop = span(run, self.window)
        mark = xr.DataArray(list(GENES), dims="mark")
        level = run.data["level"].sel(symbol=xr.DataArray(list(GENES.values()), dims="mark")).drop_vars("symbol")
        copies = xr.DataArray([self.numbers[f"{name.lower()}_per_exosome"] for name in GENES], dims="mark")
        elsewhere = xr.DataArray([self.numbers[f"{name.lower()}_elsewhere"] for name in GENES], dims="mark")
        medium = final(in_medium(run, self.numbers, (start, stop)))
        # A change of medium leaves what tetherin holds, so the surface gathers from the start of the run.
        held = final(on_surface(run, self.numbers, (float(run.data["time"][0]), stop)))
        inside, known = _inside(run, stop)
        bands = [level * copies * medium, level * (elsewhere + copies * (inside + held))]
        both = xr.concat(bands, dim="fraction").assign_coords(fraction=["medium", "lysate"], mark=mark.values)
        out = both.transpose("cell", "fraction", "mark").assign_attrs(ilvs_inside=known)
        return named(out, "molecules per cell", "blot band")

    def derived(self, readings: xr.Dataset) -> xr.Dataset:
        """Adds `released_share`: medium / (medium + lysate), (..., mark)."""
        band = readings["band"]
        medium, lysate = (band.sel(fraction=name, drop=True) for name in ("medium", "lysate"))
        share = named(medium / (medium + lysate), "1", "share of the mark that was released into the medium")
        return readings.assign(released_share=share)


def _inside(run: Run, stop: float) -> tuple[xr.DataArray, str]:
    """ILVs inside MVBs at harvest, (cell,), and whether they were counted."""
    if not has_snapshot(run, stop):
        return xr.zeros_like(run.data["cell"], dtype=float), "left out: no snapshot at harvest"
    there = snapshot(run, stop)
    return per_cell(run, there["cell"].values, there["ilv"].values), "counted"
