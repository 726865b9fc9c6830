"""What cells stand in: gel, film, plastic, and the fibres of a gel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from exude.engine.layout import Floats
from exude.errors import ProtocolError, refuse
from exude.experiment.protocol import Numbers
from exude.units import quantity

FIBRES = ("none", "x", "y", "radial", "tangential")


@dataclass(frozen=True)
class Gel:
    """Collagen that cells are embedded in; fibres: 'none', 'x', 'y', 'radial', 'tangential' (about the box's centre).

    between: whether it also lies between the cells of the start, as in a tumour that has grown in its place; else there
    is none within a ball of cells.
    """

    name: ClassVar[str] = "gel"
    collagen: str = "2.5 mg/ml"
    fibres: str = "none"
    between: bool = False

    def __post_init__(self) -> None:
        if self.fibres not in FIBRES:
            raise refuse(
                ProtocolError, self.fibres, f"fibres: {', '.join(FIBRES)}", "Use 'none' for no direction.", FIBRES
            )
        if quantity(self.collagen, "mg/ml", what="collagen") < 0:
            raise refuse(ProtocolError, self.collagen, "collagen of at least 0 mg/ml", "Write '2.5 mg/ml'.")

    def amount(self, numbers: Numbers) -> float:
        """uM of intact collagen."""
        return quantity(self.collagen, "g/um**3", what="collagen") / numbers["collagen_molar_mass"]

    def levels(self, numbers: Numbers) -> Mapping[str, float]:
        """Conditions of the dish."""
        return {}


@dataclass(frozen=True)
class Film:
    """A thin film of gelatin that cells stand on; `thickness` '' takes the catalogue's."""

    name: ClassVar[str] = "film"
    thickness: str = ""
    fibres: ClassVar[str] = "none"
    between: ClassVar[bool] = False

    def amount(self, numbers: Numbers) -> float:
        """uM of gelatin, spread over the layer that cells stand in."""
        return numbers["film_gelatin"] / self._thinner(numbers)

    def levels(self, numbers: Numbers) -> Mapping[str, float]:
        """Conditions of the dish."""
        return {"embedded": 0.0, "gelatin": 1.0, "confinement": self._thinner(numbers), "open_medium": 1.0}

    def _thinner(self, numbers: Numbers) -> float:
        thickness = (
            quantity(self.thickness, "um", what="thickness of a film") if self.thickness else numbers["film_depth"]
        )
        if not 0 < thickness <= numbers["layer_depth"]:
            raise refuse(
                ProtocolError, self.thickness, f"a film thinner than the cells on it ({numbers['layer_depth']:g} um)",
                "Write '50 nm'.",
            )  # fmt: skip
        return numbers["layer_depth"] / thickness


@dataclass(frozen=True)
class Plastic:
    """Bare culture plastic: nothing to degrade, nothing to squeeze through."""

    name: ClassVar[str] = "plastic"
    fibres: ClassVar[str] = "none"
    between: ClassVar[bool] = False

    def amount(self, numbers: Numbers) -> float:
        """uM of collagen: none."""
        return 0.0

    def levels(self, numbers: Numbers) -> Mapping[str, float]:
        """Conditions of the dish."""
        return {"embedded": 0.0, "open_medium": 1.0}


Matrix = Gel | Film | Plastic
MATRICES: dict[str, type[Gel] | type[Film] | type[Plastic]] = {"gel": Gel, "film": Film, "plastic": Plastic}


def fibres_of(kind: str, centres: tuple[Floats, Floats, Floats], middle: Floats, planar: bool) -> Floats | None:
    """(nz, ny, nx, 3) directions of fibres, or None."""
    if kind == "none":
        return None
    x, y, z = centres
    away = np.stack(np.meshgrid(z - middle[2], y - middle[1], x - middle[0], indexing="ij")[::-1], axis=-1)
    if kind in ("x", "y"):
        out = np.zeros_like(away)
        out[..., 0 if kind == "x" else 1] = 1.0
        return out
    if kind == "tangential":
        away = np.stack([-away[..., 1], away[..., 0], np.zeros_like(away[..., 0])], axis=-1)
    if planar:
        away[..., 2] = 0.0
    length = np.sqrt(np.sum(away**2, axis=-1, keepdims=True))
    return np.asarray(np.divide(away, length, out=np.zeros_like(away), where=length > 0))
