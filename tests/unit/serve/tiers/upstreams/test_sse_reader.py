"""Server-sent events are the same however their bytes are split."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.serve.tiers.upstreams.sse_reader import EventTooLarge, SseReader


def read(*pieces, event_bytes=1 << 20):
    """Returns the events of a stream that comes in these pieces."""
    reader = SseReader(event_bytes=event_bytes)
    return [event for piece in pieces for event in reader.feed(piece)] + reader.finish()


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\r\n\n", [b"a"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data:a\n\ndata:  b\n\n", [b"a", b" b"]),
        (b"data\n\n", [b""]),
        (b": ping\n\nevent: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"data: \xef\xbb\xbf\n\n", [b"\xef\xbb\xbf"]),
        (b"data: a", [b"a"]),
        (b"data: a\n", [b"a"]),
        (b"\n\n\n", []),
        (b"", []),
        (b"database: a\n\n", []),
        ("data: äöü\u2028x\x0b\n\n".encode(), ["äöü\u2028x\x0b".encode()]),
    ],
)
def test_events(stream, events):
    """The forms that the standard allows, and a forgotten last newline."""
    assert events == read(stream)


LINES = st.sampled_from(
    [
        b"data: {}",
        "data: ä€😀".encode(),
        b"data",
        b": ping",
        b"event: x",
        b"",
        b"",
        b"junk",
        b"\xef\xbb\xbfdata: b",
    ]
)
ENDS = st.sampled_from([b"\n", b"\r\n", b"\r"])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(LINES, ENDS), max_size=12), st.data())
def test_every_way_of_splitting_gives_the_same_events(lines, data):
    """What comes in one piece, in single bytes or in any pieces between says the same."""
    stream = b"".join(line + end for line, end in lines)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[a:b] for a, b in zip([0, *cuts], [*cuts, len(stream)], strict=True)]
    whole = read(stream)
    assert whole == read(*pieces)
    assert whole == read(*[stream[i : i + 1] for i in range(len(stream))])


@pytest.mark.parametrize(
    "pieces",
    [
        [b"data: " + b"x" * 2000],
        [b": hi\n\n", b"data: " + b"x" * 2000 + b"\n\n"],
        [b"x" * 600] * 4,
        [b"data: xxxxxxx\n"] * 200,
        [b"data\n" * 2000],
    ],
    ids=["one_line", "one_event", "a_line_without_end", "many_lines", "empty_lines"],
)
def test_an_event_that_grows_too_large_ends_the_stream(pieces):
    """Neither a line nor an event can take more memory than allowed."""
    with pytest.raises(EventTooLarge, match="larger than 1,000 bytes"):
        read(*pieces, event_bytes=1000)


def test_many_small_events_are_no_large_one():
    """The limit is for one event."""
    assert 500 == len(read(*[b"data: xxxxxxx\n\n"] * 500, event_bytes=100))
