"""One statement of the study, run for real and quickly: the job behind "Run it now"."""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from exude.experiment.study import reproduce, say_size
from exude.experiment.study.needed import needed
from exude.page.jobs import Report
from exude.page.study import KINDS, shown, table
from exude.page.study_dishes import dishes
from exude.page.study_stored import Row
from exude.show.figures import draw, write
from exude.show.study_words import alternative, caption


def run_statement(request: Mapping[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Run what a statement needs, draw its figure into the folder, and return its rows, words and dishes.

    request: `id` of the statement. The rows are those of `exude reproduce --quick --only ID`.
    """
    began, statement = time.perf_counter(), str(request["id"])
    study = reproduce(quick=True, only=(statement,), threads=1, progress=report)
    panel, rows = study.panels[statement], [Row.model_validate(row) for row in study.rows]
    figure = draw(panel)
    for kind in KINDS:
        write(figure, folder / f"figure.{kind}")
    (folder / "data.csv").write_text(table(rows), encoding="utf-8")
    return {
        "id": statement, "title": panel.title, "rows": [shown(row) for row in rows],
        "dishes": dishes(needed((statement,))), "size": say_size(True, (statement,)), "kinds": KINDS,
        "caption": caption(panel), "alt": alternative(panel), "seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip
