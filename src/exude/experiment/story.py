"""One tumour at every scale: a calcium rise in one cell, what it releases, what that does, a second site years later.

Four experiments with one line, one seed and one set of numbers, each under two arms: as the line is, and without a gene
of its tumour cells. What goes on from one to the next: the film carries the very cell of the first experiment (the same
levels and fusions, to the bit); the body begins with as many tumour cells as `PIECES` tissues end with.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

import xarray as xr

from exude.catalog import read
from exude.engine import netcdf, provenance
from exude.engine.files import write_whole
from exude.engine.result import Run
from exude.engine.tissue_run import TissueRun
from exude.errors import DataError, Interrupted, ProtocolError, refuse
from exude.experiment.arrange import Among, At, Spheroid
from exude.experiment.bed import Capillaries, Host
from exude.experiment.cohort import Cohort, run_cohort
from exude.experiment.matrix import Film, Gel
from exude.experiment.perturbations import KnockOut, Perturbation, Stimulus
from exude.experiment.protocol import Numbers
from exude.experiment.simulate import MOST_SEED, Settings, plan, simulate
from exude.experiment.tissue import Tissue
from exude.experiment.tissue_run import run_tissue

FORMAT, BODY_FORMAT = "exude-story-1", "exude-story-body-1"
INTACT, WITHOUT = ARMS = ("intact", "without")
STAGES = ("cell", "film", "tissue", "body")
BOOK = "story.json"
"""What was asked for, beside its stages."""
AGONIST, DOSE, GIVEN, TAKEN = "histamine", "100 uM", "10 min", "40 min"
HOURS = "3 h"
"""How long the one cell is followed, alone and on its film."""
PACE = "1 min"
"""Recorded points of the cell and windows of the film: with other ones its random numbers would be used elsewhere."""
CLOSE = "45 min"
"""How long its calcium is recorded every second: beyond the stimulus."""
PIECES = 20_000
"""Tissues as the one that is run, side by side, that the tumour of the body begins as."""
YEARS = 20
DAYS_PER_YEAR = 365
PARTS = 100
"""Steps of the progress bar in each stage of each arm."""

T = TypeVar("T")
Progress = Callable[[int, int, str], None]
"""Called with parts done, parts in all, and what is under way."""


@dataclass(frozen=True)
class Story:
    """What is told: whose cells, which seed, and the gene that the second arm lacks in its tumour cells.

    quick: smaller box, fewer cells, fewer days. Raises UnknownName, ProtocolError.
    """

    line: str = "MDA-MB-231"
    seed: int = 1
    without: str = "UNC13D"
    quick: bool = False
    threads: int = 0

    def __post_init__(self) -> None:
        read.line(self.line)
        KnockOut(self.without)
        if isinstance(self.seed, bool) or not isinstance(self.seed, int) or not 0 <= self.seed <= MOST_SEED:
            raise refuse(ProtocolError, self.seed, "a whole seed >= 0", "Write for example seed=1.")

    def arm(self, name: str) -> tuple[Perturbation, ...]:
        """What is done to the tumour cells of an arm, for good."""
        return (KnockOut(self.without),) if name == WITHOUT else ()

    @property
    def asked(self) -> dict[str, Any]:
        """All that the bits depend on."""
        return {name: value for name, value in asdict(self).items() if name != "threads"}


def stimulus() -> Stimulus:
    """What the cell is given."""
    return Stimulus(AGONIST, DOSE, at=GIVEN, until=TAKEN)


def cell_experiment(story: Story, arm: str) -> tuple[tuple[Perturbation, ...], Settings]:
    """One cell, its calcium and the fusions of its MVBs."""
    settings = Settings(every=PACE, threads=story.threads)
    return (stimulus(), *story.arm(arm)), settings


def film_tissue(story: Story, arm: str) -> Tissue:
    """The same cell on a film of gelatin; it does not divide, so that it stays the cell whose fusions are known."""
    side = 96
    return Tissue(
        story.line, (stimulus(), *story.arm(arm)), matrix=Film(), cells=At(((side // 2, side // 2, 0),)),
        size=(f"{side} um", f"{side} um"), voxel="3 um" if story.quick else "1 um", duration=HOURS, every="5 min",
        step=PACE, window=PACE, seed=story.seed, numbers=Numbers.default().but(k_divide=0), threads=story.threads,
    )  # fmt: skip


def tumour_tissue(story: Story, arm: str) -> Tissue:
    """A small tumour between vessels, among fibroblasts, normal epithelium and T cells that know it."""
    tumour, others, side, days = (30, 40, 300, 1) if story.quick else (60, 80, 400, 3)
    return Tissue(
        story.line, story.arm(arm), model="tumour", matrix=Gel(), vessels=Capillaries(), host=Host("patient", pieces=PIECES),
        cells=Among(Spheroid(tumour), {"t_cell": tumour, "fibroblast": others, "normal": others}),
        size=(f"{side} um", f"{side} um"), voxel="10 um", duration=f"{24 * days} h", every="3 h",
        secretion="mean-field", seed=story.seed, threads=story.threads,
    )  # fmt: skip


def patient(story: Story, arm: str, cells: int) -> Cohort:
    """One patient with the catalogue's numbers, whose tumour begins with so many cells."""
    return Cohort(
        members=1, host="patient", line=story.line, what=story.arm(arm), days=YEARS * DAYS_PER_YEAR,
        start_cells=cells, vary=False, seed=story.seed,
    )  # fmt: skip


