"""Counts of tokens in answers: a model's own, or estimates that say so."""

from suffice.ports import Request, Usage
from suffice.serve.wire.sampling import usage_of
from suffice.task import Message

_ASKED = Request(
    text="b" * 8, messages=(Message(role="system", content="a" * 4), Message(role="user", content="b" * 8))
)


def test_a_models_own_counts_go_out_as_they_are():
    """Nothing is estimated, and nothing says so."""
    known = usage_of(Usage(input_tokens=7, output_tokens=2), _ASKED, "card")
    assert {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9} == known


def test_what_a_model_does_not_count_is_estimated_and_marked():
    """Four bytes a token, over all turns, or over the text where there are none; what is known stays."""
    estimated = usage_of(Usage(), _ASKED, "billing")
    assert {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5, "estimated": True} == estimated
    assert 2 == usage_of(Usage(), Request(text="b" * 8), "x")["prompt_tokens"]
    half = usage_of(Usage(input_tokens=40), _ASKED, "card")
    assert (40, 41, True) == (half["prompt_tokens"], half["total_tokens"], half["estimated"])
