"""The chain: how a record becomes a line that commits to every line before it.

A line is `{"seq":N,"t":"...","kind":"...",...,"chain":"<64 hex digits>"}`. `chain` is the sha256 of the
32 bytes of the chain before it, followed by the line's own bytes without the chain's member. Those bytes
are hashed as they stand in the file: nothing has to be written anew to check them.
"""

import dataclasses
import hashlib
import json
from datetime import datetime
from typing import Any

import orjson

START = bytes(32)  # what the first record's chain follows
_MARK = b',"chain":"'
_END = b'"}'
_TAIL_BYTES = len(_MARK) + 64 + len(_END)


def body_of(record: dict[str, Any]) -> bytes:
    """Returns a record's JSON bytes; what JSON cannot hold exactly is written as text."""
    try:
        return orjson.dumps(record, option=orjson.OPT_UTC_Z)
    except TypeError:  # a lone surrogate in a text, a number beyond 64 bits
        return json.dumps(record, default=_plain, separators=(",", ":")).encode()


def link(before: bytes, body: bytes) -> bytes:
    """Returns the chain (32 bytes) after a record: sha256(chain before it || its body)."""
    return hashlib.sha256(before + body).digest()


def line_of(body: bytes, chain: bytes) -> bytes:
    """Returns the whole line of a record: its body with the chain as last member, and the line's end."""
    return b'%b,"chain":"%b"}\n' % (body[:-1], chain.hex().encode())


def take_apart(line: bytes) -> tuple[bytes, bytes] | None:
    """Returns body and chain of a line (without the line's end); None where it is no line of a log."""
    if len(line) <= _TAIL_BYTES or not line.startswith(b"{") or not line.endswith(_END):
        return None
    tail = line[-_TAIL_BYTES:]
    if not tail.startswith(_MARK):
        return None
    try:
        chain = bytes.fromhex(tail[len(_MARK) : -len(_END)].decode("ascii"))
    except ValueError:
        return None
    return line[:-_TAIL_BYTES] + b"}", chain


def parse(body: bytes) -> dict[str, Any] | None:
    """Returns the record of a body, None where it is no JSON object."""
    try:
        record = orjson.loads(body)
    except orjson.JSONDecodeError:
        try:
            record = json.loads(body)
        except ValueError:
            return None
    return record if isinstance(record, dict) else None


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, set | frozenset):
        return sorted(value)
    if isinstance(value, orjson.Fragment):
        return orjson.loads(orjson.dumps(value))
    if dataclasses.is_dataclass(value):
        return {field.name: getattr(value, field.name) for field in dataclasses.fields(value)}
    return str(value)
