"""An experiment in space as the file that `exude tissue` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from exude.catalog import read
from exude.experiment.parse import sentence
from exude.experiment.perturbations import Perturbation
from exude.show.results import Result, changed_numbers, tissue_of
from exude.units import factor_to_internal

PLAIN = ("line", "duration", "every", "burn_in", "step", "seed", "secretion", "oxygen", "alike", "hypothesis", "model")
"""Keys of a file that hold what the experiment holds."""


def tissue_file(result: Result) -> str:
    """The experiment in space as a TOML file; empty where a file cannot say all of it."""
    asked = tissue_of(result)
    said = [sentence(w) for w in (*asked.what, *(w for each in asked.also.values() for w in each))]
    if not all(said) or asked.window:
        return ""
    lines = [f"{name} = {_toml(getattr(asked, name))}" for name in PLAIN]
    lines.insert(1, f"what = {_toml([_words(w) for w in asked.what])}")
    lines += ["", "[box]", f"size = {_toml(asked.size)}", f"voxel = {_toml(asked.voxel)}"]
    lines += ["", "[matrix]", *_table("kind", asked.matrix), "", "[cells]", *_table("arrangement", asked.cells)]
    lines += ["", "[vessels]", *_table("", asked.vessels)] if asked.vessels else []
    lines += ["", "[host]", *_table("", asked.host)] if asked.host else []
    lines += (
        ["", "[also]", *(f"{k} = {_toml([_words(w) for w in each])}" for k, each in asked.also.items())]
        if asked.also
        else []
    )
    for schedule in asked.schedules:
        lines += ["", "[[schedules]]", *_table("", schedule)]
    changed = {
        k: f"{v / factor_to_internal(u):.17g} {u}"
        for k, v in changed_numbers(result).items()
        for u in [read.parameter(k).unit]
    }
    return "\n".join(lines + (["", "[numbers]", *(f"{k} = {_toml(v)}" for k, v in changed.items())] if changed else []))


def _words(what: Perturbation) -> str:
    return " ".join(sentence(what) or ())


def _table(first: str, thing: Any) -> list[str]:
    """A noun's fields as keys of a table; first: the key that holds its name."""
    return [f"{key} = {_toml(value)}" for key, value in _keys(first, thing).items()]


def _keys(first: str, thing: Any) -> dict[str, Any]:
    """Keys and values; an arrangement within another is a table of its own, places have units."""
    known = {first: thing.name} if first else {}
    for field in fields(thing):
        value = getattr(thing, field.name)
        if field.name == "points":
            value = [[f"{float(x)!r} um" for x in point] for point in value]
        known[field.name] = _keys(first, value) if field.name == "tumour" else value
    return known


def _toml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{k} = {_toml(v)}" for k, v in value.items()) + " }"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
