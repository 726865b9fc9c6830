"""A rival mechanism with numbers that were fitted under another one is run, and says so everywhere."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

import exude
from exude.cascade import CELL
from exude.cli.main import main
from exude.errors import Caution
from exude.experiment.study.ensemble import RIVALS, accepted
from exude.experiment.unfitted import caution

SMALL = {"duration": "10 min", "cells": 2}
OTHERS = [h.name for h in CELL.hypotheses if h.name not in RIVALS]


@pytest.mark.parametrize("name", RIVALS)
def test_a_rival_with_the_thresholds_of_the_default_mechanism_is_told(name: str) -> None:
    default = exude.Settings(hypothesis=name)
    changed = exude.Settings(hypothesis=name, numbers=default.numbers.but(k_dock=1.0))
    for settings in (default, changed):  # another number does not make thresholds fit
        with pytest.warns(Caution, match=f"{name}.*fitted under 'both-c2'") as told:
            run = exude.simulate("MDA-MB-231", settings=settings, **SMALL)  # type: ignore[arg-type]
        assert run.provenance["caution"] == str(told[0].message)
        assert told[0].filename == __file__  # where the user wrote it
    with pytest.warns(Caution) as told:
        exude.expect("MDA-MB-231", duration="10 min", settings=default)
    assert told[0].filename == __file__


def test_fitted_numbers_and_other_mechanisms_are_silent() -> None:
    assert len(OTHERS) > 1
    own = [exude.Settings(hypothesis=name, numbers=accepted(name)[0]) for name in RIVALS]
    for settings in (*own, *(exude.Settings(hypothesis=name) for name in OTHERS)):
        assert caution(settings.hypothesis, settings.numbers) == ""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        run = exude.simulate("MDA-MB-231", settings=own[0], **SMALL)  # type: ignore[arg-type]
    assert "caution" not in run.provenance


def test_the_advice_brings_the_burst_back() -> None:
    """By the mean field: 5 uM ionomycin for 30 min; the rival's own numbers were fitted to a rise of 4 to 6."""
    rise = {}
    for label, numbers in (("catalogue", exude.Numbers.default()), ("own", accepted("c2b-only")[0])):
        settings = exude.Settings(hypothesis="c2b-only", numbers=numbers)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Caution)
            course = exude.expect(
                "MDA-MB-231", exude.Stimulus("ionomycin", "5 uM", at="30 min"), duration="60 min", settings=settings
            )
        half, whole = (float(course.exosomes.sel(time=at)) for at in (1800, 3600))
        rise[label] = (whole - half) / half
    assert rise["own"] > 4 > 2 > rise["catalogue"], rise


def test_the_command_says_it_in_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    asked = ["simulate", "MDA-MB-231", "--duration", "10 min", "--cells", "2", "-o", str(tmp_path / "run.nc")]
    assert main([*asked, "--hypothesis", "c2b-only"]) == 0
    told = capsys.readouterr().err
    assert told.startswith("exude: mechanism 'c2b-only'") and told.count("\n") == 1 and "exude reproduce --only" in told
    assert exude.load(tmp_path / "run.nc").provenance["caution"] in told
    assert main(asked) == 0 and capsys.readouterr().err == ""
