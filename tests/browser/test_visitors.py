"""What visitors bring and take along: links, files, code, downloads; many of them; and what they see when things go wrong."""

from __future__ import annotations

import io
import shlex
import threading
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image

import exude
from browser.hands import (
    IONOMYCIN,
    axe,
    cell_address,
    curves,
    expected,
    experiment,
    fault,
    here,
    open_cell,
    picture,
    ready,
    settled,
    tell,
    until,
)  # fmt: skip
from exude.catalog import read
from exude.cli.main import main
from exude.page import cell
from exude.page.asked import asked_of
from exude.page.uploads import Uploads

SESSIONS = 20
RICH = ("overexpress RAB11A=1.5", "rescue UNC13D C2A*", "drug BAPTA-AM 10 uM at 5 min until 20 min", IONOMYCIN)
GOOD = "time_s,calcium_uM\n0,0.1\n600,1.0\n1800,0.5\n3600,0.1\n"


def answer(page) -> str:
    return page.locator(".answer").inner_text()


def controls(page) -> list[str]:
    """What every control of the form holds."""
    return page.locator(".controls").evaluate(
        "form => [...form.querySelectorAll('input:not([type=file]), select')].map((one) => one.value)"
    )


# --- links ----------------------------------------------------------------------------------------------------------


def test_a_link_restores_controls_curves_cells_and_time(new_page, address):
    mine = new_page()
    open_cell(mine, address, *RICH, line="A549", hypothesis="c2b-only", seed="9", t="2100")
    mine.get_by_label("Dose (µM)").last.fill("3")
    mine.locator('input[data-gene="RAB27A"]').fill("0.6")
    settled(mine)
    mine.get_by_role("button", name="Copy link").click()
    link = until(lambda: mine.evaluate("navigator.clipboard.readText()"), "the copied link")
    assert link == here(mine)
    other = new_page()
    other.goto(link)
    ready(other)
    for what in (controls, expected, curves, answer, picture, experiment):
        assert what(other) == what(mine), f"{what.__name__} differs"
    assert other.locator(".player output").inner_text() == "35 min 00 s"


def test_back_and_forward_between_views(page, address):
    open_cell(page, address, "knock-down UNC13D=0.3")
    before, shown = here(page), expected(page)
    page.get_by_role("link", name="The study").click()
    until(lambda: page.title() == "The study · exude", "the study")
    assert "knock-down" not in here(page)
    page.go_back()
    ready(page)
    assert here(page) == before and expected(page) == shown and page.title() == "The cell · exude"
    assert page.locator('input[data-gene="UNC13D"]').input_value() == "0.3"


def test_a_link_that_cannot_be_done_says_why_and_its_controls_still_work(page, address):
    page.goto(cell_address(address, "knock-down UNC13D=0.5", line="MDA-MB-321"))
    page.expected_errors.append("422")
    until(lambda: "did you mean 'MDA-MB-231'" in fault(page), "a sentence with the nearest name")
    page.get_by_label("Cell line").select_option("MCF-7")
    settled(page, "expected")
    assert not fault(page) and "The median cell releases" in answer(page)


# --- code and downloads ---------------------------------------------------------------------------------------------


