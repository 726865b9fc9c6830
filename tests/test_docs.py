"""Every example of README and docs runs: Python blocks in one process each, console lines by the command line."""

import re
import shlex
from pathlib import Path

import pytest

from exude.show.cli import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def blocks(language: str) -> list[tuple[str, str]]:
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for i, match in enumerate(re.finditer(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)):
            found.append((f"{page.stem}-{i}", match.group(1)))
    return found


def commands() -> list[tuple[str, str]]:
    return [
        (f"{name}-{i}", line[2:])
        for name, text in blocks("console")
        for i, line in enumerate(text.splitlines())
        if line.startswith("$ exude")
    ]


def test_there_are_examples():
    assert len(blocks("python")) >= 1
    assert len(commands()) >= 5


@pytest.mark.parametrize(("name", "code"), blocks("python"), ids=[name for name, _ in blocks("python")])
def test_python_example_runs(name, code, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    exec(compile(code, name, "exec"), {})


@pytest.mark.parametrize(("name", "line"), commands(), ids=[name for name, _ in commands()])
def test_command_runs(name, line, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(line)[1:]) == 0


def test_links_lead_somewhere():
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name} links to {target}"
