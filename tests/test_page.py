"""The server of the page: what an address may ask, what may be handed in, and the walls around it; no browser."""

from __future__ import annotations

import json
import os
import shlex
import time
import urllib.parse
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("starlette", reason="the page needs exude[app]")
pytest.importorskip("httpx", reason="the tests of the page need httpx")

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette would rather have a younger httpx
    from starlette.testclient import TestClient

import exude
from exude.cascade import CELL
from exude.cli.main import main
from exude.errors import DataError, ProtocolError
from exude.page import cell, guard, jobs, uploads
from exude.page.asked import MOST_CELLS, asked_of
from exude.page.server import application
from exude.page.uploads import Uploads, plain

ORIGIN = "http://127.0.0.1"
SMALL = {"line": "MDA-MB-231", "duration": "30 min", "cells": "5", "seed": "1"}
TRACE = b"time_s,calcium_uM\n0,0.1\n600,1.0\n1800,0.1\n"


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with TestClient(application(tmp_path_factory.mktemp("work")), base_url=ORIGIN) as made:
        yield made


@pytest.fixture
def kept() -> Iterator[Uploads]:
    made = Uploads()
    yield made
    made.close()


def sent(client: TestClient, data: bytes, name: str = "trace.csv", **headers: str) -> Any:
    given = {"x-file-name": urllib.parse.quote(name)} | headers
    return client.post("/api/traces", content=data, headers=given)


def sentence(answer: Any, status: int = 422) -> str:
    """What an answer says was wrong; one line, without any path of this machine or code."""
    assert answer.status_code == status, answer.text[:300]
    said = answer.json()["error"]
    assert said and "\n" not in said and "Traceback" not in said and "/tmp" not in said, said
    return said


def view(client: TestClient, what: str, *do: str, **changes: str) -> Any:
    return client.get(f"/api/cell/{what}", params=[*(SMALL | changes).items(), *(("do", one) for one in do)])


# --- addresses ------------------------------------------------------------------------------------------------------


def test_an_empty_address_is_the_usual_cell(kept):
    asked = asked_of({}, [], kept)
    assert (asked.line, asked.duration, asked.cells, asked.seed, asked.what) == ("MDA-MB-231", "2 h", 100, 1, ())
    assert asked.control == ("untreated", ())


def test_the_control_has_the_stimulus_and_nothing_else(kept):
    both = asked_of({}, ["knock-down UNC13D=0.2", "stimulus ionomycin 5 uM at 30 min"], kept)
    assert both.control[1] == (exude.Stimulus("ionomycin", "5 uM", at="30 min"),)
    assert asked_of({}, ["stimulus ionomycin 5 uM at 30 min"], kept).control == ("untreated", ())


@pytest.mark.parametrize(
    ("query", "do", "word"),
    [
        ({"cells": "0"}, (), "1 to 2000"),
        ({"cells": str(MOST_CELLS + 1)}, (), "1 to 2000"),
        ({"cells": "1e3"}, (), "whole number"),
        ({"cells": "٣"}, (), "whole number"),
        ({"cells": "9" * 5000}, (), "whole number"),
        ({"seed": "-1"}, (), "whole number"),
        ({"duration": "49 h"}, (), "at most 48 h"),
        ({"duration": "2 apples"}, (), "apples"),
        ({"duration": "-2 h"}, (), "2 h"),
        ({"duration": '2 h"), exude.x('}, (), "duration"),
        ({"line": "MDA-MB-321"}, (), "MDA-MB-231"),
        ({"hypothesis": "magic"}, (), "both-c2"),
        ({}, ("knockdown UNC13D=0.2",), "knock-down"),
        ({}, ("knock-down UNC13=0.2",), "UNC13D"),
        ({}, ("stimulus ionomycin",), "unit"),
        ({}, ("stimulus ionomycin 5 uM at 3 h",), "3 h"),
        ({}, ("stimulus ionomycine 5 uM",), "ionomycin"),
        ({}, ("rescue UNC13D C2C*",), "C2A*"),
        ({}, ["knock-out CD9"] * 41, "at most 40"),
        ({}, ("calcium-trace /etc/passwd",), "upload"),
        ({}, ("calcium-trace ../../etc/passwd",), "upload"),
        ({}, ("calcium-trace upload-000000000000000000000000",), "upload"),
        ({}, ("calcium-trace",), "upload"),
        ({}, ("calcium-trace\t/etc/passwd",), "calcium-trace"),
        ({}, ("calcium-sbml /etc/passwd",), "SBML"),
    ],
)
def test_what_cannot_be_done_is_refused_in_a_sentence(client, query, do, word):
    assert word in sentence(view(client, "expected", *do, **query))


