"""Accepted parameter sets and the share of random sets that pass each row, as `exude fit` left them in the catalogue."""

from __future__ import annotations

import csv
import io
import math
import tomllib
from collections.abc import Mapping
from functools import cache

from exude.catalog import read
from exude.engine import streams
from exude.errors import CatalogError
from exude.experiment.dosing import key_of
from exude.experiment.protocol import Numbers
from exude.units import factor_to_internal

PRIOR_PASS = "fit/prior_pass.toml"


OUTSIDE = ("extracellular", "invasion", "recipients", "immunity", "metastasis")
"""Chapters of the surroundings, of other cells and of the body; new ones come last, so that older draws stay."""
BODY = "body"
"""Chapter of what drugs do in a body; drawn after the others, so that their draws stay."""
SHARES = (
    "fak_share", "surface_share_direct", "fibre_guidance", "surfing_share", "pore_limit_share", "cargo_escape",
    "transform_chance", "t_recognises_transformed", "most_restraint", "hit_without_munc13_4", "tired_left",
)  # fmt: skip
"""Numbers of the surroundings and of other cells that cannot exceed 1."""
SURROUNDINGS = 31
"""Purpose of the random numbers that draw the surroundings."""
RIVALS = ("c2b-only", "with-annexin-a6")
"""Rival calcium mechanisms, each fitted on its own."""


def draws_file(hypothesis: str) -> str:
    """Where the accepted sets of a mechanism stand in the catalogue."""
    return "fit/draws.csv" if hypothesis not in RIVALS else f"fit/draws-{hypothesis}.csv"


@cache
def accepted(hypothesis: str = "") -> tuple[Numbers, ...]:
    """Parameter sets that met every fitted finding, in the order drawn; for a rival its point set comes first."""
    name = draws_file(hypothesis)
    base = Numbers.default()
    try:
        return tuple(
            base.but(**{n: float(v) * factor_to_internal(read.parameter(n).unit) for n, v in row.items()})
            for row in csv.DictReader(io.StringIO(_text(name)))
        )
    except (ValueError, TypeError) as problem:
        raise CatalogError(f"{name}: not a table of numbers ({problem}). Make it anew with `exude fit`.") from problem


def outside(draw: int, numbers: Numbers) -> Numbers:
    """A parameter set with the numbers of the surroundings drawn from their spreads; the cell's own stay."""
    chapters = read.chapter_of()
    unsure = {n: p.log_sd for n, p in read.parameters().items() if p.value > 0 and p.log_sd > 0}
    names = [n for n in unsure if chapters[n] in OUTSIDE] + [n for n in unsure if chapters[n] == BODY]
    widths = unsure | {n: math.hypot(unsure.get(n, 0), width) for n, width in _potencies().items()}
    z = streams.generator(draw, SURROUNDINGS).standard_normal(len(names))
    drawn = {n: numbers[n] * math.exp(widths[n] * x) for n, x in zip(names, z, strict=True)}
    return numbers.but(**{n: min(v, 1) if n in SHARES else v for n, v in drawn.items()})


def _potencies() -> dict[str, float]:
    """Spread of each drug's potency, by the name of its volume in a body.

    A potency is no parameter. What a drug does depends on its concentration over its potency, and the concentration on
    the dose over the volume, so that a spread of the potency is one of the volume.
    """
    known = {
        f"{key_of(drug)}_volume": max((e.potency.log_sd for e in table.effects), default=0.0)
        for drug, table in read.drugs().items()
    }
    return {name: width for name, width in known.items() if name in read.parameters()}


@cache
def prior_pass() -> Mapping[str, float]:
    """'FINDING|HYPOTHESIS' -> share of random parameter sets, fitted to nothing, that pass the row."""
    return {name: float(share) for name, share in tomllib.loads(_text(PRIOR_PASS))["share"].items()}


def _text(name: str) -> str:
    try:
        return (read.data() / name).read_text(encoding="utf-8")
    except OSError as problem:
        raise CatalogError(f"{name}: cannot be read ({problem}). Make it with `exude fit`.") from problem
