"""The shape of every table of the catalogue; a table that does not fit names its file, key and fix."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from exude.errors import UnitError
from exude.units import factor_to_internal, quantity, seconds

Status = Literal["measured", "derived", "transferred", "fitted", "assumed"]
Seen = Literal["T", "A", "L", "I", "C", "S", "D", "Q", "W", "none"]
"""How well a source was seen: Text, Abstract, Legend, Introduction, Code, Secondary, Derived, Qualitative, Weak."""

LARGEST = 1e60
"""No measured number is larger in any unit; factors between units must not make it infinite."""
Finite = Annotated[float, Field(allow_inf_nan=False, strict=True, ge=-LARGEST, le=LARGEST)]
"""A number; texts and true are none, though Python would take them."""
MOST_LOG_SD = 10
"""Largest spread of a natural logarithm."""
Positive = Annotated[Finite, Field(ge=0)]


def _known(unit: str) -> str:
    """A unit that the program can convert; ValueError, which names the key of the table, otherwise."""
    try:
        factor_to_internal(unit)
    except UnitError as problem:
        raise ValueError(str(problem)) from problem
    return unit


Unit = Annotated[str, AfterValidator(_known)]


class Table(BaseModel):
    """Base of all tables: unknown keys are errors, loaded tables never change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Spread(Table):
    """How uncertain a number is.

    `lognormal`: `sd` of the natural logarithm. `normal`: `sd`. `sem`: standard error of the mean `sem` with `n`.
    `range`: `low` to `high`. `unknown`: the source gives none.
    """

    kind: Literal["lognormal", "normal", "sem", "range", "unknown"]
    sd: Positive | None = None
    sem: Positive | None = None
    n: Annotated[int, Field(strict=True, ge=1)] | None = None
    low: Finite | None = None
    high: Finite | None = None

    @model_validator(mode="after")
    def _complete(self) -> Spread:
        needed = {"lognormal": ["sd"], "normal": ["sd"], "sem": ["sem"], "range": ["low", "high"], "unknown": []}
        missing = [key for key in needed[self.kind] if getattr(self, key) is None]
        if missing:
            raise ValueError(f"a spread of kind {self.kind!r} needs {' and '.join(missing)}")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError("the low end of a range lies above its high end: swap them")
        return self


class Number(Table):
    """One number with its origin."""

    value: Finite
    unit: Unit
    spread: Spread
    status: Status
    source: tuple[str, ...] = ()
    place: str = ""
    seen: Seen = "none"
    obtained: str
    meaning: str = ""

    @model_validator(mode="after")
    def _honest(self) -> Number:
        if self.status in ("measured", "transferred") and not self.source:
            raise ValueError(f"status {self.status!r} needs a source; with none it is 'assumed'")
        if self.status == "assumed" and self.source:
            raise ValueError("an assumed number carries no citation; say in 'obtained' why this value")
        if self.source and not self.place:
            raise ValueError("a cited number needs 'place': where in the source it stands")
        if self.log_sd > MOST_LOG_SD:
            raise ValueError(f"a spread of {self.log_sd:.3g} in the natural logarithm: a draw could be any number")
        return self

    @property
    def log_sd(self) -> float:
        """Standard deviation of the natural logarithm that this spread stands for."""
        s = self.spread
        if s.kind == "lognormal":
            return float(s.sd or 0.0)
        if s.kind == "normal" and self.value > 0:
            return math.log1p(float(s.sd or 0.0) / self.value)
        if s.kind == "sem" and self.value > 0:
            return math.log1p(float(s.sem or 0.0) / self.value)
        if s.kind == "range" and s.low is not None and s.high is not None and s.low > 0:
            return math.log(s.high / s.low) / (2 * 1.96)
        return 0.0


class Parameter(Number):
    """A number that a rate text reads under its symbol, or a literature quantity that backs one."""

    backed_by: tuple[str, ...] = ()
    """Names of literature quantities (files in `parameters/literature/`) from which the value was chosen."""
    prior: Spread | None = None
    """For a fitted number: the spread searched around `start`, before any data."""
    start: Finite | None = None
    """For a fitted number: the centre of the prior."""


class Level(Number):
    """Amount of one protein in a line, relative to the reference line."""

    rna_tpm: Finite | None = None
    rna_sd: Finite | None = None
    protein_log10: Finite | None = None
    conflict: str = ""
    """Where RNA and protein disagree: what each says."""


class CellLine(Table):
    """One cell line: protein levels and calcium handling relative to the reference line."""

    name: str
    aliases: tuple[str, ...] = ()
    tissue: str
    origin: str
    aggressiveness: str
    """In bench words, with its standing: who calls it so, or 'assumed'."""
    reference: str
    levels: dict[str, Level]
    notes: str = ""


class Effect(Table):
    """What a drug does to one target: dose d acts as maximum * d^hill / (potency^hill + d^hill)."""

    target: str
    mode: Literal["inhibit", "activate", "add", "chelate"]
    potency: Number
    hill: Number
    maximum: Number
    off_target: bool = False
    note: str = ""


