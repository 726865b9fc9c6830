"""Random parameter sets from the priors, and sets as text in catalogue units."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from functools import cache

from exude.catalog import read
from exude.engine import streams
from exude.errors import CatalogError
from exude.experiment.protocol import Numbers
from exude.units import factor_to_internal

MODEL_CHAPTERS = ("calcium", "effectors", "endosomes", "exosomes")
"""Chapters of the cell: the fit neither moves nor draws numbers of its surroundings."""


@cache
def fitted() -> tuple[str, ...]:
    """Parameters of the cell that the fit may move."""
    chapters = read.chapter_of()
    rows = read.parameters().items()
    return tuple(sorted(name for name, p in rows if p.status == "fitted" and chapters[name] in MODEL_CHAPTERS))


@cache
def uncertain() -> tuple[str, ...]:
    """Parameters of the model that are not fitted and not exactly known."""
    chapters = read.chapter_of()
    return tuple(
        sorted(
            name
            for name, p in read.parameters().items()
            if p.status != "fitted" and chapters[name] in MODEL_CHAPTERS and p.value > 0 and p.log_sd > 0
        )
    )


def prior(seed: int, index: int, *, vary_all: bool) -> Numbers:
    """The numbered random parameter set: fitted ones from their priors, others from their spread if `vary_all`."""
    normal = streams.generator(seed, 1000 + index).standard_normal(len(fitted()) + len(uncertain()))
    numbers, changed = Numbers.default(), {}
    for name, z in zip((*fitted(), *uncertain()), normal, strict=True):
        p = read.parameters()[name]
        if name in fitted():
            changed[name] = centre(name) * math.exp(width(name) * z)
        elif vary_all:
            changed[name] = numbers[name] * math.exp(p.log_sd * z)
    return numbers.but(**clip(changed))


def centre(name: str) -> float:
    """Centre of a fitted parameter's prior, internal units."""
    p = read.parameters()[name]
    if p.start is None or p.prior is None:
        raise CatalogError(f"{name}: a fitted number needs `start` and `prior`. Add both to its table.")
    return p.start * factor_to_internal(p.unit)


def width(name: str) -> float:
    """Standard deviation of the logarithm of a fitted parameter's prior."""
    prior = read.parameters()[name].prior
    return float(prior.sd or 0) if prior else 0.0


def clip(values: dict[str, float]) -> dict[str, float]:
    """Shares stay below 1."""
    shares = ("grow_without", "prime_without", "acid_share", "ceramide_share", "rab27a_share", "recruit_c2b",
              "spread_shared", "flash_plateau", "dominant_negative_left", "bulk_recovery")  # fmt: skip
    return {name: min(value, 1.0) if name in shares else value for name, value in values.items()}


def save(sets: Sequence[Numbers]) -> str:
    """Parameter sets as CSV text, in catalogue units."""
    names = [*fitted(), *uncertain()]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for numbers in sets:
        writer.writerow([f"{numbers[n] / factor_to_internal(read.parameter(n).unit):.6g}" for n in names])
    return out.getvalue()
