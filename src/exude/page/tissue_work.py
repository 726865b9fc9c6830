"""The long work of the tissue view: both sides of a dish, run one after the other into a job's folder."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from starlette.datastructures import QueryParams

from exude.experiment.tissue_run import Progress, run_tissue
from exude.page.jobs import Report
from exude.page.tissue import HOUR, LETTERS, asked_dish

SIDES = ("left", "right")


def run(request: Mapping[str, Any], folder: Path, report: Report) -> dict[str, Any]:
    """Run the dish that the address `request["query"]` asks for; each side becomes a.zarr or b.zarr in the folder.

    Cancelled, the recorded times that were written stay readable.
    """
    asked = asked_dish(QueryParams(request["query"]))
    plans = [tissue.plan() for tissue in asked.tissues]
    steps = [plan.steps_per_point * (plan.points - 1) for plan in plans]
    report(0, sum(steps), "cells settle in")
    for side, (tissue, letter) in enumerate(zip(asked.tissues, LETTERS, strict=False)):
        named = SIDES[side] if len(plans) > 1 else "the dish"
        told = _told(report, named, sum(steps[:side]), sum(steps), plans[side].setup.dt)
        run_tissue(tissue, folder / f"{letter}.zarr", progress=told, checkpoint_every="1 h")
    return {"sides": len(plans)}


def _told(report: Report, side: str, before: int, total: int, dt: float) -> Progress:
    """Progress of one side as part of all."""

    def progress(done: int, own: int) -> None:
        report(before + done, total, f"{side}: {done * dt / HOUR:.1f} of {own * dt / HOUR:g} h")

    return progress
