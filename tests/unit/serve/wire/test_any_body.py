"""Whatever a body holds, it is read or refused; nothing else happens."""

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.serve.app import APIS
from suffice.serve.errors import BadCall
from suffice.serve.wire.body import read_object

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
_NAMES = (
    *("model", "messages", "prompt", "stream", "stream_options", "n", "stop", "temperature", "tools"),
    *("response_format", "logprobs", "top_logprobs", "seed", "user", "max_tokens", "functions", "audio"),
    *("tool_choice", "modalities", "logit_bias", "echo", "suffix", "best_of", "system", "instructions"),
    *("input", "questions", "state", "encoding_format", "dimensions", "safety_identifier"),
)
_bodies = st.dictionaries(st.sampled_from(_NAMES), _values, max_size=6)
_turns = st.fixed_dictionaries({"role": _values | st.sampled_from(["user", "tool"]), "content": _values})
_questions = st.fixed_dictionaries(
    {"type": _values | st.sampled_from(["predicate", "choice", "score", "noul"]), "instructions": _values},
    optional={"name": _values, "choices": _values, "levels": _values, "criteria": _values},
)
_decisions = st.builds(
    lambda body, questions: {"model": "m", "input": "x", "state": "x", **body, "questions": questions},
    _bodies,
    st.lists(_questions, min_size=1) | st.dictionaries(st.text(max_size=8), _questions, min_size=1),
)
_chats = st.builds(
    lambda body, turns: {**body, "model": "m", "messages": turns, "prompt": turns}, _bodies, st.lists(_turns)
)
_parts = st.fixed_dictionaries(
    {"type": _values | st.sampled_from(["input_text", "input_image", "input_file"])},
    optional={"text": _values},
)
_items = st.fixed_dictionaries(
    {"role": _values | st.sampled_from(["user", "assistant"]), "content": _values | st.lists(_parts)},
    optional={"type": _values | st.sampled_from(["message", "function_call"])},
)
_formats = st.fixed_dictionaries({"format": _values | st.fixed_dictionaries({"type": _values})})
_responses = st.builds(
    lambda body, items, text: {**body, "model": "m", "input": items, "text": text},
    _bodies,
    st.lists(_items, min_size=1),
    _formats,
)


@pytest.mark.slow
@pytest.mark.parametrize("path", list(APIS))
@given(body=_bodies | _chats | _decisions | _responses)
@settings(max_examples=100, deadline=None, derandomize=True)
def test_any_object_is_read_or_refused(path: str, body: dict[str, Any]) -> None:
    """Nothing but a refusal is raised, and it names a parameter."""
    assert _read(path, body)


def _read(path: str, body: dict[str, Any]) -> str | None:
    """Returns the model that a body names, or the parameter for which it was refused."""
    try:
        return APIS[path].read(body).model
    except BadCall as error:
        return error.param


@pytest.mark.slow
@given(raw=st.binary(max_size=40) | _bodies.map(orjson.dumps))
@settings(max_examples=150, deadline=None, derandomize=True)
def test_any_bytes_are_an_object_or_refused(raw: bytes) -> None:
    """Nothing but a refusal is raised for bytes that are no JSON object."""
    try:
        body = read_object(raw)
    except BadCall:
        body = {}
    assert isinstance(body, dict)
