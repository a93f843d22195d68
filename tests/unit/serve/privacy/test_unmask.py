"""Values come back where placeholders stand: in texts, in JSON, and in streams however they are cut."""

import asyncio
import json
import tracemalloc
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from suffice.serve.privacy.mask import Placeholders
from suffice.serve.privacy.unmask import CallRestorer, Unmasking

VALUES = {"[EMAIL_1]": 'a"b\n@x.org', "[EMAIL_12]": "[EMAIL_", "[CARD_1]": "4111 1111 1111 1111"}
PIECES = st.lists(
    st.sampled_from([*VALUES, "[", "[EMAIL_", "EMAIL_1]", "1", "]", "x", " ", "[[EMAIL_1]]", "é"])
)


async def replayed(chunks):
    """Yields the chunks of a stream."""
    for chunk in chunks:
        yield chunk


def restored(restorer, chunks):
    """Returns the chunks a restorer makes of a stream."""

    async def gather():
        return [chunk async for chunk in restorer.chunks(replayed(chunks))]

    return asyncio.run(gather())


@given(pieces=PIECES, cuts=st.lists(st.integers(0, 80)))
def test_every_split_of_a_stream_gives_the_same_text(pieces, cuts):
    """However a text is cut, its parts restored are the whole restored."""
    text = "".join(pieces)
    places = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    unmasking = Unmasking(VALUES)
    parts = [unmasking.feed(text[start:end]) for start, end in pairwise(places)]
    assert Unmasking(VALUES).whole(text) == "".join([*parts, unmasking.finish()])


@given(text=st.text())
def test_no_more_than_a_placeholder_is_held_back(text):
    """A part comes out at once, but for what may be the beginning of a placeholder."""
    unmasking = Unmasking(VALUES)
    given_out = sum(len(unmasking.feed(sign)) for sign in text)
    assert len(text) - given_out < max(map(len, VALUES))


def test_a_placeholder_over_three_chunks_comes_back_in_one():
    """What was held back comes with the chunk that completes it; the order of fields stays."""
    chunks = [
        {
            "id": "1",
            "choices": [{"index": 0, "delta": {"role": "assistant", "content": part}, "finish_reason": None}],
        }
        for part in ("to [EM", "AIL", "_1] now")
    ]
    end = {"id": "1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    found = restored(
        CallRestorer(VALUES), [*chunks, end, {"id": "1", "choices": [], "usage": {"total_tokens": 3}}]
    )
    texts = [chunk["choices"][0]["delta"].get("content", "") for chunk in found if chunk["choices"]]
    assert ["to ", "", 'a"b\n@x.org now', ""] == texts
    assert {"total_tokens": 3} == found[-1]["usage"]


def test_what_is_held_back_comes_with_the_end_of_its_choice():
    """A text that ends like the beginning of a placeholder is whole all the same, choice by choice."""
    chunks = [
        {
            "choices": [
                {"index": 0, "delta": {"content": "a [EMAIL"}},
                {"index": 1, "delta": {"content": "b [CARD"}},
            ]
        },
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
        {"choices": [{"index": 1, "delta": {"content": "_1]"}}]},
    ]
    found = restored(CallRestorer(VALUES), chunks)
    assert "[EMAIL" == found[1]["choices"][0]["delta"]["content"]
    assert "4111 1111 1111 1111" == found[2]["choices"][0]["delta"]["content"]


def test_a_stream_that_ends_without_a_finish_loses_nothing():
    """One more chunk carries what was still held back."""
    chunks = [{"id": "9", "model": "m", "choices": [{"index": 0, "text": "x [CARD_"}]}]
    found = restored(CallRestorer(VALUES), chunks)
    assert ["x ", "[CARD_"] == [chunk["choices"][0]["text"] for chunk in found]
    assert ["9", "m"] == [found[1]["id"], found[1]["model"]]


