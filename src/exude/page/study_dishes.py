"""What a statement is answered from: its dishes in bench words, their way into the cell view, and the run as code."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.experiment.parse import sentence
from exude.experiment.perturbations import say
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
    asked = [("view", "cell"), ("line", dish.line), *(("do", " ".join(sentence(what) or ())) for what in dish.what)]
    asked += [("duration", dish.duration), ("cells", str(SHOWN_CELLS)), ("seed", "1")]
    asked += [("hypothesis", dish.hypothesis)] if dish.hypothesis != DEFAULT_HYPOTHESIS else []
    return f"/?{urlencode(asked)}"


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
