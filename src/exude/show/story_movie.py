"""The story as a movie: the cell with its MVBs, its film, the tumour, the body; each scene with its own clock."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Circle, Ellipse, FancyArrowPatch
from numpy.typing import NDArray
from PIL import Image

from exude.catalog import read
from exude.errors import DataError, refuse
from exude.experiment.assays.measures import TissueReading, reading
from exude.experiment.cohort import DAY
from exude.experiment.story import ARMS, DAYS_PER_YEAR, INTACT, PIECES, WITHOUT, YEARS, Told
from exude.show.movies import COLOURS as MOST_COLOURS
from exude.show.movies import EVEN, SAMPLES
from exude.show.story_axes import (
    COLOURS,
    GOLDEN,
    HOUR,
    STAGES,
    discs,
    draw_body,
    draw_exosomes,
    draw_gelatin,
    draw_tissue,
    exosomes_of,
    tissue_key,
)
from exude.show.style import CONTROL, FAINT, INK, new_figure, style

WIDTH, HEIGHT, DOTS = 160.0, 100.0, 110
"""mm, and dots per inch."""
MINUTE = 60.0
MINUTES = (*range(8, 20), *range(20, 181, 10))
"""When the cell is looked at."""
FILM_STEP, BODY_PICTURES = 2, 22
BEND = 0.35
"""Of the vessels in the scheme of the body."""
PAUSE, HOLD = 160, 1400
"""Milliseconds that a picture stays, and the last one of a scene."""
DEPTH = {"immature": 0.42, "travelling": 0.66, "peripheral": 0.88, "docked": 1.0, "primed": 1.0}
"""How far out MVBs of a stage are drawn; where they are is not simulated."""
Picture = NDArray[np.uint8]
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Scene:
    """Pictures of one scale: how many, and how each is drawn."""

    count: int
    draw: Callable[[Figure, int], None]


def story_movie(told: Told, path: str | Path, progress: Progress | None = None) -> Path:
    """Write the movie (.gif; .mp4 needs ffmpeg), whole or not at all; DataError where that cannot be."""
    place = Path(path)
    kind = place.suffix.lower()
    if kind not in (".gif", ".mp4"):
        raise refuse(DataError, place.name, "a file that ends in .gif or .mp4", "Write 'story.gif'.")
    if kind == ".mp4" and shutil.which("ffmpeg") is None:
        raise refuse(DataError, "no program 'ffmpeg' on the PATH", "ffmpeg, which packs an MP4", "Write a GIF.")
    frames, stays = [], []
    for picture, stay in pictures(told, progress):
        frames.append(picture)
        stays.append(stay)
    draft = place.with_name(f".{place.stem}.{os.getpid()}.part{kind}")
    try:
        (_write_gif if kind == ".gif" else _write_mp4)(draft, frames, stays)
        draft.replace(place)
    except OSError as problem:
        raise refuse(DataError, str(problem), f"leave and room to write {place}", "Free space.") from problem
    finally:
        draft.unlink(missing_ok=True)
    return place


def pictures(told: Told, progress: Progress | None = None) -> Iterator[tuple[Picture, int]]:
    """Each picture, (row, column, 3), and for how long it stays (ms)."""
    scenes = [maker(told) for maker in (cell_scene, film_scene, tissue_scene, body_scene)]
    total, done = sum(scene.count for scene in scenes), 0
    with style():
        figure = new_figure(WIDTH, HEIGHT)
        figure.set_layout_engine("none")
        figure.set_dpi(DOTS)
        for scene in scenes:
            for i in range(scene.count):
                figure.clear()
                scene.draw(figure, i)
                figure.canvas.draw()
                seen = np.asarray(figure.canvas.buffer_rgba())[:, :, :3]  # type: ignore[attr-defined]
                done += 1
                if progress:
                    progress(done, total)
                even = seen[: seen.shape[0] // EVEN * EVEN, : seen.shape[1] // EVEN * EVEN]
                yield even.copy(), HOLD if i == scene.count - 1 else PAUSE


def _head(figure: Figure, number: int, title: str, clock: str) -> None:
    """Number and name of the scene, its clock, and how far the story is."""
    figure.text(0.03, 0.935, f"{number}", fontsize=9, fontweight="bold", color="white", ha="center", va="center",
                bbox={"boxstyle": "circle,pad=0.25", "fc": COLOURS[(0, 2, 3, 5)[number - 1]], "ec": "none"})  # fmt: skip
    figure.text(0.06, 0.935, title, fontsize=10, fontweight="bold", va="center")
    figure.text(
        0.975,
        0.935,
        clock,
        fontsize=11,
        fontweight="bold",
        va="center",
        ha="right",
        color=COLOURS[(0, 2, 3, 5)[number - 1]],
    )


def _tidy(axes: Axes, xlabel: str, ylabel: str) -> None:
    axes.tick_params(labelsize=6.5)
    axes.set_xlabel(xlabel, fontsize=7)
    axes.set_ylabel(ylabel, fontsize=7)


# --- the cell


def cell_scene(told: Told) -> Scene:
    """One cell, its MVBs at their true diameters and where they fuse; calcium and exosomes beside it."""
    run = told.cell[INTACT]
    released = (run.events["fate"].values == "released") & (run.events["time"].values >= 0)
    fused = run.events.isel(event=released)
    radius = read.value("cell_radius")

    def draw(figure: Figure, i: int) -> None:
        minute = MINUTES[i]
        before = MINUTES[i - 1] if i else 0
        _head(figure, 1, "One cell: calcium rises, MVBs fuse", f"{minute} min")
        axes = figure.add_axes((0.015, 0.03, 0.535, 0.855))
        axes.add_patch(Circle((0, 0), radius, fc="#F4F7FA", ec="#2F4B66", lw=1.4))
        axes.add_patch(Circle((0, 0), 0.36 * radius, fc="#E3E8EE", ec="none"))
        _mvbs(axes, told, minute, radius)
        now = (fused["time"].values > before * MINUTE) & (fused["time"].values <= minute * MINUTE)
        for number, ilvs in zip(fused["vesicle"].values[now], fused["ilv"].values[now], strict=True):
            _burst(axes, int(number), int(ilvs), radius)
        axes.plot([-radius, 5 - radius], [-1.16 * radius] * 2, color=INK, lw=2)
        axes.text(2.5 - radius, -1.13 * radius, "5 µm", fontsize=7, ha="center", va="bottom")
        axes.set_xlim(-1.25 * radius, 1.25 * radius)
        axes.set_ylim(-1.25 * radius, 1.25 * radius)
        axes.set_aspect("equal")
        axes.set_axis_off()
        _traces(figure, told, minute)

    return Scene(len(MINUTES), draw)


def _mvbs(axes: Axes, told: Told, minute: int, radius: float) -> None:
    """MVBs at drawn places: the angle by their number, the depth by their stage."""
    found = told.mvbs(minute)
    d, stage = found["diameter"].values, found["stage"].values
    far = np.array([DEPTH[s] for s in stage]) * radius - d / 2
    angle = GOLDEN * found["vesicle"].values
    places = np.stack([far * np.cos(angle), far * np.sin(angle)], axis=1)
    discs(axes, places, d, facecolors=[STAGES[s] for s in stage], edgecolors="#333333", linewidths=0.3, zorder=3)
    for k, (name, colour) in enumerate(STAGES.items()):
        axes.text(-1.24 * radius, (1.2 - 0.09 * k) * radius, f"● {name}", color=colour, fontsize=6.5, va="center")


def _burst(axes: Axes, number: int, ilvs: int, radius: float) -> None:
    """A fusion: its exosomes outside of the cell, each a dot, larger than life so that they are seen."""
    k = np.arange(ilvs)
    r = 0.045 * radius * np.sqrt(k + 0.5) / 2
    angle = GOLDEN * number
    x = 1.1 * radius * np.cos(angle) + r * np.cos(GOLDEN * k)
    y = 1.1 * radius * np.sin(angle) + r * np.sin(GOLDEN * k)
    axes.plot(x, y, ".", color="#7A3E91", ms=2.2, mew=0, zorder=5)
    axes.plot([radius * np.cos(angle)], [radius * np.sin(angle)], "*", color=COLOURS[4], ms=9, mew=0, zorder=6)


def _traces(figure: Figure, told: Told, minute: int) -> None:
    upper, lower = figure.add_axes((0.645, 0.57, 0.315, 0.28)), figure.add_axes((0.645, 0.13, 0.315, 0.30))
    close = told.close
    time = close.data["time"].values / MINUTE
    seen = (time >= MINUTES[0]) & (time <= min(minute, 20))
    upper.plot(time[seen], close.data["calcium"].values[0][seen], color=COLOURS[0])
    upper.set_xlim(MINUTES[0], 20)
    upper.set_ylim(0, 1.1 * float(close.data["calcium"].max()))
    _tidy(upper, "minutes (histamine at 10)", "calcium (µM)")
    for arm, colour in ((WITHOUT, CONTROL), (INTACT, COLOURS[1])):
        data = told.cell[arm].data
        t = data["time"].values / HOUR
        past = t <= minute * MINUTE / HOUR
        lower.step(t[past], data["exosomes"].values[0][past], where="post", color=colour)
        lower.text(
            t[past][-1],
            data["exosomes"].values[0][past][-1],
            f" {data['exosomes'].values[0][past][-1]}",
            fontsize=7,
            color=colour,
            va="bottom",
        )
    lower.set_xlim(0, 3.3)
    lower.set_ylim(0, 1.15 * float(told.cell[INTACT].data["exosomes"].max()))
    _tidy(lower, f"hours; grey: without {told.story.without}", "exosomes")


# --- the film


def film_scene(told: Told) -> Scene:
    """Exosomes on the film and the gelatin under the same cell, with and without."""
    dishes = {arm: reading(told.film[arm], ("collagen", "exosomes", "bound_exosomes")) for arm in ARMS}
    shown = range(0, len(dishes[INTACT]), FILM_STEP)
    most = max(float(exosomes_of(dishes[INTACT].load(i)).max()) for i in shown)

    def draw(figure: Figure, k: int) -> None:
        i = shown[k]
        _head(figure, 2, "The same cell on a film of gelatin", f"{dishes[INTACT].times[i] / MINUTE:.0f} min")
        names = ("exosomes", "gelatin", f"gelatin, without {told.story.without}")
        places = [figure.add_axes((0.02 + 0.325 * j, 0.22, 0.31, 0.31 * WIDTH / HEIGHT)) for j in range(len(names))]
        draw_exosomes(places[0], dishes[INTACT], i, most=most)
        draw_gelatin(places[1], dishes[INTACT], i)
        draw_gelatin(places[2], dishes[WITHOUT], i)
        for j, name in enumerate(names):
            figure.text(0.02 + 0.325 * j, 0.74, name, fontsize=8)
        whole = told.film[INTACT].data
        freed = float(whole["freed_exosomes"][i] + whole["freed_bound_exosomes"][i])
        figure.text(
            0.02, 0.12, f"{freed:.0f} exosomes released so far, the fusions of scene 1", fontsize=8, color=FAINT
        )

    return Scene(len(shown), draw)


# --- the tissue


def tissue_scene(told: Told) -> Scene:
    """The tumour among its neighbours and T cells, with and without."""
    dishes = {arm: reading(told.tissue[arm], ("exosomes", "bound_exosomes")) for arm in ARMS}
    most = max(float(exosomes_of(dish.load(len(dish) - 1)).max()) for dish in dishes.values())

    def draw(figure: Figure, i: int) -> None:
        hours = dishes[INTACT].times[i] / HOUR
        _head(figure, 3, "A tumour, its neighbours and T cells", f"{hours / 24:.1f} days")
        for j, arm in enumerate(ARMS):
            axes = figure.add_axes((0.03 + 0.485 * j, 0.13, 0.455, 0.455 * WIDTH / HEIGHT))
            draw_tissue(axes, dishes[arm], i, most=most)
            figure.text(
                0.03 + 0.485 * j,
                0.875,
                _tissue_words(told, dishes[arm], arm, i),
                fontsize=8,
                color=INK if j == 0 else FAINT,
            )
        figure.legend(
            handles=tissue_key(5), loc="lower center", ncols=5, fontsize=7.5, frameon=False, bbox_to_anchor=(0.5, 0.01)
        )

    return Scene(len(dishes[INTACT]), draw)


def _tissue_words(told: Told, dish: TissueReading, arm: str, i: int) -> str:
    data = told.tissue[arm].data
    name = "" if arm == INTACT else f"without {told.story.without}: "
    return f"{name}{int(data['cells_tumour'][i])} tumour cells, {int(data['events_killing_of_tumour'][i])} killed"


# --- the body


def body_scene(told: Told) -> Scene:
    """A body as a scheme with counts, and the same over years."""
    data = told.body[INTACT]
    years = data["time"].values / (DAYS_PER_YEAR * DAY)
    last = min(YEARS, float(data["end"]) / (DAYS_PER_YEAR * DAY))
    whens = np.linspace(0, last, BODY_PICTURES)

    def draw(figure: Figure, i: int) -> None:
        _head(figure, 4, f"A patient, from {PIECES:,} such pieces on", f"year {whens[i]:.1f}")
        at = int(np.abs(years - whens[i]).argmin())
        now = {
            name: float(np.nan_to_num(data[name].values[at]))
            for name in ("primary", "blood_exosomes", "ctc", "niche", "lasting", "metastatic_cells", "metastases")
        }
        _scheme(figure.add_axes((0.01, 0.03, 0.48, 0.85)), now)
        axes = figure.add_axes((0.585, 0.14, 0.4, 0.66))
        draw_body(axes, told.body, told.story.without, until=float(whens[i]) + 1e-9)
        _tidy(axes, "years", "number in the body")

    return Scene(BODY_PICTURES, draw)


def _size(number: float) -> float:
    """Radius of a disc that stands for a number: its cube root, as of a ball of so many cells, at 1e12 being 1."""
    return float(np.cbrt(number / 1e12))


def _scheme(axes: Axes, now: dict[str, float]) -> None:
    """Tumour, blood and second site, counts beside them; places and shapes stand for nothing."""
    axes.add_patch(Ellipse((0.5, 0.5), 0.98, 0.98, fc="#FBF6F1", ec="#E5D9CC", lw=1))
    axes.add_patch(
        Circle((0.28, 0.72), 0.02 + 0.16 * _size(now["primary"]), fc=COLOURS[4], ec="none", alpha=0.85, zorder=3)
    )
    site = Circle((0.72, 0.28), 0.12, fc="#EBDCF0", ec="#7A3E91", lw=0.8, alpha=0.25 + 0.75 * now["niche"], zorder=2)
    axes.add_patch(site)
    if now["lasting"] >= 1:
        axes.add_patch(
            Circle(
                (0.72, 0.28),
                0.012 + 0.16 * _size(now["metastatic_cells"]),
                fc=COLOURS[5],
                ec="none",
                alpha=0.9,
                zorder=3,
            )
        )
    _blood(axes, now)
    for x, y, text, colour in (
        (0.28, 0.93, f"tumour: {now['primary']:.2g} cells", COLOURS[4]), (0.80, 0.60, f"blood: {now['blood_exosomes']:.2g} exosomes\n{now['ctc']:.2g} tumour cells", "#7A3E91"),
        (0.70, 0.09, f"second site: {now['niche']:.0%} prepared\n{now['lasting']:.0f} colonies, {now['metastases']:.0f} seen", COLOURS[5]),
    ):  # fmt: skip
        axes.text(x, y, text, fontsize=7.5, color=colour, ha="center", va="center", zorder=6)
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.set_aspect("equal")
    axes.set_axis_off()


def _blood(axes: Axes, now: dict[str, float]) -> None:
    """Dots along two vessels between tumour and site: three for each power of ten of exosomes and of tumour cells."""
    for bend in (BEND, -BEND):
        bow = FancyArrowPatch((0.3, 0.7), (0.7, 0.3), connectionstyle=f"arc3,rad={bend}", arrowstyle="-", lw=8)
        bow.set(color="#F3D5D1", zorder=1)
        axes.add_patch(bow)
    for count, colour, size, turn in (
        (now["blood_exosomes"], "#7A3E91", 2.0, 0.0),
        (now["ctc"], COLOURS[4], 4.0, 0.4),
    ):
        dots = np.arange(int(3 * np.log10(max(count, 1))))
        s = (dots * 0.618 + turn) % 1
        off = 2 * BEND * 0.4 * s * (1 - s) * np.where(dots % 2, 1, -1)
        axes.plot(0.3 + 0.4 * s + off, 0.7 - 0.4 * s + off, "o", color=colour, ms=size, mew=0, zorder=4)


# --- writing


def _write_gif(path: Path, frames: list[Picture], stays: list[int]) -> None:
    """One set of colours for all pictures, so that nothing flickers; what stays the same is not written again."""
    images = [Image.fromarray(frame) for frame in frames]
    chosen = [images[i] for i in sorted({round(i) for i in np.linspace(0, len(images) - 1, 2 * SAMPLES)})]
    sheet = Image.new("RGB", (chosen[0].width, chosen[0].height * len(chosen)))
    for number, image in enumerate(chosen):
        sheet.paste(image, (0, number * image.height))
    palette = sheet.quantize(MOST_COLOURS, method=Image.Quantize.MEDIANCUT)
    packed = [image.quantize(palette=palette, dither=Image.Dither.NONE) for image in images]
    packed[0].save(path, save_all=True, append_images=packed[1:], duration=stays, loop=0, optimize=False)


def _write_mp4(path: Path, frames: list[Picture], stays: list[int]) -> None:
    """Pictures that stay are sent again; what ffmpeg complains about is passed on."""
    high, wide = frames[0].shape[:2]
    command = [
        "ffmpeg", "-y", "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{wide}x{high}",
        "-r", f"{1000 / PAUSE:g}", "-i", "-", "-pix_fmt", "yuv420p", str(path),
    ]  # fmt: skip
    sent = b"".join(frame.tobytes() * round(stay / PAUSE) for frame, stay in zip(frames, stays, strict=True))
    done = subprocess.run(command, input=sent, capture_output=True, check=False)
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip()
        raise refuse(DataError, said or f"ffmpeg ended with {done.returncode}", "a movie", "Write a GIF instead.")
