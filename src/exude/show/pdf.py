"""A report on paper: A4, page numbers, fonts embedded, long tables broken with their heads repeated.

HTML and PDF come from one list of blocks (`exude.show.blocks`), and reportlab (BSD) sets the PDF. It needs no browser,
which a printing page would; it breaks a table of 300 rows over pages, which matplotlib's own PDF writer cannot; and it
embeds the DejaVu fonts that come with matplotlib, so that µ, superscripts and ✓ are there on every machine. Figures
are pixels of 300 dots per inch: reportlab places no vector figures of others. The same report gives the same bytes.
"""

from __future__ import annotations

import io
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from exude.errors import DataError
from exude.show.blocks import (
    Block,
    Bullets,
    Code,
    Document,
    Figure,
    Grid,
    Heading,
    Inline,
    Paragraph,
    Span,
    glued,
    pieces,
)
from exude.show.pictures import png_of
from exude.show.webpage import ADDRESSES

USED = {
    "BaseDocTemplate": "platypus", "CondPageBreak": "platypus", "Frame": "platypus", "Image": "platypus", "KeepTogether": "platypus",
    "LongTable": "platypus", "PageTemplate": "platypus", "Paragraph": "platypus", "XPreformatted": "platypus",
    "Canvas": "pdfgen.canvas", "HexColor": "lib.colors", "ImageReader": "lib.utils", "ParagraphStyle": "lib.styles",
    "TTFont": "pdfbase.ttfonts", "pdfmetrics": "pdfbase",
}  # fmt: skip
FAMILY = "DejaVuSans"
MONO = "DejaVuSansMono"
FONTS = {FAMILY: "", f"{FAMILY}-Bold": "", f"{FAMILY}-Oblique": "", f"{FAMILY}-BoldOblique": "", MONO: ""}
MM = 72 / 25.4
"""Points in a millimetre."""
A4 = (210 * MM, 297 * MM)
MARGIN, FOOT = 17 * MM, 10 * MM
WIDTH = A4[0] - 2 * MARGIN
TALLEST = 185 * MM
"""Of a figure, so that title or caption stand on the same page."""
LEAST = 45 * MM
"""Room that a section needs to begin on a page."""
NARROW = 130 * MM
"""Width of a figure that does not need the page's."""
INK, FAINT, RULE, BAND = "#1f2328", "#59636e", "#d1d9e0", "#f6f8fa"
COLOURS = {"quiet": FAINT, "good": "#00724f", "bad": "#b34700", "assumed": "#8a5a00", "tag": FAINT}
BOLD = ("strong", "good", "bad", "assumed")
CODE_LETTERS = 92
"""In a line of code."""


def pdf(document: Document) -> bytes:
    """The report as a PDF; DataError, with the command that installs it, where reportlab is not installed."""
    lab = _lab()
    _register_fonts()
    held = io.BytesIO()
    paper = lab.BaseDocTemplate(
        held, pagesize=A4, leftMargin=MARGIN, rightMargin=MARGIN, topMargin=MARGIN, bottomMargin=MARGIN + FOOT,
        title=document.title, author="exude", subject="report", lang="en", invariant=1,
    )  # fmt: skip
    _layout(paper)
    styles = _styles()
    story = [_words(glued(document.title), styles["title"]), *_all(document.opening, styles)]
    for section in document.sections:
        head = _words(section.title, styles["section"])
        head.outline = (section.short or section.title, section.anchor)
        head.keepWithNext = not isinstance(section.blocks[0], Grid)  # a long table is broken, its first rows stay here
        story += [lab.CondPageBreak(LEAST), head, *_all(section.blocks, styles)]
    paper.build(story, canvasmaker=_numbered())
    return held.getvalue()


@cache
def _lab() -> SimpleNamespace:
    """What is used of reportlab, loaded when a PDF is asked for."""
    try:
        return SimpleNamespace(
            **{name: getattr(import_module(f"reportlab.{home}"), name) for name, home in USED.items()}
        )
    except ImportError as problem:
        raise DataError("a PDF needs reportlab. Install it: pip install 'exude[report]'") from problem


