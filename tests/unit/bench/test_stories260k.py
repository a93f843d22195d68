"""The published weights tell the published text through both engines; losses are compared by story."""

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from bench import fewer_bits_table, stories260k
from bench.decoder_process import Served
from bench.fewer_bits_table import Loss, Row
from suffice.adapt.decoder.gguf_files import export, llama2c
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.transformers.engine import TransformersEngine

_DATA = Path(os.environ.get("SUFFICE_DATA", "../shared/data"))


def test_a_difference_is_paired_by_story():
    """Stories that all lose 0.1 lose 0.1 for certain, however far apart they are."""
    weights = np.array([100, 200, 300])
    plain = Loss(stories=np.array([1.0, 2.0, 5.0]), weights=weights)
    worse = Loss(stories=np.array([1.1, 2.1, 5.1]), weights=weights)
    assert "+0.1000 [+0.1000, +0.1000]" == fewer_bits_table.difference(worse, plain)
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


@pytest.mark.train
@pytest.mark.slow
@pytest.mark.real_data
def test_integers_cost_little_loss_on_the_published_weights(tmp_path: Path):
    """Made and measured as the page does it: rows of floats and of integers, less than 2% of a nat apart."""
    if not (_DATA / "stories260k").is_dir():
        pytest.skip("needs SUFFICE_DATA/stories260k")
    source = _DATA / "stories260k"
    (tmp_path / "plain").mkdir()
    llama2c.to_folder(source / "stories260K.bin", source / "tok512.bin", tmp_path / "plain")
    about = stories260k.integers(tmp_path / "plain", tmp_path / "small")
    assert 8.0 < about["bits_per_weight"] < 9.0
    texts = stories260k.stories(_DATA)[:2]
    found = [stories260k.loss(TransformersEngine(tmp_path / name), texts).mean for name in ("plain", "small")]
    assert 0.0 < abs(found[1] - found[0]) < 0.02


def test_what_is_said_of_integers_compares_bytes_speed_and_memory():
    """Against floats by the same library, and against llama.cpp's 8 bits."""

    def row(name: str, weights: int, resident: int, speed: float) -> Row:
        served = Served(
            before_bytes=10**8,
            resident_bytes=resident,
            mapped_bytes=0,
            tokens_per_s=speed,
            read_per_s=30.0 if "int8" in name else 10.0,
        )
        return Row(
            name=name, bytes=weights, bits=8.0, fallbacks=(), loss=None, same_words=None, served=served
        )

    rows = [
        row("Q8_0", 1_000, 2 * 10**8, 100.0),
        row("transformers, f32", 4_000, 5 * 10**8, 40.0),
        row("transformers, int8", 1_000, 3 * 10**8, 20.0),
    ]
    said = fewer_bits_table.of_integers(rows, rows)[-1]
    assert "file 75.0% smaller than f32" in said
    assert "decoding, 0.50 times the tokens/s of f32 by transformers and 0.20 times those of Q8_0" in said
    assert "reading, 3.00 and 3.00 times" in said
    assert "takes 200 MB, f32 400 MB, Q8_0 100 MB" in said
