"""The package's own tables: files in, checked tables out. They never change while the program runs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from exude.catalog.load import content, table, tables
from exude.catalog.schema import CellLine, Drug, Evidence, Identity, Number, Parameter, Reading

CHAPTERS = (
    "calcium", "effectors", "endosomes", "exosomes", "extracellular", "invasion", "recipients", "immunity", "vessels",
    "metastasis", "body", "assays",
)  # fmt: skip
"""Chapters whose numbers the cell's model reads."""


def data() -> Traversable:
    """The folder of the catalogue's tables."""
    return resources.files("exude.catalog") / "data"


@cache
def parameters() -> Mapping[str, Parameter]:
    """Every number a rate text or an assay reads, by symbol."""
    found: dict[str, Parameter] = {}
    for chapter in CHAPTERS:
        found |= tables(data() / "parameters" / f"{chapter}.toml", Parameter)
    return found


@cache
def chapter_of() -> Mapping[str, str]:
    """Symbol -> chapter whose file holds it."""
    return {symbol: c for c in CHAPTERS for symbol in content(data() / "parameters" / f"{c}.toml")}


@cache
def literature() -> Mapping[str, Number]:
    """Every usable number of the literature notes, by name; they back parameters and later chapters."""
    found: dict[str, Number] = {}
    for file in files(data() / "parameters" / "literature"):
        found |= tables(file, Number)
    return found


@cache
def dyes() -> Mapping[str, Number]:
    """Constants of calcium indicators, by name."""
    return tables(data() / "dyes.toml", Number)


@cache
def lines() -> Mapping[str, CellLine]:
    """Cell lines by name."""
    return {line.name: line for line in (table(f, CellLine) for f in files(data() / "cells"))}


@cache
def drugs() -> Mapping[str, Drug]:
    """Drugs and stimuli by name."""
    return {drug.name: drug for drug in (table(f, Drug) for f in files(data() / "drugs"))}


@cache
def evidence() -> Mapping[str, Evidence]:
    """Findings by paper."""
    return {e.source: e for e in (table(f, Evidence) for f in files(data() / "evidence"))}


@cache
def readings() -> Mapping[str, Reading]:
    """Second readings, by 'parameters/<symbol>' or 'literature/<name>' or 'cells/<line>/<gene>'."""
    found: dict[str, Reading] = {}
    for file in files(data() / "readings"):
        found |= {f"{file.name.removesuffix('.toml')}/{k}": v for k, v in tables(file, Reading).items()}
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
    return tables(data() / "identifiers.toml", Identity)


@cache
def numerics() -> Mapping[str, Any]:
    """Step sizes and tolerances of the integrators."""
    return content(data() / "numerics.toml")


def files(folder: Traversable) -> list[Traversable]:
    """The tables of a folder, by name."""
    return sorted((f for f in folder.iterdir() if f.name.endswith(".toml")), key=lambda f: f.name)
