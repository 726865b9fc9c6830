"""A tissue as a whole against what its parts must give: walks, growth, death, pores, drugs, place in the box.

Statistics: every comparison is held to |z| < 5, so the file fails by chance less than once in 100,000 runs.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import exude
from exude.experiment.arrange import At
from exude.experiment.matrix import Film, Gel, Plastic
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Frame, Tissue

Z = 5.0
ALONE = {"cell_repulsion": 0.0, "cell_adhesion": 0.0, "most_pressure": 1e9}
"""Cells that do not feel each other."""


def numbers(**changed: float) -> Numbers:
    return Numbers.default().but(**changed)


def scattered(cells: int, side: float, apart: float = 24.0, layers: int = 1) -> At:
    """Cells in rows about the middle of a box, none on top of another."""
    per = math.ceil((cells / layers) ** 0.5)
    row = side / 2 + apart * (np.arange(per) - (per - 1) / 2)
    up = row[:layers] if layers > 1 else [0.0]
    return At(tuple((float(x), float(y), float(z)) for z in up for x in row for y in row)[:cells])


def dish(**changes: Any) -> Tissue:
    """A dish of cells alike on plastic that do nothing but walk and divide; releases are few."""
    base = Tissue(
        matrix=Plastic(), cells=scattered(200, 2000.0), size=("2000 um", "2000 um"), voxel="50 um", duration="8 h",
        every="1 h", alike=True, burn_in="10 min", threads=1, numbers=numbers(**ALONE),
    )  # fmt: skip
    return replace(base, **changes)


def frames(tissue: Tissue) -> list[Frame]:
    kept = []
    for now in tissue.plan().frames():
        fields = {name: np.array(values) for name, values in now.fields.items()}
        cells = {name: np.array(values) for name, values in now.cells.items()}
        kept.append(now._replace(fields=fields, cells=cells))
    return kept


def by_id(frame: Frame) -> dict[int, np.ndarray]:
    return dict(zip(frame.cells["id"].tolist(), frame.cells["position"], strict=True))


def test_cells_walk_as_declared() -> None:
    found = frames(dish(numbers=numbers(**ALONE, k_divide=0.0), cells=scattered(400, 2000.0)))
    at = [by_id(frame) for frame in found]
    speed, persistence = (numbers()[name] for name in ("walk_speed", "walk_persistence"))
    for hours in (1, 2, 4, 8):
        moved = np.array([np.sum((at[hours][i] - at[0][i])[:2] ** 2) for i in at[0]])
        t = hours * 3600.0
        exact = 2 * speed**2 * persistence * (t - persistence * (1 - math.exp(-t / persistence)))
        assert abs(moved.mean() - exact) < Z * moved.std() / math.sqrt(len(moved)), hours


def test_cells_divide_at_their_rate() -> None:
    """Free cells, their pressure switched off: the number grows as exp(k t), with the volume of each kept in bounds."""
    free = numbers(**ALONE, k_divide=math.log(2) / (12 * 3600.0))
    found = frames(dish(duration="12 h", every="6 h", numbers=free, cells=scattered(300, 2000.0)))
    start, end = (len(frame.cells["id"]) for frame in (found[0], found[-1]))
    gained = end / start  # 2 on average; each founder divides about once, so its spread is below one half
    assert abs(gained - 2.0) < Z * 0.5 / math.sqrt(start) + 0.05  # a window's delay and an uneven start
    radius = found[-1].cells["radius"]
    mean = numbers()["cell_radius"]
    assert mean * math.log(2) ** (1 / 3) * 0.999 < radius.min() < radius.max() < mean * 1.2
    assert len(set(found[-1].cells["id"].tolist())) == end


def test_cells_die_without_oxygen() -> None:
    rate = 1 / 7200.0
    choked = numbers(**ALONE, oxygen_normal=1e-3, k_starve=rate, k_divide=0.0)
    places = scattered(200, 240.0, 24.0, layers=5)
    found = frames(
        dish(
            cells=places,
            size=("240 um",) * 3,
            voxel="40 um",
            duration="2 h",
            every="1 h",
            numbers=choked,
            matrix=Gel("0 mg/ml"),
        )
    )
    left = len(found[-1].cells["id"])
    expected = 200 * math.exp(-rate * 7200.0)
    assert abs(left - expected) < Z * math.sqrt(expected) + 3  # deaths take effect at a window's end


def test_a_cell_with_oxygen_lives() -> None:
    places = At(((40.0, 40.0, 40.0),))
    found = frames(dish(cells=places, size=("80 um",) * 3, voxel="20 um", duration="1 h", matrix=Gel("0 mg/ml")))
    assert found[-1].series["died"] == 0
    assert found[-1].fields["oxygen"].min() > 0.5 * numbers()["oxygen_normal"]


@pytest.mark.parametrize(("collagen", "moves"), [("1 mg/ml", True), ("10 mg/ml", False)])
def test_pores_let_cells_pass_or_not(collagen: str, moves: bool) -> None:
    """Below a tenth of the nucleus's section (10 mg/ml: pores of 6.25 um2) nobody moves when nothing is cut."""
    places = At(tuple((40.0 + 30.0 * i, 100.0, 100.0) for i in range(5)))
    found = frames(
        dish(
            what=(exude.Drug("GM6001", "400 uM"),),
            cells=places,
            size=("200 um",) * 3,
            voxel="20 um",
            duration="2 h",
            matrix=Gel(collagen),
            numbers=numbers(**ALONE, k_divide=0.0),
        )
    )
    first, last = by_id(found[0]), by_id(found[-1])
    far = [float(np.sqrt(np.sum((last[i] - first[i]) ** 2))) for i in first]
    assert (min(far) > 1.0) if moves else (max(far) < 1.0)


