"""Reports of saved results: derived words are right, numbers agree with arrays, experiments can be made again, bad files are refused."""

from __future__ import annotations

import json
import math
import re
import shlex
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import exude
import studies
from exude.catalog import read
from exude.cli.main import main, parser
from exude.cli.simulate import conditions
from exude.errors import DataError
from exude.experiment import perturbations as done
from exude.experiment.cohort import DAY
from exude.experiment.parse import sentence
from exude.experiment.tissue_file import read_tissue
from exude.show import again, bearing, cell_numbers, estimates, limits, methods, origins, rebuilt, used
from exude.show.again_file import tissue_file
from exude.show.blocks import Bullets, Code, Document, Figure, Grid, Paragraph, Row, Section, Span, plain
from exude.show.question import question
from exude.show.results import Result, open_all, open_result
from exude.show.run_report import document
from exude.show.style import new_figure
from exude.show.webpage import webpage
from test_figures import Page

ROOT = Path(__file__).parent.parent
IONOMYCIN = exude.Stimulus("ionomycin", "5 uM", at="10 min")
KNOCKED = exude.KnockDown("UNC13D", to=0.2)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One file of each kind, and of cells a control, a knock-down, and the control of another seed."""
    folder = tmp_path_factory.mktemp("results")
    found = {
        name: folder / name
        for name in ("control.nc", "knocked.nc", "other.nc", "summary.nc", "dish.zarr", "cohort.nc", "given.nc")
    }
    named = {"duration": "20 min", "cells": 12}
    exude.simulate("MDA-MB-231", IONOMYCIN, **named).save(found["control.nc"])
    exude.simulate("MDA-MB-231", IONOMYCIN, KNOCKED, **named).save(found["knocked.nc"])
    exude.simulate("MDA-MB-231", IONOMYCIN, seed=2, **named).save(found["other.nc"])
    exude.summarise("MDA-MB-231", **named).save(found["summary.nc"])
    dish = exude.Tissue("MDA-MB-231", matrix=exude.Film(), cells=exude.Scattered(2), size=("60 um", "60 um"), voxel="6 um",
                        duration="20 min", every="20 min", oxygen=False)  # fmt: skip
    exude.run_tissue(dish, found["dish.zarr"])
    cohort = exude.Cohort(8, days=20)
    exude.save_cohort(exude.run_cohort(cohort), found["cohort.nc"])
    given = replace(cohort, schedules=(exude.Schedule("anti-PD-L1", "10 mg/kg", every="3 days"),))
    exude.save_cohort(exude.run_cohort(given), found["given.nc"])
    return found


def result(*what: done.Perturbation, line: str = "MDA-MB-231", label: str = "") -> Result:
    """A run of one cell, never looked into."""
    run = exude.simulate(line, *what, duration="11 min", cells=1, settings=exude.Settings(burn_in="1 min"))
    return Result(Path("x.nc"), run, line, what, run.provenance, label=label or "x")


def test_questions_are_derived_from_what_was_done(files: dict[str, Path]) -> None:
    both = "Does a knock-down of UNC13D to 20 % change release of exosomes by MDA-MB-231 under 5 µM ionomycin?"
    assert question(open_all([files["control.nc"], files["knocked.nc"]])) == both
    assert question(open_all([files["knocked.nc"]])) == both
    assert question(open_all([files["control.nc"]])) == "Does 5 µM ionomycin change release of exosomes by MDA-MB-231?"
    assert question(open_all([files["summary.nc"]])).startswith("How many exosomes do MDA-MB-231 cells release")
    assert (
        question(open_all([files["dish.zarr"]]))
        == "What is degradation of gelatin by MDA-MB-231 cells like when nothing is done?"
    )
    assert "survival and metastasis of mice" in question(open_all([files["cohort.nc"], files["given.nc"]]))
    assert question(open_all([files["control.nc"], files["other.nc"]])).startswith("How much does release of exosomes")


def test_the_control_stands_first_whatever_the_order(files: dict[str, Path]) -> None:
    for order in (("control.nc", "knocked.nc"), ("knocked.nc", "control.nc")):
        found = open_all([files[name] for name in order])
        assert [r.label for r in found] == ["control", "UNC13D knock-down to 0.2"]
    twins = open_all([files["control.nc"], files["other.nc"]])
    assert len({r.label for r in twins}) == 2


def test_numbers_are_those_of_the_arrays(files: dict[str, Path]) -> None:
    found = open_all([files["control.nc"]])
    spans = cell_numbers.windows(found)
    assert [(w.start, w.stop) for w in spans] == [(0, 600), (600, 1200)]
    assert [w.label for w in spans] == ["before, 0 to 10 min", "ionomycin 5 µM, 10 min to 20 min"]
    run = exude.Run.load(files["control.nc"])
    after = run.rate(600, 1200).values
    shown = next(
        m for m in cell_numbers.measures(found[0], spans) if m.what == cell_numbers.MAIN and m.when == spans[1].label
    )
    assert shown.mean == pytest.approx(after.mean())
    assert shown.error == pytest.approx(after.std(ddof=1) / math.sqrt(12))
    diameter = next(m for m in cell_numbers.measures(found[0], spans) if m.what == "MVB diameter")
    assert diameter.mean == pytest.approx(float(run.vesicles["diameter"].mean()))


def test_a_summary_has_the_numbers_of_its_run(files: dict[str, Path], tmp_path: Path) -> None:
    exude.simulate("MDA-MB-231", duration="20 min", cells=12).save(tmp_path / "same.nc")
    whole, summed = (
        {m.what: m for m in cell_numbers.measures(r, cell_numbers.windows([r]))}
        for r in (open_result(tmp_path / "same.nc"), open_result(files["summary.nc"]))
    )
    for what in ("exosomes released", "MVB fusions"):
        assert (summed[what].mean, summed[what].error) == pytest.approx((whole[what].mean, whole[what].error))


def test_intervals_hold_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(4)
    mean = paired = welch = ratio = 0
    for _ in range(400):
        base = rng.normal(10, 2, 30)
        a = estimates.measure("x", "", base, alike="same")
        b = estimates.measure("x", "", base + rng.normal(1, 1, 30), alike="same")
        c = estimates.measure("x", "", rng.normal(11, 4, 12))
        mean += a.interval.low <= 10 <= a.interval.high
        paired += (lambda i: i.low <= 1 <= i.high)(estimates.difference(a, b))
        welch += (lambda i: i.low <= 1 <= i.high)(estimates.difference(a, c))
        ratio += (lambda i: i.low <= 1.1 <= i.high)(estimates.fold(a, b))
    for hits in (mean, paired, welch, ratio):  # 95 % of 400, and three standard errors
        assert 0.95 - 3.3 * math.sqrt(0.95 * 0.05 / 400) <= hits / 400 <= 1


def test_the_same_cells_are_compared_one_by_one(files: dict[str, Path]) -> None:
    control, knocked = open_all([files["control.nc"], files["knocked.nc"]])
    spans = cell_numbers.windows((control, knocked))
    a, b = (cell_numbers.measures(r, spans)[0] for r in (control, knocked))
    gap = estimates.difference(a, b)
    assert a.values is not None and b.values is not None
    apart = b.values - a.values
    assert gap.high - gap.value == pytest.approx(2.200985 * apart.std(ddof=1) / math.sqrt(12), rel=1e-5)
    other = cell_numbers.measures(open_result(files["other.nc"]), spans)[0]
    assert estimates._paired(a, other) is None  # another seed, other cells


def test_wilsons_interval() -> None:
    _, share = estimates.share_of("x", 2, 40)  # Wilson 1927, worked by hand: (p + z2/2n +- ...) / (1 + z2/n)
    assert (share.low, share.high) == pytest.approx((0.0138207, 0.1650388), abs=1e-6)
    assert estimates.share_of("x", 0, 10)[1].low == 0


EVERY = (
    exude.KnockDown("UNC13D", to=0.05), exude.KnockOut("SYT7"), exude.Overexpress("RAB27A", 2.5), exude.DominantNegative("RAB11A"),
    exude.Rescue("UNC13D", "C2A*"), exude.Drug("BAPTA-AM", "10 uM", at="1 min", until="2 min"), IONOMYCIN,
    exude.External("0 mM", at="3 min"), exude.Permeabilised("1 uM", cytosol=0.5, at="4 min"),
)  # fmt: skip


@pytest.mark.parametrize("what", EVERY, ids=lambda w: type(w).__name__)
def test_every_perturbation_can_be_read_back_and_typed_again(what: done.Perturbation) -> None:
    assert rebuilt.rebuilt(repr(what)) == what
    asked = parser().parse_args(["simulate", "A549", *shlex.split(again.option(what))])
    assert conditions(asked.what) == [what]
    assert methods._sentence(what).endswith(".")


def test_every_kind_of_perturbation_was_tried() -> None:
    told = {type(what) for what in EVERY} | {exude.CalciumTrace, exude.CalciumModel}
    assert told == set(done.Perturbation.__args__)
    assert sentence(exude.CalciumModel("m.xml", "Ca", settle="1 h")) == ("calcium-sbml", "m.xml:Ca settle=1 h")
    assert sentence(exude.CalciumTrace("a.csv", gaps="line")) == ("calcium-trace", "a.csv gaps=line")
    assert sentence(exude.CalciumTrace("a.csv", draw=(1, 2))) is None  # no words for a draw


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "KnockDown(open('x'))",
        "KnockDown('NOGENE')",
        "[" * 400,
        "x",
        "(lambda: 1)()",
        "1 if 1 else 2",
    ],
)
def test_nothing_but_nouns_is_read_back(text: str) -> None:
    with pytest.raises(DataError):
        rebuilt.rebuilt(text)


@pytest.mark.parametrize("name", ["other.nc", "knocked.nc", "summary.nc"])
def test_the_command_makes_the_same_run(
    name: str, files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    found = open_result(files[name])
    assert again.checked(found) == again.SAME
    assert main(shlex.split(again.command(found))[1:]) == 0
    assert open_result("again.nc").made["fingerprint"] == found.made["fingerprint"]


def test_the_python_makes_the_same_run(files: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = exude.Settings(
        snapshots=("5 min", "end"),
        burn_in="2 h",
        hypothesis="c2b-only",
        numbers=exude.Numbers.default().but(k_trigger=0.01),
    )
    run = exude.simulate("MDA-MB-231", KNOCKED, duration="10 min", cells=2, settings=settings)
    run.save(tmp_path / "odd.nc")
    found = open_result(tmp_path / "odd.nc")
    assert again.command(found) == ""  # the command line has no burn-in and no numbers
    held: dict[str, exude.Run] = {}
    exec(again.python(found), held)
    assert held["run"].provenance["fingerprint"] == run.provenance["fingerprint"]
    assert "here 0.6 1/min" in plain(origins.parameter_blocks(["k_trigger"], found.numbers)[1].rows[0].cells[1])
    monkeypatch.chdir(tmp_path)
    for name in ("dish.zarr", "given.nc"):
        assert compile(again.python(open_result(files[name])), name, "exec")


@pytest.mark.parametrize("model", ["", "all"])
def test_the_file_of_a_tissue_is_the_same_tissue(model: str, tmp_path: Path) -> None:
    tissue = exude.Tissue(
        "MCF-7", (KNOCKED,), matrix=exude.Gel("1 mg/ml"), cells=exude.Among(exude.Spheroid(3), {"t_cell": 2}), size=("100 um",) * 3,
        voxel="10 um", duration="20 min", every="20 min", vessels=exude.Capillaries(), host=exude.Host(), model=model,
        also={"t_cell": (exude.KnockOut("PRF1"),)} if "PRF1" in done.genes() else {}, seed=4,
        numbers=exude.Numbers.default().but(walk_speed=0.004),
    )  # fmt: skip
    attrs = tissue.plan().attrs()
    told = {name: rebuilt.rebuilt(attrs[name]) for name in ("matrix", "cells", "size", "voxel", "duration", "every", "seed", "secretion",
            "step", "window", "oxygen", "alike", "hypothesis", "burn_in", "also", "vessels", "host", "schedules")}  # fmt: skip
    found = Result(tmp_path, None, "MCF-7", (KNOCKED,), {**attrs, **told})  # type: ignore[arg-type]
    from exude.show.results import _model_of

    found = replace(found, made=found.made | {"model": _model_of(found)})
    (tmp_path / "again.toml").write_text(tissue_file(found), encoding="utf-8")
    assert read_tissue(tmp_path / "again.toml").plan().fingerprint == tissue.plan().fingerprint


def test_the_command_of_a_cohort_is_the_same_cohort(files: dict[str, Path]) -> None:
    from exude.cli.cohort import _arms

    found = open_result(files["given.nc"])
    asked = parser().parse_args(shlex.split(again.command(found))[1:])
    assert next(iter(_arms(asked).values())) == found.outcome.cohort  # type: ignore[union-attr]


def test_evidence_shares_what_was_done() -> None:
    knocked = result(KNOCKED, IONOMYCIN)
    found = bearing.bearing([knocked], [])
    ids = [b.finding.id for b in found]
    assert {"M1", "M2", "M4"} <= set(ids) and "Luzzi1998" not in ids
    assert found[0].shares == ("UNC13D", "ionomycin") and found[0].same_line
    assert all(b.shares for b in found)
    quiet = bearing.bearing([result()], [])
    assert quiet and all(b.same_line for b in quiet)


def test_verdicts_are_those_of_the_own_mechanism() -> None:
    row = {"id": "x", "finding": "M2", "role": "predicted", "verdict": "agrees"}
    rival = {**row, "verdict": "disagrees", "hypothesis": "c2b-only"}
    own = result(KNOCKED)
    assert [
        r["verdict"] for r in next(b for b in bearing.bearing([own], [row, rival]) if b.finding.id == "M2").scored
    ] == ["agrees"]
    other = replace(own, made=own.made | {"hypothesis": "c2b-only"})
    assert [
        r["verdict"] for r in next(b for b in bearing.bearing([other], [row, rival]) if b.finding.id == "M2").scored
    ] == ["disagrees"]


def test_parameters_used_are_all_that_the_kernel_reads(files: dict[str, Path]) -> None:
    from exude.experiment.simulate import cell_symbols

    for name in ("control.nc", "dish.zarr", "cohort.nc"):
        found = used.symbols(open_result(files[name]))
        assert set(cell_symbols().parameters) <= found <= set(read.parameters())
    assert "film_gelatin" in used.symbols(open_result(files["dish.zarr"]))
    assert "k_settle" not in used.symbols(open_result(files["control.nc"]))
    table = origins.parameter_blocks(["half_c2a", "k_trigger"])
    assert [type(b).__name__ for b in table] == ["Heading", "Grid"] * (len(table) // 2)


def test_limits_are_those_that_code_and_docs_state() -> None:
    def words(path: str) -> str:
        return re.sub(r"\s+-? ?|`", " ", (ROOT / path).read_text(encoding="utf-8"))

    assert all(text in words("docs/tissue.md") for text in limits.IN_SPACE)
    assert all(text in words("docs/neighbours.md") for text in limits.OF_T_CELLS)
    body = words("src/exude/cascade/body.py")
    assert limits.OF_BODIES[2] in body and limits.OF_BODIES[1].partition(";")[0].lower() in body.lower()
    assert limits.valid_when(exude.simulate).startswith(
        "exude.simulate is valid when: calcium is common to the whole cell"
    )
    assert "fusion (reads n_primed)" in limits.mean_field() and "transport" in limits.mean_field()
    assert origins.CITATION.removeprefix("The exude developers. ").rstrip(".") in (ROOT / "CITATION.cff").read_text(
        encoding="utf-8"
    )


# --- the page and the paper ---


@pytest.mark.parametrize(
    "names",
    [("knocked.nc", "control.nc"), ("summary.nc",), ("dish.zarr",), ("cohort.nc", "given.nc")],
    ids=lambda n: n[0],
)
def test_reports_of_every_kind_stand_alone(names: tuple[str, ...], files: dict[str, Path]) -> None:
    page = webpage(document(open_all([files[name] for name in names])))
    parsed = Page(page)
    assert not parsed.open
    ids = [a["id"] for _, a in parsed.tags if "id" in a]
    assert len(ids) == len(set(ids)) and set(ids) >= {
        "numbers",
        "figures",
        "methods",
        "parameters",
        "limits",
        "again",
        "cite",
    }
    for tag, attrs in parsed.tags:
        assert tag not in ("script", "link", "iframe", "object")
        assert "src" not in attrs or attrs["src"].startswith("data:image/")
        assert tag != "img" or attrs["alt"]
        assert "href" not in attrs or attrs["href"].startswith(("#", "https://doi.org/"))
    assert str(files[names[0]].parent) not in page  # no place of this machine


def small() -> Document:
    """One of each block, with words that must be escaped."""
    evil = '<script>alert("x")</script> & µm² ✓'
    table = Grid(("a", "b"), tuple(Row((f"{evil} {i}", Span(evil, "bad"))) for i in range(120)), (1, 2), evil)
    blocks = (Paragraph((evil, Span(evil, "link", "javascript:alert(1)"))), Bullets((evil,)), Code(evil + "\n" + "word " * 60), table,
              Figure(new_figure(60, 40), evil, evil, title=evil))  # fmt: skip
    return Document(evil, (Paragraph(evil, lead=True),), (Section(evil, "one", blocks),), (("fact", evil),))


def test_all_words_are_escaped() -> None:
    page = webpage(small())
    assert "<script" not in page and "javascript:" not in page
    assert not Page(page).open


def test_paper_has_pages_fonts_and_heads(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("reportlab")
    from reportlab import rl_config

    from exude.show import pdf

    monkeypatch.setattr(rl_config, "pageCompression", 0)
    made = pdf.pdf(small())
    assert made == pdf.pdf(small())  # the same bytes twice
    assert made.startswith(b"%PDF-") and made.rstrip().endswith(b"%%EOF")
    assert made.count(b"/Type /Page\n") + made.count(b"/Type /Page ") >= 3
    assert b"Helvetica" not in made.replace(b"/Helvetica-", b"") or b"/FontFile2" in made
    assert made.count(b"/FontFile2") >= 3 and b"/Outlines" in made
    assert b"javascript" not in made


def test_paper_without_reportlab_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from exude.show import pdf

    def missing(name: str) -> None:
        raise ImportError(name)

    pdf._lab.cache_clear()
    monkeypatch.setattr(pdf, "import_module", missing)
    with pytest.raises(DataError, match=r"pip install 'exude\[report\]'"):
        pdf.pdf(small())


def test_a_study_is_told_again_from_its_folder(tmp_path: Path) -> None:
    from exude.cli.reproduce import write_all

    write_all(studies.study(), tmp_path, lambda done, total, label="": None, again="exude reproduce --seed 3")
    before = (tmp_path / "report.html").read_bytes()
    assert main(["report", str(tmp_path)]) == 0
    assert (tmp_path / "report.html").read_bytes() == before
    for lost in ("report.html", "summary.svg", "figures/burst.svg"):  # made again from what the folder keeps
        (tmp_path / lost).unlink()
    assert main(["report", str(tmp_path)]) == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    for words in (
        "seed 3",
        "exude reproduce --seed 3",
        "with 64 cells",
        "Release is a burst",
        "Grey shades: time windows.",
    ):
        assert words in page, words


def older(folder: Path, page: str) -> Path:
    """A study's folder as an older version left it, with a page that no program reads."""
    from exude.cli.reproduce import write_all

    write_all(studies.study(), folder, lambda done, total, label="": None, again="exude reproduce --seed 3")
    for name in ("study.json", "panels.json"):
        (folder / name).unlink()
    if page:
        (folder / "report.html").write_text(page, encoding="utf-8")
    return folder


