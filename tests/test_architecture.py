"""The house rules, read from the source: order of the rooms, no numbers in the biology, short functions."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from exude.cascade import CELL
from exude.catalog import read

SRC = Path(__file__).parent.parent / "src" / "exude"
ROOMS = (
    "errors",
    "units",
    "model",
    "cascade",
    "catalog",
    "derive",
    "engine",
    "experiment",
    "fit",
    "show",
    "page",
    "cli",
)
"""A file imports only from rooms above its own, or from its own room."""
FACE = ("__init__", "__main__")
"""The face of the package, which may know everybody."""
FILES = sorted(path for path in SRC.rglob("*.py"))
NUMBERS_ALLOWED = {0, 1, 2}

FLOATS_ELSEWHERE = {
    # file: (floats, why they are not numbers of biology)
    "derive/grammar.py": ({0.5}, "the square root as a power"),
    "experiment/perturbations.py": (
        {10.0, 1e4, 0.1},
        "bounds of what may be typed; depth of a knock-down that names none",
    ),
    "experiment/protocol.py": ({1e-6, 1e-9}, "rounding when times are compared"),
    "experiment/simulate.py": ({1e6}, "most recorded points"),
    "experiment/tissue_setup.py": ({1e-9}, "rounding when times are compared"),
}
"""Kernel-free rooms that hold a few floats all the same; `engine`, `show` and assays hold numerics and layout."""
LONGER = {"questions": "a table with one row per question, no steps"}
"""Functions above 40 lines that read no worse for it."""
NOT_READ_YET = {}
LOOP_LINES = 80
"""A kernel loop has numbered phases; cutting it finer would put its state into arrays."""


def name_of(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def room(module: str) -> str:
    return module.split(".")[1] if module.count(".") else FACE[0]


def module_of(path: Path) -> str:
    parts = ["exude", *path.relative_to(SRC).with_suffix("").parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    """Modules of exude that a file imports, at its top or inside a function."""
    modules = {module_of(p) for p in FILES}
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.split(".")[0] == "exude")
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name_of(path)}: relative import"
            if node.module and node.module.split(".")[0] == "exude":
                for a in node.names:
                    full = f"{node.module}.{a.name}"
                    yield full if full in modules else node.module


def test_there_is_something_to_read() -> None:
    assert len(FILES) > 25
    assert {room(module_of(p)) for p in FILES} >= set(ROOMS)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_a_file_imports_only_from_rooms_above(path: Path) -> None:
    own = room(module_of(path))
    if own in FACE:
        return
    assert own in ROOMS, f"{own} is not a room; put it into ROOMS where it belongs"
    for module in imports(path):
        assert room(module) not in FACE, f"{name_of(path)} imports the face of the package"
        assert ROOMS.index(room(module)) <= ROOMS.index(own), f"{name_of(path)} imports {module} from a room below"


def test_no_ring_of_imports() -> None:
    graph = {module_of(p): set(imports(p)) - {module_of(p)} for p in FILES if room(module_of(p)) not in FACE}
    done: set[str] = set()

    def visit(module: str, chain: tuple[str, ...]) -> None:
        assert module not in chain, f"ring: {' -> '.join((*chain, module))}"
        if module in done:
            return
        for other in sorted(graph.get(module, ())):
            if not module.startswith(f"{other}."):  # a folder's __init__ re-exports what stands in it
                visit(other, (*chain, module))
        done.add(module)

    for module in graph:
        visit(module, ())


def test_loops_are_built_and_never_imported() -> None:
    users = [name_of(p) for p in FILES if any("engine.loops" in module for module in imports(p))]
    assert users == []


def floats(path: Path) -> set[float]:
    return {n.value for n in ast.walk(tree(path)) if isinstance(n, ast.Constant) and isinstance(n.value, float)}


def test_no_number_stands_in_the_biology() -> None:
    """Biology is names and rate texts; a number lives in the catalogue with its origin."""
    chapters = [p for p in FILES if name_of(p).startswith("cascade/")]
    assert len(chapters) > 4
    for path in chapters:
        numbers = {
            n.value for n in ast.walk(tree(path)) if isinstance(n, ast.Constant) and type(n.value) in (int, float)
        }
        assert numbers <= NUMBERS_ALLOWED, name_of(path)


@pytest.mark.parametrize(
    "path",
    [p for p in FILES if name_of(p).split("/")[0] in ("derive", "experiment") and name_of(p).count("/") == 1],
    ids=name_of,
)
def test_floats_outside_the_catalogue_are_few_and_justified(path: Path) -> None:
    allowed, _ = FLOATS_ELSEWHERE.get(name_of(path), (set(), ""))
    assert floats(path) <= NUMBERS_ALLOWED | allowed


def test_every_justified_float_is_still_there() -> None:
    for name, (allowed, why) in FLOATS_ELSEWHERE.items():
        assert why
        assert allowed <= floats(SRC / name), name


def test_every_symbol_is_declared_once() -> None:
    declared = Counter(s.symbol for s in (*CELL.levels, *CELL.traces, *CELL.definitions))
    declared += Counter(read.parameters().keys())
    assert len(declared) > 100
    assert [name for name, times in declared.items() if times > 1] == []
    transitions = Counter(t.name for t in CELL.life_cycle.transitions)
    assert max(transitions.values()) == 1


def test_every_level_definition_and_readout_is_read() -> None:
    """Nothing is declared for show: each symbol is read by a text, or by the code outside the chapters."""
    cycle = CELL.life_cycle
    texts = [d.text for d in CELL.definitions] + [t.rate for t in (*CELL.traces, *cycle.transitions, *CELL.emissions)]
    texts += [t.gate for t in cycle.transitions if t.gate]
    texts += [v for v in vars(cycle.membrane).values() if isinstance(v, str)]
    read_by_texts = {n.id for text in texts for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Name)}
    elsewhere = "\n".join(p.read_text(encoding="utf-8") for p in FILES if not name_of(p).startswith("cascade/"))
    symbols = [s.symbol for s in (*CELL.levels, *CELL.definitions)]
    assert len(symbols) > 80
    lonely = [s for s in symbols if s not in read_by_texts and s not in CELL.readouts and f'"{s}"' not in elsewhere]
    assert sorted(lonely) == sorted(NOT_READ_YET)


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_nothing_runs_text_or_unpickles(path: Path) -> None:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in ("eval", "exec", "compile", "__import__"), name_of(path)
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            names = [a.name for a in node.names] + [getattr(node, "module", "") or ""]
            assert not {"pickle", "marshal", "shelve", "dill"} & {n.split(".")[0] for n in names}, name_of(path)
            assert "*" not in names, f"{name_of(path)}: star import"
        if isinstance(node, ast.Attribute):
            assert node.attr != "sympify", f"{name_of(path)}: sympify evaluates text"
        if isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            assert isinstance(node.value, ast.Constant) and node.value.value is False, name_of(path)


def body_lines(function: ast.FunctionDef) -> int:
    """Lines of a body, its docstring left out."""
    body = function.body
    first = body[0]
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and len(body) > 1:
        first = body[1]
    return (function.end_lineno or 0) - first.lineno + 1


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_functions_and_files_are_short(path: Path) -> None:
    limit = LOOP_LINES if name_of(path).startswith("engine/loops/") else 40
    long = {
        n.name: body_lines(n) for n in ast.walk(tree(path)) if isinstance(n, ast.FunctionDef) and body_lines(n) > limit
    }
    assert set(long) <= set(LONGER), long
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 400


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_few_positional_arguments(path: Path) -> None:
    """At most six arguments outside kernels; more belong in an object."""
    if name_of(path).startswith("engine/loops/"):
        return
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef):
            positional = [a.arg for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in ("self", "cls")]
            assert len(positional) <= 6, f"{name_of(path)}: {node.name}"
