"""The story: what is handed on to the bit, resumption, refusals, numbers counted, figure, movie, and the page."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from exude.cascade import CELL
from exude.catalog import read
from exude.cli.main import main
from exude.derive.evaluate import evaluate
from exude.errors import DataError, Interrupted, ProtocolError, UnknownName
from exude.experiment import story as stages
from exude.experiment import story_facts as facts
from exude.experiment.arrange import Among, Scattered
from exude.experiment.story import ARMS, INTACT, WITHOUT, Story, Told, run_story
from exude.experiment.tissue import Tissue
from exude.show import story_movie
from exude.show.story_figure import story_figure
from exude.show.style import write

PAGE = Path(__file__).parent.parent / "docs" / "story.md"
TUMOUR = stages.tumour_tissue
SMALL = Story(quick=True)


def small_tumour(story: Story, arm: str) -> Tissue:
    """The tissue of the story with twelve cells for six hours."""
    cells = Among(Scattered(4), {"t_cell": 4, "fibroblast": 2, "normal": 2})
    return replace(TUMOUR(story, arm), cells=cells, size=("120 um", "120 um"), duration="6 h", burn_in="1 h")


@pytest.fixture(autouse=True)
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stages that end early."""
    monkeypatch.setattr(stages, "HOURS", "50 min")
    monkeypatch.setattr(stages, "YEARS", 1)
    monkeypatch.setattr(stages, "tumour_tissue", small_tumour)
    monkeypatch.setattr(story_movie, "MINUTES", (9, 10, 11))
    monkeypatch.setattr(story_movie, "BODY_PICTURES", 2)


@pytest.fixture(scope="module")
def kept() -> dict[str, Told]:
    """The story once it was told."""
    return {}


@pytest.fixture
def told(kept: dict[str, Told], tmp_path_factory: pytest.TempPathFactory, short: None) -> Told:
    """A small story."""
    if "told" not in kept:
        kept["told"] = run_story(SMALL, tmp_path_factory.mktemp("told") / "story")
    return kept["told"]


def freed(told: Told, arm: str) -> Any:
    data = told.film[arm].data
    return (data["freed_exosomes"] + data["freed_bound_exosomes"]).values


@pytest.mark.parametrize("arm", ARMS)
def test_the_film_carries_the_very_fusions_of_the_cell(told: Told, arm: str) -> None:
    alone, film = told.cell[arm].data, told.film[arm].data
    assert np.array_equal(alone["exosomes"].sel(time=film["time"]).values[0], freed(told, arm))
    assert np.array_equal(alone["fusions"].sel(time=film["time"]).values[0], film["fusions"].values)


def test_reading_mvbs_is_of_the_same_cell(told: Told) -> None:
    for minute in (10, 30):
        found = told.mvbs(minute)["stage"].values
        counted = told.cell[INTACT].data["stage_count"].sel(time=60 * minute).values[0]
        assert [int((found == s).sum()) for s in told.cell[INTACT].data["stage"].values] == list(counted)


def test_the_gene_makes_a_difference_and_only_where_it_should(told: Told) -> None:
    assert freed(told, WITHOUT)[-1] < freed(told, INTACT)[-1]
    same = [told.cell[arm].data["calcium"].values for arm in ARMS]
    assert np.array_equal(same[0], same[1])
    starts = [told.tissue[arm].cells(0)["position"].values for arm in ARMS]
    assert np.array_equal(starts[0], starts[1])


def test_the_body_begins_where_the_tissue_ends(told: Told) -> None:
    for arm in ARMS:
        expected = stages.PIECES * stages.tumour_cells(told.tissue[arm])
        assert float(told.body[arm]["primary"][0]) == expected > 0


def test_a_story_that_was_stopped_goes_on_with_the_same_bits(told: Told, tmp_path: Path) -> None:
    def stop(done: int, total: int, label: str) -> None:
        if label.startswith("tissue, without") and done % stages.PARTS > 30:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match=r"tissue, without UNC13D; 5 of 8 parts are kept .* --resume"):
        run_story(SMALL, tmp_path / "story", progress=stop)
    again = run_story(SMALL, tmp_path / "story", resume=True)
    for arm in ARMS:
        assert again.cell[arm].data.identical(told.cell[arm].data)
        assert again.body[arm].identical(told.body[arm])
        assert again.tissue[arm].data.load().drop_attrs().identical(told.tissue[arm].data.load().drop_attrs())
        assert again.tissue[arm].cells(-1).identical(told.tissue[arm].cells(-1))
    assert facts.sentences(again) == facts.sentences(told)


