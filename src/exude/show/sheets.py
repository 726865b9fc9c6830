"""What `exude show` prints: everything the catalogue knows under one name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from typing import Any

from exude.cascade import CELL, TISSUE
from exude.catalog import read
from exude.catalog.schema import Drug, Finding, Gene, Number
from exude.errors import UnknownName, refuse
from exude.show.lists import changes as changes_of
from exude.show.lists import first_line
from exude.show.tables import Sheet, Table
from exude.show.words import SEEN, amount, cite, number_facts, relation, second_reading, sources, spread, unit


def sheets(name: str) -> list[Sheet]:
    """Every sheet that bears the name; without one, letter case, dashes and aliases are let go.

    Raises UnknownName with the nearest name.
    """
    kinds = [kind() for kind in KINDS]
    found = [make(name) for known, _, make in kinds if name in known]
    if found:
        return found
    kinds.append(_assays())  # last, because it loads the engine
    for known, aliases, make in kinds:
        names = {_plain(alias): key for alias, key in aliases.items()} | {_plain(key): key for key in known}
        if name in known or _plain(name) in names:
            found.append(make(names[_plain(name)]))
    if not found:
        fix = "`exude list lines` (genes, drugs, stimuli, assays, parameters, evidence, hypotheses, literature) names all."
        raise refuse(UnknownName, name, "a name of the catalogue", fix, [n for k, a, _ in kinds for n in (*k, *a)])
    exact = [make(name) for known, _, make in kinds if name in known]
    return exact or found


def _own(thing: object) -> tuple[tuple[str, str], ...]:
    """The fact that a thing is of one's own; nothing for the package's."""
    file = read.origin(thing)
    return (("own file", file),) if file else ()


def _plain(name: str) -> str:
    return "".join(ch for ch in name.casefold() if ch.isalnum() or ch == "*")


Kind = tuple[Iterable[str], Mapping[str, str], Callable[[str], Sheet]]
"""Names, aliases (alias -> name), and what makes the sheet of a name."""


def _lines() -> Kind:
    return read.lines(), {a: x.name for x in read.lines().values() for a in x.aliases}, line_sheet


def line_sheet(name: str) -> Sheet:
    """A cell line: what it is, and the level of every protein with its origin."""
    x = read.line(name)
    rows = []
    for gene, n in x.levels.items():
        rna = f"{n.rna_tpm:g} TPM" if n.rna_tpm is not None else "–"
        protein = f"{n.protein_log10:g}" if n.protein_log10 is not None else "–"
        reading = second_reading(f"cells/{x.name}/{gene}") if f"cells/{x.name}/{gene}" in read.readings() else "–"
        rows.append((
            gene, f"{n.value:g}", spread(n.spread), n.status, rna, protein, ", ".join(n.source) or "none", n.place or "–",
            SEEN[n.seen], reading, n.obtained + (f" CONFLICT: {n.conflict}" if n.conflict else ""),
        ))  # fmt: skip
    columns = (
        "gene", "level", "spread", "status", "RNA", "protein (log10)", "source", "place", "seen", "second reading",
        "obtained",
    )  # fmt: skip
    keys = tuple(dict.fromkeys(key for n in x.levels.values() for key in n.source))
    facts = (
        ("tissue", x.tissue), ("origin", x.origin), ("aggressiveness", x.aggressiveness),
        ("levels relative to", x.reference), ("also called", ", ".join(x.aliases) or "–"), ("notes", x.notes or "–"),
        ("sources", sources(keys)), *_own(x),
    )  # fmt: skip
    return Sheet(f"cell line {x.name}", facts, (Table("levels", columns, tuple(rows)),))


def _genes() -> Kind:
    from exude.experiment.perturbations import genes

    words = {x.symbol: x.meaning.split(",")[0].split(":")[0] for x in TISSUE.levels if x.symbol in genes()}
    aliases = {w: s for s, w in words.items() if " " not in w and list(words.values()).count(w) == 1}
    return genes(), aliases, gene_sheet


def gene_sheet(name: str) -> Sheet:
    """A gene: what it does, its level in every line, drugs on it, findings about it."""
    from exude.experiment.perturbations import MUTANTS

    if name in read.genes():
        return _own_gene(read.genes()[name])
    (level,) = (x for x in TISSUE.levels if x.symbol == name)
    chapter = next(c.name for c in TISSUE.chapters if level in c.levels)
    readers = [
        d.symbol
        for d in TISSUE.definitions
        if name in d.text.replace("(", " ").replace(",", " ").replace(")", " ").split()
    ]
    facts = [("meaning", level.meaning), ("chapter", chapter), ("read by", ", ".join(readers) or "read-outs only")]
    facts.append(("differs from cell to cell", "yes, lognormal" if level.varies else "no"))
    if name in MUTANTS:
        facts.append(("mutants", ", ".join(MUTANTS[name])))
    return Sheet(f"gene {name}", tuple(facts), _about_gene(name))


def _own_gene(gene: Gene) -> Sheet:
    """A gene of one's own: what of the cell it multiplies, beside what every gene's sheet has."""
    facts = [("meaning", gene.meaning), *((f"multiplies {target}", text) for target, text in gene.multiplies.items())]
    facts += [
        ("differs from cell to cell", "yes, lognormal" if gene.varies else "no"),
        ("because", sources(gene.because)),
    ]
    return Sheet(f"gene {gene.symbol}", (*facts, ("notes", gene.notes or "–"), *_own(gene)), _about_gene(gene.symbol))


def _about_gene(name: str) -> tuple[Table, ...]:
    """A gene's level in every line, drugs on it, findings about it."""
    rows = tuple(
        (x.name, f"{n.value:g}", spread(n.spread), n.status, ", ".join(n.source) or "none", n.place or "–", SEEN[n.seen], n.obtained)
        for x in read.lines().values() if (n := x.levels.get(name)) is not None
    )  # fmt: skip
    tables = [Table("level in each line (relative to the reference line)",
                    ("line", "level", "spread", "status", "source", "place", "seen", "obtained"), rows)]  # fmt: skip
    acting = [(d.name, e.mode, amount(e.potency)) for d in read.drugs().values() for e in d.effects if e.target == name]
    if acting:
        tables.append(Table("drugs that act on it", ("drug", "mode", "half effect at"), tuple(acting)))
    told = [(f.id, s, f.says) for s, f in read.findings().values() if any(name in c for c in f.condition)]
    if told:
        tables.append(Table("findings with it", ("finding", "source", "says"), tuple(told)))
    return tuple(tables)


