"""Rewrite the made parts of the tutorials and of the quick start: what their code prints, sentences, evidence, pictures.

python docs/make_tutorials.py               # all pages, at full size: some fifteen minutes of processor time
python docs/make_tutorials.py spheroid      # one of them

A page holds its own code. A line `cells = 60  # full size: 300` stands as printed in a reader's hands and in tests, and
with the value of the remark when this script runs the page. What follows a block of code is made from it:

<!-- output -->             what it printed
<!-- ran -->                how long it took, and a mark of the code that did it
<!-- say: TEXT {name} -->   TEXT with the block's own names filled in
<!-- evidence: M1 M2 -->    findings of the catalogue with the study's verdict; needs no block
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import os
import re
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from exude.catalog import read

HERE = Path(__file__).parent
PICTURES = HERE / "images" / "tutorials"
PAGES = {
    path.stem: path
    for path in (
        HERE / "quickstart.md",
        HERE / "tutorials" / "knock_down_and_rescue.md",
        HERE / "tutorials" / "own_calcium_trace.md",
        HERE / "tutorials" / "spheroid.md",
        HERE / "tutorials" / "tumour_with_t_cells.md",
    )
}
MOST_BYTES = 150_000
"""Of a picture as it is; a larger one gets a palette."""

BLOCK = re.compile(r"^```python\n(?P<code>.*?)^```\n", re.MULTILINE | re.DOTALL)
PART = re.compile(
    r"^(?P<head><!-- (?P<kind>output|ran|say|evidence)(?:: (?P<what>.*?))? -->\n)(?P<body>.*?)^<!-- end -->\n",
    re.MULTILINE | re.DOTALL,
)
FULL = re.compile(r"^(?P<name>[^=\n]+?) = .+?  # full size: (?P<value>.+)$", re.MULTILINE)
SHOWN = re.compile(r"\]\([^)\s]*images/tutorials/([\w.-]+\.png)\)")


class Ran(NamedTuple):
    """A block of code that was run, or that was left for a run at full size (`names` is None)."""

    code: str
    names: dict[str, Any] | None = None
    printed: str = ""
    seconds: float = 0.0

    @property
    def mark(self) -> str:
        """A short digest of the code: it changes when the code does, not when a formatter moves it."""
        return hashlib.sha256(re.sub(r"[\s,]", "", self.code).encode()).hexdigest()[:8]


def run(code: str, folder: Path, *, full: bool) -> Ran:
    """Run a block by itself in a folder; one that has a full size is run at it, or not at all."""
    if FULL.search(code) and not full:
        return Ran(code)
    names: dict[str, Any] = {}
    printed, start = io.StringIO(), time.process_time()
    with contextlib.redirect_stdout(printed), _inside(folder):
        exec(compile(FULL.sub(r"\g<name> = \g<value>", code), "a block of the page", "exec"), names)
    return Ran(code, names, printed.getvalue(), time.process_time() - start)


@contextlib.contextmanager
def _inside(folder: Path) -> Iterator[None]:
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(before)


def rewritten(page: str, folder: Path, *, full: bool) -> str:
    """The page with its made parts made anew; parts of a block that was not run stay, all but the mark of its code."""
    out, at, last = [], 0, Ran("")
    for found in sorted([*BLOCK.finditer(page), *PART.finditer(page)], key=re.Match.start):
        if found.re is BLOCK:
            last = run(found["code"], folder, full=full)
        else:
            out += [page[at : found.start("body")], part(found, last)]
            at = found.end("body")
    return "".join([*out, page[at:]])


def part(found: re.Match[str], last: Ran) -> str:
    """The body of one made part."""
    kind, what = found["kind"], found["what"]
    if kind == "evidence":
        return evidence(what.split())
    if kind == "ran":
        took = re.search(r"took (.+?) of", found["body"])
        spent = said_seconds(last.seconds) if last.names is not None else took[1] if took else "?"
        return f"*At full size this took {spent} of processor time. Code {last.mark}.*\n"
    if last.names is None:
        return found["body"]
    return f"```text\n{last.printed.rstrip()}\n```\n" if kind == "output" else what.format_map(last.names) + "\n"


def said_seconds(seconds: float) -> str:
    """A time as one says it, coarsely."""
    return f"{max(5, round(seconds / 5) * 5):g} s" if seconds < 90 else f"{round(seconds / 60):g} min"


def evidence(names: list[str]) -> str:
    """Findings as a table: what was reported, whether it was fitted, what the study predicts and the verdict."""
    lines = ["| finding | what the paper says | role | predicted (95 %) | verdict |", "|---|---|---|---|---|"]
    for name in names:
        source, finding = read.findings()[name]
        against = f" (disputed: {', '.join(finding.contradicts)})" if finding.contradicts else ""
        predicted, verdict = verdicts().get(name, ("no dish reads it so far", "-"))
        role = {"fit": "fitted", "hold-out": "not fitted"}.get(finding.role, finding.role)
        lines.append(f"| {name}, {source} | {finding.says}{against} | {role} | {predicted} | {verdict} |")
    return "\n".join(lines) + "\n"


def verdicts() -> dict[str, tuple[str, str]]:
    """Finding -> (prediction, verdict) under the default mechanism, from docs/results.md."""
    rows = [line.split(" | ") for line in (HERE / "results.md").read_text(encoding="utf-8").splitlines()]
    return {row[1]: (row[4], row[6]) for row in rows if len(row) == 8 and row[3] == "default"}


def keep_pictures(page: str, folder: Path) -> None:
    """Keep what the page shows."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in SHOWN.findall(page):
        if (folder / name).exists():
            picture, path = Image.open(folder / name).convert("RGB"), PICTURES / name
            picture.save(path, optimize=True)
            if path.stat().st_size > MOST_BYTES:  # rare colours, those of lines, must stay as they are
                picture.quantize(256, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Rewrite the pages that are named, or all."""
    for name in sys.argv[1:] or PAGES:
        page = PAGES[name].read_text(encoding="utf-8")
        with tempfile.TemporaryDirectory() as folder:
            made = rewritten(page, Path(folder), full=True)
            keep_pictures(made, Path(folder))
        PAGES[name].write_text(made, encoding="utf-8")
        print(f"{name}: {'changed' if made != page else 'as it was'}")


if __name__ == "__main__":
    main()
