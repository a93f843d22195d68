"""The endpoint of an API that asks models: HTTP in, a case at the gateway, HTTP or events out."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import orjson

from suffice.clock import Clock
from suffice.serve.call import Call
from suffice.serve.case import Case, Ending
from suffice.serve.errors import ABSTAINED, CLIENT_LEFT, CallError, NobodyAnswered, TierFailed
from suffice.serve.gateway import Gateway
from suffice.serve.reply import Outcome, Reply, Streaming, closed
from suffice.serve.wire import headers, sse
from suffice.serve.wire.about import About, about
from suffice.serve.wire.asked import Api
from suffice.serve.wire.body import read_object
from suffice.serve.wire.errors import error_headers, error_object, unforeseen
from suffice.serve.wire.exchange import ClientLeft, Exchange, Field
from suffice.serve.wire.waiting import waiting

_log = logging.getLogger(__name__)


class CallEndpoint:
    """Answers one API's requests; each one of an authenticated client ends as one event."""

    methods = ("POST",)

    def __init__(
        self,
        gateway: Gateway,
        api: Api,
        *,
        most_bytes: int,
        clock: Clock,
        ticket_url: Callable[[str], str],
    ) -> None:
        self._gateway = gateway
        self._api = api
        self._most_bytes = most_bytes
        self._clock = clock
        self._ticket_url = ticket_url

    async def __call__(self, exchange: Exchange) -> None:
        """Answers one request.

        Raises:
            NotAuthenticated: without a key there is no call, and no event.
            ClientLeft: nobody is there to hear an answer.
        """
        caller = await self._gateway.authenticate(exchange.authorization)
        case = self._gateway.open(exchange.id, self._api.operation, caller, traceparent=exchange.traceparent)
        try:
            await self._reply(exchange, case, await self._outcome(exchange, case))
        except CallError as error:
            if not await self._abstained(exchange, case, error):
                await self._refuse(exchange, case, error)
        except (ClientLeft, asyncio.CancelledError):
            self._end(case, b"", status=CLIENT_LEFT, error="client_left" if exchange.left else "stopped")
            raise
        except Exception:  # noqa: BLE001 - whatever it was, it is an event too, and the client gets an id
            _log.exception("%s failed", exchange.id)
            await self._refuse(exchange, case, unforeseen(exchange.id))

    async def _outcome(self, exchange: Exchange, case: Case) -> Outcome:
        told = headers.read(exchange.headers)
        case.request_bytes = raw = await exchange.body(self._most_bytes)
        asked = self._api.read(read_object(raw))
        exchange.watch()
        wishes = told.wishes if self._api.is_for_people else replace(told.wishes, no_people=True)
        return await self._gateway.answer(case, asked, route=told.route, wishes=wishes)

    async def _reply(self, exchange: Exchange, case: Case, outcome: Outcome) -> None:
        call = case.call
        if call is None:
            raise TypeError("a call that was answered is known to its case")
        who = about(call, outcome)
        if outcome.streaming is not None:
            await self._stream(exchange, case, outcome.streaming, who=who)
        elif outcome.reply is None:
            await self._queued(exchange, case, call, outcome.ticket or "", who=who)
        elif call.stream and self._api.parts is not None:
            events = (sse.event(part) for part in self._parts(call, outcome.reply, who))
            body = b"".join([*events, sse.DONE])
            self._end(case, body, status=200)
            await exchange.start_stream(headers.written(who))
            await exchange.send_part(body, more=False)
        else:
            whole = self._api.whole(call, outcome.reply, self._created())
            body = orjson.dumps({**whole, "suffice": who.to_json()})
            self._end(case, body, status=200)
            await exchange.send(200, body, headers.written(who))

    def _parts(self, call: Call, reply: Reply, who: About) -> list[dict[str, Any]]:
        """Returns the chunks of a whole reply, the first with who answered."""
        parts = list(self._api.parts(call, reply, self._created())) if self._api.parts is not None else []
        if parts:
            parts[0] = {**parts[0], "suffice": who.to_json()}
        return parts

    async def _stream(self, exchange: Exchange, case: Case, streaming: Streaming, *, who: About) -> None:
        self._gateway.first_token(case)
        sent = _Sent(is_kept=self._gateway.keeps_contents)
        try:
            error, last = await _pass_on(streaming, exchange, sent, who=who)
        except asyncio.CancelledError:
            # The head is out, so the status stays; the event says that the rest is not.
            self._end_stream(case, sent, error="client_left" if exchange.left else "stopped")
            raise
        sent.add(last)
        self._end_stream(case, sent, error=error)
        await exchange.send_part(last, more=False)

    def _end_stream(self, case: Case, sent: _Sent, *, error: str) -> None:
        self._gateway.end(case, Ending(status=200, sha256=sent.sha256, error=error, body=sent.kept))

    async def _queued(self, exchange: Exchange, case: Case, call: Call, ticket: str, *, who: About) -> None:
        """Sends a completion that says that a person will answer, and where."""
        url, created = self._ticket_url(ticket), self._created()
        reply = waiting(call, ticket, url, created)
        told = {"suffice": {**who.to_json(), "ticket": ticket, "url": url}}
        head = [*headers.written(who), (b"location", url.encode()), (b"x-suffice-ticket", ticket.encode())]
        if call.stream and self._api.parts is not None:
            first, *rest = self._api.parts(call, reply, created)
            body = b"".join([sse.event({**first, **told}), *map(sse.event, rest), sse.DONE])
            self._end(case, body, status=202)
            await exchange.start_stream(head, status=202)
            await exchange.send_part(body, more=False)
            return
        body = orjson.dumps({**self._api.whole(call, reply, created), "url": url, **told})
        self._end(case, body, status=202)
        await exchange.send(202, body, head)

    async def _abstained(self, exchange: Exchange, case: Case, error: CallError) -> bool:
        """Says whether the API has words for an answer that cannot be trusted, after sending them."""
        if error.code != ABSTAINED or self._api.abstained is None or case.call is None:
            return False
        who = About(request_id=case.id, route=case.call.route, escalated=case.is_escalated)
        body = orjson.dumps({**self._api.abstained(case.call), "suffice": who.to_json()})
        self._end(case, body, status=200, error=error.code)
        await exchange.send(200, body, headers.written(who))
        return True

    async def _refuse(self, exchange: Exchange, case: Case, error: CallError) -> None:
        body = orjson.dumps(error_object(error))
        self._end(case, body, status=error.status, error=error.code)
        await exchange.send(error.status, body, [*error_headers(error), *_route_headers(case)])

    def _end(self, case: Case, body: bytes, *, status: int, error: str = "") -> None:
        digest = hashlib.sha256(body).hexdigest()
        self._gateway.end(case, Ending(status=status, sha256=digest, error=error, body=body))

    def _created(self) -> int:
        return int(self._clock.now().timestamp())


