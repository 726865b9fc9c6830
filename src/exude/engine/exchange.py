"""What passes between a tissue and the body around it, at the end of each window."""

from __future__ import annotations

import numpy as np

from exude.engine import grid
from exude.engine.arrivals import comers, entered
from exude.engine.body import Body
from exude.engine.compartments import State
from exude.engine.host import Host
from exude.engine.layout import Floats, Ints
from exude.engine.places import Places
from exude.engine.renewal import Renewed
from exude.engine.setup import Setup
from exude.model import DEAD


class Exchange:
    """A tissue's side of it: who comes in, and what is handed over.

    handed: (port,) what each port's field had counted when it was last handed over.
    """

    def __init__(self, setup: Setup, state: State | None = None, handed: Floats | None = None) -> None:
        self.setup = setup
        self.host = None if setup.host is None else Host(setup.host, setup.seed, state)
        self.handed = np.zeros(0 if setup.host is None else len(setup.host.ports)) if handed is None else handed

    def entered(self, body: Body, places: Places, dish: Floats, window: int, names: tuple[int, int]) -> Body:
        """The cells with those that came in during a window; names: founders of a kind, and the next free id."""
        s = self.setup
        if self.host is None or not s.space.cascade.arrivals:
            return body
        stocks, levels = self.host.stocks, s.space.known.levels
        here = dish.copy()
        for arrival in s.space.cascade.arrivals:
            if arrival.out_of:
                here[levels.index(arrival.out_of)] = stocks[arrival.out_of]
        found = comers(places.arriving(here), s, window)
        for arrival in s.space.cascade.arrivals:
            if arrival.out_of:
                came = int(np.sum(found.kind == s.space.kinds.index(arrival.kind)))
                self.host.take(arrival.out_of, came)
        return entered(body, found, s, *names)

    def hand_over(self, renewed: Renewed, places: Places, begin: float, end: float) -> None:
        """Give the body what left the tissue between two times (s), and let it go on to the second."""
        if self.host is None:
            return
        coming: dict[str, float] = {}
        counted = self.handed.copy()
        for q, (port, share) in enumerate(self.host.setup.ports):
            if port.field:
                counted[q] = self._amount(places, port.field)
                amount = max(0.0, counted[q] - self.handed[q])
            else:
                amount = self._cells(renewed.died if port.cells == DEAD else renewed.left, port.kinds)
            coming[port.stock] = coming.get(port.stock, 0.0) + share * amount
        self.handed = counted
        self.host.advance(begin, end, coming)

    def _amount(self, places: Places, field: str) -> float:
        s = self.setup
        return grid.total(places.fields[s.space.fields.index(field)]) * s.grid.volume / s.thin

    def _cells(self, by_kind: Ints, kinds: tuple[str, ...]) -> float:
        return float(sum(by_kind[self.setup.space.kinds.index(kind)] for kind in kinds))

    def series(self) -> dict[str, float]:
        """What the body holds now, by stock."""
        return {} if self.host is None else {f"body_{name}": value for name, value in self.host.stocks.items()}
