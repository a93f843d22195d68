"""A key as clients show it: `sk-sf-ID-SECRET`. How it is made, read, and held against what is kept.

The secret is 43 random letters and digits, 256 bits, so that its SHA-256 gives nothing away: slow and salted
hashes are for what people choose (NIST SP 800-63B, section 5.1.2.2, asks for them below 112 bits).
"""

import hashlib
import hmac
import re
import secrets
import string
from datetime import datetime

from suffice.serve.key import NO_LIMITS, Key, Limits

_ID_LETTERS = "abcdefghijklmnopqrstuvwxyz234567"  # base32: 16 of them are 80 bits
_SECRET_LETTERS = string.ascii_letters + string.digits
_SHOWN = re.compile(r"[Bb]earer sk-sf-([a-z2-7]{16})-([A-Za-z0-9]{43})")
# What a key that is not there is compared with: the digest of a secret nobody has.
_NOBODYS = hashlib.sha256(secrets.token_bytes(32)).hexdigest()


def new_key(
    name: str,
    *,
    at: datetime,
    scopes: frozenset[str] = frozenset({"call"}),
    models: frozenset[str] = frozenset(),
    limits: Limits = NO_LIMITS,
) -> tuple[Key, str]:
    """Returns a new key as it is kept, and as its owner is shown it, once."""
    public = "".join(secrets.choice(_ID_LETTERS) for _ in range(16))
    secret = "".join(secrets.choice(_SECRET_LETTERS) for _ in range(43))
    key = Key(
        id=public,
        name=name,
        secret_sha256=_digest(secret),
        created_at=at,
        scopes=scopes,
        models=models,
        limits=limits,
    )
    return key, f"sk-sf-{public}-{secret}"


def parts_of(authorization: str) -> tuple[str, str] | None:
    """Returns the public id and the secret of an Authorization header; None where it holds no such key."""
    match = _SHOWN.fullmatch(authorization)
    return (match[1], match[2]) if match else None


def is_secret_of(secret: str, key: Key | None) -> bool:
    """Says whether a secret is a key's; does the same work where there is no key."""
    kept = _NOBODYS if key is None else key.secret_sha256
    return hmac.compare_digest(_digest(secret), kept) and key is not None


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
