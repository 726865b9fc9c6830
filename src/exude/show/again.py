"""How to make a result again: the exact command and the exact Python, each checked against the result's fingerprint."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from dataclasses import MISSING, fields
from typing import Any

from exude.engine.summary import Summary
from exude.engine.tissue_run import TissueRun
from exude.errors import ExudeError
from exude.experiment.cohort import Cohort, CohortRun
from exude.experiment.dosing import Schedule
from exude.experiment.parse import sentence
from exude.experiment.perturbations import Perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import Settings, plan
from exude.show.again_file import tissue_file
from exude.show.blocks import Block, Code, Paragraph
from exude.show.rebuilt import NOUNS
from exude.show.results import Result, changed_numbers, tissue_of

ROUTES = {"vein": "", "mouth": " by mouth", "belly": " into the belly", "skin": " under the skin"}
KEPT = ("every", "snapshots", "events", "stage_changes", "burn_in", "alike", "hypothesis")
"""Settings that a run's provenance holds."""
NO_OPTION = ("stage_changes", "burn_in")
"""Settings that the command line does not have."""
SAME = "This Python gives the fingerprint that the result carries: the very same experiment."
OTHER = "This version of exude gives another fingerprint than the result carries: the model or its numbers have changed since."
NOT_TRIED = "Its fingerprint could not be checked: {}"


def again_blocks(result: Result) -> tuple[Block, ...]:
    """Command and Python of one result, and whether they give its fingerprint."""
    made = command(result)
    blocks: list[Block] = (
        [Code(made)] if made else [Paragraph("The command line cannot say all of this experiment; Python can.")]
    )
    return (*blocks, Code(python(result)), Paragraph(checked(result)))


def checked(result: Result) -> str:
    """Whether the experiment, planned anew, has the fingerprint of the result."""
    wanted = result.made.get("fingerprint")
    if isinstance(result.outcome, CohortRun) or not wanted:
        return "The same seed and versions give the same numbers on any number of threads."
    try:
        found = tissue_of(result).plan().fingerprint if isinstance(result.outcome, TissueRun) else _planned(result)
    except (ExudeError, OSError) as problem:
        return NOT_TRIED.format(problem)
    return SAME if found == wanted else OTHER


def _planned(result: Result) -> str:
    made = result.made
    settings = settings_of(result)
    return plan(result.line, result.what, made["duration"], int(made["cells"]), int(made["seed"]), settings).fingerprint


def settings_of(result: Result) -> Settings:
    """The settings of a run or a summary."""
    known = {name: result.made[name] for name in KEPT}
    known["snapshots"] = tuple(known["snapshots"])
    return Settings(**known, numbers=Numbers.default().but(**changed_numbers(result)))


def python(result: Result) -> str:
    """Python that makes the result again."""
    if isinstance(result.outcome, CohortRun):
        told = _told(result.outcome.cohort, changed_numbers(result))
        return f"import exude\nfrom exude import {', '.join(_nouns(told))}\n\nrun = exude.run_cohort(\n    {told}\n)"
    if isinstance(result.outcome, TissueRun):
        told = _told(tissue_of(result), changed_numbers(result))
        return f'import exude\nfrom exude import {", ".join(_nouns(told))}\n\nrun = exude.run_tissue(\n    {told},\n    "again.zarr",\n)'
    verb = "summarise" if isinstance(result.outcome, Summary) else "simulate"
    made, settings = result.made, settings_of(result)
    lines = [
        f'"{result.line}"',
        *map(repr, result.what),
        f'duration="{made["duration"]}"',
        f"cells={made['cells']}",
        f"seed={made['seed']}",
    ]
    told = _told(settings, changed_numbers(result))
    lines += [f"settings={told}"] if told != "Settings()" else []
    body = "".join(f"    {line},\n" for line in lines)
    nouns = _nouns(body)
    return (
        "import exude\n"
        + (f"from exude import {', '.join(nouns)}\n" if nouns else "")
        + f"\nrun = exude.{verb}(\n{body})"
    )


def _told(value: Any, numbers: Mapping[str, float]) -> str:
    """A repr without what is usual; numbers as changes of the catalogue's."""
    parts = []
    for field in fields(value):
        here = getattr(value, field.name)
        if field.name in ("numbers", "threads", "checkpoint", "resume"):
            continue
        usual = (
            field.default
            if field.default is not MISSING
            else field.default_factory()
            if callable(field.default_factory)
            else MISSING
        )
        if here != usual:
            parts.append(f"{field.name}={here!r}")
    if numbers:
        changes = ", ".join(f"{name}={number!r}" for name, number in numbers.items())
        parts.append(f"numbers=Numbers.default().but({changes})")
    return f"{type(value).__name__}({', '.join(parts)})"


def _nouns(text: str) -> list[str]:
    """Names of the laboratory that a text uses."""
    return sorted(
        name for name in (*NOUNS, "Numbers", "Settings", "Tissue", "Cohort") if re.search(rf"\b{name}[(.]", text)
    )


def command(result: Result) -> str:
    """The command that makes the result again; empty where the command line cannot say it."""
    if isinstance(result.outcome, TissueRun):
        return "exude tissue again.toml -o again.zarr" if tissue_file(result) else ""
    if changed_numbers(result):
        return ""
    if isinstance(result.outcome, CohortRun):
        return _cohort_command(result.outcome.cohort)
    given = [option(w) for w in result.what]
    made, usual = result.made, Settings()
    if not all(given) or any(made[name] != getattr(usual, name) for name in NO_OPTION):
        return ""
    parts = ["exude simulate", shlex.quote(result.line), *given, f"--duration {shlex.quote(made['duration'])}", f"--cells {made['cells']}",
             f"--seed {made['seed']}"]  # fmt: skip
    parts += [f"--every {shlex.quote(made['every'])}"] if made["every"] else []
    parts += [f"--hypothesis {made['hypothesis']}"] if made["hypothesis"] != usual.hypothesis else []
    parts += ["--no-spread"] if made["alike"] else []
    if isinstance(result.outcome, Summary):
        return " ".join([*parts, "--summary", "-o again.nc"])
    parts += ["--no-events"] if not made["events"] else []
    if tuple(made["snapshots"]) != usual.snapshots:
        parts += [f"--snapshot {shlex.quote(at)}" for at in made["snapshots"]]
    return " ".join([*parts, "-o again.nc"])


def option(what: Perturbation) -> str:
    """A perturbation as an option of the command line; empty where it has none."""
    said = sentence(what)
    return f"--{said[0]} {shlex.quote(said[1])}" if said else ""


def _cohort_command(cohort: Cohort) -> str:
    lasting = [option(w) for w in cohort.what]
    if not cohort.vessels or not all(lasting):
        return ""
    parts = ["exude cohort", f"--members {cohort.members}", f"--host {cohort.host}", f"--immunity {cohort.immunity}",
             f"--line {shlex.quote(cohort.line)}", f"--start-cells {cohort.start_cells!r}", f"--days {cohort.days}", f"--seed {cohort.seed}"]  # fmt: skip
    parts += ["--no-spread"] if not cohort.vary else []
    parts += [*lasting, *(f"--give {shlex.quote(_give(s))}" for s in cohort.schedules)]
    return " ".join([*parts, "-o again.nc"])


def _give(s: Schedule) -> str:
    times = "".join(
        f" {word} {value}" for word, value in (("every", s.every), ("at", s.at), ("until", s.until)) if value
    )
    reach = f" reach {s.reach}" if s.reach != "body" else ""
    return f"{s.drug} {s.dose}{ROUTES[s.route]}{times}{reach}"
