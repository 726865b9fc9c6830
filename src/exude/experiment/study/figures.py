"""The panels of the study: what each statement's figure shows, as plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.experiment.assays.phluorin_tirf import expected_duration
from exude.experiment.panels import Array, Curves, Distributions, Panel
from exude.experiment.study.cultures import DEPTHS, LINE, MUTANTS, REST, SERIES
from exude.experiment.study.drawn import banded_series, bar_panel, range_of, read_of, share_of, with_band
from exude.experiment.study.figures_neighbours import NEIGHBOURS
from exude.experiment.study.questions import Outcome, recruitment_kept
from exude.experiment.study.tissues import conditions

PER_HOUR = "exosomes per cell and hour"


def panels(point: Outcome, draws: Sequence[Outcome], statements: Sequence[str]) -> dict[str, Panel]:
    """Statement id -> panel."""
    makers = _MAKERS | NEIGHBOURS
    return {name: makers[name](point, draws) for name in statements}


def _release_calcium(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {"at rest": lambda o: 1.0, "ionomycin": read_of("wild type", "fold")}
    bars = bar_panel(
        point, draws, dishes, title="Calcium raises exosome release", ylabel="release in 30 min over rest (fold)"
    )
    return with_band(bars, range_of("M1"), "reported: 5-fold (4 to 6)")


def _knockdown(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    depth = np.array([1.0, *DEPTHS])
    names = ["wild type", *(f"knock-down {d:g}" for d in DEPTHS)]

    def left(o: Outcome) -> Array:
        return np.array([o.reads[n]["increment"] / o.reads["wild type"]["increment"] for n in names])

    return Curves(
        title="The rise needs Munc13-4", xlabel="UNC13D left (share)", ylabel="share of the rise left",
        series=(banded_series("rise left", depth, left, point, draws),),
        band=(-0.15, 0.15), band_label="absent: below 15 %",
        windows=((0.095, 0.105, "scored here"),), log_x=True,
    )  # fmt: skip


def _mutants(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {}
    for tag, name in (("", "both C2"), ("c2b-only: ", "C2B only"), ("with-annexin-a6: ", "with ANXA6")):
        for mutant in MUTANTS:

            def left(o: Outcome, tag: str = tag, mutant: str = mutant) -> float:
                return o.reads[f"{tag}rescue {mutant}"]["increment"] / o.reads[f"{tag}wild type"]["increment"]

            dishes[f"{mutant}\n{name}"] = left
    bars = bar_panel(
        point, draws, dishes, title="Calcium-dead mutants do not rescue", ylabel="share of the wild type's rise",
        note="Each group of three under one hypothesis.",
    )  # fmt: skip
    return with_band(bars, (0.0, 0.15), "absent: below 15 %")


def _rescue(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {
        "wild type": share_of("wild type", "increment", "wild type"),
        "knock-down": share_of("knock-down 0.1", "increment", "wild type"),
        "+ wild-type\nMunc13-4": share_of("rescue wild type", "increment", "wild type"),
    }
    return bar_panel(point, draws, dishes, title="Wild-type Munc13-4 rescues", ylabel="rise, share of wild type")


def _lowered(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {
        "wild type": share_of("wild type", "basal", "wild type"),
        "knock-down": share_of("knock-down 0.1", "basal", "wild type"),
        "+ wild-type\nMunc13-4": share_of("rescue wild type", "basal", "wild type"),
    }
    return bar_panel(
        point, draws, dishes, title="Knock-down lowers resting release", ylabel="resting release, share of wild type"
    )


def _imaging(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {
        "wild type\nat rest": read_of("wild type", "events_rest"), "wild type\nionomycin": read_of("wild type", "events"),
        "knock-down\nat rest": read_of("knock-down 0.1", "events_rest"),
        "knock-down\nionomycin": read_of("knock-down 0.1", "events"),
    }  # fmt: skip
    return bar_panel(point, draws, dishes, title="Single fusions", ylabel="fusions per cell in 30 min")


def _sizes(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {"wild type": "fixed wild type", "Munc13-4 knock-down": "fixed knock-down"}
    samples = tuple((label, point.reads[dish].curves["diameters"]) for label, dish in dishes.items())
    return Distributions(title="MVBs are smaller without Munc13-4", xlabel="MVB diameter as seen (um)", samples=samples)


def _rab11(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {
        "wild type": "wild type", "Munc13-4\nknock-down": "knock-down 0.1", "dn Rab11": "dominant-negative Rab11",
        "dn Rab11 +\nknock-down": "dominant-negative Rab11, knock-down",
    }  # fmt: skip
    shares = {label: share_of(dish, "basal", "wild type") for label, dish in dishes.items()}
    return bar_panel(point, draws, shares, title="Rab11 is needed", ylabel="resting release, share of wild type")


def _mt1(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    shares = {}
    treated = {"wild\ntype": "wild type", "knock-\ndown": "knock-down", "dn\nRab11": "dominant-negative Rab11"}
    for mark, name in (("", ""), ("rab8-route: ", "\nRab8 route")):
        for label, dish in treated.items():
            wild = f"{mark}fixed wild type"
            shares[label + name] = share_of(f"{mark}fixed {dish}", "mt1_per_exosome", wild)
    return bar_panel(
        point, draws, shares, title="MT1-MMP on exosomes", ylabel="MT1-MMP per exosome, share of wild type"
    )


def _aggressive(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {line: "wild type" if line == LINE else f"series {line}" for line in SERIES}
    ordered = sorted(dishes, key=lambda line: point.reads[dishes[line]]["unc13d"])
    level = {line: point.reads[dishes[line]]["unc13d"] for line in ordered}
    return bar_panel(
        point, draws, {f"{line}\n{level[line]:.2g}": read_of(dishes[line], "released") for line in ordered},
        title="Release follows the Munc13-4 level", ylabel="exosomes per cell in 30 min of ionomycin",
        note="Lines in the order of their UNC13D level (number beside the name), relative to MDA-MB-231.",
    )  # fmt: skip


def _burst(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    time = (point.reads["burst"].curves["time"] - REST) / 60.0
    shown = time[1:] > -20

    def rate(o: Outcome) -> Array:
        return np.asarray(np.diff(o.reads["burst"].curves["exosomes"])[shown])

    line = banded_series("HCT116, ionomycin", time[1:][shown], rate, point, draws)
    return Curves(
        title="The burst", xlabel="minutes from ionomycin", ylabel="exosomes per cell and minute", series=(line,),
        windows=((0.0, 10.0, "burst reported"),),
    )  # fmt: skip


def _basal(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {
        "MDA-MB-231": read_of("wild type for a day", "captured"), "MCF-7": read_of("MCF-7 for a day", "captured"),
        "MCF-10A": read_of("MCF-10A for a day", "captured"), "HCT116": read_of("HCT116 for a day", "captured"),
        "MCF-7\nin bulk": read_of("MCF-7 for a day", "in_bulk"),
    }  # fmt: skip
    bars = bar_panel(
        point,
        draws,
        dishes,
        title="Resting release",
        ylabel=PER_HOUR,
        note="Bulk recovery joins 4.6 to 9.2 to 60 to 65.",
    )
    return with_band(bars, range_of("K7a"), "single-cell capture: 60 to 65")


def _durations(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {
        "CD63": lambda o: expected_duration(o.numbers, "CD63"), "VAMP2": lambda o: expected_duration(o.numbers, "VAMP2"),
    }  # fmt: skip
    bars = bar_panel(point, draws, dishes, title="How long a fusion is seen", ylabel="mean duration (s)")
    return with_band(bars, range_of("K1a"), "reported: 107 s for CD63 (+/- 20 %)")


def _chelation(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    dishes = {
        "rise, BAPTA-AM": share_of("BAPTA-AM", "increment", "wild type"),
        "at rest,\nBAPTA-AM": share_of("BAPTA-AM", "basal", "wild type"),
        "at rest, local\ncalcium": share_of("local-calcium: BAPTA-AM", "basal", "wild type"),
    }
    bars = bar_panel(point, draws, dishes, title="Chelation by BAPTA-AM", ylabel="share of release without BAPTA-AM")
    return with_band(bars, (0.0, 0.15), "rise absent: below 15 %")


def _recruitment(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    def kept(hypothesis: str) -> Callable[[Outcome], float]:
        return lambda o: recruitment_kept(o.reads, hypothesis)

    dishes = {"both C2": kept(DEFAULT_HYPOTHESIS), "C2B only": kept("c2b-only"), "with ANXA6": kept("with-annexin-a6")}
    bars = bar_panel(point, draws, dishes, title="Recruitment of C2A*", ylabel="share of wild-type recruitment")
    return with_band(bars, range_of("B10a"), "reported: 0.44 (0.33 to 0.56)")


def _degradation(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    return bar_panel(
        point, draws, {name: read_of(f"film: {name}", "area") for name in conditions()},
        title="Without Munc13-4 less matrix is degraded", ylabel="gelatin degraded in 4 h (µm² per cell)",
        note="intervals over parameter draws where a finding is scored; the others at the point estimate",
    )  # fmt: skip


def _invasion(point: Outcome, draws: Sequence[Outcome]) -> Panel:
    return bar_panel(
        point, draws, {name: read_of(f"gel: {name}", "speed") for name in conditions()},
        title="Invasion of collagen", ylabel="advance of the front (um per hour)",
        note="the knock-down of Munc13-4 also acts through FAK, without exosomes",
    )  # fmt: skip


_MAKERS: dict[str, Callable[[Outcome, Sequence[Outcome]], Panel]] = {
    "release-calcium": _release_calcium,
    "knockdown-abolishes": _knockdown,
    "mutants-no-rescue": _mutants,
    "wild-type-rescues": _rescue,
    "knockdown-lowers-release": _lowered,
    "imaging": _imaging,
    "mvb-size": _sizes,
    "rab11": _rab11,
    "mt1-mmp": _mt1,
    "aggressiveness": _aggressive,
    "burst": _burst,
    "basal": _basal,
    "signal-duration": _durations,
    "chelation": _chelation,
    "recruitment": _recruitment,
    "matrix-degradation": _degradation,
    "invasion": _invasion,
}