def _drugs() -> Kind:
    return read.drugs(), {a: x.name for x in read.drugs().values() for a in x.aliases}, drug_sheet


def drug_sheet(name: str) -> Sheet:
    """A drug or stimulus: its targets, and the origin of each number."""
    x: Drug = read.drug(name)
    facts = [("summary", x.summary), ("dose in", unit(x.dose_unit)), ("usual dose", x.usual_dose)]
    facts += [("also called", ", ".join(x.aliases) or "–"), ("notes", x.notes or "–"), *_own(x)]
    rows = []
    for e in x.effects:
        for what, n in (("half effect at", e.potency), ("Hill slope", e.hill), ("largest effect", e.maximum)):
            target = f"{e.target}{' (off target)' if e.off_target else ''}"
            rows.append((
                target, e.mode, what, amount(n), spread(n.spread), n.status, sources(n.source), n.place or "–",
                SEEN[n.seen], n.obtained,
            ))  # fmt: skip
        if e.note:
            facts.append((f"on {e.target}", e.note))
    columns = ("target", "mode", "number", "value", "spread", "status", "source", "place", "seen", "obtained")
    return Sheet(f"{x.kind} {x.name}", tuple(facts), (Table("effects", columns, tuple(rows)),))


def _parameters() -> Kind:
    return read.parameters(), {}, parameter_sheet


def parameter_sheet(name: str) -> Sheet:
    """A number the model reads."""
    x = read.parameter(name)
    facts = [("chapter", read.chapter_of()[name]), *number_facts(x, f"parameters/{name}")]
    if x.prior:
        start = f"{x.start:g} {unit(x.unit)}".strip() if x.start is not None else amount(x)
        facts.append(("prior", f"{spread(x.prior)}, around {start}"))
    if x.backed_by:
        facts.append(("backed by", ", ".join(x.backed_by)))
    return Sheet(f"parameter {name}", (*facts, *_own(x)))


def _literature() -> Kind:
    return read.literature(), {}, literature_sheet


def literature_sheet(name: str) -> Sheet:
    """A number of the literature."""
    x: Number = read.literature()[name]
    reading = next(
        (key for key in read.readings() if key.partition("/")[2] == name and not key.startswith("cells/")), ""
    )
    facts = number_facts(x, reading or f"literature/{name}")
    users = [symbol for symbol, p in read.parameters().items() if name in p.backed_by]
    return Sheet(f"literature quantity {name}", (*facts, ("backs", ", ".join(users) or "no parameter yet")))


