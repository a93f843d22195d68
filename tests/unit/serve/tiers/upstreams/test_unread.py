"""What is counted of a reply that nobody waited for."""

from dataclasses import replace

import pytest

from suffice.ports import Usage
from suffice.serve.call import Operation
from suffice.serve.tiers.upstreams.unread import unread_usage
from tests.unit.serve.tiers import tiny_run


@pytest.mark.parametrize(
    ("limits", "asked_s", "written"),
    [
        ({}, 2.0, 100),
        ({}, 0.0, 0),
        ({"max_tokens": 7}, 2.0, 7),
        ({"max_completion_tokens": 7, "max_tokens": 9}, 2.0, 9),
        ({"max_completion_tokens": 1, "max_tokens": 1000}, 2.0, 100),
        ({"n": 20}, 2.0, 2000),
        ({"n": 20, "max_tokens": 7}, 2.0, 140),
        ({"n": 2, "best_of": 20}, 2.0, 2000),
        ({"n": None}, 2.0, 100),
        ({"n": -3}, 2.0, 100),
        ({"max_tokens": 1000}, 2.0, 100),
        ({"max_tokens": -5}, 2.0, 0),
        ({"max_tokens": None}, 2.0, 100),
    ],
)
def test_the_prompt_counts_and_what_a_quick_server_may_have_written(limits, asked_s, written):
    """A quarter of the prompt's bytes, and 50 tokens a second, at most as many as the client allowed."""
    call = replace(tiny_run.call("x" * 40), body=limits)
    assert Usage(input_tokens=10, output_tokens=written) == unread_usage(call, asked_s=asked_s)


def test_vectors_are_no_words():
    """Who hangs up on vectors is charged for the text alone."""
    call = replace(tiny_run.call("x" * 40), operation=Operation.EMBEDDING)
    assert Usage(input_tokens=10, output_tokens=0) == unread_usage(call, asked_s=9.0)


@pytest.mark.parametrize(
    ("body", "read"),
    [
        ({"tools": [{"x": "y" * 400}]}, 112),
        ({"response_format": {"x": "y" * 400}}, 112),
        ({"prompt": [1, 2, 3]}, 13),
        ({"input": [[1, 2], [3]]}, 13),
        ({"prompt": ["a", "b"]}, 10),
    ],
    ids=str,
)
def test_a_prompt_is_more_than_its_turns(body, read):
    """A caller who hides it in tools, or sends it as numbers, pays for it too."""
    call = replace(tiny_run.call("x" * 40), body=body)
    assert abs(read - unread_usage(call, asked_s=0.0).input_tokens) <= 2
