"""Verdicts that the cards begin with: those of a folder that `exude reproduce` wrote, else those that came with exude."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from exude.catalog import read
from exude.catalog.schema import Relation
from exude.errors import DataError
from exude.experiment.panels import Panel
from exude.experiment.study.fingerprint import fingerprint
from exude.experiment.study.kept import made_of, panels_in, panels_of

SHIPPED = Path(str(resources.files("exude.page") / "scores.json"))
"""Scores and figures of a full study, written by docs/make_results.py."""
SCORES = "scores.json"
AGAIN = "Make it anew: exude reproduce --out results"
CHANGED = "These numbers were made with another version of the model: run the study again, or single statements here."
UNKNOWN = "which version of the model made it is not written there"

Finite = Annotated[float, Field(allow_inf_nan=False)]


class Predicted(BaseModel):
    """A number with its 95 % interval over parameter draws."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    value: Finite | None
    low: Finite | None
    high: Finite | None
    unit: str


class Row(BaseModel):
    """One row of scores.json, as `exude reproduce` writes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    id: str
    finding: str
    says: str
    assay: str
    conditions: str
    reported: Relation
    predicted: Predicted
    role: Literal["fit", "predicted"]
    verdict: Literal["agrees", "disagrees", "not scored"]
    why: str
    hypothesis: str = ""
    weak: Finite | None = None
    quick: str = ""


@dataclass(frozen=True)
class Stored:
    """Rows of a study, where they come from, and what is wrong with them."""

    rows: tuple[Row, ...]
    made: str
    """Which study it is, in words."""
    problem: str = ""
    """Why it may not be what was asked for, or not what this model says."""
    folder: Path | None = None
    """Where its figures lie; None for the scores that came with exude."""


def stored(folder: Path | None) -> Stored:
    """The study in a folder; where there is none, or a broken one, the one that came with exude, and why."""
    if folder is None:
        return shipped()
    name = f"{folder.name}/{SCORES}"
    try:
        rows = rows_in((folder / SCORES).read_bytes(), name)
        model = str(made_of(folder).get("made", {}).get("model", ""))
        when = time.strftime("%Y-%m-%d", time.localtime((folder / SCORES).stat().st_mtime))
    except (OSError, DataError) as problem:
        own = shipped()
        text = str(problem) if isinstance(problem, DataError) else f"{name}: cannot be read. {AGAIN}"
        return dataclasses.replace(
            own, problem=f"{text} Shown is the study that came with exude. {own.problem}".strip()
        )
    size = "; ".join(dict.fromkeys(row.quick for row in rows if row.quick)) or "Full study"
    return Stored(
        rows,
        f"{size[:1].upper()}{size[1:]}, from {name} of {when}{f', model {model[:8]}' if model else f'; {UNKNOWN}'}.",
        CHANGED if model not in ("", fingerprint()) else "",
        folder,
    )


def rows_in(text: bytes, name: str) -> tuple[Row, ...]:
    """Rows of a scores file; DataError, in one sentence, for anything else."""
    try:
        rows = TypeAdapter(tuple[Row, ...]).validate_json(text)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise DataError(f"{name}: {where}: {first['msg']}. {AGAIN}") from problem
    unknown = [f"finding {row.finding!r} of {row.id!r}" for row in rows if _statement(row.finding) != row.id]
    if unknown or not rows:
        what = f"{unknown[0]}, which the catalogue does not have" if unknown else "no row"
        raise DataError(f"{name}: got {what}; expected rows of `exude reproduce` of this version. {AGAIN}")
    return rows


def _statement(finding: str) -> str:
    """The statement that a finding belongs to; empty for an unknown finding."""
    return read.findings()[finding][1].statement if finding in read.findings() else ""


def shipped() -> Stored:
    """The study that came with exude; it says so where the model has changed since."""
    made = _shipped_file()["made"]
    text = f"{made['size'].capitalize()}, made on {made['date']} with exude {made['exude']}, model {made['model'][:8]}."
    return Stored(_shipped_rows(), text, CHANGED if made["model"] != fingerprint() else "")


def kept_panel(statement: str, study: Stored) -> Panel | None:
    """What the study's own figure of a statement shows; None where none was kept, as in folders of older versions.

    DataError for a folder's file that holds something else.
    """
    return (panels_of(study.folder) if study.folder else _shipped_panels()).get(statement)


@cache
def _shipped_panels() -> Mapping[str, Panel]:
    return panels_in(_shipped_file().get("panels", {}), SHIPPED.name)


@cache
def _shipped_rows() -> tuple[Row, ...]:
    return rows_in(json.dumps(_shipped_file()["rows"]).encode(), SHIPPED.name)


def facts(statement: str) -> Mapping[str, Any]:
    """What is known of a statement before it is run: `title`, the `dishes` it reads, `seconds` of one core it takes."""
    plain = {"title": statement.replace("-", " ").capitalize(), "dishes": [], "seconds": 0}
    return {**plain, **_shipped_file()["statements"].get(statement, {})}


def reason(finding: str) -> str:
    """Why model and paper disagree, as far as it has been found out; empty where nobody has said."""
    return str(_shipped_file()["reasons"].get(finding, ""))


@cache
def _shipped_file() -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(SHIPPED.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise DataError(f"{SHIPPED.name} of exude cannot be read ({problem}). Install exude again.") from problem
    return found
