"""The ladder controller: the cheapest candidate that clears the bar, under one error budget.

Both orders hold alpha for the whole search, whatever the dependence between candidates (docs/concepts.md):

- ascending, cheapest first, the first pass wins: candidate i must reach E_i >= 1 / (w_i alpha)
  with weights that sum to 1 (union bound over the candidates below the bar);
- descending, dearest first, each at full alpha, stopping at the first that is not certified: a
  false certificate needs the *largest* candidate below the bar to reach 1 / alpha (Ville).

There is no third way in: the threshold of a candidate comes from `alpha_shares`, never from the
caller, so walking up with an uncorrected bound cannot be written with this module.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np

from suffice.stats.betting import Bets, Wealth
from suffice.stats.budget import candidate_weights
from suffice.stats.mixtures import futility_bets
from suffice.stats.paired import TwoStage, UnlabelledPairs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = [
    "Draw",
    "Hypothesis",
    "HypothesisOutcome",
    "LadderOutcome",
    "LadderPlan",
    "LadderVerdict",
    "Order",
    "alpha_shares",
    "climb",
]

Order = Literal["ascending", "descending"]
LadderVerdict = Literal["pass", "fail", "inconclusive", "not_tested"]


class Draw(Protocol):
    """Gives observations `start` to `stop` of one hypothesis, in the one shared random order.

    Fewer than asked for means that the rows have run out.
    """

    def __call__(self, index: int, start: int, stop: int) -> ArrayLike:
        """Return the observations of hypothesis `index` in positions [start, stop)."""
        ...


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """One candidate's claim to be tested; hypotheses are listed cheapest first.

    Attributes:
        name: the candidate.
        claim: the mixture against "the candidate does not clear the bar"; or the unlabelled
            pairs of a two-stage test, whose bound and bet then share this candidate's alpha and
            whose observations are D on random disagreements.
        futility_gap: stop once E[X] >= bar + gap is refuted at beta, in the unit of the bar;
            None never stops early.
        call_cost: price of one more observation of this candidate, for the cost budget.
    """

    name: str
    claim: Bets | UnlabelledPairs
    futility_gap: float | None = 0.0
    call_cost: float = 0.0

    def __post_init__(self) -> None:
        if isinstance(self.claim, Bets) and self.claim.direction != "above":
            raise ValueError(f"{self.name}: a claim must bet above the bar")
        if self.futility_gap is not None and self.futility_gap < 0:
            raise ValueError(f"{self.name}: the futility gap {self.futility_gap} is negative")


@dataclass(frozen=True, kw_only=True)
class LadderPlan:
    """How to search. Fixed before the first observation.

    Attributes:
        alpha: error of the whole search: a wrong candidate is chosen with at most this chance.
        beta: error of each futility stop; costs power, never validity.
        order: "ascending" or "descending" (`ladder_order.choose_order` picks one).
        max_n: most observations a candidate may use.
        block: observations drawn at a time; the e-process still looks after each one.
        prior: weights over the candidates, ascending only; equal when None.
        label_cost: price of the first use of a row, for the cost budget.
        max_cost: budget of the whole search in the unit of the costs; infinite by default.
    """

    alpha: float
    order: Order
    max_n: int
    beta: float = 0.05
    block: int = 32
    prior: tuple[float, ...] | None = None
    label_cost: float = 0.0
    max_cost: float = math.inf

    def __post_init__(self) -> None:
        if not (0 < self.alpha < 1 and 0 < self.beta < 1):
            raise ValueError(f"alpha={self.alpha} and beta={self.beta} must lie in (0, 1)")
        if self.max_n < 1 or self.block < 1:
            raise ValueError("max_n and block must be at least 1")
        if self.order not in ("ascending", "descending"):
            raise ValueError(f"the order is {self.order!r}, expected 'ascending' or 'descending'")


@dataclass(frozen=True, kw_only=True)
class HypothesisOutcome:
    """What became of one candidate.

    Attributes:
        name: the candidate.
        verdict: pass, fail (futility), inconclusive (rows or budget ran out), or not_tested.
        n: observations up to the decision, or all that were used.
        drawn: observations drawn, in whole blocks.
        alpha_share: error this candidate could spend, both stages together.
        log_e: log e-value at its largest; 0 where the unlabelled stage alone has decided.
        wealth: the running e-process, to continue on more rows; None when not tested.
        two_stage: bound of the disagreement rate and split of the error, two-stage claims only.
    """

    name: str
    verdict: LadderVerdict
    n: int
    drawn: int
    alpha_share: float
    log_e: float
    wealth: Wealth | None = None
    two_stage: TwoStage | None = None

    @property
    def e_value(self) -> float:
        """Largest e-value, the evidence against "does not clear the bar"; inf past 1e308."""
        return math.exp(self.log_e) if self.log_e < 709 else math.inf


@dataclass(frozen=True, kw_only=True)
class LadderOutcome:
    """The whole search.

    Attributes:
        chosen: index of the cheapest certified candidate, or None.
        order: the order used.
        outcomes: one for each candidate, cheapest first.
        rows: rows used by at least one candidate.
        cost: labels and calls at the plan's prices.
    """

    chosen: int | None
    order: Order
    outcomes: tuple[HypothesisOutcome, ...]
    rows: int
    cost: float


def alpha_shares(n_candidates: int, plan: LadderPlan) -> tuple[float, ...]:
    """Return the error each candidate may spend.

    Raises:
        ValueError: the prior does not fit the candidates.
    """
    if plan.order == "descending":
        return (plan.alpha,) * n_candidates
    return tuple(plan.alpha * w for w in candidate_weights(n_candidates, plan.prior))


@dataclass
class _Purse:
    """What the search has used so far."""

    plan: LadderPlan
    rows: int = 0
    cost: float = 0.0

    def affordable(self, wanted: int, seen: int, call_cost: float) -> int:
        """Largest number of further observations, up to `wanted`, that the budget allows."""
        if math.isinf(self.plan.max_cost):
            return wanted
        while wanted > 0 and self.cost + self._price(wanted, seen, call_cost) > self.plan.max_cost:
            wanted -= 1
        return wanted

    def pay(self, count: int, seen: int, call_cost: float) -> None:
        self.cost += self._price(count, seen, call_cost)
        self.rows = max(self.rows, seen + count)

    def _price(self, count: int, seen: int, call_cost: float) -> float:
        new_rows = max(0, seen + count - self.rows)
        return call_cost * count + self.plan.label_cost * new_rows


def climb(hypotheses: Sequence[Hypothesis], draw: Draw, *, plan: LadderPlan) -> LadderOutcome:
    """Return which candidate is certified and what every other one came to.

    Deterministic given `draw`: run again on a longer stream with the same order of rows and the
    same plan, it continues the same e-processes and spends no further error.

    Args:
        hypotheses: one for each candidate, cheapest first.
        draw: gives the observations, in one random order fixed beforehand and shared by all.
        plan: error budget, order and limits.

    Raises:
        ValueError: no hypothesis, or an observation outside the range of its bets.
    """
    shares = alpha_shares(len(hypotheses), plan)
    purse = _Purse(plan)
    outcomes = [_not_tested(h, s) for h, s in zip(hypotheses, shares, strict=True)]
    chosen: int | None = None
    ascending = plan.order == "ascending"
    for index in range(len(hypotheses)) if ascending else reversed(range(len(hypotheses))):
        if outcomes[index].alpha_share <= 0:
            continue
        outcomes[index] = _test(hypotheses[index], index, draw, purse, outcomes[index])
        passed = outcomes[index].verdict == "pass"
        if passed:
            chosen = index
        if passed == ascending:
            break
    return LadderOutcome(
        chosen=chosen,
        order=plan.order,
        outcomes=tuple(outcomes),
        rows=purse.rows,
        cost=purse.cost,
    )


def _not_tested(hypothesis: Hypothesis, share: float) -> HypothesisOutcome:
    return HypothesisOutcome(
        name=hypothesis.name, verdict="not_tested", n=0, drawn=0, alpha_share=share, log_e=0.0
    )


def _test(
    hypothesis: Hypothesis, index: int, draw: Draw, purse: _Purse, blank: HypothesisOutcome
) -> HypothesisOutcome:
    claim, alpha, gap = hypothesis.claim, blank.alpha_share, hypothesis.futility_gap
    if isinstance(claim, UnlabelledPairs):
        stages = claim.plan(alpha)
        blank = replace(blank, two_stage=stages)
        if stages.bets is None:
            return replace(blank, verdict="pass")
        claim, alpha = stages.bets, stages.bet_alpha
        gap = None if gap is None else gap / stages.disagreement_upper
    wealth = Wealth(bets=claim, log_threshold=-math.log(alpha))
    futility = (
        None
        if gap is None
        else Wealth(bets=futility_bets(claim, gap=gap), log_threshold=-math.log(purse.plan.beta))
    )
    seen = 0
    while seen < purse.plan.max_n and not wealth.crossed and not (futility and futility.crossed):
        block = _next_block(hypothesis, index, draw, purse, seen)
        if block.size == 0:
            break
        wealth = wealth.update(block)
        futility = None if futility is None else futility.update(block)
        seen += block.size
    return _decided(blank, wealth, futility, seen)


def _next_block(
    hypothesis: Hypothesis, index: int, draw: Draw, purse: _Purse, seen: int
) -> NDArray[np.float64]:
    wanted = min(purse.plan.block, purse.plan.max_n - seen)
    wanted = purse.affordable(wanted, seen, hypothesis.call_cost)
    if wanted == 0:
        return np.empty(0)
    block = np.atleast_1d(np.asarray(draw(index, seen, seen + wanted), dtype=np.float64))
    if block.size > wanted:
        raise ValueError(f"{hypothesis.name}: {block.size} observations came, {wanted} asked for")
    purse.pay(block.size, seen, hypothesis.call_cost)
    return block


def _decided(
    blank: HypothesisOutcome, wealth: Wealth, futility: Wealth | None, seen: int
) -> HypothesisOutcome:
    passed_at = wealth.crossed_at if wealth.crossed_at is not None else math.inf
    failed_at = math.inf
    if futility is not None and futility.crossed_at is not None:
        failed_at = futility.crossed_at
    verdict: LadderVerdict = "inconclusive"
    n = seen
    if not math.isinf(min(passed_at, failed_at)):
        # Both within one block: whichever came first in the stream.
        verdict = "pass" if passed_at <= failed_at else "fail"
        n = int(min(passed_at, failed_at))
    return replace(blank, verdict=verdict, n=n, drawn=seen, log_e=wealth.log_e_max, wealth=wealth)
