"""One HTTP call that either brings a JSON object or says what went wrong, in bounded time."""

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import numpy as np

from suffice.errors import ModelError
from suffice.models.http.endpoint import Endpoint

LARGEST_REPLY_BYTES = 8 << 20
_QUOTED_BYTES = 120
LATER = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
_HOPELESS = frozenset({401, 402, 403, 404, 405})

Sleep = Callable[[float], Awaitable[Any]]


class CallFailed(ModelError):  # noqa: N818 - reads as what it is where it is caught
    """A call that brought no reply.

    `hopeless`: every other call would fail alike. `billed`: the server may have done the work.
    `pause_s`: how long the server asks to wait.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str | None = None,
        retryable: bool = False,
        hopeless: bool = False,
        billed: bool = False,
        pause_s: float | None = None,
    ) -> None:
        super().__init__(message, hint=hint, retryable=retryable)
        self.hopeless = hopeless
        self.billed = billed
        self.pause_s = pause_s


def quote(data: bytes, *, secret: str | None = None) -> str:
    """Returns the first bytes of a reply fit for a message: printable, short, without the key."""
    text = data[: _QUOTED_BYTES * 4].decode("utf-8", "replace")
    if secret:
        text = text.replace(secret, "***")
    shown = "".join(sign if sign.isprintable() else " " for sign in text)[:_QUOTED_BYTES]
    return repr(" ".join(shown.split()))


class Transport:
    """Sends chats to one endpoint; holds its connections and its backoff's randomness."""

    def __init__(self, endpoint: Endpoint, *, sleep: Sleep = asyncio.sleep, seed: int = 0) -> None:
        self._endpoint = endpoint
        self._sleep = sleep
        self._rng = np.random.default_rng(seed)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def post(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Returns the reply's JSON object, trying again only before a reply's first byte.

        Raises:
            CallFailed: no usable reply; the message names the host and quotes the reply's start.
        """
        waiting = self._endpoint.waiting
        for attempt in range(1, waiting.attempts + 1):
            try:
                return await self._post_once(body)
            except CallFailed as failure:
                pause_s = self._pause_s(attempt, failure)
                if not failure.retryable or attempt == waiting.attempts or pause_s > waiting.longest_pause_s:
                    raise
            await self._sleep(pause_s)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def close(self) -> None:
        """Closes the connections; twice is harmless."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _pause_s(self, attempt: int, failure: CallFailed) -> float:
        """Returns the pause before the next attempt: what the server asks, or a doubling one, jittered."""
        if failure.pause_s is not None:
            return failure.pause_s
        doubled = self._endpoint.waiting.backoff_s * 2.0 ** (attempt - 1)
        return float(doubled * self._rng.uniform(0.5, 1.5))

    async def _post_once(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        host, waiting = self._endpoint.host, self._endpoint.waiting
        key = self._endpoint.api_key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            async with asyncio.timeout(waiting.total_s):
                response = await self._send(body, headers)
                async with response:
                    data = await self._read(response)
        except TimeoutError as error:
            raise CallFailed(f"{host} did not finish within {waiting.total_s:g} s", billed=True) from error
        if response.status != 200:
            raise _refusal(host, response, quote(data, secret=key), data)
        try:
            reply = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise CallFailed(
                f"{host} answered {quote(data, secret=key)}, which is no JSON", billed=True
            ) from error
        if not isinstance(reply, dict):
            raise CallFailed(
                f"{host} answered {quote(data, secret=key)}, which is no JSON object", billed=True
            )
        return reply

    async def _send(self, body: Mapping[str, Any], headers: Mapping[str, str]) -> aiohttp.ClientResponse:
        host, waiting = self._endpoint.host, self._endpoint.waiting
        try:
            async with asyncio.timeout(waiting.first_byte_s):
                return await self._open_session().post(
                    self._endpoint.url, json=body, headers=headers, allow_redirects=False
                )
        except aiohttp.ConnectionTimeoutError as error:
            raise CallFailed(
                f"{host} took no connection in {waiting.connect_s:g} s", retryable=True
            ) from error
        except aiohttp.ClientError as error:
            raise CallFailed(
                f"{host} cannot be reached: {type(error).__name__}",
                hint="is the server running, and base_url right?",
                retryable=True,
            ) from error
        except TimeoutError as error:
            raise CallFailed(
                f"{host} sent no byte of a reply within {waiting.first_byte_s:g} s", billed=True
            ) from error

    async def _read(self, response: aiohttp.ClientResponse) -> bytes:
        """Returns the reply's body; a pause, a break and a flood each end it."""
        host, idle_s = self._endpoint.host, self._endpoint.waiting.idle_s
        data = bytearray()
        try:
            while True:
                async with asyncio.timeout(idle_s):
                    chunk = await response.content.readany()
                if not chunk:
                    return bytes(data)
                data += chunk
                if len(data) > LARGEST_REPLY_BYTES:
                    raise CallFailed(f"{host} sent more than {LARGEST_REPLY_BYTES >> 20} MiB", billed=True)
        except TimeoutError as error:
            raise CallFailed(
                f"{host} stalled for {idle_s:g} s after {len(data)} bytes of its reply", billed=True
            ) from error
        except aiohttp.ClientError as error:
            raise CallFailed(f"{host} broke off after {len(data)} bytes of its reply", billed=True) from error

    def _open_session(self) -> aiohttp.ClientSession:
        """Returns the session of the running loop: connections cannot move to another."""
        loop = asyncio.get_running_loop()
        if self._session is None or self._session.closed or self._loop is not loop:
            connect_s = self._endpoint.waiting.connect_s
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect_s)
            self._session = aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar())
            self._loop = loop
        return self._session


def _refusal(host: str, response: aiohttp.ClientResponse, quoted: str, data: bytes) -> CallFailed:
    """Returns what a status other than 200 means."""
    status = response.status
    if 300 <= status < 400:
        return CallFailed(
            f"{host} redirects elsewhere (status {status}); redirects are not followed",
            hint="put the final address in base_url",
            hopeless=True,
        )
    if status == 429 and b"insufficient_quota" in data:
        return CallFailed(f"{host}: the account has no money left: {quoted}", hopeless=True)
    if status in LATER:
        pause_s = pause_asked_s(response.headers.get("Retry-After"))
        wait = "" if pause_s is None else f", and asks to wait {pause_s:g} s"
        return CallFailed(f"{host} answered status {status}{wait}: {quoted}", retryable=True, pause_s=pause_s)
    hints = {
        401: "is the key right?",
        403: "may this key use this model?",
        404: "are base_url and model right?",
    }
    return CallFailed(
        f"{host} answered status {status}: {quoted}", hint=hints.get(status), hopeless=status in _HOPELESS
    )


def pause_asked_s(header: str | None) -> float | None:
    """Returns the seconds of a Retry-After header, in either of its forms (RFC 9110, 10.2.3)."""
    if header is None:
        return None
    if header.strip().isdecimal():
        return float(header)
    try:
        when = parsedate_to_datetime(header)
    except ValueError:
        return None
    when = when if when.tzinfo else when.replace(tzinfo=UTC)
    return max(0.0, (when - datetime.now(UTC)).total_seconds())
