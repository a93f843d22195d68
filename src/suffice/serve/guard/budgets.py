"""Budgets of keys: requests, tokens and money, per minute and per day.

In one process requests are counted exactly: one too many is never let in. Tokens and money are known
when a call ends, so the calls under way can pass a budget. Days are summed from the kept events at
the start, and again at each `refresh`: what other gateways let in since, and what is not written yet, is
how far a day's budget can be passed. Minutes are each gateway's own.
"""

from dataclasses import dataclass, field

from suffice.clock import Clock
from suffice.serve.errors import LimitReached
from suffice.serve.guard.windows import Days, Minute
from suffice.serve.key import Limits, Spent
from suffice.serve.ports import Spending


@dataclass(slots=True)
class _Account:
    """What one key has used up: today, and where it has limits per minute, in the last one."""

    day: int = 0
    requests: int = 0
    tokens: int = 0
    usd: float = 0.0
    minute_requests: Minute = field(default_factory=Minute)
    minute_tokens: Minute = field(default_factory=Minute)
    minute_usd: Minute = field(default_factory=Minute)


class Budgets:
    """Counts what keys use up, and says when it is too much.

    `is_shared`: other gateways write events into the same store, so it is summed at each `refresh`
    rather than at the first only.
    """

    def __init__(self, *, clock: Clock, spending: Spending | None = None, is_shared: bool = True) -> None:
        self._clock = clock
        self._spending = spending
        self._is_shared = is_shared
        self._days = Days(clock)
        self._accounts: dict[str, _Account] = {}

    def admit(self, key_id: str, limits: Limits) -> None:
        """Counts one request.

        Raises:
            LimitReached: a budget is used up; nothing is counted then.
        """
        now_s = self._clock.elapsed_s()
        account = self._account(key_id, now_s)
        _check_minute(account, limits, now_s)
        self._check_day(account, limits, now_s)
        account.requests += 1
        if limits.requests_per_minute is not None:
            account.minute_requests.add(1, now_s)

    def charge(self, key_id: str, limits: Limits, *, tokens: int, usd: float) -> None:
        """Counts what a call that has ended used up."""
        now_s = self._clock.elapsed_s()
        account = self._account(key_id, now_s)
        account.tokens += tokens
        account.usd += usd
        if limits.tokens_per_minute is not None:
            account.minute_tokens.add(tokens, now_s)
        if limits.usd_per_minute is not None:
            account.minute_usd.add(usd, now_s)

    def spent_today(self, key_id: str) -> Spent:
        """Returns what a key has used up since the day began."""
        account = self._account(key_id, self._clock.elapsed_s())
        return Spent(requests=account.requests, tokens=account.tokens, usd=account.usd)

    async def refresh(self) -> None:
        """Takes in what the kept events say of today; where that is more than was counted here, it counts.

        Raises:
            SufficeError: the store cannot be read.
        """
        self._days.follow()
        if self._spending is None:
            return
        day = self._days.number
        kept = await self._spending.spent_since(self._days.began_at)
        now_s = self._clock.elapsed_s()
        for key_id, spent in kept.items():
            account = self._account(key_id, now_s)
            if account.day != day:
                return  # the day ended while the store was asked
            account.requests = max(account.requests, spent.requests)
            account.tokens = max(account.tokens, spent.tokens)
            account.usd = max(account.usd, spent.usd)
        if not self._is_shared:
            self._spending = None

    def _account(self, key_id: str, now_s: float) -> _Account:
        if now_s >= self._days.ends_s:
            self._days.find(now_s)
        account = self._accounts.get(key_id)
        if account is None:
            account = self._accounts[key_id] = _Account(day=self._days.number)
        if account.day != self._days.number:
            account.day = self._days.number
            account.requests, account.tokens, account.usd = 0, 0, 0.0
        return account

    def _check_day(self, account: _Account, limits: Limits, now_s: float) -> None:
        limit = limits.requests_per_day
        if limit is not None and account.requests >= limit:
            raise self._used_up(f"{limit:,} requests", now_s)
        limit = limits.tokens_per_day
        if limit is not None and account.tokens >= limit:
            raise self._used_up(f"{limit:,} tokens", now_s)
        usd = limits.usd_per_day
        if usd is not None and account.usd >= usd:
            raise self._used_up(f"${usd:g}", now_s)

    def _used_up(self, what: str, now_s: float) -> LimitReached:
        return LimitReached(
            f"this key's {what} per day are used up; the next day begins at 00:00 UTC",
            code="budget_exceeded",
            retry_after_s=self._days.ends_s - now_s,
        )


def _check_minute(account: _Account, limits: Limits, now_s: float) -> None:
    limit = limits.requests_per_minute
    if limit is not None and account.minute_requests.used(now_s) >= limit:
        raise _too_fast(account.minute_requests, limit - 1, f"{limit:,} requests", now_s)
    limit = limits.tokens_per_minute
    if limit is not None and account.minute_tokens.used(now_s) >= limit:
        raise _too_fast(account.minute_tokens, limit - 1, f"{limit:,} tokens", now_s)
    usd = limits.usd_per_minute
    if usd is not None and account.minute_usd.used(now_s) >= usd:
        raise _too_fast(account.minute_usd, usd * (1 - 1e-9), f"${usd:g}", now_s)


def _too_fast(minute: Minute, room: float, what: str, now_s: float) -> LimitReached:
    wait_s = minute.free_in_s(room, now_s)
    return LimitReached(
        f"this key's {what} per minute are used up; one more fits in {wait_s:.0f} s", retry_after_s=wait_s
    )