def _findings() -> Kind:
    return read.findings(), {}, finding_sheet


def finding_sheet(name: str) -> Sheet:
    """One published finding, and the rule by which it is scored."""
    source, f = read.findings()[name]
    facts = (*_finding_facts(source, f), *_own(read.evidence()[source]))
    return Sheet(f"finding {f.id}", tuple((k, v) for k, v in facts if v))


def _finding_facts(source: str, f: Finding) -> tuple[tuple[str, str], ...]:
    return (
        ("says", f.says), ("source", cite(source)), ("place", f.place), ("seen", SEEN[f.seen]), ("obtained", f.obtained),
        ("assay", f.assay), ("lines", ", ".join(f.lines)), ("condition", "; ".join(f.condition)),
        ("condition as seen", f.condition_seen), ("against", "; ".join(f.reference_condition)),
        ("claim", relation(f.relation)), ("error from", f.relation.error_from), ("role", f.role),
        ("scored", f"yes, in {f.statement}" if f.scored and f.statement else "yes" if f.scored else "no"), ("rule", f.rule),
        ("contradicts", ", ".join(f.contradicts)),
    )  # fmt: skip


def _papers() -> Kind:
    return {**read.references(), **read.evidence()}, {}, paper_sheet


def paper_sheet(name: str) -> Sheet:
    """A paper: where it stands, what it found, which numbers rest on it."""
    entry = read.references().get(name, {})
    held = read.evidence().get(name)
    facts = [("reference", cite(name)), ("note", entry.get("note", ""))]
    if held:
        facts += [("notes", held.notes), *_own(held)]
    users = [s for s, p in read.parameters().items() if name in p.source]
    numbers = [s for s, p in read.literature().items() if name in p.source]
    facts += [("parameters from it", ", ".join(users)), ("literature quantities", ", ".join(numbers))]
    rows = (
        tuple((f.id, f.role, f.statement or "–", relation(f.relation), f.says) for f in held.findings) if held else ()
    )
    tables = (Table("findings", ("finding", "role", "scored in", "claim", "says"), rows),) if rows else ()
    return Sheet(f"paper {name}", tuple((k, v) for k, v in facts if v), tables)


def _hypotheses() -> Kind:
    return {**{h.name: h for h in CELL.hypotheses}, **read.mechanisms()}, {}, hypothesis_sheet


def hypothesis_sheet(name: str) -> Sheet:
    """A rival mechanism: what it says and what it changes."""
    mine = read.mechanisms().get(name)
    if mine is not None:
        facts = (("says", mine.says), ("changes", "; ".join(changes_of(mine))), ("because", sources(mine.because)))
        return Sheet(f"mechanism {name}", (*facts, ("notes", mine.notes or "–"), *_own(mine)))
    (h,) = (h for h in CELL.hypotheses if h.name == name)
    changes = ", ".join(f"{k} = {v:g} (default {read.parameter(k).value:g})" for k, v in h.values.items())
    return Sheet(f"mechanism {name}", (("says", h.says), ("changes", changes or "nothing: the default"),
                                       ("because", sources(h.because))))  # fmt: skip


def _assays() -> Kind:
    return all_assays(), {}, assay_sheet


def all_assays() -> dict[str, Any]:
    """Assays of cells, of tissues and of cohorts."""
    from exude.experiment.assays import ASSAYS
    from exude.experiment.assays.in_bodies import COHORT_ASSAYS
    from exude.experiment.assays.in_space import TISSUE_ASSAYS

    return {**ASSAYS, **TISSUE_ASSAYS, **COHORT_ASSAYS}


def assay_sheet(name: str) -> Sheet:
    """An assay: what it reads, its settings, the findings it scores."""
    x = all_assays()[name]()
    kept = [f"{f.name} = {getattr(x, f.name)!r}" for f in fields(x) if f.name != "numbers"]
    told = tuple((f.id, s, f.says) for s, f in read.findings().values() if f.assay == name)
    facts = (("reads", first_line(x.__doc__)), ("settings", ", ".join(kept) or "none"))
    return Sheet(
        f"assay {name}", facts, (Table("findings by it", ("finding", "source", "says"), told),) if told else ()
    )


KINDS: tuple[Callable[[], Kind], ...] = (
    _lines, _genes, _drugs, _parameters, _literature, _findings, _papers, _hypotheses,
)  # fmt: skip
"""Where a name is looked up, in order."""
