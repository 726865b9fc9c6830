"""`exude tissue`: an experiment in space from a file, run and kept."""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from exude.cli.common import Parser, Report, progress, threads_of, writable_folder
from exude.cli.simulate import PLOTS
from exude.errors import DataError, refuse

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from exude.engine.tissue_run import TissueRun
    from exude.experiment.tissue import Plan, Tissue

MOST_CELLS = 0.95
"""A spheroid's radius is the distance from its middle within which this share of its cells lie."""
BAND = 4.0
"""Height of the bands in which a wound's width is measured, radii of a cell."""
MEBIBYTE = 2**20
BYTES = 4
"""Of one kept number of a field."""
EPILOG = """examples:
  exude tissue examples/gelatin-dish.toml                      (writes gelatin-dish.zarr)
  exude tissue examples/spheroid.toml -o spheroid.zarr --threads 2 --vtk paraview
  exude tissue examples/wound.toml -o wound.zarr --resume      (goes on after Ctrl-C or a crash)
  exude tissue examples/wound.toml --plot wound.png --movie wound.gif
  exude tissue examples/co_culture.toml --plot killing.png --movie killing.gif
  exude tissue examples/tumour.toml --plot tumour.png --movie tumour.gif
  exude tissue mine.toml --dry-run                             (checks the file and says what would be run)

a file, every key but the file itself optional:
  line = "MDA-MB-231"                                   secretion = "vesicles"     # or "mean-field"
  what = ["knock-down UNC13D=0.1", "drug GM6001 40 uM"] # as options of `exude simulate`
  duration = "24 h"
  every = "30 min"                                      # between recorded points
  [box]
  size = ["300 um", "300 um"]                           # a third length makes it three-dimensional
  voxel = "4 um"
  [matrix]
  kind = "film"                                         # or "gel" (collagen, fibres), "plastic"
  [cells]
  arrangement = "scattered"                             # or "spheroid", "layer" (number), "wound" (width), "at" (points)
  number = 20                                           # "mixture", "among": several kinds of cells (docs/neighbours.md)
  [numbers]
  walk_speed = "30 um/h"                                # any of `exude list parameters`, with its unit
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "tissue", help="run cells in their surroundings, from a file", epilog=EPILOG,
        description="Run cells in space: what they release, what it does to the matrix, how they move.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("file", type=Path, metavar="FILE.toml", help="the experiment")
    p.add_argument("--threads", type=int, default=0, metavar="N", help="0 takes all cores (default); same result")
    p.add_argument("--dry-run", action="store_true", help="check the file and say what would be run")
    out = p.add_argument_group("what is kept")
    out.add_argument("-o", "--out", type=Path, metavar="RUN.zarr", help="folder of the run (default: FILE.zarr here)")
    out.add_argument("--resume", action="store_true", help="go on with a stopped run of the same file")
    out.add_argument("--overwrite", action="store_true", help="lose an earlier run in that folder")
    out.add_argument("--vtk", type=Path, metavar="FOLDER", help="write it for ParaView, too")
    out.add_argument("--ome-zarr", type=Path, metavar="IMAGE.zarr", help="write its fields for napari or Fiji, too")
    out.add_argument("--plot", type=Path, metavar="FILE.png", help="draw it as its assay would (png, svg, pdf)")
    out.add_argument("--movie", type=Path, metavar="FILE.gif", help="a picture for each recorded time (gif, mp4)")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Check, run, export, and say what came out."""
    out = asked.out or Path(f"{asked.file.stem}.zarr")
    threads = threads_of(asked.threads)
    _check_places(asked, out)
    from exude.experiment.tissue_file import read_tissue

    tissue = read_tissue(asked.file, threads=threads)
    if asked.dry_run:
        print(planned(tissue.plan()))
        return
    from exude.experiment.tissue_run import run_tissue

    with _timed() as bar:
        made = run_tissue(tissue, out, progress=bar, resume=asked.resume, overwrite=asked.overwrite)
    print(in_words(tissue, made))
    print(f"written: {out}")
    _export(asked, made)


def _export(asked: argparse.Namespace, made: TissueRun) -> None:
    from exude.engine.tissue_export import to_ome_zarr, to_vtk

    if asked.vtk:
        for path in to_vtk(made, asked.vtk):
            print(f"written: {path}")
    if asked.ome_zarr:
        print(f"written: {to_ome_zarr(made, asked.ome_zarr)}")
    if asked.plot:
        print(f"written: {_plot(made, asked)}")
    if asked.movie:
        from exude.show.movies import movie

        with progress("the movie") as bar:
            print(f"written: {movie(made, asked.movie, progress=bar)}")


