"""Nanoparticle tracking: number and size of particles in the medium, whatever they are."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import stats
from scipy.special import ndtr

from exude.engine.layout import Floats
from exude.engine.result import Run
from exude.engine.streams import generator
from exude.errors import DataError, refuse
from exude.experiment.assays.base import AbstractAssay
from exude.experiment.assays.medium import final, in_medium, shed_in_medium
from exude.experiment.assays.noise import Lognormal, covariance
from exude.experiment.assays.reading import WHOLE, Window, cell_numbers, named, number, pick, rows, split

PARTICLES = "particles per cell"


@dataclass(frozen=True)
class NanoparticleTracking(AbstractAssay):
    """Particles per cell, exosomes and shed vesicles alike, and their diameters.

    count = bulk_recovery * (exosomes + shed vesicles in the medium); diameters are lognormal about
    nta_exosome_diameter and nta_shed_diameter, the spread of vesicles and that of the instrument multiplied.
    window: fresh medium at its start, harvest at its stop, in s.
    Valid when: recovery is the same for both kinds; the particles tracked in a film are independent.
    """

    _: KW_ONLY
    window: Window = WHOLE
    purpose: ClassVar[int] = 14

    def observable(self, run: Run) -> xr.Dataset:
        """`count`, `histogram` (diameter,) in particles per cell and bin, `mean_diameter` in um, `exosome_share`."""
        kinds = self._kinds(run).mean("cell")
        total = float(kinds.sum())
        data = xr.Dataset({"count": named(kinds.sum("kind"), PARTICLES, "particles in the medium")})
        data["exosome_share"] = number(_share(kinds), "1", "share of particles that are exosomes")
        return self._sizes(data, self._bins(_share(kinds)) * total)

    def measure(self, run: Run, *, replicates: int = 3, seed: int = 1) -> xr.Dataset:
        """`count` (replicate,), `tracks` and `histogram` (replicate, diameter), `mean_diameter` (replicate,), `cells`."""
        rng = generator(seed, self.purpose)
        cultures = split(run, replicates, rng)
        seen, tracks = [], []
        for culture in cultures:
            kinds = self._kinds(culture).mean("cell")
            expected = named(kinds.sum("kind"), PARTICLES, "particles in the medium")
            seen.append(self._noise.draw(rng, expected))
            followed = round(self.numbers["nta_tracks"]) if float(expected) > 0 else 0
            found = xr.zeros_like(self._bins(_share(kinds)), dtype=np.int64)
            found.values = rng.multinomial(followed, self._bins(_share(kinds)).values)
            tracks.append(named(found, "tracks", "particles followed in the film"))
        data = xr.Dataset({"count": rows(seen, cultures), "tracks": rows(tracks, cultures)})
        shares = data["tracks"] / data["tracks"].sum("diameter")
        return self._sizes(data.assign(cells=cell_numbers(cultures)), shares * data["count"])

    def log_likelihood(self, run: Run, data: xr.Dataset) -> float:
        """Log density of `count` (replicate,), and of `tracks` (replicate, diameter) where the data have them.

        Counts are lognormal; tracks are multinomial over the bins of the predicted distribution.
        """
        kinds = self._kinds(run)
        each = kinds.sum("kind").values[:, None]
        counts = np.atleast_1d(pick(data, "count").values).astype(float)
        cells = np.atleast_1d(data["cells"].values) if "cells" in data else np.full(len(counts), np.inf)
        cv = np.array([self.numbers["nta_count_cv"]])
        total = 0.0
        for seen, n in zip(counts, cells, strict=True):
            total += self._noise.log_density(np.array([seen]), each.mean(axis=0), cv, covariance(each, n))
        if "tracks" in data:
            total += self._log_tracks(data["tracks"], self._bins(_share(kinds.mean("cell"))))
        return total

    def _log_tracks(self, tracks: xr.DataArray, shares: xr.DataArray) -> float:
        if tracks.sizes.get("diameter") != shares.sizes["diameter"]:
            fix = "Count the tracks in the bins of `observable`."
            raise refuse(DataError, dict(tracks.sizes), f"tracks in {shares.sizes['diameter']} bins of diameter", fix)
        table = tracks if "replicate" in tracks.dims else tracks.expand_dims("replicate")
        counted = table.transpose("replicate", "diameter").values
        return float(sum(stats.multinomial.logpmf(row, int(row.sum()), shares.values) for row in counted))

    @property
    def _noise(self) -> Lognormal:
        return Lognormal(self.numbers["nta_count_cv"], self.numbers["nta_floor"])

    def _kinds(self, run: Run) -> xr.DataArray:
        """Particles recovered, (cell, kind)."""
        exosomes = final(in_medium(run, self.numbers, self.window))
        shed = final(shed_in_medium(run, self.numbers, self.window))
        both = xr.concat([exosomes, shed], dim="kind", combine_attrs="drop").assign_coords(kind=["exosome", "shed"])
        return both.transpose("cell", "kind") * self.numbers["bulk_recovery"]

    def _edges(self) -> Floats:
        """Edges of the bins in um; the last bin takes whatever is larger."""
        n = self.numbers
        return np.linspace(0, n["nta_largest"], round(n["nta_largest"] / n["nta_bin"]) + 1, dtype=np.float64)

    def _bins(self, exosome_share: float) -> xr.DataArray:
        """Share of particles in each bin, (diameter,)."""
        n = self.numbers
        exosomes = self._lognormal_bins(n["nta_exosome_diameter"], n["exosome_size_cv"])
        shed = self._lognormal_bins(n["nta_shed_diameter"], n["shed_size_cv"])
        shares = exosome_share * exosomes + (1 - exosome_share) * shed
        edges = self._edges()
        out = xr.DataArray(shares, dims="diameter", coords={"diameter": (edges[1:] + edges[:-1]) / 2})
        out["diameter"].attrs.update(units="um", long_name="diameter, middle of the bin")
        return out

    def _lognormal_bins(self, mean: float, cv: float) -> Floats:
        variance = math.log1p(cv**2) + math.log1p(self.numbers["nta_size_cv"] ** 2)
        inner = np.log(self._edges()[1:-1])
        below = ndtr((inner - math.log(mean) + variance / 2) / math.sqrt(variance))
        return np.diff(np.concatenate([[0], below, [1]]))

    def _sizes(self, data: xr.Dataset, histogram: xr.DataArray) -> xr.Dataset:
        """Adds the histogram and the mean diameter read from it."""
        mean = (histogram * histogram["diameter"]).sum("diameter") / histogram.sum("diameter")
        return data.assign(
            histogram=named(histogram, "particles per cell per bin", "particles in each bin of diameter"),
            mean_diameter=named(mean, "um", "mean diameter of the particles"),
        )


def _share(kinds: xr.DataArray) -> float:
    """Share of exosomes among particles; 0 where there are none."""
    total = float(kinds.sum())
    return float(kinds.sel(kind="exosome")) / total if total > 0 else 0.0