@pytest.mark.parametrize("words", ["/../../secret.csv", "x dye=fura2", "more.csv gaps=line", "gaps = line"])
def test_nothing_may_be_added_to_the_name_of_an_upload(client, words):
    """A file is opened under its own name only: on some systems `upload/../x` is x, whether `upload` is a folder or not."""
    key = sent(client, TRACE).json()["id"]
    assert "NAME=VALUE" in sentence(view(client, "expected", f"calcium-trace {key} {words}"))


def test_white_space_of_an_address_does_not_break_the_code(client):
    told = view(client, "expected", "knock-down UNC13D=0.2", duration="30\n min").json()
    assert "duration='30 min'" in told["python"]
    compile(told["python"], "copied", "exec")


def test_another_key_of_the_address_is_left_alone(client):
    assert view(client, "expected", view="cell", t="12", q="<script>").status_code == 200


def test_a_mechanism_with_borrowed_thresholds_says_so(client):
    assert view(client, "expected").json()["caution"] == ""
    assert "thresholds fitted under 'both-c2'" in view(client, "expected", hypothesis="c2b-only").json()["caution"]


def test_numbers_of_the_course_are_those_of_the_library(client):
    found = view(client, "expected", "knock-down UNC13D=0.2", "stimulus ionomycin 5 uM at 10 min").json()
    what = exude.KnockDown("UNC13D", to=0.2), exude.Stimulus("ionomycin", "5 uM", at="10 min")
    from exude.experiment.expect import expect

    true = expect("MDA-MB-231", *what, duration="30 min", every="5 s")
    np.testing.assert_allclose(found["exosomes"], true["exosomes"].values, rtol=1e-4)
    alone = expect("MDA-MB-231", what[1], duration="30 min", every="5 s")
    np.testing.assert_allclose(found["control"]["exosomes"], alone["exosomes"].values, rtol=1e-4)
    assert set(found["stages"]) == set(CELL.life_cycle.stages)


def test_the_film_tells_of_each_vesicle_what_the_run_did(client):
    """Counts in stages, exosomes released and fusions of a film add up to those of the run of the same cell."""
    film = view(client, "film", "stimulus ionomycin 5 uM at 10 min", seed="3").json()
    assert film["duration"] == 1800
    for i in range(0, len(film["time"]), 25):
        time, counts = film["time"][i], dict.fromkeys(film["stages"], 0)
        for life in film["vesicles"]:
            if life["born"] <= time and (life["end"] is None or time < life["end"][0]):
                counts[[stage for at, stage in life["stages"] if at <= time][-1]] += 1
        assert counts == {stage: course[i] for stage, course in film["stages"].items()}, f"at {time} s"
    ends = [life["end"] for life in film["vesicles"] if life["end"]]
    assert sum(ilv for _, fate, ilv in ends if fate == "released") == film["exosomes"][-1]
    assert sum(fate == "released" for _, fate, _ in ends) == film["fusions"][-1]


# --- the same as code -----------------------------------------------------------------------------------------------

WHAT = (
    ("stimulus ionomycin 5 uM at 10 min",),
    ("knock-down UNC13D=0.2", "rescue UNC13D C2A*", "drug bafilomycin A1 100 nM", "stimulus histamine 100 uM at 5 min until 20 min"),
    ("knock-out RAB27A", "overexpress RAB11A=2", "external calcium=0 mM at 3 min", "permeabilised calcium=1 uM at 9 min"),
)  # fmt: skip


