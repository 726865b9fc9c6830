"""What the parts of a file are in public databases: MIRIAM annotations from the catalogue's identifiers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from exude.catalog import read
from exude.derive.leaves import KIND_RELEASE
from exude.derive.network import INSIDE, Flow, Pool
from exude.derive.sbml.notes import terms
from exude.derive.sbml.story import About
from exude.errors import DeclarationError

HOME = "https://identifiers.org/"


class Annotator:
    """Adds annotations to parts of one document."""

    def __init__(self, sbml: Any, about: About) -> None:
        self.sbml, self.about = sbml, about

    def model(self, model: Any) -> None:
        """The paper that describes the system, the organism, the line, the drugs."""
        model.setMetaId("model")
        self._say(model, ["study"], self.sbml.BQM_IS_DESCRIBED_BY, model=True)
        self._say(model, ["human"], self.sbml.BQB_HAS_TAXON)
        self._say(model, self.about.things, self.sbml.BQB_HAS_PROPERTY)

    def place(self, place: Any) -> None:
        """A compartment."""
        self._say(place, [place.getId()], self.sbml.BQB_IS)

    def level(self, parameter: Any) -> None:
        """A level or a trace, by its symbol."""
        self._say(parameter, [parameter.getId()], self.sbml.BQB_IS)

    def number(self, parameter: Any, sources: Iterable[str]) -> None:
        """What a number was read in."""
        self._add(parameter, [term for key in sources for term in terms(key)], self.sbml.BQB_IS_DESCRIBED_BY)

    def pool(self, species: Any, pool: Pool) -> None:
        """Vesicles, what is in them, and what they release."""
        if pool.holds == "vesicles":
            self._say(species, ["vesicles"], self.sbml.BQB_IS)
        elif pool.holds == "total":
            self._say(species, [pool.symbol], self.sbml.BQB_IS)
        elif pool.holds in INSIDE:
            self._say(species, ["vesicles"], self.sbml.BQB_IS_PART_OF)

    def reaction(self, reaction: Any, flow: Flow) -> None:
        """Fusion with the plasma membrane is what the world calls exosomal secretion."""
        if flow.kind == KIND_RELEASE:
            self._say(reaction, ["fusion"], self.sbml.BQB_IS_VERSION_OF)

    def _say(self, part: Any, keys: Iterable[str], qualifier: int, *, model: bool = False) -> None:
        known = read.identifiers() if self.about.things else {}  # a declared model may mean other things by our names
        self._add(part, [term for key in keys if key in known for term in known[key].terms], qualifier, model=model)

    def _add(self, part: Any, found: Sequence[str], qualifier: int, *, model: bool = False) -> None:
        if not found:
            return
        if not part.isSetMetaId():
            part.setMetaId(f"meta_{part.getId()}")
        said = self.sbml.CVTerm(self.sbml.MODEL_QUALIFIER if model else self.sbml.BIOLOGICAL_QUALIFIER)
        if model:
            said.setModelQualifierType(qualifier)
        else:
            said.setBiologicalQualifierType(qualifier)
        for term in found:
            said.addResource(HOME + term)
        if part.addCVTerm(said) != self.sbml.LIBSBML_OPERATION_SUCCESS:
            raise DeclarationError(f"libSBML refuses the annotation of {part.getId()}: {', '.join(found)}.")
