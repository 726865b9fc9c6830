"""The catalogue: every table loads, every number is read, cited and read a second time; a broken table says where."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

from exude import units
from exude.cascade import ALL
from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.catalog.schema import CellLine, Drug, Evidence, Number, Parameter, Reading
from exude.derive.compartments import Compartments
from exude.errors import CatalogError, UnknownName
from exude.experiment import parse
from exude.experiment.simulate import cell_symbols
from exude.experiment.tissue_setup import pairs, space

NOT_READ_YET = {
    "blood_per_mass": "what is in blood is counted, not its concentration",
    "plasma_share": "what is in blood is counted, not its concentration",
    "cluster_size": "clusters are entries; their cells are not counted",
}
"""Parameters that stand in a table before anything reads them, and why."""
PROVISIONAL = {"literature/exosome_half_life_blood_lay"}
"""Cited numbers without a second reading yet."""
SRC = Path(__file__).parent.parent / "src" / "exude"
DATA = SRC / "catalog" / "data"
FINDINGS = read.findings()
SCORED = sorted(key for key, (_, finding) in FINDINGS.items() if finding.scored)
HOLD_OUT = sorted(key for key, (_, finding) in FINDINGS.items() if finding.role == "hold-out")
CITED = sorted(
    [f"parameters/{key}" for key, number in read.parameters().items() if number.source]
    + [f"literature/{key}" for key, number in read.literature().items() if number.source]
)


def number(key: str) -> Number:
    kind, name = key.split("/", 1)
    return (read.parameters() if kind == "parameters" else read.literature())[name]


def second_reading(key: str) -> Reading | None:
    """The reading of a number, under its table's or its chapter's name."""
    name = key.split("/", 1)[1]
    files = ["parameters"] if key.startswith("parameters") else [f.stem for f in (DATA / "readings").glob("*.toml")]
    return next((read.readings()[f"{file}/{name}"] for file in files if f"{file}/{name}" in read.readings()), None)


def test_nothing_is_empty() -> None:
    """A test over an empty registry passes without having looked."""
    sizes = [
        read.parameters(),
        read.literature(),
        read.lines(),
        read.drugs(),
        read.evidence(),
        FINDINGS,
        read.readings(),
    ]
    sizes += [read.references(), SCORED, HOLD_OUT, CITED]
    assert [
        len(s) >= least for s, least in zip(sizes, (100, 200, 12, 18, 40, 80, 200, 60, 20, 40, 200), strict=True)
    ] == [True] * 11, [len(s) for s in sizes]


def test_every_file_is_read() -> None:
    """No table lies about that no reader knows."""
    known = {f"parameters/{chapter}.toml" for chapter in read.CHAPTERS} | {
        "numerics.toml",
        "dyes.toml",
        "identifiers.toml",
    }
    found = {p.relative_to(DATA).as_posix() for p in DATA.rglob("*.toml")}
    folders = ("parameters/literature/", "fit/", "cells/", "drugs/", "evidence/", "readings/")
    assert {f for f in found if not f.startswith(folders)} == known
    assert len(read.lines()) == len(list((DATA / "cells").glob("*.toml")))
    assert len(read.drugs()) == len(list((DATA / "drugs").glob("*.toml")))
    assert len(read.evidence()) == len(list((DATA / "evidence").glob("*.toml")))


def test_no_symbol_is_written_twice() -> None:
    rows = [key for chapter in read.CHAPTERS for key in _keys(f"parameters/{chapter}.toml")]
    assert len(rows) == len(read.parameters())
    files = [p.relative_to(DATA).as_posix() for p in (DATA / "parameters" / "literature").glob("*.toml")]
    assert sum(len(_keys(f)) for f in files) == len(read.literature())


def _keys(file: str) -> list[str]:
    return list(read._load(read.data() / file))


@cache
def names_in_code() -> re.Pattern[str]:
    """Every text in the code as a pattern; a part that is filled in later ({marker}_per_exosome) may be any word."""
    found = set()
    for path in sorted(SRC.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.JoinedStr):
                parts = [part.value if isinstance(part, ast.Constant) else None for part in node.values]
                if sum(len(part or "") for part in parts) > 2:
                    found.add("".join(r"\w+" if part is None else re.escape(part) for part in parts))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
                found.add(re.escape(node.value))
    return re.compile("|".join(sorted(found)))


@pytest.mark.parametrize("symbol", read.parameters())
def test_every_parameter_is_read(symbol: str) -> None:
    """By a text of the cell or of its surroundings, or by name in the code."""
    by_texts = {
        *cell_symbols().parameters,
        *space("all").parameters,
        *Compartments(PATIENT, {n: p.unit for n, p in read.parameters().items()}).parameters,
    }
    by_texts |= {name for pair in pairs("all") for name in pair.parameters}
    assert symbol in by_texts or bool(names_in_code().fullmatch(symbol)) != (symbol in NOT_READ_YET)


@pytest.mark.parametrize("key", CITED)
def test_every_source_is_in_the_references(key: str) -> None:
    assert set(number(key).source) <= set(read.references())


@pytest.mark.parametrize("key", sorted(read.evidence()))
def test_every_paper_with_findings_is_in_the_references(key: str) -> None:
    assert key in read.references()


def test_lines_and_drugs_cite_only_references() -> None:
    cited = {s for line in read.lines().values() for level in line.levels.values() for s in level.source}
    cited |= {
        s for d in read.drugs().values() for e in d.effects for n in (e.potency, e.hill, e.maximum) for s in n.source
    }
    assert cited
    assert cited <= set(read.references())


@pytest.mark.parametrize("key", CITED)
def test_every_cited_number_has_a_second_reading(key: str) -> None:
    known = second_reading(key) is not None
    assert known != (key in PROVISIONAL), f"{key}: no second reading; until then it is listed as provisional"


@pytest.mark.parametrize("key", CITED)
def test_a_second_reading_that_agrees_says_the_same_number(key: str) -> None:
    """Within 5 % or inside the stated range, in one dimension; where it does not agree, it says why."""
    first, second = number(key), second_reading(key)
    if second is None:
        assert key in PROVISIONAL
        return
    if not second.agrees:
        assert second.note
        return
    assert units.dimension(first.unit) == units.dimension(second.unit)
    a, b = (n.value * units.factor_to_internal(n.unit) for n in (first, second))
    spread, scale = first.spread, units.factor_to_internal(first.unit)
    inside = spread.kind == "range" and spread.low * scale <= b <= spread.high * scale
    assert inside or a == pytest.approx(b, rel=0.05, abs=0.0)


@pytest.mark.parametrize("symbol", [s for s, p in read.parameters().items() if p.status == "fitted"])
def test_a_fitted_number_says_where_the_search_began(symbol: str) -> None:
    parameter = read.parameters()[symbol]
    assert parameter.start is not None and parameter.prior is not None


@pytest.mark.parametrize("symbol", [s for s, p in read.parameters().items() if p.backed_by])
def test_what_backs_a_parameter_exists(symbol: str) -> None:
    assert set(read.parameters()[symbol].backed_by) <= set(read.literature())


@pytest.mark.parametrize("key", sorted(FINDINGS))
def test_conditions_can_be_done(key: str) -> None:
    _, finding = FINDINGS[key]
    if not finding.scored:
        return
    for text in (*finding.condition, *finding.reference_condition):
        parse.perturbation(text)


@pytest.mark.parametrize("key", SCORED)
def test_every_scored_finding_has_rule_statement_line_and_number(key: str) -> None:
    _, finding = FINDINGS[key]
    assert finding.rule and finding.statement
    if "stands in for" not in finding.rule:
        for name in finding.lines:
            read.line(name)
    relation = finding.relation
    assert relation.error_from != "none" or relation.kind in ("direction", "relation")
    if relation.kind in ("value", "fold"):
        low, high = relation.low, relation.high
        assert low is not None or high is not None
        assert low is None or high is None or low < high
    if relation.kind == "absence":
        assert relation.below is not None


def test_findings_contradict_known_findings() -> None:
    for key, (_, finding) in FINDINGS.items():
        assert set(finding.contradicts) <= set(FINDINGS), key


def test_finding_ids_are_unique() -> None:
    assert sum(len(e.findings) for e in read.evidence().values()) == len(FINDINGS)


def test_hold_out_findings_are_never_named_where_the_fit_is_made() -> None:
    texts = {
        n.value
        for p in (SRC / "fit").rglob("*.py")
        for n in ast.walk(ast.parse(p.read_text(encoding="utf-8")))
        if isinstance(n, ast.Constant)
    }
    assert not set(HOLD_OUT) & texts
    only_held = {FINDINGS[k][1].statement for k in HOLD_OUT} - {
        f.statement for _, f in FINDINGS.values() if f.role == "fit"
    }
    assert only_held
    assert not (only_held - {""}) & texts


def test_only_the_agreed_statements_are_fitted() -> None:
    fitted = {f.statement for _, f in FINDINGS.values() if f.role == "fit"} - {""}
    assert fitted <= {"release-calcium", "burst", "basal", "signal-duration", "recruitment"}


@pytest.mark.parametrize("name", sorted(read.drugs()))
def test_drug_tables_fit_together(name: str) -> None:
    """Potency in the dose's dimension, slope and share without one, targets that the cell has, dose as typed."""
    drug = read.drug(name)
    units.quantity(drug.usual_dose, drug.dose_unit, what="usual dose")
    for effect in drug.effects:
        if effect.mode != "chelate":
            assert units.dimension(effect.potency.unit) == units.dimension(drug.dose_unit)
            assert units.parse_unit(effect.potency.unit) == units.parse_unit(drug.dose_unit), (
                "dose and potency in one unit"
            )
        assert effect.target in {level.symbol for level in ALL.levels}
        assert units.dimension(effect.hill.unit) == units.dimension("")
        if effect.mode in ("inhibit", "activate"):
            assert units.dimension(effect.maximum.unit) == units.dimension("")
        if effect.mode == "inhibit":
            assert 0 <= effect.maximum.value <= 1


