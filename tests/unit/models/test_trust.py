"""Trust scores: bounded, and monotone in confidence and novelty."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from suffice.models import trust
from suffice.ports import Answer, Request

REQUEST = Request(text="")
shares = st.floats(0.0, 1.0)


@pytest.mark.parametrize("rule", trust.RULES.values(), ids=trust.RULES)
@given(confidences=st.tuples(shares, shares), novelties=st.tuples(shares, shares))
def test_monotone(
    rule: trust.Trust, confidences: tuple[float, float], novelties: tuple[float, float]
) -> None:
    """More confidence and less novelty never lower the score, and it stays in [0, 1]."""
    low = Answer(text="x", confidence=min(confidences), novelty=max(novelties))
    high = Answer(text="x", confidence=max(confidences), novelty=min(novelties))
    assert 0.0 <= rule(low, REQUEST) <= rule(high, REQUEST) <= 1.0


@pytest.mark.parametrize("rule", trust.RULES.values(), ids=trust.RULES)
def test_no_confidence_is_no_trust(rule: trust.Trust) -> None:
    """A model that does not say how sure it is gets the lowest score."""
    assert 0.0 == rule(Answer(text="x", novelty=0.0), REQUEST)


@pytest.mark.parametrize("rule", trust.RULES.values(), ids=trust.RULES)
def test_unknown_novelty_counts_as_familiar(rule: trust.Trust) -> None:
    """A model that has no notion of novelty is trusted by its confidence alone."""
    assert 0.7 == rule(Answer(text="x", confidence=0.7), REQUEST)
