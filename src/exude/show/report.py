"""The report of a study: one HTML file that stands alone, and the same from the folder that holds its results."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from pathlib import Path
from types import MappingProxyType
from typing import Any, Protocol

from matplotlib.figure import Figure as Drawing

from exude.cascade import CELL
from exude.catalog import read
from exude.engine.provenance import versions
from exude.errors import DataError, refuse
from exude.experiment.panels import Panel
from exude.experiment.study.kept import AGAIN, made_of, panels_of
from exude.show import origins
from exude.show.bearing import WORDS, scores_of
from exude.show.blocks import (
    Block,
    Bullets,
    Code,
    Document,
    Figure,
    Heading,
    Inline,
    Paragraph,
    Row,
    Section,
    Span,
    joined,
)
from exude.show.blocks import Grid as Table
from exude.show.figures import draw, summary
from exude.show.pictures import inside
from exude.show.results import is_study
from exude.show.study_words import alternative, caption, condition_list, counts, sentences, summary_alt
from exude.show.webpage import webpage
from exude.show.words import predicted, reported, row_conditions, weakness

__all__ = ["SUMMARY", "Outcome", "inside", "is_only_copy", "render", "rivals", "study_document", "write_report"]

PAPER = "Messenger2018"
SUMMARY = "summary"
PAGE = "report.html"
FACTS = "exude-study"
"""Name under which the page keeps how the study was made, for folders that have no study.json."""
DEFAULT = CELL.hypotheses[0].name
"""The mechanism of rows that name no other."""
NOTHING_DRAWN: Mapping[str, Path] = MappingProxyType({})
TITLE = "From calcium to exosomes: the study of 2018 in silico"
QUESTION = (
    "Does one mechanism, with one set of numbers, bring out what Messenger et al. (2018) and others saw when calcium drives cancer "
    "cells to release exosomes through Munc13-4?"
)
RULES = (
    "The rule behind each verdict was written into the evidence files before anything was fitted: a number agrees within its reported "
    "error or a stated tolerance; a direction needs 97.5 % of parameter sets; an absence means that less than 15 % of the wild type's "
    "effect is left."
)
SAME = (
    "The same seed and versions give the same numbers on any number of threads. ", Span("exude show NAME", "code"),
    " prints the origin of any number or finding.",
)  # fmt: skip
MARKS = {"agrees": "✓ ", "disagrees": "✗ "}


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


@dataclass(frozen=True)
class Shown:
    """What stands around the figure of one statement."""

    title: str
    caption: str
    note: str
    alt: str


@dataclass(frozen=True)
class Told:
    """A study as it can be told: rows, how it was made, the command that makes it again, its figures and words about them."""

    rows: Sequence[Mapping[str, Any]]
    made: Mapping[str, Any]
    again: str
    shown: Mapping[str, Shown]
    pictures: Mapping[str, Drawing | Path]

    @property
    def facts(self) -> str:
        """What the page keeps for programs."""
        kept = {"made": dict(self.made), "again": self.again, "shown": {n: asdict(s) for n, s in self.shown.items()}}
        return json.dumps(kept, default=str, ensure_ascii=False)


def write_report(study: Outcome, folder: Path, *, again: str = "", drawn: Mapping[str, Path] = NOTHING_DRAWN) -> Path:
    """Write report.html into the folder.

    again: the command that makes it anew. drawn: SVG files of figures that are drawn already, by statement, and of the
    summary under its name; the others are drawn.
    """
    path = Path(folder) / PAGE
    try:
        path.write_text(render(study, again=again, drawn=drawn), encoding="utf-8")
    except OSError as problem:
        raise DataError(f"{path}: cannot be written ({problem}). Free space or choose another folder.") from problem
    return path


def render(study: Outcome, *, again: str = "", drawn: Mapping[str, Path] = NOTHING_DRAWN) -> str:
    """The report as HTML text."""
    pictures: dict[str, Drawing | Path] = {SUMMARY: drawn.get(SUMMARY) or summary(study.panels, study.rows)}
    pictures |= {name: drawn.get(name) or draw(panel) for name, panel in study.panels.items()}
    shown = {name: _around(panel) for name, panel in study.panels.items()}
    command = again or f"exude reproduce --seed {study.methods.get('seed', 1)} --out DIR"
    return webpage(_document(Told(study.rows, study.methods, command, shown, pictures)))


def study_document(folder: Path, *, asked: str = "") -> Document:
    """The report of a study from its folder: scores, how they were made, and figures, drawn anew where they are lost.

    asked: the question, in the place of the study's own. A folder of an older version has how it was made in its
    report.html, if at all, and figures as files only. DataError for what cannot be read.
    """
    rows, panels = scores_of(folder), panels_of(folder)
    facts = made_of(folder) or _facts(folder / PAGE)
    files = {path.stem: path for path in sorted((folder / "figures").glob("*.svg"))}
    pictures: dict[str, Drawing | Path] = {n: files[n] if n in files else draw(panels[n]) for n in panels or files}
    whole = folder / f"{SUMMARY}.svg"
    if not pictures or not (panels or whole.is_file()):
        raise refuse(DataError, str(folder), f"a study's {SUMMARY}.svg and figures beside its scores", AGAIN)
    kept = {name: Shown(**words) for name, words in facts.get("shown", {}).items()}
    kept |= {name: _around(panel) for name, panel in panels.items()}
    order = dict.fromkeys([*kept, *(str(row["id"]) for row in rows), *pictures])
    shown = {name: kept.get(name) or _unknown(name) for name in order if name in pictures}
    pictures[SUMMARY] = whole if whole.is_file() else summary(panels, rows)
    return _document(Told(rows, facts.get("made", {}), facts.get("again", "exude reproduce"), shown, pictures), asked)


def is_only_copy(page: Path) -> bool:
    """Whether a page alone tells how its study was made, in words that no program reads: one must not write over it."""
    return page.name == PAGE and is_study(page.parent) and page.is_file() and not (made_of(page.parent) or _facts(page))


def _around(panel: Panel) -> Shown:
    """Words around a figure, from what it shows."""
    return Shown(panel.title, caption(panel), panel.note, alternative(panel))


def _unknown(name: str) -> Shown:
    """Words about a figure of which the folder keeps none."""
    return Shown(
        name,
        "Prediction with its 95 % interval.",
        "",
        f"Figure of the statement {name}; its numbers stand in the table.",
    )


class _Facts(HTMLParser):
    """Finds what a page keeps for programs."""

    found = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the one meta element."""
        named = dict(attrs)
        if tag == "meta" and named.get("name") == FACTS:
            self.found = named.get("content") or ""


