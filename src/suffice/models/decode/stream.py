"""An answer's bytes as text, given out as soon as it is certain: whole characters, and no stop string."""

from __future__ import annotations

import codecs
from collections.abc import Sequence


class TextStream:
    """Collects the bytes of an answer's tokens.

    `drops_first_space`: the tokenizer puts a space before every text, which is not the answer's.
    """

    def __init__(self, stop: Sequence[str] = (), *, drops_first_space: bool = False) -> None:
        self._stop = tuple(text for text in stop if text)
        self._longest = max(map(len, self._stop), default=0)
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._drops = drops_first_space
        self._given = 0
        self.text = ""
        self.stopped = False

    def push(self, data: bytes, *, is_last: bool = False) -> None:
        """Takes bytes; sets `stopped`, and cuts the text there, where a stop string has come."""
        new = self._decoder.decode(data, is_last)
        if self._drops and new:
            new, self._drops = new.removeprefix(" "), False
        searched = max(0, len(self.text) - self._longest + 1)
        self.text += new
        found = [at for at in (self.text.find(stop, searched) for stop in self._stop) if at >= 0]
        if found:
            self.text, self.stopped = self.text[: min(found)], True

    def take(self, *, is_last: bool = False) -> str:
        """Returns what is certain and was not given yet; at the end all the rest."""
        end = len(self.text)
        if not (is_last or self.stopped):
            end -= self._held()
        new = self.text[self._given : max(end, self._given)]
        self._given += len(new)
        return new

    def _held(self) -> int:
        """Returns how many characters at the end may be the beginning of a stop string."""
        for size in range(min(self._longest - 1, len(self.text)), 0, -1):
            tail = self.text[-size:]
            if any(stop.startswith(tail) for stop in self._stop):
                return size
        return 0
