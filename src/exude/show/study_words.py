"""A study in words: how many rows agree, how it was made, what its figures show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from exude.experiment.panels import Bars, Curves, Distributions, Grid, Panel
from exude.show.words import is_weak, said


def counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many rows of the default mechanism agree, by role."""
    own = [row for row in rows if not row.get("hypothesis")]
    found = {"not_scored": sum(row["verdict"] == "not scored" for row in own)}
    for role in ("fit", "predicted"):
        here = [row["verdict"] for row in own if row["role"] == role and row["verdict"] != "not scored"]
        found |= {role: len(here), f"{role}_agree": here.count("agrees")}
    return found | {"weak": sum(is_weak(row) for row in own), "rivals": len(rows) - len(own)}


def sentences(made: Mapping[str, Any]) -> list[str]:
    """How the study was made, in sentences."""
    found = [
        "Every cell was simulated vesicle by vesicle: each multivesicular body (MVB) is an individual with its own "
        "growth, cargo, place and fate, driven by the calcium of its cell through Munc13-4 and Rab11."
    ]
    if "cells" in made:
        found.append(f"Each condition was simulated with {made['cells']} cells, each with its own protein levels.")
    if "draws" in made:
        found.append(
            f"Each prediction was repeated with {made['draws']} sets of parameters drawn from the spreads listed below; "
            "the intervals are 95 % over parameter sets, cells and replicates."
        )
    if "seed" in made:
        found.append(f"Random numbers come from seed {made['seed']}: the same seed gives the same study.")
    if "seconds" in made:
        found.append(f"The study took {float(made['seconds']):.0f} s.")
    if made.get("quick"):
        found.insert(0, f"This is a quick study ({made['quick']}): exude reproduce without --quick is the full one.")
    known = {"cells", "draws", "seed", "seconds", "versions", "conditions", "quick"}
    found += [f"{str(k).replace('_', ' ').capitalize()}: {v}." for k, v in made.items() if k not in known]
    return found


def condition_list(made: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Conditions by name, as the study tells them."""
    told = made.get("conditions", {})
    pairs = told.items() if isinstance(told, Mapping) else [("", text) for text in told]
    return [(str(k), "; ".join(map(str, v)) if isinstance(v, (list, tuple)) else str(v)) for k, v in pairs]


def caption(panel: Panel) -> str:
    """What is drawn how."""
    match panel:
        case Bars():
            text = "Bars: prediction, with its 95 % interval as a line."
            text += " Dots: single parameter sets." if panel.points else ""
        case Curves():
            wide = any(s.low is not None for s in panel.series)
            text = "Lines: prediction" + (", with its 95 % interval as a band." if wide else ".")
            text += " Grey shades: time windows." if panel.windows else ""
        case Distributions():
            text = "Distribution of single vesicles or events; the medians and numbers stand in the figure."
            text += " Dashed: reported values." if panel.marks else ""
        case Grid():
            text = "Thick lines: prediction, with its 95 % interval as a band; thin: single parameter sets."
            text += " Below each: how many of its numbers are known, fitted and assumed."
    if isinstance(panel, Distributions | Grid) or not panel.band:
        return text
    return text + f" Orange: {panel.band_label or 'reported range'}."


def alternative(panel: Panel) -> str:
    """The figure's numbers in words, for those who do not see it."""
    match panel:
        case Bars():
            parts = [f"{label} {said(v)} ({said(a)} to {said(b)})"
                     for label, v, a, b in zip(panel.labels, panel.values, panel.low, panel.high, strict=True)]  # fmt: skip
            return f"{panel.title}. {panel.ylabel}: {'; '.join(parts)}."
        case Curves():
            parts = [
                f"{s.label} from {said(float(s.y[0]))} to {said(float(s.y[-1]))}" for s in panel.series if len(s.y)
            ]
            return f"{panel.title}. {panel.ylabel} over {panel.xlabel}: {'; '.join(parts)}."
        case Distributions():
            parts = [f"{label}, {len(values)} values" for label, values in panel.samples]
            return f"{panel.title}. Distribution of {panel.xlabel}: {'; '.join(parts)}."
        case Grid():
            return f"{panel.title}. {' '.join(alternative(part) for part in panel.parts)}"


def summary_alt(rows: Sequence[Mapping[str, Any]]) -> str:
    """The summary figure in words."""
    n = counts(rows)
    return (
        f"All statements as small panels. {n['fit_agree']} of {n['fit']} fitted and {n['predicted_agree']} of "
        f"{n['predicted']} predicted rows agree with what was reported."
    )
