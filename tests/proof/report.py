"""The proof's table and fault report, from what the tests recorded: on the terminal, and as docs/proof.md."""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scipy.special import ndtri

from compare import COMPARISONS, ELSEWHERE, FALSE_ALARM, LEAST, LIMIT
from proof.faults import FAULTS
from proof.scenarios import DECLARED, LONG, SCENARIOS

PAGE = Path(__file__).parent.parent.parent / "docs" / "proof.md"
ROW, FAULT, BITS = "proof row", "proof fault", "proof bits"
"""Names under which tests record what they found."""
HEAD = ("simulation", "cells", "against", "calcium", "observables", "tests", "smallest p", "verdict")

Found = Mapping[str, Any]


def collect(properties: Iterable[tuple[str, Any]]) -> dict[str, list[Found]]:
    """What tests recorded, by kind."""
    found: dict[str, list[Found]] = {ROW: [], FAULT: [], BITS: []}
    for name, value in properties:
        if name in found:
            found[name].append(value)
    return found


def is_whole(found: Mapping[str, Sequence[Found]]) -> bool:
    """Whether every declared row and every planted fault was run at full size."""
    rows = {
        (r["scenario"], r["loop"], r["calcium"], r["against"], r["observables"])
        for r in found[ROW]
        if r["size"] == LONG
    }
    wanted = {(s.name, s.loop, s.calcium, r.against, r.observables) for s in SCENARIOS for r in s.rows}
    return rows >= wanted and {f["fault"] for f in found[FAULT]} >= {f.label for f in FAULTS} and bool(found[BITS])


def table(found: Mapping[str, Sequence[Found]]) -> list[tuple[str, ...]]:
    """Rows of the one table, in the order in which they are declared."""
    order = {(s.name, s.loop, s.calcium): i for i, s in enumerate(SCENARIOS)}
    chosen = [r for r in found[ROW] if r["size"] == LONG]
    chosen.sort(key=lambda r: order[r["scenario"], r["loop"], r["calcium"]])
    return [
        (
            f"{r['scenario']} ({r['loop']})", f"{r['cells']:,}", r["against"], r["calcium"], r["observables"],
            str(r["tests"]), _p(r["p"]) if r["declared"] else "no chance", "agrees" if r["p"] >= LEAST else "**differs**",
        )
        for r in chosen
    ]  # fmt: skip


def fault_rows(found: Mapping[str, Sequence[Found]]) -> list[tuple[str, ...]]:
    """Per planted fault: which rows accused it, the surest first."""
    order = {f.label: (i, f) for i, f in enumerate(FAULTS)}
    rows = []
    for record in sorted(found[FAULT], key=lambda r: order[r["fault"]][0]):
        fault = order[record["fault"]][1]
        by: dict[str, float] = {}
        for against, p in record["rows"]:
            by[against] = min(p, by.get(against, 1.0))
        caught = sorted((p, name) for name, p in by.items() if p < LEAST)
        passed = sorted(name for name, p in by.items() if p >= LEAST)
        named = "; ".join(f"{name} ({_p(p)})" for p, name in caught) or "**nobody**"
        rows.append((fault.name + (" *" if fault.asked else ""), fault.loop, named, "; ".join(passed) or "-"))
    return rows


def _p(p: float) -> str:
    return "0" if p == 0 else f"{p:.1g}" if p < 1e-3 else f"{p:.2g}"


