"""The reference engine keeps sequences apart, whatever was read before and in whatever pieces."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder.gguf_files import export
from suffice.errors import ArtefactError, ModelError, SpecError
from suffice.models.decode.generate import Job, complete
from suffice.models.decode.sampling import Sampling
from suffice.models.engine import Grammar, Piece
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.prompt import Part
from suffice.models.transformers.engine import TransformersEngine, quiet
from tests.unit import tiny_decoder

pytestmark = [pytest.mark.train, pytest.mark.slow]

_TOKENS = [5, 80, 9, 200, 33, 7, 120, 64]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """A tiny Llama."""
    return tiny_decoder.write(tmp_path_factory.mktemp("decoder"), width=64)


@pytest.fixture(scope="module")
def engine(folder: Path) -> TransformersEngine:
    """The tiny Llama, loaded."""
    return TransformersEngine(folder)


@pytest.fixture(scope="module")
def adapter(folder: Path, tmp_path_factory) -> Path:
    """A LoRA adapter of the tiny Llama whose matrices are not zero."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    peft = pytest.importorskip("peft")
    torch.manual_seed(1)
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    place = tmp_path_factory.mktemp("adapter")
    with quiet(transformers):
        model = transformers.AutoModelForCausalLM.from_pretrained(folder)
        peft.get_peft_model(model, config).save_pretrained(place)
    return place


def _all(engine: TransformersEngine, tokens: list[int]) -> np.ndarray:
    sequence = engine.open()
    (logits,) = engine.extend([Piece(sequence=sequence, tokens=tokens, wanted=len(tokens))])
    engine.drop(sequence)
    return logits


def test_pieces_give_the_logits_of_the_whole(engine: TransformersEngine):
    """Reading three tokens, then five, gives what reading eight gives."""
    sequence = engine.open()
    parts = [
        engine.extend([Piece(sequence=sequence, tokens=part, wanted=len(part))])[0]
        for part in (_TOKENS[:3], _TOKENS[3:])
    ]
    engine.drop(sequence)
    np.testing.assert_allclose(_all(engine, _TOKENS), np.concatenate(parts), atol=1e-5)


def test_a_copy_goes_its_own_way_and_a_cut_is_forgotten(engine: TransformersEngine):
    """What is appended to a copy is not in the parent; what was cut off is read anew."""
    parent = engine.open()
    engine.extend([Piece(sequence=parent, tokens=_TOKENS[:4])])
    child = engine.open(parent)
    engine.extend([Piece(sequence=child, tokens=[9, 9, 9])])
    assert (4, 7) == (engine.length(parent), engine.length(child))
    engine.cut(child, 4)
    both = engine.extend([Piece(sequence=one, tokens=_TOKENS[4:], wanted=4) for one in (parent, child)])
    for logits in both:
        np.testing.assert_allclose(_all(engine, _TOKENS)[4:], logits, atol=1e-5)
    engine.drop(parent)
    engine.drop(child)


def test_a_failure_leaves_all_sequences_as_before(engine: TransformersEngine):
    """A token that the model does not have is an error; the other sequence of the call is not longer."""
    first, second = engine.open(), engine.open()
    engine.extend([Piece(sequence=first, tokens=_TOKENS[:4])])
    with pytest.raises(ModelError, match="could not read"):
        engine.extend(
            [Piece(sequence=first, tokens=[1, 2]), Piece(sequence=second, tokens=[engine.vocabulary + 5])]
        )
    assert (4, 0) == (engine.length(first), engine.length(second))
    (logits,) = engine.extend([Piece(sequence=first, tokens=_TOKENS[4:], wanted=4)])
    np.testing.assert_allclose(_all(engine, _TOKENS)[4:], logits, atol=1e-5)
    engine.drop(first)
    engine.drop(second)


def test_keys_and_values_take_the_bytes_of_the_shape(engine: TransformersEngine):
    """2 x layers x key heads x head width x 4 bytes a token: 2 x 2 x 2 x 16 x 4."""
    sequence = engine.open()
    engine.extend([Piece(sequence=sequence, tokens=_TOKENS)])
    assert len(_TOKENS) * 2 * 2 * 2 * 16 * 4 == engine.cache_bytes(sequence)
    engine.drop(sequence)


def test_control_tokens_count_in_markup_alone(engine: TransformersEngine):
    """A user's end token is mere text, and its bytes are those of the text."""
    end = [Part(text="<|end|>", is_markup=True)]
    text = [Part(text="<|end|> 12 cats, déjà vu", is_markup=False)]
    assert list(engine.end_tokens) == engine.tokenize(end, is_start=False)
    tokens = engine.tokenize(text, is_start=False)
    assert not set(tokens) & engine.end_tokens
    assert "<|end|> 12 cats, déjà vu" == b"".join(map(engine.piece, tokens)).decode()


