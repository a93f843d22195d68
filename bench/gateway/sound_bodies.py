"""Sound bodies of every endpoint, with every field that has a meaning: what requests are spoilt from."""

from collections.abc import Mapping
from typing import Any

_CHOICES = [{"value": "billing"}, {"value": "refund"}]
BODIES: Mapping[str, Any] = {
    "/v1/chat/completions": {
        "messages": [
            {"role": "system", "content": "sort"},
            {"role": "user", "content": [{"type": "text", "text": "I was charged twice, Übermaß"}]},
        ],
        "n": 1,
        "stop": ["x"],
        "temperature": 0.5,
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "a", "schema": {"type": "object"}},
        },
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
        "stream": True,
        "stream_options": {"include_usage": True},
    },
    "/v1/responses": {
        "instructions": "sort",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "I was charged twice, Übermaß"}]},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "done"},
        ],
        "max_output_tokens": 50,
        "temperature": 0.5,
        "text": {"format": {"type": "json_schema", "name": "a", "schema": {"type": "object"}}},
        "tools": [{"type": "function", "name": "f", "parameters": {"type": "object"}}],
        "tool_choice": {"type": "function", "name": "f"},
        "stream": True,
    },
    "/v1/completions": {"prompt": ["where is it?"], "max_tokens": 5, "logprobs": 2, "echo": False},
    "/v1/decisions": {
        "input": [{"role": "user", "content": "charged twice"}],
        "questions": [
            {"type": "choice", "instructions": "?", "choices": _CHOICES, "name": "a"},
            {"type": "score", "instructions": "?", "levels": [{"label": "low"}]},
            {"type": "predicate", "instructions": "?", "name": "refund"},
        ],
    },
    "/v1/systemone": {
        "state": "charged twice",
        "questions": {"q": {"type": "choice", "instructions": "?", "criteria": {"a": "", "b": ""}}},
    },
    "/v1/embeddings": {"input": ["charged", "twice"], "encoding_format": "base64", "dimensions": 384},
    "/v1/feedback": {"request_id": "req_0", "score": 0.5, "label": "refund", "comment": "no"},
}
