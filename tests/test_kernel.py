"""The vesicle kernel against itself: conservation, reads in mid-life, pieces. Against its law: `proof`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from compare import assert_same
from exude.engine import layout, vesicles
from exude.engine.layout import State
from small import CASES, PAIRS, Small, of_kernel, twin_cells

MINUTE = 60.0


def test_docking_sites_are_really_filled() -> None:
    small = CASES["crowded"]
    found = of_kernel(small, 2000, seed=6)
    held = found["docked at 180 min"] + found["primed at 180 min"]
    assert held.mean() / small.values["docking_sites"] > 0.7
    assert held.max() <= small.values["docking_sites"] + 1


def test_twin_conserves_ilvs_to_the_item() -> None:
    for record in twin_cells("crowded", 250):
        assert record.made == record.left + sum(row.ilv for row in record.events)


def test_kernel_totals_are_the_sums_of_its_event_table() -> None:
    found = of_kernel(CASES["crowded"], 500, seed=7)
    for total, mark in (
        ("exosomes", "released ilv"),
        ("exosomal_cargo", "released cargo"),
        ("ilvs_degraded", "degraded ilv"),
    ):
        np.testing.assert_array_equal(found[f"{total} until 180 min"], found[mark])


def test_kernel_conserves_vesicles_to_the_item() -> None:
    found = of_kernel(CASES["crowded"], 500, seed=7)
    for time in ("60", "66", "100", "180"):
        here = sum(v for name, v in found.items() if name.endswith(f" at {time} min"))
        gone = sum(found[f"{name} until {time} min"] for name in ("mergers", "fusions", "lysosome_fusions"))
        np.testing.assert_array_equal(found[f"births until {time} min"], here + gone)


def test_reading_in_mid_life_changes_nothing_in_law() -> None:
    read = of_kernel(CASES["crowded"], 5000, seed=8)
    unread = of_kernel(replace(CASES["crowded"], snapshots=()), 5000, seed=9)
    assert_same({name: read[name] for name in unread}, unread, PAIRS)


@pytest.mark.parametrize(("case", "sign"), [("one-way", 1), ("budding-stops", -1)])
def test_what_was_read_is_not_contradicted_later(case: str, sign: int) -> None:
    """Without back-fusion ILVs and cargo inside never get fewer; without budding (after 120 min) never more."""
    small = replace(CASES[case], numbers={**CASES[case].numbers, "k_merge": 0.0})
    block = vesicles.run_chunk(small.job(seed=10), np.arange(200, dtype=np.int64))
    reads, events = (_rows(block, name) for name in ("reads", "events"))
    last = max(small.snapshots) * MINUTE
    before = {(c, v): (ilv, cargo) for t, c, v, ilv, cargo in reads if t == last}
    both = [(before[c, v], (ilv, cargo)) for _, c, v, ilv, cargo in events if (c, v) in before]
    assert len(both) > 500
    for (ilv, cargo), (ilv_later, cargo_later) in both:
        assert sign * (ilv_later - ilv) >= 0
        assert sign * (cargo_later - cargo) >= 0
    assert any(ilv != ilv_later for (ilv, _), (ilv_later, _) in both)


def _rows(block: vesicles.Block, table: str) -> list[tuple[float, int, int, int, int]]:
    rows = getattr(block, table)
    used = int(rows.used[0])
    return list(
        zip(*(getattr(rows, n)[:used].tolist() for n in ("time", "cell", "vesicle", "ilv", "cargo")), strict=True)
    )


# The same bits, however the work is cut.


def run_all(job: vesicles.Job, cells: int, *, threads: int = 1) -> dict[str, np.ndarray]:
    blocks: list[vesicles.Block] = []
    vesicles.run(job, cells, threads=threads, done=blocks.append)
    return join([(int(b.cells[0]), b) for b in blocks])


def join(blocks: list[tuple[int, vesicles.Block]]) -> dict[str, np.ndarray]:
    found = {n: np.concatenate([getattr(b.output, n) for _, b in blocks]) for n in layout.Output._fields}
    for table in ("events", "reads"):
        for n in layout.Rows._fields[2:]:
            parts = [getattr(getattr(b, table), n)[: int(getattr(b, table).used[0])] for _, b in blocks]
            shift = [first if n == "cell" else 0 for first, _ in blocks]
            found[f"{table} {n}"] = np.concatenate([part + s for part, s in zip(parts, shift, strict=True)])
    return found


def assert_same_bits(first: dict[str, np.ndarray], second: dict[str, np.ndarray]) -> None:
    assert first.keys() == second.keys()
    for name in first:
        assert np.array_equal(first[name], second[name]), name


def test_same_bits_for_one_and_two_threads() -> None:
    job = CASES["crowded"].job(seed=12)
    assert_same_bits(run_all(job, 300), run_all(job, 300, threads=2))


@pytest.mark.parametrize("chunk", [1, 7, 64, 1000])
def test_same_bits_for_any_chunk(chunk: int, monkeypatch: pytest.MonkeyPatch) -> None:
    job = CASES["crowded"].job(seed=12)
    expected = run_all(job, 150)
    monkeypatch.setattr(vesicles, "CHUNK", chunk)
    assert_same_bits(run_all(job, 150), expected)


@pytest.mark.parametrize("after", range(1, 6))
def test_same_bits_when_time_is_cut(after: int) -> None:
    """Intervals [0, k) and then [k, end) from the kept state: a save in the middle of time."""
    job = CASES["crowded"].job(seed=13)
    cells = np.arange(50, dtype=np.int64)
    whole = vesicles.run_chunk(job, cells)
    end = len(job.timeline.end)
    part = vesicles.run_chunk(_between(job, 0, after), cells)
    rest = vesicles.run_chunk(_between(job, after, end), cells, part.state)
    for name in State._fields:
        assert np.array_equal(getattr(rest.state, name), getattr(whole.state, name)), name
    both = sorted(_rows(part, "events") + _rows(rest, "events"), key=lambda row: (row[1], row[0]))
    assert both == _rows(whole, "events")
    rows = job.timeline.output[after:]
    first = rows[rows >= 0].min()
    np.testing.assert_array_equal(rest.output.total[:, first:], whole.output.total[:, first:])


def _between(job: vesicles.Job, first: int, last: int) -> vesicles.Job:
    return replace(job, timeline=job.timeline._replace(first=np.array([first, last])))


def test_a_full_buffer_is_a_reason_and_never_a_truncation(monkeypatch: pytest.MonkeyPatch) -> None:
    job = CASES["crowded"].job(seed=14)
    job = replace(job, timeline=job.timeline._replace(log_moves=1))
    plain = run_all(job, 100)
    assert len(plain["events cell"]) > 64 * 100, "the event log must have been too small at first"
    monkeypatch.setattr(layout, "FIRST_SLOTS", 8)
    tight = run_all(job, 100)
    monkeypatch.setattr(layout, "FIRST_SLOTS", 512)
    new_rows = layout.new_rows
    monkeypatch.setattr(layout, "new_rows", lambda capacity: new_rows(1000 * capacity))
    assert_same_bits(plain, tight)
    assert_same_bits(plain, run_all(job, 100))


def test_long_undisturbed_time_does_not_overflow() -> None:
    """The lag of a vesicle grows exponentially within an interval; ten days are 1440 times its time constant."""
    small = Small(outputs=(14_400.0,), curve=((0.0, 0.1), (1.0, 0.1)), changes=())
    found = of_kernel(small, 4, seed=15)
    assert (found["ilvs_degraded until 14400 min"] > 0).all()
    short = of_kernel(replace(small, outputs=(7200.0, 14_400.0)), 4, seed=15)
    late = short["ilvs_degraded until 14400 min"] - short["ilvs_degraded until 7200 min"]
    assert (late > 0).all()
