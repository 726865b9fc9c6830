"""A tissue in a body: vessels, oxygen from them, cells that come and go, what is handed over, refusals.

Statistical checks are held to |z| < LIMIT of tests/compare.py, a chance of 5e-8 each; there are four.
"""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from compare import LIMIT
from exude.engine import grid
from exude.engine.arrivals import comers
from exude.engine.tissue import Tissue as Running
from exude.errors import ExudeError, ProtocolError, UnitError
from exude.experiment.arrange import Among, Mixture, Spheroid
from exude.experiment.assays.measures import Snapshot, TissueReading
from exude.experiment.assays.tumour_in_host import TumourInHost
from exude.experiment.bed import Capillaries, Host
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue
from exude.experiment.tissue_file import read_tissue
from exude.experiment.tissue_run import restored, run_tissue, state_of
from mixed import STILL, by_id, field, of_kind, same_bits, window

N = Numbers.default()
SIDE = ("200 um", "200 um", "200 um")


def bed(changed: dict[str, float] | None = None, **asked: Any) -> Tissue:
    """A few cells that stay where they are, between vessels."""
    base = Tissue(
        cells=Mixture({"tumour": 20, "t_cell": 20}), size=SIDE, voxel="20 um", duration="2 h", every="20 min",
        alike=True, burn_in="10 min", threads=1, numbers=N.but(**STILL | (changed or {})), vessels=Capillaries(inside=True),
        host=Host(),
    )  # fmt: skip
    return replace(base, **asked)


def start(asked: Tissue) -> Running:
    return asked.plan().begin()


def hold_blood(tissue: Running, number: float) -> None:
    """Put so many T cells into the blood."""
    assert tissue.exchange.host is not None
    host = tissue.exchange.host
    host.state.amounts[0, host.setup.known.stocks.index("blood_t")] = number


def stock(tissue: Running, name: str) -> float:
    assert tissue.exchange.host is not None
    return tissue.exchange.host.stocks[name]


# --- vessels ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [("200 um", "200 um"), SIDE])
@pytest.mark.parametrize("seed", [1, 2])
def test_vessels_have_the_surface_asked_for(size: tuple[str, ...], seed: int) -> None:
    tissue = start(bed(size=size, seed=seed, vessels=Capillaries("0.03 1/um", inside=True)))
    made = field(tissue, "vessels")
    assert math.isclose(made.mean(), 0.03, rel_tol=1e-9)
    assert (made >= 0).all() and np.count_nonzero(made) > 3
    other = field(start(bed(size=size, seed=seed + 10, vessels=Capillaries("0.03 1/um", inside=True))), "vessels")
    assert not np.array_equal(made, other)


def test_vessels_start_outside_of_the_tumour() -> None:
    cells = Spheroid(60)
    asked = bed(cells=cells, vessels=Capillaries("0.03 1/um", apart="20 um"))
    tissue = start(asked)
    made, setup = field(tissue, "vessels"), tissue.setup
    x, y, z = setup.grid.centres()
    places = np.stack(np.meshgrid(z, y, x, indexing="ij")[::-1], axis=-1).reshape(-1, 3)
    within = cells.inside(places, setup.box, setup.shape.radius).reshape(made.shape) > 0
    assert within.any() and not made[within].any()
    assert math.isclose(made[~within].mean(), 0.03, rel_tol=1e-9)


def test_directions_of_vessels_have_no_preference() -> None:
    """The mean square of each component of a direction is 1/3 (variance 4/45 per line)."""
    from exude.experiment.bed import _lines

    lines = _lines(grid.Grid((50, 50, 50), 20.0), 12.0, seed=5)
    way = np.array([(b - a) / np.linalg.norm(b - a) for a, b in lines])
    error = math.sqrt(4 / 45 / len(way))
    # lines through random points of a cube are longer, not commoner, along its diagonals: directions stay even
    assert len(way) > 3000
    assert (np.abs((way**2).mean(axis=0) - 1 / 3) < LIMIT * error).all()


def test_oxygen_comes_from_vessels() -> None:
    """Far from all cells it is that of blood; without a wall that lets it through there is none of it left."""
    tissue = window(start(bed(cells=Mixture({"tumour": 1}), host=None)))
    assert math.isclose(field(tissue, "oxygen").mean(), N["oxygen_blood"], rel_tol=0.02)
    packed = window(start(bed({"oxygen_wall": 0.05}, cells=Mixture({"tumour": 300}), host=None)))
    assert field(packed, "oxygen").mean() < 0.7 * N["oxygen_blood"]


# --- who comes --------------------------------------------------------------------------------------------------------


