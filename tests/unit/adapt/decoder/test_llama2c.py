"""The published format of llama2.c is read within its bounds (what it means: test_stories260k)."""

import struct
from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder.gguf_files import llama2c
from suffice.errors import ArtefactError

_PIECES = ["<unk>", "\n<s>\n", "\n</s>\n", *(f"<0x{byte:02X}>" for byte in range(256)), " ", "a", " a"]
_SIZES = (8, 12, 2, 2, 1, len(_PIECES), 16)


def write_weights(path: Path, sizes=_SIZES, count: int | None = None) -> Path:
    """Returns a model's file of random weights; `count` of them instead of as many as the sizes need."""
    width, hidden, layers, heads, keys, vocabulary, context = sizes
    head = width // heads
    per_layer = 2 * width + 2 * width * width + 2 * keys * head * width + 3 * width * hidden
    needed = (
        abs(vocabulary) * width * (1 if vocabulary > 0 else 2) + layers * per_layer + width + context * head
    )
    values = np.random.default_rng(0).normal(size=needed if count is None else count).astype("<f4")
    path.write_bytes(struct.pack("<7i", *sizes) + values.tobytes())
    return path


def write_tokenizer(path: Path, pieces=tuple(_PIECES)) -> Path:
    """Returns a tokenizer's file with these pieces."""
    parts = [struct.pack("<i", 8)]
    for index, piece in enumerate(pieces):
        parts.append(struct.pack("<fi", -float(index), len(piece.encode())) + piece.encode())
    path.write_bytes(b"".join(parts))
    return path


def test_tensors_have_the_header_s_shapes(tmp_path: Path):
    """A head of 4, one head of keys: q is 8 x 8, k is 4 x 8 in each of two layers."""
    sizes, tensors = llama2c.read_weights(write_weights(tmp_path / "m.bin"))
    assert (4, True) == (sizes.head, sizes.shared)
    assert ((2, 8, 8), (2, 4, 8), (2, 8, 12)) == tuple(tensors[name].shape for name in ("q", "k", "down"))


def test_a_negative_vocabulary_says_that_the_output_has_weights_of_its_own(tmp_path: Path):
    """The output matrix lies last in the file."""
    path = write_weights(tmp_path / "m.bin", (*_SIZES[:5], -_SIZES[5], 16))
    sizes, tensors = llama2c.read_weights(path)
    assert (False, (_SIZES[5], 8)) == (sizes.shared, tensors["output"].shape)


@pytest.mark.parametrize(
    ("sizes", "count", "why"),
    [
        (_SIZES, 100, "its sizes need"),
        ((8, 12, 2, 2, 1, 0, 16), 10, "sizes"),
        ((8, 12, -2, 2, 1, 9, 16), 10, "sizes"),
        ((2**30, 12, 2, 2, 1, 9, 16), 10, "sizes"),
        ((2**20, 2**20, 2**20, 2, 1, 9, 16), 10, "its sizes need"),
        ((8, 12, 2, 3, 1, 9, 16), 10, "does not divide"),
        ((8, 12, 2, 4, 3, 9, 16), 10, "does not divide"),
    ],
)
def test_sizes_that_do_not_fit_the_file_are_refused(tmp_path: Path, sizes, count, why):
    """Nothing is allocated for sizes that the file cannot hold."""
    with pytest.raises(ArtefactError, match=why):
        llama2c.read_weights(write_weights(tmp_path / "m.bin", sizes, count))


def test_a_file_without_a_header_is_refused(tmp_path: Path):
    """Four bytes are no header."""
    (tmp_path / "m.bin").write_bytes(b"1234")
    with pytest.raises(ArtefactError, match="the header alone 28"):
        llama2c.read_weights(tmp_path / "m.bin")


def test_a_tokenizer_must_hold_exactly_its_pieces(tmp_path: Path):
    """Fewer pieces, more bytes, a length past the end, and no UTF-8 are errors."""
    path = write_tokenizer(tmp_path / "t.bin", ["a", "b"])
    assert [("a", 0.0), ("b", -1.0)] == llama2c.read_tokenizer(path, 2)
    with pytest.raises(ArtefactError, match="ends in piece 2 of 3"):
        llama2c.read_tokenizer(path, 3)
    with pytest.raises(ArtefactError, match="9 bytes follow"):
        llama2c.read_tokenizer(path, 1)
    path.write_bytes(struct.pack("<ifi", 8, 0.0, 2**30) + b"a")
    with pytest.raises(ArtefactError, match="claims 1,073,741,824 bytes"):
        llama2c.read_tokenizer(path, 1)
    path.write_bytes(struct.pack("<ifi", 8, 0.0, 1) + b"\xff")
    with pytest.raises(ArtefactError, match="no UTF-8"):
        llama2c.read_tokenizer(path, 1)
