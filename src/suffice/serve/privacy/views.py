"""Returns the ways in which a text may be read: disguised signs made plain, escapes resolved.

Covered: zero-width and control signs, full-width and other scripts' digits, signs of compatibility (NFKC),
unusual spaces, dashes and dots, percent, HTML, JSON and hexadecimal escapes, twice over, base64 once.
Not covered: encodings within base64, letters for digits (O for 0), numbers in words, other languages' ways to
spell an at sign.
"""

import html
import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from suffice.serve.privacy.base64_text import ENCODED, decoded_text, may_be_encoded
from suffice.serve.privacy.numbers import Tick

# Signs that show nothing, or only say how others are shown (Unicode: Cc, Cf, variation selectors, fillers).
_CONTROL = "\x00-\x08\x0b\x0c\x0e-\x1f\x7f"
_HIDDEN = "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f"
_HIDDEN += _CONTROL + "\x80-\x9f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff"
# Signs that separate; they are common in every text, and matter only where a number may go on behind them.
_SPACES = "\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_DASHES = "\u058a\u05be\u2010-\u2015\u2212\u2e3a\u2e3b\u301c\u3030\ufe31\ufe32\ufe58\ufe63\uff0d"
_DOTS = "\u00b7\u2022\u2024\u2027\u2219\u22c5\u30fb\u3002\ufe52\uff0e\uff61"
# Other scripts' digits, and signs whose compatibility form is an ASCII letter, digit or one of + @ _.
_DIGITS = "".join(chr(code) for code in range(0x660, 0xFFFF) if chr(code).isdecimal())
_FORMS = "\u00b9\u2070-\u2079\u2080-\u2089\u2460-\u24ff\u2776-\u2793\ufe62\ufe6b"
_FORMS += "\uff0b\uff10-\uff19\uff20-\uff3a\uff3f\uff41-\uff5a"
_FORMS += "\U00010000-\U0001fbff"  # one range, for many make the set slow; most of these stay what they are

_SEPARATING = _SPACES + _DASHES + _DOTS
_IS_HIDDEN = re.compile(f"[{_HIDDEN}]")
_IS_SEPARATING = re.compile(f"[{_SEPARATING}]")
_IS_DASH = re.compile(f"[{_DASHES}]")
_IS_DOT = re.compile(f"[{_DOTS}]")
_FOLLOWED = re.compile(r"[^0-9A-Za-z]{0,3}[0-9]")
# One set of signs and no alternatives: those would take a hundred times as long.
_MAYBE_ODD = re.compile(f"[{_HIDDEN}{_FORMS}{_SEPARATING}{_DIGITS}]")
# First bytes, in UTF-8, of all signs above; a text without them has none.
_ODD_BYTES = {
    chr(code).encode()[0]
    for code in (*range(0x80, 0x20000, 64), 0xAD, 0xE0000)
    if any(_MAYBE_ODD.match(chr(near)) for near in range(code, code + 64))
}
_PLAIN_BYTES = bytes(byte for byte in range(256) if byte not in _ODD_BYTES)
_ASCII_BYTES = bytes(range(128))
_CONTROL_BYTES = bytes(code for code in range(128) if re.match(f"[{_CONTROL}]", chr(code)))

_ESCAPE = re.compile(
    r"(?P<percent>%[0-7][0-9A-Fa-f]|(?:%[89A-Fa-f][0-9A-Fa-f])+)"
    r"|(?P<entity>&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z]{2,8}[0-9]{0,2});)"
    r"|\\(?:u(?P<four>[0-9A-Fa-f]{4})|u\{(?P<any>[0-9A-Fa-f]{1,5})\}|U000(?P<five>[0-9A-Fa-f]{5})|x(?P<two>[0-9A-Fa-f]{2})|(?P<one>[nrt/\"]))"
)
_PASSES = 2
_LOOKS = 1_000
_ONE = {"n": "\n", "r": "\r", "t": "\t"}


class Piece(NamedTuple):
    """A part of a reading that is not as it was: `start` to `end` there, `was_start` to `was_end` before."""

    start: int
    end: int
    was_start: int
    was_end: int


