"""Quality against cost: every candidate with its interval, the bar, and the model in use now."""

import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from suffice.bar import Target
from suffice.report import numbers, words
from suffice.report.charts import labels
from suffice.report.charts.drawing import (
    BAD,
    CHOSEN,
    INK,
    MUTED,
    OTHER,
    PAPER,
    REFERENCE,
    Chart,
    Sheet,
    draw,
    shorten,
)
from suffice.report.facts import CandidateFacts, Facts, LatencyFacts, QualityFacts, ReferenceFacts

_MOST_LABELS = 12


@dataclass(frozen=True, kw_only=True)
class _Scale:
    name: str
    axis: str
    form: Callable[[float], str]
    read: Callable[[Any], float | None]


@dataclass(frozen=True, kw_only=True)
class _Point:
    name: str
    x: float
    quality: QualityFacts
    role: str  # chosen, other, reference
    shown_x: float  # x, or beside it where another point of (nearly) equal x stands


def _median(model: CandidateFacts | ReferenceFacts) -> float | None:
    latency: LatencyFacts | None = model.latency_ms
    return None if latency is None else latency.p50


_SCALES = (
    _Scale(
        name="cost",
        axis="cost per 1,000 requests (logarithmic)",
        form=numbers.money,
        read=lambda model: model.cost_usd_per_1k,
    ),
    _Scale(name="latency", axis="latency, p50 (logarithmic)", form=numbers.duration, read=_median),
    _Scale(
        name="size",
        axis="size (logarithmic)",
        form=numbers.size,
        read=lambda model: getattr(model, "bytes", None),
    ),
)


def chart(facts: Facts) -> Chart | None:
    """Returns the chart, or None where fewer than two models have both a quality and a place on an axis.

    The axis is cost where two models have one, else latency, else size.
    """
    for scale in _SCALES:
        points = _points(facts, scale)
        if len(points) >= 2:
            return _chart(facts, scale, points)
    return None


def _chart(facts: Facts, scale: _Scale, points: Sequence[_Point]) -> Chart:
    left_out = _left_out(facts, points)
    alt = f"Quality against {scale.name}. " + "; ".join(
        f"{point.name}: {words.quality_words(point.quality)} at {scale.form(point.x)}" for point in points
    )
    splits = sorted({point.quality.split for point in points})
    wide, narrow = draw(
        lambda axes, sheet: _paint(axes, sheet, facts, scale, points),
        name="frontier",
        alt=alt,
        wide=Sheet(width=1000, height=430),
        narrow=Sheet(width=368, height=380, is_narrow=True),
    )
    level = points[0].quality.level
    note = f"Lines through the points are {level:.0%} intervals on the {' and '.join(splits)} rows."
    if left_out:
        note += f" Not shown, because {scale.name} or quality was not measured: {', '.join(left_out)}."
    return Chart(title=_title(scale, points), alt=alt, wide=wide, narrow=narrow, note=note)


def _points(facts: Facts, scale: _Scale) -> list[_Point]:
    chosen = facts.chosen.name if facts.chosen else None
    models: list[CandidateFacts | ReferenceFacts] = list(facts.candidates)
    names = {candidate.name for candidate in facts.candidates}
    if facts.reference is not None and facts.reference.name not in names:
        models.append(facts.reference)
    points = []
    for model in models:
        x = scale.read(model)
        if x is None or x <= 0 or model.quality is None:
            continue
        is_reference = facts.reference is not None and model.name == facts.reference.name
        role = "chosen" if model.name == chosen else "reference" if is_reference else "other"
        points.append(_Point(name=model.name, x=x, quality=model.quality, role=role, shown_x=x))
    return _side_by_side(points)


def _side_by_side(points: Sequence[_Point]) -> list[_Point]:
    """Returns the points with those of (nearly) equal x moved apart, so that each interval is seen."""
    xs = [point.x for point in points]
    step = max(max(xs, default=1) / min(xs, default=1), 10.0) ** 0.014
    moved: list[_Point] = []
    for point in sorted(points, key=lambda point: point.x):
        x = max(point.x, moved[-1].shown_x * step) if moved else point.x
        moved.append(dataclasses.replace(point, shown_x=x))
    return moved


def _left_out(facts: Facts, points: Sequence[_Point]) -> list[str]:
    shown = {point.name for point in points}
    named = [candidate.name for candidate in facts.candidates]
    if facts.reference is not None:
        named.append(facts.reference.name)
    return [name for name in dict.fromkeys(named) if name not in shown]


