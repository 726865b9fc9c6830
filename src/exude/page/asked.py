"""What an address asks for: the one typed reader of a query, shared by every route, and the same sentence as code."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.errors import ProtocolError, refuse
from exude.experiment import parse
from exude.experiment.perturbations import CalciumModel, CalciumTrace, External, Permeabilised, Perturbation, Stimulus
from exude.page.uploads import Uploads
from exude.units import seconds

KEYS = ("line", "do", "duration", "cells", "seed", "hypothesis")
"""What an experiment's address may say; anything else in it belongs to the page (which view, which time)."""

MOST_CELLS = 2000
"""Of one request: about two seconds of one core."""
MOST_SEED = 2**31 - 1
LONGEST_HOURS = 48.0
MOST_SENTENCES = 40
SECONDS_PER_HOUR = 3600.0
FROM_FILES = {"calcium-trace": CalciumTrace, "calcium-sbml": CalciumModel}
TREATED_FIRST = (Stimulus, External, Permeabilised, CalciumTrace, CalciumModel)
"""What a control shares with the experiment: the stimulus, not what was done to the cell's proteins."""


@dataclass(frozen=True)
class Asked:
    """One experiment on single cells as an address says it."""

    line: str
    sentences: tuple[str, ...]
    what: tuple[Perturbation, ...]
    duration: str
    cells: int
    seed: int
    hypothesis: str
    named: tuple[tuple[str, str], ...] = ()
    """Uploaded files: where each lies here, and what its owner calls it."""

    @property
    def control(self) -> tuple[str, tuple[Perturbation, ...]]:
        """Name and perturbations of the cell to compare with: the same stimulus and nothing else, else untreated."""
        shared = tuple(w for w in self.what if isinstance(w, TREATED_FIRST))
        if shared and len(shared) < len(self.what):
            return "same stimulus, nothing else done", shared
        return "untreated", ()

    def as_python(self) -> str:
        """The experiment as code to copy."""
        rows = [f'"{self.line}",', *(f"exude.{what!r}," for what in self.what)]
        rows += [f"duration={self.duration!r},", f"cells={self.cells},", f"seed={self.seed},"]
        if self.hypothesis != DEFAULT_HYPOTHESIS:
            rows.append(f"settings=exude.Settings(hypothesis={self.hypothesis!r}),")
        inside = "".join(f"    {row}\n" for row in rows)
        code = f"import exude\n\nrun = exude.simulate(\n{inside})\nprint(run.exosomes.mean('cell'))\n"
        return self._by_own_names(code).replace("=Fura2(", "=exude.Fura2(").replace("=SingleW", "=exude.SingleW")

    def as_command(self) -> str:
        """The experiment as a command to copy."""
        words = ["exude", "simulate", self.line]
        for text in self.sentences:
            kind, _, rest = text.partition(" ")
            words += [f"--{kind}", rest.strip()]
        words += ["--duration", self.duration, "--cells", str(self.cells), "--seed", str(self.seed)]
        if self.hypothesis != DEFAULT_HYPOTHESIS:
            words += ["--hypothesis", self.hypothesis]
        return self._by_own_names(shlex.join([*words, "-o", "run.nc", "--plot", "run.png"]))

    def _by_own_names(self, text: str) -> str:
        for here, name in self.named:
            text = text.replace(here, name)
        return text


def asked_of(query: Mapping[str, str], sentences: Iterable[str], uploads: Uploads) -> Asked:
    """Read an address; ProtocolError, UnknownName or UnitError in one sentence for what cannot be done."""
    given = [text.strip() for text in sentences if text.strip()]
    if len(given) > MOST_SENTENCES:
        raise ProtocolError(
            f"got {len(given)} things to do to the cell; expected at most {MOST_SENTENCES}. Leave some out."
        )
    found = [_one(text, uploads) for text in given]
    duration = " ".join(query.get("duration", "2 h").split())
    hours = seconds(duration, what="duration") / SECONDS_PER_HOUR
    if hours > LONGEST_HOURS:
        fix = "Run it with `exude simulate`, which has no such limit."
        raise ProtocolError(f"got a duration of {duration}; expected at most {LONGEST_HOURS:g} h on this page. {fix}")
    return Asked(
        line=read.line(query.get("line", "MDA-MB-231")).name,
        sentences=tuple(text for text, _, _ in found),
        what=tuple(what for _, what, _ in found),
        duration=duration,
        cells=whole(query, "cells", 100, 1, MOST_CELLS),
        seed=whole(query, "seed", 1, 0, MOST_SEED),
        hypothesis=query.get("hypothesis", DEFAULT_HYPOTHESIS),
        named=tuple(name for _, _, names in found for name in names),
    )


def _one(text: str, uploads: Uploads) -> tuple[str, Perturbation, tuple[tuple[str, str], ...]]:
    """One sentence: as the library reads it, what it means, and the name of its file where it has one.

    A sentence may name a file only by the id of an upload: an address must never open what lies on this machine.
    """
    kind, _, rest = text.partition(" ")
    if kind not in FROM_FILES:
        return text, parse.perturbation(text), ()
    if kind == "calcium-sbml":
        raise ProtocolError("an SBML model cannot be run from this page. Use `exude simulate --calcium-sbml FILE`.")
    key, _, words = " ".join(rest.split()).partition(" ")
    kept = uploads.find(key)
    if words and not re.match(r"\w+=", words):  # it would be read as part of the file's name
        raise refuse(ProtocolError, words[:60], "NAME=VALUE after the trace", "Write for example gaps=line.")
    sentence = f"{kind} {kept.path} {words}".strip()
    return sentence, parse.perturbation(sentence), ((str(kept.path), kept.name),)


def whole(query: Mapping[str, str], name: str, usual: int, low: int, high: int) -> int:
    """A whole number of an address within bounds; ProtocolError otherwise."""
    text = query.get(name, str(usual))
    if not text.isascii() or not text.isdigit() or not low <= int(text[:20]) <= high:
        raise refuse(
            ProtocolError,
            text[:40],
            f"{name}: a whole number from {low} to {high}",
            f"Write for example {name}={usual}.",
        )
    return int(text)
