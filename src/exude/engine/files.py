"""Files that are whole or absent: a crash or a full disk never leaves half of one."""

from __future__ import annotations

import os
from pathlib import Path

from exude.errors import DataError


def write_whole(path: Path, data: bytes | memoryview, fix: str) -> Path:
    """Write beside the target, then put in its place; DataError with `fix` where the disk refuses."""
    draft = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except OSError as problem:
        draft.unlink(missing_ok=True)
        raise DataError(f"{path}: cannot be written ({problem}). {fix}") from problem
    return path
