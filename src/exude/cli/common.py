"""What the commands share: a parser that knows the nearest name, a progress bar, a folder that can be written."""

from __future__ import annotations

import argparse
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn, Protocol

from exude.engine.files import write_whole
from exude.errors import DataError, nearest

SECONDS_BETWEEN_LINES = 10


class Parser(argparse.ArgumentParser):
    """An argument parser whose refusals are one line, with the nearest valid word."""

    def error(self, message: str) -> NoReturn:
        """Print one line and stop with exit code 2."""
        wrong = re.search(r"invalid choice: '([^']*)'|unrecognized arguments: (\S+)", message)
        hint = ""
        if wrong:
            close = nearest(wrong[1] or wrong[2], self._words(option=wrong[2] is not None))
            hint = f"; did you mean {' or '.join(close)}?" if close else ""
        self.exit(2, f"exude: {message}{hint} `{self.prog} --help` shows examples.\n")

    def _words(self, *, option: bool) -> list[str]:
        if option:
            parsers: list[argparse.ArgumentParser] = [self]
            for action in self._actions:
                if isinstance(action, argparse._SubParsersAction):
                    parsers += action.choices.values()
            return [word for p in parsers for word in p._option_string_actions]
        return [str(word) for action in self._actions for word in action.choices or ()]


class Report(Protocol):
    """Called with what is done, what there is in all and, where it is known, what is under way."""

    def __call__(self, done: int, total: int, label: str = "") -> None:
        """Move the bar."""


@contextmanager
def progress(label: str) -> Iterator[Report]:
    """A progress bar on the error stream; a line every ten seconds where that is a file and not a terminal."""
    if not sys.stderr.isatty():
        yield _lines(label)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(label, total=None)

        def report(done: int, total: int, label: str = "") -> None:
            bar.update(task, completed=done, total=total)
            if label:
                bar.update(task, description=label)

        yield report


def _lines(title: str) -> Report:
    """A report that prints a plain line now and then."""
    last = time.monotonic()

    def report(done: int, total: int, label: str = "") -> None:
        nonlocal last
        if time.monotonic() - last >= SECONDS_BETWEEN_LINES:
            last = time.monotonic()
            print(f"{title}: {done} of {total} {label}", file=sys.stderr, flush=True)

    return report


def threads_of(number: int | None) -> int:
    """Threads asked for; 0 stands for all cores."""
    if number is not None and number < 0:
        raise DataError(f"got {number} threads; expected 0 (all cores) or more. Write --threads 2.")
    return number or 0


def writable_folder(folder: Path) -> Path:
    """The folder, made if need be; DataError where nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".exude-{os.getpid()}"
        probe.write_bytes(b"x")
        probe.unlink()
    except OSError as problem:
        raise DataError(f"{folder}: cannot be written ({problem}). Choose another folder with --out.") from problem
    return folder


def write_text(path: Path, text: str) -> Path:
    """Write a text file, whole or not at all."""
    return write_whole(path, text.encode(), "Free space or choose another folder.")
