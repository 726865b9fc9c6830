"""A mean field as a network of pools and flows: what exports spell in their own language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from exude.derive.leaves import KIND_BIRTH, KIND_DEGRADE, KIND_GROW, KIND_MERGE, KIND_RELEASE
from exude.derive.symbols import Symbols
from exude.derive.trees import Tree

TOTALS = {
    "births": "MVBs born",
    "growths": "Rab11 vesicles taken up by MVBs",
    "mergers": "mergers of two MVBs",
    "fusions": "MVBs fused with the plasma membrane",
    "exosomes": "ILVs released as exosomes",
    "exosomal_cargo": "MT1-MMP on released exosomes",
    "lysosome_fusions": "MVBs fused with lysosomes",
    "ilvs_degraded": "ILVs degraded in lysosomes",
    "cargo_degraded": "MT1-MMP degraded with ILVs",
}
"""Cumulative counts and what they mean."""
EVENT_TOTALS = {
    KIND_BIRTH: "births",
    KIND_GROW: "growths",
    KIND_MERGE: "mergers",
    KIND_RELEASE: "fusions",
    KIND_DEGRADE: "lysosome_fusions",
}
CONTENT_TOTALS = {KIND_RELEASE: ("exosomes", "exosomal_cargo"), KIND_DEGRADE: ("ilvs_degraded", "cargo_degraded")}
CONTENTS = {
    "birth_patches": "patches of membrane present from birth",
    "growth_patches": "patches of membrane brought by Rab11 vesicles",
    "birth_ilvs": "ILVs made of birth patches",
    "growth_ilvs": "ILVs made of growth patches",
}
"""What vesicles carry: patches in all and patches inside, by origin."""
INSIDE = {"birth_ilvs": "birth_patches", "growth_ilvs": "growth_patches"}
GROWN = "growth_total"
PER_VESICLE = "one_vesicle"
"""Symbol of the constant '1 item' that turns patches per vesicle into patches."""


@dataclass(frozen=True)
class Pool:
    """Something counted (unit item): vesicles of a class, what they carry, or a cumulative total."""

    symbol: str
    meaning: str
    holds: str
    """'vesicles', 'total', 'growth_total' or one of CONTENTS."""
    stage: str = ""
    growth: int | None = None
    """Growth class, where the stage is resolved."""


@dataclass(frozen=True)
class Named:
    """A quantity with a name of its own: symbol = tree."""

    symbol: str
    tree: Tree
    unit: str
    meaning: str = ""


@dataclass(frozen=True)
class Flow:
    """One kind of event: `takes` and `gives` say how many of each pool, `rate` how often (item/s)."""

    symbol: str
    rate: Tree
    takes: Mapping[str, int]
    gives: Mapping[str, int]
    transition: str
    kind: int | None = None


@dataclass(frozen=True)
class Network:
    """The whole network. `slopes` gives d pool / dt (item/s) of what vesicles carry, and of every trace used."""

    symbols: Symbols
    growth_states: int
    pools: tuple[Pool, ...]
    named: tuple[Named, ...]
    flows: tuple[Flow, ...]
    slopes: Mapping[str, Tree]
    parameters: tuple[str, ...]
    """Parameters of the catalogue that some tree reads, in alphabetical order."""
    levels: tuple[str, ...]
    traces: tuple[str, ...]
