"""The study view: every card opens by keys, tells its evidence, runs for real, and what goes wrong is a sentence."""

from __future__ import annotations

import csv
import io
import re
import xml.etree.ElementTree as ET

import pytest
from PIL import Image

from browser.hands import axe, cut_off, experiment, fault, here, ready, shot, taken, until

DESKTOP, PHONE = (1400, 900), (390, 844)
WINDOWS = pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
WORDS = {"agrees": "agrees", "weak": "agrees, weak", "disagrees": "disagrees", "not scored": "not scored"}
QUICK, LONG = "imaging", "therapy"
"""Statements of single cells and of mice: one runs for a second, the other for more than a minute."""
NOT_LINKED = ("burst", "signal-duration", "chelation")
"""Statements none of whose sources has an identifier in the catalogue."""
SOURCE = r"https://(doi\.org/10\.\d+/\S+|pubmed\.ncbi\.nlm\.nih\.gov/\d+/)$"
RUNS_WITHIN = 60.0
SETTLES_WITHIN = 10.0


@pytest.fixture(scope="module")
def cards(address):
    import httpx

    groups = httpx.get(f"{address}/api/study").json()["groups"]
    return [card for group in groups for card in group["cards"]]


def open_study(page, address: str, **asked: str) -> None:
    page.goto(f"{address}/?view=study" + "".join(f"&{key}={value}" for key, value in asked.items()))
    ready(page)


def opened(page):
    return page.locator(".card.open")


def numbers(page) -> str:
    """What stands under reported and predicted in the open card."""
    return page.get_by_role("region", name="Reported and predicted").inner_text()


def drawn(page) -> None:
    """Wait until the figure of the open card is there."""
    image = opened(page).locator("figure.drawn img")
    image.scroll_into_view_if_needed()
    until(lambda: image.evaluate("(one) => one.complete && one.naturalWidth > 300"), "the figure of the card")


def focused(page) -> str:
    return page.evaluate("document.activeElement.textContent")


# --- cards ----------------------------------------------------------------------------------------------------------


def test_every_card_opens_by_keys_and_tells(page, address, cards):
    """Tab to a card, Enter: figure, verdict of every row, evidence with its source; Escape: closed, the keys still there."""
    open_study(page, address)
    page.get_by_label("Role").focus()
    assert len(cards) >= 20
    for card in cards:
        page.keyboard.press("Tab")
        assert focused(page) == card["title"], "Tab leads from card to card"
        page.keyboard.press("Enter")
        until(lambda: opened(page).count(), f"{card['id']} to open")
        assert f"statement={card['id']}" in here(page) and not fault(page)
        assert page.locator('[aria-expanded="true"]').inner_text() == card["title"] and opened(page).count() == 1
        shown = numbers(page)
        for row in card["rows"]:
            assert row["says"] in shown and f"Reported: {row['reported']}" in shown
            assert f"Predicted: {row['predicted']}" in shown and f"Why: {row['why'].rstrip('.')}." in shown
        marks = page.get_by_role("region", name="Reported and predicted").locator(".verdict").all_inner_texts()
        assert sorted(mark[2:] for mark in marks) == sorted(WORDS[row["state"]] for row in card["rows"])
        drawn(page)
        evidence = page.get_by_role("region", name="Evidence")
        source = evidence.locator("dd").first
        assert source.is_visible() and re.search(r"(DOI|PubMed|\(no DOI noted\))$", source.inner_text()), (
            source.inner_text()
        )
        links = [link.get_attribute("href") for link in evidence.locator("dd a").all()]
        assert all(re.match(SOURCE, link) for link in links) and (links or card["id"] in NOT_LINKED)
        assert evidence.locator("details").count() >= len({row["finding"] for row in card["rows"]})
        page.keyboard.press("Escape")
        assert opened(page).count() == 0 and "statement" not in here(page) and focused(page) == card["title"]


def test_the_papers_own_statements_lead_to_its_doi(page, address):
    open_study(page, address, statement=QUICK)
    links = page.get_by_role("region", name="Evidence").locator("dd a").all()
    assert links and {link.get_attribute("href") for link in links} == {"https://doi.org/10.1083/jcb.201710132"}


def test_filters_keep_the_cards_that_have_such_a_row(page, address, cards):
    open_study(page, address)
    for label, key, field, values in (
        ("Verdict", "verdict", "state", [*WORDS, ""]),
        ("Role", "role", "role", ["fit", "predicted", ""]),
    ):
        for value in values:
            page.get_by_label(label).select_option(value)
            fitting = [card["title"] for card in cards if any(value in ("", row[field]) for row in card["rows"])]
            assert page.locator(".card:visible .title").all_inner_texts() == fitting and fitting
            said = f"{len(fitting)} of {len(cards)} statements have such a row."
            assert page.locator(".study-view > .hint").inner_text() == (said if value else "")
            assert (f"{key}=" in here(page)) == bool(value)


