"""The page in a headless Chromium: from a slider to the curve, single cells, frames a second, many visitors.

python benchmarks/page.py        # prints and writes page.json; needs Chromium, on a machine that does nothing else

Slider to curve: from the input event of a key on the UNC13D slider to the first frame drawn after the new curve is in the
page. Single cells: from the last key until film and population of the new cell are shown (their wait for rest included).
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))  # the hands of the browser tests

from browser import conftest, hands

FILE = Path(__file__).parent / "page.json"
KEYS = 20
SINGLE = 8
VISITORS = 20
VESICLES = 1000
SECONDS = 5.0

WATCH = """() => {
  const slider = document.querySelector('input[data-gene="UNC13D"]'), view = document.querySelector(".cell-view");
  const drawn = (then) => requestAnimationFrame(() => setTimeout(then));
  window.taken = { expected: [], both: [] };
  let curve = 0, cells = 0, parts = new Set();
  slider.addEventListener("input", () => { curve = cells = performance.now(); parts = new Set(); }, true);
  new MutationObserver((all) => all.forEach(({ attributeName }) => {
    if (attributeName === "data-expected" && curve) {
      const begun = curve;
      curve = 0;
      drawn(() => taken.expected.push(performance.now() - begun));
    } else if (cells) {
      parts.add(attributeName);
      if (!parts.has("data-film") || !parts.has("data-single")) return;
      const begun = cells;
      cells = 0;
      drawn(() => taken.both.push(performance.now() - begun));
    }
  })).observe(view, { attributes: true, attributeFilter: ["data-expected", "data-film", "data-single"] });
}"""

FRAMES = """async ([count, seconds]) => {
  const { CellDrawing } = await import("/static/cell_draw.js");
  const stages = ["immature", "travelling", "peripheral", "docked", "primed"], duration = 7200;
  const times = Array.from({ length: 121 }, (_, i) => (i * duration) / 120);
  const vesicles = Array.from({ length: count }, (_, id) => ({ id, born: -60,
    keys: times.map((t, i) => [t, 0.2 + 0.4 * ((id + i) % 7) / 7, Math.floor(i / 10), 5 + (id % 30)]),
    stages: stages.map((stage, i) => [i ? (duration / 5) * i + id : -60, stage]),
    end: id % 4 ? null : [duration * ((id % 97) + 1) / 98, id % 8 ? "degraded" : "released", 20] }));
  const level = (value) => times.map(() => value);
  const canvas = document.querySelector("canvas"), drawing = new CellDrawing(canvas);
  drawing.load({ time: times, calcium: level(0.4), er_calcium: level(300), recruited: level(4000), exosomes: level(0),
    fusions: level(0), stages: {}, duration, radius: 9, exosome: 0.1, recycling: 0.06, vesicles });
  let frames = 0, work = 0;
  const begun = performance.now();
  return new Promise((done) => {
    const turn = (now) => {
      const before = performance.now();
      drawing.draw(((now - begun) / 1000) * 60, 60);
      work += performance.now() - before;
      frames += 1;
      const spent = performance.now() - begun;
      if (spent < seconds * 1000) requestAnimationFrame(turn);
      else done({ frames_per_s: frames / (spent / 1000), script_ms_per_frame: work / frames });
    };
    requestAnimationFrame(turn);
  });
}"""


@contextmanager
def opened() -> Iterator[tuple[Any, str]]:
    """A browser and the address of a page."""
    from playwright.sync_api import sync_playwright

    found = conftest.chromium()
    if found is None:
        raise SystemExit("no Chromium found. Install it: apt-get install chromium")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = conftest.serve(Path(folder))
        arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = playwright.chromium.launch(executable_path=found, args=arguments)
        yield browser, server.address
        browser.close()
        server.stop()


def visit(browser: Any, address: str) -> Any:
    page = browser.new_context(viewport={"width": 1400, "height": 900}, reduced_motion="reduce").new_page()
    hands.open_cell(page, address, hands.IONOMYCIN, duration="2 h", cells="100")
    return page


def keys(page: Any, count: int, rest: bool) -> list[float]:
    """Milliseconds from each key to what follows: the curve, or (rest) film and population of single cells."""
    page.evaluate(WATCH)
    page.locator('input[data-gene="UNC13D"]').focus()
    name = "both" if rest else "expected"
    for done in range(count):
        page.keyboard.press("ArrowLeft" if done % KEYS < KEYS / 2 else "ArrowRight")
        hands.until(lambda n=done: page.evaluate(f"taken.{name}.length") > n, name)
    return page.evaluate(f"taken.{name}")


def spread(values: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(values), 1), "worst": round(max(values), 1)}


def together(pages: list[Any]) -> list[float]:
    """Every page's key at the same moment, five times over: milliseconds until each has its curve."""
    for page in pages:
        page.evaluate(WATCH)
    press = """() => { const slider = document.querySelector('input[data-gene="UNC13D"]');
      setTimeout(() => { slider.stepDown(); slider.dispatchEvent(new Event("input", { bubbles: true })); }, %d - Date.now()); }"""
    for turn in range(5):
        at = int((time.time() + 0.5) * 1000)
        for page in pages:
            page.evaluate(press % at)
        for page in pages:
            hands.until(lambda p=page, n=turn: p.evaluate("taken.expected.length") > n, "the curve", 60)
    return [one for page in pages for one in page.evaluate("taken.expected")]


def measure() -> dict[str, Any]:
    with opened() as (browser, address):
        begun = time.monotonic()
        page = visit(browser, address)
        found: dict[str, Any] = {"first_visit_to_single_cells_s": round(time.monotonic() - begun, 2)}
        found["slider_to_curve_ms"] = spread(keys(page, KEYS, rest=False))
        found["slider_to_single_cells_ms"] = spread(keys(page, SINGLE, rest=True))
        found["vesicles"] = VESICLES
        found |= {k: round(v, 1) for k, v in page.evaluate(FRAMES, [VESICLES, SECONDS]).items()}
        pages = [visit(browser, address) for _ in range(VISITORS)]
        found["visitors"] = VISITORS
        found["slider_to_curve_ms_visitors_open"] = spread(keys(pages[0], KEYS, rest=False))
        found["slider_to_curve_ms_all_at_once"] = spread(together(pages))
        found["chromium"] = browser.version
    return found | {"load": round(os.getloadavg()[0], 1), "cores": os.cpu_count(), "date": date.today().isoformat()}


if __name__ == "__main__":
    before = os.getloadavg()[0]
    result = measure() | {"load_before": round(before, 1)}
    FILE.write_text(json.dumps(result, indent=2) + "\n")
    print(json.dumps(result, indent=2))
