"""Write docs/results.md, the README's figure and the page's scores and figures from `exude reproduce --out results`.

python docs/make_results.py results [FOLDER]: into FOLDER instead of docs/, for a look. A quick run is refused for docs/.
python docs/make_results.py --measure [ID ...]: how long statements take on the page.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from exude.experiment.panels import Distributions, Panel, noted
from exude.experiment.study import say_size
from exude.experiment.study.fingerprint import fingerprint
from exude.experiment.study.kept import made_of, panels_of, plain_panels
from exude.page.study_stored import SHIPPED
from exude.page.study_work import run_statement

HERE = Path(__file__).parent
DIGITS = 5
"""Significant digits of shipped figures: more than anyone sees."""
MOST = 400
"""Single vesicles of a shipped distribution."""
ROOM = 300_000
"""Bytes that the page's file may have."""

HEAD = """# What the study says today

Written by `docs/make_results.py` from `exude reproduce` ({when}). {quick}Rules and roles stand in the evidence files and were
set before fitting. *fit*: used in the fit; *predicted*: not. *weak*: most random parameter sets, fitted to nothing,
pass the row too, so it says little; the share is given. Intervals: 95 % over accepted parameter sets, cells and
replicates.

![all statements](images/summary.png)

"""

ABOUT = """
## How to read it

- **The calcium-dead mutants are a hypothesis, not a test.** Under the default mechanism a copy that cannot bind calcium
  at C2A or C2B is never loaded, so the mutants equal the knock-down background by construction. What can be tested is
  the pair of rows `mutants-no-rescue` and `recruitment`: with *only C2B's calcium site*, fitted on its own to the same
  findings, C2A* would rescue and would be recruited in full; neither was seen. *Both C2 domains*, with or without
  annexin A6, pass both.
- **The window decides the fold.** 30 min of 5 uM ionomycin is our choice: the source gives neither agent, dose nor time.
- **The depth of knock-down decides `knockdown-abolishes`.** It is scored at a tenth of Munc13-4 left; at a fifth the model
  leaves about 45 % of the rise.
- **Rows in space and in mice rest on eight draws**, so one draw changes a verdict, and did: with eight others I2 disagreed,
  and Poggio2019a, Jitc0770a and Weidinger2013a agreed. That I2 agrees now is no support: the front falls by 0 to 4 %.
- Where RNA sets a line's level (Munc13-4 of RWPE-1, SW480, A375, U-87) and where a level is assumed (most of PANC-1),
  a row over lines inherits that.
"""

DISAGREE = """
## Where model and paper disagree, and why it stays

{rows}
"""

REASONS = {
    "Poggio2019a": "Fewer tumour cells are left without Rab27a at the point estimate; with the wide spreads of the assumed "
    "numbers of T cells and PD-L1 not in all draws. The finding is of mice and weeks; this is a dish and a day.",
    "Yang2018a": "Restraint by exosomes costs a quarter to a half of the killing at the point estimate. Where a draw has contact "
    "PD-L1 so strong or so weak that T cells kill nobody or all, exosomes change nothing.",
    "Weigelin2021b": "Hits add up in the model, but T cells crowd on the same targets, and in some draws they tire or kill all; "
    "in one none kills at all, and no ratio is left.",
    "Jitc0770a": "Interferon raises PD-L1 wherever T cells bind; in a draw in which hardly any does within 8 h there is none.",
    "Peinado2012a": "The knock-down takes about a fifth of the metastases at the point estimate, and in one draw of eight "
    "none. Most of it is the link from matrix degradation to entry into vessels (`entry_by_mmp`, assumed), which was declared "
    "after this row had been seen to disagree, so the row is no test of it; leak of vessels and the niche are half-way only late "
    "in a mouse's time. Either exosomes act at far lower numbers, or on what is not declared (bone marrow, other organs).",
    "Hamza2021b": "Shedding per gram is that of a rat's tumour, and tumours here grow to 2e9 cells before a mouse is lost: "
    "the highest rate of entry is beyond what was measured in smaller tumours.",
    "Weidinger2013a": "T cells without STIM1 kill nobody in the model; in draws in which healthy ones kill next to nobody "
    "either, no difference is left.",
    "I2": "In this model collagen in a gel is cut by MT1-MMP at invadopodia, which Rab27a hardly touches, and cells invade "
    "as fast as pores let them; exosomes are few beside that. The finding says exosomes drive invasion: either they act "
    "on invadopodia themselves (a loop that is not declared yet), or docking needs Rab27a more than the accepted sets have "
    "it. One dish of 60 cells per draw is noisy, too.",
    "C8b": "With 5 uM ionomycin and 1.8 mM outside, calcium enters faster than about 1 mM of BAPTA can hold for half an "
    "hour: the rise is slower and lower, and the ready pool still empties. A much larger load of BAPTA, a smaller "
    "entry, or a sensor that reads calcium near channels would change that. The published observation was made with "
    "thapsigargin on plasma-membrane vesicles.",
    "K7c": "Release follows Munc13-4 in this model and MCF-10A is given little of it (a stand-in from RWPE-1 RNA, since "
    "MCF-10A has no table). The single-cell capture study saw more release from MCF-10A. Either MCF-10A has more "
    "Munc13-4 than RWPE-1, or resting release has another control.",
    "M6": "In nine of ten accepted sets MVBs shrink without Munc13-4; in the rest Rab11 growth adds so little membrane even "
    "in wild type that its loss does not show (checked with 256 cells a set). The fitted findings do not pin growth; "
    "measured diameters would.",
}


