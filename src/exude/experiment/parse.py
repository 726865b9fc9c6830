"""The same sentences as text, for command line, evidence files and links: 'knock-down UNC13D=0.1'."""

from __future__ import annotations

import re
from pathlib import Path

from exude.errors import ProtocolError, nearest, refuse
from exude.experiment.fluorescence import dye_of
from exude.experiment.perturbations import (
    CalciumModel,
    CalciumTrace,
    DominantNegative,
    Drug,
    External,
    KnockDown,
    KnockOut,
    Overexpress,
    Permeabilised,
    Perturbation,
    Rescue,
    Stimulus,
)  # fmt: skip

KINDS = {
    "knock-down": "GENE=SHARE, e.g. UNC13D=0.2",
    "knock-out": "GENE",
    "overexpress": "GENE=FOLD, e.g. UNC13D=2",
    "dominant-negative": "GENE",
    "rescue": "GENE [MUTANT], e.g. UNC13D C2A*",
    "drug": "NAME DOSE [at TIME] [until TIME], e.g. 'BAPTA-AM 10 uM'",
    "stimulus": "NAME DOSE [at TIME] [until TIME], e.g. 'ionomycin 5 uM at 5 min'",
    "external": "calcium=CONCENTRATION, e.g. 'calcium=0 mM'",
    "permeabilised": "calcium=CONCENTRATION [cytosol=SHARE]",
    "calcium-trace": "FILE.csv [dye=NAME NAME=VALUE ...] [gaps=line] [outside=clip]",
    "calcium-sbml": "FILE[:SPECIES] [unit=uM] [time_unit=s] [settle=TIME]",
}
"""Each kind with its form."""


def perturbation(text: str) -> Perturbation:
    """Read one sentence such as 'stimulus ionomycin 5 uM at 0 min'."""
    kind, _, rest = text.strip().partition(" ")
    if kind not in KINDS:
        raise refuse(
            ProtocolError,
            kind,
            f"one of {', '.join(KINDS)}",
            f"Write for example 'knock-down {KINDS['knock-down'][-10:]}'.",
            KINDS,
        )
    return of_kind(kind, rest.strip())


def of_kind(kind: str, rest: str) -> Perturbation:
    """Read the rest of a sentence of a known kind."""
    match kind:
        case "knock-down":
            gene, share = _pair(kind, rest)
            return KnockDown(gene, to=share)
        case "overexpress":
            gene, fold = _pair(kind, rest)
            return Overexpress(gene, fold=fold)
        case "knock-out":
            return KnockOut(rest)
        case "dominant-negative":
            return DominantNegative(rest)
        case "rescue":
            gene, _, mutant = rest.partition(" ")
            return Rescue(gene, mutant=mutant.strip())
        case "drug" | "stimulus":
            body, at, until = _times(rest)
            name, dose = _name_and_dose(body)
            return (Drug if kind == "drug" else Stimulus)(name, dose, at=at, until=until)
        case "external":
            body, at, until = _times(rest)
            return External(_named(kind, body)["calcium"], at=at, until=until)
        case "permeabilised":
            body, at, until = _times(rest)
            named = _named(kind, body)
            return Permeabilised(named["calcium"], cytosol=_number(kind, named.get("cytosol", "1")), at=at, until=until)
        case "calcium-trace":
            return _trace(rest)
        case "calcium-sbml":
            return _model(rest)
    raise AssertionError(kind)


def _file_and_words(text: str) -> tuple[str, dict[str, str]]:
    """'my file.csv dye=fura2 r_min=0.3' as the file and what follows it."""
    first = re.search(r"\s+\w+=", text)
    if first is None:
        return text, {}
    found = re.findall(r"(\w+)=(.*?)(?=[\s,]+\w+=|[\s,]*$)", text[first.start() :])
    return text[: first.start()].strip(), {key: value.strip() for key, value in found}


def _trace(text: str) -> CalciumTrace:
    file, given = _file_and_words(text)
    gaps, outside, name = (
        given.pop(key, default) for key, default in (("gaps", "refuse"), ("outside", "refuse"), ("dye", ""))
    )
    if given and not name:
        fix = "Add dye=fura2 for a recording of light."
        raise refuse(ProtocolError, next(iter(given)), KINDS["calcium-trace"], fix, ("dye", "gaps", "outside"))
    return CalciumTrace(file, dye_of(name, given) if name else None, gaps, outside)


