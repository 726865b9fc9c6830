"""Damaged and hostile input: whatever is given, a reader gives a sane result or one clear error, and soon.

A fixed share runs with all tests; `make proof` goes on for 150 s per target (EXUDE_FUZZ_SECONDS) from a seed that it
prints. What was found stands as a plain test in `test_bad_input`. The last tests plant a fault for each target.
"""

from __future__ import annotations

import math
import re
import tempfile
import tomllib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from hypothesis import strategies as st

import common
import exude
from exude import Fura2, SingleWavelength, units
from exude.catalog import read, schema
from exude.derive import grammar, leaves
from exude.experiment import declared, sbml_calcium, sbml_safe, traces
from exude.model import Cascade, Chapter, Definition, Emission, Level, LifeCycle, Membrane, Trace, Transition
from exude.units import dimension, factor_to_internal
from fuzzing import NUMBER, SECONDS, SMALL, WORD, Target, damaged, long, sanity, short, total
from twin import evaluate

FOLDER = tempfile.TemporaryDirectory()
SAID = {
    "s": 1, "min": 60, "ms": 1e-3, "h": 3600, "uM": 1, "nM": 1e-3, "mM": 1e3, "M": 1e6, "1/s": 1, "1/min": 1 / 60,
    "item/min": 1 / 60, "item": 1, "nm": 1e-3, "1/item/min": 1 / 60,
}  # fmt: skip
"""Units with their factors to s, uM, um and items, as everybody knows them."""


def put(data: bytes, name: str) -> Path:
    path = Path(FOLDER.name) / name
    path.write_bytes(data)
    return path


# --- a declared model ----------------------------------------------------------------------------------------------

RICH = Cascade(
    (
        Chapter(
            "rich",
            levels=(Level("RAB27A"),),
            traces=(Trace("calcium", "uM", "k_rise * (rest - calcium)", "rest"), Trace("store", "", "-k_rise * store", "full")),
            definitions=(Definition("active", "hill(calcium, K, n)"), Definition("room", "max(0, sites - n_b) / sites")),
            life_cycle=LifeCycle(
                "MVB", ("a", "b"),
                (
                    Transition("birth", "BORN", "a", "k_birth"), Transition("growth", "a", "a", "k", growth=1),
                    Transition("merger", "a", "a", "k_merge", merges=True),
                    Transition("docking", "a", "b", "k * room * RAB27A", gate="hill(growth, half, 1)"),
                    Transition("fusion", "b", "RELEASED", "k * active"), Transition("loss", "a", "DEGRADED", "k"),
                ),
                Membrane("k", "k", "patches", "patches", "MMP14", "half", "half", "width"),
            ),
            emissions=(Emission("shed", "k_birth * active"),),
            readouts=("active",),
        ),
    )
)  # fmt: skip
RICH_NUMBERS = {
    "k": "0.1 1/min", "k_birth": "1 item/min", "k_merge": "0.01 1/item/min", "k_rise": "0.1 1/s", "rest": "0.1 uM",
    "full": "1", "K": "0.6 uM", "n": "4", "sites": "6 item", "half": "3", "patches": "9 item", "width": "50 nm",
}  # fmt: skip
MODELS = [(RICH, RICH_NUMBERS)] + [(common.declaration(p), common.numbers(p)) for p in common.PROBLEMS[:3]]
SYMBOLS = sorted({*RICH_NUMBERS, *common.NUMBERS, "active", "calcium", "store", "n_b", "n_docked", "growth", "RAB27A"})
TEXTS = [t.rate for model, _ in MODELS for t in model.life_cycle.transitions] + [
    "hill(calcium, K, n)",
    "max(0, sites - n_b)",
]
HOSTILE_TEXTS = (
    "2 ** 2 ** 2 ** 2 ** 2 ** 2", "(" * 500 + "k" + ")" * 500, "-" * 3000 + "k", "+".join(["k"] * 3000), "0j", "1/0",
    "__import__('os').system('true')", "k if k else k", "lambda: k", "max(0, 0)", "(-1) ** (1/2)", "exp(exp(exp(2)))",
    "k ** -calcium", "log(calcium)", "hill(k, k)", "k\0", "k # k", "ｋ", "9" * 5000, "1e999", "k" * 20_000, "k..k", "*k",
    "hill(*k)", "((1 + 1/2) ** 2) ** 2", "2 ** -(2 ** 2 ** 2)", "f'{k}'", "k[0]", "k\n+ k", "k;k", "growth", "k :=", "",
)  # fmt: skip
UNITS = st.one_of(
    st.sampled_from(("uM", "nM", "s", "min", "1/s", "1/min", "item", "item/s", "1/item/s", "um", "", "uM/s", "mV")),
    st.sampled_from(("degC", "dBm", "pH", "candela", "9**9**9**9", "s**99999", "s**1e400", "(" * 200 + "s", "m" * 3000, "s**-s", "kg", "%")),
    WORD,
)  # fmt: skip
ATOMS = st.sampled_from([*SYMBOLS, "0", "1", "2"])


