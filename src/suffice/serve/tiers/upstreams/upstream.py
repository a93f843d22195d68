"""A tier that is an OpenAI-compatible server: vLLM, Ollama, LM Studio, Mistral, OpenAI ...

The client's body is passed on with the tier's model name; of its headers none is. What a server says
is checked before it is called an answer, and its failures never show its address or its key.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from suffice.clock import Clock, SystemClock
from suffice.models.http.endpoint import is_offline
from suffice.models.http.spend import Price
from suffice.ports import Usage
from suffice.serve.call import Call
from suffice.serve.errors import TierFailed, TierUnavailable
from suffice.serve.json_shape import brackets_in, excess_in, excess_unparsed
from suffice.serve.reply import Place, Reply, Streaming
from suffice.serve.tiers.upstreams.allowance import Allowance
from suffice.serve.tiers.upstreams.breaker import Breaker, BreakerState
from suffice.serve.tiers.upstreams.completion import cut_context, error_in, text_of, usage_in
from suffice.serve.tiers.upstreams.concurrency import Places
from suffice.serve.tiers.upstreams.exchange import Exchanges, Request
from suffice.serve.tiers.upstreams.http1.http_reply import HttpReply
from suffice.serve.tiers.upstreams.passed_on import (
    PATHS,
    body_for,
    can_stream,
    hides_usage,
    text_bytes,
    tokens_estimated,
)
from suffice.serve.tiers.upstreams.retries import ExchangeFailed, Retries, Sleep, TooSlow
from suffice.serve.tiers.upstreams.unread import unread_usage
from suffice.serve.tiers.upstreams.upstream_chunks import UpstreamChunks
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings

Result = TypeVar("Result")
# Where another call is just trying whether the server is back.
_SHORTEST_PAUSE_S = 1.0
# Of a model's name as servers say it: it is kept with every call, and shown.
_LONGEST_NAME = 200


@dataclass(slots=True)
class _Turn:
    """One call's place at the server and its number at the breaker; given back once."""

    places: Places
    breaker: Breaker
    number: int
    is_over: bool = False

    def end(self, *, failed: bool | None) -> None:
        if not self.is_over:
            self.is_over = True
            self.places.give_back()
            self.breaker.leave(self.number, failed=failed)