def test_the_page_of_an_older_study_is_not_written_over(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = "<html><p>48 cells, seed 7, by hand</p></html>"
    folder = older(tmp_path, page)
    for words in (
        (folder,),
        (folder, "-o", folder / "report.html"),
        (folder, "-o", tmp_path / "figures" / ".." / "report.html"),
    ):
        assert "-o " in said(capsys, "report", *words, code=2)
        assert (folder / "report.html").read_text(encoding="utf-8") == page
    said(capsys, "report", folder, "-o", folder / "report-again.html")
    assert "is not kept" in (folder / "report-again.html").read_text(encoding="utf-8")
    (folder / "report.html").unlink()
    for _ in range(2):  # nothing is lost now
        said(capsys, "report", folder)


def test_the_page_of_a_study_between_is_read_and_written_again(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = older(tmp_path, "")  # its page keeps for programs how it was made
    before = (folder / "report.html").read_bytes()
    said(capsys, "report", folder)
    assert (folder / "report.html").read_bytes() == before


# --- the command ---


def said(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    assert main([str(word) for word in words]) == code
    told = capsys.readouterr()
    if code:
        assert told.err.count("\n") == 1 and told.err.startswith("exude: ")
    return told.out + told.err


def test_report_writes_page_and_paper(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path], tmp_path: Path
) -> None:
    pytest.importorskip("reportlab")
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "scores.json").write_text(json.dumps(studies.rows()), encoding="utf-8")
    out = said(
        capsys,
        "report",
        files["knocked.nc"],
        "-o",
        tmp_path / "a.html",
        "--pdf",
        "--question",
        "Is <this> it?",
        "--study",
        tmp_path / "results",
    )
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "Is <this> it?" in out and "Is &lt;this&gt; it?" in page and "study&#39;s verdict" in page
    assert (tmp_path / "a.pdf").read_bytes().startswith(b"%PDF-")


def test_bad_input_is_one_clear_error(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path], tmp_path: Path
) -> None:
    run = files["control.nc"]
    (tmp_path / "cut.nc").write_bytes(run.read_bytes()[:20000])
    (tmp_path / "notes.txt").write_text("no run")
    (tmp_path / "empty").mkdir()
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "scores.json").write_text('{"a": 1}')
    page = tmp_path / "a.html"
    for words, text in (
        ((tmp_path / "none.nc",), "no such file"), ((tmp_path / "cut.nc",), "cannot be read"), ((tmp_path / "notes.txt",), "cannot be read"),
        ((tmp_path / "empty",), "a folder that holds a tissue or a study"), ((tmp_path / "bad",), "expected a list of rows"),
        ((run, files["summary.nc"]), "results of one kind"), ((run, run), "each result once"), ((run, "--study", tmp_path / "empty"), "exude reproduce"),
    ):  # fmt: skip
        assert text in said(capsys, "report", *words, "-o", page, code=2), words
    for out, text in (
        (tmp_path / "x" / "a.html", "does not exist"),
        (tmp_path / "a.pdf", "--pdf"),
        (tmp_path / "a.txt", "expected .html"),
        (tmp_path, "expected .html"),
    ):
        assert text in said(capsys, "report", run, "-o", out, code=2)
    assert not page.exists()


def test_a_damaged_tissue_is_refused(
    capsys: pytest.CaptureFixture[str], files: dict[str, Path], tmp_path: Path
) -> None:
    import shutil

    broken = tmp_path / "broken.zarr"
    shutil.copytree(files["dish.zarr"], broken)
    for chunk in (broken / "fusions" / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(b"x")
    assert "a whole run" in said(capsys, "report", broken, "-o", tmp_path / "a.html", code=2)


def test_days_alive_are_those_of_the_members(files: dict[str, Path]) -> None:
    from exude.show.cohort_numbers import measures

    run = exude.load_cohort(files["cohort.nc"])
    assert measures(open_result(files["cohort.nc"]))[0].mean == pytest.approx(float(run.data["end"].mean()) / DAY)
