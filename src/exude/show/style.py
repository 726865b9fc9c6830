"""The house style of every figure, and how a figure is written to disk."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from exude.errors import DataError

MM = 1 / 25.4
"""Inches per millimetre."""

DPI = 200

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
"""Okabe and Ito's colours, told apart by colour-blind readers; yellow is left out: too pale on white."""

CONTROL = "#8C8C8C"
INK = "#262626"
FAINT = "#6B6B6B"
BAND = "#E69F00"
"""Colour of a reported range."""

REPORTED_INK = "#8A5A00"
"""Colour of words about a reported range."""

WINDOWS = ("#E9E9E9", "#F5F5F5")
"""Shades of windows, in turn, so that neighbours are told apart."""

_GLUE = "\x1f"

RC: dict[str, Any] = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans", "Arial", "Helvetica", "sans-serif"],
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": INK,
    "axes.labelcolor": INK,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "axes.formatter.useoffset": False,
    "lines.linewidth": 1.3,
    "legend.frameon": False,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "none",
    "svg.hashsalt": "exude",
    "pdf.fonttype": 42,
}
"""Text stays text in SVG and PDF, so that a figure can be edited; ids and metadata are the same at every run.

The font is DejaVu Sans, which comes with matplotlib. A PDF embeds it (TrueType, 42); an SVG names it, then Arial and
Helvetica for programs that lack it."""

_NO_DATE = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}, "png": {"Software": None}}


def style() -> Any:
    """A context in which figures are made and written in the house style."""
    return mpl.rc_context({**mpl.rcParamsDefault, **RC, "backend": mpl.rcParams["backend"]})


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of a size in millimetres, laid out so that nothing overlaps."""
    layout = ConstrainedLayoutEngine(w_pad=0.05, h_pad=0.04, wspace=0.03, hspace=0.03)
    figure = Figure(figsize=(width * MM, height * MM), dpi=DPI, layout=layout)
    FigureCanvasAgg(figure)
    return figure


def settled(figure: Figure) -> Figure:
    """The figure with its layout worked out once, so that each file it is written to need not do it again."""
    figure.draw_without_rendering()
    figure.set_layout_engine("none")
    return figure


def write(figure: Figure, path: Path) -> Path:
    """Write one file; its ending (.png, .svg, .pdf) says how."""
    kind = path.suffix.lower().lstrip(".")
    try:
        with style():
            figure.savefig(path, format=kind, dpi=DPI, metadata=_NO_DATE[kind])
    except OSError as problem:
        raise DataError(f"{path}: cannot be written ({problem}). Free space or choose another folder.") from problem
    return path


def save(figure: Figure, stem: Path) -> tuple[Path, Path]:
    """Write STEM.svg and STEM.png (200 dpi); the same figure gives the same bytes."""
    stem = Path(stem)
    return write(figure, stem.with_name(stem.name + ".svg")), write(figure, stem.with_name(stem.name + ".png"))


def wrap(text: str, width: int) -> str:
    """Break a label into lines of at most `width` letters; words, and units in brackets, stay whole where they fit."""
    text = text.replace("-\n", "-")
    held = re.sub(r"\([^()]*\)", lambda unit: unit[0].replace(" ", _GLUE) if len(unit[0]) <= width else unit[0], text)
    lines = textwrap.wrap(held, width, break_long_words=False, break_on_hyphens=False)
    return "\n".join(lines).replace(_GLUE, " ") or text


def width_of(text: str, size: float) -> float:
    """Estimated width in points of the longest line of a text set at `size` points."""
    return max((len(line) for line in text.split("\n")), default=0) * size * 0.58


def is_control(label: str) -> bool:
    """Whether a label names the unperturbed cell."""
    name = " ".join(label.casefold().split())
    starts = ("control", "untreated", "wild type", "unstimulated", "no stimulus")
    treated = ("rescue", "ionomycin", "histamine")
    return name in ("rest", "at rest", "basal") or (name.startswith(starts) and not any(t in name for t in treated))
