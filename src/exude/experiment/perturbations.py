"""What one does to cells, in the nouns of the bench. Each is a frozen value; combine any number in any order."""

from __future__ import annotations

import math
from dataclasses import dataclass

from exude.cascade import ALL
from exude.catalog import read
from exude.errors import ProtocolError, UnitError, UnknownName, nearest, refuse
from exude.experiment.fluorescence import Dye, Fura2
from exude.units import dimension, quantity, seconds

MUTANTS: dict[str, dict[str, dict[str, float]]] = {
    "UNC13D": {
        "C2A*": {"mutant_c2a": 0.0},
        "C2B*": {"mutant_c2b": 0.0},
        "C2A*B*": {"mutant_c2a": 0.0, "mutant_c2b": 0.0},
        "Rab27a-binding-dead": {"mutant_rab27": 0.0},
        "Rab11-binding-dead": {"mutant_rab11": 0.0},
    }
}
"""Mutants by gene, as the calcium sites and partners they have lost."""

SOLUBLE = ("UNC13D", "UNC13D_mutant", "UNC13B", "ANXA6")
"""Proteins that a permeabilised cell loses unless cytosol is added."""


def genes() -> tuple[str, ...]:
    """Genes a perturbation may name, those of one's own catalogue last."""
    package = (level.symbol for level in ALL.levels if level.symbol.isupper() and level.symbol[0].isalpha())
    return (*package, *read.genes())


def check_gene(gene: str) -> str:
    """The gene's symbol, or UnknownName with the nearest one."""
    synonyms = {"MUNC13-4": "UNC13D", "MT1-MMP": "MMP14", "PD-L1": "CD274", "ALIX": "PDCD6IP", "HRS": "HGS",
                "NSMASE2": "SMPD3", "SERCA2": "ATP2A2", "CORTACTIN": "CTTN", "TETHERIN": "BST2", "RAB11": "RAB11A",
                "RAB7": "RAB7A", "MUNC13-2": "UNC13B"}  # fmt: skip
    if gene in genes():
        return gene
    meant = synonyms.get(str(gene).upper())
    if meant is not None:
        raise UnknownName(f"got {gene!r}; expected a gene symbol (HGNC). Write {meant!r}.")
    close = nearest(gene, genes())
    hint = f"; did you mean {' or '.join(repr(c) for c in close)}?" if close else ""
    raise UnknownName(f"got {gene!r}; expected a gene of the model{hint} `exude list genes` names all of them.")


def _number(value: float, what: str, low: float, high: float) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise refuse(UnitError, value, f"a finite number for {what}", f"Write a number from {low:g} to {high:g}.")
    if not low <= value <= high:
        raise refuse(UnitError, value, f"{what} from {low:g} to {high:g}", "1 is the untreated cell.")
    return float(value)


@dataclass(frozen=True)
class KnockDown:
    """Lower a protein to the share `to` of what the line has, for good (before the run begins)."""

    gene: str
    to: float = 0.1

    def __post_init__(self) -> None:
        check_gene(self.gene)
        _number(self.to, f"the level of {self.gene} left by a knock-down", 0.0, 1.0)

    @property
    def factor(self) -> float:
        """Factor on the level that the line has."""
        return float(self.to)


@dataclass(frozen=True)
class KnockOut:
    """Take a protein away, for good."""

    gene: str

    def __post_init__(self) -> None:
        check_gene(self.gene)

    @property
    def factor(self) -> float:
        """Factor on the level that the line has."""
        return 0.0


@dataclass(frozen=True)
class Overexpress:
    """Raise a protein `fold` times, for good."""

    gene: str
    fold: float = 2.0

    def __post_init__(self) -> None:
        check_gene(self.gene)
        _number(self.fold, f"the fold of {self.gene}", 1.0, 1e4)

    @property
    def factor(self) -> float:
        """Factor on the level that the line has."""
        return float(self.fold)


@dataclass(frozen=True)
class DominantNegative:
    """Express the dominant-negative form of RAB11A, RAB27A, RAB27B or RAB7A; little activity is left."""

    gene: str = "RAB11A"

    def __post_init__(self) -> None:
        check_gene(self.gene)
        if not self.gene.startswith("RAB"):
            raise refuse(
                ProtocolError, self.gene, "a Rab GTPase", "Only Rab proteins have a dominant-negative form here."
            )

    @property
    def factor(self) -> float:
        """Factor on the level that the line has."""
        return read.value("dominant_negative_left")


