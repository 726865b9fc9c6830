"""T cells in a whole tissue: killing against its chain of hits, restraint, interferon, PD-L1, and the same bits.

Statistical checks are held to |z| < LIMIT of tests/compare.py, a chance of 5e-8 each; there are about a dozen, so the
file fails by chance less than once in a million runs.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.linalg import expm

from compare import LIMIT
from exude.engine import tissue_store
from exude.engine.body import DIES, STAYS, Body
from exude.engine.bonds import FREE
from exude.engine.layout import Floats, State
from exude.engine.tissue import Tissue as Running
from exude.engine.tissue_checkpoint import load_checkpoint, save_checkpoint
from exude.errors import Interrupted
from exude.experiment.arrange import Mixture
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.measures import reading
from exude.experiment.matrix import Gel
from exude.experiment.perturbations import Drug, KnockOut
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue
from exude.experiment.tissue_run import restored, run_tissue, state_of
from mixed import STILL, by_id, count, dish, field, of_kind, placed, pool, rows_of, same_bits, window
from test_tissue_run import bits, content, copied, press

HOUR = 3600.0
N = Numbers.default()
FIRM = {"k_t_unbind": 0.0, "k_tire": 0.0}
"""A T cell that has bound holds its target and does not tire."""
FREELY = FIRM | {"most_restraint": 0.0}
APART = 60.0


# --- killing ----------------------------------------------------------------------------------------------------------


def couples(pairs: int, hunters: int = 1, **asked: Any) -> Tissue:
    """Tumour cells far from each other, each between so many T cells that touch it; all stay where they are."""
    changed = FREELY | asked.pop("changed", {})
    cells = rows_of("tumour", pairs, APART)
    for side in (-11.0, 11.0)[:hunters]:
        cells += rows_of("t_cell", pairs, APART, shift=side)
    box = APART * math.ceil(math.sqrt(pairs))
    return dish(
        placed(*cells), box, changed, voxel="60 um", oxygen=False, **{"every": "2 h", "duration": "32 h"} | asked
    )


def chain(hit: float) -> Floats:
    """Rates (1/s) between hits 0, 1, 2, lethal and dead of a bound target: hits are forgotten until they are lethal."""
    flow = np.zeros((5, 5))
    for at in range(3):
        flow[at, at + 1] = hit
        flow[at, 0] += N["k_repair"] if at else 0.0
    flow[3, 4] = N["k_dying"]
    return np.asarray(flow - np.diag(flow.sum(axis=1)))


def alive(hours: float, hit: float) -> float:
    """Share of bound targets not yet killed."""
    return float(1.0 - expm(chain(hit) * hours * HOUR)[0, 4])


def mean_time(hit: float, until: float = 150.0) -> float:
    """Mean time (h) to kill a bound target, or until it is given up: the integral of those alive."""
    own = chain(hit)[:4, :4]
    return float(np.linalg.solve(own, expm(own * until * HOUR) - np.eye(4))[0].sum() / HOUR)


LONG = 30.0
"""Hours after which couples are given up."""


def times(tissue: Running, hours: float = LONG) -> Floats:
    """When each tumour cell was killed (h), by id; `hours` for those that live. Its T cells are free at once."""
    found = np.full(tissue.next_id, hours)
    while tissue.time < hours * HOUR:
        tissue.advance()
        killed = tissue.body.ids[tissue.body.fate == DIES]
        found[killed] = np.minimum(found[killed], tissue.time / HOUR)
        assert not np.isin(tissue.body.partner, killed).any()
    return found


def test_one_t_cell_kills_in_six_hours_and_two_in_less_than_half() -> None:
    """The numbers of the catalogue, by the chain alone: what the tissue is held to below."""
    assert mean_time(N["k_hit"]) == pytest.approx(6.0, abs=0.05)
    assert mean_time(2 * N["k_hit"]) == pytest.approx(2.385, abs=0.02)


BINDING = 0.1
"""Hours more than the chain: a minute until they bind, and a step or two of 2 min for hits and death to be seen."""


@pytest.mark.parametrize("hunters", [1, 2])
def test_killing_in_a_tissue_is_the_chain_of_hits(hunters: int) -> None:
    """Mean time and the share alive at five times; the law of the other number of T cells is told apart."""
    pairs = 225
    tissue = couples(pairs, hunters).plan().begin()
    found = times(tissue)[:pairs]
    for hit, right in ((hunters * N["k_hit"], True), ((3 - hunters) * N["k_hit"], False)):
        late, error = float(found.mean()) - mean_time(hit, LONG), LIMIT * float(found.std()) / math.sqrt(pairs)
        assert (-error < late < error + BINDING) == right
    for hours in (1.0, 2.0, 4.0, 8.0, 16.0):
        low, high = (alive(hours - late, hunters * N["k_hit"]) for late in (0.0, BINDING))
        spread = LIMIT * math.sqrt(high * (1.0 - low) / pairs) + 1.0 / pairs
        assert low - spread < float(np.mean(found > hours)) < high + spread, hours
    tissue.advance()
    assert count(tissue, "killing of tumour") == tissue.died == np.sum(found < LONG)


HEALTHY_OR_NOT: tuple[dict[str, Any], ...] = ({}, {"t_cell": (KnockOut("UNC13D"),)})


def test_t_cells_without_munc13_4_hardly_kill() -> None:
    """Hits fall to `hit_without_munc13_4`: ten times more of them, so that some are seen."""
    pairs, hit = 225, 10.0 * N["k_hit"]
    for also, left in zip(HEALTHY_OR_NOT, (1.0, N["hit_without_munc13_4"]), strict=True):
        tissue = couples(pairs, changed={"k_hit": hit}, also=also).plan().begin()
        share = float(np.mean(times(tissue, 4.0)[:pairs] == 4.0))
        low, high = (alive(4.0 - late, left * hit) for late in (0.0, BINDING))
        spread = LIMIT * math.sqrt(high * (1.0 - low) / pairs)
        assert low - spread < share < high + spread
        assert share < 0.05 if left == 1.0 else share > 0.5


def test_t_cells_without_munc13_4_make_the_same_interferon() -> None:
    """To the bit, where nobody dies."""
    made = []
    for also in HEALTHY_OR_NOT:
        tissue = window(couples(16, changed={"k_dying": 0.0}, also=also).plan().begin(), windows=2)
        made.append(field(tissue, "interferon").copy())
    assert made[0].min() > 0.0 and made[0].tobytes() == made[1].tobytes()


def restrained(**asked: Any) -> Running:
    """Couples whose T cells hold 300 copies of exosomal PD-L1 that they do not lose, PD-L1 of cells at rest."""
    kept = {
        "most_restraint": N["most_restraint"],
        "k_exosomal_pd_l1_off": 0.0,
        "interferon_gain": 0.0,
        "k_exosome_to_t_cell": 0.0,
    }
    tissue = couples(225, changed=kept, **asked).plan().begin()
    pool(tissue, "exo_pd_l1")[of_kind(tissue, "t_cell")] = 300.0
    return tissue


@pytest.mark.parametrize("name", ["both", "contact-only", "antibody"])
def test_pd_l1_restrains_by_contact_and_on_exosomes(name: str) -> None:
    """What T cells feel against 0.9 (1 - (1 - c)(1 - e)), and killing against the chain with so much less."""
    asked: dict[str, dict[str, Any]] = {
        "both": {}, "contact-only": {"hypothesis": "contact-only"}, "antibody": {"what": (Drug("anti-PD-L1", "0.07 uM"),)},
    }  # fmt: skip
    tissue = restrained(**asked[name])
    found = times(tissue, 12.0)[:225]
    bound = pool(tissue, "bound") == 1.0
    free = 1.0 - 0.07 / (0.07 + 0.001) if name == "antibody" else 1.0
    contact = free / (free + N["half_pd_l1"])  # MDA-MB-231 has the reference's PD-L1
    exosomes = 300.0 * free / (300.0 * free + N["half_exosomal_pd_l1"]) if name != "contact-only" else 0.0
    felt = N["most_restraint"] * (1.0 - (1.0 - contact) * (1.0 - exosomes))
    if bound.any():
        assert np.allclose(pool(tissue, "felt")[bound], felt, rtol=1e-9)
    low, high = (alive(12.0 - late, (1.0 - felt) * N["k_hit"]) for late in (0.0, BINDING))
    spread = LIMIT * math.sqrt(high * (1.0 - low) / 225) + 1 / 225
    assert low - spread < float(np.mean(found == 12.0)) < high + spread
    assert felt == pytest.approx({"both": 0.7875, "contact-only": 0.45, "antibody": 0.049}[name], rel=0.02)


def test_t_cells_that_die_let_go_at_once() -> None:
    """In the step after their death, though they are taken out only when the window ends."""
    tissue = window(couples(16).plan().begin())
    hunters = of_kind(tissue, "t_cell")
    assert (tissue.body.partner[hunters] != FREE).all() and (pool(tissue, "bound")[hunters] == 1.0).all()
    tissue.advance()
    tissue.body.life[of_kind(tissue, "t_cell")] = 0.0
    tissue.advance()
    assert len(tissue.body.ids) == 32
    assert (tissue.body.partner == FREE).all() and not pool(tissue, "bound").any() and not pool(tissue, "felt").any()
    window(tissue)
    assert tissue.died == 16 and not of_kind(tissue, "t_cell").any()


# --- interferon and PD-L1 ---------------------------------------------------------------------------------------------


def test_interferon_of_one_source_has_its_closed_form() -> None:
    """q exp(-r / L) / (4 pi D r), L = sqrt(D / k) = 35 um, in a box whose faces are far; a wrong L is seen."""
    diffusion, far = N["protein_diffusion"], 35.0
    changed = {"need_interferon_uptake": 0.0, "k_interferon_loss": diffusion / far**2}
    asked = dish(
        placed(("t_cell", 152.5, 152.5, 152.5)), 305.0, changed, size=("305 um",) * 3, voxel="5 um", oxygen=False,
        matrix=Gel("0 mg/ml"), duration="20 min",
    )  # fmt: skip
    tissue = asked.plan().begin()
    pool(tissue, "bound")[:] = 1.0
    table, room = tissue._levels()
    tissue._deposit(table)
    tissue.places.settle(room, rounds=4)
    made = N["interferon_secretion"] * N["substance_of_one"]
    r = 5.0 * np.arange(4, 17)
    for length, right in ((far, True), (1.1 * far, False)):
        expected = made * np.exp(-r / length) / (4.0 * math.pi * diffusion * r)
        for here in (field(tissue, "interferon")[30, 30, 34:47], field(tissue, "interferon")[14:27, 30, 30][::-1]):
            assert np.allclose(here, expected, rtol=0.03) == right


def test_pd_l1_follows_its_gene_and_interferon_within_17_hours() -> None:
    """p = CD274 (1 + gain I / (I + half)) (1 - exp(-k t)) from nothing, I made by hand; exosomes carry as much."""
    tissue = (
        dish(placed(*rows_of("tumour", 4, 40.0)), 80.0, {"k_escape": 0.0}, model="immune", duration="20 h")
        .plan()
        .begin()
    )
    rate, rise = N["k_pd_l1_turnover"], 1.0 + N["interferon_gain"] / 4.0
    assert 1.0 / rate == pytest.approx(17.2 * HOUR, rel=0.01)
    assert np.allclose(pool(tissue, "pd_l1"), 1.0, rtol=1e-12)
    pool(tissue, "pd_l1")[:] = 0.0
    for _ in range(30):
        tissue.advance()
    assert np.allclose(pool(tissue, "pd_l1"), 1.0 - math.exp(-rate * tissue.time), rtol=1e-9)
    pool(tissue, "pd_l1")[:], begin = 0.0, tissue.time
    tissue.places.setup = replace(tissue.setup, fast_speed={})  # interferon stays as it is written
    field(tissue, "interferon")[:] = N["half_interferon"] / 3.0
    for _ in range(60):
        tissue.advance()
    assert np.allclose(pool(tissue, "pd_l1"), rise * (1.0 - math.exp(-rate * (tissue.time - begin))), rtol=1e-9)


def test_exosomes_carry_the_pd_l1_of_their_cell() -> None:
    tissue = dish(placed(*rows_of("tumour", 16, 40.0)), 160.0, model="immune", burn_in="8 h").plan().begin()
    pool(tissue, "pd_l1")[:] = 1.0
    window(tissue, windows=3)
    freed = {name.removeprefix("freed_"): x for name, x in tissue.series().items() if name.startswith("freed")}
    exosomes = freed["exosomes"] + freed["bound_exosomes"]
    copies = (freed["exosomal_pd_l1"] + freed["bound_pd_l1"]) / N["substance_of_one"]
    assert exosomes > 300.0 and copies == pytest.approx(N["pd_l1_per_exosome"] * exosomes, rel=1e-9)


# --- what is not there changes nothing --------------------------------------------------------------------------------

NOTHING = {"uptake_ease_t_cell": 0.0, "k_t_bind": 0.0}
"""T cells that take nothing up and bind nobody. They still press on cells: so nobody minds pressure below."""


def tumour_alone(guests: int, way: str = "vesicles", model: str = "immune", cells: int = 72) -> Running:
    """Tumour cells that walk and push, with T cells among them; none is born, who would be named otherwise with guests."""
    active = {name: N[name] for name in STILL} | NOTHING | {"k_divide": 0.0, "most_pressure": 1e30}
    places = rows_of("tumour", cells, 40.0) + rows_of("t_cell", guests, 40.0, shift=13.0)
    asked = dish(
        placed(*places), 400.0, active, alike=False, secretion=way, model=model, oxygen=False, burn_in="8 h", every="1 h",
    )  # fmt: skip
    return window(asked.plan().begin(), windows=4)


@pytest.mark.parametrize("way", ["vesicles", "mean-field"])
def test_t_cells_that_recognise_nobody_change_no_bit_of_a_tumour(way: str) -> None:
    """Cells, what they release and all fields, to the bit: 30 guests against none."""
    one, other = tumour_alone(0, way), tumour_alone(30, way)
    mine = [by_id(tissue, of_kind(tissue, "tumour") & (tissue.body.ids < 72)) for tissue in (one, other)]
    assert one.fusions == other.fusions > 100 and len(other.body.ids) > len(one.body.ids)
    assert bits(one.freed) == bits(other.freed)
    assert same_bits(mine[0], mine[1], leave=("founder", "pressure")) == []
    assert one.places.fields.tobytes() == other.places.fields.tobytes()


def test_without_t_cells_immunity_is_the_reduced_model() -> None:
    """Cells to the bit, exosomes to the error of reactions: more fields choose other inner steps."""
    one, other = tumour_alone(0), tumour_alone(0, model="neighbours")
    kept = {name: array for name, array in by_id(one).items() if name not in ("pools", "clocks")}
    assert same_bits(kept, {name: by_id(other)[name] for name in kept}) == []
    assert one.fusions == other.fusions > 100
    for name in ("exosomes", "bound_exosomes", "exosomes_taken", "exosomal_oncogene"):
        a, b = field(one, name), field(other, name)
        assert np.allclose(a, b, rtol=1e-2, atol=1e-3 * b.max()), name


@pytest.mark.parametrize("way", ["vesicles", "mean-field"])
def test_a_tissue_in_which_nobody_secretes_runs(way: str) -> None:
    tissue = window(dish(placed(*rows_of("t_cell", 5, 40.0)), 120.0, secretion=way).plan().begin(), windows=2)
    assert tissue.fusions == 0 and len(tissue.body.ids) == 5


# --- the same bits ----------------------------------------------------------------------------------------------------

BUSY = {
    "k_hit": 20.0 * N["k_hit"], "k_dying": 1e-2, "k_t_divide": 1e-3, "k_t_death": 1e-4, "k_divide": 5e-4, "transform_chance": 50.0,
    "k_revert": 1e-4, "k_fix": 1e-4, "cargo_escape": 1.0,
}  # fmt: skip
"""Everything that can happen happens within minutes."""


def busy(each: int, side: float, **asked: Any) -> Tissue:
    """All kinds of cells, crowded and busy."""
    kinds = ("tumour", "t_cell", "normal", "fibroblast", "transformed")
    base = Tissue(
        cells=Mixture(dict.fromkeys(kinds, each)), size=(f"{side:g} um",) * 2, voxel="10 um", duration="100 min",
        every="10 min", burn_in="8 h", step="60 s", threads=1, numbers=N.but(**BUSY),
    )  # fmt: skip
    return replace(base, **asked)


def test_threads_change_no_bit() -> None:
    states = []
    for threads in (1, 2, 3):
        tissue = busy(70, 500.0, threads=threads).plan().begin()
        for _ in range(25):
            tissue.advance()
        states.append(bits(state_of(tissue)))
    assert tissue.fusions > 50 and tissue.died > 0 and tissue.born > 0
    assert states[0] == states[1] == states[2]


@pytest.mark.parametrize(("way", "parts"), [("vesicles", 10), ("mean-field", 5)])
def test_a_run_split_in_many_is_the_whole_run(way: str, parts: int, tmp_path: Path) -> None:
    """Through a file each time."""
    plan = busy(4, 120.0, secretion=way).plan()
    whole = split = plan.begin()
    for part in range(parts):
        split = restored(plan, copied(state_of(split)))
        save_checkpoint(tmp_path / "state", state_of(split), {})
        split = restored(plan, load_checkpoint(tmp_path / "state", kinds=(Body, State)).state)
        for tissue in (whole, split):
            window(tissue, windows=10 // parts)
        assert bits(state_of(split)) == bits(state_of(whole)), part
    assert min(whole.born, whole.died, whole.fusions) > 0
    for event in ("reversion", "killing of tumour", "transformation of stroma"):
        assert count(whole, event) > 0, event


def test_a_stopped_run_of_all_kinds_goes_on_with_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tissue_store, "_fsync", lambda place: None)
    asked = busy(4, 120.0, duration="30 min")
    whole = run_tissue(asked, tmp_path / "whole.zarr")
    with pytest.raises(Interrupted):
        run_tissue(asked, tmp_path / "run.zarr", progress=press(13))
    assert content(run_tissue(asked, tmp_path / "run.zarr", resume=True)) == content(whole)
    assert whole.data["cells_t_cell"].attrs["units"] == "item"
    assert int(whole.data["events_killing_of_tumour"][-1]) > 0


def losses() -> Iterator[tuple[str, Callable[[dict[str, Any]], None]]]:
    yield "clocks", lambda s: s["body"].clocks.__imul__(0.5)
    yield "fate", lambda s: s["body"].fate.fill(STAYS)
    yield "partner", lambda s: s["body"].partner.fill(FREE)
    yield "kind", lambda s: s["body"].kind.__setitem__(0, 1 - min(1, s["body"].kind[0]))
    yield "happened", lambda s: s["happened"].fill(0)


@pytest.mark.parametrize(("what", "fault"), list(losses()), ids=lambda x: x if isinstance(x, str) else "")
def test_a_state_that_lost_something_is_seen(what: str, fault: Callable[[dict[str, Any]], None]) -> None:
    """The comparison above is not blind: each planted loss changes the future."""
    plan, sound = on_the_way()
    futures = []
    for spoil in (lambda s: None, fault):
        state = copied(sound)
        spoil(state)
        tissue = restored(plan, state)
        for _ in range(10):
            tissue.advance()
        futures.append(bits(state_of(tissue)))
    assert futures[0] != futures[1]


@cache
def on_the_way() -> tuple[Any, dict[str, Any]]:
    """A busy tissue whose cells are bound, and about to change."""
    plan = busy(6, 140.0).plan()
    tissue = plan.begin()
    for _ in range(30):
        tissue.advance()
    assert (tissue.body.partner != FREE).any() and (tissue.body.fate != STAYS).any()
    return plan, copied(state_of(tissue))


# --- the assay --------------------------------------------------------------------------------------------------------


def test_a_co_culture_counts_labelled_cells_that_are_gone() -> None:
    """Tumour cells that were born later are not labelled; each count is the run's own."""
    changed = {"k_hit": 5.0 * N["k_hit"], "k_divide": 1e-4}
    asked = dish(Mixture({"tumour": 40, "t_cell": 40}), 220.0, changed, duration="4 h", every="1 h")
    seen = reading(asked)
    read = CoCulture().observable(seen)
    assert int(read["cells"]) == 40 and 4 < int(read["killed"]) <= 40
    assert (np.diff(read["course"]) >= 0).all() and float(read["course"][0]) == 0.0
    healthy, sick = (
        float(CoCulture().observable(reading(replace(asked, also=also)))["share"])
        for also in ({}, {"t_cell": (KnockOut("UNC13D"),)})
    )
    assert sick < 0.5 * healthy