def test_a_finished_story_is_read_and_not_run(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("run again")

    monkeypatch.setattr(stages, "simulate", never)
    monkeypatch.setattr(stages, "run_cohort", never)
    again = run_story(SMALL, told.folder, resume=True)
    assert again.body[INTACT].identical(told.body[INTACT])


def test_bad_asking_is_refused(told: Told, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UnknownName, match="UNC13D"):
        Story(without="UNC13")
    for seed in (-1, 1.5, True):
        with pytest.raises(ProtocolError, match="seed"):
            Story(seed=seed)  # type: ignore[arg-type]
    with pytest.raises(DataError, match="--resume"):
        run_story(SMALL, told.folder)
    with pytest.raises(DataError, match="the story of"):
        run_story(replace(SMALL, seed=2), told.folder, resume=True)
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="free folder"):
        run_story(SMALL, tmp_path, resume=True)
    (tmp_path / "story.json").write_text("{")
    with pytest.raises(DataError, match="cannot be read"):
        run_story(SMALL, tmp_path, resume=True)
    assert main(["story", "--without", "UNC13", "--out", str(tmp_path / "other")]) == 2
    assert "UNC13D" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


def test_the_share_at_work_is_that_of_the_declared_mechanism(told: Told) -> None:
    run = told.close
    at = int(run.data["calcium"].values[0].argmax())
    calcium = float(run.data["calcium"].values[0, at])
    values = {name: read.value(name) for name in read.parameters()} | {"calcium": calcium}
    expected = evaluate(CELL, "c2a", values) * evaluate(CELL, "c2b", values)
    assert facts.share_at_work(run)[at] == pytest.approx(expected, rel=1e-12)
    found = facts.calcium_facts(run)
    assert 0 < found["share_rest"] < found["share_peak"] < 1
    assert 0 < found["after"] < 60


def test_every_number_is_counted_once() -> None:
    parts = [facts.parameters_of(part) for part in facts.PARTS]
    together = [name for part in parts for name in part]
    assert len(together) == len(set(together)) > 200
    assert all(parts)
    assert set(together) <= set(read.parameters())
    assert sum(sum(facts.statuses(part).values()) for part in facts.PARTS) == len(together)
    assert {"half_c2a", "v_ip3r"} <= set(parts[0])
    assert "k_trigger" in parts[1]
    assert "k_hit" in parts[4]


def test_figure_and_movie_are_drawn(told: Told, tmp_path: Path) -> None:
    pictures = [write(story_figure(told), tmp_path / f"{i}.png").read_bytes() for i in range(2)]
    assert pictures[0] == pictures[1]
    with Image.open(tmp_path / "0.png") as picture:
        assert picture.width > 1300
    with Image.open(story_movie.story_movie(told, tmp_path / "story.gif")) as movie:
        assert movie.n_frames >= 3 + 2 + 2  # type: ignore[attr-defined]
    with pytest.raises(DataError, match="gif"):
        story_movie.story_movie(told, tmp_path / "story.avi")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["0.png", "1.png", "story.gif"]


def test_the_sentences_say_what_the_runs_hold(told: Told) -> None:
    said = facts.sentences(told)
    assert tuple(said) == facts.PARTS
    assert f"set {int(told.cell[INTACT].data['exosomes'][0, -1])} exosomes free" in said["vesicles"]
    assert "without UNC13D" in said["body"]
    assert json.loads((told.folder / stages.BOOK).read_text())["without"] == "UNC13D"


def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_story", PAGE.parent / "make_story.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_current() -> None:
    made = maker()
    page = PAGE.read_text(encoding="utf-8")
    parts = made.made()
    assert len(parts) == 3 * len(facts.PARTS)
    assert made.rewritten(page, parts) == page, "python docs/make_story.py"
    assert made.rewritten(page.replace("k_trigger", "k_other"), parts) == page
    for part in facts.PARTS:
        assert "without" in page.split(f"<!-- said {part} -->\n")[1].split("\n<!-- end -->")[0] or part == "calcium"
        assert parts[f"evidence {part}"]
