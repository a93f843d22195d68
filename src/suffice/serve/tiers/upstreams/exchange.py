"""One HTTP exchange with a server: an open response with status 200, or what went wrong, in bounded time."""

import asyncio
import errno

import aiohttp
import orjson
from yarl import URL

from suffice.errors import ModelError
from suffice.models.http.transport import LATER, pause_asked_s
from suffice.serve.errors import TierUnavailable
from suffice.serve.tiers.upstreams.addresses import Reachable
from suffice.serve.tiers.upstreams.allowance import Allowance
from suffice.serve.tiers.upstreams.completion import error_in
from suffice.serve.tiers.upstreams.retries import ExchangeFailed
from suffice.serve.tiers.upstreams.upstream_settings import UpstreamSettings
from suffice.serve.time_limit import TimeLimit

# The site is at fault where these come: its key, its money, its address, its model's name.
_SITES_FAULT = frozenset({401, 402, 403, 404, 405, 407, 410})
_ERROR_BYTES = 1 << 16
_SHOWN = 300
_KEEP_ALIVE_S = 15.0
# Compressed replies would have to be unpacked before their size is known.
_HEADERS = {"Accept-Encoding": "identity", "Content-Type": "application/json", "User-Agent": "suffice"}


class Exchanges:
    """Sends bodies to one server, over connections that only go to addresses that were checked."""

    def __init__(self, settings: UpstreamSettings, *, reachable: Reachable) -> None:
        self._settings = settings
        self._tier = settings.name
        self._reachable = reachable
        self._refused = reachable.refusal_of_host(settings.endpoint.host)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._urls: dict[str, URL] = {}

    def check(self) -> None:
        """Refuses to send anything where that is known to be no use.

        Raises:
            TierUnavailable: the address is refused, the server is out of reach while offline, or has no key.
        """
        if self._refused is not None:
            raise TierUnavailable(f"tier {self._tier} may not be reached: {self._refused}")
        self._key()

    async def open(
        self, path: str, body: bytes, allowance: Allowance, *, traceparent: str = ""
    ) -> aiohttp.ClientResponse:
        """Returns the response to a JSON body, with status 200, its own body yet unread.

        `traceparent` is sent as the header of that name (W3C Trace Context), "" for none.

        Raises:
            ExchangeFailed: no connection, no reply in time, another status.
        """
        try:
            with TimeLimit(allowance.first_s()):
                response = await self._post(path, body, traceparent)
        except aiohttp.ConnectionTimeoutError as error:
            message = (
                f"tier {self._tier} took no connection in {self._settings.endpoint.waiting.connect_s:g} s"
            )
            raise ExchangeFailed(message, retryable=True) from error
        except aiohttp.ClientConnectorError as error:
            raise self._unconnected(error) from error
        except (aiohttp.ClientError, OSError) as error:
            if isinstance(error, TimeoutError):
                raise allowance.ran_out("sent no byte of a reply") from error
            message = f"tier {self._tier} broke off before its reply: {type(error).__name__}"
            raise ExchangeFailed(message, retryable=True) from error
        if response.status != 200:
            raise await self._refusal(response, allowance)
        return response

    async def read(self, response: aiohttp.ClientResponse, allowance: Allowance) -> bytes:
        """Returns a response's whole body; a pause, a break and a flood each end it.

        Raises:
            ExchangeFailed: as above.
        """
        try:
            return await self._read(response, allowance, most_bytes=self._settings.reply_bytes)
        except TimeoutError as error:
            raise allowance.ran_out("did not finish its reply") from error
        except aiohttp.ClientError as error:
            raise ExchangeFailed(f"tier {self._tier} broke off within its reply") from error
        finally:
            response.close()

    async def close(self) -> None:
        """Closes the connections; twice is harmless."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, path: str, body: bytes, traceparent: str) -> aiohttp.ClientResponse:
        session = self._session
        if session is None or session.closed or self._loop is not asyncio.get_running_loop():
            session = self._open_session()
        url = self._urls.get(path)
        if url is None:
            url = self._urls[path] = URL(self._settings.endpoint.base_url.rstrip("/") + path)
        key = self._key()
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        if traceparent:
            headers["traceparent"] = traceparent
        return await session.post(url, data=body, headers=headers, allow_redirects=False)

    def _key(self) -> str | None:
        try:
            key = self._settings.endpoint.api_key()
        except ModelError as error:
            raise TierUnavailable(f"tier {self._tier} has no key: its variable is empty") from error
        if key is not None and not (key.isascii() and key.isprintable()):
            raise TierUnavailable(f"tier {self._tier}: its key holds signs that no header may have")
        return key

    def _open_session(self) -> aiohttp.ClientSession:
        """Returns the session of the running loop: connections cannot move to another."""
        self._loop = asyncio.get_running_loop()
        endpoint = self._settings.endpoint
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=endpoint.concurrency,
                keepalive_timeout=_KEEP_ALIVE_S,
                socket_factory=self._reachable.socket_factory(),
            ),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=endpoint.waiting.connect_s),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=_HEADERS,
            auto_decompress=False,
            trust_env=False,
        )
        return self._session

    def _unconnected(self, error: aiohttp.ClientConnectorError) -> ExchangeFailed:
        if error.os_error.errno == errno.EACCES:
            return ExchangeFailed(f"tier {self._tier} may not be reached: {error.os_error.strerror}")
        return ExchangeFailed(f"tier {self._tier} takes no connection", retryable=True)

    async def _read(
        self, response: aiohttp.ClientResponse, allowance: Allowance, *, most_bytes: int
    ) -> bytes:
        content = response.content
        if content.is_eof() and content.total_bytes <= most_bytes:  # all of it came with the headers
            return content.read_nowait(-1)
        data = bytearray()
        while True:
            with TimeLimit(allowance.next_s()):
                piece = await content.readany()
            if not piece:
                return bytes(data)
            data += piece
            if len(data) > most_bytes:
                raise ExchangeFailed(f"tier {self._tier} sent more than {most_bytes:,} bytes")

    async def _refusal(self, response: aiohttp.ClientResponse, allowance: Allowance) -> ExchangeFailed:
        """Returns what a status other than 200 means; with the server's words only where the client erred."""
        status = response.status
        try:
            data = await self._read(response, allowance, most_bytes=_ERROR_BYTES)
        except (TimeoutError, aiohttp.ClientError, ExchangeFailed):
            data = b""
        finally:
            response.close()
        said = f"tier {self._tier} answered status {status}"
        if 300 <= status < 400:
            return ExchangeFailed(f"{said}: redirects are not followed", status=status)
        if status in LATER:
            pause_s = pause_asked_s(response.headers.get("Retry-After"))
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
