"""The mean field's equations written a second time, class by class in plain Python, for scipy to solve.

Shares with the package the grammar of rate texts and nothing else: no leaves, no loop, no state layout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from exude.derive import grammar
from exude.derive.symbols import Symbols
from exude.model import BORN, DEGRADED, RELEASED

Floats = NDArray[np.float64]
ENDS = {RELEASED: 3, DEGRADED: 6}
TOTALS = 9


@dataclass(frozen=True)
class Oracle:
    """One segment of constant levels; state: traces, then (stage, class, field), then G, totals, emissions."""

    symbols: Symbols
    values: Mapping[str, float]
    """Parameters and levels."""
    classes: int
    given: tuple[float, float] | None = None
    """Calcium where it is given: value at time 0 and slope."""

    def _expression(self, text: str) -> sympy.Expr:
        trees = self.symbols.trees

        def symbol(name: str) -> sympy.Expr:
            if name in trees:
                return grammar.to_sympy(trees[name], symbol)
            return sympy.Float(self.values[name], 17) if name in self.values else sympy.Symbol(name)

        return grammar.to_sympy(grammar.parse(text), symbol)

    def _function(self, texts: list[str], names: tuple[str, ...]):
        return sympy.lambdify([sympy.Symbol(name) for name in names], [self._expression(t) for t in texts], "math")

    @cached_property
    def rates(self):
        known = self.symbols
        texts = [t.rate for t in known.cascade.life_cycle.transitions] + [e.rate for e in known.cascade.emissions]
        return self._function(texts, (*known.traces, *known.counts))

    @cached_property
    def trace_slopes(self):
        return self._function([t.rate or "0" for t in self.symbols.cascade.traces], self.symbols.traces)

    @cached_property
    def gates(self):
        return [self._function([t.gate or "1"], ("growth",)) for t in self.symbols.cascade.life_cycle.transitions]

    @cached_property
    def membrane(self) -> list[float]:
        m = self.symbols.cascade.life_cycle.membrane
        if m is None:
            return [0.0] * 6
        texts = [m.bud, m.back, m.at_birth, m.per_growth, m.cargo_per_birth_patch, m.cargo_per_growth_patch]
        return [float(self._expression(text)) for text in texts]

    @property
    def shape(self) -> tuple[int, int, int]:
        return len(self.symbols.counts), self.classes, 5

    def start(self, traces: Floats) -> Floats:
        return np.concatenate(
            [traces, np.zeros(np.prod(self.shape) + 1 + TOTALS + len(self.symbols.cascade.emissions))]
        )

    def split(self, state: Floats) -> tuple[Floats, Floats, float, Floats]:
        """Traces, (stage, class, field), growth count of the last class, totals and emissions."""
        traces, size = len(self.symbols.traces), int(np.prod(self.shape))
        inner = state[traces : traces + size].reshape(self.shape)
        return state[:traces], inner, float(state[traces + size]), state[traces + size + 1 :]

    def slopes(self, t: float, state: Floats) -> Floats:
        x, y, grown, _ = self.split(state)
        x = x.copy()
        dx = np.zeros_like(x)
        if self.given is None:
            dx[:] = self.trace_slopes(*x)
        else:
            x[0] = self.given[0] + self.given[1] * t
        cycle = self.symbols.cascade.life_cycle
        dy, dg, dtotal = np.zeros_like(y), 0.0, np.zeros(TOTALS + len(self.symbols.cascade.emissions))
        last = self.classes - 1
        bud, back, at_birth, per_growth, *cargo = self.membrane
        rates = self.rates(*x, *y[:, :, 0].sum(1))
        dtotal[TOTALS:] = rates[len(cycle.transitions) :]
        dy[:, :, 3:] += bud * (y[:, :, 1:3] - y[:, :, 3:]) - back * y[:, :, 3:]
        stage = {name: i for i, name in enumerate(cycle.stages)}
        crowd = y[stage[cycle.resolved], last, 0] if cycle.resolved else 0.0
        mean = max(last, grown / crowd) if crowd > 0 else last
        for e, t in enumerate(cycle.transitions):
            k, s, own = rates[e], stage.get(t.source, -1), t.source == cycle.resolved
            classes = range(self.classes if own else 1)
            if t.source == BORN:
                dy[stage[t.target], 0, 0] += k
                dy[stage[t.target], 0, 1] += k * at_birth
                dtotal[0] += k
            elif t.merges:
                change, more = self._merged(k, y[s], grown if own else 0.0)
                dy[s] += change
                dg += more if own else 0.0
                dtotal[2] += k * y[s, :, 0].sum() ** 2
            elif t.source == t.target:
                for j in classes:
                    to = min(j + t.growth, last) if own else 0
                    flow = k * y[s, j]
                    dy[s, j] -= flow
                    dy[s, to] += flow
                    dy[s, to, 2] += per_growth * flow[0]
                    dtotal[1] += flow[0]
                    if own and to == last:
                        dg += flow[0] * (t.growth if j == last else j + t.growth)
            else:
                for j in classes:
                    allowed = self.gates[e](mean if j == last else j)[0] if own else 1.0
                    flow = k * allowed * y[s, j]
                    dy[s, j] -= flow
                    if own and j == last:
                        dg -= k * allowed * grown
                    if t.target in ENDS:
                        column = ENDS[t.target]
                        dtotal[column] += flow[0]
                        dtotal[column + 1] += flow[3] + flow[4]
                        dtotal[column + 2] += cargo[0] * flow[3] + cargo[1] * flow[4]
                    else:
                        dy[stage[t.target], 0] += flow
        return np.concatenate([dx, dy.ravel(), [dg], dtotal])

    @cached_property
    def _into(self) -> Floats:
        """(class, one, other): 1 where the merger of two classes ends."""
        ends = np.minimum(np.add.outer(range(self.classes), range(self.classes)), self.classes - 1)
        return np.array([ends == j for j in range(self.classes)], float)

    def _merged(self, k: float, y: Floats, grown: float) -> tuple[Floats, float]:
        """What mergers do to a stage (class, field), and to the growth count of its last class; every ordered pair."""
        n = y[:, 0]
        both = y[:, None, :] * n[None, :, None] + y[None, :, :] * n[:, None, None]
        both[..., 0] = np.outer(n, n)
        counts = np.arange(self.classes) * n
        counts[-1] = grown
        added = (self._into[-1] * (np.outer(counts, n) + np.outer(n, counts))).sum()
        gain = self._into.reshape(self.classes, -1) @ both.reshape(-1, y.shape[1])
        return k * (gain - 2 * n.sum() * y), k * (added - 2 * n.sum() * grown)

    def solve(self, state: Floats, span: float, method: str = "LSODA") -> Floats:
        """The state after `span`, at the tightest tolerance that scipy takes."""
        found = solve_ivp(self.slopes, (0.0, span), state, method=method, rtol=1e-12, atol=1e-13)
        assert found.success, found.message
        return found.y[:, -1]