def test_both_filters_hold_for_one_row_and_the_open_card_stays(page, address, cards):
    open_study(page, address, verdict="disagrees", role="predicted")
    both = [c["title"] for c in cards if any((r["state"], r["role"]) == ("disagrees", "predicted") for r in c["rows"])]
    assert page.get_by_label("Verdict").input_value() == "disagrees" and page.get_by_label("Role").input_value()
    assert page.locator(".card:visible .title").all_inner_texts() == both
    page.get_by_role("button", name=both[0]).click()
    until(lambda: opened(page).count(), "the card to open")
    page.get_by_label("Verdict").select_option("not scored")
    assert opened(page).is_visible(), "what is being read stays"


def test_a_link_restores_the_open_card(new_page, address):
    mine, other = new_page(), new_page()
    open_study(mine, address, statement=QUICK)
    mine.get_by_role("button", name="Copy link").click()
    link = until(lambda: mine.evaluate("navigator.clipboard.readText()"), "the copied link")
    other.goto(link)
    ready(other)
    assert link == here(other) and numbers(other) == numbers(mine)
    top = opened(other).bounding_box()["y"]
    assert 0 <= top < 100, "the card is in sight"
    other.go_back()
    other.go_forward()
    ready(other)
    assert opened(other).get_attribute("id") == f"statement-{QUICK}"


# --- runs -----------------------------------------------------------------------------------------------------------


def test_a_card_runs_for_real_and_hands_out_its_files(page, address):
    open_study(page, address, statement=QUICK)
    stored = numbers(page)
    drawn(page)
    page.get_by_role("button", name=re.compile("Run it now")).press("Enter")
    page.get_by_role("progressbar", name="Progress of the run").wait_for()
    assert focused(page) == "Cancel", "the keys stay where the button was"
    seen = until(lambda: re.match(r"Dish \d+ of \d+: ", opened(page).locator(".runner .hint").inner_text()), "a dish")
    assert seen and numbers(page) == stored
    page.get_by_role("link", name="The cell", exact=True).click()  # the run goes on while another view is looked at
    page.go_back()
    until(lambda: opened(page).count(), "the card again")
    again = page.get_by_role("button", name=re.compile("Run it again"))
    again.wait_for(timeout=1000 * RUNS_WITHIN)
    fresh = numbers(page)
    assert (
        fresh.startswith("This run")
        and fresh.count("Stored: ") == 3
        and "quick" in opened(page).locator(".runner").inner_text()
    )
    told = re.findall(r"Predicted: ([\d.]+)", fresh)
    assert len(told) == 3 and told != re.findall(r"Predicted: ([\d.]+)", stored), "other numbers than the full study's"
    drawn(page)
    files = dict(taken(page, link) for link in opened(page).locator(".downloads a").all())
    kinds = {name.rsplit(".", 1)[1]: data for name, data in files.items()}
    assert all("quick" in name for name in files) and list(kinds) == ["svg", "png", "pdf", "csv"]
    assert ET.fromstring(kinds["svg"]).tag.endswith("svg") and kinds["pdf"].startswith(b"%PDF-")
    assert min(Image.open(io.BytesIO(kinds["png"])).size) > 300
    rows = list(csv.DictReader(io.StringIO(kinds["csv"].decode())))
    assert sorted(f"{float(row['predicted']):.3g}" for row in rows) == sorted(told)


def test_a_run_can_be_cancelled_and_what_was_shown_stays(page, address):
    open_study(page, address, statement=LONG)
    before = numbers(page)
    page.get_by_role("button", name=re.compile("Run it now")).click()
    until(lambda: "Dish" in opened(page).locator(".runner").inner_text(), "the run to begin")
    assert axe(page) == []
    page.get_by_role("button", name="Cancel").press("Enter")
    said = until(lambda: fault(page), "word that it was stopped", SETTLES_WITHIN)
    assert said == "The run was stopped. What is shown is as it was." and numbers(page) == before
    assert page.get_by_role("button", name=re.compile("Run it now")).is_visible() and "Run it now" in focused(page)


def test_a_run_that_is_refused_is_a_sentence(page, address):
    page.expected_errors += ["500"]
    page.route("**/api/study/*/run", lambda route: route.fulfill(status=500, body="planted"))
    open_study(page, address, statement=QUICK)
    page.get_by_role("button", name=re.compile("Run it now")).click()
    assert "answered 500" in until(lambda: fault(page), "a sentence")
    assert page.get_by_role("button", name=re.compile("Run it now")).is_visible()


