"""The charts, each on its own."""

import dataclasses
import re
from html import unescape

import pytest

from suffice.bar import Target, Verdict
from suffice.report.charts import calibration, confusion, cost, frontier, wealth
from suffice.report.charts.drawing import Chart, shorten
from suffice.report.facts import (
    CalibrationFacts,
    CandidateFacts,
    ConfusionFacts,
    CostFacts,
    Facts,
    LatencyFacts,
    PathPoint,
    QualityFacts,
    TaskFacts,
)
from tests.unit.report.made_up import BINS, FACTS, FEW_LABELS, INCONCLUSIVE


def texts(svg: str) -> list[str]:
    """Returns the texts of a drawing."""
    return [unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]


def drawn(chart: Chart | None) -> Chart:
    """Returns the chart, which must be there."""
    assert chart is not None
    return chart


def test_the_frontier_names_every_model_the_bar_and_the_saving() -> None:
    """Few models are all named; the title is the finding; what is missing is listed."""
    chart = drawn(frontier.chart(FACTS))
    assert chart.title == "minilm-head meets the bar at $0.00021: 1,480 times less than imaginary-large"
    names = {"linear", "linear-distilled", "minilm-head", "linear, else reference", "imaginary-large"}
    for svg in (chart.wide, chart.narrow):
        assert names <= set(texts(svg))
        assert "bar: 2 points below imaginary-large" in texts(svg)
    assert chart.note.endswith("was not measured: minilm-tuned.")
    assert "minilm-head: 93.4% (91.1 to 95.2, n 600) at $0.00021" in chart.alt


def _models(number: int, **given: object) -> tuple[CandidateFacts, ...]:
    plain = {"kind": "recorded", "bytes": None, "verdict": Verdict.NOT_TESTED, "why": "recorded"}
    heights = [0.5 + 0.4 * (index % 7) / 7 for index in range(number)]
    return tuple(
        CandidateFacts(
            name=f"model-{index}",
            quality=QualityFacts(
                estimate=height, lower=height - 0.01, upper=height + 0.01, n=99, split="dev"
            ),
            **{**plain, **given},  # type: ignore[arg-type]
        )
        for index, height in enumerate(heights)
    )


def test_a_frontier_without_prices_shows_latency_or_size() -> None:
    """The axis is the first on which two models stand: cost, then latency, then size."""
    alone = dataclasses.replace(FACTS, reference=None, chosen=None, notes=())
    timed = dataclasses.replace(alone, candidates=_models(3, latency_ms=LatencyFacts(p50=3.0, p95=4.0)))
    assert "latency, p50 (logarithmic)" in texts(drawn(frontier.chart(timed)).wide)
    sized = dataclasses.replace(alone, candidates=_models(3, bytes=10**6))
    assert "size (logarithmic)" in texts(drawn(frontier.chart(sized)).wide)
    assert frontier.chart(dataclasses.replace(alone, candidates=_models(3, cost_usd_per_1k=0.0))) is None


def test_a_long_ladder_names_only_the_frontier() -> None:
    """Of 44 models only those that none beats at less cost are named, so that names stay legible."""
    models = tuple(
        dataclasses.replace(model, cost_usd_per_1k=0.01 * 1.2**index)
        for index, model in enumerate(_models(44))
    )
    facts = dataclasses.replace(FACTS, candidates=models, reference=None, chosen=None)
    named = {text for text in texts(drawn(frontier.chart(facts)).wide) if text.startswith("model-")}
    assert named <= {f"model-{index}" for index in range(7)}
    assert {"model-0", "model-6"} <= named


@pytest.mark.parametrize(
    ("target", "threshold", "expected"),
    [(Target.ABSOLUTE, 0.9, (0.9, "bar: 90.0%")), (Target.AGREEMENT, 0.05, (0.95, "bar: 95.0% agreement"))],
)
def test_the_bar_lies_where_the_target_says(
    target: Target, threshold: float, expected: tuple[float, str]
) -> None:
    """Absolute bars lie at their height, agreement at one minus the allowed difference."""
    task = TaskFacts(name="t", kind="classify", metric="accuracy", target_text="", threshold=threshold)
    assert expected == frontier.bar_height(dataclasses.replace(FACTS, target=target, task=task))


def test_a_bar_against_an_unmeasured_reference_is_not_drawn() -> None:
    """Where the reference's quality is not known, no height is invented."""
    assert frontier.bar_height(dataclasses.replace(FACTS, reference=None)) is None


def test_calibration_shows_the_n_of_each_group() -> None:
    """Groups without answers are left out, the others carry their number."""
    empty = dataclasses.replace(BINS[0], n=0)
    facts = dataclasses.replace(FACTS, calibration=CalibrationFacts(bins=(empty, *BINS[1:]), ece=0.08))
    chart = drawn(calibration.chart(facts))
    assert chart.title == "It is less sure than it should be: off by 8.0% on average"
    assert {"18", "369"} <= set(texts(chart.wide))
    assert "12" not in texts(chart.wide)
    assert "n beside it" in chart.note
    assert "confidence 46.0%: 44.0% right (24.6 to 66.3, n 18)" in chart.alt


def test_groups_of_like_size_are_counted_once() -> None:
    """Ten groups of the same n need no ten labels."""
    even = tuple(dataclasses.replace(group, n=44 + index % 2) for index, group in enumerate(BINS))
    facts = dataclasses.replace(FACTS, calibration=CalibrationFacts(bins=even, ece=0.02))
    chart = drawn(calibration.chart(facts))
    assert "n 44 to 45 each" in chart.note
    assert "44" not in texts(chart.wide)


