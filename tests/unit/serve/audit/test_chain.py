"""The chain as a property: whatever byte is changed before the newest checkpoint, it is seen."""

import shutil

from hypothesis import given, settings
from hypothesis import strategies as st

from suffice.serve.audit.chain import START, body_of, line_of, link, parse, take_apart
from suffice.serve.audit.verify import verify
from tests.unit.serve.audit.conftest import Bench

_TEXTS = st.text(st.characters(exclude_categories=()), max_size=30)
_VALUES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _TEXTS


@given(st.lists(st.dictionaries(_TEXTS, _VALUES, max_size=4), min_size=1, max_size=6))
@settings(max_examples=100, deadline=None)
def test_a_line_gives_back_its_body_and_links_to_all_before(records):
    """Whatever texts, lone surrogates included, and whatever numbers a record holds."""
    head = START
    for seq, record in enumerate(records):
        body = body_of({"seq": seq, **{f"x{name}": value for name, value in record.items()}})
        head = link(head, body)
        line = line_of(body, head)
        assert (body, head) == take_apart(line[:-1])
        assert 1 == line.count(b"\n")
        assert seq == parse(line)["seq"]


def test_any_changed_byte_is_seen(tmp_path):
    """Any byte that the anchor vouches for, changed to any other: `verify` says so, without an error."""
    bench = Bench(tmp_path)
    bench.write(6)
    whole = bench.file.read_bytes()
    signed = bench.lines()[-1]  # the last checkpoint itself is vouched for by its own signature only
    place = bench.file

    @given(st.integers(0, len(whole) - len(signed) - 1), st.integers(1, 255))
    @settings(max_examples=150, deadline=None)
    def changed(at, by):
        place.write_bytes(whole[:at] + bytes([whole[at] ^ by]) + whole[at + 1 :])
        assert not verify(bench.folder, bench.key, anchor=bench.anchor).holds

    changed()
    place.write_bytes(whole)
    assert verify(bench.folder, bench.key).holds


def test_any_cut_of_the_signed_part_is_seen(tmp_path):
    """The file cut after any byte that the anchor vouches for."""
    bench = Bench(tmp_path)
    bench.write(4)
    whole = bench.file.read_bytes()
    vouched = len(whole) - len(bench.lines()[-1])

    @given(st.integers(1, vouched - 1))
    @settings(max_examples=60, deadline=None)
    def cut(at):
        bench.file.write_bytes(whole[:at])
        assert not verify(bench.folder, bench.key, anchor=bench.anchor).holds

    cut()
    shutil.rmtree(bench.folder)
