"""How the evidence grew, test by test, and the height it had to reach."""

import itertools
from collections.abc import Sequence
from typing import Any

from suffice.bar import Verdict
from suffice.report import numbers, words
from suffice.report.charts import labels
from suffice.report.charts.drawing import BAD, CHOSEN, MUTED, OTHER, PAPER, Chart, Sheet, draw, shorten
from suffice.report.facts import Facts, TestFacts

_MOST_TESTS = 6
# More paths end near one another, and the table below the chart names them all.
_MOST_NAMES = 3
_FLOOR = 1e-3  # evidence below this says no more than that there is none


def chart(facts: Facts) -> Chart | None:
    """Returns the paths of the e-values, or None where none was recorded."""
    tests = [test for test in facts.tests if len(test.path) > 1]
    if not tests:
        return None
    chosen = facts.chosen.name if facts.chosen else None
    shown = sorted(tests, key=lambda test: test.name != chosen)[:_MOST_TESTS]
    alt = "Evidence against the number of rows. " + "; ".join(
        f"{test.name}: {words.test_words(test)} after {numbers.count(test.n)} rows" for test in shown
    )
    wide, narrow = draw(
        lambda axes, sheet: _paint(axes, sheet, shown, chosen),
        name="wealth",
        alt=alt,
        wide=Sheet(width=480, height=400),
        narrow=Sheet(width=368, height=320, is_narrow=True),
    )
    return Chart(title=_title(shown[0]), alt=alt, wide=wide, narrow=narrow)


def _title(test: TestFacts) -> str:
    reached = "was enough" if test.verdict is Verdict.PASS else "was not enough"
    return f"The evidence for {test.name} {reached} after {numbers.count(test.n)} rows"


def _paint(axes: Any, sheet: Sheet, tests: Sequence[TestFacts], chosen: str | None) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator  # noqa: PLC0415

    right = max(test.path[-1].n for test in tests)
    for test in tests:
        colour = CHOSEN if test.name == chosen else OTHER
        axes.plot([point.n for point in test.path], _heights(test), color=colour)
        axes.plot([test.path[-1].n], _heights(test)[-1:], "o", color=colour, ms=8, mec=PAPER, mew=1.5)
    axes.set_yscale("log")
    axes.set_xlim(0, right * 1.04)
    top = max(1 / test.alpha for test in tests)
    axes.set_ylim(top=max(top, *(point.e_value for test in tests for point in test.path)) * 2)
    axes.yaxis.set_major_locator(LogLocator(numticks=6))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set_xlabel("certify rows drawn")
    axes.set_ylabel("evidence (e-value, logarithmic)")
    placer = labels.Placer(axes)
    thresholds = sorted({1 / test.alpha for test in tests})
    for threshold in thresholds:
        axes.axhline(threshold, color=BAD, lw=1.3, ls=(0, (5, 3)))
        placer.keep_clear(0, threshold, axes.get_xlim()[1], threshold)
    for test in tests:
        for (one, low), (other, high) in itertools.pairwise(zip(test.path, _heights(test), strict=True)):
            placer.keep_clear(one.n, low, other.n, high)
    for test in _named(tests, chosen):
        placer.beside(_label(test, chosen, most=24 if sheet.is_narrow else 36))
    for threshold in thresholds:
        placer.along(threshold, f"enough: {threshold:.4g}", colour=BAD)


def _named(tests: Sequence[TestFacts], chosen: str | None) -> list[TestFacts]:
    """Returns the tests whose names stand in the chart; of many, those that decided."""
    if len(tests) <= _MOST_NAMES:
        return list(tests)
    return [test for test in tests if test.name == chosen or test.verdict is not Verdict.PASS]


def _heights(test: TestFacts) -> list[float]:
    return [max(point.e_value, _FLOOR) for point in test.path]


def _label(test: TestFacts, chosen: str | None, *, most: int) -> labels.Label:
    is_chosen, end = test.name == chosen, _heights(test)[-1]
    return labels.Label(
        x=test.path[-1].n,
        y=end,
        lower=end,
        upper=end,
        text=shorten(test.name, most),
        colour=CHOSEN if is_chosen else MUTED,
        is_bold=is_chosen,
    )
