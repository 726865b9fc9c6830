"""An experiment in space as a TOML file: every key checked, every quantity with its unit."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, ValidationError
from pydantic import Field as Key

from exude.cascade import ALL, DEFAULT_HYPOTHESIS
from exude.catalog import read
from exude.catalog.schema import Table
from exude.errors import DataError, ExudeError, nearest, refuse
from exude.experiment.arrange import Among, At, Layer, Mixture, Scattered, Spheroid, Wound
from exude.experiment.bed import Capillaries, Host
from exude.experiment.dosing import Schedule
from exude.experiment.matrix import Film, Gel, Plastic
from exude.experiment.parse import perturbation
from exude.experiment.protocol import Numbers
from exude.experiment.tissue import Tissue
from exude.units import factor_to_internal, quantity

LONGEST_SHOWN = 100
"""Letters of a value that an error repeats."""
LONGEST_FILE = 2**20
"""Bytes of the longest file that is read as a protocol."""
KINDS = tuple(kind.name for kind in ALL.kinds)
"""Kinds of cells that a file can name."""
UNSAID = ("function-", "literal[", "str", "[key]")
"""Steps of a place that are pydantic's, not the file's."""


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


def _kind(given: object) -> object:
    """A kind of cell that is declared."""
    if given not in KINDS:
        close = nearest(str(given), KINDS)
        hint = f" (did you mean {' or '.join(map(repr, close))}?)" if close else ""
        raise ValueError(f"got {_short(given)}{hint}; expected a kind of cell: {', '.join(KINDS)}")
    return given


Length = Annotated[str, _with_unit("um", "10 um")]
Time = Annotated[str, _with_unit("s", "30 min")]
Density = Annotated[str, _with_unit("mg/ml", "2.5 mg/ml")]
Whole = Annotated[int, Key(strict=True)]
Kind = Annotated[str, BeforeValidator(_kind)]
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
    between: Switch = Gel.between

    def made(self) -> Gel:
        """What it stands for."""
        return Gel(self.collagen, self.fibres, self.between)


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


class MixtureTable(Table):
    """[cells] arrangement = "mixture": how many of each kind, at random among each other."""

    arrangement: Literal["mixture"]
    numbers: dict[Kind, Whole]
    spread: Annotated[float, Key(strict=True)] = Mixture.spread

    def made(self) -> Mixture:
        """What it stands for."""
        return Mixture(self.numbers, self.spread)


class AmongTable(Table):
    """[cells] arrangement = "among": tumour cells in an arrangement of their own, cells of other kinds around them."""

    arrangement: Literal["among"]
    tumour: Annotated[ScatteredTable | SpheroidTable | AtTable, Key(discriminator="arrangement")]
    others: Annotated[dict[Kind, Whole], Key(min_length=1)]

    def made(self) -> Among:
        """What it stands for."""
        return Among(self.tumour.made(), self.others)


MatrixTable = Annotated[GelTable | FilmTable | PlasticTable, Key(discriminator="kind")]
CellsTable = Annotated[
    ScatteredTable | SpheroidTable | WoundTable | LayerTable | AtTable | MixtureTable | AmongTable,
    Key(discriminator="arrangement"),
]


class VesselsTable(Table):
    """[vessels]: straight vessels at random places."""

    surface: Annotated[str, _with_unit("1/um", "0.04 1/um")] | Literal[""] = Capillaries.surface
    apart: Length = Capillaries.apart
    inside: Switch = Capillaries.inside

    def made(self) -> Capillaries:
        """What it stands for."""
        return Capillaries(self.surface, self.apart, self.inside)


class HostTable(Table):
    """[host]: the body around the tissue."""

    species: str = Host.species
    immunity: str = Host.immunity
    pieces: Whole = Host.pieces

    def made(self) -> Host:
        """What it stands for."""
        return Host(self.species, self.immunity, self.pieces)


class ScheduleTable(Table):
    """[[schedules]]: a drug that enters the tissue from its vessels."""

    drug: str
    dose: str
    route: str = Schedule.route
    at: Time = Schedule.at
    every: Time | Literal[""] = Schedule.every
    until: Time | Literal[""] = Schedule.until
    reach: str = Schedule.reach

    def made(self) -> Schedule:
        """What it stands for."""
        return Schedule(**self.model_dump())


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
    model: str = Tissue.model
    also: dict[Kind, tuple[str, ...]] = Key(default_factory=dict)
    box: Box = Box()
    matrix: MatrixTable = GelTable(kind="gel")
    cells: CellsTable = ScatteredTable(arrangement="scattered")
    vessels: VesselsTable | None = None
    host: HostTable | None = None
    numbers: dict[str, str | float] = Key(default_factory=dict)
    schedules: tuple[ScheduleTable, ...] = ()

    def made(self, threads: int = 0) -> Tissue:
        """The experiment it describes."""
        return Tissue(
            line=self.line, what=tuple(perturbation(text) for text in self.what), matrix=self.matrix.made(),
            cells=self.cells.made(), size=self.box.size, voxel=self.box.voxel, duration=self.duration,
            every=self.every, seed=self.seed, secretion=self.secretion, step=self.step, oxygen=self.oxygen,
            alike=self.alike, hypothesis=self.hypothesis, numbers=numbers_of(self.numbers), burn_in=self.burn_in,
            threads=threads, model=self.model,
            vessels=self.vessels.made() if self.vessels else None, host=self.host.made() if self.host else None,
            also={kind: tuple(perturbation(text) for text in texts) for kind, texts in self.also.items()},
            schedules=tuple(schedule.made() for schedule in self.schedules),
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
    where, at = _place(first["loc"])
    head = f"{path}: [{where}]" if where else f"{path}:"
    if first["type"] == "extra_forbidden":
        known = list(_place(first["loc"][:-1])[1].model_fields)
        error = refuse(
            DataError, str(first["loc"][-1]), f"a key of {', '.join(known)}", "Correct or remove it.", near=known
        )
        return DataError(f"{head} {error}")
    if first["type"].startswith("union_tag"):
        tag = first["ctx"]["discriminator"].strip("'")
        choices = [_tag_of(table) for table in get_args(at)]
        error = refuse(
            DataError, first["ctx"].get("tag", f"no {tag}"), f"{tag} = {' or '.join(map(repr, choices))}",
            f"Write {tag} = {choices[0]!r}.", near=choices,
        )  # fmt: skip
        return DataError(f"{head} {error}")
    said = " ".join(first["msg"].removeprefix("Value error, ").split())
    got = "" if said.startswith("got ") else f"got {_short(first['input'])}; "
    return DataError(f"{head} {got}{said.rstrip('.')}. Mend that key.")


def _place(steps: Sequence[str | int]) -> tuple[str, Any]:
    """A place as the file has it, and what stands there: a table, or a choice of tables, of which a step names one."""
    at: Any = TissueTable
    shown = []
    for step in steps:
        if get_origin(at) in (Union, UnionType) and step in (tags := [_tag_of(table) for table in get_args(at)]):
            at = get_args(at)[tags.index(step)]
            continue
        if not str(step).startswith(UNSAID):
            shown.append(str(step))
        fields = getattr(at, "model_fields", {})
        at = fields[step].annotation if step in fields else None
    return ".".join(shown), at


def _tag_of(table: Any) -> str:
    """What its first key says of a table of a choice: [matrix] kind = "gel"; empty for what is no such table."""
    first = next(iter(getattr(table, "model_fields", {}).values()), None)
    return str(get_args(first.annotation)[0]) if first else ""


def _short(value: object) -> str:
    return ascii(value)[:LONGEST_SHOWN]
