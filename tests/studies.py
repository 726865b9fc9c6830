"""A study in miniature, with one panel of each kind, for tests of figures, report and command line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from exude.experiment.panels import Bars, Curves, Distributions, Panel, Series


@dataclass(frozen=True)
class SmallStudy:
    rows: list[dict[str, Any]]
    panels: dict[str, Panel]
    methods: dict[str, Any]


def panels() -> dict[str, Panel]:
    rng = np.random.default_rng(1)
    x = np.linspace(0, 30, 31)
    return {
        "release-calcium": Bars(
            "Ionomycin raises release", "exosomes (per cell)", ("untreated", "ionomycin 5 uM"), (30.0, 150.0), (20.0, 110.0),
            (40.0, 200.0), ((25.0, 30.0, 38.0), (120.0, 150.0, 190.0)), (128.0, 192.0), "reported: 4 to 6", "Dose is our choice.",
        ),
        "burst": Curves(
            "Release is a burst", "time (min)", "exosomes (per cell)",
            (Series("ionomycin", x, x * 4, x * 3, x * 5), Series("control", x, x, control=True)),
            windows=((0, 2, "starts"), (2, 10, "80 % out"), (10, 30, "ended")),
        ),
        "knockdown-abolishes": Curves(
            "Knock-down", "UNC13D left (share)", "rise left (share)",
            (Series("rise", np.array([0.05, 0.1, 0.5]), np.array([0.02, 0.07, 0.6])),), band=(0, 0.15), log_x=True,
        ),
        "mvb-size": Distributions(
            "MVBs are smaller", "MVB diameter (um)",
            (("control", rng.lognormal(-1, 0.3, 300)), ("knock-down", rng.lognormal(-1.3, 0.3, 300))), ((0.3, "limit"),),
        ),
        "signal-duration": Distributions(
            "Signals", "duration (s)", (("CD63", rng.exponential(107, 90)), ("VAMP2", rng.exponential(2, 90))),
        ),
        "imaging": Distributions("Few", "waiting time (s)", (("control", np.array([3.0, 5.0, 9.0])),)),
    }  # fmt: skip


def rows() -> list[dict[str, Any]]:
    base = {
        "finding": "M1", "says": "Calcium raises release <fivefold>.", "assay": "exosome_blot",
        "conditions": "MDA-MB-231: ionomycin 5 uM at 0 min", "role": "fit", "verdict": "agrees", "why": "4.9 against 4 to 6",
        "reported": {"kind": "fold", "value": 5.0, "low": 4.0, "high": 6.0, "error_from": "tolerance"},
        "predicted": {"value": 4.9, "low": 4.1, "high": 5.8, "unit": ""},
    }  # fmt: skip
    found = [{**base, "id": name} for name in panels()]
    found[1] |= {"verdict": "disagrees", "role": "predicted"}
    found[2] |= {"weak": 0.93, "role": "predicted", "reported": {"kind": "absence", "below": 0.15}}
    found[3] |= {"verdict": "not scored", "predicted": {"value": None, "low": None, "high": None}}
    return [*found, {**found[2], "hypothesis": "c2b-only", "verdict": "disagrees"}]


def study() -> SmallStudy:
    methods = {
        "draws": 8,
        "cells": 64,
        "seed": 3,
        "versions": {"exude": "0"},
        "seconds": 1.5,
        "conditions": ["wild type"],
    }
    return SmallStudy(rows(), panels(), methods)
