"""Finished blocks of a run on disk, so that a stopped run goes on where it was."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exude.engine.files import write_whole
from exude.engine.layout import Output, Rows
from exude.errors import DataError

SUMS = "sums.npz"


class Checkpoint:
    """A folder `NAME.part` with one file per finished block; a file is whole or absent."""

    def __init__(self, folder: Path, identity: str, *, resume: bool) -> None:
        self.folder = folder
        manifest = folder / "run.json"
        if folder.exists() and resume:
            found = _identity(manifest)
            if found != identity:
                raise DataError(
                    f"{folder}: holds another run (got {found!r}; expected {identity!r}). "
                    "Give the very same command to resume, or remove the folder to start anew."
                )
        elif folder.exists():
            self.remove()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            manifest.write_text(json.dumps({"identity": identity}), encoding="utf-8")
        except OSError as problem:
            raise DataError(f"{folder}: cannot be written ({problem}). Choose another place with `-o`.") from problem

    def blocks(self) -> Iterator[tuple[int, Output, Rows, Rows]]:
        """Blocks saved so far, from the first cell on, as long as they follow each other."""
        first = 0
        while (path := self.folder / f"{first}.npz").exists():
            try:
                with np.load(path, allow_pickle=False) as held:
                    output = Output(*(held[f"output_{name}"] for name in Output._fields))
                    events = _rows(held, "events")
                    reads = _rows(held, "reads")
            except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
                path.unlink()  # half a file: run that block again
                return
            yield first, output, events, reads
            first += output.count.shape[0]

    def add(self, first: int, output: Output, events: Rows, reads: Rows) -> None:
        """Keep one finished block."""
        arrays = {f"output_{name}": getattr(output, name) for name in Output._fields}
        for kind, rows in (("events", events), ("reads", reads)):
            arrays |= {f"{kind}_{name}": getattr(rows, name) for name in Rows._fields[1:]}
        whole = io.BytesIO()
        np.savez(whole, allow_pickle=False, **arrays)
        fix = "Free space and resume; finished blocks are kept."
        write_whole(self.folder / f"{first}.npz", whole.getbuffer(), fix)

    def keep(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Keep sums so far in the place of earlier ones."""
        whole = io.BytesIO()
        np.savez(whole, allow_pickle=False, **arrays)
        write_whole(self.folder / SUMS, whole.getbuffer(), "Free space and resume; earlier sums are kept.")

    def kept(self) -> dict[str, NDArray[Any]]:
        """Sums kept so far; empty where there are none."""
        try:
            with np.load(self.folder / SUMS, allow_pickle=False) as held:
                return {name: held[name] for name in held.files}
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return {}

    def remove(self) -> None:
        """Delete the folder's own files, and the folder if nothing else is in it."""
        for path in [*self.folder.glob("*.npz"), *self.folder.glob("*.part"), self.folder / "run.json"]:
            path.unlink(missing_ok=True)
        if self.folder.exists() and not any(self.folder.iterdir()):
            self.folder.rmdir()


def _identity(manifest: Path) -> str:
    try:
        return str(json.loads(manifest.read_text(encoding="utf-8"))["identity"])
    except (OSError, ValueError, KeyError, TypeError):
        return "unknown"


def _rows(held: np.lib.npyio.NpzFile, kind: str) -> Rows:
    columns = [held[f"{kind}_{name}"] for name in Rows._fields[1:]]
    return Rows(len(columns[1]), *columns)
