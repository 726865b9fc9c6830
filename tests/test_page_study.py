"""The study view at the server: cards from real scores, broken folders, runs that equal those of the command line."""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import httpx
import numpy as np
import pytest

import studies
from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.experiment import parse
from exude.experiment.panels import Distributions
from exude.experiment.study import run as study_run
from exude.experiment.study.cultures import cultures
from exude.experiment.study.effort import Effort, Size
from exude.experiment.study.fingerprint import bare, fingerprint
from exude.experiment.study.kept import panels_in, plain_panels
from exude.experiment.study.needed import needed
from exude.experiment.study.questions import questions
from exude.page import study, study_stored
from exude.page.asked import asked_of
from exude.page.server import application
from exude.page.study_dishes import cell_link
from exude.page.study_work import run_statement
from exude.page.uploads import Uploads
from exude.show.study_words import alternative, caption

RESULTS = Path(__file__).parent.parent / "docs" / "results.md"
STATEMENTS = list(dict.fromkeys(read.findings()[q.finding][1].statement for q in questions()))
TINY = Size(point=Effort(cells=4), draw=Effort(cells=2), draws=2)
OVER = ("done", "failed", "stopped")


class Client:
    """Asks the application itself, without a socket."""

    def __init__(self, folder: Path, study: Path | None = None) -> None:
        self.app = application(folder, study=study)

    def ask(self, method: str, path: str, **given: Any) -> Any:
        async def answered() -> Any:
            transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                return await client.request(method, path, **given)

        return asyncio.run(answered())

    def get(self, path: str) -> Any:
        return self.ask("GET", path)

    def post(self, path: str) -> Any:
        return self.ask("POST", path, json={})

    def close(self) -> None:
        self.app.state.jobs.close()
        self.app.state.uploads.close()


def client_of(folder: Path, study: Path | None = None) -> closing[Client]:
    return closing(Client(folder, study))


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    with client_of(tmp_path_factory.mktemp("page")) as client:
        yield client


@pytest.fixture(scope="module")
def details(page: Client) -> dict[str, dict[str, Any]]:
    return {name: page.get(f"/api/study/{name}").json() for name in STATEMENTS}


def cards_of(client: Client) -> list[dict[str, Any]]:
    return [card for group in client.get("/api/study").json()["groups"] for card in group["cards"]]


def shipped_rows() -> list[dict[str, Any]]:
    return list(json.loads(study_stored.SHIPPED.read_text(encoding="utf-8"))["rows"])


def test_every_statement_of_the_study_is_a_card(page: Client) -> None:
    first, others = page.get("/api/study").json()["groups"]
    ids = [[card["id"] for card in group["cards"]] for group in (first, others)]
    assert sorted(ids[0] + ids[1]) == sorted(STATEMENTS) and len(STATEMENTS) > 20
    assert first["title"] == "Messenger et al. 2018" and "release-calcium" in ids[0] and "burst" in ids[1]
    assert sum(len(card["rows"]) for card in cards_of(page)) == sum(not q.hypothesis for q in questions())


def test_counts_are_those_of_the_rows(page: Client) -> None:
    found = page.get("/api/study").json()
    rows = [row for card in cards_of(page) for row in card["rows"]]
    for role in ("fit", "predicted"):
        scored = [row["verdict"] for row in rows if row["role"] == role and row["verdict"] != "not scored"]
        assert found["counts"][role] == len(scored)
        assert found["counts"][f"{role}_agree"] == scored.count("agrees")
    assert found["counts"]["weak"] == sum(row["state"] == "weak" for row in rows)


def test_shipped_scores_are_those_of_the_document() -> None:
    lines = [line.split(" | ") for line in RESULTS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][
        1:
    ]
    told = [(cell[0].lstrip("| "), cell[1], cell[3], cell[6]) for cell in lines]
    assert told == [(r["id"], r["finding"], r.get("hypothesis", "default"), r["verdict"]) for r in shipped_rows()]