def test_copied_code_and_command_give_the_numbers_on_the_page(page, address, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    open_cell(page, address, *RICH, cells="20", seed="4")
    shown = float(answer(page).rsplit(" ", 1)[1].rstrip(".").replace(",", ""))
    page.get_by_role("button", name="Copy as Python").click()
    code = until(lambda: page.evaluate("navigator.clipboard.readText()"), "the copied code")
    assert code in page.locator("pre").text_content()
    copied: dict = {}
    exec(compile(code, "copied", "exec"), copied)
    cells = copied["run"].exosomes.isel(time=-1)
    assert shown == float(f"{float(cells.mean()):.3g}") and cells.size == 20
    page.get_by_role("button", name="Copy as command").click()
    command = until(lambda: (text := page.evaluate("navigator.clipboard.readText()")) != code and text, "the command")
    assert main(shlex.split(command)[1:]) == 0, capsys.readouterr().err
    assert exude.load("run.nc").exosomes.isel(time=-1).values.tolist() == cells.values.tolist()


def test_every_download_opens(page, address, tmp_path):
    open_cell(page, address, IONOMYCIN, cells="5")
    links = page.locator(".downloads a")
    assert links.all_inner_texts() == ["SVG", "PNG", "PDF", "CSV", "NetCDF"]
    got: dict[str, bytes] = {}
    for link in links.all():
        with page.expect_download() as started:
            link.click()
        kept = tmp_path / started.value.suggested_filename
        started.value.save_as(kept)
        got[kept.suffix] = kept.read_bytes()
    assert ET.fromstring(got[".svg"]).tag == "{http://www.w3.org/2000/svg}svg"
    assert min(Image.open(io.BytesIO(got[".png"])).size) > 300 and got[".pdf"].startswith(b"%PDF-")
    assert got[".csv"].startswith(b"time_s,") and b"exosomes_mean (" in got[".csv"].splitlines()[0]
    table = np.genfromtxt(io.BytesIO(got[".csv"]), delimiter=",", skip_header=1)
    run = exude.load(tmp_path / "exude-cell.nc")
    assert table[-1, 0] == 3600 and run.exosomes.sizes["cell"] == 5
    column = got[".csv"].decode().splitlines()[0].split(",").index(
        next(head for head in got[".csv"].decode().splitlines()[0].split(",") if head.startswith("exosomes_mean"))
    )  # fmt: skip
    assert table[-1, column] == pytest.approx(float(run.exosomes.isel(time=-1).mean()))


# --- own files ------------------------------------------------------------------------------------------------------


def hand_in(page, data: bytes | str, name: str = "mine.csv", dye: str = "", numbers: str = "") -> None:
    place = page.locator("details", has_text="Your own calcium trace")
    if not place.evaluate("(one) => one.open"):
        place.locator("summary").click()
    if dye:
        page.get_by_label("The file holds").select_option(dye)
        page.get_by_label("Calibration").fill(numbers)
    data = data.encode() if isinstance(data, str) else data
    page.get_by_label("Calcium trace (CSV)").set_input_files({"name": name, "mimeType": "text/csv", "buffer": data})


def test_an_own_calcium_trace_is_the_cells_calcium(page, address):
    open_cell(page, address)
    hand_in(page, GOOD, "neuron 7.csv")
    until(lambda: page.locator("p.other").count(), "the file's name on the page")
    assert "neuron_7.csv" in page.locator("p.other").inner_text()
    settled(page)
    assert not fault(page) and "expected, median cell: 0.1 at the start, 1 at most (10 min 00 s), 0.1 at the end" in (
        page.locator("svg.chart").nth(1).get_attribute("aria-label")
    )
    assert "neuron_7.csv" in page.locator("pre").text_content()
    page.get_by_role("button", name="Remove the trace").click()
    settled(page, "expected")
    assert not [value for key, value in experiment(page) if key == "do"]
    hand_in(page, "time_min,calcium_nM\n0,100\n10,1000\n60,100\n")
    until(lambda: "calcium-trace" in here(page), "the second file")
    settled(page, "expected")
    assert "1 at most (10 min 00 s)" in page.locator("svg.chart").nth(1).get_attribute("aria-label")


def test_fura2_light_with_its_calibration(page, address):
    open_cell(page, address)
    rows = "".join(f"{60 * i},{0.6 + (3 if i == 10 else 0)}\n" for i in range(61))
    hand_in(page, "time_s,ratio\n" + rows, "fura.csv", "fura2", "r_min=0.3 r_max=6 beta=5")
    until(lambda: "calcium-trace" in here(page), "the file")
    settled(page, "expected")
    assert not fault(page) and "exude.Fura2(" in page.locator("pre").text_content()


def test_how_a_file_is_read_can_be_changed_after_it_was_handed_in(page, address):
    page.expected_errors += ["422"]
    open_cell(page, address)
    hand_in(page, "time_s,calcium_uM\n0,0.1\n60,\n120,0.1\n3600,0.1\n", "gap.csv")
    assert "gaps='line'" in until(lambda: fault(page), "a sentence")
    page.get_by_label("Gaps in it are").select_option("line")
    settled(page, "expected")
    assert not fault(page) and "gaps='line'" in page.locator("pre").text_content()
    assert page.locator("p.other").count() == 1, "the file was lost"


@pytest.mark.parametrize(
    ("name", "data", "word"),
    [
        ("no header.csv", "0,0.1\n60,0.2\n120,0.1\n", "time_s,calcium_uM"),
        ("nan.csv", "time_s,calcium_uM\n0,0.1\n60,nan\n120,0.1\n", "finite number"),
        ("negative.csv", "time_s,calcium_uM\n0,0.1\n60,-0.1\n120,0.1\n", "negative"),
        ("binary.csv", b"\x89PNG\r\n\x1a\n\x00\x00", "no text"),
        ("empty.csv", "", "empty file"),
        ("large.csv", b"0,0.1\n" * 2**19, "at most 2,097,152 bytes"),
        ("<img src=x onerror=alert(1)>.csv", "time_s,calcium_uM\n0,0.1\n60,=1+1\n120,0.1\n", "expected numbers"),
        ("../../../etc/passwd", "time_s,calcium_uM\n0,0.1\n60,<script>alert(1)</script>\n120,1\n", "expected numbers"),
    ],
)
def test_a_bad_file_is_a_sentence_and_the_page_lives_on(page, address, name, data, word):
    page.expected_errors += ["422", "413", "ERR_CONNECTION"]
    open_cell(page, address, IONOMYCIN, cells="1", duration="35 min")
    hand_in(page, data, name)
    said = until(lambda: fault(page), "a sentence")
    assert word in said and "/tmp" not in said and "upload-" not in said, said
    assert page.locator("img, main script").count() == 0
    if "calcium-trace" in here(page):
        page.get_by_role("button", name="Remove the trace").click()
    page.locator('input[data-gene="UNC13D"]').fill("0.5")
    settled(page, "expected")
    assert not page.locator(".cell-view > div .fault").count()


# --- many visitors --------------------------------------------------------------------------------------------------


def test_two_visitors_share_nothing(new_page, address):
    mine, other = new_page(), new_page()
    open_cell(mine, address, IONOMYCIN)
    open_cell(other, address, IONOMYCIN)
    before = (here(other), expected(other), controls(other))
    mine.locator('input[data-gene="UNC13D"]').fill("0")
    hand_in(mine, GOOD)
    until(lambda: "calcium-trace" in here(mine), "the file")
    settled(mine)
    other.reload()
    ready(other)
    assert (here(other), expected(other), controls(other)) == before and expected(mine) != before[1]
    assert not mine.evaluate("document.cookie + localStorage.length + sessionStorage.length").strip("0")


def test_many_visitors_at_once_get_each_their_own(address, request):
    """Twenty ask at the same moment, each for another cell; each gets what the library gives in another process."""
    lines = list(read.lines())
    queries = [
        {"line": lines[i % len(lines)], "duration": "30 min", "cells": "5", "seed": str(i)} for i in range(SESSIONS)
    ]
    done = [f"knock-down UNC13D=0.{i % 9 + 1}" for i in range(SESSIONS)]
    gate = threading.Barrier(SESSIONS)

    def visit(query: dict[str, str], do: str) -> tuple:
        with httpx.Client(base_url=address, timeout=60, params={**query, "do": do}) as client:
            gate.wait()
            return tuple(client.get(f"/api/cell/{what}").json() for what in ("expected", "population", "film"))

    with ThreadPoolExecutor(SESSIONS) as pool:
        together = list(pool.map(visit, queries, done))
    kept = Uploads()
    for query, do, got in zip(queries, done, together, strict=True):
        asked = asked_of(query, [do], kept)
        assert got == (cell.expected(asked), cell.population(asked), cell.film(asked)), query
    kept.close()
    tell(request.config, f"{SESSIONS} visitors at once: all answered, each with its own numbers")


# --- when things go wrong -------------------------------------------------------------------------------------------

PLANTED = """
import exude.page.cell as cell
plain = cell.expect
cell.expect = lambda *a, **k: 1 / 0 if "T98G" in a else plain(*a, **k)
"""


def test_a_fault_of_our_own_and_a_server_that_is_gone_are_sentences(new_page, own_server):
    server = own_server(PLANTED)
    page = new_page()
    page.expected_errors += ["500", "ERR_CONNECTION_REFUSED", "ERR_EMPTY_RESPONSE", "dynamically imported"]
    open_cell(page, server.address, IONOMYCIN, cells="1")
    shown = answer(page)
    page.get_by_label("Cell line").select_option("T98G")
    said = until(lambda: fault(page), "a sentence")
    assert "an error of its own" in said and "report" in said and answer(page).startswith(shown.split(" Mean")[0])
    assert axe(page) == []
    page.get_by_label("Cell line").select_option("MCF-7")
    settled(page)
    assert not fault(page), "the sentence goes when the next answer comes"
    assert "ZeroDivisionError" in server.log.read_text()
    took = server.stop()
    assert took < 15 and "Traceback" not in server.log.read_text().split("ZeroDivisionError")[-1]
    page.locator('input[data-gene="UNC13D"]').fill("0.5")
    until(lambda: "Start it again: exude app" in fault(page), "a sentence that names the fix")
    assert page.locator("canvas").is_visible() and page.locator("svg.chart path").count() > 3
    page.get_by_role("link", name="The study").click()
    until(lambda: fault(page) or page.locator("main h1").count(), "the view or a sentence")


def test_a_view_that_fails_to_load_is_a_sentence(page, address):
    page.expected_errors += ["planted", "500", "Failed to load"]
    page.route("**/api/bench", lambda route: route.fulfill(status=500, body="planted"))
    page.goto(cell_address(address))
    until(lambda: "answered 500" in fault(page), "a sentence in place of the view")
    page.unroute("**/api/bench")
    page.reload()
    ready(page)
    assert not fault(page)


def test_without_javascript_the_page_says_so(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(address)
    assert "switched off" in page.locator("main").inner_text() or "switched off" in page.content()
    context.close()


def test_the_page_may_load_nothing_from_elsewhere(page, address):
    """The browser itself refuses inline code and foreign hosts: the content-security policy is in force."""
    page.expected_errors += ["Content Security Policy", "content security policy", "Refused", "violates"]
    open_cell(page, address, cells="1", duration="30 min")
    page.evaluate("""() => { const one = document.createElement("script"); one.textContent = "window.broken = 1";
      document.body.append(one); }""")
    blocked = page.evaluate("fetch('https://example.org/').then(() => false, () => true)")
    assert blocked and page.evaluate("window.broken") is None and page.foreign == []


def test_a_foreign_page_cannot_ask(address, tmp_path):
    port = address.rsplit(":", 1)[1]
    with httpx.Client(base_url=address) as client:
        assert client.get("/api/bench", headers={"host": f"evil.example:{port}"}).status_code == 400
        trace = client.post("/api/traces", content=GOOD, headers={"origin": "https://evil.example"})
        assert trace.status_code == 403 and "access-control-allow-origin" not in trace.headers
        assert client.get("/api/cell/expected", params={"do": "calcium-trace /etc/hostname"}).status_code == 422
        raw = (
            f"GET /static/../../../../../../etc/passwd HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
        )
    import socket

    with socket.create_connection(("127.0.0.1", int(port))) as wire:
        wire.sendall(raw.encode())
        got = b"".join(iter(lambda: wire.recv(4096), b""))
    assert b" 404 " in got.splitlines()[0] and b"root:" not in got


WEIGHT = """() => { const all = performance.getEntriesByType("resource");
  return { requests: all.length + 1, kilobytes: Math.round(all.reduce((sum, one) => sum + one.transferSize, 0) / 1024) }; }"""
HEAVIEST = 300
"""kB of a first visit, compressed."""


def test_weight_and_start(page, address, request):
    import time

    begun = time.monotonic()
    page.goto(address)
    until(lambda: page.evaluate("document.body.dataset.ready"), "the view")
    took = time.monotonic() - begun
    found = page.evaluate(WEIGHT)
    tell(
        request.config,
        f"first visit: {found['kilobytes']} kB in {found['requests']} requests, usable after {took:.1f} s",
    )
    assert found["kilobytes"] < HEAVIEST
