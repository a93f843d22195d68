"""The published weights tell the published text through both engines; losses are compared by story."""

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from bench import stories260k
from bench.stories260k import Loss
from suffice.adapt.decoder.gguf_files import export, llama2c
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.transformers.engine import TransformersEngine

_DATA = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))


def test_a_difference_is_paired_by_story():
    """Stories that all lose 0.1 lose 0.1 for certain, however far apart they are."""
    weights = np.array([100, 200, 300])
    plain = Loss(stories=np.array([1.0, 2.0, 5.0]), weights=weights)
    worse = Loss(stories=np.array([1.1, 2.1, 5.1]), weights=weights)
    assert "+0.1000 [+0.1000, +0.1000]" == stories260k.difference(worse, plain)
    assert (100 + 400 + 1500) / 600 == pytest.approx(plain.mean)


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.real_data
def test_both_engines_tell_the_published_text_word_for_word(tmp_path: Path):
    """Converted weights, temperature 0: transformers and llama.cpp print what the publisher printed."""
    if not (_DATA / "stories260k").is_dir():
        pytest.skip("needs SUFFICE_DATA/stories260k")
    source = _DATA / "stories260k"
    llama2c.to_folder(source / "stories260K.bin", source / "tok512.bin", tmp_path)
    export.write_gguf(tmp_path, tmp_path / "f32.gguf", outtype="f32")
    wanted = stories260k.published(_DATA)
    reference, served = TransformersEngine(tmp_path), LlamaEngine(tmp_path / "f32.gguf")
    assert [wanted] == stories260k.told(reference)
    assert [wanted] == stories260k.told(served)
    texts = stories260k.stories(_DATA)[:2]
    assert stories260k.loss(reference, texts).mean == pytest.approx(
        stories260k.loss(served, texts).mean, abs=1e-4
    )