def _grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    calls = [st.builds(f"{f}({', '.join(['{}'] * n)})".format, *[inner] * n) for f, n in grammar.FUNCTIONS.items()]
    return st.one_of(st.builds("({} {} {})".format, inner, st.sampled_from(("+", "-", "*", "/", "**")), inner), *calls)


RATES = st.one_of(
    st.recursive(ATOMS, _grown, max_leaves=6), st.sampled_from(TEXTS), st.sampled_from(HOSTILE_TEXTS), WORD,
    st.sampled_from(TEXTS).flatmap(damaged).map(lambda data: data.decode(errors="replace")),
)  # fmt: skip
PLACES = st.one_of(st.sampled_from(("a", "b", "docked", "BORN", "RELEASED", "DEGRADED", "immature")), WORD)


@st.composite
def declarations(draw: st.DrawFn) -> tuple[Cascade, dict[str, Any], list[Any]]:
    """A model with up to three faults, its numbers with some, and a curve."""
    model, numbers = draw(st.sampled_from(MODELS))
    numbers, curve = dict(numbers), [("0 s", "0.1 uM"), ("60 s", 1.0)]
    for _ in range(draw(st.integers(0, 3))):
        match draw(st.sampled_from(("model", "number", "number", "missing", "curve"))):
            case "model":
                model = Cascade(tuple(_faulty(draw, chapter) for chapter in model.chapters))
            case "number":
                value = st.one_of(st.builds("{} {}".format, NUMBER, UNITS), st.floats(), st.integers(), WORD, st.none())
                numbers[draw(st.one_of(st.sampled_from(sorted(numbers) or ["k"]), WORD))] = draw(value)
            case "missing":
                numbers.pop(draw(st.sampled_from(sorted(numbers) or ["k"])), None)
            case "curve":
                point = st.tuples(*[st.one_of(st.floats(), st.builds("{} {}".format, NUMBER, UNITS)) for _ in range(2)])
                curve.insert(draw(st.integers(0, 2)), draw(st.one_of(point, st.just(()), st.just("0 s"))))
    return model, numbers, draw(st.sampled_from(([], curve, curve)))


def _faulty(draw: st.DrawFn, chapter: Chapter) -> Chapter:
    """A chapter with one thing changed."""
    changes: dict[str, Callable[[Any], Any]] = {
        "definitions": lambda d: replace(d, **_one(draw, symbol=WORD | ATOMS, text=RATES, unit=UNITS)),
        "traces": lambda t: replace(t, **_one(draw, symbol=WORD | ATOMS, rate=RATES, unit=UNITS, start=ATOMS | WORD)),
        "levels": lambda s: replace(s, **_one(draw, symbol=WORD | ATOMS, unit=UNITS, normal=st.floats())),
        "emissions": lambda e: replace(e, **_one(draw, name=WORD, rate=RATES)),
    }
    what = draw(st.sampled_from(("cycle", "cycle", "cycle", "nothing", "readouts", *changes)))
    cycle = chapter.life_cycle
    if what == "cycle" and cycle is not None:
        return replace(chapter, life_cycle=_faulty_cycle(draw, cycle))
    if what == "readouts":
        return replace(chapter, readouts=(draw(ATOMS | WORD),))
    if what in changes and getattr(chapter, what):
        parts = list(getattr(chapter, what))
        place = draw(st.integers(0, len(parts) - 1))
        parts[place] = changes[what](parts[place])
        return replace(chapter, **{what: tuple(parts)})
    return chapter if what != "nothing" else replace(chapter, life_cycle=None)


