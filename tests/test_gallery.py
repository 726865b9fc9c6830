"""The gallery shows what the code below each picture makes, and leaves no figure function out."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from PIL import Image

from exude.show import figures

DOCS = Path(__file__).parent.parent / "docs"
PAGE = (DOCS / "gallery.md").read_text(encoding="utf-8")
FOLDER = DOCS / "images" / "gallery"
MOST_BYTES = 150_000
"""Of a picture; a movie may have three times as many."""


@pytest.fixture(scope="module")
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_gallery", DOCS / "make_gallery.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_block_has_its_picture_and_every_picture_its_block(tool: ModuleType) -> None:
    blocks, wanted = tool.blocks(PAGE), tool.wanted(PAGE)
    assert len(blocks) >= 12 and len(blocks) == PAGE.count("```python")
    assert {path.name for path in FOLDER.iterdir()} == wanted
    for name, code in blocks.items():
        assert f'"{Path(name).stem}' in code, f"the block below {name} writes something else"
    assert {Path(name).stem for name in wanted} == {Path(name).stem for name in blocks}


def test_pictures_are_small_and_wide_enough_to_read() -> None:
    for path in FOLDER.iterdir():
        assert path.stat().st_size <= MOST_BYTES * (3 if path.suffix == ".gif" else 1), path.name
        if path.suffix == ".png":
            with Image.open(path) as image:
                assert image.width >= 500 and image.getextrema() != ((0, 0),), path.name


def test_every_figure_function_is_shown() -> None:
    shown = set(re.findall(r"\b(\w+_figure)\(", PAGE))
    own = {name for name in figures.__all__ if name.endswith("_figure")}
    assert own <= shown, own - shown


def test_every_picture_is_described_for_those_who_cannot_see_it() -> None:
    for words in re.findall(r"!\[([^\]]*)\]", PAGE):
        assert len(words.split()) >= 4, words


def test_a_picture_is_made_from_its_block(tool: ModuleType, tmp_path: Path) -> None:
    code = 'from exude.show.figures import new_figure, save\nfigure = new_figure(60, 40)\nsave(figure, "a")\n'
    code = code.replace("exude.show.figures import new_figure, save", "exude.show.style import new_figure, save")
    text = f"words\n\n![one two](images/gallery/a.png)\n\n```python\n{code}```\n\n[a](images/gallery/a.svg)\n"
    assert tool.blocks(text) == {"a.png": code} and tool.wanted(text) == {"a.png", "a.svg"}
    tool.make("a.png", code, tool.wanted(text), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "a.svg"}
    with pytest.raises(SystemExit, match=r"b\.png does not write"):
        tool.make("b.png", code, {"b.png"}, tmp_path)
