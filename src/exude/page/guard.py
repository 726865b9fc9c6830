"""The walls of the page: who may ask, how much may be sent, and what the browser may load."""

from __future__ import annotations

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from exude.errors import DataError
from exude.page import uploads

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
EVERYWHERE = ("0.0.0.0", "::")
MOST_BODY = uploads.MOST_BYTES + 4096
TOO_MUCH = f"Too much was sent: at most {uploads.MOST_BYTES:,} bytes. Thin the recording out."
HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; style-src 'self'; script-src 'self'; "
    "connect-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-cache",
}
"""No code, style or picture from elsewhere, nobody frames the page, and what was changed is asked for anew."""


class Guard:
    """Refuses foreign hosts (a page elsewhere may point its name at loopback), foreign origins and large bodies."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self.app = app
        self.open = host in EVERYWHERE
        self.hosts = {*LOOPBACK, host}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or answer it with one sentence."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        problem = self._problem(headers, str(scope["method"]))
        if problem:
            await JSONResponse({"error": problem[1]}, problem[0])(scope, receive, send)
            return
        await self.app(scope, _limited(receive), _with_headers(send))

    def _problem(self, headers: Headers, method: str) -> tuple[int, str] | None:
        host = headers.get("host", "")
        if not self.open and _name(host) not in self.hosts:
            return 400, "This page answers only under the address it was started with."
        origin = headers.get("origin")
        if method not in ("GET", "HEAD") and origin is not None and origin.split("://")[-1] != host:
            return 403, "Another site may not start anything here."
        length = headers.get("content-length", "0")
        if not length.isdigit() or int(length) > MOST_BODY:
            return 413, TOO_MUCH
        return None


def _name(host: str) -> str:
    """A host without its port."""
    return host.rsplit(":", 1)[0] if not host.endswith("]") and ":" in host else host


def _limited(receive: Receive) -> Receive:
    """Refuses, while it comes, a body that is longer than it said or that did not say how long it is."""
    taken = 0

    async def read() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > MOST_BODY:
            raise DataError(TOO_MUCH)
        return message

    return read


def _with_headers(send: Send) -> Send:
    async def say(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        await send(message)

    return say
