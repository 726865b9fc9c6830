"""What stands behind a quantity: the numbers that its declared texts read, counted by their standing in the catalogue."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from functools import cache

from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.derive import grammar
from exude.derive.compartments import Compartments
from exude.derive.field import network
from exude.experiment.dosing import Schedule, key_of
from exude.experiment.simulate import cell_symbols

STANDING = {"measured": "known", "derived": "known", "transferred": "known", "fitted": "fitted", "assumed": "assumed"}
"""How a status is called in a figure: a number is known where a source stands behind it, of whatever system."""
ENDS = ("lethal_cells_mouse", "lethal_metastases_mouse")
"""What ends a mouse: no text reads them, every group does."""
KINETICS = ("molar_mass", "volume", "elimination", "absorption", "available", "unbound", "outward", "inward")
TARGETED = ("targeted_gain", "targeted_elsewhere")


def standing(statuses: Iterable[str]) -> str:
    """How many numbers are known, fitted and assumed: 'known 12, fitted 3, assumed 41'."""
    found = Counter(STANDING[status] for status in statuses)
    return ", ".join(f"{word} {found[word]}" for word in dict.fromkeys(STANDING.values()))


def behind_cell() -> set[str]:
    """Parameters that the fusions and exosomes of one cell read."""
    return set(network(cell_symbols()).parameters)


@cache
def _texts() -> dict[str, tuple[str, ...]]:
    """Definition or stock of a body -> the texts that make it: for a stock its start and the flows that move it."""
    made: dict[str, tuple[str, ...]] = {d.symbol: (d.text,) for d in PATIENT.definitions}
    for stock in PATIENT.stocks:
        flows = [f for f in PATIENT.flows if stock.symbol in (f.source, f.target)]
        made[stock.symbol] = (stock.start, *(text for f in flows for text in (f.rate, f.source) if text))
    return made


def behind_body(quantity: str) -> set[str]:
    """Parameters that a stock or definition of a body reads, flows and definitions read through; release: of a cell."""
    known = Compartments(PATIENT, {name: p.unit for name, p in read.parameters().items()})
    found, todo = set[str](), [quantity]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [n for text in _texts().get(name, ()) for n in grammar.names(grammar.parse(text))]
    cell = behind_cell() if "release" in found else set()
    return (found & set(known.parameters)) | cell | ({*ENDS} if quantity in known.stocks else set())


def of_drug(schedule: Schedule, targets: Collection[str]) -> list[str]:
    """Statuses of the numbers between a dose and what it does to targets."""
    name, known = schedule.name, read.parameters()
    kinetics = [p.status for what in KINETICS if (p := known.get(f"{key_of(name)}_{what}"))]
    effects = [n.status for e in read.drug(name).effects if e.target in targets for n in (e.potency, e.hill, e.maximum)]
    return [*kinetics, *effects, *(known[n].status for n in TARGETED if schedule.reach == "targeted")]


def of_parameters(names: Iterable[str]) -> list[str]:
    """Statuses of parameters."""
    return [read.parameter(name).status for name in names]
