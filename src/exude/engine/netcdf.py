"""Groups of datasets in one NetCDF file that is whole or absent."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import h5netcdf
import xarray as xr
from xarray.backends import H5NetCDFStore

from exude.engine.files import write_whole
from exude.errors import DataError, ExudeError

ROOT = "/"


def write_groups(path: str | Path, groups: Mapping[str, xr.Dataset]) -> Path:
    """Write each dataset as a group of one file; a full disk leaves no half-written file behind."""
    whole = io.BytesIO()  # HDF5 cannot recover from a write that fails, so the disk sees finished bytes only
    with h5netcdf.File(whole, "w") as handle:
        for group, dataset in groups.items():
            place = handle if group == ROOT else handle.create_group(group)
            dataset.dump_to_store(H5NetCDFStore(place))
    fix = "Free space or choose another folder; the result is still in memory."
    return write_whole(Path(path), whole.getbuffer(), fix)


def format_of(path: str | Path) -> str:
    """What a file says it holds; DataError where it cannot be read."""
    try:
        with h5netcdf.File(path, "r") as handle:
            return str(handle.attrs.get("format", "none"))
    except FileNotFoundError as problem:
        raise DataError(f"{path}: no such file. {_FIX}") from problem
    except Exception as problem:
        raise _unreadable(path, problem) from problem


def read_groups(path: str | Path, groups: tuple[str, ...], expected: str) -> list[xr.Dataset]:
    """The named groups of a file of the expected format; DataError for anything else."""
    found = format_of(path)
    if found != expected:
        raise DataError(f"{path}: got format {found!r}; expected {expected!r}. Run it again with this version.")
    parts = []
    try:
        for group in groups:
            with xr.open_dataset(path, group=group, engine="h5netcdf") as dataset:
                parts.append(dataset.load())
    except ExudeError:
        raise
    except Exception as problem:
        raise _unreadable(path, problem) from problem
    return parts


_FIX = "Give a file written by `exude simulate -o` or `Run.save`."


def _unreadable(path: str | Path, problem: Exception) -> DataError:
    return DataError(f"{path}: cannot be read as a run ({type(problem).__name__}: {problem}). {_FIX}")