def _faulty_cycle(draw: st.DrawFn, cycle: LifeCycle) -> LifeCycle:
    what = draw(st.sampled_from(("transition", "transition", "transition", "stages", "resolved", "membrane")))
    if what == "stages":
        return replace(cycle, stages=tuple(draw(st.lists(PLACES, max_size=4))))
    if what == "resolved":
        return replace(cycle, resolved=draw(PLACES))
    if what == "membrane" and cycle.membrane is not None:
        return replace(
            cycle, membrane=replace(cycle.membrane, **_one(draw, bud=RATES, at_birth=RATES, patch_diameter=RATES))
        )
    steps = list(cycle.transitions)
    place = draw(st.integers(0, len(steps) - 1))
    ways = {"name": WORD, "source": PLACES, "target": PLACES, "rate": RATES, "gate": RATES, "merges": st.booleans()}
    steps[place] = replace(steps[place], **_one(draw, growth=st.sampled_from((-1, 0, 1, 2, 1.5, True)), **ways))
    return replace(cycle, transitions=tuple(steps))


def _one(draw: st.DrawFn, **ways: st.SearchStrategy[Any]) -> dict[str, Any]:
    name = draw(st.sampled_from(sorted(ways)))
    return {name: draw(ways[name])}


def run_declaration(example: tuple[Cascade, dict[str, Any], list[Any]]) -> None:
    model, numbers, curve = example
    made = declared.declare(model, numbers)
    with sanity():
        _sane_declaration(made, numbers)
    job = declared.job_of(made, curve, "10 min", "", 1)
    assert all(np.isfinite(a).all() for a in (job.timeline.given_at, job.timeline.given, job.starts, job.parameters))
    assert (job.timeline.given >= 0).all() and (np.diff(job.timeline.given_at) >= 0).all()
    assert np.isfinite(job.numerics.absolute).all() and (job.numerics.absolute > 0).all()


def _sane_declaration(made: declared.Declared, numbers: dict[str, Any]) -> None:
    for name in made.symbols.parameters:
        value, _, unit = str(numbers[name]).strip().partition(" ")
        if unit in SAID:
            assert made.values[name] == pytest.approx(float(value) * SAID[unit], rel=1e-12), name
    assert all(math.isfinite(v) for v in made.values.values() if v is not None)
    for calcium in (0.0, 0.1, 1000.0):
        for name, rate in _rates(made, calcium, {}).items():
            assert math.isfinite(rate) and rate >= 0, f"rate of {name}: {rate} at {calcium}"
    _refuse_wrong_units(made)
    source = leaves.source(made.symbols)
    compile(source, "leaves", "exec")
    assert "Not supported" not in source


def _rates(made: declared.Declared, calcium: float, scale: dict[str, float]) -> dict[str, float]:
    """Rates by the twin's reading of the texts; `scale` multiplies every value by what its unit's parts say."""
    cascade, symbols = made.symbols.cascade, made.symbols
    first = {symbols.traces[0]: calcium} if symbols.traces else {}
    scope = {**made.values, **{x.symbol: x.normal for x in cascade.levels}, **dict.fromkeys(symbols.counts, 2.0)}
    scope |= dict.fromkeys(symbols.traces, 1.0) | first
    units = symbols._units()
    scope = {name: value * _factor(units[name], scale) for name, value in scope.items()}
    for name in symbols.trees:
        scope[name] = evaluate(symbols.definitions[name].text.strip(), scope)
    return {t.name: evaluate(t.rate.strip(), scope) for t in cascade.life_cycle.transitions}


