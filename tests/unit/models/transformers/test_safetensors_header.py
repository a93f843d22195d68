"""A safetensors file is believed only as far as its bytes bear it out."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from suffice.errors import ArtefactError
from suffice.models.transformers import safetensors_header


def entry(shape, begin, end, dtype="F32"):
    """One tensor of a header."""
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


def write(path: Path, header: object, data: bytes) -> Path:
    """Returns the path of a file with this header and these bytes behind it."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)
    return path


def test_an_intact_file_tells_its_tensors(tmp_path: Path):
    """Names, types and shapes are those that were saved."""
    path = tmp_path / "model.safetensors"
    save_file({"a": np.zeros((2, 3), np.float32), "b": np.zeros(5, np.int64)}, path)
    found = safetensors_header.read(path)
    assert {"a": ("F32", (2, 3)), "b": ("I64", (5,))} == {
        name: (tensor.dtype, tensor.shape) for name, tensor in found.items()
    }


@pytest.mark.parametrize(
    ("header", "data", "why"),
    [
        ({"a": entry([4], 0, 16)}, b"\0" * 8, "ends at byte 16, the data has 8"),
        ({"a": entry([4], 0, 16)}, b"\0" * 20, "tensors take 16 bytes, the data has 20"),
        ({"a": entry([4], 0, 16), "b": entry([4], 8, 24)}, b"\0" * 24, "overlaps"),
        ({"a": entry([1], 0, 4), "b": entry([1], 8, 12)}, b"\0" * 12, "leaves a gap"),
        ({"a": entry([2**40, 2**40], 0, 16)}, b"\0" * 16, "absurd shape"),
        ({"a": entry([1] * 9, 0, 4)}, b"\0" * 4, "absurd shape"),
        ({"a": entry([-4], 0, 16)}, b"\0" * 16, "shape"),
        ({"a": entry([True], 0, 4)}, b"\0" * 4, "shape"),
        ({"a": entry([4], 0, 12)}, b"\0" * 12, "needs 16 bytes and claims 12"),
        ({"a": entry([4], 0, 16, "F33")}, b"\0" * 16, "unknown type 'F33'"),
        ({"a": {"dtype": "F32"}}, b"", "lacks dtype, shape or data_offsets"),
        ([1, 2], b"", "no JSON object"),
        (b"{not json", b"", "no JSON"),
        (b"[" * 100_000, b"", "no JSON"),
    ],
)
def test_a_forged_header_is_refused(tmp_path: Path, header, data, why):
    """Whatever does not fit the file's bytes is an error that says what does not fit."""
    path = write(tmp_path / "model.safetensors", header, data)
    with pytest.raises(ArtefactError, match=why):
        safetensors_header.read(path)


@pytest.mark.parametrize("kept", [0, 4, 8, 20])
def test_a_truncated_file_is_refused(tmp_path: Path, kept):
    """A file cut anywhere, even within its first eight bytes, is an error."""
    path = write(tmp_path / "model.safetensors", {"a": entry([4], 0, 16)}, b"\0" * 16)
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(ArtefactError, match="no intact safetensors file"):
        safetensors_header.read(path)


def test_a_header_longer_than_any_real_one_is_not_read(tmp_path: Path):
    """A claimed length of 2^63 bytes is refused before anything is allocated."""
    path = tmp_path / "model.safetensors"
    path.write_bytes((2**63).to_bytes(8, "little") + b"{}")
    with pytest.raises(ArtefactError, match="header claims"):
        safetensors_header.read(path)
