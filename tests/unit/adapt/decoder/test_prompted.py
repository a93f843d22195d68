"""A decoder is served as it is: told what to do, with no, the same or the nearest examples."""

import asyncio
import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from suffice import fingerprint
from suffice.adapt import registry as methods
from suffice.adapt.decoder.prompting.prompted import PromptMethod
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError, SpecError
from suffice.models import artefact, registry
from suffice.models.embedder import Embedder
from suffice.models.gguf.settings import DecoderSettings
from suffice.ports import Answer, Request, TrainingRows
from suffice.task import Kind
from tests.contract import tiny
from tests.unit import tiny_decoder
from tests.unit.models.gguf import tiny_gguf

pytest.importorskip("xllamacpp", reason="the extra gguf serves GGUF files")

FEW = replace(tiny.TRAINING, dev=tiny.rows(9, seed=2))
GENERATION = replace(FEW, labels=(), kind=Kind.GENERATE, instruction="Say what it is about.")
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


@pytest.fixture(name="file", scope="module")
def _file(tmp_path_factory) -> Path:
    return tiny_gguf.write_byte_bpe(tmp_path_factory.mktemp("gguf") / "base.gguf", context=1024)


@pytest.fixture(name="embedder", scope="module")
def _embedder(tmp_path_factory) -> Embedder:
    return tiny.embedder(tmp_path_factory.mktemp("encoder") / "tiny")


@pytest.fixture(name="make")
def _make(file: Path, embedder: Embedder, tmp_path: Path):
    """Returns what the method seals for some rows and settings."""

    def make(rows: TrainingRows = FEW, **settings: object) -> artefact.Artefact:
        given = {} if "base" in settings else {"file": str(file)}
        candidate = Candidate(
            name="asked",
            kind="gguf",
            method="prompt",
            settings=tuple(sorted({"threads": 1, **given, **settings}.items())),
        )
        out = tmp_path / "made"
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()
        PromptMethod(embedder).apply(candidate, rows, out=out, teacher=None, seed=1, progress=lambda *_: None)
        return artefact.unseal(out)

    return make


def ask(folder: Path, texts: list[str]) -> list[Answer]:
    """Returns the answers of the model in a folder."""

    async def answers() -> list[Answer]:
        model = registry.load(folder)
        try:
            return await model.answer([Request(text=text) for text in texts])
        finally:
            await model.close()

    return asyncio.run(answers())


def test_zero_shot_is_the_task_in_words_and_the_files_own_bytes(make, file):
    """Without a word from the user the labels are listed; the served weights are those of the file."""
    made = make()
    settings = DecoderSettings.from_json(made.settings)
    assert fingerprint.of_file(file) == fingerprint.of_file(made.file("model.gguf"))
    assert all(f"- {label}" in settings.prompt.instruction for label in tiny.LABELS)
    assert ((), "plain", 0) == (settings.prompt.shots, settings.prompt.style, settings.nearest)
    assert False is made.settings["keeps_texts"]
    assert "base.gguf" == made.settings["weights"]["from"]
    assert {answer.text for answer in ask(made.folder, tiny.TEXTS)} <= set(tiny.LABELS)


def test_the_tasks_own_instruction_is_said(make):
    """It stands before the list of labels."""
    made = make(replace(FEW, instruction="What does the customer want?"))
    said = DecoderSettings.from_json(made.settings).prompt.instruction
    assert said.startswith("What does the customer want?\n- bill")


@pytest.mark.slow
def test_it_is_calibrated_on_dev_by_the_served_weights(make):
    """The temperature is fitted, and novelty known; with few dev rows both stay as they are."""
    fitted = DecoderSettings.from_json(make(tiny.TRAINING).settings).calibration
    assert 1.0 != fitted.temperature
    assert fitted.median is not None
    few = DecoderSettings.from_json(make().settings)
    assert (1.0, None) == (few.calibration.temperature, few.calibration.median)


