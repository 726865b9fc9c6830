"""Every example of README and docs runs: Python blocks in one process each, console lines by the command line."""

import re
import shlex
from pathlib import Path

import pytest

from docs_blocks import Block, blocks_of
from exude.cli.main import main

ROOT = Path(__file__).parent.parent
MADE = ROOT / "docs" / "generated"
"""Pages that a build of the site makes from the code; tests/test_site.py is about them."""
PAGES = [ROOT / "README.md", *(p for p in sorted((ROOT / "docs").rglob("*.md")) if MADE not in p.parents)]


def blocks(language: str) -> list[tuple[str, Block]]:
    return [(block.name, block) for page in PAGES for block in blocks_of(page) if block.language == language]


def commands(text: str) -> list[str]:
    return [line[2:] for line in text.splitlines() if line.startswith("$ exude")]


def test_there_are_examples():
    assert len(blocks("python")) >= 1
    assert sum(len(commands(block.text)) for _, block in blocks("console")) >= 5


@pytest.mark.parametrize(("name", "block"), blocks("python"), ids=[name for name, _ in blocks("python")])
def test_python_example_runs(name, block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    block.lay(tmp_path)
    exec(compile(block.text, name, "exec"), {})


@pytest.mark.parametrize(("name", "block"), blocks("console"), ids=[name for name, _ in blocks("console")])
def test_commands_run_one_after_the_other(name, block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    block.lay(tmp_path)
    for line in commands(block.text):
        assert main(shlex.split(line)[1:]) == 0, line


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
