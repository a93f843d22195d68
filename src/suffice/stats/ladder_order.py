"""Which order to climb in: ascending spends few calls, descending spends few labels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from suffice.stats.ladder import alpha_shares
from suffice.stats.mixtures import futility_bets
from suffice.stats.paired import UnlabelledPairs
from suffice.stats.planning import expected_n

if TYPE_CHECKING:
    from collections.abc import Sequence

    from suffice.stats.betting import Bets
    from suffice.stats.ladder import Hypothesis, LadderPlan, Order

__all__ = ["OrderChoice", "PlanningEstimate", "choose_order"]


@dataclass(frozen=True, kw_only=True)
class PlanningEstimate:
    """What is believed about one candidate before the search, from development rows.

    Attributes:
        mean: estimated E[X] of the variable its claim bets on.
        variance: estimated Var(X).
    """

    mean: float
    variance: float


@dataclass(frozen=True, kw_only=True)
class OrderChoice:
    """The cheaper order and what each is expected to cost, labels and calls together."""

    order: Order
    ascending_cost: float
    descending_cost: float


def choose_order(
    hypotheses: Sequence[Hypothesis], estimates: Sequence[PlanningEstimate], *, plan: LadderPlan
) -> OrderChoice:
    """Return the order with the lower expected cost at the plan's and the hypotheses' prices.

    The choice must rest on other rows than those that certify; wrong estimates cost money, never
    validity. The plan's own order is ignored.

    Raises:
        ValueError: there is not one estimate for each hypothesis.
    """
    costs = {
        order: _expected_cost(hypotheses, estimates, plan=replace(plan, order=order)) for order in ORDERS
    }
    return OrderChoice(
        order=min(ORDERS, key=lambda order: costs[order]),
        ascending_cost=costs["ascending"],
        descending_cost=costs["descending"],
    )


def _expected_cost(
    hypotheses: Sequence[Hypothesis], estimates: Sequence[PlanningEstimate], *, plan: LadderPlan
) -> float:
    """Follow the order with each candidate deciding at its expected number of observations."""
    shares = alpha_shares(len(hypotheses), plan)
    steps = list(zip(hypotheses, estimates, shares, strict=True))
    ascending = plan.order == "ascending"
    calls, rows = 0.0, 0.0
    for hypothesis, estimate, share in steps if ascending else reversed(steps):
        if share <= 0:
            continue
        n, passes = _expected_test(hypothesis, estimate, share, plan)
        calls += hypothesis.call_cost * n
        rows = max(rows, n)
        if passes == ascending:
            break
    return calls + plan.label_cost * rows


def _expected_test(
    hypothesis: Hypothesis, estimate: PlanningEstimate, share: float, plan: LadderPlan
) -> tuple[float, bool]:
    bets: Bets | None
    gap = hypothesis.futility_gap
    if isinstance(hypothesis.claim, UnlabelledPairs):
        stages = hypothesis.claim.plan(share)
        bets, share = stages.bets, stages.bet_alpha
        gap = None if gap is None else gap / stages.disagreement_upper
        if bets is None:
            return 0.0, True
    else:
        bets = hypothesis.claim
    up = _steps(bets, estimate, error=share)
    down = math.inf
    if gap is not None:
        down = _steps(futility_bets(bets, gap=gap), estimate, error=plan.beta)
    return min(up, down, plan.max_n), up <= min(down, plan.max_n)


def _steps(bets: Bets, estimate: PlanningEstimate, *, error: float) -> float:
    n = expected_n(bets, mean=estimate.mean, variance=estimate.variance, log_threshold=-math.log(error))
    return math.inf if n is None else n


ORDERS: tuple[Order, Order] = ("ascending", "descending")
