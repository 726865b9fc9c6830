"""bioscrape: compiled direct method; calcium as a function of time in the rate, or segments restarted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np

import common
from common import Floats, Problem
from peers import Peer, Runner

FUSE = "kfuse"


def model(problem: Problem, fusion: tuple[Any, ...]) -> Any:
    """A bioscrape model with the given propensity for P => X."""
    from bioscrape.types import Model

    def first_order(source: str, target: list[str], rate: str) -> tuple[Any, ...]:
        return ([source], target, "massaction", {"k": rate})

    docking = first_order("M", ["D"], "kdock")
    if problem.sites:  # D + P never exceeds the sites, so max(0, ...) is not needed
        docking = (["M"], ["D"], "general", {"rate": "kdock*M*(sites-D-P)/sites"})
    reactions = [
        ([], ["I"], "massaction", {"k": "kb"}), first_order("I", ["M"], "kmat"), first_order("I", [], "kli"),
        first_order("M", [], "klys"), docking, first_order("D", ["M"], "kund"), first_order("D", ["P"], "kprime"),
        first_order("P", ["D"], "kunp"), (["P"], ["X"], *fusion),
    ]  # fmt: skip
    parameters = {k: v for k, v in common.RATES.items() if k not in ("kf", "K", "n")}
    parameters |= {FUSE: 0.0} if fusion[0] == "massaction" else {}
    parameters |= {"sites": float(problem.sites)} if problem.sites else {}
    return Model(
        species=list(common.SPECIES),
        reactions=reactions,
        parameters=list(parameters.items()),
        initial_condition_dict=dict.fromkeys(common.SPECIES, 0),
    )


def rate_in_time(problem: Problem) -> str:
    """kf fCa(t) P as one text: a constant and a Heaviside step at each change of calcium."""
    levels = [common.RATES["kf"] * common.activation(c) for _, c in problem.calcium]
    steps = [
        f"({b - a!r})*Heaviside(t-{at!r})"
        for (at, _), a, b in zip(problem.calcium[1:], levels, levels[1:], strict=False)
    ]
    return f"P*({'+'.join([repr(levels[0]), *steps])})"


def _parts(built: Any) -> tuple[Any, Any, list[int]]:
    from bioscrape.simulator import ModelCSimInterface, SSASimulator

    interface = ModelCSimInterface(built)
    return interface, SSASimulator(), [built.get_species_index(s) for s in common.SPECIES]


def with_time(problem: Problem) -> Runner:
    """Time in the rate. Exact: bioscrape draws afresh at every output time, and calcium changes at two of them."""
    from bioscrape.random import py_seed_random

    interface, simulator, order = _parts(model(problem, ("general", {"rate": rate_in_time(problem)})))

    def run(cells: int, seed: int) -> Floats:
        py_seed_random(seed)
        found = [simulator.py_simulate(interface, common.TIMES).py_get_result()[:, order] for _ in range(cells)]
        return np.array(found)

    return run


def in_segments(problem: Problem) -> Runner:
    """Mass action only, restarted at each change of calcium with another constant."""
    from bioscrape.random import py_seed_random

    built = model(problem, ("massaction", {"k": FUSE}))
    interface, simulator, order = _parts(built)
    spans = common.pieces(problem)
    values = []
    for piece in spans:
        built.set_params({FUSE: common.RATES["kf"] * common.activation(piece.calcium)})
        values.append(np.array(built.get_parameter_values(), float).copy())
    empty = np.zeros(len(order))

    def one() -> Floats:
        state, rows = empty, []
        for piece, parameters in zip(spans, values, strict=True):
            interface.py_set_param_values(parameters)
            interface.py_set_initial_state(state)
            interface.py_set_initial_time(piece.begin)
            found = simulator.py_simulate(interface, piece.times).py_get_result()
            rows.append(found if not rows else found[1:])
            state = found[-1].copy()
        return np.concatenate(rows)[:, order]

    def run(cells: int, seed: int) -> Floats:
        py_seed_random(seed)
        return np.array([one() for _ in range(cells)])

    return run


PEERS = (
    Peer("bioscrape", "bioscrape", "time in the rate", with_time, (common.INDEPENDENT, common.COUPLED_60)),
    Peer("bioscrape", "bioscrape", "restarted segments", in_segments, common.PROBLEMS),
)
