"""Tutorials: what stands below a block of code is what the block prints; commands are understood; pictures are there."""

from __future__ import annotations

import importlib.util
import re
import shlex
from pathlib import Path

import pytest

from exude.cli.main import parser

ROOT = Path(__file__).parent.parent
MOST_BYTES = 150_000
"""Of a picture in the repository."""


def _script(path: Path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


MAKER = _script(ROOT / "docs" / "make_tutorials.py")
RECORDING = ROOT / "examples" / "calcium" / "recording.csv"
PAGES = {name: path.read_text(encoding="utf-8") for name, path in MAKER.PAGES.items()}
SMALL = """
```python
number = 2 + 2
print(f"it is {number}")
```
<!-- output -->
```text
it is 4
```
<!-- end -->

<!-- say: Twice two is {number}. -->
Twice two is 4.
<!-- end -->

```python
rounds = 1  # full size: 3
text = "round " * rounds
print(text)
```
<!-- output -->
```text
round round round
```
<!-- end -->
<!-- ran -->
*At full size this took 5 s of processor time. Code MARK.*
<!-- end -->
"""
SMALL = SMALL.replace("MARK", MAKER.Ran(MAKER.BLOCK.findall(SMALL)[1]).mark)


@pytest.mark.parametrize("name", PAGES)
def test_page_says_what_its_code_gives(name, tmp_path):
    page = PAGES[name]
    assert len(MAKER.PART.findall(page)) >= 2
    assert MAKER.rewritten(page, tmp_path, full=False) == page, f"python docs/make_tutorials.py {name}"


def test_a_page_is_made_from_its_code(tmp_path):
    assert MAKER.rewritten(SMALL, tmp_path, full=False) == SMALL
    assert MAKER.rewritten(SMALL, tmp_path, full=True) == SMALL


@pytest.mark.parametrize(
    ("right", "wrong", "full"),
    [
        ("it is 4\n", "it is 5\n", False),
        ("two is 4.", "two is 5.", False),
        ("rounds = 1", "rounds = 2", False),  # code that was changed and not run at full size again
        ("round round round", "round", True),
    ],
)
def test_what_no_longer_fits_is_seen(right, wrong, full, tmp_path):
    page = SMALL.replace(right, wrong, 1)
    assert page != SMALL
    assert MAKER.rewritten(page, tmp_path, full=full) != page


def test_evidence_shows_finding_role_and_verdict():
    table = MAKER.evidence(["M1", "K7c"])
    assert "fivefold" in table and "| fitted |" in table and "| disagrees |" in table
    assert len(MAKER.verdicts()) > 40
    with pytest.raises(KeyError):
        MAKER.evidence(["M99"])


def lines() -> list[str]:
    """Commands of blocks that are not run, as written."""
    blocks = [block for page in PAGES.values() for block in re.findall(r"^```sh\n(.*?)^```", page, re.M | re.S)]
    return [line for block in blocks for line in block.splitlines() if line.startswith("exude ")]


def test_commands_that_are_not_run_are_understood():
    assert len(lines()) >= 5
    for line in lines():
        parser().parse_args(shlex.split(line, comments=True)[1:])


@pytest.mark.parametrize("name", PAGES)
def test_pictures_are_there_and_small(name):
    for picture in MAKER.SHOWN.findall(PAGES[name]):
        assert (MAKER.PICTURES / picture).stat().st_size <= MOST_BYTES, picture


def test_no_picture_is_left_over():
    shown = {picture for page in PAGES.values() for picture in MAKER.SHOWN.findall(page)}
    assert {path.name for path in MAKER.PICTURES.glob("*.png")} == shown


def test_speeds_of_the_comparison_are_those_of_the_bench():
    page = (ROOT / "docs" / "comparison.md").read_text(encoding="utf-8")
    bench = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    speeds = page.partition("exude is faster by:")[2].partition("**Not tried**")[0]
    cells = [row.split("|")[-2] for row in speeds.splitlines() if row.startswith("| ")][1:]
    numbers = re.findall(r"[\d.]+", " ".join(cells)) + re.findall(
        r"\d,\d{3}|(?<=LSODA\) )\d+", speeds.partition("Of its mean")[2]
    )
    assert len(numbers) >= 12
    for number in numbers:
        assert re.search(rf"(?<![\d.]){re.escape(number)}(?![\d.])", bench), f"{number} is not in docs/bench.md"


def test_example_recording_is_what_its_script_makes(tmp_path):
    _script(RECORDING.with_name("make_recording.py")).main(tmp_path)
    assert (tmp_path / RECORDING.name).read_text(encoding="utf-8") == RECORDING.read_text(encoding="utf-8")
