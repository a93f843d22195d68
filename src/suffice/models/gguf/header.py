"""A GGUF file's header, read and checked in Python before any byte of it reaches C code.

Layout: the GGUF specification of ggml (docs/gguf.md), versions 2 and 3, little-endian: magic, version,
counts, key-value pairs, tensor infos, padding, tensor data.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.errors import ArtefactError
from suffice.models.gguf.tensor_types import TENSOR_TYPES

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_MOST_PAIRS, _MOST_TENSORS, _MOST_ITEMS = 10_000, 100_000, 4_000_000
_LONGEST_KEY, _LONGEST_NAME, _LONGEST_TEXT = 1_024, 63, 16_000_000  # bytes
_MOST_DIMENSIONS = 4
_LARGEST_ALIGNMENT = 1 << 16
_SMALL_ARRAY = 4_096  # arrays up to this many numbers are kept; longer ones are checked and skipped

# Scalar types of values: number in the file -> struct format.
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "B", 10: "Q", 11: "q", 12: "d"}
_BOOL, _STRING, _ARRAY = 7, 8, 9


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorInfo:
    """One tensor: its type, its dimensions (fastest first), and where its bytes lie in the file."""

    name: str
    type_name: str
    shape: tuple[int, ...]
    start: int
    size_bytes: int

    @property
    def weights(self) -> int:
        """Returns the number of weights."""
        product = 1
        for dimension in self.shape:
            product *= dimension
        return product


@dataclass(frozen=True, kw_only=True)
class Header:
    """What a GGUF file says about itself; every tensor lies inside the file and over no other one.

    `values` holds the key-value pairs; of an array longer than 4,096 numbers, and of every array of
    texts, only its length, as `Length`.
    """

    version: int
    values: Mapping[str, Any]
    tensors: tuple[TensorInfo, ...]
    file_bytes: int

    @property
    def architecture(self) -> str:
        """Returns the architecture's name, e.g. llama."""
        return str(self.values["general.architecture"])

    @property
    def weights(self) -> int:
        """Returns the number of weights in all tensors."""
        return sum(tensor.weights for tensor in self.tensors)

    @property
    def bits_per_weight(self) -> float:
        """Returns the bits that the tensors truly take per weight, whatever the file's name says."""
        return 8.0 * sum(tensor.size_bytes for tensor in self.tensors) / max(self.weights, 1)

    def of_architecture(self, key: str) -> Any:
        """Returns the value of `<architecture>.<key>`, or None."""
        return self.values.get(f"{self.architecture}.{key}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Length:
    """The length of an array that was checked and skipped."""

    items: int


def read(path: Path) -> Header:
    """Returns the header of a GGUF file.

    Raises:
        ArtefactError: the file is no GGUF file, is cut short, or says what cannot be: names where.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < 24:
                raise ArtefactError(f"{path}: a GGUF file has at least 24 bytes; this one has {size}")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                return _Reader(data, path).header()
    except OSError as error:
        raise ArtefactError(f"cannot read {path}: {error.strerror or error}") from error


class _Reader:
    """Reads a header from its first byte on, and never past the file's end."""

    def __init__(self, data: mmap.mmap, path: Path) -> None:
        self._data = data
        self._path = path
        self._at = 0

    def header(self) -> Header:
        """Returns the header after checking all of it."""
        magic = self._take(4, "the magic number")
        if magic != _MAGIC:
            raise self._wrong(f"the first bytes are {magic!r}, not {_MAGIC!r}: this is no GGUF file", at=0)
        version = self._number("I", "the version")
        if version not in _VERSIONS:
            raise self._wrong(f"version {version}; 2 and 3 can be read", at=4)
        tensors = self._count("the number of tensors", _MOST_TENSORS)
        pairs = self._count("the number of key-value pairs", _MOST_PAIRS)
        values = self._values(pairs)
        if not isinstance(values.get("general.architecture"), str):
            raise self._wrong("the key general.architecture is missing, or no text")
        infos = self._infos(tensors)
        start = self._data_start(values)
        return Header(
            version=version,
            values=values,
            tensors=self._placed(infos, start, self._alignment(values)),
            file_bytes=len(self._data),
        )

    def _values(self, count: int) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for _ in range(count):
            at = self._at
            key = self._text("a key", _LONGEST_KEY)
            if key in values:
                raise self._wrong(f"the key {key[:80]!r} comes twice", at=at)
            values[key] = self._value(self._number("I", "a value's type"), key)
        return values

    def _value(self, kind: int, key: str) -> Any:
        if kind == _STRING:
            return self._text(f"the value of {key[:80]}", _LONGEST_TEXT)
        if kind == _ARRAY:
            return self._array(key)
        if kind not in _SCALARS:
            raise self._wrong(f"the value of {key[:80]} has the unknown type {kind}")
        value = self._number(_SCALARS[kind], f"the value of {key[:80]}")
        if kind == _BOOL:
            if value not in (0, 1):
                raise self._wrong(f"the truth value of {key[:80]} is {value}")
            return bool(value)
        return value

    def _array(self, key: str) -> Any:
        what = f"the array {key[:80]}"
        kind = self._number("I", what)
        items = self._count(f"the length of {what}", _MOST_ITEMS)
        if kind == _STRING:
            for _ in range(items):
                self._take(self._count(f"the length of a text in {what}", _LONGEST_TEXT), what)
            return Length(items=items)
        if kind not in _SCALARS:
            raise self._wrong(f"{what} has items of the unknown type {kind}")
        code = _SCALARS[kind]
        data = self._take(items * struct.calcsize(f"<{code}"), what)
        if items > _SMALL_ARRAY:
            return Length(items=items)
        return list(struct.unpack(f"<{items}{code}", data))

    def _infos(self, count: int) -> list[tuple[str, int, tuple[int, ...], int]]:
        infos = []
        names = set()
        for _ in range(count):
            at = self._at
            name = self._text("a tensor's name", _LONGEST_NAME)
            if name in names:
                raise self._wrong(f"the tensor {name!r} comes twice", at=at)
            names.add(name)
            dimensions = self._number("I", f"the dimensions of {name}")
            if not 1 <= dimensions <= _MOST_DIMENSIONS:
                raise self._wrong(
                    f"the tensor {name} has {dimensions} dimensions; 1 to {_MOST_DIMENSIONS} are known"
                )
            shape = tuple(self._number("Q", f"the dimensions of {name}") for _ in range(dimensions))
            kind = self._number("I", f"the type of {name}")
            infos.append((name, kind, shape, self._number("Q", f"the offset of {name}")))
        return infos

    def _alignment(self, values: Mapping[str, Any]) -> int:
        value = values.get("general.alignment", 32)
        is_power = isinstance(value, int) and value >= 8 and value & (value - 1) == 0
        if isinstance(value, bool) or not is_power or value > _LARGEST_ALIGNMENT:
            raise self._wrong(
                f"general.alignment is {value!r}; a power of 2 from 8 to {_LARGEST_ALIGNMENT} is possible"
            )
        return int(value)

    def _data_start(self, values: Mapping[str, Any]) -> int:
        alignment = self._alignment(values)
        return -(-self._at // alignment) * alignment

    def _placed(
        self, infos: list[tuple[str, int, tuple[int, ...], int]], start: int, alignment: int
    ) -> tuple[TensorInfo, ...]:
        """Returns the tensors after checking that each lies inside the file, and over no other one."""
        tensors = [self._tensor(info, start, alignment) for info in infos]
        end, before = start, ""
        for tensor in sorted(tensors, key=lambda one: (one.start, one.size_bytes)):
            if tensor.start < end:
                raise self._wrong(f"the tensors {before} and {tensor.name} overlap", at=tensor.start)
            end, before = tensor.start + tensor.size_bytes, tensor.name
        return tuple(tensors)

    def _tensor(self, info: tuple[str, int, tuple[int, ...], int], start: int, alignment: int) -> TensorInfo:
        name, kind, shape, offset = info
        if kind not in TENSOR_TYPES:
            raise self._wrong(f"the tensor {name} has the unknown type {kind}")
        type_name, block, block_bytes = TENSOR_TYPES[kind]
        if 0 in shape:
            raise self._wrong(f"the tensor {name} has an empty dimension: {_by(shape)}")
        if shape[0] % block:
            raise self._wrong(
                f"the rows of {name} have {shape[0]} weights: no blocks of {block} ({type_name})"
            )
        size = block_bytes * shape[0] // block
        for dimension in shape[1:]:
            size *= dimension
        if size > len(self._data):
            raise self._wrong(
                f"the tensor {name} of {_by(shape)} {type_name} would take {size:,} bytes;"
                f" the file has {len(self._data):,}"
            )
        if offset % alignment:
            raise self._wrong(f"the tensor {name} starts at {offset}, off the {alignment} bytes' grid")
        if start + offset + size > len(self._data):
            raise self._wrong(
                f"the tensor {name} ends at byte {start + offset + size:,}; the file has {len(self._data):,}"
            )
        return TensorInfo(name=name, type_name=type_name, shape=shape, start=start + offset, size_bytes=size)

    def _take(self, count: int, what: str) -> bytes:
        if count > len(self._data) - self._at:
            raise self._wrong(
                f"{what} needs {count:,} bytes; {len(self._data) - self._at:,} are left in the file"
            )
        taken = self._data[self._at : self._at + count]
        self._at += count
        return taken

    def _number(self, code: str, what: str) -> Any:
        (value,) = struct.unpack(f"<{code}", self._take(struct.calcsize(f"<{code}"), what))
        return value

    def _count(self, what: str, most: int) -> int:
        at = self._at
        value = int(self._number("Q", what))
        if value > most:
            raise self._wrong(f"{what} is {value:,}; at most {most:,} is plausible", at=at)
        return value

    def _text(self, what: str, longest: int) -> str:
        at = self._at
        data = self._take(self._count(f"the length of {what}", longest), what)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise self._wrong(f"{what} is no text: {error.reason}", at=at) from error

    def _wrong(self, what: str, *, at: int | None = None) -> ArtefactError:
        where = self._at if at is None else at
        return ArtefactError(
            f"{self._path}, byte {where:,}: {what}",
            hint="the file is damaged or was not made by a known tool: fetch or make it again",
        )


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{dimension:,}" for dimension in shape)
