"""The Python interface: every public name with its signature and docstring, grouped by what one does."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache

import exude
from exude import errors
from exude.catalog import read
from generate import markup
from generate.biology import LEVEL, place
from generate.declared import told
from generate.markup import code, plain, table
from generate.numbers import home

FOLDER = "reference"
GROUPS: Mapping[str, tuple[str, str, tuple[str, ...]]] = {
    "cell": ("One cell and populations", "Run cells of a line, one by one or added up, or only what is expected of them.", (
        "simulate", "summarise", "expect", "Settings", "Numbers", "Run", "Summary", "load")),
    "perturbations": ("What is done to cells", "In any number and order; the same words as at the command line.", (
        "KnockDown", "KnockOut", "Overexpress", "DominantNegative", "Rescue", "Drug", "Stimulus", "External", "Permeabilised",
        "CalciumTrace", "CalciumModel")),
    "calcium": ("Measured calcium", "Dyes, their calibration, and what its errors leave open.", (
        "Fura2", "SingleWavelength", "calcium_band", "calcium_ensemble", "simulate_uncertain")),
    "tissue": ("Cells in space", "A dish, a spheroid, a tumour between vessels.", (
        "Tissue", "run_tissue", "open_tissue", "read_tissue", "TissueRun", "Film", "Gel", "Plastic", "Scattered", "At", "Spheroid",
        "Layer", "Wound", "Mixture", "Among", "Capillaries", "Host")),
    "body": ("Bodies and drugs", "Drugs by schedule, cohorts of mice and patients, survival.", (
        "Cohort", "run_cohort", "CohortRun", "survival", "load_cohort", "save_cohort", "Schedule", "plasma")),
    "models": ("Models in and out", "Files for other programs, and models of your own.", (
        "export_sbml", "export_antimony", "export_omex", "export_model", "Export", "simulate_model")),
}  # fmt: skip
"""Page -> (title, what it is about, names in the order of use). A public name that no group has goes to `more`."""
MORE = "more"


@cache
def groups() -> Mapping[str, tuple[str, str, tuple[str, ...]]]:
    """Pages of the interface with their names; what no group names stands on a last page."""
    grouped = {name for _, _, names in GROUPS.values() for name in names}
    rest = tuple(name for name in exude.__all__ if name not in grouped)
    return {**GROUPS, MORE: ("Errors and more", "Errors raised on purpose, and what belongs to no other page.", rest)}


def pages() -> dict[str, str]:
    """Every page of the interface, and the list of symbols, by path."""
    made = {f"{FOLDER}/{name}.md": group_page(name) for name in groups()}
    rows = (
        (f"[`{name}`](#exude.{name})", plain(_first(name)), f"[{title}]({page}.md)")
        for page, (title, _, names) in groups().items()
        for name in names
    )
    index = (
        "# Reference\n\nEverything is reached as `exude.NAME`; `import exude` loads nothing heavy until a name is used. Units are "
        'given as text (`"5 uM"`); inside are seconds, µM, µm and items.\n\n'
        + table(("name", "what it is", "page"), rows)
        + markup.toctree((*groups(), "commands", "symbols"))
    )
    return made | {f"{FOLDER}/index.md": index, f"{FOLDER}/symbols.md": symbols_page()}


def _first(name: str) -> str:
    """First sentence of a docstring."""
    return (inspect.getdoc(getattr(exude, name)) or "").split("\n\n")[0].split("\n")[0]


def group_page(page: str) -> str:
    """One page of the interface, written by autodoc."""
    title, about, names = groups()[page]
    return (
        f"# {title}\n\n{about}\n\n"
        + "".join(_entry(f"exude.{name}") for name in names)
        + (_errors() if page == MORE else "")
    )


def _entry(name: str) -> str:
    found = getattr(exude, name.rpartition(".")[2], None) or getattr(errors, name.rpartition(".")[2])
    kind, options = ("autoclass", "   :members:\n") if inspect.isclass(found) else ("autofunction", "")
    if inspect.isclass(found) and issubclass(found, Exception):
        kind, options = "autoexception", "   :show-inheritance:\n"
    return f"```{{eval-rst}}\n.. {kind}:: {name}\n{options}```\n\n"


def _errors() -> str:
    kinds = [x for x in vars(errors).values() if inspect.isclass(x) and issubclass(x, errors.ExudeError)]
    return "".join(_entry(f"exude.errors.{x.__name__}") for x in kinds if x is not errors.ExudeError)


def symbols_page() -> str:
    """Every symbol of texts and catalogue: what it is and where it stands."""
    rows = sorted((*_declared(), *_parameters()), key=lambda row: row[0].casefold())
    text = "# Symbols\n\nEvery name that an equation or a table uses.\n\n"
    return markup.wide(text + table(("symbol", "kind", "what it is", "unit", "page"), rows))


def _parameters() -> list[tuple[str, ...]]:
    return [
        (
            markup.link(markup.number_place(name), code(name)),
            "number",
            plain(n.meaning),
            markup.unit(n.unit),
            _page(home(name)),
        )
        for name, n in read.parameters().items()
    ]


def _page(name: str) -> str:
    return f"[{told()[name].title}](../biology/{name}.md)" if name in told() else "[Assays](../catalogue/assays.md)"


def _declared() -> list[tuple[str, ...]]:
    """Levels, traces, definitions, fields and pools of cells and tissue, and stocks of the body."""
    found = []
    for page in told().values():
        parts = [page.chapter] if page.chapter else list(page.bodies)
        for part in parts:
            for kind in ("levels", "traces", "definitions", "fields", "pools", "deposits", "stocks"):
                for x in getattr(part, kind, ()):
                    said = getattr(x, "meaning", "") or getattr(x, "why", "")
                    where = place(page.name, x.symbol, LEVEL if kind == "levels" else "")
                    shown = markup.link(where, code(x.symbol))
                    found.append((shown, kind.removesuffix("s"), plain(said), markup.unit(x.unit), _page(page.name)))
    return found
