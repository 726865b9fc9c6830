"""The tissue view: examples begin, every control counts, a small dish really runs, is looked at, taken along, replayed."""

from __future__ import annotations

import base64
import csv
import io
import re
import shutil
import threading
import time
import tomllib
import xml.etree.ElementTree as ET
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
import pytest
import xarray as xr
from PIL import Image

import exude
from browser.hands import axe, cell_address, cut_off, fault, here, ready, settled, shot, taken, tell, until

DESKTOP, PHONE = (1400, 900), (390, 844)
WINDOWS = pytest.mark.parametrize("window", [DESKTOP, PHONE], ids=["desktop", "phone"])
FILM = {"dish": "gelatin", "n": "tumour=3", "duration": "1 h", "seed": "2", "b": "knock-down UNC13D=0.1"}
"""Three cells on a film for an hour, beside three without Munc13-4: four recorded times a side."""
BALL = {"dish": "spheroid", "n": "tumour=4", "duration": "1 h", "sides": "1"}
LONG = {"dish": "co_culture", "n": ("tumour=30", "t_cell=30"), "duration": "24 h"}
GONE = "f" * 24
"""A job that is no longer there."""
RUNS_WITHIN = 90.0
VISITORS = 10
SOON = 5.0
"""Seconds in which the cell view answers while jobs run, on a loaded machine."""
KEYS = ("dish", "line", "line2", "n", "duration", "seed", "a", "b", "sides")


def query(asked: dict) -> str:
    return urlencode(asked, doseq=True)


def open_tissue_view(page, address: str, **asked) -> None:
    page.goto(f"{address}/?{query({'view': 'tissue'} | asked)}")
    ready(page)


def asked_now(page) -> dict[str, list[str]]:
    """What stands in the address."""
    return parse_qs(urlsplit(here(page)).query)


PLANNED = """async () => {
  const { state } = await import("/static/state.js");
  return document.querySelector(".tissue-view").dataset.planned === state.query(%s);
}"""


def planned(page) -> None:
    """Wait until what is drawn is the start of the dish that the controls ask for."""
    until(lambda: page.evaluate(PLANNED % list(KEYS)), "the dish as it begins")


def ran(page) -> None:
    """Wait until a run that was begun is over and shown."""
    until(lambda: page.evaluate("document.querySelector('.tissue-view')?.dataset.ran"), "the run to end", RUNS_WITHIN)


def answer(page) -> str:
    return page.locator(".answer").inner_text()


def pictures(page) -> list[str]:
    """What stands on the canvases in sight."""
    return page.evaluate(
        "[...document.querySelectorAll('canvas.dish')].filter((one) => one.checkVisibility()).map((one) => one.toDataURL())"
    )


def shades(page) -> list[int]:
    """How many colours are on each canvas in sight: a blank one has one, one with a scale bar alone a few greys."""
    return [len(Image.open(io.BytesIO(_data(url))).convert("RGB").getcolors(2**20)) for url in pictures(page)]


def _data(url: str) -> bytes:
    return base64.b64decode(url.partition(",")[2])


def code(page) -> str:
    return page.locator(".sharing pre").text_content()


def rows(page) -> dict[str, list[str]]:
    """The numbers at the time of the slider."""
    lines = page.locator(".measured table").first.locator("tbody tr").all()
    return {line.locator("th").inner_text(): line.locator("td").all_inner_texts() for line in lines}


def seek(page, time: float) -> None:
    page.locator(".player input").fill(str(time))


def job_of(address: str, asked: dict) -> str:
    """Run a dish as the page does; the id of the job once it is done."""
    with httpx.Client(base_url=address, timeout=60) as client:
        key = client.post(f"/api/tissue/run?{query(asked)}", json={}).json()["id"]
        state = lambda: client.get(f"/api/jobs/{key}").json()  # noqa: E731
        end = until(lambda: (now := state())["state"] in ("done", "failed", "stopped") and now, "the job", RUNS_WITHIN)
    assert end["state"] == "done", end
    return key


@pytest.fixture(scope="module")
def bench(address):
    return httpx.get(f"{address}/api/tissue/bench").json()


@pytest.fixture(scope="module")
def film(address) -> dict:
    """The address of a film that has been run."""
    return FILM | {"job": job_of(address, FILM)}


