"""Finds addresses on the net: e-mail addresses, and (where asked for) IP addresses."""

import ipaddress
import re
from collections.abc import Iterator

from suffice.serve.privacy.find import Find
from suffice.serve.privacy.numbers import Tick

_LOCAL_MOST = 64  # RFC 5321, 4.5.3.1.1
# Read from the at sign back.
_LOCAL = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}|\"[^\"\n]{1,62}\"")
_DOMAIN = re.compile(
    r"(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.){1,8}(?:[^\W\d_]{2,24}|xn--[a-z0-9-]{2,59})|\[[0-9a-fA-F:.]{3,45}\]"
)
_RETINA = re.compile(r"[0-9](?:\.[0-9])?x\.")  # logo@2x.png is a picture
# `ann @ example.org`, in small letters, or `lunch @ 12.pm` would be one; `ann at example dot org`.
_APART_AT = re.compile(r" {1,3}@ {1,3}")
_SMALL_DOMAIN = re.compile(r"(?=[a-zß-ÿ])[a-zß-ÿ0-9-]{2,63}(?:\.[a-zß-ÿ0-9-]{1,63}){0,4}\.[a-z]{2,24}\b")
_WORDED_AT = re.compile(r" at ", re.IGNORECASE)
_WORDED_DOMAIN = re.compile(r"(?:[a-z0-9-]{1,63} dot ){1,4}[a-z]{2,24}\b", re.IGNORECASE)
# An at sign in brackets; ` at ` alone would find half of all sentences.
_ROUND_AT = re.compile(r" ?\(at\) ?", re.IGNORECASE)
_SQUARE_AT = re.compile(r" ?\[at\] ?", re.IGNORECASE)
_SPELLED_DOT = re.compile(r" ?(?:\[(?:dot|\.)\]|\((?:dot|\.)\)|\{(?:dot|\.)\}) ?", re.IGNORECASE)
_SPELLED_DOMAIN = re.compile(
    rf"[\w-]{{1,63}}(?:(?:\.|{_SPELLED_DOT.pattern})[\w-]{{2,63}}){{1,4}}", re.IGNORECASE
)
# What a text must have for a spelling to be looked for.
_SPELLINGS = (
    ("(", _ROUND_AT, _SPELLED_DOMAIN),
    ("[", _SQUARE_AT, _SPELLED_DOMAIN),
    (" @ ", _APART_AT, _SMALL_DOMAIN),
    (" dot ", _WORDED_AT, _WORDED_DOMAIN),
)

_IP = re.compile(
    r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])"
    r"|(?<![0-9A-Za-z.:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z]|:[0-9A-Fa-f:])"
)


def emails(text: str, tick: Tick) -> Iterator[Find]:
    """Returns the e-mail addresses of a text, also with `[at]` and `[dot]`."""
    place = text.find("@")
    while place >= 0:
        tick()
        start, end = _local_start(text, place), _domain_end(text, place + 1)
        if start < place and end is not None and _RETINA.match(text, place + 1) is None:
            yield Find(start, end, "email")
        place = text.find("@", place + 1)
    for sign, at_pattern, domain_pattern in _SPELLINGS:
        if sign not in text:
            continue
        for at in at_pattern.finditer(text):
            tick()
            start, domain = _local_start(text, at.start()), domain_pattern.match(text, at.end())
            if start < at.start() and domain is not None:
                yield Find(start, domain.end(), "email")


def _local_start(text: str, at: int) -> int:
    """Returns where what stands before an at sign begins; the at sign's place where nothing does."""
    local = _LOCAL.match(text[max(0, at - _LOCAL_MOST) : at][::-1])
    return at if local is None else at - len(local.group())


def _domain_end(text: str, start: int) -> int | None:
    """Returns where the name of a host ends, None where there is none."""
    domain = _DOMAIN.match(text, start)
    if domain is None:
        domain = _SPELLED_DOMAIN.match(text, start)
        if domain is None or _SPELLED_DOT.search(domain.group()) is None:
            return None
    return domain.end()


def ip_addresses(text: str, tick: Tick) -> Iterator[Find]:
    """Returns the IP addresses (4 and 6) of a text; `::` alone is punctuation."""
    for match in _IP.finditer(text):
        tick()
        found = match.group()
        if len(found) < 4:
            continue
        try:
            ipaddress.ip_address(found)
        except ValueError:
            continue
        yield Find(match.start(), match.end(), "ip_address")
