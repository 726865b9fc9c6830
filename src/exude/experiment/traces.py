"""Calcium curves that are given: CSV files of calcium or of an indicator's light, and SBML models."""

from __future__ import annotations

import csv
import math
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from exude.catalog import read
from exude.engine.layout import Floats
from exude.errors import DataError, UnitError, nearest
from exude.experiment.fluorescence import Dye, Signal, calibrate
from exude.experiment.perturbations import CalciumModel, CalciumTrace
from exude.experiment.sbml_calcium import Request, sbml_curve
from exude.units import dimension, factor_to_internal

MOST_BYTES = 64 * 2**20
LONG_STEP = 10
"""A step of time this many times the median one is a gap in a recording."""
LONGEST = 60
"""Letters of a column's name."""
MOST_COLUMNS = 50
"""Columns among which the nearest name is looked for."""
SHOWN = 8
"""Cells of a row that an error repeats."""
FEWEST = 5
"""Readings of a recording, fewer than which tell nothing of its noise."""
FORM = "Give a CSV file with a header such as 'time_s,calcium_uM' (or time_min, calcium_nM) and one row per time."
EMPTY = ("", "nan", "na", "n/a", "-")


def given_curve(what: CalciumTrace | CalciumModel, duration: float) -> tuple[Floats, Floats]:
    """Times (s) and calcium (uM) of a given curve for a run of `duration` (s); DataError says what is wrong with it."""
    if isinstance(what, CalciumModel):
        asked = Request(what.file, what.species, what.unit, what.time_unit, what.settle_seconds)
        return sbml_curve(asked, duration)
    return read_curve(what)


def read_curve(trace: CalciumTrace) -> tuple[Floats, Floats]:
    """Times in s and calcium in uM of a CSV file; DataError names the line that is wrong."""
    if trace.dye is not None:
        times, signal = recording(trace)
        return times, calibrated(trace, times, signal)
    table = read_table(trace.file)
    columns = [_column(table, "time", "s"), _column(table, "calcium", "uM")]
    times, (calcium,) = _columns(table, columns, trace.gaps == "line")
    _refuse_huge(table, calcium)
    negative = np.flatnonzero(calcium < 0)
    if negative.size:
        raise table.problem(int(negative[0]), "calcium is negative. Subtract no more than the background.")
    return times, calcium


def _refuse_huge(table: Table, calcium: Floats) -> None:
    highest = read.numerics()["sbml"]["highest"]
    beyond = np.flatnonzero(calcium > highest)
    if beyond.size:
        row = int(beyond[0])
        raise table.problem(
            row, f"calcium of {calcium[row]:.3g} uM is more than any cytosol holds. Check the unit in the header."
        )


@dataclass
class Table:
    """A CSV file: its header and its rows with their lines."""

    file: str
    header: list[str]
    rows: list[tuple[int, list[str]]]

    def problem(self, row: int, what: str) -> DataError:
        """An error that names file and line."""
        return DataError(f"{self.file}: line {self.rows[row][0]}: {what}")


def read_table(file: str) -> Table:
    """The rows of a CSV file, comments (#) left out; DataError where it is none."""
    path = Path(file)
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device might never end
            raise DataError(f"{file}: is no plain file. {FORM}")
        if status.st_size > MOST_BYTES:
            raise DataError(f"{file}: larger than 64 MiB; a calcium curve is not. {FORM}")
        with path.open(newline="", encoding="utf-8-sig") as handle:
            reader = csv.reader(handle)
            numbered = [(reader.line_num, row) for row in reader if row and not row[0].startswith("#")]
    except (OSError, ValueError, csv.Error) as problem:
        raise DataError(f"{file}: cannot be read ({problem}). {FORM}") from problem
    if len(numbered) < 3:
        raise DataError(f"{file}: got {max(len(numbered) - 1, 0)} times; expected at least 2. {FORM}")
    (_, header), *rows = numbered
    if all(_is_number(cell) for cell in header):
        raise DataError(f"{file}: the first row holds numbers, {_some(header)}; expected a header. {FORM}")
    return Table(file, header, rows)


def recording(trace: CalciumTrace) -> tuple[Floats, Signal]:
    """Times (s) and channels of an indicator's recording; DataError for gaps, unless they are bridged."""
    if trace.dye is None:
        raise DataError(f"{trace.file}: a recording of light needs its dye. Write dye=Fura2(...).")
    table = read_table(trace.file)
    time, names = _column(table, "time", "s"), _channels(table, trace.dye)
    times, values = _columns(table, [time, *((place, 1.0) for place in names.values())], trace.gaps == "line")
    if times.size < FEWEST:
        raise DataError(f"{trace.file}: got {times.size} readings; expected at least {FEWEST} of a recording. {FORM}")
    steps = np.diff(times)
    long = np.flatnonzero(steps > LONG_STEP * np.median(steps))
    if long.size and trace.gaps != "line":
        raise DataError(
            f"{trace.file}: got {long.size} gaps (the first from {times[long[0]]:g} to {times[long[0] + 1]:g} s, steps "
            f"of {np.median(steps):g} s otherwise); expected an unbroken recording. Bridge them with gaps='line'."
        )
    return times, dict(zip(names, values, strict=True))


