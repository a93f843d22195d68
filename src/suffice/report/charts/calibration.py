"""The reliability diagram: does a confidence of 90% mean that 90% are right."""

from typing import Any

from suffice.report import numbers
from suffice.report.charts.drawing import CHOSEN, GRID, MUTED, PAPER, Chart, Sheet, draw
from suffice.report.facts import CalibrationBin, CalibrationFacts, Facts
from suffice.stats import intervals

_LEVEL = 0.95


def chart(facts: Facts) -> Chart | None:
    """Returns the diagram with an interval for each bin, or None where there is no confidence."""
    calibration = facts.calibration
    if calibration is None or not any(group.n for group in calibration.bins):
        return None
    n = sum(group.n for group in calibration.bins)
    alt = (
        f"Reliability over {numbers.count(n)} answers, expected calibration error "
        f"{numbers.share(calibration.ece)}. "
        + "; ".join(
            f"confidence {numbers.share(group.confidence)}: {numbers.share(group.accuracy)} right "
            f"({numbers.interval(*ends(group))}, n {numbers.count(group.n)})"
            for group in calibration.bins
            if group.n
        )
    )
    wide, narrow = draw(
        lambda axes, sheet: _paint(axes, sheet, calibration),
        name="calibration",
        alt=alt,
        wide=Sheet(width=480, height=400),
        narrow=Sheet(width=368, height=340, is_narrow=True),
    )
    note = f"Each point is a group of answers with like confidence and its {_LEVEL:.0%} interval; n below it."
    return Chart(title=_title(calibration), alt=alt, wide=wide, narrow=narrow, note=note)


def ends(group: CalibrationBin) -> tuple[float, float]:
    """Returns a bin's interval: the given one, else Wilson's at 95% (Wilson, JASA 1927)."""
    if group.lower is not None and group.upper is not None:
        return group.lower, group.upper
    bounds = intervals.wilson(round(group.accuracy * group.n), group.n, _LEVEL)
    return bounds.lower, bounds.upper


def _title(calibration: CalibrationFacts) -> str:
    error = numbers.share(calibration.ece)
    groups = [group for group in calibration.bins if group.n]
    total = sum(group.n for group in groups)
    lean = sum(group.n * (group.accuracy - group.confidence) for group in groups) / total
    if calibration.ece <= 0.03:
        return f"Its confidence can be taken at its word: off by {error} on average"
    return f"It is {'less' if lean > 0 else 'more'} sure than it should be: off by {error} on average"


def _paint(axes: Any, sheet: Sheet, calibration: CalibrationFacts) -> None:
    from matplotlib.ticker import FuncFormatter, MultipleLocator  # noqa: PLC0415

    axes.plot([0, 1], [0, 1], color=GRID, lw=2, zorder=1)
    axes.annotate(
        "as sure as right", (0.05, 0.05), xytext=(8, -2), textcoords="offset pixels", color=MUTED, va="center"
    )
    groups = [group for group in calibration.bins if group.n]
    axes.plot(
        [group.confidence for group in groups], [group.accuracy for group in groups], color=CHOSEN, lw=1
    )
    largest = max(group.n for group in groups)
    for group in groups:
        lower, upper = ends(group)
        axes.plot([group.confidence] * 2, [lower, upper], color=CHOSEN, lw=2, solid_capstyle="butt")
        area = 5 + 9 * (group.n / largest) ** 0.5
        axes.plot([group.confidence], [group.accuracy], "o", color=CHOSEN, ms=area, mec=PAPER, mew=1.5)
        axes.annotate(
            numbers.count(group.n), (group.confidence, lower), xytext=(0, -3), textcoords="offset pixels",
            color=MUTED, ha="center", va="top", fontsize=11,
        )  # fmt: skip
    start = min(0.9, *(min(group.confidence, *ends(group)) for group in groups))
    axes.set_xlim(max(0, start - 0.1), 1.03)
    axes.set_ylim(max(0, start - 0.1), 1.03)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(0.2 if start < 0.5 else 0.1))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_xlabel("confidence of the answers")
    axes.set_ylabel("right" if sheet.is_narrow else "share that was right")
