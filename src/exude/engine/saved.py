"""Read any saved result."""

from __future__ import annotations

from pathlib import Path

from exude.engine import netcdf, summary
from exude.engine.result import Run
from exude.engine.summary import Summary


def load(path: str | Path) -> Run | Summary:
    """A saved run or summary, whichever the file holds; DataError for anything else."""
    return Summary.load(path) if netcdf.format_of(path) == summary.FORMAT else Run.load(path)