def main(folder: Path, to: Path = HERE) -> None:
    rows = json.loads((folder / "scores.json").read_text(encoding="utf-8"))
    quick = "; ".join(dict.fromkeys(row["quick"] for row in rows if row.get("quick")))
    if quick and to == HERE:
        sys.exit(f"{folder} is of a quick run ({quick}). Run exude reproduce without --quick, or name another folder.")
    lines = [
        "| statement | finding | says | mechanism | predicted (95 %) | role | verdict | why |",
        "|---|---|---|---|---|---|---|---|",
    ]
    lines += [line(row) for row in rows]
    own = [r for r in rows if "hypothesis" not in r and r["verdict"] == "disagrees"]
    reasons = "\n".join(f"- **{r['finding']}** ({r['id']}): {r['why']}. {REASONS.get(r['finding'], '')}" for r in own)
    said = f"Not the full study, {quick}. " if quick else ""
    text = (
        HEAD.format(when=f"{len(rows)} rows", quick=said)
        + "\n".join(lines)
        + "\n"
        + ABOUT
        + DISAGREE.format(rows=reasons)
    )
    (to / "images").mkdir(parents=True, exist_ok=True)
    (to / "results.md").write_text(text, encoding="utf-8")
    shutil.copyfile(folder / "summary.png", to / "images" / "summary.png")
    if to == HERE:
        ship(rows, folder)


def ship(rows: list[dict[str, Any]], folder: Path) -> None:
    """The scores and figures that the page begins with, beside how long statements take as measured before."""
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8")) if SHIPPED.exists() else {"statements": {}}
    made = made_of(folder).get("made", {})
    if made.get("model") != fingerprint():
        sys.exit(f"{folder} was made with another version of the model. Run exude reproduce again.")
    day = time.strftime("%Y-%m-%d", time.gmtime((folder / "scores.json").stat().st_mtime))
    head = {"date": day, "exude": made["versions"]["exude"], "model": made["model"], "size": say_size(False)}
    panels = {name: thinned(panel) for name, panel in panels_of(folder).items()}
    keep(
        {"made": head, "reasons": REASONS, "statements": shipped["statements"], "rows": rows,
         "panels": plain_panels(panels, digits=DIGITS)}
    )  # fmt: skip


def thinned(panel: Panel) -> Panel:
    """A distribution of no more than MOST values, evenly by rank, which it says; other figures are small as they are."""
    if not isinstance(panel, Distributions):
        return panel
    samples, said = [], []
    for label, values in panel.samples:
        finite = np.sort(values[np.isfinite(values)])
        if len(finite) > MOST:
            ranks = (np.arange(MOST) + 0.5) / MOST
            said.append(f"{label}: {len(finite):,}")
            finite = finite[(ranks * len(finite)).astype(int)]
        samples.append((label, finite))
    words = f"drawn from {MOST} values each, evenly by rank, of all that were read ({'; '.join(said)})" if said else ""
    return replace(noted(panel, words), samples=tuple(samples))


def measure(only: list[str]) -> None:
    """Title, dishes and seconds of one core of statements, all unless some are named, run as the page runs them."""
    shipped = json.loads(SHIPPED.read_text(encoding="utf-8"))
    for statement in only or dict.fromkeys(row["id"] for row in shipped["rows"]):
        began = time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            found = run_statement({"id": statement}, Path(folder), lambda *_: None)
        seconds = round(time.process_time() - began, 1)
        print(f"{statement}: {seconds} s", flush=True)
        names = [dish["name"] for dish in found["dishes"]]
        shipped["statements"][statement] = {"title": found["title"], "dishes": names, "seconds": seconds}
        keep(shipped)


def keep(shipped: dict[str, Any]) -> None:
    """One row per line, so that a difference can be read."""
    parts = []
    for name, part in shipped.items():
        each = (
            [json.dumps(row, ensure_ascii=False) for row in part]
            if isinstance(part, list)
            else [f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}" for key, value in part.items()]
        )
        left, right = "[]" if isinstance(part, list) else "{}"
        parts.append(f"{json.dumps(name)}: {left}\n" + ",\n".join(each) + f"\n{right}")
    text = "{\n" + ",\n".join(parts) + "\n}\n"
    if len(text.encode()) > ROOM:
        sys.exit(f"{SHIPPED.name} would have {len(text.encode()):,} bytes, more than {ROOM:,}. Thin figures further.")
    SHIPPED.write_text(text, encoding="utf-8")


def line(row: dict[str, Any]) -> str:
    p = row["predicted"]
    shown = "undefined" if p["value"] is None else f"{p['value']:.3g}"
    if p["low"] is not None:
        shown += f" ({p['low']:.3g} to {p['high']:.3g})"
    unit = "" if p["unit"] == "1" else f" {p['unit']}"
    mechanism = row.get("hypothesis", "default")
    cells = (row["id"], row["finding"], row["says"], mechanism, shown + unit, row["role"], row["verdict"], row["why"])
    return "| " + " | ".join(str(c).replace("|", "/") for c in cells) + " |"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2:])
    else:
        main(*map(Path, sys.argv[1:] or ["results"]))
