"""The tissue view's server: examples, what an address may change, a run as a browser gets it, and what it must not get."""

from __future__ import annotations

import ast
import csv
import io
import json
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5netcdf
import numpy as np
import pytest
import xarray as xr

pytest.importorskip("starlette")

from starlette.datastructures import QueryParams
from starlette.testclient import TestClient

import exude
from exude.engine.grid import Grid
from exude.engine.tissue_store import Quantities, Quantity, TissueWriter
from exude.experiment.assays.co_culture import CoCulture
from exude.experiment.assays.measures import reading
from exude.experiment.tissue_file import read_tissue
from exude.page import tissue, tissue_frames, tissue_readings
from exude.page.server import application

SMALL = "dish=co_culture&n=tumour=4&n=t_cell=4&duration=1 h&seed=3&sides=2&b=drug anti-PD-L1 0.07 uM&b=t_cell: knock-out UNC13D"
WAIT = 120.0
pytestmark = pytest.mark.filterwarnings("ignore:Using `httpx`")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("working")


@pytest.fixture(scope="module")
def page(folder: Path) -> Iterator[TestClient]:
    with TestClient(application(folder), base_url="http://127.0.0.1") as client:
        yield client


def over(page: TestClient, key: str, *, until: Any = lambda job: False) -> dict[str, Any]:
    """A job once it has ended, or `until` something is true of it."""
    end = time.monotonic() + WAIT
    while time.monotonic() < end:
        job: dict[str, Any] = page.get(f"/api/jobs/{key}").json()
        if job["state"] in ("done", "failed", "stopped") or until(job):
            return job
        time.sleep(0.1)
    raise AssertionError(job)


@pytest.fixture(scope="module")
def ran(page: TestClient) -> str:
    """The address of a small dish that was run, both sides."""
    begun = page.post(f"/api/tissue/run?{SMALL}")
    assert begun.status_code == 200, begun.text
    job = over(page, begun.json()["id"])
    assert job["state"] == "done", job
    assert job["done"] == job["total"] > 0
    return f"job={job['id']}"


def unpacked(data: bytes) -> tuple[dict[str, Any], bytes]:
    length = int.from_bytes(data[:4], "little")
    return json.loads(data[4 : 4 + length]), data[4 + length :]


def stored(page: TestClient, ran: str, letter: str) -> exude.TissueRun:
    """A side of a job as the library reads it."""
    job = page.app.state.jobs.find(ran.removeprefix("job="))  # type: ignore[attr-defined]
    return exude.open_tissue(job.folder / f"{letter}.zarr")


# --- examples ---


def test_there_are_the_examples_of_the_tissues() -> None:
    assert set(tissue.DISHES) == {"gelatin", "spheroid", "wound", "co_culture", "transfer", "tumour"}
    assert {path.stem for path in tissue.FOLDER.glob("*.toml")} == set(tissue.DISHES)


@pytest.mark.parametrize("name", tissue.DISHES)
def test_an_example_begins_on_both_sides(page: TestClient, name: str) -> None:
    dish = tissue.DISHES[name]
    asked = page.get("/api/tissue/planned", params=[("dish", name), *(("b", text) for text in dish.against)])
    assert asked.status_code == 200, asked.text
    plan = asked.json()
    left, right = plan["sides"]
    assert left["label"] == "untreated" and not right["label"].startswith("untreated")
    assert left["places"] == right["places"] and len(left["places"]) == len(left["kinds"]) == len(left["radius"])
    counted = {kind: left["kinds"].count(kind) for kind, _ in dish.counts}
    offered = next(one for one in page.get("/api/tissue/bench").json()["dishes"] if one["name"] == name)
    assert counted == {one["kind"]: one["usual"] for one in offered["counts"]}
    assert plan["estimate"] == pytest.approx(2 * dish.cost)
    assert dish.says.endswith(".") and "#" not in dish.says
    longest = page.get("/api/tissue/planned", params={"dish": name, "duration": offered["durations"][-1], "sides": "2"})
    assert longest.status_code == 200, longest.text


