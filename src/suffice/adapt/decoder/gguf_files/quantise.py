"""A GGUF file of fewer bits per weight, by the engine's own quantiser."""

import ctypes
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice import extras, files
from suffice.adapt.decoder.gguf_files import mixture
from suffice.errors import ArtefactError
from suffice.models.gguf import header

TYPES = tuple(mixture.DEFAULT)
_FEATURE = "quantising a decoder"
_NUMPY_TYPES = {"F32": np.float32, "F16": np.float16}  # the writer takes all others as bytes
_FLOATS = {*_NUMPY_TYPES, "BF16"}
_WRITTEN_ANEW = {"general.architecture", "general.file_type", "general.quantization_version"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Fallback:
    """A tensor that could not have the type its mixture gives it: its rows are no multiple of the block."""

    tensor: str
    row: int
    wanted: str
    used: str


@dataclass(frozen=True, kw_only=True)
class QuantisedFile:
    """What was written: the file's bytes, and the true bits per weight over all its tensors.

    `tensors` counts the tensors of each type; `fallbacks` names those that are larger than was asked for.
    """

    path: Path
    bytes: int
    bits_per_weight: float
    tensors: Mapping[str, int]
    fallbacks: tuple[Fallback, ...]


def quantise(
    source: Path,
    out_file: Path,
    *,
    type: str,  # noqa: A002 - what the engine's users call it
    importance: Mapping[str, NDArray[np.float32]] | None = None,
) -> QuantisedFile:
    """Returns what was written to `out_file`: the weights of `source` as Q8_0, Q4_0, Q4_K_M, Q5_K_M or Q6_K.

    `source` is an f32, f16 or bf16 GGUF file. `importance` gives, by tensor name, how much each input
    column matters (see `importance.measure`). Same input, same bytes, on one kind of processor.

    Raises:
        ArtefactError: an unknown type, a source that is damaged or already quantised.
        OutputError: the place cannot be written to.
        MissingExtra: the packages of the extras `gguf` and `train` are missing.
    """
    if type not in mixture.DEFAULT:
        raise ArtefactError(f"the type {type!r} cannot be made; known are {', '.join(TYPES)}")
    header.read(source)  # refuses what is damaged or forged, before anything is believed
    gguf = extras.require("gguf", extra="train", feature=_FEATURE)
    quantiser = _Quantiser(importance or {})
    try:
        reader = gguf.GGUFReader(source)
        shape = _shape(reader, importance=bool(importance))
        plans = [_plan(tensor, type, shape) for tensor in reader.tensors]
    except (OSError, ValueError, KeyError, IndexError, OverflowError) as error:
        raise ArtefactError(f"{source} cannot be quantised: {error}") from error
    for plan in plans:
        if plan.have not in _FLOATS:
            raise ArtefactError(
                f"{source} is quantised already: tensor {plan.tensor.name!r} is {plan.have}",
                hint="quantise from the f32, f16 or bf16 file",
            )
    with files.whole_file(out_file) as beside:
        _write(gguf, reader, plans, beside, (type, quantiser))
    return _described(out_file, plans, gguf)


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """What becomes of one tensor."""

    tensor: Any
    have: str
    wanted: str
    used: str

    @property
    def quantised(self) -> bool:
        return self.used != self.have

    @property
    def row(self) -> int:
        return int(self.tensor.shape[0])


def _plan(tensor: Any, file_type: str, shape: mixture.Shape) -> _Plan:
    have = tensor.tensor_type.name
    dimensions = tuple(int(size) for size in tensor.shape)
    if not mixture.is_quantised(tensor.name, dimensions):
        return _Plan(tensor=tensor, have=have, wanted=have, used=have)
    wanted = mixture.wanted(tensor.name, file_type, shape)
    used = mixture.possible(wanted, row=dimensions[0])
    return _Plan(tensor=tensor, have=have, wanted=wanted, used=used)


def _shape(reader: Any, *, importance: bool) -> mixture.Shape:
    architecture = reader.fields["general.architecture"].contents()
    experts = reader.fields.get(f"{architecture}.expert_count")
    return mixture.Shape(
        layers=int(reader.fields[f"{architecture}.block_count"].contents()),
        experts=0 if experts is None else int(experts.contents()),
        tied=all(tensor.name != "output.weight" for tensor in reader.tensors),
        importance=importance,
    )


class _Quantiser:
    """The engine's quantiser of rows, reached through the shared library of its wheel."""

    def __init__(self, importance: Mapping[str, NDArray[np.float32]]) -> None:
        engine = extras.require("xllamacpp.xllamacpp", extra="gguf", feature=_FEATURE)
        self._chunk = ctypes.CDLL(engine.__file__).ggml_quantize_chunk
        self._chunk.restype = ctypes.c_size_t
        self._chunk.argtypes = [
            ctypes.c_int,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_int64,
            ctypes.c_int64,
            ctypes.c_int64,
            ctypes.c_void_p,
        ]
        self._importance = importance

    def rows(
        self, weights: NDArray[np.float32], name: str, type_id: int, bytes_per_row: int
    ) -> NDArray[np.uint8]:
        """Returns the weights (..., row) as bytes (..., bytes_per_row) of the type.

        Raises:
            ArtefactError: the importance matrix was made for another model.
        """
        row = weights.shape[-1]
        matrices = np.ascontiguousarray(weights, dtype=np.float32).reshape(-1, *weights.shape[-2:])
        columns = self._columns(name, len(matrices), row)
        out = np.empty((len(matrices), weights.shape[-2], bytes_per_row), dtype=np.uint8)
        for index, matrix in enumerate(matrices):
            weight = None if columns is None else columns[index].ctypes.data
            self._chunk(type_id, matrix.ctypes.data, out[index].ctypes.data, 0, len(matrix), row, weight)
        return out.reshape(*weights.shape[:-1], bytes_per_row)

    def _columns(self, name: str, matrices: int, row: int) -> NDArray[np.float32] | None:
        """Returns one row of importance per matrix (several for a layer of experts), or None."""
        given = self._importance.get(name)
        if given is None:
            return None
        if given.size not in {row, matrices * row}:
            raise ArtefactError(
                f"the importance matrix has {given.size:,} columns for {name!r}, which has {row:,}",
                hint="measure the importance matrix on the model that is quantised",
            )
        columns = given.astype(np.float32).reshape(-1, row)
        return np.ascontiguousarray(np.broadcast_to(columns, (matrices, row)))


def _write(gguf: Any, reader: Any, plans: list[_Plan], place: Path, how: tuple[str, _Quantiser]) -> None:
    file_type, quantiser = how
    writer = gguf.GGUFWriter(place, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name in _WRITTEN_ANEW:
            continue
        kind = field.types[0]
        inner = field.types[-1] if kind == gguf.GGUFValueType.ARRAY else None
        writer.add_key_value(name, field.contents(), kind, sub_type=inner)
    writer.add_file_type(gguf.LlamaFileType[f"MOSTLY_{file_type}"])
    writer.add_quantization_version(gguf.GGML_QUANT_VERSION)
    for plan in plans:
        kind = gguf.GGMLQuantizationType[plan.used]
        shape = tuple(int(size) for size in reversed(plan.tensor.shape))
        dtype = np.dtype(_NUMPY_TYPES.get(plan.used, np.uint8))
        stored = shape if plan.used in _NUMPY_TYPES else gguf.quant_shape_to_byte_shape(shape, kind)
        writer.add_tensor_info(plan.tensor.name, stored, dtype, _bytes(plan, gguf), kind)
    try:
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        for plan in plans:
            writer.write_tensor_data(_data(gguf, plan, quantiser))
    finally:
        writer.close()


def _data(gguf: Any, plan: _Plan, quantiser: _Quantiser) -> NDArray[Any]:
    data: NDArray[Any] = plan.tensor.data
    if not plan.quantised:
        return data
    weights = gguf.quants.dequantize(data, plan.tensor.tensor_type)
    if plan.used == "F16":
        return np.asarray(weights, dtype=np.float16)
    kind = gguf.GGMLQuantizationType[plan.used]
    _, block_bytes = gguf.GGML_QUANT_SIZES[kind]
    per_row = plan.row // mixture.BLOCK[plan.used] * block_bytes
    return quantiser.rows(weights, plan.tensor.name, int(kind), per_row)


def _bytes(plan: _Plan, gguf: Any) -> int:
    block, block_bytes = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[plan.used]]
    return int(plan.tensor.n_elements) // int(block) * int(block_bytes)


def _described(path: Path, plans: list[_Plan], gguf: Any) -> QuantisedFile:
    weights = sum(int(plan.tensor.n_elements) for plan in plans)
    used = [plan.used for plan in plans]
    return QuantisedFile(
        path=path,
        bytes=path.stat().st_size,
        bits_per_weight=8 * math.fsum(_bytes(plan, gguf) for plan in plans) / weights,
        tensors={name: used.count(name) for name in sorted(set(used))},
        fallbacks=tuple(
            Fallback(tensor=plan.tensor.name, row=plan.row, wanted=plan.wanted, used=plan.used)
            for plan in plans
            if plan.wanted != plan.used
        ),
    )
