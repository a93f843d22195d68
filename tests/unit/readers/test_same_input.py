"""Rows of one input are one sample, in memory that does not grow with the repeats."""

from suffice.readers.same_input import SameInput
from suffice.task import Sample


def row(target: str | None, reference: str | None = None, place: str = "") -> Sample:
    """Returns one row of the input."""
    return Sample(key="k", text="t", target=target, reference=reference, source=place)


def folded(*rows: Sample) -> SameInput:
    """Returns the fold of rows."""
    same = SameInput.of(rows[0])
    for one in rows[1:]:
        same.add(one)
    return same


def test_the_majority_is_the_truth_and_a_tie_has_none() -> None:
    """Rows without a label have no vote."""
    assert "a" == folded(row("a"), row(None), row("b"), row("a")).sample().target
    assert folded(row("a"), row("b")).sample().target is None
    assert folded(row(None), row(None)).sample().target is None
    assert "a" == folded(row(None), row("a")).sample().target


def test_the_references_usual_answer_is_kept_the_first_of_equals() -> None:
    """A reference that answers differently each time is still one reference."""
    assert "y" == folded(row(None, "x"), row(None, "y"), row(None, "y")).sample().reference
    assert "x" == folded(row(None, "x"), row(None, "y")).sample().reference


def test_disputes_name_two_rows_that_differ() -> None:
    """Not merely the first two rows."""
    same = folded(row("a", place="f:1"), row("a", place="f:2"), row("b", place="f:3"))
    assert "f:1 and f:3" == same.disputed
    assert ["a", "a"] == same.first_labels
    assert "" == folded(row("a"), row("a")).disputed


def test_what_one_row_lacks_another_gives() -> None:
    """Group, latency and recorded answers are filled in; what was there first stays."""
    first = Sample(key="k", text="t", recorded={"x": 1})
    later = Sample(key="k", text="t", group="g", reference_latency_ms=5.0, recorded={"x": 2, "y": 3})
    sample = folded(first, later).sample()
    assert ("g", 5.0, {"x": 1, "y": 3}) == (sample.group, sample.reference_latency_ms, sample.recorded)


def test_repeats_take_no_memory() -> None:
    """After 10,000 rows with as many answers, only the first fifty are remembered."""
    same = folded(*(row(None, f"answer {n}") for n in range(10_000)))
    assert 50 == len(same._references)
