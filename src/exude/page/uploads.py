"""Files that visitors hand in: small, kept for a while under ids nobody can guess, read as numbers only."""

from __future__ import annotations

import re
import secrets
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from exude.errors import DataError, ProtocolError

MOST_BYTES = 2 * 2**20
MOST_FILES = 500
KEPT_SECONDS = 3600.0
ID = re.compile(r"upload-[0-9a-f]{24}")


@dataclass(frozen=True)
class Upload:
    """One file of a visitor: where it lies, what its owner calls it, when it came."""

    path: Path
    name: str
    came: float


class Uploads:
    """Uploaded files of all visitors; the id is the only key, and it expires an hour after its last use."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="exude-page-")
        self._kept: dict[str, Upload] = {}
        self._lock = threading.Lock()
        self._clock = clock

    def add(self, data: bytes, name: str) -> str:
        """Keep a file; returns its id. DataError where it is no text, empty or too large."""
        if len(data) > MOST_BYTES:
            raise DataError(
                f"{plain(name)}: got {len(data):,} bytes; expected at most {MOST_BYTES:,}. Thin the recording out."
            )
        if b"\0" in data or not data.strip():
            raise DataError(
                f"{plain(name)}: got {'no text' if data else 'an empty file'}; expected a CSV file with a header."
            )
        key = f"upload-{secrets.token_hex(12)}"
        path = Path(self._folder.name) / f"{key}.csv"
        path.write_bytes(data)
        with self._lock:
            self._drop_old()
            self._kept[key] = Upload(path, plain(name), self._clock())
        return key

    def find(self, key: str) -> Upload:
        """An upload by its id; ProtocolError for anything that is none."""
        with self._lock:
            self._drop_old()
            kept = self._kept.get(key) if ID.fullmatch(key) else None
            if kept is None:
                fix = "Files are kept for an hour and never travel in a link: upload it again."
                raise ProtocolError(f"got {key[:60]!r} as a calcium trace; expected the id of an uploaded file. {fix}")
            self._kept[key] = Upload(kept.path, kept.name, self._clock())
            return kept

    def by_own_names(self, text: str) -> str:
        """A text in which every upload has the name its owner gave it, not the place where it lies here."""
        for kept in list(self._kept.values()):
            text = text.replace(str(kept.path), kept.name)
        return text

    def close(self) -> None:
        """Forget all files."""
        self._folder.cleanup()

    def _drop_old(self) -> None:
        now = self._clock()
        old = [key for key, kept in self._kept.items() if now - kept.came > KEPT_SECONDS]
        surplus = sorted(self._kept, key=lambda key: self._kept[key].came)[: max(0, len(self._kept) - MOST_FILES)]
        for key in {*old, *surplus}:
            self._kept.pop(key).path.unlink(missing_ok=True)


def plain(name: str) -> str:
    """A file's own name without folders, or anything that is no letter, digit, dot, dash or underscore."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return re.sub(r"[^\w.\-]", "_", last, flags=re.ASCII)[:60] or "file.csv"
