"""The chunks of a server's stream, checked one by one; leaving them closes the connection."""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self

import orjson

from suffice.ports import UNKNOWN_USAGE, Usage
from suffice.serve.tiers.upstreams.allowance import Allowance
from suffice.serve.tiers.upstreams.completion import begins, error_in, usage_in
from suffice.serve.tiers.upstreams.exchange import broken_off
from suffice.serve.tiers.upstreams.http1.failures import HttpFailed
from suffice.serve.tiers.upstreams.http1.http_reply import HttpReply
from suffice.serve.tiers.upstreams.retries import ExchangeFailed
from suffice.serve.tiers.upstreams.sse_reader import EventTooLarge, SseReader
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings

_DONE = b"[DONE]"
# A stream's last bytes come with or just after its last event; for longer the client does not wait.
_LINGER_S = 0.05
_SIGNS_A_TOKEN = 4

Chunk = Mapping[str, Any]


class UpstreamChunks:
    """An asynchronous iterator over the chunks of one reply.

    A class, not a generator: leaving a generator that was never begun would not close the
    connection. `at_end` is told once that the stream is over, with its usage and what broke it (None:
    nothing did, or the reader left early).
    """

    def __init__(
        self,
        reply: HttpReply,
        *,
        settings: UpstreamSettings,
        allowance: Allowance,
        hides_usage: bool,
        at_end: Callable[[Usage, ExchangeFailed | None], None],
    ) -> None:
        self._reply = reply
        self._settings = settings
        self._allowance = allowance
        self._hides_usage = hides_usage
        self._at_end = at_end
        self._reader = SseReader(event_bytes=settings.event_bytes)
        self._ready: deque[Chunk] = deque()
        self._usage = UNKNOWN_USAGE
        self._failure: ExchangeFailed | None = None
        self._bytes = 0
        self._events = self._signs = 0
        self._finished: dict[int, bool] = {}
        self._has_begun = False
        self._is_over = False
        self._is_closed = False

    def __del__(self) -> None:
        """Frees the place at the server where whoever had the stream forgot to leave it."""
        self._close(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Chunk:
        while not self._ready:
            if self._is_closed:
                raise StopAsyncIteration
            if self._is_over:
                await self._end()
            else:
                await self._advance()
        return self._ready.popleft()

    def at_hand(self) -> Sequence[Chunk]:
        """Returns the chunks that are there already; the iterator goes on after them."""
        ready, self._ready = self._ready, deque()
        return ready

    async def begin(self) -> str:
        """Returns the model's name, "" where the server states none, once the answer has begun.

        Raises:
            ExchangeFailed: it ended, broke or was nonsense before.
        """
        while not self._has_begun and not self._is_over:
            await self._advance()
        if not self._has_begun:
            await self._end()
        model = self._ready[0].get("model") if self._ready else None
        return model if isinstance(model, str) else ""

    @property
    def is_over(self) -> bool:
        """Says whether all of it was read, or it broke."""
        return self._is_over

    @property
    def tokens_estimated(self) -> int:
        """Returns about how many tokens were written so far: most servers send one in an event."""
        return max(self._events, self._signs // _SIGNS_A_TOKEN)

    async def aclose(self) -> None:
        """Leaves the stream: closes its connection, unless it was read to its end; twice is harmless."""
        self._close(None)

    async def _end(self) -> None:
        """Ends a stream that is over.

        Raises:
            ExchangeFailed: it was not whole.
        """
        failure, self._failure = self._failure, None
        if failure is None and not self._is_whole():
            failure = ExchangeFailed(f"tier {self._settings.name} broke off within its stream")
        if failure is None:
            await self._reply.drain(_LINGER_S)  # so that its connection can be used again
        self._close(failure)
        if failure is not None:
            try:
                raise failure
            finally:
                del failure  # it knows this frame, which would keep it

    def _close(self, failure: ExchangeFailed | None) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._reply.close()
            at_end, self._at_end = self._at_end, _nobody  # who hears it mostly knows this stream
            at_end(self._usage, failure)

    def _is_whole(self) -> bool:
        """Says whether every answer that began has come to its end."""
        return bool(self._finished) and all(self._finished.values())

    async def _advance(self) -> None:
        """Takes in the next bytes; a fault is kept until the chunks before it are handed out."""
        try:
            piece = await self._piece()
            events = self._reader.feed(piece) if piece else self._reader.finish()
            for event in events:
                if self._is_over:
                    break
                self._take(event)
            self._is_over = self._is_over or not piece
        except ExchangeFailed as failure:
            self._failure, self._is_over = failure, True
        except EventTooLarge as error:
            self._failure = ExchangeFailed(f"tier {self._settings.name}: {error.message}")
            self._is_over = True
        except BaseException:  # cancelled: the client left
            self._close(None)
            raise

    async def _piece(self) -> bytes:
        allowance, name = self._allowance, self._settings.name
        try:
            piece = await self._reply.piece(allowance.next_s() if self._has_begun else allowance.first_s())
        except TimeoutError as error:
            what = "stalled within its stream, no more came" if self._has_begun else "began no answer"
            raise allowance.ran_out(what) from error
        except HttpFailed as error:
            if self._is_whole():
                return b""  # every answer had come to its end
            raise broken_off(name, "its stream", error) from error
        self._bytes += len(piece)
        if self._bytes > self._settings.reply_bytes:
            raise ExchangeFailed(f"tier {name} sent more than {self._settings.reply_bytes:,} bytes")
        return piece

    def _take(self, event: bytes) -> None:
        """Takes in one event; every chunk passes here, so the usual one is looked at least."""
        if event == _DONE:
            self._is_over = True
            return
        if not event:
            return
        try:
            chunk = orjson.loads(event)
            choices = chunk["choices"]
            self._note(choices)
            if type(choices) is not list:
                raise self._no_chunk(chunk)
        except orjson.JSONDecodeError as error:
            raise ExchangeFailed(f"tier {self._settings.name} sent an event that is no JSON") from error
        except (TypeError, LookupError, AttributeError) as error:
            raise self._no_chunk(chunk) from error
        if chunk.get("error"):  # some servers send one with choices beside it
            raise self._no_chunk(chunk)
        if not self._has_begun:
            self._has_begun = begins(choices)
        if "usage" not in chunk or self._shows_after_usage(chunk, choices):
            self._ready.append(chunk)

    def _no_chunk(self, event: Any) -> ExchangeFailed:
        what = (
            "an error within its stream" if error_in(event) else "an event that is no chunk of a completion"
        )
        return ExchangeFailed(f"tier {self._settings.name} sent {what}")

    def _shows_after_usage(self, chunk: dict[str, Any], choices: Sequence[Any]) -> bool:
        """Takes a chunk's usage; says whether anything is left for a client that did not ask for it."""
        if chunk["usage"]:
            self._usage = usage_in(chunk)
        return not self._hides_usage or chunk.pop("usage") is None or bool(choices)

    def _note(self, choices: Sequence[Any]) -> None:
        """Takes note of which choices are under way, and which have come to their end.

        Raises:
            TypeError, AttributeError: they are no choices.
        """
        self._events += 1
        finished = self._finished
        for choice in choices:
            delta = choice.get("delta")
            if type(delta) is dict:
                said = delta.get("content")
            elif delta is None:
                said = choice.get("text")
            else:
                raise TypeError("a delta is an object")
            if type(said) is str:
                self._signs += len(said)
            number = choice.get("index", 0)
            if choice.get("finish_reason"):
                finished[number] = True
            elif number not in finished:
                finished[number] = False


def _nobody(_usage: Usage, _failure: ExchangeFailed | None) -> None:
    """Hears the end of a stream that was told already."""
