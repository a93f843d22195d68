"""A decoder that reads whole chats."""

from dataclasses import replace
from pathlib import Path

import pytest

from suffice.models.gguf.chats import ChatServed, reads_chats
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.prompt import Part, Prompt
from suffice.ports import Request
from suffice.task import Kind, Message

_SETTINGS = DecoderSettings(name="chat", kind=Kind.GENERATE, prompt=Prompt(style="chat"))


@pytest.fixture(name="served")
def _served(tmp_path: Path):
    pytest.importorskip("xllamacpp")
    from suffice.models.gguf.engine import LlamaEngine  # noqa: PLC0415 - after the skip
    from tests.unit.models.gguf import tiny_gguf  # noqa: PLC0415 - skips where the extra train is absent

    engine = LlamaEngine(tiny_gguf.write_byte_bpe(tmp_path / "model.gguf"))
    yield ChatServed(_SETTINGS, engine)
    engine.close()


def test_all_turns_are_read_and_a_single_one_as_ever(served: ChatServed):
    """Earlier turns stand before the last one, with the model's first token; a text is one turn."""
    chat = (
        Message(role="user", content="lost"),
        Message(role="assistant", content="card"),
        Message(role="user", content="and"),
    )
    head = Part(text="<|im_start|>user\n", is_markup=True)
    between = Part(text="<|im_end|>\n<|im_start|>user\n", is_markup=True)
    tail = Part(text="<|im_end|>\n<|im_start|>assistant\n", is_markup=True)
    said = [Part(text=turn.content, is_markup=False) for turn in chat]
    alone = served.engine.tokenize([head, said[2], tail], is_start=True)
    assert alone == served.prompted(Request(text="and")).tokens
    whole = served.engine.tokenize([head, said[0], tail, said[1], between, said[2], tail], is_start=True)
    assert whole == served.prompted(Request(text="and", messages=chat)).tokens


def test_a_chat_that_cannot_be_written_is_read_by_its_last_turn(served: ChatServed):
    """The answer carries a note."""
    template = "{{ messages[-1].content }}"
    narrow = served.changed(replace(_SETTINGS, prompt=Prompt(style="chat", chat_template=template)))
    chat = (Message(role="system", content="be brief"), Message(role="user", content="and"))
    prompted = narrow.prompted(Request(text="and", messages=chat))
    assert ["only the last turn was read"] == [note.partition(":")[0] for note in prompted.notes]


def test_only_a_bare_chat_that_writes_text_reads_chats():
    """Where an instruction or examples are shown, they stand before one text."""
    assert reads_chats(_SETTINGS)
    for prompt in (
        Prompt(),
        Prompt(style="chat", instruction="do"),
        Prompt(style="chat", shots=(("a", "b"),)),
    ):
        assert not reads_chats(replace(_SETTINGS, prompt=prompt))
    assert not reads_chats(replace(_SETTINGS, kind=Kind.CLASSIFY, labels=("a", "b")))
