"""What one look at the certify rows showed, system by system."""

import math
from dataclasses import dataclass

from suffice.bar import Verdict
from suffice.certify.estimates import SystemEstimate
from suffice.certify.exact_claims import ExactClaim
from suffice.certify.rate_claims import RateClaim
from suffice.stats.betting import Bets
from suffice.stats.ladder import Order
from suffice.stats.paired import UnlabelledPairs

Claim = Bets | UnlabelledPairs | RateClaim | ExactClaim


@dataclass(frozen=True, kw_only=True)
class Tested:
    """One system's test: outcome, and the values it rests on, in order, for anyone to compute again.

    `log_e` is the logarithm of the e-value, None for claims that are tested once by a p-value.
    `parts` are what the values are made of where a judge took part, and `judge_labels` counts the
    judge's labels; `labels` counts truths alone.
    """

    system: SystemEstimate
    verdict: Verdict
    alpha: float
    n: int
    labels: int
    calls: int
    log_e: float | None
    p_value: float
    claim: Claim
    futility_gap: float | None
    values: tuple[float, ...]
    bound_n: float | None
    fresh_rows: int | None
    parts: tuple[tuple[float, float, float], ...] = ()
    judge_labels: int = 0

    @property
    def e_value(self) -> float | None:
        """Returns the e-value reached; None where the claim is not tested by bets."""
        return None if self.log_e is None else math.exp(self.log_e)


@dataclass(frozen=True, kw_only=True)
class SearchResult:
    """What the look showed. `tests` are the path's, cheapest first; `chosen` indexes them, or is None."""

    order: Order
    alpha: float
    tests: tuple[Tested, ...]
    chosen: int | None
    rows_used: int
    labels_used: int
    rows: int
    judge_labels_used: int = 0

    @property
    def in_order(self) -> tuple[Tested, ...]:
        """Returns the systems that were tested, in the order of testing."""
        tests = self.tests if self.order == "ascending" else tuple(reversed(self.tests))
        return tuple(test for test in tests if test.verdict is not Verdict.NOT_TESTED)
