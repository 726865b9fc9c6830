"""Calcium from an SBML model: found by name or annotation, integrated by libRoadRunner, in uM over s.

The file is data: it is checked (`sbml_safe`), read with libSBML, and integrated in a process of its own
(`sbml_worker`). Exact to the tolerances in `catalog/data/numerics.toml`: CVODE's relative error per step, and straight
lines that pass within 0.5 % (or 0.1 nM) of every step that CVODE took.
"""

from __future__ import annotations

import importlib.util
import json
import math
import subprocess
import sys
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from exude.catalog import read
from exude.engine.layout import Floats
from exude.errors import DataError, refuse
from exude.experiment.sbml_safe import safe_text
from exude.units import factor_to_internal, registry

CHEBI = "29108"
"""ChEBI's number of the calcium ion, Ca2+."""
NAMES = ("ca", "cacyt", "cai", "cac", "cacytosol", "cacytoplasm", "cain", "ca2", "ca2cyt", "ca2i", "calcium",
         "calciumcytosol", "calciumcyt", "calciumion", "cytca", "cytosolcalcium", "cytosoliccalcium")  # fmt: skip
"""Usual names of cytosolic calcium, letters and digits only."""
CYTOSOL = ("0005829", "0005737", "0005622")
"""Gene Ontology's cytosol, cytoplasm, intracellular."""
CYTOSOL_NAMES = ("cyt", "cyto", "cytosol", "cytoplasm", "cell")
PINT = {"avogadro": "avogadro_number"}
"""SBML's names of units that have another name in pint."""
MOST_DIGITS, MOST_POWER = 60, 20
"""Decimal digits and exponents of a unit beyond which a file is mistaken."""
PACKAGES = ("libsbml", "roadrunner")


class _OddUnit(Exception):
    """A declared unit that cannot be meant; the text says which."""


@dataclass(frozen=True)
class Request:
    """What is asked of a model; an empty text lets the file decide."""

    file: str
    species: str = ""
    unit: str = ""
    time_unit: str = ""
    settle: float = 0.0
    """Time (s) that the model runs before the run begins."""


@dataclass(frozen=True)
class Chosen:
    """The quantity that is calcium, as libRoadRunner selects it, and the factors to uM and s."""

    name: str
    selection: str
    to_internal: float
    to_seconds: float
    volume: float = 1.0


def sbml_curve(asked: Request, duration: float) -> tuple[Floats, Floats]:
    """Times (s, from 0 to `duration`) and calcium (uM) of a model; an event is a jump between two points.

    Raises DataError for a file that cannot be used, with what to do about it.
    """
    text = safe_text(asked.file)
    return _curve(asked, text, duration)


@lru_cache(maxsize=8)
def _curve(asked: Request, text: str, duration: float) -> tuple[Floats, Floats]:
    """Kept for the same file's next run (a study, an ensemble), as arrays that cannot be written to."""
    chosen = choose(asked, text)
    made = _integrated(asked, text, chosen, duration)
    times, values = made[:, 0] * chosen.to_seconds - asked.settle, made[:, 1] * chosen.to_internal
    _plausible(asked, chosen, times, values)
    first = max(int(np.searchsorted(times, 0, side="right")) - 1, 0)  # the line that crosses time 0 is cut there
    start = np.interp(0, times[first : first + 2], values[first : first + 2])
    after = times > 0
    times, values = np.r_[0, times[after]], np.maximum(np.r_[start, values[after]], 0)
    times.setflags(write=False)
    values.setflags(write=False)
    return times, values


def choose(asked: Request, text: str) -> Chosen:
    """Which quantity of a model is calcium, with its units; DataError where that is not clear."""
    model = document(asked.file, text).getModel()
    try:
        return _chosen(asked, model, _name(asked, model))
    except _OddUnit as problem:
        raise DataError(
            f"{asked.file}: got the unit {problem}; expected one that a measurement can have. "
            f"Mend its unitDefinition, or say CalciumModel({asked.file!r}, unit='uM', time_unit='s')."
        ) from problem


