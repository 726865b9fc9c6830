"""Tables of one's own: a drug, line, paper, gene or mechanism in one TOML file of a folder outside the package.

A file is told by its keys: `effects` is a drug, `levels` a line, `findings` a paper, `multiplies` a gene, `says` a
mechanism. Beside it, or alone, it may hold `[parameters.NAME]` and `[references.KEY]`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from exude.catalog.load import T, checked, content
from exude.catalog.schema import CellLine, Drug, Evidence, Gene, Mechanism, Parameter, Reference, Table
from exude.errors import CatalogError, nearest

VARIABLE = "EXUDE_CATALOGUE"
"""Environment variable that names the folders, so that worker processes read the same ones."""
KINDS: Mapping[str, tuple[type[Table], str, str]] = {
    "effects": (Drug, "a drug", "name"),
    "multiplies": (Gene, "a gene", "symbol"),
    "levels": (CellLine, "a line", "name"),
    "findings": (Evidence, "a paper", "source"),
    "says": (Mechanism, "a mechanism", "name"),
}
"""The key that tells a kind of file -> its table, what it is called, and the key that holds its name."""
BLANK = "FILL IN"
"""How a blank of a template begins; a file that still holds one is refused."""
LARGEST = 2**20
"""Bytes of a file that a person wrote."""
MOST_FILES = 1000
ALIKE = 0.8
"""How alike a key must be to one of `KINDS` to be taken for it misspelt: 'kind' is not 'findings'."""


@dataclass(frozen=True)
class OwnFile:
    """What one file adds."""

    name: str
    """'mylab/mydrug.toml': the folder as named and the file in it, never a whole path."""
    digest: str
    """First letters of the SHA-256 of its content."""
    replaces: bool = False
    """Whether it means to take the place of something in the package's catalogue."""
    table: Table | None = None
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    references: Mapping[str, Reference] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """'a drug', ...; 'numbers' for a file of parameters and references alone."""
        return next((what for t, what, _ in KINDS.values() if isinstance(self.table, t)), "numbers")


def folders() -> tuple[Path, ...]:
    """Folders and files that `EXUDE_CATALOGUE` names, in order."""
    return tuple(Path(part) for part in os.environ.get(VARIABLE, "").split(os.pathsep) if part.strip())


@cache
def files() -> tuple[OwnFile, ...]:
    """Every file of one's own, each checked by itself; CatalogError for one that does not fit."""
    found = [(name, path) for folder in folders() for name, path in _in(folder)]
    if len(found) > MOST_FILES:
        raise CatalogError(f"got {len(found)} files; expected at most {MOST_FILES}. Name the folder of your tables.")
    return tuple(_read(path, name) for name, path in found)


def _in(folder: Path) -> list[tuple[str, Path]]:
    """Names and paths of the tables in a folder and its sub-folders; of a file that one."""
    if folder.is_file():
        return [(folder.name, folder)]
    if not folder.is_dir():
        fix = f"Make it, then `exude new drug NAME -o {folder.name}/NAME.toml` writes a first table."
        raise CatalogError(f"got {str(folder)!r}; expected a folder (or file) with tables of your own. {fix}")
    paths = [p for p in sorted(folder.rglob("*.toml")) if not p.name.startswith(".")]
    if not paths:
        fix = f"`exude new drug NAME -o {folder.name}/NAME.toml` writes one."
        raise CatalogError(f"got {str(folder)!r}; expected a folder with .toml files, and it holds none. {fix}")
    return [((Path(folder.resolve().name) / p.relative_to(folder)).as_posix(), p) for p in paths]


