"""The one look at the certify rows: the path's systems tested in order under one error budget."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from suffice.bar import QualityBar, Target, Verdict
from suffice.cascade import Cascade
from suffice.certify.certify_rows import CertifyRows
from suffice.certify.estimates import SystemEstimate, bets_for
from suffice.certify.futility import BETA
from suffice.certify.search_result import SearchResult, Tested
from suffice.certify.systems import Graders
from suffice.stats import bounds
from suffice.stats.betting import Bets, Wealth
from suffice.stats.ladder import Hypothesis, HypothesisOutcome, LadderPlan, Order, climb
from suffice.stats.ladder_order import PlanningEstimate, choose_order
from suffice.stats.paired import UnlabelledPairs
from suffice.stats.planning import expected_n
from suffice.stats.prediction_powered import PoweredBets


def search(
    path: Sequence[SystemEstimate],
    graders: Graders,
    certify: CertifyRows,
    *,
    bar: QualityBar,
    alpha: float,
    call_prices: Sequence[float],
) -> SearchResult:
    """Returns the outcome of testing the path (cheapest first) on the certify rows.

    `call_prices` are the dollars one more answer of each system costs now. Where all are 0 (answers
    recorded, or computed here) the search descends, each system at full alpha: that shows the most.
    Where calls are paid, the order expected to cost less is taken.
    """
    streams = [_Stream(system, graders, certify, bar.target) for system in path]
    hypotheses = [
        replace(_hypothesis(stream, bar), call_cost=price)
        for stream, price in zip(streams, call_prices, strict=True)
    ]
    plan = ladder_plan(alpha, rows=certify.tested, order="descending")
    if any(price > 0 for price in call_prices):
        estimates = [PlanningEstimate(mean=s.mean, variance=s.variance) for s in path]
        plan = replace(plan, order=choose_order(hypotheses, estimates, plan=plan).order)
    outcome = climb(hypotheses, lambda index, start, stop: streams[index].draw(start, stop), plan=plan)
    tests = tuple(map(_tested, streams, hypotheses, outcome.outcomes))
    return SearchResult(
        order=outcome.order,
        alpha=alpha,
        tests=tests,
        chosen=outcome.chosen,
        rows=certify.tested,
        rows_used=max((t.n for t in tests), default=0),
        labels_used=_united(s.labelled(o.n) for s, o in zip(streams, outcome.outcomes, strict=True)),
        judge_labels_used=_united(s.judged(o.n) for s, o in zip(streams, outcome.outcomes, strict=True)),
    )


def ladder_plan(alpha: float, *, rows: int, order: Order) -> LadderPlan:
    """Returns the controller's plan: what a search and its re-computation have in common."""
    return LadderPlan(alpha=alpha, beta=BETA, order=order, max_n=max(rows, 1))


@dataclass
class _Stream:
    """The values of one system's test, in the shared order, and which rows' truths they took."""

    system: SystemEstimate
    graders: Graders
    certify: CertifyRows
    target: Target
    drawn: list[float] = field(default_factory=list)
    parts: list[tuple[float, float, float]] = field(default_factory=list)
    bets: Bets | None = None
    _disagreements: NDArray[np.int64] | None = None
    _values: NDArray[np.float64] | None = None

    @property
    def cascade(self) -> Cascade:
        return self.system.cascade

    def pairs(self) -> UnlabelledPairs:
        """Counts the disagreements on all rows and keeps the labelled ones for the second stage."""
        n = len(self.certify.rows)
        same = self.graders.outcomes(self.cascade, 0, n).same
        differs = np.flatnonzero(same == 0.0)
        self._values = self.graders.values(self.cascade, self.target, 0, n)
        self._disagreements = differs[~np.isnan(self._values[differs])]
        return UnlabelledPairs(disagreements=differs.size, n_pairs=n, margin=0.5)

    def draw(self, start: int, stop: int) -> NDArray[np.float64]:
        if self._disagreements is not None and self._values is not None:
            block = self._values[self._disagreements[start:stop]]
        elif isinstance(self.bets, PoweredBets):
            block = self._powered(self.bets, start, stop)
        else:
            step = self.certify.stride
            block = self.graders.values(self.cascade, self.target, start * step, stop * step)[::step]
        self.drawn.extend(block.tolist())
        return block

    def labelled(self, n: int) -> set[int]:
        """Returns the rows whose truth the first n values took."""
        return set() if self.certify.by_judge else self._consulted(n)

    def _consulted(self, n: int) -> set[int]:
        """Returns the rows whose truth, or what stands in its place, the first n values took."""
        if self._disagreements is not None:
            return set(self._disagreements[:n].tolist())
        if self.target is Target.AGREEMENT:
            return set()
        if self.target is Target.ABSOLUTE:
            return set(range(0, n * self.certify.stride, self.certify.stride))
        return {row for row in self._differing(n) if row % self.certify.stride == 0}

    def judged(self, n: int) -> set[int]:
        """Returns the rows whose judge's label the first n values took."""
        if self.certify.by_judge:
            return self._consulted(n)
        if not isinstance(self.bets, PoweredBets):
            return set()
        rows = n * self.certify.stride
        taken = range(rows) if self.target is Target.ABSOLUTE else self._differing(n)
        return {row for row in taken if self.certify.rows[row].judge is not None}

    def _differing(self, n: int) -> list[int]:
        same = self.graders.outcomes(self.cascade, 0, n * self.certify.stride).same
        return [int(row) for row in np.flatnonzero(same != 1.0)]

    def _powered(self, bets: PoweredBets, start: int, stop: int) -> NDArray[np.float64]:
        """Returns Z: the labelled row's value, corrected by what the judge says of it and of fresh rows."""
        step = self.certify.stride
        span = start * step, min(stop, self.certify.tested) * step
        y = self.graders.values(self.cascade, self.target, *span)[::step]
        f = self.graders.judged_values(self.cascade, self.target, *span).reshape(-1, step)
        parts = np.column_stack([y, f[:, 0], f[:, 1:].sum(axis=1)])
        self.parts.extend((float(a), float(b), float(c)) for a, b, c in parts)
        return bets.observations(parts)

    def calls(self, n: int) -> int:
        """Returns the model answers behind the first n values, the reference's included."""
        rows = len(self.certify.rows) if self._disagreements is not None else n * self.certify.stride
        models = len(self.cascade.local_models) + (0 if self.target is Target.ABSOLUTE else 1)
        return rows * models