def markdown(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """One table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def plain(found: Mapping[str, Sequence[Found]]) -> list[str]:
    """Table and fault report for a terminal."""
    rows = [(a, c, d, t, p, v.strip("*")) for a, _, c, d, _, t, p, v in table(found)]
    faults = [(f"{name} [{loop}]", by) for name, loop, by, _ in fault_rows(found)]
    bits = [(b["what"], b["result"]) for b in found[BITS]]
    return [*_columns(rows), "", *_columns(faults), "", *_columns(bits), "", verdict(found)]


def _columns(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() for row in rows]


def conditions() -> str:
    """When and with what the proof was run."""
    parts = [f"{name} {version(name)}" for name in ("numpy", "numba", "scipy")]
    return f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, {', '.join(parts)}"


def verdict(found: Mapping[str, Sequence[Found]]) -> str:
    """The whole in one sentence."""
    rows = [r for r in found[ROW] if r["size"] == LONG]
    wrong = sum(r["p"] < LEAST for r in rows)
    tests = sum(r["tests"] for r in rows)
    missed = [f["fault"] for f in found[FAULT] if not any(p < LEAST for _, p in f["rows"])]
    p = min((r["p"] for r in rows if r["declared"]), default=1.0)
    z = float(-ndtri(p / 2)) if p > 0 else float("inf")
    return (
        f"{tests:,} tests in {len(rows)} rows; {wrong} rows differ; smallest p {_p(p)} (|z| {z:.2f}), limit {LEAST:.0e} "
        f"(|z| {LIMIT:.2f}). {len(found[FAULT]) - len(missed)} of {len(found[FAULT])} planted faults caught"
        + (f"; missed: {', '.join(missed)}" if missed else "")
        + "."
    )


def page(found: Mapping[str, Sequence[Found]]) -> str:
    """docs/proof.md."""
    bits = [(b["what"], b["result"]) for b in found[BITS]]
    return TEXT.format(
        when=conditions(), verdict=verdict(found), alarm=FALSE_ALARM, all=COMPARISONS, declared=DECLARED,
        elsewhere=ELSEWHERE, least=LEAST, limit=LIMIT, table=markdown(HEAD, table(found)),
        faults=markdown(("fault", "loop", "caught by (smallest p)", "did not see it"), fault_rows(found)),
        bits=markdown(("same bits", "result"), bits),
    )  # fmt: skip


TEXT = """# Proof

Written by `make proof`; do not edit. {when}.

**{verdict}**

## One false-alarm rate

A suite of right programs fails with a probability of at most {alarm:g}. {all:,} tests are declared in advance ({declared:,}
in the table, up to {elsewhere:,} elsewhere in the tests), and each is held to {alarm:g} / {all:,} = {least:.0e}, for a z that
is |z| = {limit:.2f} (Bonferroni; it holds whatever the tests have in common). Seeds are fixed: what passes once passes
always, so the rate is that of a change of the random numbers. A share of the table with fewer cells, at the same limit,
runs with all other tests. Two samples are compared by ranks, whose law needs no shape. Tests of their own repeat rows
over 200 seeds of a right program, and hold the number of small p-values to what chance allows.

## What is compared

Models are declared in `tests/proof/models.py`, laws in `law.py` and `release.py` there, from the equations alone.
"lives" is the loop for vesicles that do not feel each other, "vesicles" the loop for those that do.

- constant, stepped: pieces of constant calcium; the laws are matrix exponentials, one per piece.
- oscillating (a sine of 12 min) and recorded: straight between points. The kernel holds calcium constant within steps
  of 8 %; the law does not, so that the error of the steps is part of what is tested. The recording is made up, uneven
  and noisy, and is read from its file as a measured one is.
- Poisson occupancy: vesicles that do not feel each other are a Poisson number in every stage, and so are those that left.
- Compound-Poisson release: a cell's exosomes are the sum of the ILVs of a Poisson number of vesicles, each with growth
  count, gate and history of its own; ILV budding is not simulated one by one by the kernel. The twin does so.
- The gate that reads the vesicle's own growth count: the chain of (stage, growth count) in closed form; with mergers
  and finite docking sites beside it, the twin.
- Mean field: only where it is exact. How far its closures go elsewhere: docs/model.md.

{table}

## Planted faults

The kernel with one fault in it, against every scenario of its loop with a few hundred cells (thousands where the
kernel can stay compiled). Caught: a row's smallest p is below the limit above. Faults with * are those asked for in
advance. Lives run one by one choose no vesicle from a stage, and know no gate: their place is taken by the choice of
the way out, and gates above 1 are refused before a run. Whether the right kernel
on the same path goes unaccused is a test of its own.

{faults}

## Same bits

{bits}
"""
