"""A COMBINE archive (OMEX): the model in SBML, what to simulate and plot in SED-ML, a figure, and who says so."""

from __future__ import annotations

import io
import zipfile
from typing import Any
from xml.etree import ElementTree as ET

from matplotlib.figure import Figure

from exude.derive.sbml import document
from exude.derive.sbml.extras import load
from exude.experiment.export import SBML_STATES, Export, Told, tell
from exude.experiment.perturbations import Perturbation
from exude.show.style import DPI, FAINT, PALETTE, new_figure, settled, style, wrap

MODEL, SIMULATION, FIGURE, METADATA, MANIFEST = (
    "model.xml",
    "simulation.sedml",
    "figure.png",
    "metadata.rdf",
    "manifest.xml",
)
COMBINE = "http://identifiers.org/combine.specifications/"
FORMATS = {
    ".": f"{COMBINE}omex",
    MANIFEST: f"{COMBINE}omex-manifest",
    MODEL: f"{COMBINE}sbml.level-3.version-2",
    SIMULATION: f"{COMBINE}sed-ml.level-1.version-4",
    METADATA: f"{COMBINE}omex-metadata",
    FIGURE: "http://purl.org/NET/mediatypes/image/png",
}
MANIFEST_SPACE = f"{COMBINE}omex-manifest"
SEDML = "http://sed-ml.org/sed-ml/level1/version4"
SBML = "http://www.sbml.org/sbml/level3/version2/core"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
TERMS = "http://purl.org/dc/terms/"
CVODE = "KISAO:0000019"
TOLERANCES = {"KISAO:0000209": "1e-9", "KISAO:0000211": "1e-10"}
"""Relative and absolute tolerance."""
EPOCH = (1980, 1, 1, 0, 0, 0)
"""Date of every file in an archive: the same experiment gives the same bytes."""
PANELS = (
    ("Calcium", "µM", ("calcium",)),
    ("MVBs", "per cell", ("n_immature", "n_travelling", "n_peripheral", "n_docked", "n_primed")),
    ("Fusions", "per cell", ("fusions", "lysosome_fusions")),
    ("Exosomes", "per cell", ("exosomes", "exosomal_cargo")),
)
"""Title, unit and curves of each plot."""
MINUTE = 60
POINTS = 720
"""Most points of a curve: a peak of calcium lasts some ten seconds."""


def export_omex(line: str, *what: Perturbation, duration: str = "2 h", how: Export | None = None) -> bytes:
    """A COMBINE archive of an experiment's mean field, ready to run in any program that reads SED-ML.

    Arguments, errors and validity are those of `exude.export_sbml`. Returns the archive's bytes: model.xml (SBML),
    simulation.sedml (SED-ML Level 1 Version 4: one time course, a plot for calcium, MVBs, fusions, exosomes),
    figure.png (the same curves), metadata.rdf.
    """
    told = tell(line, *what, duration=duration, how=how, states=SBML_STATES, points=POINTS)
    model = document.write(told.story)
    parts = {
        MANIFEST: _manifest(),
        MODEL: model.encode(),
        SIMULATION: sedml(told, model),
        METADATA: _metadata(told),
        FIGURE: _png(figure(told)),
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in parts.items():
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.create_system = 0
            archive.writestr(entry, content)
    return out.getvalue()


def figure(told: Told) -> Figure:
    """The mean field's curves, one panel for each plot of the SED-ML file; thin lines where something is changed."""
    with style():
        drawn = new_figure(190, 110)
        grid: Any = drawn.subplots(2, 2, sharex=True)
        for axes, panel in zip(grid.flat, PANELS, strict=True):
            _panel(axes, told, *panel)
        for axes in grid[-1]:
            axes.set_xlabel("time (min)")
        drawn.suptitle(wrap(told.story.about.title, 100), x=0.01, ha="left", fontsize=9)
        return settled(drawn)


def _panel(axes: Any, told: Told, title: str, unit: str, symbols: tuple[str, ...]) -> None:
    for change in told.story.changes:
        if set(change.values) & set(told.story.network.levels):
            axes.axvline(change.time / MINUTE, color=FAINT, linewidth=0.5)
    for colour, symbol in zip(PALETTE, symbols, strict=False):
        axes.plot(told.times / MINUTE, told.curves[symbol], color=colour, label=symbol)
    axes.set_title(title)
    axes.set_ylabel(unit)
    axes.set_ylim(bottom=0)
    if len(symbols) > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), handlelength=1)


def _png(drawn: Figure) -> bytes:
    out = io.BytesIO()
    with style():
        drawn.savefig(out, format="png", dpi=DPI, metadata={"Software": None})
    return out.getvalue()


