"""A fuzzing driver: damaged and hostile input for a reader, and the one rule that every example must keep.

A reader gives a result that passes its sanity checks, or raises an ExudeError of one readable paragraph; it raises
nothing else, and it takes no longer than its target states. The targets stand in `fuzz_targets`.
"""

from __future__ import annotations

import faulthandler
import os
import random
import signal
import socket
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import hypothesis
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from exude.errors import ExudeError

SECONDS = float(os.environ.get("EXUDE_FUZZ_SECONDS", "150"))
"""Time for each target in the long run; four targets make ten minutes."""
ROUND = 500
"""Examples of one seed; a failure is repeated by running its round alone."""
MOST_LETTERS = 12_000
"""An error may repeat a long text that was typed, but not a file."""
MOST_LINES = 3
"""A sentence, the text it is about, and a caret."""
PATIENCE = 6
"""Wall-clock time an example may take in multiples of its limit, which is processor time."""


class Hang(BaseException):
    """An example took too long; no Exception, so that the code under test cannot swallow it."""


@dataclass
class Target:
    """A reader under fuzz: examples, what is done with one, and how long that may take (s of processor time)."""

    name: str
    examples: st.SearchStrategy[Any]
    run: Callable[[Any], None]
    """Reads an example and asserts that the result makes sense."""
    limit: float
    seen: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0


def judge(target: Target, example: Any) -> None:
    """The rule, for one example."""
    before = time.process_time()
    try:
        with _limited(target.limit), _offline():
            target.run(example)
        target.seen["accepted"] += 1
    except ExudeError as problem:
        _readable(problem)
        target.seen[type(problem).__name__] += 1
    target.slowest = max(target.slowest, time.process_time() - before)


@contextmanager
def sanity() -> Iterator[None]:
    """Around the checks of a result: what the reader let through must not be refused afterwards."""
    try:
        yield
    except ExudeError as problem:
        raise AssertionError(f"accepted, but {problem}") from problem


def _readable(problem: ExudeError) -> None:
    """One paragraph: not empty, not long, no more lines than a text with a caret needs."""
    said = str(problem)
    assert said.strip(), f"{type(problem).__name__} without a word"
    assert len(said) <= MOST_LETTERS, f"an error of {len(said)} letters: {said[:200]}"
    assert len(said.splitlines()) <= MOST_LINES and "\n\n" not in said, f"more than one paragraph: {said!r}"


@contextmanager
def _limited(limit: float) -> Iterator[None]:
    """Hang after `limit` s of processor time, or after many times that on the clock; a stuck library ends the process."""

    def stop(number: int, frame: object) -> None:
        clock = "processor" if number == signal.SIGPROF else "wall-clock"
        raise Hang(f"took more than its limit ({limit:g} s) of {clock} time")

    kept = {s: signal.signal(s, stop) for s in (signal.SIGPROF, signal.SIGALRM)}
    faulthandler.dump_traceback_later(2 * PATIENCE * limit, exit=True)
    signal.setitimer(signal.ITIMER_PROF, limit)
    signal.setitimer(signal.ITIMER_REAL, PATIENCE * limit)
    try:
        yield
    except Hang as hang:
        raise AssertionError(str(hang)) from hang
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        faulthandler.cancel_dump_traceback_later()
        for number, handler in kept.items():
            signal.signal(number, handler)


@contextmanager
def _offline() -> Iterator[None]:
    """No reader has any business with the network."""

    def refuse(*_: object) -> None:
        raise AssertionError("a reader reached for the network")

    kept = socket.socket.connect
    socket.socket.connect = refuse  # type: ignore[assignment, method-assign]
    try:
        yield
    finally:
        socket.socket.connect = kept  # type: ignore[method-assign]


def short(target: Target, examples: int, seed: int = 1, *, shrink: bool = True) -> Target:
    """A fixed number of examples from a fixed seed; a failing one is made as small as it goes, unless not asked for."""
    _round(target, seed, examples, lambda: True, shrink)
    return target


def long(target: Target, seconds: float) -> Target:
    """As many rounds as fit into a time, each of its own seed, with a running count on standard output.

    EXUDE_FUZZ_SEED repeats a run from the seed that it printed.
    """
    seed = int(os.environ.get("EXUDE_FUZZ_SEED", random.SystemRandom().randrange(10**9)))
    begin = time.monotonic()
    while time.monotonic() - begin < seconds:
        print(f"fuzz {target.name}: EXUDE_FUZZ_SEED={seed} {total(target)} examples so far", flush=True)
        _round(target, seed, ROUND, lambda: time.monotonic() - begin < seconds)
        seed += 1
    print(
        f"fuzz {target.name}: {total(target)} examples, slowest {target.slowest:.2f} s, {dict(target.seen)}", flush=True
    )
    return target


def total(target: Target) -> int:
    """Examples judged so far."""
    return sum(target.seen.values())


def _round(target: Target, seed: int, examples: int, goes_on: Callable[[], bool], shrink: bool = True) -> None:
    phases = (hypothesis.Phase.generate, *([hypothesis.Phase.shrink] if shrink else []))

    @hypothesis.seed(seed)
    @settings(
        max_examples=examples, deadline=None, derandomize=False, database=None, report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck), phases=phases,
    )  # fmt: skip
    @hypothesis.given(target.examples)
    def one(example: Any) -> None:
        if goes_on():
            judge(target, example)

    try:
        with warnings.catch_warnings():  # a large example is large on purpose
            warnings.simplefilter("ignore", HypothesisWarning)
            one()
    except BaseException:
        print(f"fuzz {target.name}: failed with EXUDE_FUZZ_SEED={seed}", flush=True)
        raise


