"""What a test does with a page: open it, wait for it, read it, judge it, look at it."""

from __future__ import annotations

import io
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import numpy as np
from PIL import Image

SHOTS = Path(__file__).parent / "shots"
KEYS = ("line", "do", "duration", "cells", "seed", "hypothesis")
"""What belongs to the experiment in the address of the cell view."""
PATIENCE = 20.0
"""Seconds a view may take on a loaded machine."""
BLOCK = 12
"""Screenshots are compared as means of squares of so many pixels: letters and antialiasing are blurred away."""
LIKE = 2.5
"""Largest mean absolute difference of two pictures, in shades of 255: 0.2 is found from run to run, 3.6 for charts without
lines, 8 for a cell view without its cell."""
SIZES_APART = 0.1
ANEW = "EXUDE_NEW_SHOTS"
WORST = ("serious", "critical")
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SMALL = {"line": "MDA-MB-231", "duration": "1 h", "cells": "10", "seed": "1", "t": "0"}
"""A small experiment, standing still at time 0."""
IONOMYCIN = "stimulus ionomycin 5 uM at 30 min"


def until(true: Callable[[], Any], what: str, patience: float = PATIENCE) -> Any:
    """Wait for `true()` and return what it gave; AssertionError naming `what` otherwise."""
    end = time.monotonic() + patience
    while not (found := true()):
        assert time.monotonic() < end, f"waited {patience:g} s for {what}"
        time.sleep(0.03)
    return found


def tell(config: Any, words: str) -> None:
    """Say a measured figure at once, whether pytest captures or not."""
    with config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(f"\n[page] {words}", file=sys.stderr, flush=True)


def cell_address(address: str, *do: str, **changes: str | None) -> str:
    """The address of a cell view: SMALL with changes (None leaves a key out) and what is done to the cell."""
    query = {key: value for key, value in ({"view": "cell"} | SMALL | changes).items() if value is not None}
    return f"{address}/?{urlencode([*query.items(), *(('do', one) for one in do)])}"


def here(page) -> str:
    """The address as it is now: Playwright's own `page.url` stands still while a test only waits."""
    return page.evaluate("location.href")


def experiment(page) -> list[tuple[str, str]]:
    """The experiment that stands in the address of a page."""
    return [pair for pair in parse_qsl(urlsplit(here(page)).query) if pair[0] in KEYS]


SETTLED = f"""async () => {{
  const {{ state }} = await import("/static/state.js");
  const view = document.querySelector(".cell-view"), asked = state.query({json.dumps(KEYS)});
  return {{ expected: view.dataset.expected === asked, film: view.dataset.film === asked,
            single: view.dataset.single === asked }};
}}"""


def settled(page, *parts: str) -> None:
    """Wait until the parts of the cell view (expected, film, single; all by default) are those of the controls."""
    wanted = parts or ("expected", "film", "single")
    until(lambda: (found := page.evaluate(SETTLED)) and all(found[part] for part in wanted), f"the cell's {wanted}")


def ready(page) -> None:
    """Wait until the view stands; in the cell view until curve, film and population belong to the controls."""
    until(lambda: page.evaluate("document.body.dataset.ready"), "data-ready on the body")
    if page.locator(".cell-view").count():
        settled(page)


def open_cell(page, address: str, *do: str, **changes: str | None) -> None:
    """Open a small cell view and wait for it."""
    page.goto(cell_address(address, *do, **changes))
    ready(page)


CURVES = """() => [...document.querySelectorAll("svg.chart")].map(
  (chart) => [...chart.querySelectorAll("path")].map((line) => line.getAttribute("d")).join("|") +
             [...chart.querySelectorAll("text")].map((text) => text.textContent).join(" "))"""


def curves(page) -> list[str]:
    """What the charts show, with their axes, as text to compare."""
    return page.evaluate(CURVES)


