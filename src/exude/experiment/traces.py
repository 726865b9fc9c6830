"""A measured calcium curve from a CSV file."""

from __future__ import annotations

import csv
import math
import re
from pathlib import Path

import numpy as np

from exude.engine.layout import Floats
from exude.errors import DataError, UnitError, nearest
from exude.units import dimension, factor_to_internal

MOST_BYTES = 64 * 2**20
FORM = "Give a CSV file with a header such as 'time_s,calcium_uM' (or time_min, calcium_nM) and one row per time."


def read_curve(file: str) -> tuple[Floats, Floats]:
    """Times in s and calcium in uM of a CSV file; DataError names the line that is wrong."""
    path = Path(file)
    try:
        if path.stat().st_size > MOST_BYTES:
            raise DataError(f"{file}: larger than 64 MiB; a calcium curve is not. {FORM}")
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.reader(handle)
            numbered = [(reader.line_num, row) for row in reader if row and not row[0].startswith("#")]
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise DataError(f"{file}: cannot be read ({problem}). {FORM}") from problem
    if len(numbered) < 3:
        raise DataError(f"{file}: got {max(len(numbered) - 1, 0)} times; expected at least 2. {FORM}")
    (_, header), *rows = numbered
    time_column, time_factor = _column(header, "time", "s", file)
    calcium_column, calcium_factor = _column(header, "calcium", "uM", file)
    times = np.array([_cell(row, time_column, line, file) for line, row in rows]) * time_factor
    values = np.array([_cell(row, calcium_column, line, file) for line, row in rows]) * calcium_factor
    backward = np.flatnonzero(np.diff(times) <= 0)
    if backward.size:
        raise DataError(
            f"{file}: line {rows[backward[0] + 1][0]}: time does not increase. Sort the rows and remove doubles."
        )
    if (values < 0).any():
        line = rows[int(np.flatnonzero(values < 0)[0])][0]
        raise DataError(f"{file}: line {line}: calcium is negative. Subtract no more than the background.")
    return times, values


def _column(header: list[str], what: str, unit: str, file: str) -> tuple[int, float]:
    """Place of a column and the factor of its unit, which must convert to `unit`."""
    for place, name in enumerate(header):
        match = re.fullmatch(rf"\s*{what}[ _]*[\[(]?\s*([A-Za-zµ]+)\s*[\])]?\s*", name)
        if match:
            try:
                fits = dimension(match.group(1)) == dimension(unit)
            except UnitError as problem:
                raise DataError(f"{file}: column {name!r}: {problem} {FORM}") from problem
            if not fits:
                raise DataError(f"{file}: got column {name!r}; expected a unit that converts to {unit!r}. {FORM}")
            return place, factor_to_internal(match.group(1))
    close = nearest(what, header)
    hint = f"; did you mean {close[0]!r} with a unit?" if close else ""
    raise DataError(f"{file}: got columns {header}; expected one named {what}_UNIT{hint}. {FORM}")


def _cell(row: list[str], column: int, line: int, file: str) -> float:
    try:
        number = float(row[column])
    except (IndexError, ValueError) as problem:
        raise DataError(f"{file}: line {line}: got {row!r}; expected numbers. {FORM}") from problem
    if not math.isfinite(number):
        raise DataError(f"{file}: line {line}: got {row[column]!r}; expected a finite number. Leave such rows out.")
    return number
