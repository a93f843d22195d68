"""Remembers where finders found something: what a conversation repeats is not looked through again."""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Sequence

from suffice.serve.privacy.find import Find

_MOST = 8_192  # texts


class Remembered:
    """The finds in the last texts, by who sent them: no text is kept, only a keyed hash of it, and places.

    Each caller has memories of its own, or the time a call takes would tell whether somebody else sent the
    same.
    """

    def __init__(self, most: int = _MOST) -> None:
        """Takes how many texts are remembered."""
        self._most = most
        # So that hashes cannot be compared with those of guessed texts.
        self._secret = secrets.token_bytes(32)
        self._finds: OrderedDict[bytes, tuple[Find, ...]] = OrderedDict()

    def name_of(self, owner: str, key: str, text: str) -> bytes:
        """Returns the name under which a caller's text is remembered."""
        said = f"{len(owner)} {owner} {len(key)} {key} {text}".encode("utf-8", "surrogatepass")
        return hashlib.blake2b(said, digest_size=16, key=self._secret).digest()

    def recall(self, name: bytes) -> tuple[Find, ...] | None:
        """Returns the finds in a text, None where it is not remembered."""
        finds = self._finds.get(name)
        if finds is not None:
            self._finds.move_to_end(name)
        return finds

    def keep(self, name: bytes, finds: Sequence[Find]) -> None:
        """Remembers the finds in a text; the text that was asked for longest ago is forgotten for it."""
        self._finds[name] = tuple(finds)
        if len(self._finds) > self._most:
            self._finds.popitem(last=False)