def test_vectors_have_length_one(engine: TransformersEngine):
    """One unit vector a text, of the model's width."""
    vectors = engine.embed([_TOKENS, _TOKENS[:2]])
    assert (2, 64) == vectors.shape
    np.testing.assert_allclose([1.0, 1.0], np.linalg.norm(vectors, axis=1), rtol=1e-5)


def test_grammars_are_refused_by_name(engine: TransformersEngine):
    """The error says which engine can."""
    with pytest.raises(SpecError, match="json grammar"):
        engine.constrain(Grammar(kind="json", text="{}"))


def test_an_adapter_changes_the_answers_of_its_base(engine: TransformersEngine, folder: Path, adapter: Path):
    """The matrices are merged: logits differ from the base's."""
    tuned = TransformersEngine(folder, adapter=adapter)
    assert np.abs(_all(tuned, _TOKENS) - _all(engine, _TOKENS)).max() > 1e-3


def test_an_adapter_of_another_base_is_refused(adapter: Path, tmp_path: Path):
    """Another width, or other modules: the error names the module and both sizes."""
    wider = tiny_decoder.write(tmp_path / "wider", width=128)
    with pytest.raises(ArtefactError, match=r"another base: .*q_proj' has 64 x 64 .* 128 x 128"):
        TransformersEngine(wider, adapter=adapter)
    shallow = tiny_decoder.write(tmp_path / "shallow", width=64, layers=1)
    with pytest.raises(ArtefactError, match=r"layers\.1\..* which the base does not have"):
        TransformersEngine(shallow, adapter=adapter)


def test_a_pickled_or_foreign_adapter_is_refused(adapter: Path, folder: Path, tmp_path: Path):
    """A pickle is named; another type of adapter is named; no adapter at all is said."""
    shutil.copytree(adapter, tmp_path / "pickled")
    (tmp_path / "pickled" / "adapter_model.safetensors").rename(tmp_path / "pickled" / "adapter_model.bin")
    with pytest.raises(ArtefactError, match=r"adapter_model\.bin is a pickle file"):
        TransformersEngine(folder, adapter=tmp_path / "pickled")
    (tmp_path / "pickled" / "adapter_config.json").write_text(json.dumps({"peft_type": "IA3", "r": 1}))
    with pytest.raises(ArtefactError, match="'IA3'"):
        TransformersEngine(folder, adapter=tmp_path / "pickled")
    with pytest.raises(ArtefactError, match=r"holds no adapter_config\.json"):
        TransformersEngine(folder, adapter=tmp_path)


def test_weights_that_do_not_fit_the_configuration_are_refused(folder: Path, tmp_path: Path):
    """A layer more in config.json than in the weights would be served with random numbers."""
    shutil.copytree(folder, tmp_path / "deeper")
    config = json.loads((folder / "config.json").read_text())
    (tmp_path / "deeper" / "config.json").write_text(json.dumps(config | {"num_hidden_layers": 3}))
    with pytest.raises(ArtefactError, match="lacks weights that fit its configuration"):
        TransformersEngine(tmp_path / "deeper")


def test_a_tokenizer_without_a_chat_template_is_refused_for_chat(engine: TransformersEngine):
    """The error says what the model was not taught, and what to do."""
    with pytest.raises(ArtefactError, match="has no chat template") as refused:
        _ = engine.chat_template
    assert "style plain" in str(refused.value.hint)


def test_answers_are_written_by_the_same_code_as_with_other_engines(engine: TransformersEngine):
    """Greedy answers are the likeliest tokens; drawn ones are the same for a seed, and others for another."""

    def written(**how: float) -> tuple[int, ...]:
        job = Job(tokens=_TOKENS, max_tokens=12, sampling=Sampling(**how))
        return complete(engine, [job])[0].tokens

    greedy = written()
    assert int(_all(engine, _TOKENS)[-1].argmax()) == greedy[0]
    assert written(temperature=1.0, seed=1) == written(temperature=1.0, seed=1)
    assert written(temperature=1.0, seed=1) != written(temperature=1.0, seed=2)


def test_text_and_logits_agree_with_llama_cpp(folder: Path, engine: TransformersEngine, tmp_path: Path):
    """The exported file's tokens and bytes are the folder's, and its logits, to the rounding of f16 keys."""
    export.write_gguf(folder, tmp_path / "f32.gguf", outtype="f32")
    served = LlamaEngine(tmp_path / "f32.gguf")
    parts = [Part(text="12 cats, déjà <|end|>\n 🦙", is_markup=False), Part(text="<|end|>", is_markup=True)]
    tokens = engine.tokenize(parts, is_start=True)
    assert tokens == served.tokenize(parts, is_start=True)
    assert [engine.piece(token) for token in tokens] == [served.piece(token) for token in tokens]
    assert (engine.end_tokens, engine.vocabulary) == (served.end_tokens, served.vocabulary)
    sequence = served.open()
    (logits,) = served.extend([Piece(sequence=sequence, tokens=tokens, wanted=len(tokens))])
    np.testing.assert_allclose(_all(engine, tokens), logits, atol=2e-3)
