"""Small SVGs: bars, gauges and the traffic over time. Colours and lines are the stylesheet's.

They hold no text and scale with their place: lengths are percentages, or a view box that is stretched.
What they show stands beside them in words: they are hidden from screen readers.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

_WIDTH, _HEIGHT, _GAP = 1000.0, 160.0, 0.22


def _percent(value: float) -> str:
    return f"{100 * min(1.0, max(0.0, value)):.2f}%"


def bar(share: float, *, kind: str = "local") -> Markup:
    """Returns a horizontal bar for a share in [0, 1]."""
    return _drawn(
        "bar",
        Markup(
            '<rect class="track" width="100%" height="100%" rx="3"/>'
            '<rect class="{}" width="{}" height="100%" rx="3"/>'
        ).format(f"fill-{kind}", _percent(share)),
    )


def gauge(value: float | None, threshold: float | None) -> Markup:
    """Returns a bar for a trust in [0, 1] with a mark at the threshold it is held against."""
    parts = Markup('<rect class="track" y="4" width="100%" height="8" rx="4"/>')
    if value is not None:
        is_kept = threshold is None or value >= threshold
        parts += Markup('<rect class="{}" y="4" width="{}" height="8" rx="4"/>').format(
            "fill-pass" if is_kept else "fill-warn", _percent(value)
        )
    if threshold is not None:
        parts += Markup('<line class="mark-line" x1="{0}" x2="{0}" y1="0" y2="16"/>').format(
            _percent(threshold)
        )
    return _drawn("gauge", parts)


def balance(weight: float, largest: float) -> Markup:
    """Returns a bar to the right of the middle for what spoke for an answer, to the left against."""
    length = min(1.0, abs(weight) / largest) / 2 if largest > 0 else 0.0
    start = 0.5 if weight >= 0 else 0.5 - length
    return _drawn(
        "balance",
        Markup(
            '<line class="axis" x1="50%" x2="50%" y1="0" y2="100%"/>'
            '<rect class="{}" x="{}" y="15%" width="{}" height="70%" rx="2"/>'
        ).format("fill-pass" if weight >= 0 else "fill-bad", _percent(start), _percent(length)),
    )


def range_bar(rate: Mapping[str, float]) -> Markup:
    """Returns a rate's point on its interval, on a scale from 0 to 1."""
    return _drawn(
        "range",
        Markup(
            '<rect class="track" y="6" width="100%" height="2" rx="1"/>'
            '<rect class="fill-local soft" y="3" x="{}" width="{}" height="8" rx="4"/>'
            '<circle class="fill-local" cx="{}" cy="7" r="5"/>'
        ).format(_percent(rate["lower"]), _percent(rate["upper"] - rate["lower"]), _percent(rate["rate"])),
    )


def kinds(tiers: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Returns the class that colours each tier: by where it answers, and by its turn among those there."""
    turns: dict[str, int] = {}
    found = {}
    for tier in tiers:
        place = tier["place"] or "none"
        turn = turns[place] = turns.get(place, -1) + 1
        found[tier["tier"]] = f"fill-{place} shade-{min(turn, 3)}"
    return found


def tallest(columns: Sequence[Mapping[str, Any]]) -> int:
    """Returns the calls of the tallest column: what the chart's height stands for."""
    return max((sum(column["calls"].values()) for column in columns), default=0)


def traffic(columns: Sequence[Mapping[str, Any]], tiers: Sequence[Mapping[str, Any]]) -> Markup:
    """Returns stacked columns over time, the first tier at the bottom and calls without an answer on top."""
    classes = {**kinds(tiers), "": "fill-none"}
    top = tallest(columns)
    step = _WIDTH / max(1, len(columns))
    parts = Markup('<path class="grid" d="M0 0H1000M0 80H1000"/>')
    for number, column in enumerate(columns):
        bottom = _HEIGHT
        for tier, kind in classes.items():
            height = _HEIGHT * column["calls"].get(tier, 0) / top if top else 0.0
            bottom -= height
            if height:
                parts += Markup(
                    '<rect class="{}" x="{:.2f}" y="{:.2f}" width="{:.2f}" height="{:.2f}"/>'
                ).format(kind, (number + _GAP / 2) * step, bottom, step * (1 - _GAP), height)
    return Markup(
        '<svg class="chart traffic" viewBox="0 0 {:.0f} {:.0f}" preserveAspectRatio="none" '
        'aria-hidden="true" focusable="false">{}</svg>'
    ).format(_WIDTH, _HEIGHT, parts)


def _drawn(kind: str, parts: Markup) -> Markup:
    return Markup('<svg class="chart {}" aria-hidden="true" focusable="false">{}</svg>').format(kind, parts)
