"""The endpoints that ask no model: models, feedback, health, readiness, metrics, the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import orjson

from suffice.clock import Clock
from suffice.serve.call import Caller
from suffice.serve.errors import NotAllowed
from suffice.serve.gateway import Gateway
from suffice.serve.ports import Feedback
from suffice.serve.wire import feedback, models, openapi
from suffice.serve.wire.body import read_object
from suffice.serve.wire.exchange import Exchange

# What is wrong, by part; empty where all is well.
Troubles = Callable[[], Mapping[str, str]]
MODELS = "/v1/models"
_PROMETHEUS = b"text/plain; version=0.0.4; charset=utf-8"


class Models:
    """Lists what may be named as `model`, or shows one, to callers of this gateway."""

    methods = ("GET", "HEAD")

    def __init__(self, gateway: Gateway, *, since: datetime) -> None:
        self._gateway = gateway
        self._created = int(since.timestamp())

    async def __call__(self, exchange: Exchange) -> None:
        """Answers one request: below `/v1/models/` the rest of the path is a model's name.

        Raises:
            NotFound: there is no such model.
        """
        await self._gateway.authenticate(exchange.authorization)
        name = exchange.path.removeprefix(MODELS).removeprefix("/")
        if name:
            found = models.model_object(self._gateway.route_of(name).name, self._created)
        else:
            found = models.model_list(self._gateway.routes, self._created)
        await exchange.send(200, orjson.dumps(found))


class KeepFeedback:
    """Takes judgements of answers; what it acknowledges is kept."""

    methods = ("POST",)

    def __init__(self, gateway: Gateway, book: Feedback, *, most_bytes: int, clock: Clock) -> None:
        self._gateway = gateway
        self._book = book
        self._most_bytes = most_bytes
        self._clock = clock

    async def __call__(self, exchange: Exchange) -> None:
        """Answers one request."""
        caller = await self._gateway.authenticate(exchange.authorization)
        _require(caller, "feedback")
        self._gateway.admit_feedback(caller)
        body = read_object(await exchange.body(self._most_bytes))
        judgement = feedback.read(body, key_id=caller.key_id, at=self._clock.now())
        await self._book.keep(judgement, caller)
        kept = {"object": "suffice.feedback", "request_id": judgement.request_id}
        await exchange.send(200, orjson.dumps(kept))


class Health:
    """Says whether the process lives (always 200), and what is wrong with it."""

    methods = ("GET", "HEAD")

    def __init__(self, troubles: Troubles, *, failing: int = 200) -> None:
        self._troubles = troubles
        self._failing = failing

    async def __call__(self, exchange: Exchange) -> None:
        """Answers one request; nobody needs a key for it."""
        troubles = self._troubles()
        body = {"status": "degraded" if troubles else "ok", "troubles": dict(troubles)}
        await exchange.send(self._failing if troubles else 200, orjson.dumps(body))


class Description:
    """Shows the OpenAPI document, which holds nothing of this site; nobody needs a key for it."""

    methods = ("GET", "HEAD")

    async def __call__(self, exchange: Exchange) -> None:
        """Answers one request."""
        await exchange.send(200, openapi.document())


class Metrics:
    """Shows the metrics in Prometheus' text format, to keys with the scope `view`."""

    methods = ("GET", "HEAD")

    def __init__(self, gateway: Gateway, text: Callable[[], bytes]) -> None:
        self._gateway = gateway
        self._text = text

    async def __call__(self, exchange: Exchange) -> None:
        """Answers one request."""
        _require(await self._gateway.authenticate(exchange.authorization), "view")
        await exchange.send(200, self._text(), media_type=_PROMETHEUS)


def _require(caller: Caller, scope: str) -> None:
    """Checks a scope; `admin` may everything.

    Raises:
        NotAllowed: the key lacks it.
    """
    if scope not in caller.scopes and "admin" not in caller.scopes:
        raise NotAllowed(f"this needs a key with the scope {scope!r}")
