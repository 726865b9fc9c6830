"""The report of a study: one HTML file that stands alone."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from matplotlib.figure import Figure

from exude.cascade import CELL
from exude.catalog import read
from exude.errors import DataError
from exude.experiment.panels import Bars, Curves, Distributions, Grid, Panel
from exude.show.figures import draw, summary
from exude.show.style import style
from exude.show.words import (
    amount,
    identifier,
    is_weak,
    predicted,
    reported,
    row_conditions,
    said,
    second_reading,
    spread,
    weakness,
)

TEMPLATES = "templates"
PAPER = "Messenger2018"
SUMMARY = "summary"
DEFAULT = CELL.hypotheses[0].name
"""The mechanism of rows that name no other."""
NOTHING_DRAWN: Mapping[str, Path] = MappingProxyType({})


class Outcome(Protocol):
    """A study as the report reads it (`exude.experiment.study.Study`)."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Rows of scores.json."""

    @property
    def panels(self) -> dict[str, Panel]:
        """Figures as data, by statement."""

    @property
    def methods(self) -> dict[str, Any]:
        """Draws, cells, seed, versions, seconds, conditions."""


def write_report(study: Outcome, folder: Path, *, again: str = "", drawn: Mapping[str, Path] = NOTHING_DRAWN) -> Path:
    """Write report.html into the folder.

    again: the command that makes it anew. drawn: SVG files of figures that are drawn already, by statement, and of the
    summary under its name; the others are drawn.
    """
    path = Path(folder) / "report.html"
    try:
        path.write_text(render(study, again=again, drawn=drawn), encoding="utf-8")
    except OSError as problem:
        raise DataError(f"{path}: cannot be written ({problem}). Free space or choose another folder.") from problem
    return path


def render(study: Outcome, *, again: str = "", drawn: Mapping[str, Path] = NOTHING_DRAWN) -> str:
    """The report as HTML text."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    house = Environment(
        loader=PackageLoader("exude.show", TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    seed = study.methods.get("seed", 1)
    compared = rivals(study.rows)
    return house.get_template("report.html.j2").render(
        rows=[score(row, study.panels) for row in study.rows],
        count=counts(study.rows),
        methods=methods(study.methods),
        conditions=condition_list(study),
        versions=", ".join(f"{k} {v}" for k, v in dict(study.methods.get("versions", {})).items()),
        summary={
            "alt": summary_alt(study.rows),
            "data": inside(drawn.get(SUMMARY) or summary(study.panels, study.rows)),
        },
        figures=[
            {**figure(name, panel, study.rows), "data": inside(drawn.get(name) or draw(panel))}
            for name, panel in study.panels.items()
        ],
        rivals=compared,
        mechanisms=[(h.name, h.says) for h in CELL.hypotheses if h.name in compared["names"]],
        chapters=parameter_chapters(),
        limits=limits(),
        again=again or f"exude reproduce --seed {seed} --out DIR",
        references=references(study.rows),
    )


def score(row: Mapping[str, Any], panels: Mapping[str, Panel]) -> dict[str, str]:
    """One row of scores.json in words."""
    return {
        "id": str(row["id"]),
        "says": str(row.get("says") or (panels[row["id"]].title if row["id"] in panels else "")),
        "assay": str(row.get("assay", "")),
        "conditions": row_conditions(row),
        "reported": reported(row),
        "predicted": predicted(row),
        "role": str(row["role"]),
        "verdict": str(row["verdict"]),
        "why": str(row.get("why", "")),
        "hypothesis": str(row.get("hypothesis") or ""),
        "weak": weakness(row),
    }


def counts(rows: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many rows of the default mechanism agree, by role."""
    own = [row for row in rows if not row.get("hypothesis")]
    found = {"not_scored": sum(row["verdict"] == "not scored" for row in own)}
    for role in ("fit", "predicted"):
        here = [row["verdict"] for row in own if row["role"] == role and row["verdict"] != "not scored"]
        found |= {role: len(here), f"{role}_agree": here.count("agrees")}
    return found | {"weak": sum(is_weak(row) for row in own), "rivals": len(rows) - len(own)}


def methods(made: Mapping[str, Any]) -> list[str]:
    """How the study was made, in sentences."""
    sentences = [
        "Every cell was simulated vesicle by vesicle: each multivesicular body (MVB) is an individual with its own "
        "growth, cargo, place and fate, driven by the calcium of its cell through Munc13-4 and Rab11."
    ]
    if "cells" in made:
        sentences.append(f"Each condition was simulated with {made['cells']} cells, each with its own protein levels.")
    if "draws" in made:
        sentences.append(
            f"Each prediction was repeated with {made['draws']} sets of parameters drawn from the spreads listed below; "
            "the intervals are 95 % over parameter sets, cells and replicates."
        )
    if "seed" in made:
        sentences.append(f"Random numbers come from seed {made['seed']}: the same seed gives the same study.")
    if "seconds" in made:
        sentences.append(f"The study took {float(made['seconds']):.0f} s.")
    if made.get("quick"):
        sentences.insert(
            0, f"This is a quick study ({made['quick']}): exude reproduce without --quick is the full one."
        )
    known = {"cells", "draws", "seed", "seconds", "versions", "conditions", "quick"}
    sentences += [f"{str(k).replace('_', ' ').capitalize()}: {v}." for k, v in made.items() if k not in known]
    return sentences


