"""Old segments removed for good: the log says so truthfully, and nobody else can remove anything."""

import fcntl
import json
import os
from datetime import timedelta

import pytest

from suffice.certify.signature import keys_in
from suffice.clock import FakeClock
from suffice.errors import ArtefactError, NotCertified, OutputError
from suffice.serve.audit import pruned
from suffice.serve.audit.exported import export
from suffice.serve.audit.log import Terms
from suffice.serve.audit.prove import prove_never_left
from suffice.serve.audit.pruning import prune
from suffice.serve.audit.reading import events_after
from suffice.serve.audit.segments import segments
from suffice.serve.audit.verify import verify
from suffice.serve.site.places import store_in
from suffice.serve.store.opened import open_store
from tests.unit.serve.audit.conftest import TERMS, Bench
from tests.unit.serve.audit.test_prove import run
from tests.unit.serve.audit.test_tampering import bodies, chained, problems
from tests.unit.serve.made_events import NOON, SHA, made_event

LATER = FakeClock(NOON + timedelta(days=90))
CALLS = 3  # a day


class DayClock(FakeClock):
    """A clock whose day is set by hand."""

    day = 0

    def now(self):
        """Returns noon of the day."""
        return NOON + timedelta(days=self.day)


def day(number):
    """Returns the morning of a day."""
    return NOON + timedelta(days=number, hours=-6)


def write_days(bench, days, *, first=0, terms=TERMS, **changes):
    """Writes some calls a day, a file for each, and closes the log."""
    clock = DayClock(NOON)
    clock.day = first
    with bench.open(clock, terms=terms, segment_bytes=1) as log:
        for number in range(first, first + days):
            clock.day = number
            for call in range(CALLS):
                log.write(made_event(number * CALLS + call, at=clock.now(), **changes))
            log.checkpoint()
            log.rotate()


def cut(bench, number, **given):
    """Prunes what was written before a day."""
    return prune(bench.folder, bench.keys, LATER, before=day(number), **given)


def file(bench, number):
    """Returns a segment's path."""
    return bench.folder / f"audit-{number:06d}.jsonl"


@pytest.fixture
def cut_bench(bench):
    """A log of six days, the first three of which were pruned."""
    write_days(bench, 6)
    cut(bench, 3)
    return bench


def test_whole_files_that_are_old_enough_go_and_verify_says_what_they_were(bench):
    """Their records, calls and times, when it was done, and the chain they ended in."""
    write_days(bench, 6)
    last = file(bench, 3).read_bytes().splitlines()[-1]
    removal, files = cut(bench, 3)
    assert ([4, 5, 6, 7], 3, 3 * CALLS) == (list(segments(bench.folder)), files, removal.calls)
    assert removal.head.encode() in last
    found = verify(bench.folder, bench.key)
    assert [] == [check for check in found.checks if not check.is_met]
    assert (removal,) == found.pruned
    assert (removal.last_seq + 1, 3 * CALLS) == (found.first_seq, found.events)
    assert f"records 0 to {removal.last_seq} (9 calls, 2026-11-20" in found.notes[0]
    assert (
        f"were pruned on 2027-02-18T12:00:00.123456+00:00; their chain ended in {removal.head}"
        in found.notes[0]
    )
    assert any("which were pruned" in words for words in found.blind)


def test_a_file_with_one_younger_record_stays_and_so_does_the_newest(bench):
    """A day's file goes when the whole day is older; the newest, and what no checkpoint follows, never."""
    write_days(bench, 3)
    assert (None, 0) == cut(bench, 0)
    assert (None, 0) == prune(bench.folder, bench.keys, LATER, before=NOON)
    _, files = cut(bench, 80)
    assert 3 == files
    assert [4] == list(segments(bench.folder))
    assert verify(bench.folder, bench.key).holds
    assert (None, 0) == cut(bench, 81)


