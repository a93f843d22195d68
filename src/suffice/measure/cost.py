"""What answers cost: the reference's by its tokens, one's own by the machine's seconds; when it pays."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

from suffice.measure.price_book import HOURS_PER_MONTH, Machine
from suffice.measurement import Interval, Measurement, not_measured
from suffice.models.http.spend import Price, tokens_of_text
from suffice.ports import Answer, Request

_COST = "cost_usd_per_1k"
_UNIT = "usd_per_1k"
_SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, kw_only=True)
class TokenCost:
    """A price by tokens: the cost of 1,000 requests, and the share of them whose tokens are estimated.

    Where no usage was recorded, tokens are UTF-8 bytes / 4: an estimate, and reports say so.
    """

    measurement: Measurement
    estimated_share: float


def token_cost(
    requests: Sequence[Request], answers: Sequence[Answer], price: Price, *, level: float = 0.95
) -> TokenCost:
    """Returns what 1,000 such requests cost at a price per token.

    The interval is Student's t for the mean over requests: approximate, and wide for small n.
    Requests that were not answered do not count.
    """
    costs, estimated = [], 0
    for request, answer in zip(requests, answers, strict=True):
        if answer.text is None:
            continue
        read, written = answer.usage.input_tokens, answer.usage.output_tokens
        estimated += read is None or written is None
        costs.append(
            price.cost_usd(
                input_tokens=_tokens_sent(request) if read is None else read,
                output_tokens=tokens_of_text(answer.text) if written is None else written,
            )
            * 1e3
        )
    if len(costs) < 2:
        why = f"{len(costs)} answered requests to take the tokens from; 2 are needed"
        return TokenCost(measurement=not_measured(_COST, _UNIT, why=why), estimated_share=0.0)
    return TokenCost(measurement=_mean(costs, level), estimated_share=estimated / len(costs))


def own_cost(throughput: Measurement, machine: Machine) -> Measurement:
    """Returns what 1,000 requests cost on one's own machine: the price of the time they take.

    1,000 / throughput seconds are used; at utilisation u each used second pays for 1 / u. The
    interval is the throughput's, turned over.
    """
    if throughput.value is None:
        return not_measured(_COST, _UNIT, why=f"throughput: {throughput.unmeasured}")

    def cost(per_s: float) -> float:
        return 1e3 / per_s * machine.hourly_usd / _SECONDS_PER_HOUR / machine.utilisation

    interval = None
    if throughput.interval is not None and throughput.interval.lower > 0:
        ends = throughput.interval
        interval = Interval(
            lower=cost(ends.upper), upper=cost(ends.lower), level=ends.level, method=ends.method
        )
    return Measurement(
        quantity=_COST, value=cost(throughput.value), unit=_UNIT, n=throughput.n, interval=interval
    )


@dataclass(frozen=True, kw_only=True)
class BreakEven:
    """From how many requests a month one machine of one's own is cheaper than the reference.

    `requests_per_month` is None where it never is: `advice` says why in one sentence.
    `capacity_per_month` is what one machine answers at its utilisation.
    """

    requests_per_month: float | None
    capacity_per_month: float
    advice: str


def break_even(
    *, throughput_per_s: float, machine: Machine, reference_usd_per_1k: float, escalated: float = 0.0
) -> BreakEven:
    """Returns the monthly volume at which a machine that is always on has paid for itself.

    volume = monthly price / what a request saves, where a saved request is one that is not
    escalated. Beyond one machine's capacity the price of the next one is due, so a volume above
    it means that self-hosting never pays, at any volume.
    """
    monthly_usd = machine.hourly_usd * HOURS_PER_MONTH
    capacity = throughput_per_s * machine.utilisation * HOURS_PER_MONTH * _SECONDS_PER_HOUR
    saved_usd = reference_usd_per_1k / 1e3 * (1.0 - escalated)
    if saved_usd <= 0:
        advice = "do not self-host: nothing is saved on any request"
        return BreakEven(requests_per_month=None, capacity_per_month=capacity, advice=advice)
    volume = monthly_usd / saved_usd
    if volume > capacity:
        advice = (
            f"do not self-host: {volume:,.0f} requests a month would pay for the machine, "
            f"but it answers {capacity:,.0f} at {machine.utilisation:.0%} utilisation"
        )
        return BreakEven(requests_per_month=None, capacity_per_month=capacity, advice=advice)
    advice = f"a machine of ${monthly_usd:,.2f} a month pays from {math.ceil(volume):,} requests a month on"
    return BreakEven(requests_per_month=volume, capacity_per_month=capacity, advice=advice)


def _tokens_sent(request: Request) -> int:
    texts = [message.content for message in request.messages] or [request.text]
    return sum(tokens_of_text(text) for text in texts)


def _mean(values: Sequence[float], level: float) -> Measurement:
    """Returns the mean with Student's t interval, cut at 0: a cost is not negative."""
    n = len(values)
    mean = float(np.mean(values))
    half = float(stdtrit(n - 1, (1 + level) / 2) * np.std(values, ddof=1) / math.sqrt(n))
    interval = Interval(lower=max(0.0, mean - half), upper=mean + half, level=level, method="student t")
    return Measurement(quantity=_COST, value=mean, unit=_UNIT, n=n, interval=interval)
