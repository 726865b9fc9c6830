"""Words for a body as compartments: stocks and flows."""

from __future__ import annotations

from dataclasses import dataclass

from exude.model.cell import Definition, Level


@dataclass(frozen=True)
class Stock:
    """An amount in a compartment of the body; `whole`: drawn in whole numbers, otherwise an ordinary equation.

    `start` is its text at the beginning and may read parameters and levels.
    """

    symbol: str
    compartment: str
    unit: str
    whole: bool = False
    start: str = "0"
    meaning: str = ""


@dataclass(frozen=True)
class Flow:
    """What moves from `source` to `target` (DEAD: it is lost) at `rate` per second and item of the source.

    Without a source ('') the rate is an amount per second from outside; into a whole stock it arrives in Poisson
    numbers. A flow from X to X that `grows` multiplies what is there. Texts may read stocks, levels and parameters.
    """

    name: str
    source: str
    target: str
    rate: str
    grows: bool = False
    because: tuple[str, ...] = ()


@dataclass(frozen=True)
class Port:
    """What a tissue hands over to a stock of the body around it, times `share` (a text of parameters).

    Either what a field that only counts has gained (`field`), or cells of `kinds` that `DEAD` or `LEFT` (`cells`).
    """

    stock: str
    field: str = ""
    cells: str = ""
    kinds: tuple[str, ...] = ()
    share: str = "1"


@dataclass(frozen=True)
class Body:
    """A body as well-mixed compartments: stocks, what flows between them, the conditions it is in."""

    name: str
    stocks: tuple[Stock, ...]
    flows: tuple[Flow, ...]
    definitions: tuple[Definition, ...] = ()
    levels: tuple[Level, ...] = ()
