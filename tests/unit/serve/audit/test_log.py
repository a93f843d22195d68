"""Writing a log: torn lines, segments, full disks, one writer, what it costs."""

import os
import resource
import threading
import time
from datetime import datetime, timedelta

import pytest

from suffice.clock import FakeClock
from suffice.errors import ArtefactError, OutputError, SpecError
from suffice.ports import Usage
from suffice.serve.audit.chain import parse
from suffice.serve.audit.keeper import Keeper
from suffice.serve.audit.log import Terms
from suffice.serve.audit.reading import events_after
from suffice.serve.audit.segments import end_of
from suffice.serve.audit.verify import verify
from tests.unit.serve.audit.conftest import TERMS, Bench
from tests.unit.serve.made_events import NOON, SHA, made_event, made_events


class SteppingClock(FakeClock):
    """A clock whose date is set by hand."""

    def __init__(self, *moments):
        super().__init__(NOON)
        self._moments = list(moments)

    def now(self) -> datetime:
        """Returns the next moment; the last one stays."""
        return self._moments.pop(0) if len(self._moments) > 1 else self._moments[0]


def test_events_come_back_as_they_were(bench):
    """Every field but the contents, with the opening and the number of their record."""
    with bench.open() as log:
        for event in made_events(3, request_text="secret", response_text="secret"):
            log.write(event)
    found = list(events_after(bench.folder, -1))
    assert made_events(3) == [event for _, _, event in found]
    assert [(log.run, seq) for seq in (4, 5, 6)] == [(run, seq) for run, seq, _ in found]
    assert made_events(3)[1:] == [event for _, _, event in events_after(bench.folder, 4)]


def test_contents_are_written_only_where_asked_for(bench, tmp_path):
    """By default a log holds no text of a request or an answer, nor anything but their hashes."""
    event = made_event(0, request_text="my secret", response_text="billing", requested_model="a\ud800\x00")
    with bench.open() as log:
        log.write(event)
    assert b"my secret" not in bench.file.read_bytes()
    full = Bench(tmp_path, "full")
    with full.open(contents=True) as log:
        log.write(event)
    assert [event] == [found for _, _, found in events_after(full.folder, -1)]


def test_numbers_beyond_64_bits_are_written(bench):
    """What a server claims of its tokens must not keep the record out."""
    event = made_event(0, usage=Usage(input_tokens=2**70))
    with bench.open() as log:
        assert (4, True) == log.write(event)
    assert [event] == [found for _, _, found in events_after(bench.folder, -1)]
    assert verify(bench.folder, bench.key).holds


def test_a_torn_last_line_is_cut_off_and_recorded_and_the_chain_goes_on(bench):
    """As a kill leaves it: reported by `verify`, mended by the next opening, never forgotten."""
    bench.write(10)
    with bench.file.open("ab") as file:
        file.write(b'{"seq":99,"t":"2026-')
    found = verify(bench.folder, bench.key)
    assert found.holds
    assert any("torn" in note for note in found.notes)
    with bench.open() as log:
        log.write(made_event(11))
    found = verify(bench.folder, bench.key)
    assert (True, 11) == (found.holds, found.events)
    assert any("torn last line was cut off" in note for note in found.notes)


def test_a_kill_before_a_new_segments_first_line_is_mended(bench):
    """An empty or torn newest file: the chain goes on from the one before it."""
    bench.write(3)
    end = end_of(bench.folder)
    for torn in (b"", b'{"seq"'):
        (bench.folder / "audit-000002.jsonl").write_bytes(torn)
        found = end_of(bench.folder)
        assert (2, 0, end.seq) == (found.segment, found.size_bytes, found.seq)
    with bench.open() as log:
        log.write(made_event(4))
    assert verify(bench.folder, bench.key).holds


def test_segments_rotate_and_the_chain_goes_on(bench):
    """Each file begins with the chain before it, and repeats the terms."""
    bench.write(30, segment_bytes=4000)
    files = sorted(bench.folder.glob("audit-*.jsonl"))
    kinds = [[parse(line)["kind"] for line in path.read_bytes().splitlines()[:2]] for path in files[1:]]
    assert len(files) > 3
    assert [["segment", "terms"]] * len(kinds) == kinds
    found = verify(bench.folder, bench.key)
    assert (True, 30) == (found.holds, found.events)
    assert 30 == len(list(events_after(bench.folder, -1)))
    assert made_events(30)[20:] == [
        e for _, _, e in events_after(bench.folder, list(events_after(bench.folder, -1))[19][1])
    ]


def test_a_log_is_continued_by_the_next_process(bench):
    """The same name, numbers that go on, another opening."""
    first = bench.write(2)
    second = bench.write(2)
    assert (first.log, True) == (second.log, first.run != second.run)
    assert (True, 4) == (verify(bench.folder, bench.key).holds, verify(bench.folder, bench.key).events)


def test_one_process_writes_a_log(bench):
    """A second one is refused, and may once the first has closed it."""
    with bench.open(), pytest.raises(OutputError, match=r"is taken: process \d+ writes"):
        bench.open()
    bench.open().close()


def test_the_anchor_lies_elsewhere(bench):
    """In the log's own folder it would be exchanged with it."""
    bench.anchor = bench.folder / "anchor.json"
    with pytest.raises(SpecError, match="own folder"):
        bench.open()


