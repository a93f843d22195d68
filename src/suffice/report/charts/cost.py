"""Money a month against the number of requests, and where the chosen model begins to pay."""

import math
from typing import Any

from suffice.report import numbers
from suffice.report.charts.drawing import CHOSEN, INK, MUTED, PAPER, REFERENCE, Chart, Sheet, draw, shorten
from suffice.report.facts import CostFacts, Facts

_LOWEST, _HIGHEST = 1e3, 1e8  # requests a month


def chart(facts: Facts) -> Chart | None:
    """Returns the chart, or None where either price is unknown or the chosen model has no monthly cost."""
    cost = facts.cost
    if cost.today_usd_per_1k is None or cost.chosen_usd_per_1k is None or not cost.fixed_usd_per_month:
        return None
    if cost.today_usd_per_1k <= 0:
        return None
    alt = _alt(facts)
    wide, narrow = draw(
        lambda axes, sheet: _paint(axes, sheet, facts),
        name="cost",
        alt=alt,
        wide=Sheet(width=480, height=360),
        narrow=Sheet(width=368, height=330, is_narrow=True),
    )
    return Chart(title=_title(cost), alt=alt, wide=wide, narrow=narrow)


def monthly(requests: float, usd_per_1k: float, fixed_usd: float = 0.0) -> float:
    """Returns US dollars a month for a number of requests a month."""
    return fixed_usd + requests / 1000 * usd_per_1k


def _title(cost: CostFacts) -> str:
    volume = cost.break_even_requests_per_month
    if volume is None:
        return "At no volume does it cost less than today"
    return f"It pays from about {numbers.significant(volume)} requests a month"


def _alt(facts: Facts) -> str:
    cost = facts.cost
    rows = []
    for volume in (1e4, 1e6, 1e8):
        today = monthly(volume, cost.today_usd_per_1k or 0.0)
        chosen = monthly(volume, cost.chosen_usd_per_1k or 0.0, cost.fixed_usd_per_month or 0.0)
        rows.append(
            f"{numbers.count(volume)} requests: {numbers.money(today)} today, {numbers.money(chosen)}"
        )
    return "Cost a month against volume. " + "; ".join(rows)


def _paint(axes: Any, sheet: Sheet, facts: Facts) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator  # noqa: PLC0415

    cost = facts.cost
    today, chosen = cost.today_usd_per_1k or 0.0, cost.chosen_usd_per_1k or 0.0
    fixed, even = cost.fixed_usd_per_month or 0.0, cost.break_even_requests_per_month
    low = min(_LOWEST, (even or _LOWEST) / 10)
    high = max(_HIGHEST / 10, (even or _LOWEST) * 30)
    volumes = [low * (high / low) ** (step / 80) for step in range(81)]
    axes.plot(volumes, [monthly(volume, today) for volume in volumes], color=REFERENCE)
    axes.plot(volumes, [monthly(volume, chosen, fixed) for volume in volumes], color=CHOSEN)
    names = (
        ("today", today, 0.0, REFERENCE),
        (facts.chosen.name if facts.chosen else "chosen", chosen, fixed, CHOSEN),
    )
    for name, price, base, colour in names:
        at = high / 1.5
        above = monthly(at, price, base) >= monthly(at, today)
        axes.annotate(
            shorten(name, 24), (at, monthly(at, price, base)), xytext=(-2, 8 if above else -8),
            textcoords="offset pixels", ha="right", va="bottom" if above else "top", color=colour,
            weight="bold",
        )  # fmt: skip
    if even is not None and even > 0:
        axes.plot([even], [monthly(even, today)], "o", color=INK, ms=8, mec=PAPER, mew=1.5)
        axes.annotate(
            f"break-even\n{numbers.significant(even)} a month", (even, monthly(even, today)), xytext=(-8, 8),
            textcoords="offset pixels", ha="right", va="bottom", color=MUTED,
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_yscale("log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=5 if sheet.is_narrow else 7))
        axis.set_minor_locator(NullLocator())
    axes.set_ylim(bottom=10 ** math.floor(math.log10(min(monthly(low, today), fixed))))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _volume(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.money(value).removesuffix(".00")))
    axes.set_xlabel("requests a month (logarithmic)")
    axes.set_ylabel("a month (logarithmic)")


def _volume(value: float) -> str:
    for scale, unit in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:g}{unit}"
    return f"{value:g}"
