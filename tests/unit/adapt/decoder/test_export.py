"""A Hugging Face folder becomes a GGUF file, or an error that says why not."""

import json
import shutil
from pathlib import Path

import pytest

from suffice.adapt.decoder.gguf_files import export, pre_tokenizer
from suffice.errors import ArtefactError, OutputError
from tests.unit import tiny_decoder

pytestmark = pytest.mark.train

_LLAMA_3 = next(iter(pre_tokenizer.SPLITS))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny Llama."""
    return tiny_decoder.write(tmp_path_factory.mktemp("decoder"))


def _fields(path: Path) -> dict[str, object]:
    gguf = pytest.importorskip("gguf")
    return {name: field.contents() for name, field in gguf.GGUFReader(path).fields.items()}


@pytest.mark.slow
def test_weights_and_tokenizer_are_in_the_file(folder: Path, tmp_path: Path):
    """Architecture, sizes and the vocabulary are those of the folder; the split is named."""
    export.write_gguf(folder, tmp_path / "a.gguf", outtype="f32")
    fields = _fields(tmp_path / "a.gguf")
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    assert ("llama", 2, "smollm", 0) == (
        fields["general.architecture"],
        fields["llama.block_count"],
        fields["tokenizer.ggml.pre"],
        fields["tokenizer.ggml.eos_token_id"],
    )
    assert sorted(vocabulary, key=vocabulary.__getitem__) == fields["tokenizer.ggml.tokens"]


@pytest.mark.slow
def test_the_same_folder_gives_the_same_bytes_wherever_it_lies(folder: Path, tmp_path: Path, capfd):
    """No path, name or date of the making is in the file, and the converter says nothing."""
    shutil.copytree(folder, tmp_path / "Another-7B-name-v2")
    export.write_gguf(folder, tmp_path / "a.gguf")
    export.write_gguf(tmp_path / "Another-7B-name-v2", tmp_path / "b.gguf")
    assert (tmp_path / "a.gguf").read_bytes() == (tmp_path / "b.gguf").read_bytes()
    assert ("", "") == tuple(capfd.readouterr())


def test_pickled_weights_are_refused_by_name(folder: Path, tmp_path: Path):
    """The error names the pickle, and nothing is written."""
    shutil.copytree(folder, tmp_path / "pickled")
    (tmp_path / "pickled" / "model.safetensors").rename(tmp_path / "pickled" / "pytorch_model.bin")
    with pytest.raises(ArtefactError, match=r"pytorch_model\.bin is a pickle"):
        export.write_gguf(tmp_path / "pickled", tmp_path / "out" / "a.gguf")
    assert not (tmp_path / "out").exists()


def test_an_unknown_architecture_leaves_nothing_half_written(folder: Path, tmp_path: Path):
    """The converter's refusal is an error of ours; no file, whole or half, is left."""
    shutil.copytree(folder, tmp_path / "odd")
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "odd" / "config.json").write_text(json.dumps(config | {"architectures": ["NoSuchModel"]}))
    (tmp_path / "out").mkdir()
    with pytest.raises(ArtefactError, match="NoSuchModel"):
        export.write_gguf(tmp_path / "odd", tmp_path / "out" / "a.gguf")
    assert [] == list((tmp_path / "out").iterdir())


def test_a_configuration_without_its_numbers_is_refused(folder: Path, tmp_path: Path):
    """A converter that does not find what it needs is an error about the folder, not a traceback."""
    shutil.copytree(folder, tmp_path / "bare")
    (tmp_path / "bare" / "config.json").write_text(json.dumps({"architectures": ["GPTNeoXForCausalLM"]}))
    with pytest.raises(ArtefactError, match="bare cannot be exported to GGUF"):
        export.write_gguf(tmp_path / "bare", tmp_path / "a.gguf")


def test_a_place_that_cannot_be_written_to_is_named(folder: Path, tmp_path: Path):
    """A file where a folder should be is an error about the place."""
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        export.write_gguf(folder, tmp_path / "file" / "a.gguf")


def test_an_unknown_type_is_refused(folder: Path, tmp_path: Path):
    """The error names the type and the known ones."""
    with pytest.raises(ArtefactError, match="'f8' cannot be exported; known are f32, f16, bf16"):
        export.write_gguf(folder, tmp_path / "a.gguf", outtype="f8")


@pytest.mark.parametrize(
    ("steps", "ignore_merges", "expected"),
    [
        ([{"type": "ByteLevel", "add_prefix_space": False}], False, "gpt-2"),
        (
            [
                {"type": "Digits", "individual_digits": True},
                {"type": "ByteLevel", "add_prefix_space": False},
            ],
            False,
            "smollm",
        ),
        *(
            (
                [
                    {"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated"},
                    {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
                ],
                False,
                name,
            )
            for regex, name in pre_tokenizer.SPLITS.items()
        ),
        (
            [
                {
                    "type": "Split",
                    "pattern": {"Regex": next(iter(pre_tokenizer.SPLITS))},
                    "behavior": "Isolated",
                },
                {"type": "ByteLevel", "add_prefix_space": False, "use_regex": False},
            ],
            True,
            "llama-bpe",
        ),
    ],
)
def test_a_split_is_named_by_its_regular_expression(tmp_path: Path, steps, ignore_merges, expected):
    """What splits alike has llama.cpp's name for it."""
    tokenizer = {
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": steps},
        "model": {"ignore_merges": ignore_merges},
    }
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    assert expected == pre_tokenizer.name_of(tmp_path)


@pytest.mark.parametrize(
    "tokenizer",
    [
        {"pre_tokenizer": {"type": "Whitespace"}, "model": {}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": True}, "model": {}},
        {"pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False}, "model": {"ignore_merges": True}},
        {
            "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": False},
            "model": {},
            "normalizer": {"type": "Lowercase"},
        },
        {"model": {}},
    ],
)
def test_a_split_without_a_name_is_refused(tmp_path: Path, tokenizer):
    """A tokenizer that llama.cpp would split otherwise is never exported under a near name."""
    (tmp_path / "tokenizer.json").write_text(json.dumps(tokenizer))
    with pytest.raises(ArtefactError, match=r"tokenizer\.json"):
        pre_tokenizer.name_of(tmp_path)
