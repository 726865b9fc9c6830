"""An xarray dataset as a table a person reads: one row per variable and label, numbers over the rest as a summary."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import xarray as xr

from exude.show.tables import Table
from exude.show.words import said, unit

MOST_LABELS = 12
"""A dimension with more places than this is summarised, not listed."""


def dataset_table(title: str, dataset: xr.Dataset) -> Table:
    """One row per variable and place of its short, named dimensions; mean and range over all others."""
    rows: list[tuple[str, ...]] = []
    for name, data in dataset.data_vars.items():
        if data.dtype.kind not in "iufb":
            continue
        listed = [d for d in data.dims if d in data.coords and data.sizes[d] <= MOST_LABELS]
        for labels in itertools.product(*(data[d].values for d in listed)):
            part = data.sel(dict(zip(listed, labels, strict=True)))
            where = ", ".join(f"{d} {_label(v)}" for d, v in zip(listed, labels, strict=True))
            rows.append((str(name), where, *_numbers(part.values), unit(str(data.attrs.get("units", "")))))
    return Table(title, ("reads", "where", "mean", "from", "to", "number", "unit"), tuple(rows))


def _label(value: Any) -> str:
    return said(float(value)) if isinstance(value, (float, np.floating)) else str(value)


def _numbers(values: Any) -> tuple[str, str, str, str]:
    flat = np.asarray(values, float).ravel()
    flat = flat[np.isfinite(flat)]
    if not flat.size:
        return "–", "–", "–", "0"
    spread = (said(float(flat.min())), said(float(flat.max()))) if flat.size > 1 else ("", "")
    return said(float(flat.mean())), *spread, str(flat.size)