def _plot(made: TissueRun, asked: argparse.Namespace) -> Path:
    """The figure that suits how the cells were placed, of which kinds they are and what they stand on."""
    from exude.experiment.assays.gene_transfer import RECIPIENTS
    from exude.experiment.assays.measures import reading
    from exude.experiment.tissue_file import read_tissue
    from exude.show import tissue_figures as figures
    from exude.show.style import write

    tissue = read_tissue(asked.file)
    by_cells: dict[str, Callable[..., Figure]] = {
        "spheroid": figures.spheroid_figure, "wound": figures.wound_figure, "layer": figures.transwell_figure,
    }  # fmt: skip
    draw = by_cells.get(tissue.cells.name, figures.walk_figure)
    if tissue.host:
        draw = figures.tumour_figure
    elif tissue.matrix.name == "film":
        draw = figures.gelatin_figure
    elif "t_cell" in tissue.cells.kinds:
        draw = figures.co_culture_figure
    elif set(RECIPIENTS) & set(tissue.cells.kinds):
        draw = figures.gene_transfer_figure
    return write(draw({"; ".join(_conditions(tissue)): reading(made)}), asked.plot)


def _conditions(asked: Tissue) -> list[str]:
    """What is done to the cells, in words; for other kinds than tumour cells, with the kind."""
    from exude.experiment.perturbations import say

    also = [f"{kind}: {say(what)}" for kind, each in asked.also.items() for what in each]
    return [*map(say, asked.what), *also] or ["untreated"]


def planned(plan: Plan) -> str:
    """What would be run, in a few lines; its cells are placed, so that a start that cannot be is refused."""
    from exude.units import say_seconds

    asked, setup = plan.asked, plan.setup
    cells, (nz, ny, nx) = len(plan.positions()), setup.grid.shape
    kinds, counts = dict.fromkeys(asked.cells.kinds), Counter(asked.cells.kinds_at(cells, asked.seed))
    each = f" ({', '.join(f'{counts[kind]} {kind}' for kind in kinds)})" if len(kinds) > 1 else ""
    size = plan.points * len(setup.space.fields) * nz * ny * nx * BYTES / MEBIBYTE
    lines = [
        _title(asked),
        f"  cells      {cells}{each}, {asked.cells.name}, in {asked.matrix.name}; secretion {asked.secretion}",
        f"  box        {nx} x {ny} x {nz} voxels of {setup.grid.h:g} um",
        f"  time       {say_seconds((plan.points - 1) * plan.steps_per_point * setup.dt)} in steps of "
        f"{say_seconds(setup.dt)}, {plan.points} recorded points",
        f"  on disk    at most about {size:.0f} MiB of fields, before compression",
    ]
    return "\n".join(lines)


def in_words(asked: Tissue, made: TissueRun) -> str:
    """What a run shows, in a few lines."""
    from exude.units import say_seconds

    data = made.data
    first, last = (
        {str(name): float(data[name][i]) for name in data.data_vars if data[name].ndim == 1} for i in (0, -1)
    )
    freed = last["freed_exosomes"] + last["freed_bound_exosomes"]
    whole = first["amount_collagen"] + first["amount_fragments"]
    lines = [
        _title(asked),
        f"  {say_seconds(float(data['time'][-1]))}, {made.rows} recorded points, seed {asked.seed}, "
        f"mechanism {asked.hypothesis}",
        f"  cells           {first['cell_count']:.0f} at the start, {last['cell_count']:.0f} at the end; "
        f"{last['born']:.0f} born, {last['died']:.0f} died",
        *_kinds_in_words(first, last),
        f"  MVB fusions     {last['fusions']:.0f}",
        f"  exosomes freed  {freed:.0f}",
    ]
    if whole > 0 and "amount_exosomal_mt1" in last:  # a model with proteolysis
        cut = last["amount_fragments"] - first["amount_fragments"]
        lines.append(
            f"  matrix cut      {cut / whole:.2%} of all {'gelatin' if asked.matrix.name == 'film' else 'collagen'}"
        )
    return "\n".join([*lines, *_body_in_words(asked, last), _front(asked, made)])


