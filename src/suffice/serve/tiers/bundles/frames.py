"""What a gateway and its worker processes say to each other: a length of 4 bytes, then as much JSON."""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from suffice import errors
from suffice.errors import ModelError, SufficeError
from suffice.ports import Answer, Request, Usage
from suffice.task import Message

HEADER = struct.Struct(">I")
_LARGEST_BYTES = 1 << 28


def packed(value: Mapping[str, Any]) -> bytes:
    """Returns a frame; dataclasses are written as objects."""
    body = orjson.dumps(value)
    return HEADER.pack(len(body)) + body


def size_of(header: bytes) -> int:
    """Returns how many bytes follow a header.

    Raises:
        ModelError: more than any frame has: what was read is no header.
    """
    (size,) = HEADER.unpack(header)
    if size > _LARGEST_BYTES:
        raise ModelError(f"a worker's frame claims {size:,} bytes")
    return int(size)


def unpacked(body: bytes) -> dict[str, Any]:
    """Returns the object in a frame's body."""
    value: dict[str, Any] = orjson.loads(body)
    return value


def requests_of(said: Sequence[Mapping[str, Any]]) -> list[Request]:
    """Returns the requests in a frame."""
    return [
        Request(
            text=one["text"],
            key=one["key"],
            messages=tuple(Message(role=turn["role"], content=turn["content"]) for turn in one["messages"]),
            wants_probabilities=one["wants_probabilities"],
        )
        for one in said
    ]


def answers_of(said: Sequence[Mapping[str, Any]]) -> list[Answer]:
    """Returns the answers in a frame; their numbers are the very same, bit for bit."""
    return [
        Answer(
            **{
                **one,
                "usage": Usage(**one["usage"]),
                "notes": tuple(one["notes"]),
                "probabilities": tuple(map(tuple, one["probabilities"])),
            }
        )
        for one in said
    ]


def complaint(error: SufficeError) -> dict[str, Any]:
    """Returns an error as a frame tells it."""
    return {"error": type(error).__name__, "message": error.message, "hint": error.hint}


def raise_complaint(said: Mapping[str, Any]) -> None:
    """Raises the error that a frame tells of; a frame without one is let pass.

    Raises:
        SufficeError: of the class that was raised in the worker.
    """
    if "error" in said:
        kind = getattr(errors, said["error"], ModelError)
        raise kind(said["message"], hint=said["hint"])
