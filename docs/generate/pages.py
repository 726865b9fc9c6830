"""All made pages, written beside the hand-written ones before the site is built; never committed."""

from __future__ import annotations

import re
from pathlib import Path

from sphinx.application import Sphinx

from generate import biology, catalogue, commands, evidence, reference

FOLDER = "generated"
ROOT = Path(__file__).parent.parent.parent
COPIED = {"project/architecture.md": "ARCHITECTURE.md", "project/changes.md": "CHANGELOG.md"}
"""Pages that stand at the top of the repository, where they belong, and in the site as well."""
LINKED = {f"{FOLDER}/{path}": name for path, name in COPIED.items()} | {"index.md": "README.md"}
"""Page of the site -> what a page read on a forge links to instead."""


def made() -> dict[str, str]:
    """Path below the folder of made pages -> text."""
    found = {path: (ROOT / name).read_text(encoding="utf-8") for path, name in COPIED.items()}
    for part in (biology, catalogue, evidence, reference, commands):
        for path, text in part.pages().items():
            if path in found:
                raise KeyError(f"{path} is made twice")
            found[path] = text
    return found


def write(folder: Path) -> None:
    """Write what has changed, and take away what is no longer made."""
    texts = made()
    for path, text in texts.items():
        file = folder / path
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    for old in folder.rglob("*.md"):
        if old.relative_to(folder).as_posix() not in texts:
            old.unlink()


def adapted(app: Sphinx, page: str, text: list[str]) -> None:
    """Links to the top of the repository lead to the pages made of it, and the navigation to what is there.

    Event `source-read`. A pattern of the navigation that no page fits yet would be a warning.
    """
    for path, name in LINKED.items():
        text[0] = re.sub(rf"\]\((?:\.\./)+{re.escape(name)}", f"](/{path}", text[0])
    if page == "index":
        lines = text[0].splitlines()
        text[0] = "\n".join(x for x in lines if not x.endswith("*") or any(Path(app.srcdir).glob(x)))


def setup(app: Sphinx) -> dict[str, bool]:
    """Make the pages as soon as Sphinx knows its source folder."""
    write(Path(app.srcdir) / FOLDER)
    app.connect("source-read", adapted)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
