"""Pictures of the gallery: runs the blocks of docs/gallery.md and keeps what the page shows.

python docs/make_gallery.py            # all of them, into docs/images/gallery
python docs/make_gallery.py dose run   # those alone

The page is the only list: a picture is what the block below it writes under that name.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from PIL import Image

from exude.show.style import style

PAGE = Path(__file__).parent / "gallery.md"
DPI = 170
COLOURS = 160
"""Of a picture: enough for flat areas with smooth edges, and half the bytes."""


def blocks(text: str) -> dict[str, str]:
    """Code of each picture, by its file's name: the first block below it."""
    found = re.findall(
        r"^!\[[^\]]*\]\(images/gallery/([^)]+)\)\s*^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL
    )
    return dict(found)


def wanted(text: str) -> set[str]:
    """Names of all files of the gallery that the page shows or links to."""
    return set(re.findall(r"\(images/gallery/([^)]+)\)", text))


def run(code: str, folder: Path) -> dict[str, Any]:
    """Run a block in a folder; what it has named."""
    names: dict[str, Any] = {}
    with contextlib.chdir(folder):
        exec(compile(code, "a block of the gallery", "exec"), names)
    return names


def picture(figure: Figure, path: Path) -> None:
    """Write a small PNG for the page."""
    with style(), tempfile.TemporaryDirectory() as folder:
        full = Path(folder) / path.name
        figure.savefig(full, dpi=DPI)
        with Image.open(full) as image:
            image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)


def make(name: str, code: str, keep: set[str], target: Path) -> None:
    """Make one picture, and the drawings of the same name that the page links to."""
    with tempfile.TemporaryDirectory() as folder:
        names = run(code, Path(folder))
        for written in sorted(Path(folder).iterdir()):
            if written.name not in keep:
                continue
            if written.suffix == ".png":
                picture(names["figure"], target / written.name)
            else:
                shutil.copyfile(written, target / written.name)
    if not (target / name).exists():
        raise SystemExit(f"the block below {name} does not write it")


def main() -> None:
    """Make those that are named, or all; take away what the page no longer shows."""
    text = PAGE.read_text(encoding="utf-8")
    target = PAGE.parent / "images" / "gallery"
    target.mkdir(parents=True, exist_ok=True)
    asked, keep = set(sys.argv[1:]), wanted(text)
    for name, code in blocks(text).items():
        if not asked or Path(name).stem in asked:
            began = time.perf_counter()
            make(name, code, keep, target)
            print(f"{name}: {time.perf_counter() - began:.1f} s, {(target / name).stat().st_size / 1000:.0f} kB")
    for old in target.iterdir():
        if old.name not in keep:
            old.unlink()


if __name__ == "__main__":
    main()
