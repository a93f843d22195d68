"""The head of a request as bytes, made once for a path: only its length, its trace and the key vary."""

import re
from urllib.parse import quote, urlsplit

from suffice.errors import SpecError

# RFC 3986 section 3.3 (what a path may hold unquoted), and %: what is quoted already stays.
_PATH_SIGNS = "/%:@!$&'()*+,;=~-._"
_DEFAULT_PORTS = {"http": 80, "https": 443}
# What a line of a head may hold (RFC 9110 section 5.5): never a line's end, which would begin another one.
_LINE = re.compile(r"[ -~]+")
_TARGET = re.compile(r"[!-~]+")
# Compressed replies would have to be unpacked before their size is known.
_FIELDS = (
    "Accept: */*",
    "Accept-Encoding: identity",
    "Content-Type: application/json",
    "User-Agent: suffice",
)


class Origin:
    """Where a server is, by its address (RFC 9110 section 4.3.1): host, port, whether by TLS, and its path.

    Raises:
        SpecError: a name that no host can have.
    """

    def __init__(self, base_url: str) -> None:
        parts = urlsplit(base_url)
        try:
            self.host = (parts.hostname or "").encode("idna").decode("ascii")
        except UnicodeError as error:
            raise SpecError(f"base_url names {parts.hostname!r}, which can be no host: {error}") from error
        self.is_tls = parts.scheme == "https"
        default = _DEFAULT_PORTS[parts.scheme]
        self.port = parts.port or default
        self.path = quote(parts.path.rstrip("/"), safe=_PATH_SIGNS)
        host = f"[{self.host}]" if ":" in self.host else self.host
        self.authority = host if self.port == default else f"{host}:{self.port}"


class RequestHeads:
    """Makes the heads of one server's requests; those of a path and key are kept."""

    def __init__(self, origin: Origin) -> None:
        self._origin = origin
        self._made: dict[tuple[str, str | None], bytes] = {}

    def head(self, path: str, *, key: str | None, traceparent: str, length: int) -> bytes:
        """Returns the head of a POST with a JSON body of `length` bytes to a path below the server's own.

        A `traceparent` that could not stand in one line is left out.

        Raises:
            ValueError: a key or path that could not stand in one line: nothing can add a header.
        """
        made = self._made.get((path, key))
        if made is None:
            made = self._made[path, key] = self._make(path, key)
        if traceparent and traceparent.isascii() and traceparent.isprintable():
            return b"%btraceparent: %b\r\nContent-Length: %d\r\n\r\n" % (made, traceparent.encode(), length)
        return b"%bContent-Length: %d\r\n\r\n" % (made, length)

    def _make(self, path: str, key: str | None) -> bytes:
        origin = self._origin
        target = origin.path + path
        lines = [f"POST {target} HTTP/1.1", f"Host: {origin.authority}", *_FIELDS]
        if key:
            lines.append(f"Authorization: Bearer {key}")
        if not (_TARGET.fullmatch(target) and all(map(_LINE.fullmatch, lines))):
            raise ValueError("a path or key that no header may have")
        return "".join(f"{line}\r\n" for line in lines).encode("ascii")
