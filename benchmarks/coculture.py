"""A co-culture of tumour and T cells beside pyphysicell doing its nearest equivalent, results compared in kind.

    python benchmarks/coculture.py [--quick]      # needs pyphysicell 0.1.4 (pip install --no-deps pyphysicell==0.1.4)

Ours: as many tumour cells as T cells on plastic, every MVB an individual, exosomes with PD-L1 and oncogenes, interferon,
chemokine, bonds, hits, PD-L1. The peer: as many agents of the same radii, speeds, persistence and strengths in the same
box, voxel 20 um, its standard steps (0.01 min for fields, 0.1 for mechanics, 6 for phenotypes); T cells attack tumour
cells that they touch, damage makes these die; exosomes with PD-L1 are secreted all the time and lessen the attack;
interferon and chemokine come where T cells touch tumour cells; T cells go up the chemokine.
What it leaves out: MVBs, exosomes one by one, their second cargo, calcium, uptake by each cell, bonds (its T cells do
not stop), hits that are repaired, tiring. What it has more: cells swell, shrink and stay for hours once dead.
Both on one thread, CPU time, in turn; the peer a shorter time, scaled up: its cost per hour falls only as cells die.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import time
from typing import Any, NamedTuple

import numpy as np

from exude.engine.tissue import Tissue as Running
from exude.experiment.arrange import Mixture
from exude.experiment.matrix import Plastic
from exude.experiment.tissue import Plan, Tissue

os.environ.setdefault("PHYSICELL_THREADS", "1")  # read by its thread pool when first used
MINUTE, DAY = 60.0, 1440.0
"""s; min."""
WHOLE = 24.0
"""h of ours."""
LEAST_WAY, MOST_WAY = 0.1, 1.1
"""How far T cells go in an hour, over what a free one goes: ours are held by their targets, the peer's by nobody."""
HITTING, HALF_DAMAGE, STEEP = 1 / 570.0, 3.0, 8.0
"""Damage per minute that a T cell does to whom it touches, set so that cells die within a day; damage from
which its cells die, as ours have lethal hits; steepness."""


class Side(NamedTuple):
    """One program's run: CPU seconds, simulated hours, and what it came to."""

    cpu: float
    hours: float
    killed: float
    """Share of the tumour cells of the start."""
    spread: float
    """Root of the mean square way of T cells in an hour, um."""
    finite: bool
    """All fields and places are numbers, and no field is below 0."""


def asked(each: int, side: str, duration: str = f"{WHOLE:g} h", threads: int = 1) -> Tissue:
    """As many tumour cells as T cells on plastic."""
    return Tissue(
        matrix=Plastic(), cells=Mixture({"tumour": each, "t_cell": each}), size=(side, side), voxel="20 um",
        duration=duration, every="1 h", burn_in="12 h", threads=threads,
    )  # fmt: skip


def ours(plan: Plan) -> Side:
    """From the first step to the last; what comes before it is not counted."""
    tissue = plan.begin()
    start = sum(tissue.body.kind == 0)
    ids, place = _t_cells(tissue)
    cpu = time.process_time()
    frames = plan.frames(tissue)
    next(frames), next(frames)
    later, there = _t_cells(tissue)
    for frame in frames:
        last = frame
    cpu = time.process_time() - cpu
    _, a, b = np.intersect1d(ids, later, return_indices=True)
    hours = plan.setup.dt * tissue.step / 3600
    killed = last.series["events_killing_of_tumour"] / start
    finite = all(np.isfinite(f).all() and f.min() >= 0 for f in last.fields.values())
    return Side(cpu, hours, killed, _way(place[a], there[b]), bool(finite and np.isfinite(tissue.body.position).all()))


def _t_cells(tissue: Running) -> tuple[Any, Any]:
    rows = tissue.body.kind == tissue.setup.space.kinds.index("t_cell")
    return tissue.body.ids[rows].copy(), tissue.body.position[rows].copy()


def _way(start: Any, end: Any) -> float:
    return float(np.sqrt(((end - start) ** 2).sum(axis=1).mean()))


