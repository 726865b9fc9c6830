"""Say which tables of one's own count beside the package's."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from exude.catalog import own, read
from exude.errors import CatalogError

KEPT = ("exude.errors", "exude.units", "exude.model", "exude.cascade", "exude.catalog.package")
"""Modules whose memory does not depend on tables of one's own."""


def use_catalogue(*folders: str | Path) -> None:
    """Add the tables in these folders (or files) to the package's catalogue from now on; none: the package's alone.

    folders: whole new list; what an earlier call or the environment named no longer counts. The list is kept in the
    environment variable EXUDE_CATALOGUE, so that worker processes read the same tables, and everything the program
    had kept in memory is forgotten: call it again after an edit of a file, in a notebook too. Objects made before
    (`Numbers`, `Settings`, runs) keep the numbers they were made with.
    Raises CatalogError for the first table that does not fit; then nothing has changed.

    Example: use_catalogue("mylab")

    Valid when: nothing is running in another thread.
    """
    before = os.environ.get(own.VARIABLE, "")
    for folder in folders:
        if os.pathsep in str(Path(folder).resolve()):
            raise CatalogError(f"got {str(folder)!r}; expected a folder without {os.pathsep!r} in its path. Rename it.")
    try:
        _set(os.pathsep.join(str(Path(folder).resolve()) for folder in folders))
        check()
    except BaseException:
        _set(before)
        raise


def check() -> None:
    """Read every table that can be one's own; CatalogError for the first that does not fit."""
    for table in (read.drugs, read.lines, read.findings, read.parameters, read.references, read.mechanisms):
        table()


@contextmanager
def catalogue(*folders: str | Path) -> Iterator[None]:
    """The same for a while: these folders beside those that EXUDE_CATALOGUE names; checked, and taken back after."""
    before = os.environ.get(own.VARIABLE, "")
    try:
        if folders:
            use_catalogue(*own.folders(), *folders)
        elif before:
            check()
        yield
    finally:
        if folders:
            _set(before)


def _set(folders: str) -> None:
    """Keep the list and forget what was read.

    A cache holds only what can be worked out again, so every one that may rest on the catalogue is emptied: a list of
    them by name would be out of date with the next one.
    """
    os.environ[own.VARIABLE] = folders
    for name, module in list(sys.modules.items()):
        if name.startswith("exude."):
            for thing in list(vars(module).values()):
                clear = getattr(thing, "cache_clear", None)
                if callable(clear) and not thing.__module__.startswith(KEPT):
                    clear()