# --- before a run ---------------------------------------------------------------------------------------------------


def test_every_example_is_chosen_by_keys_and_draws_its_start(page, address, bench):
    open_tissue_view(page, address)
    chosen, seen = page.get_by_label("Example"), []
    offered = chosen.locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert offered == [*(dish["name"] for dish in bench["dishes"]), "replay"] and len(offered) >= 7
    chosen.focus()
    for dish in bench["dishes"]:
        if dish is not bench["dishes"][0]:
            page.keyboard.press("ArrowDown")
        planned(page)
        now = asked_now(page)
        assert now["dish"] == [dish["name"]] and now.get("b", []) == dish["against"] and not fault(page)
        assert chosen.evaluate("(one) => one === document.activeElement"), "the keys stay on the list"
        assert dish["says"] in page.locator(".controls").inner_text() and "as they would begin" in answer(page)
        titles = page.locator(".pane:visible figcaption").all_inner_texts()
        assert len(titles) == 2 and titles[0] == "untreated, as it begins" and titles[1] != titles[0]
        assert all(count > 20 for count in shades(page)), f"{dish['name']}: nothing drawn"
        seen.append(pictures(page)[0])
        assert page.locator(".player").is_hidden() and "Run (about" in page.locator(".run").inner_text()
    assert len(set(seen)) == len(seen), "examples do not differ"


def test_every_control_shows_in_the_address_and_in_the_planned_dish(page, address, bench):
    """Each in turn; its words in the code are what would be run."""
    dish = next(one for one in bench["dishes"] if one["name"] == "co_culture")
    open_tissue_view(page, address, dish="co_culture", b="drug anti-PD-L1 0.07 uM")
    left, right = page.locator(".side").all()
    level = "Munc13-4 of tumour cells"
    steps = [
        (lambda: left.get_by_label("Cell line").select_option("A549"), ("line", "A549"), '"A549"'),
        (lambda: right.get_by_label("Cell line").select_option("MCF-7"), ("line2", "MCF-7"), '"MCF-7"'),
        (lambda: left.get_by_label(level).fill("0.5"), ("a", "knock-down UNC13D=0.5"), "KnockDown(gene='UNC13D', to=0.5)"),
        (lambda: left.get_by_label(level).fill("0"), ("a", "knock-out UNC13D"), "KnockOut(gene='UNC13D')"),
        (lambda: left.get_by_label(level).fill("2"), ("a", "overexpress UNC13D=2"), "Overexpress(gene='UNC13D', fold=2.0)"),
        (lambda: right.get_by_label("Munc13-4 of T cells").fill("0.2"), ("b", "t_cell: knock-down UNC13D=0.2"),
         "also={'t_cell': (exude.KnockDown(gene='UNC13D', to=0.2),)}"),
        (lambda: left.get_by_label("Drug").select_option("bexin"), ("a", "drug bexin 10 uM"), "name='bexin', dose='10 uM'"),
        (lambda: left.get_by_label("Dose (µM)").fill("3"), ("a", "drug bexin 3 uM"), "name='bexin', dose='3 uM'"),
        (lambda: right.get_by_label("Drug").select_option(""), None, None),
        (lambda: page.get_by_label("Tumour cells", exact=True).fill("12"), ("n", "tumour=12"), "'tumour': 12"),
        (lambda: page.get_by_label("T cells", exact=True).fill("9"), ("n", "t_cell=9"), "'t_cell': 9"),
        (lambda: page.get_by_label("Length of the run").select_option(dish["durations"][0]), ("duration", dish["durations"][0]),
         f"duration='{dish['durations'][0]}'"),
        (lambda: page.get_by_label("Seed").fill("7"), ("seed", "7"), "seed=7"),
    ]  # fmt: skip
    for step, stands, written in steps:
        before = code(page)
        left, right = page.locator(".side").all()
        step()
        planned(page)
        assert not fault(page) and code(page) != before
        if stands:
            assert stands[1] in asked_now(page)[stands[0]] and written in code(page), (stands, code(page))
    assert "anti-PD-L1" not in code(page) and "drug" not in " ".join(asked_now(page)["b"])
    begun = pictures(page)
    page.get_by_label("Compare with a second dish").uncheck()
    planned(page)
    assert asked_now(page)["sides"] == ["1"] and "b" not in asked_now(page) and len(pictures(page)) == 1
    assert code(page).count("run_tissue") == 1 and page.locator(".side").count() == 1
    page.get_by_label("Seed").fill("8")
    planned(page)
    assert pictures(page)[0] not in begun, "another seed, other places"
    page.get_by_label("Compare with a second dish").check()
    planned(page)
    assert asked_now(page)["b"] == ["drug anti-PD-L1 0.07 uM"] and len(pictures(page)) == 2


