"""ASGI's types as the guard's wrappers use them, and how a request is refused before any application."""

import secrets
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import orjson

from suffice.serve.errors import CallError

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Scope, Receive, Send], Awaitable[None]]


async def refuse(send: Send, error: CallError) -> None:
    """Sends an error in OpenAI's shape, under an id of its own, and closes the connection."""
    told = {"message": error.message, "type": error.kind, "param": error.param, "code": error.code}
    body = orjson.dumps({"error": told})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", b"%d" % len(body)),
        (b"x-request-id", f"req_{secrets.token_hex(16)}".encode()),
        (b"connection", b"close"),  # what the client still sends is not waited for
    ]
    await send({"type": "http.response.start", "status": error.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
