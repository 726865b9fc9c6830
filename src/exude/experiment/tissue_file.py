"""An experiment in space as a TOML file: every key checked, every quantity with its unit."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ValidationError
from pydantic import Field as Key

from exude.cascade import DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.catalog.schema import Table
from exude.errors import DataError, ExudeError, refuse
from exude.experiment.arrange import At, Layer, Scattered, Spheroid, Wound
from exude.experiment.matrix import Film, Gel, Plastic
from exude.experiment.parse import perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue
from exude.units import factor_to_internal, quantity

LONGEST_SHOWN = 100
"""Letters of a value that an error repeats."""
LONGEST_FILE = 2**20
"""Bytes of the longest file that is read as a protocol."""


def _with_unit(unit: str, example: str) -> BeforeValidator:
    """Checks number and unit of a quantity, which stays text."""

    def check(given: object) -> object:
        expected = f"a text with a number >= 0 and a unit that converts to {unit!r}, e.g. {example!r}"
        if not isinstance(given, str):
            raise ValueError(f"got {_short(given)}; expected {expected}")
        try:
            quantity(given, unit, what="it")
        except ExudeError as problem:
            raise ValueError(f"got {_short(given)}; expected {expected}") from problem
        return given

    return BeforeValidator(check)


Length = Annotated[str, _with_unit("um", "10 um")]
Time = Annotated[str, _with_unit("s", "30 min")]
Density = Annotated[str, _with_unit("mg/ml", "2.5 mg/ml")]
Whole = Annotated[int, Key(strict=True)]
Switch = Annotated[bool, Key(strict=True)]


class Box(Table):
    """[box]: sides along x, y (and z), and the side of a voxel."""

    size: Annotated[tuple[Length, ...], Key(min_length=2, max_length=3)] = Tissue.size
    voxel: Length = Tissue.voxel


class GelTable(Table):
    """[matrix] kind = "gel"."""

    kind: Literal["gel"]
    collagen: Density = Gel.collagen
    fibres: str = Gel.fibres

    def made(self) -> Gel:
        """What it stands for."""
        return Gel(self.collagen, self.fibres)


class FilmTable(Table):
    """[matrix] kind = "film"."""

    kind: Literal["film"]
    thickness: Length | Literal[""] = Film.thickness

    def made(self) -> Film:
        """What it stands for."""
        return Film(self.thickness)


class PlasticTable(Table):
    """[matrix] kind = "plastic"."""

    kind: Literal["plastic"]

    def made(self) -> Plastic:
        """What it stands for."""
        return Plastic()


class ScatteredTable(Table):
    """[cells] arrangement = "scattered"."""

    arrangement: Literal["scattered"]
    number: Whole = Scattered.number

    def made(self) -> Scattered:
        """What it stands for."""
        return Scattered(self.number)


class SpheroidTable(Table):
    """[cells] arrangement = "spheroid"."""

    arrangement: Literal["spheroid"]
    number: Whole = Spheroid.number

    def made(self) -> Spheroid:
        """What it stands for."""
        return Spheroid(self.number)


class WoundTable(Table):
    """[cells] arrangement = "wound"."""

    arrangement: Literal["wound"]
    width: Length = Wound.width

    def made(self) -> Wound:
        """What it stands for."""
        return Wound(self.width)


class LayerTable(Table):
    """[cells] arrangement = "layer"."""

    arrangement: Literal["layer"]
    number: Whole = Layer.number

    def made(self) -> Layer:
        """What it stands for."""
        return Layer(self.number)


class AtTable(Table):
    """[cells] arrangement = "at": two or three lengths for each cell, from the box's lower corner."""

    arrangement: Literal["at"]
    points: Annotated[tuple[Annotated[tuple[Length, ...], Key(min_length=2, max_length=3)], ...], Key(min_length=1)]

    def made(self) -> At:
        """What it stands for; a cell of two lengths lies at z = 0."""
        places = [[quantity(text, "um", what="place of a cell") for text in point] for point in self.points]
        return At(tuple((x, y, rest[0] if rest else 0.0) for x, y, *rest in places))


MatrixTable = Annotated[GelTable | FilmTable | PlasticTable, Key(discriminator="kind")]
CellsTable = Annotated[
    ScatteredTable | SpheroidTable | WoundTable | LayerTable | AtTable, Key(discriminator="arrangement")
]


class TissueTable(Table):
    """The whole file."""

    line: str = Tissue.line
    what: tuple[str, ...] = ()
    duration: Time = Tissue.duration
    every: Time = Tissue.every
    burn_in: Time = Tissue.burn_in
    step: Time | Literal[""] = Tissue.step
    seed: Whole = Tissue.seed
    secretion: Literal["vesicles", "mean-field"] = "vesicles"
    oxygen: Switch = Tissue.oxygen
    alike: Switch = Tissue.alike
    hypothesis: str = DEFAULT_HYPOTHESIS
    box: Box = Box()
    matrix: MatrixTable = GelTable(kind="gel")
    cells: CellsTable = ScatteredTable(arrangement="scattered")
    numbers: dict[str, str | float] = Key(default_factory=dict)

    def made(self, threads: int = 0) -> Tissue:
        """The experiment it describes."""
        return Tissue(
            line=self.line, what=tuple(perturbation(text) for text in self.what), matrix=self.matrix.made(),
            cells=self.cells.made(), size=self.box.size, voxel=self.box.voxel, duration=self.duration,
            every=self.every, seed=self.seed, secretion=self.secretion, step=self.step, oxygen=self.oxygen,
            alike=self.alike, hypothesis=self.hypothesis, numbers=numbers_of(self.numbers), burn_in=self.burn_in,
            threads=threads,
        )  # fmt: skip