def sedml(told: Told, model: str) -> bytes:
    """SED-ML Level 1 Version 4: the model, one uniform time course with CVODE, a plot for each panel."""
    root = ET.Element("sedML", {"xmlns": SEDML, "xmlns:sbml": SBML, "level": "1", "version": "4"})
    models = ET.SubElement(root, "listOfModels")
    ET.SubElement(
        models, "model", {"id": "cell", "language": "urn:sedml:language:sbml.level-3.version-2", "source": MODEL}
    )
    _course(ET.SubElement(root, "listOfSimulations"), told)
    tasks = ET.SubElement(root, "listOfTasks")
    ET.SubElement(tasks, "task", {"id": "run", "modelReference": "cell", "simulationReference": "course"})
    generators, outputs = ET.SubElement(root, "listOfDataGenerators"), ET.SubElement(root, "listOfOutputs")
    _generator(generators, "time", {"symbol": "urn:sedml:symbol:time"})
    species = _species(model)
    for i, (title, unit, symbols) in enumerate(PANELS, 1):
        plot = ET.SubElement(outputs, "plot2D", {"id": f"plot_{i}", "name": title})
        ET.SubElement(plot, "xAxis", {"id": f"x_{i}", "name": "time (s)", "type": "linear"})
        ET.SubElement(plot, "yAxis", {"id": f"y_{i}", "name": f"{title} ({unit})", "type": "linear"})
        curves = ET.SubElement(plot, "listOfCurves")
        for symbol in symbols:
            _generator(generators, symbol, {"target": _target(symbol, species)})
            ET.SubElement(curves, "curve", {
                "id": f"curve_{symbol}", "name": symbol,
                "xDataReference": "data_time", "yDataReference": f"data_{symbol}",
            })  # fmt: skip
    return _bytes(root)


def _target(symbol: str, species: set[str]) -> str:
    """Where a quantity is in the model: a species, or a parameter with a rule."""
    lists, kind = ("listOfSpecies", "species") if symbol in species else ("listOfParameters", "parameter")
    return f"/sbml:sbml/sbml:model/sbml:{lists}/sbml:{kind}[@id='{symbol}']"


def _species(model: str) -> set[str]:
    found = load("libsbml").readSBMLFromString(model).getModel()
    return {found.getSpecies(i).getId() for i in range(found.getNumSpecies())}


def _course(simulations: ET.Element, told: Told) -> None:
    end = f"{told.story.about.duration:g}"
    course = ET.SubElement(simulations, "uniformTimeCourse", {
        "id": "course", "initialTime": "0", "outputStartTime": "0", "outputEndTime": end,
        "numberOfSteps": str(len(told.times) - 1),
    })  # fmt: skip
    method = ET.SubElement(course, "algorithm", {"kisaoID": CVODE, "name": "CVODE"})
    limits = ET.SubElement(method, "listOfAlgorithmParameters")
    for term, value in TOLERANCES.items():
        ET.SubElement(limits, "algorithmParameter", {"kisaoID": term, "value": value})


def _generator(generators: ET.Element, symbol: str, where: dict[str, str]) -> None:
    """A quantity as it is, by its symbol."""
    made = ET.SubElement(generators, "dataGenerator", {"id": f"data_{symbol}", "name": symbol})
    variables = ET.SubElement(made, "listOfVariables")
    ET.SubElement(variables, "variable", {"id": f"v_{symbol}", "name": symbol, "taskReference": "run", **where})
    math = ET.SubElement(made, "math", {"xmlns": "http://www.w3.org/1998/Math/MathML"})
    ET.SubElement(math, "ci").text = f"v_{symbol}"


def _manifest() -> bytes:
    root = ET.Element("omexManifest", {"xmlns": MANIFEST_SPACE})
    for name, form in FORMATS.items():
        where = name if name == "." else f"./{name}"
        master = {"master": "true"} if name == SIMULATION else {}
        ET.SubElement(root, "content", {"location": where, "format": form, **master})
    return _bytes(root)


def _metadata(told: Told) -> bytes:
    """What the archive is, in Dublin Core terms; no date, so that the same experiment gives the same bytes."""
    root = ET.Element("rdf:RDF", {"xmlns:rdf": RDF, "xmlns:dcterms": TERMS})
    said = ET.SubElement(root, "rdf:Description", {"rdf:about": "."})
    about = told.story.about
    ET.SubElement(said, "dcterms:title").text = about.title
    ET.SubElement(said, "dcterms:description").text = " ".join((about.whence, *about.notes))
    return _bytes(root)


def _bytes(root: ET.Element) -> bytes:
    ET.indent(root)
    found: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"
