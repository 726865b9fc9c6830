"""Texts of the surroundings: symbols, units, what is at hand, and leaves against another reading of the same texts."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numba import njit

from exude.cascade import TISSUE
from exude.catalog import read
from exude.derive.evaluate import reader
from exude.derive.space import Space
from exude.engine import build
from exude.errors import DeclarationError
from exude.model import Cascade, Chapter, Field, Pool, Reaction

UNITS = {name: number.unit for name, number in read.parameters().items()}
OWN_UNITS = {"k_one": "1/s", "half_one": "uM", "steep": "", "slow": "1/s"}
EVERY_FUNCTION = Chapter(
    name="every function",
    fields=(Field("ink", "uM"), Field("dye", "uM"), Field("pulp", "uM")),
    reactions=(
        Reaction("hill", "k_one * hill(ink, half_one, steep) * dye", {"ink": -1, "dye": 1}),
        Reaction("fall", "k_one * fall(dye, half_one, 2) * ink", {"dye": -1, "pulp": 1}),
        Reaction("power", "k_one * (ink / half_one) ** steep * dye", {"ink": -1, "pulp": 1}),
        Reaction("square", "slow * ink ** 2 / (half_one + dye)", {"ink": -1, "pulp": 1}),
        Reaction("ratio", "slow * ratio(ink, dye) * pulp", {"pulp": -1, "dye": 1}),
        Reaction("bound", "slow * max(ink, dye) * min(1, pulp / half_one)", {"ink": -1, "dye": 1}),
        Reaction("exp", "slow * exp(-ink / half_one) * log(1 + dye / half_one) * pulp", {"pulp": -1, "ink": 1}),
        Reaction("sqrt", "slow * sqrt(ink * dye) * mix(dye / half_one, steep / 2)", {"dye": -1, "pulp": 1}),
        Reaction("saturate", "slow * saturate(dye / half_one, steep) * pulp", {"dye": -2, "ink": 1}),
    ),
)
FAULT = 1e-6
"""A leaf off by this share would be seen: the checks below are 100 times finer."""


@cache
def tissue(rich: bool = True) -> Space:
    """The declared tissue, with a chapter that uses every function of the grammar."""
    return Space(Cascade((*TISSUE.chapters, EVERY_FUNCTION)), UNITS | OWN_UNITS) if rich else Space(TISSUE, UNITS)


def with_reaction(rate: str, changes: dict[str, int] | None = None) -> Space:
    extra = Chapter(name="extra", reactions=(Reaction("planted", rate, changes or {"collagen": -1}),))
    return Space(Cascade((*TISSUE.chapters, extra)), UNITS)


def point(space: Space, seed: int) -> dict[str, np.ndarray]:
    """Random positive numbers for all that leaves read, over three decades."""
    rng = np.random.default_rng(seed)
    sizes = {
        "p": len(space.parameters), "g": len(space.known.levels), "d": len(space.deposits), "y": len(space.fields),
    }  # fmt: skip
    return {name: 10.0 ** rng.uniform(-2.0, 1.0, max(1, n)) for name, n in sizes.items()}


@cache
def leaves():
    """Leaves of a place, wrapped so that Python can call them."""
    m = build.tissue(tissue())
    constants, react, fill = m.place_constants, m.react, m.fill_jacobian
    mobilities, fast_loss = m.mobilities, m.fast_loss

    @njit(error_model="numpy")
    def slopes(p, g, d, y, out):
        react(constants(p, g), d, y, out)

    @njit(error_model="numpy")
    def jacobian(p, g, d, y, out):
        fill(constants(p, g), d, y, out)

    @njit(error_model="numpy")
    def speeds(p, g, d, y):
        return mobilities(p, g, d, y), fast_loss(p, g, d, y)

    return slopes, jacobian, speeds


def by_texts(space: Space, at: dict[str, np.ndarray]) -> np.ndarray:
    """d fields / dt by the plain reader of rate texts."""
    given = {
        **dict(zip(space.parameters, at["p"], strict=True)), **dict(zip(space.known.levels, at["g"], strict=True)),
        **dict(zip(space.fields, at["y"], strict=True)), **dict(zip(space.deposits, at["d"], strict=True)),
    }  # fmt: skip
    text, out = reader(space.cascade, given), np.zeros(space.reacting)
    for r in space.cascade.reactions:
        rate = text(r.rate)
        for name, times in r.changes.items():
            if name in space.fields[: space.reacting]:
                out[space.fields.index(name)] += times * rate
    return out


def test_symbols_are_ordered_by_kind():
    space = tissue(rich=False)
    fast = [f.symbol for f in TISSUE.fields if f.fast]
    assert list(space.fields[space.reacting :]) == fast
    assert fast
    assert set(space.moving) == {f.symbol for f in TISSUE.fields if f.diffusion and not f.fast}
    assert set(space.parameters) <= set(UNITS)
    assert {"collagen", "oxygen"} <= space.read_by_cells
    space.check()


def test_every_parameter_listed_is_read():
    source = tissue(rich=False).source()
    unread = [i for i in range(len(tissue(rich=False).parameters)) if f"p[{i}]" not in source]
    named = {tissue(rich=False).parameters[i] for i in unread}
    ends = {f.start for f in TISSUE.fields} | {f.edge for f in TISSUE.fields} | {f.diffusion for f in TISSUE.fields}
    assert named <= ends  # start, edge and speed of a fast field are read once, in Python


@pytest.mark.parametrize(
    ("rate", "says"),
    [
        ("k_bind * collagen ** 2 * collagen", "planted"),  # wrong unit: the reaction is named
        ("k_unbind * colagen", "collagen"),  # unknown: the nearest name
        ("k_unbind * collagen * ca", "ca"),  # a cell's calcium is not at hand at a place
        ("k_unbind * collagen * surface_mt1", "surface_mt1"),  # nor is a cell's pool
    ],
)
def test_a_wrong_text_is_refused_by_name(rate, says):
    with_reaction("k_unbind * collagen").check()  # the same reaction with a right text passes
    with pytest.raises(DeclarationError, match=says):
        with_reaction(rate).check()


def test_a_change_of_no_field_is_refused():
    with pytest.raises(DeclarationError, match="did you mean 'collagen'"):
        with_reaction("k_unbind * collagen", {"collagem": -1}).check()


def test_changes_of_two_units_are_refused():
    with pytest.raises(DeclarationError, match="fields of one unit"):
        with_reaction("k_unbind * collagen", {"collagen": -1, "exosomes": 1}).check()


def test_a_wrong_unit_of_a_parameter_is_found_where_it_is_read():
    with pytest.raises(DeclarationError, match="k_unbind"):
        Space(TISSUE, UNITS | {"k_unbind": "uM"}).check()


@pytest.mark.parametrize("seed", range(12))
def test_leaves_agree_with_the_plain_reading(seed):
    space, at = tissue(), point(tissue(), seed)
    slopes, _, speeds = leaves()
    out = np.empty(space.reacting)
    slopes(at["p"], at["g"], at["d"], at["y"], out)
    expected = by_texts(space, at)
    largest = np.abs(expected).max()
    assert np.abs(out - expected).max() <= FAULT / 100 * largest
    assert np.allclose(out, expected, rtol=1e-9, atol=1e-13 * largest)
    given = {
        **dict(zip(space.parameters, at["p"], strict=True)), **dict(zip(space.known.levels, at["g"], strict=True)),
        **dict(zip(space.fields, at["y"], strict=True)), **dict(zip(space.deposits, at["d"], strict=True)),
    }  # fmt: skip
    fields, read_off = {f.symbol: f for f in space.cascade.fields}, reader(space.cascade, given)
    moving, lost = speeds(at["p"], at["g"], at["d"], at["y"])
    assert np.allclose(moving, [read_off(fields[name].diffusion) for name in space.moving], rtol=1e-12)
    taken = -sum(r.changes["oxygen"] * read_off(r.rate) for r in space.cascade.reactions if "oxygen" in r.changes)
    assert np.allclose(lost[0], taken / given["oxygen"], rtol=1e-12)


def test_another_rate_is_seen():
    """The plain reading of a model with one coefficient more in one rate is far outside the tolerance above."""
    space = tissue()
    chapters = list(space.cascade.chapters)
    first, *rest = chapters[-1].reactions
    chapters[-1] = replace(chapters[-1], reactions=(replace(first, rate=f"(1 + 1) * {first.rate}"), *rest))
    planted = Space(Cascade(tuple(chapters)), space.parameter_units)
    at = point(space, 1)
    out = np.empty(space.reacting)
    leaves()[0](at["p"], at["g"], at["d"], at["y"], out)
    off = np.abs(out - by_texts(planted, at)).max() / np.abs(out).max()
    assert off > FAULT


@pytest.mark.parametrize("seed", range(12))
def test_jacobian_agrees_with_differences(seed):
    space, at = tissue(), point(tissue(), 100 + seed)
    slopes, jacobian, _ = leaves()
    n = space.reacting
    found, expected, noise = np.empty((n, n)), np.empty((n, n)), np.empty(n)
    jacobian(at["p"], at["g"], at["d"], at["y"], found)
    for q in range(n):
        step = 1e-5 * at["y"][q]
        ends = []
        for sign in (1.0, -1.0):
            y, out = at["y"].copy(), np.empty(n)
            y[q] += sign * step
            slopes(at["p"], at["g"], at["d"], y, out)
            ends.append(out)
        expected[:, q] = (ends[0] - ends[1]) / (2.0 * step)
        noise[q] = np.finfo(float).eps * np.abs(ends).max() / step  # of a difference of large numbers
    reach = np.abs(expected).max(axis=0, keepdims=True)
    reach[reach == 0.0] = 1.0
    assert (np.abs(found - expected) < 1e-4 * reach + noise).all()
    wrong = found.copy()
    at_most = np.unravel_index(np.argmax(np.abs(found) / reach), found.shape)
    wrong[at_most] *= 1.001  # a planted fault of 0.1 %
    assert np.abs((wrong - expected) / reach).max() > 1e-4


@pytest.mark.parametrize("unit", ["", "item"])
def test_a_pool_that_fusions_do_not_fill_needs_no_unit_of_nothing(unit):
    extra = Chapter(name="extra", pools=(Pool("held", unit, gain="0", loss="k_escape"),))
    Space(Cascade((*TISSUE.chapters, extra)), UNITS).check()
    wrong = Chapter(name="extra", pools=(Pool("held", "item", gain="k_escape", loss="k_escape"),))
    with pytest.raises(DeclarationError, match="gain of held"):
        Space(Cascade((*TISSUE.chapters, wrong)), UNITS).check()


def test_surroundings_without_cells_of_any_kind_have_leaves():
    bare = tuple(replace(chapter, behaviours=(), kinds=()) for chapter in TISSUE.chapters)
    text = Space(Cascade(bare), UNITS).source()
    compile(text, "leaves", "exec")
    assert "behave_-1" not in text
