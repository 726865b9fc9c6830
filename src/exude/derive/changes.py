"""What reactions and releases may change: known fields, of one unit, and supplied ones not together with others."""

from __future__ import annotations

from collections.abc import Mapping

from exude.errors import DeclarationError, refuse
from exude.model import Cascade, Reaction
from exude.units import dimension


def check_changes(cascade: Cascade) -> None:
    """Every change is of a declared field, and those of one reaction go together; raises DeclarationError."""
    own = {f.symbol: f.unit for f in cascade.fields}
    supplied = {f.symbol for f in cascade.fields if f.supplied}
    _check_supplied(cascade)
    for r in cascade.reactions:
        for name in r.changes:
            if name not in own:
                raise refuse(DeclarationError, name, f"a field in {r.name!r}", "Declare it.", own)
        _check_reaction(r, own, supplied)
    for release in cascade.releases:
        if release.field not in own:
            raise refuse(DeclarationError, release.field, "a field that a fusion adds to", "Declare it.", own)


def _check_reaction(r: Reaction, own: Mapping[str, str], supplied: set[str]) -> None:
    if len({dimension(own[name]) for name in r.changes}) > 1:
        raise refuse(
            DeclarationError, f"{r.name} changes {', '.join(f'{n} ({own[n]})' for n in r.changes)}",
            "fields of one unit", "Write one reaction for each unit.",
        )  # fmt: skip
    others = sorted(set(r.changes) - supplied)
    if others and len(others) < len(r.changes):  # the two kinds are followed in turn: a balance would break
        raise refuse(
            DeclarationError, f"{r.name} changes {', '.join(r.changes)}", "either supplied fields or others",
            f"Declare {', '.join(others)} supplied too, or write two reactions.",
        )  # fmt: skip


def _check_supplied(cascade: Cascade) -> None:
    for f in cascade.fields:
        if f.supplied and (f.fast or not f.diffusion):
            raise refuse(
                DeclarationError, f"{f.symbol} is supplied", "a field that diffuses and is not fast",
                "Leave `supplied` out, or give `diffusion`.",
            )  # fmt: skip