def test_a_log_is_pruned_again_and_again(bench):
    """Each removal stays told; the gateway goes on in between."""
    write_days(bench, 4)
    first, _ = cut(bench, 2)
    write_days(bench, 4, first=4)
    second, _ = cut(bench, 6)
    found = verify(bench.folder, bench.key)
    assert (True, (first, second)) == (found.holds, found.pruned)
    assert (0, first.last_seq + 1) == (first.first_seq, second.first_seq)
    assert (2 * CALLS, 4 * CALLS, 2 * CALLS) == (first.calls, second.calls, found.events)
    assert 2 == sum("were pruned on" in note for note in found.notes)


def test_a_gateway_that_writes_is_not_in_the_way(bench):
    """The log is pruned while it is open, and its writer goes on."""
    clock = DayClock(NOON)
    with bench.open(clock, segment_bytes=1) as log:
        for number in range(5):
            clock.day = number
            log.write(made_event(number))
            log.rotate()
            log.checkpoint()
        assert 3 == cut(bench, 3)[1]
        log.write(made_event(9))
    found = verify(bench.folder, bench.key)
    assert (True, 3) == (found.holds, found.events)


def test_the_store_takes_over_what_is_left(cut_bench):
    """A new store gets the calls that are still in the log."""
    found = [event.id for _, _, event in events_after(cut_bench.folder, -1)]
    assert [f"req_{number}" for number in range(9, 18)] == found


def test_an_export_of_a_pruned_log_verifies_anywhere(cut_bench, tmp_path):
    """Its records have the numbers they always had."""
    out = tmp_path / "window.jsonl"
    window = export(cut_bench.folder, out, cut_bench.keys, LATER, since=day(4))
    whole = export(cut_bench.folder, tmp_path / "all.jsonl", cut_bench.keys, LATER)
    for path, calls, made in ((out, 6, window), (tmp_path / "all.jsonl", 9, whole)):
        found = verify(path, cut_bench.key)
        assert [] == [check for check in found.checks if not check.is_met]
        assert (calls, made.first_seq, made.last_seq) == (found.events, found.first_seq, found.last_seq)
    assert verify(cut_bench.folder, cut_bench.key).first_seq == whole.first_seq


def test_prove_speaks_of_what_is_left_alone(bench):
    """A call that left is no more known once it is pruned, and the verdict says so."""
    write_days(bench, 2, data_classes=frozenset({"phi"}), left_machine=True)
    write_days(bench, 2, first=2, data_classes=frozenset({"phi"}))
    assert not prove_never_left(bench.folder, bench.key, "phi").holds
    removal, _ = cut(bench, 2)
    proof = prove_never_left(bench.folder, bench.key, "phi")
    assert (True, 2 * CALLS) == (proof.holds, proof.calls)
    assert proof.first_seq > removal.last_seq
    assert f"nothing is shown of the records up to {removal.last_seq}, which were pruned" in proof.verdict
    before = prove_never_left(bench.folder, bench.key, "phi", until=day(2))
    assert (False, 0) == (before.holds, before.calls)
    assert "which were pruned" in before.verdict


def test_a_certificate_that_was_swapped_just_before_the_seam_holds(bench):
    """A call that began under the old one may end in the first file that is left."""
    clock = DayClock(NOON)
    with bench.open(clock, segment_bytes=1) as log:
        log.write(made_event(0))
        log.declare(Terms(certificates=frozenset({"cd" * 32})))
        log.rotate()
        log.write(made_event(1, certificate=SHA))
        log.checkpoint()
        clock.day = 1
        log.write(made_event(2, certificate="cd" * 32))
    sealed = prune(bench.folder, bench.keys, LATER, before=NOON + timedelta(seconds=1))
    assert (1, [2]) == (sealed[1], list(segments(bench.folder)))
    assert {} == problems(bench)