def _register_fonts() -> None:
    import matplotlib

    lab = _lab()

    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    known = lab.pdfmetrics.getRegisteredFontNames()
    for name in FONTS:
        if name not in known:
            lab.pdfmetrics.registerFont(lab.TTFont(name, str(folder / f"{name}.ttf")))
    lab.pdfmetrics.registerFontFamily(
        FAMILY, normal=FAMILY, bold=f"{FAMILY}-Bold", italic=f"{FAMILY}-Oblique", boldItalic=f"{FAMILY}-BoldOblique"
    )
    lab.pdfmetrics.registerFontFamily(MONO, normal=MONO, bold=MONO, italic=MONO, boldItalic=MONO)


def _layout(paper: Any) -> None:
    """One frame on every page; headings of sections go into the outline."""

    frame = _lab().Frame(MARGIN, MARGIN + FOOT, WIDTH, A4[1] - 2 * MARGIN - FOOT, 0, 0, 0, 0, id="page")
    paper.addPageTemplates([_lab().PageTemplate(id="page", frames=[frame])])

    def note(flowable: Any) -> None:
        if outline := getattr(flowable, "outline", None):
            words, anchor = outline
            paper.canv.bookmarkPage(anchor)
            paper.canv.addOutlineEntry(words, anchor, 0, closed=False)

    paper.afterFlowable = note


def _numbered() -> type:
    """A canvas that knows, when it writes a page, how many there are."""

    class Numbered(_lab().Canvas):  # type: ignore[misc]
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **{**named, "initialFontName": FAMILY})
            self.held: list[dict[str, Any]] = []

        def showPage(self) -> None:
            self.held.append(dict(self.__dict__))
            self._startPage()

        def save(self) -> None:
            for number, state in enumerate(self.held, start=1):
                self.__dict__.update(state)
                self.setFont(FAMILY, 7)
                self.setFillColor(FAINT)
                self.drawRightString(A4[0] - MARGIN, MARGIN, f"{number} / {len(self.held)}")
                self.drawString(MARGIN, MARGIN, _cut(str(self._doc.info.title)))
                super().showPage()
            super().save()

    return Numbered


def _cut(text: str, most: int = 95) -> str:
    return text if len(text) <= most else f"{text[: most - 2].rstrip()} …"


def _styles() -> dict[str, Any]:

    body = _lab().ParagraphStyle(
        "body", fontName=FAMILY, bulletFontName=FAMILY, fontSize=8.8, leading=12.4, spaceAfter=5, textColor=INK
    )
    bold = f"{FAMILY}-Bold"
    return {
        "body": body,
        "lead": _lab().ParagraphStyle("lead", body, fontSize=10.2, leading=14.5, spaceAfter=7),
        "title": _lab().ParagraphStyle("title", body, fontName=bold, fontSize=16, leading=20, spaceAfter=9),
        "section": _lab().ParagraphStyle("section", body, fontName=bold, fontSize=12.5, leading=16, spaceBefore=15, spaceAfter=6),
        "heading": _lab().ParagraphStyle("heading", body, fontName=bold, fontSize=9.6, leading=13, spaceBefore=8, spaceAfter=3),
        "caption": _lab().ParagraphStyle("caption", body, fontSize=7.6, leading=10.4, textColor=FAINT, spaceBefore=3),
        "item": _lab().ParagraphStyle("item", body, leftIndent=10, bulletIndent=1, spaceAfter=3),
        "code": _lab().ParagraphStyle(
            "code", body, fontName=MONO, fontSize=7.2, leading=9.8, backColor=BAND, borderPadding=5, spaceBefore=6, spaceAfter=11
        ),
        "cell": _lab().ParagraphStyle("cell", body, fontSize=6.5, leading=8.4, spaceAfter=0),
        "head": _lab().ParagraphStyle("head", body, fontName=bold, fontSize=6.5, leading=8.4, spaceAfter=0),
    }  # fmt: skip


def _all(blocks: tuple[Block, ...], styles: dict[str, Any]) -> list[Any]:
    """Blocks one after the other; a heading stays with what follows, or with the first rows of a table, which may be broken."""
    found: list[Any] = []
    for i, block in enumerate(blocks):
        made = _set(block, styles)
        if isinstance(block, Heading):
            breaks = isinstance(blocks[i + 1], Grid) if i + 1 < len(blocks) else True
            found += [_lab().CondPageBreak(LEAST)] if breaks else []
            made[0].keepWithNext = not breaks
        found += made
    return found


