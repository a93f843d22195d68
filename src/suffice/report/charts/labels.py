"""Names beside points, placed so that they overlap neither each other nor the points."""

import math
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
_SLIGHT = 25.0  # an overlap, in square pixels, that nobody sees

_Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Label:
    """A text to be set near a point or an end of its interval, in the axes' data units.

    An optional one is left out where there is no free place for it.
    """

    x: float
    y: float
    lower: float
    upper: float
    text: str
    colour: str = INK
    is_bold: bool = False
    is_optional: bool = False


class Placer:
    """Writes texts on axes where they cover neither one another nor what must stay visible.

    Make it when the axes' limits are final; write the most important text first.
    """

    def __init__(self, axes: Any) -> None:
        axes.figure.draw_without_rendering()  # settles where data units lie in pixels
        axes.figure.set_layout_engine("none")  # and keeps them there, whatever is written now
        self._axes = axes
        self._to_pixels = axes.transData.transform
        self._frame = axes.get_window_extent().extents
        self._taken: list[_Box] = []

    def keep_clear(self, x0: float, y0: float, x1: float, y1: float) -> None:
        """Marks a box in data units that no text should cover, such as an interval."""
        (left, bottom), (right, top) = self._to_pixels((x0, y0)), self._to_pixels((x1, y1))
        box = min(left, right) - 4, min(bottom, top) - 3, max(left, right) + 4, max(bottom, top) + 3
        self._taken.append(box)

    def beside(self, label: Label) -> None:
        """Writes a label at the best place around its point and its interval's ends."""
        heights = {"point": label.y, "lower": label.lower, "upper": label.upper}
        width = len(label.text) * _CHARACTER * (1.08 if label.is_bold else 1)
        boxes = [_text_box(self._to_pixels((label.x, heights[end])), width, place) for end, *place in _PLACES]
        best = self._take_best(boxes, at_most=_SLIGHT if label.is_optional else math.inf)
        if best is None:
            return
        end, dx, dy, horizontal, vertical = _PLACES[best]
        self._axes.annotate(
            label.text, (label.x, heights[end]), xytext=(dx, dy), textcoords="offset pixels", ha=horizontal,
            va=vertical, color=label.colour, weight="bold" if label.is_bold else "normal",
        )  # fmt: skip

    def along(self, y: float, text: str, *, colour: str) -> None:
        """Writes the name of a horizontal line just above or below it."""
        left, _, right, _ = self._frame
        width = len(text) * _CHARACTER
        height = self._to_pixels((self._axes.get_xlim()[0], y))[1]
        steps = [4 + (right - left - width - 8) * step / 10 for step in range(11)]
        places = [(step, dy, vertical) for step in steps for dy, vertical in ((4, "bottom"), (-5, "top"))]
        boxes = [_text_box((left, height), width, (*place[:2], "left", place[2])) for place in places]
        step, dy, vertical = places[self._take_best(boxes) or 0]
        self._axes.annotate(
            text, (0, y), xycoords=("axes fraction", "data"), xytext=(step, dy), textcoords="offset pixels",
            color=colour, va=vertical,
        )  # fmt: skip

    def _take_best(self, boxes: Sequence[_Box], *, at_most: float = math.inf) -> int | None:
        costs = [
            sum(_overlap(box, other) for other in self._taken) + 50 * _outside(box, self._frame)
            for box in boxes
        ]
        best = min(range(len(costs)), key=costs.__getitem__)
        if costs[best] > at_most:
            return None
        self._taken.append(boxes[best])
        return best


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
