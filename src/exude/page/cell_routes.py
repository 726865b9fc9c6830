"""Routes of the cell view."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from exude.page import cell
from exude.page.asked import Asked, asked_of
from exude.show.run_figures import run_figure
from exude.show.style import write

FIGURES = {"svg": "image/svg+xml", "png": "image/png", "pdf": "application/pdf"}


def asked_in(request: Request) -> Asked:
    """The experiment in a request's address."""
    query = request.query_params
    return asked_of(query, query.getlist("do"), request.app.state.uploads)


def bench(request: Request) -> Response:
    """What the controls offer."""
    return JSONResponse(cell.bench())


def _json(view: Callable[[Asked], Any]) -> Callable[[Request], Response]:
    """A route that answers an address with what a view makes of it."""
    return lambda request: JSONResponse(view(asked_in(request)))


def figure(request: Request) -> Response:
    """The figure of the run, as the library draws it."""
    kind = request.url.path.rsplit(".", 1)[-1]
    drawn = run_figure(cell.cells_of(asked_in(request)))
    return download(lambda path: write(drawn, path), f"exude-cell.{kind}", FIGURES[kind])


def data_csv(request: Request) -> Response:
    """Means and spreads over cells as CSV."""
    text = cell.table(cell.cells_of(asked_in(request)))
    return Response(text, media_type="text/csv", headers=named("exude-cell.csv"))


def data_nc(request: Request) -> Response:
    """The whole run as NetCDF, as `exude.load` reads it."""
    return download(cell.cells_of(asked_in(request)).save, "exude-cell.nc", "application/x-netcdf")


def download(save: Callable[[Path], Any], name: str, kind: str) -> Response:
    """What `save` writes to a path, as a download of that name."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        save(path)
        return Response(path.read_bytes(), media_type=kind, headers=named(name))


def named(name: str) -> dict[str, str]:
    """Headers that make a browser save an answer under a name."""
    return {"content-disposition": f'attachment; filename="{name}"'}


async def upload(request: Request) -> Response:
    """Keep a calcium recording; it is parsed, as numbers, when it is first used."""
    name = unquote(request.headers.get("x-file-name", "trace.csv"))
    data = io.BytesIO()
    async for part in request.stream():
        data.write(part)
    key = await run_in_threadpool(request.app.state.uploads.add, data.getvalue(), name)
    return JSONResponse({"id": key, "name": request.app.state.uploads.find(key).name})


ROUTES = [
    Route("/api/bench", bench),
    Route("/api/cell/expected", _json(cell.expected)),
    Route("/api/cell/population", _json(cell.population)),
    Route("/api/cell/film", _json(cell.film)),
    *(Route(f"/api/cell/figure.{kind}", figure) for kind in FIGURES),
    Route("/api/cell/data.csv", data_csv),
    Route("/api/cell/data.nc", data_nc),
    Route("/api/traces", upload, methods=["POST"]),
]
