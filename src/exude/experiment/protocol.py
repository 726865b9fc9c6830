"""From bench words to arrays: levels of a line under perturbations, and the segments of a run."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from exude.cascade import CELL
from exude.catalog import read
from exude.catalog.schema import CellLine, Effect
from exude.derive.symbols import Symbols
from exude.engine import numbers as exact
from exude.engine import streams
from exude.engine.layout import Floats, Ints, Timeline
from exude.errors import ProtocolError, refuse
from exude.experiment.perturbations import (
    MUTANTS,
    SOLUBLE,
    CalciumModel,
    CalciumTrace,
    DominantNegative,
    Drug,
    External,
    KnockDown,
    KnockOut,
    Overexpress,
    Permeabilised,
    Perturbation,
    Rescue,
    say,
)  # fmt: skip
from exude.experiment.traces import given_curve
from exude.model import Cascade
from exude.units import factor_to_internal, quantity, say_seconds

CALCIUM_GENES = ("ORAI1", "STIM1", "TRPC1", "ITPR3", "ATP2A2", "ATP2B1")
LEVELS = tuple(level.symbol for level in CELL.levels)
PLACE = {name: i for i, name in enumerate(LEVELS)}
"""Where the cell's levels stand; the levels of its surroundings come after them (`places`)."""
VARYING = tuple(level.symbol for level in CELL.levels if level.varies)


def varying(cascade: Cascade) -> tuple[str, ...]:
    """Levels of genes of one's own that differ from cell to cell; they come after those of `CELL`."""
    return tuple(level.symbol for level in cascade.levels if level.varies and level.symbol in read.genes())


def refuse_own(genes: Iterable[str], cascade: Cascade) -> None:
    """ProtocolError for a gene of one's own that a model does not have: leaving it out would be no answer."""
    for gene in genes:
        if gene in read.genes() and gene not in places(cascade):
            where = "simulate, summarise and expect know it; tissues, bodies, fits and exported files do not yet"
            fix = "Leave it out here."
            raise refuse(ProtocolError, gene, f"a gene of this model; it is one of your own, and {where}", fix)


def places(cascade: Cascade) -> dict[str, int]:
    """Where each level of a cascade stands."""
    return {level.symbol: i for i, level in enumerate(cascade.levels)}


@dataclass(frozen=True)
class Numbers:
    """Values of all parameters in internal units, for one run."""

    values: dict[str, float]

    @staticmethod
    def default() -> Numbers:
        """The catalogue's values."""
        return Numbers({name: read.value(name) for name in read.parameters()})

    def but(self, **changed: float) -> Numbers:
        """The same with some values changed (internal units); refused by name where a value cannot be."""
        return Numbers(self.values | {name: read.checked(name, value) for name, value in changed.items()})

    def vector(self, symbols: Symbols) -> Floats:
        """The values a kernel reads, in its order."""
        return np.array([self.values[name] for name in symbols.parameters])

    def __getitem__(self, name: str) -> float:
        return self.values[name]


@dataclass(frozen=True)
class Genotype:
    """A line under its lasting perturbations: the share of every level that the line has, and what is re-expressed."""

    line: CellLine | None
    """None has normal levels."""
    perturbations: tuple[Perturbation, ...]
    cascade: Cascade = CELL
    """Whose levels; what a perturbation does to others is left out."""
    own: Mapping[str, float] = field(default_factory=dict)
    """Levels that this kind of cell has whatever its line."""

    def medians(self, numbers: Numbers) -> Floats:
        """Median level of each symbol, (level,)."""
        changed = [getattr(what, "gene", "") for what in self.perturbations]
        changed += [gene for gene, level in (self.line.levels if self.line else {}).items() if level.value != 1]
        refuse_own(changed, self.cascade)
        place = places(self.cascade)
        normal = np.array([level.normal for level in self.cascade.levels])
        for gene, level in (self.line.levels if self.line else {}).items():
            if gene in place:
                power = numbers["rna_to_activity"] if gene in CALCIUM_GENES else 1.0
                normal[place[gene]] = exact.power(level.value, power) if level.value > 0 else 0.0
        for name, value in self.own.items():
            normal[place[name]] = value
        out = normal.copy()
        for what in self.perturbations:
            gene = getattr(what, "gene", "")
            if gene not in place:
                continue
            if isinstance(what, KnockDown | KnockOut | Overexpress):
                out[place[gene]] *= what.factor
            elif isinstance(what, DominantNegative):
                out[place[gene]] *= numbers["dominant_negative_left"]
        for rescue in self._rescues():
            symbol = "UNC13D_mutant" if rescue.mutant else rescue.gene
            if symbol in place:
                out[place[symbol]] += rescue.level * normal[place[rescue.gene]]
            for name, value in MUTANTS.get(rescue.gene, {}).get(rescue.mutant, {}).items():
                out[place[name]] = value
        return out

    def _rescues(self) -> list[Rescue]:
        rescues = [what for what in self.perturbations if isinstance(what, Rescue)]
        mutants = {r.mutant for r in rescues if r.mutant}
        if len(mutants) > 1:
            raise ProtocolError(
                f"two mutants at once: {', '.join(sorted(mutants))}. Rescue one culture with one mutant."
            )
        return rescues


