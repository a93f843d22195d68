"""Money a month against the number of requests, and where the chosen model begins to pay."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from suffice.report import numbers
from suffice.report.charts import labels
from suffice.report.charts.drawing import CHOSEN, INK, MUTED, PAPER, REFERENCE, Chart, Sheet, draw, shorten
from suffice.report.facts import CostFacts, Facts

_LOWEST, _HIGHEST = 1e3, 1e8  # requests a month


def chart(facts: Facts) -> Chart | None:
    """Returns the chart, or None where either price is unknown or nothing is paid today."""
    cost = facts.cost
    if not cost.today_usd_per_1k or cost.today_usd_per_1k <= 0 or cost.chosen_usd_per_1k is None:
        return None
    lines = _lines(facts)
    alt = "Cost a month against volume. " + "; ".join(
        f"{line.name}: "
        + ", ".join(
            f"{numbers.money(line.at(volume))} at {_volume(volume)} requests" for volume in (1e4, 1e6, 1e8)
        )
        for line in lines
    )
    wide, narrow = draw(
        lambda axes, sheet: _paint(axes, sheet, cost, lines),
        name="cost",
        alt=alt,
        wide=Sheet(width=480, height=360),
        narrow=Sheet(width=368, height=330, is_narrow=True),
    )
    return Chart(title=_title(cost), alt=alt, wide=wide, narrow=narrow)


@dataclass(frozen=True, kw_only=True)
class _Line:
    """A cost that grows with the number of requests: US dollars a month, and for each 1,000."""

    name: str
    colour: str
    usd_per_1k: float = 0.0
    fixed_usd: float = 0.0

    def at(self, requests: float) -> float:
        """Returns US dollars a month for that many requests a month."""
        return self.fixed_usd + requests / 1000 * self.usd_per_1k


def _lines(facts: Facts) -> tuple[_Line, ...]:
    cost = facts.cost
    today, chosen = cost.today_usd_per_1k or 0.0, cost.chosen_usd_per_1k or 0.0
    name = shorten(facts.chosen.name if facts.chosen else "chosen", 24)
    lines = [
        _Line(name="today", colour=REFERENCE, usd_per_1k=today),
        _Line(name=name, colour=CHOSEN, usd_per_1k=chosen, fixed_usd=cost.fixed_usd_per_month or 0.0),
    ]
    even = cost.break_even_requests_per_month
    if not cost.fixed_usd_per_month and even:
        # The price by the thousand is for a share of a machine; the break-even is for one bought whole.
        lines.append(_Line(name="a machine of its own", colour=MUTED, fixed_usd=even / 1000 * today))
    return tuple(lines)


def _title(cost: CostFacts) -> str:
    volume = cost.break_even_requests_per_month
    if volume is not None:
        what = "It" if cost.fixed_usd_per_month else "Even a machine of its own"
        return f"{what} pays from about {numbers.significant(volume)} requests a month"
    less = numbers.times_less(cost.today_usd_per_1k, cost.chosen_usd_per_1k)
    if less and not cost.fixed_usd_per_month:
        return f"It costs {less} than today"
    return "At no volume does it cost less than today"


def _paint(axes: Any, sheet: Sheet, cost: CostFacts, lines: Sequence[_Line]) -> None:
    even = cost.break_even_requests_per_month
    low = min(_LOWEST, (even or _LOWEST) / 10)
    high = max(_HIGHEST / 10, (even or _LOWEST) * 30)
    volumes = [low * (high / low) ** (step / 80) for step in range(81)]
    for line in lines:
        style = ":" if line.colour == MUTED else "-"
        axes.plot(volumes, [line.at(volume) for volume in volumes], color=line.colour, ls=style)
    axes.set_xscale("log")
    axes.set_yscale("log")
    least = min(line.at(low) for line in lines if line.at(low) > 0)
    axes.set_ylim(bottom=10 ** math.floor(math.log10(least)))
    _ticks(axes, sheet)
    placer = labels.Placer(axes)
    for line in lines:
        for one, other in itertools.pairwise(volumes):
            placer.keep_clear(one, line.at(one), other, line.at(other))
    if even:
        height = lines[0].at(even)
        axes.plot([even], [height], "o", color=INK, ms=8, mec=PAPER, mew=1.5)
        text = f"{numbers.significant(even)} a month"
        placer.beside(labels.Label(x=even, y=height, lower=height, upper=height, text=text, colour=MUTED))
    for line in lines:
        at = high / 4 if line.usd_per_1k else low * 4
        height = line.at(at)
        placer.beside(
            labels.Label(
                x=at, y=height, lower=height, upper=height, text=line.name, colour=line.colour, is_bold=True
            )
        )


def _ticks(axes: Any, sheet: Sheet) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator  # noqa: PLC0415

    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(LogLocator(numticks=5 if sheet.is_narrow else 7))
        axis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _volume(value)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: numbers.money(value).removesuffix(".00")))
    axes.set_xlabel("requests a month (logarithmic)")
    axes.set_ylabel("a month (logarithmic)")


def _volume(value: float) -> str:
    for scale, unit in ((1e9, "bn"), (1e6, "M"), (1e3, "k")):
        if value >= scale:
            return f"{value / scale:g}{unit}"
    return f"{value:g}"
