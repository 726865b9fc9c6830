"""The dishes of the tissue view: examples as files, what an address changes in them, and the same as file and code."""

from __future__ import annotations

import json
import re
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.datastructures import QueryParams

from exude.catalog import read
from exude.errors import ExudeError, ProtocolError, UnknownName, refuse
from exude.experiment.tissue import Plan, Tissue
from exude.experiment.tissue_file import read_tissue
from exude.page.asked import MOST_SEED, MOST_SENTENCES, whole
from exude.page.cell import short
from exude.show.words import micro
from exude.units import seconds

Plain = dict[str, Any]
FOLDER = Path(str(resources.files("exude.page") / "dishes"))
KEYS = ("dish", "line", "line2", "n", "duration", "seed", "a", "b", "sides")
"""What an address may say of a dish that is run; `a` and `b` are what is done on the left and on the right."""
KINDS = ("knock-down", "knock-out", "overexpress", "dominant-negative", "rescue", "drug", "stimulus")
"""Sentences an address may hold: none that opens a file."""
OF_KIND = re.compile(r"(\w+): (.+)")
NAME = re.compile(r"(?<![.\w'\"])(?=[A-Z]\w*\()")
"""Where the name of a class of the library begins in code."""
LETTERS = ("a", "b")
MOST_SECONDS = 180.0
"""Of one core, for one run of this page, as estimated."""
HOUR = 3600.0
SPANS = (0.5, 1, 2)
"""Lengths that are offered, as shares of the example's own."""


@dataclass(frozen=True)
class Dish:
    """One example: its file, and what the page says and offers beside it."""

    name: str
    title: str
    against: tuple[str, ...]
    """What the right side begins with; the left is untreated."""
    drugs: tuple[str, ...]
    cost: float
    """Seconds of one core that one side took."""
    most: int
    """Most cells of all kinds together at the start, where they are counted."""
    field: str = "exosomes"
    """The field that is shown first."""
    counts: tuple[tuple[str, str], ...] = ()
    """Kinds of cells whose number can be chosen, and where in the file it stands."""
    fixed: float = 0.3
    """Share of the cost that does not grow with the number of cells."""

    @property
    def path(self) -> Path:
        """Its file."""
        return FOLDER / f"{self.name}.toml"

    @property
    def text(self) -> str:
        """The file as it stands in the package."""
        return self.path.read_text(encoding="utf-8")

    @property
    def says(self) -> str:
        """What the file says of itself in its first comment."""
        lines = self.text.splitlines()
        end = next(i for i, line in enumerate(lines) if not line.startswith("#"))
        return " ".join(line.lstrip("# ") for line in lines[:end])

    def held(self) -> Plain:
        """The file's tables."""
        return tomllib.loads(self.text)


