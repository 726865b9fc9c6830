"""Fields in space: implicit diffusion, decay and loss on a grid of cubes.

du/dt = div(D grad u) - (decay + loss) u, in time steps that are stable whatever their length; units are s, um and the
user's own amount per um3. Same bits for any number of threads.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from exude.engine import build, sweeps
from exude.engine.grid import (
    Grid,
    check_shape,
    deposit,
    flat,
    gradient,
    is_padded,
    new_field,
    new_fields,
    no,
    sample,
    total,
)
from exude.engine.layout import Floats
from exude.engine.steady import steady
from exude.engine.sweeps import FACES, check, faces_of, number, outermost

__all__ = [
    "FACES", "Diffuser", "Grid", "Ledger", "deposit", "gradient", "new_field", "new_fields", "sample",
    "steady", "step_for", "total",
]  # fmt: skip

MARGIN = 0.7
"""Share of the asked error that the leading term may take; the rest is for the terms left out and the lattice's."""
STEADY = {(1, 2): 1.215, (1, 3): 3.5, (2, 2): 6.63, (2, 3): 25.1}
"""Relative error of the steady profile of a point source one decay length L away, by (order, dimensions), over
(dt decay)^order, in the worst direction (axis or diagonal). With 1-D operators A_i = -L^2 d2/dx_i2 + 1/n it is
sum A_i^(order + 1) G / (order + 1)! over the profile, G = L exp(-r/L) / 8 pi (3-D) or r K1(r/L) / 4 pi (2-D)."""


@dataclass
class Ledger:
    """What left and entered a field in all steps it was handed to, in the field's unit times um3.

    Counted sweep by sweep from what each sweep takes, not from the difference of two totals. `taken`: a field
    (nz, ny, nx) that gains what the loss took from each voxel, or None.
    """

    decayed: float = 0.0
    lost: float = 0.0
    entered: float = 0.0
    taken: Floats | None = None


class Diffuser:
    """Advances fields by one length of step: backward Euler along x, then y, then z, each line solved exactly.

    u <- (1 + dt ((decay + loss) / n - d/dx D d/dx))^-1 u for each of n directions (2 where nz == 1): what BioFVM's
    LOD solvers do. `diffusion`: um2/s, a number or (nz, ny, nx); between voxels the harmonic mean, so that flux is
    continuous and D = 0 is a wall. `decay`: 1/s. `dt`: s. `loss`: 1/s per voxel, (nz, ny, nx). `fixed`: face ("x-",
    "x+", ...) -> value held there, half a voxel beyond the outermost centres (flux 2 D (value - u) / h); every other
    face reflects. `order` 2: 2 S(dt/2)^2 - S(dt), second order in time for about four times the work.
    Place-dependent numbers are kept to 24 bits (6e-8 of their value) and then used exactly. Raises ProtocolError.

    Valid when dt suits the error one can bear (`step_for`): first order never makes a value negative; second order
    does where the field is rough on the scale sqrt(D dt) (a burst in one voxel: by less than 1e-2 of the peak).
    """

    def __init__(
        self,
        grid: Grid,
        diffusion: float | Floats,
        decay: float,
        dt: float,
        *,
        loss: Floats | None = None,
        fixed: Mapping[str, float] | None = None,
        order: int = 1,
    ) -> None:
        if not number(dt) or dt <= 0:
            raise no(dt, "a time step above 0 s", "Take one from `step_for`.")
        if not number(decay) or decay < 0:
            raise no(decay, "a decay rate of at least 0 1/s", "Add a source to the field instead.")
        if order not in (1, 2):
            raise no(order, "order 1 or 2", "Use order=1 unless the field is smooth.")
        self.grid, self.decay, self.dt, self.order = grid, float(decay), float(dt), order
        self.fixed = faces_of(grid, fixed or {})
        self._room = new_field(grid) if order == 2 else None
        self._half = Diffuser(grid, diffusion, decay, dt / 2, loss=loss, fixed=fixed) if order == 2 else None
        self._system = self._prepared(diffusion, loss)

    def update(self, diffusion: float | Floats, loss: Floats | None = None) -> None:
        """Exchange the coefficients, as matrix is cleared or cells move: one division per voxel, no factors to make."""
        if self._half is not None:
            self._half.update(diffusion, loss)
        self._system = self._prepared(diffusion, loss)

    def same(self, diffusion: float | Floats) -> bool:
        """Whether an `update` to this diffusion coefficient would leave the steps as they are."""
        known = self._system
        if isinstance(known, sweeps.Constant):
            return np.ndim(diffusion) == 0 and known.diffusion == diffusion
        return bool(np.array_equal(sweeps.resistances(diffusion, self.grid.shape), known.resistance))

    def step(self, field: Floats, threads: int = 1, ledger: Ledger | None = None) -> None:
        """Advance a field (nz, ny, nx) by dt in its place; with a ledger, count what leaves and enters.

        A field not made by `new_field` is copied in and out. Threads share planes (one layer has one thread).
        """
        if is_padded(field, self.grid) and field.dtype == np.float64:
            self._step(field, threads, ledger)
            return
        check_shape(field, self.grid.shape)
        work = new_field(self.grid)
        work[...] = field
        self._step(work, threads, ledger)
        field[...] = work

    def steps(self, fields: Iterable[Floats], threads: int = 1) -> None:
        """Advance several fields of the same coefficients."""
        for field in fields:
            self.step(field, threads)

    def _prepared(self, diffusion: float | Floats, loss: Floats | None) -> sweeps.Constant | sweeps.Local:
        shape = self.grid.shape
        check(diffusion, shape, "diffusion coefficients of at least 0 um2/s, a number or (nz, ny, nx)")
        if loss is None and np.ndim(diffusion) == 0:
            return sweeps.constant(self.grid, float(diffusion), self.decay, self.dt, self.fixed)
        if loss is not None:
            check(loss, shape, "loss rates of at least 0 1/s, (nz, ny, nx)")
        return sweeps.local(self.grid, (diffusion, loss), self.decay, self.dt, self.fixed)

    def _step(self, field: Floats, threads: int, ledger: Ledger | None) -> None:
        if self._half is None or self._room is None:
            self._first_order(field, threads, ledger, 1.0)
            return
        whole, room = flat(field, self.grid), flat(self._room, self.grid)
        room[...] = whole
        self._first_order(self._room, threads, ledger, -1.0)
        for _ in range(2):
            self._half._first_order(field, threads, ledger, 2.0)
        whole *= 2.0
        whole -= room

    def _first_order(self, field: Floats, threads: int, ledger: Ledger | None, weight: float) -> None:
        """One step; x and y of a plane go together unless something is added or counted in between."""
        dimensions = self.grid.dimensions
        if ledger is None and not self.fixed:
            self._system.sweep(field, sweeps.XY, threads)
            if dimensions == 3:
                self._system.sweep(field, sweeps.Z, threads)
            return
        for axis in range(dimensions):
            held = [(outermost(face), value) for face, value in self.fixed.items() if FACES.index(face) // 2 == axis]
            for place, value in held:
                field[place] += self._system.leak(place) * value
            self._system.sweep(field, 1 << axis, threads)
            if ledger is None:
                continue
            for place, value in held:
                ledger.entered += (
                    weight * self.grid.volume * math.fsum((self._system.leak(place) * (value - field[place])).ravel())
                )
            self._count(field, ledger, weight)

    def _count(self, field: Floats, ledger: Ledger, weight: float) -> None:
        """What decay and loss took in one sweep: each rate over n, times dt, times what the sweep left."""
        share = weight * self.grid.volume * self.dt / self.grid.dimensions
        ledger.decayed += share * self.decay * total(field)
        loss = self._system.loss if isinstance(self._system, sweeps.Local) else None
        if loss is not None:
            sums = np.empty(self.grid.shape[0])
            taken = np.empty((0, 0, 0)) if ledger.taken is None else ledger.taken
            build.plain("points").plane_losses(field, loss, share, taken, sums)
            ledger.lost += math.fsum(sums)


def step_for(grid: Grid, decay: float, error: float, *, lasting: float | None = None, order: int = 1) -> float:
    """The longest step (s) that keeps the error in time of a point source's field within `error`, relative.

    Two bounds, the smaller is taken: a burst, `lasting` s after it (one decay time unless given), relative to the
    field's greatest value: dt / 2 (3 n / 4 T + decay + decay^2 T / n) for n dimensions, dt^2 / 6 times the third
    powers for order 2; and a steady source, one decay length away, relative to the field there (`STEADY`). The
    diffusion coefficient drops out of both. Leading terms, which may take `MARGIN` of it. Raises ProtocolError.
    Valid when the decay length spans several voxels: the lattice's own error (h^2) comes on top.
    """
    if not number(error) or not 0 < error < 1:
        raise no(error, "a relative error between 0 and 1", "0.01 is one per cent.")
    if not number(decay) or decay < 0 or (lasting is not None and (not number(lasting) or lasting <= 0)):
        raise no((decay, lasting), "a decay of at least 0 1/s and a duration above 0 s", "Give rates in 1/s.")
    if decay == 0 and lasting is None:
        raise no(decay, "a decay above 0, or lasting=", "Say after how many seconds the error is to be judged.")
    n, after = grid.dimensions, lasting or 1.0 / decay
    each, rest = 1.0 / (2.0 * after), decay / n  # D k^2 of a Gaussian of variance 2 D T, and what decay adds
    if order == 1:
        burst = after / 2.0 * n * (3.0 * each**2 + 2.0 * each * rest + rest**2)
    else:
        burst = after / 6.0 * n * (15.0 * each**3 + 9.0 * each**2 * rest + 3.0 * each * rest**2 + rest**3)
    steady = STEADY[order, n] * decay**order
    return float((MARGIN * error / max(burst, steady)) ** (1.0 / order))