def test_t_cells_arrive_at_the_declared_rate() -> None:
    """A Poisson number of mean t_arrival x surface x T cells in blood x time, placed where vessels are."""
    tissue = start(bed({"t_arrival": N["t_arrival"]}, cells=Mixture({"tumour": 5})))
    setup = tissue.setup
    dish = tissue._levels()[1].copy()
    dish[setup.space.known.levels.index("blood_t")] = 3e7
    rates = tissue.places.arriving(dish)
    surface = grid.total(field(tissue, "vessels")) * setup.grid.volume
    span = setup.dt * setup.steps_per_window
    mean = N["t_arrival"] * surface * 3e7 * span
    numbers = [len(comers(rates, setup, k).kind) for k in range(1, 41)]
    assert mean > 20
    assert abs(np.sum(numbers) - 40 * mean) < LIMIT * math.sqrt(40 * mean)
    assert np.var(numbers) < 3 * mean  # a Poisson number's variance is its mean; 3 is beyond 9 standard errors
    found = comers(rates, setup, 1)
    there = field(tissue, "vessels")[tuple(found.voxel.T)]
    assert (there > 0).all()


def test_those_who_come_leave_the_blood() -> None:
    tissue = start(bed({"k_t_death": 0.0, "k_node_leave": 0.0}, cells=Mixture({"tumour": 5}), host=Host(pieces=7)))
    hold_blood(tissue, 7e7)
    before = stock(tissue, "blood_t")
    window(tissue, windows=3)
    tissue.advance()  # the third window ends
    assert tissue.came > 0
    assert stock(tissue, "blood_t") == before - 7 * tissue.came
    comer = of_kind(tissue, "t_cell")
    assert comer.sum() == tissue.came
    assert len(np.unique(tissue.body.ids)) == len(tissue.body.ids)
    body = tissue.body.position[comer]
    assert ((body >= tissue.setup.box.lower) & (body <= tissue.setup.box.upper)).all()
    assert len(np.unique(body.round(3), axis=0)) == len(body)


@pytest.mark.parametrize("changed", [{"vessels": None}, {"host": None}])
def test_nobody_comes_without_vessels_or_without_a_body(changed: dict[str, Any]) -> None:
    asked = bed(cells=Mixture({"tumour": 5}), model="tumour", **changed)
    tissue = start(asked)
    if tissue.exchange.host is not None:
        hold_blood(tissue, 1e9)
    window(tissue, windows=3)
    tissue.advance()
    assert tissue.came == tissue.left == 0 if asked.vessels is None else tissue.came == 0


# --- who goes ---------------------------------------------------------------------------------------------------------


def test_tumour_cells_enter_vessels_at_the_declared_rate() -> None:
    """Without exosomes: of n cells at a uniform surface v, n (1 - exp(-k_enter v t)) have left."""
    tissue = start(
        bed(
            {"k_enter": 2e-3, "most_uptake": 1e-9, "pd_l1_per_exosome": 0.0, "entry_gain_leak": 0.0},
            cells=Mixture({"tumour": 300}),
            duration="4 h",
        )
    )
    field(tissue, "vessels")[...] = 0.04
    window(tissue, windows=6)
    tissue.advance()
    span = 6 * tissue.setup.steps_per_window * tissue.setup.dt
    chance = 1 - math.exp(-2e-3 * 0.04 * span)
    assert 0.2 < chance < 0.8
    assert abs(tissue.left - 300 * chance) < LIMIT * math.sqrt(300 * chance * (1 - chance))


def test_what_leaves_reaches_the_body() -> None:
    """Cells in whole numbers: in blood, settled, asleep or dead; exosomes as an amount."""
    frozen = {"k_blood_clear": 0.0, "k_exosome_clear": 0.0, "k_node_exosome_loss": 0.0, "k_antigen_loss": 0.0}
    tissue = start(bed(frozen | {"k_enter": 2e-4}, cells=Mixture({"tumour": 200}), host=Host(pieces=3), burn_in="6 h"))
    field(tissue, "vessels")[...] = 0.04
    window(tissue, windows=4)
    lost = grid.total(field(tissue, "exosomes_lost")) * tissue.setup.grid.volume
    gone = grid.total(field(tissue, "exosomes_in_vessels")) * tissue.setup.grid.volume
    tissue.advance()
    assert tissue.left > 0 and gone > 0
    assert stock(tissue, "ctc") == 3 * tissue.left
    assert math.isclose(stock(tissue, "blood_exosomes"), 3 * gone, rel_tol=1e-9)
    assert math.isclose(stock(tissue, "node_exosomes"), 3 * N["drained_share"] * lost, rel_tol=1e-9)


