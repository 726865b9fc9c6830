"""Read the catalogue: parameters, lines, drugs, evidence, references; the package's tables and those of one's own."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from numbers import Real

from exude.cascade import ALL
from exude.catalog import fits, load, package
from exude.catalog import own as own_files
from exude.catalog.load import T
from exude.catalog.own import OwnFile, named, plain, with_own
from exude.catalog.schema import (
    CellLine,
    Drug,
    Evidence,
    Finding,
    Gene,
    Mechanism,
    Parameter,
)  # fmt: skip
from exude.errors import CatalogError, UnitError, UnknownName, refuse
from exude.units import factor_to_internal

CHAPTERS = package.CHAPTERS
data, literature, dyes, readings = package.data, package.literature, package.dyes, package.readings
identifiers, numerics = package.identifiers, package.numerics
"""What has no tables of one's own."""
_load, _table, _tables = load.content, load.table, load.tables

OWN = "own"
"""Chapter of numbers of one's own, but for those beside a drug, which say what a body does with it."""


@cache
def own() -> tuple[OwnFile, ...]:
    """Files of one's own (`use_catalogue`), checked against the package's catalogue; empty where there are none."""
    files = own_files.files()
    if files:
        genes = {file.table.symbol for file in files if isinstance(file.table, Gene)}
        lines = {file.table.name for file in files if isinstance(file.table, CellLine)}
        sources = {key for file in files for key in file.references}
        known = fits.Known(
            parameters=package.parameters(),
            lines=frozenset(package.lines()) | lines,
            levels=frozenset(level.symbol for level in ALL.levels) | genes,
            references=frozenset(package.references()) | sources,
        )
        fits.check(files, known)
    return files


def origin(thing: object) -> str:
    """The file of one's own that holds a table or a number ('mylab/mydrug.toml'); '' for the package's."""
    for file in own():
        same = file.table is not None and isinstance(thing, type(file.table)) and named(thing) == named(file.table)
        if same or any(thing is number for number in file.parameters.values()):
            return file.name
    return ""


@cache
def parameters() -> Mapping[str, Parameter]:
    """Every number a rate text or an assay reads, by symbol; those of one's own come last."""
    found = dict(package.parameters())
    for file in own():
        twice = found.keys() - package.parameters().keys() & file.parameters.keys()
        if twice:
            fix = "Keep one of the two."
            raise CatalogError(f"{file.name}: [parameters.{min(twice)}] stands in another file of your own, too. {fix}")
        found |= file.parameters
    return found


@cache
def chapter_of() -> Mapping[str, str]:
    """Symbol -> chapter whose file holds it; numbers of one's own are of `OWN`, those beside a drug of the body."""
    mine = {s: "body" if isinstance(f.table, Drug) else OWN for f in own() for s in f.parameters}
    return mine | dict(package.chapter_of())


@cache
def lines() -> Mapping[str, CellLine]:
    """Cell lines by name, each with its levels of genes of one's own."""
    found = with_own(package.lines(), CellLine, own())
    for gene in genes().values():
        for name, level in gene.levels.items():
            found[name] = found[name].model_copy(update={"levels": found[name].levels | {gene.symbol: level}})
    return found


@cache
def drugs() -> Mapping[str, Drug]:
    """Drugs and stimuli by name."""
    return with_own(package.drugs(), Drug, own())


@cache
def evidence() -> Mapping[str, Evidence]:
    """Findings by paper."""
    return with_own(package.evidence(), Evidence, own())


@cache
def genes() -> Mapping[str, Gene]:
    """Genes of one's own, by symbol; the package's are levels of its chapters."""
    return with_own({}, Gene, own())


@cache
def mechanisms() -> Mapping[str, Mechanism]:
    """Rival mechanisms of one's own, by name; the package's are hypotheses of its chapters."""
    return with_own({}, Mechanism, own())


@cache
def findings() -> Mapping[str, tuple[str, Finding]]:
    """Finding id -> (paper, finding); CatalogError where two findings have one id."""
    found: dict[str, tuple[str, Finding]] = {}
    for source, paper in evidence().items():
        for finding in paper.findings:
            if finding.id in found:
                fix = f"Number yours otherwise, for example {source}_1."
                raise CatalogError(f"{origin(paper) or source}: finding {finding.id!r} is there already. {fix}")
            found[finding.id] = (source, finding)
    return found


@cache
def references() -> Mapping[str, Mapping[str, str]]:
    """Key of a source -> fields, as far as they were seen."""
    found = dict(package.references())
    for file in own():
        for key, entry in file.references.items():
            if key in package.references() and not file.replaces:
                fix = "Cite it without the table, or rename yours."
                raise CatalogError(f"{file.name}: [references.{key}] is in the package's catalogue already. {fix}")
            found[key] = {name: value for name, value in entry.model_dump().items() if value}
    return found


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
    known = {plain(key): key for key in table} | {plain(key): target for key, target in aliases.items()}
    hit = known.get(plain(name))
    if hit is None:
        raise refuse(
            UnknownName, name, f"{what} of the catalogue", f"`exude list {kind}` names all of them.", known.values()
        )
    return table[hit]
