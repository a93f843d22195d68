"""Prompts and replies, word by word, and whatever else a server may send."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.models.http import chat
from suffice.models.http.endpoint import Endpoint
from suffice.models.http.transport import quote
from suffice.ports import Request
from suffice.task import Message

LABELS = ("billing", "refund")

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


def payload(content: Any, **choice: Any) -> dict[str, Any]:
    """Returns a chat completion with this content."""
    return {"choices": [{"message": {"content": content}, **choice}]}


@given(content=json_values, logprobs=json_values, usage=json_values, first=json_values)
def test_no_reply_breaks_the_reader(content: object, logprobs: object, usage: object, first: object) -> None:
    """Whatever JSON stands in a reply's places, it is read as an answer, a note, or no completion."""
    tokens = {"content": [first, {"logprob": logprobs}]}
    for shape in (
        payload(content, logprobs=logprobs) | {"usage": usage},
        payload("billing", logprobs=tokens, finish_reason=usage),
        payload("billing", logprobs={"content": [{"logprob": -0.1, "top_logprobs": logprobs}]}),
        {"choices": content},
    ):
        read = chat.read_reply(shape, LABELS)
        if read is None:
            continue
        assert read.text in {*LABELS, None}
        assert read.text is not None or read.notes
        assert read.confidence is None or 0.0 <= read.confidence <= 1.0


@given(text=st.text())
def test_whatever_text_is_sent_is_utf8(text: str) -> None:
    """Every text can be sent, and one without lone surrogates is sent as it is."""
    *_, user = chat.messages_of(Request(text=text), LABELS)
    assert user["content"].encode() is not None
    if text.isascii():
        assert text == user["content"]


@given(data=st.binary(max_size=300))
def test_a_quote_is_fit_for_a_terminal(data: bytes) -> None:
    """Bytes from a server reach a message as short, printable text."""
    shown = quote(data)
    assert shown.isprintable()
    assert len(shown) <= 300


def test_a_key_that_is_cut_by_the_quote_is_hidden() -> None:
    """The key is taken out before the text is cut, so that not even half of it is shown."""
    data = b"x" * 110 + b"sk-hidden-1234567890"
    assert "sk-" not in quote(data, secret="sk-hidden-1234567890")


@pytest.mark.parametrize(("labels", "limit"), [((), 1024), (("ab",), 10), (("x" * 400,), 208)])
def test_an_answer_has_room(labels: tuple[str, ...], limit: int) -> None:
    """A label has room for twice its estimated tokens and some; free text has a thousand."""
    assert limit == chat.output_limit(Endpoint(base_url="http://h/v1", model="m"), labels)


def test_a_set_limit_counts() -> None:
    """What the user sets is what is sent; settings that some servers refuse can be left out."""
    endpoint = Endpoint(base_url="http://h/v1", model="m", max_output_tokens=5, temperature=None, seed=None)
    body = chat.body_of(endpoint, [], limit=chat.output_limit(endpoint, LABELS))
    assert {"model": "m", "messages": [], "max_tokens": 5} == body


def test_an_own_prompt_takes_the_place_of_the_usual_one() -> None:
    """`{labels}` stands for the labels, one a line; other braces stay; a logged chat is left as it was."""
    asked = chat.messages_of(Request(text="hello"), LABELS, prompt='Say {"label": ...} of:\n{labels}')
    assert {"role": "system", "content": 'Say {"label": ...} of:\n- billing\n- refund'} == asked[0]
    assert {"role": "user", "content": "hello"} == asked[1]
    logged = Request(text="hello", messages=(Message(role="user", content="as logged"),))
    assert [{"role": "user", "content": "as logged"}] == chat.messages_of(logged, LABELS, prompt="Other")
