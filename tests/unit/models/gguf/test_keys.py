"""Decoders whose tokens are whole JSON keys are told from the others."""

import pytest

from suffice.models.gguf.grammar import has_keys


class Tokens:
    """A vocabulary of these pieces."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces
        self.size = len(pieces)

    def piece(self, token: int) -> bytes:
        """Returns a token's bytes."""
        return self._pieces[token]


@pytest.mark.parametrize("piece", [b'{"act":"pay","', b'","day":"', b'"day":'])
def test_a_key_with_its_colon_is_one(piece):
    """A grammar would hold such a decoder to tokens it never read, so it answers freely."""
    assert has_keys(Tokens(b"a", piece))


def test_usual_tokens_hold_no_key():
    """Quotes, colons and words for themselves are in every vocabulary."""
    assert not has_keys(Tokens(b"", b'"', b":", b'":', b'{"', b" day", b'":"'))
