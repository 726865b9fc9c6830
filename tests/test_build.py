"""Built loops: loaded once, whoever asks."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from exude.engine import build


def test_threads_that_want_the_same_loop_load_it_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two threads used to write one file at the same time, and one lost it before putting it in its place."""
    monkeypatch.setenv("EXUDE_CACHE", str(tmp_path))
    text = f"LATELY = {tmp_path.name!r}\n" + "\n".join(f"x{i} = {i}" for i in range(20_000))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: build._load(text, "raced"), range(8)))
    assert all(module is found[0] for module in found)
    assert tmp_path.name == found[0].LATELY
