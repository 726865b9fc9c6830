"""Where a result holds and where not: what the functions that made it say of themselves, and what is documented."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from exude.derive.closures import closures
from exude.engine.tissue_run import TissueRun
from exude.experiment.cohort import CohortRun, run_cohort
from exude.experiment.dosing import free_plasma
from exude.experiment.perturbations import CalciumModel, CalciumTrace
from exude.experiment.release import release_table
from exude.experiment.simulate import cell_symbols, simulate
from exude.show.results import Result

IN_SPACE = (
    "Places are voxels: an invadopodium smaller than a voxel is spread over it, so cutting in collagen depends on the voxel.",
    "A two-dimensional tissue is one layer as deep as a spread cell; what the film holds acts within the film's thickness.",
    "TIMP-2 that MT1-MMP holds is not subtracted from what is free.",
    "Fibres have a direction that does not change.",
)
"""As docs/tissue.md has them."""
OF_T_CELLS = (
    "All T cells know the tumour. Other immune cells, other ways of killing and antigen loss are not there.",
    "Dead cells vanish at once; killed is who is gone, from whatever cause.",
    "T cells drift up the gradient of chemokine no faster than they walk; the strength of it is assumed.",
)
"""As docs/neighbours.md has them."""
OF_BODIES = (
    "A body is coarse, well-mixed compartments: it answers which way, and how sure, not when.",
    "Every tumour cell sees the same exosomes, vessels and T cells; metastases neither release exosomes nor shed cells nor meet T cells; "
    "T cells that are tired stay so; a patient has a mouse's number of T cells.",
    "Entry needs the matrix between cell and vessel cut, by a share that is assumed: exosomal MT1-MMP cuts it (Messenger 2018).",
)
"""As cascade/body.py and docs/body.md have them."""
INTERVALS = (
    "Intervals say how sure the mean of these cells, dishes or members is. They hold nothing of what is unknown about the numbers "
    "below; `exude reproduce` shows that spread, over accepted parameter sets."
)
PLAIN_CALLS = re.compile(r"`([^`]+)`")


def limits(results: Sequence[Result]) -> list[str]:
    """Limits of validity of results of one kind, most general first."""
    first = results[0]
    found = [INTERVALS]
    if isinstance(first.outcome, CohortRun):
        found += [*OF_BODIES, *map(valid_when, (run_cohort, release_table))]
    else:
        found.append(valid_when(simulate))
    if isinstance(first.outcome, TissueRun):
        found += IN_SPACE
        found += OF_T_CELLS if "t_cell" in first.made.get("kinds", ()) else ()
        found += OF_BODIES[:1] if first.made.get("host") else ()
    if any(r.schedules for r in results):
        found.append(valid_when(free_plasma))
    if isinstance(first.outcome, CohortRun) or first.made.get("secretion") == "mean-field":
        found.append(mean_field())
    kinds = {type(w) for r in results for w in r.what}
    return [*found, *(valid_when(kind) for kind in (CalciumTrace, CalciumModel) if kind in kinds)]


def valid_when(thing: Any) -> str:
    """What a function's or class's own documentation says of where it holds, with its name."""
    told = re.search(r"Valid when:?\s+(.*?)(?:\n\s*\n|\Z)", thing.__doc__ or "", re.DOTALL)
    words = " ".join(told[1].split()) if told else "its documentation names no limit"
    return f"exude.{thing.__name__} is valid when: " + PLAIN_CALLS.sub(r"\1", words)


def mean_field() -> str:
    """Which transitions of the cell's mean field are closures, read off the declaration."""
    closed = [f"{c.name} ({c.why})" for c in closures(cell_symbols()) if c.kind == "closure"]
    exact = [c.name for c in closures(cell_symbols()) if c.kind == "exact"]
    return (
        f"Release is that of the cell's mean field. Its equations are exact for {', '.join(exact)}, and closures, expected values in the "
        f"place of a mean of products, for {', '.join(closed)}. How far off they are: docs/closures.md."
    )
