"""One page per chapter of the biology: what it is, its equations, what happens in it, its numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from inspect import getdoc

from exude import model
from exude.model import Body, Chapter, Definition
from generate import latex, markup
from generate.declared import CHAPTERS, Told, told
from generate.markup import cited, code, plain, table
from generate.numbers import elsewhere, numbers_table

FOLDER = "biology"
LEVEL, STEP = "level", "step"
"""Kinds of declarations whose names may be those of other symbols, too."""
NOTATION = f"""# The biology, chapter by chapter

These pages are made from the declarations that the program runs and from its catalogue, each time the site is built: an
equation or a number here cannot differ from the one that is used.

A *level* is what a cell has of something: of a protein, relative to the reference line MDA-MB-231. A *trace* moves by a
differential equation, a *definition* gives part of a rate a name. Vesicles and cells are individuals: what happens to
them are *transitions* and *events* at rates per second. Symbols have the names that they have in the code. In texts
stand only symbols and 0, 1 and 2; every other number is a parameter with an origin.

How functions of the texts are set in equations; `mix` and `saturate` keep their names:

| in a text | in an equation | what it does |
|---|---|---|
| `hill(x, K, n)` | {latex.inline("hill(x, K, n)")} | rises from 0 to 1, half at K |
| `fall(x, K, n)` | {latex.inline("fall(x, K, n)")} | falls from 1 to 0, half at K |
| `mix(x, w)` | {latex.inline("1 - w + w * x")} | x where w is 1, 1 where w is 0: a switch of a hypothesis |
| `saturate(x, K)` | {latex.inline("x * (1 + K) / (x + K)")} | 1 at the reference level x = 1, saturating above |
| `ratio(a, b)` | {latex.inline("ratio(a, b)")} | and 0 where b is 0 |

A number is {markup.mark("measured", "measured")} in this very setting, {markup.mark("derived", "derived")} from such,
{markup.mark("transferred", "transferred")} from another cell or method, {markup.mark("fitted", "fitted")} to findings, or
{markup.mark("assumed", "assumed")}: nobody has published it, or nobody whom we have read. Most are assumed, and each says
why this value. A number that cites a source has been read a second time without sight of the first reading; where that
was not done it is {markup.mark("provisional", "provisional")}.

