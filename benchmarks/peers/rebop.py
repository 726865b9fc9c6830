"""rebop: compiled direct method in Rust, one run per segment of constant calcium."""

from __future__ import annotations

from typing import Any

import numpy as np

import common
from common import Floats, Problem
from peers import Peer, Runner


def model(problem: Problem, calcium: float) -> Any:
    """A rebop system at constant calcium: mass action wherever the law allows it."""
    import rebop

    r = common.RATES
    system = rebop.Gillespie()
    system.add_reaction(r["kb"], [], ["I"])
    system.add_reaction(r["kmat"], ["I"], ["M"])
    system.add_reaction(r["kli"], ["I"], [])
    system.add_reaction(r["klys"], ["M"], [])
    # D + P never exceeds the sites, so max(0, ...) is not needed
    docking = f"{r['kdock'] / problem.sites!r} * M * ({problem.sites} - D - P)" if problem.sites else r["kdock"]
    system.add_reaction(docking, ["M"], ["D"])
    system.add_reaction(r["kund"], ["D"], ["M"])
    system.add_reaction(r["kprime"], ["D"], ["P"])
    system.add_reaction(r["kunp"], ["P"], ["D"])
    system.add_reaction(r["kf"] * common.activation(calcium), ["P"], ["X"])
    return system


def in_segments(problem: Problem) -> Runner:
    """A run per segment, each from where the last one ended."""
    spans = common.pieces(problem)
    systems = [model(problem, piece.calcium) for piece in spans]

    def one(random: np.random.Generator) -> Floats:
        state: dict[str, int] = {}
        rows: list[Floats] = []
        for piece, system in zip(spans, systems, strict=True):
            made = system.run(state, piece.end - piece.begin, len(piece.times) - 1, rng=random)
            found = np.stack([made[s].values for s in common.SPECIES], axis=1)
            rows.append(found if not rows else found[1:])
            state = dict(zip(common.SPECIES, (int(n) for n in found[-1]), strict=True))
        return np.concatenate(rows)

    def run(cells: int, seed: int) -> Floats:
        random = np.random.default_rng(seed)
        return np.array([one(random) for _ in range(cells)], float)

    return run


def events(problem: Problem, cells: int, seed: int) -> float:
    """Events per cell, counted: with `nb_steps=0` rebop returns one row per reaction."""
    random = np.random.default_rng(seed)
    total = 0
    systems = [(piece, model(problem, piece.calcium)) for piece in common.pieces(problem)]
    for _ in range(cells):
        state: dict[str, int] = {}
        for piece, system in systems:
            made = system.run(state, piece.end - piece.begin, 0, rng=random)
            total += int((np.abs(np.diff(np.stack([made[s].values for s in common.SPECIES]))).sum(axis=0) > 0).sum())
            state = {s: int(made[s].values[-1]) for s in common.SPECIES}
    return total / cells


PEERS = (Peer("rebop", "rebop", "restarted segments", in_segments, common.PROBLEMS),)
