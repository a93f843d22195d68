"""The report as one self-contained HTML file: no script, no network, everything escaped."""

import re
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from suffice import files
from suffice.bar import Verdict
from suffice.report import numbers, words
from suffice.report.charts import calibration, confusion, cost, frontier, wealth
from suffice.report.facts import Facts
from suffice.report.ladder import bar_rows, rungs, tiles, unmeasured

_MARKS = {Verdict.PASS: "✓", Verdict.FAIL: "✕", Verdict.INCONCLUSIVE: "?", Verdict.NOT_TESTED: "–"}
_FEW = 6  # labels whose heat map leaves room for a table beside it
_CHARTS = {
    "frontier": frontier.chart,
    "wealth": wealth.chart,
    "confusion": confusion.chart,
    "calibration": calibration.chart,
    "cost": cost.chart,
}


def write(facts: Facts, path: Path) -> None:
    """Writes the page atomically.

    Raises:
        OutputError: the place cannot be written to.
    """
    files.write_text(path, render(facts))


def render(facts: Facts) -> str:
    """Returns the whole page as HTML; what no encoding can hold becomes a replacement sign."""
    facts = words.with_words(facts)
    volume = facts.cost.break_even_requests_per_month
    evidence = (words.evidence_words(facts),)
    groups = facts.calibration.bins if facts.calibration else ()
    matrix = facts.confusion_matrix
    html = (
        _environment()
        .get_template("report.html")
        .render(
            facts=facts,
            verdict=words.VERDICTS[facts.verdict],
            mark=_MARKS[facts.verdict],
            tiles=tiles(facts),
            bars=bar_rows(facts),
            ladder=rungs(facts),
            unmeasured=unmeasured(facts),
            proof=words.certificate_words(facts) or evidence,
            charts={name: _ready(name, make(facts)) for name, make in _CHARTS.items()},
            has_small_confusion=bool(facts.confusions) and (matrix is None or len(matrix.answered) <= _FEW),
            calibration_n=sum(group.n for group in groups),
            break_even=numbers.NOT_MEASURED
            if volume is None
            else f"{numbers.count(volume)} requests a month",
            cost_reasons=words.reasons(facts.cost.why_unmeasured),
        )
    )
    return re.sub("[\ud800-\udfff]", "\N{REPLACEMENT CHARACTER}", html)


def _ready(name: str, chart: Any) -> dict[str, Any] | None:
    if chart is None:
        return None
    # The SVG is our own drawing, in which matplotlib has escaped every text of the user's.
    return {
        "name": name,
        "title": chart.title,
        "note": chart.note,
        "wide": Markup(chart.wide),  # noqa: S704 - as above
        "narrow": Markup(chart.narrow),  # noqa: S704 - as above
    }


def _coded(text: str) -> Markup:
    """Returns the text escaped, with what stands between backticks as code."""
    parts = [escape(part) for part in text.split("`")]
    if len(parts) % 2 == 0:
        return escape(text)
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if index % 2 else part for index, part in enumerate(parts)
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("suffice.report"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    environment.filters |= {
        "count": numbers.count,
        "size": numbers.size,
        "money": numbers.money,
        "share": numbers.share,
        "budget": numbers.budget,
        "number": lambda value: numbers.NOT_MEASURED if value is None else numbers.significant(value),
        "ends": lambda value: numbers.interval(value.lower, value.upper),
        "day": lambda moment: moment[:10],
        "evidence": words.test_words,
        "coded": _coded,
        "label": lambda verdict: words.VERDICTS[verdict],
    }
    environment.globals["unknown"] = numbers.NOT_MEASURED
    return environment
