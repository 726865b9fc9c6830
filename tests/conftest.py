"""What all tests share: the switch for long proofs and their report, and examples that are the same in every run."""

from __future__ import annotations

import contextlib

with contextlib.suppress(ImportError):  # it reads its script by the locale, which a library in a test may change to C
    import axe_playwright_python.base  # noqa: F401

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
        if item.get_closest_marker("proof"):  # a folder of that name is a keyword, too
            item.add_marker(skip)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """The proof's one table, after a run that was asked for proofs; a whole one is kept as docs/proof.md."""
    if "proof" not in (config.getoption("-m") or "") or "not proof" in config.getoption("-m"):
        return
    from proof import report

    ran = [r for outcome in ("passed", "failed") for r in terminalreporter.stats.get(outcome, ())]
    found = report.collect(pair for r in ran for pair in getattr(r, "user_properties", ()))
    if not any(found.values()):
        return
    terminalreporter.section("proof")
    for line in report.plain(found):
        terminalreporter.write_line(line)
    if terminalreporter.stats.get("failed") or terminalreporter.stats.get("error"):
        terminalreporter.write_line("Not everything passed: docs/proof.md is left as it was.")
    elif report.is_whole(found):
        report.PAGE.write_text(report.page(found), encoding="utf-8")
        terminalreporter.write_line(f"written: docs/{report.PAGE.name}")
    else:
        terminalreporter.write_line("Not every row was run: docs/proof.md is left as it was.")
