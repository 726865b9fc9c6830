"""A figure as bytes: vector for a page, fine pixels for paper."""

from __future__ import annotations

import base64
import io
from pathlib import Path

from matplotlib.figure import Figure

from exude.errors import DataError
from exude.show.style import style

PAPER_DPI = 300
LARGEST_SVG = 2_000_000
"""Bytes of a vector figure in a page; one with more (a picture of many voxels, thousands of dots) becomes pixels."""


def svg_of(picture: Figure | Path) -> bytes:
    """A figure, or the file of one, as SVG."""
    return _read(picture) if isinstance(picture, Path) else _written(picture, "svg")


def png_of(picture: Figure | Path) -> bytes:
    """A figure as PNG of 300 dots per inch; of an SVG file the PNG that lies beside it."""
    return _read(picture.with_suffix(".png")) if isinstance(picture, Path) else _written(picture, "png")


def inside(picture: Path | Figure) -> str:
    """A figure, or the SVG file of one, as an image inside a page."""
    svg = svg_of(picture)
    if len(svg) > LARGEST_SVG and isinstance(picture, Figure):
        return _data("image/png", png_of(picture))
    return _data("image/svg+xml", svg)


def _data(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"


def _written(figure: Figure, kind: str) -> bytes:
    held = io.BytesIO()
    with style():
        figure.savefig(
            held, format=kind, dpi=PAPER_DPI, metadata={"Date": None} if kind == "svg" else {"Software": None}
        )
    return held.getvalue()


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as problem:
        raise DataError(f"{path}: a figure that cannot be read ({problem}). Make the study again.") from problem