def _factor(unit: str, scale: dict[str, float]) -> float:
    return math.prod(scale[str(part)] ** power for part, power in dimension(unit).items()) if scale else 1.0


def _refuse_wrong_units(made: declared.Declared) -> None:
    """A right rate is the same process in any units: with other base units its number changes as its own unit says."""
    scale = {"[time]": 4.0, "[substance]": 16.0, "[length]": 1 / 4, "[item]": 1 / 16, "[mass]": 4.0, "[current]": 16.0, "[temperature]": 4.0}  # fmt: skip
    try:
        before, after = _rates(made, 0.5, {}), _rates(made, 0.5, scale)
    except (ArithmeticError, ValueError, TypeError):
        return  # between the grid's points, or in units where it overflows
    for t in made.symbols.cascade.life_cycle.transitions:
        unit = "item/s" if t.source == "BORN" else "1/item/s" if t.merges else "1/s"
        expected = before[t.name] * _factor(unit, scale)
        if math.isfinite(expected) and math.isfinite(after[t.name]) and before[t.name] > 1e-200:
            assert after[t.name] == pytest.approx(expected, rel=1e-5), f"rate of {t.name} has another unit than {unit}"


# --- tables of the catalogue ---------------------------------------------------------------------------------------

DATA = Path(str(read.data()))
KINDS: dict[str, type[schema.Table]] = {
    "parameters/calcium.toml": schema.Parameter, "parameters/literature/calcium.toml": schema.Number,
    "dyes.toml": schema.Number, "readings/calcium.toml": schema.Reading, "identifiers.toml": schema.Identity,
    "cells/a375.toml": schema.CellLine, "drugs/ionomycin.toml": schema.Drug, "drugs/egta.toml": schema.Drug,
    "evidence/Messenger2018.toml": schema.Evidence, "evidence/Savina2003.toml": schema.Evidence,
}  # fmt: skip
TOML_WORDS = st.one_of(
    WORD,
    st.sampled_from(
        ("[" * 3000, "{a=" * 300, "[[a]]\n", "[a]\n", '"""', "1979-05-27", "true", "[1, 2]", "{}", "nan", "\nvalue = true\n",
         '\nvalue = "3"\n', "\nsd = -1\n", '\nunit = "degC"\n', '\nunit = "9**9**9**9"\n', f"\nvalue = {'9' * 5000}\n", "a.b.c = 1\n")
    ),
)  # fmt: skip


def _some_tables(name: str) -> str:
    """The first tables of a file; whole files hold a hundred."""
    return (DATA / name).read_text(encoding="utf-8")[:3000].rpartition("\n\n")[0] + "\n"


@st.composite
def catalogues(draw: st.DrawFn) -> tuple[str, bytes]:
    name = draw(st.sampled_from(sorted(KINDS)))
    return name, draw(damaged((DATA / name).read_text(encoding="utf-8") if "/" in name and not name.startswith(("para", "read", "evid")) else _some_tables(name), TOML_WORDS))  # fmt: skip


def run_catalogue(example: tuple[str, bytes]) -> None:
    name, data = example
    kind, file = KINDS[name], put(data, "table.toml")
    whole = name.startswith(("cells", "drugs", "evidence"))
    found = [read._table(file, kind)] if whole else list(read._tables(file, kind).values())
    raw = tomllib.loads(file.read_text(encoding="utf-8"))
    with sanity():
        for table, given in zip(found, [raw] if whole else raw.values(), strict=True):
            _sane(table.model_dump(), given)