def condition_list(study: Outcome) -> list[tuple[str, str]]:
    """Conditions by name, as the study tells them."""
    told = study.methods.get("conditions", {})
    pairs = told.items() if isinstance(told, Mapping) else [("", tuple(told))]
    return [(str(k), "; ".join(map(str, v)) if isinstance(v, (list, tuple)) else str(v)) for k, v in pairs]


def figure(name: str, panel: Panel, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """What stands around one figure: caption, verdicts, alternative text."""
    own = [score(row, {name: panel}) for row in rows if row["id"] == name]
    verdicts = "; ".join(dict.fromkeys(
        f"{r['verdict']} ({r['role']}{', under ' + r['hypothesis'] if r['hypothesis'] else ''})" for r in own
    ))  # fmt: skip
    return {
        "id": name, "title": panel.title, "caption": caption(panel), "verdicts": verdicts, "note": panel.note,
        "alt": alternative(panel),
    }  # fmt: skip


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


def inside(picture: Path | Figure) -> str:
    """A figure, or the SVG file of one, as an image inside the page."""
    if isinstance(picture, Path):
        svg = picture.read_bytes()
    else:
        held = io.BytesIO()
        with style():
            picture.savefig(held, format="svg", metadata={"Date": None})
        svg = held.getvalue()
    return "data:image/svg+xml;base64," + base64.b64encode(svg).decode()


def rivals(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Rows that were also run under rival mechanisms, side by side with the default."""
    names = list(dict.fromkeys(str(row["hypothesis"]) for row in rows if row.get("hypothesis")))
    lines: dict[tuple[str, str, str], dict[str, dict[str, str]]] = {}
    for row in rows:
        line = lines.setdefault((str(row["id"]), str(row.get("says", "")), row_conditions(row)), {})
        cell = {"predicted": predicted(row), "verdict": str(row["verdict"]), "reported": reported(row)}
        line[str(row.get("hypothesis") or DEFAULT)] = cell
    kept = {key: line for key, line in lines.items() if set(line) - {DEFAULT}}
    return {"names": [DEFAULT, *(n for n in names if n != DEFAULT)], "lines": kept}


def parameter_chapters() -> list[tuple[str, list[dict[str, str]]]]:
    """All numbers the model reads, by chapter, with their origin."""
    chapters: dict[str, list[dict[str, str]]] = {}
    for symbol, p in read.parameters().items():
        chapters.setdefault(read.chapter_of()[symbol], []).append({
            "symbol": symbol, "meaning": p.meaning, "value": amount(p), "spread": spread(p.spread), "status": p.status,
            "source": ", ".join(p.source), "place": p.place, "obtained": p.obtained, "reading": reading_of(symbol),
        })  # fmt: skip
    return list(chapters.items())


def reading_of(symbol: str) -> str:
    """The second reading of a parameter; nothing to check where it has no source."""
    key = f"parameters/{symbol}"
    return second_reading(key) if read.parameters()[symbol].source or key in read.readings() else "–"


def limits() -> list[str]:
    """What the study cannot claim."""
    numbers = read.parameters()
    by_status = {s: sum(p.status == s for p in numbers.values()) for s in ("assumed", "fitted")}
    checked = [key for key in read.readings() if key.startswith("parameters/")]
    differ = [key.partition("/")[2] for key in checked if not read.readings()[key].agrees]
    cited = [s for s, p in numbers.items() if p.source]
    provisional = [s for s in cited if f"parameters/{s}" not in read.readings()]
    found = [
        f"Of {len(numbers)} numbers, {by_status['assumed']} are assumed and {by_status['fitted']} fitted; their spreads "
        "are wide and are part of every interval.",
        f"A second reading differs from the first for: {', '.join(differ)}." if differ else "",
        f"Provisional, no second reading yet: {', '.join(provisional)}." if provisional else "",
        "Calcium is common to the whole cell; ILV patches flip independently of each other; calcium is constant within a "
        "step in which it moves by at most 8 %. Otherwise the simulation of vesicles is exact.",
        f"{PAPER}: {read.evidence()[PAPER].notes}" if PAPER in read.evidence() else "",
        "Findings that contradict each other stay in the catalogue; rival mechanisms are run, not averaged.",
    ]
    return [text for text in found if text]


def references(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, str]]:
    """Papers behind the scored statements and the numbers, with doi links."""
    ids = {row["id"] for row in rows}
    used = {source for source, f in read.findings().values() if f.statement in ids}
    used |= {key for p in read.parameters().values() for key in p.source}
    found = []
    for key in sorted(used):
        entry = read.references().get(key, {})
        words = [entry.get("author", "").replace(" and ", ", "), entry.get("journal", ""), entry.get("volume", ""),
                 entry.get("pages", "").replace("--", "–"), entry.get("year", "")]  # fmt: skip
        doi = entry.get("doi", "")
        found.append({
            "key": key, "words": ", ".join(w for w in words if w), "identifier": identifier(entry),
            "link": f"https://doi.org/{doi}" if doi else "",
        })  # fmt: skip
    return found
