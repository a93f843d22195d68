"""What somebody may do to a log, one test each: `verify` sees it, and says where."""

import json
import shutil

import pytest

from suffice.certify.signature import keys_in
from suffice.errors import ArtefactError
from suffice.serve.audit import checkpoints, opening
from suffice.serve.audit.chain import START, body_of, line_of, link, parse, take_apart
from suffice.serve.audit.verify import verify
from tests.unit.serve.audit.conftest import Bench
from tests.unit.serve.made_events import NOON, made_event


def problems(bench, **given):
    """Returns what does not hold, by the name of the check."""
    found = verify(bench.folder, given.pop("key", bench.key), **given)
    return {check.name: check.detail for check in found.checks if not check.is_met}


def index_of(lines, kind, nth=0):
    """Returns where the nth record of a kind stands."""
    return [i for i, line in enumerate(lines) if parse(line)["kind"] == kind][nth]


def chained(bodies):
    """Returns the lines of records, chained anew as somebody could who does not have the key."""
    head, lines = START, []
    for body in bodies:
        head = link(head, body)
        lines.append(line_of(body, head))
    return lines


def bodies(lines):
    """Returns the records' bodies."""
    return [take_apart(line[:-1])[0] for line in lines]


def test_an_untouched_log_holds(bench):
    """Every check is met, the whole log is signed, and what cannot be seen is said."""
    bench.write()
    found = verify(bench.folder, bench.key)
    assert [] == [check for check in found.checks if not check.is_met]
    assert {"segments", "chain", "checkpoints", "certificates", "anchor"} == {c.name for c in found.checks}
    assert (10, found.records - 2, ()) == (found.events, found.signed_seq, found.notes)
    assert any("signing key" in words for words in found.blind)
    assert not any("not signed yet" in words for words in found.blind)


def test_an_edited_record_is_seen(bench):
    """One character of one call."""
    bench.write()
    lines = bench.lines()
    at = index_of(lines, "event", 4)
    lines[at] = lines[at].replace(b'"route":"tickets"', b'"route":"urgency"')
    bench.rewrite(lines)
    assert f"record {at} " in problems(bench)["chain"]


def test_a_space_put_into_a_record_is_seen(bench):
    """The bytes are what counts, not the JSON they mean."""
    bench.write()
    lines = bench.lines()
    lines[5] = lines[5].replace(b",", b", ", 1)
    bench.rewrite(lines)
    assert "record 5 " in problems(bench)["chain"]


def test_an_edited_record_with_the_chain_made_anew_is_seen(bench):
    """The checkpoints after it are signed, so that a chain made anew does not fit them."""
    bench.write()
    lines = bench.lines()
    at = index_of(lines, "event", 4)
    lines[at] = lines[at].replace(b'"left_machine":false', b'"left_machine":true')
    bench.rewrite(chained(bodies(lines)))
    found = problems(bench)
    assert {"checkpoints", "anchor"} == set(found)
    assert "was changed" in found["checkpoints"]


def test_a_deleted_record_is_seen(bench):
    """One line taken out of the middle."""
    bench.write()
    lines = bench.lines()
    del lines[6]
    bench.rewrite(lines)
    assert "records 6 to 6 are missing" in problems(bench)["chain"]


def test_reordered_records_are_seen(bench):
    """Two lines change places."""
    bench.write()
    lines = bench.lines()
    lines[5], lines[6] = lines[6], lines[5]
    bench.rewrite(lines)
    assert "record 5 stands where" in problems(bench)["chain"]


def test_an_inserted_record_is_seen(bench):
    """A call that never was, with a chain of its own that fits."""
    bench.write()
    lines = bench.lines()
    body, head = take_apart(lines[5][:-1])
    made = body.replace(b'"seq":5', b'"seq":6')
    lines.insert(6, line_of(made, link(head, made)))
    bench.rewrite(lines)
    assert "put in or moved" in problems(bench)["chain"]


def test_a_repeated_record_is_seen(bench):
    """The same line twice."""
    bench.write()
    lines = bench.lines()
    lines.insert(6, lines[5])
    bench.rewrite(lines)
    assert "record 5 stands where record 6 should" in problems(bench)["chain"]


