"""How good a judge is, and how partial: against people, by place, by length, by whose answer it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from suffice.measurement import Interval
from suffice.score.fields import Estimate
from suffice.score.judge.scorer import Judgement
from suffice.stats import intervals

_RESAMPLES, _SEED, _LEVEL = 1000, 0, 0.95
_NONE = Estimate(value=None, n=0, interval=None)
_METHOD = "bootstrap over rows"

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One answer with what a judge and, where known, people (`human`, in [0, 1]) said of it.

    `row` tells which answers stand on the same row; `length` is its characters, less the other answer's
    where two are compared.
    """

    row: str
    candidate: str
    judgement: Judgement
    human: float | None
    length: int


@dataclass(frozen=True, kw_only=True)
class JudgeReport:
    """What is known of a judge; n counts answers. An estimate without a value could not be made.

    Against people: `agreement` (same of right, tie, wrong), `kappa` (Cohen 1960: agreement beyond chance),
    `sensitivity` (of what people call right, the share the judge does too), `specificity` (of what they call
    wrong), `leniency` by candidate (mean of judge less people: above 0 it flatters). By itself:
    `first` (share of verdicts, both orders together, for the answer that stood first; ties aside), `changed`
    (share of pairs whose verdict the order changed), `length` (rank correlation of worth and length) and,
    to hold it against, `human_length`. `unreadable` counts answers whose verdict is missing.
    """

    n: int
    unreadable: int
    agreement: Estimate = _NONE
    kappa: Estimate = _NONE
    sensitivity: Estimate = _NONE
    specificity: Estimate = _NONE
    leniency: tuple[tuple[str, Estimate], ...] = ()
    first: Estimate = _NONE
    changed: Estimate = _NONE
    length: Estimate = _NONE
    human_length: Estimate = _NONE


def report_on(judged: Sequence[Judged]) -> JudgeReport:
    """Returns the report over answers that a judge was asked about.

    Answers of one row are not independent, so all intervals draw rows anew (percentile bootstrap, 1,000
    draws, Efron 1979); where no draw differs from another, Wilson's over the rows.
    """
    asked = [one for one in judged if one.judgement.verdicts or one.judgement.worth is not None]
    read = [one for one in asked if one.judgement.worth is not None]
    known = [one for one in read if one.human is not None]
    every, rated = _Table(read), _Table(known)
    names = sorted({one.candidate for one in known})
    return JudgeReport(
        n=len(asked),
        unreadable=len(asked) - len(read),
        agreement=rated.share(rated.judge_class == rated.human_class),
        kappa=rated.kappa(),
        sensitivity=rated.share(rated.judge_class > 0, among=rated.human_class > 0),
        specificity=rated.share(rated.judge_class < 0, among=rated.human_class < 0),
        leniency=tuple(
            (name, _Table([k for k in known if k.candidate == name]).leniency()) for name in names
        ),
        first=_first(read),
        changed=_changed(read),
        length=every.correlation(every.worth),
        human_length=rated.correlation(rated.human),
    )


