"""What a statement is answered from: its dishes in bench words, their way into the cell view, and the run as code."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.errors import ProtocolError, refuse
from exude.experiment.perturbations import (
    DominantNegative,
    Drug,
    KnockDown,
    KnockOut,
    Perturbation,
    Rescue,
    Stimulus,
    say,
)
from exude.experiment.study.cultures import BURN_IN, Culture, cultures
from exude.experiment.study.ensemble import RIVALS
from exude.show.words import micro

Plain = dict[str, Any]

SHOWN_CELLS = 100
"""Of a dish that is opened in the cell view."""


def dishes(names: Sequence[str]) -> list[Plain]:
    """What is run: each dish in bench words, and for a culture of single cells the way into the cell view."""
    known = cultures()
    return [_dish(known[name]) if name in known else {"name": name, "says": "", "link": ""} for name in names]


def _dish(dish: Culture) -> Plain:
    done = " + ".join(say(what) for what in dish.what) or "untreated"
    mechanism = "" if dish.hypothesis == DEFAULT_HYPOTHESIS else f", mechanism {dish.hypothesis}"
    says = f"{dish.line}, {done}; {BURN_IN} of settling, then {dish.duration}{mechanism}"
    return {"name": dish.name, "says": micro(says), "link": cell_link(dish)}


def cell_link(dish: Culture) -> str:
    """The address of a culture in the cell view; none for a rival that was fitted with numbers of its own."""
    if dish.hypothesis in RIVALS:
        return ""
    asked = [("view", "cell"), ("line", dish.line), *(("do", sentence(what)) for what in dish.what)]
    asked += [("duration", dish.duration), ("cells", str(SHOWN_CELLS)), ("seed", "1")]
    asked += [("hypothesis", dish.hypothesis)] if dish.hypothesis != DEFAULT_HYPOTHESIS else []
    return f"/?{urlencode(asked)}"


def sentence(what: Perturbation) -> str:
    """A perturbation of the study as `parse.perturbation` reads it."""
    match what:
        case KnockDown(gene, to):
            return f"knock-down {gene}={to:g}"
        case KnockOut(gene):
            return f"knock-out {gene}"
        case DominantNegative(gene):
            return f"dominant-negative {gene}"
        case Rescue(gene, mutant):
            return f"rescue {gene} {mutant}".strip()
        case Drug(name, dose, at, until):
            kind = "stimulus" if isinstance(what, Stimulus) else "drug"
            return f"{kind} {name} {dose} at {at}" + (f" until {until}" if until else "")
    raise refuse(
        ProtocolError, type(what).__name__, "what the study does to cells", "Say it in exude.page.study.sentence."
    )


def as_command(statement: str) -> str:
    """The same run at the command line; into a folder of its own, so that a full study is not overwritten."""
    return shlex.join(["exude", "reproduce", "--only", statement, "--quick", "--out", f"results-{statement}"])


def as_python(statement: str) -> str:
    """The same run as code."""
    return (
        "from exude.experiment.study import reproduce\n\n"
        f'study = reproduce(quick=True, only=("{statement}",))\n'
        'for row in study.rows:\n    print(row["finding"], row["predicted"], row["verdict"])\n'
    )
