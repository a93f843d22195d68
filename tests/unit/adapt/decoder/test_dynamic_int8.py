"""The method int8: a whole decoder in, the same in 8-bit integers out; checked before it is believed."""

import asyncio
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from safetensors.torch import load_file, save_file

from suffice.adapt import registry as methods
from suffice.adapt.decoder.dynamic_int8 import Int8Method
from suffice.adapt.decoder.gguf_files import export
from suffice.adapt.decoder.gguf_files.quantise import quantise
from suffice.adapt.decoder.scratch.tiny import TinyMethod
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, SpecError
from suffice.models import artefact, registry
from suffice.models.gguf.model import GgufClassifier
from suffice.models.gguf.settings import Calibration, DecoderSettings
from suffice.models.transformers import int8, safetensors_header
from suffice.models.transformers.engine import TransformersEngine, loaded
from suffice.models.transformers.folder import check
from suffice.ports import Request, TrainingRows
from suffice.task import Kind
from tests.unit import tiny_decoder
from tests.unit.adapt import toy_desk
from tests.unit.adapt.decoder import toy_frames

pytestmark = [pytest.mark.train, pytest.mark.slow]

_ROWS = TrainingRows(labels=("yes", "no"), train=[], dev=[])
_CANDIDATE = Candidate(name="small", kind="transformers", method="int8", teacher="large")


def _apply(teacher: Path | None, out: Path, rows: TrainingRows = _ROWS) -> artefact.Artefact:
    out.mkdir()
    Int8Method().apply(_CANDIDATE, rows, out=out, teacher=teacher, seed=0, progress=toy_desk.hear_nothing)
    return artefact.unseal(out)


@pytest.fixture(scope="module")
def teacher(tmp_path_factory) -> Path:
    """A tiny decoder of random weights that classifies, in f32, sealed with a calibration."""
    folder = tiny_decoder.write(tmp_path_factory.mktemp("decoder"))
    out = tmp_path_factory.mktemp("teacher")
    export.write_gguf(folder, out / "model.gguf", outtype="f32")
    settings = DecoderSettings(
        name="large", kind=Kind.CLASSIFY, labels=("yes", "no"), calibration=Calibration(temperature=2.0)
    )
    artefact.seal(out, kind="gguf", settings=settings.to_json())
    return out


@pytest.fixture(scope="module")
def made(teacher: Path, tmp_path_factory) -> Path:
    """That decoder in integers."""
    return _apply(teacher, tmp_path_factory.mktemp("made") / "out").folder


def test_the_new_candidate_is_the_old_one_in_fewer_bytes(teacher: Path, made: Path):
    """Task, prompt and limits stay; files are safetensors and JSON; the bits are the true ones."""
    old, new = artefact.unseal(teacher), artefact.unseal(made)
    assert ("transformers", "small", []) == (
        new.kind,
        new.settings["name"],
        new.settings["weights"]["kept"],
    )
    assert {key: old.settings[key] for key in ("task", "prompt", "limits")} == {
        key: new.settings[key] for key in ("task", "prompt", "limits")
    }
    assert {".json", ".safetensors"} == {path.suffix for path in made.iterdir()}
    weights = made / "model.safetensors"
    assert weights.stat().st_size < 0.3 * old.file("model.gguf").stat().st_size
    assert 8.0 < new.settings["weights"]["bits_per_weight"] < 8.5
    by_type = {header.dtype for header in safetensors_header.read(weights).values()}
    assert {"I8", "F32"} == by_type
    assert DecoderSettings.from_json(new.settings).calibration == Calibration()


def test_probabilities_are_nearly_those_of_the_whole_weights(teacher: Path, made: Path):
    """Both are opened like any candidate; the integers move a probability by some hundredths at most."""
    texts = ["the cat sat", "read 12 letters", "didn't it?"]
    shares = []
    for folder in (teacher, made):
        model = registry.load(folder)
        assert isinstance(model, GgufClassifier)
        read = model.read(texts).scores.log_probabilities
        shares.append(np.exp(read) / np.exp(read).sum(axis=1, keepdims=True))
        asyncio.run(model.close())
    assert 0.0 < np.abs(shares[0] - shares[1]).max() < 0.05


def test_the_same_teacher_gives_the_same_bytes(teacher: Path, made: Path, tmp_path: Path):
    """Nothing is left to chance: what is certified can be made again."""
    again = _apply(teacher, tmp_path / "out").folder
    for name in ("model.safetensors", "config.json", "tokenizer.json"):
        assert (made / name).read_bytes() == (again / name).read_bytes()


def test_tensors_of_another_shape_or_kind_are_refused(made: Path, tmp_path: Path):
    """The configuration says a width that the file does not have: the first tensor is named with both."""
    shutil.copytree(made, tmp_path / "other")
    config = json.loads((made / "config.json").read_text())
    (tmp_path / "other" / "config.json").write_text(json.dumps(config | {"intermediate_size": 128}))
    with pytest.raises(
        ArtefactError, match=r"mlp\.down_proj\.levels is I8 256 x 512 there and should be I8 256 x 128"
    ):
        TransformersEngine(tmp_path / "other")