def test_a_cut_tail_is_seen(bench):
    """The last calls and their checkpoints are gone; what is left is a perfect log, but for the anchor."""
    bench.write()
    lines = bench.lines()
    bench.rewrite(lines[: index_of(lines, "checkpoint", 1) + 1])
    found = problems(bench)
    assert {"anchor"} == set(found)
    assert "tail was cut" in found["anchor"]


def test_a_tail_cut_within_a_line_is_seen(bench):
    """A torn line is forgiven only after what the anchor vouches for."""
    bench.write()
    bench.file.write_bytes(bench.file.read_bytes()[:-2000])
    assert "tail was cut" in problems(bench)["anchor"]


def test_an_emptied_folder_is_seen(bench):
    """A segment without a record, and no segment at all."""
    bench.write()
    bench.file.write_bytes(b"")
    assert {"checkpoints", "anchor"} == set(problems(bench, anchor=bench.anchor))
    bench.file.unlink()
    with pytest.raises(ArtefactError, match="no audit log"):
        verify(bench.folder, bench.key, anchor=bench.anchor)


def test_a_swapped_file_is_seen(bench, tmp_path):
    """Another whole log of the same gateway and key, in the place of this one."""
    bench.write()
    other = Bench(tmp_path, "other")
    other.write(5)
    shutil.copy(other.file, bench.file)
    assert "another log" in problems(bench, anchor=bench.anchor)["anchor"]


def test_an_earlier_copy_of_the_same_log_is_seen(bench):
    """The whole file as it was a while ago."""
    bench.write()
    earlier = bench.file.read_bytes()
    with bench.open() as log:
        log.write(made_event(11))
    bench.file.write_bytes(earlier)
    assert "tail was cut" in problems(bench)["anchor"]


def test_a_log_made_anew_without_the_key_is_seen(bench, tmp_path):
    """Every record chained and signed, by somebody else's key."""
    bench.write()
    forger = Bench(tmp_path / "forger")
    forger.write(10)
    shutil.copy(forger.file, bench.file)
    assert "not by the trusted key" in problems(bench, anchor=bench.anchor)["checkpoints"]


def test_the_wrong_key_is_told(bench, tmp_path):
    """A log is checked against the key of another signer."""
    bench.write()
    other = keys_in(tmp_path / "other").private.public_key()
    found = problems(bench, key=other)
    assert "not by the trusted key" in found["checkpoints"]
    assert "not by the trusted key" in found["anchor"]


def test_a_removed_checkpoint_is_seen(bench):
    """Nothing signed is left: the records alone vouch for nothing."""
    bench.write(2)
    kept = [body for body in bodies(bench.lines()) if b'"kind":"checkpoint"' not in body]
    again = [body_of({**parse(body), "seq": seq}) for seq, body in enumerate(kept)]
    bench.rewrite(chained(again))
    assert "nothing is signed" in problems(bench)["checkpoints"]


def test_a_replayed_checkpoint_of_this_log_is_seen(bench):
    """An older checkpoint in the place of a newer one, the chain made anew."""
    bench.write()
    every = bodies(bench.lines())
    old, new = [i for i, body in enumerate(every) if b'"kind":"checkpoint"' in body][1:3]
    every[new] = body_of({**parse(every[new]), "envelope": parse(every[old])["envelope"]})
    bench.rewrite(chained(every))
    assert "replayed" in problems(bench)["checkpoints"]


def test_a_replayed_checkpoint_of_another_log_is_seen(bench, tmp_path):
    """A checkpoint that the same key signed for another log."""
    bench.write()
    other = Bench(tmp_path, "other")
    other.write()
    lines, others = bodies(bench.lines()), bodies(other.lines())
    at = index_of(bench.lines(), "checkpoint", 1)
    lines[at] = others[at]
    bench.rewrite(chained(lines))
    assert "another log" in problems(bench)["checkpoints"]


def test_an_older_anchor_is_seen(bench):
    """The anchor put back to an earlier state: the log says how far it had come."""
    bench.write(3)
    older = bench.anchor.read_text()
    bench.write(6)
    bench.anchor.write_text(older)
    assert "older one" in problems(bench)["anchor"]