def _sane(table: Any, given: Any) -> None:
    """Every number is finite and is the one in the file, every unit converts, no spread is negative."""
    if isinstance(table, dict):
        for key, value in table.items():
            if key in ("sd", "sem", "n") and value is not None:
                assert value >= 0
            if key in ("unit", "dose_unit"):
                assert 0 < factor_to_internal(value) < math.inf
            if isinstance(given, dict) and key in given:
                _sane(value, given[key])
    elif isinstance(table, tuple | list):
        for value, other in zip(table, given, strict=True):
            _sane(value, other)
    elif isinstance(table, float | int) and not isinstance(table, bool):
        assert math.isfinite(table)
        assert type(given) in (int, float) and float(given) == table
    else:
        assert table == given


# --- curves and recordings -----------------------------------------------------------------------------------------

ROWS = [(2.0 * i, 0.1 + 0.5 * math.exp(-(((i - 10) / 4) ** 2))) for i in range(24)]
FURA = {"kd": "224 nM", "r_min": 0.3, "r_max": 6.0, "beta": 5.0, "background": (10, 20)}
FLUO = {"indicator": "fluo4", "f_min": 100, "f_max": 3000}
REST = {"indicator": "gcamp6f", "dynamic_range": 28, "baseline": ("0 s", "9 s"), "resting": "0.1 uM"}


def _recording(kind: str, time: str, unit: str) -> str:
    if kind == "calcium":
        return f"# typed\ntime_{time},calcium_{unit}\n" + "\n".join(f"{t},{c:.6g}" for t, c in ROWS)
    bound = [(t, c / (0.224 + c)) for t, c in ROWS]
    if kind == "fura2":
        rows = [f"{t},{300 * (1 - b) + 1200 * b + 10:.6g},{1000 * (1 - b) + 200 * b + 20:.6g}" for t, b in bound]
        return "time_s,f340,f380\n" + "\n".join(rows)
    if kind == "ratio":
        return "time_s,ratio\n" + "\n".join(f"{t},{(300 + 900 * b) / (1000 - 800 * b):.6g}" for t, b in bound)
    return "time_s,fluorescence\n" + "\n".join(f"{t},{100 + 2900 * b * 0.6:.6g}" for t, b in bound)


HEADERS = st.one_of(
    st.sampled_from(("time_min", "time_ms", "time (s)", "calcium_nM", "calcium_mM", "calcium_M", "time_degC", "calcium_pH",
                     "time" + " " * 3000, "time_9", "calcium_candela", "ratio", "f380", "time_h", ",", ",,,,", "\n", '"', "NaN")), WORD,
)  # fmt: skip


@st.composite
def recordings(draw: st.DrawFn) -> tuple[bytes, type | None, dict[str, Any], dict[str, Any]]:
    kind = draw(st.sampled_from(("calcium", "calcium", "fura2", "ratio", "fluo", "rest")))
    units = draw(st.sampled_from(("s", "s", "min", "ms"))), draw(st.sampled_from(("uM", "uM", "nM", "mM")))
    data = draw(damaged(_recording(kind, *units), HEADERS))
    numbers = dict({"fura2": FURA, "ratio": {**FURA, "background": (0, 0)}, "fluo": FLUO, "rest": REST}.get(kind, {}))
    for _ in range(draw(st.sampled_from((0, 0, 1, 2))) if numbers else 0):
        key = draw(st.sampled_from([*sorted(numbers), "kd", "background", "baseline", "hill"]))
        right = {"kd": "uM", "resting": "uM", "baseline": "s"}.get(key, "")
        one = st.one_of(NUMBER, NUMBER.map(f"{{}} {right}".format), NUMBER.map(f"{{}} {right}".format), st.builds("{} +/- {} {}".format, NUMBER, NUMBER, UNITS), st.builds("{} {}".format, NUMBER, UNITS), st.floats(), st.none())  # fmt: skip
        if key in numbers or key in ("kd", "background") or "indicator" in numbers:
            numbers[key] = draw(st.one_of(one, st.tuples(one, one)))
    ways = draw(st.fixed_dictionaries({}, optional={"gaps": st.just("line"), "outside": st.just("clip"), "draw": st.tuples(st.integers(-1, 9), st.integers(0, 9))}))  # fmt: skip
    return data, Fura2 if kind in ("fura2", "ratio") else SingleWavelength if numbers else None, numbers, ways


