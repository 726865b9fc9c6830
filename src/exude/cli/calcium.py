"""`exude calcium`: the calcium that a recording of light, or an SBML model, stands for."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from exude.cli.common import Parser, write_text
from exude.errors import DataError, refuse

if TYPE_CHECKING:
    import xarray as xr

    from exude.experiment.perturbations import CalciumModel, CalciumTrace

EXAMPLES = """examples:
  exude calcium trace.csv --dye fura2 --calibration "kd=224 nM, r_min=0.31 +/- 0.02, r_max=6.2 +/- 0.4, beta=5.1"
  exude calcium trace.csv --dye gcamp6s --calibration "f_min=110, f_max=2400" --plot calcium.png
  exude calcium trace.csv --dye fluo4 --calibration "dynamic_range=20, baseline=0 s to 60 s, resting=0.1 uM" -o out.csv
  exude calcium model.xml:Ca_cyt --duration "10 min" --plot model.png
"""
MODELS = (".xml", ".sbml")
PLOTS = (".png", ".svg", ".pdf")


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Declare the command."""
    p = commands.add_parser(
        "calcium", help="calibrate a recording of calcium, or run a calcium model", epilog=EXAMPLES,
        description="Convert a Fura-2, Fluo-4 or GCaMP recording to calcium with its error, or run an SBML model.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    p.add_argument("file", metavar="FILE", help="recording (.csv), or model (.xml or .sbml, with :SPECIES if need be)")
    dye_options(p)
    p.add_argument("--samples", type=int, default=200, metavar="N", help="draws behind the band (default: 200)")
    p.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the draws (default: 1)")
    p.add_argument("--duration", default="10 min", metavar="TIME", help="of a model's curve (default: 10 min)")
    p.add_argument("-o", "--out", type=Path, metavar="FILE.csv", help="write the curve as `time_s,calcium_uM`")
    p.add_argument("--plot", type=Path, metavar="FILE", help="draw it (.png, .svg or .pdf)")
    p.set_defaults(run=run)


def dye_options(p: Any) -> None:
    """The options that say how light becomes calcium; `exude simulate` has them too."""
    p.add_argument("--dye", default="", metavar="NAME", help="fura2, fluo4, gcamp6s, gcamp6m or gcamp6f")
    p.add_argument(
        "--calibration", default="", metavar="'NAME=VALUE, ...'", help="e.g. 'r_min=0.3, r_max=6 +/- 0.4, beta=5'"
    )
    p.add_argument("--gaps", choices=("refuse", "line"), default="refuse", help="bridge gaps by a line")
    p.add_argument("--outside", choices=("refuse", "clip"), default="refuse", help="readings beyond the calibration")


def run(asked: argparse.Namespace) -> None:
    """Convert, say, write, draw."""
    if asked.plot and asked.plot.suffix.lower() not in PLOTS:
        raise refuse(DataError, str(asked.plot), f"a name ending in {', '.join(PLOTS)}", "Write --plot calcium.png.")
    from exude.experiment.parse import of_kind

    is_model = asked.file.rpartition(":")[0].lower().endswith(MODELS) or asked.file.lower().split(" ")[0].endswith(
        MODELS
    )
    what = of_kind("calcium-sbml", asked.file) if is_model else of_kind("calcium-trace", sentence(asked, asked.file))
    band = curve(what, asked)
    print(in_words(asked.file, band))
    if asked.out:
        rows = zip(band["time"].values, band["calcium"].values, strict=True)
        write_text(asked.out, "time_s,calcium_uM\n" + "".join(f"{t:.9g},{c:.6g}\n" for t, c in rows))
        print(f"written: {asked.out}")
    if asked.plot:
        from exude.show.calcium import calcium_figure
        from exude.show.style import write

        write(calcium_figure(band, f"Calcium from {Path(asked.file).name}"), asked.plot)
        print(f"written: {asked.plot}")


def sentence(asked: argparse.Namespace, file: str) -> str:
    """The sentence of a calcium trace with the dye's options added to it."""
    if asked.calibration and not asked.dye:
        raise DataError(f"got --calibration {asked.calibration!r} without a dye; expected both. Add --dye fura2.")
    dye = f" dye={asked.dye} {asked.calibration.replace(',', ' ')}" if asked.dye else ""
    ways = "".join(
        f" {name}={getattr(asked, name)}" for name in ("gaps", "outside") if getattr(asked, name) != "refuse"
    )
    return file + dye + ways


def curve(what: CalciumTrace | CalciumModel | Any, asked: argparse.Namespace) -> xr.Dataset:
    """The curve as a dataset, with its band where it has errors."""
    import xarray as xr

    from exude.experiment.perturbations import CalciumTrace
    from exude.experiment.traces import given_curve
    from exude.experiment.uncertain import calcium_band
    from exude.units import seconds

    if isinstance(what, CalciumTrace) and what.dye is not None:
        return calcium_band(what, asked.samples, seed=asked.seed)
    times, values = given_curve(what, seconds(asked.duration, what="duration"))
    return xr.Dataset({"calcium": ("time", values)}, {"time": times})


def in_words(file: str, band: xr.Dataset) -> str:
    """The curve in a few lines."""
    from exude.units import say_seconds

    values, times = band["calcium"].values, band["time"].values
    top = int(values.argmax())
    lines = [
        f"{file}: {values.size} points over {say_seconds(float(times[-1] - times[0]))}",
        f"  calcium  {values[0]:.3f} µM at the start, {values[top]:.3f} µM at most (at {times[top]:g} s),"
        f" {values[-1]:.3f} µM at the end",
    ]
    if "low" in band:
        low, high = (band[name].values for name in ("low", "high"))
        lines.append(
            f"  95 % band  {low[0]:.3f} to {high[0]:.3f} µM at the start, {low[top]:.3f} to {high[top]:.3f} µM at most"
        )
    return "\n".join(lines)