def test_a_full_disk_holds_records_back_and_none_is_lost(bench):
    """Half a line is taken back; once there is room all records are written, in order."""
    log = bench.open()
    log.write(made_event(0))
    size = bench.file.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
    try:
        written = [log.write(event) for event in made_events(3)]
        log.checkpoint()
        log.retry()
        health = log.health()
        assert size == bench.file.stat().st_size
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert ([(5, False), (6, False), (7, False)], 3) == (written, health.held)
    assert health.why
    log.retry()
    assert ("", 0) == (log.health().why, log.health().held)
    log.close()
    assert (True, 4) == (verify(bench.folder, bench.key).holds, verify(bench.folder, bench.key).events)


def test_beyond_the_bound_records_are_lost_and_counted(bench):
    """Memory is bounded: the loss is told, and the chain has no hole."""
    log = bench.open(held_records=2)
    good, log._file = log._file, os.open("/dev/full", os.O_WRONLY)
    assert [(4, False), (5, False), None] == [log.write(event) for event in made_events(3)]
    assert (2, 1) == (log.health().held, log.health().lost)
    os.close(log._file)
    log._file = good
    log.close()
    assert (True, 2) == (verify(bench.folder, bench.key).holds, verify(bench.folder, bench.key).events)


def test_an_anchor_that_cannot_be_written_is_told(bench):
    """The log goes on; `verify` takes the older anchor, since the log says how far it had come."""
    log = bench.open()
    log.write(made_event(0))
    older = bench.anchor.read_text()
    bench.anchor.unlink()
    bench.anchor.mkdir()
    log.checkpoint()
    assert log.health().anchor_why
    bench.anchor.rmdir()
    bench.anchor.write_text(older)
    found = verify(bench.folder, bench.key)
    assert found.holds
    log.checkpoint()
    assert "" == log.health().anchor_why
    log.close()


def test_a_clock_that_goes_back_is_told_and_the_log_holds(bench):
    """Times are those of the gateway's clock; the order is the chain's."""
    early = NOON - timedelta(seconds=90)
    with bench.open(SteppingClock(NOON, NOON, NOON, NOON, early)) as log:
        log.write(made_event(0))
    found = verify(bench.folder, bench.key)
    assert found.holds
    assert any("clock went back, by up to 90 s" in note for note in found.notes)


def test_a_call_that_began_under_the_old_certificate_may_end_after_a_reload(bench):
    """For a while the certificates before the change are good too."""
    with bench.open() as log:
        log.declare(Terms(certificates=frozenset({"cd" * 32})))
        log.write(made_event(0, certificate=SHA))
        log.write(made_event(1, certificate="cd" * 32))
    assert verify(bench.folder, bench.key).holds


def test_a_log_that_lost_its_anchor_is_not_continued(bench):
    """Somebody may have removed it to hide a cut tail, and a new one would vouch for what is left."""
    bench.write(4)
    bench.rewrite(bench.lines()[:9])
    bench.anchor.unlink()
    with pytest.raises(ArtefactError, match="had an anchor, and there is none"):
        bench.open()
    assert not bench.anchor.exists()


def test_a_kill_before_the_first_anchor_is_no_loss_of_it(bench):
    """The log does not say yet that it had one."""
    log = bench.open()
    bench.anchor.unlink()
    os.close(log._process_lock)  # as a kill frees it
    os.close(log._file)
    with bench.open() as log:
        log.write(made_event(0))
    assert verify(bench.folder, bench.key).holds


def test_the_keeper_syncs_and_signs(bench):
    """Records are signed without anybody asking, and closing twice is harmless."""
    log = bench.open(sync_s=0.01, checkpoint_s=0.0)
    keeper = Keeper(log, FakeClock(NOON, step_s=1.0))
    log.write(made_event(0))
    while log.unsigned:
        time.sleep(0.005)
    keeper.close()
    keeper.close()
    found = verify(bench.folder, bench.key)
    assert (True, found.records - 2) == (found.holds, found.signed_seq)


def test_a_key_that_is_no_longer_the_signers_does_not_go_on(bench, tmp_path):
    """The anchor was signed by another key: the operator must say so by moving it."""
    bench.write(2)
    other = Bench(tmp_path / "other")
    bench.keys = other.keys
    with pytest.raises(ArtefactError, match="cannot be trusted"):
        bench.open(terms=TERMS)


def test_certificates_that_change_while_a_checkpoint_is_signed_hold(bench):
    """A checkpoint names those in use at the record it commits to, not where it stands."""
    log = bench.open()
    stop = threading.Event()

    def work():
        while not stop.is_set():
            log.checkpoint()

    signing = threading.Thread(target=work)
    signing.start()
    for number in range(300):
        log.declare(Terms(certificates=frozenset({SHA, f"{number % 7:064x}"})))
        time.sleep(0.0002)
    stop.set()
    signing.join()
    log.close()
    assert verify(bench.folder, bench.key).holds


def test_a_log_that_is_being_written_holds(bench):
    """Records, checkpoints, new files and anchors come while `verify` reads: no false alarm."""
    log = bench.open(segment_bytes=20_000)
    stop = threading.Event()

    def work():
        while not stop.wait(0.001):
            for event in made_events(3):
                log.write(event)
            log.checkpoint()
            log.rotate()

    writing = threading.Thread(target=work)
    writing.start()
    try:
        found = [verify(bench.folder, bench.key) for _ in range(20)]
    finally:
        stop.set()
        writing.join()
        log.close()
    assert [] == [check for result in found for check in result.checks if not check.is_met]
    assert found[-1].events > found[0].events