def _read(path: Path, name: str) -> OwnFile:
    """One file, told by its keys."""
    if path.stat().st_size > LARGEST:
        raise CatalogError(f"{name}: {path.stat().st_size} bytes; expected a table of at most {LARGEST}.")
    body = content(path, name)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    _refuse_blanks(body, name)
    replaces = body.pop("replaces", False)
    if not isinstance(replaces, bool):
        raise CatalogError(f"{name}: [replaces] got {replaces!r}; expected true or false.")
    parameters = _many(body.pop("parameters", {}), Parameter, name, "parameters")
    references = _many(body.pop("references", {}), Reference, name, "references")
    kind = next((kind for key, (kind, _, _) in KINDS.items() if key in body), None)
    if kind is None and (body or not (parameters or references)):
        tells = ", ".join(f"{key!r} ({what})" for key, (_, what, _) in KINDS.items())
        got = f"the keys {', '.join(map(repr, body))}" if body else "no key at all"
        close = next((hit for key in body for hit in get_close_matches(key, KINDS, cutoff=ALIKE)), "")
        hint = f"; did you mean {close!r}?" if close else "."
        fix = "Mend it, or move a file that is no table of the catalogue elsewhere."
        raise CatalogError(f"{name}: got {got}; expected one of {tells}, 'parameters' or 'references'{hint} {fix}")
    return OwnFile(name, digest, replaces, checked(body, kind, name) if kind else None, parameters, references)


def _many(body: Any, kind: type[T], name: str, key: str) -> dict[str, T]:
    if not isinstance(body, dict):
        raise CatalogError(f"{name}: [{key}] got {body!r}; expected tables [{key}.NAME].")
    return {each: checked(inner, kind, name, f"{key}.{each}") for each, inner in body.items()}


def _refuse_blanks(body: Any, name: str, where: str = "") -> None:
    """A template whose blanks are not filled."""
    if isinstance(body, Mapping | list):
        for key, inner in body.items() if isinstance(body, Mapping) else enumerate(body):
            _refuse_blanks(key, name, where)
            _refuse_blanks(inner, name, f"{where}.{key}" if where else str(key))
    elif isinstance(body, str) and BLANK in body:
        raise CatalogError(f"{name}: [{where}] is still blank ({body!r}). Write what belongs there, or drop the key.")


def named(table: Table) -> str:
    """The name under which a table is found."""
    return str(next(getattr(table, key) for kind, _, key in KINDS.values() if isinstance(table, kind)))


def with_own(package: Mapping[str, T], kind: type[T], own: Iterable[OwnFile]) -> dict[str, T]:
    """The package's tables and one's own, in this order; what replaces a table takes its place.

    Raises CatalogError for a name that is taken (letter case, dashes and aliases let go), and for a replacement of
    nothing.
    """
    found = dict(package)
    for file in own:
        if isinstance(file.table, kind):
            name = named(file.table)
            aliases = getattr(file.table, "aliases", ())
            taken = _taken(found)
            hits = {taken[plain(word)] for word in (name, *aliases) if plain(word) in taken}
            may = {name} & package.keys() if file.replaces else set()
            if hits - may:
                raise _twice(file, hits, package)
            if file.replaces and not may:
                close = nearest(name, package)
                hint = f" Did you mean {close[0]!r}?" if close else " Drop `replaces`."
                raise CatalogError(f"{file.name}: replaces = true, but the catalogue has no {name!r} to replace.{hint}")
            found[name] = file.table
    return found


def _taken(tables: Mapping[str, Table]) -> dict[str, str]:
    return {plain(word): key for key, t in tables.items() for word in (key, *getattr(t, "aliases", ()))}


def _twice(file: OwnFile, hits: set[str], package: Mapping[str, Any]) -> CatalogError:
    name = sorted(hits)[0]
    whose = "the package's catalogue" if name in package else "another file of your own"
    fix = f"Give it another name, or write `replaces = true` and the name {name!r}" if name in package else "Keep one"
    return CatalogError(f"{file.name}: {name!r} is in {whose} already, by this name or alias. {fix}.")


def plain(name: str) -> str:
    """Letters and digits of a name, without case."""
    return "".join(ch for ch in str(name).casefold() if ch.isalnum())
