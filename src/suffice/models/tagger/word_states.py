"""What an encoder says of each word of a text: its tokens' numbers, averaged over the word's pieces."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from suffice.models.embedder import WINDOW_TOKENS, batches, open_session
from suffice.models.tagger.words import Word
from suffice.models.word_pieces import WordPieces

Floats = NDArray[np.float32]
Places = NDArray[np.int64]

STATES_FILE = "tokens.onnx"  # not `encoder.onnx`: that gives a vector by text
MOST_WINDOWS = 16
_ROOM = WINDOW_TOKENS - 2
# Windows overlap by twice so many pieces; each piece is taken from the window in which it lies deeper.
_MARGIN = 32
_STRIDE = _ROOM - 2 * _MARGIN
_MOST_PIECES = _STRIDE * (MOST_WINDOWS - 1) + _ROOM


@dataclass(frozen=True, kw_only=True)
class SaidOfWords:
    """`rows` (n, width) for the n first words of a text, all of them unless it is longer than 16 windows.

    A word that the tokenizer knows no piece of has zeros. `tokens_read` counts [CLS] and [SEP], too.
    """

    rows: Floats
    tokens_read: int


@dataclass(frozen=True, kw_only=True)
class _Window:
    """Pieces [start, end) of a text, of which [first, last) are taken from this window."""

    text: int
    start: int
    end: int
    first: int
    last: int


class WordStates:
    """A token graph on the CPU: `width` numbers a word, alike whatever texts are beside it.

    A text of more than 254 pieces is read in overlapping windows.
    """

    def __init__(self, graph: Path | bytes, tokenizer: Path, *, threads: int = 1) -> None:
        """Opens a graph that gives numbers by token, and its tokenizer.

        Raises:
            ArtefactError: one of them is missing or damaged.
        """
        self._session = open_session(graph, threads=threads)
        self._input = self._session.get_inputs()[0].name
        self._pieces = WordPieces(tokenizer)
        self.width = int(self._session.get_outputs()[0].shape[-1])

    def read(self, texts: Sequence[str], words: Sequence[Sequence[Word]]) -> list[SaidOfWords]:
        """Returns what is said of each text's words, which stand in it in order."""
        placed = [
            self._pieces.placed(text[: found[-1].end] if found else "")
            for text, found in zip(texts, words, strict=True)
        ]
        windows = [window for row, (ids, _) in enumerate(placed) for window in _windows(row, len(ids))]
        states = [np.zeros((min(len(ids), _MOST_PIECES), self.width), np.float32) for ids, _ in placed]
        first, last = self._pieces.edges
        taken = [[first, *placed[w.text][0][w.start : w.end], last] for w in windows]
        tokens = [0] * len(texts)
        for batch in batches(taken):
            ids = np.array([taken[place] for place in batch], np.int64)
            for place, numbers in zip(batch, self._session.run(None, {self._input: ids})[0], strict=True):
                at = windows[place]
                inner = numbers[1 + at.first - at.start : 1 + at.last - at.start]
                states[at.text][at.first : at.last] = inner
                tokens[at.text] += len(taken[place])
        return [
            SaidOfWords(rows=_by_word(found, places, known), tokens_read=count)
            for found, (_, places), known, count in zip(words, placed, states, tokens, strict=True)
        ]


def _windows(text: int, pieces: int) -> list[_Window]:
    """Returns the windows of a text of so many pieces; none for a text without any."""
    pieces = min(pieces, _MOST_PIECES)
    found = []
    start = first = 0
    while first < pieces:
        end = min(start + _ROOM, pieces)
        last = pieces if end == pieces else end - _MARGIN
        found.append(_Window(text=text, start=start, end=end, first=first, last=last))
        start, first = start + _STRIDE, last
    return found


def _by_word(words: Sequence[Word], places: Places, states: Floats) -> Floats:
    """Returns the mean over each word's pieces, for the words that were reached."""
    if len(states) < len(places):
        limit = places[len(states), 0]
        words = [word for word in words if word.end <= limit]
    starts = np.array([word.start for word in words], np.int64)
    ends = np.array([word.end for word in words], np.int64)
    lows = np.searchsorted(places[: len(states), 1], starts, side="right")
    highs = np.searchsorted(places[: len(states), 0], ends, side="left")
    rows = np.zeros((len(words), states.shape[1]), np.float32)
    is_one = highs == lows + 1
    rows[is_one] = states[lows[is_one]]
    for row in np.flatnonzero(highs > lows + 1):
        rows[row] = states[lows[row] : highs[row]].mean(axis=0)
    return rows
