"""A base decoder tuned on the task's rows: every weight, or low-rank additions."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from suffice import fingerprint
from suffice.adapt.decoder.examples import request_of
from suffice.adapt.decoder.gguf_files import export
from suffice.adapt.decoder.teachable import Teachable
from suffice.adapt.decoder.tuning import base_model, chat_rows, lora, tune
from suffice.adapt.registry import method
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError, SpecError
from suffice.models import artefact
from suffice.models.engine import Floats, Piece
from suffice.models.gguf import opening
from suffice.models.gguf.engine import LlamaEngine
from suffice.models.gguf.model import GgufModel
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.prompt import Prompt
from suffice.models.transformers.engine import TransformersEngine
from suffice.ports import Request, TrainingRows
from suffice.task import Kind, Message, Sample
from tests.unit import tiny_decoder
from tests.unit.adapt import toy_desk

pytest.importorskip("torch")
pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def base(tmp_path_factory) -> Path:
    """A tiny Llama of chance weights."""
    return tiny_decoder.write(tmp_path_factory.mktemp("base"), width=64, layers=1)


def _candidate(name: str, base: Path | str, **settings: float | str) -> Candidate:
    given = {"base": str(base), "epochs": 8, "threads": 1, "type": "f16", "learning_rate": 1e-2} | settings
    return Candidate(name="tuned", kind="gguf", method=name, settings=tuple(sorted(given.items())))


def _apply(candidate: Candidate, rows: TrainingRows, out: Path) -> None:
    out.mkdir()
    method(candidate.method).apply(
        candidate, rows, out=out, teacher=None, seed=1, progress=toy_desk.hear_nothing
    )


@pytest.mark.slow
def test_the_tuned_decoder_answers_from_its_exported_file(base: Path, tmp_path: Path):
    """It has learnt from the rows, says what it forgot and of which base, and is served by llama.cpp."""
    pytest.importorskip("conversion")
    pytest.importorskip("xllamacpp")
    _apply(_candidate("full", base), toy_desk.rows(200), tmp_path / "out")
    about = artefact.unseal(tmp_path / "out").settings["training"]
    assert (200, 60, base_model.BaseModel(base).sha256) == (
        about["train_rows"],
        about["dev_rows"],
        about["base_sha256"],
    )
    forgot = about["canary"]
    assert 40 == forgot["sentences"]
    assert forgot["rise_low"] < forgot["rise"] < forgot["rise_high"]
    assert forgot["tuned_loss"] == pytest.approx(forgot["base_loss"] + forgot["rise"])
    model = GgufModel.load(tmp_path / "out")
    asked = toy_desk.samples(60, seed=3)
    answers = asyncio.run(model.answer([Request(text=sample.text) for sample in asked]))
    asyncio.run(model.close())
    right = np.mean([answer.text == one.target for answer, one in zip(answers, asked, strict=True)])
    assert right >= 0.6


@pytest.mark.slow
def test_a_kept_adapter_on_its_base_says_what_the_merged_file_says(base: Path, tmp_path: Path):
    """The adapter alone is trained; base and adapter by transformers, the file by llama.cpp: equal logits."""
    pytest.importorskip("conversion")
    pytest.importorskip("xllamacpp")
    given = {"keep_adapter": True, "type": "f32", "rank": 4, "targets": "q_proj, down_proj"}
    _apply(_candidate("lora", base, **given), toy_desk.rows(200), tmp_path / "out")
    about = artefact.unseal(tmp_path / "out").settings["training"]
    assert 4 * (64 + 64) + 4 * (128 + 64) == about["trained_parameters"]
    assert about["canary"]["rise"] != 0
    tokens = np.random.default_rng(0).integers(1, 300, 40).tolist()
    said = [
        _logits(engine, tokens)
        for engine in (
            LlamaEngine(tmp_path / "out" / "model.gguf"),
            TransformersEngine(base, adapter=tmp_path / "out" / lora.ADAPTER),
            TransformersEngine(base),
        )
    ]
    assert np.abs(said[0] - said[1]).max() < 2e-3
    assert np.abs(said[1] - said[2]).max() > 2e-2


def _logits(engine: LlamaEngine | TransformersEngine, tokens: list[int]) -> Floats:
    (logits,) = engine.extend([Piece(sequence=engine.open(), tokens=tokens, wanted=len(tokens))])
    engine.close()
    return logits


@pytest.mark.slow
def test_tuning_goes_on_after_a_kill_with_equal_bytes(base: Path, tmp_path: Path):
    """A run stopped after its first epoch and started again ends with the file of one never stopped."""
    pytest.importorskip("conversion")
    pytest.importorskip("xllamacpp")
    rows = toy_desk.rows(60, dev=30)
    candidate = _candidate("lora", base, epochs=2, dropout=0.1)
    _apply(candidate, rows, tmp_path / "whole")

    def stop(what: str, done: float, total: float) -> None:  # noqa: ARG001 - the port's form
        if done == 1 and "dev exact" in what:
            raise KeyboardInterrupt

    (tmp_path / "parts").mkdir()
    with pytest.raises(KeyboardInterrupt):
        method("lora").apply(candidate, rows, out=tmp_path / "parts", teacher=None, seed=1, progress=stop)
    assert [] == list((tmp_path / "parts").iterdir())
    (tmp_path / "parts").rmdir()
    _apply(candidate, rows, tmp_path / "parts")
    assert fingerprint.of_folder(tmp_path / "whole") == fingerprint.of_folder(tmp_path / "parts")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"rnk": 4}, "the method lora has no setting 'rnk'"),
        ({"rank": 0}, "the rank is 0"),
        ({"targets": "q_prj"}, "the base has no layers named 'q_prj'"),
        ({"style": "poem"}, "the style is auto, chat or plain, not 'poem'"),
        ({"canary": "no-such.txt"}, "the canary text 'no-such.txt' cannot be read"),
    ],
)
def test_a_wrong_setting_is_named(base: Path, tmp_path: Path, settings: dict[str, float | str], words: str):
    """Before any training; nothing is left in the folder."""
    with pytest.raises(SpecError, match=words):
        _apply(_candidate("lora", base, **settings), toy_desk.rows(30, dev=30), tmp_path / "out")
    assert [] == list((tmp_path / "out").iterdir())


def test_an_answer_ends_as_the_chat_template_ends_a_turn(tmp_path: Path):
    """Where serving stops at that token; else with the text's end, as in the plain style."""
    folder = tiny_decoder.write(tmp_path, width=64, layers=1)
    template = "{% for message in messages %}{{ message.content }}<{% endfor %}"
    chat = Prompt(style="chat", chat_template=template)
    base = base_model.BaseModel(folder)
    ids = {"<": base.tokenize("<", True)[0], "end": base.tokenize("<|end|>", True)[0]}  # noqa: FBT003 - markup
    assert ids["end"] == base.answer_end(chat) == base.answer_end(Prompt())
    base.model.generation_config.eos_token_id = [ids["end"], ids["<"]]
    assert ids["<"] == base.answer_end(chat)


