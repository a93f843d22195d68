"""Says at a glance what a text may hold: far too often yes, never no where a detector would find something.

All of it is done on bytes, with tables and searches that run at memory speed: a thousand signs take a few
microseconds, a regular expression five times as long.
"""

_DIGITS = b"0123456789"
_SEPARATORS = b" -./()\n\r\t_"  # as in `numbers.RUN`
_SPACES = b" \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f"


def _sign(byte: int) -> int:
    """Returns 0 for a digit, x for a letter, a space for all else."""
    if byte in _DIGITS:
        return ord("0")
    return ord("x") if chr(byte).isascii() and chr(byte).isalpha() else ord(" ")


_SIGNS = bytes(_sign(byte) for byte in range(256))
_PIECES = bytes(ord(" ") if byte in _SPACES else ord("x") for byte in range(256))
_SIX_DIGITS = b"000000"
_LETTERED = b"xx00"  # how an IBAN begins, and an Italian tax code goes on; neither must have six digits
_LONG_PIECE = b"x" * 16  # any key or token of `credential` has as many signs without a space
_PASSWORDS = (b"pass", b"pwd", b"kennwort", b"contrase", b"senha", b"wachtwoord")
_PASSWORDS_BEYOND = tuple(word.encode() for word in ("hasło", "पासवर्ड", "密码"))


# What a text may hold; plain numbers, for an enumeration's take longer to add than all else here.
ADDRESS, NUMBER, SECRET = 1, 2, 4


def glance(text: str) -> int:
    """Returns what a text may hold, as a sum of ADDRESS, NUMBER and SECRET."""
    raw = text.encode("utf-8", "replace")
    lower = raw.lower()
    found = 0
    if b"@" in raw or (b"(" in raw and b"(at)" in lower) or (b"[" in raw and b"[at]" in lower):
        found = ADDRESS
    if _SIX_DIGITS in raw.translate(_SIGNS, _SEPARATORS) or _LETTERED in raw.translate(_SIGNS):
        found |= NUMBER
    if _LONG_PIECE in raw.translate(_PIECES) or _names_password(lower, is_ascii=len(raw) == len(text)):
        found |= SECRET
    return found


def _names_password(lower: bytes, *, is_ascii: bool) -> bool:
    """Says whether a text has a word for a password."""
    for word in _PASSWORDS:
        if word in lower:
            return True
    return not is_ascii and any(word in lower for word in _PASSWORDS_BEYOND)
