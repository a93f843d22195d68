"""Numbers as people read them."""

from collections.abc import Callable

import pytest

from suffice.report import numbers


@pytest.mark.parametrize(
    ("form", "value", "expected"),
    [
        (numbers.count, 1376, "1,376"),
        (numbers.significant, 0, "0"),
        (numbers.significant, 0.02144, "0.0214"),
        (numbers.significant, 1476.2, "1,480"),
        (numbers.significant, 9.999, "10.0"),
        (numbers.significant, -3.14159, "-3.14"),
        (numbers.significant, 2.5e20, "2.50e+20"),
        (numbers.size, 999, "999 bytes"),
        (numbers.size, 999_999, "1.00 MB"),
        (numbers.size, 412_160, "412 KB"),
        (numbers.size, 22_972_611, "23.0 MB"),
        (numbers.size, 1_300_000_000, "1.30 GB"),
        (numbers.money, 0.0, "$0"),
        (numbers.money, 0.00021, "$0.00021"),
        (numbers.money, 0.31, "$0.31"),
        (numbers.money, 0.5, "$0.50"),
        (numbers.money, 0.999, "$1.00"),
        (numbers.money, 20, "$20.00"),
        (numbers.money, 12_400.4, "$12,400"),
        (numbers.money, -3.5, "-$3.50"),
        (numbers.duration, 0.071, "71 µs"),
        (numbers.duration, 5.87, "5.9 ms"),
        (numbers.duration, 604, "604 ms"),
        (numbers.duration, 1240, "1.2 s"),
        (numbers.energy, 0.0000031, "3.1 µJ"),
        (numbers.energy, 0.0031, "3.1 mJ"),
        (numbers.energy, 31, "31 J"),
        (numbers.share, 0.9342, "93.4%"),
        (numbers.share, 1.0, "100%"),
        (numbers.share, 1 - 2e-16, "100%"),
        (numbers.budget, 0.05, "5%"),
        (numbers.budget, 0.0083333, "0.833%"),
        (numbers.share, 0.0, "0%"),
        (numbers.points, 0.02, "2 points"),
        (numbers.points, 0.01, "1 point"),
        (numbers.points, 0.2, "20 points"),
        (numbers.points, 0.005, "0.5 points"),
    ],
)
def test_a_number_is_written_with_its_unit(form: Callable[[float], str], value: float, expected: str) -> None:
    """Every quantity has one way to be written."""
    assert expected == form(value)


@pytest.mark.parametrize(
    ("value", "expected"), [(0.99968, "99.97%"), (0.0004, "0.04%"), (0.99999999, ">99.9999%")]
)
def test_a_share_is_never_rounded_into_certainty(value: float, expected: str) -> None:
    """Only 1 shows as 100%, and only 0 as 0%."""
    assert expected == numbers.share(value)


@pytest.mark.parametrize(
    "form", [numbers.size, numbers.money, numbers.duration, numbers.energy, numbers.share]
)
def test_nothing_is_not_measured(form: Callable[[None], str]) -> None:
    """A missing number says so, and is never 0."""
    assert form(None) == "not measured"


def test_an_interval_is_in_percent() -> None:
    """The ends of an interval have the digits of its estimate."""
    assert numbers.interval(0.911, 0.952) == "91.1 to 95.2"


@pytest.mark.parametrize(
    ("today", "chosen", "expected"),
    [
        (0.31, 0.00021, "1,480 times less"),
        (0.31, 0.1, "3.1 times less"),
        (0.1, 0.31, ""),
        (None, 1.0, ""),
        (1.0, 0.0, ""),
    ],
)
def test_a_saving_is_a_ratio_only_where_it_is_one(
    today: float | None, chosen: float | None, expected: str
) -> None:
    """No ratio to nothing, and none where nothing is saved."""
    assert expected == numbers.times_less(today, chosen)
