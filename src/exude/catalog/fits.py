"""Whether tables of one's own fit the catalogue they are added to: targets, genes, lines, sources, units."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exude.cascade import ALL, CELL
from exude.catalog.own import OwnFile, named, plain
from exude.catalog.schema import CellLine, Drug, Effect, Evidence, Finding, Gene, Mechanism, Number, Parameter
from exude.errors import CatalogError, nearest
from exude.units import dimension, parse_unit

SYMBOLS = frozenset(
    part.symbol for parts in (ALL.levels, ALL.traces, ALL.definitions, ALL.fields, ALL.pools) for part in parts
)
"""What the package's declarations call something."""


LONGEST = 60
"""Letters of a name."""


@dataclass(frozen=True)
class Known:
    """Names of the whole catalogue, the package's and one's own."""

    parameters: Mapping[str, Parameter]
    """The package's."""
    lines: frozenset[str]
    levels: frozenset[str]
    references: frozenset[str]


def check(files: Iterable[OwnFile], known: Known) -> None:
    """CatalogError, with file and key, for the first thing that does not fit."""
    for file in files:
        _name(file)
        _sources(file, known)
        _parameters(file, known)
        match file.table:
            case Drug():
                _drug(file, file.table, known)
            case CellLine():
                _line(file, file.table, known)
            case Evidence():
                _paper(file, file.table, known)
            case Gene():
                _gene(file, file.table, known)
            case Mechanism():
                _mechanism(file, file.table)


def _name(file: OwnFile) -> None:
    """A name that a person can type and a table can print."""
    name = named(file.table) if file.table else "numbers"
    if not (plain(name) and name == name.strip() and name.isprintable() and len(name) <= LONGEST):
        expected = f"a name of at most {LONGEST} printed letters, some of them letters or digits"
        raise CatalogError(f"{file.name}: got the name {name[:LONGEST]!r}; expected {expected}. Rename it.")


def _one_of(file: OwnFile, key: str, name: str, valid: Iterable[str], what: str, fix: str) -> None:
    valid = list(valid)
    if name not in valid:
        close = nearest(name, valid)
        hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else "."
        raise CatalogError(f"{file.name}: [{key}] got {name!r}; expected {what}{hint} {fix}")


def _sources(file: OwnFile, known: Known) -> None:
    """Every source that is cited is a reference."""
    for key, cited in _cited(file):
        for source in cited:
            fix = f"Add [references.{source}] with author and year to the file (`exude list references` has the rest)."
            _one_of(file, key, source, known.references, "a key of the references", fix)