def run_recording(example: tuple[bytes, type | None, dict[str, Any], dict[str, Any]]) -> None:
    data, kind, numbers, ways = example
    file = put(data, "trace.csv")
    dye = kind(**numbers) if kind else None
    times, calcium = traces.given_curve(exude.CalciumTrace(str(file), dye, **ways), 60.0)
    assert times.shape == calcium.shape and times.size >= 2
    assert np.isfinite(times).all() and (np.diff(times) > 0).all()
    assert np.isfinite(calcium).all() and (calcium >= 0).all()
    if "draw" not in ways:
        assert calcium.max() <= read.numerics()["sbml"]["highest"]
    if not ways:
        _as_typed(
            data.decode("utf-8-sig"),
            times,
            calcium,
            kind is Fura2 and {**numbers, "background": 0} == {**FURA, "background": 0},
        )


def _as_typed(text: str, times: np.ndarray, calcium: np.ndarray, is_fura: bool) -> None:
    """The file read once more by plain splitting, where that is enough: calcium, or Fura-2 by Grynkiewicz' equation."""
    rows = [line.split(",") for line in text.replace("\r\n", "\n").split("\n") if line and not line.startswith("#")]
    names = rows[0]
    if '"' in text or "\r" in text or any(len(row) != len(names) for row in rows) or names[0][5:] not in SAID:
        return
    columns = [np.array([float(row[i]) for row in rows[1:]]) for i in range(len(names))]
    if len(names) == 2 and names[1].startswith("calcium_") and names[1][8:] in SAID:
        expected = columns[1] * SAID[names[1][8:]]
    elif is_fura and names[1:] in (["f340", "f380"], ["ratio"]):
        ratio = columns[1] if names[1] == "ratio" else (columns[1] - 10) / (columns[2] - 20)
        expected = 0.224 * 5.0 * (ratio - 0.3) / (6.0 - ratio)
    else:
        return
    np.testing.assert_allclose(times, columns[0] * SAID[names[0][5:]], rtol=1e-12)
    np.testing.assert_allclose(calcium, expected, rtol=1e-6, atol=1e-12)


# --- a calcium model in SBML ---------------------------------------------------------------------------------------

NANO = (
    SMALL.replace('scale="-6"', 'scale="-9"')
    .replace('Concentration="0.1"', 'Concentration="100"')
    .replace("<cn>1<", "<cn>900<")
)
EXAMPLE = (Path(__file__).parent.parent / "examples" / "calcium" / "li_rinzel1994.xml").read_text(encoding="utf-8")
XML_WORDS = st.one_of(
    WORD,
    st.sampled_from(
        ('<!DOCTYPE s [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>', '<!DOCTYPE s SYSTEM "http://x.org/a.dtd">', "&a;", "&#0;", "&#x41;",
         '<!ENTITY % p SYSTEM "file:///etc/passwd">%p;', "<![CDATA[", "]]>", "<!--", "-->", "<?x y?>", '<?xml version="1.0" encoding="UTF-16"?>',
         "<a>" * 300, "<apply><minus/>" * 400, ' xmlns:c="http://www.sbml.org/sbml/level3/version1/comp/version1" c:required="true"',
         '<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>', ' xlink:href="http://x.org"', "candela", "avogadro",
         "item", "dimensionless", "volt", "celsius", "second", "9999999", "-2147483648", "1e308", "0", "nan", "INF", "ﬁ" * 3000, "k", "c",
         "<ci>Ca</ci>", "</model>", "<power/>", "<delay/>", "<ln/>", "algebraicRule", "assignmentRule", ' fast="true"')
    ),
)  # fmt: skip


@st.composite
def models(draw: st.DrawFn) -> tuple[bytes, dict[str, str], bool]:
    data = draw(damaged(draw(st.sampled_from((SMALL, NANO, EXAMPLE))), XML_WORDS))
    asked = draw(st.sampled_from(({}, {}, {}, {"unit": "uM", "time_unit": "s"}, {"species": "k"}, {"species": "Ca"})))
    return data, asked, draw(st.integers(0, 9)) in (3, 5, 7)


