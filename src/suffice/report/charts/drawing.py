"""How every chart is drawn: two widths, the page's colours, real text, no identifiers that clash.

matplotlib lays out and writes the SVG. Colours are drawn as stand-ins and then replaced by the
page's CSS variables, so one drawing serves light, dark and print.
"""

import io
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

INK, MUTED, GRID, PAPER = "#010203", "#040506", "#070809", "#0a0b0c"
CHOSEN, OTHER, REFERENCE, BAD = "#0d0e0f", "#101112", "#131415", "#161718"
_VARIABLES = {
    INK: "var(--ink)",
    MUTED: "var(--muted)",
    GRID: "var(--rule)",
    PAPER: "var(--paper)",
    CHOSEN: "var(--chosen)",
    OTHER: "var(--other)",
    REFERENCE: "var(--reference)",
    BAD: "var(--bad)",
}
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "suffice",
    "text.parse_math": False,
    "font.size": 12,
    "text.color": INK,
    "axes.edgecolor": GRID,
    "axes.facecolor": "none",
    "axes.labelcolor": MUTED,
    "axes.labelsize": 12,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.use_mathtext": False,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "xtick.color": GRID,
    "ytick.color": GRID,
    "xtick.labelcolor": MUTED,
    "ytick.labelcolor": MUTED,
    "xtick.major.size": 0,
    "xtick.minor.size": 0,
    "ytick.major.size": 0,
    "ytick.minor.size": 0,
    "lines.linewidth": 2,
}


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """What is drawn on: width and height in CSS pixels, and whether it is for a small screen."""

    width: int
    height: int
    is_narrow: bool = False


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart for the page: its finding as title, its content in words, and its SVG in two widths."""

    title: str
    alt: str
    wide: str
    narrow: str
    note: str = ""


Paint = Callable[[Any, Sheet], None]


def draw(paint: Paint, *, name: str, alt: str, wide: Sheet, narrow: Sheet) -> tuple[str, str]:
    """Returns the chart's SVG for wide and for small screens; `paint` draws on matplotlib axes."""
    return _svg(paint, f"{name}-wide", alt, wide), _svg(paint, f"{name}-narrow", alt, narrow)


def _svg(paint: Paint, name: str, alt: str, sheet: Sheet) -> str:
    from matplotlib import rc_context  # noqa: PLC0415 - takes most of a second to import
    from matplotlib.figure import Figure  # noqa: PLC0415
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    stream = io.StringIO()
    with warnings.catch_warnings(), rc_context(_STYLE):
        # A sign that matplotlib's own font lacks is no loss: the browser sets the text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        layout = ConstrainedLayoutEngine(w_pad=2 / 72, h_pad=2 / 72)
        figure = Figure(figsize=(sheet.width / 72, sheet.height / 72), dpi=72, layout=layout)
        paint(figure.add_subplot(), sheet)
        figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None})
    return _inlined(stream.getvalue(), name, alt, sheet)


def _inlined(svg: str, name: str, alt: str, sheet: Sheet) -> str:
    body = svg[svg.index(">", svg.index("<svg")) + 1 : svg.rindex("</svg>")]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    body = body.replace("xlink:href=", "href=")
    body = re.sub(r"<style.*?</style>", "", body, flags=re.DOTALL)
    used = set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", body))
    body = re.sub(r' id="([\w.-]+)"', lambda m: f' id="{name}-{m[1]}"' if m[1] in used else "", body)
    body = re.sub(r"(url\(|href=\")#([\w.-]+)", rf"\1#{name}-\2", body)
    body = re.sub(r' transform="rotate\(-?0 [^"]*"', "", body)
    body = re.sub(r'style="[^"]*"', _style, body)
    body = re.sub(r"\n\s*", "\n", body).strip()
    head = f'<svg role="img" aria-label="{escape(alt)}" viewBox="0 0 {sheet.width} {sheet.height}"'
    return f'{head} width="{sheet.width}" height="{sheet.height}">{body}</svg>'


def _style(found: re.Match[str]) -> str:
    style = re.sub(r" ?font-family: [^;\"]*;", "", found[0])
    for stand_in, variable in _VARIABLES.items():
        style = style.replace(stand_in, variable)
    return style


def shorten(text: str, limit: int) -> str:
    """Returns the text in one printable line of at most `limit` characters, with "…" where it was cut."""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in text).split())
    return text if len(text) <= limit else f"{text[: limit - 1]}…"
