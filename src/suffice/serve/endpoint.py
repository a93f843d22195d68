"""The endpoint of an API that asks models: HTTP in, a case at the gateway, HTTP or events out."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Callable, Sequence
from dataclasses import replace

import orjson

from suffice.clock import Clock
from suffice.serve.call import Call
from suffice.serve.case import Case, Ending
from suffice.serve.errors import ABSTAINED, CLIENT_LEFT, CallError, NobodyAnswered, TierFailed
from suffice.serve.gateway import Gateway
from suffice.serve.reply import Outcome, Reply, Streaming, closed
from suffice.serve.wire import headers
from suffice.serve.wire.about import About, about
from suffice.serve.wire.asked import Api, EventWriter
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
        who, form = about(call, outcome), self._api.stream
        if form is not None and outcome.streaming is not None:
            events = form.events(call, who, outcome.streaming.model, self._created())
            await self._stream(exchange, case, outcome.streaming, events, headers.written(who))
        elif outcome.reply is None:
            await self._queued(exchange, case, call, outcome.ticket or "", who=who)
        else:
            await self._whole(exchange, case, call, outcome.reply, who=who)

    async def _whole(
        self,
        exchange: Exchange,
        case: Case,
        call: Call,
        reply: Reply,
        *,
        who: About,
        added: Sequence[Field] = (),
    ) -> None:
        """Sends a whole reply, as a stream where the client wants one; a ticket's is a 202."""
        form, created, status = self._api.stream, self._created(), 202 if who.ticket else 200
        head = [*headers.written(who), *added]
        if form is not None and call.stream:
            events = form.events(call, who, reply.model, created)
            body = b"".join([*map(events.take, form.parts(call, reply, created)), events.end()])
            self._end(case, body, status=status)
            await exchange.start_stream(head, status=status)
            await exchange.send_part(body, more=False)
            return
        link = {"url": who.url} if who.ticket else {}
        body = orjson.dumps({**self._api.whole(call, reply, created), **link, "suffice": who.to_json()})
        self._end(case, body, status=status)
        await exchange.send(status, body, head)

    async def _stream(
        self,
        exchange: Exchange,
        case: Case,
        streaming: Streaming,
        events: EventWriter,
        head: Sequence[Field],
    ) -> None:
        self._gateway.first_token(case)
        sent = _Sent(is_kept=self._gateway.keeps_contents)
        try:
            error, last = await _pass_on(streaming, exchange, head=head, events=events, sent=sent)
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
        url = self._ticket_url(ticket)
        reply, who = waiting(call, ticket, url, self._created()), replace(who, ticket=ticket, url=url)
        added = [(b"location", url.encode()), (b"x-suffice-ticket", ticket.encode())]
        await self._whole(exchange, case, call, reply, who=who, added=added)

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
        error = self._gateway.refusal(case, error)
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


async def _pass_on(
    streaming: Streaming, exchange: Exchange, *, head: Sequence[Field], events: EventWriter, sent: _Sent
) -> tuple[str, bytes]:
    """Sends the head and a server's chunks; returns the error's code, "" for none, and the last event.

    Chunks that came together are sent together: each part costs a system call here and one at the client.
    However it ends, the connection to the server is closed when this returns.
    """
    at_hand = streaming.at_hand
    try:
        await exchange.start_stream(head)
        async for chunk in streaming.chunks:
            part = events.take(chunk)
            if at_hand is not None and (others := at_hand()):
                part = b"".join([part, *map(events.take, others)])
            if part:
                sent.add(part)
                await exchange.send_part(part)
    except TierFailed as failed:
        message = f"{streaming.tier} broke off: {failed.message}"
        return "stream_broke", events.broken(NobodyAnswered(message, code="stream_broke"))
    except Exception:  # noqa: BLE001 - after the head, only the stream itself can tell of it
        _log.exception("the stream of %s broke", exchange.id)
        failed_here = unforeseen(exchange.id)
        return failed_here.code, events.broken(failed_here)
    finally:
        await closed(streaming.chunks)
    return "", events.end()


def _route_headers(case: Case) -> Sequence[Field]:
    """Returns the headers of a call that was not answered: the route, and whether a tier was not trusted."""
    if case.route is None:
        return ()
    return headers.written(About(request_id=case.id, route=case.route.name, escalated=case.is_escalated))
