"""exude: how a cancer cell releases exosomes, from calcium through Munc13-4 and multivesicular bodies."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from exude.engine.result import Run
    from exude.errors import ExudeError
    from exude.experiment.declared import simulate_model
    from exude.experiment.perturbations import (
        CalciumTrace,
        DominantNegative,
        Drug,
        External,
        KnockDown,
        KnockOut,
        Overexpress,
        Permeabilised,
        Rescue,
        Stimulus,
    )  # fmt: skip
    from exude.experiment.protocol import Numbers
    from exude.experiment.simulate import Settings, simulate

    load = Run.load

__all__ = [
    "CalciumTrace", "DominantNegative", "Drug", "External", "ExudeError", "KnockDown", "KnockOut", "Numbers",
    "Overexpress", "Permeabilised", "Rescue", "Run", "Settings", "Stimulus", "load", "simulate", "simulate_model",
]  # fmt: skip

_HOMES = {
    "exude.engine.result": ("Run",),
    "exude.errors": ("ExudeError",),
    "exude.experiment.perturbations": (
        "CalciumTrace", "DominantNegative", "Drug", "External", "KnockDown", "KnockOut", "Overexpress",
        "Permeabilised", "Rescue", "Stimulus",
    ),
    "exude.experiment.declared": ("simulate_model",),
    "exude.experiment.protocol": ("Numbers",),
    "exude.experiment.simulate": ("Settings", "simulate"),
}  # fmt: skip
"""Where each name lives: imported when it is first used, so that `exude --help` does not load the engine."""


def __getattr__(name: str) -> Any:
    """Import a name of the face when it is first asked for (PEP 562)."""
    if name == "load":
        found = import_module("exude.engine.result").Run.load
    else:
        home = next((module for module, names in _HOMES.items() if name in names), None)
        if home is None:
            raise AttributeError(f"module 'exude' has no attribute {name!r}")
        found = getattr(import_module(home), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