class Drug(Table):
    """A drug or stimulus: its targets, modes, potencies, off-targets."""

    name: str
    aliases: tuple[str, ...] = ()
    kind: Literal["stimulus", "drug"]
    summary: str
    dose_unit: Unit
    usual_dose: str
    effects: tuple[Effect, ...]
    notes: str = ""

    @model_validator(mode="after")
    def _usual(self) -> Drug:
        try:
            quantity(self.usual_dose, self.dose_unit, what="usual_dose")
        except UnitError as problem:
            raise ValueError(str(problem)) from problem
        return self


class Relation(Table):
    """What a finding claims about condition against reference.

    `value` and `fold` are numbers with `low` and `high`, the stated error or a stated tolerance; `direction` is up,
    down or none; `absence` means less than `below` of the wild type's effect is left; `window` is a time window.
    """

    kind: Literal["value", "fold", "direction", "absence", "window", "relation"]
    value: Finite | None = None
    low: Finite | None = None
    high: Finite | None = None
    unit: Unit = ""
    direction: Literal["up", "down", "none", ""] = ""
    below: Finite | None = None
    error_from: Literal["source", "tolerance", "none"] = "none"
    """`source`: low and high are the reported error; `tolerance`: our choice, stated before fitting."""

    def contains(self, number: float) -> bool:
        """Whether a finite number lies within low and high; an end that is not given is open."""
        above = self.low is None or number >= self.low
        return math.isfinite(number) and above and (self.high is None or number <= self.high)


class Measure(Table):
    """How a finding is read off a run of single cells, so that `exude score` can do it without a line of code.

    `variable` of the assay's observable, at the labels of `select` where it has more axes than one; the assay reads
    the window from `start` to `stop` of a run that ends there.
    """

    variable: str
    select: dict[str, str] = {}
    start: str = "0 min"
    stop: str

    @model_validator(mode="after")
    def _times(self) -> Measure:
        try:
            start, stop = (seconds(text, what="time") for text in (self.start, self.stop))
        except UnitError as problem:
            raise ValueError(str(problem)) from problem
        if stop <= start:
            raise ValueError("the window ends before it starts: let `stop` come after `start`")
        return self


class Finding(Table):
    """One published observation, with its role decided before any fitting."""

    id: str
    says: str
    assay: str
    lines: tuple[str, ...]
    condition: tuple[str, ...]
    """Perturbations and stimuli as typed on the command line: 'knock-down UNC13D=0.1', 'stimulus ionomycin 5 uM'."""
    condition_seen: str
    """How the source states the condition, and what is not in the source."""
    reference_condition: tuple[str, ...] = ()
    relation: Relation
    role: Literal["fit", "hold-out"]
    scored: bool
    """Whether a single cell can show it and `exude reproduce` scores it."""
    statement: str = ""
    """Id of the row of `exude reproduce` that scores it; empty where none does."""
    rule: str
    """The rule behind the verdict, or why the finding is not scored."""
    seen: Seen
    place: str
    contradicts: tuple[str, ...] = ()
    obtained: str = ""
    measure: Measure | None = None
    """How `exude score` reads it; the study of 2018 reads its own findings in code."""


class Evidence(Table):
    """All findings of one paper."""

    source: str
    findings: tuple[Finding, ...]
    notes: str = ""


class Reading(Table):
    """A second, independent reading of a number against the literature."""

    value: Finite
    unit: Unit
    where: str
    agrees: bool
    note: str = ""


class Identity(Table):
    """Names of one thing in public databases, as compact identifiers: 'uniprot:Q70J99', 'GO:0005771'."""

    kind: Literal["gene", "line", "compound", "term", "reference"]
    terms: tuple[Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z.]*:[\w./-]+$")], ...]


class Gene(Table):
    """A gene of one's own: a level of the cell, and what of the cell it multiplies.

    Each factor is a rate text (docs/model.md) that reads the symbol and is 1 at a level of 1, so that the cell which
    was fitted stays itself: saturate(SNAP47, half_snap47).
    """

    symbol: Annotated[str, Field(pattern=r"^[A-Z][A-Z0-9]{1,19}$")]
    meaning: str
    multiplies: Annotated[dict[str, str], Field(min_length=1)]
    """Transition or definition of the cell -> factor."""
    varies: bool = True
    """Whether it differs from cell to cell (lognormal)."""
    because: tuple[str, ...] = ()
    levels: dict[str, Level] = {}
    """Line -> level relative to the reference line; 1 in lines that are not named."""
    notes: str = ""


class Mechanism(Table):
    """A rival mechanism of one's own: numbers that differ from the default, and texts put in the place of others."""

    name: Annotated[str, Field(min_length=1, max_length=60)]
    says: str
    because: tuple[str, ...] = ()
    values: dict[str, Finite | str] = {}
    """Parameter -> value with its unit ('0.5 1/h'), or a bare number where it has none."""
    texts: dict[str, str] = {}
    """Transition or definition of the cell -> its new rate text (docs/model.md)."""
    notes: str = ""

    @model_validator(mode="after")
    def _says_something(self) -> Mechanism:
        if not (self.values or self.texts):
            raise ValueError("a mechanism that changes nothing: give [values] or [texts]")
        return self


class Reference(Table):
    """Where a source stands, as far as it was seen."""

    author: str
    year: str
    title: str = ""
    journal: str = ""
    volume: str = ""
    pages: str = ""
    doi: str = ""
    pmid: str = ""
    url: str = ""
    note: str = ""