def test_a_replayed_certificate_is_seen(bench):
    """An answer under a certificate that was not in use, from a bundle put back."""
    with bench.open() as log:
        log.write(made_event(1, certificate="cd" * 32))
    assert "certificate cdcd" in problems(bench)["certificates"]


def test_a_lost_first_segment_is_seen(bench):
    """The log begins with its second file."""
    bench.write(30, segment_bytes=4000)
    first = min(bench.folder.glob("audit-*.jsonl"))
    first.unlink()
    assert "those before it are missing" in problems(bench)["segments"]


def test_a_gap_between_segments_is_seen(bench):
    """One of the middle files is gone."""
    bench.write(30, segment_bytes=4000)
    sorted(bench.folder.glob("audit-*.jsonl"))[2].unlink()
    assert "there is a gap" in problems(bench)["segments"]


def test_a_missing_anchor_is_told(bench):
    """Without it nobody can say that the tail is whole."""
    bench.write()
    bench.anchor.unlink()
    assert "no anchor" in problems(bench)["anchor"]


def test_a_cut_tail_hidden_by_a_start_without_the_anchor_is_seen(bench, monkeypatch):
    """A gateway of another version went on in what was left, and made the anchor anew."""
    bench.write()
    bench.rewrite(bench.lines()[:9])
    bench.anchor.unlink()
    monkeypatch.setattr(opening, "_check_unanchored", lambda *_: None)
    bench.write(2)
    assert "went on without it" in problems(bench)["anchor"]


def test_a_segment_shadowed_by_a_copy_under_another_number_of_digits_is_seen(bench):
    """The file that people read is the one that is verified."""
    bench.write()
    shutil.copy(bench.file, bench.folder / "audit-0000001.jsonl")
    edited = bench.folder / "audit-000001.jsonl"
    edited.write_bytes(edited.read_bytes().replace(b'"left_machine":false', b'"left_machine":true'))
    assert "chain" in problems(bench)


def test_an_anchor_of_any_bytes_is_told(bench):
    """What is no text is no anchor, for `verify` and at a start."""
    bench.write()
    bench.anchor.write_bytes(b"\xff\xfe")
    assert "damaged" in problems(bench)["anchor"]
    with pytest.raises(ArtefactError, match="cannot be trusted"):
        bench.open()


def test_the_anchor_of_another_log_is_seen(bench, tmp_path):
    """A signed checkpoint of the same key, for another log."""
    bench.write()
    other = Bench(tmp_path, "other")
    other.write()
    shutil.copy(other.anchor, bench.anchor)
    assert "another log" in problems(bench)["anchor"]


def test_garbage_is_no_reason_to_stop(bench):
    """Bytes that are no JSON in the middle of the file."""
    bench.write()
    lines = bench.lines()
    lines[4] = b"\xff\xfe garbage\n"
    bench.rewrite(lines)
    assert "record 4 is no record" in problems(bench)["chain"]


def test_a_gateway_does_not_go_on_in_a_log_that_was_tampered_with(bench):
    """Opening finds a broken chain, a cut tail, another log: nothing is added that would hide it."""
    bench.write()
    whole = bench.lines()
    edited = [line.replace(b'"status":200', b'"status":500') for line in whole]
    for lines in (edited, whole[:8]):
        bench.rewrite(lines)
        with pytest.raises(ArtefactError):
            bench.open()
    bench.file.unlink()
    with pytest.raises(ArtefactError, match="the folder is empty"):
        bench.open()


def test_an_event_after_the_last_checkpoint_is_told_to_be_unsigned(bench):
    """Until the next checkpoint who can write the file could change it: `blind` says so, and how many."""
    log = bench.open()
    log.write(made_event(1))
    found = verify(bench.folder, bench.key)
    log.close()
    assert found.holds
    assert any("not signed yet" in words for words in found.blind)
    assert found.signed_seq < found.last_seq


def test_a_checkpoint_says_what_it_commits_to(bench):
    """Sequence, chain, length, time and certificates are in the signed statement."""
    bench.write()
    point = checkpoints.opened(bench.anchor.read_text(), bench.key)
    before = b"".join(bench.lines()[: point.seq + 1])
    assert (len(before), NOON.isoformat()) == (point.length_bytes, point.at)
    assert json.loads(bench.lines()[point.seq])["chain"] == point.head
