"""The notebooks run from top to bottom, what they claim holds, and they are kept without outputs."""

from __future__ import annotations

from pathlib import Path

import pytest

WANTED = "notebooks are run by nbclient in ipykernel: pip install nbclient ipykernel"
nbformat = pytest.importorskip("nbformat", reason=WANTED)
nbclient = pytest.importorskip("nbclient", reason=WANTED)
pytest.importorskip("ipykernel", reason=WANTED)

FOLDER = Path(__file__).parent.parent / "docs" / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
SECONDS_A_CELL = 240


def read(path: Path):
    return nbformat.read(path, as_version=4)


def test_there_are_three():
    assert len(NOTEBOOKS) == 3


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_is_kept_without_outputs(path):
    book = read(path)
    nbformat.validate(book)
    for cell in book.cells:
        if cell.cell_type == "code":
            assert not cell.outputs and cell.execution_count is None, "clear all outputs before you commit"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_says_what_must_hold(path):
    assert "assert " in read(path).cells[-1].source


@pytest.mark.parametrize("path", NOTEBOOKS, ids=[path.stem for path in NOTEBOOKS])
def test_notebook_runs(path, tmp_path):
    book = read(path)
    nbclient.NotebookClient(book, timeout=SECONDS_A_CELL, resources={"metadata": {"path": str(tmp_path)}}).execute()
    shown = [out for cell in book.cells if cell.cell_type == "code" for out in cell.outputs]
    assert any("image/png" in out.get("data", {}) for out in shown), "figures are shown"
