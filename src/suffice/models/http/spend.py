"""What paid models may cost: estimates before the first call, an account of what was spent, a cap."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from suffice.errors import BudgetExceeded, SpecError
from suffice.ports import Usage

# The rule of thumb for English and most tokenizers; other scripts have more bytes per character,
# and more tokens. Replaced by the seen ratio as soon as a model states its usage.
BYTES_PER_TOKEN = 4.0
# Tokens a chat's form adds to each message (role, separators), by the usual templates.
_TOKENS_PER_MESSAGE = 4


@dataclass(frozen=True, kw_only=True)
class Price:
    """What a model's tokens cost, in US dollars per million."""

    usd_per_1m_input: float
    usd_per_1m_output: float

    def __post_init__(self) -> None:
        for value in (self.usd_per_1m_input, self.usd_per_1m_output):
            if not (math.isfinite(value) and value >= 0):
                raise SpecError(f"a price is a number of dollars >= 0, not {value!r}")

    def cost_usd(self, *, input_tokens: float, output_tokens: float) -> float:
        """Returns what so many tokens cost."""
        return (input_tokens * self.usd_per_1m_input + output_tokens * self.usd_per_1m_output) / 1e6


def tokens_of_text(text: str) -> int:
    """Returns an estimate of a text's tokens: UTF-8 bytes / 4, rounded up (an estimate, not a count)."""
    return math.ceil(len(text.encode("utf-8", "surrogatepass")) / BYTES_PER_TOKEN)


class SpendAccount:
    """The account of a run's paid calls, or of one model's within it. With no cap nothing may be spent.

    Every call is reserved at its estimate before it is sent, and settled at its usage after, so
    calls under way count too. What is spent from an account `within` another one is spent from
    both; an outer account without a cap leaves it to the inner one's. `setting` is what sets the cap.
    """

    def __init__(
        self, *, cap_usd: float | None, within: "SpendAccount | None" = None, setting: str = "--max-usd"
    ) -> None:
        if cap_usd is not None and not (math.isfinite(cap_usd) and cap_usd >= 0):
            raise SpecError(f"a spend cap is a number of dollars >= 0, not {cap_usd!r}")
        self._cap_usd = cap_usd
        self._within = within
        self._setting = setting
        self._spent_usd = 0.0
        self._reserved_usd = 0.0

    @property
    def cap_usd(self) -> float | None:
        """Returns what may be spent in all; None where no cap was set."""
        return self._cap_usd

    @property
    def spent_usd(self) -> float:
        """Returns what was spent: by the models' own usage where stated, else by estimate."""
        return self._spent_usd

    def check(self, estimate_usd: float, *, what: str) -> None:
        """Refuses work that the cap does not cover, before any of it is paid.

        Raises:
            BudgetExceeded: there is no cap, or it would be passed.
        """
        if self._cap_usd is None:
            raise BudgetExceeded(
                f"{what} would cost about ${estimate_usd:.4f} (estimate), and no spend cap is set",
                hint=f"set one: {self._setting} {_rounded_up(estimate_usd)}",
            )
        used_usd = self._spent_usd + self._reserved_usd
        if used_usd + estimate_usd > self._cap_usd:
            raise BudgetExceeded(
                f"{what} would cost about ${estimate_usd:.4f} (estimate); with ${used_usd:.4f} already "
                f"used that passes the cap of ${self._cap_usd:.4f}",
                hint=f"raise it: {self._setting} {_rounded_up(used_usd + estimate_usd)}",
            )
        if self._within is not None and self._within._cap_usd is not None:  # noqa: SLF001 - of its own kind
            self._within.check(estimate_usd, what=what)

    def reserve(self, estimate_usd: float, *, what: str) -> None:
        """Sets money aside for one call.

        Raises:
            BudgetExceeded: the cap is missing or would be passed.
        """
        self.check(estimate_usd, what=what)
        self._hold(estimate_usd)

    def settle(self, *, reserved_usd: float, spent_usd: float) -> None:
        """Turns a reservation into what the call cost in truth; 0 for a call that was not answered."""
        self._reserved_usd = max(0.0, self._reserved_usd - reserved_usd)
        self._spent_usd += spent_usd
        if self._within is not None:
            self._within.settle(reserved_usd=reserved_usd, spent_usd=spent_usd)

    def _hold(self, usd: float) -> None:
        self._reserved_usd += usd
        if self._within is not None:
            self._within._hold(usd)  # noqa: SLF001 - of its own kind


class TokenEstimator:
    """Estimates tokens from bytes, by the ratio a model's own usage has shown so far."""

    def __init__(self) -> None:
        self._bytes_seen = 0
        self._tokens_seen = 0

    @property
    def bytes_per_token(self) -> float:
        """Returns the ratio in use: 4 until usage is seen."""
        return self._bytes_seen / self._tokens_seen if self._tokens_seen else BYTES_PER_TOKEN

    def see(self, sent_bytes: int, usage: Usage) -> None:
        """Learns from one answered call."""
        if usage.input_tokens and sent_bytes:
            self._bytes_seen += sent_bytes
            self._tokens_seen += usage.input_tokens

    def input_tokens(self, sent_bytes: int, *, messages: int) -> int:
        """Returns an estimate of a call's input tokens."""
        return math.ceil(sent_bytes / self.bytes_per_token) + _TOKENS_PER_MESSAGE * messages


def estimate_usd(input_tokens: Sequence[int], *, output_tokens: int, price: Price) -> float:
    """Returns what calls would cost if each wrote as much as it may: an upper estimate."""
    return price.cost_usd(input_tokens=sum(input_tokens), output_tokens=output_tokens * len(input_tokens))


def _rounded_up(usd: float) -> str:
    """Returns a cap that covers the amount with a tenth to spare, in whole cents."""
    return f"{math.ceil(usd * 110) / 100:.2f}"
