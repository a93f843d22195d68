"""A served decoder's opinion of each next token."""

from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder import teacher_logits
from suffice.adapt.decoder.teacher_logits import TeacherLogits
from suffice.models.transformers.engine import loaded
from tests.unit import tiny_decoder

torch = pytest.importorskip("torch")
pytest.importorskip("conversion")
pytest.importorskip("xllamacpp")
pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A tiny Llama of chance weights, and its GGUF file in 32 bits."""
    from suffice.adapt.decoder import export  # noqa: PLC0415 - after the skips

    folder = tiny_decoder.write(tmp_path_factory.mktemp("base"), width=64, layers=1)
    export.write_gguf(folder, folder / "f32.gguf", outtype="f32")
    return folder


def test_the_files_logits_are_those_of_the_weights(base: Path):
    """Row by row, for wanted tokens that lie apart, and none where a row has none."""
    ids = torch.from_numpy(np.random.default_rng(0).integers(1, 300, (3, 12)))
    wanted = torch.zeros((3, 12), dtype=torch.bool)
    wanted[0, [1, 4, 5]], wanted[2, 11] = True, True
    teacher = TeacherLogits(base / "f32.gguf", vocabulary=250, threads=1)
    said = teacher(ids, wanted)
    teacher.close()
    with torch.inference_mode():
        whole = loaded(base, None, torch)(ids).logits[:, :-1][wanted[:, 1:]][:, :250]
    assert (4, 250) == tuple(said.shape)
    assert float((said - whole).abs().max()) < 1e-3


def test_tokens_of_a_file_are_those_of_its_tokenizer(base: Path):
    """In order, with the merges; another tokenizer differs."""
    own = teacher_logits.own_tokens((base / "tokenizer.json").read_text())
    assert own == teacher_logits.tokens_of(base / "f32.gguf")
    assert own[0][0] == "<|end|>"
    assert own[1]