def _chosen(asked: Request, model: Any, name: str) -> Chosen:
    species = model.getSpecies(name)
    if species is not None:
        box = _volume(asked, model, species)
        unit, selection = None if asked.unit else _concentration(model, species, box), f"[{name}]"
        volume = box.getSize() if box.isSetSize() and box.getSize() > 0 else 1
    else:
        parameter = model.getParameter(name)
        unit, selection, volume = None if asked.unit else _unit(model, parameter.getUnits()), name, 1
    factors = _to_internal(asked, name, unit), _to_seconds(asked, model)
    for what, factor in zip((name, "time"), factors, strict=True):
        if not (factor > 0 and abs(math.log10(factor)) < MOST_DIGITS):
            raise _OddUnit(f"of {what}, {factor:g} {'uM' if what == name else 's'}")
    return Chosen(name, selection, *factors, volume)


def document(file: str, text: str) -> Any:
    """The libSBML document of a checked text; DataError with the first error that libSBML finds."""
    _need_packages(file)
    import libsbml

    found = libsbml.readSBMLFromString(text)
    for category in (libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, libsbml.LIBSBML_CAT_MODELING_PRACTICE):
        found.setConsistencyChecks(category, False)
    if not found.getNumErrors(libsbml.LIBSBML_SEV_ERROR):
        found.checkConsistency()
    errors = [found.getError(i) for i in range(found.getNumErrors())]
    wrong = next((e for e in errors if e.getSeverity() >= libsbml.LIBSBML_SEV_ERROR), None)
    if wrong is not None:
        what = " ".join(wrong.getShortMessage().split()) or "an error"
        raise DataError(
            f"{file}: line {wrong.getLine()}: is no valid SBML ({what}). Validate the file and mend that line."
        )
    if found.getModel() is None:
        raise DataError(f"{file}: holds no model. Give an SBML file with species and reactions or rules.")
    return found


def _need_packages(file: str) -> None:
    missing = [package for package in PACKAGES if importlib.util.find_spec(package) is None]
    if missing:
        raise DataError(
            f"{file}: an SBML model needs libSBML and libRoadRunner, which are not installed"
            f" (no {' and no '.join(missing)}). Write: pip install 'exude[sbml]'"
        )


def _name(asked: Request, model: Any) -> str:
    """The id of calcium: as asked, by annotation, or by its usual names."""
    things = {thing.getId(): thing for thing in [*model.getListOfSpecies(), *model.getListOfParameters()]}
    if asked.species:
        by_name = [key for key, thing in things.items() if asked.species in (key, thing.getName())]
        if asked.species in things or len(by_name) == 1:
            return asked.species if asked.species in things else str(by_name[0])
        raise _which(asked, f"{asked.species!r}", things, asked.species)
    for found in ([k for k, t in things.items() if _annotated(t, CHEBI)], [k for k, t in things.items() if _usual(t)]):
        here = found if len(found) == 1 else [k for k in found if _in_cytosol(model, things[k])]
        if len(here) == 1:
            return str(here[0])
        if found:
            raise _which(asked, f"{len(found)} candidates for calcium ({', '.join(found)})", dict.fromkeys(found), "")
    raise _which(asked, "a model without calcium: nothing is annotated CHEBI:29108 or named like it", things, "calcium")


def _which(asked: Request, got: str, things: dict[str, Any], near: str) -> DataError:
    some = ", ".join(list(things)[:12]) + (", ..." if len(things) > 12 else "")
    hint = f"Name it: CalciumModel({asked.file!r}, species=...) or --calcium-sbml {asked.file}:SPECIES."
    problem = refuse(DataError, near, f"one of {some or 'nothing: the model has no species'}", hint, things)
    return DataError(f"{asked.file}: got {got}; {str(problem).partition('; ')[2]}")


