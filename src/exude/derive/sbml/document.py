"""An SBML Level 3 Version 2 document of one story, built with libSBML from the declaration's own trees."""

from __future__ import annotations

from typing import Any

from exude.derive import grammar
from exude.derive.leaves import KIND_BIRTH, KIND_DEGRADE, KIND_GROW, KIND_MERGE, KIND_MOVE, KIND_RELEASE
from exude.derive.network import PER_VESICLE, Flow, Network, Pool
from exude.derive.sbml.annotate import Annotator
from exude.derive.sbml.extras import load
from exude.derive.sbml.formula import BASES, FUNCTIONS, NONE, Speller, powers, unit_texts
from exude.derive.sbml.notes import explain, model_notes, origin, own
from exude.derive.sbml.story import SLOPE, Change, Story
from exude.derive.trees import Tree
from exude.errors import DeclarationError

LEVEL, VERSION = 3, 2
CELL, OUTSIDE = "cell", "extracellular"
IN_MEDIUM = ("exosomes", "exosomal_cargo")
"""Totals that are outside the cell; so are emitted particles."""
SBO = {
    "model": "SBO:0000062",  # continuous framework
    "parameter": "SBO:0000002",  # quantitative systems description parameter
    "rate": "SBO:0000009",  # kinetic constant
    "species": "SBO:0000240",  # material entity
    "compartment": "SBO:0000290",  # physical compartment
    "law": "SBO:0000001",  # rate law
    "rule": "SBO:0000064",  # mathematical expression
}
SBO_FLOW = {
    KIND_BIRTH: "SBO:0000393",  # production
    KIND_MOVE: "SBO:0000185",  # translocation reaction
    KIND_GROW: "SBO:0000375",  # process
    KIND_MERGE: "SBO:0000375",
    KIND_RELEASE: "SBO:0000185",
    KIND_DEGRADE: "SBO:0000179",  # degradation
    None: "SBO:0000393",
}


def place_of(net: Network, pool: Pool) -> str:
    """Compartment of a pool."""
    emitted = [e.name for e in net.symbols.cascade.emissions]
    return OUTSIDE if pool.symbol in (*IN_MEDIUM, *emitted) else CELL


def write(story: Story) -> str:
    """The document as text.

    Raises DeclarationError where libSBML refuses a part, ExudeError where libSBML is not installed.
    """
    return _Document(story).text()


