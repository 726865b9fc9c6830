"""Laws of what one does to cells, checked on examples that Hypothesis makes up."""

from __future__ import annotations

import copy
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import exude
from exude import (
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
from exude.catalog import read
from exude.engine.layout import Floats, Timeline
from exude.experiment.perturbations import MUTANTS, Perturbation, genes
from exude.experiment.protocol import Cells, Genotype, Numbers, Protocol

LINE = read.line("MDA-MB-231")
OTHER = read.line("MCF-7")
NUMBERS = Numbers.default()
HOUR = 3600.0

GENES = st.sampled_from(genes())
SHARES = st.floats(0.0, 1.0)
FOLDS = st.floats(1.0, 50.0)
LINES = st.sampled_from([read.line(name) for name in read.lines()])


def lasting(gene: st.SearchStrategy[str]) -> st.SearchStrategy[Perturbation]:
    """Any perturbation of one gene's amount."""
    return st.one_of(
        st.builds(KnockDown, gene, to=SHARES), st.builds(KnockOut, gene), st.builds(Overexpress, gene, fold=FOLDS)
    )


@st.composite
def drugs(draw: st.DrawFn) -> Drug:
    """A drug at a share of its usual dose, in a window of a two-hour run."""
    table = read.drug(draw(st.sampled_from(sorted(read.drugs()))))
    number, unit = table.usual_dose.split(" ", 1)
    dose = float(number) * draw(st.floats(0.01, 10.0))
    start, length = draw(st.integers(0, 100)), draw(st.integers(1, 20))
    return draw(st.sampled_from([Drug, Stimulus]))(
        table.name, f"{dose!r} {unit}", at=f"{start} min", until=f"{start + length} min"
    )


def medians(*what: Perturbation, line: object = LINE) -> Floats:
    return Genotype(line, tuple(what)).medians(NUMBERS)


def timeline(*what: Perturbation) -> Timeline:
    return Protocol(tuple(what), 2 * HOUR, 60.0, HOUR, (), False, NUMBERS).timeline()


def same_timeline(one: Timeline, two: Timeline) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, two, strict=True))


def test_there_are_genes_and_drugs_to_draw_from() -> None:
    needed = "UNC13D RAB11A RAB27A RAB27B RAB7A STX4 SNAP23 VAMP7 SMPD3 HGS PDCD6IP ANXA6 CTTN ORAI1 STIM1 ATP2A2 ATP2B1 ITPR3 MMP14 CD274 CD63"
    assert set(needed.split()) <= set(genes())
    assert len(read.drugs()) >= 18


@given(st.sampled_from(sorted(read.drugs())), st.sampled_from([0, 0.0]))
def test_dose_zero_changes_nothing(name: str, zero: float) -> None:
    unit = read.drug(name).dose_unit
    assert same_timeline(timeline(Drug(name, f"{zero} {unit}")), timeline())


@given(GENES, LINES)
def test_what_takes_nothing_away_is_nothing(gene: str, line: object) -> None:
    for nothing in (KnockDown(gene, to=1.0), Overexpress(gene, fold=1.0), Rescue(gene, level=0.0)):
        np.testing.assert_array_equal(medians(nothing, line=line), medians(line=line))


@given(GENES, LINES)
def test_knock_out_then_wild_type_rescue_is_wild_type(gene: str, line: object) -> None:
    np.testing.assert_array_equal(medians(KnockOut(gene), Rescue(gene), line=line), medians(line=line))
    np.testing.assert_array_equal(medians(Rescue(gene), KnockOut(gene), line=line), medians(line=line))


@given(st.data(), LINES)
def test_different_targets_commute(data: st.DataObject, line: object) -> None:
    """Bitwise, for any number of genes and any order."""
    chosen = data.draw(st.lists(GENES, min_size=2, max_size=6, unique=True))
    what = [data.draw(lasting(st.just(gene))) for gene in chosen]
    mixed = data.draw(st.permutations(what))
    np.testing.assert_array_equal(medians(*what, line=line), medians(*mixed, line=line))


@given(st.lists(lasting(GENES), max_size=6), st.integers(0, 1000))
def test_order_never_matters(what: list[Perturbation], seed: int) -> None:
    """Nor on one target, but for the last bit of a product."""
    mixed = random.Random(seed).sample(what, len(what))
    np.testing.assert_allclose(medians(*what), medians(*mixed), rtol=1e-14)


@given(st.lists(drugs(), max_size=4, unique_by=lambda d: d.name), st.booleans(), st.integers(0, 1000))
def test_drugs_in_any_order_are_one_timeline(what: list[Drug], medium: bool, seed: int) -> None:
    both = [*what, *([External("0.5 mM", at="10 min", until="60 min")] if medium else [])]
    mixed = random.Random(seed).sample(both, len(both))
    assert same_timeline(timeline(*both), timeline(*mixed))