def _body_in_words(asked: Tissue, last: dict[str, float]) -> list[str]:
    """What came out of the blood and went into it, and what the body around holds at the end."""
    if asked.host is None:
        return []
    return [
        f"  blood           {last['came']:.0f} T cells came, {last['left']:.0f} tumour cells left; now there: "
        f"{last['body_ctc']:.0f} tumour cells, {last['body_blood_exosomes']:.3g} exosomes, {last['body_blood_t']:.0f} T cells",
        f"  second site     {last['body_sleeping']:.0f} cells asleep, {last['body_young']:.0f} small and "
        f"{last['body_lasting']:.0f} lasting colonies; prepared {last['body_niche']:.2%}",
    ]


def _kinds_in_words(first: dict[str, float], last: dict[str, float]) -> list[str]:
    """A line for each kind of cell that is or was there, and for each event that happened, where kinds are several."""
    kinds = [name for name in last if name.startswith("cells_") and first[name] + last[name]]
    events = [name for name in last if name.startswith("events_") and last[name]]
    if len(kinds) < 2:
        return []
    lines = [f"{k.removeprefix('cells_'):<13} {first[k]:.0f} at the start, {last[k]:.0f} at the end" for k in kinds]
    lines += [f"{e.removeprefix('events_').replace('_', ' ')}: {last[e]:.0f}" for e in events]
    return ["    " + line for line in lines]


def _title(asked: Tissue) -> str:
    return f"{asked.line}: {'; '.join(_conditions(asked))}"


def _front(asked: Tissue, made: TissueRun) -> str:
    """How far cells came, in the measure that suits how they were placed."""
    import numpy as np

    begin, end = (made.cells(i) for i in (0, -1))
    grid = made.about["grid"]
    middle = np.array(grid["origin"]) + grid["h"] * np.array(grid["shape"][::-1]) / 2
    if asked.cells.name == "spheroid":
        reach = [
            float(np.quantile(np.linalg.norm(c["position"].to_numpy() - middle, axis=1), MOST_CELLS))
            for c in (begin, end)
        ]
        return f"  front           {reach[0]:.0f} um from the middle at the start, {reach[1]:.0f} um at the end"
    if asked.cells.name == "wound":
        width = [gap(c["position"].to_numpy(), float(c["radius"].mean()), float(middle[0])) for c in (begin, end)]
        return f"  front           wound {width[0]:.0f} um wide at the start, {width[1]:.0f} um at the end"
    _, one, other = np.intersect1d(begin["id"].to_numpy(), end["id"].to_numpy(), return_indices=True)
    moved = np.linalg.norm(end["position"].to_numpy()[other] - begin["position"].to_numpy()[one], axis=1)
    said = f"{float(moved.mean()):.0f} um from where they stood, on average" if len(moved) else "none left of the start"
    return f"  cells moved     {said}"


def gap(position: NDArray[np.float64], radius: float, middle: float) -> float:
    """Width (um) of the cell-free strip about x = `middle`, mean over bands along y; 0 where cells meet."""
    import numpy as np

    band = np.floor(position[:, 1] / (BAND * radius))
    widths = []
    for b in np.unique(band):
        x = position[band == b, 0]
        left, right = x[x < middle], x[x >= middle]
        if len(left) and len(right):
            widths.append(max(0.0, float(right.min() - left.max()) - 2.0 * radius))
    return float(np.mean(widths)) if widths else 0.0


@contextmanager
def _timed() -> Iterator[Report]:
    """A bar of steps that also says how many are done per second."""
    with progress("steps") as bar:
        began, at_first = 0.0, -1

        def report(done: int, total: int, label: str = "") -> None:
            nonlocal began, at_first
            now = time.monotonic()
            if at_first < 0:
                began, at_first = now, done
            rate = (done - at_first) / (now - began) if now > began else 0.0
            bar(done, total, f"steps ({rate:.3g} per s)" if rate else "steps")

        yield report


def _check_places(asked: argparse.Namespace, out: Path) -> None:
    """Refuse before any computing what could not be written after it."""
    if asked.plot and asked.plot.suffix.lower() not in PLOTS:
        raise refuse(DataError, str(asked.plot), f"a name ending in {', '.join(PLOTS)}", "Write --plot tissue.png.")
    if asked.resume and asked.overwrite:
        raise DataError(
            "got --resume and --overwrite; expected one of them. --resume goes on, --overwrite starts anew."
        )
    if asked.dry_run:
        return
    if not out.absolute().parent.is_dir():
        raise DataError(f"{out}: the folder {out.parent} does not exist. Make it first: mkdir -p {out.parent}")
    if asked.vtk:
        writable_folder(asked.vtk)
    if asked.ome_zarr and asked.ome_zarr.exists():
        raise refuse(DataError, str(asked.ome_zarr), "a free place", "Give --ome-zarr another name.")