@pytest.mark.parametrize("name", tissue.DISHES)
def test_the_file_and_the_code_are_the_dish(name: str, tmp_path: Path) -> None:
    dish = tissue.DISHES[name]
    query = QueryParams([("dish", name), ("line2", "MCF-7"), ("seed", "7"), *(("b", text) for text in dish.against)])
    asked = tissue.asked_dish(query)
    code = ast.parse(asked.as_python())
    calls = [node for node in ast.walk(code) if isinstance(node, ast.Call) and ast.unparse(node.func) == "exude.Tissue"]
    assert len(calls) == len(asked.tissues) == 2
    for side, made in enumerate(asked.tissues):
        path = tmp_path / asked.file(side)
        path.write_text(asked.text(side), encoding="utf-8")
        assert read_tissue(path).plan().fingerprint == made.plan().fingerprint
        told = eval(ast.unparse(calls[side]), {"exude": exude})
        assert told.plan().fingerprint == made.plan().fingerprint
        assert path.name in asked.as_command()
    assert asked.tissues[1].line == "MCF-7" and asked.tissues[1].what + tuple(asked.tissues[1].also.values())
    assert asked.tissues[0].seed == 7


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("dish=gelatine", "did you mean 'gelatin'"),
        ("dish=gelatin&line=MDA-231", "MDA-MB-231"),
        ("dish=gelatin&n=tumour=0", "from 1 to 16"),
        ("dish=gelatin&n=tumour=900", "from 1 to 16"),
        ("dish=co_culture&n=tumour=80&n=t_cell=80", "160 cells"),
        ("dish=gelatin&n=t_cell=3", "tumour"),
        ("dish=wound&n=tumour=3", "none"),
        ("dish=gelatin&duration=6", "unit"),
        ("dish=gelatin&duration=400 h", "at most 3"),
        ("dish=gelatin&duration=7 min", "every 20 min"),
        ("dish=gelatin&seed=-1", "seed"),
        ("dish=gelatin&sides=3", "sides"),
        ("dish=gelatin&a=calcium-trace /etc/passwd", "knock-down"),
        ("dish=gelatin&a=t_cell: calcium-sbml x.xml", "knock-down"),
        ("dish=gelatin&a=drug GM6002 40 uM", "GM6001"),
        ("dish=gelatin&a=t_cell: knock-out UNC13D", "t_cell"),
        ("dish=gelatin&a=%0A[numbers]", "knock-down"),
        ("dish=gelatin" + "&a=knock-out RAB11A" * 41, "at most 40"),
    ],
)
def test_what_cannot_be_run_is_said_in_one_sentence(page: TestClient, query: str, said: str) -> None:
    for answer in (page.get(f"/api/tissue/planned?{query}"), page.post(f"/api/tissue/run?{query}")):
        assert answer.status_code == 422
        problem = answer.json()["error"]
        assert said in problem and "\n" not in problem
        assert tempfile.gettempdir() not in problem and not re.search(r"\.py|dish\.toml|Traceback", problem)


def test_a_sentence_cannot_leave_its_place_in_the_file() -> None:
    text = 'rescue UNC13D C2A*"]\nsecretion = "mean-field'
    with pytest.raises(exude.ExudeError):
        tissue.asked_dish(QueryParams([("dish", "wound"), ("a", text)]))


# --- a run ---


def test_what_is_known_of_a_run(page: TestClient, ran: str) -> None:
    left, right = page.get(f"/api/tissue/shown?{ran}").json()["sides"]
    assert (left["label"], right["label"]) == ("untreated", "anti-PD-L1 0.07 µM; t_cell: UNC13D knock-out")
    for side, letter in ((left, "a"), (right, "b")):
        run = stored(page, ran, letter)
        assert side["finished"] and side["rows"] == run.rows == 4
        assert side["time"] == pytest.approx(run.data["time"].values)
        courses = {one["key"]: one["y"] for one in side["courses"]}
        assert courses["cells_tumour"] == run.data["cells_tumour"].values.tolist()
        assert courses["freed"] == pytest.approx(
            (run.data["freed_exosomes"] + run.data["freed_bound_exosomes"]).values, rel=1e-4
        )
        killed = CoCulture().observable(reading(run))["course"].values
        assert side["assay"] == "co_culture" and courses["assay-course"] == pytest.approx(100 * killed, rel=1e-4)
    brief = page.get(f"/api/tissue/shown?{ran}&brief").json()["sides"]
    assert not any(one.get("assay") for side in brief for one in side["courses"])


def test_shares_are_said_in_percent(page: TestClient, ran: str, monkeypatch: pytest.MonkeyPatch) -> None:
    side = tissue_frames.Side("a", stored(page, ran, "a"))
    seen = xr.DataArray([0.0, 0.25, 0.5, 1.0])
    shown = (("x", "Cells (%)"), ("x", "Cells"), ("y", "Not read"))
    tool = tissue_readings.Instrument(lambda dish: {"x": seen}, shown, lambda dishes: None, "none")
    monkeypatch.setattr(tissue_readings, "instrument_of", lambda dish: tool)
    made = [one["y"] for one in tissue_readings.courses_of(side) if one.get("assay")]
    assert made == [[0.0, 25.0, 50.0, 100.0], [0.0, 0.25, 0.5, 1.0]]