def tumour_cells(made: TissueRun, index: int = -1) -> int:
    """Tumour cells of a tissue at one of its times, transformed neighbours among them."""
    return int(made.data["cells_tumour"][index]) + int(made.data["cells_transformed"][index])


@dataclass(frozen=True)
class Told:
    """A story that was run, stage by stage, each by arm."""

    story: Story
    folder: Path
    cell: dict[str, Run]
    film: dict[str, TissueRun]
    tissue: dict[str, TissueRun]
    body: dict[str, xr.Dataset]

    def mvbs(self, minute: int) -> xr.Dataset:
        """Every MVB of the intact cell at a whole minute.

        The cell is run again up to there: reading MVBs draws their ILVs, after which its random numbers would be others.
        """
        what, settings = cell_experiment(self.story, INTACT)
        asked = replace(settings, snapshots=(f"{minute} min",))
        return simulate(self.story.line, *what, duration=HOURS, cells=1, seed=self.story.seed, settings=asked).vesicles

    @cached_property
    def close(self) -> Run:
        """The cell's calcium second by second about the stimulus; calcium does not depend on MVBs or arm."""
        return _close(self.story)


def run_story(story: Story, out: str | Path, *, resume: bool = False, progress: Progress | None = None) -> Told:
    """Run all stages and keep each in the folder `out` as soon as it is done.

    resume: go on with a story that was stopped; the bits are those of one that was not. Raises DataError where the
    folder holds anything else, and Interrupted after Ctrl-C, with what is kept.
    Valid when: each stage is; what the stages assume beside that stands in docs/story.md.
    """
    folder = _open_book(story, Path(out).absolute(), resume)
    at_work = _AtWork(story, folder, resume, progress or (lambda done, total, label: None))
    cell = at_work.each("cell", at_work.cell)
    film = at_work.each("film", lambda arm: at_work.tissue("film", film_tissue(story, arm), arm))
    tissue = at_work.each("tissue", lambda arm: at_work.tissue("tissue", tumour_tissue(story, arm), arm))
    body = at_work.each("body", lambda arm: at_work.body(patient(story, arm, PIECES * tumour_cells(tissue[arm])), arm))
    return Told(story, folder, cell, film, tissue, body)


