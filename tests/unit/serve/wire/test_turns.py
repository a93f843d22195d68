"""What a local model reads of a call is what `run` reads of the same call in a log."""

import json
from pathlib import Path
from typing import Any

import pytest

from suffice.bundle import as_read
from suffice.measure.quality import requests_of
from suffice.readers.load import read_inputs
from suffice.readers.task_file import spec_of
from suffice.serve.wire import chat

USER: Any = {"role": "user", "content": "I was charged twice"}
PICTURE: Any = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}

CHATS: dict[str, list[dict[str, Any]]] = {
    "one turn": [USER],
    "system prompt": [{"role": "system", "content": "You route tickets."}, USER],
    "developer prompt": [{"role": "developer", "content": "You route tickets."}, USER],
    "several turns": [
        USER,
        {"role": "assistant", "content": "When?"},
        {"role": "user", "content": " May\n "},
    ],
    "parts": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}],
    "empty turns": [{"role": "system", "content": ""}, USER, {"role": "assistant", "content": None}],
    "tool calls": [
        USER,
        {"role": "assistant", "tool_calls": [{"type": "function", "function": {"arguments": "{}"}}]},
        {"role": "tool", "tool_call_id": "1", "content": "refunded"},
    ],
    "NUL": [{"role": "user", "content": "a\0b"}],
    "accents": [{"role": "user", "content": "déjà facturé 😀"}],
}


@pytest.mark.parametrize("messages", CHATS.values(), ids=CHATS.keys())
def test_a_call_is_read_as_run_reads_logs(tmp_path: Path, messages: list[dict[str, Any]]) -> None:
    """Text, turns and content key are the same: the certified model sees what it was measured on."""
    body = {"model": "gpt-4o", "messages": messages}
    log = tmp_path / "log.jsonl"
    answer = {"choices": [{"message": {"role": "assistant", "content": "billing"}}]}
    log.write_text(json.dumps({"request": body, "response": answer}) + "\n")
    task = {"version": 1, "name": "tickets", "kind": "classify", "data": str(log), "reference": {}}
    spec = spec_of({**task, "bars": {"quality": {"target": "agreement", "at_most": 0.1}}}, base=tmp_path)
    assert requests_of(list(read_inputs(log, spec))) == [as_read(chat.read(body).request, chats=True)]


def test_what_is_no_text_is_needed_of_a_tier() -> None:
    """Pictures, tools, several answers, probabilities and chats without words are for remote tiers."""

    def needs(**more: Any) -> set[str]:
        return set(chat.read({"model": "m", "messages": [USER], **more}).needs)

    tools = [{"type": "function", "function": {"name": "f"}}]
    assert set() == needs(tools=[], n=1, logprobs=False)
    assert {"tools"} == needs(tools=tools)
    assert set() == needs(tools=tools, tool_choice="none")
    assert {"several answers"} == needs(n=2)
    assert {"logprobs"} == needs(logprobs=True)
    assert {"images"} == needs(
        messages=[{"role": "user", "content": [{"type": "text", "text": "a"}, PICTURE]}]
    )
    assert {"a reply without a user's text"} == needs(messages=[{"role": "system", "content": "a"}])


def test_the_system_prompt_is_the_turn_that_opens_a_chat() -> None:
    """Only the first turn, system or developer, tells which task a chat is for."""

    def prompt(*roles: str) -> str | None:
        messages = [{"role": role, "content": role} for role in roles]
        return chat.read({"model": "m", "messages": messages}).system_prompt

    assert ("system", "developer", None) == (
        prompt("system", "user"),
        prompt("developer", "user"),
        prompt("user", "system"),
    )