def test_a_dish_opens_as_the_same_experiment_in_the_cell_view(page, address):
    open_study(page, address, statement=QUICK)
    one = page.get_by_role("region", name="Experiment").locator("li", has_text="knock-down")
    assert "MDA-MB-231, UNC13D knock-down to 0.1 + ionomycin 5 µM" in one.inner_text()
    at, long = re.search(r"ionomycin 5 µM at (\d+ min); .*, then (\d+ min)", one.inner_text()).groups()
    one.get_by_role("link", name="Open in the cell view").click()
    until(lambda: page.title() == "The cell · exude", "the cell view")
    ready(page)
    asked = experiment(page)
    assert [value for key, value in asked if key == "do"] == [
        "knock-down UNC13D=0.1",
        f"stimulus ionomycin 5 uM at {at}",
    ]
    assert dict(asked)["line"] == "MDA-MB-231" and dict(asked)["duration"] == long and not fault(page)
    assert page.locator('input[data-gene="UNC13D"]').input_value() == "0.1"
    page.go_back()
    ready(page)
    assert opened(page).count() == 1


def test_stored_figures_and_rows_can_be_taken_along(page, address):
    open_study(page, address, statement=QUICK)
    files = dict(taken(page, link) for link in opened(page).locator(".downloads a").all())
    assert list(files) == [f"exude-{QUICK}.{kind}" for kind in ("svg", "png", "pdf", "csv")]
    assert "M5a" in files[f"exude-{QUICK}.csv"].decode() and ET.fromstring(files[f"exude-{QUICK}.svg"]).tag.endswith(
        "svg"
    )
    for words, part in (("Copy as Python", "exude"), ("Copy as command", f"exude reproduce --only {QUICK}")):
        page.evaluate("navigator.clipboard.writeText('')")
        page.get_by_role("button", name=words).click()
        assert part in until(lambda: page.evaluate("navigator.clipboard.readText()"), words)


# --- when things go wrong -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asked", "said"),
    [("imagin", "did you mean 'imaging'"), ("../../etc/passwd", "There is nothing at"), ("<img src=x>", "<img src=x>")],
)
def test_an_unknown_statement_is_a_sentence_and_the_page_lives_on(page, address, cards, asked, said):
    page.expected_errors += ["422", "404"]
    open_study(page, address, statement=asked)
    assert said in fault(page) and page.locator(".card").count() == len(cards) and page.locator("main img").count() == 0
    page.get_by_role("button", name=cards[1]["title"]).click()
    until(lambda: opened(page).count(), "a card to open")
    assert not fault(page), "the sentence goes"


def test_broken_scores_are_a_sentence_above_the_study_that_came_along(page, own_server, tmp_path, cards):
    """Half a file, half a row, and a file that goes while the page is open."""
    scores = tmp_path / "results" / "scores.json"
    scores.parent.mkdir()
    scores.write_text("[{")
    server = own_server("", "--study", str(scores.parent))
    for text, said in (("[{", "Make it anew"), ('[{"id": "imaging"}]', "0.finding"), (None, "cannot be read")):
        scores.write_text(text) if text else scores.unlink()
        open_study(page, server.address)
        told = page.locator(".notice").inner_text()
        assert "results/scores.json" in told and said in told and str(tmp_path) not in told, told
        assert "Shown is the study that came with exude." in told and page.locator(".card").count() == len(cards)
    page.get_by_role("button", name=cards[0]["title"]).click()
    until(lambda: opened(page).count(), "a card to open")
    assert not fault(page)


# --- looks ----------------------------------------------------------------------------------------------------------


@WINDOWS
def test_axe_finds_nothing_serious_in_an_open_card(new_page, address, window):
    page = new_page(*window)
    open_study(page, address, statement="basal")
    drawn(page)
    for summary in opened(page).locator("summary").all():
        summary.click()
    assert axe(page) == [] and cut_off(page) == []


@WINDOWS
def test_the_study_looks_as_it_did(new_page, address, window, request):
    page, name = new_page(*window), request.node.callspec.id
    open_study(page, address)
    assert cut_off(page) == []
    shot(page, f"study-cards-{name}", page.locator(".cards").first)
    open_study(page, address, statement=QUICK)
    drawn(page)
    shot(page, f"study-open-{name}", opened(page))
    page.evaluate("document.querySelector('.opened .result').remove()")
    with pytest.raises(AssertionError, match="differs by"):
        shot(page, f"study-open-{name}", opened(page))
