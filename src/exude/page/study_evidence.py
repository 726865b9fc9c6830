"""What stands behind a card: the findings of papers, where they stand, how well they were seen, what contradicts them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from exude.catalog import read
from exude.catalog.schema import Finding
from exude.experiment import parse
from exude.experiment.assays import ASSAYS
from exude.experiment.perturbations import say
from exude.show.words import SEEN, cite, micro, relation

Plain = dict[str, Any]


def evidence(name: str) -> Plain:
    """A finding with its source, its rule and what contradicts it."""
    source, finding = read.findings()[name]
    return {
        "finding": name, "says": finding.says, "assay": assay(finding), "lines": ", ".join(finding.lines),
        "condition": micro(" + ".join(_said(text) for text in finding.condition) or "untreated"),
        "reference": micro(" + ".join(_said(text) for text in finding.reference_condition) or "untreated"),
        "seen_condition": finding.condition_seen, "relation": relation(finding.relation),
        "tolerance": finding.relation.error_from == "tolerance", "rule": finding.rule, "seen": SEEN[finding.seen],
        "place": finding.place, "obtained": finding.obtained, **source_of(source),
        "contradicts": [contradiction(other) for other in finding.contradicts if other in read.findings()],
    }  # fmt: skip


def _said(text: str) -> str:
    return say(parse.perturbation(text))


def source_of(key: str) -> Plain:
    """A reference in words, and its address; what was noted of it where no author or journal is known."""
    entry = read.references().get(key, {})
    known = any(entry.get(part) for part in ("author", "journal"))
    doi, pmid = entry.get("doi", ""), entry.get("pmid", "")
    address = f"https://doi.org/{doi}" if doi else f"https://pubmed.ncbi.nlm.nih.gov/{pmid}/" if pmid else ""
    return {"source": cite(key) if known else f"{key} ({entry.get('note', 'nothing noted')})", "link": address}


def contradiction(name: str) -> Plain:
    """A finding that says otherwise."""
    source, finding = read.findings()[name]
    return {"finding": name, "says": finding.says, **source_of(source)}


def notes(findings: Sequence[str]) -> list[Plain]:
    """What is to be known of the papers behind findings: what of them was seen and what was not."""
    keys = dict.fromkeys(read.findings()[name][0] for name in findings)
    return [{"source": key, "text": text} for key in keys if (text := read.evidence()[key].notes)]


def assay(finding: Finding) -> str:
    """What is read, in words."""
    known = ASSAYS.get(finding.assay)
    name = finding.assay.replace("_", " ")
    return f"{name}: {(known.__doc__ or '').splitlines()[0]}" if known else name