def test_frames_are_the_field_to_the_last_step(page: TestClient, ran: str) -> None:
    for letter in "ab":
        run = stored(page, ran, letter)
        answer = page.get(f"/api/tissue/frames?{ran}&side={letter}&field=exosomes_taken")
        head, data = unpacked(answer.content)
        values = head["low"] + np.frombuffer(data, "<u2").reshape(head["shape"]) * (head["high"] - head["low"]) / 65535
        truth = run.data["exosomes_taken"].values[:, 0]
        assert truth.max() > 0
        np.testing.assert_allclose(values, truth, atol=(head["high"] - head["low"]) / 65535)
        assert head["low"] <= head["bright"] <= head["high"]


def test_cells_are_those_of_the_run(page: TestClient, ran: str) -> None:
    run = stored(page, ran, "b")
    head, data = unpacked(page.get(f"/api/tissue/cells?{ran}&side=b").content)
    rows = head["ends"][-1]
    ids, places = np.frombuffer(data, "<u4", rows), np.frombuffer(data, "<f4", 4 * rows, 4 * rows).reshape(-1, 4)
    marks = np.frombuffer(data, "u1", 2 * rows, 20 * rows).reshape(-1, 2)
    assert len(data) == 22 * rows and head["every"] == 1 and len(head["ends"]) == run.rows
    for i, (begin, end) in enumerate(zip([0, *head["ends"]], head["ends"], strict=False)):
        table = run.cells(i)
        np.testing.assert_array_equal(ids[begin:end], table["id"].values)
        np.testing.assert_allclose(places[begin:end, :3], table["position"].values, rtol=1e-6)
        np.testing.assert_allclose(places[begin:end, 3], table["radius"].values, rtol=1e-6)
        np.testing.assert_array_equal(marks[begin:end, 0], table["kind"].values)
        np.testing.assert_array_equal(marks[begin:end, 1], table["bound"].values > 0)


def test_what_can_be_taken_away(page: TestClient, ran: str, tmp_path: Path) -> None:
    head, *rows = csv.reader(io.StringIO(page.get(f"/api/tissue/data.csv?{ran}").text))
    assert head[:3] == ["side", "condition", "time_s"] and "born (item)" in head
    assert [row[0] for row in rows] == ["left"] * 4 + ["right"] * 4 and {len(row) for row in rows} == {len(head)}
    path = tmp_path / "run.nc"
    path.write_bytes(page.get(f"/api/tissue/data.nc?{ran}").content)
    with h5netcdf.File(path, "r") as file:
        assert set(file.groups) == {"a", "b", "a_cells", "b_cells"}
        np.testing.assert_allclose(file["a"]["exosomes"][...], stored(page, ran, "a").data["exosomes"].values)
        assert len(file["a_cells"]["id"]) == int(stored(page, ran, "a").data["cell_count"].sum())
        assert file["b"].attrs["condition"] and file["a"]["time"].attrs["units"] == "s"
    few = tissue_frames.groups_of([tissue_frames.Side("a", stored(page, ran, "a"))], 10_000)
    assert set(few) == {"a"} and "exosomes" not in few["a"] and "born" in few["a"] and few["a"].attrs["left_out"]
    drawing = page.get(f"/api/tissue/figure.svg?{ran}")
    assert drawing.status_code == 200 and "tumour cells killed" in drawing.text.lower()
    film = page.get(f"/api/tissue/movie.gif?{ran}&side=b")
    assert film.status_code == 200 and film.content[:3] == b"GIF"
    toml = page.get(f"/api/tissue/file.toml?{SMALL}&of=1")
    assert 'attachment; filename="co_culture-right.toml"' in toml.headers["content-disposition"]
    assert "knock-out UNC13D" in toml.text


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("frames?{}&field=exosome", "exosomes"),
        ("frames?{}&field=exosomes&way=sum", "slice"),
        ("frames?{}&field=exosomes&z=-1", "z:"),
        ("frames?{}&side=c&field=exosomes", "side"),
        ("cells?", "Press Run"),
        ("shown?job=0123", "less than an hour"),
    ],
)
def test_what_cannot_be_shown_is_said(page: TestClient, ran: str, asked: str, said: str) -> None:
    answer = page.get(f"/api/tissue/{asked.format(ran)}")
    assert answer.status_code == 422 and said in answer.json()["error"]


def test_a_cancelled_run_keeps_what_is_done(page: TestClient) -> None:
    job = page.post("/api/tissue/run?dish=gelatin&sides=1&n=tumour=2").json()
    over(page, job["id"], until=lambda job: job["done"] > 0)
    page.delete(f"/api/jobs/{job['id']}")
    assert over(page, job["id"])["state"] == "stopped"
    (side,) = page.get(f"/api/tissue/shown?job={job['id']}").json()["sides"]
    assert 1 <= side["rows"] < 37 and not side["finished"]
    frames, _ = unpacked(page.get(f"/api/tissue/frames?job={job['id']}&field=collagen").content)
    assert frames["shape"] == [side["rows"], 80, 80]


