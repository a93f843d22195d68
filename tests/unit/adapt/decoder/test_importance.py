"""The importance matrix is the mean square of what a matrix reads."""

from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder.gguf_files import export, importance
from suffice.adapt.decoder.gguf_files.quantise import quantise
from suffice.errors import DataError
from tests.unit import tiny_decoder

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny Llama of width 64."""
    return tiny_decoder.write(tmp_path_factory.mktemp("decoder"), width=64)


def test_every_matrix_of_the_layers_is_measured(folder: Path, tmp_path: Path):
    """Each matrix of the GGUF file but the table of tokens has one number a column, and can be led by it."""
    found = importance.measure(folder, [tiny_decoder.WORDS * 2] * 20)
    export.write_gguf(folder, tmp_path / "f32.gguf", outtype="f32")
    gguf = pytest.importorskip("gguf")
    matrices = {
        tensor.name: int(tensor.shape[0])
        for tensor in gguf.GGUFReader(tmp_path / "f32.gguf").tensors
        if len(tensor.shape) == 2 and tensor.name != "token_embd.weight"
    }
    assert matrices == {name: len(columns) for name, columns in found.items()}
    led = quantise(tmp_path / "f32.gguf", tmp_path / "led.gguf", type="Q4_0", importance=found)
    plain = quantise(tmp_path / "f32.gguf", tmp_path / "plain.gguf", type="Q4_0")
    assert led.bytes == plain.bytes
    assert led.path.read_bytes() != plain.path.read_bytes()


def test_what_follows_a_norm_has_mean_square_one(folder: Path):
    """The first matrix reads what RMSNorm, whose weights are 1, has scaled: its mean square is 1."""
    found = importance.measure(folder, [tiny_decoder.WORDS * 2] * 20)
    np.testing.assert_allclose(1.0, found["blk.0.attn_q.weight"].mean(), rtol=0.02)
    np.testing.assert_array_equal(found["blk.0.attn_q.weight"], found["blk.0.attn_k.weight"])


def test_too_little_text_is_refused_with_the_number_it_would_want(folder: Path):
    """The error names both numbers."""
    with pytest.raises(DataError, match=r"at least 512 tokens of text; there are \d"):
        importance.measure(folder, ["a few words"])
