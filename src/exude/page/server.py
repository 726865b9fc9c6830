"""The server of the page: routes that translate a request into a call of the library, and the walls around them."""

from __future__ import annotations

import sys
import traceback
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from exude.errors import ExudeError
from exude.page import cell, cell_routes, job_routes, study_routes, tissue_routes
from exude.page.asked import asked_of
from exude.page.guard import Guard
from exude.page.jobs import OWN_FAULT, Jobs
from exude.page.uploads import Uploads

STATIC = Path(str(resources.files("exude.page") / "static"))
REFUSED, BROKEN = 422, 500


def application(folder: Path, *, host: str = "127.0.0.1", study: Path | None = None) -> Starlette:
    """The page as an ASGI application.

    folder: the only place whose runs may be replayed. host: the address it is bound to; requests that name another one
    are refused. study: the results of `exude reproduce` whose verdicts the cards begin with, where there are any.
    """
    app = Starlette(
        routes=[
            Route("/", _index),
            Mount("/static", StaticFiles(directory=STATIC)),
            *cell_routes.ROUTES, *study_routes.ROUTES, *tissue_routes.ROUTES, *job_routes.ROUTES,
        ],
        middleware=[Middleware(Guard, host=host), Middleware(GZipMiddleware, minimum_size=1000, compresslevel=1)],
        exception_handlers={ExudeError: _refused, 404: _not_found, Exception: _broken},
        lifespan=_life,
    )  # fmt: skip
    app.state.uploads, app.state.jobs, app.state.folder, app.state.study = Uploads(), Jobs(), folder, study
    return app


@asynccontextmanager
async def _life(app: Starlette) -> AsyncIterator[None]:
    yield
    app.state.jobs.close()
    app.state.uploads.close()


def warm(app: Starlette) -> None:
    """Compile (once per machine) and import while the browser still opens, so that the first visitor waits less.

    What goes wrong here is not said: it goes wrong again, with its sentence, for whoever asks.
    """
    with suppress(Exception):
        usual = asked_of({"cells": "1", "duration": "10 min"}, (), app.state.uploads)
        cell.expected(usual)
        cell.film(usual)
        app.state.jobs.warm()


async def _index(request: Request) -> Response:
    return FileResponse(STATIC / "index.html")


def _said(status: int) -> Callable[[str], JSONResponse]:
    return lambda sentence: JSONResponse({"error": " ".join(sentence.split())}, status)


async def _refused(request: Request, problem: Any) -> Response:
    return _said(REFUSED)(request.app.state.uploads.by_own_names(str(problem)))


async def _not_found(request: Request, problem: Any) -> Response:
    return _said(404)(f"There is nothing at {request.url.path[:80]}. The page itself is at /.")


async def _broken(request: Request, problem: Exception) -> Response:
    traceback.print_exception(problem, file=sys.stderr)
    return _said(BROKEN)(OWN_FAULT)
