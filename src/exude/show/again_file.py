"""Perturbations as the command line has them, and an experiment in space as the file that `exude tissue` reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from exude.catalog import read
from exude.experiment.perturbations import (
    CalciumModel,
    CalciumTrace,
    DominantNegative,
    Drug,
    External,
    KnockDown,
    KnockOut,
    Overexpress,
    Permeabilised,
    Perturbation,
    Rescue,
    Stimulus,
)  # fmt: skip
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


def sentence(what: Perturbation) -> tuple[str, str] | None:
    """A perturbation as its kind and its words ('knock-down', 'UNC13D=0.2'); None where no words say all of it."""
    match what:
        case KnockDown(gene, to):
            return "knock-down", f"{gene}={to!r}"
        case KnockOut(gene):
            return "knock-out", gene
        case Overexpress(gene, fold):
            return "overexpress", f"{gene}={fold!r}"
        case DominantNegative(gene):
            return "dominant-negative", gene
        case Rescue(gene, mutant, level) if level == 1:
            return "rescue", f"{gene} {mutant}".strip()
        case Drug(name, dose, at, until):
            kind = "stimulus" if isinstance(what, Stimulus) else "drug"
            return kind, _timed(f"{name} {dose}", at, until)
        case External(calcium, at, until):
            return "external", _timed(f"calcium={calcium}", at, until)
        case Permeabilised(calcium, cytosol, at, until):
            return "permeabilised", _timed(f"calcium={calcium} cytosol={cytosol!r}", at, until)
        case CalciumTrace(file, None, gaps, outside, None):
            ways = "".join(f" {k}={v}" for k, v in (("gaps", gaps), ("outside", outside)) if v != "refuse")
            return "calcium-trace", file + ways
        case CalciumModel(file, species, unit, time_unit, settle):
            named = (("unit", unit), ("time_unit", time_unit), ("settle", settle))
            return "calcium-sbml", file + (f":{species}" if species else "") + "".join(
                f" {k}={v}" for k, v in named if v
            )
    return None


def _timed(words: str, at: str, until: str) -> str:
    return f"{words} at {at}" + (f" until {until}" if until else "")
