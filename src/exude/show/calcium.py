"""The figure of a calibrated calcium recording."""

from __future__ import annotations

from typing import Any

import xarray as xr
from matplotlib.figure import Figure

from exude.show.style import FAINT, PALETTE, new_figure, settled, style, wrap
from exude.units import factor_to_internal


def calcium_figure(band: xr.Dataset, title: str) -> Figure:
    """Calcium over time with the 95 % band that calibration and noise leave; without `low` and `high`, a line."""
    with style():
        figure = new_figure(120, 70)
        axes: Any = figure.add_subplot()
        end = float(band["time"][-1])
        unit = next(u for u in ("h", "min", "s") if end > 4 * factor_to_internal(u) or u == "s")
        time = band["time"].values / factor_to_internal(unit)
        if "low" in band:
            axes.fill_between(time, band["low"], band["high"], color=PALETTE[0], alpha=0.25, lw=0)
            axes.set_title("line: as calibrated; band: 95 % of the ensemble", loc="left", fontsize=6.8, color=FAINT)
        axes.plot(time, band["calcium"], color=PALETTE[0], lw=1.0)
        axes.set_xlabel(f"time ({unit})")
        axes.set_ylabel("free calcium (µM)")
        axes.set_ylim(bottom=0)
        axes.set_xlim(time[0], time[-1])
        figure.suptitle(wrap(title, 80), x=0.01, ha="left", fontsize=9, fontweight="bold")
        return settled(figure)