def test_dead_tumour_cells_are_antigen_and_t_cells_are_not() -> None:
    tissue = start(bed({"k_antigen_loss": 0.0, "k_node_leave": 0.0}))
    window(tissue)
    tissue.body.life[:] = -1.0  # all die
    tissue.advance()
    assert tissue.died == 40
    assert math.isclose(stock(tissue, "antigen"), 20 * N["antigen_share"], rel_tol=1e-9)


# --- bits -------------------------------------------------------------------------------------------------------------


def busy(threads: int = 1, **asked: Any) -> Tissue:
    base = bed(
        {"k_enter": 2e-4, "walk_speed": N["walk_speed"]}, cells=Among(Spheroid(60), {"t_cell": 20}), threads=threads
    )
    return replace(base, **asked)


def run_busy(asked: Tissue, windows: int = 4) -> Running:
    tissue = start(asked)
    hold_blood(tissue, 3e7)
    return window(tissue, windows=windows)


def test_threads_do_not_matter() -> None:
    one, three = run_busy(busy(1)), run_busy(busy(3))
    assert one.came > 0 and one.left > 0
    assert not same_bits(by_id(one), by_id(three))
    assert one.places.fields.tobytes() == three.places.fields.tobytes()
    assert one.exchange.series() == three.exchange.series()


def test_a_cut_run_goes_on_with_the_same_bits() -> None:
    asked = busy(duration="2 h")
    plan = asked.plan()
    whole, cut = run_busy(asked, 4), run_busy(asked, 2)
    again = restored(plan, state_of(cut))
    window(again, windows=2)
    assert not same_bits(by_id(whole), by_id(again))
    assert whole.exchange.series() == again.exchange.series()
    assert (whole.came, whole.left, whole.next_id) == (again.came, again.left, again.next_id)


def test_the_body_is_recorded(tmp_path: Path) -> None:
    made = run_tissue(busy(duration="40 min"), tmp_path / "run.zarr")
    assert {"body_ctc", "body_blood_t", "came", "left"} <= set(made.data.data_vars)
    assert made.data["body_node_t"].attrs["units"] == "item"


def test_a_body_around_changes_nothing_in_a_tissue_without_vessels() -> None:
    """The reduced model: the same cells and fields, bit by bit."""
    cells = Among(Spheroid(60), {"t_cell": 20})
    one = window(start(bed(cells=cells, vessels=None, host=None, model="tumour")), windows=2)
    other = window(start(bed(cells=cells, vessels=None, host=Host())), windows=2)
    assert not same_bits(by_id(one), by_id(other))
    assert one.places.fields.tobytes() == other.places.fields.tobytes()


def test_without_vessels_it_is_the_model_without_their_chapter() -> None:
    """Cells and all fields that both have, bit by bit."""
    asked = bed({"walk_speed": N["walk_speed"]}, cells=Spheroid(60), vessels=None, host=None, burn_in="6 h")
    one, other = (window(start(replace(asked, model=model)), windows=3) for model in ("immune", "tumour"))
    assert field(one, "exosomes").any()
    assert not same_bits(by_id(one), by_id(other), leave=("clocks",))  # of one event more
    for name in one.setup.space.fields:
        assert field(one, name).tobytes() == field(other, name).tobytes(), name


# --- its volume -------------------------------------------------------------------------------------------------------


def volumes(*scales: float, pieces: int = 1_000_000) -> list[TissueReading]:
    """Hosts whose tumours are balls of 50 equal cells that grow by 10 % of their volume a day, times a scale each."""

    def one(scale: float) -> TissueReading:
        kind = np.zeros(50, np.int64)

        def load(i: int) -> Snapshot:
            radius = np.full(50, 8.0 * (scale * math.exp(0.1 * i)) ** (1 / 3))
            return Snapshot(i * 86400.0, {}, {"kind": kind, "radius": radius, "id": np.arange(50)})

        made = {"kinds": ["tumour", "transformed", "t_cell"]} | ({"pieces": pieces} if pieces else {})
        return TissueReading(grid.Grid((5, 5, 5), 20.0), np.arange(6) * 86400.0, made, load)

    return [one(scale) for scale in scales]


def test_the_volume_is_that_of_the_cells() -> None:
    seen = TumourInHost().observable(volumes(1.0)[0])
    expected = 1_000_000 * 50 * 4 / 3 * math.pi * 512e-9 * np.exp(0.1 * np.arange(6))
    assert np.allclose(seen["volume"], expected) and seen["volume"].attrs["units"] == "mm3"
    assert (seen["cells"] == 50_000_000).all() and (seen["t_cells"] == 0).all()


