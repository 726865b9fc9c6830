"""GillesPy2: its C++ direct method, which takes no events, at constant calcium; and its hybrid with events."""

from __future__ import annotations

import logging
import os
import sysconfig
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

import common
from common import Floats, Problem
from peers import Peer, Runner


def model(problem: Problem, *, events: bool) -> Any:
    """A GillesPy2 model; kfuse is the rate of fusion, changed by events."""
    import gillespy2

    logging.getLogger("GillesPy2").setLevel(logging.ERROR)
    built = gillespy2.Model(name="common_problem")
    species = {s: gillespy2.Species(name=s, initial_value=0, mode="discrete") for s in common.SPECIES}
    built.add_species(list(species.values()))
    fuse = [common.RATES["kf"] * common.activation(c) for _, c in problem.calcium]
    rates = {k: v for k, v in common.RATES.items() if k not in ("kf", "K", "n")} | {"kfuse": fuse[0]}
    built.add_parameter([gillespy2.Parameter(name=k, expression=repr(v)) for k, v in rates.items()])
    flows = [
        ("", "I", "kb"), ("I", "M", "kmat"), ("I", "", "kli"), ("M", "", "klys"), ("M", "D", "kdock"),
        ("D", "M", "kund"), ("D", "P", "kprime"), ("P", "D", "kunp"), ("P", "X", "kfuse"),
    ]  # fmt: skip
    for source, target, rate in flows:
        ends = {"reactants": {source: 1} if source else {}, "products": {target: 1} if target else {}}
        name = f"{source or 'none'}_to_{target or 'none'}"
        if rate == "kdock" and problem.sites:
            text = f"kdock*M*({problem.sites}.0-D-P)/{problem.sites}.0"
            built.add_reaction(gillespy2.Reaction(name=name, propensity_function=text, **ends))
        else:
            built.add_reaction(gillespy2.Reaction(name=name, rate=built.listOfParameters[rate], **ends))
    for (at, _), value in zip(problem.calcium[1:], fuse[1:], strict=True) if events else ():
        trigger = gillespy2.EventTrigger(expression=f"t >= {at!r}")
        assignment = gillespy2.EventAssignment(variable=built.listOfParameters["kfuse"], expression=repr(value))
        built.add_event(gillespy2.Event(name=f"at_{at:g}", trigger=trigger, assignments=[assignment]))
    built.timespan(gillespy2.TimeSpan(common.TIMES))
    return built


@contextmanager
def own_packages() -> Iterator[None]:
    """GillesPy2 calls SCons by the path behind the interpreter's links, which forgets a virtual environment."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, [sysconfig.get_path("purelib"), before]))
    try:
        yield
    finally:
        os.environ.pop("PYTHONPATH")
        if before is not None:
            os.environ["PYTHONPATH"] = before


def _runner(solver: Any) -> Runner:
    def run(cells: int, seed: int) -> Floats:
        made = solver.run(number_of_trajectories=cells, seed=seed)
        return np.array([[np.asarray(one[s]) for s in common.SPECIES] for one in made]).transpose(0, 2, 1)

    return run


def direct(problem: Problem) -> Runner:
    """SSACSolver, compiled once."""
    import gillespy2

    with own_packages():
        return _runner(gillespy2.SSACSolver(model=model(problem, events=False)))


def hybrid(problem: Problem) -> Runner:
    """TauHybridCSolver, all species discrete."""
    import gillespy2

    with own_packages():
        return _runner(gillespy2.TauHybridCSolver(model=model(problem, events=True)))


RESTING = (common.RESTING, common.COUPLED_RESTING)
PEERS = (
    Peer("GillesPy2", "gillespy2", "constant calcium only (C++)", direct, RESTING),
    Peer("GillesPy2", "gillespy2", "events (hybrid, C++)", hybrid, (common.INDEPENDENT,), slow=True),
)
