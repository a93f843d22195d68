"""The playground's way into the gateway: a chat of one turn, as the owner of the key, and no HTTP between."""

import asyncio
import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import orjson

from suffice.clock import Clock
from suffice.serve.call import Caller, Operation, Wishes
from suffice.serve.case import Case, Ending
from suffice.serve.errors import CallError
from suffice.serve.gateway import Gateway
from suffice.serve.reply import Outcome
from suffice.serve.wire import chat
from suffice.serve.wire.errors import error_object, unforeseen
from suffice.serve.wire.exchange import new_id
from suffice.web.kept_text import text_in_reply
from suffice.web.sources import Said

_log = logging.getLogger(__name__)


class GatewayAsk:
    """Asks as any client does: budgets, policy, cascade, audit log; each question ends as one event."""

    def __init__(self, gateway: Gateway, clock: Clock) -> None:
        self._gateway, self._clock = gateway, clock

    async def __call__(self, caller: Caller, *, route: str, text: str, wishes: Wishes) -> Said:
        """Returns what came back; a refusal is in the event too, with its words in `message`."""
        body = {"model": route, "messages": [{"role": "user", "content": text}]}
        case = self._gateway.open(new_id(), Operation.CHAT, caller)
        case.request_bytes = orjson.dumps(body)
        try:
            outcome = await self._gateway.answer(case, chat.API.read(body), wishes=wishes)
        except CallError as error:
            return self._refused(case, error)
        except asyncio.CancelledError:
            self._ended(case, {}, status=499, error="client_left")
            raise
        except Exception:  # noqa: BLE001 - the last boundary, as at the gateway's own endpoints
            _log.exception("%s failed", case.id)
            return self._refused(case, unforeseen(case.id))
        return self._said(case, outcome)

    def _said(self, case: Case, outcome: Outcome) -> Said:
        if outcome.reply is None or case.call is None:
            return self._ended(case, {"ticket": outcome.ticket}, status=202)
        whole = chat.API.whole(case.call, outcome.reply, int(self._clock.now().timestamp()))
        return self._ended(case, whole, status=200, text=text_in_reply(whole))

    def _refused(self, case: Case, error: CallError) -> Said:
        said = self._ended(case, error_object(error), status=error.status, error=error.code)
        return Said(event=said.event, message=error.message)

    def _ended(
        self, case: Case, body: Mapping[str, Any], *, status: int, error: str = "", text: str | None = None
    ) -> Said:
        raw = orjson.dumps(body)
        ending = Ending(status=status, sha256=hashlib.sha256(raw).hexdigest(), error=error, body=raw)
        event = self._gateway.end(case, ending)
        if event is None:
            raise AssertionError("a question of the playground ends once")
        return Said(event=event, text=text)
