"""The grammar of rate texts: what it lets in, and that its readings (Python, SymPy, Numba, dimensions) agree."""

from __future__ import annotations

import ast
import math

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from exude.cascade import CELL
from exude.derive import grammar, trees
from exude.derive.evaluate import evaluate as read_off
from exude.derive.symbols import Symbols
from exude.errors import DeclarationError
from exude.experiment.simulate import cell_symbols
from exude.model import Cascade, Chapter, Definition
from exude.units import dimension
from twin import evaluate

NAMES = ("a", "b", "c")
ATOMS = st.sampled_from([*NAMES, "0", "1", "2"])


def _texts(children: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    sums = st.builds("({} {} {})".format, children, st.sampled_from("+-*"), children)
    calls = st.builds("{}({}, {})".format, st.sampled_from(["mix", "max", "min"]), children, children)
    hills = st.builds(
        "{}({}, {}, 2)".format, st.sampled_from(["hill", "fall"]), st.sampled_from(NAMES), st.sampled_from(NAMES)
    )
    others = [st.builds("(-{})".format, children), st.builds("({}) ** 2".format, children)]
    saturated = st.builds("saturate({}, {})".format, st.sampled_from(NAMES), st.sampled_from(NAMES))
    return st.one_of(sums, calls, hills, saturated, *others)


TEXTS = st.recursive(ATOMS, _texts, max_leaves=8)
VALUES = st.tuples(*[st.floats(0.125, 8.0) for _ in NAMES])


@given(TEXTS, VALUES)
def test_plain_python_sympy_and_kernel_source_agree(text: str, values: tuple[float, ...]) -> None:
    scope = dict(zip(NAMES, values, strict=True))
    plain = evaluate(text, scope)
    tree = grammar.parse(text)
    symbolic = grammar.to_sympy(tree, lambda name: sympy.Float(scope[name], 30))
    assert float(symbolic) == pytest.approx(plain, rel=1e-9, abs=1e-9)
    assert evaluate(_numba_like(grammar.to_python(tree, lambda name: name)), scope) == pytest.approx(plain, rel=1e-12)


def _numba_like(source: str) -> str:
    """Kernel source as a rate text again: square(x) is x ** 2."""

    class Unsquare(ast.NodeTransformer):
        def visit_Call(self, node: ast.Call) -> ast.AST:
            self.generic_visit(node)
            if isinstance(node.func, ast.Name) and node.func.id == "square":
                return ast.BinOp(node.args[0], ast.Pow(), ast.Constant(2))
            return node

    return ast.unparse(Unsquare().visit(ast.parse(source, mode="eval")))


@given(TEXTS)
def test_names_are_the_free_symbols(text: str) -> None:
    assert grammar.names(grammar.parse(text)) == {
        name for name in NAMES if name in text.replace("max", "").replace("saturate", "").replace("fall", "")
    }


@pytest.mark.parametrize(
    "text",
    [
        "3 * a", "0.5", "a.b", "a[0]", "__import__('os')", "lambda: a", "a if b else c", "a < b", "a and b", "hill(a, b)",
        "hill(a, b, n=2)", "sin(a)", "a +", "", "a; b", "[a]", "{a}", "'a'", "True", "a // b", "a % b", "~a", "+a",
        "(a := b)", "f'{a}'", "hill", "hill(*a)", "1e3 * a", "a @ b", "print(a)", "a\nb", "0j", "a\0b", "\ud800", "é",
        "ｋ", "a # b", "1/0", "2 ** 2 ** 2 ** 2 ** 2 ** 2", "hill(2, 1, 1 + 2 ** 2 ** 2)", "9" * 5000, "a" * 20_000, "exp(exp(exp(2)))",
        "(" * 500 + "a" + ")" * 500, "-" * 5000 + "a", "+".join("a" * 3000), "max(a" * 100 + ", a)" * 100, "2 ** (1 + sqrt(2))" * 9,
    ],
)  # fmt: skip
def test_what_is_not_arithmetic_of_names_is_refused(text: str) -> None:
    if text == "hill":  # a function's name alone is a symbol that nobody declared: the check of symbols refuses it
        chapter = Chapter("wrong", definitions=(Definition("x", "hill"),))
        broken = Symbols(Cascade((*CELL.chapters, chapter)), cell_symbols().parameter_units)
        with pytest.raises(DeclarationError):
            broken.check()
        return
    with pytest.raises(DeclarationError) as caught:
        grammar.parse(text)
    assert "got" in str(caught.value) and "expected" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("conc + time", None), ("conc / time", "uM/s"), ("hill(conc, conc, 2)", ""), ("hill(conc, time, 2)", None),
        ("max(0, conc)", "uM"), ("max(conc, time)", None), ("conc ** 2", "uM**2"), ("conc ** share", None),
        ("share ** share", ""), ("mix(conc, share)", None), ("ratio(conc, time)", "uM/s"), ("exp(conc)", None),
        ("sqrt(conc * conc)", "uM"), ("1 + conc", None), ("2 * conc", "uM"), ("-conc", "uM"), ("max(0, 0)", ""),
    ],
)  # fmt: skip
def test_dimensions(text: str, unit: str | None) -> None:
    known = {"conc": "uM", "time": "s", "share": ""}
    if unit is None:
        with pytest.raises(DeclarationError):
            grammar.to_dimension(grammar.parse(text), known, text)
    else:
        assert grammar.to_dimension(grammar.parse(text), known, text) == dimension(unit)


