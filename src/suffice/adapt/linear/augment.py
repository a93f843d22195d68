"""New texts of a task made from its own train texts, for a teacher to label."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

# Positions of pieces are kept in memory: past this many, further texts are neither changed nor lent from.
MOST_PIECES = 3_000_000
_START, _END = "\x02", "\x03"  # stand for the ends of a text; no piece is one of them

Pieces = list[str]
T = TypeVar("T")


class Augmenter:
    """Makes variations of texts: what people might also have written, and what lies between the labels.

    A text is split at blanks, or into its characters where it has none.
    """

    def __init__(self, texts: Sequence[str], classes: NDArray[np.int64], *, seed: int) -> None:
        self._draw = np.random.default_rng(seed)
        self._texts: list[Pieces] = []
        self._blanks: list[str] = []
        self._class_of: list[int] = []
        self._of_class: dict[int, list[int]] = defaultdict(list)
        self._places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._after: dict[str, Pieces] = defaultdict(list)
        self._before: dict[str, Pieces] = defaultdict(list)
        room = MOST_PIECES
        for row in self._draw.permutation(len(texts)):
            pieces, blank = _pieces(texts[row])
            room -= len(pieces)
            if pieces and room >= 0:
                self._learn(pieces, blank, int(classes[row]))

    def variations(self, count: int) -> list[str]:
        """Returns `count` new texts, each of one of the ways in turn, from texts in random order."""
        ways: tuple[Callable[[int], Pieces], ...] = (
            self._continued_alike,
            self._crossed,
            self._replaced,
            self._thinned,
            self._joined_with_any,
        )
        made: list[str] = []
        while len(made) < count and self._texts:
            for row in self._draw.permutation(len(self._texts)):
                made += [self._blanks[row].join(way(int(row))) for way in ways]
                if len(made) >= count:
                    break
        return made[:count]

    def _learn(self, pieces: Pieces, blank: str, label: int) -> None:
        row = len(self._texts)
        self._texts.append(pieces)
        self._blanks.append(blank)
        self._class_of.append(label)
        self._of_class[label].append(row)
        for place, piece in enumerate(pieces):
            self._places[piece].append((row, place))
        for one, next_one in zip([_START, *pieces], [*pieces, _END], strict=True):
            self._after[one].append(next_one)
            self._before[next_one].append(one)

    def _continued_alike(self, row: int) -> Pieces:
        """The beginning of a text and the end of another of the same label."""
        return self._spliced(row, self._one_of(self._of_class[self._class_of[row]]))

    def _joined_with_any(self, row: int) -> Pieces:
        """The beginning of a text and the end of any other: what is between two labels."""
        return self._spliced(row, int(self._draw.integers(len(self._texts))))

    def _crossed(self, row: int) -> Pieces:
        """A text that goes over into another at a word that both have."""
        pieces = self._texts[row]
        for _ in range(5):
            cut = int(self._draw.integers(len(pieces)))
            other, place = self._one_of(self._places[pieces[cut]])
            if other != row:
                return pieces[:cut] + self._texts[other][place:]
        return pieces

    def _replaced(self, row: int) -> Pieces:
        """A text with a fifth of its words replaced by ones that elsewhere have the same neighbour."""
        pieces = list(self._texts[row])
        for place in np.flatnonzero(self._draw.random(len(pieces)) < 0.2):
            if self._draw.random() < 0.5:
                new = self._one_of(self._after[pieces[place - 1] if place else _START])
            else:
                new = self._one_of(self._before[pieces[place + 1] if place + 1 < len(pieces) else _END])
            if new not in {_START, _END}:
                pieces[place] = new
        return pieces

    def _thinned(self, row: int) -> Pieces:
        """A text without a fifth of its words."""
        pieces = self._texts[row]
        kept = self._draw.random(len(pieces)) >= 0.2
        return [piece for piece, is_kept in zip(pieces, kept, strict=True) if is_kept] or pieces

    def _spliced(self, row: int, other: int) -> Pieces:
        one, two = self._texts[row], self._texts[other]
        begin = int(self._draw.integers(1, len(one) + 1))
        return one[:begin] + two[int(self._draw.integers(0, len(two) + 1)) :]

    def _one_of(self, items: Sequence[T]) -> T:
        return items[int(self._draw.integers(len(items)))]


def _pieces(text: str) -> tuple[Pieces, str]:
    words = text.replace(_START, " ").replace(_END, " ").split()
    if len(words) > 1:
        return words, " "
    return (list(words[0]), "") if words else ([], "")
