"""Figures and report: words and units where they belong, the same bytes twice, nothing loaded from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex

import exude
import studies
from exude.cascade import ALL
from exude.engine.grid import Grid
from exude.experiment.assays.exosome_uptake import ExosomeUptake
from exude.experiment.assays.measures import Snapshot, TissueReading
from exude.show import axes, report
from exude.show.figures import draw, save, summary, verdict_line
from exude.show.run_figures import figure_of, run_figure, summary_figure
from exude.show.style import INK, new_figure, wrap, write
from exude.show.tissue_axes import KINDS as KIND_COLOURS
from exude.show.tissue_axes import VIEWS, draw_kinds, view_of
from exude.show.tissue_figures import co_culture_figure, gene_transfer_figure, uptake_figure


@pytest.fixture(scope="module")
def run() -> exude.Run:
    ionomycin = exude.Stimulus("ionomycin", "5 uM", at="5 min", until="20 min")
    return exude.simulate("MDA-MB-231", ionomycin, duration="30 min", cells=8, seed=2)


def words(figure: object) -> str:
    return " ".join(t.get_text() for t in figure.findobj(lambda a: hasattr(a, "get_text")))  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", studies.panels())
def test_a_panel_has_title_and_labels_with_units(name: str) -> None:
    panel = studies.panels()[name]
    figure = draw(panel)
    (drawn,) = figure.axes
    assert drawn.get_xlabel() and (drawn.get_ylabel() or drawn.get_yticklabels())
    assert panel.title in words(figure).replace("\n", " ")
    labels = drawn.get_xlabel() + drawn.get_ylabel()
    assert re.search(r"\((per cell|min|share|µm|1/µm|s|per decade)\)", labels.replace("\n", " ")), labels


@pytest.mark.parametrize("name", studies.panels())
def test_text_stays_inside_the_figure(name: str) -> None:
    figure = draw(studies.panels()[name])
    renderer = figure.canvas.get_renderer()
    for text in figure.findobj(lambda a: hasattr(a, "get_text") and a.get_text() and a.get_visible()):
        if text in figure.axes[0].get_xticklabels() + figure.axes[0].get_yticklabels():
            continue
        box = text.get_window_extent(renderer)
        assert box.x0 >= -2 and box.x1 <= figure.bbox.x1 + 2, text.get_text()
        assert box.y0 >= -2 and box.y1 <= figure.bbox.y1 + 2, text.get_text()


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    panel = studies.panels()["release-calcium"]
    first, second = (save(draw(panel), tmp_path / name) for name in ("a", "b"))
    for one, other in zip(first, second, strict=True):
        assert one.read_bytes() == other.read_bytes()
    svg = first[0].read_text()
    assert "<text" in svg and "<dc:date>" not in svg


def test_summary_names_every_statement_and_verdict() -> None:
    said = words(summary(studies.panels(), studies.rows())).replace("\n", " ")
    for panel in studies.panels().values():
        assert panel.title in said
    for verdict in ("agrees", "disagrees", "not scored", "weak", "predicted", "fit"):
        assert verdict in said


def test_verdict_counts_the_rows_of_the_default_mechanism_only() -> None:
    row = {"id": "a", "role": "predicted", "verdict": "agrees"}
    other = {**row, "verdict": "disagrees"}
    assert verdict_line([row, {**other, "hypothesis": "c2b-only"}])[0] == "✓ agrees · predicted"
    assert verdict_line([row, other])[0] == "✗ 1 of 2 rows agree · predicted"
    assert verdict_line([])[0] == "– not scored"


def test_run_figure_shows_all_parts_with_units(run: exude.Run, tmp_path: Path) -> None:
    figure = run_figure(run)
    said = words(figure).replace("\n", " ")
    for label in ("free calcium (µM)", "exosomes released (per cell)", "MVBs (mean per cell)", "MVB diameter (µm)",
                  "time (min)", "cell (number)", "ionomycin 5 µM", "8 cells, seed 2"):  # fmt: skip
        assert label in said
    assert write(figure, tmp_path / "run.pdf").stat().st_size > 5000


def test_summary_figure_shows_all_parts_with_units() -> None:
    made = exude.summarise("MDA-MB-231", duration="1 h", cells=64, settings=exude.Settings(burn_in="1 h"))
    said = words(figure_of(made))
    assert said == words(summary_figure(made))
    for part in ("free calcium (µM)", "exosomes released (per cell)", "share of cells", "time (min)", "64 cells"):
        assert part in said, part


def test_run_figure_without_events_or_snapshots() -> None:
    settings = exude.Settings(events=False, snapshots=())
    run = exude.simulate("MDA-MB-231", duration="10 min", cells=1, seed=1, settings=settings)
    said = words(run_figure(run))
    assert "no fusion was recorded" in said and "no MVB was read" in said


def test_figures_leave_their_input_alone(run: exude.Run) -> None:
    before = run.data.copy(deep=True)
    run_figure(run)
    assert before.identical(run.data)


def test_labels_are_spread_apart() -> None:
    placed = axes.spread_apart([0.5, 0.51, 0.52, 0.99], [0.1] * 4)
    gaps = np.diff(sorted(placed.values()))
    assert (gaps >= 0.1 - 1e-9).all() and max(placed.values()) <= 1.05


def test_units_in_brackets_stay_whole() -> None:
    assert wrap("exosomes released (per cell)", 20) == "exosomes released\n(per cell)"
    assert wrap("knock-\ndown", 20) == "knock-down"


class Page(HTMLParser):
    """Collects tags with attributes and checks that they close."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {k: v or "" for k, v in attrs}))
        if tag not in ("meta", "img", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def page() -> str:
    return report.render(studies.study(), again="exude reproduce --seed 3")


def test_report_stands_alone(page: str) -> None:
    parsed = Page(page)
    assert not parsed.open
    for tag, attrs in parsed.tags:
        assert tag not in ("script", "link", "iframe", "object")
        if "src" in attrs:
            assert attrs["src"].startswith("data:image/")
        if tag != "a":
            assert not attrs.get("href", "").startswith("http")
    assert "@import" not in page and "url(" not in page


def test_report_can_be_read_by_everyone(page: str) -> None:
    tags = Page(page).tags
    assert ("html", {"lang": "en"}) in tags
    assert all(a.get("alt") for t, a in tags if t == "img")
    assert all(a.get("scope") in ("col", "row") for t, a in tags if t == "th")
    assert sum(t == "h1" for t, _ in tags) == 1 and "@media print" in page
    ids = [a["id"] for _, a in tags if "id" in a]
    assert len(ids) == len(set(ids))
    inner = {a["href"][1:] for t, a in tags if t == "a" and a["href"].startswith("#")}
    assert inner <= set(ids)


def test_report_says_what_was_done_and_found(page: str) -> None:
    from exude.catalog import read

    assert "Calcium raises release &lt;fivefold&gt;." in page  # words of a study are escaped
    for text in ("seed 3", "exude reproduce --seed 3", "under c2b-only", "weak: 93 %", "5 (4 to 6), fold", "disagrees",
                 "not scored", "second reading differs", "10.1083/jcb.201710132", "Limits of validity", "wild type"):  # fmt: skip
        assert text in page, text
    assert all(f"<code>{symbol}</code>" in page for symbol in read.parameters())


def test_rival_mechanisms_stand_side_by_side() -> None:
    rows = studies.rows()
    other = {**rows[-1], "says": "Another finding in the same cells."}
    compared = report.rivals([*rows, other])
    assert compared["names"] == ["both-c2", "c2b-only"]
    first, second = compared["lines"].values()
    assert set(first) == {"both-c2", "c2b-only"} and set(second) == {"c2b-only"}
    assert (first["both-c2"]["verdict"], first["c2b-only"]["verdict"]) == ("agrees", "disagrees")


def test_report_embeds_the_figures_that_were_drawn(tmp_path: Path) -> None:
    panels = studies.panels()
    svg, _ = save(draw(panels["burst"]), tmp_path / "burst")
    path = report.write_report(studies.study(), tmp_path, drawn={"burst": svg})
    assert report.inside(svg) in path.read_text(encoding="utf-8")


def test_scores_are_plain_json(tmp_path: Path) -> None:
    from exude.cli.reproduce import plain, write_all

    write_all(studies.study(), tmp_path, lambda done, total, label="": None, again="exude reproduce")
    rows = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == [row["id"] for row in studies.rows()]
    for name in studies.panels():
        assert (tmp_path / "figures" / f"{name}.svg").exists() and (tmp_path / "figures" / f"{name}.png").exists()
    assert (tmp_path / "summary.png").exists() and (tmp_path / "report.html").exists()
    assert plain({"a": np.float64("nan"), "b": (np.int64(2), True, "x")}) == {"a": None, "b": [2.0, True, "x"]}


# --- cells of several kinds ---

KINDS = ("tumour", "normal", "transformed", "fibroblast", "t_cell")
HOUR = 3600.0
GRID = Grid((1, 10, 10), 20.0)


def dish(rows: list[dict[int, tuple[str, float]]], **pools: list[float]) -> TissueReading:
    """Snapshots an hour apart, each {id: (kind, bound)}; pools by the number of the snapshot, the same in all cells."""
    shots = []
    for i, cells in enumerate(rows):
        n, x = len(cells), 20.0 + 30.0 * np.array(list(cells), float)
        found = {
            "id": np.array(list(cells)), "kind": np.array([KINDS.index(kind) for kind, _ in cells.values()], int),
            "bound": np.array([bound for _, bound in cells.values()], float), "radius": np.full(n, 9.0),
            "position": np.stack([x, x, np.full(n, 5.0)], axis=1),
            **{name: np.full(n, values[i]) for name, values in pools.items()},
        }  # fmt: skip
        shots.append(Snapshot(i * HOUR, {"collagen": np.zeros(GRID.shape)}, found))
    made = {"kinds": KINDS, "cells": "Mixture({})", "line": "MDA-MB-231"}
    return TissueReading(GRID, np.array([HOUR * i for i in range(len(rows))]), made, shots.__getitem__)


def killing() -> TissueReading:
    tumour, free, bound = ("tumour", 0.0), ("t_cell", 0.0), ("t_cell", 1.0)
    return dish(
        [{0: tumour, 1: tumour, 2: free, 3: free}, {0: tumour, 1: tumour, 2: bound, 3: free}, {1: tumour, 2: free}]
    )


def changing() -> TissueReading:
    tumour, cell, changed = ("tumour", 0.0), ("fibroblast", 0.0), ("transformed", 0.0)
    rows = [{0: tumour, 1: cell, 2: cell}, {0: tumour, 1: cell, 2: cell}, {0: tumour, 1: changed, 2: cell}]
    return dish(rows, risk=[0.0, 0.1, 0.3], exosomes_in=[0.0, 200.0, 500.0])


def drawn(axes: Axes) -> list[tuple[str, str]]:
    """Fill and edge of each cell drawn, in order."""
    discs = axes.collections[0]
    return [(to_hex(a), to_hex(b)) for a, b in zip(discs.get_facecolor(), discs.get_edgecolor(), strict=True)]


def test_cells_are_drawn_by_kind_t_cells_on_top_and_filled_while_bound() -> None:
    figure = co_culture_figure({"untreated": killing()})
    first, then, last, _ = figure.axes
    tumour, free, bound = (
        (KIND_COLOURS["tumour"].lower(), "#ffffff"),
        ("#ffffff", INK.lower()),
        (INK.lower(), "#ffffff"),
    )
    assert drawn(first) == [tumour, tumour, free, free]
    assert drawn(then) == [tumour, tumour, bound, free]
    assert drawn(last) == [tumour, free]  # who is dead is gone
    assert len(set(KIND_COLOURS.values())) == len(KIND_COLOURS) and set(KIND_COLOURS) == {k.name for k in ALL.kinds}


def test_killed_share_is_drawn_and_its_band_stays_a_share() -> None:
    alive = dish([{0: ("tumour", 0.0), 1: ("t_cell", 0.0)}] * 3)
    figure = co_culture_figure({"untreated": [killing(), alive], "anti-PD-L1": killing()})
    below = figure.axes[-1]
    assert any(np.allclose(line.get_ydata(), [0, 0, 1 / 4]) for line in below.lines)
    assert any(np.allclose(line.get_ydata(), [0, 0, 1 / 2]) for line in below.lines)
    band = np.concatenate([np.asarray(path.vertices)[:, 1] for c in below.collections for path in c.get_paths()])
    assert band.min() == 0 and band.max() == 1  # two dishes of 0 and 1/2: t gives far more than 1
    said = words(figure)
    for word in ("tumour cells killed (share)", "time (h)", "T cell, bound", "T cell, free", "tumour cell", "50 µm"):
        assert word in said, word
    assert "fibroblast" not in said


def test_transfer_is_drawn_as_expected_and_as_counted() -> None:
    figure = gene_transfer_figure({"untreated": changing()})
    lines = [np.asarray(line.get_ydata(), float) for line in figure.axes[-1].lines if len(line.get_ydata()) == 3]  # type: ignore[arg-type]
    expected = 100 * np.array([0.0, 0.1, 0.3])  # the mean of the summed hazard
    assert any(np.allclose(line, expected) for line in lines) and any(np.allclose(line, [0, 0, 50]) for line in lines)
    said = words(figure)
    assert "recipients transformed (%)" in said and "transformed cell" in said and "T cell" not in said


def test_uptake_is_drawn_against_time_and_cell_by_cell() -> None:
    figure = uptake_figure({"untreated": changing()}, ExosomeUptake(kind="fibroblast"))
    left, right = figure.axes
    assert any(np.allclose(line.get_ydata(), [0, 200, 500]) for line in left.lines)
    assert "(per fibroblast)" in left.get_ylabel() and "single fibroblast (exosomes)" in right.get_xlabel()
    assert "at 2 h" in words(figure)


def test_a_dish_of_several_kinds_has_its_view_and_key() -> None:
    assert view_of(killing()) is VIEWS["kinds"] and view_of(killing(), "cells") is VIEWS["cells"]
    figure = new_figure(60, 60)
    axes = figure.add_subplot()
    draw_kinds(axes, killing(), 1)
    legend = axes.get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["tumour cell", "T cell, free", "T cell, bound"]
