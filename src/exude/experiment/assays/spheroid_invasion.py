"""Cells that leave a spheroid for the collagen around it."""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

import numpy as np
import xarray as xr
from scipy import special

from exude.engine.layout import Floats
from exude.engine.streams import generator
from exude.errors import DataError, ProtocolError, refuse
from exude.experiment.arrange import Spheroid
from exude.experiment.assays.measures import (
    AbstractTissueAssay,
    Dishes,
    Snapshot,
    TissueReading,
    all_of,
    contacts,
    log_predictive,
    matched_times,
    outline,
    replicates,
    same_times,
    several,
)  # fmt: skip
from exude.experiment.assays.noise import Lognormal
from exude.experiment.assays.reading import named, pick
from exude.experiment.matrix import Gel
from exude.experiment.tissue import Tissue

HELD = 0.95
"""Share of the cells that the front leaves behind it."""
PIXEL = 2.0
"""Side of the pixels in which outlines are read, um."""
COUNTED = ("strands", "single_cells")
"""What is counted and has a likelihood."""
SPREADS = np.linspace(0.05, 2.3, 34)
"""How unlike dishes may be: coefficients of variation of their rates, each as likely before they are seen (assumed)."""
SHAPES = 1.0 / SPREADS**2
"""Shapes of the gamma distributions of such rates."""
NO_COUNT = 0.5
"""Added to all that was counted (Jeffreys): none seen does not mean none can."""
COURSES = {
    "front": ("um", "radius that holds 95 % of cells, beyond that at the start"),
    "radius": ("um", "radius that holds 95 % of cells"),
    "area": ("um2", "area seen from above, beyond that at the start"),
    "strands": ("strands", "strands that reach out of the body"),
    "single_cells": ("cells", "cells that touch no other, outside the body"),
    "groups": ("groups", "groups of cells without link to the body"),
    "cells": ("cells", "cells in the dish"),
}
"""What is read at each time: unit and meaning."""