# --- runs of the working folder ---


def test_only_runs_of_the_working_folder_can_be_replayed(
    page: TestClient, folder: Path, ran: str, tmp_path: Path
) -> None:
    run = stored(page, ran, "a")
    shutil.copytree(run.path, folder / "mine.zarr")
    shutil.copytree(run.path, tmp_path / "outside.zarr")
    (folder / "linked.zarr").symlink_to(tmp_path / "outside.zarr")
    shutil.copytree(run.path, folder / "within.zarr")
    shutil.rmtree(folder / "within.zarr" / "exosomes")
    (folder / "within.zarr" / "exosomes").symlink_to(tmp_path / "outside.zarr" / "exosomes")
    (folder / "other.zarr").mkdir()
    found = page.get("/api/tissue/runs").json()["runs"]
    assert [one["name"] for one in found] == ["mine.zarr"]
    assert "MDA-MB-231, untreated, 240 x 240 µm, 1 h" in found[0]["says"]
    assert len(page.get("/api/tissue/shown?run=mine.zarr&run=mine.zarr").json()["sides"]) == 2
    for name in (
        "linked.zarr",
        "within.zarr",
        "other.zarr",
        "../outside.zarr",
        str(tmp_path / "outside.zarr"),
        "",
        ".",
    ):
        for what in ("shown", "cells", "frames?field=exosomes", "data.csv"):
            answer = page.get(f"/api/tissue/{what.partition('?')[0]}", params={"run": name, "field": "exosomes"})
            assert answer.status_code == 422, (name, what)
            assert "working folder" in answer.json()["error"]
            assert str(folder) not in answer.text


def written(place: Path, shape: tuple[int, int, int], times: int, cells: int) -> tissue_frames.Side:
    """A run of any size, its field the sum of the numbers of time and voxel."""
    named = Quantities(
        {"exosomes": Quantity("item/um**3")}, {n: Quantity("1") for n in ("id", "kind", "position", "radius")}, {}
    )
    writer = TissueWriter(place, Grid(shape, 2.0, (0.0, 0.0, 0.0)), named, {"kinds": ["tumour"]})
    plane = np.arange(np.prod(shape), dtype=float).reshape(shape)
    table = {
        "id": np.arange(cells),
        "kind": np.zeros(cells, int),
        "position": np.ones((cells, 3)),
        "radius": np.ones(cells),
    }
    for i in range(times):
        writer.write(60.0 * i, {"exosomes": plane + i}, table, {})
    writer.close()
    return tissue_frames.Side("a", exude.open_tissue(place))


def test_a_large_run_is_thinned_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wide = written(tmp_path / "wide.zarr", (1, 301, 600), 2, 10)
    head, data = unpacked(tissue_frames.frames_of(wide, "exosomes"))
    assert head["shape"] == [2, 101, 200] and head["h"] == 6.0 and len(data) == 2 * 2 * 101 * 200
    first = head["low"] + np.frombuffer(data, "<u2")[0] * (head["high"] - head["low"]) / 65535
    assert first == pytest.approx(np.mean([row * 600 + column for row in range(3) for column in range(3)]), abs=2)
    monkeypatch.setattr(tissue_frames, "MOST_FRAMES", 12)
    monkeypatch.setattr(tissue_frames, "MOST_ROWS", 50)
    long = written(tmp_path / "long.zarr", (3, 4, 4), 31, 20)
    assert tissue_frames.head_of(long)["time"][-1] == 30 * 60.0 and len(long.rows()) == 12
    head, _ = unpacked(tissue_frames.cells_of(long))
    assert head["every"] == 5 and head["ends"][-1] == 12 * 4


def test_depth_is_sliced_or_summed_up(tmp_path: Path) -> None:
    deep = written(tmp_path / "deep.zarr", (3, 2, 2), 1, 1)
    truth = np.arange(12.0).reshape(3, 2, 2)
    for way, depth, expected in (
        ("slice", 0, truth[0]),
        ("slice", -1, truth[1]),
        ("mean", -1, truth.mean(0)),
        ("max", -1, truth[2]),
    ):
        head, data = unpacked(tissue_frames.frames_of(deep, "exosomes", way=way, depth=depth))
        got = head["low"] + np.frombuffer(data, "<u2").reshape(2, 2) * (head["high"] - head["low"]) / 65535
        np.testing.assert_allclose(got, expected, atol=1e-3)