def test_what_no_control_shows_is_shown_in_words_and_can_go(page, address):
    open_tissue_view(page, address, dish="gelatin", a="dominant-negative RAB11A", n="tumour=2")
    assert "dominant-negative RAB11A" in page.locator("p.other").inner_text() and "DominantNegative" in code(page)
    page.get_by_role("button", name="Remove dominant-negative RAB11A").click()
    planned(page)
    assert "a" not in asked_now(page) and "DominantNegative" not in code(page)


REFUSED = [
    ({"dish": "gelatin", "n": "tumour=1000"}, "from 1 to 16"),
    ({"dish": "gelatin", "duration": "1000 h"}, "expected at most 3"),
    ({"dish": "spheroid", "duration": "a day"}, "duration"),
    ({"dish": "gelatin", "line": "MDA-MB-321"}, "did you mean 'MDA-MB-231'"),
    ({"dish": "gelatin", "a": "calcium-trace /etc/passwd"}, "one of knock-down"),
    ({"dish": "gelatin", "a": "knock-down UNC13=0.1"}, "UNC13D"),
    ({"dish": "../../x"}, "an example: gelatin"),
]


def test_what_cannot_be_run_is_a_sentence_and_the_page_lives_on(page, address):
    page.expected_errors += ["422"]
    for asked, said in REFUSED:
        open_tissue_view(page, address, **asked)
        assert said in until(lambda: fault(page), "a sentence"), fault(page)
        assert page.locator(".pane:visible").count() == 0, "no empty dish"
        page.get_by_label("Example").select_option("co_culture")
        planned(page)
        assert not fault(page) and min(shades(page)) > 20


def test_an_unknown_line_stands_in_its_list(page, address):
    """The first line of the list would be a lie, and could not be chosen."""
    page.expected_errors += ["422"]
    open_tissue_view(page, address, dish="gelatin", line="MDA-MB-321")
    chosen = page.get_by_label("Cell line").first
    assert chosen.locator("option:checked").inner_text() == "MDA-MB-321 (unknown)"
    for one in page.get_by_label("Cell line").all():
        one.select_option("MCF-7")
    planned(page)
    assert not fault(page) and "MCF-7" in code(page)


def test_a_wrong_number_in_a_control_is_not_asked(page, address):
    open_tissue_view(page, address, **FILM)
    before = asked_now(page)
    for label, wrong in (("Tumour cells", ("0", "17", "1.5", "")), ("Seed", ("-1", ""))):
        for value in wrong:
            page.get_by_label(label, exact=True).fill(value)
            assert page.get_by_label(label, exact=True).evaluate("(one) => !one.validity.valid")
    assert not fault(page) and asked_now(page) == before | {"view": ["tissue"]}


# --- a run ----------------------------------------------------------------------------------------------------------


def test_a_small_dish_really_runs_in_two_conditions(page, address, film):
    """Run by keys, with progress; its numbers are those of the same dish run before, to the last digit."""
    open_tissue_view(page, address, **FILM)
    page.locator(".run").press("Enter")
    page.get_by_role("progressbar", name="Progress of the run").wait_for()
    assert page.locator(".run").inner_text() == "Cancel"
    until(lambda: re.search(r"(left|right): [\d.]+ of 1 h", page.locator(".progressed").inner_text()), "how far it is")
    ran(page)
    assert re.match(
        r"Film degraded \(µm² per cell\), after 1 h 00 min: [\d.]+ \(untreated\) against [\d.]+ \(UNC13D knock-down to 0\.1\)\.",
        answer(page),
    ) and not fault(page)
    titles = page.locator(".pane:visible figcaption").all_inner_texts()
    assert titles == ["untreated", "UNC13D knock-down to 0.1"] and page.locator(".run").inner_text().startswith("Run")
    freed = [float(text) for text in rows(page)["Exosomes set free so far"][:2]]
    assert freed[0] > freed[1] > 0 and float(rows(page)["Exosomes set free so far"][2].split()[0]) < 1
    shown, drawn = rows(page), pictures(page)
    assert asked_now(page)["job"] != [film["job"]]
    open_tissue_view(page, address, **film)
    assert rows(page) == shown and pictures(page) == drawn, "the same dish twice, to the same bits"


