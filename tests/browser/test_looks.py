"""What the page looks like, to eyes and to a screen reader: axe-core on every state of a view, and screenshots."""

from __future__ import annotations

import io

import pytest
from PIL import Image

from browser.hands import IONOMYCIN, LIKE, axe, cell_address, difference, fault, open_cell, ready, shot, until

DESKTOP, PHONE = (1400, 900), (390, 844)
WINDOWS = pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
SMALLEST_TARGET = 24
"""Pixels of a control's height and width that a finger can hit (WCAG 2.2, 2.5.8)."""


@WINDOWS
def test_axe_finds_nothing_serious_in_the_cell(new_page, address, window):
    """Closed and open details, two agents, another kind of file, an error shown."""
    page = new_page(*window)
    open_cell(page, address, IONOMYCIN, "drug BAPTA-AM 10 uM at 5 min", "dominant-negative RAB11A", duration="35 min")
    assert axe(page) == []
    for summary in page.locator("summary").all():
        summary.click()
    page.get_by_label("The file holds").select_option("fura2")
    assert axe(page) == []
    page.expected_errors.append("422")
    page.locator(".agent").first.get_by_label("Until (min, or empty)").fill("5")
    until(lambda: fault(page), "a sentence")
    assert axe(page) == []


@pytest.mark.parametrize("view", ["study", "tissue"])
@WINDOWS
def test_axe_finds_nothing_serious_in_other_views(new_page, address, view, window):
    page = new_page(*window)
    page.goto(f"{address}/?view={view}")
    ready(page)
    assert axe(page) == []
    for summary in page.locator("main summary").all():
        if summary.is_visible():
            summary.click()
    assert axe(page) == []


def test_axe_would_find_a_fault(page, address):
    """A slider without a name, pale letters, a picture without words: the checks above can fail."""
    open_cell(page, address, duration="30 min", cells="1")
    page.evaluate("""() => { const main = document.querySelector("main");
      const slider = Object.assign(document.createElement("input"), { type: "range" });
      const pale = Object.assign(document.createElement("p"), { textContent: "pale letters" });
      pale.style.color = "#ccc"; main.append(slider, pale, document.createElement("img")); }""")
    page.expected_errors.append("Content Security Policy")
    found = " ".join(axe(page))
    for rule in ("label", "color-contrast", "image-alt"):
        assert f": {rule} " in found, found


@WINDOWS
def test_nothing_is_cut_off_or_too_small_to_hit(new_page, address, window):
    page = new_page(*window)
    open_cell(page, address, IONOMYCIN, duration="35 min", cells="1")
    for summary in page.locator("summary").all():
        summary.click()
    wide = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1], "the page can be pushed sideways"
    small = page.evaluate("""(least) => [...document.querySelectorAll("button, select, input, summary, nav a")]
      .filter((one) => one.checkVisibility()).map((one) => [one, one.getBoundingClientRect()])
      .filter(([, box]) => box.height < least || box.width < least)
      .map(([one, box]) => `${one.tagName} ${one.getAttribute("aria-label") ?? one.textContent.slice(0, 20)} ${box.width} x ${box.height}`)
    """, SMALLEST_TARGET)  # fmt: skip
    assert small == [], f"too small to hit: {small}"


@WINDOWS
def test_the_cell_looks_as_it_did(new_page, address, window, request):
    """Frozen at a time, the film paused; a blank page, a missing drawing or empty charts are seen."""
    page = new_page(*window)
    page.goto(cell_address(address, IONOMYCIN, duration="2 h", cells="50", t="2000"))
    ready(page)
    name = f"cell-{request.node.callspec.id}"
    seen = shot(page, name)
    blank = io.BytesIO()
    Image.new("RGB", Image.open(io.BytesIO(seen)).size, "white").save(blank, "png")
    assert difference(seen, blank.getvalue()) > 2 * LIKE, "a blank page would pass"
    page.evaluate("document.querySelector('canvas').getContext('2d').reset()")
    with pytest.raises(AssertionError, match="differs by"):
        shot(page, name)


def test_the_charts_look_as_they_did(page, address):
    page.goto(cell_address(address, IONOMYCIN, duration="2 h", cells="50", t="2000"))
    ready(page)
    shot(page, "charts", page.locator(".curves"))
    page.evaluate("document.querySelectorAll('svg.chart path').forEach((one) => one.remove())")
    with pytest.raises(AssertionError, match="differs by"):
        shot(page, "charts", page.locator(".curves"))
