"""Values, spreads, sources and scores in words."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any

from exude.catalog import read
from exude.catalog.schema import Number, Relation, Spread

SEEN = {
    "T": "full text", "A": "abstract", "L": "figure legend", "I": "introduction or opening", "C": "code or data",
    "S": "second-hand, in another source", "D": "derived in the notes", "Q": "qualitative only", "W": "weak source",
    "none": "no source",
}  # fmt: skip


def said(value: float) -> str:
    """A number with three figures, as a person would write it."""
    if not math.isfinite(value):
        return "–"
    if value != 0 and not 1e-3 <= abs(value) < 1e5:
        return f"{value:.3g}"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def unit(text: str) -> str:
    """A unit as printed; nothing for pure numbers."""
    return "" if text in ("", "1", "dimensionless") else micro(text)


def micro(text: str) -> str:
    """Units in a text as printed: uM, um, ug become µM, µm, µg."""
    return re.sub(r"\bu(?=(?:M|m|g|l|s)\b)", "µ", text)


def amount(number: Number) -> str:
    """Value with its unit."""
    return f"{number.value:g} {unit(number.unit)}".strip()


def spread(width: Spread) -> str:
    """How uncertain a number is, in words."""
    match width.kind:
        case "lognormal":
            return f"lognormal, sd of ln {width.sd:g}"
        case "normal":
            return f"sd {width.sd:g}"
        case "sem":
            return f"sem {width.sem:g}" + (f", n = {width.n}" if width.n else "")
        case "range":
            return f"{width.low:g} to {width.high:g}"
    return "not given"


def cite(key: str) -> str:
    """A reference as far as it was seen: author, journal, year, volume, pages, doi."""
    entry = read.references().get(key)
    if entry is None:
        return key
    volume = " ".join(p for p in (entry.get("journal", ""), entry.get("volume", "")) if p)
    pages = entry.get("pages", "").replace("--", "–")
    place = ":".join(p for p in (volume, pages) if p)
    parts = [entry.get("author", "").replace(" and ", ", "), entry.get("year", ""), place, identifier(entry)]
    return f"{key}: " + ". ".join(p for p in parts if p)


def identifier(entry: Mapping[str, str]) -> str:
    """The doi, else the PubMed number, else the address of a reference."""
    for name, label in (("doi", "doi "), ("pmid", "PMID "), ("url", ""), ("howpublished", "")):
        if entry.get(name):
            return label + entry[name]
    return ""


def sources(keys: tuple[str, ...]) -> str:
    """Sources in one phrase, each with its doi; 'none' where a number has none."""
    return "; ".join(cite(key) for key in keys) or "none"


def second_reading(key: str) -> str:
    """What a second, independent reading found; provisional where there was none."""
    found = read.readings().get(key)
    if found is None:
        return "none yet: provisional"
    verdict = "agrees" if found.agrees else "differs"
    note = found.note.removeprefix("DISAGREES: ")
    return (
        f"{verdict} ({found.value:g} {unit(found.unit)}".rstrip() + f", {found.where})" + (f": {note}" if note else "")
    )


def number_facts(number: Number, reading: str) -> tuple[tuple[str, str], ...]:
    """Everything known of the origin of one number."""
    facts = [
        ("meaning", number.meaning), ("value", amount(number)), ("spread", spread(number.spread)),
        ("status", number.status), ("source", sources(number.source)), ("place", number.place),
        ("seen", SEEN[number.seen]), ("obtained", number.obtained),
    ]  # fmt: skip
    needs_reading = bool(number.source) or reading in read.readings()
    facts.append(("second reading", second_reading(reading) if needs_reading else "nothing to check: no source"))
    return tuple((name, text) for name, text in facts if text)


def relation(claim: Relation) -> str:
    """What a finding claims, in words."""
    way = {"up": "rises", "down": "falls", "none": "stays the same"}.get(claim.direction, "")
    if claim.kind == "absence":
        return f"absent: below {claim.below:g}" if claim.below is not None else "absent"
    if claim.kind in ("direction", "relation"):
        return way or claim.kind
    if claim.low is not None and claim.high is not None:
        width = f"{claim.low:g} to {claim.high:g}"
    elif claim.low is not None:
        width = f"at least {claim.low:g}"
    else:
        width = f"at most {claim.high:g}" if claim.high is not None else ""
    value = f"{claim.value:g}" if claim.value is not None else ""
    two_sided = claim.low is not None and claim.high is not None
    number = f"{value} ({width})" if value and two_sided else width or value or way
    each = re.sub(r"^1/", "per ", unit(claim.unit))
    return f"{number} {each}".strip() + (", fold" if claim.kind == "fold" else "")


def reported(row: Mapping[str, Any]) -> str:
    """What the paper reports, from a row of scores.json."""
    claim = row.get("reported")
    if isinstance(claim, Mapping) and "kind" in claim:
        return relation(Relation.model_validate(dict(claim)))
    return _value(claim)


def is_weak(row: Mapping[str, Any]) -> bool:
    """Whether a row agrees but could hardly have failed: most random parameter sets pass it."""
    from exude.experiment.study.score import WEAK_SHARE

    return row["verdict"] == "agrees" and float(row.get("weak") or 0) >= WEAK_SHARE


def weakness(row: Mapping[str, Any]) -> str:
    """The mark of a weak row; nothing for others."""
    return f"weak: {100 * float(row['weak']):.0f} % of random parameter sets pass" if is_weak(row) else ""


def predicted(row: Mapping[str, Any]) -> str:
    """What the model predicts, with its 95 % interval, from a row of scores.json."""
    return _value(row.get("predicted"))


def _value(thing: Any) -> str:
    if isinstance(thing, Mapping):
        if "text" in thing:
            return str(thing["text"])
        value, low, high = (thing.get(name) for name in ("value", "low", "high"))
        middle = _value(value) if value is not None else ""
        width = f"({_value(low)} to {_value(high)})" if low is not None and high is not None else ""
        rest = [
            f"{k} {_value(v)}" for k, v in thing.items() if k not in ("value", "low", "high", "unit") and v is not None
        ]
        return " ".join(p for p in (middle, width, unit(str(thing.get("unit", ""))), ", ".join(rest)) if p) or "–"
    if isinstance(thing, (int, float)) and not isinstance(thing, bool):
        return said(float(thing))
    if isinstance(thing, (list, tuple)):
        return "; ".join(_value(part) for part in thing)
    return "–" if thing is None else str(thing)


def row_conditions(row: Mapping[str, Any]) -> str:
    """Conditions of a row in one phrase."""
    return micro(_value(row.get("conditions")))
