"""Recipients in a whole tissue: uptake, transfer of oncogenes, return and fixation, changes of kind, refusals.

Statistical checks are held to |z| < LIMIT of tests/compare.py, a chance of 5e-8 each; there are about a dozen, so the
file fails by chance less than once in a million runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import xarray as xr

from compare import LIMIT
from exude.engine.body import STAYS, Body, log_mean
from exude.engine.mean_secretion import SAMPLE, MeanSecretion
from exude.engine.secretion import Vesicles
from exude.engine.tissue import Tissue as Running
from exude.errors import DataError, ExudeError, ProtocolError, UnknownName
from exude.experiment.arrange import Among, Mixture, Scattered
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.exosome_uptake import ExosomeUptake
from exude.experiment.assays.gene_transfer import GeneTransfer
from exude.experiment.assays.measures import reading
from exude.experiment.matrix import Gel, Matrix, Plastic
from exude.experiment.perturbations import Drug, KnockDown, KnockOut
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue
from mixed import by_id, count, dish, field, of_kind, placed, pool, rows_of, same_bits, window

CLOSED = {"k_escape": 0.0}
"""Nothing leaves with the medium."""
HALF = Numbers.default()["half_uptake"]


def within(seen: float, cells: int, chance: float) -> bool:
    """Whether a count of cells is one of a binomial law."""
    return abs(seen - cells * chance) <= LIMIT * math.sqrt(cells * chance * (1 - chance)) + 1


# --- uptake -----------------------------------------------------------------------------------------------------------


def held(amount: float, *names: str) -> Callable[[Running], None]:
    """Write amounts into fields, the same everywhere."""

    def write(tissue: Running) -> None:
        for name in names:
            field(tissue, name)[...] = amount

    return write


@pytest.mark.parametrize("kind", ["transformed", "normal", "fibroblast"])
def test_uptake_saturates(kind: str) -> None:
    """dN/dt = v m E / (K + E) for E from far below to far above K, in steps so short that cells take next to none of it."""
    n = Numbers.default()
    ease = n[f"uptake_ease_{kind}"] if kind != "transformed" else 1.0
    for share in (1e-3, 0.1, 1.0, 10.0, 1e3):
        alone = dish(placed((kind, 90.0, 90.0, 0.0)), 180.0, CLOSED, step="1 s", every="20 s", duration="20 s")
        tissue = window(alone.plan().begin(), held(share * HALF, "exosomes"))
        expected = 20.0 * n["most_uptake"] * ease * share / (1.0 + share)
        assert pool(tissue, "exosomes_in")[0] == pytest.approx(expected, rel=0.02), share


@pytest.mark.parametrize("matrix", [Plastic(), Gel()])
def test_what_cells_take_is_what_places_lose(matrix: Matrix) -> None:
    """Packed cells of three kinds: the sum of `exosomes_in` against the count of the field, at the step of the catalogue.

    Cells that read what is left at the end of a step would take 41 % too many on plastic.
    """
    cells = Mixture({"tumour": 40, "fibroblast": 20, "normal": 20})
    tissue = window(dish(cells, 240.0, {}, matrix=matrix, burn_in="8 h", seed=2).plan().begin(), windows=6)
    taken = tissue.series()["amount_exosomes_taken"]
    assert taken > 3000.0 and pool(tissue, "exosomes_in").sum() == pytest.approx(taken, rel=0.05)


def test_a_logarithmic_mean_is_what_is_met_on_average() -> None:
    a, b = np.array([2.0, 1.0, 3.0, 1.0, 0.0, 5.0]), np.array([1.0, 2.0, 3.0, 1.0 + 1e-9, 1.0, 0.0])
    assert np.allclose(log_mean(a, b), [1 / math.log(2), 1 / math.log(2), 3.0, 1.0, 0.0, 0.0], rtol=1e-9)


# --- transformation ---------------------------------------------------------------------------------------------------

MANY = 900
ONCOGENE = ("exosomes", "bound_exosomes", "exosomal_oncogene", "bound_oncogene")


def recipients(kind: str = "fibroblast", number: int = MANY, seed: int = 1, **changed: float) -> Running:
    """Recipients far from each other, whose message is not lost."""
    side = 40.0 * math.ceil(math.sqrt(number))
    kept = CLOSED | {"k_message_loss": 0.0} | changed
    return dish(placed(*rows_of(kind, number, 40.0)), side, kept, voxel="40 um", seed=seed).plan().begin()


def fed(copies: float) -> Callable[[Running], None]:
    """Exosomes that carry so many copies each, everywhere the same."""

    def write(tissue: Running) -> None:
        one = tissue.setup.parameters[tissue.setup.space.parameters.index("substance_of_one")]
        held(HALF, "exosomes")(tissue)
        held(HALF * copies * one, "exosomal_oncogene")(tissue)

    return write


@pytest.mark.parametrize("kind", ["fibroblast", "normal"])
def test_transformation_has_its_closed_form(kind: str) -> None:
    """P = 1 - exp(-chance susceptible copies), copies the message that was not lost; a doubled chance is seen."""
    chance = 5e-4 if kind == "fibroblast" else 3e-2
    tissue = window(recipients(kind, transform_chance=chance), fed(100.0))
    susceptible = Numbers.default()[f"susceptible_{kind}"]
    copies, risk = pool(tissue, "message"), pool(tissue, "risk")
    assert np.allclose(risk, chance * susceptible * copies, rtol=1e-9)
    assert np.ptp(risk) < 1e-2 * risk.mean() and 0.1 < risk.mean() < 3.0
    event = "transformation" if kind == "normal" else "transformation of stroma"
    seen = count(tissue, event)
    assert within(seen, MANY, float(np.mean(1.0 - np.exp(-risk))))
    assert not within(seen, MANY, float(np.mean(1.0 - np.exp(-2.0 * risk))))
    assert seen == np.sum(tissue.body.fate == tissue.setup.space.kinds.index("transformed"))


def test_a_cell_becomes_one_thing_in_a_window_and_is_counted_once() -> None:
    """Fifty hazards in one window: every cell is transformed once."""
    tissue = window(recipients(number=100, transform_chance=0.05), fed(100.0))
    assert pool(tissue, "risk").min() > 50.0
    assert count(tissue, "transformation of stroma") == 100
    tissue.advance()
    assert of_kind(tissue, "transformed").all() and tissue.series()["cells_transformed"] == 100
    assert (tissue.body.fate == STAYS).all()


def test_transformed_cells_have_the_levels_of_their_kind_from_the_next_window() -> None:
    """In the tissue and in its secretion, fibroblasts beside tumour cells; each keeps its founder."""
    cells = placed(
        *rows_of("tumour", 40, 40.0), *(("fibroblast", x, y + 320.0, z) for _, x, y, z in rows_of("f", 49, 40.0))
    )
    tissue = dish(cells, 640.0, CLOSED | {"transform_chance": 2e-4}, alike=False, duration="1 h").plan().begin()
    founder = {int(i): int(f) for i, f in zip(tissue.body.ids, tissue.body.founder % tissue.founders, strict=True)}
    window(tissue, fed(100.0))
    chosen = set(tissue.body.ids[tissue.body.fate != STAYS].tolist())
    assert 5 < len(chosen) < 45 and of_kind(tissue, "transformed").sum() == 0
    tissue.advance()
    body, kinds = tissue.body, tissue.setup.space.kinds
    assert set(body.ids[of_kind(tissue, "transformed")].tolist()) == chosen
    assert np.array_equal(body.founder // tissue.founders, body.kind)
    assert {int(i): int(f) for i, f in zip(body.ids, body.founder % tissue.founders, strict=True)} == founder
    order = np.argsort(body.ids)
    assert isinstance(tissue.secretion, Vesicles)
    assert np.array_equal(tissue.secretion.ids, body.ids[order])
    assert np.array_equal(tissue.secretion.levels, tissue.table[body.founder[order]])
    levels = tissue.setup.space.known.levels
    mine = tissue.table[body.founder[of_kind(tissue, "transformed")]]
    expected = Numbers.default()["t_recognises_transformed"] if "recognised" in levels else None
    assert expected is None and (mine[:, levels.index("susceptible")] == 0.0).all()
    assert kinds.index("transformed") != kinds.index("fibroblast")


def test_without_transfer_nobody_is_transformed_and_all_else_has_the_same_bits() -> None:
    with_it, without = (
        window(recipients(number=100, need_transfer=on, transform_chance=1e-7), fed(100.0), 3) for on in (1.0, 0.0)
    )
    assert count(with_it, "transformation of stroma") == 0 and pool(with_it, "risk").min() > 0.0
    assert not pool(without, "risk").any()
    pool(with_it, "risk")[:] = 0.0
    assert same_bits(by_id(with_it), by_id(without), leave=("clocks",)) == []
    assert with_it.places.fields.tobytes() == without.places.fields.tobytes()
    strong = window(recipients(number=100, need_transfer=0.0, transform_chance=5.0), fed(100.0), 2)
    assert count(strong, "transformation of stroma") == 0 and of_kind(strong, "fibroblast").all()


@pytest.mark.parametrize("message", [0.0, 0.5, 1.0, 30.0])
def test_transformed_cells_return_or_stay_for_good(message: float) -> None:
    """Rates k_revert (1 - h) and k_fix h, h = M^2 / (M^2 + half^2); the first of the two happens."""
    back, good = 1.0 / 1800.0, 1.0 / 2400.0
    tissue = recipients("transformed", k_revert=back, k_fix=good)
    pool(tissue, "message")[:] = message
    window(tissue)
    h = message**2 / (message**2 + Numbers.default()["half_message"] ** 2)
    rates = np.array([back * (1.0 - h), good * h])
    some = 1.0 - math.exp(-rates.sum() * 1200.0)
    for event, kind, rate in zip(("reversion", "fixation"), ("normal", "tumour"), rates, strict=True):
        seen = count(tissue, event)
        assert within(seen, MANY, some * rate / rates.sum()), event
        assert seen == np.sum(tissue.body.fate == tissue.setup.space.kinds.index(kind))
    assert (count(tissue, "reversion") > 0) == (h < 0.9) or message == 30.0
    assert (count(tissue, "fixation") == 0) == (message == 0.0)


def test_fixed_cells_have_the_levels_of_the_experiments_line() -> None:
    tissue = recipients("transformed", number=20, k_revert=0.0, k_fix=1.0)
    pool(tissue, "message")[:] = 30.0
    window(tissue).advance()
    assert of_kind(tissue, "tumour").all()
    levels = tissue.table[tissue.body.founder]
    assert (levels[:, tissue.setup.space.known.levels.index("oncogenic")] == 1.0).all()
    assert isinstance(tissue.secretion, Vesicles) and np.array_equal(tissue.secretion.levels, levels)


def test_division_halves_what_is_counted_and_leaves_shares() -> None:
    tissue = (
        dish(placed(*rows_of("transformed", 9, 60.0)), 180.0, {"k_message_loss": 0.0, "k_revert": 0.0}).plan().begin()
    )
    given = {"message": 8.0, "exosomes_in": 10.0, "risk": 0.3}
    for name, value in given.items():
        pool(tissue, name)[:] = value
    window(tissue)
    tissue.body.progress[:] = 1.0
    window(tissue, windows=1)
    assert len(tissue.body.ids) == 18
    for name, value in given.items():
        left = value if name == "risk" else value / 2
        assert np.allclose(pool(tissue, name), left, rtol=1e-3, atol=1e-9), name
    assert len(np.unique(tissue.body.clocks[:, 0])) == 18


# --- order ------------------------------------------------------------------------------------------------------------


def test_the_order_of_cells_in_memory_changes_no_bit() -> None:
    """Four kinds far from each other, events among them: rows turned over at the start, the same cells in the end."""
    cells = [(kind, 30.0 + 60.0 * i, 30.0 + 60.0 * j, 0.0) for j in range(4) for i, kind in enumerate(
        ("tumour", "fibroblast", "normal", "transformed"))]  # fmt: skip
    asked = dish(placed(*cells), 240.0, {"transform_chance": 3.0, "k_revert": 1e-4}, burn_in="8 h", every="40 min")
    one, other = asked.plan().begin(), asked.plan().begin()
    other.body = Body._make(array[::-1].copy() for array in other.body)
    for tissue in (one, other):
        window(tissue, windows=4)
    assert one.fusions > 20 and one.fusions == other.fusions
    assert same_bits(by_id(one), by_id(other)) == []
    assert one.places.fields.tobytes() == other.places.fields.tobytes()
    other.body.pools[0, 0] += 1e-15  # a planted difference is seen
    assert same_bits(by_id(one), by_id(other)) == ["pools"]


# --- mean field -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["tumour", "normal"])
def test_each_kind_has_its_own_bursts_about_the_mean_field(kind: str) -> None:
    """Exosomes per fusion, both ways of release, where normal cells bud few ILVs; the other kind's would be seen."""
    few = {"normal": tuple(KnockDown(gene, to=0.1) for gene in ("HGS", "PDCD6IP", "SMPD3"))}
    asked = dish(
        Mixture({kind: 120}), 400.0, burn_in="24 h", alike=False, duration="4 h", model="neighbours",
        also=few if kind == "normal" else {},
    )  # fmt: skip
    found = []
    for secretion in ("vesicles", "mean-field"):
        tissue = window(replace(asked, secretion=secretion).plan().begin(), windows=12)
        assert tissue.freed is not None
        found.append((tissue.fusions, float(tissue.freed[:2].sum() / tissue.fusions)))
    (fusions, size), (drawn, drawn_size) = found
    assert fusions > 300 and drawn == pytest.approx(fusions, rel=0.15)
    assert drawn_size == pytest.approx(size, rel=0.15)
    assert size > 15.0 if kind == "tumour" else size < 10.0