def _set(block: Block, styles: dict[str, Any]) -> list[Any]:
    """A block as reportlab's flowables."""

    match block:
        case Paragraph(text, lead):
            return [_words(text, styles["lead" if lead else "body"])]
        case Heading(text):
            return [_words(text, styles["heading"])]
        case Bullets(items):
            return [_words(item, styles["item"], bullet="•") for item in items]
        case Code(text):
            return [_lab().XPreformatted(escape("\n".join(map(_folded, text.splitlines()))), styles["code"])]
        case Grid():
            return _table(block, styles)
        case Figure():
            return [_figure(block, styles)]
    raise AssertionError(block)


def _folded(line: str) -> str:
    """A line of code broken where the page ends; a backslash says so, as a shell and Python understand it."""
    found = []
    while len(line) > CODE_LETTERS:
        at = line.rfind(" ", 0, CODE_LETTERS)
        if at <= 0:
            break
        found.append(line[:at] + " \\")
        line = "    " + line[at + 1 :]
    return "\n".join([*found, line])


def _words(text: Inline, style: Any, bullet: str = "") -> Any:
    return _lab().Paragraph("".join(map(_piece, pieces(text))), style, bulletText=bullet or None)


def _piece(piece: str | Span) -> str:
    """A piece of text in reportlab's own marks, everything else escaped."""
    if isinstance(piece, str):
        return _lines(piece)
    text = _lines(piece.text)
    if piece.kind == "code":
        return f'<font name="{MONO}">{text}</font>'
    if piece.kind == "link":
        return f'<a href="{escape(piece.to)}" color="#0058a8">{text}</a>' if piece.to.startswith(ADDRESSES[1]) else text
    if piece.kind in BOLD:
        text = f"<b>{text}</b>"
    return f'<font color="{COLOURS[piece.kind]}">{text}</font>' if piece.kind in COLOURS else text


def _lines(text: str) -> str:
    return escape(text).replace("\n", "<br/>")


def _table(grid: Grid, styles: dict[str, Any]) -> list[Any]:

    whole = sum(grid.widths)
    rows = [[_words(name, styles["head"]) for name in grid.columns]]
    rows += [[_words(cell, styles["cell"]) for cell in row.cells] for row in grid.rows]
    look = [
        ("FONTNAME", (0, 0), (-1, -1), FAMILY), ("VALIGN", (0, 0), (-1, -1), "TOP"), ("LEFTPADDING", (0, 0), (-1, -1), 0), ("RIGHTPADDING", (0, 0), (-1, -1), 5),
        ("TOPPADDING", (0, 0), (-1, -1), 2.2), ("BOTTOMPADDING", (0, 0), (-1, -1), 2.6),
        ("LINEBELOW", (0, 0), (-1, -1), 0.3, _lab().HexColor(RULE)), ("LINEBELOW", (0, 0), (-1, 0), 0.9, _lab().HexColor(INK)),
        *(("BACKGROUND", (0, i), (-1, i), _lab().HexColor(BAND)) for i, row in enumerate(grid.rows, start=1) if row.shaded),
    ]  # fmt: skip
    made = _lab().LongTable(
        rows, [WIDTH * share / whole for share in grid.widths], repeatRows=1, style=look, splitInRow=1, spaceAfter=9
    )
    return [*([_words(grid.caption, styles["caption"])] if grid.caption else []), made]


def _figure(figure: Figure, styles: dict[str, Any]) -> Any:

    picture = io.BytesIO(png_of(figure.picture))
    across, down = _lab().ImageReader(picture).getSize()
    width = WIDTH if figure.wide else NARROW
    scale = min(width / across, TALLEST / down)
    title = [_words(figure.title, styles["heading"])] if figure.title else []
    image = _lab().Image(picture, across * scale, down * scale, hAlign="LEFT")
    return _lab().KeepTogether([*title, image, _words(figure.caption, styles["caption"])])
