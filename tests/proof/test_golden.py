"""The same bits as ever, and as on another machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from exude.engine import layout, vesicles
from exude.engine.job import Block, Job
from proof import golden
from proof.models import CELL, LIVES, LOOPS, Setting
from proof.report import BITS

TESTS = Path(__file__).parent.parent
GLIBC = "glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,-FMA,-FMA4,-BMI2,-ERMS,-SSE4_2"
LEAST_PROCESSOR = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": "", "GLIBC_TUNABLES": GLIBC}
"""The least a 64-bit processor has, for compiled loops and for the system's mathematics."""


def differing(found: list[str], kept: list[str]) -> str:
    """Which runs and tables differ, and the first line of each."""
    first: dict[str, str] = {}
    for a, b in zip(found, kept, strict=False):
        if a != b:
            first.setdefault(",".join(a.split(",")[:2]), f"got {a[:160]}\n  kept {b[:160]}")
    if len(found) != len(kept):
        first["lines"] = f"got {len(found)}, kept {len(kept)}"
    return "\n".join(f"{name}:\n  {text}" for name, text in first.items())


def test_golden_events() -> None:
    kept = golden.FILE.read_text(encoding="utf-8").splitlines()
    assert len(kept) > 500
    problem = differing(golden.lines(), kept)
    assert not problem, (
        f"bits differ from those kept. If on purpose, run `cd tests && python -m proof.golden` and say so in "
        f"CHANGELOG.md under 'Results change'.\n{problem}"
    )


def numpy_features() -> str:
    """All that NumPy chooses at run time by the processor it meets."""
    from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))


@pytest.mark.proof
def test_golden_events_on_the_least_processor(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """Compiled anew for a processor without the vector instructions of this one, in a process of its own."""
    env = {**os.environ, **LEAST_PROCESSOR, "EXUDE_CACHE": str(tmp_path), "NPY_DISABLE_CPU_FEATURES": numpy_features()}
    env["PYTHONPATH"] = os.pathsep.join([str(TESTS), *filter(None, [env.get("PYTHONPATH")])])
    command = [sys.executable, "-W", "ignore", "-m", "proof.golden", "--print"]
    made = subprocess.run(command, env=env, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert made.returncode == 0, made.stderr[-2000:]
    problem = differing(made.stdout.splitlines(), golden.FILE.read_text(encoding="utf-8").splitlines())
    what = f"golden events, compiled for the least 64-bit processor; NumPy without {numpy_features() or 'nothing'}"
    record_property(BITS, {"what": what, "result": _word(not problem)})
    assert not problem, problem


def test_a_changed_bit_is_seen() -> None:
    kept = golden.FILE.read_text(encoding="utf-8").splitlines()
    row = next(i for i, line in enumerate(kept) if line.startswith("vesicles,event"))
    parts = kept[row].split(",")
    parts[2] = float(np.nextafter(float.fromhex(parts[2]), np.inf)).hex()
    assert "vesicles,event" in differing([*kept[:row], ",".join(parts), *kept[row + 1 :]], kept)
    assert differing(kept[:-1], kept) and not differing(kept, kept)


# --- however the work is cut ------------------------------------------------------------------------------------------

SETTINGS = {"lives": Setting(LIVES, "recorded"), "vesicles": Setting(CELL, "recorded", golden.CROWD, read_at=30.0)}
CELLS = 150


def bits_of(blocks: list[Block]) -> dict[str, list[tuple[object, ...]]]:
    """Counts and totals of every cell, and its rows under the cell's own number."""
    found: dict[str, list[tuple[object, ...]]] = {"output": [], "events": [], "reads": []}
    for block in blocks:
        for i, cell in enumerate(block.cells):
            parts = (block.output.count[i], block.output.total[i], block.output.trace[i])
            found["output"].append((int(cell), *(part.tobytes() for part in parts)))
        for table in ("events", "reads"):
            rows = getattr(block, table)
            names = [n for n in layout.Rows._fields[2:] if n != "cell"]
            columns = [getattr(rows, n)[: int(rows.used[0])].tolist() for n in names]
            cells = (block.cells[rows.cell[: int(rows.used[0])]]).tolist()
            found[table] += list(zip(cells, *columns, strict=True))
    return found


def pieces(setting: Setting, chunk: int, threads: int) -> dict[str, list[tuple[object, ...]]]:
    blocks: list[Block] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vesicles, "CHUNK", chunk)
        vesicles.run(setting.job(12), CELLS, threads=threads, done=blocks.append)
    return bits_of(blocks)


@pytest.mark.proof
@pytest.mark.parametrize("loop", SETTINGS)
def test_same_bits_for_any_number_of_threads_and_any_chunk(
    loop: str, record_property: Callable[[str, object], None]
) -> None:
    expected = pieces(SETTINGS[loop], 64, 1)
    same = all(pieces(SETTINGS[loop], chunk, n) == expected for chunk, n in ((1, 1), (7, 2), (64, 3), (1000, 2)))
    record_property(BITS, {"what": f"{loop}: 1 to 3 threads, chunks of 1, 7, 64, 1000", "result": _word(same)})
    assert same


@pytest.mark.proof
@pytest.mark.parametrize("loop", SETTINGS)
def test_same_bits_when_saved_and_resumed(loop: str, record_property: Callable[[str, object], None]) -> None:
    job, cells = SETTINGS[loop].job(12), np.arange(CELLS, dtype=np.int64)
    whole, end = LOOPS[loop](job, cells), len(job.timeline.end)
    same = True
    for cut in range(1, end):
        first = LOOPS[loop](between(job, 0, cut), cells)
        rest = LOOPS[loop](between(job, cut, end), cells, first.state)
        for name in ("count", "total", "trace"):
            same &= np.array_equal(getattr(rest.output, name)[:, cut:], getattr(whole.output, name)[:, cut:])
        for table in ("events", "reads"):
            both = bits_of([first])[table] + bits_of([rest])[table]
            same &= sorted(both) == sorted(bits_of([whole])[table])
    record_property(BITS, {"what": f"{loop}: saved and resumed at every output", "result": _word(same)})
    assert same


def between(job: Job, first: int, last: int) -> Job:
    return replace(job, timeline=job.timeline._replace(first=np.array([first, last])))


def _word(same: bool) -> str:
    return "same" if same else "differ"