class _Table:
    """Judged answers as arrays, and how often each of 1,000 draws of rows takes each."""

    def __init__(self, judged: Sequence[Judged]) -> None:
        self.n = len(judged)
        self.worth = np.array([one.judgement.worth for one in judged], dtype=np.float64)
        self.human = np.array([np.nan if one.human is None else one.human for one in judged])
        self.length = np.array([one.length for one in judged], dtype=np.float64)
        self.judge_class, self.human_class = np.sign(self.worth - 0.5), np.sign(self.human - 0.5)
        rows, self._row_of = np.unique([one.row for one in judged], return_inverse=True)
        self.rows = rows.size

    def share(self, hits: NDArray[np.bool_], *, among: NDArray[np.bool_] | None = None) -> Estimate:
        """Returns the share of hits among the answers that count."""
        counted = np.ones(self.n, dtype=bool) if among is None else among
        return self._estimate(
            lambda w: _ratio(w @ (hits & counted).astype(float), w @ counted.astype(float)),
            int(counted.sum()),
        )

    def kappa(self) -> Estimate:
        """Returns (agreement - chance) / (1 - chance) over right, tie and wrong."""
        classes = (-1.0, 0.0, 1.0)

        def value(weights: Floats) -> Floats:
            total = weights.sum(axis=-1)
            seen = _ratio(weights @ (self.judge_class == self.human_class).astype(float), total)
            chance = np.zeros(seen.shape)
            for one in classes:
                judge = _ratio(weights @ (self.judge_class == one).astype(float), total)
                human = _ratio(weights @ (self.human_class == one).astype(float), total)
                chance = chance + judge * human
            return _ratio(seen - chance, 1 - chance)

        return self._estimate(value, self.n, is_share=False)

    def leniency(self) -> Estimate:
        """Returns the mean of what the judge gave less what people gave."""
        gap = self.worth - self.human
        return self._estimate(lambda w: _ratio(w @ gap, w.sum(axis=-1)), self.n, is_share=False)

    def correlation(self, values: Floats) -> Estimate:
        """Returns the rank correlation (Spearman 1904) of values and lengths, if neither is constant."""
        if self.n < 3 or np.ptp(values) == 0 or np.ptp(self.length) == 0:
            return Estimate(value=None, n=self.n, interval=None)
        x, y = rankdata(values), rankdata(self.length)

        def value(weights: Floats) -> Floats:
            total = weights.sum(axis=-1)
            mx, my = _ratio(weights @ x, total), _ratio(weights @ y, total)
            both = _ratio(weights @ (x * y), total) - mx * my
            spread = (_ratio(weights @ x**2, total) - mx**2) * (_ratio(weights @ y**2, total) - my**2)
            return _ratio(both, np.sqrt(np.maximum(spread, 0)))

        return self._estimate(value, self.n, is_share=False)

    def _estimate(self, value: Callable[[Floats], Floats], n: int, *, is_share: bool = True) -> Estimate:
        if n == 0:
            return _NONE
        at = float(value(np.ones(self.n)))
        if not np.isfinite(at):
            return Estimate(value=None, n=n, interval=None)
        drawn = value(self._draws())
        lower, upper = np.nanquantile(drawn, ((1 - _LEVEL) / 2, (1 + _LEVEL) / 2))
        if lower == upper:
            return self._degenerate(at, n, is_share=is_share)
        ends = Interval(
            lower=min(float(lower), at), upper=max(float(upper), at), level=_LEVEL, method=_METHOD
        )
        return Estimate(value=at, n=n, interval=ends)

    def _degenerate(self, at: float, n: int, *, is_share: bool) -> Estimate:
        """Returns an estimate no draw changes: a share of 0 or 1 gets Wilson's interval, others none."""
        if not is_share or at not in {0.0, 1.0}:
            return Estimate(value=at, n=n, interval=None)
        rows = min(n, self.rows)
        ends = intervals.wilson(round(at * rows), rows, _LEVEL)
        lower, upper = min(ends.lower, at), max(ends.upper, at)
        interval = Interval(lower=lower, upper=upper, level=_LEVEL, method=ends.method)
        return Estimate(value=at, n=n, interval=interval)

    def _draws(self) -> Floats:
        counts = np.random.default_rng(_SEED).multinomial(
            self.rows, np.full(self.rows, 1 / self.rows), size=_RESAMPLES
        )
        taken: Floats = counts[:, self._row_of].astype(np.float64)
        return taken


def _first(read: Sequence[Judged]) -> Estimate:
    """Returns the share of A among A and B, over all verdicts of pairs."""
    pairs = [one for one in read if len(one.judgement.verdicts) > 1]
    said = [(one, verdict) for one in pairs for verdict in one.judgement.verdicts if verdict in {"A", "B"}]
    table = _Table([one for one, _ in said])
    return table.share(np.array([verdict == "A" for _, verdict in said], dtype=bool))


def _changed(read: Sequence[Judged]) -> Estimate:
    pairs = [one for one in read if len(one.judgement.verdicts) > 1]
    return _Table(pairs).share(np.array([one.judgement.is_changed for one in pairs], dtype=bool))


def _ratio(top: Floats, bottom: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Floats = np.divide(top, bottom)
    return found
