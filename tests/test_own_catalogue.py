"""Tables of one's own: what they add, what is refused, what a result says of them, and that they can be taken back."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

import exude
from docs_blocks import blocks_of
from exude.cascade import CELL, TISSUE
from exude.catalog import own, read, use
from exude.catalog.templates import TEMPLATES, template
from exude.cli.main import main
from exude.engine import provenance
from exude.errors import CatalogError, DataError, ProtocolError, UnknownName
from exude.experiment.assays import assay_from
from exude.experiment.own_cell import cell_symbols, own_cell
from exude.experiment.parallel import in_processes
from exude.experiment.perturbations import genes
from exude.experiment.protocol import Cells, Genotype, Numbers, Protocol
from exude.experiment.simulate import Settings, hypothesis_values, plan
from exude.experiment.study import ensemble
from exude.experiment.study.measured import findings_of, score
from exude.show.lists import LISTS
from exude.show.sheets import sheets

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples" / "own"
TABLES = sorted(EXAMPLES.glob("*.toml"))
TUTORIALS = {"drug": "dptip.toml", "gene": "sytl4.toml", "paper": "wang2023.toml", "mechanism": "tether.toml",
             "assay": "cd9_elisa.py"}  # fmt: skip
DRUG = (EXAMPLES / "dptip.toml").read_text(encoding="utf-8")
GENE = (EXAMPLES / "sytl4.toml").read_text(encoding="utf-8")
PAPER = (EXAMPLES / "wang2023.toml").read_text(encoding="utf-8")
RIVAL = (EXAMPLES / "tether.toml").read_text(encoding="utf-8")
LEVEL_IN_MCF7 = """
[levels."MCF-7"]
value = 0.4
unit = ""
spread = { kind = "unknown" }
status = "assumed"
obtained = "a test"
"""
LINE = template("line", "OVCAR-8").replace("FILL IN", "seen")


@pytest.fixture
def mylab(tmp_path: Path):
    """A function that makes the given texts one's own tables, one file each; all are taken back after the test."""

    def put(**files: str) -> Path:
        folder = tmp_path / "mylab"
        folder.mkdir(exist_ok=True)
        for name, text in files.items():
            (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        use.use_catalogue(folder)
        return folder

    yield put
    use.use_catalogue()


def test_there_are_examples() -> None:
    assert len(TABLES) == 4
    assert {path.name for path in EXAMPLES.iterdir() if path.suffix} >= set(TUTORIALS.values())


def test_every_kind_is_found_under_its_name_and_marked_own(mylab) -> None:
    mylab(dptip=DRUG, sytl4=GENE, wang=PAPER, tether=RIVAL, ovcar=LINE)
    assert read.drug("dptip").name == "DPTIP" and read.line("ovcar8").name == "OVCAR-8"
    assert "SYTL4" in genes() and "Wang2023_1" in read.findings() and "tether" in read.mechanisms()
    assert read.references()["Rojas2018"]["journal"] == "Sci Rep"
    for kind, name, file in (
        ("drugs", "DPTIP", "dptip"), ("genes", "SYTL4", "sytl4"), ("lines", "OVCAR-8", "ovcar"),
        ("evidence", "Wang2023_1", "wang"), ("hypotheses", "tether", "tether"), ("parameters", "half_sytl4", "sytl4"),
    ):  # fmt: skip
        (row,) = [row for row in LISTS[kind]().rows if row[0] == name]
        assert row[-1] == f"mylab/{file}.toml"
        assert [row[-1] for row in LISTS[kind]().rows if row[0] != name and row[-1] == row[-1].removeprefix("mylab")]
        (sheet,) = sheets(name)
        assert ("own file", f"mylab/{file}.toml") in sheet.facts
    assert all(
        "own file" not in dict(sheet.facts) for name in ("ionomycin", "UNC13D", "k_leak") for sheet in sheets(name)
    )


def test_nothing_stays_when_they_are_taken_back(mylab) -> None:
    before = (len(read.parameters()), len(Numbers.default().values), LISTS["drugs"]().columns)
    mylab(dptip=DRUG)
    assert len(read.parameters()) == before[0] + 6 and LISTS["drugs"]().columns[-1] == "own file"
    assert "dptip_volume" in ensemble.accepted()[0].values  # kept in memory before: forgotten
    use.use_catalogue()
    assert (len(read.parameters()), len(Numbers.default().values), LISTS["drugs"]().columns) == before
    assert "dptip_volume" not in ensemble.accepted()[0].values
    with pytest.raises(UnknownName):
        read.drug("DPTIP")


def test_folders_for_a_while_are_taken_back_even_after_an_error(mylab) -> None:
    first = mylab(dptip=DRUG)
    other = first.parent / "other"
    other.mkdir()
    (other / "sytl4.toml").write_text(GENE, encoding="utf-8")
    with pytest.raises(ZeroDivisionError), use.catalogue(other):
        assert "SYTL4" in genes() and read.drug("DPTIP")  # beside the folders that count already
        raise ZeroDivisionError
    assert "SYTL4" not in genes() and read.drug("DPTIP")


def test_a_call_that_fails_changes_nothing(mylab) -> None:
    folder = mylab(dptip=DRUG)
    before = os.environ[own.VARIABLE]
    (folder.parent / "bad.toml").write_text(DRUG.replace("SMPD3", "SMPD33"), encoding="utf-8")
    with pytest.raises(CatalogError, match="SMPD33"):
        use.use_catalogue(folder.parent / "bad.toml")
    assert os.environ[own.VARIABLE] == before and read.drug("DPTIP")


def _drug_names(_: int) -> list[str]:
    return list(read.drugs())


def test_worker_processes_read_the_same_tables(mylab) -> None:
    mylab(dptip=DRUG)
    assert all("DPTIP" in names for names in in_processes(_drug_names, [1, 2], 2))


def _without(text: str, key: str) -> str:
    return re.sub(rf"^{key} = .*\n", "", text, flags=re.MULTILINE)


BROKEN = {
    "unknown key": (DRUG.replace("summary =", "sumary ="), "dptip.toml: [s", "Mend that key"),
    "no kind": ('colour = "red"\n', "got the keys 'colour'", "'effects' (a drug)"),
    "nearly a kind": (DRUG.replace("[[effects]]", "[[efects]]").replace("[effects.", "[efects.").replace("effects", "efects"), "did you mean 'effects'", "Mend it"),
    "empty": ("", "no key at all", "'parameters' or 'references'"),
    "not TOML": ("name = ", "dptip.toml: not a readable TOML", "Mend the line"),
    "blank": (template("drug", "CK-13"), "[summary] is still blank", "Write what belongs there"),
    "target": (DRUG.replace('"SMPD3"', '"SMPD33"'), "[effects.0.target] got 'SMPD33'", "did you mean 'SMPD3'"),
    "potency in another unit": (DRUG.replace('unit = "uM"\nspread', 'unit = "nM"\nspread'), "[effects.0.potency.unit] got 'nM'", "expected dose_unit, 'uM'"),
    "more than all": (DRUG.replace("value = 1.0\nunit = \"\"\nspread = { kind = \"range\"", "value = 1.5\nunit = \"\"\nspread = { kind = \"range\""), "[effects.0.maximum.value] got 1.5", "from 0 to 1"),
    "potency of nothing": (DRUG.replace("value = 0.03", "value = 0.0"), "[effects.0.potency.value] got 0", "above 0"),
    "source": (DRUG.replace("[references.Rojas2018]", "[references.Rojas2017]"), "[effects.0.potency.source] got 'Rojas2018'", "or 'Rojas2017'? Add [references.Rojas2018]"),
    "uncited": (_without(DRUG, "place"), "[parameters.dptip_elimination] Value error, a cited number needs 'place'", "Mend that key"),
    "name taken": (DRUG.replace('name = "DPTIP"', 'name = "gw-4869"'), "'GW4869' is in the package's catalogue already", "replaces = true"),
    "a name of two lines": (DRUG.replace('name = "DPTIP"', 'name = "DP\\nTIP"'), "got the name 'DP", "Rename it"),
    "alias taken": (DRUG.replace('kind = "drug"', 'kind = "drug"\naliases = ["PDDC"]'), "'PDDC' is in the package's", "another name"),
    "replaces nothing": (f"replaces = true\n{DRUG}", "no 'DPTIP' to replace", "Drop `replaces`"),
    "parameter taken": (DRUG.replace("dptip_volume", "k_leak"), "[parameters.k_leak] is in the package's catalogue", "Rename it"),
    "parameter named as a definition": (DRUG.replace("dptip_volume", "share_free"), "[parameters.share_free]", "Rename it"),
    "reference taken": (DRUG.replace("Rojas2018", "Rojas2019"), "[references.Rojas2019] is in the package's", "Cite it without"),
    "line": (LINE.replace('"MDA-MB-231"', '"MDA-MB-232"'), "[reference] got 'MDA-MB-232'", "did you mean 'MDA-MB-231'"),
    "gene of a line": (LINE.replace("levels.UNC13D", "levels.UNC13E"), "[levels.UNC13E]", "did you mean 'UNC13D'"),
    "level below 0": (LINE.replace("value = 1.0", "value = -1.0"), "[levels.UNC13D.value] got -1", "0 or more"),
    "fitted finding": (PAPER.replace('role = "hold-out"', 'role = "fit"', 1), "[findings.0.role] got 'fit'", "hold-out"),
    "claim without limits": (PAPER.replace(", low = 0.8, high = 1.25", ""), "[findings.1.relation] expected low or high", "before the model is asked"),
    "not read": (PAPER.replace("[findings.measure]", "[findings.mesure]"), "[findings.0.mesure]", "Remove the key"),
    "read backwards": (PAPER.replace('stop = "24 h"', 'start = "25 h"\nstop = "24 h"'), "[findings.0.measure] Value error, the window ends", "Mend that key"),
    "two lines": (PAPER.replace("scored = false", "scored = true").replace("contradicts = [\"K7c\"]", ""), "[findings.2.lines] got 2 lines", "one finding per line"),
    "id taken": (PAPER.replace("Wang2023_1", "M1"), "finding 'M1' is there already", "Wang2023_1"),
    "gene of the model": (GENE.replace('symbol = "SYTL4"', 'symbol = "RAB27A"'), "'RAB27A' is a gene of the model already", "exude new mechanism"),
    "gene of small letters": (GENE.replace('symbol = "SYTL4"', 'symbol = "Slp4"'), "[symbol]", "Mend that key"),
    "mechanism of the package": (RIVAL.replace('"tether"', '"c2b-only"'), "'c2b-only' is a mechanism of the package", "Rename it"),
    "mechanism of nothing": (_without(RIVAL, "docking"), "changes nothing", "Mend that key"),
}  # fmt: skip


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_file_is_named_with_its_key_and_the_fix(fault: str, mylab) -> None:
    text, key, fix = BROKEN[fault]
    with pytest.raises(CatalogError) as caught:
        mylab(dptip=text)
    said = str(caught.value)
    assert "dptip.toml" in said and key in said and fix in said, said
    assert str(ROOT) not in said and "Traceback" not in said


def test_two_files_of_ones_own_do_not_share_a_name(mylab) -> None:
    with pytest.raises(CatalogError, match=r"b\.toml: 'DPTIP' is in another file of your own"):
        mylab(a=DRUG, b=DRUG.split("[parameters")[0].replace("[references.Rojas2018]", "[references.Rojas2018b]"))


def test_no_folder_and_an_empty_one(tmp_path: Path) -> None:
    for folder, said in ((tmp_path / "nowhere", "expected a folder"), (tmp_path, "it holds none")):
        with pytest.raises(CatalogError, match=said):
            use.use_catalogue(folder)


def test_a_replacement_takes_the_place_of_the_package_s_table(mylab) -> None:
    names = list(read.drugs())
    package = read.drug("GW4869").effects[0].potency.value
    text = DRUG.split("[parameters")[0].replace('name = "DPTIP"', 'replaces = true\nname = "GW4869"')
    mylab(mine=text, leak=_parameter("k_leak", "0.02", "1/s"))
    assert list(read.drugs()) == names and read.drug("GW4869").effects[0].potency.value == 0.03 != package
    assert read.value("k_leak") == Numbers.default()["k_leak"] == 0.02 and read.chapter_of()["k_leak"] == "calcium"
    with pytest.raises(CatalogError, match=r"\[parameters.k_leak.unit\] got 'uM'"):
        mylab(leak=_parameter("k_leak", "0.02", "uM"))


def _parameter(name: str, value: str, unit: str) -> str:
    body = (
        f'value = {value}\nunit = "{unit}"\nspread = {{ kind = "unknown" }}\nstatus = "assumed"\nobtained = "a test"\n'
    )
    return f"replaces = true\n[parameters.{name}]\n{body}"


# What a result says


def test_a_result_names_the_tables_and_their_content(mylab) -> None:
    plain = plan("MDA-MB-231", (), "1 h", 4, 1, Settings())
    plain_print = plain.fingerprint
    folder = mylab(dptip=DRUG)
    mine = plan("MDA-MB-231", (), "1 h", 4, 1, Settings())
    first_print = mine.fingerprint
    assert plain_print != first_print
    first = provenance.versions()["own mylab/dptip.toml"]
    assert f'"own mylab/dptip.toml": "{first}"' in mine.attrs()["provenance"]
    mylab(dptip=DRUG.replace("30 nM as", "30 nM, as"))
    assert provenance.versions()["own mylab/dptip.toml"] != first
    assert plan("MDA-MB-231", (), "1 h", 4, 1, Settings()).fingerprint not in (first_print, plain_print)
    assert str(folder.parent) not in str(provenance.versions())
    use.use_catalogue()
    assert plan("MDA-MB-231", (), "1 h", 4, 1, Settings()).fingerprint == plain_print


def test_a_drug_of_ones_own_does_what_its_table_says(mylab) -> None:
    mylab(dptip=DRUG)
    with_it = Protocol((exude.Drug("DPTIP", "30 nM"),), 3600.0, 60.0, 60.0).timeline()
    assert with_it.multiply[:, own_cell().levels.index("SMPD3")].tolist() == [1.0, 0.5]  # half at the potency
    assert exude.Schedule("DPTIP", "5 mg/kg").name == "DPTIP"
    assert read.chapter_of()["dptip_volume"] == "body"  # so that its spread is drawn with those of other drugs


# Genes and mechanisms


def test_without_any_the_cell_is_the_package_s() -> None:
    assert own_cell() is cell_symbols()


def test_a_gene_adds_a_level_and_leaves_the_others_where_they_were(mylab) -> None:
    numbers = Numbers.default()
    cells, some = np.arange(50), Genotype(read.line("MCF-7"), ()).medians(numbers)
    before = Cells(some, numbers, 3).levels(cells)
    mylab(sytl4=GENE + LEVEL_IN_MCF7)
    known, numbers = own_cell(), Numbers.default()
    assert known.levels == (*cell_symbols().levels, "SYTL4")
    down = Genotype(read.line("MCF-7"), (exude.KnockDown("SYTL4", to=0.5),), known.cascade)
    assert down.medians(numbers)[-1] == pytest.approx(0.4 * 0.5)
    medians = Genotype(read.line("MCF-7"), (), known.cascade).medians(numbers)
    after = Cells(medians, numbers, 3, cascade=known.cascade).levels(cells)
    assert np.array_equal(after[:, :-1], before) and len(set(after[:, -1])) == 50
    assert np.log(after[:, -1]).std() == pytest.approx(numbers["spread_levels"], rel=0.3)


def test_a_gene_changes_only_what_it_names(mylab) -> None:
    def texts(cascade):
        return {t.name: t.rate for t in cascade.life_cycle.transitions} | {
            d.symbol: d.text for d in cascade.definitions
        }

    mylab(sytl4=GENE)
    package, mine = texts(CELL), texts(own_cell().cascade)
    assert {name for name in mine if mine[name] != package[name]} == {"docking"}
    assert mine["docking"] == f"({package['docking']}) * (saturate(SYTL4, half_sytl4))"


GENES = {
    "shifted": ("saturate(SYTL4, half_sytl4)", "2 * saturate(SYTL4, half_sytl4)", "which is 2 where SYTL4 is 1"),
    "shifted with calcium": ("saturate(SYTL4, half_sytl4)", "1 + SYTL4 * half_sytl4 - half_sytl4 * hill(calcium, half_c2a, 1)", "expected 1"),
    "not reading it": ("saturate(SYTL4, half_sytl4)", "half_sytl4 / half_sytl4", "expected a factor that reads SYTL4"),
    "unknown number": ("saturate(SYTL4, half_sytl4)", "saturate(SYTL4, half_sytl)", "did you mean 'half_sytl4'"),
    "unknown step": ("docking =", "dockin =", "did you mean 'docking'"),
    "Python": ("saturate(SYTL4, half_sytl4)", "__import__('os').getcwd()", "sytl4.toml"),
    "unit": ('unit = ""', 'unit = "uM"', "sytl4.toml"),
}  # fmt: skip


@pytest.mark.parametrize("fault", GENES)
def test_a_gene_that_cannot_be_is_refused_with_its_file(fault: str, mylab) -> None:
    old, new, said = GENES[fault]
    with pytest.raises(CatalogError) as caught:
        mylab(sytl4=GENE.replace(old, new))
        own_cell()
    assert "mylab/sytl4.toml" in str(caught.value) and said in str(caught.value), caught.value


def test_what_does_not_follow_a_gene_refuses_it(mylab) -> None:
    mylab(sytl4=GENE, drug=DRUG.replace('"SMPD3"', '"SYTL4"'))
    for build in (
        lambda: Genotype(read.line("MCF-7"), (exude.KnockDown("SYTL4"),), TISSUE).medians(Numbers.default()),
        lambda: Protocol((exude.Drug("DPTIP", "1 uM"),), 60.0, 10.0, 10.0, cascade=TISSUE),
        lambda: exude.export_sbml("MDA-MB-231", exude.KnockDown("SYTL4")),
    ):
        with pytest.raises(ProtocolError, match=r"SYTL4.*one of your own"):
            build()
    mylab(sytl4=GENE + LEVEL_IN_MCF7)
    Genotype(read.line("MDA-MB-231"), (), TISSUE).medians(Numbers.default())
    with pytest.raises(ProtocolError, match=r"SYTL4.*one of your own"):
        Genotype(read.line("MCF-7"), (), TISSUE).medians(Numbers.default())


def test_a_mechanism_changes_numbers_with_their_units_and_texts(mylab) -> None:
    numbers = 'name = "slow"\nsays = "Docking is slow."\n[values]\nk_dock = "0.6 1/min"\nneed_c2a = 0.0\n'
    mylab(tether=RIVAL, slow=numbers)
    assert hypothesis_values("slow") == pytest.approx({"k_dock": 0.01, "need_c2a": 0.0})
    assert own_cell("slow") is cell_symbols()
    docking = {t.name: t.rate for t in own_cell("tether").cascade.life_cycle.transitions}["docking"]
    assert "half_tether" in docking and "half_tether" in own_cell("tether").parameters
    with pytest.raises(ProtocolError, match="it changes texts"):
        hypothesis_values("tether")
    with pytest.raises(CatalogError, match=r"mylab/slow.toml: got 'k_dokc'.*did you mean 'k_dock'"):
        mylab(tether=RIVAL, slow=numbers.replace("k_dock", "k_dokc"))
        hypothesis_values("slow")
    with pytest.raises(UnknownName, match="did you mean 'tether'"):
        hypothesis_values("tehter")


@pytest.mark.parametrize(("old", "new", "said"), [
    ("k_dock * rab27", "k_dock + rab27", "docking"), ("docking =", "dock =", "did you mean"),
    ("* rab27 *", "* rab28 *", "did you mean 'rab27'"), ("k_dock *", "(0 - k_dock) *", "docking"),
])  # fmt: skip
def test_a_text_that_cannot_be_is_refused_with_its_file(old: str, new: str, said: str, mylab) -> None:
    mylab(tether=RIVAL.replace(old, new))
    with pytest.raises(CatalogError) as caught:
        own_cell("tether")
    assert "mylab/tether.toml" in str(caught.value) and said in str(caught.value), caught.value


def test_cells_with_a_gene_of_ones_own(mylab) -> None:
    """At the reference line's level a gene leaves the run as it was, bit for bit; knocked down, it does what it says."""
    asked = {"duration": "2 h", "cells": 40, "seed": 2, "settings": Settings(alike=True, burn_in="12 h", threads=1)}
    before = exude.simulate("MDA-MB-231", **asked)
    mylab(sytl4=GENE)
    asked["settings"] = Settings(alike=True, burn_in="12 h", threads=1)
    same = exude.simulate("MDA-MB-231", **asked)
    assert all(np.array_equal(same.data[name], before.data[name]) for name in ("exosomes", "stage_count", "calcium"))
    down = exude.simulate("MDA-MB-231", exude.KnockOut("SYTL4"), **asked)
    assert not down.data["stage_count"].sel(stage="docked").any() and not down.data["fusions"].any()
    assert "own mylab/sytl4.toml" in down.provenance["versions"]


# Findings


def test_a_finding_of_ones_own_is_scored(mylab) -> None:
    mylab(wang=PAPER.replace('stop = "24 h"', 'stop = "6 h"'))
    rows = score("Wang2023", cells=60, draws=2, random_sets=[Numbers.default()], threads=1)
    assert [row["finding"] for row in rows] == ["Wang2023_1", "Wang2023_2"]
    assert rows[0]["verdict"] == "agrees" and rows[0]["predicted"]["value"] < 1
    assert rows[0]["weak"] == 1.0 and rows[0]["own"] == "mylab/wang.toml" and rows[0]["draws"] == 2


def test_a_finding_the_other_way_disagrees(mylab) -> None:
    """The planted fault of the scoring: the same reading, the opposite claim."""
    mylab(wang=PAPER.replace('stop = "24 h"', 'stop = "6 h"').replace('direction = "down"', 'direction = "up"', 1))
    (row,) = score("Wang2023_1", cells=60, draws=2, threads=1)
    assert row["verdict"] == "disagrees"


@pytest.mark.parametrize(("old", "new", "said"), [
    ('"band"', '"bands"', "did you mean 'band'"), ('mark = "CD63"', 'mark = "CD6"', "did you mean 'CD63'"),
    (', mark = "CD63"', "", "mark: CD63, CD9, ALIX"), ('"exosome_blot"', '"metastasis"', "an assay of cells"),
    ('"exosome_blot"', '"mvb_diameter"', "a variable that mvb_diameter reads"),
])  # fmt: skip
def test_a_finding_that_cannot_be_read_is_refused(old: str, new: str, said: str, mylab) -> None:
    mylab(wang=PAPER.replace(old, new).replace('stop = "24 h"', 'stop = "10 min"'))
    with pytest.raises(ProtocolError) as caught:
        score("Wang2023_1", cells=2, draws=1, threads=1)
    assert said in str(caught.value), caught.value


def test_what_has_no_reading_says_who_scores_it() -> None:
    with pytest.raises(ProtocolError, match="exude reproduce --only release-calcium"):
        findings_of("M1")
    with pytest.raises(UnknownName, match="did you mean 'Messenger2018'"):
        findings_of("Mesenger2018")


# Templates


@pytest.mark.parametrize("kind", [kind for kind in TEMPLATES if kind != "assay"])
def test_a_template_is_refused_until_its_blanks_are_filled(kind: str, mylab) -> None:
    name = {"gene": "SNAP47", "paper": "Smith2031"}.get(kind, "new-one")
    text = template(kind, name)
    with pytest.raises(CatalogError, match="still blank"):
        mylab(new=text)
    filled = text.replace("FILL IN: a gene or condition of the model (exude list genes)", "RAB27A")
    mylab(new=filled.replace("FILL IN", "seen"))
    own_cell(name if kind == "mechanism" else "both-c2")
    assert (file := read.own()[0]).name == "mylab/new.toml" and own.named(file.table) == name


def test_the_template_of_an_assay_is_one(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(template("assay", "MyElisa", file.name), encoding="utf-8")
    assert assay_from(file).__name__ == "MyElisa"


def test_new_never_writes_over_a_file(tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["new", "drug", "CK 13", "-o", "mylab/ck.toml"]) == 0
    assert main(["new", "drug", "CK 13", "-o", "mylab/ck.toml"]) == 2
    assert main(["new", "gene", "Slp4"]) == 2 and main(["new", "assay", "Mine", "-o", "mine.toml"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 3 and "is there already" in said[0] and "HGNC" in said[1] and ".py" in said[2]


# Assays


def test_an_assay_from_a_file_reads_measures_and_scores() -> None:
    assay = assay_from(EXAMPLES / "cd9_elisa.py")()
    rest, none = (
        exude.simulate("MDA-MB-231", *what, duration="2 h", cells=60, settings=Settings(burn_in="12 h"))
        for what in ((), (exude.KnockOut("RAB27A"), exude.KnockOut("RAB27B")))
    )
    assert float(assay.observable(rest)["cd9"]) > 0 == float(assay.observable(none)["cd9"])
    wells = assay.measure(rest, replicates=3, seed=4)
    assert assay.log_likelihood(rest, wells) > assay.log_likelihood(none, wells)


@pytest.mark.parametrize(("text", "said"), [
    ("x = (", "line 1: SyntaxError"), ("\nx = y", "line 2: NameError"), ("", "got '0 whole assays in mine.py'"),
    ("from exude.experiment.assays import ExosomeBlot", "got '0 whole assays"),
    ("from exude.experiment.assays import AbstractAssay\nclass A(AbstractAssay): pass", "A without log_likelihood"),
    ((EXAMPLES / "cd9_elisa.py").read_text(encoding="utf-8").replace("    purpose: ClassVar[int] = 9001\n", ""), "without a purpose"),
])  # fmt: skip
def test_a_file_that_is_no_assay(text: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        assay_from(file)
    assert said in str(caught.value), caught.value


def test_no_table_of_a_catalogue_runs_code(mylab, tmp_path: Path) -> None:
    """A Python file in a folder of tables is not looked at."""
    folder = tmp_path / "mylab"
    folder.mkdir()
    (folder / "evil.py").write_text("raise SystemExit", encoding="utf-8")
    mylab(dptip=DRUG)
    assert [file.name for file in read.own()] == ["mylab/dptip.toml"]


# The command line and the pages


@pytest.mark.parametrize("words", [["--catalogue", "{}", "show", "DPTIP"], ["show", "DPTIP", "--catalogue={}"]])
def test_the_folder_stands_anywhere_in_a_command_and_counts_for_it_alone(words: list[str], capsys) -> None:
    before = os.environ.get(own.VARIABLE)
    assert main([word.format(EXAMPLES) for word in words]) == 0
    assert "own/dptip.toml" in capsys.readouterr().out
    assert os.environ.get(own.VARIABLE) in (before, "")
    assert main(["show", "DPTIP"]) == 2 and "did you mean" in capsys.readouterr().err


def test_a_bad_folder_is_one_line(capsys) -> None:
    assert main(["list", "drugs", "--catalogue", "nowhere"]) == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize("kind", TUTORIALS)
def test_the_file_of_a_tutorial_is_the_example(kind: str) -> None:
    page = ROOT / "docs" / "tutorials" / f"add_{kind}.md"
    example = (EXAMPLES / TUTORIALS[kind]).read_text(encoding="utf-8")
    held = [text for block in blocks_of(page) for text in block.files.values()]
    assert example in held


def _rate(*what: object, line: str = "MDA-MB-231", cells: int = 400, hypothesis: str = "both-c2") -> float:
    settings = Settings(hypothesis=hypothesis, events=False, snapshots=())
    return exude.simulate(line, *what, duration="24 h", cells=cells, settings=settings).rate().mean().item()


def test_numbers_that_the_tutorials_tell(mylab) -> None:
    """Rows of their tables, and one sentence, against runs of the same size."""
    told = {kind: (ROOT / "docs" / "tutorials" / f"add_{kind}.md").read_text(encoding="utf-8") for kind in TUTORIALS}
    mylab(sytl4=GENE)
    slp4, rab27 = exude.KnockDown("SYTL4", to=0.2), exude.KnockDown("RAB27A", to=0.2)
    assert f"| SYTL4 as it is | {_rate():.0f} | {_rate(rab27):.0f} |" in told["gene"]
    assert f"| SYTL4 to 0.2 | {_rate(slp4):.0f} | {_rate(slp4, rab27):.0f} |" in told["gene"]
    use.use_catalogue(EXAMPLES / "tether.toml")
    down = exude.KnockDown("UNC13D", to=0.2)
    dead = exude.KnockOut("UNC13D"), exude.Rescue("UNC13D", mutant="Rab27a-binding-dead")
    for row, what, digits in (
        ("untreated", (), 1),
        ("Munc13-4 knocked down to 0.2", (down,), 0),
        ("Munc13-4 that", dead, 0),
    ):
        default, tether = (f"{_rate(*what, hypothesis=h):.{digits}f}" for h in ("both-c2", "tether"))
        assert re.search(rf"^\| {row}.*\| {default} \| {tether} \|$", told["mechanism"], re.MULTILINE), (
            row,
            default,
            tether,
        )
    use.use_catalogue(EXAMPLES / "dptip.toml")
    drug = exude.Drug("DPTIP", "1 uM")
    prostate, breast = ([f"{_rate(*what, line=line, cells=100):.{digits}f}" for what in ((), (drug,))]
                        for line, digits in (("22Rv1", 1), ("MDA-MB-231", 0)))  # fmt: skip
    assert (
        f"goes from {prostate[0]} to {prostate[1]} exosomes per cell and\nhour; MDA-MB-231 from {breast[0]} to {breast[1]}."
        in told["drug"]
    )
