"""A stand-in server that fails in every way servers fail, and remembers what it was sent.

Run as `python -m bench.gateway.hostile PORT SEED`. Most calls are answered with the caller's own mark, so
that an answer to somebody else shows. `GET /seen` gives every mark it was ever sent.
"""

import asyncio
import contextlib
import json
import logging
import re
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from aiohttp import web

MARK = re.compile(rb"mark[0-9a-f]{16}")
_HANG_S, _SLOW_S = 20.0, 0.4
# How often each way is taken; the rest is answered as it should be.
WAYS = {
    "error 500": 0.03,
    "later 429": 0.03,
    "hang": 0.004,
    "garbage": 0.02,
    "half": 0.03,
    "slow": 0.05,
    "broken utf-8": 0.01,
    "redirect": 0.01,
}


class Hostile:
    """The server's state: its chance, and the marks it was sent."""

    def __init__(self, seed: int) -> None:
        self._rng = np.random.default_rng(seed)
        self._seen: set[str] = set()

    async def chat(self, request: web.Request) -> web.StreamResponse:
        """Answers a chat in one of the ways."""
        body = await request.read()
        marks = [mark.decode() for mark in MARK.findall(body)]
        self._seen.update(marks)
        asked = json.loads(body)
        content = f"answer to {marks[-1] if marks else 'nobody'}"
        way = self._rng.choice([*WAYS, "right"], p=[*WAYS.values(), 1 - sum(WAYS.values())])
        if way == "slow":
            await asyncio.sleep(_SLOW_S)
        elif way in _WHOLE:
            return await _WHOLE[str(way)]()
        if asked.get("stream"):
            return await _streamed(request, content, way=str(way))
        if way in {"half", "broken utf-8"}:
            text = json.dumps(_completion(content)).encode()
            return web.Response(body=text[:-20] + b"\xff", content_type="application/json")
        return web.json_response(_completion(content))

    async def seen(self, _: web.Request) -> web.Response:
        """Gives all marks."""
        return web.json_response(sorted(self._seen))


async def _refused() -> web.Response:
    return web.json_response({"error": {"message": "no luck", "type": "server_error"}}, status=500)


async def _later() -> web.Response:
    headers = {"Retry-After": "1"}
    return web.json_response({"error": {"message": "too many"}}, status=429, headers=headers)


async def _hang() -> web.Response:
    await asyncio.sleep(_HANG_S)
    return web.Response(status=504)


async def _garbage() -> web.Response:
    return web.Response(body=b"<html>\x00\xffBad gateway", content_type="text/html")


async def _elsewhere() -> web.Response:
    return web.Response(status=307, headers={"Location": "http://169.254.169.254/latest"})


_WHOLE: dict[str, Callable[[], Awaitable[web.Response]]] = {
    "error 500": _refused,
    "later 429": _later,
    "hang": _hang,
    "garbage": _garbage,
    "redirect": _elsewhere,
}


def _completion(content: str) -> dict[str, Any]:
    return {
        "id": "chatcmpl-hostile",
        "object": "chat.completion",
        "created": 1,
        "model": "hostile-1",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": content}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25},
    }


async def _streamed(request: web.Request, content: str, *, way: str) -> web.StreamResponse:
    """Answers in events: whole, or cut off in the middle, or with a character in two halves."""
    response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    pieces = [{"role": "assistant", "content": ""}, *({"content": word + " "} for word in content.split())]
    with contextlib.suppress(ConnectionError):  # who asked has left
        await response.prepare(request)
        for position, delta in enumerate(pieces):
            if way == "half" and position == 2:
                await response.write(b'data: {"choices": [{"ind')
                if request.transport is not None:
                    request.transport.close()
                return response
            if way == "broken utf-8" and position == 2:
                await response.write(b"data: \xc3\x28 {\n\n")
            await response.write(_event(delta, finish=None))
        await response.write(_event({}, finish="stop"))
        usage = {"prompt_tokens": 20, "completion_tokens": 5, "total_tokens": 25}
        await response.write(_data({**_CHUNK, "choices": [], "usage": usage}))
        await response.write(b"data: [DONE]\n\n")
    return response


_CHUNK: dict[str, Any] = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "hostile-1"}


def _event(delta: dict[str, str], *, finish: str | None) -> bytes:
    return _data({**_CHUNK, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})


def _data(chunk: dict[str, Any]) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


def app_of(seed: int) -> web.Application:
    """Returns the server's app."""
    hostile = Hostile(seed)
    app = web.Application(client_max_size=64 << 20)
    app.router.add_post("/v1/chat/completions", hostile.chat)
    app.router.add_get("/seen", hostile.seen)
    return app


if __name__ == "__main__":
    logging.disable()  # callers that leave in the middle are a part of the load
    web.run_app(app_of(int(sys.argv[2])), host="127.0.0.1", port=int(sys.argv[1]), print=None)
