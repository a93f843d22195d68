"""Names beside points, placed so that they overlap neither each other nor the points."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from suffice.report.charts.drawing import INK

# From the point, the interval's upper or lower end: offsets in pixels and alignment, best first.
_PLACES = (
    ("point", 10, 0, "left", "center"),
    ("point", -10, 0, "right", "center"),
    ("upper", 0, 5, "center", "bottom"),
    ("lower", 0, -5, "center", "top"),
    ("upper", 14, 5, "right", "bottom"),
    ("lower", 14, -5, "right", "top"),
    ("upper", -14, 5, "left", "bottom"),
    ("lower", -14, -5, "left", "top"),
    ("point", 10, 16, "left", "center"),
    ("point", 10, -16, "left", "center"),
    ("point", -10, 16, "right", "center"),
    ("point", -10, -16, "right", "center"),
    ("lower", 14, -22, "right", "top"),
    ("upper", 14, 22, "right", "bottom"),
)
_HEIGHT, _CHARACTER = 15, 7.0


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text to be set near a point or an end of its interval, in the axes' data units."""

    x: float
    y: float
    lower: float
    upper: float
    text: str
    colour: str = INK
    is_bold: bool = False


def place(
    axes: Any, labels: Sequence[Label], *, keep_clear: Sequence[tuple[float, float, float, float]]
) -> None:
    """Writes each label, most important first, at the first free place around its point.

    `keep_clear`: boxes (x0, y0, x1, y1) in data units that no label may cover, such as intervals.
    Call it when the limits are final.
    """
    axes.figure.draw_without_rendering()
    to_pixels = axes.transData.transform
    taken = [_box(*to_pixels((x0, y0)), *to_pixels((x1, y1))) for x0, y0, x1, y1 in keep_clear]
    frame = axes.get_window_extent().extents
    for label in labels:
        heights = {"point": label.y, "lower": label.lower, "upper": label.upper}
        width = len(label.text) * _CHARACTER * (1.08 if label.is_bold else 1)
        boxes = [_text_box(to_pixels((label.x, heights[end])), width, place) for end, *place in _PLACES]
        costs = [sum(_overlap(box, other) for other in taken) + 50 * _outside(box, frame) for box in boxes]
        best = min(range(len(costs)), key=costs.__getitem__)
        taken.append(boxes[best])
        end, dx, dy, horizontal, vertical = _PLACES[best]
        axes.annotate(
            label.text, (label.x, heights[end]), xytext=(dx, dy), textcoords="offset pixels", ha=horizontal,
            va=vertical, color=label.colour, weight="bold" if label.is_bold else "normal",
        )  # fmt: skip


def along(
    axes: Any, y: float, text: str, *, colour: str, keep_clear: Sequence[tuple[float, float, float, float]]
) -> None:
    """Writes the name of a horizontal line just above or below it, where it covers the least."""
    axes.figure.draw_without_rendering()
    to_pixels = axes.transData.transform
    taken = [_box(*to_pixels((x0, y0)), *to_pixels((x1, y1))) for x0, y0, x1, y1 in keep_clear]
    left, _, right, _ = axes.get_window_extent().extents
    width = len(text) * _CHARACTER
    height = to_pixels((axes.get_xlim()[0], y))[1]
    places = []
    for step in range(11):
        start = left + 4 + (right - left - width - 8) * step / 10
        for dy, vertical in ((4, "bottom"), (-5, "top")):
            box = _text_box((start, height), width, (0, dy, "left", vertical))
            places.append((sum(_overlap(box, other) for other in taken), start - left, dy, vertical))
    _, start, dy, vertical = min(places, key=lambda place: place[0])
    axes.annotate(
        text, (0, y), xycoords=("axes fraction", "data"), xytext=(start, dy),
        textcoords="offset pixels", color=colour, va=vertical,
    )  # fmt: skip


_Box = tuple[float, float, float, float]


def _box(x0: float, y0: float, x1: float, y1: float) -> _Box:
    return min(x0, x1) - 4, min(y0, y1) - 3, max(x0, x1) + 4, max(y0, y1) + 3


def _text_box(anchor: Any, width: float, place: Sequence[Any]) -> _Box:
    x, y = anchor
    dx, dy, horizontal, vertical = place
    left = x + dx - {"left": 0.0, "center": 0.5, "right": 1.0}[horizontal] * width
    bottom = y + dy - {"bottom": 0.0, "center": 0.5, "top": 1.0}[vertical] * _HEIGHT
    return left, bottom, left + width, bottom + _HEIGHT


def _overlap(one: _Box, other: _Box) -> float:
    wide = min(one[2], other[2]) - max(one[0], other[0])
    high = min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def _outside(box: _Box, frame: Any) -> float:
    return float(
        max(0, frame[0] - box[0])
        + max(0, frame[1] - box[1])
        + max(0, box[2] - frame[2])
        + max(0, box[3] - frame[3])
    )
