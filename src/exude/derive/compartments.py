"""A body as compartments: the check of its texts, and the one leaf from which its loop reads all flows.

A text may read stocks, levels, definitions and parameters. The leaf `flow_rates(p, g, y)` gives every flow's rate in
the order of the declaration; tables beside it say where each begins and ends.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from exude.derive import grammar
from exude.derive.place import Writer
from exude.derive.symbols import Symbols
from exude.derive.texts import behind, check_text
from exude.errors import DeclarationError, refuse
from exude.model import DEAD, Body, Cascade, Chapter, Flow
from exude.units import dimension

OUTSIDE, LOST = -1, -2
"""Where a flow begins or ends that is no stock."""


@dataclass(frozen=True, eq=False)
class Compartments:
    """All symbols of one declared body, ordered."""

    body: Body
    parameter_units: Mapping[str, str]

    @cached_property
    def stocks(self) -> tuple[str, ...]:
        """Stocks in kernel order."""
        return tuple(stock.symbol for stock in self.body.stocks)

    @cached_property
    def levels(self) -> tuple[str, ...]:
        """Levels in kernel order."""
        return tuple(level.symbol for level in self.body.levels)

    @cached_property
    def whole(self) -> tuple[bool, ...]:
        """Whether each stock is drawn in whole numbers."""
        return tuple(stock.whole for stock in self.body.stocks)

    @cached_property
    def known(self) -> Symbols:
        """Levels and definitions as any chapter has them."""
        chapter = Chapter(self.body.name, levels=self.body.levels, definitions=self.body.definitions)
        return Symbols(Cascade((chapter,)), self.parameter_units)

    @cached_property
    def parameters(self) -> tuple[str, ...]:
        """Parameters that some text reads, in alphabetical order."""
        read = set().union(*(grammar.names(grammar.parse(text)) for _, text, _ in self._texts()))
        return tuple(sorted(read & set(self.parameter_units)))

    def check(self) -> None:
        """Every symbol is declared once and known, every text has its dimension, every flow a way it can go.

        DeclarationError, which names the text, for the first that does not.
        """
        self._refuse_doubles()
        units = self._units()
        for owner, text, unit in self._texts():
            check_text(owner, text, unit, units)
        for stock in self.body.stocks:
            far = behind(grammar.names(grammar.parse(stock.start)), self.known.trees) & set(self.stocks)
            if far:
                got = f"start of {stock.symbol} = {stock.start}"
                raise refuse(DeclarationError, got, "a text of parameters and levels", f"It reads {min(far)}.")
        for flow in self.body.flows:
            self._check_way(flow)

    def source(self) -> str:
        """The leaves as one text: `flow_rates`, `stock_starts`, and the tables of ways."""
        self.check()
        home = {name: f"p[{i}]" for i, name in enumerate(self.parameters)}
        home |= {name: f"g[{i}]" for i, name in enumerate(self.levels)}
        home |= {name: f"y[{i}]" for i, name in enumerate(self.stocks)}
        writer = Writer(self.known.trees, home)
        flows, stocks = self.body.flows, self.body.stocks
        tables = {
            "SOURCE": [self._place(flow.source) for flow in flows],
            "TARGET": [self._place(flow.target) for flow in flows],
            "GROWS": [int(flow.grows) for flow in flows],
        }
        lines = [f"N_STOCKS = {len(stocks)}", f"N_FLOWS = {len(flows)}"]
        lines += [f"{name} = ({''.join(f'{n}, ' for n in row)})" for name, row in tables.items()]
        return "\n\n".join(
            [
                "\n".join(lines),
                writer.function("flow_rates(p, g, y)", [flow.rate for flow in flows]),
                writer.function("stock_starts(p, g)", [stock.start for stock in stocks]),
            ]
        )

    def _place(self, name: str) -> int:
        return {"": OUTSIDE, DEAD: LOST}[name] if name in ("", DEAD) else self.stocks.index(name)

    def _refuse_doubles(self) -> None:
        declared = [*self.stocks, *self.levels, *(d.symbol for d in self.body.definitions)]
        for name in declared:
            if declared.count(name) > 1 or name in self.parameter_units:
                fix = "Rename or remove one of the two."
                raise refuse(DeclarationError, name, "one declaration of each symbol", fix)
        if not self.body.flows or not self.body.stocks:
            raise refuse(DeclarationError, self.body.name, "a body of stocks and flows", "Declare one of each.")

    def _units(self) -> dict[str, str]:
        body = self.body
        return {
            **{level.symbol: level.unit for level in body.levels},
            **{stock.symbol: stock.unit for stock in body.stocks},
            **{d.symbol: d.unit for d in body.definitions},
            **self.parameter_units,
        }

    def _texts(self) -> list[tuple[str, str, str]]:
        """(owner, text, unit) of everything the body declares."""
        units = {stock.symbol: stock.unit for stock in self.body.stocks}
        rows = [(d.symbol, d.text, d.unit) for d in self.body.definitions]
        rows += [(f"start of {stock.symbol}", stock.start, stock.unit) for stock in self.body.stocks]
        for flow in self.body.flows:
            unit = "1/s" if flow.source else f"({units.get(flow.target, '') or 'dimensionless'})/s"
            rows.append((f"rate of {flow.name}", flow.rate, unit))
        return rows

    def _check_way(self, flow: Flow) -> None:
        """A flow joins two stocks of one kind and unit; from outside or to nowhere it needs one; growth stays."""
        stocks = {stock.symbol: stock for stock in self.body.stocks}
        got = f"{flow.name}: {flow.source or 'outside'} -> {flow.target}"
        for name, other in ((flow.source, ""), (flow.target, DEAD)):
            if name not in stocks and name != other:
                expected = f"a stock of {self.body.name} or {other or 'nothing'!r}"
                raise refuse(DeclarationError, got, expected, "Mend its name.", stocks)
        if flow.source not in stocks and flow.target not in stocks:
            raise refuse(DeclarationError, got, "a flow that begins or ends in a stock", "Name one.")
        if flow.grows != (flow.source == flow.target):
            raise refuse(DeclarationError, got, "`grows` for a flow from a stock to itself, and there alone", "Set it.")
        if flow.source in stocks and flow.target in stocks:
            a, b = stocks[flow.source], stocks[flow.target]
            if a.whole != b.whole or dimension(a.unit) != dimension(b.unit):
                raise refuse(
                    DeclarationError, got, "two stocks of one unit, both whole or both not",
                    "Let one flow lose it and another, from outside, bring it.",
                )  # fmt: skip
