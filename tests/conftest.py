"""What all tests share: the switch for long proofs, and examples that are the same in every run."""

from __future__ import annotations

import pytest
from hypothesis import settings

settings.register_profile("exude", max_examples=30, deadline=None, derandomize=True)
settings.load_profile("exude")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Long proofs run only where asked for: `pytest -m proof`."""
    if "proof" in (config.getoption("-m") or ""):
        return
    skip = pytest.mark.skip(reason="a long proof; run it with `make proof`")
    for item in items:
        if "proof" in item.keywords:
            item.add_marker(skip)
