"""The proof's `CELL` in the slow twin, for settings that no closed form holds."""

from __future__ import annotations

import numpy as np

from proof.models import LATER, MINUTE, RATES, SLOWED, Found, Setting
from small import Sample, Seen, observables, of_records, released
from twin import Piece, Twin

FINE = 5.0
"""Seconds over which the twin holds calcium constant where the curve slopes."""


def twin_of(setting: Setting) -> Twin:
    """The setting as the twin takes it: numbers per second, constant pieces of calcium."""
    numbers = {name: v / MINUTE if name in RATES else v for name, v in setting.values.items()}
    return Twin(setting.model, numbers, ({"budding": 1.0}, {"budding": SLOWED}), _pieces(setting))


def _pieces(setting: Setting) -> list[Piece]:
    pieces, curve, begin = [], setting.calcium, 0.0
    for stop in sorted({*curve.at, *setting.outputs} - {0.0}):
        first, last = curve(begin), curve(stop, before=True)
        number = 1 if first == last else max(1, round((stop - begin) * MINUTE / FINE))
        for i in range(number):
            end = begin + (stop - begin) * (i + 1) / number
            value, whole = first + (last - first) * (i + 0.5) / number, i == number - 1
            shown = whole and stop in setting.outputs
            pieces.append(
                Piece(end * MINUTE, value, int(begin >= LATER), shown, shown and bool(np.isin(stop, setting.read_at)))
            )
        begin = stop
    return pieces


def seen(found: Found) -> Sample:
    """Observables of the kernel's cells."""
    events = {**found.events, "what": released(found.setting.model, found.events["what"])}
    ages = {name: column * MINUTE if name == "age" else column for name, column in events.items()}
    reads = {name: column * MINUTE if name == "age" else column for name, column in found.reads.items()}
    return observables(Seen(found.setting.model, found.setting.outputs, found.count, found.total, ages, reads))


_kept: dict[tuple[str, int], Sample] = {}


def twin_sample(setting: Setting, cells: int) -> Sample:
    """Observables of twin cells; the same ones serve every planted fault."""
    key = (repr(setting), cells)
    if key not in _kept:
        records = twin_of(setting).run(cells, seed=20180618)
        _kept[key] = observables(of_records(setting.model, setting.outputs, records))
    return _kept[key]