def _facts(page: Path) -> dict[str, Any]:
    """How a study was made, as its page keeps it; nothing where there is no page, or an older one."""
    if not page.is_file():
        return {}
    parser = _Facts()
    try:
        parser.feed(page.read_text(encoding="utf-8"))
        return dict(json.loads(parser.found)) if parser.found else {}
    except (OSError, ValueError, TypeError) as problem:
        raise DataError(f"{page}: cannot be read ({problem}). {AGAIN}, or remove it.") from problem


def _document(told: Told, asked: str = "") -> Document:
    n = counts(told.rows)
    compared = rivals(told.rows)
    sections = [
        Section("Statements", "statements", (_statements(told),)),
        Section("Methods", "methods", _methods(told.made)),
        Section("Figures", "figures", tuple(_figure(told, name) for name in told.shown)),
        *([Section("Rival mechanisms", "rivals", _rivals(compared))] if compared["lines"] else []),
        Section("Numbers", "numbers", (
            Paragraph(("Every number the model reads. ", Span("Assumed", "assumed"), " numbers have no source and a wide spread. A number "
                       "with a source was read a second time, independently; until then it is provisional.")),
            *origins.parameter_blocks(read.parameters()),
        )),
        Section("Limits of validity", "limits", (Bullets(tuple(limits())),), "Limits"),
        Section("Run it again", "again", (Code(told.again), Paragraph(SAME))),
        Section("What to cite", "cite", origins.cite_blocks(_version(told.made), references(told.rows)), "Cite"),
    ]  # fmt: skip
    lead = Paragraph(asked or QUESTION, lead=True)
    picture = Figure(told.pictures[SUMMARY], summary_alt(told.rows), (
        "The whole study. Below each panel: verdict and role. Fit: the row was used to choose numbers; predicted: it was not."
    ), wide=True)  # fmt: skip
    return Document(TITLE, (lead, _count(n), picture), tuple(sections), ((FACTS, told.facts),))


def _version(made: Mapping[str, Any]) -> str:
    return str(dict(made.get("versions", {})).get("exude") or versions()["exude"])


def _count(n: Mapping[str, int]) -> Paragraph:
    """How many rows agree."""
    tail = (f"; {n['not_scored']} not scored" if n["not_scored"] else "") + (
        f"; {n['weak']} weak, that is, could hardly have failed" if n["weak"] else ""
    )
    rest = f" {n['rivals']} more rows stand under rival mechanisms." if n["rivals"] else ""
    return Paragraph((
        Span(f"{n['predicted_agree']} of {n['predicted']}", "strong"), " predicted rows and ",
        Span(f"{n['fit_agree']} of {n['fit']}", "strong"), f" fitted rows agree{tail}.{rest} Rows that disagree stay in the table.",
    ))  # fmt: skip


