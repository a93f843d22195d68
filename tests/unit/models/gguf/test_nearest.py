"""Examples near to a request are shown before it, the nearest last, as many as fit."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from suffice.adapt.encoder.embedding_head import copy_body
from suffice.errors import ArtefactError
from suffice.models import artefact, registry
from suffice.models.embedder import Embedder
from suffice.models.gguf import nearest
from suffice.models.gguf.model import GgufModel
from suffice.models.gguf.nearest import KeptRows, NearestServed
from suffice.models.gguf.settings import DecoderSettings
from suffice.models.prompt import Prompt, instruction_of
from suffice.ports import Request
from suffice.task import Kind
from tests.contract import tiny
from tests.unit.models.gguf import tiny_gguf

pytest.importorskip("xllamacpp", reason="the extra gguf serves GGUF files")

PROMPT = Prompt(instruction=instruction_of(Kind.CLASSIFY, labels=tiny.LABELS))
CLASSIFY = DecoderSettings(
    name="decoder", kind=Kind.CLASSIFY, labels=tiny.LABELS, prompt=PROMPT, max_answer_tokens=8, nearest=3
)
SHOTS = tuple((sample.text, str(sample.target)) for sample in tiny.rows(30, seed=5))
TEXTS = ("my lost card again", "the invoice payment", "hello weather")


@pytest.fixture(name="body", scope="module")
def _body(tmp_path_factory) -> Embedder:
    return tiny.embedder(tmp_path_factory.mktemp("encoder") / "body")


@pytest.fixture(name="folder")
def _folder(body: Embedder, tmp_path: Path):
    def make(settings: DecoderSettings, *, context: int = 2048) -> Path:
        tiny_gguf.write_byte_bpe(tmp_path / "model.gguf", context=context, template=None)
        copy_body(body.folder, tmp_path)
        vectors = body.embed([text for text, _ in SHOTS]).vectors
        nearest.save(KeptRows(shots=SHOTS, vectors=vectors), tmp_path)
        artefact.seal(tmp_path, kind="gguf", settings=settings.to_json())
        return tmp_path

    return make


def ask(folder: Path, texts: tuple[str, ...] = TEXTS) -> list:
    """Returns the answers of the model in a folder."""

    async def answers() -> list:
        model = registry.load(folder)
        try:
            return await model.answer([Request(text=text) for text in texts])
        finally:
            await model.close()

    return asyncio.run(answers())


def whole_prompts(folder: Path) -> list[list[int]]:
    """Returns the tokens of each text's whole prompt, as they are read."""
    model = registry.load(folder)
    assert isinstance(model, GgufModel)
    served = model.served
    assert isinstance(served, NearestServed)
    found = [served.beginning() + served.prompted(Request(text=text)).tokens for text in TEXTS]
    asyncio.run(model.close())
    return found


def test_the_nearest_comes_last():
    """By cosine; of equal ones the first kept is the nearest."""
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [1, 0]], np.float32)
    rows = KeptRows(shots=(("a", "1"), ("b", "2"), ("c", "3"), ("d", "4")), vectors=vectors)
    assert (("c", "3"), ("d", "4"), ("a", "1")) == rows.nearest(np.array([1, 0], np.float32), 3)


def test_what_was_kept_is_read_back(body: Embedder, tmp_path: Path):
    """Texts and answers as they were, vectors within 8 bits."""
    vectors = body.embed([text for text, _ in SHOTS]).vectors
    nearest.save(KeptRows(shots=SHOTS, vectors=vectors), tmp_path)
    again = nearest.load(tmp_path)
    assert SHOTS == again.shots
    np.testing.assert_allclose(1.0, (again.vectors * vectors).sum(axis=1), atol=1e-3)


@pytest.mark.parametrize("style", ["plain", "chat"])
def test_each_request_is_read_after_its_own_examples(folder, body: Embedder, style):
    """What the model reads is the prompt with the nearest rows as its examples; the rest is shared."""
    prompt = replace(PROMPT, style=style)
    place = folder(replace(CLASSIFY, prompt=prompt))
    rows = nearest.load(place)
    model = registry.load(place)
    assert isinstance(model, GgufModel)
    tokenize = model.served.engine.tokenize
    expected = []
    for text in TEXTS:
        shots = rows.nearest(body.embed([text]).vectors[0], 3)
        shown = replace(prompt, shots=shots)
        expected.append(tokenize(shown.parts(Request(text=text)), is_start=True))
    assert expected == whole_prompts(place)
    assert len({len(tokens) for tokens in expected}) > 1 or expected[0] != expected[1]
    assert model.served.prefix_tokens > len(prompt.instruction.split())
    asyncio.run(model.close())


def test_answers_are_those_of_the_same_examples_given_by_hand(folder, body: Embedder):
    """The shared beginning saves work, and changes nothing."""
    place = folder(CLASSIFY)
    shots = nearest.load(place).nearest(body.embed(TEXTS[:1]).vectors[0], 3)
    found = ask(place)[0]
    fixed = replace(CLASSIFY, prompt=replace(PROMPT, shots=shots), nearest=0)
    artefact.seal(place, kind="gguf", settings=fixed.to_json())
    by_hand = ask(place)[0]
    assert by_hand.text == found.text
    assert pytest.approx(by_hand.confidence, abs=1e-4) == found.confidence
    assert by_hand.usage == found.usage


def test_fewer_examples_are_shown_where_more_do_not_fit(folder):
    """The note says how many; a request that fits with none of them is an error that names both numbers."""
    place = folder(replace(CLASSIFY, context_tokens=360), context=360)
    short, long, longer = ask(place, ("a", "the lost card " * 52, "x" * 2_000))
    assert () == short.notes
    assert long.text in tiny.LABELS
    assert re.fullmatch(r"[012] of 3 examples were shown: more do not fit the context", *long.notes)
    assert "holds 360" in str(longer.error)
    assert () == longer.notes


def test_a_writing_decoder_shows_them_too(folder):
    """Generation and streaming read the same prompt."""
    settings = replace(CLASSIFY, kind=Kind.GENERATE, labels=(), prompt=Prompt(instruction="Answer."))
    place = folder(settings)
    answer = ask(place)[0]
    model = registry.load(place)
    streamed = "".join(chunk.text for chunk in model.stream(Request(text=TEXTS[0])))
    assert answer.text == streamed.strip()
    asyncio.run(model.close())


def test_order_bias_is_measured_with_the_examples(folder):
    """The labels are listed in another order; the examples stay."""
    model = registry.load(folder(CLASSIFY))
    assert 3 == model.order_bias(TEXTS, orders=1).texts
    asyncio.run(model.close())


@pytest.mark.parametrize("damage", [b"{}", b"[[1]]", b"[]"])
def test_damaged_examples_are_refused(folder, damage: bytes):
    """Before any request."""
    place = folder(CLASSIFY)
    (place / nearest.ROWS_FILE).write_bytes(damage)
    artefact.seal(place, kind="gguf", settings=CLASSIFY.to_json())
    with pytest.raises(ArtefactError, match="examples to be shown"):
        registry.load(place)
