"""Every example of README and docs runs: Python blocks in one process each, console lines by the command line."""

import re
import shlex
from pathlib import Path

import pytest

from exude.cli.main import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for i, match in enumerate(re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)):
            found.append((f"{page.stem}-{i}", match.group(1)))
    return found


def commands(text: str) -> list[str]:
    return [line[2:] for line in text.splitlines() if line.startswith("$ exude")]


def test_there_are_examples():
    assert len(blocks("python")) >= 1
    assert sum(len(commands(text)) for _, text in blocks("console")) >= 5


@pytest.mark.parametrize(("name", "code"), blocks("python"), ids=[name for name, _ in blocks("python")])
def test_python_example_runs(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, name, "exec"), {})


@pytest.mark.parametrize(("name", "text"), blocks("console"), ids=[name for name, _ in blocks("console")])
def test_commands_run_one_after_the_other(name, text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for line in commands(text):
        assert main(shlex.split(line)[1:]) == 0, line


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
