"""Says where a text may hold another in base64, and what that says (RFC 4648, both alphabets; MIME lines)."""

import base64
import binascii
import re

_SIGNS = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_"
_FEWEST = 16  # signs, of twelve bytes: the shortest e-mail address that is anybody's
_IN_BASE64 = bytes(ord("x") if byte in _SIGNS else ord(" ") for byte in range(256))
_LONG = b"x" * _FEWEST
_TWO_BYTES_A_SIGN = 8  # so many zeros at least where a text is in UTF-16

ENCODED = re.compile(r"(?<![A-Za-z0-9+/_-])(?:[A-Za-z0-9+/]{60,76}\r?\n)*[A-Za-z0-9+/_-]{16,}={0,2}")


def may_be_encoded(raw: bytes) -> bool:
    """Says whether bytes have enough signs of base64 in a row; far too often yes."""
    return _LONG in raw.translate(_IN_BASE64)


def decoded_text(match: re.Match[str]) -> str | None:
    """Returns the text that is encoded; None for what is none: names, paths, hashes, pictures."""
    signs = (
        match.group().rstrip("=").translate({ord("\n"): None, ord("\r"): None, ord("-"): "+", ord("_"): "/"})
    )
    if len(signs) % 4 == 1:
        return None
    try:
        raw = base64.b64decode(signs + "=" * (-len(signs) % 4), validate=True)
        text = raw.decode("utf-16-le" if _is_utf_16(raw) else "utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None
    return text if text.translate({9: None, 10: None, 13: None}).isprintable() else None


def _is_utf_16(raw: bytes) -> bool:
    """Says whether bytes are a Western text in UTF-16, as some shells encode commands."""
    return len(raw) >= 2 * _TWO_BYTES_A_SIGN and not any(raw[1::2])