def _title(scale: _Scale, points: Sequence[_Point]) -> str:
    by_role = {point.role: point for point in points}
    chosen, reference = by_role.get("chosen"), by_role.get("reference")
    if chosen is None:
        return f"No model below the present one was shown to meet the bar, whatever its {scale.name}"
    if reference is not None:
        less = numbers.times_less(reference.x, chosen.x)
        if less:
            return f"{chosen.name} meets the bar at {scale.form(chosen.x)}: {less} than {reference.name}"
    return f"{chosen.name} meets the bar at a {scale.name} of {scale.form(chosen.x)}"


def bar_height(facts: Facts) -> tuple[float, str] | None:
    """Returns where the quality bar lies and its words; None where it is not a height on this axis."""
    if facts.target is Target.ABSOLUTE:
        return facts.task.threshold, f"bar: {numbers.share(facts.task.threshold)}"
    if facts.target is Target.AGREEMENT:
        return 1 - facts.task.threshold, f"bar: {numbers.share(1 - facts.task.threshold)} agreement"
    if facts.reference is not None and facts.reference.quality is not None:
        height = facts.reference.quality.estimate - facts.task.threshold
        return (
            height,
            f"bar: {numbers.points(facts.task.threshold)} below {shorten(facts.reference.name, 20)}",
        )
    return None


def _paint(axes: Any, sheet: Sheet, facts: Facts, scale: _Scale, points: Sequence[_Point]) -> None:
    colours = {"chosen": CHOSEN, "other": OTHER, "reference": REFERENCE}
    for point in points:
        quality, colour = point.quality, colours[point.role]
        axes.plot(
            [point.shown_x] * 2, [quality.lower, quality.upper], color=colour, lw=2, solid_capstyle="butt"
        )
        marker, area = {"chosen": ("o", 11), "other": ("o", 8), "reference": ("D", 9)}[point.role]
        axes.plot([point.shown_x], [quality.estimate], marker, color=colour, ms=area, mec=PAPER, mew=1.5)
    axes.set_xscale("log")
    _limits(axes, points, bar_height(facts))
    _ticks(axes, scale, sheet)
    placer = labels.Placer(axes)
    for point in points:
        placer.keep_clear(point.shown_x, point.quality.lower, point.shown_x, point.quality.upper)
    bar = bar_height(facts)
    if bar is not None:
        axes.axhline(bar[0], color=BAD, lw=1.3, ls=(0, (5, 3)))
        left, right = axes.get_xlim()
        placer.keep_clear(left, bar[0], right, bar[0])
    for label in _labels(points, sheet):
        placer.beside(label)
    if bar is not None:
        placer.along(*bar, colour=BAD)


def _limits(axes: Any, points: Sequence[_Point], bar: tuple[float, str] | None) -> None:
    xs = [point.shown_x for point in points]
    spread = max(max(xs) / min(xs), 10.0)
    axes.set_xlim(min(xs) / spread**0.14, max(xs) * spread**0.16)
    ends = [end for point in points for end in (point.quality.lower, point.quality.upper)]
    if bar is not None:
        ends.append(bar[0])
    room = max((max(ends) - min(ends)) * 0.08, 0.005)
    axes.set_ylim(max(min(ends) - room, -0.01), min(max(ends) + room, 1.01))


def _ticks(axes: Any, scale: _Scale, sheet: Sheet) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator  # noqa: PLC0415

    axes.xaxis.set_major_locator(LogLocator(numticks=5 if sheet.is_narrow else 9))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: scale.form(value)))
    axes.yaxis.set_major_locator(MaxNLocator(6))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value * 100:g}%"))
    axes.set_xlabel(scale.axis)
    axes.set_ylabel("quality")


def _labels(points: Sequence[_Point], sheet: Sheet) -> list[labels.Label]:
    order = sorted(points, key=lambda point: ("chosen", "reference", "other").index(point.role))
    is_crowded = len(order) > _MOST_LABELS
    if is_crowded:
        named = set() if sheet.is_narrow else _undominated(points)
        order = [point for point in order if point.role != "other" or point.name in named]
    colours = {"chosen": CHOSEN, "reference": INK, "other": MUTED}
    return [
        labels.Label(
            x=point.shown_x,
            y=point.quality.estimate,
            lower=point.quality.lower,
            upper=point.quality.upper,
            text=shorten(point.name, 24 if sheet.is_narrow else 40),
            colour=colours[point.role],
            is_bold=point.role == "chosen",
            is_optional=is_crowded and point.role == "other",
        )
        for point in order
    ]


def _undominated(points: Sequence[_Point]) -> set[str]:
    """Returns the names of the models that none beats in quality at less cost."""
    best, names = -math.inf, set()
    for point in sorted(points, key=lambda point: (point.x, -point.quality.estimate)):
        if point.quality.estimate > best:
            best = point.quality.estimate
            names.add(point.name)
    return names