def test_the_page_says_when_the_model_has_changed(page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    made = json.loads(study_stored.SHIPPED.read_text(encoding="utf-8"))["made"]
    monkeypatch.setattr(study_stored, "fingerprint", lambda: made["model"])
    assert page.get("/api/study").json()["problem"] == ""
    monkeypatch.setattr(study_stored, "fingerprint", lambda: "another")
    assert "another version of the model" in page.get("/api/study").json()["problem"]


def test_a_fingerprint_follows_numbers_and_not_words() -> None:
    said = [d for d in PATIENT.definitions if d.why]
    assert said and "why" not in bare(said[0]) and "text" in bare(said[0])
    assert re.fullmatch("[0-9a-f]{16}", study_stored.fingerprint())


@pytest.mark.parametrize("name", STATEMENTS)
def test_an_open_card_tells_experiment_and_evidence(details: dict[str, dict[str, Any]], name: str) -> None:
    found = details[name]
    assert {row["finding"] for row in found["rows"]} <= {one["finding"] for one in found["evidence"]}
    for one in found["evidence"]:
        source, finding = read.findings()[one["finding"]]
        assert one["says"] == finding.says and one["rule"] == finding.rule and source in one["source"]
        doi = read.references().get(source, {}).get("doi")
        assert one["link"] == f"https://doi.org/{doi}" if doi else not one["link"].startswith("https://doi.org")
    assert found["command"] == f"exude reproduce --only {name} --quick --out results-{name}"
    assert f'only=("{name}",)' in found["python"]
    assert {row["hypothesis"] for row in found["rivals"]} <= {m["name"] for m in found["mechanisms"]}


def test_every_statement_was_measured(details: dict[str, dict[str, Any]]) -> None:
    for name, found in details.items():
        assert [dish["name"] for dish in found["dishes"]] == [*needed((name,))], "run docs/make_results.py --measure"
        assert found["dishes"] or name == "signal-duration"


def test_graphs_show_the_claim(details: dict[str, dict[str, Any]]) -> None:
    rows = {row["finding"]: row for found in details.values() for row in found["rows"]}
    assert rows["M1"]["graph"]["band"] == [4.0, 6.0] and rows["M1"]["reported"] == "5 (4 to 6), fold (limits ours)"
    assert rows["M2"]["graph"]["band"] == [None, 0.15]
    assert (rows["M4"]["graph"]["null"], rows["M4"]["graph"]["way"]) == (1.0, "down")
    assert (rows["M12a"]["graph"]["null"], rows["M12a"]["graph"]["way"]) == (0.0, "up")
    assert rows["Lee2016HRas_a"]["graph"]["null"] is None


@pytest.mark.parametrize("dish", cultures().values(), ids=lambda dish: dish.name)
def test_a_culture_opens_in_the_cell_view(dish: Any) -> None:
    assert tuple(parse.of_kind(*(parse.sentence(what) or ("", ""))) for what in dish.what) == dish.what
    link = cell_link(dish)
    if dish.hypothesis in study_run.ensemble.RIVALS:
        assert link == ""
        return
    query = {key: values[0] for key, values in parse_qs(link.removeprefix("/?")).items()}
    asked = asked_of(query, parse_qs(link.removeprefix("/?")).get("do", []), Uploads())
    assert (asked.line, asked.what, asked.duration, asked.hypothesis) == (
        dish.line, dish.what, dish.duration, dish.hypothesis,
    )  # fmt: skip


def test_an_unknown_statement_is_refused_with_the_nearest(page: Client) -> None:
    for path in ("", "/figure.svg", "/data.csv"):
        answered = page.get(f"/api/study/burts{path}")
        assert answered.status_code == 422 and "did you mean 'burst'" in answered.json()["error"]
    assert page.post("/api/study/burts/run").status_code == 422
    assert page.get("/api/study/..%2F..%2Fetc/figure.svg").status_code in (404, 422)


def test_stored_rows_are_drawn_and_handed_out(page: Client) -> None:
    begins = {"svg": b"<?xml", "png": b"\x89PNG", "pdf": b"%PDF"}
    for kind, start in begins.items():
        answered = page.get(f"/api/study/rab11/figure.{kind}")
        assert answered.status_code == 200 and answered.content.startswith(start)
    rows = page.get("/api/study/mutants-no-rescue/data.csv").text.splitlines()
    assert len(rows) == 1 + sum(row["id"] == "mutants-no-rescue" for row in shipped_rows())


def test_a_study_in_a_folder_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    rows = [row for row in shipped_rows() if row["id"] == "burst"]
    rows[0] = rows[0] | {"verdict": "disagrees", "quick": "quick: 8 parameter draws"}
    (tmp_path / "figures").mkdir()
    (tmp_path / "figures" / "burst.svg").write_text("<svg/>", encoding="utf-8")
    (tmp_path / "scores.json").write_text(json.dumps(rows), encoding="utf-8")
    with client_of(tmp_path, tmp_path) as client:
        [card] = cards_of(client)
        assert card["rows"][0]["verdict"] == "disagrees"
        assert client.get("/api/study").json()["made"].startswith("Quick: 8 parameter draws, from ")
        found = client.get("/api/study/burst").json()
        assert (found["figure"]["kinds"], found["size"]) == (["svg"], "8 parameter draws")
        assert client.get("/api/study/burst/figure.svg").text == "<svg/>"
        assert client.get("/api/study/rab11").status_code == 422


def test_cards_show_the_figures_that_the_study_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = studies.panels()["burst"]
    file = json.loads(study_stored.SHIPPED.read_text(encoding="utf-8")) | {"panels": plain_panels({"burst": kept})}
    (tmp_path / "scores.json").write_text(json.dumps(file["rows"]), encoding="utf-8")
    (tmp_path / "panels.json").write_text(json.dumps(file["panels"]), encoding="utf-8")
    monkeypatch.setattr(study_stored, "_shipped_file", lambda: file)
    study_stored._shipped_panels.cache_clear()
    for folder in (None, tmp_path):
        with client_of(tmp_path, folder) as client:
            figure = client.get("/api/study/burst").json()["figure"]
            assert (figure["alt"], figure["caption"]) == (alternative(kept), caption(kept))
            assert "Release is a burst" in client.get("/api/study/burst/figure.svg").text
            assert client.get("/api/study/rab11").json()["figure"]["caption"].endswith(study.LATER)
    study_stored._shipped_panels.cache_clear()


def test_broken_figures_of_a_folder_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "scores.json").write_text(json.dumps(shipped_rows()), encoding="utf-8")
    (tmp_path / "panels.json").write_text('{"burst": {"kind": "Pie"}}', encoding="utf-8")
    with client_of(tmp_path, tmp_path) as client:
        found = client.get("/api/study/burst").json()
        assert (
            "panels.json" in found["figure"]["caption"] and found["rows"] and str(tmp_path) not in str(found["figure"])
        )
        assert "Make the study again" in client.get("/api/study/burst/figure.svg").json()["error"]


