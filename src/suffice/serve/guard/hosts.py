"""What is looked at before any path: whose name a request came to, which page sent it, what it may not say.

A page of another site can make a browser ask this gateway: by a name that is led here (DNS rebinding,
CVE-2026-49468 of LiteLLM), or across origins. Both are refused here, for every path alike.
"""

import functools
import ipaddress
from collections.abc import Callable, Iterable

from suffice.serve.errors import BadCall, CallError, NotAllowed
from suffice.serve.guard.asgi import Asgi, Message, Receive, Scope, Send, refuse

# What a client may say by headers of ours; the others are between the gateway's parts.
_WISHES = frozenset(
    {
        b"x-suffice-route",
        b"x-suffice-local-only",
        b"x-suffice-escalate-below",
        b"x-suffice-skip-to",
        b"x-suffice-no-people",
    }
)
_PROXYS = frozenset({b"forwarded", b"x-real-ip", b"x-original-url", b"x-rewrite-url"})
_ONCE = (b"host", b"authorization", b"content-length")
# Added to every response that does not say otherwise itself; the pages bring their own policy.
_SAFETY: tuple[tuple[bytes, bytes], ...] = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cache-control", b"no-store"),
)
_SAFETY_NAMES = frozenset(name for name, _ in _SAFETY)


def allowed_hosts(host: str, port: int, extra: Iterable[str] = ()) -> frozenset[bytes]:
    """Returns the values a Host header may have, for a gateway that listens on `host` and `port`.

    A name of `extra` without a port is allowed with this port and bare: a proxy on the usual ports
    leaves it out.
    """
    names = {"localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host}
    allowed = {f"{name}:{port}" for name in names} | (names if port == 80 else set())
    for name in extra:
        allowed |= {name} if _has_port(name) else {name, f"{name}:{port}"}
    return frozenset(name.lower().encode("idna" if not name.isascii() else "ascii") for name in allowed)


class HostGuard:
    """Wraps an ASGI application: host, origin, stripped headers, headers of safety on every response.

    `listens_on`: where it is every address of the machine, any address with the right port is a good host
    too: no name can be led to a literal address. No CORS header ever leaves; a preflight is refused
    like every request of a foreign page. Below /v1/ no page may ask at all, not even the gateway's own.
    """

    def __init__(self, app: Asgi, *, listens_on: str, port: int, hosts: Iterable[str] = ()) -> None:
        self._app = app
        self._hosts = allowed_hosts(listens_on, port, hosts)
        self._is_address = _matcher(port) if listens_on in {"0.0.0.0", "::", ""} else None  # noqa: S104 - compared

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it with an error in OpenAI's shape."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = scope["headers"]
        names = [name for name, _ in headers]

        async def safe_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _with_safety(message.get("headers", ()))
            await send(message)

        refusal = self._refusal(scope, names)
        if refusal is not None:
            await refuse(safe_send, refusal)
            return
        if _may_be_strange(names):
            scope = {**scope, "headers": [header for header in headers if not _is_strange(header[0])]}
        await self._app(scope, receive, safe_send)

    def _refusal(self, scope: Scope, names: list[bytes]) -> CallError | None:
        # Of two wishes the laxer one must not win: a proxy may have set the other.
        for name in (*_ONCE, *_WISHES) if _may_be_strange(names) else _ONCE:
            if names.count(name) > 1:
                return BadCall(f"the header {name.decode()} is there twice", code="doubled_header")
        host = _value(scope, names, b"host")
        if host is None:
            return BadCall("the request has no Host header", code="host_missing")
        if host not in self._hosts and not self._is_known(host):
            shown = host.decode("latin-1")[:80]
            return BadCall(
                f"this gateway is not {shown!r}; `hosts` of its site file lists more",
                status=421,
                code="unknown_host",
            )
        origin = _value(scope, names, b"origin")
        if origin is not None and not _is_own(scope, host, origin):
            return NotAllowed(
                "web pages may not ask this gateway; call it from a program", code="origin_refused"
            )
        return None

    def _is_known(self, host: bytes) -> bool:
        host = host.lower()
        return host in self._hosts or (self._is_address is not None and self._is_address(host))


def _value(scope: Scope, names: list[bytes], name: bytes) -> bytes | None:
    if name not in names:
        return None
    value: bytes = scope["headers"][names.index(name)][1]
    return value


def _may_be_strange(names: list[bytes]) -> bool:
    """Says in a fraction of a microsecond that no name is strange; where it says True, one may be."""
    joined = b"\n".join(names)
    return b"x-suffice" in joined or b"forwarded" in joined or not _PROXYS.isdisjoint(names)


def _is_strange(name: bytes) -> bool:
    return (
        name in _PROXYS
        or name.startswith(b"x-forwarded")
        or (name.startswith(b"x-suffice") and name not in _WISHES)
    )


def _is_own(scope: Scope, host: bytes, origin: bytes) -> bool:
    """Says whether a page of this gateway sent the request, and may: to a page, not to the API."""
    if scope["path"].startswith("/v1/") or scope["method"] == "OPTIONS":
        return False
    if origin == b"null":  # a form of a page that tells no referrer; no script can forge the other header
        return (b"sec-fetch-site", b"same-origin") in scope["headers"]
    return origin.lower() in {b"http://" + host.lower(), b"https://" + host.lower()}


def _with_safety(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    sent = list(headers)
    names = [name.lower() for name, _ in sent]
    if b"access-control-" in b"\n".join(names):
        sent = [header for header in sent if not header[0].lower().startswith(b"access-control-")]
    if _SAFETY_NAMES.isdisjoint(names):
        return [*sent, *_SAFETY]
    return sent + [header for header in _SAFETY if header[0] not in names]


def _has_port(name: str) -> bool:
    return name.rpartition(":")[2].isdigit() and not name.endswith("]")


def _matcher(port: int) -> Callable[[bytes], bool]:
    @functools.lru_cache(maxsize=256)
    def is_address(host: bytes) -> bool:
        name, _, given = host.decode("latin-1").rpartition(":")
        if given != str(port):
            return False
        try:
            ipaddress.ip_address(name.removeprefix("[").removesuffix("]"))
        except ValueError:
            return False
        return True

    return is_address