def test_calibration_takes_given_intervals() -> None:
    """A bin that brings its interval is shown with it."""
    group = dataclasses.replace(BINS[0], lower=0.2, upper=0.7)
    assert calibration.ends(group) == (0.2, 0.7)


@pytest.mark.parametrize("bins", [(), (dataclasses.replace(BINS[0], n=0),)])
def test_no_answers_no_calibration(bins: tuple[object, ...]) -> None:
    """There is no chart of nothing."""
    facts = dataclasses.replace(FACTS, calibration=CalibrationFacts(bins=bins, ece=0.0))  # type: ignore[arg-type]
    assert calibration.chart(facts) is None


def test_few_labels_get_a_heat_map_on_wide_screens() -> None:
    """The whole matrix is drawn where there is room for it, the worst pairs elsewhere."""
    chart = drawn(confusion.chart(FEW_LABELS))
    assert {"wanted", "answered", "refund_status", "7"} <= set(texts(chart.wide))
    assert "refund_status → refund_request" in texts(chart.narrow)
    assert chart.title == "Most often, refund_status is answered refund_request: 7 of 31 times"


def test_texts_in_drawings_are_escaped_and_cut() -> None:
    """A long label with mark-up ends in a sign of omission and stays text."""
    label = "<b>&amp;$x$ " + "long " * 40
    facts = dataclasses.replace(
        FACTS, confusions=(ConfusionFacts(wanted=label, answered="b", count=1, of=3),)
    )
    chart = drawn(confusion.chart(facts))
    assert "&lt;b&gt;&amp;amp;$x$ long" in chart.wide
    assert "…" in chart.wide
    assert confusion.chart(dataclasses.replace(FACTS, confusions=())) is None


def test_cost_shows_the_break_even() -> None:
    """The lines cross where the chosen model begins to pay."""
    chart = drawn(cost.chart(FACTS))
    assert chart.title == "It pays from about 64,600 requests a month"
    assert {"today", "minilm-head"} <= set(texts(chart.narrow))
    assert "today: $3.10 at 10k requests, $310.00 at 1M requests" in chart.alt
    assert "minilm-head: $20.00 at 10k requests, $20.21 at 1M requests" in chart.alt


@pytest.mark.parametrize(
    "prices",
    [
        CostFacts(),
        CostFacts(today_usd_per_1k=0.3),
        CostFacts(today_usd_per_1k=0.0, chosen_usd_per_1k=0.1, fixed_usd_per_month=5.0),
    ],
)
def test_without_both_prices_there_is_no_chart_of_cost(prices: CostFacts) -> None:
    """There is no chart of a price that is not known."""
    assert cost.chart(dataclasses.replace(FACTS, cost=prices)) is None


def test_a_machine_of_its_own_is_drawn_where_the_price_is_for_a_share_of_one() -> None:
    """A price that holds the machine's hours still breaks even against a machine bought whole."""
    shared = CostFacts(today_usd_per_1k=0.06, chosen_usd_per_1k=0.0003, break_even_requests_per_month=1e6)
    chart = drawn(cost.chart(dataclasses.replace(FACTS, cost=shared)))
    assert chart.title == "Even a machine of its own pays from about 1,000,000 requests a month"
    assert "a machine of its own: $60.00 at 10k requests, $60.00 at 1M requests" in chart.alt
    assert "a machine of its own" in texts(chart.narrow)


def test_without_a_machine_the_ratio_is_the_finding() -> None:
    """Two prices that both grow with use never cross."""
    prices = CostFacts(today_usd_per_1k=0.3, chosen_usd_per_1k=0.1)
    chart = drawn(cost.chart(dataclasses.replace(FACTS, cost=prices)))
    assert chart.title == "It costs 3.0 times less than today"


def test_a_model_that_never_pays_says_so() -> None:
    """A chosen model dearer than today claims nothing."""
    dear = CostFacts(today_usd_per_1k=0.31, chosen_usd_per_1k=0.9, fixed_usd_per_month=10.0)
    chart = drawn(cost.chart(dataclasses.replace(FACTS, cost=dear)))
    assert chart.title == "At no volume does it cost less than today"


def test_the_wealth_shows_the_threshold_and_its_tests() -> None:
    """Evidence is drawn against what each test needed."""
    chart = drawn(wealth.chart(FACTS))
    assert {"enough: 20", "minilm-head", "linear-distilled"} <= set(texts(chart.wide))
    assert chart.title == "The evidence for minilm-head was enough after 288 rows"
    assert (
        drawn(wealth.chart(INCONCLUSIVE)).title
        == "The evidence for linear-distilled was not enough after 400 rows"
    )


def _with_path(path: tuple[PathPoint, ...]) -> Facts:
    test = dataclasses.replace(FACTS.tests[0], path=path)
    return dataclasses.replace(FACTS, tests=(test,))


def test_evidence_of_nothing_is_drawn_at_the_floor() -> None:
    """An e-value of 0 has no logarithm; it is drawn at the foot of the chart."""
    path = (PathPoint(n=0, e_value=1.0), PathPoint(n=5, e_value=0.0))
    assert "minilm-head" in texts(drawn(wealth.chart(_with_path(path))).wide)
    assert wealth.chart(_with_path(())) is None


@pytest.mark.parametrize(
    ("text", "expected"), [("a\nb\x00c", "a b c"), ("abcdefgh", "abcd…"), ("\ud800x", "x")]
)
def test_shortened_texts_are_one_printable_line(text: str, expected: str) -> None:
    """Control signs and halves of characters never reach a drawing."""
    assert expected == shorten(text, 5)
