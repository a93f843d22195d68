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
# An at sign in words of its own; ` at ` alone would find half of all sentences.
_AT = re.compile(r"@| ?(?:\[at\]|\(at\)|\{at\}|<at>) ?", re.IGNORECASE)
_SPELLED_DOT = re.compile(r" ?(?:\[(?:dot|\.)\]|\((?:dot|\.)\)|\{(?:dot|\.)\}) ?", re.IGNORECASE)
_SPELLED_DOMAIN = re.compile(
    rf"[\w-]{{1,63}}(?:(?:\.|{_SPELLED_DOT.pattern})[\w-]{{2,63}}){{1,4}}", re.IGNORECASE
)

_IP = re.compile(
    r"(?<![0-9A-Za-z.])(?:[0-9]{1,3}\.){3}[0-9]{1,3}(?![0-9A-Za-z]|\.[0-9])"
    r"|(?<![0-9A-Za-z.:])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{1,4}(?![0-9A-Za-z]|:[0-9A-Fa-f:])"
)


def emails(text: str, tick: Tick) -> Iterator[Find]:
    """Returns the e-mail addresses of a text, also with `[at]` and `[dot]`."""
    for at in _AT.finditer(text):
        tick()
        before = text[max(0, at.start() - _LOCAL_MOST) : at.start()]
        local = _LOCAL.match(before[::-1])
        if local is None or _RETINA.match(text, at.end()) is not None:
            continue
        is_spelled = at.group() != "@"
        domain = (_SPELLED_DOMAIN if is_spelled else _DOMAIN).match(text, at.end())
        if domain is None and not is_spelled:
            domain = _SPELLED_DOMAIN.match(text, at.end())
            if domain is None or _SPELLED_DOT.search(domain.group()) is None:
                continue
        if domain is not None:
            yield Find(at.start() - len(local.group()), domain.end(), "email")


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