@given(st.lists(drugs(), max_size=3, unique_by=lambda d: d.name), st.lists(lasting(GENES), max_size=3))
def test_drugs_leave_the_genotype_alone_and_genes_the_timeline(acute: list[Drug], fixed: list[Perturbation]) -> None:
    np.testing.assert_array_equal(medians(*acute, *fixed), medians(*fixed))
    assert same_timeline(timeline(*acute, *fixed), timeline(*acute))


@given(st.lists(st.one_of(drugs(), lasting(GENES)), max_size=4, unique_by=lambda w: getattr(w, "name", repr(w))))
def test_inputs_are_never_changed(what: list[Perturbation]) -> None:
    before, numbers = copy.deepcopy(what), dict(NUMBERS.values)
    line = LINE.model_dump_json()
    medians(*what)
    timeline(*what)
    assert what == before
    assert NUMBERS.values == numbers == Numbers.default().values
    assert line == LINE.model_dump_json()


@pytest.mark.parametrize("what", [KnockDown("UNC13D"), Drug("EGTA", "2 mM"), Rescue("UNC13D", "C2A*"), Settings()])
def test_perturbations_are_values(what: object) -> None:
    """Frozen; and the text of each builds it again."""
    with pytest.raises(AttributeError):
        what.gene = "RAB11A"
    if not isinstance(what, Settings):
        names = {name: getattr(exude, name) for name in exude.__all__}
        assert type(what)(**vars(what)) == what
        assert repr(what).partition("(")[0] in names


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_less_protein_is_left_by_a_deeper_knock_down(one: float, two: float) -> None:
    a, b = sorted((one, two))
    assert (medians(KnockDown("UNC13D", to=a)) <= medians(KnockDown("UNC13D", to=b))).all()


@pytest.mark.parametrize("mutant", MUTANTS["UNC13D"])
def test_a_mutant_stands_beside_the_wild_type(mutant: str) -> None:
    """Only the mutant's own levels move."""
    changed = np.flatnonzero(medians(Rescue("UNC13D", mutant)) != medians())
    assert len(changed) == 1 + len(MUTANTS["UNC13D"][mutant])


@given(st.integers(0, 2**31), st.integers(1, 40), st.integers(1, 40))
def test_a_cell_is_the_same_cell_in_any_chunk(seed: int, first: int, size: int) -> None:
    cells = Cells(medians(line=OTHER), NUMBERS, seed)
    whole = cells.levels(np.arange(80))
    np.testing.assert_array_equal(cells.levels(np.arange(first, first + size)), whole[first : first + size])


# The same laws on whole runs, bit by bit.

SHORT = Settings(burn_in="2 h", every="5 min", threads=1)
STIMULUS = Stimulus("ionomycin", "5 uM", at="5 min", until="20 min")


def run(*what: Perturbation, config: Settings = SHORT, seed: int = 3) -> exude.Run:
    return exude.simulate("MDA-MB-231", *what, duration="30 min", cells=8, seed=seed, settings=config)


def assert_same_run(one: exude.Run, two: exude.Run) -> None:
    for table in ("data", "events", "vesicles"):
        assert getattr(one, table).equals(getattr(two, table)), table


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ((STIMULUS,), (STIMULUS, Drug("BAPTA-AM", "0 uM", at="1 min"))),
        ((STIMULUS,), (Stimulus("ionomycin", "0 nM"), STIMULUS)),
        ((STIMULUS,), (KnockOut("UNC13D"), STIMULUS, Rescue("UNC13D"))),
        ((STIMULUS,), (KnockDown("RAB11A", to=1), STIMULUS)),
        ((STIMULUS, KnockDown("RAB7A", to=0.3), DominantNegative()), (DominantNegative(), KnockDown("RAB7A", to=0.3), STIMULUS)),
        ((Drug("EGTA", "1 mM"), STIMULUS), (STIMULUS, Drug("EGTA", "1 mM"))),
        ((Stimulus("ionomycin", "5 uM"),), (Drug("ionomycin", "5000 nM"),)),
        ((External("1.8 mM"), Permeabilised("1 uM", at="9 min")), (Permeabilised("1 uM", at="9 min"), External("1.8 mM"))),
    ],
)  # fmt: skip
def test_laws_hold_bit_by_bit(one: tuple[Perturbation, ...], two: tuple[Perturbation, ...]) -> None:
    assert_same_run(run(*one), run(*two))


def test_a_knock_down_is_not_nothing() -> None:
    """The comparison above can fail."""
    with pytest.raises(AssertionError):
        assert_same_run(run(STIMULUS), run(STIMULUS, KnockDown("UNC13D", to=0.1)))
    with pytest.raises(AssertionError):
        assert_same_run(run(), run(seed=4))


@settings(max_examples=3)
@given(st.integers(0, 2**40))
def test_the_seed_alone_decides(seed: int) -> None:
    assert_same_run(
        run(STIMULUS, seed=seed), run(STIMULUS, seed=seed, config=Settings(burn_in="2 h", every="5 min", threads=2))
    )
