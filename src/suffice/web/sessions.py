"""Who looks at the pages: a signed cookie that names a key, ends by itself, and ends with its key."""

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass

import orjson

from suffice.clock import Clock

COOKIE, VISIT_COOKIE = "suffice_session", "suffice_visit"
LIFETIME_S = 12 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """A log-in: the key's public id, a number of its own, and when it ends (seconds since 1970)."""

    key_id: str
    nonce: str
    ends_at: float


class Sessions:
    """Makes and reads session cookies, and the tokens of forms.

    `secret` signs (HMAC-SHA256): made anew per process, everybody logs in again after a restart; kept
    in the home, or shared by several gateways, they need not. No key's secret is ever in a cookie.
    """

    def __init__(self, *, clock: Clock, secret: bytes | None = None) -> None:
        self._secret = secret or secrets.token_bytes(32)
        self._clock = clock
        self._ended: dict[str, float] = {}

    def begin(self, key_id: str) -> tuple[str, Session]:
        """Returns the cookie's value for a key that has just been shown, and its session."""
        ends_at = self._now_s() + LIFETIME_S
        session = Session(key_id=key_id, nonce=secrets.token_urlsafe(16), ends_at=ends_at)
        payload = _encoded(orjson.dumps([session.key_id, session.nonce, session.ends_at]))
        return f"{payload}.{self._signed('session', payload)}", session

    def read(self, cookie: str | None) -> Session | None:
        """Returns the session of a cookie; None where it is forged, over, or logged out."""
        payload, dot, signature = (cookie or "").partition(".")
        if not dot or not _same(signature, self._signed("session", payload)):
            return None
        try:
            key_id, nonce, ends_at = orjson.loads(base64.urlsafe_b64decode(payload))
        except (ValueError, binascii.Error):
            return None
        if ends_at <= self._now_s() or nonce in self._ended:
            return None
        return Session(key_id=key_id, nonce=nonce, ends_at=ends_at)

    def end(self, session: Session) -> None:
        """Ends a session for good: its cookie, copied or not, opens nothing any more."""
        now = self._now_s()
        self._ended = {nonce: ends_at for nonce, ends_at in self._ended.items() if ends_at > now}
        self._ended[session.nonce] = session.ends_at

    def form_token(self, nonce: str, action: str) -> str:
        """Returns what a form carries: it fits one session, or visit, and one action."""
        return self._signed("form", f"{nonce} {action}")

    def is_form_token(self, token: str, nonce: str, action: str) -> bool:
        """Says whether a form's token is the one it was given, in constant time."""
        return bool(nonce) and _same(token, self.form_token(nonce, action))

    def _signed(self, purpose: str, text: str) -> str:
        mac = hmac.new(self._secret, f"suffice {purpose}\0{text}".encode(), hashlib.sha256)
        return _encoded(mac.digest())

    def _now_s(self) -> float:
        return self._clock.now().timestamp()


def new_visit() -> str:
    """Returns a number for somebody who is not logged in yet, to which the log-in form is bound."""
    return secrets.token_urlsafe(16)


def _same(given: str, expected: str) -> bool:
    return hmac.compare_digest(given.encode("utf-8", "replace"), expected.encode())


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()