def test_a_caliper_reads_with_its_noise_and_feels_nothing_small() -> None:
    assay = TumourInHost()
    many = assay.measure(volumes(*[1.0] * 400), seed=3)["volume"].isel(time=0)
    true = float(assay.observable(volumes(1.0)[0])["volume"][0])
    cv = N["caliper_cv"]
    assert abs(float(many.mean()) / true - 1) < LIMIT * cv / math.sqrt(400)
    assert abs(float(many.std()) / float(many.mean()) / cv - 1) < 0.3
    small = assay.measure(volumes(1.0, pieces=1))["volume"]
    assert abs(float(np.log(small / 10).mean())) < 1.0  # about the floor of 10 mm3, far above what is there


def test_the_likelihood_knows_how_large_tumours_are() -> None:
    """Data of hosts like the second set are likelier under it; the density of volumes adds up to one."""
    assay = TumourInHost()
    sets = {scale: volumes(0.9 * scale, scale, 1.1 * scale) for scale in (1.0, 2.0, 4.0)}
    data = assay.measure(sets[2.0], seed=1)
    found = {scale: assay.log_likelihood(hosts, data) for scale, hosts in sets.items()}
    assert max(found, key=lambda scale: found[scale]) == 2.0
    day = data.isel(time=[0], replicate=[0])
    at = np.geomspace(10.01, 20_000, 4000)
    density = [math.exp(assay.log_likelihood(sets[2.0], day.assign(volume=day["volume"] * 0 + v))) for v in at]
    assert math.isclose(float(np.trapezoid(density, at)), 1.0, rel_tol=0.02)


def test_a_tumour_is_in_a_host() -> None:
    with pytest.raises(ProtocolError, match="Host"):
        TumourInHost().observable(volumes(1.0, pieces=0)[0])


# --- hosts and refusals -----------------------------------------------------------------------------------------------


def test_cells_of_a_deficient_host_lack_munc13_4() -> None:
    setup = bed(host=Host(immunity="Munc13-4-deficient")).plan()
    at = setup.setup.space.known.levels.index("UNC13D")
    levels = {kind: setup.populations[k].medians[at] for k, kind in enumerate(setup.setup.space.kinds)}
    assert levels["tumour"] > 0
    assert [levels[kind] for kind in ("normal", "transformed", "fibroblast", "t_cell")] == [0, 0, 0, 0]


def test_a_host_without_t_cells_makes_none() -> None:
    tissue = window(start(bed(cells=Mixture({"tumour": 20}), host=Host(immunity="T-cell-deficient"))), windows=3)
    assert stock(tissue, "node_t") == stock(tissue, "blood_t") == 0 == tissue.came


@pytest.mark.parametrize(
    ("make", "kind", "words"),
    [
        (lambda: Host("rat"), ProtocolError, "mouse"),
        (lambda: Host(immunity="none"), ProtocolError, "competent"),
        (lambda: Host(pieces=0), ProtocolError, "pieces"),
        (lambda: Host(pieces=1.5), ProtocolError, "pieces"),  # type: ignore[arg-type]
        (lambda: Capillaries("-1 1/um"), ExudeError, "surface"),
        (lambda: Capillaries("0.04 um"), UnitError, "1/um"),
        (lambda: Capillaries(apart="0 um"), ProtocolError, "apart"),
        (lambda: bed(host=Host(immunity="T-cell-deficient")).plan(), ProtocolError, "T cells"),
        (lambda: bed({"pd_l1_per_exosome": 2000.0}).plan(), ProtocolError, "do not fit on an exosome"),
        (lambda: bed(model="immune").plan(), ProtocolError, "tumour"),
        (lambda: Capillaries().density(grid.Grid((5, 5, 5), 20.0), N, 1, lambda p: np.ones(len(p))), ProtocolError, "inside=True"),
    ],
)  # fmt: skip
def test_bad_input(make: Any, kind: type[ExudeError], words: str) -> None:
    with pytest.raises(kind, match=words):
        make()


def test_a_file_says_it_too(tmp_path: Path) -> None:
    file = tmp_path / "bed.toml"
    file.write_text('[vessels]\nsurface = "0.02 1/um"\napart = "50 um"\n[host]\nspecies = "patient"\npieces = 12\n')
    asked = read_tissue(file)
    assert (asked.vessels, asked.host) == (Capillaries("0.02 1/um", "50 um"), Host("patient", pieces=12))
    assert asked.about == "tumour"
    file.write_text('[host]\nspecies = "rat"\n')
    with pytest.raises(ProtocolError, match="mouse"):
        read_tissue(file)