def _hypothesis(stream: _Stream, bar: QualityBar) -> Hypothesis:
    if not stream.certify.two_stage:
        stream.bets = bets_for(stream.system, bar)
        return Hypothesis(name=stream.cascade.name, claim=stream.bets)
    pairs = stream.pairs()
    claim = UnlabelledPairs(
        disagreements=pairs.disagreements,
        n_pairs=pairs.n_pairs,
        margin=bar.threshold,
        design_difference=max(stream.system.cautious_mean, -0.5 * bar.threshold),
    )
    return Hypothesis(name=stream.cascade.name, claim=claim)


def _tested(stream: _Stream, hypothesis: Hypothesis, outcome: HypothesisOutcome) -> Tested:
    values = np.array(stream.drawn[: outcome.n])
    bets = outcome.wealth.bets if outcome.wealth is not None else None
    # The controller draws in blocks; the evidence is what the values up to the decision show.
    log_e = 0.0 if bets is None else Wealth(bets=bets).update(values).log_e_max
    return Tested(
        system=stream.system,
        verdict=Verdict(outcome.verdict),
        alpha=outcome.alpha_share,
        n=outcome.n,
        labels=len(stream.labelled(outcome.n)),
        calls=stream.calls(outcome.n),
        log_e=log_e,
        p_value=math.exp(-log_e),
        claim=hypothesis.claim,
        futility_gap=hypothesis.futility_gap,
        values=tuple(stream.drawn[: outcome.n]),
        bound_n=_bound(values, bets, outcome.alpha_share),
        fresh_rows=_fresh_rows(values, outcome),
        parts=tuple(stream.parts[: outcome.n]),
        judge_labels=len(stream.judged(outcome.n)),
    )


def _united(rows: Iterable[set[int]]) -> int:
    return len(set[int]().union(*rows))


def _bound(values: NDArray[np.float64], bets: Bets | None, alpha: float) -> float | None:
    """Returns the information-theoretic least expected n for this decision, at the observed law."""
    if bets is None or values.size == 0:
        return None
    support = np.unique(np.append(values, [bets.low, bets.high]))
    shares = np.array([float((values == x).mean()) for x in support])
    bound = bounds.lower_bound_n(bounds.klinf(support, shares, bets.bar), alpha=alpha, beta=BETA)
    return bound if math.isfinite(bound) else None


def _fresh_rows(values: NDArray[np.float64], outcome: HypothesisOutcome) -> int | None:
    """Returns about how many rows nobody has looked at would decide, at the rates seen so far."""
    if outcome.wealth is None or values.size == 0 or outcome.verdict != "inconclusive":
        return None
    spread = max(float(values.var()), 1.0 / (values.size + 1))
    needed = math.log(1 / outcome.alpha_share)
    rows = expected_n(outcome.wealth.bets, mean=float(values.mean()), variance=spread, log_threshold=needed)
    return None if rows is None else math.ceil(rows)
