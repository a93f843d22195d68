"""Requests that are wrong in one way each, made of sound ones by mutation: bytes for a socket."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bench.gateway.odd_values import ODD, RAW
from bench.gateway.sound_bodies import BODIES

_PATHS = tuple(BODIES)
_NEEDED = {"model", "messages", "prompt", "questions", "input", "state", "request_id", "score"}
_HOLE = "@@hole@@"


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """One request: `way` says what is wrong with it. `is_framed`: it ends where it says it does.

    `is_cut`: the client closes its side behind it.
    """

    way: str
    raw: bytes
    is_framed: bool = True
    is_cut: bool = False


class Maker:
    """Makes requests by chance; the same seed makes the same ones."""

    def __init__(self, seed: int, *, port: int, key: str, models: tuple[str, ...]) -> None:
        self._rng = np.random.default_rng(seed)
        self._host = f"127.0.0.1:{port}"
        self._key = key
        self._models = models
        self._ways: Mapping[str, Callable[[], Malformed]] = {
            "none (sound)": self._sound,
            "bytes of the JSON": self._bytes,
            "types deep inside": self._types,
            "numbers, escapes, constants": self._tokens,
            "not UTF-8": self._utf8,
            "a name twice": self._twice,
            "deep nesting": self._deep,
            "content type": self._kind,
            "lengths": self._lengths,
            "half a body": self._half,
            "headers": self._headers,
            "paths and methods": self._paths,
            "no HTTP": self._noise,
        }

    @property
    def ways(self) -> tuple[str, ...]:
        """Returns what can be wrong."""
        return tuple(self._ways)

    def next(self) -> Malformed:
        """Returns the next request."""
        return self._ways[self._one_of(self.ways)]()

    def _one_of(self, values: Any) -> Any:
        return values[int(self._rng.integers(len(values)))]

    def _body(self, path: str) -> dict[str, Any]:
        body = json.loads(json.dumps(BODIES[path]))
        if path != "/v1/feedback":
            body["model"] = self._one_of(self._models)
        for name in [name for name in body if name not in _NEEDED]:
            if self._rng.random() < 0.7:
                del body[name]
        return body  # type: ignore[no-any-return]

    def _request(self, path: str, raw: bytes, **more: str) -> bytes:
        head = {
            "host": self._host,
            "authorization": f"Bearer {self._key}",
            "content-type": "application/json",
            "content-length": str(len(raw)),
            **{name.replace("_", "-"): value for name, value in more.items()},
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
        return f"POST {path} HTTP/1.1\r\n{lines}\r\n".encode("latin-1", "replace") + raw

    def _sent(self, way: str, raw: bytes, *, path: str = "") -> Malformed:
        return Malformed(way=way, raw=self._request(path or self._one_of(_PATHS), raw))

    def _sound(self) -> Malformed:
        path = self._one_of(_PATHS)
        return self._sent("none (sound)", json.dumps(self._body(path)).encode(), path=path)

    def _bytes(self) -> Malformed:
        path = self._one_of(_PATHS)
        raw = bytearray(json.dumps(self._body(path), ensure_ascii=False).encode())
        for _ in range(int(self._rng.integers(1, 4))):
            at = int(self._rng.integers(len(raw)))
            match int(self._rng.integers(4)):
                case 0:
                    raw[at] = int(self._rng.integers(256))
                case 1:
                    del raw[at : at + int(self._rng.integers(1, 9))]
                case 2:
                    raw[at:at] = self._rng.bytes(int(self._rng.integers(1, 5)))
                case _:
                    raw[at:at] = self._one_of([b"{", b"}", b"[", b"]", b'"', b",", b":", b"\\", b"\x00"])
            raw = raw or bytearray(b" ")
        return self._sent("bytes of the JSON", bytes(raw), path=path)

    def _types(self) -> Malformed:
        path = self._one_of(_PATHS)
        body = self._changed(self._body(path), self._one_of(ODD))
        return self._sent("types deep inside", json.dumps(body).encode(), path=path)

    def _tokens(self) -> Malformed:
        path = self._one_of(_PATHS)
        text = json.dumps(self._changed(self._body(path), _HOLE))
        raw = text.replace(f'"{_HOLE}"', self._one_of(RAW)).encode()
        return self._sent("numbers, escapes, constants", raw, path=path)

    def _utf8(self) -> Malformed:
        path = self._one_of(_PATHS)
        raw = json.dumps(self._changed(self._body(path), _HOLE)).encode()
        bad = self._one_of(
            [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80", b"\xc0\xaf", b"\xef\xbb\xbf"]
        )
        where = self._one_of(['"' + _HOLE + '"', _HOLE])
        return self._sent("not UTF-8", raw.replace(where.encode(), b'"x' * (where != _HOLE) + bad), path=path)

    def _twice(self) -> Malformed:
        path = self._one_of(_PATHS)
        text = json.dumps(self._body(path))
        name = self._one_of(["model", "messages", "questions", "input", "stream", "n"])
        raw = text[:-1] + f', "{name}": {json.dumps(self._one_of(ODD))}' + "}"
        return self._sent("a name twice", raw.encode(), path=path)

    def _deep(self) -> Malformed:
        path = self._one_of(_PATHS)
        levels = int(self._one_of([50, 99, 100, 101, 500, 5_000, 100_000]))
        opened, closed = self._one_of([("[", "]"), ('{"a":', "}")])
        deep = opened * levels + "1" + closed * int(self._one_of([levels, 0]))
        text = json.dumps(self._changed(self._body(path), _HOLE)).replace(f'"{_HOLE}"', deep)
        return self._sent("deep nesting", text.encode(), path=path)

    def _kind(self) -> Malformed:
        path = self._one_of(_PATHS)
        raw = json.dumps(self._body(path)).encode()
        kinds = ["", "text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"]
        kinds += [
            "application/json; charset=utf-16",
            "APPLICATION/JSON",
            "application/json\x00",
            ";" * 50,
            "é",
        ]
        kind, coding = self._one_of(kinds), self._one_of(["", "gzip", "br", "chunked"])
        return Malformed(
            way="content type", raw=self._request(path, raw, content_type=kind, content_encoding=coding)
        )

    def _lengths(self) -> Malformed:
        path = self._one_of(_PATHS)
        raw = json.dumps(self._body(path)).encode()
        length = self._one_of(
            ["-1", "1", "0", "x", "", "9" * 40, str(1 << 40), f"{len(raw)}, 3", "0x10", "1e2"]
        )
        more = {"content_length": length}
        if self._rng.random() < 0.4:
            more["transfer_encoding"] = self._one_of(["chunked", "gzip, chunked", "identity", "xchunked"])
            raw = self._one_of(
                [b"zz\r\n", b"5\r\nabc\r\n", b"-1\r\n\r\n", b"fffffffffffffffff\r\n", b"1\r\n{\r\n0\r\n\r\n"]
            )
        is_cut = bool(self._rng.random() < 0.5)
        return Malformed(way="lengths", raw=self._request(path, raw, **more), is_framed=False, is_cut=is_cut)

    def _half(self) -> Malformed:
        whole = self._sound().raw
        cut = int(self._rng.integers(1, len(whole)))
        is_cut = bool(self._rng.random() < 0.97)  # who waits takes a second each
        return Malformed(way="half a body", raw=whole[:cut], is_framed=False, is_cut=is_cut)

    def _headers(self) -> Malformed:
        path = self._one_of(_PATHS)
        raw = json.dumps(self._body(path)).encode()
        odd = [
            "",
            "x" * 2000,
            "\x01",
            "é",
            "a, b",
            "NaN",
            "-1",
            "1e999",
            "true;",
            "../x",
            "{}",
            "\t",
            "%00",
            "Bearer",
        ]
        names = ["x-suffice-route", "x-suffice-escalate-below", "x-suffice-local-only", "x-suffice-skip-to"]
        names += [
            "authorization",
            "host",
            "x-request-id",
            "traceparent",
            "accept",
            "expect",
            "connection",
            "upgrade",
        ]
        more = {self._one_of(names): self._one_of(odd) for _ in range(int(self._rng.integers(1, 4)))}
        if self._rng.random() < 0.05:
            more |= {f"x-{number}": "y" * 400 for number in range(int(self._one_of([99, 101, 300])))}
        sent = self._request(path, raw, **more)
        is_odd = bool(self._rng.random() < 0.2)
        if is_odd:
            bad = [
                b"\r\n",
                b"no colon\r\n",
                b": x\r\n",
                b"a b: c\r\n",
                b"x:\x00\r\n",
                b" folded\r\n",
                b"host: evil\r\n",
            ]
            sent = sent.replace(b"\r\n", b"\r\n" + self._one_of(bad), 1)
        return Malformed(way="headers", raw=sent, is_framed=False, is_cut=is_odd)

    def _paths(self) -> Malformed:
        raw = b"" if self._rng.random() < 0.5 else b"{}"
        paths = [
            *_PATHS,
            "/v1/models",
            "/v1/models/%00",
            "/v1/models/" + "a" * 3000,
            "/health",
            "/ready",
            "/metrics",
        ]
        paths += [
            "/openapi.json",
            "/",
            "//",
            "/v1",
            "/v1/../metrics",
            "/v1/models/../../etc",
            "/%2e%2e/x",
            "/\xff",
            "*",
        ]
        paths += ["/review/x", "/calls/x", "/login", "http://evil/v1/models", "/v1/models?" + "q=1&" * 100]
        method = self._one_of(
            ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "POST", "get", "X" * 50]
        )
        sent = self._request(self._one_of(paths), raw).replace(b"POST", method.encode(), 1)
        return Malformed(way="paths and methods", raw=sent, is_framed=False, is_cut=method != "GET")

    def _noise(self) -> Malformed:
        starts = [
            b"",
            b"\x16\x03\x01\x02\x00",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"\r\n" * 50,
        ]
        raw = self._one_of(starts) + self._rng.bytes(int(self._rng.integers(1, 300)))
        return Malformed(way="no HTTP", raw=raw, is_framed=False, is_cut=True)

    def _changed(self, value: Any, odd: Any) -> Any:
        """Returns a JSON value with one node, by chance, in another's place."""
        if isinstance(value, dict) and value and self._rng.random() < 0.9:
            name = self._one_of(list(value))
            return {**value, name: self._changed(value[name], odd)}
        if isinstance(value, list) and value and self._rng.random() < 0.8:
            at = int(self._rng.integers(len(value)))
            return [self._changed(one, odd) if number == at else one for number, one in enumerate(value)]
        return odd