def peer_model(plan: Plan) -> Any:
    """The peer's nearest equivalent of a plan, with its numbers where it has them; um and min."""
    from pyphysicell import model as pc

    setup = plan.setup
    p = dict(zip(setup.space.parameters, setup.parameters, strict=True))
    box, h = setup.box.upper - setup.box.lower, setup.grid.h
    made = pc.Model(domain=pc.Domain(0.0, box[0], 0.0, box[1], -h / 2, h / 2, h, h, h, True), random_seed=1)
    protein = p["protein_diffusion"] * MINUTE
    made.substrates = [
        pc.Substrate("exosomes", p["exosome_diffusion"] * MINUTE, (p["k_exosome_loss"] + p["k_escape"]) * MINUTE),
        pc.Substrate("interferon", protein, (p["k_interferon_loss"] + p["k_escape"]) * MINUTE),
        pc.Substrate("chemokine", protein, (p["k_chemokine_loss"] + p["k_escape"]) * MINUTE),
    ]
    tumour, t_cell = pc.CellType("tumour", 0), pc.CellType("t_cell", 1)
    kinds = setup.space.kinds
    for cell, walk, keep in (
        (tumour, "walk_speed", "walk_persistence"),
        (t_cell, "t_walk_speed", "t_walk_persistence"),
    ):
        cell.volume = pc.Volume(total=4 / 3 * math.pi * setup.kinds.radius[kinds.index(cell.name)] ** 3)
        cell.motility = pc.Motility(p[walk] * MINUTE, p[keep] / MINUTE, enabled=True, use_2D=True)
        cell.mechanics = pc.Mechanics(0.0, 0.0, setup.shape.reach)  # T cells crawl over the layer, as ours do
        cell.deaths = {"apoptosis": pc.DeathModel(100, "apoptosis", phase_durations={0: 516.0})}
        cell.cycle = pc.Cycle()
    tumour.mechanics = pc.Mechanics(
        p["cell_adhesion"] * p["adhesion_flat"] * MINUTE, p["cell_repulsion"] * MINUTE, setup.shape.reach
    )
    tumour.cycle = pc.Cycle(transition_rates={(0, 0): p["k_divide"] * MINUTE})
    tumour.secretion = {"exosomes": pc.SecretionEntry(secretion_rate=1.0)}
    t_cell.secretion = {name: pc.SecretionEntry() for name in ("interferon", "chemokine")}
    t_cell.motility.migration_bias, t_cell.motility.chemotaxis_enabled = 0.1, True
    t_cell.motility.chemotaxis_substrate = "chemokine"
    t_cell.interactions = pc.Interactions(
        attack_rates={"tumour": 1 / made.time.dt_mechanics}, attack_damage_rate=HITTING
    )
    made.rules = [
        pc.Rule("tumour", "damage", "increases", "apoptosis", p["k_dying"] * MINUTE, HALF_DAMAGE, STEEP),
        pc.Rule("t_cell", "exosomes", "decreases", "attack tumour", 0.0, 0.5, 1.0),
        pc.Rule("t_cell", "contact with tumour", "increases", "interferon secretion", 1.0, 0.5, 4.0),
        pc.Rule("t_cell", "contact with tumour", "increases", "chemokine secretion", 1.0, 0.5, 4.0),
    ]  # fmt: skip
    made.cell_types = [tumour, t_cell]
    names = plan.asked.cells.kinds_at(len(plan.positions()), plan.asked.seed)
    made.initial_cells = [(x, y, 0.0, name) for (x, y, _), name in zip(plan.positions(), names, strict=True)]
    return made


def theirs(plan: Plan, hours: float) -> Side:
    """So many hours; at least one, after which the way of T cells is measured."""
    from pyphysicell import Simulation

    sim = Simulation(peer_model(plan))
    c, start = sim.cells, plan.asked.cells.kinds_at(len(plan.positions()), plan.asked.seed).count("tumour")
    rows = c.type_idx[: c.n] == 1
    place, cpu = c.position[: c.n][rows].copy(), time.process_time()
    sim.run(60.0, record_every=DAY)
    spent = time.process_time() - cpu
    # rows stay what they were until a dead cell is taken out, 516 min after it died
    way = _way(place, c.position[: len(rows)][rows])
    cpu = time.process_time()
    if hours > 1:
        sim.run(60.0 * hours, record_every=DAY)
    spent += time.process_time() - cpu
    density = sim.microenvironment.density
    finite = np.isfinite(density).all() and density.min() >= 0 and np.isfinite(c.position[: c.n]).all()
    return Side(spent, hours, sim._deaths / start, way, bool(finite))


def free_way(plan: Plan, hours: float = 1.0) -> float:
    """Root of the mean square way of a T cell that nothing holds, um."""
    p = dict(zip(plan.setup.space.parameters, plan.setup.parameters, strict=True))
    s, keep, t = p["t_walk_speed"], p["t_walk_persistence"], 3600 * hours
    return math.sqrt(2 * s * s * keep * (t - keep * (1 - math.exp(-t / keep))))


def compare(each: int, side: str, hours: float, pairs: int) -> dict[str, Any]:
    """Pairs of ours (a whole day) and the peer (some hours): CPU seconds of a day, their ratio, what both came to.

    Raises ValueError where a field is no number or below 0, nobody dies in a day, or T cells do not walk, or go further
    than free ones.
    """
    ours(asked(20, "200 um", "2 h").plan())  # compiles
    plan = asked(each, side).plan()
    both = [(ours(plan), theirs(plan, hours)) for _ in range(pairs)]
    free = free_way(plan)
    for one in (side for pair in both for side in pair):
        dying = 0.0 < one.killed < 2.0 or one.hours < WHOLE
        if not (one.finite and dying and LEAST_WAY < one.spread / free < MOST_WAY):
            raise ValueError(f"results that are not of one kind: {both}, free T cells {free:.0f} um in an hour")
    days = [(own.cpu, other.cpu * WHOLE / other.hours) for own, other in both]
    return {
        "each": each, "cpu_s": statistics.median(d[0] for d in days), "peer_cpu_s": statistics.median(d[1] for d in days),
        "ratio": statistics.median(b / a for a, b in days), "pairs": days, "peer_hours": hours,
        "killed": [float(x.killed) for x in both[-1]], "t_cells_um_in_an_hour": [*(x.spread for x in both[-1]), free],
    }  # fmt: skip


def measure() -> dict[str, dict[str, Any]]:
    """A small dish for a whole day in both, and the large one, for which the peer's first hour is scaled up."""
    return {"200 and 200": compare(200, "420 um", WHOLE, 1), "2,000 and 2,000": compare(2_000, "1250 um", 1, 2)}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only the small dish")
    quick = parser.parse_args().quick
    print(json.dumps(compare(200, "420 um", WHOLE, 1) if quick else measure(), indent=1))


if __name__ == "__main__":
    main()