def test_the_command_removes_old_files_and_old_calls_of_the_store(bench, capsys):
    """It tells what went, and what it could not do."""
    write_days(bench, 3, first=-2000)
    clock = FakeClock(day(-1999))
    with open_store(store_in(bench.folder.parent), clock) as store:
        for _, _, event in events_after(bench.folder, -1):
            store.writer.put(event, run=None, seq=None, is_logged=False)
    before = day(-1998).isoformat()
    code, out = run(capsys, "prune", bench.folder, "--before", before, "--events")
    assert (0, 2) == (code, out.count("removed"))
    assert f"({2 * CALLS} calls, 2021-05-30T12:00:00.123456" in out
    assert f"removed {2 * CALLS} calls from the store" in out
    assert (
        f"nothing to remove: no whole file of the log was written before {before}"
        in (run(capsys, "prune", bench.folder, "--before", before)[1])
    )
    said = json.loads(run(capsys, "prune", bench.folder, "--before", before, "--events", "--json")[1])
    assert {"files": 0, "removed": None, "events": 0} == said
    proved = run(capsys, "prove", bench.folder, "--class", "phi", "--never-left", "local", "--json")
    assert (0, 1) == (proved[0], len(json.loads(proved[1])["pruned"]))
    assert "were pruned on" in run(capsys, "verify", bench.folder)[1]


def test_the_command_refuses_what_cannot_be_meant(bench, capsys, tmp_path):
    """A time to come, an export, a store without its flag; a log that does not verify leaves with 1."""
    write_days(bench, 3, first=-2000)
    export(bench.folder, tmp_path / "export.jsonl", bench.keys, LATER)
    for wrong in (
        (bench.folder, "--before", "2999-01-01"),
        (bench.folder, "--before", "soon"),
        (bench.folder, "--before", "2021-01-01", "--site", "site.yaml"),
        (tmp_path / "export.jsonl", "--before", "2021-01-01"),
        (bench.folder,),
    ):
        assert 2 == run(capsys, "prune", *wrong)[0]
    file(bench, 2).unlink()
    assert 1 == run(capsys, "prune", bench.folder, "--before", "2025-01-01")[0]
    assert [1, 3, 4] == list(segments(bench.folder))


# What somebody without the key may do to a pruned log.


def test_a_file_removed_without_the_key_is_seen(cut_bench):
    """The statement says how far was pruned, and no farther."""
    file(cut_bench, 4).unlink()
    assert "segment 5 follows segment 3" in problems(cut_bench)["segments"]


def test_a_statement_that_is_gone_is_seen(cut_bench):
    """Without it the first files are simply missing."""
    (cut_bench.folder / "audit-pruned.json").unlink()
    assert "begins with segment 4" in problems(cut_bench)["segments"]


def test_an_edited_statement_is_seen(cut_bench):
    """Its signature does not fit any more."""
    place = cut_bench.folder / "audit-pruned.json"
    text = place.read_text()
    at = text.index('"payload"') + 60
    place.write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])
    assert "which segments were pruned" in problems(cut_bench)["segments"]


def test_a_statement_by_another_key_is_seen(cut_bench, tmp_path):
    """Who can write the folder may not prune."""
    sealed = pruned.read(cut_bench.folder, cut_bench.key)
    file(cut_bench, 4).unlink()
    pruned.write(cut_bench.folder, sealed, keys_in(tmp_path / "others"))
    assert {"segments"} <= set(problems(cut_bench))


def test_an_older_statement_replayed_is_seen(bench):
    """It says less than is missing."""
    write_days(bench, 6)
    cut(bench, 2)
    older = (bench.folder / "audit-pruned.json").read_bytes()
    cut(bench, 4)
    (bench.folder / "audit-pruned.json").write_bytes(older)
    assert "segment 5 follows segment 2" in problems(bench)["segments"]


def test_a_statement_of_another_log_of_the_same_key_is_seen(cut_bench, tmp_path):
    """It names its log."""
    other = Bench(tmp_path / "other")
    other.keys, other.key = cut_bench.keys, cut_bench.key
    write_days(other, 6)
    cut(other, 3)
    statement = (other.folder / "audit-pruned.json").read_bytes()
    (cut_bench.folder / "audit-pruned.json").write_bytes(statement)
    assert "is of another log" in problems(cut_bench)["segments"]


