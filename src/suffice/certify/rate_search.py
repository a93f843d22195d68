"""The one look of tests made once, at a number of rows fixed beforehand: fixed-sequence testing."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from suffice.bar import QualityBar, Target, Verdict
from suffice.certify.certify_rows import CertifyRows
from suffice.certify.estimates import SystemEstimate
from suffice.certify.exact_claims import ExactClaim, exact_claim_of, fresh_rows
from suffice.certify.futility import BETA
from suffice.certify.rate_claims import RateClaim, claim_of, codes_of
from suffice.certify.search_result import SearchResult, Tested
from suffice.certify.systems import Graders
from suffice.stats import bounds


def rate_search(
    path: Sequence[SystemEstimate],
    graders: Graders,
    certify: CertifyRows,
    *,
    bar: QualityBar,
    labels: Sequence[str],
    alpha: float,
) -> SearchResult:
    """Returns the outcome of testing the path, dearest first, each at full alpha, until one is not shown.

    Fixed-sequence testing keeps the whole search at alpha (Maurer, Hothorn & Lehmacher 1995); the
    number of rows is that of the split, fixed beforehand.
    """
    look = _Look(graders=graders, certify=certify, bar=bar, labels=labels, alpha=alpha)
    tests: list[Tested] = []
    taken: set[int] = set()
    chosen: int | None = None
    going = True
    for index in range(len(path) - 1, -1, -1):
        values, labelled = look.at(path[index]) if going else ([], set())
        test = look.tested(path[index], values, len(labelled))
        going = test.verdict is Verdict.PASS
        chosen = index if going else chosen
        taken |= labelled
        tests.append(test)
    tests.reverse()
    return SearchResult(
        order="descending",
        alpha=alpha,
        tests=tuple(tests),
        chosen=chosen,
        rows=len(certify.rows),
        rows_used=max((t.n for t in tests), default=0),
        labels_used=len(taken),
    )


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What one look takes from each system: the claim's values, and the rows whose truth they need."""

    graders: Graders
    certify: CertifyRows
    bar: QualityBar
    labels: Sequence[str]
    alpha: float

    @property
    def claim(self) -> RateClaim | ExactClaim:
        return exact_claim_of(self.bar) if self.bar.fixed_n else claim_of(self.bar, self.labels)

    def at(self, system: SystemEstimate) -> tuple[list[float], set[int]]:
        """Returns a system's values on all rows, and the rows whose truth they took."""
        rows, bar, claim = self.certify.rows, self.bar, self.claim
        outcomes = self.graders.outcomes(system.cascade, 0, len(rows))
        every = set(range(len(rows)))
        if not isinstance(claim, ExactClaim):
            codes = codes_of(claim, rows, outcomes, labels=self.labels, positive=bar.positive)
            return [float(code) for code in codes], every
        values = self.graders.values(system.cascade, bar.target, 0, len(rows)).tolist()
        if bar.target is Target.NON_INFERIOR:
            return values, {int(row) for row in np.flatnonzero(outcomes.same != 1.0)}
        return values, every if bar.target is Target.ABSOLUTE else set()

    def tested(self, system: SystemEstimate, values: Sequence[float], labels: int) -> Tested:
        """Returns the system's one test; of no values, that it was not tested."""
        claim, alpha = self.claim, self.alpha
        verdict, p_value = Verdict.NOT_TESTED, 1.0
        fresh: int | None = None
        bound: float | None = None
        if values and isinstance(claim, ExactClaim):
            exact = claim.test(values, alpha=alpha, beta=BETA)
            verdict, p_value = exact.verdict, exact.p_value
            bound = _bound(claim, values, alpha)
            if verdict is Verdict.INCONCLUSIVE:
                fresh = fresh_rows(claim, values, alpha=alpha)
        elif values and not isinstance(claim, ExactClaim):
            found = claim.test([int(value) for value in values], alpha=alpha, beta=BETA)
            verdict, p_value = found.verdict, found.p_value
        # The answers of the reference take part where the system is compared with it.
        models = len(system.cascade.local_models) + (0 if self.bar.target is Target.ABSOLUTE else 1)
        return Tested(
            system=system,
            verdict=verdict,
            alpha=alpha,
            n=len(values),
            labels=labels,
            calls=len(values) * models,
            log_e=None,
            p_value=p_value,
            claim=claim,
            futility_gap=None,
            values=tuple(values),
            bound_n=bound,
            fresh_rows=fresh,
        )


def _bound(claim: ExactClaim, values: Sequence[float], alpha: float) -> float | None:
    """Returns the information-theoretic least expected n for this decision, at the observed law."""
    if not values:
        return None
    x = np.array(values)
    support = np.unique(np.append(x, [min(float(x.min()), 0.0), 1.0]))
    shares = np.array([float((x == point).mean()) for point in support])
    bound = bounds.lower_bound_n(bounds.klinf(support, shares, claim.bar), alpha=alpha, beta=BETA)
    return bound if math.isfinite(bound) else None