def test_time_fields_numbers_and_charts_of_a_run(page, address, film):
    open_tissue_view(page, address, **film)
    end, numbers = pictures(page), rows(page)
    slider = page.locator(".player input")
    assert float(slider.input_value()) == 3600 and page.locator(".measured caption").inner_text() == "At 1 h 00 min"
    assert page.locator("svg.chart").count() >= 4 and page.locator("figure.charted .key li").first.inner_text()
    cursor = page.locator("svg.chart .cursor").first
    at_end = float(cursor.get_attribute("x1"))
    frames = {tuple(end)}
    for time_ in (0, 1300, 2500):
        seek(page, time_)
        frames.add(tuple(pictures(page)))
    assert len(frames) == 4, "each recorded time is another picture"
    seek(page, 0)
    assert rows(page)["Film degraded (%)"][:2] == ["0", "0"] and rows(page) != numbers
    assert float(cursor.get_attribute("x1")) < at_end and asked_now(page)["t"] == ["0"]
    assert "untreated at 0 min 00 s: 3 tumour cells." in page.locator("canvas.dish").first.get_attribute("aria-label")
    slider.press("End")
    assert pictures(page) == end and rows(page) == numbers
    chosen, seen = page.get_by_label("Field"), set()
    offered = chosen.locator("option").evaluate_all("all => all.map((one) => one.value)")
    assert {"collagen", "exosomes"} <= set(offered) and chosen.input_value() == "collagen"
    for name in ("exosomes", *[one for one in offered if "mmp" in one][:1], "collagen"):
        chosen.select_option(name)
        until(
            lambda n=name: f" {n} " in (page.locator(".tissue-view").get_attribute("data-shown") or ""),
            f"the field {name}",
        )
        assert page.get_by_label("Field").input_value() == name and asked_now(page)["field"] == [name]
        assert page.locator(".colour-bar .name").inner_text().startswith(
            page.get_by_label("Field").locator("option:checked").inner_text())  # fmt: skip
        seen.add(tuple(pictures(page)))
    assert len(seen) == 3 and pictures(page) == end and not fault(page)
    page.locator("canvas.dish").first.hover()
    assert re.match(r"left, at \d+, \d+ µm: [\d.]+ µM", page.locator(".pointed").inner_text())


def test_a_ball_is_cut_into_slices(page, address):
    asked = BALL | {"job": job_of(address, BALL)}
    open_tissue_view(page, address, **asked)
    middle, seen = pictures(page), set()
    assert "Slice at 135 of 260 µm" in page.locator(".looks").inner_text() and "Front beyond the start" in answer(page)
    for changed, key, value in (
        (lambda: page.locator('[data-look="z"]').press("Home"), "z", "0"),
        (lambda: page.get_by_label("Depth").select_option("max"), "way", "max"),
        (lambda: page.get_by_label("Depth").select_option("mean"), "way", "mean"),
    ):
        shown = page.locator(".tissue-view").get_attribute("data-shown")
        changed()
        until(lambda s=shown: page.locator(".tissue-view").get_attribute("data-shown") != s, f"{key} {value}")
        assert asked_now(page)[key] == [value] and not fault(page)
        seen.add(tuple(pictures(page)))
    assert len(seen | {tuple(middle)}) == 4, "ways to look at the depth do not differ"
    assert page.locator('[data-look="z"]').count() == 0, "no slice of a mean"