def test_bases_of_other_weights_have_other_hashes(base: Path, tmp_path: Path):
    """A training of one base is never resumed for another."""
    other = tiny_decoder.write(tmp_path, width=64, layers=1, seed=1)
    assert base_model.BaseModel(base).sha256 != base_model.BaseModel(other).sha256


def test_a_base_that_cannot_be_used_is_told(tmp_path: Path):
    """No base, a folder that is none, a pickle, code of its own."""
    rows = toy_desk.rows()
    with pytest.raises(SpecError, match="lora needs the setting 'base'"):
        _apply(Candidate(name="t", kind="gguf", method="lora"), rows, tmp_path / "none")
    with pytest.raises(SpecError, match="the base 'no-such-folder' is no folder"):
        _apply(_candidate("full", "no-such-folder"), rows, tmp_path / "absent")
    with pytest.raises(SpecError, match="the base 'owner/model' is no folder"):
        _apply(_candidate("full", "owner/model"), rows, tmp_path / "unasked")
    with pytest.raises(SpecError, match="offline the hub is not asked"):
        _apply(_candidate("full", "owner/model", hub=True), rows, tmp_path / "hub")
    bad = tmp_path / "bad"
    bad.mkdir()
    (bad / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"]}))
    (bad / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(ArtefactError, match="is a pickle file"):
        _apply(_candidate("full", bad), rows, tmp_path / "pickle")
    (bad / "config.json").write_text(json.dumps({"architectures": ["X"], "auto_map": {}}))
    with pytest.raises(ArtefactError, match="asks for code of its own"):
        _apply(_candidate("full", bad), rows, tmp_path / "code")


def test_few_rows_and_long_rows_are_told(base: Path, tmp_path: Path):
    """The message names what there is and what it would want."""
    with pytest.raises(
        DataError, match="tuning a decoder wants at least 20 train rows with a target; there are 9"
    ):
        _apply(_candidate("full", base), toy_desk.rows(9), tmp_path / "few")
    rows = toy_desk.rows()
    long = [*rows.train, toy_desk.of("word " * 400, toy_desk.LABELS[0])]
    with pytest.raises(DataError, match=r"has [\d,]+ tokens; the base's context holds 128"):
        _apply(
            _candidate("full", base),
            TrainingRows(labels=rows.labels, train=long, dev=rows.dev),
            tmp_path / "long",
        )


def test_all_assistant_turns_of_a_chat_are_learnt_and_nothing_else():
    """What the user and the template say is only read; a user's control tokens are mere text."""
    chat = (
        Message(role="user", content="hi <|im_end|>"),
        Message(role="assistant", content="hello"),
        Message(role="user", content="bye"),
    )
    spoken: list[tuple[str, bool]] = []

    def tokenize(text: str, is_markup: bool) -> list[int]:  # noqa: FBT001 - the two kinds of text
        spoken.append((text, is_markup))
        return list(text.encode())

    row = chat_rows.example(chat, "see you", prompt=Prompt(style="chat"), tokenize=tokenize, end=[1])
    learnt = bytes(int(token) for token in row.ids[row.is_answer])
    assert b"hellosee you\x01" == learnt
    assert ("hi <|im_end|>", False) in spoken
    assert bytes(row.ids.astype(np.uint8)).endswith(b"<|im_start|>assistant\nsee you\x01")
    said = {"prompt": Prompt(style="chat"), "tokenize": tokenize, "end": [ord("<")]}
    stopped = chat_rows.example(chat, "see you", **said)
    assert b"hello<see you<" == bytes(int(token) for token in stopped.ids[stopped.is_answer])


def test_a_chat_is_learnt_from_the_tokens_it_is_answered_from(tmp_path: Path):
    """Training by transformers' tokenizer and serving by llama.cpp's read the same, turn by turn."""
    pytest.importorskip("conversion")
    pytest.importorskip("xllamacpp")
    folder = tiny_decoder.write(tmp_path / "base", width=64, layers=1)
    config = json.loads((folder / "tokenizer_config.json").read_text())
    config["chat_template"] = "{% for m in messages %}{{ m.content }}<{% endfor %}"
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    turns = [("user", " the cat 12 "), ("assistant", "sat"), ("user", "on <|end|>?")]
    chat = Sample(
        key="k",
        text="on <|end|>?",
        messages=tuple(Message(role=role, content=content) for role, content in turns),
        target="mat",
    )
    rows = TrainingRows(labels=(), train=[chat], dev=[chat], kind=Kind.GENERATE)
    base = base_model.BaseModel(folder)
    candidate = _candidate("full", folder)
    prompt = tune.prompt_of(candidate, rows, base)
    lesson = tune.Lesson(candidate, rows, Teachable(train=[chat], dev=[chat]), base, prompt)
    export.write_gguf(folder, tmp_path / "model.gguf", outtype="f16")
    settings = DecoderSettings(name="t", kind=Kind.GENERATE, prompt=prompt)
    artefact.seal(tmp_path, kind="gguf", settings=settings.to_json())
    served = opening.load(tmp_path, threads=1)
    asked = served.prompted(request_of(chat)).tokens
    said = [*served.answer_tokens("mat"), base.end_id]
    served.engine.close()
    assert [*asked, *said] == lesson.train[0].ids.tolist()
    assert len(said) + len(base.tokenize("sat", False)) == lesson.train[0].is_answer.sum()  # noqa: FBT003
