"""SBML files of unknown origin: bytes to a text that is safe to hand to libSBML and libRoadRunner, or one clear refusal.

Order matters: size, encoding and document type definitions are settled on the bytes, before any XML parser sees them.
The one pass of the expat parser that follows checks that the text is well formed and shallow, and that it uses
nothing that this program cannot simulate. Nothing is ever fetched.
"""

from __future__ import annotations

import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from exude.errors import DataError

MOST_BYTES = 16 * 2**20
DEEPEST = 250
"""Elements within elements; libSBML recurses, so that a deeper file could exhaust its stack."""

CORE = re.compile(r"http://www\.sbml\.org/sbml/level[123](/version[1-9][0-9]*(/core)?)?")
XLINK, XINCLUDE = "http://www.w3.org/1999/xlink", "http://www.w3.org/2001/XInclude"
UNSUPPORTED = {
    "algebraicRule": "algebraic rules (a differential-algebraic system)",
    "fast reaction": "fast reactions (a differential-algebraic system)",
    "delay": "delays in formulas (delay differential equations)",
}
"""What libRoadRunner cannot integrate, in words."""
NUMERIC = ("value", "initialConcentration", "initialAmount", "size", "multiplier", "exponent", "stoichiometry")
"""Attributes that hold a real number."""
REAL = re.compile(r"\s*([-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?|[-+]?INF|NaN)\s*")
WHOLE = re.compile(r"\s*[-+]?[0-9]+\s*")
"""Numbers as XML Schema has them. libSBML reads '0x10' as 16 or as 0, '1 2' as 1 and '' as 0, without a word."""


def safe_text(file: str) -> str:
    """The text of an SBML file, checked; DataError says what is wrong and how to mend it.

    Refused: more than 16 MiB, another encoding than UTF-8, document type definitions and entities, XML that is
    malformed or deeper than 250 elements, files that are not SBML, references to other files, packages that a reader
    must understand (comp, spatial, ...), numbers that are none, algebraic rules, fast reactions and delays.
    """
    text = _utf8(file, _bytes(file))
    found = re.search(r"<!\s*(DOCTYPE|ENTITY|ELEMENT|ATTLIST|NOTATION)", text, re.IGNORECASE)
    if found:
        raise DataError(
            f"{file}: line {_line(text, found.start())}: got a document type definition (<!{found[1].upper()}); SBML has"
            " none, and entities in it could read files or fill the memory. Remove it from the file."
        )
    _Reader(file).read(text)
    return text


def _bytes(file: str) -> bytes:
    path = Path(file)
    fix = "Give an SBML file (.xml)."
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise DataError(f"{file}: is no plain file. {fix}")
        if status.st_size > MOST_BYTES:
            raise DataError(f"{file}: larger than 16 MiB; a calcium model is not. {fix}")
        with path.open("rb") as handle:
            return handle.read(MOST_BYTES + 1)[:MOST_BYTES]
    except (OSError, ValueError) as problem:
        raise DataError(f"{file}: cannot be read ({problem}). {fix}") from problem


def _utf8(file: str, data: bytes) -> str:
    """The text of UTF-8 bytes; any other encoding could hide a document type definition from the search for it."""
    fix = "Save the file as UTF-8."
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise DataError(f"{file}: is not UTF-8 text ({problem.reason} at byte {problem.start}). {fix}") from problem
    declared = re.match(r"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([^\"']*)", text)
    if declared and declared[1].casefold() not in ("utf-8", "us-ascii", "ascii"):
        raise DataError(f"{file}: got encoding {declared[1]!r}; expected 'UTF-8'. {fix}")
    if "\0" in text:
        raise DataError(f"{file}: holds NUL characters; it is no XML text. {fix}")
    return text.lstrip()


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1


@dataclass
class _Reader:
    """One pass over the elements of a file."""

    file: str
    depth: int = 0
    inert: int = 0
    """Depth at which a note or annotation began; what stands in one is never interpreted."""
    number: list[str] | None = None
    """Text of the <cn> that is open, in parts as <sep/> cuts it."""
    form: re.Pattern[str] = REAL
    parser: expat.XMLParserType = field(default_factory=lambda: expat.ParserCreate("UTF-8", " "))

    def read(self, text: str) -> None:
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
        try:
            self.parser.Parse(text.encode(), True)
        except expat.ExpatError as problem:
            whole = text.rstrip().endswith(("</sbml>", ":sbml>"))
            what = "is malformed XML" if whole else "ends before its </sbml>: truncated or malformed"
            raise DataError(f"{self.file}: {what} ({problem}). Get a whole copy of the file.") from problem

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self.depth += 1
        if self.depth > DEEPEST:
            raise self._refusal(f"elements more than {DEEPEST} deep", "a calcium model is shallower")
        space, _, local = name.rpartition(" ")
        if self.depth == 1:
            self._root(space, local, attributes)
        elif not self.inert:
            if local in ("notes", "annotation"):
                self.inert = self.depth
            self._element(space, local, attributes)
            if not self.inert:
                self._numbers(space, local, attributes)

    def _numbers(self, space: str, local: str, attributes: dict[str, str]) -> None:
        for name in NUMERIC if CORE.fullmatch(space) else ():  # a package may mean something else by `size`
            self._refuse_no_number(attributes.get(name, "0"), f"{name}=", REAL)
        if local == "cn":
            self.number, self.form = [""], WHOLE if attributes.get("type") in ("integer", "rational") else REAL
        elif local == "sep" and self.number is not None:
            self.number.append("")

    def _text(self, text: str) -> None:
        if self.number is not None:
            self.number[-1] += text

    def _refuse_no_number(self, text: str, what: str, form: re.Pattern[str]) -> None:
        if not form.fullmatch(text):
            kind = "a whole number" if form is WHOLE else "a number such as 0.1 or 1e-6"
            raise self._refusal(f"{what}{text[:60]!r}, which is not {kind}", "correct the number")

    def _end(self, name: str) -> None:
        if self.number is not None and name.rpartition(" ")[2] == "cn":
            for part in self.number:
                self._refuse_no_number(part, "<cn> of ", self.form)
            self.number = None
        if self.inert == self.depth:
            self.inert = 0
        self.depth -= 1

    def _root(self, space: str, local: str, attributes: dict[str, str]) -> None:
        if local != "sbml" or not CORE.fullmatch(space):
            raise self._refusal(f"the root element <{local}>", "an SBML file begins with <sbml>")
        for name, value in attributes.items():
            package, _, what = name.rpartition(" ")
            if what == "required" and package and value in ("true", "1"):
                named = next((part for part in package.split("/")[::-1] if not part.startswith("version")), package)
                raise self._refusal(
                    f"the required package {named!r}", "only the SBML core is simulated; export a flat core model"
                )

    def _element(self, space: str, local: str, attributes: dict[str, str]) -> None:
        linked = any(key.startswith(f"{XLINK} ") and key.endswith("href") for key in attributes)
        if space == XINCLUDE or linked or local == "externalModelDefinition":
            raise self._refusal(
                f"a reference to another file (<{local}>)", "nothing is fetched; paste it into the file"
            )
        what = local
        if local == "reaction" and attributes.get("fast") in ("true", "1"):
            what = "fast reaction"
        elif local == "csymbol" and attributes.get("definitionURL", "").endswith("/delay"):
            what = "delay"
        if what in UNSUPPORTED:
            raise self._refusal(UNSUPPORTED[what], "write the model as ordinary differential equations")

    def _refusal(self, got: str, fix: str) -> DataError:
        return DataError(f"{self.file}: line {self.parser.CurrentLineNumber}: got {got}; {fix}.")
