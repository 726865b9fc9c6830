"""Bad input: one clear error with what was got, what was expected and the fix; what is done is kept."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5netcdf
import numpy as np
import pytest

import common
import exude
from exude import (
    CalciumTrace,
    DominantNegative,
    Drug,
    External,
    KnockDown,
    KnockOut,
    Overexpress,
    Permeabilised,
    Rescue,
    Settings,
    Stimulus,
)
from exude.catalog import read, schema
from exude.engine import vesicles
from exude.errors import (
    CatalogError,
    DataError,
    DeclarationError,
    ExudeError,
    Interrupted,
    ProtocolError,
    UnitError,
    UnknownName,
)
from exude.experiment import declared, parse
from exude.experiment.checkpoint import Checkpoint
from exude.experiment.sbml_calcium import Request, choose
from exude.experiment.sbml_safe import safe_text
from exude.experiment.traces import given_curve
from exude.model import Cascade, Definition, Emission, Level, Trace
from fuzzing import SMALL

QUICK = Settings(burn_in="30 min", every="10 min", threads=1)


def simulate(
    *what: object, line: str = "MDA-MB-231", duration: str = "1 h", cells: int = 4, config: Settings = QUICK
) -> exude.Run:
    return exude.simulate(line, *what, duration=duration, cells=cells, settings=config)


WRONG: dict[str, tuple[Callable[[], object], type[ExudeError], tuple[str, ...]]] = {
    "unknown gene": (lambda: KnockDown("UNC13E"), UnknownName, ("'UNC13E'", "expected", "did you mean 'UNC13D'")),
    "protein name": (lambda: KnockOut("Munc13-4"), UnknownName, ("expected a gene symbol", "Write 'UNC13D'")),
    "unknown line": (lambda: simulate(line="MDA-MB-213"), UnknownName, ("did you mean 'MDA-MB-231'", "exude list lines")),
    "unknown drug": (lambda: Drug("ionomycine", "1 uM"), UnknownName, ("did you mean 'ionomycin'", "exude list drugs")),
    "unknown hypothesis": (lambda: simulate(config=Settings(hypothesis="c2b")), UnknownName, ("'c2b-only'", "expected")),
    "missing unit": (lambda: Stimulus("ionomycin", "5"), UnitError, ("got '5'", "'uM'", "Write for example")),
    "number for a dose": (lambda: Stimulus("ionomycin", 5), UnitError, ("got 5", "'uM'", "Write for example")),
    "wrong unit": (lambda: Stimulus("ionomycin", "5 min"), UnitError, ("'5 min'", "unit 'uM'", "Write")),
    "unknown unit": (lambda: Stimulus("ionomycin", "5 uMM"), UnitError, ("got 'uMM'", "a unit such as")),
    "negative dose": (lambda: Stimulus("ionomycin", "-5 uM"), UnitError, ("'-5 uM'", ">= 0", "Write")),
    "NaN dose": (lambda: Stimulus("ionomycin", "nan uM"), UnitError, ("'nan uM'", "finite", "Write")),
    "time without unit": (lambda: Stimulus("ionomycin", "5 uM", at="5"), UnitError, ("got '5'", "unit 's'", "Write")),
    "negative time": (lambda: Drug("EGTA", "1 mM", at="-5 min"), UnitError, (">= 0", "Write")),
    "end before start": (lambda: Drug("EGTA", "1 mM", at="5 min", until="2 min"), ProtocolError, ("before it starts", "Let `until`")),
    "share above one": (lambda: KnockDown("UNC13D", to=1.5), UnitError, ("got 1.5", "from 0 to 1")),
    "negative share": (lambda: KnockDown("UNC13D", to=-0.1), UnitError, ("got -0.1", "from 0 to 1")),
    "NaN share": (lambda: KnockDown("UNC13D", to=float("nan")), UnitError, ("got nan", "finite")),
    "share as text": (lambda: KnockDown("UNC13D", to="0.1"), UnitError, ("got '0.1'", "a finite number")),
    "fold below one": (lambda: Overexpress("UNC13D", fold=0.5), UnitError, ("got 0.5", "from 1")),
    "mutant of the wrong protein": (lambda: Rescue("RAB11A", mutant="C2A*"), ProtocolError, ("'C2A*'", "expected no mutant", "mutant of UNC13D")),
    "unknown mutant": (lambda: Rescue("UNC13D", mutant="C2C*"), ProtocolError, ("'C2C*'", "expected one of", "did you mean")),
    "no dominant negative": (lambda: DominantNegative("UNC13D"), ProtocolError, ("'UNC13D'", "a Rab GTPase")),
    "two mutants": (lambda: simulate(Rescue("UNC13D", "C2A*"), Rescue("UNC13D", "C2B*")), ProtocolError, ("two mutants", "one culture")),
    "external calcium without unit": (lambda: External("2"), UnitError, ("got '2'", "'uM'")),
    "permeabilised with NaN": (lambda: Permeabilised("nan uM"), UnitError, ("finite",)),
    "stimulus after the end": (lambda: simulate(Stimulus("ionomycin", "5 uM", at="2 h")), ProtocolError, ("after the end", "1 h", "Lengthen")),
    "stimulus ends after the end": (lambda: simulate(Stimulus("ionomycin", "5 uM", until="2 h")), ProtocolError, ("ends after the end", "drop `until`")),
    "overlapping stimuli": (
        lambda: simulate(Stimulus("ionomycin", "5 uM", until="30 min"), Drug("ionomycin", "1 uM", at="20 min")),
        ProtocolError,
        ("overlapping", "at 20 min", "until"),
    ),
    "overlapping media": (lambda: simulate(External("0 mM"), External("1 mM", at="5 min")), ProtocolError, ("overlapping",)),
    "no cells": (lambda: simulate(cells=0), ProtocolError, ("got 0", "whole number of cells", "cells=500")),
    "half a cell": (lambda: simulate(cells=1.5), ProtocolError, ("got 1.5", "whole number")),
    "no time": (lambda: simulate(duration="0 h"), ProtocolError, ("longer than 0",)),
    "duration without unit": (lambda: simulate(duration="2"), UnitError, ("got '2'", "duration", "Write")),
    "too many points": (lambda: simulate(duration="1000 h", config=Settings(every="1 ms")), ProtocolError, ("Choose a longer `every`",)),
    "snapshot after the end": (lambda: simulate(config=Settings(snapshots=("2 h",))), ProtocolError, ("2 h", "outside the run of 1 h")),
    "no trace file": (lambda: simulate(CalciumTrace("nowhere.csv")), DataError, ("nowhere.csv", "cannot be read", "Give a CSV file")),
    "unknown parameter": (lambda: exude.Numbers.default().but(k_birht=1.0), UnknownName, ("did you mean 'k_birth'",)),
    "unknown sentence": (lambda: parse.perturbation("knockdwn UNC13D=0.1"), ProtocolError, ("'knockdwn'", "did you mean 'knock-down'")),
    "half a sentence": (lambda: parse.perturbation("knock-down UNC13D"), ProtocolError, ("'UNC13D'", "GENE=SHARE")),
    "misspelt word": (lambda: parse.perturbation("external calcum=1 mM"), ProtocolError, ("did you mean 'calcium'", "Write")),
    "share in words": (lambda: parse.perturbation("permeabilised calcium=1 uM cytosol=half"), ExudeError, ("half",)),
}  # fmt: skip


WRONG |= {
    "offset unit": (lambda: declare(k="0.1 degC"), UnitError, ("'degC'", "multiple of others", "k:")),
    "unit of light": (lambda: declare(k="1 candela"), UnitError, ("'candela'", "not of luminosity")),
    "unit worked out for ever": (lambda: declare(k="1 9**9**9**9"), UnitError, ("a unit such as",)),
    "unit too steep": (lambda: declare(k="1 s**99999"), UnitError, ("a unit such as",)),
    "too large for its unit": (lambda: Stimulus("ionomycin", "1e308 M"), UnitError, ("finite", "ionomycin")),
    "cytosol for closed cells": (lambda: parse.perturbation("external calcium=1 mM cytosol=2"), ProtocolError, ("cytosol=2",)),
    "a negative seed of a draw": (lambda: CalciumTrace("x.csv", draw=(-1, 0)), ProtocolError, ("(-1, 0)", "whole numbers >= 0")),
    "two standard errors": (lambda: fura(kd="224 +/- 30 +/- 2 nM"), UnitError, ("one standard error",)),
    "an error that says nothing": (lambda: fura(kd="1 +/- 30 nM"), UnitError, ("at most 10 times kd",)),
    "cooperativity of 0": (lambda: gcamp(hill=0), ProtocolError, ("hill above 0",)),
    "kd of 0 at rest": (lambda: gcamp(kd="0 nM"), ProtocolError, ("kd above 0",)),
    "half a baseline": (lambda: gcamp(baseline=("0 s",)), ProtocolError, ("a baseline of two times",)),
    "a number for a baseline": (lambda: gcamp(baseline=1.0), ProtocolError, ("a baseline of two times",)),
}  # fmt: skip


def declare(rate: str = "", **changed: object) -> object:
    """The common problem as declared, with one text or some numbers changed."""
    model = common.declaration(common.INDEPENDENT)
    chapter, cycle = model.chapters[0], model.life_cycle
    steps = tuple(replace(t, rate=rate) if rate and t.name == "fusion" else t for t in cycle.transitions)
    model = Cascade((replace(chapter, life_cycle=replace(cycle, transitions=steps)),))
    return declared.declare(model, {**common.numbers(common.INDEPENDENT), **changed})


def fura(**changed: object) -> exude.Fura2:
    return exude.Fura2(**{"r_min": 0.3, "r_max": 6.0, "beta": 5.0, **changed})


def gcamp(**changed: object) -> exude.SingleWavelength:
    rest = {"dynamic_range": 28, "baseline": ("0 s", "9 s"), "resting": "0.1 uM"}
    return exude.SingleWavelength(indicator="gcamp6f", **{**rest, **changed})


DECLARED: dict[str, tuple[Callable[[], object], type[ExudeError], tuple[str, ...]]] = {
    "outside the grammar": (lambda: declare("0.3 * fCa"), DeclarationError, ("rate of fusion: got '0.3'", "    0.3 * fCa\n    ^")),
    "unknown name": (lambda: declare("kf * fCaa"), DeclarationError, ("rate of fusion reads 'fCaa'", "did you mean 'fCa'", "kf * fCaa\n         ^")),
    "unlike parts": (lambda: declare("kf * (fCa + K)"), DeclarationError, ("rate of fusion: got", "one dimension", "           ^")),
    "unit of a rate": (lambda: declare(kf="0.3 uM"), DeclarationError, ("rate of fusion = kf * fCa", "dimension of 1/s", "Mend")),
    "unit of a part": (lambda: declare(K="0.6 s"), DeclarationError, ("fCa: got", "one dimension", "[time]", "hill(calcium, K, n)\n    ^")),
    "no unit": (lambda: declare(kf=0.3), DeclarationError, ("rate of fusion", "dimension of 1/s", "not dimensionless")),
    "negative at some calcium": (lambda: declare("kf * (fCa - fCa * (calcium + K) / (K + K))"), DeclarationError, ("rate of fusion = kf", "-> -", "at calcium", "uM", ">= 0", "Bound the text")),
    "negative at rest": (lambda: declare("kf * (fCa - 1)"), DeclarationError, ("-> -0.005 at calcium 0 uM", "rate of fusion", "max(0, ...)")),
    "infinite": (lambda: declare("kf / fCa"), DeclarationError, ("rate of fusion", "nan at calcium 0 uM", "finite")),
    "a root of a negative number": (lambda: declare("kf * (fCa - 1) ** (1 / 2)"), DeclarationError, ("rate of fusion", "nan")),
    "negative number": (lambda: declare(kf="-0.3 1/min"), UnitError, ("kf = -0.3 1/min", ">= 0 for kf", "minus belongs in the rate text")),
    "negative concentration": (lambda: declare(K="-0.6 uM"), UnitError, ("K = -0.6 uM", ">= 0 for K")),
    "negative power": (lambda: declare(n="-4"), DeclarationError, ("nan at calcium 0 uM", "change a parameter")),
    "NaN": (lambda: declare(K="nan uM"), UnitError, ("'nan uM'", "a finite number for K", "Write")),
    "infinite number": (lambda: declare(kf=float("inf")), UnitError, ("got inf", "a finite number for kf")),
    "huge for its unit": (lambda: declare(K="1e308 M"), UnitError, ("K = 1e+308 M", "a finite K")),
    "huge whole number": (lambda: declare(n=10**400), UnitError, ("a finite number for n",)),
    "no number": (lambda: declare(kf="fast"), UnitError, ("'fast'", "a number with a unit for kf", "Write")),
    "a symbol with spaces": (lambda: declare(**{"k dock": "1"}), DeclarationError, ("'k dock'", "A-Z", "Rename")),
    "a keyword": (lambda: declare(**{"lambda": "1"}), DeclarationError, ("'lambda'", "Rename")),
    "a function of the written slopes": (lambda: declare(square="1"), DeclarationError, ("'square'", "Rename")),
    "a stage count as a number": (lambda: declare(n_docked="1 item"), DeclarationError, ("n_docked", "number of vesicles")),
}  # fmt: skip
WRONG |= {f"declared: {fault}": case for fault, case in DECLARED.items()}


def parts(**changed: object) -> object:
    """The common problem with another part in its life cycle or chapter."""
    model = common.declaration(common.INDEPENDENT)
    chapter, cycle = model.chapters[0], model.life_cycle
    first = cycle.transitions[0]
    own = {k: v for k, v in changed.items() if hasattr(first, k) and k not in ("name",)}
    steps = (replace(first, **own), *cycle.transitions[1:]) if own else cycle.transitions
    cycle = replace(cycle, transitions=steps, **{k: v for k, v in changed.items() if k in ("stages", "resolved")})
    others = {
        k: v
        for k, v in changed.items()
        if k in ("traces", "levels", "emissions", "readouts", "life_cycle", "definitions")
    }
    chapter = replace(chapter, **{"life_cycle": cycle, **others})
    return declared.declare(Cascade((chapter,)), common.numbers(common.INDEPENDENT))


fCa = Definition("fCa", "hill(calcium, K, n)")
PARTS: dict[str, tuple[Callable[[], object], tuple[str, ...]]] = {
    "no life cycle": (lambda: parts(life_cycle=None), ("0 life cycles", "Give life_cycle to one chapter")),
    "no stages": (lambda: parts(stages=()), ("no stage",)),
    "a stage twice": (lambda: parts(stages=("mature", "mature", "immature", "docked", "primed")), ("'mature'", "of its own")),
    "a target that is no stage": (lambda: parts(target="imature"), ("'imature'", "did you mean 'immature'", "'birth'")),
    "a birth into the medium": (lambda: parts(target="RELEASED"), ("'RELEASED'", "one of immature")),
    "a source that is no stage": (lambda: parts(source="BORNE"), ("'BORNE'", "BORN")),
    "a gate on a birth": (lambda: parts(gate="hill(growth, n, 1)"), ("a gate on a birth (birth)",)),
    "growth that is lost": (lambda: parts(growth=1), ("growth on the way to another stage",)),
    "half a growth": (lambda: parts(growth=0.5), ("no whole number",)),
    "a merger that moves": (lambda: parts(merges=True, source="docked"), ("a merger that leads to another stage",)),
    "a resolved stage that is none": (lambda: parts(resolved="ripe"), ("'ripe'", "resolved stage")),
    "calcium in nM": (lambda: parts(traces=(Trace("calcium", "nM"),)), ("calcium in nM", "s, uM, um and items")),
    "a first trace that is no calcium": (lambda: parts(traces=(Trace("calcium", "s"),), definitions=(Definition("fCa", "1"),)), ("a first trace that is calcium",)),
    "a start that is missing": (lambda: parts(traces=(Trace("calcium", "uM", "-kf * calcium"),)), ("no start of calcium",)),
    "a slope that is no number": (lambda: parts(traces=(Trace("calcium", "uM", "kf * K * (0 * n) ** (-n)", "K"),)), ("d calcium/dt", "-> nan")),
    "a level below 0": (lambda: parts(levels=(Level("RAB27A", normal=-1.0),)), ("RAB27A of -1.0", ">= 0")),
    "an emission that reads counts": (lambda: parts(emissions=(Emission("shed", "kf * n_docked"),)), ("emission shed", "no stage counts")),
    "a readout of nothing": (lambda: parts(readouts=("fca",)), ("'fca'", "did you mean 'fCa'")),
    "a readout of counts": (lambda: parts(readouts=("x",), definitions=(fCa, Definition("x", "n_docked", "item"))), ("readout x", "no stage counts")),
    "a ring": (lambda: parts(definitions=(fCa, Definition("x", "y"), Definition("y", "x"))), ("ring: x -> y -> x",)),
    "a long chain": (lambda: parts(definitions=(fCa, Definition("x0", "n"), *(Definition(f"x{i + 1}", f"x{i} + 1") for i in range(400)))), ("at most 200 operations deep",)),
    "a chapter read twice": (lambda: parts(definitions=(fCa, fCa)), ("one declaration",)),
}  # fmt: skip


@pytest.mark.parametrize("fault", PARTS)
def test_parts_that_do_not_fit_together_are_refused_by_name(fault: str) -> None:
    action, says = PARTS[fault]
    with pytest.raises((DeclarationError, UnitError)) as caught:
        action()
    for part in says:
        assert part in str(caught.value), str(caught.value)


def test_a_curve_for_a_declared_model_is_checked() -> None:
    made = declare()
    assert made.values["kf"] == pytest.approx(0.3 / 60)
    for curve, says in (
        ([("0 s",)], "a point"), (["0 s"], "a point"), ([("0 s", "-1 uM")], ">= 0"), ([("0 s", "1 s")], "unit 'uM'"),
        ([("1 s", 1), ("0 s", 1)], "Sort the points"), ([], "no curve for calcium"), ([("0 s", "1e308 M")], "finite"),
    ):  # fmt: skip
        with pytest.raises(ExudeError, match=says):
            declared.job_of(made, curve, "1 h", "", 1)
    bare = declared.job_of(made, [(0, 0.1), (5.0, 1)], "1 h", "", 1).timeline
    assert bare.given_at.tolist() == [0, 5] and bare.given.tolist() == [0.1, 1]
    with pytest.raises(ProtocolError, match=r"3.6e\+12 output times.*at most 1000000"):
        declared.job_of(made, [(0, 0.1)], "1 h", "1 ns", 1)
    with pytest.raises(ProtocolError, match="whole number of cells"):
        exude.simulate_model(common.declaration(common.INDEPENDENT), {}, cells=0)


def test_a_trace_of_any_name_has_its_tolerance() -> None:
    """The catalogue names the cell's own traces; a user's may be called otherwise."""
    traces = (Trace("Ca", "uM", "kf * (K - Ca)", "K"), Trace("er", "uM", "-kf * er", "K"))
    made = parts(traces=traces, definitions=(Definition("fCa", "hill(Ca, K, n)"),))
    absolute = declared.job_of(made, [], "1 h", "", 1).numerics.absolute
    assert (absolute > 0).all() and absolute[1] == pytest.approx(0.6 * read.numerics()["relative"])


NUMBERS = {
    "NaN": (float("nan"), "k_birth = nan"), "infinite": (float("inf"), "k_birth = inf"), "negative": (-1.0, ">= 0 for k_birth"),
    "a text": ("1 1/min", "k_birth = '1 1/min'"), "a truth": (True, "k_birth = True"),
}  # fmt: skip


@pytest.mark.parametrize("fault", NUMBERS)
def test_a_number_of_the_catalogue_is_replaced_by_a_possible_one(fault: str) -> None:
    value, says = NUMBERS[fault]
    with pytest.raises(UnitError) as caught:
        read.checked("k_birth", value)
    assert says in str(caught.value) and "The catalogue has" in str(caught.value)


def test_every_number_of_the_catalogue_may_be_given_again() -> None:
    assert len(read.parameters()) > 100
    assert all(read.checked(name, np.float64(read.value(name))) == read.value(name) for name in read.parameters())
    with pytest.raises(UnknownName, match="did you mean 'k_birth'"):
        read.checked("k_birht", 1.0)


TABLES = {
    "a truth for a number": ("value = 0.1", "value = true", "valid number"),
    "a text for a number": ("value = 0.1", 'value = "0.1"', "valid number"),
    "a huge whole number": ("value = 0.1", f"value = {'9' * 5000}", "not a readable TOML"),
    "a number beyond measure": ("value = 0.1", "value = 1e300", "less than or equal"),
    "a negative spread": ("sd = 0.2", "sd = -0.2", "greater than or equal to 0"),
    "a spread that says nothing": ("sd = 0.2", "sd = 50", "a draw could be any number"),
    "a unit with a zero of its own": ('"uM"', '"degC"', "multiple of others"),
    "a unit of light": ('"uM"', '"candela"', "not of luminosity"),
    "a unit worked out for ever": ('"uM"', '"9**9**9**9"', "a unit such as"),
    "nested for ever": ("value = 0.1", f"value = {'[' * 5000}", "nested too deep"),
    "no UTF-8": ("uM", "\udcff", "not a readable TOML"),
}  # fmt: skip
TABLE = '[x]\nvalue = 0.1\nunit = "uM"\nspread = { kind = "lognormal", sd = 0.2 }\nstatus = "assumed"\nobtained = "a guess"\n'


@pytest.mark.parametrize("fault", TABLES)
def test_a_bad_table_of_the_catalogue_is_refused(fault: str, tmp_path: Path) -> None:
    old, new, says = TABLES[fault]
    file = tmp_path / "table.toml"
    file.write_bytes(TABLE.encode())
    assert read._tables(file, schema.Number)["x"].value == 0.1
    file.write_bytes(TABLE.replace(old, new).encode("utf-8", "surrogateescape"))
    with pytest.raises(CatalogError, match=says) as caught:
        read._tables(file, schema.Number)
    assert "table.toml" in str(caught.value) and len(str(caught.value)) < 1000


def test_units_deep_in_a_table_are_checked_too(tmp_path: Path) -> None:
    """A drug's potency and a line's level are numbers inside tables."""
    for folder, kind, old in (
        ("drugs/ionomycin", schema.Drug, '"uM"'),
        ("cells/a375", schema.CellLine, '"dimensionless"'),
    ):
        text = (Path(str(read.data())) / f"{folder}.toml").read_text(encoding="utf-8")
        file = tmp_path / "table.toml"
        file.write_text(text.replace(old, '"uMM"', 1), encoding="utf-8")
        with pytest.raises(CatalogError, match="'uMM'"):
            read._table(file, kind)


@pytest.mark.parametrize("fault", WRONG)
def test_refused_with_what_was_got_expected_and_the_fix(fault: str) -> None:
    action, kind, says = WRONG[fault]
    with pytest.raises(kind) as caught:
        action()
    for part in says:
        assert part in str(caught.value), str(caught.value)


def test_drugs_whose_name_has_a_space_can_be_typed() -> None:
    """'bafilomycin A1 100 nM': the dose begins at the number with a unit, not at the first space."""
    for name in sorted(exude_drugs()):
        drug = parse.perturbation(f"drug {name} {exude_drugs()[name]} at 5 min")
        assert isinstance(drug, Drug)
        assert drug.name == name and drug.dose == exude_drugs()[name]


def exude_drugs() -> dict[str, str]:
    return {drug.name: drug.usual_dose for drug in read.drugs().values()}


CURVES = {
    "empty": ("", "expected at least 2"),
    "header only": ("time_s,calcium_uM\n", "expected at least 2"),
    "one time": ("time_s,calcium_uM\n0,0.1\n", "expected at least 2"),
    "unsorted": ("time_s,calcium_uM\n0,0.1\n20,0.2\n10,0.3\n", "line 4: time does not increase"),
    "double time": ("time_s,calcium_uM\n0,0.1\n10,0.2\n10,0.3\n", "line 4: time does not increase"),
    "negative": ("time_s,calcium_uM\n0,0.1\n10,-0.2\n", "line 3: calcium is negative"),
    "NaN": ("time_s,calcium_uM\n0,0.1\n10,nan\n", "line 3: got 'nan'; expected a finite number"),
    "infinite": ("time_s,calcium_uM\n0,0.1\ninf,0.2\n", "line 3: got 'inf'"),
    "text": ("time_s,calcium_uM\n0,0.1\n10,much\n", "line 3"),
    "short row": ("time_s,calcium_uM\n0,0.1\n10\n", "line 3"),
    "no units": ("time,calcium\n0,0.1\n10,0.2\n", "expected one named time_UNIT"),
    "unknown unit": ("time_s,calcium_bananas\n0,0.1\n10,0.2\n", "bananas"),
    "wrong dimension": ("time_uM,calcium_s\n0,0.1\n10,0.2\n", "expected a unit that converts to 's'"),
    "other columns": ("when,what\n0,0.1\n10,0.2\n", "expected one named time_UNIT"),
    "too large for its unit": ("time_s,calcium_M\n0,0.1\n10,1e308\n", "line 3: a number too large for its unit"),
    "more than a cytosol holds": (
        "time_s,calcium_M\n0,0.1\n10,0.2\n",
        "line 2: calcium of 1e+05 uM is more than any cytosol holds",
    ),
    "time too large": ("time_h,calcium_uM\n0,0.1\n1e306,0.2\n", "line 3: a number too large"),
    "degrees": ("time_s,calcium_degC\n0,0.1\n10,0.2\n", "multiple of others"),
    "a wide header": (f"time_s,{'a,' * 20_000}\n1,2\n3,4\n", "and 19994 more; expected one named calcium_UNIT"),
    "a header of blanks": (f"time{' ' * 100_000}!,calcium_uM\n1,2\n3,4\n", "expected one named time_UNIT"),
    "a gap": (
        "time_s,calcium_uM\n0,0.1\n10,\n20,0.2\n",
        "line 3: got ['10', '']; expected numbers. Bridge gaps with gaps='line'",
    ),
    "comment before a bad row": ("# a comment\ntime_s,calcium_uM\n0,0.1\n10,-1\n", "line 4"),
}


@pytest.mark.parametrize("fault", CURVES)
def test_a_bad_calcium_curve_names_file_and_line(fault: str, tmp_path: Path) -> None:
    text, says = CURVES[fault]
    file = tmp_path / "curve.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        simulate(CalciumTrace(str(file)))
    assert says in str(caught.value), str(caught.value)
    assert "curve.csv" in str(caught.value)


def test_a_good_curve_is_followed(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_text("# measured\ntime_min,calcium_nM\n0,100\n10,100\n20,500\n60,500\n", encoding="utf-8")
    run = simulate(CalciumTrace(str(file)))
    np.testing.assert_allclose(
        run.data["calcium"].isel(cell=0), np.interp(run.data["time"] / 60, [10, 20], [0.1, 0.5]), rtol=1e-12
    )


def test_a_pipe_is_no_curve(tmp_path: Path) -> None:
    """Reading it would wait for ever."""
    os.mkfifo(tmp_path / "curve.csv")
    with pytest.raises(DataError, match=r"curve\.csv: is no plain file"):
        simulate(CalciumTrace(str(tmp_path / "curve.csv")))


def test_a_calibration_that_gives_no_number_is_refused(tmp_path: Path) -> None:
    """0.1 uM over a kd of next to nothing is infinite, and infinite over infinite is no number: it was read as 0."""
    file = tmp_path / "trace.csv"
    file.write_text("time_s,fluorescence\n" + "\n".join(f"{i},{100 + i}" for i in range(20)), encoding="utf-8")
    for ways in ({}, {"outside": "clip"}):
        with pytest.raises(DataError, match=r"trace\.csv: got 20 of 20 readings .* no number"):
            given_curve(CalciumTrace(str(file), gcamp(kd="1e-320 uM"), **ways), 10.0)
        with pytest.raises(DataError, match=r"trace\.csv: got 20 of 20 readings .* no number"):
            given_curve(CalciumTrace(str(file), gcamp(kd="1e-200 uM"), **ways), 10.0)


def test_a_picture_is_no_curve(tmp_path: Path) -> None:
    file = tmp_path / "curve.csv"
    file.write_bytes(bytes(range(256)) * 10)
    with pytest.raises(DataError, match="curve"):
        simulate(CalciumTrace(str(file)))


def test_two_curves_are_refused() -> None:
    with pytest.raises(ProtocolError, match="two calcium curves"):
        simulate(CalciumTrace("one.csv"), CalciumTrace("two.csv"))


UNITS = {
    "a scale beyond any number": ('scale="-6"', 'scale="2147483647"', "(1 times 10^2147483647 mole)^1"),
    "a scale of thousands": ('scale="-6"', 'scale="-4000"', "10^-4000"),
    "a multiplier of 0": ('multiplier="1"', 'multiplier="0"', "(0 times 10^-6 mole)^1"),
    "a multiplier that is no number": ('multiplier="1"', 'multiplier="NaN"', "nan times"),
    "an infinite exponent": ('exponent="1"', 'exponent="INF"', "^inf"),
    "a steep exponent": ('exponent="1"', 'exponent="300"', "^300"),
    "avogadro's number": ('kind="mole"', 'kind="avogadro"', "expected a declared concentration"),
}  # fmt: skip


NO_NUMBERS = {
    "a hexadecimal number": ('value="0.01"', 'value="0x10"', "line 11: got value='0x10', which is not a number"),
    "an empty one": ('Concentration="0.1"', 'Concentration=""', "initialConcentration=''"),
    "a hexadecimal number in a formula": ("<cn>1<", "<cn>0x10<", "<cn> of '0x10'"),
    "letters behind it": ("<cn>1<", "<cn>1abc<", "<cn> of '1abc'"),
    "two at once": ("<cn>1<", "<cn>1 2<", "<cn> of '1 2'"),
    "half of a whole one": ("<cn>1<", '<cn type="integer">1.7<', "<cn> of '1.7', which is not a whole number"),
    "a size below 0": ('size="1"', 'size="-1"', "compartment 'c' of size -1; expected a volume above 0"),
    "no size": ('size="1"', 'size="NaN"', "size nan"),
}  # fmt: skip


def refused_model(folder: Path, old: str, new: str, says: str) -> Path:
    """The small model with one text exchanged, once it was refused with the words it should be."""
    pytest.importorskip("libsbml")
    pytest.importorskip("roadrunner")
    file = folder / "model.xml"
    assert old in SMALL
    file.write_text(SMALL.replace(old, new), encoding="utf-8")
    with pytest.raises(DataError) as caught:
        choose(Request(str(file)), safe_text(str(file)))
    assert "model.xml" in str(caught.value) and says in str(caught.value), str(caught.value)
    return file


@pytest.mark.parametrize("fault", NO_NUMBERS)
def test_a_number_of_a_model_that_is_none_is_refused(fault: str, tmp_path: Path) -> None:
    """libSBML reads most of these as another number, without a word."""
    refused_model(tmp_path, *NO_NUMBERS[fault])


@pytest.mark.parametrize(
    "cn",
    ["<cn> 1 </cn>", '<cn type="e-notation">10<sep/>-1</cn>', '<cn type="rational">2<sep/>2</cn>', "<cn>+1.e0</cn>"],
)
def test_numbers_as_the_standard_writes_them_pass(cn: str, tmp_path: Path) -> None:
    file = tmp_path / "model.xml"
    file.write_text(SMALL.replace("<cn>1</cn>", cn), encoding="utf-8")
    assert cn in safe_text(str(file))


@pytest.mark.parametrize("fault", UNITS)
def test_a_unit_of_a_model_that_cannot_be_meant_is_refused(fault: str, tmp_path: Path) -> None:
    file = refused_model(tmp_path, *UNITS[fault])
    assert choose(Request(str(file), unit="uM"), safe_text(str(file))).to_internal == 1, "a unit that is said stands in"


# Results on disk.


def test_a_saved_run_comes_back(tmp_path: Path) -> None:
    run = simulate(Stimulus("ionomycin", "5 uM"))
    again = exude.load(run.save(tmp_path / "run.nc"))
    assert again.data.equals(run.data) and again.events.equals(run.events) and again.vesicles.equals(run.vesicles)
    assert again.provenance == run.provenance
    assert [p.name for p in tmp_path.iterdir()] == ["run.nc"]


def test_a_results_file_of_another_version_is_refused(tmp_path: Path) -> None:
    file = simulate().save(tmp_path / "run.nc")
    with h5netcdf.File(file, "a") as handle:
        handle.attrs["format"] = "exude-run-0"
    with pytest.raises(DataError, match=r"got format 'exude-run-0'; expected 'exude-run-1'.*Run it again"):
        exude.load(file)


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.9])
def test_a_truncated_results_file_is_refused(share: float, tmp_path: Path) -> None:
    file = simulate().save(tmp_path / "run.nc")
    whole = file.read_bytes()
    file.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"run\.nc: cannot be read"):
        exude.load(file)


def test_a_missing_results_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such file"):
        exude.load(tmp_path / "run.nc")


FULL_DISK = """
import resource, signal, sys
import exude
run = exude.simulate("MDA-MB-231", duration="1 h", cells=20, settings=exude.Settings(burn_in="30 min", threads=1))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[2]), resource.RLIM_INFINITY))
try:
    run.save(sys.argv[1])
