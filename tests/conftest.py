"""What all tests share: the switch for long proofs, and the count behind the suite's false-alarm rate."""

from __future__ import annotations

import pytest
from hypothesis import settings

import compare

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


def pytest_sessionfinish(session: pytest.Session) -> None:
    """More comparisons than the limit was set for would raise the false-alarm rate of the suite."""
    if compare.made > compare.COMPARISONS:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print(f"\n{compare.made} comparisons; the limit on |z| was set for {compare.COMPARISONS}: raise COMPARISONS.")
