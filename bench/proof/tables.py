"""Markdown tables and the Monte-Carlo error that goes beside every simulated share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["markdown", "share"]


def markdown(title: str, header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return one titled Markdown table."""
    lines = [
        f"### {title}",
        "",
        "| " + " | ".join(header) + " |",
        "|" + " --- |" * len(header),
        *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def share(count: int, of: int) -> str:
    """Return a simulated share with its Monte-Carlo standard error, both in percent."""
    rate = count / of
    return f"{100 * rate:.1f} ± {100 * math.sqrt(max(rate * (1 - rate), 1 / of / of) / of):.1f}%"