except exude.ExudeError as problem:
    print(f"REFUSED {problem}")
print("IN MEMORY", float(run.exosomes.sum()) >= 0)
"""


@pytest.mark.parametrize("bytes_left", [0, 3000, 40_000])
def test_a_full_disk_leaves_no_half_file_and_the_run_in_memory(bytes_left: int, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(FULL_DISK, encoding="utf-8")
    out = tmp_path / "out"
    out.mkdir()
    command = [sys.executable, str(script), str(out / "run.nc"), str(bytes_left)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert "REFUSED" in done.stdout and "cannot be written" in done.stdout and "Free space" in done.stdout, done
    assert "IN MEMORY True" in done.stdout
    assert list(out.iterdir()) == []
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY


def test_a_full_disk_keeps_the_finished_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vesicles, "CHUNK", 2)
    write_bytes, calls = Path.write_bytes, []

    def full(path: Path, data: bytes) -> int:
        calls.append(1)
        if len(calls) > 2:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write_bytes(path, data)

    expected = simulate(cells=8)
    config = Settings(burn_in="30 min", every="10 min", threads=1, checkpoint=str(tmp_path / "run.part"))
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(DataError, match=r"No space left.*Free space and resume; finished blocks are kept"):
        simulate(cells=8, config=config)
    monkeypatch.setattr(Path, "write_bytes", write_bytes)
    assert sorted(p.name for p in (tmp_path / "run.part").iterdir()) == ["0.npz", "2.npz", "run.json"]
    again = simulate(cells=8, config=resuming(config))
    assert again.data.equals(expected.data)


def resuming(config: Settings) -> Settings:
    return Settings(**{**vars(config), "resume": True})


# Ctrl-C.


@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_keeps_what_is_done_and_a_run_resumes_to_the_same_bits(
    threads: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vesicles, "CHUNK", 3)
    stimulus = Stimulus("ionomycin", "5 uM", at="5 min", until="20 min")
    config = Settings(burn_in="30 min", every="10 min", threads=threads, checkpoint=str(tmp_path / "run.part"))
    expected = simulate(stimulus, cells=20)

    def press(done: int, cells: int) -> None:
        if done >= 9:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"stopped after 9 of 20 cells, kept in .*run\.part.*--resume"):
        exude.simulate("MDA-MB-231", stimulus, duration="1 h", cells=20, settings=config, progress=press)
    seen: list[int] = []
    monkeypatch.setattr(vesicles, "CHUNK", 4)
    again = exude.simulate(
        "MDA-MB-231",
        stimulus,
        duration="1 h",
        cells=20,
        settings=resuming(config),
        progress=lambda done, _: seen.append(done),
    )
    assert seen == [13, 17, 20], "finished cells are not run again"
    for table in ("data", "events", "vesicles"):
        assert getattr(again, table).equals(getattr(expected, table)), table
    assert not (tmp_path / "run.part").exists()


def test_ctrl_c_without_a_checkpoint_says_so() -> None:
    def press(done: int, cells: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="not kept"):
        exude.simulate("MDA-MB-231", duration="1 h", cells=4, settings=QUICK, progress=press)


def test_another_run_does_not_resume_here(tmp_path: Path) -> None:
    config = Settings(burn_in="30 min", every="10 min", threads=1, checkpoint=str(tmp_path / "run.part"))

    def press(done: int, cells: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        exude.simulate("MDA-MB-231", duration="1 h", cells=4, settings=config, progress=press)
    with pytest.raises(DataError, match=r"holds another run.*remove the folder"):
        exude.simulate("MDA-MB-231", KnockDown("UNC13D"), duration="1 h", cells=4, settings=resuming(config))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.95])
def test_a_damaged_block_is_run_again(share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vesicles, "CHUNK", 2)
    expected = simulate(cells=6)
    config = Settings(burn_in="30 min", every="10 min", threads=1, checkpoint=str(tmp_path / "run.part"))

    def press(done: int, cells: int) -> None:
        if done >= 4:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        exude.simulate("MDA-MB-231", duration="1 h", cells=6, settings=config, progress=press)
    block = tmp_path / "run.part" / "2.npz"
    whole = block.read_bytes()
    block.write_bytes(whole[: int(share * len(whole))])
    assert simulate(cells=6, config=resuming(config)).data.equals(expected.data)


def test_a_checkpoint_leaves_other_people_s_files_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    store = Checkpoint(tmp_path, "identity", resume=False)
    store.remove()
    assert (tmp_path / "notes.txt").read_text() == "mine"
