"""The pathway diagram: its rates are those of the mean field, its proteins are read from the declaration."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch

import exude
from exude.cascade import CELL
from exude.catalog import read
from exude.derive.symbols import Symbols
from exude.errors import ProtocolError
from exude.model import DEGRADED, RELEASED, Cascade, Definition, Level, Transition
from exude.show.pathway import Actor, CellState, Pathway, Step, pathway
from exude.show.pathway_axes import THICKEST, Flow, Widths
from exude.show.pathway_figure import pathway_figure
from exude.show.pathway_scene import Scene

LINE = "MDA-MB-231"
DONE = (exude.KnockDown("UNC13D", to=0.2), exude.Drug("nocodazole", "10 uM", at="2 min"),
        exude.Stimulus("ionomycin", "5 uM", at="5 min"))  # fmt: skip
HOUR = 3600.0


@pytest.fixture(scope="module")
def rest() -> Pathway:
    return pathway(LINE)


@pytest.fixture(scope="module")
def treated() -> Pathway:
    return pathway(LINE, *DONE, at="10 min", duration="20 min")


def step(of: Pathway, name: str) -> Step:
    return next(s for s in (*of.steps, *of.streams) if s.name == name)


def genes(of: Step) -> set[str]:
    return {actor.symbol for actor in of.actors}


def words(figure: Figure) -> list[str]:
    return [t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")) if t.get_text()]


def total(of: Pathway, *, source: str = "", target: str = "", ilvs: bool = False) -> float:
    chosen = [s for s in of.steps if s.source == (source or s.source) and s.target == (target or s.target)]
    return sum(s.ilvs if ilvs else s.flux for s in chosen)


def test_rates_are_the_slopes_of_what_the_mean_field_counts(treated: Pathway) -> None:
    course = exude.expect(LINE, *DONE, duration="20 min", every="1 s").sel(time=[599, 601])
    per_hour = HOUR / 2
    told = {
        "births": step(treated, "birth").flux, "growths": step(treated, "growth").flux,
        "mergers": step(treated, "merger").flux, "fusions": total(treated, target=RELEASED),
        "exosomes": total(treated, target=RELEASED, ilvs=True), "lysosome_fusions": total(treated, target=DEGRADED),
        "ilvs_degraded": total(treated, target=DEGRADED, ilvs=True), "shed": step(treated, "shed").flux,
    }  # fmt: skip
    for name, value in told.items():
        assert value == pytest.approx(float(course[name][1] - course[name][0]) * per_hour, rel=1e-3), name
    change = (course["stage_count"][1] - course["stage_count"][0]).values * per_hour
    for stage, found in zip(treated.stages, change, strict=True):
        own = [s for s in treated.steps if s.source != s.target]
        net = sum(s.flux * ((s.target == stage) - (s.source == stage)) for s in own)
        net -= step(treated, "merger").flux * (stage == "immature")
        assert net == pytest.approx(found, rel=2e-3, abs=2e-3), stage


def test_at_rest_as_many_come_as_go(rest: Pathway) -> None:
    for stage, count in rest.stages.items():
        come, go = total(rest, target=stage), total(rest, source=stage)
        if stage == "immature":  # growth and mergers come back; a merger takes one of two
            go += step(rest, "merger").flux
        assert come == pytest.approx(go, rel=1e-2), stage
        assert count > 0
    assert rest.when == "at rest" and rest.conditions == ("untreated",)


def test_proteins_are_those_the_rate_depends_on(rest: Pathway) -> None:
    assert genes(step(rest, "priming")) == {"UNC13D", "UNC13B", "STX4", "SNAP23", "VAMP7"}
    assert genes(step(rest, "docking")) == {"RAB27A", "RAB27B", "CTTN"}
    assert genes(step(rest, "loss_travelling")) == {"RAB7A"}
    assert not genes(step(rest, "maturation"))
    assert step(rest, "fusion").senses == ("calcium",) and not step(rest, "docking").senses
    calcium, er, ilvs = rest.gauges
    assert {"ORAI1", "STIM1", "ATP2B1"} <= {a.symbol for a in calcium.actors} and calcium.unit == er.unit == "uM"
    assert "HRH1" not in {a.symbol for a in calcium.actors}  # nothing to bind without histamine
    assert {a.symbol for a in ilvs.actors} == {"HGS", "PDCD6IP", "SMPD3"} and 5 < ilvs.value < 50


def test_a_rival_mechanism_names_other_proteins(rest: Pathway) -> None:
    lysosome = pathway(LINE, settings=exude.Settings(hypothesis="to-lysosome"))
    annexin = pathway(LINE, settings=exude.Settings(hypothesis="with-annexin-a6"))
    assert "UNC13D" in genes(step(lysosome, "loss_travelling"))
    assert "ANXA6" in genes(step(annexin, "fusion")) and "ANXA6" not in genes(step(rest, "fusion"))


def test_what_the_experiment_set_is_marked(treated: Pathway) -> None:
    (munc,) = (a for a in step(treated, "fusion").actors if a.symbol == "UNC13D")
    assert munc.changed and munc.level == pytest.approx(0.2 * munc.own)
    (tubules,) = step(treated, "transport").actors
    assert tubules.symbol == "microtubules" and tubules.changed and tubules.level < 0.5
    said = words(pathway_figure(treated))
    assert "UNC13D ×0.2" in said and any(text.startswith("microtubules ×") for text in said)


def test_a_stimulus_that_begins_at_the_time_of_reading_has_not_yet_acted() -> None:
    done = exude.Stimulus("ionomycin", "5 uM", at="5 min")
    before, after = (pathway(LINE, done, at=at, duration="10 min") for at in ("5 min", "6 min"))
    assert before.gauges[0].value == pytest.approx(pathway(LINE).gauges[0].value, rel=1e-3)
    assert after.gauges[0].value > 2 * before.gauges[0].value
    assert not any(a.symbol == "ionophore" for a in before.gauges[0].actors)
    with pytest.raises(ProtocolError, match="a time within the run of 10 min"):
        pathway(LINE, done, at="11 min", duration="10 min")


def declared_anew() -> Symbols:
    """The cell with a stage, a protein and three transitions more."""
    endosomes = next(c for c in CELL.chapters if c.life_cycle is not None)
    cycle = CELL.life_cycle
    more = (
        Transition("recycling", "primed", "travelling", rate="retrieval"),
        Transition("loss_primed", "primed", DEGRADED, rate="k_undock * RAB7A"),
        Transition("kiss", "docked", RELEASED, rate="k_undock"),
        Transition("trap", "primed", "trapped", rate="k_undock"),
    )
    changed = replace(
        endosomes,
        levels=(*endosomes.levels, Level("RAB5A", varies=True, meaning="early endosomes")),
        definitions=(*endosomes.definitions, Definition("retrieval", "k_undock * RAB5A", "1/s")),
        life_cycle=replace(cycle, stages=(*cycle.stages, "trapped"), transitions=(*cycle.transitions, *more)),
    )
    cascade = Cascade(tuple(changed if c is endosomes else c for c in CELL.chapters))
    found = Symbols(cascade, {name: number.unit for name, number in read.parameters().items()})
    found.check()
    return found


def test_what_is_added_to_the_declaration_is_read_and_drawn(rest: Pathway) -> None:
    symbols = declared_anew()
    levels = np.array([level.normal for level in symbols.cascade.levels])
    traces = np.array([read.value(t.start) for t in symbols.cascade.traces])
    states = np.zeros((6, 4, 6))
    states[:, 0, 0] = [10.0, 5.0, 2.0, 1.0, 4.0, 0.5]
    numbers = {name: read.value(name) for name in read.parameters()}
    state = CellState(symbols, numbers, levels, levels, traces, states)
    steps = tuple(state.step(t) for t in symbols.cascade.life_cycle.transitions)
    back = next(s for s in steps if s.name == "recycling")
    assert back.flux == pytest.approx(4.0 * read.value("k_undock") * HOUR) and genes(back) == {"RAB5A"}
    anew = replace(rest, stages=state.stages(), steps=steps)
    assert {s.name for s in Scene.of(anew, None).lanes} == {"recycling", "kiss", "fusion"}  # they skip a stage
    figure = pathway_figure(anew)
    said = words(figure)
    for name in ("recycling", "kiss", "trap", "trapped", "RAB5A"):
        assert name in said, name
    assert said.count("loss") == 4
    arrows = [p for p in figure.findobj(PathPatch) if not p.get_fill()]
    assert len(arrows) == len(steps) + len(rest.streams)


def test_every_stage_and_transition_is_drawn_and_every_word_is_inside(rest: Pathway, treated: Pathway) -> None:
    for figure in (pathway_figure(rest), pathway_figure(treated, rest)):
        said = words(figure)
        for stage in CELL.life_cycle.stages:
            assert stage in said
        for t in CELL.life_cycle.transitions:
            assert re.sub(r"_.*", "", t.name) in said, t.name
        assert len([p for p in figure.findobj(PathPatch) if not p.get_fill()]) >= len(CELL.life_cycle.transitions)
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        for text in figure.findobj(lambda a: hasattr(a, "get_text") and a.get_text()):
            bounds = text.get_window_extent(renderer)
            assert bounds.x0 >= 0 and bounds.x1 <= figure.bbox.x1, text.get_text()
            assert bounds.y0 >= 0 and bounds.y1 <= figure.bbox.y1, text.get_text()


def test_words_of_neighbours_do_not_touch(rest: Pathway, treated: Pathway) -> None:
    for figure in (pathway_figure(rest), pathway_figure(treated, rest)):
        renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
        found = [(t.get_text(), t.get_window_extent(renderer)) for t in figure.axes[0].texts]
        for i, (text, one) in enumerate(found):
            for other, two in found[i + 1 :]:
                wide = min(one.x1, two.x1) - max(one.x0, two.x0)
                high = min(one.y1, two.y1) - max(one.y0, two.y0)
                assert wide < 3 or high < 0.4 * min(one.height, two.height), (text, other)


def test_width_of_a_line_is_the_root_of_its_rate(rest: Pathway) -> None:
    widths = Widths(100.0)
    assert widths(100.0) == THICKEST and widths(25.0) == pytest.approx(THICKEST / 2) and widths(0.0) > 0
    drawn = {p.get_linewidth() for p in pathway_figure(rest).findobj(PathPatch) if not p.get_fill()}
    most = max(s.flux for s in (*rest.steps, *rest.streams))
    for name in ("growth", "birth", "fusion", "shed"):
        expected = THICKEST * (step(rest, name).flux / most) ** 0.5
        assert any(width == pytest.approx(expected) for width in drawn), name


def test_colour_says_whether_a_step_is_more_frequent_than_in_the_control() -> None:
    one = Step("a", "x", "y", 10.0)
    colours = [Flow(one, before).colour for before in (5.0, 10.5, 20.0, float("nan"))]
    assert colours[0] == colours[3] and len(set(colours)) == 3


def test_a_mutant_is_named_where_it_acts_and_what_it_has_lost_where_it_does_not() -> None:
    made = pathway(LINE, exude.KnockOut("UNC13D"), exude.Rescue("UNC13D", "Rab27a-binding-dead"))
    assert "UNC13D_mutant" in genes(step(made, "growth"))
    assert "mutant_rab27" in genes(step(made, "fusion")) and "UNC13D_mutant" not in genes(step(made, "fusion"))
    said = words(pathway_figure(made, pathway(LINE)))
    assert "UNC13D mutant 1" in said and "mutant rab27 ×0" in said and "UNC13D ×0" in said
    assert Actor("UNC13D", 0.0, 1.0).changed and not Actor("UNC13D", 1.0, 1.0).changed
