"""Claims about metrics that are no mean over rows: one look at a number of rows fixed beforehand.

Each row's outcome is one whole number, so that the evidence holds no label, and each claim can be
tested again from those numbers alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from suffice.bar import Metric, QualityBar, Verdict
from suffice.certify.futility import BETA
from suffice.certify.systems import Outcomes
from suffice.stats.rates import MacroF1, macro_f1, recall_at_false_alarm
from suffice.task import Sample

_STEPS = 40  # of the bisection for a p-value: to 1e-12


@dataclass(frozen=True, kw_only=True)
class RateOutcome:
    """What a fixed number of rows shows: the metric, its one-sided bounds at alpha, and the p-value."""

    verdict: Verdict
    estimate: float | None
    lower: float
    upper: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class MacroF1Claim:
    """Macro-F1 over `classes` classes is at least `at_least`.

    A row is `wanted * (classes + 1) + answered`, classes numbered from 0; `classes` stands for any
    other label, or no answer.
    """

    classes: int
    at_least: float

    def code(self, wanted: int, answered: int | None) -> int:
        """Returns the whole number of a row."""
        return wanted * (self.classes + 1) + (self.classes if answered is None else answered)

    def test(self, rows: Sequence[int], *, alpha: float, beta: float) -> RateOutcome:
        """Returns the outcome: per-class exact bounds under one budget (`stats.rates.macro_f1`)."""
        found = self._bounds(rows, alpha)
        refuted = self._bounds(rows, beta).upper < self.at_least
        return RateOutcome(
            verdict=_verdict(passed=found.lower >= self.at_least, refuted=refuted),
            estimate=found.estimate,
            lower=found.lower,
            upper=found.upper,
            p_value=self._p_value(rows),
        )

    def _bounds(self, rows: Sequence[int], delta: float) -> MacroF1:
        pairs = [divmod(row, self.classes + 1) for row in rows]
        return macro_f1(
            [w for w, _ in pairs], [a for _, a in pairs], classes=range(self.classes), delta=delta
        )

    def _p_value(self, rows: Sequence[int]) -> float:
        """The least alpha at which the claim passes; the lower bound rises with alpha."""
        low, high = 0.0, 1.0
        for _ in range(_STEPS):
            middle = (low + high) / 2
            if self._bounds(rows, max(middle, 1e-12)).lower >= self.at_least:
                high = middle
            else:
                low = middle
        return high


@dataclass(frozen=True, kw_only=True)
class RecallClaim:
    """Recall of one class is at least `at_least`, and others are taken for it at most `false_alarm` often.

    A row is `2 * is_positive + is_called`.
    """

    at_least: float
    false_alarm: float

    def code(self, *, is_positive: bool, is_called: bool) -> int:
        """Returns the whole number of a row."""
        return 2 * is_positive + is_called

    def test(self, rows: Sequence[int], *, alpha: float, beta: float) -> RateOutcome:
        """Returns the outcome of the intersection-union test (`stats.rates.recall_at_false_alarm`)."""
        hits, positives = rows.count(3), rows.count(2) + rows.count(3)
        alarms, negatives = rows.count(1), rows.count(0) + rows.count(1)
        bars = {"recall_bar": self.at_least, "false_alarm_bar": self.false_alarm}
        found = recall_at_false_alarm((hits, positives), (alarms, negatives), alpha=alpha, **bars)
        # Refuted when either part is: the reverse of each, both at beta / 2.
        missed = recall_at_false_alarm(
            (positives - hits, positives),
            (negatives - alarms, negatives),
            recall_bar=1 - self.at_least,
            false_alarm_bar=1 - self.false_alarm,
            alpha=beta / 2,
        )
        refuted = missed.recall_lower > 1 - self.at_least or missed.false_alarm_upper < 1 - self.false_alarm
        return RateOutcome(
            verdict=_verdict(passed=found.passed, refuted=refuted),
            estimate=found.recall,
            lower=found.recall_lower,
            upper=1 - missed.recall_lower,
            p_value=found.p_value,
        )


RateClaim = MacroF1Claim | RecallClaim


def claim_of(bar: QualityBar, labels: Sequence[str]) -> RateClaim:
    """Returns the claim that a bar on such a metric makes."""
    if bar.metric is Metric.MACRO_F1:
        return MacroF1Claim(classes=len(labels), at_least=bar.threshold)
    return RecallClaim(at_least=bar.threshold, false_alarm=bar.false_alarm or 0.0)


def codes_of(
    claim: RateClaim,
    rows: Sequence[Sample],
    outcomes: Outcomes,
    *,
    labels: Sequence[str],
    positive: str | None,
) -> list[int]:
    """Returns each row's outcome as the claim's whole number; the rows are labelled ones.

    A wanted label that no train row has is none of the classes: it only adds false alarms.
    """
    position: Mapping[str, int] = {label: index for index, label in enumerate(labels)}
    codes = []
    for row, answered, tier in zip(rows, outcomes.answers, outcomes.tier, strict=True):
        wanted = str(row.target)
        answer = answered if answered is not None or tier < 0 else row.reference
        text = None if answer is None else str(answer)
        if isinstance(claim, RecallClaim):
            codes.append(claim.code(is_positive=wanted == positive, is_called=text == positive))
        else:
            answer_class = None if text is None else position.get(text)
            codes.append(claim.code(position.get(wanted, claim.classes), answer_class))
    return codes


def dev_estimate(claim: RateClaim, codes: Sequence[int], *, alpha: float) -> tuple[float, float | None]:
    """Returns the metric on dev, and about how many rows like dev's would show the bar, if any."""
    once = claim.test(list(codes), alpha=alpha, beta=BETA)
    estimate = 0.0 if once.estimate is None else once.estimate
    for times in (0.25, 0.5, 1, 2, 4, 8, 16, 32):
        repeated = list(codes) * int(times) if times >= 1 else list(codes)[: int(len(codes) * times)]
        if repeated and claim.test(repeated, alpha=alpha, beta=BETA).verdict is Verdict.PASS:
            return estimate, float(len(repeated))
    return estimate, None


def _verdict(*, passed: bool, refuted: bool) -> Verdict:
    if passed:
        return Verdict.PASS
    return Verdict.FAIL if refuted else Verdict.INCONCLUSIVE
