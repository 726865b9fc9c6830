"""What became of a cohort, as numbers with intervals."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from exude.experiment.assays.metastasis import Metastasis
from exude.experiment.assays.survival import Survival
from exude.experiment.cohort import DAY, CohortRun
from exude.show.blocks import Grid, Row, Span
from exude.show.estimates import Interval, Measure, measure, share_of
from exude.show.results import Result
from exude.show.words import said


def measures(result: Result) -> list[Measure]:
    """Means over members; the same members, drawn with the same numbers, stand in both arms of a trial."""
    run = result.outcome
    assert isinstance(run, CohortRun)
    alike = f"{run.cohort.seed}, {run.cohort.host}, {run.cohort.vary}" if not run.failed else ""
    data, end = run.data, run.data["end"].values
    last = np.isfinite(data["primary"].values).sum(axis=1) - 1
    members = np.arange(len(last))

    def at_end(name: str) -> np.ndarray:
        return np.asarray(data[name].transpose("member", "time").values[members, last])

    days = run.cohort.days
    return [
        measure(f"days alive within {days} days", "days", end / DAY, alike=alike),
        measure("metastases that are seen, at a member's end", "per member", Metastasis().observable(run)["metastases"].values, alike=alike),
        measure("lasting colonies at a member's end", "per member", at_end("lasting"), alike=alike),
        replace(
            measure("tumour cells at a member's end", "log10 cells", np.log10(np.maximum(at_end("primary"), 1)), alike=alike),
            relative=False,
        ),
        measure("T cells in the tumour, mean over a member's days", "cells", np.nanmean(data["tumour_t"].values, axis=1), alike=alike),
    ]  # fmt: skip


def shares_table(arms: Mapping[str, Result]) -> Grid:
    """How many were lost and how many have metastases (Wilson's intervals), and median survival (Kaplan and Meier)."""
    rows = []
    for label, result in arms.items():
        run = result.outcome
        assert isinstance(run, CohortRun)
        n = run.data.sizes["member"]
        counts = Metastasis().observable(run)["metastases"].values
        hits = (
            ("lost to the tumour", int(run.data.died.sum())),
            ("with a metastasis that is seen", int((counts > 0).sum())),
        )
        for what, interval in (share_of(what, number, n) for what, number in hits):
            rows.append(Row((label, what, Span(f"{100 * interval.value:.0f} %", "strong"), _per_cent(interval))))
        rows.append(Row((label, "median survival", *_median(run))))
        if run.failed:
            rows.append(Row((label, "members that could not be run", Span(str(len(run.failed)), "bad"), "left out")))
    return Grid(
        ("condition", "what", "share or time", "95 %"), tuple(rows), (2.4, 2, 1.2, 1.4),
        "Shares of members with Wilson's 95 % interval; median survival by Kaplan and Meier with its 95 % interval.",
    )  # fmt: skip


def _per_cent(interval: Interval) -> str:
    return f"{100 * interval.low:.0f} to {100 * interval.high:.0f} %"


def _median(run: CohortRun) -> tuple[Span | str, str]:
    """Median survival and its interval; a word where more than half live to the end, or lifelines is missing."""
    from exude.errors import ProtocolError

    try:
        seen = Survival().observable(run)
    except ProtocolError as problem:
        return "not worked out", str(problem)
    middle, early, late = (float(seen[name]) / DAY for name in ("median", "earliest", "latest"))
    if math.isinf(middle):
        return Span("beyond the run", "strong"), f"later than {said(early)} days" if math.isfinite(
            early
        ) else "beyond the run"
    return Span(
        f"{said(middle)} days", "strong"
    ), f"{said(early)} to {said(late) if math.isfinite(late) else 'beyond the run'} days"
