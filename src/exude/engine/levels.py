"""Levels of cells and of the dish: the founders' rows, what is done to all alike, what drugs leave of them by place.

Drugs in the tissue are looked up where each cell stands once per window of the secretion, at its start, so that all
that a cell does in a window is done with the same levels.
"""

from __future__ import annotations

import numpy as np

from exude.engine import grid
from exude.engine import numbers as exact
from exude.engine.body import Body
from exude.engine.layout import Floats, Ints
from exude.engine.setup import Setup


class Levels:
    """Levels in a running tissue; without drugs in it cells read the rows of their founders."""

    def __init__(self, setup: Setup, table: Floats) -> None:
        self.setup, self.table = setup, table
        self._dish = setup.dish
        self._cells: Floats | None = None
        self._known: tuple[tuple[Floats, Floats], tuple[Floats, Floats]] | None = None

    def look(self, body: Body, fields: Floats) -> Floats | None:
        """Levels (cell, level) that drugs leave to the cells of a body for the window that begins; None without drugs.

        The dish has the mean over cells of what is left, where its places read such a level.
        """
        if self.setup.drugs:
            found = left(self.setup, body, fields)
            self._cells = self.table[body.founder] * found
            self._dish = self.setup.dish * (np.mean(found, axis=0) if len(found) else 1.0)
            self._known = None
        return self._cells

    def now(self, time: float) -> tuple[Floats, Floats]:
        """(row, level) of cells and (level,) of the dish at a time (s); worked out anew only where something changes."""
        changes = self.setup.levels_at(time)
        if self._known is None or not all(map(np.array_equal, changes, self._known[0])):
            multiply, add = changes
            table = self.table if self._cells is None else self._cells
            self._known = changes, (table * multiply + add, self._dish * multiply + add)
        return self._known[1]

    def rows(self, body: Body) -> Ints:
        """(cell,) row of each cell in what `now` gives."""
        return body.founder if self._cells is None else np.arange(len(body.ids))


def left(setup: Setup, body: Body, fields: Floats) -> Floats:
    """(cell, level) share of each level that drugs leave to each cell where it stands."""
    found = np.ones((len(body.ids), len(setup.dish)))
    for drug in setup.drugs:
        met = np.zeros(len(found))
        for q, share in zip(drug.fields, drug.share, strict=True):
            met += share[body.kind] * grid.sample(fields[q], body.position, setup.grid)
        for level, half, steep, most in drug.actions:
            found[:, level] *= 1.0 - most * saturation(met, half, steep)
    return found


def saturation(amount: Floats, half: float | Floats, steep: float) -> Floats:
    """C^n / (C^n + K^n) of amounts C >= 0."""
    there = amount > 0
    ratio = np.where(there, amount, 1) / half
    return np.where(there, 1 / (1 + exact.exp(-steep * exact.log(ratio))), 0)
