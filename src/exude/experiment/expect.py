"""The expected course of one cell with a line's median levels, without drawing anything."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from exude.catalog import read
from exude.derive.closures import closures
from exude.engine import build, layout, meanfield, provenance, result
from exude.experiment.own_cell import own_cell
from exude.experiment.perturbations import Perturbation, say
from exude.experiment.protocol import Genotype
from exude.experiment.simulate import Settings, hypothesis_values, protocol_of, sources_used
from exude.experiment.unfitted import cautions


def expect(
    line: str,
    *what: Perturbation,
    duration: str = "2 h",
    every: str = "",
    settings: Settings | None = None,
    growth_states: int = meanfield.GROWTH_STATES,
) -> xr.Dataset:
    """The expected course of a cell that has the line's median levels, in milliseconds and without noise.

    line, what, duration: as in `simulate`. every: time between recorded points ('' takes the settings' own, or a round
    step). settings: of these burn-in, hypothesis and numbers count; the rest is about single cells. growth_states:
    growth counts of immature MVBs that are told apart; the default is within 2e-4 of many more.
    Returns the variables of `Run.data` (stage_count, births, fusions, exosomes, calcium, ...; same units) without the
    dimension `cell`. Raises UnknownName, UnitError, ProtocolError, DeclarationError as `simulate` does.

    Example: expect("MDA-MB-231", Stimulus("ionomycin", "5 uM", at="5 min")).exosomes

    Valid when: it stands for the mean of many alike cells (`Settings(alike=True)`) up to the closures that the
    attribute `closures` lists (under 1 % of the fusions of the reference cell; tens of per cent where primed MVBs hold
    half of Munc13-4 or more: docs/closures.md). It is not the mean of a population: cells differ in their levels,
    release is not linear in them. Which of the two releases more depends on the line and on what is done to it.
    """
    settings = settings or Settings()
    known = own_cell(settings.hypothesis)
    name = read.line(line).name
    numbers = settings.numbers.but(**hypothesis_values(settings.hypothesis, texts=True))
    protocol = protocol_of(what, duration, settings, numbers, every=every, cascade=known.cascade)
    levels = Genotype(read.line(name), what, known.cascade).medians(numbers)
    starts = np.array([numbers[trace.start] for trace in known.cascade.traces])
    found = meanfield.run(
        known, numbers.vector(known), protocol.timeline(), layout.numerics_of(read.numerics(), known), levels, starts,
        growth_states=growth_states,
    )  # fmt: skip
    identity = {
        "format": provenance.FORMAT, "line": name, "what": [repr(w) for w in what], "duration": duration,
        "hypothesis": settings.hypothesis, "numbers": numbers.values, "every": every or settings.every,
        "burn_in": settings.burn_in, "growth_states": growth_states,
    }  # fmt: skip
    made = {
        **identity,
        "engine": "mean field",
        "conditions": [say(w) for w in what] or ["untreated"],
        "fingerprint": provenance.fingerprint({**identity, "model": build.leaf_text(known)}),
        "versions": provenance.versions(),
        **cautions(settings.hypothesis, settings.numbers, depth=2),
        "sources": sources_used(name, what, numbers, settings.hypothesis),
    }
    attrs = {
        "format": provenance.FORMAT,
        "provenance": json.dumps(made),
        "closures": "; ".join(f"{c.name}: {c.why}" for c in closures(known) if c.kind == "closure"),
    }
    data = result.counts_dataset(known, found.output, protocol.output_times, levels[np.newaxis], attrs)
    return data.isel(cell=0, drop=True)