def _annotated(thing: Any, *numbers: str) -> bool:
    terms = [thing.getCVTerm(i) for i in range(thing.getNumCVTerms())]
    links = [term.getResourceURI(i) for term in terms for i in range(term.getNumResources())]
    return any(link.replace("%3A", ":").endswith(f":{number}") for link in links for number in numbers)


def _plain(text: str) -> str:
    return "".join(ch for ch in text.casefold() if ch.isalnum())


def _usual(thing: Any) -> bool:
    return _plain(thing.getId()) in NAMES or _plain(thing.getName()) in NAMES


def _in_cytosol(model: Any, thing: Any) -> bool:
    box = model.getCompartment(thing.getCompartment()) if hasattr(thing, "getCompartment") else None
    if box is None:
        return False
    return _annotated(box, *CYTOSOL) or bool({_plain(box.getId()), _plain(box.getName())} & {*CYTOSOL_NAMES})


def _volume(asked: Request, model: Any, species: Any) -> Any:
    """The compartment of a species, which must be a volume: an amount alone is no concentration."""
    box = model.getCompartment(species.getCompartment())
    if box is None:
        raise DataError(
            f"{asked.file}: got species {species.getId()!r} in compartment {species.getCompartment()!r}; expected a "
            "compartment that the model has. Mend the species' compartment."
        )
    dimensions = box.getSpatialDimensionsAsDouble()
    ruled = model.getRule(box.getId()) is not None or model.getInitialAssignment(box.getId()) is not None
    in_amounts = species.getHasOnlySubstanceUnits() or species.isSetInitialAmount()
    if box.isSetSize() and not ruled and not 0 < box.getSize() < math.inf:
        raise DataError(
            f"{asked.file}: got compartment {box.getId()!r} of size {box.getSize():g}; expected a volume above 0. "
            "Mend its size."
        )
    if dimensions != 3 or (in_amounts and not box.isSetSize() and not ruled):
        raise DataError(
            f"{asked.file}: {species.getId()} is an amount without a volume (compartment {box.getId()!r}, "
            f"{dimensions:g} dimensions, size {'unset' if not box.isSetSize() else box.getSize()}). "
            "Give the compartment three dimensions and a size."
        )
    return box


def _concentration(model: Any, species: Any, box: Any) -> Any:
    """The declared unit of a species' concentration as a pint quantity, or None where the file declares none.

    Level 2 takes litre and second for granted, and so does this; its default of a mole of calcium is not believed.
    """
    old = model.getLevel() < 3
    substance = species.getSubstanceUnits() or ("substance" if old else model.getSubstanceUnits())
    volume = box.getUnits() or ("volume" if old else model.getVolumeUnits())
    above = _unit(model, substance)
    below = _unit(model, volume)
    if below is None and old:
        below = registry().Quantity(1, "litre")
    return None if above is None or below is None else above / below


def _unit(model: Any, name: str) -> Any:
    """A declared unit as a pint quantity; None where it is not declared."""
    import libsbml

    definition = model.getUnitDefinition(name) if name else None
    if definition is not None:
        product = registry().Quantity(1, "dimensionless")
        for part in definition.getListOfUnits():
            product = product * _unit_part(part)
        return product
    known = bool(name) and libsbml.UnitKind_isValidUnitKindString(name, model.getLevel(), model.getVersion())
    builtin = name in ("substance", "volume", "area", "length", "time")
    return registry().Quantity(1, PINT.get(name, name)) if known and not builtin else None


def _unit_part(part: Any) -> Any:
    """One factor of a unit definition: (multiplier 10^scale kind)^exponent."""
    import libsbml

    kind = PINT.get(libsbml.UnitKind_toString(part.getKind()), libsbml.UnitKind_toString(part.getKind()))
    size, scale, power = part.getMultiplier(), part.getScale(), part.getExponentAsDouble()
    digits = scale + math.log10(size) if 0 < size < math.inf else math.nan
    if kind not in registry() or not (abs(power) <= MOST_POWER and abs(digits) <= MOST_DIGITS):
        raise _OddUnit(f"({size:g} times 10^{scale} {kind})^{power:g}")
    return registry().Quantity(size * 10**scale if abs(scale) <= MOST_DIGITS else math.pow(10, digits), kind) ** power


