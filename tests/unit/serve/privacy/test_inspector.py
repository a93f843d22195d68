"""Everything a client sends is looked through; policy decides; what cannot be looked through stays."""

import dataclasses
import json
import logging
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.clock import FakeClock
from suffice.ports import Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.privacy.inspector import PrivacyInspector
from suffice.serve.privacy.settings import read_privacy

MAIL, CARD, SECRET = "ada.l@example.org", "4111 1111 1111 1111", "sk-sf-a1b2c3d4-0123456789abcdefghijkl"


def call(body, **more):
    """Returns a call with a body."""
    given_fields = {"id": "r1", "operation": Operation.CHAT, "model": "m", "route": "m"}
    return Call(**given_fields, caller=Caller(key_id="k"), body=body, request=Request(text=""), **more)


def chat(content):
    """Returns the body of a chat with one message."""
    return {"model": "m", "messages": [{"role": "user", "content": content}]}


def inspected(body, section=None, **more):
    """Returns the inspection of a body under a `privacy` section; everything is masked by default."""
    return PrivacyInspector(read_privacy(section or {"default": "mask"}), **more).inspect(call(body))


def with_value(value):
    """Returns, by name, bodies that hold a value in each place where a client can put text."""
    arguments = json.dumps({"to": [{"address": value}]})
    tool = {"type": "function", "function": {"name": "f", "description": value, "parameters": {}}}
    schema = {"type": "object", "properties": {"a": {"enum": [value]}}}
    called = {"id": "c", "type": "function", "function": {"name": "f", "arguments": arguments}}
    return {
        **{
            role: {"messages": [{"role": role, "content": value}]} for role in ("system", "developer", "user")
        },
        "assistant": {"messages": [{"role": "assistant", "content": value}]},
        "tool": {"messages": [{"role": "tool", "tool_call_id": "c", "content": value}]},
        "tool in JSON": {
            "messages": [{"role": "tool", "tool_call_id": "c", "content": json.dumps({"x": value})}]
        },
        "part": chat([{"type": "text", "text": value}]),
        "name": {"messages": [{"role": "user", "name": value, "content": "x"}]},
        "refusal": {"messages": [{"role": "assistant", "refusal": value}]},
        "tool definition": {**chat("x"), "tools": [tool]},
        "tool arguments": {"messages": [{"role": "assistant", "content": None, "tool_calls": [called]}]},
        "name in arguments": {
            "messages": [
                {"role": "assistant", "tool_calls": [{"function": {"arguments": json.dumps({value: 1})}}]}
            ]
        },
        "old arguments": {"messages": [{"role": "assistant", "function_call": {"arguments": arguments}}]},
        "schema": {
            **chat("x"),
            "response_format": {"type": "json_schema", "json_schema": {"schema": schema}},
        },
        "prompt": {"prompt": value},
        "prompts": {"prompt": ["x", value]},
        "embedding": {"input": value},
        "embeddings": {"input": ["x", value]},
        "decision": {"input": value, "questions": [{"type": "predicate", "instructions": "x"}]},
        "question": {"input": "x", "questions": [{"type": "predicate", "instructions": value}]},
        "criteria": {"state": {"a": [1]}, "questions": {"q": {"type": "choice", "criteria": {value: "x"}}}},
        "state": {"state": {"a": [{"b": value}]}},
        "user": {**chat("x"), "user": value},
        "metadata": {**chat("x"), "metadata": {"k": value}},
        "key": {**chat("x"), "metadata": {value: "v"}},
        "stop": {**chat("x"), "stop": [value]},
        "something new": {**chat("x"), "x_new": [[{"deep": value}]]},
    }


@pytest.mark.parametrize("value", [MAIL, CARD, SECRET])
@pytest.mark.parametrize("place", sorted(with_value("")))
def test_everything_a_client_sends_is_looked_through(place, value):
    """LiteLLM #30728, #30447: whatever its place, a private value is found, and masked in what may leave."""
    inspection = inspected(with_value(value)[place])
    assert 1 == sum(inspection.found.values())
    assert value not in json.dumps(inspection.masked_body)
    assert "_1]" in json.dumps(inspection.masked_body)


@pytest.mark.parametrize("place", sorted(with_value("")))
def test_what_holds_nothing_passes_untouched(place):
    """A body without private data is sent as it is."""
    inspection = inspected(with_value("hello")[place])
    assert ({}, False, None, None) == dataclasses.astuple(inspection)


