"""Limits of a request's body for applications that set none themselves: the pages.

The API reads its bodies within limits of its own (wire/exchange).
"""

import asyncio

from suffice.serve.errors import BadCall, CallError, TooLarge
from suffice.serve.guard.asgi import Asgi, Message, Receive, Scope, Send, refuse


class BodyGuard:
    """Wraps an ASGI application: a body that is too large is 413, one that comes too slowly 408."""

    def __init__(self, app: Asgi, *, most_bytes: int, timeout_s: float) -> None:
        self._app = app
        self._most_bytes = most_bytes
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on; its body is read within the limits."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limited = _Limited(receive, most_bytes=self._most_bytes, timeout_s=self._timeout_s)
        has_begun = False

        async def noted_send(message: Message) -> None:
            nonlocal has_begun
            has_begun = True
            await send(message)

        try:
            await self._app(scope, limited.receive, noted_send)
        except _Refused as refused:
            if has_begun:
                raise
            await refuse(send, refused.error)


class _Refused(Exception):  # noqa: N818 - carries an error through the application
    def __init__(self, error: CallError) -> None:
        super().__init__(error.message)
        self.error = error


class _Limited:
    """Reads a body's parts until the last one, and counts them."""

    def __init__(self, receive: Receive, *, most_bytes: int, timeout_s: float) -> None:
        self._receive = receive
        self._most_bytes = most_bytes
        self._timeout_s = timeout_s
        self._ends_s = asyncio.get_running_loop().time() + timeout_s
        self._bytes = 0
        self._is_whole = False

    async def receive(self) -> Message:
        if self._is_whole:  # what follows is the client's leaving, which may take as long as it likes
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._ends_s):
                message = await self._receive()
        except TimeoutError:
            late = f"the body did not come within {self._timeout_s:g} s"
            raise _Refused(BadCall(late, status=408, code="request_timeout")) from None
        self._bytes += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._bytes > self._most_bytes:
            raise _Refused(
                TooLarge(f"the body is larger than {self._most_bytes:,} bytes, the most this gateway takes")
            )
        return message
