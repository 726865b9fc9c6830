"""From a TOML file to checked tables; what does not fit names its file, key and fix."""

from __future__ import annotations

import tomllib
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

from pydantic import ValidationError

from exude.catalog.schema import Table
from exude.errors import CatalogError

LONGEST = 200
"""Letters of a text that an error repeats."""

T = TypeVar("T", bound=Table)


def content(file: Traversable, name: str = "") -> dict[str, Any]:
    """The keys of a TOML file; CatalogError, which calls it `name`, for one that cannot be read."""
    name = name or file.name
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except RecursionError as problem:
        raise CatalogError(f"{name}: tables or lists nested too deep. Nest them less deep.") from problem
    except (OSError, ValueError) as problem:  # ValueError: bad TOML, bad UTF-8, a whole number of thousands of digits
        said = " ".join(str(problem).split())[:LONGEST]
        raise CatalogError(f"{name}: not a readable TOML table ({said}). Mend the line it names.") from problem


def tables(file: Traversable, kind: type[T]) -> dict[str, T]:
    """A file of many tables, by key."""
    return {key: checked(body, kind, file.name, key) for key, body in content(file).items()}


def table(file: Traversable, kind: type[T]) -> T:
    """A file that is one table."""
    return checked(content(file), kind, file.name)


def checked(body: Any, kind: type[T], name: str, key: str = "") -> T:
    """A table that fits its schema; CatalogError with file, key, what was got and the fix otherwise."""
    try:
        return kind.model_validate(body)
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in ((key,) if key else ()) + first["loc"])[:LONGEST]
        fix = "Remove the key or correct its spelling." if first["type"] == "extra_forbidden" else "Mend that key."
        got = f" (got {_short(first['input'])})" if not isinstance(first["input"], dict) else ""
        said = " ".join(first["msg"].split()).rstrip(".")
        raise CatalogError(f"{name}: [{where}] {said}{got}. {fix}") from problem


def _short(value: object) -> str:
    """A value of a table for an error, cut where it would fill the screen."""
    try:
        said = repr(value)
    except (ValueError, RecursionError):
        said = f"a {type(value).__name__} too large to print"
    return said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
