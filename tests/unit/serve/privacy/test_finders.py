"""Finders add what rules cannot find; one that fails or is slow leaves its classes open: the call stays."""

import asyncio
import json
from datetime import UTC, datetime

import pytest

from suffice.clock import FakeClock
from suffice.errors import SpecError
from suffice.ports import Request
from suffice.serve.call import Call, Caller, Operation
from suffice.serve.privacy.find import Find
from suffice.serve.privacy.inspector import PrivacyInspector
from suffice.serve.privacy.remembered import Remembered
from suffice.serve.privacy.settings import read_privacy

MAIL = "ada.l@example.org"
NOON = datetime(2026, 11, 22, tzinfo=UTC)


class Skipping(FakeClock):
    """A clock that is moved on."""

    skipped_s = 0.0

    def elapsed_s(self):
        """Returns how far it was moved."""
        return self.skipped_s


class Names:
    """Finds the word Ada, and is as slow as it is told to be."""

    classes = ("name",)

    def __init__(self, clock=None, slow_s=0.0):
        self.clock, self.slow_s, self.asked = clock, slow_s, 0

    def find(self, text, _, tick):
        """Returns where Ada stands."""
        self.asked += 1
        if self.slow_s:
            self.clock.skipped_s += self.slow_s
        tick()
        start = text.find("Ada")
        return [Find(start, start + 3, "name")] if start >= 0 else []


class Failing:
    """Quotes what it read, and fails."""

    classes = ("name", "street")

    def find(self, text, *_):
        """Fails."""
        raise RuntimeError(text)


def chat(content, caller="k"):
    """Returns the call of a chat, whose content may be a list of messages."""
    messages = content if isinstance(content, list) else [{"role": "user", "content": content}]
    return Call(
        id="r1",
        operation=Operation.CHAT,
        model="m",
        route="m",
        caller=Caller(key_id=caller),
        body={"model": "m", "messages": messages},
        request=Request(text=""),
    )


def inspected(content, section, finder, clock=None):
    """Returns the inspection of a chat."""
    inspector = PrivacyInspector(read_privacy(section), clock=clock or FakeClock(NOON), finders=[finder])
    return inspector.inspect(chat(content))


def test_what_a_finder_finds_is_masked_and_put_back():
    """Its class has placeholders as any other, beside what rules find."""
    section = {"default": "allow", "classes": {"name": "mask", "email": "mask"}}
    inspection = inspected(f"ask Ada at {MAIL}", section, Names())
    assert {"name": 1, "email": 1} == inspection.found
    assert "ask [NAME_1] at [EMAIL_1]" == inspection.masked_body["messages"][0]["content"]
    assert f"Ada, {MAIL}" == inspection.restorer.text("[NAME_1], [EMAIL_1]")


def test_names_come_back_in_streams():
    """Also where a placeholder is split over two parts."""
    restorer = inspected("ask Ada", {"default": "mask"}, Names()).restorer

    async def parts():
        for content in ("Dear [NA", "ME_1], hello"):
            yield {"choices": [{"index": 0, "delta": {"content": content}}]}

    async def collected():
        return [chunk async for chunk in restorer.chunks(parts())]

    chunks = asyncio.run(collected())
    said = "".join(choice["delta"].get("content", "") for chunk in chunks for choice in chunk["choices"])
    assert "Dear Ada, hello" == said


def test_tool_arguments_are_looked_through_too():
    """JSON within JSON is read as such, and stays JSON."""
    arguments = json.dumps({"to": "Ada", "n": 2})
    turn = {"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": arguments}}]}
    inspection = inspected([turn], {"default": "mask"}, Names())
    masked = inspection.masked_body["messages"][0]["tool_calls"][0]["function"]["arguments"]
    assert {"to": "[NAME_1]", "n": 2} == json.loads(masked)


def test_disguises_are_seen_through_for_finders_too():
    """A name with an invisible sign in it is read without."""
    assert {"name": 1} == inspected("ask A\u200bda", {"default": "mask"}, Names()).found


@pytest.mark.parametrize(("treatment", "stays"), [("mask", True), ("local_only", True), ("allow", False)])
def test_a_finder_that_fails_means_the_call_may_hold_what_it_looks_for(treatment, stays, caplog):
    """Nobody knows where it stands, so it cannot be masked: the call stays unless its classes are allowed."""
    section = {"default": "allow", "classes": {"name": treatment, "email": "mask"}}
    inspection = inspected(f"secret {MAIL}", section, Failing())
    assert ({"name": 1, "street": 1, "email": 1}, stays) == (inspection.found, inspection.local_only)
    assert "RuntimeError" in caplog.text
    assert MAIL not in caplog.text


def test_a_finder_that_is_too_slow_is_asked_no_further():
    """Its time is that of the whole call, not of each text; what rules find is still found."""
    clock = Skipping(NOON)
    finder = Names(clock, slow_s=0.15)
    section = {"default": "mask", "time_limit_ms": 5_000}
    turns = [{"role": "user", "content": f"{MAIL} {number}"} for number in range(5)]
    inspection = inspected(turns, {**section, "names": {"bundle": "x", "time_limit_ms": 200}}, finder, clock)
    assert ({"name": 1, "email": 5}, True) == (inspection.found, inspection.local_only)
    assert 2 == finder.asked


def test_the_whole_calls_limit_holds_for_finders_too():
    """A finder whose own limit is longer than the call's makes it `uninspected`."""
    clock = Skipping(NOON)
    section = {"default": "allow", "time_limit_ms": 50, "names": {"bundle": "x", "time_limit_ms": 900}}
    inspection = inspected("hello", section, Names(clock, slow_s=0.2), clock)
    assert ({"uninspected": 1}, True) == (inspection.found, inspection.local_only)


def test_a_class_that_only_a_model_finds_needs_one():
    """A site that gives names a treatment and no model is told so."""
    with pytest.raises(SpecError, match="local model"):
        PrivacyInspector(read_privacy({"classes": {"name": "mask"}}))


def test_what_a_caller_sent_before_is_not_computed_again():
    """Nor is it another caller's, and what failed is tried again."""
    finder = Names()
    inspector = PrivacyInspector(read_privacy({"default": "mask"}), clock=FakeClock(NOON), finders=[finder])
    for times_asked, caller in ((2, "ann"), (2, "ann"), (4, "bo")):
        assert {"name": 1} == inspector.inspect(chat("ask Ada", caller)).found
        assert times_asked == finder.asked
    failing = PrivacyInspector(read_privacy({}), clock=FakeClock(NOON), finders=[Failing()])
    assert 2 == sum(failing.inspect(chat("ask Ada")).local_only for _ in range(2))


def test_a_memory_forgets_what_was_asked_for_longest_ago():
    """It holds so many texts, and none of their words."""
    remembered = Remembered(2)
    one, two, three = (remembered.name_of("ann", "content", text) for text in ("one", "two", "three"))
    remembered.keep(one, [Find(0, 1, "name")])
    remembered.keep(two, [])
    remembered.recall(one)
    remembered.keep(three, [])
    assert [(Find(0, 1, "name"),), None, ()] == [remembered.recall(each) for each in (one, two, three)]
    assert one != Remembered(2).name_of("ann", "content", "one")
    assert remembered.name_of("a", "bc", "d") != remembered.name_of("ab", "c", "d")