def _to_internal(asked: Request, name: str, unit: Any) -> float:
    """Factor from a model's own unit of calcium to uM."""
    if asked.unit:
        return factor_to_internal(asked.unit)
    if unit is not None and unit.check("[item]/[length]**3"):
        unit = unit / registry().Quantity(1, "item") * registry().Quantity(1, "mole") / _avogadro()
    if unit is None or not unit.check("[substance]/[length]**3"):
        got = "no unit" if unit is None else f"the unit {unit.to_base_units().units or 'dimensionless'}"
        raise DataError(
            f"{asked.file}: got {got} for {name}; expected a declared concentration. "
            f"Say it: CalciumModel({asked.file!r}, unit='uM') or --calcium-sbml '{asked.file} unit=uM'."
        )
    return float(unit.to("micromolar").magnitude)


def _avogadro() -> float:
    return float(registry().Quantity(1, "avogadro_number").to("dimensionless").magnitude)


def _to_seconds(asked: Request, model: Any) -> float:
    if asked.time_unit:
        return factor_to_internal(asked.time_unit)
    old = model.getLevel() < 3
    unit = _unit(model, "time" if old else model.getTimeUnits())
    if unit is None and old:
        return 1
    if unit is None or not unit.check("[time]"):
        raise DataError(
            f"{asked.file}: the model declares no unit of time. Say it: CalciumModel({asked.file!r}, "
            f"time_unit='s') or --calcium-sbml '{asked.file} time_unit=s'."
        )
    return float(unit.to("second").magnitude)


def _integrated(asked: Request, text: str, chosen: Chosen, duration: float) -> Floats:
    """Rows (time, value) in the model's units from the worker; DataError where it fails or takes too long."""
    numerics = read.numerics()["sbml"]
    floor = numerics["floor"] / chosen.to_internal
    given = {
        "sbml": text, "selection": chosen.selection, "end": (asked.settle + duration) / chosen.to_seconds,
        "relative": numerics["relative"], "absolute": numerics["relative"] * floor * min(chosen.volume, 1),
        "thin": numerics["thin"], "floor": floor,
    }  # fmt: skip
    limit = numerics["seconds"]
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "exude.experiment.sbml_worker"],
            input=json.dumps(given).encode(), capture_output=True, timeout=limit, check=False, env=_environment(),
        )  # fmt: skip
    except subprocess.TimeoutExpired as problem:
        raise DataError(
            f"{asked.file}: not integrated within {limit:g} s. Shorten the run, or check that the model does not stall."
        ) from problem
    if done.returncode or not done.stdout:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        why = said[-1] if said and done.returncode > 0 else f"the integrator broke off (exit code {done.returncode})"
        raise DataError(f"{asked.file}: cannot be integrated: {why}. Run the model in its own program first.")
    return np.frombuffer(done.stdout).reshape(-1, 2)


def _environment() -> dict[str, str]:
    """The environment of the worker, which must find this very package."""
    import os

    home = str(Path(__file__).parents[2])
    paths = [home, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


def _plausible(asked: Request, chosen: Chosen, times: Floats, values: Floats) -> None:
    numerics = read.numerics()["sbml"]
    low, high = int(np.argmin(values)), int(np.argmax(values))
    if values[low] < -numerics["floor"]:
        raise DataError(
            f"{asked.file}: {chosen.name} becomes negative ({values[low]:.3g} uM at {times[low]:.3g} s). "
            "Name a species that is a concentration, or mend the model."
        )
    if values[high] > numerics["highest"]:
        raise DataError(
            f"{asked.file}: {chosen.name} reaches {values[high]:.3g} uM, more than any cytosol holds. "
            "The file's units are wrong (say unit='uM') or it is not cytosolic calcium (say species=...)."
        )
