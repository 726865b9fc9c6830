"""Lives run one by one: the same bits however the work is cut and whatever is recorded; events at borders once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

import exude
from exude.engine import lives, vesicles
from exude.engine.job import Job
from exude.experiment import declared
from exude.model import BORN, DEGRADED, RELEASED, Cascade, Chapter, Definition, LifeCycle, Trace, Transition

PARTS = (
    Transition("birth", BORN, "young", "kb"),
    Transition("ripening", "young", "ripe", "kr"),
    Transition("loss", "young", DEGRADED, "kl"),
    Transition("return", "ripe", "young", "ku"),
    Transition("fusion", "ripe", RELEASED, "kf * open"),
)
MODEL = Cascade(
    (
        Chapter(
            "small",
            traces=(Trace("calcium", "uM"),),
            definitions=(Definition("open", "hill(calcium, K, 2)"),),
            life_cycle=LifeCycle("MVB", ("young", "ripe"), PARTS),
        ),
    )
)
NUMBERS = {
    "kb": "2 item/min",
    "kr": "0.3 1/min",
    "kl": "0.05 1/min",
    "ku": "0.2 1/min",
    "kf": "0.5 1/min",
    "K": "0.5 uM",
}
CURVE = [("0 min", "0.1 uM"), ("50 min", "0.1 uM"), ("50 min", "1 uM"), ("70 min", "1 uM"), ("100 min", "0.2 uM")]


@cache
def job(*, events: bool = False) -> Job:
    made = declared.declare(MODEL, NUMBERS)
    return declared.job_of(made, CURVE, "120 min", "10 min", 4, events=events)


def whole(made: Job, cells: int = 40) -> lives.Block:
    return lives.run_chunk(made, np.arange(cells, dtype=np.int64))


def test_the_model_is_run_life_by_life() -> None:
    assert job().symbols.independent


def test_counts_do_not_depend_on_whether_rows_are_kept() -> None:
    seen, unseen = whole(job(events=True)), whole(job())
    assert np.array_equal(seen.output.count, unseen.output.count)
    assert np.array_equal(seen.output.total, unseen.output.total)
    fusions = np.bincount(
        seen.events.cell[: int(seen.events.used[0])][seen.events.what[: int(seen.events.used[0])] == 4]
    )
    assert np.array_equal(fusions, seen.output.total[:, -1, 3])


@pytest.mark.parametrize("after", [1, 5, 6, 7, 12])
def test_same_bits_when_time_is_cut(after: int) -> None:
    """Cuts inside a step of constant calcium, at its jump and on its slope."""
    made = job(events=True)
    cells, rows = np.arange(40, dtype=np.int64), len(made.timeline.end)
    one = whole(made)
    first = replace(made, timeline=made.timeline._replace(first=np.array([0, after])))
    second = replace(made, timeline=made.timeline._replace(first=np.array([after, rows])))
    kept = lives.run_chunk(first, cells)
    rest = lives.run_chunk(second, cells, kept.state)
    assert np.array_equal(rest.output.count[:, after:], one.output.count[:, after:])
    assert np.array_equal(rest.output.total[:, after:], one.output.total[:, after:])
    times = [b.events.time[: int(b.events.used[0])].tolist() for b in (kept, rest, one)]
    assert sorted(times[0] + times[1]) == sorted(times[2])


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_same_bits_for_any_chunk_and_thread(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = whole(job(), 60).output.count
    monkeypatch.setattr(vesicles, "CHUNK", chunk)
    for threads in (1, 2):
        found: list[np.ndarray] = []
        vesicles.run(job(), 60, threads=threads, done=lambda b, found=found: found.append(b.output.count))
        assert np.array_equal(np.concatenate(found), expected)


def test_an_event_at_exactly_an_output_time_happens_once_and_after_it() -> None:
    """An output is put where an event was: the event is not lost, not doubled, and counted after the border."""
    made = job(events=True)
    seen = whole(made, 1)
    used = int(seen.events.used[0])
    at = float(seen.events.time[:used][seen.events.what[:used] == 4][3])
    ends = np.sort(np.append(made.timeline.end, at))
    place = int(np.searchsorted(ends, at))
    n = len(ends)
    more = made.timeline._replace(
        first=np.array([0, n]), end=ends, segment=np.zeros(n, np.int64), starts=np.eye(1, n, dtype=np.int64)[0],
        output=np.arange(n), snapshot=np.zeros(n, np.int64),
    )  # fmt: skip
    again = whole(replace(made, timeline=more, rows=n), 1)
    assert again.events.time[:used].tolist() == seen.events.time[:used].tolist()
    assert again.output.total[0, place, 3] == 3 and again.output.total[0, -1, 3] == seen.output.total[0, -1, 3]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"rate": "kb - calcium * kb"}, "unit|dimension"),
        ({"rate": "kr * (1 - calcium / K)"}, r"rate of ripening .* at calcium"),
        ({"rate": "kr * 3"}, "catalogue|names"),
        ({"gate": "2 * hill(growth, one, 1)"}, "gate of ripening"),
    ],
)
def test_a_rate_that_cannot_be_is_refused_by_name(change: dict[str, str], says: str) -> None:
    parts = tuple(replace(t, **change) if t.name == "ripening" else t for t in PARTS)
    (chapter,) = MODEL.chapters
    model = Cascade((replace(chapter, life_cycle=LifeCycle("MVB", ("young", "ripe"), parts)),))
    with pytest.raises(exude.ExudeError, match=says):
        exude.simulate_model(model, NUMBERS | {"one": 1}, calcium=CURVE, duration="1 h", cells=2)
