"""Numbers of a whole tissue, as they are recorded."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from exude.engine import grid
from exude.engine.body import Body
from exude.engine.layout import Floats, Ints
from exude.engine.places import Places
from exude.engine.setup import Setup


def accounts(
    setup: Setup, body: Body, places: Places, counted: Mapping[str, int], freed: Floats, happened: Ints
) -> dict[str, float]:
    """Cells now, what was counted so far, cells by kind, events, amount of each field, what fusions set free."""
    space, volume = setup.space, setup.grid.volume / setup.thin
    kinds, cascade = space.kinds, space.cascade
    return {
        "cells": float(len(body.ids)),
        **{name: float(number) for name, number in counted.items()},
        **{f"cells_{k}": float(np.sum(body.kind == q)) for q, k in enumerate(kinds) if len(kinds) > 1},
        **{f"events_{e.name}".replace(" ", "_"): float(x) for e, x in zip(cascade.events, happened, strict=True)},
        **{f"amount_{name}": grid.total(places.fields[q]) * volume for q, name in enumerate(space.fields)},
        **{f"freed_{r.field}": float(x) for r, x in zip(cascade.releases, freed, strict=True)},
    }
