"""Precision, recall and F1 of extracted values, with their intervals."""

import json

import pytest

from suffice.score.fields import field_report


def test_counts_by_field():
    """A wrong value is both a false one and a missed one; a missing object misses all."""
    wanted = [{"a": "x", "b": "y"}, {"a": "x"}, None]
    report = field_report(wanted, ['{"a": "x", "b": "z"}', None, "{}"])
    assert report is not None
    a, b = report.fields
    assert (2, "a", 2, 1.0, 0.5) == (report.n, a.name, a.wanted, a.precision.value, a.recall.value)
    assert (1, 0.0, 0.0, 0.0) == (b.wanted, b.precision.value, b.recall.value, b.f1.value)
    assert (0.5, 2) == (report.valid_json.value, report.valid_json.n)
    assert pytest.approx((0.5, 1 / 3)) == (report.micro.precision.value, report.micro.recall.value)


def test_f1_and_its_interval():
    """F1 is 2 TP / (2 TP + FP + FN), and its interval holds it without being all."""
    wanted = [{"a": str(i)} for i in range(100)]
    report = field_report(wanted, [json.dumps({"a": str(i if i % 4 else -1)}) for i in range(100)])
    f1 = report.fields[0].f1
    assert pytest.approx((0.75, 0.75)) == (f1.value, report.micro.f1.value)
    assert 0.6 < f1.interval.lower < 0.75 < f1.interval.upper < 0.86
    assert 0.6 < report.micro.f1.interval.lower < 0.75 < report.micro.f1.interval.upper < 0.86


def test_all_right_is_not_certain():
    """Where no draw differs the interval is that of the samples, not a point."""
    report = field_report([{"a": 1}] * 20, ['{"a": 1}'] * 20)
    assert (1.0, 20) == (report.micro.f1.value, report.micro.f1.n)
    assert 0.8 < report.micro.f1.interval.lower < 0.9


def test_nothing_wanted_nothing_said():
    """Without truth there is no report; a field nobody names has no share."""
    assert field_report([None], ["{}"]) is None
    report = field_report([{}], ["{}"])
    assert (None, 0) == (report.micro.f1.value, report.micro.f1.n)
