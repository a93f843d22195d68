"""What a safetensors file says of itself, checked against the file before any tensor is read."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from suffice.errors import ArtefactError

# Layout: 8 bytes little-endian header length, JSON header, tensors (the safetensors README, "Format").
_LENGTH_BYTES = 8
_HEADER_LIMIT_BYTES = 100_000_000
_SIZE_LIMIT = 2**48  # elements of one tensor: far beyond any real one, far below overflow
_DIMENSIONS_LIMIT = 8
DTYPE_BYTES = {
    "BOOL": 1,
    "U8": 1,
    "I8": 1,
    "F8_E4M3": 1,
    "F8_E5M2": 1,
    "I16": 2,
    "U16": 2,
    "F16": 2,
    "BF16": 2,
    "I32": 4,
    "U32": 4,
    "F32": 4,
    "I64": 8,
    "U64": 8,
    "F64": 8,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class TensorHeader:
    """One tensor of a file: its type, its shape, and the bytes [begin, end) it takes behind the header."""

    dtype: str
    shape: tuple[int, ...]
    begin: int
    end: int


def read(path: Path) -> dict[str, TensorHeader]:
    """Returns the tensors a safetensors file holds, by name, after checking that the file can hold them.

    Raises:
        ArtefactError: the file is cut short, or its header is no JSON, names an unknown type, an absurd
            shape, sizes that do not fit the shape, or ranges that overlap, leave gaps or pass the file's end.
    """
    try:
        with path.open("rb") as file:
            size = path.stat().st_size
            start = file.read(_LENGTH_BYTES)
            length = int.from_bytes(start, "little")
            if len(start) < _LENGTH_BYTES or length > min(size - _LENGTH_BYTES, _HEADER_LIMIT_BYTES):
                raise _damaged(path, f"its header claims {length:,} bytes, the file has {size:,}")
            header = json.loads(file.read(length))
    except OSError as error:
        raise ArtefactError(f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, "its header is no JSON") from error
    if not isinstance(header, dict):
        raise _damaged(path, "its header is no JSON object")
    tensors = {name: _tensor(path, name, entry) for name, entry in header.items() if name != "__metadata__"}
    _check_ranges(path, tensors, size - _LENGTH_BYTES - length)
    return tensors


def _tensor(path: Path, name: str, entry: Any) -> TensorHeader:
    try:
        dtype, shape, (begin, end) = entry["dtype"], entry["shape"], entry["data_offsets"]
    except (TypeError, KeyError, ValueError) as error:
        raise _damaged(path, f"tensor {name!r} lacks dtype, shape or data_offsets") from error
    if dtype not in DTYPE_BYTES:
        raise _damaged(path, f"tensor {name!r} has the unknown type {dtype!r}")
    numbers = [*shape, begin, end] if isinstance(shape, list) else [None]
    if not all(type(number) is int and number >= 0 for number in numbers):
        raise _damaged(path, f"tensor {name!r} has the shape {shape!r} and the range {begin!r} to {end!r}")
    if len(shape) > _DIMENSIONS_LIMIT or math.prod(max(number, 1) for number in shape) > _SIZE_LIMIT:
        raise _damaged(path, f"tensor {name!r} has the absurd shape {shape!r}")
    wanted = math.prod(shape) * DTYPE_BYTES[dtype]
    if end - begin != wanted:
        raise _damaged(path, f"tensor {name!r} needs {wanted:,} bytes and claims {end - begin:,}")
    return TensorHeader(dtype=dtype, shape=tuple(shape), begin=begin, end=end)


def _check_ranges(path: Path, tensors: dict[str, TensorHeader], room: int) -> None:
    reached = 0
    for name, tensor in sorted(tensors.items(), key=lambda pair: (pair[1].begin, pair[1].end)):
        if tensor.end > room:
            raise _damaged(path, f"tensor {name!r} ends at byte {tensor.end:,}, the data has {room:,}")
        if tensor.begin != reached:
            how = "overlaps the one before it" if tensor.begin < reached else "leaves a gap before it"
            raise _damaged(path, f"tensor {name!r} {how}: it begins at {tensor.begin:,}, not {reached:,}")
        reached = tensor.end
    if reached != room:
        raise _damaged(path, f"its tensors take {reached:,} bytes, the data has {room:,}")


def _damaged(path: Path, why: str) -> ArtefactError:
    return ArtefactError(
        f"{path} is no intact safetensors file: {why}",
        hint="fetch the file again, or export the model again",
    )
