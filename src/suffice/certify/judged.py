"""How far a judge is relied on: settled on dev for each system, before any certify row is seen.

With Y the value that the target's test bets on and f the same value with the judge's label in
place of the truth, the test with reliance s bets on Z = Y - s f + s mean(f') over fresh rows
(`stats.prediction_powered`). Any s is valid; the best one makes Z vary least.
"""

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from suffice.bar import QualityBar, Target
from suffice.cascade import Cascade
from suffice.certify.estimates import DevView, SystemEstimate, estimate, rows_needed

RELIANCES = (0.25, 0.5, 0.75, 1.0)
# A judge has to save this share of the labels on dev: less is within the noise of a dev split.
_WORTH_IT = 0.9
# Standard errors by which the judge may see labelled dev rows differently from the others.
_MOST_APART = 3.3


@dataclass(frozen=True, kw_only=True)
class JudgedDev:
    """One system on dev: Y and f of the labelled rows, f of the others; `worst` is the least Y."""

    labels: NDArray[np.float64]
    predictions: NDArray[np.float64]
    others: NDArray[np.float64]
    worst: float

    @property
    def is_alike(self) -> bool:
        """Says whether f looks the same on labelled rows as on others.

        Where it does not, the labelled rows are no random part of the rows, or the judge knew the
        truth there: the one thing that the test takes for granted.
        """
        one, other = self.predictions, self.others
        if min(one.size, other.size) < 2:
            return False
        spread = float(np.append(one, other).var()) * (1 / one.size + 1 / other.size)
        return abs(float(one.mean() - other.mean())) <= _MOST_APART * math.sqrt(spread)

    def moments(self, reliance: float, fresh: int) -> tuple[float, float]:
        """Returns mean and variance of Z, with one made-up row on which system and judge err."""
        y = np.append(self.labels, self.worst)
        f = np.append(self.predictions, self.worst + 1)
        every = np.append(f, self.others)
        rest = y - reliance * f
        mean = float(rest.mean() + reliance * every.mean())
        return mean, float(rest.var() + reliance**2 * every.var() / fresh)


def estimate_with_judge(cascade: Cascade, view: DevView, *, fresh: int, alpha: float) -> SystemEstimate:
    """Returns what dev says about a system whose test may rely on the judge's labels of `fresh` rows each."""
    found = estimate(cascade, view, alpha=alpha)
    bar, labelled = view.task.quality, view.labelled
    judged = view.graders.judged_values(cascade, bar.target, 0, view.n)
    dev = JudgedDev(
        labels=view.graders.values(cascade, bar.target, 0, view.n)[labelled],
        predictions=judged[labelled],
        others=judged[~labelled],
        worst=-1.0 if bar.target is Target.NON_INFERIOR else 0.0,
    )
    return with_judge(found, dev, bar, fresh=fresh, alpha=alpha)


def with_judge(
    found: SystemEstimate, dev: JudgedDev, bar: QualityBar, *, fresh: int, alpha: float
) -> SystemEstimate:
    """Returns the estimate with the reliance that needs the fewest labels; unchanged where none helps."""
    if not fresh or not dev.is_alike:
        return found
    alone = dev.moments(0.0, fresh)[1]
    moments = {s: dev.moments(s, fresh) for s in RELIANCES}
    worth = {s: pair for s, pair in moments.items() if pair[1] < _WORTH_IT * alone}
    if not worth:
        return found
    # One mean for all: else the reliance would be chosen by whose mean dev happens to flatter.
    mean = min(worth.values(), key=lambda pair: pair[1])[0]
    tries = [
        replace(found, mean=mean, variance=variance, reliance=s, fresh=fresh)
        for s, (_, variance) in worth.items()
    ]
    best = min(tries, key=lambda system: (_rows(system, bar, alpha), system.variance))
    before, after = _rows(replace(found, mean=mean), bar, alpha), _rows(best, bar, alpha)
    if math.isfinite(before) and after >= _WORTH_IT * before:
        return found
    return replace(best, rows_needed=None if math.isinf(after) else after)


def _rows(system: SystemEstimate, bar: QualityBar, alpha: float) -> float:
    rows = rows_needed(system, bar, alpha=alpha)
    return math.inf if rows is None else rows
