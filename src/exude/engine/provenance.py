"""What a result says of its own making."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np
from numpy.typing import NDArray

from exude.catalog import read

FORMAT = "exude-run-1"
"""Name of the layout of saved runs; it changes when old readers would misread new files."""


@cache
def versions() -> dict[str, str]:
    """Versions of what computes a result, tables of one's own among them by the hash of their content."""
    found = {"python": platform.python_version()}
    for package in ("exude", "numpy", "numba", "scipy", "xarray"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "unknown"
    return found | own_tables()


def own_tables() -> dict[str, str]:
    """Tables of one's own that count beside the package's: file -> hash of its content."""
    return {f"own {file.name}": file.digest for file in read.own()}


def digest(*arrays: NDArray[np.float64]) -> str:
    """A short hash of numbers."""
    return hashlib.sha256(b"|".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()[:16]


def fingerprint(content: Mapping[str, Any]) -> str:
    """A short hash of what a run depends on: `content`, and every table of one's own."""
    whole = {**content, "own tables": own_tables()} if read.own() else content
    text = json.dumps(whole, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