@dataclass(frozen=True)
class Rescue:
    """Re-express a protein, resistant to knock-down, at `level` of what the line normally has; wild type or mutant."""

    gene: str
    mutant: str = ""
    level: float = 1.0

    def __post_init__(self) -> None:
        check_gene(self.gene)
        _number(self.level, f"the level of rescued {self.gene}", 0.0, 1e4)
        known = MUTANTS.get(self.gene, {})
        if self.mutant and self.mutant not in known:
            valid = f"one of {', '.join(known)}" if known else "no mutant"
            owner = next((g for g, m in MUTANTS.items() if self.mutant in m), "")
            fix = f"{self.mutant} is a mutant of {owner}." if owner else "Leave `mutant` out for wild type."
            raise refuse(ProtocolError, self.mutant, f"{valid} for {self.gene}", fix, known)


@dataclass(frozen=True)
class Drug:
    """Add a drug of the catalogue at a dose, from `at` until `until` (default: the end of the run)."""

    name: str
    dose: str
    at: str = "0 min"
    until: str = ""

    def __post_init__(self) -> None:
        table = read.drug(self.name)
        quantity(self.dose, table.dose_unit, what=f"dose of {table.name}")
        _window(self.at, self.until, table.name)

    @property
    def amount(self) -> float:
        """Dose in the drug's own unit."""
        return quantity(self.dose, read.drug(self.name).dose_unit, what=f"dose of {self.name}")

    @property
    def window(self) -> tuple[float, float]:
        """Start and end in s; the end is infinite where none was given."""
        return _window(self.at, self.until, self.name)


@dataclass(frozen=True)
class Stimulus(Drug):
    """Add a stimulus of the catalogue (ionomycin, histamine, ...): a drug by another name."""


@dataclass(frozen=True)
class External:
    """Change the medium's calcium, from `at` until `until`."""

    calcium: str
    at: str = "0 min"
    until: str = ""

    def __post_init__(self) -> None:
        quantity(self.calcium, "uM", what="external calcium")
        _window(self.at, self.until, "external calcium")

    @property
    def amount(self) -> float:
        """Calcium in uM."""
        return quantity(self.calcium, "uM", what="external calcium")

    @property
    def window(self) -> tuple[float, float]:
        """Start and end in s; the end is infinite where none was given."""
        return _window(self.at, self.until, "external calcium")


@dataclass(frozen=True)
class Permeabilised:
    """Open cells: calcium is the chosen one, soluble proteins are those of the added cytosol (1 = a cell's own)."""

    calcium: str = "0.1 uM"
    cytosol: float = 1.0
    at: str = "0 min"
    until: str = ""

    def __post_init__(self) -> None:
        quantity(self.calcium, "uM", what="calcium of permeabilised cells")
        _number(self.cytosol, "the share of cytosol", 0.0, 10.0)
        _window(self.at, self.until, "permeabilised cells")

    @property
    def amount(self) -> float:
        """Calcium in uM."""
        return quantity(self.calcium, "uM", what="calcium of permeabilised cells")

    @property
    def window(self) -> tuple[float, float]:
        """Start and end in s; the end is infinite where none was given."""
        return _window(self.at, self.until, "permeabilised cells")


@dataclass(frozen=True)
class CalciumTrace:
    """Use a measured calcium curve (CSV file) in place of the calcium equations, for every cell.

    file: columns of time and calcium whose header names the units: `time_s,calcium_uM`, or `time_min` and
    `calcium_nM`. With a `dye` it holds light instead: `time_s,f340,f380` or `time_s,ratio` for Fura2,
    `time_s,fluorescence` for SingleWavelength, calibrated by the dye's numbers.
    gaps: 'refuse', or 'line' to bridge empty cells (and, with a dye, jumps of more than ten time steps) by a line.
    outside: 'refuse', or 'clip' to hold readings beyond the calibration at its ends.
    draw: (seed, number) takes one of the curves that the errors allow (see `calcium_ensemble`).
    The curve's first value holds before it begins and its last one after it ends. DataError for a bad file, when run.
    Valid when: calcium is common to the whole cell and the dye follows it without delay.
    """

    file: str
    dye: Dye | None = None
    gaps: str = "refuse"
    outside: str = "refuse"
    draw: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name, ways in (("gaps", ("refuse", "line")), ("outside", ("refuse", "clip"))):
            if getattr(self, name) not in ways:
                raise refuse(
                    ProtocolError, getattr(self, name), f"{name} {' or '.join(map(repr, ways))}", "Choose one.", ways
                )
        draw = self.draw if self.draw is not None else (0, 0)
        if len(draw) != 2 or not all(isinstance(d, int) and d >= 0 for d in draw):
            raise refuse(ProtocolError, draw, "draw of two whole numbers >= 0 (seed, number)", "Write draw=(1, 0).")


