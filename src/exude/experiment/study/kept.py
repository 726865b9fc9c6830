"""What a study's folder keeps beside its scores: how it was made, and what its figures show, as plain data."""

from __future__ import annotations

import dataclasses
import json
import math
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Union, get_args, get_origin, get_type_hints

import numpy as np

from exude.errors import DataError
from exude.experiment.panels import Bars, Curves, Distributions, Grid, Panel

STUDY = "study.json"
"""How a study was made (`made`, with the fingerprint of its model) and the command that makes it again (`again`)."""
PANELS = "panels.json"
"""What each figure shows, by statement."""
KINDS: Mapping[str, type[Panel]] = types.MappingProxyType({
    kind.__name__: kind for kind in (Bars, Curves, Distributions, Grid)
})  # fmt: skip
UNIONS = (Union, types.UnionType)
AGAIN = "Make the study again: exude reproduce"


def made_of(folder: Path) -> dict[str, Any]:
    """How the study in a folder was made: `made` and `again`; nothing in a folder of an older version.

    DataError for a file that holds something else.
    """
    found = _json(folder / STUDY)
    if found is None:
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("made"), dict):
        raise DataError(f"{folder.name}/{STUDY}: got something else; expected how a study was made. {AGAIN}")
    return {"made": found["made"], "again": str(found.get("again", ""))}


def panels_of(folder: Path) -> dict[str, Panel]:
    """What the figures of the study in a folder show; nothing in a folder of an older version. DataError as `made_of`."""
    found = _json(folder / PANELS)
    return {} if found is None else panels_in(found, f"{folder.name}/{PANELS}")


def _json(path: Path) -> Any:
    """What a file holds; None where there is no such file."""
    if not path.is_file():
        return None
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as problem:
        raise DataError(f"{path.parent.name}/{path.name}: cannot be read ({problem}). {AGAIN}") from problem


def plain_panels(panels: Mapping[str, Panel], *, digits: int = 17) -> dict[str, Any]:
    """Panels as JSON holds them: arrays as lists, null for what is not a number, fields left out that are as usual.

    digits: significant ones that numbers are rounded to; 17 keep every bit.
    """
    return {name: {"kind": type(panel).__name__, **_plain(panel, digits)} for name, panel in panels.items()}


def _plain(thing: Any, digits: int) -> Any:
    if dataclasses.is_dataclass(thing):
        values = {f.name: (getattr(thing, f.name), f.default) for f in dataclasses.fields(thing)}
        return {
            name: _plain(value, digits)
            for name, (value, usual) in values.items()
            if isinstance(value, np.ndarray) or value != usual
        }
    if isinstance(thing, (tuple, np.ndarray)):
        return [_plain(value, digits) for value in thing]
    if thing is None or isinstance(thing, (str, bool, int)):
        return thing
    return float(f"{thing:.{digits}g}") if math.isfinite(thing) else None


def panels_in(plain: Any, name: str) -> dict[str, Panel]:
    """The panels that `plain_panels` made plain; DataError, with `name` for where they lie, for anything else."""
    try:
        return {str(statement): _panel(dict(given)) for statement, given in dict(plain).items()}
    except (TypeError, ValueError, KeyError, OverflowError, RecursionError) as problem:
        raise DataError(f"{name}: holds something else than figures ({problem}). {AGAIN}") from problem


def _panel(given: dict[str, Any]) -> Panel:
    panel: Panel = _read(KINDS[given.pop("kind")], given)
    return panel


def _read(kind: Any, given: Any) -> Any:
    """A plain value as a field of this type holds it."""
    if dataclasses.is_dataclass(kind):
        hints = get_type_hints(kind)
        return kind(**{name: _read(hints[name], value) for name, value in dict(given).items()})  # type: ignore[operator]
    origin, inner = get_origin(kind), get_args(kind)
    if origin in UNIONS:
        return None if given is None else _read(inner[0], given)
    if origin is np.ndarray:
        return np.array([_number(value) for value in given], float)
    if origin is tuple:
        kinds = (inner[0],) * len(given) if inner[1:] == (...,) else inner
        return tuple(_read(one, value) for one, value in zip(kinds, given, strict=True))
    if kind is float:
        return _number(given)
    if type(given) is not kind:
        raise TypeError(f"got {type(given).__name__}, expected {kind.__name__}")
    return given


def _number(given: Any) -> float:
    """A number; NaN for null, as `_plain` writes it."""
    if given is None:
        return math.nan
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        raise TypeError(f"got {type(given).__name__}, expected a number")
    return float(given)
