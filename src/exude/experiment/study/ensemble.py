"""Accepted parameter sets and the share of random sets that pass each row, as `exude fit` left them in the catalogue."""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping
from functools import cache

from exude.catalog import read
from exude.errors import CatalogError
from exude.experiment.protocol import Numbers
from exude.units import factor_to_internal

PRIOR_PASS = "fit/prior_pass.toml"


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


@cache
def prior_pass() -> Mapping[str, float]:
    """'FINDING|HYPOTHESIS' -> share of random parameter sets, fitted to nothing, that pass the row."""
    return {name: float(share) for name, share in tomllib.loads(_text(PRIOR_PASS))["share"].items()}


def _text(name: str) -> str:
    try:
        return (read.data() / name).read_text(encoding="utf-8")
    except OSError as problem:
        raise CatalogError(f"{name}: cannot be read ({problem}). Make it with `exude fit`.") from problem