# Damage, for any file.

HOSTILE_NUMBERS = ("nan", "inf", "-inf", "1e400", "-1e308", "1e308", "5e-324", "-0.0", "0", "-1", "1_0", "9" * 5000,
                   "0x10", "1,5", "1e-400", "--1", "1e", "+", "٣", "true")  # fmt: skip
HOSTILE_WORDS = ("", " ", "\0", "\ud7ff", "ﬁ", "µ", "\u202e", "é", "\U0001f9ea", "a" * 5000, "\t", "\r", "\x1b[31m",
                 "'", '"', "\\", "%s%n", "../../x", "{0}", "#", ";", "=", "]", "<", "&x;")  # fmt: skip
NUMBER = st.one_of(
    st.sampled_from(HOSTILE_NUMBERS), st.floats().map(repr), st.integers().map(str), st.floats(0, 10).map(repr)
)
WORD = st.one_of(st.sampled_from(HOSTILE_WORDS), st.text(max_size=8))


@st.composite
def damaged(draw: st.DrawFn, text: str, words: st.SearchStrategy[str] = WORD) -> bytes:
    """A file with up to three faults: cut, bytes flipped, lines doubled, removed or swapped, numbers and words changed."""
    for _ in range(draw(st.integers(0, 3))):
        text = draw(st.sampled_from(_DAMAGE))(draw, text, words)
    data = text.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.sampled_from((0, 0, 0, 1, 3)))):
        place = draw(st.integers(0, max(len(data) - 1, 0)))
        data = data[:place] + bytes([draw(st.integers(0, 255))]) + data[place + 1 :]
    return data


def _cut(draw: st.DrawFn, text: str, words: st.SearchStrategy[str]) -> str:
    return text[: draw(st.integers(0, len(text)))]


def _lines(draw: st.DrawFn, text: str, words: st.SearchStrategy[str]) -> str:
    lines = text.splitlines(keepends=True) or [""]
    a, b = (draw(st.integers(0, len(lines) - 1)) for _ in range(2))
    match draw(st.sampled_from(("double", "remove", "swap", "repeat", "move"))):
        case "double":
            lines.insert(b, lines[a])
        case "remove":
            del lines[min(a, b) : max(a, b) + 1]
        case "swap":
            lines[a], lines[b] = lines[b], lines[a]
        case "repeat":
            lines[a : a + 1] = [lines[a]] * draw(st.sampled_from((3, 300)))
        case "move":
            lines.insert(b, lines.pop(a))
    return "".join(lines)


def _number(draw: st.DrawFn, text: str, words: st.SearchStrategy[str]) -> str:
    """Another number in the place of one."""
    begin = _some(draw, text, lambda c: c.isdigit())
    end = begin
    while end < len(text) and text[end] in "0123456789.eE":
        end += 1
    return text[:begin] + draw(NUMBER) + text[end:]


def _word(draw: st.DrawFn, text: str, words: st.SearchStrategy[str]) -> str:
    """Another word in the place of one, or between two letters."""
    begin = _some(draw, text, str.isalpha)
    end = begin
    while draw(st.booleans()) and end < len(text) and text[end].isalpha():
        end += 1
    while end > begin and end < len(text) and text[end].isalpha():
        end += 1
    return text[:begin] + draw(words) + text[end:]


def _some(draw: st.DrawFn, text: str, fits: Callable[[str], bool]) -> int:
    """The first place of that kind at or after a random one."""
    place = draw(st.integers(0, len(text)))
    while place < len(text) and not fits(text[place]):
        place += 1
    return place


_DAMAGE = (_cut, _lines, _number, _word, _number, _word)


MATH = '<math xmlns="http://www.w3.org/1998/Math/MathML">'
SMALL = f"""<?xml version="1.0" encoding="UTF-8"?>
<sbml xmlns="http://www.sbml.org/sbml/level3/version2/core" level="3" version="2">
<model id="m" substanceUnits="umol" volumeUnits="litre" timeUnits="second" extentUnits="umol">
<listOfUnitDefinitions>
<unitDefinition id="umol"><listOfUnits><unit kind="mole" exponent="1" scale="-6" multiplier="1"/></listOfUnits></unitDefinition>
</listOfUnitDefinitions>
<listOfCompartments><compartment id="c" spatialDimensions="3" size="1" units="litre" constant="true"/></listOfCompartments>
<listOfSpecies>
<species id="Ca" compartment="c" initialConcentration="0.1" hasOnlySubstanceUnits="false" boundaryCondition="false" constant="false"/>
</listOfSpecies>
<listOfParameters><parameter id="k" value="0.01" constant="true"/></listOfParameters>
<listOfRules>
<rateRule variable="Ca">{MATH}<apply><times/><ci>k</ci><apply><minus/><cn>1</cn><ci>Ca</ci></apply></apply></math></rateRule>
</listOfRules>
</model>
</sbml>
"""
"""A good calcium model, d Ca/dt = k (1 - Ca), in uM and s."""
