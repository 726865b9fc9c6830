"""A calcium model as SBML: followed to its tolerance, in its own units; foreign files refused in one clear sentence."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import exude
from exude.catalog import read
from exude.cli.main import main
from exude.errors import DataError, ExudeError
from exude.experiment import sbml_calcium
from exude.experiment.parse import perturbation
from exude.experiment.sbml_calcium import Request, choose
from exude.experiment.sbml_safe import MOST_BYTES, safe_text
from exude.experiment.sbml_worker import Knots
from exude.experiment.traces import given_curve

pytest.importorskip("libsbml")
pytest.importorskip("roadrunner")

EXAMPLES = Path(__file__).parent.parent / "examples" / "calcium"
THIN, FLOOR = read.numerics()["sbml"]["thin"], read.numerics()["sbml"]["floor"]
QUICK = exude.Settings(burn_in="30 min", every="1 min", threads=1, snapshots=())

UMOL = '<unitDefinition id="umol"><listOfUnits><unit kind="mole" exponent="1" scale="-6" multiplier="1"/></listOfUnits></unitDefinition>'
MATH = 'xmlns="http://www.w3.org/1998/Math/MathML"'
IS_CALCIUM = """<annotation><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"
 xmlns:bqbiol="http://biomodels.net/biology-qualifiers/"><rdf:Description rdf:about="#{id}"><bqbiol:is><rdf:Bag>
