"""All of a run's state in one file, bit for bit, so that a stopped run goes on where it was.

    head      magic, version of the format, length of the plan, length of the arrays (little-endian)
    plan      JSON: what the state is made of, and what the writer said (`attrs`)
    arrays    one `.npy` after the other, in the order of the plan
    SHA-256   of all before

No part of a file is ever run or unpickled, no name in it is used as a path, and nothing is decompressed: what a file can make a
reader allocate is bounded by its own length.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import struct
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from exude.errors import DataError, refuse

MAGIC = b"exudeck\n"
VERSION = 1
"""Version of the format; it changes when old readers would misread new files."""
HEAD = struct.Struct("<8sIQQ")
DIGEST = hashlib.sha256().digest_size
BLOCK = 2**20
"""Bytes read or written at once."""
MOST_PLAN = 2**26
"""Bytes of the longest plan; larger states belong into arrays."""
MOST_DEPTH = 64
"""Nesting of the deepest state."""
MOST_HEADER = 10_000
"""Letters of the longest header of one array."""
KINDS = "biufcSUMmV"
"""Kinds of numbers and text that arrays may hold; objects are not among them."""
MOST_BITS = 12_000
"""Bits of the longest whole number; Python refuses to read more than 4300 digits."""
PREVIOUS = ".previous"
"""Ending of the checkpoint before the newest."""
MEBIBYTE = 2**20


class Saved(NamedTuple):
    """A state read back, and what was said with it."""

    state: Any
    attrs: dict[str, Any]


class _Refused(Exception):
    """What is wrong with a file."""


def previous(path: str | Path) -> Path:
    """Where the checkpoint before the newest is kept."""
    place = Path(path)
    return place.with_name(place.name + PREVIOUS)


def save_checkpoint(path: str | Path, state: Any, attrs: Mapping[str, Any]) -> Path:
    """Keep a state; the checkpoint at `path` becomes the previous one, and an older one goes.

    `state` nests dicts (keys: text or whole numbers), lists, tuples and named tuples of arrays, NumPy scalars, numbers, text,
    bytes, truth values and None. `attrs` is what JSON holds; `fingerprint` in it names the run. At every moment a whole
    checkpoint is at `path` or beside it. DataError for a state that cannot be kept, and where the disk refuses.
    """
    place = Path(path).absolute()
    arrays: list[NDArray[Any]] = []
    try:
        plan = json.dumps({"state": _plan(state, arrays, "state"), "attrs": dict(attrs)}, allow_nan=False).encode()
    except (TypeError, ValueError) as problem:
        raise refuse(
            DataError, str(problem), "attrs that JSON holds", "Give text, finite numbers, lists, dicts."
        ) from problem
    if len(plan) > MOST_PLAN:
        raise refuse(DataError, f"{len(plan)} bytes of single values", f"at most {MOST_PLAN}", "Put them into arrays.")
    draft = place.with_name(f".{place.name}.{os.getpid()}.part")
    try:
        with draft.open("wb") as file:
            _write(file, plan, arrays)
            file.flush()
            os.fsync(file.fileno())
        _put_in_place(draft, place)
    except OSError as problem:
        draft.unlink(missing_ok=True)
        near = next(folder for folder in place.parents if folder.exists())
        free = shutil.disk_usage(near).free / MEBIBYTE
        fix = "Free space and resume; the checkpoint before is whole."
        raise refuse(
            DataError, str(problem), f"room and leave to write {place} ({free:.1f} MiB are free)", fix
        ) from problem
    return place


def load_checkpoint(path: str | Path, *, fingerprint: str = "", kinds: Iterable[type[Any]] = ()) -> Saved:
    """A state, bit for bit as saved.

    `fingerprint`: of the run that wants to go on; `kinds`: the named tuples that the state may hold. DataError, naming the
    previous checkpoint if that one is whole, for a file that is no checkpoint, cut short, damaged, of another version, of
    another run, or that holds what no checkpoint holds.
    """
    place = Path(path).absolute()
    known = {kind.__name__: kind for kind in kinds}
    try:
        return _load(place, fingerprint, known)
    except (_Refused, OSError) as problem:
        fix = "Start the run anew."
        try:
            _load(previous(place), fingerprint, known)
            fix = f"Resume from the checkpoint before it, {previous(place)}, which is whole."
        except (_Refused, OSError):
            pass
        raise refuse(DataError, str(problem), f"a whole checkpoint of this run at {place}", fix) from problem


def _load(place: Path, fingerprint: str, known: Mapping[str, type[Any]]) -> Saved:
    with place.open("rb") as file:
        plan = _checked_plan(file)
        try:
            content = json.loads(plan)
            attrs = dict(content["attrs"])
            if fingerprint and attrs.get("fingerprint") != fingerprint:
                raise _Refused(f"fingerprint {attrs.get('fingerprint')!r}, this run has {fingerprint!r}")
            reader = _Reader(file, HEAD.size + len(plan), place.stat().st_size - DIGEST, known)
            state = reader.value(content["state"])
            reader.at_end()
        except _Refused:
            raise
        except (
            Exception
        ) as problem:  # of many kinds: what reads JSON and headers of arrays trips over bad bytes in many ways
            raise _Refused(f"contents that make no sense ({type(problem).__name__}: {problem})") from problem
    return Saved(state, attrs)


def _checked_plan(file: BinaryIO) -> bytes:
    """The plan of a file whose head, length and checksum are right."""
    head = file.read(HEAD.size)
    if len(head) < HEAD.size or not head.startswith(MAGIC):
        raise _Refused(f"a file that starts with {head[: len(MAGIC)]!r}")
    _, version, of_plan, of_arrays = HEAD.unpack(head)
    if version != VERSION:
        raise _Refused(f"format version {version}, this program reads {VERSION}")
    length, expected = os.fstat(file.fileno()).st_size, HEAD.size + of_plan + of_arrays + DIGEST
    if length != expected:
        raise _Refused(f"{length} bytes where {expected} are announced (cut short?)")
    if of_plan > MOST_PLAN:
        raise _Refused(f"a plan of {of_plan} bytes")
    file.seek(0)
    digest, left = hashlib.sha256(), length - DIGEST
    while left and (block := file.read(min(BLOCK, left))):
        digest.update(block)
        left -= len(block)
    if digest.digest() != file.read(DIGEST):
        raise _Refused("a wrong checksum (damaged)")
    file.seek(HEAD.size)
    return file.read(of_plan)


def _write(file: BinaryIO, plan: bytes, arrays: list[NDArray[Any]]) -> None:
    headers = [_header(array) for array in arrays]
    of_arrays = sum(len(header) + array.nbytes for header, array in zip(headers, arrays, strict=True))
    digest = hashlib.sha256()
    for part in _parts(HEAD.pack(MAGIC, VERSION, len(plan), of_arrays) + plan, headers, arrays):
        digest.update(part)
        file.write(part)
    file.write(digest.digest())


def _parts(first: bytes, headers: list[bytes], arrays: list[NDArray[Any]]) -> Iterator[bytes | memoryview]:
    yield first
    for header, array in zip(headers, arrays, strict=True):
        yield header
        by_columns = array.flags.f_contiguous and not array.flags.c_contiguous
        flat = (array.T if by_columns else array).reshape(-1)
        step = max(1, BLOCK // max(1, array.itemsize))
        for start in range(0, flat.size if array.itemsize else 0, step):
            yield np.ascontiguousarray(flat[start : start + step]).tobytes()


def _header(array: NDArray[Any]) -> bytes:
    out = io.BytesIO()
    npy.write_array_header_2_0(out, npy.header_data_from_array_1_0(array))
    return out.getvalue()


def _put_in_place(draft: Path, place: Path) -> None:
    """The newest becomes the previous, the draft the newest; `place` is never empty in between where links exist."""
    if place.exists():
        link = place.with_name(f".{place.name}.{os.getpid()}.link")
        try:
            link.unlink(missing_ok=True)
            link.hardlink_to(place)
            link.replace(previous(place))
            link.unlink(missing_ok=True)  # stays where both names were one file already
        except OSError:
            place.replace(previous(place))
    draft.replace(place)
    if os.name == "posix":
        folder = os.open(place.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _plan(value: Any, arrays: list[NDArray[Any]], where: str, depth: int = 0) -> Any:
    """What JSON keeps of a value; arrays are set aside in order."""
    if depth > MOST_DEPTH:
        raise refuse(DataError, f"{where[:100]}...", f"at most {MOST_DEPTH} levels", "Flatten the state.")
    if value is None or type(value) in (bool, str):
        return value
    if type(value) is int:
        if value.bit_length() > MOST_BITS:
            raise refuse(DataError, where, f"whole numbers below {MOST_BITS} bits", "Put its digits into an array.")
        return value
    if type(value) is float:
        return {"float": np.array([value]).tobytes().hex() if np.isnan(value) else value.hex()}
    if type(value) is bytes:
        return {"bytes": value.hex()}
    if isinstance(value, np.ndarray | np.generic):
        return _array_plan(value, arrays, where)
    if type(value) is dict:
        for key in value:
            if type(key) not in (str, int):
                raise refuse(DataError, key, f"keys of text or whole numbers in {where}", "Change the key.")
        return {"dict": [[k, _plan(v, arrays, f"{where}[{k!r}]", depth + 1)] for k, v in value.items()]}
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        parts = {k: _plan(getattr(value, k), arrays, f"{where}.{k}", depth + 1) for k in value._fields}
        return {"named": type(value).__name__, "parts": parts}
    if type(value) in (list, tuple):
        parts_in_order = [_plan(v, arrays, f"{where}[{i}]", depth + 1) for i, v in enumerate(value)]
        return {type(value).__name__: parts_in_order}
    fix = "Take it apart into arrays and numbers."
    raise refuse(
        DataError, f"{type(value).__name__} at {where}", "arrays, numbers, text and tuples, lists, dicts of them", fix
    )


def _array_plan(value: NDArray[Any] | np.generic, arrays: list[NDArray[Any]], where: str) -> dict[str, Any]:
    if isinstance(value, np.ndarray) and type(value) is not np.ndarray:
        raise refuse(DataError, type(value).__name__, f"a plain array at {where}", "Use numpy.asarray.")
    array = np.asarray(value)
    if array.dtype.hasobject or array.dtype.kind not in KINDS:
        raise refuse(DataError, f"dtype {array.dtype}", f"numbers or text of fixed width at {where}", "Convert it.")
    arrays.append(array)
    return {"array": len(arrays) - 1, "scalar": isinstance(value, np.generic)}


class _Reader:
    """Turns a plan back into values; every array must lie inside the file, in order."""

    def __init__(self, file: BinaryIO, start: int, end: int, known: Mapping[str, type[Any]]) -> None:
        self.file, self.end, self.known, self.count = file, end, known, 0
        file.seek(start)

    def value(self, plan: Any) -> Any:
        if plan is None or isinstance(plan, bool | str | int):
            return plan
        kind = next(iter(plan))
        held = plan[kind]
        if kind == "float":
            return (
                float.fromhex(held) if len(held) != 16 or "x" in held else float(np.frombuffer(bytes.fromhex(held))[0])
            )
        if kind == "bytes":
            return bytes.fromhex(held)
        if kind == "array":
            return self.array(held, plan["scalar"])
        if kind == "dict":
            return {key: self.value(part) for key, part in held}
        if kind == "list":
            return [self.value(part) for part in held]
        if kind == "tuple":
            return tuple(self.value(part) for part in held)
        if kind == "named":
            return self.named(held, plan["parts"])
        raise _Refused(f"a value of unknown kind {kind!r}")

    def named(self, name: str, parts: dict[str, Any]) -> Any:
        made = self.known.get(name)
        if made is None:
            raise _Refused(f"a state of kind {name!r}, this run knows {sorted(self.known)}")
        if tuple(parts) != made._fields:
            raise _Refused(f"{name} with parts {tuple(parts)}, this program has {made._fields}")
        return made(*(self.value(part) for part in parts.values()))

    def array(self, index: int, scalar: bool) -> Any:
        if index != self.count:
            raise _Refused(f"array {index} where number {self.count} is next")
        self.count += 1
        if npy.read_magic(self.file) != (2, 0):
            raise _Refused("an array of another kind")
        shape, by_columns, dtype = npy.read_array_header_2_0(self.file, max_header_size=MOST_HEADER)
        if dtype.hasobject or dtype.kind not in KINDS:
            raise _Refused(f"an array of {dtype}")
        size = 1
        for n in shape:  # whole numbers of Python do not overflow
            size *= n
        if min(shape, default=0) < 0 or size * dtype.itemsize > self.end - self.file.tell():
            raise _Refused(f"an array of shape {shape} that is longer than the file")
        array = np.empty(shape, dtype, order="F" if by_columns else "C")
        if size and dtype.itemsize:
            flat = array.reshape(-1, order="A").view(np.uint8)
            if self.file.readinto(flat) != flat.nbytes:  # type: ignore[attr-defined]
                raise _Refused("an array cut short")
        return array[()] if scalar else array

    def at_end(self) -> None:
        if self.file.tell() != self.end:
            raise _Refused("more arrays than the plan names")
