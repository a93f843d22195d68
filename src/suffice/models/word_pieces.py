"""Texts as the pieces of words that a BERT encoder reads: their ids, and where they stand in the text."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from suffice.errors import ArtefactError

_CLS, _SEP, _UNKNOWN = "[CLS]", "[SEP]", "[UNK]"


class WordPieces:
    """A BERT tokenizer that neither pads nor cuts; broken surrogates are read as replacement signs.

    `edges` are the ids that stand before and after the pieces of each window.
    """

    def __init__(self, path: Path) -> None:
        """Opens a tokenizer's JSON file.

        Raises:
            ArtefactError: the file is missing, damaged, or no BERT tokenizer's.
        """
        self._tokenizer = _open(path)
        first, last = self._tokenizer.token_to_id(_CLS), self._tokenizer.token_to_id(_SEP)
        unknown = self._tokenizer.token_to_id(_UNKNOWN)
        if None in {first, last, unknown}:
            raise ArtefactError(f"{path} is no BERT tokenizer: it lacks {_CLS}, {_SEP} or {_UNKNOWN}")
        self.edges: tuple[int, int] = (first, last)
        self.unknown_id: int = unknown

    def ids(self, text: str) -> list[int]:
        """Returns the pieces' ids, without [CLS] and [SEP]."""
        found: list[int] = self._encoded(text).ids
        return found

    def placed(self, text: str) -> tuple[list[int], NDArray[np.int64]]:
        """Returns the pieces' ids and, (n, 2), the places [start, end) of their characters in the text."""
        encoded = self._encoded(text)
        return encoded.ids, np.array(encoded.offsets, np.int64).reshape(-1, 2)

    def _encoded(self, text: str) -> Any:
        # "?" for each half of a broken pair: one sign for one, so that places stay what they are.
        return self._tokenizer.encode(text.encode("utf-8", "replace").decode(), add_special_tokens=False)


def _open(path: Path) -> Any:
    from tokenizers import Tokenizer  # noqa: PLC0415 - needed only where an encoder is opened

    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
    except Exception as error:  # the library raises bare Exception for a damaged file
        raise ArtefactError(f"{path} is no tokenizer: {error}", hint="make the model again") from error
    # The official file pads every text to 128 tokens and cuts it there.
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer
