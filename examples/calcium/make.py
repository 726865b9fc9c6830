"""Write the example calcium models: two published oscillators, from their equations, as SBML Level 3 Version 2.

    python examples/calcium/make.py [FOLDER]

The equations and numbers were typed here from the places named in each model's notes; no file was copied. Nothing in
them was changed to suit this program.
"""

from __future__ import annotations

import sys
from pathlib import Path

import libsbml

HERE = Path(__file__).parent

GOLDBETER_NOTES = """Two-pool model of signal-induced calcium oscillations by calcium-induced calcium release:
Goldbeter, Dupont and Berridge, PNAS 1990, 87:1461 (PMID 2304911).
dZ/dt = v0 + v1 beta - v2 + v3 + kf Y - k Z; dY/dt = v2 - v3 - kf Y;
v2 = VM2 Z^2 / (K2^2 + Z^2); v3 = VM3 Y^2 Z^4 / ((KR^2 + Y^2) (KA^4 + Z^4)).
Z: free calcium of the cytosol, Y: calcium of the InsP3-insensitive store, both per litre of cytosol.
Seen: equations and all values in two public ports of BioModels BIOMD0000000098 (a Modelica and a COPASI file), whose
notes say that they reproduce the upper panel of the paper's Figure 2; the abstract. The paper itself was not read.
Not in what was seen: the units. Micromolar and second are the units in which such models are stated; they are assumed."""

LI_RINZEL_NOTES = """InsP3 receptor model reduced to two variables, closed cell: Li and Rinzel, J Theor Biol 1994, 166:461,
from De Young and Keizer, PNAS 1992, 89:9895.
dC/dt = c1 (v1 m^3 h^3 + v2) (Cer - C) - v3 C^2 / (k3^2 + C^2); dh/dt = a2 (Q2 - (Q2 + C) h);
m = IP3 / (IP3 + d1) C / (C + d5); Q2 = d2 (IP3 + d1) / (IP3 + d3); Cer = (c0 - C) / c1.
Seen: equations and all values but c0 and IP3 in a public MATLAB file of the model (repository
anthonyquint/Undergrad-Honours-Research-Project); d1, a2, d2, d3, d5, c0, c1, v1, v2, v3 with their units in Table 1 of
PMC3997029, an astrocyte model that names them; it has 0.05 uM for k3 where the MATLAB file has 0.1 uM, which is used.
The 1994 paper itself was not read. IP3 = 0.5 uM is a choice within the window in which the model oscillates."""

UNITS = {
    "uM": (("mole", 1, -6), ("litre", -1, 0)),
    "umol": (("mole", 1, -6),),
    "per_s": (("second", -1, 0),),
    "per_uM_s": (("mole", -1, -6), ("litre", 1, 0), ("second", -1, 0)),
    "uM_per_s": (("mole", 1, -6), ("litre", -1, 0), ("second", -1, 0)),
}
"""Unit definitions: (kind, exponent, scale)."""

CALCIUM = "http://identifiers.org/CHEBI:29108"

GOLDBETER = {
    "id": "Goldbeter1990_two_pools",
    "name": "Calcium oscillations with two pools (Goldbeter, Dupont and Berridge 1990)",
    "notes": GOLDBETER_NOTES,
    "parameters": {
        "v0": (1.0, "uM_per_s"), "v1": (7.3, "uM_per_s"), "beta": (0.301, "dimensionless"), "VM2": (65.0, "uM_per_s"),
        "K2": (1.0, "uM"), "VM3": (500.0, "uM_per_s"), "KR": (2.0, "uM"), "KA": (0.9, "uM"), "kf": (1.0, "per_s"),
        "k": (10.0, "per_s"),
    },
    "species": {"Z": (0.15, "free calcium of the cytosol", CALCIUM), "Y": (1.6, "calcium of the store", "")},
    "assigned": {},
    "rates": {},
    "reactions": {
        "influx": ((), ("Z",), "v0 + v1 * beta"),
        "uptake": (("Z",), ("Y",), "VM2 * Z^2 / (K2^2 + Z^2)"),
        "release": (("Y",), ("Z",), "VM3 * Y^2 * Z^4 / ((KR^2 + Y^2) * (KA^4 + Z^4))"),
        "leak": (("Y",), ("Z",), "kf * Y"),
        "efflux": (("Z",), (), "k * Z"),
    },
}  # fmt: skip

LI_RINZEL = {
    "id": "LiRinzel1994_closed_cell",
    "name": "InsP3-mediated calcium oscillations, two variables (Li and Rinzel 1994)",
    "notes": LI_RINZEL_NOTES,
    "parameters": {
        "c0": (2.0, "uM"), "c1": (0.185, "dimensionless"), "v1": (6.0, "per_s"), "v2": (0.11, "per_s"),
        "v3": (0.9, "uM_per_s"), "k3": (0.1, "uM"), "d1": (0.13, "uM"), "d2": (1.049, "uM"), "d3": (0.9434, "uM"),
        "d5": (0.08234, "uM"), "a2": (0.2, "per_uM_s"), "IP3": (0.5, "uM"),
    },
    "species": {"C": (0.1, "free calcium of the cytosol", CALCIUM)},
    "assigned": {
        "Cer": ("(c0 - C) / c1", "uM"),
        "m": ("IP3 / (IP3 + d1) * C / (C + d5)", "dimensionless"),
        "Q2": ("d2 * (IP3 + d1) / (IP3 + d3)", "uM"),
    },
    "rates": {"h": (0.8, "a2 * (Q2 - (Q2 + C) * h)", "dimensionless")},
    "reactions": {
        "release": ((), ("C",), "c1 * (v1 * m^3 * h^3 + v2) * (Cer - C)"),
        "uptake": (("C",), (), "v3 * C^2 / (k3^2 + C^2)"),
    },
}  # fmt: skip