@dataclass(frozen=True)
class Cells:
    """Levels of single cells: lognormal about the medians, part of the spread shared by all proteins of a cell."""

    medians: Floats
    numbers: Numbers
    seed: int
    alike: bool = False
    cascade: Cascade = CELL

    def levels(self, cells: Ints) -> Floats:
        """(cell, level); the same row for the same numbered cell in any chunk."""
        base = np.tile(self.medians, (len(cells), 1))
        if self.alike:
            return base
        z = exact.normal(streams.uniforms(self.seed, streams.Purpose.LEVELS, cells, len(VARYING) + 1))
        shared, n = self.numbers["spread_shared"], self.numbers
        for column, gene in enumerate(VARYING, 1):
            sd = n["spread_calcium"] if gene in CALCIUM_GENES else n["spread_levels"]
            factor = exact.exp(sd * (math.sqrt(shared) * z[:, 0] + math.sqrt(1 - shared) * z[:, column]))
            base[:, PLACE[gene]] *= factor
            if gene == "UNC13D":
                base[:, PLACE["UNC13D_mutant"]] *= factor
        self._vary_own(base, z[:, 0], cells)
        return base

    def _vary_own(self, base: Floats, common: Floats, cells: Ints) -> None:
        """Genes of one's own draw from a turn of their own, so that the cell's other proteins stay as they are."""
        own = varying(self.cascade)
        if not own:
            return
        z = exact.normal(streams.uniforms(self.seed, streams.Purpose.LEVELS, cells, len(own), turn=1))
        shared, sd, place = self.numbers["spread_shared"], self.numbers["spread_levels"], places(self.cascade)
        for column, gene in enumerate(own):
            base[:, place[gene]] *= exact.exp(sd * (math.sqrt(shared) * common + math.sqrt(1 - shared) * z[:, column]))


