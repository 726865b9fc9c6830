"""Release of a cell's exosomes against what drugs leave of its proteins: what ties a body's tumour to the cell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from exude.engine.layout import Floats
from exude.errors import ProtocolError, refuse
from exude.experiment.expect import expect
from exude.experiment.perturbations import KnockDown, Perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import Settings
from exude.units import seconds

SHARES = tuple(i / 8 for i in (0, 1 / 4, 1 / 2, 1, 2, 3, 4, 6, 8))
"""Shares left, of what the line has, at which release is worked out."""
RELEASE_TARGETS = ("UNC13D", "SMPD3", "ORAI1")
"""Proteins of release that drugs of a body lower: Munc13-4, neutral sphingomyelinase 2, the channel of calcium entry."""

Release = Callable[..., Floats]
"""(Munc13-4 left, and by name what is left of other targets that drugs lower; any one shape) -> exosomes per cell and s."""


@dataclass(frozen=True)
class ReleaseTable:
    """Exosomes released per cell and second: a table for Munc13-4 times one for each other target, straight between points.

    rates: against the Munc13-4 left. also: other target -> share of the release that is left, at the same `shares`.
    whole: release of the line without perturbations; None takes that at a share of 1.
    """

    shares: tuple[float, ...]
    rates: tuple[float, ...]
    also: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    whole: float | None = None

    def __call__(self, munc13_4: Floats, **left: Floats) -> Floats:
        """Rates at shares of any shape, held at the ends; ProtocolError for a target that is not in the table."""
        odd = [name for name in left if name not in self.also]
        if odd:
            known = ", ".join(("UNC13D", *self.also))
            raise refuse(ProtocolError, odd[0], f"a target of this table: {known}", "Use release_table(line).")
        rate = np.interp(munc13_4, self.shares, self.rates)
        shares = (np.interp(at, self.shares, self.also[name]) for name, at in left.items())
        return np.asarray(reduce(np.multiply, shares, rate))


def release_table(
    line: str, *what: Perturbation, duration: str = "12 h", numbers: Numbers | None = None
) -> ReleaseTable:
    """Release of a line under lasting perturbations against what is left of each target, from its cell's mean field.

    Several targets at once: release = rate(UNC13D) x share(SMPD3) x share(ORAI1).
    Valid when: as `expect`: a cell of median levels, not the mean of cells; and targets act
    independently: for MDA-MB-231 the product lies above the mean field by at most 4 % for Munc13-4 and ORAI1, both
    lowered to no matter what but Munc13-4 to at least an eighth, and by 0.3 % for either with SMPD3.
    """
    span = seconds(duration, what="duration")
    settings = Settings(numbers=numbers or Numbers.default())

    def rate(*done: Perturbation) -> float:
        return float(expect(line, *done, duration=duration, settings=settings).exosomes[-1]) / span

    rates = {name: tuple(rate(*what, KnockDown(name, to=at)) for at in SHARES) for name in RELEASE_TARGETS}
    full = rates["UNC13D"][-1]
    also = {
        name: tuple(each / full if full > 0 else 1.0 for each in rates[name])
        for name in RELEASE_TARGETS
        if name != "UNC13D"
    }
    return ReleaseTable(SHARES, rates["UNC13D"], also, rate() if what else full)


def whole_release(release: Release) -> float:
    """Release of the line itself, unperturbed; for an own function that of all targets left."""
    if isinstance(release, ReleaseTable) and release.whole is not None:
        return release.whole
    return float(release(np.ones(1))[0])