def _model(text: str) -> CalciumModel:
    file, given = _file_and_words(text)
    known = ("unit", "time_unit", "settle")
    odd = next((key for key in given if key not in known), None)
    if odd is not None:
        raise refuse(ProtocolError, odd, KINDS["calcium-sbml"], f"Write {KINDS['calcium-sbml']}.", known)
    named = re.fullmatch(r"(.+):([A-Za-z_]\w*)", file)
    if named and not Path(file).exists():
        file, given = named[1], given | {"species": named[2]}
    return CalciumModel(file, **given)


def _pair(kind: str, rest: str) -> tuple[str, float]:
    gene, _, number = rest.partition("=")
    return gene.strip(), _number(kind, number, rest)


def _number(kind: str, number: str, whole: str = "") -> float:
    try:
        return float(number)
    except ValueError as problem:
        raise refuse(ProtocolError, whole or number, KINDS[kind], f"Write {KINDS[kind]}.") from problem


def _name_and_dose(text: str) -> tuple[str, str]:
    """The dose is the last number with its unit: 'bafilomycin A1 100 nM'."""
    found = re.search(r"\s([-+]?[\d.]\S*(\s+[^\s\d]\S*)?|[-+]?(?:nan|inf)\b.*)$", text, flags=re.IGNORECASE)
    return (text[: found.start()].strip(), found.group(1)) if found else (text, "")


def _times(text: str) -> tuple[str, str, str]:
    text, _, until = _split(text, "until")
    text, _, at = _split(text, "at")
    return text, at or "0 min", until


def _split(text: str, word: str) -> tuple[str, str, str]:
    found = re.search(rf"\s{word}\s", text)
    return (text[: found.start()].strip(), word, text[found.end() :].strip()) if found else (text.strip(), "", "")


def _named(kind: str, text: str) -> dict[str, str]:
    found = dict(re.findall(r"(\w+)=(.*?)(?=\s+\w+=|$)", text))
    known = {"calcium", "cytosol"} if kind == "permeabilised" else {"calcium"}
    if "calcium" not in found or set(found) - known:
        odd = next(iter(sorted(set(found) - known)), text)
        hint = nearest(odd, known)
        raise refuse(ProtocolError, text, KINDS[kind], f"Write {KINDS[kind]}.", hint)
    return found


def sentence(what: Perturbation) -> tuple[str, str] | None:
    """A perturbation as its kind and its words ('knock-down', 'UNC13D=0.2'); None where no words say all of it."""
    match what:
        case KnockDown(gene, to):
            return "knock-down", f"{gene}={to!r}"
        case KnockOut(gene):
            return "knock-out", gene
        case Overexpress(gene, fold):
            return "overexpress", f"{gene}={fold!r}"
        case DominantNegative(gene):
            return "dominant-negative", gene
        case Rescue(gene, mutant, level) if level == 1:
            return "rescue", f"{gene} {mutant}".strip()
        case Drug(name, dose, at, until):
            kind = "stimulus" if isinstance(what, Stimulus) else "drug"
            return kind, _timed(f"{name} {dose}", at, until)
        case External(calcium, at, until):
            return "external", _timed(f"calcium={calcium}", at, until)
        case Permeabilised(calcium, cytosol, at, until):
            return "permeabilised", _timed(f"calcium={calcium} cytosol={cytosol!r}", at, until)
        case CalciumTrace(file, None, gaps, outside, None):
            ways = "".join(f" {k}={v}" for k, v in (("gaps", gaps), ("outside", outside)) if v != "refuse")
            return "calcium-trace", file + ways
        case CalciumModel(file, species, unit, time_unit, settle):
            named = (("unit", unit), ("time_unit", time_unit), ("settle", settle))
            return "calcium-sbml", file + (f":{species}" if species else "") + "".join(
                f" {k}={v}" for k, v in named if v
            )
    return None


def _timed(words: str, at: str, until: str) -> str:
    return f"{words} at {at}" + (f" until {until}" if until else "")