BRACED = re.compile(r"xmlns(:\w+)?\s*=\s*(\"[^\"]*}|'[^']*})")
"""A namespace that holds ElementTree's own separator, which it cannot read."""


def run_model(example: tuple[bytes, dict[str, str], bool]) -> None:
    data, asked, whole = example
    request = sbml_calcium.Request(str(put(data, "model.xml")), **asked)
    text = sbml_safe.safe_text(request.file)
    other_parser_reads = not BRACED.search(text)
    if other_parser_reads:
        _safe(text)
    chosen = sbml_calcium.choose(request, text)
    factors = (chosen.to_internal, chosen.to_seconds, chosen.volume)
    assert all(0 < f < math.inf for f in factors)
    if not asked and other_parser_reads:
        _as_declared(text, chosen)
    if whole:
        _whole(request)


def _safe(text: str) -> None:
    """What the safe reader lets through, read by another XML parser: whole, shallow, no entity, no link."""
    assert "<!DOCTYPE" not in text and "<!ENTITY" not in text
    level, depth = [ElementTree.fromstring(text)], 0
    assert level[0].tag.endswith("}sbml")
    inert = ("notes", "annotation")
    outside = [e for e in level[0].iter() if e.tag.rpartition("}")[2] not in inert]
    assert outside
    while level:
        level, depth = [child for element in level for child in element], depth + 1
    assert depth <= sbml_safe.DEEPEST


def _as_declared(text: str, chosen: sbml_calcium.Chosen) -> None:
    """The unit of concentration worked out by hand, where it is so many moles per litre."""
    root = {e.tag.rpartition("}")[2]: e for e in ElementTree.fromstring(text).iter()}
    model, units = root["model"].attrib, [e for e in ElementTree.fromstring(text).iter() if e.tag.endswith("}unit")]
    species = root["species"].attrib if "species" in root else {}
    plain = model.get("substanceUnits") == root.get("unitDefinition", root["model"]).get("id") and len(units) == 1
    if (
        plain
        and model.get("volumeUnits") == "litre"
        and units[0].get("kind") == "mole"
        and not {"substanceUnits"} & set(species)
    ):
        multiplier, scale, power = (float(units[0].attrib[key]) for key in ("multiplier", "scale", "exponent"))
        if power == 1 and root["compartment"].get("units", "litre") == "litre":
            assert chosen.to_internal == pytest.approx(multiplier * 10.0**scale * 1e6, rel=1e-9)


def _whole(request: sbml_calcium.Request) -> None:
    """The model itself, run in a process of its own for two seconds at most."""
    kept = read.numerics
    patient = {**kept(), "sbml": {**kept()["sbml"], "seconds": 5.0}}
    read.numerics = lambda: patient  # type: ignore[assignment]
    try:
        times, calcium = sbml_calcium.sbml_curve(request, 60.0)
    finally:
        read.numerics = kept  # type: ignore[assignment]
    assert times[0] == 0 and times[-1] == pytest.approx(60) and (np.diff(times) >= 0).all()
    assert np.isfinite(calcium).all() and (calcium >= 0).all()
    assert calcium.max() <= kept()["sbml"]["highest"]


# --- the tests -----------------------------------------------------------------------------------------------------


def target(name: str) -> Target:
    """A target with its counts at zero; limits are s of processor time per example."""
    ways: dict[str, tuple[st.SearchStrategy[Any], Callable[[Any], None], float]] = {
        "declaration": (declarations(), run_declaration, 5),
        "catalogue": (catalogues(), run_catalogue, 2),
        "recording": (recordings(), run_recording, 2),
        "model": (models(), run_model, 5),
    }
    return Target(name, *ways[name])


SHARE = {"declaration": 150, "catalogue": 300, "recording": 400, "model": 200}
"""Examples of the short run."""


