"""A bundle asked beside the model in use."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from suffice.clock import FakeClock
from suffice.errors import ArtefactError
from suffice.ports import Answer, Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.errors import TierFailed
from suffice.serve.reply import Outcome, Place, Reply, Streaming
from suffice.serve.route import Route
from suffice.serve.shadow import Comparison, Shadow, ShadowBook, summary_of

_ROUTE = Route(name="tickets", tiers=("big",))


def _call(number: int) -> Call:
    return Call(
        id=f"call-{number}",
        operation=Operation.CHAT,
        model="tickets",
        route="tickets",
        caller=Caller(key_id="k"),
        body={},
        request=Request(text=f"text {number}"),
    )


class _Bundle:
    """Says "card" to all; passes up the calls whose number is in `up`, fails those in `failing`."""

    name, place = "bundle", Place.LOCAL

    def __init__(self, *, up: tuple[int, ...] = (), failing: tuple[int, ...] = ()) -> None:
        self._up, self._failing = up, failing

    async def answer(self, call: Call) -> Reply:
        number = int(call.id.split("-")[1])
        if number in self._failing:
            raise TierFailed("no memory")
        text = None if number in self._up else "card"
        answer = Answer(text=text, confidence=0.9)
        return Reply(
            tier="bundle", place=Place.LOCAL, model="linear", text=text, escalate=text is None, answer=answer
        )


def _walk(answers: Mapping[str, str], *, streams: bool = False):
    async def walk(route: Route, call: Call) -> Outcome:
        assert route is _ROUTE
        text = answers[call.id]
        if not streams:
            reply = Reply(tier="big", place=Place.REMOTE, model="large", text=text)
            return Outcome(steps=(), reply=reply)

        async def chunks() -> AsyncIterator[Mapping[str, object]]:
            for letter in text:
                yield {"choices": [{"index": 0, "delta": {"content": letter}}]}

        streaming = Streaming(tier="big", place=Place.REMOTE, model="large", chunks=chunks())
        return Outcome(steps=(), streaming=streaming)

    return walk


def _shadow(walk, bundle: _Bundle, book: ShadowBook, *, has_rule: bool = True) -> Shadow:
    same = (lambda one, other: one == other) if has_rule else None
    return Shadow(
        walk, bundle, book, clock=FakeClock(datetime(2026, 1, 1, tzinfo=UTC), step_s=0.01), same=same
    )


def test_answers_stay_the_model_in_uses_and_are_compared(tmp_path: Path):
    """Of four calls one is passed up, one answered alike, two otherwise; nobody sees the bundle's."""
    answers = {"call-0": "card", "call-1": "refund", "call-2": "pin", "call-3": "card"}

    async def run() -> list[str | None]:
        shadow = _shadow(_walk(answers), _Bundle(up=(3,)), book)
        said = [(await shadow(_ROUTE, _call(number))).reply for number in range(4)]
        await shadow.settle()
        return [reply.text if reply else None for reply in said]

    book = ShadowBook(tmp_path / "home" / "tickets.jsonl")
    assert list(answers.values()) == asyncio.run(run())
    summary = book.summary()
    assert (4, 3, 1) == (summary.n, summary.n_kept, summary.n_same)
    assert summary.changed is not None
    assert summary.changed.lower <= 0.5 <= summary.changed.upper


def test_streams_are_passed_on_and_compared_at_their_end(tmp_path: Path):
    """Every chunk reaches the client; one who leaves early makes no comparison, and closes the stream."""

    async def run() -> str:
        shadow = _shadow(_walk({"call-0": "card", "call-1": "card"}, streams=True), _Bundle(), book)
        whole = (await shadow(_ROUTE, _call(0))).streaming
        assert whole is not None
        said = "".join([chunk["choices"][0]["delta"]["content"] async for chunk in whole.chunks])
        left = (await shadow(_ROUTE, _call(1))).streaming
        assert left is not None
        await anext(left.chunks)
        await left.chunks.aclose()
        await shadow.settle()
        return said

    book = ShadowBook(tmp_path / "tickets.jsonl")
    assert "card" == asyncio.run(run())
    assert (1, 1) == (book.summary().n, book.summary().n_same)


def test_no_chunk_of_a_stream_goes_past_the_comparison(tmp_path: Path):
    """Also where the server sent several at once: half an answer is not the answer."""
    usual = _walk({"call-0": "card"}, streams=True)

    async def walk(route: Route, call: Call) -> Outcome:
        outcome = await usual(route, call)
        assert outcome.streaming is not None
        outcome.streaming.at_hand = tuple
        return outcome

    async def run() -> None:
        shadow = _shadow(walk, _Bundle(), ShadowBook(tmp_path / "tickets.jsonl"))
        streaming = (await shadow(_ROUTE, _call(0))).streaming
        assert streaming is not None
        assert streaming.at_hand is None
        async for _ in streaming.chunks:
            pass
        await shadow.settle()

    asyncio.run(run())
    assert 1 == ShadowBook(tmp_path / "tickets.jsonl").summary().n_same


def test_a_bundle_that_fails_is_left_out_and_counted(tmp_path: Path):
    """Its failure is nobody's: the client has its answer, the comparison is missing, and that is said."""

    async def run() -> int:
        shadow = _shadow(_walk({"call-0": "card"}), _Bundle(failing=(0,)), book)
        assert (await shadow(_ROUTE, _call(0))).reply is not None
        await shadow.settle()
        return shadow.left_out

    book = ShadowBook(tmp_path / "tickets.jsonl")
    assert 1 == asyncio.run(run())
    assert 0 == book.summary().n


def test_without_a_rule_nothing_is_called_the_same(tmp_path: Path):
    """Of free text it is known how much the bundle would keep, and not how often the two agree."""

    async def run() -> None:
        shadow = _shadow(_walk({"call-0": "card"}), _Bundle(), book, has_rule=False)
        await shadow(_ROUTE, _call(0))
        await shadow.settle()

    book = ShadowBook(tmp_path / "tickets.jsonl")
    asyncio.run(run())
    assert book.summary().kept is not None
    assert (None, None) == (book.summary().same, book.summary().changed)


def test_the_book_goes_on_where_it_stopped(tmp_path: Path):
    """A torn last line is cut off, so that the next one stands alone; a line that is none is named."""
    file = tmp_path / "tickets.jsonl"
    ShadowBook(file).add(Comparison(call_id="a", is_kept=True, is_same=True))
    with file.open("ab") as torn:
        torn.write(b'{"call_id": "b", "is_k')
    ShadowBook(file).add(Comparison(call_id="c", is_kept=False, is_same=None))
    assert (2, 1) == (ShadowBook(file).summary().n, ShadowBook(file).summary().n_kept)
    file.write_bytes(b"{}\n" + file.read_bytes())
    with pytest.raises(ArtefactError, match=r"tickets\.jsonl:1 is no comparison"):
        ShadowBook(file)


def test_no_comparison_is_no_number():
    """Without calls there is no share, no interval and no time: not 0."""
    summary = summary_of([])
    assert (0, None, None, None, None) == (
        summary.n,
        summary.kept,
        summary.same,
        summary.changed,
        summary.shadow_p50_ms,
    )