class _Sent:
    """What was sent of a stream: its hash, and where contents are kept, its bytes."""

    def __init__(self, *, is_kept: bool) -> None:
        self._digest = hashlib.sha256()
        self._parts: list[bytes] | None = [] if is_kept else None

    def add(self, part: bytes) -> None:
        self._digest.update(part)
        if self._parts is not None:
            self._parts.append(part)

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    @property
    def kept(self) -> bytes | None:
        return None if self._parts is None else b"".join(self._parts)


async def _pass_on(streaming: Streaming, exchange: Exchange, sent: _Sent, *, who: About) -> tuple[str, bytes]:
    """Sends the head and a server's chunks; returns the error's code, "" for none, and the last event.

    Every chunk names the served model; the first one says who answers. However it ends, the
    connection to the server is closed when this returns.
    """
    model = streaming.model
    added: Mapping[str, Any] | None = {"model": model, "suffice": who.to_json()}
    try:
        await exchange.start_stream(headers.written(who))
        async for chunk in streaming.chunks:
            if added is not None:
                part = sse.event({**chunk, **added})
                added = None
            else:
                part = sse.event(_named(chunk, model))
            sent.add(part)
            await exchange.send_part(part)
    except TierFailed as failed:
        return "stream_broke", _broken(f"{streaming.tier} broke off: {failed.message}", "stream_broke")
    except Exception:  # noqa: BLE001 - after the head, only the stream itself can tell of it
        _log.exception("the stream of %s broke", exchange.id)
        failed_here = unforeseen(exchange.id)
        return failed_here.code, sse.event(error_object(failed_here))
    finally:
        await closed(streaming.chunks)
    return "", sse.DONE


def _named(chunk: Mapping[str, Any], model: str) -> Mapping[str, Any]:
    """Returns a chunk with the served model's name, and without what a server says in the gateway's place."""
    if "suffice" in chunk:
        chunk = {name: value for name, value in chunk.items() if name != "suffice"}
    return chunk if chunk.get("model") == model else {**chunk, "model": model}


def _route_headers(case: Case) -> Sequence[Field]:
    """Returns the headers of a call that was not answered: the route, and whether a tier was not trusted."""
    if case.route is None:
        return ()
    return headers.written(About(request_id=case.id, route=case.route.name, escalated=case.is_escalated))


def _broken(message: str, code: str) -> bytes:
    """Returns the event that OpenAI's clients raise as an error; after it there is no [DONE]."""
    return sse.event(error_object(NobodyAnswered(message, code=code)))