def test_masks_and_arguments_stay_json():
    """What is masked within a text of JSON leaves its types and all else as they were."""
    arguments = '{"to": "ada.l@example.org", "n": 1, "x": 1.10, "yes": true, "none": null, "list": [2, "b"]}'
    body = {"messages": [{"role": "assistant", "tool_calls": [{"function": {"arguments": arguments}}]}]}
    masked = inspected(body).masked_body["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert {**json.loads(arguments), "to": "[EMAIL_1]"} == json.loads(masked)


def test_a_name_given_twice_hides_nothing():
    """JSON with a name given twice is read as text: the first value is found although parsers drop it."""
    inspection = inspected(chat('{"a": "ada.l@example.org", "a": "b"}'))
    assert '{"a": "[EMAIL_1]", "a": "b"}' == inspection.masked_body["messages"][0]["content"]


def test_a_value_has_one_placeholder_and_is_masked_where_nothing_tells_what_it_is():
    """The same value gets the same placeholder; once found, it is masked everywhere."""
    body = {
        "messages": [
            {"role": "user", "content": "my SSN: 536904399"},
            {"role": "user", "content": "so 536904399"},
        ]
    }
    contents = [message["content"] for message in inspected(body).masked_body["messages"]]
    assert ["my SSN: [NATIONAL_ID_1]", "so [NATIONAL_ID_1]"] == contents


def test_a_question_in_one_message_tells_what_the_number_in_the_next_is():
    """The words before a number may stand in the message before."""
    body = {
        "messages": [
            {"role": "assistant", "content": "Your SSN, please?"},
            {"role": "user", "content": "536904399"},
        ]
    }
    assert {"national_id": 1} == inspected(body).found


@pytest.mark.parametrize(
    ("section", "local", "masked"),
    [
        ({}, True, None),
        ({"default": "allow"}, False, None),
        ({"default": "allow", "classes": {"email": "mask"}}, False, f"[EMAIL_1] {CARD}"),
        ({"default": "mask", "classes": {"email": "allow"}}, False, f"{MAIL} [CARD_1]"),
        ({"default": "mask", "classes": {"card": "local_only"}}, True, None),
    ],
)
def test_the_strictest_class_decides(section, local, masked):
    """A call is as free as its strictest class lets it be; only what is to be masked is masked."""
    inspection = PrivacyInspector(read_privacy(section)).inspect(call(chat(f"{MAIL} {CARD}")))
    assert ({"email": 1, "card": 1}, local) == (inspection.found, inspection.local_only)
    body = inspection.masked_body
    assert masked == (body and body["messages"][0]["content"])


@pytest.mark.parametrize(
    "body",
    [
        chat([{"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}]),
        chat(
            [
                {"type": "text", "text": "x"},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}},
            ]
        ),
        chat([{"type": "input_audio", "input_audio": {"data": "A" * 100, "format": "wav"}}]),
        chat([{"type": "file", "file": {"file_data": "A" * 100, "filename": "a.pdf"}}]),
        chat([{"type": "something_new", "x": 1}]),
        {"prompt": [1, 2, 3]},
        {"prompt": [[1, 2], [3]]},
        {"input": [1, 2, 3]},
        {"state": {"picture": "data:image/png;base64,AAAA"}},
    ],
)
def test_what_cannot_be_read_stays(body):
    """Pictures, sound, files and token numbers are `uninspected`: local_only, unless a site allows them."""
    inspection = PrivacyInspector(read_privacy({})).inspect(call(body))
    assert inspection.local_only
    assert {"uninspected"} == set(inspection.found)
    allowed = PrivacyInspector(read_privacy({"classes": {"uninspected": "allow"}})).inspect(call(body))
    assert not allowed.local_only


@pytest.mark.parametrize(
    "content",
    [
        f"data: {MAIL}",
        f"data:text/plain,{MAIL}",
        f"data:image/png;base64,AAAA {MAIL}",
        json.dumps({"data": "x" * 99 + MAIL}),
    ],
)
def test_a_text_that_begins_like_a_file_is_read(content):
    """Only what is nothing but base64 is passed over; a site that allows files does not let texts through."""
    section = {"default": "local_only", "classes": {"uninspected": "allow"}}
    assert {"email": 1} == inspected(chat(content), section).found


@pytest.mark.parametrize("sign", ["–", "４", "&#52;", "4 ", "\u200b", "-----BEGIN PRIVATE KEY-----"])
def test_looking_at_much_of_the_same_ends_in_time(sign):
    """Hostile texts of the largest size end with the time limit, at most a few steps later."""
    clock = FakeClock(datetime(2026, 11, 22, tzinfo=UTC), step_s=0.001)
    inspection = inspected(chat(f"{sign * (100_000 // len(sign))} {MAIL}"), clock=clock)
    assert ({"uninspected": 1}, True) == (inspection.found, inspection.local_only)
    assert clock.elapsed_s() < 0.3


def test_a_number_cannot_be_masked_so_it_stays():
    """A card written as a JSON number has no placeholder of its type: the call stays here."""
    inspection = inspected({"state": {"card": 4111111111111111}})
    assert ({"card": 1}, True, None) == (inspection.found, inspection.local_only, inspection.masked_body)


class Failing:
    """A finder that fails, quoting what it read."""

    classes = ("name",)

    def find(self, text, *_):
        """Fails."""
        raise RuntimeError(f"cannot read {text!r}")


def test_litellm_30728_a_detector_that_fails_keeps_the_call_here():
    """The guard fails closed: an error while looking is `uninspected` and local, whatever is allowed."""

    class Broken(FakeClock):
        def elapsed_s(self):
            raise RuntimeError("no time")

    section = {"default": "allow", "classes": {"uninspected": "allow"}}
    inspection = inspected(chat(f"x {MAIL}"), section, clock=Broken(datetime(2026, 11, 22, tzinfo=UTC)))
    assert ({"uninspected": 1}, True, None) == (
        inspection.found,
        inspection.local_only,
        inspection.masked_body,
    )


def test_litellm_35951_nothing_found_reaches_a_log_an_error_or_a_repr(caplog, capsys):
    """Values show nowhere: not in logs, nor in output, nor in what stands for an inspection or a call."""
    caplog.set_level(logging.DEBUG)
    values = (MAIL, CARD, SECRET)
    inspector = PrivacyInspector(read_privacy({"default": "mask"}))
    inspection = inspector.inspect(call(chat(" ".join(values))))
    failing = PrivacyInspector(read_privacy({}), finders=[Failing()])
    shown = [repr(failing.inspect(call(chat(" ".join(values)))))]
    shown += [repr(inspection), repr(inspection.restorer)]
    shown += [caplog.text, *capsys.readouterr(), *(str(record.__dict__) for record in caplog.records)]
    assert "RuntimeError" in caplog.text
    assert [] == [value for value in values for text in shown if value in text]


@pytest.mark.parametrize(
    ("body", "section"),
    [
        (chat("x" * 200 + MAIL), {"characters_limit": 100}),
        ({"state": json.loads("[" * 40 + "]" * 40)}, {"depth_limit": 20}),
        (chat("[" * 90 + "]" * 90), {}),
    ],
)
def test_too_much_stays(body, section):
    """What is longer or deeper than is looked through stays on this machine."""
    inspection = inspected(body, {"default": "allow", **section})
    assert ({"uninspected": 1}, True) == (inspection.found, inspection.local_only)


def test_time_runs_out_closed():
    """Looking that takes too long ends, and the call stays."""
    clock = FakeClock(datetime(2026, 11, 22, tzinfo=UTC), step_s=0.1)
    inspection = inspected(chat(f"{MAIL} " * 10), {"default": "allow"}, clock=clock)
    assert ({"uninspected": 1}, True) == (inspection.found, inspection.local_only)


def test_a_site_may_leave_placeholders_in():
    """Without `restore` there is nothing that could put values back."""
    inspection = inspected(chat(MAIL), {"default": "mask", "restore": False})
    assert (True, None) == (inspection.masked_body is not None, inspection.restorer)


PLANTED = [
    *(
        "ada.l@example.org",
        "4111 1111 1111 1111",
        "5555555555554444",
        "DE89 3704 0044 0532 0130 00",
        "+49 151 23456789",
    ),
    *(
        "536-90-4399",
        "390.533.447-05",
        "AKIAIOSFODNN7EXAMPLE",
        "sk-sf-a1b2c3d4-0123456789abcdefghijkl",
        "+14155552671",
    ),
]


@settings(max_examples=150, deadline=None)
@given(
    before=st.text(),
    after=st.text(),
    value=st.sampled_from(PLANTED),
    gap=st.sampled_from([" ", "\n", "，", "\u3000"]),
)
def test_a_planted_value_is_found_masked_and_restored(before, after, value, gap):
    """In any text a planted value is found, is not in what leaves, and comes back as it was."""
    text = before + gap + value + gap + after
    inspection = inspected(chat(text))
    assert not inspection.local_only
    masked = inspection.masked_body["messages"][0]["content"]
    assert value not in masked
    assert text == inspection.restorer.text(masked)


@settings(max_examples=60, deadline=None)
@given(
    state=st.recursive(
        st.one_of(
            st.text(), st.sampled_from(PLANTED), st.booleans(), st.none(), st.integers(-999_999, 999_999)
        ),
        lambda below: st.one_of(
            st.lists(below), st.dictionaries(st.one_of(st.text(), st.sampled_from(PLANTED)), below)
        ),
        max_leaves=20,
    )
)
def test_any_json_is_masked_and_restored(state):
    """Whatever JSON is sent keeps its shape, loses every planted value, and comes back as it was."""
    inspection = inspected({"state": {"x": state}})
    if inspection.masked_body is None:
        assert not any(value in json.dumps(state) for value in PLANTED)
        return
    sent = json.dumps(inspection.masked_body)
    assert [] == [value for value in PLANTED if value in sent]
    restored = CallRestorerOfNames(inspection.restorer).names(inspection.masked_body)
    assert {"state": {"x": state}} == restored


class CallRestorerOfNames:
    """Restores a request's names too, which replies do not have."""

    def __init__(self, restorer):
        """Takes the restorer."""
        self.restorer = restorer

    def names(self, value):
        """Returns a value with all its texts and names restored."""
        if isinstance(value, str):
            return self.restorer.text(value)
        if isinstance(value, dict):
            return {self.names(name): self.names(below) for name, below in value.items()}
        return [self.names(each) for each in value] if isinstance(value, list) else value
