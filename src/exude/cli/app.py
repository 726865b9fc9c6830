"""`exude app`: the page in the browser."""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import webbrowser
from pathlib import Path
from typing import Any

from exude.cli.common import Parser
from exude.errors import DataError, refuse

PORT = 8765
PORTS_TRIED = 20
MOST_PORT = 65535

EXAMPLES = """examples:
  exude app                         (opens http://127.0.0.1:8765)
  exude app --study results         (cards begin with the verdicts of that full study)
  exude app --folder runs           (tissues written there can be replayed)
  exude app --no-browser --port 9000
"""


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "app", help="open the page: a cell, the study and tissues to play with", epilog=EXAMPLES,
        description="Serve the page on this machine and open it in the browser. Ctrl-C ends it.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument(
        "--folder",
        type=Path,
        default=Path(),
        metavar="DIR",
        help="working folder: runs in it can be replayed (default: here)",
    )
    p.add_argument(
        "--study",
        type=Path,
        metavar="DIR",
        help="results of `exude reproduce` (default: results in the working folder, if there)",
    )
    p.add_argument("--port", type=int, metavar="N", help=f"port (default: {PORT}, or the next one that is free)")
    p.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS",
        help="address to listen on (default: this machine only). Another one lets everybody who reaches it compute here",
    )  # fmt: skip
    p.add_argument("--no-browser", action="store_true", help="do not open a browser")
    p.set_defaults(run=run)


def run(asked: argparse.Namespace) -> None:
    """Serve until Ctrl-C."""
    try:
        import uvicorn

        from exude.page.server import application, warm
    except ImportError as problem:
        raise DataError(f"the page needs {problem.name}. Install it: pip install 'exude[app]'") from problem
    if not asked.folder.is_dir():
        raise DataError(f"{asked.folder}: no such folder. Name one with --folder, or leave it out for this one.")
    study = asked.study or asked.folder / "results"
    if asked.study and not (study / "scores.json").is_file():
        raise DataError(f"{study}: holds no scores.json. Name a folder that `exude reproduce --out` wrote.")
    ours = listen(asked.host, asked.port)
    address = f"http://{asked.host}:{ours.getsockname()[1]}/"
    print(f"exude: the page is at {address} (Ctrl-C ends it)", flush=True)
    if asked.host not in ("127.0.0.1", "localhost", "::1"):
        print("exude: everybody who can reach that address can compute on this machine.", file=sys.stderr)
    if not asked.no_browser:
        threading.Timer(0.5, webbrowser.open, (address,)).start()
    app = application(asked.folder.resolve(), host=asked.host, study=study if study.is_dir() else None)
    threading.Thread(target=warm, args=(app,), daemon=True).start()
    serve(uvicorn, app, ours)
    print("exude: the page is closed.")


def serve(uvicorn: Any, app: Any, ours: socket.socket) -> None:
    """Answer requests until Ctrl-C."""
    config = uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1, server_header=False)
    try:
        uvicorn.Server(config).run(sockets=[ours])
    except KeyboardInterrupt:  # how a person ends a server is no failure
        return


def listen(host: str, port: int | None) -> socket.socket:
    """A listening socket at the port asked for, or the first free one from the usual on; DataError where none is."""
    if port is not None and not 0 <= port <= MOST_PORT:
        raise refuse(DataError, port, f"a port from 0 (any) to {MOST_PORT}", f"Write --port {PORT}.")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    for candidate in range(PORT, PORT + PORTS_TRIED) if port is None else (port,):
        ours = socket.socket(family)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            ours.bind((host, candidate))
            ours.listen()
            return ours
        except OSError as problem:
            ours.close()
            last = problem
    where = f"port {port}" if port is not None else f"ports {PORT} to {PORT + PORTS_TRIED - 1}"
    raise DataError(f"{host}: cannot listen on {where} ({last}). Name another one: --port 9000") from last
