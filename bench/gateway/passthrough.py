"""The least a gateway in Python can do: read JSON, name another model, pass on, pass back.

Run as `python -m bench.gateway.passthrough UPSTREAM_PORT PORT`: bare ASGI on uvicorn, aiohttp as client. What
it takes is the floor of all figures; it checks nothing and remembers nothing.
"""

import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import orjson
import uvicorn

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class PassThrough:
    """An ASGI app that forwards every POST to one server."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._session: aiohttp.ClientSession | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request; the session lives as long as the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        asked = orjson.loads(body)
        asked["model"] = "imaginary-large-1"
        assert self._session is not None
        async with self._session.post(
            self._url, data=orjson.dumps(asked), headers={"content-type": "application/json"}
        ) as reply:
            kind = reply.headers.get("content-type", "").encode()
            await send(
                {"type": "http.response.start", "status": reply.status, "headers": [(b"content-type", kind)]}
            )
            if asked.get("stream"):
                async for chunk in reply.content.iter_any():
                    await send({"type": "http.response.body", "body": chunk, "more_body": True})
                await send({"type": "http.response.body", "body": b""})
            else:
                await send({"type": "http.response.body", "body": await reply.read()})

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                connector = aiohttp.TCPConnector(limit=256)
                self._session = aiohttp.ClientSession(connector=connector)
                await send({"type": "lifespan.startup.complete"})
            else:
                assert self._session is not None
                await self._session.close()
                await send({"type": "lifespan.shutdown.complete"})
                return


if __name__ == "__main__":
    upstream_port, port = map(int, sys.argv[1:3])
    uvicorn.run(
        PassThrough(f"http://127.0.0.1:{upstream_port}/v1/chat/completions"),
        port=port,
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="warning",
    )
