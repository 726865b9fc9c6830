"""One statement of the study, run for real and quickly: the job behind "Run it now"."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.experiment.panels import Panel, noted
from exude.experiment.protocol import Numbers
from exude.experiment.study import ensemble, say_size
from exude.experiment.study.cultures import Read, cultures
from exude.experiment.study.effort import QUICK, Size
from exude.experiment.study.figures import panels
from exude.experiment.study.questions import Outcome, questions
from exude.experiment.study.run import Dish, Task, _by_mechanism, beyond, follow
from exude.experiment.study.score import row
from exude.page.jobs import Report
from exude.page.study import KINDS, shown, table
from exude.page.study_dishes import dishes
from exude.page.study_stored import Row
from exude.show.figures import draw, write
from exude.show.study_words import alternative, caption

SETS = 1 + QUICK.draws
"""Parameter sets of a quick run: the point estimate and its draws."""
SEED = 1
"""As `exude reproduce` has it, so that the command gives the same numbers."""


class OnDemand(Mapping[str, Read]):
    """Reads of dishes under one parameter set, each dish run when first asked for: a statement needs few of them."""

    def __init__(self, numbers: Numbers, dishes: Sequence[Dish], follow_one: Callable[[Dish], Read]) -> None:
        self.numbers = numbers
        self.found: dict[str, Read] = {}
        self._dishes = {dish.name: dish for dish in dishes}
        self._follow = follow_one

    def run(self, names: Sequence[str]) -> None:
        """Run those of the named dishes that this parameter set has."""
        for name in names:
            if name in self:
                self[name]

    def __getitem__(self, name: str) -> Read:
        if name not in self.found:
            self.found[name] = self._follow(self._dishes[name])
        return self.found[name]

    def __contains__(self, name: object) -> bool:
        """Whether the dish may be run under this parameter set; it is not run for the question."""
        return name in self._dishes

    def __iter__(self) -> Iterator[str]:
        return iter(self._dishes)

    def __len__(self) -> int:
        return len(self._dishes)


@dataclass
class Progress:
    """How many dishes are done, of how many as far as is known."""

    report: Report
    total: int
    done: int = 0

    def follow(self, task: Task) -> Read:
        """Run a dish and tell of it."""
        self.report(self.done, max(self.total, self.done + 1), task.dish.name)
        found = follow(task)
        self.done += 1
        return found


@dataclass(frozen=True)
class Answer:
    """What came out for one statement."""

    rows: list[dict[str, Any]]
    """As in scores.json."""
    panel: Panel
    dishes: list[str]
    """Names of the dishes that it read at the point estimate."""


def run_statement(request: Mapping[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Run what a statement needs, draw its figure into the folder, and return its rows, words and dishes.

    request: `id` of the statement, and `about` how many dishes will be run, for the progress bar. The rows are those of
    `exude reproduce --quick --only ID`.
    """
    began, statement = time.perf_counter(), str(request["id"])
    found = answer(statement, QUICK, Progress(report, int(request.get("about", 0))))
    figure, rows = draw(found.panel), [Row.model_validate(row) for row in found.rows]
    for kind in KINDS:
        write(figure, folder / f"figure.{kind}")
    (folder / "data.csv").write_text(table(rows), encoding="utf-8")
    return {
        "id": statement, "title": found.panel.title, "rows": [shown(row) for row in rows],
        "dishes": dishes(found.dishes), "size": say_size(True, (statement,)), "kinds": KINDS,
        "caption": caption(found.panel), "alt": alternative(found.panel),
        "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip


def answer(statement: str, size: Size, progress: Progress) -> Answer:
    """Run the dishes that a statement reads, at the point estimate and under each draw, score its rows, make its panel."""
    asked = [q for q in questions() if read.findings()[q.finding][1].statement == statement]
    reads = [_reads(i, numbers, size, progress) for i, numbers in enumerate(_by_mechanism(size.draws))]
    point, *draws = (Outcome(r.numbers, r) for r in reads)
    for question in asked:
        point.answer(question)
    panels(point, [], [statement])
    names = list(reads[0].found)
    progress.total = sum(name in r for r in reads for name in names)
    for drawn in reads[1:]:
        drawn.run(names)
    said, weak = say_size(True, (statement,)), ensemble.prior_pass()
    rows = [
        row(q, point.answer(q), [d.answer(q) for d in draws if d.has(q)], weak.get(f"{q.finding}|{q.hypothesis}"))
        for q in asked
    ]
    panel = noted(panels(point, draws, [statement])[statement], said)
    return Answer([made | {"quick": said} for made in rows], panel, names)


def _reads(draw_: int, numbers: Mapping[str, Numbers], size: Size, progress: Progress) -> OnDemand:
    """The dishes that may be run under one parameter set: in space and of mice, those that `exude reproduce` runs."""
    spatial = [d for d in beyond().values() if d.scored or draw_ == 0] if draw_ <= size.tissue_draws else []

    def follow_one(dish: Dish) -> Read:
        return progress.follow(Task(dish, numbers[dish.hypothesis], size.of(draw_), SEED + draw_))

    return OnDemand(numbers[DEFAULT_HYPOTHESIS], (*cultures().values(), *spatial), follow_one)