@dataclass(frozen=True)
class CalciumModel:
    """Use the calcium of an SBML model in place of the calcium equations, for every cell.

    file: SBML (core, ordinary differential equations), simulated by libRoadRunner: pip install 'exude[sbml]'.
    species: id or name of cytosolic calcium, a species or a parameter with a rule; empty finds it by its annotation
    (CHEBI:29108) or its usual names. unit, time_unit: where the file declares none ('uM', 's').
    settle: time that the model runs before the run begins, so that it starts from its own settled state ('1 h').
    The model's curve begins at time 0 of the run; its first value holds during the burn-in.
    DataError for a file that cannot be used, when run.
    Valid when: the model's calcium is free calcium of the cytosol, and nothing of this program acts back on it.
    """

    file: str
    species: str = ""
    unit: str = ""
    time_unit: str = ""
    settle: str = ""

    def __post_init__(self) -> None:
        for given, expected in ((self.unit, "uM"), (self.time_unit, "s")):
            if given and dimension(given) != dimension(expected):
                raise refuse(
                    UnitError, given, f"a unit that converts to {expected!r}", f"Write for example {expected!r}."
                )
        _ = self.settle_seconds

    @property
    def settle_seconds(self) -> float:
        """Time before the run in s."""
        return seconds(self.settle, what="settle") if self.settle else 0.0


Perturbation = (
    KnockDown
    | KnockOut
    | Overexpress
    | DominantNegative
    | Rescue
    | Drug
    | Stimulus
    | External
    | Permeabilised
    | CalciumTrace
    | CalciumModel
)

LASTING = (KnockDown, KnockOut, Overexpress, DominantNegative, Rescue)
"""Perturbations that a culture has for good."""


def say(what: Perturbation) -> str:
    """A perturbation in bench words, for tables, figures and methods sections."""
    match what:
        case KnockDown(gene, to):
            return f"{gene} knock-down to {to:g}"
        case KnockOut(gene):
            return f"{gene} knock-out"
        case Overexpress(gene, fold):
            return f"{gene} over-expressed {fold:g}-fold"
        case DominantNegative(gene):
            return f"dominant-negative {gene}"
        case Rescue(gene, mutant, level):
            amount = "" if level == 1 else f" at {level:g}"
            return f"rescue with {mutant or 'wild-type'} {gene}{amount}"
        case Drug(name, dose, at, until):
            return f"{name} {dose} at {at}" + (f" until {until}" if until else "")
        case External(calcium, at, until):
            return f"external calcium {calcium} at {at}" + (f" until {until}" if until else "")
        case Permeabilised(calcium, cytosol, at, until):
            return f"permeabilised, calcium {calcium}, cytosol {cytosol:g}, at {at}" + (
                f" until {until}" if until else ""
            )
        case CalciumTrace(file, dye):
            light = f" ({dye.kinds[0] if isinstance(dye, Fura2) else dye.indicator})" if dye else ""
            return f"calcium from {file}{light}" + (f", draw {what.draw[1]}" if what.draw else "")
        case CalciumModel(file, species):
            return f"calcium from the model {file}" + (f" ({species})" if species else "")
    raise AssertionError(what)


def _window(at: str, until: str, what: str) -> tuple[float, float]:
    start = seconds(at, what=f"start of {what}")
    stop = seconds(until, what=f"end of {what}") if until else math.inf
    if stop <= start:
        raise ProtocolError(f"{what}: it ends at {until} before it starts at {at}. Let `until` come after `at`.")
    return start, stop
