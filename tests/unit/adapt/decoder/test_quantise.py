"""Quantised files have the bits they claim, and name what fell back."""

from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder.gguf_files import export
from suffice.adapt.decoder.gguf_files.quantise import Fallback, quantise
from suffice.errors import ArtefactError
from tests.unit import tiny_decoder

pytestmark = [pytest.mark.train, pytest.mark.slow]


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """A decoder of width 256 in f32."""
    folder = tiny_decoder.write(tmp_path_factory.mktemp("wide"))
    export.write_gguf(folder, folder / "model.gguf", outtype="f32")
    return folder / "model.gguf"


@pytest.fixture(scope="module")
def narrow(tmp_path_factory) -> Path:
    """A decoder of width 64, on which K-quants fall back."""
    folder = tiny_decoder.write(tmp_path_factory.mktemp("narrow"), width=64)
    export.write_gguf(folder, folder / "model.gguf", outtype="f32")
    return folder / "model.gguf"


def _weights(path: Path) -> dict[str, np.ndarray]:
    gguf = pytest.importorskip("gguf")
    return {
        tensor.name: gguf.quants.dequantize(tensor.data, tensor.tensor_type)
        for tensor in gguf.GGUFReader(path).tensors
    }


@pytest.mark.parametrize(
    ("kind", "bits", "error"),  # relative error, root mean square
    [
        ("Q8_0", 8.5, 0.006),
        ("Q6_K", 6.6, 0.03),
        ("Q5_K_M", 5.7, 0.05),
        ("Q4_K_M", 4.9, 0.1),
        ("Q4_0", 4.6, 0.15),
    ],
)
def test_weights_are_near_the_old_ones_at_the_claimed_bits(wide: Path, tmp_path: Path, kind, bits, error):
    """Relative error of the weights and bits per weight are the type's; nothing falls back at width 256."""
    made = quantise(wide, tmp_path / "q.gguf", type=kind)
    old, new = _weights(wide), _weights(made.path)
    off = sum(float(((old[name] - new[name]) ** 2).sum()) for name in old)
    assert (off / sum(float((value**2).sum()) for value in old.values())) ** 0.5 < error
    assert bits == pytest.approx(made.bits_per_weight, abs=0.1)
    assert () == made.fallbacks
    assert made.path.stat().st_size == made.bytes


def test_metadata_is_that_of_the_source(wide: Path, tmp_path: Path):
    """All fields are copied, but for the file's type."""
    gguf = pytest.importorskip("gguf")
    made = quantise(wide, tmp_path / "q.gguf", type="Q4_K_M")
    old, new = gguf.GGUFReader(wide).fields, gguf.GGUFReader(made.path).fields
    changed = {name for name in {*old, *new} if old[name].contents() != new[name].contents()}
    assert {"general.file_type"} == changed


def test_a_bf16_file_is_as_good_a_source(wide: Path, tmp_path: Path):
    """Its weights are those of the f32 file, rounded to 8 bits of mantissa before the type's own rounding."""
    export.write_gguf(wide.parent, tmp_path / "bf16.gguf", outtype="bf16")
    made = quantise(tmp_path / "bf16.gguf", tmp_path / "q.gguf", type="Q8_0")
    old, new = _weights(wide), _weights(made.path)
    off = sum(float(((old[name] - new[name]) ** 2).sum()) for name in old)
    assert (off / sum(float((value**2).sum()) for value in old.values())) ** 0.5 < 0.01


def test_what_falls_back_is_named_with_its_true_size(narrow: Path, tmp_path: Path):
    """At width 64 no tensor can be a K-quant: Q4_K_M takes over 6 bits, and each tensor is named."""
    made = quantise(narrow, tmp_path / "q.gguf", type="Q4_K_M")
    assert 16 == len(made.fallbacks)
    assert Fallback(tensor="blk.0.attn_q.weight", row=64, wanted="Q4_K", used="Q5_0") in made.fallbacks
    assert 6.0 < made.bits_per_weight < 7.0


def test_an_importance_matrix_spends_the_error_where_it_matters_least(wide: Path, tmp_path: Path):
    """Columns with a hundred times the weight come out nearer than without the matrix."""
    name = "blk.0.ffn_gate.weight"
    importance = np.ones(256, np.float32)
    importance[:32] = 100.0
    plain = quantise(wide, tmp_path / "p.gguf", type="Q4_K_M")
    led = quantise(wide, tmp_path / "l.gguf", type="Q4_K_M", importance={name: importance})
    old = _weights(wide)[name][:, :32]
    off = [float(((_weights(made.path)[name][:, :32] - old) ** 2).mean()) for made in (plain, led)]
    assert off[1] < 0.95 * off[0]


def test_the_same_source_gives_the_same_bytes(wide: Path, tmp_path: Path):
    """Quantising is deterministic."""
    made = [quantise(wide, tmp_path / name, type="Q4_K_M").path.read_bytes() for name in ("a", "b")]
    assert made[0] == made[1]


def test_what_cannot_be_quantised_is_refused(wide: Path, tmp_path: Path):
    """An unknown type, a quantised or truncated source, a foreign matrix: each is named, nothing is left."""
    out = tmp_path / "out" / "q.gguf"
    out.parent.mkdir()
    quantised = quantise(wide, tmp_path / "q8.gguf", type="Q8_0").path
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(wide.read_bytes()[:-5000])
    with pytest.raises(ArtefactError, match="'Q3_K' cannot be made"):
        quantise(wide, out, type="Q3_K")
    with pytest.raises(ArtefactError, match="quantised already"):
        quantise(quantised, out, type="Q4_0")
    with pytest.raises(ArtefactError, match=r"byte [\d,]+: the tensor"):
        quantise(cut, out, type="Q4_0")
    with pytest.raises(ArtefactError, match="importance matrix has 3 columns"):
        quantise(wide, out, type="Q4_0", importance={"blk.0.attn_q.weight": np.ones(3, np.float32)})
    assert [] == list(out.parent.iterdir())