def test_a_drug_that_comes_later_stops_what_goes_on() -> None:
    film = Tissue(
        matrix=Film(), cells=At(((50.0, 50.0, 0.0),)), size=("100 um", "100 um"), voxel="5 um", duration="2 h", every="1 h",
        burn_in="10 min", alike=True, threads=1, what=(exude.Drug("GM6001", "400 uM", at="1 h"),),
    )  # fmt: skip
    cut = [frame.series["amount_fragments"] for frame in frames(film)]
    free = [frame.series["amount_fragments"] for frame in frames(replace(film, what=()))]
    assert cut[1] == pytest.approx(free[1], rel=1e-6)
    assert cut[2] - cut[1] < 0.05 * (free[2] - free[1])


def test_where_a_tumour_stands_does_not_matter() -> None:
    """Moved by whole voxels, cells do the same but for rounding, and the film but for what walls send back."""

    def placed(shift: float) -> list[Frame]:
        here = At(tuple((70.0 + 25.0 * i + shift, 80.0 + shift, 0.0) for i in range(3)))
        return frames(
            dish(cells=here, size=("240 um", "240 um"), voxel="10 um", duration="1 h", matrix=Film(), numbers=numbers())
        )

    one, other = placed(0.0)[-1], placed(50.0)[-1]
    assert np.allclose(other.cells["position"][:, :2] - one.cells["position"][:, :2], 50.0, atol=1e-6)
    a, b = one.fields["collagen"][0], other.fields["collagen"][0]
    assert np.allclose(b[5:, 5:], a[:-5, :-5], atol=1e-3 * a.max())  # exosomes that reach a wall come back from it
    assert a.min() < 0.9 * a.max()  # something was cut


def test_knock_down_cuts_less_and_rescue_brings_it_back() -> None:
    kd = exude.KnockDown("UNC13D", to=0.1)
    places = At(tuple((40.0 + 40.0 * i, 40.0 + 40.0 * j, 0.0) for i in range(3) for j in range(3)))
    cut = {}
    for name, what in {"wild": (), "without": (kd,), "rescued": (kd, exude.Rescue("UNC13D"))}.items():
        film = Tissue(
            what=what, matrix=Film(), cells=places, size=("160 um", "160 um"), voxel="5 um", duration="3 h", every="3 h",
            burn_in="12 h", threads=1,
        )  # fmt: skip
        cut[name] = frames(film)[-1].series["amount_fragments"]
    assert cut["without"] < 0.9 * cut["wild"]
    assert cut["rescued"] > 0.9 * cut["wild"]
