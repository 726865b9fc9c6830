"""Holes that cells cut into a fluorescent gelatin film."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import ndimage
from scipy.spatial import KDTree

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import ProtocolError, refuse
from exude.experiment.arrange import Scattered
from exude.experiment.assays.measures import (
    AbstractTissueAssay,
    Dishes,
    Mask,
    Snapshot,
    TissueReading,
    all_of,
    replicates,
)  # fmt: skip
from exude.experiment.assays.noise import Lognormal, covariance
from exude.experiment.assays.reading import named, number, pick
from exude.experiment.matrix import Film
from exude.experiment.tissue import Tissue

FWHM = 2 * math.sqrt(2 * math.log(2))
"""Full width at half maximum of a normal density, in standard deviations."""
CUBIC = 3
AREA = "um2 per cell"


@dataclass(frozen=True)
class GelatinDegradation(AbstractTissueAssay):
    """Area of film that lost its fluorescence, per cell: um2 where the picture is below a share of the intact film.

    picture = background + (1 - background) * gelatin / gelatin at the start, in camera pixels, blurred by the
    microscope; degraded where it is below `gelatin_threshold`. Each degraded pixel belongs to the nearest cell.
    at: time of the reading in s; infinity is the end of the run.
    Valid when: the tissue is one layer on a film. Likelihood: mean over cells times lognormal noise of mean 1; the
    sampling of cells counts (`cells` of each replicate), cells taken as independent.
    """

    _: KW_ONLY
    at: float = math.inf
    purpose: ClassVar[int] = 41

    def standard(self) -> Tissue:
        """20 single cells on a film for 12 h."""
        return Tissue(
            matrix=Film(), cells=Scattered(20), size=("300 um", "300 um"), voxel="2 um", duration="12 h", every="3 h"
        )

    def observable(self, dish: TissueReading) -> xr.Dataset:
        """`area` (cell,) and `area_per_cell` in um2, `degraded_share` of the film, `degrading` share of cells, `holes`."""
        now = dish.at(self.at)
        picture = self.picture(dish)
        lost = self._lost(picture.values)
        return self._read(lost, picture.attrs["pixel"], dish, now).assign(picture=picture)

    def picture(self, dish: TissueReading) -> xr.DataArray:
        """The film as the microscope shows it without noise, (y, x) in um, 1 where intact."""
        self._check(dish)
        start, now = dish.load(0).fields["collagen"][0], dish.at(self.at).fields["collagen"][0]
        if not start.max() > 0:
            raise refuse(ProtocolError, "a dish without gelatin", "a film", "Use Tissue(matrix=Film(), ...).")
        times = max(1, round(dish.grid.h / self.numbers["gelatin_pixel"]))
        pixel = dish.grid.h / times
        intact = np.clip(now / start.max(), 0.0, 1.0)
        fine = ndimage.zoom(intact, times, order=CUBIC, mode="nearest", grid_mode=True) if times > 1 else intact
        fine = np.clip(fine, 0.0, 1.0)  # splines overshoot at edges
        blurred = ndimage.gaussian_filter(fine, self.numbers["microscope_resolution"] / FWHM / pixel, mode="nearest")
        dark = self.numbers["gelatin_background"]
        x, y = (
            origin + pixel * (np.arange(n) + 1 / 2)
            for origin, n in zip(dish.grid.origin[:2], blurred.shape[::-1], strict=True)
        )
        seen = xr.DataArray(dark + (1 - dark) * blurred, dims=("y", "x"), coords={"y": y, "x": x})
        for axis in ("x", "y"):
            seen[axis].attrs.update(units="um", long_name=axis)
        return named(seen, "1", "fluorescence of the film over that of intact film").assign_attrs(pixel=pixel)

    def photograph(self, dish: TissueReading, *, seed: int = 1) -> xr.DataArray:
        """The picture with the shot noise of the camera, (y, x)."""
        return self._photograph(self.picture(dish), generator(seed, self.purpose))

    def measure(self, dishes: Dishes, *, seed: int = 1) -> xr.Dataset:
        """Noisy `area_per_cell`, `degraded_share`, `holes`, `degrading` and `cells` of each dish, (replicate,).

        Read from photographs with shot noise; what operator, threshold and counting of cells add is one factor.
        """
        rng = generator(seed, self.purpose)
        read = []
        for dish in all_of(dishes):
            photo = self._photograph(self.picture(dish), rng)
            table = self._read(self._lost(photo.values), photo.attrs["pixel"], dish, dish.at(self.at))
            factor = self.noise.draw(rng, table["area_per_cell"])
            read.append(table.assign(area_per_cell=factor))
        names = ("area_per_cell", "degraded_share", "holes", "degrading", "cells")
        return xr.Dataset({name: replicates([one[name].values for one in read], read[0][name]) for name in names})

    def log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log density of `area_per_cell` (replicate,); `cells` (replicate,) in each, taken as very many if missing."""
        tables = [self.observable(dish) for dish in all_of(dishes)]
        each = np.concatenate([table["area"].values for table in tables])[:, None]
        seen = np.atleast_1d(pick(data, "area_per_cell").values)
        cells = np.broadcast_to(data["cells"].values, seen.shape) if "cells" in data else np.full(len(seen), np.inf)
        cv = np.array([self.numbers["gelatin_cv"]])
        return sum(
            self.noise.log_density(np.array([area]), each.mean(axis=0), cv, covariance(each, n))
            for area, n in zip(seen, cells, strict=True)
            if not math.isnan(area)
        )

    @property
    def noise(self) -> Lognormal:
        """What operator, threshold and counting of cells add."""
        return Lognormal(self.numbers["gelatin_cv"], self.numbers["gelatin_floor"])

    def _photograph(self, picture: xr.DataArray, rng: np.random.Generator) -> xr.DataArray:
        photons = self.numbers["gelatin_photons"] * (picture.attrs["pixel"] / self.numbers["gelatin_pixel"]) ** 2
        return picture.copy(data=rng.poisson(picture.values * photons) / photons)

    def _lost(self, picture: Floats) -> Mask:
        """Degraded pixels: darker than the threshold, after the mean over 3 x 3 pixels that keeps single photons out."""
        return np.asarray(ndimage.uniform_filter(picture, 3, mode="nearest") < self.numbers["gelatin_threshold"])

    def _read(self, lost: Mask, pixel: float, dish: TissueReading, now: Snapshot) -> xr.Dataset:
        cells = len(now.cells["id"])
        rows, columns = np.nonzero(lost)
        area: Floats = np.zeros(cells)
        if cells and len(rows):
            places = np.stack([columns, rows], axis=1) * pixel + pixel / 2 + np.array(dish.grid.origin[:2])
            nearest = KDTree(now.cells["position"][:, :2]).query(places)[1]
            area = np.asarray(np.bincount(nearest, minlength=cells) * pixel**2, np.float64)
        _, holes = ndimage.label(lost, structure=np.ones((3, 3)))
        mean = float(area.mean()) if cells else math.nan
        busy = float((area > self.numbers["gelatin_spot"]).mean()) if cells else math.nan
        return xr.Dataset(
            {
                "area": named(xr.DataArray(area, dims="cell"), "um2", "area of film degraded by each cell"),
                "area_per_cell": number(mean, AREA, "area of film degraded"),
                "degraded_share": number(float(lost.mean()), "1", "share of the film degraded"),
                "degrading": number(busy, "1", "share of cells that degrade"),
                "holes": number(holes, "holes", "separate holes"),
                "cells": number(cells, "cells", "cells in the field"),
            }
        )

    def _check(self, dish: TissueReading) -> None:
        if dish.grid.shape[0] != 1:
            fix = "Give the box two lengths, and matrix=Film()."
            raise refuse(ProtocolError, f"a tissue of {dish.grid.shape[0]} layers", "one layer on a film", fix)