EXPECTED = """() => [...document.querySelectorAll("figure.charted table")].map((table) => {
  const heads = [...table.querySelectorAll("thead th")].map((head) => head.textContent);
  const own = heads.map((head, i) => (/ cell|untreated|stimulus/.test(head) && !/^expected/.test(head) ? -1 : i));
  return [...table.querySelectorAll("tbody tr")].map((row) =>
    [...row.children].filter((_, i) => own.includes(i)).map((cell) => cell.textContent).join(" ")).join(";");
})"""


def expected(page) -> list[str]:
    """The numbers of the expected course from the tables under the charts (release, calcium, stages), which it opens."""
    page.evaluate("document.querySelectorAll('details.numbers').forEach((one) => { one.open = true; })")
    until(lambda: all(page.evaluate(EXPECTED)), "the tables of numbers")
    return page.evaluate(EXPECTED)


def picture(page) -> str:
    """What stands on the canvas, as text to compare."""
    return page.evaluate("document.querySelector('canvas').toDataURL()")


def fault(page) -> str:
    """The sentence of an error on the page, '' where there is none."""
    return " ".join(page.locator(".fault:visible").all_inner_texts())


def axe(page) -> list[str]:
    """What axe-core finds serious or critical on the page as it stands, one readable line per rule."""
    from axe_playwright_python.sync_playwright import Axe

    given = {"resultTypes": ["violations"], "runOnly": {"type": "tag", "values": TAGS}}
    found = Axe().run(page, options=given).response["violations"]
    return [
        f"{rule['impact']}: {rule['id']} ({rule['help']}): {[node['html'][:120] for node in rule['nodes'][:4]]}"
        for rule in found
        if rule["impact"] in WORST
    ]


def taken(page, link: Any) -> tuple[str, bytes]:
    """The name and the bytes of what a download link gives."""
    with page.expect_download() as started:
        link.click()
    return started.value.suggested_filename, Path(started.value.path()).read_bytes()


def cut_off(page) -> list[str]:
    """What is cut off on the page as it stands: elements that reach beyond the right edge of the window; [] is wanted."""
    return page.evaluate(BEYOND)


BEYOND = """() => document.documentElement.scrollWidth <= innerWidth ? [] :
  [...document.querySelectorAll("main *")].filter((one) => one.checkVisibility() && one.getBoundingClientRect().right > innerWidth + 1)
    .map((one) => `${one.tagName}.${one.className}`).slice(0, 5)"""


def blurred(picture: Image.Image) -> np.ndarray:
    """A picture as means of squares of BLOCK pixels: (rows, columns, colour)."""
    pixels = np.asarray(picture.convert("RGB"), float)
    rows, columns = (size // BLOCK for size in pixels.shape[:2])
    return pixels[: rows * BLOCK, : columns * BLOCK].reshape(rows, BLOCK, columns, BLOCK, 3).mean(axis=(1, 3))


def difference(one: bytes, other: bytes) -> float:
    """Mean absolute difference of two blurred pictures in shades of 255; infinite where one is a tenth larger."""
    a, b = (Image.open(io.BytesIO(data)) for data in (one, other))
    if max(abs(x / y - 1) for x, y in zip(a.size, b.size, strict=True)) > SIZES_APART:
        return float("inf")
    return float(np.abs(blurred(a.resize(b.size)) - blurred(b)).mean())


def shot(page, name: str, part: Any = None) -> bytes:
    """Compare what stands in the window (or a part of it, a locator) with shots/NAME.png; EXUDE_NEW_SHOTS=1 writes it."""
    data = (part or page).screenshot(animations="disabled")
    kept = SHOTS / f"{name}.png"
    fix = f"Look at it; to keep what is shown now, run the test again with {ANEW}=1."
    if os.environ.get(ANEW) and name not in _written:
        _written.add(name)
        Image.open(io.BytesIO(data)).convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE).save(kept, optimize=True)
    assert kept.exists(), f"there is no {kept.name} to compare with. {fix}"
    apart = difference(data, kept.read_bytes())
    assert apart <= LIKE, f"{name}: differs by {apart:.1f} shades from {kept.name}, at most {LIKE:g}. {fix}"
    return data


_written: set[str] = set()