def test_rows_without_a_number_have_no_figure(tmp_path: Path) -> None:
    nothing = {"predicted": {"value": None, "low": None, "high": None, "unit": "1"}, "verdict": "disagrees"}
    rows = [row | nothing for row in shipped_rows() if row["id"] == "chelation"]
    (tmp_path / "scores.json").write_text(json.dumps(rows), encoding="utf-8")
    with client_of(tmp_path, tmp_path) as client:
        found = client.get("/api/study/chelation")
        assert found.status_code == 200 and found.json()["figure"]["kinds"] == []
        assert "nothing to draw" in client.get("/api/study/chelation/figure.svg").json()["error"]


def broken(**changed: Any) -> str:
    return json.dumps([shipped_rows()[0] | changed])


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "{}", "[1]", "null", '[{"id": "burst"}]', broken(verdict="maybe"), broken(finding="X99"), broken(id="../figures/x"),
        broken(predicted={"value": "high", "low": 1, "high": 2, "unit": "1"}), broken(reported={"kind": "magic"}),
        broken(weak=float("nan")), broken(more=1), "[" * 5000,
    ],
)  # fmt: skip
def test_broken_scores_are_a_sentence_and_not_a_crash(tmp_path: Path, text: str) -> None:
    (tmp_path / "scores.json").write_text(text, encoding="utf-8")
    with client_of(tmp_path, tmp_path) as client:
        answered = client.get("/api/study")
        assert answered.status_code == 200 and len(cards_of(client)) == len(STATEMENTS)
        problem = answered.json()["problem"]
        assert "scores.json" in problem and "Make it anew: exude reproduce" in problem and str(tmp_path) not in problem
        assert client.get("/api/study/burst/figure.svg").status_code == 200


def test_a_folder_without_scores_is_said(tmp_path: Path) -> None:
    with client_of(tmp_path, tmp_path) as client:
        assert "cannot be read" in client.get("/api/study").json()["problem"]


def test_one_statement_alone_has_the_rows_of_the_command(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(study_run, "QUICK", TINY)
    whole = study_run.reproduce(quick=True, only=("burst",), threads=1)
    seen: list[tuple[int, int]] = []
    alone = run_statement({"id": "burst"}, tmp_path, lambda done, total, label="": seen.append((done, total)))
    assert [dish["name"] for dish in alone["dishes"]] == ["burst"]
    assert alone["rows"] == [study.shown(study_stored.Row.model_validate(row)) for row in whole.rows]
    assert (tmp_path / "data.csv").read_text(encoding="utf-8").count("\n") == 1 + len(whole.rows)
    assert alone["alt"] == alternative(whole.panels["burst"])
    assert (seen[0], seen[-1]) == ((0, 3), (3, 3))


def test_a_new_folder_tells_its_model_and_what_its_figures_show(tmp_path: Path) -> None:
    rows = [row for row in shipped_rows() if row["id"] == "burst"]
    kept = studies.panels()["burst"]
    (tmp_path / "scores.json").write_text(json.dumps(rows), encoding="utf-8")
    (tmp_path / "panels.json").write_text(json.dumps(plain_panels({"burst": kept})), encoding="utf-8")
    for model, problem in ((fingerprint(), ""), ("another", study_stored.CHANGED)):
        made = {"made": {"model": model}, "again": "exude reproduce"}
        (tmp_path / "study.json").write_text(json.dumps(made), encoding="utf-8")
        found = study_stored.stored(tmp_path)
        assert (found.problem, found.made.partition(", model ")[2]) == (problem, f"{model[:8]}.")
    again = study_stored.kept_panel("burst", found)
    assert again and plain_panels({"burst": again}) == plain_panels({"burst": kept})
    assert study_stored.kept_panel("rab11", found) is None
    (tmp_path / "panels.json").unlink()
    (tmp_path / "study.json").unlink()
    old = study_stored.stored(tmp_path)
    assert old.made.endswith("which version of the model made it is not written there.") and not old.problem
    assert study_stored.kept_panel("burst", old) is None


@pytest.mark.parametrize("text", ["{", "[]", '{"made": 1}', "[" * 5000])
def test_a_broken_study_file_is_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "scores.json").write_text(json.dumps(shipped_rows()), encoding="utf-8")
    (tmp_path / "study.json").write_text(text, encoding="utf-8")
    assert "Make the study again" in study_stored.stored(tmp_path).problem


