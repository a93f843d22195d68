"""An answer's text is given out whole characters at a time, and never beyond a stop string."""

from hypothesis import given
from hypothesis import strategies as st

from suffice.models.decode.stream import TextStream


def streamed(data: bytes, cuts: list[int], stop: tuple[str, ...] = ()) -> tuple[list[str], TextStream]:
    """Returns what a stream gave out, piece by piece, for bytes that came cut."""
    stream, given_out, start = TextStream(stop), list[str](), 0
    for cut in [*sorted(cuts), len(data)]:
        if not stream.stopped:
            stream.push(data[start:cut])
            given_out.append(stream.take())
            start = cut
    stream.push(b"", is_last=True)
    return [*given_out, stream.take(is_last=True)], stream


@given(text=st.text(), cuts=st.lists(st.integers(0, 20), max_size=5))
def test_pieces_join_to_the_text(text: str, cuts: list[int]):
    """Wherever the bytes are cut, the pieces are the text, and none holds half a character."""
    data = text.encode("utf-8", "replace")
    pieces, stream = streamed(data, [min(cut, len(data)) for cut in cuts])
    assert data.decode() == stream.text == "".join(pieces)


@given(text=st.text("ab"), stop=st.text("ab", min_size=1, max_size=4), cuts=st.lists(st.integers(0, 9)))
def test_nothing_of_a_stop_string_comes_out(text: str, stop: str, cuts: list[int]):
    """The answer ends before the first stop string, however it was cut into tokens."""
    data = text.encode()
    pieces, stream = streamed(data, [min(cut, len(data)) for cut in cuts], (stop,))
    before, found, _ = text.partition(stop)
    assert before == "".join(pieces)
    assert bool(found) == stream.stopped


def test_half_a_character_at_the_end_is_replaced():
    """An answer that broke off within a character is still text."""
    assert ["", b"\\ufffd".decode("unicode_escape")] == streamed("é".encode()[:1], [])[0]


def test_the_tokenizers_own_space_is_dropped_once():
    """SentencePiece writes one space before a text: it is not the answer's."""
    stream = TextStream(drops_first_space=True)
    for data in (b" ", b" a", b" b"):
        stream.push(data)
    assert " a b" == stream.text
