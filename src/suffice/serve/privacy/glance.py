"""Says at a glance what a text may hold: far too often yes, never no where a detector would find something.

All of it is done on bytes, with tables and searches that run at memory speed: a thousand signs take a few
microseconds, a regular expression five times as long.
"""

_DIGITS = b"0123456789"
_SEPARATORS = b" -./()\n\r\t_"  # as in `numbers.RUN`
_ODD_SEPARATORS = _SEPARATORS + b",:;*|~+='\"#\\<>[]{}"
_TEN_DIGITS = b"0" * 10
_SPACES = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"


def _sign(byte: int) -> int:
    """Returns 0 for a digit, x for a letter, a space for all else."""
    if byte in _DIGITS:
        return ord("0")
    return ord("x") if chr(byte).isascii() and chr(byte).isalpha() else ord(" ")


_SIGNS = bytes(_sign(byte) for byte in range(256))
_PIECES = bytes(ord(" ") if byte in _SPACES else ord("x") for byte in range(256))
_MIXED = bytes(
    ord("x") if chr(byte).isascii() and chr(byte).isalnum() else ord("!") if byte in b"!@#$^&?~" else ord(" ")
    for byte in range(256)
)
_SIX_DIGITS = b"000000"
_LETTERED = b"xx00"  # how an IBAN begins, and an Italian tax code goes on; neither must have six digits
_LONG_PIECE = b"x" * 16  # any key or token of `credential` has as many signs without a space
_PASSWORDS = (b"pass", b"pwd", b"kennwort", b"contrase", b"senha", b"wachtwoord")
_PASSWORDS_BEYOND = tuple(word.encode() for word in ("hasło", "पासवर्ड", "密码"))


# What a text may hold; plain numbers, for an enumeration's take longer to add than all else here.
ADDRESS, NUMBER, SECRET, ODD_NUMBER = 1, 2, 4, 8


def glance(text: str) -> int:
    """Returns what a text may hold, as a sum of ADDRESS, NUMBER, SECRET and ODD_NUMBER."""
    raw = text.encode("utf-8", "replace")
    lower = raw.lower()
    found = 0
    if b"@" in raw or _spells_at(lower):
        found = ADDRESS
    signs = raw.translate(_SIGNS)
    if _SIX_DIGITS in raw.translate(_SIGNS, _SEPARATORS) or _LETTERED in signs:
        found |= NUMBER
    if b"0" in signs and _TEN_DIGITS in raw.translate(_SIGNS, _ODD_SEPARATORS):
        found |= ODD_NUMBER
    if (
        _LONG_PIECE in raw.translate(_PIECES)
        or _names_password(lower, is_ascii=len(raw) == len(text))
        or b"x!x" in raw.translate(_MIXED)
    ):
        found |= SECRET
    return found


def mixes_signs(text: str) -> bool:
    """Says whether a sign that passwords have stands between letters or digits."""
    return b"x!x" in text.encode("utf-8", "replace").translate(_MIXED)


def has_long_piece(text: str) -> bool:
    """Says whether a text has a piece as long as keys are, without a space."""
    return _LONG_PIECE in text.encode("utf-8", "replace").translate(_PIECES)


def _spells_at(lower: bytes) -> bool:
    """Says whether a text has a word for the at sign, in brackets or before one for a dot."""
    return (
        (b"(" in lower and b"(at)" in lower)
        or (b"[" in lower and b"[at]" in lower)
        or (b" dot " in lower and b" at " in lower)
    )


def _names_password(lower: bytes, *, is_ascii: bool) -> bool:
    """Says whether a text has a word for a password."""
    for word in _PASSWORDS:
        if word in lower:
            return True
    return not is_ascii and any(word in lower for word in _PASSWORDS_BEYOND)
