"""Tables on a terminal: ruled and wrapped for a person, plain aligned columns for a pipe."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TextIO


@dataclass(frozen=True)
class Table:
    """Named columns and rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Sheet:
    """One thing of the catalogue: a heading, named facts, and tables below."""

    title: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...] = ()


def show_table(table: Table, out: TextIO | None = None) -> None:
    """Print a table: ruled on a terminal, one line per row elsewhere."""
    out = out or sys.stdout
    if out.isatty():
        _ruled(table, out)
        return
    widths = [max(len(row[i]) for row in (table.columns, *table.rows)) for i in range(len(table.columns))]
    for row in (table.columns, *table.rows):
        out.write("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n")


def show_sheet(sheet: Sheet, out: TextIO | None = None) -> None:
    """Print one thing of the catalogue."""
    out = out or sys.stdout
    if out.isatty():
        _ruled_sheet(sheet, out)
    else:
        out.write(f"{sheet.title}\n")
        width = max((len(name) for name, _ in sheet.facts), default=0)
        for name, text in sheet.facts:
            out.write(f"  {name.ljust(width)}  {text}\n")
    for table in sheet.tables:
        out.write(f"\n{table.title}\n")
        show_table(Table("", table.columns, table.rows), out)
    out.write("\n")


def _console(out: TextIO) -> Any:
    from rich.console import Console

    return Console(file=out, highlight=False)


def _ruled(table: Table, out: TextIO) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table as RichTable
    from rich.text import Text

    grid = RichTable(title=table.title or None, title_justify="left", box=SIMPLE_HEAD, pad_edge=False)
    for column in table.columns:
        grid.add_column(column, overflow="fold")
    for row in table.rows:
        grid.add_row(*(Text(cell, style=_STYLES.get(cell.split(" ")[0] if cell else "", "")) for cell in row))
    _console(out).print(grid)


_STYLES = {"agrees": "green", "disagrees": "red", "assumed": "yellow"}


def _ruled_sheet(sheet: Sheet, out: TextIO) -> None:
    from rich.table import Table as RichTable
    from rich.text import Text

    console = _console(out)
    console.print(Text(sheet.title, style="bold"))
    grid = RichTable.grid(padding=(0, 2))
    grid.add_column(style="dim", no_wrap=True)
    grid.add_column(overflow="fold")
    for name, text in sheet.facts:
        grid.add_row(f"  {name}", Text(text))
    console.print(grid)


def scores(rows: Sequence[Mapping[str, Any]]) -> Table:
    """The rows of `exude reproduce` as a biologist reads them."""
    from exude.show.words import predicted, reported, weakness

    lines = []
    for row in rows:
        under = f" [under {row['hypothesis']}]" if row.get("hypothesis") else ""
        lines.append((
            str(row["id"]), f"{row.get('says', '')}{under}".strip(), reported(row), predicted(row), str(row["role"]),
            str(row["verdict"]), weakness(row),
        ))  # fmt: skip
    columns = ("id", "statement", "reported", "predicted (95 %)", "role", "verdict", "mark")
    return Table("The study of 2018 in silico", columns, tuple(lines))
