"""What declarations of every kind ask of their texts: known names, the right dimension, what stands behind a name."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Mapping

from exude.derive import grammar
from exude.errors import DeclarationError, refuse
from exude.units import dimension

NOTHING = "0"
"""Text that has every unit."""


def check_text(owner: str, text: str, unit: str, units: Mapping[str, str]) -> None:
    """Every name is among `units`, and the text has the dimension of `unit`; DeclarationError, which names the owner."""
    tree = grammar.parse(text)
    for name in sorted(grammar.names(tree)):
        if name not in units:
            raise grammar.unknown(text, name, owner, units)
    got = grammar.to_dimension(tree, units, text)
    if got != dimension(unit) and text != NOTHING:
        expected = f"dimension of {unit or '1'}, not {got}"
        raise refuse(DeclarationError, f"{owner} = {text}", expected, "Mend the text or the unit of a symbol in it.")


def check_at_hand(owner: str, text: str, at_hand: Collection[str], trees: Mapping[str, ast.expr]) -> None:
    """The text, definitions read through, reads only what is at hand where it stands; DeclarationError otherwise."""
    far = behind(grammar.names(grammar.parse(text)), trees) - set(at_hand)
    if far:
        raise refuse(
            DeclarationError, f"{owner} = {text}", "a text that reads what is at hand there",
            f"It reads {', '.join(sorted(far))}.",
        )  # fmt: skip


def behind(names: Iterable[str], trees: Mapping[str, ast.expr]) -> set[str]:
    """What names stand for once definitions (`trees`) are read through."""
    found, todo = set[str](), list(names)
    while todo:
        name = todo.pop()
        if name in trees:
            todo += grammar.names(trees[name])
        else:
            found.add(name)
    return found