def _statements(told: Told) -> Table:
    rows = []
    for row in told.rows:
        name, says = (
            str(row["id"]),
            str(row.get("says") or (told.shown[row["id"]].title if row["id"] in told.shown else "")),
        )
        link = Span(name, "link", f"#figure-{name}") if name in told.shown else Span(name, "strong")
        under = Span(f"under {row['hypothesis']}", "tag") if row.get("hypothesis") else ""
        mark = Span(weakness(row), "tag") if weakness(row) else ""
        rows.append(Row((
            joined([link, says, under]), joined([row_conditions(row), Span(str(row.get("assay", "")), "quiet")]), reported(row),
            predicted(row), str(row["role"]), joined([verdict(row), mark]), str(row.get("why", "")),
        )))  # fmt: skip
    columns = ("statement", "conditions", "reported", "predicted", "role", "verdict", "why")
    return Table(
        columns,
        tuple(rows),
        (2.3, 2, 1.2, 1.3, 1, 1.2, 2.1),
        "What was reported and what the model gives, with its 95 % interval.",
    )


def verdict(row: Mapping[str, Any]) -> Span:
    """A verdict with its mark."""
    word = str(row["verdict"])
    return Span(f"{MARKS.get(word, '– ')}{word}", WORDS.get(word, "quiet"))


def _methods(made: Mapping[str, Any]) -> tuple[Block, ...]:
    """How the study was made, under which conditions, by which rules."""
    if not made:
        text = "How this study was made is not kept in its folder, which is of an older version."
        return (Paragraph(text), Paragraph(RULES))
    words = ", ".join(f"{k} {v}" for k, v in dict(made.get("versions", {})).items())
    conditions: tuple[Inline, ...] = tuple(
        (Span(name, "strong"), f": {text}") if name else text for name, text in condition_list(made)
    )
    blocks: list[Block] = [Paragraph(sentence) for sentence in sentences(made)]
    blocks += [Paragraph(f"Versions: {words}.")] if words else []
    if conditions:
        blocks += [Heading("Conditions"), Bullets(conditions)]
    return (*blocks, Heading("Verdicts"), Paragraph(RULES))


def _figure(told: Told, name: str) -> Figure:
    """One statement's figure with its caption and verdicts."""
    around = told.shown[name]
    own = [row for row in told.rows if row["id"] == name]
    verdicts = "; ".join(dict.fromkeys(
        f"{row['verdict']} ({row['role']}{', under ' + row['hypothesis'] if row.get('hypothesis') else ''})" for row in own
    ))  # fmt: skip
    words = joined([around.caption, around.note, Span(f"{verdicts}.", "strong") if verdicts else ""], " ")
    return Figure(told.pictures[name], around.alt, words, title=name, anchor=f"figure-{name}")


def _rivals(compared: Mapping[str, Any]) -> tuple[Block, ...]:
    """The same statements under each mechanism, side by side, and what each mechanism says."""
    names, rows = compared["names"], []
    for (statement, words, conditions), line in compared["lines"].items():
        cells: list[Inline] = [
            joined([Span(statement, "strong"), words]),
            conditions,
            next(iter(line.values()))["reported"],
        ]
        cells += [joined([line[n]["predicted"], verdict(line[n])]) if n in line else "–" for n in names]
        rows.append(Row(tuple(cells)))
    table = Table(("statement", "conditions", "reported", *names), tuple(rows), (2, 1.6, 1, *[1.2] * len(names)),
                  "Predicted value with its 95 % interval, and verdict.")  # fmt: skip
    mechanisms: tuple[Inline, ...] = tuple(
        (Span(h.name, "code"), f": {h.says}") for h in CELL.hypotheses if h.name in names
    )
    text = "The literature contradicts itself; each reading is a mechanism of its own. The same statements under each, side by side:"
    return (Paragraph(text), table, Bullets(mechanisms))


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


def limits() -> list[str]:
    """What the study cannot claim."""
    first, *rest = origins.about_numbers(read.parameters())
    found = [
        f"{first} Their spreads are wide and are part of every interval.", *rest,
        "Calcium is common to the whole cell; ILV patches flip independently of each other; calcium is constant within a "
        "step in which it moves by at most 8 %. Otherwise the simulation of vesicles is exact.",
        f"{PAPER}: {read.evidence()[PAPER].notes}" if PAPER in read.evidence() else "",
        "Findings that contradict each other stay in the catalogue; rival mechanisms are run, not averaged.",
    ]  # fmt: skip
    return [text for text in found if text]


def references(rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Papers behind the scored statements and the numbers."""
    ids = {row["id"] for row in rows}
    used = {source for source, f in read.findings().values() if f.statement in ids}
    return used | {key for p in read.parameters().values() for key in p.source}
