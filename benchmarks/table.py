"""What was asked for and what was measured, as one table: reads results.json and peers.json, rewrites docs/bench.md.

python benchmarks/table.py          # `make bench` ends with it
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PAGE = HERE.parent / "docs" / "bench.md"
CARRIES = ("time in the rate", "SBML events", "events (hybrid, C++)")
"""Forms of the calcium protocol that a peer runs by itself; 'restarted segments' are stitched together by hand."""


def median(value: float | list[float]) -> float:
    return value[0] if isinstance(value, list) else value


def best(rows: Iterable[dict[str, Any]]) -> dict[str, Any]:
    """The fastest peer with a right result."""
    return min((r for r in rows if r["program"] != "exude" and r["says"] == "right"), key=lambda r: r["ratio"])


def single(cells: list[dict[str, Any]], problem: str, name: str, must: tuple[float, float], aim: tuple[float, float]):
    """Rows of one form of the common problem: time, times the best peer that runs the protocol, and times any peer.

    The yardstick is the best peer that runs the protocol by itself; the last row is there to look at, not a must.
    """
    own = [r for r in cells if r["problem"] == problem]
    ours = [r for r in own if r["program"] == "exude"]
    carrying = best(r for r in own if r["protocol"] in CARRIES)
    any_way = best(own)
    yield name, "ns per event", min(median(r["ns_per_event"]) for r in ours), must[0], aim[0], "<="
    for peer, limits in ((carrying, (must[1], aim[1])), (any_way, (None, None))):
        what = f"times {peer['program']} {peer['version']}, {peer['protocol']}"
        yield "", what, peer["ratio"], *limits, ">="


def rows(results: dict[str, Any], peers: dict[str, Any]):
    """(what, unit, measured, must, aim, direction); no must and no aim: to look at."""
    figures, cells = results["figures"], peers["cells"]
    yield from single(cells, "independent", "every MVB an individual, calcium given", (20, 10), (10, 20))
    yield from single(cells, "coupled, 60 sites", "coupled through docking sites", (40, 5), (25, 10))
    hourly = figures["us per cell-day, stimulus, 25 points, from an empty cell"]
    day = figures["us per cell-day, stimulus, 145 points, from an empty cell"]
    both = figures["us per cell-day, the same after 24 h of burn-in, burn-in counted"]
    yield "full cell with stimulus, one core", "us per cell-day, 25 points", hourly, 500, 200, "<="
    yield "", "us per cell-day, 145 points", day, 500, 200, "<="
    yield "", "us per cell-day, 145 points, a day of burn-in before it counted", both, 500, 200, "<="
    field = next(r for r in peers["mean field"] if r["program"] == "exude")
    yield "mean field, 1,000 sets", "solves/s", median(field["per_second"]), 3000, 10_000, ">="
    million = next(name for name in figures if "summaries" in name)
    yield million.removesuffix(", s"), "s", figures[million], 480, 150, "<="
    yield "", "MB resident", figures["resident memory of it, MB"], 512, 256, "<="
    yield "2 cores against 1", "times", figures["2 threads against 1"], 1.6, 1.9, ">="
    yield "start to first figure", "s, warm", figures["start to first figure, warm, s"], 5, 3, "<="
    yield "", "s, cold", figures["the same, cold, s"], 40, 20, "<="


def verdict(value: float, must: float, aim: float, direction: str) -> str:
    def holds(limit: float) -> bool:
        return value <= limit if direction == "<=" else value >= limit

    return "aim" if holds(aim) else "must" if holds(must) else "**no**"


def say(value: float) -> str:
    digits = max(0, 1 - math.floor(math.log10(abs(value)))) if value else 0
    return f"{value:,.{digits}f}"


def table(results: dict[str, Any], peers: dict[str, Any]) -> str:
    lines = ["| what | unit | measured | must | aim | holds |", "|---|---|---|---|---|---|"]
    for what, unit, value, must, aim, direction in rows(results, peers):
        if must is None:
            lines.append(f"| {what} | {unit} | {say(value)} | | | |")
            continue
        held = verdict(value, must, aim, direction)
        lines.append(f"| {what} | {unit} | {say(value)} | {direction} {must:,} | {direction} {aim:,} | {held} |")
    machine, load = results["machine"], results["machine"]["load"]
    peers_load = [x for r in peers["cells"] for x in r["load"]]
    note = (
        f"Measured {machine['date']}, {machine['cores']} cores, Python {machine['python']}; load {load[0]:.1f} to "
        f"{load[1]:.1f} (full cell), {min(peers_load):.1f} to {max(peers_load):.1f} (beside the peers). Result checks: "
        f"kernel over mean field {results['figures']['exosomes per cell, kernel / mean field']:.4f}; every peer's "
        f"counts against the exact law."
    )
    return "\n".join([*lines, "", note])


def beside(cells: list[dict[str, Any]]) -> str:
    """Every program on the two forms of the common problem."""
    forms = ("independent", "coupled, 60 sites")
    lines = [f"| ns per event (exude is so many times faster) | {' | '.join(forms)} |", "|---|---|---|"]
    ways = dict.fromkeys((r["program"], r["version"], r["protocol"]) for r in cells if r["problem"] in forms)
    for program, version, protocol in ways:
        said = []
        for form in forms:
            found = [r for r in cells if (r["problem"], r["program"], r["protocol"]) == (form, program, protocol)]
            own = min((median(r["ns_per_event"]) for r in found), default=None)
            times = f" ({found[0]['ratio']:.1f})" if found and program != "exude" else ""
            wrong = "" if all(r["says"] == "right" for r in found) else ", result **wrong**"
            said.append("not run" if own is None else f"{own:,.0f}{times}{wrong}")
        lines.append(f"| {program} {version}, {protocol} | {' | '.join(said)} |")
    return "\n".join(lines)


def fields(rows: list[dict[str, Any]]) -> str:
    """Every program on the mean field."""
    lines = ["| mean field, 1,000 parameter sets | solves/s | largest error |", "|---|---|---|"]
    for r in rows:
        lines.append(
            f"| {r['program']} {r['version']}, {r['how']} | {median(r['per_second']):,.0f} | {r['error']:.1e} |"
        )
    return "\n".join(lines)


def space(found: dict[str, Any]) -> str:
    """Diffusion, mechanics and whole tissues against what was asked for."""
    lines = ["| what | unit | measured | must | aim | holds |", "|---|---|---|---|---|---|"]
    for what, unit, value, must, aim, direction in space_rows(found):
        held = verdict(value, must, aim, direction)
        lines.append(f"| {what} | {unit} | {say(value)} | {direction} {must:,} | {direction} {aim:,} | {held} |")
    steps = found["steps"]
    each = [row["cpu_s"] / (row["cells"] + row["voxels"]) * 1e9 for row in steps]
    lines += ["", "| cells | voxels | CPU per step, s | ns per cell and voxel | memory, MB |", "|---|---|---|---|---|"]
    lines += [
        f"| {r['cells']:,} | {r['voxels']:,} | {r['cpu_s']:.3f} | {e:.0f} | {r['memory_mb']:,.0f} |"
        for r, e in zip(steps, each, strict=True)
    ]
    load = found["load"]
    note = f"Measured {found['date']}, {found['cores']} cores, Python {found['python']}; load {load[0]:.1f} to {load[1]:.1f}."
    return "\n".join([*lines, "", note])


def space_rows(found: dict[str, Any]):
    """(what, unit, measured, must, aim, direction)."""
    diffusion, mechanics = found["diffusion"], found["mechanics"]["100000"]
    one, four, local = (
        next(r for name, r in diffusion.items() if key in name)
        for key in ("128 x 128 x 128, 1", "100 x 100 x 100, 4", "place-dependent")
    )
    yield "diffusion, 128^3, one field", "times pyphysicell", one["ratio"], 12, 18, ">="
    yield "diffusion, 100^3, four fields", "times pyphysicell", four["ratio"], 3, 5, ">="
    yield "place-dependent over constant", "times the time", local["ratio"], 1.5, 1.5, "<="
    yield "forces, 10^5 cells", "times pyphysicell", mechanics["forces, ratio"], 7, 10, ">="
    yield "mechanics step with walk and lists", "times pyphysicell", mechanics["step, ratio"], 5, 5, ">="
    if "spheroid" in found:
        run = found["spheroid"]
        yield "spheroid of 10^4 cells, 72 h, every MVB", "s, 2 threads", run["wall_s"], 300, 300, "<="
        yield "of it release", "share", run["secretion_s"] / run["wall_s"], 0.33, 0.33, "<="
    if "million" in found:
        large = found["million"]
        yield f"a million cells, {large['fields']} fields, mean field", "GB", large["memory_mb"] / 1000, 16, 16, "<="
        yield "held for a cell without vesicles", "bytes", large["held_bytes"], 500, 500, "<="
    if "day" in found:
        large = found["day"]
        what = f"a million cells for a day, every MVB, {large['fields']} fields"
        yield what, "min, 2 threads", large["wall_s"] / 60, 30, 30, "<="
        yield "its memory", "GB", large["memory_mb"] / 1000, 16, 16, "<="


def neighbours_rows(found: dict[str, Any]):
    """The same for several kinds of cells and bodies."""
    if "co-culture" in found:
        run = found["co-culture"]
        yield "2,000 tumour and 2,000 T cells, 24 h, every MVB", "s, 2 threads", run["wall_s"], 20, 20, "<="
    for name, run in found.get("beside", {}).items():
        what = "24 h" if run["peer_hours"] == 24 else f"24 h; its first {run['peer_hours']:g} h scaled up"
        yield f"{name} cells, {what}", "times pyphysicell, 1 thread", run["ratio"], 5, 5, ">="
    if "tumour" in found:
        run = found["tumour"]
        what = f"a tumour from {run['from']:,.0f} to {run['to']:,.0f} cells in {run['hours'] / 24:g} d, with T cells"
        yield f"{what}, {run['moving']} moving fields", "min, 2 threads", run["wall_s"] / 60, 15, 15, "<="
    for host in ("mice", "patients"):
        if host in found:
            run = found[host]
            what = f"a cohort of {run['members']} {host}, {run['days']:,} d"
            yield what, "min, 2 threads", run["wall_s"] / 60, 5, 5, "<="


def neighbours(found: dict[str, Any]) -> str:
    """Several kinds of cells and bodies against what was asked for, and what the runs beside the peer came to."""
    lines = ["| what | unit | measured | must | aim | holds |", "|---|---|---|---|---|---|"]
    for what, unit, value, must, aim, direction in neighbours_rows(found):
        held = verdict(value, must, aim, direction)
        lines.append(f"| {what} | {unit} | {say(value)} | {direction} {must:,} | {direction} {aim:,} | {held} |")
    if "beside" in found:
        lines += [
            "",
            "| | CPU s for 24 h: exude, pyphysicell | gone | T cells in an hour, um (free) |",
            "|---|---|---|---|",
        ]
        for name, run in found["beside"].items():
            gone = f"{run['killed'][0]:.2f} in 24 h, {run['killed'][1]:.2f} in {run['peer_hours']:g} h"
            own, its, free = run["t_cells_um_in_an_hour"]
            cost = f"{say(run['cpu_s'])}, {say(run['peer_cpu_s'])}"
            lines.append(f"| {name} | {cost} | {gone} | {own:.0f}, {its:.0f} ({free:.0f}) |")
    parts = [part for part in (found, found.get("tumour", {})) if "date" in part]
    said = [f"{part['date']}, {part['cores']} cores, load {part['load']:.1f}" for part in parts]
    return "\n".join([*lines, "", f"Measured {'; the tumour '.join(said)}."])


def main() -> None:
    results, peers = (json.loads((HERE / name).read_text(encoding="utf-8")) for name in ("results.json", "peers.json"))
    page = PAGE.read_text(encoding="utf-8")
    for name, made in (
        ("table", table(results, peers)), ("peers", beside(peers["cells"])), ("fields", fields(peers["mean field"])),
        ("space", space(json.loads((HERE / "tissue.json").read_text(encoding="utf-8")))),
        ("neighbours", neighbours(json.loads((HERE / "neighbours.json").read_text(encoding="utf-8")))),
    ):  # fmt: skip
        print(made, end="\n\n")
        page = put(page, name, made)
    PAGE.write_text(page, encoding="utf-8")


def put(page: str, name: str, made: str) -> str:
    """The page with what stands between the marks of `name` exchanged."""
    begin, end = f"<!-- {name}: written by benchmarks/table.py -->", f"<!-- end of {name} -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{made}\n\n{end}{rest.split(end)[1]}"


if __name__ == "__main__":
    main()