MODELS = {"goldbeter1990.xml": GOLDBETER, "li_rinzel1994.xml": LI_RINZEL}


def build(spec: dict) -> libsbml.SBMLDocument:
    """The SBML document of a declared model."""
    document = libsbml.SBMLDocument(3, 2)
    model = document.createModel()
    model.setId(spec["id"])
    model.setName(spec["name"])
    model.setNotes(f'<body xmlns="http://www.w3.org/1999/xhtml"><p>{spec["notes"]}</p></body>')
    _units(model)
    cytosol = model.createCompartment()
    cytosol.setId("cytosol")
    cytosol.setSpatialDimensions(3)
    cytosol.setSize(1.0)
    cytosol.setUnits("litre")
    cytosol.setConstant(True)
    for name, (value, unit) in spec["parameters"].items():
        _parameter(model, name, value, unit, constant=True)
    _variables(model, spec)
    for name, (sources, targets, law) in spec["reactions"].items():
        _reaction(model, name, sources, targets, law, spec)
    return document


def _units(model: libsbml.Model) -> None:
    for name, parts in UNITS.items():
        definition = model.createUnitDefinition()
        definition.setId(name)
        for kind, exponent, scale in parts:
            unit = definition.createUnit()
            unit.setKind(libsbml.UnitKind_forName(kind))
            unit.setExponent(exponent)
            unit.setScale(scale)
            unit.setMultiplier(1.0)
    model.setSubstanceUnits("umol")
    model.setExtentUnits("umol")
    model.setVolumeUnits("litre")
    model.setTimeUnits("second")


def _parameter(model: libsbml.Model, name: str, value: float | None, unit: str, *, constant: bool) -> None:
    parameter = model.createParameter()
    parameter.setId(name)
    if value is not None:
        parameter.setValue(value)
    parameter.setUnits(unit)
    parameter.setConstant(constant)


def _variables(model: libsbml.Model, spec: dict) -> None:
    for name, (start, meaning, annotation) in spec["species"].items():
        species = model.createSpecies()
        species.setId(name)
        species.setName(meaning)
        species.setCompartment("cytosol")
        species.setInitialConcentration(start)
        species.setHasOnlySubstanceUnits(False)
        species.setBoundaryCondition(False)
        species.setConstant(False)
        if annotation:
            species.setMetaId(f"meta_{name}")
            term = libsbml.CVTerm(libsbml.BIOLOGICAL_QUALIFIER)
            term.setBiologicalQualifierType(libsbml.BQB_IS)
            term.addResource(annotation)
            species.addCVTerm(term)
    for name, (formula, unit) in spec["assigned"].items():
        _parameter(model, name, None, unit, constant=False)
        rule = model.createAssignmentRule()
        rule.setVariable(name)
        rule.setMath(_math(formula))
    for name, (start, formula, unit) in spec["rates"].items():
        _parameter(model, name, start, unit, constant=False)
        rule = model.createRateRule()
        rule.setVariable(name)
        rule.setMath(_math(formula))


def _reaction(
    model: libsbml.Model, name: str, sources: tuple[str, ...], targets: tuple[str, ...], law: str, spec: dict
) -> None:
    reaction = model.createReaction()
    reaction.setId(name)
    reaction.setReversible(False)
    for make, species in ((reaction.createReactant, sources), (reaction.createProduct, targets)):
        for one in species:
            reference = make()
            reference.setSpecies(one)
            reference.setStoichiometry(1.0)
            reference.setConstant(True)
    math = _math(f"cytosol * ({law})")
    for one in spec["species"]:
        if one not in (*sources, *targets) and one in _names(math):
            reaction.createModifier().setSpecies(one)
    reaction.createKineticLaw().setMath(math)


def _math(formula: str) -> libsbml.ASTNode:
    node = libsbml.parseL3Formula(formula)
    if node is None:
        raise SystemExit(f"{formula!r}: {libsbml.getLastParseL3Error()}")
    return node


def _names(node: libsbml.ASTNode) -> set[str]:
    own = {node.getName()} if node.isName() else set()
    return own.union(*(_names(node.getChild(i)) for i in range(node.getNumChildren())))


def main(folder: Path) -> None:
    """Write both models, refusing any that libSBML finds fault with, units included."""
    for file, spec in MODELS.items():
        document = build(spec)
        document.checkConsistency()
        faults = [document.getError(i) for i in range(document.getNumErrors())]
        wrong = [f for f in faults if f.getSeverity() >= libsbml.LIBSBML_SEV_WARNING]
        if wrong:
            raise SystemExit(f"{file}: " + "; ".join(" ".join(f.getMessage().split()) for f in wrong))
        libsbml.writeSBMLToFile(document, str(folder / file))
        print(f"written: {folder / file}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else HERE)