def _cited(file: OwnFile) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Keys of a file that cite, with what they cite."""
    yield from ((f"parameters.{name}.source", number.source) for name, number in file.parameters.items())
    match file.table:
        case Drug(effects=effects):
            for i, effect in enumerate(effects):
                for what in ("potency", "hill", "maximum"):
                    yield f"effects.{i}.{what}.source", getattr(effect, what).source
        case CellLine(levels=levels) | Gene(levels=levels):
            yield from ((f"levels.{name}.source", level.source) for name, level in levels.items())
        case Evidence(source=source):
            yield "source", (source,)
    if isinstance(file.table, Gene | Mechanism):
        yield "because", file.table.because


def _parameters(file: OwnFile, known: Known) -> None:
    for name, number in file.parameters.items():
        key = f"parameters.{name}"
        if not (name.isascii() and name.isidentifier()) or name in SYMBOLS:
            expected = "a name of a-z, 0-9 and _ that no part of the model has"
            raise CatalogError(f"{file.name}: [{key}] got {name!r}; expected {expected}. Rename it.")
        package = known.parameters.get(name)
        if package is None:
            continue
        if not file.replaces:
            fix = "Rename it, or write `replaces = true` at the top of the file."
            raise CatalogError(f"{file.name}: [{key}] is in the package's catalogue already. {fix}")
        if dimension(number.unit) != dimension(package.unit):
            expected = f"a unit that converts to {package.unit or 'none'!r}"
            raise CatalogError(
                f"{file.name}: [{key}.unit] got {number.unit!r}; expected {expected}, as in the catalogue."
            )


def _drug(file: OwnFile, drug: Drug, known: Known) -> None:
    if not drug.effects:
        raise CatalogError(f"{file.name}: [effects] is empty; expected at least one target. Add [[effects]].")
    for i, effect in enumerate(drug.effects):
        key = f"effects.{i}"
        fix = "`exude list genes` names all genes."
        _one_of(file, f"{key}.target", effect.target, known.levels, "a gene or condition of the model", fix)
        _dose(file, key, effect, drug)
        _bare(file, f"{key}.hill", effect.hill)
        if effect.hill.value <= 0:
            raise CatalogError(f"{file.name}: [{key}.hill.value] got {effect.hill.value:g}; expected a slope above 0.")
        if effect.mode in ("inhibit", "activate"):
            _bare(file, f"{key}.maximum", effect.maximum)
        if effect.mode == "inhibit" and not 0 <= effect.maximum.value <= 1:
            expected = "a share from 0 to 1 (1: nothing of the target is left at a high dose)"
            raise CatalogError(f"{file.name}: [{key}.maximum.value] got {effect.maximum.value:g}; expected {expected}.")


def _dose(file: OwnFile, key: str, effect: Effect, drug: Drug) -> None:
    """Potency above 0, in the unit of the dose; that of a chelator is an affinity, in any unit of concentration."""
    unit, potency = drug.dose_unit, effect.potency
    same = parse_unit(potency.unit) == parse_unit(unit)
    if not same and not (effect.mode == "chelate" and dimension(potency.unit) == dimension(unit)):
        fix = "Convert the number, or change dose_unit."
        raise CatalogError(
            f"{file.name}: [{key}.potency.unit] got {potency.unit!r}; expected dose_unit, {unit!r}. {fix}"
        )
    if potency.value <= 0:
        raise CatalogError(f"{file.name}: [{key}.potency.value] got {potency.value:g}; expected a dose above 0.")


def _bare(file: OwnFile, key: str, number: Number) -> None:
    if dimension(number.unit) != dimension(""):
        raise CatalogError(f"{file.name}: [{key}.unit] got {number.unit!r}; expected a number without a unit: ''.")


def _line(file: OwnFile, line: CellLine, known: Known) -> None:
    fix = "`exude list lines` names all."
    _one_of(file, "reference", line.reference, known.lines, "the line to which levels are relative", fix)
    for gene, level in line.levels.items():
        _one_of(
            file, f"levels.{gene}", gene, known.levels, "a gene of the model", "`exude list genes` names all genes."
        )
        _level(file, f"levels.{gene}", level)


def _level(file: OwnFile, key: str, level: Number) -> None:
    _bare(file, key, level)
    if level.value < 0:
        raise CatalogError(f"{file.name}: [{key}.value] got {level.value:g}; expected a level of 0 or more.")


def _gene(file: OwnFile, gene: Gene, known: Known) -> None:
    if gene.symbol in SYMBOLS or gene.symbol in known.parameters:
        fix = "A rival role for it is a mechanism: `exude new mechanism NAME`."
        raise CatalogError(f"{file.name}: [symbol] {gene.symbol!r} is a gene of the model already. {fix}")
    for line, level in gene.levels.items():
        _one_of(file, f"levels.{line}", line, known.lines, "a cell line", "`exude list lines` names all.")
        _level(file, f"levels.{line}", level)


def _mechanism(file: OwnFile, mechanism: Mechanism) -> None:
    if mechanism.name in {hypothesis.name for hypothesis in CELL.hypotheses}:
        raise CatalogError(f"{file.name}: [name] {mechanism.name!r} is a mechanism of the package already. Rename it.")


def _paper(file: OwnFile, paper: Evidence, known: Known) -> None:
    if not paper.findings:
        raise CatalogError(f"{file.name}: [findings] is empty; expected at least one. Add [[findings]].")
    for i, finding in enumerate(paper.findings):
        if finding.role != "hold-out":
            fix = 'Nothing is fitted to a finding of your own: write role = "hold-out".'
            raise CatalogError(f"{file.name}: [findings.{i}.role] got {finding.role!r}; expected 'hold-out'. {fix}")
        if finding.scored:
            _claim(file, f"findings.{i}", finding, known)


def _claim(file: OwnFile, key: str, finding: Finding, known: Known) -> None:
    """What a verdict needs is there."""
    claim = finding.relation
    lacking = {
        "value": claim.low is None and claim.high is None and "low or high: where agreement ends",
        "fold": claim.low is None and claim.high is None and "low or high: where agreement ends",
        "window": claim.low is None and claim.high is None and "low or high: where agreement ends",
        "direction": claim.direction not in ("up", "down") and "direction 'up' or 'down'",
        "absence": claim.below is None and "below: the share of the reference that may be left",
        "relation": "a kind that can be scored: value, fold, direction, absence or window",
    }[claim.kind]
    if lacking:
        fix = "Decide it now, before the model is asked; or write scored = false."
        raise CatalogError(f"{file.name}: [{key}.relation] expected {lacking}. {fix}")
    if len(finding.lines) != 1:
        fix = "Write one finding per line, or scored = false."
        raise CatalogError(
            f"{file.name}: [{key}.lines] got {len(finding.lines)} lines; expected the one it was seen in. {fix}"
        )
    _one_of(file, f"{key}.lines", finding.lines[0], known.lines, "a cell line", "`exude list lines` names all.")
    if finding.measure is None:
        fix = "Add [findings.measure] with variable and stop, or write scored = false."
        raise CatalogError(f"{file.name}: [{key}.measure] is missing: a scored finding says how it is read. {fix}")
