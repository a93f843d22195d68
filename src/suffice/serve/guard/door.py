"""The door: who asks, and whether they may; keys that were seen are known for some seconds."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from suffice.clock import Clock
from suffice.errors import SufficeError
from suffice.serve.call import Caller
from suffice.serve.errors import LimitReached, NobodyAnswered, NotAllowed, NotAuthenticated
from suffice.serve.event import Event
from suffice.serve.guard.budgets import Budgets
from suffice.serve.guard.secret import is_secret_of, parts_of
from suffice.serve.guard.unpaid import Unpaid
from suffice.serve.key import SCOPES, Key
from suffice.serve.ports import KeyStore

_log = logging.getLogger(__name__)

RECHECK_S = 5.0
REFRESH_S = 15.0
# So many keys that are not known yet are looked up at once, and so many wait: who guesses keys leaves
# the store free for those that are known.
_LOOK_UPS, _MOST_WAITING = 4, 256
_EVERY_SCOPE = frozenset(SCOPES)


@dataclass(slots=True)
class _Known:
    """A key whose secret was right, and until when that is believed."""

    key: Key
    caller: Caller
    until_s: float


class KeyDoor:
    """Lets in callers whose key the store has, within their scopes and budgets.

    A key is looked up again every `recheck_s` seconds while it is used: a key that was revoked
    elsewhere is refused after that time at the latest; one revoked by `revoke`, at once.
    """

    def __init__(
        self,
        keys: KeyStore,
        budgets: Budgets,
        *,
        clock: Clock,
        unpaid: Unpaid | None = None,
        recheck_s: float = RECHECK_S,
    ) -> None:
        self._keys = keys
        self._unpaid = unpaid or Unpaid(clock)
        self._budgets = budgets
        self._clock = clock
        self._recheck_s = recheck_s
        # By a hash of the whole header, so that no secret lies in memory as the key of a table.
        self._known: dict[bytes, _Known] = {}
        self._by_id: dict[str, Key] = {}
        self._revoked: set[str] = set()
        self._used: dict[str, None] = {}
        self._turns = asyncio.Semaphore(_LOOK_UPS)
        self._waiting = 0

    async def authenticate(self, authorization: str | None) -> Caller:
        """Returns the owner of the bearer key.

        Raises:
            NotAuthenticated: no key, a wrong or revoked one.
            NobodyAnswered: status 503, the store cannot be asked.
            LimitReached: too many unknown keys are being looked up.
        """
        if not authorization:
            raise NotAuthenticated("no key: send it as `Authorization: Bearer sk-sf-...`")
        digest = hashlib.sha256(authorization.encode("utf-8", "surrogatepass")).digest()
        known = self._known.get(digest)
        if known is None:
            return await self._looked_up(authorization, digest)
        now_s = self._clock.elapsed_s()
        if now_s >= known.until_s:
            known.until_s = now_s + self._recheck_s  # the others that use it need not ask as well
            return await self._looked_up(authorization, digest)
        return known.caller

    def admit(self, caller: Caller, route: str) -> None:
        """Counts one request against the caller's budgets.

        Raises:
            LimitReached: a budget is used up; says which, and when it is refilled.
            NotAllowed: the key's scopes do not cover the route.
        """
        key = self._by_id.get(caller.key_id)
        if key is None:
            raise NotAuthenticated("this key was revoked")
        check_scope(caller, "call")
        if key.models and route not in key.models:
            raise NotAllowed(
                f"this key may not call {route!r}; it may call {', '.join(sorted(key.models))}",
                code="model_not_allowed",
            )
        self._budgets.admit(key.id, key.limits)
        self._used[key.id] = None

    def admit_unpaid(self, caller: Caller, kind: str) -> None:
        """Counts what no budget counts but is kept all the same.

        Raises:
            LimitReached: the key has left too much behind within a minute.
        """
        self._unpaid.count(caller.key_id, kind)

    def charge(self, caller: Caller, event: Event) -> None:
        """Counts tokens and money of an ended call."""
        key = self._by_id.get(caller.key_id)
        if key is None:
            return
        usage = event.usage
        tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0) + event.budget_tokens
        usd = (event.cost_usd or 0.0) + event.budget_usd
        self._budgets.charge(key.id, key.limits, tokens=tokens, usd=usd)

    async def revoke(self, key_id: str) -> bool:
        """Revokes a key, at once in this process; False where there is none of this id."""
        self._revoked.add(key_id)  # a look-up under way must not bring it back
        self._forget(key_id)
        return await self._keys.revoke(key_id, at=self._clock.now())

    async def refresh(self) -> None:
        """Takes in what other gateways counted, and tells the store which keys were used.

        Raises:
            SufficeError: the store cannot be reached.
        """
        await self._budgets.refresh()
        used = dict.fromkeys(self._used, self._clock.now())
        if used:
            await self._keys.touch(used)
            for key_id in used:
                self._used.pop(key_id, None)

    async def stay_fresh(
        self, *, every_s: float = REFRESH_S, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        """Refreshes for ever, until it is cancelled; a store that is down is logged and asked again."""
        while True:
            await sleep(every_s)
            try:
                await self.refresh()
            except SufficeError as error:
                _log.warning("budgets are counted by this gateway alone: %s", error.message)

    async def _looked_up(self, authorization: str, digest: bytes) -> Caller:
        parts = parts_of(authorization)
        if parts is None:
            raise NotAuthenticated("this is no key of this gateway: they look like sk-sf-...")
        key_id, secret = parts
        try:
            key = await (self._keys.find(key_id) if key_id in self._by_id else self._in_turn(key_id))
        except LimitReached:
            raise
        except SufficeError as error:
            self._doubt(key_id)
            raise NobodyAnswered(
                "keys cannot be checked now", code="keys_unavailable", status=503, retry_after_s=1.0
            ) from error
        is_right = is_secret_of(secret, key)
        if key is None or not is_right or key.revoked_at is not None or key_id in self._revoked:
            if is_right:
                self._forget(key_id)
            raise NotAuthenticated("this key is not known here, or was revoked")
        scopes = _EVERY_SCOPE if "admin" in key.scopes else key.scopes
        caller = Caller(key_id=key.id, name=key.name, scopes=scopes)
        self._by_id[key.id] = key
        until_s = self._clock.elapsed_s() + self._recheck_s
        self._known[digest] = _Known(key=key, caller=caller, until_s=until_s)
        return caller

    async def _in_turn(self, key_id: str) -> Key | None:
        if self._waiting >= _MOST_WAITING:
            raise LimitReached("too many unknown keys are being looked up", retry_after_s=1.0)
        self._waiting += 1
        try:
            async with self._turns:
                return await self._keys.find(key_id)
        finally:
            self._waiting -= 1

    def _forget(self, key_id: str) -> None:
        self._by_id.pop(key_id, None)
        self._doubt(key_id)

    def _doubt(self, key_id: str) -> None:
        """Believes no secret of a key any more; calls under way are still charged to it."""
        for digest in [digest for digest, known in self._known.items() if known.key.id == key_id]:
            del self._known[digest]


def check_scope(caller: Caller, scope: str) -> None:
    """Refuses a caller whose key lacks a scope.

    Raises:
        NotAllowed: names the scope, and what it is for.
    """
    if scope not in caller.scopes:
        raise NotAllowed(f"this key lacks the scope {scope!r} ({SCOPES[scope]})", code="scope_missing")