@given(cut=st.integers(1, 30))
def test_tool_arguments_stay_json(cut):
    """Values that need it are escaped in arguments, whole or in parts."""
    arguments = '{"to": "[EMAIL_1]", "n": 1}'
    message = {"tool_calls": [{"index": 0, "function": {"name": "send", "arguments": arguments}}]}
    whole = CallRestorer(VALUES).payload({"choices": [{"message": message}]})
    call = whole["choices"][0]["message"]["tool_calls"][0]["function"]
    assert {"to": 'a"b\n@x.org', "n": 1} == json.loads(call["arguments"])
    parts = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": 0, "function": {"arguments": part}}]}}]}
        for part in (arguments[:cut], arguments[cut:])
    ]
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    joined = "".join(
        call["function"]["arguments"]
        for chunk in restored(CallRestorer(VALUES), [*parts, end])
        for call in chunk["choices"][0]["delta"].get("tool_calls", [])
    )
    assert call["arguments"] == joined


def test_arguments_that_end_like_a_placeholder_are_whole():
    """What is held back of arguments comes with the last chunk, beside arguments of its own or alone."""

    def part(text, **more):
        calls = [{"index": 1, "function": {"arguments": text}}]
        return {"choices": [{"index": 0, "delta": {"tool_calls": calls}, **more}]}

    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}
    for chunks in ([part("a [CA"), end], [part("a "), part("[CA", finish_reason="stop")], [part("a [CA")]):
        found = restored(CallRestorer(VALUES), chunks)
        calls = [call for chunk in found for call in chunk["choices"][0]["delta"].get("tool_calls", [])]
        assert {1} == {call["index"] for call in calls}
        assert "a [CA" == "".join(call["function"]["arguments"] for call in calls)


def test_what_is_no_text_passes_through():
    """Chunks and choices of shapes unknown here are not touched."""
    odd = [
        {"object": "error"},
        {"choices": [None]},
        {"choices": [{"index": 0, "delta": {"tool_calls": [None]}}]},
    ]
    assert odd == restored(CallRestorer(VALUES), odd)


def test_an_answer_in_json_stays_json():
    """Where the call asked for JSON, values are escaped in the answer too."""
    restorer = CallRestorer(VALUES, as_json=True)
    assert {"mail": 'a"b\n@x.org'} == json.loads(restorer.text('{"mail": "[EMAIL_1]"}'))


def test_a_stream_that_breaks_breaks_for_the_reader_and_is_closed():
    """Errors come through; leaving early closes what is read from."""
    closed = []

    async def broken():
        try:
            yield {"choices": [{"index": 0, "delta": {"content": "a"}}]}
            raise ConnectionError("gone")
        finally:
            closed.append(True)

    async def read(*, until_error):
        chunks = CallRestorer(VALUES).chunks(broken())
        try:
            async for _ in chunks:
                if not until_error:
                    break
        except ConnectionError:
            return "broken"
        finally:
            await chunks.aclose()
        return "left"

    assert ["broken", "left"] == [asyncio.run(read(until_error=True)), asyncio.run(read(until_error=False))]
    assert [True, True] == closed


def test_placeholders_avoid_what_looks_like_one():
    """A text that has `[EMAIL_1]` itself gets other numbers: only what was masked is restored."""
    placeholders = Placeholders(["see [EMAIL_1]"])
    assert ["[EMAIL_2]", "[EMAIL_3]", "[EMAIL_2]"] == [placeholders.of("email", value) for value in "aba"]


def test_nothing_shows_the_values():
    """Neither placeholders nor restorer print what they know."""
    placeholders = Placeholders()
    placeholders.of("email", "ada@example.org")
    assert "ada" not in repr(placeholders) + repr(CallRestorer(placeholders.values))


def test_a_server_that_writes_to_many_texts_at_once_takes_no_memory_for_each():
    """Each text of a stream holds back its own end; the values are there once."""
    restorer = CallRestorer({f"[EMAIL_{number}]": "x" for number in range(3000)})
    chunks = [{"choices": [{"index": index, "delta": {"content": "[EMAIL_7"}}]} for index in range(60)]
    tracemalloc.start()
    restored(restorer, chunks)
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak_bytes < 2_000_000