class UpstreamTier:
    """Asks one server, so many calls at once, and leaves it alone while it fails."""

    def __init__(
        self,
        settings: UpstreamSettings,
        *,
        clock: Clock | None = None,
        offline: bool = False,
        sleep: Sleep = asyncio.sleep,
        seed: int | None = None,
    ) -> None:
        self._settings = settings
        self._place = settings.place
        self._clock = clock or SystemClock()
        endpoint = settings.endpoint
        reachable = settings.reachable(offline=is_offline(asked=offline))
        self._exchanges = Exchanges(settings, reachable=reachable)
        self._retries = Retries(endpoint.waiting, sleep=sleep, seed=seed)
        self._breaker = Breaker(settings.breaker, clock=self._clock)
        self._places = Places(
            settings.name, places=endpoint.concurrency, queue=settings.queue, queue_s=settings.queue_s
        )

    @property
    def name(self) -> str:
        """Returns the name the site gives it."""
        return self._settings.name

    @property
    def place(self) -> Place:
        """Returns REMOTE, of a server on this machine too: it may pass on what it gets; or TRUSTED_LOCAL."""
        return self._place

    @property
    def price(self) -> Price | None:
        """Returns what its tokens cost, None where the site does not say."""
        return self._settings.endpoint.price

    @property
    def breaker_state(self) -> BreakerState:
        """Returns whether its circuit breaker lets calls through, for metrics and pages."""
        return self._breaker.state

    @property
    def load(self) -> tuple[int, int]:
        """Returns how many calls are at work and how many wait, for metrics."""
        return self._places.taken, self._places.waiting

    async def answer(self, call: Call) -> Reply:
        """Returns the server's whole reply; cancelling closes the connection.

        Raises:
            TierFailed: an error, a timeout, a reply that is none; `TierUnavailable`: the breaker is open.
            LimitReached: too many calls wait for it already.
        """
        request = self._prepared(call, stream=False)
        allowance = self._allowance(call)
        turn = await self._turn(allowance)
        reply = await self._in_turn(turn, request, self._whole, call=call, allowance=allowance)
        turn.end(failed=False)
        return reply

    async def stream(self, call: Call) -> Streaming | Reply:
        """Returns the server's reply in parts, once it has begun; whole where the server does not stream.

        Raises:
            TierFailed, LimitReached: as `answer`.
        """
        if not can_stream(call.operation):
            return await self.answer(call)
        request = self._prepared(call, stream=True)
        allowance = self._allowance(call)
        turn = await self._turn(allowance)

        async def begun(call: Call, reply: HttpReply, allowance: Allowance) -> Streaming | Reply:
            match reply.content_type:
                case "text/event-stream":
                    return await self._streaming(call, reply, allowance=allowance, turn=turn)
                case "application/json":
                    return await self._whole(call, reply, allowance)
            reply.close()
            raise ExchangeFailed(f"tier {self.name} sent no stream but {reply.content_type[:80]!r}")

        result = await self._in_turn(turn, request, begun, call=call, allowance=allowance)
        if isinstance(result, Reply):
            turn.end(failed=False)
        else:
            self._breaker.leave(turn.number, failed=False)  # a probe has succeeded once it begins
        return result

    async def close(self) -> None:
        """Closes the connections; twice is harmless."""
        await self._exchanges.close()

    def _prepared(self, call: Call, *, stream: bool) -> Request:
        stays = call.local_only or call.wishes.local_only
        if stays and self._place is Place.REMOTE:  # who asks should know; nothing leaves if not
            raise TierUnavailable(f"the call may not leave this machine for tier {self.name}")
        path = PATHS.get(call.operation)
        if path is None:
            raise TierUnavailable(f"tier {self.name} does not answer {call.operation.value} calls")
        key = self._exchanges.key()
        try:
            body = orjson.dumps(body_for(self._settings, call, stream=stream))
        except orjson.JSONEncodeError as error:
            message = f"tier {self.name}: the body cannot be sent as JSON: {error}"
            raise TierFailed(message, is_callers_fault=True) from error
        return Request(path, body, key, call.traceparent)

    def _allowance(self, call: Call) -> Allowance:
        settings = self._settings
        return Allowance(
            settings.name,
            settings.endpoint.waiting,
            clock=self._clock,
            deadline_s=call.deadline_s,
            fair_s=settings.breaker.fair_s,
        )

    async def _turn(self, allowance: Allowance) -> _Turn:
        number = self._breaker.enter()
        if number is None:
            retry_after_s = max(_SHORTEST_PAUSE_S, self._breaker.retry_after_s)
            raise TierUnavailable(f"tier {self.name} failed too often of late", retry_after_s=retry_after_s)
        if not self._places.take_free():
            try:
                await self._places.take(left_s=allowance.left_s())
            except BaseException:
                self._breaker.leave(number, failed=None)
                raise
        return _Turn(self._places, self._breaker, number)

    async def _in_turn(
        self,
        turn: _Turn,
        request: Request,
        read: Callable[[Call, HttpReply, Allowance], Awaitable[Result]],
        *,
        call: Call,
        allowance: Allowance,
    ) -> Result:
        """Returns what `read` makes of the reply, after as many attempts as it takes and the site allows."""
        attempt = 0
        try:
            while True:
                attempt += 1
                allowance.restart()
                try:
                    return await read(call, await self._exchanges.open(request, allowance), allowance)
                except ExchangeFailed as failure:
                    await self._retries.pause(attempt, failure, left_s=allowance.left_s())
        except BaseException as failure:  # cancelled: says nothing about the server
            turn.end(failed=failure.blames_server if isinstance(failure, ExchangeFailed) else None)
            if isinstance(failure, TooSlow) or not isinstance(failure, ExchangeFailed):  # it may be at work
                self._charge_unread(call, unread_usage(call, asked_s=allowance.asked_for_s()))
            raise

    async def _whole(self, call: Call, reply: HttpReply, allowance: Allowance) -> Reply:
        return self._reply(call, await self._exchanges.read(reply, allowance))

    async def _streaming(
        self, call: Call, reply: HttpReply, *, allowance: Allowance, turn: _Turn
    ) -> Streaming:
        is_out = False

        def at_end(usage: Usage, failure: ExchangeFailed | None) -> None:
            streaming.usage = usage
            streaming.cost_usd = self._cost_usd(usage)
            is_known = usage.output_tokens is not None and failure is None and chunks.is_over
            if is_out and not is_known:  # it ended before its count came, or the last one: the server is paid
                read = tokens_estimated(call) if usage.input_tokens is None else 0
                written = max(0, chunks.tokens_estimated - (usage.output_tokens or 0))
                self._charge_unread(call, Usage(input_tokens=read, output_tokens=written))
            turn.end(failed=failure.blames_server if failure else None)

        chunks = UpstreamChunks(
            reply,
            settings=self._settings,
            allowance=allowance,
            hides_usage=hides_usage(call),
            at_end=at_end,
        )
        model = self._settings.endpoint.model
        streaming = Streaming(
            tier=self.name, place=self._place, model=model, chunks=chunks, at_hand=chunks.at_hand
        )
        streaming.model = (await chunks.begin())[:_LONGEST_NAME] or model
        is_out = True
        return streaming

    def _charge_unread(self, call: Call, usage: Usage) -> None:
        """Counts what nobody read against the caller's budgets: the server may be paid all the same."""
        call.unread.tokens += (usage.input_tokens or 0) + (usage.output_tokens or 0)
        call.unread.usd += self._cost_usd(usage) or 0.0

    def _reply(self, call: Call, data: bytes) -> Reply:
        payload = self._parsed(data)
        if error_in(payload):
            raise ExchangeFailed(f"tier {self.name} sent an error with status 200")
        text = text_of(call.operation, payload)
        if text is None:
            raise ExchangeFailed(f"tier {self.name} sent JSON that is no {call.operation.value} reply")
        usage = usage_in(payload)
        model = payload.get("model")
        return Reply(
            tier=self.name,
            place=self._place,
            model=model[:_LONGEST_NAME]
            if isinstance(model, str) and model
            else self._settings.endpoint.model,
            text=text,
            why=cut_context(sent_bytes=text_bytes(call), usage=usage),
            payload=payload,
            usage=usage,
            cost_usd=self._cost_usd(usage),
        )

    def _parsed(self, data: bytes) -> Any:
        brackets = brackets_in(data)
        excess = excess_unparsed(data, brackets)
        try:
            payload = None if excess else orjson.loads(data)
        except orjson.JSONDecodeError as error:
            raise ExchangeFailed(f"tier {self.name} sent a reply that is no JSON") from error
        if excess := excess or excess_in(payload, brackets):
            raise ExchangeFailed(f"tier {self.name} sent a reply with {excess}")
        return payload

    def _cost_usd(self, usage: Usage) -> float | None:
        """Returns what the tokens cost, None where price or tokens are not known."""
        price = self.price
        if price is None or usage.input_tokens is None:
            return None
        if usage.output_tokens is None and price.usd_per_1m_output:
            return None
        return price.cost_usd(input_tokens=usage.input_tokens, output_tokens=usage.output_tokens or 0)
