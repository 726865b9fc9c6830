"""Rewrite the made parts of docs/story.md: equations, numbers and evidence; with a told story what it said, and pictures.

python docs/make_story.py [folder of `exude story`]
"""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

from exude.cascade import ALL, CELL
from exude.cascade.body import PATIENT
from exude.catalog import read
from exude.derive import grammar
from exude.experiment.story import Story, run_story
from exude.experiment.story_facts import PARTS, STATUSES, sentences, statuses

PAGE = Path(__file__).parent / "story.md"
SHOWN = {
    "calcium": ("calcium", "loaded_wild", "c2a", "c2b"),
    "vesicles": ("growth", "priming", "fusion", "growth_rate", "growing_share", "priming_share", "triggered"),
    "matrix": ("binding", "mt1", "mt1_cuts", "cutting"),
    "tissue": ("own_uptake", "copies_active", "transformation", "heard", "reversion"),
    "T cells": ("killing", "restraint", "from_exosomes", "granules", "killing of tumour"),
    "body": ("entering", "crowding", "growth ", "preparation", "efficiency", "seeding in a patient"),
}
"""What of each part is shown, by the name that it is declared under; a blank after it means the body's own."""
SCORED = {
    "calcium": ("recruitment", "release-calcium"),
    "vesicles": ("basal", "burst", "knockdown-lowers-release", "mvb-size"),
    "matrix": ("mt1-mmp", "matrix-degradation"),
    "tissue": ("gene-transfer",),
    "T cells": ("immune-suppression",),
    "body": ("metastasis",),
}
"""Statements of `exude reproduce` whose findings are about a part."""


def declared(part: str) -> Iterator[tuple[str, str, str]]:
    """(left side, rate text, unit or kind) of what is shown of a part, from the declarations."""
    for asked in SHOWN[part]:
        found = dict(_body() if part == "body" else _cells())
        name = asked.strip()
        yield found[name] if name in found else _missing(name)


def _missing(name: str) -> tuple[str, str, str]:
    raise KeyError(f"{name} is no longer declared: change SHOWN in {Path(__file__).name}")


def _cells() -> Iterator[tuple[str, tuple[str, str, str]]]:
    """Everything that is declared of cells and tissue, by name; what comes later in the story wins a name."""
    for d in ALL.definitions:
        yield d.symbol, (d.symbol, d.text, d.unit)
    for r in ALL.reactions:
        yield r.name, (f"rate of {r.name}", r.rate, "")
    for e in ALL.events:
        yield e.name, (f"rate of {e.name}", e.rate, "1/s")
    for b in ALL.bonds:
        for d in b.definitions:
            yield d.symbol, (d.symbol, d.text, d.unit)
        for what, text in b.hits.items():
            yield b.name, (f"{what} of a bound target, rate", text, "1/s")
    for t in CELL.traces:
        yield t.symbol, (f"d {t.symbol} / dt", t.rate, f"{t.unit}/s")
    for transition in CELL.life_cycle.transitions:
        yield transition.name, (f"rate of {transition.name}", transition.rate, "1/s")


def _body() -> Iterator[tuple[str, tuple[str, str, str]]]:
    for d in PATIENT.definitions:
        yield d.symbol, (d.symbol, d.text, d.unit)
    for f in PATIENT.flows:
        yield f.name, (f"rate of {f.name}", f.rate, "1/s")


def equations(part: str) -> str:
    """The equations of a part as a block of code."""
    lines = [f"{left} = {text}" + (f"    [{unit}]" if unit else "") for left, text, unit in declared(part)]
    return "\n".join(["```", *lines, "```"])


def numbers(part: str) -> str:
    """How many numbers enter with a part, and a table of those that the equations shown read."""
    counts = statuses(part)
    read_here = set[str]().union(*(grammar.names(grammar.parse(text)) for _, text, _ in declared(part)))
    rows = [read_row(name) for name in sorted(read_here & set(read.parameters()))]
    head = ["| number | value | status | from |", "|---|---|---|---|"]
    said = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    return "\n".join(
        [f"{sum(counts.values())} numbers enter here: {said}. Those in the equations above:", "", *head, *rows]
    )


def read_row(name: str) -> str:
    """A number as a row: value, unit, status, source or why it is assumed."""
    number = read.parameter(name)
    unit = "" if number.unit in ("", "dimensionless") else f" {number.unit}"
    origin = f"{', '.join(number.source)}: {number.place}" if number.source else number.obtained
    return f"| `{name}` | {number.value:g}{unit} | {number.status} | {' '.join(origin.split()).replace('|', '/')} |"


def evidence(part: str) -> str:
    """Findings about a part, each with its paper and role."""
    found = [(source, f) for source, f in read.findings().values() if f.statement in SCORED[part]]
    return "\n".join(f"- **{f.id}** ({source}, {f.role}; row `{f.statement}`): {f.says}" for source, f in found)


def made() -> dict[str, str]:
    """Every part of the page that follows from the declarations and the catalogue."""
    makers = {"equations": equations, "numbers": numbers, "evidence": evidence}
    return {f"{name} {part}": maker(part) for part in PARTS for name, maker in makers.items()}


def rewritten(page: str, parts: dict[str, str]) -> str:
    """The page with its parts in place; KeyError for one that it has no room for."""
    for name, text in parts.items():
        room = re.compile(rf"(<!-- {re.escape(name)} -->\n).*?(\n<!-- end -->)", re.DOTALL)
        found = room.search(page)
        if found is None:
            raise KeyError(f"{PAGE.name} has no part {name!r}")
        page = page[: found.end(1)] + text + page[found.start(2) :]
    return page


def main(folder: Path | None) -> None:
    """Rewrite the page."""
    parts = made()
    if folder:
        said = sentences(run_story(Story(), folder, resume=True))
        parts |= {f"said {part}": text for part, text in said.items()}
        for picture in ("story.png", "story.gif"):
            shutil.copyfile(folder / picture, PAGE.parent / "images" / picture)
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8"), parts), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