def test_a_link_to_a_run_that_is_gone_runs_it_again_and_cancelled_it_keeps_what_is_done(page, address):
    page.expected_errors += ["422"]
    open_tissue_view(page, address, **LONG, job=GONE)
    until(lambda: page.locator(".player").is_visible(), "the first frames of a run under way", RUNS_WITHIN)
    assert axe(page) == []
    page.locator(".run").press("Enter")
    ran(page)
    assert page.locator(".progressed").inner_text() == "Cancelled. What was done is kept." and not fault(page)
    assert asked_now(page)["job"] != [GONE]
    length = float(page.locator(".player input").get_attribute("max"))
    assert 0 < length < 24 * 3600 and min(shades(page)) > 20 and rows(page)["Exosomes set free so far"]
    assert "so far" in page.locator(".pane:visible figcaption").first.inner_text()


def test_a_link_restores_a_run(new_page, address, film):
    mine, other = new_page(), new_page()
    open_tissue_view(mine, address, **film, t="1200", field="exosomes")
    mine.get_by_role("button", name="Copy link").click()
    link = until(lambda: mine.evaluate("navigator.clipboard.readText()"), "the copied link")
    other.goto(link)
    ready(other)
    for what in (pictures, rows, answer, code):
        assert what(other) == what(mine), f"{what.__name__} differs"
    assert other.locator(".player output").inner_text() == "20 min 00 s"
    assert other.get_by_label("Field").input_value() == "exosomes"


def test_every_download_opens(page, address, film, tmp_path):
    open_tissue_view(page, address, **film)
    got = dict(taken(page, link) for link in page.locator(".downloads a").all())
    names = [f"exude-tissue.{kind}" for kind in ("svg", "png", "pdf", "csv", "nc")]
    dishes = ["gelatin-left.toml", "gelatin-right.toml"]
    assert list(got) == [*names, *dishes, "exude-tissue-a.gif", "exude-tissue-b.gif"]
    assert ET.fromstring(got[names[0]]).tag == "{http://www.w3.org/2000/svg}svg" and got[names[2]].startswith(b"%PDF-")
    assert min(Image.open(io.BytesIO(got[names[1]])).size) > 300
    for letter in "ab":
        assert Image.open(io.BytesIO(got[f"exude-tissue-{letter}.gif"])).n_frames == 4
    table = list(csv.DictReader(io.StringIO(got[names[3]].decode())))
    assert [(row["side"], float(row["time_s"])) for row in table] == [
        (side, 1200.0 * i) for side in ("left", "right") for i in range(4)
    ]
    files = [tomllib.loads(got[name].decode()) for name in dishes]
    assert files[0]["what"] == [] and files[1]["what"] == ["knock-down UNC13D=0.1"] and files[0]["cells"]["number"] == 3
    place = tmp_path / names[4]
    place.write_bytes(got[names[4]])
    left = xr.open_dataset(place, group="a", engine="h5netcdf")
    column = next(head for head in table[0] if head.startswith("freed_exosomes ("))
    assert left["freed_exosomes"].values == pytest.approx([float(row[column]) for row in table[:4]])
    assert left["collagen"].sizes["time"] == 4 and float(left["freed_exosomes"][-1]) > 0


# --- replay ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def replayed(folder) -> list[str]:
    """A run lies in the working folder under two names; another name there leads out of it."""
    names, elsewhere = ["small.zarr", "smaller.zarr"], folder.parent / "elsewhere.zarr"
    dish = exude.Tissue("A549", (exude.KnockDown("UNC13D", to=0.5),), matrix=exude.Plastic(), cells=exude.Scattered(number=4),
                        size=("120 um", "120 um"), voxel="20 um", duration="1 h", every="30 min", seed=3)  # fmt: skip
    exude.run_tissue(dish, elsewhere)
    for name in names:
        shutil.copytree(elsewhere, folder / name)
    (folder / "link.zarr").symlink_to(elsewhere)
    return names


