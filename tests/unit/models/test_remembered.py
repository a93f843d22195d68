"""A model with a memory: batches that outlast a kill, nothing asked twice, failures asked again."""

import asyncio
import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from suffice.errors import ModelError
from suffice.ledger.store import RunStore
from suffice.models.remembered import Remembered
from suffice.ports import Answer, Request


class Counting:
    """Answers each text with itself, notes every batch it gets, and breaks at a text it is told."""

    name = "counting"
    simulated = False

    def __init__(self, *, breaks_at: str = "", fails_on: str = "") -> None:
        self.batches: list[list[str]] = []
        self._breaks_at, self._fails_on = breaks_at, fails_on

    async def answer(self, requests: Sequence[Request]) -> list[Answer]:
        """Returns the texts; a failure is an answer's error."""
        texts = [request.text for request in requests]
        if self._breaks_at in texts:
            raise ModelError("broke")
        self.batches.append(texts)
        return [
            Answer(text=None, error="failed") if text == self._fails_on else Answer(text=text)
            for text in texts
        ]

    async def close(self) -> None:
        """Does nothing."""


REQUESTS = [Request(text=str(number), key=f"key {number}") for number in range(150)]


@pytest.fixture(name="store")
def _store(tmp_path: Path) -> Iterator[RunStore]:
    with contextlib.closing(RunStore(tmp_path)) as store:
        yield store


def answers(model: Counting, store: RunStore, requests: Sequence[Request] = REQUESTS) -> list[Answer]:
    """Returns the answers of the model with its memory."""
    kept = Remembered(model, fingerprint="f", store=store, progress=lambda *_: None)
    return asyncio.run(kept.answer(requests))


def test_what_was_answered_before_a_break_is_not_asked_again(store: RunStore) -> None:
    """A model that breaks at request 140 has 128 answers kept; the next one is asked the last 22 only."""
    first = Counting(breaks_at="140")
    with pytest.raises(ModelError):
        answers(first, store)
    assert [64, 64] == [len(batch) for batch in first.batches]
    second = Counting()
    given = answers(second, store)
    assert [[str(number) for number in range(128, 150)]] == second.batches
    assert [request.text for request in REQUESTS] == [answer.text for answer in given]


def test_equal_requests_are_asked_once(store: RunStore) -> None:
    """Two requests of one key are one question."""
    model = Counting()
    given = answers(model, store, [REQUESTS[0], REQUESTS[1], REQUESTS[0]])
    assert ([["0", "1"]], ["0", "1", "0"]) == (model.batches, [answer.text for answer in given])


def test_a_failure_is_told_but_not_kept(store: RunStore) -> None:
    """An answer with an error comes back as it is, and the next run asks again."""
    given = answers(Counting(fails_on="1"), store, REQUESTS[:3])
    assert [None, "failed", None] == [answer.error for answer in given]
    model = Counting()
    assert "1" == answers(model, store, REQUESTS[:3])[1].text
    assert [["1"]] == model.batches


def test_progress_tells_what_is_left_to_ask(store: RunStore) -> None:
    """Batch by batch; what the store knows is no part of it."""
    answers(Counting(), store, REQUESTS[:50])
    heard: list[tuple[str, float, float]] = []
    kept = Remembered(Counting(), fingerprint="f", store=store, progress=lambda *what: heard.append(what))
    asyncio.run(kept.answer(REQUESTS))
    assert [("ask counting", 64, 100), ("ask counting", 100, 100)] == heard