CARETS = {
    "3 * a": ("got '3'", "    3 * a\n    ^", "catalogue under a name"),
    "a + b % 2": ("got '%'", "    a + b % 2\n          ^", "Remove it"),
    "a * (b + 0.5)": ("got '0.5'", "    a * (b + 0.5)\n             ^", "catalogue"),
    "a // b": ("got '//'", "    a // b\n      ^", "Use + - * / or **"),
    "a * (b": ("got '(b'", "    a * (b\n        ^", "never closed"),
    "a +": ("the end of the text", "    a +\n       ^", "one arithmetic expression"),
    "a * hil(b, a, 2)": ("got 'hil'", "    a * hil(b, a, 2)\n        ^", "did you mean 'hill'"),
    "a * hill(b, 2)": ("hill of 2", "    a * hill(b, 2)\n        ^", "Write hill(x, K, n)"),
    " (a\n * .1)": ("got '0.1'", "     * .1)\n       ^", "expected"),
    "a * é": ("got 'é'", "    a * é\n        ^", "A-Z"),
    "a if b else a": ("got 'a if b else a'", "    a if b else a\n    ^", "Remove"),
    "a * True": ("got 'True'", "    a * True\n        ^", "expected"),
    " + ".join("a" * 40) + " + 7": ("got '7'", " a + 7\n", "..."),
}
"""Text -> what its error says; the caret stands under the place."""


@pytest.mark.parametrize("text", CARETS)
def test_an_error_shows_the_text_and_a_caret_under_the_place(text: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        grammar.parse(text)
    said = str(caught.value)
    for part in CARETS[text]:
        assert part in said, said
    first, shown, caret = said.split("\n")
    assert "got" in first and "expected" in first
    assert caret.strip() == "^" and len(shown) <= 120 and caret.index("^") <= len(shown)


def test_a_power_of_powers_of_numbers_is_refused_at_once_and_small_ones_are_not() -> None:
    with pytest.raises(DeclarationError, match="exponent"):
        grammar.parse("2 ** 2 ** 2 ** 2 ** 2 ** 2")
    with pytest.raises(DeclarationError, match="far too large"):
        grammar.parse("(" * 11 + "2" + " ** 2)" * 11)
    assert float(grammar.to_sympy(grammar.parse("((2 ** 2) ** 2) ** (1 / 2)"), lambda name: name)) == 4


@pytest.mark.parametrize(
    ("text", "caret"),
    [
        ("conc + time", "    conc + time\n         ^"), ("share * (conc - 1)", "    share * (conc - 1)\n                  ^"),
        ("share + hill(conc, time, 2)", "    share + hill(conc, time, 2)\n            ^"), (" exp(conc)", "    exp(conc)\n    ^"),
    ],
)  # fmt: skip
def test_parts_of_two_dimensions_are_pointed_at(text: str, caret: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        grammar.to_dimension(grammar.parse(text), {"conc": "uM", "time": "s", "share": ""}, text)
    assert str(caught.value).endswith(caret) and "one dimension" in str(caught.value)


def test_a_tree_that_was_built_is_not_pointed_into() -> None:
    """Trees of the mean field stand in no text: a caret would point anywhere."""
    tree = trees.over(trees.name("conc"), trees.total([trees.name("conc"), trees.name("time")]))
    with pytest.raises(DeclarationError) as caught:
        grammar.to_dimension(tree, {"conc": "uM", "time": "s"}, ast.unparse(tree))
    assert "^" not in str(caught.value)


def test_the_nearest_name_is_offered_with_a_caret() -> None:
    said = str(grammar.unknown("k * calcum + k", "calcum", "rate of fusion", ["calcium", "k"]))
    assert "rate of fusion reads 'calcum'" in said and "did you mean 'calcium'" in said
    assert said.endswith("    k * calcum + k\n        ^")


def test_whole_numbers_overflow_and_never_fill_the_memory() -> None:
    """2 ** a of a large `a` is a float: as whole numbers it would be worked out to its last digit."""
    cascade = Cascade((Chapter("x", definitions=(Definition("x", "2 ** a"), Definition("y", "2 ** x"))),))
    with pytest.raises(OverflowError):
        read_off(cascade, "y", {"a": 20.0})


WRONG = {
    "unknown symbol": (Definition("x", "calcum"), "did you mean 'calcium'"),
    "wrong unit": (Definition("x", "calcium", "s"), "dimension"),
    "ring": (Definition("x", "y"), "ring"),
    "double": (Definition("budding", "1"), "one declaration"),
    "named as a parameter": (Definition("k_bud", "1"), "one declaration"),
    "unlike parts": (Definition("x", "calcium + k_bud", "uM"), "one dimension"),
}


@pytest.mark.parametrize("fault", WRONG)
def test_a_chapter_that_contradicts_itself_is_refused_before_any_run(fault: str) -> None:
    definition, says = WRONG[fault]
    chapter = Chapter("wrong", definitions=(definition, Definition("y", "x" if fault == "ring" else "1")))
    broken = Symbols(Cascade((*CELL.chapters, chapter)), cell_symbols().parameter_units)
    with pytest.raises(DeclarationError, match=says):
        broken.check()


def test_the_declared_cell_is_consistent() -> None:
    cell_symbols().check()


def test_twin_evaluates_the_documented_functions() -> None:
    assert evaluate("hill(2, 1, 2)", {}) == pytest.approx(0.8)
    assert evaluate("fall(2, 1, 2)", {}) == pytest.approx(0.2)
    assert evaluate("mix(2, 0)", {}) == 1.0
    assert evaluate("saturate(1, 2)", {}) == pytest.approx(1.0)
    assert evaluate("ratio(1, 0)", {}) == 0.0
    assert evaluate("exp(log(2)) + sqrt(2) ** 2", {}) == pytest.approx(4.0)
    assert math.isclose(evaluate("hill(0, 1, 2)", {}), 0.0)
