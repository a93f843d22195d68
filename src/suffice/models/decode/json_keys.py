"""Whether a decoder's tokens hold JSON keys: such a decoder was made for one task's answers."""

import re
from collections.abc import Iterable

_KEY = re.compile(rb'\w":')


def any_key(pieces: Iterable[bytes]) -> bool:
    """Says whether some token, given as its bytes, is a JSON key with its colon."""
    return any(_KEY.search(piece) for piece in pieces)