@pytest.mark.parametrize(("do", "hypothesis"), list(zip(WHAT, ("both-c2", "c2b-only", "both-c2"), strict=True)))
def test_code_and_command_give_the_cells_of_the_page(client, do, hypothesis, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    changes = {"hypothesis": hypothesis, "seed": "7", "line": "MCF-7"}
    told = view(client, "expected", *do, **changes).json()
    shown = view(client, "population", *do, **changes).json()["at_end"]
    by_code: dict[str, Any] = {}
    exec(compile(told["python"], "copied", "exec"), by_code)
    assert by_code["run"].exosomes.isel(time=-1).values.tolist() == shown
    assert main(shlex.split(told["command"])[1:]) == 0, capsys.readouterr().err
    assert exude.load("run.nc").exosomes.isel(time=-1).values.tolist() == shown
    assert Path("run.png").stat().st_size > 1000


def test_code_with_a_trace_runs_beside_the_file_of_its_owner(client, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    Path("my_cells.csv").write_bytes(TRACE)
    key = sent(client, TRACE, "my cells.csv").json()["id"]
    told = view(client, "expected", f"calcium-trace {key}").json()
    assert "my_cells.csv" in told["python"] and "upload" not in told["python"] + told["command"]
    shown = view(client, "population", f"calcium-trace {key}").json()["at_end"]
    by_code: dict[str, Any] = {}
    exec(compile(told["python"], "copied", "exec"), by_code)
    assert by_code["run"].exosomes.isel(time=-1).values.tolist() == shown
    assert main(shlex.split(told["command"])[1:]) == 0, capsys.readouterr().err


def test_downloads_open_and_hold_the_cells_of_the_page(client, tmp_path):
    do = "stimulus ionomycin 5 uM at 10 min"
    shown = view(client, "population", do).json()
    (tmp_path / "run.nc").write_bytes(view(client, "data.nc", do).content)
    assert exude.load(tmp_path / "run.nc").exosomes.isel(time=-1).values.tolist() == shown["at_end"]
    rows = view(client, "data.csv", do).text.splitlines()
    heads, last = rows[0].split(","), [float(x) for x in rows[-1].split(",")]
    assert heads[0] == "time_s" and {"calcium_mean (uM)", "calcium_sd (uM)"} < set(heads)
    row = dict(zip(heads, last, strict=True))
    assert row["time_s"] == 1800
    mean = next(head for head in heads if head.startswith("exosomes_mean ("))
    assert row[mean] == pytest.approx(np.mean(shown["at_end"]))
    assert row[mean.replace("mean", "sd")] == pytest.approx(np.std(shown["at_end"], ddof=1))


# --- files handed in ------------------------------------------------------------------------------------------------

BAD_FILES = {
    "no header": (b"0,0.1\n60,0.2\n120,0.1\n", "header"),
    "unknown columns": (b"a,b\n1,2\n2,3\n", "time_s"),
    "no unit": (b"time,calcium\n0,0.1\n60,0.2\n", "time_s"),
    "one row": (b"time_s,calcium_uM\n0,0.1\n", "at least 2"),
    "NaN": (b"time_s,calcium_uM\n0,0.1\n60,nan\n120,0.1\n", "finite"),
    "infinite": (b"time_s,calcium_uM\n0,0.1\n60,inf\n120,0.1\n", "finite"),
    "negative": (b"time_s,calcium_uM\n0,0.1\n60,-0.1\n120,0.1\n", "negative"),
    "backwards": (b"time_s,calcium_uM\n60,0.1\n0,0.2\n", "time"),
    "formula": (b"time_s,calcium_uM\n0,0.1\n60,=cmd|' /C calc'!A0\n", "number"),
    "HTML": (b"time_s,calcium_uM\n0,0.1\n60,<img src=x onerror=alert(1)>\n", "number"),
    "far too high": (b"time_s,calcium_uM\n0,100000\n60,100000\n", "uM"),
}


@pytest.mark.parametrize("name", BAD_FILES)
def test_a_bad_file_is_refused_by_the_name_its_owner_gave_it(client, name):
    data, word = BAD_FILES[name]
    answer = sent(client, data, "neuron 7.csv")
    if answer.status_code == 200:
        answer = view(client, "expected", f"calcium-trace {answer.json()['id']}")
    said = sentence(answer)
    assert said.startswith("neuron_7.csv: ") and word in said and "upload-" not in said, said


@pytest.mark.parametrize(
    ("data", "word"),
    [(b"", "empty"), (b" \n\n", "no text"), (b"\x89PNG\r\n\x00\x1a", "no text"), (b"time_s\0", "no text")],
)
def test_what_is_no_text_is_not_kept(client, data, word):
    assert word in sentence(sent(client, data))


def test_bytes_that_are_no_text_are_refused_in_a_sentence(client):
    key = sent(client, b"time_s,calcium_uM\n0,\xff\xfe\n60,\x80\n").json()["id"]
    sentence(view(client, "expected", f"calcium-trace {key}"))


def test_a_large_file_is_refused_whether_it_says_its_size_or_not(client):
    assert "at most" in sentence(sent(client, b"1" * (3 * 2**20)), 413)
    assert "at most" in sentence(sent(client, b"1" * (uploads.MOST_BYTES + 1)))

    def parts() -> Iterator[bytes]:
        for _ in range(40):
            yield b"0,0.1\n" * 2**14

    answer = client.post("/api/traces", content=parts())
    assert "at most" in sentence(answer)
    assert client.get("/api/bench").status_code == 200


@pytest.mark.parametrize(
    ("head", "scale"),
    [(b"time_s,calcium_uM", 1.0), (b"time_min,calcium_nM", 1000.0), (b"\xef\xbb\xbftime_s,calcium_uM", 1.0)],
)
def test_a_good_file_is_the_calcium_of_the_cell(client, head, scale):
    step = 10.0 if b"min" in head else 600.0
    rows = "\n".join(f"{i * step},{scale * c}" for i, c in enumerate((0.1, 1.0, 0.5, 0.1)))
    key = sent(client, head + b"\n" + rows.encode() + b"\n").json()["id"]
    found = view(client, "expected", f"calcium-trace {key}").json()
    assert np.interp([0, 600, 1200, 1800], found["time"], found["calcium"]) == pytest.approx(
        [0.1, 1.0, 0.5, 0.1], rel=1e-3
    )


def test_fura2_light_needs_its_calibration(client):
    light = b"time_s,ratio\n0,0.6\n300,3.0\n600,2\n900,1\n1800,0.7\n"
    key = sent(client, light).json()["id"]
    assert "r_min" in sentence(view(client, "expected", f"calcium-trace {key} dye=fura2"))
    told = view(client, "expected", f"calcium-trace {key} dye=fura2 kd=200 nM r_min=0.3 r_max=6 beta=5").json()
    by_hand = 0.2 * 5 * (0.6 - 0.3) / (6 - 0.6)
    assert told["calcium"][0] == pytest.approx(by_hand, rel=1e-2)
    compile(told["python"], "copied", "exec")
    assert "exude.Fura2(" in told["python"]


@pytest.mark.parametrize(
    ("given", "kept_as"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\Users\\me\\a b.csv", "a_b.csv"), ("<b>x</b>.csv", "b_.csv"), ("", "file.csv"),
        ("a" * 200 + ".csv", "a" * 60), ('"; rm -rf ~; ".csv', "___rm_-rf_____.csv"), ("..", ".."), ("Zellen-ä.csv", "Zellen-_.csv"),
    ],
)  # fmt: skip
def test_names_of_files_are_plain(given, kept_as):
    assert plain(given) == kept_as


def test_uploads_expire_and_the_oldest_go_first(monkeypatch):
    now = [0.0]
    kept = Uploads(clock=lambda: now[0])
    monkeypatch.setattr(uploads, "MOST_FILES", 2)
    first = kept.add(TRACE, "a.csv")
    now[0] = uploads.KEPT_SECONDS - 1
    assert kept.find(first).name == "a.csv"  # use prolongs it
    now[0] += uploads.KEPT_SECONDS - 1
    kept.find(first)
    now[0] += uploads.KEPT_SECONDS + 1
    with pytest.raises(ProtocolError, match="upload it again"):
        kept.find(first)
    keys = []
    for name in "bcde":
        now[0] += 1
        keys.append(kept.add(TRACE, name))
    alive = [key for key in keys if key in kept._kept]
    assert alive == keys[-len(alive) :] and len(alive) <= 3
    folder = kept.find(keys[-1]).path.parent
    assert len(list(folder.iterdir())) == len(kept._kept)
    kept.close()
    assert not folder.exists()


def test_ids_cannot_be_guessed_or_made_into_a_path(kept):
    keys = {kept.add(TRACE, "x.csv") for _ in range(20)}
    assert len(keys) == 20 and all(uploads.ID.fullmatch(key) for key in keys)
    for key in ("", "../x", "upload-", next(iter(keys)) + "/../x", next(iter(keys)).upper()):
        with pytest.raises(ProtocolError):
            kept.find(key)
    with pytest.raises(DataError):
        kept.add(b"\0", "x")


# --- the walls ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "host", ["evil.example", "127.0.0.1.evil.example", "evil.example:80", "", "127.0.0.1@evil.example", "[::2]:80"]
)
def test_a_foreign_host_is_refused(client, host):
    assert client.get("/", headers={"host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:8765", "localhost", "localhost:1", "[::1]:8765", "[::1]"])
def test_the_own_names_are_served(client, host):
    assert client.get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:9", "http://localhost"])
@pytest.mark.parametrize(("method", "path"), [("POST", "/api/traces"), ("DELETE", "/api/jobs/x")])
def test_a_foreign_origin_starts_nothing(client, origin, method, path):
    answer = client.request(method, path, headers={"origin": origin})
    assert "Another site" in sentence(answer, 403)
    assert "access-control-allow-origin" not in answer.headers


def test_the_own_origin_may_send(client):
    assert sent(client, TRACE, origin=ORIGIN).status_code == 200


def test_every_answer_says_what_the_browser_may_load(client):
    for path in ("/", "/static/main.js", "/api/bench", "/nowhere", "/api/cell/expected?line=x"):
        headers = client.get(path).headers
        assert {name: headers[name] for name in guard.HEADERS} == guard.HEADERS
        assert "server" not in headers
    assert "unsafe" not in guard.HEADERS["content-security-policy"]


@pytest.mark.parametrize(
    "path",
    [
        "/static/../server.py", "/static/%2e%2e/server.py", "/static/..%2fserver.py", "/static/%2e%2e%2fserver.py",
        "/static//etc/passwd", "/static/..\\server.py", "/static/....//server.py", "/static/%00", "/static/", "/etc/passwd",
    ],
)  # fmt: skip
def test_only_the_pages_own_files_are_served(client, path):
    answer = client.get(path)
    assert answer.status_code == 404 and "There is nothing at" in answer.json()["error"]


def test_another_method_is_refused(client):
    assert client.post("/api/bench").status_code == 405
    assert client.get("/api/traces").status_code == 405


def test_an_error_of_our_own_is_one_sentence_and_stands_in_the_terminal(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cell, "expect", lambda *_, **__: 1 / 0)
    with TestClient(application(tmp_path), base_url=ORIGIN, raise_server_exceptions=False) as broken:
        said = sentence(view(broken, "expected"), 500)
        assert "an error of its own" in said
        assert broken.get("/api/bench").status_code == 200
    assert "ZeroDivisionError" in capsys.readouterr().err


# --- long work ------------------------------------------------------------------------------------------------------


def counts(request: Any, folder: Path, report: jobs.Report) -> Any:
    """A job: so many steps, or a fault of the kind asked for."""
    for done in range(request["steps"]):
        report(done, request["steps"], "counting")
        time.sleep(request.get("pause", 0.0))
    if request.get("fault") == "refuse":
        raise ProtocolError("got nothing;\nexpected something.")
    if request.get("fault") == "break":
        raise ZeroDivisionError
    if request.get("fault") == "die":
        os._exit(3)
    (folder / "out.txt").write_text("done")
    return {"steps": request["steps"]}


@pytest.fixture(scope="module")
def work() -> Iterator[jobs.Jobs]:
    made = jobs.Jobs()
    made._context.set_forkserver_preload(["exude.page.jobs"])  # every job is a fork of it, exude already read
    yield made
    made.close()


def ended(job: jobs.Job, patience: float = 30.0) -> jobs.Job:
    end = time.monotonic() + patience
    while not job.over:
        assert time.monotonic() < end, job
        time.sleep(0.02)
    return job


def test_a_job_reports_and_gives_its_result(work):
    job = ended(work.start(counts, {"steps": 3}))
    assert (job.state, job.result, job.done, job.total, job.label) == ("done", {"steps": 3}, 2, 3, "counting")
    assert (job.folder / "out.txt").read_text() == "done"
    assert work.find(job.id) is job and "folder" not in job.shown()
    json.dumps(job.shown())


@pytest.mark.parametrize(
    ("fault", "words"),
    [("refuse", "got nothing; expected something."), ("break", jobs.OWN_FAULT), ("die", jobs.OWN_FAULT)],
)
def test_a_job_that_fails_says_so_in_a_sentence(work, fault, words):
    job = ended(work.start(counts, {"steps": 1, "fault": fault}))
    assert (job.state, job.error) == ("failed", words)


def test_a_job_is_stopped_soon_and_others_wait_their_turn(work):
    first, second, third = (work.start(counts, {"steps": 4000, "pause": 0.01}) for _ in range(3))
    end = time.monotonic() + 20
    while not (first.state == second.state == "running" and first.done > 2) and time.monotonic() < end:
        time.sleep(0.02)
    running = [job.state for job in (first, second, third)]
    assert sorted(running) == ["running", "running", "waiting"]
    begun = time.monotonic()
    for job in (third, second, first):
        work.cancel(job.id)
    for job in (first, second, third):
        assert ended(job).state == "stopped"
    assert time.monotonic() - begun < jobs.GRACE_SECONDS + 2


def test_jobs_are_told_of_over_the_wire(client):
    """Progress as a stream of server-sent events until the end; an unknown id is a sentence."""
    made = client.app.state.jobs
    job = made.start(counts, {"steps": 20, "pause": 0.02})
    with client.stream("GET", f"/api/jobs/{job.id}/events") as answer:
        told = [json.loads(row[6:]) for row in answer.iter_lines() if row.startswith("data: ")]
    assert told[-1]["state"] == "done" and told[-1]["result"] == {"steps": 20}
    assert client.get(f"/api/jobs/{job.id}").json() == told[-1]
    assert "Start it again" in sentence(client.get("/api/jobs/0123"))


def test_old_jobs_are_forgotten_with_their_files(work, monkeypatch):
    old = ended(work.start(counts, {"steps": 1}))
    monkeypatch.setattr(jobs, "KEPT_SECONDS", -1.0)
    ended(work.start(counts, {"steps": 1}))
    with pytest.raises(ProtocolError, match="Start it again"):
        work.find(old.id)
    assert not old.folder.exists()


def test_too_many_jobs_are_refused(work, monkeypatch):
    monkeypatch.setattr(jobs, "MOST_WAITING", 1)
    job = work.start(counts, {"steps": 4000, "pause": 0.01})
    with pytest.raises(ProtocolError, match="Wait for one"):
        work.start(counts, {"steps": 1})
    work.cancel(job.id)
    ended(job)