"""


def place(page: str, symbol: str, kind: str = "") -> str:
    """Name of the place where something declared stands; names of places do not tell capitals apart, kinds do."""
    return "-".join(part.replace(" ", "-") for part in (page, kind, symbol) if part)


def pages() -> dict[str, str]:
    """Every page of the biology by path."""
    made = {f"{FOLDER}/{name}.md": chapter_page(told()[name]) for name in CHAPTERS}
    index = NOTATION + markup.toctree(CHAPTERS) + "".join(_line(told()[name]) for name in CHAPTERS)
    return {f"{FOLDER}/index.md": index} | made


def _line(page: Told) -> str:
    sentence = page.about.split("\n\n")[0]
    title, _, rest = sentence.partition(": ")
    return f"- [{page.title}]({page.name}.md): {plain(sentence if ' ' in title else rest)}\n"


def chapter_page(page: Told) -> str:
    """One page of the biology."""
    parts = [f"# {page.title}\n\n{markup.paragraphs(page.about)}\n"]
    parts += [f"\n{plain(text)}\n" for name, text in page.remarks.items() if name in ("PATIENT", "TRANSFORMING")]
    parts.append(f"\nMore, with examples and limits: {{doc}}`/{page.more}`.\n")
    if page.chapter:
        parts += _of_chapter(page.name, page.chapter)
    for body in page.bodies:
        parts += _of_body(page.name, body)
    if page.ports:
        parts.append(_ports(page))
    numbers = numbers_table(page.name)
    parts.append(f"\n## Numbers\n\n{numbers}" if numbers else "")
    others = elsewhere(page.name)
    parts.append(f"\nNumbers of other pages that this one reads: {others}.\n" if others else "")
    return markup.wide("".join(parts))


def _part(title: str, text: str, about: type | None = None) -> str:
    """A part of a page under its title, with what its word means; nothing where there is nothing to show."""
    said = plain((getdoc(about) or "").split("\n\n")[0]) if about else ""
    return f"\n## {title}\n\n{said}\n\n{text}" if text else ""


def _of_chapter(page: str, chapter: Chapter) -> list[str]:
    cycle = chapter.life_cycle
    return [
        _part("Levels", levels(page, chapter.levels)),
        _part("Equations", traces(page, chapter) + definitions(page, chapter.definitions, chapter.readouts)),
        _part("Life of a vesicle", life(page, chapter) if cycle else ""),
        _part("Particles shed", emissions(chapter), model.Emission),
        _part("Fields", fields(chapter), model.Field),
        _part("Reactions", reactions(page, chapter), model.Reaction),
        _part("What cells hold", pools(page, chapter), model.Pool),
        _part("What cells are to their place", deposits(chapter), model.Deposit),
        _part("What a fusion sets free", releases(chapter), model.Release),
        _part("Kinds of cells", kinds(chapter), model.Kind),
        _part("Behaviour", behaviours(chapter), model.Behaviour),
        _part("Events", events(page, chapter), model.Event),
        _part("Bonds", "".join(bond(page, b) for b in chapter.bonds), model.Bond),
        _part("Arrivals", arrivals(chapter), model.Arrival),
        _part("Rival mechanisms", hypotheses(chapter), model.Hypothesis),
    ]


def _of_body(page: str, body: Body) -> list[str]:
    title = body.name.capitalize()
    return [
        _part(f"{title}: stocks", stocks(page, body), model.Stock),
        _part(f"{title}: flows", flows(page, body), model.Flow),
        _part(f"{title}: equations", definitions(page, body.definitions)),
        _part(f"{title}: levels", levels(page, body.levels)),
    ]


def _named(page: str, name: str) -> str:
    return markup.target(place(page, name, STEP), plain(name))


def _symbol(page: str, name: str) -> str:
    return markup.target(place(page, name), code(name))


def block(page: str, name: str, left: latex.Tex, text: str, unit: str, why: str = "") -> str:
    """One equation with its target, and why it is so."""
    body = latex.equation(left, latex.typeset(text), markup.unit(unit))
    after = f"[{plain(why)}]{{.small}}\n\n" if why else ""
    return f"({place(page, name)})=\n```{{math}}\n{body}\n```\n\n{after}"


def levels(page: str, given: Iterable[model.Level]) -> str:
    """Table of levels."""
    rows = (
        (
            markup.target(place(page, x.symbol, LEVEL), code(x.symbol)),
            plain(x.meaning),
            markup.unit(x.unit),
            f"{x.normal:g}",
            "yes" if x.varies else "",
        )
        for x in given
    )
    return table(("level", "what it is", "unit", "normal", "varies between cells"), rows)


def traces(page: str, chapter: Chapter) -> str:
    """Differential equations of the cell."""
    return "".join(
        block(page, t.symbol, latex.change(t.symbol), t.rate, f"{t.unit}/s" if t.unit else "1/s", t.meaning)
        for t in chapter.traces
    )


def definitions(page: str, given: Iterable[Definition], recorded: Iterable[str] = ()) -> str:
    """Definitions, each as an equation."""
    notes = dict.fromkeys(recorded, "recorded at the output times")
    return "".join(
        block(
            page,
            d.symbol,
            latex.symbol(d.symbol),
            d.text,
            d.unit,
            "; ".join(filter(None, (d.why, notes.get(d.symbol)))),
        )
        for d in given
    )


def life(page: str, chapter: Chapter) -> str:
    """Stages and transitions of a vesicle, and the law of its membrane."""
    cycle = chapter.life_cycle
    rows = (
        (
            _named(page, t.name), f"{t.source} → {t.target}", latex.inline(t.rate), latex.inline(t.gate),
            f"{t.growth} Rab11 vesicle" if t.growth else "two become one" if t.merges else "", cited(t.because),
        )
        for t in cycle.transitions
    )  # fmt: skip
    stages = f"Stages: {', '.join(cycle.stages)}. Resolved by growth in the mean field: {cycle.resolved}.\n\n"
    head = ("transition", "from → to", "rate, 1/s", "gate", "adds", "because")
    return stages + plain(getdoc(model.Transition) or "") + "\n\n" + table(head, rows) + membrane(cycle.membrane)


def membrane(given: model.Membrane) -> str:
    """Texts of the membrane of an MVB."""
    rows = ((code(name), latex.inline(text)) for name, text in vars(given).items())
    return f"\n### Membrane\n\n{markup.paragraphs(getdoc(model.Membrane) or '')}\n\n" + table(("what", "text"), rows)


def emissions(chapter: Chapter) -> str:
    """Particles without a history."""
    rows = ((x.name, latex.inline(x.rate), cited(x.because)) for x in chapter.emissions)
    return table(("stream", "rate, item/s", "because"), rows)


def fields(chapter: Chapter) -> str:
    """Fields with what sets them."""
    rows = (
        (
            _symbol(chapter.name, f.symbol), plain(f.meaning), markup.unit(f.unit), latex.inline(f.diffusion),
            latex.inline(f.start), latex.inline(f.edge), "at rest" if f.fast else "supplied" if f.supplied else "",
        )
        for f in chapter.fields
    )  # fmt: skip
    return table(("field", "what it is", "unit", "diffusion, µm²/s", "start", "edge", "solved as"), rows)


def reactions(page: str, chapter: Chapter) -> str:
    """Reactions, what each changes and how fast."""
    rows = (
        (_named(page, r.name), latex.inline(r.rate), _changes(r.changes), cited(r.because)) for r in chapter.reactions
    )
    return table(("reaction", "rate, per volume and s", "changes", "because"), rows)


def _changes(given: Mapping[str, int]) -> str:
    return ", ".join(
        f"{'+' if by > 0 else '−'}{'' if abs(by) == 1 else abs(by)} {code(name)}" for name, by in given.items()
    )


def pools(page: str, chapter: Chapter) -> str:
    """What cells in space hold."""
    made = []
    for p in chapter.pools:
        left = latex.change(p.symbol)
        lost = latex.typeset(p.loss) * latex.symbol(p.symbol)
        right = latex.typeset(p.gain) if p.loss == "0" else latex.typeset(p.gain) - lost
        body = latex.equation(left, right, markup.unit(f"{p.unit}/s" if p.unit else "1/s"))
        more = f"; at each fusion {latex.inline(p.per_fusion)} more" if p.per_fusion != "0" else ""
        made.append(f"({place(page, p.symbol)})=\n```{{math}}\n{body}\n```\n\n[{plain(p.meaning)}]{{.small}}{more}\n\n")
    return "".join(made)


def deposits(chapter: Chapter) -> str:
    """What cells are to their places."""
    rows = (
        (
            _symbol(chapter.name, d.symbol),
            markup.unit(d.unit),
            latex.inline(d.amount),
            "invadopodia" if d.invadopodia else "",
        )
        for d in chapter.deposits
    )
    return table(("symbol", "unit", "amount of one cell", "where"), rows)


def releases(chapter: Chapter) -> str:
    """What one fusion adds to fields."""
    return table(("field", "amount of one fusion"), ((code(r.field), latex.inline(r.amount)) for r in chapter.releases))


def kinds(chapter: Chapter) -> str:
    """Kinds of cells with what is their own."""
    rows = (
        (
            _named(chapter.name, k.name), plain(k.meaning), code(k.radius), k.line or "the experiment's",
            "yes" if k.secretes else "no", ", ".join(f"{code(name)} = {code(text)}" for name, text in k.levels.items()),
        )
        for k in chapter.kinds
    )  # fmt: skip
    return table(("kind", "what it is", "radius", "line", "secretes", "levels of its own"), rows)


def behaviours(chapter: Chapter) -> str:
    """What each kind of cell does, a column per kind."""
    names = ("speed", "persistence", "passage", "guidance", "division", "death", "repulsion", "adhesion")
    rows = [(name, *(latex.inline(getattr(b, name)) for b in chapter.behaviours)) for name in names]
    drifts = (
        ", ".join(f"up {code(f)}: {latex.inline(text)}" for f, text in b.drift.items()) for b in chapter.behaviours
    )
    return table(
        ("what", *(b.kind for b in chapter.behaviours)), [*rows, ("drift", *drifts)] if chapter.behaviours else ()
    )


def events(page: str, chapter: Chapter) -> str:
    """What may happen to one cell."""
    rows = (
        (
            _named(page, e.name), plain(e.kind), latex.inline(e.rate), plain(e.becomes),
            ", ".join(f"{code(pool)} = {latex.inline(text)}" for pool, text in e.sets.items()), cited(e.because),
        )
        for e in chapter.events
    )  # fmt: skip
    return table(("event", "of", "rate, 1/s", "becomes", "sets", "because"), rows)


def bond(page: str, given: model.Bond) -> str:
    """One kind of bond between two cells."""
    texts = {"on, 1/s": given.on, "off, 1/s": given.off, "touch, µm": given.touch, "tether, µm": given.tether}
    texts |= {f"{name}, 1/s": text for name, text in given.hits.items()}
    texts |= {f"sets {name}": text for name, text in given.sets.items()}
    rows = ((plain(name), latex.inline(text)) for name, text in texts.items())
    head = f"### {given.name}: {plain(given.seeker)} binds {plain(' or '.join(given.targets))}\n\n"
    because = f"\nBecause: {cited(given.because)}.\n\n" if given.because else "\n"
    return head + table(("what", "text"), rows) + because + definitions(page, given.definitions)


def arrivals(chapter: Chapter) -> str:
    """Who comes into the tissue."""
    rows = ((plain(a.kind), latex.inline(a.rate), code(a.out_of), cited(a.because)) for a in chapter.arrivals)
    return table(("kind", "rate, item/µm³/s", "out of", "because"), rows)


def hypotheses(chapter: Chapter) -> str:
    """Rival mechanisms of a chapter."""
    rows = (
        (
            code(h.name),
            plain(h.says),
            ", ".join(f"{code(k)} = {v:g}" for k, v in h.values.items()) or "the default",
            cited(h.because),
        )
        for h in chapter.hypotheses
    )
    return table(("mechanism", "says", "sets", "because"), rows)


def stocks(page: str, body: Body) -> str:
    """Stocks of a body."""
    rows = (
        (
            _symbol(page, s.symbol), plain(s.meaning), s.compartment, markup.unit(s.unit),
            "whole numbers" if s.whole else "", latex.inline(s.start),
        )
        for s in body.stocks
    )  # fmt: skip
    return table(("stock", "what it is", "compartment", "unit", "counted in", "start"), rows)


def flows(page: str, body: Body) -> str:
    """Flows of a body."""
    rows = (
        (
            _named(page, f.name), f"{code(f.source) or 'outside'} → {code(f.target)}", latex.inline(f.rate),
            "grows" if f.grows else "", cited(f.because),
        )
        for f in body.flows
    )  # fmt: skip
    return table(("flow", "from → to", "rate", "kind", "because"), rows)


def _ports(page: Told) -> str:
    rows = (
        (
            markup.target(place(page.name, p.stock), code(p.stock)),
            f"field {code(p.field)}" if p.field else f"cells that are {p.cells}: {plain(', '.join(p.kinds))}",
            latex.inline(p.share),
        )
        for p in page.ports
    )
    text = table(("stock of the body", "gets", "times"), rows)
    parts = "What the body is made of, the blood with the second site and the node, stands in [The body](body.md)."
    return f"\n{parts}\n" + _part("What the tissue hands over", text, model.Port)
