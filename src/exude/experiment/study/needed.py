"""Which dishes a statement reads, found by answering and drawing it from stand-ins, so that no other dish is run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from exude.experiment.protocol import Numbers
from exude.experiment.study.cultures import Read
from exude.experiment.study.figures import panels
from exude.experiment.study.questions import Outcome, questions, statement_of

POINTS = 100
"""Of a stand-in's curves: any number will do, for what they show is thrown away."""


class _StandIns(dict[str, Read]):
    """A stand-in for every dish that is asked for, kept in the order asked. No two read alike: a correlation over equal
    numbers is undefined."""

    def __missing__(self, name: str) -> Read:
        number = 1.0 + len(self)
        self[name] = Read(
            defaultdict(lambda: number), defaultdict(lambda: np.linspace(number, 2 * number, POINTS, dtype=float))
        )
        return self[name]


def needed(statements: Sequence[str]) -> tuple[str, ...]:
    """Names of the dishes that statements are scored and drawn from, in the order in which they are first read.

    Valid when: which dishes a question or a figure reads does not hang on what they read.
    """
    seen = _StandIns()
    outcome = Outcome(Numbers.default(), seen)
    for question in questions():
        if statement_of(question) in statements:
            outcome.answer(question)
    panels(outcome, [], statements)
    return tuple(seen)
