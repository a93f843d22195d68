"""What dev says about each system before any certify row is seen: quality, cost, rows it would take."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from suffice.bar import Metric, QualityBar, Target
from suffice.cascade import REFERENCE, Cascade, Tier
from suffice.certify.exact_claims import exact_claim_of, rows_for
from suffice.certify.rate_claims import claim_of, codes_of, dev_estimate
from suffice.certify.resources import Resources, of_system, reached_shares, shortfall
from suffice.certify.systems import Graders, Outcomes
from suffice.stats.betting import Bets
from suffice.stats.mixtures import hedged_bernoulli_bets, paired_bets
from suffice.stats.planning import expected_n
from suffice.stats.prediction_powered import JudgePlan, powered_bets
from suffice.task import Sample, Task

# Quantiles of the first tier's trust on dev at which a cascade may escalate. They do not depend
# on the certify rows, and are close enough that a step costs under 5 points of traffic.
_GRID = tuple(np.linspace(0.04, 0.96, 24))
# For metrics whose bounds take long to compute.
_COARSE_GRID = _GRID[2::4]


@dataclass(frozen=True, kw_only=True)
class SystemEstimate:
    """A system as dev shows it; nothing here is evidence.

    `mean`, `variance`: of the variable its test bets on, over `n` dev rows. `same`: share answered
    as the reference answers. `rows_needed`: certify rows its test is expected to take, None if it
    is not expected to pass. `misses`: the first resource bar it does not keep. `reliance` on a judge
    (0: none), whose labels of `fresh` further rows go with each value; mean and variance are then Z's.
    """

    cascade: Cascade
    resources: Resources
    reached: tuple[float, ...]
    mean: float
    variance: float
    n: int
    same: float | None
    rows_needed: float | None
    misses: str | None
    reliance: float = 0.0
    fresh: int = 0

    @property
    def cautious_mean(self) -> float:
        """Returns the mean less one standard error: dev picks among many, and the best look too good."""
        return self.mean - math.sqrt(self.variance / max(self.n, 1))


def possible_systems(
    local: Sequence[str], graders: Graders, n_dev: int, *, reference: bool, metric: Metric
) -> list[Cascade]:
    """Returns every single model and every cascade of two, at the grid's thresholds, over dev's trust.

    `local` lists the models cheapest first; a cascade only ever escalates to a dearer one. Recall
    at a false-alarm rate is tuned on one model's score, so there are no cascades for it.
    """
    systems = [Cascade(name=name, tiers=(Tier(model=name),)) for name in local]
    if metric is Metric.RECALL_AT_FALSE_ALARM:
        return systems
    steps = _GRID if metric.is_mean else _COARSE_GRID
    for position, first in enumerate(local):
        above = [*local[position + 1 :], *([REFERENCE] if reference else [])]
        grid = np.unique(np.quantile(graders.models[first].part(0, n_dev).trust, steps, method="lower"))
        systems += [
            Cascade(
                name=f"{first} -> {last} @ {threshold:.3f}",
                tiers=(Tier(model=first, threshold=float(threshold)), Tier(model=last)),
            )
            for last in above
            for threshold in grid
        ]
    return systems


@dataclass(frozen=True, kw_only=True)
class DevView:
    """The dev split as choices see it: graded models, their resources, and the task's bars."""

    graders: Graders
    rows: Sequence[Sample]
    parts: Mapping[str, Resources]
    task: Task

    @property
    def n(self) -> int:
        """Returns the number of dev rows."""
        return len(self.rows)

    @property
    def labelled(self) -> NDArray[np.bool_]:
        """Returns which rows tell a test's value whatever a system answers; all, where none has a truth.

        Rows without a truth would tell it only where system and reference agree.
        """
        has_truth = np.array([row.target is not None for row in self.rows], dtype=bool)
        is_needed = self.task.quality.target is not Target.AGREEMENT
        return has_truth if is_needed and has_truth.any() else np.ones(self.n, dtype=bool)


