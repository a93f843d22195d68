"""One HTTP exchange with a server: an open response with status 200, or what went wrong, in bounded time."""

import asyncio
from dataclasses import dataclass

import orjson

from suffice.errors import ModelError
from suffice.models.http.transport import LATER, pause_asked_s
from suffice.serve.errors import TierUnavailable
from suffice.serve.tiers.upstreams.addresses import Reachable
from suffice.serve.tiers.upstreams.allowance import Allowance
from suffice.serve.tiers.upstreams.completion import error_in
from suffice.serve.tiers.upstreams.http1.connecting import Connecting
from suffice.serve.tiers.upstreams.http1.connection import Connection
from suffice.serve.tiers.upstreams.http1.failures import (
    AddressesRefused,
    BrokenOff,
    HttpFailed,
    NoReply,
    NotConnected,
    NotTrusted,
    ReplyTooLarge,
)
from suffice.serve.tiers.upstreams.http1.http_reply import HttpReply
from suffice.serve.tiers.upstreams.http1.pool import Pool
from suffice.serve.tiers.upstreams.http1.request_head import Origin, RequestHeads
from suffice.serve.tiers.upstreams.retries import ExchangeFailed
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings
from suffice.serve.time_limit import TimeLimit

# The site is at fault where these come: its key, its money, its address, its model's name.
_SITES_FAULT = frozenset({401, 402, 403, 404, 405, 407, 410})
_ERROR_BYTES = 1 << 16
_SHOWN = 300
_PLAIN = frozenset({"", "identity"})


@dataclass(slots=True)
class Request:
    """What is sent: a JSON body to a path below the server's own.

    `key` is what `Exchanges.key` returned, None for none. `traceparent` is the header of that name
    (W3C Trace Context), "" for none.
    """

    path: str
    body: bytes
    key: str | None
    traceparent: str