<rdf:li rdf:resource="{uri}"/></rdf:Bag></bqbiol:is></rdf:Description></rdf:RDF></annotation>"""


def species(
    name: str = "Ca", box: str = "c", start: float = 0.1, *, amounts: str = "false", uri: str = "", more: str = ""
) -> str:
    """One species of the test model."""
    note = IS_CALCIUM.format(id=f"m{name}", uri=uri) if uri else ""
    return (
        f'<species id="{name}" metaid="m{name}" compartment="{box}" initialConcentration="{start}" '
        f'hasOnlySubstanceUnits="{amounts}" boundaryCondition="false" constant="false"{more}>{note}</species>'
    )


def rate(name: str, formula: str) -> str:
    return f'<rateRule variable="{name}"><math {MATH}>{formula}</math></rateRule>'


def relax(name: str = "Ca", to: float = 1.0, speed: float = 0.01) -> str:
    """d name/dt = speed (to - name), the exponential."""
    return rate(
        name,
        f"<apply><times/><cn>{speed}</cn><apply><minus/><cn>{to}</cn><ci>{name}</ci></apply></apply>",
    )


def sbml(
    things: str = species(),
    rules: str = relax(),
    *,
    units: str = UMOL,
    declared: str = 'substanceUnits="umol" volumeUnits="litre" timeUnits="second" extentUnits="umol"',
    boxes: str = '<compartment id="c" spatialDimensions="3" size="1" units="litre" constant="true"/>',
    parameters: str = "",
    more: str = "",
    root: str = "",
) -> str:
    """A small SBML Level 3 model."""
    listed = "".join(
        f"<{tag}>{text}</{tag}>" for tag, text in (
            ("listOfUnitDefinitions", units), ("listOfCompartments", boxes), ("listOfSpecies", things),
            ("listOfParameters", parameters), ("listOfRules", rules),
        ) if text
    )  # fmt: skip
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2"{root}>\n'
        f'<model id="m" {declared}>{listed}{more}</model>\n</sbml>\n'
    )


@pytest.fixture
def put(tmp_path: Path) -> Callable[..., str]:
    def write(text: str | bytes, name: str = "model.xml") -> str:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return str(path)

    return write


def curve(file: str, duration: float = 600.0, **asked: str) -> tuple[np.ndarray, np.ndarray]:
    return given_curve(exude.CalciumModel(file, **asked), duration)


def exact(t: np.ndarray, start: float = 0.1, to: float = 1.0, speed: float = 0.01) -> np.ndarray:
    return to + (start - to) * np.exp(-speed * t)


# What the curve is.


def test_the_curve_follows_the_solution_within_the_stated_tolerance(put: Callable[..., str]) -> None:
    times, values = curve(put(sbml()))
    dense = np.linspace(0, 600, 5001)
    error = np.abs(np.interp(dense, times, values) - exact(dense))
    assert times[0] == 0 and times[-1] == 600
    assert (error <= THIN * exact(dense) + FLOOR).all() and error.max() > 1e-5
    assert 5 < times.size < 200, "a smooth curve needs few points"


def test_fast_oscillations_are_kept_within_the_tolerance() -> None:
    """Against a solution at a far tighter tolerance, in the first seconds: later ones differ in phase, not in shape."""
    import roadrunner

    times, values = curve(str(EXAMPLES / "goldbeter1990.xml"), 5.0)
    model = roadrunner.RoadRunner((EXAMPLES / "goldbeter1990.xml").read_text())
    model.timeCourseSelections = ["time", "[Z]"]
    model.integrator.relative_tolerance, model.integrator.absolute_tolerance = 1e-12, 1e-14
    dense = np.array(model.simulate(0, 5, 50_001))
    found = np.interp(dense[:, 0], times, values)
    assert np.ptp(dense[:, 1]) > 1
    assert (np.abs(found - dense[:, 1]) <= 2 * THIN * dense[:, 1] + FLOOR).all()


@given(st.lists(st.floats(0.01, 10), min_size=2, max_size=60), st.sampled_from([1e-3, 0.05, 0.5]))
def test_thinning_meets_every_step(values: list[float], share: float) -> None:
    knots = Knots(share, 1e-6)
    for t, y in enumerate(values):
        knots.add(float(t), y)
    kept = np.array(knots.end())
    line = np.interp(np.arange(len(values)), kept[:, 0], kept[:, 1])
    assert (np.abs(line - values) <= np.maximum(share * np.array(values), 1e-6) + 1e-9).all()
    assert kept[0, 0] == 0 and kept[-1, 0] == len(values) - 1


UNITS = {
    "nM and minutes": (
        UMOL.replace("umol", "nmol").replace('"-6"', '"-9"')
        + '<unitDefinition id="minute"><listOfUnits><unit kind="second" exponent="1" scale="0" multiplier="60"/></listOfUnits></unitDefinition>',
        'substanceUnits="nmol" volumeUnits="litre" timeUnits="minute" extentUnits="nmol"',
        1000, 60,
    ),
    "molecules per femtolitre": (
        '<unitDefinition id="fl"><listOfUnits><unit kind="litre" exponent="1" scale="-15" multiplier="1"/></listOfUnits></unitDefinition>',
        'substanceUnits="item" volumeUnits="fl" timeUnits="second" extentUnits="item"',
        602.214076, 1,
    ),
    "mole per cubic metre": (
        '<unitDefinition id="m3"><listOfUnits><unit kind="metre" exponent="3" scale="0" multiplier="1"/></listOfUnits></unitDefinition>',
        'substanceUnits="mole" volumeUnits="m3" timeUnits="second" extentUnits="mole"',
        1e-3, 1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", UNITS)
def test_declared_units_become_um_and_seconds(kind: str, put: Callable[..., str]) -> None:
    units, declared, size, minute = UNITS[kind]
    box = '<compartment id="c" spatialDimensions="3" size="1" constant="true"/>'
    text = sbml(
        species(start=0.1 * size), relax(to=size, speed=0.01 * minute), units=units, declared=declared, boxes=box
    )
    times, values = curve(put(text))
    assert times[-1] == pytest.approx(600)
    assert np.allclose(values, exact(times), rtol=1e-4)


def test_units_that_are_typed_stand_in_for_missing_ones(put: Callable[..., str]) -> None:
    box = '<compartment id="c" spatialDimensions="3" size="1" constant="true"/>'
    file = put(sbml(species(start=100), relax(to=1000, speed=0.6), declared="", boxes=box))
    times, values = curve(file, unit="nM", time_unit="min")
    assert np.allclose(values, exact(times), rtol=1e-4)


def test_a_level_2_file_has_litre_and_second_but_its_mole_is_not_believed(put: Callable[..., str]) -> None:
    text = (
        '<sbml xmlns="http://www.sbml.org/sbml/level2/version4" level="2" version="4"><model id="m">UNITS'
        '<listOfCompartments><compartment id="c" size="1"/></listOfCompartments><listOfSpecies>'
        '<species id="Ca" compartment="c" initialConcentration="0.1"/></listOfSpecies>'
        f"<listOfRules>{relax()}</listOfRules></model></sbml>"
    )
    with pytest.raises(DataError, match=r"got no unit for Ca; expected a declared concentration.*unit='uM'"):
        curve(put(text.replace("UNITS", "")))
    own = UMOL.replace('id="umol"', 'id="substance"')
    times, values = curve(put(text.replace("UNITS", f"<listOfUnitDefinitions>{own}</listOfUnitDefinitions>")))
    assert np.allclose(values, exact(times), rtol=1e-4)


def test_an_event_is_a_jump(put: Callable[..., str]) -> None:
    event = (
        f'<listOfEvents><event id="e" useValuesFromTriggerTime="true"><trigger initialValue="false" persistent="true"><math {MATH}>'
        '<apply><geq/><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol>'
        f"<cn>100</cn></apply></math></trigger><listOfEventAssignments><eventAssignment variable=\"Ca\"><math {MATH}>"
        "<cn>2</cn></math></eventAssignment></listOfEventAssignments></event></listOfEvents>"
    )  # fmt: skip
    file = put(sbml(more=event))
    times, values = curve(file)
    (place,) = np.flatnonzero(np.diff(times) < 1e-6)  # CVODE finds the event to within its tolerance
    assert times[place] == pytest.approx(100)
    assert values[place] == pytest.approx(exact(np.array(100.0)), rel=1e-3) and values[place + 1] == pytest.approx(2)
    run = exude.simulate("MDA-MB-231", exude.CalciumModel(file), duration="10 min", cells=2, settings=QUICK)
    calcium = run.data["calcium"].sel(time=[60, 120]).values[0]
    assert calcium == pytest.approx([exact(np.array(60.0)), 1 + np.exp(-0.2)], rel=0.01)


def test_a_model_may_settle_before_the_run(put: Callable[..., str]) -> None:
    file = put(sbml())
    _, values = curve(file, settle="1 h")
    assert np.allclose(values, 1, atol=1e-3)
    times, values = curve(file, settle="100 s")
    assert times[0] == 0 and times[-1] == pytest.approx(600)
    assert np.allclose(values, exact(times + 100), rtol=2 * THIN)
    assert np.allclose(values[1:], exact(times[1:] + 100), rtol=1e-4), "only the first point lies on a line"


def test_a_parameter_with_a_rule_may_be_calcium(put: Callable[..., str]) -> None:
    um = '<unitDefinition id="uM"><listOfUnits><unit kind="mole" exponent="1" scale="-6" multiplier="1"/><unit kind="litre" exponent="-1" scale="0" multiplier="1"/></listOfUnits></unitDefinition>'
    rule = f'<assignmentRule variable="calcium"><math {MATH}><apply><times/><cn>2</cn><ci>X</ci></apply></math></assignmentRule>'
    text = sbml(
        species("X"),
        rule + relax("X"),
        units=UMOL + um,
        parameters='<parameter id="calcium" units="uM" constant="false"/>',
    )
    times, values = curve(put(text))
    assert np.allclose(values, 2 * exact(times), rtol=1e-4)


# Which quantity is calcium.

TWO_BOXES = (
    '<compartment id="cyt" spatialDimensions="3" size="1" constant="true"/>'
    '<compartment id="store" spatialDimensions="3" size="1" constant="true"/>'
)
CHEBI = "http://identifiers.org/CHEBI:29108"
NAMED = {
    "by name": (sbml(species("Ca_cyt") + species("Ca_ER"), relax("Ca_cyt")), "Ca_cyt"),
    "by annotation": (sbml(species("Z", uri=CHEBI) + species("Y"), relax("Z")), "Z"),
    "by a URN": (sbml(species("Z", uri="urn:miriam:obo.chebi:CHEBI%3A29108"), relax("Z")), "Z"),
    "annotation before name": (sbml(species("Ca") + species("Z", uri=CHEBI), relax("Z")), "Z"),
    "two pools of calcium, one in the cytosol": (
        sbml(species("Z", "cyt", uri=CHEBI) + species("Y", "store", uri=CHEBI), relax("Z"), boxes=TWO_BOXES), "Z",
    ),
}  # fmt: skip


@pytest.mark.parametrize("how", NAMED)
def test_calcium_is_found(how: str, put: Callable[..., str]) -> None:
    text, name = NAMED[how]
    assert choose(Request(put(text)), text).name == name


def test_a_species_is_taken_by_id_or_by_name(put: Callable[..., str]) -> None:
    text = sbml(species("s1", more=' name="Ca in the cytosol"') + species("Ca"), relax("s1"))
    for asked in ("s1", "Ca in the cytosol"):
        assert choose(Request(put(text), asked), text).name == "s1"


# What is refused.

NOT_FAST = '<listOfReactions><reaction id="r" reversible="false" fast="true"/></listOfReactions>'
DELAY = f'<apply><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/delay">delay</csymbol><ci>Ca</ci><cn>1</cn></apply>'  # noqa: F541
COMP = ' xmlns:comp="http://www.sbml.org/sbml/level3/version1/comp/version1" comp:required="true"'
SPATIAL = ' xmlns:sp="http://www.sbml.org/sbml/level3/version1/spatial/version1" sp:required="true"'
LAYOUT = ' xmlns:layout="http://www.sbml.org/sbml/level3/version1/layout/version1" layout:required="false"'
NO_SIZE = '<compartment id="c" spatialDimensions="3" constant="true"/>'
POINT = '<compartment id="c" spatialDimensions="0" constant="true"/>'
BOMB = '<!DOCTYPE sbml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
DOUBLING = rate("Ca", "<apply><power/><ci>Ca</ci><cn>2</cn></apply>")
LOGARITHM = f'<assignmentRule variable="Ca"><math {MATH}><apply><root/><apply><minus/><cn>5</cn><csymbol encoding="text" definitionURL="http://www.sbml.org/sbml/symbols/time">t</csymbol></apply></apply></math></assignmentRule>'

FAULTS: dict[str, tuple[str | bytes, dict[str, str], tuple[str, ...]]] = {
    "no calcium": (sbml(species("X"), relax("X")), {}, ("without calcium", "one of X", "species=...")),
    "no species at all": (sbml("", ""), {}, ("without calcium", "nothing: the model has no species")),
    "two calciums": (sbml(species("Ca_cyt") + species("Cai"), relax("Cai")), {}, ("2 candidates", "Ca_cyt, Cai", "species=...")),
    "wrong species": (sbml(), {"species": "Ca_cy"}, ("'Ca_cy'", "one of Ca", "did you mean 'Ca'")),
    "comp": (sbml(root=COMP), {}, ("required package 'comp'", "line 2", "flat core model")),
    "spatial": (sbml(root=SPATIAL), {}, ("required package 'spatial'",)),
    "delay": (sbml(rules=rate("Ca", DELAY)), {}, ("delays in formulas", "ordinary differential")),
    "algebraic rule": (sbml(rules=f"<algebraicRule><math {MATH}><ci>Ca</ci></math></algebraicRule>"), {}, ("algebraic rules", "differential-algebraic")),
    "fast reaction": (sbml(rules="", more=NOT_FAST), {}, ("fast reactions",)),
    "not SBML": ("<html><body>Not found</body></html>", {}, ("root element <html>", "begins with <sbml>")),
    "not XML": ("model Ca() end", {}, ("malformed", "line 1")),
    "empty": ("", {}, ("truncated or malformed",)),
    "unclosed": (sbml().replace("</model>", ""), {}, ("malformed XML", "line 4")),
    "truncated": (sbml()[:900], {}, ("truncated", "whole copy")),
    "document type": (sbml().replace("<sbml", "<!DOCTYPE sbml><sbml", 1), {}, ("line 2", "DOCTYPE", "Remove it")),
    "entities": (sbml().replace("<sbml", BOMB + "<sbml", 1), {}, ("DOCTYPE",)),
    "entities from a file": (sbml().replace("<sbml", '<!DOCTYPE s [<!ENTITY x SYSTEM "file:///etc/passwd">]><sbml', 1), {}, ("DOCTYPE",)),
    "hidden in UTF-16": (sbml().replace("<sbml", BOMB + "<sbml", 1).replace("UTF-8", "UTF-16").encode("utf-16"), {}, ("not UTF-8",)),
    "hidden in UTF-7": (sbml().replace('"UTF-8"', '"UTF-7"'), {}, ("'UTF-7'", "Save the file as UTF-8")),
    "latin-1 letters": (sbml(species(more=' name="é"')).encode("latin-1"), {}, ("not UTF-8",)),
    "NUL": (sbml() + "\0", {}, ("NUL",)),
    "too deep": (sbml(rules=rate("Ca", "<apply><minus/>" * 400 + "<ci>Ca</ci>" + "</apply>" * 400)), {}, ("more than 250 deep",)),
    "link to a file": (sbml(more='<listOfConstraints xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="http://x.org/a.xml"/>'), {}, ("reference to another file", "nothing is fetched")),
    "XInclude": (sbml(more='<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="/etc/passwd"/>'), {}, ("reference to another file",)),
    "external model": (sbml(root=COMP.replace("true", "false"), more='<comp:externalModelDefinition comp:id="a" comp:source="http://x.org/a.xml"/>'), {}, ("reference to another file",)),
    "invalid SBML": (sbml(rules=relax("nobody")), {}, ("no valid SBML", "line 3")),
    "two rules for one": (sbml(rules=relax() + relax()), {}, ("no valid SBML",)),
    "no unit of substance": (sbml(declared='timeUnits="second"'), {}, ("got no unit for Ca", "unit='uM'", "--calcium-sbml")),
    "no unit of time": (sbml(declared='substanceUnits="umol" volumeUnits="litre"'), {}, ("no unit of time", "time_unit='s'")),
    "dimensionless": (sbml(declared='substanceUnits="dimensionless" volumeUnits="dimensionless" timeUnits="second"', boxes=NO_SIZE.replace("constant", 'size="1" constant')), {}, ("unit dimensionless for Ca", "unit='uM'")),
    "mass": (sbml(declared='substanceUnits="gram" volumeUnits="litre" timeUnits="second"'), {}, ("expected a declared concentration",)),
    "species nowhere": (sbml(species(box="")), {}, ("in compartment ''", "Mend the species' compartment")),
    "amount without a volume": (sbml(species(amounts="true"), boxes=NO_SIZE), {}, ("amount without a volume", "size unset")),
    "amount at a point": (sbml(species(amounts="true").replace("initialConcentration", "initialAmount"), boxes=POINT), {}, ("amount without a volume", "0 dimensions")),
    "negative": (sbml(rules=rate("Ca", "<cn>-0.01</cn>")), {}, ("becomes negative", "concentration")),
    "molar taken for micromolar": (sbml(rules=relax(to=100_000)), {}, ("more than any cytosol holds", "unit='uM'")),
    "blows up": (sbml(rules=DOUBLING), {}, ("cannot be integrated",)),
    "not a number": (sbml(rules=LOGARITHM), {}, ("cannot be integrated", "nan")),
    "a folder": (b"", {"file": "."}, ("no plain file",)),
    "no file": (b"", {"file": "nowhere.xml"}, ("cannot be read",)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_bad_model_is_one_clear_error(fault: str, put: Callable[..., str]) -> None:
    text, asked, says = FAULTS[fault]
    file = {"file": put(text), **asked}
    with pytest.raises(DataError) as caught:
        curve(**file)
    said = str(caught.value)
    for part in (Path(file["file"]).name, *says):
        assert part in said, said
    assert "\n" not in said and len(said) < 600


def test_harmless_files_pass(put: Callable[..., str]) -> None:
    """Packages that need not be understood, and what stands in notes, are no reason to refuse."""
    notes = '<notes><p xmlns="http://www.w3.org/1999/xhtml" xmlns:xlink="http://www.w3.org/1999/xlink" xlink:href="http://x.org">delay</p></notes>'
    text = sbml(root=LAYOUT).replace('extentUnits="umol">', f'extentUnits="umol">{notes}', 1)
    assert notes in text
    assert curve(put("\ufeff" + text))[1][-1] == pytest.approx(exact(np.array(600.0)), rel=1e-4)


def test_a_huge_file_is_not_read(put: Callable[..., str]) -> None:
    with pytest.raises(DataError, match="larger than 16 MiB"):
        safe_text(put(b" " * (MOST_BYTES + 1)))


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 0.99])
def test_a_truncated_example_is_refused(share: float, put: Callable[..., str]) -> None:
    whole = (EXAMPLES / "li_rinzel1994.xml").read_bytes()
    with pytest.raises(DataError, match="truncated"):
        curve(put(whole[: int(share * len(whole))]))


@given(st.lists(st.tuples(st.integers(0, 5000), st.binary(min_size=0, max_size=4)), min_size=1, max_size=4))
def test_damaged_files_never_do_more_than_raise_a_data_error(damage: list[tuple[int, bytes]]) -> None:
    data = (EXAMPLES / "li_rinzel1994.xml").read_bytes()
    for place, new in damage:
        data = data[:place] + new + data[place + len(new) + 1 :]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "damaged.xml"
        file.write_bytes(data)
        try:
            text = safe_text(str(file))
            choose(Request(str(file)), text)
        except ExudeError as problem:
            assert "damaged.xml" in str(problem)


def test_a_model_that_does_not_end_is_given_up(put: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(read.numerics()["sbml"], "seconds", 1.5)
    with pytest.raises(DataError, match=r"not integrated within 1\.5 s. Shorten the run"):
        curve(str(EXAMPLES / "goldbeter1990.xml"), 1e6)


def test_a_crash_of_the_library_is_an_error(put: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    def dies(*_: object, **__: object) -> subprocess.CompletedProcess[bytes]:
        return subprocess.CompletedProcess([], -11, b"", b"")

    monkeypatch.setattr(subprocess, "run", dies)
    with pytest.raises(DataError, match=r"broke off \(exit code -11\)"):
        curve(put(sbml(rules=relax(speed=0.02))))


def test_without_the_extra_the_command_that_installs_it_is_named(
    put: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=re.escape("pip install 'exude[sbml]'")):
        curve(put(sbml(rules=relax(speed=0.03))))


def test_a_run_without_models_does_not_load_the_libraries() -> None:
    code = "import exude, sys; exude.simulate; assert not {'libsbml', 'roadrunner'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


# In a run.


def test_cells_follow_the_model_and_hold_its_first_value_before(put: Callable[..., str]) -> None:
    file = put(sbml())
    run = exude.simulate("MDA-MB-231", exude.CalciumModel(file), duration="10 min", cells=3, settings=QUICK)
    calcium = run.data["calcium"]
    np.testing.assert_allclose(calcium.isel(cell=0), exact(calcium["time"].values), rtol=2 * THIN)
    assert calcium.values[:, 0] == pytest.approx([0.1] * 3)
    assert run.provenance["conditions"] == [f"calcium from the model {file}"]


def test_the_content_of_the_file_belongs_to_the_identity_of_a_run(put: Callable[..., str]) -> None:
    def fingerprint(text: str) -> str:
        model = exude.CalciumModel(put(text))
        return exude.simulate("MDA-MB-231", model, duration="2 min", cells=1, settings=QUICK).provenance["fingerprint"]

    first, other, again = (fingerprint(sbml(rules=relax(to=to))) for to in (1.0, 2.0, 1.0))
    assert first == again != other


def test_the_command_line_says_the_same(put: Callable[..., str], tmp_path: Path) -> None:
    box = '<compartment id="c" spatialDimensions="3" size="1" constant="true"/>'
    file = put(sbml(species("Q"), relax("Q"), declared="", boxes=box), "my model.xml")
    asked = f"{file}:Q unit=uM time_unit=s settle=1 min"
    expected = exude.CalciumModel(file, "Q", unit="uM", time_unit="s", settle="1 min")
    assert perturbation(f"calcium-sbml {asked}") == expected
    out = tmp_path / "run.nc"
    command = ["simulate", "MDA-MB-231", "--calcium-sbml", asked, "--duration", "2 min", "--cells", "1", "-o", str(out)]
    assert main(command) == 0
    run = exude.simulate("MDA-MB-231", expected, duration="2 min", cells=1)
    assert exude.load(out).provenance["fingerprint"] == run.provenance["fingerprint"]
    assert main(["calcium", asked, "--duration", "2 min", "--plot", str(tmp_path / "q.png")]) == 0


def test_a_model_is_integrated_once_for_the_same_run(put: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    file = put(sbml(rules=relax(speed=0.05)))
    curve(file)
    monkeypatch.setattr(sbml_calcium, "_integrated", lambda *_: pytest.fail("integrated again"))
    curve(file)


@pytest.mark.parametrize("file", ["goldbeter1990.xml", "li_rinzel1994.xml"])
def test_the_examples_oscillate(file: str) -> None:
    times, values = curve(str(EXAMPLES / file), 120.0, settle="5 min")
    grid = np.interp(np.linspace(0, 120, 12_001), times, values)
    peaks = ((grid[1:-1] > grid[:-2]) & (grid[1:-1] >= grid[2:]) & (grid[1:-1] > grid.mean())).sum()
    assert peaks >= 5 and np.ptp(grid[-6000:]) > 0.2, (peaks, np.ptp(grid))


def test_the_examples_are_what_their_script_writes(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(EXAMPLES / "make.py"), str(tmp_path)], check=True, capture_output=True)
    for made in sorted(tmp_path.iterdir()):

        def plain(path: Path) -> str:  # libSBML writes date and version into a comment
            return re.sub(r"<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)

        assert plain(made) == plain(EXAMPLES / made.name)
    assert len(list(tmp_path.iterdir())) == 2