def calibrated(trace: CalciumTrace, times: Floats, signal: Signal) -> Floats:
    """Calcium (uM) of a recording by the dye of its trace, as read or as drawn."""
    assert trace.dye is not None
    try:
        calcium = calibrate(trace.dye, times, signal, outside=trace.outside, draw=trace.draw)
    except DataError as problem:
        raise DataError(f"{trace.file}: {problem}") from problem
    if trace.draw is None and float(calcium.max()) > read.numerics()["sbml"]["highest"]:
        raise DataError(
            f"{trace.file}: got {calcium.max():.3g} uM; expected calcium that a cytosol can hold. Check kd and its unit."
        )
    return calcium


def _channels(table: Table, dye: Dye) -> dict[str, int]:
    """Places of the columns of an indicator."""
    plain = {re.split(r"[\s_(\[]", name.strip().casefold())[0]: place for place, name in enumerate(table.header)}
    for form in dye.forms:
        if all(name in plain for name in form):
            return {name: plain[name] for name in form}
    forms = " or ".join(" and ".join(form) for form in dye.forms)
    kind = type(dye).__name__
    raise DataError(
        f"{table.file}: got columns {_some(table.header)}; expected {forms} for {kind}. "
        f"Rename the columns, e.g. 'time_s,{','.join(dye.forms[0])}', or choose another dye."
    )


def _columns(table: Table, wanted: Sequence[tuple[int, float]], bridged: bool) -> tuple[Floats, list[Floats]]:
    """Times (the first column) and values, in internal units; rows with an empty cell are left out where bridged."""
    empty = [i for i, (_, row) in enumerate(table.rows) if any(_empty(row, place) for place, _ in wanted)]
    if bridged:
        left_out = set(empty)
        table.rows = [row for i, row in enumerate(table.rows) if i not in left_out]
        if len(table.rows) < 2:
            raise DataError(f"{table.file}: got {len(table.rows)} rows without gaps; expected at least 2. {FORM}")
    numbers = [[_cell(table, i, place) for i in range(len(table.rows))] for place, _ in wanted]
    with np.errstate(over="ignore"):
        times, *values = (np.array(n) * factor for n, (_, factor) in zip(numbers, wanted, strict=True))
    for column in (times, *values):
        lost = np.flatnonzero(~np.isfinite(column))
        if lost.size:
            raise table.problem(int(lost[0]), f"a number too large for its unit. Check the unit in the header. {FORM}")
    backward = np.flatnonzero(np.diff(times) <= 0)
    if backward.size:
        raise table.problem(int(backward[0]) + 1, "time does not increase. Sort the rows and remove doubles.")
    return times, values


def _column(table: Table, what: str, unit: str) -> tuple[int, float]:
    """Place of a column and the factor of its unit, which must convert to `unit`."""
    for place, name in enumerate(table.header):
        if len(name) > LONGEST:
            continue
        match = re.fullmatch(rf"\s*{what}[ _]*[\[(]?\s*([A-Za-zµ]+)\s*[\])]?\s*", name)
        if match:
            try:
                fits = dimension(match.group(1)) == dimension(unit)
            except UnitError as problem:
                raise DataError(f"{table.file}: column {name!r}: {problem} {FORM}") from problem
            if not fits:
                raise DataError(f"{table.file}: got column {name!r}; expected a unit that converts to {unit!r}. {FORM}")
            return place, factor_to_internal(match.group(1))
    some = [name[:LONGEST] for name in table.header[:MOST_COLUMNS]]
    close = nearest(what, some)
    hint = f"; did you mean {close[0]!r} with a unit?" if close else ""
    light = any(re.match(r"\s*(f3[48]0|ratio|f$|fluorescence)", name, re.IGNORECASE) for name in some)
    dye = " A recording of light needs its dye: dye=Fura2(...) or --dye fura2." if light and what == "calcium" else ""
    raise DataError(
        f"{table.file}: got columns {_some(table.header)}; expected one named {what}_UNIT{hint}.{dye} {FORM}"
    )


def _some(cells: list[str]) -> str:
    """Cells of a row for an error, cut where they would fill the screen."""
    shown = [cell[:LONGEST] + "..." * (len(cell) > LONGEST) for cell in cells[:SHOWN]]
    return f"{shown}" + (f" and {len(cells) - SHOWN} more" if len(cells) > SHOWN else "")


def _is_number(cell: str) -> bool:
    try:
        return math.isfinite(float(cell))
    except ValueError:
        return False


def _empty(row: list[str], place: int) -> bool:
    return place >= len(row) or row[place].strip().casefold() in EMPTY


def _cell(table: Table, row: int, place: int) -> float:
    line = table.rows[row][1]
    try:
        number = float(line[place])
    except (IndexError, ValueError) as problem:
        gap = " Bridge gaps with gaps='line'." if _empty(line, place) else ""
        raise table.problem(row, f"got {_some(line)}; expected numbers.{gap} {FORM}") from problem
    if not math.isfinite(number):
        fix = "Leave such rows out, or bridge them with gaps='line'."
        raise table.problem(row, f"got {line[place][:LONGEST]!r}; expected a finite number. {fix}")
    return number
