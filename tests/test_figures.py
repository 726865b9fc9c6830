"""Figures and report: words and units where they belong, the same bytes twice, nothing loaded from elsewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import exude
import studies
from exude.show import axes, report
from exude.show.figures import draw, save, summary, verdict_line
from exude.show.run_figures import figure_of, run_figure, summary_figure
from exude.show.style import wrap, write


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
    from exude.show.commands.reproduce import plain, write_all

    write_all(studies.study(), tmp_path, lambda done, total, label="": None, again="exude reproduce")
    rows = json.loads((tmp_path / "scores.json").read_text(encoding="utf-8"))
    assert [row["id"] for row in rows] == [row["id"] for row in studies.rows()]
    for name in studies.panels():
        assert (tmp_path / "figures" / f"{name}.svg").exists() and (tmp_path / "figures" / f"{name}.png").exists()
    assert (tmp_path / "summary.png").exists() and (tmp_path / "report.html").exists()
    assert plain({"a": np.float64("nan"), "b": (np.int64(2), True, "x")}) == {"a": None, "b": [2.0, True, "x"]}
