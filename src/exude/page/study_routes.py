"""Routes of the study view."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from exude.errors import ProtocolError
from exude.page import study
from exude.page.cell_routes import FIGURES, download, named
from exude.page.study_stored import Stored, stored
from exude.page.study_work import run_statement
from exude.show.figures import draw, write


def asked_for(request: Request) -> tuple[Stored, str]:
    """The study that is shown, and the statement in a request's address."""
    shown = stored(request.app.state.study)
    return shown, study.known_statement(request.path_params["id"], shown)


def cards(request: Request) -> Response:
    """All statements as cards."""
    return JSONResponse(study.overview(stored(request.app.state.study)))


def card(request: Request) -> Response:
    """One statement with its experiment and evidence."""
    shown, statement = asked_for(request)
    return JSONResponse(study.detail(statement, shown))


def figure(request: Request) -> Response:
    """The stored figure: as the study drew it, else drawn from what it shows, else the rows as bars."""
    shown, statement = asked_for(request)
    kind = request.url.path.rsplit(".", 1)[-1]
    name, path = f"exude-{statement}.{kind}", study.own_figure(statement, shown, kind)
    if path and path.is_file():
        return FileResponse(path, media_type=FIGURES[kind], headers=named(name))
    drawn = draw(study.panel(statement, shown))
    return download(lambda to: write(drawn, to), name, FIGURES[kind])


def data(request: Request) -> Response:
    """The stored rows of a statement as CSV."""
    shown, statement = asked_for(request)
    text = study.table([row for row in shown.rows if row.id == statement])
    return Response(text, media_type="text/csv", headers=named(f"exude-{statement}.csv"))


def run(request: Request) -> Response:
    """Run a statement, quickly: a job."""
    _, statement = asked_for(request)
    return JSONResponse(request.app.state.jobs.start(run_statement, {"id": statement}).shown())


def run_file(request: Request) -> Response:
    """Figure or rows of a run that is done."""
    _, statement = asked_for(request)
    job = request.app.state.jobs.find(request.path_params["job"])
    name = request.url.path.rsplit("/", 1)[-1]
    path = job.folder / name
    if job.state != "done" or job.result.get("id") != statement or not path.is_file():
        raise ProtocolError(f"got a run that has no {name} of {statement!r}; expected one that is done. Run it again.")
    kind = FIGURES.get(path.suffix[1:], "text/csv")
    return FileResponse(path, media_type=kind, headers=named(f"exude-{statement}-quick{path.suffix}"))


ROUTES = [
    Route("/api/study", cards),
    Route("/api/study/{id}", card),
    Route("/api/study/{id}/run", run, methods=["POST"]),
    Route("/api/study/{id}/data.csv", data),
    Route("/api/study/{id}/runs/{job}/data.csv", run_file),
    *(Route(f"/api/study/{{id}}/figure.{kind}", figure) for kind in study.KINDS),
    *(Route(f"/api/study/{{id}}/runs/{{job}}/figure.{kind}", run_file) for kind in study.KINDS),
]
