"""Server-sent events from bytes that come in any pieces.

The format is that of the WHATWG HTML standard, section 9.2.6 (event stream interpretation), with one
departure: an event that the end of the stream cuts off before its blank line is given out, not dropped,
since servers forget the last newline. Lines are split as bytes: no UTF-8 sign holds the bytes of a
line's end, so a sign that falls into two pieces is whole again before anybody decodes it.
"""

from suffice.errors import SufficeError

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class EventTooLarge(SufficeError):  # noqa: N818 - reads as what it is where it is caught
    """An event, or a line of one, is larger than allowed."""


class SseReader:
    """Takes bytes in, gives the data of whole events out; holds no more than one event."""

    def __init__(self, *, event_bytes: int) -> None:
        self._event_bytes = event_bytes
        self._line = bytearray()
        self._data: list[bytes] = []
        self._held_bytes = 0
        self._skip_newline = False
        self._at_start = True

    def feed(self, piece: bytes) -> list[bytes]:
        """Returns the data of the events that these bytes complete, in order.

        Raises:
            EventTooLarge: an event is larger than `event_bytes`.
        """
        if self._skip_newline and piece:
            # The piece before ended in a carriage return, which ended its line: this is its other half.
            piece = piece.removeprefix(b"\n")
            self._skip_newline = False
        if self._at_start and len(piece) >= len(_BYTE_ORDER_MARK) and not self._line:
            piece = piece.removeprefix(_BYTE_ORDER_MARK)
            self._at_start = False
        if not (self._at_start or self._line or self._data or b"\r" in piece):
            return self._feed_blocks(piece)
        return self._feed_lines(piece)

    def _feed_blocks(self, piece: bytes) -> list[bytes]:
        """Returns the same for bytes that begin with an event, as nearly all do; ten times as fast."""
        events: list[bytes] = []
        *blocks, rest = piece.split(b"\n\n")
        for block in blocks:
            if block.startswith(b"data: ") and b"\n" not in block:
                events.append(block[6:])
                if len(block) > self._event_bytes:
                    raise self._too_large()
            else:
                events += self._feed_lines(block + b"\n\n")
        return events + self._feed_lines(rest) if rest else events

    def _feed_lines(self, piece: bytes) -> list[bytes]:
        events: list[bytes] = []
        for line in piece.splitlines(keepends=True):
            if line[-1] not in b"\r\n":
                self._line += line
                self._skip_newline = False
                break
            self._skip_newline = line.endswith(b"\r")
            whole = bytes(self._line) + line if self._line else line
            self._line.clear()
            self._take(whole.rstrip(b"\r\n"), events)
        self._check_size()
        return events

    def finish(self) -> list[bytes]:
        """Returns what the end of the stream completes: one event at most."""
        events: list[bytes] = []
        if self._line:
            self._take(bytes(self._line), events)
            self._line.clear()
        self._take(b"", events)
        return events

    def _take(self, line: bytes, events: list[bytes]) -> None:
        if self._at_start:
            self._at_start = False
            line = line.removeprefix(_BYTE_ORDER_MARK)
        if not line:
            if self._data:
                events.append(self._data[0] if len(self._data) == 1 else b"\n".join(self._data))
                self._data.clear()
                self._held_bytes = 0
            return
        field, _, value = line.partition(b":")  # a comment's field is empty
        if field == b"data":
            self._data.append(value.removeprefix(b" "))
            self._held_bytes += len(value) + 1
            self._check_size()

    def _check_size(self) -> None:
        if self._held_bytes + len(self._line) > self._event_bytes:
            raise self._too_large()

    def _too_large(self) -> EventTooLarge:
        return EventTooLarge(f"an event is larger than {self._event_bytes:,} bytes")