@pytest.mark.parametrize("name", SHARE)
def test_a_fixed_share(name: str) -> None:
    _need(name)
    ran = short(target(name), SHARE[name])
    print(dict(ran.seen), ran.slowest)
    _both_ways(ran, SHARE[name] // 2)


@pytest.mark.proof
@pytest.mark.parametrize("name", SHARE)
def test_ten_minutes(name: str) -> None:
    _need(name)
    _both_ways(long(target(name), SECONDS), SHARE[name] if SECONDS > 100 else 1)


def _both_ways(ran: Target, least: int) -> None:
    """A fuzz whose every example is refused, or none, has looked at nothing."""
    assert total(ran) >= least
    if total(ran) >= 100:
        assert 0.03 < ran.seen["accepted"] / total(ran) < 0.97, dict(ran.seen)


def _need(name: str) -> None:
    """A model is read and run by libraries that a user may do without."""
    for package in ("libsbml", "roadrunner") if name == "model" else ():
        pytest.importorskip(package)


# --- planted faults ------------------------------------------------------------------------------------------------


def _gap_as_zero(table: traces.Table, row: int, place: int) -> float:
    try:
        return float(table.rows[row][1][place])
    except (IndexError, ValueError):
        return 0.0


FAULTS: dict[str, tuple[str, str, Any, str]] = {
    "a negative rate passes": ("declaration", "exude.derive.check._refuse_outside", lambda *_: None, "rate of|divi|range|out of"),
    "a wrong dimension passes": ("declaration", "exude.derive.grammar._same", lambda a, *_: a, "has another unit"),
    "every number is s and uM": ("declaration", "exude.experiment.declared.factor_to_internal", lambda _: 1.0, "k"),
    "a unit is worked out to its last digit": ("declaration", "exude.units._TOWER", re.compile("(?!)"), "took more"),
    "a table is not checked": ("catalogue", "exude.catalog.schema.Number.model_validate", schema.Number.model_construct, "."),
    "any unit passes": ("catalogue", "exude.catalog.schema.factor_to_internal", lambda _: 1.0, "accepted, but"),
    "a gap is read as 0": ("recording", "exude.experiment.traces._cell", _gap_as_zero, "could not convert|not equal"),
    "nM are read as uM": ("recording", "exude.experiment.traces.factor_to_internal", lambda _: 1.0, "Not equal"),
    "light beyond the calibration passes": ("recording", "exude.experiment.fluorescence._refuse_outside", lambda *_: None, "Not equal"),
    "malformed XML passes": ("model", "exude.experiment.sbml_safe._Reader.read", lambda self, text: None, "."),
    "a unit is not converted": ("model", "exude.experiment.sbml_calcium._to_internal", lambda *_: 1.0, "comparison failed"),
}  # fmt: skip
"""Target, what is replaced by what, and what the fuzz says when it sees it."""
RARE = (
    *tuple(FAULTS)[:2],
    "a unit is worked out to its last digit",
    "any unit passes",
    "light beyond the calibration passes",
)
"""Faults that take more than a few seconds to meet."""
SEEDS = 20
"""Rounds in which a fault must be met. One round is not enough: Hypothesis borrows constants from the source under test,
so that any edit changes the examples of a seed."""


@pytest.mark.parametrize("fault", [pytest.param(f, marks=pytest.mark.proof) if f in RARE else f for f in FAULTS])
def test_a_planted_fault_is_seen(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name, place, wrong, says = FAULTS[fault]
    _need(name)
    for remembered in (units.parse_unit, units.dimension, units.factor_to_internal):
        remembered.cache_clear()
    monkeypatch.setattr(place, wrong)
    seen = (AssertionError, ArithmeticError, AttributeError, SyntaxError, TypeError, ValueError)
    patience = 1 if says == "took more" else 10  # s of processor time for one example; a busy machine needs more
    with pytest.raises(seen, match=says):
        for seed in range(SEEDS):
            short(replace(target(name), limit=patience), 3000, seed, shrink=False)