class View:
    """One reading of a text, and where each part of it stands in the text itself."""

    def __init__(self, text: str, was: "View | None" = None, pieces: list[Piece] | None = None) -> None:
        """Takes a reading made from another by changing some pieces; the text itself has neither."""
        self.text = text
        self._was = was
        self._pieces = pieces or []
        self._starts = [piece.start for piece in self._pieces]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Returns where a part of this reading stands in the text itself; start < end."""
        if self._was is None:
            return start, end
        return self._was.span(self._place(start)[0], self._place(end - 1)[1])

    def _place(self, place: int) -> tuple[int, int]:
        """Returns from where to where the sign at a place came."""
        at = bisect_right(self._starts, place) - 1
        # Of pieces that became nothing several begin at one place; the last one counts.
        if at < 0:
            return place, place + 1
        piece = self._pieces[at]
        if place < piece.end:
            return piece.was_start, piece.was_end
        was = piece.was_end + place - piece.end
        return was, was + 1


def is_plain(text: str) -> bool:
    """Says whether a text has one reading only: itself."""
    if not text.isascii() and _is_odd(text):
        return False
    if ("%" in text or "&" in text or "\\" in text) and _ESCAPE.search(text) is not None:
        return False
    raw = text.encode("utf-8", "replace")
    return not (_has_control(raw) or (may_be_encoded(raw) and _is_encoded(text)))


def _has_control(raw: bytes) -> bool:
    """Says whether bytes have a control sign, which shows nothing."""
    return len(raw.translate(None, _CONTROL_BYTES)) != len(raw)


def _is_encoded(text: str) -> bool:
    """Says whether a part of a text is another text in base64."""
    return any(decoded_text(match) is not None for match in ENCODED.finditer(text))


def _is_odd(text: str) -> bool:
    """Says whether a text has a sign that is to be made plain."""
    raw = text.encode("utf-8", "replace")
    if not raw.translate(None, _PLAIN_BYTES):
        return False
    foreign = raw.translate(None, _ASCII_BYTES).decode("utf-8", "replace")
    for sign in filter(_MAYBE_ODD.match, set(foreign)):
        place = text.find(sign)
        for _ in range(_LOOKS):
            if place < 0:
                break
            if _becomes(text, place, "") is not None:
                return True
            place = text.find(sign, place + 1) if _IS_SEPARATING.match(sign) else -1
        if place >= 0:
            return True  # so many: let the slow way, which is timed, look at them
    return False


def _becomes(text: str, start: int, hidden: str) -> str | None:
    """Returns what the sign at a place becomes; None for one that stays, as most separating ones do."""
    sign, end = text[start], start + 1
    if _IS_SEPARATING.match(sign):
        before, after = text[start - 1 : start], text[end : end + 1]
        is_joining = before.isdigit() and after.isalnum() and after.isascii()
        if _IS_DOT.match(sign):
            is_joining = is_joining or (
                before.isascii() and before.isalpha() and after.isascii() and after.isalpha()
            )
        if not is_joining and _FOLLOWED.match(text, end) is None:
            return None
    plain = _plain(sign, hidden)
    return plain if plain != sign else None


def views(text: str, tick: Tick) -> list[View]:
    """Returns the readings of a text, the plain one first."""
    found = [View(text)]
    if is_plain(text):
        return found
    unescaped = found[0]
    for _ in range(_PASSES):
        if _ESCAPE.search(unescaped.text) is None:
            break
        unescaped = _changed(unescaped, _ESCAPE, _meaning, tick)
    for view in dict.fromkeys((found[0], unescaped)):  # one where nothing was escaped
        raw = view.text.encode("utf-8", "replace")
        if may_be_encoded(raw):
            found.append(_changed(view, ENCODED, decoded_text, tick))
        if not view.text.isascii() or _has_control(raw):
            found.append(_unveiled(view, "", tick))
            if _IS_HIDDEN.search(view.text) is not None:
                found.append(_unveiled(view, " ", tick))
    found.append(unescaped)
    different: dict[str, View] = {}
    for view in found:
        if view.text:
            different.setdefault(view.text, view)
    return list(different.values())


def _changed(
    view: View, pattern: re.Pattern[str], meaning: Callable[[re.Match[str]], str | None], tick: Tick
) -> View:
    """Returns a reading with what the pattern finds replaced by its meaning; None leaves it."""
    parts: list[str] = []
    pieces: list[Piece] = []
    length = last = 0
    for match in pattern.finditer(view.text):
        tick()
        new = meaning(match)
        if new is None:
            continue
        start, end = match.span()
        parts += [view.text[last:start], new]
        length += start - last
        pieces.append(Piece(length, length + len(new), start, end))
        length += len(new)
        last = end
    parts.append(view.text[last:])
    return View("".join(parts), view, pieces)


def _unveiled(view: View, hidden: str, tick: Tick) -> View:
    """Returns a reading with its odd signs made plain; those that show nothing become `hidden`."""
    return _changed(view, _MAYBE_ODD, lambda match: _becomes(view.text, match.start(), hidden), tick)


def _meaning(match: re.Match[str]) -> str:
    """Returns what an escape stands for."""
    if match["percent"]:
        return bytes.fromhex(match["percent"].replace("%", "")).decode("utf-8", "replace")
    if match["entity"]:
        return html.unescape(match["entity"])
    if match["one"]:
        return _ONE.get(match["one"], match["one"])
    return chr(int(match["four"] or match["two"] or match["any"] or match["five"], 16))


@lru_cache(maxsize=4096)
def _plain(sign: str, hidden: str) -> str:
    """Returns the ASCII sign that an odd sign stands for, `hidden` for one that shows nothing."""
    if _IS_HIDDEN.match(sign):
        return hidden
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    if sign.isspace():
        return "\n" if sign in "\u2028\u2029" else " "
    if _IS_DASH.match(sign):
        return "-"
    if _IS_DOT.match(sign):
        return "."
    form = unicodedata.normalize("NFKC", sign)
    return form if form.isascii() else sign