def test_shipped_figures_are_small_and_say_where_they_were_thinned(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def exit_of(folder: Path) -> str:
        with pytest.raises(SystemExit) as stopped:
            make_results.ship([], folder)
        return str(stopped.value)

    monkeypatch.syspath_prepend(str(RESULTS.parent))
    import make_results

    many = Distributions(
        "Sizes", "diameter (um)", (("wild type", np.linspace(0, 1, 9001)), ("few", np.array([1.0, np.nan])))
    )
    thin = make_results.thinned(many)
    assert [len(values) for _, values in thin.samples] == [make_results.MOST, 1]
    assert np.allclose(np.quantile(thin.samples[0][1], [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.002)
    assert "(wild type: 9,001)" in thin.note and "few" not in thin.note
    curves = studies.panels()["burst"]
    assert make_results.thinned(curves) is curves

    shipped = tmp_path / "shipped.json"
    shipped.write_text(study_stored.SHIPPED.read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(make_results, "SHIPPED", shipped)
    (tmp_path / "scores.json").write_text("[]", encoding="utf-8")
    assert "another version of the model" in exit_of(tmp_path)
    made = {"model": fingerprint(), "versions": {"exude": "9"}}
    (tmp_path / "study.json").write_text(json.dumps({"made": made}), encoding="utf-8")
    (tmp_path / "panels.json").write_text(json.dumps(plain_panels({"mvb-size": many})), encoding="utf-8")
    make_results.ship(shipped_rows(), tmp_path)
    written = json.loads(shipped.read_text(encoding="utf-8"))
    assert written["rows"] == shipped_rows() and written["made"]["model"] == fingerprint()
    assert panels_in(written["panels"], "shipped")["mvb-size"].note == thin.note
    monkeypatch.setattr(make_results, "ROOM", 10_000)
    assert "more than 10,000" in exit_of(tmp_path)


def after(page: Client, key: str, states: tuple[str, ...]) -> dict[str, Any]:
    for _ in range(1200):
        found: dict[str, Any] = page.get(f"/api/jobs/{key}").json()
        if found["state"] in states:
            return found
        time.sleep(0.1)
    raise AssertionError(f"the job is still {found['state']}")


def test_a_run_gives_rows_figure_and_data(page: Client) -> None:
    key = page.post("/api/study/signal-duration/run").json()["id"]
    found = after(page, key, OVER)
    assert found["state"] == "done", found["error"]
    assert [row["finding"] for row in found["result"]["rows"]] == ["K1a", "K1b"]
    assert found["result"]["size"].startswith("quick: 8 parameter draws")
    base = f"/api/study/signal-duration/runs/{key}"
    assert page.get(f"{base}/figure.svg").content.startswith(b"<?xml")
    assert len(page.get(f"{base}/data.csv").text.splitlines()) == 3
    wrong = page.get(f"/api/study/burst/runs/{key}/figure.svg")
    assert wrong.status_code == 422 and "Run it again" in wrong.json()["error"]
    assert page.get("/api/study/burst/runs/none/figure.svg").status_code == 422


def test_a_run_can_be_stopped(page: Client) -> None:
    key = page.post("/api/study/mutants-no-rescue/run").json()["id"]
    assert after(page, key, ("running", *OVER))["state"] == "running"
    page.ask("DELETE", f"/api/jobs/{key}")
    assert after(page, key, OVER)["state"] == "stopped"
    assert page.get(f"/api/study/mutants-no-rescue/runs/{key}/figure.svg").status_code == 422
