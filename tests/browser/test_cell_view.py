"""The cell view: every control does something that shows, by mouse and by keys, and what is shown is true."""

from __future__ import annotations

import re

import pytest

from browser.hands import (
    IONOMYCIN,
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

KEYS_OF_LATENCY = 20
SLOWEST = 1.0
"""Seconds from a key to the redrawn curve that a loaded machine may take; benchmarks/page.py measures the real figure."""
MAIN = ("UNC13D", "RAB11A", "RAB27A", "ORAI1")


@pytest.fixture(scope="module")
def bench(address):
    import httpx

    return httpx.get(f"{address}/api/bench").json()


def sentences(page) -> list[str]:
    return [value for key, value in experiment(page) if key == "do"]


def answer(page) -> str:
    return page.locator(".answer").inner_text()


def slider(page, gene: str):
    return page.locator(f'input[data-gene="{gene}"]')


# --- controls -------------------------------------------------------------------------------------------------------


def test_the_page_opens_with_a_cell_to_play_with(page, address):
    page.goto(address)
    ready(page)
    assert re.fullmatch(
        r"The median cell releases [\d,.]+ exosomes in 2 h, [\d.]+ times the [\d,.]+ of the control \(untreated\)\. "
        r"Mean of 100 single cells: [\d,.]+\.",
        answer(page),
    )
    assert {("cells", "100"), ("do", IONOMYCIN)} < set(experiment(page))
    assert page.title() == "The cell · exude"
    assert [page.locator("h1").inner_text(), page.locator("nav [aria-current]").inner_text()] == [
        "The cell",
        "The cell",
    ]


def test_every_line_can_be_chosen(page, address, bench):
    open_cell(page, address, IONOMYCIN)
    chosen = page.get_by_label("Cell line")
    offered = chosen.locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert offered == [line["name"] for line in bench["lines"]] and len(offered) >= 15
    seen = set()
    for name in offered:
        chosen.select_option(name)
        settled(page, "expected")
        assert ("line", name) in experiment(page) and not fault(page)
        seen.add(answer(page).split(" Mean")[0])
    assert len(seen) > len(offered) / 2, "lines do not differ"


@pytest.mark.parametrize("gene", MAIN)
def test_a_main_protein_changes_curve_cells_and_drawing(page, address, gene):
    do = "stimulus histamine 100 uM at 10 min" if gene == "ORAI1" else IONOMYCIN
    open_cell(page, address, do, t="3000", seed="2")
    before, drawn = curves(page), picture(page)
    slider(page, gene).fill("0")
    settled(page)
    assert sentences(page) == [f"knock-out {gene}", do]
    assert slider(page, gene).locator("xpath=../output").inner_text() == "0"
    changed = curves(page)
    assert changed[0] != before[0] and picture(page) != drawn
    slider(page, gene).fill("2.5")
    settled(page)
    assert sentences(page) == [f"overexpress {gene}=2.5", do] and curves(page)[0] not in (before[0], changed[0])
    slider(page, gene).fill("1")
    settled(page)
    assert sentences(page) == [do] and curves(page) == before and picture(page) == drawn


def test_every_other_protein_answers(page, address, bench, request):
    """Each slider reads, shows and says its level; which of them move no curve here is printed."""
    open_cell(page, address, "stimulus histamine 100 uM at 10 min", duration="30 min", cells="1")
    page.get_by_text("more proteins").click()
    others = [gene["symbol"] for gene in bench["genes"] if gene["symbol"] not in MAIN]
    assert len(others) >= 20 and page.locator("input[data-gene]").count() == len(others) + len(MAIN)
    before, still = expected(page), []
    for gene in others:
        slider(page, gene).fill("0.5")
        settled(page, "expected")
        assert f"knock-down {gene}=0.5" in sentences(page) and not fault(page), fault(page)
        assert slider(page, gene).locator("xpath=../output").inner_text() == "0.5"
        now = expected(page)
        if now == before:
            still.append(gene)
        before = now
    tell(
        request.config,
        f"proteins whose level, halved, moves none of the three expected curves after histamine: {still}",
    )
    assert len(still) < len(others) / 2


def test_every_mutant_comes_into_cells_without_their_own_protein(page, address, bench):
    open_cell(page, address, IONOMYCIN)
    chosen, seen = page.get_by_label("Munc13-4 mutant"), {answer(page).split(" Mean")[0]}
    mutants = bench["mutants"]["UNC13D"]
    assert len(mutants) == 5
    for mutant in mutants:
        chosen.select_option(mutant)
        settled(page, "expected")
        assert sentences(page) == ["knock-down UNC13D=0.1", f"rescue UNC13D {mutant}", IONOMYCIN] and not fault(page)
        assert slider(page, "UNC13D").input_value() == "0.1"
        seen.add(answer(page).split(" Mean")[0])
    assert len(seen) > 3, "mutants do not differ"
    chosen.select_option("")
    settled(page, "expected")
    assert sentences(page) == ["knock-down UNC13D=0.1", IONOMYCIN]


def test_every_drug_and_stimulus_of_the_catalogue_answers(page, address, bench):
    open_cell(page, address, "knock-down UNC13D=0.5", cells="1")
    assert page.locator(".agent").count() == 0
    plain, same = expected(page), []
    page.get_by_role("button", name="Add a drug or stimulus").click()
    chosen = page.get_by_label("Agent")
    assert chosen.evaluate("(one) => one === document.activeElement"), "the new agent is where the keys go"
    offered = chosen.locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert offered == [agent["name"] for agent in bench["agents"]] and len(offered) >= 20
    for agent in bench["agents"]:
        page.get_by_label("Agent").select_option(agent["name"])
        settled(page, "expected")
        dose = agent["usual"].split()[0]
        assert sentences(page)[-1] == f"{agent['kind']} {agent['name']} {dose} {agent['unit']} at 0 min"
        assert not fault(page) and page.locator(".agent legend").inner_text().startswith(agent["kind"].capitalize())
        assert page.get_by_label(f"Dose ({agent['unit'].replace('u', 'µ')})").input_value() == dose
        if expected(page) == plain:
            same.append(agent["name"])
    assert same == ["BAPTA-AM"], (
        "moves no curve: only BAPTA-AM may, which buffers changes of calcium, and there are none"
    )


def test_dose_begin_and_end_of_a_stimulus(page, address):
    open_cell(page, address, IONOMYCIN)
    seen = [curves(page)[1]]
    for label, value, sentence in (
        ("Dose (µM)", "0.5", "stimulus ionomycin 0.5 uM at 30 min"),
        ("From (min)", "12.5", "stimulus ionomycin 0.5 uM at 12.5 min"),
        ("Until (min, or empty)", "40", "stimulus ionomycin 0.5 uM at 12.5 min until 40 min"),
        ("Until (min, or empty)", "", "stimulus ionomycin 0.5 uM at 12.5 min"),
    ):
        page.get_by_label(label).fill(value)
        settled(page, "expected")
        assert sentences(page) == [sentence] and not fault(page)
        seen.append(curves(page)[1])
    assert len(set(seen)) == 4 and seen[-1] == seen[2]


def test_two_agents_and_taking_them_away(page, address):
    open_cell(page, address, IONOMYCIN)
    add = page.get_by_role("button", name="Add a drug or stimulus")
    add.click()
    add.click()
    page.locator(".agent").nth(1).get_by_label("Agent").select_option("BAPTA-AM")
    page.locator(".agent").nth(2).get_by_label("Agent").select_option("EGTA")
    settled(page)
    assert sentences(page) == [IONOMYCIN, "drug BAPTA-AM 10 uM at 0 min", "drug EGTA 2 mM at 0 min"]
    page.get_by_role("button", name="Remove BAPTA-AM").click()
    page.get_by_role("button", name="Remove ionomycin").click()
    settled(page)
    assert sentences(page) == ["drug EGTA 2 mM at 0 min"] and page.locator(".agent").count() == 1


def test_length_cells_seed_and_mechanism(page, address, bench):
    open_cell(page, address, IONOMYCIN)
    page.get_by_text("Cells, chance, mechanism").click()
    before = answer(page)
    page.get_by_label("Length of the run").select_option("2 h")
    settled(page)
    assert "in 2 h" in answer(page) and page.locator(".player input").get_attribute("max") == "7200"
    page.get_by_label("Number of single cells").fill("30")
    settled(page)
    assert "Mean of 30 single cells" in answer(page)
    seeded, drawn = answer(page), curves(page)[0]
    page.get_by_label("Seed").fill("5")
    settled(page)
    assert answer(page) != seeded and curves(page)[0] != drawn
    courses = set()
    for mechanism in bench["hypotheses"]:
        page.get_by_label("Mechanism").select_option(mechanism["name"])
        settled(page, "expected")
        assert ("hypothesis", mechanism["name"]) in experiment(page) or mechanism is bench["hypotheses"][0]
        courses.add(answer(page).split(" Mean")[0])
    assert len(courses) > 2 and before not in courses


def test_what_no_control_shows_is_shown_in_words_and_can_go(page, address):
    open_cell(page, address, "external calcium=0 mM at 5 min", "dominant-negative RAB11A", IONOMYCIN)
    assert page.locator("p.other").count() == 2
    page.get_by_role("button", name="Remove external calcium=0 mM at 5 min").click()
    settled(page, "expected")
    assert sorted(sentences(page)) == sorted(["dominant-negative RAB11A", IONOMYCIN])


def test_a_wrong_number_is_not_asked_and_the_page_goes_on(page, address):
    open_cell(page, address, IONOMYCIN)
    page.get_by_text("Cells, chance, mechanism").click()
    for value in ("0", "2001", "-3", "1.5", ""):
        page.get_by_label("Number of single cells").fill(value)
    page.get_by_label("Dose (µM)").fill("-1")
    assert not fault(page) and dict(experiment(page))["cells"] in ("10", "2", "1")
    page.get_by_label("Number of single cells").fill("12")
    page.get_by_label("Dose (µM)").fill("2")
    settled(page)
    assert ("cells", "12") in experiment(page) and "stimulus ionomycin 2 uM at 30 min" in sentences(page)


# --- keys, player, charts, zoom -------------------------------------------------------------------------------------


def focused(page) -> str:
    return page.evaluate("""() => { const one = document.activeElement;
      return one.dataset.gene ?? one.getAttribute("aria-label") ?? one.textContent.trim().slice(0, 40); }""")


def tab_to(page, name: str, most: int = 60) -> list[str]:
    """Press Tab until something of that name has the focus; the way there."""
    way: list[str] = []
    while not way or way[-1] != name:
        assert len(way) < most, f"Tab does not lead to {name}: {way}"
        page.keyboard.press("Tab")
        way.append(focused(page))
    return way


def test_keys_alone_are_enough(page, address):
    """Skip link, slider by arrows, play by space, time by arrows, details by Enter."""
    open_cell(page, address, IONOMYCIN)
    page.keyboard.press("Tab")
    assert focused(page) == "Skip to the view"
    page.keyboard.press("Enter")
    way = tab_to(page, "UNC13D")
    assert "The study" not in way, "the skip link skips"
    outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline != "none", "one sees where the keys go"
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    settled(page)
    assert "knock-down UNC13D=0.8" in sentences(page) and focused(page) == "UNC13D"
    tab_to(page, "Play")
    page.keyboard.press("Space")
    until(lambda: page.locator(".play").inner_text() == "Pause", "the film to play")
    page.keyboard.press("Space")
    until(lambda: page.locator(".play").inner_text() == "Play", "the film to stop")
    tab_to(page, "Time")
    at = float(page.locator(".player input").input_value())
    page.keyboard.press("ArrowRight")
    assert float(page.locator(".player input").input_value()) > at
    tab_to(page, "Copy link")
    page.keyboard.press("Enter")
    until(lambda: page.locator("#said").inner_text() == "Copied", "word that it was copied")


def test_play_pause_speed_and_time(new_page, address):
    page = new_page(motion=True)
    open_cell(page, address, IONOMYCIN)
    time, button = page.locator(".player input"), page.locator(".play")
    assert button.inner_text() == "Play", "a link to a time stands still"
    page.get_by_label("Speed").select_option("300")
    drawn = picture(page)
    button.click()
    until(lambda: float(time.input_value()) > 200, "the film to run at 300 s per s")
    assert picture(page) != drawn and page.locator(".player output").inner_text() != "0 min 00 s"
    button.click()
    at = float(time.input_value())
    kept = float(
        until(lambda: re.search(r"t=(\d+)", here(page).replace("t=0", "")), "the time in the address").group(1)
    )
    assert kept == pytest.approx(at, abs=4)
    time.fill("2700")
    assert page.locator(".player output").inner_text() == "45 min 00 s" and "t=2700" in here(page)
    assert (
        page.locator(".now").inner_text().startswith("Calcium 0.")
        and "exosomes out" in page.locator(".now").inner_text()
    )
    page.get_by_label("Speed").select_option("1200")
    time.fill("3590")
    button.click()
    until(lambda: button.inner_text() == "Play", "the film to end")
    assert float(time.input_value()) == 3600
    button.click()
    until(lambda: 0 < float(time.input_value()) < 3500, "the film to begin again")


def test_it_plays_at_once_unless_motion_is_unwelcome(new_page, address):
    moving, still = new_page(motion=True), new_page()
    for page in (moving, still):
        page.goto(cell_address(address, IONOMYCIN, t=None))
        ready(page)
    assert moving.locator(".play").inner_text() == "Pause"
    until(lambda: float(moving.locator(".player input").input_value()) > 1, "the film to run")
    assert still.locator(".play").inner_text() == "Play" and float(still.locator(".player input").input_value()) == 0


def test_a_click_on_a_chart_leads_to_that_time(page, address):
    open_cell(page, address, IONOMYCIN)
    drawn = picture(page)
    for chart in page.locator("svg.chart").all():
        box = chart.bounding_box()
        middle = (46 + 0.5 * (380 - 46 - 8)) / 380
        page.locator(".player input").fill("0")
        chart.click(position={"x": box["width"] * middle, "y": box["height"] / 2})
        assert float(page.locator(".player input").input_value()) == pytest.approx(1800, abs=15)
    assert picture(page) != drawn and re.search(r"t=(179\d|180\d)", here(page))
    cursor = page.locator("svg.chart .cursor").first
    assert float(cursor.get_attribute("x1")) == pytest.approx(middle * 380, abs=2)


def test_closer_farther_and_moving_the_picture(page, address):
    open_cell(page, address, IONOMYCIN)
    whole = picture(page)
    page.get_by_role("button", name="Closer").click()
    near = picture(page)
    box = page.locator("canvas").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.down()
    page.mouse.move(box["x"] + 120, box["y"] + 260)
    page.mouse.up()
    moved = picture(page)
    page.get_by_role("button", name="Farther").click()
    assert len({whole, near, moved}) == 3 and picture(page) == whole


def test_numbers_are_there_as_a_table_and_in_words(page, address):
    open_cell(page, address, IONOMYCIN)
    chart = page.locator("svg.chart").first
    assert "expected, median cell: 0 at the start" in chart.get_attribute("aria-label")
    page.get_by_text("Numbers", exact=True).first.click()
    table = page.locator("figure.charted table").first
    assert table.locator("thead th").all_inner_texts()[0] == "time" and table.locator("tbody tr").count() >= 10
    last = table.locator("tbody tr").last
    at_end = re.search(r"releases ([\d,.]+) exosomes", answer(page)).group(1)
    assert last.locator("th").inner_text() == "1 h 00 min" and last.locator("td").last.inner_text() == at_end


LATENCY = """() => {
  const slider = document.querySelector('input[data-gene="UNC13D"]'), view = document.querySelector(".cell-view");
  window.taken = [];
  let begun = 0;
  slider.addEventListener("input", () => { begun = performance.now(); }, true);
  new MutationObserver(() => { if (begun) taken.push(performance.now() - begun); begun = 0; })
    .observe(view, { attributes: true, attributeFilter: ["data-expected"] });
}"""


def test_the_curve_follows_a_slider_soon(page, address, request):
    open_cell(page, address, IONOMYCIN, duration="2 h")
    page.evaluate(LATENCY)
    slider(page, "UNC13D").focus()
    for done in range(KEYS_OF_LATENCY):
        page.keyboard.press("ArrowLeft" if done < KEYS_OF_LATENCY / 2 else "ArrowRight")
        until(lambda n=done: page.evaluate("taken.length") > n, "the curve to follow the key")
    taken = sorted(page.evaluate("taken"))
    median = (taken[9] + taken[10]) / 2
    tell(
        request.config,
        f"key on a slider to redrawn curve: median {median:.0f} ms, worst of {len(taken)} {taken[-1]:.0f} ms",
    )
    assert median < 1000 * SLOWEST