def test_cells_that_change_kind_release_as_their_new_kind_about_the_mean_field() -> None:
    asked = dish(
        Mixture({"transformed": 80}), 300.0, CLOSED | {"k_revert": 0.0, "k_fix": 1.0, "k_message_loss": 0.0},
        secretion="mean-field", alike=False,
    )  # fmt: skip
    tissue = asked.plan().begin()
    pool(tissue, "message")[:] = 30.0
    window(tissue).advance()
    release, body = tissue.secretion, tissue.body
    assert isinstance(release, MeanSecretion) and of_kind(tissue, "tumour").all()
    assert tissue.founders == 64 and len(release.expected) == 64 * len(tissue.setup.space.kinds)
    assert len(release.sample.ids) == SAMPLE * len(tissue.setup.space.kinds)
    assert np.array_equal(release.group, body.founder[np.argsort(body.ids)])
    assert (release.group // 64 == tissue.setup.space.kinds.index("tumour")).all()


# --- assays -----------------------------------------------------------------------------------------------------------


def test_the_expected_share_is_that_of_many_transformed() -> None:
    """Three of four cells are transformed in a few hours: counted and expected agree."""
    fast = CLOSED | {"transform_chance": 50.0, "k_revert": 0.0, "k_fix": 0.0}
    cells = Mixture({"tumour": 60, "fibroblast": 200})
    asked = dish(cells, 500.0, fast, duration="8 h", every="2 h", burn_in="8 h", alike=False)
    assay = GeneTransfer()
    seen = assay.observable(reading(asked))
    share, expected, n = float(seen["share"]), float(seen["expected"][-1]), int(seen["cells"])
    assert n == 200 and 0.4 < share < 0.95
    assert abs(share - expected) < LIMIT * math.sqrt(share * (1 - share) / n)
    assert float(seen["expected"][0]) == 0.0 and (np.diff(seen["expected"]) >= 0).all()


@pytest.mark.parametrize("found", [1.0, 0.8])
def test_the_likelihood_of_a_share_sums_to_one(found: float) -> None:
    class Some(GeneTransfer):
        @property
        def found(self) -> float:
            return found

    fast = {"transform_chance": 2.0}
    seen = reading(dish(Mixture({"tumour": 30, "fibroblast": 40}), 300.0, CLOSED | fast, burn_in="8 h", every="1 h"))
    each = [
        Some().log_likelihood(seen, xr.Dataset({"transformed": ("replicate", [k]), "cells": ("replicate", [12])}))
        for k in range(13)
    ]
    assert np.exp(each).sum() == pytest.approx(1.0, rel=1e-9)
    for wrong in (13, -1, 0.5):
        with pytest.raises(DataError, match="whole counts"):
            Some().log_likelihood(
                seen, xr.Dataset({"transformed": ("replicate", [wrong]), "cells": ("replicate", [12])})
            )


def test_uptake_is_read_by_kind() -> None:
    seen = reading(
        dish(Mixture({"tumour": 30, "fibroblast": 20, "normal": 20}), 300.0, CLOSED, burn_in="8 h", every="1 h")
    )
    means = {kind: float(ExosomeUptake(kind=kind).observable(seen)["mean"]) for kind in ("fibroblast", "normal")}
    ease = Numbers.default()["uptake_ease_normal"]
    assert 0.0 < means["normal"] < means["fibroblast"]
    assert 0.3 * ease < means["normal"] / means["fibroblast"] < 3.0 * ease
    assert float(ExosomeUptake().observable(seen)["course"][0]) == 0.0


# --- refusals ---------------------------------------------------------------------------------------------------------

PAIR = Mixture({"tumour": 4, "t_cell": 4})
LONE = dish(Mixture({"tumour": 3}), 120.0, duration="20 min")
WRONG: dict[str, tuple[Callable[[], object], type[ExudeError], str]] = {
    "unknown kind": (
        lambda: Tissue(cells=Mixture({"tumour": 4, "tcell": 4})).plan(), ProtocolError, "got 'tcell'.*did you mean 't_cell'",
    ),
    "unknown kind around": (
        lambda: Tissue(cells=Among(Scattered(3), {"fibroblasts": 4})).plan(), ProtocolError, "did you mean 'fibroblast'",
    ),
    "no cells": (lambda: Mixture({"tumour": 0}), ProtocolError, "got 0.*at least 1"),
    "no kinds": (lambda: Mixture({}), ProtocolError, "a mixture of nothing"),
    "half a cell": (lambda: Mixture({"tumour": 1.5}), ProtocolError, "got 1.5.*whole number"),  # type: ignore[dict-item]
    "a drug for one kind": (
        lambda: Tissue(cells=PAIR, also={"t_cell": (Drug("GW4869", "10 uM"),)}).plan(), ProtocolError, "give it as `what`",
    ),
    "also of an unknown kind": (
        lambda: Tissue(cells=PAIR, also={"T cell": (KnockOut("UNC13D"),)}).plan(), ProtocolError, "did you mean 't_cell'",
    ),
    "also of cells that are not there": (
        lambda: Tissue(also={"t_cell": (KnockOut("UNC13D"),)}).plan(), ProtocolError, "'t_cell' without such cells.*Add",
    ),
    "unknown model": (lambda: Tissue(cells=PAIR, model="imune").plan(), ProtocolError, "did you mean 'immune'"),
    "model without the kind": (
        lambda: Tissue(cells=PAIR, model="neighbours").plan(), ProtocolError, "got 't_cell'.*'neighbours'.*leave `model` out",
    ),
    "unknown hypothesis": (
        lambda: Tissue(cells=PAIR, hypothesis="contact").plan(), UnknownName, "did you mean 'contact-only'",
    ),
    "hypothesis of another model": (
        lambda: Tissue(hypothesis="contact-only").plan(), UnknownName, "of the model 'matrix'",
    ),
    "a co-culture without T cells": (
        lambda: CoCulture().observable(reading(replace(LONE, model="immune"))), ProtocolError, "without T cells.*Mixture",
    ),
    "a co-culture in a model without T cells": (
        lambda: CoCulture().observable(reading(LONE)), ProtocolError, "t_cell.*Add such cells",
    ),
    "transfer without recipients": (
        lambda: GeneTransfer().observable(reading(replace(LONE, model="neighbours"))), ProtocolError, "without recipients",
    ),
    "uptake without recipients": (
        lambda: ExosomeUptake().observable(reading(replace(LONE, model="neighbours"))), ProtocolError, "without fibroblast",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", list(WRONG))
def test_what_cannot_be_is_one_clear_error(name: str) -> None:
    do, kind, said = WRONG[name]
    with pytest.raises(kind, match=said) as caught:
        do()
    assert "got " in str(caught.value) and "expected " in str(caught.value)


def test_kinds_that_cells_may_become_can_be_perturbed() -> None:
    also = {"transformed": (KnockDown("UNC13D", to=0.1),)}
    plan = dish(Mixture({"tumour": 3, "normal": 3}), 120.0, also=also, duration="20 min").plan()
    place = plan.setup.space.known.levels.index("UNC13D")
    kinds = plan.setup.space.kinds
    own = {kind: cells.medians[place] for kind, cells in zip(kinds, plan.populations, strict=True)}
    assert own["transformed"] == pytest.approx(0.1 * own["normal"]) and own["fibroblast"] == own["normal"]
    assert plan.asked.about == "neighbours"
