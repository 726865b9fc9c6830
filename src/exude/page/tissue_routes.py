"""Routes of the tissue view."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exude.engine.netcdf import write_groups
from exude.errors import ProtocolError
from exude.page import tissue, tissue_frames, tissue_readings, tissue_work
from exude.page.asked import whole
from exude.page.cell_routes import FIGURES, download, named
from exude.page.tissue_frames import Side
from exude.show.movies import movie
from exude.show.style import write

MOST_PICTURES = 61
"""Recorded times of a run whose movie the page still makes."""
MOST_BYTES = 2**28
"""Of fields in one NetCDF file."""


def bench(request: Request) -> Response:
    """The examples, and what can be changed in each."""
    return JSONResponse(tissue.bench())


def planned(request: Request) -> Response:
    """A dish before it is run: what it should take, where its cells stand, and the same as code."""
    asked = tissue.asked_dish(request.query_params)
    return JSONResponse(
        {"estimate": asked.estimate, "python": asked.as_python(), "command": asked.as_command(),
         "sides": tissue.planned(asked)}
    )  # fmt: skip


def begin(request: Request) -> Response:
    """Start a job that runs the dish of the address."""
    query = request.url.query
    tissue.asked_dish(request.query_params)  # refused here, not in the job, where it can be
    return JSONResponse(request.app.state.jobs.start(tissue_work.run, {"query": query}).shown())


def runs(request: Request) -> Response:
    """The runs of the working folder that can be replayed."""
    return JSONResponse({"runs": tissue_frames.described(request.app.state.folder)})


def sides_in(request: Request) -> list[Side]:
    """The runs an address names: what a job has written, or one or two of the working folder."""
    query = request.query_params
    if "job" in query:
        return tissue_frames.of_job(request.app.state.jobs.find(query["job"]).folder)
    names = query.getlist("run")
    if not names:
        raise ProtocolError("got no run; expected job=ID, or run=NAME of the working folder. Press Run first.")
    return tissue_frames.of_folder(request.app.state.folder, names)


def side_in(request: Request) -> Side:
    """The one side that an address names; the left where it names none."""
    letter = request.query_params.get("side", tissue.LETTERS[0])
    found = next((side for side in sides_in(request) if side.letter == letter), None)
    if found is None:
        raise ProtocolError(f"got side {letter[:10]!r}; expected one that has been run. Press Run, or wait a moment.")
    return found


def shown(request: Request) -> Response:
    """What is known of the runs but for their frames, and their courses; `brief` leaves the assays out."""
    brief = "brief" in request.query_params
    sides = sides_in(request)
    labels = tissue_frames.labels_of(sides, by_name="run" in request.query_params)
    heads = [
        tissue_frames.head_of(side)
        | {
            "label": label,
            "assay": tissue_readings.assay_of(side),
            "courses": tissue_readings.courses_of(side, brief=brief),
        }
        for side, label in zip(sides, labels, strict=True)
    ]
    return JSONResponse({"sides": heads})


def frames(request: Request) -> Response:
    """A field of one side at all times, as bytes."""
    query = request.query_params
    depth = whole(query, "z", 0, 0, 2**20) if "z" in query else -1
    way, field = query.get("way", "slice"), query.get("field", "")
    data = tissue_frames.frames_of(side_in(request), field, way=way, depth=depth, first="first" in query)
    return Response(data, media_type=tissue_frames.BINARY)


def cells(request: Request) -> Response:
    """The cells of one side at all times, as bytes."""
    return Response(tissue_frames.cells_of(side_in(request)), media_type=tissue_frames.BINARY)


def figure(request: Request) -> Response:
    """The figure of the runs, as the library draws it."""
    kind = request.url.path.rsplit(".", 1)[-1]
    drawn = tissue_readings.figure_of(sides_in(request))
    return download(lambda path: write(drawn, path), f"exude-tissue.{kind}", FIGURES[kind])


def data_csv(request: Request) -> Response:
    """All numbers over time of both sides as CSV."""
    text = tissue_frames.table_of(sides_in(request))
    return Response(text, media_type="text/csv", headers=named("exude-tissue.csv"))


def data_nc(request: Request) -> Response:
    """Both runs as NetCDF: series and fields, and the cells of all times as tables."""
    groups = tissue_frames.groups_of(sides_in(request), MOST_BYTES)
    return download(lambda path: write_groups(path, groups), "exude-tissue.nc", "application/x-netcdf")


def film(request: Request) -> Response:
    """The movie of one side as GIF."""
    side = side_in(request)
    if side.run.rows > MOST_PICTURES:
        fix = "Make it with `exude tissue FILE.toml --resume --movie tissue.gif`."
        raise ProtocolError(
            f"got {side.run.rows} recorded times; expected at most {MOST_PICTURES} for a movie here. {fix}"
        )
    return download(lambda path: movie(side.run, path), f"exude-tissue-{side.letter}.gif", "image/gif")


def file(request: Request) -> Response:
    """One side as the file that `exude tissue` runs."""
    asked = tissue.asked_dish(request.query_params)
    side = min(whole(request.query_params, "of", 0, 0, 1), len(asked.held) - 1)
    return Response(asked.text(side), media_type="application/toml", headers=named(asked.file(side)))


ROUTES: list[Route] = [
    Route("/api/tissue/bench", bench),
    Route("/api/tissue/planned", planned),
    Route("/api/tissue/run", begin, methods=["POST"]),
    Route("/api/tissue/runs", runs),
    Route("/api/tissue/shown", shown),
    Route("/api/tissue/frames", frames),
    Route("/api/tissue/cells", cells),
    *(Route(f"/api/tissue/figure.{kind}", figure) for kind in FIGURES),
    Route("/api/tissue/data.csv", data_csv),
    Route("/api/tissue/data.nc", data_nc),
    Route("/api/tissue/movie.gif", film),
    Route("/api/tissue/file.toml", file),
]
