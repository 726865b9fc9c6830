"""A word of caution where a rival mechanism is given numbers that were fitted under another one."""

from __future__ import annotations

import warnings

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.errors import Caution
from exude.experiment.protocol import Numbers

THRESHOLDS = ("half_growth", "half_prime", "half_trigger")
"""Loaded Munc13-4 at which growth, priming and fusion are half-way: what a fit under another mechanism moves most."""


def caution(hypothesis: str, numbers: Numbers) -> str:
    """A sentence where a mechanism that was fitted on its own is given the catalogue's thresholds; empty otherwise.

    Thresholds were fitted under the default mechanism. By the same calcium a rival loads fewer or more copies of
    Munc13-4, so that it meets them rarely or always: what comes out is a matter of scale and no test of the mechanism.
    The rival's own sets do not take their place unasked, for they differ in all uncertain numbers and not in these
    alone, and a run must not change numbers that nobody changed.
    """
    own_fit = (read.data() / f"fit/draws-{hypothesis}.csv").is_file()
    if not own_fit or any(numbers[name] != read.value(name) for name in THRESHOLDS):
        return ""
    return (
        f"mechanism {hypothesis!r} runs here with thresholds fitted under {DEFAULT_HYPOTHESIS!r}, so its release says nothing for or "
        f"against it. The study runs it with numbers of its own: `exude reproduce --only recruitment mutants-no-rescue`; in Python "
        f"Settings(hypothesis={hypothesis!r}, numbers=accepted({hypothesis!r})[0]), accepted from exude.experiment.study.ensemble."
    )


def cautions(hypothesis: str, numbers: Numbers, *, depth: int) -> dict[str, str]:
    """What a result keeps of it (`caution`), if there is any; warns as well.

    depth: calls from here up to the line that asked for the result, this one counted, so that the warning names it.
    """
    text = caution(hypothesis, numbers)
    if text:
        warnings.warn(text, Caution, stacklevel=depth + 1)
    return {"caution": text} if text else {}