@dataclass(frozen=True)
class Protocol:
    """What is done to the culture, when, and when it is read (all in s; the run begins at 0 after a burn-in)."""

    perturbations: tuple[Perturbation, ...]
    duration: float
    every: float
    burn_in: float
    snapshots: tuple[float, ...] = ()
    log_moves: bool = False
    numbers: Numbers = field(default_factory=Numbers.default)
    cascade: Cascade = CELL
    """Whose levels drugs may change; what they do to others is left out."""

    def __post_init__(self) -> None:
        drugs = [read.drug(what.name) for what in self.acute if isinstance(what, Drug)]
        refuse_own((effect.target for drug in drugs for effect in drug.effects), self.cascade)
        for what in self.acute:
            start, stop = what.window
            if start >= self.duration:
                end = say_seconds(self.duration)
                raise ProtocolError(f"{say(what)}: it starts after the end of the run ({end}). Lengthen `duration`.")
            if stop != math.inf and stop > self.duration:
                end = say_seconds(self.duration)
                raise ProtocolError(
                    f"{say(what)}: it ends after the end of the run ({end}). Lengthen `duration` or drop `until`."
                )
        self._refuse_overlap()
        for at in self.snapshots:
            if not 0 <= at <= self.duration:
                raise ProtocolError(
                    f"a snapshot at {say_seconds(at)} lies outside the run of {say_seconds(self.duration)}."
                )

    @cached_property
    def acute(self) -> tuple[Drug | External | Permeabilised, ...]:
        """Perturbations that have a time, those of dose 0 left out: they do nothing."""
        timed = [w for w in self.perturbations if isinstance(w, Drug | External | Permeabilised)]
        return tuple(w for w in timed if not (isinstance(w, Drug) and w.amount == 0))

    @cached_property
    def output_times(self) -> Floats:
        """Times at which counts are recorded, 0 first and the end last."""
        steps = math.floor(self.duration / self.every + 1e-9)
        times = [self.every * i for i in range(steps + 1)]
        if self.duration - times[-1] > 1e-6 * self.duration:
            times.append(self.duration)
        else:
            times[-1] = self.duration
        return np.array(times)

    def timeline(self) -> Timeline:
        """Intervals and segments as the kernels read them."""
        changes = [t for w in self.acute for t in w.window if 0 < t < self.duration]
        multiply: list[Floats] = []
        add: list[Floats] = []
        starts_at: list[float] = []
        for t in [-self.burn_in, 0.0, *sorted(set(changes))]:
            m, a = self._segment(t)
            if multiply and np.array_equal(m, multiply[-1]) and np.array_equal(a, add[-1]):
                continue
            multiply.append(m)
            add.append(a)
            starts_at.append(t)
        borders = sorted({*self.output_times, *starts_at[1:], *self.snapshots})
        ends = np.array(borders)
        begins = np.array([-self.burn_in, *borders[:-1]])
        segment = np.searchsorted(np.array(starts_at), begins, side="right") - 1
        row = {t: i for i, t in enumerate(self.output_times)}
        given_at, given = self._given()
        return Timeline(
            begin=np.array([-self.burn_in]),
            first=np.array([0, len(ends)]),
            end=ends,
            segment=segment.astype(np.int64),
            starts=np.isin(begins, starts_at).astype(np.int64),
            output=np.array([row.get(t, -1) for t in borders], np.int64),
            snapshot=np.isin(ends, np.array(self.snapshots)).astype(np.int64),
            multiply=np.array(multiply),
            add=np.array(add),
            given_at=given_at,
            given=given,
            log_moves=int(self.log_moves),
        )

    def _given(self) -> tuple[Floats, Floats]:
        curves = [w for w in self.perturbations if isinstance(w, CalciumTrace | CalciumModel)]
        if len(curves) > 1:
            raise ProtocolError(f"two calcium curves at once: {', '.join(w.file for w in curves)}. A culture has one.")
        return given_curve(curves[0], self.duration) if curves else (np.zeros(0), np.zeros(0))

    def _segment(self, t: float) -> tuple[Floats, Floats]:
        """Factors and additions on levels at time t."""
        multiply, add = np.ones(len(self.cascade.levels)), np.zeros(len(self.cascade.levels))
        active = [w for w in self.acute if w.window[0] <= t < w.window[1]]
        for what in sorted(active, key=repr):
            if isinstance(what, Drug):
                for effect in read.drug(what.name).effects:
                    if effect.mode != "chelate":
                        self._apply(effect, what.amount, multiply, add)
            else:
                multiply[PLACE["medium"]] = 0.0
                add[PLACE["external_calcium"]] = what.amount
                if isinstance(what, Permeabilised):
                    self._open(what, multiply, add)
        for what in active:
            if isinstance(what, Drug):
                for effect in read.drug(what.name).effects:
                    if effect.mode == "chelate":
                        self._chelate(effect, what, multiply, add)
        return multiply, add

    def _apply(self, effect: Effect, dose: float, multiply: Floats, add: Floats) -> None:
        size = effect_size(effect, dose)
        own = places(self.cascade)
        for place in (own[target] for target in hit(effect.target) if target in own):
            if effect.mode == "add":
                add[place] += size
            else:
                multiply[place] *= 1 - size if effect.mode == "inhibit" else 1 + size

    def _chelate(self, effect: Effect, what: Drug, multiply: Floats, add: Floats) -> None:
        """Free calcium left by a 1:1 chelator in the medium."""
        medium, extra = PLACE["medium"], PLACE["external_calcium"]
        total = self.numbers["medium_calcium"] * multiply[medium] + add[extra]
        chelator = quantity(f"{what.amount!r} {read.drug(what.name).dose_unit}", "uM", what="dose")
        kd = effect.potency.value * factor_to_internal(effect.potency.unit)
        b = total - chelator - kd
        free = (b + math.sqrt(b * b + 4 * kd * total)) / 2
        share = free / total if total > 0 else 1.0
        multiply[medium] *= share
        add[extra] *= share

    def _open(self, what: Permeabilised, multiply: Floats, add: Floats) -> None:
        add[PLACE["pore"]] += self.numbers["pore_open"]
        for symbol in SOLUBLE:
            multiply[PLACE[symbol]] *= what.cytosol

    def _refuse_overlap(self) -> None:
        def name(what: Perturbation) -> str:
            return read.drug(what.name).name if isinstance(what, Drug) else type(what).__name__

        ordered = sorted(self.acute, key=lambda w: w.window)
        for i, a in enumerate(ordered):
            for b in ordered[i + 1 :]:
                if name(a) == name(b) and b.window[0] < a.window[1]:
                    fix = "Let the first end (`until`) before the second starts, or give one dose."
                    raise ProtocolError(f"overlapping: {say(a)} and {say(b)}. {fix}")


def hit(target: str) -> tuple[str, ...]:
    """Levels on which a drug on `target` acts: a mutant as on the protein itself."""
    return (target, "UNC13D_mutant") if target == "UNC13D" else (target,)


def effect_size(effect: Effect, dose: float) -> float:
    """Size of a drug effect at a dose (in the drug's unit): maximum * d^hill / (potency^hill + d^hill)."""
    if dose <= 0:
        return 0.0
    top = effect.maximum.value * factor_to_internal(effect.maximum.unit)
    return float(top / (1 + exact.power(effect.potency.value / dose, effect.hill.value)))
