"""Routes of long work: how a job stands, its stream of progress, stopping it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from exude.page.jobs import Job

BETWEEN_LOOKS = 0.1
"""Seconds between two looks at a job whose stream is open."""
BETWEEN_SIGNS = 100
"""Looks after which an unchanged job is told of all the same, so that a lost reader is noticed."""


def job(request: Request) -> Response:
    """How a job stands."""
    return JSONResponse(request.app.state.jobs.find(request.path_params["id"]).shown())


def cancel(request: Request) -> Response:
    """Stop a job."""
    return JSONResponse(request.app.state.jobs.cancel(request.path_params["id"]).shown())


def events(request: Request) -> Response:
    """Server-sent events: the job whenever it has moved, until it is over."""
    found = request.app.state.jobs.find(request.path_params["id"])
    return StreamingResponse(_stream(found), media_type="text/event-stream")


async def _stream(job: Job) -> AsyncIterator[str]:
    last, looks = "", 0
    while True:
        over = job.over
        shown = json.dumps(job.shown())
        if shown != last or looks % BETWEEN_SIGNS == 0:
            yield f"data: {shown}\n\n"
            last = shown
        if over:
            return
        looks += 1
        await asyncio.sleep(BETWEEN_LOOKS)


ROUTES = [
    Route("/api/jobs/{id}", job),
    Route("/api/jobs/{id}", cancel, methods=["DELETE"]),
    Route("/api/jobs/{id}/events", events),
]