def test_an_edited_record_of_a_pruned_log_is_seen(cut_bench):
    """With and without the chain made anew: the first line left is bound to what was removed."""
    path = file(cut_bench, 4)
    kept = path.read_bytes()
    path.write_bytes(kept.replace(b'"route":"tickets"', b'"route":"urgency"', 1))
    assert "chain" in problems(cut_bench)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(chained(bodies(lines))))
    assert {"chain", "checkpoints"} & set(problems(cut_bench))


def test_a_record_cut_out_of_a_pruned_log_is_seen(cut_bench):
    """In its first file, and in its last."""
    for number, at in ((4, 3), (7, 1)):
        kept = file(cut_bench, number).read_bytes()
        lines = kept.splitlines(keepends=True)
        file(cut_bench, number).write_bytes(b"".join(lines[:at] + lines[at + 1 :]))
        assert "chain" in problems(cut_bench)
        file(cut_bench, number).write_bytes(kept)


def test_the_cut_tail_of_a_pruned_log_is_seen(cut_bench):
    """The anchor knows more."""
    file(cut_bench, 7).unlink()
    file(cut_bench, 6).unlink()
    assert "its tail was cut" in problems(cut_bench)["anchor"]


def test_a_log_cut_down_to_nothing_behind_the_statement_is_no_log(cut_bench):
    """Nor does a gateway go on in it."""
    for number in (4, 5, 6, 7):
        file(cut_bench, number).unlink()
    with pytest.raises(ArtefactError, match="no audit log"):
        verify(cut_bench.folder, cut_bench.key)
    with pytest.raises(ArtefactError, match="the folder is empty"):
        cut_bench.open()


def test_a_pruned_log_whose_anchor_and_signatures_are_gone_is_not_gone_on_with(cut_bench):
    """What is left names no anchor, but only a log that had one was ever pruned."""
    for number in (5, 6, 7):
        file(cut_bench, number).unlink()
    first = file(cut_bench, 4).read_bytes().splitlines(keepends=True)[0]
    file(cut_bench, 4).write_bytes(first)
    cut_bench.anchor.unlink()
    with pytest.raises(ArtefactError, match="had an anchor"):
        cut_bench.open()


def test_a_log_that_does_not_verify_is_not_pruned(bench):
    """Pruning would remove what shows the change."""
    write_days(bench, 4)
    path = file(bench, 2)
    path.write_bytes(path.read_bytes().replace(b'"tickets"', b'"urgency"', 1))
    with pytest.raises(NotCertified, match="nothing is pruned"):
        cut(bench, 3)
    assert [1, 2, 3, 4, 5] == list(segments(bench.folder))
    assert pruned.read(bench.folder, bench.key) is None


def test_a_prune_that_was_interrupted_is_ended_by_the_next(bench, tmp_path):
    """The statement comes first: files that are still there, or put back, are no part of the log any more."""
    write_days(bench, 4)
    kept = {number: path.read_bytes() for number, path in segments(bench.folder).items()}
    removal, _ = cut(bench, 3)
    file(bench, 2).write_bytes(kept[2])
    file(bench, 3).write_bytes(b"anything")
    found = verify(bench.folder, bench.key)
    assert (True, removal.last_seq + 1) == (found.holds, found.first_seq)
    whole = export(bench.folder, tmp_path / "all.jsonl", bench.keys, LATER)
    assert found.first_seq == whole.first_seq
    assert (None, 2) == cut(bench, 3)
    assert [4, 5] == list(segments(bench.folder))


def test_one_process_prunes_at_a_time(bench):
    """The second is told."""
    write_days(bench, 3)
    handle = os.open(bench.folder / "prune-lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    with pytest.raises(OutputError, match="another process prunes"):
        cut(bench, 2)
    os.close(handle)
    assert 2 == cut(bench, 2)[1]