@dataclass(frozen=True)
class SpheroidInvasion(AbstractTissueAssay):
    """How far, and how, cells leave a spheroid, at every recorded time.

    front = R95(t) - R95(0), R95 the radius about the first centre that holds 95 % of the cells. Cells that touch
    belong together; the largest group is the body. Its core has the radius of an even ball with the body's median
    distance, R50 2^(1/d); cells of the body more than `margin` cell diameters outside the core form strands, counted
    by contact where they have at least `strand_cells` cells.
    Valid when: one spheroid, not yet at the box's faces. Likelihood: `front` at all times of one dish together, with
    the errors of tracing an outline (those of the first outline shared by all) and the spread between dishes; and
    `count_log_likelihood`, of what is counted at one time. Front and counts of one dish go together: adding both up
    counts part of the evidence twice. Constants of noise, `outline_noise` and `invasion_area_cv`, are assumed, not
    measured; counts are taken to be read without error. at: time of the count in s; infinity is the end of the run.
    """

    _: KW_ONLY
    at: float = math.inf
    margin: float = 1.0
    strand_cells: int = 2
    purpose: ClassVar[int] = 42

    def standard(self) -> Tissue:
        """A spheroid of 150 cells in collagen for 24 h."""
        return Tissue(
            matrix=Gel(), cells=Spheroid(150), size=("360 um", "360 um", "360 um"), voxel="12 um", duration="24 h",
            every="3 h",
        )  # fmt: skip

    def observable(self, dish: TissueReading) -> xr.Dataset:
        """`front` and `radius` (um), `area` (um2), `strands`, `single_cells`, `groups`, `cells`, each (time,)."""
        first = dish.load(0)
        if not len(first.cells["id"]):
            raise refuse(ProtocolError, "a dish without cells", "a spheroid", "Use Tissue(cells=Spheroid(200), ...).")
        centre = first.cells["position"].mean(axis=0)
        rows = [self._read(snapshot, dish, centre) for snapshot in dish]
        table = {name: np.array([row[name] for row in rows], float) for name in rows[0]}
        table["front"] = table["radius"] - table["radius"][0]
        table["area"] -= table["area"][0]
        times = {"time": dish.times}
        return xr.Dataset(
            {
                name: named(xr.DataArray(table[name], dims="time", coords=times), *about)
                for name, about in COURSES.items()
            }
        )

    def measure(self, dishes: Dishes, *, seed: int = 1) -> xr.Dataset:
        """Noisy `front` and `area`, and what is counted, of each dish, (replicate, time)."""
        rng = generator(seed, self.purpose)
        tables = [self.observable(dish) for dish in all_of(dishes)]
        same_times(all_of(dishes))
        seen = []
        for table in tables:
            radius = table["radius"] + self.numbers["outline_noise"] * rng.standard_normal(table.sizes["time"])
            gained = table["area"]
            drawn = self.area_noise.draw(rng, gained.copy(data=np.abs(gained.values))) * np.sign(gained)
            seen.append({"front": radius.values - radius.values[0], "area": drawn.values})
        counted = ("strands", "single_cells", "groups", "cells")
        return xr.Dataset(
            {name: replicates([one[name] for one in seen], tables[0][name]) for name in ("front", "area")}
            | {name: replicates([table[name].values for table in tables], tables[0][name]) for name in counted}
        )

    def log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log density of `front` (replicate, time); the first outline is the origin and is not scored."""
        found = several(dishes)
        known = same_times(found)
        seen = pick(data, "front")
        at = matched_times(known, seen)
        kept = at > 0
        fronts = np.array([self.observable(dish)["front"].values for dish in found])[:, at[kept]]
        variance = self.numbers["outline_noise"] ** 2
        noise = variance * (np.eye(int(kept.sum())) + 1.0)
        table = seen if "replicate" in seen.dims else seen.expand_dims("replicate")
        rows = table.transpose("replicate", "time").values[:, kept]
        return sum(log_predictive(row, fronts, noise) for row in rows)

    def count_log_likelihood(self, dishes: Dishes, data: xr.Dataset) -> float:
        """Log probability of counts (replicate,) or (replicate, time) at the time `at`, given dishes that predict them.

        data: `strands`, `single_cells` or both; NaN is skipped. A dish's count is Poisson about a rate of its own,
        rates follow a gamma (`log_predictive_count`). Raises DataError for one dish, for data with neither, without
        the time `at`, or with numbers that are no counts.
        Valid when: strands and single cells of a dish are independent but for its rates.
        """
        found = several(dishes)
        last, known = found[0].index(self.at), same_times(found)
        names = [name for name in COUNTED if name in data]
        if not names:
            raise refuse(DataError, sorted(map(str, data)), f"{' or '.join(COUNTED)}", "Name them as `measure` does.")
        tables = [self.observable(dish) for dish in found]
        total = 0.0
        for name in names:
            predicted = np.array([float(table[name][last]) for table in tables])
            counts = self._counts(pick(data, name), known, last)
            total += float(log_predictive_count(counts, predicted).sum())
        return total

    def _counts(self, seen: xr.DataArray, known: Floats, last: int) -> Floats:
        """Counts at the recorded time number `last`, those that are there."""
        if "time" in seen.coords:
            here = np.flatnonzero(matched_times(known, seen) == last)
            if not len(here):
                raise refuse(DataError, seen["time"].values.tolist(), f"a count at {known[last]:g} s", "Give `at`.")
            seen = seen.isel(time=here[0]) if "time" in seen.dims else seen
        values = np.atleast_1d(np.asarray(seen.values, float))
        there = values[~np.isnan(values)]
        if ((there < 0) | (there % 1 != 0)).any():
            raise refuse(DataError, there.tolist(), "whole counts of 0 or more", "Give counts, not means.")
        return np.asarray(there)

    @property
    def area_noise(self) -> Lognormal:
        """The error of an area inside a traced outline."""
        return Lognormal(self.numbers["invasion_area_cv"], 0.0)

    def _read(self, snapshot: Snapshot, dish: TissueReading, centre: Floats) -> dict[str, float]:
        axes = dish.grid.dimensions
        place, size = snapshot.cells["position"][:, :axes], snapshot.cells["radius"]
        if not len(size):
            return dict.fromkeys(COURSES.keys() - {"front"}, 0.0)
        far = np.sqrt(np.sum((place - centre[:axes]) ** 2, axis=1))
        return {
            "radius": float(np.quantile(far, HELD)),
            "area": float(outline(snapshot, dish.grid, PIXEL).sum()) * PIXEL**2,
            "cells": len(size),
            **self._shapes(place, size),
        }

    def _shapes(self, place: Floats, size: Floats) -> dict[str, float]:
        """Strands of the body, single cells and groups that have left it."""
        reach = self.numbers["adhesion_reach"]
        group = contacts(place, size, reach)
        count = np.bincount(group)
        body = group == int(np.argmax(count))
        loose = np.delete(count, int(np.argmax(count)))
        far = np.sqrt(np.sum((place - place[body].mean(axis=0)) ** 2, axis=1))
        core = float(np.median(far[body])) * 2 ** (1 / place.shape[1])
        out = body & (far > core + 2 * self.margin * float(size.mean()))
        arms = np.bincount(contacts(place[out], size[out], reach)) if out.any() else np.zeros(0, int)
        return {
            "strands": int((arms >= self.strand_cells).sum()),
            "single_cells": int((loose == 1).sum()),
            "groups": int((loose > 1).sum()),
        }


def log_predictive_count(seen: Floats, dishes: Floats) -> Floats:
    """Log probability of counts (k,) one by one, given counts (dish,) of dishes alike, all that is known of them.

    Dishes differ in their rates, gamma of shape s: counts are negative binomial. p(k) = sum over s of w(s) BNB(k), the
    beta negative binomial that is left when Jeffreys's prior of the mean is integrated out,

        BNB(k) = Gamma(k + s) / (Gamma(s) k!) B(n s + s, S + 1/2 + k) / B(n s, S + 1/2),

    S the sum of n counts; w(s) is what the dishes say of s, after equal chances for all `SPREADS` s^(-1/2).
    Valid when: a gamma describes how dishes differ. Of five dishes, intervals said to hold 95 % held 96 % where rates
    vary by a fifth to once their mean, 99 % of even dishes and 93 % of rates that vary by more than their mean.
    """
    n, total, one = len(dishes), float(np.sum(dishes)) + NO_COUNT, np.asarray(seen, float)[:, None]
    settled = special.betaln(n * SHAPES, total)
    weight = _drawn(dishes[:, None]).sum(axis=0) + settled + np.log(SHAPES) / 2
    chance = _drawn(one) + special.betaln((n + 1) * SHAPES, total + one) - settled
    return np.asarray(special.logsumexp(weight + chance, axis=1) - special.logsumexp(weight))


def _drawn(counts: Floats) -> Floats:
    """Log of Gamma(k + s) / (Gamma(s) k!)."""
    return np.asarray(special.gammaln(counts + SHAPES) - special.gammaln(SHAPES) - special.gammaln(counts + 1))