class _Document:
    """Fills one libSBML document, part after part."""

    def __init__(self, story: Story) -> None:
        self.story, self.net = story, story.network
        self.sbml = load("libsbml")
        self.speller = Speller(unit_texts(self.net))
        self.document = self.sbml.SBMLDocument(LEVEL, VERSION)
        self.model = self.document.createModel("exude")
        self.annotator = Annotator(self.sbml, story.about)
        self.settings = self.sbml.L3ParserSettings()
        self.settings.setModel(self.model)
        self.settings.setParseUnits(self.sbml.L3P_PARSE_UNITS)

    def text(self) -> str:
        self._head()
        self._compartments()
        for pool in self.net.pools:
            self._species(pool)
        self._parameters()
        self._rules()
        for flow in self.net.flows:
            self._reaction(flow)
        for i, change in enumerate(self.story.changes, 1):
            self._event(i, change)
        self._functions()
        self._units()
        self._kept(self.model.setNotes(model_notes(self.story)), "notes")
        return str(self.sbml.writeSBMLToString(self.document))

    # head

    def _head(self) -> None:
        model = self.model
        model.setName(self.story.about.title)
        model.setTimeUnits(self.speller.unit("s"))
        model.setSubstanceUnits("item")
        model.setExtentUnits("item")
        model.setVolumeUnits("litre")
        model.setSBOTerm(SBO["model"])
        self.annotator.model(model)

    def _compartments(self) -> None:
        for symbol, words in ((CELL, "one cell"), (OUTSIDE, "the medium around it")):
            place = self.model.createCompartment()
            self._name(place, symbol)
            place.setSpatialDimensions(0)
            place.setUnits(NONE)
            place.setSize(1)
            place.setConstant(True)
            place.setSBOTerm(SBO["compartment"])
            self.annotator.place(place)
            explain(place, [words])

    def _species(self, pool: Pool) -> None:
        species = self.model.createSpecies()
        self._name(species, pool.symbol)
        species.setCompartment(place_of(self.net, pool))
        species.setSubstanceUnits("item")
        species.setHasOnlySubstanceUnits(True)
        species.setBoundaryCondition(False)
        species.setConstant(False)
        species.setInitialAmount(float(self.story.starts.get(pool.symbol, 0)))
        species.setSBOTerm(SBO["species"])
        self.annotator.pool(species, pool)
        explain(species, [pool.meaning])

    # parameters

    def _parameters(self) -> None:
        cascade = self.net.symbols.cascade
        self._parameter(PER_VESICLE, "item", 1, "turns patches per MVB into patches", constant=True)
        for symbol in self.net.parameters:
            value = self.story.values[symbol]
            made = self._parameter(symbol, self.net.symbols.parameter_units[symbol], value)
            explain(made, origin(self.story, symbol))
            if own(self.story, symbol):
                self.annotator.number(made, self.story.origins[symbol].source)
        for level in cascade.levels:
            if level.symbol in self.net.levels:
                moving = level.symbol in self.story.changing
                value = self.story.values[level.symbol]
                made = self._parameter(level.symbol, level.unit, value, level.meaning, constant=not moving)
                self.annotator.level(made)
        for trace in cascade.traces:
            if trace.symbol in self.net.traces:
                start = self.story.starts[trace.symbol]
                made = self._parameter(trace.symbol, trace.unit, start, trace.meaning, constant=False)
                self.annotator.level(made)
        if self.story.slope is not None:
            unit = f"{cascade.traces[0].unit}/s"
            constant = SLOPE not in self.story.changing
            self._parameter(SLOPE, unit, self.story.slope, "slope of the given calcium curve", constant=constant)
        for named in self.net.named:
            self._parameter(named.symbol, named.unit, None, named.meaning, constant=False)

    def _parameter(self, symbol: str, unit: str, value: float | None, meaning: str = "", constant: bool = True) -> Any:
        made = self.model.createParameter()
        self._name(made, symbol)
        made.setUnits(self.speller.unit(unit))
        made.setConstant(constant)
        if value is not None:
            made.setValue(float(value))
        rate = unit.endswith(("/s", "/min", "/h"))
        made.setSBOTerm(SBO["rate"] if rate and constant else SBO["parameter"])
        explain(made, [meaning])
        return made

    # equations

    def _rules(self) -> None:
        for named in self.net.named:
            rule = self.model.createAssignmentRule()
            self._variable(rule, named.symbol, self.speller.spell(named.tree))
        for symbol, tree in self.net.slopes.items():
            self._rate(symbol, self.speller.spell(tree))
        if self.story.slope is not None:
            self._rate(self.net.symbols.cascade.traces[0].symbol, SLOPE)

    def _rate(self, symbol: str, formula: str) -> None:
        self._variable(self.model.createRateRule(), symbol, formula)

    def _variable(self, rule: Any, symbol: str, formula: str) -> None:
        rule.setVariable(symbol)
        rule.setSBOTerm(SBO["rule"])
        self._kept(rule.setMath(self._math(formula)), symbol)

    def _reaction(self, flow: Flow) -> None:
        made = self.model.createReaction()
        taken = self.model.getElementBySId(flow.symbol) is not None
        self._name(made, f"r_{flow.symbol}" if taken else flow.symbol)
        made.setReversible(False)
        made.setSBOTerm(SBO_FLOW[flow.kind])
        for create, pools in ((made.createReactant, flow.takes), (made.createProduct, flow.gives)):
            for symbol, count in pools.items():
                part = create()
                part.setSpecies(symbol)
                part.setStoichiometry(float(count))
                part.setConstant(True)
        for symbol in sorted(self._read(flow.rate) - set(flow.takes) - set(flow.gives)):
            made.createModifier().setSpecies(symbol)
        law = made.createKineticLaw()
        law.setSBOTerm(SBO["law"])
        self._kept(law.setMath(self._math(self.speller.spell(flow.rate))), flow.symbol)
        self.annotator.reaction(made, flow)

    def _read(self, tree: Tree) -> set[str]:
        return {symbol for symbol in grammar.names(tree) if self.model.getSpecies(symbol) is not None}

    def _event(self, number: int, change: Change) -> None:
        event = self.model.createEvent()
        self._name(event, f"change_{number}")
        event.setName(change.says or f"change at {change.time:g} s")
        event.setUseValuesFromTriggerTime(True)
        trigger = event.createTrigger()
        trigger.setInitialValue(True)
        trigger.setPersistent(True)
        self._kept(trigger.setMath(self._math(f"time >= {change.time!r} second")), event.getId())
        for symbol, value in change.values.items():
            assignment = event.createEventAssignment()
            assignment.setVariable(symbol)
            unit = self.model.getParameter(symbol).getUnits()
            self._kept(assignment.setMath(self._math(f"{float(value)!r} {unit}")), symbol)

    def _math(self, formula: str) -> Any:
        tree = self.sbml.parseL3FormulaWithSettings(formula, self.settings)
        if tree is None:
            raise DeclarationError(f"libSBML cannot read {formula!r}: {self.sbml.getLastParseL3Error()}")
        return tree

    # what the equations turned out to need

    def _functions(self) -> None:
        for symbol, formula in FUNCTIONS.items():
            if symbol in self.speller.functions:
                made = self.model.createFunctionDefinition()
                self._name(made, symbol)
                made.setSBOTerm(SBO["rule"])
                self._kept(made.setMath(self._math(formula)), symbol)

    def _units(self) -> None:
        for symbol, dims in sorted(self.speller.units.items()):
            if symbol not in (NONE, *BASES.values()) or symbol in ("micromolar", "micrometre"):
                made = self.model.createUnitDefinition()
                made.setId(symbol)
                made.setName(symbol.replace("_", " "))
                for base, power in powers(dims).items():
                    self._base(made, base, power)

    def _base(self, definition: Any, base: str, power: float) -> None:
        kinds = {"micromolar": (("mole", -6, 1), ("litre", 0, -1)), "micrometre": (("metre", -6, 1),)}
        for kind, scale, sign in kinds.get(base, ((base, 0, 1),)):
            unit = definition.createUnit()
            unit.setKind(self.sbml.UnitKind_forName(kind))
            unit.setExponent(sign * power)
            unit.setScale(scale)
            unit.setMultiplier(1)

    def _name(self, part: Any, symbol: str) -> None:
        """Give a part its name; one name is one thing, and `time` is SBML's own."""
        if symbol == "time" or self.model.getElementBySId(symbol) is not None:
            raise DeclarationError(f"{symbol} names two things in one file: rename it in its chapter.")
        self._kept(part.setId(symbol), f"the name {symbol!r}")

    def _kept(self, code: int, what: str) -> None:
        if code != self.sbml.LIBSBML_OPERATION_SUCCESS:
            raise DeclarationError(f"libSBML refuses {what}: {self.sbml.OperationReturnValue_toString(code)}")
