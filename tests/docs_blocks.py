"""Code blocks of a page, and the files that the page tells its reader to write.

A block whose first line is `# file: NAME` is a file. In a test it is written, without that line, into the empty folder in
which the blocks after it run, as a reader who follows the page would have it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"\A# file: ([\w./-]+)\n")


@dataclass(frozen=True)
class Block:
    """One code block, and the files that stand before it on its page."""

    name: str
    language: str
    text: str
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_file(self) -> bool:
        """Whether the block is a file for its reader to write."""
        return _FILE.match(self.text) is not None

    def lay(self, folder: Path) -> None:
        """Write the page's files into a folder."""
        for name, text in self.files.items():
            path = folder / name
            assert path.resolve().is_relative_to(folder.resolve()), f"{self.name}: {name} leads out of the folder"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def blocks_of(page: Path) -> list[Block]:
    """Every code block of a page with its language, in order."""
    files: dict[str, str] = {}
    found = []
    for i, match in enumerate(_BLOCK.finditer(page.read_text(encoding="utf-8"))):
        language, text = match.groups()
        found.append(Block(f"{page.stem}-{i}", language, text, dict(files)))
        head = _FILE.match(text)
        if head:
            files[head[1]] = text[head.end() :]
    return found
