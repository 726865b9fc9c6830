"""Packages that only exports need, loaded when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from exude.errors import ExudeError, refuse

PIP = "pip install 'exude[sbml]'"
NAMES = {"libsbml": "python-libsbml", "antimony": "antimony"}
"""Module -> name of its package."""


def load(module: str) -> Any:
    """A package of the `sbml` extra; ExudeError with the pip command where it is not installed."""
    try:
        return import_module(module)
    except ImportError as problem:
        package = NAMES[module]
        raise refuse(
            ExudeError, f"no package {package}", "the packages of the extra 'sbml'", f"Install them: {PIP}"
        ) from problem
