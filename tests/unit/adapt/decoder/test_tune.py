"""A base decoder tuned on the task's rows: every weight, or low-rank additions."""

import asyncio
import json
from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.decoder import chat_rows, tune
from suffice.adapt.registry import method
from suffice.candidate import Candidate
from suffice.errors import ArtefactError, DataError, SpecError
from suffice.models import artefact
from suffice.models.gguf.model import GgufModel
from suffice.models.prompt import Prompt
from suffice.ports import Request, TrainingRows
from suffice.task import Message
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
@pytest.mark.parametrize("name", ["full", "lora"])
def test_the_tuned_decoder_answers_from_its_exported_file(base: Path, tmp_path: Path, name: str):
    """It has learnt from the rows, says what it forgot, and is served by llama.cpp.

    Low-rank additions to chance weights, whose table of tokens stays as it was, can learn little here.
    """
    pytest.importorskip("conversion")
    pytest.importorskip("xllamacpp")
    rows = toy_desk.rows(200)
    _apply(_candidate(name, base, keep_adapter=1), rows, tmp_path / "out")
    about = artefact.unseal(tmp_path / "out").settings["training"]
    assert (200, 60) == (about["train_rows"], about["dev_rows"])
    assert about["canary"]["loss_before"] > 0
    assert about["canary"]["loss_after"] != about["canary"]["loss_before"]
    assert (name == "lora") is (tmp_path / "out" / tune.ADAPTER / "adapter_model.safetensors").is_file()
    model = GgufModel.load(tmp_path / "out")
    asked = toy_desk.samples(60, seed=3)
    answers = asyncio.run(model.answer([Request(text=sample.text) for sample in asked]))
    asyncio.run(model.close())
    right = np.mean([answer.text == one.target for answer, one in zip(answers, asked, strict=True)])
    assert right >= (0.2 if name == "lora" else 0.6)
    assert about["dev_loss"] < 5.2  # chance: ln 297 = 5.7


def test_a_base_that_cannot_be_used_is_told(tmp_path: Path):
    """No base, a folder that is none, a pickle, code of its own."""
    rows = toy_desk.rows()
    with pytest.raises(SpecError, match="lora needs the setting 'base'"):
        _apply(Candidate(name="t", kind="gguf", method="lora"), rows, tmp_path / "none")
    with pytest.raises(SpecError, match="the base 'no-such-folder' is no folder"):
        _apply(_candidate("full", "no-such-folder"), rows, tmp_path / "absent")
    with pytest.raises(SpecError, match="offline the hub is not asked"):
        _apply(_candidate("full", "owner/model"), rows, tmp_path / "hub")
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
