"""A cohort on disk: one NetCDF file with what became of it and what it was."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from exude.engine import netcdf, provenance
from exude.errors import DataError
from exude.experiment.cohort import Cohort, CohortRun
from exude.experiment.dosing import Schedule, say_schedule
from exude.experiment.perturbations import LASTING, say
from exude.experiment.protocol import Numbers

FORMAT = "exude cohort 1"
_KINDS = {kind.__name__: kind for kind in LASTING}


def save_cohort(run: CohortRun, path: str | Path) -> Path:
    """Write to one NetCDF file; a full disk leaves no half-written file behind."""
    about = {
        "format": FORMAT,
        "cohort": json.dumps(_plain(run.cohort)),
        "failed": json.dumps({str(member): why for member, why in run.failed.items()}),
        "given": "; ".join(map(say_schedule, run.cohort.schedules)) or "nothing",
        "conditions": "; ".join(map(say, run.cohort.what)) or "untreated",
        "versions": json.dumps(provenance.versions()),
        "coarse": run.data.attrs.get("coarse", ""),
    }
    return netcdf.write_groups(path, {netcdf.ROOT: run.data.drop_attrs(deep=False).assign_attrs(about)})


def load_cohort(path: str | Path) -> CohortRun:
    """Read a saved cohort; DataError for anything that is not one, or is of another version."""
    (data,) = netcdf.read_groups(path, (netcdf.ROOT,), FORMAT)
    try:
        cohort = _cohort(json.loads(data.attrs["cohort"]))
        failed = {int(member): str(why) for member, why in json.loads(data.attrs["failed"]).items()}
    except (KeyError, TypeError, ValueError) as problem:
        raise DataError(f"{path}: what the cohort was cannot be read ({problem}). Run it again.") from problem
    return CohortRun(cohort, data, failed)


def is_cohort(path: str | Path) -> bool:
    """Whether a file holds a cohort; DataError where it cannot be read."""
    return Path(path).is_file() and netcdf.format_of(path) == FORMAT


def _plain(cohort: Cohort) -> dict[str, Any]:
    """A cohort as numbers, words and lists."""
    known = {f.name: getattr(cohort, f.name) for f in fields(cohort)}
    return known | {
        "what": [{"kind": type(done).__name__, **asdict(done)} for done in cohort.what],
        "schedules": [asdict(schedule) for schedule in cohort.schedules],
        "numbers": cohort.numbers.values,
    }


def _cohort(known: dict[str, Any]) -> Cohort:
    what = tuple(_KINDS[done.pop("kind")](**done) for done in known.pop("what"))
    schedules = tuple(Schedule(**schedule) for schedule in known.pop("schedules"))
    return Cohort(**{**known, "what": what, "schedules": schedules, "numbers": Numbers(known["numbers"])})
