"""The common problem as SBML, written with antimony, for the programs that read it."""

from __future__ import annotations

import common
from common import Problem


def text(problem: Problem, *, events: bool) -> str:
    """SBML in items and minutes, fCa read from the parameter Ca or, with `events`, the rate kfuse set by events.

    `=>` keeps reactions irreversible (COPASI refuses stochastic runs of reversible ones), and the substance unit is
    the item (COPASI takes moles where none is named).
    """
    import antimony

    room = "*(sites - D - P)/sites" if problem.sites else ""
    fuse = {begin: common.RATES["kf"] * common.activation(c) for begin, c in problem.calcium}
    rate = "kfuse" if events else "kf*Ca^n/(K^n + Ca^n)"
    values = {k: v for k, v in common.RATES.items() if not events or k not in ("kf", "K", "n")}
    values |= {"kfuse": fuse[0.0]} if events else {"Ca": problem.calcium[0][1]}
    values |= {"sites": problem.sites} if problem.sites else {}
    lines = [
        "model common_problem",
        "unit substance = item", "unit extent = item", "unit time_unit = 60 second", "unit volume = litre",
        "compartment cell = 1", *(f"substanceOnly species {s} in cell = 0" for s in common.SPECIES),
        "=> I; kb", "I => M; kmat*I", "I => ; kli*I", "M => ; klys*M", f"M => D; kdock*M{room}", "D => M; kund*D",
        "D => P; kprime*D", "P => D; kunp*P", f"P => X; {rate}*P",
        *(f"{name} = {value!r}" for name, value in values.items()),
    ]  # fmt: skip
    if events:
        lines += [f"at (time >= {begin!r}): kfuse = {k!r}" for begin, k in fuse.items() if begin > 0]
    if antimony.loadAntimonyString("; ".join(lines[1:]).join([f"{lines[0]}; ", "; end"])) < 0:
        raise ValueError(antimony.getLastError())
    return str(antimony.getSBMLString("common_problem"))
