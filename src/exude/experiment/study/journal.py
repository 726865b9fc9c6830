"""Answers of finished dishes on disk, line by line, so that a stopped study goes on where it was."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from exude.errors import DataError
from exude.experiment.study.cultures import Read


class Journal:
    """A text file with one line per finished dish; its first line says which study it belongs to."""

    def __init__(self, path: Path | None, identity: str) -> None:
        self.path = path
        self.found: dict[int, Read] = {}
        if path is None:
            return
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        if lines and lines[0] == identity:
            for line in lines[1:]:
                self._take(line)
        self._write("w", identity + "\n" + "".join(_line(i, r) for i, r in self.found.items()))

    def add(self, place: int, read: Read) -> None:
        """Keep one finished dish."""
        self.found[place] = read
        self._write("a", _line(place, read))

    def close(self) -> None:
        """The study is whole: the file is no longer needed."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)

    def _take(self, line: str) -> None:
        """One line as it was; half a line, the last before a crash, is left out."""
        try:
            place, values, curves = json.loads(line)
            self.found[int(place)] = Read(values, {name: np.array(c) for name, c in curves.items()})
        except (ValueError, TypeError, AttributeError):
            return

    def _write(self, mode: str, text: str) -> None:
        if self.path is None:
            return
        try:
            with self.path.open(mode, encoding="utf-8") as handle:
                handle.write(text)
        except OSError as problem:
            raise DataError(
                f"{self.path}: cannot be written ({problem}). Free space or choose another --out."
            ) from problem


def _line(place: int, read: Read) -> str:
    curves: dict[str, Any] = {name: np.asarray(curve).tolist() for name, curve in read.curves.items()}
    return json.dumps([place, dict(read.values), curves]) + "\n"
