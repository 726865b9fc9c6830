"""The few ways in which exude refuses, each saying what was got, what was expected and the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class ExudeError(Exception):
    """Base of every error exude raises on purpose."""


class CatalogError(ExudeError):
    """A table of the catalogue is broken; the text names file, key and fix."""


class UnknownName(ExudeError):
    """A gene, line, drug, assay or parameter that the catalogue does not have."""


class UnitError(ExudeError):
    """A quantity with a wrong or missing unit."""


class ProtocolError(ExudeError):
    """An experiment that cannot be done: a stimulus after the end, overlapping stimuli, a wrong mutant."""


class DataError(ExudeError):
    """A file that a user gave cannot be read as what it should be."""


class DeclarationError(ExudeError):
    """A chapter of the cascade contradicts itself; found before any run."""


class Interrupted(ExudeError):
    """A run was stopped by the user; what was done is kept and the text says how to go on."""


class Caution(UserWarning):
    """A result that can be had, but says less than it seems to."""


LONGEST = 300
"""Letters of what was got that an error repeats."""


def refuse(kind: type[ExudeError], got: object, expected: str, fix: str, near: Iterable[str] = ()) -> ExudeError:
    """Build one clear error: what was got, what was expected, the nearest valid name, the fix."""
    said = repr(got)
    shown = said if len(said) <= LONGEST else f"{said[:LONGEST]}... ({len(said)} letters)"
    text = f"got {shown}; expected {expected}"
    close = nearest(str(got), near)
    if close:
        return kind(f"{text}; did you mean {' or '.join(repr(name) for name in close)}? {fix}")
    return kind(f"{text}. {fix}")


def nearest(name: str, valid: Iterable[str]) -> list[str]:
    """The one or two valid names closest to `name`, letter case and dashes ignored."""
    plain = {_plain(v): v for v in valid}
    hits = difflib.get_close_matches(_plain(name), plain, n=2, cutoff=0.55)
    return [plain[h] for h in hits]


def _plain(name: str) -> str:
    return "".join(ch for ch in name.casefold() if ch.isalnum())