def estimate(cascade: Cascade, view: DevView, *, alpha: float) -> SystemEstimate:
    """Returns what dev says about one system that is to be tested at `alpha`."""
    bar = view.task.quality
    outcomes = view.graders.outcomes(cascade, 0, view.n)
    values = view.graders.values(cascade, bar.target, 0, view.n)[view.labelled]
    known = values[~np.isnan(values)]
    reached = reached_shares(outcomes.tier.tolist(), len(cascade.tiers))
    resources = of_system(cascade, view.parts, reached)
    same = outcomes.same[~np.isnan(outcomes.same)]
    mean, variance = _smoothed(known, worst=-1.0 if bar.target is Target.NON_INFERIOR else 0.0)
    if not bar.metric.is_mean:
        return _rate_estimate(cascade, view, outcomes, alpha=alpha)
    found = SystemEstimate(
        cascade=cascade,
        resources=resources,
        reached=reached,
        mean=mean,
        variance=variance,
        n=known.size,
        same=float(same.mean()) if same.size else None,
        rows_needed=None,
        misses=shortfall(resources, view.task.resources),
    )
    return replace(found, rows_needed=rows_needed(found, bar, alpha=alpha))


def rows_needed(found: SystemEstimate, bar: QualityBar, *, alpha: float) -> float | None:
    """Returns the certify rows a system's test is expected to take; None where it is not expected to pass."""
    seen = {"mean": found.cautious_mean, "variance": found.variance}
    if bar.fixed_n:
        return rows_for(exact_claim_of(bar).bar, alpha=alpha, **seen)
    return expected_n(bets_for(found, bar), log_threshold=-math.log(alpha), **seen)


def _rate_estimate(cascade: Cascade, view: DevView, outcomes: Outcomes, *, alpha: float) -> SystemEstimate:
    """Returns the estimate where the metric is no mean: its own value, and rows by repeating dev's."""
    bar, labels = view.task.quality, view.task.labels
    claim = claim_of(bar, labels)
    codes = codes_of(claim, view.rows, outcomes, labels=labels, positive=bar.positive)
    value, rows = dev_estimate(claim, codes, alpha=alpha)
    reached = reached_shares(outcomes.tier.tolist(), len(cascade.tiers))
    resources = of_system(cascade, view.parts, reached)
    return SystemEstimate(
        cascade=cascade,
        resources=resources,
        reached=reached,
        mean=value,
        variance=value * (1 - value),
        n=len(codes),
        same=None,
        rows_needed=rows,
        misses=shortfall(resources, view.task.resources),
    )


def bets_for(system: SystemEstimate, bar: QualityBar) -> Bets:
    """Returns the bets of the system's test: any are valid; these grow fastest if dev is right."""
    if system.reliance:
        return _bets_with_judge(system, bar)
    if bar.target is Target.NON_INFERIOR:
        differs = 0.1 if system.same is None else 1 - system.same
        design = max(system.cautious_mean, -0.5 * bar.threshold)
        return paired_bets(bar.threshold, disagreement=max(differs, 0.005), design_difference=design)
    null = bar.threshold if bar.target is Target.ABSOLUTE else 1 - bar.threshold
    gap = min(system.cautious_mean - null, 0.9 * (1 - null))
    return hedged_bernoulli_bets(null, design_gap=gap if gap > 0.001 else None)


def _bets_with_judge(system: SystemEstimate, bar: QualityBar) -> Bets:
    if bar.target is Target.NON_INFERIOR:
        plan = JudgePlan(bar=-bar.threshold, low=-1.0, prediction_low=-1.0)
        least = 0.5 * bar.threshold
    else:
        plan = JudgePlan(bar=bar.threshold)
        least = 0.05 * (1 - bar.threshold)
    gap = max(system.cautious_mean - plan.bar, least)
    return powered_bets(plan, reliance=system.reliance, fresh=system.fresh, gap=gap, variance=system.variance)


def _smoothed(values: NDArray[np.float64], *, worst: float) -> tuple[float, float]:
    """Returns mean and variance with one made-up worst row: no dev split shows a rate of 0 or 1."""
    padded = np.append(values, worst)
    return float(padded.mean()), float(padded.var())
