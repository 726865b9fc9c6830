"""A real headless Chromium before a real `exude app`. Without Chromium these tests skip; `.ci/run` installs it.

Fixtures for a test of any view:

    page            a page of a fresh context, without motion. It fails the test on an error in the console, on a script
                    that breaks, and on any request that is not for loopback. `page.expected_errors` is a list of texts
                    that an error in the console may contain in a test that provokes it.
    new_page        new_page(width=1400, height=900, motion=False) makes more of them, each of its own context
    address         the address of the page, e.g. "http://127.0.0.1:39999"; one server for the tests of a worker
    folder          the working folder of that server: runs lying there can be replayed
    own_server      own_server(code, *arguments) starts another one after running `code` in it, `exude app` being given
                    the arguments as well: has .address and .stop()

and functions of `browser.hands`:

    ready(page)     wait until a view stands: data-ready on the body, and in the cell view all three answers
    axe(page)       axe-core's faults that are serious or critical, as readable lines; [] is what a test wants
    taken(page, link)    what a download link gives: its name and its bytes
    shot(page, name)     compare with tests/browser/shots/NAME.png, blurred; EXUDE_NEW_SHOTS=1 writes the pictures anew
    until(true, what)    wait for something; tell(request.config, words) says a measured figure
"""

from __future__ import annotations

import importlib.metadata
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from browser.hands import tell

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
LOOPBACK = ("127.0.0.1", "localhost", "::1")
STARTS_WITHIN = 60.0
"""Seconds; a first start on a machine may compile."""
START = "import sys; from exude.cli.main import main; sys.exit(main(sys.argv[1:]))"


def chromium() -> str | None:
    """Where the browser is, if there is one."""
    return next(filter(None, map(shutil.which, CHROMIUMS)), None)


@dataclass
class Server:
    """A running `exude app`."""

    process: subprocess.Popen[str]
    address: str
    folder: Path
    log: Path

    def stop(self) -> float:
        """End it as Ctrl-C does; returns the seconds that took."""
        begun = time.monotonic()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(20)
        return time.monotonic() - begun


def serve(folder: Path, code: str = "", *arguments: str) -> Server:
    """Start `exude app` on a free port with more arguments, after `code` in the same process."""
    log = folder / "server.log"
    given = ["--no-browser", "--port", "0", "--folder", str(folder), *arguments]
    with log.open("w") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{code}\n{START}", "app", *given],
            stdout=subprocess.PIPE, stderr=said, text=True, env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )  # fmt: skip
    line = process.stdout.readline() if process.stdout else ""
    if "http://" not in line:
        process.kill()
        raise AssertionError(f"exude app did not start: {line}{log.read_text()}")
    return Server(process, line.split(" at ")[1].split("/ ")[0], folder, log)


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    started = serve(tmp_path_factory.mktemp("page"))
    yield started
    started.stop()
    assert "Traceback" not in started.log.read_text(), started.log.read_text()


@pytest.fixture(scope="session")
def address(server: Server) -> str:
    return server.address


@pytest.fixture(scope="session")
def folder(server: Server) -> Path:
    return server.folder


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(code: str = "", *arguments: str) -> Server:
        started.append(serve(tmp_path, code, *arguments))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture(scope="session")
def browser(request: pytest.FixtureRequest):
    found = chromium()
    if found is None:
        pytest.skip("no Chromium found. Install it: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=found, args=arguments)
        versions = f"Chromium {started.version}, Playwright {importlib.metadata.version('playwright')}"
        tell(request.config, versions)  # Debian moves the one under the other
        yield started
        started.close()


@pytest.fixture
def new_page(browser):
    """new_page(width, height, motion) -> a page of a context of its own, watched as the fixture `page` says."""
    contexts, watched = [], []

    def make(width: int = 1400, height: int = 900, motion: bool = False):
        context = browser.new_context(
            viewport={"width": width, "height": height},
            reduced_motion="no-preference" if motion else "reduce",
            accept_downloads=True,
        )
        context.grant_permissions(["clipboard-read", "clipboard-write"])
        contexts.append(context)
        made = context.new_page()
        made.set_default_timeout(15_000)
        made.foreign, made.wrong, made.expected_errors = [], [], []
        context.route(lambda url: urlsplit(url).hostname not in LOOPBACK, lambda route: _refuse(made, route))
        made.on("console", lambda message: message.type == "error" and made.wrong.append(message.text))
        made.on("pageerror", lambda problem: made.wrong.append(str(problem)))
        watched.append(made)
        return made

    yield make
    for context in contexts:
        context.close()
    for made in watched:
        assert not made.foreign, f"asked for something that is not on this machine: {made.foreign}"
        odd = [text for text in made.wrong if not any(known in text for known in made.expected_errors)]
        assert not odd, f"errors in the browser's console: {odd}"


def _refuse(page, route) -> None:
    if urlsplit(route.request.url).scheme in ("http", "https", "ws", "wss"):
        page.foreign.append(route.request.url)
        route.abort()
    else:
        route.continue_()


@pytest.fixture
def page(new_page):
    return new_page()
