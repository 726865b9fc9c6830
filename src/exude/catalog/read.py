"""Read the catalogue: parameters, lines, drugs, evidence, references. Thin: files in, checked tables out."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from numbers import Real
from typing import Any, TypeVar

from pydantic import ValidationError

from exude.catalog.schema import CellLine, Drug, Evidence, Finding, Identity, Number, Parameter, Reading, Table
from exude.errors import CatalogError, UnitError, UnknownName, refuse
from exude.units import factor_to_internal

CHAPTERS = (
    "calcium", "effectors", "endosomes", "exosomes", "extracellular", "invasion", "recipients", "immunity", "vessels",
    "metastasis", "body", "assays",
)  # fmt: skip
"""Chapters whose numbers the cell's model reads."""

LONGEST = 200
"""Letters of a text that an error repeats."""

T = TypeVar("T", bound=Table)


def data() -> Traversable:
    """The folder of the catalogue's tables."""
    return resources.files("exude.catalog") / "data"


@cache
def parameters() -> Mapping[str, Parameter]:
    """Every number a rate text or an assay reads, by symbol."""
    found: dict[str, Parameter] = {}
    for chapter in CHAPTERS:
        found |= _tables(data() / "parameters" / f"{chapter}.toml", Parameter)
    return found


@cache
def chapter_of() -> Mapping[str, str]:
    """Symbol -> chapter whose file holds it."""
    return {s: c for c in CHAPTERS for s in _tables(data() / "parameters" / f"{c}.toml", Parameter)}


@cache
def literature() -> Mapping[str, Number]:
    """Every usable number of the literature notes, by name; they back parameters and later chapters."""
    found: dict[str, Number] = {}
    for file in _files(data() / "parameters" / "literature"):
        found |= _tables(file, Number)
    return found


@cache
def dyes() -> Mapping[str, Number]:
    """Constants of calcium indicators, by name."""
    return _tables(data() / "dyes.toml", Number)


@cache
def lines() -> Mapping[str, CellLine]:
    """Cell lines by name."""
    return {line.name: line for line in (_table(f, CellLine) for f in _files(data() / "cells"))}


@cache
def drugs() -> Mapping[str, Drug]:
    """Drugs and stimuli by name."""
    return {drug.name: drug for drug in (_table(f, Drug) for f in _files(data() / "drugs"))}


@cache
def evidence() -> Mapping[str, Evidence]:
    """Findings by paper."""
    return {e.source: e for e in (_table(f, Evidence) for f in _files(data() / "evidence"))}


@cache
def findings() -> Mapping[str, tuple[str, Finding]]:
    """Finding id -> (paper, finding)."""
    return {f.id: (source, f) for source, e in evidence().items() for f in e.findings}


@cache
def readings() -> Mapping[str, Reading]:
    """Second readings, by 'parameters/<symbol>' or 'literature/<name>' or 'cells/<line>/<gene>'."""
    found: dict[str, Reading] = {}
    for file in _files(data() / "readings"):
        found |= {f"{file.name.removesuffix('.toml')}/{k}": v for k, v in _tables(file, Reading).items()}
    return found


@cache
def references() -> Mapping[str, Mapping[str, str]]:
    """BibTeX key -> fields, as far as they were seen."""
    text = (data() / "references.bib").read_text(encoding="utf-8")
    entries = re.findall(r"@\w+\{\s*([^,\s]+)\s*,(.*?)\n\}", text, flags=re.DOTALL)
    field = re.compile(r"(\w+)\s*=\s*\{(.*?)\}\s*,?\s*$", re.MULTILINE)
    return {key: dict(field.findall(body)) for key, body in entries}


@cache
def identifiers() -> Mapping[str, Identity]:
    """Names in public databases, by symbol, line, drug or role in a model."""
    return _tables(data() / "identifiers.toml", Identity)


@cache
def numerics() -> Mapping[str, Any]:
    """Step sizes and tolerances of the integrators."""
    return _load(data() / "numerics.toml")


