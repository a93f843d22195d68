"""The gateway's ASGI application: which path is answered by what, and what becomes of errors."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import orjson

from suffice.clock import Clock
from suffice.serve.endpoint import CallEndpoint
from suffice.serve.errors import BadCall, CallError, NotFound
from suffice.serve.gateway import Gateway
from suffice.serve.plain import MODELS, Description, Health, KeepFeedback, Metrics, Models, Troubles
from suffice.serve.ports import Feedback
from suffice.serve.wire import chat, completions, decisions, embeddings, openapi, systemone
from suffice.serve.wire.asked import Api
from suffice.serve.wire.errors import error_headers, error_object, unforeseen
from suffice.serve.wire.exchange import Asgi, ClientLeft, Exchange, Field, Receive, Scope, Send
from suffice.serve.wire.responses import api as responses

_log = logging.getLogger(__name__)

# The APIs that ask models: an API is one file in wire/ and one line here.
APIS: Mapping[str, Api] = {
    "/v1/chat/completions": chat.API,
    "/v1/responses": responses.API,
    "/v1/completions": completions.API,
    "/v1/embeddings": embeddings.API,
    "/v1/decisions": decisions.API,
    "/v1/systemone": systemone.API,
}


class Endpoint(Protocol):
    """What answers the requests of one path."""

    @property
    def methods(self) -> Sequence[str]:
        """Returns the HTTP methods it takes."""
        ...

    async def __call__(self, exchange: Exchange) -> None:
        """Answers one request.

        Raises:
            CallError: it is answered with an error in OpenAI's shape.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What the application needs beside the gateway; what is None has no path.

    `pages` is the ASGI application that has every path which is no endpoint's nor below /v1;
    `endpoints` are further endpoints by path. `ticket_url` gives the address at which a person's answer
    will be found. `body_bytes`: no endpoint takes a larger body.
    """

    clock: Clock
    body_bytes: int = 16 << 20
    feedback: Feedback | None = None
    metrics: Callable[[], bytes] | None = None
    health: Troubles = dict
    ready: Troubles = dict
    endpoints: Mapping[str, Endpoint] | None = None
    pages: Asgi | None = None
    ticket_url: Callable[[str], str] = "/review/{}".format


def app_of(gateway: Gateway, around: Surroundings) -> App:
    """Returns the ASGI application of a gateway."""
    endpoints: dict[str, Endpoint] = {
        path: CallEndpoint(
            gateway, api, most_bytes=around.body_bytes, clock=around.clock, ticket_url=around.ticket_url
        )
        for path, api in APIS.items()
    }
    endpoints[MODELS] = Models(gateway, since=around.clock.now())
    endpoints[openapi.PATH] = Description()
    endpoints["/health"] = Health(around.health)
    endpoints["/ready"] = Health(around.ready, failing=503)
    if around.feedback is not None:
        endpoints["/v1/feedback"] = KeepFeedback(
            gateway, around.feedback, most_bytes=around.body_bytes, clock=around.clock
        )
    if around.metrics is not None:
        endpoints["/metrics"] = Metrics(gateway, around.metrics)
    endpoints |= around.endpoints or {}
    return App(endpoints, around.pages)


class App:
    """Finds the endpoint by its path, and turns errors into bodies in OpenAI's shape.

    Endpoints are found by a dictionary and speak ASGI themselves: Starlette's request and response
    objects would cost as much as everything else that happens to a call.
    """

    def __init__(self, endpoints: Mapping[str, Endpoint], pages: Asgi | None = None) -> None:
        self._endpoints = endpoints
        self._pages = pages

    @property
    def endpoints(self) -> Mapping[str, Endpoint]:
        """Returns what answers, by path; below `/v1/models/` one endpoint has every path."""
        return self._endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http":
            raise TypeError(f"this application answers HTTP alone, not {scope['type']}")
        path: str = scope["path"]
        endpoint = self._endpoints.get(path)
        if endpoint is None:
            if self._pages is not None and not self._is_meant_here(path):
                await self._pages(scope, receive, send)
                return
            if path.startswith(f"{MODELS}/"):
                endpoint = self._endpoints.get(MODELS)
        exchange = Exchange(scope, receive, send)
        try:
            await self._answer(exchange, endpoint)
        except ClientLeft:
            pass
        except asyncio.CancelledError:
            if not exchange.left:
                raise
        finally:
            exchange.close()

    async def _answer(self, exchange: Exchange, endpoint: Endpoint | None) -> None:
        if endpoint is None:
            await _refuse(exchange, self._unknown(exchange.path))
            return
        if exchange.method not in endpoint.methods:
            await _refuse_method(exchange, endpoint.methods)
            return
        try:
            await endpoint(exchange)
        except CallError as error:
            await _refuse(exchange, error)
        except ClientLeft:
            raise
        except Exception:  # noqa: BLE001 - the last boundary: the client gets an id, the log everything else
            _log.exception("%s failed", exchange.id)
            await _refuse(exchange, unforeseen(exchange.id))

    def _is_meant_here(self, path: str) -> bool:
        """Says whether a path is an API's, or would be with another base URL."""
        return path == "/v1" or path.startswith("/v1/") or f"/v1{path}" in self._endpoints

    def _unknown(self, path: str) -> NotFound:
        """Returns the error for a path that nothing has; says which base URL was meant, where one was."""
        tail = "/" + path.strip("/").removeprefix("v1/").removeprefix("v1/")
        is_slip = f"/v1{tail}" in self._endpoints
        known = ", ".join(sorted(name for name in self._endpoints if name.startswith("/v1/")))
        hint = f"the base URL ends in /v1, the path in {tail}" if is_slip else f"there are: {known}"
        return NotFound(f"there is no {path[:200]} here; {hint}", code="unknown_path")


async def _refuse(exchange: Exchange, error: CallError, headers: Sequence[Field] = ()) -> None:
    body = orjson.dumps(error_object(error))
    await exchange.send(error.status, body, [*error_headers(error), *headers])


async def _refuse_method(exchange: Exchange, methods: Sequence[str]) -> None:
    error = BadCall(
        f"{exchange.path} takes {' or '.join(methods)}, not {exchange.method[:20]}",
        status=405,
        code="method_not_allowed",
    )
    await _refuse(exchange, error, [(b"allow", ", ".join(methods).encode())])