def test_how_far_the_order_of_labels_matters_is_told(make):
    """Counts on dev, with the labels listed the other way round."""
    told = make().settings["order_bias"]
    assert (9, 1, "dev", "reversed") == (told["texts"], told["orders"], told["split"], told["order"])
    assert 0 <= told["flipped"] <= 9
    assert told["mean_shift"] > 0


@pytest.mark.slow
def test_fixed_shots_show_each_label_alike(make):
    """Six examples of three labels: two of each, from the shorter rows, the same in every making."""
    made = make(shots=6)
    shots = DecoderSettings.from_json(made.settings).prompt.shots
    assert dict.fromkeys(tiny.LABELS, 2) == Counter(answer for _, answer in shots)
    texts = {sample.text: len(sample.text) for sample in tiny.TRAINING.train}
    for label in tiny.LABELS:
        lengths = sorted(len(s.text) for s in tiny.TRAINING.train if s.target == label)
        assert all(texts[text] <= lengths[len(lengths) // 2] for text, answer in shots if answer == label)
    assert (True, 6) == (made.settings["keeps_texts"], made.settings["rows_kept"])
    again = make(shots=6).settings["prompt"]["shots"]
    assert [list(shot) for shot in shots] == again


@pytest.mark.slow
def test_nearest_shots_keep_rows_and_encoder(make):
    """The folder holds all it needs; answers name labels, the settings say that texts are kept."""
    made = make(shots=2, choose="nearest", codes=True)
    names = {path.name for path in made.folder.iterdir()}
    assert {"model.gguf", "model.json", "encoder.onnx", "tokenizer.json", "shots.json"} <= names
    assert (True, 90) == (made.settings["keeps_texts"], made.settings["rows_kept"])
    kept = json.loads(made.file("shots.json").read_text())
    assert {"A", "B", "C"} == {answer for _, answer in kept}
    answers = ask(made.folder, tiny.TEXTS)
    assert {answer.text for answer in answers} <= set(tiny.LABELS)
    assert [()] * len(answers) == [answer.notes for answer in answers]


def test_labels_are_answered_by_codes_of_one_token(make):
    """One pass tells them apart, and examples speak in codes."""
    made = make(codes=True, shots=3)
    settings = DecoderSettings.from_json(made.settings)
    assert (("bill", "A"), ("card", "B"), ("other", "C")) == settings.prompt.codes
    assert {"A", "B", "C"} == {answer for _, answer in settings.prompt.shots}
    model = registry.load(made.folder)
    assert model.is_one_pass
    asyncio.run(model.close())


def test_a_tokenizer_without_such_codes_is_refused(make, tmp_path):
    """SentencePiece of few words writes every letter in two tokens."""
    spm = tiny_gguf.write_spm(tmp_path / "spm.gguf")
    with pytest.raises(SpecError, match="3 labels need as many codes of one token; this tokenizer has 0"):
        make(file=str(spm), codes=True)


def test_a_file_that_chats_is_asked_in_its_own_form(make, tmp_path):
    """Style auto takes the file's template and its marks; plain leaves them; chat without one is refused."""
    chats = str(tiny_gguf.write_byte_bpe(tmp_path / "chat.gguf", template=TEMPLATE, context=1024))
    prompt = DecoderSettings.from_json(make(file=chats, shots=1).settings).prompt
    assert ("chat", TEMPLATE, "<s>", "</s>") == (prompt.style, prompt.chat_template, prompt.bos, prompt.eos)
    assert "plain" == DecoderSettings.from_json(make(file=chats, style="plain").settings).prompt.style
    with pytest.raises(SpecError, match="style is chat, but the GGUF file holds no chat template"):
        make(style="chat")


def test_a_prompt_that_does_not_fit_is_told_when_it_is_made(make):
    """Both numbers are named: what a usual request takes, and what the context holds."""
    with pytest.raises(SpecError, match=r"takes [\d,]+ tokens .* the context holds 256"):
        make(shots=20, context=256)
    with pytest.raises(SpecError, match=r"context is 5,000 tokens; the decoder was made for 1,024"):
        make(context=5000)


def test_extraction_and_generation_are_asked_too(make):
    """JSON of the schema, with the schema in words; text that ends at a blank line."""
    extract = make(replace(tiny.EXTRACTION, dev=()), shots=1, samples=2, temperature=0.7)
    settings = DecoderSettings.from_json(extract.settings)
    assert '"enum":["bill","card","other"]' in settings.prompt.instruction
    assert ({"metric": "exact_match", "kind": "extract"}, 2, 0.7) == (
        settings.form,
        settings.samples,
        settings.sample_temperature,
    )
    said = ask(extract.folder, tiny.TEXTS[:2])
    assert all(json.loads(a.text)["kind"] in tiny.LABELS if a.text else a.notes for a in said)
    generate = DecoderSettings.from_json(make(GENERATION, agree_on="numeric_match").settings)
    assert "numeric_match" == generate.form["metric"]
    assert "\n\n" in generate.stop
    assert "Say what it is about." == generate.prompt.instruction


@pytest.mark.train
@pytest.mark.slow
def test_a_folder_of_safetensors_is_exported(make, tmp_path):
    """As the type that is asked for; the folder itself stays as it was."""
    base = tiny_decoder.write(tmp_path / "base")
    before = fingerprint.of_folder(base)
    rows = replace(tiny.TRAINING, labels=("a", "b"), train=(), dev=())
    made = make(rows, base=str(base), type="q4_0")
    assert ("Q4_0", "base") == (made.settings["weights"]["type"], made.settings["weights"]["from"])
    assert before == fingerprint.of_folder(base)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"shot": 3}, "unknown setting 'shot'"),
        ({"shots": "many"}, "shots must be a whole number"),
        ({"shots": True}, "shots must be a whole number"),
        ({"shots": -1}, "cannot be negative"),
        ({"shots": 65}, "at most 64"),
        ({"choose": "best"}, "known are fixed, nearest"),
        ({"choose": "nearest"}, "the nearest of no shots"),
        ({"file": ""}, "needs a 'file' or a 'base'"),
        ({"type": "q8_0"}, "'type' goes with 'base'"),
        ({"samples": 2, "temperature": 0}, "must be above 0"),
    ],
)
def test_settings_that_cannot_be_used_are_named(make, settings, why):
    """Which setting, which value, what is expected."""
    with pytest.raises(SpecError, match=why):
        make(**settings)