@dataclass
class _AtWork:
    """A story under way: each stage read where it is kept, run and kept where it is not."""

    story: Story
    folder: Path
    resume: bool
    report: Progress
    done: int = 0
    """Stages of arms."""
    label: str = ""

    def each(self, stage: str, make: Callable[[str], T]) -> dict[str, T]:
        """A stage in both arms; Interrupted, which says what is kept, after Ctrl-C."""
        made = {}
        for arm in ARMS:
            self.label = f"{stage}, {arm}" if arm == INTACT else f"{stage}, {arm} {self.story.without}"
            self.tell(0, 1)
            try:
                made[arm] = make(arm)
            except (Interrupted, KeyboardInterrupt):
                raise Interrupted(
                    f"stopped in {self.label}; {self.done} of {len(STAGES) * len(ARMS)} parts are kept in {self.folder}. "
                    "The same command with --resume (resume=True) goes on."
                ) from None
            self.done += 1
            self.tell(0, 1)
        return made

    def tell(self, now: int, total: int) -> None:
        """Move the bar: `now` of `total` within what is under way."""
        self.report(PARTS * self.done + PARTS * now // max(total, 1), PARTS * len(STAGES) * len(ARMS), self.label)

    def place(self, stage: str, arm: str, ending: str) -> Path:
        """Where a stage of an arm is kept."""
        return self.folder / f"{stage}-{arm}{ending}"

    def cell(self, arm: str) -> Run:
        """The first stage."""
        what, settings = cell_experiment(self.story, arm)
        kept = self.place("cell", arm, ".nc")
        if kept.exists():
            found = Run.load(kept)
            if (
                found.provenance["fingerprint"]
                == plan(self.story.line, what, HOURS, 1, self.story.seed, settings).fingerprint
            ):
                return found
        made = simulate(self.story.line, *what, duration=HOURS, cells=1, seed=self.story.seed, settings=settings)
        made.save(kept)
        return made

    def tissue(self, stage: str, asked: Tissue, arm: str) -> TissueRun:
        """The second stage and the third."""
        return run_tissue(asked, self.place(stage, arm, ".zarr"), resume=True, progress=self.tell)

    def body(self, asked: Cohort, arm: str) -> xr.Dataset:
        """The last stage: stocks over `time`, of the one member."""
        kept = self.place("body", arm, ".nc")
        mark = provenance.fingerprint(
            {"cohort": repr(asked), "numbers": asked.numbers.values, "versions": provenance.versions()}
        )
        if kept.exists():
            (found,) = netcdf.read_groups(kept, (netcdf.ROOT,), BODY_FORMAT)
            if found.attrs["fingerprint"] == mark:
                return found
        made = run_cohort(asked, progress=self.tell).data.isel(member=0, drop=True)
        made = made.assign_attrs(format=BODY_FORMAT, fingerprint=mark)
        netcdf.write_groups(kept, {netcdf.ROOT: made})
        return made


def _open_book(story: Story, folder: Path, resume: bool) -> Path:
    """The folder of a story, begun or gone on with; DataError where it holds anything else."""
    book = folder / BOOK
    found = _read_book(book)
    if found is None and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise refuse(DataError, str(folder), "a free folder", "Choose another one with --out.")
    if found is not None and not resume:
        fix = "Give --resume (resume=True) to go on with it, or another folder."
        raise refuse(DataError, str(folder), "a free folder, and a story is there", fix)
    asked = {"format": FORMAT, **story.asked}
    if found is not None and found != asked:
        other = ", ".join(f"{k}={v!r}" for k, v in found.items() if asked.get(k) != v) or "another one"
        raise refuse(
            DataError,
            f"{folder}: the story of {other}",
            "the story that is to be resumed",
            "Ask for that one, or take another folder.",
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise DataError(f"{folder}: cannot be made ({problem}). Choose another folder.") from problem
    write_whole(book, (json.dumps(asked, indent=1) + "\n").encode(), "Free space or choose another folder.")
    return folder


def _read_book(book: Path) -> dict[str, Any] | None:
    """What a folder's book says; None where there is none, DataError where it is damaged."""
    if not book.is_file():
        return None
    try:
        return dict(json.loads(book.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError) as problem:
        raise DataError(f"{book}: cannot be read ({problem}). Choose another folder with --out.") from problem


def _close(story: Story) -> Run:
    settings = Settings(every="1 s", snapshots=(), events=False, threads=story.threads)
    return simulate(story.line, stimulus(), duration=CLOSE, cells=1, seed=story.seed, settings=settings)
