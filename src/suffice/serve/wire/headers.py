"""The headers that clients may send, and those that say who answered; no other `x-suffice-` is read."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from suffice.serve.call import Wishes
from suffice.serve.errors import BadCall
from suffice.serve.wire.about import About

_TRUTHS = {"true": True, "1": True, "false": False, "0": False}
_NO_WISHES = Wishes()
_LONGEST_ID = 512

Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a client says by headers: `route` names the route, whatever `model` says; and its wishes."""

    route: str | None = None
    wishes: Wishes = _NO_WISHES


_NOTHING = Told()


def read(headers: Headers) -> Told:
    """Returns what the headers say.

    Raises:
        BadCall: a value that cannot be used; `param` names the header.
    """
    route = headers.get(b"x-suffice-route")
    local_only = headers.get(b"x-suffice-local-only")
    escalate_below = headers.get(b"x-suffice-escalate-below")
    skip_to = headers.get(b"x-suffice-skip-to")
    no_people = headers.get(b"x-suffice-no-people")
    if route is local_only is escalate_below is skip_to is no_people is None:
        return _NOTHING
    return Told(
        route=None if route is None else _text(route),
        wishes=Wishes(
            local_only=local_only is not None and _truth(local_only, "x-suffice-local-only"),
            escalate_below=None
            if escalate_below is None
            else _share(escalate_below, "x-suffice-escalate-below"),
            skip_to=None if skip_to is None else _text(skip_to),
            no_people=no_people is not None and _truth(no_people, "x-suffice-no-people"),
        ),
    )


def client_id(headers: Headers) -> bytes | None:
    """Returns the client's own id of its request, where it is plain text; it is echoed, and nothing else."""
    sent = headers.get(b"x-client-request-id") or headers.get(b"x-request-id")
    if sent is None or len(sent) > _LONGEST_ID or not sent.isascii() or not sent.decode().isprintable():
        return None
    return sent


def written(about: About) -> list[tuple[bytes, bytes]]:
    """Returns the headers that say who answered."""
    headers = [
        (b"x-suffice-route", _bytes(about.route)),
        (b"x-suffice-escalated", b"true" if about.escalated else b"false"),
    ]
    if about.tier is not None:
        headers += [
            (b"x-suffice-tier", _bytes(about.tier)),
            (b"x-suffice-place", _bytes(about.place or "")),
            (b"x-suffice-certificate", _bytes(about.certificate or "none")),
        ]
    if about.confidence is not None:
        headers.append((b"x-suffice-confidence", b"%.4f" % about.confidence))
    return headers


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")


@lru_cache(maxsize=1024)  # tiers, routes and certificates are few
def _bytes(value: str) -> bytes:
    """Returns a name as a header's value: what is not plain ASCII is written as escapes."""
    if value.isascii() and value.isprintable():
        return value.encode()
    return value.encode("unicode_escape")


def _truth(value: bytes, name: str) -> bool:
    truth = _TRUTHS.get(_text(value).strip().lower())
    if truth is None:
        raise BadCall(f"the header {name} must be true or false, not {_text(value)[:60]!r}", param=name)
    return truth


def _share(value: bytes, name: str) -> float:
    try:
        share = float(value)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadCall(
            f"the header {name} must be a number from 0 to 1, not {_text(value)[:60]!r}", param=name
        )
    return share
