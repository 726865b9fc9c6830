"""Movies of a tissue: GIF by Pillow; MP4 where ffmpeg is installed."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from exude.engine.tissue_run import TissueRun
from exude.errors import DataError, UnknownName, refuse
from exude.experiment.assays.measures import TissueReading, reading
from exude.experiment.tissue import Plan, Tissue
from exude.show.style import DPI, MM, new_figure, style
from exude.show.tissue_axes import view_of

KINDS = (".gif", ".mp4")
COLOURS = 128
"""Colours of a GIF, the same in all its pictures."""
SAMPLES = 6
"""Pictures from which the colours of a GIF are chosen."""
MILLISECONDS = 1000
FASTEST = 50.0
"""Pictures per second beyond which players fall back to a tenth of that."""
EVEN = 2
"""Sides of an MP4 are multiples of this."""
Picture = NDArray[np.uint8]
Source = TissueReading | TissueRun | Tissue | Plan


def movie(
    source: Source,
    path: str | Path,
    *,
    view: str = "",
    rate: float = 6.0,
    width: float = 90.0,
    progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write a movie, one picture for each recorded time, with scale bar and time; its ending (.gif, .mp4) says how.

    source: a reading, a stored run (read picture by picture), or an experiment (which is run now). view: 'film',
    'spheroid', 'wound', 'slab' or 'cells'; without one the view that fits the dish. rate: pictures per second. width:
    mm at 200 dpi. progress: called with pictures done and in all. A file comes into place whole or not at all.
    Raises UnknownName for another ending or view, DataError without ffmpeg (.mp4) or where the disk refuses.
    """
    place = Path(path)
    kind = place.suffix.lower()
    if kind not in KINDS:
        raise refuse(UnknownName, place.name, f"a file that ends in {' or '.join(KINDS)}", "Write 'tissue.gif'.", KINDS)
    if not 0 < rate <= FASTEST:
        raise refuse(DataError, rate, f"a rate above 0 and at most {FASTEST:g} pictures per second", "Write rate=6.")
    if kind == ".mp4" and shutil.which("ffmpeg") is None:
        raise refuse(
            DataError, "no program 'ffmpeg' on the PATH", "ffmpeg, which packs an MP4",
            f"Install ffmpeg, or write {place.with_suffix('.gif').name!r}: GIF needs nothing else.",
        )  # fmt: skip
    dish = reading(source)
    draft = place.with_name(f".{place.stem}.{os.getpid()}.part{kind}")
    try:
        (_write_gif if kind == ".gif" else _write_mp4)(dish, draft, rate, pictures(dish, view, width, progress))
        draft.replace(place)
    except OSError as problem:
        fix = "Free space or choose another folder."
        raise refuse(DataError, str(problem), f"leave and room to write {place}", fix) from problem
    finally:
        draft.unlink(missing_ok=True)
    return place


def pictures(
    dish: TissueReading, view: str = "", width: float = 90.0, progress: Callable[[int, int], None] | None = None
) -> Iterator[Picture]:
    """Each recorded time as a picture, (row, column, 3); all of one size, `width` mm at 200 dpi."""
    draw = view_of(dish, view)
    slab = draw is view_of(dish, "slab")
    sides = dish.grid.size
    with style():
        figure = new_figure(
            width, EVEN * round(width * sides[2 if slab else 1] / sides[0] * MM * DPI / EVEN) / MM / DPI
        )
        figure.set_layout_engine("none")
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        for index in range(len(dish)):
            axes.clear()
            draw(axes, dish, index)
            figure.canvas.draw()
            seen = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]  # type: ignore[attr-defined]
            yield seen[: seen.shape[0] // EVEN * EVEN, : seen.shape[1] // EVEN * EVEN].copy()
            if progress:
                progress(index + 1, len(dish))


def _write_gif(dish: TissueReading, path: Path, rate: float, made: Iterator[Picture]) -> None:
    """One set of colours for all pictures, so that nothing flickers; no dither, so that still parts stay still."""
    frames = [Image.fromarray(picture) for picture in made]
    chosen = [frames[i] for i in sorted({round(i) for i in np.linspace(0, len(frames) - 1, SAMPLES)})]
    sheet = Image.new("RGB", (chosen[0].width, chosen[0].height * len(chosen)))
    for number, frame in enumerate(chosen):
        sheet.paste(frame, (0, number * frame.height))
    palette = sheet.quantize(COLOURS, method=Image.Quantize.MEDIANCUT)
    packed = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    packed[0].save(
        path, save_all=True, append_images=packed[1:], duration=round(MILLISECONDS / rate), loop=0, optimize=False
    )  # fmt: skip


def _write_mp4(dish: TissueReading, path: Path, rate: float, made: Iterator[Picture]) -> None:
    """Pictures go to ffmpeg as they are made; what it complains about is passed on."""
    first = next(made)
    high, wide = first.shape[:2]
    command = [
        "ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{high}",
        "-r", f"{rate:g}", "-i", "-", "-pix_fmt", "yuv420p", str(path),
    ]  # fmt: skip
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE) as packer:
        assert packer.stdin and packer.stderr
        try:
            packer.stdin.write(first.tobytes())
            for picture in made:
                packer.stdin.write(picture.tobytes())
            packer.stdin.close()
        except BrokenPipeError:
            pass  # it stopped early; why is on its error stream
        said = packer.stderr.read().decode(errors="replace").strip()
    if packer.returncode:
        raise refuse(DataError, said or f"ffmpeg ended with {packer.returncode}", "a movie", "Write a GIF instead.")
