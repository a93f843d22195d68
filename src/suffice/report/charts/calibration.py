"""The reliability diagram: does a confidence of 90% mean that 90% are right."""

from collections.abc import Sequence
from typing import Any

from suffice.report import numbers
from suffice.report.charts import labels
from suffice.report.charts.drawing import CHOSEN, MUTED, PAPER, Chart, Sheet, draw
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
    note = _note([group for group in calibration.bins if group.n])
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

    axes.plot([0, 1], [0, 1], color=MUTED, lw=1, ls=(0, (5, 3)), zorder=1)
    groups = [group for group in calibration.bins if group.n]
    largest = max(group.n for group in groups)
    for group in groups:
        lower, upper = ends(group)
        axes.plot([group.confidence] * 2, [lower, upper], color=CHOSEN, lw=2, solid_capstyle="butt")
        area = 5 + 9 * (group.n / largest) ** 0.5
        axes.plot([group.confidence], [group.accuracy], "o", color=CHOSEN, ms=area, mec=PAPER, mew=1.5)
    start = min(0.9, *(min(group.confidence, *ends(group)) for group in groups))
    axes.set_xlim(max(0, start - 0.1), 1.03)
    axes.set_ylim(max(0, start - 0.1), 1.03)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MultipleLocator(0.2 if start < 0.5 else 0.1))
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.0%}"))
    axes.set_xlabel("confidence of the answers")
    axes.set_ylabel("right" if sheet.is_narrow else "share that was right")
    if not _is_even(groups):
        _label_counts(axes, groups)


def _label_counts(axes: Any, groups: Sequence[CalibrationBin]) -> None:
    placer = labels.Placer(axes)
    for group in groups:
        placer.keep_clear(group.confidence, ends(group)[0], group.confidence, ends(group)[1])
    for group in sorted(groups, key=lambda group: -group.n):
        lower, upper = ends(group)
        placer.beside(
            labels.Label(
                x=group.confidence,
                y=group.accuracy,
                lower=lower,
                upper=upper,
                text=numbers.count(group.n),
                colour=MUTED,
                is_optional=True,
            )
        )


def _is_even(groups: Sequence[CalibrationBin]) -> bool:
    """Says whether the groups are about equally large, so that one note tells all their n."""
    return max(group.n for group in groups) <= 1.25 * min(group.n for group in groups)


def _note(groups: Sequence[CalibrationBin]) -> str:
    sizes = sorted({group.n for group in groups})
    said = f"{sizes[0]}" if len(sizes) == 1 else f"{sizes[0]} to {sizes[-1]}"
    counts = f"n {said} each" if _is_even(groups) else "n beside it"
    return (
        f"Each point is a group of answers with like confidence and its {_LEVEL:.0%} interval, {counts}. "
        "On the dashed line, confidence is as it should be."
    )