def test_a_run_in_the_working_folder_is_replayed(page, address, replayed, folder):
    open_tissue_view(page, address)
    page.get_by_label("Example").select_option("replay")
    until(lambda: "A549" in page.locator(".pane:visible figcaption").first.inner_text(), "the run")
    offered = page.get_by_label("Run on the left").locator("option").all_inner_texts()
    assert offered == replayed, "no link that leads elsewhere"
    page.get_by_label("Run on the right").select_option(replayed[1])
    until(
        lambda: (
            page.locator(".pane:visible").count() == 2
            and "smaller" in (page.locator(".tissue-view").get_attribute("data-shown") or "")
        ),
        "both",
    )
    assert asked_now(page)["run"] == replayed and not fault(page) and min(shades(page)) > 20
    assert float(page.locator(".player input").get_attribute("max")) == 3600
    data = exude.open_tissue(folder / replayed[0]).data
    freed = float(data["freed_exosomes"][-1] + data["freed_bound_exosomes"][-1])
    assert rows(page)["Exosomes set free so far"] == [f"{freed:.3g}", f"{freed:.3g}", "1 ×"] and freed > 0
    assert 'exude.open_tissue("small.zarr")' in code(page)
    got = dict(taken(page, link) for link in page.locator(".downloads a").all())
    assert list(got) == ["exude-tissue.csv", "exude-tissue.nc", "exude-tissue-a.gif", "exude-tissue-b.gif"], (
        "no figure is offered of a dish that no assay reads"
    )
    assert got["exude-tissue-a.gif"].startswith(b"GIF8")
    assert axe(page) == []
    page.reload()
    ready(page)
    assert asked_now(page)["run"] == replayed and page.locator(".pane:visible").count() == 2


def test_no_run_outside_the_working_folder_is_shown(page, address, replayed, folder):
    page.expected_errors += ["422"]
    for name in ("../elsewhere.zarr", "link.zarr", "/etc", "smal.zarr"):
        open_tissue_view(page, address, dish="replay", run=name)
        said = until(lambda: fault(page), "a sentence")
        assert "a run in the working folder: small.zarr" in said and str(folder) not in said, said
        assert page.locator(".pane:visible").count() == 0
        assert page.get_by_label("Run on the left").locator("option:checked").inner_text() == f"{name} (unknown)"
    page.get_by_label("Run on the left").select_option(replayed[0])
    until(lambda: page.locator(".pane:visible").count(), "the run that is there")
    assert not fault(page)


# --- many visitors --------------------------------------------------------------------------------------------------


def test_visitors_with_jobs_do_not_block_the_cell(page, address, request):
    """Ten begin a long dish at once, each gets a job of its own; the cell view goes on answering while they run."""
    gate = threading.Barrier(VISITORS)

    def begin(seed: int) -> str:
        gate.wait()
        return httpx.post(f"{address}/api/tissue/run?{query(LONG | {'seed': seed})}", json={}, timeout=60).json()["id"]

    with ThreadPoolExecutor(VISITORS) as pool:
        keys = list(pool.map(begin, range(VISITORS)))
    assert len(set(keys)) == VISITORS
    with httpx.Client(base_url=address, timeout=60) as client:
        states = lambda: [client.get(f"/api/jobs/{key}").json()["state"] for key in keys]  # noqa: E731
        until(lambda: "running" in states(), "a job to run")
        page.goto(cell_address(address, cells="10"))
        ready(page)
        took = []
        for level in ("0.5", "0"):
            begun = time.monotonic()
            page.locator('input[data-gene="UNC13D"]').fill(level)
            settled(page)
            took.append(time.monotonic() - begun)
        assert "running" in states() and states().count("running") <= 2 and "waiting" in states()
        for key in reversed(keys):
            client.delete(f"/api/jobs/{key}")
        until(lambda: set(states()) == {"stopped"}, "all jobs to stop")
    tell(request.config, f"cell view with {VISITORS} jobs under way: all three answers after at most {max(took):.1f} s")
    assert max(took) < SOON


# --- looks ----------------------------------------------------------------------------------------------------------


@WINDOWS
def test_axe_finds_nothing_serious_before_and_after_a_run(new_page, address, film, window):
    page = new_page(*window)
    open_tissue_view(page, address, **LONG, a="dominant-negative RAB11A", b="drug anti-PD-L1 0.07 uM")
    assert axe(page) == [] and cut_off(page) == []
    open_tissue_view(page, address, **film)
    for summary in page.locator("main summary").all():
        summary.click()
    assert axe(page) == [] and cut_off(page) == []


@WINDOWS
def test_a_film_looks_as_it_did(new_page, address, film, window, request):
    page, name = new_page(*window), f"tissue-{request.node.callspec.id}"
    open_tissue_view(page, address, **film)
    page.mouse.move(0, 0)
    shot(page, name, page.locator(".stage"))
    seek(page, 0)
    with pytest.raises(AssertionError, match="differs by"):
        shot(page, name, page.locator(".stage"))