class Exchanges:
    """Sends bodies to one server, over connections that only go to addresses that were checked."""

    def __init__(self, settings: UpstreamSettings, *, reachable: Reachable) -> None:
        self._settings = settings
        self._tier = settings.name
        self._refused = reachable.refusal_of_host(settings.endpoint.host)
        origin = Origin(settings.endpoint.base_url)
        self._heads = RequestHeads(origin)
        connect_s = settings.endpoint.waiting.connect_s
        self._connecting = Connecting(origin, reachable, connect_s=connect_s)
        self._pool: Pool | None = None

    def key(self) -> str | None:
        """Returns the key to send; refuses to send anything where that is known to be no use.

        Raises:
            TierUnavailable: the address is refused, the server is out of reach while offline, or has no key.
        """
        if self._refused is not None:
            raise TierUnavailable(f"tier {self._tier} may not be reached: {self._refused}")
        return self._key()

    async def open(self, request: Request, allowance: Allowance) -> HttpReply:
        """Returns the reply to a request, with status 200, its own body perhaps yet to come.

        Raises:
            ExchangeFailed: no connection, no reply in time, another status.
        """
        pool = self._pool
        if pool is None or pool.loop is not asyncio.get_running_loop():
            # Connections cannot move to another loop.
            pool = self._pool = Pool(self._connecting)
        head = self._heads.head(
            request.path, key=request.key, traceparent=request.traceparent, length=len(request.body)
        )
        connection = pool.idle() or await self._connected(pool, allowance)
        is_used = connection.is_used
        reply = connection.send(head, request.body)
        try:
            await reply.head(allowance.first_s())
        except TimeoutError as error:
            raise allowance.ran_out("sent no byte of a reply") from error
        except HttpFailed as error:
            failure = self._unanswered(error, reply)
            if failure.retryable and is_used:
                # It had closed a connection that was kept: a fresh one need not wait.
                failure.pause_s = 0.0
                pool.drop_idle()
            raise failure from error
        if reply.status != 200:
            raise await self._refusal(reply, allowance)
        if reply.encoding not in _PLAIN:
            reply.close()
            raise ExchangeFailed(f"tier {self._tier} sent a compressed reply, which nobody asked for")
        return reply

    async def read(self, reply: HttpReply, allowance: Allowance) -> bytes:
        """Returns a reply's whole body; a pause, a break and a flood each end it.

        Raises:
            ExchangeFailed: as above.
        """
        try:
            return await reply.whole(most_bytes=self._settings.reply_bytes, next_s=allowance.next_s)
        except TimeoutError as error:
            raise allowance.ran_out("did not finish its reply") from error
        except ReplyTooLarge as error:
            raise ExchangeFailed(f"tier {self._tier} sent {error.message}") from error
        except HttpFailed as error:
            raise broken_off(self._tier, "its reply", error) from error
        finally:
            reply.close()

    async def close(self) -> None:
        """Closes the connections; twice is harmless."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await pool.close()

    async def _connected(self, pool: Pool, allowance: Allowance) -> Connection:
        try:
            with TimeLimit(allowance.first_s()):
                return await pool.connected()
        except TimeoutError as error:
            raise allowance.ran_out("took no connection", is_asked=False) from error
        except AddressesRefused as error:
            raise ExchangeFailed(f"tier {self._tier} may not be reached: {error.message}") from error
        except NotConnected as error:
            may_pass = not isinstance(error, NotTrusted)
            raise ExchangeFailed(f"tier {self._tier} {error.message}", retryable=may_pass) from error
        except BrokenOff as error:
            raise ExchangeFailed(f"tier {self._tier} was closed") from error

    def _unanswered(self, error: HttpFailed, reply: HttpReply) -> ExchangeFailed:
        """Returns the failure of a reply whose head never came."""
        if isinstance(error, NoReply):
            return ExchangeFailed(f"tier {self._tier} sent what is no HTTP reply: {error.message}")
        message = f"tier {self._tier} broke off before its reply"
        return ExchangeFailed(message, retryable=not reply.has_begun)

    def _key(self) -> str | None:
        try:
            key = self._settings.endpoint.api_key()
        except ModelError as error:
            raise TierUnavailable(f"tier {self._tier} has no key: its variable is empty") from error
        if key is not None and not (key.isascii() and key.isprintable()):
            raise TierUnavailable(f"tier {self._tier}: its key holds signs that no header may have")
        return key

    async def _refusal(self, reply: HttpReply, allowance: Allowance) -> ExchangeFailed:
        """Returns what a status other than 200 means; with the server's words only where the client erred."""
        status = reply.status
        try:
            data = await reply.whole(most_bytes=_ERROR_BYTES, next_s=allowance.next_s)
        except (TimeoutError, HttpFailed):
            data = b""
        finally:
            reply.close()
        said = f"tier {self._tier} answered status {status}"
        if 300 <= status < 400:
            return ExchangeFailed(f"{said}: redirects are not followed", status=status)
        if status in LATER:
            pause_s = pause_asked_s(reply.retry_after)
            retryable = b"insufficient_quota" not in data
            return ExchangeFailed(said, status=status, retryable=retryable, pause_s=pause_s)
        if 400 <= status < 500 and status not in _SITES_FAULT:
            words = self._words(data)
            message = f"{said}: {words}" if words else said
            return ExchangeFailed(message, status=status, is_callers_fault=True, blames_server=False)
        return ExchangeFailed(said, status=status)

    def _words(self, data: bytes) -> str:
        """Returns an error object's message: printable, short, without the key; "" where there is none."""
        try:
            error = error_in(orjson.loads(data))
        except orjson.JSONDecodeError:
            return ""
        message = error.get("message") if isinstance(error, dict) else error
        if not isinstance(message, str):
            return ""
        if key := self._key():
            message = message.replace(key, "***")
        shown = "".join(sign if sign.isprintable() else " " for sign in message[: 4 * _SHOWN])
        return " ".join(shown.split())[:_SHOWN]


def broken_off(tier: str, what: str, error: HttpFailed) -> ExchangeFailed:
    """Returns the failure of a reply that had begun; `what` names it."""
    if isinstance(error, NoReply):
        return ExchangeFailed(f"tier {tier} sent nonsense within {what}: {error.message}")
    return ExchangeFailed(f"tier {tier} broke off within {what}")
