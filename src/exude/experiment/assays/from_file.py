"""An assay of one's own from a Python file.

Loading it runs the file: only a file that the user names on the command line or in Python is loaded, never one that a
table of the catalogue, a saved run or the browser page names.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType

from exude.errors import DataError, refuse
from exude.experiment.assays.base import AbstractAssay

FIX = "`exude new assay NAME` writes one to begin with."


def assay_from(path: str | Path) -> type[AbstractAssay]:
    """The one assay that a Python file defines: a frozen dataclass after `AbstractAssay`. The file is run.

    Raises DataError for a file that is not there, cannot be run, or does not define exactly one whole assay.

    Example: assay_from("cd9_elisa.py")().observable(run)
    """
    path = Path(path).resolve()
    module = _module(path)
    found = [
        thing
        for thing in vars(module).values()
        if inspect.isclass(thing) and issubclass(thing, AbstractAssay) and thing.__module__ == module.__name__
    ]
    whole = [kind for kind in found if not inspect.isabstract(kind)]
    if len(whole) != 1:
        lacking = sorted(found[0].__abstractmethods__) if found and not whole else []
        lack = f", {found[0].__name__} without {', '.join(lacking)}" if lacking else ""
        got = f"{len(whole)} whole assays in {path.name}{lack}"
        raise refuse(DataError, got, "one class after AbstractAssay or AbstractCultureAssay", FIX)
    if not isinstance(getattr(whole[0], "purpose", None), int):
        fix = "Write purpose: ClassVar[int] = 9001 in it."
        raise refuse(DataError, f"{whole[0].__name__} without a purpose", "the number of its own random stream", fix)
    return whole[0]


def _module(path: Path) -> ModuleType:
    """The file as a module that nobody can import by name."""
    if not path.is_file():
        raise refuse(DataError, str(path), "a Python file with an assay", FIX)
    name = f"own_assay_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise refuse(DataError, str(path), "a file name that ends in .py", FIX)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a dataclass looks its module up
    try:
        spec.loader.exec_module(module)
    except Exception as problem:  # whatever the user's code may raise
        frames = [f for f in traceback.extract_tb(problem.__traceback__) if f.filename == str(path)]
        line = getattr(problem, "lineno", None) or (frames[-1].lineno if frames else None)
        where = f", line {line}" if line else ""
        raise DataError(f"{path}{where}: {type(problem).__name__}: {problem}. Mend that line of the file.") from problem
    return module
