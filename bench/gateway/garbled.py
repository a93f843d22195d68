"""A server whose streams are cut, split, stalled and garbled by chance.

Run as `python -m bench.gateway.garbled PORT SEED`. What the client asks for is the number of the stream: the
same number is garbled the same way, so that the one who asks knows what should have come.
"""

import asyncio
import contextlib
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

TEXT = "Ich habe doppelt bezahlt: 12 €, 日本語 und 😀 dazu."
STALL_S = 2.5
_NUMBER = re.compile(rb"stream (\d+)")
_HEAD = "HTTP/1.1 200 OK\r\ncontent-type: {}\r\nconnection: close\r\n\r\n"
_DONE = b"data: [DONE]\n\n"
_NOISE = b": ping\n\nid: 7\nretry: 10\nevent: message\n"
_ODD = (
    "null",
    "[]",
    "{}",
    "7",
    '"x"',
    "[null]",
    "[[]]",
    '[{"delta": 3}]',
    '[{"index": "a", "delta": {}}]',
    "NaN",
)


@dataclass(frozen=True, kw_only=True)
class Garbled:
    """One stream: its bytes, whether the server then says nothing for long, and the type it claims."""

    way: str
    raw: bytes
    stalls: bool = False
    kind: str = "text/event-stream"


@dataclass(frozen=True, kw_only=True)
class _Whole:
    """A sound stream that is about to be garbled: its events, and where."""

    events: list[str]
    at: int
    rng: np.random.Generator

    @property
    def raw(self) -> bytes:
        return "".join(self.events).encode() + _DONE

    def behind_the_first(self, raw: bytes) -> bytes:
        first = self.events[0].encode()
        return first + raw + self.raw[len(first) :]

    def one_of(self, values: Sequence[bytes]) -> bytes:
        return values[int(self.rng.integers(len(values)))]


def _changed(whole: _Whole) -> bytes:
    changed = bytearray(whole.raw)
    for place in whole.rng.integers(len(changed), size=4):
        changed[int(place)] = int(whole.rng.integers(256))
    return bytes(changed)


def _broken_json(whole: _Whole) -> bytes:
    return whole.raw.replace(
        b'"choices": [', whole.one_of((b'"choices": [[', b'"choices" [', b'"choices": ')), 2
    )


def _other_types(whole: _Whole) -> bytes:
    odd = whole.one_of([text.encode() for text in _ODD])
    return whole.behind_the_first(b'data: {"choices": ' + odd + b"}\n\n")


_GARBLE: Mapping[str, Callable[[_Whole], bytes]] = {
    "split anywhere": lambda whole: whole.raw,
    "other line ends": lambda whole: whole.raw.replace(b"\n", whole.one_of((b"\r\n", b"\r"))),
    "comments and fields": lambda whole: b"".join(_NOISE + one.encode() for one in whole.events) + _DONE,
    "no [DONE]": lambda whole: whole.raw.removesuffix(_DONE),
    "cut off": lambda whole: whole.raw[: whole.at],
    "stalled": lambda whole: whole.raw[: whole.at],
    "bytes changed": _changed,
    "not UTF-8": lambda whole: whole.raw[: whole.at] + b"\xff\xfe\xed\xa0\x80" + whole.raw[whole.at :],
    "broken JSON": _broken_json,
    "other types": _other_types,
    "an error event": lambda whole: whole.behind_the_first(
        b'data: {"error": {"message": "too many", "code": 429}}\n\n'
    ),
    "an event too large": lambda whole: whole.behind_the_first(b"data: " + b"x" * (2 << 20) + b"\n\n"),
    "nothing": lambda _: b"",
    "no stream at all": lambda _: b"<html>\x00\xff",
    "words behind [DONE]": lambda whole: whole.raw * 2,
}
WAYS = tuple(_GARBLE)
# They leave every word in its place: the client must read the whole text.
SOUND = frozenset({"split anywhere", "other line ends", "comments and fields", "no [DONE]"})


def garbled(seed: int, number: int) -> Garbled:
    """Returns the stream of a number."""
    rng = np.random.default_rng([seed, number])
    way = WAYS[number % len(WAYS)]
    events = [_event(word) for word in re.findall(r"\S+\s*", TEXT)] + [_event(None)]
    at = int(rng.integers(1, sum(map(len, events))))
    raw = _GARBLE[way](_Whole(events=events, at=at, rng=rng))
    kind = "text/html" if way == "no stream at all" else "text/event-stream"
    return Garbled(way=way, raw=raw, stalls=way == "stalled", kind=kind)


def _event(word: str | None) -> str:
    choice = {"index": 0, "delta": {} if word is None else {"content": word}}
    choice["finish_reason"] = "stop" if word is None else None
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "g", "choices": [choice]}
    return f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n"


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seed: int) -> None:
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        head = await reader.readuntil(b"\r\n\r\n")
        length = re.search(rb"content-length: *(\d+)", head, re.IGNORECASE)
        body = await reader.readexactly(int(length[1]) if length else 0)
        found = _NUMBER.search(body)
        number = int(found[1]) if found else 0
        stream, rng = garbled(seed, number), np.random.default_rng([seed, number, 1])
        writer.write(_HEAD.format(stream.kind).encode())
        raw = stream.raw
        while raw:
            size = int(rng.integers(1, 200)) if len(raw) < 1 << 20 else 1 << 16
            writer.write(raw[:size])
            raw = raw[size:]
            await writer.drain()
            if rng.random() < 0.3:
                await asyncio.sleep(0.001)
        if stream.stalls:
            await asyncio.sleep(STALL_S)
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def _main(port: int, seed: int) -> None:
    async with await asyncio.start_server(lambda r, w: _serve(r, w, seed), "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(int(sys.argv[1]), int(sys.argv[2])))