def line(name: str) -> CellLine:
    """A cell line by name or alias; UnknownName with the nearest one otherwise."""
    return _find(name, lines(), {a: v.name for v in lines().values() for a in v.aliases}, "a cell line", "lines")


def drug(name: str) -> Drug:
    """A drug or stimulus by name or alias; UnknownName with the nearest one otherwise."""
    return _find(name, drugs(), {a: v.name for v in drugs().values() for a in v.aliases}, "a drug or stimulus", "drugs")


def parameter(symbol: str) -> Parameter:
    """A parameter by symbol; UnknownName with the nearest one otherwise."""
    return _find(symbol, parameters(), {}, "a parameter", "parameters")


@cache
def value(symbol: str) -> float:
    """Value of a parameter in internal units (s, uM, um, items)."""
    number = parameter(symbol)
    return number.value * factor_to_internal(number.unit)


def checked(name: str, number: object) -> float:
    """A parameter's value that a user gives, in internal units; UnitError, with its name, for one that cannot be.

    Refused: what is no number, NaN, infinities, and a number below 0 where the catalogue's own is not.
    """
    own = parameter(name)
    expected = f"a finite number for {name}, in {own.unit or 'no unit'} converted to s, uM, um and items"
    fix = f"The catalogue has {own.value:g} {own.unit}".rstrip() + f", which is {value(name):g} inside."
    if isinstance(number, bool) or not isinstance(number, Real) or not math.isfinite(number):
        raise refuse(UnitError, f"{name} = {number!r}", expected, fix)
    if number < 0 <= own.value:
        raise refuse(UnitError, f"{name} = {number!r}", f"a number >= 0 for {name}", fix)
    return float(number)


def _find(name: str, table: Mapping[str, T], aliases: Mapping[str, str], what: str, kind: str) -> T:
    if name in table:
        return table[name]
    plain = {_plain(key): key for key in table} | {_plain(key): target for key, target in aliases.items()}
    hit = plain.get(_plain(name))
    if hit is None:
        raise refuse(
            UnknownName, name, f"{what} of the catalogue", f"`exude list {kind}` names all of them.", plain.values()
        )
    return table[hit]


def _plain(name: str) -> str:
    return name if not name else "".join(ch for ch in str(name).casefold() if ch.isalnum())


def _files(folder: Traversable) -> list[Traversable]:
    return sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)


def _load(file: Traversable) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except RecursionError as problem:
        raise CatalogError(f"{file.name}: tables or lists nested too deep. Nest them less deep.") from problem
    except (OSError, ValueError) as problem:  # ValueError: bad TOML, bad UTF-8, a whole number of thousands of digits
        said = " ".join(str(problem).split())[:LONGEST]
        raise CatalogError(f"{file.name}: not a readable TOML table ({said}). Mend the line it names.") from problem


def _tables(file: Traversable, kind: type[T]) -> dict[str, T]:
    return {key: _checked(file, key, body, kind) for key, body in _load(file).items()}


def _table(file: Traversable, kind: type[T]) -> T:
    return _checked(file, "", _load(file), kind)


def _checked(file: Traversable, key: str, body: Any, kind: type[T]) -> T:
    try:
        table = kind.model_validate(body)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in ((key,) if key else ()) + first["loc"])[:LONGEST]
        fix = "Remove the key or correct its spelling." if first["type"] == "extra_forbidden" else "Mend that key."
        got = f" (got {_short(first['input'])})" if not isinstance(first["input"], dict) else ""
        said = " ".join(first["msg"].split()).rstrip(".")
        raise CatalogError(f"{file.name}: [{where}] {said}{got}. {fix}") from problem
    return table


def _short(value: object) -> str:
    """A value of a table for an error, cut where it would fill the screen."""
    try:
        said = repr(value)
    except (ValueError, RecursionError):
        said = f"a {type(value).__name__} too large to print"
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