def test_a_cut_file_is_refused(made: Path, tmp_path: Path):
    """The header promises more bytes than there are."""
    shutil.copytree(made, tmp_path / "cut")
    data = (made / "model.safetensors").read_bytes()
    (tmp_path / "cut" / "model.safetensors").write_bytes(data[: len(data) // 2])
    with pytest.raises(ArtefactError, match="no intact safetensors file"):
        TransformersEngine(tmp_path / "cut")


def test_a_scale_that_is_no_number_is_refused(made: Path, tmp_path: Path):
    """The tensor is named, before any answer is made of it."""
    shutil.copytree(made, tmp_path / "other")
    tensors = load_file(made / "model.safetensors")
    tensors["lm_head.scales"][3] = float("nan")
    save_file(tensors, tmp_path / "other" / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ArtefactError, match=r"lm_head\.scales holds a value that is no finite number"):
        TransformersEngine(tmp_path / "other")


def test_an_adapter_is_not_merged_into_integers(made: Path, tmp_path: Path):
    """The error says to merge it into the float weights first."""
    (tmp_path / "adapter_config.json").write_text("{}")
    with pytest.raises(ArtefactError, match="8-bit integers"):
        TransformersEngine(made, adapter=tmp_path)


def test_the_integers_are_not_taken_for_plain_weights(made: Path):
    """The tensors have names of their own: read as floats the folder lacks every weight."""
    torch = pytest.importorskip("torch")
    with pytest.raises(ArtefactError, match="lacks weights that fit its configuration"):
        loaded(made, None, torch)


def test_a_quantised_teacher_is_refused(teacher: Path, tmp_path: Path):
    """Rounding what is rounded already is not offered."""
    shutil.copytree(teacher, tmp_path / "q8")
    quantise(teacher / "model.gguf", tmp_path / "q8" / "model.gguf", type="Q8_0")
    artefact.seal(tmp_path / "q8", kind="gguf", settings=artefact.unseal(teacher).settings)
    with pytest.raises(ArtefactError, match="quantised already"):
        _apply(tmp_path / "q8", tmp_path / "out")


def test_a_teacher_whose_tokens_would_be_others_is_refused(tmp_path: Path):
    """Without the cut between digits the engines read numbers differently: found before it is served."""
    folder = tiny_decoder.write(tmp_path / "decoder", digits=False)
    (tmp_path / "teacher").mkdir()
    export.write_gguf(folder, tmp_path / "teacher" / "model.gguf", outtype="f32")
    text = (tmp_path / "teacher" / "model.gguf").read_bytes()
    assert text.count(b"gpt-2") == 1
    (tmp_path / "teacher" / "model.gguf").write_bytes(text.replace(b"gpt-2", b"smoll", 1))
    settings = DecoderSettings(name="large", kind=Kind.GENERATE)
    artefact.seal(tmp_path / "teacher", kind="gguf", settings=settings.to_json())
    with pytest.raises(ArtefactError):
        _apply(tmp_path / "teacher", tmp_path / "out")


def test_a_tiny_decoder_that_extracts_answers_in_integers(tmp_path: Path):
    """Made from scratch on the task it needs no grammar: its answers are the float file's, nearly all."""
    pytest.importorskip("conversion")
    rows = toy_frames.rows()
    tiny = Candidate(
        name="large",
        kind="gguf",
        method="tiny",
        settings=(("depth", 2), ("epochs", 12), ("threads", 1), ("type", "f32")),
    )
    (tmp_path / "large").mkdir()
    TinyMethod().apply(
        tiny, rows, out=tmp_path / "large", teacher=None, seed=1, progress=toy_desk.hear_nothing
    )
    _apply(tmp_path / "large", tmp_path / "small", rows)
    told = []
    for folder in (tmp_path / "large", tmp_path / "small"):
        model = registry.load(folder)
        answers = asyncio.run(model.answer([Request(text=one.text, key=one.key) for one in rows.dev[:20]]))
        told.append([answer.text for answer in answers])
        asyncio.run(model.close())
    assert sum(a == b for a, b in zip(*told, strict=True)) >= 18


def test_an_extractor_that_needs_a_grammar_is_refused(teacher: Path, tmp_path: Path):
    """This engine holds no answer to a schema; the error says which one does."""
    settings = DecoderSettings(name="large", kind=Kind.EXTRACT, schema=toy_frames.SCHEMA)
    shutil.copytree(teacher, tmp_path / "extracts")
    (tmp_path / "extracts" / "model.json").unlink()
    artefact.seal(tmp_path / "extracts", kind="gguf", settings=settings.to_json())
    with pytest.raises(SpecError, match="by a grammar") as refused:
        _apply(tmp_path / "extracts", tmp_path / "out")
    assert "method quantise" in str(refused.value.hint)


def test_layers_of_other_classes_stay_in_floats_and_are_named(tmp_path: Path):
    """GPT-2 multiplies by a layer of its own: few weights become integers, and the true bits say so."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_embd=32, n_layer=1, n_head=2, vocab_size=48, n_positions=32)
    model = transformers.GPT2LMHeadModel(config).eval()
    about = int8.save(model, tmp_path)
    assert "transformer.h.0.mlp.c_fc.weight" in about["kept"]
    assert 20.0 < about["bits_per_weight"] < 32.0
    assert "GPT2LMHeadModel" == type(int8.loaded(check(tmp_path), None)).__name__


def test_no_teacher_is_named(tmp_path: Path):
    """It makes a candidate of another one."""
    with pytest.raises(SpecError, match="needs a 'teacher'"):
        _apply(None, tmp_path / "out")


def test_the_method_is_in_the_registry():
    """It makes models of the kind transformers, of another candidate."""
    entry = methods.entry("int8")
    assert ("transformers", "train", True) == (entry.kind, entry.extra, entry.needs_teacher)
    assert isinstance(methods.method("int8"), Int8Method)
