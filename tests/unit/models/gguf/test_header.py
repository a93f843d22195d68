"""A GGUF header is believed only where everything it says can be true."""

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from suffice.errors import ArtefactError
from suffice.models.gguf import header
from tests.unit.models.gguf import tiny_gguf


@pytest.fixture(name="model", scope="module")
def _model(tmp_path_factory) -> Path:
    return tiny_gguf.write_byte_bpe(tmp_path_factory.mktemp("gguf") / "model.gguf")


def text(value: str) -> bytes:
    """Returns a text as the file holds it."""
    return struct.pack("<Q", len(value.encode())) + value.encode()


def forged(
    path: Path,
    *,
    pairs: bytes = text("general.architecture") + struct.pack("<I", 8) + text("llama"),
    pair_count: int = 1,
    infos: bytes = b"",
    tensor_count: int = 0,
    data: int = 0,
    version: int = 3,
) -> Path:
    """Returns the path of a file put together as stated, with `data` bytes after the padded header."""
    head = b"GGUF" + struct.pack("<IQQ", version, tensor_count, pair_count) + pairs + infos
    path.write_bytes(head + bytes(-len(head) % 32) + bytes(data))
    return path


def info(name: str, shape: tuple[int, ...], kind: int = 0, offset: int = 0) -> bytes:
    """Returns a tensor's entry."""
    sizes = struct.pack(f"<{len(shape)}Q", *shape)
    return text(name) + struct.pack("<I", len(shape)) + sizes + struct.pack("<IQ", kind, offset)


def test_a_real_file_is_read(model: Path):
    """Values, tensors and their places are those that were written."""
    read = header.read(model)
    assert "llama" == read.architecture
    assert tiny_gguf.LAYERS == read.of_architecture("block_count")
    assert "gpt2" == read.values["tokenizer.ggml.model"]
    assert header.Length(items=4 + 256 + len(tiny_gguf.MERGES)) == read.values["tokenizer.ggml.tokens"]
    embedding = next(tensor for tensor in read.tensors if tensor.name == "token_embd.weight")
    assert (tiny_gguf.EMBEDDING, 280) == embedding.shape
    assert 32.0 == read.bits_per_weight
    assert read.file_bytes == model.stat().st_size


def test_every_cut_of_a_real_file_is_refused(model: Path, tmp_path: Path):
    """A download that broke off anywhere is told by its header alone."""
    whole = model.read_bytes()
    for size in [*range(0, 400, 7), len(whole) // 3, len(whole) // 2, len(whole) - 1]:
        cut = tmp_path / "cut.gguf"
        cut.write_bytes(whole[:size])
        with pytest.raises(ArtefactError, match=r"cut\.gguf"):
            header.read(cut)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"version": 1}, "version 1"),
        ({"tensor_count": 1 << 60}, "number of tensors"),
        ({"pair_count": 1 << 40}, "number of key-value pairs"),
        ({"pairs": text("a") + struct.pack("<I", 99)}, "unknown type 99"),
        ({"pairs": text("a") + struct.pack("<IB", 7, 3)}, "truth value"),
        ({"pairs": struct.pack("<Q", 1 << 62)}, "length of a key"),
        ({"pairs": text("a") + struct.pack("<IIQ", 9, 0, 3_000_000)}, "are left in the file"),
        ({"pairs": text("a") + struct.pack("<IIQ", 9, 9, 1)}, "items of the unknown type 9"),
        ({"pairs": text("a") + struct.pack("<IB", 0, 1)}, r"general\.architecture is missing"),
        ({"pairs": 2 * (text("a") + struct.pack("<IB", 0, 1)), "pair_count": 2}, "comes twice"),
        ({"infos": info("w", (8,), kind=77), "tensor_count": 1, "data": 64}, "unknown type 77"),
        ({"infos": info("w", ()), "tensor_count": 1}, "0 dimensions"),
        ({"infos": info("w", (8, 0)), "tensor_count": 1}, "empty dimension"),
        ({"infos": info("w", (33,), kind=8), "tensor_count": 1, "data": 64}, "no blocks of 32"),
        ({"infos": info("w", (1 << 32, 1 << 32)), "tensor_count": 1, "data": 64}, "would take"),
        ({"infos": info("w", (8,), offset=32), "tensor_count": 1, "data": 32}, "ends at byte"),
        ({"infos": info("w", (8,), offset=8), "tensor_count": 1, "data": 64}, "grid"),
        ({"infos": info("w", (8,)) + info("w", (8,)), "tensor_count": 2, "data": 64}, "comes twice"),
        ({"infos": info("w", (16,)) + info("v", (8,), offset=32), "tensor_count": 2, "data": 96}, "overlap"),
    ],
)
def test_forged_headers_are_refused_with_the_reason(parts: dict[str, object], why: str, tmp_path: Path):
    """Sizes beyond the file, overflowing products, overlaps: each is named, with its place."""
    with pytest.raises(ArtefactError, match=why):
        header.read(forged(tmp_path / "forged.gguf", **parts))


def test_a_sound_small_file_is_no_forgery(tmp_path: Path):
    """What the forgeries above were changed from is read."""
    infos = info("w", (16,)) + info("v", (32, 2), kind=8, offset=64)
    read = header.read(forged(tmp_path / "sound.gguf", infos=infos, tensor_count=2, data=132))
    assert [("w", 64), ("v", 68)] == [(tensor.name, tensor.size_bytes) for tensor in read.tensors]


def test_other_files_are_refused(tmp_path: Path):
    """A file of another kind, an empty one, none at all and a folder are named."""
    for name, data in (("pytorch_model.bin", b"\x80\x02}q\x00." * 9), ("empty.gguf", b"")):
        (tmp_path / name).write_bytes(data)
    for name in ("pytorch_model.bin", "empty.gguf", "absent.gguf", "."):
        with pytest.raises(ArtefactError, match=str(tmp_path)):
            header.read(tmp_path / name)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), min_size=1, max_size=8))
def test_any_damage_is_an_error_or_a_sound_header(
    changes: list[tuple[int, int]], model: Path, tmp_path: Path
):
    """Whatever bytes are changed, the reader raises its own error or returns tensors inside the file."""
    data = bytearray(model.read_bytes())
    for place, byte in changes:
        data[place] = byte
    path = tmp_path / "damaged.gguf"
    path.write_bytes(data)
    try:
        read = header.read(path)
    except ArtefactError:
        return
    assert all(0 < one.start and one.start + one.size_bytes <= len(data) for one in read.tensors)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=300))
def test_any_bytes_are_an_error(data: bytes, tmp_path: Path):
    """Chance bytes after a sound beginning are never a crash."""
    path = tmp_path / "chance.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 1, 1) + data)
    with pytest.raises(ArtefactError):
        header.read(path)
