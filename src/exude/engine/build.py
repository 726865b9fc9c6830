"""From leaves and loops to one compiled, cached module per declared model.

A function made from text in memory cannot be cached by Numba, and a cached caller keeps an old helper that was edited
in another file. So leaves and loops are written into one file named by the hash of its content: same content, same
file, compiled once per machine; any change is a new file.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
import tempfile
import threading
from functools import cache
from importlib import resources
from pathlib import Path
from types import ModuleType

import numba

from exude.derive import flows, leaves
from exude.derive.bonds import Pair
from exude.derive.compartments import Compartments
from exude.derive.space import Space
from exude.derive.symbols import Symbols
from exude.engine.files import write_whole

_LOADING = threading.Lock()

BESIDE = {
    "meanfield": ("flows", "traces"),
    "vesicles": ("rows",),
    "division": ("rows",),
    "lives": ("steps",),
    "agents": ("sphere", "neighbours"),
    "walk": ("sphere",),
    "tissue": ("places",),
    "points": ("sums",),
    "supply": ("sums",),
    "compartments": ("numbers",),
}
"""Files a loop is built with, beside what all have in common."""


@cache
def module(symbols: Symbols, loop: str) -> ModuleType:
    """The compiled module of `loop` ('vesicles' or 'meanfield') for one declared model."""
    return _load(_text(_derived(symbols, loop), loop), loop)


@cache
def plain(loop: str) -> ModuleType:
    """The compiled module of a loop that reads no model."""
    return _load(_text("", loop), loop)


@cache
def tissue(space: Space) -> ModuleType:
    """The compiled loops of one declared tissue."""
    return _load(_text(space.source(), "tissue"), "tissue")


@cache
def bond(pair: Pair) -> ModuleType:
    """The compiled loop of one declared bond."""
    return _load(_text(pair.source(), "bonds"), "bonds")


@cache
def body(known: Compartments) -> ModuleType:
    """The compiled loops of one declared body of compartments."""
    return _load(_text(known.source(), "compartments"), "compartments")


@cache
def leaf_text(symbols: Symbols) -> str:
    """The leaves of one declared model as source text."""
    return leaves.source(symbols)


def cache_folder() -> Path:
    """Where compiled models are kept: $EXUDE_CACHE, or the user's cache folder, or a temporary one."""
    chosen = os.environ.get("EXUDE_CACHE")
    folder = Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "exude"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return folder
    except OSError:
        fallback = Path(tempfile.gettempdir()) / f"exude-{os.getuid() if hasattr(os, 'getuid') else 'user'}"
        fallback.mkdir(mode=0o700, exist_ok=True)
        return fallback


def is_compiled(symbols: Symbols, loop: str) -> bool:
    """Whether this machine has compiled the loop before (then it starts in a fraction of a second)."""
    path = _path(_text(_derived(symbols, loop), loop), loop)
    return any(path.parent.glob(f"__pycache__/{path.stem}.*.nbi"))


def _derived(symbols: Symbols, loop: str) -> str:
    """What a loop calls: the leaves, and for the mean field its unrolled flows."""
    return leaf_text(symbols) + (f"\n\n{flows.source(symbols)}" if loop == "meanfield" else "")


def _text(leaf_text: str, loop: str) -> str:
    folder = resources.files("exude.engine.loops")
    names = ("common", *BESIDE.get(loop, ()), loop)
    parts = [_body((folder / f"{name}.py").read_text(encoding="utf-8")) for name in names]
    head = '"""Built by exude from a declared model; do not edit."""\n\nimport math\n\nimport numpy as np\nfrom numba import njit\n'
    return "\n\n".join([head, parts[0], leaf_text, *parts[1:]])


def _body(text: str) -> str:
    """A loop file without its imports, which the built file has once."""
    return "\n".join(line for line in text.splitlines() if not line.startswith(("import ", "from ")))


def _path(text: str, loop: str) -> Path:
    stamp = f"{numba.__version__} {sys.version_info[:2]} {text}"
    return cache_folder() / f"{loop}_{hashlib.sha256(stamp.encode()).hexdigest()[:16]}.py"


def _load(text: str, loop: str) -> ModuleType:
    """The built module, loaded once: threads that ask at the same time wait for the first (`cache` alone would not)."""
    with _LOADING:
        return _loaded(text, loop)


@cache
def _loaded(text: str, loop: str) -> ModuleType:
    path = _path(text, loop)
    if not path.exists():
        write_whole(path, text.encode(), "Set EXUDE_CACHE to a folder that can be written.")
    name = f"exude_built_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None
    built = importlib.util.module_from_spec(spec)
    sys.modules[name] = built
    spec.loader.exec_module(built)
    return built