@pytest.mark.parametrize("name", sorted(read.lines()))
def test_lines_are_relative_to_the_reference(name: str) -> None:
    line = read.line(name)
    assert line.reference in read.lines()
    assert line.levels
    for gene, level in line.levels.items():
        assert level.value >= 0 and units.dimension(level.unit) == units.dimension(""), gene
        if name == line.reference:
            assert level.value == 1


@pytest.mark.parametrize("registry", ["line", "drug", "parameter"])
def test_aliases_and_near_misses(registry: str) -> None:
    with pytest.raises(UnknownName, match="did you mean"):
        getattr(read, registry)({"line": "MDA-MB-23", "drug": "ionomicin", "parameter": "k_birht"}[registry])


def test_aliases_lead_to_one_table() -> None:
    for line in read.lines().values():
        assert all(read.line(alias) is line for alias in (line.name, line.name.lower(), *line.aliases))
    for drug in read.drugs().values():
        assert all(read.drug(alias) is drug for alias in (drug.name, drug.name.upper(), *drug.aliases))


# Broken tables: each fault names the file, the key and what to do.

GOOD = (DATA / "parameters" / "calcium.toml").read_text(encoding="utf-8")
ASSUMED = re.search(r"\[pump_rest\].*?\n\n", GOOD, flags=re.DOTALL).group()
BROKEN = {
    "unknown key": (ASSUMED + 'valu = 3.0\n', Parameter, "valu", "Remove the key"),
    "missing spread": (re.sub(r"spread = .*\n", "", ASSUMED), Parameter, "spread", "Mend that key"),
    "missing value": (re.sub(r"value = .*\n", "", ASSUMED), Parameter, "value", "Mend that key"),
    "half a spread": (re.sub(r"sd = [\d.]+", "", ASSUMED).replace("lognormal\", ", "lognormal\""), Parameter, "spread", "needs sd"),
    "range upside down": (re.sub(r"spread = .*", 'spread = {kind = "range", low = 2.0, high = 1.0}', ASSUMED), Parameter, "spread", "swap them"),
    "wrong unit": (re.sub(r'unit = ".*"', 'unit = "uMolars"', ASSUMED), Parameter, "unit", "Write the unit"),
    "not a number": (re.sub(r"value = .*", "value = nan", ASSUMED), Parameter, "value", "Mend that key"),
    "assumed with citation": (ASSUMED + 'source = ["Pick2023"]\nplace = "abstract"\n', Parameter, "pump_rest", "carries no citation"),
    "measured without source": (ASSUMED.replace('"assumed"', '"measured"'), Parameter, "pump_rest", "needs a source"),
    "source without place": (ASSUMED.replace('"assumed"', '"derived"') + 'source = ["Pick2023"]\n', Parameter, "pump_rest", "needs 'place'"),
    "unknown status": (ASSUMED.replace('"assumed"', '"guessed"'), Parameter, "status", "Mend that key"),
    "not TOML": ("[pump_rest\nvalue = 1", Parameter, "", "Mend the line"),
}  # fmt: skip


def test_the_table_to_break_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "calcium.toml"
    file.write_text(ASSUMED, encoding="utf-8")
    assert list(read._tables(file, Parameter)) == ["pump_rest"]


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_table_names_file_key_and_fix(fault: str, tmp_path: Path) -> None:
    text, kind, key, fix = BROKEN[fault]
    file = tmp_path / "calcium.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CatalogError) as caught:
        read._tables(file, kind)
    message = str(caught.value)
    assert "calcium.toml" in message and key in message and fix in message, message


@pytest.mark.parametrize(("folder", "kind"), [("cells", CellLine), ("drugs", Drug), ("evidence", Evidence)])
def test_whole_tables_are_checked_too(folder: str, kind: type, tmp_path: Path) -> None:
    good = sorted((DATA / folder).glob("*.toml"))[0].read_text(encoding="utf-8")
    file = tmp_path / "one.toml"
    file.write_text(f'colour = "red"\n{good}', encoding="utf-8")
    with pytest.raises(CatalogError, match=r"one\.toml.*colour"):
        read._table(file, kind)