DISHES = {
    dish.name: dish
    for dish in (
        Dish(
            "gelatin", "A gelatin film", ("knock-down UNC13D=0.1",), ("GM6001", "bexin"), 9.0, 16, "collagen",
            (("tumour", "cells.number"),), 0.7,
        ),
        Dish(
            "spheroid", "A spheroid in collagen", ("drug GM6001 40 uM",), ("GM6001", "bexin"), 8.0, 150, "collagen",
            (("tumour", "cells.number"),),
        ),
        Dish("wound", "A scratch wound", ("knock-down UNC13D=0.1",), ("GM6001", "bexin"), 5.0, 0),
        Dish(
            "co_culture", "Tumour and T cells", ("drug anti-PD-L1 0.07 uM",), ("anti-PD-L1", "bexin"), 6.5, 120, "exosomes",
            (("tumour", "cells.numbers.tumour"), ("t_cell", "cells.numbers.t_cell")),
        ),
        Dish(
            "transfer", "Transfer of an oncogene", ("knock-down UNC13D=0.1",), ("bexin",), 5.0, 120, "exosomes_taken",
            tuple((kind, f"cells.numbers.{kind}") for kind in ("tumour", "fibroblast", "normal")),
        ),
        Dish(
            "tumour", "A tumour with vessels", ("knock-down UNC13D=0.1",), ("anti-PD-L1", "bexin", "GM6001"), 9.0, 300,
            "oxygen", (("tumour", "cells.tumour.number"), ("t_cell", "cells.others.t_cell")),
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class AskedDish:
    """What an address asks for: an example, and for each side its tables as a file would hold them."""

    dish: Dish
    held: tuple[Plain, ...]
    tissues: tuple[Tissue, ...]
    estimate: float
    """Seconds it should take on a core that does nothing else."""

    def text(self, side: int) -> str:
        """One side as a TOML file, as `read_tissue` reads it."""
        head = "\n".join(line for line in self.dish.text.splitlines() if line.startswith("# "))
        return f"{head}\n" + "\n".join(_written(self.held[side])) + "\n"

    def file(self, side: int) -> str:
        """Name of that file."""
        return f"{self.dish.name}-{'left' if side == 0 else 'right'}.toml"

    def as_command(self) -> str:
        """The commands that run the files."""
        names = [self.file(side) for side in range(len(self.held))]
        return "\n".join(f"exude tissue {name} -o {name.removesuffix('.toml')}.zarr" for name in names)

    def as_python(self) -> str:
        """The same experiment as code to copy."""
        made = [
            f'{name} = exude.run_tissue(\n    {_code(tissue)},\n    "{self.dish.name}-{name}.zarr",\n)'
            for name, tissue in zip(("left", "right"), self.tissues, strict=False)
        ]
        shown = ", ".join(f"{name}.data" for name in ("left", "right")[: len(made)])
        return "import exude\n\n" + "\n".join(made) + f"\nprint({shown})\n"


def asked_dish(query: QueryParams) -> AskedDish:
    """Read an address; ProtocolError, UnknownName, UnitError or DataError in one sentence for what cannot be run."""
    name = query.get("dish", "gelatin")
    if name not in DISHES:
        raise refuse(UnknownName, name[:40], f"an example: {', '.join(DISHES)}", "Choose one of the list.", DISHES)
    dish = DISHES[name]
    sides = whole(query, "sides", 2, 1, 2)
    lines = [query.get("line", "MDA-MB-231"), query.get("line2", query.get("line", "MDA-MB-231"))]
    held = tuple(
        _changed(dish, query, read.line(line).name, query.getlist(letter))
        for line, letter in zip(lines[:sides], LETTERS, strict=False)
    )
    estimate = sum(map(_estimator(dish), held))
    if estimate > MOST_SECONDS:
        fix = "Take fewer cells or a shorter time, or enlarge the downloaded file and run it with `exude tissue`, which has no limit."
        raise ProtocolError(
            f"that would take about {estimate / 60:.0f} min; expected at most {MOST_SECONDS / 60:g}. {fix}"
        )
    return AskedDish(dish, held, tuple(map(_tissue, held)), estimate)


@cache
def bench() -> Plain:
    """What the controls offer: examples with what can be changed in each, and lines."""
    return {
        "lines": [{"name": x.name, "tissue": x.tissue} for x in read.lines().values()],
        "dishes": [_offered(dish) for dish in DISHES.values()],
        "most_seconds": MOST_SECONDS,
    }


def planned(asked: AskedDish) -> list[Plain]:
    """Where the cells of each side stand before anything is run: label, kinds, places and radius in um, the box."""
    plans = [tissue.plan() for tissue in asked.tissues]
    labels = told_apart([plan.attrs() for plan in plans])
    return [_start(plan) | {"label": label} for plan, label in zip(plans, labels, strict=True)]


def _start(plan: Plan) -> Plain:
    position, setup = plan.positions(), plan.setup
    kinds = plan.asked.cells.kinds_at(len(position), plan.asked.seed)
    return {
        "kinds": kinds,
        "places": [short(row) for row in position],
        "radius": [float(setup.kinds.radius[setup.space.kinds.index(kind)]) for kind in kinds],
        "box": {"shape": list(setup.grid.shape), "h": setup.grid.h, "origin": list(setup.grid.origin)},
    }


def _offered(dish: Dish) -> Plain:
    held, drugs = dish.held(), read.drugs()
    own = seconds(held["duration"], what="duration")
    return {
        "name": dish.name, "title": dish.title, "says": dish.says, "against": list(dish.against), "field": dish.field,
        "duration": held["duration"], "durations": [f"{own / HOUR * share:g} h" for share in SPANS],
        "cost": dish.cost, "fixed": dish.fixed, "most": dish.most, "seed": held["seed"],
        "kinds": list(held.get("also", {})),
        "counts": [{"kind": kind, "usual": _at(held, path)} for kind, path in dish.counts],
        "drugs": [
            {"name": name, "unit": drugs[name].dose_unit, "usual": drugs[name].usual_dose, "summary": micro(drugs[name].summary)}
            for name in dish.drugs
        ],
    }  # fmt: skip


def _changed(dish: Dish, query: QueryParams, line: str, texts: list[str]) -> Plain:
    """The example's tables with what an address changes for one side."""
    held = dish.held()
    length = query.get("duration", held["duration"])
    seconds(length, what="duration")
    held.update(line=line, duration=length, seed=whole(query, "seed", held["seed"], 0, MOST_SEED))
    for text in query.getlist("n"):
        kind, _, number = text.partition("=")
        paths = dict(dish.counts)
        if kind not in paths:
            raise refuse(
                ProtocolError,
                text[:40],
                f"a number of cells of this dish: {', '.join(paths) or 'none'}",
                "Leave it out.",
                paths,
            )
        _put(held, paths[kind], whole({kind: number}, kind, 1, 1, dish.most))
    if (total := _cells(dish, held)) > max(dish.most, 0):
        raise ProtocolError(
            f"got {total} cells; expected at most {dish.most} on this page. Take fewer, or use `exude tissue`."
        )
    if len(texts) > MOST_SENTENCES:
        raise ProtocolError(
            f"got {len(texts)} things to do to the cells; expected at most {MOST_SENTENCES}. Leave some out."
        )
    for text in texts:
        _do(held, text.strip())
    return held


def _do(held: Plain, text: str) -> None:
    """Put one sentence where the file has it: `what`, or `also` of a kind of cells."""
    named = OF_KIND.fullmatch(text)
    sentence = named[2] if named else text
    if sentence.partition(" ")[0] not in KINDS:
        raise refuse(
            ProtocolError,
            sentence[:60],
            f"one of {', '.join(KINDS)}",
            "Write for example 'knock-down UNC13D=0.1'.",
            KINDS,
        )
    if named:
        held.setdefault("also", {}).setdefault(named[1], []).append(sentence)
    else:
        held.setdefault("what", []).append(sentence)


def _tissue(held: Plain) -> Tissue:
    """The experiment of a file with these tables, read by the reader of files."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "dish.toml"
        path.write_text("\n".join(_written(held)), encoding="utf-8")
        try:
            made = read_tissue(path, threads=1)  # a small dish gains nothing from more, and other jobs run beside it
            made.plan()
        except ExudeError as problem:
            raise type(problem)(str(problem).replace(f"{path}: ", "")) from problem
    return made


def _cells(dish: Dish, held: Plain) -> int:
    return sum(_at(held, path) for _, path in dish.counts)


def _estimator(dish: Dish) -> Any:
    """What a side should take, from what the example took: in proportion to time, and but for a share to cells."""
    usual = dish.held()
    hours, cells = seconds(usual["duration"], what="duration"), _cells(dish, usual)

    def estimate(held: Plain) -> float:
        crowd = _cells(dish, held) / cells if cells else 1.0
        longer = seconds(held["duration"], what="duration") / hours
        return dish.cost * longer * (dish.fixed + (1 - dish.fixed) * crowd)

    return estimate


def _at(held: Plain, path: str) -> Any:
    found: Any = held
    for key in path.split("."):
        found = found[key]
    return found


def _put(held: Plain, path: str, value: Any) -> None:
    place, _, key = path.rpartition(".")
    _at(held, place)[key] = value


def _written(table: Plain, path: tuple[str, ...] = ()) -> Iterator[str]:
    """A table as lines of TOML: its own keys first, then the tables in it."""
    own = [f"{key} = {_value(value)}" for key, value in table.items() if not isinstance(value, dict)]
    if path and own:
        yield f"\n[{'.'.join(path)}]"
    yield from own
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _written(value, (*path, key))


def _value(value: Any) -> str:
    """A value as TOML has it, which is how JSON has it but for letters beyond the first plane."""
    return json.dumps(value, ensure_ascii=False)


def _code(tissue: Tissue) -> str:
    """An experiment as code, keys that are as usual left out."""
    usual = Tissue()
    said = {f.name: getattr(tissue, f.name) for f in fields(tissue) if f.name not in ("line", "what", "threads")}
    rows = [f'"{tissue.line}",', f"{tissue.what!r},"]
    rows += [f"{name}={value!r}," for name, value in said.items() if value != getattr(usual, name)]
    inside = "".join(f"        {NAME.sub('exude.', row)}\n" for row in rows)
    return f"exude.Tissue(\n{inside}    )"


def told_apart(made: Sequence[Mapping[str, Any]]) -> list[str]:
    """What was done in each of two runs, in words that differ: with the line where lines do."""
    said = [_done(one) for one in made]
    if len({one.get("line") for one in made}) > 1:
        said = [f"{one.get('line')}, {text}" for one, text in zip(made, said, strict=True)]
    return [said[0], f"{said[1]} (right)"] if len(said) > 1 and said[0] == said[1] else said


def conditions_of(made: Mapping[str, Any]) -> str:
    """What a run says was done in it, with its line."""
    return f"{made.get('line', '')}, {_done(made)}".strip(", ")


def _done(made: Mapping[str, Any]) -> str:
    """What was done, said as briefly as it can be: from the start is how nearly all is done."""
    return "; ".join(micro(str(text)).replace(" at 0 min", "") for text in made.get("conditions", ["untreated"]))
