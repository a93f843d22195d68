"""Claims about means of rights and wrongs, tested once by an exact test at a number of rows fixed beforehand.

They need a gap of about z_alpha standard errors, where bets, which may stop at any row, need
sqrt(2 ln(1/alpha)). Nothing may be looked at before all rows are there.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from scipy.stats import binom, norm

from suffice.bar import QualityBar, Target, Verdict
from suffice.stats.intervals import clopper_pearson_lower, clopper_pearson_upper
from suffice.stats.paired_exact import paired_p_value

# Power at which the number of rows a test would take is estimated.
_POWER = 0.8


@dataclass(frozen=True, kw_only=True)
class ExactOutcome:
    """What the rows show: the verdict, the mean of the values, and the exact p-value against the bar."""

    verdict: Verdict
    estimate: float | None
    p_value: float


@dataclass(frozen=True, kw_only=True)
class ExactRateClaim:
    """The rate of 1 among values of 0 and 1 is more than `bar`: binomial test (Clopper & Pearson 1934)."""

    bar: float

    def test(self, values: Sequence[float], *, alpha: float, beta: float) -> ExactOutcome:
        """Returns the outcome; "fail" where a rate at the bar would be this low with probability beta.

        Raises:
            ValueError: a value is neither 0 nor 1.
        """
        _check(values, (0, 1))
        n, hits = len(values), sum(value == 1 for value in values)
        p_value = float(binom.sf(hits - 1, n, self.bar)) if n else 1.0
        refuted = bool(n) and float(binom.cdf(hits, n, self.bar)) <= beta
        return _outcome(values, p_value, alpha=alpha, refuted=refuted)


@dataclass(frozen=True, kw_only=True)
class ExactPairedClaim:
    """The mean of D, one of -1, 0, 1, is more than -`margin`: `stats.paired_exact`."""

    margin: float

    @property
    def bar(self) -> float:
        """Returns the boundary of the hypothesis that is tested."""
        return -self.margin

    def test(self, values: Sequence[float], *, alpha: float, beta: float) -> ExactOutcome:
        """Returns the outcome; "fail" where exact bounds of both rates put the mean under -margin.

        Raises:
            ValueError: a value is none of -1, 0 and 1.
        """
        _check(values, (-1, 0, 1))
        n = len(values)
        wins, losses = (sum(value == sign for value in values) for sign in (1, -1))
        p_value = paired_p_value(wins, losses, n, self.margin) if n else 1.0
        refuted = bool(n) and self._upper(wins, losses, n, beta) < -self.margin
        return _outcome(values, p_value, alpha=alpha, refuted=refuted)

    def _upper(self, wins: int, losses: int, n: int, beta: float) -> float:
        """Returns an upper bound of the mean at beta, half of it for each rate (Bonferroni)."""
        return clopper_pearson_upper(wins, n, beta / 2) - clopper_pearson_lower(losses, n, beta / 2)


ExactClaim = ExactRateClaim | ExactPairedClaim


def exact_claim_of(bar: QualityBar) -> ExactClaim:
    """Returns the claim that a bar makes on its target's variable."""
    if bar.target is Target.NON_INFERIOR:
        return ExactPairedClaim(margin=bar.threshold)
    return ExactRateClaim(bar=bar.threshold if bar.target is Target.ABSOLUTE else 1 - bar.threshold)


def rows_for(bar: float, *, mean: float, variance: float, alpha: float) -> float | None:
    """Returns about how many rows show the bar with 80% power (normal approximation); None where none do."""
    gap = mean - bar
    if gap <= 0:
        return None
    return max(variance, 1e-3) * ((norm.isf(alpha) + norm.ppf(_POWER)) / gap) ** 2


def fresh_rows(claim: ExactClaim, values: Sequence[float], *, alpha: float) -> int | None:
    """Returns about how many rows nobody has looked at would show the bar, at the rates seen."""
    mean = sum(values) / len(values)
    variance = sum(value * value for value in values) / len(values) - mean * mean
    rows = rows_for(claim.bar, mean=mean, variance=variance, alpha=alpha)
    return None if rows is None else math.ceil(rows)


def _check(values: Sequence[float], known: tuple[int, ...]) -> None:
    strange = next((value for value in values if value not in known), None)
    if strange is not None:
        raise ValueError(f"the exact test is for values of {known}, found {strange}")


def _outcome(values: Sequence[float], p_value: float, *, alpha: float, refuted: bool) -> ExactOutcome:
    verdict = Verdict.FAIL if refuted else Verdict.INCONCLUSIVE
    if values and p_value <= alpha:
        verdict = Verdict.PASS
    return ExactOutcome(
        verdict=verdict, estimate=sum(values) / len(values) if values else None, p_value=p_value
    )