def test_what_does_not_go_together_is_refused(make):
    """Codes without labels; kinds that decoders do not serve; more examples than rows."""
    with pytest.raises(SpecError, match="codes stand for labels"):
        make(GENERATION, codes=True)
    with pytest.raises(SpecError, match="not rank"):
        make(replace(tiny.TRAINING, kind=Kind.RANK))
    with pytest.raises(DataError, match="4 shots are asked for; there are 2 train rows"):
        make(replace(tiny.TRAINING, train=tiny.rows(2, seed=1)), shots=4)


def test_files_that_are_no_sound_gguf_are_refused(make, file, tmp_path):
    """Another format, a cut file, and one that changed while the run went on."""
    (tmp_path / "pickle.bin").write_bytes(b"\x80\x04" + b"x" * 100)
    with pytest.raises(ArtefactError, match="this is no GGUF file"):
        make(file=str(tmp_path / "pickle.bin"))
    (tmp_path / "cut.gguf").write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(ArtefactError, match="ends at byte"):
        make(file=str(tmp_path / "cut.gguf"))
    with pytest.raises(ArtefactError, match="has changed since"):
        make(sha256="0" * 64)


def test_the_method_is_in_the_registry():
    """It makes decoders."""
    assert "gguf" == methods.entry("prompt").kind
    assert isinstance(methods.method("prompt"), PromptMethod)
