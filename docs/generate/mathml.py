"""Mathematics of the site as MathML, which browsers draw themselves: no script, no font, no address outside."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

START, END = '<math xmlns="http://www.w3.org/1998/Math/MathML" display="inline">', "</math>"


def inner(latex: str) -> str:
    """MathML of one line, without the element around it.

    Names are identifiers (`mi`), not text: a sign between two texts would be set as if it stood alone.
    """
    text = convert(latex)
    if not (text.startswith(START) and text.endswith(END)):
        raise ValueError(f"latex2mathml gave {text[:80]!r}; expected {START}...{END}. Mend inner().")
    return text[len(START) : -len(END)].replace("mtext>", "mi>")


def block(latex: str) -> str:
    r"""A block of mathematics: lines end with \\, what stands before & is set flush right, what follows flush left."""
    rows = [[_cell(cell.strip()) for cell in line.split("&")] for line in latex.split(r"\\")]
    body = "".join(f"<mtr>{''.join(f'<mtd>{cell}</mtd>' for cell in row)}</mtr>" for row in rows)
    return f'<math display="block"><mtable displaystyle="true">{body}</mtable></math>'


def _cell(latex: str) -> str:
    """One cell; a sign at its beginning stands between what is left of it and what follows, and keeps its space."""
    return inner(latex).replace("<mrow><mo>", '<mrow><mo form="infix">', 1) if latex else ""


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(f'<span class="formula"><math>{inner(node.astext())}</math></span>')
    raise nodes.SkipNode


def _block(writer: Any, node: nodes.math_block) -> None:
    ids = f' id="{node["ids"][0]}"' if node["ids"] else ""
    said = f'<div class="formula"{ids} tabindex="0" role="group" aria-label="Equation">{block(node.astext())}</div>\n'
    writer.body.append(said)
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer (`html_math_renderer = "mathml"`)."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
