"""Returns the ways in which a text may be read: disguised signs made plain, escapes resolved.

Covered: zero-width signs, full-width and other scripts' digits, signs of compatibility (NFKC), unusual
spaces and dashes, percent, HTML, JSON and hexadecimal escapes, twice over. Not covered: base64, letters for
digits (O for 0), numbers in words, other languages' ways to spell an at sign.
"""

import html
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# Signs that show nothing, or only say how others are shown (Unicode: Cf, variation selectors, fillers).
_HIDDEN = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
_HIDDEN += "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb"
# Signs that look like an ASCII sign which separates: spaces, dashes, dots, at signs.
_SPACES = "\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DASHES = "\u058a\u05be\u2010-\u2015\u2212\u2e3a\u2e3b\u301c\u3030\ufe31\ufe32\ufe58\ufe63"
_DOTS = "\u2024\u3002\ufe52\uff61"
# Signs whose compatibility form may be ASCII: super- and subscripts, enclosed, small and full-width forms.
_FORMS = "\u00b2\u00b3\u00b9\u2070-\u209c\u2460-\u24ff\u2776-\u2793\ufe50-\ufe6b\uff01-\uff5e"
_FAR = "\U0001d400-\U0001d7ff\U0001f100-\U0001f12f\U0001fbf0-\U0001fbf9\U000e0000-\U000e0fff"

_BEYOND = re.compile("[\U00010000-\U0010ffff]")
_DIGITS = "".join(chr(code) for code in range(0x660, 0x1FBFA) if chr(code).isdecimal())
_NEAR_DIGITS = "".join(sign for sign in _DIGITS if sign <= "\uffff")
_FAR_DIGITS = "".join(sign for sign in _DIGITS if sign > "\uffff")
_ODD_NEAR = re.compile(f"[{_HIDDEN}{_SPACES}{_DASHES}{_DOTS}{_FORMS}{_NEAR_DIGITS}]")
_ODD = re.compile(f"[{_HIDDEN}{_SPACES}{_DASHES}{_DOTS}{_FORMS}{_NEAR_DIGITS}{_FAR}{_FAR_DIGITS}]")
_IS_HIDDEN = re.compile(f"[{_HIDDEN}\U000e0000-\U000e0fff]")
_IS_DASH = re.compile(f"[{_DASHES}]")
_IS_DOT = re.compile(f"[{_DOTS}]")

_ESCAPE = re.compile(
    r"(?P<percent>(?:%[0-9A-Fa-f]{2})+)"
    r"|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8}[0-9]{0,2});)"
    r"|\\(?:u(?P<four>[0-9A-Fa-f]{4})|x(?P<two>[0-9A-Fa-f]{2})|(?P<one>[nrt/\"]))"
)
_ESCAPES = frozenset("%&\\")
_PASSES = 2
_ONE = {"n": "\n", "r": "\r", "t": "\t"}


@dataclass(frozen=True, slots=True)
class View:
    """One reading of a text; `starts` and `ends` say per sign where it stands in the text, None: as here."""

    text: str
    starts: Sequence[int] | None = None
    ends: Sequence[int] | None = None

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns where a part of this reading stands in the text itself."""
        if self.starts is None or self.ends is None:
            return start, end
        return self.starts[start], self.ends[end - 1]


def is_plain(text: str) -> bool:
    """Says whether a text has one reading only: itself."""
    if not text.isascii():
        if _ODD_NEAR.search(text) is not None:
            return False
        if _BEYOND.search(text) is not None and _ODD.search(text) is not None:
            return False
    return not any(sign in text for sign in _ESCAPES) or _ESCAPE.search(text) is None


def views(text: str) -> list[View]:
    """Returns the readings of a text, the plain one first."""
    found = [View(text)]
    if is_plain(text):
        return found
    unescaped = found[0]
    for _ in range(_PASSES):
        if _ESCAPE.search(unescaped.text) is None:
            break
        unescaped = _unescaped(unescaped)
    for view in (found[0], unescaped):
        if _ODD.search(view.text) is not None:
            found.append(_unveiled(view, hidden=""))
            if _IS_HIDDEN.search(view.text) is not None:
                found.append(_unveiled(view, hidden=" "))
    found.append(unescaped)
    return list({view.text: view for view in reversed(found) if view.text}.values())[::-1]


def _unescaped(view: View) -> View:
    """Returns a reading with its escapes resolved, once."""
    signs: list[str] = []
    starts: list[int] = []
    ends: list[int] = []

    def add(text: str, start: int, end: int, *, whole: bool) -> None:
        for place, sign in enumerate(text):
            at = (start, end) if whole else (start + place, start + place + 1)
            span = view.span(*at)
            signs.append(sign)
            starts.append(span[0])
            ends.append(span[1])

    last = 0
    for match in _ESCAPE.finditer(view.text):
        add(view.text[last : match.start()], last, match.start(), whole=False)
        if match["percent"] and bytes.fromhex(match["percent"].replace("%", "")).isascii():
            for place in range(match.start(), match.end(), 3):
                add(chr(int(view.text[place + 1 : place + 3], 16)), place, place + 3, whole=True)
        else:
            add(_meaning(match), *match.span(), whole=True)
        last = match.end()
    add(view.text[last:], last, len(view.text), whole=False)
    return View("".join(signs), starts, ends)


def _meaning(match: re.Match[str]) -> str:
    """Returns what an escape stands for."""
    if match["percent"]:
        return bytes.fromhex(match["percent"].replace("%", "")).decode("utf-8", "replace")
    if match["entity"]:
        return html.unescape(match["entity"])
    if match["one"]:
        return _ONE.get(match["one"], match["one"])
    return chr(int(match["four"] or match["two"], 16))


def _unveiled(view: View, *, hidden: str) -> View:
    """Returns a reading with odd signs made plain; those that show nothing become `hidden`."""
    signs: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for place, sign in enumerate(view.text):
        plain = sign if sign.isascii() else _plain(sign)
        start, end = view.span(place, place + 1)
        for part in hidden if plain is None else plain:
            signs.append(part)
            starts.append(start)
            ends.append(end)
    return View("".join(signs), starts, ends)


@lru_cache(maxsize=4096)
def _plain(sign: str) -> str | None:
    """Returns the ASCII sign that a sign stands for or itself; None for one that shows nothing."""
    if _IS_HIDDEN.match(sign):
        return None
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    if sign.isspace():
        return "\n" if sign in "\u2028\u2029" else " "
    if _IS_DASH.match(sign):
        return "-"
    if _IS_DOT.match(sign):
        return "."
    form = unicodedata.normalize("NFKC", sign)
    return form if form.isascii() and _ODD.match(sign) else sign