def read_tissue(path: str | Path, *, threads: int = 0) -> Tissue:
    """The experiment that a TOML file describes.

    Raises DataError, with the file, the key and the nearest valid one, for what is no TOML, an unknown key, a quantity
    without a unit or a value that does not fit; UnknownName and ProtocolError for a number, gene, drug or sentence that
    does not exist.
    """
    place = Path(path)
    try:
        with place.open("rb") as file:
            text = file.read(LONGEST_FILE + 1)
        if len(text) > LONGEST_FILE:
            raise ValueError(f"more than {LONGEST_FILE} bytes")
        held = tomllib.loads(text.decode())
    except RecursionError as problem:
        raise DataError(f"{path}: got lists or tables nested too deep; expected a TOML file. Mend it.") from problem
    except (OSError, ValueError) as problem:  # ValueError: bad TOML, bad UTF-8
        said = " ".join(str(problem).split())
        raise DataError(f"{path}: got {said}; expected a TOML file. Mend the line it names, or the path.") from problem
    try:
        return TissueTable.model_validate(held).made(threads)
    except ValidationError as problem:
        raise _said(path, problem) from problem
    except ExudeError as problem:
        raise type(problem)(f"{path}: {problem}") from problem


def numbers_of(changed: Mapping[str, str | float]) -> Numbers:
    """The catalogue's numbers with some changed, each given with its unit; refused by name where it cannot be."""
    own = {name: read.parameter(name) for name in changed}  # nearest name where there is none
    found = {}
    for name, given in changed.items():
        unit = own[name].unit
        signed = own[name].value < 0
        found[name] = quantity(given, unit, what=name, signed=signed) * factor_to_internal(unit)
    return Numbers.default().but(**found)


def _said(path: str | Path, problem: ValidationError) -> ExudeError:
    """The first thing that is wrong, with its place in the file."""
    first = problem.errors()[0]
    tags = {get_args(m.model_fields[tag].annotation)[0] for tag, m in _tagged()}
    steps = [part for i, part in enumerate(first["loc"]) if not (i == 1 and part in tags)]
    where = ".".join(str(part) for part in steps if not str(part).startswith(("function-", "literal[", "str")))
    head = f"{path}: [{where}]" if where else f"{path}:"
    if first["type"] == "extra_forbidden":
        known = _keys(TissueTable, first["loc"][:-1])
        error = refuse(
            DataError, str(first["loc"][-1]), f"a key of {', '.join(known)}", "Correct or remove it.", near=known
        )
        return DataError(f"{head} {error}")
    if first["type"].startswith("union_tag"):
        found = first.get("ctx", {})
        tag, known = (
            found["discriminator"].strip("'"),
            [t.strip("' ") for t in found.get("expected_tags", "").split(",")],
        )
        known = known if any(known) else sorted(_tags(tag))
        error = refuse(
            DataError, found.get("tag", f"no {tag}"), f"{tag} = {' or '.join(known)}", f"Write {tag} = {known[0]!r}.",
            near=known,
        )  # fmt: skip
        return DataError(f"{head} {error}")
    said = " ".join(first["msg"].removeprefix("Value error, ").split())
    got = "" if said.startswith("got ") else f"got {_short(first['input'])}; "
    return DataError(f"{head} {got}{said.rstrip('.')}. Mend that key.")


def _tagged() -> Iterable[tuple[str, type[BaseModel]]]:
    """Tables of which one is chosen by a key, with that key."""
    for tag, union in (("kind", MatrixTable), ("arrangement", CellsTable)):
        yield from ((tag, model) for model in get_args(get_args(union)[0]))


def _tags(tag: str) -> set[str]:
    return {get_args(m.model_fields[t].annotation)[0] for t, m in _tagged() if t == tag}


def _keys(model: type[BaseModel], steps: tuple[str | int, ...]) -> list[str]:
    """Keys that are valid at a place in the file."""
    for step in steps:
        chosen = [m for t, m in _tagged() if get_args(m.model_fields[t].annotation)[0] == step]
        if chosen:
            model = chosen[0]
        elif step in model.model_fields:
            annotation: Any = model.model_fields[str(step)].annotation
            if get_origin(annotation) not in (Union, UnionType) and isinstance(annotation, type):
                model = annotation
    return list(model.model_fields)


def _short(value: object) -> str:
    return ascii(value)[:LONGEST_SHOWN]
