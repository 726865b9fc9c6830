"""Which model a study was made with: a hash of all that its numbers depend on."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from functools import cache
from typing import Any

from exude.cascade import MODELS
from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.engine import provenance
from exude.experiment.protocol import Numbers
from exude.experiment.study import ensemble
from exude.experiment.study.beyond import beyond
from exude.experiment.study.cultures import cultures

SAID_ONLY = ("meaning", "says", "why", "source", "notes")
"""Fields of a declaration that change no number."""


@cache
def fingerprint() -> str:
    """A short hash of what the study's numbers depend on: declarations, numbers, accepted sets, dishes, claims."""
    sets = [ensemble.accepted(), *(ensemble.accepted(rival) for rival in ensemble.RIVALS)]
    levels = {line.name: {gene: level.value for gene, level in line.levels.items()} for line in read.lines().values()}
    drugs = [(d.name, e.target, e.mode, e.potency.value, e.hill.value, e.maximum.value) for d in read.drugs().values() for e in d.effects]  # fmt: skip
    return provenance.fingerprint({
        "biology": bare([*MODELS.values(), PATIENT]), "numbers": Numbers.default().values, "levels": levels, "drugs": drugs,
        "spreads": {name: p.log_sd for name, p in read.parameters().items()},
        "sets": [[dict(numbers.values) for numbers in own] for own in sets],
        "dishes": [repr(dish) for dish in (*cultures().values(), *beyond().values())],
        "claims": {name: f.relation.model_dump() for name, (_, f) in read.findings().items() if f.statement},
    })  # fmt: skip


def bare(thing: Any) -> Any:
    """A declaration without what it only says of itself."""
    if dataclasses.is_dataclass(thing):
        kept = [f.name for f in dataclasses.fields(thing) if f.name not in SAID_ONLY]
        return {name: bare(getattr(thing, name)) for name in kept}
    if isinstance(thing, Mapping):
        return {str(key): bare(value) for key, value in thing.items()}
    if isinstance(thing, (list, tuple)):
        return [bare(value) for value in thing]
    return repr(thing)
